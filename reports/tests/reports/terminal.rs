//! The report for people at a terminal.

use xmppspec_reports::{Format, GateOptions, Options, Verbosity, render};

use crate::sample;

fn report(options: &Options<'_>) -> String {
    render(Format::Terminal, &sample::results(), options).unwrap()
}

#[test]
fn normal() {
    insta::assert_snapshot!(report(&sample::options()));
}

#[test]
fn narrow() {
    let text = report(&Options {
        width: 50,
        ..sample::options()
    });
    insta::assert_snapshot!(text);
}

#[test]
fn quiet() {
    insta::assert_snapshot!(report(&Options {
        verbosity: Verbosity::Quiet,
        ..sample::options()
    }));
}

#[test]
fn verbose_and_strict() {
    let gate = GateOptions {
        strict: true,
        ..GateOptions::default()
    };
    insta::assert_snapshot!(report(&Options {
        verbosity: Verbosity::Verbose,
        gate,
        width: 100,
        ..sample::options()
    }));
}

#[test]
fn everything_has_transcripts_of_passed_cases() {
    let text = report(&Options {
        verbosity: Verbosity::Full,
        ..sample::options()
    });
    assert!(text.contains("PASS rfc6120/4.7.1-from"));
    assert!(text.contains("TLS_AES_256_GCM_SHA384"));
}

#[test]
fn colours_are_all_that_acts_on_the_terminal() {
    let options = Options {
        color: true,
        ..sample::options()
    };
    let text = report(&options);
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        let end = after.find('m').unwrap();
        assert!(
            after[..end]
                .bytes()
                .all(|b| b == b'[' || b == b';' || b.is_ascii_digit())
        );
        rest = &after[end + 1..];
    }
    plain.push_str(rest);
    let trimmed = |text: &str| {
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(trimmed(&plain), trimmed(&report(&sample::options())));
    assert!(
        plain
            .chars()
            .all(|c| !c.is_control() || c == '\n' || c == '\t')
    );
}

#[test]
fn notes_do_not_flood() {
    let mut results = sample::results();
    results.notes = (0..30)
        .map(|n| format!("played again: {}", n / 3))
        .collect();
    let render = |verbosity| {
        render(
            Format::Terminal,
            &results,
            &Options {
                verbosity,
                ..sample::options()
            },
        )
        .unwrap()
    };
    let text = render(Verbosity::Normal);
    assert_eq!(text.matches("note: ").count(), 5);
    assert!(text.contains("note: played again: 0 (3 times)\n"));
    assert!(text.contains("5 more notes (all: -v)"));
    assert_eq!(render(Verbosity::Verbose).matches("note: ").count(), 10);
}

//! A target that has its hand on every text of a run: no report breaks, and none acts.

use xmppspec_reports::{
    Comparison, Format, Known, NotRun, Options, Results, Run, Target, Tool, render,
    render_comparison,
};

use crate::formats::outside_of_code;
use crate::sample::{self, NASTY};

/// Very long for a place where names stand.
fn long() -> String {
    format!("{NASTY}{}", "é<".repeat(1 << 14))
}

/// Beyond all measure.
fn huge() -> String {
    format!("{NASTY}{}", "é<".repeat(1 << 19))
}

fn results(name: &str) -> Results {
    let run = Run {
        tool: Tool {
            name: NASTY.to_owned(),
            version: NASTY.to_owned(),
        },
        target: Target {
            name: name.to_owned(),
            version: Some(NASTY.to_owned()),
            role: NASTY.to_owned(),
        },
        world: NASTY.to_owned(),
        started: NASTY.to_owned(),
        notes: vec![NASTY.to_owned(), long()],
        not_run: vec![NotRun {
            name: NASTY.to_owned(),
            covers: vec![NASTY.to_owned()],
        }],
        ..sample::run()
    };
    let known = Known {
        requirement: format!("X-1{NASTY}"),
        case: None,
        reason: NASTY.to_owned(),
        link: Some(format!("javascript:{NASTY}")),
        ..Known::default()
    };
    let mut cases = sample::cases();
    for entry in &mut cases[1].transcript {
        entry.actor = long();
    }
    let catalogue = [
        (NASTY.to_owned(), NASTY),
        ("RFC6120-\"><script>-1".to_owned(), "MUST"),
        (format!("{0}-{0}-1", long()), "MUST"),
    ];
    Results::assemble(run, cases, catalogue, &[known])
}

/// What the form of a report promises.
fn check(format: Format, text: &str, with_script: bool) {
    let name = format.name();
    match format {
        Format::Junit | Format::Badge => {
            let document = roxmltree::Document::parse(text).unwrap();
            assert!(
                document
                    .descendants()
                    .all(|node| !node.has_tag_name("script"))
            );
        }
        Format::Json => {
            let read = Results::from_json(text.as_bytes()).unwrap();
            assert_eq!(read.to_json().unwrap(), text);
            // The results are exact: nothing is left out or made visible there.
            return;
        }
        Format::Sarif | Format::BadgeJson => {
            serde_json::from_str::<serde_json::Value>(text).unwrap();
        }
        Format::Html => {
            let pieces = text.matches("<script type=\"").count();
            let scripts = text.matches("<script").count();
            assert_eq!(scripts, pieces + usize::from(with_script));
            assert_eq!(text.matches("</script").count(), scripts);
            assert!(!text.contains("javascript:"), "{name}");
        }
        Format::Markdown => {
            let outside = outside_of_code(text);
            assert!(
                !outside.contains("<script") && !outside.contains("<!--"),
                "{outside}"
            );
        }
        Format::Github => assert!(text.lines().all(|line| line.starts_with("::")), "{name}"),
        Format::Tap => {
            let is_tap = |line: &str| {
                ["TAP version 13", "1..", "ok ", "not ok ", "  "]
                    .iter()
                    .any(|start| line.starts_with(start))
            };
            assert!(text.lines().all(is_tap), "{name}");
        }
        _ => {}
    }
    let acts = |c: char| c.is_control() && c != '\n' && c != '\t' || c == '\u{202e}';
    assert!(!text.contains(acts), "{name}");
}

#[test]
fn no_report_breaks() {
    for name in [NASTY.to_owned(), huge()] {
        let results = results(&name);
        for &format in Format::ALL {
            let text = render(format, &results, &sample::options()).unwrap();
            check(format, &text, true);
        }
    }
}

#[test]
fn no_comparison_breaks() {
    let results = [results(NASTY), results("a"), results(&huge())];
    for results in [&results[..2], &results[..1], &results[..]] {
        // One with itself is two runs.
        let both = [results, results].concat();
        let results = if results.len() == 1 { &both } else { results };
        let comparison = Comparison::new(results).unwrap();
        for format in [Format::Terminal, Format::Markdown, Format::Html] {
            let text = render_comparison(format, &comparison, &Options::default()).unwrap();
            check(format, &text, false);
        }
    }
}

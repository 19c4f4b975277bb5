//! The reports that machines read: their form, and that nothing from a target can break out of it.

use xmppspec_reports::{Case, Format, GateOptions, Options, Results, Run, Verdict, render};

use crate::sample;

fn report(format: Format) -> String {
    render(format, &sample::results(), &sample::options()).unwrap()
}

#[test]
fn junit() {
    insta::assert_snapshot!(report(Format::Junit));
}

#[test]
fn junit_says_what_the_exit_code_means() {
    let text = report(Format::Junit);
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    let count = |name: &str| {
        document
            .descendants()
            .filter(|node| node.has_tag_name(name))
            .count()
    };
    assert_eq!(root.attribute("tests"), Some("11"));
    // Two fail, two blocked, and the known finding that passes; the error stands for itself.
    assert_eq!(
        (count("failure"), count("error"), count("skipped")),
        (5, 1, 3)
    );
    assert_eq!(root.attribute("time"), Some("3.456"));
    assert_eq!(
        root.attribute("timestamp"),
        Some("2026-11-27T06:00:00.000+00:00")
    );
    let ids = document
        .descendants()
        .filter(|node| node.attribute("name") == Some("requirement"));
    assert!(
        ids.filter_map(|node| node.attribute("value"))
            .any(|id| id == "RFC6120-4.7.3-6")
    );
    assert!(
        document
            .descendants()
            .all(|node| !node.has_tag_name("script"))
    );
}

#[test]
fn tap() {
    insta::assert_snapshot!(report(Format::Tap));
}

#[test]
fn tap_lines_are_what_they_seem() {
    let text = report(Format::Tap);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("TAP version 13"));
    assert_eq!(lines.next(), Some("1..11"));
    let tests: Vec<&str> = lines
        .clone()
        .filter(|line| !line.starts_with("  "))
        .collect();
    assert_eq!(tests.len(), 11);
    for (index, test) in tests.iter().enumerate() {
        let rest = test.strip_prefix("not ").unwrap_or(test);
        assert!(rest.starts_with(&format!("ok {} - ", index + 1)), "{test}");
    }
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
}

#[test]
fn sarif() {
    insta::assert_snapshot!(report(Format::Sarif));
}

#[test]
fn markdown() {
    insta::assert_snapshot!(report(Format::Markdown));
}

/// What of a Markdown text is not code.
pub(crate) fn outside_of_code(text: &str) -> String {
    let mut outside = String::new();
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        match fence {
            None if line.starts_with("```") => fence = Some(line),
            None => outside.push_str(line),
            Some(open) if line == open => fence = None,
            Some(_) => {}
        }
    }
    // What stands between single backticks is text.
    outside.split('`').step_by(2).collect()
}

#[test]
fn markdown_holds_no_markup_of_the_target() {
    let outside = outside_of_code(&report(Format::Markdown));
    assert!(!outside.contains("<script"));
    assert!(!outside.contains("<!--"));
}

#[test]
fn a_regression_is_the_first_thing_in_the_summary() {
    let now = sample::results();
    let mut before = now.clone();
    let fixed = before
        .cases
        .iter_mut()
        .find(|case| case.name == "rfc6120/4.7.3-id")
        .unwrap();
    fixed.verdict = Verdict::Pass;
    for judged in &mut fixed.judged {
        judged.verdict = Verdict::Pass;
    }
    // The known finding that passes counts whatever the baseline says.
    let now = Results {
        known: Vec::new(),
        ..now
    };
    let gate = GateOptions {
        baseline: Some(&before),
        ..GateOptions::default()
    };
    let text = render(
        Format::Markdown,
        &now,
        &Options {
            gate,
            ..sample::options()
        },
    )
    .unwrap();
    assert_eq!(text.matches("### ").count(), 1);
    assert!(text.contains("### fail `rfc6120/4.7.3-id`, was pass"));
    assert!(text.starts_with("## ❌ prosody 0.12.3-1: 1 finding"));
}

#[test]
fn github() {
    insta::assert_snapshot!(report(Format::Github));
    assert!(
        report(Format::Github)
            .lines()
            .all(|line| line.starts_with("::"))
    );
}

#[test]
fn known() {
    insta::assert_snapshot!(report(Format::Known));
}

#[test]
fn badge() {
    let svg = report(Format::Badge);
    roxmltree::Document::parse(&svg).unwrap();
    insta::assert_snapshot!(svg);
    insta::assert_snapshot!(report(Format::BadgeJson), @r#"{"color":"b3261e","isError":true,"label":"xmppspec","message":"6 findings","schemaVersion":1}"#);
}

#[test]
fn badge_of_a_conformant_target() {
    let message = |verdict| {
        let cases = vec![Case::new("x", "x", verdict)];
        let results = Results::assemble(Run::default(), cases, [("A", "MUST")], &[]);
        render(Format::BadgeJson, &results, &Options::default()).unwrap()
    };
    assert!(message(Verdict::Pass).contains(r#""message":"conformant""#));
    assert!(message(Verdict::Skip).contains(r#""message":"nothing judged""#));
}

#[test]
fn every_format_has_a_name_and_survives_huge_text() {
    let huge = "<&`|\x1b]]>\n".repeat(3_000);
    let case = Case {
        reason: Some(huge.clone()),
        expected: Some(huge.clone()),
        received: Some(huge.clone()),
        ..Case::new("n".repeat(1 << 20), huge, Verdict::Fail)
    };
    let results = Results::assemble(Run::default(), vec![case], [("A", "MUST")], &[]);
    for &format in Format::ALL {
        assert_eq!(Format::from_name(format.name()).unwrap(), format);
        assert!(!format.description().is_empty());
        let text = render(format, &results, &sample::options()).unwrap();
        assert!(!text.contains('\x1b'), "{}", format.name());
        if format == Format::Junit {
            roxmltree::Document::parse(&text).unwrap();
        }
    }
}

#[test]
fn an_empty_run_has_every_report() {
    let results = Results::assemble(Run::default(), Vec::new(), [("A", "MUST")], &[]);
    for &format in Format::ALL {
        let text = render(format, &results, &Options::default()).unwrap();
        // There is nothing to annotate.
        assert_eq!(
            text.is_empty(),
            format == Format::Github,
            "{}",
            format.name()
        );
    }
}

#[test]
fn a_summary_stays_below_the_limit_of_github() {
    let text = "`<&>*_|".repeat(2_000);
    let case = |n: usize| Case {
        reason: Some(text.clone()),
        received: Some(text.clone()),
        ..Case::new(format!("{n}{text}"), text.clone(), Verdict::Fail)
    };
    let results = Results::assemble(
        Run::default(),
        (0..150).map(case).collect(),
        [("A", "MUST")],
        &[],
    );
    let summary = render(Format::Markdown, &results, &sample::options()).unwrap();
    assert!(summary.len() < 1 << 20, "{}", summary.len());
    assert!(summary.contains(" more findings."));
}

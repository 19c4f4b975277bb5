//! Results beside each other, and results of one run in parts.

use xmppspec_reports::{
    Case, Comparison, Format, Judged, Known, KnownStatus, NotRun, Options, ReportError, Results,
    Run, State, Target, Verdict, render_comparison,
};

use crate::sample;

fn case(name: &str, verdict: Verdict) -> Case {
    Case {
        judged: vec![Judged::new("RFC6120-4.7.3-6", "MUST", verdict)],
        reason: verdict.is_broken().then(|| "there is no id".to_owned()),
        ..Case::new(name, "title", verdict)
    }
}

fn run(target: &str, version: &str) -> Run {
    Run {
        target: Target {
            name: target.to_owned(),
            version: Some(version.to_owned()),
            role: "server".to_owned(),
        },
        ..Run::default()
    }
}

fn results(target: &str, version: &str, cases: &[(&str, Verdict)]) -> Results {
    let cases = cases
        .iter()
        .map(|&(name, verdict)| case(name, verdict))
        .collect();
    Results::assemble(run(target, version), cases, sample::catalogue(), &[])
}

fn two_runs() -> Comparison {
    use Verdict::{Fail, Pass, Skip, Warn};
    let before = results(
        "prosody",
        "1",
        &[
            ("a", Pass),
            ("b", Fail),
            ("c", Pass),
            ("d", Fail),
            ("gone", Pass),
        ],
    );
    let after = results(
        "prosody",
        "2",
        &[
            ("a", Fail),
            ("b", Pass),
            ("c", Pass),
            ("d", Skip),
            ("new", Warn),
        ],
    );
    Comparison::new(&[before, after]).unwrap()
}

fn three_targets() -> Comparison {
    let mut ejabberd = sample::results();
    ejabberd.target.name = "ejabberd".to_owned();
    ejabberd.requirements[1].state = State::Pass;
    let jabberd2 = results("jabberd2 <b>", "2.7", &[("a", Verdict::Pass)]);
    Comparison::new(&[sample::results(), ejabberd, jabberd2]).unwrap()
}

fn report(format: Format, comparison: &Comparison) -> String {
    render_comparison(format, comparison, &sample::options()).unwrap()
}

#[test]
fn two_runs_as_text() {
    insta::assert_snapshot!(report(Format::Terminal, &two_runs()));
}

#[test]
fn two_runs_as_markdown() {
    insta::assert_snapshot!(report(Format::Markdown, &two_runs()));
}

#[test]
fn targets_as_text() {
    insta::assert_snapshot!(report(Format::Terminal, &three_targets()));
}

#[test]
fn targets_as_markdown() {
    insta::assert_snapshot!(report(Format::Markdown, &three_targets()));
}

#[test]
fn pages_have_no_scripts() {
    for comparison in [two_runs(), three_targets()] {
        let page = report(Format::Html, &comparison);
        assert!(!page.contains("<script") && !page.contains("<b>"));
        assert!(page.contains("script-src 'none'"));
    }
    let page = report(Format::Html, &three_targets());
    let (_, body) = page.split_once("<body>").unwrap();
    insta::assert_snapshot!(body);
}

#[test]
fn json_is_read_back() {
    let comparison = three_targets();
    let json = report(Format::Json, &comparison);
    assert_eq!(
        serde_json::from_str::<Comparison>(&json).unwrap(),
        comparison
    );
}

#[test]
fn refusals_are_sentences() {
    let error = Comparison::new(&[sample::results()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a comparison needs two results or more, not 1"
    );
    let error = render_comparison(Format::Junit, &two_runs(), &Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "comparisons have no junit report; there are terminal, markdown, html and json"
    );
}

#[test]
fn shards_become_one_run() {
    let whole = sample::results();
    let (mut even, mut odd) = (sample::run(), sample::run());
    odd.started = "2026-11-27T05:59:59Z".to_owned();
    odd.duration_ms = 5000;
    let (mut even_cases, mut odd_cases) = (Vec::new(), Vec::new());
    for (index, case) in sample::cases().into_iter().enumerate() {
        let covers = case.judged.iter().map(|judged| judged.id.clone()).collect();
        let elsewhere = NotRun {
            name: case.name.clone(),
            covers,
        };
        if index % 2 == 0 {
            odd.not_run.push(elsewhere);
            even_cases.push(case);
        } else {
            even.not_run.push(elsewhere);
            odd_cases.push(case);
        }
    }
    let shard = |run, cases| Results::assemble(run, cases, sample::catalogue(), &sample::known());
    let shards = vec![shard(even, even_cases), shard(odd, odd_cases)];
    // Each shard alone cannot know whether the other one shows the finding.
    assert!(
        shards[1]
            .known
            .iter()
            .all(|entry| entry.status != KnownStatus::Passes)
    );
    let merged = Results::merge(shards).unwrap();
    assert_eq!(merged.summary, whole.summary);
    assert_eq!(merged.known, whole.known);
    assert_eq!(merged.not_run, whole.not_run);
    assert_eq!(merged.duration_ms, 5000);
    assert_eq!(merged.started, "2026-11-27T05:59:59Z");
    let states = |results: &Results| {
        results
            .requirements
            .iter()
            .map(|row| (row.id.clone(), row.state))
            .collect::<Vec<_>>()
    };
    let (mut one, mut other) = (states(&merged), states(&whole));
    one.sort();
    other.sort();
    assert_eq!(one, other);
}

#[test]
fn a_case_that_changed_between_attempts_is_flaky() {
    let first = results(
        "prosody",
        "1",
        &[("a", Verdict::Fail), ("b", Verdict::Pass)],
    );
    let second = results(
        "prosody",
        "1",
        &[("a", Verdict::Pass), ("b", Verdict::Pass)],
    );
    let merged = Results::merge(vec![first, second]).unwrap();
    assert_eq!(merged.cases[0].attempts, [Verdict::Fail]);
    assert!(merged.cases[0].is_flaky());
    assert!(!merged.cases[1].is_flaky());
}

#[test]
fn different_targets_are_not_one_run() {
    let parts = vec![results("a", "1", &[]), results("a", "2", &[])];
    let error = Results::merge(parts).unwrap_err();
    assert_eq!(
        error.to_string(),
        "results of a 1 and of a 2 are not parts of one run"
    );
    assert!(matches!(
        Results::merge(Vec::new()),
        Err(ReportError::NoResults)
    ));
}

#[test]
fn known_entries_are_kept_once() {
    let known = [Known {
        requirement: "RFC6120-4.7.3-6".to_owned(),
        reason: "r".to_owned(),
        ..Known::default()
    }];
    let part = |name| {
        Results::assemble(
            run("a", "1"),
            vec![case(name, Verdict::Fail)],
            sample::catalogue(),
            &known,
        )
    };
    let merged = Results::merge(vec![part("x"), part("y")]).unwrap();
    assert_eq!(merged.known.len(), 1);
    assert_eq!(merged.summary.known, 2);
}

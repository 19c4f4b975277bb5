//! Known findings, counts and states of requirements.

use xmppspec_reports::{
    Case, Judged, Known, KnownStatus, NotRun, Results, Run, State, Summary, Verdict,
};

use crate::sample;

fn case(name: &str, judged: &[(&str, Verdict)]) -> Case {
    let verdict = Verdict::worst(judged.iter().map(|judged| judged.1)).unwrap_or(Verdict::Pass);
    Case {
        judged: judged
            .iter()
            .map(|&(id, verdict)| Judged::new(id, "MUST", verdict))
            .collect(),
        ..Case::new(name, "title", verdict)
    }
}

fn known(requirement: &str, case: Option<&str>, reason: &str) -> Known {
    Known {
        requirement: requirement.to_owned(),
        case: case.map(str::to_owned),
        reason: reason.to_owned(),
        ..Known::default()
    }
}

fn assemble(cases: Vec<Case>, known: &[Known]) -> Results {
    Results::assemble(
        Run::default(),
        cases,
        [("A", "MUST"), ("B", "SHOULD")],
        known,
    )
}

#[test]
fn counts_known_cases_apart() {
    let expected = Summary {
        pass: 2,
        fail: 2,
        warn: 1,
        blocked: 2,
        skip: 1,
        error: 1,
        known: 1,
    };
    let results = sample::results();
    assert_eq!(results.summary, expected);
    assert_eq!(expected.total(), results.cases.len());
}

#[test]
fn every_requirement_of_the_catalogue_is_listed() {
    let results = sample::results();
    let state = |id: &str| {
        results
            .requirements
            .iter()
            .find(|row| row.id == id)
            .map(|row| row.state)
    };
    for (id, _) in sample::catalogue() {
        assert!(state(id).is_some(), "{id}");
    }
    assert_eq!(state("RFC6120-4.7.1-3"), Some(State::Pass));
    assert_eq!(state("RFC6120-4.7.3-6"), Some(State::Fail));
    assert_eq!(state("RFC7622-3.2-1"), Some(State::Untested));
    let judged_by = results
        .requirements
        .iter()
        .find(|row| row.id == "RFC6120-8.2.3-4")
        .unwrap();
    assert_eq!(
        judged_by.cases,
        ["rfc6120/8.2.3-answers[get]", "rfc6120/8.2.3-answers[set]"]
    );
    // What is judged and not in the catalogue comes last.
    assert!(results.requirements.last().unwrap().id.starts_with("X-1"));
}

#[test]
fn state_is_the_worst_verdict() {
    let results = assemble(
        vec![
            case("x", &[("A", Verdict::Pass), ("B", Verdict::Skip)]),
            case("y", &[("A", Verdict::Fail), ("B", Verdict::Pass)]),
            case("z", &[("A", Verdict::Blocked)]),
        ],
        &[],
    );
    assert_eq!(results.requirements[0].state, State::Fail);
    assert_eq!(results.requirements[0].cases, ["x", "y", "z"]);
    assert_eq!(results.requirements[1].state, State::Skip);
}

#[test]
fn a_case_is_known_if_all_that_is_broken_is() {
    let both = || {
        case(
            "x/1",
            &[
                ("A", Verdict::Fail),
                ("B", Verdict::Warn),
                ("C", Verdict::Blocked),
            ],
        )
    };
    let one = assemble(vec![both()], &[known("A", None, "a")]);
    assert_eq!(one.cases[0].known, None);
    assert_eq!(one.summary.fail, 1);
    let all = assemble(
        vec![both()],
        &[known("A", None, "a."), known("B", Some("x/*"), "b.")],
    );
    assert_eq!(all.cases[0].known.as_deref(), Some("a. b."));
    assert_eq!((all.summary.fail, all.summary.known), (0, 1));
    assert_eq!(all.cases[0].verdict, Verdict::Fail);
    let elsewhere = assemble(
        vec![both()],
        &[known("A", None, "a"), known("B", Some("y/*"), "b")],
    );
    assert_eq!(elsewhere.cases[0].known, None);
}

#[test]
fn same_reason_is_said_once() {
    let results = assemble(
        vec![case("x", &[("A", Verdict::Fail), ("B", Verdict::Fail)])],
        &[known("A", None, "why"), known("B", None, "why")],
    );
    assert_eq!(results.cases[0].known.as_deref(), Some("why"));
}

#[test]
fn blocked_cases_can_be_known_and_errors_cannot() {
    let entries = [known("A", None, "no"), known("B", None, "no")];
    let results = assemble(
        vec![
            case("x", &[("A", Verdict::Blocked), ("B", Verdict::Blocked)]),
            case("y", &[("A", Verdict::Blocked), ("C", Verdict::Blocked)]),
            case("z", &[("A", Verdict::Error)]),
            Case::new("precondition only", "title", Verdict::Blocked),
        ],
        &entries,
    );
    let is_known: Vec<bool> = results
        .cases
        .iter()
        .map(|case| case.known.is_some())
        .collect();
    assert_eq!(is_known, [true, false, false, false]);
}

#[test]
fn passing_entries_are_found() {
    let status = |cases: Vec<Case>, entry: Known| assemble(cases, &[entry]).known[0].status;
    let some = || {
        vec![
            case("x/1", &[("A", Verdict::Pass)]),
            case("x/2", &[("A", Verdict::Fail)]),
        ]
    };
    assert_eq!(
        status(some(), known("A", Some("x/1"), "r")),
        KnownStatus::Passes
    );
    assert_eq!(
        status(some(), known("A", Some("x/*"), "r")),
        KnownStatus::Holds
    );
    assert_eq!(status(some(), known("A", None, "r")), KnownStatus::Holds);
    assert_eq!(
        status(some(), known("A", Some("y/*"), "r")),
        KnownStatus::Unseen
    );
    assert_eq!(status(some(), known("Z", None, "r")), KnownStatus::Unseen);
    let skipped = vec![case("x/1", &[("A", Verdict::Skip)])];
    assert_eq!(status(skipped, known("A", None, "r")), KnownStatus::Unseen);
    let blocked = vec![
        case("x/1", &[("A", Verdict::Pass)]),
        case("x/2", &[("A", Verdict::Blocked)]),
    ];
    assert_eq!(status(blocked, known("A", None, "r")), KnownStatus::Holds);
}

#[test]
fn a_case_that_was_not_run_may_still_show_it() {
    let run = |covers: &str| Run {
        not_run: vec![NotRun {
            name: "x/2".to_owned(),
            covers: vec![covers.to_owned()],
        }],
        ..Run::default()
    };
    let cases = || vec![case("x/1", &[("A", Verdict::Pass)])];
    let entry = [known("A", Some("x/*"), "r")];
    let status = |run| Results::assemble(run, cases(), [("A", "MUST")], &entry).known[0].status;
    assert_eq!(status(run("A")), KnownStatus::Unseen);
    assert_eq!(status(run("B")), KnownStatus::Passes);
}

#[test]
fn an_expired_entry_excuses_nothing() {
    let entry = |day: &str| Known {
        expires: Some(day.to_owned()),
        ..known("A", None, "r")
    };
    let status = |day: &str| {
        let run = Run {
            started: "2026-11-27T06:00:00Z".to_owned(),
            ..Run::default()
        };
        let cases = vec![case("x", &[("A", Verdict::Fail)])];
        let results = Results::assemble(run, cases, [("A", "MUST")], &[entry(day)]);
        (results.known[0].status, results.cases[0].known.is_some())
    };
    assert_eq!(status("2026-11-27"), (KnownStatus::Holds, true));
    assert_eq!(status("2026-11-26"), (KnownStatus::Expired, false));
}

#[test]
fn a_misspelt_entry_is_refused() {
    let read = |json: &str| serde_json::from_str::<Known>(json);
    assert!(read(r#"{"requirement": "A", "reason": "r", "case": "x/*"}"#).is_ok());
    let error = read(r#"{"requirement": "A", "reason": "r", "cases": "x/*"}"#).unwrap_err();
    assert!(
        error.to_string().contains("unknown field `cases`"),
        "{error}"
    );
}

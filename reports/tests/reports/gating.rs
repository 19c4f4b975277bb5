//! What fails a run.

use xmppspec_reports::{Case, Gate, GateOptions, Judged, Known, Results, Run, Verdict};

use crate::sample;

fn case(name: &str, verdict: Verdict) -> Case {
    Case {
        judged: vec![Judged::new("A", "MUST", verdict)],
        ..Case::new(name, "title", verdict)
    }
}

fn results(verdicts: &[Verdict]) -> Results {
    let cases = verdicts
        .iter()
        .enumerate()
        .map(|(n, &verdict)| case(&format!("case {n}"), verdict));
    Results::assemble(Run::default(), cases.collect(), [("A", "MUST")], &[])
}

fn messages(gate: &Gate) -> Vec<String> {
    gate.objections().iter().map(ToString::to_string).collect()
}

#[test]
fn verdicts_that_count() {
    let plain = GateOptions::default();
    let strict = GateOptions {
        strict: true,
        ..plain
    };
    let no_skip = GateOptions {
        fail_on_skip: true,
        ..plain
    };
    for (verdict, options, conformant) in [
        (Verdict::Pass, plain, true),
        (Verdict::Pass, strict, true),
        (Verdict::Warn, plain, true),
        (Verdict::Warn, strict, false),
        (Verdict::Skip, plain, true),
        (Verdict::Skip, strict, true),
        (Verdict::Skip, no_skip, false),
        (Verdict::Blocked, plain, false),
        (Verdict::Error, plain, false),
        (Verdict::Fail, plain, false),
    ] {
        let gate = results(&[Verdict::Pass, verdict]).gate(&options);
        assert_eq!(gate.is_conformant(), conformant, "{verdict} {options:?}");
    }
}

#[test]
fn nothing_judged_is_not_conformance() {
    let options = GateOptions::default();
    assert_eq!(results(&[]).gate(&options), Gate::Nothing);
    assert_eq!(
        results(&[Verdict::Skip, Verdict::Skip]).gate(&options),
        Gate::Nothing
    );
}

#[test]
fn messages_say_what_to_do() {
    let messages = messages(&sample::results().gate(&GateOptions::default()));
    let (last, rest) = messages.split_last().unwrap();
    assert_eq!(
        rest[..4],
        [
            "rfc6120/4.7.3-id: fail",
            "rfc6120/8.2.3-answers[get]: blocked",
            "rfc6120/8.2.3-answers[set]: blocked",
            "rfc6120/6.5.7-invalid-mechanism: error",
        ]
    );
    assert_eq!(rest.len(), 5);
    assert_eq!(
        last,
        "the known finding RFC6121-8.5.1-2 passes now: take it out of the profile"
    );
}

#[test]
fn known_findings_must_still_fail() {
    let known = [Known {
        requirement: "A".to_owned(),
        reason: "old".to_owned(),
        ..Known::default()
    }];
    let run = |verdict| {
        Results::assemble(
            Run::default(),
            vec![case("x", verdict)],
            [("A", "MUST")],
            &known,
        )
    };
    assert!(
        run(Verdict::Fail)
            .gate(&GateOptions::default())
            .is_conformant()
    );
    let gate = run(Verdict::Pass).gate(&GateOptions::default());
    assert_eq!(
        messages(&gate),
        ["the known finding A passes now: take it out of the profile"]
    );
}

#[test]
fn only_regressions_count_with_a_baseline() {
    let before = results(&[Verdict::Fail, Verdict::Pass, Verdict::Fail]);
    let options = GateOptions {
        baseline: Some(&before),
        ..GateOptions::default()
    };
    let same = results(&[Verdict::Fail, Verdict::Pass, Verdict::Pass]);
    assert!(same.gate(&options).is_conformant());
    let worse = results(&[Verdict::Fail, Verdict::Fail, Verdict::Pass, Verdict::Fail]);
    assert_eq!(
        messages(&worse.gate(&options)),
        ["case 1: fail (was pass)", "case 3: fail"]
    );
}

#[test]
fn another_broken_requirement_is_a_regression() {
    let with = |ids: &[&str]| {
        let judged = ids
            .iter()
            .map(|id| Judged::new(*id, "MUST", Verdict::Fail))
            .collect();
        let case = Case {
            judged,
            ..Case::new("x", "title", Verdict::Fail)
        };
        Results::assemble(Run::default(), vec![case], [("A", "MUST")], &[])
    };
    let before = with(&["A"]);
    let options = GateOptions {
        baseline: Some(&before),
        ..GateOptions::default()
    };
    assert!(with(&["A"]).gate(&options).is_conformant());
    assert_eq!(
        messages(&with(&["A", "B"]).gate(&options)),
        ["x: fail (was fail)"]
    );
}

#[test]
fn retries_never_hide() {
    let flaky = Case {
        attempts: vec![Verdict::Fail],
        ..case("x", Verdict::Pass)
    };
    let steady = Case {
        attempts: vec![Verdict::Pass],
        ..case("y", Verdict::Pass)
    };
    let results = Results::assemble(Run::default(), vec![flaky, steady], [("A", "MUST")], &[]);
    let gate = results.gate(&GateOptions::default());
    assert_eq!(messages(&gate), ["x is flaky: fail, then pass"]);
}

#[test]
fn an_interrupted_run_is_not_conformant() {
    let run = Run {
        interrupted: true,
        ..Run::default()
    };
    let results = Results::assemble(run, vec![case("x", Verdict::Pass)], [("A", "MUST")], &[]);
    assert_eq!(
        messages(&results.gate(&GateOptions::default())),
        ["the run was interrupted"]
    );
}

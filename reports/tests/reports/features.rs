//! Features, and what judged requirements say of them.

use xmppspec_reports::{
    Case, Feature, Format, Judged, Options, Results, Run, Support, Verdict, render,
};

fn feature(name: &str, requirements: &[&str]) -> Feature {
    Feature {
        table: "RFC 6120 section 15".to_owned(),
        name: name.to_owned(),
        description: format!("What {name} is <b>."),
        spec: "RFC6120".to_owned(),
        section: "7.3.1".to_owned(),
        level: "MUST".to_owned(),
        requirements: requirements.iter().map(|id| (*id).to_owned()).collect(),
    }
}

fn results() -> Results {
    let judged = [
        ("P", Verdict::Pass),
        ("F", Verdict::Fail),
        ("W", Verdict::Warn),
        ("S", Verdict::Skip),
        ("B", Verdict::Blocked),
    ];
    let case = Case {
        judged: judged
            .map(|(id, verdict)| Judged::new(id, "MUST", verdict))
            .to_vec(),
        ..Case::new("x", "title", Verdict::Fail)
    };
    Results::assemble(Run::default(), vec![case], [("U", "MUST")], &[])
}

fn features() -> Vec<Feature> {
    vec![
        feature("all-hold", &["P", "U"]),
        feature("some-hold", &["P", "W", "B"]),
        feature("none-holds", &["F", "B"]),
        feature("lacking", &["S", "U"]),
        feature("unreached", &["B", "U", "nowhere"]),
        feature("empty", &[]),
    ]
}

#[test]
fn support_rests_on_what_was_judged() {
    let features = features();
    let results = results();
    let states = results.features(&features);
    let answers: Vec<Support> = states.iter().map(|state| state.support).collect();
    use Support::{Absent, Met, NotMet, Partly, Untested};
    assert_eq!(answers, [Met, Partly, NotMet, Absent, Untested, Untested]);
    assert_eq!(
        (
            states[1].held,
            states[1].broken.as_slice(),
            states[1].not_judged
        ),
        (1, &["W"][..], 1)
    );
}

#[test]
fn reports_tell_of_them() {
    let features = features();
    let options = Options {
        features: &features,
        ..Options::default()
    };
    let page = render(Format::Html, &results(), &options).unwrap();
    let (_, view) = page.split_once("<section id=\"view-features\"").unwrap();
    let (view, _) = view.split_once("</main>").unwrap();
    insta::assert_snapshot!(view);
    assert!(page.contains("id=\"tab-features\""));
    let summary = render(Format::Markdown, &results(), &options).unwrap();
    let (_, table) = summary.split_once("<summary>features</summary>").unwrap();
    insta::assert_snapshot!(table);
    let without = render(Format::Html, &results(), &Options::default()).unwrap();
    assert!(!without.contains("id=\"tab-features\""));
}

//! Claims of a project beside what was seen, as users meet them.

use super::{check, code, run, stdout};

#[test]
fn claims_beside_results() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        let path = folder.path().join(name);
        path.to_str().expect("a path").to_owned()
    };
    let (good, bad) = (path("good.json"), path("bad.json"));
    assert_eq!(
        code(&run(&["run", "rows.scs", "--results", &good, "-q"])),
        Some(0)
    );
    let fault = [
        "run",
        "rows.scs",
        "--results",
        &bad,
        "-q",
        "--fault",
        "header-without-id",
    ];
    assert_eq!(code(&run(&fault)), Some(1));

    check("doap", &run(&["doap", &good, "project.doap", "--gate"]));
    check(
        "doap-broken",
        &run(&["doap", &bad, "project.doap", "--gate"]),
    );
    assert_eq!(code(&run(&["doap", &bad, "project.doap"])), Some(0));

    let json = stdout(&run(&["doap", &bad, "project.doap", "--format", "json"]));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["project"], "Made up");
    assert_eq!(json["documents"][0]["standing"], "broken");

    // Nothing of what was judged is to be written.
    let original = include_str!("project.doap");
    let written = run(&["doap", &good, "project.doap", "--write", "-"]);
    assert_eq!(stdout(&written), original);
    // One requirement of RFC 6120 holds; that is not enough to claim it.
    let (less, file) = (original.replace("rfc6120", "rfc1"), path("project.doap"));
    std::fs::write(&file, &less).expect("a file");
    assert_eq!(
        code(&run(&["doap", &good, &file, "--write", &file])),
        Some(0)
    );
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), less);
    // A broken claim of a XEP is `partial`; the serverless peer has one.
    let peer = path("peer.json");
    let results = std::fs::read_to_string(&bad).expect("results");
    std::fs::write(&peer, results.replace("RFC6120-4.7.3-6", "XEP0174-PUB-01")).expect("a file");
    let claimed = original.replace("xep-0030", "xep-0174");
    std::fs::write(&file, &claimed).expect("a file");
    assert_eq!(
        code(&run(&["doap", &peer, &file, "--write", &file, "--gate"])),
        Some(1)
    );
    let written = std::fs::read_to_string(&file).expect("a file");
    assert_eq!(written, claimed.replace("complete", "partial"));
}

#[test]
fn descriptions_that_are_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = folder.path().join("results.json");
    let results = results.to_str().expect("a path");
    assert_eq!(
        code(&run(&["run", "rows.scs", "--results", results, "-q"])),
        Some(0)
    );
    check("doap-status", &run(&["doap", results, "status.doap"]));
    check(
        "doap-not-well-formed",
        &run(&["doap", results, "open.doap"]),
    );
    check("doap-not-utf-8", &run(&["doap", results, "latin1.doap"]));
    check("doap-missing", &run(&["doap", results, "missing.doap"]));
    check("doap-other-xml", &run(&["doap", results, "good.xml"]));
}

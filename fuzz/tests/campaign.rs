//! A campaign finds what a parser does wrong, from the committed seeds, and tells one reason from another.

use std::collections::BTreeSet;
use std::time::Duration;

use xmppspec_fuzz::SEEDS;
use xmppspec_fuzz::campaign::{Campaign, Event};
use xmppspec_fuzz::findings::Findings;
use xmppspec_fuzz::readers;
use xmppspec_fuzz::readers::child::{Process, Spec};

/// Python's expat with two faults: it looks into no comment, and takes the character U+0001 for a space.
fn faulty() -> String {
    let adapter = include_str!("../adapters/python_expat.py");
    let head = "def read(data):\n";
    assert!(adapter.contains(head), "the adapter has another form now");
    adapter.replace(
        head,
        "import re\ndef read(data):\n    data = re.sub(rb'<!--.*?-->', b'<!-- -->', data, flags=re.S).replace(b'\\x01', b' ')\n",
    )
}

#[test]
fn one_fault_in_several_places_is_several_findings() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("faulty.py");
    std::fs::write(&program, faulty()).expect("a program");
    let process = Process::start(Spec {
        name: "it".to_owned(),
        command: vec!["python3".to_owned(), program.display().to_string()],
        env: Vec::new(),
        timeout: Duration::from_secs(10),
        memory: 1 << 30,
    })
    .expect("it speaks the pipe protocol");
    let mut campaign = Campaign {
        readers: readers::in_process(),
        processes: vec![process],
        seeds: SEEDS.iter().map(|seed| seed.to_vec()).collect(),
        seed: 1,
        budget: Duration::from_secs(120),
        replay: "again".to_owned(),
    };
    let expected = [
        "it reads what XML 1.0 refuses: double hyphen in comment",
        "it reads what XML 1.0 refuses: illegal-character in markup",
        "it reads what xmppspec refuses: illegal-character: control in a value",
        "it reads what xmppspec refuses: illegal-character: control in text",
    ];
    let is_enough = |found: &BTreeSet<String>| expected.iter().all(|name| found.contains(*name));
    let mut found = BTreeSet::new();
    let mut findings = Findings::open(&folder.path().join("found")).expect("a folder");
    campaign
        .run(&mut findings, |event| {
            if let Event::Finding(finding) = event {
                assert_eq!(finding.replays, 3, "{finding:?}");
                found.insert(finding.bucket.clone());
            }
            !is_enough(&found)
        })
        .expect("findings can be written");
    assert!(is_enough(&found), "{found:#?}");
}

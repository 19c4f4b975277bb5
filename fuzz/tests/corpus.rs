//! The corpus: every seed and every regression is checked, and regressions have the verdict that stands beside them.

use std::fs;
use std::path::{Path, PathBuf};

use xmppspec_fuzz::properties;
use xmppspec_protocol::xml::{Limits, Mode, Parser, XmlError, canonical};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

/// The files of a folder in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a folder can be read").path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// Checks properties of a file and gives those that do not hold.
fn broken(all: &[&str], file: &Path) -> Vec<String> {
    let bytes = fs::read(file).expect("a file of the corpus");
    properties::ALL
        .iter()
        .filter(|(name, _)| all.contains(name))
        .filter(|(_, property)| std::panic::catch_unwind(|| property(&bytes)).is_err())
        .map(|(name, _)| format!("{name}: {}", file.display()))
        .collect()
}

/// The targets that read XML: each is worth trying on the seeds of the others.
const XML: &[&str] = &["stream", "element", "differential", "smuggle"];

#[test]
fn every_seed_keeps_its_properties() {
    let mut found = Vec::new();
    for (name, _) in properties::ALL {
        let files = files(&corpus().join(name));
        assert!(files.len() >= 10, "{name} has {} seeds", files.len());
        let properties = if XML.contains(name) { XML } else { &[*name] };
        for file in files {
            found.extend(broken(properties, &file));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_scenario_keeps_the_property_of_scripts() {
    for source in xmppspec_scenarios::builtin::scripts() {
        properties::script(source.text.as_bytes());
    }
}

fn said(error: Option<XmlError>) -> String {
    error.map_or("read".to_owned(), |error| {
        format!("{} {}", error.offset, error.rule.name())
    })
}

/// What is said of bytes that come in chunks of one size.
fn in_chunks(bytes: &[u8], size: usize) -> String {
    let mut parser = Parser::new(Mode::Element, Limits::NONE);
    for chunk in bytes.chunks(size) {
        parser.feed(chunk);
        while let Some(event) = parser.next_event().transpose() {
            if let Err(error) = event {
                return said(Some(error));
            }
        }
    }
    loop {
        match parser.last_event() {
            Ok(Some(_)) => {}
            Ok(None) => return said(None),
            Err(error) => return said(Some(error)),
        }
    }
}

/// Beside `name.xml` stands `name.verdict`: `read`, or the offset and the rule that refuses.
#[test]
fn regressions_have_their_verdicts() {
    let mut found = Vec::new();
    let mut count = 0;
    for file in files(&corpus().join("regressions")) {
        if file.extension().is_none_or(|extension| extension != "xml") {
            continue;
        }
        count += 1;
        let bytes = fs::read(&file).expect("a regression");
        found.extend(broken(XML, &file));
        let expected = fs::read_to_string(file.with_extension("verdict"))
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let verdict = said(canonical(&bytes, Mode::Element, Limits::NONE).1);
        if verdict != expected.trim() {
            found.push(format!("{verdict}: {}", file.display()));
        }
        for size in 1..=bytes.len() {
            let verdict = in_chunks(&bytes, size);
            if verdict != expected.trim() {
                found.push(format!("{verdict}: chunks of {size} of {}", file.display()));
            }
        }
    }
    assert!(count > 0, "there are no regressions");
    assert!(found.is_empty(), "{found:#?}");
}

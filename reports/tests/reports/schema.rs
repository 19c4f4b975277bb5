//! The frame of results, its schema, and reading what was written.

use xmppspec_reports::{Content, Format, Options, ReportError, Results, render};

use crate::sample;

const COMMITTED: &str = include_str!("../../results.schema.json");

fn validator() -> jsonschema::Validator {
    let schema: serde_json::Value = serde_json::from_str(COMMITTED).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn sample_json() -> serde_json::Value {
    serde_json::from_str(&sample::results().to_json().unwrap()).unwrap()
}

/// `UPDATE_SCHEMA=1 cargo test -p xmppspec-reports` writes it anew.
#[test]
fn the_committed_schema_is_up_to_date() {
    let schema = Results::json_schema().unwrap();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(
            concat!(env!("CARGO_MANIFEST_DIR"), "/results.schema.json"),
            &schema,
        )
        .unwrap();
        return;
    }
    assert!(
        schema == COMMITTED,
        "run UPDATE_SCHEMA=1 cargo test -p xmppspec-reports"
    );
}

#[test]
fn samples_are_valid() {
    let validator = validator();
    let errors: Vec<String> = validator
        .iter_errors(&sample_json())
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn what_breaks_the_frame_is_invalid() {
    let validator = validator();
    for (pointer, value) in [
        ("/schema", serde_json::json!(2)),
        ("/cases/0/verdict", serde_json::json!("passed")),
        ("/cases/0/transcript/0/layer", serde_json::json!("ssl")),
        ("/requirements/0/state", serde_json::json!(null)),
        ("/summary/known", serde_json::json!("1")),
    ] {
        let mut json = sample_json();
        *json.pointer_mut(pointer).unwrap() = value;
        assert!(!validator.is_valid(&json), "{pointer}");
    }
    let mut json = sample_json();
    json.pointer_mut("/cases/0/transcript/0")
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("text");
    assert!(!validator.is_valid(&json), "an entry without bytes");
}

#[test]
fn the_frame_is_the_documented_one() {
    let json = sample_json();
    for pointer in [
        "/schema",
        "/tool/name",
        "/tool/version",
        "/target/name",
        "/target/version",
        "/target/role",
        "/world",
        "/seed",
        "/started",
        "/duration_ms",
        "/summary/pass",
        "/summary/fail",
        "/summary/warn",
        "/summary/blocked",
        "/summary/skip",
        "/summary/error",
        "/summary/known",
        "/cases/0/name",
        "/cases/0/title",
        "/cases/0/verdict",
        "/cases/0/known",
        "/cases/0/judged/0/id",
        "/cases/0/judged/0/level",
        "/cases/0/judged/0/verdict",
        "/cases/0/reason",
        "/cases/0/at",
        "/cases/1/at/file",
        "/cases/1/at/line",
        "/cases/0/expected",
        "/cases/0/received",
        "/cases/0/duration_ms",
        "/cases/0/transcript/0/at_ms",
        "/cases/0/transcript/0/actor",
        "/cases/0/transcript/0/layer",
        "/cases/0/transcript/0/direction",
        "/cases/0/transcript/0/text",
        "/cases/1/transcript/5/base64",
        "/requirements/0/id",
        "/requirements/0/level",
        "/requirements/0/state",
        "/requirements/0/cases/0",
    ] {
        assert!(json.pointer(pointer).is_some(), "{pointer}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    let results = sample::results();
    let json = render(Format::Json, &results, &Options::default()).unwrap();
    assert_eq!(Results::from_json(json.as_bytes()).unwrap(), results);
    let Content::Base64(bytes) = &results.cases[1].transcript[5].content else {
        panic!("not base64");
    };
    assert_eq!(bytes, b"\xff\xfe</script>\x00");
}

#[test]
fn other_files_are_refused_with_a_sentence() {
    let message = |json: &str| Results::from_json(json.as_bytes()).unwrap_err().to_string();
    insta::assert_snapshot!(message("{"), @"not the results of a run: EOF while parsing an object at line 1 column 1");
    insta::assert_snapshot!(message("{}"), @"not the results of a run: there is no `schema` field");
    insta::assert_snapshot!(message(r#"{"schema": 2}"#), @"results of version 2; this xmppspec reads version 1");
    insta::assert_snapshot!(message(r#"{"schema": 1}"#), @"not the results of a run: missing field `tool` at line 1 column 13");
    let unknown = Format::from_name("pdf").unwrap_err();
    assert!(matches!(&unknown, ReportError::UnknownFormat(name) if name == "pdf"));
    assert!(unknown.to_string().contains("terminal, "));
}

#[test]
fn fields_of_later_versions_are_ignored() {
    let mut json = sample_json();
    json["later"] = serde_json::json!({"a": 1});
    json["cases"][0]["later"] = serde_json::json!(1);
    let read = Results::from_json(json.to_string().as_bytes()).unwrap();
    assert_eq!(read, sample::results());
}

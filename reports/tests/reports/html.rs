//! The HTML report: what it shows, and that nothing from a target can act in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use xmppspec_reports::{Format, Options, Results, Run, render};

use crate::sample;

fn page() -> String {
    render(Format::Html, &sample::results(), &sample::options()).unwrap()
}

/// The text of the script element with this id, unpacked.
fn unpacked(page: &str, id: &str) -> serde_json::Value {
    let open = format!("<script type=\"text/plain\" id=\"{id}\">");
    let (_, rest) = page.split_once(&open).unwrap();
    let (packed, _) = rest.split_once("</script>").unwrap();
    let packed = STANDARD.decode(packed).unwrap();
    serde_json::from_slice(&miniz_oxide::inflate::decompress_to_vec(&packed).unwrap()).unwrap()
}

#[test]
fn body() {
    let page = page();
    let (_, body) = page.split_once("<body>").unwrap();
    let (body, _) = body.split_once("<script").unwrap();
    insta::assert_snapshot!(body);
}

#[test]
fn data_of_a_case() {
    let cases = unpacked(&page(), "cases-0");
    insta::assert_snapshot!(serde_json::to_string_pretty(&cases[1]).unwrap());
    assert_eq!(cases.as_array().unwrap().len(), 10);
}

#[test]
fn texts_of_requirements() {
    let texts = unpacked(&page(), "texts");
    assert_eq!(texts["RFC6120-4.7.3-6"]["place"], "RFC 6120 section 4.7.3");
    assert_eq!(
        texts["RFC6120-4.7.3-6"]["link"],
        "https://www.rfc-editor.org/rfc/rfc6120#section-4.7.3"
    );
    assert!(
        texts["RFC6120-4.7.3-6"]["quote"]
            .as_str()
            .unwrap()
            .contains("MUST")
    );
}

#[test]
fn nothing_of_the_target_is_markup() {
    let page = page();
    assert!(!page.contains("<script>alert"));
    // The script, two pieces, the size of a piece.
    assert_eq!(page.matches("<script").count(), 4);
    assert_eq!(page.matches("</script").count(), 4);
    assert!(page.chars().all(|c| !c.is_control() || c == '\n'));
}

#[test]
fn nothing_is_requested() {
    let page = page();
    for request in [
        "src=",
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
        "<iframe",
        "<object",
        "<img",
        "innerHTML",
    ] {
        assert!(!page.contains(request), "{request}");
    }
    assert!(page.contains("default-src 'none'"));
    let links = page
        .split("href=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    for link in links {
        let inside = link.starts_with('#') || link == "data:,";
        assert!(
            inside || link.starts_with("https://www.rfc-editor.org/rfc/rfc"),
            "{link}"
        );
    }
}

#[test]
fn the_policy_names_the_script_and_the_style() {
    use sha2::{Digest as _, Sha256};
    let page = page();
    for (open, close) in [("<script>", "</script>"), ("<style>", "</style>")] {
        let (_, rest) = page.split_once(open).unwrap();
        let (text, _) = rest.split_once(close).unwrap();
        let hash = STANDARD.encode(Sha256::digest(text.as_bytes()));
        assert!(page.contains(&format!("'sha256-{hash}'")), "{open}");
    }
}

#[test]
fn many_cases_stay_small() {
    let cases: Vec<_> = (0..1500)
        .map(|n| {
            let mut case = sample::cases().swap_remove(1);
            case.name = format!("{}-{n}", case.name);
            case.transcript = (0..4).flat_map(|_| case.transcript.clone()).collect();
            for (at, entry) in case.transcript.iter_mut().enumerate() {
                entry.at_ms = (n * 31 + at * 17) as f64 / 10.0;
            }
            case
        })
        .collect();
    let results = Results::assemble(Run::default(), cases, sample::catalogue(), &[]);
    let page = render(Format::Html, &results, &Options::default()).unwrap();
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
}

//! What the script shows of a case when it is opened, compressed in pieces: transcripts repeat themselves, and most
//! cases are never opened.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::ReportError;
use crate::model::{Case, Results};
use crate::render::Options;
use crate::requirement;
use crate::text;

/// Cases in one piece: enough to compress well, few enough to unpack at a click.
const CASES: usize = 25;

/// Characters of one transcript entry, or of an expected or received text. A browser gets slow beyond; results.json has it
/// all.
const TEXT_LIMIT: usize = 20_000;

/// The effort of compression: beyond this a file is hardly smaller.
const EFFORT: u8 = 6;

/// Writes the pieces as inert script elements: `texts` for the requirements, `cases-0` and so on.
pub(super) fn write(
    out: &mut String,
    results: &Results,
    options: &Options<'_>,
) -> Result<(), ReportError> {
    piece(out, "texts", &texts(results, options))?;
    for (number, cases) in results.cases.chunks(CASES).enumerate() {
        let cases = cases.iter().map(case).collect();
        piece(out, &format!("cases-{number}"), &Value::Array(cases))?;
    }
    out.push_str(&format!(
        "<script type=\"application/json\" id=\"piece\">{CASES}</script>\n"
    ));
    Ok(())
}

fn piece(out: &mut String, id: &str, value: &Value) -> Result<(), ReportError> {
    let json = serde_json::to_vec(value).map_err(ReportError::Json)?;
    let packed = miniz_oxide::deflate::compress_to_vec(&json, EFFORT);
    let packed = STANDARD.encode(packed);
    out.push_str(&format!(
        "<script type=\"text/plain\" id=\"{id}\">{packed}</script>\n"
    ));
    Ok(())
}

/// The texts of every requirement that was judged, by id.
fn texts(results: &Results, options: &Options<'_>) -> Value {
    let judged = results.cases.iter().flat_map(|case| &case.judged);
    let mut seen = HashSet::new();
    let mut texts = serde_json::Map::new();
    for judged in judged.filter(|judged| seen.insert(&judged.id)) {
        let info = requirement::find(options.requirements, &judged.id, &judged.level);
        let entry = json!({
            "level": text::line(info.level),
            "place": text::line(&info.place()),
            "text": text::line(info.text),
            "quote": info.quote.map(text::lines),
            "link": info.link(),
        });
        texts.insert(text::line(&judged.id), entry);
    }
    texts.into()
}

fn shown(text: &str) -> String {
    text::head(&text::lines(text), TEXT_LIMIT)
}

fn case(case: &Case) -> Value {
    let mut actors: Vec<&str> = Vec::new();
    let mut transcript: Vec<Value> = Vec::new();
    for entry in &case.transcript {
        // A remark on the case as a whole is no actor's.
        let actor = (!entry.actor.is_empty()).then(|| {
            let known = actors.iter().position(|actor| *actor == entry.actor);
            known.unwrap_or_else(|| {
                actors.push(&entry.actor);
                actors.len() - 1
            })
        });
        transcript.push(json!([
            entry.at_ms,
            actor,
            entry.layer.as_str(),
            entry.direction.arrow(),
            text::head(&text::entry(entry), TEXT_LIMIT),
        ]));
    }
    let judged: Vec<_> = case
        .judged
        .iter()
        .map(|judged| json!([text::line(&judged.id), judged.verdict]))
        .collect();
    json!({
        "name": text::line(&case.name),
        "verdict": case.verdict,
        "known": case.known.as_deref().map(text::line),
        "attempts": case.attempts,
        "judged": judged,
        "reason": case.reason.as_deref().map(shown),
        "at": case.at.as_ref().map(|at| format!("{}:{}", text::line(&at.file), at.line)),
        "diagnostic": case.diagnostic.as_deref().map(shown),
        "expected": case.expected.as_deref().map(shown),
        "received": case.received.as_deref().map(shown),
        "ms": case.duration_ms,
        "actors": actors.iter().map(|actor| text::line(actor)).collect::<Vec<_>>(),
        "transcript": transcript,
    })
}

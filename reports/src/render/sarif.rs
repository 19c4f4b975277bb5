//! SARIF 2.1.0, for code scanning: one result for each broken requirement of each case.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::ReportError;
use crate::model::{Case, Judged, Results};
use crate::render::Options;
use crate::render::outcome::{self, Outcome};
use crate::requirement;
use crate::text;
use crate::verdict::Verdict;

/// Writes the report.
pub(super) fn render(results: &Results, options: &Options<'_>) -> Result<String, ReportError> {
    let gate = results.gate(&options.gate);
    let mut rules: Vec<Value> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut found: Vec<Value> = Vec::new();
    let mut notifications: Vec<Value> = Vec::new();
    for (case, outcome) in results.cases.iter().zip(outcome::outcomes(results, &gate)) {
        if case.verdict == Verdict::Error {
            notifications.push(json!({
                "level": "error",
                "message": {"text": format!("{}: {}", text::line(&case.name), outcome::headline(case))},
            }));
        }
        for judged in &case.judged {
            if !(judged.verdict.is_broken() || judged.verdict == Verdict::Blocked) {
                continue;
            }
            let rule = *places.entry(&judged.id).or_insert_with(|| {
                rules.push(rule(judged, options));
                rules.len() - 1
            });
            found.push(result(case, judged, rule, &outcome, options));
        }
    }
    for (name, objection) in outcome::other_objections(&gate) {
        notifications.push(json!({
            "level": "error",
            "message": {"text": text::line(&format!("{name}: {objection}"))},
        }));
    }
    let target = text::line(&results.target.name);
    let tool = text::line(&results.tool.name);
    let mut sarif = serde_json::to_string_pretty(&json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": if tool.is_empty() { "xmppspec" } else { &tool },
                "version": text::line(&results.tool.version),
                "rules": rules,
            }},
            "automationDetails": {"id": format!("xmppspec/{target}/")},
            "invocations": [{
                "executionSuccessful": !results.interrupted && results.summary.error == 0,
                "toolExecutionNotifications": notifications,
            }],
            "results": found,
            "columnKind": "unicodeCodePoints",
        }],
    }))
    .map_err(ReportError::Json)?;
    sarif.push('\n');
    Ok(sarif)
}

fn rule(judged: &Judged, options: &Options<'_>) -> Value {
    let info = requirement::find(options.requirements, &judged.id, &judged.level);
    let place = text::line(&info.place());
    let text = match info.text {
        "" => place.clone(),
        text => text::line(text),
    };
    let mut rule = json!({
        "id": text::line(&judged.id),
        "shortDescription": {"text": text},
        "fullDescription": {"text": format!("{} {}: {text}", text::line(info.level), place)},
        "defaultConfiguration": {"level": if info.level.starts_with("MUST") { "error" } else { "warning" }},
    });
    if let Some(link) = info.link() {
        rule["helpUri"] = link.into();
    }
    rule
}

fn result(
    case: &Case,
    judged: &Judged,
    rule: usize,
    outcome: &Outcome<'_>,
    options: &Options<'_>,
) -> Value {
    let (kind, level) = match judged.verdict {
        Verdict::Blocked => ("open", "none"),
        Verdict::Warn => ("fail", "warning"),
        _ => ("fail", "error"),
    };
    let mut result = json!({
        "ruleId": text::line(&judged.id),
        "ruleIndex": rule,
        "kind": kind,
        "level": level,
        "message": {"text": format!("{}: {}", outcome::headline(case), outcome::details(case, options))},
        "partialFingerprints": {"case/v1": format!("{} {}", text::line(&case.name), text::line(&judged.id))},
    });
    if let Some(at) = &case.at {
        result["locations"] = json!([{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&at.file)},
                "region": {"startLine": at.line.max(1)},
            },
            "logicalLocations": [{"fullyQualifiedName": text::line(&case.name)}],
        }]);
    }
    if let Outcome::Excused(why) = outcome
        && judged.verdict.is_broken()
    {
        result["suppressions"] = json!([{"kind": "external", "justification": text::line(why)}]);
    }
    result
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for &byte in path.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte))
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

//! The HTML report: one file that opens offline. What every reader needs first is plain markup; what is shown of a
//! case when it is opened (its evidence and transcript) is compressed data that the script unpacks then.
//!
//! Nothing that a target sent can act: markup is escaped here, the script only ever makes text nodes, and the
//! page's policy allows exactly this script and no request at all.

mod data;
mod markup;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::ReportError;
use crate::model::Results;
use crate::render::Options;

const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// Writes the report.
pub(super) fn render(results: &Results, options: &Options<'_>) -> Result<String, ReportError> {
    let page = markup::Page::new(results, options);
    let mut out = String::new();
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str(&format!(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src '{}'; style-src '{}'; \
         img-src data:; base-uri 'none'; form-action 'none'\">\n",
        source_hash(SCRIPT),
        source_hash(STYLE)
    ));
    out.push_str("<link rel=\"icon\" href=\"data:,\">\n");
    out.push_str(&format!(
        "<title>{}</title>\n<style>{STYLE}</style>\n</head>\n",
        page.title()
    ));
    page.body(&mut out);
    data::write(&mut out, results, options)?;
    out.push_str(&format!("<script>{SCRIPT}</script>\n</body>\n</html>\n"));
    Ok(out)
}

/// How a policy names an inline script or style.
fn source_hash(text: &str) -> String {
    format!(
        "sha256-{}",
        STANDARD.encode(Sha256::digest(text.as_bytes()))
    )
}

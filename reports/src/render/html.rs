//! The HTML report: one file that opens offline. What every reader needs first is plain markup; what is shown of a
//! case when it is opened (its evidence and transcript) is compressed data that the script unpacks then.
//!
//! Nothing that a target sent can act: markup is escaped here, the script only ever makes text nodes, and the
//! page's policy allows exactly this script and no request at all.

mod data;
pub(super) mod markup;

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
    let mut out = head(&page.title(), &format!("'{}'", source_hash(SCRIPT)));
    page.body(&mut out);
    data::write(&mut out, results, options)?;
    out.push_str(&format!("<script>{SCRIPT}</script>\n</body>\n</html>\n"));
    Ok(out)
}

/// A page without a script. The title is text, the content markup.
pub(super) fn page(title: &str, content: &str) -> String {
    let title = markup::escape(title);
    let mut out = head(&format!("{title} – xmppspec"), "'none'");
    out.push_str(&format!(
        "<body>\n<main>\n<h1>{title}</h1>\n{content}</main>\n</body>\n</html>\n"
    ));
    out
}

/// Everything before the body. Title and scripts (a source expression) are markup already.
fn head(title: &str, scripts: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src {scripts}; \
         style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n",
        source_hash(STYLE)
    )
}

/// How a policy names an inline script or style.
fn source_hash(text: &str) -> String {
    format!(
        "sha256-{}",
        STANDARD.encode(Sha256::digest(text.as_bytes()))
    )
}

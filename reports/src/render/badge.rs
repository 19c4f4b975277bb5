//! A badge: as SVG, and as the endpoint that shields.io reads.

use unicode_width::UnicodeWidthStr;

use crate::ReportError;
use crate::gate::Gate;
use crate::model::Results;
use crate::render::Options;
use crate::text;

const LABEL: &str = "xmppspec";

/// Colour of the message: white on it is readable (contrast of at least 4.5).
const GREEN: &str = "#2f7d32";
const RED: &str = "#b3261e";
const GREY: &str = "#5f6368";

fn message(results: &Results, options: &Options<'_>) -> (String, &'static str) {
    let gate = results.gate(&options.gate);
    match &gate {
        Gate::Nothing => ("nothing judged".to_owned(), GREY),
        Gate::Conformant if results.summary.known > 0 => {
            let known = text::count(results.summary.known, "known finding");
            (format!("conformant, {known}"), GREEN)
        }
        Gate::Conformant => ("conformant".to_owned(), GREEN),
        Gate::NotConformant(objections) => (text::count(objections.len(), "finding"), RED),
    }
}

/// The endpoint JSON of shields.io.
pub(super) fn endpoint(results: &Results, options: &Options<'_>) -> Result<String, ReportError> {
    let (message, color) = message(results, options);
    let json = serde_json::json!({
        "schemaVersion": 1,
        "label": LABEL,
        "message": message,
        "color": color.trim_start_matches('#'),
        "isError": color == RED,
    });
    serde_json::to_string(&json)
        .map(|text| text + "\n")
        .map_err(ReportError::Json)
}

/// The badge itself. Nothing in it comes from the target.
pub(super) fn svg(results: &Results, options: &Options<'_>) -> String {
    // Verdana at 11 px is about so wide; textLength makes it exact.
    const CHARACTER: usize = 7;
    let (message, color) = message(results, options);
    let text_width = |text: &str| text.width() * CHARACTER;
    let left = text_width(LABEL) + 10;
    let right = text_width(&message) + 10;
    let width = left + right;
    let piece = |x: usize, text: &str| {
        let length = text_width(text);
        format!(
            "<text x=\"{x}\" y=\"14\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\">{text}</text>"
        )
    };
    let texts = [piece(5, LABEL), piece(left + 5, &message)].concat();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"20\" role=\"img\" \
         aria-label=\"{LABEL}: {message}\"><title>{LABEL}: {message}</title>\
         <clipPath id=\"r\"><rect width=\"{width}\" height=\"20\" rx=\"3\"/></clipPath>\
         <g clip-path=\"url(#r)\"><rect width=\"{left}\" height=\"20\" fill=\"#444\"/>\
         <rect x=\"{left}\" width=\"{right}\" height=\"20\" fill=\"{color}\"/></g>\
         <g fill=\"#fff\" font-family=\"Verdana,Geneva,DejaVu Sans,sans-serif\" font-size=\"11\">{texts}</g></svg>\n"
    )
}

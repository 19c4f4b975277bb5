//! Claims beside what was seen, as text.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use crate::claims::{ClaimState, Claims, Standing};
use crate::render::Options;
use crate::render::comparison::paint;
use crate::render::layout::{cut, wrap};
use crate::text;

/// Ids of broken requirements in one line.
const IDS: usize = 3;

/// Writes what a project claims beside what was seen, the worst first.
pub fn render_claims(claims: &Claims, options: &Options<'_>) -> String {
    let mut out = String::new();
    let project = match claims.project.as_str() {
        "" => "the project",
        name => &cut(&text::line(name), options.width / 2),
    };
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "What {project} claims, and what was seen of {}\n",
        text::line(&claims.target)
    );
    for standing in Standing::ALL {
        let documents: Vec<&ClaimState> = claims.standing(standing).collect();
        if documents.is_empty() {
            continue;
        }
        let style = match standing {
            Standing::Broken => AnsiColor::Red.on_default().bold(),
            Standing::NotOffered | Standing::NotClaimed => AnsiColor::Yellow.on_default(),
            Standing::Seen => AnsiColor::Green.on_default(),
            Standing::NotTested => Style::new().dimmed(),
        };
        let title = format!("{}: {}", standing.as_str(), documents.len());
        let _ = writeln!(out, "{}", paint(options, style, &title));
        let width = options.width.saturating_sub(2).max(20);
        if standing == Standing::NotTested {
            let names = documents.iter().map(|one| named(one));
            // What belongs together is not broken apart.
            let names = names
                .map(|name| name.replace(' ', "\u{a0}"))
                .collect::<Vec<_>>();
            for line in wrap(&names.join(", "), width) {
                let _ = writeln!(out, "  {}", line.replace('\u{a0}', " "));
            }
        } else {
            let names: Vec<String> = documents.iter().map(|one| named(one)).collect();
            let column = names.iter().map(|name| name.width()).max().unwrap_or(0);
            for (document, name) in documents.iter().zip(&names) {
                let pad = " ".repeat(column - name.width());
                let line = cut(&format!("{name}{pad}  {}", evidence(document)), width);
                let _ = writeln!(out, "  {line}");
            }
        }
        out.push('\n');
    }
    if claims.documents.is_empty() {
        out.push_str("Nothing is claimed, and nothing was seen.\n");
    }
    out
}

/// `XEP-0174 2.0.1 (partial)`
fn named(document: &ClaimState) -> String {
    let mut name = document.document.clone();
    if let Some(version) = &document.version {
        let _ = write!(name, " {}", cut(&text::line(version), 12));
    }
    if let Some(status) = document.status {
        let _ = write!(name, " ({})", status.as_str());
    }
    name
}

fn evidence(document: &ClaimState) -> String {
    let mut parts = Vec::new();
    if document.held > 0 {
        parts.push(format!("{} hold", document.held));
    }
    if !document.broken.is_empty() {
        let more = if document.broken.len() > IDS {
            ", …"
        } else {
            ""
        };
        let ids = document.broken.iter().take(IDS).map(|id| text::line(id));
        let ids = ids.collect::<Vec<_>>().join(", ");
        parts.push(format!("{} broken ({ids}{more})", document.broken.len()));
    }
    if document.not_judged > 0 {
        parts.push(format!("{} not judged", document.not_judged));
    }
    parts.join(", ")
}

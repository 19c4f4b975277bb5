//! Comparisons, as text, Markdown and a page.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use crate::ReportError;
use crate::compare::{Change, Comparison, Difference, Matrix, Row};
use crate::documents;
use crate::render::html::{self, markup};
use crate::render::layout::cut;
use crate::render::{Format, Options, markdown, terminal};
use crate::requirement;
use crate::text;
use crate::verdict::State;

/// The states that a summary counts.
const COUNTED: [State; 5] = [
    State::Pass,
    State::Fail,
    State::Warn,
    State::Blocked,
    State::Skip,
];

/// Columns of a target's name, which is as long as a target likes.
const NAME_WIDTH: usize = 60;

/// Characters of a reason.
const REASON_LENGTH: usize = 300;

/// Makes a report of a comparison; there are `terminal`, `markdown`, `html` and `json`.
pub fn render_comparison(
    format: Format,
    comparison: &Comparison,
    options: &Options<'_>,
) -> Result<String, ReportError> {
    match (format, comparison) {
        (Format::Json, _) => {
            let json = serde_json::to_string_pretty(comparison).map_err(ReportError::Json)?;
            Ok(json + "\n")
        }
        (Format::Terminal, Comparison::Runs(difference)) => Ok(runs_text(difference, options)),
        (Format::Terminal, Comparison::Targets(matrix)) => Ok(targets_text(matrix, options)),
        (Format::Markdown, Comparison::Runs(difference)) => Ok(runs_markdown(difference)),
        (Format::Markdown, Comparison::Targets(matrix)) => Ok(targets_markdown(matrix, options)),
        (Format::Html, Comparison::Runs(difference)) => {
            Ok(html::page(&runs_title(difference), &runs_html(difference)))
        }
        (Format::Html, Comparison::Targets(matrix)) => Ok(html::page(
            &targets_title(matrix),
            &targets_html(matrix, options),
        )),
        (other, _) => Err(ReportError::CannotCompare(other.name())),
    }
}

pub(super) fn paint(options: &Options<'_>, style: Style, text: &str) -> String {
    if options.color {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

/// `pass -> fail`; a case that is new or gone has one verdict only.
fn verdicts(change: &Change) -> String {
    match (change.before, change.after) {
        (Some(before), Some(after)) => format!("{before} -> {after}"),
        (Some(only), None) | (None, Some(only)) => only.to_string(),
        (None, None) => String::new(),
    }
}

fn reason(change: &Change) -> String {
    let reason = text::line(change.reason.as_deref().unwrap_or_default());
    text::head(&reason, REASON_LENGTH)
}

fn named(target: &str) -> String {
    cut(&text::line(target), NAME_WIDTH)
}

// Two runs

fn runs_title(difference: &Difference) -> String {
    let (before, after) = (named(&difference.before), named(&difference.after));
    if difference.before == difference.after {
        format!("{before}: two runs")
    } else {
        format!("{before} and {after}")
    }
}

fn runs_text(difference: &Difference, options: &Options<'_>) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(out, "{}\n", runs_title(difference));
    for (title, changes) in difference.lists() {
        if changes.is_empty() {
            continue;
        }
        let style = match title {
            "Broken" => AnsiColor::Red.on_default(),
            "Fixed" => AnsiColor::Green.on_default(),
            _ => AnsiColor::Yellow.on_default(),
        };
        let _ = writeln!(
            out,
            "{} {}",
            paint(options, style.bold(), title),
            text::count(changes.len(), "case")
        );
        for change in changes {
            let _ = writeln!(out, "  {} ({})", text::line(&change.name), verdicts(change));
            let mut why = change
                .requirements
                .iter()
                .map(|id| text::line(id))
                .collect::<Vec<_>>()
                .join(", ");
            if change.reason.is_some() {
                let colon = if why.is_empty() { "" } else { ": " };
                let _ = write!(why, "{colon}{}", reason(change));
            }
            if !why.is_empty() {
                let _ = writeln!(
                    out,
                    "    {}",
                    cut(&why, options.width.saturating_sub(4).max(20))
                );
            }
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "{} broken, {} fixed, {} changed, {} new, {} gone, {} as before",
        difference.broken.len(),
        difference.fixed.len(),
        difference.changed.len(),
        difference.new.len(),
        difference.gone.len(),
        difference.same
    );
    out
}

fn runs_markdown(difference: &Difference) -> String {
    let mut out = format!("## {}\n\n", markdown::escape(&runs_title(difference)));
    for (title, changes) in difference.lists() {
        if changes.is_empty() {
            continue;
        }
        let _ = writeln!(out, "### {title}: {}\n", changes.len());
        for change in changes {
            let _ = writeln!(
                out,
                "- `{}` {}: {}",
                markdown::code(&change.name),
                markdown::escape(&verdicts(change)),
                markdown::escape(&reason(change))
            );
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{} as before.", text::count(difference.same, "case"));
    out
}

fn runs_html(difference: &Difference) -> String {
    let mut out = String::new();
    for (title, changes) in difference.lists() {
        if changes.is_empty() {
            continue;
        }
        let _ = write!(
            out,
            "<h2>{title} <span class=\"count\">{}</span></h2>\n<ul>\n",
            changes.len()
        );
        for change in changes {
            let state = change
                .after
                .or(change.before)
                .map_or("skip", |verdict| verdict.as_str());
            let _ = writeln!(
                out,
                "<li class=\"requirement\"><span class=\"mark {state}\">{}</span> <span class=\"name\">{}</span><p>{}</p></li>",
                markup::escape(&verdicts(change)),
                markup::escape(&change.name),
                markup::escape(&reason(change))
            );
        }
        out.push_str("</ul>\n");
    }
    let _ = writeln!(
        out,
        "<p>{} as before.</p>",
        text::count(difference.same, "case")
    );
    out
}

// Many targets

fn targets_title(matrix: &Matrix) -> String {
    names(matrix).join(", ")
}

fn names(matrix: &Matrix) -> Vec<String> {
    matrix.targets.iter().map(|target| named(target)).collect()
}

/// One letter, for narrow columns.
fn letter(state: State) -> &'static str {
    match state {
        State::Untested => "·",
        State::Pass => "P",
        State::Skip => "s",
        State::Blocked => "b",
        State::Warn => "W",
        State::Error => "E",
        State::Fail => "F",
    }
}

fn targets_text(matrix: &Matrix, options: &Options<'_>) -> String {
    let mut out = String::new();
    let names = names(matrix);
    let first = names
        .iter()
        .map(|name| name.width())
        .max()
        .unwrap_or(0)
        .max("Requirements".len());
    let _ = write!(out, "{:first$}", "Requirements");
    for state in COUNTED {
        let _ = write!(out, "{state:>9}");
    }
    out.push('\n');
    for (column, name) in names.iter().enumerate() {
        let _ = write!(out, "{name}{:1$}", "", first - name.width());
        for state in COUNTED {
            let number = format!("{:>9}", matrix.count(column, state));
            out.push_str(&paint(options, terminal::state_style(state), &number));
        }
        out.push('\n');
    }
    let differing: Vec<&Row> = matrix.rows.iter().filter(|row| row.differs()).collect();
    if !differing.is_empty() {
        let _ = writeln!(
            out,
            "\nWhere they differ (P pass, F fail, W warn, b blocked, s skip, E error, · untested):"
        );
    }
    for row in &differing {
        for &state in &row.states {
            out.push_str(&paint(options, terminal::state_style(state), letter(state)));
            out.push(' ');
        }
        let info = requirement::find(options.requirements, &row.id, &row.level);
        let words = format!(
            "{} ({}) {}",
            text::line(&row.id),
            text::line(info.level),
            text::line(info.text)
        );
        let room = options.width.saturating_sub(row.states.len() * 2).max(20);
        let _ = writeln!(out, "{}", cut(words.trim_end(), room));
    }
    let agreed = matrix.rows.len() - differing.len();
    let _ = writeln!(
        out,
        "\n{}, {agreed} agree, {} not tested",
        text::count(differing.len(), "difference"),
        matrix.untested
    );
    out
}

fn targets_markdown(matrix: &Matrix, options: &Options<'_>) -> String {
    let mut out = String::from("| |");
    for state in COUNTED {
        let _ = write!(out, " {state} |");
    }
    let _ = writeln!(out, "\n|:--|{}", "--:|".repeat(COUNTED.len()));
    for (column, target) in names(matrix).iter().enumerate() {
        let _ = write!(out, "| {} |", markdown::escape(target));
        for state in COUNTED {
            let _ = write!(out, " {} |", matrix.count(column, state));
        }
        out.push('\n');
    }
    out.push_str("\n| requirement |");
    for target in &names(matrix) {
        let _ = write!(out, " {} |", markdown::escape(target));
    }
    let _ = writeln!(out, "\n|:--|{}", ":-:|".repeat(matrix.targets.len()));
    for row in matrix.rows.iter().filter(|row| row.differs()) {
        let info = requirement::find(options.requirements, &row.id, &row.level);
        let id = markdown::escape(&row.id);
        let id = info
            .link()
            .map_or(id.clone(), |link| format!("[{id}]({link})"));
        let _ = write!(
            out,
            "| {id} {} {} |",
            markdown::escape(info.level),
            markdown::escape(info.text)
        );
        for state in &row.states {
            let _ = write!(
                out,
                " {} |",
                if *state == State::Untested {
                    "·"
                } else {
                    state.as_str()
                }
            );
        }
        out.push('\n');
    }
    let agreed = matrix.rows.iter().filter(|row| !row.differs()).count();
    let _ = writeln!(
        out,
        "\n{agreed} more agree, {} are not tested.",
        matrix.untested
    );
    out
}

fn targets_html(matrix: &Matrix, options: &Options<'_>) -> String {
    let mut out = String::from(
        "<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Summary\"><table>\n<thead><tr><th scope=\"col\">Target</th>",
    );
    for state in COUNTED {
        let _ = write!(out, "<th scope=\"col\">{state}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for (column, target) in names(matrix).iter().enumerate() {
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", markup::escape(target));
        for state in COUNTED {
            let _ = write!(
                out,
                "<td class=\"{state}\">{}</td>",
                matrix.count(column, state)
            );
        }
        out.push_str("</tr>\n");
    }
    let agreed = matrix.rows.iter().filter(|row| !row.differs()).count();
    let _ = write!(
        out,
        "</tbody></table></div>\n<p><label><input type=\"checkbox\" id=\"differing\" checked> Only where they differ</label> \
         ({agreed} agree, {} are not tested)</p>\n",
        matrix.untested
    );
    let mut place = (String::new(), String::new());
    for row in &matrix.rows {
        let info = requirement::find(options.requirements, &row.id, &row.level);
        let now = (
            documents::name(info.spec),
            documents::chapter(info.section).to_owned(),
        );
        if now != place {
            if !place.0.is_empty() {
                out.push_str("</tbody></table></div></section>\n");
            }
            let title = documents::chapter_title(info.spec, &now.1).unwrap_or_default();
            let _ = write!(
                out,
                "<section class=\"chapter\"><h2>{}</h2>\n<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"Table\"><table class=\"matrix\"><thead><tr>\
                 <th scope=\"col\">Requirement</th>",
                markup::escape(format!("{} {} {title}", now.0, now.1).trim_end())
            );
            for target in &names(matrix) {
                let _ = write!(out, "<th scope=\"col\">{}</th>", markup::escape(target));
            }
            out.push_str("</tr></thead>\n<tbody>\n");
            place = now;
        }
        let id = markup::escape(&row.id);
        let id = info.link().map_or(id.clone(), |link| {
            format!("<a href=\"{link}\" rel=\"noreferrer\">{id}</a>")
        });
        let _ = write!(
            out,
            "<tr class=\"{}\"><th scope=\"row\"><span class=\"name\">{id}</span> <span class=\"level\">{}</span> {}</th>",
            if row.differs() { "differs" } else { "agrees" },
            markup::escape(info.level),
            markup::escape(info.text)
        );
        for state in &row.states {
            let _ = write!(out, "<td class=\"{state}\">{state}</td>");
        }
        out.push_str("</tr>\n");
    }
    if !place.0.is_empty() {
        out.push_str("</tbody></table></div></section>\n");
    }
    out
}

//! `Examples:` and its table: one case a row.

use super::{Kind, Line, kind};
use crate::diagnostic::Diagnostic;
use crate::script::Row;
use crate::text::Template;

pub(super) struct Table {
    pub(super) rows: Vec<Row>,
}

/// Splits the lines into those before `Examples:` and its table. A table without a usable row
/// counts as none.
pub(super) fn take(
    mut lines: Vec<Line>,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<Line>, Option<Table>) {
    let is_head = |line: &Line| matches!(line.text.trim_end(), "Examples:" | "Examples");
    let Some(start) = lines.iter().position(is_head) else {
        return (lines, None);
    };
    let tail = lines.split_off(start);
    let mut columns: Option<Vec<Cell>> = None;
    let mut rows: Vec<Row> = Vec::new();
    let mut names: Vec<(String, std::ops::Range<usize>)> = Vec::new();
    let head = &tail[0];
    for line in &tail[1..] {
        if line.blank {
            continue;
        }
        if !line.is_indented() {
            if !matches!(kind(&line.text), Kind::Comment) {
                let diagnostic = Diagnostic::error("nothing may follow the table of `Examples:`")
                    .label(line.span.clone(), "")
                    .secondary(head.span.clone(), "the last thing of a script");
                diagnostics.push(diagnostic);
                break;
            }
            continue;
        }
        let Some(cells) = cells(&line.text) else {
            let diagnostic = Diagnostic::error("a row of a table starts and ends with `|`")
                .label(line.span.clone(), "")
                .help("write `\\|` for a bar inside a cell");
            diagnostics.push(diagnostic);
            continue;
        };
        let Some(columns) = &columns else {
            check_columns(&cells, &lines, diagnostics);
            columns = Some(cells);
            continue;
        };
        if cells.len() != columns.len() {
            let diagnostic = Diagnostic::error(format!(
                "this row has {} cells, the header has {}",
                cells.len(),
                columns.len()
            ))
            .label(line.span.clone(), "")
            .secondary(
                columns[0].span.start..columns[columns.len() - 1].span.end,
                "the header",
            );
            diagnostics.push(diagnostic);
            continue;
        }
        let (name, span) = (cells[0].text.clone(), cells[0].span.clone());
        if let Some((_, first)) = names.iter().find(|(other, _)| *other == name) {
            let diagnostic = Diagnostic::error(format!("two cases have the name `[{name}]`"))
                .label(span.clone(), "")
                .secondary(first.clone(), "the first one")
                .help("the first cell of a row names its case");
            diagnostics.push(diagnostic);
        }
        names.push((name, span));
        let cells = columns
            .iter()
            .zip(cells)
            .map(|(column, cell)| (column.text.clone(), cell.text))
            .collect();
        rows.push(Row {
            cells,
            line: line.number,
        });
    }
    if rows.is_empty() {
        let diagnostic = Diagnostic::error("`Examples:` has no rows")
            .label(head.span.clone(), "")
            .help("a header row and at least one more row stand below it, indented: `| name | value |`");
        diagnostics.push(diagnostic);
        return (lines, None);
    }
    (lines, Some(Table { rows }))
}

fn check_columns(columns: &[Cell], lines: &[Line], diagnostics: &mut Vec<Diagnostic>) {
    for (index, column) in columns.iter().enumerate() {
        if column.text.is_empty() {
            diagnostics
                .push(Diagnostic::error("this column has no name").label(column.span.clone(), ""));
        } else if let Some(other) = columns[..index]
            .iter()
            .find(|other| other.text == column.text)
        {
            let diagnostic =
                Diagnostic::error(format!("two columns have the name `{}`", column.text))
                    .label(column.span.clone(), "")
                    .secondary(other.span.clone(), "the first one");
            diagnostics.push(diagnostic);
        } else if index > 0 {
            // The first one names the case: that is use enough.
            let used = format!("${{{}}}", column.text);
            if !lines.iter().any(|line| line.text.contains(&used)) {
                let diagnostic =
                    Diagnostic::warning(format!("the column `{}` is never used", column.text))
                        .label(column.span.clone(), format!("`{used}` does not occur"));
                diagnostics.push(diagnostic);
            }
        }
    }
}

struct Cell {
    text: String,
    span: std::ops::Range<usize>,
}

/// The cells of a row; `\|` is a bar.
fn cells(line: &Template) -> Option<Vec<Cell>> {
    let text = line.trim_end();
    let start = text.len() - text.trim_start().len();
    let inner = text[start..].strip_prefix('|')?.strip_suffix('|')?;
    if inner.ends_with('\\') {
        return None;
    }
    let mut cells = Vec::new();
    let mut from = start + 1;
    let end = text.len() - 1;
    let bytes = text.as_bytes();
    for at in start + 1..=end {
        if bytes[at] == b'|' && (at == end || bytes[at - 1] != b'\\') {
            let cell = &text[from..at];
            let trimmed = cell.trim();
            let first = from + (cell.len() - cell.trim_start().len());
            let range = if trimmed.is_empty() {
                from..at
            } else {
                first..first + trimmed.len()
            };
            cells.push(Cell {
                text: trimmed.replace("\\|", "|"),
                span: line.locate(range),
            });
            from = at + 1;
        }
    }
    Some(cells)
}

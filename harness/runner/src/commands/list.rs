//! `xmppspec list`: the cases, or the requirements.

use std::collections::HashMap;

use serde::Serialize;
use xmppspec_scenarios::{Role, catalogue};

use super::run_args::Format;
use super::{Outcome, json, values};
use crate::exit::{Exit, Failed};
use crate::select::{Selected, select, select_any};
use crate::ui::{self, BOLD, DIM};

/// The widest name that titles are aligned for.
const NAME_WIDTH: usize = 48;

/// What to list.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  xmppspec list                          every case
  xmppspec list rfc6120/4.9              what `xmppspec run rfc6120/4.9` would run
  xmppspec list --requirements '*tls*'   the requirements that these cases cover
  xmppspec list --uncovered --role server")]
pub struct ListArgs {
    /// What `xmppspec run` takes: case names or their beginnings, requirement ids, globs, script files [default: everything]
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<String>,

    /// List requirements, with the number of cases that cover each: those of the selected cases, or the whole catalogue
    #[arg(long)]
    requirements: bool,

    /// List the requirements that no case covers
    #[arg(long, conflicts_with_all = ["requirements", "selectors"])]
    uncovered: bool,

    /// Only what is for targets of this role
    #[arg(long, value_name = "server|peer|client", value_parser = values::role)]
    role: Option<Role>,

    /// What to write to standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// A case, as `--format json` tells it.
#[derive(Debug, Serialize)]
struct CaseRow<'a> {
    name: String,
    title: &'a str,
    role: &'a str,
    requires: &'a [String],
    requirements: &'a [String],
    file: &'a str,
}

/// A requirement, as `--format json` tells it.
#[derive(Debug, Serialize)]
struct RequirementRow {
    id: &'static str,
    spec: &'static str,
    section: &'static str,
    level: &'static str,
    binds: Vec<&'static str>,
    text: &'static str,
    cases: usize,
}

/// Lists cases or requirements.
pub(super) fn main(args: &ListArgs) -> Outcome {
    let cases = match args.role {
        // No scenario may be there yet for a role that requirements bind.
        Some(role) if !args.selectors.is_empty() || !args.uncovered => {
            select(&args.selectors, role)?
        }
        _ => select_any(&args.selectors)?,
    };
    if args.requirements || args.uncovered {
        return requirements(args, &cases);
    }
    if args.format == Format::Json {
        let rows: Vec<CaseRow<'_>> = cases.iter().map(case_row).collect();
        return json(&rows);
    }
    let name_width = cases
        .iter()
        .map(|case| case.script.case_name().chars().count())
        .filter(|width| *width <= NAME_WIDTH)
        .max()
        .unwrap_or(0);
    for case in &cases {
        let (name, title) = (case.script.case_name(), &case.script.title);
        let covers = case.script.covers.join(" ");
        if !ui::line(&format!(
            "{BOLD}{name:name_width$}{BOLD:#}  {title}  {DIM}{covers}{DIM:#}"
        )) {
            break;
        }
    }
    if cases.is_empty() {
        return Err(nothing(args));
    }
    Ok(Exit::Conformant)
}

fn nothing(args: &ListArgs) -> Failed {
    let role = args.role.map_or("any", Role::name);
    Failed {
        exit: Exit::Nothing,
        message: format!("there is nothing to list for targets of the role {role}"),
    }
}

fn case_row(case: &Selected) -> CaseRow<'_> {
    CaseRow {
        name: case.script.case_name(),
        title: &case.script.title,
        role: case.script.role.name(),
        requires: &case.script.requires,
        requirements: &case.script.covers,
        file: &case.source.name,
    }
}

fn requirements(args: &ListArgs, cases: &[Selected]) -> Outcome {
    let mut covered: HashMap<&str, usize> = HashMap::new();
    for id in cases.iter().flat_map(|case| &case.script.covers) {
        *covered.entry(id).or_default() += 1;
    }
    let rows: Vec<RequirementRow> = catalogue::all()
        .iter()
        .filter(|requirement| args.role.is_none_or(|role| requirement.binds_role(role)))
        .map(|requirement| RequirementRow {
            id: requirement.id,
            spec: requirement.spec,
            section: requirement.section,
            level: requirement.level.name(),
            binds: requirement.binds.iter().map(|party| party.name()).collect(),
            text: requirement.text,
            cases: covered.get(requirement.id).copied().unwrap_or(0),
        })
        .filter(|row| {
            if args.uncovered {
                row.cases == 0
            } else {
                args.selectors.is_empty() || row.cases > 0
            }
        })
        .collect();
    if args.format == Format::Json {
        return json(&rows);
    }
    if rows.is_empty() {
        return Err(nothing(args));
    }
    let id_width = rows.iter().map(|row| row.id.len()).max().unwrap_or(0);
    for row in &rows {
        let cases = match row.cases {
            0 => String::new(),
            n => n.to_string(),
        };
        if !ui::line(&format!(
            "{BOLD}{:id_width$}{BOLD:#}  {:10}  {cases:>3}  {}",
            row.id, row.level, row.text
        )) {
            break;
        }
    }
    Ok(Exit::Conformant)
}

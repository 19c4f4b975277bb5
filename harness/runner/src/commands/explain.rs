//! `xmppspec explain`: what a requirement, a section, a case or an error condition is about.

mod json;

use xmppspec_reference::Fault;
use xmppspec_reference::peer::PeerFault;
use xmppspec_reports::RequirementInfo;
use xmppspec_scenarios::catalogue::{self, Condition, ConditionKind, Requirement};
use xmppspec_scenarios::names;

use super::Outcome;
use super::run_args::Format;
use crate::exit::{Exit, Failed};
use crate::select::{Selected, select_any};
use crate::ui::{self, BOLD, DIM, DOUBTFUL};

/// Columns of running text, however wide the terminal is.
const TEXT_WIDTH: usize = 100;

/// What to explain.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  xmppspec explain RFC6120-4.9.3.6-1              a requirement
  xmppspec explain RFC6120-4.9.3.6                a section: its text, and its requirements
  xmppspec explain host-unknown                   an error condition
  xmppspec explain rfc6120/4.9.3.6-host-unknown   a case, with its script")]
pub struct ExplainArgs {
    /// A requirement, a section, an error condition of streams, SASL or stanzas, or a case
    #[arg(value_name = "ID|CASE", required = true)]
    what: Vec<String>,

    /// The whole text of a requirement's section, too
    #[arg(long)]
    section: bool,

    /// What to write to standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// What a word names.
enum Named<'a> {
    Requirement(&'static Requirement),
    Section(Vec<&'static Requirement>),
    Conditions(Vec<&'static Condition>),
    Cases(Vec<&'a Selected>),
}

/// Explains each word.
pub(super) fn main(args: &ExplainArgs) -> Outcome {
    let cases = select_any(&[])?;
    let mut files = Vec::new();
    for word in &args.what {
        if word.ends_with(".scs") || std::path::Path::new(word).is_file() {
            files.extend(select_any(std::slice::from_ref(word))?);
        }
    }
    // Everything is looked up first, so that a misspelt word is not lost in a page of text.
    let mut named = Vec::new();
    for word in &args.what {
        let of_file = files.iter().filter(|case| case.source.name == *word);
        let of_file: Vec<&Selected> = of_file.collect();
        named.push(if of_file.is_empty() {
            find(word, &cases).ok_or_else(|| unknown(word, &cases))?
        } else {
            Named::Cases(of_file)
        });
    }
    if args.format == Format::Json {
        return json::print(&named, &cases);
    }
    for (index, named) in named.iter().enumerate() {
        if index > 0 {
            ui::line("");
        }
        match named {
            Named::Requirement(requirement) => {
                explain_requirement(requirement, &cases);
                if args.section {
                    ui::line("");
                    tell_section(requirement.spec, requirement.section);
                }
            }
            Named::Section(requirements) => explain_section(requirements, &cases),
            Named::Conditions(conditions) => explain_conditions(conditions, &cases),
            Named::Cases(cases) => explain_case(cases),
        }
    }
    Ok(Exit::Conformant)
}

fn find<'a>(word: &str, cases: &'a [Selected]) -> Option<Named<'a>> {
    let upper = word.to_uppercase();
    if let Some(requirement) = catalogue::get(&upper) {
        return Some(Named::Requirement(requirement));
    }
    let section: Vec<_> = catalogue::all()
        .iter()
        .filter(|r| {
            r.id.rsplit_once('-')
                .is_some_and(|(section, _)| section == upper)
        })
        .collect();
    if !section.is_empty() {
        return Some(Named::Section(section));
    }
    let conditions: Vec<_> = catalogue::conditions()
        .iter()
        .filter(|condition| condition.name == word.to_lowercase())
        .collect();
    if !conditions.is_empty() {
        return Some(Named::Conditions(conditions));
    }
    let word = word.strip_suffix(".scs").unwrap_or(word);
    let is_meant = |case: &&Selected| case.script.name == word || case.script.case_name() == word;
    let cases: Vec<_> = cases.iter().filter(is_meant).collect();
    (!cases.is_empty()).then_some(Named::Cases(cases))
}

fn unknown(word: &str, cases: &[Selected]) -> Failed {
    let conditions = catalogue::conditions().iter().map(|c| c.name);
    let scripts = cases.iter().map(|c| c.script.name.as_str());
    let near = catalogue::nearest(&word.to_uppercase())
        .or_else(|| names::nearest(word, conditions))
        .or_else(|| names::nearest(word, scripts));
    Failed::usage(match near {
        Some(near) => format!(
            "there is no requirement, section, error condition or case called {word}\ndid you mean {near}?"
        ),
        None => format!(
            "there is no requirement, section, error condition or case called {word}\n\
             `xmppspec list` lists the cases, `xmppspec list --requirements` the requirements"
        ),
    })
}

/// A paragraph, its lines broken at words.
fn paragraph(first: &str, text: &str) {
    let width = ui::width().min(TEXT_WIDTH);
    let indent = " ".repeat(first.chars().count());
    let (mut line, mut start) = (first.to_owned(), true);
    for word in text.split_whitespace() {
        if !start && line.chars().count() + 1 + word.chars().count() > width {
            ui::line(&line);
            line.clone_from(&indent);
            start = true;
        }
        if !start {
            line.push(' ');
        }
        line.push_str(word);
        start = false;
    }
    ui::line(&line);
}

fn info(requirement: &Requirement) -> RequirementInfo<'static> {
    RequirementInfo {
        spec: requirement.spec,
        section: requirement.section,
        level: requirement.level.name(),
        text: requirement.text,
        quote: catalogue::quote(requirement.id),
    }
}

/// `RFC 6120, section 4.9.3.6`
fn place(spec: &str, section: &str) -> String {
    let spec = match spec.strip_prefix("RFC") {
        Some(number) => format!("RFC {number}"),
        None => spec.to_owned(),
    };
    format!("{spec}, section {section}")
}

/// The text of a section, where it is at hand.
fn tell_section(spec: &str, section: &str) {
    let text = catalogue::section_text(spec, section);
    for line in text.iter().flat_map(|text| text.lines()) {
        ui::line(&format!("  {line}"));
    }
}

fn explain_requirement(requirement: &Requirement, cases: &[Selected]) {
    let Requirement { id, level, .. } = requirement;
    ui::line(&format!("{BOLD}{id}  {level}{BOLD:#}"));
    let info = info(requirement);
    let link = info.link().unwrap_or_default();
    ui::line(&format!(
        "{}  {DIM}{link}{DIM:#}\n",
        place(requirement.spec, requirement.section)
    ));
    paragraph("  ", requirement.text);
    if let Some(quote) = catalogue::quote(id) {
        ui::line("");
        paragraph("  > ", quote);
    }
    ui::line("");
    let parties: Vec<_> = requirement.binds.iter().map(|party| party.name()).collect();
    paragraph("binds     ", &parties.join(", "));
    let feature = catalogue::features()
        .iter()
        .find(|f| f.spec == requirement.spec && f.name == requirement.feature);
    if let Some(feature) = feature {
        paragraph(
            "part of   ",
            &format!("{}: {}", feature.name, feature.description),
        );
    }
    paragraph("seen by   ", &observation(requirement));
    if let Some(caveat) = caveat(requirement) {
        ui::line(&format!("{DOUBTFUL}note{DOUBTFUL:#}      {caveat}"));
    }
    let covers: Vec<_> = cases
        .iter()
        .filter(|case| case.script.covers.iter().any(|c| c == id))
        .collect();
    tell_cases("covered by", &covers);
    let breaks = |fault: &&Fault| fault.requirements().contains(id);
    let faults: Vec<_> = Fault::ALL.iter().filter(breaks).map(|f| f.name()).collect();
    if !faults.is_empty() {
        paragraph(
            "broken by ",
            &format!("--fault {}", faults.join(", --fault ")),
        );
    }
    let breaks = |fault: &&PeerFault| fault.requirements().contains(id);
    let faults: Vec<_> = PeerFault::ALL
        .iter()
        .filter(breaks)
        .map(|f| f.name())
        .collect();
    if !faults.is_empty() {
        paragraph(
            "broken by ",
            &format!("--peer-fault {}", faults.join(", --peer-fault ")),
        );
    }
}

/// What it takes to see it, and how.
fn observation(requirement: &Requirement) -> String {
    let takes = match requirement.observable {
        "direct" | "" => "",
        "needs-tls" => "TLS. ",
        "needs-s2s" => "a second server. ",
        "needs-two-clients" => "two clients. ",
        "needs-client-under-test" => "a client under test. ",
        "needs-server-fixture" => "a hand on the server's configuration. ",
        other => other,
    };
    format!("{takes}{}", requirement.observation)
}

/// What to bear in mind before somebody is told to be wrong.
fn caveat(requirement: &Requirement) -> Option<&'static str> {
    Some(match requirement.basis {
        "section" => "the level comes from another sentence of the section",
        "table" => "the level comes from the state tables of RFC 6121, appendix A",
        "definition" => "no sentence says so with a keyword; the level is a judgement",
        "reference" => "the level comes from a document that the section refers to",
        "lead-in" => "the keyword is in the sentence above a list",
        _ => return None,
    })
}

fn tell_cases(heading: &str, cases: &[&Selected]) {
    if cases.is_empty() {
        ui::line(&format!("{heading}  no scenario yet"));
        return;
    }
    ui::line(heading);
    for rows in cases.chunk_by(|a, b| a.script.name == b.script.name) {
        let Some(first) = rows.first() else { continue };
        let (name, title) = (&first.script.name, &first.script.title);
        let count = match rows.len() {
            1 => String::new(),
            n => format!("  {DIM}{n} cases{DIM:#}"),
        };
        ui::line(&format!("  {BOLD}{name}{BOLD:#}  {title}{count}"));
    }
}

fn explain_section(requirements: &[&Requirement], cases: &[Selected]) {
    if let Some(first) = requirements.first() {
        ui::line(&format!(
            "{BOLD}{}{BOLD:#}\n",
            place(first.spec, first.section)
        ));
    }
    if let Some(first) = requirements.first() {
        tell_section(first.spec, first.section);
        ui::line("");
    }
    for requirement in requirements {
        let Requirement { id, level, .. } = requirement;
        let count = cases
            .iter()
            .filter(|case| case.script.covers.iter().any(|c| c == id))
            .count();
        let count = match count {
            0 => "no case".to_owned(),
            1 => "1 case".to_owned(),
            n => format!("{n} cases"),
        };
        ui::line(&format!("{BOLD}{id}  {level}{BOLD:#}  {DIM}{count}{DIM:#}"));
        paragraph("  ", requirement.text);
    }
}

/// Conditions of one name; streams, SASL and stanzas share some.
fn explain_conditions(conditions: &[&Condition], cases: &[Selected]) {
    for condition in conditions {
        explain_condition(condition);
    }
    let Some(condition) = conditions.first() else {
        return;
    };
    let element = format!("<{}", condition.name);
    let expects = |case: &&Selected| case.source.text.contains(&element);
    let cases: Vec<_> = cases.iter().filter(expects).collect();
    tell_cases("written in", &cases);
}

fn explain_condition(condition: &Condition) {
    let kind = match condition.kind {
        ConditionKind::Stream => "stream error",
        ConditionKind::Sasl => "SASL failure",
        ConditionKind::Stanza => "stanza error",
    };
    ui::line(&format!(
        "{BOLD}{}{BOLD:#}  {kind}, {}\n",
        condition.name,
        place(condition.spec, condition.section)
    ));
    match condition.kind {
        ConditionKind::Stream => paragraph("sent on   ", condition.context),
        ConditionKind::Sasl => paragraph("answers   ", condition.context),
        ConditionKind::Stanza => {
            paragraph(
                "type      ",
                &format!("{} ({})", condition.error_type, condition.context),
            );
        }
    }
    paragraph("seen by   ", condition.trigger);
    let prefix = format!("{}-{}-", condition.spec, condition.section);
    let ids: Vec<_> = catalogue::all()
        .iter()
        .map(|requirement| requirement.id)
        .filter(|id| id.starts_with(&prefix))
        .collect();
    if !ids.is_empty() {
        paragraph("required  ", &ids.join(", "));
    }
    ui::line("");
    tell_section(condition.spec, condition.section);
    ui::line("");
}

fn explain_case(cases: &[&Selected]) {
    let Some(first) = cases.first() else { return };
    let script = &first.script;
    ui::line(&format!("{BOLD}{}{BOLD:#}", script.title));
    ui::line(&format!(
        "{}  {DIM}{}, for a {}{DIM:#}\n",
        script.name,
        match cases.len() {
            1 => "1 case".to_owned(),
            n => format!("{n} cases"),
        },
        script.role.name()
    ));
    let mut seen = Vec::new();
    for id in cases.iter().flat_map(|case| &case.script.covers) {
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let known = catalogue::get(id);
        let text = known.map_or("not in the catalogue", |r| r.text);
        let level = known.map_or("", |r| r.level.name());
        ui::line(&format!("{BOLD}{id}  {level}{BOLD:#}"));
        paragraph("  ", text);
    }
    if !script.requires.is_empty() {
        paragraph("needs     ", &script.requires.join(", "));
    }
    ui::line(&format!("\n{DIM}{}{DIM:#}", first.source.name));
    for line in first.source.text.lines() {
        ui::line(&format!("  {line}"));
    }
}

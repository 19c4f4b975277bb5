//! Reports: one function from results to text for every format.

mod badge;
mod claims;
mod comparison;
mod github;
mod html;
mod junit;
mod known;
mod layout;
mod markdown;
mod outcome;
mod sarif;
mod tap;
mod terminal;

pub use claims::render_claims;
pub use comparison::render_comparison;

use crate::ReportError;
use crate::features::Feature;
use crate::gate::GateOptions;
use crate::model::Results;
use crate::requirement::RequirementTexts;

/// A kind of report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// For people at a terminal.
    Terminal,
    /// The results as they are.
    Json,
    /// A page that opens offline.
    Html,
    /// JUnit XML.
    Junit,
    /// TAP version 13.
    Tap,
    /// SARIF 2.1.0.
    Sarif,
    /// Markdown.
    Markdown,
    /// Workflow commands.
    Github,
    /// Entries for the profile, as TOML.
    Known,
    /// A badge, as SVG.
    Badge,
    /// A badge, as shields.io reads it.
    BadgeJson,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Format] = &[
        Format::Terminal,
        Format::Json,
        Format::Html,
        Format::Junit,
        Format::Tap,
        Format::Sarif,
        Format::Markdown,
        Format::Github,
        Format::Known,
        Format::Badge,
        Format::BadgeJson,
    ];

    /// The name by which users ask for it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Terminal => "terminal",
            Format::Json => "json",
            Format::Html => "html",
            Format::Junit => "junit",
            Format::Tap => "tap",
            Format::Sarif => "sarif",
            Format::Markdown => "markdown",
            Format::Github => "github",
            Format::Known => "known",
            Format::Badge => "badge",
            Format::BadgeJson => "badge-json",
        }
    }

    /// What it is for, in one line.
    pub fn description(self) -> &'static str {
        match self {
            Format::Terminal => "what a run prints",
            Format::Json => "the results themselves (reports/results.schema.json)",
            Format::Html => "one page that opens offline: search, filters, transcripts",
            Format::Junit => "for the test page of a CI",
            Format::Tap => "for TAP consumers",
            Format::Sarif => "for code scanning",
            Format::Markdown => "for a job summary: what fails first",
            Format::Github => "annotations of a GitHub workflow",
            Format::Known => {
                "[[known]] entries for the profile: what would be excused, the reasons to be written"
            }
            Format::Badge => "an SVG that says conformant or not",
            Format::BadgeJson => "the endpoint that shields.io reads",
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Result<Format, ReportError> {
        let found = Format::ALL
            .iter()
            .copied()
            .find(|format| format.name() == name);
        found.ok_or_else(|| ReportError::UnknownFormat(name.to_owned()))
    }
}

impl std::str::FromStr for Format {
    type Err = ReportError;

    fn from_str(name: &str) -> Result<Format, ReportError> {
        Format::from_name(name)
    }
}

/// How much a report says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// The verdict and what speaks against it.
    Quiet,
    /// Failures with what is needed to understand them.
    #[default]
    Normal,
    /// Also what was blocked or is a warning, with whole transcripts, and the names of what passed.
    Verbose,
    /// Every case with its transcript.
    Full,
}

/// What renderers need to know besides the results.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The texts of requirements.
    pub requirements: RequirementTexts<'a>,
    /// HTML and Markdown: features to tell of.
    pub features: &'a [Feature],
    /// What counts.
    pub gate: GateOptions<'a>,
    /// Terminal: with colours.
    pub color: bool,
    /// Terminal: columns.
    pub width: usize,
    /// Terminal: how much.
    pub verbosity: Verbosity,
}

impl Default for Options<'_> {
    /// Without texts, without colours, 80 columns.
    fn default() -> Self {
        Options {
            requirements: &|_| None,
            features: &[],
            gate: GateOptions::default(),
            color: false,
            width: 80,
            verbosity: Verbosity::Normal,
        }
    }
}

/// Makes a report.
pub fn render(
    format: Format,
    results: &Results,
    options: &Options<'_>,
) -> Result<String, ReportError> {
    match format {
        Format::Terminal => Ok(terminal::render(results, options)),
        Format::Json => results.to_json(),
        Format::Html => html::render(results, options),
        Format::Junit => junit::render(results, options),
        Format::Tap => Ok(tap::render(results, options)),
        Format::Sarif => sarif::render(results, options),
        Format::Markdown => Ok(markdown::render(results, options)),
        Format::Github => Ok(github::render(results, options)),
        Format::Known => Ok(known::render(results, options)),
        Format::Badge => Ok(badge::svg(results, options)),
        Format::BadgeJson => badge::endpoint(results, options),
    }
}

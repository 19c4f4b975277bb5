//! `xmppspec targets`: what can be tested, and what is missing for it on this machine.

use serde::Serialize;

use super::run_args::{Format, REFERENCE};
use super::{Outcome, json};
use crate::exit::{Exit, Failed};
use crate::target::{Profile, REFERENCE_PEER, Role};
use crate::ui::{self, BOLD, DIM, DOUBTFUL, GOOD};

/// How to tell it.
#[derive(Debug, Clone, clap::Args)]
pub struct TargetsArgs {
    /// What to write to standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// A target, as `--format json` tells it.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    role: &'static str,
    version: Option<String>,
    installed: bool,
    missing: Vec<String>,
    install: Option<String>,
    known: usize,
}

/// Lists the built-in targets.
pub(super) fn main(args: &TargetsArgs) -> Outcome {
    let profiles = Profile::built_in().map_err(|error| Failed::usage(error.to_string()))?;
    let embedded = |name: &str, role: Role| Row {
        name: name.to_owned(),
        role: role.name(),
        version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        installed: true,
        missing: Vec::new(),
        install: None,
        known: 0,
    };
    let references = [
        embedded(REFERENCE, Role::Server),
        embedded(REFERENCE_PEER, Role::Peer),
    ];
    let rows: Vec<Row> = references
        .into_iter()
        .chain(profiles.iter().map(row))
        .collect();
    match args.format {
        Format::Json => json(&rows),
        Format::Text => {
            text(&rows);
            Ok(Exit::Conformant)
        }
    }
}

fn row(profile: &Profile) -> Row {
    let missing = profile.missing();
    let installed = missing.is_empty();
    Row {
        name: profile.name.clone(),
        role: profile.role.name(),
        version: installed.then(|| profile.find_version()).flatten(),
        installed,
        install: (!installed).then(|| profile.install_hint()),
        missing,
        known: profile.known.len(),
    }
}

fn text(rows: &[Row]) {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    for row in rows {
        let name = format!("{BOLD}{:width$}{BOLD:#}", row.name);
        let state = match (&row.version, row.installed) {
            (_, false) => format!(
                "{DOUBTFUL}not installed{DOUBTFUL:#}: there is no {}",
                row.missing.join(", no ")
            ),
            (Some(version), true) => format!("{GOOD}ready{GOOD:#}, version {version}"),
            (None, true) => format!("{GOOD}ready{GOOD:#}"),
        };
        let known = match row.known {
            0 => String::new(),
            1 => format!(" {DIM}(1 known finding){DIM:#}"),
            n => format!(" {DIM}({n} known findings){DIM:#}"),
        };
        let what = if [REFERENCE, REFERENCE_PEER].contains(&row.name.as_str()) {
            format!(
                "{GOOD}ready{GOOD:#}: the embedded {}, the default",
                row.role
            )
        } else {
            state
        };
        ui::line(&format!("{name}  {what}{known}"));
        if let Some(install) = &row.install {
            ui::line(&format!("{:width$}  {install}", ""));
        }
    }
    ui::line(
        "\nRun one:             xmppspec run --target prosody\n\
         Your own profile:    xmppspec run --target FOLDER   (with a target.toml)\n\
         A running server:    xmppspec run --connect HOST:PORT --domain DOMAIN --register",
    );
}

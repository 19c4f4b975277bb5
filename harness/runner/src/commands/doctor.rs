//! `xmppspec doctor`: whether this machine can make closed worlds.

use super::run_args::Format;
use super::{Outcome, json, runtime};
use crate::exit::{Exit, Failed};
use crate::peer::check_loopback;
use crate::ui::{self, BAD, BOLD, DIM, DOUBTFUL, GOOD};
use crate::world::{self, Check, Entered, Needs, Step, WorldError};

/// What is left of the links of a world where there is none.
const LOOPBACK: &str = "loopback carries multicast: `xmppspec run --role peer --no-world` judges the embedded peer there";

/// How to tell.
#[derive(Debug, Clone, clap::Args)]
pub struct DoctorArgs {
    /// What to write to standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// What was found, for programs.
#[derive(serde::Serialize)]
struct Found<'a> {
    /// Closed worlds can be made here, and are as they should be.
    closed: bool,
    checks: Vec<FoundCheck<'a>>,
    notes: &'a [String],
    /// What to do about it.
    hint: Option<String>,
}

#[derive(serde::Serialize)]
struct FoundCheck<'a> {
    what: &'a str,
    /// Why it is not so; null if it is.
    wrong: Option<&'a str>,
}

fn done(step: Step) -> FoundCheck<'static> {
    FoundCheck {
        what: step.describe(),
        wrong: None,
    }
}

/// Tries to enter a world and looks around there.
pub(super) fn main(args: &DoctorArgs) -> Outcome {
    match world::enter(&Needs::default()) {
        Ok(entered) => inside(&entered, args.format),
        Err(error) => {
            let loopback = runtime()?.block_on(check_loopback());
            let wrong = loopback.as_ref().err().map(ToString::to_string);
            match args.format {
                Format::Text => refused(&error, wrong.as_deref()),
                Format::Json => {
                    let before = Step::ALL.into_iter().take_while(|step| *step != error.step);
                    let mut checks: Vec<_> = before.map(done).collect();
                    checks.push(FoundCheck {
                        what: error.step.describe(),
                        wrong: Some(error.errno.desc()),
                    });
                    checks.push(FoundCheck {
                        what: LOOPBACK,
                        wrong: wrong.as_deref(),
                    });
                    json(&Found {
                        closed: false,
                        checks,
                        notes: &[],
                        hint: Some(error.hint()),
                    })?;
                }
            }
            Err(Failed {
                exit: Exit::Target,
                message: format!("{error}\n{}", error.hint()),
            })
        }
    }
}

fn refused(error: &WorldError, loopback: Option<&str>) {
    ui::line(&format!(
        "{BOLD}No closed world can be made here.{BOLD:#}\n"
    ));
    for step in Step::ALL.into_iter().take_while(|step| *step != error.step) {
        good(step.describe());
    }
    bad(error.step.describe(), error.errno.desc());
    ui::line("\nWithout a world:");
    match loopback {
        None => good(LOOPBACK),
        Some(wrong) => bad(LOOPBACK, wrong),
    }
    ui::line("");
}

fn inside(entered: &Entered, format: Format) -> Outcome {
    let checks = runtime()?.block_on(world::check(entered));
    let wrong = checks.iter().filter(|check| check.wrong.is_some()).count();
    match format {
        Format::Text => tell(entered, &checks, wrong),
        Format::Json => {
            let mut found: Vec<FoundCheck<'_>> = Step::ALL.into_iter().map(done).collect();
            found.extend(checks.iter().map(|check| FoundCheck {
                what: check.what,
                wrong: check.wrong.as_deref(),
            }));
            json(&Found {
                closed: wrong == 0,
                checks: found,
                notes: &entered.notes,
                hint: None,
            })?;
        }
    }
    if wrong > 0 {
        return Err(Failed {
            exit: Exit::Target,
            message: "targets must not run in such a world\n\
                      please report this output with the kind and version of your kernel; \
                      --no-world runs targets without a world"
                .to_owned(),
        });
    }
    Ok(Exit::Conformant)
}

fn tell(entered: &Entered, checks: &[Check], wrong: usize) {
    ui::line(&match wrong {
        0 => format!("{BOLD}Closed worlds can be made here.{BOLD:#}\n"),
        _ => format!("{BOLD}A world was made, but it is not as it should be.{BOLD:#}\n"),
    });
    for step in Step::ALL {
        good(step.describe());
    }
    for check in checks {
        match &check.wrong {
            None => good(check.what),
            Some(wrong) => bad(check.what, wrong),
        }
    }
    for note in &entered.notes {
        ui::line(&format!("  {DOUBTFUL}note{DOUBTFUL:#}  {note}"));
    }
    if wrong == 0 {
        ui::line(&format!(
            "\n{DIM}`xmppspec targets` tells which targets are installed.{DIM:#}"
        ));
    }
}

fn good(what: &str) {
    ui::line(&format!("  {GOOD}ok{GOOD:#}    {what}"));
}

fn bad(what: &str, why: &str) {
    ui::line(&format!("  {BAD}no{BAD:#}    {what}: {why}"));
}

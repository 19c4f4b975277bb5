//! `xmppspec doctor`: whether this machine can make closed worlds.

use super::{Outcome, runtime};
use crate::exit::{Exit, Failed};
use crate::ui::{self, BAD, BOLD, DIM, DOUBTFUL, GOOD};
use crate::world::{self, Entered, Needs, Step, WorldError};

/// Tries to enter a world and looks around there.
pub(super) fn main() -> Outcome {
    match world::enter(&Needs::default()) {
        Ok(entered) => inside(&entered),
        Err(error) => {
            refused(&error);
            Err(Failed {
                exit: Exit::Target,
                message: format!("{error}\n{}", error.hint()),
            })
        }
    }
}

fn refused(error: &WorldError) {
    ui::line(&format!(
        "{BOLD}No closed world can be made here.{BOLD:#}\n"
    ));
    for step in Step::ALL.into_iter().take_while(|step| *step != error.step) {
        good(step.describe());
    }
    bad(error.step.describe(), error.errno.desc());
    ui::line("");
}

fn inside(entered: &Entered) -> Outcome {
    let checks = runtime()?.block_on(world::check(entered));
    let wrong = checks.iter().filter(|check| check.wrong.is_some()).count();
    ui::line(&match wrong {
        0 => format!("{BOLD}Closed worlds can be made here.{BOLD:#}\n"),
        _ => format!("{BOLD}A world was made, but it is not as it should be.{BOLD:#}\n"),
    });
    for step in Step::ALL {
        good(step.describe());
    }
    for check in &checks {
        match &check.wrong {
            None => good(check.what),
            Some(wrong) => bad(check.what, wrong),
        }
    }
    for note in &entered.notes {
        ui::line(&format!("  {DOUBTFUL}note{DOUBTFUL:#}  {note}"));
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
    ui::line(&format!(
        "\n{DIM}`xmppspec targets` tells which targets are installed.{DIM:#}"
    ));
    Ok(Exit::Conformant)
}

fn good(what: &str) {
    ui::line(&format!("  {GOOD}ok{GOOD:#}    {what}"));
}

fn bad(what: &str, why: &str) {
    ui::line(&format!("  {BAD}no{BAD:#}    {what}: {why}"));
}

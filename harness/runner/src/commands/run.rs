//! `xmppspec run`.

use super::RunArgs;
use crate::exit::{Exit, Failed};
use crate::ui;

/// Runs what the arguments select.
pub fn main(_args: RunArgs) -> Exit {
    let failed = Failed::usage("this build cannot run scenarios yet");
    ui::failed(&failed);
    failed.exit
}

//! The exit codes of every command. Programs that call `xmppspec` rely on them.

use std::process::ExitCode;

use crate::world::Interrupt;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: the target is conformant (known findings aside); for other commands: done.
    Conformant,
    /// 1: the target is not conformant, or a known finding passes now; for `parse`: the input is refused.
    NotConformant,
    /// 2: the command line, a profile, a script or a file is wrong; nothing was judged.
    Usage,
    /// 3: the target did not start, cannot be reached, or died; or no closed world can be made here.
    Target,
    /// 4: nothing was selected, or everything was skipped.
    Nothing,
    /// 128 and the number of the signal: the user asked for the end.
    Interrupted(Interrupt),
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Conformant => 0,
            Self::NotConformant => 1,
            Self::Usage => 2,
            Self::Target => 3,
            Self::Nothing => 4,
            Self::Interrupted(interrupt) => u8::try_from(interrupt.exit_code()).unwrap_or(255),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

/// Why a command could not do its work: how to end, and what to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// How to end.
    pub exit: Exit,
    /// What is wrong, where, and what to do next. The first line is the message; a rendered diagnostic stands as it is.
    pub message: String,
}

impl Failed {
    /// The command line, a profile, a script or a file is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_documentation() {
        let all = [
            (Exit::Conformant, 0),
            (Exit::NotConformant, 1),
            (Exit::Usage, 2),
            (Exit::Target, 3),
            (Exit::Nothing, 4),
            (Exit::Interrupted(Interrupt::Int), 130),
            (Exit::Interrupted(Interrupt::Term), 143),
            (Exit::Interrupted(Interrupt::Hup), 129),
        ];
        for (exit, code) in all {
            assert_eq!(exit.code(), code);
        }
    }
}

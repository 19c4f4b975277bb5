//! What people see: output that may be cut off, colours only where a terminal shows them, and errors.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use anstyle::{AnsiColor, Style};

use crate::exit::{Exit, Failed};

/// For headings.
pub const BOLD: Style = Style::new().bold();
/// For what is of less interest.
pub const DIM: Style = Style::new().dimmed();
/// For what is right.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// For what is wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// For what may be wrong.
pub const DOUBTFUL: Style = AnsiColor::Yellow.on_default();

/// The width of lines where no terminal says otherwise.
const WIDTH: usize = 100;

/// Why standard output takes no more.
static STOPPED: Mutex<Option<io::ErrorKind>> = Mutex::new(None);

/// Writes to standard output; the colours go where it is no terminal or the user wants none (`NO_COLOR`).
///
/// A reader that has gone (`| head`) is no error: the rest is not written. Whether to go on is up to the caller; the
/// verdict of a run, for one, does not depend on who reads. Other errors are told at the end, by [`finish`].
pub fn print(text: &str) -> bool {
    let mut stopped = STOPPED.lock().unwrap_or_else(PoisonError::into_inner);
    if stopped.is_none()
        && let Err(error) = anstream::stdout().lock().write_all(text.as_bytes())
    {
        *stopped = Some(error.kind());
    }
    stopped.is_none()
}

/// Writes a line to standard output; see [`print`].
pub fn line(text: &str) -> bool {
    print(&format!("{text}\n"))
}

/// Writes a line to standard error.
pub fn note(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Tells why a command failed.
pub fn failed(failed: &Failed) {
    match failed.message.strip_prefix("error: ") {
        Some(rest) => note(&format!("{BAD}error{BAD:#}: {rest}")),
        // A diagnostic that was rendered with colours brings its own beginning.
        None if failed.message.starts_with('\x1b') => note(&failed.message),
        None => note(&format!("{BAD}error{BAD:#}: {}", failed.message)),
    }
}

/// Flushes standard output. The exit code of a command that meant to end with `exit`.
pub fn finish(exit: Exit) -> Exit {
    let flushed = anstream::stdout().flush();
    let stopped = *STOPPED.lock().unwrap_or_else(PoisonError::into_inner);
    match stopped.or(flushed.err().map(|error| error.kind())) {
        None | Some(io::ErrorKind::BrokenPipe) => exit,
        Some(kind) => {
            failed(&Failed::usage(format!(
                "cannot write to standard output: {kind}"
            )));
            Exit::Usage
        }
    }
}

/// Whether standard output shows colours.
#[must_use]
pub fn is_colored() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// The environment variable with which one command of this program asks another for its progress.
pub const PROGRESS: &str = "XMPPSPEC_PROGRESS";

/// Whether standard error is a terminal that can write a line anew, so that progress can be shown there, or somebody reads it
/// who asked for it.
#[must_use]
pub fn has_progress() -> bool {
    std::env::var_os(PROGRESS).is_some()
        || io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Writes the last line of a terminal anew. To erase is no colour: it is done where the user wants none, too.
pub fn progress(text: &str) {
    let _ = write!(io::stderr(), "\r\x1b[K{text}");
}

/// Erases what [`progress`] has written, if anything can be there.
pub fn erase_progress() {
    if has_progress() {
        progress("");
    }
}

/// The columns of the terminal, or a width that suits files.
#[must_use]
pub fn width() -> usize {
    terminal_size::terminal_size_of(io::stdout()).map_or(WIDTH, |(width, _)| width.0.into())
}

/// `1 case`, `2 cases`.
#[must_use]
pub fn plural(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

//! `xmppspec parse`: what our reader sees in bytes, to be compared with what others see.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use xmppspec_protocol::xml::{Limits, Mode, Parser, XmlError, canonical_line};

use super::Outcome;
use crate::exit::{Exit, Failed};
use crate::ui;

/// Bytes read and written at a time.
const CHUNK: usize = 64 * 1024;

/// Which bytes to read, and as what.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
One event a line: `start {namespace}name {namespace}attribute=\"value\"`, `text \"…\"`, `end {namespace}name`. \
Elements always have braces; attributes are sorted; text is unescaped, then escaped as \\\" \\\\ \\n \\r \\t \\u{7f}. \
If the input is refused, the last line tells the offset of the byte, the rule and its section.

Exit codes: 0 accepted, 1 refused, 2 the file cannot be read

Examples:
  xmppspec parse stanza.xml
  printf '<a xmlns=\"b\">&lt;</a>' | xmppspec parse -")]
pub struct ParseArgs {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// It is one element: limits are for the whole of it
    #[arg(long)]
    element: bool,

    /// It is a stream from its header to its end: limits are for each child of the root
    #[arg(long, conflicts_with = "element")]
    stream: bool,

    /// Refuse more bytes of one element, of a stream header or of text between stanzas
    #[arg(long, value_name = "BYTES")]
    element_bytes: Option<usize>,

    /// Refuse more elements inside each other
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
}

/// Prints the events of the bytes.
pub(super) fn main(args: &ParseArgs) -> Outcome {
    let unreadable =
        |error: io::Error| Failed::usage(format!("cannot read {}: {error}", args.file.display()));
    let mut input: Box<dyn Read> = if args.file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(&args.file).map_err(unreadable)?)
    };
    let mode = if args.stream {
        Mode::Stream
    } else {
        Mode::Element
    };
    let limits = Limits {
        element_bytes: args.element_bytes.unwrap_or(usize::MAX),
        depth: args.depth.unwrap_or(usize::MAX),
        ..Limits::NONE
    };
    let mut events = Events {
        parser: Parser::new(mode, limits),
        text: String::with_capacity(CHUNK),
    };
    let mut chunk = vec![0; CHUNK];
    loop {
        let (length, is_last) = match input.read(&mut chunk) {
            Ok(0) => (0, true),
            Ok(length) => (length, false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        events.parser.feed(&chunk[..length]);
        match events.print(is_last) {
            Ok(goes_on) if goes_on && !is_last => {}
            Ok(_) => {
                events.flush();
                return Ok(Exit::Conformant);
            }
            Err(error) => {
                events.flush();
                ui::line(&format!("error: {error}"));
                return Ok(Exit::NotConformant);
            }
        }
    }
}

struct Events {
    parser: Parser,
    text: String,
}

impl Events {
    /// Prints the events that are there now; whether anybody reads them.
    fn print(&mut self, is_last: bool) -> Result<bool, XmlError> {
        loop {
            let event = if is_last {
                self.parser.last_event()?
            } else {
                self.parser.next_event()?
            };
            let Some(event) = event else { return Ok(true) };
            if let Some(line) = canonical_line(&event) {
                self.text.push_str(&line);
                self.text.push('\n');
            }
            if self.text.len() >= CHUNK && !self.flush() {
                return Ok(false);
            }
        }
    }

    fn flush(&mut self) -> bool {
        let is_read = ui::print(&self.text);
        self.text.clear();
        is_read
    }
}

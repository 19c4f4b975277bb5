//! What must hold for any bytes. Each property panics when it does not, which is what libFuzzer and proptest look for.

use std::process::ExitCode;

mod differential;
mod dns;
mod element;
mod jid;
mod quick_xml;
mod sasl;
mod script;
mod smuggle;
mod stream;

pub use differential::differential;
pub use dns::dns;
pub use element::element;
pub use jid::jid;
pub use quick_xml::quick_xml;
pub use sasl::sasl;
pub use script::script;
pub use smuggle::smuggle;
pub use stream::stream;

/// A property of bytes.
pub type Property = fn(&[u8]);

/// Every property with the name of its fuzz target and of its folder in the corpus.
pub const ALL: &[(&str, Property)] = &[
    ("stream", stream),
    ("element", element),
    ("differential", differential),
    ("smuggle", smuggle),
    ("jid", jid),
    ("sasl", sasl),
    ("dns", dns),
    ("script", script),
];

/// A number that depends on all bytes, for choices that must come out the same at each replay.
fn digest(data: &[u8]) -> u64 {
    let mut fold = Fold(0xcbf2_9ce4_8422_2325);
    fold.bytes(data);
    fold.0
}

/// A quick hash that tells sequences of strings apart; nobody attacks it. Fuzzers count comparisons: it makes few.
struct Fold(u64);

impl Fold {
    fn number(&mut self, number: u64) {
        self.0 = (self.0 ^ number)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.number(u64::from_le_bytes(last) ^ ((bytes.len() as u64) << 56));
    }
}

/// The main function of a fuzz target that was built without libFuzzer: checks the files named on the command line.
#[must_use]
pub fn replay(property: Property) -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    if files.is_empty() {
        eprintln!("checks FILE…; to fuzz, build with cargo fuzz");
        return ExitCode::from(2);
    }
    for file in files {
        match std::fs::read(&file) {
            Ok(bytes) => {
                eprintln!("{}: {} bytes", file.display(), bytes.len());
                property(&bytes);
            }
            Err(error) => {
                eprintln!("error: cannot read {}: {error}", file.display());
                return ExitCode::from(2);
            }
        }
    }
    ExitCode::SUCCESS
}

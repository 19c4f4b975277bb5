//! No property of ours: what quick-xml alone costs, to measure the others against.

use quick_xml::Reader;
use quick_xml::events::Event;

/// quick-xml reads the bytes to their end or to the first error.
pub fn quick_xml(data: &[u8]) {
    let mut reader = Reader::from_reader(data);
    while !matches!(reader.read_event(), Ok(Event::Eof) | Err(_)) {}
}

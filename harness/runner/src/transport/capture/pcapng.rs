//! The blocks of a pcapng file (draft-ietf-opsawg-pcapng), little-endian.

/// Section Header Block.
const SECTION: u32 = 0x0a0d_0d0a;
/// Interface Description Block.
const INTERFACE: u32 = 1;
/// Enhanced Packet Block.
const PACKET: u32 = 6;
/// Decryption Secrets Block.
const SECRETS: u32 = 10;

/// Packets begin with their IPv4 or IPv6 header.
const LINKTYPE_RAW: u16 = 101;
/// A TLS key log.
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// Options.
const END: u16 = 0;
const COMMENT: u16 = 1;
const APPLICATION: u16 = 4;

/// The longest comment, in bytes: what its length field can say, with room for the fill.
const MAX_COMMENT: usize = 1 << 14;

fn fill(body: &mut Vec<u8>) {
    body.resize(body.len().next_multiple_of(4), 0);
}

fn block(kind: u32, mut body: Vec<u8>) -> Vec<u8> {
    fill(&mut body);
    let length = u32::try_from(body.len() + 12)
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    [&kind.to_le_bytes()[..], &length, &body, &length].concat()
}

/// An option with a text, and the end of options.
fn option(body: &mut Vec<u8>, code: u16, text: &str) {
    let mut end = text.len().min(MAX_COMMENT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text.as_bytes()[..end];
    body.extend(code.to_le_bytes());
    body.extend(u16::try_from(text.len()).unwrap_or(0).to_le_bytes());
    body.extend(text);
    fill(body);
    body.extend(END.to_le_bytes());
    body.extend(0u16.to_le_bytes());
}

/// The beginning of a file: a section with one interface.
pub(super) fn head(application: &str) -> Vec<u8> {
    let mut section = Vec::new();
    section.extend(0x1a2b_3c4d_u32.to_le_bytes());
    section.extend(1u16.to_le_bytes());
    section.extend(0u16.to_le_bytes());
    // The length of the section is not told.
    section.extend(u64::MAX.to_le_bytes());
    option(&mut section, APPLICATION, application);
    let mut interface = Vec::new();
    interface.extend(LINKTYPE_RAW.to_le_bytes());
    interface.extend([0; 2]);
    // No limit of the length of packets.
    interface.extend(0u32.to_le_bytes());
    [block(SECTION, section), block(INTERFACE, interface)].concat()
}

/// A TLS key log.
pub(super) fn secrets(keys: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(TLS_KEY_LOG.to_le_bytes());
    body.extend(u32::try_from(keys.len()).unwrap_or(u32::MAX).to_le_bytes());
    body.extend(keys);
    block(SECRETS, body)
}

/// A packet, at microseconds since 1970.
pub(super) fn packet(micros: u64, packet: &[u8], comment: &str) -> Vec<u8> {
    let (high, low) = ((micros >> 32) as u32, (micros & 0xffff_ffff) as u32);
    let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
    let mut body = Vec::new();
    for number in [0, high, low, length, length] {
        body.extend(number.to_le_bytes());
    }
    body.extend(packet);
    fill(&mut body);
    if !comment.is_empty() {
        option(&mut body, COMMENT, comment);
    }
    block(PACKET, body)
}

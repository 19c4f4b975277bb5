//! Elements: what is written is read back as it was.

use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;

/// Writing and reading is the identity on every element that can be read, as a document of its own and as a child of a
/// stream; what is written is a fixed point.
pub fn element(bytes: &[u8]) {
    let Ok(element) = Element::parse(bytes) else {
        return;
    };
    let written = element.to_string();
    let read = Element::parse(written.as_bytes());
    assert_eq!(read.as_ref(), Ok(&element), "{written}");
    assert_eq!(
        read.map(|e| e.to_string()).as_deref(),
        Ok(written.as_str()),
        "writing twice differs"
    );
    let inside = element.to_xml(ns::CLIENT);
    let declared = [("stream", ns::STREAMS)];
    let read = Element::parse_fragment(inside.as_bytes(), &declared, ns::CLIENT);
    assert_eq!(read.as_deref(), Ok(&[element][..]), "{inside}");
}

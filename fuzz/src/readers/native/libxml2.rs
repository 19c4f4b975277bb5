//! libxml2 by its xmlReader interface; no network, no external entities, hardly a word on standard error.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};

use super::super::Reading;
use super::super::lines::Lines;

#[repr(C)]
struct Reader {
    _opaque: [u8; 0],
}

/// The beginning of `xmlError`; the rest is not looked at.
#[repr(C)]
struct Error {
    domain: c_int,
    code: c_int,
}

/// `XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET`
const OPTIONS: c_int = 32 | 64 | 2048;

/// Errors of namespaces do not end the reading, but a document that has them is not namespace-well-formed.
const DOMAIN_NAMESPACE: c_int = 3;
/// `XML_WAR_NS_URI` and `XML_WAR_NS_URI_RELATIVE`: opinions about namespace names that are no errors.
const OPINIONS: [c_int; 2] = [99, 100];

const ELEMENT: c_int = 1;
const TEXT: [c_int; 4] = [3, 4, 13, 14];
const END_ELEMENT: c_int = 15;

type OnError = extern "C" fn(*mut c_void, *const Error);

/// The first errors of a document.
#[derive(Default)]
struct Errors {
    namespace: Option<c_int>,
    other: Option<c_int>,
}

extern "C" fn on_error(data: *mut c_void, error: *const Error) {
    // SAFETY: `data` is the `Errors` that `read` set, which nobody else uses while libxml2 runs; it gives an error.
    let (errors, error) = unsafe { (&mut *data.cast::<Errors>(), &*error) };
    match error.domain {
        DOMAIN_NAMESPACE if OPINIONS.contains(&error.code) => {}
        DOMAIN_NAMESPACE => errors.namespace = errors.namespace.or(Some(error.code)),
        _ => errors.other = errors.other.or(Some(error.code)),
    }
}

#[link(name = "xml2")]
unsafe extern "C" {
    fn xmlReaderForMemory(
        bytes: *const c_char,
        size: c_int,
        url: *const c_char,
        encoding: *const c_char,
        options: c_int,
    ) -> *mut Reader;
    fn xmlTextReaderRead(reader: *mut Reader) -> c_int;
    fn xmlTextReaderNodeType(reader: *mut Reader) -> c_int;
    fn xmlTextReaderConstNamespaceUri(reader: *mut Reader) -> *const c_char;
    fn xmlTextReaderConstLocalName(reader: *mut Reader) -> *const c_char;
    fn xmlTextReaderConstValue(reader: *mut Reader) -> *const c_char;
    fn xmlTextReaderIsEmptyElement(reader: *mut Reader) -> c_int;
    fn xmlTextReaderIsNamespaceDecl(reader: *mut Reader) -> c_int;
    fn xmlTextReaderMoveToNextAttribute(reader: *mut Reader) -> c_int;
    fn xmlTextReaderMoveToElement(reader: *mut Reader) -> c_int;
    fn xmlFreeTextReader(reader: *mut Reader);
    fn xmlTextReaderSetStructuredErrorHandler(
        reader: *mut Reader,
        handler: OnError,
        data: *mut c_void,
    );
}

/// A string of libxml2; null stands for the empty one.
///
/// # Safety
/// Null, or a string that ends with NUL.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(pointer) }
        .to_string_lossy()
        .into_owned()
}

pub(in super::super) fn read(bytes: &[u8]) -> Reading {
    let Ok(length) = c_int::try_from(bytes.len()) else {
        return Reading::Refused("too long".to_owned());
    };
    let (mut lines, mut errors) = (Lines::default(), Errors::default());
    // SAFETY: the functions of libxml2 as its manual says: the reader is freed once, behind everything else; the bytes and
    // `errors` outlive it. Strings are copied before the reader goes on.
    let result = unsafe {
        let reader = xmlReaderForMemory(
            bytes.as_ptr().cast(),
            length,
            std::ptr::null(),
            std::ptr::null(),
            OPTIONS,
        );
        if reader.is_null() {
            return Reading::Refused("no reader".to_owned());
        }
        xmlTextReaderSetStructuredErrorHandler(reader, on_error, (&raw mut errors).cast());
        let result = loop {
            match xmlTextReaderRead(reader) {
                1 => node(reader, &mut lines),
                end => break end,
            }
        };
        xmlFreeTextReader(reader);
        result
    };
    match (result, errors) {
        (
            0,
            Errors {
                namespace: Some(code),
                ..
            },
        ) => Reading::Refused(format!("namespace error {code}")),
        (0, _) => Reading::Read(lines.into_lines()),
        (
            _,
            Errors {
                other: Some(code), ..
            },
        ) => Reading::Refused(format!("error {code}")),
        (_, _) => Reading::Refused("error".to_owned()),
    }
}

/// # Safety
/// A reader that stands on a node.
unsafe fn node(reader: *mut Reader, lines: &mut Lines) {
    // SAFETY: promised by the caller; moving among attributes ends on the element again.
    unsafe {
        match xmlTextReaderNodeType(reader) {
            ELEMENT => {
                let ns = text(xmlTextReaderConstNamespaceUri(reader));
                let name = text(xmlTextReaderConstLocalName(reader));
                let is_empty = xmlTextReaderIsEmptyElement(reader) == 1;
                let mut attributes = Vec::new();
                while xmlTextReaderMoveToNextAttribute(reader) == 1 {
                    if xmlTextReaderIsNamespaceDecl(reader) != 1 {
                        attributes.push((
                            text(xmlTextReaderConstNamespaceUri(reader)),
                            text(xmlTextReaderConstLocalName(reader)),
                            text(xmlTextReaderConstValue(reader)),
                        ));
                    }
                }
                xmlTextReaderMoveToElement(reader);
                let all = attributes
                    .iter()
                    .map(|(ns, name, value)| (&**ns, &**name, &**value));
                lines.start(&ns, &name, all);
                if is_empty {
                    lines.end();
                }
            }
            END_ELEMENT => lines.end(),
            kind if TEXT.contains(&kind) => lines.text(&text(xmlTextReaderConstValue(reader))),
            _ => {}
        }
    }
}

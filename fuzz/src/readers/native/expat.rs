//! libexpat with namespaces; no external entities.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};

use super::super::Reading;
use super::super::lines::Lines;

/// No character that XML allows, so that it can stand in no namespace name.
const SEPARATOR: u8 = 0x0c;

#[repr(C)]
struct Parser {
    _opaque: [u8; 0],
}

type OnStart = extern "C" fn(*mut c_void, *const c_char, *const *const c_char);
type OnEnd = extern "C" fn(*mut c_void, *const c_char);
type OnText = extern "C" fn(*mut c_void, *const c_char, c_int);

#[link(name = "expat")]
unsafe extern "C" {
    fn XML_ParserCreateNS(encoding: *const c_char, separator: c_char) -> *mut Parser;
    fn XML_SetUserData(parser: *mut Parser, data: *mut c_void);
    fn XML_SetElementHandler(parser: *mut Parser, start: OnStart, end: OnEnd);
    fn XML_SetCharacterDataHandler(parser: *mut Parser, text: OnText);
    fn XML_Parse(
        parser: *mut Parser,
        bytes: *const c_char,
        length: c_int,
        is_final: c_int,
    ) -> c_int;
    fn XML_GetErrorCode(parser: *mut Parser) -> c_int;
    fn XML_ErrorString(code: c_int) -> *const c_char;
    fn XML_ParserFree(parser: *mut Parser);
}

/// A string that expat gives: UTF-8, as it promises.
///
/// # Safety
/// A pointer to a string that ends with NUL and lives for as long as what is returned.
unsafe fn text<'a>(pointer: *const c_char) -> &'a str {
    // SAFETY: promised by the caller.
    unsafe { CStr::from_ptr(pointer) }
        .to_str()
        .unwrap_or("\u{fffd}")
}

fn split(name: &str) -> (&str, &str) {
    name.rsplit_once(char::from(SEPARATOR))
        .unwrap_or(("", name))
}

extern "C" fn on_start(data: *mut c_void, name: *const c_char, attributes: *const *const c_char) {
    // SAFETY: `data` is the `Lines` that `read` set, which nobody else uses while expat runs; expat gives a name, and
    // pairs of name and value up to a null pointer.
    unsafe {
        let lines = &mut *data.cast::<Lines>();
        let mut all = Vec::new();
        let mut at = attributes;
        while !(*at).is_null() {
            let (ns, local) = split(text(*at));
            all.push((ns, local, text(*at.add(1))));
            at = at.add(2);
        }
        let (ns, local) = split(text(name));
        lines.start(ns, local, all);
    }
}

extern "C" fn on_end(data: *mut c_void, _name: *const c_char) {
    // SAFETY: as in `on_start`.
    unsafe { &mut *data.cast::<Lines>() }.end();
}

extern "C" fn on_text(data: *mut c_void, bytes: *const c_char, length: c_int) {
    // SAFETY: as in `on_start`; expat gives so many bytes.
    unsafe {
        let bytes =
            std::slice::from_raw_parts(bytes.cast::<u8>(), usize::try_from(length).unwrap_or(0));
        (*data.cast::<Lines>()).text(std::str::from_utf8(bytes).unwrap_or("\u{fffd}"));
    }
}

pub(in super::super) fn read(bytes: &[u8]) -> Reading {
    let Ok(length) = c_int::try_from(bytes.len()) else {
        return Reading::Refused("too long".to_owned());
    };
    let mut lines = Lines::default();
    // SAFETY: the functions of expat as its manual says: the parser is freed once, behind everything else; `lines`
    // outlives it and is not touched here while it runs.
    let error = unsafe {
        let parser = XML_ParserCreateNS(std::ptr::null(), SEPARATOR as c_char);
        if parser.is_null() {
            return Reading::Refused("out of memory".to_owned());
        }
        XML_SetUserData(parser, (&raw mut lines).cast());
        XML_SetElementHandler(parser, on_start, on_end);
        XML_SetCharacterDataHandler(parser, on_text);
        let ok = XML_Parse(parser, bytes.as_ptr().cast(), length, 1);
        let error = (ok == 0).then(|| text(XML_ErrorString(XML_GetErrorCode(parser))).to_owned());
        XML_ParserFree(parser);
        error
    };
    match error {
        None => Reading::Read(lines.into_lines()),
        Some(error) => Reading::Refused(error),
    }
}

//! Readers in shared libraries, by a C ABI. A process of its own loads the library and speaks the pipe protocol for it
//! ([`super::child`]), so that what a library does wrong ends only that.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The function that a library must have:
///
/// ```c
/// void xmppspec_read(const unsigned char *document, size_t length,
///                    void (*answer)(void *to, const char *text, size_t length), void *to);
/// ```
///
/// It reads a whole document and calls `answer` once, with what the pipe protocol would answer. Nothing is kept of the
/// text when `answer` returns, or of the document when the function does.
const SYMBOL: &CStr = c"xmppspec_read";

type Answer = extern "C" fn(*mut c_void, *const c_char, usize);
type ReadDocument = unsafe extern "C" fn(*const u8, usize, Answer, *mut c_void);

extern "C" fn keep(to: *mut c_void, text: *const c_char, length: usize) {
    // SAFETY: `to` is the vector that `serve` passed on, which nobody else uses meanwhile; the ABI asks for a text of
    // this length, and this process exists to be brought down by libraries that do not keep to it.
    unsafe {
        let to = &mut *to.cast::<Vec<u8>>();
        to.extend_from_slice(std::slice::from_raw_parts(text.cast(), length));
    }
}

fn load(library: &Path) -> io::Result<ReadDocument> {
    let path = CString::new(std::path::absolute(library)?.as_os_str().as_bytes())?;
    // SAFETY: strings that end with NUL; the library stays loaded. Whether the symbol is a function of this type is up to
    // its author.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        let symbol = if handle.is_null() {
            handle
        } else {
            libc::dlsym(handle, SYMBOL.as_ptr())
        };
        if symbol.is_null() {
            let error = CStr::from_ptr(libc::dlerror());
            return Err(io::Error::other(error.to_string_lossy().into_owned()));
        }
        Ok(std::mem::transmute::<*mut c_void, ReadDocument>(symbol))
    }
}

/// Answers the documents of standard input with what a library says, until there are no more.
///
/// # Errors
/// Those of reading and writing. A library that cannot be loaded or lacks the function refuses every document.
pub fn serve(library: &Path) -> io::Result<()> {
    // What the library prints must not get between the answers.
    let mut out = File::from(nix::unistd::dup(io::stdout())?);
    nix::unistd::dup2_stdout(File::options().write(true).open("/dev/null")?)?;
    let read = load(library);
    let mut documents = io::stdin().lock();
    loop {
        let mut length = [0; 4];
        match documents.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            other => other?,
        }
        let mut document = vec![0; u32::from_le_bytes(length) as usize];
        documents.read_exact(&mut document)?;
        let mut answer = Vec::<u8>::new();
        match &read {
            // SAFETY: the document lives until the function returns, and so does the vector that `keep` adds to.
            Ok(read) => unsafe {
                read(
                    document.as_ptr(),
                    document.len(),
                    keep,
                    (&raw mut answer).cast(),
                );
            },
            // Whoever tries it with a first document learns why.
            Err(error) => answer.extend(format!("error: {error}").bytes()),
        }
        let size = u32::try_from(answer.len()).map_err(io::Error::other)?;
        out.write_all(&[&size.to_le_bytes()[..], &answer].concat())?;
    }
}

//! Embeds the seeds of XML, so that an installed `xmppspec fuzz` has them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs, io};

/// The folders of the corpus that hold XML.
const FOLDERS: &[&str] = &["differential", "element", "smuggle", "stream"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut out = String::from("&[\n");
    for name in FOLDERS {
        let folder = root.join("../corpus").join(name);
        println!("cargo::rerun-if-changed={}", folder.display());
        let mut files = fs::read_dir(&folder)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<Vec<_>>>()?;
        files.sort();
        for file in files.iter().filter(|file| file.is_file()) {
            let _ = writeln!(out, "    include_bytes!({:?}),", file.display().to_string());
        }
    }
    out.push(']');
    let target = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    fs::write(target.join("seeds.rs"), out)
}

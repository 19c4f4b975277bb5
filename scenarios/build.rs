//! Embeds every scenario of this crate, sorted by path.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut scripts = Vec::new();
    for entry in fs::read_dir(&root)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        // Cargo looks at a watched folder as a whole: a new file in it runs this again.
        if path.is_dir() && name != "src" && name != "tests" && name != "requirements" {
            println!("cargo::rerun-if-changed={}", path.display());
            collect(&path, &mut scripts)?;
        }
    }
    println!("cargo::rerun-if-changed=.");
    scripts.sort();
    let mut out = String::from("&[\n");
    for path in &scripts {
        let name = path.strip_prefix(&root).unwrap_or(path);
        let name = name.to_string_lossy().replace('\\', "/");
        let _ = writeln!(
            out,
            "    ({name:?}, include_str!({:?})),",
            path.display().to_string()
        );
    }
    out.push(']');
    let target = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    fs::write(target.join("scripts.rs"), out)
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|e| e == "scs") {
            into.push(path);
        }
    }
    Ok(())
}

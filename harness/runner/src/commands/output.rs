//! Results and reports as files: whether they can be written is found out before a run, not after it.

use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};
use xmppspec_reports::{GateOptions, Options, RequirementTexts, Results, Verbosity, render};

use super::features::features;
use super::run_args::ReportTo;
use crate::exit::Failed;
use crate::ui;

/// Whether a path stands for standard output.
#[must_use]
pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Finds out whether all files can be written, each by one report only. Nothing is written.
///
/// # Errors
/// The first that cannot be written, with the reason.
pub fn check_paths<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), Failed> {
    let mut seen: Vec<&Path> = Vec::new();
    for path in paths {
        if seen.contains(&path.as_path()) {
            return Err(Failed::usage(format!(
                "two reports would go to {}\ngive each a file of its own",
                path.display()
            )));
        }
        seen.push(path);
        if !is_stdout(path) {
            check_path(path).map_err(|why| {
                Failed::usage(format!(
                    "cannot write {}: {why}\nchoose another place; nothing was run",
                    path.display()
                ))
            })?;
        }
    }
    Ok(())
}

fn check_path(path: &Path) -> Result<(), String> {
    let writable = |path: &Path, flags| access(path, flags).map_err(|e| e.desc().to_owned());
    if path.is_dir() {
        return Err("it is a folder".to_owned());
    }
    if path.exists() {
        return writable(path, AccessFlags::W_OK);
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(format!("there is no folder {}", folder.display()));
    }
    writable(folder, AccessFlags::W_OK | AccessFlags::X_OK)
}

/// Writes a text to a file or standard output.
///
/// # Errors
/// With the path and what the system said.
pub fn write(path: &Path, text: &str) -> Result<(), Failed> {
    if is_stdout(path) {
        ui::print(text);
        return Ok(());
    }
    std::fs::write(path, text)
        .map_err(|error| Failed::usage(format!("cannot write {}: {error}", path.display())))
}

/// Makes and writes reports.
///
/// # Errors
/// The first that cannot be made or written.
pub fn write_reports(
    reports: &[ReportTo],
    results: &Results,
    texts: RequirementTexts<'_>,
    gate: GateOptions<'_>,
) -> Result<(), Failed> {
    let features = features(&results.target.role);
    let options = Options {
        requirements: texts,
        features: &features,
        gate,
        color: false,
        ..Options::default()
    };
    for report in reports {
        let text = render(report.format, results, &options).map_err(|error| {
            Failed::usage(format!(
                "cannot make the report {}: {error}",
                report.file.display()
            ))
        })?;
        write(&report.file, &text)?;
    }
    Ok(())
}

/// The terminal report, with the colours and the width of standard output.
#[must_use]
pub fn terminal<'a>(
    texts: RequirementTexts<'a>,
    gate: GateOptions<'a>,
    quiet: bool,
    verbose: u8,
) -> Options<'a> {
    Options {
        requirements: texts,
        features: &[],
        gate,
        color: ui::is_colored(),
        width: ui::width(),
        verbosity: match (quiet, verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::Full,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(paths: &[PathBuf]) -> String {
        check_paths(paths).unwrap_err().message
    }

    #[test]
    fn what_cannot_be_written_is_found_before() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.json");
        check_paths(&[file.clone(), PathBuf::from("-")]).unwrap();
        assert!(!file.exists());
        std::fs::write(&file, "").unwrap();
        check_paths(std::slice::from_ref(&file)).unwrap();

        assert!(message(&[file.clone(), file.clone()]).starts_with("two reports"));
        assert!(message(&[dir.path().to_owned()]).contains("it is a folder"));
        assert!(message(&[dir.path().join("b/c")]).contains("there is no folder"));
        assert!(message(&[PathBuf::from("/proc/self/a.json")]).starts_with("cannot write /proc"));
    }
}

//! From selectors to cases: which scenarios, built in or from files, a command is about.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xmppspec_reports::glob_matches;
use xmppspec_scenarios::{
    Diagnostic, Role, Script, Source, builtin, catalogue, check, diagnostic, names, parse,
};

use crate::exit::{Exit, Failed};

/// The ending of script files.
const ENDING: &str = "scs";

/// The folder whose scripts are named from there on, so that a scenario has one name whether it is built in or is being edited.
const ROOT: &str = "scenarios";

/// A case, and the text that it comes from.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The text, for diagnostics.
    pub source: Arc<Source>,
    /// The case.
    pub script: Script,
}

/// Why nothing can be done with the selectors.
#[derive(Debug)]
pub enum SelectError {
    /// Scripts have errors; the text is their rendered diagnostics.
    Script(String),
    /// A file or folder cannot be read.
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Two files would have the same name in reports.
    SameName {
        /// The name.
        name: String,
        /// The files.
        files: [String; 2],
    },
    /// It looks like the id of a requirement, and is none.
    UnknownRequirement {
        /// What was written.
        id: String,
        /// What may have been meant.
        near: Option<String>,
    },
    /// The requirement exists, but no scenario covers it.
    NotCovered {
        /// Its id.
        id: String,
    },
    /// The selector selects nothing.
    NoMatch {
        /// What was written.
        selector: String,
        /// What may have been meant.
        near: Option<String>,
    },
    /// All that the selector selects judges other kinds of targets.
    OtherRole {
        /// What was written.
        selector: String,
        /// What its scenarios judge.
        judges: Role,
        /// What is to be judged.
        wanted: Role,
    },
}

impl SelectError {
    /// How a command ends because of it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Script(_)
            | Self::Unreadable { .. }
            | Self::SameName { .. }
            | Self::UnknownRequirement { .. } => Exit::Usage,
            Self::NotCovered { .. } | Self::NoMatch { .. } | Self::OtherRole { .. } => {
                Exit::Nothing
            }
        }
    }
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Script(rendered) => f.write_str(rendered),
            Self::Unreadable { path, error } => {
                write!(f, "cannot read {}: {error}", path.display())
            }
            Self::SameName { name, files } => write!(
                f,
                "{} and {} would both be called {name}\nselect one of them, or rename it",
                files[0], files[1]
            ),
            Self::UnknownRequirement { id, near } => {
                write!(f, "there is no requirement {id}")?;
                match near {
                    Some(near) => write!(f, "\ndid you mean {near}?"),
                    None => write!(
                        f,
                        "\n`xmppspec list --requirements` lists them; for a section write rfc6120/4.9.3"
                    ),
                }
            }
            Self::NotCovered { id } => write!(
                f,
                "no scenario covers {id} yet\n`xmppspec explain {id}` tells what it says"
            ),
            Self::NoMatch { selector, near } => {
                write!(f, "nothing is called or matches {selector}")?;
                match near {
                    Some(near) => write!(f, "\ndid you mean {near}?"),
                    None => write!(f, "\n`xmppspec list` lists the cases"),
                }
            }
            Self::OtherRole {
                selector,
                judges,
                wanted,
            } => write!(
                f,
                "{selector} judges a {}, and the target is a {}",
                judges.name(),
                wanted.name()
            ),
        }
    }
}

impl std::error::Error for SelectError {}

impl From<SelectError> for Failed {
    fn from(error: SelectError) -> Self {
        Failed {
            exit: error.exit(),
            message: error.to_string(),
        }
    }
}

/// The cases that the selectors select for targets of this role, each once; without selectors all built-in ones. Built-in cases
/// come first, in the order of sections, then those of files, in the order of the selectors. A file takes the place of the
/// built-in script of its name.
///
/// # Errors
/// [`SelectError`]: the first selector that selects nothing, or whose scripts cannot be used.
pub fn select(selectors: &[String], role: Role) -> Result<Vec<Selected>, SelectError> {
    choose(selectors, Some(role))
}

/// The same for all roles.
///
/// # Errors
/// As there.
pub fn select_any(selectors: &[String]) -> Result<Vec<Selected>, SelectError> {
    choose(selectors, None)
}

fn choose(selectors: &[String], role: Option<Role>) -> Result<Vec<Selected>, SelectError> {
    let fits = |script: &Script| role.is_none_or(|role| script.role == role);
    let mut built_in = built_in()?;
    let mut wanted = vec![selectors.is_empty(); built_in.len()];
    let mut from_files: Vec<Selected> = Vec::new();
    for selector in selectors {
        let (found, others) = match files_of(selector)? {
            Some(files) => {
                let mut cases = Vec::new();
                for file in &files {
                    cases.extend(read(file)?);
                }
                let others = cases
                    .iter()
                    .find(|c| !fits(&c.script))
                    .map(|c| c.script.role);
                cases.retain(|c| fits(&c.script));
                let found = !cases.is_empty();
                for case in cases {
                    add(&mut from_files, case)?;
                }
                (found, others)
            }
            None => {
                let meaning = Meaning::of(selector)?;
                let (mut found, mut others) = (false, None);
                for (case, wanted) in built_in.iter().zip(&mut wanted) {
                    if meaning.selects(&case.script) {
                        if fits(&case.script) {
                            (*wanted, found) = (true, true);
                        } else {
                            others = Some(case.script.role);
                        }
                    }
                }
                if !found && others.is_none() {
                    return Err(meaning.nothing(selector, &built_in));
                }
                (found, others)
            }
        };
        if !found {
            return Err(match (others, role) {
                (Some(judges), Some(wanted)) => SelectError::OtherRole {
                    selector: selector.clone(),
                    judges,
                    wanted,
                },
                _ => SelectError::NoMatch {
                    selector: selector.clone(),
                    near: None,
                },
            });
        }
    }
    let replaced: HashSet<&str> = from_files.iter().map(|c| c.script.name.as_str()).collect();
    let mut wanted = wanted.into_iter();
    built_in.retain(|case| {
        wanted.next() == Some(true)
            && fits(&case.script)
            && !replaced.contains(case.script.name.as_str())
    });
    built_in.extend(from_files);
    Ok(built_in)
}

fn add(cases: &mut Vec<Selected>, case: Selected) -> Result<(), SelectError> {
    let same = |c: &&Selected| c.script.name == case.script.name;
    match cases.iter().find(same) {
        Some(other) if other.source.name != case.source.name => Err(SelectError::SameName {
            name: case.script.name,
            files: [other.source.name.clone(), case.source.name.clone()],
        }),
        // The same file again.
        Some(other) if !Arc::ptr_eq(&other.source, &case.source) => Ok(()),
        _ => {
            cases.push(case);
            Ok(())
        }
    }
}

/// What a selector means that names no file.
enum Meaning {
    /// The id of a requirement, as the catalogue writes it.
    Requirement(String),
    /// A glob for whole names.
    Glob(String),
    /// A name, or the beginning of names.
    Name(String),
}

impl Meaning {
    fn of(selector: &str) -> Result<Self, SelectError> {
        if selector.contains(['*', '?']) {
            return Ok(Self::Glob(selector.to_owned()));
        }
        if looks_like_id(selector) {
            let id = selector.to_uppercase();
            return match catalogue::get(&id) {
                Some(_) => Ok(Self::Requirement(id)),
                None => Err(SelectError::UnknownRequirement {
                    near: catalogue::nearest(&id).map(str::to_owned),
                    id: selector.to_owned(),
                }),
            };
        }
        let name = selector.strip_prefix("./").unwrap_or(selector);
        Ok(Self::Name(builtin::name_of(name).to_owned()))
    }

    fn selects(&self, script: &Script) -> bool {
        match self {
            Self::Requirement(id) => script.covers.contains(id),
            Self::Glob(glob) => [script.case_name(), script.name.clone()]
                .iter()
                .any(|name| glob_matches(glob, name)),
            Self::Name(name) => begins(&script.case_name(), name),
        }
    }

    fn nothing(self, selector: &str, cases: &[Selected]) -> SelectError {
        let near = match self {
            Self::Requirement(id) => return SelectError::NotCovered { id },
            Self::Glob(_) => None,
            Self::Name(name) => nearest_name(&name, cases),
        };
        SelectError::NoMatch {
            selector: selector.to_owned(),
            near,
        }
    }
}

/// `RFC6120-…`, `XEP0174-…`: ids of requirements have no slash, names of scenarios have.
fn looks_like_id(selector: &str) -> bool {
    let upper = selector.to_uppercase();
    let rest = ["RFC", "XEP"]
        .iter()
        .find_map(|spec| upper.strip_prefix(spec));
    !selector.contains('/')
        && rest.is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains('-')
        })
}

/// Whether `name` is `start` or goes on from there. Numbers are whole: `4.9.3.1` is not the beginning of `4.9.3.10`.
fn begins(name: &str, start: &str) -> bool {
    name.strip_prefix(start).is_some_and(|rest| {
        !(start.ends_with(|c: char| c.is_ascii_digit())
            && rest.starts_with(|c: char| c.is_ascii_digit()))
    })
}

/// The name, or beginning of names, that was meant.
fn nearest_name(name: &str, cases: &[Selected]) -> Option<String> {
    let scripts: HashSet<&str> = cases.iter().map(|c| c.script.name.as_str()).collect();
    let mut known = Vec::new();
    for script in scripts {
        known.push(script);
        known.extend(script.split_once('/').map(|(folder, _)| folder));
        known.extend(script.split_once('-').map(|(section, _)| section));
    }
    known.sort_unstable_by(|a, b| natural(a, b));
    known.dedup();
    if let Some(near) = names::nearest(name, known.iter().copied()) {
        return Some(near.to_owned());
    }
    // Half a name: a word of it.
    let holds = |known: &&&str| name.len() > 2 && known.contains(name);
    known.iter().find(holds).map(|_| format!("'*{name}*'"))
}

/// All built-in cases, in the order of sections.
fn built_in() -> Result<Vec<Selected>, SelectError> {
    let mut cases = Vec::new();
    for source in builtin::scripts() {
        let name = builtin::name_of(&source.name);
        cases.extend(cases_of(Arc::new(source.clone()), name)?);
    }
    cases.sort_by(|a, b| natural(&a.script.name, &b.script.name));
    Ok(cases)
}

fn cases_of(source: Arc<Source>, name: &str) -> Result<Vec<Selected>, SelectError> {
    match parse(&source, name) {
        Ok(scripts) => Ok(scripts
            .into_iter()
            .map(|script| Selected {
                source: source.clone(),
                script,
            })
            .collect()),
        Err(diagnostics) => Err(script_error(&diagnostics, &source)),
    }
}

/// The files that a selector names: itself, or the scripts in the folder. `None` if it names something else.
fn files_of(selector: &str) -> Result<Option<Vec<PathBuf>>, SelectError> {
    let path = Path::new(selector);
    if path.is_dir() {
        let files = scripts_in(path)?;
        return Ok((!files.is_empty()).then_some(files));
    }
    let is_script = path.extension().is_some_and(|ending| ending == ENDING);
    // The names of built-in scripts may be written with their ending.
    let is_built_in = || builtin::scripts().iter().any(|s| s.name == selector);
    if path.exists() || (is_script && !is_built_in()) {
        return Ok(Some(vec![path.to_owned()]));
    }
    Ok(None)
}

/// The scripts in a folder and the folders in it, in the order of their names.
///
/// # Errors
/// [`SelectError::Unreadable`]
pub fn scripts_in(folder: &Path) -> Result<Vec<PathBuf>, SelectError> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), SelectError> {
    let unreadable = |error| SelectError::Unreadable {
        path: folder.to_owned(),
        error,
    };
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        // Links to folders may lead in circles.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == ENDING) {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<Selected>, SelectError> {
    let text = std::fs::read(path)
        .and_then(|bytes| {
            String::from_utf8(bytes).map_err(|e| {
                let at = e.utf8_error().valid_up_to();
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("byte {at} is not UTF-8"),
                )
            })
        })
        .map_err(|error| SelectError::Unreadable {
            path: path.to_owned(),
            error,
        })?;
    let source = Source {
        name: path.display().to_string(),
        text,
    };
    let name = name_of_file(path);
    // The built-in scripts pass all lints, which a test sees to; those of users may not.
    let mut diagnostics = check(&source, &name);
    diagnostics.retain(Diagnostic::is_error);
    if !diagnostics.is_empty() {
        return Err(script_error(&diagnostics, &source));
    }
    cases_of(Arc::new(source), &name)
}

fn script_error(diagnostics: &[Diagnostic], source: &Source) -> SelectError {
    SelectError::Script(diagnostic::render_all(diagnostics, true, &source.text))
}

/// The name of a script in a file: its path without ending, from the last folder `scenarios` on if there is one.
#[must_use]
pub fn name_of_file(path: &Path) -> String {
    let path = path.with_extension("");
    let parts: Vec<_> = path
        .components()
        .map(|part| part.as_os_str().to_string_lossy())
        .filter(|part| part != ".")
        .collect();
    let folders = parts.len().saturating_sub(1);
    let start = parts[..folders]
        .iter()
        .rposition(|part| part == ROOT)
        .map_or(0, |i| i + 1);
    let name = parts[start..].join("/");
    name.replacen("//", "/", 1)
}

/// Compares names as people sort them: numbers by value, so that section 4 stands before section 10.
#[must_use]
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |s: &str| s.len() - s.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        match (digits(a), digits(b)) {
            (0, _) | (_, 0) => {
                let (mut left, mut right) = (a.chars(), b.chars());
                match (left.next(), right.next()) {
                    (None, None) => return Ordering::Equal,
                    (x, y) if x != y => return x.cmp(&y),
                    _ => (a, b) = (left.as_str(), right.as_str()),
                }
            }
            (x, y) => {
                let (left, right) = (&a[..x], &b[..y]);
                let value = |s: &str| s.trim_start_matches('0').to_owned();
                let (v, w) = (value(left), value(right));
                let order = v.len().cmp(&w.len()).then(v.cmp(&w)).then(x.cmp(&y));
                if order != Ordering::Equal {
                    return order;
                }
                (a, b) = (&a[x..], &b[y..]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(selectors: &[&str]) -> Result<Vec<String>, SelectError> {
        let selectors: Vec<String> = selectors.iter().map(|s| (*s).to_owned()).collect();
        let cases = select(&selectors, Role::Server)?;
        Ok(cases.iter().map(|c| c.script.case_name()).collect())
    }

    fn error(selector: &str) -> (u8, String) {
        let error = names(&[selector]).unwrap_err();
        (error.exit().code(), error.to_string())
    }

    #[test]
    fn everything_in_the_order_of_sections() {
        let all = names(&[]).unwrap();
        assert!(all.len() > 200, "{}", all.len());
        let at = |start: &str| all.iter().position(|n| n.starts_with(start)).unwrap();
        assert!(at("rfc6120/4.1-") < at("rfc6120/10.1-"));
        assert!(at("rfc6120/4.9.3.6-") < at("rfc6120/4.9.3.10-"));
        assert!(at("rfc6120/10.1-") < at("rfc6121/2"));
    }

    #[test]
    fn beginnings_of_names_keep_numbers_whole() {
        let found = names(&["rfc6120/4.9.3.1"]).unwrap();
        assert!(!found.is_empty() && found.iter().all(|n| n.starts_with("rfc6120/4.9.3.1-")));
        let section = names(&["rfc6120/4.9"]).unwrap();
        assert!(section.len() > found.len());
        assert!(section.iter().all(|n| n.starts_with("rfc6120/4.9")));
        let one = names(&["rfc6120/4.9.3.6-host-unknown"]).unwrap();
        assert_eq!(one, ["rfc6120/4.9.3.6-host-unknown"]);
        assert_eq!(names(&["rfc6120/4.9.3.6-host-unknown.scs"]).unwrap(), one);
        assert_eq!(
            error("rfc6120/4.9.3.6-host-unkown").1.lines().last(),
            Some("did you mean rfc6120/4.9.3.6-host-unknown?")
        );
    }

    #[test]
    fn a_row_is_a_case() {
        let rows = names(&["rfc6120/4.7.1-from-in-errors"]).unwrap();
        assert!(rows.len() > 1);
        assert_eq!(names(&[&rows[1]]).unwrap(), [rows[1].clone()]);
    }

    #[test]
    fn requirements() {
        let found = names(&["rfc6120-4.9.3.6-1"]).unwrap();
        assert!(found.contains(&"rfc6120/4.9.3.6-host-unknown".to_owned()));
        let (code, message) = error("RFC6120-4.9.3.6-99");
        assert_eq!(code, 2);
        assert!(
            message.ends_with("did you mean RFC6120-4.9.3.6-1?"),
            "{message}"
        );
        let (code, message) = error("XEP0174-CAP-04");
        assert_eq!(code, 4);
        assert!(
            message.starts_with("no scenario covers XEP0174-CAP-04"),
            "{message}"
        );
    }

    #[test]
    fn globs() {
        let found = names(&["*roster*"]).unwrap();
        assert!(found.len() > 3 && found.iter().all(|n| n.contains("roster")));
        let (code, message) = error("*no such thing*");
        assert_eq!(
            (code, message.lines().next().unwrap()),
            (4, "nothing is called or matches *no such thing*")
        );
    }

    #[test]
    fn every_selector_must_select() {
        assert_eq!(
            names(&["rfc6120/4.1", "nonsense"]).unwrap_err().exit(),
            Exit::Nothing
        );
        let (code, message) = error("roster");
        assert_eq!(code, 4);
        assert!(message.ends_with("did you mean '*roster*'?"), "{message}");
        assert!(error("rfc612O").1.ends_with("did you mean rfc6120?"));
    }

    #[test]
    fn files_and_folders() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("scenarios/rfc6120");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("4.9.3.6-host-unknown.scs");
        let text = "# Mine\n[Stream] Romeo\n-----\nRomeo connects\n";
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.join("x.txt"), "no script").unwrap();
        let path = |p: &Path| p.to_str().unwrap().to_owned();
        for selector in [path(&file), path(&folder), path(dir.path())] {
            let cases = select(&[selector.clone(), selector], Role::Server).unwrap();
            assert_eq!(cases.len(), 1);
            assert_eq!(cases[0].script.title, "Mine");
            assert_eq!(cases[0].script.name, "rfc6120/4.9.3.6-host-unknown");
        }
        // The file takes the place of the built-in script.
        let cases = select(&["rfc6120/4.9.3.6".to_owned(), path(&file)], Role::Server).unwrap();
        assert_eq!(cases.len(), 1);
        assert_eq!(cases[0].script.title, "Mine");

        std::fs::write(&file, text.replace("\n-----", "\n-----\nNobody connects")).unwrap();
        let error = select(&[path(&file)], Role::Server).unwrap_err();
        assert!(matches!(error, SelectError::Script(_)) && error.exit() == Exit::Usage);
        assert!(error.to_string().contains("Nobody"));

        let other = dir
            .path()
            .join("b/scenarios/rfc6120/4.9.3.6-host-unknown.scs");
        std::fs::create_dir_all(other.parent().unwrap()).unwrap();
        std::fs::write(&other, text).unwrap();
        std::fs::write(&file, text).unwrap();
        let error = select(&[path(&file), path(&other)], Role::Server).unwrap_err();
        assert!(matches!(error, SelectError::SameName { .. }));

        std::fs::write(&file, text.replace("# Mine", "# Mine\n## role: client")).unwrap();
        let error = select(&[path(&file)], Role::Server).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("judges a client, and the target is a server")
        );
        assert_eq!(error.exit(), Exit::Nothing);

        std::fs::write(&file, b"# \xff").unwrap();
        let error = select(&[path(&file)], Role::Server).unwrap_err();
        assert!(
            error.to_string().ends_with("byte 2 is not UTF-8"),
            "{error}"
        );
        assert_eq!(
            select(&["no/such.scs".to_owned()], Role::Server)
                .unwrap_err()
                .exit(),
            Exit::Usage
        );
    }

    #[test]
    fn names_of_files() {
        for (path, name) in [
            ("mine.scs", "mine"),
            ("./a/mine.scs", "a/mine"),
            ("/a/b/mine.scs", "/a/b/mine"),
            ("../scenarios/rfc6120/4.1-x.scs", "rfc6120/4.1-x"),
            ("/x/scenarios/scenarios.scs", "scenarios"),
        ] {
            assert_eq!(name_of_file(Path::new(path)), name);
        }
    }

    #[test]
    fn numbers_by_value() {
        let mut names = vec!["a10", "a9", "a", "b1", "a09", "a9.b"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "a9", "a9.b", "a09", "a10", "b1"]);
    }
}

//! What a campaign has found, as files: the input of each finding, and one list of all of them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The list in the folder of findings.
const LIST: &str = "findings.json";

/// Something that a campaign has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is about, without values of bytes; two findings with the same are one.
    pub bucket: String,
    /// What was seen, for people.
    pub detail: String,
    /// The file with the smallest input, in the same folder.
    pub file: String,
    /// How often of three it showed again.
    pub replays: u8,
    /// How to see it again.
    pub command: String,
}

/// The findings of a folder; a campaign that goes on after an interruption knows those it has.
#[derive(Debug)]
pub struct Findings {
    folder: PathBuf,
    all: BTreeMap<String, Finding>,
}

impl Findings {
    /// Opens a folder, which is made if it is not there, and reads what is in it.
    ///
    /// # Errors
    /// Those of the system, and a list that is none.
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let all = match std::fs::read(folder.join(LIST)) {
            Ok(bytes) => {
                let all: Vec<Finding> = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
                all.into_iter().map(|f| (f.bucket.clone(), f)).collect()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Findings {
            folder: folder.to_owned(),
            all,
        })
    }

    /// Whether it is here already.
    #[must_use]
    pub fn has(&self, bucket: &str) -> bool {
        self.all.contains_key(bucket)
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Finding> {
        self.all.values()
    }

    /// Writes the input of a finding and the list. `command` gets the path of the file.
    ///
    /// # Errors
    /// Those of the system.
    pub fn add(
        &mut self,
        bucket: &str,
        detail: &str,
        input: &[u8],
        extension: &str,
        replays: u8,
        command: impl FnOnce(&Path) -> String,
    ) -> io::Result<&Finding> {
        let number = self.all.len() + 1;
        let file = format!("{number:03}-{}.{extension}", slug(bucket));
        let path = self.folder.join(&file);
        std::fs::write(&path, input)?;
        let finding = Finding {
            bucket: bucket.to_owned(),
            detail: detail.to_owned(),
            file,
            replays,
            command: command(&path),
        };
        self.all.insert(bucket.to_owned(), finding);
        let all: Vec<&Finding> = self.all.values().collect();
        let text = serde_json::to_string_pretty(&all).map_err(io::Error::other)?;
        // First beside it: an interruption must not leave half a list.
        let new = self.folder.join(format!("{LIST}.new"));
        std::fs::write(&new, text + "\n")?;
        std::fs::rename(&new, self.folder.join(LIST))?;
        Ok(&self.all[bucket])
    }
}

/// Words of a bucket that can stand in the name of a file.
fn slug(bucket: &str) -> String {
    let mut out = String::new();
    for c in bucket.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(60);
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_there_after_an_interruption() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut findings = Findings::open(folder.path()).expect("an empty folder");
        assert_eq!(findings.iter().len(), 0);
        let added = findings
            .add(
                "x reads what y refuses: Z!",
                "detail",
                b"<a>",
                "xml",
                3,
                |path| format!("see {}", path.display()),
            )
            .expect("it can be written")
            .clone();
        assert_eq!(added.file, "001-x-reads-what-y-refuses-z.xml");
        assert!(added.command.starts_with("see ") && added.command.ends_with(&added.file));
        assert_eq!(
            std::fs::read(folder.path().join(&added.file)).expect("the input"),
            b"<a>"
        );
        let again = Findings::open(folder.path()).expect("a list");
        assert!(again.has(&added.bucket) && !again.has("other"));
        assert_eq!(again.iter().collect::<Vec<_>>(), [&added]);
    }
}

//! Profiles: what is known about an implementation, as written in its `target.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize as _;
use xmppspec_scenarios::names;

use super::template::Template;
use super::{AccountPolicy, Known, Role, TargetError};

/// How to start an implementation, reach it and judge it.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, as in `--target NAME` and in results.
    pub name: String,
    /// What it is.
    #[serde(deserialize_with = "role")]
    pub role: Role,
    /// The domain that it serves in a run.
    #[serde(default = "default_domain")]
    pub domain: String,
    /// The Debian packages that it comes in.
    #[serde(default)]
    pub packages: Vec<String>,
    /// Programs and files that must be there; `/usr/bin/x`, or a bare name to be found in `PATH`.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Paths to be found, by placeholder name; a `*` stands for any name within one folder.
    #[serde(default)]
    pub find: BTreeMap<String, String>,
    /// A command that prints its version.
    #[serde(default)]
    pub version: Vec<String>,
    /// The ports of its services in a world; outside, free ones take their place. A server has `c2s` among them; a peer has
    /// none, because its records tell its port.
    #[serde(default)]
    pub services: BTreeMap<String, u16>,
    /// Where its services are, as `host:port`, if somebody else starts it: the run only connects then.
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
    /// Files made from templates before the first start.
    #[serde(default)]
    pub templates: Vec<TemplateFile>,
    /// Commands run once before the first start.
    #[serde(default)]
    pub prepare: Vec<Vec<String>>,
    /// Its processes, in the order of their start.
    #[serde(default)]
    pub processes: Vec<ProcessSpec>,
    /// Where accounts come from.
    #[serde(default)]
    pub accounts: Accounts,
    /// Commands for what a scenario asks of a `[Target]`, by verb; with the placeholders of [`HOOK_PARAMETERS`].
    #[serde(default)]
    pub hooks: BTreeMap<String, Vec<Template>>,
    /// Seconds after which an expectation is given up.
    #[serde(default = "default_timeout")]
    pub timeout_s: f64,
    /// Seconds after which a start is given up.
    #[serde(default = "default_start")]
    pub start_timeout_s: f64,
    /// Seconds between asking processes to end and ending them.
    #[serde(default = "default_stop")]
    pub stop_timeout_s: f64,
    /// How often a refused or silently closed connection is tried again.
    #[serde(default)]
    pub connect_retries: u32,
    /// Capabilities that it is known not to have, whatever it advertises.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// Findings that do not fail a run.
    #[serde(default)]
    pub known: Vec<Known>,
    /// The most memory that each of its processes may ask for, in bytes.
    #[serde(skip)]
    pub memory: Option<u64>,
    /// Where the templates are.
    #[serde(skip)]
    pub(super) files: Files,
    /// What messages call the profile: its path, or `prosody/target.toml (built in)`.
    #[serde(skip)]
    pub source: String,
}

/// What a hook may be told: the status to take (`available`, `away`, `dnd`), a text, the peer concerned, the path of a file.
pub const HOOK_PARAMETERS: [&str; 4] = ["status", "text", "to", "file"];

/// A file made from a template of the profile.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateFile {
    /// Beside the profile.
    pub from: String,
    /// Where it goes.
    pub to: Template,
}

/// A process of a target.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessSpec {
    /// What messages call it.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<Template>,
    /// Variables of its environment, which is otherwise almost empty.
    #[serde(default)]
    pub env: BTreeMap<String, Template>,
    /// The folder that it starts in; by default that of its data.
    #[serde(default)]
    pub cwd: Option<Template>,
    /// What must be seen before the next process starts.
    #[serde(default)]
    pub ready: Option<Ready>,
    /// Left out where there is no closed world.
    #[serde(default)]
    pub world_only: bool,
}

/// What shows that a process is up.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub enum Ready {
    /// This service accepts connections.
    Service(String),
    /// A log says so.
    Log {
        /// The file.
        file: Template,
        /// A piece of the line.
        text: String,
    },
}

/// Where accounts come from.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase", tag = "from")]
pub enum Accounts {
    /// In-band registration.
    #[default]
    Register,
    /// These.
    List {
        /// `localpart:password`.
        list: Vec<String>,
    },
    /// Made by a command after the start.
    Command {
        /// With the placeholders `{{user}}` and `{{password}}`.
        command: Vec<Template>,
        /// How many.
        #[serde(default = "default_accounts")]
        count: usize,
    },
    /// None.
    None,
}

fn role<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    let name = String::deserialize(deserializer)?;
    Role::from_name(&name).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "unknown role `{name}`: it is server, peer or client"
        ))
    })
}

fn default_domain() -> String {
    "capulet.example".to_owned()
}
fn default_timeout() -> f64 {
    10.0
}
/// ejabberd's first start takes up to 4 s on an idle machine; several runs may start at once on a busy one.
fn default_start() -> f64 {
    60.0
}
fn default_stop() -> f64 {
    5.0
}
/// Enough for every scenario with four people, one of whom has two resources.
fn default_accounts() -> usize {
    8
}

/// Where the files beside a profile are.
#[derive(Debug, Clone)]
pub(super) enum Files {
    BuiltIn(&'static [(&'static str, &'static str)]),
    Folder(PathBuf),
}

impl Default for Files {
    fn default() -> Self {
        Self::BuiltIn(&[])
    }
}

impl Files {
    pub(super) fn read(&self, name: &str) -> std::io::Result<String> {
        match self {
            Self::BuiltIn(files) => files
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, text)| (*text).to_owned())
                .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound)),
            Self::Folder(folder) => std::fs::read_to_string(folder.join(name)),
        }
    }
}

macro_rules! builtin {
    ($name:literal: $($file:literal)*) => {
        ($name, &[$(($file, include_str!(concat!("../../../targets/", $name, "/", $file)))),*])
    };
}

type BuiltIn = (&'static str, &'static [(&'static str, &'static str)]);

static BUILT_IN: &[BuiltIn] = &[
    builtin!("prosody": "target.toml" "prosody.cfg.lua"),
    builtin!("ejabberd": "target.toml" "ejabberd.yml"),
    builtin!("jabberd2": "target.toml" "router.xml" "router-users.xml" "router-filter.xml" "sm.xml" "s2s.xml" "c2s.xml" "schema.sql"),
    builtin!("libpurple": "target.toml" "dbus.conf" "avahi.conf" "driver.py"),
];

impl Profile {
    /// The profiles that are built in.
    ///
    /// # Errors
    /// [`TargetError::Profile`]; not with the profiles as they are, which a test reads.
    pub fn built_in() -> Result<Vec<Self>, TargetError> {
        BUILT_IN.iter().map(|(name, _)| Self::load(name)).collect()
    }

    /// The names of the built-in profiles.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> {
        BUILT_IN.iter().map(|(name, _)| *name)
    }

    /// The built-in profile `name`, or the one at the path `name`: a folder with a `target.toml`, or the file itself.
    ///
    /// # Errors
    /// [`TargetError::Profile`] with what is wrong, and where.
    pub fn load(name: &str) -> Result<Self, TargetError> {
        if let Some((name, files)) = BUILT_IN.iter().find(|(n, _)| *n == name) {
            let files = Files::BuiltIn(files);
            let text = files.read("target.toml").unwrap_or_default();
            return Self::parse(&text, &format!("{name}/target.toml (built in)"), files);
        }
        let path = Path::new(name);
        let file = if path.is_dir() {
            path.join("target.toml")
        } else {
            path.to_owned()
        };
        if !name.contains('/') && !file.exists() {
            let mut known: Vec<_> = Self::built_in_names().collect();
            known.splice(0..0, ["reference", super::REFERENCE_PEER]);
            let near = names::nearest(name, known.iter().copied());
            let near = near.map(|near| format!("did you mean {near}?\n"));
            return Err(TargetError::Profile(format!(
                "there is no target {name:?}\n{}built in: {}\nor give the path of a folder with a target.toml of your own",
                near.unwrap_or_default(),
                known.join(", ")
            )));
        }
        let text = std::fs::read_to_string(&file).map_err(|e| {
            TargetError::Profile(format!("cannot read the profile {}: {e}", file.display()))
        })?;
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        Self::parse(&text, &file.display().to_string(), Files::Folder(folder))
    }

    fn parse(text: &str, source: &str, files: Files) -> Result<Self, TargetError> {
        let mut profile: Self =
            toml::from_str(text).map_err(|e| TargetError::Profile(pointed(text, source, &e)))?;
        profile.files = files;
        source.clone_into(&mut profile.source);
        profile
            .check()
            .map_err(|(what, message)| TargetError::Profile(at(text, source, &what, &message)))?;
        Ok(profile)
    }

    /// What the grammar alone does not see; the first wrong thing with its message.
    fn check(&self) -> Result<(), (String, String)> {
        let wrong = |what: &str, message: String| Err((what.to_owned(), message));
        if self.is_external() {
            return super::external::check(self);
        }
        if self.role == Role::Server && !self.services.contains_key("c2s") {
            return wrong("services", "a server needs the service `c2s`".to_owned());
        }
        if self.role == Role::Peer && !self.services.is_empty() {
            return wrong(
                "services",
                "a peer has no services: its records tell where it is".to_owned(),
            );
        }
        for name in self.find.keys() {
            if self.has(name) || self.services.contains_key(name) {
                return wrong(name, format!("`{name}` is a placeholder already"));
            }
        }
        let known = |name: &str| {
            self.has(name) || self.services.contains_key(name) || self.find.contains_key(name)
        };
        for command in self.hooks.values() {
            for name in command.iter().flat_map(Template::names) {
                if !known(&name) && !HOOK_PARAMETERS.contains(&name.as_str()) {
                    return wrong(&name, format!("there is no placeholder `{{{{{name}}}}}`"));
                }
            }
        }
        for process in &self.processes {
            if process.command.is_empty() {
                return wrong(
                    &process.name,
                    format!("the process `{}` has an empty command", process.name),
                );
            }
            if let Some(Ready::Service(service)) = &process.ready
                && !self.services.contains_key(service)
            {
                return wrong(service, format!("`{service}` is none of the services"));
            }
            let templates = process
                .command
                .iter()
                .chain(process.env.values())
                .chain(&process.cwd);
            for name in templates
                .flat_map(Template::names)
                .chain(self.templates.iter().flat_map(|t| t.to.names()))
            {
                if !known(&name) {
                    return wrong(&name, format!("there is no placeholder `{{{{{name}}}}}`"));
                }
            }
        }
        for (name, seconds) in [
            ("timeout_s", self.timeout_s),
            ("start_timeout_s", self.start_timeout_s),
            ("stop_timeout_s", self.stop_timeout_s),
        ] {
            if Duration::try_from_secs_f64(seconds).is_err() || seconds == 0.0 {
                return wrong(
                    name,
                    format!("`{name}` must be a number of seconds above 0"),
                );
            }
        }
        Ok(())
    }

    /// Somebody else starts it; the profile says where it is.
    #[must_use]
    pub fn is_external(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// The pairs of name and password in a list of accounts.
    pub(super) fn listed(&self, list: &[String]) -> Result<AccountPolicy, TargetError> {
        let pair = |pair: &String| {
            let (user, password) = pair.split_once(':')?;
            Some((user.to_owned(), password.to_owned()))
        };
        let pairs = list.iter().map(pair).collect::<Option<_>>();
        pairs.map(AccountPolicy::List).ok_or_else(|| {
            TargetError::Profile(format!(
                "error: {}: accounts are USER:PASSWORD",
                self.source
            ))
        })
    }

    /// Whether every profile of its role has this placeholder.
    fn has(&self, name: &str) -> bool {
        super::template::RESERVED.contains(&name)
            || self.role == Role::Peer && super::template::OF_PEERS.contains(&name)
    }

    /// What is missing on this machine: programs, files and folders.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let programs = self
            .needs
            .iter()
            .filter(|need| find_program(need).is_none())
            .cloned();
        let found = self
            .find
            .values()
            .filter(|pattern| glob(pattern).is_empty())
            .cloned();
        programs.chain(found).collect()
    }

    /// How to install it on Debian.
    #[must_use]
    pub fn install_hint(&self) -> String {
        if self.packages.is_empty() {
            return format!("see {}", self.source);
        }
        format!(
            "sudo apt-get install --no-install-recommends {}",
            self.packages.join(" ")
        )
    }

    /// Its version, as its own command prints it. `None` if there is no command, or it fails.
    #[must_use]
    pub fn find_version(&self) -> Option<String> {
        let (program, args) = self.version.split_first()?;
        let output = std::process::Command::new(program)
            .args(args)
            .stdin(std::process::Stdio::null())
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().next().unwrap_or_default().trim();
        (output.status.success() && !line.is_empty()).then(|| line.to_owned())
    }
}

/// The path of a program, which may be given by a bare name.
fn find_program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|p| p.exists());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|p| p.is_file())
}

/// The existing paths that a pattern stands for, sorted. A `*` stands for anything within one name.
pub(super) fn glob(pattern: &str) -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from(if pattern.starts_with('/') {
        "/"
    } else {
        "."
    })];
    for part in pattern.split('/').filter(|p| !p.is_empty()) {
        paths = match part.split_once('*') {
            None => paths
                .into_iter()
                .map(|p| p.join(part))
                .filter(|p| p.exists())
                .collect(),
            Some((start, end)) => {
                let matches = |name: &str| {
                    name.len() >= start.len() + end.len()
                        && name.starts_with(start)
                        && name.ends_with(end)
                };
                let entries = paths
                    .iter()
                    .filter_map(|p| std::fs::read_dir(p).ok())
                    .flatten()
                    .flatten();
                entries
                    .filter(|e| e.file_name().to_str().is_some_and(matches))
                    .map(|e| e.path())
                    .collect()
            }
        };
    }
    paths.sort();
    paths
}

/// A TOML error as file, line, the line itself and a caret.
fn pointed(text: &str, source: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |s| s.start);
    let end = error.span().map_or(0, |s| s.end);
    show(text, source, start..end, &meant(error.message()))
}

/// The message about a field that does not exist, with the one that was meant instead of all there are.
fn meant(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let near = quoted
        .next()
        .filter(|_| message.starts_with("unknown field"))
        .and_then(|field| Some((field, names::nearest(field, quoted)?)));
    match near {
        Some((field, near)) => format!("unknown field `{field}`; did you mean `{near}`?"),
        None => message.to_owned(),
    }
}

/// The same for the first place where `what` stands.
fn at(text: &str, source: &str, what: &str, message: &str) -> String {
    let start = text.find(what).unwrap_or(0);
    show(text, source, start..start + what.len(), message)
}

fn show(text: &str, source: &str, span: std::ops::Range<usize>, message: &str) -> String {
    let start = span.start.min(text.len());
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let number = text[..start].matches('\n').count() + 1;
    let column = text[line_start..start].chars().count();
    let width = text
        .get(span)
        .map_or(1, |s| s.lines().next().unwrap_or_default().chars().count())
        .max(1);
    let margin = " ".repeat(number.to_string().len());
    format!(
        "error: {message}\n{margin}--> {source}:{number}:{}\n{margin} |\n{number} | {line}\n{margin} | {}{}",
        column + 1,
        " ".repeat(column),
        "^".repeat(width)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_profiles_are_right_and_their_files_there() {
        let profiles = Profile::built_in().unwrap();
        assert_eq!(profiles.len(), 4);
        for profile in profiles {
            assert!(!profile.processes.is_empty());
            for template in &profile.templates {
                let text = profile.files.read(&template.from).unwrap();
                for name in Template::parse(&text).unwrap().names() {
                    let known = profile.has(&name)
                        || profile.services.contains_key(&name)
                        || profile.find.contains_key(&name);
                    assert!(known, "{}: {name}", template.from);
                }
            }
        }
    }

    fn error(text: &str) -> String {
        Profile::parse(text, "my/target.toml", Files::default())
            .unwrap_err()
            .to_string()
    }

    const HEAD: &str = "name = 'x'\nrole = 'server'\n";

    #[test]
    fn errors_show_the_line() {
        let text = error(&format!(
            "{HEAD}conect_retries = 3\n[services]\nc2s = 5222\n"
        ));
        assert!(
            text.starts_with(
                "error: unknown field `conect_retries`; did you mean `connect_retries`?\n"
            ),
            "{text}"
        );
        assert!(text.contains(" --> my/target.toml:3:1\n"), "{text}");
        assert!(
            text.ends_with("3 | conect_retries = 3\n  | ^^^^^^^^^^^^^^"),
            "{text}"
        );

        let text = error(&format!("{HEAD}[services]\nc2s = 'five'\n"));
        assert!(
            text.contains("my/target.toml:4:7") && text.contains("invalid type"),
            "{text}"
        );

        let text = error(&format!(
            "{HEAD}[services]\nc2s = 5222\n[[processes]]\nname='p'\ncommand=['x', '{{{{nope}}}}']\n"
        ));
        assert!(
            text.contains("there is no placeholder `{{nope}}`") && text.contains(":7:"),
            "{text}"
        );

        let text = error(&format!("{HEAD}timeout_s = -1.0\n[services]\nc2s = 5222\n"));
        assert!(text.contains("above 0") && text.contains(":3:1"), "{text}");

        let text = error(
            "name = 'x'\nrole = 'peer'\n[hooks]\nstatus = ['x', '{{machine}}', '{{status}}', '{{state}}']\n",
        );
        assert!(
            text.contains("there is no placeholder `{{state}}`") && text.contains(":4:"),
            "{text}"
        );
        let text = error("name = 'x'\nrole = 'peer'\n[services]\nc2s = 1\n");
        assert!(text.contains("a peer has no services"), "{text}");

        assert!(error("name = ").contains("my/target.toml:1:"));
        assert!(error(&format!("{HEAD}[services]\n")).contains("needs the service `c2s`"));
    }

    #[test]
    fn an_unknown_name_lists_the_known() {
        let text = Profile::load("prosodi").unwrap_err().to_string();
        assert!(
            text.contains("did you mean prosody?\n")
                && text.contains("prosody, ejabberd, jabberd2, libpurple"),
            "{text}"
        );
        let text = Profile::load("./no/such/folder").unwrap_err().to_string();
        assert!(text.contains("./no/such/folder"), "{text}");
    }

    #[test]
    fn globs() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a-1/x", "a-2/x", "b-1/x", "a-3"] {
            std::fs::create_dir_all(dir.path().join(name)).unwrap();
        }
        let found = glob(&format!("{}/a-*/x", dir.path().display()));
        assert_eq!(found, [dir.path().join("a-1/x"), dir.path().join("a-2/x")]);
        assert!(glob(&format!("{}/c-*", dir.path().display())).is_empty());
    }
}

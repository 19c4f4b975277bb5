//! A target of the run's own: folder, configuration, certificates, DNS and processes.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use super::process::{Launch, Processes, tail};
use super::profile::{Accounts, HOOK_PARAMETERS, Profile, Ready, glob};
use super::template::{Template, TemplateError, Values};
use super::{AccountPolicy, Role, TargetError, certs, ready};
use crate::world::dns::{self, Dns, Zone};
use crate::world::{Confinement, Entered, Host};

/// With which a hook says that the target has no such thing: `EX_UNAVAILABLE` of sysexits.h.
const UNAVAILABLE: i32 = 69;

/// What there is of a target that the run started.
#[derive(Debug)]
pub(super) struct Started {
    // The order is that of dropping: processes before their files.
    pub(super) processes: Processes,
    profile: Profile,
    values: Values,
    confinement: Confinement,
    host: Option<Host>,
    pub(super) dns: Option<Dns>,
    pub(super) folder: Folder,
}

/// A folder that goes with the target.
#[derive(Debug)]
pub(super) struct Folder(pub(super) PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> TargetError {
    let what = what.into();
    move |error| TargetError::Io { what, error }
}

/// A port on loopback that nobody listens on now.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

impl Started {
    /// Makes the folder with configuration, certificates and data, and the DNS.
    pub(super) async fn prepare(profile: &Profile, entered: &Entered) -> Result<Self, TargetError> {
        Self::prepare_on(profile, entered, None).await
    }

    /// The same for a target that stands on a host of its own, and is called `user` there. There may be many of them.
    pub(super) async fn prepare_on(
        profile: &Profile,
        entered: &Entered,
        place: Option<(&Host, &str)>,
    ) -> Result<Self, TargetError> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = match place {
            Some(_) => format!("{}-{}", profile.name, NEXT.fetch_add(1, Ordering::Relaxed)),
            None => profile.name.clone(),
        };
        let root = match &entered.run_dir {
            Some(dir) => {
                let dir = dir.join(name);
                fs::create_dir_all(&dir)
                    .map_err(failed(format!("cannot make {}", dir.display())))?;
                dir
            }
            None => tempfile::Builder::new()
                .prefix("xmppspec-")
                .tempdir()
                .map_err(failed("cannot make a temporary folder"))?
                .keep(),
        };
        let folder = Folder(root);
        let mut values = Values {
            world: entered.is_closed(),
            ..Values::default()
        };
        let mut set = |name: &str, value: String| values.names.insert(name.to_owned(), value);
        set("dir", folder.0.display().to_string());
        for name in ["conf", "data", "log", "run", "certs"] {
            let path = folder.0.join(name);
            fs::create_dir_all(&path).map_err(failed(format!("cannot make {}", path.display())))?;
            set(name, path.display().to_string());
        }
        set("domain", profile.domain.clone());
        set("host", Ipv4Addr::LOCALHOST.to_string());
        for (name, pattern) in &profile.find {
            // `missing` has seen that there is one; of several, the newest by name.
            let path = glob(pattern).pop().unwrap_or_default();
            set(name, path.display().to_string());
        }
        for (name, port) in &profile.services {
            let port = if entered.is_closed() {
                *port
            } else {
                free_port().map_err(failed("no free port"))?
            };
            set(name, port.to_string());
        }
        if let Some((host, user)) = place {
            set("user", user.to_owned());
            set("machine", host.name.clone());
            let link = host.links.first();
            let v4 = link.and_then(|l| l.v4).map(|a| a.to_string());
            let v6 = link.and_then(|l| l.v6).map(|a| a.to_string());
            set("v4", v4.unwrap_or_default());
            set("v6", v6.unwrap_or_default());
            set(
                "interface",
                link.map(|l| l.name.clone()).unwrap_or_default(),
            );
        }
        // Nobody answers DNS on a host of its own: what a peer asks there is refused at once, and leads nowhere.
        let dns = if entered.is_closed() && place.is_none() {
            Some(Self::dns(profile).await?)
        } else {
            None
        };
        let started = Self {
            processes: Processes::new(),
            profile: profile.clone(),
            values,
            confinement: entered.confinement,
            host: place.map(|(host, _)| host.clone()),
            dns,
            folder,
        };
        certs::write(&started.folder.0.join("certs"), &profile.domain)
            .map_err(failed("cannot make certificates"))?;
        started.write_templates()?;
        started
            .give_away()
            .map_err(failed("cannot give the target its folder"))?;
        for command in &profile.prepare {
            let command: Result<Vec<_>, _> = command
                .iter()
                .map(|c| Template::parse(c).and_then(|t| started.expand(&t)))
                .collect();
            started
                .command(command.map_err(|e| started.wrong(&profile.source, &e))?)
                .await?;
        }
        Ok(started)
    }

    async fn dns(profile: &Profile) -> Result<Dns, TargetError> {
        let mut zone = Zone::new().with_a(&profile.domain, Ipv4Addr::LOCALHOST);
        for (service, record) in [
            ("c2s", "xmpp-client"),
            ("c2s_tls", "xmpps-client"),
            ("s2s", "xmpp-server"),
        ] {
            if let Some(port) = profile.services.get(service) {
                zone = zone.with_srv(record, &profile.domain, *port, &profile.domain);
            }
        }
        Dns::start(dns::STANDARD, zone)
            .await
            .map_err(failed("cannot answer DNS on 127.0.0.1:53"))
    }

    fn expand(&self, template: &Template) -> Result<String, TemplateError> {
        template.expand(&self.values)
    }

    fn wrong(&self, place: &str, error: &TemplateError) -> TargetError {
        TargetError::Profile(format!("error: {place}: {error}"))
    }

    fn write_templates(&self) -> Result<(), TargetError> {
        for file in &self.profile.templates {
            let text = self
                .profile
                .files
                .read(&file.from)
                .map_err(failed(format!("cannot read the template {}", file.from)))?;
            let text = Template::parse(&text)
                .and_then(|t| self.expand(&t))
                .map_err(|e| self.wrong(&file.from, &e))?;
            let to = self
                .expand(&file.to)
                .map_err(|e| self.wrong(&self.profile.source, &e))?;
            if !Path::new(&to).starts_with(&self.folder.0) {
                return Err(TargetError::Profile(format!(
                    "error: {}: {to} is outside of {{{{dir}}}}",
                    self.profile.source
                )));
            }
            fs::write(&to, text).map_err(failed(format!("cannot write {to}")))?;
        }
        Ok(())
    }

    /// Where targets run as another user, that user owns the folder.
    fn give_away(&self) -> io::Result<()> {
        let Some((uid, gid)) = self.confinement.become_user else {
            return Ok(());
        };
        let mut folders = vec![self.folder.0.clone()];
        while let Some(folder) = folders.pop() {
            std::os::unix::fs::chown(&folder, Some(uid.as_raw()), Some(gid.as_raw()))?;
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else {
                    std::os::unix::fs::chown(entry.path(), Some(uid.as_raw()), Some(gid.as_raw()))?;
                }
            }
        }
        Ok(())
    }

    /// Removes what processes leave in their `run` folder and trip over when they start again: sockets, pid files; and their
    /// output, in which readiness is looked for.
    pub(super) fn clear_run(&self) -> Result<(), TargetError> {
        for name in ["run", "log"] {
            let path = self.folder.0.join(name);
            let entries = fs::read_dir(&path)
                .map_err(failed(format!("cannot read {}", path.display())))?
                .flatten();
            for entry in entries.filter(|e| e.file_type().is_ok_and(|t| !t.is_dir())) {
                fs::remove_file(entry.path())
                    .map_err(failed(format!("cannot remove {}", entry.path().display())))?;
            }
        }
        Ok(())
    }

    pub(super) fn address(&self, service: &str) -> String {
        format!(
            "{}:{}",
            Ipv4Addr::LOCALHOST,
            self.values.names.get(service).map_or("0", String::as_str)
        )
    }

    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs_f64(self.profile.stop_timeout_s)
    }

    fn launches(&self) -> Result<Vec<(Launch, Option<Ready>)>, TemplateError> {
        let specs = self
            .profile
            .processes
            .iter()
            .filter(|p| self.values.world || !p.world_only);
        specs
            .map(|p| {
                let launch = Launch {
                    name: p.name.clone(),
                    command: p
                        .command
                        .iter()
                        .map(|t| self.expand(t))
                        .collect::<Result<_, _>>()?,
                    env: p
                        .env
                        .iter()
                        .map(|(k, t)| Ok((k.clone(), self.expand(t)?)))
                        .collect::<Result<_, _>>()?,
                    cwd: match &p.cwd {
                        Some(template) => self.expand(template)?,
                        None => self.folder.0.join("data").display().to_string(),
                    },
                    host: self.host.clone(),
                    memory: self.profile.memory,
                };
                Ok((launch, p.ready.clone()))
            })
            .collect()
    }

    pub(super) async fn start_all(&mut self) -> Result<(), TargetError> {
        let launches = self
            .launches()
            .map_err(|e| self.wrong(&self.profile.source, &e))?;
        let logs = self.folder.0.join("log");
        for (launch, ready) in launches {
            self.processes
                .start(&launch, &logs, self.confinement)
                .map_err(failed(format!(
                    "cannot start {} ({})",
                    launch.name, launch.command[0]
                )))?;
            match ready {
                Some(Ready::Service(service)) => {
                    let address = self.address(&service);
                    self.wait(&address, ready::accepts(&address)).await?;
                }
                Some(Ready::Log { file, text }) => {
                    let file = self
                        .expand(&file)
                        .map_err(|e| self.wrong(&self.profile.source, &e))?;
                    self.wait(&launch.name, ready::says(Path::new(&file), &text))
                        .await?;
                }
                None => {}
            }
        }
        if self.profile.role != Role::Server {
            return Ok(());
        }
        let c2s = self.address("c2s");
        self.wait(&c2s, ready::offers_features(&c2s, &self.profile.domain))
            .await
    }

    /// Waits for readiness, a death, or the end of patience.
    async fn wait(
        &self,
        address: &str,
        ready: impl Future<Output = ()>,
    ) -> Result<(), TargetError> {
        let seconds = self.profile.start_timeout_s;
        tokio::select! {
            death = self.processes.died() => Err(TargetError::Exited { death }),
            result = timeout(Duration::from_secs_f64(seconds), ready) => result.map_err(|_| TargetError::NotReady {
                target: self.profile.name.clone(),
                address: address.to_owned(),
                seconds,
                log: tail(&self.folder.0.join("log")),
            }),
        }
    }

    /// The most memory that each of its processes may ask for, in bytes.
    pub(super) fn memory_limit(&self) -> Option<u64> {
        self.profile.memory
    }

    /// A command to be run like a process of the target.
    fn launch(&self, command: Vec<String>) -> Launch {
        Launch {
            name: String::new(),
            command,
            env: Vec::new(),
            cwd: self.folder.0.join("data").display().to_string(),
            host: self.host.clone(),
            memory: self.profile.memory,
        }
    }

    /// A hook as a command, with its parameters in place; `None` if the profile has no such hook.
    pub(super) fn hook(
        &self,
        name: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Option<tokio::process::Command>, TargetError> {
        let line = self.hook_line(name, parameters)?;
        Ok(line.map(|line| self.launch(line).command(self.confinement)))
    }

    fn hook_line(
        &self,
        name: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Option<Vec<String>>, TargetError> {
        let Some(command) = self.profile.hooks.get(name) else {
            return Ok(None);
        };
        let mut values = self.values.clone();
        for name in HOOK_PARAMETERS {
            values.names.insert(name.to_owned(), String::new());
        }
        for (name, value) in parameters {
            values.names.insert((*name).to_owned(), (*value).to_owned());
        }
        let line: Result<Vec<_>, _> = command.iter().map(|t| t.expand(&values)).collect();
        line.map(Some)
            .map_err(|e| self.wrong(&self.profile.source, &e))
    }

    /// Runs a hook to its end. `None`: the profile has no such hook. `Some(None)`: it ended with 69 (`EX_UNAVAILABLE`), the target
    /// has no such thing. Else what it printed.
    pub(super) async fn run_hook(
        &self,
        name: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Option<Option<String>>, TargetError> {
        match self.hook_line(name, parameters)? {
            Some(line) => self.finished(line).await.map(Some),
            None => Ok(None),
        }
    }

    /// Runs a command to its end, like a process of the target; what it printed.
    async fn command(&self, command: Vec<String>) -> Result<String, TargetError> {
        let unavailable = || TargetError::Command {
            command: command.join(" "),
            output: format!("exit status: {UNAVAILABLE}"),
        };
        let printed = self.finished(command.clone()).await?;
        printed.ok_or_else(unavailable)
    }

    async fn finished(&self, command: Vec<String>) -> Result<Option<String>, TargetError> {
        let line = command.join(" ");
        let launch = self.launch(command);
        let wrong = |output: String| TargetError::Command {
            command: line.clone(),
            output,
        };
        let run = launch.command(self.confinement).kill_on_drop(true).output();
        let output = timeout(Duration::from_secs_f64(self.profile.start_timeout_s), run)
            .await
            .map_err(|_| wrong("it did not end".to_owned()))?
            .map_err(|e| wrong(e.to_string()))?;
        if output.status.success() {
            return Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()));
        }
        if output.status.code() == Some(UNAVAILABLE) {
            return Ok(None);
        }
        let text = [output.stdout, output.stderr].concat();
        Err(wrong(format!(
            "{}\n{}",
            output.status,
            String::from_utf8_lossy(&text).trim_end()
        )))
    }

    pub(super) async fn accounts(&mut self) -> Result<AccountPolicy, TargetError> {
        match self.profile.accounts.clone() {
            Accounts::Register => Ok(AccountPolicy::Register),
            Accounts::None => Ok(AccountPolicy::None),
            Accounts::List { list } => self.profile.listed(&list),
            Accounts::Command { command, count } => {
                let mut accounts = Vec::new();
                for n in 1..=count {
                    let account = (format!("user{n}"), format!("secret{n}"));
                    self.values
                        .names
                        .insert("user".to_owned(), account.0.clone());
                    self.values
                        .names
                        .insert("password".to_owned(), account.1.clone());
                    let line: Result<Vec<_>, _> = command.iter().map(|t| self.expand(t)).collect();
                    self.command(line.map_err(|e| self.wrong(&self.profile.source, &e))?)
                        .await?;
                    accounts.push(account);
                }
                Ok(AccountPolicy::List(accounts))
            }
        }
    }
}

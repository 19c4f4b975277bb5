//! A target of the run's own: folder, configuration, certificates, DNS and processes.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::timeout;

use super::process::{Launch, Processes, tail};
use super::profile::{Accounts, Profile, Ready, glob};
use super::template::{Template, TemplateError, Values};
use super::{AccountPolicy, TargetError, certs, ready};
use crate::world::dns::{self, Dns, Zone};
use crate::world::{Confinement, Entered};

/// What there is of a target that the run started.
#[derive(Debug)]
pub(super) struct Started {
    // The order is that of dropping: processes before their files.
    pub(super) processes: Processes,
    profile: Profile,
    values: Values,
    confinement: Confinement,
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
        let root = match &entered.run_dir {
            Some(dir) => {
                let dir = dir.join(&profile.name);
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
        let dns = if entered.is_closed() {
            Some(Self::dns(profile).await?)
        } else {
            None
        };
        let started = Self {
            processes: Processes::new(),
            profile: profile.clone(),
            values,
            confinement: entered.confinement,
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

    /// Runs a command to its end, like a process of the target.
    async fn command(&self, command: Vec<String>) -> Result<(), TargetError> {
        let line = command.join(" ");
        let cwd = self.folder.0.join("data").display().to_string();
        let launch = Launch {
            name: String::new(),
            command,
            env: Vec::new(),
            cwd,
        };
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
            return Ok(());
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
            Accounts::List { list } => list
                .iter()
                .map(|pair| {
                    pair.split_once(':')
                        .map(|(user, password)| (user.to_owned(), password.to_owned()))
                })
                .collect::<Option<_>>()
                .map(AccountPolicy::List)
                .ok_or_else(|| {
                    TargetError::Profile(format!(
                        "error: {}: accounts are USER:PASSWORD",
                        self.profile.source
                    ))
                }),
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

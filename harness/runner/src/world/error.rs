//! Why no world could be made, and what to change.

use std::fmt;

use nix::errno::Errno;

/// A step of the way into a world, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Preparing in the caller: pipes, the state handed over, the environment.
    Prepare,
    /// `clone(2)` with the new namespaces.
    Clone,
    /// Writing the maps of users and groups from outside.
    Map,
    /// Keeping the capabilities of the new user namespace over `exec`.
    Capabilities,
    /// Running this program again inside.
    Exec,
    /// Cutting mounts off from those outside.
    Private,
    /// Bringing the loopback interface up.
    Loopback,
    /// Making the file system read-only.
    ReadOnly,
    /// Mounting private `/run`, `/tmp`, `/dev/shm`.
    Tmpfs,
    /// Bringing back the folders that the run reads and writes.
    Bind,
    /// Mounting a `/proc` that shows the world only.
    Proc,
    /// Allowing everybody the ports below 1024.
    Ports,
    /// Own `/etc/resolv.conf`, `hosts`, `nsswitch.conf`, `passwd`, `group`.
    Etc,
    /// Own host name.
    Hostname,
    /// Going back to the caller's folder.
    Folder,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Step; 15] = [
        Step::Prepare,
        Step::Clone,
        Step::Map,
        Step::Capabilities,
        Step::Exec,
        Step::Private,
        Step::Loopback,
        Step::ReadOnly,
        Step::Tmpfs,
        Step::Bind,
        Step::Proc,
        Step::Ports,
        Step::Etc,
        Step::Hostname,
        Step::Folder,
    ];

    /// What the step does, in a few words.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Step::Prepare => "prepare in the caller",
            Step::Clone => "make the namespaces",
            Step::Map => "map the user into them",
            Step::Capabilities => "keep the rights over exec",
            Step::Exec => "run this program inside",
            Step::Private => "cut off the mounts outside",
            Step::Loopback => "bring loopback up",
            Step::ReadOnly => "make the file system read-only",
            Step::Tmpfs => "mount private /run, /tmp, /dev/shm",
            Step::Bind => "bring back the folders of the run",
            Step::Proc => "mount a private /proc",
            Step::Ports => "allow ports below 1024",
            Step::Etc => "own resolv.conf, hosts, nsswitch.conf",
            Step::Hostname => "own host name",
            Step::Folder => "go back to the caller's folder",
        }
    }
}

/// A step into the world that this machine refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldError {
    /// The step.
    pub step: Step,
    /// What the kernel said.
    pub errno: Errno,
    /// On what: a path, an interface; may be empty.
    pub detail: String,
}

impl WorldError {
    pub(super) fn new(step: Step, detail: impl Into<String>) -> impl FnOnce(Errno) -> Self {
        let detail = detail.into();
        move |errno| Self {
            step,
            errno,
            detail,
        }
    }

    /// What to change on this machine, in a few lines. Reads a few files below `/proc/sys` to find out.
    #[must_use]
    pub fn hint(&self) -> String {
        let number = |path: &str| {
            std::fs::read_to_string(path)
                .ok()
                .and_then(|s| s.trim().parse::<u64>().ok())
        };
        let apparmor = number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == Some(1);
        let docker = std::path::Path::new("/.dockerenv").exists();
        let mut hints = Vec::new();
        if self.step == Step::Clone {
            for kind in ["user", "mnt", "net", "pid", "ipc", "uts"] {
                if number(&format!("/proc/sys/user/max_{kind}_namespaces")) == Some(0) {
                    hints.push(format!(
                        "sysctl -w user.max_{kind}_namespaces=1000   (it is 0 here)"
                    ));
                }
            }
            if number("/proc/sys/kernel/unprivileged_userns_clone") == Some(0) {
                hints.push(
                    "sysctl -w kernel.unprivileged_userns_clone=1   (it is 0 here)".to_owned(),
                );
            }
        }
        match (self.step, self.errno) {
            (Step::Clone, Errno::EINVAL) => {
                hints.push(
                    "this kernel was built without user namespaces (CONFIG_USER_NS): run as root"
                        .to_owned(),
                );
            }
            (Step::ReadOnly, Errno::ENOSYS) => {
                hints.push("this kernel is older than 5.12".to_owned())
            }
            (Step::Bind, _) => {
                hints.push("choose a folder for results and reports that you may write".to_owned())
            }
            _ => {}
        }
        let refused = matches!(self.errno, Errno::EPERM | Errno::EACCES);
        if refused && apparmor {
            hints.push(
                "AppArmor keeps user namespaces from unprivileged programs here (Ubuntu 23.10 and later): \
                 sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give this program a profile with `userns,`"
                    .to_owned(),
            );
        }
        if docker && (refused || self.errno == Errno::ENOSPC) {
            hints.push(
                "in a container: docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
                 --security-opt systempaths=unconfined"
                    .to_owned(),
            );
        }
        if hints.is_empty() {
            hints.push("run as root, or on a kernel that lets users make namespaces".to_owned());
        }
        hints.push("or pass --no-world: the target then runs on high loopback ports and may ask the real DNS; of serverless peers, the embedded one then runs on loopback".to_owned());
        hints.join("\n")
    }

    /// The form in which the error crosses the status pipe.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let index = Step::ALL.iter().position(|s| *s == self.step).unwrap_or(0);
        format!("{index} {} {}", self.errno as i32, self.detail).into_bytes()
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let mut parts = text.splitn(3, ' ');
        let step = *Step::ALL.get(parts.next()?.parse::<usize>().ok()?)?;
        let errno = Errno::from_raw(parts.next()?.parse().ok()?);
        Some(Self {
            step,
            errno,
            detail: parts.next().unwrap_or_default().to_owned(),
        })
    }
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no closed world here: could not {}",
            self.step.describe()
        )?;
        if !self.detail.is_empty() {
            write!(f, " ({})", self.detail)?;
        }
        write!(f, ": {} ({:?})", self.errno.desc(), self.errno)
    }
}

impl std::error::Error for WorldError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crosses_the_pipe() {
        for step in Step::ALL {
            let error = WorldError {
                step,
                errno: Errno::EPERM,
                detail: "/run of the run".to_owned(),
            };
            assert_eq!(WorldError::from_bytes(&error.to_bytes()), Some(error));
        }
        assert_eq!(WorldError::from_bytes(b"99 1 x"), None);
        assert_eq!(WorldError::from_bytes(b""), None);
    }

    #[test]
    fn every_error_says_what_to_do() {
        for step in Step::ALL {
            let error = WorldError {
                step,
                errno: Errno::EPERM,
                detail: String::new(),
            };
            assert!(error.hint().contains("--no-world"));
            assert!(error.to_string().contains("EPERM"), "{error}");
        }
    }
}

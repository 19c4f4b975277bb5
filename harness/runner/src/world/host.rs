//! Hosts inside a world: each with its own network, host name and a few folders of its own.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::Mode;
use nix::unistd::sethostname;

use super::netlink::Netlink;
use super::segment::{HostError, Link};
use super::{Confinement, inside, sys};

/// Folders that daemons of a machine have one of, and that therefore every host needs one of: those of avahi and of the
/// system bus.
const OWN_FOLDERS: [&str; 2] = ["/run/avahi-daemon", "/run/dbus"];

/// A host of a world: a machine as far as the network can tell. It goes with its last handle and its last process.
///
/// A handle names the host; sockets are made on it by [`Host::run_in`], processes by [`Host::enter`].
#[derive(Debug, Clone)]
pub struct Host {
    /// Its host name, without domain.
    pub name: String,
    /// Its places on segments, in the order in which it was connected to them; at least one.
    pub links: Vec<Link>,
    pub(super) namespaces: Arc<Namespaces>,
    confinement: Confinement,
}

/// What makes a host.
#[derive(Debug)]
pub(super) struct Namespaces {
    pub(super) net: OwnedFd,
    mount: OwnedFd,
    uts: OwnedFd,
    pub(super) netlink: Netlink,
}

impl Host {
    pub(super) fn new(
        name: &str,
        v4: Option<Ipv4Addr>,
        confinement: Confinement,
    ) -> Result<Self, HostError> {
        let ascii = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if name.is_empty() || name.len() > 63 || !ascii || name.starts_with('-') {
            return Err(HostError::Name(name.to_owned()));
        }
        let hosts = own_hosts(name, v4)
            .map_err(|e| errno(&e))
            .map_err(HostError::kernel("prepare the folders of a host"))?;
        let namespaces = in_thread(|| {
            // The mounts of a thread can only be its own if its current folder and root are, which this makes so too.
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWUTS)?;
            sethostname(name)?;
            own_files(&hosts, confinement)?;
            let netlink = Netlink::open()?;
            netlink.loopback_up()?;
            Ok(Namespaces {
                net: own_namespace("net")?,
                mount: own_namespace("mnt")?,
                uts: own_namespace("uts")?,
                netlink,
            })
        })
        .map_err(HostError::kernel("make a host"))?;
        Ok(Self {
            name: name.to_owned(),
            links: Vec::new(),
            namespaces: Arc::new(namespaces),
            confinement,
        })
    }

    /// Runs `make` on a thread that is in the network of this host; sockets that it makes stay there, whoever uses them.
    ///
    /// # Errors
    /// Those of starting the thread and of entering the network.
    pub fn run_in<T: Send>(&self, make: impl FnOnce() -> T + Send) -> Result<T, Errno> {
        in_namespace(&self.namespaces.net, make)
    }

    /// Takes the thread that calls it to the network of this host, for good; for threads that belong there.
    pub fn entrance(&self) -> impl FnOnce() -> io::Result<()> + Send + 'static {
        let namespaces = Arc::clone(&self.namespaces);
        move || Ok(setns(&namespaces.net, CloneFlags::CLONE_NEWNET)?)
    }

    /// A TCP socket on this host, to listen or to connect with.
    ///
    /// # Errors
    /// Those of the system. Call it within a tokio runtime.
    pub fn tcp_socket(&self, ipv6: bool) -> io::Result<tokio::net::TcpSocket> {
        let make = || {
            if ipv6 {
                tokio::net::TcpSocket::new_v6()
            } else {
                tokio::net::TcpSocket::new_v4()
            }
        };
        self.run_in(make)?
    }

    /// Makes `command` start its process on this host, in the folder `cwd`, confined as targets are.
    pub fn enter(&self, command: &mut Command, cwd: &Path) {
        let namespaces = Arc::clone(&self.namespaces);
        sys::enter_namespaces(command, cwd, move || {
            setns(&namespaces.net, CloneFlags::CLONE_NEWNET)?;
            setns(&namespaces.uts, CloneFlags::CLONE_NEWUTS)?;
            setns(&namespaces.mount, CloneFlags::CLONE_NEWNS)
        });
        sys::confine(command, self.confinement);
    }
}

/// Runs `f` on a thread of its own, which may go to other namespaces and does not come back.
pub(super) fn in_thread<T: Send>(f: impl FnOnce() -> Result<T, Errno> + Send) -> Result<T, Errno> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("host".to_owned())
            .spawn_scoped(scope, f)
            .map_err(|e| errno(&e))?
            .join()
            .map_err(|_| Errno::ECANCELED)?
    })
}

/// Runs `f` on a thread in the network namespace `net`.
pub(super) fn in_namespace<T: Send>(
    net: &OwnedFd,
    f: impl FnOnce() -> T + Send,
) -> Result<T, Errno> {
    in_thread(|| {
        setns(net, CloneFlags::CLONE_NEWNET)?;
        Ok(f())
    })
}

/// A handle of this thread's namespace of the kind `net`, `mnt` or `uts`.
pub(super) fn own_namespace(kind: &str) -> Result<OwnedFd, Errno> {
    open(
        format!("/proc/thread-self/ns/{kind}").as_str(),
        OFlag::O_RDONLY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

/// Writes the `/etc/hosts` of a new host, where the host itself will find it: machines look themselves up.
fn own_hosts(name: &str, v4: Option<Ipv4Addr>) -> io::Result<String> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    for folder in OWN_FOLDERS {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o755).create(folder)?;
    }
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = format!("{}/etc/hosts-{number}", inside::RUN_DIR);
    let mut text = "127.0.0.1 localhost\n::1 localhost\n".to_owned();
    if let Some(v4) = v4 {
        text.push_str(&format!("{v4} {name}\n"));
    }
    fs::write(&path, text)?;
    Ok(path)
}

/// Gives the new mount namespace its own files; the folders belong to the user that targets run as.
fn own_files(hosts: &str, confinement: Confinement) -> Result<(), Errno> {
    let (uid, gid) = confinement
        .become_user
        .unwrap_or((nix::unistd::geteuid(), nix::unistd::getegid()));
    for folder in OWN_FOLDERS {
        mount(
            Some("tmpfs"),
            folder,
            Some("tmpfs"),
            MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
            Some(format!("mode=755,uid={uid},gid={gid}").as_str()),
        )?;
    }
    match mount(
        Some(hosts),
        "/etc/hosts",
        None::<&str>,
        MsFlags::MS_BIND,
        None::<&str>,
    ) {
        // Where there is no such file, nobody looks into it.
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => return Err(errno),
    }
    // The bound file stays, without its name.
    fs::remove_file(hosts).map_err(|e| errno(&e))
}

//! W: pid 1 of the world, which closes it from inside before anything else runs.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, sethostname};

use super::{Confinement, Entered, Needs, Step, WorldError, netlink, sys};

/// Names the descriptors that W was handed: state and status.
pub(super) const VARIABLE: &str = "XMPPSPEC_WORLD";

/// The name of the machine inside; it stands in `/etc/hosts`, because servers look themselves up.
const HOSTNAME: &str = "world";

/// Folders that hold sockets of the outer machine, which network namespaces do not close.
const PRIVATE: [(&str, &str); 3] = [
    ("/run", "mode=755"),
    ("/tmp", "mode=1777"),
    ("/dev/shm", "mode=1777"),
];

/// Where the run keeps the files of its targets.
pub(super) const RUN_DIR: &str = "/run/xmppspec";

/// Where the harness puts temporary files: `/tmp` itself may be brought back as the caller's folder.
pub(super) const TMP_DIR: &str = "/run/xmppspec/tmp";

/// The user of unprivileged targets where there is no user namespace: nobody.
pub(super) const NOBODY: u32 = 65534;

/// What P0 tells W, over a memory file.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(super) struct Handover {
    needs: Needs,
    folder: PathBuf,
    with_user: bool,
    #[serde(skip)]
    status: Option<OwnedFd>,
}

pub(super) fn is_inside() -> bool {
    nix::unistd::getpid().as_raw() == 1 && std::env::var_os(VARIABLE).is_some()
}

/// The state handed over, if this process is W.
pub(super) fn handed_over() -> Option<Handover> {
    if !is_inside() {
        return None;
    }
    let value = std::env::var(VARIABLE).ok()?;
    let (state, status) = value.split_once(',')?;
    let mut file = File::from(sys::inherited(state.parse().ok()?)?);
    file.rewind().ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let mut handover: Handover = serde_json::from_slice(&bytes).ok()?;
    handover.status = sys::inherited(status.parse().ok()?);
    Some(handover)
}

impl Handover {
    pub(super) fn new(needs: &Needs, with_user: bool) -> Self {
        let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let mut write: Vec<PathBuf> = needs
            .write
            .iter()
            .filter_map(|path| folder_of(path))
            .collect();
        let mut read: Vec<PathBuf> = needs
            .read
            .iter()
            .filter_map(|path| path.canonicalize().ok())
            .collect();
        read.push(folder.clone());
        for paths in [&mut write, &mut read] {
            paths.sort();
            paths.dedup();
        }
        Self {
            needs: Needs { write, read },
            folder,
            with_user,
            status: None,
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Paths that are not UTF-8 cannot be handed over; the run then does without them.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Closes the world. On failure this process ends, and P0 reports.
    pub(super) fn set_up(mut self) -> Entered {
        let status = self.status.take();
        match self.try_set_up() {
            Ok(entered) => entered,
            Err(error) => {
                if let Some(fd) = status {
                    let _ = File::from(fd).write_all(&error.to_bytes());
                }
                sys::exit_now(70)
            }
        }
    }

    fn try_set_up(&self) -> Result<Entered, WorldError> {
        let mut notes = Vec::new();
        sys::die_with_parent().map_err(WorldError::new(Step::Prepare, "parent death signal"))?;
        setrlimit(Resource::RLIMIT_CORE, 0, 0)
            .map_err(WorldError::new(Step::Prepare, "core limit"))?;
        bind_flags("/", MsFlags::MS_REC | MsFlags::MS_PRIVATE)
            .map_err(WorldError::new(Step::Private, "/"))?;
        netlink::Netlink::open()
            .and_then(|n| n.loopback_up())
            .map_err(WorldError::new(Step::Loopback, "lo"))?;

        let kept = self.open_kept()?;
        sys::set_read_only(c"/", true, true).map_err(WorldError::new(Step::ReadOnly, "/"))?;
        let resolv = fs::canonicalize("/etc/resolv.conf").ok();
        for (path, mode) in PRIVATE {
            if Path::new(path).is_dir() {
                let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
                mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(mode))
                    .map_err(WorldError::new(Step::Tmpfs, path))?;
            }
        }
        for kept in &kept {
            kept.bind_back()
                .map_err(WorldError::new(Step::Bind, kept.path.display().to_string()))?;
        }
        self.make_run_dir()
            .map_err(io_error(Step::Tmpfs, RUN_DIR))?;
        mount_proc(&mut notes)?;
        own_etc(resolv.as_deref(), &mut notes)?;
        sethostname(HOSTNAME).map_err(WorldError::new(Step::Hostname, HOSTNAME))?;
        std::env::set_current_dir(&self.folder)
            .map_err(io_error(Step::Folder, &self.folder.display().to_string()))?;

        let become_user = (!self.with_user).then(|| (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY)));
        if !self.with_user {
            notes.push("made without a user namespace: only root can do so here".to_owned());
        }
        Ok(Entered {
            world: Entered::NAMESPACES,
            run_dir: Some(PathBuf::from(RUN_DIR)),
            notes,
            confinement: Confinement {
                become_user,
                in_world: true,
            },
        })
    }

    /// Opens the folders to bring back before they are hidden.
    fn open_kept(&self) -> Result<Vec<Kept>, WorldError> {
        let mut kept: Vec<Kept> = Vec::new();
        let all = self
            .needs
            .write
            .iter()
            .map(|p| (p, true))
            .chain(self.needs.read.iter().map(|p| (p, false)));
        for (path, writable) in all {
            if writable && path == Path::new("/run") {
                return Err(WorldError::new(Step::Bind, "results directly in /run")(
                    Errno::EROFS,
                ));
            }
            let hidden = PRIVATE.iter().any(|(private, _)| path.starts_with(private))
                && path != Path::new("/run");
            let covered = kept
                .iter()
                .any(|k| path.starts_with(&k.path) && (k.writable || !writable));
            if covered || !(hidden || writable) {
                continue;
            }
            let detail = path.display().to_string();
            let fd = open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
                .map_err(WorldError::new(Step::Bind, detail))?;
            kept.push(Kept {
                path: path.clone(),
                fd,
                writable,
            });
        }
        // Outer folders first, so that the inner ones are not hidden again.
        kept.sort_by_key(|k| k.path.components().count());
        Ok(kept)
    }

    fn make_run_dir(&self) -> io::Result<()> {
        fs::create_dir_all(TMP_DIR)?;
        // Servers write files for us to read, and some look for `/run/lock`.
        fs::set_permissions(RUN_DIR, fs::Permissions::from_mode(0o755))?;
        fs::create_dir_all("/run/lock")
    }
}

/// A folder or file that stays as it was.
struct Kept {
    path: PathBuf,
    fd: OwnedFd,
    writable: bool,
}

impl Kept {
    fn bind_back(&self) -> Result<(), Errno> {
        let errno = |e: io::Error| Errno::from_raw(e.raw_os_error().unwrap_or(libc::EIO));
        let source = PathBuf::from(format!("/proc/self/fd/{}", self.fd.as_raw_fd()));
        // The place may have gone with what the private folders hide.
        if !self.path.exists() {
            if fs::metadata(&source).map_err(errno)?.is_dir() {
                fs::create_dir_all(&self.path).map_err(errno)?;
            } else {
                fs::create_dir_all(self.path.parent().unwrap_or(Path::new("/"))).map_err(errno)?;
                File::create(&self.path).map_err(errno)?;
            }
        }
        mount(
            Some(&source),
            &self.path,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        )?;
        let path = CString::new(self.path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
        sys::set_read_only(&path, !self.writable, false)
    }
}

/// The folder that must be writable so that `path` can be written; `None` if there is none (the run itself will say so).
fn folder_of(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return path.canonicalize().ok();
    }
    let parent = path.parent()?;
    if parent.as_os_str().is_empty() {
        std::env::current_dir().ok()
    } else {
        parent.canonicalize().ok()
    }
}

fn bind_flags(path: &str, flags: MsFlags) -> Result<(), Errno> {
    mount(None::<&str>, path, None::<&str>, flags, None::<&str>)
}

fn io_error(step: Step, detail: &str) -> impl FnOnce(io::Error) -> WorldError {
    let detail = detail.to_owned();
    move |e| WorldError {
        step,
        errno: Errno::from_raw(e.raw_os_error().unwrap_or(libc::EIO)),
        detail,
    }
}

/// An own `/proc`, and ports below 1024 for everybody. Containers forbid both; neither opens the world.
fn mount_proc(notes: &mut Vec<String>) -> Result<(), WorldError> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    match mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>) {
        Ok(()) => {}
        Err(Errno::EPERM | Errno::EACCES) => {
            notes.push(
                "/proc still shows the processes outside (a container keeps it masked)".to_owned(),
            );
        }
        Err(errno) => return Err(WorldError::new(Step::Proc, "/proc")(errno)),
    }
    if fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0").is_err() {
        notes.push("targets cannot use ports below 1024 (/proc/sys is read-only)".to_owned());
    }
    Ok(())
}

/// Puts the run's own files over those of `/etc` that decide how names are looked up and what users are called.
fn own_etc(resolv: Option<&Path>, notes: &mut Vec<String>) -> Result<(), WorldError> {
    let id = nix::unistd::geteuid();
    // Daemons that give files to a user of their own can only give them to the one that they run as.
    let daemon = if id.is_root() { NOBODY } else { id.as_raw() };
    let files = [
        ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n".to_owned()),
        ("hosts", format!("127.0.0.1 localhost {HOSTNAME}\n::1 localhost\n")),
        ("nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n".to_owned()),
        (
            "passwd",
            format!("xmppspec:x:{id}:{id}::{RUN_DIR}:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\nnobody:x:{NOBODY}:{NOBODY}::/nonexistent:/usr/sbin/nologin\n\
                 avahi:x:{daemon}:{daemon}::/run/avahi-daemon:/usr/sbin/nologin\nmessagebus:x:{daemon}:{daemon}::/nonexistent:/usr/sbin/nologin\n"),
        ),
        ("group", format!("xmppspec:x:{id}:\nroot:x:0:\nnogroup:x:{NOBODY}:\navahi:x:{daemon}:\nmessagebus:x:{daemon}:\n")),
    ];
    let own = Path::new(RUN_DIR).join("etc");
    fs::create_dir_all(&own).map_err(io_error(Step::Etc, RUN_DIR))?;
    for (name, text) in files {
        let source = own.join(name);
        fs::write(&source, &text).map_err(io_error(Step::Etc, name))?;
        let target = Path::new("/etc").join(name);
        // A link into what the private folders hide: its end is made anew.
        if name == "resolv.conf"
            && !target.exists()
            && let Some(end) = resolv
        {
            fs::create_dir_all(end.parent().unwrap_or(Path::new("/run")))
                .and_then(|()| fs::write(end, &text))
                .map_err(io_error(Step::Etc, name))?;
        }
        match mount(
            Some(&source),
            &target,
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        ) {
            Ok(()) => {}
            // Without the file the C library takes its defaults: 127.0.0.1 as the only server of names.
            Err(Errno::ENOENT) => notes.push(format!(
                "/etc/{name} does not exist here; its defaults hold"
            )),
            Err(errno) => {
                return Err(WorldError::new(Step::Etc, target.display().to_string())(
                    errno,
                ));
            }
        }
        if fs::read_to_string(&target).is_ok_and(|read| read != text) {
            return Err(WorldError::new(
                Step::Etc,
                format!("/etc/{name} is still the one outside"),
            )(Errno::EIO));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_to_write_needs_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        assert_eq!(
            folder_of(&dir.path().join("results.json")),
            Some(real.clone())
        );
        assert_eq!(folder_of(dir.path()), Some(real));
        assert_eq!(
            folder_of(Path::new("results.json")),
            std::env::current_dir().ok()
        );
        assert_eq!(folder_of(Path::new("/nowhere/at/all.json")), None);
    }

    #[test]
    fn outside_is_not_inside() {
        assert!(!is_inside());
        assert!(handed_over().is_none());
    }
}

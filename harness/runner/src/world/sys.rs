//! The system calls that have no safe wrapper: the only unsafe code of the crate.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Pid, Uid, setpgid};

/// Makes a copy of this process in new namespaces: `fork(2)` with `flags`. `None` in the child.
///
/// The child is a copy of the calling thread only, and the C library does not know that it is another process: it may only
/// make plain system calls (no allocation, no locks) and must then `exec` or exit.
pub(super) fn clone_process(flags: libc::c_int) -> Result<Option<Pid>, Errno> {
    // SAFETY: without CLONE_VM and with a null stack the child continues on its own copy of this stack, like fork(2); no
    // pointer is handed over. That the child restricts itself to plain system calls is what the caller promises.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone,
            libc::c_long::from(flags | libc::SIGCHLD),
            0usize,
            0usize,
            0usize,
            0usize,
        )
    };
    match Errno::result(pid)? {
        0 => Ok(None),
        pid => Ok(Some(Pid::from_raw(
            i32::try_from(pid).map_err(|_| Errno::EOVERFLOW)?,
        ))),
    }
}

/// Replaces this process. Only returns on failure. Allocation-free.
pub(super) fn exec(
    path: &CStr,
    argv: &[*const libc::c_char],
    envp: &[*const libc::c_char],
) -> Errno {
    debug_assert!(
        argv.last().is_some_and(|p| p.is_null()) && envp.last().is_some_and(|p| p.is_null())
    );
    // SAFETY: both arrays end in a null pointer, and their strings are owned by the caller's `CStrings`, which outlive the call.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), envp.as_ptr()) };
    Errno::last()
}

/// Strings with the null-terminated array of pointers to them that `execve` wants, made before `clone`.
pub(super) struct CStrings {
    _strings: Vec<CString>,
    pub(super) pointers: Vec<*const libc::c_char>,
}

impl CStrings {
    pub(super) fn new(strings: Vec<CString>) -> Self {
        let pointers = strings
            .iter()
            .map(|s| s.as_ptr())
            .chain([std::ptr::null()])
            .collect();
        Self {
            _strings: strings,
            pointers,
        }
    }
}

/// Ends this process at once, without running any destructor or exit handler.
pub(super) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Makes every descriptor from 3 on close at the next `exec`, so that no socket of the outer network gets in.
pub(super) fn close_all_on_exec() -> Result<(), Errno> {
    // SAFETY: plain integers; nothing is closed now, so no owner in this process loses its descriptor.
    let r = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3u32,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    Errno::result(r).map(drop)
}

/// Sends SIGKILL to this process when the thread that created it ends.
pub(super) fn die_with_parent() -> Result<(), Errno> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)
}

#[repr(C)]
struct CapHeader {
    version: u32,
    pid: i32,
}

/// `_LINUX_CAPABILITY_VERSION_3`: two words of 32 capabilities each.
const CAP_VERSION_3: u32 = 0x2008_0522;

fn capget() -> Result<[libc::c_uint; 6], Errno> {
    let header = CapHeader {
        version: CAP_VERSION_3,
        pid: 0,
    };
    let mut data = [0u32; 6];
    // SAFETY: version 3 reads and writes exactly two structs of three u32 each; `data` has room for them.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_capget, &raw const header, data.as_mut_ptr())
    })?;
    Ok(data)
}

fn capset(data: [libc::c_uint; 6]) -> Result<(), Errno> {
    let header = CapHeader {
        version: CAP_VERSION_3,
        pid: 0,
    };
    // SAFETY: as for capget.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, &raw const header, data.as_ptr()) })
        .map(drop)
}

/// Keeps all capabilities of this process (those of its own user namespace) over the next `exec`, whatever its uid.
pub(super) fn keep_capabilities_over_exec() -> Result<(), Errno> {
    // Words: effective, permitted, inheritable, for capabilities 0-31 and then for 32-63.
    let mut data = capget()?;
    data[2] = data[1];
    data[5] = data[4];
    capset(data)?;
    for cap in 0..64 {
        let word = if cap < 32 { data[1] } else { data[4] };
        if word & (1 << (cap % 32)) != 0 {
            prctl(
                libc::PR_CAP_AMBIENT,
                libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong,
                cap,
            )?;
        }
    }
    Ok(())
}

/// Whether this process has the capability `number` in effect.
pub(super) fn has_capability(number: u32) -> bool {
    capget().is_ok_and(|d| d[if number < 32 { 0 } else { 3 }] & (1 << (number % 32)) != 0)
}

/// Whether this user namespace has a user and a group with this id.
pub(super) fn is_mapped(id: u32) -> bool {
    let has = |map: &str| {
        map.lines().any(|line| {
            let mut numbers = line.split_whitespace().map(str::parse::<u32>);
            match (numbers.next(), numbers.nth(1)) {
                (Some(Ok(first)), Some(Ok(count))) => id >= first && id - first < count,
                _ => false,
            }
        })
    };
    let map = |kind| std::fs::read_to_string(format!("/proc/self/{kind}_map"));
    ["uid", "gid"]
        .into_iter()
        .all(|kind| map(kind).is_ok_and(|map| has(&map)))
}

/// `CAP_SYS_ADMIN`.
pub(super) const CAP_SYS_ADMIN: u32 = 21;

fn prctl(option: libc::c_int, a: libc::c_ulong, b: libc::c_ulong) -> Result<(), Errno> {
    // SAFETY: the options used in this file take integers only.
    Errno::result(unsafe { libc::prctl(option, a, b, 0 as libc::c_ulong, 0 as libc::c_ulong) })
        .map(drop)
}

#[repr(C)]
#[derive(Default)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

/// `MOUNT_ATTR_RDONLY`.
const RDONLY: u64 = 1;

/// Makes the mount at `path` read-only or writable; with all mounts below it if `recursive`. Linux 5.12.
pub(super) fn set_read_only(path: &CStr, read_only: bool, recursive: bool) -> Result<(), Errno> {
    let attr = if read_only {
        MountAttr {
            set: RDONLY,
            ..MountAttr::default()
        }
    } else {
        MountAttr {
            clear: RDONLY,
            ..MountAttr::default()
        }
    };
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: `path` is null-terminated; `attr` is a mount_attr of the size given.
    let r = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    };
    Errno::result(r).map(drop)
}

/// Takes over a descriptor that was inherited over `exec` under the number `fd`.
pub(super) fn inherited(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: asked of the kernel, not assumed: a number that is not open is refused with EBADF.
    let borrowed = (fd > 2).then(|| unsafe { BorrowedFd::borrow_raw(fd) })?;
    nix::fcntl::fcntl(
        borrowed,
        nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC),
    )
    .ok()?;
    // SAFETY: it is open, and the caller runs once, first thing in main, before anybody else opened or took descriptors.
    Some(unsafe { OwnedFd::from_raw_fd(borrowed.as_raw_fd()) })
}

/// What a child process may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Confinement {
    /// The user and group to become; `None`: those of the caller.
    pub(crate) become_user: Option<(Uid, Gid)>,
    /// Take all capabilities away: those that a world gives are for the harness only.
    pub(crate) in_world: bool,
}

/// Makes `command` start its process in a group of its own, with default signals, without capabilities and the means to get
/// new ones, without core dumps, and ended by the kernel when the harness ends.
pub(crate) fn confine(command: &mut Command, confinement: Confinement) {
    use std::os::unix::process::CommandExt;
    let parent = nix::unistd::getpid();
    // SAFETY: the closure runs between fork and exec: it makes system calls only, and neither allocates nor takes locks.
    unsafe { command.pre_exec(move || in_child(parent, confinement).map_err(io::Error::from)) };
}

/// Lets the process of `command`, and each of its children, have no more data in memory than so many bytes. What asks for more is
/// refused it, as in a container.
pub(crate) fn limit_memory(command: &mut Command, bytes: u64) {
    use std::os::unix::process::CommandExt;
    let limit = move || setrlimit(Resource::RLIMIT_DATA, bytes, bytes).map_err(io::Error::from);
    // SAFETY: the closure runs between fork and exec: it makes one system call.
    unsafe { command.pre_exec(limit) };
}

/// Makes `command` go to other namespaces by `enter` before anything else, and then to the folder `cwd`, which going to another
/// mount namespace leaves. `enter` makes system calls only: it runs between fork and exec.
pub(super) fn enter_namespaces(
    command: &mut Command,
    cwd: &Path,
    enter: impl Fn() -> Result<(), Errno> + Send + Sync + 'static,
) {
    use std::os::unix::process::CommandExt;
    // A path with a null byte cannot be entered by anybody; `/` then.
    let cwd = CString::new(cwd.as_os_str().as_bytes()).unwrap_or_else(|_| c"/".to_owned());
    let go = move || {
        enter()?;
        nix::unistd::chdir(cwd.as_c_str()).map_err(io::Error::from)
    };
    // SAFETY: the closure runs between fork and exec: it makes system calls only (nix allocates for no path that is a CStr).
    unsafe { command.pre_exec(go) };
}

fn in_child(parent: Pid, confinement: Confinement) -> Result<(), Errno> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    SigSet::empty().thread_set_mask()?;
    umask(Mode::from_bits_truncate(0o077));
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    if confinement.in_world {
        for cap in 0..64 {
            // EINVAL: this kernel has no capability of that number.
            if prctl(libc::PR_CAPBSET_DROP, cap, 0).is_err() {
                break;
            }
        }
    }
    // After that, because becoming another user takes CAP_SETPCAP away.
    if let Some((uid, gid)) = confinement.become_user {
        nix::unistd::setgroups(&[])?;
        nix::unistd::setresgid(gid, gid, gid)?;
        nix::unistd::setresuid(uid, uid, uid)?;
    }
    if confinement.in_world {
        prctl(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_CLEAR_ALL as libc::c_ulong,
            0,
        )?;
        capset([0; 6])?;
    }
    nix::sys::prctl::set_no_new_privs()?;
    // Last, because becoming another user clears it. The parent may have died before: then nobody would ever send it.
    die_with_parent()?;
    if nix::unistd::getppid() != parent {
        return Err(Errno::ESRCH);
    }
    Ok(())
}

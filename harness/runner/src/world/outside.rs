//! P0: makes the namespaces, maps the user, waits, and passes the exit code on. Synchronous, one thread.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{SigSet, Signal, kill, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getegid, geteuid, pipe2, read, setpgid};

use super::inside::{Handover, NOBODY, TMP_DIR, VARIABLE};
use super::{Needs, Step, WorldError, sys};

/// The uid and gid of everything inside: not 0, because servers refuse to run as root.
const INNER_ID: u32 = 1000;

/// Variables that lead to services outside over unix sockets or proxies.
fn leads_outside(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.starts_with("DBUS_")
        || name.ends_with("_PROXY")
        || matches!(
            name.as_str(),
            "XDG_RUNTIME_DIR"
                | "SSH_AUTH_SOCK"
                | "SSH_AGENT_PID"
                | "GPG_AGENT_INFO"
                | "DISPLAY"
                | "WAYLAND_DISPLAY"
        )
        || matches!(
            name.as_str(),
            "TMPDIR" | "LOCALDOMAIN" | "RES_OPTIONS" | "HOSTALIASES" | VARIABLE
        )
}

fn prepare(what: &'static str) -> impl FnOnce(Errno) -> WorldError {
    WorldError::new(Step::Prepare, what)
}

/// Makes a world, waits for its end and exits with its exit code.
pub(super) fn run(needs: &Needs) -> Result<Infallible, WorldError> {
    let mut handled = SigSet::empty();
    for signal in [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGTSTP,
        Signal::SIGCHLD,
    ] {
        handled.add(signal);
    }
    handled.thread_block().map_err(prepare("signals"))?;
    let made = match make(needs, true) {
        // Root needs no user namespace to make the others; but targets must not be root there.
        Err(e)
            if e.step == Step::Clone
                && geteuid().is_root()
                && sys::has_capability(sys::CAP_SYS_ADMIN)
                && sys::is_mapped(NOBODY) =>
        {
            make(needs, false)
        }
        made => made,
    };
    match made {
        Ok(pid) => std::process::exit(watch(pid, &handled)),
        Err(e) => {
            let _ = handled.thread_unblock();
            Err(e)
        }
    }
}

/// Clones W and waits until it has set itself up.
fn make(needs: &Needs, with_user: bool) -> Result<Pid, WorldError> {
    let memfd = memfd_create(c"xmppspec-world", MFdFlags::MFD_CLOEXEC).map_err(prepare("memfd"))?;
    let (go_read, go_write) = pipe2(OFlag::O_CLOEXEC).map_err(prepare("pipe"))?;
    let (status_read, status_write) = pipe2(OFlag::O_CLOEXEC).map_err(prepare("pipe"))?;

    // All that the child needs is made before the clone, because it may not allocate.
    let argv = sys::CStrings::new(
        std::env::args_os()
            .filter_map(|a| CString::new(a.into_vec()).ok())
            .collect(),
    );
    let mut env: Vec<CString> = std::env::vars_os()
        .filter(|(name, _)| !name.to_str().is_some_and(leads_outside))
        .filter_map(|(name, value)| {
            CString::new([name.into_vec(), b"=".to_vec(), value.into_vec()].concat()).ok()
        })
        .collect();
    let marker = format!(
        "{VARIABLE}={},{}",
        memfd.as_raw_fd(),
        status_write.as_raw_fd()
    );
    env.extend(CString::new(marker));
    env.extend(CString::new(format!("TMPDIR={TMP_DIR}")));
    let envp = sys::CStrings::new(env);

    let mut flags = libc::CLONE_NEWNS
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS;
    if with_user {
        flags |= libc::CLONE_NEWUSER;
    }
    let child = Child {
        go: &go_read,
        go_write: &go_write,
        status: &status_write,
        memfd: &memfd,
        with_user,
    };
    let Some(pid) = sys::clone_process(flags).map_err(WorldError::new(Step::Clone, ""))? else {
        child.become_w(&argv, &envp)
    };
    drop((go_read, status_write));
    let result = hand_over(pid, needs, with_user, memfd, go_write).and_then(|()| {
        let mut bytes = Vec::new();
        let _ = File::from(status_read).read_to_end(&mut bytes);
        WorldError::from_bytes(&bytes).map_or(Ok(()), Err)
    });
    if let Err(error) = result {
        // Without the go it has ended already, or ends now.
        let _ = kill(pid, Signal::SIGKILL);
        let _ = waitpid(pid, None);
        return Err(error);
    }
    Ok(pid)
}

/// Writes the maps from outside (the only place where every kernel and security module allows it) and lets W go.
fn hand_over(
    pid: Pid,
    needs: &Needs,
    with_user: bool,
    memfd: OwnedFd,
    go: OwnedFd,
) -> Result<(), WorldError> {
    if with_user {
        for (file, text) in [
            ("setgroups", "deny".to_owned()),
            ("uid_map", format!("{INNER_ID} {} 1", geteuid())),
            ("gid_map", format!("{INNER_ID} {} 1", getegid())),
        ] {
            // One write each: the kernel refuses a second.
            std::fs::write(format!("/proc/{pid}/{file}"), text).map_err(|e| WorldError {
                step: Step::Map,
                errno: Errno::from_raw(e.raw_os_error().unwrap_or(libc::EIO)),
                detail: file.to_owned(),
            })?;
        }
    }
    let state = Handover::new(needs, with_user).to_bytes();
    let io = |e: std::io::Error| WorldError {
        step: Step::Prepare,
        errno: Errno::from_raw(e.raw_os_error().unwrap_or(libc::EIO)),
        detail: "handing over".to_owned(),
    };
    File::from(memfd).write_all(&state).map_err(io)?;
    File::from(go).write_all(b"!").map_err(io)
}

/// What the child needs between `clone` and `exec`.
struct Child<'a> {
    go: &'a OwnedFd,
    go_write: &'a OwnedFd,
    status: &'a OwnedFd,
    memfd: &'a OwnedFd,
    with_user: bool,
}

impl Child<'_> {
    /// Waits for the maps and runs this program again, as pid 1 of the world. System calls only: see `clone_process`.
    fn become_w(&self, argv: &sys::CStrings, envp: &sys::CStrings) -> ! {
        let (step, errno) = self.try_become(argv, envp);
        // Formatted by hand, because nothing may be allocated here: "INDEX ERRNO ".
        let mut text = [b' '; 8];
        let numbers = [
            Step::ALL.iter().position(|s| *s == step).unwrap_or(0),
            errno as usize,
        ];
        let mut at = 0;
        for n in numbers {
            for digit in [n / 100 % 10, n / 10 % 10, n % 10] {
                text[at] = b'0' + (digit as u8);
                at += 1;
            }
            at += 1;
        }
        let _ = nix::unistd::write(self.status, &text);
        sys::exit_now(70)
    }

    fn try_become(&self, argv: &sys::CStrings, envp: &sys::CStrings) -> (Step, Errno) {
        let prepared = || -> Result<(), Errno> {
            sys::die_with_parent()?;
            // P0 died before the line above: then its end of the pipe is closed, once ours is.
            nix::unistd::close(self.go_write.as_raw_fd())?;
            let mut byte = [0u8; 1];
            if read(self.go, &mut byte)? == 0 {
                sys::exit_now(70);
            }
            // Its own group: keys of the terminal reach P0 only, which passes them on once.
            setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
            let mut mask = SigSet::empty();
            mask.add(Signal::SIGINT);
            mask.add(Signal::SIGTERM);
            mask.add(Signal::SIGHUP);
            // And it may write to the terminal though it is not in front.
            mask.add(Signal::SIGTTOU);
            mask.thread_set_mask()
        };
        if let Err(errno) = prepared() {
            return (Step::Prepare, errno);
        }
        if self.with_user
            && let Err(errno) = sys::keep_capabilities_over_exec()
        {
            return (Step::Capabilities, errno);
        }
        let kept = || -> Result<(), Errno> {
            sys::close_all_on_exec()?;
            for fd in [self.memfd, self.status] {
                fcntl(fd.as_fd(), FcntlArg::F_SETFD(FdFlag::empty()))?;
            }
            Ok(())
        };
        if let Err(errno) = kept() {
            return (Step::Prepare, errno);
        }
        (
            Step::Exec,
            sys::exec(c"/proc/self/exe", &argv.pointers, &envp.pointers),
        )
    }
}

/// Waits for the end of W; the exit code to end with.
fn watch(pid: Pid, handled: &SigSet) -> i32 {
    let mut interrupts = 0;
    loop {
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => return code,
            Ok(WaitStatus::Signaled(_, signal, _)) => return 128 + signal as i32,
            Err(Errno::ECHILD) => return 70,
            _ => {}
        }
        match handled.wait() {
            Ok(signal @ (Signal::SIGINT | Signal::SIGTERM | Signal::SIGHUP)) => {
                interrupts += 1;
                // The first asks for a graceful end; who asks twice wants it now.
                let _ = kill(
                    pid,
                    if interrupts == 1 {
                        signal
                    } else {
                        Signal::SIGKILL
                    },
                );
            }
            Ok(Signal::SIGTSTP) => {
                let _ = kill(pid, Signal::SIGSTOP);
                let _ = raise(Signal::SIGSTOP);
                let _ = kill(pid, Signal::SIGCONT);
            }
            _ => {}
        }
    }
}

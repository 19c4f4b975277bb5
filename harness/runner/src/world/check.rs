//! Whether a world that was entered is as closed as it should be: looked at from inside, by trying.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};

use nix::sys::statvfs::{FsFlags, statvfs};

use super::dns::{self, Dns, Zone};
use super::{Entered, confine};

/// Addresses of documentation, which no network routes (RFC 5737, RFC 3849). Connecting a UDP socket sends nothing.
const ELSEWHERE: [&str; 2] = ["192.0.2.1:9", "[2001:db8::1]:9"];

/// A name that exists nowhere (RFC 6761).
const NOWHERE: &str = "doctor.invalid";

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What should be so, in a few words.
    pub what: &'static str,
    /// Why it is not so.
    pub wrong: Option<String>,
}

/// Looks at everything. Call it inside a world, in a runtime with I/O.
pub async fn check(entered: &Entered) -> Vec<Check> {
    let check = |what, result: Result<(), String>| Check {
        what,
        wrong: result.err(),
    };
    vec![
        check("loopback is the only network interface", only_loopback()),
        check("no address outside can be reached", unreachable()),
        check("DNS is answered and logged by the run", answers().await),
        check("the file system is read-only", read_only()),
        check("programs of targets have no rights", confined(entered)),
    ]
}

fn failed(what: &str) -> impl FnOnce(io::Error) -> String {
    move |error| format!("{what}: {error}")
}

fn only_loopback() -> Result<(), String> {
    let table = std::fs::read_to_string("/proc/net/dev").map_err(failed("/proc/net/dev"))?;
    let names: Vec<&str> = table
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim())
        .collect();
    if names == ["lo"] {
        Ok(())
    } else {
        Err(format!("there are {}", names.join(", ")))
    }
}

fn unreachable() -> Result<(), String> {
    for address in ELSEWHERE {
        let any = if address.starts_with('[') {
            "[::]:0"
        } else {
            "0.0.0.0:0"
        };
        // A machine without IPv6 cannot even make the socket.
        let connected = UdpSocket::bind(any).and_then(|socket| socket.connect(address));
        if connected.is_ok() {
            return Err(format!("there is a route to {address}"));
        }
    }
    Ok(())
}

async fn answers() -> Result<(), String> {
    let dns = Dns::start(dns::STANDARD, Zone::new())
        .await
        .map_err(failed("cannot answer on port 53"))?;
    let found: Vec<SocketAddr> = tokio::net::lookup_host((NOWHERE, 0))
        .await
        .map(Iterator::collect)
        .unwrap_or_default();
    if !found.is_empty() {
        return Err(format!("{NOWHERE} was found: {found:?}"));
    }
    if dns.asked().iter().any(|asked| asked.name == NOWHERE) {
        Ok(())
    } else {
        Err(format!("nobody asked for {NOWHERE} when it was looked up"))
    }
}

fn read_only() -> Result<(), String> {
    let root = statvfs("/").map_err(|errno| format!("/: {errno}"))?;
    if root.flags().contains(FsFlags::ST_RDONLY) {
        Ok(())
    } else {
        Err("/ can be written".to_owned())
    }
}

fn confined(entered: &Entered) -> Result<(), String> {
    let mut command = Command::new("cat");
    command.arg("/proc/self/status").stdin(Stdio::null());
    confine(&mut command, entered.confinement);
    let output = command.output().map_err(failed("cannot run cat"))?;
    let status = String::from_utf8_lossy(&output.stdout);
    let value = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim().to_owned()
    };
    for (key, expected) in [
        ("CapEff:", "0000000000000000"),
        ("CapBnd:", "0000000000000000"),
        ("NoNewPrivs:", "1"),
    ] {
        if value(key) != expected {
            return Err(format!("{key} {} instead of {expected}", value(key)));
        }
    }
    if value("Uid:").split_whitespace().next() == Some("0") {
        return Err("they are root".to_owned());
    }
    Ok(())
}

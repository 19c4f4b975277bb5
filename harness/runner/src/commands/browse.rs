//! `xmppspec browse`: who is on a link.

use std::time::Duration;

use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};

use super::run_args::Format;
use super::{Outcome, json, runtime};
use crate::exit::{Exit, Failed};
use crate::peer::{FoundPeer, Instrument, Place, Survey, taken_hint};
use crate::ui::{self, BOLD, DIM, DOUBTFUL};

/// Where to look.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
It asks over multicast DNS, as any peer does, on this one interface.
Exit codes: 0 somebody is there, 4 nobody is, 2 the interface cannot be used.")]
pub struct BrowseArgs {
    /// The network interface, such as eth0
    #[arg(value_name = "INTERFACE")]
    interface: String,
    /// How long to listen
    #[arg(long = "for", value_name = "SECONDS", default_value = "3")]
    seconds: f64,
    /// What to write to standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// Looks who is there.
pub(super) fn main(args: &BrowseArgs) -> Outcome {
    let length = Duration::try_from_secs_f64(args.seconds)
        .map_err(|_| Failed::usage("--for wants a number of seconds above 0"))?;
    let place = place(&args.interface)?;
    let survey = runtime()?.block_on(async {
        let instrument = Instrument::at(place)?;
        Survey::of_link(&instrument, length).await
    });
    let survey = survey.map_err(|error| {
        Failed::usage(format!(
            "cannot use {} for multicast DNS: {error}{}",
            args.interface,
            taken_hint(&error)
        ))
    })?;
    let exit = if survey.peers.is_empty() {
        Exit::Nothing
    } else {
        Exit::Conformant
    };
    match args.format {
        Format::Json => json(&survey).map(|_| exit),
        Format::Text => {
            text(&survey, args);
            Ok(exit)
        }
    }
}

/// The interface with its addresses.
fn place(name: &str) -> Result<Place, Failed> {
    let all: Vec<_> = getifaddrs()
        .map_err(|e| Failed::usage(format!("cannot list the network interfaces: {}", e.desc())))?
        .collect();
    let usable = InterfaceFlags::IFF_UP | InterfaceFlags::IFF_MULTICAST;
    let named: Vec<_> = all.iter().filter(|i| i.interface_name == name).collect();
    let index = if_nametoindex(name).ok().filter(|_| !named.is_empty());
    let Some(index) = index else {
        let mut known: Vec<_> = all.iter().map(|i| i.interface_name.as_str()).collect();
        known.dedup();
        return Err(Failed::usage(format!(
            "there is no network interface {name:?}\nthere are: {}",
            known.join(", ")
        )));
    };
    let loopback = named
        .iter()
        .any(|i| i.flags.contains(InterfaceFlags::IFF_LOOPBACK));
    if !loopback && !named.iter().any(|i| i.flags.contains(usable)) {
        return Err(Failed::usage(format!(
            "{name} is down, or carries no multicast"
        )));
    }
    let addresses = || named.iter().filter_map(|i| i.address.as_ref());
    let v4 = addresses().find_map(|a| a.as_sockaddr_in().map(|a| a.ip()));
    // IPv6 multicast does not work on loopback.
    let v6 = addresses()
        .filter_map(|a| a.as_sockaddr_in6().map(|a| a.ip()))
        .find(|a| a.is_unicast_link_local() && !loopback);
    if v4.is_none() && v6.is_none() {
        return Err(Failed::usage(format!("{name} has no address")));
    }
    Ok(Place {
        interface: name.to_owned(),
        index,
        v4,
        v6,
        only_near: false,
    })
}

fn text(survey: &Survey, args: &BrowseArgs) {
    for peer in &survey.peers {
        ui::print(&of_peer(peer));
    }
    let wrong: Vec<_> = survey
        .speakers
        .iter()
        .filter(|s| !s.complaints.is_empty())
        .collect();
    if !wrong.is_empty() {
        ui::line(&format!("{BOLD}What is wrong with what was said{BOLD:#}"));
    }
    for speaker in wrong {
        ui::line(&format!(
            "  {} ({} packets)",
            speaker.address, speaker.packets
        ));
        for complaint in &speaker.complaints {
            ui::line(&format!("    {DOUBTFUL}{complaint}{DOUBTFUL:#}"));
        }
    }
    if survey.lost > 0 {
        ui::line(&format!(
            "{} packets came too fast to be looked at",
            survey.lost
        ));
    }
    let packets: usize = survey.speakers.iter().map(|s| s.packets).sum();
    ui::line(&format!(
        "{} on {}, {} from {} in {} s",
        counted(survey.peers.len(), "peer"),
        args.interface,
        counted(packets, "packet"),
        counted(survey.speakers.len(), "address"),
        args.seconds
    ));
}

fn counted(n: usize, what: &str) -> String {
    let plural = if what.ends_with('s') { "es" } else { "s" };
    format!("{n} {what}{}", if n == 1 { "" } else { plural })
}

fn of_peer(peer: &FoundPeer) -> String {
    let mut out = format!("{BOLD}{}{BOLD:#}", peer.instance);
    if let Some(status) = &peer.status {
        out.push_str(&format!("  {}", status.escape_debug()));
    }
    if let Some(text) = &peer.text {
        out.push_str(&format!("  {text:?}"));
    }
    out.push('\n');
    for record in &peer.records {
        out.push_str(&format!("  {DIM}{record}{DIM:#}\n"));
    }
    for complaint in &peer.complaints {
        out.push_str(&format!("  {DOUBTFUL}{complaint}{DOUBTFUL:#}\n"));
    }
    out.push('\n');
    out
}

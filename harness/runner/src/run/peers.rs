//! What a case about serverless peers stands on (XEP-0174): a link of its own with the target and the script's peers, each on
//! a host (without a world, at an address of loopback), an instrument with each peer, and what they heard.

mod staging;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout_at};
use xmppspec_protocol::dns::{Data, Kind, Message, Name, Question};
use xmppspec_protocol::mdns::{Cache, Seen, complaints, too_soon};
use xmppspec_reference::peer::PeerFault;
use xmppspec_scenarios::pattern::{EventPattern, PacketPattern, PacketText, Window};
use xmppspec_scenarios::{Actor, ActorKind, Bindings, Hearing, Script};

use staging::{addresses, bind, host_failed, io_failed, listen, start, user};

use super::expect::{Captures, Unmet};
use super::packets::{kept, told};
use crate::actor::{Patience, Problem, Stage, StepError};
use crate::peer::{Direction, Ground, Instrument, MDNS_TTL, Packet, Site, To};
use crate::target::{HookError, PeerEvent, Profile, RunningPeer, Seen as Event};
use crate::transport::{self, Transcript};
use crate::world::{Addresses, Entered};

/// The machines of the play; more peers than these are numbered.
const MACHINES: [&str; 4] = ["forza", "verona", "mantua", "padua"];

/// The machine of the target.
const TARGET_MACHINE: &str = "pronto";

/// What a busy machine may take from the time between two packets.
const SCHEDULING: Duration = Duration::from_millis(150);

/// How long the records of a peer are asked for before connecting to it.
const FIND_WITHIN: Duration = Duration::from_secs(4);

/// How long the target is given to be quiet.
const QUIET_WITHIN: Duration = Duration::from_secs(20);

/// Which peer a run judges; each case starts one of its own.
#[derive(Debug, Clone)]
pub enum PeerSource {
    /// The embedded reference peer with these faults.
    Reference(Vec<PeerFault>),
    /// An implementation that the run starts.
    Profile(Box<Profile>),
}

/// That, and the world to start it in.
#[derive(Debug)]
pub(crate) struct Peers {
    pub(crate) source: PeerSource,
    pub(crate) entered: Entered,
}

impl Peers {
    /// What a script needs and loopback, the link where there is no world, does not have.
    pub(super) fn lack(&self, script: &Script, text: &str) -> Option<String> {
        let asked = |a: &Actor| a.properties.get("addresses").is_some_and(|a| a != "IPv4");
        let ipv6 = script.actors.iter().any(asked) || text.contains("'s IPv6 address}");
        let lacking =
            "loopback carries no IPv6 multicast, and this case needs it (drop --no-world)";
        (ipv6 && !self.entered.is_closed()).then(|| lacking.to_owned())
    }
}

/// A peer of the script.
#[derive(Debug)]
struct Stand {
    site: Site,
    instrument: Instrument,
    listener: TcpListener,
    /// The first packet that was not looked at yet.
    next: usize,
}

/// The stage of one case.
#[derive(Debug)]
pub(super) struct PeerStage {
    stands: Vec<Option<Stand>>,
    target: Option<RunningPeer>,
    target_site: Site,
    /// When the transcript began.
    began: std::time::Instant,
    /// When the last thing was heard, seen, sent or asked for.
    mark: Instant,
    /// How long after that it may really have been: a hook asks at some time while its command runs.
    slack: Duration,
    next_event: usize,
    names: Vec<String>,
    // Last: its sites go before it.
    _ground: Ground,
}

impl PeerStage {
    pub(super) async fn new(
        peers: &Peers,
        script: &Script,
        bindings: &mut Bindings,
        seed: u64,
        stage: &Stage,
    ) -> Result<Self, StepError> {
        let ground = Ground::new(&peers.entered).map_err(|e| host_failed(&e))?;
        let declared = script.actors.iter().find(|a| a.kind == ActorKind::Target);
        let kinds = |a: &Actor, default| addresses(a.properties.get("addresses"), default);
        let target_addresses =
            declared.map_or(Ok(Addresses::Both), |a| kinds(a, Addresses::Both))?;
        let target_site = ground
            .site(TARGET_MACHINE, target_addresses)
            .map_err(|e| host_failed(&e))?;
        let target_user = declared.map_or("juliet".to_owned(), |a| user(&a.name));
        let mut stands = Vec::new();
        let mut machines = MACHINES.iter();
        for actor in &script.actors {
            if actor.kind != ActorKind::Peer {
                stands.push(None);
                continue;
            }
            let machine = machines
                .next()
                .map_or_else(|| format!("host{}", stands.len()), |m| (*m).to_owned());
            let site = ground
                .site(&machine, kinds(actor, Addresses::V4)?)
                .map_err(|e| host_failed(&e))?;
            let instrument = site
                .instrument()
                .map_err(|e| io_failed("open port 5353", &e))?;
            if let Some(capture) = stage.capture() {
                instrument.tap(capture, format!("{}: {}", stage.title, actor.name));
            }
            let listener = listen(&site).map_err(|e| io_failed("listen", &e))?;
            let port = listener.local_addr().map(|a| a.port()).ok();
            let instance = format!("{}@{machine}", user(&actor.name));
            bind(bindings, &actor.name, &instance, &site.place, port);
            stands.push(Some(Stand {
                site,
                instrument,
                listener,
                next: 0,
            }));
        }
        let target = start(peers, &target_site, &target_user, seed)
            .await
            .map_err(|error| {
                StepError::new(
                    Problem::Unreachable,
                    format!("the target did not start: {error}"),
                )
            })?;
        let seconds = target.start_time.as_secs_f64();
        let up = format!("{} was up after {seconds:.1} s", target.instance);
        stage
            .log
            .note(declared.map_or("", |a| a.name.as_str()), &up);
        if let Some(actor) = declared {
            bind(
                bindings,
                &actor.name,
                &target.instance,
                &target_site.place,
                None,
            );
        }
        Ok(Self {
            stands,
            target: Some(target),
            target_site,
            began: stage.log.began(),
            mark: Instant::now(),
            slack: Duration::ZERO,
            next_event: 0,
            names: script.actors.iter().map(|a| a.name.clone()).collect(),
            _ground: ground,
        })
    }

    /// Ends the target, and tells what every instrument heard and sent.
    pub(super) async fn stop(&mut self, log: &Transcript) {
        if let Some(target) = self.target.take() {
            target.stop().await;
        }
        for (name, stand) in self.names.iter().zip(&self.stands) {
            let Some(Stand { instrument, .. }) = stand else {
                continue;
            };
            for packet in instrument.packets(0) {
                if log.is_full() {
                    return;
                }
                let direction = match packet.direction {
                    Direction::Sent => transport::Direction::Sent,
                    Direction::Received => transport::Direction::Received,
                };
                let at = instrument.began() + packet.at;
                log.packet(name, direction, at, &packet.bytes, kept(&packet));
            }
        }
    }

    /// A packet of this instrument in words.
    fn told(&self, instrument: &Instrument, packet: &Packet) -> String {
        told(
            packet,
            instrument.began().saturating_duration_since(self.began),
        )
    }

    fn stand(&mut self, who: usize) -> Result<&mut Stand, StepError> {
        let stand = self.stands.get_mut(who).and_then(Option::as_mut);
        stand.ok_or_else(|| StepError::new(Problem::Script, "this is for a [Peer] to do"))
    }

    /// The name that the target was to publish.
    pub(super) fn target_instance(&self) -> &str {
        self.target.as_ref().map_or("", |t| t.instance.as_str())
    }

    fn target(&mut self) -> Result<&mut RunningPeer, StepError> {
        self.target
            .as_mut()
            .ok_or_else(|| StepError::new(Problem::Script, "there is no target"))
    }

    fn is_target(&self, packet: &Packet) -> bool {
        packet.direction == Direction::Received && self.is_targets(packet.source.ip())
    }

    fn is_targets(&self, ip: IpAddr) -> bool {
        let target = &self.target_site.place;
        target.v4.is_some_and(|a| ip == IpAddr::V4(a))
            || target.v6.is_some_and(|a| ip == IpAddr::V6(a))
    }

    /// Asks the target to do something. `Ok(Some)`: it has no such hook.
    pub(super) async fn hook(
        &mut self,
        name: &str,
        parameters: &[(String, String)],
    ) -> Result<Option<String>, StepError> {
        self.mark_at(Instant::now());
        let target = self.target()?;
        match name {
            "quit" | "kill" => {
                target.end(name == "kill").await;
                return Ok(None);
            }
            _ => {}
        }
        let mut given: Vec<(&str, &str)> = parameters
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        let file: Option<PathBuf>;
        let path;
        if name == "icon" {
            let bytes = given
                .iter()
                .find(|(k, _)| *k == "bytes")
                .map_or("", |(_, v)| *v);
            let at = std::env::temp_dir().join(format!("icon-{}", rand::random::<u64>()));
            std::fs::write(&at, bytes).map_err(|e| io_failed("write an icon", &e))?;
            path = at.display().to_string();
            given = vec![("file", path.as_str())];
            file = Some(at);
        } else {
            file = None;
        }
        let done = target.hook(name, &given).await;
        self.slack = self.mark.elapsed();
        if let Some(file) = file {
            let _ = std::fs::remove_file(file);
        }
        match done {
            Ok(_) => Ok(None),
            Err(lacking @ (HookError::Missing(_) | HookError::Unavailable(_))) => {
                Ok(Some(lacking.to_string()))
            }
            Err(error) => Err(StepError::new(Problem::Refused, error.to_string())),
        }
    }

    fn mark_at(&mut self, at: Instant) {
        (self.mark, self.slack) = (at, Duration::ZERO);
    }

    /// Whether what came at `at` came within the window.
    fn in_time(&self, window: Option<Window>, at: Instant) -> Result<(), String> {
        let Some((least, most)) = window else {
            return Ok(());
        };
        let gap = at.saturating_duration_since(self.mark);
        if gap >= least && gap <= most + self.slack {
            return Ok(());
        }
        Err(format!("it came after {:.3} s", gap.as_secs_f64()))
    }

    /// `hears …`
    pub(super) async fn hear(
        &mut self,
        who: usize,
        mode: Hearing,
        pattern: &PacketPattern,
        patience: Patience,
    ) -> Result<Captures, Unmet> {
        let until = match (mode, pattern.for_) {
            (Hearing::Nothing, Some(time)) => Instant::now() + time,
            _ => patience.until,
        };
        let stand = self.stand(who)?;
        let instrument = stand.instrument.clone();
        let began = Instant::from_std(instrument.began());
        let mut next = stand.next;
        let mut nearest: Option<(usize, String, String)> = None;
        loop {
            let found = timeout_at(until, instrument.until(next, |p| Some(p.clone()))).await;
            // However many wait to be looked at, those that came too late are not.
            let packet = match found.ok().filter(|packet| began + packet.at <= until) {
                Some(packet) => packet,
                None if mode == Hearing::Nothing => {
                    // What was no offence is past.
                    self.stand(who)?.next = next;
                    return Ok(Captures::new());
                }
                None => break,
            };
            next += 1;
            if !self.is_target(&packet) {
                continue;
            }
            let at = began + packet.at;
            let matched = match packet.read() {
                Ok(seen) => pattern.matches(&seen),
                Err(error) => Err((0, error.to_string())),
            };
            match (matched, mode) {
                (Ok(_), Hearing::Nothing) => {
                    return Err(unmet(
                        "the target said what it must not say",
                        pattern.text(),
                        self.told(&instrument, &packet),
                    ));
                }
                (Ok(captures), _) => {
                    if let Err(late) = self.in_time(pattern.after, at) {
                        return Err(unmet(
                            &format!("it was heard, but not in time: {late}"),
                            pattern.text(),
                            self.told(&instrument, &packet),
                        ));
                    }
                    self.mark_at(at);
                    self.stand(who)?.next = next;
                    return Ok(captures);
                }
                (Err((_, what)), Hearing::Next) => {
                    return Err(unmet(
                        &format!("the next packet is another: {what}"),
                        pattern.text(),
                        self.told(&instrument, &packet),
                    ));
                }
                (Err((depth, what)), _) => {
                    if nearest.as_ref().is_none_or(|(known, ..)| depth > *known) {
                        nearest = Some((depth, what, self.told(&instrument, &packet)));
                    }
                }
            }
        }
        Err(match nearest {
            Some((_, what, text)) => unmet(
                &format!("it was not heard; the nearest packet: {what}"),
                pattern.text(),
                text,
            ),
            None => unmet(
                "it was not heard: the target said nothing",
                pattern.text(),
                String::new(),
            ),
        })
    }

    /// `sees …`
    pub(super) async fn see(
        &mut self,
        not: bool,
        pattern: &EventPattern,
        patience: Patience,
    ) -> Result<Option<Captures>, Unmet> {
        let (next, target) = (self.next_event, self.target()?);
        if !target.is_watched() {
            return Ok(None);
        }
        let until = pattern
            .for_
            .filter(|_| not)
            .map_or(patience.until, |time| Instant::now() + time);
        let mut captures = Captures::new();
        let (mut line, mut number, mut mark) = (0, next, None);
        let look = |event: &Event| {
            number += 1;
            let words = words(&event.event);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            if let Some(mut bound) = pattern.matches(line, &words) {
                captures.append(&mut bound);
                line += 1;
                mark = Some(Instant::from_std(event.at));
            }
            (line == pattern.len()).then_some(())
        };
        let found = timeout_at(until, target.until(next, look)).await.is_ok();
        let recent: Vec<String> = target
            .events(next)
            .iter()
            .map(|e| words(&e.event).join(" "))
            .collect();
        let recent = recent.join("\n");
        match (found, not) {
            (true, false) => {
                let at = mark.unwrap_or_else(Instant::now);
                if let Err(late) = self.in_time(pattern.after, at) {
                    return Err(unmet(
                        &format!("it was seen, but not in time: {late}"),
                        pattern.line(0),
                        recent,
                    ));
                }
                self.next_event = number;
                self.mark_at(at);
                // What was said before it was seen is past.
                for stand in self.stands.iter_mut().flatten() {
                    stand.next = stand.instrument.len();
                }
                Ok(Some(captures))
            }
            (false, true) => Ok(Some(Captures::new())),
            (true, true) => Err(unmet(
                "the user sees what must not be seen",
                pattern.line(0),
                recent,
            )),
            (false, false) => Err(unmet(
                "the user does not see it",
                pattern.line(line),
                recent,
            )),
        }
    }

    /// Waits until the target has said nothing but questions for so long.
    async fn quiet(&mut self, who: usize, time: Duration) -> Result<(), StepError> {
        let instrument = self.stand(who)?.instrument.clone();
        let began = Instant::from_std(instrument.began());
        let give_up = Instant::now() + QUIET_WITHIN;
        let (mut next, mut last) = (0, began);
        while Instant::now() < give_up {
            let from = next;
            let said = |packet: &Packet| {
                next += 1;
                let response = packet.read().is_ok_and(|seen| seen.message.is_response());
                (self.is_target(packet) && response).then_some(packet.at)
            };
            match timeout_at(last + time, instrument.until(from, said)).await {
                Ok(at) => last = began + at,
                Err(_) => return Ok(()),
            }
        }
        Err(StepError::new(
            Problem::TimedOut,
            format!(
                "the target was not quiet within {} s",
                QUIET_WITHIN.as_secs()
            ),
        ))
    }

    /// `multicasts`
    pub(super) async fn multicast(
        &mut self,
        who: usize,
        packet: &PacketText,
    ) -> Result<(), StepError> {
        if let Some(time) = packet.quiet {
            self.quiet(who, time).await?;
        }
        let stand = self.stand(who)?;
        let source = match packet.port {
            None => stand.instrument.mdns().clone(),
            Some(port) => stand
                .instrument
                .open(port)
                .map_err(|e| io_failed("open a port", &e))?,
        };
        let ttl = packet.ttl.unwrap_or(MDNS_TTL);
        let place = stand.instrument.place();
        let groups = match packet.to {
            Some(address) => vec![To::Address(address)],
            None => {
                let there = [place.v4.map(|_| To::V4), place.v6.map(|_| To::V6)];
                there.into_iter().flatten().collect()
            }
        };
        // Before it is sent: an answer may be there at once.
        let (next, mark) = (stand.instrument.len(), Instant::now());
        for to in groups {
            let sent = stand.instrument.send(&packet.bytes, to, &source, ttl).await;
            sent.map_err(|e| io_failed("send a packet", &e))?;
        }
        stand.next = next;
        let took = self.mark.elapsed();
        if let Some(most) = packet.before.filter(|most| took > *most) {
            return Err(StepError::new(
                Problem::TimedOut,
                format!(
                    "our own packet was late: it left {:.3} s after what it is about, and may take {:.3} s",
                    took.as_secs_f64(),
                    most.as_secs_f64()
                ),
            ));
        }
        self.mark_at(mark);
        Ok(())
    }

    /// `finds no fault`
    pub(super) fn find_no_fault(&mut self, who: usize, covers: &[String]) -> Result<(), Unmet> {
        let instrument = self.stand(who)?.instrument.clone();
        let packets = instrument.packets(0);
        for packet in packets.iter().filter(|p| self.is_target(p)) {
            let Ok(seen) = packet.read() else {
                continue;
            };
            let found = complaints(&seen)
                .into_iter()
                .find(|c| covers.iter().any(|id| id == c.id));
            if let Some(complaint) = found {
                return Err(unmet(
                    &complaint.to_string(),
                    "",
                    self.told(&instrument, packet),
                ));
            }
        }
        if covers.iter().any(|id| id == "MDNS-RSP-04") {
            let log: Vec<_> = packets.iter().filter_map(|p| p.read().ok()).collect();
            let of_target = |seen: &Seen| self.is_targets(seen.source.ip());
            if let Some((record, gap)) = too_soon(&log, SCHEDULING, of_target) {
                let gap = gap.as_secs_f64();
                let what = format!("MDNS-RSP-04: it was multicast again after {gap:.3} s");
                return Err(unmet(&what, "", record.to_string()));
            }
        }
        Ok(())
    }

    /// Connects to where the target's records say, asking for them if they are not known.
    pub(super) async fn connect(&mut self, who: usize) -> Result<TcpStream, StepError> {
        let instance = self.target()?.instance.clone();
        let labels = [instance.as_bytes(), b"_presence", b"_tcp", b"local"];
        let instance = Name::from_labels(labels).unwrap_or_default();
        let target = self.target_site.place.clone();
        let port = self.srv_port(who, &instance).await?;
        let stand = self.stand(who)?;
        let own = stand.instrument.place();
        let address: SocketAddr = match (own.v4.and(target.v4), own.v6.and(target.v6)) {
            (Some(v4), _) => (v4, port).into(),
            (None, Some(v6)) => std::net::SocketAddrV6::new(v6, port, 0, own.index).into(),
            (None, None) => {
                return Err(StepError::new(
                    Problem::Script,
                    "they have no kind of address in common",
                ));
            }
        };
        let unreachable = |e: std::io::Error| {
            StepError::new(
                Problem::Unreachable,
                format!("cannot connect to {address}: {e}"),
            )
        };
        let socket = stand
            .site
            .tcp_socket(address.is_ipv6())
            .map_err(unreachable)?;
        let connected = timeout_at(Instant::now() + FIND_WITHIN, socket.connect(address)).await;
        connected
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(unreachable)
    }

    /// The port of the instance's SRV record, from what the target said, or says when it is asked. What others say of it is
    /// none of theirs to say.
    async fn srv_port(&mut self, who: usize, instance: &Name) -> Result<u16, StepError> {
        let instrument = self.stand(who)?.instrument.clone();
        let known = |cache: &mut Cache, packet: &Packet| {
            if !self.is_target(packet) {
                return None;
            }
            if let Ok(message) = packet.read() {
                cache.hear(&message);
            }
            let records = cache.get(instance, Kind::SRV, packet.at);
            records.iter().find_map(|r| match r.data {
                Data::Srv { port, .. } => Some(port),
                _ => None,
            })
        };
        let mut cache = Cache::default();
        let packets = instrument.packets(0);
        let ports = packets.iter().filter(|p| self.is_target(p));
        if let Some(port) = ports.map(|p| known(&mut cache, p)).last().flatten() {
            return Ok(port);
        }
        let message = Message::query(vec![Question::new(instance.clone(), Kind::SRV)]).encode(true);
        let to = if instrument.place().v4.is_some() {
            To::V4
        } else {
            To::V6
        };
        let sent = instrument.send(&message, to, instrument.mdns(), MDNS_TTL);
        sent.await
            .map_err(|e| io_failed("ask for the SRV record", &e))?;
        let from = packets.len();
        let found = timeout_at(
            Instant::now() + FIND_WITHIN,
            instrument.until(from, |p| known(&mut cache, p)),
        )
        .await;
        found.map_err(|_| {
            StepError::new(
                Problem::Unreachable,
                format!("no SRV record of {instance} was found"),
            )
        })
    }

    /// `accepts connection`
    pub(super) async fn accept(
        &mut self,
        who: usize,
        patience: Patience,
    ) -> Result<TcpStream, Unmet> {
        let accepted = timeout_at(patience.until, self.stand(who)?.listener.accept()).await;
        match accepted {
            Ok(Ok((socket, _))) => {
                self.mark_at(Instant::now());
                Ok(socket)
            }
            Ok(Err(error)) => Err(io_failed("accept a connection", &error).into()),
            Err(_) => Err(unmet(
                "the target did not connect",
                "a connection",
                String::new(),
            )),
        }
    }
}

fn unmet(message: &str, expected: &str, received: String) -> Unmet {
    Unmet {
        problem: Problem::Refused,
        message: message.to_owned(),
        mark: None,
        expected: expected.to_owned(),
        received,
    }
}

/// The words of an event, as scripts write them.
fn words(event: &PeerEvent) -> Vec<String> {
    let words: Vec<&str> = match event {
        PeerEvent::Online(c) => vec!["online", &c.peer, &c.status, &c.text],
        PeerEvent::Status(c) => vec!["status", &c.peer, &c.status, &c.text],
        PeerEvent::Offline { peer } => vec!["offline", peer],
        PeerEvent::Message { peer, text } => vec!["message", peer, text],
        PeerEvent::SelfOnline => vec!["self-online"],
        PeerEvent::SelfOffline => vec!["self-offline"],
        PeerEvent::Error { text } => vec!["error", text],
    };
    words.into_iter().map(str::to_owned).collect()
}

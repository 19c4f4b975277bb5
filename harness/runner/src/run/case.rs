//! One case: its actors, its steps one after the other, and what became of them.

use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use tokio::time::timeout;
use xmppspec_protocol::sasl::Fault;
use xmppspec_reports::{At, Case, Content, Entry, Verdict};
use xmppspec_scenarios::pattern::{self, EventPattern, PacketPattern, PacketText};
use xmppspec_scenarios::{
    Action, ActorKind, Bindings, Diagnostic, ExpandError, Props, Role, Script, Source, Step,
    Template,
};

use super::Shared;
use super::accounts::{Lease, NoAccounts};
use super::expect::{self, Captures, Unmet};
use super::judge::{End, judge, overall};
use super::peers::PeerStage;
use super::pressure::Pressure;
use crate::actor::{Account, Actor, Authentication, Opening, Patience, Problem, Stage, StepError};
use crate::transport::{self, TlsVersion};

/// A case has at least so many times the time of one expectation before it is given up as a whole: a target that answers
/// every step at the last moment must not hold a run up for ever.
const STEPS_AT_FULL_LENGTH: u32 = 6;

/// A peer is listened to for so long at the most in one step: multicast DNS counts in seconds, not in answers.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// What stopped a case.
struct Stop {
    unmet: Box<Unmet>,
    /// The harness or the script is at fault, not the target.
    ours: bool,
    /// The target lacks what the case needs.
    skip: bool,
}

impl From<Unmet> for Stop {
    fn from(unmet: Unmet) -> Self {
        let ours = unmet.problem == Problem::Script;
        Self {
            unmet: Box::new(unmet),
            ours,
            skip: false,
        }
    }
}

impl From<StepError> for Stop {
    fn from(error: StepError) -> Self {
        Unmet::from(error).into()
    }
}

/// What a finished case tells the run besides its verdicts.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) case: Case,
    /// The machine was too busy for the times that it judges.
    pub(super) busy: bool,
    /// What kind of failure ended it.
    pub(super) problem: Option<Problem>,
    /// Remarks for the run.
    pub(super) notes: Vec<String>,
}

/// The target closed a connection, or said that it is broken itself (RFC 6120 §4.9.3.8, §8.3.3.6), which no script asks for.
fn may_be_spoiled(done: &Done) -> bool {
    let received = done.case.received.as_deref().unwrap_or_default();
    done.problem == Some(Problem::Ended) || received.contains("<internal-server-error")
}

/// Plays a script; again, where the profile says that the target may close a connection for no reason of the case's
/// (`connect_retries`), and it has done so: what is true of the case happens every time.
/// `round` tells how often it was played before.
pub(super) async fn play(shared: &Shared, source: &Source, script: &Script, round: usize) -> Done {
    let retries = shared.reach.connect_retries as usize;
    let first = round * (retries + 1);
    let mut done = play_once(shared, source, script, first).await;
    for retry in 1..=retries {
        if done.problem.is_none() || !may_be_spoiled(&done) {
            break;
        }
        let mut notes = std::mem::take(&mut done.notes);
        notes.push(format!(
            "{} was played again, because the target closed a connection",
            done.case.name
        ));
        done = play_once(shared, source, script, first + retry).await;
        notes.append(&mut done.notes);
        done.notes = notes;
    }
    done
}

async fn play_once(shared: &Shared, source: &Source, script: &Script, round: usize) -> Done {
    let began = Instant::now();
    let pressure = Pressure::from_now();
    let mut case = Case::new(script.case_name(), &script.title, Verdict::Pass);
    let mut notes = Vec::new();
    let mut problem = None;
    let mut rng = shared.rng(&case.name, round);
    let exclusive = if script.fixed_jids {
        Some(shared.fixed_jids.lock().await)
    } else {
        None
    };
    let nowhere = |case: &mut Case, verdict: Verdict, reason: String| {
        case.judged = judge(script, End::Nowhere(verdict));
        case.verdict = verdict;
        case.reason = Some(reason);
    };
    if let Some(reason) = shared.capabilities.missing(&script.requires) {
        nowhere(&mut case, Verdict::Skip, reason);
    } else {
        match shared.accounts.lease(script, &mut rng).await {
            Err(NoAccounts::Skip(reason)) => nowhere(&mut case, Verdict::Skip, reason),
            Err(NoAccounts::Failed(error)) => {
                problem = Some(error.problem);
                if !error.received.is_empty() {
                    case.received = Some(error.received.clone());
                }
                nowhere(&mut case, Verdict::Blocked, error.message);
            }
            Ok(lease) => {
                problem = on_stage(shared, source, script, &lease, rng, &mut case).await;
                notes = shared.accounts.give_back(lease).await;
            }
        }
    }
    drop(exclusive);
    case.duration_ms = millis(began.elapsed());
    Done {
        case,
        busy: script.role == Role::Peer && pressure.was_high(),
        problem,
        notes,
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Plays the steps and fills the case in.
async fn on_stage(
    shared: &Shared,
    source: &Source,
    script: &Script,
    lease: &Lease,
    rng: rand::rngs::StdRng,
    case: &mut Case,
) -> Option<Problem> {
    let mut player = match Player::new(shared, source, script, lease, rng).await {
        Ok(player) => player,
        Err(stop) => {
            let verdict = if stop.skip {
                Verdict::Skip
            } else if stop.ours {
                Verdict::Error
            } else {
                Verdict::Blocked
            };
            case.judged = judge(script, End::Nowhere(verdict));
            case.verdict = verdict;
            case.reason = Some(stop.unmet.message);
            return Some(stop.unmet.problem);
        }
    };
    let limit = player.limit();
    let mut at = 0;
    let end = match timeout(limit, player.steps(&mut at)).await {
        Ok(Ok(())) => None,
        Ok(Err(stop)) => Some(stop),
        Err(_) => Some(Stop::from(StepError::new(
            Problem::TimedOut,
            format!("the case did not end within {} s", limit.as_secs()),
        ))),
    };
    player.stage.log.note("", xmppspec_reports::DECIDED);
    player.stage.leave().await;
    if let Some(peers) = &mut player.peers {
        peers.stop(&player.stage.log).await;
    }
    case.transcript = player.stage.log.take().iter().map(entry).collect();
    let Some(Stop { unmet, ours, skip }) = end else {
        case.judged = judge(script, End::Through);
        case.verdict = overall(script, End::Through, &case.judged);
        return None;
    };
    let step = &script.steps[at.min(script.steps.len() - 1)];
    let how = if skip {
        End::Nowhere(Verdict::Skip)
    } else if ours {
        End::Nowhere(Verdict::Error)
    } else {
        End::Failed(at)
    };
    case.judged = judge(script, how);
    case.verdict = overall(script, how, &case.judged);
    let diagnostic = diagnostic(source, step, &unmet);
    case.diagnostic = Some(diagnostic.render(false, &source.text));
    case.at = Some(At {
        file: source.name.clone(),
        line: step.line,
    });
    case.reason = Some(unmet.message);
    case.expected = Some(unmet.expected).filter(|text| !text.is_empty());
    case.received = Some(unmet.received).filter(|text| !text.is_empty());
    Some(unmet.problem)
}

/// The failed expectation as the diagnostic that people see: the sentence, a caret, expected beside received.
fn diagnostic(source: &Source, step: &Step, unmet: &Unmet) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(&unmet.message).in_source(&source.name);
    diagnostic = match &unmet.mark {
        Some((span, what)) if *span != step.span => diagnostic
            .label(span.clone(), what)
            .secondary(step.span.clone(), ""),
        Some((_, what)) => diagnostic.label(step.span.clone(), what),
        None => diagnostic.label(step.span.clone(), ""),
    };
    if !unmet.received.is_empty() {
        diagnostic = diagnostic.note(format!("received: {}", unmet.received));
    }
    if !step.covers.is_empty() {
        diagnostic = diagnostic.help(format!("xmppspec explain {}", step.covers.join(" ")));
    }
    diagnostic
}

fn entry(entry: &transport::Entry) -> Entry {
    use xmppspec_reports::{Direction, Layer};
    let direction = match entry.direction {
        transport::Direction::Sent => Direction::Sent,
        transport::Direction::Received => Direction::Received,
        transport::Direction::Note => Direction::Note,
    };
    let layer = match entry.layer {
        _ if direction == Direction::Note => Layer::Note,
        transport::Layer::Plain => Layer::Plain,
        transport::Layer::Tls => Layer::Tls,
        transport::Layer::Mdns => Layer::Mdns,
    };
    Entry {
        at_ms: (entry.at.as_secs_f64() * 1_000_000.0).round() / 1000.0,
        actor: entry.actor.clone(),
        layer,
        direction,
        content: match layer {
            Layer::Mdns => Content::Base64(entry.bytes.clone()),
            _ => Content::new(&entry.bytes),
        },
        packet: entry.packet.clone(),
    }
}

/// A script on a stage.
struct Player<'a> {
    source: &'a Source,
    script: &'a Script,
    stage: Stage,
    bindings: Bindings,
    /// What a case about peers stands on.
    peers: Option<PeerStage>,
    /// The actor whose turn it is, and the one that sent last.
    turn: Option<usize>,
    last_sender: Option<usize>,
}

impl<'a> Player<'a> {
    async fn new(
        shared: &Shared,
        source: &'a Source,
        script: &'a Script,
        lease: &Lease,
        mut rng: rand::rngs::StdRng,
    ) -> Result<Self, Stop> {
        let mut bindings = Bindings::new();
        bindings.set("domain", &shared.reach.domain);
        let mut actors = Vec::new();
        for declared in &script.actors {
            let mut actor = Actor::new(&declared.name);
            let expand = |text: Option<&str>| match text {
                Some(text) => bindings.expand(text).map(Some).map_err(|e| {
                    script_error(source, &e, &Template::verbatim(text, declared.span.start))
                }),
                None => Ok(None),
            };
            let owner = declared.account().unwrap_or(&declared.name);
            actor.account = match expand(declared.jid())? {
                Some(jid) => {
                    let bare = jid.split('/').next().unwrap_or_default();
                    let (user, domain) =
                        bare.split_once('@').unwrap_or((bare, &shared.reach.domain));
                    let account = Account {
                        user: user.to_owned(),
                        domain: domain.to_owned(),
                        password: expand(declared.password())?.unwrap_or_default(),
                    };
                    shared.accounts.ensure(&account).await?;
                    Some(account)
                }
                None => lease.by_actor.get(owner).cloned(),
            };
            actor.resource = expand(declared.resource())?;
            actor.is_client = declared.kind == ActorKind::Client;
            actor.direct_tls = declared.service() == "c2s-tls";
            let (host, port) = (
                expand(declared.connect_host())?,
                expand(declared.connect_port())?,
            );
            if host.is_some() || port.is_some() {
                let (usual_host, usual_port) = shared
                    .reach
                    .c2s
                    .rsplit_once(':')
                    .unwrap_or((&shared.reach.c2s, "5222"));
                actor.address = Some(format!(
                    "{}:{}",
                    host.as_deref().unwrap_or(usual_host),
                    port.as_deref().unwrap_or(usual_port)
                ));
            }
            if let Some(account) = &actor.account {
                bindings.set_actor(&declared.name, &account.jid(), Some(&account.password));
            }
            actors.push(actor);
        }
        let peers = match (&shared.peers, script.role) {
            (Some(peers), Role::Peer) => {
                if let Some(lacking) = peers.lack(script, &source.text) {
                    return Err(lacks(&lacking));
                }
                Some((peers, rand::RngExt::random(&mut rng)))
            }
            _ => None,
        };
        let stage_rng = rand::rngs::StdRng::from_rng(&mut rng);
        let mut stage = Stage::new(actors, shared.reach.clone(), shared.tls.clone(), stage_rng);
        stage.title = script.case_name();
        let peers = match peers {
            Some((peers, seed)) => {
                Some(PeerStage::new(peers, script, &mut bindings, seed, &stage).await?)
            }
            None => None,
        };
        Ok(Self {
            source,
            script,
            stage,
            bindings,
            peers,
            turn: None,
            last_sender: None,
        })
    }

    /// The most that the case may take.
    fn limit(&self) -> Duration {
        let explicit: Duration = self
            .script
            .steps
            .iter()
            .map(|step| {
                let for_ = match &step.action {
                    Action::ReceiveNothing { for_ } => for_.unwrap_or_default(),
                    _ => Duration::ZERO,
                };
                let for_ = match &step.action {
                    // How long is in the body, whose placeholders have no values yet.
                    Action::Hear { .. } | Action::See { .. } => LONGEST_SILENCE,
                    _ => for_,
                };
                for_ + step.within.unwrap_or_default()
            })
            .sum();
        self.stage.reach.timeout * STEPS_AT_FULL_LENGTH + explicit
    }

    /// Plays the steps; `at` is the one that is being played.
    async fn steps(&mut self, at: &mut usize) -> Result<(), Stop> {
        for (index, step) in self.script.steps.iter().enumerate() {
            *at = index;
            // Clients act in the order written.
            if let Some(before) = self.turn.filter(|before| *before != step.actor)
                && self.script.actors[before].kind == ActorKind::Client
            {
                self.stage.settle(before).await?;
            }
            self.turn = Some(step.actor);
            self.step(step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), Stop> {
        let who = step.actor;
        let patience = Patience {
            until: tokio::time::Instant::now() + step.within.unwrap_or(self.stage.reach.timeout),
            in_full: step.within.is_some(),
        };
        let source = self.source.name.as_str();
        let wrong = |diagnostic: Diagnostic| broken_script(&diagnostic);
        match &step.action {
            Action::Connect if self.script.actors[who].kind == ActorKind::Client => {
                self.stage.log_in(who).await?;
                self.bound(who);
            }
            Action::Connect if self.script.actors[who].kind == ActorKind::Peer => {
                let tcp = self.peers()?.connect(who).await?;
                self.stage.take_connection(who, tcp, true)?;
            }
            Action::Connect => self.stage.connect(who).await?,
            Action::Accept => {
                let tcp = self.peers()?.accept(who, patience).await?;
                self.stage.take_connection(who, tcp, false)?;
            }
            Action::Hook(name, props) => {
                let mut parameters = Vec::new();
                for property in props.iter() {
                    let value = self.prop(step, props, &property.key)?.unwrap_or_default();
                    parameters.push((property.key.clone(), value));
                }
                if let Some(lacking) = self.peers()?.hook(name, &parameters).await? {
                    return Err(lacks(&lacking));
                }
            }
            Action::See { not, body } => {
                let pattern = self.plain(body, EventPattern::parse)?;
                match self.peers()?.see(*not, &pattern, patience).await? {
                    Some(captures) => self.capture(captures),
                    None => return Err(lacks("the target does not tell what its user sees")),
                }
            }
            Action::Multicast(body) => {
                let packet = self.plain(body, PacketText::parse)?;
                self.peers()?.multicast(who, &packet).await?;
            }
            Action::Hear { mode, body } => {
                let pattern = self.plain(body, PacketPattern::parse)?;
                let captures = self.peers()?.hear(who, *mode, &pattern, patience).await?;
                self.capture(captures);
            }
            Action::FindNoFault => self.peers()?.find_no_fault(who, &step.covers)?,
            Action::Disconnect => {
                let patience = self.stage.reach.timeout;
                self.stage.disconnect(who, patience).await;
            }
            Action::Drop => self.stage.connection(who)?.drop_connection(),
            Action::Send(body) => {
                let body = self.body(body)?;
                let bytes = if self.script.actors[who].kind == ActorKind::Client {
                    let stanzas = pattern::parse_stanzas(&body, source).map_err(wrong)?;
                    stanzas
                        .iter()
                        .map(|stanza| stanza.to_xml(xmppspec_protocol::ns::CLIENT))
                        .collect::<String>()
                        .into_bytes()
                } else {
                    body.as_str().as_bytes().to_vec()
                };
                self.last_sender = Some(who);
                self.stage.send(who, &bytes).await?;
            }
            Action::SendBytes(pieces) => {
                let mut bytes = Vec::new();
                for piece in pieces {
                    let left = xmppspec_scenarios::bindings::MAX_EXPANDED - bytes.len();
                    let part = self
                        .bindings
                        .expand_piece(piece, left)
                        .map_err(|e| script_error(self.source, &e, &piece.line))?;
                    bytes.extend(part);
                }
                self.last_sender = Some(who);
                self.stage.send(who, &bytes).await?;
            }
            Action::OpenStream(props) => {
                let opening = self.opening(step, props)?;
                self.stage.open_stream(who, &opening).await?;
            }
            Action::StartTls(props) => {
                let version = match self.prop(step, props, "version")? {
                    None => None,
                    Some(name) => Some(TlsVersion::from_name(&name).ok_or_else(|| {
                        StepError::new(
                            Problem::Script,
                            format!("there is no TLS version {name} here: 1.2 or 1.3"),
                        )
                    })?),
                };
                self.stage.start_tls(who, version).await?;
            }
            Action::Authenticate(props) => {
                let how = self.authentication(step, props)?;
                self.stage.authenticate(who, &how).await?;
            }
            Action::Bind(props) => {
                let resource = match self.prop(step, props, "resource")? {
                    Some(resource) => Some(resource),
                    None => self.stage.actors[who].resource.clone(),
                };
                self.stage.bind(who, resource.as_deref()).await?;
                self.bound(who);
            }
            Action::CloseStream => {
                self.stage.connection(who)?.close_stream();
                self.stage.send(who, b"").await?;
            }
            Action::Receive { mode, body } => {
                let body = self.body(body)?;
                let patterns = pattern::parse(&body, self.script.loose, source).map_err(wrong)?;
                let captures =
                    expect::receive(&mut self.stage, who, *mode, &patterns, patience).await?;
                self.capture(captures);
            }
            Action::ReceiveStreamError { body } => {
                let body = self.body(body)?;
                let patterns = pattern::parse_stream_errors(&body, source).map_err(wrong)?;
                let captures =
                    expect::receive_stream_error(&mut self.stage, who, &patterns, patience).await?;
                self.capture(captures);
            }
            Action::ReceiveNothing { for_: None } => {
                expect::receive_nothing(&mut self.stage, who, self.last_sender).await?;
            }
            Action::ReceiveNothing { for_: Some(time) } => {
                expect::receive_nothing_for(&mut self.stage, who, *time).await?;
            }
            Action::IsDisconnected(props) => {
                expect::is_disconnected(&mut self.stage, who, props, patience).await?;
            }
        }
        Ok(())
    }

    fn peers(&mut self) -> Result<&mut PeerStage, StepError> {
        self.peers.as_mut().ok_or_else(|| {
            StepError::new(
                Problem::Script,
                "only scripts with `## role: peer` have this",
            )
        })
    }

    /// A body that is no XML.
    fn plain<T>(
        &self,
        body: &Template,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Stop> {
        let text = self
            .bindings
            .expand(body)
            .map_err(|e| script_error(self.source, &e, body))?;
        parse(&text).map_err(|wrong| StepError::new(Problem::Script, wrong).into())
    }

    fn body(&self, body: &Template) -> Result<Template, Stop> {
        self.bindings
            .expand_body(body)
            .map_err(|e| script_error(self.source, &e, body))
    }

    fn prop(&self, step: &Step, props: &Props, key: &str) -> Result<Option<String>, Stop> {
        let Some(value) = props.get(key) else {
            return Ok(None);
        };
        self.bindings.expand(value).map(Some).map_err(|e| {
            let template = Template::verbatim(value, step.span.start);
            script_error(self.source, &e, &template)
        })
    }

    /// The header of `opens stream`: the client's own, but for what is said. `none` leaves an attribute out.
    fn opening(&self, step: &Step, props: &Props) -> Result<Opening, Stop> {
        let mut opening = Opening::to(&self.stage.reach.domain);
        if let Some(peers) = &self.peers {
            let own = format!("{}'s instance", self.script.actors[step.actor].name);
            opening.from = self.bindings.get(&own).map(str::to_owned);
            opening.to = Some(peers.target_instance().to_owned());
            opening.lang = None;
        }
        let fields = [
            ("xmlns", &mut opening.xmlns),
            ("to", &mut opening.to),
            ("from", &mut opening.from),
            ("version", &mut opening.version),
            ("lang", &mut opening.lang),
            ("id", &mut opening.id),
        ];
        for (key, field) in fields {
            if let Some(value) = self.prop(step, props, key)? {
                *field = Some(value).filter(|value| value != "none");
            }
        }
        Ok(opening)
    }

    fn authentication(&self, step: &Step, props: &Props) -> Result<Authentication, Stop> {
        let fault = match self.prop(step, props, "fault")? {
            None => None,
            Some(name) => Some(Fault::from_name(&name).ok_or_else(|| {
                StepError::new(Problem::Script, format!("there is no SASL fault {name}"))
            })?),
        };
        Ok(Authentication {
            mechanism: self.prop(step, props, "mechanism")?,
            username: self.prop(step, props, "username")?,
            password: self.prop(step, props, "password")?,
            authzid: self.prop(step, props, "authzid")?,
            channel_binding: self.prop(step, props, "channel-binding")?,
            fault,
        })
    }

    /// The actor's full JID is known now.
    fn bound(&mut self, who: usize) {
        let actor = &self.stage.actors[who];
        if let Some(jid) = &actor.jid {
            let password = actor.account.as_ref().map(|a| a.password.as_str());
            self.bindings.set_actor(&actor.name, jid, password);
        }
    }

    fn capture(&mut self, captures: Captures) {
        for (name, value) in captures {
            self.bindings.set(name, value);
        }
    }
}

/// The target lacks what the case needs.
fn lacks(what: &str) -> Stop {
    Stop {
        skip: true,
        ..Stop::from(StepError::new(Problem::Refused, what))
    }
}

fn script_error(source: &Source, error: &ExpandError, template: &Template) -> Stop {
    broken_script(&error.diagnostic(template, &source.name))
}

fn broken_script(diagnostic: &Diagnostic) -> Stop {
    Stop {
        unmet: Box::new(Unmet {
            problem: Problem::Script,
            message: diagnostic.title.clone(),
            mark: diagnostic.span().map(|span| {
                let text = diagnostic.labels.first().map(|l| l.text.clone());
                (span, text.unwrap_or_default())
            }),
            expected: String::new(),
            received: String::new(),
        }),
        ours: true,
        skip: false,
    }
}

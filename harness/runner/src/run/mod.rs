//! A run: finds out what the target has, plays the cases side by side, notices when the target dies.

mod accounts;
mod case;
mod expect;
mod judge;
mod packets;
mod peers;
mod pressure;
mod probe;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng as _;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::timeout;
use xmppspec_reports::{Case, Content, Direction, Entry, Judged, Known, Layer, Verdict};
use xmppspec_scenarios::Script;

pub use peers::PeerSource;
pub(crate) use peers::Peers;
pub use probe::Capabilities;

use crate::actor::{Problem, Reach, StepError};
use crate::select::Selected;
use crate::target::{Death, Running, Target, TargetError};
use crate::transport::{Capture, Tls};
use crate::world::{Interrupt, Interrupts};
use accounts::Accounts;
use case::Done;

/// Cases wait for a target most of their time; more than these would only make its answers later.
pub const DEFAULT_JOBS: usize = 8;

/// Cases of serverless peers, each with a peer of its own, wait for the times of multicast DNS nearly always; the embedded peer
/// costs next to nothing, one that is started costs its processes.
pub const PEER_JOBS: usize = 40;
/// See [`PEER_JOBS`].
pub const PEER_PROCESS_JOBS: usize = 16;

/// A target that died so often is not started again.
const MAX_DEATHS: usize = 5;

/// After so many cases in a row that the target did not answer at all, the rest is not tried.
const MAX_SILENT: usize = 24;

/// After so many cases in a row that could not even connect, the rest is not tried.
const MAX_UNREACHABLE: usize = 3;

/// How often a case is played again whose outcome is a surprise, where that may be chance: because the machine was busy and
/// multicast DNS judges times, or because the target closes connections for no reason. What is true of the target happens
/// every time.
pub const SURPRISE_REPLAYS: u8 = 2;

/// How long the accounts of cases that were broken off may take to be removed.
const PATIENCE_WITH_ACCOUNTS: Duration = Duration::from_secs(3);

/// The transcripts of a run, in bytes with what keeping them costs. A suite that goes well needs a tenth of it; a target that floods every case
/// must not fill the memory.
const MAX_TRANSCRIPTS: usize = 32 << 20;

/// What keeping one entry costs beside its bytes, and how much of each end of a transcript stays when there is no more room.
const ENTRY_COST: usize = 150;
const END_KEPT: usize = 8 << 10;

/// What is common to the cases of a run.
struct Shared {
    reach: Arc<Reach>,
    tls: Tls,
    accounts: Accounts,
    capabilities: Capabilities,
    seed: u64,
    /// Where the cases are about peers, each of which starts one.
    peers: Option<Arc<Peers>>,
    /// Held by a case whose script has JIDs of its own: such cases share accounts.
    fixed_jids: Mutex<()>,
}

impl Shared {
    /// The random numbers of a case: they depend on the seed and its name, not on what runs beside it; and on how often it
    /// was played before, so that its accounts are new.
    fn rng(&self, name: &str, round: usize) -> rand::rngs::StdRng {
        // FNV-1a: stable over versions and machines.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        rand::rngs::StdRng::seed_from_u64(self.seed ^ hash.wrapping_add(round as u64))
    }
}

/// How cases are run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The cases, in the order of the report.
    pub cases: Vec<Selected>,
    /// Cases that run side by side.
    pub jobs: usize,
    /// Where random choices come from.
    pub seed: u64,
    /// Stop after the first case that is not conformant.
    pub fail_fast: bool,
    /// A broken SHOULD is not conformant either.
    pub strict: bool,
    /// How often a case that is not conformant is played again. What was seen first stays: a verdict that changes makes the
    /// case flaky.
    pub retries: usize,
    /// How often a surprise is played again that may be chance, see [`SURPRISE_REPLAYS`].
    pub surprise_replays: u8,
    /// What hears of every byte.
    pub capture: Option<Capture>,
    /// What the target has, where it is known already; else it is found out.
    pub capabilities: Option<Capabilities>,
}

impl Plan {
    /// Cases one after the other, each of them once.
    pub(crate) fn once(cases: Vec<Selected>) -> Self {
        Plan {
            cases,
            jobs: 1,
            seed: random_seed(),
            fail_fast: false,
            strict: false,
            retries: 0,
            surprise_replays: 0,
            capture: None,
            capabilities: None,
        }
    }
}

/// Why a run ended before its time.
#[derive(Debug)]
pub enum Early {
    /// Somebody asked for it.
    Interrupted(Interrupt),
    /// `--fail-fast`.
    FailFast,
    /// The target died and did not come back, or too often.
    Target(String),
}

/// What came out of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The cases that were judged, in the order of the plan.
    pub cases: Vec<Case>,
    /// Indices into the plan of those that were not.
    pub not_run: Vec<usize>,
    /// Why it ended early, if it did.
    pub early: Option<Early>,
    /// How the target died, each time.
    pub deaths: Vec<Death>,
    /// Remarks on the run as a whole.
    pub notes: Vec<String>,
    /// What the target has.
    pub capabilities: Capabilities,
}

/// Why no case could be run.
#[derive(Debug)]
pub enum RunError {
    /// The target does not speak XMPP with us.
    NoStream(StepError),
    /// The TLS library contradicts itself.
    Tls(rustls::Error),
    /// Somebody asked for the end before the first case began.
    Interrupted(Interrupt),
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoStream(error) => {
                write!(f, "the target cannot be tested: {error}")?;
                if !error.received.is_empty() {
                    write!(f, "\nreceived: {}", error.received)?;
                }
                Ok(())
            }
            Self::Tls(error) => write!(f, "TLS cannot be set up: {error}"),
            Self::Interrupted(_) => f.write_str("interrupted before the first case began"),
        }
    }
}

impl std::error::Error for RunError {}

/// How a target is reached.
fn reach(target: &Target) -> Reach {
    Reach {
        domain: target.domain.clone(),
        c2s: target.services.c2s.clone(),
        c2s_tls: target.services.c2s_tls.clone(),
        timeout: target.timeout,
        connect_retries: target.connect_retries,
    }
}

/// A run in progress.
struct Run<'a> {
    running: &'a mut Running,
    plan: &'a Plan,
    shared: Arc<Shared>,
    waiting: VecDeque<usize>,
    done: Vec<Option<Case>>,
    /// The verdicts of earlier attempts.
    attempts: Vec<Vec<Verdict>>,
    /// How often each was played again because it was a surprise.
    replayed: Vec<u8>,
    deaths: Vec<Death>,
    notes: Vec<String>,
    silent: usize,
    unreachable: usize,
    /// What the transcripts of the cases that are done cost.
    transcripts: usize,
}

/// Asks a target that is up what it has.
///
/// # Errors
/// [`RunError`] if the target cannot be spoken to at all.
pub async fn look(
    running: &Running,
    interrupts: &mut Interrupts,
) -> Result<Capabilities, RunError> {
    let plan = Plan::once(Vec::new());
    Ok(set_up(running, &plan, interrupts).await?.capabilities)
}

/// Plays the cases of a plan on a target that is up. `progress` hears of each case that is done.
///
/// # Errors
/// [`RunError`] if the target cannot be spoken to at all.
pub async fn run(
    running: &mut Running,
    plan: &Plan,
    interrupts: &mut Interrupts,
    mut progress: impl FnMut(&Case, usize),
) -> Result<Outcome, RunError> {
    let shared = Arc::new(set_up(running, plan, interrupts).await?);
    let mut notes = Vec::new();
    if let Some(why) = &shared.capabilities.not_logged_in {
        notes.push(format!(
            "nobody could log in to look at the target's features: {why}"
        ));
    }
    let mut run = Run {
        running,
        plan,
        shared,
        waiting: (0..plan.cases.len()).collect(),
        done: plan.cases.iter().map(|_| None).collect(),
        attempts: vec![Vec::new(); plan.cases.len()],
        replayed: vec![0; plan.cases.len()],
        deaths: Vec::new(),
        notes,
        silent: 0,
        unreachable: 0,
        transcripts: 0,
    };
    let early = run.play(interrupts, &mut progress).await;
    if early.is_some() {
        let left = timeout(PATIENCE_WITH_ACCOUNTS, run.shared.accounts.remove_left()).await;
        run.notes.extend(left.unwrap_or_default());
    }
    let not_run = (0..plan.cases.len())
        .filter(|i| run.done[*i].is_none())
        .collect();
    let capabilities = run.shared.capabilities.clone();
    Ok(Outcome {
        cases: run.done.into_iter().flatten().collect(),
        not_run,
        early,
        deaths: run.deaths,
        notes: run.notes,
        capabilities,
    })
}

async fn set_up(
    running: &Running,
    plan: &Plan,
    interrupts: &mut Interrupts,
) -> Result<Shared, RunError> {
    let target = &running.target;
    let tls = Tls::new(plan.capture.clone()).map_err(RunError::Tls)?;
    let reach = Arc::new(reach(target));
    // What a target of the run's own holds goes when it is stopped.
    let remove = running.is_external();
    let accounts = Accounts::new(target.accounts.clone(), remove, reach.clone(), tls.clone());
    let found = async {
        match &plan.capabilities {
            Some(capabilities) => Ok(capabilities.clone()),
            // Each case starts its own peer and sees what that can do.
            None if running.peers().is_some() => Ok(Capabilities::default()),
            None => probe::probe(&reach, &tls, &accounts, &target.lacks, plan.seed).await,
        }
    };
    let capabilities = tokio::select! {
        found = found => found.map_err(RunError::NoStream)?,
        interrupt = interrupts.next() => {
            let _ = timeout(PATIENCE_WITH_ACCOUNTS, accounts.remove_left()).await;
            return Err(RunError::Interrupted(interrupt));
        }
    };
    Ok(Shared {
        reach,
        tls,
        accounts,
        capabilities,
        seed: plan.seed,
        peers: running.peers(),
        fixed_jids: Mutex::new(()),
    })
}

/// What happened next.
enum Next {
    Done(usize, Box<Done>),
    Crashed(usize, String),
    Died(Death),
    Interrupted(Interrupt),
    Idle,
}

impl Run<'_> {
    async fn play(
        &mut self,
        interrupts: &mut Interrupts,
        progress: &mut impl FnMut(&Case, usize),
    ) -> Option<Early> {
        let mut in_flight = InFlight::default();
        // Cases that were under way when the target died: each is tried again alone, to find the one that did it.
        let mut suspects: VecDeque<usize> = VecDeque::new();
        loop {
            let jobs = if suspects.is_empty() && in_flight.alone.is_none() {
                self.plan.jobs.max(1)
            } else {
                1
            };
            while in_flight.set.len() < jobs {
                let (index, alone) = match suspects.pop_front() {
                    Some(index) => (index, true),
                    None => match self.waiting.pop_front() {
                        Some(index) => (index, false),
                        None => break,
                    },
                };
                if alone {
                    in_flight.alone = Some(index);
                }
                self.start(&mut in_flight, index);
                if alone {
                    break;
                }
            }
            match in_flight.next(self.running, interrupts).await {
                Next::Idle => return None,
                Next::Interrupted(interrupt) => {
                    in_flight.abort().await;
                    return Some(Early::Interrupted(interrupt));
                }
                Next::Crashed(index, message) => {
                    let case = self.crashed(index, &message);
                    self.finish(index, case, progress);
                }
                Next::Died(death) => {
                    let alone = in_flight.alone.take();
                    let mut pending = in_flight.abort().await;
                    pending.sort_unstable();
                    if let Some(killer) = alone {
                        pending.retain(|index| *index != killer);
                        let case = self.killer(killer, &death);
                        self.finish(killer, case, progress);
                    }
                    // Those before are tried first: the order of the plan.
                    for index in pending.into_iter().rev() {
                        suspects.push_front(index);
                    }
                    self.deaths.push(death);
                    if self.deaths.len() >= MAX_DEATHS {
                        return Some(Early::Target(format!(
                            "the target died {} times",
                            self.deaths.len()
                        )));
                    }
                    if let Err(error) = self.restart().await {
                        return Some(Early::Target(format!(
                            "the target died and did not start again: {error}"
                        )));
                    }
                }
                Next::Done(index, done) => {
                    in_flight.alone = None;
                    self.notes.extend(done.notes);
                    let (mut case, problem) = (done.case, done.problem);
                    let stop = self.count(&case, problem);
                    let chance = if done.busy {
                        Some("the machine was too busy to judge times")
                    } else if self.shared.reach.connect_retries > 0 {
                        Some("it was a surprise, of a target that closes connections for no reason")
                    } else {
                        None
                    };
                    let again = self.replayed[index] < self.plan.surprise_replays;
                    if let Some(chance) = chance
                        && again
                        && stop.is_none()
                        && self.is_surprising(&case)
                    {
                        self.replayed[index] += 1;
                        self.notes
                            .push(format!("{} was played again, because {chance}", case.name));
                        self.waiting.push_back(index);
                        continue;
                    }
                    let mut objectionable = self.is_objectionable(&case);
                    let attempts = &mut self.attempts[index];
                    if objectionable && stop.is_none() && attempts.len() < self.plan.retries {
                        attempts.push(case.verdict);
                        self.waiting.push_back(index);
                        continue;
                    }
                    case.attempts = std::mem::take(attempts);
                    objectionable |= case.is_flaky();
                    self.finish(index, case, progress);
                    if let Some(why) = stop {
                        in_flight.abort().await;
                        return Some(Early::Target(why));
                    }
                    if objectionable && self.plan.fail_fast {
                        in_flight.abort().await;
                        return Some(Early::FailFast);
                    }
                }
            }
        }
    }

    fn start(&self, in_flight: &mut InFlight, index: usize) {
        let Selected { source, script } = self.plan.cases[index].clone();
        let shared = self.shared.clone();
        let round = usize::from(self.replayed[index]) + self.attempts[index].len();
        in_flight.spawn(index, async move {
            case::play(&shared, &source, &script, round).await
        });
    }

    fn finish(&mut self, index: usize, mut case: Case, progress: &mut impl FnMut(&Case, usize)) {
        let cost = |case: &Case| case.transcript.iter().map(entry_cost).sum::<usize>();
        if self.transcripts + cost(&case) > MAX_TRANSCRIPTS {
            shorten(&mut case.transcript);
        }
        self.transcripts += cost(&case);
        self.done[index] = Some(case);
        let count = self.done.iter().flatten().count();
        if let Some(case) = &self.done[index] {
            progress(case, count);
        }
    }

    /// Counts signs that the target is gone; why to stop, if it is.
    fn count(&mut self, case: &Case, problem: Option<Problem>) -> Option<String> {
        match problem {
            Some(Problem::Unreachable) => self.unreachable += 1,
            _ => self.unreachable = 0,
        }
        match problem {
            Some(Problem::TimedOut | Problem::Unreachable) => self.silent += 1,
            _ => self.silent = 0,
        }
        let reason = || case.reason.clone().unwrap_or_default();
        if self.unreachable >= MAX_UNREACHABLE {
            return Some(format!(
                "the target cannot be reached any more: {}",
                reason()
            ));
        }
        (self.silent >= MAX_SILENT).then(|| {
            format!(
                "the target did not answer in {MAX_SILENT} cases in a row, the last time: {}",
                reason()
            )
        })
    }

    fn is_objectionable(&self, case: &Case) -> bool {
        let bad = match case.verdict {
            Verdict::Fail | Verdict::Error | Verdict::Blocked => true,
            Verdict::Warn => self.plan.strict,
            Verdict::Pass | Verdict::Skip => false,
        };
        let known = self.known();
        let is_known = |id: &str| known.iter().any(|k| k.concerns(&case.name, id));
        let mut broken = case
            .judged
            .iter()
            .filter(|j| !matches!(j.verdict, Verdict::Pass | Verdict::Skip));
        bad && (case.judged.is_empty() || broken.any(|j| !is_known(&j.id)))
    }

    /// Whether it came out otherwise than the profile lets one expect.
    fn is_surprising(&self, case: &Case) -> bool {
        let is_known = |id: &str| self.known().iter().any(|k| k.concerns(&case.name, id));
        let mut judged = case.judged.iter();
        match case.verdict {
            Verdict::Skip => false,
            Verdict::Pass => judged.any(|j| is_known(&j.id)),
            _ => {
                // What is blocked is so because of what is broken, if anything is.
                let broken = judged.any(|j| j.verdict.is_broken());
                let found = |j: &&Judged| match j.verdict {
                    Verdict::Pass | Verdict::Skip => false,
                    verdict => verdict.is_broken() || !broken,
                };
                let mut found = case.judged.iter().filter(found);
                case.judged.is_empty() || found.any(|j| !is_known(&j.id))
            }
        }
    }

    fn known(&self) -> &[Known] {
        &self.running.target.known
    }

    async fn restart(&mut self) -> Result<(), TargetError> {
        self.running.restart().await?;
        // Its addresses may be others now.
        let old = &self.shared;
        let reach = Arc::new(reach(&self.running.target));
        if *reach != *old.reach {
            let accounts = Accounts::new(
                self.running.target.accounts.clone(),
                self.running.is_external(),
                reach.clone(),
                old.tls.clone(),
            );
            self.shared = Arc::new(Shared {
                reach,
                tls: old.tls.clone(),
                accounts,
                capabilities: old.capabilities.clone(),
                seed: old.seed,
                peers: old.peers.clone(),
                fixed_jids: Mutex::new(()),
            });
        }
        Ok(())
    }

    fn script(&self, index: usize) -> &Script {
        &self.plan.cases[index].script
    }

    /// The case that was alone with the target when it died.
    fn killer(&self, index: usize, death: &Death) -> Case {
        let script = self.script(index);
        let mut case = Case::new(script.case_name(), &script.title, Verdict::Fail);
        case.judged = judge::judge(script, judge::End::Nowhere(Verdict::Blocked));
        case.reason = Some(format!(
            "the target died in this case, twice: {} ended ({})",
            death.process, death.status
        ));
        case.received = Some(death.log.clone());
        case
    }

    /// The harness failed in this case.
    fn crashed(&self, index: usize, message: &str) -> Case {
        let script = self.script(index);
        let mut case = Case::new(script.case_name(), &script.title, Verdict::Error);
        case.judged = judge::judge(script, judge::End::Nowhere(Verdict::Error));
        case.reason = Some(format!("xmppspec failed: {message}; please report this"));
        case
    }
}

fn entry_cost(entry: &Entry) -> usize {
    let text = entry.packet.as_ref().map_or(0, |packet| packet.text.len());
    entry.content.bytes().len() + text + ENTRY_COST
}

/// Leaves both ends of a transcript, and says what is missing.
fn shorten(transcript: &mut Vec<Entry>) {
    let fits = |entries: &mut dyn Iterator<Item = &Entry>| {
        let mut room = END_KEPT;
        entries
            .take_while(|entry| {
                let cost = entry_cost(entry);
                let fits = cost <= room;
                room = room.saturating_sub(cost);
                fits
            })
            .count()
    };
    let head = fits(&mut transcript.iter());
    let tail = fits(&mut transcript.iter().skip(head).rev());
    let left_out = transcript.len() - head - tail;
    if left_out == 0 {
        return;
    }
    let note = Entry {
        at_ms: transcript[head].at_ms,
        actor: String::new(),
        layer: Layer::Note,
        direction: Direction::Note,
        content: Content::Text(format!(
            "{left_out} entries are left out: the transcripts of this run are too long"
        )),
        packet: None,
    };
    transcript.splice(head..head + left_out, [note]);
}

/// The cases under way.
#[derive(Default)]
struct InFlight {
    set: JoinSet<Done>,
    ids: Vec<(tokio::task::Id, usize)>,
    alone: Option<usize>,
}

impl InFlight {
    fn spawn(&mut self, index: usize, case: impl Future<Output = Done> + Send + 'static) {
        let handle = self.set.spawn(case);
        self.ids.push((handle.id(), index));
    }

    fn take(&mut self, id: tokio::task::Id) -> usize {
        let at = self.ids.iter().position(|(other, _)| *other == id);
        at.map_or(0, |at| self.ids.swap_remove(at).1)
    }

    async fn next(&mut self, running: &Running, interrupts: &mut Interrupts) -> Next {
        if self.set.is_empty() {
            return Next::Idle;
        }
        tokio::select! {
            biased;
            interrupt = interrupts.next() => Next::Interrupted(interrupt),
            death = running.died() => Next::Died(death),
            done = self.set.join_next_with_id() => match done {
                Some(Ok((id, done))) => Next::Done(self.take(id), Box::new(done)),
                Some(Err(error)) => Next::Crashed(self.take(error.id()), error.to_string()),
                None => Next::Idle,
            },
        }
    }

    /// Ends all; their indices.
    async fn abort(&mut self) -> Vec<usize> {
        self.set.shutdown().await;
        std::mem::take(&mut self.ids)
            .into_iter()
            .map(|(_, index)| index)
            .collect()
    }
}

/// A seed for a run that was given none.
#[must_use]
pub fn random_seed() -> u64 {
    // Short enough to be typed.
    rand::random::<u64>() % 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_that_is_too_long_keeps_its_ends() {
        let entry = |n: u32| Entry {
            at_ms: f64::from(n),
            actor: "Romeo".to_owned(),
            layer: Layer::Plain,
            direction: Direction::Received,
            content: Content::Text("x".repeat(1000)),
            packet: None,
        };
        let mut transcript: Vec<Entry> = (0..100).map(entry).collect();
        shorten(&mut transcript);
        assert_eq!((transcript.len(), transcript[7].layer), (15, Layer::Note));
        assert_eq!((transcript[0].at_ms, transcript[14].at_ms), (0.0, 99.0));
        let mut short: Vec<Entry> = (0..3).map(entry).collect();
        shorten(&mut short);
        assert_eq!(short.len(), 3);
    }
}

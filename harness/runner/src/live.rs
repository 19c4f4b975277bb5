//! A live campaign: generated streams and stanzas through a real server, watched from beside.
//!
//! Before login every attempt has a connection of its own, many at a time. After login one client sends stanzas to
//! another, and a fence on both tells when the server is done with each. The server's processes are watched all the time.

mod bound;
mod crowd;
mod hunt;
mod input;
mod script;
mod slow;
#[cfg(test)]
mod tests;
mod unbound;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::time::{interval, timeout};
use xmppspec_fuzz::findings::{Finding, Findings};
use xmppspec_reports::Verdict;
use xmppspec_scenarios::{Source, parse};

use crate::actor::Reach;
use crate::run::{self, Plan};
use crate::select::Selected;
use crate::target::{Death, Running, TargetError};
use crate::transport::Tls;
use crate::world::Interrupts;

use input::Inputs;
pub use input::{Attempt, When};

/// Attempts before login that are under way together.
const BATCH: usize = 64;
/// After so many batches stanzas are sent for a while.
const BATCHES: usize = 4;
/// Stanzas that are sent one after the other before it is looked at something else.
const STANZAS: usize = 60;
/// The last attempts, among which the culprit is looked for.
const SUSPECTS: usize = 3 * BATCH;

/// Memory after many rounds, as a multiple of what it was after the first ones, and at least so many bytes more.
const GROWTH: u64 = 4;
const GROWTH_BYTES: u64 = 400 << 20;
/// After so many rounds a server has loaded what it needs: what it has then is what growth is measured by.
const WARM: u64 = 10;

/// A server that does not start so often in a row is given up.
const STARTS: u8 = 3;

/// How often the memory is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// A server that offers no stream within this time hangs. A busy machine takes seconds.
const HANG: Duration = Duration::from_secs(30);

/// What has become of the server as a whole.
#[derive(Debug, Clone)]
enum Trouble {
    Death(Death),
    Memory(u64),
    Hang,
}

impl Trouble {
    /// In words without values.
    fn bucket(&self, when: When) -> String {
        let what = match self {
            Self::Death(death) => format!("{} ends ({})", death.process, death.status),
            Self::Memory(_) => "its memory grows without end".to_owned(),
            Self::Hang => "it offers no more streams".to_owned(),
        };
        format!("{what} by what is sent {}", when.name())
    }

    fn detail(&self) -> String {
        match self {
            Self::Death(death) => death.to_string(),
            Self::Memory(bytes) => format!("{} MB", bytes >> 20),
            Self::Hang => format!("no stream header within {} s", HANG.as_secs()),
        }
    }
}

/// How far a campaign is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Progress {
    /// Since it began.
    pub elapsed: Duration,
    /// Connections before login.
    pub connections: u64,
    /// Stanzas after it.
    pub stanzas: u64,
    /// Starts of the server behind the first.
    pub restarts: u64,
    /// Findings, with those of an interrupted campaign.
    pub findings: usize,
    /// The server's memory, in bytes.
    pub memory: u64,
}

/// What the caller is told.
#[derive(Debug)]
pub enum Event<'a> {
    /// After each round.
    Progress(Progress),
    /// Something new.
    Finding(&'a Finding),
    /// Something that people may want to know.
    Note(String),
}

/// A campaign against one server.
#[derive(Debug)]
pub struct Campaign<'a> {
    running: &'a mut Running,
    reach: Arc<Reach>,
    tls: Tls,
    rng: StdRng,
    inputs: Inputs,
    findings: &'a mut Findings,
    progress: Progress,
    warm_memory: u64,
    /// How findings are seen again: the command without the name of the file.
    replay: String,
    recent: Vec<Attempt>,
    /// What was slow, and was sent on many connections at once.
    crowded: BTreeSet<String>,
}

/// Why a campaign cannot go on.
#[derive(Debug)]
pub enum Failure {
    /// The target does not start again.
    Target(TargetError),
    /// Findings cannot be written.
    Io(io::Error),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Target(error) => error.fmt(f),
            Self::Io(error) => write!(f, "cannot write findings: {error}"),
        }
    }
}

impl<'a> Campaign<'a> {
    /// A campaign against a server that is up. All choices follow from `seed`.
    #[must_use]
    pub fn new(
        running: &'a mut Running,
        tls: Tls,
        findings: &'a mut Findings,
        seed: u64,
        replay: String,
    ) -> Self {
        let target = &running.target;
        let reach = Arc::new(Reach {
            domain: target.domain.clone(),
            c2s: target.services.c2s.clone(),
            c2s_tls: target.services.c2s_tls.clone(),
            timeout: target.timeout.max(HANG),
            connect_retries: target.connect_retries,
        });
        let inputs = Inputs::new(&target.domain);
        Self {
            running,
            reach,
            tls,
            rng: StdRng::seed_from_u64(seed),
            inputs,
            findings,
            progress: Progress::default(),
            warm_memory: 0,
            replay,
            recent: Vec::new(),
            crowded: BTreeSet::new(),
        }
    }

    /// Goes on until the budget is used up or it is interrupted.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn run(
        &mut self,
        budget: Duration,
        interrupts: &mut Interrupts,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<Progress, Failure> {
        let began = Instant::now();
        let mut round = 0u64;
        self.progress.findings = self.findings.iter().len();
        let mut pair = None;
        while began.elapsed() < budget {
            round += 1;
            let left = budget.saturating_sub(began.elapsed());
            let step = async {
                for _ in 0..BATCHES {
                    self.batch(tell).await?;
                }
                self.stanzas(&mut pair, tell).await?;
                self.slow(usize::try_from(round - 1).unwrap_or(0), tell)
                    .await?;
                self.look_after(round, tell).await
            };
            tokio::select! {
                done = timeout(left + HANG, step) => match done {
                    Ok(done) => done?,
                    // A hunt may take longer than what is left: then it is given up.
                    Err(_) => break,
                },
                _ = interrupts.next() => break,
            }
            self.progress.elapsed = began.elapsed();
            tell(Event::Progress(self.progress));
        }
        self.progress.elapsed = began.elapsed();
        Ok(self.progress)
    }

    /// The server's memory, and whether it still offers streams.
    async fn look_after(
        &mut self,
        round: u64,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let memory = self.running.memory().unwrap_or(0);
        self.progress.memory = memory;
        if round == WARM || self.warm_memory == 0 {
            self.warm_memory = memory;
        }
        let grown = memory > (self.warm_memory * GROWTH).max(self.warm_memory + GROWTH_BYTES);
        if grown && round > WARM {
            // Nothing single is to blame; a fresh server shows whether it happens again.
            let bucket = "its memory grows from round to round";
            if !self.findings.has(bucket) {
                let detail = format!(
                    "{} MB after {WARM} rounds, {} MB after {} connections and {} stanzas",
                    self.warm_memory >> 20,
                    memory >> 20,
                    self.progress.connections,
                    self.progress.stanzas
                );
                self.report(bucket, &detail, b"", "txt", 0, tell)?;
            }
            self.restart().await?;
            self.warm_memory = 0;
        }
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Failure> {
        self.progress.restarts += 1;
        // A busy machine may take longer for a start than a profile allows: that must not end a night's work.
        let mut result = self.running.restart().await;
        for _ in 1..STARTS {
            if result.is_ok() {
                break;
            }
            result = self.running.restart().await;
        }
        result.map_err(Failure::Target)?;
        self.reach_again();
        Ok(())
    }

    /// A server that was started again may have other addresses.
    fn reach_again(&mut self) {
        let services = &self.running.target.services;
        let reach = Reach {
            c2s: services.c2s.clone(),
            c2s_tls: services.c2s_tls.clone(),
            ..(*self.reach).clone()
        };
        self.reach = Arc::new(reach);
    }

    /// Remembers what was sent, for when the server falls over.
    fn remember(&mut self, attempts: &[Attempt]) {
        self.recent.extend_from_slice(attempts);
        let surplus = self.recent.len().saturating_sub(SUSPECTS);
        self.recent.drain(..surplus);
    }

    /// Reports the first of these scenarios that fails when it is played as users play it. If none does, the first is reported, and
    /// said to be such.
    async fn scenario(
        &mut self,
        bucket: &str,
        detail: &str,
        texts: &[String],
        replays: u8,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let (mut verdicts, mut shown) = (Vec::new(), None);
        for text in texts {
            let verdict = self.played(text).await?.unwrap_or(Verdict::Error);
            if verdict == Verdict::Fail {
                shown = Some(text);
                break;
            }
            verdicts.push(verdict.to_string());
        }
        let mut detail = detail.to_owned();
        if shown.is_none() {
            let verdicts = verdicts.join(", ");
            detail.push_str(&format!(
                "\nits scenario does not show it by itself: {verdicts}"
            ));
        }
        let text = shown.or(texts.first()).map_or("", String::as_str);
        self.report(bucket, &detail, text.as_bytes(), "scs", replays, tell)
    }

    /// The verdict on a scenario; `None` if it came to none. The server is fresh again after a bad one.
    async fn played(&mut self, text: &str) -> Result<Option<Verdict>, Failure> {
        let source = Arc::new(Source {
            name: "finding.scs".to_owned(),
            text: text.to_owned(),
        });
        let scripts = parse(&source, "finding").unwrap_or_default();
        let cases = scripts.into_iter().map(|script| Selected {
            source: Arc::clone(&source),
            script,
        });
        let plan = Plan::once(cases.collect());
        // Whoever runs the campaign listens, too, and ends this with it.
        let mut interrupts = Interrupts::listen().map_err(Failure::Io)?;
        let played = run::run(self.running, &plan, &mut interrupts, |_, _| {}).await;
        let cases = played.map(|outcome| outcome.cases).unwrap_or_default();
        let verdict = cases.first().map(|case| case.verdict);
        if verdict == Some(Verdict::Pass) {
            self.reach_again();
        } else {
            self.restart().await?;
        }
        Ok(verdict)
    }

    fn report(
        &mut self,
        bucket: &str,
        detail: &str,
        text: &[u8],
        extension: &str,
        replays: u8,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let replay = self.replay.clone();
        let command = |path: &Path| format!("{replay} {}", path.display());
        let finding = self
            .findings
            .add(bucket, detail, text, extension, replays, command)
            .map_err(Failure::Io)?;
        tell(Event::Finding(finding));
        self.progress.findings = self.findings.iter().len();
        Ok(())
    }
}

/// Resolves when the processes of a server together need more memory than each of them may.
async fn grown(running: &Running) -> u64 {
    let Some(limit) = running.memory_limit() else {
        return std::future::pending().await;
    };
    let mut ticks = interval(LOOK);
    loop {
        ticks.tick().await;
        if let Some(memory) = running.memory().filter(|memory| *memory > limit) {
            return memory;
        }
    }
}

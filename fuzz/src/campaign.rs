//! A campaign against readers: documents made by chance go to all of them, and what they say is compared with what ours says.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::differences::{Bucket, Kind, differences, known};
use crate::findings::{Finding, Findings};
use crate::minimise::minimise;
use crate::mutate::{self, STRESSES};
use crate::readers::child::Process;
use crate::readers::{InProcess, OURS, Reading};

/// Calls of all readers for making one finding small; few where each may cost a timeout.
const TRIES: usize = 1500;
const TRIES_OF_FAILURES: usize = 60;

/// How long making one finding small may take. A reader that hangs takes its whole timeout each time.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_WITH_FAILURES: Duration = Duration::from_secs(15);

/// One of so many inputs is a large one.
const STRESS_EVERY: u64 = 400;
/// Parts of large documents. Readers that recurse break, and those that are quadratic take seconds.
const STRESS_SIZES: [usize; 3] = [2_000, 20_000, 100_000];

/// Inputs that behaved in a new way are kept for being changed, so many at most.
const MOST_KEPT: usize = 4_000;

/// What a campaign does.
#[derive(Debug)]
pub struct Campaign<'a> {
    /// Readers in this process, ours first.
    pub readers: &'a [InProcess],
    /// Readers in others.
    pub processes: Vec<Process>,
    /// Inputs to begin with.
    pub seeds: Vec<Vec<u8>>,
    /// From it all choices follow.
    pub seed: u64,
    /// When to end.
    pub budget: Duration,
    /// How to see an input again: the command without the name of the file.
    pub replay: String,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Since it began.
    pub elapsed: Duration,
    /// Documents that all readers were given.
    pub executions: u64,
    /// Inputs kept because they behaved in a new way.
    pub kept: usize,
    /// Findings of this campaign, with those of an interrupted one before it.
    pub findings: usize,
    /// Differences that the table explains, met so often.
    pub known: u64,
}

/// What the caller is told.
#[derive(Debug)]
pub enum Event<'a> {
    /// Once a second or so.
    Progress(Progress),
    /// Something new.
    Finding(&'a Finding),
}

/// How often progress is told.
const TELL: Duration = Duration::from_secs(1);

impl Campaign<'_> {
    /// Runs until the budget is used up or `tell` says that it is enough.
    ///
    /// # Errors
    /// Findings that cannot be written.
    pub fn run(
        &mut self,
        findings: &mut Findings,
        mut tell: impl FnMut(Event<'_>) -> bool,
    ) -> io::Result<Progress> {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut kept: Vec<Vec<u8>> = Vec::new();
        let mut behaviours = HashSet::new();
        let mut seen: HashSet<Bucket> = HashSet::new();
        let mut progress = Progress {
            findings: findings.iter().len(),
            ..Progress::default()
        };
        let began = Instant::now();
        let mut told = began;
        let mut seeds = std::mem::take(&mut self.seeds).into_iter();
        loop {
            progress.elapsed = began.elapsed();
            if told.elapsed() >= TELL || progress.elapsed >= self.budget {
                told = Instant::now();
                if !tell(Event::Progress(progress)) || progress.elapsed >= self.budget {
                    break;
                }
            }
            let is_seed = seeds.len() > 0;
            let is_large = !is_seed
                && !self.processes.is_empty()
                && progress.executions.is_multiple_of(STRESS_EVERY);
            let input = match seeds.next() {
                Some(seed) => seed,
                None if is_large => {
                    let (_, make) = STRESSES[rng.random_range(0..STRESSES.len())];
                    make(STRESS_SIZES[rng.random_range(0..STRESS_SIZES.len())])
                }
                None => mutate::document(&mut rng, &kept),
            };
            progress.executions += 1;
            let readings = self.read(&input, is_large);
            if is_seed || (behaviours.insert(behaviour(&readings)) && kept.len() < MOST_KEPT) {
                kept.push(input.clone());
                progress.kept = kept.len();
            }
            for bucket in differences(&named(&readings)) {
                if seen.contains(&bucket) {
                    continue;
                }
                if known(&bucket, &input).is_some() {
                    progress.known += 1;
                    continue;
                }
                seen.insert(bucket.clone());
                if !findings.has(&bucket.to_string())
                    && self.keep(findings, &bucket, &input, is_large)?
                {
                    progress.findings = findings.iter().len();
                    if let Some(finding) = findings.iter().find(|f| f.bucket == bucket.to_string())
                        && !tell(Event::Finding(finding))
                    {
                        return Ok(progress);
                    }
                }
            }
        }
        progress.elapsed = began.elapsed();
        Ok(progress)
    }

    /// What every reader says; large documents are only for ours and for those that cannot bring this process down.
    pub fn read(&mut self, input: &[u8], is_large: bool) -> Vec<(String, Reading)> {
        self.read_by(input, is_large, |_| true)
    }

    /// The same of ours and of those that are wanted.
    fn read_by(
        &mut self,
        input: &[u8],
        is_large: bool,
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<(String, Reading)> {
        let in_process = if is_large {
            &self.readers[..1]
        } else {
            self.readers
        };
        let ours = in_process
            .iter()
            .filter(|r| r.name() == OURS || wanted(r.name()))
            .map(|r| (r.name().to_owned(), r.read(input)));
        let mut all: Vec<_> = ours.collect();
        for process in self.processes.iter_mut().filter(|p| wanted(p.name())) {
            let reading = process.read(input);
            all.push((process.name().to_owned(), reading));
        }
        all
    }

    /// Makes an input small, tries it three times and writes it down; whether it showed again.
    fn keep(
        &mut self,
        findings: &mut Findings,
        bucket: &Bucket,
        input: &[u8],
        is_large: bool,
    ) -> io::Result<bool> {
        let is_failure = matches!(bucket.kind, Kind::Fails(_));
        let (tries, patience) = if is_failure {
            (TRIES_OF_FAILURES, PATIENCE_WITH_FAILURES)
        } else {
            (TRIES, PATIENCE)
        };
        // Only those concerned: others may be slow.
        let concerned = |name: &str| name == bucket.base || name == bucket.reader;
        let mut shows = |input: &[u8]| {
            differences(&named(&self.read_by(input, is_large, concerned)))
                .iter()
                .any(|found| found == bucket && known(found, input).is_none())
        };
        // A busy machine makes readers late: what does not show again is nothing.
        if !shows(input) {
            return Ok(false);
        }
        let until = Instant::now() + patience;
        let mut smallest = minimise(input, tries, |input| Instant::now() < until && shows(input));
        let mut replays = (0..3).filter(|_| shows(&smallest)).count();
        if replays == 0 {
            smallest = input.to_vec();
            replays = (0..3).filter(|_| shows(&smallest)).count();
        }
        if replays == 0 {
            return Ok(false);
        }
        let readings = self.read_by(&smallest, is_large, concerned);
        let detail: String = readings
            .iter()
            .map(|(name, reading)| format!("{name}: {}\n", shown(reading)))
            .collect();
        let replay = self.replay.clone();
        findings.add(
            &bucket.to_string(),
            &detail,
            &smallest,
            "xml",
            u8::try_from(replays).unwrap_or(3),
            |path| format!("{replay} {}", path.display()),
        )?;
        Ok(true)
    }
}

/// A reading for people, cut where it is long.
#[must_use]
pub fn shown(reading: &Reading) -> String {
    /// Characters.
    const MOST: usize = 400;
    let text = match reading {
        Reading::Read(lines) => format!("reads {}", lines.join(" · ")),
        Reading::Refused(error) => format!("refuses: {error}"),
        Reading::Failed(failure) => format!("fails: {}", failure.name()),
    };
    match text.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

fn named(readings: &[(String, Reading)]) -> Vec<(&str, Reading)> {
    readings
        .iter()
        .map(|(name, reading)| (&**name, reading.clone()))
        .collect()
}

/// A number for what readers did: who refused with what, and the shape of what ours read. New numbers are new behaviour.
fn behaviour(readings: &[(String, Reading)]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (at, (_, reading)) in readings.iter().enumerate() {
        match reading {
            Reading::Read(lines) if at == 0 => {
                lines.len().checked_ilog2().hash(&mut hasher);
                for line in lines.iter().take(6) {
                    (line.as_bytes()[0], line.matches("=\"").count().min(4)).hash(&mut hasher);
                }
            }
            Reading::Read(_) => 1u8.hash(&mut hasher),
            Reading::Refused(error) => error.hash(&mut hasher),
            Reading::Failed(failure) => failure.hash(&mut hasher),
        }
    }
    hasher.finish()
}

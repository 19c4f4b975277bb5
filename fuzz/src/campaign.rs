//! A campaign against readers: documents made by chance go to all of them, and what they say is compared with what ours says.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::io;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::differences::{Bucket, Kind, XML, differences, known, shape};
use crate::findings::{Finding, Findings};
use crate::minimise::minimise;
use crate::mutate::{self, PROLOGS, STRESSES};
use crate::readers::child::Process;
use crate::readers::{InProcess, OURS, Reading};

/// Calls of readers for making one finding small.
const TRIES: usize = 4000;

/// How long making one finding small may take. A reader that hangs takes its whole timeout each time.
const PATIENCE: Duration = Duration::from_secs(20);
const LITTLE_PATIENCE: Duration = Duration::from_secs(15);

/// Parts of large documents. Readers that recurse break, and those that are quadratic take seconds.
const STRESS_SIZES: [usize; 3] = [2_000, 20_000, 100_000];
/// Large documents get one of so many parts of the time; a kind that takes readers longer than this once is not made larger.
const STRESS_SHARE: u32 = 8;
/// Until then there are none: what is small is found sooner.
const STRESS_AFTER: Duration = Duration::from_secs(5);
const STRESS_PATIENCE: Duration = Duration::from_secs(2);

/// A bucket is more than one finding if small documents of different shapes show it: so many at most, in documents that are
/// not larger than this in characters of their shape.
const MOST_SHAPES: usize = 6;
const MOST_SHAPE: usize = 40;
/// Looking for them gets one of so many parts of the time.
const SHAPES_SHARE: u32 = 3;

/// Too many bytes for readers that could bring this process down.
pub const LARGE: usize = 1 << 16;

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
        let mut hunts: HashMap<(Bucket, Option<&str>), Hunt> = HashMap::new();
        let mut progress = Progress {
            findings: findings.iter().len(),
            ..Progress::default()
        };
        let began = Instant::now();
        let mut told = began;
        let mut seeds = std::mem::take(&mut self.seeds).into_iter();
        let mut stresses = Stresses::default();
        let mut on_shapes = Duration::ZERO;
        loop {
            progress.elapsed = began.elapsed();
            if told.elapsed() >= TELL || progress.elapsed >= self.budget {
                told = Instant::now();
                if !tell(Event::Progress(progress)) || progress.elapsed >= self.budget {
                    break;
                }
            }
            let is_seed = seeds.len() > 0;
            let large = if is_seed || self.processes.is_empty() {
                None
            } else {
                stresses.next(progress.elapsed)
            };
            let is_large = large.is_some();
            let kind = large.as_ref().map(|(kind, _)| *kind);
            let input = match (seeds.next(), large) {
                (Some(seed), _) => seed,
                (_, Some((_, large))) => large,
                _ => mutate::document(&mut rng, &kept),
            };
            progress.executions += 1;
            let begun = Instant::now();
            let readings = self.read(&input, is_large);
            let answered = begun.elapsed();
            if is_seed || (behaviours.insert(behaviour(&readings)) && kept.len() < MOST_KEPT) {
                kept.push(input.clone());
                progress.kept = kept.len();
            }
            for bucket in differences(&input, &named(&readings)) {
                if known(&bucket, &input).is_some() {
                    progress.known += 1;
                    continue;
                }
                // What is seen without a comment is no news with one.
                let is_seen = bucket.base == XML && {
                    let base = OURS.to_owned();
                    let bucket = Bucket {
                        base,
                        ..bucket.clone()
                    };
                    hunts.contains_key(&(bucket, None))
                };
                if is_seen {
                    continue;
                }
                // What is too much for a reader may be too much in several ways.
                let is_failure = matches!(bucket.kind, Kind::Fails(_));
                let kind = kind.filter(|_| is_failure);
                let hunt = hunts.entry((bucket.clone(), kind)).or_default();
                let is_first = hunt.tries == 0;
                let is_time = !is_large && on_shapes * SHAPES_SHARE <= progress.elapsed;
                if !is_first && (is_failure || !hunt.goes_on(is_time)) {
                    continue;
                }
                let mut name = match kind {
                    Some(kind) => format!("{bucket}, of many: {kind}"),
                    None => bucket.to_string(),
                };
                if is_first && findings.has(&name) {
                    hunt.ended(false);
                    continue;
                }
                let begun = Instant::now();
                // A busy machine makes readers late: what does not show again is nothing.
                let found = self.smallest(&bucket, &input, is_large);
                let shape = found.as_ref().map(|(small, _)| shape(small));
                let is_new = shape.is_some_and(|shape| {
                    if !is_first {
                        name = format!("{bucket}, in {shape}");
                    }
                    (is_first || shape.chars().count() <= MOST_SHAPE) && hunt.shapes.insert(shape)
                });
                hunt.ended(is_new);
                if !is_first {
                    on_shapes += begun.elapsed();
                }
                let Some((small, replays)) = found.filter(|_| is_new && !findings.has(&name))
                else {
                    continue;
                };
                let finding = self.write(findings, &name, &bucket, &small, replays)?;
                if !tell(Event::Finding(finding)) {
                    progress.findings = findings.iter().len();
                    return Ok(progress);
                }
                progress.findings = findings.iter().len();
            }
            if is_large {
                stresses.took(answered, begun.elapsed());
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

    /// What an input, made small, still shows, and how often of three times. `None`: it does not show again.
    fn smallest(
        &mut self,
        bucket: &Bucket,
        input: &[u8],
        is_large: bool,
    ) -> Option<(Vec<u8>, usize)> {
        let patience = if is_large || matches!(bucket.kind, Kind::Fails(_)) {
            LITTLE_PATIENCE
        } else {
            PATIENCE
        };
        let mut shows = |input: &[u8]| {
            differences(
                input,
                &named(&self.read_by(input, is_large, concerns(bucket))),
            )
            .iter()
            .any(|found| found == bucket && known(found, input).is_none())
        };
        if !shows(input) {
            return None;
        }
        let until = Instant::now() + patience;
        let mut smallest = minimise(input, TRIES, |input| Instant::now() < until && shows(input));
        let mut replays = (0..3).filter(|_| shows(&smallest)).count();
        if replays == 0 {
            smallest = input.to_vec();
            replays = (0..3).filter(|_| shows(&smallest)).count();
        }
        (replays > 0).then_some((smallest, replays))
    }

    /// Writes a finding down.
    fn write<'f>(
        &mut self,
        findings: &'f mut Findings,
        name: &str,
        bucket: &Bucket,
        smallest: &[u8],
        replays: usize,
    ) -> io::Result<&'f Finding> {
        let is_large = smallest.len() > LARGE;
        let detail: String = self
            .read_by(smallest, is_large, concerns(bucket))
            .iter()
            .map(|(name, reading)| format!("{name}: {}\n", shown(reading)))
            .collect();
        let replay = self.replay.clone();
        findings.add(
            name,
            &detail,
            smallest,
            "xml",
            u8::try_from(replays).unwrap_or(3),
            |path| format!("{replay} {}", path.display()),
        )
    }
}

/// Only those that a bucket is about: others may be slow.
fn concerns(bucket: &Bucket) -> impl Fn(&str) -> bool {
    move |name| name == bucket.base || name == bucket.reader
}

/// The search for documents of other shapes that show the same difference.
#[derive(Debug, Default)]
struct Hunt {
    shapes: HashSet<String>,
    tries: u32,
    /// So many tries in a row found nothing new, and so many documents are to be passed over before the next.
    in_vain: u32,
    wait: u32,
}

impl Hunt {
    /// Whether one more document is worth being made small.
    fn goes_on(&mut self, is_time: bool) -> bool {
        if self.shapes.len() >= MOST_SHAPES || !is_time {
            return false;
        }
        let over = self.wait == 0;
        self.wait = self.wait.saturating_sub(1);
        over
    }

    fn ended(&mut self, found: bool) {
        self.tries += 1;
        self.in_vain = if found { 0 } else { self.in_vain + 1 };
        self.wait = (1 << self.in_vain.min(6)) - 1;
    }
}

/// Kinds of large documents.
const KINDS: usize = STRESSES.len() + PROLOGS.len();

/// Large documents: each kind in each size, the small ones first, over and over.
#[derive(Debug, Default)]
struct Stresses {
    at: usize,
    spent: Duration,
    /// Kinds that took long, by their number.
    slow: HashSet<usize>,
}

impl Stresses {
    /// The next one and what it has many of, if it is time for it.
    fn next(&mut self, elapsed: Duration) -> Option<(&'static str, Vec<u8>)> {
        if elapsed < STRESS_AFTER || self.spent * STRESS_SHARE > elapsed {
            return None;
        }
        let kind = self.kind();
        if self.slow.contains(&kind) {
            self.at += 1;
            return None;
        }
        let size = STRESS_SIZES[self.at / KINDS % STRESS_SIZES.len()];
        let (name, make) = STRESSES.iter().chain(PROLOGS).nth(kind)?;
        let mut document = make(size);
        if kind >= STRESSES.len() {
            document.extend_from_slice(b"<stream/>");
        }
        Some((name, document))
    }

    fn kind(&self) -> usize {
        self.at % KINDS
    }

    /// What the readers needed for the last one, and what it took with all that followed from it.
    fn took(&mut self, answered: Duration, all: Duration) {
        if answered > STRESS_PATIENCE {
            self.slow.insert(self.kind());
        }
        self.spent += all;
        self.at += 1;
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

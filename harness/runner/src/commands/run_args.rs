//! The arguments of `xmppspec run`, and what they mean together.

use std::path::PathBuf;
use std::time::Duration;

use xmppspec_reference::peer::PeerFault;
use xmppspec_reference::{Config, Fault};
use xmppspec_scenarios::Role;

use super::values;
use crate::exit::Failed;
use crate::target::{AccountPolicy, Profile, REFERENCE_PEER, TargetError};
use crate::world::Needs;

/// The domain of the embedded reference server.
const REFERENCE_DOMAIN: &str = "capulet.example";

/// The name of the embedded reference server as a target.
pub const REFERENCE: &str = "reference";

/// Which cases to run against which target, and what becomes of the results.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
A selector is one of
  rfc6120/4.9                    the cases whose name begins so; numbers are whole:
                                 rfc6120/4.9.3.1 does not select rfc6120/4.9.3.10
  'rfc6120/4.7.1-from[no host]'  one case
  RFC6120-4.9.3.6-1              the cases that cover this requirement
  '*roster*'                     the cases whose whole name matches; ? is one character
  mine.scs, my/scenarios/        a script file, or all of a folder
Without selectors all built-in scenarios for the role of the target run.
`xmppspec list SELECTOR…` shows what is selected.

Examples:
  xmppspec run                                    everything, on the embedded server and the embedded peer
  xmppspec run --target reference-peer            everything that judges serverless peers
  xmppspec run --role peer --no-world             the same where no closed world can be made: on loopback
  xmppspec run --target prosody rfc6120/4.9 -v    stream errors of the installed prosody
  xmppspec run --fault header-without-id          proves that a scenario can fail
  xmppspec run --connect localhost:5222 --domain example.org \\
      --account romeo:secret --account juliet:secret
  xmppspec run --target ./my-server --results results.json --report junit=results.xml")]
pub struct RunArgs {
    /// What to run: case names or their beginnings, requirement ids, globs, script files [default: everything]
    #[arg(value_name = "SELECTOR")]
    pub selectors: Vec<String>,

    /// What is tested
    #[command(flatten)]
    pub target: TargetArgs,

    /// How it is run
    #[command(flatten)]
    pub how: HowArgs,

    /// What counts and what comes out
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What is tested.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// A built-in target (`xmppspec targets` lists them), or the path of a profile or its folder [default: the embedded
    /// server `reference`, and after it the embedded serverless peer `reference-peer`, whose results and reports go to files
    /// named like `results.peer.json`]
    #[arg(long, value_name = "NAME|PATH")]
    pub target: Option<String>,

    /// A server that runs already
    #[arg(
        long,
        value_name = "HOST[:PORT]",
        conflicts_with = "target",
        requires = "domain"
    )]
    pub connect: Option<String>,

    /// The XMPP domain that it serves
    #[arg(long, value_name = "DOMAIN", requires = "connect")]
    pub domain: Option<String>,

    /// It allows in-band registration (XEP-0077): make a fresh account for every actor
    #[arg(long, requires = "connect", conflicts_with = "accounts")]
    pub register: bool,

    /// An account that exists there; repeat it: a case that needs more of them is skipped
    #[arg(long = "account", value_name = "USER:PASSWORD", requires = "connect", value_parser = values::account)]
    pub accounts: Vec<(String, String)>,

    /// A deliberate bug of the reference server (`xmppspec serve --help` lists them); repeatable
    #[arg(long = "fault", value_name = "NAME", conflicts_with = "connect", value_parser = values::fault)]
    pub faults: Vec<Fault>,

    /// A deliberate bug of the reference peer (repeatable)
    #[arg(long = "peer-fault", value_name = "NAME", conflicts_with = "connect", value_parser = peer_fault)]
    pub peer_faults: Vec<PeerFault>,

    /// Start the target on high loopback ports of this machine instead of in a closed world; serverless peers stand on
    /// addresses of loopback then, and only the embedded one can
    #[arg(long)]
    pub no_world: bool,

    /// Refuse each process of the target more memory than this, as a container does: 512M, 2G
    #[arg(long, value_name = "SIZE", conflicts_with = "connect", value_parser = values::size)]
    pub memory: Option<u64>,

    /// What the target is judged as [default: what its profile says]
    #[arg(long, value_name = "server|peer|client", value_parser = values::role)]
    pub role: Option<Role>,
}

/// How cases are run.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Run")]
pub struct HowArgs {
    /// Cases that run side by side [default: chosen by the run]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub jobs: Option<u16>,

    /// The seed of every random choice; a run prints its own
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,

    /// Seconds after which an expectation is given up [default: what the profile says]
    #[arg(long, value_name = "SECONDS", value_parser = values::seconds)]
    pub timeout: Option<Duration>,

    /// Stop after the first case that is not conformant
    #[arg(long)]
    pub fail_fast: bool,

    /// Run only one of N parts, for example 2/4; `xmppspec report PART.json… --gate` makes one of their results
    #[arg(long, value_name = "I/N", value_parser = values::shard)]
    pub shard: Option<Shard>,

    /// Play a case that is not conformant again, up to N times; one whose verdict changes is flaky, and fails
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub retries: u8,

    /// Run again whenever a selected script, or the profile, is saved
    #[arg(long)]
    pub watch: bool,

    /// Only tell what would run
    #[arg(long)]
    pub dry_run: bool,
}

/// One of several parts of a run that are done side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 1.
    pub index: usize,
    /// Of how many.
    pub count: usize,
}

impl Shard {
    /// Whether the case at this place of the whole run is in the part. Neighbours go to different parts: they take about
    /// the same time.
    #[must_use]
    pub fn has(self, place: usize) -> bool {
        place % self.count == self.index - 1
    }
}

/// What counts, and what comes out.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Results")]
pub struct OutputArgs {
    /// A broken SHOULD counts like a broken MUST
    #[arg(long)]
    pub strict: bool,

    /// A skipped case counts like a failed one
    #[arg(long)]
    pub fail_on_skip: bool,

    /// Only what is new or worse than in these results of an earlier run counts
    #[arg(long, value_name = "RESULTS.json")]
    pub baseline: Option<PathBuf>,

    /// Write everything that was seen, as JSON
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,

    /// Write a report, for example junit=results.xml; repeatable
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = values::report)]
    pub reports: Vec<ReportTo>,

    /// Write what went over TCP, and the packets of multicast DNS, as a capture for Wireshark, with the keys of TLS in it
    #[arg(long, value_name = "FILE.pcapng")]
    pub pcap: Option<PathBuf>,

    /// What to write to standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: Format,

    /// Only what is wrong
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// More; -v adds whole transcripts of failures, -vv those of all cases
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// A report and where it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportTo {
    /// Its format.
    pub format: xmppspec_reports::Format,
    /// The file; `-` is standard output.
    pub file: PathBuf,
}

/// What a command writes to standard output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document, for programs.
    Json,
}

/// What is tested, with everything that its way to be reached needs.
#[derive(Debug)]
pub enum Choice {
    /// The embedded reference server.
    Reference(Box<Config>),
    /// The embedded reference peer, with these faults.
    ReferencePeer(Vec<PeerFault>),
    /// An implementation that the run starts.
    Profile(Box<Profile>),
    /// A server that runs already, as its profile describes it.
    External(Box<Profile>),
    /// A server that runs already.
    Connect {
        /// `host` or `host:port`.
        address: String,
        /// The domain that it serves.
        domain: String,
        /// Where accounts come from.
        accounts: AccountPolicy,
    },
}

impl TargetArgs {
    /// The target; without one, the embedded one of the role, else the server.
    #[must_use]
    pub fn name(&self) -> &str {
        let embedded = match self.role {
            Some(Role::Peer) => REFERENCE_PEER,
            _ if !self.peer_faults.is_empty() => REFERENCE_PEER,
            _ => REFERENCE,
        };
        self.target.as_deref().unwrap_or(embedded)
    }

    /// What they say together.
    ///
    /// # Errors
    /// A profile that does not exist or is wrong; faults for something else than the reference.
    pub fn choose(&self) -> Result<Choice, Failed> {
        if let (Some(address), Some(domain)) = (&self.connect, &self.domain) {
            let accounts = if self.register {
                AccountPolicy::Register
            } else if self.accounts.is_empty() {
                AccountPolicy::None
            } else {
                AccountPolicy::List(self.accounts.clone())
            };
            return Ok(Choice::Connect {
                address: address.clone(),
                domain: domain.clone(),
                accounts,
            });
        }
        let name = self.name();
        if name == REFERENCE_PEER {
            return Ok(Choice::ReferencePeer(self.peer_faults.clone()));
        }
        if let Some(fault) = self.peer_faults.first() {
            return Err(Failed::usage(format!(
                "--peer-fault {fault} needs --target {REFERENCE_PEER}"
            )));
        }
        if name == REFERENCE {
            let mut config = Config::new(REFERENCE_DOMAIN);
            config.faults.extend(&self.faults);
            return Ok(Choice::Reference(Box::new(config)));
        }
        if let Some(fault) = self.faults.first() {
            return Err(Failed::usage(format!(
                "--fault {fault} needs the reference server, and the target is {name}\nleave out --target {name}"
            )));
        }
        let mut profile = Profile::load(name).map_err(usage)?;
        profile.memory = self.memory;
        Ok(if profile.is_external() {
            Choice::External(Box::new(profile))
        } else {
            Choice::Profile(Box::new(profile))
        })
    }
}

/// A fault of the reference peer, for clap.
fn peer_fault(name: &str) -> Result<PeerFault, String> {
    PeerFault::from_name(name).ok_or_else(|| {
        let known = PeerFault::ALL.iter().map(|f| f.name());
        match xmppspec_scenarios::names::nearest(name, known) {
            Some(known) => format!("did you mean `{known}`?"),
            None => "there is no such fault of the reference peer".to_owned(),
        }
    })
}

fn usage(error: TargetError) -> Failed {
    Failed::usage(error.to_string())
}

impl RunArgs {
    /// Whether nothing says which of the embedded targets is meant: then both are judged. What goes to standard output for
    /// programs, and what is compared with earlier results, is of one.
    #[must_use]
    pub fn is_of_both(&self) -> bool {
        let TargetArgs {
            target: None,
            connect: None,
            role: None,
            faults,
            peer_faults,
            ..
        } = &self.target
        else {
            return false;
        };
        let output = &self.output;
        let files = output.reports.iter().map(|report| &report.file);
        let to_stdout = files
            .chain(&output.results)
            .any(|file| file.as_os_str() == "-");
        let for_programs = to_stdout || output.format == Format::Json || output.baseline.is_some();
        faults.is_empty() && peer_faults.is_empty() && !for_programs
    }

    /// The same for the embedded peer, beside a run on the embedded server: its files are others.
    #[must_use]
    pub fn for_peer(&self) -> Self {
        let mut args = self.clone();
        args.target.target = Some(REFERENCE_PEER.to_owned());
        let beside = |file: &mut PathBuf| {
            let ending = file.extension().map(|e| e.to_string_lossy().into_owned());
            file.set_extension(ending.map_or("peer".to_owned(), |e| format!("peer.{e}")));
        };
        args.output.results.iter_mut().for_each(beside);
        args.output.pcap.iter_mut().for_each(beside);
        args.output
            .reports
            .iter_mut()
            .for_each(|report| beside(&mut report.file));
        args
    }

    /// What a world must leave of the caller's files: those that the run writes, and those that it reads.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let is_file = |path: &&PathBuf| path.as_os_str() != "-";
        let reports = self.output.reports.iter().map(|report| &report.file);
        let files = reports.chain(&self.output.results);
        let write = files.chain(&self.output.pcap).filter(is_file);
        let mut read: Vec<PathBuf> = self.selectors.iter().map(PathBuf::from).collect();
        read.extend(self.target.target.iter().map(PathBuf::from));
        read.retain(|path| path.exists());
        Needs {
            write: write.cloned().collect(),
            read,
        }
    }
}

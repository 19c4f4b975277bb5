//! `xmppspec fuzz properties`: our own code on inputs made by chance.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use xmppspec_fuzz::findings::Findings;
use xmppspec_fuzz::sweep::sweep;

use super::parser::{print, signals};
use crate::commands::{Outcome, values};
use crate::exit::{Exit, Failed};
use crate::ui;

/// How often progress is shown.
const TELL: Duration = Duration::from_secs(1);

/// For how long.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PropertiesArgs {
    /// When to end: 8h, 10m, 30s
    #[arg(long = "for", value_name = "TIME", default_value = "1m", value_parser = values::time)]
    budget: Duration,

    /// Where findings go; those of an earlier campaign stay
    #[arg(long, value_name = "FOLDER", default_value = "fuzz-findings")]
    findings: PathBuf,

    /// From it all choices follow [default: by chance]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// Checks all properties in turn.
pub(super) fn main(args: &PropertiesArgs) -> Outcome {
    let mut findings = Findings::open(&args.findings).map_err(|error| {
        Failed::usage(format!("cannot use {}: {error}", args.findings.display()))
    })?;
    let seed = args.seed.unwrap_or_else(crate::run::random_seed);
    ui::line(&format!(
        "seed {seed}, findings in {}",
        args.findings.display()
    ));
    let stop = Arc::new(AtomicBool::new(false));
    let _ = signals(&stop);
    // Panics are what is looked for: they are reported as findings, not one by one.
    std::panic::set_hook(Box::new(|_| {}));
    let mut told = Instant::now();
    let count = sweep(seed, args.budget, &mut findings, |count, finding| {
        if let Some(finding) = finding {
            ui::erase_progress();
            print(finding);
        }
        if ui::has_progress() && told.elapsed() >= TELL {
            told = Instant::now();
            ui::progress(&format!("{count} inputs"));
        }
        !stop.load(Ordering::Relaxed)
    });
    let _ = std::panic::take_hook();
    ui::erase_progress();
    let count = count.map_err(|error| Failed::usage(format!("cannot write findings: {error}")))?;
    let found = findings.iter().len();
    ui::line(&format!("{count} inputs, {found} findings"));
    Ok(if found == 0 {
        Exit::Conformant
    } else {
        Exit::NotConformant
    })
}

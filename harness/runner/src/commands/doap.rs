//! `xmppspec doap`: what a project claims to implement (XEP-0453) beside what was seen of it.

use std::path::{Path, PathBuf};

use xmppspec_reports::{Claims, Doap, DoapError, GateOptions, Standing, render_claims};
use xmppspec_scenarios::Diagnostic;

use super::run_args::Format;
use super::{Outcome, json, output, report, texts};
use crate::exit::{Exit, Failed};
use crate::ui;

/// No description is larger (in bytes).
const LARGEST: u64 = 4 << 20;

/// Which results, and which description.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
A document is seen if a requirement of it was judged and holds, broken if one is broken. With --write, what is broken becomes \
`partial`, what was judged whole and holds `complete`, and what holds and is not claimed is added (an RFC as a whole only). All \
else stays as it is.

Exit codes: 0 done, 1 a claim is broken (with --gate), 2 a file cannot be read

Examples:
  xmppspec doap results.json prosody.doap
  xmppspec doap results.json prosody.doap --gate --write prosody.doap")]
pub struct DoapArgs {
    /// What `xmppspec run --results FILE` wrote; - is standard input
    #[arg(value_name = "RESULTS.json")]
    results: PathBuf,

    /// The project's description: RDF/XML, as in XEP-0453
    #[arg(value_name = "DOAP")]
    doap: PathBuf,

    /// Write the description with the claims that the results support; - is standard output, in place of the report
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,

    /// End with 1 if a claim is broken
    #[arg(long)]
    gate: bool,

    /// What to write to standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// Reads both and tells how they go together.
pub(super) fn main(args: &DoapArgs) -> Outcome {
    output::check_paths(&args.write)?;
    let results = report::read(&args.results)?;
    let doap = read(&args.doap)?;
    let claims = Claims::new(&doap, &results, &texts);
    if let Some(file) = &args.write {
        output::write(file, &claims.rewrite(&doap))?;
    }
    if !args.write.as_deref().is_some_and(output::is_stdout) {
        match args.format {
            Format::Json => {
                json(&claims)?;
            }
            Format::Text => {
                let options = output::terminal(&texts, GateOptions::default(), false, 0);
                ui::print(&render_claims(&claims, &options));
            }
        }
    }
    let is_broken = claims.standing(Standing::Broken).next().is_some();
    Ok(if args.gate && is_broken {
        Exit::NotConformant
    } else {
        Exit::Conformant
    })
}

fn read(path: &Path) -> Result<Doap, Failed> {
    let name = path.display();
    let unreadable = |why: String| Failed::usage(format!("cannot read {name}: {why}"));
    let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if size.len() > LARGEST {
        return Err(unreadable(format!(
            "it is larger than {} MiB",
            LARGEST >> 20
        )));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let (text, wrong) = match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            // What stands before it is shown as it is, so that the place stays the same.
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            (text, Some(at..at + '\u{fffd}'.len_utf8()))
        }
    };
    let wrong = match wrong {
        Some(span) => DoapError {
            message: "this is not UTF-8".to_owned(),
            span,
            help: None,
        },
        None => match Doap::read(&text) {
            Ok(doap) => return Ok(doap),
            Err(error) => error,
        },
    };
    let mut diagnostic = Diagnostic::error(wrong.message)
        .in_source(name.to_string())
        .label(wrong.span, "");
    if let Some(help) = wrong.help {
        diagnostic = diagnostic.help(help);
    }
    Err(Failed::usage(diagnostic.render(true, &text)))
}

//! `xmppspec init`: writes a profile of a server that runs, from what it offers.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Outcome, runtime, values};
use crate::exit::{Exit, Failed};
use crate::run::{self, Capabilities, RunError};
use crate::target::{AccountPolicy, Running, TargetError};
use crate::ui::{self, BOLD, DIM, DOUBTFUL};
use crate::world::Interrupts;

/// Which server, and where the profile goes.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  xmppspec init --connect localhost --domain example.org
  xmppspec init my-server --connect localhost:15222 --domain example.org \\
      --account romeo:secret --account juliet:secret
  xmppspec run --target ./xmppspec                then")]
pub struct InitArgs {
    /// The folder that the profile is written into; it is made if it does not exist
    #[arg(value_name = "FOLDER", default_value = "xmppspec")]
    folder: PathBuf,

    /// Where the server runs
    #[arg(long, value_name = "HOST[:PORT]")]
    connect: String,

    /// The XMPP domain that it serves
    #[arg(long, value_name = "DOMAIN")]
    domain: String,

    /// Where it takes connections that begin with TLS (XEP-0368)
    #[arg(long, value_name = "HOST:PORT")]
    direct_tls: Option<String>,

    /// It allows in-band registration (XEP-0077) [default: if it offers it and no account is given]
    #[arg(long, conflicts_with = "accounts")]
    register: bool,

    /// An account that exists there; repeatable
    #[arg(long = "account", value_name = "USER:PASSWORD", value_parser = values::account)]
    accounts: Vec<(String, String)>,

    /// What reports call the server [default: what it calls itself]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Write over a profile that is there already
    #[arg(long)]
    force: bool,
}

/// Asks the server and writes the profile.
pub(super) fn main(args: &InitArgs) -> Outcome {
    let file = args.folder.join("target.toml");
    if file.exists() && !args.force {
        return Err(Failed::usage(format!(
            "{} is there already\n--force writes over it",
            file.display()
        )));
    }
    let found = runtime()?.block_on(ask(args))?;
    let cannot = |path: &Path, error: std::io::Error| {
        Failed::usage(format!("cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(&args.folder).map_err(|error| cannot(&args.folder, error))?;
    std::fs::write(&file, profile(args, &found)).map_err(|error| cannot(&file, error))?;
    tell(args, &found, &file);
    Ok(Exit::Conformant)
}

/// What the server has, and where accounts come from.
struct Found {
    address: String,
    accounts: AccountPolicy,
    capabilities: Capabilities,
}

async fn ask(args: &InitArgs) -> Result<Found, Failed> {
    let mut interrupts = Interrupts::listen()
        .map_err(|error| Failed::usage(format!("cannot listen to signals: {error}")))?;
    let given = if args.register {
        AccountPolicy::Register
    } else if args.accounts.is_empty() {
        AccountPolicy::None
    } else {
        AccountPolicy::List(args.accounts.clone())
    };
    let mut found = look(args, given, &mut interrupts).await?;
    // A server that offers registration need not allow it: it is tried.
    let offered = found.capabilities.iter().any(|word| word == "register");
    if found.accounts == AccountPolicy::None && offered {
        let registered = look(args, AccountPolicy::Register, &mut interrupts).await?;
        if registered.capabilities.not_logged_in.is_none() {
            found = registered;
        }
    }
    match &found.capabilities.not_logged_in {
        Some(why) if found.accounts != AccountPolicy::None => Err(Failed {
            exit: Exit::Target,
            message: format!("nobody could log in: {why}\nnothing was written"),
        }),
        _ => Ok(found),
    }
}

async fn look(
    args: &InitArgs,
    accounts: AccountPolicy,
    interrupts: &mut Interrupts,
) -> Result<Found, Failed> {
    let target = |error: TargetError| Failed {
        exit: Exit::Target,
        message: error.to_string(),
    };
    let mut running = Running::connect(&args.connect, &args.domain, accounts.clone())
        .await
        .map_err(target)?;
    running.target.services.c2s_tls.clone_from(&args.direct_tls);
    let capabilities = run::look(&running, interrupts).await;
    let capabilities = capabilities.map_err(|error| Failed {
        exit: match error {
            RunError::Interrupted(interrupt) => Exit::Interrupted(interrupt),
            RunError::NoStream(_) | RunError::Tls(_) => Exit::Target,
        },
        message: error.to_string(),
    })?;
    Ok(Found {
        address: running.target.services.c2s,
        accounts,
        capabilities,
    })
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The first word of what the server calls itself: what stays when its version changes.
fn name(args: &InitArgs, found: &Found) -> String {
    let software = found.capabilities.software.as_deref();
    let word = software.and_then(|text| text.split_whitespace().next());
    match (&args.name, word) {
        (Some(name), _) => name.clone(),
        (None, Some(word)) => word.to_lowercase(),
        (None, None) => args.domain.clone(),
    }
}

/// The text of the profile.
fn profile(args: &InitArgs, found: &Found) -> String {
    let mut text = format!(
        "# How xmppspec reaches this server, and what is known about it. `xmppspec init` wrote it from what the server said;\n\
         # it is yours to edit.\n\
         name = {}\n\
         role = \"server\"\n\
         domain = {}\n\n\
         # Seconds after which an expectation is given up. Servers answer within milliseconds; only failures wait so long.\n\
         timeout_s = 10.0\n\n",
        quoted(&name(args, found)),
        quoted(&args.domain),
    );
    text.push_str("# A scenario with `## requires: WORD` is skipped where the server lacks the word. It has these:\n");
    for word in found.capabilities.iter() {
        // What a server says of itself must not end the comment.
        let word: String = word.chars().filter(|c| !c.is_control()).collect();
        let _ = writeln!(text, "#   {word}");
    }
    text.push_str(
        "# What it offers but is not to be judged by:\n\
         # lacks = [\"mechanism:PLAIN\"]\n\n\
         # The server runs already; these are its addresses.\n\
         [addresses]\n",
    );
    let _ = writeln!(text, "c2s = {}", quoted(&found.address));
    match &args.direct_tls {
        Some(address) => {
            let _ = writeln!(text, "c2s_tls = {}", quoted(address));
        }
        None => text.push_str(
            "# c2s_tls = \"localhost:5223\"   # connections that begin with TLS (XEP-0368)\n",
        ),
    }
    text.push_str("\n# Where accounts come from: in-band registration (\"register\"), a list, or \"none\".\n[accounts]\n");
    match &found.accounts {
        AccountPolicy::Register => text.push_str("from = \"register\"\n"),
        AccountPolicy::None => text.push_str(
            "# from = \"list\"\n# list = [\"romeo:secret\", \"juliet:secret\"]   # a case that needs more accounts is skipped\n\
             from = \"none\"   # every case that logs in is skipped\n",
        ),
        AccountPolicy::List(pairs) => {
            text.push_str("from = \"list\"   # a case that needs more accounts is skipped\nlist = [\n");
            for (user, password) in pairs {
                let _ = writeln!(text, "    {},", quoted(&format!("{user}:{password}")));
            }
            text.push_str("]\n");
        }
    }
    text.push_str(
        "\n# Findings that are known do not fail a run, and must still be there: one that passes fails the run until it is taken out.\n\
         # [[known]]\n\
         # requirement = \"RFC6120-4.9.2-5\"\n\
         # case = \"rfc6120/4.9.2-text*\"             # all cases if left out\n\
         # reason = \"The <text/> of stream errors has no xml:lang.\"\n\
         # link = \"https://issues.example/1234\"\n\
         # expires = \"2030-12-31\"                   # the last day on which it is an excuse\n",
    );
    text
}

/// What a person wants to know now.
fn tell(args: &InitArgs, found: &Found, file: &Path) {
    let Capabilities { software, .. } = &found.capabilities;
    let software = software.as_deref().unwrap_or(&args.domain);
    let has = |word: &str| found.capabilities.iter().any(|other| other == word);
    let mechanisms = found.capabilities.iter();
    let mechanisms = mechanisms.filter_map(|word| word.strip_prefix("mechanism:"));
    let mechanisms: Vec<&str> = mechanisms.collect();
    ui::line(&format!("{BOLD}{software}{BOLD:#} at {}", found.address));
    ui::line(&format!(
        "  TLS          {}",
        match (has("starttls"), has("direct-tls")) {
            (true, true) => "STARTTLS and direct TLS",
            (true, false) => "STARTTLS",
            (false, true) => "direct TLS",
            (false, false) => "none",
        }
    ));
    ui::line(&format!("  mechanisms   {}", mechanisms.join(", ")));
    ui::line(&format!(
        "  accounts     {}",
        match &found.accounts {
            AccountPolicy::Register => "in-band registration".to_owned(),
            AccountPolicy::List(pairs) => ui::plural(pairs.len(), "account"),
            AccountPolicy::None => format!(
                "{DOUBTFUL}none{DOUBTFUL:#}: cases that log in are skipped; allow registration, or give --account USER:PASSWORD"
            ),
        }
    ));
    ui::line(&format!("\nwrote {}", file.display()));
    let folder = args.folder.display().to_string();
    let folder = if folder.contains('/') {
        folder
    } else {
        format!("./{folder}")
    };
    ui::line(&format!("{DIM}now:{DIM:#} xmppspec run --target {folder}"));
}

//! `xmppspec serve`: the reference server, for those who write clients.

use std::net::SocketAddr;

use xmppspec_reference::{Config, Fault, Server};

use super::{Outcome, runtime, values};
use crate::exit::{Exit, Failed};
use crate::ui::{self, BOLD, DIM, DOUBTFUL};
use crate::world::Interrupts;

/// What kind of server.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help())]
pub struct ServeArgs {
    /// Where clients connect and start TLS later; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:5222")]
    listen: SocketAddr,

    /// Where clients connect with TLS from the first byte (XEP-0368) [default: port 5223 beside 5222, else a free one]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen_tls: Option<SocketAddr>,

    /// The domain that it serves
    #[arg(long, value_name = "DOMAIN", default_value = "localhost")]
    domain: String,

    /// An account that exists from the start; repeatable
    #[arg(long = "account", value_name = "USER:PASSWORD", value_parser = values::account)]
    accounts: Vec<(String, String)>,

    /// Allow no in-band registration (XEP-0077)
    #[arg(long)]
    no_register: bool,

    /// Offer SASL without TLS too
    #[arg(long)]
    plaintext: bool,

    /// Offer the SASL mechanism ANONYMOUS
    #[arg(long)]
    anonymous: bool,

    /// A deliberate bug, to see whether your client notices; repeatable
    #[arg(long = "fault", value_name = "NAME", value_parser = values::fault)]
    faults: Vec<Fault>,
}

/// The list of faults.
fn help() -> String {
    let width = Fault::ALL.iter().map(|fault| fault.name().len()).max();
    let width = width.unwrap_or(0);
    let mut text = "Faults:\n".to_owned();
    for fault in Fault::ALL {
        let (name, description) = (fault.name(), fault.description());
        text.push_str(&format!("  {name:width$}  {description}\n"));
    }
    text.push_str(
        "\nExamples:\n  \
         xmppspec serve --account romeo:secret --account juliet:secret\n  \
         xmppspec serve --listen 127.0.0.1:0 --domain capulet.example --fault header-without-id",
    );
    text
}

impl ServeArgs {
    fn config(&self) -> Config {
        let beside = if self.listen.port() == 5222 { 5223 } else { 0 };
        let mut config = Config::new(&self.domain);
        config.listen = self.listen;
        config.direct_tls = self
            .listen_tls
            .or(Some(SocketAddr::new(self.listen.ip(), beside)));
        config.accounts.clone_from(&self.accounts);
        config.faults.extend(&self.faults);
        config.registration = !self.no_register;
        config.require_tls = !self.plaintext;
        config.anonymous = self.anonymous;
        config
    }
}

/// Serves until it is interrupted, which is its normal end.
pub(super) fn main(args: &ServeArgs) -> Outcome {
    runtime()?.block_on(async {
        let failed = |what: String| Failed {
            exit: Exit::Target,
            message: what,
        };
        let server = Server::start(args.config()).await.map_err(|error| {
            failed(format!(
                "cannot serve {} on {}: {error}\nchoose another address with --listen and --listen-tls; port 0 takes a free one",
                args.domain, args.listen
            ))
        })?;
        let mut interrupts =
            Interrupts::listen().map_err(|error| failed(format!("cannot wait for signals: {error}")))?;
        greet(args, &server);
        interrupts.next().await;
        ui::note("stopping");
        server.shutdown().await;
        Ok(Exit::Conformant)
    })
}

fn greet(args: &ServeArgs, server: &Server) {
    let c2s = server.c2s();
    ui::line(&format!("{BOLD}{}{BOLD:#} is served at", server.domain()));
    ui::line(&format!("  {c2s}   TCP, then STARTTLS"));
    if let Some(tls) = server.c2s_tls() {
        ui::line(&format!("  {tls}   TLS from the first byte"));
    }
    ui::line(
        "The certificate is made for this run and signed by nobody: let your client accept it.",
    );
    for (user, password) in &args.accounts {
        ui::line(&format!(
            "  account {BOLD}{user}@{}{BOLD:#}, password {password}",
            server.domain()
        ));
    }
    if !args.no_register {
        ui::line("Accounts can be registered in-band (XEP-0077).");
    } else if args.accounts.is_empty() && !args.anonymous {
        ui::note(&format!(
            "{DOUBTFUL}warning{DOUBTFUL:#}: nobody can log in: there is no --account, and --no-register"
        ));
    }
    for fault in &args.faults {
        ui::line(&format!(
            "Fault {BOLD}{fault}{BOLD:#}: {}",
            fault.description()
        ));
    }
    ui::line(&format!(
        "Try it: xmppspec run --connect {c2s} --domain {}{}",
        server.domain(),
        if args.no_register { "" } else { " --register" }
    ));
    ui::line(&format!("{DIM}Ctrl-C ends it.{DIM:#}"));
}

//! `xmppspec completions` and `xmppspec man`: what shells and `man` want to know of the command line, made from it.

use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;
use xmppspec_scenarios::names;

use super::{Cli, Outcome};
use crate::exit::{Exit, Failed};
use crate::ui;

/// Which shell.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  xmppspec completions bash > ~/.local/share/bash-completion/completions/xmppspec
  xmppspec completions zsh  > \"${fpath[1]}/_xmppspec\"
  xmppspec completions fish > ~/.config/fish/completions/xmppspec.fish")]
pub struct CompletionsArgs {
    /// The shell that they are for
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the completions.
pub(super) fn main(args: &CompletionsArgs) -> Outcome {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    ui::print(&String::from_utf8_lossy(&script));
    Ok(Exit::Conformant)
}

/// Which page.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples:
  xmppspec man | man -l -
  xmppspec man run | man -l -
  xmppspec man --folder ~/.local/share/man/man1")]
pub struct ManArgs {
    /// The command that the page is about [default: all of them in short]
    #[arg(value_name = "COMMAND")]
    command: Option<String>,

    /// Write every page into this folder, each as a file that `man` finds
    #[arg(long, value_name = "FOLDER", conflicts_with = "command")]
    folder: Option<PathBuf>,
}

/// Prints a page, or writes all of them.
pub(super) fn man(args: &ManArgs) -> Outcome {
    let cannot =
        |what: &str, error: std::io::Error| Failed::usage(format!("cannot write {what}: {error}"));
    // The names of the pages, and in them the usage lines, are those of `xmppspec run`, not of `run`.
    let mut all = Cli::command();
    all.build();
    if let Some(folder) = &args.folder {
        clap_mangen::generate_to(all, folder)
            .map_err(|error| cannot(&folder.display().to_string(), error))?;
        return Ok(Exit::Conformant);
    }
    let command = match &args.command {
        None => all,
        Some(name) => all.find_subcommand(name).cloned().ok_or_else(|| {
            let known = all.get_subcommands().map(clap::Command::get_name);
            let near = names::nearest(name, known)
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default();
            Failed::usage(format!("there is no command {name}{near}"))
        })?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| cannot("the page", error))?;
    ui::print(&String::from_utf8_lossy(&page));
    Ok(Exit::Conformant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_completions_for_every_shell() {
        for shell in [
            Shell::Bash,
            Shell::Zsh,
            Shell::Fish,
            Shell::Elvish,
            Shell::PowerShell,
        ] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "xmppspec", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("fail-on-skip"), "{shell}");
        }
    }

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        man(&ManArgs {
            command: None,
            folder: Some(folder.path().to_owned()),
        })
        .unwrap();
        let page = std::fs::read_to_string(folder.path().join("xmppspec-run.1")).unwrap();
        assert!(
            page.contains(".TH xmppspec-run 1") && page.contains("fail\\-on\\-skip"),
            "{page}"
        );
        for command in Cli::command().get_subcommands() {
            let page = format!("xmppspec-{}.1", command.get_name());
            assert!(folder.path().join(&page).is_file(), "{page}");
        }
        let wrong = man(&ManArgs {
            command: Some("rn".to_owned()),
            folder: None,
        });
        assert_eq!(
            wrong.unwrap_err().message,
            "there is no command rn; did you mean run?"
        );
    }
}

//! What other projects copy: the steps of the GitHub Action run in a shell, and every command line in the documents is one.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::Parser;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect(path)
}

/// The scripts of a workflow's or an action's steps: `run: line`, or `run: |` and the deeper lines below.
fn scripts(yaml: &str) -> Vec<String> {
    let mut scripts = Vec::new();
    let mut lines = yaml.lines().peekable();
    while let Some(line) = lines.next() {
        let key = line.trim_start().trim_start_matches("- ");
        let Some(script) = key.strip_prefix("run: ") else {
            continue;
        };
        if script != "|" {
            scripts.push(script.to_owned());
            continue;
        }
        let depth = |line: &str| line.len() - line.trim_start().len();
        let outer = line.len() - key.len();
        let mut block = String::new();
        while let Some(line) = lines.next_if(|line| line.trim().is_empty() || depth(line) > outer) {
            block.push_str(line.trim_start());
            block.push('\n');
        }
        scripts.push(block);
    }
    scripts
}

/// The machine of a workflow, as far as the action sees it.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// One with a `cargo` that installs the program that is built already.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let machine = Self { folder };
        for name in ["bin", "temp", "work"] {
            std::fs::create_dir(machine.path(name)).expect("a folder");
        }
        let cargo = format!(
            "#!/bin/bash\n[ \"$*\" = \"install --locked --path $4 --root $6\" ] && [ -f \"$4/Cargo.toml\" ] || exit 1\n\
             mkdir -p \"$6/bin\" && ln -s {} \"$6/bin/xmppspec\"\n",
            env!("CARGO_BIN_EXE_xmppspec")
        );
        std::fs::write(machine.path("bin/cargo"), cargo).expect("a script");
        let made = Command::new("chmod")
            .arg("+x")
            .arg(machine.path("bin/cargo"))
            .status();
        assert!(made.expect("chmod").success());
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn step(&self, script: &str, inputs: &[(&str, &str)]) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("GITHUB_ACTION_PATH", root())
            .env("GITHUB_OUTPUT", self.path("output"))
            .env("GITHUB_STEP_SUMMARY", self.path("summary"))
            .env("RUNNER_TEMP", self.path("temp"))
            .envs(inputs.iter().copied())
            .current_dir(self.path("work"))
            .output()
            .expect("bash")
    }
}

fn shown(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn the_action_gates() {
    let action = read("action.yml");
    let steps = scripts(&action);
    let [version, build, gate] = steps.as_slice() else {
        panic!("{steps:?}");
    };
    let machine = Machine::new();
    let output = machine.step(version, &[]);
    assert!(output.status.success(), "{}", shown(&output));
    let key = std::fs::read_to_string(machine.path("output")).expect("an output");
    assert!(
        key.starts_with("key=") && key.trim_end().len() == 4 + 64,
        "{key}"
    );
    let output = machine.step(build, &[]);
    assert!(output.status.success(), "{}", shown(&output));
    // It is there now: nothing is built again.
    let output = machine.step(build, &[("PATH", "/nowhere:/usr/bin:/bin")]);
    assert!(output.status.success(), "{}", shown(&output));

    for name in ["ARGUMENTS", "BASELINE", "FOLDER"] {
        assert!(action.contains(&format!("{name}: ${{{{ inputs.")), "{name}");
    }
    let gate = |arguments: &str, baseline: &str, folder: &str| {
        let inputs = [
            ("ARGUMENTS", arguments),
            ("BASELINE", baseline),
            ("FOLDER", folder),
        ];
        let output = machine.step(gate, &inputs);
        (output.status.code(), shown(&output))
    };
    let (code, shown) = gate("'rfc6120/4.9.3.6' --target \"reference\"", "", "out/good");
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("::error"), "{shown}");
    for file in ["results.json", "report.html", "junit.xml", "summary.md"] {
        assert!(machine.path("work/out/good").join(file).is_file(), "{file}");
    }
    let broken = "--fault header-without-lang rfc6120/4.7.4-lang";
    let (code, shown) = gate(broken, "", "bad");
    assert_eq!(code, Some(1), "{shown}");
    let (before, after) = shown.rsplit_once("::\n::error").expect("an annotation");
    assert!(before.contains("::stop-commands::"), "{shown}");
    assert!(after.contains("4.7.4"), "{shown}");
    let (code, shown) = gate(broken, "bad/results.json", "same");
    assert_eq!(code, Some(0), "{shown}");
    let (code, shown) = gate("--no-such-option", "", "usage");
    assert_eq!(code, Some(2), "{shown}");
    let summary = std::fs::read_to_string(machine.path("summary")).expect("a summary");
    assert!(summary.contains("RFC6120-4.7.4"), "{summary}");
}

/// A server that gets worse in one thing: the job fails for that alone, and says so without a log being opened.
#[test]
fn a_regression_is_all_that_fails() {
    let action = read("action.yml");
    let steps = scripts(&action);
    let machine = Machine::new();
    assert!(machine.step(&steps[1], &[]).status.success());
    let gate = |fault: &str, baseline: &str, folder: &str| {
        let arguments = format!("rfc6120/4 {fault}");
        let inputs = [
            ("ARGUMENTS", arguments.as_str()),
            ("BASELINE", baseline),
            ("FOLDER", folder),
        ];
        let output = machine.step(&steps[2], &inputs);
        let summary = machine.path("work").join(folder).join("summary.md");
        let summary = std::fs::read_to_string(summary).expect("a summary");
        (output.status.code(), shown(&output), summary)
    };
    // It has its weaknesses, and nobody minds.
    let (code, _, _) = gate("--fault header-without-lang", "", "before");
    assert_eq!(code, Some(1));
    let before = "before/results.json";
    let (code, shown, _) = gate("--fault header-without-lang", before, "same");
    assert_eq!(code, Some(0), "{shown}");
    // A commit later.
    let worse = "--fault header-without-lang --fault header-id-echoed";
    let (code, shown, summary) = gate(worse, before, "after");
    assert_eq!(code, Some(1), "{shown}");
    let findings: Vec<&str> = summary
        .lines()
        .filter(|line| line.starts_with("### "))
        .collect();
    assert!(!findings.is_empty(), "{summary}");
    for finding in &findings {
        assert!(finding.ends_with(", was pass"), "{summary}");
    }
    assert!(summary.contains("MUST"), "{summary}");
    assert_eq!(shown.matches("::error").count(), findings.len(), "{shown}");
}

/// The script of the template runs as it is, and leaves the files that GitLab looks for.
#[test]
fn the_template_for_gitlab_runs() {
    let machine = Machine::new();
    let program = machine.path("bin/xmppspec");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_xmppspec"), program).expect("a link");
    for line in values("reports/ci/gitlab.yml", "- xmppspec") {
        let script = format!("xmppspec{line}");
        let output = machine.step(&script, &[("XMPPSPEC", "rfc6120/4.9.3.6")]);
        assert!(output.status.success(), "{}", shown(&output));
    }
    let artifacts = values("reports/ci/gitlab.yml", "paths:").concat();
    let artifacts = artifacts.trim().trim_matches(['[', ']']).split(", ");
    let junit = values("reports/ci/gitlab.yml", "junit:").concat();
    for file in artifacts.chain([junit.trim()]) {
        assert!(machine.path("work").join(file).is_file(), "{file}");
    }
}

/// What stands behind `key` in the files for other projects.
fn values(file: &str, key: &str) -> Vec<String> {
    let text = read(file);
    let lines = text.lines().map(|line| line.trim_start_matches('#').trim());
    lines
        .filter_map(|line| line.strip_prefix(key))
        .map(str::to_owned)
        .collect()
}

fn parses(file: &str, line: &str) {
    let words = line
        .split_whitespace()
        .map(|word| word.trim_matches(['\'', '"']));
    if let Err(error) = xmppspec::commands::Cli::try_parse_from(words)
        && error.kind() != clap::error::ErrorKind::DisplayHelp
    {
        panic!("{file}: {line}\n{error}");
    }
}

#[test]
fn the_examples_are_right() {
    for (file, key) in [
        ("reports/ci/github-own-server.yml", "arguments:"),
        ("reports/ci/github-profile.yml", "arguments:"),
        ("reports/ci/gitlab.yml", "XMPPSPEC:"),
    ] {
        let found = values(file, key);
        assert_eq!(found.len(), 1, "{file}");
        for arguments in found {
            parses(file, &format!("xmppspec run {arguments}"));
        }
    }
    for line in values("reports/ci/gitlab.yml", "- xmppspec") {
        parses(
            "reports/ci/gitlab.yml",
            &format!("xmppspec{}", line.replace("$XMPPSPEC", "")),
        );
    }
    for file in [
        "reports/ci/github-own-server.yml",
        "reports/ci/github-profile.yml",
    ] {
        for script in scripts(&read(file)) {
            let checked = Command::new("bash").args(["-n", "-c", &script]).status();
            assert!(checked.expect("bash").success(), "{file}: {script}");
        }
    }
    let containerfile = read("reports/ci/Containerfile");
    let path = containerfile
        .split("--path /src/")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    assert!(
        root()
            .join(path.expect("a path"))
            .join("Cargo.toml")
            .is_file()
    );
}

#[test]
fn the_commands_in_the_documents_are_commands() {
    let mut count = 0;
    for file in ["README.md", "reports/README.md", "scenarios/README.md"] {
        let text = read(file);
        let blocks = text.split("```").skip(1).step_by(2).flat_map(str::lines);
        let inline = text.split('`').skip(1).step_by(2);
        for line in blocks.chain(inline) {
            let line = line.split("  #").next().unwrap_or_default().trim();
            // Commands with something left out, or that are piped, are for people.
            let is_command =
                line.starts_with("xmppspec ") && !line.contains(['…', '|', '>', '<', '[', '\n']);
            let line = line
                .split("   ")
                .next()
                .unwrap_or_default()
                .replace(" ID", " RFC6120-4.9.3.6-1");
            if is_command {
                parses(file, &line);
                count += 1;
            }
        }
    }
    assert!(count > 10, "{count}");
}

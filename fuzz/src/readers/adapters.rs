//! Ready adapters: readers of other languages that are used if they are installed.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::child::{Process, Spec};

/// What an adapter may take: virtual machines are large.
const TIMEOUT: Duration = Duration::from_secs(10);
const MEMORY: u64 = 2 << 30;

/// A reader that this crate has a program for.
#[derive(Clone, Copy, Debug)]
pub struct Adapter {
    /// Its name in findings and in the table of known differences.
    pub name: &'static str,
    /// Its files, the first of which is run.
    files: &'static [(&'static str, &'static str)],
    /// What to do with the files first, in their folder.
    build: &'static [&'static str],
    /// How to run it, in their folder.
    run: &'static [&'static str],
}

macro_rules! file {
    ($name:literal) => {
        ($name, include_str!(concat!("../../adapters/", $name)))
    };
}

/// A build that needs a shell, for what `pkg-config` says.
macro_rules! shell {
    ($words:literal) => {
        &["sh", "-c", $words]
    };
}

/// Every adapter.
pub const ALL: &[Adapter] = &[
    Adapter {
        name: "python-expat",
        files: &[file!("python_expat.py")],
        build: &[],
        run: &["python3", "python_expat.py"],
    },
    Adapter {
        name: "lua-expat",
        files: &[file!("lua_expat.lua")],
        build: &[],
        run: &["lua5.4", "lua_expat.lua"],
    },
    Adapter {
        name: "fast_xml",
        files: &[file!("fast_xml.escript")],
        build: &[],
        run: &["escript", "fast_xml.escript"],
    },
    Adapter {
        name: "go-encoding-xml",
        files: &[file!("go_encoding_xml.go")],
        build: &["go", "build", "-o", "go_encoding_xml", "go_encoding_xml.go"],
        run: &["./go_encoding_xml"],
    },
    Adapter {
        name: "java-stax",
        files: &[file!("JavaStax.java")],
        build: &[],
        run: &["java", "JavaStax.java"],
    },
    Adapter {
        name: "node-saxes",
        files: &[file!("node_saxes.js"), file!("pipe.js")],
        build: &[],
        run: &["node", "node_saxes.js"],
    },
    Adapter {
        name: "node-ltx",
        files: &[file!("node_ltx.js"), file!("pipe.js")],
        build: &[],
        run: &["node", "node_ltx.js"],
    },
    Adapter {
        name: "gmarkup",
        files: &[file!("gmarkup.c"), file!("pipe.h")],
        build: shell!("cc -O1 -o gmarkup gmarkup.c $(pkg-config --cflags --libs glib-2.0)"),
        run: &["./gmarkup"],
    },
    Adapter {
        name: "iksemel",
        files: &[file!("iksemel.c"), file!("pipe.h")],
        build: shell!("cc -O1 -o iksemel iksemel.c -liksemel"),
        run: &["./iksemel"],
    },
    Adapter {
        name: "gloox",
        files: &[file!("gloox.cpp"), file!("pipe.h")],
        build: shell!("c++ -O1 -o gloox gloox.cpp $(pkg-config --cflags --libs gloox)"),
        run: &["./gloox"],
    },
    Adapter {
        name: "qt",
        files: &[file!("qt.cpp"), file!("pipe.h")],
        build: shell!("c++ -O1 -fPIC -o qt qt.cpp $(pkg-config --cflags --libs Qt5Core)"),
        run: &["./qt"],
    },
];

impl Adapter {
    /// Writes its files into a folder and starts it there.
    ///
    /// # Errors
    /// Why it cannot be used here, for people.
    pub fn start(&self, folder: &Path) -> Result<Process, String> {
        let folder = folder.join(self.name);
        let wrong = |error: io::Error| format!("{}: {error}", folder.display());
        std::fs::create_dir_all(&folder).map_err(wrong)?;
        for (name, text) in self.files {
            std::fs::write(folder.join(name), text).map_err(wrong)?;
        }
        if let Some((program, arguments)) = self.build.split_first() {
            let built = Command::new(program)
                .args(arguments)
                .current_dir(&folder)
                // Go keeps what it built; where there is no home it asks for a place.
                .env("GOCACHE", folder.join("cache"))
                .stdin(Stdio::null())
                .output()
                .map_err(|error| format!("{program}: {error}"))?;
            if !built.status.success() {
                let said = String::from_utf8_lossy(&built.stderr);
                let first = said.lines().next().unwrap_or_default();
                return Err(format!("{} failed: {first}", self.build.join(" ")));
            }
        }
        let mut command: Vec<String> = self.run.iter().map(|word| (*word).to_owned()).collect();
        for word in &mut command {
            let file = folder.join(&*word);
            if file.is_file() {
                *word = file.display().to_string();
            }
        }
        Process::start(Spec {
            name: self.name.to_owned(),
            command,
            env: Vec::new(),
            timeout: TIMEOUT,
            memory: MEMORY,
        })
        // Who calls says whose reason it is.
        .map_err(|reason| match reason.strip_prefix(self.name) {
            Some(rest) => rest.trim_start().to_owned(),
            None => reason,
        })
    }
}

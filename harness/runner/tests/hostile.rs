//! Targets that stall, flood, lie, send garbage, nest, or die: the program neither hangs nor grows, and never says `pass`.
//!
//! The servers here behave until a stage and then do their worst; the program is run as a binary against them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What the server does from its stage on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Attack {
    /// Says nothing more.
    Stall,
    /// Sends stanzas that nobody asked for, without end.
    Flood,
    /// Sends one attribute without end.
    Endless,
    /// Sends bytes that are no XML.
    Garbage,
    /// Opens 100 000 elements.
    Nest,
    /// Closes the connection.
    Close,
    /// Sends one letter of an element after the other, slowly.
    Drip,
    /// Says that everything is fine.
    Lie,
}

/// When it begins.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Connected,
    Header,
    Auth,
    Bound,
}

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
    id='x' from='hostile.example' version='1.0' xml:lang='en'>";

fn serve(attack: Attack, stage: Stage) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                // The other side goes away in the middle of it: that is the point.
                let _ = talk(connection, attack, stage);
            });
        }
    });
    port
}

fn talk(mut c: TcpStream, attack: Attack, stage: Stage) -> std::io::Result<()> {
    if stage == Stage::Connected {
        return strike(c, attack);
    }
    let (mut input, mut chunk, mut authenticated, mut bound) =
        (String::new(), [0; 4096], false, false);
    loop {
        let n = c.read(&mut chunk)?;
        if n == 0 {
            return Ok(());
        }
        input.push_str(&String::from_utf8_lossy(&chunk[..n]));
        while let Some(end) = input.find('>') {
            let piece: String = input.drain(..=end).collect();
            if piece.contains("<stream:stream") {
                c.write_all(HEADER.as_bytes())?;
                if stage == Stage::Header {
                    return strike(c, attack);
                }
                let features = if authenticated {
                    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
                } else {
                    "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>"
                };
                write!(c, "<stream:features>{features}</stream:features>")?;
            } else if piece.contains("<auth") {
                if stage == Stage::Auth {
                    return strike(c, attack);
                }
                authenticated = true;
                c.write_all(b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")?;
            } else if piece.contains("</stream:stream") {
                return c.write_all(b"</stream:stream>");
            } else if piece.contains("<iq") {
                let id = piece.split(" id='").nth(1).or(piece.split(" id=\"").nth(1));
                let id = id
                    .and_then(|rest| rest.split(['\'', '"']).next())
                    .unwrap_or_default();
                if bound && attack != Attack::Lie {
                    return strike(c, attack);
                }
                bound |= authenticated;
                let payload = if authenticated {
                    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>romeo@hostile.example/orchard</jid></bind>"
                } else {
                    ""
                };
                write!(c, "<iq type='result' id='{id}'>{payload}</iq>")?;
            } else if bound && piece.contains("<message") && attack != Attack::Lie {
                return strike(c, attack);
            }
        }
    }
}

fn strike(mut c: TcpStream, attack: Attack) -> std::io::Result<()> {
    let stanza =
        "<message from='hostile.example'><body>again and again</body></message>".repeat(100);
    match attack {
        Attack::Stall | Attack::Lie => {
            let mut rest = Vec::new();
            c.read_to_end(&mut rest).map(|_| ())
        }
        Attack::Flood => loop {
            c.write_all(stanza.as_bytes())?;
        },
        Attack::Endless => {
            c.write_all(b"<message id='")?;
            loop {
                c.write_all(&[b'x'; 65536])?;
            }
        }
        Attack::Garbage => {
            c.write_all(b"\x00\xff\xfe<<<&&&]]>\x1b[2J")?;
            let mut rest = Vec::new();
            c.read_to_end(&mut rest).map(|_| ())
        }
        Attack::Nest => {
            c.write_all("<x>".repeat(100_000).as_bytes())?;
            let mut rest = Vec::new();
            c.read_to_end(&mut rest).map(|_| ())
        }
        Attack::Close => Ok(()),
        Attack::Drip => {
            c.write_all(b"<message id='")?;
            loop {
                c.write_all(b"x")?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

/// Some cases of every kind: streams, SASL, binding, stanzas, several clients.
const SELECTORS: [&str; 5] = [
    "rfc6120/4.7.3",
    "rfc6120/6.3.4",
    "rfc6120/7.6.1",
    "rfc6120/8.1.3",
    "rfc6121/4.2.2",
];

fn run(port: u16) -> (Output, Duration) {
    let began = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_xmppspec"))
        .args([
            "run",
            "--connect",
            &format!("127.0.0.1:{port}"),
            "--domain",
            "hostile.example",
        ])
        .args(["--register", "--timeout", "0.5", "--format", "json"])
        .args(SELECTORS)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    (output, began.elapsed())
}

/// The most memory that any child has used so far, in bytes.
fn children_used() -> u64 {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_CHILDREN);
    u64::try_from(usage.expect("usage").max_rss()).unwrap_or(0) * 1024
}

fn survives(attack: Attack, stages: &[Stage]) {
    for stage in stages {
        let (output, took) = run(serve(attack, *stage));
        let what = format!("{attack:?} at {stage:?}");
        let text = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code();
        assert!(matches!(code, Some(1 | 3)), "{what}: {code:?} {text}");
        assert!(took < Duration::from_secs(60), "{what}: {took:?}");
        assert!(
            children_used() < 200 << 20,
            "{what}: {} bytes",
            children_used()
        );
        assert!(!text.contains("panicked"), "{what}: {text}");
        if code == Some(3) && output.stdout.is_empty() {
            assert!(text.contains("cannot be tested"), "{what}: {text}");
            continue;
        }
        let results: serde_json::Value = serde_json::from_slice(&output.stdout).expect("results");
        let cases = results["cases"].as_array().expect("cases");
        assert!(!cases.is_empty(), "{what}");
        if attack != Attack::Lie {
            let judged_late = |case: &&serde_json::Value| {
                let name = case["name"].as_str().unwrap_or_default();
                *stage != Stage::Bound || !name.starts_with("rfc6120/4.7.3")
            };
            for case in cases.iter().filter(judged_late) {
                let name = case["name"].as_str().unwrap_or_default();
                // What a stage before the attack shows may hold.
                let early = name.starts_with("rfc6120/6.3.4")
                    || (*stage == Stage::Auth && name.starts_with("rfc6120/4.7.3"))
                    || (*stage == Stage::Bound && name.starts_with("rfc6120/7.6.1"));
                assert!(early || case["verdict"] != "pass", "{what}: {case}");
            }
        }
    }
}

const ALL: [Stage; 4] = [Stage::Connected, Stage::Header, Stage::Auth, Stage::Bound];

#[test]
fn stalls() {
    survives(Attack::Stall, &ALL);
}

#[test]
fn floods() {
    survives(Attack::Flood, &ALL);
    survives(Attack::Endless, &ALL);
}

#[test]
fn sends_garbage() {
    survives(Attack::Garbage, &ALL);
}

#[test]
fn nests() {
    survives(Attack::Nest, &ALL);
}

#[test]
fn closes() {
    survives(Attack::Close, &ALL);
}

#[test]
fn drips() {
    survives(Attack::Drip, &[Stage::Header, Stage::Bound]);
}

#[test]
fn lies() {
    survives(Attack::Lie, &[Stage::Bound]);
}

//! Finding out when a target is up.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval};

/// How often a starting server is asked. Servers have no common way of saying that they listen; a refused connection on
/// loopback costs some microseconds. This is the one place where time is waited for, and only while a target starts.
const ASK_EVERY: Duration = Duration::from_millis(10);

/// Waits until `address` accepts connections.
pub(super) async fn accepts(address: &str) {
    let mut tick = ticks();
    loop {
        tick.tick().await;
        if TcpStream::connect(address).await.is_ok() {
            return;
        }
    }
}

/// Waits until `text` stands in `file`.
pub(super) async fn says(file: &Path, text: &str) {
    let mut tick = ticks();
    loop {
        tick.tick().await;
        if std::fs::read(file)
            .is_ok_and(|log| log.windows(text.len()).any(|w| w == text.as_bytes()))
        {
            return;
        }
    }
}

/// Waits until a stream to `domain` on `address` is answered with stream features (RFC 6120 §4.3).
pub(super) async fn offers_features(address: &str, domain: &str) {
    let mut tick = ticks();
    loop {
        tick.tick().await;
        if matches!(ask_for_features(address, domain).await, Ok(true)) {
            return;
        }
    }
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn ask_for_features(address: &str, domain: &str) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let header = format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
         version='1.0' to='{domain}'>"
    );
    stream.write_all(header.as_bytes()).await?;
    let (mut seen, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut chunk).await?;
        seen.extend_from_slice(&chunk[..n]);
        let has = |what: &[u8]| seen.windows(what.len()).any(|w| w == what);
        if has(b"features>") {
            // Left politely: jabberd2 treats the next connection badly otherwise.
            stream.write_all(b"</stream:stream>").await?;
            while stream.read(&mut chunk).await? > 0 {}
            return Ok(true);
        }
        if n == 0 || has(b"</stream:stream") || seen.len() > 64 * 1024 {
            return Ok(false);
        }
    }
}

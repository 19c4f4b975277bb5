//! Many connections at once: what one of them costs a server, a crowd of them may bring it down with, before any login.

use std::mem::discriminant;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, interval, timeout};

use super::input::Attempt;
use super::unbound::connected;
use super::{Campaign, Event, Failure, HANG, LOOK, Trouble, script};
use crate::actor::Stage;

/// Crowds from small to large: the first that does it is what the scenario needs. A server should bear a thousand clients.
const CROWDS: [usize; 5] = [16, 64, 128, 256, 1024];
/// A server that was idle for so long is done with what it was sent, or hangs.
const QUIET: Duration = Duration::from_secs(3);
/// So often it is asked for a stream meanwhile.
const ASK: Duration = Duration::from_secs(1);
/// A server that takes longer than this for a crowd is not waited for.
const MOST: Duration = Duration::from_secs(180);
/// So often in a row it must show.
const REPLAYS: u8 = 3;

/// How the names of findings with crowds end.
fn at_once(what: &str) -> String {
    format!(", on many connections at once: {what}")
}

impl Campaign<'_> {
    /// Whether a crowd of what is slow is still to be tried: an interrupted campaign may have found the one without the other.
    pub(super) fn awaits_crowd(&self, what: &str) -> bool {
        let (end, mut findings) = (at_once(what), self.findings.iter());
        !self.crowded.contains(what) && !findings.any(|finding| finding.bucket.ends_with(&end))
    }

    /// Sends the same on more and more connections, which stay open; unless `surely`, only on as many as need more memory than
    /// the server may have, by what the first crowd cost.
    pub(super) async fn crowds(
        &mut self,
        what: &str,
        attempt: &Attempt,
        surely: bool,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        let limit = self.running.memory_limit();
        let before = self.running.memory().unwrap_or(0);
        let mut least = 0;
        for count in CROWDS {
            if (count as u64) < least {
                continue;
            }
            let began = Instant::now();
            let most = match self.hold(attempt, count).await {
                Ok(memory) => memory.saturating_sub(before),
                Err(trouble) => {
                    let seen = (trouble, began.elapsed());
                    if self.again(what, attempt, count, seen, tell).await? {
                        break;
                    }
                    // A larger crowd will do it every time, or it was nothing.
                    continue;
                }
            };
            self.progress.connections += count as u64;
            if !surely {
                let Some(limit) = limit else { break };
                least = limit * count as u64 / most.max(1);
            }
        }
        self.crowded.insert(what.to_owned());
        Ok(())
    }

    /// Trouble is a finding when it shows each time, on a fresh server. Says whether it does.
    async fn again(
        &mut self,
        what: &str,
        attempt: &Attempt,
        count: usize,
        (mut trouble, mut took): (Trouble, Duration),
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<bool, Failure> {
        let bucket =
            |trouble: &Trouble| format!("{}{}", trouble.bucket(attempt.when), at_once(what));
        if self.findings.has(&bucket(&trouble)) {
            self.restart().await?;
            return Ok(true);
        }
        tell(Event::Note(format!(
            "{count} connections with {} bytes each do it; once more",
            attempt.bytes.len()
        )));
        for _ in 1..REPLAYS {
            self.restart().await?;
            let began = Instant::now();
            match self.hold(attempt, count).await {
                // A process without memory ends in one way or another.
                Err(again) if discriminant(&again) == discriminant(&trouble) => {
                    took = took.max(began.elapsed());
                    trouble = again;
                }
                Err(_) => {
                    self.restart().await?;
                    return Ok(false);
                }
                Ok(_) => return Ok(false),
            }
        }
        self.restart().await?;
        let bucket = bucket(&trouble);
        let patience = match trouble {
            Trouble::Hang => None,
            Trouble::Death(_) | Trouble::Memory(_) => Some(2 * took),
        };
        // Where it is a near thing, a larger crowd does it each time.
        let texts: Vec<String> = CROWDS
            .into_iter()
            .filter(|more| *more >= count)
            .take(2)
            .map(|count| script::crowd(&bucket, attempt, count, patience))
            .collect();
        let detail = format!(
            "{count} connections, {} bytes on each, within {took:.0?}\n{}",
            attempt.bytes.len(),
            trouble.detail()
        );
        self.scenario(&bucket, &detail, &texts, REPLAYS, tell)
            .await?;
        Ok(true)
    }

    /// Sends an attempt on so many connections, keeps them open until the server is done, and asks it for a stream meanwhile and
    /// then. Gives the server's memory.
    async fn hold(&self, attempt: &Attempt, count: usize) -> Result<u64, Trouble> {
        let watched = async {
            // They live until the end of this block. One after the other: a server lets few wait to be accepted.
            let mut crowd = Vec::with_capacity(count);
            for _ in 0..count {
                let (reach, tls) = (self.reach.clone(), self.tls.clone());
                crowd.push(connected(reach, tls, attempt.when).await);
            }
            join_all(crowd.iter_mut().flatten().map(|one| sent(one, attempt))).await;
            // While it works on them, which is what others suffer from, and again when it is done.
            let memory = tokio::select! {
                memory = timeout(MOST, self.at_rest()) => memory.unwrap_or_default(),
                () = self.hangs() => return Err(Trouble::Hang),
            };
            if self.offers_streams().await {
                Ok(memory)
            } else {
                Err(Trouble::Hang)
            }
        };
        tokio::select! {
            result = watched => result,
            death = self.running.died() => Err(Trouble::Death(death)),
        }
    }

    /// Resolves when the server, asked again and again, offers no stream.
    async fn hangs(&self) {
        let mut ticks = interval(ASK);
        while self.offers_streams().await {
            ticks.tick().await;
        }
    }

    /// Resolves with the server's memory when that does not rise and the server computes next to nothing any more.
    async fn at_rest(&self) -> u64 {
        let mut ticks = interval(LOOK);
        let (mut most, mut computed, mut since) = (0, Duration::ZERO, Instant::now());
        while since.elapsed() < QUIET {
            ticks.tick().await;
            let memory = self.running.memory().unwrap_or(0);
            let cpu = self.running.cpu().unwrap_or_default();
            if memory > most || cpu > computed + QUIET / 10 {
                (most, computed, since) = (most.max(memory), cpu, Instant::now());
            }
        }
        most
    }
}

/// Sends an attempt, as far as the server takes it.
async fn sent(stage: &mut Stage, attempt: &Attempt) {
    if let Ok(connection) = stage.connection(0) {
        connection.send(&attempt.bytes);
    }
    stage
        .wait(Instant::now() + HANG, |stage| {
            let connection = stage.actors[0].connection.as_ref()?;
            (connection.is_flushed() || !connection.is_open()).then_some(())
        })
        .await;
}

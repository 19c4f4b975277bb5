//! Who was it: finding the attempt that a server fell over, and making it small against a server that is fresh each time.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use xmppspec_fuzz::minimise as pieces;

use super::input::{Attempt, When};
use super::{Campaign, Event, Failure, Trouble, script};

/// Calls for making an attempt small, and how long that may take: each may cost a start of the server.
const TRIES: usize = 150;
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// A server may end some time after it was sent what ends it.
const LATER: Duration = Duration::from_secs(5);

/// What is wrong shows within this time, or is taken for not being there.
const SHOWS: Duration = Duration::from_secs(15);

impl Campaign<'_> {
    /// Looks for the attempt to blame among the last ones, makes it small, tries it three times and writes the scenario.
    pub(super) async fn hunt(
        &mut self,
        trouble: Trouble,
        tell: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Failure> {
        tell(Event::Note(format!(
            "{}; looking for the cause",
            trouble.bucket(When::BeforeTls)
        )));
        let mut suspects: Vec<Attempt> = std::mem::take(&mut self.recent);
        self.restart().await?;
        let mut found = None;
        // Halves of the suspects, for as long as one of them does it; then one after the other.
        while suspects.len() > 1 {
            let half = suspects.len() / 2;
            let parts = [suspects[half..].to_vec(), suspects[..half].to_vec()];
            let mut guilty = None;
            for part in parts {
                if let Some(trouble) = self.shows(&part).await? {
                    guilty = Some((part, trouble));
                    break;
                }
            }
            let Some((part, trouble)) = guilty else { break };
            suspects = part;
            found = Some(trouble);
        }
        let (Some(trouble), [attempt]) = (found, &suspects[..]) else {
            let bucket = format!(
                "{}, once, and by nothing single",
                trouble.bucket(When::BeforeTls)
            );
            if self.findings.has(&bucket) {
                return Ok(());
            }
            let all: Vec<u8> = suspects
                .iter()
                .flat_map(|attempt| {
                    format!(
                        "{}: {}\n",
                        attempt.when.name(),
                        attempt.bytes.escape_ascii()
                    )
                    .into_bytes()
                })
                .collect();
            return self.report(&bucket, &trouble.detail(), &all, "txt", 0, tell);
        };
        let attempt = attempt.clone();
        let bucket = trouble.bucket(attempt.when);
        if self.findings.has(&bucket) {
            return Ok(());
        }
        tell(Event::Note(format!(
            "{} bytes do it alone; making them fewer",
            attempt.bytes.len()
        )));
        let until = Instant::now() + PATIENCE;
        let mut failure = None;
        let mut shows = async |bytes: &[u8]| {
            if failure.is_some() || Instant::now() > until {
                return false;
            }
            let candidate = Attempt {
                bytes: bytes.to_vec(),
                when: attempt.when,
            };
            match self.shows(&[candidate]).await {
                Ok(shown) => shown.is_some(),
                Err(error) => {
                    failure = Some(error);
                    false
                }
            }
        };
        let small = minimise(&attempt.bytes, TRIES, &mut shows).await;
        if let Some(error) = failure {
            return Err(error);
        }
        let attempt = Attempt {
            bytes: small,
            when: attempt.when,
        };
        let mut replays = 0;
        for _ in 0..3 {
            replays += u8::from(self.shows(std::slice::from_ref(&attempt)).await?.is_some());
        }
        let patience = match trouble {
            Trouble::Hang => None,
            Trouble::Death(_) | Trouble::Memory(_) => Some(LATER),
        };
        let text = script::crowd(&bucket, &attempt, 1, patience);
        let detail = format!("{} bytes\n{}", attempt.bytes.len(), trouble.detail());
        self.scenario(&bucket, &detail, &[text], replays, tell)
            .await
    }

    /// Whether attempts bring a server down. If they do, the server is started afresh.
    async fn shows(&mut self, attempts: &[Attempt]) -> Result<Option<Trouble>, Failure> {
        let trouble = match timeout(SHOWS, self.try_all(attempts)).await {
            Ok(result) => result.err(),
            Err(_) => Some(Trouble::Hang),
        };
        if trouble.is_some() {
            self.restart().await?;
        }
        Ok(trouble)
    }
}

/// As [`pieces::minimise`], with a test that waits.
pub(super) async fn minimise(
    input: &[u8],
    tries: usize,
    shows: &mut impl AsyncFnMut(&[u8]) -> bool,
) -> Vec<u8> {
    let handle = tokio::runtime::Handle::current();
    // The test is called from code that cannot wait; this thread is lent to it.
    tokio::task::block_in_place(|| {
        pieces::minimise(input, tries, |candidate| handle.block_on(shows(candidate)))
    })
}

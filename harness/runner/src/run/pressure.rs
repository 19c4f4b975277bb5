//! How busy the machine was: what is late on a busy machine may not be the target's doing.

use std::time::{Duration, Instant};

/// The share of the time in which some process waited for a processor, above which times say little about a target.
const BUSY: f64 = 0.25;

/// A look at the machine from some time on.
#[derive(Debug)]
pub(super) struct Pressure {
    began: Instant,
    stalled: Option<Duration>,
}

impl Pressure {
    pub(super) fn from_now() -> Self {
        Self {
            began: Instant::now(),
            stalled: stalled(),
        }
    }

    /// Whether it was busy since; `false` where the kernel does not tell.
    pub(super) fn was_high(&self) -> bool {
        let (Some(before), Some(now)) = (self.stalled, stalled()) else {
            return false;
        };
        now.saturating_sub(before).as_secs_f64() > BUSY * self.began.elapsed().as_secs_f64()
    }
}

/// The time since the start of the machine in which some process waited for a processor.
fn stalled() -> Option<Duration> {
    total(&std::fs::read_to_string("/proc/pressure/cpu").ok()?)
}

fn total(text: &str) -> Option<Duration> {
    let some = text.lines().find(|line| line.starts_with("some "))?;
    let micros = some.split_once("total=")?.1.trim().parse().ok()?;
    Some(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_tells() {
        let text = "some avg10=99.15 avg60=99.29 avg300=99.39 total=4251788341\n\
                    full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(total(text), Some(Duration::from_micros(4_251_788_341)));
        assert_eq!(total(""), None);
        let began = Instant::now();
        let high = |stalled| Pressure { began, stalled }.was_high();
        assert!(!high(None));
        // From the start of the machine, or from never.
        assert!(!high(Some(Duration::MAX)));
        assert_eq!(
            high(Some(Duration::ZERO)),
            stalled().is_some_and(|s| s > Duration::ZERO)
        );
    }
}

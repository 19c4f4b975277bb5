//! The properties on inputs made by chance, without coverage: what can be done where there is no libFuzzer.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::SEEDS;
use crate::findings::{Finding, Findings};
use crate::minimise::minimise;
use crate::mutate;
use crate::properties::{self, Property};

/// Calls for making an input small.
const TRIES: usize = 2_000;
/// Bytes of an input that is no XML.
const MOST_BYTES: usize = 300;
/// Inputs of one property before it is the turn of the next.
const TURN: usize = 200;

/// Whether a property holds, and if not what its panic says.
fn broken(property: Property, input: &[u8]) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(|| property(input))).err()?;
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    Some(text.unwrap_or("a panic without words").to_owned())
}

/// The words of a panic up to the first value.
fn class(text: &str) -> &str {
    let end = text.find([':', '\n', '"', '{', '<']).unwrap_or(text.len());
    text[..end].trim()
}

/// Checks all properties in turn until the budget is used up or `tell` says that it is enough; `tell` gets the number of
/// inputs so far, and a finding when there is a new one. Returns the number of inputs.
///
/// # Errors
/// Findings that cannot be written.
pub fn sweep(
    seed: u64,
    budget: Duration,
    findings: &mut Findings,
    mut tell: impl FnMut(u64, Option<&Finding>) -> bool,
) -> io::Result<u64> {
    let mut rng = StdRng::seed_from_u64(seed);
    let seeds: Vec<Vec<u8>> = SEEDS.iter().map(|seed| seed.to_vec()).collect();
    let began = Instant::now();
    let mut count = 0;
    for (name, property) in properties::ALL.iter().cycle() {
        if began.elapsed() >= budget || !tell(count, None) {
            break;
        }
        let is_xml = ["stream", "element", "differential", "smuggle"].contains(name);
        for _ in 0..TURN {
            count += 1;
            let input = if is_xml {
                mutate::document(&mut rng, &seeds)
            } else {
                let bytes = mutate::bytes(&mut rng, MOST_BYTES);
                mutate::changed(&mut rng, &bytes, &seeds)
            };
            let Some(words) = broken(*property, &input) else {
                continue;
            };
            let bucket = format!("{name}: {}", class(&words));
            if findings.has(&bucket) {
                continue;
            }
            let same =
                |input: &[u8]| broken(*property, input).is_some_and(|w| class(&w) == class(&words));
            let small = minimise(&input, TRIES, same);
            let replays = (0..3).filter(|_| same(&small)).count();
            let detail = broken(*property, &small).unwrap_or(words.clone());
            let finding = findings.add(
                &bucket,
                &detail,
                &small,
                "bin",
                u8::try_from(replays).unwrap_or(3),
                |path| {
                    format!(
                        "cargo run -p xmppspec-fuzz --bin {name} -- {}",
                        path.display()
                    )
                },
            )?;
            if !tell(count, Some(finding)) {
                return Ok(count);
            }
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_panic_is_about() {
        fn wrong(input: &[u8]) {
            assert!(!input.contains(&b'x'), "it holds an x: {input:?}");
        }
        assert_eq!(broken(wrong, b"abc"), None);
        assert_eq!(
            broken(wrong, b"x").as_deref().map(class),
            Some("it holds an x")
        );
    }
}

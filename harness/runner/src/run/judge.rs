//! From the step that failed to a verdict on each requirement. Pure: no clock, no connection.

use xmppspec_reports::{Judged, Verdict};
use xmppspec_scenarios::Script;
use xmppspec_scenarios::catalogue::{self, Level};

/// How a script ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Every step came true.
    Through,
    /// This step did not (index into [`Script::steps`]).
    Failed(usize),
    /// It never came to a judgement: no account, no feature, no harness.
    Nowhere(Verdict),
}

/// The level of a requirement; MUST for one that is not in the catalogue, so that no failure is hidden.
fn level(id: &str) -> Level {
    catalogue::get(id).map_or(Level::Must, |requirement| requirement.level)
}

/// What it means that an expectation for a requirement of this level failed: a broken MUST is `fail`, a broken SHOULD `warn`,
/// a MAY that was not made use of is no fault.
fn broken(level: Level) -> Verdict {
    match level {
        Level::Must | Level::MustNot => Verdict::Fail,
        Level::Should | Level::ShouldNot => Verdict::Warn,
        Level::May => Verdict::Skip,
    }
}

/// The verdict on each requirement that the script covers.
///
/// A failed expectation accuses only what it covers. What later steps cover was not reached: `blocked`, or `skip` where the
/// step that failed asked only for something that the target may leave out.
pub(super) fn judge(script: &Script, end: End) -> Vec<Judged> {
    let permitted = |at: usize| {
        let covers = &script.steps[at].covers;
        !covers.is_empty() && covers.iter().all(|id| level(id) == Level::May)
    };
    let verdict = |id: &String| {
        let mut steps = (0..script.steps.len()).filter(|at| script.steps[*at].covers.contains(id));
        match end {
            End::Nowhere(verdict) => verdict,
            End::Through => {
                if steps.next().is_some() {
                    Verdict::Pass
                } else {
                    Verdict::Blocked
                }
            }
            End::Failed(failed) => {
                let steps: Vec<usize> = steps.collect();
                if steps.contains(&failed) {
                    broken(level(id))
                } else if steps.iter().all(|at| *at < failed) && !steps.is_empty() {
                    Verdict::Pass
                } else if permitted(failed) {
                    Verdict::Skip
                } else {
                    Verdict::Blocked
                }
            }
        }
    };
    script
        .covers
        .iter()
        .map(|id| Judged::new(id, level(id).to_string(), verdict(id)))
        .collect()
}

/// The verdict on the case: the worst of its requirements. A script that names no requirement at all (Prosody's do not) says
/// with every expectation what must hold.
pub(super) fn overall(script: &Script, end: End, judged: &[Judged]) -> Verdict {
    match end {
        End::Nowhere(verdict) => verdict,
        End::Failed(at) if judged.is_empty() => {
            if script.steps[at].action.is_expectation() {
                Verdict::Fail
            } else {
                Verdict::Blocked
            }
        }
        End::Failed(at) => {
            let own = if script.steps[at].covers.is_empty() {
                Verdict::Blocked
            } else {
                Verdict::Pass
            };
            judged.iter().map(|j| j.verdict).fold(own, Ord::max)
        }
        End::Through => judged
            .iter()
            .map(|j| j.verdict)
            .max()
            .unwrap_or(Verdict::Pass),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xmppspec_scenarios::{Source, parse};

    fn script(text: &str) -> Script {
        let source = Source {
            name: "x.scs".to_owned(),
            text: text.to_owned(),
        };
        parse(&source, "x").unwrap().remove(0)
    }

    /// Verdicts as words, of the requirements in order and of the case.
    fn words(script: &Script, end: End) -> String {
        let judged = judge(script, end);
        let all: Vec<_> = judged.iter().map(|j| format!("{:?}", j.verdict)).collect();
        format!("{} = {:?}", all.join(" "), overall(script, end, &judged))
    }

    // 4.7.3-1 and 4.7.1-3 are MUSTs, 4.9.2-5 is a SHOULD.
    const SCRIPT: &str = "# x\n[Stream] Romeo\n-----\nRomeo connects\nRomeo opens stream\n\n\
        ## covers: RFC6120-4.7.3-1\nRomeo receives:\n\t<stream:stream>\n\n\
        ## covers: none\nRomeo receives:\n\t<stream:features/>\n\n\
        ## covers: RFC6120-4.9.2-5 RFC6120-4.7.1-3\nRomeo receives:\n\t<a/>\n\n\
        ## covers: RFC6120-4.7.3-1\nRomeo receives:\n\t<b/>\n";

    #[test]
    fn a_failure_accuses_what_it_covers_and_blocks_what_follows() {
        let script = script(SCRIPT);
        assert_eq!(words(&script, End::Through), "Pass Pass Pass = Pass");
        assert_eq!(
            words(&script, End::Failed(1)),
            "Blocked Blocked Blocked = Blocked"
        );
        assert_eq!(
            words(&script, End::Failed(2)),
            "Fail Blocked Blocked = Fail"
        );
        assert_eq!(
            words(&script, End::Failed(3)),
            "Blocked Blocked Blocked = Blocked"
        );
        assert_eq!(words(&script, End::Failed(4)), "Blocked Warn Fail = Fail");
        assert_eq!(words(&script, End::Failed(5)), "Fail Pass Pass = Fail");
        assert_eq!(
            words(&script, End::Nowhere(Verdict::Skip)),
            "Skip Skip Skip = Skip"
        );
    }

    #[test]
    fn a_script_without_requirements_fails_by_its_expectations() {
        let script =
            script("# x\n[Client] Romeo\n-----\nRomeo connects\nRomeo receives:\n\t<a/>\n");
        assert_eq!(words(&script, End::Through), " = Pass");
        assert_eq!(words(&script, End::Failed(0)), " = Blocked");
        assert_eq!(words(&script, End::Failed(1)), " = Fail");
    }
}

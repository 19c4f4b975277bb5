//! JUnit XML: what fails the gate is a failure, so that any CI shows what the exit code means.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::ReportError;
use crate::model::{Case, Results};
use crate::render::Options;
use crate::render::outcome::{self, Outcome};
use crate::text;
use crate::verdict::Verdict;

/// Writes the report. Suites are the folders of the scripts; everything else that fails the gate is a suite of its own.
pub(super) fn render(results: &Results, options: &Options<'_>) -> Result<String, ReportError> {
    let gate = results.gate(&options.gate);
    let mut report = Report::new(format!("xmppspec {}", text::line(&results.target.name)));
    report.time = Some(Duration::from_millis(results.duration_ms));
    // A time that cannot be read is left out: it came from another program.
    report.timestamp = results.started.parse().ok();
    let mut suites: Vec<TestSuite> = Vec::new();
    for (case, outcome) in results.cases.iter().zip(outcome::outcomes(results, &gate)) {
        let name = text::line(suite_name(case));
        let found = suites.iter().position(|suite| suite.name.as_str() == name);
        let place = found.unwrap_or_else(|| {
            suites.push(TestSuite::new(name));
            suites.len() - 1
        });
        suites[place].add_test_case(test_case(case, outcome, options));
    }
    let mut others = TestSuite::new("gate");
    for (name, objection) in outcome::other_objections(&gate) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(text::line(&objection.to_string()));
        let mut case = TestCase::new(text::line(&name), status);
        case.set_classname("gate");
        others.add_test_case(case);
    }
    if others.tests > 0 {
        suites.push(others);
    }
    for suite in &mut suites {
        suite.time = Some(suite.test_cases.iter().filter_map(|case| case.time).sum());
        for (name, value) in [
            ("target", &results.target.name),
            (
                "target-version",
                results.target.version.as_ref().unwrap_or(&String::new()),
            ),
            ("world", &results.world),
            ("seed", &results.seed.to_string()),
        ] {
            suite.add_property(Property::new(name, text::line(value)));
        }
    }
    report.add_test_suites(suites);
    report
        .to_string()
        .map_err(|error| ReportError::Junit(error.to_string()))
}

fn suite_name(case: &Case) -> &str {
    case.name
        .split_once('/')
        .map_or("scripts", |(folder, _)| folder)
}

fn test_case(case: &Case, outcome: Outcome<'_>, options: &Options<'_>) -> TestCase {
    let status = match &outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed(_) => {
            let kind = match case.verdict {
                Verdict::Error => NonSuccessKind::Error,
                _ => NonSuccessKind::Failure,
            };
            let mut status = TestCaseStatus::non_success(kind);
            status
                .set_type(if case.is_flaky() {
                    "flaky"
                } else {
                    case.verdict.as_str()
                })
                .set_message(outcome::headline(case))
                .set_description(outcome::details(case, options));
            status
        }
        Outcome::Excused(why) => {
            let mut status = TestCaseStatus::skipped();
            status
                .set_type(case.verdict.as_str())
                .set_message(text::line(why));
            status
        }
        Outcome::Skipped => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(outcome::headline(case));
            status
        }
    };
    let mut test = TestCase::new(text::line(&case.name), status);
    test.set_classname(text::line(suite_name(case)));
    test.set_time(Duration::from_millis(case.duration_ms));
    test.add_property(Property::new("title", text::line(&case.title)));
    for judged in &case.judged {
        test.add_property(Property::new("requirement", text::line(&judged.id)));
    }
    if !matches!(outcome, Outcome::Passed | Outcome::Skipped) && !case.transcript.is_empty() {
        test.set_system_out(outcome::transcript(case));
    }
    test
}

//! What can go wrong with results and reports.

/// Why results cannot be read, or a report cannot be made.
#[derive(Debug)]
pub enum ReportError {
    /// It is not JSON, or not of the expected shape.
    Json(serde_json::Error),
    /// It is JSON, but has no `schema` field.
    NotResults,
    /// It is of another version of the frame.
    Schema(String),
    /// There is no report format of this name.
    UnknownFormat(String),
    /// The JUnit writer refused.
    Junit(String),
    /// Results of different targets cannot be one run.
    DifferentTargets(String, String),
    /// There is nothing to merge.
    NoResults,
    /// A comparison needs more results than this.
    NothingToCompare(usize),
    /// Comparisons have no report of this format.
    CannotCompare(&'static str),
}

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReportError::Json(error) => write!(f, "not the results of a run: {error}"),
            ReportError::NotResults => {
                f.write_str("not the results of a run: there is no `schema` field")
            }
            ReportError::Schema(version) => write!(
                f,
                "results of version {version}; this xmppspec reads version {}",
                crate::SCHEMA
            ),
            ReportError::UnknownFormat(name) => {
                write!(f, "there is no report format `{name}`; there are ")?;
                for (index, format) in crate::Format::ALL.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", format.name())?;
                }
                Ok(())
            }
            ReportError::Junit(reason) => write!(f, "the JUnit report cannot be written: {reason}"),
            ReportError::DifferentTargets(one, other) => {
                write!(
                    f,
                    "results of {one} and of {other} are not parts of one run"
                )
            }
            ReportError::NoResults => f.write_str("there are no results to merge"),
            ReportError::NothingToCompare(count) => {
                write!(f, "a comparison needs two results or more, not {count}")
            }
            ReportError::CannotCompare(format) => write!(
                f,
                "comparisons have no {format} report; there are terminal, markdown, html and json"
            ),
        }
    }
}

impl std::error::Error for ReportError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReportError::Json(error) => Some(error),
            _ => None,
        }
    }
}

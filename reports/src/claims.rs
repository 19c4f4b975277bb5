//! What a project claims (DOAP) beside what was seen in a run. Like features, it rests on judged requirements alone.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::doap::{ClaimStatus, Doap};
use crate::documents;
use crate::features::{Feature, Support};
use crate::merge;
use crate::model::Results;
use crate::requirement::{self, RequirementTexts};
use crate::verdict::State;

/// How a claim and what was seen go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// A requirement of what is claimed is broken; of what is claimed in part, all that were judged are.
    Broken,
    /// It is claimed, and the target does not offer it.
    NotOffered,
    /// What was judged holds.
    Seen,
    /// What was judged holds, and it is not claimed.
    NotClaimed,
    /// Nothing was judged.
    NotTested,
}

impl Standing {
    /// Every one, in the order of reports.
    pub const ALL: [Standing; 5] = [
        Standing::Broken,
        Standing::NotOffered,
        Standing::NotClaimed,
        Standing::Seen,
        Standing::NotTested,
    ];

    /// As reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Broken => "claimed and broken",
            Standing::NotOffered => "claimed and not offered",
            Standing::Seen => "claimed and seen",
            Standing::NotClaimed => "seen and not claimed",
            Standing::NotTested => "claimed and not tested",
        }
    }
}

/// A document that is claimed or was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClaimState {
    /// `RFC 6120`, `XEP-0030`.
    pub document: String,
    /// What the project says of it.
    pub status: Option<ClaimStatus>,
    /// The version of the document that the project names.
    pub version: Option<String>,
    /// Both together.
    pub standing: Standing,
    /// How many of its requirements hold.
    pub held: usize,
    /// The ids of those that are broken.
    pub broken: Vec<String>,
    /// How many were not judged.
    pub not_judged: usize,
    /// All was judged that can be broken.
    #[serde(skip)]
    is_whole: bool,
}

/// A project's claims beside the results of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// The project, as it names itself.
    pub project: String,
    /// The target that was judged.
    pub target: String,
    /// Documents: those that are claimed in the order of the file, then the others.
    pub documents: Vec<ClaimState>,
}

impl Claims {
    /// Sets them beside each other.
    pub fn new(doap: &Doap, results: &Results, texts: RequirementTexts<'_>) -> Claims {
        let features = by_document(results, texts);
        let support = results.features(&features);
        let find = |document: &str| support.iter().find(|one| one.feature.spec == document);
        let level = |id: &str| results.requirements.iter().find(|one| one.id == id);
        let state = |document: &str, status, version, is_claimed: bool| {
            let seen = find(document);
            let answer = seen.map_or(Support::Untested, |seen| seen.support);
            let held = seen.map_or(0, |seen| seen.held);
            let standing = match (is_claimed, answer) {
                (true, Support::Untested) => Standing::NotTested,
                (true, Support::Absent) => Standing::NotOffered,
                (true, Support::Partly) if status == Some(ClaimStatus::Partial) => Standing::Seen,
                (true, Support::Partly | Support::NotMet) => Standing::Broken,
                (true, Support::Met) => Standing::Seen,
                (false, Support::Met) => Standing::NotClaimed,
                (false, _) => return None,
            };
            let judged = |id: &String| {
                level(id).is_some_and(|one| {
                    one.level == "MAY"
                        || matches!(one.state, State::Pass | State::Fail | State::Warn)
                })
            };
            Some(ClaimState {
                document: document.to_owned(),
                status,
                version,
                standing,
                held,
                broken: seen.map_or(Vec::new(), |seen| {
                    seen.broken.iter().map(|id| (*id).to_owned()).collect()
                }),
                not_judged: seen.map_or(0, |seen| seen.not_judged),
                is_whole: seen.is_some_and(|seen| seen.feature.requirements.iter().all(judged)),
            })
        };
        let claimed = doap.claims.iter().filter_map(|claim| {
            let is_claimed = claim.status.is_none_or(ClaimStatus::is_support);
            state(
                &claim.document,
                claim.status,
                claim.version.clone(),
                is_claimed,
            )
        });
        let is_said = |document: &str| doap.claims.iter().any(|one| one.document == document);
        let others = features
            .iter()
            .filter(|feature| !is_said(&feature.spec))
            .filter_map(|feature| state(&feature.spec, None, None, false));
        Claims {
            project: doap.name.clone(),
            target: merge::label(results),
            documents: claimed.chain(others).collect(),
        }
    }

    /// Those that stand so.
    pub fn standing(&self, standing: Standing) -> impl Iterator<Item = &ClaimState> {
        self.documents
            .iter()
            .filter(move |document| document.standing == standing)
    }

    /// The description with the claims that the evidence supports: what is broken is `partial`, what was judged whole and
    /// holds is `complete`, what holds and is not claimed is added (an RFC only as a whole). What was not judged stays.
    pub fn rewrite(&self, doap: &Doap) -> String {
        let supported = self.documents.iter().filter_map(|document| {
            let status = match document.standing {
                Standing::Broken => ClaimStatus::Partial,
                Standing::Seen if document.status == Some(ClaimStatus::Deprecated) => return None,
                Standing::Seen | Standing::NotClaimed
                    if document.is_whole && document.broken.is_empty() =>
                {
                    ClaimStatus::Complete
                }
                // Of an RFC no part can be claimed.
                Standing::NotClaimed if document.document.starts_with("XEP") => {
                    ClaimStatus::Partial
                }
                _ => return None,
            };
            Some((document.document.clone(), status))
        });
        doap.with(&supported.collect::<Vec<_>>())
    }
}

/// What was judged, document by document, in the order of their names.
fn by_document(results: &Results, texts: RequirementTexts<'_>) -> Vec<Feature> {
    let mut documents: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for requirement in &results.requirements {
        let info = requirement::find(texts, &requirement.id, &requirement.level);
        let ids = documents.entry(documents::name(info.spec)).or_default();
        ids.push(requirement.id.clone());
    }
    documents
        .into_iter()
        .map(|(spec, requirements)| Feature {
            spec,
            requirements,
            ..Feature::default()
        })
        .collect()
}

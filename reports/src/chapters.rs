//! Requirements counted by the chapter that they stand in.

use crate::documents;
use crate::model::Results;
use crate::requirement::{self, RequirementTexts};
use crate::verdict::State;

/// A chapter of a specification, and how many of its requirements are in which state.
pub(crate) struct Chapter {
    /// The document as people write it.
    pub(crate) spec: String,
    /// `4`, `A`, or what stands at this place in an id.
    pub(crate) number: String,
    /// Its title in the document.
    pub(crate) title: Option<&'static str>,
    counts: [usize; State::ALL.len()],
}

impl Chapter {
    /// How many of its requirements are in this state.
    pub(crate) fn count(&self, state: State) -> usize {
        self.counts[state as usize]
    }

    /// How many requirements it has.
    pub(crate) fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// Some case judged one of them.
    pub(crate) fn is_tested(&self) -> bool {
        self.total() > self.count(State::Untested)
    }

    /// `RFC 6120  4 XML Streams`.
    pub(crate) fn label(&self) -> String {
        let title = self.title.unwrap_or_default();
        let label = format!("{} {:>2} {title}", self.spec, self.number);
        label.trim_end().to_owned()
    }
}

/// The chapters in the order of the requirements.
pub(crate) fn chapters(results: &Results, texts: RequirementTexts<'_>) -> Vec<Chapter> {
    let mut chapters: Vec<Chapter> = Vec::new();
    for requirement in &results.requirements {
        let info = requirement::find(texts, &requirement.id, &requirement.level);
        let spec = documents::name(info.spec);
        let number = documents::chapter(info.section);
        let found = chapters
            .iter()
            .position(|chapter| chapter.spec == spec && chapter.number == number);
        let place = found.unwrap_or_else(|| {
            chapters.push(Chapter {
                spec,
                number: number.to_owned(),
                title: documents::chapter_title(info.spec, number),
                counts: [0; State::ALL.len()],
            });
            chapters.len() - 1
        });
        chapters[place].counts[requirement.state as usize] += 1;
    }
    chapters
}

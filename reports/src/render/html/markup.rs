//! The markup of the HTML report: head, cases, requirements.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::chapters::{Chapter, chapters};
use crate::documents;
use crate::features::{FeatureState, Support};
use crate::gate::{Gate, Objection};
use crate::model::{Case, RequirementState, Results};
use crate::render::Options;
use crate::render::outcome;
use crate::requirement::{self, RequirementInfo};
use crate::text;
use crate::verdict::{State, Verdict};

/// Cases that a requirement's row names before the rest is folded.
const CASES_SHOWN: usize = 4;

/// Notes on the run before the rest is folded.
const NOTES_SHOWN: usize = 3;

/// Characters of a reason in a row; the opened case has all of it.
const REASON_LENGTH: usize = 300;

/// The groups of the list of cases, the worst first.
const GROUPS: [(&str, &str, &str); 7] = [
    ("fail", "Failures", "a MUST is broken"),
    ("error", "Errors", "xmppspec itself failed"),
    (
        "blocked",
        "Blocked",
        "a precondition failed, so nothing could be judged",
    ),
    ("warn", "Warnings", "a SHOULD is broken"),
    (
        "known",
        "Known findings",
        "broken as the target's profile says",
    ),
    ("skip", "Skipped", "the target lacks a feature"),
    ("pass", "Passed", ""),
];

/// The states in the order of bars and filters.
const STATES: [State; 7] = [
    State::Fail,
    State::Error,
    State::Blocked,
    State::Warn,
    State::Skip,
    State::Pass,
    State::Untested,
];

pub(super) struct Page<'a> {
    results: &'a Results,
    options: &'a Options<'a>,
    gate: Gate,
    features: Vec<FeatureState<'a>>,
}

// Writing to a String cannot fail: the results of `write!` below are of no interest.
impl<'a> Page<'a> {
    pub(super) fn new(results: &'a Results, options: &'a Options<'a>) -> Page<'a> {
        Page {
            results,
            options,
            gate: results.gate(&options.gate),
            features: results.features(options.features),
        }
    }

    fn target(&self) -> String {
        let target = &self.results.target;
        match &target.version {
            Some(version) => escape(&format!("{} {version}", target.name)),
            None => escape(&target.name),
        }
    }

    pub(super) fn title(&self) -> String {
        format!("{}: {} – xmppspec", self.target(), self.meaning().1)
    }

    /// The class of the verdict and its words.
    fn meaning(&self) -> (&'static str, &'static str) {
        match &self.gate {
            Gate::Conformant => ("pass", "conformant"),
            Gate::NotConformant(_) => ("fail", "not conformant"),
            Gate::Nothing => ("skip", "nothing was judged"),
        }
    }

    pub(super) fn body(&self, out: &mut String) {
        out.push_str("<body>\n");
        self.head(out);
        out.push_str("<main>\n");
        self.cases(out);
        self.requirements(out);
        self.features(out);
        out.push_str("</main>\n");
        self.foot(out);
    }

    fn head(&self, out: &mut String) {
        let results = self.results;
        let (class, meaning) = self.meaning();
        let role = escape(&results.target.role);
        let _ = write!(
            out,
            "<header>\n<div class=\"top\"><h1>{} <span class=\"verdict {class}\">{meaning}</span></h1>\
             <button id=\"theme\" type=\"button\">Dark or light</button></div>\n",
            self.target()
        );
        let judged = results
            .requirements
            .iter()
            .filter(|requirement| requirement.state != State::Untested);
        let _ = writeln!(
            out,
            "<p class=\"meta\">XMPP {role} · {} · {} of {} requirements judged · {} · {} · seed {}</p>",
            text::count(results.cases.len(), "case"),
            judged.count(),
            results.requirements.len(),
            escape(&moment(&results.started)),
            text::duration(results.duration_ms),
            results.seed
        );
        self.notices(out);
        out.push_str(
            "<noscript><p class=\"notice\">Scripts are off: the lists are complete, but cases cannot be opened, searched \
             or filtered.</p></noscript>\n",
        );
        out.push_str(
            "<nav class=\"tabs\" aria-label=\"Views\"><a href=\"#cases\" id=\"tab-cases\">Cases</a>\
             <a href=\"#requirements\" id=\"tab-requirements\">Requirements</a>",
        );
        if !self.features.is_empty() {
            out.push_str("<a href=\"#features\" id=\"tab-features\">Features</a>");
        }
        out.push_str("</nav>\n");
        out.push_str(
            "<div class=\"controls\" role=\"search\"><label for=\"search\">Search</label>\
             <input id=\"search\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" \
             placeholder=\"4.9.3.6, roster, host-unknown …\">",
        );
        out.push_str("<div id=\"filters\" role=\"group\" aria-label=\"Show only\">");
        for (group, title, _) in GROUPS {
            let count = results
                .cases
                .iter()
                .filter(|case| group_of(case) == group)
                .count();
            if count > 0 {
                filter(out, "case", group, title, count);
            }
        }
        for state in STATES {
            let count = results
                .requirements
                .iter()
                .filter(|requirement| requirement.state == state)
                .count();
            if count > 0 {
                filter(out, "requirement", state, state.as_str(), count);
            }
        }
        for support in Support::ALL {
            let count = self
                .features
                .iter()
                .filter(|feature| feature.support == support)
                .count();
            if count > 0 {
                filter(out, "feature", support.state(), support.as_str(), count);
            }
        }
        out.push_str("</div><p id=\"shown\" role=\"status\"></p></div>\n</header>\n");
    }

    /// What speaks against the target and is no case, and remarks on the run.
    fn notices(&self, out: &mut String) {
        for (_, objection) in outcome::other_objections(&self.gate) {
            let _ = writeln!(
                out,
                "<p class=\"notice bad\">{}</p>",
                escape(&objection.to_string())
            );
        }
        for objection in self.gate.objections() {
            if let Objection::Flaky { .. } = objection {
                let _ = writeln!(
                    out,
                    "<p class=\"notice bad\">{}</p>",
                    escape(&objection.to_string())
                );
            }
        }
        let notes = outcome::notes(self.results);
        let (first, rest) = notes.split_at(notes.len().min(NOTES_SHOWN));
        let write = |out: &mut String, note: &String| {
            let _ = writeln!(out, "<p class=\"notice\">{}</p>", escape(note));
        };
        first.iter().for_each(|note| write(out, note));
        if !rest.is_empty() {
            let _ = write!(
                out,
                "<details><summary>{}</summary>",
                text::count(rest.len(), "more note")
            );
            rest.iter().for_each(|note| write(out, note));
            out.push_str("</details>\n");
        }
    }

    fn cases(&self, out: &mut String) {
        out.push_str("<section id=\"view-cases\" aria-label=\"Cases\">\n");
        for (group, title, about) in GROUPS {
            let cases: Vec<(usize, &Case)> = self
                .results
                .cases
                .iter()
                .enumerate()
                .filter(|(_, case)| group_of(case) == group)
                .collect();
            if cases.is_empty() {
                continue;
            }
            let _ = write!(
                out,
                "<section class=\"group\"><h2>{title} <span class=\"count\">{}</span> <small>{about}</small></h2>\n<ul>\n",
                cases.len()
            );
            for (index, case) in cases {
                self.case(out, index, case, group);
            }
            out.push_str("</ul>\n</section>\n");
        }
        if self.results.cases.is_empty() {
            out.push_str("<p>No case was run.</p>\n");
        }
        out.push_str("</section>\n");
    }

    fn case(&self, out: &mut String, index: usize, case: &Case, group: &str) {
        // What was broken is shown; what was not is only searched for.
        let (mut broken, mut others) = (String::new(), String::new());
        for judged in &case.judged {
            let list = if judged.verdict.is_broken() {
                &mut broken
            } else {
                &mut others
            };
            let _ = write!(list, "{} ", escape(&judged.id));
        }
        let _ = write!(
            out,
            "<li class=\"case\" data-case=\"{index}\" data-group=\"{group}\" data-also=\"{}\">\
             <button type=\"button\" aria-expanded=\"false\"><span class=\"mark {group}\">{group}</span>\
             <span class=\"name\">{}</span> <span class=\"title\">{}</span>",
            others.trim_end(),
            escape(&case.name),
            escape(&text::head(&case.title, REASON_LENGTH))
        );
        if !broken.is_empty() {
            let _ = write!(out, " <span class=\"ids\">{}</span>", broken.trim_end());
        }
        let reason = case.known.as_ref().or(case.reason.as_ref());
        if let Some(reason) = reason.filter(|_| case.verdict != Verdict::Pass) {
            let _ = write!(
                out,
                " <span class=\"reason\">{}</span>",
                escape(&text::head(reason, REASON_LENGTH))
            );
        }
        out.push_str("</button></li>\n");
    }

    fn requirements(&self, out: &mut String) {
        let results = self.results;
        let chapters = chapters(results, self.options.requirements);
        out.push_str("<section id=\"view-requirements\" aria-label=\"Requirements\">\n");
        self.overview(out, &chapters);
        let names: HashMap<&str, usize> = results
            .cases
            .iter()
            .enumerate()
            .map(|(index, case)| (case.name.as_str(), index))
            .collect();
        for (number, chapter) in chapters.iter().enumerate() {
            let _ = write!(
                out,
                "<section class=\"group\" id=\"chapter-{number}\"><h2>{} <span class=\"count\">{}</span></h2>\n<ul>\n",
                escape(&chapter.label()),
                chapter.total()
            );
            for requirement in &results.requirements {
                let info = requirement::find(
                    self.options.requirements,
                    &requirement.id,
                    &requirement.level,
                );
                if documents::name(info.spec) == chapter.spec
                    && documents::chapter(info.section) == chapter.number
                {
                    self.requirement(out, requirement, &names);
                }
            }
            out.push_str("</ul>\n</section>\n");
        }
        out.push_str("</section>\n");
    }

    /// A bar for every chapter.
    fn overview(&self, out: &mut String, chapters: &[Chapter]) {
        out.push_str("<section class=\"overview\"><h2>Chapters</h2>\n<ul>\n");
        for (number, chapter) in chapters.iter().enumerate() {
            let counts: Vec<(State, usize)> = STATES
                .into_iter()
                .map(|state| (state, chapter.count(state)))
                .filter(|(_, count)| *count > 0)
                .collect();
            let words: Vec<String> = counts
                .iter()
                .map(|(state, count)| format!("{count} {state}"))
                .collect();
            let words = words.join(", ");
            let _ = write!(
                out,
                "<li><a href=\"#chapter-{number}\">{}</a><svg class=\"bar\" viewBox=\"0 0 {} 10\" \
                 preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{words}\"><title>{words}</title>",
                escape(&chapter.label()),
                chapter.total()
            );
            let mut x = 0;
            for (state, count) in counts {
                let _ = write!(
                    out,
                    "<rect class=\"{state}\" x=\"{x}\" width=\"{count}\" height=\"10\"/>"
                );
                x += count;
            }
            let _ = writeln!(out, "</svg><span class=\"words\">{words}</span></li>");
        }
        out.push_str("</ul>\n</section>\n");
    }

    fn requirement(
        &self,
        out: &mut String,
        requirement: &RequirementState,
        names: &HashMap<&str, usize>,
    ) {
        let info = requirement::find(
            self.options.requirements,
            &requirement.id,
            &requirement.level,
        );
        let (id, state) = (escape(&requirement.id), requirement.state);
        let place = place_link(&info);
        let _ = write!(
            out,
            "<li class=\"requirement\" data-group=\"{state}\" data-id=\"{id}\"><span class=\"mark {state}\">{state}</span>\
             <span class=\"name\">{id}</span> <span class=\"level\">{}</span> <span class=\"place\">{place}</span>\
             <p>{}</p>",
            escape(info.level),
            escape(info.text)
        );
        let links: Vec<String> = requirement
            .cases
            .iter()
            .map(|name| match names.get(name.as_str()) {
                Some(index) => format!("<a href=\"#case-{index}\">{}</a>", escape(name)),
                None => escape(name),
            })
            .collect();
        if !links.is_empty() {
            let (first, rest) = links.split_at(links.len().min(CASES_SHOWN));
            let _ = write!(out, "<p class=\"links\">{}", first.join(" "));
            out.push_str("</p>");
            if !rest.is_empty() {
                let _ = write!(
                    out,
                    "<details><summary>{}</summary><p class=\"links\">{}</p></details>",
                    text::count(rest.len(), "more case"),
                    rest.join(" ")
                );
            }
        }
        out.push_str("</li>\n");
    }

    /// The tables of features, filled in.
    fn features(&self, out: &mut String) {
        if self.features.is_empty() {
            return;
        }
        out.push_str("<section id=\"view-features\" aria-label=\"Features\">\n");
        let mut table = "";
        for state in &self.features {
            if state.feature.table != table {
                if !table.is_empty() {
                    out.push_str("</ul>\n</section>\n");
                }
                table = &state.feature.table;
                let _ = write!(
                    out,
                    "<section class=\"group\"><h2>{}</h2>\n<ul>\n",
                    escape(table)
                );
            }
            feature(out, state);
        }
        out.push_str("</ul>\n</section>\n</section>\n");
    }

    fn foot(&self, out: &mut String) {
        let results = self.results;
        let _ = writeln!(
            out,
            "<footer><p>{} {} · world: {} · <kbd>/</kbd> search · <kbd>j</kbd> <kbd>k</kbd> next, previous · <kbd>Enter</kbd> \
             open · <kbd>Esc</kbd> clear</p></footer>",
            escape(&results.tool.name),
            escape(&results.tool.version),
            escape(&results.world)
        );
    }
}

fn feature(out: &mut String, state: &FeatureState<'_>) {
    let feature = state.feature;
    let class = state.support.state();
    let place = place_link(&RequirementInfo {
        spec: &feature.spec,
        section: &feature.section,
        level: &feature.level,
        text: &feature.description,
        quote: None,
    });
    let _ = write!(
        out,
        "<li class=\"feature\" data-group=\"{class}\"><span class=\"mark {class}\">{}</span>\
         <span class=\"name\">{}</span> <span class=\"level\">{}</span> <span class=\"place\">{place}</span><p>{}</p>\
         <p class=\"words\">{} held, {} broken, {} not judged</p>",
        state.support.as_str(),
        escape(&feature.name),
        escape(&feature.level),
        escape(&feature.description),
        state.held,
        state.broken.len(),
        state.not_judged
    );
    if !state.broken.is_empty() {
        out.push_str("<p class=\"links\">");
        for id in &state.broken {
            let id = escape(id);
            let _ = write!(out, "<a href=\"#{id}\">{id}</a> ");
        }
        out.push_str("</p>");
    }
    out.push_str("</li>\n");
}

/// Document and section, linked where there is something to link to.
fn place_link(info: &RequirementInfo<'_>) -> String {
    let place = escape(&info.place());
    match info.link() {
        Some(link) => format!("<a href=\"{link}\" rel=\"noreferrer\">{place}</a>"),
        None => place,
    }
}

fn filter(out: &mut String, of: &str, group: impl std::fmt::Display, title: &str, count: usize) {
    let _ = write!(
        out,
        "<button type=\"button\" class=\"filter {group}\" data-of=\"{of}\" data-group=\"{group}\" \
         aria-pressed=\"false\">{title} <b>{count}</b></button>"
    );
}

/// A time as people read it, if it has the expected form: `2026-11-27 06:00:00 UTC`.
fn moment(started: &str) -> String {
    match (started.get(..10), started.get(10..11), started.get(11..19)) {
        (Some(day), Some("T"), Some(time)) if started.ends_with('Z') => format!("{day} {time} UTC"),
        _ => started.to_owned(),
    }
}

/// The group that a case is listed in.
fn group_of(case: &Case) -> &'static str {
    match case.known {
        Some(_) => "known",
        None => case.verdict.as_str(),
    }
}

/// Text that is nothing but text, in elements and in attribute values.
pub(in crate::render) fn escape(text: &str) -> String {
    let line = text::line(text);
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

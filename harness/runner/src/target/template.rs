//! Templates of configuration files and command lines: `{{name}}`, and `{{world: TEXT}}`, `{{no-world: TEXT}}` for what
//! stands there only in one of the two.

use std::collections::BTreeMap;
use std::fmt;

/// The placeholders that every profile has, beside its services (ports) and what it lets be found (paths).
pub(super) const RESERVED: [&str; 10] = [
    "dir", "conf", "data", "log", "run", "certs", "domain", "host", "user", "password",
];

/// Those that peers have beside them: their host's name, addresses and interface.
pub(super) const OF_PEERS: [&str; 4] = ["machine", "v4", "v6", "interface"];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name(String),
    Only { world: bool, text: String },
}

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Template(Vec<Part>);

/// Values of placeholders.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    pub(super) names: BTreeMap<String, String>,
    pub(super) world: bool,
}

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError {
    /// A `{{` without its `}}`; the line it is on.
    Open(usize),
    /// A placeholder that nobody knows.
    Unknown(String),
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(line) => write!(f, "line {line}: `{{{{` without `}}}}`"),
            Self::Unknown(name) => write!(f, "there is no placeholder `{{{{{name}}}}}`"),
        }
    }
}

impl TryFrom<String> for Template {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        Self::parse(&text)
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError::Open`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some((before, after)) = rest.split_once("{{") {
            // `{ {{c2s}} }` in Lua is `{{{`-free, but `{{{c2s}}}` means the inner braces.
            let (before, after) = match after.strip_prefix('{') {
                Some(inner) => (format!("{before}{{"), inner),
                None => (before.to_owned(), after),
            };
            let line = text[..text.len() - after.len()].matches('\n').count() + 1;
            let (name, end) = after.split_once("}}").ok_or(TemplateError::Open(line))?;
            parts.push(Part::Text(before));
            parts.push(match name.split_once(':') {
                Some(("world", text)) => Part::Only {
                    world: true,
                    text: text.trim_start().to_owned(),
                },
                Some(("no-world", text)) => Part::Only {
                    world: false,
                    text: text.trim_start().to_owned(),
                },
                _ => Part::Name(name.trim().to_owned()),
            });
            rest = end;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    /// The placeholders that it names.
    pub(super) fn names(&self) -> Vec<String> {
        let name = |part: &Part| {
            if let Part::Name(name) = part {
                Some(name.clone())
            } else {
                None
            }
        };
        self.0.iter().filter_map(name).collect()
    }

    pub(super) fn expand(&self, values: &Values) -> Result<String, TemplateError> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Only { world, text } if *world == values.world => out.push_str(text),
                Part::Only { .. } => {}
                Part::Name(name) => {
                    out.push_str(
                        values
                            .names
                            .get(name)
                            .ok_or_else(|| TemplateError::Unknown(name.clone()))?,
                    );
                }
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(text: &str, world: bool) -> Result<String, TemplateError> {
        let names = [("c2s", "5222"), ("dir", "/run/x")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        Template::parse(text)?.expand(&Values { names, world })
    }

    #[test]
    fn expands() {
        assert_eq!(
            expand("ports = { {{c2s}} } -- {{ dir }}/a", true).unwrap(),
            "ports = { 5222 } -- /run/x/a"
        );
        assert_eq!(expand("{{{c2s}}}", true).unwrap(), "{5222}");
        assert_eq!(
            expand("[{{world: allow}}{{no-world: deny}}]", true).unwrap(),
            "[allow]"
        );
        assert_eq!(
            expand("[{{world: allow}}{{no-world: deny}}]", false).unwrap(),
            "[deny]"
        );
        assert_eq!(
            expand("nothing { here }", true).unwrap(),
            "nothing { here }"
        );
    }

    #[test]
    fn refuses() {
        assert_eq!(expand("a\n{{c2s", true), Err(TemplateError::Open(2)));
        assert_eq!(
            expand("{{port}}", true),
            Err(TemplateError::Unknown("port".to_owned()))
        );
    }
}

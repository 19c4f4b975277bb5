//! The results of a run, as `--results FILE` writes them. Other programs rely on the names and shapes here; the
//! schema is `reports/results.schema.json`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ReportError;
use crate::known::KnownState;
use crate::verdict::{State, Verdict};

/// The version of the frame.
pub const SCHEMA: u32 = 1;

/// One run against one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// The version of this frame: 1.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: u32,
    /// What made the results.
    pub tool: Tool,
    /// What was judged.
    pub target: Target,
    /// The network of the run: of its own, or that of the machine.
    pub world: String,
    /// What random choices came from.
    pub seed: u64,
    /// When it began (RFC 3339).
    pub started: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The run was ended before all cases were done.
    #[serde(default)]
    pub interrupted: bool,
    /// How many cases ended how.
    pub summary: Summary,
    /// Remarks on the run as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The findings that the target's profile expects, and what became of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<KnownState>,
    /// The cases, in the order of the scripts.
    pub cases: Vec<Case>,
    /// Every requirement of the catalogue for the target's role, and what else was judged.
    pub requirements: Vec<RequirementState>,
    /// Cases that exist and were not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_run: Vec<NotRun>,
}

impl Results {
    /// The results as JSON text, one field a line.
    pub fn to_json(&self) -> Result<String, ReportError> {
        let mut text = serde_json::to_string_pretty(self).map_err(ReportError::Json)?;
        text.push('\n');
        Ok(text)
    }

    /// Reads what `to_json` wrote. Fields that this version does not know are ignored.
    pub fn from_json(json: &[u8]) -> Result<Results, ReportError> {
        #[derive(Deserialize)]
        struct Frame {
            schema: Option<serde_json::Value>,
        }
        let frame: Frame = serde_json::from_slice(json).map_err(ReportError::Json)?;
        match frame.schema {
            None => return Err(ReportError::NotResults),
            Some(version) if version != SCHEMA => {
                return Err(ReportError::Schema(version.to_string()));
            }
            Some(_) => {}
        }
        serde_json::from_slice(json).map_err(ReportError::Json)
    }

    /// The JSON Schema of the frame, as text.
    pub fn json_schema() -> Result<String, ReportError> {
        let mut schema = schemars::schema_for!(Results);
        schema.insert("title".into(), "Results of an xmppspec run".into());
        let mut text = serde_json::to_string_pretty(&schema).map_err(ReportError::Json)?;
        text.push('\n');
        Ok(text)
    }
}

/// What made the results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The implementation under test.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// Its name: that of the profile, or the address.
    pub name: String,
    /// Its version, if it is known.
    pub version: Option<String>,
    /// What it is: `server`, `peer`, `client`.
    pub role: String,
}

/// How many cases ended how. A case whose findings are all known counts under `known` and nowhere else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// All requirements hold.
    pub pass: usize,
    /// A MUST is broken.
    pub fail: usize,
    /// A SHOULD is broken.
    pub warn: usize,
    /// A precondition failed.
    pub blocked: usize,
    /// The target lacks a feature.
    pub skip: usize,
    /// The harness failed.
    pub error: usize,
    /// Broken as the profile says.
    pub known: usize,
}

impl Summary {
    /// The number of cases.
    pub fn total(&self) -> usize {
        self.pass + self.fail + self.warn + self.blocked + self.skip + self.error + self.known
    }

    /// The number of cases with this verdict that are not known.
    pub fn of(&self, verdict: Verdict) -> usize {
        match verdict {
            Verdict::Pass => self.pass,
            Verdict::Skip => self.skip,
            Verdict::Blocked => self.blocked,
            Verdict::Warn => self.warn,
            Verdict::Error => self.error,
            Verdict::Fail => self.fail,
        }
    }

    /// Counts the cases.
    pub fn count<'a>(cases: impl IntoIterator<Item = &'a Case>) -> Summary {
        let mut summary = Summary::default();
        for case in cases {
            let counter = match case.verdict {
                _ if case.known.is_some() => &mut summary.known,
                Verdict::Pass => &mut summary.pass,
                Verdict::Skip => &mut summary.skip,
                Verdict::Blocked => &mut summary.blocked,
                Verdict::Warn => &mut summary.warn,
                Verdict::Error => &mut summary.error,
                Verdict::Fail => &mut summary.fail,
            };
            *counter += 1;
        }
        summary
    }
}

/// The note in a transcript behind which the actors only leave: what follows has nothing to do with the verdict.
pub const DECIDED: &str = "the case is decided; its actors leave";

/// One scenario, or one row of its `Examples:`, run once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Case {
    /// Its name and selector: `rfc6120/4.9.3.6-host-unknown`.
    pub name: String,
    /// The first line of its script.
    pub title: String,
    /// The worst verdict of its requirements.
    pub verdict: Verdict,
    /// Why its findings are expected; `Results::assemble` fills it.
    pub known: Option<String>,
    /// What it says of each requirement.
    pub judged: Vec<Judged>,
    /// What went wrong, or what is lacking, in one sentence.
    pub reason: Option<String>,
    /// The line of the script that did not come true.
    pub at: Option<At>,
    /// What should have come.
    pub expected: Option<String>,
    /// What came instead.
    pub received: Option<String>,
    /// The lines of the script with a caret under what did not come true, as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostic: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The verdicts of earlier attempts. If one differs from `verdict`, the case is flaky.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Verdict>,
    /// Every byte in both directions.
    #[serde(default)]
    pub transcript: Vec<Entry>,
}

impl Case {
    /// A case of which nothing else is known yet.
    pub fn new(name: impl Into<String>, title: impl Into<String>, verdict: Verdict) -> Case {
        Case {
            name: name.into(),
            title: title.into(),
            verdict,
            known: None,
            judged: Vec::new(),
            reason: None,
            at: None,
            expected: None,
            received: None,
            diagnostic: None,
            duration_ms: 0,
            attempts: Vec::new(),
            transcript: Vec::new(),
        }
    }

    /// The transcript up to the point where the verdict was clear.
    pub fn decisive(&self) -> &[Entry] {
        let is_end = |entry: &Entry| {
            entry.direction == Direction::Note && entry.content == Content::Text(DECIDED.to_owned())
        };
        let end = self.transcript.iter().position(is_end);
        &self.transcript[..end.unwrap_or(self.transcript.len())]
    }

    /// Its verdict was not the same in every attempt.
    pub fn is_flaky(&self) -> bool {
        self.attempts.iter().any(|&attempt| attempt != self.verdict)
    }
}

/// The verdict on one requirement in one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Judged {
    /// The id of the requirement.
    pub id: String,
    /// Its level: `MUST`, `MUST NOT`, `SHOULD`, `SHOULD NOT`, `MAY`.
    pub level: String,
    /// What became of it.
    pub verdict: Verdict,
}

impl Judged {
    /// The verdict on the requirement with this id and level.
    pub fn new(id: impl Into<String>, level: impl Into<String>, verdict: Verdict) -> Judged {
        Judged {
            id: id.into(),
            level: level.into(),
            verdict,
        }
    }
}

/// A place in a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct At {
    /// The script's path.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
}

/// One thing of a transcript: bytes as they were written or read at once, or a note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// Milliseconds since the case began.
    pub at_ms: f64,
    /// The actor whose connection it was.
    pub actor: String,
    /// What the bytes travelled in.
    pub layer: Layer,
    /// From or to the actor.
    pub direction: Direction,
    /// The bytes: `text` if they are UTF-8, else `base64`; a multicast DNS packet is always `base64`.
    #[serde(flatten)]
    pub content: Content,
    /// On the layer `mdns`: what IP says about the packet, and what is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packet: Option<Packet>,
}

/// A multicast DNS packet beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Packet {
    /// The address and port that it came from: of the target, the actor, or another actor.
    pub source: String,
    /// The group or address, and the port, that it went to.
    pub destination: String,
    /// Its IP TTL or hop limit.
    pub ttl: u8,
    /// Its message in lines: id and flags, then questions (`?`), answers (`=`), authorities (`~`) and additionals (`+`) in
    /// zone-file form; or why there is no message in it.
    pub text: String,
}

/// What bytes travelled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// TCP.
    Plain,
    /// TLS; the bytes are those inside.
    Tls,
    /// A multicast DNS packet.
    Mdns,
    /// Nothing: a remark of the harness.
    Note,
}

impl Layer {
    /// As results and reports write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Layer::Plain => "plain",
            Layer::Tls => "tls",
            Layer::Mdns => "mdns",
            Layer::Note => "note",
        }
    }
}

/// Who sent it, seen from the actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The actor sent it to the target.
    Sent,
    /// The actor received it from the target.
    Received,
    /// Nobody: a remark of the harness.
    Note,
}

impl Direction {
    /// As it is drawn, the actor on the left.
    pub(crate) fn arrow(self) -> &'static str {
        match self {
            Direction::Sent => "->",
            Direction::Received => "<-",
            Direction::Note => "--",
        }
    }
}

/// Bytes, readable where possible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// They are UTF-8.
    Text(String),
    /// They are not; base64 in JSON.
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    #[schemars(with = "String", extend("contentEncoding" = "base64"))]
    Base64(Vec<u8>),
}

impl Content {
    /// Text if they are UTF-8.
    pub fn new(bytes: &[u8]) -> Content {
        match std::str::from_utf8(bytes) {
            Ok(text) => Content::Text(text.to_owned()),
            Err(_) => Content::Base64(bytes.to_vec()),
        }
    }

    /// The exact bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Content::Text(text) => text.as_bytes(),
            Content::Base64(bytes) => bytes,
        }
    }
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(serde::de::Error::custom)
}

/// What the run says of one requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequirementState {
    /// Its id.
    pub id: String,
    /// Its level.
    pub level: String,
    /// The worst verdict of the cases that judged it, or `untested`.
    pub state: State,
    /// The names of the cases that judged it.
    pub cases: Vec<String>,
}

/// A case that exists and was not run: not selected, of another shard, or left out after `--fail-fast`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotRun {
    /// Its name.
    pub name: String,
    /// The ids of the requirements that it covers.
    #[serde(default)]
    pub covers: Vec<String>,
}

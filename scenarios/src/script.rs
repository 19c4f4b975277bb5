//! What a script says: actors and what each of them does and must see.

use std::time::Duration;

use crate::Span;
use crate::text::Template;

/// The text of a script and the name it is shown under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The path shown in diagnostics.
    pub name: String,
    /// The script.
    pub text: String,
}

/// Which kind of implementation a scenario judges, or a requirement binds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// A server.
    #[default]
    Server,
    /// A serverless peer (XEP-0174).
    Peer,
    /// A client.
    Client,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 3] = [Role::Server, Role::Peer, Role::Client];

    /// The word for it in `## role:` and in profiles.
    pub fn name(self) -> &'static str {
        match self {
            Role::Server => "server",
            Role::Peer => "peer",
            Role::Client => "client",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// One case: a script, or a script with one row of its `Examples:` filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The name of the script without a row (`rfc6120/4.9.3.6-host-unknown`).
    pub name: String,
    /// The path shown in diagnostics.
    pub source: String,
    /// Line 1 without its `#`; the name if there is no such line.
    pub title: String,
    /// The role of the targets it judges.
    pub role: Role,
    /// What a target must have, or the case is skipped (`starttls`, `mechanism:PLAIN`).
    pub requires: Vec<String>,
    /// Every requirement that some step covers, each once, in order of appearance.
    pub covers: Vec<String>,
    /// `## matching: loose`: every element matches loosely, not only those in `jabber:client`.
    pub loose: bool,
    /// The actors, in order of declaration.
    pub actors: Vec<Actor>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// An actor has a `jid` of its own: such cases share accounts and run one at a time.
    pub fixed_jids: bool,
    /// The row of `Examples:` that was filled in.
    pub row: Option<Row>,
}

impl Script {
    /// The name of the case: for a row, with the row's first cell in brackets.
    pub fn case_name(&self) -> String {
        match &self.row {
            Some(row) => format!("{}[{}]", self.name, row.name()),
            None => self.name.clone(),
        }
    }

    /// The actor of this name.
    pub fn actor(&self, name: &str) -> Option<&Actor> {
        self.actors.iter().find(|actor| actor.name == name)
    }
}

/// A row of `Examples:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Column names and the cells of this row, from left to right.
    pub cells: Vec<(String, String)>,
    /// The line of the script, from 1.
    pub line: usize,
}

impl Row {
    /// The first cell: it names the case.
    pub fn name(&self) -> &str {
        self.cells.first().map_or("", |(_, cell)| cell)
    }
}

/// What an actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A client that logs in by itself.
    Client,
    /// A bare connection: nothing happens that is not written.
    Stream,
    /// A remote server. Reserved.
    Server,
    /// An external component. Reserved.
    Component,
    /// The server, for clients under test. Reserved.
    Service,
    /// A serverless peer (XEP-0174): multicast DNS, and streams between peers.
    Peer,
    /// The implementation under test, for roles that need a hand on it.
    Target,
}

impl ActorKind {
    /// All kinds.
    pub const ALL: [ActorKind; 7] = [
        ActorKind::Client,
        ActorKind::Stream,
        ActorKind::Server,
        ActorKind::Component,
        ActorKind::Service,
        ActorKind::Peer,
        ActorKind::Target,
    ];

    /// The word between the brackets.
    pub fn name(self) -> &'static str {
        match self {
            ActorKind::Client => "Client",
            ActorKind::Stream => "Stream",
            ActorKind::Server => "Server",
            ActorKind::Component => "Component",
            ActorKind::Service => "Service",
            ActorKind::Peer => "Peer",
            ActorKind::Target => "Target",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<ActorKind> {
        ActorKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// This version can run it.
    pub fn is_supported(self) -> bool {
        matches!(
            self,
            ActorKind::Client | ActorKind::Stream | ActorKind::Peer | ActorKind::Target
        )
    }
}

/// `[Kind] Name` and the properties under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The name, as sentences use it.
    pub name: String,
    /// What it is.
    pub kind: ActorKind,
    /// Its properties. Values may hold placeholders.
    pub properties: Props,
    /// The line that declares it.
    pub span: Span,
}

impl Actor {
    /// The bare or full JID it has to use; `None`: a fresh account is made.
    pub fn jid(&self) -> Option<&str> {
        self.properties.get("jid")
    }

    /// The password that goes with the JID.
    pub fn password(&self) -> Option<&str> {
        self.properties.get("password")
    }

    /// The resource to bind: the property, else the one of the JID; `None`: the server's choice.
    pub fn resource(&self) -> Option<&str> {
        let of_jid = || self.jid()?.split_once('/').map(|(_, resource)| resource);
        self.properties.get("resource").or_else(of_jid)
    }

    /// The name of the actor whose account this one shares.
    pub fn account(&self) -> Option<&str> {
        self.properties.get("account")
    }

    /// What it connects to: `c2s` or `c2s-tls`.
    pub fn service(&self) -> &str {
        self.properties.get("service").unwrap_or("c2s")
    }

    /// The host to connect to instead of the target's.
    pub fn connect_host(&self) -> Option<&str> {
        self.properties.get("connect_host")
    }

    /// The port to connect to instead of the target's.
    pub fn connect_port(&self) -> Option<&str> {
        self.properties.get("connect_port")
    }

    /// A fresh account must be made for it: it has no JID of its own and shares nobody's account.
    pub fn needs_account(&self) -> bool {
        self.jid().is_none() && self.account().is_none()
    }
}

/// One indented `key: value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// The key, trimmed.
    pub key: String,
    /// The value, trimmed. May hold placeholders.
    pub value: String,
    /// The line, without its indentation.
    pub span: Span,
}

/// The properties of an actor or a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Props(pub Vec<Property>);

impl Props {
    /// The value of a property.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|property| property.key == key)
            .map(|property| property.value.as_str())
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Property> {
        self.0.iter()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Index of its actor in [`Script::actors`].
    pub actor: usize,
    /// What the actor does or must see.
    pub action: Action,
    /// The requirements it accuses if it fails: resolved from the tags of the head and those
    /// before the step. Empty: a precondition.
    pub covers: Vec<String>,
    /// `within 3s`.
    pub within: Option<Duration>,
    /// The sentence, without its body.
    pub span: Span,
    /// The line of the sentence, from 1.
    pub line: usize,
}

/// How `receives:` deals with several things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `receives:` the first thing that matches; those before it are skipped.
    Skip,
    /// `receives next:` nothing is skipped.
    Next,
    /// `receives one of:` the first thing that matches one of the siblings; others are skipped.
    OneOf,
    /// `receives next one of:` the very next thing matches one of the siblings.
    NextOneOf,
    /// `receives in any order:` each of the siblings; others are skipped.
    AnyOrder,
}

/// What a sentence says. Bodies are dedented; placeholders are not yet replaced in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `connects`
    Connect,
    /// `disconnects`
    Disconnect,
    /// `drops connection`
    Drop,
    /// `sends:`
    Send(Template),
    /// `sends bytes:`
    SendBytes(Vec<Piece>),
    /// `opens stream`
    OpenStream(Props),
    /// `starts TLS`
    StartTls(Props),
    /// `authenticates`
    Authenticate(Props),
    /// `binds`
    Bind(Props),
    /// `closes stream`
    CloseStream,
    /// `receives:`, `receives next:` …
    Receive {
        /// How several things are dealt with.
        mode: Mode,
        /// What must come: see [`crate::pattern`].
        body: Template,
    },
    /// `receives stream error:`
    ReceiveStreamError {
        /// The conditions, any of which will do; empty: any condition.
        body: Template,
    },
    /// `receives nothing`
    ReceiveNothing {
        /// `for 2s`: only time can tell.
        for_: Option<Duration>,
    },
    /// `is disconnected`
    IsDisconnected(Props),
    /// Something that the target is asked to do: the hook's name. `announces`, `says` …
    Hook(&'static str, Props),
    /// `sees:`, `sees nothing like:` what the user of the target sees.
    See {
        /// It must not be seen.
        not: bool,
        /// An event a line.
        body: Template,
    },
    /// `multicasts:` a packet: see [`crate::pattern::PacketText`].
    Multicast(Template),
    /// `hears:`, `hears next:`, `hears nothing like:` a packet of the target.
    Hear {
        /// Whether others may come before it.
        mode: Hearing,
        /// What must come: see [`crate::pattern::PacketPattern`].
        body: Template,
    },
    /// `finds no fault`: nothing that the target has sent breaks one of the requirements covered.
    FindNoFault,
    /// `accepts connection`: of the target.
    Accept,
}

/// How `hears` deals with several packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hearing {
    /// `hears:` the first that matches.
    Skip,
    /// `hears next:` the next of the target.
    Next,
    /// `hears nothing like:` none that matches.
    Nothing,
}

impl Action {
    /// Its failure accuses: `receives …` and `is disconnected`.
    pub fn is_expectation(&self) -> bool {
        matches!(
            self,
            Action::Receive { .. }
                | Action::ReceiveStreamError { .. }
                | Action::ReceiveNothing { .. }
                | Action::IsDisconnected(_)
                | Action::See { .. }
                | Action::Hear { .. }
                | Action::FindNoFault
                | Action::Accept
        )
    }

    /// It negotiates (`connects` … `binds`): only tags on the line directly above make it accuse.
    pub fn is_negotiation(&self) -> bool {
        matches!(
            self,
            Action::Connect
                | Action::OpenStream(_)
                | Action::StartTls(_)
                | Action::Authenticate(_)
                | Action::Bind(_)
        )
    }

    /// The properties of the sentence, if it may have some.
    pub fn props(&self) -> Option<&Props> {
        match self {
            Action::OpenStream(props)
            | Action::StartTls(props)
            | Action::Authenticate(props)
            | Action::Bind(props)
            | Action::IsDisconnected(props)
            | Action::Hook(_, props) => Some(props),
            _ => None,
        }
    }
}

/// One line of `sends bytes:`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The bytes, with escapes and placeholders: [`crate::Bindings::expand_bytes`] makes them.
    pub line: Template,
    /// How often they are sent, one after the other.
    pub times: usize,
}

//! What scripts mean: scansion's own constructs, and ours.

use std::time::Duration;

use xmppspec_scenarios::diagnostic::render_all;
use xmppspec_scenarios::{
    Action, Diagnostic, Mode, Role, Script, Source, builtin, check, parse, pattern,
};

fn source(text: &str) -> Source {
    Source {
        name: "x.scs".to_owned(),
        text: text.to_owned(),
    }
}

fn all(text: &str) -> Vec<Script> {
    match parse(&source(text), "x") {
        Ok(scripts) => scripts,
        Err(diagnostics) => panic!("{}", render_all(&diagnostics, false, text)),
    }
}

fn one(text: &str) -> Script {
    let mut scripts = all(text);
    assert_eq!(scripts.len(), 1);
    scripts.remove(0)
}

fn errors(text: &str) -> String {
    let diagnostics = parse(&source(text), "x").unwrap_err();
    render_all(&diagnostics, false, text)
}

fn body(script: &Script, step: usize) -> &str {
    match &script.steps[step].action {
        Action::Send(body) | Action::Receive { body, .. } | Action::ReceiveStreamError { body } => {
            body
        }
        other => panic!("step {step} has no body: {other:?}"),
    }
}

/// `[Client]` with properties in any order, comments of every kind, sentences with and without a colon, dashes of any
/// number, two stanzas in one body, blank lines inside bodies and lines of blanks between them.
const SCANSION: &str = "\
# A title with: a colon
# a second line of comment

[Client] Romeo
	password: pass: word
	jid: user@localhost/balcony

[Client] Juliet's phone
	jid: juliet@localhost
	password: password
	resource: phone

---------

// vim: syntax=xml:
-- <presence/> is a comment, whatever stands in it
--
Romeo connects
Juliet's phone connects

Romeo sends
	<presence xmlns:stream=\"http://etherx.jabber.org/streams\"/>

	<message to=\"${Juliet's phone's full JID}\"
	         type='chat'>
	  <body>It&apos;s {scansion:any}</body>
	</message>
	\t
Juliet's phone receives:
	<message from=\"${Romeo's full JID}\" id='{scansion:any}'>
		<x xmlns='urn:x' scansion:strict='false' a='{scansion:capture:n}'/>
	</message>

# recording ended
Juliet's phone receives: nothing
Romeo disconnects
Romeo disconnects
";

#[test]
fn scansion_scripts_mean_what_they_mean_there() {
    let script = one(SCANSION);
    assert_eq!(script.title, "A title with: a colon");
    assert!(script.fixed_jids);
    let [romeo, phone] = &script.actors[..] else {
        panic!("{:?}", script.actors);
    };
    assert_eq!(romeo.password(), Some("pass: word"));
    assert_eq!(romeo.resource(), Some("balcony"));
    assert_eq!(phone.name, "Juliet's phone");
    assert_eq!(phone.resource(), Some("phone"));
    let actors: Vec<usize> = script.steps.iter().map(|step| step.actor).collect();
    assert_eq!(actors, [0, 1, 0, 1, 1, 0, 0]);
    assert_eq!(
        body(&script, 2),
        "<presence xmlns:stream=\"http://etherx.jabber.org/streams\"/>\n\n<message to=\"${Juliet's phone's full JID}\"\n         type='chat'>\n  <body>It&apos;s {scansion:any}</body>\n</message>"
    );
    let mut bindings = xmppspec_scenarios::Bindings::new();
    bindings.set_actor("Romeo", "user@localhost/balcony", None);
    bindings.set_actor("Juliet's phone", "juliet@localhost/phone", None);
    let Action::Send(sent) = &script.steps[2].action else {
        panic!("{:?}", script.steps[2]);
    };
    let sent = bindings.expand_body(sent).unwrap();
    let stanzas = pattern::parse_stanzas(&sent, "x").unwrap();
    assert_eq!(stanzas.len(), 2);
    assert_eq!(stanzas[1].attr("to"), Some("juliet@localhost/phone"));
    assert_eq!(
        stanzas[1].elements().next().unwrap().text(),
        "It's {scansion:any}"
    );
    assert_eq!(
        script.steps[4].action,
        Action::ReceiveNothing { for_: None }
    );
    let found = check(&source(SCANSION), "x");
    assert!(
        !found.iter().any(Diagnostic::is_error),
        "{}",
        render_all(&found, false, SCANSION)
    );
}

#[test]
fn line_ends_of_another_system_change_nothing() {
    let unix = one(SCANSION);
    let other = one(&format!("\u{feff}{}", SCANSION.replace('\n', "\r\n")));
    assert_eq!(other.title, unix.title);
    assert_eq!(other.steps.len(), unix.steps.len());
    for step in [2, 3] {
        assert_eq!(body(&other, step), body(&unix, step));
    }
}

#[test]
fn every_script_of_this_crate_can_be_run() {
    let scripts = builtin::scripts();
    assert!(scripts.len() > 200, "{}", scripts.len());
    for script in scripts {
        let name = builtin::name_of(&script.name);
        if let Err(diagnostics) = parse(script, name) {
            panic!("{}", render_all(&diagnostics, false, &script.text));
        }
    }
}

#[test]
fn tags_say_what_an_expectation_covers() {
    let script = one("\
# Title
## covers: A-1, A-2
## covers: A-3
## requires: starttls mechanism:PLAIN
## matching: loose
[Stream] Romeo
-----
Romeo connects
Romeo is disconnected
## covers: B-1
## covers: B-2
# a comment changes nothing
Romeo opens stream
Romeo receives nothing
Romeo starts TLS
## covers: none
Romeo receives nothing
## covers: C-1

Romeo binds
Romeo sends:
	x
Romeo is disconnected
");
    assert_eq!(script.requires, ["starttls", "mechanism:PLAIN"]);
    assert!(script.loose);
    assert_eq!(script.role, Role::Server);
    let covers: Vec<String> = script.steps.iter().map(|s| s.covers.join(" ")).collect();
    assert_eq!(
        covers,
        [
            "",
            "A-1 A-2 A-3",
            "B-1 B-2",
            "B-1 B-2",
            "",
            "",
            "",
            "",
            "C-1"
        ]
    );
    assert_eq!(script.covers, ["A-1", "A-2", "A-3", "B-1", "B-2", "C-1"]);
}

#[test]
fn sentences_are_read_from_their_end() {
    let script = one("\
# Title
[Client] receives next
[Stream] Romeo sends
-----
receives next connects
receives next receives next within 1.5s:
	<a/>
Romeo sends sends:
	</stream:stream>
receives next receives next one of:
	<a/><b/>
receives next receives in any order within 2m
	<a/>
receives next receives one of:
	<a/>
receives next receives:
	<a/>
receives next receives nothing for 500ms
receives next receives stream error:
Romeo sends is disconnected within 1s
	stream: closed
Romeo sends drops connection
Romeo sends closes stream
Romeo sends authenticates
	mechanism: PLAIN
");
    let modes: Vec<Mode> = script
        .steps
        .iter()
        .filter_map(|step| match step.action {
            Action::Receive { mode, .. } => Some(mode),
            _ => None,
        })
        .collect();
    assert_eq!(
        modes,
        [
            Mode::Next,
            Mode::NextOneOf,
            Mode::AnyOrder,
            Mode::OneOf,
            Mode::Skip
        ]
    );
    assert_eq!(script.steps[1].within, Some(Duration::from_millis(1500)));
    assert_eq!(script.steps[4].within, Some(Duration::from_secs(120)));
    assert_eq!(
        script.steps[7].action,
        Action::ReceiveNothing {
            for_: Some(Duration::from_millis(500))
        }
    );
    assert_eq!(body(&script, 8), "");
    assert_eq!(
        script.steps[9].action.props().unwrap().get("stream"),
        Some("closed")
    );
    assert_eq!(script.steps[10].action, Action::Drop);
    assert_eq!(script.steps[11].action, Action::CloseStream);
    assert_eq!(script.steps[9].line, 20);
}

#[test]
fn each_row_of_examples_is_a_case() {
    let scripts = all("\
# Title
## covers: ${id}
[Stream] Romeo
	resource: ${what}
-----
Romeo sends:
	${stanza}
Romeo receives nothing

Examples:
	| what  | id  | stanza      |
	| one   | A-1 | <a b='\\|'/> |

	| two x | B-1 |             |
# the end
");
    let names: Vec<String> = scripts.iter().map(Script::case_name).collect();
    assert_eq!(names, ["x[one]", "x[two x]"]);
    assert_eq!(body(&scripts[0], 0), "<a b='|'/>");
    assert_eq!(body(&scripts[1], 0), "");
    assert_eq!(scripts[1].covers, ["B-1"]);
    assert_eq!(scripts[1].actors[0].resource(), Some("two x"));
    assert_eq!(scripts[1].row.as_ref().map(|row| row.line), Some(14));
}

#[test]
fn bytes_are_written_line_by_line() {
    let script = one("\
# Title
[Stream] Romeo
-----
Romeo sends bytes:
	<a>\\x00
	\" two blanks  \" × 3
	${x × 5} × 2
	${x × 7}
	\"
");
    let Action::SendBytes(pieces) = &script.steps[0].action else {
        panic!("{:?}", script.steps[0]);
    };
    let read: Vec<(&str, usize)> = pieces.iter().map(|p| (p.line.as_str(), p.times)).collect();
    assert_eq!(
        read,
        [
            ("<a>\\x00", 1),
            (" two blanks  ", 3),
            ("${x × 5}", 2),
            ("${x × 7}", 1),
            ("\"", 1)
        ]
    );
}

#[test]
fn mistakes_of_grammar_are_all_shown() {
    insta::assert_snapshot!(errors("\
# Title
## mathcing: loose
## role: servant
[Clint] Romeo
[Client] Juliet
	resorce: balcony
	jid
[Client] Juliet
[Client]
-----
	<stray/>
Juliet recieves:
	<presence/>
Julite connects
Juliet connects within 3s
Juliet receives within three:
	<presence/>
Juliet disconnects
	now: yes
Juliet receives next:
Juliet opens stream
	too: example.org
	to: a
	to: b
## matching: loose
hello
Examples:
	| a | b |
	| 1 |
	  2
after
"), @r"
    warning: there is no tag `mathcing`
     --> x.scs:2:1
      |
    2 | ## mathcing: loose
      | ^^^^^^^^^^^^^^^^^^ taken for a comment
      |
      = help: did you mean `matching`?

    error: role is `server`, `peer` or `client`
     --> x.scs:3:1
      |
    3 | ## role: servant
      | ^^^^^^^^^^^^^^^^

    error: there is no kind of actor `Clint`
     --> x.scs:4:2
      |
    4 | [Clint] Romeo
      |  ^^^^^
      |
      = help: did you mean `[Client]`?

    error: `[Client]` has no property `resorce`
     --> x.scs:6:2
      |
    6 |     resorce: balcony
      |     ^^^^^^^
      |
      = help: did you mean `resource`?
      = note: it has `jid`, `password`, `resource`, `connect_host`, `connect_port`, `account`, `service` and `addresses`

    error: a property is written `key: value`
     --> x.scs:7:2
      |
    7 |     jid
      |     ^^^

    error: there are two actors with the name `Juliet`
     --> x.scs:8:1
      |
    5 | [Client] Juliet
      | --------------- the first one
    ...
    8 | [Client] Juliet
      | ^^^^^^^^^^^^^^^

    error: this actor has no name
     --> x.scs:9:1
      |
    9 | [Client]
      | ^^^^^^^^

    error: this belongs to no sentence
      --> x.scs:11:1
       |
    11 |     <stray/>
       | ^^^^^^^^^^^^ indented
       |
       = help: bodies and properties stand directly below their sentence; comments inside them are not possible

    error: there is no verb `recieves`
      --> x.scs:12:8
       |
    12 | Juliet recieves:
       |        ^^^^^^^^
       |
       = help: did you mean `receives`?

    error: there is no actor `Julite`
      --> x.scs:14:1
       |
    14 | Julite connects
       | ^^^^^^ not declared in the head
       |
       = help: did you mean `Juliet`?

    error: `within` has no meaning after `connects`
      --> x.scs:15:1
       |
    15 | Juliet connects within 3s
       | ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: only expectations (`receives …`, `is disconnected`) wait

    error: `three` is no duration
      --> x.scs:16:24
       |
    16 | Juliet receives within three:
       |                        ^^^^^
       |
       = help: durations are written `500ms`, `3s`, `1.5s`, `2m`

    error: `disconnects` takes nothing below it
      --> x.scs:19:1
       |
    18 | Juliet disconnects
       | ------------------
    19 |     now: yes
       | ^^^^^^^^^^^^

    error: `receives next` has no body
      --> x.scs:20:1
       |
    20 | Juliet receives next:
       | ^^^^^^^^^^^^^^^^^^^^^
       |
       = help: the body stands below it, indented

    error: `opens stream` has no property `too`
      --> x.scs:22:2
       |
    22 |     too: example.org
       |     ^^^
       |
       = help: did you mean `to`?
       = note: it has `to`, `from`, `version`, `lang`, `id` and `xmlns`

    error: `to` is said twice
      --> x.scs:24:2
       |
    24 |     to: b
       |     ^^

    error: the tag `matching` belongs into the head
      --> x.scs:25:1
       |
    25 | ## matching: loose
       | ^^^^^^^^^^^^^^^^^^
       |
       = help: it holds for the whole script: write it above the dashes

    error: this is no sentence: it does not start with the name of an actor
      --> x.scs:26:1
       |
    26 | hello
       | ^^^^^
       |
       = note: a sentence is `ACTOR VERB`; comments start with `#`, `//` or `-- `; bodies are indented

    error: `Examples:` has no rows
      --> x.scs:27:1
       |
    27 | Examples:
       | ^^^^^^^^^
       |
       = help: a header row and at least one more row stand below it, indented: `| name | value |`

    warning: the column `b` is never used
      --> x.scs:28:8
       |
    28 |     | a | b |
       |           ^ `${b}` does not occur

    error: this row has 1 cells, the header has 2
      --> x.scs:29:1
       |
    28 |     | a | b |
       |       ----- the header
    29 |     | 1 |
       | ^^^^^^^^^

    error: a row of a table starts and ends with `|`
      --> x.scs:30:1
       |
    30 |       2
       | ^^^^^^^
       |
       = help: write `\|` for a bar inside a cell

    error: nothing may follow the table of `Examples:`
      --> x.scs:31:1
       |
    27 | Examples:
       | --------- the last thing of a script
    ...
    31 | after
       | ^^^^^
    ");
    insta::assert_snapshot!(errors("Romeo connects\n"), @r"
    error: there is no actor `Romeo`
     --> x.scs:1:1
      |
    1 | Romeo connects
      | ^^^^^ not declared in the head
      |
      = help: actors come first: `[Client] Romeo`

    error: the head of the script does not end
     --> x.scs:1:1
      |
    1 | Romeo connects
      | ^^^^^^^^^^^^^^ the last line
      |
      = help: a line of dashes (`-----`) stands between the actors and the first sentence
    ");
}

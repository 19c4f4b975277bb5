use crate::diagnostic::{Severity, render_all};
use crate::script::Source;
use crate::{builtin, check};

fn checked(text: &str) -> String {
    let source = Source {
        name: "x.scs".into(),
        text: text.into(),
    };
    let diagnostics = check(&source, "x");
    render_all(&diagnostics, false, text)
}

#[test]
fn every_script_of_this_crate_is_clean() {
    let mut found = String::new();
    for source in builtin::scripts() {
        let mut diagnostics = check(source, builtin::name_of(&source.name));
        diagnostics.retain(|diagnostic| diagnostic.severity > Severity::Note);
        if !diagnostics.is_empty() {
            found.push_str(&render_all(&diagnostics, false, &source.text));
            found.push('\n');
        }
    }
    assert!(found.is_empty(), "{found}");
}

#[test]
fn requirements_that_do_not_exist_or_bind_somebody_else() {
    insta::assert_snapshot!(checked("\
# Title
## covers: RFC6120-4.9.3.6-99 RFC6120-3.1-1
[Stream] Romeo
-----
Romeo connects
## covers: XEP0174-PUB-01 RFC6120-4.9.3.6-1 nonsense
Romeo is disconnected
"), @r"
    error: there is no requirement `RFC6120-4.9.3.6-99`
     --> x.scs:2:12
      |
    2 | ## covers: RFC6120-4.9.3.6-99 RFC6120-3.1-1
      |            ^^^^^^^^^^^^^^^^^^ not in the catalogue
      |
      = help: did you mean `RFC6120-4.9.3.6-1`?

    warning: no expectation covers `RFC6120-3.1-1`
     --> x.scs:2:31
      |
    2 | ## covers: RFC6120-4.9.3.6-99 RFC6120-3.1-1
      |                               ^^^^^^^^^^^^^ holds for nothing
      |
      = help: a tag holds for the expectations (`receives …`, `is disconnected`) below it, up to the next `## covers:`

    error: `XEP0174-PUB-01` does not bind a server
     --> x.scs:6:12
      |
    6 | ## covers: XEP0174-PUB-01 RFC6120-4.9.3.6-1 nonsense
      |            ^^^^^^^^^^^^^^ binds: advertiser
      |
      = note: it demands: A peer that is available publishes a PTR record _presence._tcp.local -> user@machine._presence._tcp.local.
      = help: a script judges targets of one role: `## role: server`, `peer` or `client`

    error: there is no requirement `nonsense`
     --> x.scs:6:45
      |
    6 | ## covers: XEP0174-PUB-01 RFC6120-4.9.3.6-1 nonsense
      |                                             ^^^^^^^^ not in the catalogue
      |
      = help: `xmppspec explain SECTION` lists those of a section
    ");
}

#[test]
fn names_without_a_value() {
    insta::assert_snapshot!(checked("\
# Title
## covers: RFC6120-4.9.3.6-1
[Stream] Romeo
[Client] Juliet's phone
-----
Romeo connects
Romeo opens stream
	to: ${domian}
	id: ${Juliet's phone's full JID}
Romeo sends:
	<iq to='${id}' from='${Romeo's resource}'><x>${somebody} ${base64:\\q}</x></iq>
Romeo sends bytes:
	${id}\\x00 × 3
Romeo receives:
	<stream:stream id='{capture:id}'>
Juliet's phone connects
Juliet's phone sends:
	<message to='${Juliet's phone's full JID}' id='${id}' from='${open'/>
"), @r#"
    error: nothing has the name `domian`
     --> x.scs:8:8
      |
    8 |     to: ${domian}
      |           ^^^^^^
      |
      = help: did you mean `${domain}`?

    error: `Juliet's phone` has no resource here
     --> x.scs:9:8
      |
    9 |     id: ${Juliet's phone's full JID}
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: it has one once it `connects`

    error: `${id}` is used before it is captured
      --> x.scs:11:12
       |
    11 |     <iq to='${id}' from='${Romeo's resource}'><x>${somebody} ${base64:\q}</x></iq>
       |               ^^
    ...
    15 |     <stream:stream id='{capture:id}'>
       |                        ------------ captured here

    error: `Romeo` has no resource here
      --> x.scs:11:25
       |
    11 |     <iq to='${id}' from='${Romeo's resource}'><x>${somebody} ${base64:\q}</x></iq>
       |                            ^^^^^^^^^^^^^^^^
       |
       = help: it has one once it `binds`

    error: nothing has the name `somebody`
      --> x.scs:11:49
       |
    11 |     <iq to='${id}' from='${Romeo's resource}'><x>${somebody} ${base64:\q}</x></iq>
       |                                                    ^^^^^^^^
       |
       = note: names are those of captures, of columns, `domain`, and `X's JID`, `X's full JID`, `X's user`, `X's resource`, `X's password`

    error: unknown escape
      --> x.scs:11:68
       |
    11 |     <iq to='${id}' from='${Romeo's resource}'><x>${somebody} ${base64:\q}</x></iq>
       |                                                                       ^^
       |
       = help: escapes are \xNN \r \n \t \\ \"

    error: `${id}` is used before it is captured
      --> x.scs:13:4
       |
    13 |     ${id}\x00 × 3
       |       ^^
    14 | Romeo receives:
    15 |     <stream:stream id='{capture:id}'>
       |                        ------------ captured here

    error: this placeholder has no closing brace
      --> x.scs:18:62
       |
    18 |     <message to='${Juliet's phone's full JID}' id='${id}' from='${open'/>
       |                                                                 ^^
    "#);
}

#[test]
fn captures_that_nothing_uses() {
    insta::assert_snapshot!(checked("\
# Title
## covers: RFC6120-4.9.3.6-1
[Client] Romeo
-----
Romeo connects
Romeo receives:
	<message id='{capture:used}' from='{scansion:capture:from}@{any}'>
		<body>{capture:body}</body>
	</message>
Romeo sends:
	<message id='${used}'/>
Romeo receives next:
	<message id='{capture:used}'/>
"), @r"
    warning: `from` is captured and never used
     --> x.scs:7:31
      |
    7 |     <message id='{capture:used}' from='{scansion:capture:from}@{any}'>
      |                                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: `${from}` in a later step is its value; `{any}` is there without a name

    warning: `body` is captured and never used
     --> x.scs:8:9
      |
    8 |         <body>{capture:body}</body>
      |               ^^^^^^^^^^^^^^
      |
      = help: `${body}` in a later step is its value; `{any}` is there without a name

    warning: `used` is captured and never used
      --> x.scs:13:11
       |
    13 |     <message id='{capture:used}'/>
       |              ^^^^^^^^^^^^^^^^^^^
       |
       = help: `${used}` in a later step is its value; `{any}` is there without a name
    ");
}

#[test]
fn bodies_that_cannot_be_read() {
    insta::assert_snapshot!(checked("\
# Title
## covers: RFC6120-4.9.3.6-1
[Client] Romeo
[Stream] Juliet
-----
Romeo connects
Juliet connects
Romeo sends:
	<message><body>hello</message>
Juliet sends:
	<message><body>whatever</message>
Romeo receives:
	<message>
		<body>hello</body>
Romeo receives:
	hello
Romeo receives:
	<x:message/>
Romeo receives:
	<message a='1' a='2'/>
Romeo receives:
	<message a='{match:[a-z}'/>
Romeo receives:
	<message a='x{absent}' b='{capture:}'/>
Romeo receives:
	<message>{absent}</message>
Romeo receives:
	<message b='{capture:n'/>
Romeo receives:
	<stream:stream id='1'/>
Romeo receives:
	<?php?>
Romeo receives:
	<message a='{absent:x}'/>
Romeo receives:
	<message scansion:strict='yes'/>
Romeo receives stream error:
	<stream:error><host-gone/></stream:error>
"), @r"
    error: the end tag must have the name of the start tag
     --> x.scs:9:24
      |
    9 |     <message><body>hello</message>
      |              ------       ^
      |              |
      |              the start tag
      |
      = note: XML 1.0 §3

    error: this element has no end tag
      --> x.scs:13:2
       |
    13 |     <message>
       |     ^^^^^^^^^
       |
       = note: the body ends before it does (XML 1.0 §2.1)

    error: no text but whitespace may stand outside the root element
      --> x.scs:16:2
       |
    16 |     hello
       |     ^
       |
       = note: XML 1.0 §2.1
       = help: a body holds elements side by side

    error: the prefix is not declared
      --> x.scs:18:3
       |
    18 |     <x:message/>
       |      ^
       |
       = note: Namespaces in XML §5
       = help: `stream:` and `scansion:` are declared; others need an `xmlns:`

    error: an attribute must not appear twice in one tag
      --> x.scs:20:17
       |
    20 |     <message a='1' a='2'/>
       |                    ^
       |
       = note: XML 1.0 §3.1

    error: this is no regular expression: unclosed character class
      --> x.scs:22:14
       |
    22 |     <message a='{match:[a-z}'/>
       |                 ^^^^^^^^^^^^
       |
       = help: the syntax is that of the Rust crate `regex`; `\` escapes `{`, `}`, `(` …

    error: what is absent has nothing beside it
      --> x.scs:24:15
       |
    24 |     <message a='x{absent}' b='{capture:}'/>
       |                  ^^^^^^^^
       |
       = help: `{absent}` is the whole value; `{not:TEXT}` is there, and different

    error: only a child can be absent, or an attribute
      --> x.scs:26:2
       |
    26 |     <message>{absent}</message>
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: that nothing comes is said with `receives nothing`

    error: this matcher has no closing brace
      --> x.scs:28:14
       |
    28 |     <message b='{capture:n'/>
       |                 ^^^^^^^^

    error: a stream header has no `/`
      --> x.scs:30:2
       |
    30 |     <stream:stream id='1'/>
       |     ^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: `<stream:stream>` is the header, `</stream:stream>` the end of the stream

    error: only an XML declaration (`<?xml …?>`) can be received
      --> x.scs:32:2
       |
    32 |     <?php?>
       |     ^^^^^^^

    error: `{absent:TEXT}` stands in the text of an element
      --> x.scs:34:14
       |
    34 |     <message a='{absent:x}'/>
       |                 ^^^^^^^^^^
       |
       = help: `{absent}`: no such attribute; `{not:TEXT}`: there, and different

    error: `scansion:strict` is `true` or `false`
      --> x.scs:36:11
       |
    36 |     <message scansion:strict='yes'/>
       |              ^^^^^^^^^^^^^^^^^^^^^

    error: the condition stands here without its `<stream:error>`
      --> x.scs:38:2
       |
    38 |     <stream:error><host-gone/></stream:error>
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: `receives stream error:` takes `<host-unknown/>`
    ");
}

#[test]
fn what_is_probably_not_meant() {
    insta::assert_snapshot!(checked("\
# Title
## covers: RFC6120-4.9.3.6-1
[Client] Romeo
[Client] Juliet
-----
Romeo connects
Romeo receives:
	<message a='{aby}' scansion:strct='true'>text<body/></message>
Romeo receives:
	<iq><error><servce-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
Romeo receives stream error:
	<host-unkown/>
"), @r"
    warning: `Juliet` takes no part
     --> x.scs:4:1
      |
    4 | [Client] Juliet
      | ^^^^^^^^^^^^^^^ does nothing, and is never mentioned

    warning: there is no matcher `{aby}`
     --> x.scs:8:14
      |
    8 |     <message a='{aby}' scansion:strct='true'>text<body/></message>
      |                 ^^^^
      |
      = help: did you mean `{any}`?

    warning: `scansion:strct` has no meaning
     --> x.scs:8:21
      |
    8 |     <message a='{aby}' scansion:strct='true'>text<body/></message>
      |                        ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `strict`?

    warning: this text is not compared
     --> x.scs:8:43
      |
    8 |     <message a='{aby}' scansion:strct='true'>text<body/></message>
      |                                              ^^^^ beside child elements

    warning: RFC 6120 has no stanza error condition `servce-unavailable`
      --> x.scs:10:13
       |
    10 |     <iq><error><servce-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>
       |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: did you mean `service-unavailable`?

    warning: RFC 6120 has no stream error condition `host-unkown`
      --> x.scs:12:2
       |
    12 |     <host-unkown/>
       |     ^^^^^^^^^^^^^^
       |
       = help: did you mean `host-unknown`?
    ");
}

#[test]
fn values_that_no_step_knows() {
    insta::assert_snapshot!(checked("\
# Title
## covers: RFC6120-4.9.3.6-1
[Stream] Romeo
	jid: @localhost
	service: c2s-ssl
	connect_port: 99999
[Client] Juliet
	account: Rome
[Client] Juliet's phone
	account: Juliet
-----
Romeo connects
Romeo starts TLS
	version: 1.1
Romeo authenticates
	mechanism: SCRAM-SHA1
	fault: bad-prof
	channel-binding: tls-unique
	username: ${nobody}
Romeo is disconnected
	stream: open
	tcp: fin
Juliet's phone connects
"), @r"
    warning: `@localhost` is no JID
     --> x.scs:4:2
      |
    4 |     jid: @localhost
      |     ^^^^^^^^^^^^^^^
      |
      = note: the localpart before the '@' is empty (RFC 7622 §3.3)

    error: `c2s-ssl` is no value of `service`
     --> x.scs:5:2
      |
    5 |     service: c2s-ssl
      |     ^^^^^^^^^^^^^^^^
      |
      = help: did you mean `c2s-tls`?
      = note: it is `c2s` or `c2s-tls`

    error: `99999` is no port
     --> x.scs:6:2
      |
    6 |     connect_port: 99999
      |     ^^^^^^^^^^^^^^^^^^^

    error: there is no actor `Rome`
     --> x.scs:8:2
      |
    8 |     account: Rome
      |     ^^^^^^^^^^^^^
      |
      = help: did you mean `Romeo`?

    error: `Juliet` has no account of its own
      --> x.scs:10:2
       |
     7 | [Client] Juliet
       | --------------- it shares one itself
    ...
    10 |     account: Juliet
       |     ^^^^^^^^^^^^^^^

    warning: this needs `starttls`, which the script does not require
      --> x.scs:13:1
       |
    13 | Romeo starts TLS
       | ^^^^^^^^^^^^^^^^
       |
       = help: write `## requires: starttls` into the head: without it, a target that lacks it is blocked here, not skipped

    error: `1.1` is no value of `version`
      --> x.scs:14:2
       |
    14 |     version: 1.1
       |     ^^^^^^^^^^^^
       |
       = help: did you mean `1.2`?
       = note: it is `1.2` or `1.3`

    warning: this needs `mechanism:SCRAM-SHA1`, which the script does not require
      --> x.scs:15:1
       |
    15 | Romeo authenticates
       | ^^^^^^^^^^^^^^^^^^^
       |
       = help: write `## requires: mechanism:SCRAM-SHA1` into the head: without it, a target that lacks it is blocked here, not skipped

    error: `SCRAM-SHA1` is no value of `mechanism`
      --> x.scs:16:2
       |
    16 |     mechanism: SCRAM-SHA1
       |     ^^^^^^^^^^^^^^^^^^^^^
       |
       = help: did you mean `SCRAM-SHA-1`?
       = note: it is `ANONYMOUS`, `EXTERNAL`, `PLAIN`, `SCRAM-SHA-1`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `SCRAM-SHA-1-PLUS`, `SCRAM-SHA-256-PLUS` or `SCRAM-SHA-512-PLUS`

    error: `bad-prof` is no value of `fault`
      --> x.scs:17:2
       |
    17 |     fault: bad-prof
       |     ^^^^^^^^^^^^^^^
       |
       = help: did you mean `bad-proof`?
       = note: it is `bad-proof`, `bad-nonce`, `wrong-channel-binding`, `bad-gs2-header`, `missing-nonce`, `missing-username`, `missing-proof`, `mandatory-extension`, `downgrade` or `garbage`

    error: `tls-unique` is no value of `channel-binding`
      --> x.scs:18:2
       |
    18 |     channel-binding: tls-unique
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = note: it is `none`, `tls-exporter` or `tls-server-end-point`

    error: nothing has the name `nobody`
      --> x.scs:19:14
       |
    19 |     username: ${nobody}
       |                 ^^^^^^
       |
       = note: names are those of captures, of columns, `domain`, and `X's JID`, `X's full JID`, `X's user`, `X's resource`, `X's password`

    error: `open` is no value of `stream`
      --> x.scs:21:2
       |
    21 |     stream: open
       |     ^^^^^^^^^^^^
       |
       = note: it is `closed`

    error: `fin` is no value of `tcp`
      --> x.scs:22:2
       |
    22 |     tcp: fin
       |     ^^^^^^^^
       |
       = help: did you mean `FIN`?
       = note: it is `FIN` or `RST`
    ");
}

#[test]
fn scenarios_that_cannot_fail() {
    insta::assert_snapshot!(checked("\
# Title
[Client] Romeo
-----
Romeo connects
Romeo receives:
	<message/>
"), @r"
    warning: this scenario cannot fail: no expectation covers a requirement
     --> x.scs:4:1
      |
    4 | Romeo connects
      | ^^^^^^^^^^^^^^
      |
      = help: write `## covers: ID` into the head, or above the expectations that judge it
    ");
    insta::assert_snapshot!(checked("\
# Title
## covers: RFC6120-4.9.3.6-1
[Client] Romeo
-----
Romeo connects
## covers: RFC6120-4.9.3.5-1
Romeo receives:
	<message/>
## covers: RFC6120-4.9.3.7-1
Romeo sends:
	<message/>
"), @r"
    warning: no expectation covers `RFC6120-4.9.3.6-1`
     --> x.scs:2:12
      |
    2 | ## covers: RFC6120-4.9.3.6-1
      |            ^^^^^^^^^^^^^^^^^ holds for nothing
      |
      = help: a tag holds for the expectations (`receives …`, `is disconnected`) below it, up to the next `## covers:`

    error: there is no requirement `RFC6120-4.9.3.5-1`
     --> x.scs:6:12
      |
    6 | ## covers: RFC6120-4.9.3.5-1
      |            ^^^^^^^^^^^^^^^^^ not in the catalogue
      |
      = help: did you mean `RFC6120-4.9.3.1-1`?

    warning: no expectation covers `RFC6120-4.9.3.7-1`
     --> x.scs:9:12
      |
    9 | ## covers: RFC6120-4.9.3.7-1
      |            ^^^^^^^^^^^^^^^^^ holds for nothing
      |
      = help: a tag holds for the expectations (`receives …`, `is disconnected`) below it, up to the next `## covers:`
    ");
}

#[test]
fn each_row_is_checked_and_each_mistake_told_once() {
    insta::assert_snapshot!(checked("\
# Title
## covers: ${id}
[Client] Romeo
-----
Romeo connects
Romeo receives:
	<message id='${n}'>${stanza}</message>
Examples:
	| id                | stanza   |
	| RFC6120-4.9.3.6-1 | <a/>     |
	| RFC6120-4.9.3.6-8 | <a></b>  |
"), @r"
    error: there is no requirement `RFC6120-4.9.3.6-8`
     --> x.scs:2:12
      |
    2 | ## covers: ${id}
      |            ^^^^^ not in the catalogue
      |
      = help: did you mean `RFC6120-4.9.3.6-1`?
      = note: in the row `[RFC6120-4.9.3.6-8]`, line 11

    error: nothing has the name `n`
     --> x.scs:7:17
      |
    7 |     <message id='${n}'>${stanza}</message>
      |                    ^
      |
      = note: names are those of captures, of columns, `domain`, and `X's JID`, `X's full JID`, `X's user`, `X's resource`, `X's password`

    error: the end tag must have the name of the start tag
     --> x.scs:7:21
      |
    7 |     <message id='${n}'>${stanza}</message>
      |                        ^^^^^^^^^
      |                        |
      |                        the start tag
      |
      = note: XML 1.0 §3
      = note: in the row `[RFC6120-4.9.3.6-8]`, line 11
    ");
}

#[test]
fn steps_need_what_the_script_requires() {
    insta::assert_snapshot!(checked("\
# Title
## covers: RFC6120-4.9.3.6-1
## requires: startls mechansm:PLAIN
## requires: mechanism:SCRAM-SHA-384 disco:urn:x sm
[Stream] Romeo
	service: c2s-tls
-----
Romeo starts TLS
Romeo authenticates
	mechanism: PLAIN
Romeo receives nothing
"), @r"
    warning: `startls` is taken for the name of a stream feature
     --> x.scs:3:14
      |
    3 | ## requires: startls mechansm:PLAIN
      |              ^^^^^^^
      |
      = help: did you mean `starttls`?

    warning: no target has `mechansm:PLAIN`: the case is always skipped
     --> x.scs:3:22
      |
    3 | ## requires: startls mechansm:PLAIN
      |                      ^^^^^^^^^^^^^^
      |
      = help: did you mean `mechanism:PLAIN`?

    warning: xmppspec does not know the mechanism `SCRAM-SHA-384`
     --> x.scs:4:14
      |
    4 | ## requires: mechanism:SCRAM-SHA-384 disco:urn:x sm
      |              ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `SCRAM-SHA-1`?

    warning: this needs `direct-tls`, which the script does not require
     --> x.scs:5:1
      |
    5 | [Stream] Romeo
      | ^^^^^^^^^^^^^^
      |
      = help: write `## requires: direct-tls` into the head: without it, a target that lacks it is blocked here, not skipped

    warning: this needs `starttls`, which the script does not require
     --> x.scs:8:1
      |
    8 | Romeo starts TLS
      | ^^^^^^^^^^^^^^^^
      |
      = help: write `## requires: starttls` into the head: without it, a target that lacks it is blocked here, not skipped

    warning: this needs `mechanism:PLAIN`, which the script does not require
     --> x.scs:9:1
      |
    9 | Romeo authenticates
      | ^^^^^^^^^^^^^^^^^^^
      |
      = help: write `## requires: mechanism:PLAIN` into the head: without it, a target that lacks it is blocked here, not skipped
    ");
}

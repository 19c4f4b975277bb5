//! Rosters, subscriptions, presence, messages and requests between two clients.

mod common;

use common::{Client, condition};
use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;
use xmppspec_reference::{Config, Server};

async fn server() -> Server {
    let config = Config::new(common::DOMAIN)
        .account("romeo", "secret")
        .account("juliet", "secret");
    Server::start(config).await.unwrap()
}

/// One line for each stanza: name, type, sender.
fn lines(stanzas: &[Element]) -> Vec<String> {
    let line = |stanza: &Element| {
        let attr = |name| stanza.attr(name).unwrap_or("-").to_owned();
        let item = stanza
            .child(ns::ROSTER, "query")
            .and_then(|query| query.child(ns::ROSTER, "item"))
            .map(|item| {
                let attr = |name| item.attr(name).unwrap_or("-").to_owned();
                format!(" {} {}", attr("subscription"), attr("ask"))
            });
        let from = attr("from");
        format!(
            "{} {} {from}{}",
            stanza.name(),
            attr("type"),
            item.unwrap_or_default()
        )
    };
    stanzas.iter().map(line).collect()
}

async fn interested(server: &Server, user: &str) -> Client {
    let mut client = Client::online(server, user, "r").await;
    client
        .ask("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>")
        .await;
    client
}

/// Romeo sees Juliet's presence.
async fn subscribed(server: &Server) -> (Client, Client) {
    let mut romeo = interested(server, "romeo").await;
    let mut juliet = interested(server, "juliet").await;
    romeo
        .send("<presence to='juliet@example.org' type='subscribe'/>")
        .await;
    let asked = romeo.fence().await;
    assert_eq!(lines(&asked), ["iq set - none subscribe"]);
    let request = juliet.fence().await;
    assert_eq!(lines(&request), ["presence subscribe romeo@example.org"]);
    juliet
        .send("<presence to='romeo@example.org' type='subscribed'/>")
        .await;
    assert_eq!(lines(&juliet.fence().await), ["iq set - from -"]);
    assert_eq!(
        lines(&romeo.fence().await),
        [
            "presence subscribed juliet@example.org",
            "iq set - to -",
            "presence - juliet@example.org/r",
        ]
    );
    (romeo, juliet)
}

#[tokio::test]
async fn a_subscription_from_its_beginning_to_its_end() {
    let server = server().await;
    let (mut romeo, mut juliet) = subscribed(&server).await;
    juliet.send("<presence><show>away</show></presence>").await;
    juliet.fence().await;
    assert_eq!(
        lines(&romeo.fence().await),
        ["presence - juliet@example.org/r"]
    );
    romeo
        .send("<presence to='juliet@example.org' type='probe' id='p'/>")
        .await;
    let probed = romeo.fence().await;
    assert_eq!(lines(&probed), ["presence - juliet@example.org/r"]);
    assert!(probed[0].child(ns::CLIENT, "show").is_some());
    juliet
        .send("<presence to='romeo@example.org' type='unsubscribed'/>")
        .await;
    assert_eq!(lines(&juliet.fence().await), ["iq set - none -"]);
    assert_eq!(
        lines(&romeo.fence().await),
        [
            "presence unavailable juliet@example.org/r",
            "presence unsubscribed juliet@example.org",
            "iq set - none -",
        ]
    );
    romeo
        .send("<presence to='juliet@example.org' type='probe' id='p'/>")
        .await;
    assert_eq!(
        lines(&romeo.fence().await),
        ["presence unsubscribed juliet@example.org"]
    );
}

#[tokio::test]
async fn a_subscription_ended_by_who_had_it() {
    let server = server().await;
    for end in [
        "<presence to='juliet@example.org' type='unsubscribe'/>",
        "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='juliet@example.org' subscription='remove'/></query></iq>",
    ] {
        let (mut romeo, mut juliet) = subscribed(&server).await;
        romeo.send(end).await;
        let removed = end.contains("remove");
        let expected = if removed {
            vec![
                "iq set - remove -",
                "iq result -",
                "presence unavailable juliet@example.org/r",
            ]
        } else {
            vec![
                "presence unavailable juliet@example.org/r",
                "iq set - none -",
            ]
        };
        assert_eq!(lines(&romeo.fence().await), expected);
        assert_eq!(
            lines(&juliet.fence().await),
            ["presence unsubscribe romeo@example.org", "iq set - none -"]
        );
    }
}

#[tokio::test]
async fn approval_before_the_request() {
    let server = server().await;
    let mut juliet = interested(&server, "juliet").await;
    juliet
        .send("<presence to='romeo@example.org' type='subscribed'/>")
        .await;
    let pushed = juliet.fence().await;
    assert_eq!(lines(&pushed), ["iq set - none -"]);
    let mut romeo = interested(&server, "romeo").await;
    romeo
        .send("<presence to='juliet@example.org/r' type='subscribe'/>")
        .await;
    assert_eq!(
        lines(&romeo.fence().await),
        [
            "iq set - none subscribe",
            "presence subscribed juliet@example.org",
            "iq set - to -",
            "presence - juliet@example.org/r",
        ]
    );
    assert_eq!(lines(&juliet.fence().await), ["iq set - from -"]);
}

#[tokio::test]
async fn requests_and_messages_wait() {
    let server = server().await;
    let mut romeo = Client::online(&server, "romeo", "r").await;
    let mut early = Client::login(&server, "juliet", "early").await;
    romeo
        .send("<presence to='juliet@example.org' type='subscribe'/><presence to='juliet@example.org' type='subscribe'/>")
        .await;
    romeo
        .send("<message to='juliet@example.org' id='m'><body>x</body></message><message to='juliet@example.org' type='headline'/>")
        .await;
    assert!(romeo.fence().await.is_empty());
    assert!(early.fence().await.is_empty());
    early
        .send("<presence><priority>-1</priority></presence>")
        .await;
    assert_eq!(
        lines(&early.fence().await),
        [
            "presence - juliet@example.org/early",
            "presence subscribe romeo@example.org"
        ]
    );
    early.send("<presence/>").await;
    let got = early.fence().await;
    assert_eq!(
        lines(&got),
        [
            "presence - juliet@example.org/early",
            "message - romeo@example.org/r"
        ]
    );
    let delay = got[1].child(ns::DELAY, "delay").unwrap();
    assert!(delay.attr("stamp").unwrap().ends_with('Z'));
}

#[tokio::test]
async fn messages_go_where_the_rules_say() {
    let server = server().await;
    let mut romeo = Client::online(&server, "romeo", "r").await;
    let mut low = Client::online(&server, "juliet", "low").await;
    let mut high = Client::login(&server, "juliet", "high").await;
    let mut bot = Client::login(&server, "juliet", "bot").await;
    high.send("<presence><priority>5</priority></presence>")
        .await;
    bot.send("<presence><priority>-5</priority></presence>")
        .await;
    for client in [&mut high, &mut bot, &mut low] {
        client.fence().await;
    }
    let clients = [&mut low, &mut high, &mut bot];
    let [low, high, bot] = clients;
    for (to, kind, expected, answer) in [
        ("", "normal", [0, 1, 0], None),
        ("", "chat", [0, 1, 0], None),
        ("", "headline", [1, 1, 0], None),
        ("", "groupchat", [0, 0, 0], Some("service-unavailable")),
        ("", "error", [0, 0, 0], None),
        ("", "bogus", [0, 1, 0], None),
        ("/low", "chat", [1, 0, 0], None),
        ("/bot", "groupchat", [0, 0, 1], None),
        ("/none", "chat", [0, 1, 0], None),
        ("/none", "normal", [0, 0, 0], None),
        ("/none", "groupchat", [0, 0, 0], Some("service-unavailable")),
        ("/none", "headline", [0, 0, 0], None),
    ] {
        romeo
            .send(&format!(
                "<message to='juliet@example.org{to}' type='{kind}' id='m'><body>x</body></message>"
            ))
            .await;
        let back = romeo.fence().await;
        let errors: Vec<String> = back.iter().map(condition).collect();
        assert_eq!(errors, answer.map(str::to_owned).as_slice(), "{to} {kind}");
        let mut got = [0; 3];
        for (count, client) in got.iter_mut().zip([&mut *low, &mut *high, &mut *bot]) {
            *count = client.fence().await.len();
        }
        assert_eq!(got, expected, "{to} {kind}");
    }
    for (to, error) in [
        ("nobody@example.org", None),
        ("example.org", Some("service-unavailable")),
        ("a@else.example", Some("remote-server-not-found")),
        ("a@b@c", Some("jid-malformed")),
    ] {
        romeo.send(&format!("<message to='{to}' id='m'/>")).await;
        let errors: Vec<String> = romeo.fence().await.iter().map(condition).collect();
        assert_eq!(errors, error.map(str::to_owned).as_slice(), "{to}");
    }
}

#[tokio::test]
async fn requests_are_answered() {
    let server = server().await;
    let mut romeo = Client::online(&server, "romeo", "r").await;
    let mut juliet = Client::online(&server, "juliet", "j").await;
    let ping = "<ping xmlns='urn:xmpp:ping'/>";
    let unknown = "<query xmlns='urn:x'/>";
    let roster = "<query xmlns='jabber:iq:roster'/>";
    for (attrs, payload, error) in [
        ("type='get' id='i' to='example.org'", ping, None),
        ("type='get' id='i'", ping, None),
        ("type='get' id='i' to='romeo@example.org'", ping, None),
        (
            "type='get' id='i' to='example.org'",
            "<query xmlns='jabber:iq:version'/>",
            None,
        ),
        (
            "type='get' id='i' to='example.org/x'",
            "<query xmlns='http://jabber.org/protocol/disco#items'/>",
            None,
        ),
        (
            "type='get' id='i' to='example.org'",
            unknown,
            Some("service-unavailable"),
        ),
        (
            "type='set' id='i' to='juliet@example.org'",
            roster,
            Some("forbidden"),
        ),
        (
            "type='get' id='i' to='juliet@example.org'",
            ping,
            Some("service-unavailable"),
        ),
        (
            "type='get' id='i' to='juliet@example.org/j'",
            ping,
            Some("service-unavailable"),
        ),
        (
            "type='get' id='i' to='nobody@example.org'",
            roster,
            Some("service-unavailable"),
        ),
        (
            "type='get' id='i' to='else.example'",
            ping,
            Some("remote-server-not-found"),
        ),
        ("type='get' to='example.org'", ping, Some("bad-request")),
        ("type='foo' id='i'", ping, Some("bad-request")),
        ("id='i'", ping, Some("bad-request")),
        ("type='get' id='i'", "", Some("bad-request")),
        (
            "type='set' id='i'",
            "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>",
            Some("not-allowed"),
        ),
    ] {
        let answer = romeo.ask(&format!("<iq {attrs}>{payload}</iq>")).await;
        match error {
            None => assert_eq!(answer.attr("type"), Some("result"), "{attrs} {payload}"),
            Some(error) => assert_eq!(condition(&answer), error, "{attrs} {payload}"),
        }
    }
    // Directed presence lets requests through, and answers always pass.
    juliet.send("<presence to='romeo@example.org/r'/>").await;
    juliet.fence().await;
    romeo.until("presence").await;
    romeo
        .send(&format!(
            "<iq type='get' id='i' to='juliet@example.org/j'>{ping}</iq>"
        ))
        .await;
    romeo.fence().await;
    let request = juliet.until("iq").await;
    assert_eq!(request.attr("from"), Some("romeo@example.org/r"));
    juliet
        .send("<iq type='result' id='i' to='romeo@example.org/r'/>")
        .await;
    juliet.fence().await;
    assert_eq!(
        romeo.until("iq").await.attr("from"),
        Some("juliet@example.org/j")
    );
    // It ends when Juliet is gone without a word.
    drop(juliet);
    assert_eq!(
        romeo.element().await.attr("type"),
        Some("unavailable"),
        "directed presence is taken back"
    );
}

#[tokio::test]
async fn roster_versions() {
    let server = server().await;
    let mut romeo = interested(&server, "romeo").await;
    romeo
        .send("<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='nurse@else.example'/></query></iq>")
        .await;
    let push = romeo.element().await;
    let version = push
        .child(ns::ROSTER, "query")
        .unwrap()
        .attr("ver")
        .unwrap();
    assert_eq!(romeo.element().await.attr("type"), Some("result"));
    for (known, payload) in [(version, false), ("0", true), ("", true)] {
        let get =
            format!("<iq type='get' id='g'><query xmlns='jabber:iq:roster' ver='{known}'/></iq>");
        let result = romeo.ask(&get).await;
        let items = result
            .child(ns::ROSTER, "query")
            .map(|query| query.elements().count());
        assert_eq!(items, payload.then_some(1), "{known}");
    }
}

#[tokio::test]
async fn who_does_not_read_hurts_nobody() {
    let mut config = Config::new(common::DOMAIN)
        .account("romeo", "secret")
        .account("juliet", "secret");
    config.limits.unsent_bytes = 200_000;
    let server = Server::start(config).await.unwrap();
    let mut romeo = Client::online(&server, "romeo", "r").await;
    let juliet = Client::online(&server, "juliet", "j").await;
    // Juliet never reads: what the system's buffers do not take is refused.
    let message = format!(
        "<message to='juliet@example.org/j' id='m'><body>{}</body></message>",
        "a".repeat(100_000)
    );
    let mut refused = None;
    for _ in 0..500 {
        romeo.send(&message).await;
        if let Some(error) = romeo.fence().await.first() {
            refused = Some(condition(error));
            break;
        }
    }
    assert_eq!(refused.as_deref(), Some("resource-constraint"));
    drop(juliet);
}

#[tokio::test]
async fn a_long_answer_is_not_asked_for_many_times_at_once() {
    let server = server().await;
    let mut romeo = Client::login(&server, "romeo", "r").await;
    for n in 0..50 {
        let set = format!(
            "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='c{n}@else.example' name='{}'/></query></iq>",
            "n".repeat(1000)
        );
        assert_eq!(romeo.ask(&set).await.attr("type"), Some("result"));
    }
    let get = "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>";
    romeo.send(&get.repeat(100)).await;
    for _ in 0..100 {
        let result = romeo.element().await;
        let query = result.child(ns::ROSTER, "query").unwrap();
        assert_eq!(query.elements().count(), 50);
    }
    assert!(romeo.fence().await.is_empty());
}

//! Streams, TLS, SASL, binding, registration, from a client's side.

mod common;

use common::{Client, HEADER, condition};
use xmppspec_protocol::ns;
use xmppspec_protocol::sasl::Mechanism;
use xmppspec_protocol::stream::StreamEvent;
use xmppspec_reference::{Config, Conflict, Server};

async fn server() -> Server {
    Server::start(Config::new(common::DOMAIN).account("romeo", "secret"))
        .await
        .unwrap()
}

#[tokio::test]
async fn every_mechanism_logs_in() {
    let mut config = Config::new(common::DOMAIN).account("romeo", "secret");
    config.anonymous = true;
    let server = Server::start(config).await.unwrap();
    for &mechanism in Mechanism::ALL {
        if mechanism == Mechanism::External {
            continue;
        }
        for kind in ["tls-exporter", "tls-server-end-point"] {
            let mut client = Client::secured(&server).await;
            client
                .authenticate_with(mechanism, "romeo", "secret", kind)
                .await
                .unwrap_or_else(|failure| panic!("{mechanism:?} {failure}"));
            client.open().await;
            client.bind("balcony").await;
            if mechanism != Mechanism::Anonymous {
                assert_eq!(client.jid, "romeo@example.org/balcony");
            }
            assert!(client.fence().await.is_empty());
            client.send("</stream:stream>").await;
            assert_eq!(client.event().await, Some(StreamEvent::Closed));
            assert_eq!(client.end().await, 0);
        }
    }
    server.shutdown().await;
}

#[tokio::test]
async fn direct_tls_and_offers() {
    let server = server().await;
    let mut plain = Client::connect(&server).await;
    let (_, features) = plain.open().await;
    assert_eq!(features.elements().count(), 1);
    assert!(features.child(ns::TLS, "starttls").is_some());
    let mut client = Client::connect_tls(&server).await;
    let (header, features) = client.open().await;
    assert_eq!(header.attr("from"), Some("example.org"));
    let mechanisms = features.child(ns::SASL, "mechanisms").unwrap();
    let first = mechanisms.elements().next().unwrap();
    assert_eq!(first.text(), "SCRAM-SHA-512-PLUS");
    assert!(features.child(ns::TLS, "starttls").is_none());
    assert!(features.child(ns::REGISTER_FEATURE, "register").is_some());
}

#[tokio::test]
async fn wrong_passwords_and_too_many_of_them() {
    let server = server().await;
    let mut client = Client::secured(&server).await;
    for (mechanism, user) in [
        (Mechanism::Plain, "romeo"),
        (Mechanism::ScramSha256Plus, "romeo"),
        (Mechanism::ScramSha1, "nobody"),
    ] {
        let outcome = client.authenticate(mechanism, user, "wrong").await;
        assert_eq!(outcome, Err("not-authorized".to_owned()));
    }
    client
        .send("<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        .await;
    let failure = client.element().await;
    assert!(failure.child(ns::SASL, "aborted").is_some());
    client.stream_error("policy-violation").await;
}

#[tokio::test]
async fn headers_that_are_refused() {
    let server = server().await;
    let names = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";
    for (header, error) in [
        (
            format!("<stream:stream to='else.example' version='1.0' {names}>"),
            "host-unknown",
        ),
        (
            format!("<stream:stream to='example.org' {names}>"),
            "unsupported-version",
        ),
        (
            format!("<stream:stream to='a' to='b' version='1.0' {names}>"),
            "not-well-formed",
        ),
        ("<!DOCTYPE x><x/>".to_owned(), "restricted-xml"),
        (
            "<x:stream to='example.org' version='1.0' xmlns='jabber:client' xmlns:x='http://etherx.jabber.org/streams'>".to_owned(),
            "bad-namespace-prefix",
        ),
        (
            "<stream:stream to='example.org' version='1.0' xmlns='jabber:client' xmlns:stream='urn:x'>".to_owned(),
            "invalid-namespace",
        ),
    ] {
        let mut client = Client::connect(&server).await;
        client.send(&header).await;
        let answer = client.header().await;
        assert!(answer.is(ns::STREAMS, "stream"), "{header}");
        assert!(answer.attr("id").is_some(), "{header}");
        client.stream_error(error).await;
    }
}

#[tokio::test]
async fn what_ends_a_stream() {
    let server = server().await;
    for (text, error) in [
        ("<message><body></message>", "not-well-formed"),
        ("<message><!-- x --></message>", "restricted-xml"),
        (
            "<x:message xmlns:x='jabber:client'/>",
            "bad-namespace-prefix",
        ),
        ("<message xmlns='jabber:server'/>", "invalid-namespace"),
        ("<foo xmlns='urn:x'/>", "unsupported-stanza-type"),
        ("<pubsub/>", "unsupported-stanza-type"),
        ("text", "bad-format"),
        ("<message to='a@example.org'/>", "not-authorized"),
        ("<message a='&nbsp;'/>", "restricted-xml"),
    ] {
        let mut client = Client::secured(&server).await;
        client.send(text).await;
        if text == "text" {
            client.send("<presence/>").await;
        }
        client.stream_error(error).await;
    }
    let mut client = Client::secured(&server).await;
    client.send_bytes(b"<message>\xff</message>").await;
    client.stream_error("unsupported-encoding").await;
    let mut client = Client::login(&server, "romeo", "a").await;
    client
        .send(&format!("<message><body>{}", "a".repeat(300_000)))
        .await;
    client.stream_error("policy-violation").await;
}

#[tokio::test]
async fn a_client_that_does_not_close_is_left() {
    let server = server().await;
    let mut client = Client::connect(&server).await;
    client.send("<x").await;
    client.send(">").await;
    client.header().await;
    client.until("error").await;
    assert_eq!(client.event().await, Some(StreamEvent::Closed));
    assert_eq!(client.end().await, 0);
}

#[tokio::test]
async fn tls_that_is_no_tls() {
    let server = server().await;
    let mut client = Client::connect(&server).await;
    client.open().await;
    client
        .send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><iq/>this is no TLS")
        .await;
    assert!(client.element().await.is(ns::TLS, "proceed"));
    client.end().await;
    let mut client = Client::secured(&server).await;
    client
        .send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        .await;
    assert!(client.element().await.is(ns::TLS, "failure"));
    assert_eq!(client.event().await, Some(StreamEvent::Closed));
    assert_eq!(client.end().await, 0);
}

#[tokio::test]
async fn a_pipelined_login() {
    let server = server().await;
    let mut client = Client::secured(&server).await;
    client
        .send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHJvbWVvAHNlY3JldA==</auth>{HEADER}<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
        ))
        .await;
    assert!(client.element().await.is(ns::SASL, "success"));
    client.restart();
    assert!(client.header().await.attr("id").is_some());
    client.until("features").await;
    assert_eq!(client.element().await.attr("id"), Some("b"));
}

#[tokio::test]
async fn resources_in_conflict() {
    for conflict in [
        Conflict::TerminateOld,
        Conflict::RefuseNew,
        Conflict::Override,
    ] {
        let mut config = Config::new(common::DOMAIN).account("romeo", "secret");
        config.conflict = conflict;
        config.limits.bind_attempts = 2;
        let server = Server::start(config).await.unwrap();
        let mut old = Client::online(&server, "romeo", "balcony").await;
        let mut new = Client::secured(&server).await;
        new.authenticate(Mechanism::Plain, "romeo", "secret")
            .await
            .unwrap();
        new.open().await;
        match conflict {
            Conflict::TerminateOld => {
                new.bind("balcony").await;
                assert_eq!(new.jid, old.jid);
                old.stream_error("conflict").await;
                assert!(new.fence().await.is_empty());
            }
            Conflict::Override => {
                new.bind("balcony").await;
                assert_ne!(new.jid, old.jid);
                assert!(old.fence().await.is_empty());
            }
            Conflict::RefuseNew => {
                let bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>balcony</resource></bind></iq>";
                assert_eq!(condition(&new.ask(bind).await), "conflict");
                assert_eq!(condition(&new.ask(bind).await), "conflict");
                new.stream_error("policy-violation").await;
            }
        }
    }
}

#[tokio::test]
async fn accounts_come_and_go() {
    let server = server().await;
    let mut client = Client::secured(&server).await;
    let set = |fields: &str| {
        format!("<iq type='set' id='r'><query xmlns='jabber:iq:register'>{fields}</query></iq>")
    };
    let form = client
        .ask("<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>")
        .await;
    let query = form.child(ns::REGISTER, "query").unwrap();
    assert!(query.child(ns::REGISTER, "username").is_some());
    for (fields, error) in [
        (
            "<username>romeo</username><password>x</password>",
            "conflict",
        ),
        (
            "<username>a@b</username><password>x</password>",
            "not-acceptable",
        ),
        ("<username>juliet</username>", "not-acceptable"),
    ] {
        assert_eq!(condition(&client.ask(&set(fields)).await), error);
    }
    let made = set("<username>Juliet</username><password>secret</password>");
    assert_eq!(client.ask(&made).await.attr("type"), Some("result"));

    let mut juliet = Client::login(&server, "juliet", "a").await;
    let change = set("<username>juliet</username><password>other</password>");
    assert_eq!(juliet.ask(&change).await.attr("type"), Some("result"));
    let mut again = Client::secured(&server).await;
    let outcome = again
        .authenticate(Mechanism::ScramSha1, "juliet", "secret")
        .await;
    assert_eq!(outcome, Err("not-authorized".to_owned()));
    again
        .authenticate(Mechanism::ScramSha1, "juliet", "other")
        .await
        .unwrap();

    let removed = juliet.ask(&set("<remove/>")).await;
    assert_eq!(removed.attr("type"), Some("result"));
    juliet.stream_error("not-authorized").await;
    let mut gone = Client::secured(&server).await;
    let outcome = gone
        .authenticate(Mechanism::ScramSha1, "juliet", "other")
        .await;
    assert_eq!(outcome, Err("not-authorized".to_owned()));
}

#[tokio::test]
async fn shutdown_says_goodbye() {
    let server = server().await;
    let mut client = Client::online(&server, "romeo", "a").await;
    let goodbye = async {
        let error = client.element().await;
        assert!(error.child(ns::STREAM_ERRORS, "system-shutdown").is_some());
        assert_eq!(client.event().await, Some(StreamEvent::Closed));
        client.send("</stream:stream>").await;
        client.end().await
    };
    let (_, rest) = tokio::join!(server.shutdown(), goodbye);
    assert_eq!(rest, 0);
}

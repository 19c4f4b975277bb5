//! Findings on the reference with faults: each is a scenario that fails there, and passes on the correct server.

use tempfile::TempDir;
use xmppspec_reference::{Config, Fault};

use super::script::Shows;
use super::*;

/// A reference server and a folder for findings.
struct Field {
    running: Running,
    findings: Findings,
    folder: TempDir,
}

impl Field {
    async fn with(faults: &[Fault]) -> Self {
        let mut config = Config::new("capulet.example");
        config.faults.extend(faults);
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            running: Running::reference(config).await.expect("a server"),
            findings: Findings::open(folder.path()).expect("a folder"),
            folder,
        }
    }

    fn campaign(&mut self) -> Campaign<'_> {
        let tls = Tls::new(None).expect("TLS");
        let (running, findings) = (&mut self.running, &mut self.findings);
        Campaign::new(running, tls, findings, 7, "xmppspec run".to_owned())
    }
}

/// Plays a scenario on a reference server.
async fn played(text: &str, faults: &[Fault]) -> Option<Verdict> {
    let mut field = Field::with(faults).await;
    field.campaign().played(text).await.expect("a server")
}

/// What a campaign reports about a stanza that Romeo sends.
async fn found(fault: Fault, stanza: &str) -> (String, String, String) {
    let mut field = Field::with(&[fault]).await;
    let stanza = stanza.replace("JULIET", input::JULIET);
    let mut campaign = field.campaign();
    let wrong = campaign.tried(&mut None, stanza.as_bytes()).await;
    let bucket = wrong.expect("a server").expect("something wrong").bucket;
    campaign
        .delivered(stanza.as_bytes(), &bucket, &mut |_| {})
        .await
        .expect("findings");
    let finding = field.findings.iter().next().expect("a finding");
    assert_eq!((&finding.bucket, finding.replays), (&bucket, 3));
    let path = field.folder.path().join(&finding.file);
    let text = std::fs::read_to_string(path).expect("a scenario");
    (bucket, finding.detail.clone(), text)
}

/// A stanza through a server with a fault is found, its scenario fails there, and passes on the correct server.
async fn check(fault: Fault, stanza: &str, expected: &str) {
    let (bucket, detail, text) = found(fault, stanza).await;
    assert!(bucket.starts_with(expected), "{bucket}");
    assert!(!detail.contains("does not show it"), "{detail}\n{text}");
    assert_eq!(played(&text, &[fault]).await, Some(Verdict::Fail), "{text}");
    assert_eq!(played(&text, &[]).await, Some(Verdict::Pass), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_who_is_somebody_else() {
    let stanza = "<message from='a@b' to='JULIET'/>";
    let expected = "a stanza is delivered in the name of somebody else";
    check(Fault::FromKept, stanza, expected).await;
}

#[tokio::test]
async fn a_stanza_that_becomes_two() {
    let to = input::JULIET;
    let stanza = format!("<message to='{to}'>&lt;/message>&lt;message from='a@b'></message>");
    let text = script::delivered("A title", stanza.as_bytes(), Shows::Foreign(2));
    let verdict = played(&text, &[Fault::EscapesLost]).await;
    assert_eq!(verdict, Some(Verdict::Fail), "{text}");
    assert_eq!(played(&text, &[]).await, Some(Verdict::Pass), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stanza_that_is_no_xml() {
    let stanza = "<message to='JULIET'>&lt;</message>";
    let expected = "what it delivers is not XML as RFC 6120 allows it";
    check(Fault::EscapesLost, stanza, expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_without_a_word() {
    let expected = "the stream is closed without an error after binding";
    check(Fault::SilentOnComment, "<a><!-- x --></a>", expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_in_two_ways_must_not_be_delivered() {
    let stanza = format!("<message to='{}'/>", input::JULIET);
    let text = script::delivered("A title", stanza.as_bytes(), Shows::Delivered);
    assert_eq!(played(&text, &[]).await, Some(Verdict::Fail), "{text}");
    // An error to a bare JID is not delivered (RFC 6121 §8.5.2.1.1).
    let text = text.replace(
        "to='${Juliet's full JID}'",
        "type='error' to='${Juliet's JID}'",
    );
    assert_eq!(played(&text, &[]).await, Some(Verdict::Pass), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_ends_without_a_word_is_a_scenario_that_fails() {
    let mut field = Field::with(&[Fault::SilentOnComment]).await;
    let header = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='capulet.example' version='1.0'>";
    let attempt = Attempt {
        when: When::BeforeTls,
        bytes: format!("{header}<!-- x -->").into_bytes(),
    };
    let mut campaign = field.campaign();
    let sent = campaign.try_all(std::slice::from_ref(&attempt)).await;
    assert!(sent.is_ok_and(|sent| sent[0].wordless));
    campaign
        .wordless(&attempt, &mut |_| {})
        .await
        .expect("findings");
    let finding = field.findings.iter().next().expect("a finding");
    assert!(!finding.detail.contains("does not show it"), "{finding:?}");
    let path = field.folder.path().join(&finding.file);
    let text = std::fs::read_to_string(path).expect("a scenario");
    assert_eq!(played(&text, &[]).await, Some(Verdict::Pass), "{text}");
}

#[tokio::test]
async fn a_scenario_that_does_not_fail_is_said_to_be_such() {
    let mut field = Field::with(&[]).await;
    let attempt = Attempt {
        when: When::BeforeTls,
        bytes: b"<a/>".to_vec(),
    };
    let text = script::crowd("A title", &attempt, 1, None);
    let mut campaign = field.campaign();
    campaign
        .scenario("a bucket", "seen", &[text], 3, &mut |_| {})
        .await
        .expect("findings");
    let finding = field.findings.iter().next().expect("a finding");
    assert_eq!(
        finding.detail,
        "seen\nits scenario does not show it by itself: pass"
    );
}

#[tokio::test]
async fn a_crowd_that_an_interruption_kept_away_is_still_to_come() {
    let mut field = Field::with(&[]).await;
    let mut campaign = field.campaign();
    assert!(campaign.awaits_crowd("much"));
    campaign.crowded.insert("much".to_owned());
    assert!(!campaign.awaits_crowd("much") && campaign.awaits_crowd("more"));
    let found =
        "it offers no more streams by what is sent before TLS, on many connections at once: more";
    let told = campaign.report(found, "", b"", "scs", 3, &mut |_| {});
    told.expect("findings");
    assert!(!campaign.awaits_crowd("more"));
}

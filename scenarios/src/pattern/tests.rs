use super::*;
use crate::Bindings;

fn element(xml: &str) -> Received {
    let declared = [("stream", ns::STREAMS)];
    let mut all = Element::parse_fragment(xml.as_bytes(), &declared, ns::CLIENT).unwrap();
    assert_eq!(all.len(), 1, "{xml}");
    Received::Element(all.remove(0))
}

fn header(xml: &str) -> Received {
    let mut parser = xmppspec_protocol::stream::StreamParser::new(Default::default());
    parser.feed(xml.as_bytes());
    match parser.next_event() {
        Some(Ok(xmppspec_protocol::stream::StreamEvent::Opened(header))) => {
            Received::Header(Box::new(header))
        }
        other => panic!("{other:?}"),
    }
}

fn one(body: &str, loose: bool) -> Pattern {
    let mut all = match parse(&Template::from(body), loose, "x.scs") {
        Ok(all) => all,
        Err(diagnostic) => panic!("{}", diagnostic.render(false, body)),
    };
    assert_eq!(all.len(), 1, "{body}");
    all.remove(0)
}

/// What is different, and under what the caret stands.
fn difference(body: &str, received: &str) -> String {
    let miss = one(body, true).matches(&element(received)).unwrap_err();
    format!("{} | {}", miss.what, &body[miss.span])
}

fn matches(body: &str, received: &str) -> bool {
    one(body, true).matches(&element(received)).is_ok()
}

fn strictly(body: &str, received: &str) -> bool {
    one(body, false).matches(&element(received)).is_ok()
}

fn captures(body: &str, received: &str) -> Vec<(String, String)> {
    one(body, true).matches(&element(received)).unwrap()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn elements_of_clients_match_loosely_and_all_others_strictly() {
    let received = "<iq type='result' id='a'><query xmlns='jabber:iq:roster' ver='1'><item jid='a@b'/><item jid='c@d'/></query></iq>";
    assert!(strictly("<iq id='a'/>", received));
    assert!(strictly(
        "<iq><query xmlns='jabber:iq:roster' ver='1'><item jid='a@b'/><item jid='c@d'/></query></iq>",
        received
    ));
    for other in [
        "<query xmlns='jabber:iq:roster'><item jid='a@b'/><item jid='c@d'/></query>",
        "<query xmlns='jabber:iq:roster' ver='1'><item jid='c@d'/><item jid='a@b'/></query>",
        "<query xmlns='jabber:iq:roster' ver='1'><item jid='a@b'/></query>",
        "<query xmlns='jabber:iq:roster' ver='1'><item/><item jid='c@d'/></query>",
        "<query xmlns='jabber:iq:roster' ver='1'><item jid='a@b'/><item jid='c@d'/><item/></query>",
    ] {
        let body = format!("<iq>{other}</iq>");
        assert!(!strictly(&body, received), "{other}");
    }
    // The override holds for one element only.
    assert!(!strictly("<iq scansion:strict='true' id='a'/>", received));
    assert!(strictly(
        "<iq scansion:strict='true' type='result' id='a'><query scansion:strict='false' xmlns='jabber:iq:roster'/></iq>",
        received
    ));
}

#[test]
fn names_and_namespaces_must_be_equal() {
    assert_eq!(
        difference("<message/>", "<presence/>"),
        "this is <presence/> | <message/>"
    );
    assert_eq!(
        difference("<a xmlns='urn:x'/>", "<a/>"),
        "<a/> is in the namespace `jabber:client` | <a xmlns='urn:x'/>"
    );
    assert_eq!(
        difference("<iq><a xmlns='urn:x'/></iq>", "<iq><a xmlns=''/></iq>"),
        "<a/> is in no namespace | <a xmlns='urn:x'/>"
    );
    assert!(matches(
        "<stream:features/>",
        "<features xmlns='http://etherx.jabber.org/streams'/>"
    ));
    assert!(matches("<m xml:lang='de'/>", "<m xml:lang='de'/>"));
    assert!(!matches("<m xml:lang='de'/>", "<m lang='de'/>"));
}

#[test]
fn says_what_is_different_and_where() {
    let received = "<iq type='get' from='a@b/c'><query xmlns='jabber:iq:roster'><item jid='a@b' subscription='both'/><item jid='c@d'/></query></iq>";
    assert_eq!(
        difference("<iq from=\"a@b/c\" type = 'set'/>", received),
        "attribute `type` is `get` | type = 'set'"
    );
    assert_eq!(
        difference("<iq to='a@b'/>", received),
        "there is no attribute `to` | to='a@b'"
    );
    assert_eq!(
        difference("<iq><body>x</body></iq>", received),
        "there is no child <body/> | <body>"
    );
    // The child that was nearest to it.
    assert_eq!(
        difference(
            "<iq><query xmlns='jabber:iq:roster'><item jid='a@b' subscription='to'/></query></iq>",
            received
        ),
        "attribute `subscription` is `both` | subscription='to'"
    );
    assert_eq!(
        difference(
            "<iq><query xmlns='jabber:iq:roster'><item/><item/><item/></query></iq>",
            received
        ),
        "there are fewer children <item/> | <item/>"
    );
    assert_eq!(
        difference(
            "<message><body>hello</body></message>",
            "<message><body>bye</body></message>"
        ),
        "the text is `bye` | hello"
    );
    assert_eq!(
        difference(
            "<message><body>\n\thello\n</body></message>",
            "<message><body/></message>"
        ),
        "there is no text | hello"
    );
    assert_eq!(
        difference("<a scansion:strict='true' b='1'/>", "<a b='1' c='2'/>"),
        "there is one more attribute: `c` is `2` | <a scansion:strict='true' b='1'/>"
    );
    assert_eq!(
        difference("<a scansion:strict='true'><b/></a>", "<a><b/><c/></a>"),
        "there is one more child: <c/> | <a scansion:strict='true'>"
    );
    assert_eq!(
        difference(
            "<a scansion:strict='true'><b/><c/></a>",
            "<a><b/><stream:x/></a>"
        ),
        "child 2 is <stream:x/> | <c/>"
    );
    let depth = |body: &str| {
        one(body, true)
            .matches(&element(received))
            .unwrap_err()
            .depth
    };
    assert!(depth("<message/>") < depth("<iq type='set'/>"));
    assert!(depth("<iq type='set'/>") < depth("<iq type='set' from='a@b/c'/>"));
}

#[test]
fn loose_children_are_free_in_order_but_each_stands_for_itself() {
    let received = "<m><a x='1' y='1'/><b/><a x='1'/></m>";
    assert!(matches("<m><b/><a/><a/></m>", received));
    assert!(!matches("<m><b/><b/></m>", received));
    // The first takes what only the second can have: they exchange.
    assert!(matches("<m><a x='1'/><a y='1'/></m>", received));
    let bound = captures("<m><a x='{capture:n}'/><a y='{capture:k}'/></m>", received);
    assert_eq!(bound, [pair("n", "1"), pair("k", "1")]);
    assert!(!matches("<m><a x='1'/><a y='1'/><a/></m>", received));
}

#[test]
fn matchers_in_attributes() {
    let received = "<m a='' b='x@example.org/r' c='{any}'/>";
    assert!(matches("<m a='{any}' b='{scansion:any}'/>", received));
    assert!(!matches("<m d='{any}'/>", received));
    assert!(matches("<m d='{absent}'/>", received));
    assert_eq!(
        difference("<m a='{absent}'/>", received),
        "attribute `a` is `` | a='{absent}'"
    );
    assert!(matches("<m b='{not:y}'/>", received));
    assert!(!matches("<m d='{not:y}'/>", received));
    assert!(!matches("<m b='{not:x@example.org/r}'/>", received));
    let regex = r"<m b='{match:[a-z]{1,2}@example\.org/.}'/>";
    assert!(matches(regex, received));
    assert!(!matches("<m b='{match:example}'/>", received));
    assert!(matches("<m b='{any}@example.org/{any}'/>", received));
    assert!(!matches("<m b='{any}@example.com/{any}'/>", received));
    assert!(matches("<m b='{not:y}@{match:e[^/]+}/r'/>", received));
    assert!(!matches("<m b='{not:x}@{match:e[^/]+}/r'/>", received));
    assert_eq!(
        captures(
            "<m b='{capture:u}@{any}/{scansion:capture: r }' a='{capture:a}'/>",
            received
        ),
        [pair("u", "x"), pair("r", "r"), pair("a", "")]
    );
    // Written as a reference, or with an unknown word, a brace is a brace.
    assert!(matches("<m c='&#x7B;any}'/>", received));
    assert!(!matches("<m b='&#123;any}'/>", received));
    let json = "<m a='{&quot;k&quot;: {}}'/>";
    assert!(matches(json, json));
    // What a value means, not how it is written, is compared.
    assert!(matches(
        "<m a='&lt;&#x41;\n&amp;'/>",
        "<m a=\"&#60;A &#38;\"/>"
    ));
    assert!(matches(
        "<m a='{match:&lt;.&gt;}'/>",
        "<m a='&lt;&amp;&gt;'/>"
    ));
}

#[test]
fn matchers_in_text() {
    let received = "<m><body>two\nlines</body><empty/><n>1</n></m>";
    assert!(matches("<m><body>{any}</body></m>", received));
    assert!(matches("<m><body>\n\t{any}\n</body></m>", received));
    assert!(!matches("<m><empty>{any}</empty></m>", received));
    assert!(!matches("<m><empty>{not:x}</empty></m>", received));
    assert!(matches("<m><empty>{match:.*}</empty></m>", received));
    assert!(matches("<m><body>{any}\nlin{any}</body></m>", received));
    let section = "<m><body>two<![CDATA[\nlines]]></body></m>";
    assert!(matches(section, received));
    assert!(matches("<m><n>{match:[0-9]+}</n></m>", received));
    assert!(!matches("<m><n><![CDATA[{any}]]></n></m>", received));
    assert_eq!(
        captures("<m><n>{capture:n}</n></m>", received),
        [pair("n", "1")]
    );
    // Blank text, and text of elements with children, are not compared.
    assert!(matches("<m><body> </body></m>", received));
    assert!(matches("<m>text<body/></m>", received));
}

#[test]
fn absent_children() {
    let received = "<m><k>PLAIN</k><k>EXTERNAL</k><r a='1'/></m>";
    let neither = "<m><k>{absent:ANONYMOUS}</k><x>{absent}</x></m>";
    assert!(matches(neither, received));
    assert_eq!(
        difference("<m><k>{absent:PLAIN}</k></m>", received),
        "there is a child <k/> | <k>"
    );
    assert!(!matches("<m><r>{absent}</r></m>", received));
    assert!(matches("<m><r a='2'>{absent}</r></m>", received));
    let digit = "<m><r a='{match:[0-9]}'>\n{absent}\n</r></m>";
    assert!(!matches(digit, received));
    assert!(strictly(
        "<m scansion:strict='true'><k/><x>{absent}</x><k/><r a='1'/></m>",
        received
    ));
}

#[test]
fn headers_declarations_and_the_end() {
    let received = header(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='a' version='1.0' xml:lang='en'>",
    );
    let matches = |body: &str| one(body, false).matches(&received);
    assert!(matches("<stream:stream>").is_ok());
    assert!(matches("<stream:stream xmlns='jabber:client' version=\"1.0\" to='{absent}'>").is_ok());
    assert!(matches("<stream:stream xml:lang='{match:[a-z]+}'>").is_ok());
    assert_eq!(
        matches("<stream:stream id='{capture:id}' xmlns='{capture:ns}'>"),
        Ok(vec![pair("id", "a"), pair("ns", "jabber:client")])
    );
    let body = "<stream:stream id='a' xmlns='jabber:server'>";
    let miss = matches(body).unwrap_err();
    assert_eq!(miss.what, "the content namespace is `jabber:client`");
    assert_eq!(&body[miss.span], "xmlns='jabber:server'");
    assert!(matches("<stream:stream id='b'>").is_err());
    assert!(matches("</stream:stream>").is_err());
    assert_eq!(
        received.to_string(),
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='a' version='1.0' xml:lang='en'>"
    );

    let declaration = Received::Declaration(Declaration {
        version: "1.0".into(),
        encoding: Some("utf-8".into()),
    });
    let matches = |body: &str| one(body, false).matches(&declaration);
    assert!(matches("<?xml version='1.0'?>").is_ok());
    assert!(matches("<?xml version='1.0' encoding='UTF-8' ?>").is_ok());
    assert!(matches("<?xml encoding='{absent}'?>").is_err());
    let miss = matches("<?xml version='1.1'?>").unwrap_err();
    assert_eq!(miss.what, "the version is `1.0`");
    assert_eq!(
        declaration.to_string(),
        "<?xml version='1.0' encoding='utf-8'?>"
    );
}

#[test]
fn siblings_of_every_kind() {
    let body = Template::from(
        "<?xml version='1.0'?>\n<stream:stream a='>'>\n<stream:features/><iq/> <presence/></stream:stream >",
    );
    let all = parse(&body, false, "").unwrap();
    let shown: Vec<String> = all.iter().map(Pattern::to_string).collect();
    assert_eq!(
        shown,
        [
            "<?xml version='1.0'?>",
            "<stream:stream a='>'>",
            "<stream:features/>",
            "<iq/>",
            "<presence/>",
            "</stream:stream >"
        ]
    );
    assert!(all[5].matches(&Received::Closed).is_ok());
    let miss = all[3].matches(&Received::Text("x".into())).unwrap_err();
    let said = (miss.what.as_str(), miss.depth);
    assert_eq!(said, ("this is text between stanzas", 0));
}

#[test]
fn stream_errors_have_a_condition() {
    let received = element(
        "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text xmlns='urn:ietf:params:xml:ns:xmpp-streams'>no</text></stream:error>",
    );
    let body = Template::from("<host-gone/> <host-unknown/>");
    let all = parse_stream_errors(&body, "").unwrap();
    assert_eq!(all.len(), 2);
    assert!(all[1].matches(&received).is_ok());
    let miss = all[0].matches(&received).unwrap_err();
    let said = (miss.what.as_str(), miss.depth);
    assert_eq!(said, ("this is <host-unknown/>", 1));
    assert_eq!(
        all[0].to_string(),
        "<stream:error><host-gone xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
    );
    let any = parse_stream_errors(&Template::default(), "").unwrap();
    assert!(any[0].matches(&received).is_ok());
    assert!(any[0].matches(&element("<stream:features/>")).is_err());
    let body = Template::from("<see-other-host>{capture:host}</see-other-host>");
    let all = parse_stream_errors(&body, "").unwrap();
    let elsewhere = element(
        "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>h:1</see-other-host></stream:error>",
    );
    assert_eq!(all[0].matches(&elsewhere), Ok(vec![pair("host", "h:1")]));
}

#[test]
fn what_clients_send_is_taken_literally() {
    let body =
        Template::from("<presence/>\n<message to='{any}'><body>{capture:n}</body></message>");
    let all = parse_stanzas(&body, "").unwrap();
    assert_eq!(all[0], Element::new(ns::CLIENT, "presence"));
    assert_eq!(
        all[1].to_xml(ns::CLIENT),
        "<message to='{any}'><body>{capture:n}</body></message>"
    );
}

#[test]
fn values_of_placeholders_are_never_matchers() {
    let mut bindings = Bindings::new();
    bindings.set("n", "{any}<'&}");
    let body = bindings
        .expand_body(&Template::from("<m a='${n}' b='{not:${n}}'>${n}</m>"))
        .unwrap();
    let pattern = &parse(&body, true, "").unwrap()[0];
    let with = |b: &str| {
        Received::Element(
            Element::new(ns::CLIENT, "m")
                .with_attr("a", "{any}<'&}")
                .with_attr("b", b)
                .with_text("{any}<'&}"),
        )
    };
    assert!(pattern.matches(&with("x")).is_ok());
    assert!(pattern.matches(&with("{any}<'&}")).is_err());
}

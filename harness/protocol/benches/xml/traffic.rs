//! A stream such as a busy server sends: the same on every run and every machine.

use std::fmt::Write;

/// The header of the stream.
const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' id='c2a5b6f0' from='example.org' version='1.0' xml:lang='en'>";

/// A whole stream of at least `bytes` bytes.
pub(crate) fn stream(bytes: usize) -> String {
    let mut out = String::with_capacity(bytes + 8192);
    out.push_str(HEADER);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    while out.len() < bytes {
        stanza(&mut random, &mut out);
    }
    out.push_str("</stream:stream>");
    out
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }

    fn id(&mut self) -> u64 {
        self.below(usize::MAX >> 1) as u64
    }
}

const PEOPLE: [&str; 8] = [
    "romeo@montague.lit",
    "juliet@capulet.lit",
    "nurse@capulet.lit",
    "mercutio@verona.example",
    "benvolio@montague.lit",
    "bücher@example.org",
    "tybalt@capulet.lit",
    "friar.laurence@monastery.example",
];
const RESOURCES: [&str; 6] = [
    "orchard",
    "balcony",
    "gajim.4P0J1S2K",
    "Conversations.x8Qz",
    "dino.37ac8f2b",
    "phone",
];
const LINES: [&str; 8] = [
    "But soft, what light through yonder window breaks?",
    "ok",
    "See https://example.org/search?q=xmpp&amp;page=2 &lt;- that one",
    "It is the east, and Juliet is the sun.\nArise, fair sun, and kill the envious moon,\nWho is already sick and pale with grief.",
    "Schöne Grüße aus Köln, bis später am Fluß",
    "👍 будет сделано, 明天見",
    "A quite ordinary message of a quite ordinary length, as people write them all day long to each other, and nothing special in it at all.",
    "Wherefore art thou Romeo? Deny thy father &amp; refuse thy name; or if thou wilt not, be but sworn my love, and I&apos;ll no longer be a Capulet.",
];

fn stanza(random: &mut Random, out: &mut String) {
    let (from, to) = (random.of(&PEOPLE), random.of(&PEOPLE));
    let (one, other) = (random.of(&RESOURCES), random.of(&RESOURCES));
    let (id, line) = (random.id(), random.of(&LINES));
    let written = match random.below(20) {
        0..=6 => write!(
            out,
            "<presence from='{from}/{one}' to='{to}'><show>{}</show><status>{line}</status><priority>5</priority>\
            <c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://gajim.org' ver='66/0NaeaBKkwk85efJTGmU47vXI='/>\
            <x xmlns='vcard-temp:x:update'><photo>01b87fcd030b72895ff8e88db57ec525450f000d</photo></x></presence>",
            random.of(&["away", "chat", "dnd", "xa"])
        ),
        7..=11 => write!(
            out,
            "<message from='{from}/{one}' to='{to}/{other}' id='{id:016x}' type='chat' xml:lang='en'><body>{line}</body>\
            <active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>\
            <markable xmlns='urn:xmpp:chat-markers:0'/><origin-id xmlns='urn:xmpp:sid:0' id='{id:016x}'/></message>"
        ),
        12 | 13 => write!(
            out,
            "<message xmlns='jabber:client' from='{to}' to='{to}/{other}' type='chat'><received xmlns='urn:xmpp:carbons:2'>\
            <forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-11-24T14:{:02}:00Z'/>\
            <message xmlns='jabber:client' from='{from}/{one}' to='{to}' id='{id:016x}' type='chat'><body>{line}</body>\
            <thread>{id:x}</thread></message></forwarded></received></message>",
            random.below(60)
        ),
        14 | 15 => write!(
            out,
            "<iq from='{from}/{one}' to='{to}/{other}' id='{id:x}' type='result'>\
            <query xmlns='http://jabber.org/protocol/disco#info' node='https://gajim.org#66/0NaeaBKkwk85efJTGmU47vXI='>\
            <identity category=\"client\" type=\"pc\" name=\"Gajim\"/><feature var='http://jabber.org/protocol/caps'/>\
            <feature var='http://jabber.org/protocol/disco#info'/><feature var='urn:xmpp:ping'/>\
            <feature var='jabber:iq:version'/><feature var='urn:xmpp:receipts'/></query></iq>"
        ),
        16 => write!(out, "<iq to='{to}/{other}' id='{id:x}' type='result'><query xmlns='jabber:iq:roster' ver='ver{id}'>")
            .and_then(|()| {
                (0..20 + random.below(40)).try_for_each(|n| {
                    let (who, group) = (random.of(&PEOPLE), random.of(&["Friends", "Work &amp; more", "Family"]));
                    write!(
                        out,
                        "\n  <item jid='{n}.{who}' name='Contact &quot;{n}&quot;' subscription='both'><group>{group}</group></item>"
                    )
                })
            })
            .and_then(|()| write!(out, "\n</query></iq>")),
        17 => write!(
            out,
            "<message from='pubsub.{to}' to='{to}' type='headline'><event xmlns='http://jabber.org/protocol/pubsub#event'>\
            <items node='urn:xmpp:microblog:0'><item id='{id:x}'><entry xmlns='http://www.w3.org/2005/Atom'>\
            <title type='text'>{line}</title><published>2026-11-24T14:00:00Z</published>\
            <link rel='alternate' type='text/html' href='https://example.org/posts/{id}'/></entry></item></items></event></message>"
        ),
        18 => writeln!(out, "<r xmlns='urn:xmpp:sm:3'/><iq from='{to}' id='{id:x}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>"),
        _ => write!(
            out,
            "<iq type='set' id='{id:x}' to='{to}'><pubsub xmlns='http://jabber.org/protocol/pubsub'>\
            <publish node='urn:xmpp:avatar:data'><item id='{id:x}'><data xmlns='urn:xmpp:avatar:data'>{}</data></item>\
            </publish></pubsub></iq>",
            "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAYAAACqaXHeAAAgAElEQVR4nO2b".repeat(4 + random.below(40))
        ),
    };
    written.expect("writing to a string does not fail");
}

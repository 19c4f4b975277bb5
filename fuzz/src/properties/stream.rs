//! Streams: the same events however bytes are cut, no panic, limits that hold.

use std::ops::Range;

use xmppspec_protocol::stream::{StreamEvent, StreamParser};
use xmppspec_protocol::xml::{Event, Limits, Mode, Parser, Reader, Rule, XmlError, canonical};

use super::{Fold, digest};

/// Limits so low that small inputs meet them.
fn low(choice: u64) -> Limits {
    let up_to = |most: u64, at: u32| (choice.rotate_right(at) % (most + 1)) as usize;
    Limits {
        element_bytes: up_to(100, 10),
        depth: up_to(4, 20),
        attributes: up_to(3, 30),
        namespaces: up_to(3, 40),
    }
}

/// The parser gives the same events and the same error for any chunking, which is chosen by the bytes, as soon as the
/// bytes are there; offsets never go back; limits refuse what exceeds them, and nothing else. Of a fuzzer's inputs most are
/// only read: no panic, and every start has its end.
pub fn stream(bytes: &[u8]) {
    let choice = digest(bytes);
    let mode = if choice & 1 == 0 {
        Mode::Stream
    } else {
        Mode::Element
    };
    // Reading again costs as much again, or three times: each part gets its share of a fuzzer's inputs, and all of a test's.
    let turn = choice >> 1 & 127;
    if cfg!(fuzzing) && turn > 10 {
        whole(bytes, mode, Limits::NONE, false);
        return;
    }
    let has_turn = |turns: Range<u64>| !cfg!(fuzzing) || turns.contains(&turn);
    let whole = whole(bytes, mode, Limits::NONE, true);
    if has_turn(0..8) {
        let cut = chunked(bytes, mode, Limits::NONE, Some(choice), true);
        assert!(
            whole == cut,
            "chunks matter: {:?} {:?} {:?}",
            canonical(bytes, mode, Limits::NONE),
            whole.error,
            cut.error
        );
    }
    if has_turn(8..9) {
        limits(bytes, mode, choice, &whole);
    }
    if has_turn(9..10) {
        open(bytes, mode, choice);
    }
    if has_turn(10..11) {
        elements(bytes, choice);
    }
}

/// What was read, as numbers: comparing costs nothing, and `canonical` can tell the words.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    events: usize,
    hash: u64,
    deepest: isize,
    error: Option<XmlError>,
}

/// Puts events together in a few instructions each.
struct Observer {
    /// None where nothing will be compared.
    hash: Option<Fold>,
    events: usize,
    depth: isize,
    deepest: isize,
    shallowest: isize,
}

impl Observer {
    fn new(compares: bool) -> Self {
        Observer {
            hash: compares.then_some(Fold(0)),
            events: 0,
            depth: 0,
            deepest: 0,
            shallowest: 0,
        }
    }

    fn see(&mut self, event: &Event<'_>) {
        // Nothing here can overflow, and a check is a comparison that a fuzzer looks at.
        self.events = self.events.wrapping_add(1);
        match event {
            Event::Declaration(_) => {}
            Event::Start(_) => {
                self.depth = self.depth.wrapping_add(1);
                self.deepest = self.deepest.max(self.depth);
            }
            Event::Text(text) => assert!(!text.is_empty(), "empty text is no event"),
            Event::End(_) => {
                self.depth = self.depth.wrapping_sub(1);
                self.shallowest = self.shallowest.min(self.depth);
            }
        }
        if let Some(hash) = &mut self.hash {
            fold(event, hash);
        }
    }

    fn seen(self, error: Option<XmlError>) -> Seen {
        assert!(self.shallowest == 0, "an end has a start");
        assert!(
            error.is_some() || self.depth == 0,
            "a document that was read to its end is closed"
        );
        Seen {
            events: self.events,
            hash: self.hash.map_or(0, |hash| hash.0),
            deepest: self.deepest,
            error,
        }
    }
}

fn fold(event: &Event<'_>, hash: &mut Fold) {
    match event {
        Event::Declaration(declaration) => hash.bytes(declaration.version.as_bytes()),
        Event::Start(start) => {
            hash.number(1);
            for part in [start.ns(), start.prefix(), start.name()] {
                hash.bytes(part.as_bytes());
            }
            for attr in start.attrs() {
                for part in [attr.ns(), attr.prefix(), attr.name(), attr.value()] {
                    hash.bytes(part.as_bytes());
                }
            }
        }
        Event::Text(text) => {
            hash.number(2);
            hash.bytes(text.as_bytes());
        }
        Event::End(end) => {
            hash.number(3);
            for part in [end.ns(), end.name()] {
                hash.bytes(part.as_bytes());
            }
        }
    }
}

fn whole(bytes: &[u8], mode: Mode, limits: Limits, compares: bool) -> Seen {
    let mut reader = Reader::new(bytes, mode, limits);
    let (mut observer, mut before) = (Observer::new(compares), 0);
    loop {
        match reader.next() {
            Ok(Some(event)) => observer.see(&event),
            Ok(None) => return observer.seen(None),
            Err(error) => return observer.seen(Some(error)),
        }
        if !compares {
            continue;
        }
        let offset = reader.offset();
        assert!(
            before <= offset && offset <= bytes.len() as u64,
            "offsets go forward: {before}, {offset}"
        );
        before = offset;
    }
}

/// How much of what is left comes next: a byte, a few, or up to all of it; without a state all of it.
fn next_size(state: &mut Option<u64>, left: usize) -> usize {
    let Some(state) = state else {
        return left;
    };
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    let random = (*state >> 33) as usize;
    let size = match random & 7 {
        0 => 1,
        1..=3 => 2 + (random >> 3) % 30,
        _ => 16 + (random >> 3) % left.max(500),
    };
    size.min(left)
}

/// Reads chunks of these sizes. Unless the input `ends` with the last, more might come.
fn chunked(bytes: &[u8], mode: Mode, limits: Limits, mut sizes: Option<u64>, ends: bool) -> Seen {
    let mut parser = Parser::new(mode, limits);
    let (mut observer, mut rest) = (Observer::new(true), bytes);
    loop {
        let over = rest.is_empty();
        loop {
            let event = if over && ends {
                parser.last_event()
            } else {
                parser.next_event()
            };
            match event {
                Ok(Some(event)) => observer.see(&event),
                Ok(None) => break,
                Err(error) => return observer.seen(Some(error)),
            }
        }
        if over {
            if !ends {
                observer.depth = 0;
            }
            return observer.seen(None);
        }
        let (chunk, after) = rest.split_at(next_size(&mut sizes, rest.len()));
        rest = after;
        parser.feed(chunk);
    }
}

/// With low limits: the same for any chunks; either nothing differs from the reading without, or a limit is what refuses.
fn limits(bytes: &[u8], mode: Mode, choice: u64, free: &Seen) {
    let low = low(choice);
    let limited = whole(bytes, mode, low, true);
    let cut = chunked(bytes, mode, low, Some(choice.rotate_left(7)), true);
    assert!(
        limited == cut,
        "chunks matter to limits: {limited:?} {cut:?}"
    );
    assert!(
        limited.deepest <= low.depth as isize,
        "the depth is limited"
    );
    let is_limit = limited.error.is_some_and(|error| {
        matches!(
            error.rule,
            Rule::ElementTooLarge
                | Rule::TooDeep
                | Rule::TooManyAttributes
                | Rule::TooManyDeclarations
        )
    });
    assert!(
        is_limit || limited == *free,
        "limits change nothing else: {limited:?} {free:?}"
    );
}

/// What has come is read as far as it goes: chunks do not even matter to when something is found.
fn open(bytes: &[u8], mode: Mode, choice: u64) {
    let whole = chunked(bytes, mode, Limits::NONE, None, false);
    let cut = chunked(
        bytes,
        mode,
        Limits::NONE,
        Some(choice.rotate_left(13)),
        false,
    );
    assert!(whole == cut, "chunks matter to time: {whole:?} {cut:?}");
}

/// Elements of the stream come out the same from chunks, and are what their own bytes say.
fn elements(bytes: &[u8], choice: u64) {
    let read = |mut state: Option<u64>| {
        let mut parser = StreamParser::new(Limits::default());
        let (mut all, mut rest) = (Vec::new(), bytes);
        loop {
            let (chunk, after) = rest.split_at(next_size(&mut state, rest.len()));
            rest = after;
            parser.feed(chunk);
            while let Some(event) = parser.next_event() {
                match event {
                    Ok(event) => all.push(event),
                    Err(error) => {
                        assert_eq!(parser.next_event(), Some(Err(error)), "errors stay");
                        return (all, Some(error));
                    }
                }
            }
            if rest.is_empty() {
                return (all, None);
            }
        }
    };
    let (whole, cut) = (read(None), read(Some(choice)));
    assert!(whole == cut, "chunks matter to elements: {whole:?} {cut:?}");
    let ends = |event: &StreamEvent| matches!(event, StreamEvent::Closed);
    let closed = whole.0.iter().position(ends);
    assert!(
        closed.is_none_or(|at| at + 1 == whole.0.len()),
        "nothing follows the end of a stream"
    );
}

//! Inputs made by chance: new documents, and known inputs with a few things changed.

use arbitrary::Unstructured;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt, SeedableRng};

use crate::pieces::{BROKEN_UTF8, NASTIES};
use crate::{SEEDS, document};

/// So many bytes describe a new document at most.
const MOST_DESCRIPTION: usize = 1500;
/// So many where a fuzzer makes it grow.
const SMALL_DESCRIPTION: usize = 200;
/// Changes of one input.
const MOST_CHANGES: usize = 5;
/// Inputs do not grow beyond this by being changed.
const MOST_BYTES: usize = 1 << 16;

/// Bytes by chance.
pub fn bytes(rng: &mut StdRng, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(0..=most)];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// A document: new, new and damaged, or one of the known inputs with changes.
pub fn document(rng: &mut StdRng, known: &[Vec<u8>]) -> Vec<u8> {
    let description = bytes(rng, MOST_DESCRIPTION);
    let mut description = Unstructured::new(&description);
    match rng.random_range(0..10) {
        0..=2 => document::element(&mut description),
        3..=4 => document::damaged(&mut description),
        _ => match known.choose(rng) {
            Some(input) => changed(rng, input, known),
            None => document::element(&mut description),
        },
    }
}

/// What one turn of eight makes of an input of a coverage-guided fuzzer: a new document, the input with a new element
/// inside, or with a few changes. In the other turns, `None`, the fuzzer changes it as bytes.
pub fn as_xml(seed: u32, input: &[u8]) -> Option<Vec<u8>> {
    let turn = seed % 32;
    if turn > 3 {
        return None;
    }
    let mut rng = StdRng::seed_from_u64(seed.into());
    if turn > 1 {
        return Some(changed(&mut rng, input, SEEDS));
    }
    let description = bytes(&mut rng, SMALL_DESCRIPTION);
    let mut description = Unstructured::new(&description);
    if turn == 1 {
        let at = place(&mut rng, input);
        let new = document::element(&mut description);
        return Some([&input[..at], &new, &input[at..]].concat());
    }
    Some(match rng.random_range(0..3) {
        0 => document::element(&mut description),
        1 => document::damaged(&mut description),
        _ => document::stream(&mut description),
    })
}

/// An input with a few changes: pieces added, taken away, doubled, exchanged, or taken from another one.
pub fn changed(rng: &mut StdRng, input: &[u8], others: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut out = input.to_vec();
    for _ in 0..rng.random_range(1..=MOST_CHANGES) {
        let at = place(rng, &out);
        let end = (at + rng.random_range(0..24usize)).min(out.len());
        match rng.random_range(0..10) {
            0..=2 => {
                let piece = NASTIES.choose(rng).copied().unwrap_or_default();
                out.splice(at..at, piece.bytes());
            }
            3 => {
                let piece = NASTIES.choose(rng).copied().unwrap_or_default();
                out.splice(at..end, piece.bytes());
            }
            4 => {
                out.drain(at..end);
            }
            5 => {
                let piece = out[at..end].to_vec();
                let times = rng.random_range(1..4);
                out.splice(at..at, piece.repeat(times));
            }
            6 => {
                if let Some(byte) = out.get_mut(at) {
                    *byte = rng.random();
                }
            }
            7 => {
                let from = others.choose(rng).map(AsRef::as_ref).unwrap_or_default();
                let a = rng.random_range(0..=from.len());
                let b = (a + rng.random_range(0..64usize)).min(from.len());
                out.splice(at..end, from[a..b].iter().copied());
            }
            8 => {
                let piece = BROKEN_UTF8.choose(rng).copied().unwrap_or_default();
                out.splice(at..at, piece.iter().copied());
            }
            _ => swap_tokens(rng, &mut out),
        }
    }
    out.truncate(MOST_BYTES);
    out
}

/// Somewhere in an input, most likely where one piece of markup ends and another begins: there readers change their mind.
fn place(rng: &mut StdRng, out: &[u8]) -> usize {
    let anywhere = rng.random_range(0..=out.len());
    let is_mark = |byte: &u8| {
        matches!(
            byte,
            b'<' | b'>' | b'/' | b' ' | b'=' | b'\'' | b'"' | b'[' | b'?'
        )
    };
    match rng.random_range(0..12) {
        0 => 0,
        1 => out.len(),
        2..=7 => {
            let next = out[anywhere..].iter().position(is_mark);
            let at = next.map_or(out.len(), |after| anywhere + after);
            (at + rng.random_range(0..=1usize)).min(out.len())
        }
        _ => anywhere,
    }
}

/// Exchanges two pieces between marks of markup, so that what is mostly stays in its place.
fn swap_tokens(rng: &mut StdRng, out: &mut [u8]) {
    let marks: Vec<usize> = (0..out.len())
        .filter(|at| matches!(out[*at], b'<' | b'>' | b' ' | b'=' | b'"' | b'\''))
        .collect();
    if marks.len() < 3 {
        return;
    }
    let mut three = [0; 3].map(|_: u8| marks[rng.random_range(0..marks.len())]);
    three.sort_unstable();
    let [a, b, c] = three;
    out[a..c].rotate_left(b - a);
}

/// Makes a document of so many parts.
pub type Stress = fn(usize) -> Vec<u8>;

/// Documents that are simple but large, for what costs more than it should, each with what it has many of.
pub const STRESSES: &[(&str, Stress)] = &[
    ("depth", |n| {
        ["<a>".repeat(n), "</a>".repeat(n)].concat().into_bytes()
    }),
    ("attributes", |n| {
        let all: String = (0..n).map(|at| format!(" a{at}=''")).collect();
        format!("<a{all}/>").into_bytes()
    }),
    ("prefixes", |n| {
        let all: String = (0..n).map(|at| format!(" xmlns:p{at}='u{at}'")).collect();
        format!("<a{all}/>").into_bytes()
    }),
    ("nested prefixes", |n| {
        let open: String = (0..n)
            .map(|at| format!("<p{at}:a xmlns:p{at}='u'>"))
            .collect();
        let close: String = (0..n).rev().map(|at| format!("</p{at}:a>")).collect();
        [open, close].concat().into_bytes()
    }),
    ("text", |n| {
        format!("<a>{}</a>", "x".repeat(n * 8)).into_bytes()
    }),
    ("references", |n| {
        format!("<a>{}</a>", "&amp;".repeat(n)).into_bytes()
    }),
    ("value", |n| {
        format!("<a b='{}'/>", "&#9;x".repeat(n)).into_bytes()
    }),
    ("sections", |n| {
        format!("<a>{}</a>", "<![CDATA[]]>".repeat(n)).into_bytes()
    }),
    ("children", |n| {
        format!("<a>{}</a>", "<b/>".repeat(n)).into_bytes()
    }),
    ("colons", |n| format!("<a{}/>", ":a".repeat(n)).into_bytes()),
    ("name", |n| format!("<{}/>", "a".repeat(n)).into_bytes()),
    ("text that ends late", |n| {
        format!("<a>{}", "]]&gt;".repeat(n)).into_bytes()
    }),
    ("comments", |n| {
        format!("<a>{}</a>", "<!-- - -->x".repeat(n)).into_bytes()
    }),
    ("instructions", |n| {
        format!("<a>{}</a>", "<?p q?>x".repeat(n)).into_bytes()
    }),
    ("entities that double each other", |n| {
        // As many as it takes for so many parts, and never a small number.
        let count = 20 + n.ilog2();
        let all: String = (1..count)
            .map(|at| format!("<!ENTITY e{at} '&e{0};&e{0};'>", at - 1))
            .collect();
        format!(
            "<!DOCTYPE a [<!ENTITY e0 'xxxxxxxx'>{all}]><a>&e{};</a>",
            count - 1
        )
        .into_bytes()
    }),
    ("tag that does not end", |n| {
        format!("<a{}", " b='".repeat(n)).into_bytes()
    }),
];

/// Document type declarations of so many parts, without a document.
pub const PROLOGS: &[(&str, Stress)] = &[
    ("entities in each other", |n| {
        let all: String = (1..n)
            .map(|at| format!("<!ENTITY e{at} '&e{};'>", at - 1))
            .collect();
        format!(
            "<!DOCTYPE stream [<!ENTITY e0 'x'>{all}<!ATTLIST stream to CDATA '&e{};'>]>",
            n.max(1) - 1
        )
        .into_bytes()
    }),
    ("parameter entities", |n| {
        let all: String = (1..n)
            .map(|at| format!("<!ENTITY % e{at} '%e{};'>", at - 1))
            .collect();
        format!(
            "<!DOCTYPE stream [<!ENTITY % e0 'x'>{all}%e{};]>",
            n.max(1) - 1
        )
        .into_bytes()
    }),
    ("groups in each other", |n| {
        format!(
            "<!DOCTYPE stream [<!ELEMENT stream {}a{}>]>",
            "(".repeat(n),
            ")".repeat(n)
        )
        .into_bytes()
    }),
    ("attribute lists", |n| {
        let all: String = (0..n).map(|at| format!("a{at} CDATA 'x' ")).collect();
        format!("<!DOCTYPE stream [<!ATTLIST stream {all}>]>").into_bytes()
    }),
    ("comments", |n| "<!-- - -->".repeat(n).into_bytes()),
    ("instructions", |n| "<?a b?>".repeat(n).into_bytes()),
];

#[cfg(test)]
mod tests {
    use super::*;
    use xmppspec_protocol::element::Element;

    #[test]
    fn a_fuzzer_gets_xml_in_one_turn_of_eight() {
        let made: Vec<_> = (0..3200).filter_map(|seed| as_xml(seed, b"<a/>")).collect();
        assert_eq!(made.len(), 400);
        let read = |xml: &&Vec<u8>| Element::parse(xml).is_ok();
        let good = made.iter().filter(read).count();
        assert!((50..350).contains(&good), "{good} are well-formed");
        assert_eq!(as_xml(1, b"<a/>"), as_xml(1, b"<a/>"));
    }

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        let known = [b"<a b='c'>d</a>".to_vec(), b"<message/>".to_vec()];
        let make = |seed| {
            let mut rng = StdRng::seed_from_u64(seed);
            (0..50)
                .map(|_| document(&mut rng, &known))
                .collect::<Vec<_>>()
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
        for (kind, make) in STRESSES.iter().chain(PROLOGS) {
            assert!(make(100).len() > 100, "{kind}");
        }
    }
}

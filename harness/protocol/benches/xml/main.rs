//! How fast XML is read: beside other readers on the same stream, and that the cost is linear.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::stream::{StreamEvent, StreamParser};
use xmppspec_protocol::xml::{Event, Limits, Mode, Parser, Reader};

mod traffic;

/// What a socket gives at a time.
const CHUNK: usize = 16 * 1024;

/// Our events, everything looked at. Gives a number that depends on all of it.
fn events(bytes: &[u8]) -> usize {
    let mut reader = Reader::new(bytes, Mode::Stream, Limits::default());
    let mut sum = 0;
    while let Some(event) = reader.next().expect("well-formed") {
        sum += look(&event);
    }
    sum
}

fn look(event: &Event<'_>) -> usize {
    match event {
        Event::Declaration(_) => 0,
        Event::Start(start) => {
            let attrs = start
                .attrs()
                .map(|a| a.ns().len() + a.name().len() + a.value().len());
            start.ns().len() + start.name().len() + attrs.sum::<usize>()
        }
        Event::Text(text) => text.len(),
        Event::End(end) => end.ns().len() + end.name().len(),
    }
}

fn chunked(bytes: &[u8], size: usize, limits: Limits) -> usize {
    let mut parser = Parser::new(Mode::Stream, limits);
    let mut sum = 0;
    for chunk in bytes.chunks(size) {
        parser.feed(chunk);
        while let Some(event) = parser.next_event().expect("well-formed") {
            sum += look(&event);
        }
    }
    assert!(parser.last_event().expect("complete").is_none());
    sum
}

/// Our elements, as a connection reads them.
fn elements(bytes: &[u8]) -> usize {
    let mut parser = StreamParser::new(Limits::default());
    let mut count = 0;
    for chunk in bytes.chunks(CHUNK) {
        parser.feed(chunk);
        while let Some(event) = parser.next_event() {
            if let StreamEvent::Element(element) = event.expect("well-formed") {
                count += usize::from(!black_box(element).name().is_empty());
            }
        }
    }
    count
}

/// quick-xml with its checks off, every name resolved and every text and value unescaped.
fn ns_reader(text: &str) -> usize {
    use quick_xml::events::Event;
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_end_names = false;
    let mut sum = 0;
    let named = |ns: quick_xml::name::ResolveResult<'_>, local: quick_xml::name::LocalName<'_>| {
        let ns = if let quick_xml::name::ResolveResult::Bound(ns) = ns {
            ns.0.len()
        } else {
            0
        };
        ns + local.as_ref().len()
    };
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(start) | Event::Empty(start) => {
                let (ns, local) = reader.resolver().resolve_element(start.name());
                sum += named(ns, local);
                for attr in start.attributes().with_checks(false) {
                    let attr = attr.expect("well-formed");
                    let (ns, local) = reader.resolver().resolve_attribute(attr.key);
                    let value = attr
                        .normalized_value(XmlVersion::Explicit1_0)
                        .expect("well-formed");
                    sum += named(ns, local) + value.len();
                }
            }
            Event::End(end) => {
                let (ns, local) = reader.resolver().resolve_element(end.name());
                sum += named(ns, local);
            }
            Event::Text(text) => sum += text.xml10_content().len(),
            Event::GeneralRef(reference) => {
                let c = reference.resolve_char_ref().expect("well-formed");
                sum += c.map_or_else(
                    || resolve_predefined_entity(&reference).map_or(0, str::len),
                    char::len_utf8,
                );
            }
            Event::Eof => return sum,
            _ => {}
        }
    }
}

fn rxml(mut bytes: &[u8]) -> usize {
    use rxml::{Event, Options, Parse, Parser, WithOptions};
    let mut parser = Parser::with_options(Options {
        max_token_length: 1 << 20,
        ..Options::default()
    });
    let mut sum = 0;
    while let Some(event) = parser.parse(&mut bytes, true).expect("well-formed") {
        sum += match event {
            Event::StartElement(_, (ns, name), attrs) => {
                ns.len()
                    + name.len()
                    + attrs
                        .iter()
                        .map(|((ns, name), value)| ns.len() + name.len() + value.len())
                        .sum::<usize>()
            }
            Event::Text(_, text) => text.len(),
            _ => 0,
        };
    }
    sum
}

fn traffic(c: &mut Criterion) {
    let text = traffic::stream(10_000_000);
    let mut group = c.benchmark_group("stream-10MB");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("events", |b| b.iter(|| events(text.as_bytes())));
    group.bench_function("events-16KiB-chunks", |b| {
        b.iter(|| chunked(text.as_bytes(), CHUNK, Limits::default()))
    });
    group.bench_function("elements", |b| b.iter(|| elements(text.as_bytes())));
    group.bench_function("quick-xml-NsReader", |b| b.iter(|| ns_reader(&text)));
    group.bench_function("rxml", |b| b.iter(|| rxml(text.as_bytes())));
    group.bench_function("roxmltree", |b| {
        b.iter(|| {
            roxmltree::Document::parse(&text)
                .expect("well-formed")
                .descendants()
                .count()
        });
    });
    group.finish();
}

fn depth(c: &mut Criterion) {
    let mut group = c.benchmark_group("depth");
    for levels in [8_000, 32_000] {
        let plain = "<a xmlns='u'>".repeat(levels) + &"</a>".repeat(levels);
        let starts = (0..levels).map(|n| format!("<p{n}:a xmlns:p{n}='u{n}'>"));
        let ends = (0..levels).rev().map(|n| format!("</p{n}:a>"));
        let prefixed = starts.chain(ends).collect::<String>();
        group.throughput(Throughput::Elements(levels as u64));
        for (name, text) in [("one namespace", plain), ("a prefix each", prefixed)] {
            // parsed, copied, compared, written, dropped
            group.bench_with_input(BenchmarkId::new(name, levels), &text, |b, text| {
                b.iter(|| {
                    let element = Element::parse(text.as_bytes()).expect("well-formed");
                    assert!(element.clone() == element);
                    element.to_string()
                });
            });
        }
    }
    group.finish();
}

fn text(c: &mut Criterion) {
    let mut group = c.benchmark_group("text");
    for mebibytes in [1, 4] {
        let text = format!(
            "<a><b>{}</b></a>",
            "some text &amp; more\r\n of it ]] \u{2026}".repeat(mebibytes << 15)
        );
        group.throughput(Throughput::Bytes(text.len() as u64));
        for size in [1, 1024, usize::MAX] {
            let name = if size == usize::MAX {
                "whole".to_owned()
            } else {
                format!("chunks of {size}")
            };
            group.bench_with_input(
                BenchmarkId::new(name, format!("{mebibytes}MiB")),
                &text,
                |b, text| {
                    b.iter(|| chunked(text.as_bytes(), size.min(text.len()), Limits::NONE));
                },
            );
        }
    }
    group.finish();
}

fn attributes(c: &mut Criterion) {
    let mut group = c.benchmark_group("attributes");
    for count in [1_000, 8_000] {
        let list: String = (0..count)
            .map(|n| format!(" xmlns:p{n}='u{n}' p{n}:a='x'"))
            .collect();
        let text = format!("<a{list}/>");
        group.throughput(Throughput::Elements(count));
        for size in [1, usize::MAX] {
            let name = if size == 1 { "chunks of 1" } else { "whole" };
            group.bench_with_input(BenchmarkId::new(name, count), &text, |b, text| {
                b.iter(|| chunked(text.as_bytes(), size.min(text.len()), Limits::NONE));
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = traffic, depth, text, attributes
}
criterion_main!(benches);

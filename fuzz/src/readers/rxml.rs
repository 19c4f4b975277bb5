//! rxml, a reader written for XMPP.

use rxml::{Event, Options, Parse, Parser, WithOptions};

use super::lines::Lines;
use super::{Reading, variant};

/// Longer tokens are refused.
const MOST_TOKEN: usize = 1 << 20;

pub(super) fn read(mut bytes: &[u8]) -> Reading {
    let mut parser = Parser::with_options(Options {
        max_token_length: MOST_TOKEN,
        ..Options::default()
    });
    let mut lines = Lines::default();
    loop {
        match parser.parse(&mut bytes, true) {
            Ok(None) => return Reading::Read(lines.into_lines()),
            Ok(Some(Event::Text(_, text))) => lines.text(&text),
            Ok(Some(Event::StartElement(_, (ns, name), attrs))) => {
                let attrs = attrs
                    .iter()
                    .map(|((ns, name), value)| (ns.as_str(), name.as_str(), value.as_str()));
                lines.start(ns.as_str(), name.as_str(), attrs);
            }
            Ok(Some(Event::EndElement(_))) => lines.end(),
            Ok(Some(Event::XmlDeclaration(..))) => {}
            Err(rxml::error::EndOrError::Error(error)) => return Reading::Refused(variant(error)),
            Err(rxml::error::EndOrError::NeedMoreData) => {
                return Reading::Refused("NeedMoreData".to_owned());
            }
        }
    }
}

//! roxmltree, a reader of whole documents.

use roxmltree::{Document, Node, NodeType};

use super::lines::Lines;
use super::{Reading, variant};

pub(super) fn read(bytes: &[u8]) -> Reading {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Reading::Refused("NotUtf8".to_owned());
    };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => return Reading::Refused(variant(error)),
    };
    let mut lines = Lines::default();
    let root = document.root_element();
    let mut node = root;
    start(&mut lines, node);
    // Down to the first child, else to the next sibling of it or of the nearest ancestor that has one.
    'walk: loop {
        if let Some(child) = node.first_child().filter(|_| node.is_element()) {
            node = child;
        } else {
            loop {
                if node.is_element() {
                    lines.end();
                }
                if node == root {
                    break 'walk;
                }
                if let Some(next) = node.next_sibling() {
                    node = next;
                    break;
                }
                match node.parent() {
                    Some(parent) => node = parent,
                    None => break 'walk,
                }
            }
        }
        match node.node_type() {
            NodeType::Element => start(&mut lines, node),
            NodeType::Text => lines.text(node.text().unwrap_or_default()),
            NodeType::Root | NodeType::Comment | NodeType::PI => {}
        }
    }
    Reading::Read(lines.into_lines())
}

fn start(lines: &mut Lines, node: Node<'_, '_>) {
    let name = node.tag_name();
    let attrs = node
        .attributes()
        .map(|a| (a.namespace().unwrap_or_default(), a.name(), a.value()));
    lines.start(name.namespace().unwrap_or_default(), name.name(), attrs);
}

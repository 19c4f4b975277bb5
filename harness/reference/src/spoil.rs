//! What a server with faults makes of stanzas and answers; each function does nothing without them.

use xmppspec_protocol::element::{Element, Node};
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;

use crate::Fault as F;
use crate::router::{Router, Source};

impl Router {
    /// A message or presence on its way to others; `from` and `lang` are what the client wrote.
    pub(crate) fn spoil(
        &self,
        source: &Source,
        stanza: &mut Element,
        from: Option<&str>,
        lang: Option<&str>,
    ) {
        if let Some(from) = from
            && self.fault(F::FromKept)
        {
            stanza.set_attr("from", from);
        }
        if self.fault(F::FromOtherResource) {
            stanza.set_attr("from", &format!("{}/other", source.jid.bare()));
        }
        if self.fault(F::LangDropped) || (lang.is_none() && self.fault(F::LangNotAdded)) {
            stanza.remove_attr_ns(ns::XML, "lang");
        }
        if lang.is_none() && self.fault(F::LangOfServerAdded) {
            stanza.set_attr_ns(ns::XML, "lang", crate::header::LANG);
        }
        if self.fault(F::UnknownPayloadStripped) {
            let known = |node: &Node| match node {
                Node::Element(child) => child.ns() == ns::CLIENT,
                Node::Text(_) => true,
            };
            stanza.nodes_mut().retain(known);
        }
        if self.fault(F::NamespacesLost) {
            let nodes = std::mem::take(stanza.nodes_mut());
            *stanza.nodes_mut() = nodes.into_iter().map(without_namespace).collect();
        }
        if self.fault(F::AsciiOnly) {
            change_texts(stanza, |text| text.replace(|c: char| !c.is_ascii(), "?"));
        }
        if self.fault(F::ZeroWidthEaten) {
            change_texts(stanza, |text| text.replace('\u{feff}', ""));
        }
    }

    /// A stanza as it is delivered to one client.
    pub(crate) fn spoil_delivered(&self, stanza: &Element) -> Option<Element> {
        if self.fault(F::FromMissing) {
            let mut stanza = stanza.clone();
            stanza.remove_attr("from");
            return Some(stanza);
        }
        if self.fault(F::ServerNamespaceDelivered) {
            let mut other = Element::new(ns::SERVER, stanza.name());
            for attr in stanza.attrs() {
                other.set_attr_ns(attr.ns(), attr.name(), attr.value());
            }
            other.nodes_mut().clone_from(&stanza.nodes().to_vec());
            return Some(other);
        }
        None
    }

    /// An answer of the server, result or error.
    pub(crate) fn spoil_answer(&self, source: &Source, request: &Element, answer: &mut Element) {
        let bare = source.jid.bare().to_string();
        if self.fault(F::AnswerToBare) {
            answer.set_attr("to", &bare);
        }
        let for_server = request.attr("to") == Some(&self.config.domain);
        if self.fault(F::AnswerFromAccount) && for_server {
            answer.set_attr("from", &bare);
        }
        if self.fault(F::AnswerFromServer) && request.attr("to").is_none() {
            answer.set_attr("from", &self.config.domain);
        }
        if self.fault(F::AnswerWithoutId) {
            answer.remove_attr("id");
        }
        if self.fault(F::AnswerWithOtherId)
            && let Some(id) = request.attr("id")
        {
            answer.set_attr("id", &format!("{id}x"));
        }
        if self.fault(F::AnswerWithoutType) {
            answer.remove_attr("type");
        }
    }

    /// An error stanza.
    pub(crate) fn spoil_error(&self, request: &Element, answer: &mut Element) {
        if self.fault(F::ErrorTypeResult) {
            answer.set_attr("type", "result");
        }
        if self.fault(F::ErrorNotSwapped) {
            for name in ["from", "to"] {
                match request.attr(name) {
                    Some(value) => answer.set_attr(name, value),
                    None => drop(answer.remove_attr(name)),
                }
            }
        }
        if self.fault(F::ErrorWithoutError) {
            answer.nodes_mut().clear();
        }
        let Some(Node::Element(error)) = answer.nodes_mut().last_mut() else {
            return;
        };
        if self.fault(F::ErrorTypeUnknown) {
            error.set_attr("type", "fatal");
        }
        if self.fault(F::ErrorTypeOther) {
            error.set_attr("type", "wait");
        }
        if self.fault(F::ErrorConditionNamespace) {
            let nodes = std::mem::take(error.nodes_mut());
            *error.nodes_mut() = nodes.into_iter().map(without_namespace).collect();
        }
        let text = |ns| Element::new(ns, "text").with_text("something is wrong");
        if self.fault(F::ErrorTextNamespace) {
            error.push(text(ns::CLIENT).into());
        }
        if self.fault(F::ErrorTextWithoutLang) {
            error.push(text(ns::STANZA_ERRORS).into());
        }
    }

    /// Delivers what must not be delivered, to the resource or the account that it names.
    pub(crate) fn deliver_anyway(&self, stanza: &Element) {
        let Some(Ok(to)) = stanza.attr("to").map(Jid::parse) else {
            return;
        };
        if let Some(account) = self.account_of(&to) {
            for resource in account.resources.values() {
                if to.resource().is_none() || to == resource.jid {
                    resource.put(stanza);
                }
            }
        }
    }

    /// Sends a message to everybody who is connected.
    pub(crate) fn tell_everybody(&self) {
        let body = Element::new(ns::CLIENT, "body").with_text("a");
        let message = Element::new(ns::CLIENT, "message").with_child(body);
        for account in self.accounts.values() {
            account.resources.values().for_each(|r| r.put(&message));
        }
    }
}

/// What is left of an element whose namespaces got lost on the way.
fn without_namespace(node: Node) -> Node {
    let Node::Element(element) = node else {
        return node;
    };
    let mut other = Element::new(ns::CLIENT, element.name());
    for attr in element.attrs() {
        other.set_attr(attr.name(), attr.value());
    }
    *other.nodes_mut() = element.nodes().to_vec();
    other.into()
}

/// Changes the text of the children; what is deeper is no matter.
fn change_texts(stanza: &mut Element, change: impl Fn(&str) -> String) {
    for node in stanza.nodes_mut() {
        let Node::Element(child) = node else {
            continue;
        };
        for node in child.nodes_mut() {
            if let Node::Text(text) = node {
                *text = change(text);
            }
        }
    }
}

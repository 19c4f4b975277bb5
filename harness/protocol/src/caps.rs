//! Entity capabilities (XEP-0115): the hash of what an application says it can do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::element::Element;
use crate::ns;

/// The namespace of data forms (XEP-0004).
const FORMS: &str = "jabber:x:data";

/// The verification string of a `<query/>` of service discovery, hashed by the function of this name from the IANA registry, in
/// Base64 (XEP-0115 §5.1). `None` for a hash function that is not known here.
pub fn verification(info: &Element, hash: &str) -> Option<String> {
    let text = hashed(info);
    let text = text.as_bytes();
    Some(match hash {
        "sha-1" => STANDARD.encode(Sha1::digest(text)),
        "sha-224" => STANDARD.encode(Sha224::digest(text)),
        "sha-256" => STANDARD.encode(Sha256::digest(text)),
        "sha-384" => STANDARD.encode(Sha384::digest(text)),
        "sha-512" => STANDARD.encode(Sha512::digest(text)),
        _ => return None,
    })
}

/// Pieces in the order of their bytes, each with `<` behind it.
fn sorted(mut pieces: Vec<String>) -> String {
    pieces.sort_unstable();
    pieces.iter().map(|piece| format!("{piece}<")).collect()
}

/// Identities, features and forms, in the order of their bytes.
fn hashed(info: &Element) -> String {
    let named = |name: &'static str| {
        let of_info = info.elements();
        of_info.filter(move |element| element.is(ns::DISCO_INFO, name))
    };
    let identity = |identity: &Element| {
        let part = |name: &str| identity.attr(name).unwrap_or_default().to_owned();
        let language = identity.attr_ns(ns::XML, "lang").unwrap_or_default();
        let (category, kind, name) = (part("category"), part("type"), part("name"));
        format!("{category}/{kind}/{language}/{name}")
    };
    let feature = |feature: &Element| feature.attr("var").unwrap_or_default().to_owned();
    let forms = info.elements().filter(|form| form.is(FORMS, "x"));
    let mut forms: Vec<_> = forms.filter_map(form).collect();
    forms.sort_unstable();
    let mut text = sorted(named("identity").map(identity).collect());
    text.push_str(&sorted(named("feature").map(feature).collect()));
    forms.iter().for_each(|form| text.push_str(form));
    text
}

/// A form without a `FORM_TYPE` does not count.
fn form(form: &Element) -> Option<String> {
    let fields = form.elements().filter(|field| field.is(FORMS, "field"));
    let mut kind = None;
    let mut texts = Vec::new();
    for field in fields {
        let values = field.elements().filter(|value| value.is(FORMS, "value"));
        let values: Vec<_> = values.map(|value| value.text().into_owned()).collect();
        let var = field.attr("var").unwrap_or_default();
        match var {
            "FORM_TYPE" => kind = values.into_iter().next(),
            _ => texts.push(format!("{var}<{}", sorted(values))),
        }
    }
    texts.sort_unstable();
    kind.map(|kind| format!("{kind}<{}", texts.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(parent: Element, ns: &str, name: &str, attrs: &[(&str, &str)]) -> Element {
        let child = Element::new(ns, name);
        let child = attrs
            .iter()
            .fold(child, |child, (k, v)| child.with_attr(k, v));
        parent.with_child(child)
    }

    fn features(info: Element) -> Element {
        // In no order.
        let features = ["muc", "disco#items", "caps", "disco#info"];
        features.iter().fold(info, |info, name| {
            let var = format!("http://jabber.org/protocol/{name}");
            with(info, ns::DISCO_INFO, "feature", &[("var", &var)])
        })
    }

    /// XEP-0115 §5.2.
    #[test]
    fn the_simple_example() {
        let pc = [
            ("category", "client"),
            ("name", "Exodus 0.9.1"),
            ("type", "pc"),
        ];
        let info = with(
            Element::new(ns::DISCO_INFO, "query"),
            ns::DISCO_INFO,
            "identity",
            &pc,
        );
        let info = features(info);
        let hash = verification(&info, "sha-1");
        assert_eq!(hash.as_deref(), Some("QgayPKawpkPSDYmwT/WM94uAlu0="));
        assert_eq!(
            verification(&info, "sha-256").map(|hash| hash.len()),
            Some(44)
        );
        assert_eq!(verification(&info, "0.9.1"), None);
    }

    /// XEP-0115 §5.3.
    #[test]
    fn the_complex_example() {
        let mut info = Element::new(ns::DISCO_INFO, "query");
        for (language, name) in [("el", "Ψ 0.11"), ("en", "Psi 0.11")] {
            let identity = Element::new(ns::DISCO_INFO, "identity")
                .with_attr("category", "client")
                .with_attr("type", "pc")
                .with_attr("name", name);
            let mut identity = identity;
            identity.set_attr_ns(ns::XML, "lang", language);
            info = info.with_child(identity);
        }
        let mut form = Element::new(FORMS, "x").with_attr("type", "result");
        for (var, values) in [
            ("FORM_TYPE", &["urn:xmpp:dataforms:softwareinfo"][..]),
            ("os", &["Mac"]),
            ("ip_version", &["ipv6", "ipv4"]),
            ("os_version", &["10.5.1"]),
            ("software", &["Psi"]),
            ("software_version", &["0.11"]),
        ] {
            let field = Element::new(FORMS, "field").with_attr("var", var);
            let field = values.iter().fold(field, |field, value| {
                field.with_child(Element::new(FORMS, "value").with_text(value))
            });
            form = form.with_child(field);
        }
        let info = features(info).with_child(form);
        let hash = verification(&info, "sha-1");
        assert_eq!(hash.as_deref(), Some("q07IKJEyjvHSyhy//CH0CxmKi8w="));
    }
}

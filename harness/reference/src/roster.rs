//! Rosters (RFC 6121 §2): items, what clients ask and set, and pushes.

use std::collections::BTreeMap;

use xmppspec_protocol::conditions::StanzaCondition;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;

use crate::config::Limits;
use crate::router::{Router, Source};
use crate::session::random_id;

/// Groups of one item: what is kept of a client must end somewhere.
const MAX_GROUPS: usize = 64;

/// The contacts of one account.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    items: BTreeMap<Jid, Item>,
    /// Grows with each change, so that no two versions are alike (RFC 6121 §2.6).
    version: u64,
}

/// One contact. Together with whether a request of theirs is pending, the flags are the states of RFC 6121 §A.1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) name: Option<String>,
    pub(crate) groups: Vec<String>,
    /// The account sees the contact's presence.
    pub(crate) to: bool,
    /// The contact sees the account's presence.
    pub(crate) from: bool,
    /// The account has asked to see the contact's presence: Pending Out.
    pub(crate) ask: bool,
    /// The contact will be allowed to see the account's presence, when it asks (RFC 6121 §3.4).
    pub(crate) approved: bool,
}

impl Item {
    /// The value of the attribute `subscription`.
    pub(crate) fn subscription(&self) -> &'static str {
        match (self.to, self.from) {
            (false, false) => "none",
            (true, false) => "to",
            (false, true) => "from",
            (true, true) => "both",
        }
    }

    fn to_element(&self, jid: &Jid) -> Element {
        let mut element = Element::new(ns::ROSTER, "item").with_attr("jid", &jid.to_string());
        if let Some(name) = &self.name {
            element.set_attr("name", name);
        }
        element.set_attr("subscription", self.subscription());
        if self.ask {
            element.set_attr("ask", "subscribe");
        }
        if self.approved {
            element.set_attr("approved", "true");
        }
        for group in &self.groups {
            element = element.with_child(Element::new(ns::ROSTER, "group").with_text(group));
        }
        element
    }
}

impl Roster {
    /// The item of a bare JID.
    pub(crate) fn item(&self, jid: &Jid) -> Option<&Item> {
        self.items.get(jid)
    }

    /// All items.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&Jid, &Item)> {
        self.items.iter()
    }

    /// The item of a bare JID, to be changed; made if it is not there.
    pub(crate) fn item_mut(&mut self, jid: &Jid) -> &mut Item {
        self.items.entry(jid.clone()).or_default()
    }

    fn query(&self) -> Element {
        Element::new(ns::ROSTER, "query").with_attr("ver", &self.version.to_string())
    }
}

/// What a roster set asks for.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Put {
        jid: Jid,
        name: Option<String>,
        groups: Vec<String>,
    },
    Remove(Jid),
}

impl Change {
    /// Reads a roster set (RFC 6121 §2.3.3). `subscription` means nothing but for `remove` (§2.1.2.5).
    fn read(query: &Element, limits: &Limits) -> Result<Change, StanzaCondition> {
        let mut items = query.elements();
        let (Some(item), None) = (items.next(), items.next()) else {
            return Err(StanzaCondition::BadRequest);
        };
        if !item.is(ns::ROSTER, "item") {
            return Err(StanzaCondition::BadRequest);
        }
        let jid = item.attr("jid").ok_or(StanzaCondition::BadRequest)?;
        let jid = Jid::parse(jid).map_err(|_| StanzaCondition::JidMalformed)?;
        if item.attr("subscription") == Some("remove") {
            return Ok(Change::Remove(jid));
        }
        let fits = |text: &str| text.chars().count() <= limits.roster_text;
        let name = item.attr("name").filter(|name| !name.is_empty());
        if !name.is_none_or(fits) {
            return Err(StanzaCondition::NotAcceptable);
        }
        let mut groups: Vec<String> = Vec::new();
        for group in item.elements().filter(|e| e.is(ns::ROSTER, "group")) {
            let group = group.text().into_owned();
            if group.is_empty() || !fits(&group) {
                return Err(StanzaCondition::NotAcceptable);
            }
            groups.push(group);
            if groups.len() > MAX_GROUPS {
                return Err(StanzaCondition::NotAcceptable);
            }
        }
        let mut sorted: Vec<&String> = groups.iter().collect();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(StanzaCondition::BadRequest);
        }
        Ok(Change::Put {
            jid,
            name: name.map(str::to_owned),
            groups,
        })
    }
}

impl Router {
    /// A roster get (RFC 6121 §2.2). It makes the resource interested.
    pub(crate) fn roster_get(&mut self, source: &Source, iq: &Element, query: &Element) {
        let Some(account) = self.accounts.get_mut(&source.account) else {
            return;
        };
        if let Some(resource) = account.resources.get_mut(&source.resource) {
            resource.interested = true;
        }
        let roster = &account.roster;
        // RFC 6121 §2.6.3: to a client that has the latest version the server says nothing new.
        let known = query.attr("ver") == Some(&roster.version.to_string());
        let payload = (!known).then(|| {
            let items = roster.items.iter().map(|(jid, item)| item.to_element(jid));
            items.fold(roster.query(), Element::with_child)
        });
        self.result(source, iq, payload);
    }

    /// A roster set (RFC 6121 §2.3 to §2.5).
    pub(crate) fn roster_set(&mut self, source: &Source, iq: &Element, query: &Element) {
        match Change::read(query, &self.config.limits) {
            Err(condition) => self.error(source, iq, condition),
            Ok(Change::Remove(jid)) => self.roster_remove(source, iq, &jid),
            Ok(Change::Put { jid, name, groups }) => {
                let limit = self.config.limits.roster_items;
                let Some(account) = self.accounts.get_mut(&source.account) else {
                    return;
                };
                let roster = &mut account.roster;
                if roster.item(&jid).is_none() && roster.items.len() >= limit {
                    return self.error(source, iq, StanzaCondition::ResourceConstraint);
                }
                let item = roster.item_mut(&jid);
                item.name = name;
                item.groups = groups;
                self.push(&source.account, &jid);
                self.result(source, iq, None);
            }
        }
    }

    /// Removes an item and what it stands for (RFC 6121 §2.5.2).
    fn roster_remove(&mut self, source: &Source, iq: &Element, jid: &Jid) {
        let Some(account) = self.accounts.get_mut(&source.account) else {
            return;
        };
        let Some(item) = account.roster.items.remove(jid) else {
            return self.error(source, iq, StanzaCondition::ItemNotFound);
        };
        self.push(&source.account, jid);
        self.result(source, iq, None);
        self.end_subscriptions(&source.account, jid, &item);
    }

    /// Tells all interested resources how an item is now (RFC 6121 §2.1.6).
    pub(crate) fn push(&mut self, local: &str, jid: &Jid) {
        let Some(account) = self.accounts.get_mut(local) else {
            return;
        };
        account.roster.version += 1;
        let roster = &account.roster;
        let item = match roster.item(jid) {
            Some(item) => item.to_element(jid),
            None => Element::new(ns::ROSTER, "item")
                .with_attr("jid", &jid.to_string())
                .with_attr("subscription", "remove"),
        };
        let query = roster.query().with_child(item);
        for resource in account.resources.values().filter(|r| r.interested) {
            let iq = Element::new(ns::CLIENT, "iq")
                .with_attr("type", "set")
                .with_attr("id", &random_id())
                .with_attr("to", &resource.jid.to_string())
                .with_child(query.clone());
            resource.put(&iq);
        }
    }

    /// Whether one more item fits into a roster, or is there already.
    pub(crate) fn roster_has_room(&self, local: &str, jid: &Jid) -> bool {
        self.accounts.get(local).is_some_and(|account| {
            account.roster.item(jid).is_some()
                || account.roster.items.len() < self.config.limits.roster_items
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(items: &str) -> Result<Change, StanzaCondition> {
        let query = format!("<query xmlns='jabber:iq:roster'>{items}</query>");
        let limits = Limits {
            roster_text: 5,
            ..Limits::default()
        };
        Change::read(&Element::parse(query.as_bytes()).unwrap(), &limits)
    }

    #[test]
    fn bad_sets_are_refused() {
        use StanzaCondition as C;
        for (items, condition) in [
            ("", C::BadRequest),
            ("<item/>", C::BadRequest),
            ("<x jid='a@b'/>", C::BadRequest),
            ("<item jid='a@b'/><item jid='c@d'/>", C::BadRequest),
            ("<item jid='a@b@c'/>", C::JidMalformed),
            ("<item jid='a@b' name='sixsix'/>", C::NotAcceptable),
            ("<item jid='a@b'><group/></item>", C::NotAcceptable),
            (
                "<item jid='a@b'><group>sixsix</group></item>",
                C::NotAcceptable,
            ),
            (
                "<item jid='a@b'><group>A</group><group>A</group></item>",
                C::BadRequest,
            ),
        ] {
            assert_eq!(read(items), Err(condition), "{items}");
        }
        assert_eq!(
            read("<item jid='A@b' name='' subscription='both'><group>A</group></item>"),
            Ok(Change::Put {
                jid: Jid::parse("a@b").unwrap(),
                name: None,
                groups: vec!["A".into()],
            })
        );
    }
}

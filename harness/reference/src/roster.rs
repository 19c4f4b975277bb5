//! Rosters (RFC 6121 §2): items, what clients ask and set, and pushes.

use std::collections::BTreeMap;

use xmppspec_protocol::conditions::StanzaCondition;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;

use crate::Fault;
use crate::config::Config;
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

    /// Takes the state that a client sets, which only a fault does.
    fn set_subscription(&mut self, query: &Element) {
        let item = query.elements().next();
        let state = item.and_then(|item| item.attr("subscription"));
        self.to |= matches!(state, Some("to" | "both"));
        self.from |= matches!(state, Some("from" | "both"));
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
    fn read(query: &Element, config: &Config) -> Result<Change, StanzaCondition> {
        let mut items = query.elements();
        let (Some(item), second) = (items.next(), items.next()) else {
            return Err(StanzaCondition::BadRequest);
        };
        if second.is_some() && !config.has(Fault::RosterManyItems) {
            return Err(StanzaCondition::BadRequest);
        }
        if !item.is(ns::ROSTER, "item") {
            return Err(StanzaCondition::BadRequest);
        }
        let nobody = Some("nobody.invalid").filter(|_| config.has(Fault::RosterItemWithoutJid));
        let jid = item.attr("jid").or(nobody);
        let jid = jid.ok_or(StanzaCondition::BadRequest)?;
        let jid = Jid::parse(jid).map_err(|_| StanzaCondition::JidMalformed)?;
        if item.attr("subscription") == Some("remove") {
            return Ok(Change::Remove(jid));
        }
        let fits = |text: &str| text.chars().count() <= config.limits.roster_text;
        let name = item.attr("name").filter(|name| !name.is_empty());
        if !name.is_none_or(fits) {
            return Err(StanzaCondition::NotAcceptable);
        }
        let mut groups: Vec<String> = Vec::new();
        for group in item.elements().filter(|e| e.is(ns::ROSTER, "group")) {
            let group = group.text().into_owned();
            let empty = group.is_empty() && !config.has(Fault::RosterEmptyGroups);
            if empty || !fits(&group) {
                return Err(StanzaCondition::NotAcceptable);
            }
            groups.push(group);
            if groups.len() > MAX_GROUPS {
                return Err(StanzaCondition::NotAcceptable);
            }
        }
        let mut sorted: Vec<&String> = groups.iter().collect();
        sorted.sort_unstable();
        let double = sorted.windows(2).any(|pair| pair[0] == pair[1]);
        if double && !config.has(Fault::RosterDoubleGroups) {
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
        if roster.items.is_empty() && self.config.has(Fault::RosterEmptyError) {
            return self.error(source, iq, StanzaCondition::ItemNotFound);
        }
        if roster.items.is_empty() && self.config.has(Fault::RosterEmptyResult) {
            return self.result(source, iq, None);
        }
        // RFC 6121 §2.6.3: to a client that has the latest version the server says nothing new.
        let known = query.attr("ver") == Some(&roster.version.to_string());
        let payload = (!known).then(|| {
            let mut items: Vec<Element> = roster
                .items
                .iter()
                .map(|(jid, item)| item.to_element(jid))
                .collect();
            if self.config.has(Fault::RosterItemsWithoutJid) {
                items
                    .iter_mut()
                    .for_each(|item| drop(item.remove_attr("jid")));
            }
            items.into_iter().fold(roster.query(), Element::with_child)
        });
        self.result(source, iq, payload);
    }

    /// What a server with a fault does with a request for somebody else's roster.
    pub(crate) fn roster_of_another(
        &mut self,
        source: &Source,
        iq: &Element,
        query: &Element,
        owner: &str,
    ) {
        if iq.attr("type") == Some("set") {
            let other = Source {
                account: owner.to_owned(),
                ..source.clone()
            };
            self.roster_apply(&other, query);
            return self.result(source, iq, None);
        }
        let payload = self.accounts.get(owner).map(|account| {
            let roster = &account.roster;
            let items = roster.items.iter().map(|(jid, item)| item.to_element(jid));
            items.fold(roster.query(), Element::with_child)
        });
        self.result(source, iq, payload);
    }

    /// A roster set (RFC 6121 §2.3 to §2.5).
    pub(crate) fn roster_set(&mut self, source: &Source, iq: &Element, query: &Element) {
        match Change::read(query, &self.config) {
            Err(condition) => self.error(source, iq, condition),
            Ok(Change::Remove(jid)) => self.roster_remove(source, iq, &jid),
            Ok(Change::Put { jid, .. }) if !self.roster_has_room(&source.account, &jid) => {
                self.error(source, iq, StanzaCondition::ResourceConstraint);
            }
            Ok(Change::Put { jid, .. }) => {
                let known = self.roster_has(&source.account, &jid);
                match self.fault(Fault::RosterSetsLate) {
                    true => self.late = Some((source.clone(), query.clone())),
                    false => self.roster_apply(source, query),
                }
                self.roster_done(
                    source,
                    iq,
                    match known {
                        true => Fault::RosterUpdateUnanswered,
                        false => Fault::RosterSetUnanswered,
                    },
                );
            }
        }
    }

    /// The result of a roster set, which a server with this fault forgets.
    fn roster_done(&self, source: &Source, iq: &Element, unanswered: Fault) {
        if !self.fault(unanswered) {
            self.result(source, iq, None);
        }
    }

    /// Makes or changes an item, and pushes it.
    pub(crate) fn roster_apply(&mut self, source: &Source, query: &Element) {
        let Ok(Change::Put { jid, name, groups }) = Change::read(query, &self.config) else {
            return;
        };
        let config = self.config.clone();
        let Some(account) = self.accounts.get_mut(&source.account) else {
            return;
        };
        let known = account.roster.item(&jid).is_some();
        if !(known && config.has(Fault::RosterUpdateIgnored)) {
            let item = account.roster.item_mut(&jid);
            item.name = name;
            if !(known && config.has(Fault::RosterGroupsKept)) {
                item.groups = groups;
            }
            if config.has(Fault::RosterSubscriptionSettable) {
                item.set_subscription(query);
            }
        }
        self.push_from(&source.account, &jid, Some(source));
        if config.has(Fault::RosterForgets)
            && let Some(account) = self.accounts.get_mut(&source.account)
        {
            account.roster.items.remove(&jid);
        }
    }

    /// Removes an item and what it stands for (RFC 6121 §2.5.2).
    fn roster_remove(&mut self, source: &Source, iq: &Element, jid: &Jid) {
        let Some(account) = self.accounts.get_mut(&source.account) else {
            return;
        };
        let Some(item) = account.roster.items.remove(jid) else {
            return match self.fault(Fault::RosterRemoveUnknown) {
                true => self.result(source, iq, None),
                false => self.error(source, iq, StanzaCondition::ItemNotFound),
            };
        };
        self.push_from(&source.account, jid, Some(source));
        self.roster_done(source, iq, Fault::RosterRemoveUnanswered);
        if self.fault(Fault::RosterRemoveIgnored)
            && let Some(account) = self.accounts.get_mut(&source.account)
        {
            account.roster.items.insert(jid.clone(), item.clone());
        }
        if !self.fault(Fault::RosterRemoveKeepsSubscription) {
            self.end_subscriptions(&source.account, jid, &item);
        }
    }

    /// Tells all interested resources how an item is now (RFC 6121 §2.1.6).
    pub(crate) fn push(&mut self, local: &str, jid: &Jid) {
        self.push_from(local, jid, None);
    }

    /// The same; `source` is the resource that made the change, if one did.
    fn push_from(&mut self, local: &str, jid: &Jid, source: Option<&Source>) {
        let config = self.config.clone();
        let Some(account) = self.accounts.get_mut(local) else {
            return;
        };
        account.roster.version += 1;
        let roster = &account.roster;
        let mut item = match roster.item(jid) {
            Some(item) => item.to_element(jid),
            None if config.has(Fault::RosterRemovePushedAsNone) => Item::default().to_element(jid),
            None => Element::new(ns::ROSTER, "item")
                .with_attr("jid", &jid.to_string())
                .with_attr("subscription", "remove"),
        };
        if config.has(Fault::RequestWithoutAsk) {
            item.remove_attr("ask");
        }
        if config.has(Fault::RosterItemsWithoutJid) {
            item.remove_attr("jid");
        }
        let query = match config.has(Fault::RosterPushEmpty) {
            true => roster.query(),
            false => roster.query().with_child(item),
        };
        let sender = source.map(|source| source.resource.as_str());
        let gets = |name: &str, interested: bool| {
            interested
                && !(sender == Some(name) && config.has(Fault::RosterPushNotToSender))
                && (sender.is_none_or(|sender| sender == name)
                    || !config.has(Fault::RosterPushToSenderOnly))
        };
        let resources = account.resources.iter();
        for (_, resource) in resources.filter(|(name, r)| gets(name, r.interested)) {
            let iq = Element::new(ns::CLIENT, "iq")
                .with_attr("type", "set")
                .with_attr("id", &random_id())
                .with_attr("to", &resource.jid.to_string())
                .with_child(query.clone());
            resource.put(&iq);
        }
    }

    fn roster_has(&self, local: &str, jid: &Jid) -> bool {
        let account = self.accounts.get(local);
        account.is_some_and(|account| account.roster.item(jid).is_some())
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
        let mut config = Config::new("example.org");
        config.limits.roster_text = 5;
        Change::read(&Element::parse(query.as_bytes()).unwrap(), &config)
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

//! Subscriptions: the state tables of RFC 6121, Appendix A, and what goes with each change (§3).
//!
//! A state is the flags of a roster item (`to`, `from`, `ask`) and whether a request of the contact is pending.

use xmppspec_protocol::conditions::StanzaCondition;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;

use crate::Fault;
use crate::account::Account;
use crate::message::size;
use crate::roster::Item;
use crate::router::{Router, Source, Target};

/// The four types that change subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
}

impl Kind {
    pub(crate) fn from_name(name: &str) -> Option<Kind> {
        Some(match name {
            "subscribe" => Kind::Subscribe,
            "subscribed" => Kind::Subscribed,
            "unsubscribe" => Kind::Unsubscribe,
            "unsubscribed" => Kind::Unsubscribed,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Subscribe => "subscribe",
            Kind::Subscribed => "subscribed",
            Kind::Unsubscribe => "unsubscribe",
            Kind::Unsubscribed => "unsubscribed",
        }
    }
}

/// What an outbound stanza does (RFC 6121 §A.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Outbound {
    routed: bool,
    /// The item changes, so that it is pushed.
    pushed: bool,
}

/// Applies an outbound stanza to the state; `pending`: a request of the contact is pending.
fn outbound(kind: Kind, item: &mut Item, pending: &mut bool) -> Outbound {
    let before = item.clone();
    let routed = match kind {
        Kind::Subscribe => {
            item.ask |= !item.to;
            true
        }
        Kind::Unsubscribe => {
            (item.to, item.ask) = (false, false);
            true
        }
        Kind::Subscribed if std::mem::take(pending) => {
            item.from = true;
            true
        }
        // §3.4: nobody has asked yet.
        Kind::Subscribed => {
            item.approved |= !item.from;
            false
        }
        Kind::Unsubscribed => {
            item.approved = false;
            let routed = std::mem::take(pending) | item.from;
            item.from = false;
            routed
        }
    };
    // A request that is made again is pushed again: §3.1.2 makes no exception.
    let again = kind == Kind::Subscribe && item.ask;
    Outbound {
        routed,
        pushed: *item != before || again,
    }
}

/// What an inbound stanza does (RFC 6121 §A.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inbound {
    /// It is delivered; the item may have changed.
    Deliver,
    /// It is not delivered: the server answers `subscribed` itself.
    Approve,
    /// It has no effect.
    Ignore,
}

/// Applies an inbound stanza to the state.
fn inbound(kind: Kind, item: &mut Item, pending: &mut bool) -> Inbound {
    let effect = match kind {
        Kind::Subscribe if item.from || item.approved => {
            item.from = true;
            return Inbound::Approve;
        }
        Kind::Subscribe => !std::mem::replace(pending, true),
        Kind::Subscribed => {
            let asked = std::mem::take(&mut item.ask);
            item.to |= asked;
            asked
        }
        Kind::Unsubscribe => std::mem::take(pending) | std::mem::take(&mut item.from),
        Kind::Unsubscribed => std::mem::take(&mut item.to) | std::mem::take(&mut item.ask),
    };
    match effect {
        true => Inbound::Deliver,
        false => Inbound::Ignore,
    }
}

impl Router {
    /// A subscription stanza of a client to the bare JID of a contact (RFC 6121 §3.1.2, §3.1.5, §3.2.2, §3.3.2, §3.4.2).
    pub(crate) fn subscription(
        &mut self,
        source: &Source,
        kind: Kind,
        mut stanza: Element,
        contact: &Jid,
    ) {
        let user = source.jid.bare();
        match self.target(source, Some(contact)) {
            // Everybody sees their own presence without asking.
            Target::Own => return,
            // §3.1.2: what cannot be routed comes back.
            Target::Remote if kind == Kind::Subscribe => {
                return self.no_route(source, &stanza);
            }
            _ => {}
        }
        let new_item = matches!(kind, Kind::Subscribe | Kind::Subscribed);
        if new_item && !self.roster_has_room(&source.account, contact) {
            return self.error(source, &stanza, StanzaCondition::ResourceConstraint);
        }
        // §3: the stanza comes from the account, not from the resource.
        let full = match kind {
            Kind::Subscribe => self.fault(Fault::RequestFromFull),
            Kind::Subscribed => self.fault(Fault::ApprovalFromFull),
            Kind::Unsubscribe => self.fault(Fault::UnsubscribeFromFull),
            Kind::Unsubscribed => self.fault(Fault::CancelFromFull),
        };
        if !full {
            stanza.set_attr("from", &user.to_string());
        }
        stanza.set_attr("to", &contact.to_string());
        let Some(account) = self.accounts.get_mut(&source.account) else {
            return;
        };
        let shown = account.shows_presence_to(contact);
        let mut pending = account.requests.contains_key(contact);
        let mut item = account.roster.item(contact).cloned().unwrap_or_default();
        let was_pending = pending;
        let effect = outbound(kind, &mut item, &mut pending);
        let state_kept = match kind {
            Kind::Unsubscribe => self.config.has(Fault::UnsubscribeStateKept),
            Kind::Subscribed => self.config.has(Fault::ApprovalStateKept),
            Kind::Subscribe | Kind::Unsubscribed => false,
        };
        if effect.pushed && !state_kept {
            *account.roster.item_mut(contact) = item;
        }
        if was_pending && !pending {
            self.drop_request(&source.account, contact);
        }
        // §3.2.2: first unavailable, then unsubscribed.
        let late = self.fault(Fault::CancelBeforeUnavailable);
        let hides =
            kind == Kind::Unsubscribed && shown && !self.fault(Fault::CancelWithoutUnavailable);
        if hides && !late {
            self.show(&source.account, contact, false);
        }
        let unsolicited = kind == Kind::Subscribed && self.fault(Fault::ApprovalUnsolicited);
        let routed = (effect.routed || unsolicited)
            && !(kind == Kind::Subscribe && self.fault(Fault::RequestDropped));
        let approved = routed && self.receive(kind, &stanza, &user, contact);
        if hides && late {
            self.show(&source.account, contact, false);
        }
        let kept_quiet = match kind {
            Kind::Subscribe => self.fault(Fault::RequestNotPushed),
            Kind::Subscribed => self.fault(Fault::ApprovalNotPushed),
            Kind::Unsubscribe => self.fault(Fault::UnsubscribeNotPushed),
            Kind::Unsubscribed => self.fault(Fault::CancelNotPushed),
        };
        if effect.pushed && !kept_quiet {
            self.push(&source.account, contact);
        }
        let shows = !self.fault(Fault::ApprovalWithoutPresence);
        if kind == Kind::Subscribed && effect.routed && shows {
            self.show(&source.account, contact, true);
        }
        if approved {
            self.approve(contact, &user);
        }
    }

    /// A subscription stanza arrives at the server of the contact, which is this one (RFC 6121 §3.1.3, §3.1.6, §3.2.3,
    /// §3.3.3). Whether the server is to answer `subscribed`.
    fn receive(&mut self, kind: Kind, stanza: &Element, from: &Jid, to: &Jid) -> bool {
        let config = self.config.clone();
        let limit = config.limits.roster_items;
        let Some(local) = to.local().filter(|_| to.domain() == config.domain) else {
            return false;
        };
        // §8.5.1: for an account that does not exist nothing happens.
        let Some(account) = self.accounts.get_mut(local) else {
            return false;
        };
        let known = account.roster.item(from).cloned();
        let mut item = known.clone().unwrap_or_default();
        let mut pending = account.requests.contains_key(from);
        let was_pending = pending;
        let shown = item.from;
        let mut effect = inbound(kind, &mut item, &mut pending);
        let approved = effect == Inbound::Deliver
            && kind == Kind::Subscribe
            && config.has(Fault::RequestApproved);
        item.from |= approved;
        let unsolicited = kind == Kind::Subscribed && config.has(Fault::ApprovalUnsolicited);
        if effect == Inbound::Ignore && unsolicited {
            effect = Inbound::Deliver;
        }
        if effect == Inbound::Deliver
            && kind == Kind::Subscribe
            && config.has(Fault::RequestMakesItem)
        {
            account.roster.item_mut(from);
        }
        let changed = item != known.clone().unwrap_or_default();
        let state_kept = match kind {
            Kind::Subscribe => false,
            Kind::Unsubscribe => config.has(Fault::UnsubscribeStateKeptByContact),
            Kind::Subscribed => config.has(Fault::ApprovalStateKeptByUser),
            Kind::Unsubscribed => config.has(Fault::CancelStateKept),
        };
        if changed && !state_kept {
            *account.roster.item_mut(from) = item;
        }
        if effect == Inbound::Ignore {
            return false;
        }
        if pending && !was_pending && account.requests.len() < limit {
            let mut request = stanza.clone();
            if config.has(Fault::RequestStripped) {
                request.nodes_mut().clear();
            }
            account.requests.insert(from.clone(), request);
            self.kept += size(stanza);
        } else if was_pending && !pending {
            self.drop_request(local, from);
        }
        let pushed_first = changed && config.has(Fault::PushBeforeDelivery);
        if pushed_first {
            self.push(local, from);
        }
        let lost = match kind {
            Kind::Subscribe => false,
            Kind::Subscribed => config.has(Fault::ApprovalLost),
            Kind::Unsubscribe => config.has(Fault::UnsubscribeLost),
            Kind::Unsubscribed => config.has(Fault::CancelLost),
        };
        if effect == Inbound::Deliver && !lost {
            self.deliver_subscription(kind, stanza, local);
        }
        let kept_quiet = match kind {
            Kind::Subscribed => config.has(Fault::ApprovalNotPushedToUser),
            Kind::Unsubscribed => config.has(Fault::CancelNotPushedToUser),
            Kind::Unsubscribe => config.has(Fault::UnsubscribeNotPushedToContact),
            Kind::Subscribe => false,
        };
        if changed && !pushed_first && !kept_quiet {
            self.push(local, from);
        }
        let shows = !config.has(Fault::UnsubscribeWithoutUnavailable);
        if kind == Kind::Unsubscribe && shown && shows {
            self.show(local, from, false);
        }
        effect == Inbound::Approve || approved
    }

    /// A request goes to the available resources (RFC 6121 §3.1.3), the other three to the interested ones (§3.1.6,
    /// §3.2.3, §3.3.3); clients that never asked for a roster but are there would be surprised not to be told.
    fn deliver_subscription(&self, kind: Kind, stanza: &Element, local: &str) {
        let Some(account) = self.accounts.get(local) else {
            return;
        };
        for resource in account.resources.values() {
            let interested = resource.interested && kind != Kind::Subscribe;
            if interested || resource.presence.is_some() {
                resource.put(stanza);
                if kind == Kind::Subscribe && self.fault(Fault::RequestToOneResource) {
                    return;
                }
            }
        }
    }

    /// Answers a request for a contact who has agreed to it before (RFC 6121 §3.1.3, §3.4.2).
    fn approve(&mut self, contact: &Jid, user: &Jid) {
        let stanza = between(Kind::Subscribed, contact, user);
        self.receive(Kind::Subscribed, &stanza, contact, user);
        if let Some(local) = contact.local() {
            self.show(local, user, true);
        }
    }

    /// Ends what a removed item stood for (RFC 6121 §2.5.2).
    pub(crate) fn end_subscriptions(&mut self, local: &str, contact: &Jid, item: &Item) {
        let Some(user) = self.bare(local) else {
            return;
        };
        if item.to || item.ask {
            let stanza = between(Kind::Unsubscribe, &user, contact);
            self.receive(Kind::Unsubscribe, &stanza, &user, contact);
        }
        if item.from {
            self.show(local, contact, false);
            let stanza = between(Kind::Unsubscribed, &user, contact);
            self.receive(Kind::Unsubscribed, &stanza, &user, contact);
        }
    }

    fn drop_request(&mut self, local: &str, from: &Jid) {
        let account: Option<&mut Account> = self.accounts.get_mut(local);
        if let Some(request) = account.and_then(|account| account.requests.remove(from)) {
            self.kept -= size(&request).min(self.kept);
        }
    }
}

/// A subscription stanza from one account to another.
fn between(kind: Kind, from: &Jid, to: &Jid) -> Element {
    Element::new(ns::CLIENT, "presence")
        .with_attr("from", &from.to_string())
        .with_attr("to", &to.to_string())
        .with_attr("type", kind.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nine states of RFC 6121 §A.1: `to`, `from`, Pending Out, Pending In.
    const STATES: [(&str, [bool; 4]); 9] = [
        ("None", [false, false, false, false]),
        ("None + Pending Out", [false, false, true, false]),
        ("None + Pending In", [false, false, false, true]),
        ("None + Pending Out+In", [false, false, true, true]),
        ("To", [true, false, false, false]),
        ("To + Pending In", [true, false, false, true]),
        ("From", [false, true, false, false]),
        ("From + Pending Out", [false, true, true, false]),
        ("Both", [true, true, false, false]),
    ];

    fn state(name: &str) -> (Item, bool) {
        let (_, [to, from, ask, pending]) = STATES
            .into_iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("no state {name}"));
        let item = Item {
            to,
            from,
            ask,
            ..Item::default()
        };
        (item, pending)
    }

    fn name(item: &Item, pending: bool) -> &'static str {
        let flags = [item.to, item.from, item.ask, pending];
        STATES
            .into_iter()
            .find(|(_, f)| *f == flags)
            .expect("a state of the RFC")
            .0
    }

    /// RFC 6121 §A.2.1 to §A.2.4: for each state of the list above whether the stanza is routed, and the new state.
    #[test]
    fn the_tables_of_outbound_stanzas() {
        let same = "";
        let tables = [
            (
                Kind::Subscribe,
                [
                    (true, "None + Pending Out"),
                    (true, same),
                    (true, "None + Pending Out+In"),
                    (true, same),
                    (true, same),
                    (true, same),
                    (true, "From + Pending Out"),
                    (true, same),
                    (true, same),
                ],
            ),
            (
                Kind::Unsubscribe,
                [
                    (true, same),
                    (true, "None"),
                    (true, same),
                    (true, "None + Pending In"),
                    (true, "None"),
                    (true, "None + Pending In"),
                    (true, same),
                    (true, "From"),
                    (true, "From"),
                ],
            ),
            (
                Kind::Subscribed,
                [
                    (false, same),
                    (false, same),
                    (true, "From"),
                    (true, "From + Pending Out"),
                    (false, same),
                    (true, "Both"),
                    (false, same),
                    (false, same),
                    (false, same),
                ],
            ),
            (
                Kind::Unsubscribed,
                [
                    (false, same),
                    (false, same),
                    (true, "None"),
                    (true, "None + Pending Out"),
                    (false, same),
                    (true, "To"),
                    (true, "None"),
                    (true, "None + Pending Out"),
                    (true, "To"),
                ],
            ),
        ];
        for (kind, rows) in tables {
            for ((before, _), (routed, after)) in STATES.into_iter().zip(rows) {
                let (mut item, mut pending) = state(before);
                let effect = outbound(kind, &mut item, &mut pending);
                let after = if after == same { before } else { after };
                assert_eq!(effect.routed, routed, "{kind:?} in {before}");
                assert_eq!(name(&item, pending), after, "{kind:?} in {before}");
            }
        }
    }

    /// RFC 6121 §A.3.1 to §A.3.4: whether the stanza is delivered, and the new state.
    #[test]
    fn the_tables_of_inbound_stanzas() {
        use Inbound::{Approve, Deliver, Ignore};
        let same = "";
        let tables = [
            (
                Kind::Subscribe,
                [
                    (Deliver, "None + Pending In"),
                    (Deliver, "None + Pending Out+In"),
                    (Ignore, same),
                    (Ignore, same),
                    (Deliver, "To + Pending In"),
                    (Ignore, same),
                    (Approve, same),
                    (Approve, same),
                    (Approve, same),
                ],
            ),
            (
                Kind::Unsubscribe,
                [
                    (Ignore, same),
                    (Ignore, same),
                    (Deliver, "None"),
                    (Deliver, "None + Pending Out"),
                    (Ignore, same),
                    (Deliver, "To"),
                    (Deliver, "None"),
                    (Deliver, "None + Pending Out"),
                    (Deliver, "To"),
                ],
            ),
            (
                Kind::Subscribed,
                [
                    (Ignore, same),
                    (Deliver, "To"),
                    (Ignore, same),
                    (Deliver, "To + Pending In"),
                    (Ignore, same),
                    (Ignore, same),
                    (Ignore, same),
                    (Deliver, "Both"),
                    (Ignore, same),
                ],
            ),
            (
                Kind::Unsubscribed,
                [
                    (Ignore, same),
                    (Deliver, "None"),
                    (Ignore, same),
                    (Deliver, "None + Pending In"),
                    (Deliver, "None"),
                    (Deliver, "None + Pending In"),
                    (Ignore, same),
                    (Deliver, "From"),
                    (Deliver, "From"),
                ],
            ),
        ];
        for (kind, rows) in tables {
            for ((before, _), (effect, after)) in STATES.into_iter().zip(rows) {
                let (mut item, mut pending) = state(before);
                assert_eq!(
                    inbound(kind, &mut item, &mut pending),
                    effect,
                    "{kind:?} in {before}"
                );
                let after = if after == same { before } else { after };
                assert_eq!(name(&item, pending), after, "{kind:?} in {before}");
            }
        }
    }

    #[test]
    fn an_approval_before_the_request() {
        let (mut item, mut pending) = state("None");
        let effect = outbound(Kind::Subscribed, &mut item, &mut pending);
        assert!(effect.pushed && !effect.routed && item.approved);
        assert_eq!(
            inbound(Kind::Subscribe, &mut item, &mut pending),
            Inbound::Approve
        );
        assert_eq!(name(&item, pending), "From");
    }
}

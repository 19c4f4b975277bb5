//! Resource binding (RFC 6120 §7): which resource a session gets, and how it leaves.

use std::sync::Arc;

use xmppspec_protocol::conditions::{StanzaCondition, StreamCondition};
use xmppspec_protocol::element::Element;
use xmppspec_protocol::jid::Jid;
use xmppspec_protocol::ns;

use crate::account::Resource;
use crate::mailbox::Mailbox;
use crate::router::{Router, Source};
use crate::session::random_id;
use crate::{Conflict, Fault};

impl Router {
    /// Binds a resource for a session.
    ///
    /// # Errors
    /// `resource-constraint` (§7.6.2.1), `conflict` (§7.7.2.2), `not-allowed` where the account is gone (§7.6.2.2).
    pub(crate) fn bind(
        &mut self,
        session: u64,
        local: &str,
        wanted: Option<&str>,
        mailbox: &Arc<Mailbox>,
    ) -> Result<Jid, StanzaCondition> {
        let bare = self.bare(local).ok_or(StanzaCondition::NotAllowed)?;
        let account = self.accounts.get(local);
        let account = account.ok_or(StanzaCondition::NotAllowed)?;
        // §7.7.2.1: what cannot be used is replaced rather than refused.
        let refused = wanted.is_none_or(str::is_empty) && self.fault(Fault::BindNeedsResource)
            || wanted == Some("") && self.fault(Fault::BindEmptyRefused);
        if refused {
            return Err(StanzaCondition::BadRequest);
        }
        if self.fault(Fault::BindOneResource) && !account.resources.is_empty() {
            return Err(StanzaCondition::ResourceConstraint);
        }
        let wanted = wanted.filter(|_| !self.fault(Fault::BindOverrides));
        let wanted = wanted.and_then(|wanted| bare.with_resource(wanted).ok());
        let jid = match wanted {
            None if self.fault(Fault::BindConstant) => bare
                .with_resource("constant")
                .map_err(|_| StanzaCondition::InternalServerError)?,
            None => generate(&bare)?,
            Some(jid) => {
                let old = jid.resource().and_then(|name| account.resources.get(name));
                match (old.is_some(), self.config.conflict) {
                    (false, _) => jid,
                    _ if self.fault(Fault::BindConflictUnnamed) => {
                        return Err(StanzaCondition::NotAllowed);
                    }
                    (true, Conflict::RefuseNew) => return Err(StanzaCondition::Conflict),
                    (true, Conflict::Override) => generate(&bare)?,
                    (true, Conflict::TerminateOld) => {
                        self.terminate(local, &jid);
                        jid
                    }
                }
            }
        };
        let limit = self.config.limits.resources;
        let account = self.accounts.get_mut(local);
        let account = account.ok_or(StanzaCondition::NotAllowed)?;
        if account.resources.len() >= limit {
            return Err(StanzaCondition::ResourceConstraint);
        }
        let name = jid.resource().unwrap_or_default().to_owned();
        let resource = Resource::new(session, jid.clone(), mailbox.clone());
        account.resources.insert(name, resource);
        Ok(jid)
    }

    /// Ends the session that has this resource.
    fn terminate(&mut self, local: &str, jid: &Jid) {
        let source = Source {
            account: local.to_owned(),
            resource: jid.resource().unwrap_or_default().to_owned(),
            jid: jid.clone(),
        };
        let old = self.leave(&source);
        if let Some(old) = old {
            old.end(StreamCondition::Conflict);
        }
    }

    /// A session has ended, whatever the reason: whoever saw its resource available is told (RFC 6121 §4.5.2).
    pub(crate) fn left(&mut self, session: u64, source: &Source) {
        let account = self.accounts.get(&source.account);
        let resource = account.and_then(|account| account.resources.get(&source.resource));
        // Another session may have taken the resource over.
        if resource.is_none_or(|resource| resource.session != session) {
            return;
        }
        self.leave(source);
    }

    fn leave(&mut self, source: &Source) -> Option<Resource> {
        let unavailable = Element::new(ns::CLIENT, "presence")
            .with_attr("from", &source.jid.to_string())
            .with_attr("type", "unavailable");
        if !self.fault(Fault::LostConnectionUntold) {
            self.broadcast_unavailable(source, unavailable, false);
        }
        self.accounts
            .get_mut(&source.account)?
            .resources
            .remove(&source.resource)
    }
}

/// A resource that nobody can guess (§7.6).
fn generate(bare: &Jid) -> Result<Jid, StanzaCondition> {
    bare.with_resource(&random_id())
        .map_err(|_| StanzaCondition::InternalServerError)
}

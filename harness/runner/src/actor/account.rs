//! Making and removing accounts over the stream (XEP-0077).

use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;

use super::{Account, Problem, Stage, StepError, condition};

impl Stage {
    /// Registers the actor's account, and leaves.
    ///
    /// # Errors
    /// [`Problem::Refused`] with the condition: `conflict` if the account exists.
    pub async fn register(&mut self, who: usize) -> Result<(), StepError> {
        let Some(account) = self.actors[who].account.clone() else {
            return Err(StepError::new(Problem::Script, "no account to register"));
        };
        self.open_secured(who).await?;
        let field = |name: &str, text: &str| Element::new(ns::REGISTER, name).with_text(text);
        let query = Element::new(ns::REGISTER, "query")
            .with_child(field("username", &account.user))
            .with_child(field("password", &account.password));
        let id = self.id("register");
        let answer = self
            .request(who, "set", &id, query, "answer to the registration")
            .await?;
        self.disconnect(who, super::PATIENCE_AT_THE_END).await;
        self.actors[who].connection = None;
        if answer.attr("type") == Some("result") {
            return Ok(());
        }
        let condition = answer
            .child(ns::CLIENT, "error")
            .map_or_else(|| condition(&answer), condition);
        Err(StepError::new(
            Problem::Refused,
            format!("registration was refused: {condition}"),
        )
        .with_received(answer.to_xml(ns::CLIENT)))
    }

    /// Logs in and cancels the registration of the actor's account (XEP-0077 §3.2). The target may end the stream instead of
    /// answering.
    ///
    /// # Errors
    /// Those of logging in, and a refusal.
    pub async fn remove_account(&mut self, who: usize) -> Result<(), StepError> {
        self.log_in(who).await?;
        let id = self.id("remove");
        let query =
            Element::new(ns::REGISTER, "query").with_child(Element::new(ns::REGISTER, "remove"));
        let answer = self
            .request(who, "set", &id, query, "answer to the removal")
            .await;
        self.disconnect(who, super::PATIENCE_AT_THE_END).await;
        match answer {
            Err(error) if error.problem != Problem::Ended => Err(error),
            Ok(answer) if answer.name() == "iq" && answer.attr("type") == Some("error") => Err(
                StepError::new(Problem::Refused, "the account could not be removed")
                    .with_received(answer.to_xml(ns::CLIENT)),
            ),
            _ => Ok(()),
        }
    }

    /// Empties what an account that cases share has kept: its roster and its offline messages.
    ///
    /// # Errors
    /// Those of logging in and of the roster.
    pub async fn tidy(&mut self, who: usize) -> Result<(), StepError> {
        self.log_in(who).await?;
        let id = self.id("roster");
        let roster = self
            .request(who, "get", &id, Element::new(ns::ROSTER, "query"), "roster")
            .await?;
        let items: Vec<String> = roster
            .child(ns::ROSTER, "query")
            .into_iter()
            .flat_map(Element::elements)
            .filter_map(|item| item.attr("jid").map(str::to_owned))
            .collect();
        for jid in items {
            let item = Element::new(ns::ROSTER, "item")
                .with_attr("jid", &jid)
                .with_attr("subscription", "remove");
            let id = self.id("roster");
            let query = Element::new(ns::ROSTER, "query").with_child(item);
            self.request(who, "set", &id, query, "answer to the roster set")
                .await?;
        }
        self.send(who, b"<presence/>").await?;
        self.fence(who).await?;
        self.disconnect(who, super::PATIENCE_AT_THE_END).await;
        self.actors[who].connection = None;
        Ok(())
    }
}

impl Stage {
    /// Asks an entity with an IQ of type `get`.
    ///
    /// # Errors
    /// [`Problem::Refused`] for an error, and whatever keeps an answer from coming.
    pub async fn ask(
        &mut self,
        who: usize,
        to: &str,
        payload: Element,
    ) -> Result<Element, StepError> {
        let id = self.id("ask");
        let iq = Element::new(ns::CLIENT, "iq")
            .with_attr("type", "get")
            .with_attr("to", to)
            .with_attr("id", &id)
            .with_child(payload);
        self.connection(who)?.send(iq.to_xml(ns::CLIENT).as_bytes());
        let answer = self
            .wait_on(who, "answer to the request", |connection| {
                connection.take_element(|e| e.name() == "iq" && e.attr("id") == Some(&id))
            })
            .await?;
        match answer.attr("type") {
            Some("result") => Ok(answer),
            _ => Err(StepError::new(Problem::Refused, "the request was refused")
                .with_received(answer.to_xml(ns::CLIENT))),
        }
    }
}

impl Account {
    /// The bare JID.
    #[must_use]
    pub fn jid(&self) -> String {
        format!("{}@{}", self.user, self.domain)
    }
}

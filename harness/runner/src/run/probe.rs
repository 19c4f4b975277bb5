//! What a target has, found out once before the cases run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng as _;
use xmppspec_protocol::element::Element;
use xmppspec_protocol::ns;

use super::accounts::Accounts;
use crate::actor::{Account, Actor, Opening, Problem, Reach, Stage, StepError, offered_mechanisms};
use crate::transport::Tls;

/// What a target has, in the words of `## requires:`.
#[derive(Debug, Clone, Default)]
pub struct Capabilities {
    words: BTreeSet<String>,
    /// Words that the profile denies.
    lacks: Vec<String>,
    /// What the target says it is (XEP-0092): name and version.
    pub software: Option<String>,
    /// Why what is seen only after a login could not be found out.
    pub not_logged_in: Option<String>,
}

impl Capabilities {
    /// Why a case that needs these words has to be skipped, if it has.
    #[must_use]
    pub fn missing(&self, requires: &[String]) -> Option<String> {
        let lacked = requires.iter().find(|word| self.lacks.contains(word));
        if let Some(word) = lacked {
            return Some(format!("the target lacks {word}: its profile says so"));
        }
        let word = requires.iter().find(|word| !self.words.contains(*word))?;
        Some(match &self.not_logged_in {
            Some(why) if !is_seen_before_login(word) => {
                format!("whether the target has {word} could not be found out: {why}")
            }
            _ => format!("the target lacks {word}"),
        })
    }

    /// All words.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }
}

fn is_seen_before_login(word: &str) -> bool {
    word == "starttls" || word == "direct-tls" || word.starts_with("mechanism:")
}

/// The short names of stream features whose element has another name.
const NAMES: [(&str, &str); 3] = [
    (ns::ROSTER_VERSIONING, "roster-versioning"),
    (ns::PRE_APPROVAL, "pre-approval"),
    (ns::REGISTER_FEATURE, "register"),
];

fn add_features(words: &mut BTreeSet<String>, features: &Element) {
    for feature in features.elements() {
        let special = NAMES
            .iter()
            .find(|(namespace, _)| *namespace == feature.ns());
        words.insert(special.map_or(feature.name(), |(_, name)| *name).to_owned());
    }
}

/// Finds out what a target has.
///
/// # Errors
/// When it does not even answer a stream header with features: then there is nothing to be judged.
pub(super) async fn probe(
    reach: &Arc<Reach>,
    tls: &Tls,
    accounts: &Accounts,
    lacks: &[String],
    seed: u64,
) -> Result<Capabilities, StepError> {
    let rng = || rand::rngs::StdRng::seed_from_u64(seed);
    let mut words = BTreeSet::new();
    let mut stage = Stage::new(vec![Actor::new("probe")], reach.clone(), tls.clone(), rng());
    let opening = Opening::to(&reach.domain);
    stage.connect(0).await?;
    stage.open_stream(0, &opening).await?;
    if look(&mut stage, &mut words)?
        .child(ns::TLS, "starttls")
        .is_some()
    {
        stage.start_tls(0, None).await?;
        stage.open_stream(0, &opening).await?;
        look(&mut stage, &mut words)?;
    }
    stage.disconnect(0, reach.timeout).await;

    if reach.c2s_tls.is_some() {
        let mut actor = Actor::new("probe");
        actor.direct_tls = true;
        let mut stage = Stage::new(vec![actor], reach.clone(), tls.clone(), rng());
        if stage.connect(0).await.is_ok() && stage.open_stream(0, &opening).await.is_ok() {
            words.insert("direct-tls".to_owned());
        }
        stage.disconnect(0, reach.timeout).await;
    }

    let not_logged_in = log_in_and_look(reach, tls, accounts, rng(), &mut words).await;
    let (software, not_logged_in) = match not_logged_in {
        Ok(software) => (software, None),
        Err(why) => (None, Some(why)),
    };
    Ok(Capabilities {
        words,
        software,
        lacks: lacks.to_vec(),
        not_logged_in,
    })
}

/// Notes the features of the probe's stream.
fn look(stage: &mut Stage, words: &mut BTreeSet<String>) -> Result<Element, StepError> {
    let no_features = stage.did_not_come(0, "stream features", Duration::ZERO);
    let connection = stage.connection(0)?;
    let Some(features) = connection.features.clone() else {
        return Err(no_features);
    };
    add_features(words, &features);
    for mechanism in offered_mechanisms(connection) {
        words.insert(format!("mechanism:{mechanism}"));
    }
    Ok(features)
}

/// Logs in with an account of the run and asks the server and the account for their features (XEP-0030).
async fn log_in_and_look(
    reach: &Arc<Reach>,
    tls: &Tls,
    accounts: &Accounts,
    mut rng: rand::rngs::StdRng,
    words: &mut BTreeSet<String>,
) -> Result<Option<String>, String> {
    let lease = accounts.for_probe(&mut rng).await?;
    let account = lease.by_actor.values().next().cloned();
    let result = match account {
        Some(account) => ask(reach, tls, account, rng, words)
            .await
            .map_err(|e| e.to_string()),
        None => Err("there is no account".to_owned()),
    };
    accounts.give_back(lease).await;
    result
}

async fn ask(
    reach: &Arc<Reach>,
    tls: &Tls,
    account: Account,
    rng: rand::rngs::StdRng,
    words: &mut BTreeSet<String>,
) -> Result<Option<String>, StepError> {
    let (domain, jid) = (reach.domain.clone(), account.jid());
    let mut actor = Actor::new("probe");
    actor.account = Some(account);
    let mut stage = Stage::new(vec![actor], reach.clone(), tls.clone(), rng);
    stage.log_in(0).await?;
    if let Some(features) = &stage.connection(0)?.features {
        add_features(words, features);
    }
    let version = Element::new(ns::VERSION, "query");
    let software = match stage.ask(0, &domain, version).await {
        Ok(answer) => software(&answer),
        Err(error) if error.problem == Problem::Refused => None,
        Err(error) => return Err(error),
    };
    for to in [domain, jid] {
        let query = Element::new(ns::DISCO_INFO, "query");
        let info = match stage.ask(0, &to, query).await {
            Ok(info) => info,
            // A server need not know service discovery.
            Err(error) if error.problem == Problem::Refused => continue,
            Err(error) => return Err(error),
        };
        let features = info
            .child(ns::DISCO_INFO, "query")
            .into_iter()
            .flat_map(Element::elements)
            .filter(|e| e.is(ns::DISCO_INFO, "feature"));
        for var in features.filter_map(|e| e.attr("var")) {
            words.insert(format!("disco:{var}"));
        }
    }
    stage.disconnect(0, reach.timeout).await;
    Ok(software)
}

/// Name and version in an answer of XEP-0092.
fn software(answer: &Element) -> Option<String> {
    let query = answer.child(ns::VERSION, "query")?;
    let text = |name: &str| {
        let text = query.child(ns::VERSION, name)?.text().trim().to_owned();
        Some(text).filter(|text| !text.is_empty())
    };
    let name = text("name")?;
    Some(match text("version") {
        Some(version) => format!("{name} {version}"),
        None => name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_missing_and_why() {
        let capabilities = Capabilities {
            words: ["starttls", "mechanism:PLAIN"].map(str::to_owned).into(),
            lacks: vec!["starttls".to_owned()],
            software: None,
            not_logged_in: Some("registration was refused".to_owned()),
        };
        let missing = |word: &str| capabilities.missing(&[word.to_owned()]);
        assert_eq!(missing("mechanism:PLAIN"), None);
        assert_eq!(
            missing("mechanism:X").as_deref(),
            Some("the target lacks mechanism:X")
        );
        assert_eq!(
            missing("starttls").as_deref(),
            Some("the target lacks starttls: its profile says so")
        );
        assert_eq!(
            missing("disco:urn:xmpp:ping").as_deref(),
            Some(
                "whether the target has disco:urn:xmpp:ping could not be found out: registration was refused"
            )
        );
    }
}

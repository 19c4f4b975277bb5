//! Where the accounts of a case come from, and where they go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use rand::RngExt as _;
use rand::SeedableRng as _;
use tokio::sync::Notify;
use xmppspec_scenarios::{Action, Actor as ScriptActor, ActorKind, Script};

use crate::actor::{Account, Actor, Reach, Stage, StepError};
use crate::target::AccountPolicy;
use crate::transport::Tls;

/// A fresh name is made at most so often before registration counts as refused: another run may have left one behind.
const TRIES: u32 = 3;

/// Letters of a fresh localpart, and how many: enough for a million cases.
const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
const LETTERS_EACH: usize = 8;

/// Why a case gets no accounts.
#[derive(Debug)]
pub(super) enum NoAccounts {
    /// The target will never have so many: the case is a skip.
    Skip(String),
    /// Making them failed: the case is blocked.
    Failed(StepError),
}

/// The accounts of a run.
#[derive(Debug)]
pub(super) struct Accounts {
    policy: AccountPolicy,
    /// They outlive the run unless it removes them.
    remove: bool,
    free: Mutex<Vec<Account>>,
    returned: Notify,
    /// Those that were made and not yet removed: a case that is broken off cannot remove its own.
    outstanding: Mutex<Vec<Account>>,
    reach: Arc<Reach>,
    tls: Tls,
}

/// The accounts of one case, by actor.
#[derive(Debug, Default)]
pub(super) struct Lease {
    pub(super) by_actor: HashMap<String, Account>,
    /// Those that were made for the case.
    made: Vec<Account>,
    /// Those that go back.
    lent: Vec<Account>,
}

impl Accounts {
    pub(super) fn new(policy: AccountPolicy, remove: bool, reach: Arc<Reach>, tls: Tls) -> Self {
        let free = match &policy {
            AccountPolicy::List(pairs) => pairs
                .iter()
                .map(|(user, password)| {
                    let (user, domain) = user.split_once('@').unwrap_or((user, &reach.domain));
                    Account {
                        user: user.to_owned(),
                        domain: domain.to_owned(),
                        password: password.clone(),
                    }
                })
                .rev()
                .collect(),
            AccountPolicy::Register | AccountPolicy::None => Vec::new(),
        };
        Self {
            policy,
            remove,
            free: Mutex::new(free),
            returned: Notify::new(),
            outstanding: Mutex::default(),
            reach,
            tls,
        }
    }

    /// Accounts for those actors of a script that need one.
    pub(super) async fn lease(
        &self,
        script: &Script,
        rng: &mut rand::rngs::StdRng,
    ) -> Result<Lease, NoAccounts> {
        let mut lease = Lease::default();
        let wanting: Vec<&ScriptActor> = script
            .actors
            .iter()
            .filter(|actor| actor.needs_account() && needs_login(script, actor))
            .collect();
        match &self.policy {
            AccountPolicy::None if wanting.is_empty() => {}
            AccountPolicy::None => {
                return Err(NoAccounts::Skip(
                    "it needs accounts: give --register or --account".to_owned(),
                ));
            }
            AccountPolicy::List(all) if wanting.len() > all.len() => {
                return Err(NoAccounts::Skip(format!(
                    "it needs {} accounts, and there are {}",
                    wanting.len(),
                    all.len()
                )));
            }
            AccountPolicy::List(_) => {
                lease.lent = self.borrow(wanting.len()).await;
                let tidied = join_all(lease.lent.iter().map(|account| async {
                    let mut stage = self.stage(account, rand::rngs::StdRng::seed_from_u64(0));
                    stage.tidy(0).await
                }));
                for result in tidied.await {
                    if let Err(error) = result {
                        self.give_back(lease).await;
                        return Err(NoAccounts::Failed(error));
                    }
                }
            }
            AccountPolicy::Register => {
                let seeds: Vec<(String, u64)> = wanting
                    .iter()
                    .map(|actor| (slug(&actor.name), rng.random()))
                    .collect();
                let made =
                    join_all(seeds.into_iter().map(|(slug, seed)| self.make(slug, seed))).await;
                let mut failed = None;
                for account in made {
                    match account {
                        Ok(account) => lease.made.push(account),
                        Err(error) => failed = Some(error),
                    }
                }
                if let Some(error) = failed {
                    self.give_back(lease).await;
                    return Err(NoAccounts::Failed(error));
                }
            }
        }
        let all = lease.made.iter().chain(&lease.lent).cloned();
        lease.by_actor = wanting.iter().map(|a| a.name.clone()).zip(all).collect();
        // Names for those who only speak of an account: it does not exist.
        for actor in script.actors.iter().filter(|a| a.needs_account()) {
            if !lease.by_actor.contains_key(&actor.name) {
                let account = self.fresh(&slug(&actor.name), rng);
                lease.by_actor.insert(actor.name.clone(), account);
            }
        }
        Ok(lease)
    }

    /// One account to find out with what the target has.
    pub(super) async fn for_probe(&self, rng: &mut rand::rngs::StdRng) -> Result<Lease, String> {
        let mut lease = Lease::default();
        let account = match &self.policy {
            AccountPolicy::None => return Err("there are no accounts".to_owned()),
            AccountPolicy::List(_) => {
                lease.lent = self.borrow(1).await;
                lease.lent[0].clone()
            }
            AccountPolicy::Register => {
                let account = self
                    .make("probe".to_owned(), rng.random())
                    .await
                    .map_err(|e| e.to_string())?;
                lease.made.push(account.clone());
                account
            }
        };
        lease.by_actor.insert("probe".to_owned(), account);
        Ok(lease)
    }

    async fn borrow(&self, count: usize) -> Vec<Account> {
        loop {
            let returned = self.returned.notified();
            {
                let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
                if free.len() >= count {
                    let at = free.len() - count;
                    let mut lent = free.split_off(at);
                    lent.reverse();
                    return lent;
                }
            }
            returned.await;
        }
    }

    fn fresh(&self, slug: &str, rng: &mut rand::rngs::StdRng) -> Account {
        let mut letters = |count: usize| -> String {
            (0..count)
                .map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]))
                .collect()
        };
        Account {
            user: format!("{slug}-{}", letters(LETTERS_EACH)),
            domain: self.reach.domain.clone(),
            password: letters(2 * LETTERS_EACH),
        }
    }

    /// Registers one fresh account.
    async fn make(&self, slug: String, seed: u64) -> Result<Account, StepError> {
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        let mut tries = 0;
        loop {
            tries += 1;
            let account = self.fresh(&slug, &mut rng);
            let mut stage = self.stage(&account, rand::rngs::StdRng::seed_from_u64(seed));
            if self.remove {
                self.outstanding().push(account.clone());
            }
            match stage.register(0).await {
                Ok(()) => return Ok(account),
                Err(error) if error.message.contains("<conflict/>") && tries < TRIES => {
                    self.outstanding().retain(|other| *other != account);
                }
                // A target that closes connections for no reason also mixes answers up; nothing is judged here.
                Err(_) if tries <= self.reach.connect_retries => {}
                Err(mut error) => {
                    error.message = format!("no account could be made: {}", error.message);
                    return Err(error);
                }
            }
        }
    }

    /// Registers a given account; that it exists already is no error.
    pub(super) async fn ensure(&self, account: &Account) -> Result<(), StepError> {
        if self.policy != AccountPolicy::Register || account.domain != self.reach.domain {
            return Ok(());
        }
        let mut stage = self.stage(account, rand::rngs::StdRng::seed_from_u64(0));
        match stage.register(0).await {
            Err(error) if !error.message.contains("<conflict/>") => Err(error),
            _ => Ok(()),
        }
    }

    fn stage(&self, account: &Account, rng: rand::rngs::StdRng) -> Stage {
        let mut actor = Actor::new("accounts");
        actor.account = Some(account.clone());
        Stage::new(vec![actor], self.reach.clone(), self.tls.clone(), rng)
    }

    fn outstanding(&self) -> std::sync::MutexGuard<'_, Vec<Account>> {
        self.outstanding
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes accounts back: those that were made are removed where they would stay, those that were lent are free again.
    /// Returns what could not be removed.
    pub(super) async fn give_back(&self, lease: Lease) -> Vec<String> {
        let kept = if self.remove {
            self.remove(lease.made).await
        } else {
            Vec::new()
        };
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.extend(lease.lent);
        drop(free);
        self.returned.notify_waiters();
        kept
    }

    /// Removes what cases that were broken off have left. Returns what could not be removed.
    pub(super) async fn remove_left(&self) -> Vec<String> {
        let left = self.outstanding().clone();
        self.remove(left).await
    }

    async fn remove(&self, accounts: Vec<Account>) -> Vec<String> {
        let removals = join_all(accounts.into_iter().map(|account| async move {
            let rng = rand::rngs::StdRng::seed_from_u64(0);
            let result = self.stage(&account, rng).remove_account(0).await;
            self.outstanding().retain(|other| *other != account);
            result
                .err()
                .map(|error| format!("the account {} stays: {error}", account.jid()))
        }));
        removals.await.into_iter().flatten().collect()
    }
}

/// The actor logs in, or speaks of its name or password in what it sends: a script writes a JID for somebody who need not exist.
fn needs_login(script: &Script, actor: &ScriptActor) -> bool {
    if actor.kind == ActorKind::Client {
        return true;
    }
    let index = script.actors.iter().position(|a| a.name == actor.name);
    let logs_in = |action: &Action| matches!(action, Action::Authenticate(_) | Action::Bind(_));
    let spoken = ["user", "password"].map(|what| format!("{}'s {what}}}", actor.name));
    let speaks = |text: &str| spoken.iter().any(|spoken| text.contains(spoken));
    script.steps.iter().any(|step| {
        (Some(step.actor) == index && logs_in(&step.action))
            || match &step.action {
                Action::Send(body) => speaks(body.as_str()),
                Action::SendBytes(pieces) => pieces.iter().any(|p| speaks(p.line.as_str())),
                _ => false,
            }
    }) || script
        .actors
        .iter()
        .any(|other| other.account() == Some(actor.name.as_str()) && needs_login(script, other))
}

/// A localpart made from an actor's name.
fn slug(name: &str) -> String {
    let slug: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .take(16)
        .collect();
    if slug.is_empty() {
        "actor".to_owned()
    } else {
        slug
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_actors_become_localparts() {
        assert_eq!(slug("Juliet's phone"), "julietsphone");
        assert_eq!(slug("Ромео"), "actor");
    }

    #[test]
    fn only_who_logs_in_needs_an_account() {
        let text = "# x\n[Client] A\n[Stream] B\n[Stream] C\n[Stream] D\n[Stream] E\n-----\n\
            A connects\nB opens stream\nC authenticates\nB sends:\n\t<auth>${base64:\\x00\\x00${D's password}}</auth>\n\
            B sends:\n\t<auth>${base64:n,,n=${E's user},r=x}</auth>\n";
        let source = xmppspec_scenarios::Source {
            name: "x".to_owned(),
            text: text.to_owned(),
        };
        let script = xmppspec_scenarios::parse(&source, "x").unwrap().remove(0);
        let need: Vec<bool> = script
            .actors
            .iter()
            .map(|a| needs_login(&script, a))
            .collect();
        assert_eq!(need, [true, false, true, true, true]);
    }
}

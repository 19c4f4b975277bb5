//! A server that somebody else starts, by its profile: it has addresses in place of processes.

use std::time::Duration;

use super::profile::{Accounts, Profile};
use super::running::with_port;
use super::{AccountPolicy, Role, Services, Target, TargetError};

/// The services that can be reached by address.
const REACHABLE: [&str; 2] = ["c2s", "c2s_tls"];

/// What is wrong with a profile that has addresses: the word concerned, and a sentence.
pub(super) fn check(profile: &Profile) -> Result<(), (String, String)> {
    let wrong = |what: &str, why: &str| Err((what.to_owned(), why.to_owned()));
    if profile.role != Role::Server {
        return wrong("addresses", "only a server is reached by `[addresses]`");
    }
    if !profile.addresses.contains_key("c2s") {
        return wrong("addresses", "a server needs the address `c2s`");
    }
    let unknown = |name: &&String| !REACHABLE.contains(&name.as_str());
    if let Some(name) = profile.addresses.keys().find(unknown) {
        return wrong(name, "`[addresses]` holds `c2s` and `c2s_tls`");
    }
    for (field, is_empty) in [
        ("services", profile.services.is_empty()),
        ("processes", profile.processes.is_empty()),
        ("templates", profile.templates.is_empty()),
        ("prepare", profile.prepare.is_empty()),
    ] {
        if !is_empty {
            let why = format!(
                "`{field}` starts a server, and `[addresses]` are those of one that runs already"
            );
            return Err((field.to_owned(), why));
        }
    }
    if matches!(profile.accounts, Accounts::Command { .. }) {
        return wrong(
            "command",
            "a command makes accounts of a server that the run starts; list them, or allow registration",
        );
    }
    if Duration::try_from_secs_f64(profile.timeout_s).is_ok_and(|time| !time.is_zero()) {
        Ok(())
    } else {
        wrong(
            "timeout_s",
            "`timeout_s` must be a number of seconds above 0",
        )
    }
}

/// What a run needs to know about it.
pub(super) fn target(profile: &Profile) -> Result<Target, TargetError> {
    let address = |name: &str| profile.addresses.get(name).map(|a| with_port(a));
    Ok(Target {
        name: profile.name.clone(),
        version: profile.find_version(),
        role: profile.role,
        domain: profile.domain.clone(),
        services: Services {
            c2s: address("c2s").unwrap_or_default(),
            c2s_tls: address("c2s_tls"),
        },
        accounts: match &profile.accounts {
            Accounts::Register => AccountPolicy::Register,
            Accounts::List { list } => profile.listed(list)?,
            Accounts::None | Accounts::Command { .. } => AccountPolicy::None,
        },
        timeout: Duration::from_secs_f64(profile.timeout_s),
        connect_retries: profile.connect_retries,
        lacks: profile.lacks.clone(),
        known: profile.known.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Profile, TargetError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("target.toml"), text).unwrap();
        Profile::load(&folder.path().display().to_string())
    }

    const HEAD: &str = "name = 'x'\nrole = 'server'\ndomain = 'capulet.example'\n";

    #[test]
    fn a_profile_may_say_where_a_server_is() {
        let text = format!(
            "{HEAD}[addresses]\nc2s = 'localhost'\nc2s_tls = '[::1]:5223'\n[accounts]\nfrom = 'list'\nlist = ['romeo:a:b']\n"
        );
        let target = target(&load(&text).unwrap()).unwrap();
        assert_eq!(target.services.c2s, "localhost:5222");
        assert_eq!(target.services.c2s_tls.as_deref(), Some("[::1]:5223"));
        let romeo = ("romeo".to_owned(), "a:b".to_owned());
        assert_eq!(target.accounts, AccountPolicy::List(vec![romeo]));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (text, why) in [
            ("[addresses]\nc2s_tls = 'x'\n", "needs the address `c2s`"),
            (
                "[addresses]\nc2s = 'x'\nbosh = 'x'\n",
                "holds `c2s` and `c2s_tls`",
            ),
            (
                "[addresses]\nc2s = 'x'\n[services]\nc2s = 5222\n",
                "`services` starts a server",
            ),
            ("timeout_s = 0\n[addresses]\nc2s = 'x'\n", "above 0"),
            (
                "[addresses]\nc2s = 'x'\n[accounts]\nfrom = 'command'\ncommand = ['x']\n",
                "a command makes accounts",
            ),
        ] {
            let error = load(&format!("{HEAD}{text}")).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}

//! Values of arguments that several commands take.

use std::path::PathBuf;
use std::time::Duration;

use xmppspec_reference::Fault;
use xmppspec_reports::Format;
use xmppspec_scenarios::{Role, names};

use super::run_args::{ReportTo, Shard};

/// `USER:PASSWORD`. The password may hold colons.
pub(super) fn account(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((user, password)) if !user.is_empty() && !password.is_empty() => {
            Ok((user.to_owned(), password.to_owned()))
        }
        _ => Err("write it as USER:PASSWORD".to_owned()),
    }
}

/// A fault of the reference server by its name.
pub(super) fn fault(name: &str) -> Result<Fault, String> {
    Fault::from_name(name).ok_or_else(|| {
        let known = Fault::ALL.iter().map(|fault| fault.name());
        match names::nearest(name, known) {
            Some(near) => format!("there is no such fault; did you mean `{near}`?"),
            None => "there is no such fault; `xmppspec serve --help` lists them".to_owned(),
        }
    })
}

/// The role of a target.
pub(super) fn role(name: &str) -> Result<Role, String> {
    Role::from_name(name).ok_or_else(|| "a role is `server`, `peer` or `client`".to_owned())
}

/// `I/N`: the part I of N.
pub(super) fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/');
    parts
        .and_then(|(index, count)| {
            Some(Shard {
                index: index.parse().ok()?,
                count: count.parse().ok()?,
            })
        })
        .filter(|shard| (1..=shard.count).contains(&shard.index))
        .ok_or_else(|| "write it as I/N with I from 1 to N, for example 2/4".to_owned())
}

/// A number of seconds above 0.
pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "write a number of seconds above 0".to_owned())
}

/// A length of time: `8h`, `10m`, `30s`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "write it as 8h, 10m or 30s".to_owned();
    let unit = match text.chars().last() {
        Some('h') => 3600,
        Some('m') => 60,
        Some('s') => 1,
        _ => return Err(wrong()),
    };
    let number = text[..text.len() - 1].parse::<u32>().map_err(|_| wrong())?;
    if number == 0 {
        return Err(wrong());
    }
    Ok(Duration::from_secs(u64::from(number) * unit))
}

/// `FORMAT=FILE`.
pub(super) fn report(text: &str) -> Result<ReportTo, String> {
    match text.split_once('=') {
        Some((format, file)) if !format.is_empty() && !file.is_empty() => Ok(ReportTo {
            format: Format::from_name(format).map_err(|error| error.to_string())?,
            file: PathBuf::from(file),
        }),
        _ => Err("write it as FORMAT=FILE, for example json=results.json".to_owned()),
    }
}

/// A number of bytes with a unit: `512M`, `2G`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let units = [("M", 20), ("G", 30)];
    units
        .iter()
        .find_map(|(unit, shift)| {
            let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
            number.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
        })
        .ok_or_else(|| "write it in megabytes or gigabytes, for example 512M or 2G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        assert_eq!(time("8h"), Ok(Duration::from_secs(8 * 3600)));
        assert_eq!(time("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(time("1s"), Ok(Duration::from_secs(1)));
        for wrong in ["", "8", "h", "0s", "1.5h", "-1s", "8d", "8é"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn accounts() {
        assert_eq!(account("romeo:a:b"), Ok(("romeo".into(), "a:b".into())));
        for wrong in ["romeo", "romeo:", ":secret", ""] {
            assert!(account(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "-1", "NaN", "inf", "1e99", "5s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shards() {
        let parts = ["1/3", "2/3", "3/3"].map(|part| shard(part).unwrap());
        for place in 0..7 {
            assert_eq!(
                parts.iter().filter(|part| part.has(place)).count(),
                1,
                "{place}"
            );
        }
        for wrong in ["0/3", "4/3", "1/0", "1", "a/b", "1/2/3"] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn faults() {
        let first = Fault::ALL[0];
        assert_eq!(fault(first.name()), Ok(first));
        assert!(
            fault("header-without-idd")
                .unwrap_err()
                .contains("`header-without-id`")
        );
        assert!(fault("xyzzy").unwrap_err().contains("serve --help"));
    }

    #[test]
    fn reports() {
        let to = report("json=a=b.json").unwrap();
        assert_eq!(
            (to.format, to.file),
            (Format::Json, PathBuf::from("a=b.json"))
        );
        assert!(report("xyzzy=a").unwrap_err().contains("json"));
        assert!(report("json").is_err() && report("=x").is_err());
    }

    #[test]
    fn sizes_have_a_unit() {
        assert_eq!(size("512M"), Ok(512 << 20));
        assert_eq!(size("2G"), Ok(2 << 30));
        for wrong in ["", "2", "G", "0G", "-1M", "2 G", "99999999999G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}

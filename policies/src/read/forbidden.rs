//! Keys that no policy may have, wherever they stand: they would let whoever hands out policies
//! add a reader or a writer, or run something on an OPD's server. They would be refused as unknown
//! anyway; here it is said why, so that nobody files it as a missing feature.

use toml::de::{DeTable, DeValue};

use super::table::Sink;
use crate::fields::join;
use crate::problem::ProblemKind;
use crate::quote::short;

/// A key that has one of these in it.
const PARTS: &[&str] = &[
    "recipient",
    "identit",
    "signer",
    "signing",
    "command",
    "hook",
    "exec",
    "secret",
    "passw",
    "passphrase",
    "credential",
    "shell",
    "plugin",
];
/// A key of which one of these is a word.
const WORDS: &[&str] = &[
    "key", "keys", "owner", "owners", "run", "runs", "cmd", "cmds", "eval", "program", "programs", "script", "scripts",
    "binary", "token", "tokens", "pre", "post", "bash", "sh", "python", "env",
];

pub(super) fn is(key: &str) -> bool {
    let plain = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    PARTS.iter().any(|part| plain.contains(part)) || words(key).iter().any(|word| WORDS.contains(&word.as_str()))
}

/// `ownerKey` and `owner-key` are two words each.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for c in key.chars() {
        if !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && after_small) {
            words.push(String::new());
        }
        after_small = c.is_ascii_lowercase();
        if let Some(word) = words.last_mut().filter(|_| c.is_ascii_alphanumeric()) {
            word.push(c.to_ascii_lowercase());
        }
    }
    words
}

pub(super) fn scan(sink: &Sink, root: &DeTable<'_>) {
    table(sink, &mut Vec::new(), root);
}

fn table<'a>(sink: &Sink, trail: &mut Vec<&'a str>, inner: &'a DeTable<'_>) {
    // A dataset may be called `identity`: the keys of these tables are names.
    let named = matches!(trail[..], ["opd"] | ["opd", _, "dataset"]);
    for (key, value) in inner {
        let (key, place, value) = (&**key.get_ref(), key.span(), value.get_ref());
        trail.push(key);
        if is(key) && !(named && value.is_table()) {
            let shown: &[&str] = if sink.is_full() { &[] } else { trail };
            let path = shown.iter().fold(String::new(), |path, key| join(&path, key));
            sink.report(place, &path, ProblemKind::Forbidden(short(key)));
        } else {
            below(sink, trail, value);
        }
        trail.pop();
    }
}

/// Tables lie in lists too. How deep all this goes was bounded before the file was read.
fn below<'a>(sink: &Sink, trail: &mut Vec<&'a str>, value: &'a DeValue<'_>) {
    match value {
        DeValue::Table(inner) => table(sink, trail, inner),
        DeValue::Array(items) => items.iter().for_each(|item| below(sink, trail, item.get_ref())),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_reads_writes_or_runs_is_forbidden() {
        for key in [
            "recipient",
            "recipients",
            "extra-recipients",
            "age_recipient",
            "identity",
            "identities",
            "identity-file",
            "signer",
            "signers",
            "signing_key",
            "ownerKey",
            "owner_key",
            "owner",
            "private-key",
            "key",
            "command",
            "commands",
            "pre_command",
            "hook",
            "hooks",
            "pre-hook",
            "post_backup",
            "webhook",
            "exec",
            "execute",
            "ExecStart",
            "script",
            "run",
            "on.run",
            "cmd",
            "shell",
            "password",
            "token",
            "RECIPIENTS",
        ] {
            assert!(is(key), "{key}");
        }
    }

    #[test]
    fn no_field_of_a_policy_is() {
        for key in [
            "type",
            "name",
            "version",
            "time_zone",
            "approvals",
            "max_age",
            "limits",
            "quota",
            "share_percent",
            "bandwidth",
            "hours",
            "rate",
            "class",
            "strategis",
            "non-publik",
            "publik",
            "targets",
            "rpo_pusat",
            "rpo_drc",
            "rto",
            "keep",
            "newest",
            "hourly",
            "daily",
            "weekly",
            "monthly",
            "yearly",
            "schedules",
            "windows",
            "jitter",
            "excludes",
            "opd",
            "dataset",
            "schedule",
            "description",
            "scope",
        ] {
            assert!(!is(key), "{key}");
        }
    }
}

//! Whether an entry of the kinds that there are most of has its kind's fields, from where they stand in its bytes: a
//! verifier of a million entries parses only what is not plain.

use pulih_vault::id::VaultId;
use pulih_vault::layout::{DatasetName, ManifestName};

use super::{Body, Kind};
use crate::ids::SiteId;
use crate::scan::Fields;
use crate::time::is_time;
use pulih_vault::error::Malformed;

impl Body {
    /// The same as [`check`](Self::check), of an entry that was scanned.
    pub fn check_scanned(kind: Kind, fields: &Fields<'_>, entry: &[u8]) -> Result<(), Malformed> {
        if is_plain(kind, fields) { Ok(()) } else { Self::check(kind, entry) }
    }
}

/// `true`: all fields are there and are as they should be. `false` says nothing.
fn is_plain(kind: Kind, fields: &Fields<'_>) -> bool {
    let needed = match kind {
        Kind::SnapshotAccepted => 6,
        Kind::SnapshotReplicated => 8,
        _ => return false,
    };
    let mut there = 0;
    for (name, value) in fields.all() {
        let (is_good, is_needed) = match *name {
            "vault" => (is_text(value, |text| text.parse::<VaultId>().is_ok()), true),
            "dataset" => (is_text(value, |text| text.parse::<DatasetName>().is_ok()), true),
            "manifest" => (is_text(value, |text| text.parse::<ManifestName>().is_ok()), true),
            "captured" => (is_text(value, is_time), true),
            "stored_bytes" => (value.starts_with(|first: char| first.is_ascii_digit()), true),
            "tiers" => (is_list(value), true),
            "from" => (is_text(value, |text| text.parse::<SiteId>().is_ok()), kind == Kind::SnapshotReplicated),
            "accepted" => (is_text(value, is_time), kind == Kind::SnapshotReplicated),
            "keep_until" => (is_text(value, is_time), false),
            "partial" | "late" | "provisional" => (matches!(*value, "true" | "false"), false),
            _ => (true, false),
        };
        if !is_good {
            return false;
        }
        there += usize::from(is_needed);
    }
    // No name stands twice in canonical JSON.
    there == needed
}

/// A text without an escape.
fn is_text(value: &str, is_good: impl FnOnce(&str) -> bool) -> bool {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| !inner.contains('\\') && is_good(inner))
}

/// A list of texts without an escape and without a comma.
fn is_list(value: &str) -> bool {
    let inner = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_its = |text: &str| text.len() > 1 && is_text(text, |inner| !inner.contains('"'));
    inner.is_some_and(|inner| inner.is_empty() || inner.split(',').all(is_its))
}

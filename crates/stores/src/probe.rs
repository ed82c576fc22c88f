//! What a store was found to do, by trying to break it: for people, and as JSON.

use serde::{Deserialize, Serialize};

/// Whether a promise held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    Yes,
    No,
    /// It could not be tried, as the words say.
    Untested,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub held: Held,
    /// A sentence for people, in English, without its full stop.
    pub words: String,
}

impl Finding {
    pub fn yes(words: impl Into<String>) -> Self {
        Self { held: Held::Yes, words: words.into() }
    }

    pub fn no(words: impl Into<String>) -> Self {
        Self { held: Held::No, words: words.into() }
    }

    pub fn untested(words: impl Into<String>) -> Self {
        Self { held: Held::Untested, words: words.into() }
    }
}

/// `docs/contracts/store-probe.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Probe {
    #[serde(rename = "type")]
    pub kind: String,
    pub store: String,
    /// A second put of a name is refused, and the first bytes stay.
    pub create_only: Finding,
    /// Of eight writers of one name exactly one wins.
    pub racing_writers: Finding,
    /// The same for the end of an upload in parts.
    pub create_only_in_parts: Finding,
    /// What an overwrite replaced can still be read.
    pub versioning: Finding,
    /// A locked version cannot be deleted.
    pub lock_holds: Finding,
    pub lock_extends: Finding,
    /// No call makes a lock end earlier or weaker.
    pub lock_never_shortens: Finding,
    /// Every new object is locked by the bucket's own setting.
    pub default_lock: Finding,
    /// The identity that probed cannot delete what is not locked.
    pub cannot_delete: Finding,
    /// Bytes that do not fit their checksum are refused.
    pub checksums: Finding,
}

pub const PROBE_TYPE: &str = "pulih/store-probe/v1";

impl Probe {
    /// All findings with their names.
    pub fn findings(&self) -> [(&'static str, &Finding); 10] {
        [
            ("create-only", &self.create_only),
            ("racing writers", &self.racing_writers),
            ("create-only in parts", &self.create_only_in_parts),
            ("versioning", &self.versioning),
            ("lock holds", &self.lock_holds),
            ("lock extends", &self.lock_extends),
            ("lock never shortens", &self.lock_never_shortens),
            ("default lock", &self.default_lock),
            ("cannot delete", &self.cannot_delete),
            ("checksums", &self.checksums),
        ]
    }

    /// Whether vaults may be written here at all: nothing replaces what has a name.
    pub fn is_create_only(&self) -> bool {
        [&self.create_only, &self.racing_writers, &self.create_only_in_parts].iter().all(|one| one.held == Held::Yes)
    }

    /// Whether what is here is held against everyone. What could not be tried is not believed.
    pub fn locks(&self) -> bool {
        [&self.versioning, &self.lock_holds, &self.lock_extends, &self.lock_never_shortens]
            .iter()
            .all(|one| one.held == Held::Yes)
    }

    /// Whether this may be a site's own store. Anything less may hold a further copy and nothing else.
    pub fn may_be_a_sites_store(&self) -> bool {
        self.is_create_only() && self.locks()
    }

    /// What a folder does, which needs no trial: it is our own code and the system's promise.
    pub fn of_folder(store: String) -> Self {
        let no_lock = || Finding::no("a folder has no locks: who is root on its server deletes what is in it");
        let by_link = || Finding::yes("a name is given by link(2), which never replaces one");
        Self {
            kind: PROBE_TYPE.to_owned(),
            store,
            create_only: by_link(),
            racing_writers: by_link(),
            create_only_in_parts: by_link(),
            versioning: Finding::no("a folder keeps one version of a file"),
            lock_holds: no_lock(),
            lock_extends: no_lock(),
            lock_never_shortens: no_lock(),
            default_lock: no_lock(),
            cannot_delete: Finding::no("who writes into a folder can delete in it"),
            checksums: Finding::untested("files have no checksums; the names of objects are their hashes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_tried_is_not_believed() {
        let mut probe = Probe::of_folder("/x".to_owned());
        assert!(probe.is_create_only() && !probe.locks() && !probe.may_be_a_sites_store());
        for finding in [&mut probe.versioning, &mut probe.lock_holds, &mut probe.lock_extends] {
            *finding = Finding::yes("");
        }
        probe.lock_never_shortens = Finding::untested("");
        assert!(!probe.may_be_a_sites_store());
        probe.lock_never_shortens = Finding::yes("");
        assert!(probe.may_be_a_sites_store());
        let text = serde_json::to_string(&probe).unwrap();
        assert!(
            text.starts_with(r#"{"type":"pulih/store-probe/v1","store":"/x","create-only":{"held":"yes""#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Probe>(&text).unwrap(), probe);
    }
}

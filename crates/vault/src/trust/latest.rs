//! Which snapshot is the latest; and where that one is not believed, which earlier one is.

use std::collections::BTreeMap;
use std::fmt;

use super::{Resolved, TrustedVault};
use crate::error::{Result, VaultError};
use crate::layout::{DatasetName, ManifestName};
use crate::manifest::Manifest;
use crate::store::{Store, StoreError};

/// The newest snapshot that can be believed, beside one that cannot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    pub name: ManifestName,
    /// Its recovery point, RFC 3339.
    pub captured: String,
}

impl fmt::Display for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "number {}, captured {} ({})", self.name.sequence, self.captured, self.name.hash)
    }
}

impl TrustedVault {
    pub(super) fn latest(
        &self,
        store: &dyn Store,
        names: Vec<(DatasetName, ManifestName)>,
        asked: Option<&DatasetName>,
    ) -> Result<Resolved> {
        let mut datasets: BTreeMap<DatasetName, Vec<ManifestName>> = BTreeMap::new();
        for (dataset, name) in names {
            datasets.entry(dataset).or_default().push(name);
        }
        if datasets.len() > 1 {
            let known: Vec<&str> = datasets.keys().map(DatasetName::as_str).collect();
            let why = format!("the vault has several datasets: {}; name one with --dataset", known.join(", "));
            return Err(VaultError::untrusted("cannot tell which snapshot is the latest", why));
        }
        let none = |asked: Option<&DatasetName>| {
            let of = asked.map_or(String::new(), |name| format!(" of dataset {name}"));
            VaultError::untrusted("there is no latest snapshot", format!("the vault has no whole one{of}"))
        };
        let (dataset, mut names) = datasets.pop_first().ok_or_else(|| none(asked))?;
        while let Some(name) = names.pop() {
            let mut twins = vec![name];
            while let Some(twin) = names.pop_if(|twin| twin.sequence == name.sequence) {
                twins.push(twin);
            }
            // One that is damaged is reported and not passed over: an older snapshot in its
            // place would be taken for the newest.
            let (name, manifest) = match self.one_of(store, &dataset, &twins) {
                Ok(found) => found,
                Err(error) => return Err(self.not_believed(store, dataset, &twins, names, error)),
            };
            if !manifest.facts.partial {
                return Ok(Resolved { dataset, name, manifest });
            }
        }
        Err(none(asked))
    }

    /// Of the manifests with one number, the one that counts: the only one, or the one that was
    /// made again after the other was lost with what it needs.
    fn one_of(
        &self,
        store: &dyn Store,
        dataset: &DatasetName,
        twins: &[ManifestName],
    ) -> Result<(ManifestName, Manifest)> {
        let [first, others @ ..] = twins else {
            return Err(VaultError::untrusted("there is no such snapshot", "no manifest has its number"));
        };
        if others.is_empty() {
            return Ok((*first, self.manifest(store, dataset, *first)?));
        }
        let mut read: Vec<(ManifestName, Manifest)> = Vec::new();
        for name in twins {
            read.extend(self.manifest(store, dataset, *name).ok().map(|manifest| (*name, manifest)));
        }
        let rebuilt = read.iter().position(|(_, manifest)| manifest.rebuilt);
        let same_tree = read.windows(2).all(|two| two[0].1.facts.tree == two[1].1.facts.tree);
        match rebuilt {
            Some(at) if same_tree => Ok(read.swap_remove(at)),
            _ => {
                let ids: Vec<String> = twins.iter().map(|twin| twin.hash.to_string()).collect();
                let why = format!("{} all are number {}; name one by its id", ids.join(" and "), first.sequence);
                Err(VaultError::untrusted("cannot tell which snapshot is the latest", why))
            }
        }
    }

    /// The error for a number whose manifests leave open which snapshot it is.
    fn not_believed(
        &self,
        store: &dyn Store,
        dataset: DatasetName,
        twins: &[ManifestName],
        mut before: Vec<ManifestName>,
        error: VaultError,
    ) -> VaultError {
        let mut wrong = None;
        let mut good = Vec::new();
        for twin in twins {
            match self.manifest(store, &dataset, *twin) {
                Ok(manifest) => good.push((*twin, manifest)),
                Err(error) => wrong = Some((*twin, error)),
            }
        }
        // A line that broke off says nothing of a snapshot; and of two that are both sound a person
        // chooses.
        let Some((newest, error)) = wrong.filter(|(_, error)| is_about_the_object(error) && good.len() < 2) else {
            return error;
        };
        let whole = |(name, manifest): (ManifestName, Manifest)| {
            let captured = manifest.facts.captured;
            (!manifest.facts.partial).then_some(Earlier { name, captured })
        };
        let mut earlier = good.pop().and_then(whole);
        while let (None, Some(name)) = (&earlier, before.pop()) {
            earlier = self.manifest(store, &dataset, name).ok().and_then(|manifest| whole((name, manifest)));
        }
        VaultError::LatestNotBelieved { dataset, newest, source: Box::new(error), earlier: earlier.map(Box::new) }
    }
}

fn is_about_the_object(error: &VaultError) -> bool {
    match error {
        VaultError::Store(error) => matches!(error, StoreError::TooLarge { .. }),
        VaultError::HashMismatch { .. } | VaultError::Object { .. } | VaultError::Untrusted { .. } => true,
        _ => false,
    }
}

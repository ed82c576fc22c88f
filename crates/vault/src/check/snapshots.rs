//! Snapshots from outside: manifests and who signed them, and whether what they reach is there.

use std::collections::{BTreeSet, HashSet};

use super::objects::Headers;
use super::packs::BadPacks;
use super::{CheckedSnapshot, Checking, Expected, Lost, is_ours};
use crate::description::MAX_NOTE_BYTES;
use crate::error::{Malformed, Result, VaultError};
use crate::id::ObjectHash;
use crate::layout::{DatasetName, ManifestName};
use crate::manifest::{Facts, Manifest};
use crate::reach::{Reach, chain};
use crate::reader::read_named;
use crate::store::{ObjectName, StoreError};

/// A snapshot that is checked.
pub struct Case {
    pub dataset: DatasetName,
    pub name: ManifestName,
    /// `None`: the manifest is missing or damaged, or another counts in its place.
    pub manifest: Option<(Facts, ObjectHash)>,
    rebuilt: bool,
    /// A manifest that was made again stands for this one: what this one misses is no loss.
    pub replaced: bool,
}

impl Case {
    /// Whether this was made again for the snapshot that `other` is, or was as far as is known.
    fn stands_for(&self, other: &Self) -> bool {
        let same = self.rebuilt
            && !other.rebuilt
            && self.dataset == other.dataset
            && self.name.sequence == other.name.sequence;
        let Some((facts, _)) = &self.manifest else { return false };
        same && other.manifest.as_ref().is_none_or(|(others, _)| facts.tree == others.tree)
    }
}

/// What all snapshots need together.
#[derive(Default)]
pub struct Needs {
    pub packs: HashSet<ObjectHash>,
    pub indexes: BTreeSet<ObjectHash>,
}

impl Checking<'_> {
    /// All snapshots that the store has or that somebody remembers.
    /// Beside them those that a signed manifest names as its predecessor and that are gone.
    pub(super) fn read_manifests(&self, expected: &Expected) -> Result<(Vec<Case>, Vec<CheckedSnapshot>)> {
        let mut names = self.inventory.manifests.clone();
        names.extend(expected.manifests.iter().cloned());
        let mut predecessors = BTreeSet::new();
        let mut cases: Vec<Case> = Vec::with_capacity(names.len());
        for (number, (dataset, name)) in names.into_iter().enumerate() {
            let mut case = Case { dataset, name, manifest: None, rebuilt: false, replaced: false };
            if self.inventory.manifests.contains(&(case.dataset.clone(), name))
                && let Some(manifest) = self.read_manifest(number, &case.dataset, name)?
            {
                predecessors.extend(manifest.previous.map(|previous| (case.dataset.clone(), previous)));
                case.rebuilt = manifest.rebuilt;
                case.manifest = Some((manifest.facts, manifest.reach));
            }
            cases.push(case);
        }
        for number in 0..cases.len() {
            let case = &cases[number];
            let replaced = cases.iter().any(|other| other.stands_for(case));
            let object = self.layout.manifest(&case.dataset, case.name);
            if !replaced && !self.inventory.manifests.contains(&(case.dataset.clone(), case.name)) {
                self.findings.wrong(&object, "it is not in the store, and is known to have been written");
            }
            self.findings.affects(&object, number);
            cases[number].replaced = replaced;
        }
        for case in cases.iter_mut().filter(|case| case.replaced) {
            case.manifest = None;
        }
        // One that was made again has the number, but not the name.
        let there = |dataset: &DatasetName, number| {
            cases.iter().any(|case| case.dataset == *dataset && case.name.sequence == number)
        };
        predecessors.retain(|(dataset, name)| !there(dataset, name.sequence));
        let gone = predecessors.into_iter().map(|(dataset, name)| CheckedSnapshot { dataset, name }).collect();
        Ok((cases, gone))
    }

    /// A manifest that is in the store; `None`: it is damaged or forged, which is on record.
    fn read_manifest(&self, number: usize, dataset: &DatasetName, name: ManifestName) -> Result<Option<Manifest>> {
        let object = self.layout.manifest(dataset, name);
        match self.manifest(number, dataset, name, &object) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) => self.note(&object, Err(error)).map(|()| None),
        }
    }

    /// A manifest that is believed; or one under a description that is lost, whose snapshot is
    /// looked at all the same, since the description may come back.
    fn manifest(
        &self,
        number: usize,
        dataset: &DatasetName,
        name: ManifestName,
        object: &ObjectName,
    ) -> Result<Manifest> {
        let bytes = read_named(&*self.store, object, name.hash, MAX_NOTE_BYTES)?;
        let claimed = Manifest::claimed(&bytes)?;
        let facts = &claimed.facts;
        let known = self.trusted.as_ref().is_some_and(|trusted| trusted.description(facts.description).is_some());
        match &self.trusted {
            Some(trusted) if known => return trusted.manifest(&*self.store, dataset, name),
            _ => {}
        }
        let description = self.layout.description(facts.description);
        if !self.inventory.descriptions.contains(&facts.description) {
            self.findings.missing(&description);
        }
        if !self.findings.is_bad(&description) && self.trusted.is_some() {
            self.findings.wrong(&description, "the owner key does not vouch for it");
        }
        self.findings.affects(&description, number);
        self.findings.affects(&self.layout.folder("vault"), number);
        if facts.vault != self.layout.vault || facts.dataset != *dataset || facts.sequence != name.sequence {
            let why = "its vault, dataset or sequence is not that of its name";
            return Err(Malformed::new("manifest", why).into());
        }
        Ok(claimed)
    }

    /// Whether each snapshot has everything that its reach names.
    pub(super) fn check_reaches(&self, cases: &[Case], headers: &Headers) -> Result<Needs> {
        let mut needs = Needs::default();
        for (number, case) in cases.iter().enumerate() {
            let Some(reach) = self.reach(number, case)? else { continue };
            self.check_reach(number, case, &reach, headers);
            needs.packs.extend(reach.packs.keys());
            needs.indexes.extend(&reach.indexes);
        }
        Ok(needs)
    }

    /// Without its reach nothing of a snapshot can be found.
    pub(super) fn lose_all(&self, number: usize, case: &Case) {
        let Some((facts, hash)) = &case.manifest else { return };
        let counts = facts.counts;
        let entries = counts.files.saturating_add(counts.dirs).saturating_add(counts.others);
        if let Err(error) = chain::load(&*self.store, self.layout, *hash) {
            let object = error.object().cloned().unwrap_or_else(|| self.layout.reach(*hash));
            self.findings.lost(&object, Lost { snapshot: number, path: Vec::new(), entries });
        }
    }

    /// The reach of a snapshot; `None`: it cannot be read, which is on record.
    pub(super) fn reach(&self, number: usize, case: &Case) -> Result<Option<Reach>> {
        let Some((_, hash)) = case.manifest else { return Ok(None) };
        let error = match chain::load(&*self.store, self.layout, hash) {
            Ok(reach) => return Ok(Some(reach)),
            Err(error) if is_ours(&error) => return Err(error),
            Err(error) => error,
        };
        let named = error.object().cloned();
        let object = named.unwrap_or_else(|| self.layout.reach(hash));
        if matches!(error, VaultError::Store(StoreError::NotFound { .. })) {
            self.findings.missing(&object);
        }
        self.findings.damaged(&object, &error);
        self.findings.affects(&object, number);
        Ok(None)
    }

    fn check_reach(&self, number: usize, case: &Case, reach: &Reach, headers: &Headers) {
        let mut covered = BTreeSet::new();
        let mut all_indexes = true;
        for hash in &reach.indexes {
            let name = self.layout.index(*hash);
            if !self.inventory.indexes.contains(hash) {
                self.findings.missing(&name);
            }
            match headers.get(hash) {
                Some(packs) => covered.extend(packs.iter().copied()),
                None => all_indexes = false,
            }
            self.findings.affects(&name, number);
        }
        for (hash, used) in &reach.packs {
            let name = self.layout.pack(*hash);
            match self.inventory.packs.get(hash) {
                None => self.findings.missing(&name),
                Some(&size) if size != used.stored_bytes => {
                    self.findings.wrong(&name, &format!("it has {size} bytes and should have {}", used.stored_bytes));
                }
                Some(_) => {}
            }
            self.findings.affects(&name, number);
            // Where an index is lost, that is the cause and is on record.
            if all_indexes && !covered.contains(&(*hash, used.stored_bytes)) {
                let object = self.layout.manifest(&case.dataset, case.name);
                self.findings.wrong(&object, &format!("no index of its reach covers pack {hash}"));
                self.findings.affects(&object, number);
            }
        }
    }

    /// Tells the packs that were found damaged later which snapshots need them.
    pub(super) fn name_who_is_affected(&self, cases: &[Case], bad: &BadPacks) -> Result<()> {
        if bad.is_empty() {
            return Ok(());
        }
        for (number, case) in cases.iter().enumerate() {
            let Some(reach) = self.reach(number, case)? else { continue };
            for pack in bad.packs().filter(|pack| reach.packs.contains_key(*pack)) {
                self.findings.affects(&self.layout.pack(*pack), number);
            }
            for index in &reach.indexes {
                self.findings.affects(&self.layout.index(*index), number);
            }
        }
        Ok(())
    }
}

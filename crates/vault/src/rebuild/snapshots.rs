//! Snapshots out of manifests and facts: which are whole, and for the others a reach, and a
//! manifest where the old one is lost or its reach cannot be made as it was.

use std::collections::{BTreeMap, BTreeSet};

use super::scan::{FoundFacts, Scan};
use super::walk::Tally;
use super::{Fate, Plan, Planned, Rebuild};
use crate::check::is_ours;
use crate::error::{Malformed, Result};
use crate::id::{ChunkId, ObjectHash};
use crate::layout::{DatasetName, ManifestName};
use crate::manifest::{Changes, Facts, Manifest};
use crate::reach::{PackUse, Reach, ReachObject, chain};
use crate::reader::SnapshotReader;

/// What tells snapshots apart: dataset, number and root.
type Key = (DatasetName, u64, Option<(ChunkId, u8)>);

fn key(facts: &Facts) -> Key {
    (facts.dataset.clone(), facts.sequence, facts.tree.map(|tree| (tree.root, tree.level)))
}

/// All that is known of one snapshot.
#[derive(Default)]
struct Known {
    manifests: Vec<(ManifestName, Manifest)>,
    facts: Vec<FoundFacts>,
}

impl Rebuild<'_> {
    pub(super) fn plan_snapshots(&self, scan: &Scan, plan: &mut Plan) -> Result<()> {
        let mut all: BTreeMap<Key, Known> = BTreeMap::new();
        for (name, dataset, manifest) in self.trusted.manifests(&*self.store)? {
            match manifest {
                Ok(manifest) => all.entry(key(&manifest.facts)).or_default().manifests.push((name, manifest)),
                Err(error) if is_ours(&error) => return Err(error),
                Err(error) => plan.trouble(self.trusted.layout.manifest(&dataset, name), &error),
            }
        }
        for found in &scan.facts {
            all.entry(key(&found.facts)).or_default().facts.push(found.clone());
        }
        let superseded = superseded(&all);
        let reader = self.reader(scan, plan)?;
        for (key, known) in &all {
            let Some(facts) = known.newest() else { continue };
            let fate =
                if superseded.contains(key) { Fate::Superseded } else { self.fate(known, facts, scan, &reader, plan)? };
            plan.snapshots.push(Planned { facts: facts.clone(), fate });
            self.watch.read(0)?;
        }
        Ok(())
    }

    /// A reader of all that there is and will be.
    fn reader(&self, scan: &Scan, plan: &Plan) -> Result<SnapshotReader> {
        let everything = Reach {
            packs: scan
                .packs
                .iter()
                .map(|(hash, pack)| (*hash, PackUse { stored_bytes: pack.stored_bytes, live_bytes: 0, all_bytes: 0 }))
                .collect(),
            indexes: scan.indexes.keys().copied().collect(),
        };
        let folder = self.folder("map")?;
        SnapshotReader::open(
            plan.overlay.clone(),
            self.trusted.layout,
            &everything,
            self.secrets,
            self.keyring.lend(),
            &folder,
        )
    }

    fn fate(
        &self,
        known: &Known,
        facts: &Facts,
        scan: &Scan,
        reader: &SnapshotReader,
        plan: &mut Plan,
    ) -> Result<Fate> {
        for (name, manifest) in &known.manifests {
            if self.is_whole(manifest, scan)? {
                return Ok(Fate::Whole(*name));
            }
        }
        let mut tally = Tally::new(reader);
        tally.tree(facts.tree)?;
        if tally.missing_count > 0 {
            return Ok(Fate::Incomplete { missing: tally.missing, count: tally.missing_count });
        }
        let reach = reach(tally.live, known, scan);
        if let Some(name) = self.same_reach(&reach, known, plan)? {
            return Ok(Fate::Reach(name));
        }
        let Some(key) =
            self.trusted.description(facts.description).and_then(|description| self.signers.of(description))
        else {
            return Ok(Fate::Unsigned);
        };
        let reach = self.make_reach(&reach, plan)?;
        let manifest = Manifest {
            facts: facts.clone(),
            finished: self.now.clone(),
            rebuilt: true,
            changes: known.manifests.first().map_or(Changes::default(), |(_, manifest)| manifest.changes),
            reach,
            previous: known.manifests.first().and_then(|(_, manifest)| manifest.previous),
            rejoined: None,
            head: None,
        };
        self.make_manifest(&manifest, &manifest.sign(key), plan).map(Fate::Manifest)
    }

    /// Whether everything that a manifest needs is there and sound.
    fn is_whole(&self, manifest: &Manifest, scan: &Scan) -> Result<bool> {
        let reach = match chain::load(&*self.store, self.trusted.layout, manifest.reach) {
            Ok(reach) => reach,
            Err(error) if is_ours(&error) => return Err(error),
            Err(_) => return Ok(false),
        };
        let mut covered: BTreeSet<&ObjectHash> = BTreeSet::new();
        for index in &reach.indexes {
            match scan.indexes.get(index) {
                Some(packs) => covered.extend(packs),
                None => return Ok(false),
            }
        }
        Ok(reach.packs.iter().all(|(pack, used)| scan.has(pack, used.stored_bytes) && covered.contains(pack)))
    }

    /// Makes the reach that a manifest names, if this is it and only it is missing.
    fn same_reach(&self, reach: &Reach, known: &Known, plan: &mut Plan) -> Result<Option<ManifestName>> {
        let bytes = reach.to_object().encode(self.trusted.layout.vault);
        let hash = ObjectHash::of(&bytes);
        let name = self.trusted.layout.reach(hash);
        let Some((manifest, _)) = known.manifests.iter().find(|(_, manifest)| manifest.reach == hash) else {
            return Ok(None);
        };
        if self.store.size(&name).is_ok() {
            return Ok(None);
        }
        self.put_reach(&reach.to_object(), plan)?;
        Ok(Some(*manifest))
    }

    fn make_reach(&self, reach: &Reach, plan: &mut Plan) -> Result<ObjectHash> {
        let object = reach.to_object();
        let hash = ObjectHash::of(&object.encode(self.trusted.layout.vault));
        match chain::load(&*self.store, self.trusted.layout, hash) {
            Ok(there) if there == *reach => return Ok(hash),
            _ => {}
        }
        if self.store.size(&self.trusted.layout.reach(hash)).is_err() {
            return self.put_reach(&object, plan);
        }
        // A damaged object has the name. The same reach in other words has another: as a change
        // of an empty one.
        let empty = self.put_reach(&Reach::default().to_object(), plan)?;
        self.put_reach(&reach.to_change(&Reach::default(), empty, 0), plan)
    }

    fn put_reach(&self, object: &ReachObject, plan: &mut Plan) -> Result<ObjectHash> {
        let bytes = object.encode(self.trusted.layout.vault);
        let hash = ObjectHash::of(&bytes);
        if plan.make(self.trusted.layout.reach(hash), hash, &bytes)? {
            plan.reaches += 1;
        }
        Ok(hash)
    }

    fn make_manifest(&self, manifest: &Manifest, note: &str, plan: &mut Plan) -> Result<ManifestName> {
        let facts = &manifest.facts;
        let name = ManifestName { sequence: facts.sequence, hash: ObjectHash::of(note.as_bytes()) };
        plan.make(self.trusted.layout.manifest(&facts.dataset, name), name.hash, note.as_bytes())?;
        // What is written must be readable: by the very code that will read it.
        if self.trusted.manifest(&*plan.overlay, &facts.dataset, name)? == *manifest {
            Ok(name)
        } else {
            Err(Malformed::new("manifest", "it does not come back as it was written").into())
        }
    }
}

impl Known {
    /// What is said of the snapshot: by its manifest, else by the newest facts.
    fn newest(&self) -> Option<&Facts> {
        let manifest = self.manifests.first().map(|(_, manifest)| &manifest.facts);
        let facts = || self.facts.iter().map(|found| &found.facts).max_by(|a, b| a.captured.cmp(&b.captured));
        manifest.or_else(facts)
    }
}

/// Facts of runs that ended before their manifest: another snapshot took their number. A
/// manifest says so; where there is none, the run that began last is the one that ended.
fn superseded(all: &BTreeMap<Key, Known>) -> BTreeSet<Key> {
    let mut winners: BTreeMap<(&DatasetName, u64), (bool, &str, &Key)> = BTreeMap::new();
    for (key, known) in all {
        let Some(facts) = known.newest() else { continue };
        let rank = (!known.manifests.is_empty(), facts.captured.as_str(), key);
        let best = winners.entry((&key.0, key.1)).or_insert(rank);
        if (rank.0, rank.1) > (best.0, best.1) {
            *best = rank;
        }
    }
    let loses = |(key, known): &(&Key, &Known)| known.manifests.is_empty() && winners[&(&key.0, key.1)].2 != *key;
    all.iter().filter(loses).map(|(key, _)| key.clone()).collect()
}

/// The reach of a snapshot whose chunks lie as `live` says.
fn reach(mut live: BTreeMap<ObjectHash, u64>, known: &Known, scan: &Scan) -> Reach {
    // The facts of the run that wrote the snapshot; a later run that stored nothing has none.
    let of_manifest = |found: &&FoundFacts| known.manifests.iter().any(|(_, manifest)| manifest.facts == found.facts);
    let facts = if known.manifests.is_empty() {
        known.facts.iter().max_by(|a, b| a.facts.captured.cmp(&b.facts.captured))
    } else {
        known.facts.iter().find(of_manifest)
    };
    if let Some(found) = facts {
        *live.entry(found.pack).or_default() += found.bytes;
    }
    let mut reach = Reach::default();
    for (pack, live_bytes) in live {
        let Some(sound) = scan.packs.get(&pack) else { continue };
        reach.packs.insert(pack, PackUse { stored_bytes: sound.stored_bytes, live_bytes, all_bytes: sound.all_bytes });
        reach.indexes.insert(sound.index);
    }
    reach
}

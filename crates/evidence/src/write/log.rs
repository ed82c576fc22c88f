//! What a bundle has of one log.

use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::Log;
use pulih_ledger::chain::KeyChain;
use pulih_ledger::edge::{TILE_WIDTH, full_tiles, levels, partial_width};
use pulih_ledger::ids::SiteId;
use pulih_ledger::scan::scan;
use pulih_ledger::tlog_proof::TlogProof;
use pulih_vault::store::ObjectName;
use serde::Deserialize;

use super::named::Named;
use super::notes::Notes;
use super::period::{Span, span};
use super::plan::Plan;
use super::{Export, Period, WriteError};
use crate::places::{Part as Its, Place, site_id};
use crate::verify::kind_of;

/// Kinds of which a bundle has every entry, and not only the period's: who signs, who acts, and what is in force.
const ALWAYS: [&str; 13] = [
    "key-accepted",
    "key-proposed",
    "key-rotated",
    "plan-applied",
    "policy-applied",
    "recipe-applied",
    "regulation-applied",
    "site-created",
    "site-paired",
    "site-unpaired",
    "user-added",
    "witness-added",
    "witness-removed",
];

/// A part of a log: the entries from one to a checkpoint.
pub struct Part<'a> {
    pub log: &'a Log,
    /// From its first key on.
    pub keys: KeyChain,
    pub from: u64,
    pub size: u64,
}

/// A point, and whether it is one: of a dataset the last one is kept.
#[derive(Deserialize)]
struct Point {
    vault: String,
    dataset: String,
    #[serde(default)]
    partial: bool,
}

#[derive(Deserialize)]
struct Started {
    size: Option<u64>,
}

#[derive(Deserialize)]
struct Witness {
    witness: SiteId,
    key: String,
}

/// What the entries ask for.
#[derive(Default)]
struct Wanted {
    named: Named,
    /// Entries before the period, by their place.
    before: BTreeMap<u64, Vec<u8>>,
    last_points: BTreeMap<(String, String), (u64, Vec<u8>)>,
    /// Checkpoints that an entry needs.
    sizes: BTreeSet<u64>,
    witnesses: BTreeMap<SiteId, String>,
}

impl Wanted {
    fn take(&mut self, index: u64, bytes: &[u8], from: u64) {
        let Ok(found) = scan(bytes) else { return };
        let Some(kind) = found.kind.and_then(kind_of) else { return };
        match kind {
            "key-rotated" => drop(self.sizes.insert(index + 1)),
            "witness-added" => {
                if let Ok(its) = serde_json::from_slice::<Witness>(bytes) {
                    self.witnesses.insert(its.witness, its.key);
                }
            }
            _ => {}
        }
        if index >= from {
            self.named.take(bytes);
            if kind == "drill-started" {
                self.sizes.extend(serde_json::from_slice::<Started>(bytes).ok().and_then(|its| its.size));
            }
        } else if ALWAYS.contains(&kind) {
            self.named.take(bytes);
            self.before.insert(index, bytes.to_vec());
        } else if matches!(kind, "snapshot-accepted" | "snapshot-replicated")
            && let Ok(point) = serde_json::from_slice::<Point>(bytes)
            && !point.partial
        {
            self.last_points.insert((point.vault, point.dataset), (index, bytes.to_vec()));
        }
    }

    fn close(&mut self) {
        self.before.extend(std::mem::take(&mut self.last_points).into_values());
    }
}

impl<'a> Part<'a> {
    pub fn of(log: &'a Log, period: Period) -> Result<Self, WriteError> {
        let site = &log.layout().site;
        if site_id(site.as_str()).is_none() {
            return Err(WriteError::Name { site: site.clone() });
        }
        let Span { from, size } = span(log, period)?;
        Ok(Self { log, keys: log.keys_from_first()?, from, size })
    }

    pub fn site(&self) -> &SiteId {
        &self.log.layout().site
    }

    fn place(&self, part: Its) -> Place {
        Place::Of(self.site().clone(), part)
    }

    /// `all`: the logs that are in the same bundle.
    pub fn plan(&self, export: &Export<'_>, all: &[Part<'_>], plan: &mut Plan) -> Result<(), WriteError> {
        let keys: Vec<_> = self.keys.keys().map(ToString::to_string).collect();
        plan.put(&self.place(Its::Keys), format!("{}\n", keys.join("\n")).into_bytes());
        self.tiles(plan);
        let mut wanted = Wanted::default();
        for entry in self.log.entries(0).take(self.size as usize) {
            let entry = entry?;
            wanted.take(entry.index, &entry.bytes, self.from);
        }
        wanted.close();
        let notes = Notes::of(self, export, all)?;
        notes.plan(&wanted.sizes, plan)?;
        self.before(&wanted.before, &notes, plan)?;
        self.named(wanted.named, export, plan)?;
        for (witness, key) in wanted.witnesses {
            plan.put(&Place::Witness(witness), format!("{key}\n").into_bytes());
        }
        Ok(())
    }

    /// All hash tiles, and the entry bundles of the period.
    fn tiles(&self, plan: &mut Plan) {
        let layout = self.log.layout();
        for level in 0..levels(self.size) {
            for (index, width) in tiles_of(self.size, level) {
                plan.copy(&self.place(Its::Tile { level, index, width }), layout.tile(level, index, width));
                if level == 0 && index * TILE_WIDTH as u64 >= self.from {
                    plan.copy(&self.place(Its::Bundle { index, width }), layout.bundle(index, width));
                }
            }
        }
    }

    /// Entries before the period, each with the proof that it is in the log.
    fn before(&self, entries: &BTreeMap<u64, Vec<u8>>, notes: &Notes<'_>, plan: &mut Plan) -> Result<(), WriteError> {
        if entries.is_empty() {
            return Ok(());
        }
        let checkpoint = notes.newest()?;
        for (index, bytes) in entries {
            let proof = self.log.prove_inclusion(*index, self.size)?;
            let proof = TlogProof { index: *index, proof, checkpoint: checkpoint.clone() };
            plan.put(&self.place(Its::Proof(*index)), proof.to_text().into_bytes());
            plan.put(&self.place(Its::Entry(*index)), bytes.clone());
        }
        Ok(())
    }

    /// What entries name by its hash: objects of the site, and manifests of points that were drilled or recovered.
    fn named(&self, named: Named, export: &Export<'_>, plan: &mut Plan) -> Result<(), WriteError> {
        let site = self.site();
        for (kind, hash) in named.objects {
            let object = name(&format!("site/{site}/{}/{hash}", kind.name()));
            plan.copy_if_there(&self.place(Its::Object(kind, hash)), object, export.store)?;
        }
        for (vault, dataset, name) in named.manifests {
            let object = pulih_vault::layout::Layout { vault }.manifest(&dataset, name);
            plan.copy_if_there(&Place::Manifest(vault, dataset, name), object, export.store)?;
        }
        Ok(())
    }
}

/// A name made of ids and hashes.
pub fn name(text: &str) -> ObjectName {
    text.parse().expect("ids and hashes are within an object name's letters")
}

/// Tiles of a level, with how many hashes each has.
fn tiles_of(size: u64, level: usize) -> impl Iterator<Item = (u64, usize)> {
    let (full, partial) = (full_tiles(size, level), partial_width(size, level));
    let last = (partial > 0).then_some((full, partial));
    (0..full).map(|index| (index, TILE_WIDTH)).chain(last)
}

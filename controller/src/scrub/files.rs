//! Which files damage costs, as whoever can open a vault sees it: names are in the trees, which only an
//! identity opens. The store is read, and nothing in it or on the ledger is changed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pulih_vault::check::{CheckOptions, CheckReport, Expected, Lost, LostIn, Problem, Watch, check};
use pulih_vault::error::VaultError;
use pulih_vault::id::VaultId;
use pulih_vault::layout::{Layout, ObjectKind, vault_of};
use pulih_vault::note::Fingerprint;
use pulih_vault::reader::Identities;
use pulih_vault::store::{ObjectName, Store};
use pulih_vault::tree::name::escape;
use serde::{Deserialize, Serialize};

use crate::base::{Base, lock};
use crate::gateway::answer::{Answer, Refusal};

/// What is on record of a vault with damage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Damaged {
    pub vault: String,
    pub agent: String,
    pub opd: String,
    pub class: String,
    /// The fingerprint of the owner key that speaks for it here.
    pub owner: String,
    pub objects: Vec<OnRecord>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OnRecord {
    pub object: String,
    /// Nobody who was asked has the right bytes.
    pub is_lost: bool,
}

/// What damage costs in a vault.
#[derive(Debug, Serialize)]
pub struct VaultFiles {
    pub vault: String,
    pub agent: String,
    pub opd: String,
    pub objects: Vec<ObjectFiles>,
}

#[derive(Debug, Serialize)]
pub struct ObjectFiles {
    pub object: String,
    pub state: State,
    pub error: Option<String>,
    /// The first 1,000 that need it, the newest of each dataset first.
    pub snapshots: Vec<SnapshotFiles>,
    pub snapshots_count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nobody who was asked has the right bytes.
    Lost,
    /// On record, and may be healed yet.
    Damaged,
    /// Not on record: no scrub has come by yet.
    New,
    /// On record, and its bytes are those of its name again.
    Sound,
}

/// What a damaged object costs a snapshot.
#[derive(Debug, Serialize)]
pub struct SnapshotFiles {
    /// `<dataset>/<manifest>`.
    pub snapshot: String,
    /// Nothing of it can be restored as long as the object is not back.
    pub whole: bool,
    /// The first of them, as paths are written in entries.
    pub files: Vec<String>,
    pub files_count: u64,
    /// Parts of the listing that are lost themselves: who is in them cannot be known.
    pub unknown: Vec<Unknown>,
    pub unknown_count: u64,
}

#[derive(Debug, Serialize)]
pub struct Unknown {
    /// The first path of the part; empty: all of the snapshot.
    pub from: String,
    pub entries: u64,
}

impl Base {
    /// Vaults with objects that are on record as damaged.
    pub fn damaged(&self) -> Answer<Vec<Damaged>> {
        let catalog = lock(&self.catalog);
        let mut all: Vec<Damaged> = Vec::new();
        // They come in the order of their names, so those of a vault come together.
        for its in catalog.damages()? {
            let Some(vault) = its.object.parse::<ObjectName>().ok().and_then(|name| vault_of(&name)) else { continue };
            let vault = vault.to_string();
            let known = OnRecord { object: its.object, is_lost: its.costs.is_some() };
            if let Some(last) = all.last_mut().filter(|last| last.vault == vault) {
                last.objects.push(known);
                continue;
            }
            let (agent, opd, class, owner) = match (catalog.pin(&vault)?, catalog.vault(&vault)?) {
                (Some(pin), _) => (pin.agent, pin.opd, pin.class, Some(pin.owner)),
                (None, Some(its)) => {
                    let owner = catalog.opd(&its.opd)?.and_then(|opd| opd.owner);
                    (its.agent, its.opd, its.class, owner)
                }
                (None, None) => continue,
            };
            let none = || Refusal::internal(&format!("OPD {opd} has no owner key on record here"));
            let owner = owner.ok_or_else(none)?;
            all.push(Damaged { vault, agent, opd, class, owner, objects: vec![known] });
        }
        Ok(all)
    }
}

/// Looks what the damage of a vault costs. `paths` are named at most of each object and snapshot, and `read` is
/// told of bytes. An error says why the vault could not be looked into.
pub fn files(
    store: Arc<dyn Store>,
    its: &Damaged,
    identities: Identities,
    paths: usize,
    scratch: &Path,
    read: &(dyn Fn(u64) + Sync),
) -> Result<VaultFiles, VaultError> {
    let bad = |error: &dyn std::fmt::Display| VaultError::untrusted(format!("vault {}", its.vault), error.to_string());
    let vault: VaultId = its.vault.parse().map_err(|error| bad(&error))?;
    let owner: Fingerprint = its.owner.parse().map_err(|error| bad(&error))?;
    let layout = Layout { vault };
    let (mut suspects, mut expected) = (Vec::new(), Expected::default());
    for object in its.objects.iter().filter_map(|its| its.object.parse::<ObjectName>().ok()) {
        match layout.classify(&object) {
            Some(ObjectKind::Pack(hash)) => suspects.push(hash),
            Some(ObjectKind::Manifest(dataset, name)) => expected.manifests.push((dataset, name)),
            _ => {}
        }
    }
    let beside = store.clone();
    let report = check(CheckOptions {
        store,
        vault,
        owner: Some(owner),
        identities: Some(identities),
        secrets: None,
        sample: None,
        suspects,
        expected,
        paths,
        scratch,
        watch: Watch { read, stop: &AtomicBool::new(false) },
    })?;
    let mut objects: Vec<ObjectFiles> =
        report.problems.iter().map(|problem| object_files(&report, layout, its, problem)).collect();
    let found = |object: &str| report.problems.iter().any(|problem| problem.object.as_str() == object);
    // What no snapshot needs is in no problem, though it is not back.
    let is_there = |object: &str| object.parse().is_ok_and(|name| beside.size(&name).is_ok());
    let others = its.objects.iter().filter(|its| !found(&its.object));
    objects.extend(others.map(|its| ObjectFiles {
        object: its.object.clone(),
        state: match (is_there(&its.object), its.is_lost) {
            (true, _) => State::Sound,
            (false, true) => State::Lost,
            (false, false) => State::Damaged,
        },
        error: (!is_there(&its.object)).then(|| "it is not in the store, and no snapshot needs it".into()),
        snapshots: Vec::new(),
        snapshots_count: 0,
    }));
    Ok(VaultFiles { vault: its.vault.clone(), agent: its.agent.clone(), opd: its.opd.clone(), objects })
}

fn object_files(report: &CheckReport, layout: Layout, its: &Damaged, problem: &Problem) -> ObjectFiles {
    let on_record = its.objects.iter().find(|its| its.object == problem.object.as_str());
    // Of a pack the rest may be read; of the others nothing is, until they are back.
    let whole = !matches!(layout.classify(&problem.object), Some(ObjectKind::Pack(_)));
    let newest_first = problem.affects.iter().rev();
    ObjectFiles {
        object: problem.object.to_string(),
        state: match on_record {
            Some(OnRecord { is_lost: true, .. }) => State::Lost,
            Some(_) => State::Damaged,
            None => State::New,
        },
        error: Some(problem.error.clone()),
        snapshots: newest_first.map(|&number| snapshot_files(report, problem, number, whole)).collect(),
        snapshots_count: problem.affects_count,
    }
}

fn snapshot_files(report: &CheckReport, problem: &Problem, number: usize, whole: bool) -> SnapshotFiles {
    let snapshot = &report.snapshots[number];
    let lost_in = problem.lost_in.iter().find(|its| its.snapshot == number && !whole);
    let &LostIn { files, unfound, .. } = lost_in.unwrap_or(&LostIn { snapshot: number, files: 0, unfound: 0 });
    let listed = problem.lost.iter().filter(|lost| lost.snapshot == number && !whole);
    let (named, unknown): (Vec<&Lost>, Vec<&Lost>) = listed.partition(|lost| lost.entries == 1);
    SnapshotFiles {
        snapshot: format!("{}/{}", snapshot.dataset, snapshot.name),
        whole,
        files: named.into_iter().map(|lost| escape(&lost.path)).collect(),
        files_count: files,
        unknown: unknown.into_iter().map(|lost| Unknown { from: escape(&lost.path), entries: lost.entries }).collect(),
        unknown_count: unfound,
    }
}

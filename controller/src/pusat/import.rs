//! Seeding: a first backup that came on a disk is taken in as if it had come over the line.

use std::io::Write as _;
use std::path::Path;

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::SeedImported;
use pulih_protocol::error::Code;
use pulih_vault::description::MAX_NOTE_BYTES;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::index::MAX_INDEX_BYTES;
use pulih_vault::layout::{Layout, ObjectKind, vault_of, vaults};
use pulih_vault::pack::MAX_PACK_BYTES;
use pulih_vault::store::{DirStore, ObjectName, Store, StoreError};
use pulih_vault::trust;
use serde::Serialize;

use super::accept::Came;
use super::{Pusat, lock};
use crate::catalog::Agent;
use crate::gateway::answer::{Answer, Refusal};
use crate::store::MAX_REACH_BYTES;

const READ_BYTES: u64 = 4 << 20;

/// What was taken in of one vault.
#[derive(Debug, Default, Serialize)]
pub struct Imported {
    pub vault: String,
    pub agent: String,
    pub objects: u64,
    pub bytes: u64,
    pub snapshots: u64,
    /// What was not taken in, and why.
    pub refused: Vec<String>,
}

impl Pusat {
    /// Takes in what a folder has of the vaults that are known here. Run again, it goes on.
    pub fn import(&self, folder: &Path) -> Answer<Vec<Imported>> {
        let disk = DirStore::open(folder)?;
        let mut found = std::collections::BTreeSet::new();
        disk.list(&vaults(), &mut |name| found.extend(vault_of(&name)))?;
        if found.is_empty() {
            return Err(Refusal::new(Code::NotFound, format!("{} has no vault", folder.display())));
        }
        let mut imported = Vec::new();
        for vault in found {
            let known = lock(&self.catalog).vault(&vault.to_string())?;
            let Some(known) = known else {
                let why = "no agent made this vault here; `pulih-agent init` over the gateway comes first".to_owned();
                imported.push(Imported { vault: vault.to_string(), refused: vec![why], ..Imported::default() });
                continue;
            };
            let agent = lock(&self.catalog).agent(&known.agent)?;
            let agent = agent.ok_or_else(|| Refusal::internal(&"a vault without an agent"))?;
            imported.push(self.import_vault(&disk, folder, vault, &agent)?);
        }
        Ok(imported)
    }

    fn import_vault(&self, disk: &DirStore, folder: &Path, vault: VaultId, agent: &Agent) -> Answer<Imported> {
        let layout = Layout { vault };
        let mut its = Imported { vault: vault.to_string(), agent: agent.name.clone(), ..Imported::default() };
        for (kind, limit) in [("packs", MAX_PACK_BYTES), ("index", MAX_INDEX_BYTES), ("reach", MAX_REACH_BYTES)] {
            let mut names = Vec::new();
            disk.list(&layout.folder(kind), &mut |name| names.push(name))?;
            for name in names {
                let Some(ObjectKind::Pack(hash) | ObjectKind::Index(hash) | ObjectKind::Reach(hash)) =
                    layout.classify(&name)
                else {
                    continue;
                };
                if lock(&self.catalog).has_object(&its.vault, name.as_str())? {
                    continue;
                }
                match self.copy(disk, &name, hash, limit, agent) {
                    Ok(bytes) => (its.objects, its.bytes) = (its.objects + 1, its.bytes + bytes),
                    Err(refusal) if refusal.code == Code::Internal => return Err(refusal),
                    Err(refusal) => its.refused.push(format!("{name}: {}", refusal.message)),
                }
            }
        }
        let mut manifests = trust::manifest_names(disk, layout)?;
        manifests.sort_by_key(|(_, name)| name.sequence);
        for (dataset, name) in manifests {
            let note = disk.read(&layout.manifest(&dataset, name), MAX_NOTE_BYTES)?;
            match self.accept(agent, vault, &dataset, name, &note, Came::Late) {
                Ok(()) => its.snapshots += 1,
                Err(refusal) if refusal.code == Code::AlreadyExists => {}
                Err(refusal) => its.refused.push(format!("{dataset}/{name}: {}", refusal.message)),
            }
        }
        if its.objects > 0 {
            let seed = SeedImported {
                vault,
                agent: agent.name.parse().map_err(|error| Refusal::internal(&error))?,
                medium: folder.display().to_string(),
                objects: its.objects,
                bytes: its.bytes,
            };
            lock(&self.record).write((self.clock)(), &Actor::Site, vec![seed.into()])?;
        }
        Ok(its)
    }

    /// Copies an object whose bytes have the hash in its name; returns how many they are.
    fn copy(&self, disk: &DirStore, name: &ObjectName, hash: ObjectHash, limit: u64, agent: &Agent) -> Answer<u64> {
        let size = disk.size(name)?;
        if size > limit {
            return Err(StoreError::TooLarge { name: name.clone(), size, limit }.into());
        }
        let reserved = self.reserve(agent, size)?;
        let mut staged = self.store.stage()?;
        let mut hasher = blake3::Hasher::new();
        let (mut at, mut piece) = (0, Vec::new());
        while at < size {
            piece.clear();
            let len = (size - at).min(READ_BYTES);
            disk.read_range(name, at, len as usize, &mut piece)?;
            hasher.update(&piece);
            staged.write_all(&piece).map_err(|source| StoreError::from_write(name, source))?;
            at += len;
        }
        if *hasher.finalize().as_bytes() != hash.0 {
            return Err(Refusal::new(Code::HashMismatch, "it is damaged on the disk; back up to the disk once more"));
        }
        match staged.commit(name) {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.stored(agent, name, size, reserved)?;
        Ok(size)
    }
}

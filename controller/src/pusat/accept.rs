//! Descriptions and manifests: believed here, or nowhere at this site.

use std::collections::BTreeSet;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{AgentEnrolled, SnapshotAccepted};
use pulih_ledger::ids::AgentId;
use pulih_policies::{Kept, Period, Standing};
use pulih_protocol::error::Code;
use pulih_vault::description::{Description, DescriptionName, MAX_NOTE_BYTES};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, Layout, ManifestName};
use pulih_vault::manifest::Manifest;
use pulih_vault::note::{Fingerprint, VerifierKey};
use pulih_vault::reach::{Reach, chain};
use pulih_vault::store::{ObjectName, StoreError};
use pulih_vault::trust::{self, TrustedVault};

use super::{Pusat, lock};
use crate::catalog::{Agent, Catalog, Vault};
use crate::gateway::answer::{Answer, Refusal};
use crate::record::time;

fn refused(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::Refused, why)
}

fn must_hash(bytes: &[u8], hash: ObjectHash) -> Answer<()> {
    if ObjectHash::of(bytes) == hash {
        Ok(())
    } else {
        Err(Refusal::new(
            Code::HashMismatch,
            "the bytes that came do not have the hash in their name; nothing was stored",
        ))
    }
}

/// A manifest that is believed, with what it needs.
struct Believed {
    manifest: Manifest,
    reach: Reach,
}

impl Pusat {
    /// The fingerprint of the owner key that an OPD has on record.
    fn owner_of(&self, opd: &str) -> Answer<Fingerprint> {
        let owner = lock(&self.catalog).opd(opd)?.and_then(|opd| opd.owner);
        let owner = owner.ok_or_else(|| refused(format!("OPD {opd} has no owner key on record here")))?;
        owner.parse().map_err(|error| Refusal::internal(&error))
    }

    /// A vault's descriptions, believed by the owner key of its OPD.
    pub fn trusted(&self, vault: VaultId) -> Answer<TrustedVault> {
        let known = lock(&self.catalog).vault(&vault.to_string())?;
        let known = known.ok_or_else(|| Refusal::new(Code::NotFound, "there is no such vault"))?;
        let owner = self.owner_of(&known.opd)?;
        Ok(trust::load(&*self.store, vault, |key| key.fingerprint() == owner)?)
    }

    /// Takes in a description: the first of a new vault, which becomes the agent's, or a further
    /// one. The OPD's owner key must have signed it: the site can add no reader and no writer.
    pub fn describe(&self, agent: &Agent, vault: VaultId, name: DescriptionName, note: &[u8]) -> Answer<()> {
        must_hash(note, name.hash)?;
        let owner = self.owner_of(&agent.opd)?;
        let trusted = |key: &VerifierKey| key.fingerprint() == owner;
        let description = Description::open(note, trusted).map_err(|error| refused(error.to_string()))?;
        if description.vault != vault || description.number != name.number {
            return Err(refused("the description is of another vault or number than its name says"));
        }
        let mut record = lock(&self.record);
        match record.catalog.vault(&vault.to_string())? {
            Some(known) if known.agent == agent.name => self.must_follow(vault, &description, owner)?,
            Some(_) => return Err(Refusal::new(Code::Forbidden, "the vault is another agent's")),
            None if name.number == 1 => {}
            None => return Err(refused("the first description of a vault must come first")),
        }
        match self.store.create(&Layout { vault }.description(name), note) {
            // Left by a run of this site that ended before it was written down.
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let id: AgentId = agent.name.parse().map_err(|error| Refusal::internal(&error))?;
        let enrolled = AgentEnrolled {
            agent: id.clone(),
            opd: agent.opd.parse().map_err(|error| Refusal::internal(&error))?,
            vault,
            class: description.class.to_string(),
            owner,
            key: description.agent,
            host: lock(&self.presences).of(&agent.name).map(|its| its.host).unwrap_or_default(),
        };
        record.write((self.clock)(), &Actor::Agent { agent: id }, vec![Body::AgentEnrolled(enrolled)])?;
        self.count_note(&record.catalog, agent, vault, &Layout { vault }.description(name), note)
    }

    /// Descriptions and manifests count like everything else, and are small: no quota stops them.
    fn count_note(
        &self,
        catalog: &Catalog,
        agent: &Agent,
        vault: VaultId,
        name: &ObjectName,
        note: &[u8],
    ) -> Answer<()> {
        let (vault, bytes) = (vault.to_string(), note.len() as u64);
        if !catalog.has_object(&vault, name.as_str())? {
            catalog.add_object(&vault, name.as_str(), bytes)?;
            self.quotas.add(&agent.opd, bytes);
        }
        Ok(())
    }

    /// That a further description comes right after the newest. One that is there already is
    /// the same object, and is told apart by its caller.
    fn must_follow(&self, vault: VaultId, description: &Description, owner: Fingerprint) -> Answer<()> {
        let trusted = trust::load(&*self.store, vault, |key| key.fingerprint() == owner)?;
        let (newest, before) = trusted.current();
        if description.number != newest.number + 1 {
            return Err(Refusal::new(
                Code::AlreadyExists,
                format!(
                    "the vault's newest description is number {}; the next one is {}",
                    newest.number,
                    newest.number + 1
                ),
            ));
        }
        if description.predecessor != Some(*newest) {
            return Err(refused("the description does not follow the vault's newest one"));
        }
        if description.class != before.class {
            return Err(refused("a vault keeps its class"));
        }
        Ok(())
    }

    /// Accepts a snapshot: its manifest is signed by the writer that the vault's newest
    /// description names, its OPD approves, and everything that it reaches is here and stays.
    pub fn accept(
        &self,
        agent: &Agent,
        vault: VaultId,
        dataset: &DatasetName,
        name: ManifestName,
        note: &[u8],
    ) -> Answer<()> {
        must_hash(note, name.hash)?;
        let layout = Layout { vault };
        let object = layout.manifest(dataset, name);
        let (id, of) = (vault.to_string(), dataset.to_string());
        if lock(&self.catalog).has_point(&id, &of, &name.to_string())? {
            return Err(StoreError::AlreadyExists { name: object }.into());
        }
        // What takes long comes before the lock, one at a time, for a reach can be large; what may
        // change under way comes after it.
        let now = (self.clock)();
        self.must_be_approved(&id, &of, now)?;
        let believed = {
            let _alone = lock(&self.believing);
            self.believe(vault, dataset, name, note)?
        };
        let mut record = lock(&self.record);
        let known = record.catalog.vault(&id)?.filter(|known| known.agent == agent.name);
        let known = known.ok_or_else(|| Refusal::new(Code::Forbidden, "the vault is another agent's"))?;
        if record.catalog.has_point(&id, &of, &name.to_string())? {
            return Err(StoreError::AlreadyExists { name: object }.into());
        }
        self.must_be_approved(&id, &of, now)?;
        must_stay(&record.catalog, &id, &believed.reach)?;
        let facts = &believed.manifest.facts;
        let captured =
            facts.captured.parse().map_err(|_| refused("the manifest's date is not in UTC to the second"))?;
        let kept = self.keep(&record.catalog, &known, &of, facts.partial, now)?;
        match self.store.create(&object, note) {
            // Left by a run of this site that ended before it was written down.
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let accepted = SnapshotAccepted {
            vault,
            dataset: dataset.clone(),
            manifest: name,
            captured,
            keep_until: kept.until.map(time).transpose().map_err(|error| Refusal::internal(&error))?,
            tiers: kept.takes.iter().map(|period| period.tier.to_string()).collect(),
            stored_bytes: believed.reach.packs.values().map(|used| used.stored_bytes).sum(),
            partial: facts.partial,
        };
        let actor = Actor::Agent { agent: agent.name.parse().map_err(|error| Refusal::internal(&error))? };
        record.write(now, &actor, vec![Body::SnapshotAccepted(accepted)])?;
        self.count_note(&record.catalog, agent, vault, &object, note)
    }

    fn must_be_approved(&self, vault: &str, dataset: &str, now: i64) -> Answer<()> {
        let catalog = lock(&self.catalog);
        if catalog.is_approved(vault, dataset, now)? {
            return Ok(());
        }
        let opd = catalog.vault(vault)?.map(|known| known.opd).unwrap_or_default();
        Err(Refusal::new(Code::NotApproved, not_approved(&opd, vault, dataset)))
    }

    fn believe(&self, vault: VaultId, dataset: &DatasetName, name: ManifestName, note: &[u8]) -> Answer<Believed> {
        let trusted = self.trusted(vault)?;
        let (newest, description) = trusted.current();
        let manifest = Manifest::open(note, description).map_err(|error| refused(error.to_string()))?;
        let facts = &manifest.facts;
        if facts.description != *newest {
            return Err(refused("the manifest was written under a description that is no longer the newest"));
        }
        if facts.vault != vault || facts.dataset != *dataset || facts.sequence != name.sequence || manifest.rebuilt {
            return Err(refused("the manifest is not what its name says, or was made again from packs"));
        }
        let layout = Layout { vault };
        let reach = chain::load(&*self.store, layout, manifest.reach)?;
        let indexes = reach.indexes.iter().map(|hash| layout.index(*hash));
        for object in reach.packs.keys().map(|hash| layout.pack(*hash)).chain(indexes) {
            self.must_be_here(vault, &object)?;
        }
        Ok(Believed { manifest, reach })
    }

    /// The catalog knows; what a power cut took from it, the store does.
    fn must_be_here(&self, vault: VaultId, object: &ObjectName) -> Answer<()> {
        let id = vault.to_string();
        if lock(&self.catalog).has_object(&id, object.as_str())? {
            return Ok(());
        }
        match self.store.size(object) {
            Ok(size) => {
                let catalog = lock(&self.catalog);
                let opd = catalog.vault(&id)?.map(|known| known.opd);
                catalog.add_object(&id, object.as_str(), size)?;
                opd.into_iter().for_each(|opd| self.quotas.add(&opd, size));
                Ok(())
            }
            Err(StoreError::NotFound { .. }) => {
                Err(refused(format!("the snapshot needs {object}, which is not here; run the backup again")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Until when a snapshot is kept that is accepted now.
    fn keep(&self, catalog: &Catalog, vault: &Vault, dataset: &str, partial: bool, now: i64) -> Answer<Kept> {
        let in_force = self.in_force();
        let rules = in_force.rules(&vault.class, &vault.opd, dataset)?;
        let zone = in_force.policy.zone;
        let earliest = Period::all(zone, now).iter().map(|period| period.begins).min().unwrap_or(now);
        let mut taken = BTreeSet::new();
        for (accepted, tiers) in catalog.tiers_since(&vault.id, dataset, earliest)? {
            let its = Period::all(zone, accepted).into_iter();
            taken.extend(its.filter(|period| tiers.split(' ').any(|tier| tier == period.tier.as_str())));
        }
        let standing = if partial { Standing::Partial } else { Standing::Sound };
        Ok(rules.keep.decide(zone, now, standing, &taken))
    }

    /// Manifests that are in the store and were not written down: this site ended between the
    /// two. Each is accepted now, or says why not.
    pub fn accept_leftovers(&self) -> Answer<()> {
        let vaults = lock(&self.catalog).vaults()?;
        for known in vaults {
            let Ok(vault) = known.id.parse::<VaultId>() else { continue };
            let Some(agent) = lock(&self.catalog).agent(&known.agent)?.filter(|agent| agent.revoked.is_none()) else {
                continue;
            };
            let layout = Layout { vault };
            for (dataset, name) in trust::manifest_names(&*self.store, layout)? {
                if lock(&self.catalog).has_point(&known.id, dataset.as_str(), &name.to_string())? {
                    continue;
                }
                let object = layout.manifest(&dataset, name);
                let note = self.store.read(&object, MAX_NOTE_BYTES)?;
                if let Err(refusal) = self.accept(&agent, vault, &dataset, name, &note) {
                    eprintln!("warning: {object} is in the store and is not accepted: {}", refusal.message);
                }
            }
        }
        Ok(())
    }

    /// Reads from the store which objects vaults have: for a catalog that was made anew.
    pub fn count_objects(&self) -> Answer<()> {
        let vaults = lock(&self.catalog).vaults()?;
        for known in vaults {
            let Ok(vault) = known.id.parse::<VaultId>() else { continue };
            let mut names = Vec::new();
            let folder = format!("vaults/{vault}").parse().map_err(|error| Refusal::internal(&error))?;
            self.store.list(&folder, &mut |name| names.push(name))?;
            for some in names.chunks(10_000) {
                let sizes: Vec<u64> = some.iter().map(|name| self.store.size(name)).collect::<Result<_, _>>()?;
                lock(&self.catalog).together(|catalog| {
                    some.iter()
                        .zip(&sizes)
                        .try_for_each(|(name, size)| catalog.add_object(&known.id, name.as_str(), *size))
                })?;
            }
        }
        Ok(())
    }
}

fn not_approved(opd: &str, vault: &str, dataset: &str) -> String {
    format!(
        "OPD {opd} has not approved that dataset {dataset} is saved here, or no longer does; what was sent is kept, \
         and the next run goes on from it once `pulih-controller approve` has put the approval on record \
         (vault {vault})"
    )
}

/// No pack of a new snapshot may be one that will be deleted.
fn must_stay(catalog: &Catalog, vault: &str, reach: &Reach) -> Answer<()> {
    if !catalog.has_doomed(vault)? {
        return Ok(());
    }
    for pack in reach.packs.keys() {
        if catalog.is_doomed(vault, &pack.to_string())? {
            let text = format!("the snapshot needs pack {pack}, which will be deleted; run the backup again");
            return Err(Refusal::new(Code::Doomed, text));
        }
    }
    Ok(())
}

//! Descriptions and manifests: believed here, or nowhere at this site.

use std::collections::BTreeSet;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{AgentEnrolled, SnapshotAccepted};
use pulih_ledger::ids::AgentId;
use pulih_policies::{Class, Kept, Period, Standing};
use pulih_protocol::error::Code;
use pulih_vault::description::{Description, DescriptionName, MAX_NOTE_BYTES};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, Layout, ManifestName};
use pulih_vault::manifest::Manifest;
use pulih_vault::note::{Fingerprint, VerifierKey};
use pulih_vault::reach::chain;
use pulih_vault::store::{ObjectName, StoreError};
use pulih_vault::trust;

use super::{Pusat, lock};
use crate::catalog::{Agent, Catalog};
use crate::gateway::answer::{Answer, Refusal};
use crate::record::time;

fn refused(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::Refused, why)
}

fn must_hash(bytes: &[u8], hash: ObjectHash) -> Answer<()> {
    if ObjectHash::of(bytes) == hash {
        Ok(())
    } else {
        Err(Refusal::new(Code::HashMismatch, "the bytes that came do not have the hash in their name; nothing was stored"))
    }
}

impl Pusat {
    /// The fingerprint of the owner key that the agent's OPD has on record.
    fn owner_of(&self, agent: &Agent) -> Answer<Fingerprint> {
        let opd = lock(&self.catalog).opd(&agent.opd)?;
        let owner = opd.and_then(|opd| opd.owner);
        let owner = owner.ok_or_else(|| refused(format!("OPD {} has no owner key on record here", agent.opd)))?;
        owner.parse().map_err(|error| Refusal::internal(&error))
    }

    /// Takes in a description: the first of a new vault, which becomes the agent's, or a further
    /// one. The OPD's owner key must have signed it: the site can add no reader and no writer.
    pub fn describe(&self, agent: &Agent, vault: VaultId, name: DescriptionName, note: &[u8]) -> Answer<()> {
        must_hash(note, name.hash)?;
        let owner = self.owner_of(agent)?;
        let trusted = |key: &VerifierKey| key.fingerprint() == owner;
        let description = Description::open(note, trusted).map_err(|error| refused(error.to_string()))?;
        if description.vault != vault || description.number != name.number {
            return Err(refused("the description is of another vault or number than its name says"));
        }
        let mut record = lock(&self.record);
        let is_new = match record.catalog.writer_of(&vault.to_string())? {
            Some((writer, _)) if writer == agent.name => false,
            Some(_) => return Err(Refusal::new(Code::Forbidden, "the vault is another agent's")),
            None if name.number == 1 => true,
            None => return Err(refused("the first description of a vault must come first")),
        };
        match self.store.create(&Layout { vault }.description(name), note) {
            // Left by a run of this site that ended before it was written down.
            Err(StoreError::AlreadyExists { .. }) if is_new => {}
            done => done?,
        }
        if is_new {
            let id: AgentId = agent.name.parse().map_err(|error| Refusal::internal(&error))?;
            let enrolled = AgentEnrolled {
                agent: id.clone(),
                opd: agent.opd.parse().map_err(|error| Refusal::internal(&error))?,
                vault,
                class: description.class.to_string(),
                owner,
                key: description.agent,
                host: agent.host.clone(),
            };
            record.write((self.clock)(), Actor::Agent { agent: id }, vec![Body::AgentEnrolled(enrolled)])?;
        }
        Ok(())
    }

    /// Accepts a snapshot: its manifest is signed by the writer that the vault's newest
    /// description names, and everything that it reaches is here.
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
        let mut record = lock(&self.record);
        let (id, of) = (vault.to_string(), dataset.to_string());
        if record.catalog.has_point(&id, &of, &name.to_string())? {
            return Err(StoreError::AlreadyExists { name: object }.into());
        }
        let Some((_, class)) = record.catalog.writer_of(&id)?.filter(|(writer, _)| *writer == agent.name) else {
            return Err(Refusal::new(Code::Forbidden, "the vault is another agent's"));
        };
        let owner = self.owner_of(agent)?;
        let trusted = trust::load(&*self.store, vault, |key| key.fingerprint() == owner)?;
        let (newest, description) = trusted.current();
        let manifest = Manifest::open(note, description).map_err(|error| refused(error.to_string()))?;
        let facts = &manifest.facts;
        if facts.description != *newest {
            return Err(refused("the manifest was written under a description that is no longer the newest"));
        }
        if facts.vault != vault || facts.dataset != *dataset || facts.sequence != name.sequence || manifest.rebuilt {
            return Err(refused("the manifest is not what its name says, or was made again from packs"));
        }
        let captured = facts.captured.parse().map_err(|_| refused("the manifest's date is not in UTC to the second"))?;
        let stored_bytes = self.complete(layout, manifest.reach)?;
        let now = (self.clock)();
        let kept = self.keep(&record.catalog, agent, (&id, &class), &of, facts.partial, now)?;
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
            stored_bytes,
            partial: facts.partial,
        };
        let actor = Actor::Agent { agent: agent.name.parse().map_err(|error| Refusal::internal(&error))? };
        Ok(record.write(now, actor, vec![Body::SnapshotAccepted(accepted)])?)
    }

    /// Until when a snapshot is kept that is accepted now.
    fn keep(
        &self,
        catalog: &Catalog,
        agent: &Agent,
        (vault, class): (&str, &str),
        dataset: &str,
        partial: bool,
        now: i64,
    ) -> Answer<Kept> {
        let class: Class = class.parse().map_err(|_| Refusal::internal(&format!("vault {vault} is of class {class}")))?;
        let rules = self.policy.rules(class, &agent.opd, dataset);
        let rules = rules.ok_or_else(|| Refusal::internal(&format!("the policy has no class {class}")))?;
        let zone = self.policy.zone;
        let earliest = Period::all(zone, now).iter().map(|period| period.begins).min().unwrap_or(now);
        let mut taken = BTreeSet::new();
        for (accepted, tiers) in catalog.tiers_since(vault, dataset, earliest)? {
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
        for (vault, agent) in vaults {
            let Ok(vault) = vault.parse::<VaultId>() else { continue };
            let Some(agent) = lock(&self.catalog).agent(&agent)? else { continue };
            let layout = Layout { vault };
            for (dataset, name) in trust::manifest_names(&*self.store, layout)? {
                if lock(&self.catalog).has_point(&vault.to_string(), dataset.as_str(), &name.to_string())? {
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

    /// That everything of a reach is here; returns its stored bytes.
    fn complete(&self, layout: Layout, reach: ObjectHash) -> Answer<u64> {
        let reach = chain::load(&*self.store, layout, reach)?;
        let missing = |name: &ObjectName| match self.store.size(name) {
            Ok(_) => Ok(false),
            Err(StoreError::NotFound { .. }) => Ok(true),
            Err(error) => Err(Refusal::from(error)),
        };
        let indexes = reach.indexes.iter().map(|hash| layout.index(*hash));
        for name in reach.packs.keys().map(|hash| layout.pack(*hash)).chain(indexes) {
            if missing(&name)? {
                return Err(refused(format!("the snapshot needs {name}, which is not here; run the backup again")));
            }
        }
        Ok(reach.packs.values().map(|used| used.stored_bytes).sum())
    }
}

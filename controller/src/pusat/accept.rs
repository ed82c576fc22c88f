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
use pulih_vault::reach::Reach;
use pulih_vault::reach::chain::Loaded;
use pulih_vault::store::{ObjectName, StoreError};
use pulih_vault::trust::{self, TrustedVault};

use super::{Pusat, lock};
use crate::catalog::{Agent, Catalog, Vault};
use crate::gateway::answer::{Answer, Refusal};
use crate::record::{Record, time};

fn refused(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::Refused, why)
}

fn not_own(vault: VaultId, agent: &Agent, why: &str) -> Refusal {
    let text = format!("vault {vault} is not one of agent {}, and this makes no new one: {why}", agent.name);
    Refusal::new(Code::Forbidden, text)
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

/// How a manifest came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// Over the line, from its agent.
    Now,
    /// On a disk, or found in the store when the site started: how old it is, its agent alone knows.
    Late,
}

/// Snapshots of one dataset that are taken over the line in a day: one a minute, which is as often as
/// a schedule can say, and the partial ones of long runs.
const DAILY: usize = 1500;
const DAY_SECONDS: i64 = 24 * 3600;

/// A manifest that is believed, with what it needs.
struct Believed {
    manifest: Manifest,
    reach: Reach,
    /// Its reach's object first, those below it after that.
    chain: Vec<ObjectHash>,
}

impl Pusat {
    /// The fingerprint of the owner key that speaks for a vault: the one that was pinned when the vault came from
    /// another site, or the one that its OPD has on record.
    fn owner_of(&self, vault: VaultId, opd: &str) -> Answer<Fingerprint> {
        let catalog = lock(&self.catalog);
        let pinned = catalog.pin(&vault.to_string())?.map(|pin| pin.owner);
        let owner = match pinned {
            Some(owner) => Some(owner),
            None => catalog.opd(opd)?.and_then(|opd| opd.owner),
        };
        drop(catalog);
        let owner = owner.ok_or_else(|| refused(format!("OPD {opd} has no owner key on record here")))?;
        owner.parse().map_err(|error| Refusal::internal(&error))
    }

    /// A vault's descriptions, believed by the owner key of its OPD.
    pub fn trusted(&self, vault: VaultId) -> Answer<TrustedVault> {
        let known = lock(&self.catalog).vault(&vault.to_string())?;
        let known = known.ok_or_else(|| Refusal::new(Code::NotFound, "there is no such vault"))?;
        let owner = self.owner_of(vault, &known.opd)?;
        Ok(trust::load(&*self.store, vault, |key| key.fingerprint() == owner)?)
    }

    /// Takes in a description: the first of a new vault, which becomes the agent's, or a further
    /// one. The OPD's owner key must have signed it: the site can add no reader and no writer.
    pub fn describe(&self, agent: &Agent, vault: VaultId, name: DescriptionName, note: &[u8]) -> Answer<()> {
        let owner = self.owner_of(vault, &agent.opd)?;
        let trusted = |key: &VerifierKey| key.fingerprint() == owner;
        let read = || {
            must_hash(note, name.hash)?;
            let description = Description::open(note, trusted).map_err(|error| refused(error.to_string()))?;
            if description.vault != vault || description.number != name.number {
                return Err(refused("the description is of another vault or number than its name says"));
            }
            Ok(description)
        };
        let is_own = lock(&self.catalog).vault(&vault.to_string())?.is_some_and(|known| known.agent == agent.name);
        // The same answer whether the vault is another's or nobody's: which there are is not told.
        let description =
            read().map_err(|why: Refusal| if is_own { why } else { not_own(vault, agent, &why.message) })?;
        let mut record = lock(&self.record);
        must_be_in(&record.catalog, agent)?;
        match record.catalog.vault(&vault.to_string())? {
            Some(known) if known.agent == agent.name => {
                let trusted = trust::load(&*self.store, vault, trusted)?;
                let completed = self.complete(&mut record, agent, &known, &trusted)?;
                if completed && trusted.current().0 == name {
                    return Ok(());
                }
                must_follow(&trusted, &description)?;
            }
            Some(_) if name.number == 1 => return Err(Refusal::new(Code::Forbidden, "the vault is another agent's")),
            None if name.number == 1 => {}
            _ => return Err(not_own(vault, agent, "the first description of a vault must come first")),
        }
        match self.store.create(&Layout { vault }.description(name), note) {
            // Left by a run of this site that ended before it was written down.
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.write_description(&mut record, agent, &description)?;
        self.count_note(&record.catalog, agent, vault, &Layout { vault }.description(name), note.len() as u64)
    }

    fn write_description(&self, record: &mut Record, agent: &Agent, its: &Description) -> Answer<()> {
        let id: AgentId = agent.name.parse().map_err(|error| Refusal::internal(&error))?;
        let enrolled = AgentEnrolled {
            agent: id.clone(),
            opd: agent.opd.parse().map_err(|error| Refusal::internal(&error))?,
            vault: its.vault,
            class: its.class.to_string(),
            owner: its.owner.fingerprint(),
            key: its.agent.clone(),
            host: lock(&self.presences).of(&agent.name).map(|its| its.host).unwrap_or_default(),
        };
        Ok(record.write((self.clock)(), &Actor::Agent { agent: id }, vec![Body::AgentEnrolled(enrolled)])?)
    }

    /// Writes down the descriptions of a vault that are in the store and not on the ledger: this site
    /// failed between the two. Says whether there were any.
    fn complete(&self, record: &mut Record, agent: &Agent, known: &Vault, trusted: &TrustedVault) -> Answer<bool> {
        let missing = trusted.descriptions.iter().skip(known.described as usize);
        let mut any = false;
        for (name, description) in missing {
            self.write_description(record, agent, description)?;
            let object = trusted.layout.description(*name);
            self.count_note(&record.catalog, agent, description.vault, &object, self.store.size(&object)?)?;
            any = true;
        }
        Ok(any)
    }

    /// The same for one agent, before something is decided by when its keys were named.
    pub fn complete_of(&self, record: &mut Record, agent: &Agent) -> Answer<()> {
        for known in record.catalog.vaults_of(&agent.name)? {
            let vault: VaultId = known.id.parse().map_err(|error| Refusal::internal(&error))?;
            if trust::description_names(&*self.store, vault)?.len() as u64 <= known.described {
                continue;
            }
            match self.trusted(vault).and_then(|trusted| self.complete(record, agent, &known, &trusted)) {
                Ok(_) => {}
                Err(refusal) if refusal.code == Code::Internal => return Err(refusal),
                Err(refusal) => eprintln!("warning: the descriptions of vault {vault}: {}", refusal.message),
            }
        }
        Ok(())
    }

    /// The same for all of them.
    pub fn complete_descriptions(&self) -> Answer<()> {
        let agents = lock(&self.catalog).agents()?;
        agents.iter().try_for_each(|agent| self.complete_of(&mut lock(&self.record), agent))
    }

    /// Descriptions and manifests count like everything else, and are small: no quota stops them.
    fn count_note(
        &self,
        catalog: &Catalog,
        agent: &Agent,
        vault: VaultId,
        name: &ObjectName,
        bytes: u64,
    ) -> Answer<()> {
        let vault = vault.to_string();
        if !catalog.has_object(&vault, name.as_str())? {
            catalog.add_object(&vault, name.as_str(), bytes)?;
            self.quotas.add(&agent.opd, bytes);
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
        came: Came,
    ) -> Answer<()> {
        must_hash(note, name.hash)?;
        let layout = Layout { vault };
        let object = layout.manifest(dataset, name);
        let (id, of) = (vault.to_string(), dataset.to_string());
        let described = {
            let catalog = lock(&self.catalog);
            if catalog.has_point(&id, &of, &name.to_string())? {
                return Err(StoreError::AlreadyExists { name: object }.into());
            }
            // One of too many costs no reading.
            must_be_in_time(&catalog, &id, &of, name, came, (self.clock)())?;
            catalog.vault(&id)?.map(|known| known.described)
        };
        // What takes long comes before the lock, one at a time, for a reach can be large; what may
        // change under way comes after it.
        self.must_be_approved(&id, &of, (self.clock)())?;
        let _alone = lock(&self.reading);
        let removals = self.removals();
        let believed = self.believe(vault, dataset, name, note)?;
        let measured = self.measured(&id, &of, believed.manifest.facts.partial, &believed.reach);
        let mut record = lock(&self.record);
        let now = (self.clock)();
        if came == Came::Now {
            must_be_in(&record.catalog, agent)?;
        }
        let known = record.catalog.vault(&id)?.filter(|known| known.agent == agent.name);
        let known = known.ok_or_else(|| Refusal::new(Code::Forbidden, "the vault is another agent's"))?;
        if Some(known.described) != described {
            let text = "the vault got a new description while this was looked at; send it once more";
            return Err(Refusal::new(Code::Busy, text));
        }
        if record.catalog.has_point(&id, &of, &name.to_string())? {
            return Err(StoreError::AlreadyExists { name: object }.into());
        }
        must_be_in_time(&record.catalog, &id, &of, name, came, now)?;
        self.must_be_approved(&id, &of, now)?;
        must_stay(&record.catalog, &id, &believed.reach)?;
        self.keep_again(&record.catalog, layout, &believed.reach, &believed.chain, removals)?;
        let facts = &believed.manifest.facts;
        let captured =
            facts.captured.parse().map_err(|_| refused("the manifest's date is not in UTC to the second"))?;
        if let Some((_, Some(suspect))) = &measured {
            self.raise(&mut record, (&id, &of), now, suspect)?;
        }
        let suspected = record.catalog.suspected(&id, &of)?.is_some();
        let standing = match (facts.partial, suspected) {
            (true, _) => Standing::Partial,
            (false, true) => Standing::Suspected,
            (false, false) => Standing::Sound,
        };
        let kept = self.keep(&record.catalog, &known, &of, standing, came, now)?;
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
            late: came == Came::Late,
        };
        let actor = Actor::Agent { agent: agent.name.parse().map_err(|error| Refusal::internal(&error))? };
        record.write(now, &actor, vec![Body::SnapshotAccepted(accepted)])?;
        // What is suspect is not what is usual.
        if let Some((past, None)) = measured.filter(|_| !suspected) {
            record.catalog.add_measure(&id, &of, &name.to_string(), past)?;
        }
        self.count_note(&record.catalog, agent, vault, &object, note.len() as u64)
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
        let Loaded { reach, chain, .. } = self.reach(vault, manifest.reach)?;
        let indexes = reach.indexes.iter().map(|hash| layout.index(*hash));
        for object in reach.packs.keys().map(|hash| layout.pack(*hash)).chain(indexes) {
            self.must_be_here(vault, &object)?;
        }
        Ok(Believed { manifest, reach, chain })
    }

    fn must_be_here(&self, vault: VaultId, object: &ObjectName) -> Answer<()> {
        let text = || refused(format!("the snapshot needs {object}, which is not here; run the backup again"));
        if self.is_here(vault, object)? { Ok(()) } else { Err(text()) }
    }

    /// The catalog knows; what a power cut took from it, the store does.
    pub fn is_here(&self, vault: VaultId, object: &ObjectName) -> Answer<bool> {
        let id = vault.to_string();
        if lock(&self.catalog).has_object(&id, object.as_str())? {
            return Ok(true);
        }
        match self.store.size(object) {
            Ok(size) => {
                let catalog = lock(&self.catalog);
                let opd = catalog.vault(&id)?.map(|known| known.opd);
                catalog.add_object(&id, object.as_str(), size)?;
                opd.into_iter().for_each(|opd| self.quotas.add(&opd, size));
                Ok(true)
            }
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Until when a snapshot is kept that is accepted now. What comes late takes what is free, and
    /// leaves it free for what comes in time: only the site's own clock says whose a period is.
    fn keep(
        &self,
        catalog: &Catalog,
        vault: &Vault,
        dataset: &str,
        standing: Standing,
        came: Came,
        now: i64,
    ) -> Answer<Kept> {
        let in_force = self.in_force();
        let rules = in_force.rules(&vault.class, &vault.opd, dataset)?;
        let zone = in_force.policy.zone;
        let earliest = Period::all(zone, now).iter().map(|period| period.begins).min().unwrap_or(now);
        let mut taken = BTreeSet::new();
        for (accepted, tiers) in catalog.tiers_since(&vault.id, dataset, earliest, came == Came::Late)? {
            let its = Period::all(zone, accepted).into_iter();
            taken.extend(its.filter(|period| tiers.split(' ').any(|tier| tier == period.tier.as_str())));
        }
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
                if let Err(refusal) = self.accept(&agent, vault, &dataset, name, &note, Came::Late) {
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
        Ok(lock(&self.catalog).set_counted((self.clock)())?)
    }
}

/// That an agent was not revoked since its request came.
fn must_be_in(catalog: &Catalog, agent: &Agent) -> Answer<()> {
    match catalog.agent(&agent.name)? {
        Some(Agent { revoked: None, .. }) => Ok(()),
        _ => Err(Refusal::new(Code::Unauthorized, format!("agent {} is revoked", agent.name))),
    }
}

/// That a further description comes right after the newest. One that is there already is
/// the same object, and is told apart by its caller.
fn must_follow(trusted: &TrustedVault, description: &Description) -> Answer<()> {
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

/// That a snapshot over the line is not one of too many, and that one which comes late does not pass
/// itself off as newer than those that came before it.
fn must_be_in_time(
    catalog: &Catalog,
    vault: &str,
    dataset: &str,
    name: ManifestName,
    came: Came,
    now: i64,
) -> Answer<()> {
    if came == Came::Late {
        return match catalog.later_point(vault, dataset, &name.to_string())? {
            Some(later) => Err(refused(format!("a later snapshot, {later}, was accepted before it"))),
            None => Ok(()),
        };
    }
    if catalog.accepted_since(vault, dataset, now - DAY_SECONDS)? >= DAILY {
        let text =
            format!("{DAILY} snapshots of dataset {dataset} were accepted within a day; no more are taken today");
        return Err(Refusal::new(Code::Busy, text));
    }
    Ok(())
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

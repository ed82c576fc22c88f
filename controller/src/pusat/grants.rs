//! Content that is asked back: packs are read under a grant of the OPD's walidata, and otherwise
//! not at all.

use std::collections::HashSet;
use std::sync::Arc;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{RestoreAsked, RestoreGrantUsed};
use pulih_protocol::error::Code;
use pulih_protocol::grant::{Asked, Asking};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, Layout, ManifestName};
use pulih_vault::reach::chain;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{Pusat, is_printable, lock};
use crate::catalog::{Agent, Grant};
use crate::gateway::answer::{Answer, Refusal};
use crate::pki::hex;

/// Requests of one agent that wait for an answer.
const OPEN_REQUESTS: usize = 16;
/// Snapshots whose packs are remembered, for those who fetch under a grant.
const REMEMBERED: usize = 4;

/// An id that is drawn: `r-` and 12 hexadecimal digits.
pub fn draw(prefix: &str) -> Answer<String> {
    let mut drawn = [0; 6];
    SystemRandom::new().fill(&mut drawn).map_err(|_| Refusal::internal(&"the system gives no random bytes"))?;
    Ok(format!("{prefix}-{}", hex(&drawn)))
}

/// Which packs a snapshot reaches, of the snapshots that were asked for last.
#[derive(Default)]
pub struct ReachMemory(Vec<(ObjectHash, Arc<HashSet<ObjectHash>>)>);

impl Pusat {
    pub fn ask(&self, agent: &Agent, asking: &Asking) -> Answer<Asked> {
        let bad = |error: &dyn std::fmt::Display| Refusal::new(Code::BadRequest, error.to_string());
        let vault: VaultId = asking.vault.parse().map_err(|error| bad(&error))?;
        let dataset: DatasetName = asking.dataset.parse().map_err(|error| bad(&error))?;
        let manifest = asking.snapshot.as_deref().map(str::parse::<ManifestName>).transpose();
        let manifest = manifest.map_err(|error| bad(&error))?;
        if !is_printable(&asking.reason, 1000) {
            return Err(bad(&"the reason is empty, too long, or has control characters"));
        }
        let mut record = lock(&self.record);
        let known = record.catalog.vault(&asking.vault)?.filter(|vault| vault.opd == agent.opd);
        let none = || Refusal::new(Code::NotFound, format!("the OPD {} has no such dataset here", agent.opd));
        known.ok_or_else(none)?;
        let points = record.catalog.points(&asking.vault, &asking.dataset)?;
        let has = |name: &ManifestName| points.iter().any(|point| point.snapshot == name.to_string());
        if points.is_empty() || manifest.as_ref().is_some_and(|name| !has(name)) {
            return Err(none());
        }
        if record.catalog.open_requests(&agent.name)? >= OPEN_REQUESTS {
            return Err(Refusal::new(Code::Busy, "too many requests of this agent wait for an answer already"));
        }
        let request = draw("r")?;
        let asked = RestoreAsked {
            grant: request.parse().map_err(|error| Refusal::internal(&error))?,
            agent: agent.name.parse().map_err(|error| Refusal::internal(&error))?,
            vault,
            dataset,
            manifest,
            reason: asking.reason.clone(),
        };
        let actor = Actor::Agent { agent: asked.agent.clone() };
        record.write((self.clock)(), &actor, vec![asked.into()])?;
        Ok(Asked { request })
    }

    /// That an agent may fetch a pack of a vault now.
    pub fn must_have_grant(&self, agent: &Agent, vault: VaultId, pack: ObjectHash) -> Answer<()> {
        let grants = lock(&self.catalog).grants_in_force(&agent.name, &vault.to_string(), (self.clock)())?;
        for grant in &grants {
            if self.covers(grant, agent, vault, pack)? {
                return Ok(());
            }
        }
        let text = if grants.is_empty() {
            "packs are read under a restore grant, and there is none in force for this agent and vault; \
             `pulih-agent ask` asks the OPD's walidata for one"
        } else {
            "the restore grant in force covers other snapshots than this pack is needed for; \
             `pulih-agent ask` asks the OPD's walidata for a further one"
        };
        Err(Refusal::new(Code::Forbidden, text))
    }

    /// Whether a snapshot that a grant covers needs the pack. The first time that one does, the
    /// ledger says so before the pack is handed out.
    fn covers(&self, grant: &Grant, agent: &Agent, vault: VaultId, pack: ObjectHash) -> Answer<bool> {
        let mut named: Vec<(DatasetName, ManifestName)> = Vec::new();
        {
            let (catalog, id) = (lock(&self.catalog), vault.to_string());
            for (its, dataset) in catalog.datasets()? {
                if its != id || grant.dataset.as_ref().is_some_and(|only| *only != dataset) {
                    continue;
                }
                for point in catalog.points(&id, &dataset)? {
                    if grant.manifest.as_ref().is_none_or(|only| *only == point.snapshot) {
                        named.push((parsed(&dataset)?, parsed(&point.snapshot)?));
                    }
                }
            }
        }
        // Who fetches one pack of a snapshot will fetch its others.
        let remembered = |(_, name): &(DatasetName, ManifestName)| self.remembered(name.hash).is_some();
        named.sort_by_key(|its| !remembered(its));
        for (dataset, name) in named {
            let packs = match self.remembered(name.hash) {
                Some(packs) => packs,
                None => self.packs_of(vault, &dataset, name)?,
            };
            if packs.contains(&pack) {
                let mut memory = lock(&self.reaches);
                memory.0.retain(|(hash, _)| *hash != name.hash);
                memory.0.truncate(REMEMBERED - 1);
                memory.0.insert(0, (name.hash, packs));
                drop(memory);
                self.note_use(grant, agent, dataset, name)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn remembered(&self, hash: ObjectHash) -> Option<Arc<HashSet<ObjectHash>>> {
        lock(&self.reaches).0.iter().find(|(its, _)| *its == hash).map(|(_, packs)| packs.clone())
    }

    fn packs_of(&self, vault: VaultId, dataset: &DatasetName, name: ManifestName) -> Answer<Arc<HashSet<ObjectHash>>> {
        let manifest = self.trusted(vault)?.manifest(&*self.store, dataset, name)?;
        let reach = chain::load(&*self.store, Layout { vault }, manifest.reach)?;
        Ok(Arc::new(reach.packs.into_keys().collect()))
    }

    fn note_use(&self, grant: &Grant, agent: &Agent, dataset: DatasetName, manifest: ManifestName) -> Answer<()> {
        if lock(&self.catalog).was_used(&grant.id, dataset.as_str(), &manifest.to_string())? {
            return Ok(());
        }
        let mut record = lock(&self.record);
        // Another request may have come first.
        if record.catalog.was_used(&grant.id, dataset.as_str(), &manifest.to_string())? {
            return Ok(());
        }
        let used = RestoreGrantUsed { grant: parsed(&grant.id)?, agent: parsed(&agent.name)?, dataset, manifest };
        let actor = Actor::Agent { agent: used.agent.clone() };
        Ok(record.write((self.clock)(), &actor, vec![Body::from(used)])?)
    }
}

/// What this site wrote and cannot have written wrong.
fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Answer<T> {
    text.parse().map_err(|error: T::Err| Refusal::internal(&error))
}

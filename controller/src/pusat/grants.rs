//! Content that is asked back: packs are read under a grant of the OPD's walidata, and otherwise
//! not at all.

use std::collections::HashMap;
use std::sync::Arc;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{RestoreAsked, RestoreGrantUsed};
use pulih_protocol::error::Code;
use pulih_protocol::grant::{Asked, Asking};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, Layout, ManifestName};
use pulih_vault::store::StoreError;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::{Pusat, is_printable, lock};
use crate::catalog::{Agent, Grant};
use crate::gateway::answer::{Answer, Refusal};
use crate::pki::hex;

/// Requests of one agent that wait for an answer.
const OPEN_REQUESTS: usize = 16;
/// Snapshots whose packs are remembered, for those who fetch under a grant; and packs of them all.
const REMEMBERED: usize = 4;
const REMEMBERED_PACKS: usize = 500_000;
/// Packs that no snapshot of a grant needs, asked for by one agent in an hour: for each, all its
/// snapshots are looked through, and who restores asks for none.
const STRAY: u32 = 16;
const STRAY_SECONDS: i64 = 3600;

/// An id that is drawn: `r-` and 12 hexadecimal digits.
pub fn draw(prefix: &str) -> Answer<String> {
    let mut drawn = [0; 6];
    SystemRandom::new().fill(&mut drawn).map_err(|_| Refusal::internal(&"the system gives no random bytes"))?;
    Ok(format!("{prefix}-{}", hex(&drawn)))
}

/// What a snapshot reaches, in order.
type Packs = Arc<Vec<ObjectHash>>;

/// Which packs a snapshot reaches, of the snapshots that were asked for last.
#[derive(Default)]
pub struct ReachMemory {
    snapshots: Vec<(ObjectHash, Packs)>,
    /// By agent: how many packs it asked for in vain, and since when that is counted.
    stray: HashMap<String, (u32, i64)>,
}

impl ReachMemory {
    fn of(&self, snapshot: ObjectHash) -> Option<Packs> {
        self.snapshots.iter().find(|(its, _)| *its == snapshot).map(|(_, packs)| packs.clone())
    }

    /// The newest first, and as many as there is room for, but always that one.
    fn remember(&mut self, snapshot: ObjectHash, packs: Packs) {
        self.snapshots.retain(|(its, _)| *its != snapshot);
        self.snapshots.insert(0, (snapshot, packs));
        let mut sum = 0;
        let fits = self.snapshots.iter().take_while(|(_, packs)| {
            sum += packs.len();
            sum <= REMEMBERED_PACKS
        });
        let fits = fits.count().clamp(1, REMEMBERED);
        self.snapshots.truncate(fits);
    }

    /// How many strays an agent has asked for lately.
    fn stray(&mut self, agent: &str, now: i64) -> &mut u32 {
        let its = self.stray.entry(agent.to_owned()).or_insert((0, now));
        if now - its.1 >= STRAY_SECONDS {
            *its = (0, now);
        }
        &mut its.0
    }
}

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
        let now = (self.clock)();
        let grants = lock(&self.catalog).grants_in_force(&agent.name, &vault.to_string(), now)?;
        let name = Layout { vault }.pack(pack);
        // Nobody looks through snapshots for what is not here.
        if !grants.is_empty() && !self.is_here(vault, &name)? {
            return Err(StoreError::NotFound { name }.into());
        }
        for grant in &grants {
            if self.covers(grant, agent, vault, pack, now)? {
                return Ok(());
            }
        }
        if !grants.is_empty() {
            *lock(&self.reaches).stray(&agent.name, now) += 1;
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
    fn covers(&self, grant: &Grant, agent: &Agent, vault: VaultId, pack: ObjectHash, now: i64) -> Answer<bool> {
        let mut named: Vec<(DatasetName, ManifestName)> = Vec::new();
        {
            let (catalog, id) = (lock(&self.catalog), vault.to_string());
            for dataset in catalog.datasets_of(&id)? {
                if grant.dataset.as_ref().is_some_and(|only| *only != dataset) {
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
        named.sort_by_cached_key(|(_, name)| lock(&self.reaches).of(name.hash).is_none());
        for (dataset, name) in named {
            let remembered = lock(&self.reaches).of(name.hash);
            let packs = match remembered {
                Some(packs) => packs,
                None => self.packs_of(agent, vault, &dataset, name, now)?,
            };
            if packs.binary_search(&pack).is_ok() {
                lock(&self.reaches).remember(name.hash, packs);
                self.note_use(grant, agent, dataset, name)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn packs_of(
        &self,
        agent: &Agent,
        vault: VaultId,
        dataset: &DatasetName,
        name: ManifestName,
        now: i64,
    ) -> Answer<Packs> {
        let _alone = lock(&self.reading);
        if *lock(&self.reaches).stray(&agent.name, now) >= STRAY {
            let text = "this agent asked for too many packs that its restore grants do not cover; try again in an hour";
            return Err(Refusal::new(Code::Busy, text));
        }
        // Of those who fetch side by side, one has read it for all.
        if let Some(packs) = lock(&self.reaches).of(name.hash) {
            return Ok(packs);
        }
        let manifest = self.trusted(vault)?.manifest(&*self.store, dataset, name)?;
        let packs = self.reach(vault, manifest.reach)?.reach.packs;
        Ok(Arc::new(packs.into_keys().collect()))
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

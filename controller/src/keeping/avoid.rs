//! Mostly dead packs: what is still needed of them the next backup writes afresh from the source,
//! so that they go with the snapshots that need them. Compaction by who has the keys.

use std::collections::BTreeMap;

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::PacksAvoided;
use pulih_vault::id::{ObjectHash, VaultId};

use crate::base::{Base, lock};
use crate::catalog::Vault;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteRole;

/// A pack is avoided when less than one part of so many is live. Each byte that is written again then
/// frees three others at least.
const LIVE_PARTS: u64 = 4;
/// Less than this is not worth an entry and a pack of its own.
const LEAST_DEAD_BYTES: u64 = 1 << 20;
/// What one entry of the ledger may name.
const AVOIDED_AT_ONCE: usize = 500;

/// Bytes of a pack's chunks: those that the newest snapshots use, and all.
#[derive(Debug, Clone, Copy, Default)]
struct Use {
    live: u64,
    all: u64,
}

fn is_mostly_dead(its: Use) -> bool {
    // Counted once for each reference, live bytes may be more than all.
    let dead = its.all.saturating_sub(its.live);
    its.live > 0 && its.live < its.all / LIVE_PARTS && dead >= LEAST_DEAD_BYTES
}

impl Base {
    /// Writes down which packs of a vault have become mostly dead, by each dataset's newest snapshot.
    pub(super) fn avoid(&self, known: &Vault) -> Answer<u64> {
        // A DRC has no say in what is written.
        if self.site.role != SiteRole::Pusat {
            return Ok(0);
        }
        let vault: VaultId = known.id.parse().map_err(|error| Refusal::internal(&error))?;
        let mut used: BTreeMap<ObjectHash, Use> = BTreeMap::new();
        let datasets = lock(&self.catalog).datasets_of(&known.id)?;
        for dataset in datasets {
            let newest = lock(&self.catalog).points(&known.id, &dataset)?.into_iter().find(|point| !point.partial);
            let Some(newest) = newest else { continue };
            for (pack, its) in self.reach_of(&newest)?.reach.packs {
                let sum = used.entry(pack).or_default();
                sum.live = sum.live.saturating_add(its.live_bytes);
                sum.all = its.all_bytes;
            }
        }
        let mut record = lock(&self.record);
        let avoided = record.catalog.avoided(&known.id)?;
        let mut fresh = Vec::new();
        for (pack, _) in used.into_iter().filter(|(_, its)| is_mostly_dead(*its)) {
            let pack = pack.to_string();
            if avoided.binary_search(&pack).is_err() && !record.catalog.is_doomed(&known.id, &pack)? {
                fresh.push(pack);
            }
        }
        for packs in fresh.chunks(AVOIDED_AT_ONCE) {
            let body = PacksAvoided { vault, packs: packs.to_vec() };
            record.write(self.now(), &Actor::Site, vec![body.into()])?;
        }
        Ok(fresh.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_mostly_dead_below_a_quarter_and_from_a_mebibyte_on() {
        let its = |live: u64, all: u64| is_mostly_dead(Use { live, all });
        let mib = 1 << 20;
        assert!(its(mib, 5 * mib));
        assert!(!its(mib, 4 * mib), "a quarter");
        assert!(!its(mib / 8, mib), "too little is dead");
        assert!(its(mib / 8, mib + mib / 8));
        assert!(!its(0, 32 * mib), "no newest snapshot needs it: it goes by itself");
        assert!(!its(64 * mib, 32 * mib), "referred to many times");
    }
}

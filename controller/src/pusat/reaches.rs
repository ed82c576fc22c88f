//! What snapshots need, read one at a time and within a limit: how much memory a reach takes is up to
//! whoever wrote it.

use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::Layout;
use pulih_vault::reach::chain::{self, Loaded};

use super::Pusat;
use crate::gateway::answer::Answer;

/// Most bytes of a reach and all that lie below it: some 350,000 packs, which are 10 TiB as agents
/// write them. In memory it is up to four times as much.
pub const MAX_BYTES: u64 = 16 << 20;

impl Pusat {
    /// Reads a reach. Whoever does so for a peer holds [`Pusat::reading`] for as long as it is there.
    pub fn reach(&self, vault: VaultId, hash: ObjectHash) -> Answer<Loaded> {
        Ok(chain::load_chain(&*self.store, Layout { vault }, hash, MAX_BYTES)?)
    }
}

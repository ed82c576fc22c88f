//! What snapshots need, read one at a time and within a limit: how much memory a reach takes is up to
//! whoever wrote it.

use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::Layout;
use pulih_vault::reach::chain::{self, Loaded};

use super::Pusat;
use crate::gateway::answer::Answer;
use crate::store::MAX_REACH_BYTES;

impl Pusat {
    /// Reads a reach. Whoever does so for a peer holds [`Pusat::reading`] for as long as it is there.
    pub fn reach(&self, vault: VaultId, hash: ObjectHash) -> Answer<Loaded> {
        Ok(chain::load_chain(&*self.store, Layout { vault }, hash, MAX_REACH_BYTES)?)
    }
}

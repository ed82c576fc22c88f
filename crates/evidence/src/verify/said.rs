//! What the entries of a log say of other logs, and of who co-signs: later steps hold it against what is there.

use pulih_ledger::cosign::CosignerKey;
use pulih_ledger::entry::kinds::{KeyAccepted, LedgerDiverged, LedgerResumed, SiteAdopted, SitePaired};
use pulih_ledger::hash::Hash;
use pulih_ledger::ids::SiteId;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::VerifierKey;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// An entry that says what root a log had.
pub struct Seen {
    pub index: u64,
    pub of: SiteId,
    pub size: u64,
    pub root: Hash,
}

#[derive(Default)]
pub struct Said {
    /// Keys of other sites' logs: those that it was paired with, and those that people here accepted after them.
    pub paired: Vec<(SiteId, VerifierKey)>,
    pub witnesses: Vec<CosignerKey>,
    pub seen: Vec<Seen>,
    /// What another site signed that does not go on from what was known of it.
    pub proofs: Vec<(SiteId, ObjectHash)>,
    /// Entries with which people gave up what others had of this log, and how many entries that was.
    pub resumed: Vec<(u64, u64)>,
}

#[derive(Deserialize)]
struct WitnessAdded {
    key: String,
}

#[derive(Deserialize)]
struct Witnessed {
    size: u64,
    root: String,
}

fn fields<T: DeserializeOwned>(entry: &[u8]) -> Result<T, String> {
    serde_json::from_slice(entry).map_err(|why| why.to_string())
}

impl Said {
    /// Takes an entry of the log of `site`. An error: it is not as entries of its kind are.
    pub fn follow(&mut self, site: &SiteId, index: u64, kind: &str, entry: &[u8]) -> Result<(), String> {
        match kind {
            "site-paired" => {
                let its: SitePaired = fields(entry)?;
                self.paired.push((its.peer, its.key));
            }
            "key-accepted" => {
                let its: KeyAccepted = fields(entry)?;
                self.paired.push((its.peer, its.key));
            }
            "witness-added" => {
                let its: WitnessAdded = fields(entry)?;
                self.witnesses.push(its.key.parse().map_err(|why| format!("{why}"))?);
            }
            "checkpoint-witnessed" => {
                let its: Witnessed = fields(entry)?;
                let root = its.root.parse().map_err(|why| format!("{why}"))?;
                self.seen.push(Seen { index, of: site.clone(), size: its.size, root });
            }
            "site-adopted" => {
                let its: SiteAdopted = fields(entry)?;
                self.seen.push(Seen { index, of: its.from, size: its.size, root: its.root });
            }
            "ledger-diverged" => {
                let its: LedgerDiverged = fields(entry)?;
                self.proofs.push((its.from.clone(), its.proof));
                self.seen.push(Seen { index, of: its.from, size: its.size, root: its.root });
            }
            "ledger-resumed" => {
                let its: LedgerResumed = fields(entry)?;
                self.resumed.push((index, its.size));
            }
            _ => {}
        }
        Ok(())
    }
}

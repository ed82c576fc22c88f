//! Further copies: all snapshots of a site, its ledger, policies and plans, in a folder on a disk that is
//! carried away or in any S3 store, with a signed receipt of what is there.
//! `docs/contracts/copies.md`.
//!
//! What is copied is hashed on its way and gets a name only with that hash; a manifest comes last. So at
//! any moment the copy shows whole snapshots only, and who goes on with it copies only what is missing.

mod object;
mod own;
mod vault;
pub mod verify;

use std::sync::Arc;

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::CopyMade;
use pulih_ledger::receipt::{CopiedDataset, CopiedLedger, Receipt};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, Store, StoreError};
use serde::Serialize;

use crate::base::{Base, lock};
use crate::gateway::answer::{Answer, Refusal};
use crate::record::time;
use crate::scrub::Source;

/// What a command that copies prints.
#[derive(Debug, Serialize)]
pub struct CopyReport {
    #[serde(rename = "type")]
    kind: &'static str,
    medium: String,
    receipt: String,
    /// What is on the copy now.
    snapshots: u64,
    objects: u64,
    bytes: u64,
    /// What came onto it now.
    copied_objects: u64,
    copied_bytes: u64,
    /// Snapshots that are not on it, since an object that they need is damaged or gone here.
    incomplete: Vec<String>,
}

/// A copy while it is made.
pub(crate) struct Copying<'c> {
    base: &'c Base,
    to: Arc<dyn Store>,
    copied: object::Counted,
}

impl Base {
    /// Brings a further copy up to date.
    pub fn copy_to(&self, medium: &Source) -> Answer<CopyReport> {
        self.must_be_elsewhere(medium)?;
        let copying = Copying { base: self, to: medium.store.clone(), copied: object::Counted::default() };
        self.scrubbing.progress.begin(lock(&self.catalog).stored_bytes()?);
        let (mut datasets, mut incomplete) = (Vec::new(), Vec::new());
        for vault in self.copied_vaults()? {
            copying.vault(vault, &mut datasets, &mut incomplete)?;
        }
        let ledger = copying.own()?;
        let receipt = self.sign_receipt(medium, ledger, datasets)?;
        let (objects, bytes) = copying.copied.now();
        let report = self.keep_receipt(medium, &receipt)?;
        Ok(CopyReport { copied_objects: objects, copied_bytes: bytes, incomplete, ..report })
    }

    /// That the copy is no copy onto itself.
    fn must_be_elsewhere(&self, medium: &Source) -> Answer<()> {
        let own = self.dir.read("store").map_err(|error| Refusal::internal(&error))?;
        if own.trim() != medium.name {
            return Ok(());
        }
        Err(Refusal::new(Code::BadRequest, "this is the site's own store; name another place for a further copy"))
    }

    fn sign_receipt(&self, medium: &Source, ledger: CopiedLedger, datasets: Vec<CopiedDataset>) -> Answer<Signed> {
        let at = time(self.now()).map_err(|error| Refusal::internal(&error))?;
        let receipt = Receipt::new(self.id()?, at, medium.name.clone(), ledger, datasets);
        let note = lock(&self.record).receipt(&receipt)?;
        Ok(Signed { receipt, note })
    }

    /// Writes the receipt onto the copy, then here, then on the ledger that the copy was made.
    fn keep_receipt(&self, medium: &Source, signed: &Signed) -> Answer<CopyReport> {
        let hash = ObjectHash::of(signed.note.as_bytes());
        let name: ObjectName =
            format!("site/{}/receipts/{hash}", self.id()?).parse().map_err(|error| Refusal::internal(&error))?;
        for store in [&medium.store, &self.store] {
            match store.create(&name, signed.note.as_bytes()) {
                Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
                Err(error) => return Err(at_medium(error)),
            }
        }
        let datasets = &signed.receipt.datasets;
        let (objects, bytes) = datasets.iter().fold((0, 0), |sum, its| (sum.0 + its.objects, sum.1 + its.bytes));
        let snapshots = signed.receipt.snapshots();
        let made = CopyMade { medium: medium.name.clone(), receipt: hash, snapshots, objects, bytes };
        lock(&self.record).write(self.now(), &Actor::Site, vec![made.into()])?;
        Ok(CopyReport {
            kind: "pulih/copy/v1",
            medium: medium.name.clone(),
            receipt: hash.to_string(),
            snapshots,
            objects,
            bytes,
            copied_objects: 0,
            copied_bytes: 0,
            incomplete: Vec::new(),
        })
    }
}

struct Signed {
    receipt: Receipt,
    note: String,
}

/// An error of the copy's store, for the person who waits for it.
#[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped with")]
fn at_medium(error: StoreError) -> Refusal {
    Refusal::new(Code::Refused, format!("{error}; run the command again, and it goes on where it was"))
}

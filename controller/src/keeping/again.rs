//! A snapshot comes in while others go: what it needs must not go under its hands.

use std::sync::atomic::Ordering;

use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::layout::Layout;
use pulih_vault::reach::Reach;

use crate::base::Base;
use crate::catalog::Catalog;
use crate::gateway::answer::{Answer, Refusal};

impl Base {
    /// How many objects this process has removed: asked before a snapshot's objects are looked for, and
    /// again by [`Self::keep_again`].
    pub fn removals(&self) -> u64 {
        self.removals.load(Ordering::SeqCst)
    }

    /// That everything which a snapshot needs stays, from now on: nothing of it was removed since `before`
    /// was asked, and what was to be deleted is not. The caller holds the record and writes next that it is kept.
    pub fn keep_again(
        &self,
        catalog: &Catalog,
        layout: Layout,
        reach: &Reach,
        reaches: &[ObjectHash],
        before: u64,
    ) -> Answer<()> {
        let vault = layout.vault.to_string();
        let gone = before != self.removals();
        let (deleted, doomed) = (catalog.has_deleted(&vault)?, catalog.has_doomed(&vault)?);
        if !gone && !deleted && !doomed {
            return Ok(());
        }
        let packs = reach.packs.keys().map(|hash| (layout.pack(*hash), Some(hash.to_string())));
        let indexes = reach.indexes.iter().map(|hash| (layout.index(*hash), None));
        let reaches = reaches.iter().map(|hash| (layout.reach(*hash), None));
        for (name, pack) in packs.chain(indexes).chain(reaches) {
            if gone && !catalog.has_object(&vault, name.as_str())? {
                let text =
                    format!("{name} was deleted while the snapshot that needs it was looked at; send it once more");
                return Err(Refusal::new(Code::Busy, text));
            }
            if deleted || pack.is_some() && doomed {
                catalog.reclaim(&vault, name.as_str(), pack.as_deref())?;
            }
        }
        Ok(())
    }
}

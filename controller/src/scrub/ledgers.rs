//! The ledgers that are here, each verified as one: its parts have no hash in their names, and follow
//! from each other.

use pulih_ledger::LedgerError;
use pulih_ledger::ids::SiteId;
use pulih_ledger::verify::verify;
use pulih_vault::note::VerifierKey;

use crate::base::{Base, lock};
use crate::gateway::answer::{Answer, Refusal};

impl Base {
    /// The sites whose ledgers are here, with the keys that sign them: this one's, and at a DRC that of
    /// the Pusat Data.
    pub fn ledgers(&self) -> Answer<Vec<(SiteId, VerifierKey)>> {
        let mut all = vec![(self.id()?, lock(&self.record).key().clone())];
        for peer in self.peers()? {
            let bad = |error: &dyn std::fmt::Display| Refusal::internal(error);
            let site: SiteId = peer.site.parse().map_err(|error| bad(&error))?;
            let folder = pulih_ledger::layout::Layout { site: site.clone() }.folder();
            let mut is_here = false;
            self.store.list(&folder, &mut |_| is_here = true)?;
            if is_here && !all.iter().any(|(known, _)| *known == site) {
                let keys = self.keys_of(&peer)?;
                all.extend(keys.into_iter().next().map(|key| (site, key)));
            }
        }
        Ok(all)
    }

    /// Reads a ledger from its beginning; what is damaged in it is written down. It is not healed here: what
    /// it should be only the site's own key says, and `docs/contracts/ledger.md` what to do.
    pub(super) fn scrub_ledger(&self, site: &SiteId, key: &VerifierKey) -> Answer<usize> {
        match verify(&self.store, site, key.clone(), &|| !self.scrubbing.is_ending()) {
            Ok(None) => Err(super::ending()),
            Ok(Some(_)) => {
                self.forgive_ledger(site)?;
                Ok(0)
            }
            Err(LedgerError::Store(error)) if !self.is_alive() => Err(error.into()),
            Err(error) => match error.object().cloned() {
                Some(object) => self.note_damage(&[(object, error.to_string())]),
                None => Err(Refusal::internal(&error)),
            },
        }
    }

    /// A ledger that verifies has no damage any more: a person brought it back.
    fn forgive_ledger(&self, site: &SiteId) -> Answer<()> {
        let folder = format!("{}/", pulih_ledger::layout::Layout { site: site.clone() }.folder());
        let damages = lock(&self.catalog).damages()?;
        for its in damages.iter().filter(|its| its.object.starts_with(&folder)) {
            let Ok(object) = its.object.parse() else { continue };
            let size = self.store.size(&object)?;
            self.note_healed(&object, self.id()?.as_str(), size)?;
        }
        Ok(())
    }
}

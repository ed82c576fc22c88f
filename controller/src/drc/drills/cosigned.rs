//! Who was first to co-sign an announcement: what a sample is drawn from, and nobody here can choose it.

use pulih_ledger::cosign::CosignerKey;

use super::super::{Drc, lock};
use super::order::First;
use crate::catalog::Drill;
use crate::gateway::answer::{Answer, Refusal};

impl Drc {
    /// The co-signature of another site; or, while the Pusat Data has not been heard for an hour, of a witness.
    pub(super) fn first_cosigned(&self, drill: &Drill) -> Answer<Option<First>> {
        let first = |keys: &[CosignerKey]| {
            let found = self.first_cosigned_over(drill.number, keys)?;
            Ok(found.map(|(size, by)| First {
                size,
                cosigner: by.key().to_string(),
                cosignature: by.line().to_owned(),
            }))
        };
        let by_site = first(&self.cosigning_sites()?)?;
        if by_site.is_some() || self.hears_pusat()? {
            return Ok(by_site);
        }
        let witnesses = lock(&self.catalog).witnesses()?.into_iter().filter(|its| its.removed.is_none());
        let keys = witnesses.map(|its| its.key.parse()).collect::<Result<Vec<CosignerKey>, _>>();
        first(&keys.map_err(|error| Refusal::internal(&error))?)
    }
}

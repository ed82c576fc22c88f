//! The way back: a new Pusat Data was filled from this DRC, and agents are told where it is.

use pulih_ledger::entry::kinds::PusatMoved;
use pulih_protocol::error::Code;

use super::Drc;
use crate::card::{Card, fingerprint};
use crate::catalog::Catalog;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteRole;

fn refused(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::Refused, why)
}

impl Drc {
    /// That what an admin signed is the move to the Pusat Data whose card came with it: one that a person let read
    /// here before, so that its keys were compared, and that agents send nothing elsewhere any more.
    pub(super) fn check_moved(&self, catalog: &Catalog, its: &PusatMoved, card: Option<&str>) -> Answer<()> {
        let bad = |error: &dyn std::fmt::Display| Refusal::new(Code::BadRequest, error.to_string());
        let text = card.ok_or_else(|| bad(&"the card is missing"))?;
        let card = Card::parse(text).map_err(|error| bad(&error))?;
        let same = its.peer == card.site && card.url.as_ref() == Some(&its.url) && its.card_sha256 == fingerprint(text);
        if !same || card.role != SiteRole::Pusat || card.regency != self.site.regency {
            return Err(bad(
                &"the card is not that of a Pusat Data of this regency with an address, or another was signed",
            ));
        }
        let key = card.key().map_err(|error| bad(&error))?.to_string();
        let known = catalog.peer(card.site.as_str())?.filter(|peer| peer.ended.is_none());
        let reads_here = known.map(|peer| self.is_of_ledger(catalog, &peer, &key)).transpose()?;
        if reads_here != Some(true) {
            return Err(refused(format!("{} does not read here: it is paired and filled first", card.site)));
        }
        if catalog.disaster()?.is_some() {
            return Err(refused(
                "end the disaster first, and let the new Pusat Data pull once more: what agents send here in \
                                between would be left behind",
            ));
        }
        crate::cards::put(&*self.store, &self.id()?, text).map(|_| ())
    }
}

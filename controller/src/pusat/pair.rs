//! Pairing with a DRC, and what it then may: read. `docs/contracts/replication.md`.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{SiteCertified, SitePaired};
use pulih_ledger::ids::{Sha256, SiteId};
use pulih_protocol::drc::DrcCard;
use pulih_protocol::enroll::Renewed;
use pulih_protocol::error::Code;
use pulih_vault::layout::vaults;
use pulih_vault::store::ObjectName;
use pulih_vault::utc;

use super::people::{DAILY, DAY_SECONDS};
use super::presence::RENEW_BEFORE;
use super::{Pusat, lock};
use crate::card::{Card, Issuer, fingerprint};
use crate::cards;
use crate::catalog::{Catalog, PeerSite};
use crate::gateway::answer::{Answer, Refusal};
use crate::pki::{AGENT_LIFE, CertificateHash, Issued};
use crate::record::{Record, time};
use crate::site::SiteRole;

fn bad(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::BadRequest, error.to_string())
}

impl Pusat {
    /// That what an admin signed is the pairing with the site whose card came with it and that will read here: at a
    /// Pusat Data a DRC, and the other way round.
    pub fn check_pairing(&self, catalog: &Catalog, its: &SitePaired, card: Option<&str>) -> Answer<()> {
        let text = card.ok_or_else(|| bad("the card is missing"))?;
        let card = Card::parse(text).map_err(bad)?;
        let wanted = self.site.role.other();
        if card.role != wanted || card.regency != self.site.regency || card.csr.is_none() {
            let text = format!("the card is not that of a {} of this regency that asks to read", wanted.as_str());
            return Err(bad(text));
        }
        card.check_signed(its, text).map_err(bad)?;
        card.check_new(catalog.peer(its.peer.as_str())?).map_err(|why| Refusal::new(Code::AlreadyExists, why))
    }

    /// The DRC that is paired with this site.
    pub(super) fn paired_drc(catalog: &Catalog) -> Answer<Option<PeerSite>> {
        let peers = catalog.peers()?.into_iter().filter(|peer| peer.role == "drc" && peer.ended.is_none());
        Ok(peers.max_by_key(|peer| peer.since))
    }

    /// What agents are told of the DRC. While they go on at a DRC, that is it.
    pub fn drc_card(&self) -> Answer<DrcCard> {
        let none = || Refusal::new(Code::NotFound, "this site is paired with no DRC that agents could reach");
        if self.site.role == SiteRole::Drc {
            let key = lock(&self.record).key().to_string();
            let (site, name, ca) = (self.id()?.to_string(), self.site.name.clone(), self.ca_certificate().to_owned());
            return Ok(DrcCard { site, name, url: self.site.url(), ca, key });
        }
        let peer = Self::paired_drc(&lock(&self.catalog))?.ok_or_else(none)?;
        let hash = peer.card.parse().map_err(|error| Refusal::internal(&error))?;
        let card = cards::load(&*self.store, &self.id()?, &hash)?.ok_or_else(none)?;
        let url = card.url.ok_or_else(none)?;
        Ok(DrcCard { site: peer.site, name: peer.name, url, ca: card.ca, key: peer.key })
    }

    /// Issues the certificate with which a paired DRC reads, and returns this site's card with it.
    pub fn certify(&self, text: &str) -> Answer<(SiteId, String)> {
        let card = Card::parse(text).map_err(bad)?;
        let csr = card.csr.as_deref().ok_or_else(|| bad("the card has no request for a certificate"))?;
        let mut record = lock(&self.record);
        let known = record.catalog.peer(card.site.as_str())?.filter(|peer| peer.ended.is_none());
        if known.is_none_or(|peer| peer.card != fingerprint(text).to_string()) {
            return Err(Refusal::new(Code::Forbidden, format!("{} is not paired by this card", card.site)));
        }
        let issued = self.issue_to_reader(&mut record, &card.site, csr)?;
        let (key, id) = (record.key().clone(), self.site.id().map_err(bad)?);
        let (name, regency, ca) = (&self.site.name, &self.site.regency, self.ca_certificate());
        let mut own = Card::new(Issuer { site: id, role: self.site.role, name, regency, key: &key, ca });
        own.after(&record.keys()?);
        own.url = Some(self.site.url());
        own.until = Some(utc::rfc3339(issued.not_after));
        own.certificate = Some(issued.pem);
        Ok((card.site, own.to_text()))
    }

    /// A further certificate, for a new key, to a reader that shows one that soon ends.
    pub fn renew_reader(&self, shown: CertificateHash, csr: &str) -> Answer<Renewed> {
        let now = (self.clock)();
        let mut record = lock(&self.record);
        // Looked up again: the pairing may have ended since.
        let (site, until) = record.catalog.reader_of(shown, now)?.ok_or_else(Refusal::unknown_certificate)?;
        if until - now >= RENEW_BEFORE {
            let from = utc::rfc3339(until - RENEW_BEFORE);
            return Err(Refusal::new(Code::Forbidden, format!("this certificate can be renewed from {from} on")));
        }
        let today = now + AGENT_LIFE.as_secs() as i64 - DAY_SECONDS;
        if record.catalog.reader_certificates_after(&site, today)? >= DAILY {
            let text = format!("{site} got {DAILY} certificates within a day; try again tomorrow");
            return Err(Refusal::new(Code::Busy, text));
        }
        let site = site.parse().map_err(|error| Refusal::internal(&error))?;
        let issued = self.issue_to_reader(&mut record, &site, csr)?;
        Ok(Renewed { not_after: utc::rfc3339(issued.not_after), certificate: issued.pem })
    }

    fn issue_to_reader(&self, record: &mut Record, peer: &SiteId, csr: &str) -> Answer<Issued> {
        let now = (self.clock)();
        let issued = self.authority.agent(csr, &format!("reader of {peer}"), now).map_err(bad)?;
        let certified = SiteCertified {
            peer: peer.clone(),
            serial: issued.serial.clone(),
            certificate_sha256: Sha256(issued.hash.0),
            not_before: time(issued.not_before).map_err(bad)?,
            not_after: time(issued.not_after).map_err(bad)?,
        };
        record.write(now, &Actor::Site, vec![Body::SiteCertified(certified)])?;
        Ok(issued)
    }

    /// The paired DRC that a certificate was issued to.
    pub fn reader_of(&self, certificate: CertificateHash) -> Answer<Option<String>> {
        Ok(lock(&self.catalog).reader_of(certificate, (self.clock)())?.map(|(site, _)| site))
    }

    /// That an object, or a folder, is one that a DRC reads: of any vault, or of the site itself.
    pub fn must_be_replicated(&self, name: &ObjectName) -> Answer<()> {
        let id = self.site.id().map_err(|error| Refusal::internal(&error))?;
        let below = |folder: &str| name.as_str().strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
        if below("vaults") || *name == vaults() || below(&format!("site/{id}")) {
            return Ok(());
        }
        Err(Refusal::new(Code::Forbidden, "a DRC reads the vaults and what is this site's own, and nothing else"))
    }
}

//! Pairing with a Pusat Data, and the credentials with which it is read.

use pulih_ledger::entry::kinds::SitePaired;
use pulih_protocol::error::Code;
use pulih_stores::Credentials;
use pulih_stores::gateway::{Renewing, ReplicaStore};
use pulih_vault::utc;
use serde::{Deserialize, Serialize};

use super::error::PullError;
use super::there::There;
use super::{Drc, lock};
use crate::card::{Card, Issuer, fingerprint};
use crate::cards;
use crate::catalog::Catalog;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::{SiteFile, SiteRole};

const READER: &str = "reader.json";
const PEER_CARD: &str = "peer.card";
/// Seconds before the certificate's end from which on it is renewed.
const RENEW_BEFORE: i64 = 30 * 24 * 3600;

/// What reads at the Pusat Data: a key, and once that is paired its certificate. One file, so that
/// the two always fit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReaderFile {
    /// PEM.
    key: String,
    csr: Option<String>,
    certificate: Option<String>,
    /// When the certificate ends, RFC 3339.
    until: Option<String>,
}

fn bad(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::BadRequest, error.to_string())
}

impl Drc {
    fn reader(&self) -> Answer<Option<ReaderFile>> {
        if !self.dir.path(READER).exists() {
            return Ok(None);
        }
        let text = self.dir.read(READER).map_err(|error| Refusal::internal(&error))?;
        serde_json::from_str(&text).map(Some).map_err(|error| Refusal::internal(&format!("{READER}: {error}")))
    }

    fn write_reader(&self, reader: &ReaderFile) -> Answer<()> {
        let text = serde_json::to_string(reader).map_err(|error| Refusal::internal(&error))?;
        self.dir.write(READER, &text).map_err(|error| Refusal::internal(&error))
    }

    /// This site's card. The key that will read is made once and stays until a certificate came for it.
    pub fn offer(&self) -> Answer<String> {
        must_be_fillable(&self.site, &lock(&self.catalog))?;
        let reader = match self.reader()? {
            Some(reader) if reader.csr.is_some() => reader,
            Some(_) if self.pusat()?.is_some_and(|peer| peer.ended.is_none()) => {
                let text = "this DRC is paired already; `pulih-controller pair list` shows with whom";
                return Err(Refusal::new(Code::AlreadyExists, text));
            }
            _ => {
                let renewing = Renewing::begin().map_err(|error| Refusal::internal(&error))?;
                let csr = Some(renewing.csr.clone());
                let reader = ReaderFile { key: renewing.key_pem(), csr, certificate: None, until: None };
                self.write_reader(&reader)?;
                reader
            }
        };
        let (key, ca) = (lock(&self.record).key().clone(), self.authority.certificate());
        let (name, regency) = (&self.site.name, &self.site.regency);
        let mut card = Card::new(Issuer { site: self.id()?, role: self.site.role, name, regency, key: &key, ca });
        card.after(&lock(&self.record).keys()?);
        card.csr = reader.csr;
        card.url = Some(self.site.url());
        Ok(card.to_text())
    }

    /// That what an admin signed is the pairing with the Pusat Data whose card came with it.
    pub(super) fn check_pairing(&self, catalog: &Catalog, its: &SitePaired, card: Option<&str>) -> Answer<()> {
        let text = card.ok_or_else(|| bad("the card is missing"))?;
        let card = Card::parse(text).map_err(bad)?;
        let wanted = self.site.role.other();
        if card.role != wanted || card.regency != self.site.regency {
            return Err(bad(format!("the card is not that of the {} of this regency", wanted.as_str())));
        }
        card.check_signed(its, text).map_err(bad)?;
        must_be_fillable(&self.site, catalog)?;
        // Whoever comes with another key than the mirror was begun with is another site; and with another CA, but for the
        // night of a disaster, is one for whom a second person and thirty days speak.
        if let Some(known) = catalog.peer(its.peer.as_str())? {
            if !self.is_of_ledger(catalog, &known, &its.key.to_string())? {
                let text = format!("{} had another ledger key here; a card does not change it", its.peer);
                return Err(Refusal::new(Code::Forbidden, text));
            }
            if known.ca != its.ca_sha256.to_string() && catalog.disaster()?.is_none() {
                let text = format!(
                    "{} had another CA here; while it is paired, `pair accept` of this card proposes the change",
                    its.peer
                );
                return Err(Refusal::new(Code::Forbidden, text));
            }
        }
        card.check_new(catalog.peer(its.peer.as_str())?).map_err(|why| Refusal::new(Code::AlreadyExists, why))?;
        let reader = self.reader()?.ok_or_else(|| bad("this DRC has made no card yet; `pair offer` comes first"))?;
        ReplicaStore::open(&credentials(&card, &reader.key)?).map(|_| ()).map_err(bad)
    }

    /// The card of a pairing of before cards were objects of the site becomes one.
    pub(super) fn keep_peer_card(&self) -> Answer<()> {
        if !self.dir.path(PEER_CARD).exists() {
            return Ok(());
        }
        let text = self.dir.read(PEER_CARD).map_err(|error| Refusal::internal(&error))?;
        let known = lock(&self.catalog).known_cards()?;
        if known.contains(&fingerprint(&text).to_string()) {
            cards::put(&*self.store, &self.id()?, &text)?;
        }
        Ok(())
    }

    /// Takes the card of the Pusat Data that a person paired: from here on it is read with what is in it.
    pub fn take_card(&self, text: &str) -> Answer<String> {
        let card = Card::parse(text).map_err(bad)?;
        let known = self.pusat()?.filter(|peer| peer.ended.is_none());
        if known.is_none_or(|peer| peer.card != fingerprint(text).to_string()) {
            return Err(Refusal::new(Code::Forbidden, format!("{} is not paired by this card", card.site)));
        }
        if let Some(reader) = self.reader()?.filter(|reader| reader.csr.is_some()) {
            self.dir.write(PEER_CARD, text).map_err(|error| Refusal::internal(&error))?;
            let (certificate, until) = (card.certificate.clone(), card.until.clone());
            self.write_reader(&ReaderFile { key: reader.key, csr: None, certificate, until })?;
        }
        *lock(&self.there) = None;
        self.open_mirror()?;
        self.changed.notify_all();
        Ok(card.site.to_string())
    }

    /// Which of the two files that the Pusat Data is read with is not here.
    pub(super) fn missing_credential(&self) -> &'static str {
        if self.dir.path(READER).exists() { PEER_CARD } else { READER }
    }

    /// Whether the card that is read with has this fingerprint, or there is none that could be another's.
    pub(super) fn has_card(&self, print: &str) -> Answer<bool> {
        if !self.dir.path(PEER_CARD).exists() {
            return Ok(true);
        }
        let text = self.dir.read(PEER_CARD).map_err(|error| Refusal::internal(&error))?;
        Ok(fingerprint(&text).to_string() == print)
    }

    /// That another card of a site that is known can take the place of its card: with the ledger that the mirror
    /// goes on from, other keys beside it, and a certificate for the key that reads here.
    pub(super) fn check_keys(&self, catalog: &Catalog, card: &Card) -> Answer<()> {
        let known = catalog.peer(card.site.as_str())?.filter(|peer| peer.ended.is_none());
        let none = || Refusal::new(Code::NotFound, format!("{} is not paired with this site", card.site));
        let known = known.ok_or_else(none)?;
        if card.role != SiteRole::Pusat || card.regency != self.site.regency {
            return Err(bad("the card is not that of the Pusat Data of this regency"));
        }
        let (key, ca) = (card.key().map_err(bad)?.to_string(), card.ca_hash().map_err(bad)?.to_string());
        if !self.is_of_ledger(catalog, &known, &key)? {
            let text =
                "its ledger key is another one: that is another ledger, which does not go on from the mirror here";
            return Err(Refusal::new(Code::Forbidden, text));
        }
        if known.ca == ca {
            return Err(bad("its keys are those that are known; `pair end` and `pair accept` take it"));
        }
        let reader = self.reader()?.ok_or_else(|| bad("this DRC has no key that reads; `pair offer` makes one"))?;
        ReplicaStore::open(&credentials(card, &reader.key)?).map(|_| ()).map_err(bad)
    }

    /// Reads from here on with what is in a card that the ledger names.
    pub(super) fn read_with(&self, text: &str) -> Answer<()> {
        let card = Card::parse(text).map_err(bad)?;
        let reader = self.reader()?.ok_or_else(|| bad("this DRC has no key that reads; `pair offer` makes one"))?;
        let (certificate, until) = (card.certificate, card.until);
        self.write_reader(&ReaderFile { key: reader.key, csr: None, certificate, until })?;
        self.dir.write(PEER_CARD, text).map_err(|error| Refusal::internal(&error))?;
        *lock(&self.there) = None;
        Ok(())
    }

    /// What the Pusat Data is read with; `None` before the pairing is whole.
    pub(super) fn credentials(&self) -> Answer<Option<Credentials>> {
        let Some(reader) = self.reader()?.filter(|reader| reader.certificate.is_some()) else { return Ok(None) };
        if !self.dir.path(PEER_CARD).exists() {
            return Ok(None);
        }
        let text = self.dir.read(PEER_CARD).map_err(|error| Refusal::internal(&error))?;
        // A site that only reads here is no site to read at.
        if self.pusat()?.is_none_or(|peer| peer.card != fingerprint(&text).to_string()) {
            return Ok(None);
        }
        let mut card = Card::parse(&text).map_err(|error| Refusal::internal(&error))?;
        card.certificate = reader.certificate;
        credentials(&card, &reader.key).map(Some)
    }

    /// A certificate that ends within a month is changed for a new one.
    pub(super) fn renew_if_due(&self, there: &dyn There) -> Result<(), PullError> {
        let until = self.reader()?.and_then(|reader| reader.until).and_then(|until| utc::parse(&until));
        if until.is_none_or(|until| until - (self.clock)() > RENEW_BEFORE) {
            return Ok(());
        }
        let Some(old) = self.credentials()? else { return Ok(()) };
        let (new, until) = there.renew(&old)?;
        let (key, certificate) = (new.key, Some(new.certificate));
        self.write_reader(&ReaderFile { key, csr: None, certificate, until: Some(until) })?;
        *lock(&self.there) = None;
        Ok(())
    }
}

/// A Pusat Data is filled before its first agent goes on there: afterwards nothing of another site's is mixed in.
pub(super) fn must_be_fillable(site: &SiteFile, catalog: &Catalog) -> Answer<()> {
    if site.role == SiteRole::Drc || !catalog.has_lineages()? {
        return Ok(());
    }
    let text = "agents go on at this Pusat Data already: it is no longer filled from another site";
    Err(Refusal::new(Code::Refused, text))
}

fn credentials(card: &Card, key: &str) -> Answer<Credentials> {
    let missing =
        || bad("the card has no address or no certificate; `pair accept` at the Pusat Data makes one that has");
    Ok(Credentials {
        url: card.url.clone().ok_or_else(missing)?,
        ca: card.ca.clone(),
        certificate: card.certificate.clone().ok_or_else(missing)?,
        key: key.to_owned(),
    })
}

//! Cards that were believed, as objects of the site: public, named by the hash that a person compared.
//! Whoever adopts what another site issued finds that site's CA in them.

use pulih_ledger::ids::{Sha256, SiteId};
use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::card::{Card, MAX_BYTES, fingerprint};
use crate::gateway::answer::{Answer, Refusal};

fn object(site: &SiteId, card: &Sha256) -> Answer<ObjectName> {
    format!("site/{site}/cards/{card}").parse().map_err(|error| Refusal::internal(&error))
}

/// Puts a card into the store, where it may be already.
pub fn put(store: &dyn Store, site: &SiteId, text: &str) -> Answer<Sha256> {
    let hash = fingerprint(text);
    match store.create(&object(site, &hash)?, text.as_bytes()) {
        Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(hash),
        Err(error) => Err(error.into()),
    }
}

/// The text of a card of a site; `None` if it is not there, as before this was kept.
pub fn text(store: &dyn Store, site: &SiteId, hash: &Sha256) -> Answer<Option<String>> {
    let name = object(site, hash)?;
    let bytes = match store.read(&name, MAX_BYTES as u64) {
        Err(StoreError::NotFound { .. }) => return Ok(None),
        read => read?,
    };
    match String::from_utf8(bytes) {
        Ok(text) if fingerprint(&text) == *hash => Ok(Some(text)),
        _ => Err(Refusal::internal(&format!("the card {name} in the store is damaged"))),
    }
}

/// The same, read.
pub fn load(store: &dyn Store, site: &SiteId, hash: &Sha256) -> Answer<Option<Card>> {
    let text = text(store, site, hash)?;
    text.map(|text| Card::parse(&text)).transpose().map_err(|error| Refusal::internal(&error))
}

//! Cards: what two sites exchange when they are paired. A card holds no secret and is believed
//! only because a person compared the SHA-256 of its file. `docs/contracts/replication.md`.

use std::fmt;

use pulih_ledger::chain::KeyChain;
use pulih_ledger::entry::kinds::SitePaired;
use pulih_ledger::ids::{Sha256, SiteId};
use pulih_vault::note::VerifierKey;
use pulih_vault::utc;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};

use crate::catalog::PeerSite;
use crate::pki::CertificateHash;
use crate::site::SiteRole;

const TYPE: &str = "pulih/site-card/v1";
pub const MAX_BYTES: usize = 64 << 10;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no site's card: {0}; `pulih-controller pair offer` makes one")]
pub struct BadCard(String);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    #[serde(rename = "type")]
    kind: String,
    pub site: SiteId,
    pub role: SiteRole,
    pub name: String,
    pub regency: String,
    key: String,
    /// Keys that signed the ledger before that one, the first first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<String>,
    /// The CA's certificate in PEM.
    pub ca: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// When that certificate ends, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Who a site is, before anything is asked or given.
pub struct Issuer<'a> {
    pub site: SiteId,
    pub role: SiteRole,
    pub name: &'a str,
    pub regency: &'a str,
    pub key: &'a VerifierKey,
    pub ca: &'a str,
}

impl Card {
    pub fn new(its: Issuer) -> Self {
        Self {
            kind: TYPE.into(),
            site: its.site,
            role: its.role,
            name: its.name.to_owned(),
            regency: its.regency.to_owned(),
            key: its.key.to_string(),
            earlier: Vec::new(),
            ca: its.ca.to_owned(),
            csr: None,
            url: None,
            certificate: None,
            until: None,
        }
    }

    pub fn parse(text: &str) -> Result<Self, BadCard> {
        let bad = |why: &dyn fmt::Display| BadCard(why.to_string());
        if text.len() > MAX_BYTES {
            return Err(bad(&"it is larger than 64 KiB"));
        }
        let card: Self = serde_json::from_str(text).map_err(|error| bad(&error))?;
        if card.kind != TYPE {
            return Err(bad(&"it has another type"));
        }
        if card.name.trim().is_empty() || card.name.len() > 200 || card.name.contains(char::is_control) {
            return Err(bad(&"its name cannot be printed"));
        }
        if card.site.as_str() != format!("{}-{}", card.role.as_str(), card.regency) {
            return Err(bad(&"its site's id is not its role and regency"));
        }
        card.keys()?;
        card.ca_hash()?;
        Ok(card)
    }

    /// As it stands in a file.
    pub fn to_text(&self) -> String {
        // Texts and ids: nothing here can fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The key that signs the site's ledger.
    pub fn key(&self) -> Result<VerifierKey, BadCard> {
        self.key.parse().map_err(|error| BadCard(format!("its key is none: {error}")))
    }

    /// The keys that signed the site's ledger one after the other, up to now.
    pub fn keys(&self) -> Result<KeyChain, BadCard> {
        let bad = |error: &dyn fmt::Display| BadCard(format!("its keys are none: {error}"));
        let mut all = self.earlier.iter().chain([&self.key]).map(|key| key.parse::<VerifierKey>());
        let first = all.next().ok_or_else(|| bad(&"there is none"))?.map_err(|error| bad(&error))?;
        // From which size each signed the ledger itself says.
        let mut keys = KeyChain::first(first);
        for (at, key) in (1..).zip(all) {
            keys.push(at, key.map_err(|error| bad(&error))?).map_err(|error| bad(&error))?;
        }
        Ok(keys)
    }

    /// That the site's ledger was signed by these before: all that this one's newest key goes on from.
    pub fn after(&mut self, keys: &KeyChain) {
        self.earlier = keys.keys().map(ToString::to_string).filter(|key| *key != self.key).collect();
    }

    /// That what a person signed is what this card says, whose file is `text`.
    pub fn check_signed(&self, its: &SitePaired, text: &str) -> Result<(), BadCard> {
        let same = its.peer == self.site
            && its.role == self.role.as_str()
            && its.name == self.name
            && its.key == self.key()?
            && its.ca_sha256 == self.ca_hash()?
            && its.card_sha256 == fingerprint(text);
        if same { Ok(()) } else { Err(BadCard("what was signed is not what it says".into())) }
    }

    /// That the site is not paired yet: `known` is what is on record of it.
    pub fn check_new(&self, known: Option<PeerSite>) -> Result<(), String> {
        match known {
            Some(peer) if peer.ended.is_none() => Err(format!(
                "{} is paired since {}; its keys are not changed by a card. `pair end` would end the pairing",
                peer.site,
                utc::rfc3339(peer.since)
            )),
            _ => Ok(()),
        }
    }

    /// The entry that a person signs for it.
    pub fn paired(&self, text: &str) -> Result<SitePaired, BadCard> {
        Ok(SitePaired {
            peer: self.site.clone(),
            role: self.role.as_str().to_owned(),
            name: self.name.clone(),
            key: self.key()?,
            ca_sha256: self.ca_hash()?,
            card_sha256: fingerprint(text),
        })
    }

    pub fn ca_hash(&self) -> Result<Sha256, BadCard> {
        let der = CertificateDer::from_pem_slice(self.ca.as_bytes());
        let der = der.map_err(|error| BadCard(format!("its CA is none: {error}")))?;
        Ok(Sha256(CertificateHash::of(&der).0))
    }
}

/// Whether a card carries the certificate with which its site is read: else it asks for one, to read.
pub fn is_read_with(text: &str) -> bool {
    Card::parse(text).is_ok_and(|card| card.certificate.is_some())
}

/// What people compare: SHA-256 of the card's file as it stands.
pub fn fingerprint(text: &str) -> Sha256 {
    Sha256(CertificateHash::of(text.as_bytes()).0)
}

/// A fingerprint in groups of four, for reading out.
pub fn spelled(fingerprint: &Sha256) -> String {
    let text = fingerprint.to_string();
    let groups: Vec<&str> = text.as_bytes().chunks(4).filter_map(|four| std::str::from_utf8(four).ok()).collect();
    groups.join(" ")
}

/// A fingerprint as a person typed it: groups and capitals do not matter.
pub fn typed(text: &str) -> Option<Sha256> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-' && *c != ':').collect();
    digits.to_ascii_lowercase().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::Authority;
    use pulih_vault::note::SigningKey;

    fn card() -> Card {
        let key = SigningKey::generate("pulih-ledger/drc-33.19", &ring::rand::SystemRandom::new()).unwrap();
        let (ca, _) = Authority::make("DRC", 1_800_000_000).unwrap();
        Card::new(Issuer {
            site: "drc-33.19".parse().unwrap(),
            role: SiteRole::Drc,
            name: "DRC",
            regency: "33.19",
            key: &key.verifier(),
            ca: ca.certificate(),
        })
    }

    #[test]
    fn a_card_comes_back_and_a_strange_one_does_not() {
        let text = card().to_text();
        assert_eq!(Card::parse(&text).unwrap(), card_of(&text));
        for (from, to) in
            [("drc-33.19\"", "pusat-33.19\""), ("\"name\"", "\"nama\""), ("card/v1", "card/v2"), ("BEGIN", "BEGUN")]
        {
            assert!(Card::parse(&text.replacen(from, to, 1)).is_err(), "{from}");
        }
    }

    fn card_of(text: &str) -> Card {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_fingerprint_is_typed_as_it_is_read_out() {
        let print = fingerprint("card");
        assert_eq!(typed(&spelled(&print)), Some(print));
        assert_eq!(typed(&print.to_string().to_uppercase()), Some(print));
        assert_eq!(typed(&print.to_string()[1..]), None);
    }
}

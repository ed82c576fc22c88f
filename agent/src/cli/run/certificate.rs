//! Renewing the agent's certificate: in time with the one that still is good, and after its end
//! with a note that the key of one of its vaults signs. The new one is used once before it takes
//! the place of the old.

use pulih_protocol::enroll::{LAPSED_TYPE, LapsedRenewal};
use pulih_stores::Credentials;
use pulih_stores::gateway::{Renewing, SiteClient};
use pulih_vault::utc;

use super::super::failure::Failure;
use super::super::tell;
use crate::state::{Site, StateDir, VaultKeys};

pub fn has_lapsed(site: &Site, now: i64) -> bool {
    utc::parse(&site.not_after).is_some_and(|end| end <= now)
}

pub fn renew(state: &StateDir, site: &Site) -> Result<Site, Failure> {
    let renewed = SiteClient::open(&site.credentials)?.renew(&site.credentials)?;
    take(state, renewed)
}

pub fn renew_lapsed(state: &StateDir, site: &Site, now: i64) -> Result<Site, Failure> {
    let lapsed = format!("this agent's certificate was good until {} and has lapsed", site.not_after);
    let mut last = Failure::said(format!("{lapsed}; there is no vault whose key could ask for another: enroll again"));
    for dir in state.vaults()? {
        let Some(keys) = dir.keys()? else { continue };
        let renewing = Renewing::begin()?;
        let note = note(site, &keys, &renewing.csr, now)?;
        match renewing.lapsed(&site.credentials, &note) {
            Ok(renewed) => return take(state, renewed),
            // Another vault's key may be one that the site knows.
            Err(error) => last = Failure::from(error).as_cause_of(lapsed.clone()),
        }
    }
    Err(last)
}

/// The note that asks: one line of JSON, signed.
fn note(site: &Site, keys: &VaultKeys, csr: &str, now: i64) -> Result<String, Failure> {
    let asking = LapsedRenewal {
        kind: LAPSED_TYPE.to_owned(),
        agent: site.agent.clone(),
        vault: keys.vault.to_string(),
        at: utc::rfc3339(now),
        csr: csr.to_owned(),
    };
    let line = serde_json::to_string(&asking).map_err(|error| Failure::said(error.to_string()))?;
    Ok(keys.agent.sign(&format!("{line}\n")))
}

fn take(state: &StateDir, (credentials, not_after): (Credentials, String)) -> Result<Site, Failure> {
    SiteClient::open(&credentials)?.view()?;
    // Whatever else was written there meanwhile stays.
    let mut site = state.site()?.ok_or_else(|| Failure::said(super::NOT_ENROLLED))?;
    (site.credentials, site.not_after) = (credentials, not_after);
    state.save_site(&site)?;
    tell("note", &format!("the certificate was renewed; it is good until {}", site.not_after));
    Ok(site)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulih_vault::description::{Class, DescriptionName, VaultSecrets, agent_key_name};
    use pulih_vault::id::{ObjectHash, VaultId};
    use pulih_vault::note::{SigningKey, Unverified};

    fn site(not_after: &str) -> Site {
        let text = String::new;
        let credentials = Credentials { url: text(), ca: text(), certificate: text(), key: text() };
        let (agent, opd, name, owner) = ("app-1".to_owned(), text(), text(), text());
        Site { credentials, agent, opd, name, owner, not_after: not_after.to_owned(), drc_ca: None }
    }

    #[test]
    fn it_lapses_when_it_ends() {
        let end = "2026-11-22T01:23:45Z";
        let at = utc::parse(end).unwrap();
        assert!(!has_lapsed(&site(end), at - 1));
        assert!(has_lapsed(&site(end), at));
        // What cannot be read is not renewed for that: the site says when.
        assert!(!has_lapsed(&site("soon"), at));
    }

    #[test]
    fn the_note_names_the_request_and_is_signed_by_the_vaults_key() {
        let random = ring::rand::SystemRandom::new();
        let vault = VaultId([7; 16]);
        let agent = SigningKey::generate(&agent_key_name(vault), &random).unwrap();
        let verifier = agent.verifier();
        let keys = VaultKeys {
            vault,
            class: Class::Publik,
            store: String::new(),
            agent,
            secrets: VaultSecrets::generate(&random).unwrap(),
            owner: SigningKey::generate("pulih-owner", &random).unwrap().verifier(),
            recipients: Vec::new(),
            description: DescriptionName { number: 1, hash: ObjectHash::of(b"x") },
        };
        let note = note(&site(""), &keys, "a request", 0).unwrap();
        let note = Unverified::parse(note.as_bytes()).unwrap();
        let (text, _) = note.verify(&[&verifier]).unwrap();
        let asking: LapsedRenewal = serde_json::from_str(text.strip_suffix('\n').unwrap()).unwrap();
        assert_eq!((&*asking.kind, &*asking.agent, &*asking.csr), (LAPSED_TYPE, "app-1", "a request"));
        assert_eq!((asking.vault, &*asking.at), (vault.to_string(), "1970-01-01T00:00:00Z"));
    }
}

//! Other keys of the Pusat Data that is paired: a card of which a second person and thirty days speak.

use pulih_ledger::entry::kinds::{ChangeApproved, ChangeProposed};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::{SigningKey, VerifierKey};
use pulih_vault::utc;
use ring::rand::SystemRandom;

use super::super::lock;
use super::bench::{PUSAT, Two, drc_now};
use super::changes::{act, person};
use crate::card::{Card, Issuer, fingerprint};
use crate::pki::Authority;
use crate::pusat::tests::bench::{DAY, code, csr, wait};
use crate::record::time;
use crate::site::SiteRole;

/// A card of the Pusat Data with a new CA, which issued a certificate for the key of this request.
fn card(key: &VerifierKey, csr: &str) -> String {
    let (authority, _) = Authority::make("Pusat Data", drc_now()).unwrap();
    let issued = authority.agent(csr, "drc-33.19", drc_now()).unwrap();
    let (site, ca) = (PUSAT.parse().unwrap(), authority.certificate());
    let its = Issuer { site, role: SiteRole::Pusat, name: "Pusat Data", regency: "33.19", key, ca };
    let mut card = Card::new(its);
    card.url = Some("https://localhost:1".into());
    card.until = Some(utc::rfc3339(issued.not_after));
    card.certificate = Some(issued.pem);
    card.to_text()
}

fn proposed(id: &str, text: &str) -> ChangeProposed {
    ChangeProposed {
        proposal: id.parse().unwrap(),
        change: "site-keys".into(),
        object: Some(ObjectHash::of(text.as_bytes())),
        hold: None,
        from: None,
        vault: None,
        owner: None,
        text: "another CA".into(),
    }
}

#[test]
fn another_ca_of_the_pusat_data_takes_a_second_person_and_thirty_days_and_another_ledger_never_comes() {
    let two = Two::new();
    let (dewi, budi) = (person(&two, "dewi"), person(&two, "budi"));
    let (key, before) = (lock(&two.pusat.pusat.record).key().clone(), two.peer());
    let reads = Card::parse(&two.drc.offer().unwrap()).unwrap().csr.unwrap();
    let text = card(&key, &reads);
    // It was paired by a card that is still here.
    two.drc.dir.write("peer.card", "{}").unwrap();

    let strange = SigningKey::generate("pulih-ledger", &SystemRandom::new()).unwrap();
    let other = card(&strange.verifier(), &reads);
    assert_eq!(code(act(&two, &dewi, proposed("p-1", &other), Some(&other))), Code::Forbidden);
    assert_eq!(code(act(&two, &dewi, proposed("p-1", &text), Some(&other))), Code::BadRequest);
    assert_eq!(code(act(&two, &dewi, proposed("p-1", &text), None)), Code::BadRequest);
    // A certificate for a key that is nobody's here.
    let unfit = card(&key, &csr());
    assert_eq!(code(act(&two, &dewi, proposed("p-1", &unfit), Some(&unfit))), Code::BadRequest);

    act(&two, &dewi, proposed("p-1", &text), Some(&text)).unwrap();
    let approved = ChangeApproved { proposal: "p-1".parse().unwrap(), not_before: time(drc_now() + 30 * DAY).unwrap() };
    assert_eq!(code(act(&two, &dewi, approved.clone(), None)), Code::Forbidden);
    act(&two, &budi, approved, None).unwrap();
    wait(30 * DAY - 1);
    two.drc.make_changes().unwrap();
    assert_eq!((two.peer().ca, two.peer().card), (before.ca, before.card));
    assert_eq!(two.drc.dir.read("peer.card").unwrap(), "{}");
    wait(1);
    two.drc.make_changes().unwrap();
    let now = two.peer();
    assert_eq!((now.ca, now.key), (Card::parse(&text).unwrap().ca_hash().unwrap().to_string(), before.key));
    assert_eq!(now.card, fingerprint(&text).to_string());
    // It is read with what the card has; and if the power went before that was written, the next look writes it.
    assert_eq!(two.drc.dir.read("peer.card").unwrap(), text);
    two.drc.dir.write("peer.card", "{}").unwrap();
    two.drc.make_changes().unwrap();
    assert_eq!(two.drc.dir.read("peer.card").unwrap(), text);
    // They are the keys that are known now.
    assert_eq!(code(act(&two, &dewi, proposed("p-2", &text), Some(&text))), Code::BadRequest);
}

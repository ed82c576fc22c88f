//! What agents are told of a DRC and by it: the card that a Pusat Data hands on, and signed heads; a harness that
//! can sign gets past the signature.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pulih_fuzz::{signable, signed, site};
use pulih_protocol::drc::{DrcCard, Heads};
use pulih_vault::note::{SigningKey, Unverified};
use serde::Serialize;
use serde::de::DeserializeOwned;

static SITE: LazyLock<SigningKey> = LazyLock::new(site);

fn comes_back<T: DeserializeOwned + Serialize + PartialEq>(data: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(data) {
        let again = serde_json::to_vec(&value).expect("it is JSON");
        assert!(serde_json::from_slice::<T>(&again).is_ok_and(|again| again == value));
    }
}

fn check_note(note: &[u8]) {
    let Ok(unverified) = Unverified::parse(note) else { return };
    if let Some((text, _)) = unverified.verify(&[&SITE.verifier()]) {
        comes_back::<Heads>(text.trim_end().as_bytes());
    }
}

fuzz_target!(|data: &[u8]| {
    comes_back::<DrcCard>(data);
    comes_back::<Heads>(data);
    check_note(data);
    if let Some(text) = std::str::from_utf8(data).ok().and_then(signable) {
        check_note(signed(text, &SITE).as_bytes());
    }
});

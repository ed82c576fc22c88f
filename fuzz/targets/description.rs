//! Notes, keys, descriptions and secrets from arbitrary bytes.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pulih_fuzz::{VAULT, identities, owner, signable, signed};
use pulih_vault::description::{Class, Description, DescriptionName, VaultSecrets, parse_recipients};
use pulih_vault::note::{Fingerprint, SigningKey, Unverified, VerifierKey};
use pulih_vault::reader::Identities;

static OWNER: LazyLock<SigningKey> = LazyLock::new(owner);
static IDENTITIES: LazyLock<Identities> = LazyLock::new(identities);

/// What is read from text is written as text that is read as the same.
fn comes_back<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert!(value.to_string().parse::<T>().is_ok_and(|again| again == value));
    }
}

fn check(description: &Description) {
    assert!(description.number > 0);
    assert_eq!(description.number - 1, description.predecessor.map_or(0, |before| before.number));
    assert!((1..=32).contains(&description.recipients.len()));
    assert_eq!(description.agent.name(), format!("pulih-agent/{}", description.vault));
    assert!(description.chunker.check().is_ok());
    let _ = parse_recipients(&description.recipients);
    let _ = description.open_secrets(&IDENTITIES);
}

fuzz_target!(|data: &[u8]| {
    if let Ok(note) = Unverified::parse(data) {
        assert!(note.claimed_text().ends_with('\n'));
        if let Some((text, _)) = note.verify(&[&OWNER.verifier()]) {
            assert_eq!(text, note.claimed_text());
        }
    }
    if let Ok(description) = Description::open(data, |_| true) {
        check(&description);
    }
    assert!(Description::open(data, |_| false).is_err());
    if let Ok(secrets) = VaultSecrets::from_json(data, VAULT) {
        let again = VaultSecrets::from_json(secrets.to_json(VAULT).as_bytes(), VAULT).expect("secrets come back");
        assert!(again.id_key == secrets.id_key && again.boundary_secret == secrets.boundary_secret);
        assert_eq!(again.index_identity, secrets.index_identity);
    }

    let Ok(text) = std::str::from_utf8(data) else { return };
    comes_back::<VerifierKey>(text);
    comes_back::<Fingerprint>(text);
    comes_back::<DescriptionName>(text);
    comes_back::<Class>(text);
    if let Ok(key) = SigningKey::from_secret_text(text) {
        let again = SigningKey::from_secret_text(&key.to_secret_text()).expect("a key comes back");
        assert_eq!(again.verifier(), key.verifier());
    }
    let parsed = Description::parse(text);
    if let Ok(description) = &parsed {
        check(description);
    }
    if let Some(text) = signable(text) {
        let opened = Description::open(signed(text, &OWNER).as_bytes(), |_| true);
        // The signature is over this very text: what keeps it from being believed is the owner it names.
        let expected = parsed.is_ok_and(|description| description.owner == OWNER.verifier());
        assert_eq!(opened.is_ok(), expected);
    }
});

//! What the targets share: the vault, the keys and the description that the seeds were made with.
//! They are those of the test vectors, so that signatures and seals in a seed are good.

pub mod bundle;

use pulih_vault::description::Description;
use pulih_vault::id::VaultId;
use pulih_vault::note::{SigningKey, Unverified};
use pulih_vault::reader::Identities;

pub const VAULT: VaultId = VaultId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
const AGENT: &str =
    "PRIVATE+KEY+pulih-agent/000102030405060708090a0b0c0d0e0f+9c82fd3b+AQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";
const OWNER: &str = "PRIVATE+KEY+pulih-owner+fff12106+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
const SITE: &str = "PRIVATE+KEY+pulih-ledger/pusat+4367d97e+AQMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD";
const IDENTITY: &str = "AGE-SECRET-KEY-1YQKHUA8SS3MJN5F6CWUJXP47XCXJGMPTDCJZG6S8TU4M2YT549XSASZXK5";
const DESCRIPTION: &[u8] = include_bytes!("../../tests/vectors/description.note");

pub fn agent() -> SigningKey {
    SigningKey::from_secret_text(AGENT).expect("the agent's key is one")
}

pub fn owner() -> SigningKey {
    SigningKey::from_secret_text(OWNER).expect("the owner's key is one")
}

pub fn site() -> SigningKey {
    SigningKey::from_secret_text(SITE).expect("the site's key is one")
}

pub fn identities() -> Identities {
    vec![Box::new(IDENTITY.parse::<age::x25519::Identity>().expect("the identity is one"))]
}

pub fn description() -> Description {
    Description::open(DESCRIPTION, |_| true).expect("the description of the vectors is one")
}

/// `text` as one that can be signed: a note's text has no control characters and ends a line.
pub fn signable(text: &str) -> Option<&str> {
    let plain = !text.contains(|c: char| c < ' ' && c != '\n');
    (plain && text.ends_with('\n')).then_some(text)
}

/// Signs `text`, checks that the note reads back as exactly this text, and returns it.
pub fn signed(text: &str, key: &SigningKey) -> String {
    let note = key.sign(text);
    let verifier = key.verifier();
    let parsed = Unverified::parse(note.as_bytes()).expect("a note that was signed is one");
    let keys = [&verifier];
    let (again, by) = parsed.verify(&keys).expect("its signature is good");
    assert!(again == text && *by == verifier);
    note
}

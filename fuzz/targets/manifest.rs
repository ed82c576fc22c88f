//! Manifests and facts from arbitrary bytes; a harness that can sign gets past the signature.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pulih_fuzz::{agent, description, owner, signable, signed};
use pulih_vault::description::Description;
use pulih_vault::manifest::{Facts, Manifest};
use pulih_vault::note::SigningKey;

static AGENT: LazyLock<SigningKey> = LazyLock::new(agent);
static OWNER: LazyLock<SigningKey> = LazyLock::new(owner);
static DESCRIPTION: LazyLock<Description> = LazyLock::new(description);

fn check(manifest: &Manifest) {
    let facts = &manifest.facts;
    assert!((1..=9_999_999_999).contains(&facts.sequence));
    assert!(facts.chunker.check().is_ok());
    let note = manifest.sign(&AGENT);
    assert_eq!(Manifest::claimed(note.as_bytes()).as_ref(), Ok(manifest));
    assert_eq!(Manifest::open(note.as_bytes(), &DESCRIPTION).as_ref(), Ok(manifest));
    // The owner signs what was rebuilt, and nothing else.
    let by_owner = Manifest::open(manifest.sign(&OWNER).as_bytes(), &DESCRIPTION);
    assert_eq!(by_owner.is_ok(), manifest.rebuilt);
    let note = facts.sign(&AGENT);
    assert_eq!(Facts::open(note.as_bytes(), &DESCRIPTION).as_ref(), Ok(facts));
    assert!(Facts::open(facts.sign(&OWNER).as_bytes(), &DESCRIPTION).is_err());
}

fuzz_target!(|data: &[u8]| {
    if let Ok(manifest) = Manifest::claimed(data) {
        check(&manifest);
    }
    let _ = Manifest::open(data, &DESCRIPTION);
    let _ = Facts::open(data, &DESCRIPTION);

    let Ok(text) = std::str::from_utf8(data) else { return };
    let parsed = Manifest::parse(text);
    if let Ok(manifest) = &parsed {
        check(manifest);
    }
    if let Some(text) = signable(text) {
        let note = signed(text, &AGENT);
        assert_eq!(Manifest::open(note.as_bytes(), &DESCRIPTION), parsed);
        if let Ok(facts) = Facts::open(note.as_bytes(), &DESCRIPTION) {
            assert!(parsed.is_err(), "one note is both a manifest and facts");
            assert_eq!(Facts::open(facts.sign(&AGENT).as_bytes(), &DESCRIPTION), Ok(facts));
        }
    }
});

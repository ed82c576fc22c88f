//! A bundle of evidence, as anybody hands it in: an archive of any bytes; a good bundle in which one file is another; one
//! with a checkpoint that the site signed; one with entries that the site signed. Verifying ends, and what is changed is
//! found.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pulih_evidence::source::{Found, Source as _, Tar};
use pulih_fuzz::bundle::{BUNDLE, SITE, key, report, signed_anew};
use pulih_fuzz::{signable, signed};
use pulih_ledger::Checkpoint;
use pulih_vault::note::SigningKey;

static KEY: LazyLock<SigningKey> = LazyLock::new(key);

/// Any bytes as an archive. What is listed is read, and no more than that.
fn archive(bytes: &[u8]) {
    let tar = Tar::of(bytes).expect("memory does not fail");
    let mut files = Vec::new();
    tar.list(&mut |name, found| {
        if let Found::File(size) = found {
            files.push((name.to_owned(), size));
        }
        true
    })
    .expect("memory does not fail");
    for (name, size) in files {
        let read = tar.read(&name, size).expect("it was listed");
        assert_eq!(read.len() as u64, size);
        assert!(size == 0 || tar.read(&name, size - 1).is_err());
    }
    report(&tar);
}

/// Whether nothing else can stand there without being found. A note may have lines of people whom nobody knows.
fn is_exact(name: &str) -> bool {
    ["/tile/", "/entries/", "/objects/", "/consistency/", "/keys"].iter().any(|part| name.contains(part))
        || name.starts_with("manifests/")
}

/// `<name>` newline, its bytes: in place of what is there, or beside it.
fn file(bytes: &[u8]) {
    let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    let Ok(name) = std::str::from_utf8(&bytes[..end]) else { return };
    let mut memory = BUNDLE.clone();
    let before = memory.0.insert(name.to_owned(), bytes[end + 1..].to_vec());
    let is_other = before.is_some_and(|before| before != bytes[end + 1..]);
    let told = report(&memory);
    assert!(!is_other || !is_exact(name) || !told.is_good(), "{name} is another, and nothing is found");
}

/// A text that the site signs as its newest checkpoint: only that of its log is good.
fn checkpoint(bytes: &[u8]) {
    let Some(text) = std::str::from_utf8(bytes).ok().and_then(signable) else { return };
    let place = format!("{SITE}/checkpoint");
    let good = Checkpoint::open(&BUNDLE.0[&place], &KEY.verifier()).expect("the good one is").to_text();
    let mut memory = BUNDLE.clone();
    memory.0.insert(place, signed(text, &KEY).into_bytes());
    assert_eq!(report(&memory).is_good(), text == good);
}

fuzz_target!(|data: &[u8]| {
    match data.split_first() {
        Some((0, bytes)) => archive(bytes),
        Some((1, bytes)) => file(bytes),
        Some((2, bytes)) => checkpoint(bytes),
        Some((less, bytes)) => {
            report(&signed_anew(usize::from(*less) - 3, bytes));
        }
        None => {}
    }
});

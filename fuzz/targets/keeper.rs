//! What the keeper reads: lines over its socket, key files, parts that people give.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use pulih_keeper::wire::{Ask, MAX_LINE_BYTES, Reply, from_wire, read, to_wire, write};
use pulih_keeper::{KeyFile, Parts, parts_of};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A line that is understood is written as a line that says the same.
fn comes_back<T: DeserializeOwned + Serialize>(data: &[u8]) -> Option<T> {
    let value: T = read(&mut &data[..]).ok().flatten()?;
    let mut line = Vec::new();
    write(&mut line, &value).expect("memory can be written to");
    assert!(line.iter().filter(|byte| **byte == b'\n').count() == 1);
    if line.len() as u64 <= MAX_LINE_BYTES {
        let again: T = read(&mut &line[..]).ok().flatten().expect("what was written is understood");
        assert_eq!(serde_json::to_vec(&again).ok(), serde_json::to_vec(&value).ok());
    }
    Some(value)
}

fn check_ask(ask: Ask) {
    match ask {
        Ask::Unwrap { stanzas, .. } => {
            if let Some(stanzas) = from_wire(stanzas) {
                let again = from_wire(to_wire(&stanzas)).expect("what was read is within the limits");
                let same = |(a, b): (&age_core::format::Stanza, &age_core::format::Stanza)| {
                    (&a.tag, &a.args, &a.body) == (&b.tag, &b.args, &b.body)
                };
                assert!(again.len() == stanzas.len() && again.iter().zip(&stanzas).all(same));
            }
        }
        Ask::Give { parts, .. } => {
            let _ = parts_of(&serde_json::to_string(&parts).expect("texts are JSON"));
        }
        _ => {}
    }
}

fn check_file(text: &str) {
    let Ok(file) = KeyFile::parse(text) else { return };
    file.class();
    file.recipient();
    let KeyFile::Sealed(sealed) = file else { return };
    // Parts that anybody may send: of all people nothing, which is refused, and does not make an identity.
    let mut given: BTreeMap<String, Parts> = BTreeMap::new();
    for person in &sealed.people {
        if sealed.person(&person.user).is_some_and(|its| !its.checks.is_empty()) {
            assert!(sealed.must_be_of(&person.user, &Parts::new()).is_err());
        }
        given.insert(person.user.clone(), Parts::new());
        assert!(!matches!(sealed.joined(&given), Ok(Some(_))));
    }
}

fuzz_target!(|data: &[u8]| {
    comes_back::<Ask>(data).into_iter().for_each(check_ask);
    comes_back::<Reply>(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    check_file(text);
    let _ = parts_of(text);
});

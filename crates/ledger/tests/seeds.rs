//! What fuzzing begins with, in `fuzz/seeds/ledger_*/` and `fuzz/seeds/proof/`, so that a target is past the first checks
//! at once. `PULIH_WRITE_VECTORS=1 cargo test -p pulih-ledger --test seeds` writes them again.

mod support;

use std::path::Path;

use pulih_ledger::tlog_proof::{AddCheckpoint, TlogProof};
use support::{MemStore, create, entries, site_key};

fn seed(path: &str, bytes: &[u8]) {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(path);
    if std::env::var_os("PULIH_WRITE_VECTORS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(&full, bytes).unwrap();
    }
    let there = std::fs::read(&full).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(there == bytes, "{path} is not what the code makes; see the head of this file");
}

#[test]
fn of_ledgers() {
    let store = MemStore::default();
    let mut ledger = create(&store.shared());
    ledger.append(&entries(0..3)).unwrap();
    ledger.checkpoint().unwrap();
    let layout = ledger.log().layout().clone();
    let object = |name| store.with(|objects| objects[&name].clone());

    let bundle = object(layout.bundle(0, 3));
    seed("ledger_bundle/bundle", &[&3u16.to_le_bytes()[..], &bundle].concat());
    seed("ledger_bundle/entry", &ledger.log().get(1).unwrap().bytes);

    seed("ledger_checkpoint/checkpoint", &object(layout.checkpoint(3)));
    let text = ledger.log().checkpoint().to_text();
    seed("ledger_checkpoint/text", &[&(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat());

    let batch = object(layout.batch(0));
    seed("ledger_checkpoint/batch", &batch);
    // The head as it is signed: what the target signs itself.
    let note_len = usize::from(u16::from_be_bytes([batch[0], batch[1]]));
    let (note, payload) = batch[2..].split_at(note_len);
    let head = &note[..=note.windows(2).position(|pair| pair == b"\n\n").unwrap()];
    seed("ledger_checkpoint/head", &[&(head.len() as u16).to_le_bytes()[..], head, payload].concat());
    let head = ledger.head("2026-11-22T01:23:45Z".parse().unwrap());
    let text = &head[..=head.find("\n\n").unwrap()];
    seed("ledger_checkpoint/site-head", &[&(text.len() as u16).to_le_bytes()[..], text.as_bytes()].concat());
    seed("ledger_checkpoint/key", site_key().to_secret_text().as_bytes());
}

#[test]
fn of_proofs() {
    let store = MemStore::default();
    let mut ledger = create(&store.shared());
    ledger.append(&entries(0..7)).unwrap();
    let its = ledger.checkpoint().unwrap();
    let log = ledger.log();
    let checkpoint = its.sign(&site_key());
    let proof = log.prove_inclusion(5, 7).unwrap();
    let tlog_proof = |checkpoint: &str| TlogProof { index: 5, proof: proof.clone(), checkpoint: checkpoint.to_owned() };
    seed("proof/tlog-proof", tlog_proof(&checkpoint).to_text().as_bytes());
    // What the target signs itself.
    seed("proof/tlog-proof-text", tlog_proof(&its.to_text()).to_text().as_bytes());
    let proof = log.prove_consistency(3, 7).unwrap();
    let asked = |checkpoint: &str| AddCheckpoint { old: 3, proof: proof.clone(), checkpoint: checkpoint.to_owned() };
    seed("proof/add-checkpoint", asked(&checkpoint).to_text().as_bytes());
    seed("proof/add-checkpoint-text", asked(&its.to_text()).to_text().as_bytes());
    seed("proof/checkpoint", checkpoint.as_bytes());
    seed("proof/entry", &log.get(1).unwrap().bytes);
}

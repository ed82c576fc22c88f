//! Proofs, requests to co-sign, co-signed checkpoints and entries from arbitrary bytes; a harness that can sign gets past
//! the signature. The scan of an entry takes exactly what its reader takes.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pulih_fuzz::{owner, signable, signed, site};
use pulih_ledger::canonical;
use pulih_ledger::chain::KeyChain;
use pulih_ledger::cosign::{CosignerKey, Cosigned};
use pulih_ledger::proof::{Proof, check_consistency, check_inclusion};
use pulih_ledger::scan::scan;
use pulih_ledger::tlog_proof::{AddCheckpoint, TlogProof};
use pulih_vault::note::SigningKey;

static SITE: LazyLock<SigningKey> = LazyLock::new(site);
static COSIGNER: LazyLock<SigningKey> = LazyLock::new(owner);
static CHAIN: LazyLock<KeyChain> = LazyLock::new(|| KeyChain::first(SITE.verifier()));

/// What was read is written as it was, and checking it ends, whatever sizes it names.
fn check_proof(proof: &Proof, at: u64, checkpoint: &str) {
    let Ok(signed) = Cosigned::open(checkpoint.as_bytes(), &CHAIN) else { return };
    let its = signed.checkpoint();
    let holds = check_inclusion(its.root, at, its.size, its.root, proof).is_ok();
    assert!(!holds || (its.size == 1 && at == 0), "the root is a leaf of a tree of {}", its.size);
    let _ = check_consistency((at, its.root), (its.size, its.root), proof);
}

fn check_cosigned(note: &[u8]) {
    let Ok(mut signed) = Cosigned::open(note, &CHAIN) else { return };
    let again = Cosigned::open(signed.to_note().as_bytes(), &CHAIN).expect("what was read is read again");
    assert_eq!(again, signed);
    let key = CosignerKey::of(COSIGNER.verifier());
    assert!(signed.by(&key).is_none(), "nobody signed this");
    let its = signed.cosign(&COSIGNER, 1).expect("it can be co-signed");
    if signed.add(&its).is_ok() {
        assert_eq!(signed.by(&key), Some(its));
    }
}

fuzz_target!(|data: &[u8]| {
    assert_eq!(scan(data).is_ok(), canonical::decode(data).is_ok());
    check_cosigned(data);
    if let Ok(proof) = TlogProof::parse(data) {
        assert_eq!(proof.to_text().as_bytes(), data);
        check_proof(&proof.proof, proof.index, &proof.checkpoint);
    }
    if let Ok(asked) = AddCheckpoint::parse(data) {
        assert_eq!(asked.to_text().as_bytes(), data);
        check_proof(&asked.proof, asked.old, &asked.checkpoint);
    }
    // The same with a checkpoint that the harness signs.
    let Some(text) = std::str::from_utf8(data).ok() else { return };
    let Some((head, checkpoint)) = text.split_once("\n\n") else { return };
    let Some(checkpoint) = signable(checkpoint) else { return };
    let note = signed(checkpoint, &SITE);
    check_cosigned(note.as_bytes());
    let whole = format!("{head}\n\n{note}");
    if let Ok(proof) = TlogProof::parse(whole.as_bytes()) {
        check_proof(&proof.proof, proof.index, &proof.checkpoint);
    }
    if let Ok(asked) = AddCheckpoint::parse(whole.as_bytes()) {
        check_proof(&asked.proof, asked.old, &asked.checkpoint);
    }
});

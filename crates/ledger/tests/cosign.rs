//! Co-signatures and the texts of proofs: the example of C2SP, and that nothing else than what was signed is believed.

mod support;

use proptest::prelude::*;
use pulih_ledger::Checkpoint;
use pulih_ledger::chain::KeyChain;
use pulih_ledger::checkpoint::Distrust;
use pulih_ledger::cosign::{Cosigned, CosignerKey};
use pulih_ledger::hash::Hash;
use pulih_ledger::proof::Proof;
use pulih_ledger::tlog_proof::{AddCheckpoint, TlogProof};
use pulih_vault::note::{SigningKey, Unverified};
use support::{key_named, other_key, site_key};

const TIME: u64 = 1_790_000_000;

fn checkpoint(size: u64) -> Checkpoint {
    Checkpoint { origin: "pulih-ledger/pusat".into(), size, root: Hash::of_leaf(b"x") }
}

fn chain() -> KeyChain {
    KeyChain::first(site_key().verifier())
}

fn opened(note: &str) -> Cosigned {
    Cosigned::open(note.as_bytes(), &chain()).unwrap()
}

fn drc() -> SigningKey {
    other_key("pulih-ledger/drc")
}

fn cosigner(key: &SigningKey) -> CosignerKey {
    CosignerKey::of(key.verifier())
}

#[test]
fn the_line_of_the_specification_is_of_its_form() {
    // C2SP tlog-cosignature, the first example: 1679315147 is its time.
    let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        \u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let parsed = Unverified::parse(note.as_bytes()).unwrap();
    let (name, blob) = parsed.lines().nth(1).unwrap();
    assert_eq!((name, blob.len()), ("witness.example.com/w1", 4 + 8 + 64));
    assert_eq!(u64::from_be_bytes(blob[4..12].try_into().unwrap()), 1_679_315_147);

    // Ours, taken apart by the words of the specification.
    let signed = opened(&checkpoint(7).sign(&site_key()));
    let its = signed.cosign(&drc(), TIME).unwrap();
    let mut with = signed.clone();
    with.add(&its).unwrap();
    let note = with.to_note();
    let parsed = Unverified::parse(note.as_bytes()).unwrap();
    let (name, blob) = parsed.lines().nth(1).unwrap();
    assert_eq!((name, blob.len()), ("pulih-ledger/drc", 76));
    assert_eq!(blob[4..12], TIME.to_be_bytes());
    let message = format!("cosignature/v1\ntime {TIME}\n{}", checkpoint(7).to_text());
    assert!(drc().verifier().has_signed(message.as_bytes(), &blob[12..]));
    // The id is that of type 4, which is not the id under which the same key signs its own log.
    let text = cosigner(&drc()).to_string();
    let id = format!("{:08x}", u32::from_be_bytes(blob[..4].try_into().unwrap()));
    assert!(text.starts_with(&format!("pulih-ledger/drc+{id}+B")), "{text}");
    assert_eq!(text.parse::<CosignerKey>().unwrap(), cosigner(&drc()));
    assert!(drc().verifier().to_string().parse::<CosignerKey>().is_err());
}

#[test]
fn lines_are_merged_and_only_those_that_verify_count() {
    let note = checkpoint(7).sign(&site_key());
    let (mut one, mut two) = (opened(&note), opened(&note));
    let (drc, witness) = (drc(), other_key("inspektorat"));
    one.add(&one.cosign(&drc, TIME).unwrap()).unwrap();
    two.add(&two.cosign(&witness, TIME + 5).unwrap()).unwrap();
    assert!(one.merge(&two) && one.merge(&two));
    let again = opened(&one.to_note());
    assert_eq!(again, one);
    assert_eq!(again.by(&cosigner(&drc)).unwrap().time(), TIME);
    assert_eq!(again.by(&cosigner(&witness)).unwrap().time(), TIME + 5);
    // The log's own signature is no co-signature, and a co-signature is none of the log's.
    assert!(again.by(&cosigner(&site_key())).is_none());
    assert!(again.by(&cosigner(&key_named("pulih-ledger/drc"))).is_none());
    // Another checkpoint takes none of it.
    let mut other = opened(&checkpoint(8).sign(&site_key()));
    assert!(!other.merge(&again));
    assert!(other.add(&again.by(&cosigner(&drc)).unwrap()).is_err());
    let line = again.by(&cosigner(&drc)).unwrap().line().to_owned();
    let moved = opened(&format!("{}{line}\n", other.to_note()));
    assert!(moved.names(&cosigner(&drc)) && moved.by(&cosigner(&drc)).is_none());
    assert!(!moved.names(&cosigner(&witness)));
}

#[test]
fn only_the_log_and_where_a_key_takes_over_both_keys_are_believed() {
    let note = checkpoint(7).sign(&site_key());
    let forged = checkpoint(7).sign(&other_key("pulih-ledger/pusat"));
    assert!(matches!(Cosigned::open(forged.as_bytes(), &chain()), Err(Distrust::Signature { .. })));
    let elsewhere = key_named("pulih-ledger/drc");
    let found = Cosigned::open(checkpoint(7).sign(&elsewhere).as_bytes(), &KeyChain::first(elsewhere.verifier()));
    assert!(matches!(found, Err(Distrust::Origin { .. })), "{found:?}");
    let next = other_key("pulih-ledger/pusat");
    let mut keys = chain();
    keys.push(7, next.verifier()).unwrap();
    assert!(Cosigned::open(note.as_bytes(), &keys).is_err());
    let line = forged.split_once("\n\n").unwrap().1;
    assert!(Cosigned::open(format!("{note}{line}").as_bytes(), &keys).is_ok());
    assert!(Cosigned::open(checkpoint(8).sign(&site_key()).as_bytes(), &keys).is_err());
    assert!(Cosigned::open(checkpoint(8).sign(&next).as_bytes(), &keys).is_ok());
}

#[test]
fn proofs_have_the_texts_of_the_specification() {
    let hash = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=";
    let note = checkpoint(7).sign(&site_key());
    let text = format!("c2sp.org/tlog-proof@v1\nindex 5\n{hash}\n\n{note}");
    let proof = TlogProof { index: 5, proof: Proof(vec![hash.parse().unwrap()]), checkpoint: note.clone() };
    assert_eq!(proof.to_text(), text);
    assert_eq!(TlogProof::parse(text.as_bytes()), Ok(proof));
    let text = format!("old 0\n\n{note}");
    let asked = AddCheckpoint { old: 0, proof: Proof::default(), checkpoint: note.clone() };
    assert_eq!(asked.to_text(), text);
    assert_eq!(AddCheckpoint::parse(text.as_bytes()), Ok(asked));

    let many = format!("{hash}\n").repeat(64);
    for bad in [
        String::new(),
        note.clone(),
        format!("old 05\n\n{note}"),
        format!("old -1\n\n{note}"),
        format!("old 1\n{}\n\n{note}", &hash[1..]),
        format!("old 1\n{many}\n{note}"),
        format!("index 1\n\n{note}"),
        "old 1\n".into(),
        format!("old 1\n\n{}", "x".repeat(65 << 10)),
    ] {
        assert!(AddCheckpoint::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    for bad in [
        format!("index 5\n\n{note}"),
        format!("c2sp.org/tlog-proof@v2\nindex 5\n\n{note}"),
        format!("c2sp.org/tlog-proof@v1\nextra YQ==\nindex 5\n\n{note}"),
        format!("c2sp.org/tlog-proof@v1\nindex 5 \n\n{note}"),
        "c2sp.org/tlog-proof@v1\nindex 5\n".into(),
    ] {
        assert!(TlogProof::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_changed_byte_of_a_cosignature_verifies(at in any::<prop::sample::Index>(), bits in 1u8..) {
        let mut signed = opened(&checkpoint(7).sign(&site_key()));
        signed.add(&signed.cosign(&drc(), TIME).unwrap()).unwrap();
        let its = signed.by(&cosigner(&drc())).unwrap();
        let mut note = signed.to_note().into_bytes();
        let at = at.index(note.len());
        note[at] ^= bits;
        if let Ok(changed) = Cosigned::open(&note, &chain()) {
            prop_assert_eq!(changed.text(), signed.text());
            let by = changed.by(&cosigner(&drc()));
            prop_assert!(by.is_none() || by == Some(its), "{}", changed.to_note());
        }
    }

    #[test]
    fn any_bytes_are_a_proof_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(TlogProof::parse(&bytes).is_err());
        if let Ok(asked) = AddCheckpoint::parse(&bytes) {
            prop_assert_eq!(asked.to_text().into_bytes(), bytes);
        }
    }
}

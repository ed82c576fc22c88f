//! Checkpoints, heads and batches from arbitrary bytes, as a mirror of another site takes them too; a harness that can
//! sign gets past the signature.
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use pulih_fuzz::{signable, signed, site};
use pulih_ledger::head::Head;
use pulih_ledger::mirror::Mirror;
use pulih_ledger::{Checkpoint, Ledger, Log};
use pulih_vault::note::SigningKey;
use pulih_vault::store::sim_disk::SimDisk;
use pulih_vault::store::{DirStore, Store};

static SITE: LazyLock<SigningKey> = LazyLock::new(site);
/// A ledger with nothing in it.
static EMPTY: LazyLock<SimDisk> = LazyLock::new(|| {
    let disk = SimDisk::new();
    Ledger::create(Arc::new(DirStore::on(disk.clone())), &id(), site()).expect("a ledger is created");
    disk
});

fn id() -> pulih_ledger::ids::SiteId {
    "pusat".parse().expect("it is an id")
}

/// Opens a ledger whose first batch has these bytes; a writer goes on from it.
fn check_batch(batch: &[u8]) {
    let store: Arc<dyn Store> = Arc::new(DirStore::on(EMPTY.snapshot()));
    let Ok(empty) = Log::open(Arc::clone(&store), &id(), SITE.verifier()) else { panic!("an empty ledger opens") };
    let first = store.read(&empty.layout().checkpoint(0), 1 << 16).expect("every ledger has it");
    let elsewhere: Arc<dyn Store> = Arc::new(DirStore::on(SimDisk::new()));
    let mut mirror = Mirror::begin(elsewhere, &id(), SITE.verifier(), &first).expect("a mirror begins");
    let taken = mirror.take(batch).is_ok();
    store.create(&empty.layout().batch(0), batch).expect("there is nothing yet");
    let Ok(log) = Log::open(Arc::clone(&store), &id(), SITE.verifier()) else {
        assert!(!taken, "a mirror takes what no reader believes");
        return;
    };
    assert!(!taken || mirror.log().root() == log.root());
    assert_eq!(log.entries(0).filter(Result::is_ok).count() as u64, log.size());
    let mut ledger = Ledger::open(store, &id(), site()).expect("who can read it can write on");
    let checkpoint = ledger.checkpoint().expect("a checkpoint is made of it");
    assert_eq!((checkpoint.size, checkpoint.root), (log.size(), log.root()));
}

fuzz_target!(|data: &[u8]| {
    let _ = Checkpoint::open(data, &SITE.verifier());
    let _ = Head::open(data, &SITE.verifier());
    check_batch(data);

    // What a note says, signed, as a checkpoint; and as the head of a batch, before its entries.
    let Some((len, rest)) = data.split_first_chunk::<2>() else { return };
    let (text, entries) = rest.split_at(usize::from(u16::from_le_bytes(*len)).min(rest.len()));
    let Some(text) = std::str::from_utf8(text).ok().and_then(signable) else { return };
    let note = signed(text, &SITE);
    if let Ok(checkpoint) = Checkpoint::open(note.as_bytes(), &SITE.verifier()) {
        let again = checkpoint.sign(&SITE);
        assert_eq!(Checkpoint::open(again.as_bytes(), &SITE.verifier()), Ok(checkpoint));
    }
    if let Ok(head) = Head::open(note.as_bytes(), &SITE.verifier()) {
        assert_eq!(Head::open(head.sign(&SITE).as_bytes(), &SITE.verifier()), Ok(head));
    }
    if let Ok(len) = u16::try_from(note.len()) {
        check_batch(&[&len.to_be_bytes()[..], note.as_bytes(), entries].concat());
    }
});

//! What fuzzing begins with: a small archive, and a bundle of two sites over which files are laid.
//! `PULIH_WRITE_VECTORS=1 cargo test -p pulih-evidence --test seeds` writes them again.

mod support;

use std::path::Path;

use pulih_evidence::write::Period;
use pulih_ledger::bundle;
use support::sites::Sites;
use support::{LATER, alarm, export_period, ledger, missed, raw};

fn seed(path: &str, bytes: &[u8]) {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var_os("PULIH_WRITE_VECTORS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(&full, bytes).unwrap();
    }
    let there = std::fs::read(&full).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(there == bytes, "{path} is not what the code makes; see the head of this file");
}

#[test]
fn of_bundles() {
    let folder = tempfile::tempdir().unwrap();
    let (store, ledger) = ledger(2);
    let small = folder.path().join("small.tar");
    export_period(&*store, &[ledger.log()], &small, Period::default());
    let small = std::fs::read(small).unwrap();
    // Longer ones are cut by fuzz/run.
    assert!(small.len() < 16 << 10, "{}", small.len());
    seed("fuzz/seeds/evidence/archive", &[&[0][..], &small].concat());
    seed(
        "fuzz/seeds/evidence/file",
        b"\x01drc-33.19/entries/00000000000000000000\nc2sp.org/tlog-proof@v1\nindex 0\n\n",
    );
    seed(
        "fuzz/seeds/evidence/checkpoint",
        b"\x02pulih-ledger/drc-33.19\n5\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
    );
    let mut entries = vec![3];
    bundle::put(&mut entries, [alarm(1), raw("drill-missed", LATER, missed(2, None))].iter().map(Vec::as_slice));
    seed("fuzz/seeds/evidence/entries", &entries);
    seed("tests/vectors/evidence.tar", &Sites::new(2, 2).archive());
}

//! What two sites export, whole or of a period, as a folder or an archive: it verifies, nothing can be changed in it, and
//! no log can be shorter or other than what others saw of it.

mod support;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use pulih_evidence::report::Code;
use pulih_evidence::source::{Found, Source, Tar, open};
use pulih_evidence::verify::Trust;
use pulih_evidence::write::{Period, WriteError, to_archive};
use pulih_ledger::Checkpoint;
use pulih_ledger::edge::Edge;
use pulih_ledger::hash::Hash;
use support::sites::{BEGIN, Sites, both, pusat_key, report_of, report_of_archive, witness, witness_key};
use support::{AT, codes, export_period, key, ledger, remarks, report_by};

const HOUR: i64 = 3600;

fn names(source: &dyn Source) -> Vec<String> {
    let mut names = Vec::new();
    let mut take = |name: &str, found: Found| {
        assert!(matches!(found, Found::File(_)), "{name}: {found:?}");
        names.push(name.to_owned());
        true
    };
    source.list(&mut take).unwrap();
    names
}

#[test]
fn an_archive_has_what_the_folder_has_and_the_same_is_the_same_bytes() {
    let sites = Sites::new(300, 5);
    let out = tempfile::tempdir().unwrap();
    let (folder, archive) = (out.path().join("bukti"), out.path().join("bukti.tar"));
    let written = sites.export(&folder, Period::default());
    assert_eq!(sites.export(&archive, Period::default()), written);
    assert_eq!(written.absent, []);
    let (of_folder, of_archive) = (open(&folder).unwrap(), open(&archive).unwrap());
    let (mut expected, found) = (names(&*of_folder), names(&*of_archive));
    expected.sort();
    assert_eq!(found, expected);
    for name in &found {
        assert_eq!(of_archive.read(name, 1 << 30).unwrap(), of_folder.read(name, 1 << 30).unwrap(), "{name}");
    }
    assert!(of_archive.read("bundle.json", 10).is_err() && of_archive.read("no", 10).is_err());
    let told = report_of(&*of_archive, &both());
    assert_eq!((told.problems.len(), remarks(&told).len()), (0, 0));
    assert_eq!(report_of(&*of_folder, &both()), told);
    let by: Vec<_> = told.sites.iter().map(|site| (site.site.as_str(), site.cosigners[0].name.as_str())).collect();
    assert_eq!(by, [("drc-33.19", "pulih-ledger/pusat-33.19"), ("pusat-33.19", "pulih-ledger/drc-33.19")]);
    assert_eq!(told.sites[1].cosigners[0].size, 5);
    // Again, and nothing is overwritten or left.
    assert_eq!(sites.archive(), fs::read(&archive).unwrap());
    let at = AT.parse().unwrap();
    let export = pulih_evidence::write::Export {
        store: &*sites.store,
        logs: &[sites.drc.log()],
        by: "uji",
        at: &at,
        period: Period::default(),
        all_checkpoints: true,
    };
    assert!(matches!(to_archive(&archive, &export), Err(WriteError::Exists { .. })));
    let left = out.path().join("more.tar.part");
    fs::write(&left, "cut off").unwrap();
    to_archive(&out.path().join("more.tar"), &export).unwrap();
    assert!(!left.exists());
}

#[test]
fn other_tools_make_no_archive_that_passes() {
    let (store, ledger) = ledger(3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tar");
    export_period(&*store, &[ledger.log()], &path, Period::default());
    let good = fs::read(path).unwrap();
    let codes_of = |bytes: &[u8]| codes(&report_of(&Tar::of(bytes).unwrap(), &support::trust()));
    assert_eq!(codes_of(&good), []);
    assert!(codes_of(&[]).contains(&Code::Damaged));
    assert!(codes_of(&good[..good.len() - 512]).contains(&Code::Damaged));
    assert!(codes_of(&[&good[..], &[0; 512]].concat()).contains(&Code::Damaged));
    // A link, a header of another kind, an owner, a file twice.
    for (kind, code) in [(b'2', Code::Limit), (b'x', Code::Limit), (b'L', Code::Limit)] {
        let mut bytes = good.clone();
        bytes[156] = kind;
        assert!(codes_of(&bytes).contains(&code), "{kind}");
    }
    let mut owned = good.clone();
    owned[115] = b'1';
    assert!(codes_of(&owned).contains(&Code::Damaged));
    assert!(codes_of(&[&good[..1024], &good[..]].concat()).contains(&Code::Damaged));
}

#[test]
fn a_period_has_its_entries_its_open_drills_and_proofs_of_what_was_before() {
    let sites = Sites::new(700, 700);
    let out = tempfile::tempdir().unwrap();
    let told = |name: &str, period: Period| {
        let path = out.path().join(name);
        sites.export(&path, period);
        let told = report_by(&path, &both());
        assert_eq!(told.problems, [], "{name}");
        (told, path)
    };
    let hours = |hours: i64| Some(BEGIN + hours * HOUR);
    // 3 + 700 entries before the drill, 4 of it, 700 after it.
    let (late, path) = told("late", Period { from: hours(1000), to: None });
    assert_eq!((late.sites[0].from, late.sites[0].size, late.drills.len()), (768, 1407, 0));
    assert!(!path.join("drc-33.19/tile/entries/000").exists() && path.join("drc-33.19/tile/0/000").exists());
    let before = path.join("drc-33.19/entries");
    let before: Vec<_> = fs::read_dir(before).unwrap().map(|its| its.unwrap().file_name()).collect();
    assert_eq!(before.len(), 6, "{before:?}");
    // The run goes back to the announcement of a drill that has an entry in its first bundle.
    let (of_drill, _) = told("drill", Period { from: hours(770), to: None });
    assert_eq!(of_drill.sites[0].from, 512 + 256);
    let (of_drill, _) = told("in", Period { from: hours(705), to: None });
    assert_eq!((of_drill.sites[0].from, of_drill.drills.len()), (512, 1));
    // Up to a checkpoint after its end: the one in the middle of the drill, which is then open.
    let (early, _) = told("early", Period { from: None, to: hours(704) });
    assert_eq!((early.sites[0].from, early.sites[0].size), (0, 704));
    assert_eq!(early.drills[0].outcome, "open");
    // A period without an entry has the newest bundle, which says how far time has come.
    let (none, _) = told("none", Period { from: hours(9000), to: None });
    assert_eq!(none.sites[0].from, 1280);
    // Nothing of it can be taken away.
    let proof = path.join("drc-33.19/entries/00000000000000000001");
    let kept = fs::read(&proof).unwrap();
    fs::remove_file(&proof).unwrap();
    assert!(codes(&report_by(&path, &both())).contains(&Code::Missing));
    fs::write(&proof, kept).unwrap();
    fs::remove_file(path.join("drc-33.19/tile/entries/003")).unwrap();
    // Then the period begins later, and a drill or whoever acted would be missed; here only alarms were in it.
    assert_eq!(report_by(&path, &both()).sites[0].from, 1024);
    fs::remove_file(path.join("drc-33.19/tile/entries/005.p/127")).unwrap();
    assert_eq!(codes(&report_by(&path, &both())), [Code::Gap]);
}

/// The codes after a change in the folder of both sites.
fn after(trust: &Trust, change: impl FnOnce(&Path)) -> Vec<Code> {
    let sites = Sites::new(3, 3);
    sites.of_drc(&[&witness_key()]);
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("bukti");
    sites.export(&path, Period::default());
    change(&path);
    codes(&report_by(&path, trust))
}

fn edit(path: &Path, change: impl FnOnce(String) -> String) {
    let text = fs::read_to_string(path).unwrap();
    fs::write(path, change(text)).unwrap();
}

const OF_PUSAT: &str = "drc-33.19/cosigned/pusat-33.19/00000000000000000005";

#[test]
fn a_log_is_no_shorter_and_no_other_than_what_others_saw() {
    assert_eq!(after(&both(), |_| {}), []);
    // The Pusat Data is rolled back to what it had before: its key signs that, and the DRC has seen more.
    let rolled_back = |folder: &Path| {
        let pusat = folder.join("pusat-33.19");
        fs::copy(pusat.join("checkpoints/00000000000000000002"), pusat.join("checkpoint")).unwrap();
        for gone in ["checkpoints/00000000000000000005", "consistency/00000000000000000005"] {
            fs::remove_file(pusat.join(gone)).unwrap();
        }
        for (name, cut) in [("tile/0/000.p", 64), ("tile/entries/000.p", 0)] {
            let bytes = fs::read(pusat.join(name).join("5")).unwrap();
            let end = if cut > 0 {
                cut
            } else {
                (0..2).fold(0, |at, _| at + 2 + usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]])))
            };
            fs::remove_file(pusat.join(name).join("5")).unwrap();
            fs::write(pusat.join(name).join("2"), &bytes[..end]).unwrap();
        }
    };
    assert_eq!(after(&both(), rolled_back), [Code::RolledBack]);
    // Another past of the same size, signed by the Pusat Data's key and co-signed by the DRC.
    let forked = |folder: &Path| {
        let mut edge = Edge::default();
        (0..5u8).for_each(|number| edge.push(Hash::of_leaf(&[number]), &mut Vec::new()));
        let origin = "pulih-ledger/pusat-33.19".to_owned();
        let note = Checkpoint { origin, size: 5, root: edge.root() }.sign(&pusat_key());
        let log = pulih_ledger::chain::KeyChain::first(pusat_key().verifier());
        let mut note = pulih_ledger::cosign::Cosigned::open(note.as_bytes(), &log).unwrap();
        note.add(&note.cosign(&key(), 5).unwrap()).unwrap();
        fs::write(folder.join(OF_PUSAT), note.to_note()).unwrap();
    };
    assert_eq!(after(&both(), forked), [Code::Fork]);
    // What the DRC says that it co-signed, and did not.
    let bare = |text: String| format!("{}\n", text.trim_end().rsplit_once('\n').unwrap().0);
    assert_eq!(after(&both(), |folder| edit(&folder.join(OF_PUSAT), bare)), [Code::Cosignature]);
    let renamed = |folder: &Path| {
        fs::rename(folder.join(OF_PUSAT), folder.join("drc-33.19/cosigned/pusat-33.19/00000000000000000004")).unwrap();
    };
    assert_eq!(after(&both(), renamed), [Code::Damaged]);
}

#[test]
fn a_witness_that_is_given_must_have_cosigned_what_is_given() {
    let sites = Sites::new(3, 3);
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("bukti");
    sites.export(&path, Period::default());
    let given = Trust { witnesses: [(witness(), witness_key().verifier().fingerprint())].into(), ..both() };
    assert_eq!(codes(&report_by(&path, &given)), [Code::Missing, Code::Cosignature]);
    // Its key alone is no word of the log that it counts.
    let key = pulih_ledger::cosign::CosignerKey::of(witness_key().verifier());
    fs::create_dir(path.join("witness")).unwrap();
    fs::write(path.join("witness/inspektorat-33.19"), format!("{key}\n")).unwrap();
    assert_eq!(codes(&report_by(&path, &given)), [Code::UnknownKey, Code::Cosignature]);
    assert_eq!(codes(&report_by(&path, &both())), []);
    fs::write(path.join("witness/inspektorat-33.19"), format!("{key}")).unwrap();
    assert_eq!(codes(&report_by(&path, &both())), [Code::Damaged]);
}

#[test]
fn a_drill_starts_with_the_first_cosignature_over_its_announcement() {
    // 3 + 3 entries, the announcement is the seventh: the checkpoint of 7 was co-signed.
    let without = |folder: &Path| {
        for name in ["checkpoints/00000000000000000007", "consistency/00000000000000000007"] {
            fs::remove_file(folder.join("drc-33.19").join(name)).unwrap();
        }
    };
    let told = after(&both(), without);
    assert!(told.contains(&Code::Missing), "{told:?}");
    let changed = |folder: &Path| {
        for name in ["checkpoint", "checkpoints/00000000000000000007"] {
            edit(&folder.join("drc-33.19").join(name), |text| {
                let at = text.rfind(|letter: char| letter.is_ascii_alphanumeric()).unwrap() - 20;
                let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
                format!("{}{other}{}", &text[..at], &text[at + 1..])
            });
        }
    };
    let told = after(&both(), changed);
    assert!(told.contains(&Code::Cosignature), "{told:?}");
}

#[test]
fn the_log_of_a_drill_has_every_file_that_its_sample_draws() {
    let out = tempfile::tempdir().unwrap();
    for (files, expected) in [(1, vec![]), (10, vec![Code::Drill])] {
        let path = out.path().join(files.to_string());
        Sites::with_files(3, 3, files).export(&path, Period::default());
        assert_eq!(codes(&report_by(&path, &both())), expected, "{files}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// A header, a padding, a content: whichever byte it is.
    #[test]
    fn no_changed_byte_of_an_archive_goes_unseen(at in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 40)) {
        let good = Sites::new(2, 2).archive();
        // Of what is in `bundle.json` nothing is believed.
        let about = 512..512 + 512;
        prop_assert!(good.starts_with(b"bundle.json\0"));
        prop_assert_eq!(report_of_archive(&good).problems, []);
        for (at, bits) in at {
            let at = at.index(good.len());
            let mut bytes = good.clone();
            bytes[at] ^= bits;
            prop_assert!(about.contains(&at) || !report_of_archive(&bytes).is_good(), "byte {}", at);
        }
    }
}

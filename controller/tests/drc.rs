//! Two sites, real processes: what the DRC has, and what it restores when there is no Pusat Data any more.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use support::drc::{Drc, noise, overwrite, packs, restores, saved, server};
use support::succeeded;

#[test]
fn a_dataset_comes_back_from_the_drc_with_the_pusat_data_deleted() {
    let mut site = saved(&["letters", "archive"]);
    {
        let server = server(&site);
        server.write("letter", b"isi surat");
        succeeded(&server.backup("letters"));
        server.write("letter", b"isi surat yang baru");
        server.write("large", &noise(1, 5 << 20));
        succeeded(&server.backup("letters"));
        succeeded(&server.backup("archive"));
    }
    let drc = Drc::paired(&site);
    // A person did it, and it is on both ledgers.
    for peers in [site.json(&["pair", "list"]), drc.json(&["pair", "list"])] {
        assert!(peers["peers"][0]["ended"].is_null() && peers["peers"].as_array().unwrap().len() == 1);
    }
    let (whole, came) = drc.replicate();
    assert!(whole, "{came}");
    assert_eq!((came["snapshots"].as_u64(), came["waiting"].as_u64()), (Some(3), Some(0)));
    assert_eq!(drc.whole_snapshots(), 3);
    // Again: nothing is fetched twice.
    let (whole, again) = drc.replicate();
    assert!(whole && again["objects"] == 0, "{again}");
    let letters = drc.dataset("letters");
    assert_eq!((letters["points"].as_u64(), letters["waiting"].as_u64()), (Some(2), Some(0)));
    assert_eq!((&letters["late"], &letters["opd"]), (&json!(false), &json!("dinkes")));
    let there = site.points().into_iter().find(|point| point["dataset"] == "letters").unwrap();
    for field in ["snapshot", "keep_until"] {
        assert_eq!(letters[field], there[field], "{field}");
    }
    // The earlier of when it was captured and when it was accepted there.
    assert_eq!(letters["accepted"], there["captured"]);

    site.kill();
    fs::remove_dir_all(site.path("site")).unwrap();
    fs::remove_dir_all(site.path("store")).unwrap();
    for dataset in ["letters", "archive"] {
        restores(&server(&site), &drc.path("store"), dataset);
    }
    // It knows what it has, and that nobody is there; and its catalog follows from its store.
    assert!(!drc.replicate().0);
    succeeded(&drc.controller(&["rebuild"]));
    let again = drc.dataset("letters");
    assert_eq!((&again["snapshot"], &again["points"]), (&letters["snapshot"], &letters["points"]));
}

#[test]
fn a_drc_that_serves_pulls_what_comes_by_itself() {
    let site = saved(&["letters"]);
    let server = server(&site);
    server.write("letter", b"isi surat");
    let mut drc = Drc::paired(&site);
    drc.start();
    succeeded(&server.backup("letters"));
    let end = Instant::now() + Duration::from_secs(120);
    while drc.dataset("letters")["points"] != 1 {
        assert!(Instant::now() < end, "nothing came: {}", drc.json(&["status"]));
        std::thread::sleep(Duration::from_millis(200));
    }
    // Asked for, a round is the serving process's own.
    server.write("letter", b"isi surat baru");
    succeeded(&server.backup("letters"));
    assert!(drc.replicate().0);
    assert_eq!(drc.dataset("letters")["points"], 2);
    drc.stop();
    assert_eq!(drc.whole_snapshots(), 2);
}

#[test]
fn a_killed_drc_shows_whole_snapshots_only_and_goes_on() {
    let site = saved(&["letters"]);
    let server = server(&site);
    for at in 0..8_u64 {
        server.write(&format!("file-{at}"), &noise(at, 3 << 20));
        succeeded(&server.backup("letters"));
    }
    let drc = Drc::paired(&site);
    let (mut kills, mut most) = (0, 0);
    let all = 8;
    for _ in 0..5 {
        let before = packs(&drc.path("store")).len();
        let mut pulling =
            drc.command().args(["replicate", "--once"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(120);
        // A pack more than before: the pull is in its midst.
        while pulling.try_wait().unwrap().is_none() && packs(&drc.path("store")).len() <= before {
            assert!(Instant::now() < end, "no pack came");
            std::thread::sleep(Duration::from_millis(1));
        }
        pulling.kill().unwrap();
        pulling.wait().unwrap();
        let whole = drc.whole_snapshots();
        kills += u32::from(whole < all);
        assert!(whole >= most, "a snapshot was lost");
        most = whole;
    }
    assert!(kills > 0, "nothing was killed in its midst");
    let (whole, came) = drc.replicate();
    assert!(whole, "{came}");
    assert_eq!(drc.whole_snapshots(), all);
    assert_eq!(drc.dataset("letters")["points"], all);
    restores(&server, &drc.path("store"), "letters");
}

#[test]
fn a_manifest_without_its_entry_is_written_down_once_all_is_there() {
    let mut site = saved(&["letters"]);
    let drc = {
        let server = server(&site);
        server.write("letter", b"isi surat");
        succeeded(&server.backup("letters"));
        Drc::paired(&site)
    };
    assert!(drc.replicate().0);
    let ledger = "store/site/drc-33.19";
    let keep = |from: &str, to: &str| {
        succeeded(&Command::new("cp").arg("-a").arg(drc.path(from)).arg(drc.path(to)).output().unwrap());
    };
    keep("site", "site.old");
    keep(ledger, "ledger.old");
    let before = packs(&drc.path("store"));
    {
        let server = server(&site);
        server.write("letter", &noise(3, 100_000));
        succeeded(&server.backup("letters"));
    }
    assert!(drc.replicate().0);
    site.kill();
    // As if the power had gone before the entry was written, and a pack with it.
    let back = || {
        for name in ["site", ledger] {
            fs::remove_dir_all(drc.path(name)).unwrap();
        }
        keep("site.old", "site");
        keep("ledger.old", ledger);
    };
    let pack = packs(&drc.path("store")).difference(&before).next().unwrap().clone();
    let aside = drc.path("pack.aside");
    fs::rename(&pack, &aside).unwrap();
    back();
    assert_eq!(drc.dataset("letters")["points"], 1);
    fs::rename(&aside, &pack).unwrap();
    back();
    assert_eq!(drc.dataset("letters")["points"], 2);
    assert_eq!(drc.json(&["status"])["alarms"], json!([]));
}

#[test]
fn a_wrong_byte_or_a_missing_pack_is_not_taken_and_what_is_good_comes() {
    let site = saved(&["letters", "archive"]);
    let server = server(&site);
    server.write("letter", b"isi surat");
    succeeded(&server.backup("letters"));
    let before = packs(&site.path("store"));
    server.write("large", &noise(7, 2 << 20));
    succeeded(&server.backup("archive"));
    let after = packs(&site.path("store"));
    let pack = after.difference(&before).next().unwrap().clone();
    let good = fs::read(&pack).unwrap();
    let drc = Drc::paired(&site);
    let refused = |what: &str, entries: usize| {
        let (whole, came) = drc.replicate();
        assert!(!whole && came["waiting"] == 1, "{what}: {came}");
        let why = came["refused"][0].as_str().unwrap();
        assert!(why.contains(pack.file_name().unwrap().to_str().unwrap()), "{what}: {why}");
        assert_eq!(drc.whole_snapshots(), 1, "{what}");
        assert!(drc.dataset("archive")["snapshot"].is_null(), "{what}");
        assert_eq!(drc.dataset("letters")["points"], 1, "{what}");
        let alarms = drc.json(&["status"])["alarms"].as_array().unwrap().len();
        assert_eq!(alarms, entries, "{what}");
    };
    overwrite(&pack, |bytes| *bytes.last_mut().unwrap() ^= 1);
    refused("a wrong byte", 1);
    // What is known needs no second alarm.
    refused("the same wrong byte", 1);
    overwrite(&pack, |bytes| bytes.truncate(500));
    refused("a short pack", 2);
    fs::remove_file(&pack).unwrap();
    refused("a missing pack", 3);
    assert_eq!(drc.alarms(), BTreeSet::from(["pull-refused".to_owned()]));
    // Put back, it comes.
    fs::write(&pack, good).unwrap();
    let (whole, came) = drc.replicate();
    assert!(whole, "{came}");
    restores(&server, &drc.path("store"), "archive");
}

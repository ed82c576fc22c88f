//! Facts that people, both sites and the line give, with real processes.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::drc::{Drc, noise, saved, server};
use support::{Site, failed, succeeded};

fn facts(site: &Site) -> Value {
    site.json(&["comply", "--facts"])
}

fn of_drc(drc: &Drc) -> Value {
    drc.json(&["comply", "--facts"])
}

/// The index of the newest entry of a kind, as a fact names it.
fn entry(listed: &Value, site: &str) -> Value {
    let newest = listed["entries"].as_array().unwrap().last().unwrap_or_else(|| panic!("none"))["index"].clone();
    format!("{site}/{newest}").into()
}

fn names(fact: &Value, entry: &Value) -> bool {
    fact["entries"].as_array().unwrap().contains(entry)
}

#[test]
fn whether_an_office_has_a_centre_of_its_own_is_what_was_said_of_it_last() {
    let mut site = Site::new();
    site.opd("dinkes");
    site.opd("disdik");
    site.person("ani", &["--role", "walidata", "--opd", "dinkes"], Some("siti"));
    let describe = |by: &str, opd: &str, has: &str| {
        site.acting(by, &["opd", "describe", opd, "--own-centre", has, "--by", "Kepala Dinas", "--letter", "800/7"])
    };
    assert!(facts(&site)["opds"][0]["own_centre"].is_null());
    succeeded(&describe("siti", "dinkes", "yes"));
    assert!(failed(&describe("ani", "disdik", "yes")).contains("walidata of that OPD"));
    assert!(failed(&describe("siti", "dukcapil", "yes")).contains("there is no OPD dukcapil"));
    let unsigned = ["opd", "describe", "dinkes", "--own-centre", "no", "--by", "x", "--letter", "1"];
    assert!(failed(&site.controller(&unsigned)).contains("signature"));
    let said = |site: &Site, opd: usize| facts(site)["opds"][opd]["own_centre"].clone();
    assert_eq!((said(&site, 0), said(&site, 1)), (true.into(), Value::Null));
    succeeded(&describe("ani", "dinkes", "no"));
    let its = facts(&site)["opds"][0].clone();
    assert_eq!(its["own_centre"], false);
    assert!(names(&its, &entry(&site.json(&["evidence", "list", "--kind", "opd-described"]), "pusat-33.19")));
    site.stop();
    succeeded(&site.controller(&["rebuild"]));
    assert_eq!(said(&site, 0), false);
}

#[test]
fn a_copy_counts_once_it_was_read_again_and_found_whole() {
    let site = saved(&["surat"]);
    let its = server(&site);
    its.write("a", &noise(1, 100_000));
    succeeded(&its.backup("surat"));
    let disk = site.path("disk");
    let disk = disk.to_str().unwrap();
    fs::create_dir(disk).unwrap();
    succeeded(&site.controller(&["replicate", "--to", disk]));
    // Who only looks at it puts nothing on record.
    succeeded(&site.controller(&["scrub", "--copy", disk]));
    assert!(facts(&site)["exports"]["verified_days"].is_null());
    let packs = support::drc::packs(Path::new(disk));
    let pack = packs.first().unwrap();
    let good = fs::read(pack).unwrap();
    support::drc::overwrite(pack, |bytes| bytes[40] ^= 1);
    assert!(failed(&site.controller(&["scrub", "--copy", disk, "--record"])).contains("damaged"));
    assert!(facts(&site)["exports"]["verified_days"].is_null());
    support::drc::overwrite(pack, |bytes| *bytes = good);
    let said = succeeded(&site.controller(&["scrub", "--copy", disk, "--record"]));
    assert!(said.contains("It is what the receipt says.\nThat is on the ledger."), "{said}");
    let fact = facts(&site)["exports"].clone();
    assert_eq!(fact["verified_days"], 0);
    for kind in ["copy-made", "copy-verified"] {
        assert!(names(&fact, &entry(&site.json(&["evidence", "list", "--kind", kind]), "pusat-33.19")), "{kind}");
    }
}

#[test]
fn who_runs_a_drc_and_when_another_co_signed_are_facts() {
    let site = saved(&["surat"]);
    let its = server(&site);
    its.write("a", b"isi");
    succeeded(&its.backup("surat"));
    assert!(facts(&site)["ledgers"]["cosigned_days"].is_null(), "nobody else is there");
    let mut drc = Drc::paired(&site);
    assert!(of_drc(&drc)["ledgers"]["cosigned_days"].is_null(), "it asked nobody yet");
    let file = drc.path("site/site.toml");
    let said = fs::read_to_string(&file).unwrap();
    fs::write(&file, said.replace("operator =", "operator_is_asn = true\noperator =")).unwrap();
    drc.replicate();
    drc.start();
    // The Pusat Data has what the DRC handed in, and the DRC what it was answered.
    let at_pusat = facts(&site)["ledgers"].clone();
    assert_eq!((&at_pusat["cosigned_days"], &at_pusat["diverged"]), (&0.into(), &false.into()));
    assert!(names(&at_pusat, &entry(&site.json(&["evidence", "list", "--kind", "site-paired"]), "pusat-33.19")));
    let its = of_drc(&drc);
    assert_eq!((&its["drc"]["operator_is_asn"], &its["drc"]["operator"]), (&true.into(), &"Diskominfo".into()));
    drc.stop();
    // Before that nobody had.
    let before = site.json(&["comply", "--facts", "--to", "2020-01-01"]);
    assert!(before["ledgers"]["cosigned_days"].is_null());
}

/// All that was counted so far for an office: received, sent.
fn counted(site: &Site, opd: &str) -> (u64, u64) {
    let catalog = rusqlite::Connection::open(site.path("site/catalog.sqlite")).unwrap();
    let sql = "SELECT COALESCE(SUM(received), 0), COALESCE(SUM(sent), 0) FROM traffic WHERE opd = ?1";
    let sums = catalog.query_row(sql, [opd], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    let (received, sent) = sums.unwrap();
    (received.unsigned_abs(), sent.unsigned_abs())
}

/// What a vault's objects have together.
fn stored(folder: &Path) -> u64 {
    let of = |entry: fs::DirEntry| {
        if entry.file_type().unwrap().is_dir() { stored(&entry.path()) } else { entry.metadata().unwrap().len() }
    };
    fs::read_dir(folder).unwrap().map(|entry| of(entry.unwrap())).sum()
}

#[test]
fn what_a_server_sends_is_counted_for_its_office_over_restarts() {
    let mut site = saved(&["surat"]);
    site.opd("disdik");
    let mut before = 0;
    for round in 1..=3 {
        let its = server(&site);
        its.write("a", &noise(round, 300_000));
        succeeded(&its.backup("surat"));
        let vault = site.path("store/vaults").join(server(&site).vault());
        site.stop();
        let (received, sent) = counted(&site, "dinkes");
        // Objects as they are stored, and beside them small questions.
        let objects = stored(&vault);
        assert!(received >= objects && received < objects + 200_000, "round {round}: {received} of {objects}");
        assert!(received >= before + 300_000 && sent > 0);
        assert_eq!(counted(&site, "disdik"), (0, 0));
        before = received;
        site.start();
    }
    // A catalog that is made again knows nothing of it any more, and says so by the time that it measured.
    site.stop();
    succeeded(&site.controller(&["rebuild"]));
    assert_eq!(counted(&site, "dinkes"), (0, 0));
}

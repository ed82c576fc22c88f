//! Two sites, real processes: what the DRC has, what it refuses, and what it restores when there is
//! no Pusat Data any more.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{OpdAdded, SnapshotAccepted};
use pulih_ledger::{Actor, Entry, Ledger};
use pulih_vault::description::{DescriptionName, agent_key_name};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{Layout, ManifestName};
use pulih_vault::manifest::Manifest;
use pulih_vault::note::SigningKey;
use pulih_vault::store::{DirStore, Store as _};
use serde_json::{Value, json};
use support::drc::Drc;
use support::raw::Raw;
use support::{Server, Site, failed, succeeded};

/// A site with one server, whose datasets are approved.
fn saved(datasets: &[&str]) -> Site {
    let site = Site::new();
    site.opd("dinkes");
    site.server("app-1", "dinkes");
    for dataset in datasets {
        site.approve("app-1", dataset);
    }
    site
}

fn server(site: &Site) -> Server<'_> {
    Server { site, name: "app-1".into() }
}

/// Bytes that neither compress nor repeat.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

fn packs(store: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![store.join("vaults")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().contains("/packs/") {
                found.insert(path);
            }
        }
    }
    found
}

/// Restores a dataset from a folder, with the OPD's identity, and holds it against the tree that was saved.
fn restores(server: &Server, store: &Path, dataset: &str) {
    let (identity, target) = (server.path("identity"), server.path(&format!("restored-{dataset}")));
    succeeded(&server.run(&[
        "restore",
        "--store",
        store.to_str().unwrap(),
        "--identity",
        identity.to_str().unwrap(),
        "--dataset",
        dataset,
        "latest",
        "--target",
        target.to_str().unwrap(),
    ]));
    let tree = server.path("tree");
    let restored = target.join(tree.strip_prefix("/").unwrap());
    succeeded(&Command::new("diff").args(["-r", "--no-dereference"]).arg(&tree).arg(&restored).output().unwrap());
    let times = |path: &Path| fs::symlink_metadata(path).unwrap().modified().unwrap();
    for entry in fs::read_dir(&tree).unwrap().map(Result::unwrap) {
        assert_eq!(times(&entry.path()), times(&restored.join(entry.file_name())));
    }
}

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
    for field in ["snapshot", "accepted", "keep_until"] {
        assert_eq!(letters[field], there[field], "{field}");
    }

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

/// Changes a file of a store, which are read-only.
fn overwrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(path, bytes).unwrap();
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

const NOW: &str = "2026-11-22T01:23:45Z";

/// Saves a letter with this text.
fn back_up(site: &Site, text: &[u8]) {
    let server = server(site);
    server.write("letter", text);
    succeeded(&server.backup("letters"));
}

/// Keeps a copy of a Pusat Data that is not served, beside it.
fn keep_as_it_is(site: &Site) {
    for name in ["site", "store"] {
        let (from, to) = (site.path(name), site.path(&format!("{name}.old")));
        succeeded(&Command::new("cp").arg("-a").arg(from).arg(to).output().unwrap());
    }
}

/// That the site took in a snapshot of the letters, whole and just now.
fn accepted(vault: VaultId, manifest: ManifestName) -> Body {
    let accepted = SnapshotAccepted {
        vault,
        dataset: "letters".parse().unwrap(),
        manifest,
        captured: NOW.parse().unwrap(),
        keep_until: None,
        tiers: vec![],
        stored_bytes: 1,
        partial: false,
        late: false,
    };
    accepted.into()
}

/// Writes what it likes into a site's ledger, as whoever has the Pusat Data could.
fn forge(site: &Site, body: Body) {
    let secret = fs::read_to_string(site.path("site/ledger.key")).unwrap();
    let (id, key) = ("pusat-33.19".parse().unwrap(), SigningKey::from_secret_text(secret.trim()).unwrap());
    let store = Arc::new(DirStore::open(&site.path("store")).unwrap());
    let mut ledger = Ledger::open(store, &id, key).unwrap();
    ledger.append(&[Entry::new(id, NOW.parse().unwrap(), Actor::Site, body)]).unwrap();
}

#[test]
fn an_owner_key_that_was_seen_once_is_not_changed_by_the_ledger() {
    let mut site = saved(&["letters"]);
    back_up(&site, b"isi surat");
    let drc = Drc::paired(&site);
    assert!(drc.replicate().0);
    back_up(&site, b"isi surat baru");
    site.stop();
    let other = SigningKey::generate("pulih-owner", &ring::rand::SystemRandom::new()).unwrap();
    let (opd, owner) = ("dinkes".parse().unwrap(), Some(other.verifier().fingerprint()));
    forge(&site, OpdAdded { opd, name: "dinkes".into(), owner }.into());
    site.start();
    // What the real owner vouches for comes all the same, and people hear of the other.
    let (whole, came) = drc.replicate();
    assert!(whole, "{came}");
    assert_eq!(drc.dataset("letters")["points"], 2);
    assert_eq!(drc.alarms(), BTreeSet::from(["pull-refused".to_owned()]));
    restores(&server(&site), &drc.path("store"), "letters");
}

#[test]
fn a_description_that_is_none_keeps_nobody_from_the_real_one() {
    let site = saved(&["letters"]);
    let server = server(&site);
    server.write("letter", b"isi surat");
    succeeded(&server.backup("letters"));
    let store = DirStore::open(&site.path("store")).unwrap();
    let layout = Layout { vault: server.vault().parse().unwrap() };
    for (number, junk) in [(1, &b"no note"[..]), (2, b"{}\n\n"), (7, b"")] {
        let name = DescriptionName { number, hash: ObjectHash::of(junk) };
        store.create(&layout.description(name), junk).unwrap();
    }
    let drc = Drc::paired(&site);
    let (whole, came) = drc.replicate();
    assert!(whole, "{came}");
    assert_eq!((drc.whole_snapshots(), drc.alarms()), (1, BTreeSet::from(["pull-refused".to_owned()])));
    // Nothing of it is here.
    let kept = fs::read_dir(drc.path("store/vaults").join(server.vault()).join("vault")).unwrap().count();
    assert_eq!(kept, 1);
}

#[test]
fn a_manifest_that_its_agent_did_not_sign_is_not_taken_though_the_ledger_has_it() {
    let mut site = saved(&["letters"]);
    back_up(&site, b"isi surat");
    let drc = Drc::paired(&site);
    assert!(drc.replicate().0);
    site.stop();
    // Whoever has the Pusat Data has its ledger's key, and can write what it likes into its store.
    let vault = server(&site).vault().parse().unwrap();
    let (layout, dataset) = (Layout { vault }, "letters".parse().unwrap());
    let store = DirStore::open(&site.path("store")).unwrap();
    let name: ManifestName = drc.dataset("letters")["snapshot"].as_str().unwrap().parse().unwrap();
    let note = store.read(&layout.manifest(&dataset, name), 1 << 20).unwrap();
    let mut forged = Manifest::claimed(&note).unwrap();
    forged.facts.sequence += 1;
    let key = SigningKey::generate(&agent_key_name(vault), &ring::rand::SystemRandom::new()).unwrap();
    let note = forged.sign(&key);
    let name = ManifestName { sequence: forged.facts.sequence, hash: ObjectHash::of(note.as_bytes()) };
    store.create(&layout.manifest(&dataset, name), note.as_bytes()).unwrap();
    forge(&site, accepted(vault, name));
    site.start();
    let (whole, came) = drc.replicate();
    assert!(!whole, "{came}");
    assert!(came["refused"][0].as_str().unwrap().contains("signature"), "{came}");
    assert_eq!(drc.alarms(), BTreeSet::from(["pull-refused".to_owned()]));
    assert_eq!(drc.whole_snapshots(), 1);
    assert_eq!(drc.dataset("letters")["points"], 1);
}

#[test]
fn a_snapshot_that_the_ledger_makes_fresher_than_its_agent_signed_is_not_taken() {
    let mut site = saved(&["letters"]);
    back_up(&site, b"isi surat");
    site.stop();
    keep_as_it_is(&site);
    site.start();
    back_up(&site, b"isi surat baru");
    let held_back: ManifestName = site.points()[0]["snapshot"].as_str().unwrap().parse().unwrap();
    site.stop();
    // What is saved is there, and the ledger that said so is not: another one is written.
    for (old, now) in [("site.old", "site"), ("store.old/site", "store/site")] {
        fs::remove_dir_all(site.path(now)).unwrap();
        fs::rename(site.path(old), site.path(now)).unwrap();
    }
    forge(&site, accepted(server(&site).vault().parse().unwrap(), held_back));
    site.start();
    let drc = Drc::paired(&site);
    let (whole, came) = drc.replicate();
    assert!(!whole, "{came}");
    assert!(came["refused"][0].as_str().unwrap().contains("other than its agent signed"), "{came}");
    assert_eq!(drc.alarms(), BTreeSet::from(["pull-refused".to_owned()]));
    assert_eq!((drc.whole_snapshots(), &drc.dataset("letters")["points"]), (1, &json!(1)));
}

#[test]
fn a_ledger_that_was_rolled_back_is_an_alarm_with_proof_and_takes_nothing_back() {
    let mut site = saved(&["letters"]);
    back_up(&site, b"isi surat");
    let drc = Drc::paired(&site);
    site.stop();
    keep_as_it_is(&site);
    site.start();
    back_up(&site, b"isi surat baru");
    assert!(drc.replicate().0);
    assert_eq!(drc.dataset("letters")["points"], 2);
    site.stop();
    for name in ["site", "store"] {
        let (old, now) = (site.path(&format!("{name}.old")), site.path(name));
        fs::remove_dir_all(&now).unwrap();
        fs::rename(old, now).unwrap();
    }
    site.start();
    for _ in 0..2 {
        let said = failed(&drc.controller(&["replicate", "--once"]));
        assert!(said.contains("rolled back"), "{said}");
    }
    let status = drc.json(&["status"]);
    assert_eq!(status["alarms"].as_array().unwrap().len(), 1, "{status}");
    assert_eq!(drc.alarms(), BTreeSet::from(["ledger-diverged".to_owned()]));
    let proofs = fs::read_dir(drc.path("store/site/drc-33.19/proofs")).unwrap();
    for proof in proofs.map(Result::unwrap) {
        let text = fs::read_to_string(proof.path()).unwrap();
        assert!(text.starts_with("pulih/ledger/head/v1\npulih-ledger/pusat-33.19\n"), "{text}");
    }
    assert_eq!(drc.whole_snapshots(), 2);
    restores(&server(&site), &drc.path("store"), "letters");
}

#[test]
fn a_card_that_was_changed_on_its_way_pairs_nobody() {
    let site = Site::new();
    let drc = Drc::new();
    let (read_out, other) = (drc.offer(), Drc::new());
    // Another DRC's card, in the place of the one whose fingerprint was read out.
    other.offer();
    fs::copy(other.path("drc.card"), drc.path("drc.card")).unwrap();
    let said = failed(&drc.accepted_by(&site, &read_out));
    assert!(said.contains("another fingerprint"), "{said}");
    assert!(site.json(&["pair", "list"])["peers"].as_array().unwrap().is_empty());
    // The right one, by someone who may not.
    drc.offer();
    site.person("budi", &["--role", "operator"], Some("siti"));
    let (card, out) = (drc.path("drc.card"), drc.path("pusat.card"));
    let accept = ["pair", "accept", card.to_str().unwrap(), "--fingerprint", &read_out, "--out", out.to_str().unwrap()];
    assert!(failed(&site.acting("budi", &accept)).contains("an admin may"));
    assert!(failed(&site.controller(&accept)).contains("signature"));
    succeeded(&site.acting("siti", &accept));
    // A second DRC with keys of its own does not take its place.
    let print = other.offer();
    let said = failed(&other.accepted_by(&site, &print));
    assert!(said.contains("is paired since"), "{said}");
}

#[test]
fn a_reader_reads_and_does_nothing_else() {
    let site = saved(&["letters"]);
    let server = server(&site);
    server.write("letter", b"isi surat");
    succeeded(&server.backup("letters"));
    let drc = Drc::paired(&site);
    let read = |name: &str| -> Value { serde_json::from_slice(&fs::read(drc.path(name)).unwrap()).unwrap() };
    let (card, reader) = (read("site/peer.card"), read("site/reader.json"));
    let credentials = json!({
        "url": card["url"], "ca": card["ca"], "certificate": reader["certificate"], "key": reader["key"],
    });
    let raw = Raw::with(&credentials, true);
    let pack = packs(&site.path("store")).into_iter().next().unwrap();
    let name = pack.strip_prefix(site.path("store")).unwrap().to_str().unwrap().to_owned();
    let answer = raw.send("GET", &format!("/v1/replica/objects/{name}"), b"");
    assert_eq!((answer.status, answer.body == fs::read(&pack).unwrap()), (200, true));
    let refused = |method: &str, path: &str| raw.send(method, path, b"").code();
    assert_eq!(refused("GET", "/v1/replica/objects/site/drc-33.19/x"), "forbidden");
    assert_eq!(refused("GET", "/v1/replica/list?prefix=site"), "forbidden");
    assert_eq!(refused("GET", "/v1/replica/objects/../site.toml"), "bad-request");
    for (method, path) in [
        ("GET", format!("/v1/objects/{name}")),
        ("PUT", format!("/v1/objects/{name}")),
        ("GET", "/v1/agent".into()),
        ("GET", "/v1/policy".into()),
        ("POST", "/v1/renew".into()),
    ] {
        assert_eq!(refused(method, &path), "unauthorized", "{method} {path}");
    }
    assert_eq!(raw.send("PUT", &format!("/v1/replica/objects/{name}"), b"").status, 405);
    // Its certificate is young: it makes no further ones.
    assert_eq!(raw.send("POST", "/v1/replica/renew", br#"{"csr": "any"}"#).code(), "forbidden");
    // An agent is no reader, and nobody is without a certificate.
    for raw in [Raw::of(&server, true), Raw::with(&credentials, false)] {
        for path in [format!("/v1/replica/objects/{name}"), "/v1/replica/head".into()] {
            assert_eq!(raw.send("GET", &path, b"").code(), "unauthorized", "{path}");
        }
    }
    // The pairing ended, the certificate opens nothing, from the next request on.
    succeeded(&site.acting("siti", &["pair", "end", "drc-33.19", "--reason", "pindah"]));
    assert_eq!(refused("GET", "/v1/replica/head"), "unauthorized");
    assert!(failed(&drc.controller(&["replicate", "--once"])).contains("certificate"));
}

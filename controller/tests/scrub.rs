//! What is damaged is found without a key, healed from whoever has the right bytes, and named with what
//! it costs where nobody has them. Two sites, real processes.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pulih_ledger::Log;
use pulih_vault::note::SigningKey;
use pulih_vault::store::DirStore;
use serde_json::Value;
use support::drc::{Drc, whole_snapshots};
use support::{Server, Site, failed, succeeded};

/// A site with a server that saved a letter twice, and a DRC that has both snapshots.
fn two_sites() -> (Site, Drc) {
    let site = Site::new();
    site.opd("dinkes");
    site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    for seed in 1..=2 {
        let server = server(&site);
        server.write(&format!("letter-{seed}"), &noise(seed, 100_000));
        succeeded(&server.backup("letters"));
    }
    let drc = Drc::paired(&site);
    assert!(drc.replicate().0);
    (site, drc)
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

/// The objects of a kind that vaults have in a store, by their names there.
fn objects(store: &Path, kind: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![store.join("vaults")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            let name = path.strip_prefix(store).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.contains(&format!("/{kind}/")) {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

/// Changes a file of a store, which are read-only.
fn overwrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Waits until something that a process does by itself is seen.
fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !seen() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The entries of a kind on the ledger of a DRC.
fn entries(folder: &Path, site: &str, kind: &str) -> Vec<Value> {
    let secret = fs::read_to_string(folder.join("site/ledger.key")).unwrap();
    let key = SigningKey::from_secret_text(secret.trim()).unwrap().verifier();
    let store = Arc::new(DirStore::open(&folder.join("store")).unwrap());
    let log = Log::open(store, &site.parse().unwrap(), key).unwrap();
    let all = log.entries(0).map(|entry| serde_json::from_slice::<Value>(&entry.unwrap().bytes).unwrap());
    all.filter(|entry| entry["type"] == format!("pulih/ledger/{kind}/v1")).collect()
}

fn on_ledger(drc: &Drc, kind: &str) -> Vec<Value> {
    entries(drc.folder.path(), "drc-33.19", kind)
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|its| its.as_str().unwrap().to_owned()).collect()
}

/// What a scrub printed, whether it found all sound or not.
fn scrub(drc: &Drc, arguments: &[&str]) -> (bool, Value) {
    let output = drc.controller(&[&["--json", "scrub"], arguments].concat());
    let json = serde_json::from_slice(&output.stdout);
    (output.status.success(), json.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
}

#[test]
fn whatever_is_damaged_at_the_drc_is_found_without_a_key_and_healed_from_the_pusat_data() {
    let (_site, drc) = two_sites();
    let store = drc.path("store");
    let (whole, done) = scrub(&drc, &["--all"]);
    assert!(whole && done["finished"] == true && done["damaged"].as_array().unwrap().is_empty(), "{done}");
    let all = done["objects"].as_u64().unwrap();
    let packs = objects(&store, "packs");
    let (reach, index) = (objects(&store, "reach").remove(0), objects(&store, "index").remove(0));
    let manifest = objects(&store, "snapshots").remove(0);
    let damaged = [&packs[0], &packs[1], &reach, &index, &manifest];
    let right: Vec<Vec<u8>> = damaged.iter().map(|name| fs::read(store.join(name)).unwrap()).collect();
    // A flipped bit, a short object, two that vanished, and one that the disk does not give.
    overwrite(&store.join(&packs[0]), |bytes| bytes[1000] ^= 4);
    overwrite(&store.join(&packs[1]), |bytes| bytes.truncate(500));
    fs::remove_file(store.join(&reach)).unwrap();
    fs::remove_file(store.join(&index)).unwrap();
    fs::remove_file(store.join(&manifest)).unwrap();
    std::os::unix::fs::symlink("nowhere", store.join(&manifest)).unwrap();

    let (whole, done) = scrub(&drc, &["--all"]);
    assert!(whole, "{done}");
    let named: BTreeSet<String> = damaged.iter().map(|&name| name.clone()).collect();
    for list in ["damaged", "healed"] {
        assert_eq!(texts(&done[list]).into_iter().collect::<BTreeSet<_>>(), named, "{list}: {done}");
    }
    for (name, right) in damaged.iter().zip(&right) {
        assert!(fs::read(store.join(name)).unwrap() == *right, "{name} is not what it was");
    }
    // What was damaged is kept, and stands in no list.
    let aside = fs::read(store.join("quarantine").join(&packs[0])).unwrap();
    assert!(aside.len() == right[0].len() && aside != right[0]);
    assert_eq!(fs::read(store.join("quarantine").join(&packs[1])).unwrap().len(), 500);
    // On the ledger: first that it is damaged, then that it is healed, and by whom.
    let of = |kind: &str| -> BTreeSet<String> {
        on_ledger(&drc, kind).iter().map(|its| its["object"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!((of("object-damaged"), of("object-healed")), (named.clone(), named));
    assert!(on_ledger(&drc, "object-healed").iter().all(|its| its["source"] == "pusat-33.19"));
    assert!(drc.alarms().contains("object-damaged"));
    assert_eq!(drc.whole_snapshots(), 2);

    // Once healed it is sound, and nothing is written twice.
    let (whole, done) = scrub(&drc, &["--all"]);
    assert!(whole && done["damaged"].as_array().unwrap().is_empty(), "{done}");
    assert_eq!(done["objects"].as_u64(), Some(all));
    let status = drc.json(&["status"]);
    let its = &status["store"];
    assert_eq!(its["scrubbed"]["objects"].as_u64(), Some(all));
    assert!(its["damaged"].as_array().unwrap().is_empty() && its["turn"].is_null(), "{its}");
    assert_eq!(on_ledger(&drc, "scrub-finished").len(), 3);
    assert_eq!(on_ledger(&drc, "object-damaged").len(), 5);
}

#[test]
fn what_nobody_has_is_lost_and_named_with_its_snapshots_once() {
    let (site, drc) = two_sites();
    let pack = objects(&drc.path("store"), "packs").remove(0);
    for store in [site.path("store"), drc.path("store")] {
        overwrite(&store.join(&pack), |bytes| *bytes.last_mut().unwrap() ^= 1);
    }
    for _ in 0..2 {
        let (whole, done) = scrub(&drc, &["--all"]);
        assert!(!whole && done["healed"].as_array().unwrap().is_empty(), "{done}");
        assert_eq!(done["lost"][0]["object"], pack.as_str());
        let snapshots = texts(&done["lost"][0]["snapshots"]);
        assert!(!snapshots.is_empty() && snapshots.iter().all(|its| its.starts_with("letters/000000000")), "{done}");
    }
    assert_eq!((on_ledger(&drc, "object-damaged").len(), on_ledger(&drc, "object-lost").len()), (1, 1));
    let status = drc.json(&["status"]);
    assert_eq!(status["store"]["damaged"][0]["object"], pack.as_str());
    assert!(!status["store"]["damaged"][0]["lost"].as_array().unwrap().is_empty(), "{status}");
    // The damaged bytes stay where they are: most of their chunks can still be read.
    assert!(drc.path("store").join(&pack).exists());

    // Brought from elsewhere, it is whole again; what comes from there is held against the name.
    let (good, bad) = (drc.path("good"), drc.path("bad"));
    let mut right = fs::read(drc.path("store").join(&pack)).unwrap();
    for (folder, flip) in [(&bad, 2), (&good, 1)] {
        fs::create_dir_all(folder.join(&pack).parent().unwrap()).unwrap();
        let last = right.len() - 1;
        right[last] ^= flip;
        fs::write(folder.join(&pack), &right).unwrap();
        right[last] ^= if flip == 2 { flip } else { 0 };
    }
    assert!(!scrub(&drc, &["--all", "--from", bad.to_str().unwrap()]).0);
    let (whole, done) = scrub(&drc, &["--all", "--from", good.to_str().unwrap()]);
    assert!(whole && texts(&done["healed"]) == [pack], "{done}");
    assert_eq!(drc.whole_snapshots(), 2);
    assert!(drc.json(&["status"])["store"]["damaged"].as_array().unwrap().is_empty());
}

#[test]
fn a_process_that_ended_between_quarantine_and_healing_is_made_up_for() {
    let (_site, drc) = two_sites();
    let store = drc.path("store");
    let pack = objects(&store, "packs").remove(0);
    let right = fs::read(store.join(&pack)).unwrap();
    overwrite(&store.join(&pack), |bytes| bytes[0] ^= 1);
    let aside = store.join("quarantine").join(&pack);
    fs::create_dir_all(aside.parent().unwrap()).unwrap();
    fs::rename(store.join(&pack), &aside).unwrap();
    let (whole, done) = scrub(&drc, &["--all"]);
    assert!(whole && texts(&done["healed"]) == [pack.clone()], "{done}");
    assert!(fs::read(store.join(&pack)).unwrap() == right && aside.exists());
}

#[test]
fn what_a_damaged_manifest_could_not_say_is_missing_is_found_once_it_is_healed() {
    let (_site, drc) = two_sites();
    let store = drc.path("store");
    for manifest in objects(&store, "snapshots") {
        overwrite(&store.join(manifest), |bytes| bytes[10] ^= 1);
    }
    let reaches = objects(&store, "reach");
    for reach in &reaches {
        fs::remove_file(store.join(reach)).unwrap();
    }
    let (is_sound, said) = scrub(&drc, &["--all"]);
    assert!(is_sound, "{said}");
    assert!(!reaches.is_empty() && reaches.iter().all(|reach| store.join(reach).exists()), "{said}");
    drc.whole_snapshots();
}

#[test]
fn a_site_that_serves_reads_by_itself_and_a_store_that_is_away_damages_nothing() {
    let (_site, mut drc) = two_sites();
    let store = drc.path("store");
    let pack = objects(&store, "packs").remove(0);
    overwrite(&store.join(&pack), |bytes| bytes[0] ^= 1);
    drc.start();
    until("the serving process has healed the pack", || {
        let status = drc.json(&["status"]);
        !status["store"]["scrubbed"].is_null()
    });
    assert_eq!(on_ledger(&drc, "object-healed").len(), 1);
    drc.stop();
    let kept = drc.path("store.away");
    fs::rename(store.join("vaults"), store.join("vaults.away")).unwrap();
    fs::rename(&store, &kept).unwrap();
    fs::create_dir(&store).unwrap();
    failed(&drc.controller(&["scrub", "--all"]));
    fs::remove_dir(&store).unwrap();
    fs::rename(&kept, &store).unwrap();
    fs::rename(store.join("vaults.away"), store.join("vaults")).unwrap();
    assert!(scrub(&drc, &["--all"]).0);
    assert_eq!(on_ledger(&drc, "object-damaged").len(), 1);
}

/// Copies a site to a folder.
fn copy(site: &Site, to: &Path) -> Value {
    site.json(&["replicate", "--to", to.to_str().unwrap()])
}

#[test]
fn a_copy_on_a_disk_says_what_is_on_it_and_restores_by_itself() {
    let mut site = Site::new();
    site.opd("dinkes");
    site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    let disk = site.path("disk");
    {
        let server = server(&site);
        server.write("letter", &noise(1, 300_000));
        succeeded(&server.backup("letters"));
    }
    // A disk that is not mounted is no folder to be made.
    failed(&site.controller(&["replicate", "--to", disk.to_str().unwrap()]));
    fs::create_dir(&disk).unwrap();
    let made = copy(&site, &disk);
    assert_eq!((made["snapshots"].as_u64(), made["incomplete"].as_array().unwrap().len()), (Some(1), 0), "{made}");
    assert_eq!(made["objects"].as_u64().unwrap() as usize, {
        let vaults = disk.join("vaults");
        assert!(vaults.exists());
        ["packs", "index", "reach", "snapshots", "vault"].iter().map(|kind| objects(&disk, kind).len()).sum::<usize>()
    });
    let again = copy(&site, &disk);
    assert!(again["copied_bytes"].as_u64() < made["copied_bytes"].as_u64(), "{again}");
    // With another snapshot, and the site stopped: only what is missing comes.
    {
        let server = server(&site);
        server.write("letter-2", &noise(2, 300_000));
        succeeded(&server.backup("letters"));
    }
    site.stop();
    let further = copy(&site, &disk);
    assert_eq!(further["snapshots"].as_u64(), Some(2));
    assert!(further["copied_bytes"].as_u64() < further["bytes"].as_u64(), "{further}");
    assert_eq!(entries(site.folder.path(), "pusat-33.19", "copy-made").len(), 3);

    let check = |arguments: &[&str]| {
        let all = [&["--json", "scrub", "--copy", disk.to_str().unwrap()], arguments].concat();
        let output = site.controller(&all);
        (output.status.success(), serde_json::from_slice::<Value>(&output.stdout).unwrap_or_default(), output)
    };
    let (sound, found, _) = check(&[]);
    assert!(sound && found["receipt"] == further["receipt"] && found["snapshots"] == 2, "{found}");
    // With the site gone, the copy restores by itself, and is checked by whoever has the site's public key.
    let secret = fs::read_to_string(site.path("site/ledger.key")).unwrap();
    let key = SigningKey::from_secret_text(secret.trim()).unwrap().verifier().to_string();
    for gone in ["site", "store"] {
        fs::remove_dir_all(site.path(gone)).unwrap();
    }
    let server = server(&site);
    let (identity, target) = (server.path("identity"), server.path("restored"));
    let restore = ["restore", "--store", disk.to_str().unwrap(), "--identity", identity.to_str().unwrap()];
    let what = ["--dataset", "letters", "latest", "--target", target.to_str().unwrap()];
    succeeded(&server.run(&[&restore[..], &what].concat()));
    let restored = target.join(server.path("tree").strip_prefix("/").unwrap());
    for (name, seed) in [("letter", 1), ("letter-2", 2)] {
        assert!(fs::read(restored.join(name)).unwrap() == noise(seed, 300_000), "{name}");
    }
    assert!(check(&["--key", &key]).0);
    // A byte of it that changes is found, and so is a pack that is not there.
    let packs = objects(&disk, "packs");
    overwrite(&disk.join(&packs[0]), |bytes| bytes[100] ^= 1);
    fs::remove_file(disk.join(&packs[1])).unwrap();
    let (sound, found, _) = check(&["--key", &key]);
    let named: BTreeSet<&str> =
        found["problems"].as_array().unwrap().iter().map(|its| its["object"].as_str().unwrap()).collect();
    assert!(!sound && named == packs[..2].iter().map(String::as_str).collect(), "{found}");
    // An altered receipt is believed by nobody, nor is one that somebody else signed.
    let stranger = SigningKey::generate("pulih-ledger/pusat-33.19", &ring::rand::SystemRandom::new()).unwrap();
    let said = failed(&check(&["--key", &stranger.verifier().to_string()]).2);
    assert!(said.contains("no receipt that pusat-33.19 signed"), "{said}");
    let receipts = disk.join("site/pusat-33.19/receipts");
    for receipt in fs::read_dir(&receipts).unwrap().map(|entry| entry.unwrap().path()) {
        overwrite(&receipt, |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            *bytes = text.replace("\"snapshots\"", "\"\"").replace("\"bytes\":", "\"bytes\":1").into_bytes();
        });
    }
    let said = failed(&check(&["--key", &key]).2);
    assert!(said.contains("no receipt that pusat-33.19 signed"), "{said}");
}

#[test]
fn a_copy_that_is_killed_shows_whole_snapshots_and_goes_on() {
    let mut site = Site::new();
    site.opd("dinkes");
    site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    for seed in 1..=5 {
        let server = server(&site);
        server.write(&format!("letter-{seed}"), &noise(seed, 3 << 20));
        succeeded(&server.backup("letters"));
    }
    site.stop();
    let disk = site.path("disk");
    fs::create_dir(&disk).unwrap();
    let mut seen = 0;
    for _ in 0..3 {
        let mut copying = Command::new(env!("CARGO_BIN_EXE_pulih-controller"));
        copying.env("PULIH_CONTROLLER_STATE", site.path("site")).args(["replicate", "--to", disk.to_str().unwrap()]);
        let mut copying = copying.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("another pack is on the disk, or all are", || {
            objects(&disk, "packs").len() > seen || copying.try_wait().unwrap().is_some()
        });
        // As the power would end it, or a hand that pulls the disk out.
        let _ = copying.kill();
        copying.wait().unwrap();
        seen = objects(&disk, "packs").len();
        whole_snapshots(&disk);
    }
    let made = copy(&site, &disk);
    assert_eq!((made["snapshots"].as_u64(), whole_snapshots(&disk)), (Some(5), 5), "{made}");
    succeeded(&site.controller(&["scrub", "--copy", disk.to_str().unwrap()]));
}

#[test]
fn a_pusat_data_that_lost_what_it_says_it_keeps_shows_in_the_full_comparison() {
    let (site, drc) = two_sites();
    let compare = || {
        let output = drc.controller(&["--json", "replicate", "--full"]);
        (output.status.success(), serde_json::from_slice::<Value>(&output.stdout).unwrap())
    };
    let (same, found) = compare();
    assert!(same && found["missing"] == 0 && found["objects"].as_u64().unwrap() > 5, "{found}");
    // What is missing here comes back.
    let here = objects(&drc.path("store"), "packs").remove(0);
    fs::remove_file(drc.path("store").join(&here)).unwrap();
    let (same, found) = compare();
    assert!(same && found["healed"] == 1, "{found}");
    assert!(drc.alarms().contains("object-damaged") && !drc.alarms().contains("sites-differ"));
    // Wiped there: the ledger goes on as if nothing had happened, and the objects are not there.
    let there = objects(&site.path("store"), "packs");
    there.iter().for_each(|name| fs::remove_file(site.path("store").join(name)).unwrap());
    let (same, found) = compare();
    assert!(!same && texts(&found["named"]) == there, "{found}");
    assert!(drc.alarms().contains("sites-differ"));
    // Encrypted in place, with the names left: what is read there shows it.
    for name in &there {
        fs::write(site.path("store").join(name), b"YOUR FILES ARE ENCRYPTED").unwrap();
    }
    let (same, found) = compare();
    assert!(!same && found["missing"].as_u64().unwrap() > 0, "{found}");
    let compared = on_ledger(&drc, "sites-compared");
    assert_eq!(compared.iter().map(|its| its["missing"] == 0).collect::<Vec<_>>(), [true, true, false, false]);
    assert_eq!(drc.whole_snapshots(), 2);
}

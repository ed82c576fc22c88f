//! Two sites, real processes: what a Pusat Data in strange hands, or a stranger between the two, tries.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::Arc;

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
use support::drc::{Drc, back_up, packs, restores, saved, server};
use support::raw::Raw;
use support::{Site, failed, succeeded};

const NOW: &str = "2026-11-22T01:23:45Z";

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

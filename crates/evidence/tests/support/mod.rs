//! A ledger with drills, people and objects, its bundle in a folder, and who would forge one: with the site's key,
//! or with another.
#![allow(dead_code)]

pub mod script;
pub mod sites;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pulih_evidence::report::{Code, Report};
use pulih_evidence::source::Folder;
use pulih_evidence::verify::{Trust, verify};
use pulih_evidence::write::{Export, Period, Written, to_archive, to_folder};
use pulih_ledger::edge::{Edge, FullTile, TILE_WIDTH, full_tiles, partial_width};
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{Alarm, HoldReleased, PolicyApplied, SiteCreated, UserAdded};
use pulih_ledger::hash::Hash;
use pulih_ledger::ids::SiteId;
use pulih_ledger::layout::Layout;
use pulih_ledger::{Actor, Checkpoint, Entry, Ledger, Log, canonical, sign_act};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::note::SigningKey;
use pulih_vault::store::sim_disk::SimDisk;
use pulih_vault::store::{DirStore, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const POLICY: &[u8] = b"a policy";
pub const LOG: &[u8] = b"{\"ms\":1,\"step\":1,\"file\":0,\"bytes\":5,\"ok\":true}\n";

pub fn site() -> SiteId {
    "drc-33.19".parse().unwrap()
}

pub fn key() -> SigningKey {
    key_named("pulih-ledger/drc-33.19", 3)
}

pub fn key_named(name: &str, seed: u8) -> SigningKey {
    use base64::Engine as _;
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let public = ring::signature::KeyPair::public_key(&pair).as_ref();
    let hash = ring::digest::digest(&ring::digest::SHA256, &[name.as_bytes(), b"\n\x01", public].concat());
    let hash = u32::from_be_bytes(hash.as_ref()[..4].try_into().unwrap());
    let secret = base64::engine::general_purpose::STANDARD.encode([&[1][..], &[seed; 32]].concat());
    SigningKey::from_secret_text(&format!("PRIVATE+KEY+{name}+{hash:08x}+{secret}")).unwrap()
}

pub fn trust() -> Trust {
    Trust { sites: [(site(), key().verifier().fingerprint())].into(), ..Trust::default() }
}

pub fn entry(at: &str, body: impl Into<Body>) -> Entry {
    Entry::new(site(), at.parse().unwrap(), Actor::Site, body.into())
}

pub fn encoded(entry: &Entry) -> Vec<u8> {
    entry.encode(&site()).unwrap()
}

/// An entry of a kind that the ledger's program need not know.
pub fn raw(kind: &str, at: &str, fields: Value) -> Vec<u8> {
    let Value::Object(mut fields) = fields else { panic!("fields are an object") };
    fields.insert("type".into(), format!("pulih/ledger/{kind}/v1").into());
    fields.insert("at".into(), at.into());
    fields.insert("site".into(), site().as_str().into());
    fields.insert("actor".into(), json!({"type": "site"}));
    canonical::encode(&fields).unwrap()
}

pub fn point() -> String {
    format!("{}/rekam-medis/0000000007-{}", VaultId([7; 16]), ObjectHash::of(b"manifest"))
}

pub fn announced(drill: &str, occurrence: u64) -> Value {
    json!({"drill": drill, "kind": "restore", "class": "non-publik", "schedule": "non-publik/restore",
        "occurrence": occurrence, "due": "2026-12-05T19:00:00Z", "points": [point()], "scratch_bytes": 5,
        "policy": ObjectHash::of(POLICY).to_string(), "until": "2026-12-06T01:00:00Z"})
}

pub fn step(drill: &str, outcome: &str) -> Value {
    let point = point();
    let parts: Vec<_> = point.split('/').collect();
    json!({"drill": drill, "step": 1, "what": "restore", "vault": parts[0], "dataset": parts[1], "manifest": parts[2],
        "outcome": outcome, "began": "2026-12-05T19:00:10Z", "milliseconds": 60, "files": 1, "bytes": 5,
        "total_files": 1, "total_bytes": 5, "text": "",
        "phases": {"approve": 0, "fetch": 10, "decrypt": 10, "write": 10, "verify": 10, "check": 0}})
}

pub fn ended(drill: &str, outcome: &str, steps: u64) -> Value {
    json!({"drill": drill, "outcome": outcome, "milliseconds": if steps > 0 { 100 } else { 0 }, "steps": steps,
        "log": ObjectHash::of(LOG).to_string(), "leftovers": 0, "text": ""})
}

pub fn missed(occurrence: u64, count: Option<u64>) -> Value {
    let mut fields = json!({"schedule": "non-publik/restore", "kind": "restore", "class": "non-publik",
        "occurrence": occurrence, "due": "2026-12-12T19:00:00Z", "reason": "busy"});
    if let Some(count) = count {
        fields["count"] = count.into();
    }
    fields
}

pub const AT: &str = "2026-12-05T19:00:00Z";
pub const LATER: &str = "2026-12-20T19:00:00Z";

/// The drills of a log where all is well.
pub fn good_drills() -> Vec<Vec<u8>> {
    vec![
        raw("drill-announced", AT, announced("d-1", 1)),
        raw("drill-started", AT, json!({"drill": "d-1"})),
        raw("drill-step", AT, step("d-1", "passed")),
        raw("drill-ended", AT, ended("d-1", "passed", 1)),
        raw("drill-missed", LATER, missed(2, None)),
        raw("drill-announced", LATER, announced("d-2", 3)),
        raw("drill-ended", LATER, ended("d-2", "missed", 0)),
        raw("drill-missed", LATER, missed(6, Some(3))),
    ]
}

/// What the admin of these logs signs.
pub fn by_siti(at: &str, body: impl Into<Body>) -> Vec<u8> {
    let person = key_named("siti", 4);
    let actor = Actor::Person { user: "siti".parse().unwrap(), key: person.verifier().fingerprint() };
    encoded(&sign_act(Entry { actor, ..entry(at, body) }, &person).unwrap())
}

pub fn beginning() -> Vec<Vec<u8>> {
    let person = key_named("siti", 4);
    let created = SiteCreated { role: "drc".into(), name: "DRC".into(), key: key().verifier(), uji: false };
    let added = UserAdded {
        user: "siti".parse().unwrap(),
        name: "Siti".into(),
        roles: vec!["admin".into()],
        opd: None,
        key: person.verifier(),
        decree: None,
        until: None,
    };
    let policy = PolicyApplied { policy: "default".into(), version: 1, object: ObjectHash::of(POLICY) };
    let act = by_siti(AT, HoldReleased { hold: "h1".parse().unwrap(), reason: "selesai".into() });
    vec![encoded(&entry(AT, created)), encoded(&entry(AT, added)), encoded(&entry(AT, policy)), act]
}

pub fn alarm(number: usize) -> Vec<u8> {
    encoded(&entry(AT, Alarm { alarm: "test".into(), subject: number.to_string(), text: "x".into() }))
}

/// Enough for several tiles, with drills among them.
pub fn good() -> Vec<Vec<u8>> {
    let mut all = beginning();
    all.extend((0..600).map(alarm));
    all.extend(good_drills());
    all
}

/// A bundle made from any bytes as entries, by who has a key: what a forger with that key could make.
pub struct Forged {
    pub files: BTreeMap<String, Vec<u8>>,
}

fn tile_bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

impl Forged {
    pub fn of(entries: &[Vec<u8>], key: &SigningKey, checkpoints: &[usize]) -> Self {
        let mut forged = Self { files: BTreeMap::new() };
        forged.put("keys", format!("{}\n", key.verifier()).as_bytes());
        for (kind, bytes) in [("policies", POLICY), ("drills", LOG)] {
            forged.put(&format!("objects/{kind}/{}", ObjectHash::of(bytes)), bytes);
        }
        let layout = Layout { site: site() };
        let stored = |name: &str| name.strip_prefix("site/drc-33.19/ledger/").unwrap().to_owned();
        let (mut edge, mut full) = (Edge::default(), Vec::<FullTile>::new());
        for size in 0..=entries.len() {
            if checkpoints.contains(&size) || size == entries.len() {
                let origin = key.verifier().name().to_owned();
                let note = Checkpoint { origin, size: size as u64, root: edge.root() }.sign(key);
                forged.put(&format!("checkpoints/{size:020}"), note.as_bytes());
                forged.put("checkpoint", note.as_bytes());
            }
            if let Some(entry) = entries.get(size) {
                edge.push(Hash::of_leaf(entry), &mut full);
            }
        }
        let size = edge.size();
        for FullTile { level, index, hashes } in full {
            forged.put(&stored(layout.tile(level, index, TILE_WIDTH).as_str()), &tile_bytes(&hashes));
        }
        for (level, row) in edge.partial_tiles() {
            let name = layout.tile(level, full_tiles(size, level), partial_width(size, level));
            forged.put(&stored(name.as_str()), &tile_bytes(row));
        }
        for (index, some) in entries.chunks(TILE_WIDTH).enumerate() {
            let mut bytes = Vec::new();
            pulih_ledger::bundle::put(&mut bytes, some.iter().map(Vec::as_slice));
            forged.put(&stored(layout.bundle(index as u64, some.len()).as_str()), &bytes);
        }
        forged
    }

    pub fn put(&mut self, name: &str, bytes: &[u8]) {
        self.files.insert(format!("drc-33.19/{name}"), bytes.to_vec());
    }

    pub fn write(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in &self.files {
            put(folder.path(), name, bytes);
        }
        folder
    }

    pub fn report(&self) -> Report {
        report(self.write().path())
    }
}

pub fn put(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub fn report(folder: &Path) -> Report {
    report_by(folder, &trust())
}

pub fn report_by(folder: &Path, trust: &Trust) -> Report {
    verify(&Folder::open(folder).unwrap(), trust, &|| true).unwrap().unwrap()
}

/// Without those that no drill could be reckoned by: the policy of these bundles is none.
pub fn remarks(report: &Report) -> Vec<&String> {
    report.remarks.iter().filter(|remark| !remark.contains("came due")).collect()
}

pub fn codes(report: &Report) -> Vec<Code> {
    let mut codes: Vec<_> = report.problems.iter().map(|problem| problem.code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// A real ledger, and its bundle as it is exported.
pub struct Exported {
    pub folder: TempDir,
    pub written: Written,
}

impl Exported {
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("bundle")
    }
}

pub fn ledger(count: usize) -> (Arc<dyn Store>, Ledger) {
    let store: Arc<dyn Store> = Arc::new(DirStore::on(SimDisk::new()));
    let mut ledger = Ledger::create(Arc::clone(&store), &site(), key()).unwrap();
    let created = SiteCreated { role: "drc".into(), name: "DRC".into(), key: key().verifier(), uji: false };
    let policy = PolicyApplied { policy: "default".into(), version: 1, object: ObjectHash::of(POLICY) };
    ledger.append(&[entry(AT, created), entry(AT, policy)]).unwrap();
    ledger.checkpoint().unwrap();
    let alarm =
        |number: usize| entry(AT, Alarm { alarm: "test".into(), subject: number.to_string(), text: "x".into() });
    ledger.append(&(2..count).map(alarm).collect::<Vec<_>>()).unwrap();
    ledger.checkpoint().unwrap();
    let policy: pulih_vault::store::ObjectName =
        format!("site/drc-33.19/policies/{}", ObjectHash::of(POLICY)).parse().unwrap();
    store.create(&policy, POLICY).unwrap();
    (store, ledger)
}

pub fn export(store: &dyn Store, ledger: &Ledger) -> Exported {
    let folder = tempfile::tempdir().unwrap();
    let at = AT.parse().unwrap();
    let export =
        Export { store, logs: &[ledger.log()], by: "uji", at: &at, period: Period::default(), all_checkpoints: false };
    let written = to_folder(&folder.path().join("bundle"), &export).unwrap();
    Exported { folder, written }
}

/// A bundle as it is exported into an archive, or into a folder.
pub fn export_period(store: &dyn Store, logs: &[&Log], out: &Path, period: Period) -> Written {
    let at = AT.parse().unwrap();
    let export = Export { store, logs, by: "uji", at: &at, period, all_checkpoints: false };
    let is_archive = out.extension().is_some_and(|extension| extension == "tar");
    if is_archive { to_archive(out, &export).unwrap() } else { to_folder(out, &export).unwrap() }
}

//! Two sites and a witness as they are in the DRC's store: drills in its own ledger, the Pusat Data's mirrored, and what
//! each said of the other.

use std::path::Path;
use std::sync::Arc;

use pulih_evidence::report::Report;
use pulih_evidence::source::{Source, Tar};
use pulih_evidence::verify::{Trust, verify};
use pulih_evidence::write::{Period, Written};
use pulih_ledger::chain::KeyChain;
use pulih_ledger::cosign::{Cosigned, CosignerKey};
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    Alarm, DrillAnnounced, DrillEnded, DrillStarted, DrillStep, PolicyApplied, SiteCreated, SitePaired,
};
use pulih_ledger::ids::{Sha256, SiteId};
use pulih_ledger::layout::Layout;
use pulih_ledger::memory::{StoreMemory, add_checkpoint};
use pulih_ledger::others;
use pulih_ledger::proof::Proof;
use pulih_ledger::tlog_proof::AddCheckpoint;
use pulih_ledger::{Actor, Entry, Ledger};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::ManifestName;
use pulih_vault::note::SigningKey;
use pulih_vault::store::sim_disk::SimDisk;
use pulih_vault::store::{DirStore, ObjectName, Store};
use pulih_vault::utc;
use serde_json::{Value, json};

use super::{LOG, POLICY, announced, ended, key, key_named, site, step};

/// When the first entry is written; each further one comes an hour later.
pub const BEGIN: i64 = 1_796_000_000;
const HOUR: i64 = 3600;

pub fn pusat() -> SiteId {
    "pusat-33.19".parse().unwrap()
}

pub fn pusat_key() -> SigningKey {
    key_named("pulih-ledger/pusat-33.19", 5)
}

pub fn witness_key() -> SigningKey {
    key_named("inspektorat-33.19", 6)
}

pub fn witness() -> SiteId {
    "inspektorat-33.19".parse().unwrap()
}

pub struct Sites {
    pub store: Arc<dyn Store>,
    pub drc: Ledger,
    pub pusat: Ledger,
}

fn put(store: &dyn Store, name: &str, bytes: &[u8]) {
    let name: ObjectName = name.parse().unwrap();
    store.create(&name, bytes).unwrap();
}

fn entry(site: &SiteId, hour: u64, body: Body) -> Entry {
    let at = utc::rfc3339(BEGIN + hour as i64 * HOUR).parse().unwrap();
    Entry::new(site.clone(), at, Actor::Site, body)
}

fn alarm(number: u64) -> Body {
    Alarm { alarm: "test".into(), subject: number.to_string(), text: "x".into() }.into()
}

fn created(key: &SigningKey, role: &str) -> Body {
    SiteCreated { role: role.into(), name: role.into(), key: key.verifier(), uji: false }.into()
}

fn drill<T: serde::de::DeserializeOwned + Into<Body>>(fields: Value) -> Body {
    serde_json::from_value::<T>(fields).unwrap().into()
}

/// Adds entries, and a checkpoint over them.
fn append(ledger: &mut Ledger, site: &SiteId, bodies: Vec<Body>) {
    let from = ledger.log().size();
    let entries: Vec<_> = (from..).zip(bodies).map(|(hour, body)| entry(site, hour, body)).collect();
    ledger.append(&entries).unwrap();
    ledger.checkpoint().unwrap();
}

impl Sites {
    /// `before` and `after`: entries of the DRC on both sides of its drill.
    pub fn new(before: u64, after: u64) -> Self {
        Self::with_files(before, after, 1)
    }

    /// `files`: of the point that is drilled, of which the drill's log has the first.
    pub fn with_files(before: u64, after: u64, files: u64) -> Self {
        let store: Arc<dyn Store> = Arc::new(DirStore::on(SimDisk::new()));
        let drc = Ledger::create(Arc::clone(&store), &site(), key()).unwrap();
        let pusat = Ledger::create(Arc::clone(&store), &pusat(), pusat_key()).unwrap();
        let mut sites = Self { store, drc, pusat };
        put(&*sites.store, &format!("site/{}/policies/{}", site(), ObjectHash::of(POLICY)), POLICY);
        put(&*sites.store, &format!("site/{}/drills/{}", site(), ObjectHash::of(LOG)), LOG);
        append(&mut sites.pusat, &self::pusat(), vec![created(&pusat_key(), "pusat"), alarm(0)]);
        sites.of_pusat();
        let zeros: Sha256 = serde_json::from_value(json!("0".repeat(64))).unwrap();
        let paired = SitePaired {
            peer: self::pusat(),
            role: "pusat".into(),
            name: "Pusat Data".into(),
            key: pusat_key().verifier(),
            ca_sha256: zeros,
            card_sha256: zeros,
        };
        let policy = PolicyApplied { policy: "default".into(), version: 1, object: ObjectHash::of(POLICY) };
        append(&mut sites.drc, &site(), vec![created(&key(), "drc"), paired.into(), policy.into()]);
        append(&mut sites.drc, &site(), (0..before).map(alarm).collect());
        sites.drill(files);
        append(&mut sites.drc, &site(), (0..after).map(alarm).collect());
        append(&mut sites.pusat, &self::pusat(), (0..3).map(alarm).collect());
        sites.of_pusat();
        sites.of_drc(&[&pusat_key()]);
        sites
    }

    /// A drill with a sample, which starts when the Pusat Data has co-signed its announcement.
    fn drill(&mut self, files: u64) {
        let manifest = key_named("agent", 7).sign(&format!("{{\"counts\":{{\"files\":{files}}}}}\n"));
        let name = ManifestName { sequence: 7, hash: ObjectHash::of(manifest.as_bytes()) };
        let (vault, dataset) = (VaultId([7; 16]), "rekam-medis".parse().unwrap());
        let object = pulih_vault::layout::Layout { vault }.manifest(&dataset, name);
        self.store.create(&object, manifest.as_bytes()).unwrap();
        let mut fields = announced("d-1", 1);
        fields["points"] = json!([format!("{vault}/{dataset}/{name}")]);
        fields["sample_percent"] = json!(50);
        fields["until"] = json!(utc::rfc3339(BEGIN + 10_000 * HOUR));
        append(&mut self.drc, &site(), vec![drill::<DrillAnnounced>(fields)]);
        let note = self.of_drc(&[&pusat_key()]);
        let key = CosignerKey::of(pusat_key().verifier());
        let its = note.by(&key).unwrap();
        let started = json!({"drill": "d-1", "size": note.checkpoint().size, "cosigner": key.to_string(),
            "cosignature": its.line()});
        let mut its_step = step("d-1", "passed");
        its_step["manifest"] = json!(name.to_string());
        let bodies = vec![
            drill::<DrillStarted>(started),
            drill::<DrillStep>(its_step),
            drill::<DrillEnded>(ended("d-1", "passed", 1)),
        ];
        append(&mut self.drc, &site(), bodies);
    }

    /// The DRC co-signs the Pusat Data's newest checkpoint.
    fn of_pusat(&self) {
        let (size, log) = (self.pusat.log().checkpoint().size, KeyChain::first(pusat_key().verifier()));
        let mut memory = StoreMemory { store: Arc::clone(&self.store), own: site(), other: pusat(), log: &log };
        let old = pulih_ledger::memory::Memory::newest(&memory).unwrap().map_or(0, |its| its.checkpoint().size);
        let proof = if old == 0 { Proof::default() } else { self.pusat.log().prove_consistency(old, size).unwrap() };
        let checkpoint = self.note(&pusat(), &log, size).to_note();
        let request = AddCheckpoint { old, proof, checkpoint };
        add_checkpoint(&request, &log, &key(), BEGIN.unsigned_abs() + 10, &mut memory).unwrap();
    }

    fn note(&self, of: &SiteId, log: &KeyChain, size: u64) -> Cosigned {
        others::cosigned_at(&*self.store, &Layout { site: of.clone() }, log, size).unwrap()
    }

    /// Others co-sign the DRC's newest checkpoint.
    pub fn of_drc(&self, by: &[&SigningKey]) -> Cosigned {
        let (log, layout) = (KeyChain::first(key().verifier()), Layout { site: site() });
        let size = self.drc.log().checkpoint().size;
        for key in by {
            let note = self.note(&site(), &log, size);
            let its = note.cosign(key, BEGIN.unsigned_abs() + 20).unwrap();
            others::keep(&*self.store, &layout, &log, &note, &its).unwrap();
        }
        self.note(&site(), &log, size)
    }

    pub fn export(&self, out: &Path, period: Period) -> Written {
        super::export_period(&*self.store, &[self.drc.log(), self.pusat.log()], out, period)
    }

    /// The whole of both, as an archive's bytes.
    pub fn archive(&self) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("bukti.tar");
        self.export(&out, Period::default());
        std::fs::read(out).unwrap()
    }
}

pub fn both() -> Trust {
    let sites = [(site(), key().verifier().fingerprint()), (pusat(), pusat_key().verifier().fingerprint())];
    Trust { sites: sites.into(), ..Trust::default() }
}

pub fn report_of(source: &dyn Source, trust: &Trust) -> Report {
    verify(source, trust, &|| true).unwrap().unwrap()
}

pub fn report_of_archive(bytes: &[u8]) -> Report {
    report_of(&Tar::of(bytes).unwrap(), &both())
}

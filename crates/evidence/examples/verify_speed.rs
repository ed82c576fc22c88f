//! How fast a bundle of so many entries is verified: `verify_speed FOLDER ENTRIES` makes the ledger of a busy Pusat
//! Data in a folder (all but a few entries are recovery points, and one in a thousand is a person's act), writes the
//! bundle, and times the verifier. A bundle that is there already is taken as it is.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use pulih_evidence::source::Folder;
use pulih_evidence::verify::{Trust, verify};
use pulih_evidence::write::{Export, Period, to_folder};
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{HoldReleased, SiteCreated, SnapshotAccepted, UserAdded};
use pulih_ledger::ids::SiteId;
use pulih_ledger::{Actor, Entry, Ledger, sign_act};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::ManifestName;
use pulih_vault::note::{SigningKey, VerifierKey};
use pulih_vault::store::{DirStore, Store};
use pulih_vault::utc;
use ring::rand::SystemRandom;

type Done<T> = Result<T, Box<dyn Error>>;

const SITE: &str = "pusat-33.19";
const BATCH: u64 = 1024;
/// One entry of so many is a person's act.
const ACTS: u64 = 1000;
/// A checkpoint comes after so many.
const CHECKPOINT: u64 = 1024;
const BEGIN: i64 = 1_790_000_000;

struct Site {
    id: SiteId,
    person: SigningKey,
}

impl Site {
    fn entry(&self, number: u64, body: impl Into<Body>) -> Done<Entry> {
        let at = utc::rfc3339(BEGIN + number as i64 * 60).parse()?;
        Ok(Entry::new(self.id.clone(), at, Actor::Site, body.into()))
    }

    /// Entry `number` of the ledger.
    fn make(&self, number: u64) -> Done<Entry> {
        if number % ACTS == 1 {
            let body = HoldReleased { hold: format!("h{number}").parse()?, reason: "selesai".into() };
            let actor = Actor::Person { user: "siti".parse()?, key: self.person.verifier().fingerprint() };
            return Ok(sign_act(Entry { actor, ..self.entry(number, body)? }, &self.person)?);
        }
        let accepted = SnapshotAccepted {
            vault: VaultId([number as u8; 16]),
            dataset: "rekam-medis".parse()?,
            manifest: ManifestName { sequence: number, hash: ObjectHash::of(&number.to_be_bytes()) },
            captured: utc::rfc3339(BEGIN + number as i64 * 60 - 90).parse()?,
            keep_until: Some(utc::rfc3339(BEGIN + number as i64 * 60 + 86_400 * 30).parse()?),
            tiers: vec!["hour".into(), "day".into()],
            stored_bytes: 1 << 30,
            partial: false,
            late: false,
        };
        self.entry(number, accepted)
    }
}

fn fill(store: &Arc<dyn Store>, site: &Site, key: SigningKey, count: u64) -> Done<Ledger> {
    let verifier = key.verifier();
    let mut ledger = Ledger::create(Arc::clone(store), &site.id, key)?;
    let created = SiteCreated { role: "pusat".into(), name: "Pusat Data".into(), key: verifier, uji: false };
    let person = UserAdded {
        user: "siti".parse()?,
        name: "Siti".into(),
        roles: vec!["admin".into()],
        opd: None,
        key: site.person.verifier(),
        decree: None,
        until: None,
    };
    ledger.append(&[site.entry(0, created)?, site.entry(0, person)?])?;
    let mut next = 2;
    while next < count {
        let end = (next + BATCH).min(count);
        let entries: Done<Vec<_>> = (next..end).map(|number| site.make(number)).collect();
        ledger.append(&entries?)?;
        if end / CHECKPOINT > next / CHECKPOINT {
            ledger.checkpoint()?;
        }
        next = end;
    }
    ledger.checkpoint()?;
    Ok(ledger)
}

/// Makes the ledger and its bundle.
fn make(folder: &Path, out: &Path, count: u64) -> Done<()> {
    let random = SystemRandom::new();
    let id: SiteId = SITE.parse()?;
    let site = Site { id: id.clone(), person: SigningKey::generate("siti", &random)? };
    let key = SigningKey::generate(&format!("pulih-ledger/{id}"), &random)?;
    let store: Arc<dyn Store> = Arc::new(DirStore::create(&folder.join("store"))?);
    let began = Instant::now();
    let ledger = fill(&store, &site, key, count)?;
    eprintln!("made in {:.1} s", began.elapsed().as_secs_f64());
    let at = utc::rfc3339(BEGIN).parse()?;
    let (logs, period) = (&[ledger.log()], Period::default());
    let export = Export { store: &*store, logs, by: "verify_speed", at: &at, period, all_checkpoints: false };
    let began = Instant::now();
    let written = to_folder(out, &export)?;
    eprintln!("{} files, {} bytes, written in {:.1} s", written.files, written.bytes, began.elapsed().as_secs_f64());
    Ok(())
}

fn main() -> Done<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, count] = &arguments[..] else { return Err("verify_speed FOLDER ENTRIES".into()) };
    let (folder, count) = (Path::new(folder), count.parse::<u64>()?);
    let out = folder.join("bundle");
    if !out.exists() {
        make(folder, &out, count)?;
    }
    let key: VerifierKey = std::fs::read_to_string(out.join(SITE).join("keys"))?.trim().parse()?;
    let trust = Trust { sites: [(SITE.parse()?, key.fingerprint())].into(), ..Trust::default() };
    for round in 0..5 {
        let began = Instant::now();
        let report = verify(&Folder::open(&out)?, &trust, &|| true)?.ok_or("it was stopped")?;
        let seconds = began.elapsed().as_secs_f64();
        if let Some(problem) = report.problems.first() {
            return Err(format!("{problem:?}").into());
        }
        let acts = (2..count).filter(|number| number % ACTS == 1).count();
        println!("{{\"round\":{round},\"entries\":{},\"acts\":{acts},\"seconds\":{seconds:.3}}}", report.entries);
    }
    Ok(())
}

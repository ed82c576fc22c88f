//! How fast entries are appended, durably, in batches: to a ledger alone, and to a site's record, whose catalog
//! follows; and beside it how long the same disk takes for as many objects of the same sizes with two syncs each.
//!
//! `append_speed FOLDER ENTRIES`: prints one line of JSON. FOLDER is made, and stays.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use pulih_controller::record::Record;
use pulih_controller::site::SiteDir;
use pulih_ledger::entry::kinds::{SiteCreated, SnapshotAccepted};
use pulih_ledger::{Actor, Entry, Ledger};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::ManifestName;
use pulih_vault::note::SigningKey;
use pulih_vault::store::{DirStore, Store};
use pulih_vault::utc;
use ring::rand::SystemRandom;

type Done<T> = Result<T, Box<dyn Error>>;

const BATCH: u64 = 1024;
/// Of as many datasets as a large site has, an hour apart.
const DATASETS: u64 = 2000;
const BEGIN: i64 = 1_790_000_000;
const SITE: &str = "pusat-33.19";
const SITE_FILE: &str = "name = \"Ukur\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:1\"\nhosts = [\"localhost\"]\n";

fn entry(number: u64) -> Done<Entry> {
    let at = utc::rfc3339(BEGIN + 3600 * (number / DATASETS) as i64);
    let body = SnapshotAccepted {
        vault: VaultId([(number % 200) as u8; 16]),
        dataset: format!("dataset-{}", number % DATASETS / 200).parse()?,
        manifest: ManifestName { sequence: number / DATASETS, hash: ObjectHash::of(&number.to_le_bytes()) },
        captured: at.parse()?,
        keep_until: Some(utc::rfc3339(BEGIN + 35 * 24 * 3600).parse()?),
        tiers: vec!["hour".into()],
        stored_bytes: 1 << 30,
        partial: false,
        late: false,
    };
    Ok(Entry::new(SITE.parse()?, at.parse()?, Actor::Site, body.into()))
}

fn batches(entries: u64) -> Done<Vec<Vec<Entry>>> {
    let starts = (0..entries).step_by(BATCH as usize);
    starts.map(|start| (start..(start + BATCH).min(entries)).map(entry).collect()).collect()
}

fn store(folder: &Path) -> Done<Arc<dyn Store>> {
    Ok(Arc::new(DirStore::create(folder)?))
}

/// A ledger alone, from the first batch to the checkpoint that covers the last.
fn ledger(folder: &Path, batches: &[Vec<Entry>]) -> Done<f64> {
    let key = SigningKey::generate(&format!("pulih-ledger/{SITE}"), &SystemRandom::new())?;
    let mut ledger = Ledger::create(store(folder)?, &SITE.parse()?, key)?;
    let began = Instant::now();
    for batch in batches {
        ledger.append(batch)?;
    }
    ledger.checkpoint()?;
    Ok(began.elapsed().as_secs_f64())
}

/// The same by way of what a site writes with, and the catalog that follows.
fn record(folder: &Path, batches: &[Vec<Entry>]) -> Done<f64> {
    fs::create_dir_all(folder)?;
    let dir = SiteDir::at(folder.to_owned());
    dir.write("site.toml", SITE_FILE)?;
    let (site, store) = (dir.site()?, store(&folder.join("store"))?);
    let created =
        |key: &SigningKey| SiteCreated { role: "pusat".into(), name: "Ukur".into(), key: key.verifier(), uji: false };
    Record::make(&dir, &site, Arc::clone(&store), BEGIN, |key| vec![created(key).into()])?;
    let mut record = Record::open(&dir, &site, store)?;
    let began = Instant::now();
    for batch in batches {
        record.append(batch)?;
    }
    record.checkpoint()?;
    let took = began.elapsed().as_secs_f64();
    if record.catalog.next_entry()? != record.size() {
        return Err("the catalog does not follow".into());
    }
    Ok(took)
}

fn files(folder: &Path, found: &mut Vec<u64>) -> Done<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files(&entry.path(), found)?;
        } else {
            found.push(entry.metadata()?.len());
        }
    }
    Ok(())
}

/// Objects of these sizes: each synced under another name, then named, then its folder synced.
fn disk(folder: &Path, sizes: &[u64]) -> Done<f64> {
    let (staging, named) = (folder.join("staging"), folder.join("named"));
    fs::create_dir_all(&staging)?;
    fs::create_dir_all(&named)?;
    let bytes = vec![b'x'; sizes.iter().copied().max().unwrap_or(0) as usize];
    let began = Instant::now();
    for (number, size) in sizes.iter().enumerate() {
        let path: PathBuf = staging.join(number.to_string());
        let mut file = File::create(&path)?;
        file.write_all(&bytes[..*size as usize])?;
        file.sync_all()?;
        fs::rename(path, named.join(number.to_string()))?;
        File::open(&named)?.sync_all()?;
    }
    Ok(began.elapsed().as_secs_f64())
}

fn main() -> Done<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, entries] = &arguments[..] else {
        return Err("append_speed FOLDER ENTRIES".into());
    };
    let (folder, entries): (&Path, u64) = (Path::new(folder), entries.parse()?);
    fs::create_dir_all(folder)?;
    let batches = batches(entries)?;
    let ledger_seconds = ledger(&folder.join("ledger"), &batches)?;
    let mut sizes = Vec::new();
    files(&folder.join("ledger"), &mut sizes)?;
    let disk_seconds = disk(&folder.join("disk"), &sizes)?;
    let record_seconds = record(&folder.join("record"), &batches)?;
    let objects = sizes.len();
    println!(
        "{}",
        serde_json::json!({
            "entries": entries, "objects": objects, "ledger_seconds": ledger_seconds,
            "disk_seconds": disk_seconds, "record_seconds": record_seconds,
        })
    );
    Ok(())
}

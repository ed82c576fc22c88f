//! A step that verifies: every object that the point needs, read and held against its name. It takes no keys.

use std::time::{Duration, Instant};

use pulih_vault::id::ObjectHash;
use pulih_vault::reach::chain;
use pulih_vault::store::{ObjectName, Store, StoreError};
use serde_json::json;

use super::log::Log;
use crate::drc::recovery::order::Dataset;

/// Read at once.
const PIECE_BYTES: u64 = 1 << 20;

/// What came of it.
#[derive(Default)]
pub struct Checked {
    pub is_good: bool,
    /// Stored bytes that were read.
    pub bytes: u64,
    pub fetch: Duration,
    pub verify: Duration,
    pub text: String,
}

/// Checks a point; each object is a line of the log, by its number.
pub fn verify(store: &dyn Store, its: &Dataset, (log, step): (&Log, u64)) -> Checked {
    let mut done = Checked::default();
    match objects(store, its) {
        Ok(all) => {
            let mut bad = 0;
            for (number, (name, hash)) in all.iter().enumerate() {
                let before = done.bytes;
                let is_right = one(store, name, *hash, &mut done).unwrap_or(false);
                bad += u64::from(!is_right);
                log.line(json!({"step": step, "object": number, "bytes": done.bytes - before, "ok": is_right}));
            }
            done.is_good = bad == 0;
            done.text = match bad {
                0 => format!("{} objects read and held against their names", all.len()),
                bad => format!("{bad} of {} objects are damaged or not there", all.len()),
            };
        }
        Err(why) => done.text = why,
    }
    done
}

/// The packs and indexes of a point. Its manifest, and all that it is believed by, are checked on the way.
fn objects(store: &dyn Store, its: &Dataset) -> Result<Vec<(ObjectName, ObjectHash)>, String> {
    let point = its.parsed()?;
    let told = |error: pulih_vault::error::VaultError| error.to_string();
    let trusted = point.trusted(store).map_err(told)?;
    let manifest = trusted.manifest(store, &point.dataset, point.manifest).map_err(told)?;
    let reach = chain::load(store, trusted.layout, manifest.reach).map_err(told)?;
    let indexes = reach.indexes.iter().map(|hash| (trusted.layout.index(*hash), *hash));
    let packs = reach.packs.keys().map(|hash| (trusted.layout.pack(*hash), *hash));
    Ok(indexes.chain(packs).collect())
}

fn one(store: &dyn Store, name: &ObjectName, hash: ObjectHash, done: &mut Checked) -> Result<bool, StoreError> {
    let began = Instant::now();
    let size = store.size(name)?;
    done.fetch += began.elapsed();
    let (mut hasher, mut piece, mut at) = (blake3::Hasher::new(), Vec::new(), 0);
    while at < size {
        let len = PIECE_BYTES.min(size - at);
        piece.clear();
        let began = Instant::now();
        let read = store.read_range(name, at, len as usize, &mut piece);
        done.fetch += began.elapsed();
        read?;
        let began = Instant::now();
        hasher.update(&piece);
        done.verify += began.elapsed();
        at += len;
        done.bytes += len;
    }
    Ok(ObjectHash(*hasher.finalize().as_bytes()) == hash)
}

//! What the tests share: keys, entries, a store in memory whose objects can be damaged, and a
//! reader of C2SP tlog-tiles that is written from the specification and uses nothing of ours.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pulih_ledger::entry::kinds::Alarm;
use pulih_ledger::ids::SiteId;
use pulih_ledger::{Actor, Entry, Ledger, Log};
use pulih_vault::note::SigningKey;
use pulih_vault::store::{ObjectName, Staged, Store, StoreError};

/// Keys of nothing: they are public. Seeds are 32 times 3 and 32 times 4.
const SITE_SEED: [u8; 32] = [3; 32];
const PERSON_SEED: [u8; 32] = [4; 32];

fn key(name: &str, seed: [u8; 32]) -> SigningKey {
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
    let public = ring::signature::KeyPair::public_key(&pair).as_ref();
    let hash = ring::digest::digest(&ring::digest::SHA256, &[name.as_bytes(), b"\n\x01", public].concat());
    let hash = u32::from_be_bytes(hash.as_ref()[..4].try_into().unwrap());
    let seed = BASE64.encode([&[1][..], &seed].concat());
    SigningKey::from_secret_text(&format!("PRIVATE+KEY+{name}+{hash:08x}+{seed}")).unwrap()
}

pub fn site_key() -> SigningKey {
    key("pulih-ledger/pusat", SITE_SEED)
}

pub fn person_key() -> SigningKey {
    key("siti", PERSON_SEED)
}

pub fn key_named(name: &str) -> SigningKey {
    key(name, SITE_SEED)
}

/// Keys of nothing, told apart by a number.
pub fn seeded_key(name: &str, seed: u8) -> SigningKey {
    key(name, [seed; 32])
}

pub fn other_key(name: &str) -> SigningKey {
    key(name, [9; 32])
}

pub fn site() -> SiteId {
    "pusat".parse().unwrap()
}

/// An entry that is told from others by its number.
pub fn entry(number: u64) -> Entry {
    sized_entry(number, 0)
}

pub fn sized_entry(number: u64, bytes: usize) -> Entry {
    let body = Alarm { alarm: "test".into(), subject: number.to_string(), text: "x".repeat(bytes) };
    Entry::new(site(), "2026-11-22T01:23:45Z".parse().unwrap(), Actor::Site, body.into())
}

pub fn entries(numbers: impl IntoIterator<Item = u64>) -> Vec<Entry> {
    numbers.into_iter().map(entry).collect()
}

pub fn bytes_of(entries: &[Entry]) -> Vec<Vec<u8>> {
    entries.iter().map(|entry| entry.encode(&site()).unwrap()).collect()
}

pub fn create(store: &Arc<dyn Store>) -> Ledger {
    Ledger::create(Arc::clone(store), &site(), site_key()).unwrap()
}

pub fn open(store: &Arc<dyn Store>) -> pulih_ledger::Result<Ledger> {
    Ledger::open(Arc::clone(store), &site(), site_key())
}

pub fn open_log(store: &Arc<dyn Store>) -> pulih_ledger::Result<Log> {
    Log::open(Arc::clone(store), &site(), site_key().verifier())
}

/// All entries of a log, or the first error.
pub fn read_all(log: &Log) -> pulih_ledger::Result<Vec<Vec<u8>>> {
    log.entries(0).map(|entry| entry.map(|entry| entry.bytes)).collect()
}

// ---- The specification, word for word -----------------------------------------------------------

pub type Digest = [u8; 32];

pub fn sha256(parts: &[&[u8]]) -> Digest {
    let digest = ring::digest::digest(&ring::digest::SHA256, &parts.concat());
    digest.as_ref().try_into().unwrap()
}

pub fn leaf(entry: &[u8]) -> Digest {
    sha256(&[&[0], entry])
}

/// MTH of RFC 6962, 2.1, over hashes of leaves.
pub fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => sha256(&[]),
        [one] => *one,
        more => {
            let split = more.len().next_power_of_two() / 2;
            sha256(&[&[1], &naive_root(&more[..split]), &naive_root(&more[split..])])
        }
    }
}

pub fn root_of(entries: &[Vec<u8>]) -> Digest {
    naive_root(&entries.iter().map(|entry| leaf(entry)).collect::<Vec<_>>())
}

fn spec_path(index: usize, width: usize) -> String {
    let digits = format!("{index:03}");
    let digits = format!("{}{digits}", "0".repeat((3 - digits.len() % 3) % 3));
    let groups: Vec<_> = digits.as_bytes().chunks(3).map(|group| std::str::from_utf8(group).unwrap()).collect();
    let (last, first) = groups.split_last().unwrap();
    let first: Vec<_> = first.iter().map(|group| ["x", group, "/"].concat()).collect();
    let first = first.concat();
    let partial = if width < 256 { format!(".p/{width}") } else { String::new() };
    format!("{first}{last}{partial}")
}

/// Reads all entries up to a checkpoint from the files of the specification, and checks every
/// hash tile that a tree of this size has.
pub fn read_by_specification(store: &dyn Store, size: usize) -> Vec<Vec<u8>> {
    let read = |path: &str| {
        let name = format!("site/pusat/ledger/{path}").parse().unwrap();
        store.read(&name, u64::MAX).unwrap_or_else(|error| panic!("{error}"))
    };
    let note = String::from_utf8(read(&format!("checkpoint/{size:020}"))).unwrap();
    let lines: Vec<_> = note.lines().collect();
    assert_eq!(lines[..2], ["pulih-ledger/pusat", &size.to_string()]);
    assert_eq!(lines[3], "");
    assert!(lines[4].starts_with("\u{2014} pulih-ledger/pusat "));

    let mut entries = Vec::new();
    for index in 0..size.div_ceil(256) {
        let width = (size - index * 256).min(256);
        let bytes = read(&format!("tile/entries/{}", spec_path(index, width)));
        let mut rest = &bytes[..];
        for _ in 0..width {
            let len = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            entries.push(rest[2..2 + len].to_vec());
            rest = &rest[2 + len..];
        }
        assert_eq!(rest, b"");
    }
    let leaves: Vec<_> = entries.iter().map(|entry| leaf(entry)).collect();
    assert_eq!(BASE64.encode(naive_root(&leaves)), lines[2]);

    let mut hashes = leaves;
    for level in 0.. {
        for (index, tile) in hashes.chunks(256).enumerate() {
            let bytes = read(&format!("tile/{level}/{}", spec_path(index, tile.len())));
            assert_eq!(bytes, tile.concat(), "tile {index} of level {level}");
        }
        // A partial tile is not hashed into the level above.
        hashes = hashes.chunks_exact(256).map(naive_root).collect();
        if hashes.is_empty() {
            return entries;
        }
    }
    unreachable!()
}

// ---- A store in memory ------------------------------------------------------------------------

type Objects = BTreeMap<ObjectName, Vec<u8>>;

/// A store whose objects a test may change behind everyone's back.
#[derive(Clone, Default)]
pub struct MemStore(Arc<Mutex<Objects>>);

impl MemStore {
    pub fn with<T>(&self, act: impl FnOnce(&mut Objects) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    /// Another store with the same objects.
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.with(|objects| objects.clone()))))
    }

    pub fn shared(&self) -> Arc<dyn Store> {
        Arc::new(self.clone())
    }

    pub fn names(&self) -> Vec<ObjectName> {
        self.with(|objects| objects.keys().cloned().collect())
    }
}

struct MemStaged(MemStore, Vec<u8>);

impl Write for MemStaged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Staged for MemStaged {
    fn commit(self: Box<Self>, name: &ObjectName) -> Result<(), StoreError> {
        let Self(store, bytes) = *self;
        store.with(|objects| {
            if objects.contains_key(name) {
                return Err(StoreError::AlreadyExists { name: name.clone() });
            }
            objects.insert(name.clone(), bytes);
            Ok(())
        })
    }
}

impl Store for MemStore {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        Ok(Box::new(MemStaged(self.clone(), Vec::new())))
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        let size = self.with(|objects| objects.get(name).map(|bytes| bytes.len() as u64));
        size.ok_or_else(|| StoreError::NotFound { name: name.clone() })
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.with(|objects| {
            let bytes = objects.get(name).ok_or_else(|| StoreError::NotFound { name: name.clone() })?;
            out.extend_from_slice(&bytes[offset as usize..offset as usize + len]);
            Ok(())
        })
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        let below = format!("{prefix}/");
        self.names().into_iter().filter(|name| name.as_str().starts_with(&below)).for_each(each);
        Ok(())
    }
}

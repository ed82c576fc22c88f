//! A good bundle of evidence of two sites, in memory, and others made of it: with other files in it, and with another log
//! that the DRC's own key signed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use pulih_evidence::report::Report;
use pulih_evidence::source::{Found, Source, SourceError, Tar};
use pulih_evidence::verify::{Trust, verify};
use pulih_ledger::Checkpoint;
use pulih_ledger::bundle::{self, MAX_ENTRY_BYTES};
use pulih_ledger::edge::{Edge, FullTile, TILE_WIDTH, full_tiles, partial_width};
use pulih_ledger::hash::Hash;
use pulih_ledger::layout::Layout;
use pulih_vault::note::{SigningKey, VerifierKey};

const GOOD: &[u8] = include_bytes!("../../tests/vectors/evidence.tar");
pub const SITE: &str = "drc-33.19";
const KEY: &str = "PRIVATE+KEY+pulih-ledger/drc-33.19+a0e299b8+AQMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD";
/// Most entries that are put onto the good ones: each costs an input its time.
const MOST_ENTRIES: usize = 300;

/// The DRC's ledger key.
pub fn key() -> SigningKey {
    SigningKey::from_secret_text(KEY).expect("the DRC's key is one")
}

#[derive(Clone)]
pub struct Memory(pub BTreeMap<String, Vec<u8>>);

impl Source for Memory {
    fn list(&self, each: &mut dyn FnMut(&str, Found) -> bool) -> Result<(), SourceError> {
        for (name, bytes) in &self.0 {
            if !each(name, Found::File(bytes.len() as u64)) {
                break;
            }
        }
        Ok(())
    }

    fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
        let bytes = self.0.get(name).expect("only what was listed is read");
        if bytes.len() as u64 > limit {
            return Err(SourceError::TooLarge { name: name.to_owned(), limit });
        }
        Ok(bytes.clone())
    }
}

pub static BUNDLE: LazyLock<Memory> = LazyLock::new(|| {
    let tar = Tar::of(GOOD).expect("the vector is an archive");
    let mut names = Vec::new();
    tar.list(&mut |name, _| {
        names.push(name.to_owned());
        true
    })
    .expect("it is in memory");
    let read = |name: String| {
        let bytes = tar.read(&name, 1 << 20).expect("it is in memory");
        (name, bytes)
    };
    Memory(names.into_iter().map(read).collect())
});

/// What somebody has on paper: the fingerprints of both sites.
static TRUST: LazyLock<Trust> = LazyLock::new(|| {
    let fingerprint = |site: &str| {
        let keys = std::str::from_utf8(&BUNDLE.0[&format!("{site}/keys")]).expect("they are text");
        let key: VerifierKey = keys.trim().parse().expect("there is one");
        (site.parse().expect("it is an id"), key.fingerprint())
    };
    Trust { sites: [fingerprint(SITE), fingerprint("pusat-33.19")].into(), ..Trust::default() }
});

/// What the verifier says: it always ends, and its report can be printed.
pub fn report(source: &dyn Source) -> Report {
    let report = verify(source, &TRUST, &|| true).expect("memory does not fail").expect("nobody stopped it");
    let json = serde_json::to_string(&report).expect("a report is JSON");
    // A hostile bundle fills no disk with what is said of it.
    assert!(report.problems.len() <= 1001 && report.remarks.len() <= 1001 && json.len() < 64 << 20);
    report
}

fn entries_of(memory: &Memory) -> Vec<Vec<u8>> {
    let at = format!("{SITE}/tile/entries/");
    let (_, packed) = memory.0.iter().find(|(name, _)| name.starts_with(&at)).expect("there is one bundle");
    unpacked(packed)
}

fn unpacked(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        entries.push(rest[..length].to_vec());
        bytes = &rest[length..];
    }
    entries
}

/// A site that cheats: after its good entries (without the last `less`) it has others, whatever they are, and has signed
/// all of it.
pub fn signed_anew(less: usize, further: &[u8]) -> Memory {
    let mut memory = BUNDLE.clone();
    let mut entries = entries_of(&memory);
    entries.truncate(entries.len().saturating_sub(less));
    let is_one = |entry: &Vec<u8>| entry.len() <= MAX_ENTRY_BYTES;
    entries.extend(unpacked(further).into_iter().filter(is_one).take(MOST_ENTRIES));
    let gone = ["tile/", "checkpoint", "consistency/"].map(|part| format!("{SITE}/{part}"));
    memory.0.retain(|name, _| !gone.iter().any(|part| name.starts_with(part)));

    let layout = Layout { site: SITE.parse().expect("it is an id") };
    let prefix = format!("site/{SITE}/ledger/");
    let mut put = |name: &str, bytes: Vec<u8>| {
        let name = name.strip_prefix(&prefix).expect("it is of this log");
        memory.0.insert(format!("{SITE}/{name}"), bytes);
    };
    let (mut edge, mut full) = (Edge::default(), Vec::<FullTile>::new());
    entries.iter().for_each(|entry| edge.push(Hash::of_leaf(entry), &mut full));
    let bytes_of = |hashes: &[Hash]| hashes.iter().flat_map(|hash| hash.0).collect::<Vec<_>>();
    for FullTile { level, index, hashes } in full {
        put(layout.tile(level, index, TILE_WIDTH).as_str(), bytes_of(&hashes));
    }
    let size = edge.size();
    for (level, row) in edge.partial_tiles() {
        put(layout.tile(level, full_tiles(size, level), partial_width(size, level)).as_str(), bytes_of(row));
    }
    for (index, some) in entries.chunks(TILE_WIDTH).enumerate() {
        let mut packed = Vec::new();
        bundle::put(&mut packed, some.iter().map(Vec::as_slice));
        put(layout.bundle(index as u64, some.len()).as_str(), packed);
    }
    let key = key();
    let note = Checkpoint { origin: key.verifier().name().to_owned(), size, root: edge.root() }.sign(&key);
    put(layout.checkpoint(size).as_str(), note.clone().into_bytes());
    memory.0.insert(format!("{SITE}/checkpoint"), note.into_bytes());
    memory
}

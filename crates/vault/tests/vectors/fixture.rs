//! What all vectors share: the keys, the vault, and how a file of vectors is compared or written.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pulih_vault::id::{ChunkId, ObjectHash, VaultId};
use pulih_vault::note::SigningKey;
use pulih_vault::reader::{Identities, chunk_id};
use serde_json::{Value, json};

pub const VAULT: VaultId = VaultId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
/// Seeds are 32 times 1 and 32 times 2.
pub const OWNER: &str = "PRIVATE+KEY+pulih-owner+fff12106+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
pub const AGENT: &str =
    "PRIVATE+KEY+pulih-agent/000102030405060708090a0b0c0d0e0f+9c82fd3b+AQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";
/// Keys of a vault that holds nothing: they are public.
pub const RECOVERY_IDENTITY: &str = "AGE-SECRET-KEY-1YQKHUA8SS3MJN5F6CWUJXP47XCXJGMPTDCJZG6S8TU4M2YT549XSASZXK5";
pub const RECOVERY_RECIPIENT: &str = "age1we2e7j97tssnwzemapw7f3rusu05k6jp79ycjdgtftq9yc6j6ufs5gc79d";
pub const INDEX_IDENTITY: &str = "AGE-SECRET-KEY-1DX88036HNMFVAGTGXEJXDZGFD2CZ3MYYJ683NQE99D8XGLH0K7GQFZMMRQ";
pub const INDEX_RECIPIENT: &str = "age1a646ew0fyacndzg4pugqusd8w08rmsxw0g4yjyycuh0qznceagcq69cajz";
pub const BOUNDARY_SECRET: [u8; 32] = [4; 32];
pub const ID_KEY: [u8; 32] = [3; 32];

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// Content that another language makes in one line.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i % 251) as u8).collect()
}

/// The BLAKE3 output stream over `seed`: content that does not repeat.
pub fn xof(seed: &str, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(seed.as_bytes()).finalize_xof().fill(&mut out);
    out
}

/// An id of nothing in particular.
pub fn some_id(number: u8) -> ChunkId {
    chunk_id(&ID_KEY, &[number])
}

pub fn some_hash(number: u8) -> ObjectHash {
    ObjectHash::of(&[number])
}

pub fn signing_key(text: &str) -> SigningKey {
    SigningKey::from_secret_text(text).unwrap()
}

pub fn identities(text: &str) -> Identities {
    vec![Box::new(text.parse::<age::x25519::Identity>().unwrap())]
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn writing() -> bool {
    std::env::var_os("PULIH_WRITE_VECTORS").is_some_and(|value| value == "1")
}

/// The bytes of a file of `tests/vectors/`, which `make` makes if it is not there and vectors
/// are to be written.
pub fn file(name: &str, make: impl FnOnce() -> Vec<u8>) -> Vec<u8> {
    let path = root().join("tests/vectors").join(name);
    if writing() && !path.exists() {
        // Whole or not at all: other tests of this run read it too.
        let part = path.with_extension(format!("{:?}", std::thread::current().id()));
        std::fs::write(&part, make()).unwrap();
        if std::fs::hard_link(&part, &path).is_err() {
            assert!(path.exists(), "{name} cannot be written");
        }
        std::fs::remove_file(&part).unwrap();
    }
    std::fs::read(&path).unwrap_or_else(|error| panic!("tests/vectors/{name}: {error}"))
}

/// Compares `bytes` with what is checked in at `path`, or writes it there.
pub fn check_file(path: &str, bytes: &[u8]) {
    let full = root().join(path);
    if writing() {
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(&full, bytes).unwrap();
    }
    let there = std::fs::read(&full).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(there == bytes, "{path} is not what the code makes; see the head of tests/vectors.rs");
}

/// Compares or writes a file of vectors: one case a line, so that a change shows as one.
pub fn check(name: &str, about: &str, cases: Vec<Value>) {
    let mut text = format!("{{\"about\": {},\n \"cases\": [\n", json!(about));
    let last = cases.len() - 1;
    for (i, case) in cases.into_iter().enumerate() {
        let comma = if i < last { "," } else { "" };
        let _ = writeln!(text, "  {case}{comma}");
    }
    text.push_str(" ]}\n");
    serde_json::from_str::<Value>(&text).unwrap();
    check_file(&format!("tests/vectors/{name}.json"), text.as_bytes());
}

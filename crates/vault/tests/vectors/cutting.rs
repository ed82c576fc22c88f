//! Vectors of where content and nodes end. A reader needs none of them; a second writer does.

use pulih_vault::chunker::{ChunkSizes, Chunker};
use pulih_vault::tree::node::Boundaries;
use serde_json::json;

use crate::fixture::{BOUNDARY_SECRET, check, hex, xof};

const CONTENT_SEED: &str = "pulih test vector: content";
const CONTENT_BYTES: usize = 3 << 20;

fn gear(secret: &[u8; 32]) -> Vec<u64> {
    let mut bytes = [0; 8 * 256];
    blake3::Hasher::new_derive_key("pulih 2026-11 gear table v1").update(secret).finalize_xof().fill(&mut bytes);
    bytes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()
}

/// Section 4 word by word, a byte at a time: slow, and nothing to get wrong.
fn cut_plainly(gear: &[u64], sizes: ChunkSizes, content: &[u8]) -> usize {
    let end = content.len().min(sizes.max as usize);
    let bits = sizes.average.ilog2();
    let mut hash = 0u64;
    for at in sizes.min as usize..end {
        hash = (hash << 1).wrapping_add(gear[usize::from(content[at])]);
        let bits = if at < sizes.average as usize { bits + 2 } else { bits - 2 };
        if hash.leading_zeros() >= bits {
            return at + 1;
        }
    }
    end
}

#[test]
fn chunk_boundaries() {
    let content = xof(CONTENT_SEED, CONTENT_BYTES);
    let mut cases = Vec::new();
    for secret in [BOUNDARY_SECRET, [5; 32]] {
        let gear = gear(&secret);
        for sizes in [ChunkSizes::SMALL, ChunkSizes::DEFAULT, ChunkSizes::LARGE] {
            let chunker = Chunker::new(&secret, sizes);
            let mut rest = &content[..];
            let mut lengths = Vec::new();
            while !rest.is_empty() {
                let len = chunker.cut(rest);
                assert_eq!(len, cut_plainly(&gear, sizes, rest));
                lengths.push(len);
                rest = &rest[len..];
            }
            let head: Vec<_> = gear[..4].iter().map(|value| format!("{value:016x}")).collect();
            cases.push(json!({
                "boundary_secret": hex(&secret),
                "gear": head,
                "min": sizes.min,
                "average": sizes.average,
                "max": sizes.max,
                "seed": CONTENT_SEED,
                "bytes": CONTENT_BYTES,
                "lengths": lengths,
            }));
        }
    }
    let about = "Chunk boundaries of section 4: `gear` is the table's first four values; the content is the first \
        `bytes` bytes of the BLAKE3 output stream over `seed`; it is cut into `lengths`.";
    check("chunker", about, cases);
}

#[test]
fn node_boundaries() {
    let boundaries = Boundaries::new(&BOUNDARY_SECRET);
    let key = blake3::derive_key("pulih 2026-11 node boundary v1", &BOUNDARY_SECRET);
    let mut cases = Vec::new();
    let mut add = |level: u8, path: &[u8], lines: usize, bytes: usize| {
        let hash = blake3::Hasher::new_keyed(&key).update(&[level]).update(path).finalize();
        let number = u32::from_le_bytes(hash.as_bytes()[..4].try_into().unwrap());
        let ends = boundaries.ends_after(level, path, lines, bytes);
        assert_eq!(ends, number % 32 == 0 || lines >= 512 || bytes >= 64 << 10);
        cases.push(json!({
            "boundary_secret": hex(&BOUNDARY_SECRET),
            "level": level,
            "path": hex(path),
            "lines": lines,
            "bytes": bytes,
            "hash": number,
            "ends": ends,
        }));
    };
    for level in 0..3 {
        for path in [&b"a"[..], b"home/user/\xff\xfe", b"a\\b"] {
            add(level, path, 1, 100);
        }
        let path = (0..10_000)
            .map(|n| format!("etc/file{n}"))
            .find(|path| boundaries.ends_after(level, path.as_bytes(), 1, 100))
            .unwrap();
        add(level, path.as_bytes(), 1, 100);
    }
    for (lines, bytes) in [(511, 65_535), (512, 65_535), (511, 65_536)] {
        add(0, b"a", lines, bytes);
    }
    let about = "Node boundaries of section 8: a node of `level` that has `lines` lines of `bytes` bytes `ends` after \
        the line of `path`, of which `hash` is the keyed hash's first four bytes.";
    check("node-boundary", about, cases);
}

//! Fills a chunk map and asks it, for `scripts/bench extra`: `chunk_map FOLDER CHUNKS`
//!
//! Prints one JSON object: seconds to fill it, bytes on disk, lookups per second of ids that it
//! has and of ids that it does not, with the page cache as it is.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use pulih_vault::chunk_map::{ChunkMap, Place, SPILL_AT};
use pulih_vault::error::Result;
use pulih_vault::id::ChunkId;

const LOOKUPS: u64 = 200_000;
/// Chunks of a frame of 4 MiB.
const FRAME_CHUNKS: u64 = 64;

/// As uniform as a keyed hash, and faster: filling is measured, not hashing.
fn id(n: u64) -> ChunkId {
    let mut out = [0; ChunkId::LEN];
    for (word, salt) in out.chunks_exact_mut(8).zip(1u64..) {
        let mut x = n.wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word.copy_from_slice(&(x ^ (x >> 31)).to_le_bytes());
    }
    ChunkId(out)
}

fn per_second(lookups: impl Iterator<Item = u64>, map: &ChunkMap, expected: bool) -> Result<f64> {
    let start = Instant::now();
    for n in lookups {
        assert_eq!(map.get(&id(n))?.is_some(), expected, "chunk {n}");
    }
    Ok(LOOKUPS as f64 / start.elapsed().as_secs_f64())
}

fn measure(folder: &Path, chunks: u64) -> Result<String> {
    let start = Instant::now();
    let mut map = ChunkMap::new(folder, SPILL_AT);
    for n in 0..chunks {
        let place = Place { frame: (n / FRAME_CHUNKS) as u32, offset: (n % FRAME_CHUNKS) as u32 * 65_536, len: 65_536 };
        map.insert(id(n), place)?;
    }
    let names = map.persist()?;
    map.remove_leftovers()?;
    let fill = start.elapsed().as_secs_f64();
    drop(map);
    let bytes: u64 = names.iter().filter_map(|name| folder.join(name).metadata().ok()).map(|file| file.len()).sum();
    let start = Instant::now();
    let map = ChunkMap::open(folder, &names, SPILL_AT)?;
    let open = start.elapsed().as_secs_f64();
    let step = (chunks / LOOKUPS).max(1);
    let known = per_second((0..LOOKUPS).map(|n| n * step % chunks), &map, true)?;
    let unknown = per_second((0..LOOKUPS).map(|n| chunks + n), &map, false)?;
    Ok(format!(
        "{{\"segments\": {}, \"bytes\": {bytes}, \"fill_s\": {fill:.2}, \"open_s\": {open:.3}, \
         \"known_per_s\": {known:.0}, \"unknown_per_s\": {unknown:.0}}}",
        names.len()
    ))
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(folder), Some(Ok(chunks))) = (arguments.next(), arguments.next().map(|n| n.parse())) else {
        eprintln!("usage: chunk_map FOLDER CHUNKS");
        return ExitCode::from(2);
    };
    match measure(Path::new(&folder), chunks) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

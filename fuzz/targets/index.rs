//! An index from arbitrary bytes, with what lies behind its header taken as what the seal would
//! have held: a zstd frame, or at once the tables in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pulih_fuzz::VAULT;
use pulih_vault::frame::{Decompressor, content_size};
use pulih_vault::index::{self, IndexHeader};
use pulih_vault::wire::put_varint;

/// A reader allows 128 MiB; here the limit on memory must be one that a wrong length exceeds.
const MOST_PLAIN: usize = 4 << 20;

fn encode_header(header: &IndexHeader) -> Vec<u8> {
    let mut out = b"PLHINDX\x01".to_vec();
    out.extend_from_slice(&VAULT.0);
    put_varint(&mut out, header.packs.len() as u64);
    for (hash, stored_bytes) in &header.packs {
        out.extend_from_slice(&hash.0);
        put_varint(&mut out, *stored_bytes);
    }
    put_varint(&mut out, header.supersedes.len() as u64);
    header.supersedes.iter().for_each(|hash| out.extend_from_slice(&hash.0));
    out
}

fn check_body(header: &IndexHeader, body: &[u8]) {
    let Ok(packs) = index::parse_body(header, body) else { return };
    assert_eq!(packs.len(), header.packs.len());
    let mut again = Vec::new();
    for (pack, (hash, stored_bytes)) in packs.iter().zip(&header.packs) {
        assert!(pack.hash == *hash && pack.stored_bytes == *stored_bytes);
        assert_eq!(pack.ids.len(), pack.frames.chunk_count());
        pack.frames.put(&mut again);
        pack.ids.iter().for_each(|id| again.extend_from_slice(&id.0));
    }
    assert_eq!(again, body);
}

fuzz_target!(|data: &[u8]| {
    let Ok((header, rest)) = IndexHeader::parse(data, VAULT) else { return };
    assert_eq!(encode_header(&header), data[..data.len() - rest.len()]);
    check_body(&header, rest);

    let Ok(size) = content_size(rest, MOST_PLAIN) else { return };
    let mut plain = Vec::new();
    let mut decompressor = Decompressor::new();
    if decompressor.decompress(rest, size, &mut plain).is_ok() {
        assert_eq!(plain.len(), size);
        check_body(&header, &plain);
    }
    assert!(decompressor.decompress(rest, size + 1, &mut plain).is_err());
});

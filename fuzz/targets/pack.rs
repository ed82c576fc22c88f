//! The end of a pack, from arbitrary bytes: the first eight say how long the pack is, the rest
//! is its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pulih_fuzz::VAULT;
use pulih_vault::id::VaultId;
use pulih_vault::pack::{FrameList, MAX_CHUNK_BYTES, MAX_PACK_BYTES};
use pulih_vault::wire::Reader;

fn stored_bytes(list: &FrameList) -> u64 {
    list.0.iter().map(|frame| u64::from(frame.stored_bytes)).sum()
}

fn check(list: &FrameList) {
    assert!(stored_bytes(list) <= MAX_PACK_BYTES);
    assert_eq!(list.0.iter().map(|frame| frame.chunks.len()).sum::<usize>(), list.chunk_count());
    for frame in &list.0 {
        assert!(frame.stored_bytes > 0 && !frame.chunks.is_empty() && frame.plain_bytes() <= 16 << 20);
        assert!(frame.chunks.iter().all(|&len| len > 0 && u64::from(len) <= MAX_CHUNK_BYTES));
    }
    let trailer = list.to_trailer(VAULT);
    let total = stored_bytes(list) + trailer.len() as u64;
    assert_eq!(FrameList::from_pack(&trailer, total, VAULT).as_ref(), Ok(list));
    // Whatever precedes the trailer does not matter to it.
    let longer = [b"\x50\x2a\x4d\x18frames", &trailer[..]].concat();
    assert_eq!(FrameList::from_pack(&longer, total, VAULT).as_ref(), Ok(list));
    assert!(FrameList::from_pack(&trailer, total + 1, VAULT).is_err());
    assert!(FrameList::from_pack(&trailer, total, VaultId([9; 16])).is_err());
}

fuzz_target!(|data: &[u8]| {
    let Some((total, rest)) = data.split_first_chunk() else { return };
    for total in [u64::from_le_bytes(*total), rest.len() as u64] {
        if let Ok(list) = FrameList::from_pack(rest, total, VAULT) {
            check(&list);
            assert!(rest.ends_with(&list.to_trailer(VAULT)));
        }
    }
    let mut reader = Reader::new("list", rest);
    if let Ok(list) = FrameList::take(&mut reader) {
        check(&list);
        // Numbers have one form, so a list has one.
        let mut again = Vec::new();
        list.put(&mut again);
        assert_eq!(again, rest[..rest.len() - reader.remaining().len()]);
    }
});

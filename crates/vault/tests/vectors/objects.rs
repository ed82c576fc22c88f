//! Vectors of the binary objects: frame lists, the end of a pack, reach, the head of an index.

use std::collections::{BTreeMap, BTreeSet};

use pulih_vault::id::ObjectHash;
use pulih_vault::index::IndexHeader;
use pulih_vault::pack::{FrameKind, FrameList, FrameShape};
use pulih_vault::reach::{PackUse, Reach, ReachObject};
use pulih_vault::wire::{Reader, put_varint};
use serde_json::{Value, json};

use crate::fixture::{VAULT, check, hex, some_hash};

fn kind_byte(kind: FrameKind) -> u8 {
    match kind {
        FrameKind::Content => 0,
        FrameKind::Tree => 1,
        FrameKind::List => 2,
        FrameKind::Facts => 3,
        FrameKind::Unknown(byte) => byte,
    }
}

pub fn frames_json(list: &FrameList) -> Value {
    list.0
        .iter()
        .map(|frame| json!({"kind": kind_byte(frame.kind), "stored": frame.stored_bytes, "chunks": frame.chunks}))
        .collect()
}

pub fn frame_lists() -> Vec<FrameList> {
    let frame = |kind, stored_bytes, chunks: &[u32]| FrameShape { kind, stored_bytes, chunks: chunks.to_vec() };
    vec![
        FrameList(vec![]),
        FrameList(vec![frame(FrameKind::Content, 12, &[3])]),
        FrameList(vec![
            frame(FrameKind::Content, 200_000, &[1, 127, 128, 16_384, 4 << 20]),
            frame(FrameKind::Tree, 900, &[4096, 70]),
            frame(FrameKind::List, 24_600, &[24 * 1024]),
            frame(FrameKind::Unknown(9), 17, &[5]),
            frame(FrameKind::Facts, 700, &[1200]),
        ]),
    ]
}

#[test]
fn packs_ends() {
    let mut cases = Vec::new();
    for list in frame_lists() {
        let mut bytes = Vec::new();
        list.put(&mut bytes);
        assert_eq!(FrameList::take(&mut Reader::new("list", &bytes)).unwrap(), list);
        let trailer = list.to_trailer(VAULT);
        let stored: u64 = list.0.iter().map(|frame| u64::from(frame.stored_bytes)).sum();
        let plain_bytes = stored + trailer.len() as u64;
        assert_eq!(FrameList::from_pack(&trailer, plain_bytes, VAULT).unwrap(), list);
        cases.push(json!({
            "vault": VAULT.to_string(),
            "frames": frames_json(&list),
            "list": hex(&bytes),
            "trailer": hex(&trailer),
            "plain_bytes": plain_bytes,
        }));
    }
    let refused: [(&str, &[u8]); 6] = [
        ("it ends too early", &[1, 0, 5, 2, 1]),
        ("more frames than 65,536", &[0x81, 0x80, 0x04]),
        ("a frame without chunks", &[1, 0, 5, 0]),
        ("a chunk of 0 bytes", &[1, 0, 5, 1, 0]),
        ("a chunk of more than 4 MiB", &[1, 0, 5, 1, 0x81, 0x80, 0x80, 0x02]),
        ("a frame of 0 bytes", &[1, 0, 0, 1, 1]),
    ];
    for (why, bytes) in refused {
        assert!(FrameList::take(&mut Reader::new("list", bytes)).is_err(), "{why}");
        cases.push(json!({"refused": hex(bytes), "why": why}));
    }
    let about = "Section 5: `list` is the frame list of `frames`; `trailer` is what follows the frames in a pack of \
        `plain_bytes` bytes in all.";
    check("frame-list", about, cases);
}

/// A whole reach, and one that differs from it in every way.
pub fn reaches() -> (Reach, Reach) {
    let used = |stored_bytes, live_bytes, all_bytes| PackUse { stored_bytes, live_bytes, all_bytes };
    let packs = [(1, used(1, 1, 1)), (2, used(256 << 20, 1 << 40, 300 << 20)), (3, used(70_000, 0, 65_536))];
    let old = Reach {
        packs: packs.into_iter().map(|(n, used)| (some_hash(n), used)).collect(),
        indexes: [some_hash(11), some_hash(12)].into(),
    };
    let mut new = old.clone();
    new.packs.remove(&some_hash(1));
    new.packs.insert(some_hash(3), used(70_000, 128, 65_536));
    new.packs.insert(some_hash(4), used(5000, 10, 20));
    new.indexes = [some_hash(12), some_hash(13)].into();
    (old, new)
}

fn hashes_json<'a>(hashes: impl IntoIterator<Item = &'a ObjectHash>) -> Value {
    hashes.into_iter().map(ToString::to_string).collect()
}

fn packs_json(packs: &BTreeMap<ObjectHash, PackUse>) -> Value {
    let one = |(hash, used): (&ObjectHash, &PackUse)| {
        json!({
            "hash": hash.to_string(),
            "stored": used.stored_bytes,
            "live": used.live_bytes,
            "all": used.all_bytes,
        })
    };
    packs.iter().map(one).collect()
}

fn reach_case(object: &ReachObject, whole: &Reach) -> (Value, Vec<u8>) {
    let bytes = object.encode(VAULT);
    assert_eq!(ReachObject::parse(&bytes, VAULT).as_ref(), Ok(object));
    let case = json!({
        "vault": VAULT.to_string(),
        "object": hex(&bytes),
        "hash": ObjectHash::of(&bytes).to_string(),
        "below": object.base.map_or(0, |(below, _)| below),
        "base": object.base.map(|(_, name)| name.to_string()),
        "packs_gone": hashes_json(&object.packs_gone),
        "packs": packs_json(&object.packs),
        "indexes_gone": hashes_json(&object.indexes_gone),
        "indexes": hashes_json(&object.indexes),
        "whole": {"packs": packs_json(&whole.packs), "indexes": hashes_json(&whole.indexes)},
    });
    (case, bytes)
}

#[test]
fn reach_objects() {
    let (old, new) = reaches();
    let (empty, _) = reach_case(&Reach::default().to_object(), &Reach::default());
    let (full, bytes) = reach_case(&old.to_object(), &old);
    let change = new.to_change(&old, ObjectHash::of(&bytes), 0);
    let mut again = old.clone();
    again.apply(change.clone()).unwrap();
    assert_eq!(again, new);
    let mut cases = vec![empty, full, reach_case(&change, &new).0];

    let gone_from_none = ReachObject { packs_gone: BTreeSet::from([some_hash(1)]), ..old.to_object() };
    let too_long = ReachObject { base: Some((9, some_hash(1))), ..old.to_object() };
    let mut twice = bytes.clone();
    // The two index hashes end the object: the first in place of the second stands twice.
    let at = twice.len() - 64;
    twice.copy_within(at..at + 32, at + 32);
    let refused = [
        ("something gone where there is no base", gone_from_none.encode(VAULT)),
        ("a chain longer than 8", too_long.encode(VAULT)),
        ("a byte after its end", [&bytes[..], &[0]].concat()),
        ("a hash twice", twice),
    ];
    for (why, object) in refused {
        assert!(ReachObject::parse(&object, VAULT).is_err(), "{why}");
        cases.push(json!({"vault": VAULT.to_string(), "refused": hex(&object), "why": why}));
    }
    let about = "Reach objects of section 7, and the whole reach that each stands for: the second is the first's, \
        the third is a change of the second.";
    check("reach", about, cases);
}

pub fn index_header(packs: &[(ObjectHash, u64)], supersedes: &[ObjectHash]) -> Vec<u8> {
    let mut out = b"PLHINDX\x01".to_vec();
    out.extend_from_slice(&VAULT.0);
    put_varint(&mut out, packs.len() as u64);
    for (hash, stored_bytes) in packs {
        out.extend_from_slice(&hash.0);
        put_varint(&mut out, *stored_bytes);
    }
    put_varint(&mut out, supersedes.len() as u64);
    for hash in supersedes {
        out.extend_from_slice(&hash.0);
    }
    out
}

#[test]
fn index_heads() {
    let mut cases = Vec::new();
    // Packs stand in the order of the tables behind, which is not that of their hashes.
    let packs = [(some_hash(3), 70_000), (some_hash(1), 1), (some_hash(2), 256 << 20)];
    for (packs, supersedes) in [(&packs[..1], &[][..]), (&packs[..], &[some_hash(12), some_hash(11)][..])] {
        let bytes = index_header(packs, supersedes);
        let whole = [&bytes[..], b"age-encryption.org/v1\n"].concat();
        let (header, rest) = IndexHeader::parse(&whole, VAULT).unwrap();
        assert_eq!((&header.packs[..], &header.supersedes[..]), (packs, supersedes));
        assert_eq!(rest, b"age-encryption.org/v1\n");
        let listed: Value =
            packs.iter().map(|(hash, stored)| json!({"hash": hash.to_string(), "stored": stored})).collect();
        cases.push(json!({
            "vault": VAULT.to_string(),
            "header": hex(&bytes),
            "packs": listed,
            "supersedes": hashes_json(supersedes),
        }));
    }
    let none = index_header(&[], &[]);
    assert!(IndexHeader::parse(&none, VAULT).is_err());
    cases.push(json!({"vault": VAULT.to_string(), "refused": hex(&none), "why": "it covers no pack"}));
    check("index-header", "Section 6: what stands before the age file of an index.", cases);
}

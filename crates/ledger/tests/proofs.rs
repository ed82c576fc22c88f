//! Proofs: the published ones, those of every size against RFC 6962 word for word, and that no changed one holds.

mod support;

use std::convert::Infallible;

use proptest::prelude::*;
use pulih_ledger::hash::Hash;
use pulih_ledger::proof::{BadProof, Proof, Subtree, check_consistency, check_inclusion, consistency, inclusion};
use serde_json::Value;
use support::{MemStore, create, entries, leaf, naive_root};

const VECTORS: &str = include_str!("../../../tests/vectors/merkle.json");

fn hash(value: &Value) -> Hash {
    value.as_str().unwrap().parse().unwrap()
}

fn proof(value: &Value) -> Proof {
    Proof(value["proof"].as_array().unwrap().iter().map(hash).collect())
}

#[test]
fn the_published_proofs_hold_and_the_published_damage_does_not() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    for its in vectors["inclusion"].as_array().unwrap() {
        let (index, size) = (its["leafIdx"].as_u64().unwrap(), its["treeSize"].as_u64().unwrap());
        let (leaf, root, path) = (hash(&its["leafHash"]), hash(&its["root"]), proof(its));
        assert_eq!(check_inclusion(leaf, index, size, root, &path), Ok(()), "{its}");
        // What the rest of that collection changes: index and size, leaf and root, hashes before, after and gone.
        for (leaf, index, size, root) in [
            (leaf, index + 1, size, root),
            (leaf, index.wrapping_sub(1), size, root),
            (leaf, index ^ 2, size, root),
            (leaf, index, size * 2, root),
            (leaf, index, size / 2, root),
            (root, index, size, root),
            (leaf, index, size, leaf),
            (leaf, index, size, Hash::of_empty_tree()),
        ] {
            assert!(check_inclusion(leaf, index, size, root, &path).is_err(), "{index} in {size}");
        }
        for bad in damaged(&path, root) {
            assert!(check_inclusion(leaf, index, size, root, &bad).is_err(), "{bad:?}");
        }
    }
    for its in vectors["consistency"].as_array().unwrap() {
        let old = (its["size1"].as_u64().unwrap(), hash(&its["root1"]));
        let new = (its["size2"].as_u64().unwrap(), hash(&its["root2"]));
        let holds = check_consistency(old, new, &proof(its)).is_ok();
        assert_eq!(holds, its["wantErr"] != true, "{its}");
        if holds {
            for bad in damaged(&proof(its), new.1) {
                assert!(check_consistency(old, new, &bad).is_err(), "{bad:?}");
            }
            let sizes = [(old.0 + 1, new.0), (old.0 - 1, new.0), (old.0, new.0 * 2), (old.0, new.0 / 2)];
            for (one, two) in sizes {
                assert!(check_consistency((one, old.1), (two, new.1), &proof(its)).is_err(), "{one} to {two}");
            }
        }
    }
}

fn damaged(proof: &Proof, root: Hash) -> Vec<Proof> {
    let hashes = &proof.0;
    let mut all = vec![
        Proof([&[root], &hashes[..]].concat()),
        Proof([&hashes[..], &[root]].concat()),
        Proof(hashes[1..].to_vec()),
        Proof(hashes[..hashes.len() - 1].to_vec()),
        Proof::default(),
    ];
    for at in 0..hashes.len() {
        let mut changed = proof.clone();
        changed.0[at].0[at] ^= 1 << at;
        all.push(changed);
    }
    all
}

/// PATH of RFC 6962, 2.1.1.
fn naive_path(index: usize, leaves: &[[u8; 32]]) -> Vec<Hash> {
    if leaves.len() < 2 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, other) = if index < left.len() {
        (naive_path(index, left), right)
    } else {
        (naive_path(index - left.len(), right), left)
    };
    path.push(Hash(naive_root(other)));
    path
}

/// SUBPROOF of RFC 6962, 2.1.2.
fn naive_subproof(old: usize, leaves: &[[u8; 32]], is_whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_whole { Vec::new() } else { vec![Hash(naive_root(leaves))] };
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut proof, other) = if old <= left.len() {
        (naive_subproof(old, left, is_whole), right)
    } else {
        (naive_subproof(old - left.len(), right, false), left)
    };
    proof.push(Hash(naive_root(other)));
    proof
}

fn leaves(count: usize) -> Vec<[u8; 32]> {
    (0..count).map(|i| leaf(&i.to_be_bytes())).collect()
}

/// Every level of complete subtrees: what tiles have, without tiles.
struct Tree(Vec<Vec<Hash>>);

impl Tree {
    fn of(leaves: &[[u8; 32]]) -> Self {
        let mut levels = vec![leaves.iter().copied().map(Hash).collect::<Vec<_>>()];
        while levels.last().unwrap().len() > 1 {
            let below = levels.last().unwrap();
            levels.push(below.chunks_exact(2).map(|pair| Hash::of_node(&pair[0], &pair[1])).collect());
        }
        Self(levels)
    }

    fn node(&self) -> impl FnMut(Subtree) -> Result<Hash, Infallible> {
        |its| Ok(self.0[its.bits as usize][its.index as usize])
    }
}

#[test]
fn proofs_of_every_size_are_those_of_rfc_6962() {
    let leaves = leaves(1100);
    let tree = Tree::of(&leaves);
    for size in (1..=130).chain([255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 1100]) {
        let root = Hash(naive_root(&leaves[..size]));
        // Of the large ones some entries and some older trees.
        let step = 1 + size / 40;
        for at in (0..size).step_by(step).chain([size - 1]) {
            let Ok(path) = inclusion(at as u64, size as u64, &mut tree.node());
            assert_eq!(path.0, naive_path(at, &leaves[..size]), "{at} of {size}");
            assert_eq!(check_inclusion(Hash(leaves[at]), at as u64, size as u64, root, &path), Ok(()));
        }
        for old in (1..=size).step_by(step).chain([0, size - 1, size]) {
            let Ok(proof) = consistency(old as u64, size as u64, &mut tree.node());
            let expected = if old == 0 { Vec::new() } else { naive_subproof(old, &leaves[..size], true) };
            assert_eq!(proof.0, expected, "{old} to {size}");
            let older = (old as u64, Hash(naive_root(&leaves[..old])));
            assert_eq!(check_consistency(older, (size as u64, root), &proof), Ok(()), "{old} to {size}");
        }
    }
}

#[test]
fn what_there_is_no_proof_of_is_refused() {
    let (root, empty, none) = (Hash(leaf(b"x")), Hash::of_empty_tree(), Proof::default());
    assert_eq!(check_inclusion(root, 0, 0, empty, &none), Err(BadProof::Range { size: 0 }));
    assert_eq!(check_inclusion(root, 1, 1, root, &none), Err(BadProof::Range { size: 1 }));
    assert_eq!(check_inclusion(root, 0, 1, root, &none), Ok(()));
    assert_eq!(check_consistency((2, root), (1, root), &none), Err(BadProof::Range { size: 1 }));
    assert_eq!(check_consistency((0, empty), (0, empty), &none), Ok(()));
    assert_eq!(check_consistency((0, empty), (0, root), &none), Err(BadProof::Root));
    assert_eq!(check_consistency((0, empty), (9, root), &none), Ok(()));
    assert_eq!(check_consistency((0, root), (9, root), &none), Err(BadProof::Root));
    assert_eq!(check_consistency((0, empty), (9, root), &Proof(vec![root])), Err(BadProof::Length));
    assert_eq!(check_consistency((9, root), (9, root), &none), Ok(()));
    assert_eq!(check_consistency((9, empty), (9, root), &none), Err(BadProof::Root));
    let largest = u64::MAX;
    let _ = check_inclusion(root, largest - 1, largest, root, &Proof(vec![root; 63]));
    let _ = check_consistency((1 << 63, root), (largest, root), &Proof(vec![root; 63]));
}

#[test]
fn a_log_proves_what_it_has_from_its_tiles() {
    let store = MemStore::default();
    let mut ledger = create(&store.shared());
    for (from, to) in [(0, 300), (300, 1100), (1100, 70_000)] {
        ledger.append(&entries(from..to)).unwrap();
        ledger.checkpoint().unwrap();
    }
    let log = ledger.log();
    for size in [300, 1100, 65_536, 65_537, 70_000] {
        let root = log.root_at(size).unwrap();
        for index in [0, 1, 255, 256, size / 2, size - 2, size - 1] {
            let path = log.prove_inclusion(index, size).unwrap();
            let leaf = Hash::of_leaf(&log.get(index).unwrap().bytes);
            assert_eq!(check_inclusion(leaf, index, size, root, &path), Ok(()), "{index} of {size}");
        }
        for old in [0, 1, 255, 256, 257, 299, size / 2, size - 1, size] {
            let proof = log.prove_consistency(old, size).unwrap();
            let older = (old, log.root_at(old).unwrap());
            assert_eq!(check_consistency(older, (size, root), &proof), Ok(()), "{old} to {size}");
        }
    }
    assert!(log.prove_inclusion(300, 300).is_err() && log.prove_consistency(301, 300).is_err());
    // What no checkpoint covers has no tiles to prove it by.
    ledger.append(&entries(70_000..70_001)).unwrap();
    assert!(ledger.log().prove_inclusion(70_000, 70_001).is_err());
}

proptest! {
    #[test]
    fn no_proof_holds_with_one_bit_changed(
        size in 2usize..1100, at in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>(),
    ) {
        let leaves = leaves(size);
        let tree = Tree::of(&leaves);
        let (index, size) = (at.index(size) as u64, size as u64);
        let root = Hash(naive_root(&leaves));
        let flip = |hash: &mut Hash, bit: usize| hash.0[bit / 8] ^= 1 << (bit % 8);

        let Ok(path) = inclusion(index, size, &mut tree.node());
        let leaf = Hash(leaves[index as usize]);
        prop_assert_eq!(check_inclusion(leaf, index, size, root, &path), Ok(()));
        let mut all = [&[leaf, root], &path.0[..]].concat();
        let bit_at = bit.index(all.len() * 256);
        flip(&mut all[bit_at / 256], bit_at % 256);
        let changed = Proof(all[2..].to_vec());
        prop_assert!(check_inclusion(all[0], index, size, all[1], &changed).is_err());

        let old = index + 1;
        let older = Hash(naive_root(&leaves[..old as usize]));
        let Ok(proof) = consistency(old, size, &mut tree.node());
        prop_assert_eq!(check_consistency((old, older), (size, root), &proof), Ok(()));
        let mut all = [&[older, root], &proof.0[..]].concat();
        let bit_at = bit.index(all.len() * 256);
        flip(&mut all[bit_at / 256], bit_at % 256);
        let changed = Proof(all[2..].to_vec());
        prop_assert!(check_consistency((old, all[0]), (size, all[1]), &changed).is_err());
    }
}

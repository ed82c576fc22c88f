//! Trees in memory: a diff says what a comparison of all entries says, and reads little.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::*;

use super::*;
use crate::error::VaultError;
use crate::reader::chunk_id;
use crate::tree::builder::{NodeSink, TreeBuilder};
use crate::tree::entry::{Kind, Timestamp};
use crate::tree::node::Boundaries;

#[derive(Default)]
struct Stored(HashMap<ChunkId, Vec<u8>>);

impl NodeSink for Stored {
    fn node(&mut self, _: u8, bytes: &[u8]) -> Result<ChunkId> {
        let id = chunk_id(&[1; 32], bytes);
        self.0.insert(id, bytes.to_vec());
        Ok(id)
    }
}

impl Nodes for &Stored {
    fn node(&mut self, id: &ChunkId, level: u8, from: Option<&[u8]>, to: Option<&[u8]>) -> Result<Node> {
        let bytes = self.0.get(id).ok_or(VaultError::MissingChunk { id: *id })?;
        Ok(Node::parse(bytes, level, from, to)?)
    }
}

/// Path and mode of each entry.
type Files = BTreeMap<Vec<u8>, u32>;

fn entry(path: &[u8], mode: u32) -> Entry {
    Entry {
        path: path.to_vec(),
        kind: Kind::Fifo,
        mode,
        uid: 0,
        gid: 0,
        user: None,
        group: None,
        mtime: Timestamp::default(),
        links: None,
        xattrs: BTreeMap::new(),
        note: None,
    }
}

fn build(files: &Files, stored: &mut Stored) -> Option<Root> {
    let mut builder = TreeBuilder::new(Boundaries::new(&[7; 32]));
    let mut paths: Vec<_> = files.iter().collect();
    paths.sort_by(|a, b| compare(a.0, b.0));
    for (path, mode) in paths {
        builder.push(path, &entry(path, *mode).to_line(), stored).unwrap();
    }
    builder.finish(stored).unwrap().1
}

fn by_comparison(from: &Files, to: &Files) -> Vec<Change> {
    let mut paths: Vec<_> = from.keys().chain(to.keys()).collect();
    paths.sort_by(|a, b| compare(a, b));
    paths.dedup();
    let boxed = |path: &[u8], mode: &u32| Box::new(entry(path, *mode));
    let changes = paths.into_iter().filter_map(|path| match (from.get(path), to.get(path)) {
        (Some(a), None) => Some(Change::Removed(boxed(path, a))),
        (None, Some(b)) => Some(Change::Added(boxed(path, b))),
        (Some(a), Some(b)) if a != b => Some(Change::Changed(boxed(path, a), boxed(path, b))),
        _ => None,
    });
    changes.collect()
}

/// The changes and how many nodes were read for them.
fn diff(from: &Files, to: &Files) -> (Vec<Change>, u64) {
    let mut stored = Stored::default();
    let (from, to) = (build(from, &mut stored), build(to, &mut stored));
    let mut diff = Diff::new(&stored, from, &stored, to);
    let changes: Vec<Change> = diff.by_ref().map(|change| change.unwrap()).collect();
    (changes, diff.nodes_read())
}

fn many() -> Files {
    (0..30_000).map(|n| (format!("srv/{:02}/letter-{n:05}", n / 500).into_bytes(), 0o644)).collect()
}

#[test]
fn what_is_shared_is_not_read() {
    let from = many();
    assert_eq!(diff(&from, &from), (Vec::new(), 0));
    let edits: [(&str, Option<u32>); 4] = [
        ("srv/17/letter-08600", Some(0o600)),
        ("srv/17/letter-08601", None),
        ("srv/17/letter-08601b", Some(0o644)),
        ("a", Some(0o644)),
    ];
    let mut to = from.clone();
    for (done, (path, mode)) in edits.into_iter().enumerate() {
        match mode {
            Some(mode) => to.insert(path.into(), mode),
            None => to.remove(path.as_bytes()),
        };
        let (changes, read) = diff(&from, &to);
        assert_eq!(changes.len(), done + 1);
        // A tree of about 470 leaves; each edit touches one path down in each of the trees, and
        // sometimes the nodes beside it.
        assert!(read <= 24, "{read} nodes for {} changes", done + 1);
        assert_eq!(changes, by_comparison(&from, &to));
    }
}

#[test]
fn a_folder_that_went_is_read_in_one_tree_only() {
    let from = many();
    let mut to = from.clone();
    to.retain(|path, _| !path.starts_with(b"srv/30/"));
    let (changes, read) = diff(&from, &to);
    assert_eq!(changes.len(), 500);
    assert!(read <= 40, "{read} nodes");
}

#[test]
fn trees_of_other_heights_and_none() {
    let many = many();
    let few: Files = many.iter().take(3).map(|(path, mode)| (path.clone(), *mode)).collect();
    for (a, b) in
        [(&many, &few), (&few, &many), (&few, &Files::new()), (&Files::new(), &few), (&Files::new(), &Files::new())]
    {
        assert_eq!(diff(a, b).0, by_comparison(a, b));
    }
}

fn files() -> impl Strategy<Value = Files> {
    prop::collection::btree_map("[a-d]{1,3}(/[a-c.]{2}x){0,3}".prop_map(String::into_bytes), 0u32..2, 0..400)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]
    #[test]
    fn a_diff_is_what_a_comparison_of_everything_is(
        shared in files(), from in files(), to in files(), take in 0usize..40,
    ) {
        let with = |own: Files| -> Files { shared.clone().into_iter().chain(own.into_iter().take(take)).collect() };
        let (from, to) = (with(from), with(to));
        prop_assert_eq!(diff(&from, &to).0, by_comparison(&from, &to));
    }
}

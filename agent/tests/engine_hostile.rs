//! A vault whose writer is hostile: everything in it is signed as it should be, and it still
//! cannot write outside the target, take memory without bound, or keep a restore from ending.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use pulih_restore::Summary;
use pulih_vault::description::parse_recipients;
use pulih_vault::envelope;
use pulih_vault::frame::{Compressor, Search};
use pulih_vault::id::{ChunkId, ObjectHash};
use pulih_vault::index::{self, IndexedPack};
use pulih_vault::layout::ManifestName;
use pulih_vault::manifest::{Changes, Counts, Facts, Manifest};
use pulih_vault::pack::{FrameKind, FrameList, FrameShape};
use pulih_vault::reach::{PackUse, Reach};
use pulih_vault::reader::chunk_id;
use pulih_vault::store::{DirStore, Store};
use pulih_vault::tree::node::Root;
use support::{SIZES, TestVault};

struct Hostile {
    folder: tempfile::TempDir,
    vault: TestVault,
    store: Arc<dyn Store>,
}

impl Hostile {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let vault = TestVault::new();
        let store: Arc<dyn Store> = Arc::new(DirStore::create(&folder.path().join("store")).unwrap());
        vault.begin(&*store);
        fs::write(folder.path().join("outside"), b"untouched").unwrap();
        Self { folder, vault, store }
    }

    fn id(&self, bytes: &[u8]) -> ChunkId {
        chunk_id(&self.vault.secrets.id_key, bytes)
    }

    /// A snapshot of these chunks, each in a frame of its own, with this root. `shape` may lie
    /// about a frame.
    fn snapshot(&self, chunks: &[Vec<u8>], root: Root, shape: impl Fn(&mut FrameShape)) -> ManifestName {
        let random = ring::rand::SystemRandom::new();
        let layout = self.vault.layout;
        let recipients = || parse_recipients(&self.vault.description.recipients).unwrap();
        let (mut plain, mut frames) = (Vec::new(), FrameList::default());
        for chunk in chunks {
            let mut frame = Vec::new();
            Compressor::new().compress(chunk, Search::Short, &mut frame).unwrap();
            plain.extend_from_slice(&frame);
            let (stored_bytes, len) = (frame.len() as u32, chunk.len() as u32);
            let mut its = FrameShape { kind: FrameKind::Tree, stored_bytes, chunks: vec![len] };
            shape(&mut its);
            frames.0.push(its);
        }
        plain.extend_from_slice(&frames.to_trailer(layout.vault));
        let pack = envelope::seal(&recipients(), &random, &plain).unwrap();
        let hash = ObjectHash::of(&pack);
        self.store.create(&layout.pack(hash), &pack).unwrap();
        let ids = chunks.iter().map(|chunk| self.id(chunk)).collect();
        let stored_bytes = pack.len() as u64;
        let packs = [IndexedPack { hash, stored_bytes, frames, ids }];
        let index = index::encode(layout.vault, &packs, &recipients(), &random).unwrap();
        self.store.create(&layout.index(ObjectHash::of(&index)), &index).unwrap();
        let used = PackUse { stored_bytes, live_bytes: 1, all_bytes: 1 };
        let indexes = BTreeSet::from([ObjectHash::of(&index)]);
        let reach = Reach { packs: BTreeMap::from([(hash, used)]), indexes }.to_object().encode(layout.vault);
        self.store.create(&layout.reach(ObjectHash::of(&reach)), &reach).unwrap();
        self.manifest(root, ObjectHash::of(&reach))
    }

    fn manifest(&self, root: Root, reach: ObjectHash) -> ManifestName {
        let manifest = Manifest {
            facts: Facts {
                vault: self.vault.layout.vault,
                dataset: TestVault::dataset(),
                sequence: 1,
                captured: "2026-11-22T00:00:00Z".into(),
                partial: false,
                program: "hostile".into(),
                host: "hostile".into(),
                description: self.vault.name,
                chunker: SIZES,
                tree: Some(root),
                counts: Counts::default(),
            },
            finished: "2026-11-22T00:00:00Z".into(),
            rebuilt: false,
            changes: Changes::default(),
            reach,
            previous: None,
            rejoined: None,
            head: None,
        };
        let note = manifest.sign(&self.vault.agent);
        let name = ManifestName { sequence: 1, hash: ObjectHash::of(note.as_bytes()) };
        self.store.create(&self.vault.layout.manifest(&TestVault::dataset(), name), note.as_bytes()).unwrap();
        name
    }

    /// A leaf of these lines.
    fn leaf(&self, lines: &[String], more: &[Vec<u8>]) -> ManifestName {
        let leaf = (lines.join("\n") + "\n").into_bytes();
        let root = Root { root: self.id(&leaf), level: 0 };
        let mut chunks = vec![leaf];
        chunks.extend_from_slice(more);
        self.snapshot(&chunks, root, |_| {})
    }

    /// Restores, and checks that nothing beside the target was made or changed.
    fn restore(&self, name: ManifestName) -> Result<Summary, String> {
        let target = self.folder.path().join("target");
        let done = self.vault.restore(&self.store, name, &target).map_err(|error| error.to_string());
        let mut beside: Vec<_> =
            fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        beside.sort();
        beside.retain(|name| name != "target");
        assert_eq!(beside, ["outside", "store"]);
        assert_eq!(fs::read(self.folder.path().join("outside")).unwrap(), b"untouched");
        done
    }

    fn is_empty(&self) -> bool {
        let target = self.folder.path().join("target");
        fs::read_dir(target).map_or(true, |mut entries| entries.next().is_none())
    }
}

fn file(path: &str, content: ChunkId, size: u64, more: &str) -> String {
    let id = serde_json::to_string(&content).unwrap();
    format!(
        r#"{{"path":"{path}","type":"file","mode":"0644","uid":0,"gid":0,"mtime":"0.000000000","size":{size},"chunks":[{id}]{more}}}"#
    )
}

fn link(path: &str, target: &Path) -> String {
    let target = target.display();
    format!(
        r#"{{"path":"{path}","type":"link","mode":"0777","uid":0,"gid":0,"mtime":"0.000000000","target":"{target}"}}"#
    )
}

#[test]
fn a_path_that_leaves_the_target_is_refused_before_anything_is_written() {
    for path in ["../outside", "/outside", "a/../../outside", "a//b", ".", "..", "a/", "a\\u0000b", "a\\\\x2fb\\\\x00"]
    {
        let hostile = Hostile::new();
        let evil = b"evil".to_vec();
        let name = hostile.leaf(&[file(path, hostile.id(&evil), 4, "")], &[evil]);
        let error = hostile.restore(name).unwrap_err();
        assert!(error.contains("path"), "{path}: {error}");
        assert!(hostile.is_empty(), "{path}");
    }
}

#[test]
fn a_link_in_the_way_is_not_followed() {
    let hostile = Hostile::new();
    let evil = b"evil".to_vec();
    let id = hostile.id(&evil);
    let lines = [link("way", hostile.folder.path()), file("way/outside", id, 4, ""), file("zulu", id, 4, "")];
    let name = hostile.leaf(&lines, &[evil]);
    let summary = hostile.restore(name).unwrap();
    assert_eq!((summary.failed, summary.files), (1, 2), "the rest goes on: {summary:?}");
    assert_eq!(fs::read(hostile.folder.path().join("target/zulu")).unwrap(), b"evil");
}

#[test]
fn entries_out_of_order_are_refused() {
    let hostile = Hostile::new();
    let content = b"content".to_vec();
    let id = hostile.id(&content);
    let name = hostile.leaf(&[file("b", id, 7, ""), file("a", id, 7, "")], &[content]);
    assert!(hostile.restore(name).unwrap_err().contains("order"));
    assert!(hostile.is_empty());
}

#[test]
fn a_tree_that_lies_about_its_levels_is_refused() {
    let hostile = Hostile::new();
    let content = b"content".to_vec();
    let leaf = (file("a", hostile.id(&content), 7, "") + "\n").into_bytes();
    // As if the node had itself below it: a leaf where the root says that inner nodes are.
    let root = Root { root: hostile.id(&leaf), level: 7 };
    let name = hostile.snapshot(&[leaf, content], root, |_| {});
    assert!(hostile.restore(name).unwrap_err().contains("tree node"));
    assert!(hostile.is_empty());
}

#[test]
fn a_list_of_more_chunks_than_the_file_has_bytes_is_not_followed() {
    let hostile = Hostile::new();
    let content = b"c".to_vec();
    let list = hostile.id(&content).0.repeat(1024);
    let lists = hostile.id(&list).0.repeat(1024);
    let line = file("bomb", hostile.id(&lists), 100, r#","depth":2"#);
    let name = hostile.leaf(&[line], &[content, list, lists]);
    assert_eq!(hostile.restore(name).unwrap().failed, 1);
    assert!(hostile.is_empty());
}

#[test]
fn a_frame_that_holds_more_than_its_table_says_is_refused_unread() {
    let hostile = Hostile::new();
    let bomb = vec![0; 15 << 20];
    let id = hostile.id(&bomb[..100]);
    let leaf = (file("bomb", id, 100, "") + "\n").into_bytes();
    let root = Root { root: hostile.id(&leaf), level: 0 };
    let name = hostile.snapshot(&[leaf, bomb], root, |shape| {
        if shape.chunks[0] > 1 << 20 {
            shape.chunks = vec![100];
        }
    });
    assert_eq!(hostile.restore(name).unwrap().failed, 1);
}

#[test]
fn a_file_whose_chunks_do_not_make_its_size_is_refused() {
    for size in [3, 5, u64::MAX] {
        let hostile = Hostile::new();
        let content = b"four".to_vec();
        let name = hostile.leaf(&[file("a", hostile.id(&content), size, "")], &[content]);
        assert_eq!(hostile.restore(name).unwrap().failed, 1, "{size}");
        assert!(hostile.is_empty());
    }
}

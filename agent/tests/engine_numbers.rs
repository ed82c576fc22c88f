//! A few files of a snapshot, by their numbers in the order of its tree: just these come back, in the folders that they
//! are in.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use pulih_progress::Monitor;
use pulih_restore::target::Target;
use pulih_restore::{Action, Restore, Selection, Summary, run};
use pulih_vault::store::{DirStore, Store};
use support::TestVault;

/// What was told of each file, by its number.
#[derive(Default)]
struct Told(Mutex<BTreeMap<u64, (u64, bool)>>);

impl Monitor for Told {
    fn file(&self, number: u64, bytes: u64, is_right: bool) {
        assert_eq!(self.0.lock().unwrap().insert(number, (bytes, is_right)), None, "file {number} is told once");
    }
    fn problem(&self, _: &[u8], what: &str) {
        panic!("{what}");
    }
    fn note(&self, _: &[u8], _: &str) {}
}

/// A snapshot, and ways to restore of it.
struct Saved {
    folder: tempfile::TempDir,
    vault: TestVault,
    store: Arc<dyn Store>,
}

impl Saved {
    fn new(plant: impl Fn(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (root, cache) = (folder.path().join("tree"), folder.path().join("cache"));
        fs::create_dir_all(&root).unwrap();
        fs::create_dir_all(&cache).unwrap();
        plant(&root);
        let vault = TestVault::new();
        let store: Arc<dyn Store> = Arc::new(DirStore::create(&folder.path().join("store")).unwrap());
        vault.begin(&*store);
        vault.backup(&store, &cache, &root).unwrap();
        Self { folder, vault, store }
    }

    fn run(&self, only: Option<&[u64]>, into: &str, action: Action) -> (Summary, BTreeMap<u64, (u64, bool)>) {
        let name = self.vault.snapshots(&*self.store).pop().unwrap();
        let manifest = self.vault.manifest(&*self.store, name);
        let scratch = tempfile::tempdir().unwrap();
        let told = Told::default();
        let numbers = only.map(|only| Selection::of_numbers(only.iter().copied().collect()));
        let summary = run(&Restore {
            reader: &self.vault.reader(&self.store, &manifest, scratch.path()),
            root: manifest.facts.tree,
            selection: &numbers.unwrap_or_default(),
            target: &Target::open(&self.folder.path().join(into)).unwrap(),
            in_place: false,
            action,
            workers: 2,
            interrupted: &AtomicBool::new(false),
            monitor: &told,
        });
        (summary.unwrap(), told.0.into_inner().unwrap())
    }

    /// What is below a folder of these restores: files with their content, everything else without.
    fn there(&self, into: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let root = self.folder.path().join("tree");
        let below = self.folder.path().join(into).join(root.strip_prefix("/").unwrap());
        let mut found = BTreeMap::new();
        let mut folders = vec![below.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let path = entry.path();
                let kind = entry.file_type().unwrap();
                let content = if kind.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
                if kind.is_dir() {
                    folders.push(path.clone());
                }
                found.insert(path.strip_prefix(&below).unwrap().to_owned(), content);
            }
        }
        found
    }
}

/// Two folders of files, one that has none, a link, and one more name of a file.
fn plant(root: &Path) {
    for folder in ["a/deep", "b", "empty"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for n in 0..10 {
        fs::write(root.join(format!("a/f{n}")), format!("a{n}")).unwrap();
        fs::write(root.join(format!("b/f{n}")), vec![n; 3000 + usize::from(n)]).unwrap();
    }
    fs::write(root.join("a/deep/one"), "").unwrap();
    std::os::unix::fs::symlink("f1", root.join("a/link")).unwrap();
    fs::hard_link(root.join("a/f3"), root.join("b/again")).unwrap();
}

#[test]
fn just_the_numbered_files_come_back_and_are_told_by_the_numbers_of_the_whole_tree() {
    let saved = Saved::new(plant);
    let (whole, _) = saved.run(None, "whole", Action::Write);
    let (_, all) = saved.run(None, "whole", Action::Verify);
    assert_eq!((whole.files, all.len()), (22, 22));
    assert!(all.keys().copied().eq(0..22) && all.values().all(|(_, is_right)| *is_right));
    let everything = saved.there("whole");
    let mut pieced = BTreeSet::new();
    for chunk in (0..22_u64).collect::<Vec<_>>().chunks(4) {
        let into = format!("some-{}", chunk[0]);
        let (written, _) = saved.run(Some(chunk), &into, Action::Write);
        let (seen, told) = saved.run(Some(chunk), &into, Action::Verify);
        assert_eq!((written.files, written.others, written.failed), (chunk.len() as u64, 0, 0));
        assert_eq!((seen.files, seen.failed, seen.already_right), (chunk.len() as u64, 0, chunk.len() as u64));
        let expected: BTreeMap<u64, (u64, bool)> = chunk.iter().map(|number| (*number, all[number])).collect();
        assert_eq!(told, expected);
        assert_eq!(written.bytes, expected.values().map(|(bytes, _)| bytes).sum::<u64>());
        let there = saved.there(&into);
        for (path, content) in &there {
            assert_eq!(everything.get(path), Some(content), "{}", path.display());
        }
        let files = |all: &BTreeMap<PathBuf, Vec<u8>>| {
            let root = saved.folder.path().join("tree");
            all.keys()
                .filter(|path| root.join(path).symlink_metadata().unwrap().is_file())
                .cloned()
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(files(&there).len(), chunk.len());
        for path in files(&there) {
            assert!(pieced.insert(path.clone()), "{} has one number", path.display());
        }
    }
    assert_eq!(pieced.len(), 22);
}

#[test]
fn no_number_brings_nothing_and_one_beyond_the_tree_is_of_no_file() {
    let saved = Saved::new(plant);
    for (numbers, files) in [(&[][..], 0), (&[21, 22, u64::MAX][..], 1)] {
        let (written, _) = saved.run(Some(numbers), &format!("into-{files}"), Action::Write);
        assert_eq!((written.files, written.others), (files, 0));
    }
}

#[test]
fn a_damaged_file_of_them_is_told_by_its_number() {
    let saved = Saved::new(plant);
    saved.run(Some(&[0, 12]), "some", Action::Write);
    let mut there = saved.there("some").into_iter().filter(|(_, content)| !content.is_empty());
    let (path, content) = there.next().unwrap();
    let root = saved.folder.path().join("tree");
    let file = saved.folder.path().join("some").join(root.strip_prefix("/").unwrap()).join(path);
    fs::write(&file, content.iter().map(|byte| byte ^ 1).collect::<Vec<_>>()).unwrap();
    let name = saved.vault.snapshots(&*saved.store).pop().unwrap();
    let manifest = saved.vault.manifest(&*saved.store, name);
    let (scratch, told) = (tempfile::tempdir().unwrap(), Numbers::default());
    let summary = run(&Restore {
        reader: &saved.vault.reader(&saved.store, &manifest, scratch.path()),
        root: manifest.facts.tree,
        selection: &Selection::of_numbers([0, 12].into()),
        target: &Target::open(&saved.folder.path().join("some")).unwrap(),
        in_place: false,
        action: Action::Verify,
        workers: 1,
        interrupted: &AtomicBool::new(false),
        monitor: &told,
    });
    assert_eq!(summary.unwrap().failed, 1);
    let told = told.0.into_inner().unwrap();
    assert_eq!((told.len(), told.values().filter(|is_right| !**is_right).count()), (2, 1));
}

/// The same where something is wrong.
#[derive(Default)]
struct Numbers(Mutex<BTreeMap<u64, bool>>);

impl Monitor for Numbers {
    fn file(&self, number: u64, _: u64, is_right: bool) {
        self.0.lock().unwrap().insert(number, is_right);
    }
    fn problem(&self, _: &[u8], _: &str) {}
    fn note(&self, _: &[u8], _: &str) {}
}

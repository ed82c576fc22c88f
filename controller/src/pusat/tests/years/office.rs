//! An office that saves a small tree with the agent's own engine, at whatever time it is, and reads
//! any of its snapshots back through, with the identity.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use age::secrecy::ExposeSecret as _;
use pulih_agent::backup::{self, Backup, Limits, Source, Unwanted};
use pulih_agent::source::WalkOptions;
use pulih_progress::Silent;
use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::{Class, Description, DescriptionName, NewDescription, VaultSecrets};
use pulih_vault::id::ObjectHash;
use pulih_vault::layout::{ManifestName, ObjectKind};
use pulih_vault::manifest::Manifest;
use pulih_vault::reach::{PackUse, chain};
use pulih_vault::reader::SnapshotReader;
use pulih_vault::reader::walk::ChunkCursor;
use pulih_vault::store::{ObjectName, Staged, Store, StoreError};
use pulih_vault::writer::WriterSettings;
use pulih_vault::writer::pack_size::PackSize;

use super::super::super::{Agent, Pusat, lock};
use super::super::bench::{Bench, Hooked, LAYOUT, VAULT, in_memory, now};
use crate::pusat::accept::Came;

pub const DATASET: &str = "letters";
const SIZES: ChunkSizes = ChunkSizes { min: 512, average: 2048, max: 8192 };
/// Of each file of an import.
pub const IMPORTED_BYTES: usize = 200_000;
/// After how many days each of the files is another; the last one never is.
const PERIODS: [u32; 14] = [1, 1, 2, 3, 5, 7, 7, 14, 30, 30, 61, 91, 365, u32::MAX];

/// Files of something large that came on a day, and of which most is deleted soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Import {
    pub day: u32,
    /// So many files are left, each of [`IMPORTED_BYTES`].
    pub left: u32,
}

/// What the tree was like when a snapshot of it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub day: u32,
    /// Several may be made in a day.
    pub number: u32,
    pub import: Option<Import>,
}

fn content(of: [u32; 3], len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let mut hasher = blake3::Hasher::new();
    for number in of {
        hasher.update(&number.to_le_bytes());
    }
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

impl State {
    /// All of it, by name.
    fn files(self) -> BTreeMap<String, Vec<u8>> {
        let files = (0..).zip(PERIODS).map(|(file, period)| {
            (format!("file-{file}"), content([0, file, self.day / period], 900 + 731 * file as usize))
        });
        let import = self.import.into_iter().flat_map(|its| {
            (0..its.left).map(move |file| (format!("import-{file}"), content([1, file, its.day], IMPORTED_BYTES)))
        });
        let number = (String::from("number"), format!("{} {}", self.day, self.number).into_bytes());
        files.chain(import).chain([number]).collect()
    }
}

/// The site's store as the agent sees it: what it puts is counted, and a manifest is accepted or not.
struct Line {
    pusat: Arc<Pusat>,
    store: Arc<Hooked>,
    agent: Agent,
}

struct Counted {
    pusat: Arc<Pusat>,
    staged: Box<dyn Staged>,
    bytes: u64,
}

fn count(pusat: &Pusat, name: &ObjectName, bytes: u64) {
    lock(&pusat.catalog).add_object(&VAULT.to_string(), name.as_str(), bytes).unwrap();
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.staged.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.staged.flush()
    }
}

impl Staged for Counted {
    fn commit(self: Box<Self>, name: &ObjectName) -> Result<(), StoreError> {
        self.staged.commit(name)?;
        count(&self.pusat, name, self.bytes);
        Ok(())
    }
}

impl Store for Line {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        Ok(Box::new(Counted { pusat: self.pusat.clone(), staged: self.store.stage()?, bytes: 0 }))
    }

    fn create(&self, name: &ObjectName, bytes: &[u8]) -> Result<(), StoreError> {
        if let Some(ObjectKind::Manifest(dataset, manifest)) = LAYOUT.classify(name) {
            let accepted = self.pusat.accept(&self.agent, VAULT, &dataset, manifest, bytes, Came::Now);
            return accepted.map_err(|refusal| StoreError::Io {
                action: format!("put {name}: {}", refusal.message),
                source: io::ErrorKind::PermissionDenied.into(),
            });
        }
        self.store.create(name, bytes)?;
        count(&self.pusat, name, bytes.len() as u64);
        Ok(())
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        self.store.size(name)
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.store.read_range(name, offset, len, out)
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        self.store.list(prefix, each)
    }
}

fn time_now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(now() as u64)
}

pub struct Office {
    folder: tempfile::TempDir,
    secrets: VaultSecrets,
    identity: String,
    description: Description,
    name: DescriptionName,
    newest: Option<ManifestName>,
}

impl Office {
    /// A vault of class strategis, described and approved at the site.
    pub fn new(bench: &Bench) -> Self {
        let random = ring::rand::SystemRandom::new();
        let identity = age::x25519::Identity::generate();
        let secrets = VaultSecrets::generate(&random).unwrap();
        let note = NewDescription {
            vault: VAULT,
            created: pulih_vault::utc::rfc3339(now()),
            class: Class::Strategis,
            chunker: SIZES,
            recipients: &[identity.to_public().to_string()],
            agent: bench.key.verifier(),
            secrets: &secrets,
        }
        .sign(&bench.owner, &random)
        .unwrap();
        let name = DescriptionName { number: 1, hash: ObjectHash::of(note.as_bytes()) };
        bench.enroll(false);
        bench.pusat.describe(&bench.agent(), VAULT, name, note.as_bytes()).unwrap();
        bench.pusat.seen("app-1", "app-1");
        bench.approve(DATASET);
        let folder = in_memory();
        for below in ["tree", "cache"] {
            fs::create_dir(folder.path().join(below)).unwrap();
        }
        let description = Description::open(note.as_bytes(), |_| true).unwrap();
        let identity = identity.to_string().expose_secret().to_owned();
        Self { folder, secrets, identity, description, name, newest: None }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// Saves the tree in a state; `in_parts`: as a run that keeps its work in partial snapshots first.
    /// Returns the names of all that were stored, the whole one last.
    pub fn save(&mut self, bench: &Bench, state: State, in_parts: bool) -> Vec<ManifestName> {
        let files = state.files();
        for its in fs::read_dir(self.root()).unwrap().map(Result::unwrap) {
            if !files.contains_key(its.file_name().to_str().unwrap()) {
                fs::remove_file(its.path()).unwrap();
            }
        }
        for (name, bytes) in files {
            let path = self.root().join(name);
            if fs::read(&path).ok().as_ref() != Some(&bytes) {
                let mut file = fs::File::create(path).unwrap();
                file.write_all(&bytes).unwrap();
                // Changed when the story says: two runs may come within one tick of the system's clock.
                file.set_modified(time_now()).unwrap();
            }
        }
        let line = Line { pusat: bench.pusat.clone(), store: bench.store.clone(), agent: bench.agent() };
        let packs = |packs: Vec<String>| packs.iter().map(|pack| pack.parse().unwrap()).collect();
        let unwanted = Unwanted {
            doomed: packs(bench.pusat.doomed(VAULT).unwrap()),
            avoided: packs(bench.pusat.avoided(VAULT).unwrap()),
        };
        let stored = RefCell::new(Vec::new());
        let mut limits = Limits::default();
        if in_parts {
            limits.unkept_bytes = 1;
        }
        let outcome = backup::run(
            &Backup {
                store: Arc::new(line),
                layout: LAYOUT,
                description: &self.description,
                description_name: self.name,
                secrets: &self.secrets,
                agent: &bench.key,
                dataset: DATASET.parse().unwrap(),
                chunker: SIZES,
                newest: self.newest,
                expected: self.newest,
                newest_reach: self.newest.map(|name| self.manifest(bench, name).reach),
                head: None,
                unwanted: &unwanted,
                host: "app-1".into(),
                cache: self.folder.path().join("cache"),
                writer: WriterSettings { whole_reach_bytes: 300, ..WriterSettings::default() },
                pack_size: Arc::new(PackSize::fixed(2 << 20)),
                limits,
                readers: 1,
                clock: &time_now,
                stored: &|name| {
                    stored.borrow_mut().push(name);
                    Ok(())
                },
                interrupted: &AtomicBool::new(false),
                monitor: &Silent,
            },
            Source::Paths { roots: vec![self.root()], options: WalkOptions { threads: 1, ..WalkOptions::default() } },
        )
        .unwrap();
        self.newest = Some(outcome.name);
        stored.into_inner()
    }

    fn manifest(&self, bench: &Bench, name: ManifestName) -> Manifest {
        let object = LAYOUT.manifest(&DATASET.parse().unwrap(), name);
        let note = bench.store.read(&object, 1 << 20).unwrap();
        assert_eq!(ObjectHash::of(&note), name.hash);
        Manifest::open(&note, &self.description).unwrap()
    }

    /// The packs that the newest snapshot needs, and how much of each.
    pub fn packs(&self, bench: &Bench) -> BTreeMap<ObjectHash, PackUse> {
        let reach = self.manifest(bench, self.newest.unwrap()).reach;
        chain::load_chain(&*bench.store, LAYOUT, reach, u64::MAX).unwrap().reach.packs
    }

    /// Opens a snapshot and reads all of it: every file of the tree as it was, and no other. Returns the
    /// objects that this took.
    pub fn read_through(&self, bench: &Bench, name: ManifestName, state: State) -> Vec<ObjectName> {
        let manifest = self.manifest(bench, name);
        let loaded = chain::load_chain(&*bench.store, LAYOUT, manifest.reach, u64::MAX).unwrap();
        let identities = vec![Box::new(self.identity.parse::<age::x25519::Identity>().unwrap()) as _];
        let scratch = in_memory();
        let store: Arc<dyn Store> = bench.store.clone();
        let reader =
            SnapshotReader::open(store, LAYOUT, &loaded.reach, &self.secrets, identities, scratch.path()).unwrap();
        let mut content = ChunkCursor::new(&reader);
        let mut left = state.files();
        ChunkCursor::new(&reader)
            .walk(manifest.facts.tree, &|_, _| true, &mut |entry| {
                let Some(its) = entry.content() else { return Ok(()) };
                let path = String::from_utf8(entry.path.clone()).unwrap();
                let expected = left.remove(path.rsplit('/').next().unwrap()).expect("a file of the tree");
                let mut ids = Vec::new();
                content.content_ids(its, &mut |id| {
                    ids.push(id);
                    Ok(())
                })?;
                let mut bytes = Vec::new();
                for id in ids {
                    bytes.extend_from_slice(content.chunk(&id)?);
                }
                assert!(bytes == expected, "{path} of {state:?}");
                Ok(())
            })
            .unwrap();
        assert!(left.is_empty(), "{:?} are not in {name}", left.keys());
        let mut objects = vec![LAYOUT.manifest(&DATASET.parse().unwrap(), name)];
        objects.extend(loaded.chain.iter().map(|hash| LAYOUT.reach(*hash)));
        objects.extend(loaded.reach.indexes.iter().map(|hash| LAYOUT.index(*hash)));
        objects.extend(loaded.reach.packs.keys().map(|hash| LAYOUT.pack(*hash)));
        objects
    }
}

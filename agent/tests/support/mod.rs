//! A vault in a store of the test's choice, with a clock an hour ahead (so that files just
//! written count as settled), saved into and restored from inside the test's own process.
#![allow(dead_code)] // Each test program uses a part of it.

pub mod office;
pub mod reach;
pub mod trees;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use age::secrecy::ExposeSecret as _;
use pulih_agent::backup::{self, Backup, BackupError, Limits, Outcome, Source, Unwanted};
use pulih_agent::source::WalkOptions;
use pulih_progress::{Monitor, Silent};
use pulih_restore::target::Target;
use pulih_restore::{Action, Restore, RestoreError, Selection, Summary};
use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::{Class, Description, DescriptionName, NewDescription, VaultSecrets, agent_key_name};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, Layout, ManifestName};
use pulih_vault::manifest::Manifest;
use pulih_vault::note::SigningKey;
use pulih_vault::reach::{Reach, chain};
use pulih_vault::reader::{Identities, SnapshotReader};
use pulih_vault::store::Store;
use pulih_vault::trust;
use pulih_vault::writer::WriterSettings;
use pulih_vault::writer::pack_size::PackSize;

/// Chunks so small that small test files have several.
pub const SIZES: ChunkSizes = ChunkSizes { min: 512, average: 2048, max: 8192 };

pub struct TestVault {
    pub layout: Layout,
    pub owner: SigningKey,
    pub agent: SigningKey,
    pub secrets: VaultSecrets,
    pub identity: String,
    pub note: String,
    pub description: Description,
    pub name: DescriptionName,
    pub settings: WriterSettings,
    pub pack_size: Arc<PackSize>,
    pub limits: Limits,
    pub stop: AtomicBool,
    /// What the site's lists say.
    pub unwanted: Unwanted,
    pub monitor: Box<dyn Monitor>,
}

impl TestVault {
    pub fn new() -> Self {
        let random = ring::rand::SystemRandom::new();
        let identity = age::x25519::Identity::generate();
        let vault = VaultId([7; 16]);
        let owner = SigningKey::generate("pulih-owner", &random).unwrap();
        let agent = SigningKey::generate(&agent_key_name(vault), &random).unwrap();
        let secrets = VaultSecrets::generate(&random).unwrap();
        let note = NewDescription {
            vault,
            created: "2026-11-22T00:00:00Z".into(),
            class: Class::NonPublik,
            chunker: SIZES,
            recipients: &[identity.to_public().to_string()],
            agent: agent.verifier(),
            secrets: &secrets,
        }
        .sign(&owner, &random)
        .unwrap();
        Self {
            layout: Layout { vault },
            description: Description::open(note.as_bytes(), |_| true).unwrap(),
            name: DescriptionName { number: 1, hash: ObjectHash::of(note.as_bytes()) },
            owner,
            agent,
            secrets,
            identity: identity.to_string().expose_secret().to_owned(),
            note,
            settings: WriterSettings { packs_per_index: 2, whole_reach_bytes: 200, ..WriterSettings::default() },
            pack_size: Arc::new(PackSize::fixed(64 << 10)),
            limits: Limits::default(),
            stop: AtomicBool::new(false),
            unwanted: Unwanted::default(),
            monitor: Box::new(Silent),
        }
    }

    /// Puts the description into a store.
    pub fn begin(&self, store: &dyn Store) {
        store.create(&self.layout.description(self.name), self.note.as_bytes()).unwrap();
    }

    pub fn identities(&self) -> Identities {
        vec![Box::new(self.identity.parse::<age::x25519::Identity>().unwrap())]
    }

    pub fn dataset() -> DatasetName {
        "default".parse().unwrap()
    }

    pub fn snapshots(&self, store: &dyn Store) -> Vec<ManifestName> {
        trust::manifest_names(store, self.layout).unwrap().into_iter().map(|(_, name)| name).collect()
    }

    pub fn backup(&self, store: &Arc<dyn Store>, cache: &Path, root: &Path) -> Result<Outcome, BackupError> {
        let options = WalkOptions { threads: 1, ..WalkOptions::default() };
        self.backup_from(store, cache, Source::Paths { roots: vec![root.to_owned()], options })
    }

    pub fn backup_from(&self, store: &Arc<dyn Store>, cache: &Path, source: Source) -> Result<Outcome, BackupError> {
        let clock = || SystemTime::now() + Duration::from_secs(3600);
        let newest = trust::manifest_names(&**store, self.layout)?.pop().map(|(_, name)| name);
        let backup = Backup {
            store: store.clone(),
            layout: self.layout,
            description: &self.description,
            description_name: self.name,
            secrets: &self.secrets,
            agent: &self.agent,
            dataset: Self::dataset(),
            chunker: SIZES,
            newest,
            expected: newest,
            newest_reach: newest.map(|name| self.manifest(&**store, name).reach),
            head: None,
            unwanted: &self.unwanted,
            host: "test".into(),
            cache: cache.to_owned(),
            writer: self.settings,
            pack_size: self.pack_size.clone(),
            readers: 2,
            clock: &clock,
            limits: self.limits,
            stored: &|_| Ok(()),
            interrupted: &self.stop,
            monitor: &*self.monitor,
        };
        backup::run(&backup, source)
    }

    pub fn manifest(&self, store: &dyn Store, name: ManifestName) -> Manifest {
        let trusted = trust::load(store, self.layout.vault, |owner| *owner == self.owner.verifier()).unwrap();
        trusted.manifest(store, &Self::dataset(), name).unwrap()
    }

    pub fn reader(&self, store: &Arc<dyn Store>, manifest: &Manifest, scratch: &Path) -> SnapshotReader {
        let reach = chain::load(&**store, self.layout, manifest.reach).unwrap();
        self.reader_of(store, &reach, scratch)
    }

    pub fn reader_of(&self, store: &Arc<dyn Store>, reach: &Reach, scratch: &Path) -> SnapshotReader {
        SnapshotReader::open(store.clone(), self.layout, reach, &self.secrets, self.identities(), scratch).unwrap()
    }

    pub fn restore(&self, store: &Arc<dyn Store>, name: ManifestName, target: &Path) -> Result<Summary, RestoreError> {
        let manifest = self.manifest(&**store, name);
        let scratch = tempfile::tempdir().unwrap();
        let reader = self.reader(store, &manifest, scratch.path());
        let in_place = target.exists();
        pulih_restore::run(&Restore {
            reader: &reader,
            root: manifest.facts.tree,
            selection: &Selection::default(),
            target: &Target::open(target).unwrap(),
            in_place,
            action: Action::Write,
            workers: 2,
            interrupted: &AtomicBool::new(false),
            monitor: &Silent,
        })
    }

    /// Restores a snapshot and holds it against what was saved.
    pub fn assert_restores(&self, store: &Arc<dyn Store>, name: ManifestName, saved: &trees::Tree, root: &Path) {
        let target = tempfile::tempdir().unwrap();
        let summary = self.restore(store, name, &target.path().join("out")).unwrap();
        assert_eq!((summary.failed, summary.metadata_problems), (0, 0), "{summary:?}");
        let below = target.path().join("out").join(root.strip_prefix("/").unwrap());
        trees::assert_same(saved, &trees::read(&below));
    }
}

/// A copy of a cache folder, as a run that is tried several times needs.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let into: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &into);
        } else {
            std::fs::copy(entry.path(), into).unwrap();
        }
    }
}

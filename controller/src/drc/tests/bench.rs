//! A Pusat Data and a DRC in one process: the DRC reads the other's folder as it would over the line, and a
//! test can have the line fail, and move the clock of each site.

use std::cell::Cell;
use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pulih_ledger::entry::kinds::{PolicyApplied, SiteCreated, SitePaired, VaultPinned};
use pulih_ledger::entry::{Body, ReadEntry, View};
use pulih_ledger::hash::Hash;
use pulih_ledger::head::Head;
use pulih_ledger::ids::Sha256;
use pulih_ledger::{Actor, Log, bundle};
use pulih_policies::Policy;
use pulih_stores::Credentials;
use pulih_stores::gateway::Incoming;
use pulih_vault::description::DescriptionName;
use pulih_vault::id::VaultId;
use pulih_vault::note::SigningKey;
use pulih_vault::store::{DirStore, ObjectName, Staged, Store, StoreError};

use super::super::error::PullError;
use super::super::there::There;
use super::super::{Drc, lock};
use crate::base::Base;
use crate::catalog::{PeerSite, Point};
use crate::gateway::answer::Answer;
use crate::pki::Authority;
use crate::policy;
use crate::pusat::tests::bench::{Bench, Hooked, VAULT, now};
use crate::pusat::{Added, Pusat};
use crate::record::Record;
use crate::site::SiteDir;
use crate::store::SiteStore;

pub const PUSAT: &str = "pusat-33.19";
pub const DRC: &str = "drc-33.19";

thread_local! { static APART: Cell<i64> = const { Cell::new(0) } }

/// The DRC's clock is so many seconds ahead of the Pusat Data's.
pub fn set_apart(seconds: i64) {
    APART.set(seconds);
}

pub fn drc_now() -> i64 {
    now() + APART.get()
}

/// The Pusat Data as its gateway would show it.
pub struct Line {
    store: Arc<Hooked>,
    /// What it answers for its head, where a test says so.
    pub head: Mutex<Option<String>>,
    pub is_down: AtomicBool,
    /// What was asked beside objects and heads, and what a liar answers in place of the site.
    pub asked: Mutex<Vec<&'static str>>,
    pub lie: Mutex<Option<(u16, String)>>,
    live: Arc<Pusat>,
}

impl Line {
    fn asked(
        &self,
        what: &'static str,
        answer: impl FnOnce(&Pusat) -> Answer<(u16, String)>,
    ) -> Result<(u16, String), PullError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(PullError::Line("nobody answers".into()));
        }
        self.asked.lock().unwrap().push(what);
        if let Some(lie) = self.lie.lock().unwrap().clone() {
            return Ok(lie);
        }
        Ok(answer(&self.live).unwrap_or_else(|refusal| (refusal.code.http_status(), refusal.message)))
    }

    fn must_be_up(&self, name: &ObjectName) -> Result<(), StoreError> {
        if self.is_down.load(Ordering::Relaxed) {
            let source = std::io::ErrorKind::ConnectionRefused.into();
            return Err(StoreError::Io { action: format!("reach {name}"), source });
        }
        Ok(())
    }
}

impl Store for Line {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        unreachable!("a DRC writes nothing at the Pusat Data")
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        self.must_be_up(name)?;
        self.store.size(name)
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.must_be_up(name)?;
        self.store.read_range(name, offset, len, out)
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        self.must_be_up(prefix)?;
        self.store.list(prefix, each)
    }
}

impl There for Line {
    fn head(&self) -> Result<Vec<u8>, PullError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(PullError::Line("nobody answers".into()));
        }
        let head = self.head.lock().unwrap().clone();
        Ok(head.unwrap_or_else(|| self.live.head().unwrap()).into_bytes())
    }

    fn fetch(&self, name: &ObjectName) -> Result<Incoming, StoreError> {
        let bytes = self.read(name, 1 << 30)?;
        Ok(Incoming { length: bytes.len() as u64, body: Box::new(Cursor::new(bytes)) })
    }

    fn add_checkpoint(&self, request: &str) -> Result<(u16, String), PullError> {
        self.asked("add-checkpoint", |pusat| {
            pusat.add_checkpoint(DRC, request.as_bytes()).map(|added| match added {
                Added::Signed(lines) => (200, lines),
                Added::Conflict(size) => (409, format!("{size}\n")),
            })
        })
    }

    fn hand_in(&self, note: &str) -> Result<(u16, String), PullError> {
        self.asked("cosignature", |pusat| pusat.take_handed_in(DRC, note.as_bytes()).map(|()| (200, String::new())))
    }

    fn renew(&self, _: &Credentials) -> Result<(Credentials, String), PullError> {
        Err(PullError::Line("no certificate is asked for here".into()))
    }
}

pub struct Two {
    pub pusat: Bench,
    /// Of the one vault that there is.
    pub first: DescriptionName,
    pub folder: tempfile::TempDir,
    pub ca_key: String,
    pub store: Arc<Hooked>,
    pub line: Arc<Line>,
    pub drc: Arc<Drc>,
}

const SITE: &str = "name = \"DRC Uji\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:1\"\nhosts = [\"localhost\"]\n\
                    role = \"drc\"\noperator = \"Diskominfo\"\nprovider = \"PT Awan\"\ncertificates = []\n\
                    [location]\nregency = \"34.71\"\nlatitude = -7.8\nlongitude = 110.4\n";

impl Two {
    /// Two sites that are paired, and a server whose dataset `letters` is approved.
    pub fn new() -> Self {
        Self::within([(); 2].map(|()| tempfile::tempdir().unwrap()))
    }

    /// The folders of the Pusat Data and of the DRC.
    pub fn within([there, folder]: [tempfile::TempDir; 2]) -> Self {
        let pusat = Bench::within(there);
        pusat.enroll(false);
        let first = pusat.init();
        pusat.approve("letters");
        Self::of(pusat, first, folder, SITE)
    }

    /// That Pusat Data, with a first description of one of its vaults, and a DRC of which this is `site.toml`.
    pub fn of(pusat: Bench, first: DescriptionName, folder: tempfile::TempDir, file: &str) -> Self {
        set_apart(0);
        let dir = SiteDir::at(folder.path().to_owned());
        let scratch = folder.path().join("scratch");
        dir.write("site.toml", &format!("drill_scratch = {scratch:?}\n{file}")).unwrap();
        let site = dir.site().unwrap();
        let (authority, ca_key) = Authority::make(&site.name, now()).unwrap();
        dir.write("ca.pem", authority.certificate()).unwrap();
        let store = Hooked::new(DirStore::create(&folder.path().join("store")).unwrap());
        let object = policy::put(&*store, &site, policy::DEFAULT).unwrap();
        let its = Policy::parse("default", policy::DEFAULT.as_bytes()).unwrap();
        Record::make(&dir, &site, store.clone(), now(), |key| {
            let (policy, version) = (its.name.to_string(), u64::from(its.version));
            vec![
                SiteCreated {
                    role: "drc".into(),
                    name: site.name.clone(),
                    key: key.verifier(),
                    uji: crate::uji::IS_UJI,
                }
                .into(),
                PolicyApplied { policy, version, object }.into(),
            ]
        })
        .unwrap();
        let line = Arc::new(Line {
            store: pusat.store.clone(),
            head: Mutex::default(),
            is_down: AtomicBool::new(false),
            asked: Mutex::default(),
            lie: Mutex::default(),
            live: pusat.pusat.clone(),
        });
        let drc = open(&folder, &store, &ca_key, &line).unwrap();
        let two = Self { pusat, first, folder, ca_key, store, line, drc };
        two.write(SitePaired {
            peer: PUSAT.parse().unwrap(),
            role: "pusat".into(),
            name: "Pusat Data".into(),
            key: lock(&two.pusat.pusat.record).key().clone(),
            ca_sha256: Sha256([1; 32]),
            card_sha256: Sha256([2; 32]),
        });
        two.pusat.write(SitePaired {
            peer: DRC.parse().unwrap(),
            role: "drc".into(),
            name: "DRC".into(),
            key: lock(&two.drc.record).key().clone(),
            ca_sha256: Sha256([3; 32]),
            card_sha256: Sha256([4; 32]),
        });
        two
    }

    /// The DRC's process ends and comes back; `forget`: without its catalogs.
    pub fn restart(&mut self, forget: bool) {
        if forget {
            Record::forget_catalog(&SiteDir::at(self.folder.path().to_owned())).unwrap();
        }
        self.drc = open(&self.folder, &self.store, &self.ca_key, &self.line).unwrap();
    }

    /// The key of the DRC's ledger.
    pub fn own_key(&self) -> SigningKey {
        SigningKey::from_secret_text(self.drc.dir.read("ledger.key").unwrap().trim()).unwrap()
    }

    /// All that the DRC has, as its host's snapshot would.
    pub fn copy_drc(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_into(self.folder.path(), copy.path());
        copy
    }

    /// The DRC's host goes back to that.
    pub fn bring_drc(&mut self, copy: &tempfile::TempDir) {
        remove_files(self.folder.path());
        copy_into(copy.path(), self.folder.path());
        self.restart(false);
    }

    /// On the DRC's ledger.
    pub fn write(&self, body: impl Into<Body>) {
        lock(&self.drc.record).write(drc_now(), &Actor::Site, vec![body.into()]).unwrap();
    }

    /// A whole snapshot of the letters at the Pusat Data.
    pub fn save(&self, sequence: u64) {
        self.pusat.save(self.first, "letters", sequence);
    }

    pub fn peer(&self) -> PeerSite {
        self.drc.pusat().unwrap().unwrap()
    }

    /// Everything that waits is tried once, in this thread, whose clocks a test moves.
    pub fn round(&self) -> Result<u64, PullError> {
        lock(&self.drc.work).later.clear();
        let looked = self.drc.look();
        self.drc.lane(false, false);
        looked
    }

    /// The letters that are here, the oldest first.
    pub fn points(&self) -> Vec<Point> {
        let catalog = lock(&self.drc.catalog);
        catalog.hold_against_scan(drc_now());
        let mut points = catalog.points(&VAULT.to_string(), "letters").unwrap();
        points.sort_by(|one, other| one.snapshot.cmp(&other.snapshot));
        points
    }

    /// How often each alarm was raised at the DRC.
    pub fn alarms(&self, which: &str) -> usize {
        lock(&self.drc.catalog).alarms(0).unwrap().iter().filter(|its| its.alarm == which).count()
    }

    /// When the Pusat Data was last heard.
    pub fn heard(&self) -> Option<i64> {
        lock(&self.drc.catalog).heard(PUSAT).unwrap()
    }

    /// Everything that stands on the DRC's ledger.
    pub fn ledger(&self) -> Vec<Body> {
        let key = lock(&self.drc.record).key().clone();
        let log = Log::open(self.store.clone(), &DRC.parse().unwrap(), key).unwrap();
        let known = |entry: ReadEntry| if let View::Known(body) = entry.view { Some(*body) } else { None };
        log.entries(0).filter_map(|recorded| known(recorded.unwrap().read().unwrap())).collect()
    }

    /// The key of the Pusat Data's ledger, as who has taken it over has it.
    pub fn stolen(&self) -> SigningKey {
        let text = SiteDir::at(self.pusat.folder.path().to_owned()).read("ledger.key").unwrap();
        SigningKey::from_secret_text(text.trim()).unwrap()
    }

    /// From here on the Pusat Data answers with this head.
    pub fn answer(&self, head: &Head) {
        *self.line.head.lock().unwrap() = Some(head.sign(&self.stolen()));
    }

    /// The head of the Pusat Data's ledger as it is.
    pub fn head(&self) -> Head {
        let key = lock(&self.pusat.pusat.record).key().clone();
        Head::open(self.pusat.pusat.head().unwrap().as_bytes(), &key).unwrap()
    }

    /// Adds an entry of these bytes to the Pusat Data's ledger, whatever they are. Its own process knows nothing of it.
    pub fn add_raw(&self, bytes: &[u8]) {
        let key = lock(&self.pusat.pusat.record).key().clone();
        let log = Log::open(self.pusat.store.clone(), &PUSAT.parse().unwrap(), key).unwrap();
        let mut leaves: Vec<Hash> = log.entries(0).map(|its| Hash::of_leaf(&its.unwrap().bytes)).collect();
        leaves.push(Hash::of_leaf(bytes));
        let (start, root) = (log.size(), root_of(&leaves));
        let (stolen, origin) = (self.stolen(), format!("pulih-ledger/{PUSAT}"));
        let head = format!("pulih/ledger/batch/v1\n{origin}\n{start}\n{}\n{root}\n", start + 1);
        let mut batch = Vec::new();
        bundle::put(&mut batch, [stolen.sign(&head).as_bytes(), bytes]);
        self.pusat.store.put(&log.layout().batch(start), &batch);
        let newest = self.head();
        self.answer(&Head { size: start + 1, root, ..newest });
    }

    /// The DRC follows its default policy, changed.
    pub fn follow(&self, change: impl Fn(&str) -> String) {
        let text = change(policy::DEFAULT).replace("\nversion = 1\n", "\nversion = 2\n");
        let its = Policy::parse("changed", text.as_bytes()).unwrap();
        let object = policy::put(&*self.store, &self.drc.site, &text).unwrap();
        self.write(PolicyApplied { policy: its.name.to_string(), version: its.version.into(), object });
        self.drc.reload_policy(&lock(&self.drc.catalog)).unwrap();
    }

    /// A vault of an OPD that was pulled before, and whose owner key is nobody's here.
    pub fn pin_other(&self, opd: &str) {
        let owner = SigningKey::generate("pulih-owner", &ring::rand::SystemRandom::new()).unwrap();
        self.write(VaultPinned {
            vault: VaultId([9; 16]),
            opd: opd.parse().unwrap(),
            agent: "app-9".parse().unwrap(),
            class: "publik".into(),
            owner: owner.verifier().fingerprint(),
        });
    }

    pub fn waiting(&self) -> usize {
        lock(&self.drc.work).queue.len()
    }
}

/// Folders stay: the store may have them open.
fn remove_files(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { remove_files(&path) } else { std::fs::remove_file(path).unwrap() }
    }
}

pub fn copy_into(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, its) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            std::fs::create_dir_all(&its).unwrap();
            copy_into(&path, &its);
        } else {
            std::fs::copy(path, its).unwrap();
        }
    }
}

/// RFC 6962.
pub fn root_of(leaves: &[Hash]) -> Hash {
    if let [leaf] = leaves {
        return *leaf;
    }
    let left = (leaves.len() - 1).next_power_of_two() / if (leaves.len() - 1).is_power_of_two() { 1 } else { 2 };
    Hash::of_node(&root_of(&leaves[..left]), &root_of(&leaves[left..]))
}

fn open(folder: &tempfile::TempDir, store: &Arc<Hooked>, ca_key: &str, line: &Arc<Line>) -> Answer<Arc<Drc>> {
    let dir = SiteDir::at(folder.path().to_owned());
    let site = dir.site().unwrap();
    let authority = Authority::open(&dir.read("ca.pem").unwrap(), ca_key).unwrap();
    let store = SiteStore { store: store.clone(), locks: None, keeps: store.clone() };
    let base = Arc::new(Base::open(&dir, site, authority, store, drc_now)?);
    let mut drc = Drc::open(base)?;
    // A line that is down is so for hours of a test's clock.
    drc.first_pause = Duration::ZERO;
    *lock(&drc.there) = Some(line.clone());
    Ok(Arc::new(drc))
}

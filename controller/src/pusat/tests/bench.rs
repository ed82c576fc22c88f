//! A site in a folder that is asked directly, without a gateway: its clock is moved by hand, its store
//! can be made to fail or to do something in between, and its one agent signs whatever a test wants.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, Weak};

use pulih_ledger::entry::kinds::{ApprovalGiven, PolicyApplied, RestoreGrantGiven, SiteCreated};
use pulih_ledger::entry::{Body, Entry, sign_act};
use pulih_ledger::ids::Sha256;
use pulih_policies::Policy;
use pulih_protocol::enroll::{LAPSED_TYPE, LapsedRenewal, Renewal, Renewed, Request};
use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::{Class, DescriptionName, NewDescription, OWNER_KEY_NAME, VaultSecrets, agent_key_name};
use pulih_vault::manifest::{Changes, Counts, Facts, Manifest};
use pulih_vault::note::SigningKey;
use pulih_vault::reach::{PackUse, Reach, chain};
use pulih_vault::store::{DirStore, Keeps, Staged};
use ring::rand::SystemRandom;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::super::*;
use crate::catalog::Vault;
use crate::pki::Authority;
use crate::policy;
use crate::pusat::accept::Came;
use crate::record::{Record, time};
use crate::site::SiteDir;
use crate::store::SiteStore;
use pulih_ledger::Actor;
use pulih_vault::id::ObjectHash;
use pulih_vault::layout::{DatasetName, Layout, ManifestName};
use pulih_vault::store::StoreError;
use pulih_vault::utc;

pub const VAULT: VaultId = VaultId([7; 16]);
pub const LAYOUT: Layout = Layout { vault: VAULT };
pub const DAY: i64 = 24 * 3600;
/// Anyone's: nothing is opened here.
pub const RECIPIENT: &str = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";

thread_local! { static NOW: Cell<i64> = const { Cell::new(1_795_000_000) } }

pub fn now() -> i64 {
    NOW.get()
}

pub fn wait(seconds: i64) {
    NOW.set(now() + seconds);
}

type Hook = Box<dyn FnMut(&str, &ObjectName) -> Result<(), StoreError> + Send>;

/// A folder that asks a test first: about `size`, `read` and `commit`.
pub struct Hooked {
    inner: DirStore,
    hook: Mutex<Option<Hook>>,
}

impl Hooked {
    pub fn new(inner: DirStore) -> Arc<Self> {
        Arc::new(Self { inner, hook: Mutex::default() })
    }

    pub fn on(&self, hook: impl FnMut(&str, &ObjectName) -> Result<(), StoreError> + Send + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }

    /// Past the hook and the site: as a failed site would have left it.
    pub fn put(&self, name: &ObjectName, bytes: &[u8]) {
        self.inner.create(name, bytes).unwrap();
    }

    pub fn off(&self) {
        *self.hook.lock().unwrap() = None;
    }

    /// The hook may ask the store itself, unhooked.
    fn asks(&self, what: &str, name: &ObjectName) -> Result<(), StoreError> {
        let Some(mut hook) = self.hook.lock().unwrap().take() else { return Ok(()) };
        let said = hook(what, name);
        self.hook.lock().unwrap().get_or_insert(hook);
        said
    }
}

impl Store for Hooked {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        self.inner.stage()
    }

    fn create(&self, name: &ObjectName, bytes: &[u8]) -> Result<(), StoreError> {
        self.asks("create", name)?;
        self.inner.create(name, bytes)
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        self.asks("size", name)?;
        self.inner.size(name)
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.asks("read", name)?;
        self.inner.read_range(name, offset, len, out)
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        self.inner.list(prefix, each)
    }
}

impl Keeps for Hooked {
    fn remove(&self, name: &ObjectName) -> Result<(), StoreError> {
        self.asks("remove", name)?;
        self.inner.remove(name)
    }

    fn heal(&self, name: &ObjectName, bytes: &[u8]) -> Result<(), StoreError> {
        self.asks("heal", name)?;
        self.inner.heal(name, bytes)
    }
}

pub fn broken(name: &ObjectName) -> StoreError {
    StoreError::Io { action: format!("reach {name}"), source: std::io::ErrorKind::BrokenPipe.into() }
}

/// A folder in memory, where the system has one: for stories of so many writes that a disk would take minutes.
pub fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub struct Bench {
    pub folder: tempfile::TempDir,
    pub store: Arc<Hooked>,
    pub owner: SigningKey,
    pub key: SigningKey,
    ca_key: String,
    pub pusat: Arc<Pusat>,
}

pub fn key() -> SigningKey {
    SigningKey::generate(&agent_key_name(VAULT), &SystemRandom::new()).unwrap()
}

pub fn csr() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap()
}

pub fn hash_of(pem: &str) -> CertificateHash {
    CertificateHash::of(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
}

impl Bench {
    /// A site with an OPD whose owner key is here, and no agent.
    pub fn new() -> Self {
        Self::within(tempfile::tempdir().unwrap())
    }

    pub fn within(folder: tempfile::TempDir) -> Self {
        let file = "name = \"Pusat Data\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:1\"\nhosts = [\"localhost\"]\n";
        let bench = Self::of(folder, file);
        let owner = bench.owner.verifier().fingerprint().to_string();
        bench.pusat.add_opd("dinkes", "Dinas Kesehatan", &owner).unwrap();
        bench
    }

    /// A site of which this is `site.toml`, without an office.
    pub fn of(folder: tempfile::TempDir, file: &str) -> Self {
        let dir = SiteDir::at(folder.path().to_owned());
        dir.write("site.toml", file).unwrap();
        let site = dir.site().unwrap();
        let (authority, ca_key) = Authority::make(&site.name, now()).unwrap();
        dir.write("ca.pem", authority.certificate()).unwrap();
        let inner = DirStore::create(&folder.path().join("store")).unwrap();
        let store = Hooked::new(inner);
        let object = policy::put(&*store, &site, policy::DEFAULT).unwrap();
        let policy = Policy::parse("default", policy::DEFAULT.as_bytes()).unwrap();
        Record::make(&dir, &site, store.clone(), now(), |key| {
            let (policy, version) = (policy.name.to_string(), u64::from(policy.version));
            vec![
                SiteCreated {
                    role: "pusat".into(),
                    name: site.name.clone(),
                    key: key.verifier(),
                    uji: crate::uji::IS_UJI,
                }
                .into(),
                PolicyApplied { policy, version, object }.into(),
            ]
        })
        .unwrap();
        let owner = SigningKey::generate(OWNER_KEY_NAME, &SystemRandom::new()).unwrap();
        let pusat = Self::open(&folder, &store, &ca_key).unwrap();
        Self { folder, store, owner, key: key(), ca_key, pusat }
    }

    fn open(folder: &tempfile::TempDir, store: &Arc<Hooked>, ca_key: &str) -> Answer<Arc<Pusat>> {
        let dir = SiteDir::at(folder.path().to_owned());
        let site = dir.site().unwrap();
        let authority = Authority::open(&dir.read("ca.pem").unwrap(), ca_key).unwrap();
        let store = SiteStore { store: store.clone(), locks: None, keeps: store.clone() };
        let base = Arc::new(Base::open(&dir, site, authority, store, now)?);
        Pusat::open(base).map(Arc::new)
    }

    /// The process ends and comes back; `forget`: without its catalog.
    pub fn restart(&mut self, forget: bool) -> Answer<()> {
        if forget {
            Record::forget_catalog(&SiteDir::at(self.folder.path().to_owned())).unwrap();
        }
        self.pusat = Self::open(&self.folder, &self.store, &self.ca_key)?;
        Ok(())
    }

    pub fn weak(&self) -> Weak<Pusat> {
        Arc::downgrade(&self.pusat)
    }

    /// A server enrolls as `app-1`; returns its certificate.
    pub fn enroll(&self, again: bool) -> CertificateHash {
        self.enroll_as("app-1", "dinkes", again)
    }

    pub fn enroll_as(&self, agent: &str, opd: &str, again: bool) -> CertificateHash {
        let token = self.pusat.invite(agent, opd, again).unwrap().token;
        let secret = crate::pki::hex(&token.secret);
        let request = Request { secret, csr: csr(), host: agent.into(), program: "test".into() };
        hash_of(&self.pusat.enroll(&request).unwrap().certificate)
    }

    pub fn agent(&self) -> Agent {
        lock(&self.pusat.catalog).agent("app-1").unwrap().unwrap()
    }

    pub fn vault(&self) -> Option<Vault> {
        lock(&self.pusat.catalog).vault(&VAULT.to_string()).unwrap()
    }

    /// A description that follows `before` and names `key`.
    pub fn description(&self, before: Option<DescriptionName>, key: &SigningKey) -> (DescriptionName, String) {
        let random = SystemRandom::new();
        let draft = NewDescription {
            vault: VAULT,
            created: utc::rfc3339(now()),
            class: Class::NonPublik,
            chunker: ChunkSizes::DEFAULT,
            recipients: &[RECIPIENT.to_owned()],
            agent: key.verifier(),
            secrets: &VaultSecrets::generate(&random).unwrap(),
        };
        let mut draft = draft.draft(&random).unwrap();
        draft.predecessor = before;
        let note = draft.sign(&utc::rfc3339(now()), &self.owner).unwrap();
        (DescriptionName { number: draft.number(), hash: ObjectHash::of(note.as_bytes()) }, note)
    }

    /// The agent's vault with its first description.
    pub fn init(&self) -> DescriptionName {
        let (name, note) = self.description(None, &self.key);
        self.pusat.describe(&self.agent(), VAULT, name, note.as_bytes()).unwrap();
        self.pusat.seen("app-1", "app-1");
        name
    }

    /// Written as an act would be, and without one.
    pub fn write(&self, body: impl Into<Body>) {
        lock(&self.pusat.record).write(now(), &Actor::Site, vec![body.into()]).unwrap();
    }

    /// The same, in a person's name.
    pub fn write_as(&self, user: &str, body: impl Into<Body>) {
        let actor = Actor::Person { user: user.parse().unwrap(), key: self.owner.verifier().fingerprint() };
        let entry = Entry::new(self.pusat.id().unwrap(), time(now()).unwrap(), actor, body.into());
        lock(&self.pusat.record).append(&[sign_act(entry, &self.owner).unwrap()]).unwrap();
    }

    pub fn approve(&self, dataset: &str) {
        self.write(ApprovalGiven {
            approval: draw("a").unwrap().parse().unwrap(),
            opd: "dinkes".parse().unwrap(),
            vault: VAULT,
            dataset: dataset.parse().unwrap(),
            by: "Kepala Dinas".into(),
            letter: "440/17".into(),
            document_sha256: Sha256([1; 32]),
            until: None,
        });
    }

    pub fn grant(&self, dataset: &str) {
        self.write(RestoreGrantGiven {
            grant: draw("r").unwrap().parse().unwrap(),
            vault: VAULT,
            dataset: Some(dataset.parse().unwrap()),
            manifest: None,
            to: "app-1".parse().unwrap(),
            reason: "uji".into(),
            until: time(now() + DAY).unwrap(),
        });
    }

    /// A pack in the store, which counts.
    pub fn pack(&self, bytes: &[u8]) -> ObjectHash {
        let hash = ObjectHash::of(bytes);
        match self.store.inner.create(&LAYOUT.pack(hash), bytes) {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        lock(&self.pusat.catalog)
            .add_object(&VAULT.to_string(), LAYOUT.pack(hash).as_str(), bytes.len() as u64)
            .unwrap();
        hash
    }

    /// A manifest of a snapshot that needs `packs`, whose reach is in the store.
    pub fn manifest(&self, description: DescriptionName, dataset: &str, sequence: u64, packs: &[ObjectHash]) -> String {
        self.manifest_of(description, dataset, sequence, packs, 3)
    }

    /// The same; its agent says that each pack has so many bytes.
    pub fn manifest_of(
        &self,
        description: DescriptionName,
        dataset: &str,
        sequence: u64,
        packs: &[ObjectHash],
        bytes: u64,
    ) -> String {
        let used = PackUse { stored_bytes: bytes, live_bytes: bytes, all_bytes: bytes };
        let packs: Vec<_> = packs.iter().map(|pack| (*pack, used)).collect();
        self.manifest_using(description, dataset, sequence, &packs)
    }

    /// The same, with how much it uses of each.
    pub fn manifest_using(
        &self,
        description: DescriptionName,
        dataset: &str,
        sequence: u64,
        packs: &[(ObjectHash, PackUse)],
    ) -> String {
        let reach = Reach { packs: packs.iter().copied().collect(), indexes: BTreeSet::new() };
        let reach = chain::store(&self.store.inner, LAYOUT, &reach, None, 0).unwrap();
        let name = LAYOUT.reach(reach);
        let size = self.store.inner.size(&name).unwrap();
        lock(&self.pusat.catalog).add_object(&VAULT.to_string(), name.as_str(), size).unwrap();
        let facts = Facts {
            vault: VAULT,
            dataset: dataset.parse().unwrap(),
            sequence,
            captured: utc::rfc3339(now()),
            partial: false,
            program: "test".into(),
            host: "app-1".into(),
            description,
            chunker: ChunkSizes::DEFAULT,
            tree: None,
            counts: Counts { files: 1, bytes: 2, ..Counts::default() },
        };
        Manifest {
            facts,
            finished: utc::rfc3339(now()),
            rebuilt: false,
            changes: Changes::default(),
            reach,
            previous: None,
            rejoined: None,
            head: None,
        }
        .sign(&self.key)
    }

    pub fn put(&self, dataset: &str, sequence: u64, note: &str, came: Came) -> Answer<()> {
        let name = manifest_name(sequence, note);
        let dataset: DatasetName = dataset.parse().unwrap();
        self.pusat.accept(&self.agent(), VAULT, &dataset, name, note.as_bytes(), came)
    }

    /// A whole snapshot, taken in.
    pub fn save(&self, description: DescriptionName, dataset: &str, sequence: u64) -> ObjectHash {
        let pack = self.pack(format!("{dataset} {sequence}").as_bytes());
        let note = self.manifest(description, dataset, sequence, &[pack]);
        self.put(dataset, sequence, &note, Came::Now).unwrap();
        pack
    }

    pub fn points(&self, dataset: &str) -> Vec<crate::catalog::Point> {
        let catalog = lock(&self.pusat.catalog);
        catalog.hold_against_scan(now());
        catalog.points(&VAULT.to_string(), dataset).unwrap()
    }

    pub fn renew(&self, shown: CertificateHash) -> Answer<Renewed> {
        self.pusat.renew(shown, &Renewal { csr: csr() })
    }

    /// The note by which an agent that was away asks for a certificate.
    pub fn lapsed(&self, key: &SigningKey) -> Answer<Renewed> {
        let asking = LapsedRenewal {
            kind: LAPSED_TYPE.into(),
            agent: "app-1".into(),
            vault: VAULT.to_string(),
            at: utc::rfc3339(now()),
            csr: csr(),
        };
        let note = key.sign(&format!("{}\n", serde_json::to_string(&asking).unwrap()));
        self.pusat.renew_lapsed(note.as_bytes())
    }
}

pub fn manifest_name(sequence: u64, note: &str) -> ManifestName {
    ManifestName { sequence, hash: ObjectHash::of(note.as_bytes()) }
}

pub fn code<T>(answer: Answer<T>) -> Code {
    answer.err().expect("it was taken").code
}

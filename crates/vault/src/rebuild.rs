//! Making a vault's indexes, reaches and manifests again from its packs. Everything is made in
//! a scratch store first and read back from there, so that the plan is what will be: carrying it
//! out only puts those objects into the vault. Nothing that is there is touched.

mod overlay;
mod scan;
mod signer;
mod snapshots;
mod walk;

use std::path::Path;
use std::sync::Arc;

use ring::rand::SecureRandom;

use crate::check::Watch;
use crate::check::keyring::Keyring;
use crate::description::VaultSecrets;
use crate::error::{Result, VaultError};
use crate::id::ObjectHash;
use crate::layout::{DatasetName, ManifestName};
use crate::manifest::Facts;
use crate::reach::{self, Reach};
use crate::reader::{Identities, SnapshotReader};
use crate::store::{ObjectName, Store};
use crate::trust::TrustedVault;
use crate::writer::create_named;
use overlay::Overlay;
pub use signer::Signers;
use walk::Tally;

pub struct RebuildOptions<'a> {
    pub store: Arc<dyn Store>,
    pub trusted: &'a TrustedVault,
    pub identities: Identities,
    pub secrets: &'a VaultSecrets,
    pub signers: Signers<'a>,
    /// An empty folder, for what is made before it is put into the vault.
    pub scratch: &'a Path,
    pub random: &'a (dyn SecureRandom + Sync),
    /// The time as manifests have it.
    pub now: String,
    pub watch: Watch<'a>,
}

/// An object that cannot be used, and why. It is left as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub object: ObjectName,
    pub error: String,
}

/// What is to become of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It has everything that it needs.
    Whole(ManifestName),
    /// Its manifest is there, and its reach is made again as it was.
    Reach(ManifestName),
    /// It gets a new manifest that says that it was rebuilt.
    Manifest(ManifestName),
    /// It could get a manifest, but the key that may sign it is not at hand.
    Unsigned,
    /// Parts of its tree are in no pack that can be read: some of them, and how many there are.
    Incomplete { missing: Vec<String>, count: u64 },
    /// Of a run that did not come to its end: another snapshot has its number.
    Superseded,
}

/// A snapshot that packs or manifests tell of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    pub facts: Facts,
    pub fate: Fate,
}

/// What a rebuild will do, all of it prepared.
pub struct Plan {
    pub packs_read: u64,
    /// New indexes, and how many packs each covers.
    pub indexes: Vec<(ObjectHash, usize)>,
    pub reaches: u64,
    /// By dataset and number.
    pub snapshots: Vec<Planned>,
    pub troubles: Vec<Trouble>,
    /// Notes in the packs that look like facts and that this vault's agent did not sign.
    pub forged_facts: u64,
    /// Objects in the order in which they go into the vault.
    made: Vec<(ObjectName, ObjectHash)>,
    overlay: Arc<Overlay>,
}

impl Plan {
    pub fn is_empty(&self) -> bool {
        self.made.is_empty()
    }

    /// Whether a snapshot waits for a key that may sign it.
    pub fn needs_key(&self) -> bool {
        self.snapshots.iter().any(|planned| planned.fate == Fate::Unsigned)
    }

    pub fn has_losses(&self) -> bool {
        self.snapshots.iter().any(|planned| matches!(planned.fate, Fate::Incomplete { .. }))
    }

    /// Puts everything that was made into the vault: indexes, reaches, manifests.
    pub fn carry_out(&self, store: &dyn Store) -> Result<()> {
        for (name, hash) in &self.made {
            let bytes = self.overlay.made(name)?;
            create_named(store, name, *hash, &bytes)?;
        }
        Ok(())
    }

    fn trouble(&mut self, object: ObjectName, error: &VaultError) {
        self.troubles.push(Trouble { object, error: error.to_string() });
    }

    /// Makes an object; false: it was made before.
    fn make(&mut self, name: ObjectName, hash: ObjectHash, bytes: &[u8]) -> Result<bool> {
        if self.made.iter().any(|(made, _)| *made == name) {
            return Ok(false);
        }
        create_named(&*self.overlay, &name, hash, bytes)?;
        self.made.push((name, hash));
        Ok(true)
    }
}

/// Reads all packs and prepares what is missing.
pub fn plan(options: RebuildOptions) -> Result<Plan> {
    let overlay = Arc::new(Overlay::new(options.store.clone(), &options.scratch.join("made"))?);
    let mut plan = Plan {
        packs_read: 0,
        indexes: Vec::new(),
        reaches: 0,
        snapshots: Vec::new(),
        troubles: Vec::new(),
        forged_facts: 0,
        made: Vec::new(),
        overlay,
    };
    let keyring = Keyring::new(options.identities);
    let rebuild = Rebuild {
        store: options.store,
        trusted: options.trusted,
        keyring,
        secrets: options.secrets,
        signers: options.signers,
        scratch: options.scratch,
        random: options.random,
        now: options.now,
        watch: options.watch,
    };
    let scan = rebuild.scan(&mut plan)?;
    rebuild.plan_snapshots(&scan, &mut plan)?;
    Ok(plan)
}

/// What the parts of a rebuild share.
struct Rebuild<'a> {
    store: Arc<dyn Store>,
    trusted: &'a TrustedVault,
    keyring: Keyring,
    secrets: &'a VaultSecrets,
    signers: Signers<'a>,
    scratch: &'a Path,
    random: &'a (dyn SecureRandom + Sync),
    now: String,
    watch: Watch<'a>,
}

impl Rebuild<'_> {
    /// An empty folder for a reader.
    fn folder(&self, name: &str) -> Result<std::path::PathBuf> {
        let path = self.scratch.join(name);
        std::fs::create_dir(&path).map_err(VaultError::local(format!("make {}", path.display())))?;
        Ok(path)
    }
}

/// Reads a snapshot as a restore would, and says whether its tree and all places of its chunks
/// are there.
pub fn verify(
    store: Arc<dyn Store>,
    trusted: &TrustedVault,
    snapshot: (&DatasetName, ManifestName),
    secrets: &VaultSecrets,
    identities: Identities,
    scratch: &Path,
) -> Result<()> {
    let (dataset, name) = snapshot;
    let manifest = trusted.manifest(&*store, dataset, name)?;
    let reach: Reach = reach::chain::load(&*store, trusted.layout, manifest.reach)?;
    let reader = SnapshotReader::open(store, trusted.layout, &reach, secrets, identities, scratch)?;
    let mut tally = Tally::new(&reader);
    tally.tree(manifest.facts.tree)?;
    match tally.missing.into_iter().next() {
        None => Ok(()),
        Some(what) => Err(VaultError::untrusted(format!("snapshot {name}"), format!("it does not come back: {what}"))),
    }
}

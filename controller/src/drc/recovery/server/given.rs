//! What a server has while a dataset is its turn: the objects that this takes, by name, and the keys of their
//! headers, by the keeper.

use std::path::Path;
use std::sync::{Arc, Mutex};

use pulih_keeper::Keeper;
use pulih_protocol::recovery::{KeyGiven, Turn};
use pulih_vault::error::VaultError;
use pulih_vault::id::ObjectHash;
use pulih_vault::layout::ObjectKind;
use pulih_vault::reader::keys::ExposeSecret as _;
use pulih_vault::reader::{Identities, pack_key};
use pulih_vault::store::{ObjectName, Store};
use pulih_vault::trust::TrustedVault;

use super::super::super::{Drc, lock};
use super::super::order::{Dataset, ServersTurn};
use crate::gateway::answer::{Answer, Refusal};

/// What a server has while a dataset is its turn.
pub struct Given {
    pub turn: Turn,
    vault: TrustedVault,
    manifest: ObjectName,
    /// Each in order.
    reaches: Vec<ObjectHash>,
    indexes: Vec<ObjectHash>,
    packs: Vec<ObjectHash>,
    /// When it was told of it last, seconds since 1970.
    pub told: Mutex<i64>,
    /// One connection to the keeper, as long as it holds.
    keys: Mutex<Option<Arc<Identities>>>,
}

impl Given {
    /// Reads what a point needs, once.
    pub fn new(drc: &Drc, its: &ServersTurn, dataset: &Dataset) -> Answer<Self> {
        let point = dataset.parsed().map_err(|why| Refusal::internal(&why))?;
        let vault = point.trusted(&*drc.store)?;
        let manifest = vault.manifest(&*drc.store, &point.dataset, point.manifest)?;
        let loaded = drc.intake.reach(point.vault, manifest.reach)?;
        let mut reaches = loaded.chain;
        reaches.sort_unstable();
        Ok(Self {
            turn: Turn {
                recovery: its.recovery.clone(),
                number: its.number,
                after: its.after,
                vault: dataset.vault.clone(),
                dataset: dataset.dataset.clone(),
                snapshot: dataset.snapshot.clone(),
                class: dataset.class.clone(),
                owner: dataset.owner.clone(),
                folder: dataset.label(),
                bytes: manifest.facts.counts.bytes,
                left_bytes: its.left_bytes.max(manifest.facts.counts.bytes),
            },
            manifest: vault.layout.manifest(&point.dataset, point.manifest),
            vault,
            reaches,
            indexes: loaded.reach.indexes.into_iter().collect(),
            packs: loaded.reach.packs.into_keys().collect(),
            told: Mutex::new(drc.now()),
            keys: Mutex::default(),
        })
    }

    pub fn point(&self) -> String {
        format!("{}/{}/{}", self.turn.vault, self.turn.dataset, self.turn.snapshot)
    }

    pub fn needs(&self, object: &ObjectName) -> bool {
        let layout = self.vault.layout;
        match layout.classify(object) {
            // Signed and public; which of them are believed the server sees for itself, as this site does.
            Some(ObjectKind::Description(_)) => true,
            Some(ObjectKind::Manifest(..)) => *object == self.manifest,
            Some(ObjectKind::Reach(hash)) => self.reaches.binary_search(&hash).is_ok(),
            Some(ObjectKind::Index(hash)) => self.indexes.binary_search(&hash).is_ok(),
            Some(ObjectKind::Pack(hash)) => self.packs.binary_search(&hash).is_ok(),
            // The names of the descriptions are listed.
            None => *object == layout.folder("vault"),
        }
    }

    /// Whether there is a key of it to give: it is needed, and encrypted to this site.
    pub fn has_key(&self, object: &ObjectName) -> bool {
        match self.vault.layout.classify(object) {
            Some(ObjectKind::Pack(_)) => self.needs(object),
            Some(ObjectKind::Description(name)) => self.vault.description(name).is_some(),
            _ => false,
        }
    }

    /// The keeper, asked anew if the connection broke.
    fn keys(&self, keeper: &Path) -> Result<Arc<Identities>, VaultError> {
        let mut keys = lock(&self.keys);
        if let Some(keys) = &*keys {
            return Ok(keys.clone());
        }
        let cannot =
            |error| VaultError::Local { action: "ask the keeper".into(), source: std::io::Error::other(error) };
        let connected = Keeper::connect(keeper).map_err(cannot)?;
        let made: Arc<Identities> = Arc::new(vec![connected.identity(&self.turn.class)]);
        Ok(keys.insert(made).clone())
    }

    /// The file key of an object that is needed, by the header that this site's own store has of it.
    pub fn file_key(&self, store: &dyn Store, object: &ObjectName, keeper: &Path) -> Result<KeyGiven, VaultError> {
        let keys = self.keys(keeper)?;
        let found = match self.vault.layout.classify(object) {
            Some(ObjectKind::Description(name)) => match self.vault.description(name) {
                Some(description) => description.secrets_key(object, &keys),
                None => Err(VaultError::untrusted(object.to_string(), "it is no description that is believed")),
            },
            _ => pack_key(store, object, &keys),
        };
        if matches!(found, Err(VaultError::Local { .. })) {
            *lock(&self.keys) = None;
        }
        found.map(|key| KeyGiven::new(key.expose_secret()))
    }
}

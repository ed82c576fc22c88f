//! From an owner key that is believed to the descriptions and snapshots that it vouches for.
//! Everything that a store says about a vault is believed here or nowhere.

mod latest;

use crate::description::{Description, DescriptionName, MAX_NOTE_BYTES};
use crate::error::{Malformed, Result, VaultError};
use crate::id::{ObjectHash, VaultId};
use crate::layout::{DatasetName, Layout, ManifestName, ObjectKind};
use crate::manifest::Manifest;
use crate::note::VerifierKey;
use crate::store::{ObjectName, Store, StoreError};

pub use latest::Earlier;

/// Most descriptions of one vault that are looked at: a bound on memory, far above use.
const MAX_DESCRIPTIONS: usize = 1024;
/// Fewest digits of an id that name a snapshot.
const MIN_PREFIX: usize = 4;

/// The descriptions of a vault that the owner key vouches for.
#[derive(Debug)]
pub struct TrustedVault {
    pub layout: Layout,
    /// In the order of their numbers, beginning with 1; never empty.
    pub descriptions: Vec<(DescriptionName, Description)>,
    /// Objects in the place of descriptions that are not believed, and why.
    pub passed_over: Vec<(ObjectName, VaultError)>,
}

/// A manifest in a store, and what reading it gave.
pub type Listed = (ManifestName, DatasetName, Result<Manifest>);

/// A snapshot that a person named.
#[derive(Debug)]
pub struct Resolved {
    pub dataset: DatasetName,
    pub name: ManifestName,
    pub manifest: Manifest,
}

/// Reads an object of at most 1 MiB and holds it against the hash in its name.
fn read_note(store: &dyn Store, object: &ObjectName, hash: ObjectHash) -> Result<Vec<u8>> {
    let bytes = store.read(object, MAX_NOTE_BYTES)?;
    if ObjectHash::of(&bytes) == hash { Ok(bytes) } else { Err(VaultError::HashMismatch { name: object.clone() }) }
}

fn in_object(object: &ObjectName) -> impl Fn(Malformed) -> VaultError + '_ {
    move |source| VaultError::Object { name: object.clone(), source }
}

/// Names of the descriptions that a store has of a vault, in the order of their numbers.
pub fn description_names(store: &dyn Store, vault: VaultId) -> Result<Vec<DescriptionName>> {
    let layout = Layout { vault };
    let mut names = Vec::new();
    store.list(&layout.folder("vault"), &mut |object| {
        if let Some(ObjectKind::Description(name)) = layout.classify(&object)
            && names.len() <= MAX_DESCRIPTIONS
        {
            names.push(name);
        }
    })?;
    if names.len() > MAX_DESCRIPTIONS {
        return Err(VaultError::untrusted(
            format!("vault {vault}"),
            format!("the store has more than {MAX_DESCRIPTIONS} descriptions of it, which no owner made"),
        ));
    }
    names.sort_by_key(|name| (name.number, name.hash));
    Ok(names)
}

/// Reads the descriptions of a vault and believes those that a key which is `trusted` signed
/// and whose predecessors, down to number 1, are there and signed by the same key. One that is not
/// valid is passed over. One that cannot be read is an error: passed over, it would leave an older
/// description in force, with a writer that was taken out or without a reader that came in.
pub fn load(store: &dyn Store, vault: VaultId, trusted: impl Fn(&VerifierKey) -> bool) -> Result<TrustedVault> {
    let layout = Layout { vault };
    let mut signed = Vec::new();
    let mut passed_over = Vec::new();
    for name in description_names(store, vault)? {
        let object = layout.description(name);
        match open_description(store, &object, name, vault, &trusted) {
            Ok(description) => signed.push((name, description)),
            // More bytes than a description may have: not one, whoever put it there.
            Err(error @ VaultError::Store(StoreError::TooLarge { .. })) => passed_over.push((object, error)),
            Err(error @ VaultError::Store(_)) => return Err(error),
            Err(error) => passed_over.push((object, error)),
        }
    }
    if let Some(descriptions) = longest_chain(&signed, vault)? {
        for (name, _) in signed.iter().filter(|(name, _)| !descriptions.iter().any(|(its, _)| its == name)) {
            let why = "its predecessors are not all there and signed by the same owner key";
            let object = layout.description(*name);
            let error = in_object(&object)(Malformed::new("vault description", why));
            passed_over.push((object, error));
        }
        return Ok(TrustedVault { layout, descriptions, passed_over });
    }
    Err(match passed_over.into_iter().next() {
        Some((_, error)) => error,
        None => VaultError::untrusted(format!("vault {vault}"), "the store has no description of it"),
    })
}

type Chain = Vec<(DescriptionName, Description)>;

/// The chain that ends with the highest number. Two that end with it are for the owner to settle.
fn longest_chain(signed: &[(DescriptionName, Description)], vault: VaultId) -> Result<Option<Chain>> {
    let mut found: Option<Chain> = None;
    for last in signed.iter().rev() {
        if found.as_ref().and_then(|chain| chain.last()).is_some_and(|(name, _)| name.number > last.0.number) {
            break;
        }
        let Some(chain) = chain_to(last, signed) else { continue };
        if found.is_some() {
            let why = format!("the owner key signed two descriptions with the number {}", last.0.number);
            return Err(VaultError::untrusted(format!("vault {vault}"), why));
        }
        found = Some(chain);
    }
    Ok(found)
}

fn chain_to(last: &(DescriptionName, Description), signed: &[(DescriptionName, Description)]) -> Option<Chain> {
    let mut chain = vec![last.clone()];
    let mut at = &last.1;
    while let Some(predecessor) = at.predecessor {
        let before = signed.iter().find(|(name, _)| *name == predecessor)?;
        if before.1.owner != last.1.owner {
            return None;
        }
        chain.push(before.clone());
        at = &before.1;
    }
    chain.reverse();
    Some(chain)
}

fn open_description(
    store: &dyn Store,
    object: &ObjectName,
    name: DescriptionName,
    vault: VaultId,
    trusted: impl Fn(&VerifierKey) -> bool,
) -> Result<Description> {
    let bytes = read_note(store, object, name.hash)?;
    let description = Description::open(&bytes, trusted).map_err(in_object(object))?;
    if description.vault == vault && description.number == name.number {
        Ok(description)
    } else {
        let why = "it describes another vault or has another number than its name says";
        Err(in_object(object)(Malformed::new("vault description", why)))
    }
}

impl TrustedVault {
    /// The description in force.
    pub fn current(&self) -> &(DescriptionName, Description) {
        self.descriptions.last().expect("load returns at least one description")
    }

    pub fn description(&self, name: DescriptionName) -> Option<&Description> {
        self.descriptions.iter().find(|(known, _)| *known == name).map(|(_, description)| description)
    }

    /// Reads one manifest: its hash, its signature under the description that it names, and
    /// that it is the snapshot that its name says.
    pub fn manifest(&self, store: &dyn Store, dataset: &DatasetName, name: ManifestName) -> Result<Manifest> {
        let object = self.layout.manifest(dataset, name);
        let bytes = read_note(store, &object, name.hash)?;
        let claimed = Manifest::claimed(&bytes).map_err(in_object(&object))?.facts.description;
        let description = self.description(claimed).ok_or_else(|| {
            let why = format!("it was written under description {claimed}, which the owner key does not vouch for");
            VaultError::untrusted(format!("snapshot {object}"), why)
        })?;
        let manifest = Manifest::open(&bytes, description).map_err(in_object(&object))?;
        is_what_its_name_says(&manifest, self.layout.vault, dataset, name).map_err(in_object(&object))?;
        Ok(manifest)
    }

    /// All manifests of the vault, by dataset and sequence, each with what reading it gave.
    pub fn manifests(&self, store: &dyn Store) -> Result<Vec<Listed>> {
        let names = manifest_names(store, self.layout)?;
        let read = |(dataset, name): (DatasetName, ManifestName)| {
            let manifest = self.manifest(store, &dataset, name);
            (name, dataset, manifest)
        };
        Ok(names.into_iter().map(read).collect())
    }

    /// Finds a snapshot by its id, a unique prefix of it, or `latest`: the highest sequence of
    /// the dataset that is no partial snapshot.
    pub fn resolve(&self, store: &dyn Store, spec: &str, dataset: Option<&DatasetName>) -> Result<Resolved> {
        let mut names = manifest_names(store, self.layout)?;
        names.retain(|(its, _)| dataset.is_none_or(|dataset| its == dataset));
        if spec == "latest" {
            return self.latest(store, names, dataset);
        }
        let mut named = by_prefix(names, spec)?;
        // The same bytes under a second name are no second snapshot: they say themselves where they
        // belong. Else whoever copies a manifest could make its id name nothing.
        if named.len() > 1 && named.windows(2).all(|two| two[0].1.hash == two[1].1.hash) {
            named.retain(|(dataset, name)| self.manifest(store, dataset, *name).is_ok());
        }
        match named.pop().filter(|_| named.is_empty()) {
            Some((dataset, name)) => {
                let manifest = self.manifest(store, &dataset, name)?;
                Ok(Resolved { dataset, name, manifest })
            }
            None => {
                Err(VaultError::untrusted(format!("several snapshots begin with {spec}"), "give more digits of the id"))
            }
        }
    }
}

/// The names that begin so: one at least.
fn by_prefix(mut names: Vec<(DatasetName, ManifestName)>, spec: &str) -> Result<Vec<(DatasetName, ManifestName)>> {
    let what = || format!("no snapshot is named {:?}", spec.chars().take(80).collect::<String>());
    let digits = spec.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !digits || spec.len() < MIN_PREFIX {
        let why = format!("a snapshot is `latest`, an id, or at least {MIN_PREFIX} digits of one");
        return Err(VaultError::untrusted(what(), why));
    }
    names.retain(|(_, name)| name.hash.to_string().starts_with(spec));
    if names.is_empty() { Err(VaultError::untrusted(what(), "`snapshots` lists those there are")) } else { Ok(names) }
}

fn is_what_its_name_says(
    manifest: &Manifest,
    vault: VaultId,
    dataset: &DatasetName,
    name: ManifestName,
) -> std::result::Result<(), Malformed> {
    let facts = &manifest.facts;
    if facts.vault == vault && facts.dataset == *dataset && facts.sequence == name.sequence {
        Ok(())
    } else {
        Err(Malformed::new("manifest", "its vault, dataset or sequence is not that of its name"))
    }
}

/// Names of a vault's manifests, by dataset and sequence.
pub fn manifest_names(store: &dyn Store, layout: Layout) -> Result<Vec<(DatasetName, ManifestName)>> {
    let mut names = Vec::new();
    store.list(&layout.folder("snapshots"), &mut |object| {
        if let Some(ObjectKind::Manifest(dataset, name)) = layout.classify(&object) {
            names.push((dataset, name));
        }
    })?;
    names.sort();
    Ok(names)
}

/// All manifests of a vault as they stand, for a listing that says that none is verified.
pub fn claimed_manifests(store: &dyn Store, vault: VaultId) -> Result<Vec<Listed>> {
    let layout = Layout { vault };
    let read = |(dataset, name): (DatasetName, ManifestName)| {
        let object = layout.manifest(&dataset, name);
        let manifest = read_note(store, &object, name.hash).and_then(|bytes| {
            let manifest = Manifest::claimed(&bytes).map_err(in_object(&object))?;
            is_what_its_name_says(&manifest, vault, &dataset, name).map_err(in_object(&object))?;
            Ok(manifest)
        });
        (name, dataset, manifest)
    };
    Ok(manifest_names(store, layout)?.into_iter().map(read).collect())
}

#[cfg(test)]
mod tests;

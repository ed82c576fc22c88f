//! Opening a snapshot for reading: from what a person named to chunks that can be found, and
//! going through its entries.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pulih_vault::description::VaultSecrets;
use pulih_vault::error::VaultError;
use pulih_vault::id::VaultId;
use pulih_vault::layout::DatasetName;
use pulih_vault::reach::chain;
use pulih_vault::reader::walk::ChunkCursor;
use pulih_vault::reader::{Identities, SnapshotReader, share};
use pulih_vault::store::Store;
use pulih_vault::tree::entry::Entry;
use pulih_vault::tree::name::{compare, escape, is_at_or_below};
use pulih_vault::tree::node::Root;
use pulih_vault::trust::{Resolved, TrustedVault};
use serde::Serialize;
use tempfile::TempDir;

use super::Context;
use super::choose::{Readable, for_reading};
use super::failure::Failure;
use super::latest;
use super::snapshots::{SHORT_ID, Snapshot};

pub struct OpenSnapshot {
    pub vault: VaultId,
    /// Whether there was an owner key to compare.
    pub verified: bool,
    pub resolved: Resolved,
    pub reader: SnapshotReader,
    scratch: TempDir,
}

/// The line of JSON that entries of a snapshot follow.
#[derive(Serialize)]
struct Head {
    #[serde(rename = "type")]
    kind: &'static str,
    vault: String,
    verified: bool,
    #[serde(flatten)]
    snapshot: Snapshot,
}

impl OpenSnapshot {
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub fn root(&self) -> Option<Root> {
        self.resolved.manifest.facts.tree
    }

    pub fn describe(&self) -> Snapshot {
        Snapshot::new(self.resolved.name, &self.resolved.manifest)
    }

    /// Begins the lines of JSON about this snapshot.
    pub fn head(&self) -> impl Serialize + use<> {
        Head {
            kind: "pulih/snapshot/v1",
            vault: self.vault.to_string(),
            verified: self.verified,
            snapshot: self.describe(),
        }
    }

    /// Calls `each` with the entries at and below a path, in order, and says how many there are.
    pub fn walk(
        &self,
        below: Option<&[u8]>,
        stop: &AtomicBool,
        each: &mut dyn FnMut(&Entry) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let mut seen = 0;
        let mut failed = None;
        let wanted = |from: Option<&[u8]>, to: Option<&[u8]>| below.is_none_or(|below| touches(below, from, to));
        let walked = ChunkCursor::new(&self.reader).walk(self.root(), &wanted, &mut |entry| {
            if below.is_some_and(|below| !is_at_or_below(below, &entry.path)) {
                return Ok(());
            }
            seen += 1;
            go_on(stop).and_then(|()| each(&entry)).map_err(|failure| {
                failed = Some(failure);
                VaultError::Stopped { what: "reading the snapshot" }
            })
        });
        match failed {
            Some(failure) => Err(failure),
            None => Ok(walked.map(|()| seen)?),
        }
    }

    /// What to say of a path that the snapshot does not have.
    pub fn not_found(&self, path: &[u8]) -> Failure {
        let id = self.resolved.name.hash.to_string();
        let (id, dataset) = (&id[..SHORT_ID], &self.resolved.dataset);
        let name = escape(path.rsplit(|&b| b == b'/').next().unwrap_or(path));
        Failure::said(format!(
            "{} is not in snapshot {id} of {dataset}; `pulih-agent find {id} '{name}'` looks for the name in all its folders",
            escape(path)
        ))
    }
}

/// Fails once a signal asked for the end.
pub fn go_on(stop: &AtomicBool) -> Result<(), Failure> {
    if stop.load(Ordering::Relaxed) { Err(Failure::said("interrupted: what was printed is not all")) } else { Ok(()) }
}

/// Whether paths from `from` on, and before `to`, can be at or below a path: those all stand
/// together, the path itself first.
fn touches(below: &[u8], from: Option<&[u8]>, to: Option<&[u8]>) -> bool {
    let begins = from.is_none_or(|from| compare(from, below).is_le() || is_at_or_below(below, from));
    begins && to.is_none_or(|to| compare(below, to).is_lt())
}

/// A vault whose snapshots are opened.
struct OpenVault {
    store: Arc<dyn Store>,
    trusted: TrustedVault,
    verified: bool,
    identities: Arc<Identities>,
    /// This agent's cache for the vault, if it has one.
    cache: Option<std::path::PathBuf>,
    /// What the process was given.
    arguments: Vec<OsString>,
}

impl OpenVault {
    fn open(context: &Context, identity: &Path) -> Result<Self, Failure> {
        let store = context.open_store()?;
        let readable = for_reading(context, &*store, Some(identity))?;
        let trusted = readable.trusted(context, &*store)?;
        let Readable { owner, identity, own, .. } = readable;
        Ok(Self {
            store,
            trusted,
            verified: owner.is_some(),
            identities: Arc::new(identity.map(|file| file.identities).unwrap_or_default()),
            // Who reads may not be who backs up: then it is not theirs to write into.
            cache: own.and_then(|own| own.dir.cache().ok()),
            arguments: context.arguments.clone(),
        })
    }

    fn snapshot(&self, spec: &str, dataset: Option<&DatasetName>) -> Result<OpenSnapshot, Failure> {
        let (store, layout) = (&*self.store, self.trusted.layout);
        let resolved = self.trusted.resolve(store, spec, dataset);
        let resolved = resolved.map_err(|error| latest::explain(error, &self.arguments))?;
        let secrets = self.secrets(&resolved)?;
        let reach = chain::load(store, layout, resolved.manifest.reach)?;
        let scratch = self.scratch()?;
        let identities = share(&self.identities);
        let reader = SnapshotReader::open(self.store.clone(), layout, &reach, &secrets, identities, scratch.path())?;
        Ok(OpenSnapshot { vault: layout.vault, verified: self.verified, resolved, reader, scratch })
    }

    /// The vault's secrets. They are the same in all descriptions, and only the readers differ.
    fn secrets(&self, resolved: &Resolved) -> Result<VaultSecrets, Failure> {
        let written_under = self.trusted.description(resolved.manifest.facts.description);
        let (_, current) = self.trusted.current();
        let first = written_under.unwrap_or(current).open_secrets(&self.identities);
        match first {
            Err(VaultError::NoMatchingIdentity { .. }) => Ok(current.open_secrets(&self.identities)?),
            opened => Ok(opened?),
        }
    }

    /// A folder of this process alone, for indexes that do not fit memory.
    fn scratch(&self) -> Result<TempDir, Failure> {
        let make = |folder: &Path| tempfile::Builder::new().prefix("reading-").tempdir_in(folder);
        if let Some(made) = self.cache.as_deref().and_then(|cache| make(cache).ok()) {
            return Ok(made);
        }
        let folder = std::env::temp_dir();
        make(&folder).map_err(|error| {
            Failure::said(format!(
                "cannot make a folder in {}: {error}; name another one with TMPDIR",
                folder.display()
            ))
        })
    }
}

/// Opens the snapshot that a person named.
pub fn open(
    context: &Context,
    identity: &Path,
    dataset: Option<&DatasetName>,
    spec: &str,
) -> Result<OpenSnapshot, Failure> {
    OpenVault::open(context, identity)?.snapshot(spec, dataset)
}

/// Opens two snapshots of one vault.
pub fn open_two(
    context: &Context,
    identity: &Path,
    dataset: Option<&DatasetName>,
    specs: [&str; 2],
) -> Result<[OpenSnapshot; 2], Failure> {
    let vault = OpenVault::open(context, identity)?;
    Ok([vault.snapshot(specs[0], dataset)?, vault.snapshot(specs[1], dataset)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_tree_are_passed_over() {
        let touches = |from: &str, to: &str| touches(b"m/n", Some(from.as_bytes()), Some(to.as_bytes()));
        assert!(touches("a", "z") && touches("m/n", "m/n/a") && touches("m/n/q", "m/n/r") && touches("m/n/q", "z"));
        assert!(!touches("a", "m/n") && !touches("m/a", "m/b") && !touches("m/n2", "q") && !touches("m/n.x", "m/o"));
        assert!(super::touches(b"m", None, None));
    }
}

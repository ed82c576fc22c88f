//! Opening a snapshot for reading: from what a person named to chunks that can be found.

use std::path::Path;

use pulih_vault::layout::DatasetName;
use pulih_vault::reader::{SnapshotReader, load_reach};
use pulih_vault::trust::Resolved;

use super::Context;
use super::choose::for_reading;
use super::failure::Failure;

pub struct OpenSnapshot {
    pub resolved: Resolved,
    pub reader: SnapshotReader,
    scratch: tempfile::TempDir,
}

impl OpenSnapshot {
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }
}

pub fn open(context: &Context, identity: &Path, dataset: Option<&DatasetName>, spec: &str) -> Result<OpenSnapshot, Failure> {
    let store = context.open_store()?;
    let readable = for_reading(context, &*store, Some(identity))?;
    let trusted = readable.trusted(context, &*store)?;
    let resolved = trusted.resolve(&*store, spec, dataset)?;
    let identities = readable.identity.map(|file| file.identities).unwrap_or_default();
    let description = &trusted.current().1;
    let secrets = description.open_secrets(&identities)?;
    let reach = load_reach(&*store, trusted.layout, resolved.manifest.reach)?;
    let scratch = tempfile::tempdir().map_err(|e| Failure::said(format!("cannot make a temporary folder: {e}")))?;
    let reader = SnapshotReader::open(store, trusted.layout, &reach, &secrets, identities, scratch.path())?;
    Ok(OpenSnapshot { resolved, reader, scratch })
}

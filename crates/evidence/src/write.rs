//! Writing a bundle into a folder: what a store has of one or more logs, as far as the newest checkpoint covers it.
//! The same checkpoint gives the same files. The folder has `.part` at its end until all of it is there.

mod folder;
mod named;

use std::path::{Path, PathBuf};

use pulih_ledger::Log;
use pulih_ledger::bundle::MAX_BUNDLE_BYTES;
use pulih_ledger::checkpoint::MAX_CHECKPOINT_BYTES;
use pulih_ledger::edge::{TILE_WIDTH, full_tiles, levels, partial_width};
use pulih_ledger::error::LedgerError;
use pulih_ledger::ids::SiteId;
use pulih_ledger::time::Time;
use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::places::{Part, Place, site_id};
use folder::Part as Unfinished;

/// Checkpoints that a bundle has, newest first, if not all are asked for.
const NEWEST_CHECKPOINTS: usize = 1000;

/// What goes into a bundle.
pub struct Export<'a> {
    /// Where the logs are, and what their entries name.
    pub store: &'a dyn Store,
    pub logs: &'a [&'a Log],
    /// Who made it, for people, and when.
    pub by: &'a str,
    pub at: &'a Time,
    pub all_checkpoints: bool,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    pub files: u64,
    pub bytes: u64,
    /// Objects that entries name and the store has not: a verifier will miss them.
    pub absent: Vec<ObjectName>,
}

#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{at} is there already; name another place, or move it away")]
    Exists { at: PathBuf },
    #[error("the site {site} has a name that a bundle needs for something else")]
    Name { site: SiteId },
    #[error("cannot {action}: {source}")]
    Io { action: String, source: std::io::Error },
}

/// Writes a bundle of whole logs into a folder that is not there yet.
pub fn to_folder(out: &Path, export: &Export<'_>) -> Result<Written, WriteError> {
    let mut folder = Unfinished::begin(out)?;
    let mut written = Written::default();
    for log in export.logs {
        Writer { folder: &mut folder, written: &mut written, export, log }.write()?;
    }
    folder.put(&Place::About, about(export).as_bytes(), &mut written)?;
    folder.finish()?;
    Ok(written)
}

/// `bundle.json`: for people and file managers; nothing in it is believed.
fn about(export: &Export<'_>) -> String {
    let sizes = |of: &dyn Fn(&Log) -> u64| -> serde_json::Map<String, serde_json::Value> {
        export.logs.iter().map(|log| (log.layout().site.to_string(), of(log).into())).collect()
    };
    let uji = export.logs.iter().any(|log| log.key().name().starts_with("pulih-ledger-uji/"));
    let about = serde_json::json!({
        "type": "pulih/evidence/v1",
        "by": export.by,
        "at": export.at.as_str(),
        "from": sizes(&|_| 0),
        "to": sizes(&|log| log.checkpoint().size),
        "uji": uji,
    });
    format!("{about}\n")
}

/// One log, on its way into the folder.
struct Writer<'a> {
    folder: &'a mut Unfinished,
    written: &'a mut Written,
    export: &'a Export<'a>,
    log: &'a Log,
}

impl Writer<'_> {
    fn write(&mut self) -> Result<(), WriteError> {
        let site = &self.log.layout().site;
        if site_id(site.as_str()).is_none() {
            return Err(WriteError::Name { site: site.clone() });
        }
        let size = self.log.checkpoint().size;
        self.put(Part::Keys, format!("{}\n", self.log.key()).as_bytes())?;
        self.copy(Part::Checkpoint, &self.log.layout().checkpoint(size), MAX_CHECKPOINT_BYTES)?;
        self.tiles(size)?;
        self.checkpoints(size)?;
        self.named(size)
    }

    fn put(&mut self, part: Part, bytes: &[u8]) -> Result<(), WriteError> {
        let place = Place::Of(self.log.layout().site.clone(), part);
        self.folder.put(&place, bytes, self.written)
    }

    fn copy(&mut self, part: Part, object: &ObjectName, limit: u64) -> Result<(), WriteError> {
        let bytes = self.export.store.read(object, limit)?;
        self.put(part, &bytes)
    }

    /// All hash tiles and all entry bundles of a tree.
    fn tiles(&mut self, size: u64) -> Result<(), WriteError> {
        for level in 0..levels(size) {
            for (index, width) in tiles_of(size, level) {
                let object = self.log.layout().tile(level, index, width);
                self.copy(Part::Tile { level, index, width }, &object, 8 << 10)?;
                if level == 0 {
                    let object = self.log.layout().bundle(index, width);
                    self.copy(Part::Bundle { index, width }, &object, MAX_BUNDLE_BYTES)?;
                }
            }
        }
        Ok(())
    }

    fn checkpoints(&mut self, newest: u64) -> Result<(), WriteError> {
        let mut sizes = self.log.checkpoint_sizes()?;
        sizes.retain(|size| *size <= newest);
        let most = if self.export.all_checkpoints { sizes.len() } else { NEWEST_CHECKPOINTS };
        for size in sizes.split_off(sizes.len().saturating_sub(most)) {
            self.copy(Part::Kept(size), &self.log.layout().checkpoint(size), MAX_CHECKPOINT_BYTES)?;
        }
        Ok(())
    }

    /// What entries name by its hash: objects of the site, and manifests of points that were drilled.
    fn named(&mut self, size: u64) -> Result<(), WriteError> {
        let site = &self.log.layout().site;
        let mut named = named::Named::default();
        for entry in self.log.entries(0).take(size as usize) {
            named.take(&entry?.bytes);
        }
        for (kind, hash) in named.objects {
            let object: ObjectName = format!("site/{site}/{}/{hash}", kind.name())
                .parse()
                .expect("a site's id and a hash are within an object name's letters");
            self.copy_if_there(&Place::Of(site.clone(), Part::Object(kind, hash)), &object)?;
        }
        for (vault, dataset, name) in named.manifests {
            let object = pulih_vault::layout::Layout { vault }.manifest(&dataset, name);
            self.copy_if_there(&Place::Manifest(vault, dataset, name), &object)?;
        }
        Ok(())
    }

    fn copy_if_there(&mut self, place: &Place, object: &ObjectName) -> Result<(), WriteError> {
        match self.export.store.read(object, place.limit()) {
            Ok(bytes) => self.folder.put(place, &bytes, self.written),
            // A manifest goes with its snapshot; the entry stays.
            Err(StoreError::NotFound { .. }) if matches!(place, Place::Manifest(..)) => Ok(()),
            Err(StoreError::NotFound { name }) => {
                self.written.absent.push(name);
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Tiles of a level, with how many hashes each has.
fn tiles_of(size: u64, level: usize) -> impl Iterator<Item = (u64, usize)> {
    let (full, partial) = (full_tiles(size, level), partial_width(size, level));
    let last = (partial > 0).then_some((full, partial));
    (0..full).map(|index| (index, TILE_WIDTH)).chain(last)
}

//! A bundle as the store that it was exported from: what reads a site's ledger there reads it here. Only to be read, and
//! only once it was verified.

use std::collections::BTreeMap;
use std::io;

use pulih_ledger::layout::Layout;
use pulih_vault::store::{ObjectName, Staged, Store, StoreError};

use crate::places::{Part, Place};
use crate::source::{Found, Source, SourceError};

/// Where each object is in the bundle, and its size.
pub struct Stored {
    source: Box<dyn Source>,
    files: BTreeMap<ObjectName, (String, u64)>,
}

/// The object that a file of a bundle is, if it is one that a ledger is read from.
fn object(name: &str) -> Option<ObjectName> {
    let Ok(Place::Of(site, part)) = name.parse::<Place>() else { return None };
    let its = name.strip_prefix(site.as_str())?.strip_prefix('/')?;
    let object = match part {
        Part::Kept(size) => return Some(Layout { site }.checkpoint(size)),
        Part::Tile { .. } | Part::Bundle { .. } => format!("site/{site}/ledger/{its}"),
        Part::Object(..) => format!("site/{site}/{}", its.strip_prefix("objects/")?),
        _ => return None,
    };
    object.parse().ok()
}

impl Stored {
    pub fn of(source: Box<dyn Source>) -> Result<Self, SourceError> {
        let mut files = BTreeMap::new();
        source.list(&mut |name, found| {
            if let Found::File(size) = found {
                files.extend(object(name).map(|object| (object, (name.to_owned(), size))));
            }
            true
        })?;
        Ok(Self { source, files })
    }

    fn file(&self, name: &ObjectName) -> Result<&(String, u64), StoreError> {
        self.files.get(name).ok_or_else(|| StoreError::NotFound { name: name.clone() })
    }
}

fn failed(name: &ObjectName, source: io::Error) -> StoreError {
    StoreError::Io { action: format!("read object {name}"), source }
}

impl Store for Stored {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        let source = io::Error::from(io::ErrorKind::ReadOnlyFilesystem);
        Err(StoreError::Io { action: "write into a bundle".into(), source })
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        Ok(self.file(name)?.1)
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let (file, size) = self.file(name)?;
        let bytes = self.source.read(file, *size).map_err(|error| failed(name, io::Error::other(error)))?;
        let start = usize::try_from(offset).ok().filter(|start| *start <= bytes.len());
        let its = start.and_then(|start| bytes[start..].get(..len));
        out.extend_from_slice(its.ok_or_else(|| failed(name, io::ErrorKind::UnexpectedEof.into()))?);
        Ok(())
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        let below = format!("{prefix}/");
        self.files.keys().filter(|name| name.as_str().starts_with(&below)).cloned().for_each(each);
        Ok(())
    }
}

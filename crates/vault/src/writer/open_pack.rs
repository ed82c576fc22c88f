//! A pack that is being filled: frames are sealed and hashed as they come and go straight to
//! the store's staging, so that a pack never stands in memory whole.

use super::{Frame, Target};
use crate::envelope::Sealer;
use crate::error::{Result, VaultError};
use crate::id::{ObjectHash, VaultId};
use crate::index::IndexedPack;
use crate::pack::{FrameList, FrameShape};
use crate::store::{Staged, StoreError};

pub struct OpenPack {
    staged: Box<dyn Staged>,
    sealer: Sealer,
    hasher: blake3::Hasher,
    stored_bytes: u64,
    indexed: IndexedPack,
    frames: Vec<u32>,
}

/// A pack that is complete and has its name, but is not committed.
pub struct ClosedPack {
    pub staged: Box<dyn Staged>,
    pub indexed: IndexedPack,
    pub frames: Vec<u32>,
}

impl OpenPack {
    pub fn begin(target: &Target) -> Result<Self> {
        Ok(Self {
            staged: target.store.stage()?,
            sealer: Sealer::new(&target.pack_recipients, &*target.random)?,
            hasher: blake3::Hasher::new(),
            stored_bytes: 0,
            indexed: IndexedPack {
                hash: ObjectHash([0; 32]),
                stored_bytes: 0,
                frames: FrameList::default(),
                ids: Vec::new(),
            },
            frames: Vec::new(),
        })
    }

    pub fn stored_bytes(&self) -> u64 {
        self.stored_bytes
    }

    pub fn append(&mut self, frame: &Frame, compressed: &[u8]) -> Result<()> {
        // In pieces that stay in the processor's cache from cipher to hash to write.
        for piece in compressed.chunks(256 << 10) {
            self.sealer.write(piece);
            write(&mut *self.staged, &mut self.hasher, &mut self.stored_bytes, self.sealer.sealed())?;
            self.sealer.take_sealed();
        }
        self.indexed.frames.0.push(FrameShape {
            kind: frame.kind,
            stored_bytes: compressed.len() as u32,
            chunks: frame.chunks.iter().map(|(_, len)| *len).collect(),
        });
        self.indexed.ids.extend(frame.chunks.iter().map(|(id, _)| *id));
        self.frames.push(frame.number);
        Ok(())
    }

    pub fn close(mut self, vault: VaultId) -> Result<ClosedPack> {
        self.sealer.write(&self.indexed.frames.to_trailer(vault));
        let rest = self.sealer.finish();
        write(&mut *self.staged, &mut self.hasher, &mut self.stored_bytes, &rest)?;
        self.indexed.hash = ObjectHash(*self.hasher.finalize().as_bytes());
        self.indexed.stored_bytes = self.stored_bytes;
        Ok(ClosedPack { staged: self.staged, indexed: self.indexed, frames: self.frames })
    }
}

fn write(staged: &mut dyn Staged, hasher: &mut blake3::Hasher, total: &mut u64, bytes: &[u8]) -> Result<()> {
    hasher.update(bytes);
    *total += bytes.len() as u64;
    staged.write_all(bytes).map_err(|source| {
        VaultError::Store(match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                StoreError::Full { store: "the vault's store".to_owned(), source }
            }
            _ => StoreError::Io { action: "write a pack".to_owned(), source },
        })
    })
}

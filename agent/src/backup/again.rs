//! Reading chunks of a file once more that is as it was: those that lie in packs which the site
//! avoids, at their places, and nothing else of it. What comes is believed by its id alone, so that a
//! file which cannot be read any more, or reads differently, keeps what was saved of it.

use std::fs::File;
use std::io;
use std::sync::mpsc::SyncSender;

use pulih_vault::id::ChunkId;
use pulih_vault::reader::chunk_id;

use super::fetch::{Fetched, MOST_AHEAD, PIECE_BYTES, read_at};
use crate::source::content::{self, Extents};
use crate::source::{Found, Stat};

#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub id: ChunkId,
    /// Where it begins in the content, holes not counted.
    pub offset: u64,
    pub len: u32,
}

#[derive(Debug)]
pub struct Again {
    /// The content's data and holes, as they were saved.
    pub extents: Extents,
    /// Ascending.
    pub wanted: Vec<Wanted>,
}

impl Again {
    /// Most bytes that reading holds before they are consumed.
    pub fn cost(&self) -> u64 {
        let bytes: u64 = self.wanted.iter().map(|wanted| u64::from(wanted.len)).sum();
        bytes.min(MOST_AHEAD) + 512
    }

    /// Sends the chunks that are what they were; returns how many bytes were not, though the system
    /// says the same of the file as before.
    pub fn read(&self, found: &Found, id_key: &[u8; 32], out: &SyncSender<Fetched>) -> io::Result<u64> {
        let file = content::open(found)?;
        let mut differs = 0;
        let (mut bytes, mut chunks) = (Vec::new(), Vec::new());
        for wanted in &self.wanted {
            let from = bytes.len();
            self.read_content(&file, wanted.offset, wanted.len.into(), &mut bytes)?;
            if chunk_id(id_key, &bytes[from..]) == wanted.id {
                chunks.push((wanted.id, wanted.len));
            } else {
                differs += u64::from(wanted.len);
                bytes.truncate(from);
            }
            if bytes.len() >= PIECE_BYTES {
                let (bytes, chunks) = (std::mem::take(&mut bytes), std::mem::take(&mut chunks));
                // Nobody listens any more when the backup has stopped.
                if out.send(Fetched::Piece { bytes, chunks }).is_err() {
                    return Ok(0);
                }
            }
        }
        let _ = out.send(Fetched::Piece { bytes, chunks });
        // One that is being changed right now differs of course; the next run reads all of it.
        let now = Stat::from(rustix::fs::fstat(&file)?);
        Ok(if content::is_stable(found.stat(), &now) { differs } else { 0 })
    }

    /// Appends `len` bytes of the content from `offset` on; fewer if the file ends before.
    fn read_content(&self, file: &File, mut offset: u64, mut len: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
        for &(at, has) in &self.extents.data {
            if offset < has {
                let part = len.min(has - offset);
                if read_at(file, at + offset, part, bytes)? < part {
                    return Ok(());
                }
                (offset, len) = (0, len - part);
                if len == 0 {
                    return Ok(());
                }
            } else {
                offset -= has;
            }
        }
        Ok(())
    }
}

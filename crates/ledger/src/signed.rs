//! What a log's key has signed of it, in whichever form: a checkpoint, a request to co-sign one, a head, a batch. Each
//! says that the log's first so many entries have this root, and so any of them can be proof against the log.

use pulih_vault::note::VerifierKey;

use crate::batch;
use crate::checkpoint::{Checkpoint, Distrust};
use crate::hash::Hash;
use crate::head::Head;
use crate::tlog_proof::AddCheckpoint;

/// Size and root that one of `keys` signed; `None`: it is nothing that a log signs, or nobody of these did.
pub fn size_and_root(bytes: &[u8], keys: &[VerifierKey]) -> Option<(u64, Hash)> {
    let asked = AddCheckpoint::parse(bytes).map(|asked| asked.checkpoint.into_bytes());
    let note = asked.as_deref().unwrap_or(bytes);
    keys.iter().find_map(|key| {
        let checkpoint = Checkpoint::open(note, key).map(|its| (its.size, its.root));
        let head = |_: Distrust| Head::open(bytes, key).map(|its| (its.size, its.root));
        checkpoint.or_else(head).or_else(|_| batch::signed_end(bytes, key)).ok()
    })
}

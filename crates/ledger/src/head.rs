//! Heads: what a log is now, signed with the time. A checkpoint of old stays good for ever; a head
//! says that *today* there is no more than this, so that a site that was rolled back has signed it.

use pulih_vault::error::Malformed;
use pulih_vault::note::{SigningKey, VerifierKey};

use crate::checkpoint::{Distrust, check_origin, opened, parse_size};
use crate::hash::Hash;
use crate::time::Time;

const WHAT: &str = "head";
/// First line: no log has this origin, so that no head can pass for a checkpoint.
const TYPE: &str = "pulih/ledger/head/v1";
/// Most bytes that a head may have.
pub const MAX_HEAD_BYTES: u64 = 64 << 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub size: u64,
    pub root: Hash,
    /// Size of the newest checkpoint.
    pub checkpoint: u64,
    /// By the site's clock.
    pub at: Time,
}

impl Head {
    pub fn sign(&self, key: &SigningKey) -> String {
        let origin = key.verifier().name().to_owned();
        key.sign(&format!("{TYPE}\n{origin}\n{}\n{}\n{}\n{}\n", self.size, self.root, self.checkpoint, self.at))
    }

    /// Reads a head that `key` signed, of the log that has the key's name.
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<Self, Distrust> {
        let bad = |why: &str| Malformed::new(WHAT, why);
        if note.len() as u64 > MAX_HEAD_BYTES {
            return Err(bad("it is too long").into());
        }
        let lines: Vec<_> = opened(note, key)?.lines().collect();
        let [kind, origin, size, root, checkpoint, at] = lines[..] else {
            return Err(bad("it does not have six lines").into());
        };
        if kind != TYPE {
            return Err(bad("it does not begin pulih/ledger/head/v1").into());
        }
        check_origin(origin, key)?;
        let (size, checkpoint) = (parse_size(WHAT, size)?, parse_size(WHAT, checkpoint)?);
        if checkpoint > size {
            return Err(bad("its checkpoint is of more entries than there are").into());
        }
        Ok(Self { size, root: root.parse()?, checkpoint, at: at.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;

    fn key(name: &str) -> SigningKey {
        SigningKey::generate(name, &ring::rand::SystemRandom::new()).unwrap()
    }

    #[test]
    fn only_a_head_of_that_key_is_believed() {
        let (ours, other) = (key("pulih-ledger/pusat"), key("pulih-ledger/pusat"));
        let head =
            Head { size: 7, root: Hash::of_empty_tree(), checkpoint: 5, at: "2026-11-22T01:23:45Z".parse().unwrap() };
        let note = head.sign(&ours);
        assert_eq!(Head::open(note.as_bytes(), &ours.verifier()), Ok(head.clone()));
        assert!(matches!(Head::open(note.as_bytes(), &other.verifier()), Err(Distrust::Signature { .. })));
        // Neither passes for the other.
        assert!(Checkpoint::open(note.as_bytes(), &ours.verifier()).is_err());
        let checkpoint = Checkpoint { origin: "pulih-ledger/pusat".into(), size: 7, root: Hash::of_empty_tree() };
        assert!(Head::open(checkpoint.sign(&ours).as_bytes(), &ours.verifier()).is_err());
        let newer = Head { checkpoint: 8, ..head };
        assert!(Head::open(newer.sign(&ours).as_bytes(), &ours.verifier()).is_err());
    }
}

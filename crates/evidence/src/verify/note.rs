//! Opening a signed note, with what exactly is wrong if it is not the log's.

use pulih_ledger::chain::KeyChain;
use pulih_ledger::checkpoint::{Checkpoint, Distrust};
use pulih_ledger::cosign::Cosigned;
use pulih_vault::note::{Unverified, VerifierKey};

use crate::report::Code;

/// A checkpoint of the log of this chain, or why it is none. Only three lines are a checkpoint of Pulih's.
pub fn open(note: &[u8], keys: &KeyChain) -> Result<Cosigned, (Code, String)> {
    let signed = Cosigned::open(note, keys).map_err(|why| match why {
        Distrust::Malformed(why) => (Code::Damaged, why.to_string()),
        Distrust::Signature { key } if has_line(note, &key) => {
            (Code::BadSignature, format!("it has a line of {key}, which does not verify"))
        }
        Distrust::Signature { key } => (Code::UnknownKey, format!("it is not signed by {key}")),
        Distrust::Origin { found, expected } => (Code::WrongOrigin, format!("it is of {found:?}, not of {expected:?}")),
    })?;
    if signed.checkpoint().to_text() != signed.text() {
        return Err((Code::Damaged, "it has more than three lines".into()));
    }
    Ok(signed)
}

/// Whether a line says that it is by this key.
fn has_line(note: &[u8], key: &VerifierKey) -> bool {
    let Ok(note) = Unverified::parse(note) else { return false };
    // The type of keys that sign notes.
    let id = key.id(1);
    note.lines().any(|(name, blob)| name == key.name() && blob.starts_with(&id))
}

/// For messages: size and root of a checkpoint.
pub fn shown(checkpoint: &Checkpoint) -> String {
    format!("of {} entries with the root {}", checkpoint.size, checkpoint.root)
}

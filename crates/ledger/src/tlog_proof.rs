//! Proofs as files: C2SP tlog-proof for an entry, and the request of C2SP tlog-witness for a log that has grown. The
//! note at the end of each is believed by nobody yet.

use pulih_vault::error::Malformed;

use crate::checkpoint::{MAX_CHECKPOINT_BYTES, parse_size};
use crate::proof::{MAX_PROOF_HASHES, Proof};

/// Most bytes of a proof of an entry: its hashes and a checkpoint.
pub const MAX_TLOG_PROOF_BYTES: u64 = 128 << 10;
/// Most bytes of a request to co-sign.
pub const MAX_ADD_CHECKPOINT_BYTES: u64 = MAX_CHECKPOINT_BYTES;
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// `c2sp.org/tlog-proof@v1`: entry `index` is in the log that the checkpoint is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    pub index: u64,
    pub proof: Proof,
    /// A signed note.
    pub checkpoint: String,
}

/// What a cosigner is asked with: the checkpoint, and that it goes on from the size that the cosigner saw last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    pub old: u64,
    pub proof: Proof,
    /// A signed note.
    pub checkpoint: String,
}

fn put(head: &str, proof: &Proof, checkpoint: &str) -> String {
    let mut lines = vec![head.to_owned()];
    lines.extend(proof.0.iter().map(ToString::to_string));
    format!("{}\n\n{checkpoint}", lines.join("\n"))
}

/// What stands before the first empty line, and the note after it.
fn split<'t>(what: &'static str, bytes: &'t [u8], most: u64) -> Result<(Vec<&'t str>, &'t str), Malformed> {
    let bad = |why: &str| Malformed::new(what, why);
    if bytes.len() as u64 > most {
        return Err(bad("it is too long"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not UTF-8"))?;
    let (head, checkpoint) = text.split_once("\n\n").ok_or_else(|| bad("it has no checkpoint"))?;
    Ok((head.split('\n').collect(), checkpoint))
}

fn number(what: &'static str, line: &str, name: &str) -> Result<u64, Malformed> {
    let number = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
    parse_size(what, number.ok_or_else(|| Malformed::new(what, format!("it does not say {name:?}")))?)
}

fn hashes(what: &'static str, lines: &[&str]) -> Result<Proof, Malformed> {
    if lines.len() > MAX_PROOF_HASHES {
        return Err(Malformed::new(what, format!("it has more than {MAX_PROOF_HASHES} hashes")));
    }
    let hashes: Result<_, _> = lines.iter().map(|line| line.parse()).collect();
    hashes.map(Proof)
}

impl TlogProof {
    pub fn to_text(&self) -> String {
        put(&format!("{HEADER}\nindex {}", self.index), &self.proof, &self.checkpoint)
    }

    /// Reads a proof that has no extra data: Pulih writes none, and it would be signed by nobody.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "proof of an entry";
        let (lines, checkpoint) = split(WHAT, bytes, MAX_TLOG_PROOF_BYTES)?;
        let [HEADER, index, rest @ ..] = &lines[..] else {
            return Err(Malformed::new(WHAT, format!("it does not begin {HEADER}")));
        };
        let (index, proof) = (number(WHAT, index, "index")?, hashes(WHAT, rest)?);
        Ok(Self { index, proof, checkpoint: checkpoint.to_owned() })
    }
}

impl AddCheckpoint {
    pub fn to_text(&self) -> String {
        put(&format!("old {}", self.old), &self.proof, &self.checkpoint)
    }

    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "request to co-sign";
        let (lines, checkpoint) = split(WHAT, bytes, MAX_ADD_CHECKPOINT_BYTES)?;
        let [old, rest @ ..] = &lines[..] else {
            return Err(Malformed::new(WHAT, "it is empty"));
        };
        let (old, proof) = (number(WHAT, old, "old")?, hashes(WHAT, rest)?);
        Ok(Self { old, proof, checkpoint: checkpoint.to_owned() })
    }
}

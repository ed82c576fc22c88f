//! Co-signatures (C2SP tlog-cosignature, Ed25519): someone says that at this time the longest log of this origin
//! that they have seen, and that goes on from all that they saw before, has this root.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pulih_vault::error::Malformed;
use pulih_vault::note::{Fingerprint, SigningKey, Unverified, VerifierKey};

use crate::chain::KeyChain;
use crate::checkpoint::{Checkpoint, Distrust, MAX_CHECKPOINT_BYTES, check_origin};

/// The type of a key that co-signs: the same key under type 1 has another id, and neither passes for the other.
const TYPE_COSIGNATURE: u8 = 4;
/// The type of a key that signs its own log.
const TYPE_LOG: u8 = 1;
const WHAT: &str = "co-signature";
/// Signature lines that a note may have (the reader of notes takes no more).
const MAX_LINES: usize = 64;

/// The key of one who co-signs.
#[derive(Clone, PartialEq, Eq)]
pub struct CosignerKey(VerifierKey);

impl CosignerKey {
    /// A site's ledger key, as that with which it co-signs other logs.
    pub fn of(key: VerifierKey) -> Self {
        Self(key)
    }

    pub fn name(&self) -> &str {
        self.0.name()
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint()
    }

    /// What signature lines begin with, and objects are named by.
    pub fn id(&self) -> [u8; 4] {
        self.0.id(TYPE_COSIGNATURE)
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_text(TYPE_COSIGNATURE))
    }
}

impl fmt::Debug for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for CosignerKey {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        VerifierKey::from_text(text, TYPE_COSIGNATURE).map(Self)
    }
}

/// That `key` has seen a checkpoint, believed: only [`Cosigned::by`] and [`Cosigned::cosign`] make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    key: CosignerKey,
    time: u64,
    line: String,
}

impl Cosignature {
    pub fn key(&self) -> &CosignerKey {
        &self.key
    }

    /// Seconds since 1970, by the clock of who co-signed.
    pub fn time(&self) -> u64 {
        self.time
    }

    /// The signature line, without its newline.
    pub fn line(&self) -> &str {
        &self.line
    }
}

/// What is signed: it begins as nothing else does, and no log has such an origin.
fn message(time: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

/// The time and the signature of a line's bytes, if they are of this key.
fn parts<'b>(key: &CosignerKey, name: &str, blob: &'b [u8]) -> Option<(u64, &'b [u8])> {
    let (id, rest) = blob.split_first_chunk::<4>()?;
    let (time, signature) = rest.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    let is_its = name == key.name() && *id == key.id() && i64::try_from(time).is_ok();
    is_its.then_some((time, signature))
}

fn line(name: &str, blob: &[u8]) -> String {
    format!("\u{2014} {name} {}", BASE64.encode(blob))
}

/// A checkpoint that the log's key signed, with all signature lines that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    checkpoint: Checkpoint,
    text: String,
    lines: Vec<String>,
}

impl Cosigned {
    /// Opens a note that the log's key for its size signed. Of other lines nothing is believed yet.
    pub fn open(note: &[u8], log: &KeyChain) -> Result<Self, Distrust> {
        if note.len() as u64 > MAX_CHECKPOINT_BYTES {
            return Err(Malformed::new("checkpoint", "it is too long").into());
        }
        let parsed = Unverified::parse(note)?;
        let text = parsed.claimed_text();
        let checkpoint = Checkpoint::parse(text)?;
        let has_signed = |key: &VerifierKey| parsed.verify(&[key]).is_some();
        log.check(checkpoint.size, has_signed).map_err(|key| Distrust::Signature { key: key.clone() })?;
        check_origin(&checkpoint.origin, log.newest())?;
        let lines = parsed.lines().map(|(name, blob)| line(name, blob)).collect();
        Ok(Self { checkpoint, text: text.to_owned(), lines })
    }

    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// What the log's key signed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Co-signs. Who calls this has seen that the checkpoint goes on from all that was co-signed before, and keeps
    /// what comes back before it is said.
    pub fn cosign(&self, key: &SigningKey, time: u64) -> Result<Cosignature, Malformed> {
        let bad = |why: &str| Malformed::new(WHAT, why);
        i64::try_from(time).map_err(|_| bad("its time is beyond what there is"))?;
        let cosigner = CosignerKey::of(key.verifier());
        let signature = key.sign_bytes(&message(time, &self.text));
        let blob = [&cosigner.id()[..], &time.to_be_bytes(), &signature].concat();
        Ok(Cosignature { line: line(cosigner.name(), &blob), key: cosigner, time })
    }

    /// The co-signature by this key, if there is one that verifies; the newest of several.
    pub fn by(&self, key: &CosignerKey) -> Option<Cosignature> {
        let note = self.to_note();
        let parsed = Unverified::parse(note.as_bytes()).ok()?;
        let believed = parsed.lines().filter_map(|(name, blob)| {
            let (time, signature) = parts(key, name, blob)?;
            let holds = key.0.has_signed(&message(time, &self.text), signature);
            holds.then(|| Cosignature { key: key.clone(), time, line: line(name, blob) })
        });
        believed.max_by_key(Cosignature::time)
    }

    /// Whether a line says that it is of this key: with [`by`](Self::by) finding none, it does not verify.
    pub fn names(&self, key: &CosignerKey) -> bool {
        let begins = format!("\u{2014} {} ", key.name());
        self.lines.iter().any(|line| {
            let blob = line.strip_prefix(&begins).and_then(|blob| BASE64.decode(blob).ok());
            blob.is_some_and(|blob| blob.starts_with(&key.id()))
        })
    }

    /// Adds a co-signature of this very checkpoint; one that is of another is refused.
    pub fn add(&mut self, cosignature: &Cosignature) -> Result<(), Malformed> {
        let mut with = self.clone();
        with.add_line(&cosignature.line);
        if with.by(&cosignature.key).is_none() {
            return Err(Malformed::new(WHAT, "it is of another checkpoint"));
        }
        *self = with;
        Ok(())
    }

    /// The same with the log's own signatures, and nothing else that came with it.
    #[must_use]
    pub fn bare(&self, log: &KeyChain) -> Self {
        let note = self.to_note();
        let its_own = |(name, blob): (&str, &[u8])| {
            let is_by = |key: &&VerifierKey| name == key.name() && blob.starts_with(&key.id(TYPE_LOG));
            let signed = |key: &VerifierKey| key.has_signed(self.text.as_bytes(), &blob[4..]);
            log.keys().find(is_by).is_some_and(signed).then(|| line(name, blob))
        };
        let parsed = Unverified::parse(note.as_bytes());
        let lines = parsed.map(|parsed| parsed.lines().filter_map(its_own).collect()).unwrap_or_default();
        Self { checkpoint: self.checkpoint.clone(), text: self.text.clone(), lines }
    }

    /// Lines that are not in another note of the same checkpoint: what was said beside it.
    pub fn lines_beside<'s>(&'s self, other: &'s Self) -> impl Iterator<Item = &'s str> {
        self.lines.iter().filter(|line| !other.lines.contains(line)).map(String::as_str)
    }

    /// Takes the lines of the same checkpoint from elsewhere. `false`: it is another checkpoint, and nothing is taken.
    pub fn merge(&mut self, other: &Self) -> bool {
        if other.text != self.text {
            return false;
        }
        other.lines.iter().for_each(|line| self.add_line(line));
        true
    }

    fn add_line(&mut self, line: &str) {
        if self.lines.len() < MAX_LINES && !self.lines.iter().any(|known| known == line) {
            self.lines.push(line.to_owned());
        }
    }

    /// The note with all its lines.
    pub fn to_note(&self) -> String {
        let mut note = format!("{}\n", self.text);
        self.lines.iter().for_each(|line| {
            note.push_str(line);
            note.push('\n');
        });
        note
    }
}

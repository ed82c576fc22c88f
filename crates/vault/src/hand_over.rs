//! Another key under the same name: what is signed when one hands over to the next. Who signed tells what it means: the
//! new key, that somebody has its secret; the old one, that it hands over; another site, that its people compared it.

use crate::error::Malformed;
use crate::note::{SigningKey, Unverified, VerifierKey};

/// First line of what is signed of a key: nothing else that is signed begins so.
const TYPE: &str = "pulih/site-key/v1";
const WHAT: &str = "statement of a key";
/// Most bytes of a statement: two keys, their name twice, and a few signatures.
pub const MAX_STATEMENT_BYTES: u64 = 64 << 10;

/// That `old` shall hand over to `new`, as the new key and the other site sign it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    pub old: VerifierKey,
    pub new: VerifierKey,
}

impl HandOver {
    fn to_text(&self) -> String {
        format!("{TYPE}\n{}\n{}\n{}\n", self.old.name(), self.old, self.new)
    }

    /// The signature line by which the new key shows that somebody has it.
    pub fn possession(&self, new: &SigningKey) -> String {
        last_line(&new.sign(&self.to_text())).trim_end().to_owned()
    }

    /// Whether that line is the new key's.
    pub fn is_possessed(&self, possession: &str) -> bool {
        let note = format!("{}\n{possession}\n", self.to_text());
        !possession.contains('\n') && self.is_signed(note.as_bytes(), &[&self.new])
    }

    /// The other site's word for it, as an object keeps it.
    pub fn statement(&self, other: &SigningKey) -> String {
        other.sign(&self.to_text())
    }

    /// Reads what somebody stated, and of which keys; none of it is believed yet.
    pub fn claimed(statement: &[u8]) -> Result<Self, Malformed> {
        let bad = |why: &str| Malformed::new(WHAT, why);
        if statement.len() as u64 > MAX_STATEMENT_BYTES {
            return Err(bad("it is too long"));
        }
        let lines: Vec<_> = Unverified::parse(statement)?.claimed_text().lines().collect();
        let [TYPE, origin, old, new] = lines[..] else {
            return Err(bad("it is not pulih/site-key/v1 and three lines"));
        };
        let its = Self { old: old.parse()?, new: new.parse()? };
        let is_one = its.old.name() == origin && its.new.name() == origin && its.old != its.new;
        if is_one { Ok(its) } else { Err(bad("its keys are not two of one log")) }
    }

    /// Whether one of `keys` signed a statement of just this.
    pub fn is_signed(&self, statement: &[u8], keys: &[&VerifierKey]) -> bool {
        let is_by = |note: &Unverified<'_>| note.claimed_text() == self.to_text() && note.verify(keys).is_some();
        statement.len() as u64 <= MAX_STATEMENT_BYTES && Unverified::parse(statement).is_ok_and(|note| is_by(&note))
    }
}

fn last_line(note: &str) -> &str {
    &note[note.rfind("\n\n").map_or(0, |at| at + 2)..]
}

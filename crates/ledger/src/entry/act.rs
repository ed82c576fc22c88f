//! A person's act: the entry carries that person's signature over everything else in it, so
//! that it can be checked from the ledger alone, and a site that was taken over cannot invent it.
//!
//! Kept is the signature line of a signed note; the note's text is the canonical JSON of the
//! entry without `act`, and a newline. So nothing is written twice that could then differ.

use serde_json::{Map, Value};

use pulih_vault::error::Malformed;
use pulih_vault::note::{SigningKey, Unverified, VerifierKey};

use super::{Actor, Entry, EntryError, ReadEntry};
use crate::canonical;

/// Why an act is not that person's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    #[error("the entry is no person's act, or its actor is of a kind that this program does not know")]
    NoPerson,
    #[error("the act of {user} is not signed")]
    Unsigned { user: String },
    #[error("the ledger gave {user} no key {key} before this act")]
    UnknownKey { user: String, key: String },
    #[error("the act names the key {named} and was held against {given}")]
    OtherKey { named: String, given: String },
    #[error("the signature of {user} does not hold: the entry was changed, or signed with another key")]
    BadSignature { user: String },
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What is signed: `fields` without the signature.
fn text(fields: &Map<String, Value>) -> Result<String, Malformed> {
    let mut bytes = canonical::encode(fields)?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|_| Malformed::new("act", "it is not UTF-8"))
}

/// The entry with the signature of the person who acts; `key` is the one that its actor names.
pub fn sign_act(entry: Entry, key: &SigningKey) -> Result<Entry, EntryError> {
    match &entry.actor {
        Actor::Person { key: named, .. } if *named == key.verifier().fingerprint() => {}
        Actor::Person { key: named, .. } => {
            let why = format!("its actor has the key {named}, not the one to sign with");
            return Err(Malformed::new("act", why).into());
        }
        _ => return Err(EntryError::NoPerson),
    }
    let text = text(&entry.fields()?)?;
    let note = key.sign(&text);
    let line = note.strip_prefix(&text).map(str::trim).map(str::to_owned);
    if line.is_none() {
        return Err(Malformed::new("act", "its note is not text and signature").into());
    }
    Ok(Entry { act: line, ..entry })
}

/// Whether `key` signed all of this entry. That the key is that person's is the caller's to
/// know: [`Roster`](crate::roster::Roster) knows it from the ledger.
pub fn verify_act(entry: &ReadEntry, key: &VerifierKey) -> Result<(), ActError> {
    let Actor::Person { user, key: named } = &entry.actor else {
        return Err(ActError::NoPerson);
    };
    let given = key.fingerprint();
    if *named != given {
        return Err(ActError::OtherKey { named: named.to_string(), given: given.to_string() });
    }
    let mut fields = entry.raw.clone();
    let Some(Value::String(line)) = fields.remove("act") else {
        return Err(ActError::Unsigned { user: user.to_string() });
    };
    let text = text(&fields)?;
    // One line and no more: a second one could move where the text ends.
    let is_line = line.starts_with('\u{2014}') && !line.contains('\n');
    let note = format!("{text}\n{line}\n");
    let signed = is_line
        && Unverified::parse(note.as_bytes())
            .is_ok_and(|note| note.verify(&[key]).is_some_and(|(signed, _)| signed == text));
    if signed { Ok(()) } else { Err(ActError::BadSignature { user: user.to_string() }) }
}

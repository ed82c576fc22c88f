//! What the owner gives back: a note by the owner key around the description, so that the secrets
//! beside it are the owner's too.

use pulih_vault::description::{Description, DescriptionName};
use pulih_vault::error::Malformed;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::{SigningKey, Unverified, VerifierKey};
use serde::{Deserialize, Serialize};

use super::MAX_FILE_BYTES;

const TYPE: &str = "pulih/owner-answer/v1";
const WHAT: &str = "answer of the owner";

/// An answer that the owner key signed.
#[derive(Debug)]
pub struct Answer {
    /// As it goes into the store.
    pub note: String,
    pub name: DescriptionName,
    pub description: Description,
    /// The vault's secrets for the agent that adopts it: an armored age file.
    pub secrets: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "type")]
    kind: String,
    description: String,
    secrets: Option<String>,
}

impl Answer {
    /// Signs an answer: its file's text.
    pub fn sign(note: &str, secrets: Option<&str>, owner: &SigningKey) -> String {
        let text = Text { kind: TYPE.into(), description: note.to_owned(), secrets: secrets.map(str::to_owned) };
        owner.sign(&(serde_json::to_string(&text).expect("text is JSON") + "\n"))
    }

    /// Reads an answer and believes it if the owner key that its description names signed both,
    /// and `trusted` says that this is the owner's key.
    pub fn open(file: &[u8], trusted: impl FnOnce(&VerifierKey) -> bool) -> Result<Self, Malformed> {
        let bad = |why: String| Malformed::new(WHAT, why);
        if file.len() as u64 > MAX_FILE_BYTES {
            return Err(bad(format!("it has more than {MAX_FILE_BYTES} bytes")));
        }
        let unverified = Unverified::parse(file)?;
        let text: Text = serde_json::from_str(unverified.claimed_text()).map_err(|error| bad(error.to_string()))?;
        if text.kind != TYPE {
            return Err(bad(format!("its type is {:?}", text.kind)));
        }
        let description = Description::open(text.description.as_bytes(), trusted)?;
        if unverified.verify(&[&description.owner]).is_none() {
            return Err(bad("its signature by the owner key is not valid".to_owned()));
        }
        let name = DescriptionName { number: description.number, hash: ObjectHash::of(text.description.as_bytes()) };
        Ok(Self { note: text.description, name, description, secrets: text.secrets })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulih_vault::chunker::ChunkSizes;
    use pulih_vault::description::{Class, NewDescription, OWNER_KEY_NAME, VaultSecrets, agent_key_name};
    use pulih_vault::id::VaultId;
    use ring::rand::SystemRandom;

    use super::*;

    fn owner() -> SigningKey {
        SigningKey::generate(OWNER_KEY_NAME, &SystemRandom::new()).unwrap()
    }

    fn note(owner: &SigningKey) -> String {
        let (random, vault) = (SystemRandom::new(), VaultId([4; 16]));
        let new = NewDescription {
            vault,
            created: "2026-11-22T00:00:00Z".into(),
            class: Class::Strategis,
            chunker: ChunkSizes::DEFAULT,
            recipients: &[age::x25519::Identity::generate().to_public().to_string()],
            agent: SigningKey::generate(&agent_key_name(vault), &random).unwrap().verifier(),
            secrets: &VaultSecrets::generate(&random).unwrap(),
        };
        new.sign(owner, &random).unwrap()
    }

    #[test]
    fn an_answer_is_believed_whole_or_not_at_all() {
        let (owner, other) = (owner(), owner());
        let note = note(&owner);
        let answer = Answer::sign(&note, Some("a box"), &owner);
        let opened = Answer::open(answer.as_bytes(), |key| *key == owner.verifier()).unwrap();
        assert_eq!((opened.note.as_str(), opened.secrets.as_deref()), (note.as_str(), Some("a box")));
        assert_eq!(opened.name.hash, ObjectHash::of(note.as_bytes()));
        // Another box beside a description that the owner did sign: signed by someone else, or
        // by nobody.
        for forged in [Answer::sign(&note, Some("another"), &other), answer.replace("a box", "another")] {
            let error = Answer::open(forged.as_bytes(), |_| true).unwrap_err();
            assert!(error.to_string().contains("signature"), "{error}");
        }
        let others = Answer::sign(&super::tests::note(&other), None, &other);
        let error = Answer::open(others.as_bytes(), |key| *key == owner.verifier()).unwrap_err();
        assert!(error.to_string().contains("not the owner's"), "{error}");
        // A description alone is no answer.
        assert!(Answer::open(note.as_bytes(), |_| true).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..512), at in any::<prop::sample::Index>(), byte: u8) {
            let _ = Answer::open(&bytes, |_| true);
            let owner = owner();
            let answer = Answer::sign(&note(&owner), None, &owner).into_bytes();
            let at = at.index(answer.len());
            let mut changed = answer.clone();
            changed[at] = byte;
            prop_assert!(changed == answer || Answer::open(&changed, |key| *key == owner.verifier()).is_err());
            let _ = Answer::open(&answer[..at], |_| true);
        }
    }
}

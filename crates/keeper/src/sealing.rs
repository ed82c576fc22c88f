//! A sealed identity. For each group of as many people as are needed the identity is split into
//! parts that only together make it: all but one are random, and the last is the identity with the
//! others taken off it by XOR. Whoever lacks one part of a group knows nothing of the identity, not even
//! with unbounded computing. Each person's parts lie in an age file to that person alone.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use age::Identity;
use age_core::secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pulih_policies::{Class, Name};
use pulih_vault::envelope::{self, Recipients};
use ring::rand::SecureRandom;
use serde::{Deserialize, Serialize};

use crate::key::{KeyError, TYPE, read_recipient};

/// Of eight people there are seventy groups of four, the most that a file can have.
pub const MAX_PEOPLE: usize = 8;
const MAX_SEALED_BYTES: usize = 64 << 10;

/// A person's parts, by group.
pub type Parts = BTreeMap<String, SecretSlice<u8>>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedKey {
    #[serde(rename = "type")]
    pub kind: String,
    pub created: String,
    pub class: String,
    /// What offices encrypt to.
    pub recipient: String,
    /// How many of the people it takes.
    pub needed: usize,
    pub people: Vec<Person>,
    /// The whole identity, to one key in a closed envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glass: Option<Glass>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    pub user: String,
    /// The person's own age recipient.
    pub recipient: String,
    /// By group, BLAKE3 of this person's part: a wrong part is known when it comes.
    pub checks: BTreeMap<String, String>,
    /// An age file to that recipient: JSON of group and part, base64.
    pub parts: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Glass {
    pub recipient: String,
    /// An age file to that recipient, base64.
    pub identity: String,
}

/// All groups of `needed` out of `people`, which are in order.
fn groups(people: &[&str], needed: usize) -> Vec<Vec<String>> {
    let Some((first, rest)) = people.split_first().filter(|_| needed > 0 && needed <= people.len()) else {
        return if needed == 0 { vec![Vec::new()] } else { Vec::new() };
    };
    let mut with: Vec<Vec<String>> = groups(rest, needed - 1);
    with.iter_mut().for_each(|group| group.insert(0, (*first).to_owned()));
    with.extend(groups(rest, needed));
    with
}

fn xor(into: &mut [u8], other: &[u8]) {
    into.iter_mut().zip(other).for_each(|(byte, other)| *byte ^= other);
}

fn check(group: &str, user: &str, part: &[u8]) -> String {
    let mut hash = blake3::Hasher::new_derive_key("pulih keeper part v1");
    for piece in [group.as_bytes(), b"\0", user.as_bytes(), b"\0", part] {
        hash.update(piece);
    }
    hash.finalize().to_hex().to_string()
}

fn sealed_to(recipient: &str, plain: &[u8], random: &dyn SecureRandom) -> Result<String, KeyError> {
    let to = Recipients::new(vec![Box::new(read_recipient(recipient)?)]);
    let sealed = envelope::seal(&to, random, plain).map_err(|error| KeyError::Bad(error.to_string()))?;
    Ok(STANDARD.encode(sealed))
}

fn bad(why: impl Into<String>) -> KeyError {
    KeyError::Bad(why.into())
}

/// Whom an identity is sealed to.
pub struct SealedTo<'a> {
    /// Who, and each one's age recipient.
    pub people: &'a [(String, String)],
    pub needed: usize,
    pub glass: Option<&'a str>,
}

impl SealedTo<'_> {
    fn must_be_sound(&self) -> Result<(), KeyError> {
        if !(2..=MAX_PEOPLE).contains(&self.people.len()) || !(2..=self.people.len()).contains(&self.needed) {
            return Err(bad(format!(
                "a sealed identity has 2 to {MAX_PEOPLE} people, and takes at least 2 and at most all of them"
            )));
        }
        for (at, (user, recipient)) in self.people.iter().enumerate() {
            user.parse::<Name>().map_err(|error| bad(format!("{user:?}: {error}")))?;
            let before = &self.people[..at];
            if before.iter().any(|(known, its)| known == user || its == recipient) {
                return Err(bad(format!("{user} or the recipient of {user} is named twice: each is a person alone")));
            }
            if self.glass == Some(recipient.as_str()) {
                return Err(bad(format!("the key in the envelope is that of {user}; make one of its own")));
            }
        }
        Ok(())
    }
}

/// Seals an identity.
pub fn seal(
    identity: &age::x25519::Identity,
    class: Class,
    to: &SealedTo,
    created: &str,
    random: &dyn SecureRandom,
) -> Result<SealedKey, KeyError> {
    to.must_be_sound()?;
    let text = identity.to_string();
    let secret = text.expose_secret().as_bytes();
    let mut users: Vec<&str> = to.people.iter().map(|(user, _)| user.as_str()).collect();
    users.sort_unstable();
    let mut parts: BTreeMap<String, Parts> = BTreeMap::new();
    for group in groups(&users, to.needed) {
        let name = group.join("+");
        let mut last = secret.to_vec();
        let (rest, end) = group.split_at(group.len() - 1);
        for user in rest {
            let mut pad = vec![0; secret.len()];
            random.fill(&mut pad).map_err(|_| bad("the system gives no random bytes"))?;
            xor(&mut last, &pad);
            parts.entry(user.clone()).or_default().insert(name.clone(), pad.into());
        }
        for user in end {
            parts.entry(user.clone()).or_default().insert(name.clone(), std::mem::take(&mut last).into());
        }
    }
    let mut people = Vec::new();
    for (user, recipient) in to.people {
        let its = parts.get(user).ok_or_else(|| bad("a person is in no group"))?;
        let checks = its.iter().map(|(group, part)| (group.clone(), check(group, user, part.expose_secret())));
        let plain: SecretString = text_of(its)?.into();
        people.push(Person {
            user: user.clone(),
            recipient: recipient.clone(),
            checks: checks.collect(),
            parts: sealed_to(recipient, plain.expose_secret().as_bytes(), random)?,
        });
    }
    let glass = to.glass.map(|recipient| {
        let identity = sealed_to(recipient, secret, random)?;
        Ok::<_, KeyError>(Glass { recipient: recipient.to_owned(), identity })
    });
    Ok(SealedKey {
        kind: TYPE.into(),
        created: created.to_owned(),
        class: class.to_string(),
        recipient: identity.to_public().to_string(),
        needed: to.needed,
        people,
        glass: glass.transpose()?,
    })
}

/// Parts as they go over the socket and into a person's age file.
pub fn text_of(parts: &Parts) -> Result<String, KeyError> {
    let shown: BTreeMap<&str, String> =
        parts.iter().map(|(group, part)| (group.as_str(), STANDARD.encode(part.expose_secret()))).collect();
    serde_json::to_string(&shown).map_err(|error| bad(error.to_string()))
}

/// What [`text_of`] wrote.
pub fn parts_of(text: &str) -> Result<Parts, KeyError> {
    let shown: BTreeMap<String, String> =
        serde_json::from_str(text).map_err(|_| bad("these are no parts of a sealed identity"))?;
    let decode = |(group, part): (String, String)| {
        let part = STANDARD.decode(part).map_err(|_| bad("a part is not base64"))?;
        Ok((group, part.into()))
    };
    shown.into_iter().map(decode).collect()
}

/// Opens what was sealed to one key: a person's parts, or the whole identity in the envelope.
pub fn opened(sealed: &str, identities: &[Box<dyn Identity + Send + Sync>]) -> Result<SecretString, KeyError> {
    let sealed = STANDARD.decode(sealed).ok().filter(|bytes| bytes.len() <= MAX_SEALED_BYTES);
    let sealed = sealed.ok_or_else(|| bad("what is sealed there is damaged"))?;
    let plain = envelope::open(&sealed, identities, "what is sealed to this person")
        .map_err(|error| bad(format!("this is not the key that it was sealed to, or it is damaged: {error}")))?;
    String::from_utf8(plain).map(Into::into).map_err(|_| bad("what is sealed there is damaged"))
}

impl SealedKey {
    pub fn person(&self, user: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.user == user)
    }

    /// That these are the parts that this person was given.
    pub fn must_be_of(&self, user: &str, parts: &Parts) -> Result<(), KeyError> {
        let person = self.person(user).ok_or_else(|| bad(format!("{user} has no part of this identity")))?;
        let right = |(group, known): (&String, &String)| {
            parts.get(group).is_some_and(|part| check(group, user, part.expose_secret()) == *known)
        };
        if parts.len() == person.checks.len() && person.checks.iter().all(right) {
            return Ok(());
        }
        Err(bad(format!("these are not the parts of {user}")))
    }

    /// The identity, if a whole group has given its parts.
    pub fn joined(&self, given: &BTreeMap<String, Parts>) -> Result<Option<age::x25519::Identity>, KeyError> {
        let users: Vec<&str> = given.keys().map(String::as_str).collect();
        let Some(group) = groups(&users, self.needed).into_iter().next() else { return Ok(None) };
        let name = group.join("+");
        let mut parts = group.iter().filter_map(|user| given.get(user)?.get(&name));
        let mut whole = parts.next().map(|part| part.expose_secret().to_vec()).unwrap_or_default();
        parts.for_each(|part| xor(&mut whole, part.expose_secret()));
        let text: SecretString = String::from_utf8(whole).map_err(|_| bad("the parts make no identity"))?.into();
        self.believed(&text).map(Some)
    }

    /// An identity that is the one which was sealed.
    pub fn believed(&self, text: &SecretString) -> Result<age::x25519::Identity, KeyError> {
        let identity = age::x25519::Identity::from_str(text.expose_secret().trim());
        let identity = identity.map_err(|_| bad("this is no identity"))?;
        if identity.to_public().to_string() == self.recipient {
            return Ok(identity);
        }
        Err(bad("this is another identity than the one that was sealed"))
    }
}

#[cfg(test)]
mod tests;

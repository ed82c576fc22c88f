//! Signed notes (C2SP signed-note) with Ed25519: the one form in which anything is signed.
//!
//! A note becomes text only through [`open`], which takes the keys that are believed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, STANDARD_NO_PAD};
use ring::rand::SecureRandom;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::fmt;
use std::str::FromStr;

use crate::error::Malformed;

/// What a key of a signed note is for (C2SP signed-note, "Signature types"): it is part of the key's id, so that
/// a key for one purpose is not taken for one of another.
const ALGORITHM_ED25519: u8 = 1;
const WHAT: &str = "signed note";

/// A public key with its name: who may have signed.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    public: [u8; 32],
}

impl VerifierKey {
    pub fn name(&self) -> &str {
        &self.name
    }

    fn hash(&self) -> [u8; 4] {
        self.id(ALGORITHM_ED25519)
    }

    /// The id that signature lines have of this key where it signs for another purpose.
    pub fn id(&self, algorithm: u8) -> [u8; 4] {
        key_hash(&self.name, algorithm, &self.public)
    }

    /// The key's text for another purpose than notes.
    pub fn to_text(&self, algorithm: u8) -> String {
        let hash = u32::from_be_bytes(self.id(algorithm));
        format!("{}+{hash:08x}+{}", self.name, BASE64.encode([&[algorithm][..], &self.public].concat()))
    }

    /// Reads what [`to_text`](Self::to_text) writes.
    pub fn from_text(text: &str, algorithm: u8) -> Result<Self, Malformed> {
        let (name, hash, public) = split_key(text, "verifier key", algorithm)?;
        let key = Self { name, public };
        if u32::from_be_bytes(key.id(algorithm)) == hash {
            Ok(key)
        } else {
            Err(Malformed::new("verifier key", "its hash does not fit its key"))
        }
    }

    /// Whether the key signed these very bytes.
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public).verify(message, signature).is_ok()
    }

    /// `SHA256:` and unpadded base64, as `ssh` prints its keys' fingerprints.
    pub fn fingerprint(&self) -> Fingerprint {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.public);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        Fingerprint(bytes)
    }
}

fn key_hash(name: &str, algorithm: u8, public: &[u8; 32]) -> [u8; 4] {
    let mut input = Vec::with_capacity(name.len() + 34);
    input.extend_from_slice(name.as_bytes());
    input.push(b'\n');
    input.push(algorithm);
    input.extend_from_slice(public);
    let digest = ring::digest::digest(&ring::digest::SHA256, &input);
    let mut out = [0; 4];
    out.copy_from_slice(&digest.as_ref()[..4]);
    out
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text(ALGORITHM_ED25519))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Parts a key's text into name, the 32 bytes of the key, and whether the hash fits is the
/// caller's to check: for a private key it is over the public half.
fn split_key(text: &str, what: &'static str, algorithm: u8) -> Result<(String, u32, [u8; 32]), Malformed> {
    let bad = |why: &str| Malformed::new(what, why);
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(bad("it is not name+hash+key"));
    };
    if !is_key_name(name) {
        return Err(bad("its name is empty or has a space"));
    }
    if hash.len() != 8 {
        return Err(bad("its hash is not eight hexadecimal digits"));
    }
    let hash = u32::from_str_radix(hash, 16).map_err(|_| bad("its hash is not hexadecimal"))?;
    let key = BASE64.decode(key).map_err(|_| bad("its key is not base64"))?;
    match key.split_first() {
        Some((first, bytes)) if *first == algorithm => {
            let bytes = bytes.try_into().map_err(|_| bad("its key is not 32 bytes"))?;
            Ok((name.to_owned(), hash, bytes))
        }
        _ => Err(bad(&format!("its type is not {algorithm}"))),
    }
}

fn is_key_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

impl FromStr for VerifierKey {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        Self::from_text(text, ALGORITHM_ED25519)
    }
}

/// SHA-256 of a public key, as people compare it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", STANDARD_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.strip_prefix("SHA256:")
            .and_then(|b64| STANDARD_NO_PAD.decode(b64).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or_else(|| Malformed::new("fingerprint", "it is not SHA256: and 43 characters"))
    }
}

/// A private key. Its text form is that of Go's `note` package.
pub struct SigningKey {
    name: String,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl SigningKey {
    pub fn generate(name: &str, random: &dyn SecureRandom) -> Result<Self, Malformed> {
        let mut seed = [0; 32];
        random.fill(&mut seed).map_err(|_| Malformed::new("signing key", "the system gives no random bytes"))?;
        Self::from_seed(name, seed)
    }

    fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, Malformed> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|_| Malformed::new("signing key", "its seed is not 32 bytes"))?;
        Ok(Self { name: name.to_owned(), seed, pair })
    }

    pub fn verifier(&self) -> VerifierKey {
        let mut public = [0; 32];
        public.copy_from_slice(self.pair.public_key().as_ref());
        VerifierKey { name: self.name.clone(), public }
    }

    /// The text that holds the private key: secret.
    pub fn to_secret_text(&self) -> String {
        let mut key = vec![ALGORITHM_ED25519];
        key.extend_from_slice(&self.seed);
        let hash = u32::from_be_bytes(self.verifier().hash());
        format!("PRIVATE+KEY+{}+{hash:08x}+{}", self.name, BASE64.encode(key))
    }

    pub fn from_secret_text(text: &str) -> Result<Self, Malformed> {
        let rest = text
            .trim()
            .strip_prefix("PRIVATE+KEY+")
            .ok_or_else(|| Malformed::new("signing key", "it does not begin PRIVATE+KEY+"))?;
        let (name, hash, seed) = split_key(rest, "signing key", ALGORITHM_ED25519)?;
        let key = Self::from_seed(&name, seed)?;
        if u32::from_be_bytes(key.verifier().hash()) == hash {
            Ok(key)
        } else {
            Err(Malformed::new("signing key", "its hash does not fit its key"))
        }
    }

    /// Signs `text`, which ends with a newline, and returns the note.
    pub fn sign(&self, text: &str) -> String {
        debug_assert!(text.ends_with('\n'));
        let mut blob = self.verifier().hash().to_vec();
        blob.extend_from_slice(self.pair.sign(text.as_bytes()).as_ref());
        format!("{text}\n\u{2014} {} {}\n", self.name, BASE64.encode(blob))
    }

    /// Signs bytes that are no note. They begin as nothing else that is signed does, or one could pass for the other.
    pub fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        let mut out = [0; 64];
        out.copy_from_slice(self.pair.sign(message).as_ref());
        out
    }
}

/// The text of a note and its signature lines, none of them believed yet.
pub struct Unverified<'a> {
    text: &'a str,
    signatures: Vec<(&'a str, Vec<u8>)>,
}

/// Most signature lines that are looked at.
const MAX_SIGNATURES: usize = 64;

impl<'a> Unverified<'a> {
    pub fn parse(note: &'a [u8]) -> Result<Self, Malformed> {
        let bad = |why: &str| Malformed::new(WHAT, why);
        let note = std::str::from_utf8(note).map_err(|_| bad("it is not UTF-8"))?;
        if note.contains(|c: char| c < ' ' && c != '\n') {
            return Err(bad("it has control characters"));
        }
        let split = note.rfind("\n\n").ok_or_else(|| bad("it has no signatures"))?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or_else(|| bad("it is cut off"))?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            let (name, blob) = line
                .strip_prefix("\u{2014} ")
                .and_then(|rest| rest.split_once(' '))
                .ok_or_else(|| bad("a line after the text is not a signature"))?;
            let blob = BASE64.decode(blob).map_err(|_| bad("a signature is not base64"))?;
            if !is_key_name(name) || blob.len() < 5 || signatures.len() == MAX_SIGNATURES {
                return Err(bad("a signature line is not as it should be"));
            }
            signatures.push((name, blob));
        }
        Ok(Self { text, signatures })
    }

    /// The text if any of `keys` signed it, with that key.
    pub fn verify<'k>(&self, keys: &'k [&VerifierKey]) -> Option<(&'a str, &'k VerifierKey)> {
        keys.iter().find_map(|key| {
            let signed = self.signatures.iter().any(|(name, blob)| {
                *name == key.name && blob[..4] == key.hash() && key.has_signed(self.text.as_bytes(), &blob[4..])
            });
            signed.then_some((self.text, *key))
        })
    }

    /// The signature lines: who they say signed, and the key's id with the signature after it.
    pub fn lines(&self) -> impl Iterator<Item = (&'a str, &[u8])> {
        self.signatures.iter().map(|(name, blob)| (*name, blob.as_slice()))
    }

    /// What the note says, for finding out which key to ask for. Not to be believed.
    pub fn claimed_text(&self) -> &'a str {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed("pulih-owner", [7; 32]).unwrap()
    }

    #[test]
    fn what_was_signed_is_believed_and_nothing_else() {
        let note = key().sign("{\"a\":\n\n1}\n");
        let verifier = key().verifier();
        let parsed = Unverified::parse(note.as_bytes()).unwrap();
        assert_eq!(parsed.verify(&[&verifier]).unwrap().0, "{\"a\":\n\n1}\n");

        let other = SigningKey::from_seed("pulih-owner", [8; 32]).unwrap().verifier();
        assert!(parsed.verify(&[&other]).is_none());
        let forged = note.replace("1}", "2}");
        let forged = Unverified::parse(forged.as_bytes()).unwrap();
        assert!(forged.verify(&[&verifier]).is_none());
    }

    #[test]
    fn keys_come_back_from_their_text() {
        let again = SigningKey::from_secret_text(&key().to_secret_text()).unwrap();
        assert_eq!(again.verifier(), key().verifier());
        let text = key().verifier().to_string();
        assert_eq!(text.parse::<VerifierKey>().unwrap(), key().verifier());
        assert!(text.replace("owner", "0wner").parse::<VerifierKey>().is_err());
        let print = key().verifier().fingerprint();
        assert_eq!(print.to_string().parse::<Fingerprint>().unwrap(), print);
    }

    #[test]
    fn what_is_not_a_note_is_refused() {
        for bad in ["", "text\n", "text\n\n", "text\n\n- a b\n", "text\n\n\u{2014} a !\n"] {
            assert!(Unverified::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}

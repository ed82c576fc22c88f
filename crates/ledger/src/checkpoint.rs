//! Checkpoints (C2SP tlog-checkpoint): the signed head of a log at one size.

use pulih_vault::error::Malformed;
use pulih_vault::note::{SigningKey, Unverified, VerifierKey};

use crate::edge::MAX_TREE_SIZE;
use crate::hash::Hash;

const WHAT: &str = "checkpoint";
/// Most bytes of a checkpoint that are read: a name of 255 bytes and 64 signatures fit many times.
pub const MAX_CHECKPOINT_BYTES: u64 = 64 << 10;

/// What a log was at one size. Its origin is the name of the key that signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

/// Why a note is not believed to be what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    #[error(transparent)]
    Malformed(#[from] Malformed),
    #[error("it is not signed by {key:?}")]
    Signature { key: VerifierKey },
    #[error("it is of the log {found:?}, not of {expected:?}")]
    Origin { found: String, expected: String },
}

/// A number in the one way that the format allows.
pub(crate) fn parse_size(what: &'static str, line: &str) -> Result<u64, Malformed> {
    let size = line.parse().ok().filter(|size: &u64| size.to_string() == line && *size <= MAX_TREE_SIZE);
    size.ok_or_else(|| Malformed::new(what, "a size in it is not a number from 0 to 2^48"))
}

/// The text of a note that `key` signed.
pub(crate) fn opened<'a>(note: &'a [u8], key: &VerifierKey) -> Result<&'a str, Distrust> {
    let note = Unverified::parse(note)?;
    match note.verify(&[key]) {
        Some((text, _)) => Ok(text),
        None => Err(Distrust::Signature { key: key.clone() }),
    }
}

pub(crate) fn check_origin(found: &str, key: &VerifierKey) -> Result<(), Distrust> {
    let expected = key.name();
    if found == expected {
        return Ok(());
    }
    Err(Distrust::Origin { found: found.to_owned(), expected: expected.to_owned() })
}

impl Checkpoint {
    /// What is signed.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// Reads what is signed. Lines after the third are extensions and are passed over.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let bad = |why: &str| Malformed::new(WHAT, why);
        let lines = text.strip_suffix('\n').ok_or_else(|| bad("its last line is cut off"))?;
        let lines: Vec<_> = lines.split('\n').collect();
        if lines.iter().any(|line| line.is_empty()) {
            return Err(bad("a line of it is empty"));
        }
        let [origin, size, root, ..] = lines[..] else {
            return Err(bad("it has fewer than three lines"));
        };
        Ok(Self { origin: origin.to_owned(), size: parse_size(WHAT, size)?, root: root.parse()? })
    }

    pub fn sign(&self, key: &SigningKey) -> String {
        key.sign(&self.to_text())
    }

    /// Reads a checkpoint that `key` signed, of the log that has the key's name.
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<Self, Distrust> {
        let checkpoint = Self::parse(opened(note, key)?)?;
        check_origin(&checkpoint.origin, key)?;
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of C2SP tlog-checkpoint.
    const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    fn key(name: &str) -> SigningKey {
        SigningKey::generate(name, &ring::rand::SystemRandom::new()).unwrap()
    }

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.to_text(), TEXT);
        assert_eq!(Checkpoint::parse(&format!("{TEXT}extension\n")), Ok(checkpoint));
    }

    #[test]
    fn what_is_none_is_refused() {
        let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
        for bad in [
            String::new(),
            TEXT.trim_end().to_owned(),
            format!("{TEXT}\n"),
            format!("o\n5\n{root}\n\nx\n"),
            format!("\n5\n{root}\n"),
            format!("o\n05\n{root}\n"),
            format!("o\n+5\n{root}\n"),
            format!("o\n-5\n{root}\n"),
            format!("o\n5 \n{root}\n"),
            format!("o\n{}\n{root}\n", u64::MAX),
            format!("o\n{}\n{root}\n", MAX_TREE_SIZE + 1),
            format!("o\n5\n{}\n", &root[4..]),
            format!("o\n5\n{}\n", root.trim_end_matches('=')),
            "o\n5\n".to_owned(),
        ] {
            assert!(Checkpoint::parse(&bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn only_the_log_of_that_key_is_believed() {
        let (ours, other) = (key("example.com/behind-the-sofa"), key("example.com/behind-the-sofa"));
        let checkpoint = Checkpoint::parse(TEXT).unwrap();
        let note = checkpoint.sign(&ours);
        assert_eq!(Checkpoint::open(note.as_bytes(), &ours.verifier()), Ok(checkpoint.clone()));
        let forged = Checkpoint::open(note.as_bytes(), &other.verifier());
        assert!(matches!(forged, Err(Distrust::Signature { .. })), "{forged:?}");
        let elsewhere = key("example.com/elsewhere");
        let note = checkpoint.sign(&elsewhere);
        let found = Checkpoint::open(note.as_bytes(), &elsewhere.verifier());
        assert!(matches!(found, Err(Distrust::Origin { .. })), "{found:?}");
    }

    #[test]
    fn notes_are_those_of_other_implementations() {
        // The key and note that the documentation of Go's note package has.
        let peter = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let note = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n\n\
                    \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        let text = opened(note.as_bytes(), &peter.parse().unwrap()).unwrap();
        assert!(text.ends_with("what your problem is.\n"));
    }
}

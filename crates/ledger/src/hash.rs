//! Hashes of RFC 6962, section 2.1: a leaf's begins with 0x00 and a node's with 0x01, so that
//! none can pass for the other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::digest::{Context, SHA256, digest};
use std::fmt;
use std::str::FromStr;

use pulih_vault::error::Malformed;

pub const HASH_BYTES: usize = 32;

/// SHA-256 of a leaf, a node or a whole tree. Its text is standard base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// Root of the tree without leaves: the hash of nothing.
    pub fn of_empty_tree() -> Self {
        Self::of_bytes(&[])
    }

    pub fn of_leaf(entry: &[u8]) -> Self {
        Self::of_parts(&[&[0], entry])
    }

    pub fn of_node(left: &Self, right: &Self) -> Self {
        Self::of_parts(&[&[1], &left.0, &right.0])
    }

    /// Plain SHA-256: what names an object's bytes, and no part of any tree.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self::taken(digest(&SHA256, bytes).as_ref())
    }

    fn of_parts(parts: &[&[u8]]) -> Self {
        let mut context = Context::new(&SHA256);
        parts.iter().for_each(|part| context.update(part));
        Self::taken(context.finish().as_ref())
    }

    fn taken(digest: &[u8]) -> Self {
        let mut out = [0; HASH_BYTES];
        out.copy_from_slice(digest);
        Self(out)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| Malformed::new("hash", "it is not 32 bytes in base64"))
    }
}

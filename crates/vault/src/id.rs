//! Ids of a vault: fixed-size bytes with one text form each. Text from outside becomes one of
//! these types or is refused.

use std::fmt;
use std::str::FromStr;

/// A text that is not the id it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {what}")]
pub struct BadId {
    pub what: &'static str,
    pub text: String,
}

fn decode_hex<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], BadId> {
    let bad = || BadId { what, text: text.chars().take(80).collect() };
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(bad());
    }
    let nibble = |d: u8| match d {
        b'0'..=b'9' => Ok(d - b'0'),
        b'a'..=b'f' => Ok(d - b'a' + 10),
        _ => Err(bad()),
    };
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Ok(out)
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                decode_hex(text, $what).map(Self)
            }
        }
    };
}

hex_id!(
    /// A vault, drawn at random when it is made; 32 lower-case hexadecimal digits.
    VaultId, 16, "a vault id (32 lower-case hexadecimal digits)"
);
hex_id!(
    /// BLAKE3 of an object's stored bytes; its name in the store; 64 hexadecimal digits.
    ObjectHash, 32, "an object's hash (64 lower-case hexadecimal digits)"
);

impl ObjectHash {
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

/// First 24 bytes of keyed BLAKE3 over a chunk; see `docs/format.md`, section 4, for why 24.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChunkId(pub [u8; ChunkId::LEN]);

impl ChunkId {
    pub const LEN: usize = 24;
}

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(&self.0, f)
    }
}

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

/// The value of each byte as a digit; 255: it is none. Names are read and made by the million.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value = 0;
    while value < 16 {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
};
const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn decode_hex<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], BadId> {
    let digits = text.as_bytes();
    let mut out = [0; N];
    let mut worst = if digits.len() == 2 * N { 0 } else { 255 };
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
        worst |= high | low;
        *byte = high << 4 | low;
    }
    if worst < 16 { Ok(out) } else { Err(BadId { what, text: text.chars().take(80).collect() }) }
}

fn write_hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for some in bytes.chunks(32) {
        let mut text = [0; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(some) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text[..2 * some.len()]).map_err(|_| fmt::Error)?)?;
    }
    Ok(())
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

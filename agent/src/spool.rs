//! How much may wait on this server for its store at most: `spool` in agent.toml, and `--spool`.

use std::fmt;
use std::str::FromStr;

use pulih_policies::Size;
use pulih_vault::writer::DEFAULT_SPOOL_BYTES;

/// Two packs must have room: one on its way, one being filled.
pub const LEAST_BYTES: u64 = 64 << 20;
pub const MOST_BYTES: u64 = 1 << 40;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is a size from 64MiB to 1TiB, as \"256MiB\"")]
pub struct BadSpool;

/// A bound in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolLimit(u64);

impl SpoolLimit {
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl Default for SpoolLimit {
    fn default() -> Self {
        Self(DEFAULT_SPOOL_BYTES)
    }
}

impl FromStr for SpoolLimit {
    type Err = BadSpool;

    fn from_str(text: &str) -> Result<Self, BadSpool> {
        let bytes = text.parse::<Size>().map_err(|_| BadSpool)?.bytes();
        if (LEAST_BYTES..=MOST_BYTES).contains(&bytes) { Ok(Self(bytes)) } else { Err(BadSpool) }
    }
}

impl fmt::Display for SpoolLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pulih_terminal::size(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_has_a_unit_and_bounds_of_its_own() {
        assert_eq!("64MiB".parse(), Ok(SpoolLimit(LEAST_BYTES)));
        assert_eq!("1TiB".parse(), Ok(SpoolLimit(MOST_BYTES)));
        for bad in ["", "256", "63MiB", "1025GiB", "-1GiB", "256MB", "256 mib"] {
            assert_eq!(bad.parse::<SpoolLimit>(), Err(BadSpool), "{bad}");
        }
        assert_eq!(SpoolLimit::default().to_string(), "256.0 MiB");
    }
}

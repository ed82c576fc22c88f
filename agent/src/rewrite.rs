//! How much a run writes afresh at most because the site avoids the packs that it lies in:
//! `rewrite` in agent.toml, and `--rewrite`.

use std::str::FromStr;

use pulih_policies::Size;

pub const DEFAULT_BYTES: u64 = 1 << 30;
/// The largest chunk must fit, or nothing of it would ever be written afresh.
pub const LEAST_BYTES: u64 = 1 << 20;
pub const MOST_BYTES: u64 = 1 << 40;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is a size from 1MiB to 1TiB, as \"1GiB\", or \"0\" for nothing")]
pub struct BadRewrite;

/// A bound in bytes of chunks; 0: none are written afresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RewriteLimit(u64);

impl RewriteLimit {
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl Default for RewriteLimit {
    fn default() -> Self {
        Self(DEFAULT_BYTES)
    }
}

impl FromStr for RewriteLimit {
    type Err = BadRewrite;

    fn from_str(text: &str) -> Result<Self, BadRewrite> {
        if text == "0" {
            return Ok(Self(0));
        }
        let bytes = text.parse::<Size>().map_err(|_| BadRewrite)?.bytes();
        if (LEAST_BYTES..=MOST_BYTES).contains(&bytes) { Ok(Self(bytes)) } else { Err(BadRewrite) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_a_unit_and_bounds_or_is_nothing() {
        assert_eq!("1MiB".parse(), Ok(RewriteLimit(LEAST_BYTES)));
        assert_eq!("1TiB".parse(), Ok(RewriteLimit(MOST_BYTES)));
        assert_eq!("0".parse(), Ok(RewriteLimit(0)));
        for bad in ["", "1", "0MiB", "1023KiB", "1025GiB", "-1GiB", "off"] {
            assert_eq!(bad.parse::<RewriteLimit>(), Err(BadRewrite), "{bad}");
        }
        assert_eq!(RewriteLimit::default().bytes(), 1 << 30);
    }
}

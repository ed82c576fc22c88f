//! Names of policies, of OPD and of datasets: those of datasets must be ones that a vault takes.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name is 1 to 63 of a-z, 0-9, `.`, `_` and `-`, and begins with a letter or a digit")]
pub struct NameError;

impl Name {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// In the order of its text: a map of names is asked by text.
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let sound = text.len() <= 63
            && text.bytes().next().is_some_and(letter)
            && text.bytes().all(|b| letter(b) || matches!(b, b'.' | b'_' | b'-'));
        if sound { Ok(Self(text.to_owned())) } else { Err(NameError) }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_a_vault_takes() {
        for good in ["a", "siak-db", "0.x_y", &"a".repeat(63)] {
            assert_eq!(good.parse::<Name>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", ".a", "A", "a b", "a/b", "é", &"a".repeat(64)] {
            assert_eq!(bad.parse::<Name>(), Err(NameError), "{bad}");
        }
    }
}

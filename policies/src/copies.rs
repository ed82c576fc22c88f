//! What a class asks of how its data is held: by how many keys it can be opened again, and at how many places it is.
//! Nothing is refused or deleted by it: a site says of which datasets it does not hold.
//!
//! How many keys, and never whose: a policy that named one could add a reader.

use crate::quantity::Span;

const LEAST_KEYS: u32 = 1;
/// The Pusat Data and the DRC.
const LEAST: u32 = 2;
/// A further copy too.
pub(crate) const MOST: u32 = 3;

/// Of the keys that open it again. What the file leaves out is left out of the canonical form too.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    pub least: Option<u32>,
}

/// Of the places that have it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Copies {
    pub least: Option<u32>,
    /// How old a further copy may be that counts.
    pub further: Option<Span>,
}

impl Recovery {
    /// How many recovery keys a vault is encrypted to at least.
    pub fn least(&self) -> u32 {
        self.least.unwrap_or(LEAST_KEYS)
    }
}

impl Copies {
    /// At how many places it is at least.
    pub fn least(&self) -> u32 {
        self.least.unwrap_or(LEAST)
    }

    /// How old a further copy may be; `None`: none is asked for.
    pub fn further(&self) -> Option<Span> {
        self.further.filter(|_| self.least() >= MOST)
    }
}

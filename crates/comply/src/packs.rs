//! The packs that come with Pulih, and how any pack is read: its expressions checked against the facts, its kinds of
//! entries against the ledger's, its words against the regulation's text.

use std::fmt::Write as _;

use pulih_ledger::entry::Kind;
use pulih_policies::{Against, Refused, Regulation};
use ring::digest::{SHA256, digest};

use crate::check::Expression;

/// A pack that comes with Pulih.
#[derive(Debug, Clone, Copy)]
pub struct Packed {
    pub name: &'static str,
    pub pack: &'static str,
    pub text: &'static str,
}

macro_rules! packed {
    ($($name:literal),* $(,)?) => {
        &[$(Packed {
            name: $name,
            pack: include_str!(concat!("../../../policies/packs/", $name, ".toml")),
            text: include_str!(concat!("../../../policies/packs/", $name, ".txt")),
        }),*]
    };
}

pub const PACKED: &[Packed] =
    packed!["batang-50-2019", "kaur-28-2023", "kuantan-singingi-33-2020", "kudus-48-2019", "kutai-barat-7-2019",];

/// Reads a pack. `text`: the regulation's, where it is at hand; without it its words are believed.
pub fn read(file: &str, pack: &[u8], text: Option<&str>) -> Result<Regulation, Refused> {
    let sha256 = text.map(sha256);
    Regulation::parse(
        file,
        pack,
        &Against {
            text: text.zip(sha256.as_deref()),
            expression: &|text| Expression::parse(text).map(drop).map_err(|error| error.to_string()),
            is_entry_kind: &|name| Kind::ALL.iter().any(|kind| kind.name() == name),
        },
    )
}

impl Packed {
    pub fn named(name: &str) -> Option<Self> {
        PACKED.iter().find(|its| its.name == name).copied()
    }

    pub fn read(&self) -> Result<Regulation, Refused> {
        read(self.name, self.pack.as_bytes(), Some(self.text))
    }
}

/// In hexadecimal.
pub fn sha256(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;

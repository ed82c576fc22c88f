//! A recovery that a DRC ordered onto a server: what the server restores now, the keys that this takes,
//! and what came of it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Of an age file key.
pub const KEY_BYTES: usize = 16;
/// Of a step's text for people.
pub const MAX_TEXT_BYTES: usize = 2000;

/// Text for people as one line of at most so many bytes.
pub fn one_line(text: &str, most: usize) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let end = (0..=most.min(line.len())).rev().find(|at| line.is_char_boundary(*at));
    line.truncate(end.unwrap_or(0));
    line
}

/// How an order stands for the server that asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Now {
    /// Nothing was ever ordered for it.
    None,
    /// An order is open, and it is not this server's turn.
    Wait { recovery: String },
    /// A dataset is to be restored now.
    Restore(Turn),
    /// The last order has ended; `outcome` as in the ledger.
    Ended { recovery: String, outcome: String },
}

/// What is to be restored now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    pub recovery: String,
    /// Which dataset of the order this is, from 1.
    pub number: u64,
    /// How many steps there were before: it tells one turn from another of the same dataset.
    pub after: u64,
    pub vault: String,
    pub dataset: String,
    /// The manifest's name.
    pub snapshot: String,
    pub class: String,
    /// The fingerprint of the owner key that speaks for the vault at the DRC.
    pub owner: String,
    /// Below the target: two names with a slash between them.
    pub folder: String,
    /// Bytes of content of this dataset, and of it and all that follow.
    pub bytes: u64,
    pub left_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyAsked {
    pub recovery: String,
    /// A pack, or a description, whose secrets are meant.
    pub object: String,
}

/// The file key of that object, and of no other.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyGiven {
    key: String,
}

impl KeyGiven {
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self { key: STANDARD.encode(key) }
    }

    pub fn bytes(&self) -> Option<[u8; KEY_BYTES]> {
        STANDARD.decode(&self.key).ok()?.try_into().ok()
    }
}

/// A key is a secret.
impl fmt::Debug for KeyGiven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyGiven(…)")
    }
}

/// What the server says that came of its turn. Times in milliseconds by a clock that nobody sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEnded {
    pub recovery: String,
    pub vault: String,
    pub dataset: String,
    pub snapshot: String,
    /// As in the turn.
    pub after: u64,
    /// `done` or `failed`.
    pub outcome: String,
    pub milliseconds: u64,
    pub fetch: u64,
    pub write: u64,
    pub verify: u64,
    pub files: u64,
    pub bytes: u64,
    /// For people, at most [`MAX_TEXT_BYTES`].
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTaken {
    /// The site's clock, RFC 3339.
    pub at: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_and_is_not_printed() {
        let given = KeyGiven::new(&[7; KEY_BYTES]);
        assert_eq!(given.bytes(), Some([7; KEY_BYTES]));
        assert_eq!(format!("{given:?}"), "KeyGiven(…)");
        assert_eq!(KeyGiven { key: STANDARD.encode([7; 15]) }.bytes(), None);
    }

    #[test]
    fn what_is_said_of_a_step_is_one_bounded_line() {
        assert_eq!(one_line("a\nb\u{1b}[0m", 100), "a b [0m");
        assert_eq!(one_line("aéé", 4), "aé");
        assert_eq!(one_line("aéé", 5), "aéé");
    }

    #[test]
    fn a_state_is_a_word_with_what_belongs_to_it() {
        let text = serde_json::to_string(&Now::Ended { recovery: "rec-1".into(), outcome: "done".into() }).unwrap();
        assert_eq!(text, r#"{"state":"ended","recovery":"rec-1","outcome":"done"}"#);
        assert_eq!(serde_json::from_str::<Now>(r#"{"state":"none"}"#).unwrap(), Now::None);
    }
}

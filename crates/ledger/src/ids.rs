//! Ids that stand in ledger entries. Text from outside becomes one of these types or is refused.

use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};
use std::str::FromStr;

use pulih_vault::error::Malformed;

use crate::text;

/// 1 to 63 of `a-z 0-9 . _ -`, beginning with a letter or digit: part of an object's name too.
fn is_label(text: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&text.len())
        && letter(text.as_bytes()[0])
        && text.bytes().all(|b| letter(b) || matches!(b, b'.' | b'_' | b'-'))
}

macro_rules! label_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(#[serde(with = "label")] String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Malformed;
            fn from_str(text: &str) -> Result<Self, Malformed> {
                if is_label(text) {
                    return Ok(Self(text.to_owned()));
                }
                let text: String = text.chars().take(80).collect();
                let why = format!("{text:?} must be 1 to 63 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit");
                Err(Malformed::new($what, why))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// How the text inside an id is read: by the same rule.
mod label {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        let text = String::deserialize(deserializer)?;
        if super::is_label(&text) { Ok(text) } else { Err(de::Error::custom("not an id")) }
    }
}

label_id!(
    /// A place with a store and a controller.
    SiteId, "site's id"
);
label_id!(
    /// An office that owns data.
    OpdId, "OPD's id"
);
label_id!(
    /// A person with a key. Never given to another.
    UserId, "user's id"
);
label_id!(
    /// An agent on a server.
    AgentId, "agent's id"
);
label_id!(
    /// An owner's approval.
    ApprovalId, "approval's id"
);
label_id!(
    /// A restore grant.
    GrantId, "grant's id"
);
label_id!(
    /// An order to delete nothing of something.
    HoldId, "hold's id"
);
label_id!(
    /// A suspicion about a dataset.
    SuspicionId, "suspicion's id"
);
label_id!(
    /// A deletion that two people ask for.
    DeletionId, "deletion's id"
);
label_id!(
    /// A change that would weaken a DRC.
    ProposalId, "proposal's id"
);
label_id!(
    /// A disaster.
    DisasterId, "disaster's id"
);
label_id!(
    /// A recovery.
    RecoveryId, "recovery's id"
);
label_id!(
    /// A drill. Never given twice.
    DrillId, "drill's id"
);
label_id!(
    /// Who co-signs and is no site.
    WitnessId, "witness's id"
);
label_id!(
    /// What a person states of a clause. Never given twice.
    AttestationId, "attestation's id"
);
label_id!(
    /// An audit. Never given twice.
    AuditId, "audit's id"
);
label_id!(
    /// A serious failure that was reported. Never given twice.
    IncidentId, "incident's id"
);

/// SHA-256 as `sha256sum` prints it: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sha256(#[serde(with = "hex")] pub [u8; 32]);

/// As [`Sha256`] in JSON.
mod hex {
    use super::{Sha256, text};
    use serde::{Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize(&Sha256(*bytes), serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        text::deserialize::<Sha256, D>(deserializer).map(|hash| hash.0)
    }
}

impl Sha256 {
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
        Self(hash)
    }
}

impl FromStr for Sha256 {
    type Err = Malformed;
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let nibble = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let mut out = [0; 32];
        let digits = text.as_bytes();
        let read = digits.len() == 64
            && out.iter_mut().zip(digits.chunks_exact(2)).all(|(byte, pair)| {
                let both = nibble(pair[0]).zip(nibble(pair[1]));
                *byte = both.map_or(0, |(high, low)| high << 4 | low);
                both.is_some()
            });
        if read { Ok(Self(out)) } else { Err(Malformed::new("SHA-256", "it is not 64 lower-case hexadecimal digits")) }
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(64);
        self.0.iter().try_for_each(|byte| write!(text, "{byte:02x}"))?;
        f.write_str(&text)
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_label_in_text_and_in_json() {
        let long = "a".repeat(64);
        for bad in ["", "A", ".a", "-a", "a/b", "a b", "a\u{e9}", &long] {
            assert!(bad.parse::<SiteId>().is_err(), "{bad}");
            assert!(serde_json::from_value::<SiteId>(bad.into()).is_err(), "{bad}");
        }
        for good in ["pusat", "1", "dinkes.kab-1_a"] {
            assert_eq!(serde_json::to_value(good.parse::<OpdId>().unwrap()).unwrap(), good);
        }
    }

    #[test]
    fn a_hash_is_64_digits() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(text.parse::<Sha256>().unwrap().to_string(), text);
        for bad in [&text[1..], &text.to_uppercase(), &text.replace('0', "g"), &text.replace('a', "\u{e9}")] {
            assert!(bad.parse::<Sha256>().is_err(), "{bad}");
        }
    }
}

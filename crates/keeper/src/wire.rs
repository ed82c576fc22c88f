//! What is said over the keeper's socket: one line of JSON there, one back, each of 96 KiB at most.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _, Write};

use age_core::format::Stanza;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::held::Standing;

/// As long as a pack's header can be.
pub const MAX_LINE_BYTES: u64 = 96 << 10;
const MAX_STANZAS: usize = 256;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    Standings,
    Parts { class: String, user: String },
    Give { class: String, user: String, parts: BTreeMap<String, String> },
    Glass { class: String },
    GiveGlass { class: String, identity: String },
    Open { class: String, until: i64 },
    Close { class: String },
    Unwrap { class: String, stanzas: Vec<WireStanza> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Standings(Vec<Standing>),
    /// An age file, base64.
    Sealed(String),
    /// Whether that was enough.
    Given(bool),
    Done,
    /// A file key, base64; `None`: the header is not for this identity.
    Key(Option<String>),
    Refused(String),
}

/// One of a header's stanzas.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireStanza {
    tag: String,
    args: Vec<String>,
    /// Base64.
    body: String,
}

pub fn to_wire(stanzas: &[Stanza]) -> Vec<WireStanza> {
    let wire =
        |its: &Stanza| WireStanza { tag: its.tag.clone(), args: its.args.clone(), body: STANDARD.encode(&its.body) };
    stanzas.iter().map(wire).collect()
}

/// `None`: too many, or one that is none.
pub fn from_wire(stanzas: Vec<WireStanza>) -> Option<Vec<Stanza>> {
    if stanzas.len() > MAX_STANZAS {
        return None;
    }
    let read = |its: WireStanza| Some(Stanza { tag: its.tag, args: its.args, body: STANDARD.decode(its.body).ok()? });
    stanzas.into_iter().map(read).collect()
}

pub fn write(to: &mut impl Write, what: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    to.write_all(&line)?;
    to.flush()
}

/// `None`: the other side has ended.
pub fn read<T: DeserializeOwned>(from: &mut impl BufRead) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    from.take(MAX_LINE_BYTES).read_until(b'\n', &mut line)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => serde_json::from_slice(&line).map(Some).map_err(io::Error::from),
        Some(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "a line does not end, or is too long")),
    }
}

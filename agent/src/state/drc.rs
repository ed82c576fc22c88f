//! The DRC that this agent knows, and what it said last. `<state>/drc.json`, which is a pin and, with the
//! certificate that the DRC may have issued, secret; `heads.json`, without which it is asked again.

use pulih_vault::error::Malformed;
use serde::{Deserialize, Serialize};

use super::{StateDir, StateError, read_file, write_file};
use crate::drc::KnownDrc;

const TYPE: &str = "pulih/agent-drc/v1";
const FILE: &str = "drc.json";
const HEADS: (&str, &str) = ("heads.json", "pulih/agent-heads/v1");

#[derive(Serialize, Deserialize)]
struct Text {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    known: KnownDrc,
}

/// What the DRC said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenHeads {
    /// Seconds since 1970, by this server's clock.
    pub seen: i64,
    /// The signed note.
    pub note: String,
}

impl StateDir {
    pub fn drc(&self) -> Result<Option<KnownDrc>, StateError> {
        let path = self.path().join(FILE);
        let Some(json) = read_file(&path)? else { return Ok(None) };
        let read = serde_json::from_slice::<Text>(&json).map_err(|error| error.to_string());
        let read =
            read.and_then(
                |text| {
                    if text.kind == TYPE { Ok(text.known) } else { Err(format!("its type is {:?}", text.kind)) }
                },
            );
        let damaged = |why| StateError::Damaged { path, source: Malformed::new("file of the DRC", why) };
        read.map(Some).map_err(damaged)
    }

    pub fn save_drc(&self, known: &KnownDrc) -> Result<(), StateError> {
        let text = Text { kind: TYPE.into(), known: known.clone() };
        let json = serde_json::to_string_pretty(&text).expect("text is JSON") + "\n";
        write_file(self.path(), FILE, json.as_bytes())
    }

    pub fn seen_heads(&self) -> Result<Option<SeenHeads>, StateError> {
        self.load(HEADS)
    }

    pub fn save_seen_heads(&self, heads: &SeenHeads) -> Result<(), StateError> {
        self.save(HEADS, heads)
    }
}

//! Where an agent stands with its site: the lineage, the turn that the site took last, and the
//! one that is being said. `<state>/turn.json`, and `drc-turn.json` at the DRC; `turn.lock` lets one process say hello at a time.

use std::sync::atomic::AtomicBool;

use pulih_vault::error::Malformed;
use serde::{Deserialize, Serialize};

use super::{Lock, StateDir, StateError, make_private_dir, read_file, write_file};

const TYPE: &str = "pulih/agent-turn/v1";
/// Whose turns they are: each site gives lineages of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// The site that this agent is enrolled with.
    Site,
    Drc,
}

impl Home {
    fn file(self) -> &'static str {
        match self {
            Self::Site => "turn.json",
            Self::Drc => "drc-turn.json",
        }
    }
}

/// `Default`: nothing was ever said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    pub lineage: Option<String>,
    /// What was said as `next` in the last hello that was answered.
    pub last: Option<String>,
    /// Said, or about to be said, and not answered yet.
    pub next: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Text {
    #[serde(rename = "type")]
    kind: String,
    lineage: Option<String>,
    last: Option<String>,
    next: Option<String>,
}

impl Turn {
    fn from_json(json: &[u8]) -> Result<Self, Malformed> {
        let bad = |why: String| Malformed::new("file of the agent's turn", why);
        let text: Text = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
        if text.kind != TYPE {
            return Err(bad(format!("its type is {:?}", text.kind)));
        }
        Ok(Self { lineage: text.lineage, last: text.last, next: text.next })
    }
}

impl StateDir {
    pub fn turn(&self, at: Home) -> Result<Turn, StateError> {
        let path = self.path().join(at.file());
        let Some(json) = read_file(&path)? else { return Ok(Turn::default()) };
        Turn::from_json(&json).map_err(|source| StateError::Damaged { path, source })
    }

    pub fn save_turn(&self, at: Home, turn: &Turn) -> Result<(), StateError> {
        let Turn { lineage, last, next } = turn.clone();
        let text = Text { kind: TYPE.into(), lineage, last, next };
        let json = serde_json::to_string_pretty(&text).expect("text is JSON") + "\n";
        write_file(self.path(), at.file(), json.as_bytes())
    }

    /// Held while a turn is taken.
    pub fn lock_turn(&self, stop: &AtomicBool) -> Result<Lock, StateError> {
        make_private_dir(self.path())?;
        Lock::take(&self.path().join("turn.lock"), stop, &mut |_| {})
    }
}

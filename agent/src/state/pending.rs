//! Keys of a vault that its owner has not signed yet. `vaults/<vault>/pending.json`: there until
//! the answer came.

use std::fs;
use std::str::FromStr as _;

use age::secrecy::ExposeSecret as _;
use pulih_vault::description::{DescriptionName, Draft, VaultSecrets};
use pulih_vault::error::Malformed;
use pulih_vault::id::VaultId;
use pulih_vault::note::{Fingerprint, SigningKey};
use serde::{Deserialize, Serialize};

use super::{StateError, VaultDir, io_at, read_file, sync_dir, write_file};
use crate::owner::DraftText;

const TYPE: &str = "pulih/agent-pending/v1";
const FILE: &str = "pending.json";
const WHAT: &str = "file of a vault's pending keys";

/// Secret, as the keys will be.
pub struct Pending {
    pub agent: SigningKey,
    /// The owner key that must have signed, where it is known.
    pub owner: Option<Fingerprint>,
    pub act: PendingAct,
}

pub enum PendingAct {
    Make { draft: Draft, secrets: VaultSecrets },
    Adopt { transport: age::x25519::Identity, predecessor: DescriptionName },
}

#[derive(Serialize, Deserialize)]
struct Text {
    #[serde(rename = "type")]
    kind: String,
    agent: String,
    owner: Option<String>,
    act: ActText,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ActText {
    Make { draft: DraftText, secrets: serde_json::Value },
    Adopt { transport: String, predecessor: String },
}

impl Pending {
    fn to_json(&self, vault: VaultId) -> String {
        let act = match &self.act {
            PendingAct::Make { draft, secrets } => ActText::Make {
                draft: draft.into(),
                secrets: serde_json::from_str(&secrets.to_json(vault)).expect("it was written as JSON"),
            },
            PendingAct::Adopt { transport, predecessor } => ActText::Adopt {
                transport: transport.to_string().expose_secret().to_owned(),
                predecessor: predecessor.to_string(),
            },
        };
        let owner = self.owner.map(|owner| owner.to_string());
        let text = Text { kind: TYPE.into(), agent: self.agent.to_secret_text(), owner, act };
        serde_json::to_string_pretty(&text).expect("text is JSON") + "\n"
    }

    fn from_json(json: &[u8], vault: VaultId) -> Result<Self, Malformed> {
        let bad = |why: String| Malformed::new(WHAT, why);
        let text: Text = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
        if text.kind != TYPE {
            return Err(bad(format!("its type is {:?}", text.kind)));
        }
        let act = match text.act {
            ActText::Make { draft, secrets } => PendingAct::Make {
                draft: draft.check()?,
                secrets: VaultSecrets::from_json(secrets.to_string().as_bytes(), vault)?,
            },
            ActText::Adopt { transport, predecessor } => PendingAct::Adopt {
                transport: age::x25519::Identity::from_str(&transport).map_err(|why| bad(why.to_owned()))?,
                predecessor: predecessor.parse()?,
            },
        };
        let owner = text.owner.as_deref().map(str::parse).transpose()?;
        Ok(Self { agent: SigningKey::from_secret_text(&text.agent)?, owner, act })
    }
}

impl VaultDir {
    pub fn pending(&self) -> Result<Option<Pending>, StateError> {
        let path = self.path().join(FILE);
        let Some(json) = read_file(&path)? else { return Ok(None) };
        Pending::from_json(&json, self.id()).map(Some).map_err(|source| StateError::Damaged { path, source })
    }

    pub fn save_pending(&self, pending: &Pending) -> Result<(), StateError> {
        write_file(self.path(), FILE, pending.to_json(self.id()).as_bytes())
    }

    pub fn forget_pending(&self) -> Result<(), StateError> {
        let path = self.path().join(FILE);
        fs::remove_file(&path).map_err(io_at("remove", &path))?;
        sync_dir(self.path())
    }
}

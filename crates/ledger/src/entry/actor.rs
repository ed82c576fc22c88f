//! Who did it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use pulih_vault::note::Fingerprint;

use crate::ids::{AgentId, UserId};
use crate::text;

/// A named person, the site's own controller, or an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    Site,
    /// The key is one that the ledger gave this user before, by its fingerprint.
    Person {
        user: UserId,
        key: Fingerprint,
    },
    Agent {
        agent: AgentId,
    },
    /// Of a kind that this program does not know.
    Unknown(Value),
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
enum Known {
    Site,
    Person {
        user: UserId,
        #[serde(with = "text")]
        key: Fingerprint,
    },
    Agent {
        agent: AgentId,
    },
}

impl Actor {
    pub(crate) fn from_value(value: &Value) -> Self {
        match Known::deserialize(value) {
            Ok(Known::Site) => Self::Site,
            Ok(Known::Person { user, key }) => Self::Person { user, key },
            Ok(Known::Agent { agent }) => Self::Agent { agent },
            Err(_) => Self::Unknown(value.clone()),
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Site => json!({"type": "site"}),
            Self::Person { user, key } => json!({"type": "person", "user": user, "key": key.to_string()}),
            Self::Agent { agent } => json!({"type": "agent", "agent": agent}),
            Self::Unknown(value) => value.clone(),
        }
    }
}

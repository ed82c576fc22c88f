//! What a server asks the owner to sign.

use std::str::FromStr as _;

use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::{Class, Draft, agent_key_name, parse_recipients};
use pulih_vault::error::Malformed;
use pulih_vault::id::VaultId;
use pulih_vault::note::VerifierKey;
use serde::{Deserialize, Serialize};

use super::MAX_FILE_BYTES;

const TYPE: &str = "pulih/owner-request/v1";
const WHAT: &str = "request to the owner";
const MAX_HOST_BYTES: usize = 255;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The server's own name, for people.
    pub host: String,
    pub act: Act,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A new vault: its first description.
    Make(Draft),
    /// The vault of a server that lost its keys goes to this one.
    Adopt {
        /// The vault's newest description as it stands in the store.
        description: String,
        agent: VerifierKey,
        /// An age recipient that the vault's secrets are sent to.
        transport: String,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "type")]
    kind: String,
    host: String,
    act: ActText,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum ActText {
    Make(DraftText),
    Adopt { description: String, agent: String, transport: String },
}

/// A first description that is not signed yet, as JSON has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftText {
    vault: String,
    class: Class,
    chunker: ChunkSizes,
    recipients: Vec<String>,
    agent: String,
    secrets: String,
}

impl From<&Draft> for DraftText {
    fn from(draft: &Draft) -> Self {
        Self {
            vault: draft.vault.to_string(),
            class: draft.class,
            chunker: draft.chunker,
            recipients: draft.recipients.clone(),
            agent: draft.agent.to_string(),
            secrets: draft.secrets.clone(),
        }
    }
}

impl DraftText {
    pub fn check(self) -> Result<Draft, Malformed> {
        let vault: VaultId = self.vault.parse().map_err(|error| Malformed::new(WHAT, format!("{error}")))?;
        parse_recipients(&self.recipients)?;
        let agent: VerifierKey = self.agent.parse()?;
        if agent.name() != agent_key_name(vault) {
            return Err(Malformed::new(WHAT, "its agent's key is named after another vault"));
        }
        let (class, chunker) = (self.class, self.chunker.check()?);
        let (recipients, secrets) = (self.recipients, self.secrets);
        Ok(Draft { vault, class, chunker, recipients, agent, predecessor: None, secrets })
    }
}

impl Request {
    pub fn to_json(&self) -> String {
        let act = match &self.act {
            Act::Make(draft) => ActText::Make(draft.into()),
            Act::Adopt { description, agent, transport } => ActText::Adopt {
                description: description.clone(),
                agent: agent.to_string(),
                transport: transport.clone(),
            },
        };
        let text = Text { kind: TYPE.into(), host: self.host.clone(), act };
        serde_json::to_string_pretty(&text).expect("text and numbers are JSON") + "\n"
    }

    pub fn parse(json: &[u8]) -> Result<Self, Malformed> {
        let bad = |why: String| Malformed::new(WHAT, why);
        if json.len() as u64 > MAX_FILE_BYTES {
            return Err(bad(format!("it has more than {MAX_FILE_BYTES} bytes")));
        }
        let text: Text = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
        if text.kind != TYPE {
            return Err(bad(format!("its type is {:?}", text.kind)));
        }
        let host = text.host;
        if host.is_empty() || host.len() > MAX_HOST_BYTES || host.contains(char::is_control) {
            return Err(bad("its host is no name of a server".to_owned()));
        }
        let act = match text.act {
            ActText::Make(draft) => Act::Make(draft.check()?),
            ActText::Adopt { description, agent, transport } => {
                age::x25519::Recipient::from_str(&transport)
                    .map_err(|why| bad(format!("its transport is no recipient: {why}")))?;
                Act::Adopt { description, agent: agent.parse()?, transport }
            }
        };
        Ok(Self { host, act })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulih_vault::description::{NewDescription, VaultSecrets};
    use pulih_vault::note::SigningKey;
    use ring::rand::SystemRandom;

    use super::*;

    const VAULT: VaultId = VaultId([4; 16]);

    fn recipient() -> String {
        age::x25519::Identity::generate().to_public().to_string()
    }

    fn requests() -> [Request; 2] {
        let random = SystemRandom::new();
        let agent = SigningKey::generate(&agent_key_name(VAULT), &random).unwrap().verifier();
        let draft = NewDescription {
            vault: VAULT,
            created: String::new(),
            class: Class::Strategis,
            chunker: ChunkSizes::DEFAULT,
            recipients: &[recipient()],
            agent: agent.clone(),
            secrets: &VaultSecrets::generate(&random).unwrap(),
        };
        let make = Act::Make(draft.draft(&random).unwrap());
        let adopt = Act::Adopt { description: "a note\n".into(), agent, transport: recipient() };
        [make, adopt].map(|act| Request { host: "opd-1".into(), act })
    }

    #[test]
    fn requests_come_back() {
        for request in requests() {
            assert_eq!(Request::parse(request.to_json().as_bytes()).unwrap(), request);
        }
    }

    #[test]
    fn what_was_not_asked_for_in_these_words_is_refused() {
        let [make, adopt] = requests().map(|request| request.to_json());
        let refused = |json: &str| Request::parse(json.as_bytes()).unwrap_err().to_string();
        for (from, to) in [
            ("owner-request/v1", "owner-request/v2"),
            ("opd-1", "opd\\u001b[2J"),
            ("opd-1", ""),
            ("strategis", "rahasia"),
            ("\"average\": 65536", "\"average\": 65537"),
            ("\"host\"", "\"signer\": \"x\", \"host\""),
            ("age1", "age2"),
            ("pulih-agent/04", "pulih-agent/05"),
            ("\"vault\": \"04", "\"vault\": \"05"),
        ] {
            assert!(make.contains(from), "{from}: {make}");
            refused(&make.replace(from, to));
        }
        refused(&adopt.replace("\"transport\": \"age1", "\"transport\": \"age2"));
        refused(&" ".repeat(MAX_FILE_BYTES as usize + 1));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..512), at in any::<prop::sample::Index>(), byte: u8) {
            let _ = Request::parse(&bytes);
            for request in requests() {
                let mut json = request.to_json().into_bytes();
                let at = at.index(json.len());
                json[at] = byte;
                let _ = Request::parse(&json);
                let _ = Request::parse(&json[..at]);
            }
        }
    }
}

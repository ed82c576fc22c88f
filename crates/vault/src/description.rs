//! The vault's description and the secrets in it. Only the owner key can sign one, so only the
//! owner adds a reader or a writer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::SecureRandom;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

use age::Identity;

use crate::chunker::ChunkSizes;
use crate::envelope::{self, Find};
use crate::error::{Malformed, Result};
use crate::id::{ObjectHash, VaultId};
use crate::note::{SigningKey, Unverified, VerifierKey};
use crate::reader::keys::{FileKey, Keys};
use crate::store::ObjectName;

pub const MAX_NOTE_BYTES: u64 = 1 << 20;
pub const OWNER_KEY_NAME: &str = "pulih-owner";
const MAX_RECIPIENTS: usize = 32;
const WHAT: &str = "vault description";
const TYPE: &str = "pulih/vault/v1";
const SECRETS_TYPE: &str = "pulih/secrets/v1";

/// Security class of what a vault holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    Strategis,
    NonPublik,
    Publik,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strategis => "strategis",
            Self::NonPublik => "non-publik",
            Self::Publik => "publik",
        })
    }
}

impl FromStr for Class {
    type Err = Malformed;
    fn from_str(text: &str) -> std::result::Result<Self, Malformed> {
        match text {
            "strategis" => Ok(Self::Strategis),
            "non-publik" => Ok(Self::NonPublik),
            "publik" => Ok(Self::Publik),
            _ => Err(Malformed::new("class", "it is not strategis, non-publik or publik")),
        }
    }
}

/// Ids, boundaries and indexes of a vault depend on these. Root on the agent has them.
#[derive(Clone)]
pub struct VaultSecrets {
    pub id_key: [u8; 32],
    pub boundary_secret: [u8; 32],
    /// An age identity in its text form.
    pub index_identity: String,
}

#[derive(Serialize, Deserialize)]
struct SecretsText {
    #[serde(rename = "type")]
    kind: String,
    vault: String,
    id_key: String,
    boundary_secret: String,
    index_identity: String,
}

impl VaultSecrets {
    pub fn generate(random: &dyn SecureRandom) -> Result<Self> {
        use age::secrecy::ExposeSecret as _;
        let draw = || {
            let mut bytes = [0; 32];
            random
                .fill(&mut bytes)
                .map(|()| bytes)
                .map_err(|_| Malformed::new("secret", "the system gives no random bytes"))
        };
        let identity = age::x25519::Identity::generate();
        Ok(Self {
            id_key: draw()?,
            boundary_secret: draw()?,
            index_identity: identity.to_string().expose_secret().to_owned(),
        })
    }

    pub fn index_identity(&self) -> std::result::Result<age::x25519::Identity, Malformed> {
        age::x25519::Identity::from_str(&self.index_identity).map_err(|why| Malformed::new("index identity", why))
    }

    pub fn to_json(&self, vault: VaultId) -> String {
        let text = SecretsText {
            kind: SECRETS_TYPE.to_owned(),
            vault: vault.to_string(),
            id_key: BASE64.encode(self.id_key),
            boundary_secret: BASE64.encode(self.boundary_secret),
            index_identity: self.index_identity.clone(),
        };
        serde_json::to_string(&text).expect("text is JSON")
    }

    pub fn from_json(json: &[u8], vault: VaultId) -> std::result::Result<Self, Malformed> {
        let bad = |why: String| Malformed::new("vault secrets", why);
        let text: SecretsText = serde_json::from_slice(json).map_err(|e| bad(e.to_string()))?;
        if text.kind != SECRETS_TYPE || text.vault != vault.to_string() {
            return Err(bad("they are not those of this vault".to_owned()));
        }
        let key = |text: &str| {
            BASE64
                .decode(text)
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| bad("a key is not 32 bytes of base64".to_owned()))
        };
        let secrets = Self {
            id_key: key(&text.id_key)?,
            boundary_secret: key(&text.boundary_secret)?,
            index_identity: text.index_identity,
        };
        secrets.index_identity()?;
        Ok(secrets)
    }

    /// An armored age file to `recipients`.
    pub fn seal(&self, vault: VaultId, recipients: &[String], random: &dyn SecureRandom) -> Result<String> {
        let recipients = parse_recipients(recipients)?;
        Ok(armor(&envelope::seal(&recipients, random, self.to_json(vault).as_bytes())?))
    }

    /// Opens what [`Self::seal`] made. `what` it is, for an error.
    pub fn unseal(
        sealed: &str,
        vault: VaultId,
        identities: &[Box<dyn Identity + Send + Sync>],
        what: &str,
    ) -> Result<Self> {
        Ok(Self::from_json(&envelope::open(&dearmor(sealed)?, identities, what)?, vault)?)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Algorithms {
    id: String,
    frame: String,
    envelope: String,
    boundary: String,
}

impl Algorithms {
    fn known() -> Self {
        Self {
            id: "blake3-keyed-192".into(),
            frame: "zstd".into(),
            envelope: "age-encryption.org/v1".into(),
            boundary: "fastcdc-keyed-1".into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Text {
    #[serde(rename = "type")]
    kind: String,
    vault: String,
    number: u32,
    created: String,
    class: Class,
    algorithms: Algorithms,
    owner: String,
    chunker: ChunkSizes,
    recipients: Vec<String>,
    agent: String,
    predecessor: Option<String>,
    secrets: String,
}

/// A description that the owner key signed.
#[derive(Debug, Clone)]
pub struct Description {
    pub vault: VaultId,
    pub number: u32,
    pub created: String,
    pub class: Class,
    pub owner: VerifierKey,
    pub chunker: ChunkSizes,
    /// Recovery recipients in the text they were given in.
    pub recipients: Vec<String>,
    pub agent: VerifierKey,
    pub predecessor: Option<DescriptionName>,
    /// An armored age file to the recipients.
    secrets: String,
}

/// `<n>-<hash>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescriptionName {
    pub number: u32,
    pub hash: ObjectHash,
}

impl fmt::Display for DescriptionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.number, self.hash)
    }
}

impl FromStr for DescriptionName {
    type Err = Malformed;
    fn from_str(text: &str) -> std::result::Result<Self, Malformed> {
        text.split_once('-')
            .and_then(|(number, hash)| {
                let canonical = !number.starts_with(['0', '+']);
                let number = number.parse().ok().filter(|_| canonical)?;
                Some(Self { number, hash: hash.parse().ok()? })
            })
            .ok_or_else(|| Malformed::new("description's name", format!("{text:?}")))
    }
}

/// What a new description says, before it is signed.
pub struct NewDescription<'a> {
    pub vault: VaultId,
    pub created: String,
    pub class: Class,
    pub chunker: ChunkSizes,
    pub recipients: &'a [String],
    pub agent: VerifierKey,
    pub secrets: &'a VaultSecrets,
}

impl NewDescription<'_> {
    /// Boxes the secrets to the recipients and signs: the first description of a vault.
    pub fn sign(&self, owner: &SigningKey, random: &dyn SecureRandom) -> Result<String> {
        Ok(self.draft(random)?.sign(&self.created, owner)?)
    }

    /// The same, for an owner who signs elsewhere.
    pub fn draft(&self, random: &dyn SecureRandom) -> Result<Draft> {
        Ok(Draft {
            vault: self.vault,
            class: self.class,
            chunker: self.chunker.check()?,
            recipients: self.recipients.to_vec(),
            agent: self.agent.clone(),
            predecessor: None,
            secrets: self.secrets.seal(self.vault, self.recipients, random)?,
        })
    }
}

/// What a description will say, all but who signs it and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub vault: VaultId,
    pub class: Class,
    pub chunker: ChunkSizes,
    pub recipients: Vec<String>,
    pub agent: VerifierKey,
    pub predecessor: Option<DescriptionName>,
    /// The vault's secrets, boxed to the recipients ([`VaultSecrets::seal`]).
    pub secrets: String,
}

impl Draft {
    pub fn number(&self) -> u32 {
        self.predecessor.map_or(0, |before| before.number).saturating_add(1)
    }

    /// Signs. What would not be read again as it was meant is refused, not signed.
    pub fn sign(&self, created: &str, owner: &SigningKey) -> std::result::Result<String, Malformed> {
        parse_recipients(&self.recipients)?;
        dearmor(&self.secrets)?;
        let text = Text {
            kind: TYPE.into(),
            vault: self.vault.to_string(),
            number: self.number(),
            created: created.to_owned(),
            class: self.class,
            algorithms: Algorithms::known(),
            owner: owner.verifier().to_string(),
            chunker: self.chunker.check()?,
            recipients: self.recipients.clone(),
            agent: self.agent.to_string(),
            predecessor: self.predecessor.map(|before| before.to_string()),
            secrets: self.secrets.clone(),
        };
        let json = serde_json::to_string_pretty(&text).expect("text and numbers are JSON");
        let note = owner.sign(&(json + "\n"));
        let again = Description::open(note.as_bytes(), |key| *key == owner.verifier())?;
        if note.len() as u64 <= MAX_NOTE_BYTES && again.draft() == *self {
            Ok(note)
        } else {
            Err(Malformed::new(WHAT, "it would not come back as it was written"))
        }
    }
}

const ARMOR_BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const ARMOR_END: &str = "-----END AGE ENCRYPTED FILE-----";

fn armor(sealed: &[u8]) -> String {
    let body = BASE64.encode(sealed);
    let mut out = format!("{ARMOR_BEGIN}\n");
    for line in body.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    out + ARMOR_END + "\n"
}

fn dearmor(text: &str) -> std::result::Result<Vec<u8>, Malformed> {
    text.trim()
        .strip_prefix(ARMOR_BEGIN)
        .and_then(|rest| rest.strip_suffix(ARMOR_END))
        .and_then(|body| BASE64.decode(body.split_whitespace().collect::<String>()).ok())
        .ok_or_else(|| Malformed::new(WHAT, "its secrets are not an armored age file"))
}

/// Recipients as the `age` crate takes them. Those of plugins are not supported by this version.
pub fn parse_recipients(texts: &[String]) -> std::result::Result<envelope::Recipients, Malformed> {
    if texts.is_empty() || texts.len() > MAX_RECIPIENTS {
        return Err(Malformed::new("list of recipients", "it has none, or more than 32"));
    }
    let one = |text: &String| -> std::result::Result<Box<dyn age::Recipient + Send + Sync>, Malformed> {
        age::x25519::Recipient::from_str(text)
            .map(|r| Box::new(r) as _)
            .map_err(|why| Malformed::new("recipient", format!("{text:?}: {why}; one looks like age1…")))
    };
    Ok(envelope::Recipients::new(texts.iter().map(one).collect::<std::result::Result<_, _>>()?))
}

impl Description {
    /// Reads a description and believes it if it is signed by the key it names as its owner's
    /// and `trusted` says that this is the owner's key.
    pub fn open(note: &[u8], trusted: impl FnOnce(&VerifierKey) -> bool) -> std::result::Result<Self, Malformed> {
        let unverified = Unverified::parse(note)?;
        let description = Self::parse(unverified.claimed_text())?;
        if !trusted(&description.owner) {
            return Err(Malformed::new(
                WHAT,
                format!(
                    "its owner key has the fingerprint {}, which is not the owner's",
                    description.owner.fingerprint()
                ),
            ));
        }
        if unverified.verify(&[&description.owner]).is_none() {
            return Err(Malformed::new(WHAT, "its signature by the owner key is not valid"));
        }
        Ok(description)
    }

    /// Reads a description's text. Apart from the signature, so that fuzzing gets past it.
    pub fn parse(text: &str) -> std::result::Result<Self, Malformed> {
        let bad = |why: String| Malformed::new(WHAT, why);
        let text: Text = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
        if text.kind != TYPE || text.algorithms != Algorithms::known() {
            return Err(bad(format!(
                "it is of type {:?} with algorithms that this program does not know; a newer one may",
                text.kind
            )));
        }
        let vault = text.vault.parse().map_err(|e| bad(format!("{e}")))?;
        let predecessor: Option<DescriptionName> = text.predecessor.as_deref().map(str::parse).transpose()?;
        if predecessor.map_or(0, |p| p.number).checked_add(1) != Some(text.number) {
            return Err(bad("its number does not follow its predecessor's".to_owned()));
        }
        if text.recipients.is_empty() || text.recipients.len() > MAX_RECIPIENTS {
            return Err(bad("it has no recipients, or more than 32".to_owned()));
        }
        let agent: VerifierKey = text.agent.parse()?;
        if agent.name() != agent_key_name(vault) {
            return Err(bad("its agent's key is named after another vault".to_owned()));
        }
        Ok(Self {
            vault,
            number: text.number,
            created: text.created,
            class: text.class,
            owner: text.owner.parse()?,
            chunker: text.chunker.check()?,
            recipients: text.recipients,
            agent,
            predecessor,
            secrets: text.secrets,
        })
    }

    /// Opens the secrets with a recovery identity.
    pub fn open_secrets(&self, identities: &[Box<dyn Identity + Send + Sync>]) -> Result<VaultSecrets> {
        let what = format!("the secrets of vault {}", self.vault);
        VaultSecrets::unseal(&self.secrets, self.vault, identities, &what)
    }

    /// The same with a key from elsewhere; `object` is this description's.
    pub fn open_secrets_with(&self, object: &ObjectName, keys: &dyn Keys) -> Result<VaultSecrets> {
        let what = format!("the secrets of vault {}", self.vault);
        let find: Find = &|stanzas| keys.file_key(object, stanzas);
        let plain = envelope::open_with(&dearmor(&self.secrets)?, find, &what)?;
        Ok(VaultSecrets::from_json(&plain, self.vault)?)
    }

    /// The file key of the secrets.
    pub fn secrets_key(&self, object: &ObjectName, keys: &dyn Keys) -> Result<FileKey> {
        let what = format!("the secrets of vault {}", self.vault);
        let sealed = dearmor(&self.secrets)?;
        let find: Find = &|stanzas| keys.file_key(object, stanzas);
        let key = envelope::file_key(&sealed, sealed.len() as u64, find, &what)?;
        Ok(key.ok_or_else(|| Malformed::new("vault secrets", "they are cut off"))?.0)
    }

    /// What it says, without who signed it and when.
    pub fn draft(&self) -> Draft {
        Draft {
            vault: self.vault,
            class: self.class,
            chunker: self.chunker,
            recipients: self.recipients.clone(),
            agent: self.agent.clone(),
            predecessor: self.predecessor,
            secrets: self.secrets.clone(),
        }
    }

    /// What follows it when the vault goes to another agent: all else stays as the owner signed
    /// it. `name` is this description's.
    pub fn handed_to(
        &self,
        name: DescriptionName,
        agent: VerifierKey,
        secrets: &VaultSecrets,
        random: &dyn SecureRandom,
    ) -> Result<Draft> {
        let secrets = secrets.seal(self.vault, &self.recipients, random)?;
        Ok(Draft { agent, predecessor: Some(name), secrets, ..self.draft() })
    }
}

pub fn agent_key_name(vault: VaultId) -> String {
    format!("pulih-agent/{vault}")
}

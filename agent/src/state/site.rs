//! The site that an agent is enrolled with, as the agent keeps it.

use pulih_stores::Credentials;
use pulih_vault::error::Malformed;
use serde::{Deserialize, Serialize};

const TYPE: &str = "pulih/agent-site/v1";

pub struct Site {
    pub credentials: Credentials,
    /// The names that the site knows this agent, its OPD and itself by.
    pub agent: String,
    pub opd: String,
    pub name: String,
    /// The fingerprint of the owner key that the site has on record for the OPD.
    pub owner: String,
    /// When the certificate ends, RFC 3339.
    pub not_after: String,
    /// SHA-256 of the DRC's CA in hexadecimal, if the token named one.
    pub drc_ca: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Text {
    #[serde(rename = "type")]
    kind: String,
    url: String,
    site: String,
    agent: String,
    opd: String,
    owner: String,
    not_after: String,
    ca: String,
    certificate: String,
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drc_ca: Option<String>,
}

impl Site {
    pub(super) fn to_json(&self) -> String {
        let text = Text {
            kind: TYPE.into(),
            url: self.credentials.url.clone(),
            site: self.name.clone(),
            agent: self.agent.clone(),
            opd: self.opd.clone(),
            owner: self.owner.clone(),
            not_after: self.not_after.clone(),
            ca: self.credentials.ca.clone(),
            certificate: self.credentials.certificate.clone(),
            key: self.credentials.key.clone(),
            drc_ca: self.drc_ca.clone(),
        };
        serde_json::to_string_pretty(&text).expect("text is JSON") + "\n"
    }

    pub(super) fn from_json(json: &[u8]) -> Result<Self, Malformed> {
        let bad = |why: String| Malformed::new("file of the agent's site", why);
        let text: Text = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
        if text.kind != TYPE {
            return Err(bad(format!("its type is {:?}", text.kind)));
        }
        Ok(Self {
            credentials: Credentials { url: text.url, ca: text.ca, certificate: text.certificate, key: text.key },
            agent: text.agent,
            opd: text.opd,
            name: text.site,
            owner: text.owner,
            not_after: text.not_after,
            drc_ca: text.drc_ca,
        })
    }
}

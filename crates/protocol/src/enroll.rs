//! Enrolment: from a token to a certificate.

use serde::{Deserialize, Serialize};

/// What an agent asks with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The token's secret, in hexadecimal.
    pub secret: String,
    /// A PKCS#10 request in PEM. Only its key is taken from it.
    pub csr: String,
    /// The server's own name, for people.
    pub host: String,
    pub program: String,
}

/// What it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The name that the site knows the agent by.
    pub agent: String,
    pub opd: String,
    pub site: String,
    /// The agent's certificate in PEM.
    pub certificate: String,
    /// When it ends, RFC 3339.
    pub not_after: String,
    /// The fingerprint of the key that descriptions of this agent's vaults must be signed with.
    pub owner: String,
}

/// Asks for a further certificate, with the one that still is good. The key is a new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// A PKCS#10 request in PEM.
    pub csr: String,
}

/// The text of the signed note that an agent whose certificate has lapsed asks with: one line of
/// JSON, signed by its key of one of its vaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LapsedRenewal {
    /// [`LAPSED_TYPE`]: so that the note is no manifest, and no manifest is this.
    #[serde(rename = "type")]
    pub kind: String,
    pub agent: String,
    pub vault: String,
    /// The agent's clock, RFC 3339: a day off at most.
    pub at: String,
    /// A PKCS#10 request in PEM.
    pub csr: String,
}

pub const LAPSED_TYPE: &str = "pulih/lapsed-renewal/v1";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewed {
    /// The agent's certificate in PEM.
    pub certificate: String,
    /// When it ends, RFC 3339.
    pub not_after: String,
}

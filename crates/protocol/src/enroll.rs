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

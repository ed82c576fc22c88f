//! The policy in force, as an agent fetches it.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyInForce {
    /// BLAKE3 of its canonical form.
    pub hash: String,
    /// The file as it was applied. An agent parses it by itself and takes from it what a policy
    /// may say.
    pub text: String,
    /// When it was applied, RFC 3339.
    pub applied: String,
}

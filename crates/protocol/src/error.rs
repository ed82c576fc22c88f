//! What a gateway says when it refuses.

use serde::{Deserialize, Serialize};

const TYPE: &str = "pulih/error/v1";
/// The header that says an error too, for answers that have no body.
pub const ERROR_HEADER: &str = "pulih-error";

/// Why a request was refused, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The request is not what the contract says.
    BadRequest,
    /// No certificate, or one that is not known or no longer valid.
    Unauthorized,
    /// The certificate is good and does not cover this.
    Forbidden,
    NotFound,
    AlreadyExists,
    /// The bytes do not have the hash that their name says.
    HashMismatch,
    TooLarge,
    /// The range is not in the object.
    OutOfRange,
    /// A manifest or description that the site does not believe or that is not complete.
    Refused,
    /// The dataset's OPD has not approved that it is saved here, or no longer does.
    NotApproved,
    /// The snapshot needs packs that are doomed: their chunks must be written again.
    Doomed,
    /// Another machine goes on with this agent's keys.
    Clone,
    /// A DRC takes in nothing as long as no disaster is declared there.
    NoDisaster,
    /// The gateway does not know this lineage: a hello comes first.
    HelloFirst,
    /// The store or the OPD's quota is full.
    Full,
    /// Try again later.
    Busy,
    Internal,
    /// A code that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Code {
    pub const ALL: [Self; 17] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::AlreadyExists,
        Self::HashMismatch,
        Self::TooLarge,
        Self::OutOfRange,
        Self::Refused,
        Self::NotApproved,
        Self::Doomed,
        Self::Clone,
        Self::NoDisaster,
        Self::HelloFirst,
        Self::Full,
        Self::Busy,
        Self::Internal,
    ];

    pub fn http_status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden | Self::Clone => 403,
            Self::NotFound => 404,
            Self::AlreadyExists => 409,
            Self::NoDisaster => 421,
            Self::HelloFirst => 428,
            Self::TooLarge => 413,
            Self::OutOfRange => 416,
            Self::HashMismatch | Self::Refused | Self::NotApproved | Self::Doomed => 422,
            Self::Full => 507,
            Self::Busy => 503,
            Self::Internal | Self::Unknown => 500,
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Busy | Self::Internal)
    }
}

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    #[serde(rename = "type")]
    kind: String,
    pub code: Code,
    /// A sentence for people: what was refused, and what to do.
    pub message: String,
}

impl ErrorBody {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { kind: TYPE.into(), code, message: message.into() }
    }
}

//! What can go wrong with a gateway, and what that means for an object.

use std::io;

use pulih_protocol::error::{Code, ErrorBody};
use pulih_vault::store::{ObjectName, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("{url} refuses: {}", body.message)]
    Refused { url: String, body: ErrorBody },
    #[error("the range leaves the object of {size} bytes")]
    OutOfRange { size: u64 },
    #[error("cannot reach {url}: {source}")]
    Line { url: String, source: Box<ureq::Error> },
    #[error("{url} answers what this version does not understand: {why}")]
    Strange { url: String, why: String },
    #[error("cannot read what was spooled: {0}")]
    Spool(#[source] io::Error),
    #[error(
        "{url} has another CA than the token says: someone may stand between this server and the Pusat Data. \
         Nothing was sent; ask who gave you the token"
    )]
    WrongCa { url: String },
    #[error("the agent's certificate or key cannot be used: {0}")]
    Credentials(String),
}

impl GatewayError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { body, .. } => body.code.is_transient(),
            Self::Line { source, .. } => !matches!(**source, ureq::Error::Tls(_) | ureq::Error::Rustls(_)),
            _ => false,
        }
    }

    /// The error as one of a store, about an object.
    pub fn of(self, name: &ObjectName, action: &str) -> StoreError {
        let code = match &self {
            Self::Refused { body, .. } => body.code,
            _ => Code::Unknown,
        };
        match code {
            Code::NotFound => StoreError::NotFound { name: name.clone() },
            Code::AlreadyExists => StoreError::AlreadyExists { name: name.clone() },
            Code::Full => {
                let store = match &self {
                    Self::Refused { url, .. } => url.clone(),
                    _ => String::new(),
                };
                StoreError::Full { store, source: io::Error::other(self) }
            }
            _ => StoreError::Io { action: format!("{action} object {name}"), source: io::Error::other(self) },
        }
    }
}

//! What can go wrong with a gateway, and what that means for an object.

use std::error::Error;
use std::io;

use pulih_protocol::error::{Code, ErrorBody};
use pulih_vault::id::VaultId;
use pulih_vault::layout::{Layout, ObjectKind, vault_of};
use pulih_vault::store::{ObjectName, StoreError};

#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    #[error("{url} refuses: {}{}", body.message, advice(body.code))]
    Refused { url: String, body: ErrorBody },
    #[error(
        "{url} does not let the packs of vault {vault} be read: {message}. Ask for it with \
         `pulih-agent ask --store {url} --vault {vault} --dataset NAME --reason TEXT`, and run this again once the \
         walidata has given the grant"
    )]
    NoGrant { url: String, vault: VaultId, message: String },
    #[error("cannot keep this agent's turns at the site: {0}")]
    Turns(#[source] Box<dyn Error + Send + Sync>),
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

/// Why a gateway refused, if that is at the bottom of an error: as [`Code::Doomed`], after which
/// a backup is run again.
pub fn refusal(error: &(dyn Error + 'static)) -> Option<Code> {
    cause(error)?.code()
}

/// Whether a line or a site that may be there again later is at the bottom of an error.
pub fn may_pass(error: &(dyn Error + 'static)) -> bool {
    cause(error).is_some_and(GatewayError::is_transient)
}

/// The gateway's error at the bottom of another.
fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e GatewayError> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let found = error.downcast_ref().or_else(|| held.and_then(|held| held.downcast_ref::<GatewayError>()));
        if found.is_some() {
            return found;
        }
        cause = error.source();
    }
    None
}

/// What to do about a refusal, where the agent knows better than the site.
fn advice(code: Code) -> &'static str {
    match code {
        Code::Clone => {
            ". Another machine goes on with the keys in this agent's state. If this one is a copy that is to go on as \
             a server of its own, move its state folder away, enroll it with a new token and make vaults of its own; \
             if it is to take the other one's place, stop that one and ask the Pusat Data for a new token, then adopt \
             the vault with `pulih-agent init --adopt`"
        }
        Code::Doomed => ". No snapshot was made; run the backup again, and it writes those chunks anew",
        Code::NotApproved => ". The OPD's approval is recorded at the Pusat Data (`pulih-controller approve`)",
        _ => "",
    }
}

impl GatewayError {
    /// The refusal's code, if it is one.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { body, .. } => Some(body.code),
            Self::NoGrant { .. } => Some(Code::Forbidden),
            _ => None,
        }
    }

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
        match self.code().unwrap_or(Code::Unknown) {
            Code::NotFound => StoreError::NotFound { name: name.clone() },
            Code::AlreadyExists => StoreError::AlreadyExists { name: name.clone() },
            Code::Full => {
                let store = match &self {
                    Self::Refused { url, .. } => url.clone(),
                    _ => String::new(),
                };
                StoreError::Full { store, source: io::Error::other(self) }
            }
            _ => {
                let action = format!("{action} object {name}");
                StoreError::Io { action, source: io::Error::other(self.for_want_of_a_grant(name)) }
            }
        }
    }

    /// A pack that may not be read wants a grant: the one refusal that ends by asking.
    fn for_want_of_a_grant(self, name: &ObjectName) -> Self {
        let pack_of = |vault: &VaultId| matches!(Layout { vault: *vault }.classify(name), Some(ObjectKind::Pack(_)));
        match (self, vault_of(name).filter(pack_of)) {
            (Self::Refused { url, body }, Some(vault)) if body.code == Code::Forbidden => {
                Self::NoGrant { url, vault, message: body.message.trim_end_matches('.').to_owned() }
            }
            (error, _) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use pulih_vault::error::VaultError;
    use pulih_vault::id::ObjectHash;

    use super::*;

    fn refused(code: Code) -> GatewayError {
        GatewayError::Refused { url: "https://pusat:8443".into(), body: ErrorBody::new(code, "no grant is in force.") }
    }

    #[test]
    fn a_pack_without_a_grant_says_how_to_ask() {
        let layout = Layout { vault: VaultId([3; 16]) };
        let pack = layout.pack(ObjectHash([1; 32]));
        let text = refused(Code::Forbidden).of(&pack, "read").to_string();
        let wanted = format!("pulih-agent ask --store https://pusat:8443 --vault {} --dataset", layout.vault);
        assert!(text.contains(&wanted) && text.contains("no grant is in force"), "{text}");
        // What is no pack is not got by asking.
        let index = layout.index(ObjectHash([1; 32]));
        assert!(!refused(Code::Forbidden).of(&index, "read").to_string().contains("pulih-agent ask"));
        assert!(!refused(Code::Clone).of(&pack, "read").to_string().contains("pulih-agent ask"));
    }

    #[test]
    fn a_refusal_is_found_behind_what_it_caused() {
        let manifest = "vaults/x/snapshots/y".parse().unwrap();
        let error = VaultError::from(refused(Code::Doomed).of(&manifest, "put"));
        assert_eq!(refusal(&error), Some(Code::Doomed));
        assert_eq!(refusal(&refused(Code::Clone)), Some(Code::Clone));
        assert_eq!(refusal(&VaultError::Stopped { what: "a test" }), None);
    }

    #[test]
    fn a_clone_is_told_what_to_do() {
        let text = refused(Code::Clone).to_string();
        assert!(text.contains("Another machine"), "{text}");
        assert!(text.contains("new token"), "{text}");
    }
}

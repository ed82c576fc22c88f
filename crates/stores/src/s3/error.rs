//! What can go wrong with an S3 server, and what that means for an object.

use std::error::Error as StdError;
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use pulih_vault::store::{ObjectName, StoreError};

use super::address::AddressError;

/// Of what a server says, at most so many characters are repeated.
const MAX_WORDS: usize = 300;

#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    #[error(transparent)]
    Address(#[from] AddressError),
    #[error("{host} refuses: {message} (status {status} {code}){}", advice(code))]
    Refused { host: String, status: u16, code: String, message: String },
    #[error("the range leaves the object of {size} bytes")]
    OutOfRange { size: u64 },
    #[error("cannot reach {host}: {why}")]
    Line { host: String, why: String },
    #[error(
        "the certificate of {host} is not believed: {why}; if its CA is your own, name its file with &ca=/file.pem"
    )]
    Certificate { host: String, why: String },
    #[error("{host} answers what this version does not understand: {why}")]
    Strange { host: String, why: String },
    #[error("cannot read what was spooled: {0}")]
    Spool(#[source] io::Error),
    #[error("cannot prepare the connection to the store: {0}")]
    Setup(String),
}

/// What a person can do about an answer.
fn advice(code: &str) -> &'static str {
    match code {
        "NoSuchBucket" => {
            "; make the bucket first, with versioning and Object Lock, which most servers only give at its making"
        }
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" => {
            "; look at AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and the region"
        }
        "RequestTimeTooSkewed" => "; set this machine's clock",
        "AccessDenied" => "; docs/stores.md lists what a role for Pulih must be allowed",
        "PermanentRedirect" | "AuthorizationHeaderMalformed" => "; the bucket is in another region: give ?region=…",
        _ => "",
    }
}

fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect()
}

impl S3Error {
    pub(super) fn of_sdk<E>(host: String, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        match error {
            SdkError::ServiceError(service) => {
                let status = service.raw().status().as_u16();
                let code = service.err().code().unwrap_or_default();
                let message = service.err().message().filter(|text| !text.is_empty()).unwrap_or("it gives no reason");
                Self::Refused { host, status, code: bounded(code), message: bounded(message) }
            }
            // Not a line that broke: the same would come again.
            _ if is_too_long(error) => Self::Strange { host, why: "an answer without end".to_owned() },
            SdkError::TimeoutError(_) => Self::Line { host, why: "no answer in time".to_owned() },
            SdkError::DispatchFailure(_) if is_certificate(error) => {
                Self::Certificate { host, why: bounded(&root_cause(error)) }
            }
            SdkError::DispatchFailure(_) => Self::Line { host, why: bounded(&root_cause(error)) },
            SdkError::ResponseError(response) => {
                let status = response.raw().status().as_u16();
                // An error whose words cannot be read is an error all the same.
                if status >= 400 {
                    let message = "its words cannot be read".to_owned();
                    Self::Refused { host, status, code: String::new(), message }
                } else {
                    Self::Line { host, why: bounded(&root_cause(error)) }
                }
            }
            _ => Self::Strange { host, why: bounded(&DisplayErrorContext(error).to_string()) },
        }
    }

    fn status(&self) -> u16 {
        if let Self::Refused { status, .. } = self { *status } else { 0 }
    }

    fn code(&self) -> &str {
        if let Self::Refused { code, .. } = self { code } else { "" }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Refused { status, code, .. } => {
                matches!(status, 408 | 409 | 425 | 429 | 500 | 502..=504)
                    || matches!(code.as_str(), "RequestTimeout" | "SlowDown" | "InternalError" | "ServiceUnavailable")
            }
            Self::Line { .. } => true,
            _ => false,
        }
    }

    /// Whether the request may have been carried out although it failed.
    pub(super) fn is_unclear(&self) -> bool {
        self.is_transient() && !matches!(self.status(), 409 | 429)
    }

    /// The name has an object.
    pub(super) fn is_taken(&self) -> bool {
        self.status() == 412
    }

    pub(super) fn is_conflict(&self) -> bool {
        self.status() == 409
    }

    pub(super) fn is_no_upload(&self) -> bool {
        self.code() == "NoSuchUpload"
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.status() == 404 && !matches!(self.code(), "NoSuchBucket" | "NoSuchUpload")
    }

    pub(super) fn is_no_range(&self) -> bool {
        self.status() == 416
    }

    pub(super) fn is_denied(&self) -> bool {
        self.status() == 403
    }

    /// The server is there and says no for good: it was asked something it does not do or allow.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self.status(), 400..=499 | 501) && !self.is_transient()
    }

    /// There is no lock on the object, or the bucket knows none.
    pub(super) fn is_no_lock(&self) -> bool {
        matches!(
            self.code(),
            "NoSuchObjectLockConfiguration"
                | "ObjectLockConfigurationNotFoundError"
                | "ObjectLockConfigurationNotFound"
        )
    }

    fn is_full(&self) -> bool {
        self.status() == 507
            || matches!(self.code(), "QuotaExceeded" | "InsufficientStorage" | "XMinioStorageFull" | "StorageFull")
    }

    /// The error as one of a store, about an object.
    pub fn about(self, store: &str, name: &ObjectName, action: &str) -> StoreError {
        if self.is_not_found() {
            StoreError::NotFound { name: name.clone() }
        } else if self.is_taken() {
            StoreError::AlreadyExists { name: name.clone() }
        } else if self.is_full() {
            StoreError::Full { store: store.to_owned(), source: io::Error::other(self) }
        } else {
            StoreError::Io { action: format!("{action} object {name}"), source: io::Error::other(self) }
        }
    }
}

/// The innermost words of an error, which say most.
fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

fn is_too_long(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether a certificate is why the connection failed: trying again would not help.
fn is_certificate(error: &(dyn StdError + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = error
            .downcast_ref::<rustls::Error>()
            .or_else(|| inner.and_then(|inner| (inner as &(dyn StdError + 'static)).downcast_ref()));
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> S3Error {
        S3Error::Refused { host: "h".into(), status, code: code.into(), message: "m".into() }
    }

    #[test]
    fn answers_are_what_a_store_says() {
        let name: ObjectName = "a/b".parse().unwrap();
        let of = |status, code| refused(status, code).about("s3://x", &name, "put");
        assert!(matches!(of(404, "NoSuchKey"), StoreError::NotFound { .. }));
        assert!(matches!(of(404, ""), StoreError::NotFound { .. }));
        assert!(matches!(of(412, "PreconditionFailed"), StoreError::AlreadyExists { .. }));
        assert!(matches!(of(507, ""), StoreError::Full { .. }));
        let missing = of(404, "NoSuchBucket");
        assert!(
            matches!(&missing, StoreError::Io { .. }) && missing.to_string().contains("make the bucket"),
            "{missing}"
        );
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for (status, code) in
            [(503, "SlowDown"), (500, "InternalError"), (409, "ConditionalRequestConflict"), (400, "RequestTimeout")]
        {
            assert!(refused(status, code).is_transient(), "{status} {code}");
        }
        for (status, code) in
            [(403, "AccessDenied"), (412, "PreconditionFailed"), (404, "NoSuchKey"), (501, "NotImplemented")]
        {
            assert!(!refused(status, code).is_transient(), "{status} {code}");
        }
        // A conflict is somebody else's write, so what is there later is not ours.
        assert!(!refused(409, "ConditionalRequestConflict").is_unclear() && refused(500, "").is_unclear());
    }
}

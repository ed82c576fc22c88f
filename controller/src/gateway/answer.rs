//! Answers that are refusals, in the form of the contract.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use pulih_protocol::error::{Code, ERROR_HEADER, ErrorBody};
use pulih_vault::error::VaultError;
use pulih_vault::store::StoreError;

use crate::catalog::CatalogError;
use crate::record::RecordError;

/// A request that is refused.
#[derive(Debug)]
pub struct Refusal {
    pub code: Code,
    pub message: String,
}

pub type Answer<T = Response> = Result<T, Refusal>;

impl Refusal {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A certificate that lets nobody in.
    pub fn unknown_certificate() -> Self {
        let text = "this certificate is revoked, over, or not of this site; ask the Pusat Data for a new invitation";
        Self::new(Code::Unauthorized, text)
    }

    /// What went wrong here is for the site's log, not for the peer.
    pub fn internal(what: &dyn std::fmt::Display) -> Self {
        eprintln!("error: {what}");
        Self::new(Code::Internal, "the site failed; its log says why. Try again later")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ErrorBody::new(self.code, self.message);
        // An answer to HEAD has no body, so that its header says it too.
        let header = serde_json::to_string(&body).ok().and_then(|text| HeaderValue::from_str(&text).ok());
        let mut response = (status, Json(body)).into_response();
        if let Some(header) = header {
            response.headers_mut().insert(ERROR_HEADER, header);
        }
        response
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::NotFound { .. } => Code::NotFound,
            StoreError::AlreadyExists { .. } => Code::AlreadyExists,
            StoreError::TooLarge { .. } => Code::TooLarge,
            StoreError::OutOfRange { .. } => Code::OutOfRange,
            StoreError::Full { .. } => {
                eprintln!("error: {error}");
                return Self::new(Code::Full, "the site's store is full; its people must make room");
            }
            // Only a site's own keeping meets a lock.
            StoreError::Locked { .. } | StoreError::Io { .. } => return Self::internal(&error),
        };
        Self::new(code, error.to_string())
    }
}

impl From<CatalogError> for Refusal {
    fn from(error: CatalogError) -> Self {
        Self::internal(&error)
    }
}

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        match error {
            // For people to end, and then it goes on: whoever asks tries again.
            RecordError::Behind(_) => Self::new(Code::Busy, error.to_string()),
            error => Self::internal(&error),
        }
    }
}

impl From<VaultError> for Refusal {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Store(error) => error.into(),
            error => Self::new(Code::Refused, error.to_string()),
        }
    }
}

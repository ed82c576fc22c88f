//! A paired DRC, known by the hash of its certificate at each request. It is no agent, and an
//! agent is none: the two are looked up in tables of their own.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use pulih_protocol::error::Code;

use super::answer::Refusal;
use super::peer::Shown;
use crate::pki::CertificateHash;
use crate::pusat::Pusat;

pub struct Reader {
    /// The DRC's site id.
    pub site: String,
    pub certificate: CertificateHash,
}

impl<S: Send + Sync> FromRequestParts<S> for Reader
where
    Arc<Pusat>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let none = || {
            let text =
                "this needs the certificate of a DRC that is paired with this site; `pulih-controller pair` pairs one";
            Refusal::new(Code::Unauthorized, text)
        };
        let Some(Shown(Some(hash))) = parts.extensions.get::<Shown>().copied() else { return Err(none()) };
        let known = Arc::<Pusat>::from_ref(state).blocking(move |pusat| pusat.reader_of(hash)).await?;
        known.map(|site| Self { site, certificate: hash }).ok_or_else(none)
    }
}

//! Who asks: the agent that the connection's certificate was issued to, looked up anew for every
//! request, so that revoking it takes effect at once.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use pulih_protocol::error::Code;

use super::answer::Refusal;
use super::meter::Whose;
use crate::catalog::Agent;
use crate::pki::CertificateHash;
use crate::pusat::Pusat;

/// The certificate of a connection, if its peer showed one.
#[derive(Debug, Clone, Copy)]
pub struct Shown(pub Option<CertificateHash>);

pub struct Peer {
    pub agent: Agent,
    /// What it showed.
    pub certificate: CertificateHash,
    /// When the certificate ends that it showed, seconds since 1970.
    pub certified_until: i64,
}

impl<S: Send + Sync> FromRequestParts<S> for Peer
where
    Arc<Pusat>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Some(Shown(Some(hash))) = parts.extensions.get::<Shown>().copied() else {
            return Err(Refusal::new(
                Code::Unauthorized,
                "this needs an agent's certificate; `pulih-agent enroll` gets one",
            ));
        };
        let known = Arc::<Pusat>::from_ref(state).blocking(move |pusat| pusat.agent_of(hash)).await?;
        let (agent, certified_until) = known.ok_or_else(Refusal::unknown_certificate)?;
        if let Some(whose) = parts.extensions.get::<Whose>() {
            whose.is_of(&agent.opd);
        }
        Ok(Self { agent, certificate: hash, certified_until })
    }
}

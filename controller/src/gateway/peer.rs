//! Who asks: the agent that the connection's certificate was issued to, looked up anew for every
//! request, so that revoking it takes effect at once.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use pulih_protocol::error::Code;

use super::answer::Refusal;
use crate::catalog::Agent;
use crate::pki::CertificateHash;
use crate::pusat::Pusat;

/// The certificate of a connection, if its peer showed one.
#[derive(Debug, Clone, Copy)]
pub struct Shown(pub Option<CertificateHash>);

pub struct Peer(pub Agent);

impl FromRequestParts<Arc<Pusat>> for Peer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, pusat: &Arc<Pusat>) -> Result<Self, Refusal> {
        let Some(Shown(Some(hash))) = parts.extensions.get::<Shown>().copied() else {
            return Err(Refusal::new(
                Code::Unauthorized,
                "this needs an agent's certificate; `pulih-agent enroll` gets one",
            ));
        };
        let agent = pusat.blocking(move |pusat| pusat.agent_of(hash)).await?;
        agent.map(Self).ok_or_else(|| {
            Refusal::new(
                Code::Unauthorized,
                "this certificate is revoked, over, or not of this site; ask the Pusat Data for a new invitation",
            )
        })
    }
}

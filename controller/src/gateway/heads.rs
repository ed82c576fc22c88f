//! What a DRC says of itself to agents, whether or not a disaster is declared: how far it has come,
//! and whether they go on there or elsewhere.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use pulih_protocol::error::Code;

use super::answer::{Answer, Refusal};
use super::peer::Shown;
use crate::drc::Drc;

pub async fn get(State(drc): State<Option<Arc<Drc>>>, Extension(shown): Extension<Shown>) -> Answer<String> {
    let drc = drc.ok_or_else(|| Refusal::new(Code::NotFound, "this site is no DRC"))?;
    let certificate = shown.0.ok_or_else(|| Refusal::new(Code::Unauthorized, "this needs an agent's certificate"))?;
    let done = tokio::task::spawn_blocking(move || drc.heads(certificate)).await;
    done.unwrap_or_else(|error| Err(Refusal::internal(&error)))
}

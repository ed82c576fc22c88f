//! What a server that recovers from a DRC asks there, beside objects: what its turn is, the keys that it
//! takes, and what came of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pulih_protocol::error::Code;
use pulih_protocol::recovery::{KeyAsked, KeyGiven, Now, StepEnded, StepTaken};

use super::answer::{Answer, Refusal};
use super::ask::Said;
use super::lines::Lines;
use super::peer::Peer;
use crate::drc::Drc;

type Site = State<Option<Arc<Drc>>>;

/// Runs `work` at the DRC, on a thread that may block.
async fn at_drc<T: Send + 'static>(
    drc: Option<Arc<Drc>>,
    work: impl FnOnce(&Drc) -> Answer<T> + Send + 'static,
) -> Answer<Json<T>> {
    let drc = drc.ok_or_else(|| Refusal::new(Code::NotFound, "this site is no DRC"))?;
    let done = tokio::task::spawn_blocking(move || work(&drc)).await;
    done.unwrap_or_else(|error| Err(Refusal::internal(&error))).map(Json)
}

pub async fn now(State(drc): Site, peer: Peer) -> Answer<Json<Now>> {
    at_drc(drc, move |drc| drc.recovery_now(&peer.agent)).await
}

pub async fn key(
    State(drc): Site,
    State(lines): State<Arc<Lines>>,
    peer: Peer,
    Said(asked): Said<KeyAsked>,
) -> Answer<Json<KeyGiven>> {
    // As many at once as objects: each may wait for the keeper.
    let place = lines.transfer(&peer.agent.name)?;
    at_drc(drc, move |drc| {
        let _place = place;
        drc.recovery_key(&peer.agent, &asked)
    })
    .await
}

pub async fn step(State(drc): Site, peer: Peer, Said(ended): Said<StepEnded>) -> Answer<Json<StepTaken>> {
    at_drc(drc, move |drc| drc.recovery_step(&peer.agent, &ended)).await
}

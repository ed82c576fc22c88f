//! What a server that recovers from a DRC asks there, beside objects: what its turn is, the keys that it
//! takes, and what came of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use pulih_protocol::error::Code;
use pulih_protocol::recovery::{KeyAsked, KeyGiven, Now, StepEnded, StepTaken};

use super::answer::{Answer, Refusal};
use super::ask::Said;
use super::lines::Lines;
use super::objects::lineage;
use super::peer::Peer;
use crate::drc::Drc;

type Site = State<Option<Arc<Drc>>>;

/// Runs `work` at the DRC, on a thread that may block, for an agent whose turn it is: a clone gets nothing.
async fn at_drc<T: Send + 'static>(
    drc: Option<Arc<Drc>>,
    peer: Peer,
    headers: &HeaderMap,
    work: impl FnOnce(&Drc, &Peer) -> Answer<T> + Send + 'static,
) -> Answer<Json<T>> {
    let drc = drc.ok_or_else(|| Refusal::new(Code::NotFound, "this site is no DRC"))?;
    let lineage = lineage(headers);
    let done = tokio::task::spawn_blocking(move || {
        drc.intake().must_be_in_turn(&peer.agent, lineage.as_deref())?;
        work(&drc, &peer)
    })
    .await;
    done.unwrap_or_else(|error| Err(Refusal::internal(&error))).map(Json)
}

pub async fn now(State(drc): Site, peer: Peer, headers: HeaderMap) -> Answer<Json<Now>> {
    at_drc(drc, peer, &headers, move |drc, peer| drc.recovery_now(&peer.agent)).await
}

pub async fn key(
    State(drc): Site,
    State(lines): State<Arc<Lines>>,
    peer: Peer,
    headers: HeaderMap,
    Said(asked): Said<KeyAsked>,
) -> Answer<Json<KeyGiven>> {
    // As many at once as objects: each may wait for the keeper.
    let place = lines.transfer(&peer.agent.name)?;
    at_drc(drc, peer, &headers, move |drc, peer| {
        let _place = place;
        drc.recovery_key(&peer.agent, &asked)
    })
    .await
}

pub async fn step(
    State(drc): Site,
    peer: Peer,
    headers: HeaderMap,
    Said(ended): Said<StepEnded>,
) -> Answer<Json<StepTaken>> {
    at_drc(drc, peer, &headers, move |drc, peer| drc.recovery_step(&peer.agent, &ended)).await
}

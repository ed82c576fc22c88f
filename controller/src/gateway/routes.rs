//! Which path is answered by whom.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use pulih_protocol::error::Code;
use pulih_protocol::report::AgentView;
use pulih_protocol::{MAX_BODY_BYTES, path};

use super::answer::{Answer, Refusal};
use super::peer::Peer;
use super::{enroll, objects};
use crate::pusat::Pusat;

pub fn router(pusat: Arc<Pusat>) -> Router {
    let object = format!("{}{{*name}}", path::OBJECTS);
    Router::new()
        .route(path::CA, get(ca))
        .route(path::ENROLL, post(enroll::enroll))
        .route(path::AGENT, get(view))
        .route(path::LIST, get(objects::list))
        .route(&object, put(objects::put).get(objects::get).head(objects::head))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES as usize))
        .fallback(async || Refusal::new(Code::NotFound, "there is nothing at this path"))
        .with_state(pusat)
}

async fn ca(State(pusat): State<Arc<Pusat>>) -> String {
    pusat.ca_certificate().to_owned()
}

async fn view(State(pusat): State<Arc<Pusat>>, Peer(agent): Peer) -> Answer<Json<AgentView>> {
    pusat.blocking(move |pusat| pusat.view(&agent)).await.map(Json)
}

//! Which path is answered by whom.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post, put};
use pulih_protocol::error::Code;
use pulih_protocol::path;

use super::answer::Refusal;
use super::lines::Lines;
use super::{ask, objects, replica};
use crate::pusat::Pusat;

/// What a request is answered from.
#[derive(Clone)]
pub struct Gate {
    pusat: Arc<Pusat>,
    lines: Arc<Lines>,
}

impl FromRef<Gate> for Arc<Pusat> {
    fn from_ref(gate: &Gate) -> Self {
        gate.pusat.clone()
    }
}

impl FromRef<Gate> for Arc<Lines> {
    fn from_ref(gate: &Gate) -> Self {
        gate.lines.clone()
    }
}

pub fn router(pusat: Arc<Pusat>) -> Router {
    let object = format!("{}{{*name}}", path::OBJECTS);
    let replica_object = format!("{}{{*name}}", path::REPLICA_OBJECTS);
    Router::new()
        .route(path::CA, get(ask::ca))
        .route(path::ENROLL, post(ask::enroll))
        .route(path::RENEW, post(ask::renew))
        .route(path::RENEW_LAPSED, post(ask::renew_lapsed))
        .route(path::HELLO, post(ask::hello))
        .route(path::AGENT, get(ask::view))
        .route(path::POLICY, get(ask::policy))
        .route(path::REPORT, post(ask::report))
        .route(path::ASK, post(ask::ask))
        .route(path::DOOMED, get(ask::doomed))
        .route(path::AVOIDED, get(ask::avoided))
        .route(path::LIST, get(objects::list))
        .route(&object, put(objects::put).get(objects::get).head(objects::head))
        .route(path::REPLICA_HEAD, get(replica::head_of_ledger))
        .route(path::REPLICA_LIST, get(replica::list))
        .route(path::REPLICA_RENEW, post(replica::renew))
        .route(&replica_object, get(replica::get).head(replica::head))
        .fallback(async || Refusal::new(Code::NotFound, "there is nothing at this path"))
        .with_state(Gate { pusat, lines: Arc::default() })
}

//! Which path is answered by whom.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::middleware::{self, Next};
use axum::routing::{get, post, put};
use pulih_protocol::error::Code;
use pulih_protocol::path;

use super::answer::{Answer, Refusal};
use super::lines::Lines;
use super::meter::metered;
use super::{ask, heads, objects, recovery, replica};
use crate::drc::Drc;
use crate::pusat::Pusat;

/// What a request is answered from.
#[derive(Clone)]
pub struct Gate {
    pusat: Arc<Pusat>,
    /// Of a DRC: what it has, and whether a disaster is declared.
    drc: Option<Arc<Drc>>,
    lines: Arc<Lines>,
}

impl FromRef<Gate> for Arc<Pusat> {
    fn from_ref(gate: &Gate) -> Self {
        gate.pusat.clone()
    }
}

impl FromRef<Gate> for Option<Arc<Drc>> {
    fn from_ref(gate: &Gate) -> Self {
        gate.drc.clone()
    }
}

impl FromRef<Gate> for Arc<Lines> {
    fn from_ref(gate: &Gate) -> Self {
        gate.lines.clone()
    }
}

/// What is for agents; at a DRC only while a disaster is declared.
async fn must_take_in(State(pusat): State<Arc<Pusat>>, request: Request, next: Next) -> Answer {
    pusat.blocking(Pusat::must_take_in).await?;
    Ok(next.run(request).await)
}

pub fn router(pusat: Arc<Pusat>, drc: Option<Arc<Drc>>) -> Router {
    let object = format!("{}{{*name}}", path::OBJECTS);
    let replica_object = format!("{}{{*name}}", path::REPLICA_OBJECTS);
    let gate = Gate { pusat, drc, lines: Arc::default() };
    let taking_in = Router::new()
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
        .route(path::DRC, get(ask::drc))
        .route(path::RECOVERY, get(recovery::now))
        .route(path::RECOVERY_KEY, post(recovery::key))
        .route(path::RECOVERY_STEP, post(recovery::step))
        .route(&object, put(objects::put).get(objects::get).head(objects::head))
        .route_layer(middleware::from_fn_with_state(gate.clone(), must_take_in));
    Router::new()
        .merge(taking_in)
        .route(path::CA, get(ask::ca))
        .route(path::HEADS, get(heads::get))
        .route(path::REPLICA_HEAD, get(replica::head_of_ledger))
        .route(path::REPLICA_LIST, get(replica::list))
        .route(path::REPLICA_RENEW, post(replica::renew))
        .route(path::COSIGNATURE, post(replica::cosignature))
        .route(path::ADD_CHECKPOINT, post(replica::add_checkpoint))
        .route(&replica_object, get(replica::get).head(replica::head))
        .fallback(async || Refusal::new(Code::NotFound, "there is nothing at this path"))
        .layer(middleware::from_fn_with_state(gate.clone(), metered))
        .with_state(gate)
}

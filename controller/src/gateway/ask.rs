//! Everything that is a JSON body and a JSON answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Query, Request, State};
use axum::response::Response;
use http_body_util::{BodyExt as _, Limited};
use pulih_protocol::MAX_BODY_BYTES;
use pulih_protocol::drc::DrcCard;
use pulih_protocol::enroll::{Enrolled, Renewal, Renewed, Request as Enrolling};
use pulih_protocol::error::Code;
use pulih_protocol::grant::{Asked, Asking};
use pulih_protocol::hello::{Hello, Welcome};
use pulih_protocol::policy::PolicyInForce;
use pulih_protocol::report::{AgentView, Report, ReportTaken};
use pulih_vault::id::VaultId;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::answer::{Answer, Refusal};
use super::peer::Peer;
use crate::pusat::Pusat;

/// For a body of at most a mebibyte, over the slowest line that there is.
const PATIENCE: Duration = Duration::from_secs(60);

/// A bounded JSON body.
pub struct Said<T>(pub T);

/// A body of at most so many bytes.
pub async fn bounded(body: Body, most: u64) -> Answer<Bytes> {
    let too_much = |error| Refusal::new(Code::TooLarge, format!("the body did not come whole: {error}"));
    let slow = |_| Refusal::new(Code::BadRequest, "the body did not come in time");
    let whole = tokio::time::timeout(PATIENCE, Limited::new(body, most as usize).collect());
    Ok(whole.await.map_err(slow)?.map_err(too_much)?.to_bytes())
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Said<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Answer<Self> {
        let bytes = bounded(request.into_body(), MAX_BODY_BYTES).await?;
        let bad = |error| Refusal::new(Code::BadRequest, format!("the body is not what the contract says: {error}"));
        serde_json::from_slice(&bytes).map(Self).map_err(bad)
    }
}

type Site = State<Arc<Pusat>>;

pub async fn ca(State(pusat): Site) -> String {
    pusat.ca_certificate().to_owned()
}

pub async fn enroll(State(pusat): Site, Said(request): Said<Enrolling>) -> Answer<Json<Enrolled>> {
    pusat.blocking(move |pusat| pusat.enroll(&request)).await.map(Json)
}

pub async fn renew(State(pusat): Site, peer: Peer, Said(renewal): Said<Renewal>) -> Answer<Json<Renewed>> {
    pusat.blocking(move |pusat| pusat.renew(peer.certificate, &renewal)).await.map(Json)
}

pub async fn renew_lapsed(State(pusat): Site, request: Request) -> Answer<Json<Renewed>> {
    let note = bounded(request.into_body(), MAX_BODY_BYTES).await?;
    pusat.blocking(move |pusat| pusat.renew_lapsed(&note)).await.map(Json)
}

pub async fn hello(State(pusat): Site, peer: Peer, Said(hello): Said<Hello>) -> Answer<Json<Welcome>> {
    let answer = pusat.blocking(move |pusat| {
        let welcome = pusat.hello(&peer.agent, &hello)?;
        pusat.seen(&peer.agent.name, &hello.host);
        Ok(welcome)
    });
    answer.await.map(Json)
}

pub async fn view(State(pusat): Site, peer: Peer) -> Answer<Json<AgentView>> {
    pusat.blocking(move |pusat| pusat.view(&peer.agent)).await.map(Json)
}

pub async fn drc(State(pusat): Site, _: Peer) -> Answer<Json<DrcCard>> {
    pusat.blocking(Pusat::drc_card).await.map(Json)
}

pub async fn policy(State(pusat): Site, _: Peer) -> Json<PolicyInForce> {
    Json(pusat.policy_for_agents())
}

pub async fn report(State(pusat): Site, peer: Peer, Said(report): Said<Report>) -> Answer<Json<ReportTaken>> {
    pusat.blocking(move |pusat| pusat.report(&peer.agent, peer.certified_until, &report)).await.map(Json)
}

pub async fn ask(State(pusat): Site, peer: Peer, Said(asking): Said<Asking>) -> Answer<Json<Asked>> {
    pusat.blocking(move |pusat| pusat.ask(&peer.agent, &asking)).await.map(Json)
}

#[derive(Deserialize)]
pub struct Of {
    vault: String,
}

pub async fn doomed(site: Site, peer: Peer, of: Query<Of>) -> Answer<Response> {
    packs(site, peer, of, Pusat::doomed).await
}

pub async fn avoided(site: Site, peer: Peer, of: Query<Of>) -> Answer<Response> {
    packs(site, peer, of, Pusat::avoided).await
}

/// Hashes of packs of one of the agent's vaults, one a line.
async fn packs(
    State(pusat): Site,
    peer: Peer,
    Query(of): Query<Of>,
    which: fn(&Pusat, VaultId) -> Answer<Vec<String>>,
) -> Answer<Response> {
    let vault: VaultId = of.vault.parse().map_err(|_| Refusal::new(Code::BadRequest, "that is no vault's id"))?;
    let packs = pusat.blocking(move |pusat| {
        pusat.must_be_writer(&peer.agent, vault)?;
        which(pusat, vault)
    });
    let mut lines = packs.await?.join("\n");
    // An empty line: the list is whole.
    lines.push_str(if lines.is_empty() { "\n" } else { "\n\n" });
    Ok(Response::new(lines.into()))
}

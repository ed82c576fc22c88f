//! A token for a certificate.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use pulih_protocol::enroll::{Enrolled, Request};

use super::answer::Answer;
use crate::pusat::Pusat;

pub async fn enroll(State(pusat): State<Arc<Pusat>>, Json(request): Json<Request>) -> Answer<Json<Enrolled>> {
    pusat.blocking(move |pusat| pusat.enroll(&request)).await.map(Json)
}

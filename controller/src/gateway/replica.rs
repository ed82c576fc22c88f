//! What a paired DRC reads: everything that is saved here and the site's own record of it, as it is
//! stored. Nothing here writes, but for the certificate that a renewal gives, and what the two sites co-sign.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse as _;
use pulih_ledger::tlog_proof::MAX_ADD_CHECKPOINT_BYTES;
use pulih_protocol::enroll::{Renewal, Renewed};
use pulih_protocol::error::Code;
use pulih_protocol::path;
use pulih_vault::store::ObjectName;

use super::answer::{Answer, Refusal};
use super::ask::{Said, bounded};
use super::lines::Lines;
use super::objects::{Below, send, send_list};
use super::reader::Reader;
use crate::pusat::{Added, Pusat};

type Site = State<Arc<Pusat>>;

impl Reader {
    /// What its transfers are counted under: with a slash, which no agent's name has.
    fn line(&self) -> String {
        format!("site/{}", self.site)
    }
}

/// The object that a request names, if a DRC reads it.
fn named(pusat: &Pusat, uri: &Uri) -> Answer<ObjectName> {
    let name = uri.path().strip_prefix(path::REPLICA_OBJECTS).and_then(|name| name.parse().ok());
    let name = name.ok_or_else(|| Refusal::new(Code::BadRequest, "the path does not name an object"))?;
    pusat.must_be_replicated(&name)?;
    Ok(name)
}

pub async fn head_of_ledger(State(pusat): Site, _: Reader) -> Answer<String> {
    pusat.hears_reader();
    pusat.blocking(|pusat| pusat.head()).await
}

pub async fn get(
    State(pusat): Site,
    State(lines): State<Arc<Lines>>,
    reader: Reader,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let place = lines.transfer(&reader.line())?;
    let name = named(&pusat, &uri)?;
    send(&pusat, place, name, &headers).await
}

pub async fn head(State(pusat): Site, _: Reader, uri: Uri) -> Answer {
    let name = named(&pusat, &uri)?;
    let size = pusat.blocking(move |pusat| Ok(pusat.store().size(&name)?)).await?;
    Ok([(CONTENT_LENGTH, size)].into_response())
}

pub async fn list(
    State(pusat): Site,
    State(lines): State<Arc<Lines>>,
    reader: Reader,
    Query(below): Query<Below>,
) -> Answer {
    let place = lines.transfer(&reader.line())?;
    let prefix = below.folder()?;
    pusat.must_be_replicated(&prefix)?;
    Ok(send_list(&pusat, place, vec![prefix]))
}

pub async fn renew(State(pusat): Site, reader: Reader, Said(renewal): Said<Renewal>) -> Answer<Json<Renewed>> {
    pusat.blocking(move |pusat| pusat.renew_reader(reader.certificate, &renewal.csr)).await.map(Json)
}

/// A note of at most 64 KiB; a longer one is none.
async fn note(request: Request) -> Answer<Vec<u8>> {
    match bounded(request.into_body(), MAX_ADD_CHECKPOINT_BYTES).await {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(refusal) if refusal.code == Code::TooLarge => Err(Refusal::new(Code::BadRequest, refusal.message)),
        Err(refusal) => Err(refusal),
    }
}

pub async fn cosignature(State(pusat): Site, reader: Reader, request: Request) -> Answer<StatusCode> {
    let note = note(request).await?;
    pusat.blocking(move |pusat| pusat.take_handed_in(&reader.site, &note)).await?;
    Ok(StatusCode::OK)
}

/// As C2SP tlog-witness answers.
pub async fn add_checkpoint(State(pusat): Site, reader: Reader, request: Request) -> Answer {
    let body = note(request).await?;
    let added = pusat.blocking(move |pusat| pusat.add_checkpoint(&reader.site, &body)).await?;
    Ok(match added {
        Added::Signed(lines) => lines.into_response(),
        Added::Conflict(size) => {
            (StatusCode::CONFLICT, [(CONTENT_TYPE, "text/x.tlog.size")], format!("{size}\n")).into_response()
        }
    })
}

//! The ledgers that are here, as C2SP tlog-tiles serves a log: plain HTTP, for a proxy or for this host. It says what
//! the ledgers say, to whoever asks.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use pulih_ledger::bundle::MAX_BUNDLE_BYTES;
use pulih_ledger::chain::KeyChain;
use pulih_ledger::cosign::Cosigned;
use pulih_ledger::layout::Layout;
use pulih_ledger::{LedgerError, Log, others};
use pulih_vault::store::{ObjectName, Store, StoreError};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::gateway::answer::{Answer, Refusal};

/// Requests at once; each is a connection of its own.
const REQUESTS: usize = 64;
/// For a whole request and its answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Of a hash tile.
const MAX_TILE_BYTES: u64 = 8 << 10;

/// A ledger that is shown.
pub struct Shown {
    pub store: Arc<dyn Store>,
    pub log: Log,
    /// What this site said of it last, where it is another's.
    pub said: Option<Cosigned>,
}

pub type Logs = Arc<dyn Fn() -> Answer<Vec<Shown>> + Send + Sync>;

/// What was found, and whether it never changes.
struct Found {
    bytes: Vec<u8>,
    kind: &'static str,
    is_fixed: bool,
}

fn note(bytes: Vec<u8>, is_fixed: bool) -> Found {
    Found { bytes, kind: "text/plain; charset=utf-8", is_fixed }
}

/// A name is taken apart here and nowhere decoded: what is no object's name is nothing.
fn find(logs: &[Shown], path: &str) -> Answer<Option<Found>> {
    let Some((site, rest)) = path.strip_prefix('/').and_then(|path| path.split_once('/')) else { return Ok(None) };
    let Some(shown) = logs.iter().find(|its| its.log.layout().site.as_str() == site) else { return Ok(None) };
    let layout = shown.log.layout();
    if rest == "checkpoint" {
        return checkpoint(shown, layout, shown.log.keys(), shown.log.checkpoint().size)
            .map(|its| Some(note(its, false)));
    }
    let Ok(name) = format!("{}/{rest}", layout.folder()).parse::<ObjectName>() else { return Ok(None) };
    if let Some(size) = layout.checkpoint_size(&name) {
        return match checkpoint(shown, layout, shown.log.keys(), size) {
            Ok(its) => Ok(Some(note(its, false))),
            Err(refusal) if refusal.code == pulih_protocol::error::Code::NotFound => Ok(None),
            Err(refusal) => Err(refusal),
        };
    }
    let limit = match rest.strip_prefix("tile/") {
        Some(rest) if rest.starts_with("entries/") => MAX_BUNDLE_BYTES,
        Some(_) => MAX_TILE_BYTES,
        None => return Ok(None),
    };
    match shown.store.read(&name, limit) {
        Ok(bytes) => Ok(Some(Found { bytes, kind: "application/octet-stream", is_fixed: true })),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// With every co-signature that is here.
fn checkpoint(shown: &Shown, layout: &Layout, keys: &KeyChain, size: u64) -> Answer<Vec<u8>> {
    let mut note = others::cosigned_at(&*shown.store, layout, keys, size).map_err(|error| match error {
        LedgerError::Store(error) => error.into(),
        error => Refusal::internal(&error),
    })?;
    if let Some(said) = &shown.said {
        note.merge(said);
    }
    Ok(note.to_note().into_bytes())
}

fn answer(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

async fn respond(logs: Logs, request: Request<Incoming>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = answer(StatusCode::METHOD_NOT_ALLOWED);
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    let path = request.uri().path().to_owned();
    let found = tokio::task::spawn_blocking(move || find(&logs()?, &path)).await;
    match found {
        Ok(Ok(Some(found))) => {
            // What has a head without a body has its length all the same.
            let mut response = Response::new(Body::from(found.bytes));
            let cached = if found.is_fixed { "public, max-age=31536000, immutable" } else { "no-store" };
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(found.kind));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cached));
            response
        }
        Ok(Ok(None)) => answer(StatusCode::NOT_FOUND),
        Ok(Err(refusal)) => {
            answer(StatusCode::from_u16(refusal.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
        }
        Err(error) => {
            eprintln!("error: the ledgers are not shown: {error}");
            answer(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

async fn connection(stream: TcpStream, logs: Logs) {
    let service = hyper::service::service_fn(move |request| {
        let logs = logs.clone();
        async move { Ok::<_, std::convert::Infallible>(respond(logs, request).await) }
    });
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).keep_alive(false);
    let _ = tokio::time::timeout(PATIENCE, builder.serve_connection(TokioIo::new(stream), service)).await;
}

/// Shows the ledgers until `stop` says so.
pub async fn serve(listener: TcpListener, logs: Logs, mut stop: watch::Receiver<bool>) {
    let room = Arc::new(Semaphore::new(REQUESTS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                eprintln!("error: cannot take a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let logs = logs.clone();
        tokio::spawn(async move {
            connection(stream, logs).await;
            drop(place);
        });
    }
}

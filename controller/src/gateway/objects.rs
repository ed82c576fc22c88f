//! Objects of the agent's own vaults: put once, under the hash of their bytes; read back, except
//! packs; listed.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use pulih_protocol::error::Code;
use pulih_protocol::path;
use pulih_vault::description::MAX_NOTE_BYTES;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::index::MAX_INDEX_BYTES;
use pulih_vault::layout::{Layout, ObjectKind, vault_of, vaults};
use pulih_vault::pack::MAX_PACK_BYTES;
use pulih_vault::reach::MAX_REACH_BYTES;
use pulih_vault::store::{ObjectName, StoreError};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::answer::{Answer, Refusal};
use super::peer::Peer;
use crate::catalog::Agent;
use crate::pusat::Pusat;

/// Pieces of a body that wait between the line and the disk.
const PIECES: usize = 8;
/// Bytes that are read from the store at once.
const READ_BYTES: usize = 1 << 20;
/// Silence in a body after which its peer is given up.
const SILENCE: Duration = Duration::from_secs(60);
const LIST_BYTES: usize = 64 << 10;

/// An object that a request names.
struct Object {
    name: ObjectName,
    vault: VaultId,
    kind: ObjectKind,
}

impl Object {
    /// From the path as it was sent: an object's name needs no escapes, and so none is undone.
    fn of(uri: &Uri) -> Answer<Self> {
        let bad = || Refusal::new(Code::BadRequest, "the path does not name an object of a vault");
        let name: ObjectName = uri.path().strip_prefix(path::OBJECTS).and_then(|n| n.parse().ok()).ok_or_else(bad)?;
        let vault = vault_of(&name).ok_or_else(bad)?;
        let kind = Layout { vault }.classify(&name).ok_or_else(bad)?;
        Ok(Self { name, vault, kind })
    }

    fn limit(&self) -> u64 {
        match self.kind {
            ObjectKind::Pack(_) => MAX_PACK_BYTES,
            ObjectKind::Index(_) => MAX_INDEX_BYTES,
            ObjectKind::Reach(_) => MAX_REACH_BYTES,
            ObjectKind::Description(_) | ObjectKind::Manifest(..) => MAX_NOTE_BYTES,
        }
    }
}

/// The object, if it lies in a vault of the agent's.
async fn own(pusat: &Arc<Pusat>, agent: Agent, uri: &Uri) -> Answer<Object> {
    let object = Object::of(uri)?;
    let vault = object.vault;
    pusat.blocking(move |pusat| pusat.must_be_writer(&agent, vault)).await?;
    Ok(object)
}

pub async fn put(
    State(pusat): State<Arc<Pusat>>,
    Peer(agent): Peer,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer<StatusCode> {
    let object = Object::of(&uri)?;
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let length = length.ok_or_else(|| Refusal::new(Code::BadRequest, "an object is put with its length"))?;
    if length > object.limit() {
        let text = format!("{} has {length} bytes; at most {} are taken", object.name, object.limit());
        return Err(Refusal::new(Code::TooLarge, text));
    }
    match object.kind {
        ObjectKind::Description(name) => {
            let note = whole(body, length).await?;
            pusat.blocking(move |pusat| pusat.describe(&agent, object.vault, name, &note)).await?;
        }
        ObjectKind::Manifest(dataset, name) => {
            let note = whole(body, length).await?;
            pusat
                .blocking(move |pusat| {
                    pusat.must_be_writer(&agent, object.vault)?;
                    pusat.accept(&agent, object.vault, &dataset, name, &note)
                })
                .await?;
        }
        ObjectKind::Pack(hash) | ObjectKind::Index(hash) | ObjectKind::Reach(hash) => {
            let vault = object.vault;
            pusat.blocking(move |pusat| pusat.must_be_writer(&agent, vault)).await?;
            stream(&pusat, object.name, hash, body, length).await?;
        }
    }
    Ok(StatusCode::CREATED)
}

/// The next piece of a body; `None` at its end.
async fn piece(body: &mut Body) -> Answer<Option<Bytes>> {
    let broken = |why: &str| Refusal::new(Code::BadRequest, format!("the object did not come whole: {why}"));
    loop {
        match tokio::time::timeout(SILENCE, body.frame()).await {
            Err(_) => return Err(broken("nothing came for a minute")),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => return Err(broken(&error.to_string())),
            Ok(Some(Ok(frame))) => {
                // Trailers are of no use here.
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

/// A small body. Its length was checked.
async fn whole(mut body: Body, length: u64) -> Answer<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length as usize);
    while let Some(piece) = piece(&mut body).await? {
        if (bytes.len() + piece.len()) as u64 > length {
            return Err(Refusal::new(Code::BadRequest, "more bytes came than were announced"));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Takes an object in piece by piece: it gets its name only if its bytes have the hash in it.
async fn stream(pusat: &Arc<Pusat>, name: ObjectName, hash: ObjectHash, mut body: Body, length: u64) -> Answer<()> {
    let (sender, mut pieces) = mpsc::channel::<Bytes>(PIECES);
    let store = pusat.store().clone();
    let writing = tokio::task::spawn_blocking(move || -> Answer<()> {
        let mut staged = store.stage()?;
        let mut hasher = blake3::Hasher::new();
        let mut came = 0;
        while let Some(piece) = pieces.blocking_recv() {
            came += piece.len() as u64;
            if came > length {
                return Err(Refusal::new(Code::BadRequest, "more bytes came than were announced"));
            }
            hasher.update(&piece);
            staged.write_all(&piece).map_err(|source| StoreError::from_write(&name, source))?;
        }
        if came < length {
            return Err(Refusal::new(Code::BadRequest, "fewer bytes came than were announced"));
        }
        if *hasher.finalize().as_bytes() != hash.0 {
            let text = format!("the bytes that came do not have the hash in the name {name}; nothing was stored");
            return Err(Refusal::new(Code::HashMismatch, text));
        }
        Ok(staged.commit(&name)?)
    });
    let mut broken = None;
    loop {
        match piece(&mut body).await {
            Ok(Some(bytes)) => {
                // If the writer has stopped, it says why.
                if sender.send(bytes).await.is_err() {
                    break;
                }
            }
            Ok(None) => break,
            Err(refusal) => {
                broken = Some(refusal);
                break;
            }
        }
    }
    drop(sender);
    let written = writing.await.unwrap_or_else(|error| Err(Refusal::internal(&error)));
    match broken {
        Some(refusal) => Err(refusal),
        None => written,
    }
}

pub async fn head(State(pusat): State<Arc<Pusat>>, Peer(agent): Peer, uri: Uri) -> Answer {
    let object = own(&pusat, agent, &uri).await?;
    let size = pusat.blocking(move |pusat| Ok(pusat.store().size(&object.name)?)).await?;
    Ok([(CONTENT_LENGTH, size)].into_response())
}

/// `bytes=FROM-TO`, the one form of a range that is taken.
fn range(headers: &HeaderMap) -> Answer<Option<(u64, u64)>> {
    let Some(value) = headers.get(RANGE) else { return Ok(None) };
    let parse = || {
        let (from, to) = value.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        (from <= to).then_some((from, to))
    };
    parse().map(Some).ok_or_else(|| Refusal::new(Code::BadRequest, "a range is `bytes=FROM-TO`"))
}

pub async fn get(State(pusat): State<Arc<Pusat>>, Peer(agent): Peer, uri: Uri, headers: HeaderMap) -> Answer {
    let object = own(&pusat, agent, &uri).await?;
    if let ObjectKind::Pack(_) = object.kind {
        return Err(Refusal::new(Code::Forbidden, "packs are read under a restore grant; ask the OPD's walidata for one"));
    }
    let asked = range(&headers)?;
    let name = object.name.clone();
    let size = pusat.blocking(move |pusat| Ok(pusat.store().size(&name)?)).await?;
    let (from, end) = match asked {
        None => (0, size),
        Some((from, to)) if to < size => (from, to + 1),
        Some(_) => return Err(Refusal::new(Code::OutOfRange, format!("the object has {size} bytes"))),
    };
    let (sender, receiver) = mpsc::channel(2);
    let store = pusat.store().clone();
    tokio::task::spawn_blocking(move || {
        let mut at = from;
        while at < end {
            let mut bytes = Vec::new();
            let len = (end - at).min(READ_BYTES as u64) as usize;
            let read = store.read_range(&object.name, at, len, &mut bytes);
            at += len as u64;
            let failed = read.is_err();
            // The peer sees a body that breaks off, which is no whole object.
            let piece = read.map(|()| Bytes::from(bytes)).map_err(|error| {
                eprintln!("error: {error}");
                std::io::Error::other("the site's store failed")
            });
            if sender.blocking_send(piece).is_err() || failed {
                return;
            }
        }
    });
    let mut answer = Response::new(streamed(receiver));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_LENGTH, (end - from).into());
    if asked.is_some() {
        if let Ok(value) = format!("bytes {from}-{}/{size}", end - 1).parse() {
            headers.insert(CONTENT_RANGE, value);
        }
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(answer)
}

fn streamed(receiver: mpsc::Receiver<std::io::Result<Bytes>>) -> Body {
    Body::from_stream(futures_util::stream::unfold(receiver, async |mut receiver| {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    }))
}

#[derive(Deserialize)]
pub struct Below {
    prefix: String,
}

pub async fn list(State(pusat): State<Arc<Pusat>>, Peer(agent): Peer, Query(below): Query<Below>) -> Answer {
    let prefix: ObjectName =
        below.prefix.parse().map_err(|_| Refusal::new(Code::BadRequest, "the prefix does not name a folder"))?;
    let folders = pusat
        .blocking(move |pusat| {
            if prefix == vaults() {
                return Ok(pusat.vaults_of(&agent)?.into_iter().collect());
            }
            let vault = vault_of(&prefix)
                .ok_or_else(|| Refusal::new(Code::Forbidden, "an agent lists what is in its vaults, and nothing else"))?;
            pusat.must_be_writer(&agent, vault)?;
            Ok(vec![prefix])
        })
        .await?;
    let (sender, receiver) = mpsc::channel(2);
    let store = pusat.store().clone();
    tokio::task::spawn_blocking(move || {
        let mut lines = Vec::new();
        for folder in folders {
            let mut gone = false;
            let listed = store.list(&folder, &mut |name| {
                lines.extend_from_slice(name.as_str().as_bytes());
                lines.push(b'\n');
                if lines.len() >= LIST_BYTES && !gone {
                    gone = sender.blocking_send(Ok(std::mem::take(&mut lines).into())).is_err();
                }
            });
            if let Err(error) = listed {
                eprintln!("error: {error}");
                let _ = sender.blocking_send(Err(std::io::Error::other("the site's store failed")));
                return;
            }
        }
        // An empty line: the list is whole.
        lines.push(b'\n');
        let _ = sender.blocking_send(Ok(lines.into()));
    });
    Ok(Response::new(streamed(receiver)))
}

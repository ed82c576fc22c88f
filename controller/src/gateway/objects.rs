//! Objects of the agent's own vaults: put once, under the hash of their bytes; read back, except
//! packs; listed. At a DRC also those that an order onto the agent's server needs.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use pulih_protocol::error::Code;
use pulih_protocol::path;
use pulih_vault::description::MAX_NOTE_BYTES;
use pulih_vault::id::VaultId;
use pulih_vault::index::MAX_INDEX_BYTES;
use pulih_vault::layout::{Layout, ObjectKind, vault_of, vaults};
use pulih_vault::pack::MAX_PACK_BYTES;
use pulih_vault::store::ObjectName;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::answer::{Answer, Refusal};
use super::lines::{Lines, Transfer};
use super::peer::Peer;
use super::stream;
use crate::catalog::Agent;
use crate::drc::Drc;
use crate::pusat::{Came, Pusat};
use crate::store::MAX_REACH_BYTES;

/// Bytes that are read from the store at once.
const READ_BYTES: usize = 1 << 20;
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

/// The lineage that a request names.
pub fn lineage(headers: &HeaderMap) -> Option<String> {
    headers.get(path::LINEAGE_HEADER)?.to_str().ok().map(str::to_owned)
}

/// By what an agent may read: that it is its own or granted, or that its server is to recover it.
/// The order is asked first: what it needs counts against no grant.
fn must_be_let(
    drc: Option<&Drc>,
    agent: &Agent,
    object: &ObjectName,
    by_right: impl FnOnce() -> Answer<()>,
) -> Answer<()> {
    let ordered = drc.map_or(Ok(false), |drc| drc.is_ordered(agent, object));
    if matches!(ordered, Ok(true)) {
        return Ok(());
    }
    by_right().map_err(|refusal| match ordered {
        // It would be let have it, in its turn.
        Err(waits) if refusal.code == Code::Forbidden => waits,
        _ => refusal,
    })
}

/// The object, if the agent may read it.
async fn readable(
    pusat: &Arc<Pusat>,
    drc: Option<Arc<Drc>>,
    agent: Agent,
    uri: &Uri,
    headers: &HeaderMap,
) -> Answer<Object> {
    let object = Object::of(uri)?;
    let lineage = lineage(headers);
    pusat
        .blocking(move |pusat| {
            pusat.must_be_in_turn(&agent, lineage.as_deref())?;
            let by_right = || pusat.must_be_reader(&agent, object.vault);
            must_be_let(drc.as_deref(), &agent, &object.name, by_right)?;
            Ok(object)
        })
        .await
}

pub async fn put(
    State(pusat): State<Arc<Pusat>>,
    State(lines): State<Arc<Lines>>,
    Peer { agent, .. }: Peer,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer<StatusCode> {
    let object = Object::of(&uri)?;
    let (lineage, its, vault) = (lineage(&headers), agent.clone(), object.vault);
    let is_description = matches!(object.kind, ObjectKind::Description(_));
    pusat
        .blocking(move |pusat| {
            pusat.must_be_in_turn(&its, lineage.as_deref())?;
            // With its first description a vault becomes the agent's. Whether it is somebody's already
            // is not looked at before the owner's signature: that is not for everyone to know.
            if is_description { Ok(()) } else { pusat.must_be_writer(&its, vault) }
        })
        .await?;
    let place = lines.transfer(&agent.name)?;
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let length = length.ok_or_else(|| Refusal::new(Code::BadRequest, "an object is put with its length"))?;
    if length > object.limit() {
        let text = format!("{} has {length} bytes; at most {} are taken", object.name, object.limit());
        return Err(Refusal::new(Code::TooLarge, text));
    }
    match object.kind {
        ObjectKind::Description(name) => {
            let note = stream::whole(body, length).await?;
            pusat.blocking(move |pusat| pusat.describe(&agent, object.vault, name, &note)).await?;
        }
        ObjectKind::Manifest(dataset, name) => {
            let note = stream::whole(body, length).await?;
            pusat.blocking(move |pusat| pusat.accept(&agent, object.vault, &dataset, name, &note, Came::Now)).await?;
        }
        ObjectKind::Pack(hash) | ObjectKind::Index(hash) | ObjectKind::Reach(hash) => {
            let reserved = pusat.reserve(&agent, length)?;
            // A peer that goes away with the last byte does not keep what it sent from being counted.
            let storing = tokio::spawn(async move {
                let done = stream::store(&pusat, &lines, &agent, &object.name, hash, body, length).await;
                if !matches!(&done, Err(refusal) if refusal.code != Code::AlreadyExists) {
                    let name = object.name;
                    pusat.blocking(move |pusat| pusat.stored(&agent, &name, length, reserved)).await?;
                }
                drop(place);
                done
            });
            storing.await.unwrap_or_else(|error| Err(Refusal::internal(&error)))?;
        }
    }
    Ok(StatusCode::CREATED)
}

pub async fn head(
    State(pusat): State<Arc<Pusat>>,
    State(drc): State<Option<Arc<Drc>>>,
    Peer { agent, .. }: Peer,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let object = readable(&pusat, drc, agent, &uri, &headers).await?;
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

pub async fn get(
    State(pusat): State<Arc<Pusat>>,
    State(drc): State<Option<Arc<Drc>>>,
    State(lines): State<Arc<Lines>>,
    Peer { agent, .. }: Peer,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let place = lines.transfer(&agent.name)?;
    let object = readable(&pusat, drc.clone(), agent.clone(), &uri, &headers).await?;
    if let ObjectKind::Pack(hash) = object.kind {
        let (vault, name) = (object.vault, object.name.clone());
        pusat
            .blocking(move |pusat| {
                let by_right = || pusat.must_have_grant(&agent, vault, hash);
                must_be_let(drc.as_deref(), &agent, &name, by_right)
            })
            .await?;
    }
    send(&pusat, place, object.name, &headers).await
}

/// Sends an object, or the part of it that the headers ask for, to one who may have it.
pub async fn send(pusat: &Arc<Pusat>, place: Transfer, object: ObjectName, headers: &HeaderMap) -> Answer {
    let asked = range(headers)?;
    let name = object.clone();
    let size = pusat.blocking(move |pusat| Ok(pusat.store().size(&name)?)).await?;
    let (from, end) = match asked {
        None => (0, size),
        Some((from, to)) if to < size => (from, to + 1),
        Some(_) => return Err(Refusal::new(Code::OutOfRange, format!("the object has {size} bytes"))),
    };
    let (sender, receiver) = mpsc::channel(2);
    let (store, runtime) = (pusat.store().clone(), Handle::current());
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let mut at = from;
        while at < end {
            let mut bytes = Vec::new();
            let len = (end - at).min(READ_BYTES as u64) as usize;
            let read = store.read_range(&object, at, len, &mut bytes);
            at += len as u64;
            let failed = read.is_err();
            // The peer sees a body that breaks off, which is no whole object.
            let piece = read.map(|()| Bytes::from(bytes)).map_err(|error| {
                eprintln!("error: {error}");
                std::io::Error::other("the site's store failed")
            });
            if !hand(&runtime, &sender, piece) || failed {
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

/// Hands a piece to a peer from a thread that may block; `false` if the peer is gone or does not read,
/// and gives its place back.
fn hand(runtime: &Handle, sender: &mpsc::Sender<std::io::Result<Bytes>>, piece: std::io::Result<Bytes>) -> bool {
    let sent = runtime.block_on(tokio::time::timeout(stream::SILENCE, sender.send(piece)));
    matches!(sent, Ok(Ok(())))
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

impl Below {
    pub fn folder(&self) -> Answer<ObjectName> {
        self.prefix.parse().map_err(|_| Refusal::new(Code::BadRequest, "the prefix does not name a folder"))
    }
}

pub async fn list(
    State(pusat): State<Arc<Pusat>>,
    State(drc): State<Option<Arc<Drc>>>,
    State(lines): State<Arc<Lines>>,
    Peer { agent, .. }: Peer,
    headers: HeaderMap,
    Query(below): Query<Below>,
) -> Answer {
    let place = lines.transfer(&agent.name)?;
    let lineage = lineage(&headers);
    let prefix = below.folder()?;
    let folders = pusat
        .blocking(move |pusat| {
            pusat.must_be_in_turn(&agent, lineage.as_deref())?;
            if prefix == vaults() {
                return pusat.readable_vaults(&agent);
            }
            let vault = vault_of(&prefix).ok_or_else(|| {
                Refusal::new(Code::Forbidden, "an agent lists what is in its vaults, and nothing else")
            })?;
            must_be_let(drc.as_deref(), &agent, &prefix, || pusat.must_be_reader(&agent, vault))?;
            Ok(vec![prefix])
        })
        .await?;
    Ok(send_list(&pusat, place, folders))
}

/// Sends the names below folders, to one who may have them.
pub fn send_list(pusat: &Arc<Pusat>, place: Transfer, folders: Vec<ObjectName>) -> Response {
    let (sender, receiver) = mpsc::channel(2);
    let (store, runtime) = (pusat.store().clone(), Handle::current());
    tokio::task::spawn_blocking(move || {
        let _place = place;
        let mut lines = Vec::new();
        for folder in folders {
            let mut gone = false;
            let listed = store.list(&folder, &mut |name| {
                lines.extend_from_slice(name.as_str().as_bytes());
                lines.push(b'\n');
                if lines.len() >= LIST_BYTES && !gone {
                    gone = !hand(&runtime, &sender, Ok(std::mem::take(&mut lines).into()));
                }
            });
            if let Err(error) = listed {
                eprintln!("error: {error}");
                hand(&runtime, &sender, Err(std::io::Error::other("the site's store failed")));
                return;
            }
        }
        // An empty line: the list is whole.
        lines.push(b'\n');
        hand(&runtime, &sender, Ok(lines.into()));
    });
    Response::new(streamed(receiver))
}

//! Bodies: bounded, patient with slow lines and not without end, hashed on their way to the disk.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use http_body_util::BodyExt as _;
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, Store, StoreError};
use tokio::sync::mpsc;

use super::answer::{Answer, Refusal};
use super::lines::Lines;
use crate::catalog::Agent;
use crate::pusat::Pusat;

/// Pieces of a body that wait between the line and the disk.
const PIECES: usize = 8;
/// Silence in a body after which its peer is given up.
pub const SILENCE: Duration = Duration::from_secs(60);
/// Bytes a second that a body must have after a first while: a pack of 4 MiB in an hour.
const LEAST_RATE: u64 = 1200;
const PATIENCE: Duration = Duration::from_secs(60);

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
pub async fn whole(mut body: Body, length: u64) -> Answer<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length as usize);
    while let Some(piece) = piece(&mut body).await? {
        if (bytes.len() + piece.len()) as u64 > length {
            return Err(Refusal::new(Code::BadRequest, "more bytes came than were announced"));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Takes an object in piece by piece, no faster than its OPD's share: it gets its name only if its
/// bytes have the hash in it.
pub async fn store(
    pusat: &Arc<Pusat>,
    lines: &Lines,
    agent: &Agent,
    name: &ObjectName,
    hash: ObjectHash,
    mut body: Body,
    length: u64,
) -> Answer<()> {
    let (sender, pieces) = mpsc::channel::<Bytes>(PIECES);
    let (store, its) = (pusat.store().clone(), name.clone());
    let writing = tokio::task::spawn_blocking(move || write(&*store, &its, hash, pieces, length));
    let (began, mut waited, mut came) = (Instant::now(), Duration::ZERO, 0);
    let mut broken = None;
    loop {
        match piece(&mut body).await {
            Ok(Some(bytes)) => {
                came += bytes.len() as u64;
                let wait = lines.wait(&pusat.in_force().policy, &agent.opd, bytes.len() as u64, pusat.now());
                // If the writer has stopped, it says why.
                if sender.send(bytes).await.is_err() {
                    break;
                }
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                    waited += wait;
                }
                let took = began.elapsed().saturating_sub(waited).saturating_sub(PATIENCE);
                if came < took.as_secs() * LEAST_RATE {
                    broken = Some(Refusal::new(Code::BadRequest, "the object comes too slowly to ever be whole"));
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

fn write(
    store: &dyn Store,
    name: &ObjectName,
    hash: ObjectHash,
    mut pieces: mpsc::Receiver<Bytes>,
    length: u64,
) -> Answer<()> {
    let mut staged = store.stage()?;
    let mut hasher = blake3::Hasher::new();
    let mut came = 0;
    while let Some(piece) = pieces.blocking_recv() {
        came += piece.len() as u64;
        if came > length {
            return Err(Refusal::new(Code::BadRequest, "more bytes came than were announced"));
        }
        hasher.update(&piece);
        staged.write_all(&piece).map_err(|source| StoreError::from_write(name, source))?;
    }
    if came < length {
        return Err(Refusal::new(Code::BadRequest, "fewer bytes came than were announced"));
    }
    if *hasher.finalize().as_bytes() != hash.0 {
        let text = format!("the bytes that came do not have the hash in the name {name}; nothing was stored");
        return Err(Refusal::new(Code::HashMismatch, text));
    }
    Ok(staged.commit(name)?)
}

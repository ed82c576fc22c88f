//! Removing and healing in a bucket. With versioning a delete only hides an object behind a
//! marker; so what is removed here is each version by itself, and what is healed is hidden behind
//! a newer version, which is locked as long as any before it.

use std::sync::Arc;

use aws_sdk_s3::operation::list_object_versions::ListObjectVersionsOutput;
use aws_sdk_s3::types::EncodingType;

use super::address::decoded;
use super::client::{Client, trying};
use super::error::S3Error;
use super::lock;
use super::put::{self, How};
use super::spool::Spooled;

/// Pages of versions of one object that are read. A page has up to 1,000.
const MAX_PAGES: usize = 100;

/// What became of a removal.
#[derive(Debug, PartialEq, Eq)]
pub enum Removed {
    All,
    /// What is left is locked, until then at the latest.
    LockedUntil(i64),
}

/// One version of an object, or a marker that hides those before it.
struct Version {
    id: Option<String>,
    is_marker: bool,
}

/// All versions of an object, the newest first.
async fn versions(client: &Client, key: &str) -> Result<Vec<Version>, S3Error> {
    let mut found = Vec::new();
    let (mut key_marker, mut version_marker) = (None, None);
    for _ in 0..MAX_PAGES {
        let page = trying(|| page(client, key, key_marker.clone(), version_marker.clone())).await?;
        let url = page.encoding_type() == Some(&EncodingType::Url);
        // Names that go on after this one come in the same list.
        let is_it =
            |its: Option<&str>| its.is_some_and(|its| its == key || url && decoded(its).as_deref() == Some(key));
        let objects = page.versions().iter().filter(|version| is_it(version.key()));
        found.extend(objects.map(|its| Version { id: its.version_id.clone(), is_marker: false }));
        let markers = page.delete_markers().iter().filter(|marker| is_it(marker.key()));
        found.extend(markers.map(|its| Version { id: its.version_id.clone(), is_marker: true }));
        if page.is_truncated() != Some(true) {
            return Ok(found);
        }
        let next = (page.next_key_marker, page.next_version_id_marker);
        if next.0.is_none() || next == (key_marker, version_marker) {
            return Err(client.strange(&"a list of versions that does not go on"));
        }
        (key_marker, version_marker) = next;
    }
    Err(client.strange(&"a list of versions without end"))
}

async fn page(
    client: &Client,
    key: &str,
    key_marker: Option<String>,
    version_marker: Option<String>,
) -> Result<ListObjectVersionsOutput, S3Error> {
    let asked = client.s3.list_object_versions().bucket(&client.address.bucket).prefix(key);
    let asked = asked.encoding_type(EncodingType::Url);
    let asked = asked.set_key_marker(key_marker).set_version_id_marker(version_marker).send().await;
    asked.map_err(|error| client.error(&error))
}

async fn delete(client: &Client, key: &str, version: Option<&str>) -> Result<(), S3Error> {
    let asked = client.s3.delete_object().bucket(&client.address.bucket).key(key);
    let deleted = asked.set_version_id(version.map(str::to_owned)).send().await;
    deleted.map(drop).map_err(|error| client.error(&error))
}

/// Deletes every version of an object that is not locked, then the markers.
pub async fn remove(client: Arc<Client>, key: String) -> Result<Removed, S3Error> {
    let mut found = versions(&client, &key).await?;
    if found.is_empty() {
        return Ok(Removed::All);
    }
    // The oldest first, and markers last: what is read under the name until it is gone stays what it was.
    found.reverse();
    found.sort_by_key(|version| version.is_marker);
    let mut locked = None;
    for version in &found {
        let id = version.id.as_deref();
        match trying(|| delete(&client, &key, id)).await {
            Ok(()) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) if error.is_refusal() => match lock::until(&client, &key, id).await {
                Ok(Some(until)) if until > client.now() => locked = locked.max(Some(until)),
                _ => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
    // A server may say that it deleted what it kept.
    match (locked, versions(&client, &key).await?.is_empty()) {
        (Some(until), _) => Ok(Removed::LockedUntil(until)),
        (None, true) => Ok(Removed::All),
        (None, false) => Err(client.strange(&"it said that all versions are deleted, and some are there")),
    }
}

/// Puts a new version, and holds it as long as any before it is held.
pub async fn heal(client: Arc<Client>, key: String, spooled: Spooled) -> Result<(), S3Error> {
    let mut held = None;
    for version in versions(&client, &key).await?.iter().filter(|version| !version.is_marker) {
        match lock::until(&client, &key, version.id.as_deref()).await {
            Ok(until) => held = held.max(until),
            // A bucket without locks says that it was asked something odd.
            Err(error) if error.is_refusal() && !error.is_denied() => {}
            Err(error) => return Err(error),
        }
    }
    put::put(client.clone(), key.clone(), spooled, How::Over).await?;
    match held {
        Some(until) => lock::extend(client, key, until).await,
        None => Ok(()),
    }
}

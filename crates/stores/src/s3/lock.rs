//! Object Lock in COMPLIANCE mode: what is locked so, nobody deletes, the bucket's owner included.

use std::sync::Arc;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{ObjectLockRetention, ObjectLockRetentionMode};

use super::client::{Client, trying};
use super::error::S3Error;

/// Until when the current version of an object is locked against everyone.
pub async fn until(client: &Client, key: &str, version: Option<&str>) -> Result<Option<i64>, S3Error> {
    let asked = trying(|| async {
        client
            .s3
            .get_object_retention()
            .bucket(&client.address.bucket)
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .send()
            .await
            .map_err(|error| client.error(&error))
    })
    .await;
    match asked {
        Ok(answer) => Ok(answer
            .retention
            .filter(|lock| lock.mode == Some(ObjectLockRetentionMode::Compliance))
            .and_then(|lock| lock.retain_until_date)
            .map(|date| date.secs())),
        Err(error) if error.is_no_lock() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sets a lock, sent once.
pub async fn set(client: &Client, key: &str, version: Option<&str>, until: i64) -> Result<(), S3Error> {
    let lock = ObjectLockRetention::builder()
        .mode(ObjectLockRetentionMode::Compliance)
        .retain_until_date(DateTime::from_secs(until))
        .build();
    client
        .s3
        .put_object_retention()
        .bucket(&client.address.bucket)
        .key(key)
        .set_version_id(version.map(str::to_owned))
        .retention(lock)
        .send()
        .await
        .map(drop)
        .map_err(|error| client.error(&error))
}

/// Locks an object at least until a time.
pub async fn extend(client: Arc<Client>, key: String, wanted: i64) -> Result<(), S3Error> {
    let long_enough = |found: Option<i64>| found.is_some_and(|found| found >= wanted);
    if long_enough(until(&client, &key, None).await?) {
        return Ok(());
    }
    let extended = trying(|| set(&client, &key, None, wanted)).await;
    // Someone else may have set a later date, which then cannot be set back. And a server that
    // says yes and does nothing is found out here.
    match (until(&client, &key, None).await, extended) {
        (Ok(found), _) if long_enough(found) => Ok(()),
        (_, Err(error)) | (Err(error), Ok(())) => Err(error),
        (Ok(_), Ok(())) => Err(client.strange(&"it said that the object is locked, and it is not")),
    }
}

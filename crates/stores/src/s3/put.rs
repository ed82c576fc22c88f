//! Putting an object. One is created once: `If-None-Match: *` on a put, or on the end of a
//! multipart upload. To heal one it is put over what is there.
//!
//! A try that failed may have been carried out all the same. So when a later try is told that the
//! name is taken, what is there is read and compared: if it is what was sent, the put succeeded.

use std::ops::Range;
use std::sync::Arc;

use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, ObjectLockMode};
use tokio::task::JoinSet;

use super::client::{Client, pause, sending, trying};
use super::error::S3Error;
use super::read;
use super::spool::Spooled;
use crate::retry;

/// Objects above this size go up in parts, so that a line that drops costs one part. Packs are
/// smaller as a rule.
const SINGLE_BYTES: u64 = 64 << 20;
const PART_BYTES: u64 = 16 << 20;
/// S3 takes 10,000 parts.
const MAX_PARTS: u64 = 9_000;
const PARTS_IN_FLIGHT: usize = 4;
/// What is compared at once.
const COMPARE_BYTES: u64 = 1 << 20;

/// Whether a put may meet an object that has the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is refused then.
    New,
    /// It becomes a newer version.
    Over,
}

impl How {
    fn condition(self) -> Option<String> {
        (self == Self::New).then(|| "*".to_owned())
    }
}

pub async fn put(client: Arc<Client>, key: String, spooled: Spooled, how: How) -> Result<(), S3Error> {
    let mut tried = 0;
    let mut unclear = false;
    loop {
        tried += 1;
        let once = if spooled.len() <= SINGLE_BYTES {
            single(&client, &key, &spooled, how).await
        } else {
            multipart(&client, &key, &spooled, how, &mut unclear).await
        };
        match once {
            Err(error) if error.is_taken() && unclear => {
                return if is_there(&client, &key, &spooled).await? { Ok(()) } else { Err(error) };
            }
            Err(error) if error.is_transient() && tried < retry::TRIES => {
                unclear |= error.is_unclear();
                pause(tried).await;
            }
            done => return done,
        }
    }
}

/// Whether the object that has the name is this one.
async fn is_there(client: &Arc<Client>, key: &str, spooled: &Spooled) -> Result<bool, S3Error> {
    if read::size(client, key).await? != spooled.len() {
        return Ok(false);
    }
    let mut at = 0;
    while at < spooled.len() {
        let end = spooled.len().min(at + COMPARE_BYTES);
        let there = read::range(client, key, at, (end - at) as usize).await?;
        if there != spooled.read(at..end).map_err(S3Error::Spool)? {
            return Ok(false);
        }
        at = end;
    }
    Ok(true)
}

fn checksum(client: &Client, spooled: &Spooled, range: Range<u64>) -> Result<Option<String>, S3Error> {
    client.sends_checksums().then(|| spooled.sha256(range)).transpose().map_err(S3Error::Spool)
}

async fn single(client: &Client, key: &str, spooled: &Spooled, how: How) -> Result<(), S3Error> {
    let len = spooled.len();
    let lock = client.first_lock();
    let sent = client
        .s3
        .put_object()
        .bucket(&client.address.bucket)
        .key(key)
        .set_if_none_match(how.condition())
        .content_length(len as i64)
        .set_checksum_sha256(checksum(client, spooled, 0..len)?)
        .set_object_lock_mode(lock.map(|_| ObjectLockMode::Compliance))
        .set_object_lock_retain_until_date(lock)
        .body(spooled.body(0..len))
        .customize()
        .config_override(sending(len))
        .send()
        .await;
    sent.map(drop).map_err(|error| client.error(&error))
}

/// Notes in `unclear` whether the end of it may have been carried out though it failed.
async fn multipart(
    client: &Arc<Client>,
    key: &str,
    spooled: &Spooled,
    how: How,
    unclear: &mut bool,
) -> Result<(), S3Error> {
    let upload = trying(|| begin(client, key)).await?;
    let ended = match parts(client, key, &upload, spooled).await {
        Ok(parts) => end(client, key, &upload, (spooled, how), parts, unclear).await,
        Err(error) => Err(error),
    };
    if ended.is_err() {
        // What stays behind takes space and no name; a bucket's lifecycle rule ends it too.
        let _ =
            client.s3.abort_multipart_upload().bucket(&client.address.bucket).key(key).upload_id(&upload).send().await;
    }
    ended
}

async fn begin(client: &Client, key: &str) -> Result<String, S3Error> {
    let lock = client.first_lock();
    let begun = client
        .s3
        .create_multipart_upload()
        .bucket(&client.address.bucket)
        .key(key)
        .set_checksum_algorithm(client.sends_checksums().then_some(ChecksumAlgorithm::Sha256))
        .set_object_lock_mode(lock.map(|_| ObjectLockMode::Compliance))
        .set_object_lock_retain_until_date(lock)
        .send()
        .await
        .map_err(|error| client.error(&error))?;
    begun.upload_id.ok_or_else(|| client.strange(&"an upload without an id"))
}

/// Where the parts begin and end.
fn cut(len: u64) -> impl Iterator<Item = Range<u64>> {
    let size = len.div_ceil(MAX_PARTS).next_multiple_of(1 << 20).max(PART_BYTES);
    (0..len.div_ceil(size)).map(move |part| part * size..len.min((part + 1) * size))
}

async fn parts(
    client: &Arc<Client>,
    key: &str,
    upload: &str,
    spooled: &Spooled,
) -> Result<Vec<CompletedPart>, S3Error> {
    let mut running = JoinSet::new();
    let mut done = Vec::new();
    for (index, range) in cut(spooled.len()).enumerate() {
        if running.len() >= PARTS_IN_FLIGHT {
            done.extend(next(client, &mut running).await?);
        }
        let (client, spooled) = (client.clone(), spooled.clone());
        let (key, upload) = (key.to_owned(), upload.to_owned());
        running.spawn(async move {
            trying(|| part(&client, &key, &upload, &spooled, index as i32 + 1, range.clone())).await
        });
    }
    while let Some(part) = next(client, &mut running).await? {
        done.push(part);
    }
    done.sort_by_key(CompletedPart::part_number);
    Ok(done)
}

async fn next(
    client: &Client,
    running: &mut JoinSet<Result<CompletedPart, S3Error>>,
) -> Result<Option<CompletedPart>, S3Error> {
    match running.join_next().await {
        Some(joined) => joined.map_err(|error| client.strange(&error))?.map(Some),
        None => Ok(None),
    }
}

async fn part(
    client: &Client,
    key: &str,
    upload: &str,
    spooled: &Spooled,
    number: i32,
    range: Range<u64>,
) -> Result<CompletedPart, S3Error> {
    let len = range.end - range.start;
    let checksum = checksum(client, spooled, range.clone())?;
    let sent = client
        .s3
        .upload_part()
        .bucket(&client.address.bucket)
        .key(key)
        .upload_id(upload)
        .part_number(number)
        .content_length(len as i64)
        .set_checksum_sha256(checksum.clone())
        .body(spooled.body(range))
        .customize()
        .config_override(sending(len))
        .send()
        .await
        .map_err(|error| client.error(&error))?;
    let tag = sent.e_tag.ok_or_else(|| client.strange(&"a part without a tag"))?;
    Ok(CompletedPart::builder().part_number(number).e_tag(tag).set_checksum_sha256(checksum).build())
}

async fn end(
    client: &Arc<Client>,
    key: &str,
    upload: &str,
    (spooled, how): (&Spooled, How),
    parts: Vec<CompletedPart>,
    unclear: &mut bool,
) -> Result<(), S3Error> {
    let all = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let mut tried = 0;
    loop {
        tried += 1;
        let sent = client
            .s3
            .complete_multipart_upload()
            .bucket(&client.address.bucket)
            .key(key)
            .upload_id(upload)
            .set_if_none_match(how.condition())
            .multipart_upload(all.clone())
            .customize()
            // A server may put the parts together before it answers.
            .config_override(sending(spooled.len() / 16))
            .send()
            .await;
        match sent.map(drop).map_err(|error| client.error(&error)) {
            // The first try ended the upload, and its answer was lost.
            Err(error) if error.is_no_upload() && *unclear => {
                return if is_there(client, key, spooled).await? { Ok(()) } else { Err(error) };
            }
            // After a conflict S3 wants the upload begun anew.
            Err(error) if error.is_transient() && !error.is_conflict() && tried < retry::TRIES => {
                *unclear |= error.is_unclear();
                pause(tried).await;
            }
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_object_and_are_few_enough() {
        for len in [1, PART_BYTES, PART_BYTES + 1, SINGLE_BYTES + 1, 5 << 40] {
            let mut at = 0;
            let mut count = 0;
            for part in cut(len) {
                assert_eq!(part.start, at);
                assert!(part.end > part.start);
                at = part.end;
                count += 1;
            }
            assert_eq!(at, len);
            assert!(count <= 10_000, "{count} parts of {len}");
        }
    }
}

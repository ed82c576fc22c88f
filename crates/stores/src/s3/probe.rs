//! Trying to break a bucket's promises. Some servers answer 200 to what they do not do, so no
//! answer is believed: what is there afterwards is.

use std::sync::Arc;

use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, ObjectLockMode};
use aws_sdk_s3::types::{ObjectLockRetention, ObjectLockRetentionMode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::task::JoinSet;

use super::client::{Client, pause};
use super::error::S3Error;
use super::lock;
use crate::probe::{Finding, Held, PROBE_TYPE, Probe};

const WRITERS: usize = 8;
/// How long probes are locked: longer than the probe takes on a bad line, and than clocks differ.
const LOCK_SECONDS: i64 = 600;
/// Between two locks that are compared.
const STEP_SECONDS: i64 = 120;
const TRIES: u32 = 3;

type Answer<T> = Result<T, S3Error>;

/// What is found under a name. That this identity may not look is not that nothing is there.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Bytes(Vec<u8>),
    Nothing,
    Hidden,
}

impl Found {
    fn is(&self, bytes: &[u8]) -> bool {
        matches!(self, Self::Bytes(found) if found == bytes)
    }
}

pub async fn run(client: Arc<Client>) -> Result<Probe, S3Error> {
    let mut tried = 0;
    loop {
        tried += 1;
        // A try that was cut off begins anew on other names, so that its own leavings are not
        // taken for somebody else's.
        match Trial::new(client.clone())?.run().await {
            Err(error) if error.is_transient() && tried < TRIES => pause(tried).await,
            done => return done,
        }
    }
}

struct Trial {
    client: Arc<Client>,
    folder: String,
}

/// A put of the trial: what it may replace, when it is locked until, what it claims.
#[derive(Default)]
struct How {
    replace: bool,
    lock: Option<i64>,
    checksum_of: Option<&'static [u8]>,
}

impl How {
    fn replacing() -> Self {
        Self { replace: true, ..Self::default() }
    }
}

impl Trial {
    fn new(client: Arc<Client>) -> Result<Self, S3Error> {
        let mut id = [0; 8];
        SystemRandom::new().fill(&mut id).map_err(|_| S3Error::Setup("the system gives no random bytes".to_owned()))?;
        Ok(Self { folder: format!("site/probe/{:016x}", u64::from_le_bytes(id)), client })
    }

    async fn run(self) -> Result<Probe, S3Error> {
        let (versioning, default_lock, cannot_delete) = self.versions().await?;
        let (lock_holds, lock_extends, lock_never_shortens) = self.locks(&cannot_delete).await?;
        Ok(Probe {
            kind: PROBE_TYPE.to_owned(),
            store: self.client.address.to_string(),
            create_only: self.create_only().await?,
            racing_writers: self.racing_writers().await?,
            create_only_in_parts: self.create_only_in_parts().await?,
            versioning,
            lock_holds,
            lock_extends,
            lock_never_shortens,
            default_lock,
            cannot_delete,
            checksums: self.checksums().await?,
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{}{}/{name}", self.client.address.root(), self.folder)
    }

    /// Puts an object, once, and says which version it became.
    async fn put(&self, name: &str, bytes: &'static [u8], how: How) -> Answer<Option<String>> {
        let checksum = how.checksum_of.unwrap_or(bytes);
        let checksum = (self.client.sends_checksums() || how.lock.is_some() || how.checksum_of.is_some())
            .then(|| STANDARD.encode(digest(&SHA256, checksum)));
        let lock = how.lock.map(DateTime::from_secs);
        let put = self
            .client
            .s3
            .put_object()
            .bucket(&self.client.address.bucket)
            .key(self.key(name))
            .set_if_none_match((!how.replace).then(|| "*".to_owned()))
            .set_object_lock_mode(lock.map(|_| ObjectLockMode::Compliance))
            .set_object_lock_retain_until_date(lock)
            .set_checksum_sha256(checksum)
            .body(bytes.to_vec().into())
            .send()
            .await
            .map_err(|error| self.client.error(&error))?;
        Ok(put.version_id)
    }

    async fn get(&self, name: &str, version: Option<&str>) -> Answer<Found> {
        let got = self
            .client
            .s3
            .get_object()
            .bucket(&self.client.address.bucket)
            .key(self.key(name))
            .set_version_id(version.map(str::to_owned))
            .range("bytes=0-99")
            .send()
            .await;
        match got.map_err(|error| self.client.error(&error)) {
            Ok(answer) => {
                let bytes = answer.body.collect().await.map_err(|error| self.client.line(&error))?;
                Ok(Found::Bytes(bytes.to_vec()))
            }
            Err(error) if error.is_not_found() => Ok(Found::Nothing),
            Err(error) if error.is_refusal() => Ok(Found::Hidden),
            Err(error) => Err(error),
        }
    }

    async fn delete(&self, name: &str, version: Option<&str>, bypass: bool) -> Answer<()> {
        self.client
            .s3
            .delete_object()
            .bucket(&self.client.address.bucket)
            .key(self.key(name))
            .set_version_id(version.map(str::to_owned))
            .set_bypass_governance_retention(bypass.then_some(true))
            .send()
            .await
            .map(drop)
            .map_err(|error| self.client.error(&error))
    }

    async fn create_only(&self) -> Answer<Finding> {
        self.put("once", b"first", How::default()).await?;
        let second = unless_down(self.put("once", b"second", How::default()).await)?;
        let there = self.get("once", None).await?;
        Ok(match (second, there) {
            (_, Found::Hidden) => unseen(),
            (Err(_), there) if there.is(b"first") => {
                Finding::yes("a second put of a name is refused, and the first bytes stay")
            }
            (Ok(_), there) if there.is(b"first") => {
                Finding::no("a second put of a name is answered as done, though the first bytes stay")
            }
            _ => Finding::no("a second put of a name replaces the first"),
        })
    }

    async fn racing_writers(&self) -> Answer<Finding> {
        const BODIES: [&[u8]; WRITERS] = [b"0", b"1", b"2", b"3", b"4", b"5", b"6", b"7"];
        let mut running = JoinSet::new();
        for body in BODIES {
            let writer = Self { client: self.client.clone(), folder: self.folder.clone() };
            running.spawn(async move { (body, writer.put("raced", body, How::default()).await) });
        }
        let mut winners = Vec::new();
        let mut lost = None;
        while let Some(joined) = running.join_next().await {
            match joined.map_err(|error| self.client.strange(&error))? {
                (body, Ok(_)) => winners.push(body),
                (_, Err(error)) if error.is_conflict() || error.is_refusal() => {}
                (_, Err(error)) => lost = Some(error),
            }
        }
        // A writer that was not answered may have been the one.
        if let Some(error) = lost {
            return Err(error);
        }
        let there = self.get("raced", None).await?;
        Ok(match winners.as_slice() {
            [_] if there == Found::Hidden => unseen(),
            [winner] if there.is(winner) => Finding::yes(format!("of {WRITERS} writers of one name exactly one wins")),
            [_] => Finding::no("the object is not that of the one writer that was told so"),
            winners => {
                Finding::no(format!("of {WRITERS} writers of one name {} were told that they won", winners.len()))
            }
        })
    }

    async fn create_only_in_parts(&self) -> Answer<Finding> {
        self.put("parts", b"first", How::default()).await?;
        let ended = unless_down(self.upload_in_parts("parts").await)?;
        let there = self.get("parts", None).await?;
        Ok(match (ended, there) {
            (_, Found::Hidden) => unseen(),
            (Err(error), there) if there.is(b"first") && error.is_taken() => {
                Finding::yes("an upload in parts onto a name that is taken is refused")
            }
            (Err(error), there) if there.is(b"first") => {
                Finding::untested(format!("an upload in parts did not come to its end: {error}"))
            }
            (Ok(()), there) if there.is(b"first") => {
                Finding::no("an upload in parts is answered as done, though the first bytes stay")
            }
            _ => Finding::no("an upload in parts replaces what has the name"),
        })
    }

    async fn upload_in_parts(&self, name: &str) -> Answer<()> {
        let (s3, bucket, key) = (&self.client.s3, &self.client.address.bucket, self.key(name));
        let begun = s3.create_multipart_upload().bucket(bucket).key(&key).send().await;
        let upload = begun.map_err(|error| self.client.error(&error))?.upload_id.unwrap_or_default();
        let part = s3.upload_part().bucket(bucket).key(&key).upload_id(&upload).part_number(1);
        let ended = match part.body(b"second".to_vec().into()).send().await.map_err(|error| self.client.error(&error)) {
            Ok(part) => {
                let part = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build();
                let all = CompletedMultipartUpload::builder().parts(part).build();
                let end =
                    s3.complete_multipart_upload().bucket(bucket).key(&key).upload_id(&upload).multipart_upload(all);
                end.if_none_match("*").send().await.map(drop).map_err(|error| self.client.error(&error))
            }
            Err(error) => Err(error),
        };
        if ended.is_err() {
            let _ = s3.abort_multipart_upload().bucket(bucket).key(&key).upload_id(&upload).send().await;
        }
        ended
    }

    /// Versioning, the bucket's own lock, and whether this identity may delete.
    async fn versions(&self) -> Answer<(Finding, Finding, Finding)> {
        let first = self.put("loose", b"first", How::default()).await?;
        let replaced = unless_down(self.put("loose", b"second", How::replacing()).await)?;
        let old = match &first {
            Some(version) => self.get("loose", Some(version)).await?,
            None => Found::Nothing,
        };
        let versioning = match (&first, replaced, old) {
            (Some(_), Ok(Some(_)), Found::Hidden) => unseen(),
            (Some(first), Ok(Some(second)), old) if *first != second && old.is(b"first") => {
                Finding::yes("what an overwrite replaced can still be read by its version")
            }
            (_, Err(error), _) => Finding::untested(format!("the overwrite was refused: {error}")),
            _ => Finding::no("an overwrite destroys what it replaces; switch versioning on for the bucket"),
        };
        let locked = unless_down(lock::until(&self.client, &self.key("loose"), first.as_deref()).await)?;
        let default_lock = match &locked {
            Ok(Some(_)) => Finding::yes("the bucket locks each new object by itself"),
            Ok(None) => Finding::no("the bucket locks nothing by itself; Pulih sets each lock"),
            Err(error) => Finding::untested(format!("locks cannot be read: {error}")),
        };
        let cannot_delete = match unless_down(self.delete("loose", first.as_deref(), false).await)? {
            Ok(()) if self.get("loose", first.as_deref()).await? == Found::Nothing => Finding::no(
                "this identity may delete what is not locked; a role that only appends is better for an agent",
            ),
            // In a bucket without versions the name is gone, or it says so and it is not.
            Ok(()) => Finding::untested("a delete is answered as done, and the object is still there"),
            Err(_) if default_lock.held == Held::Yes => Finding::untested("the bucket's own lock refused the delete"),
            Err(error) if error.is_denied() => Finding::yes("this identity may not delete"),
            Err(error) => Finding::untested(format!("the delete failed otherwise: {error}")),
        };
        Ok((versioning, default_lock, cannot_delete))
    }

    /// Whether a lock holds, extends, and never shortens.
    async fn locks(&self, cannot_delete: &Finding) -> Answer<(Finding, Finding, Finding)> {
        let all = |finding: &dyn Fn() -> Finding| (finding(), finding(), finding());
        let until = self.client.now() + LOCK_SECONDS;
        let put = self.put("locked", b"locked", How { lock: Some(until), ..How::default() }).await;
        let version = match unless_down(put)? {
            Ok(version) => version,
            Err(error) if error.is_denied() => {
                return Ok(all(&|| Finding::untested(format!("this identity may not lock: {error}"))));
            }
            Err(error) => return Ok(all(&|| Finding::no(format!("a put with a lock is refused: {error}")))),
        };
        let key = self.key("locked");
        match unless_down(lock::until(&self.client, &key, version.as_deref()).await)? {
            Ok(Some(found)) if found >= until => {}
            Ok(_) => return Ok(all(&|| Finding::no("a put with a lock is answered as done, and there is no lock"))),
            Err(error) if error.is_denied() => {
                return Ok(all(&|| Finding::untested(format!("this identity may not read locks: {error}"))));
            }
            Err(error) => return Ok(all(&|| Finding::no(format!("locks cannot be read: {error}")))),
        }
        let longer = until + STEP_SECONDS;
        let extended = unless_down(lock::set(&self.client, &key, version.as_deref(), longer).await)?;
        let found = lock::until(&self.client, &key, version.as_deref()).await?;
        let extends = match extended {
            _ if found.is_some_and(|found| found >= longer) => Finding::yes("a lock can be extended"),
            Ok(()) => Finding::no("a longer lock is answered as done, and the lock is as it was"),
            Err(error) if error.is_denied() => {
                Finding::untested(format!("this identity may not extend a lock: {error}"))
            }
            Err(error) => Finding::no(format!("a lock cannot be extended: {error}")),
        };
        let shortens = self.shortens(&key, version.as_deref(), found, &extends).await?;
        let holds = self.holds(version.as_deref(), cannot_delete).await?;
        Ok((holds, extends, shortens))
    }

    async fn shortens(
        &self,
        key: &str,
        version: Option<&str>,
        before: Option<i64>,
        extends: &Finding,
    ) -> Answer<Finding> {
        let shorter = self.client.now() + LOCK_SECONDS / 2;
        // Whatever is answered, what counts is the lock that is there afterwards.
        let _ = unless_down(lock::set(&self.client, key, version, shorter).await)?;
        let weaker = ObjectLockRetention::builder()
            .mode(ObjectLockRetentionMode::Governance)
            .retain_until_date(DateTime::from_secs(shorter))
            .build();
        for bypass in [None, Some(true)] {
            let set = self.client.s3.put_object_retention().bucket(&self.client.address.bucket).key(key);
            let set = set.set_version_id(version.map(str::to_owned)).set_bypass_governance_retention(bypass);
            let weakened = set.retention(weaker.clone()).send().await.map_err(|error| self.client.error(&error));
            let _ = unless_down(weakened.map(drop))?;
        }
        let after = lock::until(&self.client, key, version).await?;
        Ok(match (before, after) {
            (Some(before), Some(after)) if after >= before && extends.held == Held::Untested => {
                Finding::untested("this identity may not change locks at all, so that nothing follows for others")
            }
            (Some(before), Some(after)) if after >= before => {
                Finding::yes("a lock can be neither shortened nor weakened")
            }
            _ => Finding::no("a lock can be shortened or weakened, and so holds nothing"),
        })
    }

    async fn holds(&self, version: Option<&str>, cannot_delete: &Finding) -> Answer<Finding> {
        for bypass in [false, true] {
            // The answer is not what counts, as above.
            let _ = unless_down(self.delete("locked", version, bypass).await)?;
        }
        let there = self.get("locked", version).await?;
        Ok(match there {
            Found::Hidden => unseen(),
            there if there.is(b"locked") && cannot_delete.held == Held::Yes => Finding::untested(
                "this identity may not delete at all, so that its lock was not what refused; probe once with one that may",
            ),
            there if there.is(b"locked") => {
                Finding::yes("a locked version cannot be deleted, nor with the right to bypass")
            }
            _ => Finding::no("a locked version was deleted"),
        })
    }

    async fn checksums(&self) -> Answer<Finding> {
        let how = How { checksum_of: Some(b"other bytes"), ..How::default() };
        Ok(match unless_down(self.put("checksum", b"bytes", how).await)? {
            Err(_) if self.get("checksum", None).await? == Found::Nothing => {
                Finding::yes("bytes that do not fit their checksum are refused")
            }
            Err(_) => Finding::no("bytes that do not fit their checksum are refused and stored all the same"),
            Ok(_) => {
                Finding::no("checksums are not looked at: only the hash in an object's name tells damage on the line")
            }
        })
    }
}

fn unseen() -> Finding {
    Finding::untested("this identity may not read what it would have to look at (s3:GetObject, s3:GetObjectVersion)")
}

/// What a server refuses is an answer; a line that broke is none.
fn unless_down<T>(answer: Answer<T>) -> Answer<Answer<T>> {
    match answer {
        Err(error) if !error.is_refusal() && !error.is_conflict() => Err(error),
        answer => Ok(answer),
    }
}

//! Reading: sizes, ranges, lists. What a server answers is held against what was asked.

use std::sync::Arc;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use pulih_vault::store::ObjectName;

use super::address::decoded;
use super::client::{Client, SILENCE, trying};
use super::error::S3Error;

/// Memory that is taken before the first bytes are here.
const FIRST_BYTES: usize = 4 << 20;

pub async fn size(client: &Client, key: &str) -> Result<u64, S3Error> {
    trying(|| async {
        let asked = client.s3.head_object().bucket(&client.address.bucket).key(key).send().await;
        let answer = asked.map_err(|error| client.error(&error))?;
        // Whatever Content-Encoding says: some servers repeat how the upload was cut.
        let size = answer.content_length.and_then(|length| u64::try_from(length).ok());
        size.ok_or_else(|| client.strange(&"no length"))
    })
    .await
}

/// Bytes `offset .. offset + len` of an object; `len` is not 0 and was bounded by the caller.
pub async fn range(client: &Client, key: &str, offset: u64, len: usize) -> Result<Vec<u8>, S3Error> {
    let out = trying(|| range_once(client, key, offset, len)).await;
    match out {
        Ok(out) if out.len() == len => Ok(out),
        Ok(_) => Err(S3Error::OutOfRange { size: size(client, key).await? }),
        Err(error) if error.is_no_range() => Err(S3Error::OutOfRange { size: size(client, key).await? }),
        Err(error) => Err(error),
    }
}

/// Fewer bytes than asked for if the object ends before.
async fn range_once(client: &Client, key: &str, offset: u64, len: usize) -> Result<Vec<u8>, S3Error> {
    let last = offset + len as u64 - 1;
    let asked =
        client.s3.get_object().bucket(&client.address.bucket).key(key).range(format!("bytes={offset}-{last}")).send();
    let mut answer = asked.await.map_err(|error| client.error(&error))?;
    // A server that does not know ranges sends the object from its beginning.
    match answer.content_range().map(beginning) {
        Some(begins) if begins != Some(offset) => return Err(client.strange(&"another range than was asked for")),
        None => return Err(client.strange(&"it does not send ranges of objects")),
        _ => {}
    }
    let promised = answer.content_length().and_then(|length| usize::try_from(length).ok());
    let mut out = Vec::with_capacity(len.min(FIRST_BYTES));
    while out.len() < len {
        let silent = tokio::time::timeout(SILENCE, answer.body.next()).await;
        match silent.map_err(|_| client.line(&"it stopped in the middle of an object"))? {
            Some(bytes) => {
                let bytes = bytes.map_err(|error| client.line(&error))?;
                out.extend_from_slice(&bytes[..bytes.len().min(len - out.len())]);
            }
            None if promised.is_some_and(|promised| out.len() < promised.min(len)) => {
                return Err(client.line(&"it ended in the middle of an object"));
            }
            None => break,
        }
    }
    Ok(out)
}

/// Where `bytes 5-9/20` begins.
fn beginning(text: &str) -> Option<u64> {
    text.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok()
}

/// A page of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    pub names: Vec<ObjectName>,
    /// What to ask for the next page with.
    pub next: Option<String>,
}

/// The page of objects below a folder, given without its slash, that `token` leads to; of the
/// whole store without a folder.
pub async fn page(client: Arc<Client>, folder: Option<ObjectName>, token: Option<String>) -> Result<Page, S3Error> {
    let root = client.address.root();
    let below = folder.map_or_else(|| root.clone(), |folder| format!("{root}{folder}/"));
    let ask = || async {
        let asked = client
            .s3
            .list_objects_v2()
            .bucket(&client.address.bucket)
            .prefix(&below)
            // So that a foreign key with odd characters cannot break the list's XML.
            .encoding_type(EncodingType::Url)
            .set_continuation_token(token.clone())
            .send()
            .await;
        asked.map_err(|error| client.error(&error))
    };
    let answer = trying(ask).await?;
    page_of(&answer, &root, &below, token.as_deref()).map_err(|why| client.strange(&why))
}

/// What a page says, if it is a page of what was asked for.
fn page_of(answer: &ListObjectsV2Output, root: &str, below: &str, asked: Option<&str>) -> Result<Page, &'static str> {
    let url = answer.encoding_type() == Some(&EncodingType::Url);
    let mut names = Vec::new();
    for object in answer.contents() {
        let key = object.key().ok_or("a list with an object without a key")?;
        let Some(key) = (if url { decoded(key) } else { Some(key.to_owned()) }) else { continue };
        if !key.starts_with(below) {
            return Err("a list of what was not asked for");
        }
        // What others put beside the store's objects is none of them.
        if let Some(name) = key.strip_prefix(root).and_then(|name| name.parse().ok()) {
            names.push(name);
        }
    }
    let next = match (answer.is_truncated().unwrap_or(false), answer.next_continuation_token()) {
        (false, _) => None,
        (true, None | Some("")) => return Err("a list that goes on and does not say where"),
        (true, Some(token)) if Some(token) == asked => return Err("a list that goes in circles"),
        (true, Some(token)) => Some(token.to_owned()),
    };
    Ok(Page { names, next })
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::Object;
    use proptest::prelude::*;

    use super::*;

    fn answer(keys: &[String], more: bool, token: Option<String>, url: bool) -> ListObjectsV2Output {
        let objects = keys.iter().map(|key| Object::builder().key(key).build()).collect();
        ListObjectsV2Output::builder()
            .set_contents(Some(objects))
            .is_truncated(more)
            .set_next_continuation_token(token)
            .set_encoding_type(url.then_some(EncodingType::Url))
            .build()
    }

    #[test]
    fn pages_are_believed_as_far_as_they_fit() {
        let of = |keys: &[&str], more, token: Option<&str>| {
            let keys: Vec<_> = keys.iter().map(|&key| key.to_owned()).collect();
            page_of(&answer(&keys, more, token.map(str::to_owned), true), "p/", "p/a/", Some("t1"))
        };
        let page = of(&["p/a/1", "p/a%2F2", "p/a/Foreign", "p/a/%00", "p/a/"], true, Some("t2")).unwrap();
        assert_eq!(page.names, ["a/1".parse().unwrap(), "a/2".parse().unwrap()]);
        assert_eq!(page.next.as_deref(), Some("t2"));
        assert!(of(&["q/a/1"], false, None).is_err());
        assert!(of(&["p/a/../b"], false, None).unwrap().names.is_empty());
        assert!(of(&[], true, None).is_err() && of(&[], true, Some("t1")).is_err() && of(&[], true, Some("")).is_err());
        assert_eq!(of(&[], false, Some("t1")), Ok(Page { names: vec![], next: None }));
    }

    #[test]
    fn ranges_say_where_they_begin() {
        assert_eq!(beginning("bytes 5-9/20"), Some(5));
        assert!(["", "bytes */20", "bytes x-9/20", "5-9/20"].iter().all(|text| beginning(text).is_none()));
    }

    proptest! {
        #[test]
        fn whatever_a_list_says_names_stay_below_the_folder(
            keys in proptest::collection::vec("(p/a/)?[a-zA-Z0-9./%_-]{0,40}", 0..20),
            more: bool, url: bool, token in proptest::option::of("[a-z0-9]{0,4}"),
        ) {
            if let Ok(page) = page_of(&answer(&keys, more, token, url), "p/", "p/a/", Some("ab")) {
                prop_assert!(page.names.iter().all(|name| name.as_str().starts_with("a/")));
                prop_assert!(page.names.len() <= keys.len());
                prop_assert_eq!(page.next.is_some(), more);
            }
        }
    }
}

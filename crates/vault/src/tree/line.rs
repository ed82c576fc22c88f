//! An entry's line of JSON: the fields of `docs/format.md`, section 8, in their order, and the
//! checks that make an [`Entry`] of them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::entry::{Content, Entry, HardLink, Kind, MAX_INLINE_CHUNKS, MAX_LIST_DEPTH, Note, Timestamp};
use super::name::{escape, is_safe_path, unescape};
use crate::error::Malformed;
use crate::id::ChunkId;

impl Serialize for ChunkId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0u8; 32];
        let len = BASE64.encode_slice(self.0, &mut text).unwrap_or(0);
        serializer.serialize_str(std::str::from_utf8(&text[..len]).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for ChunkId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let bytes = BASE64.decode(text.as_bytes()).map_err(D::Error::custom)?;
        let bytes = bytes.try_into().map_err(|_| D::Error::custom("a chunk id is not 24 bytes"))?;
        Ok(Self(bytes))
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    mode: Cow<'a, str>,
    uid: u32,
    gid: u32,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    user: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    group: Option<Cow<'a, str>>,
    #[serde(borrow)]
    mtime: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    chunks: Vec<ChunkId>,
    #[serde(default, skip_serializing_if = "is_default")]
    depth: u8,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    holes: Vec<(u64, u64)>,
    #[serde(default, skip_serializing_if = "is_default")]
    sparse: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    target: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rdev: Option<(u32, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    links: Option<(u64, u64, u64)>,
    #[serde(borrow, default, skip_serializing_if = "BTreeMap::is_empty")]
    xattrs: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<Note>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    unread: Option<Cow<'a, str>>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl<'a> From<&'a Entry> for Line<'a> {
    fn from(entry: &'a Entry) -> Self {
        let content = entry.content();
        let (kind, target, rdev) = match &entry.kind {
            Kind::File(_) => ("file", None, None),
            Kind::Dir => ("dir", None, None),
            Kind::Link { target } => ("link", Some(escape(target).into()), None),
            Kind::Fifo => ("fifo", None, None),
            Kind::Char { major, minor } => ("char", None, Some((*major, *minor))),
            Kind::Block { major, minor } => ("block", None, Some((*major, *minor))),
            Kind::Socket => ("socket", None, None),
        };
        Self {
            path: escape(&entry.path).into(),
            kind: kind.into(),
            mode: format!("{:04o}", entry.mode).into(),
            uid: entry.uid,
            gid: entry.gid,
            user: entry.user.as_deref().map(Into::into),
            group: entry.group.as_deref().map(Into::into),
            mtime: format!("{}.{:09}", entry.mtime.seconds, entry.mtime.nanoseconds).into(),
            size: content.map(|c| c.size),
            chunks: content.map_or_else(Vec::new, |c| c.chunks.clone()),
            depth: content.map_or(0, |c| c.depth),
            holes: content.map_or_else(Vec::new, |c| c.holes.clone()),
            sparse: content.is_some_and(|c| c.sparse),
            target,
            rdev,
            links: entry.links.map(|l| (l.device, l.inode, l.count)),
            xattrs: entry
                .xattrs
                .iter()
                .map(|(name, value)| (escape(name).into(), BASE64.encode(value).into()))
                .collect(),
            note: entry.note,
            unread: content.and_then(|c| c.unread.as_deref()).map(Into::into),
        }
    }
}

fn bad(why: impl Into<String>) -> Malformed {
    Malformed::new("entry", why)
}

impl Line<'_> {
    pub(super) fn into_entry(self) -> Result<Entry, Malformed> {
        let path = unescape(&self.path)
            .filter(|path| is_safe_path(path))
            .ok_or_else(|| bad(format!("{:?} is not a path inside a snapshot", self.path)))?;
        let mode = u32::from_str_radix(&self.mode, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777)
            .ok_or_else(|| bad(format!("{:?} are not permission bits", self.mode)))?;
        let links = self.links.map(|(device, inode, count)| HardLink { device, inode, count });
        let mtime = timestamp(&self.mtime)?;
        let xattrs = self.xattrs()?;
        let is_file = self.kind == "file";
        if !is_file && (self.size.is_some() || !self.chunks.is_empty() || self.unread.is_some()) {
            return Err(bad(format!("{:?} has content but is no file", self.path)));
        }
        if self.rdev.is_some() != matches!(&*self.kind, "char" | "block")
            || self.target.is_some() != (self.kind == "link")
        {
            return Err(bad(format!("{:?} does not have the fields of its type", self.path)));
        }
        let (user, group) = (self.user.clone(), self.group.clone());
        Ok(Entry {
            path,
            mode,
            uid: self.uid,
            gid: self.gid,
            user: user.map(Cow::into_owned),
            group: group.map(Cow::into_owned),
            mtime,
            links,
            xattrs,
            note: self.note,
            kind: self.kind()?,
        })
    }

    fn kind(self) -> Result<Kind, Malformed> {
        let (major, minor) = self.rdev.unwrap_or_default();
        Ok(match &*self.kind {
            "file" => Kind::File(self.content()?),
            "dir" => Kind::Dir,
            "link" => Kind::Link {
                target: self
                    .target
                    .and_then(|target| unescape(&target))
                    .filter(|target| !target.is_empty() && target.len() < 4096 && !target.contains(&0))
                    .ok_or_else(|| bad("a link's target is not one"))?,
            },
            "fifo" => Kind::Fifo,
            "char" => Kind::Char { major, minor },
            "block" => Kind::Block { major, minor },
            "socket" => Kind::Socket,
            other => return Err(bad(format!("type {other:?} is not known"))),
        })
    }

    fn content(self) -> Result<Content, Malformed> {
        let size = self.size.ok_or_else(|| bad("a file has no size"))?;
        if self.chunks.len() > MAX_INLINE_CHUNKS || self.depth > MAX_LIST_DEPTH {
            return Err(bad("a file has too many chunks in its line"));
        }
        let mut end = 0;
        let mut hole_bytes = 0;
        for &(offset, len) in &self.holes {
            // Apart, not only ascending: two holes that touch would be one.
            let after = offset.checked_add(len).filter(|&after| len > 0 && after <= size);
            match after {
                Some(after) if end == 0 && offset == 0 || offset > end => end = after,
                _ => return Err(bad("a file's holes are not in order or not inside it")),
            }
            hole_bytes += len;
        }
        let has_data = hole_bytes < size;
        if self.unread.is_some() && !self.chunks.is_empty()
            || self.unread.is_none() && has_data == self.chunks.is_empty()
        {
            return Err(bad("a file's chunks do not fit its size"));
        }
        Ok(Content {
            size,
            chunks: self.chunks,
            depth: self.depth,
            holes: self.holes,
            sparse: self.sparse,
            unread: self.unread.map(Cow::into_owned),
        })
    }

    fn xattrs(&self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Malformed> {
        let one = |(name, value): (&Cow<str>, &Cow<str>)| {
            let name = unescape(name).filter(|n| !n.is_empty() && n.len() <= 255 && !n.contains(&0))?;
            Some((name, BASE64.decode(value.as_bytes()).ok()?))
        };
        self.xattrs.iter().map(|attr| one(attr).ok_or_else(|| bad("an extended attribute is not one"))).collect()
    }
}

fn timestamp(text: &str) -> Result<Timestamp, Malformed> {
    let parse = || {
        let (seconds, fraction) = text.split_once('.')?;
        if fraction.len() != 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(Timestamp { seconds: seconds.parse().ok()?, nanoseconds: fraction.parse().ok()? })
    };
    parse().ok_or_else(|| bad(format!("{text:?} is not a time")))
}

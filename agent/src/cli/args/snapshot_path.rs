//! How a snapshot, and a path in it, are named.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use pulih_vault::tree::name::is_safe_path;

/// `SNAPSHOT` or `SNAPSHOT:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPath {
    pub snapshot: String,
    /// Relative, as entries have it: without slashes around it. `None`: all of the snapshot.
    pub path: Option<Vec<u8>>,
}

impl SnapshotPath {
    pub fn parse(text: &OsStr) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let (snapshot, path) = match bytes.iter().position(|&b| b == b':') {
            Some(colon) => (&bytes[..colon], Some(&bytes[colon + 1..])),
            None => (bytes, None),
        };
        let path = path.map(|path| {
            let from = path.iter().position(|&b| b != b'/').unwrap_or(path.len());
            let to = path.iter().rposition(|&b| b != b'/').map_or(from, |last| last + 1);
            path[from..to].to_vec()
        });
        let path = path.filter(|path| !path.is_empty());
        if path.as_deref().is_some_and(|path| !is_safe_path(path)) {
            return Err("the path has an empty part, or `.` or `..` in it".to_owned());
        }
        match std::str::from_utf8(snapshot) {
            Ok(snapshot) if !snapshot.is_empty() => Ok(Self { snapshot: snapshot.to_owned(), path }),
            _ => Err("a snapshot is an id, a unique prefix of one, or `latest`".to_owned()),
        }
    }

    pub fn parse_with_path(text: &OsStr) -> Result<Self, String> {
        Self::parse(text).and_then(|it| match it.path {
            Some(_) => Ok(it),
            None => Err("give the file's path too: SNAPSHOT:PATH".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_may_have_a_path() {
        let parse = |text: &str| SnapshotPath::parse(text.as_ref());
        let path = |text: &str| parse(text).unwrap().path.map(|path| String::from_utf8(path).unwrap());
        assert_eq!(parse("latest").unwrap().snapshot, "latest");
        assert_eq!(path("latest:"), None);
        assert_eq!(path("latest:/"), None);
        assert_eq!(path("latest:/srv/data/"), Some("srv/data".into()));
        assert_eq!(path("ab12:a:b"), Some("a:b".into()));
        for bad in ["", ":path", "latest:a/../b", "latest:a//b"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(SnapshotPath::parse_with_path("latest".as_ref()).is_err());
    }
}

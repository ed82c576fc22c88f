//! What the user named, as a plan: the folders to be read whole, and those on the way to them of
//! which only the way is kept. Each path of the snapshot comes from one place on disk.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, statat};

use super::error::SourceError;
use super::stat::Stat;

/// A folder on the way to a root, or a root.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub is_root: bool,
    pub children: BTreeMap<CString, Arc<Node>>,
}

/// What of a folder is to be read.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// All of it; the device is that of its root.
    pub whole: Option<u64>,
    /// Roots named below it.
    pub node: Option<Arc<Node>>,
}

/// A part of the snapshot's uppermost level.
pub(super) struct Top {
    pub fd: OwnedFd,
    pub scope: Scope,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Current,
    Root,
}

/// The uppermost level in order: more than one part if paths of the current folder alternate
/// with absolute ones.
pub(super) fn plan(roots: &[PathBuf]) -> Result<Vec<Top>, SourceError> {
    if roots.is_empty() {
        return Err(SourceError::NoRoots);
    }
    let current = std::env::current_dir().map_err(SourceError::CurrentFolder)?;
    let (mut relative, mut absolute) = (Node::default(), Node::default());
    for root in roots {
        let failed = |error| SourceError::Root { path: root.clone(), error };
        statat(CWD, root, AtFlags::SYMLINK_NOFOLLOW).map_err(|e| failed(e.into()))?;
        let (base, names) = resolve(root, &current).map_err(failed)?;
        let top = if base == Base::Root { &mut absolute } else { &mut relative };
        let mut node = top;
        for name in names {
            node = Arc::make_mut(node.children.entry(name).or_default());
        }
        node.is_root = true;
    }
    check_apart(&relative, &absolute)?;
    merge(relative, absolute).into_iter().map(|(base, node)| open(base, node)).collect()
}

/// The path in the snapshot, and below what on disk it is. As `..` is resolved by the names
/// alone, the path in the snapshot is the one that the user sees.
fn resolve(root: &Path, current: &Path) -> io::Result<(Base, Vec<CString>)> {
    let up = root.components().any(|part| part == Component::ParentDir);
    let (base, root) = if root.is_absolute() || up || current == Path::new("/") {
        (Base::Root, current.join(root))
    } else {
        (Base::Current, root.to_owned())
    };
    let mut names: Vec<CString> = Vec::new();
    for part in root.components() {
        match part {
            Component::Normal(name) => names.push(CString::new(name.as_bytes())?),
            Component::ParentDir => drop(names.pop()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    Ok((base, names))
}

fn check_apart(relative: &Node, absolute: &Node) -> Result<(), SourceError> {
    let used = |node: &Node| node.is_root || !node.children.is_empty();
    if !used(relative) || !used(absolute) {
        return Ok(());
    }
    let shared = relative.children.keys().find(|name| absolute.children.contains_key(*name));
    let text = |name: &CString| name.to_string_lossy().into_owned();
    let conflict = match shared {
        Some(name) => (text(name), text(name)),
        None if relative.is_root => (".".to_owned(), absolute.children.keys().next().map(text).unwrap_or_default()),
        None if absolute.is_root => (relative.children.keys().next().map(text).unwrap_or_default(), String::new()),
        None => return Ok(()),
    };
    Err(SourceError::Conflict { relative: conflict.0, absolute: conflict.1 })
}

fn merge(relative: Node, absolute: Node) -> Vec<(Base, Node)> {
    if relative.is_root {
        return vec![(Base::Current, relative)];
    }
    if absolute.is_root {
        return vec![(Base::Root, absolute)];
    }
    let mut children: BTreeMap<_, _> =
        relative.children.into_iter().map(|(name, node)| (name, (Base::Current, node))).collect();
    children.extend(absolute.children.into_iter().map(|(name, node)| (name, (Base::Root, node))));
    let mut tops: Vec<(Base, Node)> = Vec::new();
    for (name, (base, node)) in children {
        match tops.last_mut() {
            Some((last, top)) if *last == base => drop(top.children.insert(name, node)),
            _ => {
                let children = BTreeMap::from([(name, node)]);
                tops.push((base, Node { is_root: false, children }));
            }
        }
    }
    tops
}

fn open(base: Base, node: Node) -> Result<Top, SourceError> {
    let path = if base == Base::Root { "/" } else { "." };
    let failed = |error: rustix::io::Errno| SourceError::Root { path: OsStr::new(path).into(), error: error.into() };
    // Of a folder on the way nothing is read, so that it needs no permission for that.
    let access = if node.is_root { OFlags::RDONLY } else { OFlags::PATH };
    let flags = access | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = openat(CWD, path, flags, Mode::empty()).map_err(failed)?;
    let device = Stat::from(rustix::fs::fstat(&fd).map_err(failed)?).device;
    let whole = node.is_root.then_some(device);
    Ok(Top { fd, scope: Scope { whole, node: Some(Arc::new(node)) } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(root: &str) -> (bool, String) {
        let (base, names) = resolve(Path::new(root), Path::new("/srv/office")).unwrap();
        let names: Vec<_> = names.iter().map(|n| n.to_str().unwrap()).collect();
        (base == Base::Root, names.join("/"))
    }

    #[test]
    fn paths_are_kept_as_they_were_named() {
        for (root, absolute, path) in [
            ("docs", false, "docs"),
            ("./docs//a/", false, "docs/a"),
            (".", false, ""),
            ("docs/../x", true, "srv/office/x"),
            ("..", true, "srv"),
            ("../../../..", true, ""),
            ("/", true, ""),
            ("/usr/./share/../lib", true, "usr/lib"),
        ] {
            assert_eq!(shown(root), (absolute, path.to_owned()), "{root}");
        }
    }
}

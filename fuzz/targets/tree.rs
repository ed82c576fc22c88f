//! Nodes, entries, chunk lists and names from arbitrary bytes.
#![no_main]

use std::cmp::Ordering;
use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use pulih_vault::tree::entry::{Entry, MAX_INLINE_CHUNKS};
use pulih_vault::tree::list;
use pulih_vault::tree::name::{compare, escape, is_safe_path, unescape};
use pulih_vault::tree::node::{Child, MAX_NODE_BYTES, Node};

/// A path from a vault goes below the target that it is joined to, and nowhere else.
fn check_path(path: &[u8]) {
    use std::os::unix::ffi::OsStrExt as _;
    assert!(is_safe_path(path));
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
    assert!(path.components().count() > 0);
}

fn check_entry(entry: &Entry) {
    check_path(&entry.path);
    assert!(entry.mode <= 0o7777 && entry.mtime.nanoseconds < 1_000_000_000);
    if let Some(content) = entry.content() {
        assert!(content.chunks.len() <= MAX_INLINE_CHUNKS);
        let mut end = 0;
        for &(offset, len) in &content.holes {
            assert!(len > 0 && offset >= end);
            end = offset + len;
        }
        assert!(end <= content.size);
    }
    assert_eq!(Entry::from_line(&entry.to_line()).as_ref(), Ok(entry));
}

fn paths(node: &Node) -> Vec<Vec<u8>> {
    match node {
        Node::Leaf(entries) => entries.iter().map(|entry| entry.path.clone()).collect(),
        Node::Inner(children) => children.iter().map(|child| child.first.clone()).collect(),
    }
}

fn check_node(data: &[u8], level: u8) {
    let Ok(node) = Node::parse(data, level, None, None) else { return };
    let paths = paths(&node);
    assert!(paths.windows(2).all(|pair| compare(&pair[0], &pair[1]) == Ordering::Less));
    let bytes: Vec<u8> = match &node {
        Node::Leaf(entries) => entries.iter().inspect(|entry| check_entry(entry)).flat_map(Entry::to_line).collect(),
        Node::Inner(children) => {
            children.iter().for_each(|child| check_path(&child.first));
            children.iter().flat_map(Child::to_line).collect()
        }
    };
    let (first, last) = (&paths[0], &paths[paths.len() - 1]);
    assert!(Node::parse(data, level, Some(first), None).is_ok());
    assert!(Node::parse(data, level, Some(b"\0"), None).is_err());
    assert!(Node::parse(data, level, None, Some(last)).is_err());
    if bytes.len() <= MAX_NODE_BYTES {
        assert_eq!(Node::parse(&bytes, level, None, None), Ok(node));
    }
}

fuzz_target!(|data: &[u8]| {
    check_node(data, 0);
    check_node(data, 1);
    if let Ok(entry) = Entry::from_line(data) {
        check_entry(&entry);
    }
    if let Ok(ids) = list::parse(data) {
        assert_eq!(ids.as_flattened(), data);
    }
    let text = escape(data);
    assert_eq!(unescape(&text).as_deref(), Some(data));
    if let Some(bytes) = std::str::from_utf8(data).ok().and_then(unescape) {
        assert_eq!(escape(&bytes).as_bytes(), data);
    }
    let (a, b) = data.split_at(data.len() / 2);
    assert_eq!(compare(a, b), compare(b, a).reverse());
    assert_eq!(compare(a, b) == Ordering::Equal, a == b);
});

//! Vectors of the tree: an entry of each type as its line, lines that are refused, inner nodes.

use std::collections::BTreeMap;

use pulih_vault::tree::entry::{Content, Entry, HardLink, Kind, Note, Timestamp};
use pulih_vault::tree::node::{Child, Node};
use serde_json::{Value, json};

use crate::fixture::{check, hex, some_id};

fn entry(path: &[u8], mode: u32, kind: Kind) -> Entry {
    Entry {
        path: path.to_vec(),
        kind,
        mode,
        uid: 0,
        gid: 0,
        user: None,
        group: None,
        mtime: Timestamp { seconds: 1_790_000_000, nanoseconds: 5 },
        links: None,
        xattrs: BTreeMap::new(),
        note: None,
    }
}

fn file(path: &[u8], content: Content) -> Entry {
    entry(path, 0o644, Kind::File(content))
}

/// One of each, in the order of a walk.
pub fn entries() -> Vec<Entry> {
    let one = vec![some_id(1)];
    let mut all = vec![
        entry(b"dir", 0o2755, Kind::Dir),
        entry(b"dir/block", 0o660, Kind::Block { major: 8, minor: 1 }),
        entry(b"dir/char", 0o620, Kind::Char { major: 4095, minor: 1_048_575 }),
        file(b"dir/empty", Content::default()),
        entry(b"dir/fifo", 0o600, Kind::Fifo),
        file(b"dir/hole", Content { size: 1 << 40, holes: vec![(0, 1 << 40)], ..Content::default() }),
        entry(b"dir/link", 0o777, Kind::Link { target: b"../a\\b\xff".to_vec() }),
        file(
            b"dir/list",
            Content { size: 1 << 30, chunks: vec![some_id(2), some_id(3)], depth: 2, ..Content::default() },
        ),
        file(b"dir/plain", Content { size: 70_000, chunks: one.clone(), ..Content::default() }),
        file(
            b"dir/sparse",
            Content {
                size: 9000,
                chunks: one.clone(),
                holes: vec![(0, 4096), (8192, 800)],
                sparse: true,
                ..Content::default()
            },
        ),
        entry(b"dir/unread", 0o644, Kind::File(Content { size: 5, unread: Some("EIO".into()), ..Content::default() })),
        entry(b"dir-1/socket", 0o755, Kind::Socket),
        file("dir-1/\u{e9}\"\n\\ \u{fe}".as_bytes(), Content { size: 1, chunks: one.clone(), ..Content::default() }),
        file(b"dir-1/\xff\xfe", Content { size: 1, chunks: one, ..Content::default() }),
    ];
    let full = &mut all[8];
    full.uid = u32::MAX - 1;
    full.gid = 100;
    full.user = Some("nobody".into());
    full.group = Some("users".into());
    full.mtime = Timestamp { seconds: -1, nanoseconds: 999_999_999 };
    full.links = Some(HardLink { device: 64_768, inode: u64::MAX, count: 2 });
    full.note = Some(Note::Changed);
    full.xattrs = [(b"user.a\xff".to_vec(), vec![0, 255]), (b"security.capability".to_vec(), vec![])].into();
    all[9].note = Some(Note::Shrank);
    all
}

/// A line is what a reader gets; beside it stand the bytes that its names are.
fn case(entry: &Entry) -> Value {
    let line = entry.to_line();
    assert_eq!(Entry::from_line(&line).as_ref(), Ok(entry));
    let mut case = json!({
        "line": std::str::from_utf8(&line).unwrap(),
        "path": hex(&entry.path),
        "mode": entry.mode,
        "mtime": [entry.mtime.seconds, entry.mtime.nanoseconds],
    });
    if let Kind::Link { target } = &entry.kind {
        case["target"] = hex(target).into();
    }
    if let Some(content) = entry.content() {
        case["chunks"] = content.chunks.iter().map(|id| hex(&id.0)).collect();
    }
    if !entry.xattrs.is_empty() {
        case["xattrs"] = entry.xattrs.iter().map(|(name, value)| (hex(name), Value::from(hex(value)))).collect();
    }
    case
}

const REFUSED: [(&str, &str); 16] = [
    (
        "a path out of the snapshot",
        r#"{"path":"../x","type":"dir","mode":"0755","uid":0,"gid":0,"mtime":"0.000000000"}"#,
    ),
    ("an absolute path", r#"{"path":"/x","type":"dir","mode":"0755","uid":0,"gid":0,"mtime":"0.000000000"}"#),
    ("an empty part", r#"{"path":"a//b","type":"dir","mode":"0755","uid":0,"gid":0,"mtime":"0.000000000"}"#),
    ("a second spelling", r#"{"path":"\\x41","type":"dir","mode":"0755","uid":0,"gid":0,"mtime":"0.000000000"}"#),
    ("a NUL", r#"{"path":"a\u0000","type":"dir","mode":"0755","uid":0,"gid":0,"mtime":"0.000000000"}"#),
    ("an unknown type", r#"{"path":"a","type":"door","mode":"0755","uid":0,"gid":0,"mtime":"0.000000000"}"#),
    ("a fraction of three digits", r#"{"path":"a","type":"dir","mode":"0755","uid":0,"gid":0,"mtime":"0.000"}"#),
    ("a mode that is not octal", r#"{"path":"a","type":"dir","mode":"0789","uid":0,"gid":0,"mtime":"0.000000000"}"#),
    (
        "a link to nothing",
        r#"{"path":"a","type":"link","mode":"0777","uid":0,"gid":0,"mtime":"0.000000000","target":""}"#,
    ),
    ("a device without numbers", r#"{"path":"a","type":"char","mode":"0777","uid":0,"gid":0,"mtime":"0.000000000"}"#),
    (
        "an id of 23 bytes",
        r#"{"path":"a","type":"file","mode":"0644","uid":0,"gid":0,"mtime":"0.000000000","size":1,"chunks":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]}"#,
    ),
    (
        "lists five deep",
        r#"{"path":"a","type":"file","mode":"0644","uid":0,"gid":0,"mtime":"0.000000000","size":1,"chunks":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],"depth":5}"#,
    ),
    (
        "holes that overlap",
        r#"{"path":"a","type":"file","mode":"0644","uid":0,"gid":0,"mtime":"0.000000000","size":9,"chunks":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],"holes":[[0,4],[3,2]]}"#,
    ),
    (
        "a hole past the end",
        r#"{"path":"a","type":"file","mode":"0644","uid":0,"gid":0,"mtime":"0.000000000","size":9,"chunks":["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],"holes":[[8,2]]}"#,
    ),
    ("a field twice", r#"{"path":"a","path":"b","type":"dir","mode":"0755","uid":0,"gid":0,"mtime":"0.000000000"}"#),
    ("no path", r#"{"type":"dir","mode":"0755","uid":0,"gid":0,"mtime":"0.000000000"}"#),
];

#[test]
fn entry_lines() {
    let mut cases: Vec<_> = entries().iter().map(case).collect();
    for (why, line) in REFUSED {
        assert!(Entry::from_line(line.as_bytes()).is_err(), "{why}");
        cases.push(json!({"refused": format!("{line}\n"), "why": why}));
    }
    let about = "Entries of section 8: `line` as a writer writes it, and in hexadecimal the bytes that are in it. The \
        lines, in this order, are a leaf.";
    check("entry", about, cases);
}

pub fn leaf() -> Vec<u8> {
    entries().iter().flat_map(Entry::to_line).collect()
}

pub fn children() -> Vec<Child> {
    let child = |first: &[u8], number, entries| Child { first: first.to_vec(), node: some_id(number), entries };
    vec![child(b"dir", 1, 11), child(b"dir-1/socket", 2, 2), child(b"dir-1/\xff\xfe", 3, 1 << 40)]
}

#[test]
fn nodes() {
    let read = Node::parse(&leaf(), 0, Some(b"dir"), None).unwrap();
    assert_eq!(read, Node::Leaf(entries()));
    let inner: Vec<u8> = children().iter().flat_map(Child::to_line).collect();
    assert_eq!(Node::parse(&inner, 1, Some(b"dir"), None).unwrap(), Node::Inner(children()));
    let listed: Value = children()
        .iter()
        .map(|child| json!({"first": hex(&child.first), "node": hex(&child.node.0), "entries": child.entries}))
        .collect();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut cases = vec![json!({"level": 1, "node": text(&inner), "children": listed})];
    let dir = |path: &str| text(&entry(path.as_bytes(), 0o755, Kind::Dir).to_line());
    let refused = [
        ("paths in the order of bytes, not of a walk", dir("a") + &dir("a-b") + &dir("a/b")),
        ("a path twice", dir("a") + &dir("a")),
        ("no newline at its end", dir("a").trim_end().to_owned()),
        ("an empty line", dir("a") + "\n" + &dir("b")),
        ("nothing", String::new()),
    ];
    for (why, node) in refused {
        assert!(Node::parse(node.as_bytes(), 0, None, None).is_err(), "{why}");
        cases.push(json!({"level": 0, "refused": node, "why": why}));
    }
    check("node", "Nodes of section 8: an inner one and what it holds, and leaves that are refused.", cases);
}

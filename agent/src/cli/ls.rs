//! `ls`: the entries of a snapshot, one on a line, as they are read.

use std::io::Write;

use pulih_vault::tree::entry::{Entry, Kind, Note};
use pulih_vault::tree::name::escape;
use serde::Serialize;
use serde_json::{Map, Value};

use super::args::Ls;
use super::failure::{Failure, Outcome};
use super::output::{Out, printable};
use super::{Context, open};
use pulih_vault::utc;

/// How entries are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Paths,
    Long,
    Json,
}

pub fn run(context: &mut Context, args: &Ls) -> Result<Outcome, Failure> {
    let snapshot =
        open::open(context, &args.identity.identity, args.dataset.dataset.as_ref(), &args.snapshot.snapshot)?;
    let style = match (context.global.json, args.long) {
        (true, _) => Style::Json,
        (_, true) => Style::Long,
        _ => Style::Paths,
    };
    let Context { out, stop, .. } = context;
    if style == Style::Json {
        out.json(&snapshot.head())?;
    }
    let below = args.snapshot.path.as_deref();
    let seen = snapshot.walk(below, stop, &mut |entry| show(out, entry, style))?;
    match below {
        Some(path) if seen == 0 => Err(snapshot.not_found(path)),
        _ => Ok(Outcome::Done),
    }
}

/// Prints one entry.
pub fn show<W: Write>(out: &mut Out<W>, entry: &Entry, style: Style) -> Result<(), Failure> {
    match style {
        Style::Paths => out.line(&format!("{}{}", path(&entry.path), remark(entry))),
        Style::Long => out.line(&long(entry)),
        Style::Json => out.json(&Line::new(entry)?),
    }
}

/// A path for people: every byte can be told, and none drives their terminal.
pub fn path(path: &[u8]) -> String {
    printable(&escape(path))
}

/// What went wrong with an entry when it was saved.
fn remark(entry: &Entry) -> String {
    let noted = match entry.note {
        Some(Note::Changed) => "  (changed while it was read)",
        Some(Note::Shrank) => "  (shrank while it was read)",
        None => "",
    };
    match entry.content().and_then(|content| content.unread.as_deref()) {
        Some(why) => format!("{noted}  (could not be read: {})", printable(why)),
        None => noted.to_owned(),
    }
}

/// Columns are as wide as is usual: to know how wide they must be, all would have to be read.
fn long(entry: &Entry) -> String {
    let owner = |name: Option<&str>, number: u32| name.map_or_else(|| number.to_string(), printable);
    let (target, size) = match &entry.kind {
        Kind::File(content) => (String::new(), content.size.to_string()),
        Kind::Link { target } => (format!(" -> {}", path(target)), target.len().to_string()),
        Kind::Char { major, minor } | Kind::Block { major, minor } => (String::new(), format!("{major}, {minor}")),
        Kind::Dir | Kind::Fifo | Kind::Socket => (String::new(), "-".to_owned()),
    };
    format!(
        "{} {:<8} {:<8} {size:>12} {} {}{target}{}",
        mode(entry),
        owner(entry.user.as_deref(), entry.uid),
        owner(entry.group.as_deref(), entry.gid),
        utc::human(entry.mtime.seconds),
        path(&entry.path),
        remark(entry),
    )
}

/// `-rw-r--r--`.
fn mode(entry: &Entry) -> String {
    let mut text = String::with_capacity(10);
    text.push(match entry.kind {
        Kind::File(_) => '-',
        Kind::Dir => 'd',
        Kind::Link { .. } => 'l',
        Kind::Fifo => 'p',
        Kind::Char { .. } => 'c',
        Kind::Block { .. } => 'b',
        Kind::Socket => 's',
    });
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = entry.mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (entry.mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

#[derive(Serialize)]
struct Line {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl Line {
    /// The fields that an entry has in the vault, without where its content is. What it is
    /// called `type` there is `kind` here, since every line has a `type` of its own.
    fn new(entry: &Entry) -> Result<Self, Failure> {
        let mut fields: Map<String, Value> =
            serde_json::from_slice(&entry.to_line()).map_err(|error| Failure::Output(error.into()))?;
        for field in ["chunks", "depth", "holes"] {
            fields.remove(field);
        }
        if let Some(kind) = fields.remove("type") {
            fields.insert("kind".to_owned(), kind);
        }
        Ok(Self { kind: "pulih/entry/v1", fields })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulih_vault::tree::entry::{Content, Timestamp};

    fn entry(kind: Kind, mode: u32) -> Entry {
        Entry {
            path: b"a\n\xff".to_vec(),
            kind,
            mode,
            uid: 7,
            gid: 8,
            user: Some("siti".into()),
            group: None,
            mtime: Timestamp::default(),
            links: None,
            xattrs: std::collections::BTreeMap::new(),
            note: Some(Note::Changed),
        }
    }

    #[test]
    fn long_lines_are_like_those_of_ls() {
        let file = entry(Kind::File(Content { size: 12, ..Content::default() }), 0o4755);
        assert_eq!(
            long(&file),
            "-rwsr-xr-x siti     8                  12 1970-01-01 00:00:00Z a\\u{a}\\xff  (changed while it was read)"
        );
        let link = entry(Kind::Link { target: b"b\x1b".to_vec() }, 0o777);
        assert!(long(&link).contains(" -> b\\u{1b}"), "{}", long(&link));
        assert_eq!(mode(&entry(Kind::Dir, 0o1776)), "drwxrwxrwT");
    }
}

//! `diff`: what differs between two snapshots, path by path. What both share is not read.

use pulih_vault::reader::diff::{Change, Diff as Changes};
use pulih_vault::reader::walk::ChunkCursor;
use pulih_vault::tree::entry::{Content, Entry, Kind};
use pulih_vault::tree::name::escape;
use serde::Serialize;

use super::args::Diff as Args;
use super::failure::{Failure, Outcome};
use super::output::{count, size};
use super::snapshots::Snapshot;
use super::{Context, ls, open};

#[derive(Serialize)]
struct Head {
    #[serde(rename = "type")]
    kind: &'static str,
    vault: String,
    verified: bool,
    from: Snapshot,
    to: Snapshot,
}

/// What became of a path, the greatest difference of those it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Added,
    Removed,
    Type,
    Content,
    Metadata,
}

/// One path that differs.
struct Differing {
    path: Vec<u8>,
    change: What,
    differs: Vec<&'static str>,
    size_from: Option<u64>,
    size_to: Option<u64>,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    path: String,
    change: What,
    differs: &'a [&'static str],
    size_from: Option<u64>,
    size_to: Option<u64>,
}

#[derive(Default, Serialize)]
struct Summary {
    #[serde(rename = "type")]
    kind: &'static str,
    added: u64,
    removed: u64,
    content: u64,
    metadata: u64,
    #[serde(rename = "type_changed")]
    other_type: u64,
    bytes_added: u64,
    bytes_removed: u64,
}

pub fn run(context: &mut Context, args: &Args) -> Result<Outcome, Failure> {
    let specs = [args.from.as_str(), args.to.as_str()];
    let [from, to] = open::open_two(context, &args.identity.identity, args.dataset.dataset.as_ref(), specs)?;
    if context.global.json {
        context.out.json(&Head {
            kind: "pulih/diff/v1",
            vault: from.vault.to_string(),
            verified: from.verified,
            from: from.describe(),
            to: to.describe(),
        })?;
    }
    let mut summary = Summary { kind: "pulih/diff-summary/v1", ..Summary::default() };
    let (before, after) = (ChunkCursor::new(&from.reader), ChunkCursor::new(&to.reader));
    for change in Changes::new(before, from.root(), after, to.root()) {
        open::go_on(&context.stop)?;
        if let Some(differing) = Differing::of(change?) {
            summary.add(&differing);
            differing.print(context)?;
        }
    }
    summary.print(context)?;
    Ok(Outcome::Done)
}

impl Differing {
    /// `None`: what differs says nothing of the file, such as the number of its inode.
    fn of(change: Change) -> Option<Self> {
        let length = |entry: &Entry| entry.content().map(|content| content.size);
        Some(match change {
            Change::Added(entry) => {
                let size_to = length(&entry);
                Self { path: entry.path, change: What::Added, differs: Vec::new(), size_from: None, size_to }
            }
            Change::Removed(entry) => {
                let size_from = length(&entry);
                Self { path: entry.path, change: What::Removed, differs: Vec::new(), size_from, size_to: None }
            }
            Change::Changed(from, to) => {
                let differs = differences(&from, &to);
                let change = match *differs.first()? {
                    "type" => What::Type,
                    "content" | "target" => What::Content,
                    _ => What::Metadata,
                };
                Self { size_from: length(&from), size_to: length(&to), path: to.path, change, differs }
            }
        })
    }

    fn print(&self, context: &mut Context) -> Result<(), Failure> {
        if context.global.json {
            return context.out.json(&Line {
                kind: "pulih/change/v1",
                path: escape(&self.path),
                change: self.change,
                differs: &self.differs,
                size_from: self.size_from,
                size_to: self.size_to,
            });
        }
        let path = ls::path(&self.path);
        context.out.line(&match self.change {
            What::Added => format!("+ {path}"),
            What::Removed => format!("- {path}"),
            What::Type | What::Content | What::Metadata => format!("M {path}  ({})", self.differs.join(", ")),
        })
    }
}

/// In what two entries differ, the greatest difference first.
fn differences(from: &Entry, to: &Entry) -> Vec<&'static str> {
    let names = |entry: &Entry| entry.links.map_or(1, |links| links.count);
    let kind = std::mem::discriminant(&from.kind) != std::mem::discriminant(&to.kind);
    let (content, target) = match (&from.kind, &to.kind) {
        (Kind::File(from), Kind::File(to)) => (!is_same(from, to), false),
        (from, to) => (false, !kind && from != to),
    };
    let owner = (from.uid, from.gid, &from.user, &from.group) != (to.uid, to.gid, &to.user, &to.group);
    [
        (kind, "type"),
        (content, "content"),
        (target, "target"),
        (from.mode != to.mode, "mode"),
        (owner, "owner"),
        (from.mtime != to.mtime, "time"),
        (from.xattrs != to.xattrs, "xattrs"),
        (names(from) != names(to), "links"),
    ]
    .into_iter()
    .filter_map(|(differs, what)| differs.then_some(what))
    .collect()
}

/// Whether content is the same as far as the tree says. The same bytes cut in another way are
/// taken for a change: to know better, they would have to be read.
fn is_same(from: &Content, to: &Content) -> bool {
    (from.size, from.depth, &from.chunks, &from.holes, &from.unread)
        == (to.size, to.depth, &to.chunks, &to.holes, &to.unread)
}

impl Summary {
    fn add(&mut self, one: &Differing) {
        let counter = match one.change {
            What::Added => &mut self.added,
            What::Removed => &mut self.removed,
            What::Type => &mut self.other_type,
            What::Content => &mut self.content,
            What::Metadata => &mut self.metadata,
        };
        *counter += 1;
        if one.change != What::Metadata {
            // Sizes are what a vault says: nonsense must not end the command.
            self.bytes_added = self.bytes_added.saturating_add(one.size_to.unwrap_or(0));
            self.bytes_removed = self.bytes_removed.saturating_add(one.size_from.unwrap_or(0));
        }
    }

    fn print(&self, context: &mut Context) -> Result<(), Failure> {
        if context.global.json {
            return context.out.json(self);
        }
        if context.global.quiet {
            return Ok(());
        }
        context.out.line(&format!(
            "{} added, {} removed, {} with other content, {} of another type, {} with other metadata; {} came, {} went",
            count(self.added),
            count(self.removed),
            count(self.content),
            count(self.other_type),
            count(self.metadata),
            size(self.bytes_added),
            size(self.bytes_removed),
        ))
    }
}

//! Batches: what one append adds, in one object named by where it starts. Creating that object
//! is the moment at which the entries are in the log.
//!
//! Of two writers that are at the same place only one can create it, whatever each wants to
//! write there. (Partial bundles are named by where they *end*: two writers with different
//! numbers of entries would both succeed.) Its head is signed, so that whoever can write to the
//! store, but has no key, cannot slip entries in before the next checkpoint.

use pulih_vault::error::Malformed;
use pulih_vault::note::{SigningKey, VerifierKey};
use pulih_vault::wire::Reader;

use crate::bundle;
use crate::checkpoint::{Distrust, check_origin, opened, parse_size};
use crate::edge::{Edge, FullTile};
use crate::hash::Hash;

const WHAT: &str = "batch";
/// First line of a head: no log has this origin, so that no head can pass for a checkpoint.
const TYPE: &str = "pulih/ledger/batch/v1";
/// Most entries in a batch.
pub const MAX_BATCH_ENTRIES: usize = 1024;
/// Most bytes of a batch's entries with their lengths.
const MAX_PAYLOAD_BYTES: usize = 4 << 20;
/// Largest batch: its entries, and a note with its length before them.
pub const MAX_BATCH_BYTES: u64 = MAX_PAYLOAD_BYTES as u64 + 2 + u16::MAX as u64;

/// How many of `entries`, from the first, go into one batch: at least one.
pub fn fitting(entries: &[Vec<u8>]) -> usize {
    let mut bytes = 0;
    let fit = entries.iter().take(MAX_BATCH_ENTRIES).take_while(|entry| {
        bytes += entry.len() + 2;
        bytes <= MAX_PAYLOAD_BYTES
    });
    fit.count()
}

/// What a batch makes of the tree.
pub struct Growth {
    pub edge: Edge,
    pub full: Vec<FullTile>,
}

impl Growth {
    fn of<'a>(edge: &Edge, entries: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let (mut edge, mut full) = (edge.clone(), Vec::new());
        entries.into_iter().for_each(|entry| edge.push(Hash::of_leaf(entry), &mut full));
        Self { edge, full }
    }
}

fn head(origin: &str, start: u64, edge: &Edge) -> String {
    format!("{TYPE}\n{origin}\n{start}\n{}\n{}\n", edge.size(), edge.root())
}

/// The object that adds `entries`, which fit, to the tree of `edge`; and what that makes of it.
pub fn seal(edge: &Edge, entries: &[Vec<u8>], key: &SigningKey) -> (Vec<u8>, Growth) {
    let growth = Growth::of(edge, entries.iter().map(Vec::as_slice));
    let note = key.sign(&head(key.verifier().name(), edge.size(), &growth.edge));
    let mut out = Vec::new();
    bundle::put(&mut out, std::iter::once(note.as_bytes()).chain(entries.iter().map(Vec::as_slice)));
    (out, growth)
}

/// Why a batch is not added to a log.
pub enum Refusal {
    Distrust(Distrust),
    /// Its entries are not those that its head was signed for.
    Root,
}

impl From<Distrust> for Refusal {
    fn from(source: Distrust) -> Self {
        Self::Distrust(source)
    }
}

impl From<Malformed> for Refusal {
    fn from(source: Malformed) -> Self {
        Self::Distrust(source.into())
    }
}

fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let mut reader = Reader::new(WHAT, bytes);
    let len = u16::from_be_bytes(reader.array()?);
    Ok((reader.bytes(usize::from(len))?, reader.remaining()))
}

/// The entries of a batch that is known to be whole and believed: how many is known, too.
pub fn entries(bytes: &[u8], count: usize) -> Result<Vec<&[u8]>, Malformed> {
    bundle::take(WHAT, split(bytes)?.1, count)
}

/// What a batch's head says.
struct Span {
    start: u64,
    end: u64,
    /// Of the first `end` entries.
    root: Hash,
}

impl Span {
    fn open(note: &[u8], key: &VerifierKey) -> Result<Self, Distrust> {
        let text = opened(note, key)?;
        let bad = |why: String| Malformed::new(WHAT, why);
        let lines: Vec<_> = text.lines().collect();
        let [kind, origin, start, end, root] = lines[..] else {
            return Err(bad(format!("its head has {} lines, not five", lines.len())).into());
        };
        if kind != TYPE {
            return Err(bad(format!("its head does not begin {TYPE}; a newer program may read it")).into());
        }
        check_origin(origin, key)?;
        Ok(Self { start: parse_size(WHAT, start)?, end: parse_size(WHAT, end)?, root: root.parse()? })
    }
}

/// Size and root that the head of a batch was signed for, whatever its entries are.
pub fn signed_end(bytes: &[u8], key: &VerifierKey) -> Result<(u64, Hash), Distrust> {
    let Span { end, root, .. } = Span::open(split(bytes)?.0, key)?;
    Ok((end, root))
}

/// Reads a batch that is to follow the tree of `edge`.
pub fn open<'a>(bytes: &'a [u8], edge: &Edge, key: &VerifierKey) -> Result<(Vec<&'a [u8]>, Growth), Refusal> {
    let (note, payload) = split(bytes)?;
    let Span { start, end, root } = Span::open(note, key)?;
    let bad = |why: String| Malformed::new(WHAT, why);
    if start != edge.size() {
        return Err(bad(format!("its head says that it starts at {start}")).into());
    }
    let count = end.checked_sub(start).filter(|count| (1..=MAX_BATCH_ENTRIES as u64).contains(count));
    let count = count.ok_or_else(|| bad(format!("its head says that it ends at {end}")))?;
    let entries = bundle::take(WHAT, payload, count as usize)?;
    let growth = Growth::of(edge, entries.iter().copied());
    if growth.edge.root() == root { Ok((entries, growth)) } else { Err(Refusal::Root) }
}

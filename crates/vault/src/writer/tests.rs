//! The writer before a line of the test's making, with a clock that only the line moves.

use std::io::{self, Write};

use super::*;
use crate::id::VaultId;
use crate::store::Staged;

const MIB: u64 = 1 << 20;
const FRAME: usize = 256 << 10;

/// A store at the end of a line: it keeps nothing but how large the objects were.
struct Line {
    now: Mutex<Instant>,
    bytes_per_second: u64,
    /// Whether every pack breaks off, and how many were tried.
    is_dead: bool,
    packs: Mutex<Vec<u64>>,
    indexes: Mutex<usize>,
}

#[derive(Clone)]
struct LineStore(Arc<Line>);

struct OnItsWay(Arc<Line>, u64);

impl Write for OnItsWay {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1 += bytes.len() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Staged for OnItsWay {
    fn commit(self: Box<Self>, name: &ObjectName) -> std::result::Result<(), StoreError> {
        let Self(line, bytes) = *self;
        if name.as_str().contains("/index/") {
            *lock(&line.indexes) += 1;
            return Ok(());
        }
        *lock(&line.now) += Duration::from_secs_f64(bytes as f64 / line.bytes_per_second as f64);
        lock(&line.packs).push(bytes);
        if line.is_dead {
            return Err(StoreError::Io { action: "put".into(), source: io::ErrorKind::BrokenPipe.into() });
        }
        Ok(())
    }
}

impl Store for LineStore {
    fn stage(&self) -> std::result::Result<Box<dyn Staged>, StoreError> {
        Ok(Box::new(OnItsWay(self.0.clone(), 0)))
    }
    fn size(&self, name: &ObjectName) -> std::result::Result<u64, StoreError> {
        Err(StoreError::NotFound { name: name.clone() })
    }
    fn read_range(&self, name: &ObjectName, _: u64, _: usize, _: &mut Vec<u8>) -> std::result::Result<(), StoreError> {
        Err(StoreError::NotFound { name: name.clone() })
    }
    fn list(&self, _: &ObjectName, _: &mut dyn FnMut(ObjectName)) -> std::result::Result<(), StoreError> {
        Ok(())
    }
}

struct Run {
    line: Arc<Line>,
    size: Arc<PackSize>,
    writer: PackWriter,
    frames: u32,
}

impl Run {
    fn begin(bytes_per_second: u64, is_dead: bool, size: PackSize) -> Self {
        let line = Arc::new(Line {
            now: Mutex::new(Instant::now()),
            bytes_per_second,
            is_dead,
            packs: Mutex::default(),
            indexes: Mutex::default(),
        });
        let recipients = || Recipients::new(vec![Box::new(age::x25519::Identity::generate().to_public())]);
        let (size, clock) = (Arc::new(size), line.clone());
        let target = Target {
            store: Arc::new(LineStore(line.clone())),
            layout: Layout { vault: VaultId([1; 16]) },
            pack_recipients: recipients(),
            index_recipients: recipients(),
            random: Box::new(ring::rand::SystemRandom::new()),
            pack_size: size.clone(),
            clock: Box::new(move || *lock(&clock.now)),
        };
        let writer = PackWriter::start(target, WriterSettings::default());
        Self { line, size, writer, frames: 0 }
    }

    /// Hands a frame over that cannot be compressed.
    fn submit(&mut self) -> Result<()> {
        use ring::rand::SecureRandom as _;
        let mut plain = vec![0; FRAME];
        ring::rand::SystemRandom::new().fill(&mut plain).unwrap();
        self.frames += 1;
        self.writer.submit(Frame {
            kind: FrameKind::Content,
            number: self.frames,
            plain,
            chunks: vec![(ChunkId([self.frames as u8; 24]), FRAME as u32)],
            search: Search::Short,
        })
    }

    /// Waits until all that was submitted is in the store or in the open pack.
    fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.writer.shared.spool.is_idle() {
            assert!(Instant::now() < deadline, "packs do not leave");
            std::thread::yield_now();
        }
    }

    /// Sends so many packs, one at a time, and returns how large they were, in MiB and rounded.
    fn send(&mut self, packs: usize) -> Vec<u64> {
        while lock(&self.line.packs).len() < packs {
            self.submit().unwrap();
            self.settle();
        }
        lock(&self.line.packs).iter().map(|bytes| (bytes + MIB / 2) / MIB).collect()
    }
}

#[test]
fn packs_follow_the_line() {
    let mut fast = Run::begin(100 * MIB, false, PackSize::following(0));
    assert_eq!(fast.send(9), [1, 1, 1, 1, 2, 2, 2, 2, 4]);
    // 8 MiB take 32 s, five take 20.
    let mut slow = Run::begin(MIB / 4, false, PackSize::following(8 * MIB));
    assert_eq!(slow.send(3), [8, 5, 5]);
    let mut here = Run::begin(MIB / 4, false, PackSize::fixed(2 * MIB));
    assert_eq!(here.send(3), [2, 2, 2]);
}

#[test]
fn after_a_pack_that_did_not_get_through_the_others_are_not_tried() {
    let mut run = Run::begin(MIB, true, PackSize::following(4 * MIB));
    let mut failed = None;
    for _ in 0..200 {
        failed = run.submit().err();
        if failed.is_some() {
            break;
        }
    }
    let error = failed.or_else(|| run.writer.finish(|| None).err()).unwrap();
    assert!(error.to_string().contains("put"), "{error}");
    assert_eq!(lock(&run.line.packs).len(), 1);
    assert_eq!(run.size.bytes(), 2 * MIB, "the next run begins smaller");
}

#[test]
fn a_run_that_is_given_up_leaves_what_waits_and_indexes_what_is_there() {
    let mut run = Run::begin(MIB, false, PackSize::fixed(MIB));
    run.send(2);
    // Time is up at once: what is in the open pack is not stored.
    run.submit().unwrap();
    let now = *lock(&run.line.now);
    let line = run.line.clone();
    let stored = run.writer.give_up(now).unwrap();
    assert_eq!(stored.len(), 2);
    assert_eq!((lock(&line.packs).len(), *lock(&line.indexes)), (2, 1));
}

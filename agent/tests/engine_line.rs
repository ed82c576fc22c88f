//! A line that stalls: what waits stays within its bound, and the run comes to its end once the
//! line goes on.

mod support;

use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use pulih_agent::backup::Source;
use pulih_vault::store::{DirStore, ObjectName, Staged, Store, StoreError};
use pulih_vault::writer::pack_size::PackSize;
use ring::rand::SecureRandom as _;
use support::TestVault;

const MIB: u64 = 1 << 20;
const SPOOL: u64 = 24 * MIB;
const ALL: u64 = 160 * MIB;

/// What the test sees of the run.
#[derive(Default)]
struct Seen {
    /// Bytes that the run has read.
    read: AtomicU64,
    /// Bytes that were staged and that the store does not have; and the most of them.
    waiting: AtomicU64,
    most: AtomicU64,
    open: Mutex<bool>,
    opened: Condvar,
}

/// A folder behind a gate: no pack passes it until it is opened.
struct Gated(Arc<dyn Store>, Arc<Seen>);

struct Waiting {
    staged: Box<dyn Staged>,
    bytes: u64,
    seen: Arc<Seen>,
}

impl Write for Waiting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.staged.write(bytes)?;
        self.bytes += written as u64;
        let waiting = self.seen.waiting.fetch_add(written as u64, Ordering::SeqCst) + written as u64;
        self.seen.most.fetch_max(waiting, Ordering::SeqCst);
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.staged.flush()
    }
}

impl Staged for Waiting {
    fn commit(self: Box<Self>, name: &ObjectName) -> Result<(), StoreError> {
        if name.as_str().contains("/packs/") {
            let open = self.seen.open.lock().unwrap();
            drop(self.seen.opened.wait_while(open, |open| !*open).unwrap());
        }
        let done = self.staged.commit(name);
        self.seen.waiting.fetch_sub(self.bytes, Ordering::SeqCst);
        done
    }
}

impl Store for Gated {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        Ok(Box::new(Waiting { staged: self.0.stage()?, bytes: 0, seen: self.1.clone() }))
    }
    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        self.0.size(name)
    }
    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.0.read_range(name, offset, len, out)
    }
    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        self.0.list(prefix, each)
    }
}

/// Noise, which does not compress.
struct Noise(Arc<Seen>);

impl Read for Noise {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = ALL - self.0.read.load(Ordering::SeqCst);
        let len = out.len().min(left as usize);
        ring::rand::SystemRandom::new().fill(&mut out[..len]).unwrap();
        self.0.read.fetch_add(len as u64, Ordering::SeqCst);
        Ok(len)
    }
}

/// Waits until the run reads no further, or has read all.
fn until_it_stands_still(seen: &Seen) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(120);
    let (mut before, mut since) = (0, Instant::now());
    loop {
        let read = seen.read.load(Ordering::SeqCst);
        if read != before {
            (before, since) = (read, Instant::now());
        }
        if read == ALL || (read > 0 && since.elapsed() > Duration::from_secs(1)) {
            return read;
        }
        assert!(Instant::now() < deadline, "nothing is read");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_waits_for_a_line_that_stalls_has_a_bound() {
    let folder = tempfile::tempdir().unwrap();
    let mut vault = TestVault::new();
    vault.settings.spool_bytes = SPOOL;
    vault.pack_size = Arc::new(PackSize::fixed(4 * MIB));
    let seen = Arc::new(Seen::default());
    let inner: Arc<dyn Store> = Arc::new(DirStore::create(&folder.path().join("store")).unwrap());
    vault.begin(&*inner);
    let store: Arc<dyn Store> = Arc::new(Gated(inner, seen.clone()));
    let cache = folder.path().join("cache");
    std::fs::create_dir_all(&cache).unwrap();
    std::thread::scope(|scope| {
        let source = Source::Stream { name: b"noise".to_vec(), input: Box::new(Noise(seen.clone())) };
        let run = scope.spawn(|| vault.backup_from(&store, &cache, source));
        let read = until_it_stands_still(&seen);
        // Opened before anything can fail: a run that waits would hold the test up for good.
        let most = seen.most.load(Ordering::SeqCst);
        *seen.open.lock().unwrap() = true;
        seen.opened.notify_all();
        let outcome = run.join().unwrap().unwrap();
        // Pieces, frames and buffers on their way beside the spool, which have bounds of their own.
        assert!(read < SPOOL + 64 * MIB, "{} MiB were read while the line stood still", read / MIB);
        assert!(most > SPOOL / 2, "only {} MiB waited", most / MIB);
        assert!(most <= SPOOL + MIB / 4, "{} KiB waited", most / 1024);
        assert_eq!(outcome.manifest.facts.counts.bytes, ALL);
    });
    // Also while all of it went out.
    assert!(seen.most.load(Ordering::SeqCst) <= SPOOL + MIB / 4);
    assert_eq!(seen.waiting.load(Ordering::SeqCst), 0);
}

//! A store, and keys, that count the time in which somebody waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pulih_vault::reader::keys::{Found, Keys, Stanza};
use pulih_vault::store::{ObjectName, Staged, Store, StoreError};

pub struct Timed {
    store: Arc<dyn Store>,
    nanoseconds: AtomicU64,
}

impl Timed {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, nanoseconds: AtomicU64::new(0) }
    }

    /// Of all threads together.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }

    fn timed<T>(&self, work: impl FnOnce(&dyn Store) -> T) -> T {
        let began = Instant::now();
        let done = work(&*self.store);
        self.nanoseconds.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
        done
    }
}

impl Store for Timed {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        self.store.stage()
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        self.timed(|store| store.size(name))
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.timed(|store| store.read_range(name, offset, len, out))
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        self.timed(|store| store.list(prefix, each))
    }
}

pub struct TimedKeys {
    keys: Arc<dyn Keys>,
    nanoseconds: AtomicU64,
}

impl TimedKeys {
    pub fn new(keys: Arc<dyn Keys>) -> Self {
        Self { keys, nanoseconds: AtomicU64::new(0) }
    }

    /// Of all threads together.
    pub fn waited(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}

impl Keys for TimedKeys {
    fn file_key(&self, object: &ObjectName, stanzas: &[Stanza]) -> Found {
        let began = Instant::now();
        let found = self.keys.file_key(object, stanzas);
        self.nanoseconds.fetch_add(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
        found
    }
}

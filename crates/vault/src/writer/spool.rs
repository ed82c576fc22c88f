//! What waits to be stored, within a bound: whoever brings more waits until there is room.
//!
//! Counted are the bytes of packs that the store does not have yet, the one being filled among
//! them, and of frames on their way into one, which are taken for as long as they are before they
//! are compressed. The bound holds unless a single frame beside the open pack exceeds it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Packs that wait: each has a file open.
const MOST_PACKS: usize = 256;
/// Chunks of packs that wait: each takes 28 bytes of memory or some more.
const MOST_CHUNKS: usize = 250_000;

pub struct Spool {
    limit: u64,
    waiting: Mutex<Waiting>,
    room: Condvar,
}

#[derive(Default)]
struct Waiting {
    bytes: u64,
    chunks: usize,
    /// Frames that are in no pack yet.
    frames: usize,
    /// Packs that are closed, and what of the bytes is theirs.
    packs: usize,
    closed: u64,
    /// Nothing waits for room any more: something failed.
    is_over: bool,
}

impl Waiting {
    fn has_room(&self, limit: u64, bytes: u64, chunks: usize) -> bool {
        let fits = self.bytes + bytes <= limit && self.chunks + chunks <= MOST_CHUNKS && self.packs < MOST_PACKS;
        fits || self.frames + self.packs == 0
    }
}

impl Spool {
    pub fn of(limit: u64) -> Self {
        Self { limit, waiting: Mutex::default(), room: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a frame in, once there is room for it. While nothing is on its way out there will
    /// be no more room than there is, and the frame is taken all the same.
    pub fn enter(&self, bytes: u64, chunks: usize) {
        let must_wait = |its: &mut Waiting| !its.is_over && !its.has_room(self.limit, bytes, chunks);
        let mut its = self.room.wait_while(self.lock(), must_wait).unwrap_or_else(PoisonError::into_inner);
        its.bytes += bytes;
        its.chunks += chunks;
        its.frames += 1;
    }

    /// A frame that came in with so many bytes takes so many in its pack.
    pub fn packed(&self, came_with: u64, takes: u64) {
        let mut its = self.lock();
        its.bytes = (its.bytes + takes).saturating_sub(came_with);
        its.frames = its.frames.saturating_sub(1);
        drop(its);
        self.room.notify_all();
    }

    /// A pack was closed, which took some bytes more and has so many by now.
    pub fn closed(&self, more: u64, bytes: u64) {
        let mut its = self.lock();
        its.bytes += more;
        its.closed += bytes;
        its.packs += 1;
    }

    /// A pack is in the store, or given up.
    pub fn left(&self, bytes: u64, chunks: usize) {
        let mut its = self.lock();
        its.bytes = its.bytes.saturating_sub(bytes);
        its.closed = its.closed.saturating_sub(bytes);
        its.chunks = its.chunks.saturating_sub(chunks);
        its.packs = its.packs.saturating_sub(1);
        drop(its);
        self.room.notify_all();
    }

    /// Lets all go on who wait for room: what they bring is not stored any more.
    pub fn end(&self) {
        self.lock().is_over = true;
        self.room.notify_all();
    }

    pub fn is_over(&self) -> bool {
        self.lock().is_over
    }

    /// Whether nothing is on its way: there is an open pack at most.
    #[cfg(test)]
    pub fn is_idle(&self) -> bool {
        let its = self.lock();
        its.frames + its.packs == 0
    }

    /// Bytes of the packs that are closed.
    pub fn closed_bytes(&self) -> u64 {
        self.lock().closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_room(spool: &Spool, bytes: u64, chunks: usize) -> bool {
        spool.lock().has_room(spool.limit, bytes, chunks)
    }

    #[test]
    fn a_frame_waits_for_room_unless_nothing_can_make_any() {
        let spool = Spool::of(100);
        spool.enter(150, 1);
        assert!(!has_room(&spool, 1, 1), "a frame on its way may come out smaller");
        spool.packed(150, 90);
        assert!(has_room(&spool, 50, 1), "an open pack makes no room by itself");
        spool.enter(50, 1);
        spool.packed(50, 20);
        spool.closed(5, 115);
        assert_eq!(spool.lock().bytes, 115);
        assert_eq!(spool.closed_bytes(), 115);
        assert!(!has_room(&spool, 1, 1));
        spool.left(115, 2);
        assert_eq!(spool.lock().bytes, 0);
        assert_eq!(spool.closed_bytes(), 0);
        assert!(has_room(&spool, 1, 1));
    }

    #[test]
    fn tiny_chunks_and_many_packs_fill_it_too() {
        let spool = Spool::of(u64::MAX / 2);
        spool.enter(1, MOST_CHUNKS);
        assert!(!has_room(&spool, 1, 1));
        spool.left(1, MOST_CHUNKS);
        for _ in 0..MOST_PACKS {
            assert!(has_room(&spool, 1, 1));
            spool.closed(1, 1);
        }
        assert!(!has_room(&spool, 1, 1));
    }

    #[test]
    fn who_waits_goes_on_when_there_is_room_or_it_is_over() {
        for end in [false, true] {
            let spool = Spool::of(10);
            spool.enter(10, 1);
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| spool.enter(10, 1));
                if end {
                    spool.end();
                } else {
                    spool.packed(10, 0);
                }
                waiting.join().unwrap();
            });
            assert_eq!(spool.lock().bytes, if end { 20 } else { 10 });
        }
    }
}

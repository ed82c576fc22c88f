//! What ends a box before it is done: its time, what it takes, and who waits for it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Pid;

use crate::group::Group;
use crate::tree::{self, Taken, Walked};
use crate::unseen;

const LOOK: Duration = Duration::from_millis(250);
/// A box must leave so much of the file system, or a tenth of a smaller one, to others.
const FREE_BYTES: u64 = 2 << 30;
const FREE_FILES: u64 = 100_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    Time,
    Interrupted,
    Memory,
    Disk(Over),
    /// The box ended by itself, or was no box.
    Gone(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Limit = 1,
    FileSystem,
    Deep,
    Closed,
    Unread,
}

impl Cut {
    pub fn text(&self) -> String {
        let text = match self {
            Self::Time => "it took longer than `time`, and was ended",
            Self::Interrupted => "it was interrupted",
            Self::Memory => "it took more than `memory`, and was ended",
            Self::Disk(over) => over.text(),
            Self::Gone(text) => text,
        };
        text.to_owned()
    }
}

impl Over {
    const ALL: [Self; 5] = [Self::Limit, Self::FileSystem, Self::Deep, Self::Closed, Self::Unread];

    pub fn text(self) -> &'static str {
        match self {
            Self::Limit => "it wrote more than `disk`, and was ended",
            Self::FileSystem => "too little was left on the file system of the restored data: make room there",
            Self::Deep => "folders of the data are nested more than 200 deep",
            Self::Closed => "it closed a folder of the data, so that it could not be seen what it writes",
            Self::Unread => "it could not be seen any more what it writes",
        }
    }
}

pub struct Watch<'w> {
    pub until: Instant,
    pub interrupted: &'w AtomicBool,
    pub group: Option<&'w Group>,
    pub disk: &'w Disk<'w>,
}

impl Watch<'_> {
    pub fn look(&self) -> Result<(), Cut> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(Cut::Interrupted);
        }
        if self.group.is_some_and(Group::is_over) {
            return Err(Cut::Memory);
        }
        if let Some(over) = self.disk.over() {
            return Err(Cut::Disk(over));
        }
        if Instant::now() >= self.until { Err(Cut::Time) } else { Ok(()) }
    }
}

/// What is written to the place of the data.
pub struct Disk<'d> {
    data: &'d Path,
    most_bytes: u64,
    before: Taken,
    used_before: u64,
    /// Of the box; 0 as long as there is none.
    first: AtomicI32,
    over: AtomicU8,
    done: AtomicBool,
}

impl<'d> Disk<'d> {
    pub fn new(data: &'d Path, most_bytes: u64, before: Taken) -> Self {
        let used_before = Room::of(data).map_or(0, |room| room.used_bytes);
        let (first, over, done) = (AtomicI32::new(0), AtomicU8::new(0), AtomicBool::new(false));
        Self { data, most_bytes, before, used_before, first, over, done }
    }

    /// Whose box it is that writes.
    pub fn is_of(&self, first: Pid) {
        self.first.store(first.as_raw_nonzero().get(), Ordering::Relaxed);
    }

    pub fn over(&self) -> Option<Over> {
        let seen = self.over.load(Ordering::Relaxed);
        Over::ALL.into_iter().find(|its| *its as u8 == seen)
    }

    pub fn done(&self, watcher: &thread::Thread) {
        self.done.store(true, Ordering::Relaxed);
        watcher.unpark();
    }

    /// Looks until it is done. The tree of the data is gone through again and again, a quarter of the time at most; at
    /// once if the whole file system has more than was allowed, which may be others' doing.
    pub fn watch(&self) {
        let (mut last, mut took) = (None::<Instant>, Duration::ZERO);
        while !self.done.load(Ordering::Relaxed) && self.over().is_none() {
            let room = Room::of(self.data);
            if room.as_ref().is_none_or(Room::is_short) {
                self.set(Over::FileSystem);
                return;
            }
            let used = room.map_or(0, |its| its.used_bytes);
            let is_more = used.saturating_sub(self.used_before) > self.most_bytes;
            let pause = if is_more { took } else { LOOK.max(took * 3) };
            if last.is_none_or(|last| last.elapsed() >= pause) {
                let begun = Instant::now();
                self.measure();
                took = begun.elapsed();
                last = Some(Instant::now());
            }
            thread::park_timeout(LOOK);
        }
    }

    fn measure(&self) {
        let walked = tree::walk(self.data, None, &|| !self.done.load(Ordering::Relaxed));
        self.judge(&walked);
        let (Ok(taken), Some(first)) = (walked, Pid::from_raw(self.first.load(Ordering::Relaxed))) else { return };
        let limit = self.before.bytes.saturating_add(self.most_bytes);
        match unseen::bytes(self.data, first) {
            Some(bytes) if taken.bytes.saturating_add(bytes) > limit => self.set(Over::Limit),
            Some(_) => {}
            None => self.set(Over::Unread),
        }
    }

    /// When all has ended: it may have been quick.
    pub fn measure_once_more(&self) {
        self.judge(&tree::walk(self.data, None, &|| true));
    }

    fn judge(&self, walked: &Result<Taken, Walked>) {
        match walked {
            Ok(its) if its.bytes > self.before.bytes.saturating_add(self.most_bytes) => self.set(Over::Limit),
            Ok(its) if its.closed > self.before.closed => self.set(Over::Closed),
            Ok(_) => {}
            Err(Walked::TooDeep) => self.set(Over::Deep),
            Err(Walked::Io(_)) => self.set(Over::Unread),
        }
    }

    fn set(&self, over: Over) {
        self.over.store(over as u8, Ordering::Relaxed);
    }
}

/// Of the file system.
pub struct Room {
    used_bytes: u64,
    free_bytes: u64,
    all_bytes: u64,
    free_files: u64,
    /// 0: it does not count them.
    all_files: u64,
}

impl Room {
    pub fn of(place: &Path) -> Option<Self> {
        let stat = rustix::fs::statvfs(place).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
        let (free_bytes, all_bytes) = (bytes(stat.f_bavail), bytes(stat.f_blocks));
        let used_bytes = all_bytes.saturating_sub(bytes(stat.f_bfree));
        Some(Self { used_bytes, free_bytes, all_bytes, free_files: stat.f_favail, all_files: stat.f_files })
    }

    /// What a box must leave to others.
    pub fn reserve_bytes(&self) -> u64 {
        FREE_BYTES.min(self.all_bytes / 10)
    }

    pub fn is_short(&self) -> bool {
        self.free_bytes < self.reserve_bytes() || self.free_files < FREE_FILES.min(self.all_files / 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_leaves_two_gibibytes_or_a_tenth_of_what_is_smaller() {
        let of = |all_bytes, free_bytes| Room { used_bytes: 0, free_bytes, all_bytes, free_files: 0, all_files: 0 };
        assert_eq!((of(1 << 40, 0).reserve_bytes(), of(10 << 30, 0).reserve_bytes()), (2 << 30, 1 << 30));
        assert!(of(10 << 30, (1 << 30) - 1).is_short() && !of(10 << 30, 1 << 30).is_short());
    }
}

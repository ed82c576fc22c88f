//! Reads folders ahead of the walk, in its order. However far ahead, the folder that the walk
//! needs now is always being read: by a helper that has begun it, or else by the walk itself,
//! so that no limit on what is held in memory can stop it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use super::listing::Listing;
use super::scan::{Outcome, Scanner};

/// Entries that may be read ahead of the walk.
const MAX_ENTRIES: usize = 64 << 10;

/// Who reads a folder.
#[derive(Debug)]
pub(super) enum Slot {
    Idle,
    Taken,
    Done(Box<Outcome>),
}

pub(super) struct Ahead {
    state: Mutex<State>,
    /// For the walk: a folder is read.
    done: Condvar,
    /// For the helpers: there are folders to be read, and room for them.
    work: Condvar,
    max_folders: usize,
}

#[derive(Default)]
struct State {
    /// Folders not yet read, as the walk will meet them; the last is next.
    order: Vec<Pending>,
    /// Read and not yet taken.
    entries: usize,
    folders: usize,
    idle: usize,
    /// Some of the idle wait for room.
    full: bool,
    waiting: bool,
    stop: bool,
}

enum Pending {
    /// The subs of a listing from this one on.
    Run(Arc<Listing>, usize),
    /// A helper reads this folder: what is in it belongs here.
    Busy(usize),
}

impl Ahead {
    pub fn new(max_folders: usize) -> Self {
        Self { state: Mutex::default(), done: Condvar::new(), work: Condvar::new(), max_folders }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn stop(&self) {
        self.lock().stop = true;
        self.work.notify_all();
    }

    /// The walk meets `listing` next.
    pub fn begin(&self, listing: &Arc<Listing>) {
        if listing.subs.is_empty() {
            return;
        }
        let mut state = self.lock();
        state.order.push(Pending::Run(Arc::clone(listing), 0));
        // A call into the kernel, even if nobody waits.
        if state.idle > 0 {
            self.work.notify_all();
        }
    }

    /// The walk has come to this sub of `parent`.
    pub fn take(&self, parent: &Listing, sub: usize, scanner: &mut Scanner) -> Outcome {
        let outcome = match self.taken(parent, sub) {
            // Too many files were open; fewer are now.
            Some(Outcome::Failed(error)) if is_out_of_files(&error) => scanner.enter(parent, sub),
            Some(outcome) => return self.with_subs_begun(outcome, false),
            None => scanner.enter(parent, sub),
        };
        self.with_subs_begun(outcome, true)
    }

    fn with_subs_begun(&self, outcome: Outcome, read_here: bool) -> Outcome {
        if let Outcome::Listed(listing, _) = &outcome
            && read_here
        {
            self.begin(listing);
        }
        outcome
    }

    /// What a helper has read, or none if the walk has to.
    fn taken(&self, parent: &Listing, sub: usize) -> Option<Outcome> {
        let mut state = self.lock();
        state.trim();
        loop {
            let slot = std::mem::replace(&mut *lock_slot(parent, sub), Slot::Taken);
            match slot {
                Slot::Idle => return None,
                Slot::Done(outcome) => {
                    self.give_room(&mut state, &outcome);
                    return Some(*outcome);
                }
                Slot::Taken => {
                    state.waiting = true;
                    state = self.done.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.waiting = false;
                }
            }
        }
    }

    fn give_room(&self, state: &mut State, outcome: &Outcome) {
        state.entries -= weight(outcome);
        state.folders -= 1;
        // Woken late rather than for each folder: a helper then has much to do.
        let roomy = state.entries <= MAX_ENTRIES / 2 && state.folders <= self.max_folders / 2;
        if state.full && roomy {
            state.full = false;
            self.work.notify_all();
        }
    }

    /// Reads folders until the walk ends.
    pub fn help(&self, helper: usize, scanner: &mut Scanner) {
        let mut state = self.lock();
        while !state.stop {
            let Some((listing, sub)) = state.claim(helper, self.max_folders) else {
                state.idle += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
                continue;
            };
            drop(state);
            // Else the walk would wait for a folder that nobody reads.
            let outcome = catch_unwind(AssertUnwindSafe(|| scanner.enter(&listing, sub)))
                .unwrap_or_else(|_| Outcome::Failed(io::Error::other("reading it failed")));
            state = self.lock();
            self.finish(&mut state, helper, &listing, sub, outcome);
        }
    }

    fn finish(&self, state: &mut State, helper: usize, parent: &Listing, sub: usize, outcome: Outcome) {
        let mine = |pending: &Pending| matches!(pending, Pending::Busy(who) if *who == helper);
        match (state.order.iter().rposition(mine), &outcome) {
            (Some(at), Outcome::Listed(listing, _)) if !listing.subs.is_empty() => {
                state.order[at] = Pending::Run(Arc::clone(listing), 0);
                if state.idle > 0 && !state.full {
                    self.work.notify_all();
                }
            }
            (Some(at), _) => drop(state.order.remove(at)),
            (None, _) => {}
        }
        state.entries += weight(&outcome);
        state.folders += 1;
        *lock_slot(parent, sub) = Slot::Done(Box::new(outcome));
        if state.waiting {
            self.done.notify_one();
        }
    }
}

impl State {
    /// The folder that the walk meets first of those that nobody reads.
    fn claim(&mut self, helper: usize, max_folders: usize) -> Option<(Arc<Listing>, usize)> {
        if self.entries >= MAX_ENTRIES || self.folders >= max_folders {
            self.full = true;
            return None;
        }
        let mut at = self.order.len();
        while at > 0 {
            at -= 1;
            let Pending::Run(listing, next) = &mut self.order[at] else { continue };
            skip_taken(listing, next);
            if *next == listing.subs.len() {
                self.order.remove(at);
                continue;
            }
            let claimed = (Arc::clone(listing), *next);
            *lock_slot(listing, *next) = Slot::Taken;
            *next += 1;
            self.order.insert(at + 1, Pending::Busy(helper));
            return Some(claimed);
        }
        None
    }

    /// Lets go of listings that the walk has passed without help: they hold folders open.
    fn trim(&mut self) {
        while let Some(Pending::Run(listing, next)) = self.order.last_mut() {
            skip_taken(listing, next);
            if *next < listing.subs.len() {
                return;
            }
            self.order.pop();
        }
    }
}

fn skip_taken(listing: &Listing, next: &mut usize) {
    while *next < listing.subs.len() && !matches!(*lock_slot(listing, *next), Slot::Idle) {
        *next += 1;
    }
}

fn lock_slot(listing: &Listing, sub: usize) -> MutexGuard<'_, Slot> {
    listing.subs[sub].slot.lock().unwrap_or_else(PoisonError::into_inner)
}

fn weight(outcome: &Outcome) -> usize {
    match outcome {
        Outcome::Listed(listing, notes) => listing.items.len() + notes.len() + 1,
        _ => 1,
    }
}

fn is_out_of_files(error: &io::Error) -> bool {
    let error = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE].iter().any(|e| error == Some(e.raw_os_error()))
}

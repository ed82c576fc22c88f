//! Walks what is to be saved: every path once, in the order of a snapshot's tree. A folder is
//! read when it is near, so that memory and open files are bounded by how deep the tree is, not
//! by how much is in it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use super::ahead::Ahead;
use super::error::SourceError;
use super::exclude::Excludes;
use super::limit::folders_ahead;
use super::listing::{Found, Listing, Place, Step};
use super::roots::plan;
use super::scan::{Outcome, Scanner};

/// Steps that [`Walk::next_batch`] gives at once.
const BATCH: usize = 1_024;

#[derive(Debug, Default)]
pub struct WalkOptions {
    pub excludes: Excludes,
    /// Of a folder that holds a valid `CACHEDIR.TAG` keep only the tag.
    pub exclude_caches: bool,
    /// Keep the folder of a mount point, not what is mounted, unless that is a root itself.
    pub one_file_system: bool,
    /// Device and inode of folders that are kept and never entered: the store, the agent's state.
    pub skip: Vec<(u64, u64)>,
    /// Helpers that read ahead of the walk; without any the walk reads alone.
    pub threads: usize,
}

/// Begins to walk `roots`, which all must be there. A path is kept below the snapshot's root as
/// it was named, an absolute one without its first `/`; the folders on the way to a root are
/// entries too. A root that is a symbolic link is saved as a link, while one on the way to a root
/// is saved as the folder that it leads to.
pub fn walk(roots: &[PathBuf], options: WalkOptions) -> Result<Walk, SourceError> {
    let tops = plan(roots)?;
    let options = Arc::new(options);
    let ahead = Arc::new(Ahead::new(folders_ahead()));
    let mut walk = Walk {
        stack: Vec::new(),
        pending: VecDeque::new(),
        scanner: Scanner::new(Arc::clone(&options)),
        ahead,
        helpers: Vec::new(),
    };
    for top in tops.into_iter().rev() {
        let outcome = walk.scanner.read(top.fd, Place::default(), &top.scope);
        if let Outcome::Listed(listing, notes) = outcome {
            walk.ahead.begin(&listing);
            walk.pending.extend(notes);
            walk.stack.push(Frame { listing, item: 0, sub: 0 });
        }
    }
    walk.start_helpers(&options);
    Ok(walk)
}

pub struct Walk {
    /// The folders that the walk is in, and the parts of the uppermost level still to come.
    stack: Vec<Frame>,
    pending: VecDeque<Step>,
    scanner: Scanner,
    ahead: Arc<Ahead>,
    helpers: Vec<JoinHandle<()>>,
}

/// How far the walk is in a folder.
struct Frame {
    listing: Arc<Listing>,
    item: usize,
    sub: usize,
}

impl Walk {
    /// Adds some steps to `steps`; false if there are no more.
    pub fn next_batch(&mut self, steps: &mut Vec<Step>) -> bool {
        let before = steps.len();
        steps.extend(self.take(BATCH));
        steps.len() > before
    }

    fn start_helpers(&mut self, options: &Arc<WalkOptions>) {
        for helper in 0..options.threads {
            let ahead = Arc::clone(&self.ahead);
            let mut scanner = Scanner::new(Arc::clone(options));
            let help = move || ahead.help(helper, &mut scanner);
            // If the system has no more threads, fewer will do.
            let Ok(thread) = std::thread::Builder::new().name("walk".to_owned()).spawn(help) else {
                return;
            };
            self.helpers.push(thread);
        }
    }

    /// The item that the walk has come to, if it is in a folder that has more; and if it is to be
    /// entered, its number among those.
    fn advance(&mut self) -> Option<(Found, Option<usize>)> {
        loop {
            let frame = self.stack.last_mut()?;
            let item = frame.item;
            if item == frame.listing.items.len() {
                self.stack.pop();
                continue;
            }
            frame.item += 1;
            let found = Found::new(Arc::clone(&frame.listing), item);
            let sub = frame.sub;
            if frame.listing.subs.get(sub).is_none_or(|next| next.item as usize != item) {
                return Some((found, None));
            }
            frame.sub += 1;
            // Nothing comes back to this folder: let it be closed before what is below is open.
            if frame.item == frame.listing.items.len() {
                self.stack.pop();
            }
            return Some((found, Some(sub)));
        }
    }

    /// Enters the folder `found`; false if it is gone.
    fn enter(&mut self, found: &Found, sub: usize) -> bool {
        let path = || found.path();
        match self.ahead.take(found.listing(), sub, &mut self.scanner) {
            Outcome::Vanished => return false,
            Outcome::Listed(listing, notes) => {
                self.pending.extend(notes);
                self.stack.push(Frame { listing, item: 0, sub: 0 });
            }
            Outcome::Refused(why) => self.pending.push_back(Step::Skipped { path: path(), why }),
            Outcome::Failed(error) => {
                self.pending.push_back(Step::Unreadable { path: path(), error });
            }
        }
        true
    }
}

impl Iterator for Walk {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if let Some(step) = self.pending.pop_front() {
            return Some(step);
        }
        loop {
            match self.advance()? {
                (found, Some(sub)) if !self.enter(&found, sub) => {}
                (found, _) => return Some(Step::Found(found)),
            }
        }
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        self.ahead.stop();
        for helper in self.helpers.drain(..) {
            // A panic of a helper was told as the failure of its folder.
            let _ = helper.join();
        }
    }
}

//! How many files this process may have open: a walk holds one descriptor for every folder that
//! it is in, and for those that it has read ahead.

use rustix::process::{Resource, getrlimit};

pub use pulih_restore::raise_file_limit;

/// How many folders may be held open ahead of where the walk is: what it is in, and the files
/// that are read meanwhile, need most of the limit.
pub(super) fn folders_ahead() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    (limit / 4).clamp(16, 2_048) as usize
}

//! How many files this process may have open: a walk holds one descriptor for every folder that
//! it is in, and for those that it has read ahead.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files to the most this process may have and returns it.
pub fn raise_file_limit() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    }
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// How many folders may be held open ahead of where the walk is: what it is in, and the files
/// that are read meanwhile, need most of the limit.
pub(super) fn folders_ahead() -> usize {
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    (limit / 4).clamp(16, 2_048) as usize
}

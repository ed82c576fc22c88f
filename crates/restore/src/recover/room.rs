//! Room for what is to be written.

use std::path::{Path, PathBuf};

/// Bytes of files that are there already: a recovery that goes on writes the rest. By their lengths, for
/// content has no holes: a half-written file may count as more than it is, and whoever has the room is not
/// turned away for a file with holes that is whole.
pub fn bytes_below(folder: &Path) -> u64 {
    let mut folders = vec![folder.to_path_buf()];
    let mut bytes = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) if metadata.is_file() => bytes += metadata.len(),
                _ => {}
            }
        }
    }
    bytes
}

/// Room for this user where the target is, or will be.
pub fn free_bytes(target: &Path) -> Option<u64> {
    let mut at: PathBuf = std::path::absolute(target).ok()?;
    while !at.exists() {
        at = at.parent()?.to_path_buf();
    }
    let stat = rustix::fs::statvfs(&at).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

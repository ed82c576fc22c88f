//! Files being written, on a disk that has no files without a name. Each is locked by its writer
//! for as long as that lives; whichever is not locked is a leftover and may be removed.

use std::fmt::Write as _;
use std::io::{self, ErrorKind};

use ring::rand::{SecureRandom, SystemRandom};

use super::super::disk::{Disk, EntryKind};
use super::unless_exists;

const DIR: &str = "tmp";
const NAME_BYTES: usize = 16;
/// Each costs a new file, and is lost only if a store is opened between its making and its lock: on
/// a busy machine with many readers that happens several times in a row.
const TRIES: usize = 1000;

/// Opens a new file under a name of its own, which the caller removes in the end.
pub(super) fn open<D: Disk>(disk: &D) -> io::Result<(D::Temp, String)> {
    unless_exists(disk.make_dir(DIR))?;
    for _ in 0..TRIES {
        let path = random_path()?;
        match disk.open_locked(&path) {
            // A store that was opened just now took the new file for a leftover.
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            opened => return Ok((opened?, path)),
        }
    }
    Err(io::Error::other("each new file was removed by another process"))
}

/// Removes leftovers as far as it can: a store that is only read may be on a disk, or belong to
/// a user, that does not let them be removed, and they are in nobody's way.
pub(super) fn sweep<D: Disk>(disk: &D) {
    for entry in disk.list_dir(DIR).unwrap_or_default() {
        let path = format!("{DIR}/{}", entry.name);
        if entry.kind == EntryKind::File
            && is_temp_name(&entry.name)
            && let Ok(_locked) = disk.lock_leftover(&path)
        {
            let _ = disk.remove(&path);
        }
    }
}

/// Whether [`open`] gives such names. Only those are swept, and since they begin with a dot none
/// of them is an object's.
fn is_temp_name(name: &str) -> bool {
    name.strip_prefix('.').is_some_and(|hex| hex.len() == 2 * NAME_BYTES && hex.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn random_path() -> io::Result<String> {
    let mut bytes = [0; NAME_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random numbers"))?;
    let mut path = format!("{DIR}/.");
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(path, "{byte:02x}");
    }
    Ok(path)
}

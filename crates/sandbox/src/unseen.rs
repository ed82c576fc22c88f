//! Files that have no name any more and are still open in a box: no walk finds them, and they take room.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::linux::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::Pid;

const ESRCH: i32 = rustix::io::Errno::SRCH.raw_os_error();
/// Which field the flags are, from the state on, and the one of them that says that a process is exiting.
const FLAGS: usize = 6;
const EXITING: u64 = 0x4;
/// Of all processes together. Whoever opens more hides something.
const MAX_OPEN: usize = 1 << 20;

/// Bytes that files of the data's file system take that are open in the box of that first process, and deleted; `None`:
/// it cannot be seen.
pub fn bytes(data: &Path, first: Pid) -> Option<u64> {
    let device = fs::metadata(data).ok()?.st_dev();
    let name = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid"));
    let first = first.as_raw_nonzero().to_string();
    let of_box = match name(&first) {
        Ok(name) => name,
        // All others end with it. The kernel says `EACCES` too of one that is ending.
        Err(_) if has_ended(&first) => return Some(0),
        Err(_) => return None,
    };
    let (mut files, mut looked) = (BTreeMap::new(), 0);
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) =
            entry.file_name().to_str().filter(|its| its.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned)
        else {
            continue;
        };
        if name(&pid).ok().as_ref() != Some(&of_box) {
            continue;
        }
        // A process that ended meanwhile has none.
        for open in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
            looked += 1;
            let Some(its) = fs::metadata(open.path()).ok().filter(|its| its.st_nlink() == 0) else { continue };
            if its.st_dev() == device {
                files.insert(its.st_ino(), its.st_blocks().saturating_mul(512));
            }
        }
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        for (inode, bytes) in maps.lines().filter_map(|line| mapped(line, device)) {
            looked += 1;
            let its = files.entry(inode).or_insert(0);
            *its = bytes.max(*its);
        }
        if looked > MAX_OPEN {
            return None;
        }
    }
    Some(files.values().fold(0, |sum: u64, its| sum.saturating_add(*its)))
}

/// Whether a process is gone or on its way out: whoever is the first of a box takes all others with it.
fn has_ended(pid: &str) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => is_over(&stat),
        Err(error) => error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(ESRCH),
    }
}

/// By `proc_pid_stat(5)`. One that waits for the others to end still sleeps by its state; its flags say that it goes on
/// nowhere, and the kernel no longer lets a user look at it that could before.
fn is_over(stat: &str) -> bool {
    // Its name, in brackets, may have any character.
    let Some((_, rest)) = stat.rsplit_once(") ") else { return false };
    let fields: Vec<&str> = rest.split(' ').collect();
    let flags: u64 = fields.get(FLAGS).and_then(|flags| flags.parse().ok()).unwrap_or(0);
    matches!(fields.first(), Some(&("Z" | "X"))) || flags & EXITING != 0
}

/// `begin-end rwxp offset major:minor inode path (deleted)`: the file, and how much of it is mapped.
fn mapped(line: &str, device: u64) -> Option<(u64, u64)> {
    let mut fields = line.strip_suffix(" (deleted)")?.split_whitespace();
    let (begin, end) = fields.next()?.split_once('-')?;
    let (major, minor) = fields.nth(2)?.split_once(':')?;
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let is_it =
        hex(major)? == u64::from(rustix::fs::major(device)) && hex(minor)? == u64::from(rustix::fs::minor(device));
    let inode = fields.next()?.parse().ok()?;
    is_it.then_some((inode, hex(end)?.saturating_sub(hex(begin)?)))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_box_that_ends_while_it_is_looked_at_takes_nothing() {
        for _ in 0..200 {
            let mut child = Command::new("/bin/true").spawn().unwrap();
            let pid = Pid::from_raw(child.id() as i32).unwrap();
            let reaper = std::thread::spawn(move || child.wait().unwrap());
            while !reaper.is_finished() {
                assert!(bytes(Path::new("/"), pid).is_some());
            }
            assert_eq!(bytes(Path::new("/"), pid), Some(0));
            reaper.join().unwrap();
        }
    }

    #[test]
    fn one_that_waits_for_the_others_to_end_is_over() {
        let stat = |state: &str, flags: u64| format!("7 (a) b) ) {state} 1 7 7 0 -1 {flags} 100 0 0");
        assert!(is_over(&stat("Z", 0)) && is_over(&stat("S", 0x0040_0104)));
        assert!(!is_over(&stat("S", 0x0040_0100)) && !is_over("") && !is_over("7 (a) S 1"));
        let own = fs::read_to_string("/proc/self/stat").unwrap();
        assert!(!is_over(&own), "{own}");
    }

    #[test]
    fn a_mapped_file_that_was_deleted_is_known_by_its_device_and_number() {
        let line = "7f0000000000-7f0000100000 rw-s 00000000 fe:00 1234                       /data/it (deleted)";
        let device = rustix::fs::makedev(0xfe, 0);
        assert_eq!(mapped(line, device), Some((1234, 1 << 20)));
        assert_eq!(mapped(line, rustix::fs::makedev(0xfe, 1)), None);
        assert_eq!(mapped(&line.replace(" (deleted)", ""), device), None);
    }
}

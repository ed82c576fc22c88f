//! What is in the box, as its own `/proc` says.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Pid;

/// All processes of the box but this one.
pub fn others() -> io::Result<Vec<Pid>> {
    let own = rustix::process::getpid();
    let pids = fs::read_dir("/proc")?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Ok(pids.filter_map(Pid::from_raw).filter(|pid| *pid != own).collect())
}

/// Programs that are not there, by their place in the list.
pub fn absent(paths: &[String]) -> Vec<usize> {
    let is_there =
        |path: &str| fs::metadata(path).is_ok_and(|its| its.is_file() && its.permissions().mode() & 0o111 != 0);
    paths.iter().enumerate().filter(|(_, path)| !is_there(path)).map(|(at, _)| at).collect()
}

/// `statm`: pages mapped, resident, …
fn pages(of: &str, field: usize) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{of}/statm"))?;
    text.split_whitespace().nth(field).and_then(|its| its.parse().ok()).ok_or_else(|| io::Error::other("no statm"))
}

pub fn own_bytes() -> io::Result<u64> {
    Ok(pages("self", 0)?.saturating_mul(rustix::param::page_size() as u64))
}

/// Of all the others together.
pub fn resident_bytes() -> io::Result<u64> {
    // One that ended meanwhile has none.
    let resident = |pid: Pid| pages(&pid.as_raw_nonzero().to_string(), 1).unwrap_or(0);
    let pages: u64 = others()?.into_iter().map(resident).sum();
    Ok(pages.saturating_mul(rustix::param::page_size() as u64))
}

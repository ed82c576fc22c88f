//! What tells this machine from others, and nothing else of it: a digest that a site compares.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Where a machine's id is by default (machine-id(5)).
pub const MACHINE_ID: &str = "/etc/machine-id";
/// The firmware's id, which only root reads: a copy of a virtual machine has another.
const PRODUCT_UUID: &str = "/sys/class/dmi/id/product_uuid";
const CONTEXT: &str = "pulih 2026-11 machine v1";
const MAX_BYTES: u64 = 4096;

/// The server's own name.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// 64 hexadecimal digits over the machine's id, that of its firmware where it can be read, and
/// its name.
pub fn fingerprint(machine_id: &Path, host: &str) -> String {
    of(&[&part(machine_id), &part(Path::new(PRODUCT_UUID)), host.as_bytes()])
}

fn of(parts: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for part in parts {
        // With its length, so that no two lists of parts are one.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}

/// What cannot be read says nothing.
fn part(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes));
    if read.is_ok() { bytes.trim_ascii().to_vec() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_differ_by_each_part() {
        let folder = tempfile::tempdir().unwrap();
        let id = folder.path().join("machine-id");
        std::fs::write(&id, "0123\n").unwrap();
        let one = fingerprint(&id, "opd-1");
        assert_eq!(one.len(), 64);
        assert_eq!(one, fingerprint(&id, "opd-1"));
        assert_ne!(one, fingerprint(&id, "opd-2"));
        std::fs::write(&id, "4567\n").unwrap();
        assert_ne!(one, fingerprint(&id, "opd-1"));
        assert_ne!(of(&[b"a", b"bc"]), of(&[b"ab", b"c"]));
    }
}

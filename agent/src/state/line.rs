//! What an agent remembers of the line to a vault's store: how large packs got through. A hint:
//! without it packs begin small and grow.

use std::fs;

use super::{StateError, VaultDir, io_at};

const FILE: &str = "pack-bytes";
/// More than a number of bytes has no place in the file.
const MAX_BYTES: u64 = 32;

impl VaultDir {
    /// Bytes of the packs that got through last; 0 if that is not known.
    pub fn pack_bytes(&self) -> u64 {
        let path = self.path().join("cache").join(FILE);
        let text = super::read_bounded(&path, MAX_BYTES).ok().flatten().unwrap_or_default();
        std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    pub fn save_pack_bytes(&self, bytes: u64) -> Result<(), StateError> {
        let path = self.cache()?.join(FILE);
        fs::write(&path, format!("{bytes}\n")).map_err(io_at("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use crate::state::StateDir;

    #[test]
    fn what_is_not_known_or_damaged_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let vault = StateDir::at(folder.path().to_owned()).vault(pulih_vault::id::VaultId([1; 16]));
        assert_eq!(vault.pack_bytes(), 0);
        vault.save_pack_bytes(5 << 20).unwrap();
        assert_eq!(vault.pack_bytes(), 5 << 20);
        std::fs::write(vault.path().join("cache/pack-bytes"), "much").unwrap();
        assert_eq!(vault.pack_bytes(), 0);
    }
}

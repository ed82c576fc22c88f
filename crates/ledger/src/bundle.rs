//! Entry bundles of C2SP tlog-tiles: each entry after its length, big-endian in two bytes.

use pulih_vault::error::Malformed;
use pulih_vault::wire::Reader;

use crate::edge::TILE_WIDTH;

/// Longest entry. One byte below what the format can carry, as C2SP advises for JSON.
pub const MAX_ENTRY_BYTES: usize = 65_534;
/// Largest bundle there can be.
pub const MAX_BUNDLE_BYTES: u64 = (TILE_WIDTH * (2 + u16::MAX as usize)) as u64;

/// Appends entries, each of at most 65,535 bytes, to `out`.
pub fn put<'a>(out: &mut Vec<u8>, entries: impl IntoIterator<Item = &'a [u8]>) {
    for entry in entries {
        debug_assert!(u16::try_from(entry.len()).is_ok());
        out.extend_from_slice(&(entry.len() as u16).to_be_bytes());
        out.extend_from_slice(entry);
    }
}

/// The entries of `bytes`, which are exactly `count`.
pub fn take<'a>(what: &'static str, bytes: &'a [u8], count: usize) -> Result<Vec<&'a [u8]>, Malformed> {
    let mut reader = Reader::new(what, bytes);
    // Before memory is taken: each entry has at least its length.
    if count.saturating_mul(2) > bytes.len() {
        return Err(reader.bad(format!("it has {} bytes, too few for {count} entries", bytes.len())));
    }
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        let len = u16::from_be_bytes(reader.array()?);
        entries.push(reader.bytes(usize::from(len))?);
    }
    reader.end()?;
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn entries_come_back(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let mut out = Vec::new();
            put(&mut out, entries.iter().map(Vec::as_slice));
            prop_assert_eq!(take("bundle", &out, entries.len()).unwrap(), entries.clone());
            prop_assert!(take("bundle", &out, entries.len() + 1).is_err());
            if !entries.is_empty() {
                prop_assert!(take("bundle", &out, entries.len() - 1).is_err());
                prop_assert!(take("bundle", &out[..out.len() - 1], entries.len()).is_err());
            }
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..600), count in 0usize..300) {
            if let Ok(entries) = take("bundle", &bytes, count) {
                let mut out = Vec::new();
                put(&mut out, entries);
                prop_assert_eq!(out, bytes);
            }
        }
    }

    #[test]
    fn no_count_takes_memory_that_the_bytes_do_not_warrant() {
        assert!(take("bundle", &[0; 100], usize::MAX).is_err());
    }
}

//! Entry bundles and entries from arbitrary bytes: what is taken is written again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pulih_ledger::{ReadEntry, bundle, canonical};

fn check_entry(bytes: &[u8]) {
    if let Ok(object) = canonical::decode(bytes) {
        assert!(canonical::encode(&object).is_ok_and(|again| again == bytes), "it has two canonical forms");
    }
    if let Ok(entry) = ReadEntry::parse(bytes) {
        assert!(canonical::encode(&entry.raw).is_ok_and(|again| again == bytes), "a field was lost");
        assert!(entry.raw.contains_key("actor") && !entry.type_name().is_empty() || entry.body().is_none());
    }
}

fuzz_target!(|data: &[u8]| {
    check_entry(data);
    let Some((count, bytes)) = data.split_first_chunk::<2>() else { return };
    if let Ok(entries) = bundle::take("bundle", bytes, usize::from(u16::from_le_bytes(*count))) {
        let mut again = Vec::new();
        bundle::put(&mut again, entries.iter().copied());
        assert_eq!(again, bytes);
        entries.into_iter().for_each(check_entry);
    }
});

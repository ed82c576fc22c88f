//! Reach objects from arbitrary bytes: the first two say how long the first object is, which
//! the second is applied to.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pulih_fuzz::VAULT;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::reach::{MAX_CHAIN, Reach, ReachObject};

fn parse(bytes: &[u8]) -> Option<ReachObject> {
    let object = ReachObject::parse(bytes, VAULT).ok()?;
    assert_eq!(object.encode(VAULT), bytes, "there is one way to write a reach");
    assert!(ReachObject::parse(bytes, VaultId([9; 16])).is_err());
    if let Some((below, _)) = object.base {
        assert!((1..=MAX_CHAIN).contains(&below));
    } else {
        assert!(object.packs_gone.is_empty() && object.indexes_gone.is_empty());
    }
    Some(object)
}

fuzz_target!(|data: &[u8]| {
    let Some((len, rest)) = data.split_first_chunk() else { return };
    let len = usize::from(u16::from_le_bytes(*len)).min(rest.len());
    let (first, second) = rest.split_at(len);
    let (first, second) = (parse(first), parse(second));
    let mut base = Reach::default();
    if first.is_none_or(|object| base.apply(object).is_err()) {
        return;
    }
    assert_eq!(parse(&base.to_object().encode(VAULT)), Some(base.to_object()));

    let mut reach = base.clone();
    if second.is_none_or(|object| reach.apply(object).is_err()) {
        return;
    }
    let change = reach.to_change(&base, ObjectHash([1; 32]), 0);
    assert_eq!(parse(&change.encode(VAULT)).as_ref(), Some(&change));
    let mut again = base;
    again.apply(change).expect("a change fits its base");
    assert_eq!(again, reach);
});

//! The pack of something large of which most was deleted soon: mostly dead, avoided, no longer needed by what
//! comes next, and gone once what needed it has expired.

use pulih_vault::id::ObjectHash;
use pulih_vault::store::{Store as _, StoreError};

use super::super::bench::{Bench, DAY, LAYOUT, VAULT, now};
use super::office::{IMPORTED_BYTES, Office};

/// Files that come, and how many are left on each day after.
const LEFT: [u32; 4] = [7, 5, 3, 1];

/// How many are left so many days later.
pub fn left_after(days: u32) -> u32 {
    LEFT[LEFT.len().min(days as usize + 1) - 1]
}

pub struct Watched {
    pub day: u32,
    pub pack: ObjectHash,
    /// When it was first seen to be.
    avoided: Option<i64>,
    doomed: Option<i64>,
    gone: Option<i64>,
}

impl Watched {
    /// From the snapshot on that brought it.
    pub fn new(day: u32, bench: &Bench, office: &Office) -> Self {
        let (pack, its) = office.packs(bench).into_iter().max_by_key(|(_, its)| its.all_bytes).unwrap();
        assert!(its.all_bytes >= IMPORTED_BYTES as u64 * u64::from(LEFT[0]), "{its:?}");
        assert_eq!(its.live_bytes, its.all_bytes);
        Self { day, pack, avoided: None, doomed: None, gone: None }
    }

    /// Whether a snapshot of this day still needs it: none does that was made once it was avoided.
    pub fn is_needed_by(&self, day: u32) -> bool {
        (self.day..self.day + LEFT.len() as u32).contains(&day)
    }

    /// Looks at it after the site's daily work; `true`: it has just gone.
    pub fn look(&mut self, bench: &Bench, office: &Office) -> bool {
        let pack = self.pack.to_string();
        let used = office.packs(bench).remove(&self.pack);
        if self.avoided.is_none() {
            if bench.pusat.avoided(VAULT).unwrap().contains(&pack) {
                let its = used.expect("the newest snapshot needs some of it");
                assert!(its.live_bytes > 0 && its.live_bytes * 4 < its.all_bytes, "{its:?}");
                assert!(its.all_bytes - its.live_bytes >= 1 << 20, "{its:?}");
                self.avoided = Some(now());
            }
            return false;
        }
        // A backup has come since.
        assert_eq!(used, None, "what is alive of {pack} was written afresh");
        if self.doomed.is_none() && bench.pusat.doomed(VAULT).unwrap().contains(&pack) {
            self.doomed = Some(now());
        }
        let there = match bench.store.size(&LAYOUT.pack(self.pack)) {
            Ok(_) => true,
            Err(StoreError::NotFound { .. }) => false,
            Err(error) => panic!("{error}"),
        };
        let goes = !there && self.gone.is_none();
        if goes {
            self.gone = Some(now());
        }
        goes
    }

    pub fn is_doomed(&self) -> bool {
        self.doomed.is_some()
    }

    pub fn assert_went(&self) {
        let (Some(avoided), Some(doomed), Some(gone)) = (self.avoided, self.doomed, self.gone) else {
            panic!("{} of day {}: {:?} {:?} {:?}", self.pack, self.day, self.avoided, self.doomed, self.gone);
        };
        assert!(avoided + 35 * DAY < doomed, "snapshots needed it for as long as they were kept");
        assert_eq!(gone - doomed, 7 * DAY);
    }
}

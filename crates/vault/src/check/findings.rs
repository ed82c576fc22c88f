//! What a check has found so far: objects that are damaged or missing, the snapshots that need
//! them, and what of those is lost. Bounded, however much is damaged.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Lost, LostIn, Problem};
use crate::error::VaultError;
use crate::store::ObjectName;

/// Snapshots that are listed for one object; more are counted.
const LISTED: usize = 1000;
/// Paths that are listed in all.
const LISTED_IN_ALL: usize = 100_000;

struct Draft {
    error: String,
    affects: Vec<usize>,
    affects_count: u64,
    last_affected: Option<usize>,
    lost: Vec<Lost>,
    lost_in: Vec<LostIn>,
    last_lost: Option<usize>,
    /// Paths in `lost` that are of that snapshot.
    listed: usize,
    lost_count: u64,
}

#[derive(Default)]
struct Inner {
    drafts: BTreeMap<ObjectName, Draft>,
    listed: usize,
}

pub struct Findings {
    inner: Mutex<Inner>,
    /// Paths that are listed for one object and snapshot.
    paths: usize,
}

impl Findings {
    pub fn new(paths: usize) -> Self {
        Self { inner: Mutex::default(), paths }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An object is damaged. What was found first stands: it is nearest to the cause.
    pub fn damaged(&self, object: &ObjectName, error: &VaultError) {
        self.wrong(object, &error.to_string());
    }

    pub fn missing(&self, object: &ObjectName) {
        self.wrong(object, "it is not in the store");
    }

    pub fn wrong(&self, object: &ObjectName, error: &str) {
        self.lock().drafts.entry(object.clone()).or_insert_with(|| Draft {
            error: error.to_owned(),
            affects: Vec::new(),
            affects_count: 0,
            last_affected: None,
            lost: Vec::new(),
            lost_in: Vec::new(),
            last_lost: None,
            listed: 0,
            lost_count: 0,
        });
    }

    pub fn is_bad(&self, object: &ObjectName) -> bool {
        self.lock().drafts.contains_key(object)
    }

    /// A snapshot needs the object, which is bad. Snapshots come in order.
    pub fn affects(&self, object: &ObjectName, snapshot: usize) {
        if let Some(draft) = self.lock().drafts.get_mut(object)
            && draft.last_affected.is_none_or(|last| last < snapshot)
        {
            draft.last_affected = Some(snapshot);
            draft.affects_count += 1;
            if draft.affects.len() < LISTED {
                draft.affects.push(snapshot);
            }
        }
    }

    pub fn lost(&self, object: &ObjectName, lost: Lost) {
        self.affects(object, lost.snapshot);
        let mut inner = self.lock();
        let Inner { drafts, listed } = &mut *inner;
        if let Some(draft) = drafts.get_mut(object) {
            draft.lost_count = draft.lost_count.saturating_add(lost.entries);
            if draft.last_lost != Some(lost.snapshot) {
                draft.last_lost = Some(lost.snapshot);
                draft.listed = 0;
                if draft.lost_in.len() < LISTED {
                    draft.lost_in.push(LostIn { snapshot: lost.snapshot, files: 0, unfound: 0 });
                }
            }
            if let Some(last) = draft.lost_in.last_mut().filter(|last| last.snapshot == lost.snapshot) {
                let of = if lost.entries == 1 { &mut last.files } else { &mut last.unfound };
                *of = of.saturating_add(lost.entries);
            }
            if draft.listed < self.paths && *listed < LISTED_IN_ALL {
                *listed += 1;
                draft.listed += 1;
                draft.lost.push(lost);
            }
        }
    }

    pub fn into_problems(self) -> Vec<Problem> {
        let inner = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner);
        let problem = |(object, draft): (ObjectName, Draft)| Problem {
            object,
            error: draft.error,
            affects: draft.affects,
            affects_count: draft.affects_count,
            lost: draft.lost,
            lost_in: draft.lost_in,
            lost_count: draft.lost_count,
        };
        inner.drafts.into_iter().map(problem).collect()
    }
}

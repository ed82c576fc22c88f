//! The room that an OPD has at this DRC: by this site's own policy, and counted by what is in its store. Who
//! fills it makes its own snapshots wait, and nobody else's.

use pulih_vault::id::ObjectHash;
use pulih_vault::reach::Reach;

use super::error::PullError;
use super::urgency::Waiting;
use super::{Drc, lock};

/// Bytes that are counted while they come.
pub(super) struct Room<'d> {
    drc: &'d Drc,
    opd: String,
    bytes: u64,
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some(coming) = lock(&self.drc.work).coming.get_mut(&self.opd) {
            *coming = coming.saturating_sub(self.bytes);
        }
    }
}

impl Drc {
    /// Room for the packs of a snapshot that are to come, or why it waits.
    pub(super) fn room(&self, its: &Waiting, reach: &Reach, missing: &[ObjectHash]) -> Result<Room<'_>, PullError> {
        let bytes = missing.iter().filter_map(|hash| reach.packs.get(hash)).map(|used| used.stored_bytes);
        let bytes = bytes.fold(0, u64::saturating_add);
        let in_force = self.in_force();
        let quota = in_force.policy.quota(&its.opd).map(pulih_policies::Size::bytes);
        // Taken first: two that come at once each see what the other takes.
        let before = {
            let mut work = lock(&self.work);
            let coming = work.coming.entry(its.opd.clone()).or_default();
            let before = *coming;
            *coming = coming.saturating_add(bytes);
            before
        };
        let room = Room { drc: self, opd: its.opd.clone(), bytes };
        let Some(quota) = quota.filter(|_| bytes > 0) else { return Ok(room) };
        let stored = lock(&self.catalog).stored_of(&its.opd)?;
        if stored.saturating_add(before).saturating_add(bytes) <= quota {
            return Ok(room);
        }
        let text = format!(
            "the quota of OPD {} at this DRC is {quota} bytes, of which {stored} are used, and {} needs {bytes} more; \
             its snapshots wait until the policy here gives it more",
            its.opd, its.snapshot
        );
        self.alarm_about("quota-full", &its.opd, &text)?;
        Err(PullError::Waits(text))
    }
}

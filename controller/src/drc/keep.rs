//! Retention at the DRC: what every site does, by this site's own ledger; and what the mirrored
//! ledger holds or suspects, which holds here too. What it releases or ends changes nothing here.

use std::collections::BTreeSet;

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::{HoldPlaced, SuspicionRaised};
use pulih_vault::reach::Reach;

use super::error::PullError;
use super::pull::MOST_BATCHES;
use super::urgency::Waiting;
use super::{Drc, lock};
use crate::catalog::{Hold, Standing, Suspicion};
use crate::gateway::answer::{Answer, Refusal};
use crate::keeping::{By, Past, Suspect};
use crate::record::time;

/// Holds of the other site that hold here at the same time: whoever has its ledger must not fill this one.
const MOST_HOLDS: usize = 1000;

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Answer<T> {
    text.parse().map_err(|error: T::Err| Refusal::internal(&error))
}

fn placed(its: Hold) -> Answer<HoldPlaced> {
    let dataset = its.dataset.as_deref().map(parsed).transpose()?;
    Ok(HoldPlaced {
        hold: parsed(&its.id)?,
        vault: parsed(&its.vault)?,
        dataset,
        letter: its.letter,
        reason: its.reason,
    })
}

fn raised(its: Suspicion) -> Answer<SuspicionRaised> {
    Ok(SuspicionRaised {
        suspicion: parsed(&its.id)?,
        vault: parsed(&its.vault)?,
        dataset: parsed(&its.dataset)?,
        since: time(its.since).map_err(|error| Refusal::internal(&error))?,
        measure: its.measure,
        text: its.text,
    })
}

impl Drc {
    /// What is looked after from hour to hour.
    pub fn tend(&self) -> Answer<()> {
        self.watch_silence(|its| self.silence_target(its))?;
        self.mind_pusat()?;
        self.extend_ahead()?;
        if self.is_due()? {
            self.intake.retain(By::Dates)?;
        }
        Ok(())
    }

    /// A dataset's DRC target in seconds; `None` where the other site no longer saves it.
    fn silence_target(&self, its: &Standing) -> Answer<Option<i64>> {
        let (agent, approved) = {
            let mirrored = lock(&self.mirrored);
            let point = &its.point;
            let approved = mirrored.catalog.is_approved(&point.vault, &point.dataset, self.now())?;
            (mirrored.catalog.agent(&its.agent)?, approved)
        };
        if !approved || agent.is_none_or(|agent| agent.revoked.is_some()) {
            return Ok(None);
        }
        Ok(Some(self.target(&its.class, &its.opd, &its.point.dataset)))
    }

    /// Takes over what the mirrored ledger holds and suspects, of vaults that are here.
    pub(super) fn take_orders(&self) -> Answer<()> {
        let (holds, suspicions) = {
            let mirrored = lock(&self.mirrored);
            (mirrored.catalog.holds()?, mirrored.catalog.suspicions()?)
        };
        let now = self.now();
        let mut record = lock(&self.record);
        let vaults: BTreeSet<String> = record.catalog.vaults()?.into_iter().map(|vault| vault.id).collect();
        let mut held = record.catalog.holds()?.iter().filter(|hold| hold.released.is_none()).count();
        for hold in holds.into_iter().filter(|hold| hold.released.is_none() && vaults.contains(&hold.vault)) {
            if held < MOST_HOLDS && record.catalog.hold(&hold.id)?.is_none() {
                record.write(now, &Actor::Site, vec![placed(hold)?.into()])?;
                held += 1;
            }
        }
        for its in suspicions.into_iter().filter(|its| its.ended.is_none() && vaults.contains(&its.vault)) {
            let known = record.catalog.suspicion(&its.id)?.is_some();
            let has_points = record.catalog.newest_before_suspicion(&its.vault, &its.dataset)?.is_some();
            // One at a time: each needs a person here.
            if !known && has_points && record.catalog.suspected(&its.vault, &its.dataset)?.is_none() {
                record.write(now, &Actor::Site, vec![raised(its)?.into()])?;
            }
        }
        Ok(())
    }

    /// What a snapshot changes against the one before it, if that is here: by the mirrored ledger, since
    /// snapshots come in another order than they were made in.
    pub(super) fn measured(&self, waiting: &Waiting, reach: &Reach) -> Answer<Option<(Past, Option<Suspect>)>> {
        if waiting.partial {
            return Ok(None);
        }
        let before = {
            let points = lock(&self.mirrored).catalog.points(&waiting.vault, &waiting.dataset)?;
            let mut older = points.into_iter().skip_while(|point| point.snapshot != waiting.snapshot).skip(1);
            older.find(|point| !point.partial)
        };
        let here = lock(&self.catalog).points(&waiting.vault, &waiting.dataset)?;
        let Some(before) = before.and_then(|before| here.into_iter().find(|its| its.snapshot == before.snapshot))
        else {
            return Ok(None);
        };
        let (change, suspect) = self.measure(&before, reach)?;
        Ok(Some((change.into(), suspect)))
    }

    /// Whether the Pusat Data let a snapshot expire before it came here: it is not waited for any more.
    pub(super) fn has_expired_there(&self, waiting: &Waiting) -> Result<bool, PullError> {
        let Some((peer, there)) = self.paired()? else { return Ok(false) };
        self.follow_ledger(&peer, &*there, MOST_BATCHES)?;
        let mirrored = lock(&self.mirrored);
        Ok(mirrored.catalog.has_expired(&waiting.vault, &waiting.dataset, &waiting.snapshot)?)
    }
}

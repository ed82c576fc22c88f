//! Retention at the Pusat Data: what every site does, with quotas that follow, and what is silent by
//! this site's targets.

use pulih_vault::reach::Reach;

use super::{Pusat, lock};
use crate::catalog::Standing;
use crate::gateway::answer::Answer;
use crate::keeping::{By, Order, Past, Retained, Suspect};

impl Pusat {
    /// One run at the time that the site's clock shows.
    pub fn retain(&self, by: By) -> Answer<Retained> {
        let done = self.base.retain_now(by)?;
        for (opd, bytes) in &done.freed {
            self.quotas.sub(opd, *bytes);
        }
        Ok(done)
    }

    /// What a snapshot changes against the newest one of its dataset. Where that cannot be read, nothing is
    /// measured: it keeps nobody from saving.
    pub(super) fn measured(
        &self,
        vault: &str,
        dataset: &str,
        partial: bool,
        reach: &Reach,
    ) -> Option<(Past, Option<Suspect>)> {
        if partial {
            return None;
        }
        let points = lock(&self.catalog).points(vault, dataset).ok()?;
        let before = points.into_iter().find(|point| !point.partial)?;
        match self.measure(&before, reach) {
            Ok((change, suspect)) => Some((change.into(), suspect)),
            Err(refusal) => {
                eprintln!("warning: dataset {dataset} of vault {vault} is not measured: {}", refusal.message);
                None
            }
        }
    }

    pub fn keeping(&self, order: Order) -> Answer<serde_json::Value> {
        match order {
            Order::Run => crate::keeping::retained(self.retain(By::Person)?),
            other => self.base.keeping(other),
        }
    }

    /// What is looked after from hour to hour.
    pub fn tend(&self) -> Answer<()> {
        self.watch_silence(|its| self.target(its))?;
        self.mind_drc()?;
        self.extend_ahead()?;
        if self.is_due()? {
            self.retain(By::Dates)?;
        }
        Ok(())
    }

    /// A dataset's target in seconds; `None` where it is no longer to be saved.
    fn target(&self, its: &Standing) -> Answer<Option<i64>> {
        let (now, catalog) = (self.now(), lock(&self.catalog));
        let gone = catalog.agent(&its.agent)?.is_none_or(|agent| agent.revoked.is_some());
        if gone || !catalog.is_approved(&its.point.vault, &its.point.dataset, now)? {
            return Ok(None);
        }
        drop(catalog);
        let targets = self.in_force().targets(&its.class, &its.opd, &its.point.dataset)?;
        Ok(Some(targets.rpo_pusat.seconds() as i64))
    }
}

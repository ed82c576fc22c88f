//! What was counted at the gateway goes on the ledger when a month is over: once for each office and month, whatever
//! ended in between. The ledger decides what is there already; what was counted since the last flush is all that a crash
//! costs, and `measured_seconds` says less by it.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::TrafficMeasured;
use pulih_policies::{Period, Tier, Zone};

use super::{Pusat, lock};
use crate::catalog::{Catalog, Unmeasured, doubt};
use crate::gateway::answer::{Answer, Refusal};
use crate::gateway::meter::{HOUR, Passed};
use crate::record::time;
use crate::site::SiteRole;
use crate::uji;

const DAY: i64 = 24 * HOUR;
/// After a month's end, so that what was counted in its last moment is in the catalog.
const AFTERWARDS: i64 = 2 * 60;
/// A site that was away for longer says nothing of the months before that.
const MOST_MONTHS: usize = 24;
/// Days of a month.
const MOST_DAYS: usize = 31;
/// The largest whole number that an entry has.
const MOST: u64 = (1 << 53) - 1;

/// When the month began in which `at` is.
fn month_of(zone: Zone, at: i64) -> i64 {
    Period::containing(Tier::Month, zone, at).begins
}

/// Months that are over and not on the ledger, as they begin and end. Each goes on where the one before it ended, also
/// where the policy has another time zone since: no hour is in two of them, and none in between.
fn months(zone: Zone, from: i64, now: i64) -> Vec<(i64, i64)> {
    let mut months = Vec::new();
    let mut from = from;
    loop {
        // Two days on: what lacks an hour to the beginning of a month is that month.
        let until = zone.month_end(from + 2 * DAY);
        if until <= from || until + AFTERWARDS > now {
            break;
        }
        months.push((from, until));
        from = until;
    }
    months.split_off(months.len().saturating_sub(MOST_MONTHS))
}

/// The figures of an office's month.
fn figures(opd: &str, (from, until): (i64, i64), hours: &[Passed], seconds: u64) -> Answer<TrafficMeasured> {
    let internal = |error: &dyn std::fmt::Display| Refusal::internal(error);
    let (days, rest) = ((until - from) / DAY, (until - from) % DAY);
    let mut by_day = vec![0u64; ((days + i64::from(rest > 0)).max(1) as usize).min(MOST_DAYS)];
    let (mut sent, mut busiest) = (0u64, None::<&Passed>);
    for its in hours {
        let day = (((its.hour - from) / DAY).max(0) as usize).min(by_day.len() - 1);
        by_day[day] = by_day[day].saturating_add(its.received);
        sent = sent.saturating_add(its.sent);
        if its.received > busiest.map_or(0, |its| its.received) {
            busiest = Some(its);
        }
    }
    // Their sum is what came: each is bounded so that it fits an entry too.
    by_day.iter_mut().for_each(|bytes| *bytes = (*bytes).min(MOST / MOST_DAYS as u64));
    Ok(TrafficMeasured {
        opd: opd.parse().map_err(|error| internal(&error))?,
        from: time(from).map_err(|error| internal(&error))?,
        until: time(until).map_err(|error| internal(&error))?,
        received: by_day.iter().sum(),
        sent: sent.min(MOST),
        days: by_day,
        busiest: busiest.map(|its| time(its.hour)).transpose().map_err(|error| internal(&error))?,
        busiest_bytes: busiest.map_or(0, |its| its.received.min(MOST)),
        measured_seconds: seconds,
    })
}

impl Pusat {
    /// Writes down what passed since the last time, and the months that are over.
    pub fn meter_traffic(&self) -> Answer<()> {
        self.settle_traffic()?;
        self.say_traffic()
    }

    /// What passed since the last time goes into the catalog.
    pub fn settle_traffic(&self) -> Answer<()> {
        let keep = |passed: &[_], served: &[_]| lock(&self.catalog).add_traffic(passed, served);
        Ok(self.meter.settle(uji::steady(), keep)?)
    }

    /// Months that are over go on the ledger.
    pub(crate) fn say_traffic(&self) -> Answer<()> {
        let (now, zone) = (self.now(), self.in_force().policy.zone);
        // Held for all of it: what is not on the ledger when it is looked for must not come there meanwhile.
        let mut record = lock(&self.record);
        if record.behind().is_some() || doubt(record.catalog.newest_time()?, now).is_some() {
            return Ok(());
        }
        let bodies = self.unsaid(&record.catalog, zone, now)?;
        if bodies.is_empty() {
            return Ok(());
        }
        record.write(now, &Actor::Site, bodies)?;
        // A day before: where the zone changed, a month went on from an hour before this one began.
        Ok(record.catalog.forget_traffic(month_of(zone, now) - DAY)?)
    }

    fn unsaid(&self, catalog: &Catalog, zone: Zone, now: i64) -> Answer<Vec<Body>> {
        let mut bodies = Vec::new();
        for its in catalog.unmeasured()? {
            let Some(from) = self.unsaid_since(catalog, zone, &its)? else { continue };
            for (from, until) in months(zone, from, now) {
                let hours = catalog.traffic(&its.opd, from, until)?;
                // A DRC takes agents in during a disaster alone, and of offices that sent it nothing it says nothing.
                if self.site.role == SiteRole::Drc && hours.is_empty() {
                    continue;
                }
                let seconds = catalog.metered(from, until)?;
                bodies.push(figures(&its.opd, (from, until), &hours, seconds)?.into());
            }
        }
        Ok(bodies)
    }

    /// From when on nothing is on the ledger of an office: from the month in which the site knew it first.
    fn unsaid_since(&self, catalog: &Catalog, zone: Zone, its: &Unmeasured) -> Answer<Option<i64>> {
        if self.site.role == SiteRole::Drc {
            let begin = its.counted.map(|hour| month_of(zone, hour));
            return Ok(begin.map(|begin| its.measured.map_or(begin, |until| until.max(begin))));
        }
        let first = || Ok::<_, Refusal>(its.added.map_or_else(|| catalog.metered_since(), |at| Ok(Some(at)))?);
        match its.measured {
            Some(until) => Ok(Some(until)),
            None => Ok(first()?.map(|at| month_of(zone, at))),
        }
    }
}

#[cfg(test)]
mod tests;

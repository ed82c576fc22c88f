//! How long it takes until data is back: measured by drills and recoveries, and forecast from a sample where nothing
//! newer was measured whole. Pure: whoever asks has read the facts.

use pulih_ledger::entry::kinds::DrillPhases;

use crate::facts::Key;
use crate::tried::{Measured, Recovery, Tried};

/// Tries that a median is taken of.
const OF: usize = 3;

/// What is known of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// The newest one of all its files.
    pub measured: Option<Measured>,
    /// The newest one of a sample, and what all would take by it; only where it is newer.
    pub forecast: Option<(Measured, u64)>,
    /// Of what is shown.
    pub phases: Option<DrillPhases>,
    /// How much slower it has become, in whole per cent, rounded down.
    pub trend_percent: Option<i64>,
    /// What a server said of itself newest.
    pub said: Option<Measured>,
    /// How many times this site saw it come back.
    pub tries: u64,
}

impl Figures {
    /// What is shown, and whether it is a forecast.
    pub fn milliseconds(&self) -> Option<(u64, bool)> {
        match &self.forecast {
            Some((_, milliseconds)) => Some((*milliseconds, true)),
            None => self.measured.as_ref().map(|its| (its.milliseconds, false)),
        }
    }

    /// What is shown follows from this.
    pub fn shown(&self) -> Option<&Measured> {
        self.forecast.as_ref().map(|(its, _)| its).or(self.measured.as_ref())
    }
}

/// Whether a figure is within a target.
pub fn inside(milliseconds: u64, target_seconds: u64) -> bool {
    milliseconds <= target_seconds.saturating_mul(1000)
}

/// Times what there is of it all is larger than what was tried, rounded up; `None`: nothing was tried.
fn scaled(value: u64, its: &Measured) -> Option<u64> {
    let times =
        |all: u64, tried: u64| (tried > 0).then(|| (u128::from(value) * u128::from(all)).div_ceil(u128::from(tried)));
    let most = times(its.total_bytes, its.bytes).max(times(its.total_files, its.files))?;
    Some(most.min(u128::from(u64::MAX)) as u64)
}

/// What all of a point would take by a sample of it, with its phases.
fn forecast(its: &Measured) -> Option<(u64, DrillPhases)> {
    let fixed = its.phases.approve.saturating_add(its.phases.check);
    let rest = scaled(its.milliseconds.saturating_sub(fixed), its)?;
    let phase = |of: u64| scaled(of, its);
    let phases = DrillPhases {
        approve: its.phases.approve,
        fetch: phase(its.phases.fetch)?,
        decrypt: phase(its.phases.decrypt)?,
        write: phase(its.phases.write)?,
        verify: phase(its.phases.verify)?,
        check: its.phases.check,
    };
    Some((fixed.saturating_add(rest), phases))
}

/// The median of three by milliseconds for each byte.
fn median<'m>(three: &[&'m Measured]) -> Option<&'m Measured> {
    let mut three = three.to_vec();
    let slower = |a: &Measured, b: &Measured| {
        (u128::from(a.milliseconds) * u128::from(b.bytes)).cmp(&(u128::from(b.milliseconds) * u128::from(a.bytes)))
    };
    three.sort_by(|a, b| slower(a, b));
    three.get(three.len() / 2).copied()
}

/// How much the newest three are slower than the three before. `all`: the newest first, of one kind.
fn trend(all: &[&Measured]) -> Option<i64> {
    let new = median(all.get(..OF)?)?;
    let old = median(all.get(OF..2 * OF)?)?;
    let times = |a: u64, b: u64| i128::from(a).checked_mul(b.into());
    let (above, below) = (times(new.milliseconds, old.bytes)?, times(new.bytes, old.milliseconds)?);
    let percent = above.checked_mul(100)?.checked_div_euclid(below)?;
    i64::try_from(percent - 100).ok()
}

/// Of a dataset, of what was written down in `from..to`.
pub fn of_dataset(tried: &Tried, key: &Key, from: i64, to: i64) -> Figures {
    let all = tried.measured().iter().rev().filter(|its| its.key == *key && (from..to).contains(&its.at));
    let (seen, said): (Vec<&Measured>, Vec<&Measured>) = all.partition(|its| its.server.is_none());
    let measured = seen.iter().find(|its| its.is_whole()).copied();
    // The newest of all is a sample: nothing measured is newer.
    let sample = seen.first().filter(|its| !its.is_whole());
    let forecast = sample.and_then(|its| Some((*its, forecast(its)?)));
    let shown = forecast.as_ref().map(|(its, _)| *its).or(measured);
    let same = |its: &&&Measured| {
        shown.is_some_and(|shown| (&shown.kind, shown.is_whole()) == (&its.kind, its.is_whole())) && its.bytes > 0
    };
    let of_kind: Vec<&Measured> = seen.iter().filter(same).copied().collect();
    Figures {
        measured: measured.cloned(),
        phases: forecast.as_ref().map(|(_, (_, phases))| *phases).or(measured.map(|its| its.phases)),
        forecast: forecast.map(|(its, (milliseconds, _))| (its.clone(), milliseconds)),
        trend_percent: trend(&of_kind),
        said: said.first().map(|its| (*its).clone()),
        tries: seen.len() as u64,
    }
}

/// A service of a plan, in the plan's order.
#[derive(Debug, Clone)]
pub struct Service {
    /// `None`: nothing of it is at this site.
    pub datasets: Vec<Option<Key>>,
}

/// How long a plan, or a service of it, takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    pub milliseconds: u64,
    /// Summed up of its datasets' figures: nobody brought all of it back yet.
    pub is_forecast: bool,
    /// The drill or recovery.
    pub by: Option<String>,
    pub at: Option<i64>,
}

/// When each dataset of a drill or recovery was back: milliseconds from its beginning.
struct Back {
    by: String,
    at: i64,
    milliseconds: u64,
    datasets: Vec<(Key, u64)>,
}

fn back<'s>(steps: impl Iterator<Item = (u64, Option<Key>)> + 's, by: String, (milliseconds, at): (u64, i64)) -> Back {
    let mut passed = 0_u64;
    let datasets = steps.filter_map(|(took, key)| {
        passed = passed.saturating_add(took);
        key.map(|key| (key, passed))
    });
    Back { datasets: datasets.collect(), by, at, milliseconds }
}

fn of_recovery(its: &Recovery) -> Option<Back> {
    let (outcome, milliseconds, at) = its.ended.as_ref()?;
    if outcome != "done" || its.server.is_some() {
        return None;
    }
    let steps = its.steps.iter().filter(|step| step.outcome != "failed").map(|step| {
        let key = step.vault.zip(step.dataset.clone()).map(|(vault, dataset)| Key { vault, dataset });
        (step.milliseconds, key)
    });
    Some(back(steps, its.id.to_string(), (*milliseconds, *at)))
}

/// The newest drill of a plan that passed, or recovery by it that was done here.
fn newest(tried: &Tried, plan: &str, from: i64, to: i64) -> Option<Back> {
    let drills = tried.drills().iter().filter_map(|its| {
        let (ended, at) = its.ended.as_ref()?;
        let is_it = its.announced.kind == "plan" && its.announced.plan.as_deref() == Some(plan);
        if !is_it || ended.outcome != "passed" || its.announced.sample_percent.is_some() {
            return None;
        }
        let steps = its.steps.iter().map(|step| {
            let key = step.vault.zip(step.dataset.clone()).map(|(vault, dataset)| Key { vault, dataset });
            (step.milliseconds, key)
        });
        Some(back(steps, its.announced.drill.to_string(), (ended.milliseconds, *at)))
    });
    let recoveries = tried.recoveries().iter().filter(|its| its.plan.as_deref() == Some(plan)).filter_map(of_recovery);
    drills.chain(recoveries).filter(|its| (from..to).contains(&its.at)).max_by_key(|its| its.at)
}

/// Of a plan and each of its services: a service is back when all is that comes before it, and it. `None`: of one
/// dataset at least nothing is known.
pub fn of_plan(
    tried: &Tried,
    plan: &str,
    services: &[Service],
    from: i64,
    to: i64,
) -> (Option<Whole>, Vec<Option<Whole>>) {
    if let Some(its) = newest(tried, plan, from, to) {
        let whole =
            |milliseconds| Whole { milliseconds, is_forecast: false, by: Some(its.by.clone()), at: Some(its.at) };
        // One with other datasets than the plan has now says nothing of those that came since.
        let of = |service: &Service| {
            let all =
                service.datasets.iter().map(|key| its.datasets.iter().find(|(known, _)| Some(known) == key.as_ref()));
            let last = all.map(|its| its.map(|(_, at)| *at)).collect::<Option<Vec<_>>>()?.into_iter().max()?;
            Some(whole(last))
        };
        return (Some(whole(its.milliseconds)), services.iter().map(of).collect());
    }
    let (mut sum, mut all) = (Some(0_u64), Vec::new());
    for service in services {
        for key in &service.datasets {
            let figure = key.as_ref().and_then(|key| of_dataset(tried, key, from, to).milliseconds());
            sum = sum.zip(figure).map(|(sum, (milliseconds, _))| sum.saturating_add(milliseconds));
        }
        all.push(sum.filter(|_| !service.datasets.is_empty()));
    }
    let forecast = |milliseconds| Whole { milliseconds, is_forecast: true, by: None, at: None };
    let has_any = services.iter().any(|service| !service.datasets.is_empty());
    (sum.filter(|_| has_any).map(forecast), all.into_iter().map(|sum| sum.map(forecast)).collect())
}

#[cfg(test)]
mod tests;

//! What comes of offices and of the site: what each stores, day by day, and what its line carries, hour by hour.

use std::collections::BTreeMap;

use pulih_policies::simulate::{Course, Line, Load, Time};
use pulih_policies::{Policy, Rate, Zone};

use super::known::Dataset;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// What the model says of an office.
#[derive(Debug)]
struct Office {
    /// Bytes when it begins, and at the end of each day.
    by_day: Vec<u64>,
    line: Line,
}

#[derive(Debug)]
pub struct Offices {
    time: Time,
    all: BTreeMap<String, Office>,
    site: Line,
}

/// How an office stands to its quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    pub most: u64,
    /// What is stored in the end.
    pub in_the_end: u64,
    /// The first day on which it is more.
    pub passed: Option<i64>,
}

impl Offices {
    pub fn over(time: Time) -> Self {
        Self { time, all: BTreeMap::new(), site: Line::over(time) }
    }

    /// Of a dataset whose growth is not known nothing is added.
    pub fn add(&mut self, its: &Dataset, course: &Course) {
        let Some(growth) = its.growth else { return };
        let office = self
            .all
            .entry(its.opd.clone())
            .or_insert_with(|| Office { by_day: Vec::new(), line: Line::over(self.time) });
        let by_day = course.stored_by_day(growth);
        office.by_day.resize(by_day.len(), 0);
        office.by_day.iter_mut().zip(by_day).for_each(|(sum, its)| *sum = sum.saturating_add(its));
        for (at, bytes) in course.arrivals(growth) {
            office.line.add(at, bytes);
            self.site.add(at, bytes);
        }
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.keys().map(String::as_str)
    }

    /// Against the quota of a policy; `stored`: what the office has now. What that is beyond the model's figure stays.
    pub fn quota(&self, policy: &Policy, opd: &str, stored: u64) -> Option<Quota> {
        let most = policy.quota(opd)?.bytes();
        let by_day = &self.all.get(opd)?.by_day;
        let rest = stored.saturating_sub(by_day.first().copied().unwrap_or(0));
        let passed = by_day.iter().position(|bytes| bytes.saturating_add(rest) > most);
        Some(Quota {
            most,
            in_the_end: self.stored(opd, stored)?,
            passed: passed.map(|day| self.time.from.saturating_add(day as i64 * DAY).min(self.time.to)),
        })
    }

    /// What an office stores in the end, as the model has it; `stored`: what it has now.
    pub fn stored(&self, opd: &str, stored: u64) -> Option<u64> {
        let by_day = &self.all.get(opd)?.by_day;
        let rest = stored.saturating_sub(by_day.first().copied().unwrap_or(0));
        Some(by_day.last().copied().unwrap_or(0).saturating_add(rest))
    }

    /// The load of its line under a policy.
    pub fn load(&self, policy: &Policy, opd: &str) -> Option<Load> {
        let rates = |minute: u16| policy.bits_per_second(opd, minute);
        Some(self.all.get(opd)?.line.load(capacity(policy.zone, rates)))
    }

    /// Of all offices together.
    pub fn site(&self, policy: &Policy) -> Load {
        let rates = |minute: u16| policy.limits.rate_at(minute).map(Rate::bits_per_second);
        self.site.load(capacity(policy.zone, rates))
    }
}

/// How many bytes may come in the hour that begins at a time. `rates`: bits a second by minute of the day.
pub fn capacity(zone: Zone, rates: impl Fn(u16) -> Option<u64>) -> impl Fn(i64) -> Option<u64> {
    let of_hour = |hour: u16| {
        let minutes = hour * 60..(hour + 1) * 60;
        minutes.map(&rates).try_fold(0_u64, |sum, rate| Some(sum.saturating_add(rate?.saturating_mul(60) / 8)))
    };
    let hours: Vec<Option<u64>> = (0..24).map(of_hour).collect();
    move |at| {
        let local = at.saturating_add(i64::from(zone.offset_seconds()));
        hours[(local.rem_euclid(DAY) / HOUR) as usize]
    }
}

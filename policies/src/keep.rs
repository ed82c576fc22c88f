//! Keep rules: for how long a snapshot is kept, decided once, when a site accepts it.
//!
//! The first complete, unsuspected snapshot that is accepted in an hour, day, week, month or year
//! (of the policy's zone) takes that tier, and is kept for the longest of the periods of the tiers
//! it takes, counted from its acceptance and put off to the month's end, since the locks of object
//! stores are moved from month to month. A date that an agent claims plays no part: elsewhere,
//! snapshots with forged dates push real ones out of their tiers. For the same reason the first
//! takes a tier and not the last: who adds a snapshot at the end of each day gains nothing.
//!
//! Beside this the newest few snapshots of a dataset are always kept (`newest`); which those are
//! changes with time, so it is no part of what is decided here.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{Datelike as _, Days, NaiveDate, NaiveTime, Timelike as _};

use crate::quantity::Span;
use crate::zone::{Zone, first_of_month};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Tier {
    pub const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::Week, Self::Month, Self::Year];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// How long it lasts at most. What is kept for less leaves times at which none is kept.
    pub fn longest(self) -> Span {
        match self {
            Self::Hour => Span::HOUR,
            Self::Day => Span::DAY,
            Self::Week => Span::WEEK,
            Self::Month => Span::MONTH,
            Self::Year => Span::YEAR,
        }
    }
}

/// One hour, day, week (from Monday), month or year of a zone, named by its tier and its first
/// second in UTC: a key that a catalog can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period {
    pub tier: Tier,
    pub begins: i64,
}

impl Period {
    /// The period of `tier` that `utc` lies in.
    pub fn containing(tier: Tier, zone: Zone, utc: i64) -> Self {
        let local = zone.local(utc);
        let date = local.date();
        let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN);
        let begins = match tier {
            Tier::Hour => date.and_hms_opt(local.hour(), 0, 0).unwrap_or(local),
            Tier::Day => midnight(date),
            Tier::Week => {
                let since_monday = Days::new(u64::from(date.weekday().num_days_from_monday()));
                midnight(date.checked_sub_days(since_monday).unwrap_or(date))
            }
            Tier::Month => midnight(first_of_month(date)),
            Tier::Year => midnight(first_of_month(date).with_month(1).unwrap_or(date)),
        };
        Self { tier, begins: zone.utc(begins) }
    }

    /// The five periods that `utc` lies in: what to look up before [`KeepRules::decide`].
    pub fn all(zone: Zone, utc: i64) -> [Self; 5] {
        Tier::ALL.map(|tier| Self::containing(tier, zone, utc))
    }
}

/// What the site knows of a snapshot when it accepts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Complete, and nothing speaks against it.
    Sound,
    /// The saved work of a run that did not end: no recovery point.
    Partial,
    /// The dataset is under suspicion: it may hold what ransomware left.
    Suspected,
}

/// For how long the first snapshot of each tier is kept; `None`: the tier is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepRules {
    /// How many snapshots are kept whatever their age, the last accepted first. At least 1.
    pub newest: u32,
    pub hourly: Option<Span>,
    pub daily: Option<Span>,
    pub weekly: Option<Span>,
    /// Always there: at least one monthly and one yearly point stand at any time.
    pub monthly: Span,
    pub yearly: Span,
}

/// What was decided for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Kept {
    /// The tiers that it takes, which no later snapshot of its dataset can take.
    pub takes: Vec<Period>,
    /// Until when it is kept and locked, in seconds since 1970: the first moment of a month in the
    /// policy's zone. `None`: it takes no tier, and stays while it is one of the newest.
    pub until: Option<i64>,
}

impl KeepRules {
    pub fn period(&self, tier: Tier) -> Option<Span> {
        match tier {
            Tier::Hour => self.hourly,
            Tier::Day => self.daily,
            Tier::Week => self.weekly,
            Tier::Month => Some(self.monthly),
            Tier::Year => Some(self.yearly),
        }
    }

    /// What a snapshot takes that was accepted at `accepted` (seconds since 1970, by the clock of
    /// the site that accepts), when snapshots of its dataset that were accepted before it have
    /// taken `taken`. Periods in `taken` that `accepted` does not lie in make no difference.
    pub fn decide(&self, zone: Zone, accepted: i64, standing: Standing, taken: &BTreeSet<Period>) -> Kept {
        if standing != Standing::Sound {
            return Kept::default();
        }
        let free = |period: &Period| self.period(period.tier).is_some() && !taken.contains(period);
        let takes: Vec<Period> = Period::all(zone, accepted).into_iter().filter(free).collect();
        let longest = takes.iter().filter_map(|period| self.period(period.tier)).max();
        let until = longest.map(|span| zone.month_end(accepted.saturating_add(span.seconds() as i64)));
        Kept { takes, until }
    }
}

/// The later of two keep-until times. Whatever is decided anew about a snapshot (by a later
/// policy, a rebuilt catalog, another site) goes through this: what was fixed is never shortened.
pub fn later(fixed: Option<i64>, proposed: Option<i64>) -> Option<i64> {
    // `None` is less than any time.
    fixed.max(proposed)
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

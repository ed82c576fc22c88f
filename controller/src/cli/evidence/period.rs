//! From when up to when, and of which dataset: as people write it, in days of the policy's time zone.

use clap::Args;
use pulih_policies::Zone;
use pulih_vault::utc;

use crate::cli::Failure;
use crate::cli::ask::{answer, said};
use crate::control::Ask;
use crate::evidence::read::Period;
use crate::site::SiteDir;
use crate::uji;

/// What every report can be asked for.
#[derive(Debug, Args)]
pub struct Asked {
    /// The first day
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// The day after the last one [default: up to now]
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// One dataset alone
    #[arg(long, value_name = "AGENT/DATASET")]
    pub dataset: Option<String>,
}

/// From when on, where nothing is said.
#[derive(Debug, Clone, Copy)]
pub enum First {
    /// The first of this month.
    OfMonth,
    /// The ledger's first entry.
    Entry,
}

impl Asked {
    pub fn period(&self, zone: Zone, first: First) -> Result<Period, Failure> {
        let now = uji::now();
        let from = match (self.from.as_deref(), first) {
            (Some(from), _) => day(from, zone)?,
            (None, First::OfMonth) => month_of(now, zone)?,
            (None, First::Entry) => 0,
        };
        // The second that goes on has not passed.
        let to = self.to.as_deref().map(|to| day(to, zone)).transpose()?.unwrap_or(now);
        if from >= to {
            return Err(Failure::Said("the period has no second: --from comes before --to, and before now".into()));
        }
        Ok(Period { from, to, now })
    }

    pub fn is_asked(&self, agent: &str, dataset: &str) -> bool {
        self.dataset.as_ref().is_none_or(|only| *only == format!("{agent}/{dataset}"))
    }
}

/// The first moment of a day.
pub fn day(text: &str, zone: Zone) -> Result<i64, Failure> {
    let none = || Failure::Said(format!("{text:?} is no day: write it as 2026-11-01"));
    let is_date = text.len() == 10;
    let midnight = utc::parse(&format!("{text}T00:00:00Z")).filter(|_| is_date).ok_or_else(none)?;
    Ok(midnight - i64::from(zone.offset_seconds()))
}

/// A time (RFC 3339), or the first moment of a day.
pub fn moment(dir: &SiteDir, text: &str) -> Result<i64, Failure> {
    if !text.contains('T') {
        return day(text, zone(dir)?);
    }
    let none =
        || Failure::Said(format!("{text:?} is no time: write it as 2026-11-01T03:10:00Z, or a day as 2026-11-01"));
    utc::parse(text).ok_or_else(none)
}

/// The first moment of the month.
fn month_of(now: i64, zone: Zone) -> Result<i64, Failure> {
    let here = utc::rfc3339(now + i64::from(zone.offset_seconds()));
    day(&format!("{}-01", &here[..7]), zone)
}

/// The zone of the policy in force.
pub fn zone(dir: &SiteDir) -> Result<Zone, Failure> {
    let shown = answer(dir, Ask::PolicyShow)?;
    let text = shown["text"].as_str().unwrap_or_default();
    Ok(pulih_policies::Policy::parse("policy", text.as_bytes()).map_err(said)?.zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_where_the_policy_says() {
        let at = |text: &str| utc::parse(text).unwrap();
        assert_eq!(day("2026-11-01", Zone::Jakarta).unwrap(), at("2026-10-31T17:00:00Z"));
        assert_eq!(month_of(at("2026-10-31T16:59:59Z"), Zone::Jakarta).unwrap(), at("2026-09-30T17:00:00Z"));
        assert_eq!(month_of(at("2026-10-31T17:00:00Z"), Zone::Jakarta).unwrap(), at("2026-10-31T17:00:00Z"));
        for bad in ["", "2026-11", "2026-13-01", "2026-11-01T00", "kemarin...."] {
            day(bad, Zone::Jakarta).unwrap_err();
        }
    }
}

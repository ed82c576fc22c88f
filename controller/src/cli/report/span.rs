//! Of which days a report is, as people name them.

use clap::Args;
use pulih_policies::Zone;

use crate::cli::Failure;
use crate::cli::evidence::period::day;

#[derive(Debug, Args)]
pub struct Days {
    /// The first day that it is about
    #[arg(long, value_name = "DATE")]
    from: String,
    /// The day after the last one
    #[arg(long, value_name = "DATE")]
    to: String,
}

#[derive(Debug, Args)]
pub struct Month {
    /// The month that it is about
    #[arg(long, value_name = "YYYY-MM")]
    month: String,
}

#[derive(Debug, Args)]
pub struct Year {
    /// The year that it is about
    #[arg(long, value_name = "YYYY")]
    year: String,
}

impl Days {
    pub(super) fn read(&self, zone: Zone) -> Result<(i64, i64), Failure> {
        let (from, to) = (day(&self.from, zone)?, day(&self.to, zone)?);
        if from >= to {
            return Err(Failure::Said("the period has no day: --from comes before --to".into()));
        }
        Ok((from, to))
    }
}

impl Month {
    pub(super) fn read(&self, zone: Zone) -> Result<(i64, i64), Failure> {
        let none = |_| Failure::Said(format!("{:?} is no month: write it as 2026-10", self.month));
        let from = day(&format!("{}-01", self.month), zone).map_err(none)?;
        Ok((from, zone.month_end(from + 1)))
    }
}

impl Year {
    pub(super) fn read(&self, zone: Zone) -> Result<(i64, i64), Failure> {
        let none = || Failure::Said(format!("{:?} is no year: write it as 2026", self.year));
        let is_year = self.year.len() == 4 && self.year.bytes().all(|byte| byte.is_ascii_digit());
        let year: u16 = self.year.parse().ok().filter(|_| is_year).ok_or_else(none)?;
        let first = |year: u16| day(&format!("{year:04}-01-01"), zone).map_err(|_| none());
        Ok((first(year)?, first(year + 1)?))
    }
}

#[cfg(test)]
mod tests {
    use pulih_vault::utc;

    use super::*;

    #[test]
    fn months_and_years_begin_where_the_policy_says() {
        let at = |text: &str| utc::parse(text).unwrap();
        let month = |text: &str| Month { month: text.into() }.read(Zone::Jakarta);
        let year = |text: &str| Year { year: text.into() }.read(Zone::Jayapura);
        assert_eq!(month("2028-02").unwrap(), (at("2028-01-31T17:00:00Z"), at("2028-02-29T17:00:00Z")));
        assert_eq!(month("2026-12").unwrap().1, at("2026-12-31T17:00:00Z"));
        assert_eq!(year("2026").unwrap(), (at("2025-12-31T15:00:00Z"), at("2026-12-31T15:00:00Z")));
        for bad in ["2026", "2026-13", "2026-1", "oktober"] {
            month(bad).unwrap_err();
        }
        for bad in ["26", "2026-10", "+226", "9999"] {
            year(bad).unwrap_err();
        }
        assert!(Days { from: "2026-10-01".into(), to: "2026-10-01".into() }.read(Zone::Jakarta).is_err());
    }
}

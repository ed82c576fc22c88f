//! Silence is written down when it begins and when it ends, by this site's clock, so that whoever reckons up
//! later what was missing can say why. Decisions here are pure; the roles gather what they go by.

use std::collections::BTreeMap;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::SiteAway;

use crate::base::{Base, lock};
use crate::catalog::doubt;
use crate::gateway::answer::{Answer, Refusal};
use crate::record::time;

/// A site that was not served for so long was away, in seconds.
const AWAY: i64 = 600;

/// Something that says a sign of life again and again.
pub struct Heard {
    pub subject: String,
    /// When it was heard last, as far as is known.
    pub last: i64,
    /// How long it may be quiet, in seconds.
    pub patience: i64,
}

/// What changed.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    Lost { subject: String, since: i64 },
    Back { subject: String, since: i64 },
}

/// What became silent and what is heard again. `open`: what is silent by the ledger, since when; `began`: since when
/// this process listens, for what was said before that was said to nobody.
pub fn changes(all: &[Heard], open: &BTreeMap<String, i64>, began: i64, now: i64) -> Vec<Change> {
    let change = |its: &Heard| match open.get(&its.subject) {
        Some(since) if its.last > *since && now - its.last <= its.patience => {
            Some(Change::Back { subject: its.subject.clone(), since: *since })
        }
        None if now - its.last.max(began) > its.patience => {
            Some(Change::Lost { subject: its.subject.clone(), since: its.last.max(began) })
        }
        Some(_) | None => None,
    };
    all.iter().filter_map(change).collect()
}

impl Base {
    /// Says that the site was away, if it was; the first thing when it is served.
    pub fn say_away(&self) -> Answer<()> {
        let now = self.now();
        let mut record = lock(&self.record);
        if record.behind().is_some() {
            return Ok(());
        }
        let newest = record.catalog.newest_time()?;
        let last = record.catalog.alive()?.unwrap_or(0).max(newest);
        // A site that was just made was not away, and what a clock in doubt says is not written down as a fact.
        if newest > 0 && now - last > AWAY && doubt(newest, now).is_none() {
            let since = time(last).map_err(|error| Refusal::internal(&error))?;
            record.write(now, &Actor::Site, vec![SiteAway { since }.into()])?;
        }
        Ok(record.catalog.set_alive(now)?)
    }

    /// Writes down what was found, and that the site is served. Nothing is written by a clock in doubt.
    pub fn say(&self, now: i64, found: Vec<Body>) -> Answer<()> {
        let mut record = lock(&self.record);
        if doubt(record.catalog.newest_time()?, now).is_some() {
            return Ok(());
        }
        if !found.is_empty() {
            record.write(now, &Actor::Site, found)?;
        }
        Ok(record.catalog.set_alive(now)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(last: i64) -> [Heard; 1] {
        [Heard { subject: "app-1".into(), last, patience: 100 }]
    }

    #[test]
    fn what_says_nothing_for_longer_than_it_may_is_lost_once_and_comes_back_once() {
        let open = |since: Option<i64>| since.map(|since| ("app-1".to_owned(), since)).into_iter().collect();
        let lost = |since| vec![Change::Lost { subject: "app-1".into(), since }];
        assert_eq!(changes(&heard(50), &open(None), 0, 150), []);
        assert_eq!(changes(&heard(50), &open(None), 0, 151), lost(50));
        assert_eq!(changes(&heard(50), &open(Some(50)), 0, 9999), []);
        let back = vec![Change::Back { subject: "app-1".into(), since: 50 }];
        assert_eq!(changes(&heard(200), &open(Some(50)), 0, 210), back);
        // It was heard once meanwhile, and is quiet again for too long already: one silence.
        assert_eq!(changes(&heard(200), &open(Some(50)), 0, 301), []);
    }

    #[test]
    fn nobody_is_silent_for_the_time_in_which_nobody_listened() {
        let none = BTreeMap::new();
        assert_eq!(changes(&heard(50), &none, 1000, 1100), []);
        assert_eq!(changes(&heard(50), &none, 1000, 1101), [Change::Lost { subject: "app-1".into(), since: 1000 }]);
    }
}

//! How large a dataset is and how fast it changes, as an estimate.

use super::DAY;

/// In stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Growth {
    /// What its newest point needs.
    pub full: u64,
    /// What is new in it after a day, as measured.
    pub daily: u64,
}

impl Growth {
    /// What is new after so many seconds: in proportion, and never more than all of it.
    pub fn changed(self, seconds: i64) -> u64 {
        let new = u128::from(self.daily) * u128::from(seconds.max(0) as u64) / DAY as u128;
        u64::try_from(new).unwrap_or(u64::MAX).min(self.full)
    }

    /// What points take together, the first accepted first: the newest all that it needs, each before it what the next
    /// one no longer has, which is taken to be as much as was new there.
    pub fn stored(self, accepted: impl IntoIterator<Item = i64>) -> u64 {
        let mut stored: u64 = 0;
        let mut last = None;
        for at in accepted {
            let own = last.map_or(self.full, |last: i64| self.changed(at - last));
            stored = stored.saturating_add(own);
            last = Some(at);
        }
        stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_whole_and_each_before_it_has_what_changed_since() {
        let its = Growth { full: 1000, daily: 100 };
        assert_eq!(its.stored([]), 0);
        assert_eq!(its.stored([5]), 1000);
        assert_eq!(its.stored([0, DAY, 3 * DAY]), 1000 + 100 + 200);
        assert_eq!(its.stored([0, 100 * DAY]), 2000, "nothing of the first is in the second");
        assert_eq!((its.changed(-5), its.changed(i64::MAX)), (0, 1000));
    }
}

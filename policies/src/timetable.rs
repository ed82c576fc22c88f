//! When a dataset's backups run: its schedules, put off to the windows, and the jitter that keeps
//! a hundred agents with one schedule from knocking at the same second.

use crate::quantity::Span;
use crate::schedule::Schedule;
use crate::window::Windows;
use crate::zone::Zone;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timetable {
    pub zone: Zone,
    pub schedules: Vec<Schedule>,
    pub windows: Windows,
    pub jitter: Span,
}

impl Timetable {
    /// The first time after `utc` at which a run is due: what a schedule names outside the
    /// windows is due at their next opening.
    pub fn next_after(&self, utc: i64) -> Option<i64> {
        if let Some(closed) = self.windows.closed_since(self.zone, utc) {
            // What came since the closing waits; the opening is after `utc`.
            let waiting = self.next_scheduled(closed.saturating_sub(1)).filter(|&time| time <= utc);
            if waiting.is_some() {
                return Some(self.windows.next_open(self.zone, utc));
            }
        }
        self.next_scheduled(utc).map(|time| self.windows.next_open(self.zone, time))
    }

    /// The first `count` times after `utc` at which a run is due, in order.
    pub fn next_n(&self, utc: i64, count: usize) -> Vec<i64> {
        std::iter::successors(self.next_after(utc), |&last| self.next_after(last)).take(count).collect()
    }

    /// The next three runs, as people there read times: `Sun 2026-11-22 01:00 WIB`.
    pub fn next_three(&self, utc: i64) -> Vec<String> {
        self.next_n(utc, 3).into_iter().map(|time| self.zone.print_with_weekday(time)).collect()
    }

    /// When the run that is due at `due` begins: later by this agent's jitter, but never so late
    /// that the window has closed.
    pub fn begins(&self, agent: &str, dataset: &str, due: i64) -> i64 {
        // A window that never closes is open for a day, which no jitter is longer than.
        let last = self.windows.open_for(self.zone, due).saturating_sub(1);
        let bound = self.jitter.seconds().min(last);
        due.saturating_add(jitter(agent, dataset, due, bound) as i64)
    }

    fn next_scheduled(&self, utc: i64) -> Option<i64> {
        self.schedules.iter().filter_map(|schedule| schedule.next_after(self.zone, utc)).min()
    }
}

/// Seconds from 0 to `bound_seconds` that an agent waits after the `due` time of a run. The same
/// for the same agent, dataset and time, so that an agent that was restarted waits for the same
/// moment; spread evenly over agents, so that they do not come together; and another at each time,
/// so that none is always last.
pub fn jitter(agent: &str, dataset: &str, due: i64, bound_seconds: u64) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key("pulih 2026-11-22 jitter of a scheduled run");
    for text in [agent, dataset] {
        hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    }
    hasher.update(&due.to_le_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    // The high half of a product spreads 64 random bits over the range.
    ((u128::from(u64::from_le_bytes(bytes)) * (u128::from(bound_seconds) + 1)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn timetable(lines: &[&str], windows: &[&str]) -> Timetable {
        Timetable {
            zone: Zone::Jakarta,
            schedules: lines.iter().map(|line| line.parse().unwrap()).collect(),
            windows: Windows::new(windows.iter().map(|range| range.parse().unwrap()).collect()),
            jitter: Span::from_minutes(30),
        }
    }

    const MIDNIGHT: i64 = 1_795_305_600 - 7 * 3600; // 2026-11-22 00:00 WIB, a Sunday

    #[test]
    fn runs_outside_the_windows_wait_for_the_opening_and_come_once() {
        let table = timetable(&["0 */4 * * *", "30 17 * * *"], &["18:00-06:00"]);
        let printed: Vec<_> = table.next_n(MIDNIGHT, 5).into_iter().map(|t| table.zone.print(t)).collect();
        let expected = ["22 04:00", "22 18:00", "22 20:00", "23 00:00", "23 04:00"].map(|t| format!("2026-11-{t} WIB"));
        assert_eq!(printed, expected);
        // Whoever asks at noon hears of what waits since the morning.
        assert_eq!(table.next_after(MIDNIGHT + 12 * 3600), Some(MIDNIGHT + 18 * 3600));
        // At 07:00 nothing waits yet; at 08:00 a run will be put off all the same.
        assert_eq!(table.next_after(MIDNIGHT + 7 * 3600), Some(MIDNIGHT + 18 * 3600));
        assert_eq!(table.next_three(MIDNIGHT)[0], "Sun 2026-11-22 04:00 WIB");
    }

    #[test]
    fn jitter_ends_before_the_window_does() {
        let table = timetable(&["59 5 * * *"], &["18:00-06:00"]);
        let due = table.next_after(MIDNIGHT).unwrap();
        for agent in 0..100 {
            assert!((due..due + 60).contains(&table.begins(&agent.to_string(), "files", due)));
        }
    }

    #[test]
    fn jitter_spreads_agents() {
        let mut tenths = [0; 10];
        for agent in 0..1000 {
            let wait = jitter(&format!("agent-{agent}"), "files", MIDNIGHT, 599);
            tenths[wait as usize / 60] += 1;
        }
        assert!(tenths.iter().all(|n| (60..=140).contains(n)), "{tenths:?}");
        // Frozen: agents of two versions must agree.
        assert_eq!(jitter("a", "b", 0, u64::MAX), jitter("a", "b", 0, u64::MAX));
        assert_ne!(jitter("ab", "c", 0, u64::MAX), jitter("a", "bc", 0, u64::MAX));
    }

    proptest! {
        #[test]
        fn jitter_keeps_its_bound(agent in ".*", dataset in ".*", due: i64, bound: u64) {
            let wait = jitter(&agent, &dataset, due, bound);
            prop_assert!(wait <= bound);
            prop_assert_eq!(wait, jitter(&agent, &dataset, due, bound));
        }
    }
}

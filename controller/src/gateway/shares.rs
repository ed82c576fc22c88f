//! Bandwidth: how long whoever sends has to wait, so that all together stay below the site's rate
//! of the hour and each OPD below its share.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What may come at once after a silence.
const BURST: Duration = Duration::from_millis(250);
/// Longer than this nobody waits at once: who sends would take the line for dead.
const LONGEST: Duration = Duration::from_secs(30);

/// For each line the moment until which its rate is used up.
#[derive(Default)]
pub struct Shares {
    busy_until: Mutex<HashMap<String, Instant>>,
}

impl Shares {
    /// Counts `bytes` against each line and its rate in bits a second, and says how long to wait
    /// before more is taken.
    pub fn take<'l>(&self, lines: impl IntoIterator<Item = (&'l str, u64)>, bytes: u64, now: Instant) -> Duration {
        let mut busy = self.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wait = Duration::ZERO;
        for (line, rate) in lines {
            let takes = Duration::from_secs_f64(bytes as f64 * 8.0 / rate.max(1) as f64);
            let idle = now.checked_sub(BURST).unwrap_or(now);
            let from = busy.get(line).map_or(idle, |until| idle.max(*until));
            let until = from + takes.min(Duration::from_secs(3600));
            wait = wait.max(until.saturating_duration_since(now));
            busy.insert(line.to_owned(), until);
        }
        wait.min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends for `seconds` as fast as it is let; returns the bytes that came through.
    fn send(shares: &Shares, lines: &[(&str, u64)], seconds: u64) -> u64 {
        let (begin, piece) = (Instant::now(), 16 << 10);
        let (mut now, mut sent) = (begin, 0);
        while now < begin + Duration::from_secs(seconds) {
            now += shares.take(lines.iter().copied(), piece, now) + Duration::from_micros(10);
            sent += piece;
        }
        sent
    }

    #[test]
    fn the_slowest_line_decides_and_is_used_fully() {
        let rate = 8_000_000;
        for lines in [vec![("site", rate)], vec![("site", 10 * rate), ("dinkes", rate)]] {
            let sent = send(&Shares::default(), &lines, 60);
            // One MB/s for 60 s and the burst at the beginning.
            assert!((59_000_000..62_000_000).contains(&sent), "{sent}");
        }
    }

    #[test]
    fn without_a_rate_nobody_waits() {
        assert_eq!(Shares::default().take([], 1 << 30, Instant::now()), Duration::ZERO);
    }

    #[test]
    fn lines_do_not_wait_for_each_other() {
        let shares = Shares::default();
        let now = Instant::now();
        assert!(shares.take([("dinkes", 1000)], 1 << 20, now) > Duration::ZERO);
        assert_eq!(shares.take([("disdik", 8_000_000_000)], 1 << 10, now), Duration::ZERO);
    }
}

//! How many headers may be opened: a large restore needs some a second, who steals packs wants all.

use std::time::{Duration, Instant};

/// Headers a second, in the long run, and how many may come at once.
pub const PER_SECOND: f64 = 200.0;
const AT_ONCE: f64 = 2000.0;

pub struct Pace {
    left: f64,
    at: Instant,
}

impl Pace {
    pub fn new(now: Instant) -> Self {
        Self { left: AT_ONCE, at: now }
    }

    /// Takes one, and says how long to wait for it.
    pub fn take(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * PER_SECOND).min(AT_ONCE) - 1.0;
        self.at = now;
        Duration::from_secs_f64((-self.left / PER_SECOND).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_come_at_once_and_more_wait_for_their_turn() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let waits: Vec<Duration> = (0..2200).map(|_| pace.take(start)).collect();
        assert!(waits[..2000].iter().all(Duration::is_zero));
        assert_eq!(waits[2199], Duration::from_secs(1), "200 more take a second");
        assert!(pace.take(start + Duration::from_secs(60)).is_zero());
    }
}

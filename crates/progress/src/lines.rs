//! The words of progress: how far, how fast, what is new, how long it may still take.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::Totals;
use pulih_terminal::{count, duration, size};

/// How much the newest measure weighs for each second that it covers.
const SMOOTHING_SECONDS: f64 = 5.0;

/// Bytes a second, smoothed over some seconds.
#[derive(Debug)]
pub struct Rate {
    at: Instant,
    bytes: u64,
    smooth: f64,
    began: bool,
}

impl Rate {
    pub fn new(now: Instant) -> Self {
        Self { at: now, bytes: 0, smooth: 0.0, began: false }
    }

    /// Takes the sum of bytes so far and returns the rate.
    pub fn update(&mut self, now: Instant, bytes: u64) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        if passed <= 0.0 {
            return self.smooth;
        }
        let measured = bytes.saturating_sub(self.bytes) as f64 / passed;
        let weight = if self.began { 1.0 - (-passed / SMOOTHING_SECONDS).exp() } else { 1.0 };
        self.smooth += (measured - self.smooth) * weight;
        self.began = true;
        self.at = now;
        self.bytes = bytes;
        self.smooth
    }
}

/// One line: `1.2 GiB of 4.0 GiB, 1,024 of 20,000 files, 85.2 MiB/s, 0.3 GiB new, 96.0 MiB waiting, 35s left`.
pub fn summary_line(totals: &Totals, rate: f64) -> String {
    let done = &totals.done;
    let mut line = size(done.bytes);
    if totals.found_all {
        let _ = write!(line, " of {}", size(totals.found_bytes));
    }
    let _ = write!(line, ", {}", count(done.files));
    if totals.found_all {
        let _ = write!(line, " of {}", count(totals.found_files));
    }
    let _ = write!(line, " files, {}/s", size(rate as u64));
    if done.new_bytes + done.known_bytes > 0 {
        let _ = write!(line, ", {} new, {} known", size(done.new_bytes), size(done.known_bytes));
    }
    if done.stored_bytes > 0 {
        let _ = write!(line, ", {} stored", size(done.stored_bytes));
    }
    if totals.waiting_bytes > 0 {
        let _ = write!(line, ", {} waiting", size(totals.waiting_bytes));
    }
    if totals.found_all && rate >= 1.0 && totals.found_bytes > done.bytes {
        let left = (totals.found_bytes - done.bytes) as f64 / rate;
        let _ = write!(line, ", {} left", duration(Duration::from_secs_f64(left.min(1e9))));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Progress;

    #[test]
    fn a_rate_follows_what_is_measured() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        assert!((rate.update(start + Duration::from_secs(1), 100) - 100.0).abs() < 1e-9);
        let slower = rate.update(start + Duration::from_secs(2), 100);
        assert!(0.0 < slower && slower < 100.0);
    }

    #[test]
    fn a_line_says_what_is_known_and_no_more() {
        let done = Progress { files: 1024, bytes: 1 << 30, ..Progress::default() };
        let mut totals = Totals { done, ..Totals::default() };
        assert_eq!(summary_line(&totals, 0.0), "1.0 GiB, 1,024 files, 0 B/s");
        totals.found_all = true;
        totals.found_bytes = 2 << 30;
        totals.found_files = 2048;
        totals.done.new_bytes = 1 << 20;
        totals.done.stored_bytes = 1 << 19;
        totals.waiting_bytes = 1 << 18;
        let rate = f64::from(1 << 24);
        assert_eq!(
            summary_line(&totals, rate),
            "1.0 GiB of 2.0 GiB, 1,024 of 2,048 files, 16.0 MiB/s, 1.0 MiB new, 0 B known, 512.0 KiB stored, 256.0 KiB waiting, 1m04s left"
        );
    }
}

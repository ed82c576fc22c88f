//! Trying again, with pauses that grow and are never the same on two agents.

use std::time::Duration;

/// Tries before an error is believed: with the pauses below, about two minutes of a dead line.
pub const TRIES: u32 = 9;
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(30);

/// The pause after try number `tried` (from 1): doubled each time, and between a half and the
/// whole of that by `noise`.
pub fn pause(tried: u32, noise: u32) -> Duration {
    let doubled = FIRST.saturating_mul(1 << tried.saturating_sub(1).min(16));
    let longest = doubled.min(LONGEST);
    let share = f64::from(noise) / f64::from(u32::MAX);
    longest.mul_f64(0.5 + share / 2.0)
}

/// Something that differs from agent to agent and from try to try. Not a secret.
pub fn noise() -> u32 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one(0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        let most: Duration = (1..TRIES).map(|tried| pause(tried, u32::MAX)).sum();
        assert!(most > Duration::from_secs(60) && most < Duration::from_secs(180), "{most:?}");
        assert!((1..40).all(|tried| pause(tried, 0) <= pause(tried, u32::MAX)));
        assert!((1..40).all(|tried| pause(tried, u32::MAX) <= LONGEST));
    }
}

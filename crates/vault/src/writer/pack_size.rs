//! How large a pack is to be: on a line that is slow or breaks off, so small that it gets through.
//!
//! What a pack took, from its first byte to the store's answer, has in it whatever the line did:
//! how slow it was, and every try that broke off. So that is all that is looked at.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A pack should take no longer on its way: lines are known that drop twice a minute, and what is
/// on its way then is sent again.
const AIM: Duration = Duration::from_secs(20);
/// Packs in a row that would have made it at twice the size, before the next ones are that large.
const IN_A_ROW: u32 = 4;
/// At the least a frame or two: smaller packs would be many objects and no safer.
pub const LEAST_BYTES: u64 = 1 << 20;
pub const MOST_BYTES: u64 = 32 << 20;
/// Where the vault is large: half a million packs of 32 MiB are enough to list.
pub const MOST_BYTES_IN_LARGE: u64 = 128 << 20;
const LARGE_VAULT_BYTES: u64 = 16 << 40;

/// Stored bytes after which a pack is closed, following the line that packs take.
#[derive(Debug)]
pub struct PackSize {
    least: u64,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    most: u64,
    bytes: u64,
    /// Packs of late that left room for twice the size.
    easy: u32,
}

impl PackSize {
    /// The same whatever the line does: for a store that is no line away.
    pub fn fixed(bytes: u64) -> Self {
        Self { least: bytes, now: Mutex::new(Now { most: bytes, bytes, easy: 0 }) }
    }

    /// Begins with `bytes`, as far as that is within [`LEAST_BYTES`] and [`MOST_BYTES`].
    pub fn following(bytes: u64) -> Self {
        let now = Now { most: MOST_BYTES, bytes: bytes.clamp(LEAST_BYTES, MOST_BYTES_IN_LARGE), easy: 0 };
        Self { least: LEAST_BYTES, now: Mutex::new(now) }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Now) -> T) -> T {
        change(&mut self.now.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says how much the vault has stored: in a large one packs may be larger, as far as two of
    /// them have room in the spool. Where no line is followed they are so at once.
    pub fn in_vault_of(&self, stored_bytes: u64, spool_bytes: u64) {
        self.change(|now| {
            let is_fixed = self.least == now.most;
            if stored_bytes >= LARGE_VAULT_BYTES {
                now.most = now.most.max(MOST_BYTES_IN_LARGE.min(spool_bytes / 2));
                now.bytes = if is_fixed { now.most } else { now.bytes };
            }
            now.bytes = now.bytes.min(now.most);
        });
    }

    pub fn bytes(&self) -> u64 {
        self.change(|now| now.bytes)
    }

    /// A pack of so many bytes took so long, all tries together.
    pub fn sent(&self, bytes: u64, took: Duration) {
        self.change(|now| {
            // The last pack of a run says little of a line: what it takes is mostly waiting.
            if bytes < now.bytes / 2 {
                return;
            }
            let full = took.mul_f64(now.bytes as f64 / bytes.max(1) as f64);
            if full > AIM {
                let fits = now.bytes as f64 * (AIM.as_secs_f64() / full.as_secs_f64());
                now.bytes = (fits as u64).max(self.least);
                now.easy = 0;
            } else if full * 2 > AIM {
                now.easy = 0;
            } else {
                now.easy += 1;
                if now.easy == IN_A_ROW {
                    now.bytes = (now.bytes * 2).min(now.most);
                    now.easy = 0;
                }
            }
        });
    }

    /// A pack did not get through, however often it was tried.
    pub fn broke(&self) {
        self.change(|now| {
            now.bytes = (now.bytes / 2).max(self.least);
            now.easy = 0;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// Sends packs of the size that is wanted over a line of so many bytes a second.
    fn send(size: &PackSize, packs: u32, per_second: u64) {
        for _ in 0..packs {
            let bytes = size.bytes();
            size.sent(bytes, Duration::from_secs_f64(bytes as f64 / per_second as f64));
        }
    }

    #[test]
    fn packs_grow_as_the_line_allows_and_no_further() {
        let size = PackSize::following(0);
        assert_eq!(size.bytes(), LEAST_BYTES);
        send(&size, 3, 100 * MIB);
        assert_eq!(size.bytes(), LEAST_BYTES, "three packs are not enough to tell");
        send(&size, 1, 100 * MIB);
        assert_eq!(size.bytes(), 2 * LEAST_BYTES);
        send(&size, 100, 100 * MIB);
        assert_eq!(size.bytes(), MOST_BYTES);
        // 1 MiB a second: 16 MiB take 16 s, and twice that would take too long.
        let size = PackSize::following(LEAST_BYTES);
        send(&size, 100, MIB);
        assert_eq!(size.bytes(), 16 * MIB);
    }

    #[test]
    fn packs_shrink_at_once_when_the_line_is_slow() {
        let size = PackSize::following(MOST_BYTES);
        send(&size, 1, MIB / 2);
        assert_eq!(size.bytes(), 10 * MIB);
        // 128 kbit/s: no smaller than the least.
        send(&size, 10, 16_000);
        assert_eq!(size.bytes(), LEAST_BYTES);
    }

    #[test]
    fn a_pack_that_broke_off_makes_the_next_ones_smaller() {
        // 8 s on the line, and three tries that broke off before: 32 s altogether.
        let size = PackSize::following(16 * MIB);
        size.sent(16 * MIB, Duration::from_secs(32));
        assert_eq!(size.bytes(), 10 * MIB);
        for half in [5 * MIB, 5 * MIB / 2, 5 * MIB / 4, LEAST_BYTES, LEAST_BYTES] {
            size.broke();
            assert_eq!(size.bytes(), half);
        }
    }

    #[test]
    fn the_small_end_of_a_run_says_nothing() {
        let size = PackSize::following(16 * MIB);
        size.sent(1000, Duration::from_secs(60));
        assert_eq!(size.bytes(), 16 * MIB);
        (0..10).for_each(|_| size.sent(1000, Duration::ZERO));
        assert_eq!(size.bytes(), 16 * MIB);
    }

    #[test]
    fn large_vaults_have_large_packs() {
        const SPOOL: u64 = 256 * MIB;
        let size = PackSize::fixed(MOST_BYTES);
        send(&size, 10, 1000);
        size.in_vault_of(LARGE_VAULT_BYTES - 1, SPOOL);
        assert_eq!(size.bytes(), MOST_BYTES);
        size.in_vault_of(LARGE_VAULT_BYTES, SPOOL);
        assert_eq!(size.bytes(), MOST_BYTES_IN_LARGE);
        let size = PackSize::following(MOST_BYTES_IN_LARGE);
        size.in_vault_of(LARGE_VAULT_BYTES, SPOOL);
        assert_eq!(size.bytes(), MOST_BYTES_IN_LARGE, "where it was, it goes on");
        let size = PackSize::following(u64::MAX);
        size.in_vault_of(0, SPOOL);
        assert_eq!(size.bytes(), MOST_BYTES);
        let size = PackSize::fixed(MOST_BYTES);
        size.in_vault_of(LARGE_VAULT_BYTES, 96 * MIB);
        assert_eq!(size.bytes(), 48 * MIB, "two have room in the spool");
    }
}

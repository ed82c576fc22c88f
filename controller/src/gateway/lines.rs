//! What each agent may take of the site at once: objects side by side, and bandwidth by the policy.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pulih_policies::Policy;
use pulih_protocol::error::Code;

use super::answer::{Answer, Refusal};
use super::shares::Shares;

/// Objects of one agent on their way at once, either way: more would only wait for each other.
const TRANSFERS: usize = 16;

#[derive(Default)]
pub struct Lines {
    shares: Shares,
    transfers: Mutex<HashMap<String, usize>>,
}

/// Given back when it is dropped.
pub struct Transfer {
    lines: Arc<Lines>,
    agent: String,
}

impl Lines {
    fn transfers(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.transfers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn transfer(self: &Arc<Self>, agent: &str) -> Answer<Transfer> {
        let mut transfers = self.transfers();
        let count = transfers.entry(agent.to_owned()).or_default();
        if *count >= TRANSFERS {
            return Err(Refusal::new(Code::Busy, format!("agent {agent} moves {TRANSFERS} objects at once already")));
        }
        *count += 1;
        Ok(Transfer { lines: self.clone(), agent: agent.to_owned() })
    }

    /// How long an OPD waits after `bytes`, at `now` in seconds since 1970.
    pub fn wait(&self, policy: &Policy, opd: &str, bytes: u64, now: i64) -> Duration {
        let minute = ((now + i64::from(policy.zone.offset_seconds())).rem_euclid(86_400) / 60) as u16;
        let site = policy.limits.rate_at(minute).map(|rate| ("", rate.bits_per_second()));
        let own = policy.bits_per_second(opd, minute).map(|rate| (opd, rate));
        self.shares.take(site.into_iter().chain(own), bytes, Instant::now())
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let mut transfers = self.lines.transfers();
        if let Some(count) = transfers.get_mut(&self.agent) {
            *count -= 1;
            if *count == 0 {
                transfers.remove(&self.agent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_agent_does_not_take_all_places() {
        let lines = Arc::new(Lines::default());
        let mut held: Vec<_> = (0..TRANSFERS).map(|_| lines.transfer("a").unwrap()).collect();
        assert_eq!(lines.transfer("a").err().unwrap().code, Code::Busy);
        assert!(lines.transfer("b").is_ok());
        held.pop();
        assert!(lines.transfer("a").is_ok());
    }
}

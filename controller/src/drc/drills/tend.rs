//! A look at what drills are due, waiting or broken off, and how the process that serves hears of what people want.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::super::{Drc, lock};
use super::order::{Host, Start};
use crate::gateway::answer::Answer;
use crate::keeping::clock_doubt;

#[derive(Default)]
struct State {
    woken: bool,
    /// The drill whose worker this process follows.
    running: Option<String>,
    /// Why a person ends it.
    cancelled: Option<String>,
}

/// Between whoever follows a worker and commands.
#[derive(Default)]
pub struct Drilling {
    state: Mutex<State>,
    changed: Condvar,
}

impl Drilling {
    /// There is something to look at now.
    pub fn wake(&self) {
        lock(&self.state).woken = true;
        self.changed.notify_all();
    }

    /// Waits so long at most.
    pub fn wait(&self, most: Duration) {
        let waited = self.changed.wait_timeout_while(lock(&self.state), most, |state| !state.woken);
        waited.unwrap_or_else(PoisonError::into_inner).0.woken = false;
    }

    /// A worker is followed, or none any more.
    pub fn follows(&self, drill: Option<&str>) {
        let mut state = lock(&self.state);
        (state.running, state.cancelled) = (drill.map(str::to_owned), None);
        self.changed.notify_all();
    }

    pub fn cancelled(&self) -> Option<String> {
        lock(&self.state).cancelled.clone()
    }

    /// Has the worker ended by whoever follows it, and waits for that; `false`: nobody here follows it, or it takes
    /// too long.
    pub(super) fn cancel(&self, drill: &str, reason: &str, patience: Duration) -> bool {
        let is_it = |state: &State| state.running.as_deref() == Some(drill);
        let mut state = lock(&self.state);
        if !is_it(&state) {
            return false;
        }
        state.cancelled = Some(reason.to_owned());
        let end = Instant::now() + patience;
        let (state, _) = self
            .changed
            .wait_timeout_while(state, end.saturating_duration_since(Instant::now()), |state| is_it(state))
            .unwrap_or_else(PoisonError::into_inner);
        !is_it(&state)
    }
}

impl Drc {
    /// One look: what was broken off is ended, what has come is announced or missed, what waits too long is ended.
    /// Returns the drill that may begin now. `host` is asked only where one waits.
    pub fn tend_drills(&self, host: impl Fn() -> Host) -> Answer<Option<String>> {
        self.sweep_drills()?;
        // Nor does what waits end by a clock that cannot be believed.
        if clock_doubt(&lock(&self.catalog), self.now())?.is_some() {
            return Ok(None);
        }
        self.announce_due(&mut lock(&self.record))?;
        let waiting = lock(&self.catalog).open_drills()?;
        if waiting.is_empty() {
            return Ok(None);
        }
        let host = host();
        for its in waiting.iter().filter(|its| its.started.is_none()) {
            if let Start::Now { .. } = self.may_start(&its.id, &host)? {
                return Ok(Some(its.id.clone()));
            }
        }
        Ok(None)
    }
}

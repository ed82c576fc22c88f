//! Drills of a class over a time.

use super::Time;
use crate::drills::Drills;
use crate::gap::longest_gap;
use crate::quantity::Span;
use crate::schedule::Schedule;
use crate::timetable::Timetable;
use crate::window::Windows;
use crate::zone::Zone;

/// How often a class is tried, if no drill is missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tried {
    pub verify: usize,
    pub restore: usize,
    pub application: usize,
    /// Datasets that drills of kind `restore` bring back, all in all.
    pub restores: u64,
    /// Seconds until each dataset has come back once by them, as those come first that did not for longest; `None`: none
    /// is asked for.
    pub cycle: Option<u64>,
}

impl Tried {
    /// `datasets`: how many the class has.
    pub fn of(drills: &Drills, datasets: usize, zone: Zone, time: Time) -> Self {
        let times = |line: Option<&Schedule>| {
            let table = |line: &Schedule| Timetable {
                zone,
                schedules: vec![line.clone()],
                windows: Windows::default(),
                jitter: Span::from_minutes(0),
            };
            line.map_or(0, |line| table(line).due_within(time.from, time.to).len())
        };
        let restore = times(drills.restore.as_ref());
        let rounds = datasets.div_ceil(drills.datasets().max(1)).max(1) as u64;
        let gap = drills.restore.as_ref().map(|line| longest_gap(std::slice::from_ref(line), &Windows::default()));
        Self {
            verify: times(drills.verify.as_ref()),
            restore,
            application: times(drills.application.as_ref()),
            restores: restore as u64 * drills.datasets().min(datasets) as u64,
            // One that is due may start as late as its window lets it.
            cycle: gap.map(|gap| gap.seconds().saturating_mul(rounds).saturating_add(drills.window().seconds())),
        }
    }
}

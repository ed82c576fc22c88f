//! What would have been lost, second by second: the recovery points of one dataset at one place, and the
//! figures of a period as the contract defines them. Pure: whoever asks has read the facts.

mod breach;
mod runs;

use std::collections::BTreeMap;

pub use breach::{Breach, Cause, Span};
pub use runs::Runs;

/// A recovery point. Times in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// From when on it was there.
    pub there: i64,
    /// What it is dated: never later than it was there.
    dated: i64,
    /// When it went; `i64::MAX`: it is there still.
    gone: i64,
}

impl Moment {
    /// A point dated after it was there is dated when it was there: no clock makes anything fresher.
    pub fn new(there: i64, dated: i64, gone: Option<i64>) -> Self {
        Self { there, dated: dated.min(there), gone: gone.unwrap_or(i64::MAX) }
    }

    pub fn dated(&self) -> i64 {
        self.dated
    }

    /// The same, gone from a time on.
    #[must_use]
    pub fn until(self, gone: i64) -> Self {
        Self { gone: gone.min(self.gone), ..self }
    }
}

/// The target from a time on, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub from: i64,
    pub seconds: u64,
}

/// All points of a dataset at a place, and for how long it counts.
#[derive(Debug, Clone)]
pub struct Timeline {
    since: i64,
    until: Option<i64>,
    /// Seconds with the same newest point: each begins where the one before ends, the first at `since`.
    steps: Vec<Step>,
    /// When the first of them came, when the last one went, when one came again, and so on.
    turns: Vec<i64>,
}

/// From here on the newest point is dated so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    from: i64,
    newest: i64,
}

/// Seconds `from..to` in which X rises from `from + 1 - newest` by one a second.
#[derive(Debug, Clone, Copy)]
struct Piece {
    from: i64,
    to: i64,
    newest: i64,
    target: u64,
}

impl Piece {
    fn at(&self, second: i64) -> u64 {
        second.saturating_add(1).saturating_sub(self.newest).max(0) as u64
    }

    /// Its worst: that of its last second.
    fn worst(&self) -> u64 {
        self.at(self.to - 1)
    }

    /// From when on X is above the target, or its end.
    fn breached_from(&self) -> i64 {
        self.newest.saturating_add_unsigned(self.target).clamp(self.from, self.to)
    }
}

/// What a period comes to, of a dataset or of many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Figures {
    /// How many seconds of it count.
    pub seconds: u64,
    /// How many of them were inside the target.
    pub inside: u64,
    pub breaches: Vec<Breach>,
    /// Every X of the period.
    pub runs: Runs,
}

impl Figures {
    /// The largest X; `None` where no second counts.
    pub fn worst(&self) -> Option<u64> {
        self.runs.worst()
    }

    /// Hundredths of a per cent of the time inside the target, rounded down.
    pub fn inside_per_myriad(&self) -> Option<u64> {
        let share = u128::from(self.inside) * 10_000 / u128::from((self.seconds > 0).then_some(self.seconds)?);
        Some(share as u64)
    }

    /// The figures of several datasets together. Breaches stay with their datasets.
    pub fn of_all<'f>(all: impl IntoIterator<Item = &'f Figures>) -> Figures {
        let mut whole = Figures::default();
        for its in all {
            whole.seconds += its.seconds;
            whole.inside += its.inside;
            whole.runs.join(&its.runs);
        }
        whole
    }
}

impl Timeline {
    /// `since`: since when it counts; `until`: until when, if it does no more.
    pub fn new(since: i64, until: Option<i64>, mut points: Vec<Moment>) -> Self {
        points.retain(|point| point.there < point.gone);
        let mut changes: Vec<(i64, bool, i64)> = Vec::with_capacity(points.len() * 2);
        for point in &points {
            changes.push((point.there, true, point.dated));
            if point.gone != i64::MAX {
                changes.push((point.gone, false, point.dated));
            }
        }
        changes.sort_unstable();
        // How many points there are of each date: two may have the same.
        let mut there: BTreeMap<i64, u32> = BTreeMap::new();
        let mut steps = vec![Step { from: since, newest: since }];
        let mut turns = Vec::new();
        for (at, comes, dated) in changes {
            let had_any = !there.is_empty();
            let count = there.entry(dated).or_default();
            if comes {
                *count += 1;
            } else {
                *count -= 1;
                if *count == 0 {
                    there.remove(&dated);
                }
            }
            if had_any == there.is_empty() {
                turns.push(at);
            }
            let newest = there.last_key_value().map_or(since, |(dated, _)| *dated);
            let from = at.max(since);
            match steps.last_mut() {
                Some(last) if last.from == from => last.newest = newest,
                Some(last) if last.newest == newest => {}
                _ => steps.push(Step { from, newest }),
            }
        }
        Self { since, until, steps, turns }
    }

    /// Whether any point was there. A dataset that was only approved has an exposure, and no point.
    pub fn had_point(&self, at: i64) -> bool {
        self.turns.partition_point(|turn| *turn <= at) % 2 == 1
    }

    /// The same dataset, had it these points.
    #[must_use]
    pub fn with(&self, points: Vec<Moment>) -> Self {
        Self::new(self.since, self.until, points)
    }

    fn step(&self, second: i64) -> Step {
        let after = self.steps.partition_point(|step| step.from <= second);
        self.steps[after.saturating_sub(1)]
    }

    /// What would be lost now, of a dataset that counts now.
    pub fn exposure(&self, now: i64) -> Option<u64> {
        let counts = now >= self.since && self.until.is_none_or(|until| now < until);
        counts.then(|| now.saturating_sub(self.step(now).newest).max(0) as u64)
    }

    /// The seconds `from..to` by what was newest and what the target was. `targets` in order; before the first
    /// one its own holds.
    fn pieces(&self, from: i64, to: i64, targets: &[Target]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut at = from;
        while at < to {
            let after = self.steps.partition_point(|step| step.from <= at);
            let step = self.steps[after.saturating_sub(1)];
            let changed = targets.partition_point(|target| target.from <= at);
            let target = targets.get(changed.saturating_sub(1)).map_or(u64::MAX, |target| target.seconds);
            let next = self.steps.get(after).map_or(to, |step| step.from);
            // Until the first target begins nothing changes at it: it held before.
            let other = targets.get(changed.max(1)).map_or(to, |target| target.from);
            let end = to.min(next).min(other);
            pieces.push(Piece { from: at, to: end, newest: step.newest, target });
            at = end;
        }
        pieces
    }

    /// The figures of the seconds from `from` up to `to`, as far as they have passed and count.
    pub fn figures(&self, from: i64, to: i64, now: i64, targets: &[Target]) -> Figures {
        let end = to.min(now).min(self.until.unwrap_or(i64::MAX));
        let begin = from.max(self.since);
        if begin >= end {
            return Figures::default();
        }
        let (mut inside, mut runs) = (0, Vec::new());
        for piece in self.pieces(begin, end, targets) {
            inside += piece.breached_from().abs_diff(piece.from);
            runs.push((piece.at(piece.from), piece.worst()));
        }
        Figures {
            seconds: end.abs_diff(begin),
            inside,
            breaches: self.breaches(begin, end, targets),
            runs: Runs::of(runs),
        }
    }

    /// Those that overlap the period, each with its true beginning.
    fn breaches(&self, begin: i64, end: i64, targets: &[Target]) -> Vec<Breach> {
        let mut found: Vec<Breach> = Vec::new();
        for piece in self.pieces(self.since, end, targets) {
            let from = piece.breached_from();
            if from >= piece.to {
                continue;
            }
            match found.last_mut().filter(|last| last.ended == from) {
                Some(last) => last.go_on(piece.to, piece.worst(), begin),
                None => found.push(Breach::new(from, piece.newest, piece.to, piece.worst(), begin)),
            }
        }
        found.retain(|breach| breach.ended > begin);
        if let Some(last) = found.last_mut().filter(|last| last.ended == end && self.until != Some(end)) {
            let then = self.pieces(end, end.saturating_add(1), targets);
            last.open = then.first().is_some_and(|piece| piece.breached_from() == piece.from);
        }
        found
    }
}

#[cfg(test)]
mod tests;

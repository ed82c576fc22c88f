//! What arrives, hour by hour, held against what a line may carry.

use super::Time;

const HOUR: i64 = 3600;

/// What arrives in each hour of a time.
#[derive(Debug, Clone)]
pub struct Line {
    from: i64,
    hours: Vec<u64>,
}

/// How a line is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Load {
    /// When the hour begins in which most arrives, and how many bytes that is.
    pub busiest: Option<(i64, u64)>,
    /// The longest time until something that arrives is through, in seconds, rounded up to hours.
    pub longest_wait: u64,
    /// Bytes that are not through in the end.
    pub left: u64,
}

impl Line {
    pub fn over(time: Time) -> Self {
        let from = time.from.div_euclid(HOUR) * HOUR;
        let hours = (time.to.saturating_sub(from) / HOUR + 1).max(1) as usize;
        Self { from, hours: vec![0; hours] }
    }

    /// What is before or after the time does not count.
    pub fn add(&mut self, at: i64, bytes: u64) {
        let hour = usize::try_from((at - self.from).div_euclid(HOUR)).ok();
        if let Some(hour) = hour.and_then(|hour| self.hours.get_mut(hour)) {
            *hour = hour.saturating_add(bytes);
        }
    }

    /// `capacity`: how many bytes may arrive in the hour that begins then; `None`: no limit.
    pub fn load(&self, capacity: impl Fn(i64) -> Option<u64>) -> Load {
        let at = |hour: usize| self.from + hour as i64 * HOUR;
        let mut load = Load::default();
        // What waits, the first that came first: its hour and its bytes.
        let mut waiting: std::collections::VecDeque<(usize, u64)> = std::collections::VecDeque::new();
        for (hour, bytes) in self.hours.iter().copied().enumerate() {
            if bytes > load.busiest.map_or(0, |(_, most)| most) {
                load.busiest = Some((at(hour), bytes));
            }
            if bytes > 0 {
                waiting.push_back((hour, bytes));
            }
            let mut room = capacity(at(hour)).unwrap_or(u64::MAX);
            while let Some((came, left)) = waiting.front_mut() {
                let through = room.min(*left);
                (*left, room) = (*left - through, room - through);
                if *left > 0 {
                    break;
                }
                load.longest_wait = load.longest_wait.max((hour - *came) as u64 * HOUR as u64);
                waiting.pop_front();
            }
        }
        if let Some((came, _)) = waiting.front() {
            load.longest_wait = load.longest_wait.max((self.hours.len() - came) as u64 * HOUR as u64);
        }
        load.left = waiting.iter().fold(0, |sum, (_, left)| sum.saturating_add(*left));
        load
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * HOUR;

    #[test]
    fn what_does_not_fit_into_its_hour_waits_for_the_next() {
        let mut line = Line::over(Time { from: 1800, to: DAY });
        line.add(2 * HOUR, 250);
        line.add(2 * HOUR + 1799, 50);
        line.add(3 * HOUR, 10);
        line.add(-DAY, 7);
        line.add(9 * DAY, 7);
        assert_eq!(line.load(|_| None), Load { busiest: Some((2 * HOUR, 300)), longest_wait: 0, left: 0 });
        // A hundred an hour: the last of 300 is through in the hour after the next, and 10 after them.
        let load = line.load(|_| Some(100));
        assert_eq!((load.longest_wait, load.left), (2 * 3600, 0));
        // Nothing by day.
        let load = line.load(|at| Some(if at < 12 * HOUR { 0 } else { 1000 }));
        assert_eq!((load.longest_wait, load.left), (10 * 3600, 0));
        let load = line.load(|_| Some(1));
        assert_eq!((load.longest_wait, load.left), (23 * 3600, 310 - 23));
        assert_eq!(Line::over(Time { from: 0, to: DAY }).load(|_| Some(0)), Load::default());
    }
}

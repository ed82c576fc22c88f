//! What the story writes down for itself, and what follows from it: figures are reckoned here second by second, by
//! nothing of the product's.

use pulih_policies::Class;

/// A whole snapshot: when the Pusat Data took it in, and when it was complete at the DRC.
pub struct Came {
    pub accepted: i64,
    pub complete: Option<i64>,
}

pub struct Dataset {
    pub server: &'static str,
    pub opd: &'static str,
    pub vault: String,
    pub class: Class,
    pub name: &'static str,
    pub approved: i64,
    pub ended: Option<i64>,
    pub came: Vec<Came>,
}

/// From when on a target is so many seconds.
pub type Targets = Vec<(i64, u64)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub from: i64,
    pub to: i64,
    pub now: i64,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Figures {
    pub seconds: u64,
    pub p95: u64,
    pub worst: u64,
    pub inside: u64,
    pub breaches: u64,
}

impl Dataset {
    /// When each point was there, and what it is dated.
    pub fn points(&self, is_drc: bool) -> Vec<(i64, i64)> {
        let there = |its: &Came| if is_drc { its.complete } else { Some(its.accepted) };
        let mut points: Vec<(i64, i64)> =
            self.came.iter().filter_map(|its| Some((there(its)?, its.accepted))).collect();
        points.sort_unstable();
        points
    }

    /// Of each second of the period: what would be lost at its end, and whether that is within the target of that second.
    pub fn figures(&self, is_drc: bool, period: Period, targets: &Targets) -> Figures {
        let points = self.points(is_drc);
        let mut next = points.iter().peekable();
        let (mut newest, mut lost) = (self.approved, Vec::<u64>::new());
        let (mut seconds, mut inside, mut breaches, mut is_above) = (0, 0, 0, false);
        let until = self.ended.unwrap_or(i64::MAX).min(period.to).min(period.now);
        for second in self.approved..until {
            while let Some((_, dated)) = next.next_if(|(there, _)| *there <= second) {
                newest = newest.max(*dated);
            }
            if second < period.from {
                continue;
            }
            let its = (second + 1 - newest) as usize;
            if lost.len() <= its {
                lost.resize(its + 1, 0);
            }
            lost[its] += 1;
            seconds += 1;
            let (_, target) = targets.iter().rfind(|(from, _)| *from <= second).unwrap();
            let was_above = std::mem::replace(&mut is_above, its as u64 > *target);
            inside += u64::from(!is_above);
            breaches += u64::from(is_above && !was_above);
        }
        let mut before = 0;
        let reaches = |its: &&usize| {
            before += lost[**its];
            1000 * before >= 950 * seconds
        };
        let all: Vec<usize> = (0..lost.len()).collect();
        let p95 = *all.iter().find(reaches).unwrap() as u64;
        Figures { seconds, p95, worst: lost.len() as u64 - 1, inside, breaches }
    }

    /// How old the newest point is.
    pub fn exposure(&self, is_drc: bool, now: i64) -> Option<u64> {
        if self.ended.is_some_and(|ended| ended <= now) {
            return None;
        }
        let newest = self.points(is_drc).into_iter().filter(|(there, _)| *there <= now).map(|(_, dated)| dated).max();
        Some((now - newest.unwrap_or(self.approved)) as u64)
    }
}

#[test]
fn the_example_of_the_contract() {
    // docs/contracts/evidence.md: points at 00:00, 01:00, 02:00, 10:00, and one at 09:00 that is dated 06:00.
    let hour = 3600;
    let came = [0, 1, 2, 10].map(|at| Came { accepted: at * hour, complete: Some(at * hour) });
    let mut its = Dataset {
        server: "app-1",
        opd: "dinkes",
        vault: String::new(),
        class: Class::Publik,
        name: "x",
        approved: 0,
        ended: None,
        came: came.into(),
    };
    its.came.push(Came { accepted: 6 * hour, complete: Some(9 * hour) });
    let period = Period { from: 0, to: 12 * hour, now: 12 * hour };
    let found = its.figures(true, period, &vec![(0, 4 * 3600)]);
    assert_eq!(found, Figures { seconds: 43_200, p95: 23_040, worst: 25_200, inside: 32_400, breaches: 1 });
    assert_eq!(its.exposure(true, period.now), Some(7200));
}

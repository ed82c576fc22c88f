use proptest::prelude::*;

use super::*;

const HOUR: i64 = 3600;

fn four_hours() -> Vec<Target> {
    vec![Target { from: 0, seconds: 4 * HOUR as u64 }]
}

/// The contract's own example.
#[test]
fn the_example_of_the_contract() {
    let at = |hour: i64| Moment::new(hour * HOUR, hour * HOUR, None);
    let late = Moment::new(9 * HOUR, 6 * HOUR, None);
    let its = Timeline::new(0, None, vec![at(0), at(10), at(1), late, at(2)]);
    let figures = its.figures(0, 12 * HOUR, 12 * HOUR, &four_hours());
    assert_eq!(its.exposure(12 * HOUR), Some(7200));
    assert_eq!((figures.seconds, figures.worst(), figures.inside), (43200, Some(25200), 32400));
    assert_eq!(figures.runs.quantiles([500, 950, 990]), [Some(7200), Some(23040), Some(24768)]);
    assert_eq!(figures.inside_per_myriad(), Some(7500));
    let [breach] = &figures.breaches[..] else { panic!("{:?}", figures.breaches) };
    assert_eq!((breach.began, breach.ended, breach.seconds, breach.worst), (6 * HOUR, 9 * HOUR, 10800, 25200));
    assert!(!breach.began_before && !breach.open);
}

#[test]
fn a_gap_of_exactly_the_target_is_inside_and_one_second_more_is_not() {
    let four = 4 * HOUR;
    let figures = |second: i64| {
        let its = Timeline::new(0, None, vec![Moment::new(0, 0, None), Moment::new(second, second, None)]);
        its.figures(0, second + 1, second + 1, &four_hours())
    };
    assert!(figures(four).breaches.is_empty());
    assert_eq!(figures(four + 1).breaches[0].seconds, 1);
}

#[test]
fn silence_counts_from_the_first_second_and_what_has_not_begun_has_no_figures() {
    let its = Timeline::new(100, None, Vec::new());
    let figures = its.figures(0, i64::MAX, 100 + 5 * HOUR, &four_hours());
    assert_eq!((figures.seconds, figures.worst()), (5 * HOUR as u64, Some(5 * HOUR as u64)));
    assert!(figures.breaches[0].open);
    assert_eq!(its.exposure(99), None);
    let none = its.figures(0, 100, i64::MAX, &four_hours());
    assert_eq!((none.seconds, none.worst(), none.inside_per_myriad()), (0, None, None));
    assert_eq!(none.runs.quantiles([500]), [None]);
}

#[test]
fn a_share_is_never_rounded_up_to_all() {
    let seconds = 1_000_000;
    assert_eq!(Figures { seconds, inside: seconds - 1, ..Figures::default() }.inside_per_myriad(), Some(9999));
    assert_eq!(Figures { seconds, inside: seconds, ..Figures::default() }.inside_per_myriad(), Some(10_000));
}

#[test]
fn a_breach_is_put_down_to_what_was_so_since_the_newest_point() {
    let its = Timeline::new(0, None, vec![Moment::new(1000, 1000, None)]);
    let target = [Target { from: 0, seconds: 100 }];
    let breach = its.figures(0, 2000, 2000, &target).breaches.remove(1);
    assert_eq!((breach.began, breach.ended), (1100, 2000));
    let span = |cause, from, to| Span { cause, from, to };
    assert_eq!(breach.causes(&[]), [Cause::Overdue]);
    let before = span(Cause::AgentSilent, 0, 1000);
    let after = span(Cause::Link, 2000, 3000);
    assert_eq!(breach.causes(&[before, after]), [Cause::Overdue]);
    let meanwhile = [span(Cause::Partial, 1500, 1500), span(Cause::Link, 900, 1001), span(Cause::Partial, 1000, 1000)];
    assert_eq!(breach.causes(&meanwhile), [Cause::Link, Cause::Partial]);
}

fn moments() -> impl Strategy<Value = Vec<Moment>> {
    let moment = (0_i64..120, 0_i64..60, prop::option::of(0_i64..80))
        .prop_map(|(there, age, stays)| Moment::new(there, there - age, stays.map(|stays| there + stays)));
    prop::collection::vec(moment, 0..12)
}

fn targets() -> impl Strategy<Value = Vec<Target>> {
    prop::collection::vec((0_i64..120, 0_u64..60), 1..4).prop_map(|all| {
        let mut all: Vec<_> = all.into_iter().map(|(from, seconds)| Target { from, seconds }).collect();
        all.sort_by_key(|target| target.from);
        all
    })
}

/// The contract's words, second by second.
struct Model<'m> {
    since: i64,
    points: &'m [Moment],
    targets: &'m [Target],
}

impl Model<'_> {
    fn newest(&self, second: i64) -> i64 {
        let there = self.points.iter().filter(|its| its.there <= second && second < its.gone);
        there.map(|its| its.dated).max().unwrap_or(self.since)
    }

    fn lost(&self, second: i64) -> u64 {
        (second + 1 - self.newest(second)).max(0) as u64
    }

    fn is_inside(&self, second: i64) -> bool {
        let before = self.targets.iter().rfind(|its| its.from <= second);
        self.lost(second) <= before.unwrap_or(&self.targets[0]).seconds
    }
}

proptest! {
    #[test]
    fn the_figures_are_those_of_every_second(
        points in moments(), targets in targets(), since in 0_i64..40, until in prop::option::of(40_i64..140),
        from in 0_i64..140, length in 0_i64..140, now in 0_i64..160,
    ) {
        let model = Model { since, points: &points, targets: &targets };
        let its = Timeline::new(since, until, points.clone());
        let to = from + length;
        let figures = its.figures(from, to, now, &targets);
        let seconds: Vec<i64> =
            (from.max(since)..to.min(now).min(until.unwrap_or(i64::MAX))).collect();
        let mut lost: Vec<u64> = seconds.iter().map(|second| model.lost(*second)).collect();
        lost.sort_unstable();
        prop_assert_eq!(figures.seconds, lost.len() as u64);
        prop_assert_eq!(figures.worst(), lost.last().copied());
        prop_assert_eq!(figures.inside, seconds.iter().filter(|second| model.is_inside(**second)).count() as u64);
        for share in [0, 1, 500, 950, 990, 1000] {
            let least = lost.iter().enumerate().find(|(at, _)| 1000 * (at + 1) >= share * lost.len());
            prop_assert_eq!(figures.runs.quantiles([share as u64]), [least.map(|(_, x)| *x)]);
        }
        let counts = now >= since && until.is_none_or(|until| now < until);
        prop_assert_eq!(its.exposure(now), counts.then(|| (now - model.newest(now)).max(0) as u64));

        // Breaches: each second above the target is in one, and no other one is.
        let mut within = Vec::new();
        for breach in &figures.breaches {
            let mine: Vec<i64> = seconds.iter().copied().filter(|at| (breach.began..breach.ended).contains(at)).collect();
            prop_assert_eq!(breach.seconds, mine.len() as u64);
            prop_assert_eq!(Some(breach.worst), mine.iter().map(|at| model.lost(*at)).max());
            prop_assert_eq!(breach.began_before, breach.began < seconds[0]);
            prop_assert!((breach.began..breach.ended).all(|at| !model.is_inside(at)));
            prop_assert!(breach.began == since || model.is_inside(breach.began - 1));
            let end = seconds[seconds.len() - 1] + 1;
            prop_assert!(breach.ended == end || model.is_inside(breach.ended));
            prop_assert_eq!(breach.open, breach.ended == end && until != Some(end) && !model.is_inside(end));
            within.extend(mine);
        }
        let above: Vec<i64> = seconds.iter().copied().filter(|second| !model.is_inside(*second)).collect();
        prop_assert_eq!(within, above);
    }

    #[test]
    fn the_figures_of_many_are_those_of_all_their_seconds(all in prop::collection::vec(moments(), 1..4)) {
        let figures: Vec<Figures> =
            all.iter().map(|its| Timeline::new(0, None, its.clone()).figures(0, 200, 200, &four_hours())).collect();
        let whole = Figures::of_all(&figures);
        let mut lost: Vec<u64> = all
            .iter()
            .flat_map(|points| {
                let targets = four_hours();
                (0..200).map(|at| Model { since: 0, points, targets: &targets }.lost(at)).collect::<Vec<_>>()
            })
            .collect();
        lost.sort_unstable();
        prop_assert_eq!(whole.seconds, lost.len() as u64);
        prop_assert_eq!(whole.runs.quantiles([500, 990]), [500, 990].map(|share| {
            Some(lost[(share * lost.len()).div_ceil(1000) - 1])
        }));
    }
}

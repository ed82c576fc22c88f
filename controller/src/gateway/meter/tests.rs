use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use http_body_util::BodyExt as _;

use super::*;

const BEGIN: i64 = 1_795_000_000 - 1_795_000_000 % HOUR;

thread_local! { static NOW: Cell<i64> = const { Cell::new(BEGIN) } }

fn now() -> i64 {
    NOW.get()
}

/// By office and hour: received, sent.
type Sums = BTreeMap<(String, i64), (u64, u64)>;

fn add(sums: &mut Sums, passed: &[Passed]) {
    for its in passed {
        let sum = sums.entry((its.opd.clone(), its.hour)).or_default();
        *sum = (sum.0 + its.received, sum.1 + its.sent);
    }
}

fn body(meter: &Arc<Meter>, opd: Option<&str>, way: Way) -> Counted {
    let whose = Whose::default();
    opd.into_iter().for_each(|opd| whose.is_of(opd));
    Counted { body: Body::empty(), way, whose, meter: meter.clone(), counter: None }
}

/// Numbers that look like chance and are the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[test]
fn whatever_happens_each_byte_is_in_its_hour_once() {
    for seed in 1..=50 {
        NOW.set(BEGIN);
        let (mut chance, meter) = (Chance(seed), Arc::new(Meter::new(now)));
        let (mut expected, mut kept) = (Sums::new(), Sums::new());
        let opds = ["dinkes", "disdik", "dukcapil"];
        let mut bodies: Vec<_> = (0..6)
            .map(|n| (opds[n % 3], n % 2, body(&meter, Some(opds[n % 3]), [Way::Received, Way::Sent][n % 2])))
            .collect();
        for _ in 0..400 {
            match chance.below(10) {
                // A piece passes.
                0..=6 => {
                    let (bytes, which) = (chance.below(1 << 20), chance.below(6) as usize);
                    let (opd, way, body) = &mut bodies[which];
                    body.count(bytes as usize);
                    let sum = expected.entry((opd.to_string(), hour_of(now()))).or_default();
                    *(if *way == 0 { &mut sum.0 } else { &mut sum.1 }) += bytes;
                }
                // Time goes on; sometimes the clock is put back.
                7 => NOW.set(now() + chance.below(2 * HOUR as u64) as i64 - HOUR / 2),
                // It is written down, or cannot be.
                8 => meter
                    .settle(0, |passed, _| {
                        add(&mut kept, passed);
                        Ok::<_, ()>(())
                    })
                    .unwrap(),
                _ => meter.settle(0, |_, _| Err(())).unwrap_err(),
            }
        }
        drop(bodies);
        meter
            .settle(0, |passed, _| {
                add(&mut kept, passed);
                Ok::<_, ()>(())
            })
            .unwrap();
        expected.retain(|_, sum| *sum != (0, 0));
        assert_eq!(kept, expected, "seed {seed}");
        // Nothing is left of hours that are over.
        NOW.set(now() + 10 * HOUR);
        meter.settle(0, |_, _| Ok::<_, ()>(())).unwrap();
        assert_eq!(lock(&meter.counters).len(), 0);
    }
}

#[test]
fn what_passes_while_it_is_written_down_is_not_lost() {
    let meter = Arc::new(Meter::new(|| BEGIN));
    let (ended, mut sum) = (AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..500 {
                        let mut body = body(&meter, Some("dinkes"), Way::Received);
                        (0..20).for_each(|_| body.count(3));
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            ended.store(true, Ordering::Release);
        });
        let mut last = false;
        while !last {
            last = ended.load(Ordering::Acquire);
            let keep = |passed: &[Passed], _: &[Served]| {
                sum += passed.iter().map(|its| its.received).sum::<u64>();
                Ok::<_, ()>(())
            };
            meter.settle(0, keep).unwrap();
        }
    });
    assert_eq!(sum, 4 * 500 * 20 * 3);
}

#[test]
fn a_body_is_the_same_as_before_and_what_nobody_sent_counts_for_nobody() {
    NOW.set(BEGIN);
    let meter = Arc::new(Meter::new(now));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let whole = |opd| {
        let counted = Counted { body: Body::from("a body"), ..body(&meter, opd, Way::Sent) };
        assert_eq!(hyper::body::Body::size_hint(&counted).exact(), Some(6));
        runtime.block_on(Body::new(counted).collect()).unwrap().to_bytes()
    };
    assert_eq!((&whole(Some("dinkes"))[..], &whole(None)[..]), (&b"a body"[..], &b"a body"[..]));
    let mut kept = Sums::new();
    meter
        .settle(0, |passed, _| {
            add(&mut kept, passed);
            Ok::<_, ()>(())
        })
        .unwrap();
    assert_eq!(kept, [(("dinkes".to_owned(), BEGIN), (0, 6))].into());
}

/// What is served between two looks: `(clock, steady)` of each.
fn served(since: (i64, i64), now: (i64, i64)) -> Vec<(i64, u64)> {
    let mark = |(clock, steady)| Mark { clock: BEGIN + clock, steady };
    spread(mark(since), mark(now)).into_iter().map(|its| (its.hour - BEGIN, its.seconds)).collect()
}

#[test]
fn the_time_that_was_served_is_that_of_both_clocks() {
    assert_eq!(served((0, 5), (60, 65)), [(0, 60)]);
    assert_eq!(served((3590, 0), (3650, 60)), [(0, 10), (HOUR, 50)]);
    assert_eq!(served((10, 0), (2 * HOUR + 10, 2 * HOUR)), [(0, 3590), (HOUR, 3600), (2 * HOUR, 10)]);
    // Each cuts off parts of a second.
    assert_eq!(served((0, 0), (60, 59)), [(0, 60)]);
    // The machine slept for an hour; the clock was put on by one; it was put back.
    assert_eq!(served((0, 0), (3660, 60)), [(HOUR, 60)]);
    assert_eq!(served((0, 0), (3590, 10)), [(0, 10)]);
    assert_eq!(served((100, 0), (40, 60)), []);
}

#[test]
fn nothing_is_served_before_it_begins_and_what_was_not_kept_is_told_again() {
    NOW.set(BEGIN);
    let meter = Meter::new(now);
    let told = |steady, keep: Result<(), ()>| {
        let mut told = 0;
        let _ = meter.settle(steady, |_, served| {
            told = served.iter().map(|its| its.seconds).sum();
            keep
        });
        told
    };
    NOW.set(BEGIN + 50);
    assert_eq!(told(50, Ok(())), 0);
    meter.begin(50);
    NOW.set(BEGIN + 110);
    assert_eq!((told(110, Err(())), told(110, Ok(())), told(110, Ok(()))), (60, 60, 0));
}

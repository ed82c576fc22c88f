//! Years of daily snapshots by a moved clock, with all that comes in between, and the site's own daily work:
//! on every day exactly the points are there that the rules name; in the end each of them reads through, and
//! nothing is stored that none of them needs.

mod import;
mod office;
pub(crate) mod rules;
mod story;

use std::ops::Range;

use pulih_vault::store::Store as _;

use super::bench::{DAY, now, wait};
use story::{HOUR, Story};

/// When what happens, in days from the first.
struct Calendar {
    days: u32,
    /// A backup each hour.
    hours: &'static [Range<u32>],
    /// Something large comes on the first of these days, and most of it is deleted on the next three.
    imports: &'static [u32],
    held: &'static [Range<u32>],
    in_parts: &'static [u32],
    /// No backup comes, and the site is there.
    silent: Range<u32>,
    /// The site is away for [`AWAY_DAYS`] from then on.
    away: u32,
}

const AWAY_DAYS: u32 = 60;
/// So many days after that a person looks.
const LOOKED_AFTER: u32 = 4;
const SETTLES_DAYS: u32 = 12;

/// From Thursday, 19 November 2026. An import comes on a Tuesday that is not the first of a month.
const MONTHS: Calendar = Calendar {
    days: 198,
    hours: &[10..11, 190..191],
    imports: &[19],
    held: &[35..50, 170..175],
    in_parts: &[40, 55],
    silent: 60..66,
    away: 95,
};

const YEARS: Calendar = Calendar {
    days: 1110,
    hours: &[10..14, 300..303, 1076..1077],
    imports: &[19, 250, 600, 950],
    held: &[35..50, 700..765],
    in_parts: &[40, 55, 333, 1090],
    silent: 60..66,
    away: 400,
};

impl Calendar {
    fn begins(ranges: &[Range<u32>], day: u32) -> bool {
        ranges.iter().any(|its| its.start == day)
    }

    /// What people do before a day.
    fn people(&self, story: &mut Story, day: u32) {
        if Self::begins(self.held, day) {
            story.hold();
        }
        if self.held.iter().any(|its| its.end == day) {
            story.release();
        }
        if day == self.silent.end + 2 {
            story.end_suspicion();
        }
        if day == self.away + AWAY_DAYS + LOOKED_AFTER {
            story.resume();
        }
        if day % 365 == 364 {
            story.approve_again();
        }
        if self.imports.contains(&day) {
            story.import();
        }
    }

    fn day(&self, story: &mut Story, day: u32) {
        if self.silent.contains(&day) {
            wait(DAY);
        } else if self.hours.iter().any(|its| its.contains(&day)) {
            (0..23).for_each(|_| {
                wait(HOUR);
                story.save(false);
            });
            wait(HOUR);
        } else {
            // At noon, a minute more or less; someone adds two at the end of every other month's
            // days: the first takes its hour, the second nothing.
            let jitter = i64::from(day % 11) * 60;
            wait(12 * HOUR + jitter);
            story.save(self.in_parts.contains(&day));
            wait(12 * HOUR - jitter - 2);
            for _ in 0..2 {
                if day / 30 % 2 == 1 {
                    story.save(false);
                }
                wait(1);
            }
        }
    }
}

fn pass(its: &Calendar) {
    let mut story = Story::begin();
    while story.day() < its.days {
        let day = story.day();
        if day == its.away {
            story.be_away(AWAY_DAYS);
            continue;
        }
        its.people(&mut story, day);
        its.day(&mut story, day);
        story.night();
    }
    assert_eq!(story.imports.len(), its.imports.len());
    story.imports.iter().for_each(import::Watched::assert_went);
    let whole = story.states.len();
    let needed = story.read_all_through();
    let (_, in_grace) = story.not_needed(&needed);
    // Nothing comes any more: what the last of them gave up goes, and what is kept stays.
    (0..SETTLES_DAYS).for_each(|_| {
        wait(DAY);
        story.night();
    });
    assert!(story.suspected, "nothing came for {SETTLES_DAYS} days");
    let needed = story.read_all_through();
    assert_eq!(story.not_needed(&needed), (Vec::new(), 0));
    let stored: u64 = needed.iter().map(|name| story.bench.store.size(name).unwrap()).sum();
    let (points, left) = (story.bench.points(office::DATASET), story.left.len());
    story.bench.restart(true).unwrap();
    assert_eq!(story.bench.points(office::DATASET), points, "the same from the ledger alone");
    let (all, imports) = (story.model.count(), story.imports.len());
    println!(
        "years: {} days to {}, {whole} snapshots and {} of runs in parts, {} expired; {left} left, each read through; \
         {stored} bytes stored, and {in_grace} were in grace; {imports} mostly dead packs gone",
        its.days,
        &pulih_vault::utc::rfc3339(now())[..10],
        all - whole,
        all - left,
    );
}

#[test]
fn after_months_exactly_the_points_of_the_rules_are_left_and_read_through() {
    pass(&MONTHS);
}

/// For `scripts/prove drc --part years`.
#[test]
#[ignore = "takes minutes"]
fn after_three_years_exactly_the_points_of_the_rules_are_left_and_read_through() {
    pass(&YEARS);
}

//! Of step 10: that each drill came down in the log which the policies asked for in the period, announced or missed. Their
//! lines are evaluated anew, so that who writes down fewer has to change a policy too, which people signed.

use std::collections::BTreeMap;

use pulih_policies::{Policy, Schedule};
use pulih_vault::id::ObjectHash;
use pulih_vault::utc;
use serde::Deserialize;

use super::drills::GRACE_SECONDS;
use super::{Bundle, Verified};
use crate::places::{Kept, Part, Place};
use crate::report::{Code, Report};
use crate::source::SourceError;

/// So many occurrences of a log are looked at: each minute of more than a year, of one line.
const MOST: usize = 1_000_000;
/// Drills that a class can have lines for.
const KINDS: [&str; 3] = ["verify", "restore", "application"];
/// Drills are done at a DRC.
const ROLE: &str = "drc";

/// What a log says of what came due.
#[derive(Default)]
pub struct Asked {
    is_drc: bool,
    /// When the first entry of the run was written.
    first_at: Option<i64>,
    /// From when on, with which entry; and the site's newest time before that.
    policies: Vec<(i64, u64, ObjectHash, i64)>,
    /// Of each schedule what was announced or missed: when it was due, and how many up to that.
    told: BTreeMap<String, BTreeMap<i64, u64>>,
    /// The same by entry.
    entries: BTreeMap<u64, (String, i64)>,
    /// The clock is in doubt since then, until a person has looked: nothing is announced meanwhile.
    stopped_at: Option<i64>,
}

/// Of the entries that matter here.
#[derive(Deserialize)]
struct About {
    at: String,
    role: Option<String>,
    object: Option<String>,
    schedule: Option<String>,
    due: Option<String>,
    count: Option<u64>,
}

/// A line of a policy.
struct Line<'p> {
    name: String,
    schedule: &'p Schedule,
    window: i64,
}

impl Asked {
    /// Each entry is told of; `first` is that of the run.
    pub fn begins(&mut self, index: u64, first: u64, at: &str) {
        if self.first_at.is_none() && index >= first {
            self.first_at = utc::parse(at);
        }
    }

    /// Takes an entry of the run, or one before it. `before`: the time of the site's newest entry before this one.
    pub fn follow(&mut self, index: u64, kind: &str, before: i64, entry: &[u8]) -> Result<(), String> {
        if !["site-created", "policy-applied", "drill-announced", "drill-missed", "expiry-stopped", "expiry-resumed"]
            .contains(&kind)
        {
            return Ok(());
        }
        let its: About = serde_json::from_slice(entry).map_err(|why| why.to_string())?;
        let at = utc::parse(&its.at).unwrap_or(0);
        match (kind, its.object.and_then(|object| object.parse().ok())) {
            ("site-created", _) => self.is_drc = its.role.as_deref() == Some(ROLE),
            ("policy-applied", Some(object)) => self.policies.push((at, index, object, before)),
            ("expiry-stopped", _) => drop(self.stopped_at.get_or_insert(before)),
            ("expiry-resumed", _) => self.stopped_at = None,
            _ => {
                if let Some((schedule, due)) = its.schedule.zip(its.due.as_deref().and_then(utc::parse)) {
                    self.entries.insert(index, (schedule.clone(), due));
                    self.told.entry(schedule).or_default().insert(due, its.count.unwrap_or(1));
                }
            }
        }
        Ok(())
    }
}

/// Every line of a policy.
fn lines(policy: &Policy) -> Vec<Line<'_>> {
    let of_class = policy.classes.iter().flat_map(|(class, rules)| {
        KINDS.into_iter().filter_map(move |kind| {
            let window = rules.drills.window().seconds() as i64;
            Some(Line { name: format!("{class}/{kind}"), schedule: rules.drills.schedule(kind)?, window })
        })
    });
    let of_plan = policy.plan_drills.iter().map(|(plan, its)| Line {
        name: format!("plan/{plan}"),
        schedule: &its.schedule,
        window: its.window().seconds() as i64,
    });
    of_class.chain(of_plan).collect()
}

/// Holds what was told against the policies, each as long as it was in force. `last`: the time of the site's newest entry.
pub fn check(bundle: &Bundle<'_>, log: &Verified, last: i64, report: &mut Report) -> Result<(), SourceError> {
    let (asked, site) = (&log.follower.asked, &log.site);
    if !asked.is_drc {
        return Ok(());
    }
    let last = asked.stopped_at.unwrap_or(last);
    if asked.stopped_at.is_some() {
        let why = "its clock was in doubt in the end, and whether drills came due since then was not judged";
        report.remark(format!("{site}: {why}"));
    }
    let mut left = MOST;
    for (number, (from, index, object, _)) in asked.policies.iter().enumerate() {
        let place = Place::Of(site.clone(), Part::Object(Kept::Policies, *object));
        if !bundle.has(&place) {
            continue;
        }
        let bytes = bundle.read(&place, &mut Report::default())?.unwrap_or_default();
        let Ok(policy) = Policy::parse("policy", &bytes) else {
            report.remark(format!(
                "which drills of {site} came due by entry {index} was not judged: {place} is no policy"
            ));
            continue;
        };
        // What was still open when the next one came was the next one's to ask for, or not.
        // People date what they sign: it did not come before what the site had written by then.
        let next = asked.policies.get(number + 1);
        let (end, next) = next.map_or((u64::MAX, i64::MAX), |(from, end, _, before)| (*end, (*from).max(*before)));
        let since = asked.first_at.map_or(*from, |first| (*from).max(first));
        let until = next.min(last.saturating_sub(GRACE_SECONDS));
        let span = Span { since, until, next, is_cut: since > *from };
        for line in lines(&policy) {
            let told = asked.told.get(&line.name);
            let found = Found::of(&line, &policy, &span, told.unwrap_or(&BTreeMap::new()), &mut left);
            found.tell(&line, site.as_str(), report);
            let all = asked.entries.range(index + 1..end).filter(|(_, (schedule, _))| *schedule == line.name);
            for (entry, (_, due)) in all {
                // Each entry of it while this policy was in force is of one that its line has.
                if line.schedule.next_after(policy.zone, due.saturating_sub(1)) != Some(*due) {
                    let why = format!("{} does not come due at {}, by the policy then", line.name, utc::rfc3339(*due));
                    report.problem(Code::Drill, format!("{site} entry {entry}"), why);
                }
            }
        }
        if left == 0 {
            report.remark(format!("not all drills of {site} that came due were judged: there are more than {MOST}"));
            break;
        }
    }
    Ok(())
}

/// In which a policy was in force.
struct Span {
    since: i64,
    /// Until then windows were over of which something has to stand in the log.
    until: i64,
    /// When the next policy came.
    next: i64,
    /// It was in force before the period too.
    is_cut: bool,
}

/// What is not as the line asks.
#[derive(Default)]
struct Found {
    /// The first of those of which nothing says what became of them, and how many there are.
    untold: Option<(i64, u64)>,
    /// Entries that count other occurrences than there were up to theirs: when it was due, its count, how many there were.
    miscounted: Vec<(i64, u64, u64)>,
}

impl Found {
    fn of(line: &Line<'_>, policy: &Policy, span: &Span, told: &BTreeMap<i64, u64>, left: &mut usize) -> Self {
        let mut found = Self::default();
        // How many came since the one that was told last; at least, where the period begins within them.
        let (mut came, mut is_cut) = (0, span.is_cut);
        // Up to an entry that counts several, to count them.
        let of_several = told.range(..span.next).rfind(|(_, count)| **count > 1).map_or(i64::MIN, |(due, _)| *due);
        let mut at = span.since;
        while *left > 0
            && let Some(due) = line.schedule.next_after(policy.zone, at)
        {
            let is_over = due.saturating_add(line.window) <= span.until;
            if !is_over && due > of_several {
                break;
            }
            (*left, at, came) = (*left - 1, due, came + 1);
            match told.range(due..span.next).next() {
                Some((of, count)) if *of == due => {
                    if *count > 1 && (*count < came || *count != came && !is_cut) {
                        found.miscounted.push((due, *count, came));
                    }
                    (came, is_cut) = (0, false);
                }
                // That one counts it.
                Some((_, count)) if *count > 1 => {}
                _ if is_over => {
                    (came, is_cut) = (0, false);
                    let (first, many) = found.untold.unwrap_or((due, 0));
                    found.untold = Some((first, many + 1));
                }
                _ => {}
            }
        }
        found
    }

    fn tell(self, line: &Line<'_>, site: &str, report: &mut Report) {
        if let Some((first, many)) = self.untold {
            let (first, name) = (utc::rfc3339(first), &line.name);
            let why = format!("{name} came due at {first}, and no entry announces or misses it ({many} such in all)");
            report.problem(Code::Drill, site, why);
        }
        for (due, count, came) in self.miscounted {
            let (due, name) = (utc::rfc3339(due), &line.name);
            let why = format!("{count} occurrences of {name} are counted up to {due}, and {came} came due");
            report.problem(Code::Drill, site, why);
        }
    }
}

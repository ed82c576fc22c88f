//! A quarter of two sites by clocks that are moved by hand, with a server that is silent for days and a line that
//! is cut: every figure that is shown is the one that the test's own record gives, second by second.

use std::process::Command;
use std::sync::atomic::Ordering;

use pulih_evidence::source::Folder;
use pulih_evidence::verify::{Trust, verify};
use pulih_evidence::write::{Export, Period as EvidencePeriod, to_folder};
use pulih_ledger::Log;
use pulih_ledger::ids::SiteId;
use pulih_vault::note::VerifierKey;
use pulih_vault::utc;
use serde_json::{Value, json};

use super::super::lock;
use super::bench::{PUSAT, Two, drc_now};
use crate::evidence::read::{Extent, Period, Sources};
use crate::evidence::rpo::report;
use crate::pusat::tests::bench::{DAY, in_memory, now, wait};
use crate::record::time;
use crate::site::SiteRole;
use crate::uji::IS_UJI;

const HOUR: i64 = 3600;
/// Of the default policy for what is not public, at the Pusat Data and at the DRC.
const TARGETS: [u64; 2] = [86_400, 172_800];

/// When a snapshot was there, at the Pusat Data and at the DRC.
struct Came {
    accepted: i64,
    complete: Option<i64>,
}

#[derive(Default)]
struct Dataset {
    name: &'static str,
    came: Vec<Came>,
}

/// What the test wrote down of one dataset at one site: when each point was there, and what it is dated.
type Points = Vec<(i64, i64)>;

impl Dataset {
    fn at_pusat(&self) -> Points {
        self.came.iter().map(|its| (its.accepted, its.accepted)).collect()
    }

    fn at_drc(&self) -> Points {
        let mut points: Points = self.came.iter().filter_map(|its| Some((its.complete?, its.accepted))).collect();
        points.sort_unstable();
        points
    }
}

/// For each second how old the newest point was at its end.
fn lost(points: &Points, since: i64, period: Period) -> Vec<u64> {
    let mut newest = None::<i64>;
    let mut next = points.iter().peekable();
    let mut lost = Vec::new();
    for second in since..period.to {
        while let Some((_, dated)) = next.next_if(|(there, _)| *there <= second) {
            newest = newest.max(Some(*dated));
        }
        if second >= period.from {
            lost.push((second + 1 - newest.unwrap_or(since)) as u64);
        }
    }
    lost
}

/// The same as the report has it.
fn figures(lost: &[u64], target: u64) -> Value {
    let mut sorted = lost.to_vec();
    sorted.sort_unstable();
    let quantile = |share: usize| sorted[(share * sorted.len()).div_ceil(1000) - 1];
    let inside = lost.iter().filter(|its| **its <= target).count();
    let share = inside * 10_000 / lost.len();
    json!({
        "seconds": lost.len(), "inside_seconds": inside, "inside_percent": format!("{}.{:02}", share / 100, share % 100),
        "worst_seconds": sorted[sorted.len() - 1], "p50_seconds": quantile(500), "p95_seconds": quantile(950),
        "p99_seconds": quantile(990),
    })
}

/// When the seconds above the target begin and end.
fn breaches(lost: &[u64], target: u64, from: i64) -> Vec<(String, String, u64)> {
    let above = |at: usize| lost.get(at).is_some_and(|its| *its > target);
    let mut found = Vec::new();
    let mut at = 0;
    while at < lost.len() {
        let end = (at..=lost.len()).find(|at| !above(*at)).unwrap();
        if end > at {
            let time = |at: usize| utc::rfc3339(from + at as i64);
            found.push((time(at), time(end), (end - at) as u64));
        }
        at = end + 1;
    }
    found
}

/// On which days what happens: from the first up to the last.
struct Story {
    days: i64,
    silent: [i64; 2],
    cut: [i64; 2],
}

fn is_within(hour: i64, days: [i64; 2]) -> bool {
    (days[0] * 24..days[1] * 24).contains(&hour)
}

struct Quarter {
    story: Story,
    two: Two,
    began: i64,
    letters: Dataset,
    archive: Dataset,
}

impl Quarter {
    fn new(story: Story) -> Self {
        let two = Two::within([(); 2].map(|()| in_memory()));
        two.pusat.approve("archive");
        let dataset = |name| Dataset { name, came: Vec::new() };
        Self { story, two, began: now(), letters: dataset("letters"), archive: dataset("archive") }
    }

    fn save(&mut self, is_archive: bool) {
        let its = if is_archive { &mut self.archive } else { &mut self.letters };
        self.two.pusat.save(self.two.first, its.name, its.came.len() as u64 + 1);
        its.came.push(Came { accepted: now(), complete: None });
    }

    /// What the server does and the line lets through, in one hour.
    fn hour(&mut self, hour: i64) {
        let (is_silent, is_cut) = (is_within(hour, self.story.silent), is_within(hour, self.story.cut));
        wait(600);
        if !is_silent {
            self.two.pusat.pusat.seen("app-1", "app-1");
            // Some runs are left out.
            if hour % 37 != 5 {
                self.save(false);
            }
            if hour % 24 == 20 {
                self.save(true);
            }
        }
        wait(60 + hour * 7 % 1100);
        self.two.line.is_down.store(is_cut, Ordering::Relaxed);
        assert_eq!(self.two.round().is_err(), is_cut);
        if !is_cut {
            let all = self.letters.came.iter_mut().chain(&mut self.archive.came);
            all.for_each(|its| its.complete = its.complete.or_else(|| Some(drc_now())));
        }
        self.two.pusat.pusat.listen().unwrap();
        self.two.drc.listen().unwrap();
        wait(HOUR - (now() - self.began).rem_euclid(HOUR));
    }

    fn report(&self, is_drc: bool, period: Period) -> Value {
        let own = |store: &std::sync::Arc<crate::pusat::tests::bench::Hooked>, id: &str, key| {
            Log::open(store.clone(), &id.parse().unwrap(), key).unwrap()
        };
        let pusat = own(&self.two.pusat.store, PUSAT, lock(&self.two.pusat.pusat.record).key().clone());
        if !is_drc {
            let (site, role) = (PUSAT.parse().unwrap(), SiteRole::Pusat);
            let sources = Sources { site, role, store: &*self.two.pusat.store, own: Extent::whole(&pusat), peer: None };
            return report(&sources, period, |_, _| true).unwrap();
        }
        let drc = own(&self.two.store, "drc-33.19", lock(&self.two.drc.record).key().clone());
        // As it is mirrored here.
        let mirrored = own(&self.two.store, PUSAT, pusat.key().clone());
        let (site, role) = ("drc-33.19".parse().unwrap(), SiteRole::Drc);
        let sources = Sources {
            site,
            role,
            store: &*self.two.store,
            own: Extent::whole(&drc),
            peer: Some(Extent::whole(&mirrored)),
        };
        report(&sources, period, |_, _| true).unwrap()
    }
}

/// What the DRC exports of it all is whole, and both verifiers say of which clock it is: that of a build for trials, if
/// this is one.
fn check_export(two: &Two) {
    two.drc.checkpoint().unwrap();
    two.pusat.pusat.checkpoint().unwrap();
    two.round().unwrap();
    let open = |site: &str, key: VerifierKey| Log::open(two.store.clone(), &site.parse().unwrap(), key).unwrap();
    let keys = [&two.drc.record, &two.pusat.pusat.record].map(|record| lock(record).key().clone());
    let logs = [open("drc-33.19", keys[0].clone()), open(PUSAT, keys[1].clone())];
    let folder = in_memory();
    let (out, at) = (folder.path().join("bundle"), time(now()).unwrap());
    let logs = [&logs[0], &logs[1]];
    let export = Export {
        store: &*two.store,
        logs: &logs,
        by: "uji",
        at: &at,
        period: EvidencePeriod::default(),
        all_checkpoints: false,
    };
    to_folder(&out, &export).unwrap();
    let sites =
        ["drc-33.19", PUSAT].into_iter().zip(&keys).map(|(site, key)| (site.parse().unwrap(), key.fingerprint()));
    let trust = Trust { sites: sites.clone().collect(), ..Trust::default() };
    let report = verify(&Folder::open(&out).unwrap(), &trust, &|| true).unwrap().unwrap();
    assert!(report.is_good() && report.sites.len() == 2, "{:?}", report.problems);
    assert!(report.sites.iter().all(|its| its.uji == IS_UJI));
    let mut script = Command::new("python3");
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/verify-evidence.py")).arg("--json").arg(&out);
    for (site, print) in sites {
        let site: SiteId = site;
        script.args(["--site", &format!("{site}={print}")]);
    }
    let said = script.output().unwrap();
    let found: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert!(said.status.success(), "{found}");
    assert!(found["sites"].as_array().unwrap().iter().all(|its| its["uji"] == IS_UJI), "{found}");
    println!("quarter: exported and verified by both: {} entries, uji {IS_UJI}", found["entries"]);
}

#[test]
fn every_figure_of_weeks_is_that_of_the_tests_own_record() {
    tell(Story { days: 22, silent: [6, 9], cut: [13, 17] });
}

#[test]
#[ignore = "takes minutes: scripts/prove drill --part quarter"]
fn every_figure_of_a_quarter_is_that_of_the_tests_own_record() {
    tell(Story { days: 91, silent: [30, 33], cut: [60, 64] });
}

fn tell(story: Story) {
    wait(DAY - now().rem_euclid(DAY));
    let mut its = Quarter::new(story);
    (0..its.story.days * 24).for_each(|hour| its.hour(hour));
    let period = Period { from: its.began + 3 * DAY + 17, to: its.began + (its.story.days - 1) * DAY, now: now() };
    check_export(&its.two);
    for (is_drc, target) in [(false, TARGETS[0]), (true, TARGETS[1])] {
        let found = its.report(is_drc, period);
        let mut everything = Vec::new();
        for dataset in [&its.archive, &its.letters] {
            let points = if is_drc { dataset.at_drc() } else { dataset.at_pusat() };
            let lost = lost(&points, its.began, period);
            let row = found["datasets"].as_array().unwrap().iter().find(|row| row["dataset"] == dataset.name).unwrap();
            let mut shown = row.clone();
            let named = figures(&lost, target);
            shown.as_object_mut().unwrap().retain(|name, _| named.get(name).is_some());
            assert_eq!(shown, named, "{} {is_drc}", dataset.name);
            assert_eq!(row["target_seconds"], target);
            let newest = points.iter().filter(|(there, _)| *there <= period.now).map(|(_, dated)| dated).max();
            assert_eq!(row["exposure_seconds"], period.now - newest.unwrap());
            let within = points.iter().filter(|(there, _)| (period.from..period.to).contains(there));
            assert_eq!(row["points"], within.count());
            let told = row["breaches"].as_array().unwrap().iter().map(|breach| {
                let text = |name: &str| breach[name].as_str().unwrap().to_owned();
                (text("began"), text("ended"), breach["seconds"].as_u64().unwrap())
            });
            let told: Vec<(String, String, u64)> = told.collect();
            assert_eq!(told, breaches(&lost, target, period.from));
            assert!(!told.is_empty());
            everything.extend(lost);
        }
        assert_eq!(found["fleet"], figures(&everything, target));
        assert_eq!(found["clock_doubt"], false);
        let rows = found["datasets"].as_array().unwrap();
        println!(
            "quarter: {}: {} datasets, {} seconds, inside {} %, worst {} s, breaches {}",
            found["site"].as_str().unwrap(),
            rows.len(),
            found["fleet"]["seconds"],
            found["fleet"]["inside_percent"].as_str().unwrap(),
            found["fleet"]["worst_seconds"],
            rows.iter().map(|row| row["breaches"].as_array().unwrap().len()).sum::<usize>()
        );
        // Each breach is put down to what the story has at its time, and to nothing else.
        for row in found["datasets"].as_array().unwrap() {
            for breach in row["breaches"].as_array().unwrap() {
                let began = utc::parse(breach["began"].as_str().unwrap()).unwrap();
                let day = (began - its.began) / DAY;
                let is_on = |days: [i64; 2]| (days[0]..=days[1]).contains(&day);
                let cause = match () {
                    () if is_on(its.story.silent) => "agent-silent",
                    () if is_drc && is_on(its.story.cut) => "link",
                    () => "overdue",
                };
                assert_eq!(breach["cause"], cause, "{} day {day}: {breach}", row["dataset"]);
            }
        }
    }
}

//! Drills of a regency, done by a worker whose every step takes as long as a story says.

use pulih_keeper::Standing;
use pulih_ledger::entry::kinds::{DrillAnnounced, DrillAttested, DrillFinding, DrillOpened};
use pulih_ledger::ids::Sha256;
use serde_json::Value;

use super::super::drills::announced;
use super::people::Person;
use super::{At, Region};
use crate::drc::drills::Ask;
use crate::drc::drills::order::{Auditor, Done, Host, Outcome, Planned, StepEnded, Subject, Wanted};
use crate::drc::tests::bench::drc_now;
use crate::pusat::tests::bench::wait;
use crate::record::time;

/// What one point came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub vault: String,
    pub dataset: String,
    pub began: i64,
    pub ended: i64,
    pub milliseconds: u64,
    /// approve, fetch, decrypt, write, verify, check.
    pub phases: [u64; 6],
    pub passed: bool,
}

/// A drill as the story has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drilled {
    pub id: String,
    pub announced: DrillAnnounced,
    pub started: i64,
    pub ended: i64,
    pub milliseconds: u64,
    pub tried: Vec<Tried>,
}

/// The keeper of each class, open or sealed.
pub fn host(is_open: bool) -> Host {
    let standing = |class: &str| Standing {
        class: class.into(),
        recipient: "age1x".into(),
        sealed: true,
        open: is_open,
        until: None,
        needed: 2,
        people: vec!["siti".into(), "budi".into()],
        given: vec![],
        ready: false,
        glass: false,
    };
    Host {
        standings: Ok(["strategis", "non-publik", "publik"].map(standing).into()),
        free_bytes: Some(1 << 40),
        reserve_bytes: None,
        no_scratch: None,
        no_recipes: None,
    }
}

impl Region {
    /// Begins a drill that may start, and does what was announced: `of` says of the n-th point, of so many files and
    /// bytes, how many seconds it takes and whether it passes.
    pub fn work(
        &self,
        id: &str,
        files: impl Fn(&str) -> (u64, u64),
        of: impl Fn(usize, &str) -> (u64, bool),
    ) -> Drilled {
        let two = &self.two;
        let its = announced(two).into_iter().rfind(|its| its.drill.as_str() == id).unwrap();
        let started = drc_now();
        let begun = two.drc.answer_drills(&Ask::Start { id: id.to_owned(), host: host(true) }).unwrap();
        assert_eq!(begun["start"], "now", "{begun}");
        let mut tried = Vec::new();
        for (n, point) in its.points.iter().enumerate() {
            let (seconds, passed) = of(n, point);
            let (count, bytes) = files(point);
            let (began, milliseconds) = (drc_now(), seconds * 1000 + 17 * (n as u64 + 1));
            wait(seconds as i64 + 1);
            // Of a hundred parts: fetched 50, opened 10, written 15, read again 20.
            let part = |percent: u64| milliseconds * percent / 100;
            let is_verify = its.kind == "verify";
            let ended = StepEnded {
                drill: id.to_owned(),
                subject: Subject::Point { point: point.clone() },
                outcome: Outcome::of(passed),
                began: time(began).unwrap().to_string(),
                milliseconds,
                fetch_ms: part(50),
                decrypt_ms: part(10),
                write_ms: part(15),
                verify_ms: part(20),
                check_ms: 0,
                files: if is_verify { 0 } else { count },
                bytes: if is_verify { 0 } else { bytes },
                total_files: count,
                total_bytes: bytes,
                text: if passed { String::new() } else { "isi satu berkas tidak sama dengan sidiknya".into() },
            };
            two.drc.answer_drills(&Ask::Step { ended }).unwrap();
            let mut parts = point.split('/').map(str::to_owned);
            let (vault, dataset) = (parts.next().unwrap(), parts.next().unwrap());
            let phases = [0, part(50), part(10), part(15), part(20), 0];
            tried.push(Tried { vault, dataset, began, ended: drc_now(), milliseconds, phases, passed });
        }
        let milliseconds = (drc_now() - started) as u64 * 1000 + 5;
        let done = Done { drill: id.to_owned(), milliseconds, leftovers: 0, text: String::new() };
        two.drc.answer_drills(&Ask::End { done }).unwrap();
        Drilled { id: id.to_owned(), announced: its, started, ended: drc_now(), milliseconds, tried }
    }

    /// A person orders a drill of the plan, with or without an auditor.
    pub fn order(&self, by: &Person, auditor: Option<Auditor>) -> DrillAnnounced {
        let wanted = Wanted { kind: "plan".into(), plan: Some("kabupaten".into()), auditor, ..Wanted::default() };
        let planned = self.two.drc.answer_drills(&Ask::Plan { wanted }).unwrap();
        let planned: Planned = serde_json::from_value(planned).unwrap();
        assert!(planned.problems.is_empty(), "{:?}", planned.problems);
        self.act(At::Drc, by, planned.announced.clone(), None).unwrap();
        planned.announced
    }

    /// The auditor lets it begin.
    pub fn open(&self, auditor: &Person, id: &str) {
        let announcement = self.hash_of(id, false);
        self.act(At::Drc, auditor, DrillOpened { drill: id.parse().unwrap(), announcement }, None).unwrap();
    }

    pub fn attest(&self, auditor: &Person, id: &str, opinion: &str, findings: Vec<DrillFinding>, document: &[u8]) {
        let attested = DrillAttested {
            drill: id.parse().unwrap(),
            ended: self.hash_of(id, true),
            opinion: opinion.to_owned(),
            findings,
            document_sha256: Some(Sha256::of(document)),
        };
        self.act(At::Drc, auditor, attested, None).unwrap();
    }

    fn hash_of(&self, id: &str, ended: bool) -> Sha256 {
        let told: Value = self.two.drc.answer_drills(&Ask::ToSign { id: id.to_owned(), ended }).unwrap();
        told["sha256"].as_str().unwrap().parse().unwrap()
    }
}

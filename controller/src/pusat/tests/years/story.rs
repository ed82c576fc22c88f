//! What happens at a site from day to day, and what must be there by then.

use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{ExpiryResumed, HoldPlaced, HoldReleased, PolicyApplied, SuspicionEnded};
use pulih_policies::Policy;
use pulih_vault::store::{ObjectName, Store as _};

use super::super::super::lock;
use super::super::bench::{Bench, DAY, LAYOUT, VAULT, in_memory, now, wait};
use super::import::{Watched, left_after};
use super::office::{DATASET, Import, Office, State};
use super::rules::{Model, STRATEGIS_TWO_YEARS, Standing};
use crate::catalog::User;
use crate::policy;
use crate::site::SiteRole;

pub const HOUR: i64 = 3600;
/// Three times the target of [`EXCEPTION`].
const SILENT_AFTER: i64 = 3 * DAY;
/// One backup a day, and the years end within those of the story.
const EXCEPTION: &str = "
[opd.dinkes.dataset.letters]
schedules = [\"0 12 * * *\"]
targets = { rpo_pusat = \"24h\", rpo_drc = \"48h\" }
keep = { yearly = \"2y\" }
";

pub struct Story {
    pub bench: Bench,
    pub office: Office,
    begun: i64,
    pub model: Model,
    /// What must be there: until when each is kept.
    pub left: BTreeMap<String, Option<i64>>,
    /// States of snapshots that were whole.
    pub states: BTreeMap<String, State>,
    pub imports: Vec<Watched>,
    number: u32,
    import: Option<u32>,
    /// When the last snapshot came, or the site came back.
    heard: i64,
    held: bool,
    pub suspected: bool,
    stopped: bool,
}

impl Story {
    pub fn begin() -> Self {
        let bench = Bench::within(in_memory());
        // Midnight in Jakarta.
        wait(DAY - (now() + 7 * HOUR).rem_euclid(DAY));
        let text = policy::DEFAULT.replace("\nversion = 1\n", "\nversion = 2\n") + EXCEPTION;
        let its = Policy::parse("letters", text.as_bytes()).unwrap();
        let object = policy::put(&*bench.store, &bench.pusat.site, &text).unwrap();
        bench.write(PolicyApplied { policy: its.name.to_string(), version: its.version.into(), object });
        bench.pusat.reload_policy(&lock(&bench.pusat.catalog)).unwrap();
        let office = Office::new(&bench);
        Self {
            bench,
            office,
            begun: now(),
            model: Model::of(STRATEGIS_TWO_YEARS),
            left: BTreeMap::new(),
            states: BTreeMap::new(),
            imports: Vec::new(),
            number: 0,
            import: None,
            heard: now(),
            held: false,
            suspected: false,
            stopped: false,
        }
    }

    pub fn day(&self) -> u32 {
        ((now() - self.begun) / DAY) as u32
    }

    pub fn save(&mut self, in_parts: bool) {
        let day = self.day();
        let import = self.import.map(|began| Import { day: began, left: left_after(day - began) });
        let state = State { day, number: self.number, import };
        self.number += 1;
        let stored = self.office.save(&self.bench, state, in_parts);
        assert_eq!(stored.len() > 1, in_parts, "{stored:?}");
        let whole = stored.len() - 1;
        for (at, name) in stored.into_iter().map(|name| name.to_string()).enumerate() {
            let standing = match (at == whole, self.suspected) {
                (false, _) => Standing::Partial,
                (true, true) => Standing::Suspected,
                (true, false) => Standing::Sound,
            };
            if at == whole {
                self.states.insert(name.clone(), state);
            }
            let until = self.model.accept(name.clone(), now(), standing);
            self.left.insert(name, until);
        }
        self.heard = now();
        if self.import.is_some_and(|began| began == day && self.imports.iter().all(|its| its.day != day)) {
            self.imports.push(Watched::new(day, &self.bench, &self.office));
        }
    }

    /// The site does its daily work, and what it leaves is what the rules leave.
    pub fn night(&mut self) {
        self.bench.pusat.tend().unwrap();
        self.suspected |= !self.stopped && now() - self.heard > SILENT_AFTER;
        if !(self.held || self.suspected || self.stopped) {
            let remain = self.model.remain(now());
            self.left.retain(|name, _| remain.contains_key(name));
            assert_eq!(self.left, remain);
        }
        let points = self.bench.points(DATASET).into_iter().map(|point| (point.snapshot, point.keep_until));
        assert_eq!(points.collect::<BTreeMap<_, _>>(), self.left, "on day {}", self.day());
        let mut went = false;
        for its in &mut self.imports {
            went |= its.look(&self.bench, &self.office);
            if its.is_doomed() {
                let needs =
                    self.left.keys().find(|name| self.states.get(*name).is_some_and(|of| its.is_needed_by(of.day)));
                assert_eq!(needs, None);
            }
        }
        if went {
            // What was alive of the pack is there, in another.
            let newest = self.bench.points(DATASET)[0].snapshot.clone();
            assert!(self.states[&newest].import.is_some());
            self.office.read_through(&self.bench, newest.parse().unwrap(), self.states[&newest]);
        }
    }

    /// An import comes with the next backup.
    pub fn import(&mut self) {
        self.import = Some(self.day());
    }

    /// For so long that a person has to look before anything goes again.
    pub fn be_away(&mut self, days: u32) {
        wait(i64::from(days) * DAY);
        self.bench.restart(false).unwrap();
        (self.heard, self.stopped) = (now(), true);
        self.night();
        let stopped = lock(&self.bench.pusat.catalog).stopped().unwrap().unwrap();
        assert!(stopped.said, "{stopped:?}");
    }

    pub fn resume(&mut self) {
        self.person(ExpiryResumed { reason: "jam benar".into() });
        self.stopped = false;
    }

    pub fn hold(&mut self) {
        self.person(HoldPlaced {
            hold: format!("h-{}", self.day()).parse().unwrap(),
            vault: VAULT,
            dataset: Some(DATASET.parse().unwrap()),
            letter: "180/4".into(),
            reason: "perkara".into(),
        });
        self.held = true;
    }

    pub fn release(&mut self) {
        let holds = lock(&self.bench.pusat.catalog).holds_on(&VAULT.to_string()).unwrap();
        self.person(HoldReleased { hold: holds[0].id.parse().unwrap(), reason: "selesai".into() });
        self.held = false;
    }

    pub fn end_suspicion(&mut self) {
        assert!(self.suspected);
        let its = lock(&self.bench.pusat.catalog).suspected(&VAULT.to_string(), DATASET).unwrap().unwrap();
        assert_eq!(its.measure, crate::keeping::SILENCE);
        self.person(SuspicionEnded { suspicion: its.id.parse().unwrap(), reason: "kantor libur".into() });
        self.suspected = false;
    }

    pub fn approve_again(&self) {
        self.bench.approve(DATASET);
    }

    /// What a person signs, if the site takes it.
    fn person(&self, body: impl Into<Body>) {
        let siti = User {
            id: "siti".into(),
            name: "Siti".into(),
            roles: vec!["admin".into()],
            opd: None,
            at: 0,
            decree: None,
            until: None,
        };
        let body = body.into();
        assert!(crate::keeping::check(&lock(&self.bench.pusat.catalog), SiteRole::Pusat, &siti, &body).unwrap());
        self.bench.write_as("siti", body);
    }

    /// Every point that is left, bit for bit, out of the store as it is. Returns what that took.
    pub fn read_all_through(&self) -> BTreeSet<ObjectName> {
        let mut needed = BTreeSet::new();
        for name in self.left.keys() {
            // The work of a run is no point.
            let Some(state) = self.states.get(name) else { continue };
            needed.extend(self.office.read_through(&self.bench, name.parse().unwrap(), *state));
        }
        needed
    }

    /// What the vault's part of the store has beside this, and how many bytes that is.
    pub fn not_needed(&self, needed: &BTreeSet<ObjectName>) -> (Vec<String>, u64) {
        let (mut others, mut bytes) = (Vec::new(), 0);
        for kind in ["packs", "index", "reach", "snapshots"] {
            self.bench
                .store
                .list(&LAYOUT.folder(kind), &mut |name| {
                    if !needed.contains(&name) {
                        bytes += self.bench.store.size(&name).unwrap();
                        others.push(name.to_string());
                    }
                })
                .unwrap();
        }
        (others, bytes)
    }
}

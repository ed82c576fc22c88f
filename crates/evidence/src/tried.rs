//! What was tried, as a ledger says it, entry by entry in its order: drills with their steps, recoveries on this site's
//! host, and what makes a drill of yesterday say nothing of today. From here follow the RTO and the states.

use std::collections::BTreeMap;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    DrillAnnounced, DrillAttested, DrillEnded, DrillOpened, DrillPhases, DrillStep, RecoveryStep,
};
use pulih_ledger::ids::{AgentId, DrillId, RecoveryId, Sha256};
use pulih_ledger::time::Time;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::utc;

use crate::facts::Key;
use crate::qualifying::Course;

/// A drill from its announcement on. Times in seconds since 1970, places in the ledger from 0.
#[derive(Debug, Clone)]
pub struct Drill {
    pub announced: DrillAnnounced,
    pub index: u64,
    pub at: i64,
    announcement: Sha256,
    opened: Option<(DrillOpened, Actor, bool, i64)>,
    pub started: Option<i64>,
    pub steps: Vec<DrillStep>,
    pub ended: Option<(DrillEnded, i64)>,
    end: Option<Sha256>,
    pub attested: Option<(DrillAttested, Actor, i64)>,
    /// Which entry attests it.
    pub(crate) attestation: Option<u64>,
}

impl Drill {
    /// `<vault>/<dataset>` of each point that was announced.
    pub fn covers(&self, key: &Key) -> bool {
        self.announced.points.iter().any(|point| point.starts_with(&format!("{}/{}/", key.vault, key.dataset)))
    }

    /// The recipes that were announced, by name.
    pub fn recipes(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.announced.recipes.iter().flatten();
        all.filter_map(|text| Some((text.split('/').next()?, text.rsplit('/').next()?)))
    }

    pub fn outcome(&self) -> Option<&str> {
        self.ended.as_ref().map(|(ended, _)| ended.outcome.as_str())
    }

    /// Whether it was tried, however it went.
    pub fn is_tried(&self) -> bool {
        matches!(self.outcome(), Some("passed" | "failed" | "aborted"))
    }

    /// As the judge of qualifying tests sees it; `None` without an auditor.
    pub fn course(&self) -> Option<Course<'_>> {
        self.announced.auditor.as_ref()?;
        Some(Course {
            announced: &self.announced,
            announcement: self.announcement,
            opened: self.opened.as_ref().map(|(opened, by, before, _)| (opened, by, *before)),
            ended: self.ended.as_ref().zip(self.end).map(|((ended, at), entry)| (ended, *at, entry)),
            attested: self.attested.as_ref().map(|(attested, by, at)| (attested, by, *at)),
            times: [Some(self.at), self.opened.as_ref().map(|(.., at)| *at), self.started],
        })
    }
}

/// A recovery on this site's host, or by the word of a server.
#[derive(Debug, Clone)]
pub struct Recovery {
    pub id: RecoveryId,
    pub plan: Option<String>,
    pub server: Option<AgentId>,
    pub steps: Vec<RecoveryStep>,
    /// Its end: outcome, milliseconds, when.
    pub ended: Option<(String, u64, i64)>,
}

/// What brought a dataset back, and how long that took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    pub key: Key,
    /// When that was written down.
    pub at: i64,
    /// `restore`, `application`, `plan`: the drill's kind; `recovery`.
    pub kind: String,
    /// The drill's or the recovery's id.
    pub by: String,
    /// The agent whose word it is; `None`: this site saw it.
    pub server: Option<AgentId>,
    pub milliseconds: u64,
    pub phases: DrillPhases,
    pub files: u64,
    pub bytes: u64,
    /// Of the point.
    pub total_files: u64,
    pub total_bytes: u64,
}

impl Measured {
    /// All its files, and not a sample of them.
    pub fn is_whole(&self) -> bool {
        self.files >= self.total_files
    }
}

/// All of it.
#[derive(Debug, Default)]
pub struct Tried {
    drills: Vec<Drill>,
    by_id: BTreeMap<DrillId, usize>,
    recoveries: Vec<Recovery>,
    measured: Vec<Measured>,
    /// What was applied under a name, from which entry on.
    plans: BTreeMap<String, Vec<(u64, ObjectHash)>>,
    recipes: BTreeMap<String, Vec<(u64, ObjectHash)>>,
    classes: BTreeMap<VaultId, Vec<(u64, String)>>,
    /// The newest occurrence of each schedule that was missed: when it was due.
    missed: BTreeMap<String, i64>,
}

fn seconds(time: &Time) -> i64 {
    utc::parse(time.as_str()).unwrap_or(0)
}

impl Tried {
    /// Takes in the next entry, with its bytes.
    pub fn take(&mut self, index: u64, bytes: &[u8], at: &Time, actor: &Actor, body: &Body) {
        let at = seconds(at);
        match body {
            Body::DrillAnnounced(its) => {
                if self.by_id.contains_key(&its.drill) {
                    return;
                }
                self.by_id.insert(its.drill.clone(), self.drills.len());
                self.drills.push(Drill {
                    announced: its.clone(),
                    index,
                    at,
                    announcement: Sha256::of(bytes),
                    opened: None,
                    started: None,
                    steps: Vec::new(),
                    ended: None,
                    end: None,
                    attested: None,
                    attestation: None,
                });
            }
            Body::DrillOpened(its) => self.its(&its.drill, |drill| {
                let before = drill.started.is_none() && drill.ended.is_none();
                drill.opened.get_or_insert((its.clone(), actor.clone(), before, at));
            }),
            Body::DrillStarted(its) => self.its(&its.drill, |drill| {
                drill.started.get_or_insert(at);
            }),
            Body::DrillStep(its) => {
                self.its(&its.drill, |drill| drill.steps.push(its.clone()));
                self.of_drill(at, its);
            }
            Body::DrillEnded(its) => self.its(&its.drill, |drill| {
                if drill.ended.is_none() {
                    (drill.ended, drill.end) = (Some((its.clone(), at)), Some(Sha256::of(bytes)));
                }
            }),
            Body::DrillAttested(its) => self.its(&its.drill, |drill| {
                drill.attested.get_or_insert((its.clone(), actor.clone(), at));
                drill.attestation.get_or_insert(index);
            }),
            _ => self.take_other(index, at, body),
        }
    }

    fn take_other(&mut self, index: u64, at: i64, body: &Body) {
        match body {
            Body::RecoveryBegun(its) => self.recoveries.push(Recovery {
                id: its.recovery.clone(),
                plan: its.plan.clone(),
                server: its.server.clone(),
                steps: Vec::new(),
                ended: None,
            }),
            Body::RecoveryStep(its) => {
                if let Some(going) = self.recoveries.iter_mut().rfind(|going| going.id == its.recovery) {
                    going.steps.push(its.clone());
                }
                self.of_recovery(at, its);
            }
            Body::RecoveryEnded(its) => {
                if let Some(going) = self.recoveries.iter_mut().rfind(|going| going.id == its.recovery) {
                    going.ended.get_or_insert((its.outcome.clone(), its.milliseconds, at));
                }
            }
            Body::DrillMissed(its) => {
                let newest = self.missed.entry(its.schedule.clone()).or_insert(i64::MIN);
                *newest = seconds(&its.due).max(*newest);
            }
            Body::PlanApplied(its) => self.plans.entry(its.plan.clone()).or_default().push((index, its.object)),
            Body::RecipeApplied(its) => self.recipes.entry(its.recipe.clone()).or_default().push((index, its.object)),
            Body::AgentEnrolled(its) => self.classed(index, its.vault, &its.class),
            Body::VaultPinned(its) => self.classed(index, its.vault, &its.class),
            _ => {}
        }
    }

    fn its(&mut self, id: &DrillId, take: impl FnOnce(&mut Drill)) {
        if let Some(drill) = self.by_id.get(id).and_then(|at| self.drills.get_mut(*at)) {
            take(drill);
        }
    }

    fn classed(&mut self, index: u64, vault: VaultId, class: &str) {
        self.classes.entry(vault).or_default().push((index, class.to_owned()));
    }

    /// What a step of a drill says of how long a dataset takes.
    fn of_drill(&mut self, at: i64, its: &DrillStep) {
        let kind = self.by_id.get(&its.drill).map(|at| self.drills[*at].announced.kind.clone());
        if its.what.starts_with("application ") && its.outcome == "passed" {
            self.of_application(its);
        }
        let (Some(kind), Some(vault), Some(dataset)) = (kind, its.vault, its.dataset.clone()) else { return };
        // What was only held against its name was not brought back.
        if its.outcome == "passed" && its.what == "restore" {
            self.measured.push(Measured {
                key: Key { vault, dataset },
                at,
                kind,
                by: its.drill.to_string(),
                server: None,
                milliseconds: its.milliseconds,
                phases: its.phases,
                files: its.files,
                bytes: its.bytes,
                total_files: its.total_files,
                total_bytes: its.total_bytes,
            });
        }
    }

    /// An application is of use once it ran: its time is that of the dataset that it waited for last.
    fn of_application(&mut self, its: &DrillStep) {
        let Some(last) = self.measured.last_mut().filter(|last| last.by == its.drill.as_str()) else { return };
        last.milliseconds = last.milliseconds.saturating_add(its.milliseconds);
        last.phases.check = last.phases.check.saturating_add(its.phases.check);
    }

    fn of_recovery(&mut self, at: i64, its: &RecoveryStep) {
        let (Some(vault), Some(dataset), "done") = (its.vault, its.dataset.clone(), its.outcome.as_str()) else {
            return;
        };
        let phases = its.phases.unwrap_or_default();
        self.measured.push(Measured {
            key: Key { vault, dataset },
            at,
            kind: "recovery".into(),
            by: its.recovery.to_string(),
            server: its.server.clone(),
            milliseconds: its.milliseconds,
            phases: DrillPhases {
                approve: phases.approve,
                fetch: phases.fetch,
                decrypt: phases.decrypt.unwrap_or(0),
                write: phases.write,
                verify: phases.verify,
                check: phases.check.unwrap_or(0),
            },
            files: its.files,
            bytes: its.bytes,
            total_files: its.files,
            total_bytes: its.bytes,
        });
    }

    /// In the order in which they were announced.
    pub fn drills(&self) -> &[Drill] {
        &self.drills
    }

    pub fn drill(&self, id: &DrillId) -> Option<&Drill> {
        self.by_id.get(id).map(|at| &self.drills[*at])
    }

    pub fn recoveries(&self) -> &[Recovery] {
        &self.recoveries
    }

    /// What brought datasets back, in the ledger's order.
    pub fn measured(&self) -> &[Measured] {
        &self.measured
    }

    pub fn plans(&self) -> impl Iterator<Item = &str> {
        self.plans.keys().map(String::as_str)
    }

    pub fn recipes(&self) -> impl Iterator<Item = &str> {
        self.recipes.keys().map(String::as_str)
    }

    /// The plan in force with a name.
    pub fn plan(&self, name: &str) -> Option<ObjectHash> {
        self.plans.get(name)?.last().map(|(_, object)| *object)
    }

    /// The plans that were in force before an entry.
    pub fn plans_before(&self, index: u64) -> impl Iterator<Item = ObjectHash> {
        self.plans
            .values()
            .filter_map(move |all| all.iter().rfind(|(from, _)| *from < index))
            .map(|(_, object)| *object)
    }

    /// When the newest missed occurrence of a schedule was due.
    pub(crate) fn missed(&self, schedule: &str) -> Option<i64> {
        self.missed.get(schedule).copied()
    }

    /// Whether another plan of that name came into force after an entry.
    pub(crate) fn plan_changed(&self, name: &str, index: u64) -> bool {
        self.plans.get(name).is_some_and(|all| changed(all, index))
    }

    /// Whether the recipe in force is another than this one.
    pub(crate) fn recipe_differs(&self, name: &str, object: &str) -> bool {
        let newest = self.recipes.get(name).and_then(|all| all.last());
        newest.is_some_and(|(_, newest)| newest.to_string() != object)
    }

    pub(crate) fn class_changed(&self, vault: &VaultId, index: u64) -> bool {
        self.classes.get(vault).is_some_and(|all| changed(all, index))
    }
}

/// Whether what holds in the end is another than what held at an entry.
fn changed<T: PartialEq>(all: &[(u64, T)], index: u64) -> bool {
    let then = all.iter().rfind(|(from, _)| *from <= index);
    then.is_none_or(|(_, then)| all.last().is_some_and(|(_, newest)| newest != then))
}

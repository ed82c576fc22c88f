//! Whether a drill may begin, and that it has begun.

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::{Alarm, DrillStarted};
use pulih_policies::Wipe;
use pulih_protocol::error::Code;
use pulih_vault::utc;

use super::super::recovery::order::Dataset;
use super::super::{Drc, lock};
use super::order::{Applied, First, Host, Order, Start};
use super::restores;
use crate::catalog::{Catalog, Drill};
use crate::drill::people_first;
use crate::gateway::answer::{Answer, Refusal};
use crate::recover::missing;

/// Why a drill with a sample does not begin.
const UNSIGNED: &str = "nobody has co-signed its announcement, which is what a sample is drawn from";

/// What is in the way of a drill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InTheWay {
    /// Perhaps not for long.
    Now(String),
    /// People have to come.
    Sealed(String),
    /// It cannot be tried here.
    Never(String),
    /// Nobody has co-signed what a sample is drawn from.
    Unsigned,
}

/// What the keys and the scratch place have against it. Pure.
fn in_the_way(drill: &Drill, items: &[Dataset], has_scratch: bool, host: &Host) -> Option<InTheWay> {
    if !restores(&drill.kind) {
        return None;
    }
    if !has_scratch {
        return Some(InTheWay::Never("there is no `drill_scratch` in site.toml".into()));
    }
    let standings = match &host.standings {
        Ok(standings) => standings,
        Err(why) => return Some(InTheWay::Now(why.clone())),
    };
    for its in items {
        match standings.iter().find(|standing| standing.class == its.class) {
            None => return Some(InTheWay::Never(format!("the keeper has no identity for class {}", its.class))),
            Some(standing) if !standing.open => return Some(InTheWay::Sealed(missing(standing))),
            Some(_) => {}
        }
    }
    if let Some(why) = host.no_recipes.as_ref().filter(|_| !drill.recipes.is_empty()) {
        return Some(InTheWay::Never(why.clone()));
    }
    if let Some(why) = &host.no_scratch {
        let text = format!(
            "nothing can be written in the scratch place ({why}); a systemd unit needs `ReadWritePaths=` of it"
        );
        return Some(InTheWay::Now(text));
    }
    let free = host.free_bytes.unwrap_or(0);
    // What a recipe has to leave to others is not room for what is restored.
    let reserve = host.reserve_bytes.filter(|_| !drill.recipes.is_empty()).unwrap_or(0);
    (free < drill.scratch_bytes.saturating_add(reserve)).then(|| {
        let beside = if reserve > 0 { format!(", beside {reserve} that stay free") } else { String::new() };
        InTheWay::Now(format!("the scratch place has {free} bytes, and it may take {}{beside}", drill.scratch_bytes))
    })
}

/// `<name>/<version>/<BLAKE3>`
pub(super) fn applied(text: &str) -> Option<Applied> {
    let mut parts = text.splitn(3, '/');
    let (recipe, version, object) = (parts.next()?.to_owned(), parts.next()?.parse().ok()?, parts.next()?.to_owned());
    Some(Applied { recipe, version, object })
}

pub(super) fn must_be_open(catalog: &Catalog, id: &str) -> Answer<Drill> {
    let none = || Refusal::new(Code::NotFound, format!("no drill {id} waits or goes on here"));
    catalog.drill(id)?.filter(|its| its.ended.is_none()).ok_or_else(none)
}

impl Drc {
    /// Whether it could begin now; what could not begin in its window, or never, is ended.
    pub(super) fn may_start(&self, id: &str, host: &Host) -> Answer<Start> {
        let drill = must_be_open(&lock(&self.catalog), id)?;
        if drill.started.is_some() {
            return Ok(Start::Wait { why: "it has begun".into() });
        }
        let items = self.drill_items(&drill.points)?;
        let found = match self.others(&drill)? {
            Some(why) => Some(InTheWay::Now(why)),
            None if drill.auditor.is_some() && drill.opened.is_none() => {
                Some(InTheWay::Now("its auditor has not opened it".into()))
            }
            None => in_the_way(&drill, &items, self.site.drill_scratch.is_some(), host),
        };
        let first = if found.is_none() { self.first_cosigned(&drill)? } else { None };
        let found = found.or((first.is_none() && drill.sample_percent.is_some()).then_some(InTheWay::Unsigned));
        let over = |outcome: &str, why: &str| {
            self.end_drill(&drill.id, Some(outcome), 0, 0, why)?;
            Ok(Start::Over { outcome: outcome.to_owned() })
        };
        let is_late = self.now() >= drill.until;
        match found {
            Some(InTheWay::Never(why)) => over("skipped", &why),
            Some(InTheWay::Unsigned) if is_late => {
                over("skipped", &format!("until {} {UNSIGNED}", utc::rfc3339(drill.until)))
            }
            Some(InTheWay::Unsigned) => Ok(Start::Wait { why: UNSIGNED.into() }),
            Some(InTheWay::Now(why) | InTheWay::Sealed(why)) if is_late => over("missed", &why),
            None if is_late => over("missed", "nobody served this site until its window was over"),
            Some(InTheWay::Sealed(why)) => {
                self.call_people(&drill, &why)?;
                Ok(Start::Wait { why })
            }
            Some(InTheWay::Now(why)) => Ok(Start::Wait { why }),
            None => Ok(Start::Now { order: self.order(&drill, items, first)? }),
        }
    }

    /// Who has the scratch place, or comes first.
    fn others(&self, drill: &Drill) -> Answer<Option<String>> {
        let catalog = lock(&self.catalog);
        if let Some(why) = people_first(&self.dir, &catalog)? {
            return Ok(Some(why));
        }
        let other = catalog.open_drills()?.into_iter().find(|its| its.started.is_some() && its.id != drill.id);
        Ok(other.map(|its| format!("drill {} holds the scratch place", its.id)))
    }

    /// Says once that people are waited for.
    fn call_people(&self, drill: &Drill, why: &str) -> Answer<()> {
        let mut record = lock(&self.record);
        if record.catalog.has_alarm("drill-waits", &drill.id)? {
            return Ok(());
        }
        eprintln!("alarm: drill {} waits: {why}", drill.id);
        let alarm = Alarm { alarm: "drill-waits".into(), subject: drill.id.clone(), text: why.to_owned() };
        Ok(record.write(self.now(), &Actor::Site, vec![alarm.into()])?)
    }

    fn order(&self, drill: &Drill, items: Vec<Dataset>, first: Option<First>) -> Answer<Order> {
        let in_force = self.in_force();
        // Of several classes the strictest says.
        let mut keep_failed = true;
        for its in &items {
            keep_failed &= in_force.rules(&its.class, &its.opd, &its.dataset)?.drills.wipe() == Wipe::Passed;
        }
        let scratch = self.site.drill_scratch.clone().filter(|_| restores(&drill.kind));
        let sample_percent = drill.sample_percent.map(u8::try_from).transpose();
        Ok(Order {
            drill: drill.id.clone(),
            kind: drill.kind.clone(),
            items,
            recipes: drill.recipes.iter().filter_map(|its| applied(its)).collect(),
            sample_percent: sample_percent.map_err(|error| Refusal::internal(&error))?,
            first,
            scratch,
            keep_failed,
        })
    }

    /// The worker is there: if it may begin, this is written down first.
    pub(super) fn start_drill(&self, id: &str, host: &Host) -> Answer<Start> {
        let start = self.may_start(id, host)?;
        if let Start::Now { order } = &start {
            let mut record = lock(&self.record);
            // Decided again now that nobody else writes.
            let open = record.catalog.open_drills()?;
            if open.iter().any(|its| its.started.is_some()) || !open.iter().any(|its| its.id == id) {
                return Ok(Start::Wait { why: "another drill began just now".into() });
            }
            let drill = id.parse().map_err(|error| Refusal::internal(&error))?;
            let first = order.first.as_ref();
            let started = DrillStarted {
                drill,
                size: first.map(|its| its.size),
                cosigner: first.map(|its| its.cosigner.clone()),
                cosignature: first.map(|its| its.cosignature.clone()),
            };
            record.write(self.now(), &Actor::Site, vec![started.into()])?;
        }
        Ok(start)
    }
}

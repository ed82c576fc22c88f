//! Of step 10: whether a drill with an auditor is a qualifying test, by its course and by what the ledgers that are here
//! say of the auditor.

use std::collections::BTreeSet;

use pulih_ledger::entry::Body;
use pulih_ledger::ids::SiteId;
use pulih_ledger::{Actor, ReadEntry};
use pulih_vault::utc;

use super::{Bundle, Verified};
use crate::places::{Kept, Part, Place};
use crate::qualifying::{People, operates, wrong};
use crate::report::Report;
use crate::source::SourceError;
use crate::tried::{Drill, Tried};

/// What a log says of tests, of whom they were by, and of plans.
#[derive(Default)]
pub struct Trials {
    /// Drills with an auditor, and plans.
    tried: Tried,
    people: People,
}

impl Trials {
    /// Takes an entry, if it is about a drill or a plan.
    pub fn follow(&mut self, index: u64, kind: &str, bytes: &[u8]) -> Result<(), String> {
        let concerns = match kind {
            "drill-announced" | "plan-applied" => true,
            "drill-opened" | "drill-started" | "drill-ended" | "drill-attested" => !self.tried.drills().is_empty(),
            _ => false,
        };
        if !concerns {
            return Ok(());
        }
        let entry = ReadEntry::parse(bytes).map_err(|why| why.to_string())?;
        let Some(body) = entry.body() else { return Ok(()) };
        if !matches!(body, Body::DrillAnnounced(its) if its.auditor.is_none()) {
            self.tried.take(index, bytes, &entry.at, &entry.actor, body);
        }
        Ok(())
    }

    /// Takes what a person did, and what was said of people.
    pub fn person(&mut self, at: &str, actor: &Actor, body: Option<&Body>) {
        self.people.take(utc::parse(at).unwrap_or(0), actor, body);
    }
}

/// Of each drill with an auditor why it does not qualify; nothing: it does.
pub fn judge(
    bundle: &Bundle<'_>,
    log: &Verified,
    logs: &[Verified],
    report: &mut Report,
) -> Result<Vec<(String, Vec<String>)>, SourceError> {
    let others: Vec<&Verified> = logs.iter().filter(|other| other.site != log.site).collect();
    let mut all = Vec::new();
    for drill in log.follower.trials.tried.drills() {
        let (Some(course), Some(auditor)) = (drill.course(), &drill.announced.auditor) else { continue };
        let mut why = wrong(&course);
        let named = named(bundle, log, drill)?;
        let own = &log.follower.trials.people;
        let mut against = operates(auditor, drill.at, own, None, &named);
        for other in &others {
            let found = operates(auditor, drill.at, own, Some(&other.follower.trials.people), &named);
            against.extend(found.into_iter().filter(|its| !against.contains(its)).collect::<Vec<_>>());
        }
        why.extend(against.iter().map(ToString::to_string));
        let id = drill.announced.drill.to_string();
        if why.is_empty() {
            tell_of_unknown(&id, log, &others, report);
        } else {
            report.remark(format!("{} drill {id} does not qualify: {}", log.site, why.join("; ")));
        }
        all.push((id, why));
    }
    Ok(all)
}

/// Whom the plans named that were in force at the announcement, as far as they are here.
fn named(bundle: &Bundle<'_>, log: &Verified, drill: &Drill) -> Result<BTreeSet<String>, SourceError> {
    let mut named = BTreeSet::new();
    for plan in log.follower.trials.tried.plans_before(drill.index) {
        let place = Place::Of(log.site.clone(), Part::Object(Kept::Plans, plan));
        if bundle.has(&place) {
            // What is wrong with it is told with the other objects.
            let bytes = bundle.read(&place, &mut Report::default())?.unwrap_or_default();
            named.append(&mut crate::qualifying::quoted(&String::from_utf8_lossy(&bytes)));
        }
    }
    Ok(named)
}

/// It qualifies by what is here. What is not here may say something else.
fn tell_of_unknown(id: &str, log: &Verified, others: &[&Verified], report: &mut Report) {
    let later = |its: &&Verified| (its.tree.first_entry() > 0).then(|| its.site.clone());
    let mut unknown: BTreeSet<SiteId> = others.iter().filter_map(later).chain(later(&log)).collect();
    let peers = log.follower.said.paired.iter().map(|(peer, _)| peer);
    unknown.extend(peers.filter(|peer| others.iter().all(|its| its.site != **peer)).cloned());
    if !unknown.is_empty() {
        let sites: Vec<_> = unknown.iter().map(SiteId::as_str).collect();
        let sites = sites.join(" and ");
        report.remark(format!(
            "{} drill {id} qualifies by the entries that are here; not all of the log of {sites} is, in which its auditor \
             could have acted",
            log.site
        ));
    }
}

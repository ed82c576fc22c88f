//! Of step 10: whether a drill with an auditor is a qualifying test, by its course and by what the ledgers that are here
//! say of the auditor.

use std::collections::BTreeSet;

use pulih_ledger::entry::Body;
use pulih_ledger::ids::SiteId;
use pulih_ledger::{Actor, ReadEntry};
use pulih_vault::utc;

use super::{Bundle, Verified};
use crate::places::{Kept, Part, Place};
use crate::qualifying::{People, SLACK_SECONDS, Span, Upto, operates_in, wrong};
use crate::report::Report;
use crate::source::SourceError;
use crate::tried::{Drill, Tried};

/// What a log says of tests, of whom they were by, and of plans.
#[derive(Default)]
pub struct Trials {
    /// Drills with an auditor, and plans.
    tried: Tried,
    people: People,
    /// Announcements, by entry, that are dated before what the site had written by then.
    too_early: BTreeSet<u64>,
}

impl Trials {
    /// Takes an entry, if it is about a drill or a plan. `site_at`: the site's newest time so far.
    pub fn follow(&mut self, index: u64, kind: &str, site_at: i64, bytes: &[u8]) -> Result<(), String> {
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
            let at = utc::parse(entry.at.as_str()).unwrap_or(i64::MIN);
            if matches!(body, Body::DrillAnnounced(_)) && at.saturating_add(SLACK_SECONDS) < site_at {
                self.too_early.insert(index);
            }
        }
        Ok(())
    }

    /// Takes what a person did, and what was said of people.
    pub fn person(&mut self, index: u64, at: &str, actor: &Actor, body: Option<&Body>) {
        self.people.take_entry(index, utc::parse(at).unwrap_or(0), actor, body);
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
        if log.follower.trials.too_early.contains(&drill.index) {
            why.push("it is announced at a time before what the site had written by then".into());
        }
        // What came after the attestation does not count against it; the other site's entries have their times alone.
        let dated = || course.dated();
        let span = Span {
            at: dated().min().unwrap_or(drill.at),
            known: Upto::Before(drill.index),
            own: Upto::Before(drill.attestation.unwrap_or(u64::MAX)),
            peer: Upto::At(dated().max().unwrap_or(drill.at).saturating_add(SLACK_SECONDS)),
        };
        let mut against = operates_in(auditor, &span, own, None, &named);
        for other in &others {
            let found = operates_in(auditor, &span, own, Some(&other.follower.trials.people), &named);
            against.extend(found.into_iter().filter(|its| !against.contains(its)).collect::<Vec<_>>());
        }
        why.extend(against.iter().map(ToString::to_string));
        let id = drill.announced.drill.to_string();
        if why.is_empty() {
            tell_of_unknown(&id, log, &others, report);
            if auditor.operator.is_none() && auditor.provider.is_none() {
                report.remark(format!(
                    "{} drill {id} qualifies, and its announcement does not say who operates the site, or whose the house \
                     is: whether its auditor is of these is not known",
                    log.site
                ));
            }
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

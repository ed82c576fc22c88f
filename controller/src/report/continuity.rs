//! The data of the biennial continuity test report: `pulih/report/continuity/v1`, as of two checkpoints. The same
//! checkpoints and period give the same data: its date is that of the newest entry.

use pulih_evidence::tried::Drill;
use pulih_ledger::LedgerError;
use pulih_ledger::hash::Hash;
use pulih_policies::{Plan, Zone};
use pulih_report::data::{Both, Checkpoint, Component, Continuity, Here, Place, Role, Scope, Zone as Shown};
use pulih_report::{ReportError, Utc};
use pulih_vault::utc;
use serde_json::Value;

use super::exposures::Exposures;
use super::head::Asked;
use super::{measured, people, regulations, test};
use crate::comply::coverage::Standings;
use crate::comply::facts::Known;
use crate::comply::matrix::{Pack, packs};
use crate::comply::records::Records;
use crate::evidence::read::{Extent, Period, Sources, plan as read_plan};
use crate::evidence::rto;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteRole;
use crate::uji;

pub(super) fn utc(at: i64) -> Answer<Utc> {
    let told = |error: ReportError| Refusal::internal(&error);
    Utc::read(&utc::rfc3339(at)).map_err(told)
}

/// As `utc`, of a text that is one, or of nothing.
pub(super) fn time(value: &Value) -> Option<Utc> {
    Utc::read(value.as_str()?).ok()
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn role_of(role: SiteRole) -> Role {
    match role {
        SiteRole::Pusat => Role::Pusat,
        SiteRole::Drc => Role::Drc,
    }
}

/// What all parts are made from.
pub(super) struct Made<'s> {
    pub known: &'s Known<'s>,
    pub period: Period,
    pub rto: Value,
    /// The test that the report is about, if there was any.
    pub drill: Option<&'s Drill>,
    /// Its plan, or the first in force, as it is in force.
    pub plan: Option<Plan>,
}

impl Made<'_> {
    pub fn records(&self) -> &Records<'_> {
        &self.known.records
    }
}

/// When the newest entry that it has was written.
pub fn date(part: Extent) -> Answer<i64> {
    let last = part.size.checked_sub(1).ok_or_else(|| Refusal::internal(&"the ledger has no entry"))?;
    let told = |error: &dyn std::fmt::Display| Refusal::internal(&error.to_string());
    let entry = part.log.get(last).map_err(|error| told(&error))?.read().map_err(|error| told(&error))?;
    utc::parse(entry.at.as_str()).ok_or_else(|| Refusal::internal(&"the newest entry has no time"))
}

pub fn data(sources: &Sources, asked: &Asked, zone: Zone) -> Answer<Continuity> {
    let now = date(sources.own)?;
    let known = Known::of(sources, now)?;
    let period = Period { from: asked.from, to: asked.to.min(now.saturating_add(1)), now };
    let all = |_: &str, _: &str| true;
    let drill = known.records.drc().and_then(|drc| test::newest(drc.said.tried.drills(), asked.from, asked.to));
    // Of a test of datasets the organisation is that of the plan in force all the same.
    let first = || known.records.drc()?.register().plans.keys().next().cloned();
    let plan = drill.and_then(|drill| drill.announced.plan.clone()).or_else(first);
    let plan = plan.map(|name| {
        let object = known.records.drc().and_then(|drc| drc.said.tried.plan(&name));
        let none = || Refusal::internal(&format!("no plan {name} was applied"));
        read_plan(sources, &name, object.ok_or_else(none)?)
    });
    let plan = plan.transpose()?;
    let made =
        Made { rto: rto::report(sources, Period { from: 0, ..period }, all)?, known: &known, period, drill, plan };
    let packs = regulations::chosen(packs(&known.records, asked.regulation), &known.records)?;
    whole(&made, &packs, asked, zone)
}

fn whole(made: &Made, packs: &[Pack], asked: &Asked, zone: Zone) -> Answer<Continuity> {
    let records = made.records();
    let judged = regulations::of(made.known, packs)?;
    let exposures = Exposures::read(records)?;
    let mut remarks = exposures.remarks.clone();
    if records.all().any(|its| its.said.facts.is_clock_doubted(made.period.from, made.period.to)) {
        remarks.push(Both::new(
            "Jam sebuah situs pernah diragukan dalam masa laporan; angka dihitung menurut waktu yang tercatat.",
            "A site's clock was in doubt within the period; figures go by the times that were written.",
        ));
    }
    let entries = test::entries(made)?;
    Ok(Continuity {
        uji: uji::site_of(records.sources.own.log.keys().origin()).is_some_and(|(_, is_uji)| is_uji),
        number: asked.number.to_owned(),
        issued: utc(made.period.now)?,
        from: utc(asked.from)?,
        to: utc(made.period.to)?,
        site: here(records, zone),
        checkpoints: checkpoints(records.sources)?,
        approval: people::approval(records),
        basis: regulations::basis(packs),
        scope: scope(made),
        organisation: people::organisation(made.plan.as_ref()),
        test: test::test(made)?,
        steps: test::steps(made),
        rpo: measured::rpo(made, &exposures),
        rto_services: measured::services(made),
        rto_datasets: measured::datasets(made),
        vital: test::vital(made),
        findings: people::findings(made),
        judgement: people::judgement(made),
        minutes: people::minutes(made),
        regulations: judged,
        entries,
        remarks,
    })
}

pub(super) fn here(records: &Records, zone: Zone) -> Here {
    let document = records_regency(records);
    let office =
        records.own.register().described.as_ref().and_then(|its| its.says.operator.clone()).unwrap_or_default();
    let zone = match zone {
        Zone::Jakarta => Shown::Wib,
        Zone::Makassar => Shown::Wita,
        Zone::Jayapura => Shown::Wit,
    };
    Here { site: records.own.site.to_string(), regency: document.1, regency_code: document.0, office, zone }
}

/// Code and name of the regency whose sites they are.
pub(super) fn records_regency(records: &Records) -> (String, String) {
    let its = crate::comply::own_regency(records);
    (text(&its["code"]), text(&its["name"]))
}

/// Of the own ledger a checkpoint; of a mirrored one as much as is here: each of its batches is signed with its root.
pub(super) fn checkpoints(sources: &Sources) -> Answer<Vec<Checkpoint>> {
    let told = |error: LedgerError| Refusal::internal(&error);
    let of = |part: Extent, root: Hash| Checkpoint {
        site: part.log.layout().site.to_string(),
        size: part.size,
        root: root.to_string(),
    };
    let own = sources.own.log.checkpoint_at(sources.own.size).map_err(told)?.root;
    let mut all = vec![of(sources.own, own)];
    if let Some(peer) = sources.peer {
        all.push(of(peer, peer.log.root_at(peer.size).map_err(told)?));
    }
    Ok(all)
}

/// Both sites, and what each has.
fn scope(made: &Made) -> Scope {
    let records = made.records();
    let document = made.known.facts.document();
    let (mut places, mut components) = (Vec::new(), Vec::new());
    let standings = Standings::read(records);
    for (role, name) in [(SiteRole::Pusat, "pusat"), (SiteRole::Drc, "drc")] {
        let Some(ledger) = records.of(role) else { continue };
        let its = &document[name];
        places.push(Place {
            role: role_of(role),
            site: ledger.site.to_string(),
            regency: text(&its["regency"]),
            operator: text(&its["operator"]),
            provider: text(&its["provider"]),
        });
        let there = standings
            .at(made.period.now)
            .filter(|its| if role == SiteRole::Pusat { its.is_at_pusat } else { its.is_at_drc });
        components.extend(there.map(|its| Component {
            role: role_of(role),
            name: its.of.name(),
            opd: its.of.owner.opd.to_string(),
            class: its.of.owner.class.clone(),
            bytes: ledger.register().sizes.get(its.of.key).copied(),
        }));
    }
    Scope { distance_km: document["drc"]["distance_km"].as_u64(), places, components }
}

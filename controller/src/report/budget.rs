//! What each office needs money for: a sheet of what is exposed, what is missing, and which clause asks for it:
//! `pulih/report/budget/v1`.

use std::collections::BTreeMap;

use pulih_comply::{Facts, Judged, Limit, Verdict, judge};
use pulih_ledger::ids::OpdId;
use pulih_policies::{Words, Zone};
use pulih_report::data::{Both, Budget, Exposed, Gap, OfficeBudget};
use serde_json::{Value, json};

use super::continuity::time;
use super::head::{Asked, Made, at_drc_alone, at_its_end, head, made};
use super::regulations::both;
use super::said::{plural, span};
use crate::comply::coverage::Standings;
use crate::comply::matrix::Pack;
use crate::evidence::read::{Period, Sources};
use crate::evidence::rto;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteRole;

/// Facts of a single office, or of its datasets.
const OF_OFFICES: [&str; 3] = ["opds[", "datasets[", "coverage."];

pub fn data(sources: &Sources, asked: &Asked, zone: Zone) -> Answer<Budget> {
    let known = at_its_end(sources, asked)?;
    at_drc_alone(&known.records)?;
    let made = made(&known, asked, zone)?;
    let exposed = exposed(&made)?;
    let all: Vec<&Exposed> = exposed.values().flatten().collect();
    let mut common = Vec::new();
    for pack in &made.packs {
        let judged = judge(&pack.regulation, &known.facts, &known.statements, made.now, Limit::default());
        let open = judged.iter().filter(|its| is_open(its.verdict) && !is_of_offices(its));
        common.extend(open.map(|its| gap(pack, its, &all)));
    }
    let register = made.records().pusat().register();
    let offices: Vec<OfficeBudget> = register
        .opds
        .iter()
        .map(|(opd, its)| {
            let datasets = exposed.get(opd).cloned().unwrap_or_default();
            Ok(OfficeBudget {
                opd: opd.to_string(),
                name: its.says.name.clone(),
                gaps: gaps(&made, opd, &datasets)?,
                datasets,
            })
        })
        .collect::<Answer<_>>()?;
    let findings = findings(&offices, &common);
    Ok(Budget { head: head(&made, asked, "budget", findings, Vec::new())?, offices, common })
}

fn is_open(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::NotMet | Verdict::ToAttest | Verdict::Untested)
}

/// Whether it hangs on what single offices do, and not on what is stated once for all.
fn is_of_offices(its: &Judged) -> bool {
    its.verdict != Verdict::ToAttest
        && its.facts.iter().any(|fact| OF_OFFICES.iter().any(|of| fact.fact.starts_with(of)))
}

/// The clauses that an office would not meet if it were the only one.
fn gaps(made: &Made, opd: &OpdId, datasets: &[Exposed]) -> Answer<Vec<Gap>> {
    let facts = Facts::new(alone(made.known.facts.document(), opd)).map_err(|error| Refusal::internal(&error))?;
    let exposed: Vec<&Exposed> = datasets.iter().collect();
    let mut gaps = Vec::new();
    for pack in &made.packs {
        let judged = judge(&pack.regulation, &facts, &made.known.statements, made.now, Limit::default());
        let open = judged.iter().filter(|its| is_open(its.verdict) && is_of_offices(its));
        gaps.extend(open.map(|its| gap(pack, its, &exposed)));
    }
    Ok(gaps)
}

/// The facts with one office in them.
fn alone(document: &Value, opd: &OpdId) -> Value {
    let mut document = document.clone();
    for list in ["opds", "datasets"] {
        if let Some(all) = document[list].as_array_mut() {
            all.retain(|its| its["opd"] == opd.as_str());
        }
    }
    let covered = u64::from(document["opds"][0]["covered"] == true);
    document["coverage"] = json!({"opds": 1, "covered": covered, "percent": covered * 100});
    document
}

fn words(words: Option<&Words>) -> Both {
    words.map(both).unwrap_or_default()
}

fn gap(pack: &Pack, its: &Judged, datasets: &[&Exposed]) -> Gap {
    let clause = its.clause;
    let missing = match (its.verdict, &clause.reading) {
        // What has to be stated says itself what is missing.
        (Verdict::ToAttest, _) | (_, None) => both(&its.why),
        (Verdict::Untested, Some(reading)) => {
            Both::new(format!("Belum ada bukti. {}", reading.id), format!("There is no evidence. {}", reading.en))
        }
        (_, Some(reading)) => Both::new(format!("Belum terpenuhi. {}", reading.id), format!("Not met. {}", reading.en)),
    };
    Gap {
        gap: missing,
        exposure: at_risk(datasets),
        regulation: both(&pack.regulation.title),
        at: clause.at.clone(),
        words: both(&clause.words),
        remedy: words(clause.remedy.as_ref()),
    }
}

/// What is at risk as long as it is open.
fn at_risk(datasets: &[&Exposed]) -> Both {
    if datasets.is_empty() {
        return Both::new(
            "Tidak ada data yang dicadangkan: semua data Perangkat Daerah ini hilang bila servernya hilang.",
            "Nothing is backed up: all data of the office is lost with its servers.",
        );
    }
    let count = datasets.len() as u64;
    let worst = datasets.iter().filter_map(|its| its.exposure_seconds).max().map(span);
    let without = datasets.iter().filter(|its| its.at_drc_seconds.is_none()).count() as u64;
    let mut id = vec![format!("{count} himpunan data")];
    let mut en = vec![plural(count, "dataset", "datasets")];
    if let Some(worst) = worst {
        id.push(format!("pekerjaan paling lama {} hilang bila server hilang", worst.id));
        en.push(format!("at most {} of work are lost with a server", worst.en));
    }
    if without > 0 {
        id.push(format!("{without} tanpa salinan di DRC"));
        en.push(format!("{without} without a copy at the DRC"));
    }
    Both::new(id.join("; ") + ".", en.join("; ") + ".")
}

/// The datasets of each office, as they stand when the period ends.
fn exposed(made: &Made) -> Answer<BTreeMap<OpdId, Vec<Exposed>>> {
    let records = made.records();
    let tried = tried(made)?;
    let mut found: BTreeMap<OpdId, Vec<Exposed>> = BTreeMap::new();
    let standings = Standings::read(records);
    for its in standings.at(made.now) {
        let (key, owner) = (its.of.key, its.of.owner);
        let sizes = records.all().filter_map(|ledger| ledger.register().sizes.get(key));
        found.entry(owner.opd.clone()).or_default().push(Exposed {
            agent: owner.agent.to_string(),
            dataset: key.dataset.to_string(),
            class: owner.class.clone(),
            bytes: sizes.copied().max(),
            exposure_seconds: its.at_pusat.filter(|_| its.is_at_pusat),
            target_seconds: its.targets.map(|its| its.rpo_pusat.seconds()),
            at_drc_seconds: its.at_drc.filter(|_| its.is_at_drc),
            rto_target_seconds: its.targets.map(|its| its.rto.seconds()),
            tested: tried.get(&(owner.agent.to_string(), key.dataset.to_string())).and_then(time),
        });
    }
    Ok(found)
}

/// When each was last brought back, by agent and name.
fn tried(made: &Made) -> Answer<BTreeMap<(String, String), Value>> {
    let sources = made.records().sources;
    if sources.role != SiteRole::Drc {
        return Ok(BTreeMap::new());
    }
    let period = Period { from: 0, to: made.to, now: made.now };
    let found = rto::report(sources, period, |_, _| true)?;
    let rows = found["datasets"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(rows.map(|its| ((text(&its["agent"]), text(&its["dataset"])), its["last"]["at"].clone())).collect())
}

fn findings(offices: &[OfficeBudget], common: &[Gap]) -> Vec<Both> {
    let open = offices.iter().filter(|its| !its.gaps.is_empty()).count() as u64;
    let all: u64 = offices.iter().map(|its| its.gaps.len() as u64).sum();
    let own = common.len() as u64;
    vec![Both::new(
        format!("{open} Perangkat Daerah dengan {all} kekurangan; {own} kekurangan pada Dinas sendiri."),
        format!(
            "{} with {}; {} at the Dinas itself.",
            plural(open, "office", "offices"),
            plural(all, "gap", "gaps"),
            plural(own, "gap", "gaps")
        ),
    )]
}

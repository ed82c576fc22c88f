//! The document of facts, `pulih/facts/v1`, as of a time.

use std::collections::BTreeMap;

use pulih_comply::{Facts, Opinion, Statement, Statements};
use pulih_vault::utc;
use serde_json::Value;

use super::records::{Object, Records};
use super::{copies, data, line, places, practice};
use crate::evidence::read::Sources;
use crate::gateway::answer::{Answer, Refusal};

/// What is known, and what people stated.
pub struct Known<'s> {
    pub records: Records<'s>,
    pub facts: Facts,
    pub statements: Statements,
    /// As `evidence states` has them; `None`: this is no DRC.
    pub states: Option<Value>,
}

impl<'s> Known<'s> {
    pub fn of(sources: &'s Sources<'s>, now: i64) -> Answer<Self> {
        Self::from(Records::read(sources, now)?)
    }

    /// By these records, of whatever time and under whatever policy they are.
    pub fn from(records: Records<'s>) -> Answer<Self> {
        let states = data::states(&records)?;
        let facts = Facts::new(document(&records, states.as_ref())?).map_err(|error| Refusal::internal(&error))?;
        let statements = statements(&records);
        Ok(Self { records, facts, statements, states })
    }
}

fn document(records: &Records, states: Option<&Value>) -> Answer<Value> {
    let of_datasets: BTreeMap<(String, String), String> = states
        .iter()
        .flat_map(|states| states["datasets"].as_array().into_iter().flatten())
        .filter_map(|its| {
            let text = |name: &str| its[name].as_str().map(str::to_owned);
            Some(((text("vault")?, text("dataset")?), text("state")?))
        })
        .collect();
    let datasets = data::datasets(records, &of_datasets)?;
    let (opds, coverage) = data::opds(records, &datasets);
    let plans = practice::plans(records, states)?;
    let document = Object::default()
        .with("type", "pulih/facts/v1")
        .with("at", utc::rfc3339(records.now))
        .with("regency", places::own_regency(records))
        .with("sites", places::sites(records))
        .with_some("pusat", places::pusat(records))
        .with_some("drc", places::drc(records))
        .with("opds", opds)
        .with("coverage", coverage)
        .with("datasets", datasets.into_iter().map(data::Dataset::into_fact).collect::<Vec<_>>())
        .with("drills", practice::drills(records))
        .with_some("plans", plans)
        .with("qualifying", practice::qualifying(records, states))
        .with("audits", practice::audits(records))
        .with("scrub", practice::scrub(records))
        .with("ledgers", copies::ledgers(records)?)
        .with("users", practice::users(records))
        .with("decisions", practice::decisions(records))
        .with("bandwidth", line::bandwidth(records))
        .with("reports", practice::reports(records))
        .with("exports", copies::exports(records))
        .with("incidents", practice::incidents(records));
    Ok(document.into())
}

/// In the order in which they were given; those that were ended are in force no more.
fn statements(records: &Records) -> Statements {
    let mut all = Vec::new();
    for ledger in records.all() {
        for (its, ended) in ledger.register().attestations.values() {
            let says = &its.says;
            let (Some(opinion), Some(until)) = (Opinion::parse(&says.opinion), utc::parse(says.until.as_str())) else {
                continue;
            };
            all.push((
                its.at,
                its.index,
                Statement {
                    attestation: says.attestation.to_string(),
                    regulation: says.regulation.clone(),
                    clause: says.clause.clone(),
                    item: says.item.clone(),
                    opinion,
                    by: says.by.clone(),
                    letter: says.letter.clone(),
                    document_sha256: says.document_sha256.to_string(),
                    given: its.at,
                    until: ended.map_or(until, |ended| ended.min(until)),
                    entry: ledger.entry(its),
                },
            ));
        }
    }
    // Of two in the same second the ledger says which came later.
    all.sort_by_key(|(given, index, _)| (*given, *index));
    Statements(all.into_iter().map(|(.., statement)| statement).collect())
}

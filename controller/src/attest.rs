//! What people state where no figure can: attestations of a clause, audits, classes of datasets, incidents; and the
//! packs that clauses stand in. The same at every site. `docs/contracts/regulation.md`.

mod check;
mod describe;
pub mod pack;

use pulih_protocol::error::Code;
use pulih_vault::utc;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::base::{Base, lock};
use crate::catalog::{Classified, Said};
use crate::gateway::answer::{Answer, Refusal};

pub use check::{BODIES, CATEGORIES, CONFIDENTIALITIES, CONTENTS, PURPOSES, SUBJECTS, check, check_issued};

/// What a command asks of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "attest", rename_all = "kebab-case")]
pub enum Ask {
    Attestations,
    Audits,
    Classes,
    Incidents,
    /// The packs in force.
    Regulations,
    /// A pack with its text; without a version the one in force.
    Regulation {
        name: String,
        version: Option<u64>,
    },
}

/// The fields of an entry's kind, with where it stands and who signed it.
fn shown(its: Said, when: &str) -> Map<String, Value> {
    let Value::Object(mut fields) = its.said else { return Map::new() };
    fields.insert(when.into(), utc::rfc3339(its.at).into());
    fields.insert("user".into(), its.user.into());
    fields.insert("entry".into(), its.number.into());
    fields
}

/// What may be absent on the ledger is `null` in what a program reads.
fn or_null(mut fields: Map<String, Value>, names: &[&str]) -> Value {
    for name in names {
        fields.entry(*name).or_insert(Value::Null);
    }
    fields.into()
}

fn attestation(its: Said) -> Value {
    let ended = its.ended;
    let mut fields = shown(its, "given");
    fields.insert("ended".into(), ended.map(utc::rfc3339).into());
    or_null(fields, &["text"])
}

/// One row for each dataset, of words that come in the order of datasets.
fn by_dataset(words: Vec<Classified>, agent: impl Fn(&str) -> (Value, Value)) -> Vec<Value> {
    let mut datasets: Vec<Value> = Vec::new();
    for its in words {
        let is_next = datasets.last().is_none_or(|last| last["vault"] != its.vault || last["dataset"] != its.dataset);
        if is_next {
            let (agent, opd) = agent(&its.vault);
            datasets.push(json!({
                "vault": its.vault, "agent": agent, "opd": opd, "dataset": its.dataset,
                "purpose": null, "confidentiality": null, "category": null, "content": null,
            }));
        }
        if let Some(last) = datasets.last_mut() {
            last[its.field.as_str()] = json!({
                "value": its.value, "by": its.by, "letter": its.letter, "at": utc::rfc3339(its.at), "user": its.user,
                "entry": its.number,
            });
        }
    }
    datasets
}

impl Base {
    pub fn answer_attest(&self, ask: &Ask) -> Answer<Value> {
        match ask {
            Ask::Attestations => {
                let all: Vec<_> = lock(&self.catalog).attestations()?.into_iter().map(attestation).collect();
                Ok(json!({"type": "pulih/attestations/v1", "attestations": all}))
            }
            Ask::Audits => {
                let all = lock(&self.catalog).audits()?.into_iter();
                let all: Vec<_> = all.map(|its| or_null(shown(its, "recorded"), &["accreditation"])).collect();
                Ok(json!({"type": "pulih/audits/v1", "audits": all}))
            }
            Ask::Incidents => {
                let all = lock(&self.catalog).incidents()?.into_iter();
                let all: Vec<_> = all.map(|its| or_null(shown(its, "recorded"), &["hold", "letter"])).collect();
                Ok(json!({"type": "pulih/incidents/v1", "incidents": all}))
            }
            Ask::Classes => {
                let catalog = lock(&self.catalog);
                let (words, vaults) = (catalog.classified()?, catalog.vaults()?);
                drop(catalog);
                let of = |id: &str| vaults.iter().find(|vault| vault.id == id);
                let datasets = by_dataset(words, |id| {
                    of(id).map_or((Value::Null, Value::Null), |its| (its.agent.clone().into(), its.opd.clone().into()))
                });
                Ok(json!({"type": "pulih/classes/v1", "datasets": datasets}))
            }
            Ask::Regulations => {
                let all: Vec<_> = lock(&self.catalog).regulations()?.iter().map(pack::row).collect();
                Ok(json!({"type": "pulih/regulations/v1", "regulations": all, "packed": pack::packed()?}))
            }
            Ask::Regulation { name, version } => self.shown_pack(name, *version),
        }
    }

    fn shown_pack(&self, name: &str, version: Option<u64>) -> Answer<Value> {
        let its = lock(&self.catalog).regulation(name, version)?;
        let its = its.ok_or_else(|| {
            let text = format!(
                "no such version of a regulation {name} was applied at this site; `regulation list` shows those in force"
            );
            Refusal::new(Code::NotFound, text)
        })?;
        let mut shown = pack::row(&its);
        if let Some(fields) = shown.as_object_mut() {
            fields.insert("type".into(), "pulih/regulation-applied/v1".into());
            fields.insert("text".into(), pack::read(&*self.store, &self.id()?, &its)?.into());
        }
        Ok(shown)
    }
}

//! Witnesses of this site's ledger: who they are, what they are asked, and what of theirs counts.

use pulih_ledger::cosign::CosignerKey;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::CheckpointWitnessed;
use pulih_ledger::{Actor, Log, others};
use pulih_protocol::error::Code;
use pulih_vault::store::Store;
use pulih_vault::utc;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::{Base, lock};
use crate::catalog::{Catalog, User, Witness};
use crate::gateway::answer::{Answer, Refusal};
use crate::people::{Role, must};
use crate::pusat::is_printable;
use crate::record::time;

const MOST_TEXT: usize = 1000;
/// Sizes that a witness may have co-signed last, for which a proof is made: the newest.
pub const MOST_REQUESTS: usize = 15;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "witness", rename_all = "kebab-case")]
pub enum Ask {
    List,
    /// A checkpoint of this site's ledger with a witness's co-signature.
    Take {
        note: String,
    },
}

/// Whether a person may do this, and whether it makes sense; `false`: it is of another kind.
pub fn check(catalog: &Catalog, person: &User, body: &Body) -> Answer<bool> {
    let bad = |why: &str| Refusal::new(Code::BadRequest, why);
    match body {
        Body::WitnessAdded(its) => {
            must(person, person.is(Role::Admin), "an admin")?;
            if !is_printable(&its.name, MOST_TEXT) || !is_printable(&its.institution, MOST_TEXT) {
                return Err(bad("the name or the institution is empty, too long, or has control characters"));
            }
            let known = catalog.witnesses()?;
            if known.iter().any(|known| known.id == its.witness.as_str()) {
                return Err(Refusal::new(Code::AlreadyExists, format!("there was a witness {} already", its.witness)));
            }
            let key = its.key.to_string();
            if known.iter().any(|known| known.key == key) || its.key.name().starts_with("pulih-ledger") {
                return Err(bad("a witness has a key of its own, which signs nothing else"));
            }
        }
        Body::WitnessRemoved(its) => {
            must(person, person.is(Role::Admin), "an admin")?;
            if !is_printable(&its.reason, MOST_TEXT) {
                return Err(bad("the reason is empty, too long, or has control characters"));
            }
            let in_force = |known: &Witness| known.id == its.witness.as_str() && known.removed.is_none();
            if !catalog.witnesses()?.iter().any(in_force) {
                return Err(Refusal::new(Code::NotFound, format!("{} is no witness here", its.witness)));
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Sizes that a request may have to go on from: none, and those that any witness co-signed.
pub fn sizes_to_ask(store: &dyn Store, log: &Log, keys: &[CosignerKey]) -> Answer<Vec<u64>> {
    let said = others::sizes_by(store, log.layout(), keys).map_err(|error| Refusal::internal(&error))?;
    let mut sizes: Vec<u64> = said.into_iter().rev().take(MOST_REQUESTS).chain([0]).collect();
    sizes.retain(|size| *size <= log.checkpoint().size);
    sizes.dedup();
    Ok(sizes)
}

impl Base {
    pub fn answer_witnesses(&self, ask: &Ask) -> Answer<Value> {
        match ask {
            Ask::List => {
                let witnesses = lock(&self.catalog).witnesses()?.into_iter().map(|its| {
                    json!({
                        "witness": its.id, "name": its.name, "institution": its.institution, "key": its.key,
                        "added": utc::rfc3339(its.added), "removed": its.removed.map(utc::rfc3339), "size": its.size,
                        "witnessed": its.witnessed.map(utc::rfc3339),
                    })
                });
                Ok(json!({"type": "pulih/witnesses/v1", "witnesses": witnesses.collect::<Vec<_>>()}))
            }
            Ask::Take { note } => self.take_witnessed(note),
        }
    }

    /// A witness's co-signature came: held against the ledger, kept, written down once.
    fn take_witnessed(&self, note: &str) -> Answer<Value> {
        let internal = |error: &dyn std::fmt::Display| Refusal::internal(error);
        let mut known = Vec::new();
        for its in lock(&self.catalog).witnesses()?.into_iter().filter(|its| its.removed.is_none()) {
            let key: CosignerKey = its.key.parse().map_err(|error| internal(&error))?;
            known.push((its, key));
        }
        let keys: Vec<_> = known.iter().map(|(_, key)| key.clone()).collect();
        let taken = self.take_cosignature(note.as_bytes(), &keys)?;
        let Some((note, said)) = taken else {
            let text =
                "this ledger is another than what the witness co-signed: people were told, and the proof is kept";
            return Err(Refusal::new(Code::Refused, text));
        };
        let Some((witness, _)) = known.into_iter().find(|(_, key)| key == said.key()) else {
            return Err(internal(&"a co-signature by a key that is not known"));
        };
        let its = note.checkpoint();
        let mut record = lock(&self.record);
        // Looked up again: the same may have come meanwhile.
        let newest = record.catalog.witnesses()?.into_iter().find(|its| its.id == witness.id).and_then(|its| its.size);
        if newest.is_none_or(|newest| newest < its.size) {
            let body = CheckpointWitnessed {
                witness: witness.id.parse().map_err(|error| internal(&error))?,
                size: its.size,
                root: its.root,
                time: time(i64::try_from(said.time()).unwrap_or(i64::MAX)).map_err(|error| internal(&error))?,
            };
            record.write(self.now(), &Actor::Site, vec![body.into()])?;
        }
        let at = utc::rfc3339(i64::try_from(said.time()).unwrap_or(i64::MAX));
        Ok(json!({"type": "pulih/witness-taken/v1", "witness": witness.id, "size": its.size, "time": at}))
    }
}

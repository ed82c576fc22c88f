//! A disaster: declared by a person of the DRC, and ended by one.

use pulih_ledger::entry::kinds::{DisasterDeclared, DisasterEnded};
use pulih_protocol::error::Code;
use pulih_vault::utc;
use serde_json::{Value, json};

use super::super::{Drc, lock};
use crate::catalog::{Catalog, User};
use crate::gateway::answer::{Answer, Refusal};
use crate::people::{self, Role};

/// Who runs a DRC at night.
pub fn must_run_it(person: &User) -> Answer<()> {
    people::must(person, person.is(Role::Admin) || person.is(Role::Operator), "an operator or an admin")
}

/// Bytes of a reason that a person types.
const MAX_REASON_BYTES: usize = 1000;

/// That a typed reason says something, and nothing to a terminal.
pub fn must_say_why(reason: &str) -> Answer<()> {
    if !reason.trim().is_empty() && reason.len() <= MAX_REASON_BYTES && !reason.contains(char::is_control) {
        return Ok(());
    }
    let text = format!("a reason is one line of at most {MAX_REASON_BYTES} bytes, and says something");
    Err(Refusal::new(Code::BadRequest, text))
}

pub fn check_declared(catalog: &Catalog, its: &DisasterDeclared) -> Answer<()> {
    must_say_why(&its.reason)?;
    if let Some(going) = catalog.disaster()? {
        let text = format!("disaster {} is declared already, since {}", going.id, utc::rfc3339(going.declared));
        return Err(Refusal::new(Code::AlreadyExists, text));
    }
    if catalog.disaster_of(its.disaster.as_str())?.is_some() {
        return Err(Refusal::new(Code::AlreadyExists, format!("there was a disaster {} already", its.disaster)));
    }
    Ok(())
}

pub fn check_ended(catalog: &Catalog, its: &DisasterEnded) -> Answer<()> {
    must_say_why(&its.reason)?;
    match catalog.disaster()? {
        Some(going) if going.id == its.disaster.as_str() => Ok(()),
        _ => Err(Refusal::new(Code::NotFound, format!("disaster {} is not going on here", its.disaster))),
    }
}

impl Drc {
    pub(super) fn shown_disaster(&self) -> Answer<Value> {
        let (now, going) = (self.now(), lock(&self.catalog).disaster()?);
        let going = going.map(|its| {
            let (declared, seconds) = (utc::rfc3339(its.declared), (now - its.declared).max(0));
            json!({"disaster": its.id, "reason": its.reason, "declared": declared, "seconds": seconds})
        });
        Ok(json!({"type": "pulih/disaster/v1", "disaster": going}))
    }
}

//! Recovery plans in force: objects of the site, named by its ledger.

use pulih_ledger::entry::kinds::PlanApplied;
use pulih_policies::{MAX_BYTES, Plan};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, StoreError};
use pulih_vault::utc;
use serde_json::{Value, json};

use super::super::{Drc, lock};
use crate::catalog::Catalog;
use crate::gateway::answer::{Answer, Refusal};

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

impl Drc {
    fn plan_object(&self, hash: ObjectHash) -> Answer<ObjectName> {
        let object = format!("site/{}/plans/{hash}", self.id()?);
        object.parse().map_err(|error| Refusal::internal(&error))
    }

    /// Puts the plan that a person applies into the store, if it is the one that was signed.
    pub(in crate::drc) fn take_plan(&self, catalog: &Catalog, its: &PlanApplied, text: Option<&str>) -> Answer<()> {
        let text = text.ok_or_else(|| bad("the plan's text is missing"))?;
        let plan = Plan::parse("plan", text.as_bytes()).map_err(|error| bad(error.to_string()))?;
        let hash = ObjectHash::of(text.as_bytes());
        if its.object != hash || its.plan != plan.name.as_str() || its.version != u64::from(plan.version) {
            return Err(bad("what was signed is another plan than the one that came with it"));
        }
        if let Some(known) = catalog.plan(&its.plan)?.filter(|known| known.version >= its.version) {
            let text = format!(
                "the plan has version {}, and {} is in force; raise `version` and apply it again",
                its.version, known.version
            );
            return Err(bad(text));
        }
        match self.store.create(&self.plan_object(hash)?, text.as_bytes()) {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The plan in force with a name, with its text and since when.
    pub(in crate::drc) fn plan_in_force(&self, name: &str) -> Answer<(Plan, String, i64)> {
        let none =
            || Refusal::new(Code::NotFound, format!("no plan {name} was applied; `plan list` shows those that were"));
        let applied = lock(&self.catalog).plan(name)?.ok_or_else(none)?;
        let (plan, text) = self.plan_of(name, &applied.object)?;
        Ok((plan, text, applied.applied))
    }

    /// A plan that was applied, with its text.
    pub(in crate::drc) fn plan_of(&self, name: &str, object: &str) -> Answer<(Plan, String)> {
        let hash: ObjectHash = object.parse().map_err(|error| Refusal::internal(&error))?;
        let bytes = self.store.read(&self.plan_object(hash)?, MAX_BYTES as u64)?;
        if ObjectHash::of(&bytes) != hash {
            return Err(Refusal::new(
                Code::Refused,
                format!("the plan {hash} in the store is damaged; apply it again with a higher version"),
            ));
        }
        let plan = Plan::parse(name, &bytes).map_err(|error| Refusal::internal(&error))?;
        let text = String::from_utf8(bytes).map_err(|error| Refusal::internal(&error))?;
        Ok((plan, text))
    }

    pub(super) fn shown_plan(&self, name: &str) -> Answer<Value> {
        let (plan, text, since) = self.plan_in_force(name)?;
        Ok(json!({
            "type": "pulih/plan-in-force/v1", "plan": name, "version": plan.version, "title": plan.title,
            "hash": ObjectHash::of(text.as_bytes()).to_string(), "since": utc::rfc3339(since), "text": text,
        }))
    }

    pub(super) fn listed_plans(&self) -> Answer<Value> {
        let plans = lock(&self.catalog).plans()?.into_iter().map(|its| {
            json!({"plan": its.name, "version": its.version, "hash": its.object, "since": utc::rfc3339(its.applied)})
        });
        Ok(json!({"type": "pulih/plans/v1", "plans": plans.collect::<Vec<_>>()}))
    }
}

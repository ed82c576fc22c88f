//! What the ledger says of keys: who signed that a sealed identity is to be opened, that it was, and
//! that one person broke the glass. The keys themselves are the keeper's alone.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{Alarm, GlassBroken, KeysOpened};
use pulih_policies::Class;
use pulih_protocol::error::Code;
use pulih_vault::utc;
use serde_json::{Value, json};

use super::super::{Drc, lock};
use super::disaster::must_say_why;
use crate::catalog::{Catalog, User};
use crate::gateway::answer::{Answer, Refusal};
use crate::record::time;

/// How long what a person signed waits for the others, as long as the keeper waits for their parts.
const SIGNED_SECONDS: i64 = 3600;

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

/// What breaking the glass over the identity of a class is called in the ledger.
pub fn glass_what(class: &str) -> String {
    format!("keys {class}")
}

/// A person gives a part: of that person's own, and for a bounded while.
pub fn check_opened(person: &User, its: &KeysOpened, now: i64) -> Answer<()> {
    its.class.parse::<Class>().map_err(|error| bad(error.to_string()))?;
    if its.people.len() != 1 || its.people[0] != person.id {
        return Err(bad("each person signs alone, for that person's own part"));
    }
    let until = utc::parse(its.until.as_str()).unwrap_or(0);
    if (1..=pulih_keeper::MAX_SESSION_SECONDS).contains(&(until - now)) {
        return Ok(());
    }
    Err(bad(format!("a session ends in the future, and within {} hours", pulih_keeper::MAX_SESSION_SECONDS / 3600)))
}

pub fn check_glass(catalog: &Catalog, its: &GlassBroken) -> Answer<()> {
    must_say_why(&its.reason)?;
    let going = catalog.disaster()?.map(|going| going.id);
    if its.disaster.as_ref().map(|its| its.as_str().to_owned()) != going {
        return Err(bad("the disaster that is named is not the one that is going on; do it again"));
    }
    match its.what.strip_prefix("keys ").and_then(|class| class.parse::<Class>().ok()) {
        Some(_) => Ok(()),
        None => Err(bad("this is nothing that one person can do alone")),
    }
}

/// What is written in the same moment as the act: nobody learns of it later than it has effect.
pub fn glass_alarm(person: &User, its: &GlassBroken) -> Body {
    let text = format!("{} broke the glass alone ({}): {}", person.id, its.what, its.reason);
    eprintln!("alarm: {text}");
    Alarm { alarm: "glass-broken".into(), subject: its.what.clone(), text }.into()
}

impl Drc {
    /// The keeper has all parts; this is written down before it opens anything.
    pub(super) fn keys_opened(&self, class: &str, people: &[String], until: &str) -> Answer<Value> {
        let now = self.now();
        let mut record = lock(&self.record);
        let since = now - SIGNED_SECONDS;
        let signed = record.catalog.openings(class, since)?;
        let is_glass = record.catalog.glass_since(&glass_what(class), since)?;
        let unsigned = people.iter().find(|person| !signed.iter().any(|(who, _)| who == *person));
        if let Some(person) = unsigned.filter(|_| !is_glass) {
            return Err(Refusal::new(
                Code::Forbidden,
                format!("{person} did not sign for class {class} within the last hour"),
            ));
        }
        if people.len() < 2 && !is_glass {
            return Err(Refusal::new(Code::Forbidden, "one person alone opens nothing without breaking the glass"));
        }
        // No longer than the first of them agreed to.
        let asked = utc::parse(until).ok_or_else(|| bad("the end of the session is no time"))?;
        let agreed = signed.iter().filter(|(who, _)| people.contains(who)).map(|(_, until)| *until).min();
        let until = asked.min(agreed.unwrap_or(asked));
        let opened = KeysOpened {
            class: class.to_owned(),
            people: people.to_vec(),
            until: time(until).map_err(|e| bad(e.to_string()))?,
        };
        record.write(now, &Actor::Site, vec![opened.into()])?;
        Ok(json!({"type": "pulih/keys-opened/v1", "class": class, "people": people, "until": until}))
    }
}

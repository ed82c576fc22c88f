//! People at a site, whatever its role: what they may do, and acts that they sign with their own
//! keys. Nothing here has an effect: that a person signed is checked, and by whom.

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::{SiteUnpaired, UserAdded};
use pulih_ledger::entry::{Body, Entry, ReadEntry};
use pulih_protocol::error::Code;
use pulih_vault::utc;

use crate::catalog::{Catalog, User};
use crate::gateway::answer::{Answer, Refusal};
use crate::pusat::is_printable;
use crate::record::Record;

/// How far the clock of a person's machine may be off, and how long a signed act may be on its way.
const ACT_SECONDS: i64 = 24 * 3600;
const MOST_DECREE: usize = 200;

/// What a person may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Adds people, applies policy, pairs sites.
    Admin,
    /// Runs the site from day to day.
    Operator,
    /// Speaks for an OPD, and for none but that.
    Walidata,
    /// Reads, and states what it found.
    Auditor,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Admin, Self::Operator, Self::Walidata, Self::Auditor];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Walidata => "walidata",
            Self::Auditor => "auditor",
        }
    }
}

impl User {
    pub fn is(&self, role: Role) -> bool {
        self.roles.iter().any(|its| its == role.as_str())
    }

    pub fn speaks_for(&self, opd: &str) -> bool {
        self.is(Role::Walidata) && self.opd.as_deref() == Some(opd)
    }
}

fn forbidden(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::Forbidden, why)
}

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

/// What someone did, as it will stand in the ledger.
pub struct Act {
    pub entry: Entry,
    /// `None`: whoever has the site's console adds its first person.
    pub person: Option<User>,
}

/// Reads an entry in canonical form and believes it of the person who signed it, just now.
pub fn believe(record: &Record, entry: &str, now: i64) -> Answer<Act> {
    let entry = ReadEntry::parse(entry.as_bytes()).map_err(|error| bad(error.to_string()))?;
    let at = utc::parse(entry.at.as_str()).ok_or_else(|| bad("a time is not one"))?;
    if (at - now).abs() > ACT_SECONDS {
        return Err(bad("the act was signed more than a day ago, or by a clock that is off; sign it again"));
    }
    let body = entry.body().ok_or_else(|| bad("the act is of a kind that this version does not know"))?;
    match &entry.actor {
        Actor::Site if may_be_first(&record.catalog, body, at)? => {
            let entry = Entry::new(entry.site.clone(), entry.at.clone(), Actor::Site, body.clone());
            Ok(Act { entry, person: None })
        }
        Actor::Person { user, .. } => {
            let signed = record.verify(&entry).map_err(|error| forbidden(error.to_string()))?;
            let none = || forbidden(format!("{user} is not known here"));
            let person = record.catalog.user(user.as_str())?.ok_or_else(none)?;
            Ok(Act { entry: signed, person: Some(person) })
        }
        _ => Err(forbidden("this needs a person's signature: give --as USER and --sign-with FILE")),
    }
}

/// That a person may do something; `who` else could.
pub fn must(person: &User, may: bool, who: &str) -> Answer<()> {
    if may { Ok(()) } else { Err(forbidden(format!("{} may not do this; {who} may", person.id))) }
}

/// Whether `person` may add another, or say something new of one. `signed` is when.
pub fn check_added(catalog: &Catalog, person: &User, its: &UserAdded, signed: i64) -> Answer<()> {
    must(person, person.is(Role::Admin), "an admin")?;
    // An older word about a person, said again, must not undo the newer one.
    if catalog.user(its.user.as_str())?.is_some_and(|known| known.at >= signed) {
        return Err(bad(format!("something newer was signed about {}; sign this again", its.user)));
    }
    check_user(catalog, its, signed)
}

pub fn check_unpaired(catalog: &Catalog, its: &SiteUnpaired) -> Answer<()> {
    let known = catalog.peer(its.peer.as_str())?.filter(|peer| peer.ended.is_none());
    known.map(|_| ()).ok_or_else(|| Refusal::new(Code::NotFound, format!("{} is not paired with this site", its.peer)))
}

/// The first person is added by whoever has the site's console; everyone after by an admin.
fn may_be_first(catalog: &Catalog, body: &Body, at: i64) -> Answer<bool> {
    let Body::UserAdded(its) = body else { return Ok(false) };
    if !catalog.users()?.is_empty() {
        return Ok(false);
    }
    if !its.roles.iter().any(|role| role == Role::Admin.as_str()) {
        return Err(bad("the first person has to be an admin, who then adds the others"));
    }
    check_user(catalog, its, at)?;
    Ok(true)
}

/// The decree that appoints a person, and until when. That it ends takes nothing from the person here: an admin does.
fn check_appointed(its: &UserAdded, at: i64) -> Answer<()> {
    if its.decree.as_deref().is_some_and(|decree| !is_printable(decree, MOST_DECREE)) {
        return Err(bad("the number of the decree is empty, too long, or has control characters"));
    }
    match its.until.as_ref().map(|until| utc::parse(until.as_str()).unwrap_or(i64::MIN)) {
        Some(_) if its.decree.is_none() => Err(bad("until when a person is appointed is what a decree says: name it")),
        Some(until) if until <= at => Err(bad("the appointment has ended already")),
        _ => Ok(()),
    }
}

fn check_user(catalog: &Catalog, its: &UserAdded, at: i64) -> Answer<()> {
    check_appointed(its, at)?;
    let known = |role: &String| Role::ALL.iter().any(|known| known.as_str() == role);
    if its.roles.is_empty() || !its.roles.iter().all(known) {
        return Err(bad("a role is `admin`, `operator`, `walidata` or `auditor`, and a person has at least one"));
    }
    let speaks = its.roles.iter().any(|role| role == Role::Walidata.as_str());
    match &its.opd {
        Some(opd) if catalog.opd(opd.as_str())?.is_none() => {
            Err(Refusal::new(Code::NotFound, format!("there is no OPD {opd}; `pulih-controller opd add` adds it")))
        }
        None if speaks => Err(bad("a walidata speaks for an OPD: name it with --opd")),
        _ => Ok(()),
    }
}

//! Who may test a plan independently, and whether a drill was such a test: as the ledgers of both sites say it. Pure,
//! and the same for the site that announces and for whoever verifies.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{DrillAnnounced, DrillAttested, DrillAuditor, DrillEnded, DrillOpened};
use pulih_ledger::ids::{Sha256, UserId};
use pulih_vault::note::{Fingerprint, VerifierKey};
use pulih_vault::utc;

/// How long a test counts, and how long before it its auditor must have operated nothing: two years by the calendar.
const YEARS: i64 = 2;
/// In how many seconds after the end an attestation counts.
pub const ATTEST_SECONDS: i64 = 30 * 24 * 3600;
/// By how much the clocks of people may be off.
pub const SLACK_SECONDS: i64 = 24 * 3600;
pub const OPINIONS: [&str; 3] = ["met", "met-with-findings", "not-met"];
/// Kinds of drills that can qualify.
pub const KINDS: [&str; 2] = ["application", "plan"];
pub const MAX_FINDINGS: usize = 50;
const AUDITOR: &str = "auditor";

/// The same day and time so many years on; of 29 February the 28th where there is no other.
pub fn years_on(at: i64, years: i64) -> i64 {
    let text = utc::rfc3339(at);
    let year = text.get(..4).and_then(|year| year.parse::<i64>().ok()).unwrap_or(1970) + years;
    let rest = text.get(4..).unwrap_or_default();
    let there = format!("{year:04}{rest}");
    utc::parse(&there).or_else(|| utc::parse(&there.replace("-02-29T", "-02-28T"))).unwrap_or(at)
}

/// Until when a test counts that was attested then: 24 months.
pub fn counts_until(attested: i64) -> i64 {
    years_on(attested, YEARS)
}

/// Why somebody operates what is to be tested, or cannot be known not to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operates {
    /// The ledger of the site does not know this user.
    Unknown(UserId),
    OtherRole(String),
    /// It is not a key of that user.
    NotTheirKey,
    OthersKey(UserId),
    WitnessKey(String),
    Acted(i64),
    InPlan(String),
    Institution(String),
}

impl fmt::Display for Operates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(user) => write!(f, "{user} is no user here; an admin adds the auditor with `user add`"),
            Self::OtherRole(role) => {
                write!(f, "the auditor has, or had in the 24 months before, the role {role} beside `auditor`")
            }
            Self::NotTheirKey => write!(f, "the key is not one that the ledger gave the auditor"),
            Self::OthersKey(user) => write!(f, "the auditor's key is also the key of {user}"),
            Self::WitnessKey(witness) => write!(f, "the auditor's key is also that of the witness {witness}"),
            Self::Acted(at) => {
                let at = utc::rfc3339(*at);
                write!(f, "the auditor acted at a site at {at}, within the 24 months before")
            }
            Self::InPlan(name) => write!(f, "a recovery plan in force names the auditor: {name}"),
            Self::Institution(name) => write!(f, "the auditor's institution, {name}, runs the site or houses it"),
        }
    }
}

/// Up to where of a ledger something counts.
#[derive(Debug, Clone, Copy)]
pub enum Upto {
    /// What is dated so late at most,
    At(i64),
    /// or what comes before this entry, however it is dated.
    Before(u64),
}

impl Upto {
    fn has(self, index: u64, at: i64) -> bool {
        match self {
            Self::At(last) => at <= last,
            Self::Before(end) => index < end,
        }
    }
}

/// In which part of the ledgers an auditor must have operated nothing.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The earliest time that anything of the test is dated; two years before it count.
    pub at: i64,
    /// In which the site must have known the auditor.
    pub known: Upto,
    /// Up to where of the site's own ledger acts and roles count,
    pub own: Upto,
    /// and of the other one's.
    pub peer: Upto,
}

impl Span {
    /// Of a test that is announced now.
    pub fn now(at: i64) -> Self {
        Self { at, known: Upto::At(at), own: Upto::At(at), peer: Upto::At(at) }
    }
}

#[derive(Debug)]
struct Said {
    index: u64,
    at: i64,
    roles: Vec<String>,
    key: VerifierKey,
}

/// What one ledger says of people: who they are, and when each acted.
#[derive(Debug, Default)]
pub struct People {
    users: BTreeMap<UserId, Vec<Said>>,
    acted: BTreeMap<UserId, BTreeSet<(i64, u64)>>,
    /// By the key's fingerprint: a person may have another name at the other site.
    acted_with: BTreeMap<String, BTreeSet<(i64, u64)>>,
    witnesses: Vec<(String, Fingerprint)>,
}

impl People {
    /// Takes in the next entry, of which its time alone is asked.
    pub fn take(&mut self, at: i64, actor: &Actor, body: Option<&Body>) {
        self.take_entry(0, at, actor, body);
    }

    /// Takes in the next entry, with its place in the ledger.
    pub fn take_entry(&mut self, index: u64, at: i64, actor: &Actor, body: Option<&Body>) {
        // What cannot be read is an act all the same.
        if let Actor::Person { user, key } = actor
            && !body.is_some_and(is_auditing)
        {
            self.acted.entry(user.clone()).or_default().insert((at, index));
            self.acted_with.entry(key.to_string()).or_default().insert((at, index));
        }
        if let Some(Body::UserAdded(its)) = body {
            let said = Said { index, at, roles: its.roles.clone(), key: its.key.clone() };
            self.users.entry(its.user.clone()).or_default().push(said);
        }
        if let Some(Body::WitnessAdded(its)) = body {
            self.witnesses.push((its.witness.to_string(), its.key.fingerprint()));
        }
    }

    /// What was said of a user.
    fn said(&self, user: &UserId, upto: Upto) -> Vec<&Said> {
        self.users.get(user).into_iter().flatten().filter(|said| upto.has(said.index, said.at)).collect()
    }

    /// When somebody acted last, from a time on.
    fn acted(&self, its: &DrillAuditor, from: i64, upto: Upto) -> Option<i64> {
        let with = self.acted_with.get(&its.key.fingerprint().to_string());
        let all = self.acted.get(&its.user).into_iter().chain(with);
        let acted = all.flat_map(|times| times.range((from, 0)..)).filter(|(at, index)| upto.has(*index, *at));
        acted.map(|(at, _)| *at).max()
    }

    /// What this ledger has against an auditor. `is_site`: it is of the site where the test is.
    fn operates(&self, its: &DrillAuditor, span: &Span, is_site: bool) -> Vec<Operates> {
        let (from, key) = (years_on(span.at, -YEARS), its.key.fingerprint());
        let upto = if is_site { span.own } else { span.peer };
        let (mut found, said) = (Vec::new(), self.said(&its.user, upto));
        let known = self.said(&its.user, span.known);
        if is_site && known.is_empty() {
            found.push(Operates::Unknown(its.user.clone()));
        } else if is_site && !known.iter().any(|said| said.key == its.key) {
            found.push(Operates::NotTheirKey);
        }
        // What was said before holds until the next word.
        let first = said.iter().rposition(|its| its.at <= from).unwrap_or(0);
        let roles: BTreeSet<&str> = said[first..].iter().flat_map(|its| &its.roles).map(String::as_str).collect();
        found
            .extend(roles.into_iter().filter(|role| *role != AUDITOR).map(|role| Operates::OtherRole(role.to_owned())));
        for user in self.users.keys().filter(|user| **user != its.user) {
            if self.said(user, upto).iter().any(|said| said.key.fingerprint() == key) {
                found.push(Operates::OthersKey(user.clone()));
            }
        }
        let of_witness = self.witnesses.iter().filter(|(_, witness)| *witness == key);
        found.extend(of_witness.map(|(name, _)| Operates::WitnessKey(name.clone())));
        found.extend(self.acted(its, from, upto).map(Operates::Acted));
        found
    }
}

/// What an auditor does and signs: it operates nothing.
fn is_auditing(body: &Body) -> bool {
    matches!(
        body,
        Body::DrillOpened(_)
            | Body::DrillAttested(_)
            | Body::AttestationGiven(_)
            | Body::AttestationEnded(_)
            | Body::AuditHeld(_)
    )
}

/// As names are compared: letters' case and runs of spaces apart.
fn plain(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Why an auditor may not test, at the time of the announcement; none: the person operates none of it. `own` is the
/// ledger of the site where the test is, `peer` the other one's; `named`: users and people whom a plan in force names,
/// those with an office behind a comma.
pub fn operates(
    its: &DrillAuditor,
    at: i64,
    own: &People,
    peer: Option<&People>,
    named: &BTreeSet<String>,
) -> Vec<Operates> {
    operates_in(its, &Span::now(at), own, peer, named)
}

/// The same of a test whose course is known.
pub fn operates_in(
    its: &DrillAuditor,
    span: &Span,
    own: &People,
    peer: Option<&People>,
    named: &BTreeSet<String>,
) -> Vec<Operates> {
    let mut found = own.operates(its, span, true);
    found.extend(peer.into_iter().flat_map(|peer| peer.operates(its, span, false)));
    let (user, name) = (plain(its.user.as_str()), plain(&its.name));
    let is_auditor = |text: &&String| {
        let (whole, person) = (plain(text), plain(text.split(',').next().unwrap_or_default()));
        whole == user || whole == name || person == name
    };
    found.extend(named.iter().find(is_auditor).map(|text| Operates::InPlan(text.clone())));
    let houses = its.operator.iter().chain(&its.provider);
    if houses.into_iter().any(|house| plain(house) == plain(&its.institution)) {
        found.push(Operates::Institution(its.institution.clone()));
    }
    found.dedup();
    found
}

/// Each text in quotes of a plan's file, for a reader that knows no TOML: whom it names is among them.
pub fn quoted(plan: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in plan.lines() {
        let mut rest = line;
        while let Some(at) = rest.find(['"', '\'']) {
            let (quote, text) = rest[at..].split_at(1);
            let Some(end) = text.find(quote) else { break };
            found.insert(text[..end].to_owned());
            rest = &text[end + 1..];
        }
    }
    found
}

/// What a ledger says of a drill that was announced with an auditor.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    pub announced: &'a DrillAnnounced,
    /// SHA-256 of the entry's bytes.
    pub announcement: Sha256,
    /// Its opening, by whom, and whether that came before its start.
    pub opened: Option<(&'a DrillOpened, &'a Actor, bool)>,
    /// Its end, when, and SHA-256 of the entry's bytes.
    pub ended: Option<(&'a DrillEnded, i64, Sha256)>,
    pub attested: Option<(&'a DrillAttested, &'a Actor, i64)>,
    /// When it was announced, opened and started, each by the clock of whoever says so.
    pub times: [Option<i64>; 3],
}

impl Course<'_> {
    /// What is dated of it, in the order in which it happened.
    pub fn dated(&self) -> impl Iterator<Item = i64> {
        let end = [self.ended.map(|(_, at, _)| at), self.attested.map(|(.., at)| at)];
        self.times.into_iter().chain(end).flatten()
    }
}

/// Why a drill does not qualify, by what it was; none: it does. That the auditor operates nothing is another matter.
pub fn wrong(its: &Course) -> Vec<String> {
    let Some(auditor) = &its.announced.auditor else { return vec!["it was announced without an auditor".into()] };
    let is_auditor = |actor: &Actor| {
        let key = auditor.key.fingerprint();
        matches!(actor, Actor::Person { user, key: with } if *user == auditor.user && *with == key)
    };
    let mut wrong = Vec::new();
    let mut must = |holds: bool, why: &str| {
        if !holds {
            wrong.push(why.to_owned());
        }
    };
    must(KINDS.contains(&its.announced.kind.as_str()), "only a drill of a plan or of applications qualifies");
    match its.opened {
        None => must(false, "the auditor has not opened it"),
        Some((opened, by, before)) => {
            must(is_auditor(by), "it was opened by another one, or with another key");
            must(opened.announcement == its.announcement, "it was opened for another announcement");
            must(before, "it was opened after its start");
        }
    }
    let dated: Vec<_> = its.dated().collect();
    let in_order = dated.windows(2).all(|pair| pair[0] <= pair[1].saturating_add(SLACK_SECONDS));
    must(in_order, "what it was is not dated in the order in which it happened");
    let Some((ended, at, entry)) = its.ended else {
        must(false, "it has not ended");
        return wrong;
    };
    must(["passed", "failed"].contains(&ended.outcome.as_str()), "it was not tried to its end");
    let Some((attested, by, then)) = its.attested else {
        must(false, "the auditor has not attested it");
        return wrong;
    };
    must(is_auditor(by), "it was attested by another one, or with another key");
    must(attested.ended == entry, "another end was attested");
    must((at..=at.saturating_add(ATTEST_SECONDS)).contains(&then), "it was attested later than 30 days after its end");
    must(OPINIONS[..2].contains(&attested.opinion.as_str()), "the auditor's opinion is that it was not met");
    wrong
}

#[cfg(test)]
mod tests;

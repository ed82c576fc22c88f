//! Step 6, and of step 7 what a log of one key has: each entry is canonical, of this site, of its kind; what a person
//! did, that person signed with a key that the log gave before. What later steps need of the entries is kept.

use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::bundle::MAX_ENTRY_BYTES;
use pulih_ledger::chain::KeyChain;
use pulih_ledger::entry::{Body, Kind};
use pulih_ledger::hash::Hash;
use pulih_ledger::ids::SiteId;
use pulih_ledger::roster::Roster;
use pulih_ledger::scan::{Scanned, scan_fields};
use pulih_ledger::time::is_time;
use pulih_ledger::tlog_proof::TlogProof;
use pulih_ledger::{ReadEntry, View};
use pulih_vault::id::ObjectHash;
use pulih_vault::utc;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::chain::Chain;
use super::drills::Drills;
use super::due::Asked;
use super::keys::Handed;
use super::said::Said;
use super::tree::Tree;
use super::trials::Trials;
use super::{Bundle, may_be_person};
use crate::places::{Kept, Part, Place};
use crate::report::{Code, Report};
use crate::source::SourceError;

/// Kinds that name an object, and in which field.
const NAMING: [(&str, Kept, &str); 8] = [
    ("drill-ended", Kept::Drills, "log"),
    ("key-accepted", Kept::Keys, "statement"),
    ("key-rotated", Kept::Keys, "statement"),
    ("ledger-diverged", Kept::Proofs, "proof"),
    ("plan-applied", Kept::Plans, "object"),
    ("policy-applied", Kept::Policies, "object"),
    ("recipe-applied", Kept::Recipes, "object"),
    ("regulation-applied", Kept::Regulations, "object"),
];

/// What people do and sign, and no site by itself.
const BY_PEOPLE: [&str; 16] = [
    "attestation-ended",
    "attestation-given",
    "audit-held",
    "dataset-classified",
    "drill-attested",
    "drill-opened",
    "expiry-resumed",
    "incident-reported",
    "ledger-resumed",
    "opd-described",
    "plan-applied",
    "recipe-applied",
    "regulation-applied",
    "report-issued",
    "witness-added",
    "witness-removed",
];

/// What a site measures by itself, and no person can say.
const BY_SITE_ALONE: [&str; 2] = ["copy-verified", "traffic-measured"];

/// The actor of what the site itself does, as it stands in an entry.
const BY_SITE: &str = "{\"type\":\"site\"}";

/// Kinds that name points, of which the manifests are in a bundle.
pub const NAMES_POINTS: [&str; 2] = ["drill-announced", "recovery-begun"];

/// The object that an entry names, if it is of a kind that does.
pub fn named_by(kind: &str, fields: &Map<String, Value>) -> Option<(Kept, ObjectHash)> {
    let (_, kept, field) = NAMING.iter().find(|(name, ..)| *name == kind)?;
    let hash = fields.get(*field)?.as_str()?.parse().ok()?;
    Some((*kept, hash))
}

/// Whether entries of a kind name an object.
pub fn names_one(kind: &str) -> bool {
    NAMING.iter().any(|(name, ..)| *name == kind)
}

/// `<kind>` of a type that this program's version can know.
pub fn kind_of(kind: &str) -> Option<&str> {
    kind.strip_prefix("pulih/ledger/")?.strip_suffix("/v1")
}

/// Reads a log's entries in order, each once.
pub struct Follower {
    site: SiteId,
    keys: KeyChain,
    roster: Roster,
    has_first: bool,
    /// Somebody was added, and so can add others.
    has_user: bool,
    /// The first entry of the run.
    first: u64,
    /// The newest entry's time: the next one has it as often as not.
    last_at: String,
    /// The largest time that the site itself has written: people date what they sign by clocks of their own.
    site_at: i64,
    /// The one that it has written last.
    site_last: i64,
    entries: u64,
    /// Objects that must be there, and by which entry.
    pub(super) named: BTreeMap<(Kept, ObjectHash), u64>,
    pub(super) drills: Drills,
    /// What it says of its keys.
    pub(super) handed: Handed,
    /// Points that a recovery named.
    recovered: BTreeSet<String>,
    /// What it says of other logs, and of who co-signs.
    pub(super) said: Said,
    /// What it says of people who test.
    pub(super) trials: Trials,
    /// And of drills that the policies asked for.
    pub(super) asked: Asked,
}

/// The points of a recovery.
#[derive(Deserialize)]
struct Recovered {
    points: Vec<String>,
}

impl Follower {
    pub fn new(site: &SiteId, chain: &Chain, first: u64) -> Self {
        Self {
            site: site.clone(),
            keys: chain.keys.clone(),
            roster: Roster::default(),
            has_first: false,
            has_user: false,
            first,
            last_at: String::new(),
            site_at: i64::MIN,
            site_last: i64::MIN,
            entries: 0,
            named: BTreeMap::new(),
            drills: Drills::new(site, first == 0),
            recovered: BTreeSet::new(),
            said: Said::default(),
            trials: Trials::default(),
            asked: Asked::default(),
            handed: Handed::default(),
        }
    }

    /// The time of the newest entry that the site itself has written.
    pub fn last(&self) -> i64 {
        self.site_last
    }

    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Entries before the run, each with its proof.
    pub fn before(&mut self, bundle: &Bundle<'_>, tree: &Tree, report: &mut Report) -> Result<(), SourceError> {
        let newest = Place::Of(self.site.clone(), Part::Checkpoint);
        let newest = bundle.read(&newest, &mut Report::default())?.unwrap_or_default();
        for (part, place) in bundle.parts(&self.site.clone()) {
            let Part::Proof(index) = part else { continue };
            let json = Place::Of(self.site.clone(), Part::Entry(*index));
            let (Some(proof), Some(entry)) = (bundle.read(place, report)?, bundle.need(&json, report)?) else {
                continue;
            };
            match prove(&proof, *index, &entry, tree, &newest) {
                Ok(()) if *index < tree.first_entry() => self.follow(*index, &entry, report),
                Ok(()) => report.remark(format!("{place} is in the bundles too")),
                Err((code, why)) => report.problem(code, place, why),
            }
        }
        for (part, place) in bundle.parts(&self.site) {
            if let Part::Entry(index) = part
                && !bundle.has(&Place::Of(self.site.clone(), Part::Proof(*index)))
            {
                report.problem(Code::Missing, place, "nothing proves that it is in the log");
            }
        }
        Ok(())
    }

    /// An entry that is what the log signed.
    pub fn follow(&mut self, index: u64, bytes: &[u8], report: &mut Report) {
        self.entries += 1;
        if let Err((code, why)) = self.check(index, bytes) {
            report.problem(code, format!("{} entry {index}", self.site), why);
        }
    }

    fn check(&mut self, index: u64, bytes: &[u8]) -> Result<(), (Code, String)> {
        let bad = |why: String| (Code::Entry, why);
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(bad(format!("it has {} bytes", bytes.len())));
        }
        let (found, fields) = scan_fields(bytes).map_err(|why| bad(why.to_string()))?;
        let before = self.site_last;
        let kind = self.envelope(&found).map_err(bad)?;
        if index == 0 {
            self.check_first(bytes)?;
        }
        let Some(name) = kind_of(kind) else { return self.check_act(index, &found, bytes) };
        if name == "site-created" && index > 0 {
            return Err((Code::KeyChain, "a log begins once, with its first entry".into()));
        }
        self.asked.begins(index, self.first, &self.last_at);
        if let Some(kind) = Kind::from_type(kind) {
            Body::check_scanned(kind, &fields, bytes).map_err(|why| bad(why.to_string()))?;
            // Most entries, and no later step asks anything of them.
            if matches!(kind, Kind::SnapshotAccepted | Kind::SnapshotReplicated) {
                return self.check_act(index, &found, bytes);
            }
            no_null(bytes).map_err(bad)?;
        }
        if names_one(name) {
            let fields = serde_json::from_slice(bytes).map_err(|why| bad(why.to_string()))?;
            if let Some(named) = named_by(name, &fields) {
                self.named.entry(named).or_insert(index);
            }
        }
        if Handed::is_about(name) {
            let entry = ReadEntry::parse(bytes).map_err(|why| bad(why.to_string()))?;
            entry.body().into_iter().for_each(|body| self.handed.follow(index, body));
        }
        if name == "recovery-begun" {
            let its: Recovered = serde_json::from_slice(bytes).map_err(|why| bad(why.to_string()))?;
            self.recovered.extend(its.points);
        }
        self.said.follow(&self.site, index, name, bytes).map_err(bad)?;
        self.drills.follow(index, name, bytes).map_err(bad)?;
        self.trials.follow(index, name, self.site_at, bytes).map_err(bad)?;
        self.asked.follow(index, name, before, bytes).map_err(bad)?;
        self.check_act(index, &found, bytes)
    }

    /// The fields that every entry has; returns its type.
    fn envelope<'e>(&mut self, found: &Scanned<'e>) -> Result<&'e str, String> {
        let (Some(kind), Some(at), Some(site)) = (found.kind, found.at, found.site) else {
            return Err("it lacks its type, its time or its site".into());
        };
        if at != self.last_at {
            if !is_time(at) {
                return Err(format!("its time {at:?} is none"));
            }
            at.clone_into(&mut self.last_at);
        }
        if site != self.site.as_str() {
            return Err(format!("it is of the site {site}"));
        }
        let Some(actor) = found.actor.filter(|actor| actor.starts_with('{')) else {
            return Err("it does not say who did it".into());
        };
        if actor == BY_SITE {
            self.site_last = utc::parse(at).unwrap_or(i64::MIN);
            self.site_at = self.site_at.max(self.site_last);
        }
        Ok(kind)
    }

    /// The first entry says whose log it is, and with which key.
    fn check_first(&mut self, bytes: &[u8]) -> Result<(), (Code, String)> {
        self.has_first = true;
        let entry = ReadEntry::parse(bytes).map_err(|why| (Code::Entry, why.to_string()))?;
        match entry.body() {
            Some(Body::SiteCreated(created)) if Some(&created.key) == self.keys.keys().next() => Ok(()),
            Some(Body::SiteCreated(created)) => Err((
                Code::KeyChain,
                format!("the log began with the key {}, which is not the chain's first", created.key),
            )),
            _ => Err((Code::KeyChain, "it does not say whose log begins here".into())),
        }
    }

    /// What a person did is signed; keys come from entries before.
    fn check_act(&mut self, index: u64, found: &Scanned<'_>, bytes: &[u8]) -> Result<(), (Code, String)> {
        let name = found.kind.and_then(kind_of).unwrap_or_default();
        let (gives_key, is_peoples) = (name == "user-added", BY_PEOPLE.contains(&name));
        if !gives_key && !is_peoples && !may_be_person(found) {
            return Ok(());
        }
        let entry = ReadEntry::parse(bytes).map_err(|why| (Code::Entry, why.to_string()))?;
        if let View::Misread { why, .. } = &entry.view {
            return Err((Code::Entry, why.to_string()));
        }
        let is_person = matches!(entry.actor, pulih_ledger::Actor::Person { .. });
        if found.has_act && !is_person {
            return Err((Code::Act, "it is signed as a person's act, and is no person's".into()));
        }
        // Whoever has the site's console adds the first person, who then adds the others.
        if is_person && BY_SITE_ALONE.contains(&name) {
            return Err((Code::Act, format!("{name} is what a site measures, and a person says it")));
        }
        if !is_person && (is_peoples || gives_key && self.has_user) {
            return Err((Code::Act, format!("{name} is what a person does, and it is signed by none")));
        }
        self.roster.follow(&entry).map_err(|why| (Code::Act, why.to_string()))?;
        self.has_user |= gives_key;
        self.trials.person(index, entry.at.as_str(), &entry.actor, entry.body());
        Ok(())
    }

    /// All entries were followed. If not all were there, nothing is said of what must have been.
    pub fn close(self, is_whole: bool, points: &mut BTreeSet<String>, report: &mut Report) {
        if is_whole && !self.has_first && self.entries > 0 {
            report.problem(Code::Missing, &self.site, "the log's first entry is not there, which says whose it is");
        }
        points.extend(self.recovered);
        self.drills.close(is_whole, &self.last_at, points, report);
    }
}

/// What an entry does not say has no field: `null` is not another way to leave it out.
fn no_null(bytes: &[u8]) -> Result<(), String> {
    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(all) => all.iter().any(has_null),
            Value::Object(all) => all.values().any(has_null),
            _ => false,
        }
    }
    // Few texts have the word in them.
    if !bytes.windows(4).any(|four| four == b"null") {
        return Ok(());
    }
    let entry: Value = serde_json::from_slice(bytes).map_err(|why| why.to_string())?;
    if has_null(&entry) { Err("a field of it is null".into()) } else { Ok(()) }
}

/// Whether an entry is in the log, by a proof for its newest checkpoint, as that is in the bundle.
fn prove(proof: &[u8], index: u64, entry: &[u8], tree: &Tree, newest: &[u8]) -> Result<(), (Code, String)> {
    let proof = TlogProof::parse(proof).map_err(|why| (Code::Damaged, why.to_string()))?;
    if proof.checkpoint.as_bytes() != newest || proof.index != index {
        let why = "it is for another entry, or its checkpoint is not the newest one";
        return Err((Code::RootMismatch, why.into()));
    }
    let proved = tree.prove(Hash::of_leaf(entry), index, &proof.proof);
    proved.map_err(|why| (Code::RootMismatch, why.to_string()))
}

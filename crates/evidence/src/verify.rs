//! Verifying a bundle from the bundle, and from fingerprints that somebody has on paper: the steps of
//! `docs/contracts/evidence.md`. Each step can end in problems, and all are told; nothing is read beyond its bound.

mod chain;
mod checkpoints;
mod consistency;
mod cosigned;
mod cosigners;
mod drills;
mod due;
mod entries;
mod keys;
mod note;
mod objects;
mod others;
mod said;
mod samples;
mod tree;
mod trials;

use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::ids::SiteId;
use pulih_ledger::scan;
use pulih_vault::note::Fingerprint;

use crate::places::{MAX_FILES, MAX_SITES, Part, Place, is_name};
use crate::report::{Code, Cosigner, Report, SiteReport};
use crate::source::{Found, Source, SourceError};

use chain::Chain;
use checkpoints::Checkpoints;
use cosigners::Witnesses;
use entries::Follower;
pub(crate) use entries::{NAMES_POINTS, kind_of, named_by, names_one};
use tree::Tree;

/// What is believed from outside: of sites the fingerprint of a ledger key, as the Berita Acara has it, and of
/// witnesses that of theirs.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    pub sites: BTreeMap<SiteId, Fingerprint>,
    /// Each must have co-signed every log of `sites`, by the name that its key has in the bundle,
    pub witnesses: BTreeMap<SiteId, Fingerprint>,
    /// and not before this second.
    pub since: Option<i64>,
}

/// A bundle, as the steps see it.
struct Bundle<'a> {
    source: &'a dyn Source,
    files: BTreeMap<Place, u64>,
    go_on: &'a dyn Fn() -> bool,
}

impl Bundle<'_> {
    fn has(&self, place: &Place) -> bool {
        self.files.contains_key(place)
    }

    /// The bytes of a file that must be there.
    fn need(&self, place: &Place, report: &mut Report) -> Result<Option<Vec<u8>>, SourceError> {
        if self.has(place) {
            return self.read(place, report);
        }
        report.problem(Code::Missing, place, "it must be there, and is not");
        Ok(None)
    }

    fn read(&self, place: &Place, report: &mut Report) -> Result<Option<Vec<u8>>, SourceError> {
        match self.source.read(&place.to_string(), place.limit()) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error @ SourceError::TooLarge { .. }) => {
                report.problem(Code::Limit, place, error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The files of a site, in order.
    fn parts<'b>(&'b self, site: &'b SiteId) -> impl Iterator<Item = (&'b Part, &'b Place)> {
        let from = Place::Of(site.clone(), Part::Keys);
        self.files.range(from..).map_while(move |(place, _)| match place {
            Place::Of(its, part) if its == site => Some((part, place)),
            _ => None,
        })
    }
}

/// Verifies a bundle. `go_on` is asked now and then; `None`: it said no. An error is of the medium, not of the bundle.
pub fn verify(source: &dyn Source, trust: &Trust, go_on: &dyn Fn() -> bool) -> Result<Option<Report>, SourceError> {
    let mut report = Report::default();
    let files = list(source, &mut report)?;
    let bundle = Bundle { source, files, go_on };
    let site_of = |place: &Place| match place {
        Place::Of(site, _) => Some(site.clone()),
        _ => None,
    };
    let mut sites: BTreeSet<_> = bundle.files.keys().filter_map(site_of).collect();
    sites_within(&mut sites, trust, &mut report);
    let (mut logs, mut points) = (Vec::new(), BTreeSet::new());
    for site in &sites {
        match verify_site(&bundle, site, trust.sites.get(site), &mut report)? {
            Site::Stopped => return Ok(None),
            Site::Unread => {}
            Site::Read(log) => logs.push(*log),
        }
    }
    verify_together(&bundle, logs, trust, &mut points, &mut report)?;
    objects::manifests(&bundle, &points, &mut report)?;
    report.close();
    Ok(Some(report))
}

fn sites_within(sites: &mut BTreeSet<SiteId>, trust: &Trust, report: &mut Report) {
    while sites.len() > MAX_SITES {
        let one_too_many = sites.pop_last();
        report.problem(Code::Limit, one_too_many.map_or_else(String::new, |site| site.to_string()), "too many sites");
    }
    for site in trust.sites.keys().filter(|site| !sites.contains(*site)) {
        report.problem(Code::Missing, site, "a fingerprint of this site was given, and the bundle has nothing of it");
    }
    if sites.is_empty() {
        report.problem(Code::Missing, "the bundle", "it has no site's log");
    }
}

/// What there is, held against the names and sizes that there can be.
fn list(source: &dyn Source, report: &mut Report) -> Result<BTreeMap<Place, u64>, SourceError> {
    let (mut files, mut seen) = (BTreeMap::new(), 0);
    source.list(&mut |name, found| {
        seen += 1;
        if seen > MAX_FILES {
            report.problem(Code::Limit, "the bundle", format!("it has more than {MAX_FILES} files"));
            return false;
        }
        let shown: String = name.chars().take(220).collect();
        match found {
            Found::File(_) if !is_name(name) => {
                report.problem(Code::Limit, shown, "no file of a bundle has such a name");
            }
            Found::File(size) => match name.parse::<Place>() {
                Ok(place) if size > place.limit() => {
                    let most = place.limit();
                    report.problem(Code::Limit, shown, format!("it has {size} bytes, and may have {most}"));
                }
                Ok(place) => drop(files.insert(place, size)),
                Err(_) => report.remark(format!("{shown} is no part of a bundle, and was not read")),
            },
            Found::Link => report.problem(Code::Limit, shown, "it is a link, and what it leads to is not read"),
            Found::Other => report.problem(Code::Limit, shown, "it is no file"),
            Found::Damaged(why) => report.problem(Code::Damaged, shown, why),
        }
        true
    })?;
    Ok(files)
}

/// A log that was read and held against its own checkpoint, for the steps that hold logs against each other.
struct Verified {
    site: SiteId,
    given: bool,
    chain: Chain,
    tree: Tree,
    follower: Follower,
}

enum Site {
    /// Who asked for it wants no more.
    Stopped,
    /// Why, was told.
    Unread,
    Read(Box<Verified>),
}

/// Steps 1 to 6 and 11 of one site.
fn verify_site(
    bundle: &Bundle<'_>,
    site: &SiteId,
    given: Option<&Fingerprint>,
    report: &mut Report,
) -> Result<Site, SourceError> {
    if given.is_none() {
        report.remark(format!("of {site} no fingerprint was given: what it says is told, and supports nothing"));
    }
    let Some(chain) = Chain::read(bundle, site, given, report)? else { return Ok(Site::Unread) };
    let Some(head) = checkpoints::newest(bundle, site, &chain, report)? else { return Ok(Site::Unread) };
    let mut tree = Tree::read(bundle, site, head, report)?;
    let mut kept = Checkpoints::read(bundle, site, &chain, tree.size(), report)?;
    let mut follower = Follower::new(site, &chain, tree.first_entry());
    follower.before(bundle, &tree, report)?;
    if !tree.walk(bundle, &mut kept, &mut follower, report)? {
        return Ok(Site::Stopped);
    }
    kept.check(&tree, report);
    consistency::check(bundle, site, &kept, &tree, report)?;
    objects::of_site(bundle, site, &mut follower, report)?;
    follower.handed.check(bundle, site, &chain.keys, report)?;
    if chain.is_uji {
        report.remark(format!("UJI: the log of {site} was made with a clock that is not the world's"));
    }
    report.entries += follower.entries();
    Ok(Site::Read(Box::new(Verified { site: site.clone(), given: given.is_some(), chain, tree, follower })))
}

/// Steps 8 to 10, for which all logs have been read.
fn verify_together(
    bundle: &Bundle<'_>,
    logs: Vec<Verified>,
    trust: &Trust,
    points: &mut BTreeSet<String>,
    report: &mut Report,
) -> Result<(), SourceError> {
    let witnesses = Witnesses::read(bundle, &logs, trust, report)?;
    let made_at = cosigned::made_at(bundle)?;
    let mut wrong = Vec::new();
    for log in &logs {
        let cosigners = cosigners::of(log, &logs, &witnesses);
        let said = cosigned::Said::of(bundle, log, &cosigners, made_at, report)?;
        let mut of_drills = Vec::new();
        for (drill, announced, started) in log.follower.drills.starts().filter(|_| log.tree.is_whole()) {
            let why = said.check_start(bundle, log, &cosigners, announced, started, report)?;
            of_drills.extend(why.map(|why| (drill.to_owned(), why)));
        }
        wrong.push(of_drills);
        if log.tree.is_whole() {
            samples::tell(bundle, log, &logs, trust, &witnesses, report);
        }
        let cosigners = said.tell(log, trust, &witnesses, report);
        report.sites.push(log.report(cosigners));
    }
    others::check(bundle, &logs, report)?;
    let mut tests = Vec::new();
    for log in &logs {
        if log.tree.is_whole() {
            due::check(bundle, log, log.follower.last(), report)?;
        }
        tests.push(if log.tree.is_whole() { trials::judge(bundle, log, &logs, report)? } else { Vec::new() });
    }
    for ((log, wrong), tests) in logs.into_iter().zip(wrong).zip(tests) {
        let Verified { tree, mut follower, .. } = log;
        tests.into_iter().filter(|(_, why)| why.is_empty()).for_each(|(drill, _)| follower.drills.qualifies(&drill));
        wrong.into_iter().for_each(|(drill, why)| follower.drills.say(&drill, why));
        follower.close(tree.is_whole(), points, report);
    }
    Ok(())
}

impl Verified {
    fn report(&self, cosigners: Vec<Cosigner>) -> SiteReport {
        SiteReport {
            site: self.site.clone(),
            origin: self.chain.keys.origin().to_owned(),
            fingerprint: self.chain.keys.newest().fingerprint().to_string(),
            given: self.given,
            size: self.tree.size(),
            root: self.tree.root().to_string(),
            from: self.tree.first_entry(),
            uji: self.chain.is_uji,
            cosigners,
        }
    }
}

/// Whether an entry's actor is a person, or may be: then it is read in full.
fn may_be_person(found: &scan::Scanned<'_>) -> bool {
    found.has_act || found.actor.is_some_and(|actor| actor.contains("\"type\":\"person\""))
}

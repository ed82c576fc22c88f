//! Step 8: every co-signature of a log, by those whose keys are known, verifies; and the co-signature with which a
//! drill started is the first that there was.

use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::cosign::{Cosigned, CosignerKey};
use pulih_ledger::entry::kinds::DrillStarted;
use pulih_ledger::ids::SiteId;
use pulih_vault::note::Unverified;
use pulih_vault::utc;
use serde::Deserialize;

use super::cosigners::{Cosigner, Witnesses};
use super::{Bundle, Trust, Verified, note};
use crate::places::{Part, Place};
use crate::report::{self, Code, Report};
use crate::source::SourceError;

/// How much later than the bundle a co-signature may be: clocks differ.
const CLOCKS_SECONDS: i64 = 3600;

/// What others said of one log.
#[derive(Default)]
pub struct Said {
    /// Of each key, by its name and as a line, the largest size with the time: keys can be namesakes.
    newest: BTreeMap<(String, String), (u64, u64)>,
    /// Sizes that another site co-signed.
    by_sites: BTreeSet<u64>,
}

#[derive(Deserialize)]
struct About {
    at: String,
}

/// When the bundle says that it was made: a time that nobody believes, and that no co-signature is after.
pub fn made_at(bundle: &Bundle<'_>) -> Result<Option<i64>, SourceError> {
    if !bundle.has(&Place::About) {
        return Ok(None);
    }
    let bytes = bundle.read(&Place::About, &mut Report::default())?;
    let about = bytes.and_then(|bytes| serde_json::from_slice::<About>(&bytes).ok());
    Ok(about.and_then(|about| utc::parse(&about.at)))
}

fn named(key: &CosignerKey) -> (String, String) {
    (key.name().to_owned(), key.to_string())
}

/// The notes of a log, wherever they are in the bundle.
fn notes_of<'b>(bundle: &'b Bundle<'_>, log: &'b SiteId) -> impl Iterator<Item = &'b Place> {
    bundle.files.keys().filter(move |place| match place {
        Place::Of(site, Part::Checkpoint | Part::Kept(_)) => site == log,
        Place::Of(_, Part::Cosigned(other, _)) => other == log,
        _ => false,
    })
}

impl Said {
    pub fn of(
        bundle: &Bundle<'_>,
        log: &Verified,
        cosigners: &[Cosigner],
        made_at: Option<i64>,
        report: &mut Report,
    ) -> Result<Self, SourceError> {
        let mut said = Self::default();
        for place in notes_of(bundle, &log.site).filter(|_| !cosigners.is_empty()) {
            // What is wrong with the note itself is told where it is read as one.
            let Some(bytes) = bundle.read(place, &mut Report::default())? else { continue };
            let Ok(note) = note::open(&bytes, &log.chain.keys) else { continue };
            said.take(place, &note, &bytes, cosigners, made_at, report);
        }
        Ok(said)
    }

    fn take(
        &mut self,
        place: &Place,
        note: &Cosigned,
        bytes: &[u8],
        cosigners: &[Cosigner],
        made_at: Option<i64>,
        report: &mut Report,
    ) {
        let size = note.checkpoint().size;
        for cosigner in cosigners.iter().filter(|its| note.names(&its.key)) {
            let Some(its) = note.by(&cosigner.key) else {
                report.problem(Code::Cosignature, place, format!("that of {} does not verify", cosigner.key.name()));
                continue;
            };
            if made_at.is_some_and(|made_at| its.time() > made_at.saturating_add(CLOCKS_SECONDS).max(0).unsigned_abs())
            {
                let why = format!("that of {} is of a time after the bundle's", cosigner.key.name());
                report.problem(Code::Cosignature, place, why);
            }
            let newest = self.newest.entry(named(&cosigner.key)).or_default();
            *newest = (*newest).max((size, its.time()));
            if cosigner.is_site {
                self.by_sites.insert(size);
            }
        }
        let Ok(lines) = Unverified::parse(bytes) else { return };
        let is_strange = |(name, blob): (&str, &[u8])| {
            let is_named = |key: &CosignerKey| key.name() == name;
            let has_id = |key: &CosignerKey| blob.starts_with(&key.id());
            cosigners.iter().any(|its| is_named(&its.key) || has_id(&its.key))
                && !cosigners.iter().any(|its| is_named(&its.key) && has_id(&its.key))
        };
        if lines.lines().any(is_strange) {
            report.problem(Code::Cosignature, place, "it has a line of a cosigner's name or key, and not of both");
        }
    }

    /// For the report, and whether every witness that was given has co-signed a log that was.
    pub fn tell(
        self,
        log: &Verified,
        trust: &Trust,
        witnesses: &Witnesses,
        report: &mut Report,
    ) -> Vec<report::Cosigner> {
        for id in trust.witnesses.keys().filter(|_| log.given) {
            let newest = witnesses.get(id).and_then(|key| self.newest.get(&named(key)));
            let since = trust.since.map_or(0, |since| since.max(0).unsigned_abs());
            match newest {
                None => report.problem(
                    Code::Cosignature,
                    &log.site,
                    format!("the witness {id} has co-signed nothing of it"),
                ),
                Some((size, time)) if *time < since => {
                    let why = format!("the newest of the witness {id}, of {size} entries, is older than was asked for");
                    report.problem(Code::Cosignature, &log.site, why);
                }
                Some(_) => {}
            }
        }
        let cosigner = |((name, _), (size, time))| report::Cosigner { name, size, time };
        self.newest.into_iter().map(cosigner).collect()
    }

    /// Of step 10: why the co-signature that a drill's start names is not the first over its announcement.
    pub fn check_start(
        &self,
        bundle: &Bundle<'_>,
        log: &Verified,
        cosigners: &[Cosigner],
        announced: u64,
        started: &DrillStarted,
        report: &mut Report,
    ) -> Result<Option<String>, SourceError> {
        let (Some(size), Some(by), Some(line)) = (started.size, &started.cosigner, &started.cosignature) else {
            return Ok(None);
        };
        if size <= announced {
            return Ok(Some(format!("its co-signature is of {size} entries, before it was announced")));
        }
        if let Some(earlier) = self.by_sites.range(announced + 1..size).next() {
            return Ok(Some(format!("its co-signature is of {size} entries, and there was one of {earlier} before")));
        }
        let key = by.parse::<CosignerKey>().ok();
        let is_known = |key: &CosignerKey| {
            cosigners.iter().any(|its| its.key == *key) || log.follower.said.witnesses.contains(key)
        };
        let Some(key) = key.filter(is_known) else {
            return Ok(Some("its co-signature is of a key that co-signs nothing here".into()));
        };
        let place = Place::Of(log.site.clone(), Part::Kept(size));
        let Some(bytes) = bundle.need(&place, report)? else { return Ok(None) };
        let Ok(note) = note::open(&bytes, &log.chain.keys) else { return Ok(None) };
        let with =
            Cosigned::open(format!("{}{line}\n", note.bare(&log.chain.keys).to_note()).as_bytes(), &log.chain.keys);
        let its = with.ok().and_then(|note| note.by(&key));
        let holds = its.is_some_and(|its| its.line() == line);
        Ok((!holds).then(|| "its co-signature does not verify".into()))
    }
}

//! Step 9: what a site co-signed, proved or wrote down of another's log is what that log says. So nobody can show a past
//! that is shorter than what others saw of it, or another one.

use std::collections::BTreeMap;

use pulih_ledger::chain::KeyChain;
use pulih_ledger::cosign::CosignerKey;
use pulih_ledger::hash::Hash;
use pulih_ledger::ids::SiteId;
use pulih_ledger::signed::size_and_root;
use pulih_vault::note::VerifierKey;

use super::{Bundle, Verified, note};
use crate::places::{Kept, Part, Place};
use crate::report::{Code, Report};
use crate::source::SourceError;

/// What logs signed that are not in the bundle: of each the sizes, and where which root stands.
type Absent = BTreeMap<(SiteId, u64), Vec<(Place, Hash)>>;

pub fn check(bundle: &Bundle<'_>, logs: &[Verified], report: &mut Report) -> Result<(), SourceError> {
    let mut absent = Absent::new();
    for place in bundle.files.keys() {
        if let Place::Of(site, Part::Cosigned(other, size)) = place {
            cosigned(bundle, logs, place, (site, other, *size), &mut absent, report)?;
        }
    }
    for log in logs {
        for (index, size) in &log.follower.said.resumed {
            report.remark(format!(
                "{} entry {index}: a person gave up a past of {size} entries that others had seen signed, and went on \
                 with what there was then",
                log.site
            ));
        }
        for seen in &log.follower.said.seen {
            let Some(of) = find(logs, &seen.of) else { continue };
            if of.tree.root_before(bundle, seen.size)?.is_some_and(|root| root != seen.root) {
                let why = format!("it says that the log of {} had the root {} at {}", of.site, seen.root, seen.size);
                report.problem(Code::Fork, format!("{} entry {}", log.site, seen.index), why);
            }
        }
        for (other, hash) in &log.follower.said.proofs {
            let place = Place::Of(log.site.clone(), Part::Object(Kept::Proofs, *hash));
            if !bundle.has(&place) {
                continue;
            }
            let Some(bytes) = bundle.read(&place, report)? else { continue };
            let of = find(logs, other);
            let keys: Vec<_> = match of {
                Some(of) => of.chain.keys.keys().cloned().collect(),
                None => paired(log, other).cloned().collect(),
            };
            // Much can be a proof; what its log signed of a size is held against the log.
            match (of, size_and_root(&bytes, &keys)) {
                (Some(of), Some(signed)) => hold(bundle, of, signed, &place, report)?,
                (None, Some((size, root))) => absent.entry((other.clone(), size)).or_default().push((place, root)),
                (_, None) => {}
            }
        }
    }
    two_pasts(absent, report);
    Ok(())
}

/// Also without the log: of one size it has one root.
fn two_pasts(absent: Absent, report: &mut Report) {
    for ((site, size), its) in absent {
        if its.iter().any(|(_, root)| *root != its[0].1) {
            for (place, root) in its {
                let why = format!("{site} signed two pasts of {size} entries, this one with the root {root}");
                report.problem(Code::Fork, place, why);
            }
        }
    }
}

/// The keys that a log says another's has.
fn paired<'l>(log: &'l Verified, other: &SiteId) -> impl Iterator<Item = &'l VerifierKey> {
    log.follower.said.paired.iter().filter(move |(peer, _)| peer == other).map(|(_, key)| key)
}

fn find<'l>(logs: &'l [Verified], site: &SiteId) -> Option<&'l Verified> {
    logs.iter().find(|log| log.site == *site)
}

/// What `site` said of the log of `other`.
fn cosigned(
    bundle: &Bundle<'_>,
    logs: &[Verified],
    place: &Place,
    (site, other, size): (&SiteId, &SiteId, u64),
    absent: &mut Absent,
    report: &mut Report,
) -> Result<(), SourceError> {
    let (own, of) = (find(logs, site), find(logs, other));
    let known = || own.into_iter().flat_map(|own| paired(own, other)).cloned().map(KeyChain::first).collect::<Vec<_>>();
    let chains = of.map_or_else(known, |of| vec![of.chain.keys.clone()]);
    if chains.is_empty() {
        report.remark(format!("{place}: nothing here says which key signs the log of {other}"));
        return Ok(());
    }
    let Some(bytes) = bundle.read(place, report)? else { return Ok(()) };
    // Of several keys the last one says what is wrong.
    let opened = chains.iter().map(|keys| note::open(&bytes, keys)).reduce(Result::or);
    let signed = match opened {
        Some(Ok(signed)) => signed,
        Some(Err((code, why))) => {
            report.problem(code, place, why);
            return Ok(());
        }
        None => return Ok(()),
    };
    if signed.checkpoint().size != size {
        let why = format!("it is {}, not of the size in its name", note::shown(signed.checkpoint()));
        report.problem(Code::Damaged, place, why);
        return Ok(());
    }
    if let Some(own) = own
        && !own.chain.keys.keys().any(|key| signed.by(&CosignerKey::of(key.clone())).is_some())
    {
        report.problem(Code::Cosignature, place, format!("{site} has not co-signed it"));
    }
    let signed = (signed.checkpoint().size, signed.checkpoint().root);
    if let Some(of) = of {
        return hold(bundle, of, signed, place, report);
    }
    absent.entry((other.clone(), signed.0)).or_default().push((place.clone(), signed.1));
    report.remark(format!("{place}: the log of {other} is not here, to be held against it"));
    Ok(())
}

/// Size and root that the log's key signed, beside the log.
fn hold(
    bundle: &Bundle<'_>,
    log: &Verified,
    (size, root): (u64, Hash),
    place: &Place,
    report: &mut Report,
) -> Result<(), SourceError> {
    let signed = || format!("{} signed that its first {size} entries have the root {root}", log.site);
    if size > log.tree.size() {
        report.problem(Code::RolledBack, place, format!("{}, and shows {}", signed(), log.tree.size()));
    } else if let Some(its) = log.tree.root_before(bundle, size)?
        && its != root
    {
        report.problem(Code::Fork, place, format!("{}, and shows another past with the root {its}", signed()));
    }
    Ok(())
}

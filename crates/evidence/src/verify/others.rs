//! Step 9: what a site co-signed, proved or wrote down of another's log is what that log says. So nobody can show a past
//! that is shorter than what others saw of it, or another one.

use pulih_ledger::chain::KeyChain;
use pulih_ledger::checkpoint::Checkpoint;
use pulih_ledger::cosign::CosignerKey;
use pulih_ledger::ids::SiteId;
use pulih_ledger::tlog_proof::AddCheckpoint;

use super::{Bundle, Verified, note};
use crate::places::{Kept, Part, Place};
use crate::report::{Code, Report};
use crate::source::SourceError;

pub fn check(bundle: &Bundle<'_>, logs: &[Verified], report: &mut Report) -> Result<(), SourceError> {
    for place in bundle.files.keys() {
        if let Place::Of(site, Part::Cosigned(other, size)) = place {
            cosigned(bundle, logs, place, (site, other, *size), report)?;
        }
    }
    for log in logs {
        for seen in &log.follower.said.seen {
            let Some(of) = find(logs, &seen.of) else { continue };
            if of.tree.root_before(bundle, seen.size)?.is_some_and(|root| root != seen.root) {
                let why = format!("it says that the log of {} had the root {} at {}", of.site, seen.root, seen.size);
                report.problem(Code::Fork, format!("{} entry {}", log.site, seen.index), why);
            }
        }
        for (of, hash) in &log.follower.said.proofs {
            let place = Place::Of(log.site.clone(), Part::Object(Kept::Proofs, *hash));
            let Some(of) = find(logs, of).filter(|_| bundle.has(&place)) else { continue };
            let Some(bytes) = bundle.read(&place, report)? else { continue };
            // Much can be a proof; what its log signed as a checkpoint is held against the log.
            let asked = AddCheckpoint::parse(&bytes).map(|asked| asked.checkpoint.into_bytes());
            if let Ok(signed) = note::open(asked.as_deref().unwrap_or(&bytes), &of.chain.keys) {
                hold(bundle, of, signed.checkpoint(), &place, report)?;
            }
        }
    }
    Ok(())
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
    report: &mut Report,
) -> Result<(), SourceError> {
    let (own, of) = (find(logs, site), find(logs, other));
    let paired = || {
        let all = own.into_iter().flat_map(|own| &own.follower.said.paired);
        all.filter(|(peer, _)| peer == other).map(|(_, key)| KeyChain::first(key.clone())).collect::<Vec<_>>()
    };
    let chains = of.map_or_else(paired, |of| vec![of.chain.keys.clone()]);
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
    if let Some(of) = of {
        return hold(bundle, of, signed.checkpoint(), place, report);
    }
    report.remark(format!("{place}: the log of {other} is not here, to be held against it"));
    Ok(())
}

/// A checkpoint that the log's key signed, beside the log.
fn hold(
    bundle: &Bundle<'_>,
    log: &Verified,
    signed: &Checkpoint,
    place: &Place,
    report: &mut Report,
) -> Result<(), SourceError> {
    if signed.size > log.tree.size() {
        let why = format!("{} signed one {}, and shows {}", log.site, note::shown(signed), log.tree.size());
        report.problem(Code::RolledBack, place, why);
    } else if let Some(root) = log.tree.root_before(bundle, signed.size)?
        && root != signed.root
    {
        let why =
            format!("{} signed one {}, and shows another past with the root {root}", log.site, note::shown(signed));
        report.problem(Code::Fork, place, why);
    }
    Ok(())
}

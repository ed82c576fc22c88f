//! Of step 10: what a sample rests on that nobody here can hold it against is told in a remark.

use std::collections::BTreeSet;

use pulih_ledger::cosign::CosignerKey;

use super::cosigners::Witnesses;
use super::{Bundle, Trust, Verified};
use crate::places::Place;
use crate::report::Report;

/// So much of a key's text is in a remark.
const MOST_SHOWN: usize = 400;

/// Of each drill of a log that tried a sample: whose key drew it, and whether its points' manifests are there, which
/// say how many files there were to draw from.
pub fn tell(
    bundle: &Bundle<'_>,
    log: &Verified,
    logs: &[Verified],
    trust: &Trust,
    witnesses: &Witnesses,
    report: &mut Report,
) {
    let sites = logs.iter().filter(|other| other.given && other.site != log.site);
    let keys = sites.flat_map(|other| other.chain.keys.keys().cloned().map(CosignerKey::of));
    let given = trust.witnesses.keys().filter_map(|id| witnesses.get(id).cloned());
    let believed: BTreeSet<_> = keys.chain(given).map(|key| key.to_string()).collect();
    for (drill, started, points) in log.follower.drills.sampled() {
        let place = format!("{} drill {drill}", log.site);
        if let Some(by) = started.cosigner.as_ref().filter(|by| !believed.contains(*by)) {
            report.remark(format!(
                "{place}: its sample is only as good as {}, of which no fingerprint was given",
                by.chars().take(MOST_SHOWN).collect::<String>()
            ));
        }
        let is_there =
            |point: &&String| format!("manifests/{point}").parse::<Place>().is_ok_and(|place| bundle.has(&place));
        let lacking = points.iter().filter(|point| !is_there(point)).count();
        if lacking > 0 {
            report.remark(format!(
                "{place}: of {lacking} points that it tried a sample of no manifest is here, so nothing says of how many \
                 files it was drawn"
            ));
        }
    }
}

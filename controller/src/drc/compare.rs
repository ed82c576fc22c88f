//! The full comparison: every object that the Pusat Data lists, against what the snapshots need that both
//! sites have. A Pusat Data whose store was wiped shows here, whatever its ledger says.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{Alarm, SitesCompared};
use pulih_protocol::error::Code;
use pulih_vault::id::VaultId;
use pulih_vault::layout::Layout;
use pulih_vault::store::ObjectName;
use serde::Serialize;

use super::there::There;
use super::{Drc, lock};
use crate::catalog::Point;
use crate::gateway::answer::{Answer, Refusal};
use crate::scrub::Source;
use crate::scrub::look::right_bytes;
use crate::scrub::names::hash_in;
use crate::scrub::needs::{named, needed};

/// Seconds between two comparisons by `serve`.
const EVERY_SECONDS: i64 = 7 * 24 * 3600;
/// Objects of each vault that are read there, and not only looked for.
const READ_PACKS: usize = 2;
/// Missing objects that are named.
const NAMED: usize = 100;

/// What a comparison found.
#[derive(Debug, Serialize)]
pub struct Comparison {
    #[serde(rename = "type")]
    kind: &'static str,
    from: String,
    /// How many it lists.
    objects: u64,
    /// Not there, or there with other bytes: how many, and the first of them.
    missing: u64,
    named: Vec<String>,
    /// Missing here, and brought back.
    healed: u64,
}

impl Drc {
    /// Whether a comparison is due, a week after the last or after the pairing.
    pub(super) fn is_compare_due(&self) -> Answer<bool> {
        let Some(peer) = self.pusat()?.filter(|peer| peer.ended.is_none()) else { return Ok(false) };
        let last = lock(&self.catalog).last_compared()?.filter(|its| its.site == peer.site);
        Ok(self.now() - last.map_or(peer.since, |its| its.at) >= EVERY_SECONDS)
    }

    /// Compares, writes down what came of it, and brings back what is missing here.
    pub fn compare(&self) -> Answer<Comparison> {
        let Some((peer, there)) = self.paired()? else {
            let text = "this DRC is not paired with a Pusat Data; `pulih-controller pair offer` begins it";
            return Err(Refusal::new(Code::Refused, text));
        };
        // What it gave up since is not missing there.
        self.follow_now()?;
        let source = Source { name: peer.site.clone(), store: there.clone() };
        let (mut objects, mut missing, mut healed) = (0, Vec::new(), 0);
        let pins = lock(&self.catalog).pins()?;
        for pin in pins {
            let vault: VaultId = pin.vault.parse().map_err(|error| Refusal::internal(&error))?;
            let points = self.at_both(vault)?;
            missing.extend(self.lacking(vault, &points, &*there, &mut objects)?);
            missing.extend(self.other_bytes(vault, &points, &*there)?);
            healed += self.bring_back(vault, std::slice::from_ref(&source))?;
        }
        missing.sort_unstable();
        missing.dedup();
        self.write_compared(&peer.site, objects, &missing)?;
        Ok(Comparison {
            kind: "pulih/compared/v1",
            from: peer.site,
            objects,
            missing: missing.len() as u64,
            named: missing.iter().take(NAMED).map(ToString::to_string).collect(),
            healed,
        })
    }

    fn write_compared(&self, site: &str, objects: u64, missing: &[ObjectName]) -> Answer<()> {
        let from = site.parse().map_err(|error| Refusal::internal(&error))?;
        let compared = SitesCompared { from, objects, missing: missing.len() as u64 };
        let mut bodies: Vec<Body> = vec![compared.into()];
        if let Some(first) = missing.first() {
            let text = format!(
                "{site} does not have {} objects, or has other bytes, of snapshots that it says it keeps; the first is \
                 {first}",
                missing.len()
            );
            eprintln!("alarm: {text}");
            bodies.push(Alarm { alarm: "sites-differ".into(), subject: site.to_owned(), text }.into());
        }
        Ok(lock(&self.record).write(self.now(), &Actor::Site, bodies)?)
    }

    /// The snapshots of a vault that are complete here, and that the Pusat Data says it keeps.
    fn at_both(&self, vault: VaultId) -> Answer<Vec<Point>> {
        let mut points = self.points_in(vault)?;
        let mirrored = lock(&self.mirrored);
        let mut there = std::collections::BTreeSet::new();
        for dataset in mirrored.catalog.datasets_of(&vault.to_string())? {
            let kept = mirrored.catalog.points(&vault.to_string(), &dataset)?;
            there.extend(kept.into_iter().map(|its| (its.dataset, its.snapshot)));
        }
        points.retain(|its| there.contains(&(its.dataset.clone(), its.snapshot.clone())));
        Ok(points)
    }

    /// Of the newest snapshot of a vault, what is read there and is not what its name says: names alone
    /// stay when somebody encrypts a disk in place.
    fn other_bytes(&self, vault: VaultId, points: &[Point], there: &dyn There) -> Answer<Vec<ObjectName>> {
        let layout = Layout { vault };
        let Some(newest) = points.iter().max_by_key(|its| its.accepted) else { return Ok(Vec::new()) };
        let (dataset, name) = named(newest)?;
        let Ok(needed) = needed(&*self.store, layout, &dataset, name) else { return Ok(Vec::new()) };
        let packs = needed.loaded.reach.packs.keys().map(|hash| layout.pack(*hash));
        // Others each week.
        let skip = usize::try_from(self.now() / EVERY_SECONDS).unwrap_or(0) % needed.loaded.reach.packs.len().max(1);
        let reaches = needed.loaded.chain.iter().take(1).map(|hash| layout.reach(*hash));
        let mut other = Vec::new();
        for name in packs.skip(skip).take(READ_PACKS).chain(reaches).chain([needed.manifest.clone()]) {
            let Some(hash) = hash_in(&name) else { continue };
            if right_bytes(there, &name, hash)?.is_none() {
                other.push(name);
            }
        }
        Ok(other)
    }
}

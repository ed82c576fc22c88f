//! What follows from a bundle in which nothing is wrong: RPO, RTO and states, reckoned from its entries as the site
//! reckons them from its own. Nobody's word is taken for them.

use std::fmt::Write as _;
use std::sync::Arc;

use pulih_evidence::places::{Part, Place};
use pulih_evidence::report::{Report, SiteReport};
use pulih_evidence::source::Source;
use pulih_evidence::stored::Stored;
use pulih_ledger::entry::Body;
use pulih_ledger::ids::SiteId;
use pulih_ledger::{Log, ReadEntry};
use pulih_policies::Zone;
use pulih_vault::note::VerifierKey;
use pulih_vault::store::Store;
use pulih_vault::utc;
use serde_json::{Map, Value, json};

use super::{rpo, rto, states};
use crate::cli::Failure;
use crate::cli::ask::said;
use crate::evidence::read::{Extent, InTime, Period, Sources, said as read};
use crate::evidence::{rpo as of_rpo, rto as of_rto, states as of_states};
use crate::site::SiteRole;

/// A log of the bundle whose fingerprint was given, with all of its entries.
struct Believed {
    site: SiteId,
    role: SiteRole,
    log: Log,
    /// When its newest entry was written: as of then the figures are.
    now: i64,
}

/// Of each site what follows from its log.
pub struct Figures {
    of: Vec<(SiteId, Zone, Map<String, Value>)>,
    /// Why there are none of a site.
    without: Vec<String>,
}

impl Figures {
    pub fn of(source: Box<dyn Source>, report: &Report) -> Result<Self, Failure> {
        let (mut of, mut without, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for its in report.sites.iter().filter(|its| its.given) {
            if its.from > 0 {
                without.push(format!("{}: its entries before {} are not here", its.site, its.from));
            } else {
                keys.push((its, newest_key(&*source, its)?));
            }
        }
        let store: Arc<dyn Store> = Arc::new(Stored::of(source).map_err(said)?);
        let all: Vec<Believed> =
            keys.into_iter().map(|(its, key)| Believed::open(&store, its, key)).collect::<Result<_, _>>()?;
        for its in &all {
            // Approvals stand in the Pusat Data's ledger; one whose fingerprint was not given supports nothing.
            let peer = all.iter().find(|other| its.role == SiteRole::Drc && other.role == SiteRole::Pusat);
            if its.role == SiteRole::Drc && peer.is_none() {
                without
                    .push(format!("{}: without the log of its Pusat Data, whose fingerprint was not given", its.site));
            }
            of.push(its.figures(&*store, peer.map(|peer| &peer.log))?);
        }
        Ok(Self { of, without })
    }

    pub fn to_json(&self) -> Value {
        let of: Map<String, Value> =
            self.of.iter().map(|(site, _, its)| (site.to_string(), its.clone().into())).collect();
        json!({"sites": of, "without": self.without})
    }

    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for why in &self.without {
            let _ = writeln!(out, "\nnot among the figures: {why}");
        }
        for (_, zone, its) in &self.of {
            for (name, text) in
                [("rpo", rpo::text as fn(&Value, Zone) -> String), ("rto", rto::text), ("states", states::text)]
            {
                if let Some(figures) = its.get(name) {
                    out += "\n";
                    out += &text(figures, *zone);
                }
            }
        }
        out
    }
}

/// The last key of a site's chain, which was verified.
fn newest_key(source: &dyn Source, its: &SiteReport) -> Result<VerifierKey, Failure> {
    let place = Place::Of(its.site.clone(), Part::Keys);
    let keys = source.read(&place.to_string(), place.limit()).map_err(said)?;
    let keys = String::from_utf8(keys).map_err(said)?;
    keys.lines().next_back().unwrap_or_default().parse().map_err(said)
}

impl Believed {
    fn open(store: &Arc<dyn Store>, its: &SiteReport, key: VerifierKey) -> Result<Self, Failure> {
        let log = Log::open(store.clone(), &its.site, key).map_err(said)?;
        let at = |index: u64| -> Result<ReadEntry, Failure> { log.get(index).map_err(said)?.read().map_err(said) };
        let role = match at(0)?.body() {
            Some(Body::SiteCreated(created)) if created.role == SiteRole::Drc.as_str() => SiteRole::Drc,
            Some(Body::SiteCreated(created)) if created.role == SiteRole::Pusat.as_str() => SiteRole::Pusat,
            _ => return Err(Failure::Said(format!("the log of {} does not say which role it has", its.site))),
        };
        let now = utc::parse(at(its.size.saturating_sub(1))?.at.as_str()).unwrap_or(0);
        Ok(Self { site: its.site.clone(), role, log, now })
    }

    fn figures(&self, store: &dyn Store, peer: Option<&Log>) -> Result<(SiteId, Zone, Map<String, Value>), Failure> {
        let sources = Sources {
            site: self.site.clone(),
            role: self.role,
            store,
            own: Extent::whole(&self.log),
            peer: peer.map(Extent::whole),
        };
        let policies = InTime::load(&sources, read(Extent::whole(&self.log), true, i64::MAX)?.facts.policies())?;
        let zone = policies.newest().map_or(Zone::Jakarta, |(_, policy)| policy.zone);
        let period = Period { from: 0, to: self.now, now: self.now };
        let all = |_: &str, _: &str| true;
        let mut figures = Map::new();
        figures.insert("rpo".into(), of_rpo::report(&sources, period, all)?);
        // Drills and recoveries are done at a DRC.
        if self.role == SiteRole::Drc {
            figures.insert("rto".into(), of_rto::report(&sources, Period { to: i64::MAX, ..period }, all)?);
            figures.insert("states".into(), of_states::report(&sources, self.now.saturating_add(1), all)?);
        }
        Ok((self.site.clone(), zone, figures))
    }
}

//! The data of the report as the story's own record has it: field by field, so that nothing is compared with itself.

use pulih_ledger::Log;
use pulih_ledger::hash::Hash;
use pulih_ledger::ids::Sha256;
use pulih_policies::Class;
use pulih_vault::id::ObjectHash;
use pulih_vault::utc;
use serde_json::{Value, json};

use super::super::bench::root_of;
use super::super::lock;
use super::super::region::drills::{Drilled, Tried};
use super::record::{Dataset, Period, Targets};
use super::story::{PLAN, Years, class_at, findings};
use crate::uji::IS_UJI;

/// Titles of the plan's services in its order, their datasets, and from when on and for how long each may take, in
/// milliseconds: each has its target after those before it.
const SERVICES: [(&str, &str, u64, u64); 3] = [
    ("Administrasi kependudukan", "app-3/kependudukan", 0, 7_200_000),
    ("Rekam medis RSUD", "app-1/rekam-medis", 7_200_000, 7_200_000),
    ("Rapor sekolah", "app-2/rapor", 14_400_000, 14_400_000),
];
/// `targets.rto` of each class, in seconds.
const RTO: [u64; 3] = [8 * 3600, 24 * 3600, 72 * 3600];

fn at(seconds: i64) -> String {
    utc::rfc3339(seconds)
}

fn class(its: Class) -> &'static str {
    ["strategis", "non-publik", "publik"][class_at(its)]
}

fn in_force(targets: &Targets, now: i64) -> u64 {
    targets.iter().rfind(|(from, _)| *from <= now).unwrap().1
}

pub struct Expected<'a> {
    pub its: &'a Years,
    pub period: Period,
    pub logs: &'a [Log; 2],
}

/// Clauses of the pack in force that ask for tests.
fn basis() -> Value {
    let pack = include_str!("../../../../../policies/packs/kudus-48-2019.toml");
    let pack: toml::Table = toml::from_str(pack).unwrap();
    let line = |name: &str| pack[name].as_str().unwrap().to_owned();
    let text = include_bytes!("../../../../../policies/packs/kudus-48-2019.txt");
    json!([{
        "title": { "id": line("title"), "en": line("title_en") },
        "clauses": ["Pasal 15 ayat (4) huruf b", "Pasal 16 ayat (2) huruf e"],
        "text_sha256": Sha256::of(text).to_string(),
    }])
}

impl Expected<'_> {
    /// All but the clauses.
    pub fn whole(&self) -> Value {
        let (its, period) = (self.its, self.period);
        let rpo = [self.rpo(true), self.rpo(false)].concat();
        json!({
            "uji": IS_UJI, "number": "400.12/7/2028", "issued": at(period.now), "from": at(period.from),
            "to": at(period.to),
            "site": {
                "site": "drc-33.19", "regency": "Kabupaten Kudus", "regency_code": "33.19", "office": "Diskominfo",
                "zone": "WIB",
            },
            "checkpoints": self.checkpoints(),
            "approval": [
                signs("prepared", "Pengelola Pusat Data dan DRC"),
                signs("reviewed", "Kepala Dinas Komunikasi dan Informatika"),
                signs("approved", "Sekretaris Daerah Kabupaten Kudus"), signs("acknowledged", "Bupati Kudus"),
            ],
            "basis": basis(), "scope": self.scope(),
            "organisation": [
                { "name": "Joko Susilo, RSUD", "role": "penanggung jawab aplikasi", "contact": "0812-3456-7890" },
                { "name": "Siti Rahayu, Diskominfo", "role": "koordinator pemulihan", "contact": "0811-2345-678" },
            ],
            "test": self.test(), "steps": self.steps(),
            "rpo": rpo,
            "rto_services": self.services(), "rto_datasets": self.restored(), "vital": [],
            "findings": self.findings(), "judgement": self.judgement(),
            "minutes": {
                "number": "", "place": "", "keys": self.keys(),
                "witnesses": [{
                    "name": "Inspektorat Kudus", "institution": "Inspektorat Daerah",
                    "fingerprint": its.witness.verifier().fingerprint().to_string(),
                    "size": its.witnessed.unwrap().0, "seen": at(its.witnessed.unwrap().1),
                }],
            },
            "entries": self.entries(), "remarks": [],
        })
    }

    /// Sizes and roots over all entries that are signed, hash by hash.
    fn checkpoints(&self) -> Vec<Value> {
        let one = |(site, log): (&str, &Log)| {
            let size = log.checkpoint().size;
            let leaves: Vec<Hash> =
                log.entries(0).take(size as usize).map(|entry| Hash::of_leaf(&entry.unwrap().bytes)).collect();
            json!({ "site": site, "size": leaves.len(), "root": root_of(&leaves).to_string() })
        };
        ["drc-33.19", "pusat-33.19"].into_iter().zip(self.logs).map(one).collect()
    }

    /// Those that count.
    fn counted(&self) -> impl Iterator<Item = &Dataset> {
        self.its.datasets.iter().filter(|its| its.ended.is_none())
    }

    fn scope(&self) -> Value {
        let place = |role: &str, site: &str, regency: &str, provider: &str| json!({ "role": role, "site": site, "regency": regency, "operator": "Diskominfo", "provider": provider });
        let component = |role: &'static str, its: &Dataset| {
            let name = format!("{}/{}", its.server, its.name);
            // Of the newest point there: its one pack has these words.
            let there = its.points(role == "drc").len();
            let bytes = format!("{} {} {there}", its.server, its.name).len();
            json!({ "role": role, "name": name, "opd": its.opd, "class": class(its.class), "bytes": bytes })
        };
        let components: Vec<Value> =
            ["pusat", "drc"].iter().flat_map(|role| self.counted().map(|its| component(role, its))).collect();
        json!({
            // From -6.8048, 110.8405 to -7.7971, 110.3705 along the ellipsoid: 121,394 m by Vincenty's formulae.
            "distance_km": 121,
            "places": [
                place("pusat", "pusat-33.19", "33.19", ""),
                place("drc", "drc-33.19", "34.71", "PT Awan Nusantara"),
            ],
            "components": components,
        })
    }

    fn drill(&self) -> (&Drilled, i64, i64) {
        let (drill, opened, attested) = self.its.attested.as_ref().unwrap();
        (drill, *opened, *attested)
    }

    fn test(&self) -> Value {
        let (drill, opened, _) = self.drill();
        let second = PLAN.replace("version = 1", "version = 2");
        let found = self.entries();
        let entry = |kind: &str| found.iter().find(|its| its["kind"] == kind).unwrap();
        let ended: Value = self.raw(entry("drill-ended"));
        json!({
            "drill": drill.id, "kind": "plan", "title": "Rencana pemulihan layanan Kabupaten Kudus",
            "plan": "kabupaten", "plan_version": 2, "plan_hash": ObjectHash::of(second.as_bytes()).to_string(),
            "scenario": {
                "id": "Pusat Data tidak dapat dipakai. DRC memulihkan dari salinannya sendiri, ke tempat uji, tanpa \
                       meminta apa pun dari Pusat Data.",
                "en": "The Pusat Data cannot be used. The DRC restores from its own copies, to a place for tests, and \
                       asks the Pusat Data for nothing.",
            },
            "announced": at(opened - 3600), "opened": at(opened), "started": at(drill.started),
            "ended": at(drill.ended), "outcome": "passed", "milliseconds": drill.milliseconds,
            "points": SERVICES.len(), "sample_percent": null, "leftovers": 0, "log": ended["log"], "text": ended["text"],
            "auditor": {
                "name": "Rini Wulandari", "institution": "Inspektorat Provinsi", "mandate": "700/12/2028",
                "fingerprint": self.its.auditor.verifier().fingerprint().to_string(),
            },
        })
    }

    fn steps(&self) -> Vec<Value> {
        let (drill, ..) = self.drill();
        let restored = drill.tried.iter().zip(SERVICES).enumerate().map(|(n, (tried, (title, name, from, window)))| {
            assert!(name.ends_with(&tried.dataset), "{name}");
            json!({
                "number": n + 1, "what": "restore", "name": name, "service": title, "planned_from_ms": from,
                "planned_ms": window, "began": at(tried.began), "from_ms": (tried.began - drill.started) * 1000,
                "milliseconds": tried.milliseconds, "outcome": "passed", "text": "",
            })
        });
        let by_hand = json!({
            "number": 4, "what": "manual", "name": "arahkan-dns", "service": "", "planned_from_ms": null,
            "planned_ms": null, "began": at(drill.ended), "from_ms": (drill.ended - drill.started) * 1000,
            "milliseconds": 0, "outcome": "skipped", "text": "Arahkan DNS simrs ke DRC",
        });
        restored.chain([by_hand]).collect()
    }

    fn rpo(&self, is_drc: bool) -> Vec<Value> {
        let period = self.period;
        let row = |its: &Dataset| {
            let targets = &self.its.targets[usize::from(is_drc)][class_at(its.class)];
            let found = its.figures(is_drc, period, targets);
            let (target, exposure) = (in_force(targets, period.now), its.exposure(is_drc, period.now));
            json!({
                "place": if is_drc { "drc" } else { "pusat" }, "opd": its.opd, "agent": its.server, "dataset": its.name,
                "class": class(its.class), "target_seconds": target, "exposure_seconds": exposure,
                "p95_seconds": found.p95, "worst_seconds": found.worst,
                "inside_hundredths": found.inside * 10_000 / found.seconds, "breaches": found.breaches,
                "inside": exposure.map(|exposure| exposure <= target),
            })
        };
        self.its.datasets.iter().map(row).collect()
    }

    fn services(&self) -> Vec<Value> {
        let (drill, ..) = self.drill();
        let mut took = 0;
        let one = |(tried, (title, _, from, window)): (&Tried, (&str, &str, u64, u64))| {
            took += tried.milliseconds;
            let target = (from + window) / 1000;
            json!({
                "service": title, "target_seconds": target, "milliseconds": took, "forecast": false,
                "inside": took <= target * 1000,
            })
        };
        drill.tried.iter().zip(SERVICES).map(one).collect()
    }

    /// The newest restore of each that passed, whichever drill it was of.
    fn restored(&self) -> Vec<Value> {
        let row = |its: &Dataset| {
            let drills = self.its.drilled.iter().filter(|drill| drill.announced.kind != "verify");
            let of = drills.flat_map(|drill| drill.tried.iter().map(move |tried| (drill, tried)));
            let mine = of.filter(|(_, tried)| tried.passed && tried.vault == its.vault && tried.dataset == its.name);
            let newest = mine.filter(|(_, tried)| tried.ended < self.period.to).max_by_key(|(_, tried)| tried.ended);
            let target = RTO[class_at(its.class)];
            let [approve, fetch, decrypt, write, verify, check] = newest.map_or([0; 6], |(_, tried)| tried.phases);
            let phases = json!({
                "approve": approve, "fetch": fetch, "decrypt": decrypt, "write": write, "verify": verify,
                "check": check,
            });
            json!({
                "opd": its.opd, "agent": its.server, "dataset": its.name, "class": class(its.class),
                "target_seconds": target, "milliseconds": newest.map(|(_, tried)| tried.milliseconds),
                "forecast": false, "inside": newest.map(|(_, tried)| tried.milliseconds <= target * 1000),
                "phases": newest.map(|_| phases), "by": newest.map_or("", |(drill, _)| &drill.id),
                "at": newest.map(|(_, tried)| at(tried.ended)),
            })
        };
        self.counted().map(row).collect()
    }

    fn findings(&self) -> Vec<Value> {
        let (.., attested) = self.drill();
        let one = |its: pulih_ledger::entry::kinds::DrillFinding| json!({ "source": "auditor", "text": its.text, "owner": its.owner, "until": its.until.as_str() });
        findings(attested).into_iter().map(one).collect()
    }

    fn judgement(&self) -> Value {
        let (.., attested) = self.drill();
        // The same day two years on.
        let text = at(attested);
        let year: i64 = text[..4].parse().unwrap();
        let until = format!("{}{}", year + 2, &text[4..]);
        let days_left = (utc::parse(&until).unwrap() - self.period.now).div_euclid(24 * 3600);
        json!({
            "opinion": "met-with-findings", "attested": text,
            "document_sha256": Sha256::of(b"laporan uji").to_string(), "qualifies": true, "wrong": [], "until": until,
            "days_left": days_left,
        })
    }

    fn keys(&self) -> Vec<Value> {
        let two = &self.its.region.two;
        let keys = [(&two.drc.record, "drc-33.19"), (&two.pusat.pusat.record, "pusat-33.19")];
        let one = |(record, site): (&std::sync::Mutex<crate::record::Record>, &str)| json!({ "site": site, "fingerprint": lock(record).key().fingerprint().to_string() });
        keys.map(one).into()
    }

    /// What the test's drill has on the ledger, byte for byte.
    fn entries(&self) -> Vec<Value> {
        let (drill, ..) = self.drill();
        let mut found = Vec::new();
        for recorded in self.logs[0].entries(0) {
            let recorded = recorded.unwrap();
            let entry: Value = serde_json::from_slice(&recorded.bytes).unwrap();
            if entry["drill"] == drill.id.as_str() {
                let kind = entry["type"].as_str().unwrap().split('/').nth(2).unwrap();
                found.push(json!({
                    "site": "drc-33.19", "index": recorded.index, "kind": kind, "at": entry["at"],
                    "sha256": Sha256::of(&recorded.bytes).to_string(),
                }));
            }
        }
        found
    }

    fn raw(&self, its: &Value) -> Value {
        let recorded = self.logs[0].get(its["index"].as_u64().unwrap()).unwrap();
        serde_json::from_slice(&recorded.bytes).unwrap()
    }
}

fn signs(duty: &str, position: &str) -> Value {
    json!({ "duty": duty, "position": position, "name": "", "nip": "" })
}

//! A DRC that tries what it has: drills with real processes, and what their evidence says.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::drc::{Drc, overwrite, packs};
use super::keeper::Keeper;
use super::night::{night, pair, saved};
use super::{Site, succeeded};

const DEFAULT: &str = include_str!("../../../policies/default.toml");

/// A DRC whose Pusat Data is gone, with a scratch place and a keeper that opens its class.
pub struct Tried {
    pub drc: Drc,
    pub keeper: Keeper,
    site: Site,
}

impl Tried {
    pub fn new(datasets: &[(&str, &str)]) -> Self {
        let drc = Drc::new();
        let recipient = Keeper::new(&drc).online("publik");
        let site = night(&drc, "publik", &recipient, datasets);
        Self::of(drc, site)
    }

    /// The same beside a Pusat Data that goes on, which co-signs what the DRC announces.
    pub fn beside(datasets: &[(&str, &str)]) -> Self {
        let drc = Drc::new();
        let recipient = Keeper::new(&drc).online("publik");
        let site = saved("publik", &recipient, datasets);
        pair(&drc, &site);
        Self::of(drc, site)
    }

    pub fn of(drc: Drc, site: Site) -> Self {
        let its = Self { keeper: Keeper::new(&drc), drc, site };
        fs::create_dir(its.scratch()).unwrap();
        let file = its.drc.path("site/site.toml");
        let text = fs::read_to_string(&file).unwrap();
        let scratch = its.scratch().display().to_string();
        fs::write(&file, format!("drill_scratch = \"{scratch}\"\n{text}")).unwrap();
        its
    }

    /// Of a server whose data was saved.
    pub fn tree(&self, agent: &str) -> PathBuf {
        self.site.path(agent).join("tree")
    }

    pub fn scratch(&self) -> PathBuf {
        self.drc.path("scratch")
    }

    pub fn is_wiped(&self) -> bool {
        fs::read_dir(self.scratch()).unwrap().next().is_none()
    }

    /// Drills of the class come at each minute.
    pub fn schedule(&self) {
        self.follow("restore = \"* * * * *\"");
    }

    /// The policy asks for this of the class.
    pub fn follow(&self, drills: &str) {
        let file = self.drc.path("policy.toml");
        let text = DEFAULT.replace("\nversion = 1\n", "\nversion = 2\n");
        fs::write(&file, format!("{text}\n[class.publik.drills]\n{drills}\nwindow = \"1h\"\n")).unwrap();
        succeeded(&self.drc.acting(&["policy", "apply", file.to_str().unwrap()]));
    }

    pub fn drills(&self) -> Vec<Value> {
        self.drc.json(&["drill", "list"])["drills"].as_array().unwrap().clone()
    }

    /// Waits until a drill is so.
    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + Duration::from_secs(180);
        loop {
            if let Some(found) = self.drills().into_iter().find(|its| is_so(its)) {
                return self.drc.json(&["drill", "show", found["drill"].as_str().unwrap()]);
            }
            assert!(Instant::now() < end, "no drill is {what}: {:?}", self.drills());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// One byte of every pack is another.
    pub fn damage(&self) {
        for pack in packs(&self.drc.path("store")) {
            overwrite(&pack, |bytes| {
                let at = bytes.len() / 2;
                bytes[at] ^= 1;
            });
        }
    }

    /// The log of an ended drill, as the store has it.
    pub fn log(&self, shown: &Value) -> String {
        let path = format!("store/site/drc-33.19/drills/{}", shown["log"].as_str().unwrap());
        fs::read_to_string(self.drc.path(&path)).unwrap()
    }
}

/// Exports the evidence, and has both verifiers look at it: what Pulih's own says.
#[track_caller]
pub fn verified(drc: &Drc) -> Value {
    let out = drc.path("bukti");
    let exported = drc.json(&["evidence", "export", "--out", out.to_str().unwrap()]);
    assert_eq!(exported["absent"], Value::Array(Vec::new()));
    let site = format!("{}={}", exported["site"].as_str().unwrap(), exported["fingerprint"].as_str().unwrap());
    let report = drc.json(&["evidence", "verify", out.to_str().unwrap(), "--site", &site]);
    assert_eq!(report["problems"], Value::Array(Vec::new()));
    let checked = Command::new("python3")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/verify-evidence.py"))
        .args([out.to_str().unwrap(), "--site", &site])
        .output()
        .unwrap();
    succeeded(&checked);
    report
}

pub fn ended(outcome: &str) -> impl Fn(&Value) -> bool {
    move |its| its["outcome"] == outcome
}

//! People of a regency, and what they sign.

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::{
    ApprovalEnded, ApprovalGiven, AttestationGiven, AuditHeld, DatasetClassified, PlanApplied, PolicyApplied,
    RegulationApplied, UserAdded,
};
use pulih_ledger::entry::{Body, Entry, sign_act};
use pulih_ledger::ids::{Sha256, SiteId};
use pulih_policies::Policy;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::{SigningKey, VerifierKey};

use super::servers::Server;
use super::{At, Region};
use crate::pusat::tests::bench::{DAY, now};
use crate::record::time;

pub struct Person {
    pub id: &'static str,
    pub key: SigningKey,
}

impl Person {
    pub fn verifier(&self) -> VerifierKey {
        self.key.verifier()
    }

    pub fn sign(&self, site: &str, at: i64, body: impl Into<Body>) -> String {
        let site: SiteId = site.parse().unwrap();
        let actor = Actor::Person { user: self.id.parse().unwrap(), key: self.verifier().fingerprint() };
        let entry = sign_act(Entry::new(site.clone(), time(at).unwrap(), actor, body.into()), &self.key).unwrap();
        String::from_utf8(entry.encode(&site).unwrap()).unwrap()
    }
}

pub fn added(its: &Person, name: &str, roles: &[&str], opd: Option<&str>, decree: Option<&str>) -> UserAdded {
    UserAdded {
        user: its.id.parse().unwrap(),
        name: name.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        opd: opd.map(|opd| opd.parse().unwrap()),
        key: its.verifier(),
        decree: decree.map(str::to_owned),
        until: decree.map(|_| time(now() + 4 * 365 * DAY).unwrap()),
    }
}

/// What a person states of one item of a clause.
pub struct Stated<'a> {
    pub regulation: &'a str,
    pub clause: &'a str,
    pub item: &'a str,
    pub opinion: &'a str,
    pub days: i64,
}

impl Region {
    /// The owner approves; `days`: for so long.
    pub fn approve(&self, by: &Person, server: &Server, dataset: &str, days: i64) -> String {
        let approval = format!("a-{}-{dataset}-{}", server.name, now());
        let given = ApprovalGiven {
            approval: approval.parse().unwrap(),
            opd: server.opd.parse().unwrap(),
            vault: server.vault,
            dataset: dataset.parse().unwrap(),
            by: "Kepala Dinas".into(),
            letter: "440/17".into(),
            document_sha256: Sha256([1; 32]),
            until: Some(time(now() + days * DAY).unwrap()),
        };
        self.act(At::Pusat, by, given, None).unwrap();
        approval
    }

    pub fn end_approval(&self, by: &Person, approval: &str) {
        let ended = ApprovalEnded { approval: approval.parse().unwrap(), reason: "sistem ditutup".into() };
        self.act(At::Pusat, by, ended, None).unwrap();
    }

    /// The policy that comes with Pulih, changed, is in force at a site.
    pub fn follow(&self, at: At, version: u32, change: impl Fn(&str) -> String) {
        let text = crate::policy::DEFAULT.replace("\nversion = 1\n", &format!("\nversion = {version}\n"));
        let text = change(&text);
        let its = Policy::parse("kebijakan", text.as_bytes()).unwrap();
        let object = ObjectHash::of(text.as_bytes());
        let applied = PolicyApplied { policy: its.name.to_string(), version: its.version.into(), object };
        self.act(at, &self.dewi, applied, Some(&text)).unwrap();
    }

    pub fn plan(&self, by: &Person, version: u64, text: &str) {
        let object = ObjectHash::of(text.as_bytes());
        let applied = PlanApplied { plan: "kabupaten".into(), version, object };
        self.act(At::Drc, by, applied, Some(text)).unwrap();
    }

    /// A pack that comes with Pulih is in force at the DRC.
    pub fn regulate(&self, name: &str) {
        let its = pulih_comply::packs::Packed::named(name).unwrap();
        let applied = RegulationApplied {
            regulation: name.to_owned(),
            version: 1,
            object: ObjectHash::of(its.pack.as_bytes()),
            text_sha256: Sha256::of(its.text.as_bytes()),
        };
        self.act(At::Drc, &self.dewi, applied, Some(its.pack)).unwrap();
    }

    pub fn state(&self, by: &Person, stated: &Stated) {
        let id = format!("at-{}-{}-{}-{}", stated.regulation, stated.clause, stated.item, now());
        let id = Sha256::of(id.as_bytes()).to_string();
        let given = AttestationGiven {
            attestation: format!("at-{}", &id[..20]).parse().unwrap(),
            regulation: stated.regulation.to_owned(),
            clause: stated.clause.to_owned(),
            item: stated.item.to_owned(),
            opinion: stated.opinion.to_owned(),
            by: "Siti Rahayu, Diskominfo".into(),
            letter: "800/1".into(),
            document_sha256: Sha256::of(stated.item.as_bytes()),
            until: time(now() + stated.days * DAY).unwrap(),
            text: None,
        };
        self.act(At::Drc, by, given, None).unwrap();
    }

    /// Held so many days ago.
    pub fn audit(&self, by: &Person, subject: &str, body: &str, days: i64, findings: usize) {
        let finding = |n: usize| pulih_ledger::entry::kinds::DrillFinding {
            text: format!("temuan {n}"),
            owner: "Diskominfo".into(),
            until: time(now() + 90 * DAY).unwrap(),
        };
        let held = AuditHeld {
            audit: format!("au-{subject}-{}", now()).parse().unwrap(),
            subject: subject.to_owned(),
            by: "Inspektorat Provinsi".into(),
            body: body.to_owned(),
            letter: "700/31".into(),
            document_sha256: Sha256::of(subject.as_bytes()),
            held: time(now() - days * DAY).unwrap(),
            findings: (1..=findings).map(finding).collect(),
            accreditation: (body == "accredited").then(|| "BSSN-01".to_owned()),
        };
        self.act(At::Drc, by, held, None).unwrap();
    }

    /// The four axes of a dataset, as its walidata says; an empty one is not said.
    pub fn classify(&self, by: &Person, server: &Server, dataset: &str, axes: [&str; 4]) {
        let [purpose, confidentiality, category, content] = axes.map(|its| (!its.is_empty()).then(|| its.to_owned()));
        let classified = DatasetClassified {
            vault: server.vault,
            dataset: dataset.parse().unwrap(),
            purpose,
            confidentiality,
            category,
            content,
            by: "Kepala BPS".into(),
            letter: "800/4".into(),
        };
        self.act(At::Pusat, by, classified, None).unwrap();
    }
}

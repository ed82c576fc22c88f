//! Whether a drill with an auditor was a qualifying test, as both verifiers say it of a bundle that is signed by whoever
//! would like it to have been one.

mod support;

use pulih_evidence::report::Report;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    AttestationGiven, AuditHeld, DrillAttested, DrillOpened, HoldReleased, PlanApplied, UserAdded,
};
use pulih_ledger::ids::Sha256;
use pulih_ledger::{Actor, Entry, sign_act};
use pulih_vault::id::ObjectHash;
use pulih_vault::note::SigningKey;
use serde_json::json;
use support::script::report_by_both;
use support::{
    AT, Forged, beginning, by_siti, encoded, ended, entry, key, key_named, point, raw, remarks, step, trust,
};

const BEFORE: &str = "2026-12-05T18:00:00Z";
const LONG_BEFORE: &str = "2024-12-05T18:59:59Z";
const AFTER: &str = "2026-12-06T08:00:00Z";
const PLAN: &str = "name = \"kabupaten\"\n[person.siti]\nname = \"Siti Rahayu, Diskominfo\"\nuser = 'siti'\n";

fn auditors_key() -> SigningKey {
    key_named("pulih-person", 8)
}

/// What somebody says happened.
struct Story {
    user: &'static str,
    roles: Vec<&'static str>,
    plan: &'static str,
    institution: &'static str,
    kind: &'static str,
    opinion: &'static str,
    opens: SigningKey,
    attested: &'static str,
    /// What the auditor did beside it, and when.
    acted: Option<&'static str>,
    /// The auditor audited the site, and stated something of a clause.
    audited: bool,
    opens_late: bool,
    attests_another_end: bool,
    announced: &'static str,
    /// What the auditor did afterwards, before the attestation, by a clock that is ahead.
    acts_ahead: bool,
    operator: bool,
}

impl Default for Story {
    fn default() -> Self {
        Self {
            user: "aud-1",
            roles: vec!["auditor"],
            plan: PLAN,
            institution: "Inspektorat",
            kind: "plan",
            opinion: "met",
            opens: auditors_key(),
            attested: AFTER,
            acted: None,
            audited: false,
            opens_late: false,
            attests_another_end: false,
            announced: AT,
            acts_ahead: false,
            operator: true,
        }
    }
}

fn by(user: &str, key: &SigningKey, at: &str, body: impl Into<Body>) -> Vec<u8> {
    let actor = Actor::Person { user: user.parse().unwrap(), key: key.verifier().fingerprint() };
    encoded(&sign_act(Entry { actor, ..entry(at, body) }, key).unwrap())
}

fn added(user: &str, roles: &[&str], key: &SigningKey) -> Vec<u8> {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    let (name, key_of) = (user.into(), key.verifier());
    let user = user.parse().unwrap();
    let body = UserAdded { user, name, roles, opd: None, key: key_of, decree: None, until: None };
    by_siti(LONG_BEFORE, body)
}

fn audit() -> AuditHeld {
    AuditHeld {
        audit: "au-1".parse().unwrap(),
        subject: "security".into(),
        by: "Inspektorat".into(),
        body: "government".into(),
        letter: "700/11".into(),
        document_sha256: Sha256::of(b"a report"),
        held: BEFORE.parse().unwrap(),
        findings: vec![],
        accreditation: None,
    }
}

fn attestation() -> AttestationGiven {
    AttestationGiven {
        attestation: "at-1".parse().unwrap(),
        regulation: "kudus-48-2019".into(),
        clause: "12-1".into(),
        item: "kajian-risiko".into(),
        opinion: "met".into(),
        by: "Rini Wulandari".into(),
        letter: "700/11".into(),
        document_sha256: Sha256::of(b"a report"),
        until: "2027-12-05T19:00:00Z".parse().unwrap(),
        text: None,
    }
}

impl Story {
    fn report(&self) -> Report {
        let key_of = auditors_key();
        let plan = ObjectHash::of(self.plan.as_bytes());
        let mut all = beginning();
        all.push(added("aud-1", &self.roles, &key_of));
        if self.opens.verifier() != key_of.verifier() {
            all.push(added("lain", &["auditor"], &self.opens));
        }
        all.push(by_siti(BEFORE, PlanApplied { plan: "kabupaten".into(), version: 1, object: plan }));
        if let Some(at) = self.acted {
            let released = HoldReleased { hold: "h1".parse().unwrap(), reason: "selesai".into() };
            all.push(by("aud-1", &key_of, at, released));
        }
        if self.audited {
            all.extend([by("aud-1", &key_of, BEFORE, audit()), by("aud-1", &key_of, BEFORE, attestation())]);
        }
        let mut announced = json!({"drill": "d-1", "kind": self.kind, "plan": "kabupaten", "plan_version": 1,
            "points": [point()], "scratch_bytes": 5, "policy": ObjectHash::of(support::POLICY).to_string(),
            "until": "2026-12-12T19:00:00Z",
            "auditor": {"user": self.user, "name": "Rini Wulandari", "institution": self.institution,
                "mandate": "700/12", "key": key_of.verifier().to_string(), "operator": "Diskominfo"}});
        if !self.operator {
            announced["auditor"].as_object_mut().unwrap().remove("operator");
        }
        let announced = raw("drill-announced", self.announced, announced);
        let opener = if self.opens.verifier() == key_of.verifier() { "aud-1" } else { "lain" };
        let opened = DrillOpened { drill: "d-1".parse().unwrap(), announcement: Sha256::of(&announced) };
        let opened = by(opener, &self.opens, AT, opened);
        let started = raw("drill-started", AT, json!({"drill": "d-1"}));
        let ended = raw("drill-ended", AT, ended("d-1", "passed", 1));
        let end = if self.attests_another_end { Sha256::of(b"another") } else { Sha256::of(&ended) };
        let mut beginning = vec![opened, started];
        if self.opens_late {
            beginning.reverse();
        }
        all.push(announced);
        all.extend(beginning);
        all.extend([raw("drill-step", AT, step("d-1", "passed")), ended]);
        if self.acts_ahead {
            let released = HoldReleased { hold: "h2".parse().unwrap(), reason: "selesai".into() };
            all.push(by("aud-1", &key_of, "2027-03-01T00:00:00Z", released));
        }
        let attested = DrillAttested {
            drill: "d-1".parse().unwrap(),
            ended: end,
            opinion: self.opinion.into(),
            findings: Vec::new(),
            document_sha256: None,
        };
        all.push(by("aud-1", &key_of, self.attested, attested));
        let mut forged = Forged::of(&all, &key(), &[]);
        forged.put(&format!("objects/plans/{plan}"), self.plan.as_bytes());
        report_by_both("a test", forged.write().path(), &trust())
    }

    /// It does not qualify, and the one remark says why.
    #[track_caller]
    fn is_none(&self, why: &str) {
        let report = self.report();
        assert!(!report.drills[0].qualifying, "{why}");
        let remarks = remarks(&report);
        assert!(remarks.len() == 1 && remarks[0].contains(why), "{remarks:?}");
    }
}

#[test]
fn a_test_by_somebody_who_operates_nothing_qualifies() {
    let report = Story::default().report();
    assert!(report.is_good() && remarks(&report).is_empty(), "{report:?}");
    assert!(report.drills[0].qualifying);
    let unknown = Story { operator: false, ..Story::default() }.report();
    assert!(unknown.is_good() && unknown.drills[0].qualifying);
    assert!(remarks(&unknown)[0].contains("does not say who operates"), "{unknown:?}");
    // To audit is not to operate.
    assert!(Story { audited: true, ..Story::default() }.report().drills[0].qualifying);
    // More than 24 months ago is long enough ago.
    assert!(Story { acted: Some(LONG_BEFORE), ..Story::default() }.report().drills[0].qualifying);
}

#[test]
fn what_a_site_signs_as_a_test_that_was_none_does_not_qualify() {
    let story = Story::default;
    Story { roles: vec!["auditor", "operator"], ..story() }.is_none("the role operator");
    Story { acted: Some(BEFORE), ..story() }.is_none("acted at a site");
    Story { institution: "DISKOMINFO", ..story() }.is_none("runs the site");
    Story { plan: "[person.rini]\nname = \"Rini Wulandari, Dinkes\"\n", ..story() }.is_none("a recovery plan in force");
    Story { kind: "restore", ..story() }.is_none("only a drill of a plan");
    Story { opens: key_named("pulih-person", 9), ..story() }.is_none("by another one");
    Story { attests_another_end: true, ..story() }.is_none("another end");
    Story { attested: "2027-01-05T08:00:00Z", ..story() }.is_none("later than 30 days");
    Story { opinion: "not-met", ..story() }.is_none("opinion");
    Story { user: "siti", ..story() }.is_none("the key is not one");
    // Whatever the announcement or the act is dated.
    Story { announced: "2024-12-05T19:00:00Z", ..story() }.is_none("before what the site had written");
    Story { announced: "2027-01-05T19:00:00Z", ..story() }.is_none("not dated in the order");
    Story { announced: LONG_BEFORE, acted: Some(BEFORE), ..story() }.is_none("acted at a site");
    Story { acts_ahead: true, ..story() }.is_none("acted at a site");
}

#[test]
fn a_test_that_began_before_its_auditor_opened_it_is_a_problem_and_does_not_qualify() {
    let report = Story { opens_late: true, ..Story::default() }.report();
    assert!(!report.is_good() && !report.drills[0].qualifying);
}

//! Packs, and what people state of clauses: who may, within which bounds, and that it is the same at both sites.

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::{
    AttestationEnded, AttestationGiven, AuditHeld, DatasetClassified, DrillFinding, IncidentReported,
    RegulationApplied, ReportIssued, SiteDescribed, UserAdded,
};
use pulih_ledger::entry::{Body, Entry, sign_act};
use pulih_ledger::hash::Hash;
use pulih_ledger::ids::Sha256;
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::SigningKey;
use pulih_vault::store::{ObjectName, Store as _};
use ring::rand::SystemRandom;

use super::super::lock;
use super::bench::{Two, drc_now};
use super::changes::{Person, act, person, person_as};
use crate::attest::Ask;
use crate::gateway::answer::Answer;
use crate::pusat::tests::bench::{DAY, VAULT, code, now, wait};
use crate::record::time;

const PACK: &str = concat!(
    "type = \"pulih/regulation/v1\"\nname = \"kudus-48-2019\"\nversion = 1\nregency = \"33.19\"\ntitle = \"P\"\n",
    "title_en = \"R\"\ntext_sha256 = \"bef1d9b2980b02a59e4d21e6897cbeadc34bf3ba7576dd53da90398c6fd1d4fc\"\n[[clause]]\nid = \"12-1\"\nat = \"12(1)\"\nkind = \"manual\"\n",
    "words = \"a\"\nwords_en = \"b\"\nremedy = \"c\"\nremedy_en = \"d\"\n",
    "attest = [{ item = \"kajian-risiko\", asks = \"e\", asks_en = \"f\" }]\n",
);
const YEAR: i64 = 365 * DAY;

fn applied(version: u64, pack: &str) -> RegulationApplied {
    let (object, text_sha256) = (ObjectHash::of(pack.as_bytes()), Sha256::of(b"the regulation"));
    RegulationApplied { regulation: "kudus-48-2019".into(), version, object, text_sha256 }
}

fn attested(id: &str, until: i64) -> AttestationGiven {
    AttestationGiven {
        attestation: id.parse().unwrap(),
        regulation: "kudus-48-2019".into(),
        clause: "12-1".into(),
        item: "kajian-risiko".into(),
        opinion: "met".into(),
        by: "Rini Wulandari, Inspektorat".into(),
        letter: "700/12".into(),
        document_sha256: Sha256::of(b"a report"),
        until: time(until).unwrap(),
        text: None,
    }
}

fn audit(id: &str, held: i64) -> AuditHeld {
    AuditHeld {
        audit: id.parse().unwrap(),
        subject: "security".into(),
        by: "Inspektorat".into(),
        body: "government".into(),
        letter: "700/31".into(),
        document_sha256: Sha256::of(b"a report"),
        held: time(held).unwrap(),
        findings: vec![],
        accreditation: None,
    }
}

fn classified(confidentiality: Option<&str>) -> DatasetClassified {
    DatasetClassified {
        vault: VAULT,
        dataset: "letters".parse().unwrap(),
        purpose: None,
        confidentiality: confidentiality.map(str::to_owned),
        category: None,
        content: None,
        by: "Kepala BPS".into(),
        letter: "800/4".into(),
    }
}

fn incident(began: i64, reported: i64) -> IncidentReported {
    IncidentReported {
        incident: "in-1".parse().unwrap(),
        hold: None,
        began: time(began).unwrap(),
        reported: time(reported).unwrap(),
        letter: None,
        text: "serangan ransomware".into(),
    }
}

/// Somebody at the Pusat Data.
fn at_pusat(two: &Two, id: &'static str, role: &str, opd: Option<&str>) -> Person {
    let key = SigningKey::generate("pulih-person", &SystemRandom::new()).unwrap();
    two.pusat.write(UserAdded {
        user: id.parse().unwrap(),
        name: id.into(),
        roles: vec![role.into()],
        opd: opd.map(|opd| opd.parse().unwrap()),
        key: key.verifier(),
        decree: None,
        until: None,
    });
    Person(id, key)
}

fn act_at_pusat(two: &Two, by: &Person, body: impl Into<Body>, attachment: Option<&str>) -> Answer<()> {
    let site: pulih_ledger::ids::SiteId = "pusat-33.19".parse().unwrap();
    let actor = Actor::Person { user: by.0.parse().unwrap(), key: by.verifier().fingerprint() };
    let entry = sign_act(Entry::new(site.clone(), time(now()).unwrap(), actor, body.into()), &by.1).unwrap();
    two.pusat.pusat.act(std::str::from_utf8(&entry.encode(&site).unwrap()).unwrap(), attachment)
}

#[test]
fn a_pack_is_in_force_once_an_admin_signed_these_very_bytes() {
    let mut two = Two::new();
    let (dewi, budi) = (person(&two, "dewi"), person_as(&two, "budi", "Budi", &["operator"]));
    assert_eq!(code(act(&two, &budi, applied(1, PACK), Some(PACK))), Code::Forbidden);
    assert_eq!(code(act(&two, &dewi, applied(1, PACK), None)), Code::BadRequest);
    assert_eq!(code(act(&two, &dewi, applied(1, PACK), Some("another"))), Code::BadRequest);
    let large = "#".repeat((1 << 20) + 1);
    assert_eq!(code(act(&two, &dewi, applied(1, &large), Some(&large))), Code::BadRequest);
    assert_eq!(code(act(&two, &dewi, applied(0, PACK), Some(PACK))), Code::BadRequest);
    let unnamed = RegulationApplied { regulation: "../x".into(), ..applied(1, PACK) };
    assert_eq!(code(act(&two, &dewi, unnamed, Some(PACK))), Code::BadRequest);
    assert!(two.drc.answer_attest(&Ask::Regulations).unwrap()["regulations"].as_array().unwrap().is_empty());

    act(&two, &dewi, applied(1, PACK), Some(PACK)).unwrap();
    assert_eq!(code(act(&two, &dewi, applied(1, PACK), Some(PACK))), Code::BadRequest, "in force already");
    let second = PACK.replace("version = 1", "version = 2");
    act(&two, &dewi, applied(2, &second), Some(&second)).unwrap();
    let shown =
        |two: &Two, version| two.drc.answer_attest(&Ask::Regulation { name: "kudus-48-2019".into(), version }).unwrap();
    for forget in [false, true] {
        two.restart(forget);
        assert_eq!((&shown(&two, None)["version"], &shown(&two, None)["text"]), (&2.into(), &second.clone().into()));
        assert_eq!(shown(&two, Some(1))["text"], PACK);
    }
    let object: ObjectName = format!("site/drc-33.19/regulations/{}", ObjectHash::of(PACK.as_bytes())).parse().unwrap();
    assert_eq!(two.store.read(&object, 1 << 20).unwrap(), PACK.as_bytes());
}

#[test]
fn the_packs_of_the_pusat_data_come_to_the_drc_and_one_that_is_gone_keeps_nothing_from_coming() {
    let two = Two::new();
    let siti = at_pusat(&two, "siti", "admin", None);
    act_at_pusat(&two, &siti, applied(1, PACK), Some(PACK)).unwrap();
    let second = PACK.replace("version = 1", "version = 2");
    act_at_pusat(&two, &siti, applied(2, &second), Some(&second)).unwrap();
    let place = |pack: &str| -> ObjectName {
        format!("site/pusat-33.19/regulations/{}", ObjectHash::of(pack.as_bytes())).parse().unwrap()
    };
    pulih_vault::store::Keeps::remove(&*two.pusat.store, &place(PACK)).unwrap();
    two.save(1);
    two.round().unwrap();
    assert_eq!(two.points().len(), 1);
    assert_eq!(two.store.read(&place(&second), 1 << 20).unwrap(), second.as_bytes());
    assert!(two.store.size(&place(PACK)).is_err());
    // Other bytes under its name are not taken.
    two.pusat.store.put(&place(PACK), b"another");
    assert!(two.round().unwrap_err().to_string().contains("hash in its name"));
    assert!(two.store.size(&place(PACK)).is_err());
}

#[test]
fn an_attestation_is_of_a_pack_in_force_within_five_years_and_given_once() {
    let mut two = Two::new();
    let (dewi, rini) = (person(&two, "dewi"), person_as(&two, "rini", "Rini", &["auditor"]));
    let walidata = person_as(&two, "ani", "Ani", &["walidata"]);
    let year = drc_now() + YEAR;
    assert_eq!(code(act(&two, &rini, attested("at-1", year), None)), Code::NotFound, "no pack");
    act(&two, &dewi, applied(1, PACK), Some(PACK)).unwrap();
    assert_eq!(code(act(&two, &walidata, attested("at-1", year), None)), Code::Forbidden);
    for (what, bad) in [
        ("ended", attested("at-1", drc_now())),
        ("for too long", attested("at-1", drc_now() + 5 * YEAR + 3 * DAY)),
        ("an opinion", AttestationGiven { opinion: "maybe".into(), ..attested("at-1", year) }),
        ("a clause", AttestationGiven { clause: "Pasal 12".into(), ..attested("at-1", year) }),
        ("an item", AttestationGiven { item: String::new(), ..attested("at-1", year) }),
        ("two lines", AttestationGiven { by: "Rini\nDewi".into(), ..attested("at-1", year) }),
        ("no letter", AttestationGiven { letter: " ".into(), ..attested("at-1", year) }),
        ("a long text", AttestationGiven { text: Some("x".repeat(1001)), ..attested("at-1", year) }),
    ] {
        assert_eq!(code(act(&two, &rini, bad, None)), Code::BadRequest, "{what}");
    }
    act(&two, &rini, attested("at-1", year), None).unwrap();
    assert_eq!(code(act(&two, &rini, attested("at-1", year + 1), None)), Code::AlreadyExists);
    act(&two, &dewi, attested("at-2", year), None).unwrap();

    let ended = |id: &str| AttestationEnded { attestation: id.parse().unwrap(), reason: "dicabut".into() };
    assert_eq!(code(act(&two, &dewi, ended("at-9"), None)), Code::NotFound);
    act(&two, &dewi, ended("at-1"), None).unwrap();
    assert_eq!(code(act(&two, &dewi, ended("at-1"), None)), Code::NotFound);
    // One that has run out has ended by itself.
    act(&two, &rini, attested("at-3", drc_now() + DAY), None).unwrap();
    wait(DAY);
    assert_eq!(code(act(&two, &dewi, ended("at-3"), None)), Code::NotFound);
    let listed = |two: &Two| two.drc.answer_attest(&Ask::Attestations).unwrap();
    let before = listed(&two);
    let all = before["attestations"].as_array().unwrap();
    let ends: Vec<_> = all.iter().map(|its| (its["attestation"].as_str().unwrap(), its["ended"].is_null())).collect();
    assert_eq!(ends, [("at-1", false), ("at-2", true), ("at-3", true)]);
    assert_eq!((&all[0]["user"], &all[0]["opinion"], &all[0]["text"]), (&"rini".into(), &"met".into(), &().into()));
    two.restart(true);
    assert_eq!(listed(&two), before);
}

#[test]
fn an_audit_was_held_and_has_fifty_findings_at_most() {
    let two = Two::new();
    let (budi, ani) = (person_as(&two, "budi", "Budi", &["operator"]), person_as(&two, "ani", "Ani", &["walidata"]));
    let today = drc_now();
    let finding = |text: &str| DrillFinding { text: text.into(), owner: "Diskominfo".into(), until: time(1).unwrap() };
    assert_eq!(code(act(&two, &ani, audit("au-1", today), None)), Code::Forbidden);
    for (what, bad) in [
        ("tomorrow", audit("au-1", today + DAY)),
        ("a subject", AuditHeld { subject: "food".into(), ..audit("au-1", today) }),
        ("a body", AuditHeld { body: "x".into(), ..audit("au-1", today) }),
        ("no institution", AuditHeld { by: String::new(), ..audit("au-1", today) }),
        ("an accreditation", AuditHeld { accreditation: Some(String::new()), ..audit("au-1", today) }),
        ("findings", AuditHeld { findings: vec![finding("x"); 51], ..audit("au-1", today) }),
        ("a finding of two lines", AuditHeld { findings: vec![finding("a\nb")], ..audit("au-1", today) }),
    ] {
        assert_eq!(code(act(&two, &budi, bad, None)), Code::BadRequest, "{what}");
    }
    act(&two, &budi, AuditHeld { findings: vec![finding("x"); 50], ..audit("au-1", today) }, None).unwrap();
    assert_eq!(code(act(&two, &budi, audit("au-1", today), None)), Code::AlreadyExists);
    let listed = two.drc.answer_attest(&Ask::Audits).unwrap();
    assert_eq!(listed["audits"][0]["findings"].as_array().unwrap().len(), 50);
    assert!(listed["audits"][0]["accreditation"].is_null());
}

#[test]
fn what_a_dataset_holds_its_own_walidata_says_or_an_admin_and_each_word_stays_until_another() {
    let two = Two::new();
    two.save(1);
    two.pusat.pusat.add_opd("disdik", "Dinas Pendidikan", &two.pusat.key.verifier().fingerprint().to_string()).unwrap();
    let (siti, budi) = (at_pusat(&two, "siti", "admin", None), at_pusat(&two, "budi", "operator", None));
    let (ani, eko) =
        (at_pusat(&two, "ani", "walidata", Some("dinkes")), at_pusat(&two, "eko", "walidata", Some("disdik")));
    for other in [&budi, &eko] {
        assert_eq!(code(act_at_pusat(&two, other, classified(Some("rahasia")), None)), Code::Forbidden);
    }
    assert_eq!(code(act_at_pusat(&two, &ani, classified(None), None)), Code::BadRequest, "says nothing");
    assert_eq!(code(act_at_pusat(&two, &ani, classified(Some("secret")), None)), Code::BadRequest);
    let unknown = DatasetClassified { dataset: "none".parse().unwrap(), ..classified(Some("rahasia")) };
    assert_eq!(code(act_at_pusat(&two, &ani, unknown, None)), Code::NotFound);
    let elsewhere = DatasetClassified { vault: pulih_vault::id::VaultId([9; 16]), ..classified(Some("rahasia")) };
    assert_eq!(code(act_at_pusat(&two, &ani, elsewhere, None)), Code::NotFound);

    act_at_pusat(&two, &ani, classified(Some("terbuka")), None).unwrap();
    act_at_pusat(&two, &siti, DatasetClassified { purpose: Some("strategis".into()), ..classified(None) }, None)
        .unwrap();
    act_at_pusat(&two, &siti, classified(Some("rahasia")), None).unwrap();
    let its = &two.pusat.pusat.answer_attest(&Ask::Classes).unwrap()["datasets"][0];
    let said = |axis: &str| (its[axis]["value"].as_str(), its[axis]["user"].as_str());
    assert_eq!(
        (said("confidentiality"), said("purpose")),
        ((Some("rahasia"), Some("siti")), (Some("strategis"), Some("siti")))
    );
    assert_eq!((&its["opd"], &its["dataset"], said("content")), (&"dinkes".into(), &"letters".into(), (None, None)));
    // What the DRC has of it can be classified there too.
    let dewi = person(&two, "dewi");
    assert_eq!(code(act(&two, &dewi, classified(Some("rahasia")), None)), Code::NotFound, "nothing came yet");
    two.round().unwrap();
    act(&two, &dewi, classified(Some("rahasia")), None).unwrap();
}

#[test]
fn a_report_is_of_a_checkpoint_of_this_very_ledger() {
    let two = Two::new();
    let budi = person_as(&two, "budi", "Budi", &["operator"]);
    let rini = person_as(&two, "rini", "Rini", &["auditor"]);
    two.drc.checkpoint().unwrap();
    let (size, root) = {
        let record = lock(&two.drc.record);
        (record.log().checkpoint().size, record.log().checkpoint().root)
    };
    let issued = |size, root| ReportIssued {
        report: "continuity".into(),
        from: time(drc_now() - YEAR).unwrap(),
        to: time(drc_now()).unwrap(),
        size,
        root,
        data_sha256: Sha256::of(b"data"),
        pdf_sha256: Sha256::of(b"pdf"),
        language: "id".into(),
    };
    assert_eq!(code(act(&two, &rini, issued(size, root), None)), Code::Forbidden);
    for (what, bad) in [
        ("another root", issued(size, Hash([7; 32]))),
        ("no checkpoint", issued(size + 1, root)),
        ("a report", ReportIssued { report: "poem".into(), ..issued(size, root) }),
        ("a language", ReportIssued { language: "fr".into(), ..issued(size, root) }),
        ("no time", ReportIssued { from: time(drc_now()).unwrap(), ..issued(size, root) }),
    ] {
        assert_eq!(code(act(&two, &budi, bad, None)), Code::BadRequest, "{what}");
    }
    act(&two, &budi, issued(size, root), None).unwrap();
}

#[test]
fn an_incident_was_reported_after_it_began_and_its_hold_is_known() {
    let two = Two::new();
    let budi = person_as(&two, "budi", "Budi", &["operator"]);
    let (began, reported) = (drc_now() - DAY, drc_now());
    for (what, bad) in [
        ("before it began", incident(began, began - 1)),
        ("tomorrow", incident(began, reported + 1)),
        ("without a word", IncidentReported { text: String::new(), ..incident(began, reported) }),
    ] {
        assert_eq!(code(act(&two, &budi, bad, None)), Code::BadRequest, "{what}");
    }
    let held = IncidentReported { hold: Some("h-1".parse().unwrap()), ..incident(began, reported) };
    assert_eq!(code(act(&two, &budi, held, None)), Code::NotFound);
    act(&two, &budi, incident(began, reported), None).unwrap();
    assert_eq!(code(act(&two, &budi, incident(began, reported), None)), Code::AlreadyExists);
    let listed = two.drc.answer_attest(&Ask::Incidents).unwrap();
    assert_eq!((&listed["incidents"][0]["user"], &listed["incidents"][0]["hold"]), (&"budi".into(), &().into()));
}

fn descriptions(two: &Two) -> Vec<SiteDescribed> {
    let its = |body| if let Body::SiteDescribed(its) = body { Some(its) } else { None };
    two.ledger().into_iter().filter_map(its).collect()
}

#[test]
fn a_site_says_what_its_file_says_once_and_again_when_that_changes() {
    let mut two = Two::new();
    two.drc.describe_site().unwrap();
    two.drc.describe_site().unwrap();
    two.restart(true);
    two.drc.describe_site().unwrap();
    let said = descriptions(&two);
    assert_eq!(said.len(), 1);
    let first = &said[0];
    assert_eq!(
        (first.regency.as_deref(), first.operator.is_some(), first.provider.is_some()),
        (Some("34.71"), true, true)
    );
    assert!(first.latitude.as_deref().is_some_and(|text| text.starts_with('-')), "{first:?}");

    let dir = two.drc.dir.clone();
    let file = dir.read("site.toml").unwrap();
    let certificates = "certificates = [{ name = \"ISO/IEC 27001\", number = \"1\", until = \"2028-05-31\" }]";
    assert!(file.contains("certificates = []"));
    dir.write("site.toml", &file.replace("certificates = []", certificates)).unwrap();
    two.restart(false);
    // By a clock in doubt it says nothing: that would end the doubt.
    wait(40 * DAY);
    two.drc.describe_site().unwrap();
    assert_eq!(descriptions(&two).len(), 1);
    wait(-40 * DAY);
    two.drc.describe_site().unwrap();
    let said = descriptions(&two);
    assert_eq!(said.len(), 2);
    assert_eq!(said[1].certificates[0].until.as_str(), "2028-05-31T23:59:59Z");
    assert_eq!(SiteDescribed { certificates: vec![], ..said[1].clone() }, *first);
}

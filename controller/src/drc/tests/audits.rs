//! Drills of a plan, and who tests one independently: what is refused, and in which order the rest has to come.

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    DrillAnnounced, DrillAttested, DrillEnded, DrillFinding, DrillOpened, DrillStep, PlanApplied, UserAdded,
};
use pulih_ledger::ids::Sha256;
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use serde_json::Value;

use super::super::drills::Ask;
use super::super::drills::order::{Auditor, Done, Host, Planned, Wanted};
use super::super::lock;
use super::bench::{Two, drc_now};
use super::changes::{Person, act, person, person_as};
use super::drills::step;
use crate::gateway::answer::{Answer, Refusal};
use crate::pusat::tests::bench::{DAY, VAULT, code, wait};
use crate::record::time;

fn plan_text(version: u32, person: &str, user: &str) -> String {
    format!(
        "type = \"pulih/plan/v1\"\nname = \"kabupaten\"\nversion = {version}\ntitle = \"Rencana\"\n\
         [person.siti]\nname = \"{person}\"\nrole = \"koordinator\"\ncontact = \"0811\"\n{user}\n\
         [service.surat]\ntitle = \"Surat\"\ntier = 1\nrto = \"4h\"\nresponsible = \"siti\"\n\
         datasets = [{{ opd = \"dinkes\", agent = \"app-1\", dataset = \"letters\" }}]\n\
         steps = [{{ name = \"arahkan-dns\", text = \"Arahkan DNS\", when = \"after\" }}]\n"
    )
}

fn apply(two: &Two, by: &Person, version: u32, person: &str, user: &str) {
    let text = plan_text(version, person, user);
    let object = ObjectHash::of(text.as_bytes());
    let applied = PlanApplied { plan: "kabupaten".into(), version: version.into(), object };
    act(two, by, applied, Some(&text)).unwrap();
}

/// A DRC with a point of a plan's one dataset, and who runs it.
fn planned() -> (Two, Person) {
    let two = Two::new();
    two.save(1);
    two.round().unwrap();
    std::fs::create_dir_all(two.drc.site.drill_scratch.as_ref().unwrap()).unwrap();
    let dewi = person(&two, "dewi");
    apply(&two, &dewi, 1, "Siti Rahayu, Diskominfo", "");
    (two, dewi)
}

fn named(institution: &str) -> Auditor {
    Auditor { user: "aud-1".into(), institution: institution.into(), mandate: "700/12".into() }
}

fn wanted(auditor: Option<Auditor>) -> Wanted {
    Wanted { kind: "plan".into(), plan: Some("kabupaten".into()), auditor, ..Wanted::default() }
}

fn order(two: &Two, wanted: Wanted) -> Answer<Planned> {
    let planned = two.drc.answer_drills(&Ask::Plan { wanted })?;
    Ok(serde_json::from_value(planned).unwrap())
}

pub(super) fn host() -> Host {
    let standing = pulih_keeper::Standing {
        class: "non-publik".into(),
        recipient: "age1x".into(),
        sealed: false,
        open: true,
        until: None,
        needed: 0,
        people: vec![],
        given: vec![],
        ready: true,
        glass: false,
    };
    Host {
        standings: Ok(vec![standing]),
        free_bytes: Some(1 << 40),
        reserve_bytes: None,
        no_scratch: None,
        no_recipes: None,
    }
}

fn start(two: &Two, id: &str) -> Value {
    two.drc.answer_drills(&Ask::Start { id: id.to_owned(), host: host() }).unwrap()
}

/// All of it is tried, and passes.
fn work(two: &Two, its: &DrillAnnounced) {
    let id = its.drill.as_str();
    for point in &its.points {
        step(two, id, point, true);
    }
    let done = Done { drill: id.to_owned(), milliseconds: 12, leftovers: 0, text: String::new() };
    two.drc.answer_drills(&Ask::End { done }).unwrap();
}

fn steps(two: &Two) -> Vec<DrillStep> {
    two.ledger().into_iter().filter_map(|body| if let Body::DrillStep(its) = body { Some(its) } else { None }).collect()
}

fn ends(two: &Two) -> Vec<DrillEnded> {
    two.ledger()
        .into_iter()
        .filter_map(|body| if let Body::DrillEnded(its) = body { Some(its) } else { None })
        .collect()
}

#[test]
fn a_plan_is_drilled_by_its_schedule_whole_and_what_people_do_by_hand_is_passed_over() {
    let (two, _) = planned();
    two.follow(|text| format!("{text}\n[plan-drills.kabupaten]\nschedule = \"@daily\"\nwindow = \"2d\"\n"));
    wait(DAY);
    let id = two.drc.tend_drills(host).unwrap().unwrap();
    let its =
        two.ledger().into_iter().find_map(|body| if let Body::DrillAnnounced(its) = body { Some(its) } else { None });
    let its = its.unwrap();
    assert_eq!((its.schedule.as_deref(), its.plan.as_deref()), (Some("plan/kabupaten"), Some("kabupaten")));
    assert_eq!((its.plan_version, its.class.as_deref(), its.points.len()), (Some(1), None, 1));
    assert_eq!(start(&two, &id)["start"], "now");
    work(&two, &its);
    let [restored, by_hand] = &steps(&two)[..] else { panic!("{:?}", steps(&two)) };
    assert_eq!((restored.what.as_str(), restored.step), ("restore", 1));
    assert_eq!((by_hand.what.as_str(), by_hand.step, by_hand.outcome.as_str()), ("manual arahkan-dns", 2, "skipped"));
    let [ended] = &ends(&two)[..] else { panic!("it ends once") };
    assert_eq!((ended.outcome.as_str(), ended.steps), ("passed", 2));
    // A plan of which something is not here is not announced; that is missed, and says what.
    two.write(pulih_ledger::entry::kinds::SuspicionRaised {
        suspicion: "s-1".parse().unwrap(),
        vault: VAULT,
        dataset: "letters".parse().unwrap(),
        since: time(0).unwrap(),
        measure: "uji".into(),
        text: "uji".into(),
    });
    wait(4 * DAY);
    two.drc.tend_drills(host).unwrap();
    let missed =
        two.ledger().into_iter().find_map(|body| if let Body::DrillMissed(its) = body { Some(its) } else { None });
    let missed = missed.unwrap();
    assert_eq!((missed.schedule.as_str(), missed.class.as_deref()), ("plan/kabupaten", None));
    assert!(missed.reason.contains("letters"), "{}", missed.reason);
}

#[test]
fn who_operates_something_does_not_test_it() {
    let (two, dewi) = planned();
    let why = |institution: &str| order(&two, wanted(Some(named(institution)))).unwrap().problems.join("; ");
    let refused = order(&two, wanted(Some(named("Inspektorat")))).unwrap_err();
    assert_eq!(refused.code, Code::NotFound, "{}", refused.message);
    let auditor = person_as(&two, "aud-1", "Rini Wulandari", &["auditor"]);
    assert_eq!(why("Inspektorat"), "");
    assert!(why("DISKOMINFO").contains("runs the site") && why("pt awan").contains("houses"), "{}", why("PT Awan"));
    assert!(why("").contains("a line each"));
    // A drill of datasets is no test of a plan.
    let its =
        Wanted { kind: "restore".into(), plan: None, datasets: vec!["letters".into()], ..wanted(Some(named("x"))) };
    assert!(order(&two, its).unwrap().problems.join("; ").contains("--kind plan"));
    apply(&two, &dewi, 2, "rini WULANDARI, RSUD", "");
    assert!(why("Inspektorat").contains("plan in force names"));
    apply(&two, &dewi, 3, "Siti Rahayu", "user = \"aud-1\"");
    assert!(why("Inspektorat").contains("plan in force names"));
    apply(&two, &dewi, 4, "Siti Rahayu", "");
    let planned = order(&two, wanted(Some(named("Inspektorat")))).unwrap();
    // What was planned is held against the ledger once more when it is signed.
    let key = auditor.verifier();
    let said = |roles: &[&str], user: &str, key: &pulih_vault::note::VerifierKey| UserAdded {
        user: user.parse().unwrap(),
        name: user.into(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        opd: None,
        key: key.clone(),
        decree: None,
        until: None,
    };
    two.write(said(&["operator"], "budi", &key));
    let refused: Refusal = act(&two, &dewi, planned.announced.clone(), None).unwrap_err();
    assert!(refused.code == Code::Forbidden && refused.message.contains("budi"), "{}", refused.message);
    assert!(why("Inspektorat").contains("also the key of budi"));

    let (two, _) = self::planned();
    let auditor = person_as(&two, "aud-1", "Rini Wulandari", &["auditor", "operator"]);
    let why = |two: &Two| order(two, wanted(Some(named("Inspektorat")))).unwrap().problems.join("; ");
    assert!(why(&two).contains("role operator"));
    wait(DAY);
    two.write(UserAdded {
        user: "aud-1".parse().unwrap(),
        name: "Rini Wulandari".into(),
        roles: vec!["auditor".into()],
        opd: None,
        key: auditor.verifier(),
        decree: None,
        until: None,
    });
    assert!(why(&two).contains("role operator"), "the role ended just now");
    wait(732 * DAY);
    assert_eq!(why(&two), "");
    // Who did something else within 24 months operates it, whatever the role was.
    let placed = pulih_ledger::entry::kinds::GlassBroken { disaster: None, what: "keys".into(), reason: "uji".into() };
    lock(&two.drc.record).append(&[auditor.sign(placed)]).unwrap();
    assert!(why(&two).contains("acted at a site"), "{}", why(&two));
}

#[test]
fn it_starts_when_its_auditor_opens_it_and_is_attested_once_by_the_same_key() {
    let (two, dewi) = planned();
    let auditor = person_as(&two, "aud-1", "Rini Wulandari", &["auditor"]);
    let other = person_as(&two, "aud-2", "Joko", &["auditor"]);
    let planned = order(&two, wanted(Some(named("Inspektorat")))).unwrap();
    let id = planned.announced.drill.to_string();
    act(&two, &dewi, planned.announced.clone(), None).unwrap();
    assert_eq!(two.drc.tend_drills(host).unwrap(), None, "nobody has opened it");
    assert_eq!(start(&two, &id)["start"], "wait");
    let to_sign = |ended: bool| -> Answer<Sha256> {
        let told = two.drc.answer_drills(&Ask::ToSign { id: id.clone(), ended })?;
        Ok(told["sha256"].as_str().unwrap().parse().unwrap())
    };
    let opened = |announcement| DrillOpened { drill: id.parse().unwrap(), announcement };
    let announcement = to_sign(false).unwrap();
    assert_eq!(code(act(&two, &dewi, opened(announcement), None)), Code::Forbidden);
    assert_eq!(code(act(&two, &other, opened(announcement), None)), Code::Forbidden);
    assert_eq!(code(act(&two, &auditor, opened(Sha256([1; 32])), None)), Code::BadRequest);
    assert_eq!(code(to_sign(true)), Code::BadRequest, "it has not ended");
    act(&two, &auditor, opened(announcement), None).unwrap();
    assert_eq!(code(act(&two, &auditor, opened(announcement), None)), Code::BadRequest, "once");
    assert_eq!(two.drc.tend_drills(host).unwrap().as_ref(), Some(&id));
    assert_eq!(start(&two, &id)["start"], "now");
    work(&two, &planned.announced);
    let finding =
        DrillFinding { text: "DNS terlambat".into(), owner: "Diskominfo".into(), until: time(drc_now()).unwrap() };
    let attested = |ended, opinion: &str, findings: Vec<DrillFinding>| DrillAttested {
        drill: id.parse().unwrap(),
        ended,
        opinion: opinion.into(),
        findings,
        document_sha256: None,
    };
    let end = to_sign(true).unwrap();
    let with = "met-with-findings";
    let many = vec![finding.clone(); 51];
    assert_eq!(code(act(&two, &dewi, attested(end, "met", vec![]), None)), Code::Forbidden);
    for bad in [
        attested(announcement, "met", vec![]),
        attested(end, "fine", vec![]),
        attested(end, with, vec![]),
        attested(end, with, many),
        attested(end, with, vec![DrillFinding { text: "a\nb".into(), ..finding.clone() }]),
    ] {
        assert_eq!(code(act(&two, &auditor, bad, None)), Code::BadRequest);
    }
    act(&two, &auditor, attested(end, with, vec![finding.clone()]), None).unwrap();
    assert_eq!(code(act(&two, &auditor, attested(end, "met", vec![]), None)), Code::AlreadyExists);
    let shown = two.drc.answer_drills(&Ask::Show { id: id.clone() }).unwrap();
    assert_eq!((&shown["auditor"]["user"], &shown["auditor"]["opinion"]), (&"aud-1".into(), &with.into()));
    assert_eq!((&shown["outcome"], &shown["plan"]), (&"passed".into(), &"kabupaten".into()));
}

#[test]
fn what_its_auditor_does_not_open_is_missed_and_is_not_attested() {
    let (two, dewi) = planned();
    let auditor = person_as(&two, "aud-1", "Rini Wulandari", &["auditor"]);
    let planned = order(&two, wanted(Some(named("Inspektorat")))).unwrap();
    let id = planned.announced.drill.to_string();
    act(&two, &dewi, planned.announced, None).unwrap();
    wait(7 * DAY);
    let told = two.drc.answer_drills(&Ask::ToSign { id: id.clone(), ended: false }).unwrap();
    let opened =
        DrillOpened { drill: id.parse().unwrap(), announcement: told["sha256"].as_str().unwrap().parse().unwrap() };
    assert_eq!(code(act(&two, &auditor, opened, None)), Code::BadRequest, "too late");
    assert_eq!(two.drc.tend_drills(host).unwrap(), None);
    let [ended] = &ends(&two)[..] else { panic!("it ends once") };
    assert!(ended.outcome == "missed" && ended.text.contains("auditor"), "{ended:?}");
    let told = two.drc.answer_drills(&Ask::ToSign { id: id.clone(), ended: true }).unwrap();
    let attested = DrillAttested {
        drill: id.parse().unwrap(),
        ended: told["sha256"].as_str().unwrap().parse().unwrap(),
        opinion: "met".into(),
        findings: vec![],
        document_sha256: None,
    };
    assert_eq!(code(act(&two, &auditor, attested, None)), Code::BadRequest);
}

//! Drills where clocks, people and processes are against them: what is on the ledger in the end.

use pulih_keeper::Standing;
use pulih_ledger::cosign::{Cosigned, CosignerKey};
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    DisasterDeclared, DrillAnnounced, DrillEnded, DrillMissed, DrillStarted, DrillStep, ExpiryResumed, ExpiryStopped,
    OpdAdded, WitnessAdded,
};
use pulih_protocol::error::Code;
use pulih_vault::note::SigningKey;
use pulih_vault::store::Store as _;

use super::super::drills::Ask;
use super::super::drills::order::{Done, Host, Outcome, StepEnded, Subject, Wanted};
use super::super::lock;
use super::bench::{Two, drc_now, set_apart};
use super::changes::{act, person};
use crate::drill::{log, scratch, try_lock};
use crate::pusat::tests::bench::{DAY, broken, code, wait};
use crate::record::time;

const HOUR: i64 = 3600;

/// A DRC with one dataset, whose policy asks for drills of its class at each hour.
fn asking(drills: &str) -> Two {
    let two = Two::new();
    two.save(1);
    two.round().unwrap();
    std::fs::create_dir_all(two.drc.site.drill_scratch.as_ref().unwrap()).unwrap();
    two.follow(|text| format!("{text}\n[class.non-publik.drills]\n{drills}\n"));
    two
}

fn standing(open: bool) -> Standing {
    Standing {
        class: "non-publik".into(),
        recipient: "age1x".into(),
        sealed: true,
        open,
        until: None,
        needed: 2,
        people: vec!["siti".into(), "budi".into()],
        given: vec![],
        ready: false,
        glass: false,
    }
}

fn host(standings: Vec<Standing>) -> Host {
    Host {
        standings: Ok(standings),
        free_bytes: Some(1 << 40),
        reserve_bytes: None,
        no_scratch: None,
        no_recipes: None,
    }
}

/// One look at the drills by a host whose keeper says this.
fn look(two: &Two, standings: &[Standing]) -> Option<String> {
    two.drc.tend_drills(|| host(standings.to_vec())).unwrap()
}

pub fn of<T>(two: &Two, pick: impl Fn(Body) -> Option<T>) -> Vec<T> {
    two.ledger().into_iter().filter_map(pick).collect()
}

pub fn announced(two: &Two) -> Vec<DrillAnnounced> {
    of(two, |body| if let Body::DrillAnnounced(its) = body { Some(its) } else { None })
}

pub fn ended(two: &Two) -> Vec<DrillEnded> {
    of(two, |body| if let Body::DrillEnded(its) = body { Some(its) } else { None })
}

fn missed(two: &Two) -> Vec<DrillMissed> {
    of(two, |body| if let Body::DrillMissed(its) = body { Some(its) } else { None })
}

/// That the raw log of a drill is in the store before its end names it.
fn has_log(two: &Two, its: &DrillEnded) {
    let name = format!("site/drc-33.19/drills/{}", its.log).parse().unwrap();
    assert!(two.store.read(&name, 1 << 20).unwrap().starts_with(b"{\"drill\":\""));
}

fn begin(two: &Two, id: &str) {
    let host = host(vec![standing(true)]);
    let started = two.drc.answer_drills(&Ask::Start { id: id.to_owned(), host }).unwrap();
    assert_eq!(started["start"], "now", "{started}");
}

pub(super) fn step(two: &Two, drill: &str, point: &str, passed: bool) -> StepEnded {
    let ended = of_point(drill, point, passed);
    two.drc.answer_drills(&Ask::Step { ended: ended.clone() }).unwrap();
    ended
}

/// What a worker says of a point of one file.
pub(super) fn of_point(drill: &str, point: &str, passed: bool) -> StepEnded {
    StepEnded {
        drill: drill.to_owned(),
        subject: Subject::Point { point: point.to_owned() },
        outcome: Outcome::of(passed),
        began: time(drc_now()).unwrap().to_string(),
        milliseconds: 10,
        fetch_ms: 1,
        decrypt_ms: 2,
        write_ms: 3,
        verify_ms: 4,
        check_ms: 0,
        files: 1,
        bytes: 2,
        total_files: 1,
        total_bytes: 2,
        text: "said".into(),
    }
}

#[test]
fn a_scheduled_drill_is_announced_with_its_points_and_passes_only_with_a_step_for_each() {
    let two = asking("restore = \"@hourly\"");
    assert_eq!(look(&two, &[standing(true)]), None);
    wait(HOUR);
    let id = look(&two, &[standing(true)]).unwrap();
    // Looked at again, it is the same one.
    assert_eq!(look(&two, &[standing(true)]).as_ref(), Some(&id));
    let [its] = &announced(&two)[..] else { panic!("{:?}", announced(&two)) };
    let point = format!("{}/letters/{}", crate::pusat::tests::bench::VAULT, two.points()[0].snapshot);
    assert_eq!((its.occurrence, its.schedule.as_deref()), (Some(1), Some("non-publik/restore")));
    assert_eq!(its.points, std::slice::from_ref(&point));
    begin(&two, &id);
    // What it says is held against what the site reads itself.
    let said = of_point(&id, &point, true);
    for lie in [
        StepEnded { files: 0, bytes: 0, ..said.clone() },
        StepEnded { files: 2, ..said.clone() },
        StepEnded { bytes: 3, ..said.clone() },
        StepEnded { outcome: Outcome::Failed, files: 2, ..said.clone() },
        StepEnded { milliseconds: 3, ..said.clone() },
        StepEnded { verify_ms: u64::MAX, ..said },
    ] {
        assert_eq!(code(two.drc.answer_drills(&Ask::Step { ended: lie.clone() })), Code::BadRequest, "{lie:?}");
    }
    // Nobody else begins, no step is told twice, and none of a point that was not announced.
    let again = Ask::Start { id: id.clone(), host: host(vec![standing(true)]) };
    assert_eq!(two.drc.answer_drills(&again).unwrap()["start"], "wait");
    let told = step(&two, &id, &point, true);
    assert_eq!(code(two.drc.answer_drills(&Ask::Step { ended: told.clone() })), Code::BadRequest);
    let other = StepEnded { subject: Subject::Point { point: point.replace("letters", "other") }, ..told };
    assert_eq!(code(two.drc.answer_drills(&Ask::Step { ended: other })), Code::BadRequest);
    let done = Done { drill: id.clone(), milliseconds: 10, leftovers: 0, text: String::new() };
    two.drc.answer_drills(&Ask::End { done: done.clone() }).unwrap();
    assert_eq!(code(two.drc.answer_drills(&Ask::End { done })), Code::NotFound);
    let [its] = &ended(&two)[..] else { panic!("it ends once") };
    assert_eq!((its.outcome.as_str(), its.steps, its.leftovers), ("passed", 1, 0));
    has_log(&two, its);
}

#[test]
fn people_who_do_not_come_are_called_once_and_the_drill_has_missed() {
    let two = asking("restore = \"0 0 * * *\"\nwindow = \"2d\"");
    wait(DAY);
    let sealed = [standing(false)];
    assert_eq!(look(&two, &sealed), None);
    let until = pulih_vault::utc::parse(announced(&two)[0].until.as_str()).unwrap();
    wait(until - drc_now() - 1);
    assert_eq!(look(&two, &sealed), None);
    assert_eq!((two.alarms("drill-waits"), ended(&two).len()), (1, 0));
    wait(1);
    assert_eq!(look(&two, &sealed), None);
    let its = &ended(&two)[0];
    assert_eq!((its.outcome.as_str(), its.milliseconds, its.steps), ("missed", 0, 0));
    assert!(its.text.contains("siti"), "{}", its.text);
    has_log(&two, its);
}

#[test]
fn where_nothing_can_be_written_it_waits_and_has_missed_and_has_not_failed() {
    let two = asking("restore = \"@hourly\"\nwindow = \"2h\"");
    wait(HOUR);
    let closed = || Host { no_scratch: Some("Read-only file system".into()), ..host(vec![standing(true)]) };
    assert_eq!(two.drc.tend_drills(closed).unwrap(), None);
    let id = announced(&two)[0].drill.to_string();
    let begun = two.drc.answer_drills(&Ask::Start { id, host: closed() }).unwrap();
    let why = begun["why"].as_str().unwrap();
    assert!(begun["start"] == "wait" && why.contains("ReadWritePaths="), "{begun}");
    let until = pulih_vault::utc::parse(announced(&two)[0].until.as_str()).unwrap();
    wait(until - drc_now());
    two.drc.tend_drills(closed).unwrap();
    let its = &ended(&two)[0];
    assert!(its.outcome == "missed" && its.text.contains("Read-only"), "{its:?}");
}

#[test]
fn what_cannot_be_tried_here_is_skipped_and_a_disaster_comes_first() {
    let two = asking("restore = \"@hourly\"");
    wait(HOUR);
    let dewi = person(&two, "dewi");
    act(&two, &dewi, DisasterDeclared { disaster: "dis-1".parse().unwrap(), reason: "uji".into() }, None).unwrap();
    assert_eq!(look(&two, &[standing(true)]), None);
    assert_eq!((announced(&two).len(), ended(&two).len()), (1, 0));
    let over = pulih_ledger::entry::kinds::DisasterEnded { disaster: "dis-1".parse().unwrap(), reason: "uji".into() };
    act(&two, &dewi, over, None).unwrap();
    // The keeper has no identity of the class.
    assert_eq!(look(&two, &[]), None);
    assert_eq!(ended(&two)[0].outcome, "skipped");
}

#[test]
fn what_was_broken_off_has_aborted_at_the_next_start_and_nothing_of_it_stays() {
    let mut two = asking("restore = \"@hourly\"");
    wait(HOUR);
    let id = look(&two, &[standing(true)]).unwrap();
    begin(&two, &id);
    let place = two.drc.site.drill_scratch.clone().unwrap();
    let folder = scratch::make(&place, &id).unwrap();
    std::fs::write(folder.join("restored"), "x").unwrap();
    std::fs::write(two.drc.dir.path(&log::name(&id)), "{\"drill\":\"d\",\"ms\":0}\n{\"ms\":4200}\n{\"ms\":9").unwrap();
    // As long as somebody does it, it is left alone.
    let held = try_lock(&two.drc.dir).unwrap();
    two.restart(false);
    assert!(folder.exists() && ended(&two).is_empty());
    drop(held);
    two.restart(false);
    let [its] = &ended(&two)[..] else { panic!("it ends once") };
    assert_eq!((its.outcome.as_str(), its.milliseconds, its.leftovers), ("aborted", 4200, 0));
    assert!(!folder.exists());
    has_log(&two, its);
    // The catalog made again says the same.
    let shown = |two: &Two| two.drc.answer_drills(&Ask::List).unwrap();
    let before = shown(&two);
    two.restart(true);
    assert_eq!(shown(&two), before);
}

#[test]
fn what_lies_on_a_disk_that_is_away_is_left_over_and_wiped_when_it_is_back() {
    let mut two = asking("restore = \"@hourly\"");
    let place = two.drc.site.drill_scratch.clone().unwrap();
    let away = place.with_extension("away");
    // A line of the log, as the worker writes it, and what is left over then.
    for (line, leftovers) in [("{\"scratch\":true}\n", 1), ("{\"scratch\":true}\n{\"scratch\":false}\n", 0), ("", 0)] {
        wait(HOUR);
        let id = look(&two, &[standing(true)]).unwrap();
        begin(&two, &id);
        let folder = scratch::make(&place, &id).unwrap();
        std::fs::write(two.drc.dir.path(&log::name(&id)), format!("{{\"ms\":0}}\n{line}{{\"ms\":5}}\n")).unwrap();
        std::fs::rename(&place, &away).unwrap();
        std::fs::create_dir(&place).unwrap();
        two.restart(false);
        let its = ended(&two).pop().unwrap();
        assert_eq!((its.outcome.as_str(), its.leftovers, its.milliseconds), ("aborted", leftovers, 5), "{line}");
        assert_eq!(its.text.contains("nobody could wipe it"), leftovers > 0, "{its:?}");
        std::fs::remove_dir(&place).unwrap();
        std::fs::rename(&away, &place).unwrap();
        two.restart(false);
        assert!(!folder.exists());
    }
}

/// That each occurrence that the ledger has comes after the one before; how many there are.
fn without_a_gap(two: &Two) -> usize {
    let mut all: Vec<u64> = Vec::new();
    for body in two.ledger() {
        match body {
            Body::DrillAnnounced(its) => all.extend(its.occurrence),
            Body::DrillMissed(its) => all.extend(its.occurrence + 1 - its.count.unwrap_or(1)..=its.occurrence),
            _ => {}
        }
    }
    assert_eq!(all, (1..=all.len() as u64).collect::<Vec<_>>());
    all.len()
}

#[test]
fn a_clock_ten_years_ahead_announces_and_misses_nothing_and_what_comes_after_it_is_announced() {
    // At whatever time of the day this runs, the newest one can still begin.
    let two = asking("verify = \"@daily\"\nwindow = \"1d\"");
    let at = |days: i64| {
        set_apart(days * DAY);
        look(&two, &[]);
        let open = lock(&two.drc.catalog).open_drills().unwrap();
        open.iter().for_each(|its| two.drc.abort_drill(&its.id, "uji").unwrap());
        (announced(&two).len(), missed(&two).len())
    };
    assert_eq!(at(1), (1, 0));
    assert_eq!(at(2), (2, 0));
    assert_eq!(at(3652), (2, 0), "nobody believes this clock");
    assert!(two.drc.answer_drills(&Ask::Schedule).unwrap()["stopped"].is_string());
    assert_eq!(at(3), (3, 0));
    // It was set right before anything was dated by it.
    assert!(two.drc.answer_drills(&Ask::Schedule).unwrap()["stopped"].is_null());
    set_apart(0);
}

#[test]
fn occurrences_have_no_gap_over_years_of_silence_once_a_person_has_looked_and_over_another_policy() {
    let mut two = asking("verify = \"@daily\"");
    let siti = person(&two, "siti");
    let at = |two: &Two, days: i64| {
        set_apart(days * DAY);
        look(two, &[]);
        let open = lock(&two.drc.catalog).open_drills().unwrap();
        open.iter().for_each(|its| two.drc.abort_drill(&its.id, "uji").unwrap());
    };
    [1, 2, 5].into_iter().for_each(|days| at(&two, days));
    // The site was away for ten years, or its clock jumped: a person says which.
    at(&two, 3652);
    assert_eq!(without_a_gap(&two), 5);
    two.write(ExpiryStopped { reason: "the clock jumped".into() });
    act(&two, &siti, ExpiryResumed { reason: "lama tutup".into() }, None).unwrap();
    [3652, 3640, 3653].into_iter().for_each(|days| at(&two, days));
    set_apart(3660 * DAY);
    two.restart(true);
    look(&two, &[]);
    let all = without_a_gap(&two);
    assert!(all >= 3650 && missed(&two).len() < 100, "{all} in {}", missed(&two).len());
    set_apart(0);
}

#[test]
fn a_person_announces_what_is_due_to_be_tried_and_nothing_else() {
    let two = asking("restore = \"@hourly\"");
    let (dewi, wanted) =
        (person(&two, "dewi"), Wanted { kind: "verify".into(), class: Some("non-publik".into()), ..Wanted::default() });
    let planned = two.drc.answer_drills(&Ask::Plan { wanted }).unwrap();
    let its: DrillAnnounced = serde_json::from_value(planned["announced"].clone()).unwrap();
    let refused = |change: &dyn Fn(&mut DrillAnnounced)| {
        let mut other = its.clone();
        change(&mut other);
        code(act(&two, &dewi, other, None))
    };
    assert_eq!(refused(&|its| its.schedule = Some("non-publik/verify".into())), Code::Forbidden);
    assert_eq!(refused(&|its| its.occurrence = Some(1)), Code::Forbidden);
    assert_eq!(refused(&|its| its.points.clear()), Code::BadRequest);
    assert_eq!(refused(&|its| its.points.push(its.points[0].clone())), Code::BadRequest);
    assert_eq!(refused(&|its| its.kind = "plan".into()), Code::BadRequest);
    assert_eq!(refused(&|its| its.sample_percent = Some(1)), Code::BadRequest);
    assert_eq!(refused(&|its| its.until = time(drc_now() + 8 * DAY).unwrap()), Code::BadRequest);
    act(&two, &dewi, its.clone(), None).unwrap();
    assert_eq!(code(act(&two, &dewi, its.clone(), None)), Code::AlreadyExists);
    // A verify drill takes no keys. Whoever ends it says why.
    assert_eq!(look(&two, &[]).as_deref(), Some(its.drill.as_str()));
    let cancel = |reason: &str| Ask::Cancel { id: its.drill.to_string(), reason: reason.into() };
    assert_eq!(code(two.drc.answer_drills(&cancel(" "))), Code::BadRequest);
    two.drc.answer_drills(&cancel("uji")).unwrap();
    assert_eq!((ended(&two)[0].outcome.as_str(), ended(&two)[0].text.as_str()), ("aborted", "uji"));
}

fn steps(two: &Two) -> Vec<DrillStep> {
    of(two, |body| if let Body::DrillStep(its) = body { Some(its) } else { None })
}

#[test]
fn the_totals_of_a_point_are_its_manifests_and_without_it_nothing_passes() {
    let two = asking("restore = \"@hourly\"");
    wait(HOUR);
    let id = look(&two, &[standing(true)]).unwrap();
    begin(&two, &id);
    let point = announced(&two)[0].points[0].clone();
    let tell = |its: &StepEnded| two.drc.answer_drills(&Ask::Step { ended: its.clone() });
    let manifest = two.points()[0].snapshot.clone();
    two.store.on(move |_, name| if name.as_str().contains(&manifest) { Err(broken(name)) } else { Ok(()) });
    let lie = StepEnded { total_files: 900, total_bytes: 900, ..of_point(&id, &point, true) };
    assert_eq!(code(tell(&lie)), Code::BadRequest);
    let zero = StepEnded { files: 0, bytes: 0, ..lie.clone() };
    assert_eq!(code(tell(&zero)), Code::BadRequest);
    two.store.off();
    tell(&lie).unwrap();
    assert_eq!((steps(&two)[0].total_files, steps(&two)[0].total_bytes), (1, 2));
}

fn started(two: &Two) -> Vec<DrillStarted> {
    of(two, |body| if let Body::DrillStarted(its) = body { Some(its) } else { None })
}

#[test]
fn a_sample_waits_for_the_first_word_over_its_announcement_and_that_is_what_is_drawn_from() {
    let two = asking("restore = \"@hourly\"\nsample_percent = 40");
    let open = [standing(true)];
    wait(HOUR);
    // What was co-signed before says nothing of it.
    two.round().unwrap();
    assert_eq!(look(&two, &open), None);
    let [its] = &announced(&two)[..] else { panic!("{:?}", announced(&two)) };
    let (id, index) = (its.drill.to_string(), lock(&two.drc.catalog).drills().unwrap()[0].number);
    assert_eq!(its.sample_percent, Some(40));
    let begun = two.drc.answer_drills(&Ask::Start { id: id.clone(), host: host(open.to_vec()) }).unwrap();
    assert!(begun["start"] == "wait" && begun["why"].as_str().unwrap().contains("co-signed"), "{begun}");
    // Several come; the first counts, whatever comes after it.
    two.round().unwrap();
    let first = two.drc.own_log().checkpoint().size;
    two.write(OpdAdded { opd: "later".parse().unwrap(), name: "x".into(), owner: None });
    lock(&two.drc.record).checkpoint().unwrap();
    two.round().unwrap();
    assert_eq!(look(&two, &open).as_ref(), Some(&id));
    let begun = two.drc.answer_drills(&Ask::Start { id, host: host(open.to_vec()) }).unwrap();
    let [its] = &started(&two)[..] else { panic!("it starts once") };
    assert!(its.size == Some(first) && first > index, "{its:?}");
    assert!(its.cosigner.as_ref().unwrap().starts_with("pulih-ledger/pusat-33.19+"));
    let order = &begun["order"];
    assert_eq!(
        (&order["sample_percent"], &order["first"]["cosignature"]),
        (&40.into(), &its.cosignature.clone().into())
    );
}

#[test]
fn a_sample_that_nobody_co_signs_is_skipped_and_a_witness_counts_once_the_pusat_data_is_away() {
    let two = asking("restore = \"@daily\"\nwindow = \"1d\"\nsample_percent = 1");
    let open = [standing(true)];
    two.line.is_down.store(true, std::sync::atomic::Ordering::Relaxed);
    wait(DAY);
    assert_eq!(look(&two, &open), None);
    let until = pulih_vault::utc::parse(announced(&two)[0].until.as_str()).unwrap();
    wait(until - drc_now() - 1);
    assert_eq!((look(&two, &open), ended(&two).len()), (None, 0));
    wait(1);
    look(&two, &open);
    assert_eq!(ended(&two)[0].outcome, "skipped");
    assert!(ended(&two)[0].text.contains("co-signed"), "{}", ended(&two)[0].text);

    let key = SigningKey::generate("inspektorat", &ring::rand::SystemRandom::new()).unwrap();
    let cosigner = CosignerKey::of(key.verifier());
    let (witness, name) = ("inspektorat".parse().unwrap(), "Inspektorat".to_owned());
    two.write(WitnessAdded { witness, name: name.clone(), institution: name, key: cosigner.clone() });
    look(&two, &open);
    let id = announced(&two).last().unwrap().drill.to_string();
    let log = two.drc.own_log();
    let note = two.store.read(&log.layout().checkpoint(log.checkpoint().size), 1 << 16).unwrap();
    let mut note = Cosigned::open(&note, &two.drc.own_keys()).unwrap();
    note.add(&note.cosign(&key, drc_now() as u64).unwrap()).unwrap();
    two.drc.answer_witnesses(&crate::evidence::witnesses::Ask::Take { note: note.to_note() }).unwrap();
    assert_eq!(look(&two, &open).as_ref(), Some(&id));
    // While the Pusat Data is heard, its own word is waited for.
    *two.line.lie.lock().unwrap() = Some((503, String::new()));
    two.line.is_down.store(false, std::sync::atomic::Ordering::Relaxed);
    two.round().unwrap();
    assert_eq!(look(&two, &open), None);
    wait(HOUR);
    assert_eq!(look(&two, &open).as_ref(), Some(&id));
    begin(&two, &id);
    assert_eq!(started(&two).last().unwrap().cosigner, Some(cosigner.to_string()));
}

//! Drills of applications: which recipes a schedule takes, and what a worker may say of them.

use std::collections::BTreeSet;

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{DrillAnnounced, DrillMissed, DrillStep, RecipeApplied};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;

use super::super::drills::Ask;
use super::super::drills::order::{Done, Host, Outcome, Planned, StepEnded, Subject, Wanted};
use super::audits::host;
use super::bench::{Two, drc_now};
use super::changes::{Person, act, person};
use super::drills::{announced, ended, of, of_point, step};
use crate::pusat::tests::bench::{DAY, broken, code, wait};
use crate::record::time;

fn text(name: &str, version: u32, datasets: &[&str]) -> String {
    let parts = datasets.iter().map(|its| format!("{{ opd = \"dinkes\", agent = \"app-1\", dataset = \"{its}\" }}"));
    format!(
        "type = \"pulih/recipe/v1\"\nname = \"{name}\"\nversion = {version}\ndatasets = [{}]\n\
         limits = {{ time = \"1m\", memory = \"64MiB\", disk = \"64MiB\", processes = 9 }}\n\
         programs = [\"/bin\"]\n[[ask]]\nrun = [\"/bin/true\"]\n",
        parts.collect::<Vec<_>>().join(", ")
    )
}

fn apply(two: &Two, by: &Person, name: &str, version: u32, datasets: &[&str]) {
    let text = text(name, version, datasets);
    let object = ObjectHash::of(text.as_bytes());
    let applied = RecipeApplied { recipe: name.into(), version: version.into(), object };
    act(two, by, applied, Some(&text)).unwrap();
}

/// A DRC with two datasets of one server.
fn office() -> Two {
    let two = Two::new();
    two.pusat.approve("archive");
    two.save(1);
    two.pusat.save(two.first, "archive", 1);
    two.round().unwrap();
    std::fs::create_dir_all(two.drc.site.drill_scratch.as_ref().unwrap()).unwrap();
    two
}

/// What a worker says of a recipe.
fn said(drill: &str, recipe: &str, outcome: Outcome) -> StepEnded {
    StepEnded {
        drill: drill.to_owned(),
        subject: Subject::Recipe { recipe: recipe.to_owned() },
        outcome,
        began: time(drc_now()).unwrap().to_string(),
        milliseconds: 20,
        fetch_ms: 7,
        decrypt_ms: 7,
        write_ms: 7,
        verify_ms: 7,
        check_ms: 19,
        files: 7,
        bytes: 7,
        total_files: 7,
        total_bytes: 7,
        text: "line\nof text".into(),
    }
}

fn tell(two: &Two, ended: &StepEnded) -> crate::gateway::answer::Answer<serde_json::Value> {
    two.drc.answer_drills(&Ask::Step { ended: ended.clone() })
}

fn end(two: &Two, id: &str) {
    let done = Done { drill: id.to_owned(), milliseconds: 30, leftovers: 0, text: String::new() };
    two.drc.answer_drills(&Ask::End { done }).unwrap();
}

/// Names of an announcement's recipes.
fn names(its: &DrillAnnounced) -> Vec<String> {
    let all = its.recipes.iter().flatten();
    all.map(|its| its.split('/').next().unwrap().to_owned()).collect()
}

/// Does what was announced; all of it passes.
fn work(two: &Two) -> DrillAnnounced {
    let id = two.drc.tend_drills(host).unwrap().unwrap();
    let begun = two.drc.answer_drills(&Ask::Start { id: id.clone(), host: host() }).unwrap();
    assert_eq!(begun["start"], "now", "{begun}");
    let its = announced(two).pop().unwrap();
    its.points.iter().for_each(|point| drop(step(two, &id, point, true)));
    names(&its).iter().for_each(|name| drop(tell(two, &said(&id, name, Outcome::Passed)).unwrap()));
    end(two, &id);
    its
}

#[test]
fn a_schedule_takes_each_recipe_in_its_turn_and_never_two_that_share_a_dataset() {
    let two = office();
    let dewi = person(&two, "dewi");
    apply(&two, &dewi, "surat", 1, &["letters"]);
    apply(&two, &dewi, "arsip", 1, &["archive"]);
    apply(&two, &dewi, "semua", 1, &["letters", "archive"]);
    apply(&two, &dewi, "lain", 1, &["letters", "nowhere"]);
    two.follow(|text| {
        format!("{text}\n[class.non-publik.drills]\napplication = \"@daily\"\nwindow = \"2d\"\ndatasets = 2\n")
    });
    let mut seen: Vec<Vec<String>> = Vec::new();
    for _ in 0..3 {
        wait(DAY);
        let its = work(&two);
        assert!(its.scratch_bytes >= 64 << 20, "what the programs may write counts");
        let points: BTreeSet<&String> = its.points.iter().collect();
        assert!(points.len() == its.points.len() && points.len() <= 2, "{its:?}");
        seen.push(names(&its));
    }
    assert!(ended(&two).iter().all(|its| its.outcome == "passed"));
    // Alone or both: what needs both datasets, and the two that need one each.
    let both = seen.iter().filter(|names| **names == ["semua"]).count();
    let (first, second) = (seen[0] == ["semua"], seen[1] == ["semua"]);
    assert!(both >= 1 && (first || second) && first != second, "{seen:?}");
    let all: BTreeSet<&String> = seen.iter().flatten().collect();
    assert_eq!(all, BTreeSet::from([&"surat".to_owned(), &"arsip".to_owned(), &"semua".to_owned()]));
}

#[test]
fn a_recipe_that_is_always_skipped_waits_for_its_turn_like_the_others() {
    let two = office();
    let dewi = person(&two, "dewi");
    ["satu", "dua", "tiga"].iter().for_each(|name| apply(&two, &dewi, name, 1, &["letters"]));
    two.follow(|text| format!("{text}\n[class.non-publik.drills]\napplication = \"@daily\"\nwindow = \"2d\"\n"));
    let mut seen = Vec::new();
    // Skipped by the worker, which has no program of it.
    for _ in 0..2 {
        wait(DAY);
        let id = two.drc.tend_drills(host).unwrap().unwrap();
        two.drc.answer_drills(&Ask::Start { id: id.clone(), host: host() }).unwrap();
        let its = announced(&two).pop().unwrap();
        step(&two, &id, &its.points[0], true);
        tell(&two, &said(&id, &names(&its)[0], Outcome::Skipped)).unwrap();
        end(&two, &id);
        seen.extend(names(&its));
    }
    // Skipped before it began.
    wait(DAY);
    let bare = || Host { no_recipes: Some("bwrap is not here".into()), ..host() };
    assert_eq!(two.drc.tend_drills(bare).unwrap(), None);
    seen.extend(names(&announced(&two).pop().unwrap()));
    let all: BTreeSet<String> = seen.iter().cloned().collect();
    assert_eq!((all.len(), ended(&two).len()), (3, 3), "{seen:?}");
    // And again, the first one first.
    wait(DAY);
    assert_eq!(names(&work(&two)), seen[..1]);
}

#[test]
fn a_class_drills_no_stricter_data_and_says_why_nothing_was_tried() {
    let two = office();
    let dewi = person(&two, "dewi");
    apply(&two, &dewi, "surat", 1, &["letters"]);
    two.follow(|text| {
        format!(
            "{text}\n[class.publik.drills]\napplication = \"@daily\"\nwindow = \"6h\"\n\
             [class.strategis.drills]\napplication = \"@daily\"\nwindow = \"2d\"\n"
        )
    });
    wait(2 * DAY);
    let its = work(&two);
    assert_eq!((its.schedule.as_deref(), names(&its)), (Some("strategis/application"), vec!["surat".to_owned()]));
    let missed: Vec<DrillMissed> = of(&two, |body| if let Body::DrillMissed(its) = body { Some(its) } else { None });
    let of_publik = missed.iter().find(|its| its.schedule == "publik/application").unwrap();
    assert!(of_publik.reason.contains("no recipe"), "{missed:?}");
}

#[test]
fn a_worker_says_only_what_was_announced_and_no_files_of_a_recipe() {
    let two = office();
    let dewi = person(&two, "dewi");
    apply(&two, &dewi, "surat", 1, &["letters"]);
    let wanted = Wanted { kind: "application".into(), recipe: Some("surat".into()), ..Wanted::default() };
    let plan = |wanted: Wanted| two.drc.answer_drills(&Ask::Plan { wanted });
    let planned: Planned = serde_json::from_value(plan(wanted.clone()).unwrap()).unwrap();
    assert_eq!(code(plan(Wanted { recipe: None, ..wanted.clone() })), Code::BadRequest);
    assert_eq!(code(plan(Wanted { recipe: Some("lain".into()), ..wanted.clone() })), Code::NotFound);
    let its = planned.announced;
    let refused = |change: &dyn Fn(&mut DrillAnnounced)| {
        let mut other = its.clone();
        change(&mut other);
        code(act(&two, &dewi, other, None))
    };
    assert_eq!(refused(&|its| its.recipes = None), Code::BadRequest);
    assert_eq!(refused(&|its| its.recipes = Some(vec!["surat/1/00".into()])), Code::BadRequest);
    assert_eq!(refused(&|its| its.kind = "restore".into()), Code::BadRequest);
    assert_eq!(refused(&|its| its.sample_percent = Some(50)), Code::BadRequest);
    // Another version came into force meanwhile.
    apply(&two, &dewi, "surat", 2, &["letters"]);
    assert_eq!(refused(&|_| {}), Code::BadRequest);
    let planned: Planned = serde_json::from_value(plan(wanted).unwrap()).unwrap();
    let its = planned.announced;
    act(&two, &dewi, its.clone(), None).unwrap();
    let (id, point) = (its.drill.to_string(), its.points[0].clone());
    assert_eq!(code(tell(&two, &said(&id, "surat", Outcome::Passed))), Code::BadRequest);
    two.drc.answer_drills(&Ask::Start { id: id.clone(), host: host() }).unwrap();
    // It runs over what came back before it.
    for outcome in [Outcome::Passed, Outcome::Failed, Outcome::Skipped] {
        assert_eq!(code(tell(&two, &said(&id, "surat", outcome))), Code::BadRequest, "{outcome:?}");
    }
    let restored = step(&two, &id, &point, true);
    // A point is not skipped, takes no time of an application, and is not told as a recipe.
    let skipped = StepEnded { outcome: Outcome::Skipped, ..restored.clone() };
    let checked = StepEnded { check_ms: 1, ..restored };
    let long = StepEnded { check_ms: 27, ..said(&id, "surat", Outcome::Passed) };
    for bad in [skipped, checked, said(&id, "lain", Outcome::Passed), said(&id, &point, Outcome::Passed), long] {
        assert_eq!(code(tell(&two, &bad)), Code::BadRequest, "{bad:?}");
    }
    tell(&two, &said(&id, "surat", Outcome::Skipped)).unwrap();
    assert_eq!(code(tell(&two, &said(&id, "surat", Outcome::Passed))), Code::BadRequest);
    end(&two, &id);
    assert_eq!(ended(&two)[0].outcome, "failed");
    let steps: Vec<DrillStep> = of(&two, |body| if let Body::DrillStep(its) = body { Some(its) } else { None });
    let step = &steps[1];
    assert_eq!((step.what.as_str(), step.outcome.as_str(), step.step), ("application surat", "skipped", 2));
    assert!(step.vault.is_none() && (step.files, step.bytes, step.total_files, step.total_bytes) == (0, 0, 0, 0));
    assert_eq!((step.phases.check, step.phases.fetch, step.text.lines().count()), (19, 0, 1));
}

#[test]
fn no_recipe_passes_over_data_that_did_not_come_back_and_one_that_cannot_be_read_comes_last() {
    let two = office();
    let dewi = person(&two, "dewi");
    apply(&two, &dewi, "surat", 1, &["letters"]);
    apply(&two, &dewi, "arsip", 1, &["archive"]);
    two.follow(|text| format!("{text}\n[class.non-publik.drills]\napplication = \"@daily\"\nwindow = \"2d\"\n"));
    wait(DAY);
    let id = two.drc.tend_drills(host).unwrap().unwrap();
    let its = announced(&two).pop().unwrap();
    assert_eq!((its.points.len(), names(&its).len()), (2, 2));
    two.drc.answer_drills(&Ask::Start { id: id.clone(), host: host() }).unwrap();
    let [first, second] = names(&its).try_into().unwrap();
    let failed = of_point(&id, &its.points[0], false);
    tell(&two, &failed).unwrap();
    assert_eq!(code(tell(&two, &said(&id, &first, Outcome::Passed))), Code::BadRequest);
    // The other's text is gone: nobody knows what it runs over, so that all of it comes before.
    let object = its.recipes.as_ref().unwrap()[0].rsplit('/').next().unwrap().to_owned();
    two.store.on(move |_, name| if name.as_str().contains(&object) { Err(broken(name)) } else { Ok(()) });
    assert_eq!(code(tell(&two, &said(&id, &first, Outcome::Failed))), Code::BadRequest);
    step(&two, &id, &its.points[1], true);
    tell(&two, &said(&id, &first, Outcome::Failed)).unwrap();
    tell(&two, &said(&id, &second, Outcome::Passed)).unwrap();
    end(&two, &id);
    assert_eq!((ended(&two)[0].outcome.as_str(), ended(&two)[0].steps), ("failed", 4));
}

#[test]
fn what_a_recipe_must_leave_free_is_no_room_for_it() {
    let two = office();
    let dewi = person(&two, "dewi");
    apply(&two, &dewi, "surat", 1, &["letters"]);
    two.follow(|text| {
        format!("{text}\n[class.non-publik.drills]\napplication = \"@daily\"\nrestore = \"@daily\"\nwindow = \"2d\"\n")
    });
    wait(DAY);
    let all = |free: u64| {
        let host = || Host { free_bytes: Some(free), reserve_bytes: Some(2 << 30), ..host() };
        two.drc.tend_drills(host).unwrap()
    };
    // There is none for the recipe, and enough for what is only restored.
    let first = all(0);
    let of = |kind: &str| announced(&two).into_iter().find(|its| its.kind == kind).unwrap();
    let (recipe, restored) = (of("application"), of("restore"));
    assert!(first.is_none() && restored.scratch_bytes < recipe.scratch_bytes);
    let id = recipe.drill.to_string();
    let start = |free: u64| {
        let host = Host { free_bytes: Some(free), reserve_bytes: Some(2 << 30), ..host() };
        two.drc.answer_drills(&Ask::Start { id: id.clone(), host }).unwrap()
    };
    assert_eq!(all(restored.scratch_bytes).as_deref(), Some(restored.drill.as_str()));
    let short = start(recipe.scratch_bytes + (2 << 30) - 1);
    assert!(short["start"] == "wait" && short["why"].as_str().unwrap().contains("stay free"), "{short}");
    assert_eq!(start(recipe.scratch_bytes + (2 << 30))["start"], "now");
}

#[test]
fn where_no_box_can_be_made_the_drill_is_skipped_before_anything_is_restored() {
    let two = office();
    let dewi = person(&two, "dewi");
    apply(&two, &dewi, "surat", 1, &["letters"]);
    two.follow(|text| format!("{text}\n[class.non-publik.drills]\napplication = \"@daily\"\nwindow = \"2d\"\n"));
    wait(DAY);
    let bare = || Host { no_recipes: Some("bwrap is not here".into()), ..host() };
    assert_eq!(two.drc.tend_drills(bare).unwrap(), None);
    let its = &ended(&two)[0];
    assert_eq!((its.outcome.as_str(), its.steps), ("skipped", 0));
    assert!(its.text.contains("bwrap"), "{}", its.text);
}

//! An order onto a server: which turn its word is about, for how long it may say it took, and when another
//! order takes the place of the one that is open.

use pulih_ledger::entry::kinds::{DisasterDeclared, PlanApplied, RecoveryBegun};
use pulih_protocol::enroll::Request;
use pulih_protocol::error::Code;
use pulih_protocol::recovery::{KeyAsked, Now, StepEnded, Turn};
use pulih_vault::id::ObjectHash;
use pulih_vault::utc;
use serde_json::{Value, json};

use super::super::lock;
use super::super::recovery::Ask;
use super::super::recovery::order::{ServersTurn, Wanted};
use super::bench::{Two, drc_now};
use super::changes::{Person, act, person};
use crate::catalog::{Agent, Step};
use crate::gateway::answer::Answer;
use crate::pusat::tests::bench::{LAYOUT, VAULT, code, csr, wait};

const PLAN: &str = "type = \"pulih/plan/v1\"\nname = \"kabupaten\"\nversion = 1\ntitle = \"Rencana pemulihan\"\n\
    [person.dewi]\nname = \"Dewi, Diskominfo\"\nrole = \"koordinator\"\ncontact = \"0811\"\nuser = \"dewi\"\n\
    [service.surat]\ntitle = \"Surat menyurat\"\ntier = 1\nresponsible = \"dewi\"\ndatasets = [\n\
    { opd = \"dinkes\", agent = \"app-1\", dataset = \"letters\" },\n\
    { opd = \"dinkes\", agent = \"app-1\", dataset = \"archive\" },\n]\n";

/// A disaster, two datasets of one vault, and a server that enrolled at the DRC.
struct Onto {
    two: Two,
    dewi: Person,
    server: Agent,
}

impl Onto {
    fn new() -> Self {
        let two = Two::new();
        two.pusat.approve("archive");
        two.save(1);
        two.pusat.save(two.first, "archive", 1);
        two.round().unwrap();
        let dewi = person(&two, "dewi");
        act(&two, &dewi, DisasterDeclared { disaster: "dis-1".parse().unwrap(), reason: "uji".into() }, None).unwrap();
        let intake = two.drc.intake();
        let secret = crate::pki::hex(&intake.invite("baru", "dinkes", false).unwrap().token.secret);
        intake.enroll(&Request { secret, csr: csr(), host: "baru".into(), program: "uji".into() }).unwrap();
        let server = lock(&two.drc.catalog).agent("baru").unwrap().unwrap();
        Self { two, dewi, server }
    }

    /// The newest point of a dataset, as an order names it.
    fn point(&self, dataset: &str) -> String {
        let points = lock(&self.two.drc.catalog).points(&VAULT.to_string(), dataset).unwrap();
        format!("{VAULT}/{dataset}/{}", points[0].snapshot)
    }

    fn ordered(&self, id: &str, plan: Option<&str>, datasets: &[&str]) {
        let begun = RecoveryBegun {
            recovery: id.parse().unwrap(),
            disaster: Some("dis-1".parse().unwrap()),
            plan: plan.map(str::to_owned),
            target: "baru".into(),
            reason: None,
            server: Some("baru".parse().unwrap()),
            points: datasets.iter().map(|dataset| self.point(dataset)).collect(),
        };
        act(&self.two, &self.dewi, begun, None).unwrap();
    }

    /// What the command that follows the order says, and hears.
    fn follow(&self, recovery: &str, dataset: &str, after: u64) -> Answer<Value> {
        let point = self.point(dataset);
        let turn = ServersTurn { recovery: recovery.into(), point, number: 1, left_bytes: 0, after };
        self.two.drc.answer_recovery(&Ask::ServersTurn { turn })
    }

    /// It is a dataset's turn, and the server is told.
    fn turn(&self, recovery: &str, dataset: &str, after: u64) -> Turn {
        assert!(self.follow(recovery, dataset, after).unwrap()["outcome"].is_null());
        self.told()
    }

    fn told(&self) -> Turn {
        match self.two.drc.recovery_now(&self.server).unwrap() {
            Now::Restore(turn) => turn,
            other => panic!("it is the server's turn, and not {other:?}"),
        }
    }

    fn says(&self, turn: &Turn, outcome: &str, milliseconds: u64) -> Answer<()> {
        let step = StepEnded { outcome: outcome.into(), milliseconds, ..said_of(turn) };
        self.two.drc.recovery_step(&self.server, &step).map(drop)
    }

    fn steps(&self, recovery: &str) -> Vec<Step> {
        lock(&self.two.drc.catalog).steps(recovery).unwrap()
    }

    /// What a command with this would do: the order that it would go on with, if any, and what is to be restored.
    fn would(&self, plan: Option<&str>, datasets: &[&str], skip: &[&str]) -> (Value, Vec<String>) {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect();
        let wanted = Wanted {
            plan: plan.map(str::to_owned),
            datasets: texts(datasets),
            skip: texts(skip),
            target: "baru".into(),
            server: Some("baru".into()),
            ..Wanted::default()
        };
        let prepared = self.two.drc.answer_recovery(&Ask::Prepare { wanted }).unwrap();
        let items = prepared["items"].as_array().unwrap();
        let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
        let points = items.iter().map(|item| ["vault", "dataset", "snapshot"].map(|name| text(item, name)).join("/"));
        (prepared["recovery"].clone(), points.collect())
    }

    fn outcome(&self, recovery: &str) -> Option<String> {
        lock(&self.two.drc.catalog).recovery(recovery).unwrap().unwrap().outcome
    }
}

fn said_of(turn: &Turn) -> StepEnded {
    StepEnded {
        recovery: turn.recovery.clone(),
        vault: turn.vault.clone(),
        dataset: turn.dataset.clone(),
        snapshot: turn.snapshot.clone(),
        after: turn.after,
        outcome: "done".into(),
        milliseconds: 1,
        fetch: 0,
        write: 0,
        verify: 0,
        files: 1,
        bytes: 1,
        text: String::new(),
    }
}

#[test]
fn what_is_said_of_a_turn_after_another_began_is_not_written() {
    let onto = Onto::new();
    onto.ordered("rec-1", None, &["letters", "archive"]);
    let first = onto.turn("rec-1", "letters", 0);
    onto.says(&first, "failed", 1).unwrap();
    assert_eq!(onto.follow("rec-1", "letters", 0).unwrap()["outcome"], "failed");
    // The same dataset is tried again; the server still says what came of the first try, and thinks better of it.
    let second = onto.turn("rec-1", "letters", 1);
    assert_eq!((first.after, second.after), (0, 1));
    let said = onto.says(&first, "done", 1).unwrap_err();
    assert_eq!((said.code, said.message.contains("that turn is over")), (Code::Forbidden, true));
    // What it said at the time it may say again, and it ends nothing.
    onto.says(&first, "failed", 1).unwrap();
    assert_eq!(onto.steps("rec-1").len(), 1);
    assert_eq!(onto.told(), second);
    // A turn that nobody said the end of, after which another dataset's began.
    let other = onto.turn("rec-1", "archive", 1);
    assert_eq!(code(onto.says(&second, "done", 1)), Code::Forbidden);
    assert_eq!(onto.told(), other);
    // Nor is it another server's turn.
    let stranger = Agent { name: "lain".into(), ..onto.server.clone() };
    assert_eq!(code(onto.two.drc.recovery_step(&stranger, &said_of(&other))), Code::Forbidden);
    onto.says(&other, "done", 1).unwrap();
    let written = onto.steps("rec-1");
    let outcomes: Vec<_> = written.iter().map(|step| (step.step, &*step.outcome)).collect();
    assert_eq!(outcomes, [(1, "failed"), (2, "done")]);
    assert!(written[1].is_of(&onto.point("archive")));
    // No turn is going on: it waits, and what is said ends nothing.
    assert_eq!(onto.two.drc.recovery_now(&onto.server).unwrap(), Now::Wait { recovery: "rec-1".into() });
    assert_eq!(code(onto.says(&second, "done", 1)), Code::Busy);
    assert_eq!(onto.steps("rec-1").len(), 2);
}

#[test]
fn a_step_took_no_longer_than_since_the_server_was_told() {
    let onto = Onto::new();
    onto.ordered("rec-1", None, &["letters"]);
    let mut after = 0;
    let mut took = |waited: i64, milliseconds: u64| {
        let turn = onto.turn("rec-1", "letters", after);
        let told = utc::rfc3339(drc_now());
        wait(waited);
        onto.says(&turn, "failed", milliseconds).unwrap();
        after += 1;
        let step = onto.steps("rec-1").pop().unwrap();
        assert_eq!((step.step, &step.began), (after, &told));
        step.milliseconds
    };
    // The clock here counts whole seconds: the one that has begun is the server's.
    assert_eq!(took(60, 59_999), 59_999);
    assert_eq!(took(60, 3_600_000), 61_000);
    assert_eq!(took(60, 1 << 52), 61_000);
    assert_eq!(took(0, 5000), 1000);
    // A clock that was set back makes it no longer.
    assert_eq!(took(-30, 5000), 1000);
    // Asked again, it begins again: a run that was killed is none of what it took.
    let turn = onto.turn("rec-1", "letters", after);
    wait(3600);
    assert_eq!(onto.told(), turn);
    wait(10);
    onto.says(&turn, "done", 3_605_000).unwrap();
    let step = onto.steps("rec-1").pop().unwrap();
    assert_eq!((step.milliseconds, step.ended()), (11_000, drc_now() + 1));
}

#[test]
fn an_order_with_other_points_ends_the_open_one_and_its_turn() {
    let onto = Onto::new();
    onto.ordered("rec-1", None, &["letters"]);
    let turn = onto.turn("rec-1", "letters", 0);
    let pack = LAYOUT.pack(ObjectHash::of(b"letters 1"));
    assert!(onto.two.drc.is_ordered(&onto.server, &pack).unwrap());
    assert_eq!(onto.would(None, &["letters"], &[]), (json!("rec-1"), vec![onto.point("letters")]));
    for datasets in [&["archive"][..], &["letters", "archive"]] {
        let points = datasets.iter().map(|name| onto.point(name)).collect();
        assert_eq!(onto.would(None, datasets, &[]), (Value::Null, points));
    }
    onto.ordered("rec-2", None, &["letters", "archive"]);
    assert_eq!((onto.outcome("rec-1").as_deref(), onto.outcome("rec-2")), (Some("aborted"), None));
    // Neither its turn nor what belongs to it is the new one's.
    assert_eq!(onto.two.drc.recovery_now(&onto.server).unwrap(), Now::Wait { recovery: "rec-2".into() });
    assert_eq!(code(onto.two.drc.is_ordered(&onto.server, &pack)), Code::Busy);
    for (recovery, refused) in [("rec-1", Code::Forbidden), ("rec-2", Code::Busy)] {
        let asked = KeyAsked { recovery: recovery.into(), object: pack.to_string() };
        assert_eq!(code(onto.two.drc.recovery_key(&onto.server, &asked)), refused, "{recovery}");
    }
    assert_eq!(code(onto.says(&turn, "done", 1)), Code::Forbidden);
    assert_eq!(code(onto.follow("rec-1", "letters", 0)), Code::NotFound);
    assert!(onto.steps("rec-1").is_empty() && onto.steps("rec-2").is_empty());
    // A newer point alone makes no other order: the one that is open goes on with its own.
    let points = ["letters", "archive"].map(|name| onto.point(name)).to_vec();
    onto.two.save(2);
    onto.two.round().unwrap();
    assert_ne!(onto.point("letters"), points[0]);
    assert_eq!(onto.would(None, &["letters", "archive"], &[]), (json!("rec-2"), points));
}

#[test]
fn a_plan_of_which_less_is_wanted_is_another_order() {
    let onto = Onto::new();
    let object = ObjectHash::of(PLAN.as_bytes());
    let applied = PlanApplied { plan: "kabupaten".into(), version: 1, object };
    act(&onto.two, &onto.dewi, applied, Some(PLAN)).unwrap();
    let plan = Some("kabupaten");
    onto.ordered("rec-1", plan, &["letters", "archive"]);
    let both = || ["letters", "archive"].map(|name| onto.point(name)).to_vec();
    assert_eq!(onto.would(plan, &[], &[]), (json!("rec-1"), both()));
    // What is left out would never come, and the record would say that all of it was done.
    let less = (Value::Null, vec![onto.point("letters")]);
    assert_eq!(onto.would(plan, &[], &["app-1/archive"]), less);
    onto.ordered("rec-2", plan, &["letters"]);
    assert_eq!(onto.outcome("rec-1").as_deref(), Some("aborted"));
    assert_eq!(onto.would(plan, &[], &["app-1/archive"]).0, "rec-2");
    assert_eq!(onto.would(plan, &[], &[]), (Value::Null, both()));
}

use pulih_ledger::entry::kinds::{
    AgentClock, AgentHeard, AgentSilent, ApprovalEnded, ApprovalGiven, BackupFailing, ExpiryStopped, LinkBack,
    LinkLost, PolicyApplied, ReplicationStopped, SiteAway, SnapshotAccepted, SnapshotReplicated, SnapshotsExpired,
    SuspicionEnded, SuspicionRaised, VaultPinned,
};
use pulih_ledger::ids::Sha256;
use pulih_vault::note::Fingerprint;

use super::*;
use crate::rpo::{Figures, Target};

const VAULT: VaultId = VaultId([7; 16]);
const TARGET: [Target; 1] = [Target { from: 0, seconds: 100 }];

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn time(seconds: i64) -> Time {
    id(&utc::rfc3339(seconds))
}

fn key() -> Key {
    Key { vault: VAULT, dataset: id("surat") }
}

fn name(number: u8) -> ManifestName {
    ManifestName { sequence: number.into(), hash: ObjectHash([number; 32]) }
}

fn accepted(number: u8, captured: i64, partial: bool, late: bool) -> Body {
    let (dataset, manifest, captured) = (id("surat"), name(number), time(captured));
    let (keep_until, tiers, stored_bytes) = (None, Vec::new(), 1);
    SnapshotAccepted { vault: VAULT, dataset, manifest, captured, keep_until, tiers, stored_bytes, partial, late }
        .into()
}

fn replicated(number: u8, accepted: i64, captured: i64) -> Body {
    SnapshotReplicated {
        from: id("pusat-33.19"),
        vault: VAULT,
        dataset: id("surat"),
        manifest: name(number),
        accepted: time(accepted),
        captured: time(captured),
        keep_until: None,
        tiers: Vec::new(),
        stored_bytes: 1,
        partial: false,
        provisional: false,
    }
    .into()
}

fn approved(approval: &str, until: Option<i64>) -> Body {
    ApprovalGiven {
        approval: id(approval),
        opd: id("dinkes"),
        vault: VAULT,
        dataset: id("surat"),
        by: "Kepala".into(),
        letter: "1".into(),
        document_sha256: Sha256([1; 32]),
        until: until.map(time),
    }
    .into()
}

fn pinned() -> Body {
    let owner = id::<Fingerprint>(&format!("SHA256:{}", "A".repeat(43)));
    VaultPinned { vault: VAULT, opd: id("dinkes"), agent: id("app-1"), class: "publik".into(), owner }.into()
}

fn told(entries: Vec<(i64, Body)>) -> Facts {
    let mut facts = Facts::default();
    facts.take(&time(0), true, &pinned());
    for (at, body) in entries {
        facts.take(&time(at), !matches!(body, Body::ApprovalGiven(_)), &body);
    }
    facts
}

fn figures(facts: &Facts, peer: Option<&Facts>, now: i64) -> Figures {
    facts.timeline(&key(), peer).unwrap().figures(0, i64::MAX, now, &TARGET)
}

fn causes(facts: &Facts, peer: Option<&Facts>, now: i64) -> Vec<Vec<Cause>> {
    figures(facts, peer, now).breaches.iter().map(|breach| facts.causes(&key(), peer, breach)).collect()
}

#[test]
fn a_point_counts_from_its_acceptance_and_one_that_came_late_for_what_it_is_worth() {
    let facts = told(vec![
        (1000, approved("a-1", None)),
        (1050, accepted(1, 10, false, false)),
        (1300, accepted(2, 1120, false, true)),
        (1310, accepted(3, 9_999, false, true)),
    ]);
    let its = facts.timeline(&key(), None).unwrap();
    assert_eq!([1049, 1050, 1299, 1300, 1310, 1311].map(|at| its.exposure(at)), [49, 0, 249, 180, 0, 1].map(Some));
    assert_eq!(facts.points(&key(), 1050, 1310), 2);
}

#[test]
fn a_copy_counts_from_when_it_was_whole_there_and_by_the_oldest_of_its_dates() {
    let facts = told(vec![
        (500, replicated(1, 400, 300)),
        (600, replicated(1, 400, 300)),
        (700, replicated(2, 650, 690)),
        (800, replicated(3, 900, 900)),
    ]);
    let its = facts.timeline(&key(), None).unwrap();
    assert_eq!([500, 699, 700, 800].map(|at| its.exposure(at)), [200, 399, 50, 0].map(Some));
}

#[test]
fn a_dataset_counts_from_its_approval_to_its_end_wherever_that_stands() {
    let pusat = told(vec![
        (100, approved("a-1", Some(400))),
        (200, approved("a-2", None)),
        (300, ApprovalEnded { approval: id("a-2"), reason: "selesai".into() }.into()),
    ]);
    assert_eq!(figures(&pusat, None, 9000).seconds, 300);
    let drc = told(vec![(250, replicated(1, 240, 240))]);
    assert_eq!(figures(&drc, Some(&pusat), 9000).seconds, 300);
    // Without one: from the first point on, for ever.
    assert_eq!(figures(&drc, None, 9250).seconds, 9000);
    assert!(told(Vec::new()).timeline(&key(), None).is_none());
}

#[test]
fn what_is_suspected_is_left_out_of_one_figure_until_a_person_has_looked() {
    let raised = |since| SuspicionRaised {
        suspicion: id("s-1"),
        vault: key().vault,
        dataset: key().dataset,
        since: time(since),
        measure: "entropy".into(),
        text: String::new(),
    };
    let own = vec![(100, accepted(1, 90, false, false)), (200, accepted(2, 190, false, false))];
    let both = |facts: &Facts| {
        let timeline = facts.timeline(&key(), None).unwrap();
        (timeline.exposure(300).unwrap(), facts.clean_exposure(&key(), None, 300).unwrap())
    };
    assert_eq!(both(&told(own.clone())), (100, 100));
    let suspected = [own.clone(), vec![(210, raised(150).into())]].concat();
    assert_eq!(both(&told(suspected.clone())), (100, 200));
    // At a DRC by the time of acceptance, not by when it came over: both were taken in before.
    let copies = vec![(250, replicated(1, 100, 90)), (260, replicated(2, 200, 190)), (270, raised(150).into())];
    assert_eq!(both(&told(copies)), (110, 210));
    // With every point suspected it counts since there was one at all.
    assert_eq!(both(&told([own, vec![(210, raised(50).into())]].concat())), (100, 200));
    let ended = SuspicionEnded { suspicion: id("s-1"), reason: "a migration".into() };
    assert_eq!(both(&told([suspected, vec![(220, ended.into())]].concat())), (100, 100));
}

#[test]
fn what_went_is_no_point_any_more() {
    let gone = SnapshotsExpired {
        vault: VAULT,
        dataset: id("surat"),
        manifests: vec![name(2).to_string(), "nonsense".into()],
        deletion: None,
    };
    let facts = told(vec![(10, accepted(1, 10, false, false)), (20, accepted(2, 20, false, false)), (30, gone.into())]);
    let its = facts.timeline(&key(), None).unwrap();
    assert_eq!([29, 30].map(|at| its.exposure(at)), [9, 20].map(Some));
}

#[test]
fn a_breach_says_why() {
    let (agent, since) = (|| id("app-1"), || time(50));
    let first = || (10, accepted(1, 10, false, false));
    let last = || (1000, accepted(9, 1000, false, false));
    let breach = |between: Vec<(i64, Body)>| {
        let all = [first()].into_iter().chain(between).chain([last()]).collect();
        causes(&told(all), None, 1001).concat()
    };
    assert_eq!(breach(vec![]), [Cause::Overdue]);
    assert_eq!(breach(vec![(500, accepted(2, 500, true, false))]), [Cause::Partial]);
    assert_eq!(breach(vec![(90, SiteAway { since: since() }.into())]), [Cause::SiteAway]);
    let silent = || (90, AgentSilent { agent: agent(), since: since() }.into());
    assert_eq!(breach(vec![silent()]), [Cause::AgentSilent]);
    let heard = AgentHeard { agent: agent(), since: since() };
    assert_eq!(breach(vec![silent(), (95, heard.into())]), [Cause::AgentSilent]);
    let failing = BackupFailing { agent: agent(), dataset: id("surat"), since: since(), text: "disk penuh".into() };
    assert_eq!(breach(vec![silent(), (99, failing.into())]), [Cause::AgentSilent, Cause::Failing]);
    // Of another server, or over before there was anything to miss.
    let other = AgentSilent { agent: id("app-2"), since: since() };
    assert_eq!(breach(vec![(90, other.into())]), [Cause::Overdue]);
    assert_eq!(breach(vec![(5, SiteAway { since: time(1) }.into())]), [Cause::Overdue]);
}

#[test]
fn a_copy_is_late_by_the_line_or_since_it_was_not_fetched() {
    let peer = || id("pusat-33.19");
    let pusat = told(vec![(10, accepted(1, 10, false, false)), (200, accepted(2, 200, false, false))]);
    let drc = |more: Vec<(i64, Body)>| {
        let all = [(11, replicated(1, 10, 10))].into_iter().chain(more).collect();
        causes(&told(all), Some(&pusat), 400)
    };
    assert_eq!(drc(vec![]), [[Cause::Behind]]);
    let lost = || (300, LinkLost { peer: peer(), since: time(150) }.into());
    assert_eq!(drc(vec![lost()]), [[Cause::Link, Cause::Behind]]);
    let back = LinkBack { peer: peer(), since: time(150) };
    assert_eq!(drc(vec![lost(), (320, back.into()), (321, replicated(2, 200, 200))])[0], [Cause::Link]);
    let stopped = ReplicationStopped { reason: "dibangun kembali".into() };
    assert_eq!(drc(vec![(300, stopped.into())]), [[Cause::Link, Cause::Behind]]);
    // What no snapshot was made for is not the line's doing.
    let quiet = told(vec![(10, accepted(1, 10, false, false))]);
    let alone = told(vec![(11, replicated(1, 10, 10))]);
    assert_eq!(causes(&alone, Some(&quiet), 400), [[Cause::Overdue]]);
}

#[test]
fn clocks_that_cannot_be_right_are_told() {
    let facts = told(vec![
        (100, accepted(1, 100, false, false)),
        (90, accepted(2, 90, false, false)),
        (200, ExpiryStopped { reason: "jam".into() }.into()),
        (210, AgentClock { agent: id("app-1"), seconds: -7200 }.into()),
    ]);
    assert_eq!(
        [(0, 90), (90, 91), (91, 200), (200, 201)].map(|(from, to)| facts.is_clock_doubted(from, to)),
        [false, true, false, true]
    );
    assert_eq!(facts.clock_of(&id("app-1")), Some(-7200));
}

#[test]
fn policies_come_in_their_order() {
    let applied = |object: u8| PolicyApplied { policy: "p".into(), version: 1, object: ObjectHash([object; 32]) };
    let facts = told(vec![(10, applied(1).into()), (20, applied(2).into())]);
    assert_eq!(facts.policies(), [(10, ObjectHash([1; 32])), (20, ObjectHash([2; 32]))]);
    assert_eq!(facts.owner(&VAULT).map(|owner| owner.class.as_str()), Some("publik"));
}

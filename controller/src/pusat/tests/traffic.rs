//! What a site measures of what comes and goes, by a clock that is moved by hand: requests go the way that the gateway
//! leads them, and what is on the ledger after a month's end is held against what was sent.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use pulih_ledger::entry::kinds::{AgentEnrolled, LineageBegun, TrafficMeasured};
use pulih_ledger::entry::{Body as Said, View};
use pulih_policies::Zone;
use pulih_protocol::path;
use pulih_vault::description::agent_key_name;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::Layout;
use pulih_vault::note::SigningKey;
use ring::rand::SystemRandom;
use tower::ServiceExt as _;

use super::super::lock;
use super::bench::{Bench, DAY, VAULT, broken, now, wait};
use crate::gateway::{Shown, router};
use crate::pki::CertificateHash;
use crate::record::time;

const OTHER: VaultId = VaultId([8; 16]);
const HOUR: i64 = 3600;

/// A server whose requests are answered as the gateway would.
struct Server {
    certificate: CertificateHash,
    vault: VaultId,
    lineage: String,
}

/// Two servers, each of another office.
fn ready(bench: &Bench) -> (Server, Server) {
    bench.pusat.add_opd("disdik", "Dinas Pendidikan", &bench.owner.verifier().fingerprint().to_string()).unwrap();
    let server = |agent: &str, opd: &str, vault, lineage: &str| {
        let certificate = bench.enroll_as(agent, opd, false);
        let key = SigningKey::generate(&agent_key_name(vault), &SystemRandom::new()).unwrap();
        bench.write(AgentEnrolled {
            agent: agent.parse().unwrap(),
            opd: opd.parse().unwrap(),
            vault,
            class: "publik".into(),
            owner: bench.owner.verifier().fingerprint(),
            key: key.verifier(),
            host: agent.into(),
        });
        let (lineage, machine) = (lineage.repeat(32), lineage.repeat(64));
        let (agent, host) = (agent.parse().unwrap(), agent.to_owned());
        bench.write(LineageBegun { agent, lineage: lineage.clone(), of: None, machine, host });
        Server { certificate, vault, lineage }
    };
    (server("app-1", "dinkes", VAULT, "a"), server("app-2", "disdik", OTHER, "b"))
}

impl Server {
    /// Asks for an object or brings one; returns the status and how many bytes the answer had.
    fn asks(&self, gate: &Router, method: Method, hash: ObjectHash, body: Vec<u8>) -> (StatusCode, u64) {
        let name = Layout { vault: self.vault }.index(hash);
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{name}", path::OBJECTS))
            .header(path::LINEAGE_HEADER, &self.lineage)
            .header("content-length", body.len())
            .extension(Shown(Some(self.certificate)))
            .body(Body::from(body))
            .unwrap();
        // Bodies are polled on this thread, whose clock is the test's.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let answer = gate.clone().oneshot(request).await.unwrap();
            let status = answer.status();
            (status, answer.into_body().collect().await.unwrap().to_bytes().len() as u64)
        })
    }

    /// Brings an object of so many bytes; returns its hash.
    fn brings(&self, gate: &Router, bytes: usize, number: u8) -> ObjectHash {
        let object = vec![number; bytes];
        let hash = ObjectHash::of(&object);
        assert_eq!(self.asks(gate, Method::PUT, hash, object), (StatusCode::CREATED, 0));
        hash
    }
}

/// All that is on the ledger of what was measured, as `opd from`.
fn measured(bench: &Bench) -> BTreeMap<(String, i64), TrafficMeasured> {
    let record = lock(&bench.pusat.record);
    let mut all = BTreeMap::new();
    for recorded in record.log().entries(0) {
        let entry = recorded.unwrap().read().unwrap();
        if let View::Known(body) = entry.view
            && let Said::TrafficMeasured(its) = *body
        {
            let from = pulih_vault::utc::parse(its.from.as_str()).unwrap();
            assert!(all.insert((its.opd.to_string(), from), its).is_none(), "a month is there twice");
        }
    }
    all
}

/// What passed is written down, by a clock that goes as the test's does.
fn settle(bench: &Bench) {
    let keep = |passed: &[_], served: &[_]| lock(&bench.pusat.catalog).add_traffic(passed, served);
    bench.pusat.meter.settle(now(), keep).unwrap();
}

fn say(bench: &Bench) {
    settle(bench);
    bench.pusat.say_traffic().unwrap();
}

/// The site is served from here on.
fn serve(bench: &Bench) {
    bench.pusat.meter.begin(now());
}

fn serving(bench: &Bench) -> Router {
    serve(bench);
    router(bench.pusat.clone(), None)
}

#[test]
fn what_came_and_went_in_a_month_is_on_the_ledger_once_for_each_office() {
    let mut bench = Bench::new();
    let (health, schools) = ready(&bench);
    let zone = bench.pusat.in_force().policy.zone;
    let (begin, end) = (zone.month_end(now() - 31 * DAY), zone.month_end(now()));
    assert_eq!(zone, Zone::Jakarta, "the default policy's");
    let gate = serving(&bench);
    let from = now();

    let object = health.brings(&gate, 5000, 1);
    // Sent back whole; and a hash that is another's, of which all is read before it is refused.
    assert_eq!(health.asks(&gate, Method::GET, object, Vec::new()), (StatusCode::OK, 5000));
    let (status, said) = schools.asks(&gate, Method::PUT, object, vec![2; 3000]);
    assert!(status.is_client_error(), "{status}");
    // Who shows no certificate, or one that lets nobody in, is of no office.
    let nobody = Server { certificate: CertificateHash([9; 32]), vault: VAULT, lineage: "a".repeat(32) };
    assert_eq!(nobody.asks(&gate, Method::PUT, object, vec![2; 700]).0, StatusCode::UNAUTHORIZED);
    wait(HOUR);
    let busiest = now() - now().rem_euclid(HOUR);
    health.brings(&gate, 6000, 3);
    settle(&bench);

    // The process ends as it should, and comes back a day later.
    let stopped = now();
    wait(DAY);
    bench.restart(false).unwrap();
    let gate = serving(&bench);
    let again = now();
    health.brings(&gate, 400, 4);
    settle(&bench);
    // It is killed: what passed since, and the time, are lost together.
    wait(600);
    health.brings(&gate, 50, 5);
    let killed = now();
    bench.restart(false).unwrap();
    let gate = serving(&bench);
    // Across the month's end: one body before, one after.
    wait(end - 1 - now());
    schools.brings(&gate, 70, 6);
    wait(1);
    schools.brings(&gate, 900, 7);
    say(&bench);
    assert!(measured(&bench).is_empty(), "its last moment may not be here yet");
    wait(120);
    say(&bench);
    say(&bench);

    let all = measured(&bench);
    assert_eq!(
        all.keys().map(|(opd, from)| (opd.as_str(), *from)).collect::<Vec<_>>(),
        [("dinkes", begin), ("disdik", begin)]
    );
    let its = &all[&("dinkes".to_owned(), begin)];
    let day = |at: i64| ((at - begin) / DAY) as usize;
    let mut days = vec![0; 30];
    days[day(from)] += 5000;
    days[day(busiest)] += 6000;
    days[day(again)] += 400;
    assert_eq!((its.received, its.sent, &its.days), (11_400, 5000, &days));
    assert_eq!((its.busiest.clone(), its.busiest_bytes), (Some(time(busiest).unwrap()), 6000));
    assert_eq!((its.from.clone(), its.until.clone()), (time(begin).unwrap(), time(end).unwrap()));
    assert_eq!(its.measured_seconds as i64, (stopped - from) + (end - killed));
    let its = &all[&("disdik".to_owned(), begin)];
    assert_eq!((its.received, its.sent, its.busiest_bytes), (3070, said, 3000));

    // A catalog that was made anew writes no month again. The running one says how little it saw.
    bench.restart(true).unwrap();
    serve(&bench);
    say(&bench);
    assert_eq!(measured(&bench).len(), 2);
    let anew = now();
    let next = zone.month_end(end + 1);
    wait(next + 120 - now());
    say(&bench);
    let all = measured(&bench);
    let its = &all[&("disdik".to_owned(), end)];
    assert_eq!((its.received, its.measured_seconds as i64, &its.busiest), (0, next - anew, &None));
    assert_eq!(all.len(), 4);
}

#[test]
fn months_that_ended_while_the_site_was_down_are_told_without_figures() {
    let mut bench = Bench::new();
    let zone = bench.pusat.in_force().policy.zone;
    let (begin, end) = (zone.month_end(now() - 31 * DAY), zone.month_end(now()));
    serve(&bench);
    wait(60);
    settle(&bench);
    // Longer, and a person looks at the clock first.
    wait(34 * DAY);
    bench.restart(false).unwrap();
    serve(&bench);
    let entries = bench.pusat.entries();
    say(&bench);
    let all = measured(&bench);
    assert_eq!(all.keys().map(|(_, from)| *from).collect::<Vec<_>>(), [begin]);
    assert_eq!(all.values().map(|its| (its.received, its.measured_seconds)).collect::<Vec<_>>(), [(0, 60)]);
    assert_eq!(bench.pusat.entries(), entries + 1);
    // A clock that jumps writes nothing.
    wait(400 * DAY);
    say(&bench);
    assert_eq!(bench.pusat.entries(), entries + 1);
    wait(-400 * DAY);
    wait(zone.month_end(end + 1) + 120 - now());
    say(&bench);
    assert_eq!(measured(&bench).len(), 2);
}

#[test]
fn an_office_that_came_later_is_told_of_from_its_own_month_on() {
    let bench = Bench::new();
    let zone = bench.pusat.in_force().policy.zone;
    let end = zone.month_end(now());
    serve(&bench);
    wait(end + DAY - now());
    bench.pusat.add_opd("disdik", "Dinas Pendidikan", &bench.owner.verifier().fingerprint().to_string()).unwrap();
    say(&bench);
    wait(30 * DAY);
    bench.write(crate::pusat::tests::accepted(VAULT, 1));
    wait(2 * DAY);
    say(&bench);
    let of: Vec<_> = measured(&bench).into_keys().collect();
    let begin = zone.month_end(end - 31 * DAY);
    assert_eq!(of, [("dinkes".to_owned(), begin), ("dinkes".to_owned(), end), ("disdik".to_owned(), end)]);
}

#[test]
fn a_month_that_did_not_come_onto_the_ledger_comes_once_when_the_store_is_back() {
    let mut bench = Bench::new();
    let (health, _) = ready(&bench);
    let end = bench.pusat.in_force().policy.zone.month_end(now());
    health.brings(&serving(&bench), 4321, 1);
    settle(&bench);
    wait(end + 120 - now());
    bench.store.on(|what, name| {
        if what == "create" && name.as_str().contains("/ledger/batch/") { Err(broken(name)) } else { Ok(()) }
    });
    bench.pusat.say_traffic().unwrap_err();
    bench.store.off();
    bench.restart(false).unwrap();
    for _ in 0..2 {
        bench.pusat.say_traffic().unwrap();
        let all = measured(&bench);
        assert_eq!(all.values().map(|its| its.received).collect::<Vec<_>>(), [4321, 0]);
    }
}

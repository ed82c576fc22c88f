//! A national data centre as it was on the night of 19 June 2024: fifty tenants, of which one has a backup elsewhere (2
//! of a hundred); no DRC, no plan, no drill, no audit on record, and nobody appointed.

use pulih_ledger::Log;
use pulih_ledger::entry::kinds::UserAdded;
use pulih_policies::Class;
use pulih_vault::note::SigningKey;
use ring::rand::SystemRandom;

use super::super::lock;
use super::super::region::people::Person;
use super::super::region::servers::{self, Office};
use super::{Judged, judged};
use crate::evidence::read::{Extent, Sources};
use crate::pusat::tests::bench::{Bench, DAY, in_memory, now, wait};
use crate::record::time;
use crate::site::SiteRole;

const FILE: &str = "name = \"PDNS 2\"\nregency = \"35.78\"\nlisten = \"127.0.0.1:1\"\nhosts = [\"localhost\"]\n";
const TENANTS: usize = 50;
/// 17:00 UTC, midnight in Surabaya.
const NIGHT: &str = "2024-06-19T17:00:00Z";

pub fn fleet() -> Judged {
    let night = pulih_vault::utc::parse(NIGHT).unwrap();
    let after = now();
    wait(night - 10 * DAY - now());
    let site = Bench::of(in_memory(), FILE);
    let offices: Vec<Office> = (0..TENANTS)
        .map(|n| Office {
            opd: Box::leak(format!("opd-{n:02}").into_boxed_str()),
            title: Box::leak(format!("Penyewa {n}").into_boxed_str()),
            servers: if n == 0 { &[("app-1", Class::Publik)] } else { &[] },
        })
        .collect();
    let servers = servers::enroll(&site, &offices);
    let key = SigningKey::generate("pulih-person", &SystemRandom::new()).unwrap();
    let admin = Person { id: "admin", key };
    site.write(UserAdded {
        user: "admin".parse().unwrap(),
        name: "Admin".into(),
        roles: vec!["admin".into()],
        opd: None,
        key: admin.verifier(),
        decree: None,
        until: None,
    });
    let id = site.pusat.id().unwrap();
    let act = |body: pulih_ledger::entry::Body, attachment: Option<&str>| {
        site.pusat.act(&admin.sign(id.as_str(), now(), body), attachment).unwrap();
    };
    // Nobody is bounded.
    let bounded = crate::policy::DEFAULT.replace("\nversion = 1\n", "\nversion = 2\n");
    let (before, rest) = bounded.split_once("share_percent = 50\n").unwrap();
    let (_, after_bands) = rest.split_once("]\n\n").unwrap();
    let text = format!("{before}\n{after_bands}");
    let policy = pulih_policies::Policy::parse("kebijakan", text.as_bytes()).unwrap();
    let applied = pulih_ledger::entry::kinds::PolicyApplied {
        policy: policy.name.to_string(),
        version: policy.version.into(),
        object: pulih_vault::id::ObjectHash::of(text.as_bytes()),
    };
    act(applied.into(), Some(&text));
    let server = &servers[0];
    let given = pulih_ledger::entry::kinds::ApprovalGiven {
        approval: "a-1".parse().unwrap(),
        opd: server.opd.parse().unwrap(),
        vault: server.vault,
        dataset: "data".parse().unwrap(),
        by: "Kepala".into(),
        letter: "1".into(),
        document_sha256: pulih_ledger::ids::Sha256([1; 32]),
        until: Some(time(now() + 300 * DAY).unwrap()),
    };
    act(given.into(), None);
    for sequence in 1..=10 {
        wait(DAY - 3600 * i64::from(sequence == 1));
        server.is_heard(&site);
        server.save(&site, "data", sequence, 10, 100);
        site.pusat.listen().unwrap();
    }
    wait(night - now());
    site.pusat.checkpoint().unwrap();
    let log = Log::open(site.store.clone(), &id, lock(&site.pusat.record).key().clone()).unwrap();
    let sources =
        Sources { site: id, role: SiteRole::Pusat, store: &*site.store, own: Extent::signed(&log), peer: None };
    let judged = judged(&sources);
    wait(after - now());
    judged
}

//! The S3 store against a real server.

mod support;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use pulih_stores::S3Store;
use pulih_stores::probe::Held;
use pulih_stores::s3::{Options, S3Address, S3Error, S3Keys};
use pulih_vault::store::{Locks as _, ObjectName, Store as _, StoreError, conformance};
use support::{Env, Weed};

fn name(text: &str) -> ObjectName {
    text.parse().unwrap()
}

fn options(spool: &std::path::Path) -> Options {
    Options::new(spool.to_owned())
}

fn open(env: &Env, address: &str, options: &Options) -> S3Store {
    let env = |name: &str| env.get(name).cloned();
    S3Store::open(S3Address::parse(address, &env).unwrap(), &S3Keys::from_env(&env).unwrap(), options).unwrap()
}

/// Seconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64
}

#[test]
fn it_is_a_store() {
    let weed = Weed::start();
    let spool = tempfile::tempdir().unwrap();
    for (checksums, who) in [("supported", "agent"), ("required", "agent")] {
        let env = weed.env(who);
        let count = AtomicU32::new(0);
        conformance::run(&|| {
            let store = count.fetch_add(1, Ordering::Relaxed);
            Box::new(open(&env, &format!("s3://pulih/{checksums}/{store}?checksums={checksums}"), &options(spool.path())))
        });
    }
}

#[test]
fn probes() {
    let weed = Weed::start();
    weed.bucket("plain", false);
    let spool = tempfile::tempdir().unwrap();
    for who in ["admin", "agent"] {
        for bucket in ["pulih", "plain"] {
            let probe = open(&weed.env(who), &format!("s3://{bucket}/x"), &options(spool.path())).probe().unwrap();
            println!("== {who} {bucket}");
            for (name, finding) in probe.findings() {
                println!("{name}: {:?} {}", finding.held, finding.words);
            }
        }
    }
}

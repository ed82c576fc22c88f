//! What a large object takes of memory: a program of its own, since memory is counted by process.

mod support;

use std::io::Write as _;

use pulih_stores::S3Store;
use pulih_stores::s3::{Options, S3Address, S3Keys};
use pulih_vault::store::{ObjectName, Store as _};
use support::Weed;

const OBJECT_BYTES: u64 = 300 << 20;
const MAX_RESIDENT_BYTES: u64 = 64 << 20;

fn most_resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn a_large_object_goes_through_in_bounded_memory() {
    let weed = Weed::start();
    let env = weed.env("agent");
    let env = |name: &str| env.get(name).cloned();
    let spool = tempfile::tempdir().unwrap();
    let address = S3Address::parse("s3://pulih/large", &env).unwrap();
    let store =
        S3Store::open(address, &S3Keys::from_env(&env).unwrap(), &Options::new(spool.path().to_owned())).unwrap();
    let name: ObjectName = "data/large".parse().unwrap();
    let mut staged = store.stage().unwrap();
    let mut piece = vec![0; 1 << 20];
    for number in 0..OBJECT_BYTES >> 20 {
        piece.fill(number as u8);
        staged.write_all(&piece).unwrap();
    }
    staged.commit(&name).unwrap();
    assert_eq!(store.size(&name).unwrap(), OBJECT_BYTES);
    let mut back = Vec::new();
    for number in [0, 63, 64, 299] {
        back.clear();
        store.read_range(&name, number << 20, 1 << 20, &mut back).unwrap();
        assert!(back.len() == 1 << 20 && back.iter().all(|&byte| byte == number as u8), "MiB {number} is another");
    }
    let most = most_resident_bytes();
    assert!(most < MAX_RESIDENT_BYTES, "{} MiB at the most", most >> 20);
    assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0, "something is left in the spool");
}

//! The S3 store against a real server, directly and over a line that loses answers.

#[path = "support/deleter.rs"]
mod deleter;
mod support;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use deleter::Deleter;
use pulih_stores::probe::Held;
use pulih_stores::s3::{Options, S3Address, S3Error, S3Keys};
use pulih_stores::{Probe, S3Store};
use pulih_vault::store::{Keeps as _, Locks as _, ObjectName, Store as _, StoreError, conformance};
use support::{Env, Weed};

fn name(text: &str) -> ObjectName {
    text.parse().unwrap()
}

fn open(env: &Env, address: &str, options: &Options) -> S3Store {
    let env = |name: &str| env.get(name).cloned();
    S3Store::open(S3Address::parse(address, &env).unwrap(), &S3Keys::from_env(&env).unwrap(), options).unwrap()
}

fn options() -> Options {
    Options::new(std::env::temp_dir())
}

/// Seconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64
}

#[test]
fn it_is_a_store_with_and_without_checksums() {
    let weed = Weed::start();
    weed.bucket("plain", false);
    // An append-only role is enough for all of it.
    let env = weed.env("agent");
    for (number, check) in conformance::CHECKS.iter().enumerate() {
        for checksums in ["supported", "required"] {
            // Where SeaweedFS keeps versions it adds to names in folders of its own, and so has no
            // room for a part of 255 bytes. (docs/stores.md)
            let bucket = if check.name.starts_with("long names") { "plain" } else { "pulih" };
            // Races take the better part of a minute here, and know nothing of checksums.
            if check.name.starts_with("of racing") && checksums == "required" {
                continue;
            }
            println!("check: {}, checksums {checksums}, bucket {bucket}", check.name);
            (check.run)(&open(&env, &format!("s3://{bucket}/{checksums}/{number}?checksums={checksums}"), &options()));
        }
    }
    let store = open(&env, "s3://pulih/long", &options());
    let long = name(&format!("vaults/{}", "p".repeat(246)));
    store.create(&long, b"long").unwrap();
    assert_eq!(store.read(&long, 9).unwrap(), b"long");
}

#[test]
fn its_keeper_removes_and_heals_with_versions_and_without() {
    let weed = Weed::start();
    weed.bucket("plain", false);
    let env = weed.env("admin");
    for (number, check) in conformance::KEEP_CHECKS.iter().enumerate() {
        for bucket in ["pulih", "plain"] {
            println!("check: {}, bucket {bucket}", check.name);
            (check.run)(&open(&env, &format!("s3://{bucket}/{number}"), &options()));
        }
    }
}

#[test]
fn what_is_locked_is_not_removed_and_what_heals_it_is_locked_as_long() {
    let weed = Weed::start();
    let env = weed.env("admin");
    let store = open(&env, "s3://pulih/v", &Options { initial_lock: Some(Duration::from_secs(600)), ..options() });
    let object = name("packs/one");
    store.create(&object, b"damaged").unwrap();
    let until = now() + 3600;
    store.lock_until(&object, until).unwrap();
    let admin = Deleter::new(&env);
    let damaged = admin.version("v/packs/one");

    store.heal(&object, b"right").unwrap();
    assert_eq!(store.read(&object, 99).unwrap(), b"right");
    assert_eq!(store.locked_until(&object).unwrap(), Some(until));
    assert!(admin.is_there("v/packs/one", &damaged), "the damaged version is evidence");

    let told = store.remove(&object);
    assert!(
        matches!(&told, Err(StoreError::Locked { until_unix_seconds, .. }) if *until_unix_seconds == until),
        "{told:?}"
    );
    assert_eq!(store.read(&object, 99).unwrap(), b"right");
    assert!(admin.is_there("v/packs/one", &damaged));

    // Hidden behind a marker it is not gone, and a marker alone is no object to be found.
    let unlocked = open(&env, "s3://pulih/v", &options());
    let other = name("packs/two");
    unlocked.create(&other, b"pack").unwrap();
    let version = admin.version("v/packs/two");
    admin.hide("v/packs/two");
    assert!(matches!(unlocked.read(&other, 99), Err(StoreError::NotFound { .. })));
    assert!(admin.is_there("v/packs/two", &version));
    unlocked.remove(&other).unwrap();
    assert!(!admin.is_there("v/packs/two", &version));
    // An agent's role takes nothing away.
    unlocked.create(&other, b"pack").unwrap();
    let agent = open(&weed.env("agent"), "s3://pulih/v", &options());
    assert!(matches!(agent.remove(&other), Err(StoreError::Io { .. })));
    assert_eq!(unlocked.read(&other, 99).unwrap(), b"pack");
}

#[test]
fn a_list_of_several_pages_is_whole_and_knows_nothing_of_its_neighbours() {
    let weed = Weed::start();
    let env = weed.env("agent");
    let (store, beside) = (open(&env, "s3://pulih/a", &options()), open(&env, "s3://pulih/a2", &options()));
    beside.create(&name("many/x"), b"").unwrap();
    let count = 1234;
    thread::scope(|scope| {
        for writer in 0..8 {
            let store = &store;
            scope.spawn(move || {
                for object in (writer..count).step_by(8) {
                    store.create(&name(&format!("many/{object:04}")), b"x").unwrap();
                }
            });
        }
    });
    let mut names = Vec::new();
    store.list(&name("many"), &mut |name| names.push(name.to_string())).unwrap();
    names.sort();
    assert_eq!(names, (0..count).map(|object| format!("many/{object:04}")).collect::<Vec<_>>());
}

#[test]
fn the_probe_tells_a_bucket_with_locks_from_one_without() {
    let weed = Weed::start();
    weed.bucket("plain", false);
    let probe =
        |who: &str, bucket: &str| open(&weed.env(who), &format!("s3://{bucket}/x"), &options()).probe().unwrap();
    let held = |probe: &Probe| probe.findings().map(|(name, finding)| (name, finding.held));

    let admin = probe("admin", "pulih");
    assert!(admin.may_be_a_sites_store(), "{admin:#?}");
    assert_eq!((admin.cannot_delete.held, admin.default_lock.held), (Held::No, Held::No), "{admin:#?}");

    // The agent's role cannot delete: so it is not its lock that was seen to hold.
    let agent = probe("agent", "pulih");
    assert!(agent.is_create_only() && !agent.may_be_a_sites_store(), "{agent:#?}");
    assert_eq!((agent.cannot_delete.held, agent.lock_holds.held), (Held::Yes, Held::Untested), "{agent:#?}");

    let plain = probe("admin", "plain");
    assert!(plain.is_create_only() && !plain.locks(), "{plain:#?}");
    assert_eq!((plain.versioning.held, plain.lock_holds.held), (Held::No, Held::No), "{:?}", held(&plain));
}

#[test]
fn nobody_deletes_before_a_lock_ends_and_a_lock_only_grows() {
    let weed = Weed::start();
    // Far enough ahead for a machine that is busy, and then waited for.
    let lock = Duration::from_secs(20);
    let env = weed.env("agent");
    let store = open(&env, "s3://pulih/v", &Options { initial_lock: Some(lock), ..options() });
    let object = name("packs/one");
    let began = now();
    store.create(&object, b"pack").unwrap();
    let first = store.locked_until(&object).unwrap().unwrap();
    assert!((began + 20..=now() + 20).contains(&first), "locked until {first}");

    store.lock_until(&object, first + 5).unwrap();
    assert_eq!(store.locked_until(&object).unwrap(), Some(first + 5));
    // An earlier date is what already holds.
    store.lock_until(&object, first - 10).unwrap();
    assert_eq!(store.locked_until(&object).unwrap(), Some(first + 5));

    let admin = Deleter::new(&weed.env("admin"));
    let version = admin.version("v/packs/one");
    for who in ["admin", "agent", "reader"] {
        Deleter::new(&weed.env(who)).delete("v/packs/one", &version);
        assert!(admin.is_there("v/packs/one", &version), "{who} deleted a locked object");
    }
    assert!(now() < first + 5, "this machine was too slow for the test to prove anything");
    let deadline = Instant::now() + Duration::from_secs(90);
    while admin.is_there("v/packs/one", &version) {
        assert!(Instant::now() < deadline, "it was not the lock that kept the object");
        thread::sleep(Duration::from_millis(200));
        admin.delete("v/packs/one", &version);
    }
    assert!(now() >= first + 5, "the lock ended early");

    let unlocked = open(&env, "s3://pulih/v", &options());
    unlocked.create(&name("packs/two"), b"pack").unwrap();
    assert_eq!(unlocked.locked_until(&name("packs/two")).unwrap(), None);
    assert!(matches!(unlocked.lock_until(&name("packs/none"), now() + 9), Err(StoreError::NotFound { .. })));
}

#[test]
fn a_bucket_without_locks_says_so() {
    let weed = Weed::start();
    weed.bucket("plain", false);
    let store = open(&weed.env("admin"), "s3://plain", &options());
    store.create(&name("one"), b"1").unwrap();
    assert!(store.lock_until(&name("one"), now() + 600).is_err());
}

/// A line to a server that loses the answers to some requests: they are carried out, and the
/// client hears nothing.
struct Lossy {
    port: u16,
    left: Arc<AtomicU32>,
}

impl Lossy {
    fn to(server: &str, loses: fn(&[u8]) -> bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicU32::new(0));
        let (server, lost) = (server.strip_prefix("http://").unwrap().to_owned(), left.clone());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, lost) = (TcpStream::connect(&server).unwrap(), lost.clone());
                thread::spawn(move || carry(&client, &server, loses, &lost));
            }
        });
        Self { port, left }
    }

    fn lose(&self, answers: u32) {
        self.left.store(answers, Ordering::SeqCst);
    }
}

fn carry(client: &TcpStream, server: &TcpStream, loses: fn(&[u8]) -> bool, left: &AtomicU32) {
    let losing = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut piece = vec![0; 64 << 10];
            while let Ok(count @ 1..) = (&mut &*client).read(&mut piece) {
                // A request's head comes in a piece of its own beginning.
                if loses(&piece[..count]) && left.load(Ordering::SeqCst) > 0 {
                    losing.store(1, Ordering::SeqCst);
                }
                if (&mut &*server).write_all(&piece[..count]).is_err() {
                    break;
                }
            }
            let _ = server.shutdown(Shutdown::Both);
        });
        let mut piece = vec![0; 64 << 10];
        while let Ok(count @ 1..) = (&mut &*server).read(&mut piece) {
            // 100 Continue is not the answer.
            if losing.load(Ordering::SeqCst) == 1 && !piece.starts_with(b"HTTP/1.1 100") {
                left.fetch_sub(1, Ordering::SeqCst);
                break;
            }
            if (&mut &*client).write_all(&piece[..count]).is_err() {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    });
}

fn over(line: &Lossy, env: &Env) -> S3Store {
    let mut env = env.clone();
    env.insert("AWS_ENDPOINT_URL".to_owned(), format!("http://127.0.0.1:{}", line.port));
    open(&env, "s3://pulih/lossy", &options())
}

#[test]
fn a_put_whose_answer_was_lost_succeeds_if_it_is_its_own_bytes_that_are_there() {
    let weed = Weed::start();
    let env = weed.env("agent");
    let line = Lossy::to(&env["AWS_ENDPOINT_URL"], |piece| piece.starts_with(b"PUT "));
    let (store, direct) = (over(&line, &env), open(&env, "s3://pulih/lossy", &options()));

    line.lose(2);
    store.create(&name("own"), b"own bytes").unwrap();
    assert_eq!(line.left.load(Ordering::SeqCst), 0, "no answer was lost");
    assert_eq!(direct.read(&name("own"), 99).unwrap(), b"own bytes");

    direct.create(&name("foreign"), b"their bytes").unwrap();
    line.lose(1);
    let refused = store.create(&name("foreign"), b"other bytes");
    assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })), "{refused:?}");
    assert_eq!(line.left.load(Ordering::SeqCst), 0, "no answer was lost");
    assert_eq!(direct.read(&name("foreign"), 99).unwrap(), b"their bytes");

    // A refusal that came through is one, also of the same bytes.
    let refused = store.create(&name("foreign"), b"their bytes");
    assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })), "{refused:?}");
}

#[test]
fn an_upload_in_parts_is_created_once_also_when_its_last_answer_is_lost() {
    const LEN: usize = 65 << 20;
    let weed = Weed::start();
    let env = weed.env("agent");
    let ends = |piece: &[u8]| {
        let line = piece.split(|&b| b == b'\r').next().unwrap_or_default();
        piece.starts_with(b"POST ") && line.windows(9).any(|part| part == b"uploadId=")
    };
    let line = Lossy::to(&env["AWS_ENDPOINT_URL"], ends);
    let (store, direct) = (over(&line, &env), open(&env, "s3://pulih/lossy", &options()));
    let mut bytes: Vec<u8> = (0..LEN).map(|at| (at >> 12) as u8).collect();
    line.lose(1);
    store.create(&name("large"), &bytes).unwrap();
    assert_eq!(line.left.load(Ordering::SeqCst), 0, "no answer was lost");
    assert!(direct.read(&name("large"), u64::MAX).unwrap() == bytes, "other bytes than were put");
    bytes[LEN - 1] ^= 1;
    let refused = direct.create(&name("large"), &bytes);
    assert!(matches!(refused, Err(StoreError::AlreadyExists { .. })), "{refused:?}");
    bytes[LEN - 1] ^= 1;
    assert!(direct.read(&name("large"), u64::MAX).unwrap() == bytes, "a refused upload changed the object");
}

#[test]
fn what_an_operator_got_wrong_is_said() {
    let weed = Weed::start();
    let env = weed.env("agent");
    let said = |env: &Env, address: &str| open(env, address, &options()).reach().unwrap_err().to_string();
    let missing = said(&env, "s3://nothing-here");
    assert!(missing.contains("make the bucket first"), "{missing}");
    let mut wrong = env.clone();
    wrong.insert("AWS_SECRET_ACCESS_KEY".to_owned(), "not-the-secret".to_owned());
    let refused = said(&wrong, "s3://pulih");
    assert!(refused.contains("look at AWS_ACCESS_KEY_ID") && !refused.contains("not-the-secret"), "{refused}");
    // A reader that writes is told at once, and not after two minutes of trying.
    let began = Instant::now();
    let denied = open(&weed.env("reader"), "s3://pulih", &options()).create(&name("x"), b"x").unwrap_err().to_string();
    assert!(denied.contains("docs/stores.md") && began.elapsed() < Duration::from_secs(10), "{denied}");
}

#[test]
fn a_server_that_answers_without_end_is_not_listened_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 8192];
            let _ = client.read(&mut request);
            let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\n\r\n<ListBucketResult>");
            let spaces = vec![b' '; 64 << 10];
            while client.write_all(&spaces).is_ok() {}
        }
    });
    let keys = S3Keys { access_key_id: "a".to_owned(), secret_access_key: "b".to_owned(), session_token: None };
    let address = S3Address::parse(&format!("s3://bucket?endpoint={endpoint}"), &|_| None).unwrap();
    let store = S3Store::open(address, &keys, &options()).unwrap();
    let answer = store.reach();
    assert!(matches!(answer, Err(S3Error::Strange { .. })), "{answer:?}");
}

#[test]
fn a_spool_that_is_not_there_is_named() {
    let keys = S3Keys { access_key_id: "a".to_owned(), secret_access_key: "b".to_owned(), session_token: None };
    let address = S3Address::parse("s3://bucket?endpoint=http://127.0.0.1:9", &|_| None).unwrap();
    let store = S3Store::open(address, &keys, &Options::new(Path::new("/proc/none").to_owned())).unwrap();
    let mut staged = store.stage().unwrap();
    let failed = staged.write_all(&vec![0; 1 << 20]).unwrap_err();
    let error = StoreError::from_write(&name("x"), failed).to_string();
    assert!(error.contains("/proc/none"), "{error}");
    assert!(staged.commit(&name("x")).is_err());
}

//! How fast objects of 16 MiB go into a bucket and come back: `s3_speed s3://bucket/prefix [IN_FLIGHT]`,
//! with keys and endpoint in the environment, as `scripts/dev-s3 env` prints them.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Instant;

use pulih_stores::StoreUrl;
use pulih_stores::open::process_env;
use pulih_stores::s3::Options;
use pulih_vault::store::{ObjectName, Store, StoreError};

const OBJECT_BYTES: usize = 16 << 20;
const OBJECTS: u32 = 48;

type Step<'a> = &'a (dyn Fn(&dyn Store, &ObjectName) -> Result<(), StoreError> + Sync);

fn run(what: &str, store: &dyn Store, folder: &str, in_flight: usize, step: Step<'_>) -> Result<(), Box<dyn Error>> {
    let next = AtomicU32::new(0);
    let began = Instant::now();
    let worker = || -> Result<(), String> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= OBJECTS {
                return Ok(());
            }
            let name = format!("{folder}/{number}").parse::<ObjectName>().map_err(|error| error.to_string())?;
            step(store, &name).map_err(|error| error.to_string())?;
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..in_flight).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().try_for_each(|one| one.join().map_err(|_| "a worker died".to_owned())?)
    })?;
    let seconds = began.elapsed().as_secs_f64();
    let mib = f64::from(OBJECTS) * (OBJECT_BYTES >> 20) as f64;
    println!("{what}: {OBJECTS} objects of 16 MiB, {in_flight} in flight: {:.0} MiB/s", mib / seconds);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1);
    let url = StoreUrl::parse(&args.next().ok_or("which store?")?, &process_env)?;
    let in_flight = args.next().and_then(|text| text.to_str()?.parse().ok()).unwrap_or(4);
    let store = url.open(&process_env, &Options::new(std::env::temp_dir()))?.store;
    // Bytes that do not repeat, so that no server makes them fewer.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    let bytes: Vec<u8> = noise.take(OBJECT_BYTES).collect();
    let folder = format!("speed/{}", std::process::id());
    run("put", &*store, &folder, in_flight, &|store, name| store.create(name, &bytes))?;
    run("read", &*store, &folder, in_flight, &|store, name| store.read(name, OBJECT_BYTES as u64).map(drop))
}

//! Packs of which little is needed: backup by backup what lives in them is written afresh from the
//! source, no more of it than was allowed, and no snapshot comes out other than it would have.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use pulih_agent::backup::Source;
use pulih_agent::backup::listing::{ListingReader, ListingWriter, stat_bytes};
use pulih_progress::Monitor;
use pulih_vault::id::ObjectHash;
use support::TestVault;
use support::office::{Office, noise};
use support::reach::assert_reach_is_exact;
use support::trees;

/// Bytes that a snapshot needs of packs that the site avoids.
fn avoided_bytes(office: &Office, name: pulih_vault::layout::ManifestName) -> u64 {
    let avoided = &office.vault.unwanted.avoided;
    office.reach(name).packs.iter().filter(|(pack, _)| avoided.contains(*pack)).map(|(_, used)| used.live_bytes).sum()
}

/// The pack with most content.
fn fullest(office: &Office, name: pulih_vault::layout::ManifestName) -> ObjectHash {
    *office.reach(name).packs.iter().max_by_key(|(_, used)| used.live_bytes).unwrap().0
}

#[test]
fn what_lives_in_an_avoided_pack_is_written_afresh_and_nothing_else_is_read() {
    let mut office = Office::new();
    let (first, _) = office.backup();
    office.vault.unwanted.avoided.insert(fullest(&office, first));
    let lives = avoided_bytes(&office, first);
    let second = office.save();
    assert_eq!(avoided_bytes(&office, second.name), 0);
    // All but lists of folders above the tree, which are new anyway if something beside this test changed them.
    assert!((lives - 50_000..=lives).contains(&second.rewritten_bytes), "{} of {lives}", second.rewritten_bytes);
    let changes = second.manifest.changes;
    // Lists and nodes need not be read; the folders above the tree may change beside this test.
    assert!(changes.read_bytes <= lives && changes.read_bytes > lives / 2, "{changes:?} of {lives}");
    assert!(changes.new_bytes < 50_000 && changes.new == 0 && changes.removed == 0, "{changes:?}");
    assert!(changes.stored_bytes >= changes.read_bytes, "{changes:?}");
    // The site may delete it: whoever comes later needs it no more.
    office.delete(fullest(&office, first));
    let third = office.save();
    assert!(third.rewritten_bytes == 0 && third.manifest.changes.read_bytes == 0);
}

#[test]
fn a_run_keeps_within_its_limit_and_the_next_goes_on() {
    let mut office = Office::new();
    let (first, _) = office.backup();
    office.vault.unwanted.avoided = office.packs(first);
    office.vault.limits.rewrite_bytes = 3 << 20;
    let (mut left, mut runs) = (avoided_bytes(&office, first), 0);
    let all = left;
    while left > 0 {
        let run = office.save();
        assert!(run.rewritten_bytes <= 3 << 20, "{}", run.rewritten_bytes);
        assert!(run.manifest.changes.read_bytes <= 3 << 20);
        let now = avoided_bytes(&office, run.name);
        assert!(now < left, "{now} of {left}");
        (left, runs) = (now, runs + 1);
    }
    assert!(runs >= all.div_ceil(3 << 20), "{runs} runs for {all}");
    assert!(runs <= all.div_ceil(2 << 20), "{runs} runs for {all}");
}

#[test]
fn without_a_limit_above_nothing_all_stays_where_it_is() {
    let mut office = Office::new();
    let (first, _) = office.backup();
    office.vault.unwanted.avoided = office.packs(first);
    office.vault.limits.rewrite_bytes = 0;
    let second = office.save();
    assert_eq!((second.rewritten_bytes, second.manifest.changes.read_bytes), (0, 0));
    assert!(avoided_bytes(&office, second.name) > avoided_bytes(&office, first) * 9 / 10);
}

#[test]
fn a_doomed_pack_is_never_relied_on_whatever_the_limit() {
    let mut office = Office::new();
    let (first, _) = office.backup();
    let all = office.packs(first);
    let doomed = fullest(&office, first);
    office.vault.unwanted.avoided = all;
    office.vault.unwanted.doomed.insert(doomed);
    for limit in [0, 1 << 20] {
        office.vault.limits.rewrite_bytes = limit;
        let run = office.save();
        assert!(!office.packs(run.name).contains(&doomed));
        assert!(run.rewritten_bytes <= limit);
    }
}

/// Holes, chunk lists, names that share a file, and content from a stream.
#[test]
fn all_kinds_of_content_come_out_of_avoided_packs() {
    let mut office = Office::new();
    let sparse = fs::File::create(office.root().join("sparse")).unwrap();
    for (at, seed) in [(1 << 20, 50), (9 << 20, 51), (20 << 20, 52)] {
        sparse.write_all_at(&noise(seed, 700_001), at).unwrap();
    }
    office.write("large", &noise(60, 5 << 20));
    office.write("zeros", &vec![0; 3 << 20]);
    office.write("empty", b"");
    fs::hard_link(office.root().join("large"), office.root().join("dir-0/also-large")).unwrap();
    let (first, _) = office.backup();
    office.vault.unwanted.avoided = office.packs(first);
    let second = office.save();
    assert_eq!(avoided_bytes(&office, second.name), 0);
    assert!(office.packs(first).is_disjoint(&office.packs(second.name)));
    // The caches are lost: what is in two packs by now is looked for in the newer ones.
    fs::remove_dir_all(office.cache()).unwrap();
    fs::create_dir_all(office.cache()).unwrap();
    let third = office.save();
    assert!(third.rewritten_bytes == 0 && avoided_bytes(&office, third.name) == 0);
}

#[test]
fn a_stream_comes_out_of_avoided_packs() {
    let mut office = Office::new();
    let save = |office: &Office| {
        let input = Box::new(std::io::Cursor::new(noise(9, 2 << 20)));
        let source = Source::Stream { name: b"dump.sql".to_vec(), input };
        office.vault.backup_from(&office.store, &office.cache(), source).unwrap()
    };
    let first = save(&office);
    office.vault.unwanted.avoided = office.packs(first.name);
    office.vault.limits.rewrite_bytes = 1 << 20;
    let (second, third) = (save(&office), save(&office));
    for run in [&second, &third] {
        assert!(run.rewritten_bytes > 900_000 && run.rewritten_bytes <= 1 << 20, "{}", run.rewritten_bytes);
        assert_reach_is_exact(&office.vault, &office.store, run.name);
    }
    save(&office);
    let last = save(&office);
    assert_eq!(avoided_bytes(&office, last.name), 0);
    let target = office.folder.path().join("out");
    office.vault.restore(&office.store, last.name, &target).unwrap();
    assert!(fs::read(target.join("dump.sql")).unwrap() == noise(9, 2 << 20));
}

#[test]
fn sums_that_were_made_before_a_chunk_moved_are_not_carried_on() {
    let mut office = Office::new();
    let (first, _) = office.backup();
    let kept = fs::read(office.listing()).unwrap();
    // Another dataset of the vault writes chunks of this one afresh.
    fs::remove_file(office.listing()).unwrap();
    office.vault.unwanted.avoided = office.packs(first);
    office.save();
    // This dataset's listing still counts those chunks where they were.
    fs::write(office.listing(), kept).unwrap();
    for number in [0, 7, 21] {
        fs::remove_file(office.root().join(format!("dir-{}/file-{number}", number % 4))).unwrap();
    }
    let run = office.save();
    assert_eq!((run.rewritten_bytes, avoided_bytes(&office, run.name)), (0, 0));
}

/// Does something to the tree when so much was found, and keeps what it is told.
#[derive(Default)]
struct Meddler {
    found: AtomicU32,
    at: u32,
    gone: PathBuf,
    changed: PathBuf,
    notes: Arc<Mutex<Vec<String>>>,
}

impl Monitor for Meddler {
    fn found(&self, _: u64, _: u64) {
        if self.found.fetch_add(1, Ordering::Relaxed) == self.at && self.gone.exists() {
            fs::remove_file(&self.gone).unwrap();
            fs::write(&self.changed, noise(99, 600_000)).unwrap();
        }
    }

    fn problem(&self, path: &[u8], what: &str) {
        self.note(path, what);
    }

    fn note(&self, path: &[u8], what: &str) {
        self.notes.lock().unwrap().push(format!("{}: {what}", String::from_utf8_lossy(path)));
    }
}

/// A tree whose files all lie in one folder, so that the walk has seen the last one when it finds
/// the tenth.
fn flat() -> Office {
    let office = Office::new();
    fs::remove_dir_all(office.root()).unwrap();
    (10..40).for_each(|number| office.write(&format!("file-{number}"), &noise(number, 600_000)));
    office
}

#[test]
fn a_file_that_goes_or_changes_meanwhile_keeps_what_was_saved_of_it() {
    let mut office = flat();
    let (first, _) = office.backup();
    let saved = trees::read(&office.root());
    office.vault.unwanted.avoided = office.packs(first);
    let (gone, changed) = (office.root().join("file-39"), office.root().join("file-38"));
    let meddler = Meddler { at: 10, gone, changed, ..Meddler::default() };
    let notes = meddler.notes.clone();
    office.vault.monitor = Box::new(meddler);
    let second = office.vault.backup(&office.store, &office.cache(), &office.root()).unwrap();
    assert!(!office.root().join("file-39").exists());
    office.assert_restores(second.name, &saved);
    assert_reach_is_exact(&office.vault, &office.store, second.name);
    assert_eq!(*notes.lock().unwrap(), Vec::<String>::new());
    // Both are still where they were; what is left of one goes with the next run, that reads it.
    assert!(avoided_bytes(&office, second.name) >= 1_200_000);
    let third = office.save();
    assert_eq!((third.manifest.changes.removed, avoided_bytes(&office, third.name)), (1, 0));
}

/// Makes the last run's listing say of a file what the system says of it now.
fn believe(office: &Office, path: &Path) {
    let stat = stat_bytes(&pulih_agent::source::Stat::from(rustix::fs::lstat(path).unwrap()));
    let mut old = ListingReader::open(&office.listing()).unwrap();
    let mut new = ListingWriter::new(&office.listing());
    let below = path.strip_prefix("/").unwrap().as_os_str().as_encoded_bytes().to_vec();
    while let Some((mut record, _)) = old.next_record().unwrap() {
        if record.path == below {
            record.stat = stat;
        }
        new.put(&record).unwrap();
    }
    new.finish(None, &old.tail, false).unwrap();
}

/// As on a disk that went bad, or under a program that writes and lets no time tell.
#[test]
fn what_reads_differently_though_nothing_says_that_it_changed_stays_as_it_was_saved() {
    let mut office = flat();
    let (first, _) = office.backup();
    let saved = trees::read(&office.root());
    let rotten = office.root().join("file-20");
    let modified = fs::metadata(&rotten).unwrap().modified().unwrap();
    let file = fs::File::options().write(true).open(&rotten).unwrap();
    file.write_all_at(b"rot", 300_000).unwrap();
    file.set_modified(modified).unwrap();
    believe(&office, &rotten);
    office.vault.unwanted.avoided = office.packs(first);
    let meddler = Meddler::default();
    let notes = meddler.notes.clone();
    office.vault.monitor = Box::new(meddler);
    let second = office.vault.backup(&office.store, &office.cache(), &office.root()).unwrap();
    office.assert_restores(second.name, &saved);
    // One chunk of it.
    let left = avoided_bytes(&office, second.name);
    assert!(left > 0 && left <= 8192, "{left}");
    let notes = notes.lock().unwrap();
    assert!(notes.len() == 1 && notes[0].contains("file-20: reads differently"), "{notes:?}");
}

/// What a site avoids by a dataset's newest snapshot: packs of which less than half is needed.
fn avoid(vault: &mut TestVault, reach: &pulih_vault::reach::Reach) {
    let mostly_dead = reach.packs.iter().filter(|(_, used)| used.live_bytes * 2 < used.all_bytes);
    vault.unwanted.avoided.extend(mostly_dead.map(|(pack, _)| *pack));
}

fn days_of_edits(days: &[Vec<trees::Edit>], limit: u64, ids: usize, lose_cache_on: Option<usize>) {
    let mut office = Office::new();
    fs::remove_dir_all(office.root()).unwrap();
    fs::create_dir_all(office.root()).unwrap();
    office.vault.limits.rewrite_bytes = limit;
    office.vault.limits.ids = ids;
    let mut saved = Vec::new();
    for (day, edits) in days.iter().enumerate() {
        edits.iter().for_each(|edit| trees::apply(&office.root(), edit));
        if lose_cache_on == Some(day) {
            fs::remove_dir_all(office.cache()).unwrap();
            fs::create_dir_all(office.cache()).unwrap();
        }
        let run = office.save();
        assert!(run.rewritten_bytes <= limit, "{}", run.rewritten_bytes);
        saved.push((run.name, trees::read(&office.root())));
        let reach = office.reach(run.name);
        avoid(&mut office.vault, &reach);
    }
    let mut last = saved.last().unwrap().0;
    let most = avoided_bytes(&office, last).div_ceil(limit - 80_000) + 2;
    for _ in 0..most {
        last = office.vault.backup(&office.store, &office.cache(), &office.root()).unwrap().name;
        assert_reach_is_exact(&office.vault, &office.store, last);
    }
    assert_eq!(avoided_bytes(&office, last), 0);
    // What no newest snapshot needs is expired and deleted: the newest one stands without it.
    let needed: BTreeSet<ObjectHash> = office.packs(last);
    saved.iter().for_each(|(name, tree)| office.assert_restores(*name, tree));
    let before: BTreeSet<ObjectHash> = saved.iter().flat_map(|(name, _)| office.packs(*name)).collect();
    before.difference(&needed).for_each(|pack| office.delete(*pack));
    office.assert_restores(last, &trees::read(&office.root()));
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 40, ..ProptestConfig::with_cases(ProptestConfig::default().cases / 64) })]
    #[test]
    fn in_the_end_no_newest_snapshot_needs_an_avoided_pack(
        days in proptest::collection::vec(trees::edits(14), 1..5),
        limit in 150_000u64..900_000,
        ids in prop_oneof![3 => Just(usize::MAX), 1 => 1usize..60],
        lose_cache_on in proptest::option::of(1usize..4),
    ) {
        days_of_edits(&days, limit, ids, lose_cache_on);
    }
}

//! What is written into files: holes are holes, in place only what differs changes, and paths of
//! any length and bytes are reached.

mod target_entries;

use std::fs;
use std::os::unix::fs::MetadataExt;

use pulih_restore::target::{Target, TargetError};
use target_entries::{Place, dir, file, link, write_file};

const MIB: usize = 1 << 20;

#[test]
fn zeros_become_holes_in_a_fresh_file() {
    let place = Place::new();
    let mut content = vec![0; 4 * MIB];
    content[MIB + 10] = 1;
    let entry = file(b"f", &content);
    for (sparse, blocks) in [(true, 0..=64), (false, 8192..=8300)] {
        let made = place.target.create_file(&entry).expect("create");
        // Pieces as chunks come: of odd lengths, in any order.
        let mut pieces: Vec<_> = content.chunks(300_007).enumerate().collect();
        pieces.reverse();
        for (i, piece) in pieces {
            made.write_at(i as u64 * 300_007, piece, sparse).expect("write");
        }
        made.set_size(content.len() as u64).expect("size");
        rustix::fs::fsync(&made).expect("sync");
        assert!(fs::read(place.inside(b"f")).expect("read") == content);
        let used = fs::metadata(place.inside(b"f")).expect("stat").blocks();
        assert!(blocks.contains(&used), "{used} blocks of 512 bytes");
    }
}

#[test]
fn zeros_are_punched_out_of_an_existing_file() {
    let place = Place::new();
    fs::write(place.inside(b"f"), vec![7; 2 * MIB]).expect("write");
    let mut content = vec![0; MIB];
    content[5000] = 7;
    let entry = file(b"f", &content);
    let found = place.target.open_existing(&entry).expect("open").expect("reused");
    assert!(!found.is_fresh());
    found.write_at(0, &content[..MIB / 2], true).expect("write");
    found.punch(MIB as u64 / 2, u64::MAX).expect("punch");
    found.set_size(MIB as u64).expect("size");
    rustix::fs::fsync(&found).expect("sync");
    assert!(fs::read(place.inside(b"f")).expect("read") == content);
    let used = fs::metadata(place.inside(b"f")).expect("stat").blocks();
    assert!(used <= 64, "{used} blocks of 512 bytes");
}

#[test]
fn in_place_the_same_file_is_changed_where_it_differs() {
    let place = Place::new();
    let old = b"same DIFFERENT same and longer";
    let new = b"same different same";
    fs::write(place.inside(b"f"), old).expect("write");
    let before = fs::metadata(place.inside(b"f")).expect("stat").ino();
    let entry = file(b"f", new);
    assert!(!place.target.matches(&entry).expect("compare"));

    let found = place.target.open_existing(&entry).expect("open").expect("reused");
    let mut there = [0; 64];
    let length = found.read_at(0, &mut there).expect("read");
    assert_eq!(&there[..length], old);
    assert_eq!(found.read_at(1000, &mut there).expect("read"), 0);
    found.write_at(5, &new[5..14], true).expect("write");
    found.set_size(new.len() as u64).expect("size");
    assert!(place.target.finish_file(&found, &entry).expect("metadata").is_empty());

    assert_eq!(fs::read(place.inside(b"f")).expect("read"), new);
    assert_eq!(fs::metadata(place.inside(b"f")).expect("stat").ino(), before);
    assert!(place.target.matches(&entry).expect("compare"));
}

#[test]
fn a_file_that_already_matches_is_not_touched_by_its_metadata() {
    let place = Place::new();
    let entry = file(b"f", b"x");
    write_file(&place.target, &entry, b"x");
    let changed = || {
        let stat = fs::metadata(place.inside(b"f")).expect("stat");
        (stat.ctime(), stat.ctime_nsec())
    };
    let before = changed();
    // The clock of a file system ticks every few milliseconds: wait for it by its own files.
    while {
        fs::write(place.inside(b"tick"), b"").expect("write");
        let stat = fs::metadata(place.inside(b"tick")).expect("stat");
        (stat.ctime(), stat.ctime_nsec()) == before
    } {}
    assert!(place.target.apply_metadata(&entry).expect("metadata").is_empty());
    assert_eq!(changed(), before);
}

#[test]
fn hard_links_are_made_and_right_ones_stay() {
    let place = Place::new();
    write_file(&place.target, &file(b"a", b"x"), b"x");
    fs::write(place.inside(b"b"), b"other").expect("write");
    assert!(place.target.hard_link(b"a", b"b").expect("link"));
    assert!(!place.target.hard_link(b"a", b"b").expect("link"));
    assert!(!place.target.hard_link(b"a", b"a").expect("link"));
    let inode = |path| fs::metadata(place.inside(path)).expect("stat").ino();
    assert_eq!(inode(b"a"), inode(b"b"));
}

#[test]
fn a_file_too_large_is_an_error_that_names_it() {
    let place = Place::new();
    let made = place.target.create_file(&file(b"f\x1b\xff", b"")).expect("create");
    let error = made.write_at(u64::MAX, b"xx", true).expect_err("too large");
    assert!(matches!(error, TargetError::Io { .. }));
    assert!(error.to_string().contains("\\xff"), "{error}");
    assert!(made.set_size(u64::MAX).is_err());
}

#[test]
fn paths_beyond_what_the_kernel_takes_are_reached() {
    let place = Place::new();
    let mut path = Vec::new();
    let mut folders = Vec::new();
    while path.len() < 20_000 {
        path.extend([b'\xe9'; 250]);
        assert!(place.target.make_folder(&path).expect("folder"));
        folders.push(dir(&path));
        path.push(b'/');
    }
    let at = |name: &str| [&path[..], name.as_bytes()].concat();
    let (deep, other) = (file(&at("file"), b"deep"), link(&at("link"), b"x"));
    write_file(&place.target, &deep, b"deep");
    assert!(place.target.make_special(&other).expect("symlink"));
    assert!(place.target.hard_link(&at("file"), &at("name")).expect("link"));
    assert!(place.target.apply_metadata(&other).expect("metadata").is_empty());
    for folder in folders.iter().rev() {
        assert!(place.target.finish_folder(folder).expect("metadata").is_empty());
    }
    // Another one, whose cache is empty.
    let again = Target::open(&place.inside(b"")).expect("target");
    for entry in folders.iter().chain([&deep, &other]) {
        assert!(again.matches(entry).expect("compare"));
    }
    again.sync().expect("sync");
}

#[test]
fn dry_comparison_says_no_to_what_is_missing() {
    let place = Place::new();
    assert!(!place.target.matches(&file(b"f", b"")).expect("compare"));
    assert!(!place.target.matches(&file(b"no/folder/f", b"")).expect("compare"));
    fs::write(place.inside(b"f"), b"").expect("write");
    assert!(!place.target.matches(&file(b"f/below", b"")).expect("compare"));
    assert!(!place.target.matches(&dir(b"f")).expect("compare"));
}

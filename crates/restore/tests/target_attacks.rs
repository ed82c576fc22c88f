//! A hostile snapshot, or a hostile user beside the restore, must not make it write outside of
//! the target folder. Each test is one attack; what is outside must be as it was.

mod target_entries;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use pulih_restore::target::{Target, TargetError};
use pulih_vault::tree::entry::{HardLink, Kind};
use target_entries::{Place, dir, file, link, of_kind, write_file};

#[test]
fn names_that_lead_out_are_refused() {
    let place = Place::new();
    for bad in ["..", "../x", "a/../../x", "/etc/x", "a//b", "a/", ".", "", "a\0b", "a/./b"] {
        let refused = |result: Result<(), TargetError>| {
            assert!(matches!(result, Err(TargetError::UnsafePath { .. })), "{bad:?}");
        };
        let path = bad.as_bytes();
        refused(place.target.make_folder(path).map(drop));
        refused(place.target.create_file(&file(path, b"")).map(drop));
        refused(place.target.open_existing(&file(path, b"")).map(drop));
        refused(place.target.make_special(&link(path, b"t")).map(drop));
        refused(place.target.hard_link(b"a", path).map(drop));
        refused(place.target.hard_link(path, b"a").map(drop));
        refused(place.target.apply_metadata(&file(path, b"")).map(drop));
        refused(place.target.finish_folder(&dir(path)).map(drop));
        refused(place.target.matches(&file(path, b"")).map(drop));
    }
    assert_eq!(fs::read_dir(place.inside(b"")).expect("list").count(), 0);
    place.assert_outside_untouched();
}

#[test]
fn a_symlink_at_the_last_part_is_replaced_not_followed() {
    let place = Place::new();
    for path in [&b"created"[..], b"opened", b"folder", b"special", b"linked"] {
        symlink(place.outside_file(), place.inside(path)).expect("symlink");
    }
    write_file(&place.target, &file(b"created", b"new"), b"new");
    assert!(place.target.open_existing(&file(b"opened", b"new")).expect("open").is_none());
    assert!(place.target.make_folder(b"folder").expect("folder"));
    assert!(place.target.make_special(&of_kind(b"special", Kind::Fifo)).expect("fifo"));
    assert!(place.target.hard_link(b"created", b"linked").expect("link"));

    assert_eq!(fs::read(place.inside(b"created")).expect("read"), b"new");
    assert_eq!(fs::read(place.inside(b"linked")).expect("read"), b"new");
    assert!(fs::symlink_metadata(place.inside(b"folder")).expect("stat").is_dir());
    assert!(fs::symlink_metadata(place.inside(b"opened")).is_err());
    place.assert_outside_untouched();
}

#[test]
fn a_symlink_to_a_folder_is_replaced_by_a_folder_not_entered() {
    let place = Place::new();
    symlink(place.outside(), place.inside(b"d")).expect("symlink");
    for path in [&b"d/x"[..], b"d/sub/x"] {
        let result = place.target.create_file(&file(path, b""));
        assert!(matches!(result, Err(TargetError::NotAFolder { .. })), "{result:?}");
    }
    assert!(matches!(place.target.finish_folder(&dir(b"d")), Err(TargetError::NotAFolder { .. })));
    assert!(!place.target.matches(&file(b"d/kept", b"outside")).expect("compare"));

    assert!(place.target.make_folder(b"d").expect("folder"));
    write_file(&place.target, &file(b"d/kept", b"inside"), b"inside");
    assert_eq!(fs::read(place.inside(b"d/kept")).expect("read"), b"inside");
    place.assert_outside_untouched();
}

/// A snapshot may hold a symlink and, against its own order, entries below it.
#[test]
fn a_symlink_from_the_snapshot_is_not_a_way_out() {
    let place = Place::new();
    let target = place.outside().to_str().expect("text").as_bytes().to_vec();
    assert!(place.target.make_special(&link(b"way", &target)).expect("symlink"));
    let result = place.target.create_file(&file(b"way/kept", b"bad"));
    assert!(matches!(result, Err(TargetError::NotAFolder { .. })));
    let mut other = link(b"way", &target);
    other.mode = 0o777;
    assert!(place.target.apply_metadata(&other).expect("metadata").is_empty());
    place.assert_outside_untouched();
}

/// The same path may be a fifo when it is made and a symlink when it gets its metadata.
#[test]
fn metadata_by_name_does_not_reach_through_a_symlink() {
    let place = Place::new();
    let mut fifo = of_kind(b"f", Kind::Fifo);
    fifo.mode = 0o777;
    assert!(place.target.make_special(&fifo).expect("fifo"));
    fs::remove_file(place.inside(b"f")).expect("remove");
    symlink(place.outside_file(), place.inside(b"f")).expect("symlink");
    let result = place.target.apply_metadata(&fifo);
    assert!(matches!(result, Err(TargetError::Contested { .. })), "{result:?}");
    place.assert_outside_untouched();
}

/// Swaps a folder and a symlink that leads outside as fast as it can, while files are restored
/// into that folder. Descriptors are not cached across targets, so each round resolves anew.
#[test]
fn a_symlink_swapped_in_meanwhile_wins_nothing() {
    let place = Place::new();
    fs::create_dir(place.inside(b"d")).expect("folder");
    symlink(place.outside(), place.inside(b"trap")).expect("symlink");
    let stop = AtomicBool::new(false);
    let mut through = 0;
    std::thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            let mut swaps = 0;
            while !stop.load(Ordering::Relaxed) {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                let (d, trap) = (place.inside(b"d"), place.inside(b"trap"));
                rustix::fs::renameat_with(rustix::fs::CWD, &d, rustix::fs::CWD, &trap, flags).expect("swap");
                swaps += 1;
            }
            swaps
        });
        for round in 0..3000 {
            let target = Target::open(&place.inside(b"")).expect("target");
            let entry = file(format!("d/kept{}", round % 3).as_bytes(), b"restored");
            if let Ok(made) = target.create_file(&entry) {
                made.write_at(0, b"restored", false).expect("write");
                target.finish_file(&made, &entry).expect("metadata");
                through += 1;
            }
            let _ = target.make_folder(format!("d/sub{}", round % 3).as_bytes());
            let _ = target.open_existing(&file(b"d/kept", b"restored"));
            let _ = target.apply_metadata(&file(b"d/kept", b"outside"));
        }
        stop.store(true, Ordering::Relaxed);
        assert!(swapping.join().expect("thread") > 0);
    });
    assert!(through > 0, "the attack never let a file through, so nothing was tried");
    place.assert_outside_untouched();
}

/// As above at the last part of the path: a file and a symlink to one outside.
#[test]
fn a_file_swapped_for_a_symlink_meanwhile_is_not_written_through() {
    let place = Place::new();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let _ = symlink(place.outside_file(), place.inside(b"next"));
                let _ = fs::rename(place.inside(b"next"), place.inside(b"f"));
            }
        });
        let mut entry = file(b"f", b"restored");
        entry.mode = 0o777;
        for _ in 0..3000 {
            if let Ok(made) = place.target.create_file(&entry) {
                made.write_at(0, b"restored", false).expect("write");
                place.target.finish_file(&made, &entry).expect("metadata");
            }
            if let Ok(Some(found)) = place.target.open_existing(&entry) {
                found.write_at(0, b"RESTORED", false).expect("write");
            }
            let _ = place.target.apply_metadata(&entry);
        }
        stop.store(true, Ordering::Relaxed);
    });
    place.assert_outside_untouched();
}

#[test]
fn a_hard_link_to_a_file_outside_is_not_written_through() {
    let place = Place::new();
    // Even if the snapshot says that the file has two names: it may lie about that.
    for links in [None, Some(HardLink { device: 1, inode: 2, count: 2 })] {
        fs::hard_link(place.outside_file(), place.inside(b"f")).expect("hard link");
        let mut entry = file(b"f", b"restored");
        entry.links = links;
        entry.mode = 0o777;
        assert!(place.target.open_existing(&entry).expect("open").is_none());
        write_file(&place.target, &entry, b"restored");
        place.assert_outside_untouched();
        fs::remove_file(place.inside(b"f")).expect("remove");
    }
    fs::hard_link(place.outside_file(), place.inside(b"g")).expect("hard link");
    let mut entry = file(b"g", b"outside");
    entry.mode = 0o777;
    let result = place.target.apply_metadata(&entry);
    assert!(matches!(result, Err(TargetError::Contested { .. })), "{result:?}");
    fs::remove_file(place.inside(b"g")).expect("remove");
    place.assert_outside_untouched();
}

/// Opening a fifo waits for someone at its other end, who never comes.
#[test]
fn a_fifo_in_the_way_does_not_hang() {
    let place = Place::new();
    let fifo = || {
        let mode = rustix::fs::Mode::RWXU;
        let kind = rustix::fs::FileType::Fifo;
        let path = place.inside(b"f");
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).expect("fifo");
    };
    fifo();
    assert!(!place.target.matches(&file(b"f", b"x")).expect("compare"));
    assert!(place.target.open_existing(&file(b"f", b"x")).expect("open").is_none());
    fifo();
    write_file(&place.target, &file(b"f", b"x"), b"x");
    assert_eq!(fs::read(place.inside(b"f")).expect("read"), b"x");
}

#[test]
fn a_folder_that_holds_something_is_never_removed() {
    let place = Place::new();
    fs::create_dir_all(place.inside(b"d\xff/sub")).expect("folder");
    fs::create_dir(place.inside(b"empty")).expect("folder");
    let errors = [
        place.target.create_file(&file(b"d\xff", b"")).map(drop),
        place.target.open_existing(&file(b"d\xff", b"")).map(drop),
        place.target.make_special(&link(b"d\xff", b"t")).map(drop),
    ];
    for result in errors {
        let error = result.expect_err("must be refused");
        assert!(matches!(error, TargetError::NotEmpty { .. }));
        assert!(error.to_string().contains("\"d\\xff\""), "{error}");
    }
    assert!(place.inside(b"d\xff/sub").is_dir());
    write_file(&place.target, &file(b"empty", b"file"), b"file");
    assert_eq!(fs::read(place.inside(b"empty")).expect("read"), b"file");
}

/// Another user may hold such a file open and read what is written into it.
#[test]
fn a_file_of_another_user_is_not_reused() {
    if !target_entries::is_root("a_file_of_another_user_is_not_reused") {
        return;
    }
    let place = Place::new();
    fs::write(place.inside(b"f"), b"bait").expect("write");
    std::os::unix::fs::chown(place.inside(b"f"), Some(12345), None).expect("chown");
    let bait = fs::File::open(place.inside(b"f")).expect("open");
    let entry = file(b"f", b"secret");
    assert!(place.target.open_existing(&entry).expect("open").is_none());
    write_file(&place.target, &entry, b"secret");
    assert_eq!(bait.metadata().expect("stat").len(), 4);
    assert_eq!(bait.metadata().expect("stat").nlink(), 0);
}

#[test]
fn a_reused_file_is_closed_to_others_before_it_is_written() {
    let place = Place::new();
    fs::write(place.inside(b"f"), b"old").expect("write");
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    };
    open(&place.inside(b"f"), 0o666);
    let mut entry = file(b"f", b"secret");
    entry.mode = 0o600;
    assert!(place.target.open_existing(&entry).expect("open").is_some());
    let mode = fs::metadata(place.inside(b"f")).expect("stat").mode();
    assert_eq!(mode & 0o7777, 0o600);
}

//! What an entry says of owner, mode, time and attributes must be on the disk after a restore,
//! or be told as a problem; and a restored entry must be found to match.

mod target_entries;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pulih_restore::target::{Accounts, MetadataProblem, OwnerPolicy, Target, TargetError};
use pulih_vault::tree::entry::{Entry, Kind, Timestamp};
use rustix::fs::XattrFlags;
use target_entries::{Place, dir, file, is_root, link, of_kind, write_file};

const ACL: &[u8] = b"system.posix_acl_access";

/// Version 2; owner rw, user 4711 r, group none, mask r, others none.
fn acl() -> Vec<u8> {
    let mut raw = 2u32.to_le_bytes().to_vec();
    let rules = [(1u16, 6u16, u32::MAX), (2, 4, 4711), (4, 0, u32::MAX), (16, 4, u32::MAX)];
    for (tag, rights, id) in rules.into_iter().chain([(32, 0, u32::MAX)]) {
        raw.extend(tag.to_le_bytes());
        raw.extend(rights.to_le_bytes());
        raw.extend(id.to_le_bytes());
    }
    raw
}

fn xattr(path: &Path, name: &[u8]) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 4096];
    let length = rustix::fs::lgetxattr(path, name, &mut buffer[..]).ok()?;
    buffer.truncate(length);
    Some(buffer)
}

/// Whether files here can have the attribute; temporary folders are of many kinds.
fn can_hold(place: &Place, name: &[u8], value: &[u8], test: &str) -> bool {
    let probe = place.outside_file();
    let set = rustix::fs::lsetxattr(&probe, name, value, XattrFlags::empty());
    if let Err(errno) = set {
        println!("{test}: skipped: {errno}");
        return false;
    }
    rustix::fs::lremovexattr(&probe, name).expect("remove");
    true
}

fn assert_no_problem(problems: &[MetadataProblem]) {
    assert!(problems.is_empty(), "{problems:?}");
}

fn assert_like(place: &Place, entry: &Entry) {
    let stat = fs::symlink_metadata(place.inside(&entry.path)).expect("stat");
    if !matches!(entry.kind, Kind::Link { .. }) {
        assert_eq!(stat.mode() & 0o7777, entry.mode, "{:o}", stat.mode());
    }
    assert_eq!((stat.uid(), stat.gid()), (entry.uid, entry.gid));
    assert_eq!(stat.mtime(), entry.mtime.seconds);
    assert_eq!(stat.mtime_nsec(), i64::from(entry.mtime.nanoseconds));
    assert!(place.target.matches(entry).expect("compare"));
}

#[test]
fn modes_and_times_come_back_whatever_the_umask() {
    let place = Place::new();
    for mode in [0o000, 0o400, 0o640, 0o666, 0o777, 0o4755, 0o2755, 0o6711, 0o1644, 0o070] {
        for (seconds, nanoseconds) in [(-86_400, 999_999_999), (1_700_000_000, 1), (0, 0)] {
            let mut entry = file(format!("f{mode:o}").as_bytes(), b"x");
            entry.mode = mode;
            entry.mtime = Timestamp { seconds, nanoseconds };
            write_file(&place.target, &entry, b"x");
            assert_like(&place, &entry);
        }
    }
}

#[test]
fn a_folder_gets_its_mode_and_time_after_what_is_in_it() {
    let place = Place::new();
    let mut entry = dir(b"d");
    entry.mode = 0o3775;
    assert!(place.target.make_folder(b"d").expect("folder"));
    assert_eq!(fs::metadata(place.inside(b"d")).expect("stat").mode() & 0o777, 0o700);
    write_file(&place.target, &file(b"d/f", b"x"), b"x");
    assert_no_problem(&place.target.finish_folder(&entry).expect("metadata"));
    assert_like(&place, &entry);
    assert!(!place.target.make_folder(b"d").expect("folder"));
}

#[test]
fn owners_come_back_with_set_id_bits() {
    if !is_root("owners_come_back_with_set_id_bits") {
        return;
    }
    let place = Place::new();
    let mut entry = file(b"f", b"x");
    (entry.uid, entry.gid, entry.mode) = (4711, 4712, 0o6755);
    write_file(&place.target, &entry, b"x");
    assert_like(&place, &entry);

    let mut symlink = link(b"l", b"nowhere");
    (symlink.uid, symlink.gid) = (4711, 4712);
    assert!(place.target.make_special(&symlink).expect("symlink"));
    assert_no_problem(&place.target.apply_metadata(&symlink).expect("metadata"));
    assert_like(&place, &symlink);
}

#[test]
fn names_count_only_when_asked_for() {
    if !is_root("names_count_only_when_asked_for") {
        return;
    }
    let place = Place::new();
    let accounts = Accounts::parse(b"ani:x:5001:5001::/:", b"staf:x:5002:");
    let by_name = OwnerPolicy::ByName(accounts);
    let by_name = Target::open(&place.inside(b"")).expect("target").with_owners(by_name);
    let mut entry = file(b"f", b"x");
    (entry.uid, entry.gid) = (4711, 4712);
    entry.user = Some("ani".to_owned());
    entry.group = Some("unknown here".to_owned());
    write_file(&by_name, &entry, b"x");
    let stat = fs::metadata(place.inside(b"f")).expect("stat");
    assert_eq!((stat.uid(), stat.gid()), (5001, 4712));
    write_file(&place.target, &entry, b"x");
    assert_like(&place, &entry);
}

/// No user has this number: the kernel takes it for "leave the owner as it is".
#[test]
fn an_owner_that_cannot_be_set_costs_the_set_id_bits_and_is_told() {
    let place = Place::new();
    let mut entry = file(b"f", b"x");
    (entry.uid, entry.gid, entry.mode) = (u32::MAX, u32::MAX, 0o6755);
    entry.mtime.nanoseconds = 1_000_000_000;
    let made = place.target.create_file(&entry).expect("create");
    let problems = place.target.finish_file(&made, &entry).expect("metadata");
    assert!(matches!(problems[..], [MetadataProblem::Owner(_), MetadataProblem::Mode(_), MetadataProblem::Time(_)]));
    let mode = fs::metadata(place.inside(b"f")).expect("stat").mode();
    assert_eq!(mode & 0o7777, 0o755);
}

#[test]
fn a_symlink_has_its_own_time() {
    let place = Place::new();
    let mut entry = link(b"l\xff", b"../outside/kept");
    entry.mtime = Timestamp { seconds: -5, nanoseconds: 7 };
    assert!(place.target.make_special(&entry).expect("symlink"));
    assert!(!place.target.make_special(&entry).expect("symlink"));
    assert_no_problem(&place.target.apply_metadata(&entry).expect("metadata"));
    assert_like(&place, &entry);
    assert!(!place.target.matches(&link(b"l\xff", b"elsewhere")).expect("compare"));
    assert!(place.target.make_special(&link(b"l\xff", b"elsewhere")).expect("symlink"));
    let now = fs::read_link(place.inside(b"l\xff")).expect("read");
    assert_eq!(now, Path::new("elsewhere"));
    place.assert_outside_untouched();
}

#[test]
fn xattrs_are_set_changed_and_removed() {
    let place = Place::new();
    if !can_hold(&place, b"user.a", b"1", "xattrs_are_set_changed_and_removed") {
        return;
    }
    let mut entry = file(b"f", b"x");
    entry.xattrs.insert(b"user.a".to_vec(), b"one".to_vec());
    entry.xattrs.insert(b"user.\xff".to_vec(), Vec::new());
    write_file(&place.target, &entry, b"x");
    assert_like(&place, &entry);
    let path = place.inside(b"f");
    assert_eq!(xattr(&path, b"user.\xff"), Some(Vec::new()));

    let extra = |name: &[u8]| {
        rustix::fs::lsetxattr(&path, name, b"longer than it was", XattrFlags::empty()).expect("set");
    };
    extra(b"user.extra");
    assert!(!place.target.matches(&entry).expect("compare"));
    extra(b"user.a");
    assert_no_problem(&place.target.apply_metadata(&entry).expect("metadata"));
    assert_eq!(xattr(&path, b"user.extra"), None);
    assert_eq!(xattr(&path, b"user.a"), Some(b"one".to_vec()));
    assert_like(&place, &entry);
}

/// To root the mode is no obstacle, to everyone else it is.
#[test]
fn a_file_that_nobody_may_write_has_its_attributes_too() {
    let test = "a_file_that_nobody_may_write_has_its_attributes_too";
    let place = Place::new();
    if !can_hold(&place, b"user.a", b"1", test) || !can_hold(&place, ACL, &acl(), test) {
        return;
    }
    let mut entry = file(b"f", b"x");
    entry.mode = 0o440;
    entry.xattrs.insert(b"user.a".to_vec(), b"one".to_vec());
    write_file(&place.target, &entry, b"x");
    assert_like(&place, &entry);
    let mut read_only = acl();
    // The rights of the first rule, the owner's.
    read_only[6] = 4;
    entry.xattrs.insert(ACL.to_vec(), read_only);
    write_file(&place.target, &entry, b"x");
    assert_like(&place, &entry);
}

#[test]
fn an_attribute_that_cannot_be_set_is_told_by_name() {
    let place = Place::new();
    let mut entry = file(b"f", b"x");
    entry.xattrs.insert(b"nowhere.\x1b".to_vec(), b"1".to_vec());
    let made = place.target.create_file(&entry).expect("create");
    let problems = place.target.finish_file(&made, &entry).expect("metadata");
    assert!(matches!(&problems[..], [MetadataProblem::Xattr { name, .. }] if name == b"nowhere.\x1b"));
}

#[test]
fn acls_come_back_and_inherited_ones_do_not_stay() {
    let place = Place::new();
    if !can_hold(&place, ACL, &acl(), "acls_come_back_and_inherited_ones_do_not_stay") {
        return;
    }
    let mut entry = file(b"f", b"x");
    entry.xattrs.insert(ACL.to_vec(), acl());
    write_file(&place.target, &entry, b"x");
    assert_eq!(xattr(&place.inside(b"f"), ACL), Some(acl()));
    assert_like(&place, &entry);

    let mut folder = dir(b"d");
    folder.xattrs.insert(b"system.posix_acl_default".to_vec(), acl());
    assert!(place.target.make_folder(b"d").expect("folder"));
    assert_no_problem(&place.target.finish_folder(&folder).expect("metadata"));
    assert_like(&place, &folder);
    let plain = file(b"d/plain", b"x");
    fs::write(place.inside(b"d/inherits"), b"").expect("write");
    assert!(xattr(&place.inside(b"d/inherits"), ACL).is_some());
    write_file(&place.target, &plain, b"x");
    assert_eq!(xattr(&place.inside(b"d/plain"), ACL), None);
    assert_like(&place, &plain);
}

#[test]
fn a_capability_outlives_the_change_of_owner() {
    let test = "a_capability_outlives_the_change_of_owner";
    let place = Place::new();
    // Version 2: may bind low ports.
    let mut value = 0x0200_0001u32.to_le_bytes().to_vec();
    value.extend([0, 4, 0, 0]);
    value.extend([0; 12]);
    if !is_root(test) || !can_hold(&place, b"security.capability", &value, test) {
        return;
    }
    let mut entry = file(b"f", b"x");
    (entry.uid, entry.gid) = (4711, 4712);
    entry.xattrs.insert(b"security.capability".to_vec(), value);
    write_file(&place.target, &entry, b"x");
    assert_like(&place, &entry);
    entry.xattrs.clear();
    assert!(!place.target.matches(&entry).expect("compare"));
    assert_no_problem(&place.target.apply_metadata(&entry).expect("metadata"));
    assert_like(&place, &entry);
}

#[test]
fn special_files_come_back_and_the_same_ones_stay() {
    let place = Place::new();
    let mut kinds = vec![Kind::Fifo, Kind::Socket];
    if is_root("special_files_come_back_and_the_same_ones_stay (devices)") {
        kinds.push(Kind::Char { major: 1, minor: 3 });
        kinds.push(Kind::Block { major: 7, minor: 300 });
    }
    for kind in kinds {
        let mut entry = of_kind(b"s", kind);
        entry.mode = 0o662;
        match place.target.make_special(&entry) {
            // Containers are often root without the right to make devices.
            Err(TargetError::NeedsRoot { .. }) => {
                println!("{:?}: skipped: no right to make it", entry.kind);
                continue;
            }
            made => assert!(made.expect("special"), "{:?}", entry.kind),
        }
        assert_no_problem(&place.target.apply_metadata(&entry).expect("metadata"));
        assert_like(&place, &entry);
        assert!(!place.target.make_special(&entry).expect("special"));
    }
}

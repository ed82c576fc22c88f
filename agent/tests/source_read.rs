//! All of an entry's metadata is read, its content only if it is still what was found; holes,
//! exclusions and mount points do what was asked.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulih_agent::source::content::{self, Extents};
use pulih_agent::source::metadata::read_entry;
use pulih_agent::source::{Excludes, Found, OwnerNames, Skip, Stat, Step, WalkOptions, walk};
use pulih_vault::tree::entry::{Entry, Kind};
use rustix::fs::{CWD, FileType, XattrFlags, mknodat, setxattr};

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What is found below `base`, and what is skipped, by its path from there.
fn look(base: &Path, options: WalkOptions) -> (Vec<String>, Vec<(String, Skip)>) {
    let start = base.to_str().unwrap().len();
    let below = |path: &[u8]| String::from_utf8_lossy(path.get(start..).unwrap_or(b"")).into_owned();
    let (mut paths, mut skipped) = (Vec::new(), Vec::new());
    for step in walk(&[base.to_owned()], options).unwrap() {
        match step {
            Step::Found(found) => paths.push(below(&found.path())),
            Step::Skipped { path, why } => skipped.push((below(&path), why)),
            Step::Unreadable { .. } => panic!("{step:?}"),
        }
    }
    paths.retain(|path| !path.is_empty());
    (paths, skipped)
}

fn find(path: &Path) -> Found {
    let named = path.to_str().unwrap().trim_start_matches('/').as_bytes();
    walk(&[path.to_owned()], WalkOptions::default())
        .unwrap()
        .find_map(|step| match step {
            Step::Found(found) => (found.path() == named).then_some(found),
            _ => None,
        })
        .unwrap()
}

fn entry(path: &Path) -> Entry {
    read_entry(&find(path), &mut OwnerNames::new()).unwrap()
}

fn make(base: &Path, paths: &[&str]) {
    for path in paths {
        let path = base.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
}

#[test]
fn excluded_folders_are_not_entered() {
    let (_folder, base) = temporary();
    make(&base, &["a/cache/x", "a/keep.log", "a/other.log", "cache"]);
    let patterns = ["cache/", "*.log", "!keep.log"].map(str::to_owned);
    let excludes = Excludes::new(&patterns, &[]).unwrap();
    let (paths, skipped) = look(&base, WalkOptions { excludes, ..WalkOptions::default() });
    assert_eq!(paths, ["a", "a/keep.log", "cache"]);
    let excluded = ["a/cache", "a/other.log"].map(|path| (path.to_owned(), Skip::Excluded));
    assert_eq!(skipped, excluded);
}

#[test]
fn a_slash_stands_for_the_snapshots_root() {
    let (_folder, base) = temporary();
    make(&base, &["a/x", "b/a/x"]);
    let excludes = Excludes::new(&[format!("{}/a", base.display())], &[]).unwrap();
    let (paths, _) = look(&base, WalkOptions { excludes, ..WalkOptions::default() });
    assert_eq!(paths, ["b", "b/a", "b/a/x"]);
}

#[test]
fn of_a_cache_the_tag_is_kept() {
    let (_folder, base) = temporary();
    make(&base, &["cache/x/y", "cache/A", "cache/z", "not/x"]);
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n# a cache\n";
    fs::write(base.join("cache/CACHEDIR.TAG"), tag).unwrap();
    fs::write(base.join("not/CACHEDIR.TAG"), "Signature: none").unwrap();
    let options = || WalkOptions { exclude_caches: true, ..WalkOptions::default() };
    let (paths, skipped) = look(&base, options());
    assert_eq!(paths, ["cache", "cache/CACHEDIR.TAG", "not", "not/CACHEDIR.TAG", "not/x"]);
    assert_eq!(skipped, [("cache".to_owned(), Skip::Cache)]);
    let (paths, _) = look(&base, WalkOptions { exclude_caches: false, ..options() });
    assert_eq!(paths.len(), 9);
}

#[test]
fn the_store_is_never_entered() {
    let (_folder, base) = temporary();
    make(&base, &["store/object", "x"]);
    let store = find(&base.join("store/object"));
    let folder = Stat::from(rustix::fs::fstat(store.folder()).unwrap());
    let skip = vec![(folder.device, folder.inode)];
    let (paths, skipped) = look(&base, WalkOptions { skip, ..WalkOptions::default() });
    assert_eq!(paths, ["store", "x"]);
    assert_eq!(skipped, [("store".to_owned(), Skip::Own)]);
}

#[test]
fn a_mount_point_is_kept_and_not_entered() {
    if !is_root() {
        println!("skipped: needs root");
        return;
    }
    let (_folder, base) = temporary();
    make(&base, &["mnt/under", "x"]);
    let mount = base.join("mnt");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "none"]).arg(&mount).status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("skipped: nothing may be mounted here");
        return;
    }
    make(&mount, &["a/b/c", "d"]);
    let one = || WalkOptions { one_file_system: true, ..WalkOptions::default() };
    let alone = look(&base, one());
    let all = look(&base, WalkOptions::default());
    let roots = [base.clone(), mount.join("a/b")];
    let named = walk(&roots, one())
        .unwrap()
        .filter(|step| matches!(step, Step::Found(found) if found.stat().device != find(&base).stat().device));
    let named = named.count();
    let unmounted = Command::new("umount").arg(&mount).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(alone.0, ["mnt", "x"]);
    assert_eq!(alone.1, [("mnt".to_owned(), Skip::OtherFileSystem)]);
    assert_eq!(all.0, ["mnt", "mnt/a", "mnt/a/b", "mnt/a/b/c", "mnt/d", "x"]);
    // Of what is mounted: itself, a, b and c, but not d.
    assert!(named >= 4, "{named}");
}

#[test]
fn metadata_is_read_in_full() {
    let (_folder, base) = temporary();
    let file = base.join("file");
    fs::write(&file, "content").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o2640)).unwrap();
    fs::hard_link(&file, base.join("name")).unwrap();
    let time = std::time::UNIX_EPOCH - std::time::Duration::from_millis(1_500);
    File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
    let one = entry(&file);
    assert_eq!(one.mode, 0o2640);
    assert_eq!((one.mtime.seconds, one.mtime.nanoseconds), (-2, 500_000_000));
    assert!(matches!(&one.kind, Kind::File(content) if content.size == 7));
    assert_eq!(one.links.unwrap().count, 2);
    assert_eq!(one.links, entry(&base.join("name")).links);
    if is_root() {
        assert_eq!((one.user.as_deref(), one.group.as_deref()), (Some("root"), Some("root")));
    }
    let folder = entry(&base);
    assert!(folder.kind == Kind::Dir && folder.links.is_none());
    symlink("a\\b/none", base.join("link")).unwrap();
    assert_eq!(entry(&base.join("link")).kind, Kind::Link { target: b"a\\b/none".to_vec() });
    let _socket = UnixListener::bind(base.join("socket")).unwrap();
    assert_eq!(entry(&base.join("socket")).kind, Kind::Socket);
    mknodat(CWD, base.join("fifo"), FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(entry(&base.join("fifo")).kind, Kind::Fifo);
    let device = rustix::fs::makedev(1, 3);
    if is_root() && mknodat(CWD, base.join("null"), FileType::CharacterDevice, 0o600.into(), device).is_ok() {
        assert_eq!(entry(&base.join("null")).kind, Kind::Char { major: 1, minor: 3 });
    }
}

#[test]
fn attributes_acls_and_capabilities_are_read() {
    let (_folder, base) = temporary();
    let file = base.join("file");
    fs::write(&file, "").unwrap();
    // Version 2; owner rw, user 1 r, group r, mask r, others none.
    let acl: Vec<u8> = [2u32.to_le_bytes().to_vec()]
        .into_iter()
        .chain([(1u16, 6u16, u32::MAX), (2, 4, 1), (4, 4, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)].map(
            |(tag, bits, id)| {
                [tag.to_le_bytes().to_vec(), bits.to_le_bytes().to_vec(), id.to_le_bytes().to_vec()].concat()
            },
        ))
        .flatten()
        .collect();
    let capability: Vec<u8> = [0x0200_0001u32, 1 << 10, 0, 0, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
    let large = vec![7; 2_000];
    let mut set = 0;
    for (name, value) in [
        ("user.small", &b"value"[..]),
        ("user.empty", b""),
        ("user.large", &large),
        ("system.posix_acl_access", &acl),
        ("security.capability", &capability),
        ("trusted.own", b"\0\xff"),
    ] {
        if let Err(error) = setxattr(&file, name, value, XattrFlags::empty()) {
            println!("skipped: {name}: {error}");
            continue;
        }
        set += 1;
        let xattrs = entry(&file).xattrs;
        assert_eq!(xattrs.get(name.as_bytes()).map(Vec::as_slice), Some(value), "{name}");
    }
    assert!(entry(&file).xattrs.len() >= set);
    symlink("file", base.join("link")).unwrap();
    assert!(!entry(&base.join("link")).xattrs.contains_key(&b"user.small"[..]));
}

#[test]
fn only_what_was_found_is_opened() {
    let (_folder, base) = temporary();
    let path = base.join("file");
    fs::write(&path, "content").unwrap();
    let found = find(&path);
    let mut text = String::new();
    content::open(&found).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "content");

    let gone = |found: &Found| content::is_vanished(&content::open(found).unwrap_err());
    fs::rename(&path, base.join("moved")).unwrap();
    assert!(gone(&found));
    fs::write(&path, "another").unwrap();
    assert!(gone(&found));
    fs::remove_file(&path).unwrap();
    symlink("moved", &path).unwrap();
    assert!(gone(&found));
    fs::remove_file(&path).unwrap();
    mknodat(CWD, &path, FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(gone(&found));
    fs::remove_file(&path).unwrap();
    let _socket = UnixListener::bind(&path).unwrap();
    assert!(gone(&found));
}

#[test]
fn a_write_shows() {
    let (_folder, base) = temporary();
    let path = base.join("file");
    fs::write(&path, "content").unwrap();
    let stat = |path: &Path| *find(path).stat();
    let before = stat(&path);
    assert!(content::is_stable(&before, &stat(&path)));
    File::options().append(true).open(&path).unwrap().write_all(b"more").unwrap();
    assert!(!content::is_stable(&before, &stat(&path)));
    assert!(!content::is_stable(&before, &stat(&base)));
}

fn extents_of(path: &Path) -> (Stat, Extents) {
    let found = find(path);
    let file = content::open(&found).unwrap();
    (*found.stat(), content::extents(&file, found.stat()).unwrap())
}

#[test]
fn holes_are_found() {
    const MIB: u64 = 1 << 20;
    let (_folder, base) = temporary();
    let path = base.join("sparse");
    let file = File::create(&path).unwrap();
    file.set_len(8 * MIB).unwrap();
    file.write_all_at(b"data", 0).unwrap();
    file.write_all_at(&vec![1; 64 << 10], 2 * MIB).unwrap();
    // A small hole: it is read.
    file.write_all_at(&vec![1; 64 << 10], 2 * MIB + (128 << 10)).unwrap();
    file.sync_all().unwrap();
    let (stat, extents) = extents_of(&path);
    if stat.blocks * 512 >= stat.size {
        println!("skipped: this file system has no holes");
        return;
    }
    assert!(extents.sparse);
    let mut all: Vec<_> = extents.data.iter().chain(&extents.holes).copied().collect();
    all.sort_unstable();
    let end = all.iter().try_fold(0, |at, &(from, length)| (from == at).then_some(at + length));
    assert_eq!(end, Some(8 * MIB));
    assert_eq!(extents.holes.len(), 2);
    assert!(extents.holes.iter().all(|&(_, length)| length >= content::MIN_HOLE));
    assert!(extents.data.iter().any(|&(from, length)| from <= 2 * MIB && length >= 192 << 10));

    let whole = base.join("whole");
    fs::write(&whole, vec![1; 300_000]).unwrap();
    let (_, extents) = extents_of(&whole);
    assert_eq!(extents, Extents { data: vec![(0, 300_000)], ..Extents::default() });
    fs::write(&whole, "").unwrap();
    assert_eq!(extents_of(&whole).1, Extents::default());

    let empty = base.join("empty");
    File::create(&empty).unwrap().set_len(MIB).unwrap();
    let all = Extents { data: vec![], holes: vec![(0, MIB)], sparse: true };
    assert_eq!(extents_of(&empty).1, all);
}

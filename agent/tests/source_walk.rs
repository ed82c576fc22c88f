//! The walk gives every path once, in the order of a snapshot's tree, whatever the roots are and
//! whatever happens to the folders meanwhile.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use pulih_agent::source::{SourceError, Step, WalkOptions, limit, walk};
use pulih_vault::tree::name::{compare, is_safe_path};

fn with_threads(threads: usize) -> WalkOptions {
    WalkOptions { threads, ..WalkOptions::default() }
}

fn steps(roots: &[PathBuf], options: WalkOptions) -> Vec<Step> {
    walk(roots, options).unwrap().collect()
}

/// The paths found; anything else is a failure.
fn found(roots: &[PathBuf], options: WalkOptions) -> Vec<Vec<u8>> {
    let path = |step| match step {
        Step::Found(found) => found.path(),
        other => panic!("{other:?}"),
    };
    steps(roots, options).into_iter().map(path).collect()
}

/// The paths found below the folder `base`, which is not `/`, relative to it.
fn found_below(base: &Path, roots: &[&str], options: WalkOptions) -> Vec<String> {
    let prefix = format!("{}/", base.to_str().unwrap().trim_start_matches('/'));
    let roots: Vec<_> = roots.iter().map(|root| base.join(root)).collect();
    let text = |path| String::from_utf8(path).unwrap();
    let paths = found(&roots, options).into_iter().map(text);
    paths.filter_map(|path| path.strip_prefix(&prefix).map(str::to_owned)).collect()
}

fn make(base: &Path, paths: &[&str]) {
    for path in paths {
        let path = base.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
}

fn temporary() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    (folder, path)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn all_is_found_in_order(
        paths in proptest::collection::vec(
            proptest::collection::vec("[a-c.\u{e9} -]{1,2}", 1..5), 0..40),
        threads in 0usize..4,
    ) {
        let (_folder, base) = temporary();
        let mut expected = BTreeSet::new();
        for parts in paths {
            let path = parts.join("/");
            if !is_safe_path(path.as_bytes()) || fs::create_dir_all(base.join(&path)).is_err() {
                continue;
            }
            for depth in 1..=parts.len() {
                expected.insert(parts[..depth].to_vec());
            }
            // A file at the end of some.
            let file = base.join(&path).join("f");
            if parts.len() % 2 == 0 && fs::write(&file, "x").is_ok() {
                let mut parts = parts;
                parts.push("f".to_owned());
                expected.insert(parts);
            }
        }
        let expected: Vec<_> = expected.into_iter().map(|parts| parts.join("/")).collect();
        let got = found_below(&base, &["."], with_threads(threads));
        prop_assert!(got.is_sorted_by(|a, b| compare(a.as_bytes(), b.as_bytes()).is_lt()));
        prop_assert_eq!(got, expected);
    }
}

#[test]
fn roots_in_roots_and_twice_are_found_once() {
    let (_folder, base) = temporary();
    make(&base, &["a/b/x", "a/c", "a-b/y", "d/e/f/z", "d/e/other"]);
    let all = ["a", "a/b", "a/b/x", "a/c", "a-b", "a-b/y"];
    for roots in [&["a", "a-b"][..], &["a-b", "a/b", "a", "a", "a/b/x"], &["a-b/y", "a", "a-b"]] {
        for threads in [0, 2] {
            assert_eq!(found_below(&base, roots, with_threads(threads)), all, "{roots:?}");
        }
    }
    let way = found_below(&base, &["d/e/f", "a/c", "a/../a-b/y"], with_threads(1));
    assert_eq!(way, ["a", "a/c", "a-b", "a-b/y", "d", "d/e", "d/e/f", "d/e/f/z"]);
}

#[test]
fn folders_on_the_way_are_entries() {
    let (_folder, base) = temporary();
    make(&base, &["x/file"]);
    let paths = found(&[base.join("x/file")], with_threads(0));
    let whole = base.join("x/file");
    let whole = whole.as_os_str().as_bytes().strip_prefix(b"/").unwrap();
    let ends = (0..=whole.len()).filter(|&i| i == whole.len() || whole[i] == b'/');
    let expected: Vec<_> = ends.map(|end| whole[..end].to_vec()).collect();
    assert_eq!(paths, expected);
}

#[test]
fn relative_roots_are_kept_below_the_snapshots_root() {
    // Tests share the current folder, which is that of the package: it must not be changed.
    let paths = found(&["./src/../src/source".into(), "src/source.rs".into()], with_threads(1));
    let inside = |path: &&Vec<u8>| path.ends_with(b"src/source/walk.rs");
    assert!(paths.iter().find(inside).is_some_and(|path| path.len() > "src/source/walk.rs".len()));
    assert!(paths.contains(&b"src".to_vec()) && paths.contains(&b"src/source.rs".to_vec()));
    assert!(paths.is_sorted_by(|a, b| compare(a, b).is_lt()));
    let all = found(&[".".into()], with_threads(1));
    assert!(all.contains(&b"Cargo.toml".to_vec()) && all.contains(&b"src/source/walk.rs".to_vec()));
    assert_eq!(all, found(&["src".into(), ".".into()], with_threads(2)));
}

#[test]
fn roots_that_cannot_be_are_errors_with_their_path() {
    let (_folder, base) = temporary();
    let missing = base.join("missing");
    let error = walk(&[base.clone(), missing.clone()], with_threads(1)).err().unwrap();
    assert!(error.to_string().contains(missing.to_str().unwrap()), "{error}");
    assert!(matches!(walk(&[], with_threads(0)), Err(SourceError::NoRoots)));
    assert!(matches!(walk(&["".into()], with_threads(0)), Err(SourceError::Root { .. })));
    let both = [".".into(), "/dev/null".into()];
    assert!(matches!(walk(&both, with_threads(0)), Err(SourceError::Conflict { .. })));
}

#[test]
fn a_link_is_saved_as_a_link_and_followed_on_the_way_to_a_root() {
    let (_folder, base) = temporary();
    make(&base, &["real/a", "real/b/c"]);
    symlink("real", base.join("link")).unwrap();
    assert_eq!(found_below(&base, &["link"], with_threads(0)), ["link"]);
    assert_eq!(found_below(&base, &["link/b"], with_threads(0)), ["link", "link/b", "link/b/c"]);
    for step in steps(&[base.join("link/b")], with_threads(0)) {
        let Step::Found(found) = step else { panic!("{step:?}") };
        assert_eq!(found.is_followed(), found.path().ends_with(b"link"));
        assert!(!found.stat().is_dir() || found.stat().mode & 0o170_000 == 0o040_000);
    }
}

#[test]
fn a_large_folder_is_sorted() {
    let (_folder, base) = temporary();
    let mut expected: Vec<_> = (0..20_000).map(|i| format!("{}-{i}", i * 7_919 % 1_000)).collect();
    for name in &expected {
        fs::write(base.join(name), "").unwrap();
    }
    expected.sort();
    assert_eq!(found_below(&base, &["."], with_threads(2)), expected);
}

#[test]
fn trees_deeper_than_a_path_can_say_are_walked() {
    const LEVELS: usize = 3_000;
    limit::raise_file_limit().unwrap();
    let (_folder, base) = temporary();
    let name = "deep-folder";
    let mut at = rustix::fs::open(&base, rustix::fs::OFlags::PATH, 0.into()).unwrap();
    for _ in 0..LEVELS {
        rustix::fs::mkdirat(&at, name, 0o700.into()).unwrap();
        at = rustix::fs::openat(&at, name, rustix::fs::OFlags::PATH, 0.into()).unwrap();
    }
    for threads in [0, 2] {
        let paths = found_below(&base, &["."], with_threads(threads));
        assert_eq!(paths.len(), LEVELS);
        assert_eq!(paths[LEVELS - 1], vec![name; LEVELS].join("/"));
    }
}

#[test]
fn paths_that_no_entry_can_have_are_told() {
    limit::raise_file_limit().unwrap();
    let (_folder, base) = temporary();
    let name = "n".repeat(250);
    let mut at = rustix::fs::open(&base, rustix::fs::OFlags::PATH, 0.into()).unwrap();
    for _ in 0..300 {
        rustix::fs::mkdirat(&at, &name, 0o700.into()).unwrap();
        at = rustix::fs::openat(&at, &name, rustix::fs::OFlags::PATH, 0.into()).unwrap();
    }
    let steps = steps(&[base], with_threads(1));
    let last = steps.last().unwrap();
    assert!(matches!(last, Step::Skipped { path, .. } if path.len() > 65_535), "{last:?}");
    let found = steps.iter().filter(|step| matches!(step, Step::Found(_))).count();
    assert!(found > 250 && found + 1 == steps.len());
}

#[test]
fn names_need_not_be_text() {
    let (_folder, base) = temporary();
    for name in [&b"\xff\xfe"[..], b"a\nb", b"\x01", b"caf\xc3\xa9", b"caf\xe9"] {
        fs::write(base.join(OsStr::from_bytes(name)), "").unwrap();
    }
    let paths = found(std::slice::from_ref(&base), with_threads(0));
    let names: Vec<_> =
        paths[paths.len() - 5..].iter().map(|path| path.rsplit(|&b| b == b'/').next().unwrap().to_vec()).collect();
    assert_eq!(names, [&b"\x01"[..], b"a\nb", b"caf\xc3\xa9", b"caf\xe9", b"\xff\xfe"]);
}

#[test]
fn a_folder_that_cannot_be_read_is_told() {
    if is_root() {
        println!("skipped: root may read all");
        return;
    }
    let (_folder, base) = temporary();
    make(&base, &["closed/x", "open/y"]);
    let closed = base.join("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let steps = steps(std::slice::from_ref(&base), with_threads(1));
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let told: Vec<_> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Unreadable { path, .. } => Some(path.ends_with(b"/closed")),
            _ => None,
        })
        .collect();
    assert_eq!(told, [true]);
    let seen = |name: &[u8]| steps.iter().any(|s| matches!(s, Step::Found(f) if f.path().ends_with(name)));
    assert!(seen(b"/closed") && seen(b"/open/y"));
}

#[test]
fn a_folder_that_vanishes_is_silently_absent() {
    let (_folder, base) = temporary();
    make(&base, &["a/x", "b/y", "c/z"]);
    // Without helpers a folder is opened when the walk comes to it.
    let mut paths = Vec::new();
    for step in walk(std::slice::from_ref(&base), with_threads(0)).unwrap() {
        let Step::Found(found) = step else { panic!("{step:?}") };
        let path = found.path();
        if path.ends_with(b"/a") {
            fs::remove_dir_all(base.join("b")).unwrap();
        }
        paths.push(path);
    }
    let last: Vec<_> = paths.iter().map(|path| path[path.len() - 2..].to_vec()).collect();
    assert_eq!(last[last.len() - 4..], [*b"/a", *b"/x", *b"/c", *b"/z"]);
}

#[test]
fn a_walk_may_be_left_at_any_time() {
    let (_folder, base) = temporary();
    for i in 0..200 {
        make(&base, &[&format!("{i}/x")]);
    }
    for stop in [0, 1, 7, 150] {
        let mut walk = walk(std::slice::from_ref(&base), with_threads(3)).unwrap();
        assert_eq!(walk.by_ref().take(stop).count(), stop);
    }
    let mut walk = walk(std::slice::from_ref(&base), with_threads(1)).unwrap();
    let mut steps = Vec::new();
    while walk.next_batch(&mut steps) {}
    let inode = fs::metadata(base.join("199/x")).unwrap().ino();
    assert!(steps.iter().any(|step| matches!(step, Step::Found(f) if f.stat().inode == inode)));
}

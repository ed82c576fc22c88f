//! The box itself: what `bwrap` is asked for.

use std::path::{Path, PathBuf};

use pulih_policies::{DATA, Recipe};

use crate::own::Own;
use crate::stage::{Carried, Stage};

/// Names the box among the host's processes.
pub const MARK: &str = "PULIH_SANDBOX";
/// Of `/tmp` and of `/dev/shm`, in memory.
const IN_MEMORY: &str = "67108864";
/// What programs are in the box: some, as databases, refuse to be root.
const INSIDE_USER: &str = "1000";
const PLACES: [&str; 3] = ["/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap"];

/// All that it may not have.
pub const CLOSED: [&str; 19] = [
    "--unshare-user",
    "--unshare-pid",
    "--unshare-net",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup",
    "--disable-userns",
    "--cap-drop",
    "ALL",
    "--new-session",
    "--die-with-parent",
    "--as-pid-1",
    "--clearenv",
    "--uid",
    INSIDE_USER,
    "--gid",
    INSIDE_USER,
    "--hostname",
    "pulih",
];

pub fn find() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|path| path.is_file())
}

pub fn stage(bwrap: PathBuf, mark: &str, recipe: &Recipe, data: &Path, own: &Own, inside: &[&str]) -> Stage {
    let mut before = texts(&CLOSED);
    for path in &recipe.programs {
        // One that is not on this host is missed by the program that needs it.
        before.extend(texts(&["--ro-bind-try", path, path]));
    }
    before.extend(texts(&["--proc", "/proc", "--dev", "/dev"]));
    before.extend(texts(&["--size", IN_MEMORY, "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]));
    before.extend(texts(&["--size", IN_MEMORY, "--tmpfs", "/tmp"]));
    let mut carried = vec![Carried { from: data.to_owned(), to: DATA.into(), is_writable: true }];
    carried.extend(own.files().into_iter().map(|(from, to)| Carried { from, to, is_writable: false }));
    let mut after = texts(&["--remount-ro", "/", "--setenv", MARK, mark, "--chdir", "/tmp", "--"]);
    after.extend(own.argv(inside));
    Stage { bwrap, before, carried, made: made(), after, is_root: rustix::process::geteuid().is_root() }
}

/// Without these no program finds its own name, or `localhost`.
fn made() -> Vec<(String, String)> {
    let file = |name: &str, content: String| (format!("/etc/{name}"), content);
    vec![
        file("passwd", format!("pulih:x:{INSIDE_USER}:{INSIDE_USER}::/tmp:/bin/sh\n")),
        file("group", format!("pulih:x:{INSIDE_USER}:\n")),
        file("hosts", "127.0.0.1 localhost\n::1 localhost\n".into()),
        file("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n".into()),
    ]
}

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|its| (*its).to_owned()).collect()
}

//! Which groups this process is in, and where they are; and what is mounted.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A tree of groups that the host has mounted.
#[derive(Debug, PartialEq, Eq)]
pub struct Hierarchy {
    pub mounted: PathBuf,
    /// This process's own group.
    pub own: PathBuf,
    pub is_v1: bool,
    pub controllers: Vec<String>,
}

pub fn hierarchies() -> io::Result<Vec<Hierarchy>> {
    Ok(read(&fs::read_to_string("/proc/self/mountinfo")?, &fs::read_to_string("/proc/self/cgroup")?))
}

/// Mounts of this host at that place or below it.
pub fn mounts_at(place: &Path) -> u64 {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    points.filter(|point| Path::new(&unescaped(point)).starts_with(place)).count() as u64
}

/// `id parent device root point options … - type source super-options`, and `number:controllers:path`.
fn read(mounts: &str, groups: &str) -> Vec<Hierarchy> {
    let hierarchy = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let is_v1 = match right.next()? {
            "cgroup" => true,
            "cgroup2" => false,
            _ => return None,
        };
        let controllers: Vec<String> = right.nth(1)?.split(',').map(str::to_owned).collect();
        let (root, point) = (left.split(' ').nth(3)?, left.split(' ').nth(4)?);
        let group = groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, names, path) = (parts.next()?, parts.next()?, parts.next()?);
            let is_it = if is_v1 {
                !names.is_empty() && names.split(',').all(|name| controllers.iter().any(|its| its == name))
            } else {
                names.is_empty()
            };
            is_it.then_some(path)
        })?;
        let mounted = PathBuf::from(unescaped(point));
        // In a container the mount may begin further down than the path.
        let below = Path::new(group).strip_prefix(unescaped(root)).unwrap_or(Path::new(""));
        let own = if below.as_os_str().is_empty() { mounted.clone() } else { mounted.join(below) };
        Some(Hierarchy { mounted, own, is_v1, controllers })
    };
    mounts.lines().filter_map(hierarchy).collect()
}

/// `mountinfo` writes space, tab, newline and backslash in octal.
fn unescaped(text: &str) -> String {
    let codes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    codes.iter().fold(text.to_owned(), |text, (code, its)| text.replace(code, its))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_group_is_found_in_both_versions_and_in_a_container() {
        let mounts = "30 1 0:20 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
            31 1 0:21 /docker/ab /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
            32 1 0:22 / /sys/fs/cgroup/un\\040ified rw - cgroup2 cgroup2 rw,nsdelegate\n\
            33 1 0:23 / /data rw - ext4 /dev/vda rw\n";
        let groups = "4:memory:/a/b\n8:pids:/docker/ab/c\n0::/system.slice/x.service\n";
        let found = read(mounts, groups);
        let own: Vec<&str> = found.iter().map(|its| its.own.to_str().unwrap()).collect();
        assert_eq!(
            own,
            ["/sys/fs/cgroup/memory/a/b", "/sys/fs/cgroup/pids/c", "/sys/fs/cgroup/un ified/system.slice/x.service"]
        );
        assert_eq!(found.iter().map(|its| its.is_v1).collect::<Vec<_>>(), [true, true, false]);
    }
}

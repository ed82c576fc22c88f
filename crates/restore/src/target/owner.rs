//! Whose a restored file is: the numbers of the snapshot, or the numbers that its names have on
//! this system. A number is what the kernel checks, so a name counts only when asked for.

use std::collections::HashMap;
use std::io;

use pulih_vault::tree::entry::Entry;

/// How an entry's owner is chosen.
#[derive(Debug, Clone, Default)]
pub enum OwnerPolicy {
    #[default]
    Numeric,
    /// A name's number on this system; the snapshot's number for a name that is not known here.
    ByName(Accounts),
}

/// The numbers of users and groups by name.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    users: HashMap<String, u32>,
    groups: HashMap<String, u32>,
}

impl Accounts {
    /// The local accounts. Those of a directory service are not among them: asking it takes the
    /// C library's plugins.
    pub fn of_this_system() -> io::Result<Self> {
        let passwd = std::fs::read("/etc/passwd")?;
        let group = std::fs::read("/etc/group")?;
        Ok(Self::parse(&passwd, &group))
    }

    /// From text as in `/etc/passwd` and `/etc/group`; lines that are not of that form are
    /// passed over, as the C library does.
    pub fn parse(passwd: &[u8], group: &[u8]) -> Self {
        Self { users: numbers(passwd), groups: numbers(group) }
    }
}

/// Both files hold name, password, number.
fn numbers(text: &[u8]) -> HashMap<String, u32> {
    let mut found = HashMap::new();
    for line in String::from_utf8_lossy(text).lines() {
        let mut fields = line.split(':');
        let (name, number) = (fields.next(), fields.nth(1));
        if let (Some(name), Some(Ok(number))) = (name, number.map(str::parse)) {
            // The first of several lines is the one that lookups give.
            found.entry(name.to_owned()).or_insert(number);
        }
    }
    found
}

impl OwnerPolicy {
    /// User and group that `entry` is to have.
    pub(super) fn wanted(&self, entry: &Entry) -> (u32, u32) {
        let Self::ByName(accounts) = self else {
            return (entry.uid, entry.gid);
        };
        let pick = |name: &Option<String>, known: &HashMap<String, u32>, number| {
            let here = name.as_ref().and_then(|name| known.get(name));
            here.copied().unwrap_or(number)
        };
        (pick(&entry.user, &accounts.users, entry.uid), pick(&entry.group, &accounts.groups, entry.gid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_name_counts_and_broken_lines_do_not() {
        let found = numbers(b"# note\na:x:10:0::/:\na:x:11:0\nb:x:many\nc\n\xff:x:12\n");
        assert_eq!(found.get("a"), Some(&10));
        assert_eq!(found.get("b"), None);
        assert_eq!(found.get("c"), None);
    }
}

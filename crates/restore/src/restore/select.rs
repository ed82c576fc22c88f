//! Which entries of a snapshot are wanted: all, those at or below a path, those that match a
//! pattern, those files that are named by number; and which parts of the tree need not be read for that.

use std::collections::BTreeSet;

use ignore::overrides::{Override, OverrideBuilder};
use pulih_vault::tree::name::{compare, is_at_or_below};

#[derive(Debug, Default)]
pub struct Selection {
    /// At or below this path.
    below: Option<Vec<u8>>,
    include: Option<Override>,
    /// Files alone, by the order of the whole tree, from 0.
    numbers: Option<BTreeSet<u64>>,
}

impl Selection {
    /// `patterns` are in the syntax of `.gitignore`; with none, everything is wanted.
    pub fn new(below: Option<Vec<u8>>, patterns: &[String]) -> Result<Self, ignore::Error> {
        let include = if patterns.is_empty() {
            None
        } else {
            let mut builder = OverrideBuilder::new("/");
            for pattern in patterns {
                builder.add(pattern)?;
            }
            Some(builder.build()?)
        };
        Ok(Self { below, include, numbers: None })
    }

    /// Only the files with these numbers in the order of the tree, from 0; and the folders that they are in.
    pub fn of_numbers(numbers: BTreeSet<u64>) -> Self {
        Self { numbers: Some(numbers), ..Self::default() }
    }

    /// Whether a file with this number is wanted, if its path is.
    pub fn wants_number(&self, number: u64) -> bool {
        self.numbers.as_ref().is_none_or(|numbers| numbers.contains(&number))
    }

    /// Whether entries that are no files are wanted for themselves, if their paths are.
    pub fn wants_all_kinds(&self) -> bool {
        self.numbers.is_none()
    }

    fn is_below(&self, path: &[u8]) -> bool {
        self.below.as_deref().is_none_or(|below| is_at_or_below(below, path))
    }

    /// Whether an entry is wanted for itself.
    pub fn wants(&self, path: &[u8], is_dir: bool) -> bool {
        use std::os::unix::ffi::OsStrExt as _;
        self.is_below(path)
            && self.include.as_ref().is_none_or(|include| {
                // A pattern that names a folder means all that is in it.
                let path = std::path::Path::new(std::ffi::OsStr::from_bytes(path));
                include.matched(path, is_dir).is_whitelist()
                    || path
                        .ancestors()
                        .skip(1)
                        .any(|above| !above.as_os_str().is_empty() && include.matched(above, true).is_whitelist())
            })
    }

    /// Whether an entry may be a folder on the way to one that is wanted.
    pub fn may_lead(&self, path: &[u8]) -> bool {
        self.below.as_deref().is_none_or(|below| {
            self.is_below(path) || below.strip_prefix(path).is_some_and(|rest| rest.first() == Some(&b'/'))
        })
    }

    /// Whether anything from the path `from` to below the path `to` can be wanted or lead there:
    /// the path, what is below it, and each folder above it.
    pub fn touches(&self, from: Option<&[u8]>, to: Option<&[u8]>) -> bool {
        let Some(below) = self.below.as_deref() else { return true };
        let inside = |path: &[u8]| {
            from.is_none_or(|from| compare(from, path).is_le()) && to.is_none_or(|to| compare(path, to).is_lt())
        };
        let above = below.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| &below[..at]);
        from.is_some_and(|from| self.is_below(from)) || inside(below) || above.into_iter().any(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_what_is_below_it() {
        let selection = Selection::new(Some(b"srv/data".to_vec()), &[]).unwrap();
        let wants = |path: &str| selection.wants(path.as_bytes(), false);
        assert!(wants("srv/data") && wants("srv/data/a") && wants("srv/data/a/b"));
        assert!(!wants("srv") && !wants("srv/data2") && !wants("srv/dat") && !wants("x/srv/data"));
        assert!(selection.may_lead(b"srv") && !selection.may_lead(b"srv2") && !selection.may_lead(b"sr"));
    }

    #[test]
    fn patterns_are_those_of_gitignore() {
        let selection = Selection::new(None, &["*.pdf".to_owned(), "/etc/ssl".to_owned()]).unwrap();
        let wants = |path: &str| selection.wants(path.as_bytes(), false);
        assert!(wants("a/b/c.pdf") && wants("etc/ssl/certs/x"));
        assert!(!wants("a/b/c.txt") && !wants("srv/etc/ssl/x"));
    }

    #[test]
    fn parts_of_the_tree_are_passed_over() {
        let selection = Selection::new(Some(b"m/n".to_vec()), &[]).unwrap();
        let touches = |from: &str, to: &str| selection.touches(Some(from.as_bytes()), Some(to.as_bytes()));
        assert!(touches("a", "z") && touches("m", "m/a") && touches("m/n/q", "m/n/r") && touches("a", "m/a"));
        assert!(!touches("a", "m") && !touches("m/o", "m/p") && !touches("n", "z") && !touches("m/n2", "q"));
        assert!(!touches("m/a", "m/b"), "beside the way to it");
    }
}

//! Excludes: patterns in the syntax of a `.gitignore` file, read by the crate that the agent
//! matches with, so that what is accepted here is what works there.

use std::fmt;
use std::str::FromStr;

use ignore::gitignore::GitignoreBuilder;

const MAX_BYTES: usize = 1024;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("it is empty or a comment")]
    Nothing,
    #[error("it has a space at one end, or a control character")]
    Blank,
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    #[error("it would exclude everything")]
    Everything,
    #[error("{0}")]
    Glob(String),
}

impl Pattern {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// It takes back what an earlier one excludes.
    fn includes(&self) -> bool {
        self.0.starts_with('!')
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > MAX_BYTES {
            return Err(PatternError::TooLong);
        }
        if text.trim().is_empty() || text.starts_with('#') {
            return Err(PatternError::Nothing);
        }
        if text.trim() != text || text.chars().any(char::is_control) {
            return Err(PatternError::Blank);
        }
        if text.chars().all(|c| matches!(c, '*' | '/' | '?')) {
            return Err(PatternError::Everything);
        }
        let mut builder = GitignoreBuilder::new(".");
        // A bracket left open is a mistake, not a name.
        builder.allow_unclosed_class(false);
        let glob = |error: ignore::Error| match error {
            ignore::Error::Glob { err, .. } => PatternError::Glob(err),
            other => PatternError::Glob(other.to_string()),
        };
        builder.add_line(None, text).map_err(glob)?;
        builder.build().map_err(glob)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The patterns of `new` by which it may exclude what `old` does not. With none, whatever `new`
/// excludes `old` excludes too. The last pattern that matches a path decides, so an exclude is
/// covered if `old` has it as well, with no exception (`!`) after it that `new` lacks after its
/// own. What globs mean is not weighed: `*.log` in place of `*` counts as wider, and a person looks.
pub fn wider<'a>(old: &[Pattern], new: &'a [Pattern]) -> Vec<&'a Pattern> {
    let exceptions = |list: &[Pattern]| list.iter().filter(|p| p.includes()).cloned().collect::<Vec<_>>();
    let covered = |at: usize| {
        let theirs = exceptions(&new[at..]);
        // The last one has the fewest exceptions after it.
        let same = old.iter().rposition(|pattern| *pattern == new[at]);
        same.is_some_and(|same| exceptions(&old[same..]).iter().all(|exception| theirs.contains(exception)))
    };
    (0..new.len()).filter(|&at| !new[at].includes() && !covered(at)).map(|at| &new[at]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ignore::gitignore::Gitignore;
    use proptest::prelude::*;

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn is_wider(old: &[&str], new: &[&str]) -> bool {
        !wider(&patterns(old), &patterns(new)).is_empty()
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (text, error) in [
            ("", PatternError::Nothing),
            ("  ", PatternError::Nothing),
            ("# caches", PatternError::Nothing),
            ("*.tmp ", PatternError::Blank),
            ("a\nb", PatternError::Blank),
            ("*", PatternError::Everything),
            ("/**", PatternError::Everything),
            ("**/?*", PatternError::Everything),
        ] {
            assert_eq!(text.parse::<Pattern>(), Err(error), "{text}");
        }
        assert_eq!("a".repeat(1025).parse::<Pattern>(), Err(PatternError::TooLong));
        for bad in ["[ab", "[z-a]", "{a,b"] {
            assert!(matches!(bad.parse::<Pattern>(), Err(PatternError::Glob(_))), "{bad}");
        }
        for good in ["*.tmp", "/var/cache/", "!keep.log", "\\#x", "a/**/z"] {
            assert_eq!(good.parse::<Pattern>().unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_list_is_wider_if_it_may_exclude_more() {
        assert!(!is_wider(&["*.tmp", "*.log"], &["*.log"]));
        assert!(!is_wider(&["*.tmp", "*.log"], &["*.log", "*.tmp"]));
        assert!(!is_wider(&["*.tmp"], &["*.tmp", "!keep.tmp"]));
        assert!(!is_wider(&["*.tmp"], &[]));
        assert!(is_wider(&["*.tmp"], &["*.tmp", "*.log"]));
        assert!(is_wider(&["*.tmp", "!keep.tmp"], &["*.tmp"]));
        assert!(is_wider(&["*.tmp", "!keep.tmp"], &["!keep.tmp", "*.tmp"]));
        assert_eq!(wider(&patterns(&["a"]), &patterns(&["a", "b", "!a"])), [&"b".parse::<Pattern>().unwrap()]);
    }

    fn matcher(list: &[Pattern]) -> Gitignore {
        let mut builder = GitignoreBuilder::new(".");
        for pattern in list {
            builder.add_line(None, pattern.as_str()).unwrap();
        }
        builder.build().unwrap()
    }

    fn list() -> impl Strategy<Value = Vec<Pattern>> {
        let pattern = prop::sample::select(vec!["a", "!a", "b", "!b", "/a", "!/a", "a/b", "!a/b", "a*", "!*b", "b/"]);
        prop::collection::vec(pattern.prop_map(|text| text.parse().unwrap()), 0..6)
    }

    proptest! {
        #[test]
        fn a_list_that_is_not_wider_excludes_nothing_more(old in list(), new in list()) {
            if !wider(&old, &new).is_empty() {
                return Ok(());
            }
            let (old, new) = (matcher(&old), matcher(&new));
            for path in ["a", "b", "ab", "a/a", "a/b", "b/a", "b/b", "b/ab"] {
                for is_dir in [false, true] {
                    let excluded = |list: &Gitignore| list.matched(path, is_dir).is_ignore();
                    prop_assert!(!excluded(&new) || excluded(&old), "{path}");
                }
            }
        }
    }
}

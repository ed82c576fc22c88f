//! What is not to be saved, in the syntax of a `.gitignore` file. A pattern is matched against
//! the path in the snapshot, whose root a leading `/` stands for; the last one that matches
//! decides. What is in an excluded folder is excluded, whatever other patterns say.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::error::SourceError;

#[derive(Debug, Clone, Default)]
pub struct Excludes(Option<Gitignore>);

impl Excludes {
    /// The lines of `files`, one file after the other, then `patterns`: what was said on the
    /// command line has the last word.
    pub fn new(patterns: &[String], files: &[PathBuf]) -> Result<Self, SourceError> {
        // Paths below "." are relative ones, which the matcher leaves as they are.
        let mut builder = GitignoreBuilder::new(".");
        // A bracket left open is a mistake, not a name.
        builder.allow_unclosed_class(false);
        for file in files {
            add_file(&mut builder, file)?;
        }
        for pattern in patterns {
            let failed = |reason| SourceError::ExcludePattern { pattern: pattern.clone(), reason };
            // In a file these are comments; here they would do nothing without a word.
            if pattern.trim().is_empty() || pattern.starts_with('#') {
                let reason = "it is empty or a comment (write `\\#` for a name with `#`)";
                return Err(failed(reason.to_owned()));
            }
            builder.add_line(None, pattern).map_err(|e| failed(reason(e)))?;
        }
        let matcher = builder
            .build()
            .map_err(|e| SourceError::ExcludePattern { pattern: "(all together)".to_owned(), reason: reason(e) })?;
        Ok(Self((!matcher.is_empty()).then_some(matcher)))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether the entry at `path`, whose folder is not excluded, is.
    pub fn matches(&self, path: &[u8], is_dir: bool) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        self.0.as_ref().is_some_and(|matcher| matcher.matched(path, is_dir).is_ignore())
    }
}

fn add_file(builder: &mut GitignoreBuilder, file: &Path) -> Result<(), SourceError> {
    let bytes = std::fs::read(file).map_err(|error| SourceError::ExcludeFile { file: file.to_owned(), error })?;
    // Editors of other systems begin a file with a mark that is no part of the first pattern.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    for (i, line) in bytes.split(|&b| b == b'\n').enumerate() {
        let failed = |reason| SourceError::ExcludeLine {
            file: file.to_owned(),
            line: i + 1,
            pattern: String::from_utf8_lossy(line).trim_end().to_owned(),
            reason,
        };
        let text = std::str::from_utf8(line).map_err(|_| failed("it is not UTF-8".to_owned()))?;
        builder.add_line(Some(file.to_owned()), text).map_err(|e| failed(reason(e)))?;
    }
    Ok(())
}

/// What is wrong with a pattern, without the pattern.
fn reason(error: ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excludes(patterns: &[&str]) -> Excludes {
        let patterns: Vec<_> = patterns.iter().map(|&p| p.to_owned()).collect();
        Excludes::new(&patterns, &[]).unwrap()
    }

    #[test]
    fn patterns_mean_what_git_says() {
        for (patterns, path, is_dir, excluded) in [
            (&["*.tmp"][..], "a/b.tmp", false, true),
            (&["*.tmp"], "b.tmp", false, true),
            (&["*.tmp"], "b.tmp2", false, false),
            (&["/cache"], "cache", true, true),
            (&["/cache"], "a/cache", true, false),
            (&["cache/"], "a/cache", true, true),
            (&["cache/"], "a/cache", false, false),
            (&["a/cache"], "b/a/cache", true, false),
            (&["a/**/z"], "a/b/c/z", false, true),
            (&["*.log", "!keep.log"], "a/keep.log", false, false),
            (&["!keep.log", "*.log"], "a/keep.log", false, true),
            (&["\\#x"], "#x", false, true),
            (&["[ab].txt"], "b.txt", false, true),
            (&["*"], ".hidden", false, true),
            (&["/usr/share"], "usr/share", true, true),
        ] {
            let matches = excludes(patterns).matches(path.as_bytes(), is_dir);
            assert_eq!(matches, excluded, "{patterns:?} {path}");
        }
    }

    #[test]
    fn names_need_not_be_text() {
        assert!(excludes(&["*.tmp"]).matches(b"a\xff/\xfe.tmp", false));
    }

    #[test]
    fn mistakes_name_file_line_and_pattern() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list");
        std::fs::write(&file, "\u{feff}# caches\n\n*.tmp\r\n[ab\n").unwrap();
        let files = std::slice::from_ref(&file);
        let said = Excludes::new(&[], files).unwrap_err().to_string();
        assert!(said.contains("list`, line 4") && said.contains("`[ab`"), "{said}");
        for bad in ["", "# x", "[z-a]"] {
            let said = Excludes::new(&[bad.to_owned()], &[]).unwrap_err().to_string();
            assert!(said.contains(&format!("`{bad}`")), "{said}");
        }
        assert!(Excludes::new(&[], &[folder.path().join("none")]).is_err());
    }

    #[test]
    fn the_command_line_has_the_last_word() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "\u{feff}*.log\n").unwrap();
        let excludes = Excludes::new(&["!keep.log".to_owned()], &[file.path().to_owned()]).unwrap();
        assert!(!excludes.matches(b"keep.log", false));
        assert!(excludes.matches(b"other.log", false));
    }
}

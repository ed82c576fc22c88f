//! `find`: the entries of a snapshot whose name or path matches a pattern.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use super::args::Find;
use super::failure::{Failure, Outcome};
use super::ls::{Style, show};
use super::{Context, open};

pub fn run(context: &mut Context, args: &Find) -> Result<Outcome, Failure> {
    let patterns = Patterns::new(&args.patterns)?;
    let snapshot =
        open::open(context, &args.identity.identity, args.dataset.dataset.as_ref(), &args.snapshot.snapshot)?;
    let style = if context.global.json { Style::Json } else { Style::Paths };
    let Context { out, stop, .. } = &mut *context;
    if style == Style::Json {
        out.json(&snapshot.head())?;
    }
    let mut found = false;
    let below = args.snapshot.path.as_deref();
    let seen = snapshot.walk(below, stop, &mut |entry| {
        if patterns.matches(&entry.path) {
            found = true;
            show(out, entry, style)?;
        }
        Ok(())
    })?;
    match below {
        Some(path) if seen == 0 => return Err(snapshot.not_found(path)),
        _ if !found => context.inform("nothing in the snapshot matches"),
        _ => {}
    }
    Ok(Outcome::Done)
}

struct Patterns {
    /// Those without a slash: of names, in any folder.
    names: GlobSet,
    /// Those with one: of paths from the snapshot's root on.
    paths: GlobSet,
}

impl Patterns {
    fn new(patterns: &[String]) -> Result<Self, Failure> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        let usage = |error: globset::Error| Failure::usage(error.to_string());
        for pattern in patterns {
            // Entries have no slash around their paths.
            let bare = pattern.trim_matches('/');
            if bare.is_empty() {
                return Err(Failure::usage(format!("the pattern {pattern:?} names nothing")));
            }
            let glob = GlobBuilder::new(bare).literal_separator(true).build().map_err(usage)?;
            if pattern.contains('/') {
                paths.add(glob)
            } else {
                names.add(glob)
            };
        }
        Ok(Self { names: names.build().map_err(usage)?, paths: paths.build().map_err(usage)? })
    }

    fn matches(&self, path: &[u8]) -> bool {
        let name = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
        let as_path = |bytes| Path::new(OsStr::from_bytes(bytes));
        self.names.is_match(as_path(name)) || self.paths.is_match(as_path(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_makes_it_a_path() {
        let matches = |pattern: &str, path: &[u8]| Patterns::new(&[pattern.to_owned()]).unwrap().matches(path);
        assert!(matches("*.pdf", b"srv/letters/a.pdf") && matches("*.pdf", b"a\xff.pdf"));
        assert!(!matches("*.pdf", b"srv/a.PDF") && !matches("*.pdf", b"srv.pdf/a"));
        assert!(matches("/srv/*/a.pdf", b"srv/letters/a.pdf") && matches("srv/**/a.pdf", b"srv/x/y/a.pdf"));
        assert!(!matches("srv/*.pdf", b"srv/letters/a.pdf") && !matches("letters/*.pdf", b"srv/letters/a.pdf"));
        assert!(matches("/etc", b"etc") && !matches("/etc", b"srv/etc"));
        assert!(Patterns::new(&["[".to_owned()]).is_err() && Patterns::new(&["/".to_owned()]).is_err());
    }
}

//! `agent.toml`: which datasets a server has and what each covers. It is written by the server's
//! administrator and by nobody else: a policy says when and how long, and never what is read.
//! `docs/contracts/agent.md`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use pulih_policies::Class;
use pulih_vault::chunker::ChunkSizes;
use pulih_vault::layout::DatasetName;
use serde::Deserialize;
use toml::Spanned;

use crate::rewrite::RewriteLimit;
use crate::source::Excludes;
use crate::spool::SpoolLimit;

/// Where it is, unless --config or `PULIH_CONFIG` says otherwise.
pub const DEFAULT_PLACE: &str = "/etc/pulih/agent.toml";
pub const MAX_BYTES: u64 = 1 << 20;
pub const MAX_DATASETS: usize = pulih_protocol::report::MAX_DATASETS;
/// Paths of one dataset, and excludes of one.
pub const MAX_LIST: usize = 1000;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{path} belongs to user {owner}: it must be root's or the one's who runs the agent; run `chown root {path}`",
        path = path.display()
    )]
    ForeignOwner { path: PathBuf, owner: u32 },
    #[error(
        "others than its owner may write {path}, and so say what is read here; run `chmod go-w {path}`",
        path = path.display()
    )]
    OthersWrite { path: PathBuf },
    #[error("{path} is longer than 1 MiB", path = path.display())]
    TooLong { path: PathBuf },
    /// Line and column count from 1, the column in characters.
    #[error("{path}:{line}:{column}: {what}\n  {line} | {shown}", path = path.display())]
    Wrong { path: PathBuf, line: usize, column: usize, what: String, shown: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How much may wait on this server for the site.
    pub spool: SpoolLimit,
    /// How much a run writes afresh because the site avoids its packs.
    pub rewrite: RewriteLimit,
    pub datasets: BTreeMap<DatasetName, Dataset>,
}

/// What a dataset covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Which vault it goes into, and which rules of the policy hold.
    pub class: Class,
    /// Absolute; never empty.
    pub paths: Vec<PathBuf>,
    /// Behind those of the policy: the last that matches decides.
    pub excludes: Vec<String>,
    pub one_file_system: bool,
    pub exclude_caches: bool,
    pub chunks: Option<ChunkSizes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    spool: Option<Spanned<String>>,
    rewrite: Option<Spanned<String>>,
    #[serde(default)]
    dataset: BTreeMap<Spanned<String>, DatasetText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DatasetText {
    class: Spanned<String>,
    paths: Spanned<Vec<Spanned<PathBuf>>>,
    #[serde(default)]
    excludes: Vec<Spanned<String>>,
    #[serde(default)]
    one_file_system: bool,
    #[serde(default)]
    exclude_caches: bool,
    chunks: Option<Spanned<String>>,
}

/// A mistake and its place in the text, in bytes.
type Mistake = (std::ops::Range<usize>, String);

impl Config {
    /// Reads the file, if nobody but root and the running user can have written it.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let at = |action| move |source| ConfigError::Io { action, path: path.to_owned(), source };
        let file = File::open(path).map_err(at("open"))?;
        // Of the file that is open, not of what its name may mean by now.
        let metadata = file.metadata().map_err(at("look at"))?;
        let own = rustix::process::geteuid().as_raw();
        if metadata.uid() != 0 && metadata.uid() != own {
            return Err(ConfigError::ForeignOwner { path: path.to_owned(), owner: metadata.uid() });
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(ConfigError::OthersWrite { path: path.to_owned() });
        }
        let mut text = String::new();
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(at("read"))?;
        if text.len() as u64 > MAX_BYTES {
            return Err(ConfigError::TooLong { path: path.to_owned() });
        }
        Self::parse(path, &text)
    }

    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let read = toml::from_str(text).map_err(|error| {
            let end = text.len();
            (error.span().unwrap_or(end..end), error.message().to_owned())
        });
        read.and_then(check).map_err(|(span, what)| wrong(path, text, span.start, &what))
    }
}

fn check(text: Text) -> Result<Config, Mistake> {
    let mut datasets = BTreeMap::new();
    for (name, dataset) in text.dataset {
        if datasets.len() == MAX_DATASETS {
            return Err((name.span(), format!("there are more than {MAX_DATASETS} datasets")));
        }
        let known =
            name.get_ref().parse().map_err(|error: pulih_vault::error::Malformed| (name.span(), error.to_string()))?;
        datasets.insert(known, check_dataset(name.get_ref(), dataset)?);
    }
    let spool = match text.spool {
        None => SpoolLimit::default(),
        Some(its) => {
            let bad = |error: crate::spool::BadSpool| (its.span(), format!("spool: {error}"));
            its.get_ref().parse().map_err(bad)?
        }
    };
    let rewrite = match text.rewrite {
        None => RewriteLimit::default(),
        Some(its) => {
            let bad = |error: crate::rewrite::BadRewrite| (its.span(), format!("rewrite: {error}"));
            its.get_ref().parse().map_err(bad)?
        }
    };
    Ok(Config { spool, rewrite, datasets })
}

fn check_dataset(name: &str, text: DatasetText) -> Result<Dataset, Mistake> {
    let wrong = |span, field: &str, what: &str| (span, format!("dataset.{name}.{field}: {what}"));
    let class = text.class.get_ref().parse();
    let class =
        class.map_err(|error: pulih_policies::ClassError| wrong(text.class.span(), "class", &error.to_string()))?;
    let span = text.paths.span();
    let paths = text.paths.into_inner();
    if paths.is_empty() || paths.len() > MAX_LIST {
        return Err(wrong(span, "paths", &format!("it takes 1 to {MAX_LIST} paths")));
    }
    for path in &paths {
        let plain = |part| matches!(part, Component::RootDir | Component::Normal(_));
        let its = path.get_ref();
        if !its.is_absolute() || !its.components().all(plain) {
            return Err(wrong(path.span(), "paths", "a path is absolute, as \"/srv/letters\", and has no `..`"));
        }
    }
    if let Some(over) = text.excludes.get(MAX_LIST) {
        return Err(wrong(over.span(), "excludes", &format!("it takes up to {MAX_LIST} patterns")));
    }
    for pattern in &text.excludes {
        let one = std::slice::from_ref(pattern.get_ref());
        Excludes::new(one, &[]).map_err(|error| wrong(pattern.span(), "excludes", &error.to_string()))?;
    }
    let chunks = match text.chunks {
        None => None,
        Some(word) => Some(
            chunk_sizes(word.get_ref())
                .ok_or_else(|| wrong(word.span(), "chunks", "it is \"small\", \"medium\" or \"large\""))?,
        ),
    };
    Ok(Dataset {
        class,
        paths: paths.into_iter().map(Spanned::into_inner).collect(),
        excludes: text.excludes.into_iter().map(Spanned::into_inner).collect(),
        one_file_system: text.one_file_system,
        exclude_caches: text.exclude_caches,
        chunks,
    })
}

/// The words that `backup --chunks` takes.
const WORDS: [(&str, ChunkSizes); 3] =
    [("small", ChunkSizes::SMALL), ("medium", ChunkSizes::DEFAULT), ("large", ChunkSizes::LARGE)];

fn chunk_sizes(word: &str) -> Option<ChunkSizes> {
    WORDS.iter().find(|(its, _)| *its == word).map(|(_, sizes)| *sizes)
}

/// The word for a size that [`chunk_sizes`] gave.
pub fn chunks_word(sizes: ChunkSizes) -> &'static str {
    WORDS.iter().find(|(_, its)| *its == sizes).map_or("medium", |(word, _)| word)
}

fn wrong(path: &Path, text: &str, at: usize, what: &str) -> ConfigError {
    let before = text.get(..at).unwrap_or(text);
    let begins = before.rfind('\n').map_or(0, |newline| newline + 1);
    let shown = text[begins..].lines().next().unwrap_or_default().chars().take(120).collect();
    let (line, column) = (before.matches('\n').count() + 1, before[begins..].chars().count() + 1);
    ConfigError::Wrong { path: path.to_owned(), line, column, what: what.trim_end().replace('\n', "; "), shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const WHOLE: &str = r#"
[dataset.letters]
class = "non-publik"
paths = ["/srv/letters", "/etc"]
excludes = ["*.bak", "!keep.bak"]
one_file_system = true
exclude_caches = true
chunks = "large"

[dataset.site]
class = "publik"
paths = ["/var/www"]
"#;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse("agent.toml".as_ref(), text).map_err(|error| error.to_string())
    }

    #[test]
    fn every_field_is_read() {
        let config = parse(WHOLE).unwrap();
        let letters = &config.datasets[&"letters".parse().unwrap()];
        assert_eq!(letters.class, Class::NonPublik);
        assert_eq!(letters.paths, [Path::new("/srv/letters"), Path::new("/etc")]);
        assert_eq!(letters.excludes, ["*.bak", "!keep.bak"]);
        assert!(letters.one_file_system && letters.exclude_caches);
        assert_eq!(letters.chunks, Some(ChunkSizes::LARGE));
        let site = &config.datasets[&"site".parse().unwrap()];
        assert!(!site.one_file_system && !site.exclude_caches && site.chunks.is_none());
        assert_eq!(parse("").unwrap().datasets.len(), 0);
    }

    #[test]
    fn the_spool_has_a_bound() {
        assert_eq!(parse("").unwrap().spool, SpoolLimit::default());
        assert_eq!(parse("spool = \"1GiB\"").unwrap().spool.bytes(), 1 << 30);
        for bad in ["spool = \"1\"", "spool = \"1MiB\"", "spool = 1"] {
            let error = parse(bad).unwrap_err();
            assert!(error.starts_with("agent.toml:1:9: ") && error.contains("spool ="), "{error}");
        }
    }

    #[test]
    fn what_is_written_afresh_has_a_bound() {
        assert_eq!(parse("").unwrap().rewrite, RewriteLimit::default());
        assert_eq!(parse("rewrite = \"64MiB\"").unwrap().rewrite.bytes(), 64 << 20);
        assert_eq!(parse("rewrite = \"0\"").unwrap().rewrite.bytes(), 0);
        for bad in ["rewrite = \"1\"", "rewrite = \"1KiB\"", "rewrite = 0"] {
            let error = parse(bad).unwrap_err();
            assert!(error.starts_with("agent.toml:1:11: ") && error.contains("rewrite ="), "{error}");
        }
    }

    #[test]
    fn mistakes_name_file_line_and_field() {
        for (line, instead, said) in [
            (3, "class = \"rahasia\"", "dataset.letters.class"),
            (3, "klass = \"publik\"", "`klass`"),
            (4, "paths = []", "dataset.letters.paths"),
            (4, "paths = [\"srv\"]", "dataset.letters.paths"),
            (4, "paths = [\"/srv/../etc\"]", "dataset.letters.paths"),
            (4, "paths = \"/srv\"", "4 | paths"),
            (5, "excludes = [\"[a\"]", "dataset.letters.excludes"),
            (5, "command = \"pg_dump\"", "`command`"),
            (8, "chunks = \"tiny\"", "dataset.letters.chunks"),
            (10, "[dataset.Site]", "\"Site\""),
            (10, "[dataset.letters]", "letters"),
            (10, "[policy]", "`policy`"),
        ] {
            let lines = WHOLE.lines().enumerate().map(|(i, old)| if i + 1 == line { instead } else { old });
            let error = parse(&lines.collect::<Vec<_>>().join("\n")).unwrap_err();
            assert!(error.starts_with(&format!("agent.toml:{line}:")) && error.contains(said), "{instead}: {error}");
        }
        assert!(parse("[dataset.a]\nclass = \"publik\"").unwrap_err().contains("paths"));
    }

    #[test]
    fn only_its_owner_may_have_written_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        std::fs::write(&path, WHOLE).unwrap();
        for (mode, fine) in [(0o600, true), (0o644, true), (0o664, false), (0o646, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = Config::read(&path);
            assert_eq!(read.is_ok(), fine, "{mode:o}");
            assert!(fine || matches!(read, Err(ConfigError::OthersWrite { .. })));
        }
        assert!(matches!(Config::read(&folder.path().join("none")), Err(ConfigError::Io { .. })));
    }
}

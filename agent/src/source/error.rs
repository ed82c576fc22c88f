//! Why a walk cannot begin. Once it has begun nothing ends it: what goes wrong with one path is
//! a step of the walk.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("nothing to save was named")]
    NoRoots,
    #[error("cannot save `{}`: {error}", path.display())]
    Root { path: PathBuf, error: io::Error },
    #[error("cannot tell the current folder: {0}")]
    CurrentFolder(io::Error),
    #[error("`{relative}` (of the current folder) and `/{absolute}` would be one path in the snapshot")]
    Conflict { relative: String, absolute: String },
    #[error("cannot read the exclude file `{}`: {error}", file.display())]
    ExcludeFile { file: PathBuf, error: io::Error },
    #[error("`{}`, line {line}: cannot understand the pattern `{pattern}`: {reason}", file.display())]
    ExcludeLine { file: PathBuf, line: usize, pattern: String, reason: String },
    #[error("cannot understand the pattern `{pattern}` to exclude: {reason}")]
    ExcludePattern { pattern: String, reason: String },
}

//! What can go wrong below a target folder. Every error names the path as the snapshot has it,
//! escaped, so that a hostile name cannot speak to the terminal.

use std::io;

use pulih_vault::tree::name;
use rustix::io::Errno;

/// An entry that could not be restored; others still can.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    #[error("refused to restore \"{path}\": it is not a path below the target folder")]
    UnsafePath { path: String },
    #[error(
        "\"{path}\" cannot be entered: a symlink or another file is where the snapshot has a \
         folder; move it away and restore again"
    )]
    NotAFolder { path: String },
    #[error(
        "\"{path}\" is a folder that is not empty, but not a folder in the snapshot; move it away \
         and restore again"
    )]
    NotEmpty { path: String },
    #[error("\"{path}\" is a device, which only root can make; restore it as root")]
    NeedsRoot { path: String },
    #[error(
        "\"{path}\" changed while it was restored: another program works in the target folder; \
         stop it and restore again"
    )]
    Contested { path: String },
    /// The caller's mistake: an entry given to the function for another kind.
    #[error("\"{path}\" is of a kind that is not restored this way")]
    WrongKind { path: String },
    #[error("could not {doing} \"{path}\": {source}")]
    Io { doing: &'static str, path: String, source: io::Error },
}

impl TargetError {
    pub(super) fn io(doing: &'static str, path: &[u8], source: Errno) -> Self {
        let path = name::escape(path);
        Self::Io { doing, path, source: source.into() }
    }

    pub(super) fn contested(path: &[u8]) -> Self {
        let path = name::escape(path);
        Self::Contested { path }
    }
}

/// What of an entry's metadata is not as in the snapshot, and why. Its content is there.
#[derive(Debug, thiserror::Error)]
pub enum MetadataProblem {
    #[error("its owner could not be restored: {0}")]
    Owner(io::Error),
    #[error("its permissions could not be restored: {0}")]
    Mode(io::Error),
    #[error("its attribute \"{}\" could not be restored: {source}", name::escape(.name))]
    Xattr { name: Vec<u8>, source: io::Error },
    #[error("its time could not be restored: {0}")]
    Time(io::Error),
}

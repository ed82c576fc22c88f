//! Bringing datasets into place on this host: what can be known to fail is told before anything is
//! written; then each dataset is restored from the site's store, opened by the keeper, read again and held
//! against its snapshot. It decides nothing and writes no ledger: whoever serves the site does.

mod preflight;
mod restore;

pub use preflight::{Preflight, content, look, missing, standings};
pub use restore::restore;

use std::path::{Path, PathBuf};

use crate::drc::recovery::order::Dataset;

/// Where a dataset is brought to: below the target each has a folder of its own, for paths of several
/// servers are the same.
pub fn place(target: &Path, dataset: &Dataset) -> PathBuf {
    target.join(&dataset.agent).join(&dataset.dataset)
}

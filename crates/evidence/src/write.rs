//! Writing a bundle, into a folder or an archive: what a store has of one or more logs, of all their time or of a
//! period. First it is planned, with all names; then it is written in their order, so that the same is the same bytes.
//! What is being written has `.part` at its end until all of it is there.

mod archive;
mod folder;
mod log;
mod named;
mod notes;
mod period;
mod plan;

use std::path::{Path, PathBuf};

use pulih_ledger::Log;
use pulih_ledger::error::LedgerError;
use pulih_ledger::ids::SiteId;
use pulih_ledger::time::Time;
use pulih_vault::store::{ObjectName, Store, StoreError};

use crate::places::Place;
use archive::Archive;
use folder::Folder;
use log::Part;
use plan::Plan;

/// What goes into a bundle.
pub struct Export<'a> {
    /// Where the logs are, and what their entries name.
    pub store: &'a dyn Store,
    pub logs: &'a [&'a Log],
    /// Who made it, for people, and when.
    pub by: &'a str,
    pub at: &'a Time,
    pub period: Period,
    pub all_checkpoints: bool,
}

/// From which second on and up to which, that one not included; without one all there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    pub from: Option<i64>,
    pub to: Option<i64>,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    pub files: u64,
    pub bytes: u64,
    /// Objects that entries name and the store has not: a verifier will miss them.
    pub absent: Vec<ObjectName>,
}

#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{at} is there already; name another place, or move it away")]
    Exists { at: PathBuf },
    #[error("the site {site} has a name that a bundle needs for something else")]
    Name { site: SiteId },
    #[error("{name} has no room in an archive; write a folder")]
    Archive { name: String },
    #[error("cannot {action}: {source}")]
    Io { action: String, source: std::io::Error },
}

/// Where a bundle is written: its files come in the order of their names.
trait Target {
    fn put(&mut self, name: &str, bytes: &[u8]) -> Result<(), WriteError>;

    /// All is there: it is made durable and gets its name.
    fn finish(self) -> Result<(), WriteError>;
}

/// Writes a bundle into a folder that is not there yet.
pub fn to_folder(out: &Path, export: &Export<'_>) -> Result<Written, WriteError> {
    write(Folder::begin(out)?, export)
}

/// Writes a bundle as a *ustar* archive into a file that is not there yet.
pub fn to_archive(out: &Path, export: &Export<'_>) -> Result<Written, WriteError> {
    write(Archive::begin(out)?, export)
}

fn write(mut target: impl Target, export: &Export<'_>) -> Result<Written, WriteError> {
    let plan = plan_all(export)?;
    let mut written = Written { absent: plan.absent, ..Written::default() };
    for (name, content) in &plan.files {
        let bytes = content.read(export.store)?;
        target.put(name, &bytes)?;
        written.files += 1;
        written.bytes += bytes.len() as u64;
    }
    target.finish()?;
    Ok(written)
}

fn plan_all(export: &Export<'_>) -> Result<Plan, WriteError> {
    let mut plan = Plan::default();
    let parts: Result<Vec<_>, _> = export.logs.iter().map(|log| Part::of(log, export.period)).collect();
    let parts = parts?;
    for part in &parts {
        part.plan(export, &parts, &mut plan)?;
    }
    plan.put(&Place::About, about(export, &parts).into_bytes());
    Ok(plan)
}

/// `bundle.json`: for people and file managers; nothing in it is believed.
fn about(export: &Export<'_>, parts: &[Part<'_>]) -> String {
    let sizes = |of: &dyn Fn(&Part<'_>) -> u64| -> serde_json::Map<String, serde_json::Value> {
        parts.iter().map(|part| (part.site().to_string(), of(part).into())).collect()
    };
    let uji = export.logs.iter().any(|log| log.key().name().starts_with("pulih-ledger-uji/"));
    let about = serde_json::json!({
        "type": "pulih/evidence/v1",
        "by": export.by,
        "at": export.at.as_str(),
        "from": sizes(&|part| part.from),
        "to": sizes(&|part| part.size),
        "uji": uji,
    });
    format!("{about}\n")
}

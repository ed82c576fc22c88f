//! `snapshots`: what a vault holds, and whether the owner key vouches for it.

use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::manifest::{Changes, Counts, Manifest};
use pulih_vault::store::Store;
use pulih_vault::trust::{self, Listed};
use serde::Serialize;

use super::Context;
use super::args::Snapshots;
use super::choose::{Readable, for_reading};
use super::failure::{Failure, Outcome};
use super::output::{Align, Table, count, size};
use pulih_vault::utc;

/// Digits of an id that tables show.
pub const SHORT_ID: usize = 10;

#[derive(Serialize)]
struct List {
    #[serde(rename = "type")]
    kind: &'static str,
    vault: String,
    verified: bool,
    owner_fingerprint: Option<String>,
    snapshots: Vec<Snapshot>,
    damaged: Vec<Damaged>,
}

/// A snapshot in JSON; also what other commands say of the one they work on.
#[derive(Debug, Serialize)]
pub struct Snapshot {
    pub id: String,
    pub dataset: String,
    pub sequence: u64,
    pub captured: String,
    pub finished: String,
    pub partial: bool,
    pub rebuilt: bool,
    pub program: String,
    pub host: String,
    pub description: String,
    pub counts: Counts,
    pub changes: Changes,
    pub previous: Option<String>,
    pub rejoined: Option<String>,
}

impl Snapshot {
    pub fn new(name: ManifestName, manifest: &Manifest) -> Self {
        let facts = &manifest.facts;
        Self {
            id: name.hash.to_string(),
            dataset: facts.dataset.to_string(),
            sequence: facts.sequence,
            captured: facts.captured.clone(),
            finished: manifest.finished.clone(),
            partial: facts.partial,
            rebuilt: manifest.rebuilt,
            program: facts.program.clone(),
            host: facts.host.clone(),
            description: facts.description.to_string(),
            counts: facts.counts,
            changes: manifest.changes,
            previous: manifest.previous.map(|name| name.to_string()),
            rejoined: manifest.rejoined.map(|name| name.to_string()),
        }
    }

    /// What sets this snapshot apart, in a few words.
    fn notes(&self) -> String {
        let mut notes = Vec::new();
        if self.partial {
            notes.push("partial".to_owned());
        }
        if self.rebuilt {
            notes.push("rebuilt".to_owned());
        }
        if self.rejoined.is_some() {
            notes.push("rejoined".to_owned());
        }
        if self.counts.unread > 0 {
            notes.push(format!("{} unread", count(self.counts.unread)));
        }
        if self.counts.noted > 0 {
            notes.push(format!("{} changed while read", count(self.counts.noted)));
        }
        notes.join(", ")
    }
}

#[derive(Serialize)]
struct Damaged {
    id: String,
    dataset: String,
    sequence: u64,
    error: String,
}

pub fn run(context: &mut Context, args: &Snapshots) -> Result<Outcome, Failure> {
    let store = context.open_store()?;
    let readable = for_reading(context, &*store, args.identity.identity.as_deref())?;
    let list = list(context, &*store, &readable, args.dataset.dataset.as_ref())?;
    if context.global.json {
        context.out.json(&list)?;
    } else {
        print(context, &list)?;
    }
    for damaged in &list.damaged {
        context.warn(&format!("snapshot {} of {}: {}", damaged.sequence, damaged.dataset, damaged.error));
    }
    Ok(if list.damaged.is_empty() { Outcome::Done } else { Outcome::FoundWrong })
}

fn list(
    context: &Context,
    store: &dyn Store,
    readable: &Readable,
    dataset: Option<&DatasetName>,
) -> Result<List, Failure> {
    let all: Vec<Listed> = if readable.owner.is_some() {
        readable.trusted(context, store)?.manifests(store)?
    } else {
        trust::claimed_manifests(store, readable.vault)?
    };
    let mut list = List {
        kind: "pulih/snapshots/v1",
        vault: readable.vault.to_string(),
        verified: readable.owner.is_some(),
        owner_fingerprint: readable.owner.map(|owner| owner.to_string()),
        snapshots: Vec::new(),
        damaged: Vec::new(),
    };
    for (name, its, manifest) in all {
        if dataset.is_some_and(|dataset| *dataset != its) {
            continue;
        }
        match manifest {
            Ok(manifest) => list.snapshots.push(Snapshot::new(name, &manifest)),
            Err(error) => list.damaged.push(Damaged {
                id: name.hash.to_string(),
                dataset: its.to_string(),
                sequence: name.sequence,
                error: error.to_string(),
            }),
        }
    }
    Ok(list)
}

fn print(context: &mut Context, list: &List) -> Result<(), Failure> {
    if !list.verified {
        context.out.line("not verified: no owner key to compare (give --identity FILE)")?;
    }
    if list.snapshots.is_empty() {
        return context.out.line(&format!("Vault {} has no snapshots yet.", list.vault));
    }
    let mut table = Table::new([
        ("ID", Align::Left),
        ("DATASET", Align::Left),
        ("NUMBER", Align::Right),
        ("CAPTURED", Align::Left),
        ("FILES", Align::Right),
        ("SIZE", Align::Right),
        ("NEW", Align::Right),
        ("STORED", Align::Right),
        ("NOTES", Align::Left),
    ]);
    for snapshot in &list.snapshots {
        table.row([
            snapshot.id[..SHORT_ID].to_owned(),
            snapshot.dataset.clone(),
            snapshot.sequence.to_string(),
            utc::human_text(&snapshot.captured),
            count(snapshot.counts.files),
            size(snapshot.counts.bytes),
            size(snapshot.changes.new_bytes),
            size(snapshot.changes.stored_bytes),
            snapshot.notes(),
        ]);
    }
    context.out.text(&table)
}

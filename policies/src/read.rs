//! From the bytes of a file to a policy. The bytes come from anywhere: they are bounded first,
//! then read as TOML, and each value becomes a type of its own or a problem with its place.

mod check;
mod copies;
mod decisions;
mod drills;
mod forbidden;
pub(crate) mod near;
mod nesting;
mod overrides;
mod table;

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeTable;

use crate::class::Class;
use crate::name::Name;
use crate::policy::{Band, Limits, Office, Policy, Rules};
use crate::problem::{ProblemKind, Refused, Schema};
pub(crate) use table::{Entry, Sink, Table};

/// The largest file that is looked at.
pub const MAX_BYTES: usize = 1 << 20;
/// OPD and datasets with rules of their own: several times what a large regency has, and few
/// enough that all checks of a hostile file end within seconds.
pub const MAX_OVERRIDES: usize = 2_000;
const MAX_LIST: usize = 1_000;
const MAX_RANGES: usize = 24;

/// What the file must begin with; a later schema will have another.
pub(crate) const TYPE: &str = "pulih/policy/v1";

impl Policy {
    /// Reads a policy file. `file` is its name as it should stand in errors.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Refused> {
        read(Schema::Policy, file, bytes, |sink, root| {
            forbidden::scan(sink, root);
            policy(&Table::root(sink, root))
        })
    }
}

/// Reads a file of any schema: `told` makes of its tables what they mean, and reports what they must not be.
pub(crate) fn read<T>(
    schema: Schema,
    file: &str,
    bytes: &[u8],
    told: impl FnOnce(&Sink, &DeTable) -> Option<T>,
) -> Result<T, Refused> {
    let refuse = |sink: Sink<'_>| Err(sink.refused(file));
    if bytes.len() > MAX_BYTES {
        return refuse(Sink::new(schema, "").with(0..0, "", ProblemKind::FileTooLarge));
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let sound = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let end = sound.len();
            return refuse(Sink::new(schema, &sound).with(end..end, "", ProblemKind::NotText));
        }
    };
    let sink = Sink::new(schema, text);
    if let Some(at) = nesting::too_deep(text) {
        return refuse(sink.with(at..at + 1, "", ProblemKind::TooDeep));
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        for error in errors {
            let end = text.len();
            sink.report(error.span().unwrap_or(end..end), "", ProblemKind::Syntax(error.message().to_owned()));
        }
        return refuse(sink);
    }
    match told(&sink, root.get_ref()) {
        Some(read) if sink.is_empty() => Ok(read),
        _ => refuse(sink),
    }
}

fn policy(root: &Table) -> Option<Policy> {
    // Of another version nothing else can be judged.
    let kind = root.needed("type")?;
    if kind.text()? != TYPE {
        kind.report(ProblemKind::Type);
        return None;
    }
    let name = root.needed("name").and_then(|entry| entry.parse());
    let version = root.needed("version").and_then(|entry| entry.number(1, u32::MAX));
    let zone = root.needed("time_zone").and_then(|entry| entry.parse());
    let approvals = root.needed("approvals").and_then(|entry| entry.table());
    let approvals_max_age = approvals.and_then(|approvals| {
        let max_age = approvals.needed("max_age").and_then(|entry| entry.parse());
        approvals.finish();
        max_age
    });
    let limits = limits(root);
    let classes = classes(root);
    let offices = offices(root);
    let plan_drills = drills::read_plans(root);
    let decisions = decisions::read(root);
    root.finish();
    check::policy(root.sink, &classes, &offices);
    Some(Policy {
        name: name?,
        version: version?,
        zone: zone?,
        approvals_max_age: approvals_max_age?,
        limits,
        classes,
        offices,
        plan_drills,
        decisions,
    })
}

fn classes(root: &Table) -> BTreeMap<Class, Rules> {
    let Some(table) = root.needed("class").and_then(|entry| entry.table()) else { return BTreeMap::new() };
    let read = |class: Class| {
        let of_class = table.needed(class.as_str())?.table()?;
        let said = overrides::read(&of_class, true);
        let drills = drills::read(&of_class, class);
        let (recovery, copies) = (copies::read_recovery(&of_class), copies::read(&of_class));
        of_class.finish();
        Some((class, Rules { drills, recovery, copies, ..overrides::complete(said)? }))
    };
    let classes = Class::ALL.into_iter().filter_map(read).collect();
    table.finish();
    classes
}

fn offices(root: &Table) -> BTreeMap<Name, Office> {
    let Some(table) = root.entry("opd").and_then(|entry| entry.table()) else { return BTreeMap::new() };
    let mut count = 0;
    let mut offices = BTreeMap::new();
    for (name, table) in table.named() {
        let mut office =
            Office { limits: limits(&table), overrides: overrides::read(&table, false), datasets: BTreeMap::new() };
        if let Some(datasets) = table.entry("dataset").and_then(|entry| entry.table()) {
            for (name, table) in datasets.named() {
                office.datasets.insert(name, overrides::read(&table, false));
                table.finish();
            }
        }
        table.finish();
        count += 1 + office.datasets.len();
        offices.insert(name, office);
    }
    if count > MAX_OVERRIDES {
        table.report(ProblemKind::TooManyOverrides(MAX_OVERRIDES));
        // Checking them all is what the bound is there to prevent.
        return BTreeMap::new();
    }
    offices
}

fn limits(parent: &Table) -> Limits {
    let Some(table) = parent.entry("limits").and_then(|entry| entry.table()) else { return Limits::default() };
    let limits = Limits {
        quota: table.entry("quota").and_then(|entry| entry.parse()),
        share_percent: table.entry("share_percent").and_then(|entry| entry.number(1, 100)),
        bandwidth: table.entry("bandwidth").map(|entry| bands(&entry)),
    };
    table.finish();
    limits
}

fn bands(entry: &Entry) -> Vec<Band> {
    let mut bands: Vec<Band> = Vec::new();
    for item in entry.list(0, MAX_RANGES).unwrap_or_default() {
        let Some(table) = item.table() else { continue };
        let hours = table.needed("hours").and_then(|entry| entry.parse());
        let rate = table.needed("rate").and_then(|entry| entry.parse());
        table.finish();
        let (Some(hours), Some(rate)) = (hours, rate) else { continue };
        let band = Band { hours, rate };
        if bands.iter().any(|other| other.hours.overlaps(band.hours)) {
            item.report(ProblemKind::Overlap);
        }
        bands.push(band);
    }
    bands
}

/// A place in the file, in bytes.
type Place = Range<usize>;

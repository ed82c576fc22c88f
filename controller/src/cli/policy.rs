//! Policy files, before they are applied.

pub mod simulate;

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use pulih_policies::{MAX_BYTES, Policy, diff as differences};

use super::{Failure, ask};
use crate::control::Ask;
use crate::site::SiteDir;

/// What a file has, and no more of it than one byte too many.
pub fn read_some(file: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The text of a file that people write, and what it says.
pub fn read_as<T, E: Display>(
    file: &Path,
    parse: impl Fn(&str, &[u8]) -> Result<T, E>,
) -> Result<(String, T), Failure> {
    let cannot = |error| Failure::Said(format!("cannot read {}: {error}", file.display()));
    let bytes = read_some(file, MAX_BYTES).map_err(cannot)?;
    let its = parse(&file.display().to_string(), &bytes).map_err(|error| Failure::Said(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| Failure::Said(error.to_string()))?;
    Ok((text, its))
}

/// A policy file's text and what it says.
pub fn read(file: &Path) -> Result<(String, Policy), Failure> {
    read_as(file, Policy::parse)
}

pub fn check(file: &Path) -> Result<(), Failure> {
    let (_, policy) = read(file)?;
    println!("{} version {} is a policy; its hash is {}.", policy.name, policy.version, policy.hash());
    Ok(())
}

pub fn diff(dir: &SiteDir, file: &Path, json: bool) -> Result<(), Failure> {
    let (_, next) = read(file)?;
    let answer = ask::answer(dir, Ask::PolicyShow)?;
    let text = answer["text"].as_str().unwrap_or_default();
    let current =
        Policy::parse("policy in force", text.as_bytes()).map_err(|error| Failure::Said(error.to_string()))?;
    let changes = differences(&current, &next);
    let shown = |value: &Option<pulih_policies::Value>| value.as_ref().map(ToString::to_string);
    if json {
        let changes = changes.iter().map(|its| {
            let (old, new) = (shown(&its.old), shown(&its.new));
            serde_json::json!({"field": its.field.to_string(), "old": old, "new": new, "weakens": its.weakens})
        });
        println!("{}", serde_json::json!({"type": "pulih/policy-diff/v1", "changes": changes.collect::<Vec<_>>()}));
        return Ok(());
    }
    if changes.is_empty() {
        println!("Nothing changes.");
    }
    for its in &changes {
        let mark = its.weakens.map_or_else(String::new, |why| format!("  WEAKENS: {why}"));
        let (old, new) = (shown(&its.old), shown(&its.new));
        println!("{}: {} -> {}{mark}", its.field, old.as_deref().unwrap_or("-"), new.as_deref().unwrap_or("-"));
    }
    Ok(())
}

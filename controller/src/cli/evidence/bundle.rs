//! `evidence export` and `evidence verify`: a bundle is written, and checked by whoever has it.

use std::path::Path;

use pulih_evidence::report::Report;
use pulih_evidence::source::open;
use pulih_evidence::verify::{Trust, verify as check};
use pulih_evidence::write::{Export, Period, to_archive, to_folder};
use pulih_terminal::{count, printable, size};
use pulih_vault::utc;
use serde_json::json;

use super::figures::Figures;
use super::period::{day, zone};
use super::{Logs, logs};
use crate::cli::Failure;
use crate::cli::ask::{answer, said};
use crate::control::Ask;
use crate::record::time;
use crate::site::SiteDir;
use crate::uji;

/// `days`: the first one and the one after the last, in the policy's time zone.
pub fn export(
    dir: &SiteDir,
    out: &Path,
    days: (Option<&str>, Option<&str>),
    all_checkpoints: bool,
    json: bool,
) -> Result<(), Failure> {
    let site = dir.site()?;
    let period = match days {
        // Without days nobody needs a policy.
        (None, None) => Period::default(),
        (from, to) => {
            let zone = zone(dir)?;
            let moment = |date: Option<&str>| date.map(|date| day(date, zone)).transpose();
            Period { from: moment(from)?, to: moment(to)? }
        }
    };
    // A bundle goes as far as what is signed.
    answer(dir, Ask::Checkpoint)?;
    let Logs { store, own, peer } = logs(dir, &site)?;
    let all: Vec<_> = [Some(&own), peer.as_ref()].into_iter().flatten().collect();
    let at = time(uji::now()).map_err(said)?;
    let by = format!("pulih-controller {}", env!("CARGO_PKG_VERSION"));
    let export = Export { store: &*store, logs: &all, by: &by, at: &at, period, all_checkpoints };
    let is_archive = out.extension().is_some_and(|extension| extension == "tar");
    let written = if is_archive { to_archive(out, &export) } else { to_folder(out, &export) }.map_err(said)?;
    for absent in &written.absent {
        eprintln!("warning: an entry names {absent}, which is not in the store: a verifier will miss it");
    }
    let id = site.id().map_err(said)?;
    let fingerprint = own.key().fingerprint();
    if json {
        let absent: Vec<_> = written.absent.iter().map(ToString::to_string).collect();
        println!(
            "{}",
            json!({
                "type": "pulih/evidence-exported/v1", "site": id.as_str(), "fingerprint": fingerprint.to_string(),
                "path": out.display().to_string(), "files": written.files, "bytes": written.bytes, "absent": absent,
            })
        );
    } else {
        println!(
            "{} files, {} in {}.\nAnybody checks it with the fingerprint that stands on paper:\n\n  \
             pulih-controller evidence verify {} --site {id}={fingerprint}",
            count(written.files),
            size(written.bytes),
            out.display(),
            out.display()
        );
    }
    Ok(())
}

/// Whether nothing is wrong with it.
pub fn verify(bundle: &Path, trust: &Trust, figures: bool, json: bool) -> Result<bool, Failure> {
    let source = open(bundle).map_err(said)?;
    let report = check(&*source, trust, &|| true).map_err(said)?;
    let report = report.ok_or_else(|| Failure::Said("interrupted".into()))?;
    let figures = if figures && report.is_good() { Some(Figures::of(source, &report)?) } else { None };
    if json {
        let mut shown = serde_json::to_value(&report).map_err(said)?;
        if let Some(figures) = &figures {
            shown["figures"] = figures.to_json();
        }
        println!("{shown}");
    } else {
        print(&report);
        figures.iter().for_each(|figures| print!("{}", figures.to_text()));
    }
    Ok(report.is_good())
}

fn print(report: &Report) {
    for site in &report.sites {
        let whose = if site.given { "" } else { " (no fingerprint given: nothing is believed because of it)" };
        let entries = count(site.size - site.from.min(site.size));
        println!("{}: {entries} entries up to {}, root {}{whose}", site.site, count(site.size), printable(&site.root));
    }
    for site in &report.sites {
        for its in &site.cosigners {
            let when = utc::human(i64::try_from(its.time).unwrap_or(i64::MAX));
            println!("{}: co-signed by {} up to {}, at {when}", site.site, printable(&its.name), count(its.size));
        }
    }
    for drill in &report.drills {
        println!("drill {} ({}): {}", printable(&drill.drill), printable(&drill.kind), printable(&drill.outcome));
    }
    report.remarks.iter().for_each(|remark| println!("note: {}", printable(remark)));
    for problem in &report.problems {
        // As the contract names it.
        let code = serde_json::to_value(problem.code).unwrap_or_default();
        let code = code.as_str().unwrap_or("-");
        println!("problem: {code}: {}: {}", printable(&problem.place), printable(&problem.text));
    }
    match report.problems.len() {
        0 => println!("Nothing is wrong with it."),
        1 => println!("One thing is wrong with it."),
        many => println!("{many} things are wrong with it."),
    }
}

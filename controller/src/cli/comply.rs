//! `comply`: what each clause of a regulation comes to, as people read it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use pulih_comply::Verdict;
use pulih_comply::packs::read;
use pulih_policies::{MAX_REGULATION_TEXT_BYTES, Regulation, Zone};
use pulih_terminal::{csv_cell, csv_text, printable, wrapped};
use pulih_vault::id::ObjectHash;
use pulih_vault::utc;
use serde_json::Value;

use super::Failure;
use super::evidence::{Logs, logs, period, sources};
use super::policy::{read_as, read_some};
use super::show::{field, list, table};
use crate::comply::facts::Known;
use crate::comply::matrix::{Pack, packs, report};
use crate::site::SiteDir;
use crate::uji;

const WIDTH: usize = 96;

#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub struct Comply {
    /// One regulation alone: of those in force, or that come with Pulih
    #[arg(long, value_name = "NAME", conflicts_with = "pack")]
    regulation: Option<String>,
    /// A pack's file, before it is applied
    #[arg(long, value_name = "FILE")]
    pack: Option<PathBuf>,
    /// As of the first moment of this day [default: now]
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Open one clause: every fact that it rests on, with its entries, and what people stated
    #[arg(long, value_name = "ID")]
    clause: Option<String>,
    /// A line for each clause, for a spreadsheet
    #[arg(long, conflicts_with_all = ["clause", "facts"])]
    csv: bool,
    /// Print the document of facts alone, as JSON
    #[arg(long, conflicts_with_all = ["clause", "regulation", "pack"])]
    facts: bool,
}

const HELP: &str = "\
terpenuhi: met. tidak terpenuhi: not met. pernyataan manual: a person has to state it. belum diuji: there is no
evidence. tidak berlaku: it does not apply. The exit status says nothing of the verdicts. Drills, plans and audits by
the DRC are in its ledger: ask there.

Examples:
  pulih-controller comply
  pulih-controller comply --regulation kudus-48-2019 --clause 14-1
  pulih-controller comply --csv > kepatuhan.csv";

pub fn run(dir: &SiteDir, asked: &Comply, json: bool) -> Result<(), Failure> {
    let site = dir.site()?;
    let Logs { store, own, peer } = logs(dir, &site)?;
    let zone = period::zone(dir)?;
    let now = asked.to.as_deref().map(|to| period::day(to, zone)).transpose()?.unwrap_or_else(uji::now);
    let sources = sources(&site, &*store, &own, peer.as_ref())?;
    let known = Known::of(&sources, now)?;
    if asked.facts {
        println!("{}", known.facts.document());
        return Ok(());
    }
    let packs = match &asked.pack {
        Some(file) => vec![from_file(file)?],
        None => packs(&known.records, asked.regulation.as_deref())?,
    };
    let found = report(&known, &packs, asked.clause.as_deref())?;
    if json {
        println!("{found}");
    } else if asked.csv {
        print!("{}", csv(&found));
    } else if asked.clause.is_some() {
        print!("{}", opened(&found, zone));
    } else {
        print!("{}", text(&found, site.regency.as_str(), zone));
    }
    Ok(())
}

/// A pack with its regulation's text, which stands beside it with `.txt` where no other is named.
pub fn read_pack(file: &Path, its_text: Option<&Path>) -> Result<(String, Regulation), Failure> {
    let beside = file.with_extension("txt");
    let place = its_text.unwrap_or(&beside);
    let cannot = |error| {
        let hint = "the regulation's text, without which its words cannot be checked; name it with --text";
        Failure::Said(format!("cannot read {}, {hint}: {error}", place.display()))
    };
    let bytes = read_some(place, MAX_REGULATION_TEXT_BYTES).map_err(cannot)?;
    if bytes.len() > MAX_REGULATION_TEXT_BYTES {
        return Err(Failure::Said(format!("{} is larger than 4 MiB, and no regulation's text", place.display())));
    }
    let its_text = String::from_utf8(bytes)
        .map_err(|error| Failure::Said(format!("{} is not UTF-8 text: {error}", place.display())))?;
    read_as(file, |name, bytes| read(name, bytes, Some(&its_text)))
}

fn from_file(file: &Path) -> Result<Pack, Failure> {
    let (text, regulation) = read_pack(file, None)?;
    Ok(Pack { regulation, object: ObjectHash::of(text.as_bytes()), in_force: None })
}

fn words(clause: &Value) -> &'static str {
    Verdict::ALL.into_iter().find(|its| clause["verdict"] == its.code()).map_or("-", Verdict::words)
}

/// How a verdict stands in a column: what is not met is not to be overlooked.
fn shown(clause: &Value) -> String {
    let words = words(clause);
    if clause["verdict"] == Verdict::NotMet.code() { words.to_uppercase() } else { words.to_owned() }
}

fn text(found: &Value, regency: &str, zone: Zone) -> String {
    let mut out = String::new();
    for its in list(found, "regulations") {
        let _ = writeln!(out, "{}", wrapped(&field(its, "title"), WIDTH));
        let since = its["in_force"]
            .as_str()
            .and_then(utc::parse)
            .map_or_else(|| "not in force here".to_owned(), |at| format!("in force since {}", zone.print(at)));
        let _ = writeln!(out, "{} version {}, {since}", field(its, "regulation"), its["version"]);
        if its["regency"] != regency {
            let _ = writeln!(out, "It is of regency {}, and this site is of {regency}.", field(its, "regency"));
        }
        out += "\n";
        let clauses = list(its, "clauses");
        out += &table(
            &["CLAUSE", "WHERE", "VERDICT", "WHY"],
            clauses.iter().map(|its| {
                let why = printable(&field(its, "why"));
                let why = if why.chars().count() > 60 { why.chars().take(59).chain(['…']).collect() } else { why };
                vec![field(its, "clause"), field(its, "where"), shown(its), why]
            }),
            "",
        );
        let counts =
            Verdict::ALL.map(|its_verdict| format!("{} {}", its["counts"][its_verdict.code()], its_verdict.words()));
        let _ = writeln!(out, "\n{}", counts.join(", "));
        for (clause, warning) in
            clauses.iter().flat_map(|clause| list(clause, "warnings").iter().map(move |its| (clause, its)))
        {
            let days = warning["days_left"].as_i64().unwrap_or(0);
            let when = if days < 0 { format!("ended {} days ago", -days) } else { format!("ends in {days} days") };
            let _ = writeln!(out, "{}: {} {when}", field(clause, "clause"), field(warning, "what"));
        }
        out += "\n";
    }
    out + &as_of(found) + "Open a clause with `pulih-controller comply --clause ID`.\n"
}

/// By which entries it is so.
fn as_of(found: &Value) -> String {
    let of = |its: &Value| format!("{} of {}", its["size"], field(its, "site"));
    let all: Vec<String> = list(found, "as_of").iter().map(of).collect();
    format!("At {}, by the first entries of the ledgers: {}.\n", field(found, "at"), all.join(", "))
}

fn opened(found: &Value, zone: Zone) -> String {
    let mut out = String::new();
    for (regulation, its) in
        list(found, "regulations").iter().flat_map(|its| list(its, "clauses").iter().map(move |clause| (its, clause)))
    {
        let _ = writeln!(out, "{} {}: {}\n", field(regulation, "regulation"), field(its, "where"), shown(its));
        let mut part = |title: &str, text: &str| {
            if !text.is_empty() && text != "-" {
                let text = wrapped(&printable(text), WIDTH - 4).replace('\n', "\n    ");
                let _ = writeln!(out, "{title}\n    {text}\n");
            }
        };
        part("The text says", &field(its, "words"));
        part("Read as (no law)", &field(its, "reading"));
        part("Why", &field(its, "why"));
        if its["verdict"] != Verdict::Met.code() {
            part("What to do", &field(its, "remedy"));
        }
        out += &table(
            &["FACT", "VALUE", "ENTRIES"],
            list(its, "facts").iter().map(|its| {
                let entries: Vec<String> =
                    list(its, "entries").iter().filter_map(|its| its.as_str().map(str::to_owned)).collect();
                let value = if its["value"].is_null() { "absent".into() } else { its["value"].to_string() };
                vec![field(its, "fact"), printable(&value), entries.join(" ")]
            }),
            "",
        );
        let items = list(its, "attestations");
        if !items.is_empty() {
            out += "\n";
            out += &table(
                &["STATEMENT", "OPINION", "BY", "LETTER", "UNTIL", "ENTRY"],
                items.iter().map(|its| {
                    let until = its["until"].as_str().and_then(utc::parse);
                    let until = until.map_or_else(|| "-".into(), |at| zone.print(at));
                    let opinion = match its["opinion"].as_str() {
                        Some(opinion) => opinion.to_owned(),
                        None if its["needed"] == true => "MISSING".into(),
                        None => "-".into(),
                    };
                    vec![
                        field(its, "item"),
                        opinion,
                        field(its, "by"),
                        field(its, "letter"),
                        until,
                        field(its, "entry"),
                    ]
                }),
                "",
            );
        }
        out += "\n";
    }
    out + &as_of(found)
}

fn csv(found: &Value) -> String {
    let mut out = String::from("regulation,clause,where,kind,verdict,why,entries\r\n");
    for (regulation, its) in
        list(found, "regulations").iter().flat_map(|its| list(its, "clauses").iter().map(move |clause| (its, clause)))
    {
        let mut entries: Vec<&str> = list(its, "facts")
            .iter()
            .flat_map(|its| list(its, "entries"))
            .filter_map(Value::as_str)
            .chain(list(its, "attestations").iter().filter_map(|its| its["entry"].as_str()))
            .collect();
        entries.sort_unstable();
        entries.dedup();
        let cells = [
            field(regulation, "regulation"),
            field(its, "clause"),
            field(its, "where"),
            field(its, "kind"),
            words(its).to_owned(),
            field(its, "why"),
            entries.join(" "),
        ];
        let cells: Vec<String> = cells.iter().map(|its| csv_cell(&csv_text(its))).collect();
        out += &cells.join(",");
        out += "\r\n";
    }
    out
}

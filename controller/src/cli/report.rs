//! `report`: what officials sign, from what the ledgers say.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use pulih_ledger::entry::kinds::ReportIssued;
use pulih_ledger::ids::Sha256;
use pulih_report::{Language, Pdf, ReportError};
use pulih_terminal::count;
use serde_json::json;

use super::ask::{answer, said};
use super::evidence::{Logs, logs, period};
use super::{Failure, Signed, person};
use crate::control::Ask;
use crate::evidence::read::{Extent, Sources};
use crate::record::time;
use crate::report::continuity::{Asked, data};
use crate::site::{SiteDir, SiteRole};

/// Lays a report out. It comes from the program alone: nothing else of a site has typefaces in it.
pub type LayOut = fn(&pulih_report::Report, Language) -> Result<Pdf, ReportError>;

#[derive(Debug, Subcommand)]
pub enum Report {
    /// The continuity test report, as of what both sites have signed: a PDF, and the same data as JSON and CSV
    #[command(after_long_help = CONTINUITY)]
    Continuity(ContinuityArgs),
}

#[derive(Debug, Args)]
pub struct ContinuityArgs {
    /// The first day that it is about
    #[arg(long, value_name = "DATE")]
    from: String,
    /// The day after the last one
    #[arg(long, value_name = "DATE")]
    to: String,
    /// Where the PDF goes; the same name with .json and .csv has its data. Nothing is overwritten
    #[arg(long, value_name = "FILE.pdf")]
    out: PathBuf,
    /// In English; else in Indonesian
    #[arg(long)]
    english: bool,
    /// Number of the letter [default: a line to write it on]
    #[arg(long, value_name = "NUMBER", default_value = "")]
    number: String,
    /// One regulation alone [default: those in force]
    #[arg(long, value_name = "NAME")]
    regulation: Option<String>,
    /// As of so many entries of this site's ledger, and of the mirrored one [default: the newest checkpoints]
    #[arg(long, value_name = "SIZE[,SIZE]")]
    checkpoint: Option<String>,
    // With `--as` it is issued, and its hashes go on the ledger.
    #[command(flatten)]
    signed: Signed,
}

const CONTINUITY: &str = "\
The same checkpoints and days give the same report, byte for byte: its date is that of the newest entry. Without an
auditor who opened and attested the test it says that it is an operational one. Signed by an admin or an operator it is
issued: its hashes are an entry of the ledger from then on.

Examples:
  pulih-controller report continuity --from 2025-01-01 --to 2027-01-01 --out laporan.pdf
  pulih-controller report continuity --from 2025-01-01 --to 2027-01-01 --checkpoint 48291,112004 --out ulang.pdf
  pulih-controller report continuity --from 2025-01-01 --to 2027-01-01 --out terbit.pdf --as dewi --sign-with dewi.key";

pub(super) fn run(dir: &SiteDir, command: &Report, json: bool, lay_out: LayOut) -> Result<(), Failure> {
    let Report::Continuity(args) = command;
    continuity(dir, args, json, lay_out)
}

fn continuity(dir: &SiteDir, args: &ContinuityArgs, json: bool, lay_out: LayOut) -> Result<(), Failure> {
    let site = dir.site()?;
    if site.role != SiteRole::Drc {
        return Err(Failure::Said("tests are done at the DRC: ask for their report there".into()));
    }
    if args.checkpoint.is_none() {
        answer(dir, Ask::Checkpoint)?;
    }
    let Logs { store, own, peer } = logs(dir, &site)?;
    let zone = period::zone(dir)?;
    let (from, to) = (period::day(&args.from, zone)?, period::day(&args.to, zone)?);
    if from >= to {
        return Err(Failure::Said("the period has no day: --from comes before --to".into()));
    }
    let (own_part, peer_part) = match &args.checkpoint {
        None => (Extent::signed(&own), peer.as_ref().map(Extent::signed)),
        Some(text) => {
            let (first, second) = text.split_once(',').map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
            let size = |text: &str| {
                text.trim().parse::<u64>().map_err(|_| Failure::Said(format!("{text:?} is no number of entries")))
            };
            let own_part = Extent { log: &own, size: size(first)? };
            let peer_part = match (&peer, second) {
                (Some(log), Some(text)) => Some(Extent { log, size: size(text)? }),
                (Some(log), None) => Some(Extent::signed(log)),
                (None, _) => None,
            };
            (own_part, peer_part)
        }
    };
    for part in [Some(own_part), peer_part].into_iter().flatten() {
        part.log.checkpoint_at(part.size).map_err(said)?;
    }
    let sources =
        Sources { site: site.id().map_err(said)?, role: site.role, store: &*store, own: own_part, peer: peer_part };
    let asked = Asked { from, to, number: &args.number, regulation: args.regulation.as_deref() };
    let data = pulih_report::Report::from(data(&sources, &asked, zone)?);
    let language = if args.english { Language::English } else { Language::Indonesian };
    let pdf = lay_out(&data, language).map_err(said)?;
    let files = [
        (args.out.clone(), pdf.bytes.as_slice()),
        (args.out.with_extension("json"), data.to_json().map_err(said)?.as_bytes()),
        (args.out.with_extension("csv"), data.to_csv().map_err(said)?.as_bytes()),
    ]
    .map(|(path, bytes)| (path, bytes.to_vec()));
    for (path, bytes) in &files {
        write_new(path, bytes)?;
    }
    let pdf_sha256 = Sha256::of(&pdf.bytes);
    let size = own_part.size;
    if args.signed.user.is_some() {
        let issued = ReportIssued {
            report: data.kind().name().into(),
            from: time(from).map_err(said)?,
            to: time(to).map_err(said)?,
            size,
            root: own_part.log.checkpoint_at(size).map_err(said)?.root,
            data_sha256: pdf.data_sha256.parse().map_err(said)?,
            pdf_sha256,
            language: language.code().into(),
        };
        let entry = person::entry(&site, &args.signed, issued.into())?;
        answer(dir, Ask::Act { entry, attachment: None })?;
    }
    if json {
        println!(
            "{}",
            json!({
                "type": "pulih/report-made/v1", "report": data.kind().name(), "path": args.out.display().to_string(),
                "pages": pdf.pages, "data_sha256": pdf.data_sha256, "pdf_sha256": pdf_sha256.to_string(), "size": size,
                "peer_size": peer_part.map(|part| part.size), "issued": args.signed.user.is_some(),
            })
        );
    } else {
        println!(
            "{}: {} pages, as of {} entries of {}.\ndata SHA-256 {}\nPDF  SHA-256 {pdf_sha256}\n{}",
            args.out.display(),
            count(pdf.pages as u64),
            count(size),
            sources.site,
            pdf.data_sha256,
            if args.signed.user.is_some() {
                "It is issued: its hashes are on the ledger."
            } else {
                "It is not issued."
            },
        );
    }
    Ok(())
}

/// Nothing is overwritten: what was signed stays what it was.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let cannot = |error| Failure::Said(format!("cannot write {}: {error}; nothing is overwritten", path.display()));
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(cannot)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(cannot)
}

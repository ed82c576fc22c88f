//! `report`: what officials sign, from what the ledgers say.

mod issue;
mod span;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use pulih_policies::Zone;
use pulih_report::{Language, Pdf, Report as Data, ReportError};

use super::ask::{answer, said};
use super::evidence::{Logs, logs, period};
use super::{Failure, Signed};
use crate::control::Ask;
use crate::evidence::read::{Extent, Sources};
use crate::gateway::answer::Answer;
use crate::report::head::Asked;
use crate::report::{budget, continuity, coverage, evaluation, monthly, traffic};
use crate::site::{SiteDir, SiteRole};
use issue::{Issued, issue};
use span::{Days, Month, Year};

/// Lays a report out. It comes from the program alone: nothing else of a site has typefaces in it.
pub type LayOut = fn(&Data, Language) -> Result<Pdf, ReportError>;

#[derive(Debug, Subcommand)]
pub enum Report {
    /// The continuity test report, as of what both sites have signed: a PDF, and the same data as JSON and CSV
    #[command(after_long_help = CONTINUITY)]
    Continuity(Of<Days>),
    /// What the line carried in a month, office by office, against what the policy allots
    #[command(after_long_help = BANDWIDTH)]
    Bandwidth(Of<Month>),
    /// Which offices back up regularly, which do not and why, and what was done about it
    #[command(after_long_help = COVERAGE)]
    Coverage(Of<Days>),
    /// Monitoring and evaluation of a year: coverage, recovery points, drills, audits, clauses
    #[command(after_long_help = EVALUATION)]
    Evaluation(Of<Year>),
    /// One page for the Bupati: what comes back if the data centre is lost, and what is asked for
    #[command(after_long_help = MONTHLY)]
    Monthly(Of<Month>),
    /// A sheet for each office: what is exposed, what is missing, and which clause asks for it
    #[command(after_long_help = BUDGET)]
    Budget(Of<Days>),
}

/// A report of a period.
#[derive(Debug, Args)]
pub struct Of<P: Args> {
    #[command(flatten)]
    period: P,
    #[command(flatten)]
    more: More,
}

/// What every report can be asked for.
#[derive(Debug, Args)]
struct More {
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
    /// As of so many entries of this site's ledger, and of the mirrored one [default: the newest checkpoint, and all]
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

const BANDWIDTH: &str = "\
The Pusat Data measures what comes and goes, and writes the figures of a month on its ledger when that is over. A DRC
has them as soon as it has pulled that.

Examples:
  pulih-controller report bandwidth --month 2026-10 --out bandwidth-2026-10.pdf
  pulih-controller report bandwidth --month 2026-10 --out terbit.pdf --as siti --sign-with siti.key";

const COVERAGE: &str = "\
As of the end of the period. Where a DRC is paired it is asked for there: its ledger says what is at the DRC.

Example:
  pulih-controller report coverage --from 2026-07-01 --to 2026-10-01 --out cakupan.pdf";

const EVALUATION: &str = "\
Of a calendar year, as of its end or of now. Where a DRC is paired it is asked for there.

Example:
  pulih-controller report evaluation --year 2026 --out evaluasi-2026.pdf";

const MONTHLY: &str = "\
Always one page. What does not fit stands in the JSON beside it. Where a DRC is paired it is asked for there.

Example:
  pulih-controller report monthly --month 2026-10 --out bupati-2026-10.pdf";

const BUDGET: &str = "\
As of the end of the period. Pulih knows no price: the columns of costs are lines to write on. Where a DRC is paired it
is asked for there.

Example:
  pulih-controller report budget --from 2026-01-01 --to 2027-01-01 --out anggaran.pdf";

pub(super) fn run(dir: &SiteDir, command: &Report, json: bool, lay_out: LayOut) -> Result<(), Failure> {
    let site = Site { dir, json, lay_out };
    match command {
        Report::Continuity(of) => {
            if dir.site()?.role != SiteRole::Drc {
                return Err(Failure::Said("tests are done at the DRC: ask for their report there".into()));
            }
            site.make(&of.more, |zone| of.period.read(zone), continuity::data)
        }
        Report::Bandwidth(of) => site.make(&of.more, |zone| of.period.read(zone), traffic::data),
        Report::Coverage(of) => site.make(&of.more, |zone| of.period.read(zone), coverage::data),
        Report::Evaluation(of) => site.make(&of.more, |zone| of.period.read(zone), evaluation::data),
        Report::Monthly(of) => site.make(&of.more, |zone| of.period.read(zone), monthly::data),
        Report::Budget(of) => site.make(&of.more, |zone| of.period.read(zone), budget::data),
    }
}

struct Site<'a> {
    dir: &'a SiteDir,
    json: bool,
    lay_out: LayOut,
}

impl Site<'_> {
    fn make<D: Into<Data>>(
        &self,
        more: &More,
        period: impl Fn(Zone) -> Result<(i64, i64), Failure>,
        data: impl Fn(&Sources, &Asked, Zone) -> Answer<D>,
    ) -> Result<(), Failure> {
        let site = self.dir.site()?;
        if more.checkpoint.is_none() {
            answer(self.dir, Ask::Checkpoint)?;
        }
        let Logs { store, own, peer } = logs(self.dir, &site)?;
        let zone = period::zone(self.dir)?;
        let (from, to) = period(zone)?;
        let (own, peer) = match &more.checkpoint {
            None => (Extent::signed(&own), peer.as_ref().map(Extent::whole)),
            Some(text) => {
                let (first, second) = text.split_once(',').map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
                let own = Extent { log: &own, size: size(first)? };
                let peer = match (&peer, second) {
                    (Some(log), Some(text)) => Some(Extent { log, size: size(text)? }),
                    (Some(log), None) => Some(Extent::whole(log)),
                    (None, _) => None,
                };
                (own, peer)
            }
        };
        own.log.checkpoint_at(own.size).map_err(said)?;
        if let Some(part) = peer.filter(|part| part.size > part.log.size()) {
            let (there, site) = (part.log.size(), &part.log.layout().site);
            return Err(Failure::Said(format!(
                "the mirrored ledger of {site} has {there} entries here, not {}",
                part.size
            )));
        }
        let sources = Sources { site: site.id().map_err(said)?, role: site.role, store: &*store, own, peer };
        let asked = Asked { from, to, number: &more.number, regulation: more.regulation.as_deref() };
        let data = data(&sources, &asked, zone)?.into();
        let language = if more.english { Language::English } else { Language::Indonesian };
        let pdf = (self.lay_out)(&data, language).map_err(said)?;
        let made = Issued { data: &data, pdf: &pdf, language, period: (from, to), own, peer };
        issue(self.dir, &site, &made, &more.out, &more.signed, self.json)
    }
}

fn size(text: &str) -> Result<u64, Failure> {
    text.trim().parse().map_err(|_| Failure::Said(format!("{text:?} is no number of entries")))
}

//! What a person in charge has to know, the worst first, and what is asked of that person.

use pulih_report::data::{Both, Clock, ClockKind, Tonight};
use serde_json::Value;

use super::head::Made;
use super::regulations;
use super::said::plural;
use crate::comply::coverage::Covered;
use crate::gateway::answer::Answer;

/// So many days before something ends it is a risk.
const SOON_DAYS: i64 = 90;

/// A risk, and what is asked of the Bupati because of it.
pub struct Risk {
    pub text: Both,
    pub ask: Option<Both>,
}

fn risk(id: String, en: String) -> Risk {
    Risk { text: Both::new(id, en), ask: None }
}

impl Risk {
    fn asking(mut self, id: &str, en: &str) -> Self {
        self.ask = Some(Both::new(id, en));
        self
    }
}

/// `document`: of facts, as of the same time.
pub fn risks(made: &Made, tonight: &Tonight, covered: Covered, clocks: &[Clock]) -> Answer<Vec<Risk>> {
    let document = made.known.facts.document();
    let mut found = of_ledgers(document);
    found.extend(of_copies(document, tonight));
    let open = covered.opds - covered.covered;
    if open > 0 {
        let text = risk(
            format!("{open} dari {} Perangkat Daerah belum mencadangkan semua datanya secara teratur.", covered.opds),
            format!("{open} of {} do not back all their data up regularly.", plural(covered.opds, "office", "offices")),
        );
        found.push(text.asking(
            "Mengingatkan kepala Perangkat Daerah yang belum tercakup untuk menyetujui dan mencadangkan datanya.",
            "To remind the heads of the offices that are not covered to approve and back up their data.",
        ));
    }
    found.extend(clocks.iter().filter_map(of_clock));
    let counts = regulations::of(made.known, &made.packs)?;
    let not_met: u64 = counts.iter().map(|its| its.counts.not_met).sum();
    if not_met > 0 {
        found.push(risk(
            format!("{not_met} pasal tidak terpenuhi."),
            format!("{} not met.", plural(not_met, "clause is", "clauses are")),
        ));
    }
    Ok(found)
}

/// What must never be.
fn of_ledgers(document: &Value) -> Vec<Risk> {
    let mut found = Vec::new();
    if document["ledgers"]["diverged"] == true {
        found.push(
            risk(
                "Catatan sebuah situs tidak lagi sejalan dengan catatan yang dilihat situs lain.".to_owned(),
                "The ledger of one site no longer goes on from what another saw.".to_owned(),
            )
            .asking("Meminta pemeriksaan oleh auditor segera.", "To have an auditor look at once."),
        );
    }
    let lost = document["scrub"]["lost"].as_u64().unwrap_or(0);
    if lost > 0 {
        found.push(risk(
            format!("{lost} berkas cadangan rusak dan tidak ada salinannya lagi."),
            format!("{} lost for good.", plural(lost, "object of the backups is", "objects of the backups are")),
        ));
    }
    found
}

fn of_copies(document: &Value, tonight: &Tonight) -> Vec<Risk> {
    let mut found = Vec::new();
    if document["sites"]["drc"] != true {
        found.push(
            risk(
                "Belum ada DRC: bila Pusat Data hilang, tidak ada yang dapat dipulihkan.".to_owned(),
                "There is no DRC: if the Pusat Data is lost, nothing comes back.".to_owned(),
            )
            .asking(
                "Menetapkan tempat dan anggaran DRC di luar daerah.",
                "To decide on the place and the budget of a DRC outside the region.",
            ),
        );
    } else if tonight.recoverable < tonight.datasets {
        let open = tonight.datasets - tonight.recoverable;
        found.push(risk(
            format!("{open} himpunan data belum mempunyai salinan di DRC."),
            format!("{} no copy at the DRC.", plural(open, "dataset has", "datasets have")),
        ));
    }
    if document["drills"]["passed"].as_u64().unwrap_or(0) == 0 {
        found.push(risk(
            "Belum ada uji pemulihan yang berhasil dalam dua tahun: tidak terbukti bahwa cadangan dapat dipakai."
                .to_owned(),
            "No drill has passed in two years: it is not shown that backups can be used.".to_owned(),
        ));
    }
    found
}

fn of_clock(clock: &Clock) -> Option<Risk> {
    let (id, en) = match clock.what {
        ClockKind::Test => ("Uji keberlangsungan oleh auditor", "The continuity test by an auditor"),
        ClockKind::DataCentreAudit => ("Audit Pusat Data", "The audit of the data centre"),
        ClockKind::SecurityAudit => ("Audit keamanan informasi", "The audit of information security"),
        // No regulation counts years for it.
        ClockKind::InternalAudit => return None,
    };
    let told = match clock.days_left {
        None => risk(format!("{id} belum pernah ada."), format!("{en} was never held.")),
        Some(days) if days < 0 => {
            let ago = days.unsigned_abs();
            risk(
                format!("{id} sudah lewat dua tahun sejak {ago} hari."),
                format!("{en} is out of date by {}.", plural(ago, "day", "days")),
            )
        }
        Some(days) if days <= SOON_DAYS => risk(
            format!("{id} harus diulang dalam {days} hari."),
            format!("{en} has to be held again in {}.", plural(days.unsigned_abs(), "day", "days")),
        ),
        Some(_) => return None,
    };
    Some(told.asking(
        "Menugaskan auditor dan menetapkan tanggal pelaksanaannya.",
        "To appoint an auditor, and set a date for it.",
    ))
}

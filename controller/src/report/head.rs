//! What every report but the continuity test's begins with: who issues it, as of when, who signs, and which clauses ask
//! for it.

use pulih_policies::{Clause, Zone};
use pulih_protocol::error::Code;
use pulih_report::data::{AskedBy, Both, Duty, Head, Signatory};

use super::continuity::{checkpoints, date, here, utc};
use super::people::sign;
use super::regulations::{both, chosen};
use crate::comply::facts::Known;
use crate::comply::matrix::{Pack, packs};
use crate::comply::own_regency;
use crate::comply::records::Records;
use crate::evidence::read::Sources;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteRole;
use crate::uji;

/// What a person says of a report beside what is on the ledger.
pub struct Asked<'a> {
    /// In seconds since 1970, `to` not included.
    pub from: i64,
    pub to: i64,
    /// Number of the letter; may be empty.
    pub number: &'a str,
    /// A regulation alone; else those in force, or those that come with Pulih for this regency.
    pub regulation: Option<&'a str>,
}

/// What a report is made from.
pub struct Made<'s> {
    pub known: &'s Known<'s>,
    pub packs: Vec<Pack>,
    pub zone: Zone,
    pub from: i64,
    /// No later than what is known goes.
    pub to: i64,
    pub now: i64,
}

impl Made<'_> {
    pub fn records(&self) -> &Records<'_> {
        &self.known.records
    }

    pub fn period(&self) -> (i64, i64, i64) {
        (self.from, self.to, self.now)
    }

    /// The months of the period, each with its first second and that of the next one.
    pub fn months(&self) -> Vec<(i64, i64)> {
        let mut months = Vec::new();
        let mut from = self.from;
        while from < self.to {
            let next = self.zone.month_end(from.saturating_add(1));
            months.push((from, next.min(self.to)));
            from = next;
        }
        months
    }
}

/// Whether what it shows has to be asked for at the DRC, which has both ledgers: here are no drills, and no copies.
pub fn at_drc_alone(records: &Records) -> Answer<()> {
    let is_paired = records.own.register().peers.values().any(|its| its.says.role == SiteRole::Drc.as_str());
    if records.sources.role == SiteRole::Pusat && is_paired {
        let why = "what is at the DRC, and what was tried there, is in its ledger: ask for this report at the DRC";
        return Err(Refusal::new(Code::BadRequest, why));
    }
    Ok(())
}

/// As of the last second of the period, or the newest entry before it: what came later says nothing in it.
pub fn at_its_end<'s>(sources: &'s Sources<'s>, asked: &Asked) -> Answer<Known<'s>> {
    let newest = date(sources.own)?;
    if asked.from > newest {
        let why = "the period begins after the newest entry: there is nothing to show of it yet";
        return Err(Refusal::new(Code::BadRequest, why));
    }
    Known::of(sources, newest.min(asked.to - 1))
}

pub fn made<'s>(known: &'s Known<'s>, asked: &Asked, zone: Zone) -> Answer<Made<'s>> {
    let packs = chosen(packs(&known.records, asked.regulation), &known.records)?;
    let now = known.records.now;
    Ok(Made { known, packs, zone, from: asked.from, to: asked.to.min(now.saturating_add(1)), now })
}

/// `kind`: as `report-issued` has it.
pub fn head(made: &Made, asked: &Asked, kind: &str, findings: Vec<Both>, mut remarks: Vec<Both>) -> Answer<Head> {
    let records = made.records();
    if records.all().any(|its| its.said.facts.is_clock_doubted(made.from, made.to)) {
        remarks.push(Both::new(
            "Jam sebuah situs pernah diragukan dalam masa laporan; angka dihitung menurut waktu yang tercatat.",
            "A site's clock was in doubt within the period; figures go by the times that were written.",
        ));
    }
    if made.to < asked.to {
        remarks.push(Both::new(
            "Masa laporan belum berakhir: angka sampai dengan catatan terbaru yang ada.",
            "The period is not over: figures go as far as the newest entry that there is.",
        ));
    }
    Ok(Head {
        uji: uji::site_of(records.sources.own.log.keys().origin()).is_some_and(|(_, is_uji)| is_uji),
        number: asked.number.to_owned(),
        issued: utc(date(records.sources.own)?)?,
        from: utc(asked.from)?,
        to: utc(asked.to)?,
        site: here(records, made.zone),
        checkpoints: checkpoints(records.sources)?,
        approval: approval(records, kind),
        basis: made.packs.iter().flat_map(|pack| asked_by(pack, kind)).collect(),
        findings,
        remarks,
    })
}

/// Clauses that are held against whether this report was issued.
fn asked_by(pack: &Pack, kind: &str) -> Vec<AskedBy> {
    let facts = [format!("reports.{kind}_days"), format!("{kind}.months")];
    let reads = |clause: &&Clause| {
        let applies = clause.applies.as_ref().map(|its| its.expression.as_str());
        let all = [clause.pass.as_deref(), applies];
        all.into_iter().flatten().any(|text| facts.iter().any(|fact| text.contains(fact.as_str())))
    };
    let one = |clause: &Clause| AskedBy {
        regulation: both(&pack.regulation.title),
        at: clause.at.clone(),
        words: both(&clause.words),
        reading: clause.reading.as_ref().map(both).unwrap_or_default(),
    };
    pack.regulation.clauses.iter().filter(reads).map(one).collect()
}

/// Offices that sign; who holds them is written by hand.
fn approval(records: &Records, kind: &str) -> Vec<Signatory> {
    let regency = own_regency(records)["name"].as_str().unwrap_or_default().to_owned();
    let of_regency = |office: &str| format!("{office} {regency}").trim_end().to_owned();
    let mut all = vec![sign(Duty::Prepared, "Pengelola Pusat Data dan DRC".to_owned())];
    all.push(sign(Duty::Approved, "Kepala Dinas Komunikasi dan Informatika".to_owned()));
    match kind {
        "bandwidth" => all.push(sign(Duty::Acknowledged, "Tim Koordinasi SPBE".to_owned())),
        "evaluation" => all.push(sign(Duty::Acknowledged, "Tim Pengarah SPBE".to_owned())),
        "monthly" | "coverage" => all.push(sign(Duty::Acknowledged, of_regency("Sekretaris Daerah"))),
        _ => {}
    }
    all
}

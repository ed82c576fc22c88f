//! The clauses and their verdicts, and which of them ask for the test.

use pulih_comply::packs::PACKED;
use pulih_comply::{Judged, Limit, Verdict, judge};
use pulih_policies::{ClauseKind, Words};
use pulih_protocol::error::Code;
use pulih_report::Utc;
use pulih_report::data::{
    Attested, Basis, Both, Clause, ClauseKind as Kind, Counts, Regulation, Verdict as Shown, Warning,
};
use pulih_vault::utc;

use super::continuity::records_regency;
use super::people::opinion;
use crate::comply::facts::Known;
use crate::comply::matrix::{Pack, packs};
use crate::comply::records::Records;
use crate::gateway::answer::{Answer, Refusal};

/// Kinds of entries that say how a test went: a clause that cites one asks for it.
const OF_TESTS: [&str; 3] = ["drill-attested", "drill-opened", "drill-ended"];

pub(super) fn both(words: &Words) -> Both {
    Both::new(words.id.clone(), words.en.clone())
}

/// The packs in force; where there is none, that of the regency which comes with Pulih.
pub fn chosen(found: Answer<Vec<Pack>>, records: &Records) -> Answer<Vec<Pack>> {
    match found {
        Err(Refusal { code: Code::NotFound, message, .. }) => {
            let (code, _) = records_regency(records);
            let of_regency = PACKED.iter().find(|its| its.read().is_ok_and(|read| read.regency.as_str() == code));
            match of_regency {
                Some(its) => packs(records, Some(its.name)),
                None => Err(Refusal::new(Code::NotFound, message)),
            }
        }
        found => found,
    }
}

pub fn basis(packs: &[Pack]) -> Vec<Basis> {
    let one = |pack: &Pack| {
        let asks =
            |clause: &&pulih_policies::Clause| clause.entries.iter().any(|kind| OF_TESTS.contains(&kind.as_str()));
        Basis {
            title: both(&pack.regulation.title),
            clauses: pack.regulation.clauses.iter().filter(asks).map(|clause| clause.at.clone()).collect(),
            text_sha256: pack.regulation.text_sha256.clone(),
        }
    };
    packs.iter().map(one).collect()
}

pub fn of(known: &Known, packs: &[Pack]) -> Answer<Vec<Regulation>> {
    packs.iter().map(|pack| regulation(known, pack)).collect()
}

fn regulation(known: &Known, pack: &Pack) -> Answer<Regulation> {
    let its = &pack.regulation;
    let judged = judge(its, &known.facts, &known.statements, known.records.now, Limit::default());
    let count = |verdict| judged.iter().filter(|its| its.verdict == verdict).count() as u64;
    Ok(Regulation {
        name: its.name.to_string(),
        version: its.version.into(),
        title: both(&its.title),
        hash: pack.object.to_string(),
        text_sha256: its.text_sha256.clone(),
        counts: Counts {
            met: count(Verdict::Met),
            not_met: count(Verdict::NotMet),
            to_attest: count(Verdict::ToAttest),
            not_applicable: count(Verdict::NotApplicable),
            untested: count(Verdict::Untested),
        },
        clauses: judged.iter().map(clause).collect::<Answer<_>>()?,
    })
}

fn time(at: i64) -> Answer<Utc> {
    Utc::read(&utc::rfc3339(at)).map_err(|error| Refusal::internal(&error))
}

fn clause(judged: &Judged) -> Answer<Clause> {
    let its = judged.clause;
    let optional = |words: Option<&Words>| words.map(both).unwrap_or_default();
    let mut entries: Vec<String> = judged.facts.iter().flat_map(|its| its.entries.iter().cloned()).collect();
    let mut attested = Vec::new();
    for (item, statement) in &judged.items {
        let Some(statement) = statement else { continue };
        let opinion = opinion(statement.opinion.as_str());
        let opinion = opinion.ok_or_else(|| Refusal::internal(&"a statement without an opinion"))?;
        attested.push(Attested {
            asks: both(&item.asks),
            opinion,
            by: statement.by.clone(),
            letter: statement.letter.clone(),
            document_sha256: statement.document_sha256.clone(),
            until: time(statement.until)?,
        });
        entries.push(statement.entry.clone());
    }
    entries.sort();
    entries.dedup();
    let warning = |its: &pulih_comply::Warning| {
        Ok(Warning { what: Both::new(its.what.clone(), ""), until: time(its.until)?, days_left: its.days_left })
    };
    Ok(Clause {
        id: its.id.to_string(),
        place: its.at.clone(),
        kind: match its.kind {
            ClauseKind::Automatic => Kind::Automatic,
            ClauseKind::Manual => Kind::Manual,
            ClauseKind::Both => Kind::Both,
            ClauseKind::Informative => Kind::Informative,
        },
        words: both(&its.words),
        reading: optional(its.reading.as_ref()),
        verdict: match judged.verdict {
            Verdict::Met => Shown::Met,
            Verdict::NotMet => Shown::NotMet,
            Verdict::ToAttest => Shown::ToAttest,
            Verdict::NotApplicable => Shown::NotApplicable,
            Verdict::Untested => Shown::Untested,
        },
        why: both(&judged.why),
        remedy: optional(its.remedy.as_ref()),
        attested,
        warnings: judged.warnings.iter().map(warning).collect::<Answer<_>>()?,
        entries,
    })
}

//! Verdicts, clause by clause, as the table of `docs/contracts/regulation.md` has them. No figure turns into a pass what
//! wants a person's judgement, and no statement what was measured.

use std::fmt::Write as _;

use pulih_policies::{Clause, ClauseKind, Item, Regulation, Words};
use serde::Serialize;

use crate::check::Expression;
use crate::evaluate::{Limit, Outcome};
use crate::facts::{Cited, Facts};
use crate::schema::ATTESTED;
use crate::statements::{Opinion, Statement, Statements};

const DAY: i64 = 24 * 3600;
/// So many days before something ends that a verdict rests on, people are told.
const WARN_DAYS: i64 = 180;
/// Facts that a reason names.
const NAMED: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Met,
    NotMet,
    ToAttest,
    NotApplicable,
    Untested,
}

impl Verdict {
    pub const ALL: [Self; 5] = [Self::Met, Self::NotMet, Self::ToAttest, Self::Untested, Self::NotApplicable];

    pub fn code(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not-met",
            Self::ToAttest => "to-attest",
            Self::NotApplicable => "not-applicable",
            Self::Untested => "untested",
        }
    }

    /// As officials read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Met => "terpenuhi",
            Self::NotMet => "tidak terpenuhi",
            Self::ToAttest => "pernyataan manual",
            Self::NotApplicable => "tidak berlaku",
            Self::Untested => "belum diuji",
        }
    }
}

/// Something that a verdict rests on ends soon, or has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub what: String,
    /// Seconds since 1970; of a fact that counts days, to the day.
    pub until: i64,
    pub days_left: i64,
}

/// What a clause comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged<'r> {
    pub clause: &'r Clause,
    pub verdict: Verdict,
    pub why: Words,
    /// What its expressions read.
    pub facts: Vec<Cited>,
    /// Each of its items, and the newest statement in force.
    pub items: Vec<(&'r Item, Option<Statement>)>,
    pub warnings: Vec<Warning>,
}

fn words(id: impl Into<String>, en: impl Into<String>) -> Words {
    Words { id: id.into(), en: en.into() }
}

/// What is known of a clause's items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stated {
    All,
    Denied,
    Missing,
}

/// Each clause of a pack, in its order. `at`: when it is asked, in seconds since 1970.
pub fn judge<'r>(
    regulation: &'r Regulation,
    facts: &Facts,
    statements: &Statements,
    at: i64,
    limit: Limit,
) -> Vec<Judged<'r>> {
    let of = |clause| of_clause(regulation.name.as_str(), clause, facts, statements, at, limit);
    regulation.clauses.iter().map(of).collect()
}

fn of_clause<'r>(
    regulation: &str,
    clause: &'r Clause,
    facts: &Facts,
    statements: &Statements,
    at: i64,
    limit: Limit,
) -> Judged<'r> {
    let newest =
        |item: &'r Item| (item, statements.newest(regulation, clause.id.as_str(), item.item.as_str(), at).cloned());
    let items: Vec<(&Item, Option<Statement>)> = clause.attest.iter().map(newest).collect();
    let is_held = |its: &&(&Item, Option<Statement>)| {
        its.1.as_ref().is_some_and(|statement| statement.opinion != Opinion::NotMet)
    };
    let held = items.iter().filter(is_held).map(|(item, _)| item.item.to_string()).collect();
    let mut judged = Judged {
        clause,
        verdict: Verdict::Untested,
        why: words("", ""),
        facts: Vec::new(),
        items,
        warnings: Vec::new(),
    };
    let mut asked = Asked { facts, attested: held, limit, reads: Vec::new() };
    (judged.verdict, judged.why) = verdict(clause, &judged.items, &mut asked);
    judged.facts = asked.reads;
    judged.warnings = warnings(&judged, at);
    judged
}

/// The facts, and what was read of them.
struct Asked<'f> {
    facts: &'f Facts,
    attested: Vec<String>,
    limit: Limit,
    reads: Vec<Cited>,
}

impl Asked<'_> {
    fn ask(&mut self, expression: &str) -> Outcome {
        let expression = match Expression::parse(expression) {
            Ok(expression) => expression,
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        for path in expression.reads() {
            let cited = if path == ATTESTED {
                vec![Cited { fact: path.to_owned(), value: self.attested.clone().into(), entries: Vec::new() }]
            } else {
                self.facts.cite(path)
            };
            for cited in cited {
                if !self.reads.contains(&cited) {
                    self.reads.push(cited);
                }
            }
        }
        expression.evaluate(self.facts, &self.attested, self.limit)
    }
}

fn verdict(clause: &Clause, items: &[(&Item, Option<Statement>)], asked: &mut Asked) -> (Verdict, Words) {
    if clause.kind == ClauseKind::Informative {
        return (
            Verdict::NotApplicable,
            words("ketentuan ini memberi keterangan dan tidak meminta apa pun", "it informs, and asks for nothing"),
        );
    }
    if let Some(applies) = &clause.applies {
        match asked.ask(&applies.expression) {
            Outcome::Holds(true) => {}
            Outcome::Holds(false) => return (Verdict::NotApplicable, applies.otherwise.clone()),
            other => return (Verdict::Untested, unknown(&other)),
        }
    }
    let stated = stated(items);
    let measured = clause.pass.as_ref().filter(|_| clause.kind.is_measured()).map(|pass| asked.ask(pass));
    match (measured, clause.kind.is_stated()) {
        (Some(Outcome::Holds(false)), _) => (Verdict::NotMet, failing(&asked.reads)),
        (_, true) if stated == Stated::Denied => (Verdict::NotMet, denied(items)),
        (Some(other @ (Outcome::Absent(_) | Outcome::Failed(_))), _) => (Verdict::Untested, unknown(&other)),
        (_, true) if stated == Stated::Missing => (Verdict::ToAttest, missing(items)),
        (Some(Outcome::Holds(true)), true) => {
            (Verdict::Met, words("menurut fakta dan pernyataan", "by facts and by statement"))
        }
        (Some(Outcome::Holds(true)), false) => (Verdict::Met, words("menurut fakta", "by facts")),
        (None, _) => (Verdict::Met, words("menurut pernyataan", "by statement")),
    }
}

fn needed<'i, 'r>(
    items: &'i [(&'r Item, Option<Statement>)],
) -> impl Iterator<Item = &'i (&'r Item, Option<Statement>)> {
    items.iter().filter(|(item, _)| item.is_needed)
}

fn stated(items: &[(&Item, Option<Statement>)]) -> Stated {
    let opinions: Vec<Option<Opinion>> =
        needed(items).map(|(_, statement)| statement.as_ref().map(|its| its.opinion)).collect();
    if opinions.contains(&Some(Opinion::NotMet)) {
        Stated::Denied
    } else if opinions.contains(&None) {
        Stated::Missing
    } else {
        Stated::All
    }
}

fn unknown(outcome: &Outcome) -> Words {
    match outcome {
        Outcome::Absent(fact) => words(format!("belum ada fakta {fact}"), format!("there is no fact {fact}")),
        Outcome::Failed(why) => {
            words(format!("tidak dapat dihitung: {why}"), format!("it could not be reckoned: {why}"))
        }
        Outcome::Holds(_) => words("", ""),
    }
}

/// What was read, that what speaks against it first.
fn failing(reads: &[Cited]) -> Words {
    let mut sorted: Vec<&Cited> = reads.iter().collect();
    sorted.sort_by_key(|its| (its.value != false, its.value.is_string()));
    let shown = |none: &str| {
        let of = |its: &&Cited| {
            let value = if its.value.is_null() { none.to_owned() } else { its.value.to_string() };
            format!("{} = {value}", its.fact)
        };
        sorted.iter().take(NAMED).map(of).collect::<Vec<_>>().join(", ")
    };
    let rest = sorted.len().saturating_sub(NAMED);
    let (mut id, mut en) = (shown("tidak ada"), shown("absent"));
    if rest > 0 {
        let _ = write!(id, ", dan {rest} fakta lain");
        let _ = write!(en, ", and {rest} more facts");
    }
    words(id, en)
}

fn denied(items: &[(&Item, Option<Statement>)]) -> Words {
    let of = needed(items).filter_map(|(_, statement)| statement.as_ref());
    let its = of.filter(|its| its.opinion == Opinion::NotMet).map(|its| format!("{}, {}", its.by, its.letter));
    let its = its.collect::<Vec<_>>().join("; ");
    words(format!("dinyatakan tidak terpenuhi: {its}"), format!("stated not to be met: {its}"))
}

fn missing(items: &[(&Item, Option<Statement>)]) -> Words {
    let of = |pick: fn(&Words) -> &String| {
        let open = needed(items).filter(|(_, statement)| statement.is_none());
        open.map(|(item, _)| pick(&item.asks).as_str()).collect::<Vec<_>>().join("; ")
    };
    words(format!("belum dinyatakan: {}", of(|its| &its.id)), format!("not stated yet: {}", of(|its| &its.en)))
}

/// Statements and deadlines that end within half a year.
fn warnings(judged: &Judged, at: i64) -> Vec<Warning> {
    let of_items = judged.items.iter().filter_map(|(item, statement)| {
        let until = statement.as_ref()?.until;
        Some(Warning { what: item.item.to_string(), until, days_left: (until - at).div_euclid(DAY) })
    });
    let of_facts = judged.facts.iter().filter(|its| its.fact.ends_with("days_left")).filter_map(|its| {
        let days_left = its.value.as_i64()?;
        let until = at.saturating_add(days_left.saturating_mul(DAY));
        Some(Warning { what: its.fact.clone(), until, days_left })
    });
    let mut warnings: Vec<Warning> = of_items.chain(of_facts).filter(|its| its.days_left <= WARN_DAYS).collect();
    warnings.sort_by_key(|its| its.days_left);
    warnings
}

#[cfg(test)]
mod tests;

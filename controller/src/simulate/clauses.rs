//! Which verdicts on clauses turn at once, were a policy in force in place of this one.

use pulih_comply::{Limit, Verdict, judge};
use pulih_policies::Policy;
use serde_json::Value;

use crate::comply::facts::Known;
use crate::comply::matrix::{Pack, packs};
use crate::comply::records::Records;
use crate::gateway::answer::Answer;

/// A clause whose verdict is another.
#[derive(Debug, Clone)]
pub struct Turned {
    pub regulation: String,
    pub clause: String,
    pub place: String,
    pub now: Verdict,
    pub then: Verdict,
    pub why: String,
    pub remedy: String,
}

impl Turned {
    /// It was met or could be stated, and is neither any more; or it is not met where that was not known.
    pub fn is_worse(&self) -> bool {
        let is_good = |verdict: Verdict| matches!(verdict, Verdict::Met | Verdict::ToAttest);
        self.then == Verdict::NotMet || is_good(self.now) && self.then == Verdict::Untested
    }
}

/// Facts before and after, and the clauses that turn.
pub struct Both {
    pub now: Value,
    pub then: Value,
    pub turned: Vec<Turned>,
}

type Judged = Vec<(String, String, String, Verdict, String, String)>;

/// `then`: the policy that takes the place of the one in force.
pub fn both(records: Records, then: &Policy) -> Answer<Both> {
    let is_any = records.all().any(|its| !its.register().regulations.is_empty());
    let packs = if is_any { packs(&records, None)? } else { Vec::new() };
    let known = Known::from(records)?;
    let (before, now) = (judged(&known, &packs), known.facts.document().clone());
    let mut records = known.records;
    records.policies.put(records.now, then.clone());
    let known = Known::from(records)?;
    let turned = before.into_iter().zip(judged(&known, &packs)).filter(|(now, then)| now.3 != then.3).map(
        |((regulation, clause, place, now, ..), (.., then, why, remedy))| Turned {
            regulation,
            clause,
            place,
            now,
            then,
            why,
            remedy,
        },
    );
    Ok(Both { now, turned: turned.collect(), then: known.facts.document().clone() })
}

fn judged(known: &Known, packs: &[Pack]) -> Judged {
    let mut all = Vec::new();
    for pack in packs {
        let its = &pack.regulation;
        for judged in judge(its, &known.facts, &known.statements, known.records.now, Limit::default()) {
            let remedy = judged.clause.remedy.as_ref().map_or_else(String::new, |its| its.id.clone());
            let (clause, place) = (judged.clause.id.to_string(), judged.clause.at.clone());
            all.push((its.name.to_string(), clause, place, judged.verdict, judged.why.id.clone(), remedy));
        }
    }
    all
}

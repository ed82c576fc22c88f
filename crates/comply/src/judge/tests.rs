use serde_json::{Value, json};

use super::*;
use crate::packs::read;

const PACK: &str = r#"
type = "pulih/regulation/v1"
name = "uji"
version = 1
regency = "33.19"
title = "Peraturan"
title_en = "A regulation"
text_sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
[[clause]]
id = "1"
at = "Pasal 1"
kind = "KIND"
words = "kata"
words_en = "words"
reading = "bacaan"
reading_en = "a reading"
remedy = "lakukan"
remedy_en = "do"
"#;

const PASS: &str = "pass = \"coverage.percent == 100\"\n";
const ATTEST: &str = "attest = [{ item = \"a\", asks = \"surat a\", asks_en = \"letter a\" }, \
    { item = \"b\", asks = \"surat b\", asks_en = \"letter b\" }]\n";

fn pack(kind: &str, more: &str) -> Regulation {
    let text = PACK.replace("KIND", kind) + more;
    read("uji", text.as_bytes(), None).unwrap_or_else(|refused| panic!("{refused}"))
}

fn stated(item: &str, opinion: Opinion, given: i64, until: i64) -> Statement {
    Statement {
        attestation: format!("p-{item}-{given}"),
        regulation: "uji".into(),
        clause: "1".into(),
        item: item.into(),
        opinion,
        by: "Siti, Diskominfo".into(),
        letter: "800/1".into(),
        document_sha256: "00".repeat(32),
        given,
        until,
        entry: "pusat-33.19/5".into(),
    }
}

fn of(regulation: &Regulation, facts: Value, statements: Vec<Statement>) -> (Verdict, Words, Vec<Warning>) {
    let facts = Facts::new(facts).unwrap();
    let mut all = judge(regulation, &facts, &Statements(statements), 1000, Limit::default());
    let its = all.remove(0);
    (its.verdict, its.why, its.warnings)
}

#[test]
fn the_table_of_verdicts() {
    use Opinion::{Met, MetWithFindings, NotMet};
    use Verdict::{NotApplicable, NotMet as Fails, ToAttest, Untested};
    let far = 1000 + 400 * DAY;
    let facts = [json!({"coverage": {"percent": 100}}), json!({"coverage": {"percent": 99}}), json!({})];
    let none: Vec<Statement> = Vec::new();
    let both = vec![stated("a", Met, 5, far), stated("b", MetWithFindings, 5, far)];
    let half = vec![stated("a", Met, 5, far)];
    let denied = vec![stated("a", Met, 5, far), stated("b", NotMet, 5, far)];
    let people = [&none, &half, &both, &denied];
    let verdicts = |regulation: &Regulation| -> Vec<Verdict> {
        let each = facts.iter().flat_map(|facts| people.iter().map(move |its| (facts, *its)));
        each.map(|(facts, its)| of(regulation, facts.clone(), its.clone()).0).collect()
    };
    let automatic = pack("automatic", PASS);
    assert_eq!(verdicts(&automatic), [[Verdict::Met; 4], [Fails; 4], [Untested; 4]].concat());
    let manual = pack("manual", ATTEST);
    assert_eq!(verdicts(&manual), [ToAttest, ToAttest, Verdict::Met, Fails].repeat(3));
    let mixed = pack("both", &format!("{PASS}{ATTEST}"));
    let expected = [[ToAttest, ToAttest, Verdict::Met, Fails], [Fails; 4], [Untested, Untested, Untested, Fails]];
    assert_eq!(verdicts(&mixed), expected.concat());
    let text = PACK.replace("KIND", "informative").replace("remedy = \"lakukan\"\nremedy_en = \"do\"\n", "");
    let informative = read("uji", text.as_bytes(), None).unwrap();
    assert_eq!(verdicts(&informative), [NotApplicable; 12]);
}

#[test]
fn a_clause_that_does_not_apply_says_why() {
    let applies = "applies = \"has(drc.provider)\"\nnot_applicable = \"tanpa pihak ketiga\"\nnot_applicable_en = \"no third party\"\n";
    let regulation = pack("automatic", &format!("{PASS}{applies}"));
    let (verdict, why, _) = of(&regulation, json!({"coverage": {"percent": 1}}), vec![]);
    assert_eq!((verdict, why), (Verdict::NotApplicable, words("tanpa pihak ketiga", "no third party")));
    let (verdict, ..) = of(&regulation, json!({"coverage": {"percent": 1}, "drc": {"provider": "X"}}), vec![]);
    assert_eq!(verdict, Verdict::NotMet);
    let applies = applies.replace("has(drc.provider)", "drc.provider == 'X'");
    let regulation = pack("automatic", &format!("{PASS}{applies}"));
    let (verdict, why, _) = of(&regulation, json!({"coverage": {"percent": 100}}), vec![]);
    assert_eq!((verdict, why.id.as_str()), (Verdict::Untested, "belum ada fakta drc.provider"));
}

#[test]
fn a_statement_counts_from_its_entry_to_its_end_and_the_newest_is_the_one() {
    let regulation = pack("manual", ATTEST);
    let b = || stated("b", Opinion::Met, 5, 1000 + 400 * DAY);
    let verdict = |a: Vec<Statement>| of(&regulation, json!({}), [a, vec![b()]].concat()).0;
    assert_eq!(verdict(vec![stated("a", Opinion::Met, 5, 1000)]), Verdict::ToAttest, "it ended");
    assert_eq!(verdict(vec![stated("a", Opinion::Met, 5, 1001)]), Verdict::Met);
    assert_eq!(verdict(vec![stated("a", Opinion::Met, 1001, 5000)]), Verdict::ToAttest, "it is yet to begin");
    let later = vec![stated("a", Opinion::Met, 5, 5000), stated("a", Opinion::NotMet, 6, 5000)];
    assert_eq!(verdict(later), Verdict::NotMet);
    let later = vec![stated("a", Opinion::NotMet, 5, 5000), stated("a", Opinion::Met, 6, 5000)];
    assert_eq!(verdict(later), Verdict::Met);
    let mut other = stated("a", Opinion::Met, 5, 5000);
    other.clause = "2".into();
    assert_eq!(verdict(vec![other]), Verdict::ToAttest);
}

#[test]
fn what_only_an_expression_asks_for_has_not_to_be_stated() {
    let more = "pass = \"drc.distance_km >= decisions.far_km || 'kajian' in attested\"\n\
        attest = [{ item = \"kajian\", asks = \"kajian\", asks_en = \"assessment\", needed = false }]\n";
    let regulation = pack("automatic", more);
    let near = json!({"drc": {"distance_km": 5}, "decisions": {"far_km": 50}});
    let kajian = |opinion| vec![stated("kajian", opinion, 5, 5000)];
    assert_eq!(of(&regulation, near.clone(), vec![]).0, Verdict::NotMet);
    assert_eq!(of(&regulation, near.clone(), kajian(Opinion::Met)).0, Verdict::Met);
    assert_eq!(of(&regulation, near, kajian(Opinion::NotMet)).0, Verdict::NotMet);
    assert_eq!(of(&regulation, json!({"drc": {"distance_km": 5}}), vec![]).0, Verdict::Untested);
}

#[test]
fn reasons_name_what_speaks_against_it() {
    let regulation = pack("automatic", "pass = \"datasets.all(d, d.approved)\"\n");
    let one = |name: &str, approved| json!({"agent": "app-1", "dataset": name, "approved": approved});
    let all = json!({"datasets": [one("a", true), one("b", false), one("c", true), one("d", true)]});
    let why = of(&regulation, all, vec![]).1;
    assert!(
        why.id.starts_with("datasets[app-1/b].approved = false, ") && why.id.ends_with("dan 2 fakta lain"),
        "{}",
        why.id
    );
    let (_, why, _) = of(&pack("manual", ATTEST), json!({}), vec![]);
    assert_eq!(why, words("belum dinyatakan: surat a; surat b", "not stated yet: letter a; letter b"));
}

#[test]
fn people_are_told_half_a_year_before_something_ends() {
    let regulation = pack("manual", ATTEST);
    let warned = |until| {
        let all = vec![stated("a", Opinion::Met, 5, until), stated("b", Opinion::Met, 5, 1000 + 400 * DAY)];
        of(&regulation, json!({}), all).2
    };
    assert_eq!(warned(1000 + 181 * DAY), []);
    assert_eq!(
        warned(1000 + 181 * DAY - 1),
        [Warning { what: "a".into(), until: 1000 + 181 * DAY - 1, days_left: 180 }]
    );
    let regulation = pack("automatic", "pass = \"qualifying.days_left >= 0\"\n");
    let warned = |left: i64| of(&regulation, json!({"qualifying": {"days_left": left}}), vec![]).2;
    assert_eq!((warned(181).len(), warned(30)[0].days_left, warned(-4)[0].days_left), (0, 30, -4));
}

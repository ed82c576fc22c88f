use serde_json::{Value as Json, json};

use super::*;

fn facts(document: Json) -> Facts {
    Facts::new(document).unwrap()
}

fn ask(text: &str, document: Json) -> Outcome {
    let attested = document["attested"].as_array().into_iter().flatten().map(|its| its.as_str().unwrap().to_owned());
    let attested: Vec<String> = attested.collect();
    Expression::parse(text).unwrap().evaluate(&facts(document), &attested, Limit::default())
}

fn datasets(approved: &[bool]) -> Json {
    let one = |(at, its): (usize, &bool)| json!({"agent": "app-1", "dataset": format!("d{at}"), "approved": its});
    json!({"datasets": approved.iter().enumerate().map(one).collect::<Vec<_>>()})
}

#[test]
fn facts_decide() {
    let all = "datasets.all(d, d.approved)";
    assert_eq!(ask(all, datasets(&[true, true])), Outcome::Holds(true));
    assert_eq!(ask(all, datasets(&[true, false])), Outcome::Holds(false));
    assert_eq!(ask(all, datasets(&[])), Outcome::Holds(true));
    assert_eq!(ask("size(datasets) > 0", datasets(&[])), Outcome::Holds(false));
    assert_eq!(ask("coverage.percent * 2 == 200", json!({"coverage": {"percent": 100}})), Outcome::Holds(true));
    assert_eq!(ask("'a' in attested", json!({"attested": ["a"]})), Outcome::Holds(true));
    assert_eq!(ask("drc.site.startsWith('drc-')", json!({"drc": {"site": "drc-33.19"}})), Outcome::Holds(true));
    assert_eq!(ask("datasets.exists_one(d, d.approved)", datasets(&[true, false])), Outcome::Holds(true));
    assert_eq!(ask("size(datasets.filter(d, d.approved)) == 1", datasets(&[true, false])), Outcome::Holds(true));
    assert_eq!(ask("datasets.map(d, d.dataset).exists(n, n == 'd1')", datasets(&[true, false])), Outcome::Holds(true));
}

#[test]
fn what_is_absent_makes_neither_a_pass_nor_a_failure() {
    let absent = |path: &str| Outcome::Absent(path.into());
    assert_eq!(ask("qualifying.days_left >= 0", json!({})), absent("qualifying.days_left"));
    assert_eq!(ask("!(qualifying.days_left >= 0)", json!({})), absent("qualifying.days_left"));
    assert_eq!(
        ask("audits.security.days_left >= 0", json!({"audits": {"internal": {"days_left": 3}}})),
        absent("security")
    );
    // A list that nobody knows is not an empty one.
    assert_eq!(ask("size(plans) > 0", json!({})), absent("plans"));
    assert_eq!(ask("plans.exists(p, p.tested)", json!({})), absent("plans"));
    assert_eq!(ask("has(qualifying.drill)", json!({})), Outcome::Holds(false));
    assert_eq!(ask("has(audits.security)", json!({"audits": {"security": {}}})), Outcome::Holds(true));
    // What decides, decides, also beside something absent.
    assert_eq!(ask("drc.distance_km > 5 || 'x' in attested", json!({"attested": ["x"]})), Outcome::Holds(true));
    assert_eq!(ask("drc.distance_km > 5 && 'x' in attested", json!({})), Outcome::Holds(false));
    let one = json!({"datasets": [{"dataset": "a"}, {"dataset": "b", "fresh_at_drc": false}]});
    assert_eq!(ask("datasets.all(d, d.fresh_at_drc)", one), Outcome::Holds(false));
    let one = json!({"datasets": [{"dataset": "a"}, {"dataset": "b", "fresh_at_drc": true}]});
    assert_eq!(ask("datasets.all(d, d.fresh_at_drc)", one), absent("datasets[].fresh_at_drc"));
}

#[test]
fn what_cannot_be_reckoned_is_no_answer() {
    let one = json!({"coverage": {"percent": i64::MAX, "opds": 0}});
    assert!(matches!(ask("coverage.percent + 1 > 0", one.clone()), Outcome::Failed(_)));
    assert!(matches!(ask("1 / coverage.opds > 0", one), Outcome::Failed(_)));
}

#[test]
fn an_expression_ends_in_its_time() {
    // Without any: the first fact that it asks for ends it.
    let expression = Expression::parse("datasets.all(d, d.approved)").unwrap();
    let found = expression.evaluate(&facts(datasets(&[true])), &[], Limit(Duration::ZERO));
    assert!(matches!(found, Outcome::Failed(ref why) if why.contains("did not end")), "{found:?}");
    // The worst that can be written, 2,000 datasets to the third: it would take hours.
    let worst = "datasets.all(a, datasets.all(b, datasets.all(c, a.dataset == a.dataset)))";
    let found = Expression::parse(worst).unwrap().evaluate(
        &facts(datasets(&[true; 2000])),
        &[],
        Limit(Duration::from_millis(50)),
    );
    assert!(matches!(found, Outcome::Failed(_)), "{found:?}");
    let worst = "size(datasets.map(a, size(datasets.map(b, size(datasets.map(c, a.dataset)))))) > 0";
    let found = Expression::parse(worst).unwrap().evaluate(
        &facts(datasets(&[true; 2000])),
        &[],
        Limit(Duration::from_millis(50)),
    );
    assert!(matches!(found, Outcome::Failed(_)), "{found:?}");
}

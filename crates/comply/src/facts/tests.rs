use serde_json::json;

use super::*;

#[test]
fn what_is_not_as_the_contract_has_it_is_no_facts() {
    for wrong in [
        json!([]),
        json!({"unknown": 1}),
        json!({"drc": []}),
        json!({"drc": {"nowhere": 1}}),
        json!({"drc": {"distance_km": 1.5}}),
        json!({"drc": {"distance_km": "1"}}),
        json!({"drc": {"distance_km": null}}),
        json!({"drc": {"distance_km": u64::MAX}}),
        json!({"datasets": [1]}),
        json!({"datasets": {}}),
        json!({"attested": [1]}),
        json!({"at": 5}),
        json!({"audits": {"security": 5}}),
    ] {
        assert!(Facts::new(wrong.clone()).is_err(), "{wrong}");
    }
    assert!(
        Facts::new(json!({"type": "pulih/facts/v1", "drc": {"entries": ["drc-33.19/4"], "distance_km": 5}})).is_ok()
    );
}

#[test]
fn what_was_read_is_cited_with_its_entries() {
    let facts = Facts::new(json!({
        "coverage": {"percent": 50},
        "datasets": [
            {"agent": "app-1", "dataset": "surat", "approved": true, "entries": ["pusat-33.19/7"]},
            {"agent": "app-2", "dataset": "gaji", "entries": ["pusat-33.19/9"]},
        ],
    }))
    .unwrap();
    let cited = |path: &str| -> Vec<(String, Value, Vec<String>)> {
        facts.cite(path).into_iter().map(|its| (its.fact, its.value, its.entries)).collect()
    };
    assert_eq!(cited("coverage.percent"), [("coverage.percent".into(), json!(50), vec![])]);
    assert_eq!(
        cited("datasets[].approved"),
        [
            ("datasets[app-1/surat].approved".into(), json!(true), vec!["pusat-33.19/7".into()]),
            ("datasets[app-2/gaji].approved".into(), Value::Null, vec!["pusat-33.19/9".into()]),
        ]
    );
    assert_eq!(cited("datasets[]"), [("size(datasets)".into(), json!(2), vec![])]);
    assert_eq!(cited("audits.security.days_left"), [("audits.security.days_left".into(), Value::Null, vec![])]);
    assert_eq!(cited("drc.certificates[].name"), [("drc.certificates[].name".into(), Value::Null, vec![])]);
}

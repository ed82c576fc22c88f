use proptest::prelude::*;

use super::*;

fn refused(text: &str) -> ExpressionError {
    Expression::parse(text).unwrap_err()
}

fn reads(text: &str) -> Vec<String> {
    Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).reads().map(str::to_owned).collect()
}

#[test]
fn an_expression_says_which_facts_it_reads() {
    assert_eq!(reads("datasets.all(d, d.approved)"), ["datasets[]", "datasets[].approved"]);
    assert_eq!(reads("qualifying.days_left >= 0"), ["qualifying.days_left"]);
    assert_eq!(reads("has(audits.security) && audits.security.days_left > 0"), ["audits.security.days_left"]);
    assert_eq!(reads("size(opds) > 0 && coverage.percent == 100"), ["coverage.percent", "opds[]"]);
    assert_eq!(
        reads("drc.distance_km >= decisions.far_km || 'kajian-risiko' in attested"),
        ["attested", "decisions.far_km", "drc.distance_km"]
    );
    assert_eq!(
        reads("opds.all(o, datasets.filter(d, d.opd == o.opd).exists(d, d.fresh))"),
        ["datasets[]", "datasets[].fresh", "datasets[].opd", "opds[]", "opds[].opd"]
    );
    assert_eq!(reads("drc.certificates.exists(c, c.name.contains('27001') && c.days_left > 0)").len(), 3);
    assert_eq!(reads("datasets.map(d, d.exposure_seconds).all(s, s < 10)")[1], "datasets[].exposure_seconds");
}

#[test]
fn what_is_no_fact_is_refused_and_the_nearest_is_named() {
    let near = |text: &str| match refused(text) {
        ExpressionError::UnknownFact { name, near } => (name, near),
        other => panic!("{text}: {other}"),
    };
    assert_eq!(near("dataset.all(d, true)"), ("dataset".into(), Some("datasets".into())));
    assert_eq!(near("datasets.all(d, d.aproved)"), ("datasets[].aproved".into(), Some("approved".into())));
    assert_eq!(near("audits.data_center.days > 1").1.unwrap(), "data_centre");
    assert_eq!(near("drc.site.name == 'x'"), ("drc.site.name".into(), None));
    assert_eq!(near("has(drc.nowhere)").0, "drc.nowhere");
    // A variable lives no longer than its loop.
    assert_eq!(near("datasets.all(d, d.approved) && d.fresh").0, "d");
}

#[test]
fn nothing_but_facts_operators_and_a_few_functions() {
    for text in
        ["timestamp('2026-01-01') == timestamp('2026-01-02')", "'a'.matches('a')", "datasets.sort()", "dyn(1) == 1"]
    {
        assert!(matches!(refused(text), ExpressionError::Call(_)), "{text}: {}", refused(text));
    }
    for text in ["1.5 > 1.0", "null == null", "{'a': 1}.a == 1", "b'x' == b'x'", "1u == 1u", "[] == []"] {
        assert!(matches!(refused(text), ExpressionError::NotHere(_)), "{text}: {}", refused(text));
    }
    for text in ["coverage.percent", "'met'", "attested"] {
        assert!(matches!(refused(text), ExpressionError::NoAnswer(_)), "{text}");
    }
    for text in [
        "coverage.percent == 'all'",
        "coverage.percent && true",
        "drc.site > 1",
        "1 in attested",
        "opds in attested",
        "datasets.all(d, d.opd)",
        "size(1) > 0",
        "!coverage.percent",
        "true ? 1 : 'a'",
    ] {
        let error = refused(text);
        assert!(matches!(error, ExpressionError::WrongType { .. } | ExpressionError::NotHere(_)), "{text}: {error}");
    }
    // What is written out is gone over by nobody: only what the facts have.
    assert!(matches!(refused("[1, 2].all(x, x > 0)"), ExpressionError::NoList(_)));
    assert!(matches!(refused("coverage.all(x, true)"), ExpressionError::NoList(_)));
    assert!(matches!(refused("datasets.all(opds, true)"), ExpressionError::NotHere(_)));
    assert!(matches!(refused("datasets.all(d, opds.all(d, true))"), ExpressionError::NotHere(_)));
    for text in ["datasets.all(d", "1 +", "'open", "datasets.all(d, true))", "a b", "@", "drc..site == ''"] {
        assert!(matches!(refused(text), ExpressionError::Syntax(_)), "{text}: {}", refused(text));
    }
}

#[test]
fn size_and_nesting_are_bounded_before_anything_is_parsed() {
    assert_eq!(refused("  "), ExpressionError::Empty);
    assert_eq!(refused(&"(".repeat(2_000_000)), ExpressionError::TooLong);
    assert_eq!(refused(&"(".repeat(1000)), ExpressionError::TooDeep);
    assert_eq!(refused(&format!("{}true{}", "(".repeat(25), ")".repeat(25))), ExpressionError::TooDeep);
    assert!(Expression::parse(&format!("{}true{}", "(".repeat(20), ")".repeat(20))).is_ok());
    assert_eq!(refused(&"true ? ".repeat(30)), ExpressionError::TooDeep);
    let sum = vec!["1"; 200].join(" + ");
    assert_eq!(refused(&format!("{sum} > 0")), ExpressionError::TooDeep);
    // The parser takes signs in a row for one, as the language does.
    assert_eq!(reads(&format!("{}(coverage.percent == 100)", "!".repeat(900))), ["coverage.percent"]);
    let loops = |count: usize| (0..count).fold("true".to_owned(), |inner, at| format!("datasets.all(v{at}, {inner})"));
    assert!(Expression::parse(&loops(3)).is_ok());
    assert_eq!(refused(&loops(4)), ExpressionError::TooDeep);
    // Many clauses beside each other are no depth.
    let many = vec!["coverage.percent == 100"; 30].join(" && ");
    assert!(Expression::parse(&many).is_ok(), "{}", refused(&many));
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_or_refused(text in "[a-z0-9.()\\[\\]{}!?:&|<>=+*/ '\",_-]{0,200}") {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn whatever_is_made_of_parts_is_read_or_refused(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "datasets", "opds", ".all(", ".exists(", ".map(", ".filter(", "d, ", "o, ", "d.fresh", "o.covered", ")", "(",
                " && ", " || ", "!", "has(", "size(", "drc.distance_km", " >= ", "1", "'x'", " in ", "attested", "[", "]", ",", " ? ", " : ",
            ]),
            0..40,
        )
    ) {
        let _ = Expression::parse(&parts.concat());
    }
}

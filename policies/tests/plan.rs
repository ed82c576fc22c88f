//! Recovery plans: what one says, the order it gives, and everything that is wrong told at once.

use std::path::Path;

use pulih_policies::{Plan, When};

const GOOD: &str = include_str!("plan/kabupaten.toml");

fn refused(text: &str) -> Vec<(String, usize, &'static str)> {
    let refused = Plan::parse("plan.toml", text.as_bytes()).unwrap_err();
    refused.problems.iter().map(|its| (its.field.clone(), its.line, its.kind.code())).collect()
}

#[test]
fn a_plan_says_who_does_what_in_which_order() {
    let plan = Plan::parse("plan.toml", GOOD.as_bytes()).unwrap();
    let order: Vec<&str> = plan.order().iter().map(|(name, _)| name.as_str()).collect();
    // By tier; within it by name, but after what each needs.
    assert_eq!(order, ["direktori", "alur-data", "rekam-medis", "arsip"]);
    let its = &plan.services["rekam-medis"];
    assert_eq!((its.tier, its.datasets.len(), its.rto.unwrap().seconds()), (2, 2, 4 * 3600));
    assert_eq!((its.steps[0].name.as_str(), its.steps[0].when), ("arahkan-dns", When::After));
    assert_eq!(plan.people[&its.responsible].contact, "0812-3456-7890");
}

#[test]
fn what_is_wrong_names_its_line_and_field() {
    let line = |needle: &str| GOOD.lines().position(|line| line.contains(needle)).unwrap() + 1;
    let change = |from: &str, to: &str| refused(&GOOD.replacen(from, to, 1));
    let at = line("after = [\"direktori\"]");
    assert_eq!(
        change("after = [\"direktori\"]", "after = [\"dns\"]"),
        [("service.alur-data.after".into(), at, "no-such")]
    );
    assert_eq!(
        change("after = [\"direktori\"]", "after = [\"arsip\"]"),
        [("service.alur-data.after".into(), at, "later-tier")]
    );
    let responsible = line("responsible = \"siti\"");
    let found = change("responsible = \"siti\"", "responsible = \"nobody\"");
    assert_eq!(found, [("service.direktori.responsible".into(), responsible, "no-such")]);
    assert_eq!(change("when = \"after\"", "when = \"later\"")[0].2, "when");
    assert_eq!(change("tier = 1", "tier = 12")[0].2, "number");
    assert_eq!(change("pulih/plan/v1", "pulih/policy/v1")[0].2, "type");
    assert_eq!(change("contact = \"0812-3456-7890\"", "contact = \" \"")[0].2, "text");
    assert_eq!(change("dataset = \"berkas\"", "dataset = \"basis-data\"")[0].2, "twice");
    assert_eq!(change("after = [\"direktori\", \"alur-data\"]", "befor = []")[0].2, "unknown-field");
    assert_eq!(change("rto = \"4h\"", "rto = \"soon\"")[0].2, "quantity");
    let two = GOOD.replacen("tier = 1", "tier = 12", 1).replacen("when = \"after\"", "when = \"later\"", 1);
    assert_eq!(refused(&two).len(), 2, "both are told");
}

#[test]
fn a_circle_is_an_error_that_names_it() {
    let text = GOOD.replacen("tier = 1\nresponsible", "tier = 1\nafter = [\"alur-data\"]\nresponsible", 1);
    let refused = Plan::parse("plan.toml", text.as_bytes()).unwrap_err();
    let said = refused.to_string();
    assert_eq!(refused.problems.len(), 1, "{said}");
    let circle = ["alur-data -> direktori -> alur-data", "direktori -> alur-data -> direktori"];
    assert!(said.contains("is no recovery plan") && circle.iter().any(|its| said.contains(its)), "{said}");
}

#[test]
fn the_page_has_the_plan_of_the_test_and_every_code() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contracts/plan.md");
    let page = std::fs::read_to_string(page).unwrap();
    let example: String =
        GOOD.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") }).collect();
    assert!(page.contains(&example), "the example on the page is the one that is tested");
    for code in ["type", "text", "no-such", "cycle", "later-tier", "twice", "nothing", "when"] {
        assert!(page.contains(&format!("| `{code}` |")), "{code}");
    }
}

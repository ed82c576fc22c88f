use super::*;

#[test]
fn each_pack_that_comes_with_pulih_holds_against_its_text_the_facts_and_the_ledger() {
    for its in PACKED {
        let regulation = its.read().unwrap_or_else(|refused| panic!("{refused}"));
        assert_eq!(regulation.name.as_str(), its.name);
    }
}

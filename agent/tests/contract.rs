//! The page of agent.toml and its reader are one thing.

use std::collections::BTreeSet;

use pulih_agent::config::{Config, MAX_DATASETS, MAX_LIST};

const PAGE: &str = include_str!("../../docs/contracts/agent.md");

fn parse(text: &str) -> Result<Config, String> {
    Config::parse("agent.toml".as_ref(), text).map_err(|error| error.to_string())
}

/// Field, example and whether it is needed, by the page.
fn fields() -> Vec<(String, String, bool)> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let plain = |cell: &str| cell.trim_matches('`').to_owned();
    rows.map(|cells| (plain(cells[1]), plain(cells[2]), cells[3] == "yes")).collect()
}

fn table(fields: &[(String, String, bool)]) -> String {
    let lines = fields.iter().map(|(field, example, _)| format!("{field} = {example}\n"));
    format!("[dataset.letters]\n{}", lines.collect::<String>())
}

#[test]
fn every_field_of_the_page_is_read_and_no_other() {
    let fields = fields();
    assert_eq!(parse(&table(&fields)).unwrap().datasets.len(), 1);
    let refused = parse(&format!("{}colour = 1\n", table(&fields))).unwrap_err();
    let (_, known) = refused.split_once("expected one of ").unwrap();
    let known: BTreeSet<_> = known.lines().next().unwrap().split(", ").map(|name| name.trim_matches('`')).collect();
    assert_eq!(known, fields.iter().map(|(field, _, _)| &**field).collect());
}

#[test]
fn what_is_needed_is_needed_and_nothing_else() {
    let fields = fields();
    for missing in &fields {
        let rest: Vec<_> = fields.iter().filter(|field| *field != missing).cloned().collect();
        assert_eq!(parse(&table(&rest)).is_err(), missing.2, "{}", missing.0);
    }
}

#[test]
fn bounds_are_those_of_the_page() {
    use pulih_agent::rewrite::{DEFAULT_BYTES, LEAST_BYTES, MOST_BYTES};
    assert!(PAGE.contains("from 1MiB to 1TiB, or `\"0\"` for none\n(default: 1GiB;"));
    for (text, bytes) in [("1GiB", DEFAULT_BYTES), ("1MiB", LEAST_BYTES), ("1TiB", MOST_BYTES), ("0", 0)] {
        assert_eq!(parse(&format!("rewrite = \"{text}\"")).unwrap().rewrite.bytes(), bytes);
    }
    assert!(PAGE.contains(&format!("Up to {MAX_DATASETS} tables")));
    assert_eq!(PAGE.matches(&format!("to {MAX_LIST}")).count(), 2);
    let dataset = |n: usize| format!("[dataset.d{n}]\nclass = \"publik\"\npaths = [\"/srv\"]\n");
    let many = |count| parse(&(0..count).map(dataset).collect::<String>());
    assert!(many(MAX_DATASETS).is_ok() && many(MAX_DATASETS + 1).is_err());
    let paths = |count| parse(&format!("[dataset.d]\nclass = \"publik\"\npaths = [{}]", "\"/srv\",".repeat(count)));
    assert!(paths(MAX_LIST).is_ok() && paths(MAX_LIST + 1).is_err() && paths(0).is_err());
}

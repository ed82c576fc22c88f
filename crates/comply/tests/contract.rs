//! `docs/contracts/facts.md` and the schema of facts are the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/contracts/facts.md")).unwrap()
}

/// The facts of a cell: what begins with a dot goes on from the one before; `….` stands for each that was listed there.
fn named(cell: &str, rows: &BTreeMap<String, String>) -> Vec<String> {
    let mut before = String::new();
    let mut all = Vec::new();
    for name in cell.split('`').skip(1).step_by(2) {
        let whole = match name.strip_prefix('.') {
            Some(rest) => format!("{before}.{rest}"),
            None => name.to_owned(),
        };
        before = whole.rsplit_once('.').map_or(String::new(), |(before, _)| before.to_owned());
        match whole.split_once("….") {
            Some((of, rest)) => {
                let group = rows.keys().filter(|known| known.starts_with(of) && !known[of.len()..].contains('.'));
                all.extend(group.map(|known| format!("{known}.{rest}")));
            }
            None => all.push(whole),
        }
    }
    all
}

#[test]
fn each_fact_of_the_page_is_one_of_the_schema_and_of_its_kind() {
    let page = page();
    let mut rows: BTreeMap<String, String> = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let kind = if cells[2].starts_with("list of texts") { "texts" } else { cells[2] };
        for name in named(cells[1], &rows) {
            assert!(rows.insert(name.clone(), kind.to_owned()).is_none(), "{name} stands there twice");
        }
    }
    // Objects and lists are named by what is in them.
    let told: BTreeSet<(String, String)> =
        rows.into_iter().filter(|(_, kind)| !["object", "list"].contains(&kind.as_str())).collect();
    let known: BTreeSet<(String, String)> =
        pulih_comply::paths().into_iter().map(|(path, kind)| (path, kind.to_owned())).collect();
    let only = |a: &BTreeSet<_>, b: &BTreeSet<_>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!((only(&told, &known), only(&known, &told)), (Vec::new(), Vec::new()));
}

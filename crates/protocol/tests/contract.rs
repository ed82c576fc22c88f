//! The page of the gateway's contract and the types are one thing.

use pulih_protocol::error::Code;
use pulih_protocol::path;

const PAGE: &str = include_str!("../../../docs/contracts/gateway.md");

#[test]
fn every_path_is_on_the_page_and_no_other() {
    for (method, path, certificate) in path::ALL {
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{method} {path}")));
        let row = row.unwrap_or_else(|| panic!("{method} {path} is not on the page"));
        let said = row.split('|').nth(2).map(str::trim);
        assert_eq!(said, Some(if certificate { "yes" } else { "no" }), "{row}");
    }
    let rows = PAGE.lines().filter(|line| line.contains("/v1/") && line.starts_with("| `")).count();
    assert_eq!(rows, path::ALL.len());
}

#[test]
fn every_code_is_on_the_page_with_its_status() {
    for code in Code::ALL {
        let name = serde_json::to_value(code).unwrap();
        let row = format!("| `{}` | {} |", name.as_str().unwrap(), code.http_status());
        assert!(PAGE.contains(&row), "{row}");
    }
    let rows = PAGE.lines().filter(|line| {
        line.starts_with("| `") && line.split('|').nth(2).is_some_and(|cell| cell.trim().parse::<u16>().is_ok())
    });
    assert_eq!(rows.count(), Code::ALL.len());
}

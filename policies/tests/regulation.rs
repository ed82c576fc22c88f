//! Regulation packs: what one says, and everything that is wrong told at once.

use std::path::Path;

use proptest::prelude::*;
use pulih_policies::{Against, ClauseKind, Refused, Regulation};

const GOOD: &str = include_str!("regulation/uji.toml");
const TEXT: &str =
    "Pasal 1\n- (1) Bahwa *setiap\n  data* pemerintah wajib\ndicadangkan.\n\nPasal 2\nperaturan ini berlaku\n";
const HASH: &str = "1111111111111111111111111111111111111111111111111111111111111111";

fn parse(pack: &str, text: Option<(&str, &str)>) -> Result<Regulation, Refused> {
    let expression = |text: &str| if text == "true" { Ok(()) } else { Err(format!("it is {text}")) };
    let is_entry_kind = |kind: &str| kind == "snapshot-accepted";
    let against = Against { text, expression: &expression, is_entry_kind: &is_entry_kind };
    Regulation::parse("uji.toml", pack.as_bytes(), &against)
}

fn refused(pack: &str) -> Vec<(String, usize, &'static str)> {
    let refused = parse(pack, Some((TEXT, HASH))).unwrap_err();
    refused.problems.iter().map(|its| (its.field.clone(), its.line, its.kind.code())).collect()
}

#[test]
fn a_pack_says_what_a_clause_asks_and_keeps_its_words_and_our_reading_apart() {
    let its = parse(GOOD, Some((TEXT, HASH))).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!((its.name.as_str(), its.version, its.regency.as_str()), ("uji-1-2026", 2, "33.19"));
    let clause = its.clause("1").unwrap();
    assert_eq!((clause.kind, clause.words.id.as_str()), (ClauseKind::Both, "setiap data … wajib dicadangkan"));
    assert_eq!(clause.reading.as_ref().unwrap().id, "Ada titik pemulihan yang segar.");
    assert_eq!(clause.attest.iter().map(|its| its.is_needed).collect::<Vec<_>>(), [true, false]);
    assert_eq!(clause.applies.as_ref().unwrap().otherwise.en, "there is no data");
    assert_eq!(its.clause("2").unwrap().kind, ClauseKind::Informative);
    assert!(its.clause("3").is_none());
    // Without the text its words are believed.
    assert_eq!(parse(GOOD, None).unwrap(), its);
}

#[test]
fn what_is_wrong_names_its_line_and_field() {
    let line = |needle: &str| GOOD.lines().position(|line| line.contains(needle)).unwrap() + 1;
    let change = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        refused(&GOOD.replacen(from, to, 1))
    };
    let one = |field: &str, needle: &str, code| vec![(field.to_owned(), line(needle), code)];
    assert_eq!(change("regulation/v1", "regulation/v2"), one("type", "type", "type"));
    assert_eq!(change("33.19", "3319"), one("regency", "regency", "regency"));
    assert_eq!(change(HASH, "AB"), one("text_sha256", "text_sha256", "hash"));
    assert_eq!(change(HASH, &HASH.replace('1', "2")), one("text_sha256", "text_sha256", "text-hash"));
    assert_eq!(change("\"both\"", "\"all\""), one("clause.kind", "\"both\"", "clause-kind"));
    assert_eq!(change("setiap data", "Setiap data"), one("clause.words", "setiap data", "words"));
    assert_eq!(change("… wajib dicadangkan", "wajib dicadangkan"), one("clause.words", "setiap data", "words"));
    assert_eq!(change("pass = \"true\"", "pass = \"datasets\""), one("clause.pass", "pass", "expression"));
    assert_eq!(change("snapshot-accepted", "snapshot-taken"), one("clause.entries", "entries", "entry-kind"));
    assert_eq!(change("id = \"2\"", "id = \"1\""), one("clause.id", "id = \"2\"", "twice"));
    assert_eq!(change("item = \"lain\"", "item = \"sop\"")[0].2, "twice");
    assert_eq!(change("title = \"Peraturan Uji\"", "title = \" \"")[0].2, "text");
    assert_eq!(change("title = \"Peraturan Uji\"", "title = \"a\\u0007\"")[0].2, "text");
    assert_eq!(change("title = \"Peraturan Uji\"", &format!("title = \"{}\"", "x".repeat(4097)))[0].2, "text");
    assert_eq!(change("title_en = \"Test Regulation\"\n", "")[0].2, "missing");
    assert_eq!(change("remedy_en = \"Back it up.\"\n", "")[0].2, "beside");
    assert_eq!(
        change("not_applicable = \"tidak ada data\"\nnot_applicable_en = \"there is no data\"\n", "")[0].2,
        "beside"
    );
    assert_eq!(change("applies = \"true\"\n", "")[0].2, "beside");
    assert_eq!(change("pass = \"true\"\n", "")[0].2, "beside");
    assert_eq!(
        change("\"informative\"", "\"manual\"").iter().map(|its| its.2).collect::<Vec<_>>(),
        ["beside", "beside"]
    );
    assert_eq!(change("\"both\"", "\"informative\"").len(), 4, "pass, attest, remedy and applies are told");
    let unread = GOOD.replacen("reading = \"\"\"\\\nAda titik pemulihan \\\nyang segar.\"\"\"\nreading_en = \"There is a fresh recovery point.\"\n", "", 1);
    assert_ne!(unread, GOOD);
    assert_eq!(refused(&unread)[0].2, "beside");
    assert_eq!(change("kind = \"both\"", "kinds = \"both\"")[0].2, "missing");
}

#[test]
fn a_key_that_no_policy_may_have_is_unknown_in_a_pack_too() {
    // In a policy it is told as forbidden; everywhere else it would have been passed over in silence.
    for key in ["script", "recipients", "run", "env", "token"] {
        let pack = format!("{key} = \"x\"\n{GOOD}");
        assert_eq!(refused(&pack), [(key.to_owned(), 1, "unknown-field")], "{key}");
    }
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_or_refused(text in "\\PC{0,300}", at in 0..GOOD.len()) {
        let _ = parse(&text, Some((TEXT, HASH)));
        if GOOD.is_char_boundary(at) {
            let _ = parse(&format!("{}{text}{}", &GOOD[..at], &GOOD[at..]), Some((TEXT, HASH)));
        }
    }
}

#[test]
fn each_code_stands_in_the_contract() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contracts/regulation.md");
    let page = std::fs::read_to_string(page).unwrap();
    for code in [
        "type",
        "twice",
        "text",
        "words",
        "text-hash",
        "regency",
        "clause-kind",
        "beside",
        "expression",
        "entry-kind",
        "hash",
    ] {
        assert!(page.contains(&format!("| `{code}` |")), "{code}");
    }
}

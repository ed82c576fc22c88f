//! The scan takes exactly what the reader of entries takes, and finds the envelope in it.

use proptest::prelude::*;
use pulih_ledger::canonical::{self, MAX_NUMBER};
use pulih_ledger::entry::{Body, Kind};
use pulih_ledger::scan::{Scanned, scan, scan_fields};
use serde_json::{Map, Value, json};

/// How deep an entry may be nested.
const MAX_DEPTH: usize = 32;

#[test]
fn the_envelope_is_found() {
    let bytes = br#"{"act":"x","actor":{"type":"site"},"at":"2026-11-22T01:23:45Z","inner":{"type":"no"},"site":"pusat","type":"pulih/ledger/alarm/v1"}"#;
    let found = scan(bytes).unwrap();
    assert_eq!(found.kind, Some("pulih/ledger/alarm/v1"));
    assert_eq!((found.at, found.site), (Some("2026-11-22T01:23:45Z"), Some("pusat")));
    assert_eq!((found.actor, found.has_act), (Some(r#"{"type":"site"}"#), true));
    let found = scan(br#"{"at":5,"type":null}"#).unwrap();
    assert_eq!(found, Scanned::default());
}

fn same(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert_eq!(scan(bytes).is_ok(), canonical::decode(bytes).is_ok(), "{text}");
}

#[test]
fn edges_of_the_format_are_where_they_are_for_the_reader() {
    let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
    let objects = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
    for n in [1, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 127, 128, 5_000] {
        same(deep(n).as_bytes());
        same(objects(n).as_bytes());
    }
    for value in [
        "0",
        "-0",
        "-1",
        "01",
        "1.0",
        "1e2",
        "-",
        "",
        "+1",
        "9007199254740991",
        "-9007199254740991",
        "9007199254740992",
        "10007199254740991",
        "99999999999999999999",
        "18446744073709551616",
        "true",
        "tru",
        "nul",
        "null",
        "false",
        "\"\\u001f\"",
        "\"\\u001F\"",
        "\"\\u000a\"",
        "\"\\u0008\"",
        "\"\\b\\f\\n\\r\\t\"",
        "\"\\/\"",
        "\"\\u0041\"",
        "\"\\ud800\"",
        "\"\u{7f}\"",
        "\"\u{1}\"",
        "\"\\\"",
        "\"\\",
        "\"\u{ffff}\u{10000}\"",
        "[]",
        "[1,]",
        "[,1]",
        "[1 ]",
        "[1,2]",
        "{}",
        "{\"a\":1,}",
        "{\"a\":1,\"a\":1}",
        "{\"b\":1,\"a\":1}",
        "{\"\":1,\"a\":1}",
        "{\"\u{ffff}\":1,\"\u{10000}\":1}",
        "{\"\u{10000}\":1,\"\u{ffff}\":1}",
        "{\"\\n\":1,\"\\r\":1}",
        "{\"\\r\":1,\"\\n\":1}",
        "{\"!\":1,\"\\\"\":1,\"#\":1}",
        "{\"\\\\\":1,\"a\":1}",
        "{\"\\\\\":1,\"[\":1}",
        "{\"[\":1,\"\\\\\":1}",
        "{\"a\":1,\"a\\u0000\":1}",
        "{\"a\\u0000\":1,\"a\":1}",
    ] {
        same(format!("{{\"a\":{value}}}").as_bytes());
        same(value.as_bytes());
    }
    for other in ["{} ", " {}", "{}{}", "{\"a\"}", "{\"a\":}", "{a:1}", "\u{feff}{}"] {
        same(other.as_bytes());
    }
    same(b"{\"a\":\"\xff\"}");
    same(b"{\"a\":\"\xed\xa0\x80\"}");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-(MAX_NUMBER as i64)..=MAX_NUMBER as i64).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_the_reader_takes_is_taken_and_nothing_else(
        value in value(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut object = Map::new();
        object.insert("value".into(), value);
        // As the library writes it: in another order here and there, or with numbers that are too large.
        let mut bytes = serde_json::to_vec(&object).unwrap();
        prop_assert_eq!(scan(&bytes).is_ok(), canonical::decode(&bytes).is_ok());
        if let Ok(canonical) = canonical::encode(&object) {
            prop_assert!(scan(&canonical).is_ok());
            bytes = canonical;
        }
        // And with one byte put in, taken out, or in the place of another.
        let at = at.index(bytes.len());
        for kind in 0..3 {
            let mut changed = bytes.clone();
            match kind {
                0 => changed[at] = byte,
                1 => changed.insert(at, byte),
                _ => drop(changed.remove(at)),
            }
            prop_assert_eq!(scan(&changed).is_ok(), canonical::decode(&changed).is_ok());
        }
    }

    #[test]
    fn any_bytes_are_scanned_as_they_are_read(text in "[{}\\[\\]\",:0-9a\\\\un\\- .e]{0,40}") {
        let bytes = format!("{{\"a\":{text}}}");
        prop_assert_eq!(scan(bytes.as_bytes()).is_ok(), canonical::decode(bytes.as_bytes()).is_ok());
    }
}

/// A point, with some fields changed, exchanged or left out.
fn points() -> impl Strategy<Value = (Kind, Map<String, Value>)> {
    let hash = "0123456789abcdef".repeat(4);
    let texts = vec![
        json!("2026-11-22T01:23:45Z"),
        json!("2026-02-30T01:23:45Z"),
        json!("surat"),
        json!("a\\\"b"),
        json!(""),
        json!(format!("0000000007-{hash}")),
        json!(&hash[..32]),
        json!(7),
        json!(-7),
        json!(true),
        json!(null),
        json!([]),
        json!(["hour"]),
        json!(["a,b", "\"", "\\"]),
        json!([5]),
        json!([["hour"]]),
        json!({}),
    ];
    let names = [
        "vault",
        "dataset",
        "manifest",
        "captured",
        "stored_bytes",
        "tiers",
        "from",
        "accepted",
        "keep_until",
        "partial",
        "late",
        "provisional",
        "more",
    ];
    let change = (prop::sample::select(names.to_vec()), prop::option::of(prop::sample::select(texts)));
    let kinds = vec![Kind::SnapshotAccepted, Kind::SnapshotReplicated, Kind::Alarm];
    (prop::sample::select(kinds), prop::collection::vec(change, 0..4)).prop_map(move |(kind, changes)| {
        let point = json!({"vault": &hash[..32], "dataset": "surat", "manifest": format!("0000000007-{hash}"),
            "captured": "2026-11-22T01:23:45Z", "stored_bytes": 7, "tiers": ["hour", "day"], "from": "pusat",
            "accepted": "2026-11-22T01:23:45Z", "type": kind.to_type()});
        let Value::Object(mut point) = point else { unreachable!() };
        for (name, value) in changes {
            match value {
                Some(value) => drop(point.insert(name.to_owned(), value)),
                None => drop(point.remove(name)),
            }
        }
        (kind, point)
    })
}

proptest! {
    #[test]
    fn a_scanned_point_is_checked_as_a_parsed_one_is((kind, point) in points()) {
        let bytes = canonical::encode(&point).unwrap();
        let (_, fields) = scan_fields(&bytes).unwrap();
        prop_assert_eq!(Body::check_scanned(kind, &fields, &bytes), Body::check(kind, &bytes));
    }
}

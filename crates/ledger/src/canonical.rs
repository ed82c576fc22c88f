//! Canonical JSON (RFC 8785) without fractions: one value, one sequence of bytes. So a hash or a
//! signature over it can be checked by whoever has the value, in any language.

use pulih_vault::error::Malformed;
use serde_json::{Map, Value};

/// Largest number, either way: what every JSON reader keeps exactly (RFC 8785, 3.2.2.3).
pub const MAX_NUMBER: u64 = (1 << 53) - 1;
/// How deep values may be nested: far more than an entry is, and no reader's stack is in danger.
pub(crate) const MAX_DEPTH: usize = 32;
const WHAT: &str = "canonical JSON";

fn bad(why: impl Into<String>) -> Malformed {
    Malformed::new(WHAT, why)
}

/// The one text of an object.
pub fn encode(object: &Map<String, Value>) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::new();
    put_object(object, 0, &mut out)?;
    Ok(out)
}

/// Reads an object, if `bytes` are its one text: no name twice, no other order, no space.
pub fn decode(bytes: &[u8]) -> Result<Map<String, Value>, Malformed> {
    let object: Map<String, Value> = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
    if encode(&object)? == bytes {
        Ok(object)
    } else {
        Err(bad("its fields are not sorted, or it is written in another way than RFC 8785 says"))
    }
}

fn put_value(value: &Value, depth: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => {
            let size = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            if size.is_none_or(|size| size > MAX_NUMBER) {
                return Err(bad(format!("{number} is not a whole number below 2^53")));
            }
            out.extend_from_slice(number.to_string().as_bytes());
        }
        Value::String(text) => put_string(text, out)?,
        Value::Array(values) => {
            check_depth(depth)?;
            out.push(b'[');
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                put_value(value, depth + 1, out)?;
            }
            out.push(b']');
        }
        Value::Object(object) => put_object(object, depth, out)?,
    }
    Ok(())
}

fn put_object(object: &Map<String, Value>, depth: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    check_depth(depth)?;
    let mut fields: Vec<_> = object.iter().collect();
    // By UTF-16 code units, as RFC 8785 sorts: not the order of UTF-8 beyond U+FFFF.
    fields.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    out.push(b'{');
    for (i, (name, value)) in fields.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        put_string(name, out)?;
        out.push(b':');
        put_value(value, depth + 1, out)?;
    }
    out.push(b'}');
    Ok(())
}

/// `serde_json` escapes exactly what RFC 8785 does, and in the same way.
fn put_string(text: &str, out: &mut Vec<u8>) -> Result<(), Malformed> {
    serde_json::to_writer(out, text).map_err(|error| bad(error.to_string()))
}

fn check_depth(depth: usize) -> Result<(), Malformed> {
    if depth < MAX_DEPTH { Ok(()) } else { Err(bad(format!("it is nested more than {MAX_DEPTH} deep"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn text(value: &Value) -> String {
        String::from_utf8(encode(value.as_object().unwrap()).unwrap()).unwrap()
    }

    #[test]
    fn names_sort_as_rfc_8785_says() {
        // The example of RFC 8785, 3.2.3.
        let value = json!({
            "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control",
            "\u{f6}": "Latin Small Letter O With Diaeresis"
        });
        let order = ["Carriage Return", "One", "Control", "Latin Small", "Euro Sign", "Emoji", "Hebrew"];
        let text = text(&value);
        let places: Vec<_> = order.iter().map(|name| text.find(name).unwrap()).collect();
        assert!(places.is_sorted(), "{text}");
    }

    #[test]
    fn strings_are_written_as_rfc_8785_says() {
        // The example of RFC 8785, 3.2.2.2.
        let value = json!({"string": "\u{20ac}$\u{f}\nA'B\"\\\\\"/", "literals": [null, true, false], "n": -7});
        assert_eq!(
            text(&value),
            "{\"literals\":[null,true,false],\"n\":-7,\"string\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
        );
    }

    #[test]
    fn what_is_not_canonical_is_refused() {
        for bad in [
            "",
            "1",
            "[]",
            "null",
            "{",
            "{} ",
            " {}",
            "{ }",
            "{\"b\":1,\"a\":1}",
            "{\"a\":1,\"a\":1}",
            "{\"a\":1.0}",
            "{\"a\":1e2}",
            "{\"a\":-0}",
            "{\"a\":01}",
            "{\"a\":9007199254740992}",
            "{\"a\":\"\\u0041\"}",
            "{\"a\":\"\\/\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\u000F\"}",
        ] {
            assert!(decode(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(decode(deep(MAX_DEPTH - 1).as_bytes()).is_ok());
        assert!(decode(deep(MAX_DEPTH).as_bytes()).is_err());
        assert!(decode(deep(30_000).as_bytes()).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
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
        fn objects_come_back(value in value()) {
            let mut object = Map::new();
            object.insert("value".into(), value);
            let bytes = encode(&object).unwrap();
            prop_assert_eq!(decode(&bytes).unwrap(), object);
        }
    }
}

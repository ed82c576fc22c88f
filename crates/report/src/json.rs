//! The data of a report as canonical JSON (RFC 8785), and its hash, which stands on each page.

use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::error::ReportError;
use crate::report::Report;

/// 2^53 - 1, as RFC 8785 has it.
const LARGEST: u64 = (1 << 53) - 1;

impl Report {
    /// As a value: its fields, and `type`.
    pub(crate) fn value(&self) -> Result<Value, ReportError> {
        let mut value = serde_json::to_value(self)?;
        bounded(&value, "")?;
        if let Value::Object(fields) = &mut value {
            fields.insert("type".to_owned(), self.kind().type_name().into());
        }
        Ok(value)
    }

    /// Canonical: names in order, no white space. There are whole numbers alone in it, and names of ASCII, so that
    /// what `serde_json` writes of sorted fields is what RFC 8785 asks for.
    pub fn to_json(&self) -> Result<String, ReportError> {
        let mut text = String::new();
        write(&self.value()?, &mut text)?;
        Ok(text)
    }
}

/// Refuses a figure that readers of JSON would round; `path` is for people.
fn bounded(value: &Value, path: &str) -> Result<(), ReportError> {
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(name, its)| bounded(its, &format!("{path}.{name}"))),
        Value::Array(all) => all.iter().enumerate().try_for_each(|(i, its)| bounded(its, &format!("{path}.{}", i + 1))),
        Value::Number(its) => match its.as_i64() {
            Some(its) if its.unsigned_abs() <= LARGEST => Ok(()),
            _ => Err(ReportError::Figure(path.trim_start_matches('.').to_owned())),
        },
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
    }
}

/// Sorted here and not left to the map, which keeps the order of insertion where a feature of another crate says so.
fn write(value: &Value, out: &mut String) -> Result<(), ReportError> {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (i, (name, its)) in fields.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(name)?);
                out.push(':');
                write(its, out)?;
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, its) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(its, out)?;
            }
            out.push(']');
        }
        other => out.push_str(&serde_json::to_string(other)?),
    }
    Ok(())
}

/// In lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |of: u8| char::from(DIGITS[usize::from(of)]);
    digest(&SHA256, bytes).as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

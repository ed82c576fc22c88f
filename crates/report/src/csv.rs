//! The data of a report as CSV (RFC 4180): a line for each value, with the path to it, so that nothing is left out
//! and no list needs a file of its own.

use pulih_terminal::{csv_cell, csv_text};
use serde_json::Value;

use crate::error::ReportError;
use crate::report::Report;

impl Report {
    /// `part,row,field,value`: the part of the report, which of its rows (from 1; empty where it is none), the field
    /// within it, and its value. An empty value: absent. An empty list has no line.
    pub fn to_csv(&self) -> Result<String, ReportError> {
        let mut out = String::from("part,row,field,value\r\n");
        if let Value::Object(parts) = self.value()? {
            let mut parts: Vec<_> = parts.into_iter().collect();
            parts.sort_by(|(a, _), (b, _)| a.cmp(b));
            for (part, value) in &parts {
                match value {
                    Value::Array(rows) => {
                        for (i, row) in rows.iter().enumerate() {
                            fields(row, &mut |field, value| line(&mut out, part, &(i + 1).to_string(), field, value));
                        }
                    }
                    other => fields(other, &mut |field, value| line(&mut out, part, "", field, value)),
                }
            }
        }
        Ok(out)
    }
}

/// Each value below, with its path: `phases.fetch`, `clauses.3.why.id`.
fn fields(value: &Value, say: &mut impl FnMut(&str, &str)) {
    fn below(path: &str, value: &Value, say: &mut impl FnMut(&str, &str)) {
        let at = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match value {
            Value::Object(its) => {
                let mut its: Vec<_> = its.iter().collect();
                its.sort_by_key(|(name, _)| *name);
                its.into_iter().for_each(|(name, value)| below(&at(name), value, say));
            }
            Value::Array(its) => {
                its.iter().enumerate().for_each(|(i, value)| below(&at(&(i + 1).to_string()), value, say));
            }
            Value::Null => say(path, ""),
            Value::Bool(its) => say(path, if *its { "true" } else { "false" }),
            Value::Number(its) => say(path, &its.to_string()),
            Value::String(its) => say(path, &csv_text(its)),
        }
    }
    below("", value, say);
}

fn line(out: &mut String, part: &str, row: &str, field: &str, value: &str) {
    for (i, cell) in [part, row, field, value].into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&csv_cell(cell));
    }
    out.push_str("\r\n");
}

//! How what is in the data is said on a page.

use serde_json::Value;

use crate::Utc;

/// Codes that labels stand for, and the language that is not shown.
const NOT_SHOWN: [&str; 11] =
    ["type", "kind", "what", "outcome", "role", "duty", "source", "opinion", "verdict", "en", "remedy"];

pub fn every_text(value: &Value, name: &str, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let code = NOT_SHOWN.contains(&name) || (name == "place" && ["pusat", "drc"].contains(&text.as_str()));
            if !code && Utc::read(text).is_err() {
                found.push(text.clone());
            }
        }
        Value::Array(all) => all.iter().for_each(|its| every_text(its, name, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, its)| every_text(its, name, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whole numbers in groups of three, as in Indonesian.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('.');
        }
        out.push(digit);
    }
    out
}

fn timed(seconds: u64) -> String {
    let days = if seconds >= 86_400 { format!("{}hari", grouped(seconds / 86_400)) } else { String::new() };
    format!("{days}{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60)
}

fn target(seconds: u64) -> String {
    match seconds {
        s if s > 86_400 && s.is_multiple_of(86_400) => format!("{}hari", s / 86_400),
        s if s.is_multiple_of(3600) => format!("{}jam", s / 3600),
        s if s.is_multiple_of(60) => format!("{}mnt", s / 60),
        s => format!("{s}dtk"),
    }
}

fn rate(bits: u64) -> String {
    match bits {
        b if b.is_multiple_of(1_000_000) => format!("{}Mbit/s", grouped(b / 1_000_000)),
        b if b.is_multiple_of(1_000) => format!("{}kbit/s", grouped(b / 1_000)),
        b => format!("{}bit/s", grouped(b)),
    }
}

/// Every figure as it is said in Indonesian, without white space. What is drawn and not written is left out: the days
/// of one office.
pub fn every_figure(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(its) => {
            let name = path.rsplit('.').next().unwrap_or_default();
            let size = its.as_i64().unwrap().unsigned_abs();
            found.push(match name {
                name if name.contains("target_seconds") => target(size),
                name if name.ends_with("_seconds") => timed(size),
                name if name.ends_with("_hundredths") => format!("{},{:02}%", size / 100, size % 100),
                name if name.ends_with("bits_per_second") => rate(size),
                name if name.ends_with("_percent") => format!("{size}%"),
                _ => grouped(size),
            });
        }
        Value::Array(_) if path.ends_with("opds.days") => {}
        Value::Array(all) => all.iter().for_each(|its| every_figure(its, path, found)),
        Value::Object(fields) => {
            fields.iter().for_each(|(name, its)| every_figure(its, &format!("{path}.{name}"), found));
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

//! What of the data's text a page can show. Everything in it came from outside. A character without a glyph, one that
//! turns the direction of what follows, or one that cannot be seen is shown as its code point, `[U+202E]`, so that
//! nothing on the page reads otherwise than it is, and PDF/A holds (it allows no missing glyph and no private use).

use serde_json::Value;

use crate::fonts;

/// Every text of a value, made printable.
pub fn value(of: &mut Value) {
    match of {
        Value::String(its) => *its = text(its),
        Value::Array(its) => its.iter_mut().for_each(value),
        Value::Object(its) => its.values_mut().for_each(value),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// White space becomes a blank: a text of the data breaks its lines where the page does.
pub fn text(of: &str) -> String {
    let mut out = String::with_capacity(of.len());
    let mut before = ' ';
    for c in of.chars() {
        match c {
            ' ' | '\t' | '\n' | '\r' => out.push(' '),
            // One accent on a letter; a tower of them would reach into other lines.
            c if is_combining(c) && before.is_alphabetic() && !is_combining(before) && fonts::have(c) => out.push(c),
            c if is_plain(c) && fonts::have(c) => out.push(c),
            c => out.extend(format!("[U+{:04X}]", u32::from(c)).chars()),
        }
        before = c;
    }
    out
}

fn is_combining(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Seen, written from left to right, and of one width at least.
fn is_plain(c: char) -> bool {
    let hidden = matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{3164}')
        || matches!(c, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}')
        || matches!(c, '\u{fff0}'..='\u{ffff}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}');
    let private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}');
    let leftwards = matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}')
        || matches!(c, '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}');
    let marks = is_combining(c)
        || matches!(c, '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}')
        || matches!(c, '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}');
    !(c.is_control() || hidden || private || leftwards || marks)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn what_people_write_stays_as_it_is() {
        for its in ["RSUD “dr. Loekmono Hadi”, 40 %", "*tebal* #let $x$ `a` <b> @c //", "é – … § ≥ α Я", "e\u{301}"]
        {
            assert_eq!(text(its), its);
        }
        assert_eq!(text("a\tb\nc"), "a b c");
    }

    #[test]
    fn what_could_deceive_is_named() {
        assert_eq!(text("a\u{202e}b\u{200b}c\0\u{ad}"), "a[U+202E]b[U+200B]c[U+0000][U+00AD]");
        assert_eq!(text("🔥\u{e000}\u{5d0}"), "[U+1F525][U+E000][U+05D0]");
        assert_eq!(text("e\u{301}\u{301}\u{301}"), "e\u{301}[U+0301][U+0301]");
    }
}

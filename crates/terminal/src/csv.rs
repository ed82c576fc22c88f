//! Cells of a CSV file (RFC 4180), which a spreadsheet opens.

/// A spreadsheet runs a text that begins as a formula does; with an apostrophe before it it is a text.
pub fn csv_text(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// In quotes where it has to be.
pub fn csv_cell(text: &str) -> String {
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_whatever_it_begins_with_or_has_in_it() {
        assert_eq!(csv_cell("a \"b\""), "\"a \"\"b\"\"\"");
        assert_eq!(csv_cell("a,b"), "\"a,b\"");
        assert_eq!(csv_cell("a b"), "a b");
        for formula in ["=1+1", "+1", "-1", "@x", "\tx", "\rx"] {
            assert_eq!(csv_text(formula), format!("'{formula}"));
        }
        assert_eq!(csv_text("1=1"), "1=1");
    }
}

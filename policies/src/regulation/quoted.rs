//! Whether words stand in a regulation's text. Texts are published as scans that were read by machine: lines are broken
//! anywhere, and marks of their layout stand between the words.

/// What was left out.
const LEFT_OUT: char = '…';

/// A text without what its layout adds: marks, signs of lists, and all but one space between words.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim_start();
        let line = line.strip_prefix("- ").unwrap_or(line);
        for word in line.split_whitespace() {
            let word: String = word.chars().filter(|c| !matches!(c, '*' | '_')).collect();
            if !word.is_empty() {
                if !plain.is_empty() {
                    plain.push(' ');
                }
                plain.push_str(&word);
            }
        }
    }
    plain
}

/// Whether the parts of a quotation stand in a plain text, one after the other.
pub(super) fn stands_in(words: &str, text: &str) -> bool {
    let mut rest = text;
    let mut any = false;
    for part in words.split(LEFT_OUT) {
        let part = plain(part);
        if part.is_empty() {
            continue;
        }
        any = true;
        match rest.find(&part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "Pasal 55\n\n- (3) Rencana *keberlangsungan* yang telah\n  disusun wajib diuji\n- a. sekali; dan\n";

    #[test]
    fn layout_counts_for_nothing_and_words_count_in_their_order() {
        let text = plain(TEXT);
        assert_eq!(text, "Pasal 55 (3) Rencana keberlangsungan yang telah disusun wajib diuji a. sekali; dan");
        for good in
            ["Rencana keberlangsungan", "telah  disusun", "Rencana … wajib diuji", "… diuji a. sekali", "Pasal 55"]
        {
            assert!(stands_in(good, &text), "{good}");
        }
        for bad in ["rencana", "wajib diuji … Rencana", "", "…", "Rencana keberlangsungan … Rencana"] {
            assert!(!stands_in(bad, &text), "{bad}");
        }
    }
}

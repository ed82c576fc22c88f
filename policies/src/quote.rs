//! Text of a file as an error quotes it: short, however long it is there.

const MOST_CHARS: usize = 160;

pub(crate) fn short(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

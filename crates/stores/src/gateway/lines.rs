//! Lists as a site sends them: one thing a line, and an empty line at the end, so that a list
//! that was cut short is not taken for a whole one.

use std::io::{self, BufRead, Read as _};

/// Things in one list: a vault of 100 TiB has three million packs.
const MAX_LINES: usize = 10_000_000;

#[derive(Debug)]
pub enum BadList {
    /// It broke off; asked for again it may be whole.
    Line(io::Error),
    /// It is none.
    Strange(String),
}

/// Calls `each` with the lines, of at most `most_bytes`; what it refuses ends the list.
pub fn lines<E: ToString>(
    mut from: impl BufRead,
    most_bytes: usize,
    mut each: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), BadList> {
    let mut line = String::new();
    for _ in 0..=MAX_LINES {
        line.clear();
        (&mut from).take(most_bytes as u64 + 1).read_line(&mut line).map_err(BadList::Line)?;
        match line.strip_suffix('\n') {
            Some("") => return Ok(()),
            Some(text) => each(text).map_err(|why| BadList::Strange(why.to_string()))?,
            None if line.len() > most_bytes => return Err(BadList::Strange("a line without end".to_owned())),
            None => return Err(BadList::Line(io::ErrorKind::UnexpectedEof.into())),
        }
    }
    Err(BadList::Strange("a list without end".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<u8>, BadList> {
        let mut all = Vec::new();
        lines(text.as_bytes(), 3, |line| line.parse().map(|number| all.push(number))).map(|()| all)
    }

    #[test]
    fn a_list_is_whole_or_refused() {
        assert_eq!(read("1\n22\n255\n\n").unwrap(), [1, 22, 255]);
        assert!(read("\n").unwrap().is_empty());
        for cut in ["", "1", "1\n", "1\n22", "1\n22\n"] {
            assert!(matches!(read(cut), Err(BadList::Line(_))), "{cut:?}");
        }
        for strange in ["x\n\n", "256\n\n", "1234\n\n", "12345678"] {
            assert!(matches!(read(strange), Err(BadList::Strange(_))), "{strange:?}");
        }
    }
}

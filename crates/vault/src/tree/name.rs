//! Names are bytes; JSON is text. This is the one place where one becomes the other, without
//! loss: valid UTF-8 stays, a backslash is doubled, any other byte is `\x` and two digits.

use std::fmt::Write as _;

/// Longest path in bytes that an entry can have.
pub const MAX_PATH_BYTES: usize = 65_535;
/// Longest part of a path in bytes.
pub const MAX_PART_BYTES: usize = 255;

pub fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for part in bytes.utf8_chunks() {
        for (i, piece) in part.valid().split('\\').enumerate() {
            if i > 0 {
                out.push_str("\\\\");
            }
            out.push_str(piece);
        }
        for byte in part.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// The bytes that `text` stands for, or `None` if no bytes are written this way.
pub fn unescape(text: &str) -> Option<Vec<u8>> {
    if !text.contains('\\') {
        return Some(text.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match *rest {
            [b'\\', ..] => {
                out.push(b'\\');
                rest = &rest[1..];
            }
            [b'x', high, low, ..] => {
                let digits = std::str::from_utf8(&rest[1..3]).ok()?;
                if high.is_ascii_uppercase() || low.is_ascii_uppercase() {
                    return None;
                }
                out.push(u8::from_str_radix(digits, 16).ok()?);
                rest = &rest[3..];
            }
            _ => return None,
        }
    }
    // One spelling only, so that equal paths are equal text.
    (escape(&out) == text).then_some(out)
}

/// Whether `path` is the path `below`, or something below it.
pub fn is_at_or_below(below: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(below).is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}

/// Whether `path` may name an entry below a target folder: relative, and every part a name.
pub fn is_safe_path(path: &[u8]) -> bool {
    path.len() <= MAX_PATH_BYTES
        && path.split(|&b| b == b'/').all(|part| {
            !part.is_empty() && part.len() <= MAX_PART_BYTES && part != b"." && part != b".." && !part.contains(&0)
        })
}

/// The order of entries: as bytes, with `/` below all others, so that what is in a folder
/// follows it directly.
pub fn compare(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let shared = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let rank = |path: &[u8]| path.get(shared).map(|&c| if c == b'/' { 0u16 } else { u16::from(c) + 1 });
    rank(a).cmp(&rank(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_what_the_format_says() {
        assert_eq!(escape(b"a\\b\xff\xc3\xa9"), "a\\\\b\\xff\u{e9}");
        for bad in ["\\", "\\x4", "\\xZZ", "\\xFF", "\\x41", "\\n"] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
    }

    #[test]
    fn unsafe_paths_are_refused() {
        for bad in ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "a\0b"] {
            assert!(!is_safe_path(bad.as_bytes()), "{bad:?}");
        }
        assert!(is_safe_path(b"a/..b/...c"));
        assert!(!is_safe_path(&[b'a'; 256]));
    }

    #[test]
    fn what_is_in_a_folder_follows_it() {
        let mut paths = ["a.txt", "a", "a/b", "a-b", "a/b/c", "a/b.c", "b"];
        paths.sort_by(|x, y| compare(x.as_bytes(), y.as_bytes()));
        assert_eq!(paths, ["a", "a/b", "a/b/c", "a/b.c", "a-b", "a.txt", "b"]);
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert_eq!(unescape(&escape(&bytes)), Some(bytes));
        }

        #[test]
        fn order_is_that_of_parts(a in "[ab/.]{0,8}", b in "[ab/.]{0,8}") {
            let parts = |p: &str| p.split('/').map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(compare(a.as_bytes(), b.as_bytes()), parts(&a).cmp(&parts(&b)));
        }
    }
}

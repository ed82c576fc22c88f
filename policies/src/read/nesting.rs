//! How deeply tables in braces are nested, before the file is read as TOML. Tables are taken apart
//! by recursion: the `toml` crate bounds braces at 80 and the parts of a key at 80, but not the one
//! within the other, and what a stack can hold must not depend on a file.

/// A policy needs one: `{ hours = "…", rate = "…" }`.
const MAX_DEPTH: usize = 4;

/// Where the first brace stands that opens one table too many.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        match byte {
            b'{' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Some(at);
                }
            }
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += match byte {
            b'#' => rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len()),
            b'"' | b'\'' => quoted(rest, byte),
            _ => 1,
        };
    }
    None
}

/// How many bytes the text in quotes takes that begins here, its quotes too.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let long = rest.starts_with(&[quote; 3]);
    let escapes = quote == b'"';
    let mut at = if long { 3 } else { 1 };
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'\\' if escapes => at += 2,
            // Without its closing quote a text ends with its line.
            b'\n' if !long => return at,
            _ if byte == quote && !long => return at + 1,
            _ if long && rest[at..].starts_with(&[quote; 3]) => {
                // Up to two quotes before the closing three belong to the text.
                return at + rest[at..].iter().take(5).take_while(|&&b| b == quote).count();
            }
            _ => at += 1,
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_braces_count_that_open_tables() {
        for flat in [
            "",
            "a = { b = { c = { d = {} } } }",
            "# {{{{{{",
            "a = \"{{{{{\"",
            "a = '{{{{{'",
            "a = \"\\\"{{{{{\"",
            "a = \"\"\"\n{{{{{\"\"\"\"\"",
            "a = '''{{{{{''''",
            "a = \"{{{{{",
            "a = {}\nb = {}\nc = {}\nd = {}\ne = {}",
        ] {
            assert_eq!(too_deep(flat), None, "{flat}");
        }
        assert_eq!(too_deep("{{{{{"), Some(4));
        // What would hide braces from one who reads texts otherwise than TOML does.
        for deep in [
            "a = '\\' # '\n{{{{{",
            "a = '''\\''''{{{{{",
            "a = \"\"\"\"\"\"{{{{{",
            "a = \"\"\"x\"\"\"\"{{{{{",
            "a = \"\n{{{{{",
            "a = { # }}}}\n{ # }}}\n{{{",
        ] {
            assert!(too_deep(deep).is_some(), "{deep}");
        }
    }
}

//! A command as a person can paste it into a shell.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

/// A word of a command line, quoted where a shell would read it otherwise.
pub fn word(text: &OsStr) -> String {
    let bytes = text.as_bytes();
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_./:=,@%+".contains(b);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    if let Some(text) = text.to_str().filter(|text| !text.chars().any(char::is_control)) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    // What is no text, or drives a terminal.
    let mut out = "$'".to_owned();
    for &byte in bytes {
        if plain(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out + "'"
}

/// `pulih-agent` and its arguments.
pub fn command<'w>(arguments: impl IntoIterator<Item = &'w OsStr>) -> String {
    arguments.into_iter().fold("pulih-agent".to_owned(), |line, argument| line + " " + &word(argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_what_was_meant() {
        let all: [&[u8]; 6] = [b"plain/path", b"", b"two words", b"it's $HOME", b"a\nb", b"\xff\x1b[2J"];
        for text in all {
            let text = OsStr::from_bytes(text);
            let script = format!("printf %s {}", word(text));
            let read = std::process::Command::new("bash").args(["-c", &script]).output().unwrap().stdout;
            assert_eq!(OsStr::from_bytes(&read), text, "{script}");
        }
        assert_eq!(command(["ls".as_ref(), "a b".as_ref()]), "pulih-agent ls 'a b'");
    }
}

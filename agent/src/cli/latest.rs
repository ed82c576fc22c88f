//! What to do where the newest snapshot is not believed: the same command again, with the newest
//! good one named by its id.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use pulih_vault::error::VaultError;

use super::failure::Failure;
use super::shell;

/// `arguments`: those that this process was given.
pub fn explain(error: VaultError, arguments: &[OsString]) -> Failure {
    let VaultError::LatestNotBelieved { earlier: Some(earlier), .. } = &error else { return error.into() };
    let id = earlier.name.hash.to_string();
    let named: Vec<OsString> = arguments.iter().map(|argument| instead(argument, &id)).collect();
    if named == arguments {
        return error.into();
    }
    Failure::said(format!(
        "{error}\nLook for a sound copy of it in another store, and let `pulih-agent check` look for more that is \
         wrong. To go on with the one before it:\n  {}",
        shell::command(named.iter().map(OsString::as_os_str))
    ))
}

/// `latest` and `latest:PATH` with an id in their place.
fn instead(argument: &OsStr, id: &str) -> OsString {
    match argument.as_bytes().strip_prefix(b"latest") {
        Some(rest) if rest.is_empty() || rest[0] == b':' => {
            let mut named = id.as_bytes().to_vec();
            named.extend_from_slice(rest);
            OsString::from_vec(named)
        }
        _ => argument.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_is_named_anew() {
        let named = |text: &str| instead(text.as_ref(), "12ab").into_string().unwrap();
        assert_eq!(named("latest"), "12ab");
        assert_eq!(named("latest:srv/a b"), "12ab:srv/a b");
        for other in ["latest2", "--latest", "/latest", "restore"] {
            assert_eq!(named(other), other);
        }
    }
}

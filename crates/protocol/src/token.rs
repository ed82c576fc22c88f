//! Invitations: what a person carries from the Pusat Data to a server, once.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub const SECRET_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
const PREFIX: &str = "pulih1_";

/// One use, for a time that the site keeps: the secret says which invitation, the fingerprint
/// which CA the agent may believe.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub secret: [u8; SECRET_BYTES],
    /// SHA-256 of the CA certificate's DER.
    pub ca: [u8; HASH_BYTES],
    /// The same of the DRC's CA, once there is one.
    pub drc_ca: Option<[u8; HASH_BYTES]>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not a token: {0}; it looks like pulih1_… and is printed by `pulih-controller agent invite`")]
pub struct BadToken(&'static str);

impl Token {
    /// The secret in hexadecimal, as it is sent.
    pub fn secret_text(&self) -> String {
        self.secret.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.secret.to_vec();
        bytes.extend_from_slice(&self.ca);
        bytes.extend(self.drc_ca.iter().flatten());
        // A slip of the pen must not look like a token that has been used.
        let check = blake3_check(&bytes);
        bytes.extend_from_slice(&check);
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// A token is a secret: it is printed on purpose or not at all.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl FromStr for Token {
    type Err = BadToken;
    fn from_str(text: &str) -> Result<Self, BadToken> {
        let body = text.trim().strip_prefix(PREFIX).ok_or(BadToken("it does not begin with pulih1_"))?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| BadToken("it has other letters than a token has"))?;
        let (bytes, check) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or(BadToken("it is too short"))?;
        if blake3_check(bytes) != *check {
            return Err(BadToken("a letter of it is wrong or missing"));
        }
        let (secret, rest) = bytes.split_first_chunk().ok_or(BadToken("it is too short"))?;
        let (ca, rest) = rest.split_first_chunk().ok_or(BadToken("it is too short"))?;
        let drc_ca = match rest {
            [] => None,
            rest => Some(rest.try_into().map_err(|_| BadToken("it has an odd length"))?),
        };
        Ok(Self { secret: *secret, ca: *ca, drc_ca })
    }
}

const CHECK_BYTES: usize = 4;

fn blake3_check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let mut out = [0; CHECK_BYTES];
    out.copy_from_slice(&blake3::hash(bytes).as_bytes()[..CHECK_BYTES]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_comes_back(secret: [u8; SECRET_BYTES], ca: [u8; 32], drc_ca: Option<[u8; 32]>) {
            let token = Token { secret, ca, drc_ca };
            prop_assert_eq!(token.to_string().parse::<Token>().unwrap(), token);
        }

        #[test]
        fn any_slip_is_seen(secret: [u8; SECRET_BYTES], at in 7usize..70, letter in "[a-zA-Z0-9_-]") {
            let text = Token { secret, ca: [3; 32], drc_ca: None }.to_string();
            let mut slipped: Vec<char> = text.chars().collect();
            slipped[at] = letter.chars().next().unwrap();
            let slipped: String = slipped.into_iter().collect();
            prop_assert_eq!(slipped.parse::<Token>().is_ok(), slipped == text);
        }

        #[test]
        fn no_text_panics(text in ".{0,200}") {
            let _ = text.parse::<Token>();
        }
    }
}

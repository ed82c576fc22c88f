//! From a token to credentials.

use pulih_protocol::enroll::{Enrolled, Request};
use pulih_protocol::path;
use pulih_protocol::token::Token;
use rcgen::{CertificateParams, KeyPair};
use ureq::tls::{Certificate, RootCerts};

use super::client::{Client, Credentials, tls};
use super::error::GatewayError;

/// Enrolls this server. The site's CA is believed because the token names it; the key is made
/// here and never leaves.
pub fn enroll(url: &str, token: &Token, host: &str, program: &str) -> Result<(Credentials, Enrolled), GatewayError> {
    let bad = |error: rcgen::Error| GatewayError::Credentials(error.to_string());
    let ca = fetch_ca(url, token)?;
    let parsed = Certificate::from_pem(ca.as_bytes()).map_err(|e| GatewayError::Credentials(e.to_string()))?;
    let client = Client::with(tls().root_certs(RootCerts::new_with_certs(&[parsed])).build(), url);
    let key = KeyPair::generate().map_err(bad)?;
    let csr = CertificateParams::default().serialize_request(&key).and_then(|csr| csr.pem()).map_err(bad)?;
    let request = Request { secret: token.secret_text(), csr, host: host.to_owned(), program: program.to_owned() };
    let enrolled: Enrolled = client.post(path::ENROLL, &request)?;
    let credentials =
        Credentials { url: url.to_owned(), ca, certificate: enrolled.certificate.clone(), key: key.serialize_pem() };
    // A certificate that does not fit is better found now than at night.
    Client::new(&credentials)?;
    Ok((credentials, enrolled))
}

/// SHA-256 of the DER of a certificate in PEM.
pub fn ca_sha256(pem: &str) -> Result<[u8; 32], GatewayError> {
    let certificate = Certificate::from_pem(pem.as_bytes()).map_err(|e| GatewayError::Credentials(e.to_string()))?;
    let mut out = [0; 32];
    out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, certificate.der()).as_ref());
    Ok(out)
}

/// The only request that is sent to a peer that nobody vouches for: what comes back is believed
/// if it is what the token says.
fn fetch_ca(url: &str, token: &Token) -> Result<String, GatewayError> {
    let client = Client::with(tls().disable_verification(true).build(), url);
    let pem = client.get_text(path::CA)?;
    let wrong = || GatewayError::WrongCa { url: url.to_owned() };
    if ca_sha256(&pem).map_err(|_| wrong())? == token.ca { Ok(pem) } else { Err(wrong()) }
}

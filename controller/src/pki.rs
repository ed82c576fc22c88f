//! The site's certificate authority: one CA, one certificate for the gateway, one for each agent.
//!
//! Who a peer is does not follow from what its certificate says but from the catalog, which knows
//! every certificate by its SHA-256: so revoking one takes effect at the next request.

use std::fmt::{self, Write as _};
use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SerialNumber,
};
use ring::rand::{SecureRandom as _, SystemRandom};
use time::OffsetDateTime;

const CA_YEARS: u64 = 20;
/// As long as a server may be away and come back by itself.
pub const AGENT_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
const SERVER_LIFE: Duration = Duration::from_secs(2 * 365 * 24 * 3600);
/// Clocks of servers are not all right.
const BACKDATED: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, thiserror::Error)]
#[error("cannot {action}: {source}")]
pub struct PkiError {
    action: &'static str,
    source: rcgen::Error,
}

fn failed(action: &'static str) -> impl FnOnce(rcgen::Error) -> PkiError {
    move |source| PkiError { action, source }
}

/// SHA-256 of a certificate's DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificateHash(pub [u8; 32]);

impl CertificateHash {
    pub fn of(der: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, der).as_ref());
        Self(out)
    }
}

impl fmt::Display for CertificateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A certificate with what the site keeps of it.
pub struct Issued {
    pub pem: String,
    pub hash: CertificateHash,
    /// In hexadecimal.
    pub serial: String,
    /// Seconds since 1970.
    pub not_before: i64,
    pub not_after: i64,
}

/// Sets serial number and validity; returns from when until when.
fn validity(params: &mut CertificateParams, now: i64, life: Duration) -> Result<(i64, i64), PkiError> {
    let mut serial = [0; 16];
    let no_random = |_| PkiError { action: "draw a serial number", source: rcgen::Error::RingUnspecified };
    SystemRandom::new().fill(&mut serial).map_err(no_random)?;
    // Positive, and of one length.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let at = |seconds: i64| OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (not_before, not_after) = (now - BACKDATED.as_secs() as i64, now + life.as_secs() as i64);
    params.not_before = at(not_before);
    params.not_after = at(not_after);
    Ok((not_before, not_after))
}

fn named(name: &str) -> DistinguishedName {
    let mut out = DistinguishedName::new();
    out.push(DnType::OrganizationName, "Pulih");
    out.push(DnType::CommonName, name);
    out
}

impl Authority {
    /// Makes a CA; returns it with its key in PEM.
    pub fn make(site: &str, now: i64) -> Result<(Self, String), PkiError> {
        let key = KeyPair::generate().map_err(failed("make the CA's key"))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&format!("{site} CA"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        validity(&mut params, now, Duration::from_secs(CA_YEARS * 365 * 24 * 3600))?;
        let certificate = params.self_signed(&key).map_err(failed("sign the CA's certificate"))?.pem();
        let secret = key.serialize_pem();
        Ok((Self::open(&certificate, &secret)?, secret))
    }

    pub fn open(certificate: &str, key: &str) -> Result<Self, PkiError> {
        let key = KeyPair::from_pem(key).map_err(failed("read the CA's key"))?;
        let issuer = Issuer::from_ca_cert_pem(certificate, key).map_err(failed("read the CA's certificate"))?;
        Ok(Self { issuer, certificate: certificate.to_owned() })
    }

    /// The CA's certificate in PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// The gateway's own certificate for the names that agents reach it by; and its key.
    pub fn server(&self, site: &str, hosts: &[String], now: i64) -> Result<(Issued, String), PkiError> {
        let key = KeyPair::generate().map_err(failed("make the gateway's key"))?;
        let mut params = CertificateParams::new(hosts).map_err(failed("name the gateway"))?;
        params.distinguished_name = named(site);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let between = validity(&mut params, now, SERVER_LIFE)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(failed("sign the gateway's certificate"))?;
        Ok((issued(&certificate, &params, between), key.serialize_pem()))
    }

    /// An agent's certificate for the key in its request, from which nothing else is taken.
    pub fn agent(&self, csr: &str, agent: &str, now: i64) -> Result<Issued, PkiError> {
        let mut request = CertificateSigningRequestParams::from_pem(csr).map_err(failed("read the agent's request"))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(agent);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let between = validity(&mut params, now, AGENT_LIFE)?;
        request.params = params;
        let certificate = request.signed_by(&self.issuer).map_err(failed("sign the agent's certificate"))?;
        Ok(issued(&certificate, &request.params, between))
    }
}

/// As it is written everywhere: two lower-case digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn issued(certificate: &Certificate, params: &CertificateParams, (not_before, not_after): (i64, i64)) -> Issued {
    let serial = params.serial_number.as_ref().map(SerialNumber::to_bytes).unwrap_or_default();
    Issued {
        pem: certificate.pem(),
        hash: CertificateHash::of(certificate.der()),
        serial: hex(&serial),
        not_before,
        not_after,
    }
}

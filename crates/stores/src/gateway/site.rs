//! What an agent and its site say to each other beside objects: policy, reports, and the renewal
//! of certificates. Everything is asked once; the daemon that asks tries again by itself.

use pulih_protocol::drc::DrcCard;
use pulih_protocol::enroll::{Renewal, Renewed};
use pulih_protocol::path;
use pulih_protocol::policy::PolicyInForce;
use pulih_protocol::report::{AgentView, Report, ReportTaken};
use rcgen::{CertificateParams, KeyPair};
use ureq::tls::{Certificate, RootCerts};

use super::client::{Client, Credentials, tls};
use super::error::GatewayError;

pub struct SiteClient {
    client: Client,
}

impl SiteClient {
    pub fn open(credentials: &Credentials) -> Result<Self, GatewayError> {
        Ok(Self { client: Client::new(credentials)? })
    }

    /// What the site knows of this agent.
    pub fn view(&self) -> Result<AgentView, GatewayError> {
        self.client.get_json_once(path::AGENT)
    }

    /// The DRC that the site is paired with.
    pub fn drc(&self) -> Result<DrcCard, GatewayError> {
        self.client.get_json_once(path::DRC)
    }

    /// What a DRC says: a signed note, as it came.
    pub fn heads(&self) -> Result<String, GatewayError> {
        self.client.get_text(path::HEADS)
    }

    pub fn policy(&self) -> Result<PolicyInForce, GatewayError> {
        self.client.get_json_once(path::POLICY)
    }

    pub fn report(&self, report: &Report) -> Result<ReportTaken, GatewayError> {
        self.client.post(path::REPORT, report)
    }

    /// Credentials with a new key and certificate, and when that ends (RFC 3339). The old ones
    /// are good until they end.
    pub fn renew(&self, old: &Credentials) -> Result<(Credentials, String), GatewayError> {
        let renewing = Renewing::begin()?;
        let renewed = self.client.post(path::RENEW, &Renewal { csr: renewing.csr.clone() })?;
        renewing.end(old, renewed)
    }
}

/// A key that has no certificate yet.
pub struct Renewing {
    key: KeyPair,
    /// The request for one: PKCS#10 in PEM.
    pub csr: String,
}

impl Renewing {
    pub fn begin() -> Result<Self, GatewayError> {
        let bad = |error: rcgen::Error| GatewayError::Credentials(error.to_string());
        let key = KeyPair::generate().map_err(bad)?;
        let csr = CertificateParams::default().serialize_request(&key).and_then(|csr| csr.pem()).map_err(bad)?;
        Ok(Self { key, csr })
    }

    /// The key in PEM, for who keeps it until a certificate comes another way.
    pub fn key_pem(&self) -> String {
        self.key.serialize_pem()
    }

    /// Asks without a certificate, the old one having lapsed: with `note`, which names the request
    /// and is signed by the agent's key of one of its vaults.
    pub fn lapsed(self, old: &Credentials, note: &str) -> Result<(Credentials, String), GatewayError> {
        let ca = Certificate::from_pem(old.ca.as_bytes()).map_err(|e| GatewayError::Credentials(e.to_string()))?;
        let client = Client::with(tls().root_certs(RootCerts::new_with_certs(&[ca])).build(), &old.url);
        let renewed = client.post_text(path::RENEW_LAPSED, note)?;
        self.end(old, renewed)
    }

    pub(super) fn end(self, old: &Credentials, renewed: Renewed) -> Result<(Credentials, String), GatewayError> {
        let credentials =
            Credentials { certificate: renewed.certificate, key: self.key.serialize_pem(), ..old.clone() };
        // One that cannot be used, as one for another key, must not take the place of one that can.
        Client::new(&credentials)?;
        Ok((credentials, renewed.not_after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(key: &KeyPair) -> String {
        CertificateParams::default().self_signed(key).unwrap().pem()
    }

    #[test]
    fn a_certificate_for_another_key_is_refused() {
        let other = KeyPair::generate().unwrap();
        let pem = certificate(&other);
        let old = Credentials {
            url: "https://localhost:1".into(),
            ca: pem.clone(),
            certificate: pem.clone(),
            key: other.serialize_pem(),
        };
        assert!(SiteClient::open(&old).is_ok());
        let renewed = |certificate| Renewed { certificate, not_after: "2027-01-01T00:00:00Z".into() };
        let renewing = Renewing::begin().unwrap();
        assert!(matches!(renewing.end(&old, renewed(pem)), Err(GatewayError::Credentials(_))));
        let renewing = Renewing::begin().unwrap();
        let own = certificate(&renewing.key);
        assert!(renewing.end(&old, renewed(own)).is_ok());
    }
}

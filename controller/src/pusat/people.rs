//! Offices and agents: added, invited, enrolled, revoked. Each act is on the ledger before it
//! has any effect.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{AgentInvited, AgentRevoked, CertificateIssued, OpdAdded};
use pulih_ledger::ids::{AgentId, OpdId, Sha256};
use pulih_protocol::enroll::{Enrolled, Request};
use pulih_protocol::error::Code;
use pulih_protocol::token::{SECRET_BYTES, Token};
use pulih_vault::note::Fingerprint;
use pulih_vault::utc;
use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{Pusat, lock};
use crate::catalog::Agent;
use crate::gateway::answer::{Answer, Refusal};
use crate::pki::CertificateHash;
use crate::record::time;

/// How long an invitation is good.
pub const INVITATION_SECONDS: i64 = 7 * 24 * 3600;
const MAX_HOST_BYTES: usize = 255;

/// An invitation as it is printed.
pub struct Invited {
    pub token: Token,
    pub expires: i64,
}

/// SHA-256: the ledger shows nobody how to enroll.
fn secret_hash(secret: &[u8]) -> [u8; 32] {
    CertificateHash::of(secret).0
}

fn secret_of(text: &str) -> Option<[u8; SECRET_BYTES]> {
    let bytes = text.as_bytes();
    if bytes.len() != 2 * SECRET_BYTES || !bytes.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut out = [0; SECRET_BYTES];
    for (byte, digits) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(out)
}

fn bad(error: impl std::fmt::Display) -> Refusal {
    Refusal::new(Code::BadRequest, error.to_string())
}

impl Pusat {
    pub fn add_opd(&self, name: &str, title: &str, owner: &str) -> Answer<()> {
        let opd: OpdId = name.parse().map_err(bad)?;
        let owner: Fingerprint = owner.trim().parse().map_err(bad)?;
        let mut record = lock(&self.record);
        if record.catalog.opd(name)?.is_some() {
            return Err(Refusal::new(Code::AlreadyExists, format!("there is an OPD {name} already")));
        }
        let added = OpdAdded { opd, name: title.to_owned(), owner: Some(owner) };
        Ok(record.write((self.clock)(), Actor::Site, vec![Body::OpdAdded(added)])?)
    }

    pub fn invite(&self, agent: &str, opd: &str) -> Answer<Invited> {
        let id: AgentId = agent.parse().map_err(bad)?;
        let mut record = lock(&self.record);
        if record.catalog.opd(opd)?.is_none() {
            let text = format!("there is no OPD {opd}; `pulih-controller opd add` adds it");
            return Err(Refusal::new(Code::NotFound, text));
        }
        if record.catalog.agent(agent)?.is_some() {
            return Err(Refusal::new(Code::AlreadyExists, format!("there is an agent {agent} already")));
        }
        let mut secret = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut secret).map_err(|_| Refusal::internal(&"the system gives no random bytes"))?;
        let now = (self.clock)();
        let expires = now + INVITATION_SECONDS;
        let invited = AgentInvited {
            agent: id,
            opd: opd.parse().map_err(bad)?,
            token_sha256: Sha256(secret_hash(&secret)),
            expires: time(expires).map_err(bad)?,
        };
        record.write(now, Actor::Site, vec![Body::AgentInvited(invited)])?;
        Ok(Invited { token: Token { secret, ca: self.ca_hash()?.0, drc_ca: None }, expires })
    }

    fn ca_hash(&self) -> Answer<CertificateHash> {
        let der = CertificateDer::from_pem_slice(self.ca_certificate().as_bytes());
        der.map(|der| CertificateHash::of(&der)).map_err(|error| Refusal::internal(&error))
    }

    /// The token is right, is used up with this, and its agent has a certificate.
    pub fn enroll(&self, request: &Request) -> Answer<Enrolled> {
        let refused = || {
            let text = "this token is not known, was used, or is over; ask the Pusat Data for a new one";
            Refusal::new(Code::Unauthorized, text)
        };
        let printable = !request.host.is_empty() && !request.host.contains(char::is_control);
        if !printable || request.host.len() > MAX_HOST_BYTES {
            return Err(Refusal::new(Code::BadRequest, "the host has no name, or none that can be printed"));
        }
        let hash = secret_hash(&secret_of(&request.secret).ok_or_else(refused)?);
        let now = (self.clock)();
        let mut record = lock(&self.record);
        let invitation = record.catalog.invitation(&hash)?.ok_or_else(refused)?;
        if invitation.used || invitation.expires <= now {
            return Err(refused());
        }
        let opd = record.catalog.opd(&invitation.opd)?.ok_or_else(refused)?;
        let issued = self.authority.agent(&request.csr, &invitation.agent, now).map_err(bad)?;
        let agent: AgentId = invitation.agent.parse().map_err(|error| Refusal::internal(&error))?;
        let certificate = CertificateIssued {
            agent: agent.clone(),
            serial: issued.serial.clone(),
            certificate_sha256: Sha256(issued.hash.0),
            not_before: time(issued.not_before).map_err(bad)?,
            not_after: time(issued.not_after).map_err(bad)?,
        };
        record.write(now, Actor::Agent { agent }, vec![Body::CertificateIssued(certificate)])?;
        record.catalog.set_host(&invitation.agent, &request.host)?;
        Ok(Enrolled {
            agent: invitation.agent,
            opd: invitation.opd,
            site: self.site.name.clone(),
            not_after: utc::rfc3339(issued.not_after),
            certificate: issued.pem,
            owner: opd.owner.unwrap_or_default(),
        })
    }

    pub fn revoke(&self, agent: &str, reason: &str) -> Answer<()> {
        let id: AgentId = agent.parse().map_err(bad)?;
        let mut record = lock(&self.record);
        match record.catalog.agent(agent)? {
            None => Err(Refusal::new(Code::NotFound, format!("there is no agent {agent}"))),
            Some(Agent { revoked: Some(_), .. }) => {
                Err(Refusal::new(Code::AlreadyExists, format!("agent {agent} is revoked already")))
            }
            Some(_) => {
                let revoked = AgentRevoked { agent: id, reason: reason.to_owned() };
                Ok(record.write((self.clock)(), Actor::Site, vec![Body::AgentRevoked(revoked)])?)
            }
        }
    }
}

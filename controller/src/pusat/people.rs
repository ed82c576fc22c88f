//! Offices and agents: added, invited, enrolled, revoked. Each act is on the ledger before it
//! has any effect.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{AgentInvited, AgentRevoked, CertificateIssued, OpdAdded};
use pulih_ledger::ids::{AgentId, OpdId, Sha256};
use pulih_protocol::enroll::{Enrolled, LAPSED_TYPE, LapsedRenewal, Renewal, Renewed, Request};
use pulih_protocol::error::Code;
use pulih_protocol::token::{SECRET_BYTES, Token};
use pulih_vault::id::VaultId;
use pulih_vault::note::{Fingerprint, Unverified};
use pulih_vault::utc;
use ring::rand::{SecureRandom as _, SystemRandom};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::presence::RENEW_BEFORE;
use super::{Pusat, is_printable, lock};
use crate::catalog::{Agent, Catalog};
use crate::gateway::answer::{Answer, Refusal};
use crate::pki::{AGENT_LIFE, CertificateHash, Issued};
use crate::record::{Record, time};
use crate::site::SiteRole;

/// How long an invitation is good.
pub const INVITATION_SECONDS: i64 = 7 * 24 * 3600;
const MAX_HOST_BYTES: usize = 255;
/// How long after its end a certificate can be renewed with the signing key: as long as it was good.
const GRACE_SECONDS: i64 = 90 * 24 * 3600;
/// How far the clock of a server that was away may be off.
const CLOCK_SECONDS: i64 = 24 * 3600;
pub(super) const DAY_SECONDS: i64 = 24 * 3600;
/// Certificates of one agent within a day: one, and some for answers that were lost. Each is an entry
/// of the ledger.
pub(super) const DAILY: usize = 3;

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
        Ok(record.write((self.clock)(), &Actor::Site, vec![Body::OpdAdded(added)])?)
    }

    /// `again`: for an agent that is there already, on a server that was set up anew; with the
    /// token's use its older certificates end.
    pub fn invite(&self, agent: &str, opd: &str, again: bool) -> Answer<Invited> {
        let id: AgentId = agent.parse().map_err(bad)?;
        let mut record = lock(&self.record);
        if record.catalog.opd(opd)?.is_none() {
            let text = format!("there is no OPD {opd}; `pulih-controller opd add` adds it");
            return Err(Refusal::new(Code::NotFound, text));
        }
        match record.catalog.agent(agent)? {
            Some(known) if again && known.opd != opd => {
                return Err(Refusal::new(Code::Forbidden, format!("agent {agent} is of OPD {}", known.opd)));
            }
            Some(Agent { revoked: Some(_), .. }) => {
                return Err(Refusal::new(
                    Code::Forbidden,
                    format!("agent {agent} is revoked; a new one needs another name"),
                ));
            }
            Some(_) if !again => {
                let text =
                    format!("there is an agent {agent} already; --again invites it on a server that was set up anew");
                return Err(Refusal::new(Code::AlreadyExists, text));
            }
            None if again => return Err(Refusal::new(Code::NotFound, format!("there is no agent {agent}"))),
            _ => {}
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
            again,
        };
        let drc_ca = self.drc_ca(&record.catalog)?;
        record.write(now, &Actor::Site, vec![Body::AgentInvited(invited)])?;
        Ok(Invited { token: Token { secret, ca: self.ca_hash()?.0, drc_ca }, expires })
    }

    /// SHA-256 of the CA of the DRC that a server which is invited now will know.
    fn drc_ca(&self, catalog: &Catalog) -> Answer<Option<[u8; 32]>> {
        if self.site.role == SiteRole::Drc {
            return Ok(Some(self.ca_hash()?.0));
        }
        let paired = Self::paired_drc(catalog)?.and_then(|peer| peer.ca.parse::<Sha256>().ok());
        Ok(paired.map(|ca| ca.0))
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
        if !is_printable(&request.host, MAX_HOST_BYTES) {
            return Err(Refusal::new(Code::BadRequest, "the host has no name, or none that can be printed"));
        }
        let hash = secret_hash(&secret_of(&request.secret).ok_or_else(refused)?);
        let now = (self.clock)();
        let mut record = lock(&self.record);
        let invitation = record.catalog.invitation(&hash)?.ok_or_else(refused)?;
        if invitation.used || invitation.expires <= now {
            return Err(refused());
        }
        // Of two tokens for one new agent only the first is good.
        if !invitation.again && record.catalog.agent(&invitation.agent)?.is_some() {
            return Err(refused());
        }
        let opd = record.catalog.opd(&invitation.opd)?.ok_or_else(refused)?;
        // What was named before this enrolment must not look as if it came after it.
        if let Some(known) = record.catalog.agent(&invitation.agent)? {
            self.complete_of(&mut record, &known)?;
        }
        let issued = self.authority.agent(&request.csr, &invitation.agent, now).map_err(bad)?;
        let certificate = certificate(&invitation.agent, &issued, Some(Sha256(hash)))?;
        let actor = Actor::Agent { agent: certificate.agent.clone() };
        record.write(now, &actor, vec![Body::CertificateIssued(certificate)])?;
        drop(record);
        self.seen(&invitation.agent, &request.host);
        Ok(Enrolled {
            agent: invitation.agent,
            opd: invitation.opd,
            site: self.site.name.clone(),
            not_after: utc::rfc3339(issued.not_after),
            certificate: issued.pem,
            owner: opd.owner.unwrap_or_default(),
        })
    }

    /// A further certificate, for a new key, to whoever shows one that soon ends.
    pub fn renew(&self, shown: CertificateHash, renewal: &Renewal) -> Answer<Renewed> {
        let now = (self.clock)();
        let mut record = lock(&self.record);
        // Looked up again: an invitation that was used or a revocation may have ended it since.
        let (agent, until) = record.catalog.agent_of(shown, now)?.ok_or_else(Refusal::unknown_certificate)?;
        if until - now >= RENEW_BEFORE {
            let from = utc::rfc3339(until - RENEW_BEFORE);
            return Err(Refusal::new(Code::Forbidden, format!("this certificate can be renewed from {from} on")));
        }
        self.issue(&mut record, &agent, &renewal.csr, now)
    }

    fn issue(&self, record: &mut Record, agent: &Agent, csr: &str, now: i64) -> Answer<Renewed> {
        let today = now + AGENT_LIFE.as_secs() as i64 - DAY_SECONDS;
        if record.catalog.certificates_after(&agent.name, today)? >= DAILY {
            let text = format!("agent {} got {DAILY} certificates within a day; try again tomorrow", agent.name);
            return Err(Refusal::new(Code::Busy, text));
        }
        let issued = self.authority.agent(csr, &agent.name, now).map_err(bad)?;
        let certificate = certificate(&agent.name, &issued, None)?;
        let actor = Actor::Agent { agent: certificate.agent.clone() };
        record.write(now, &actor, vec![Body::CertificateIssued(certificate)])?;
        Ok(Renewed { certificate: issued.pem, not_after: utc::rfc3339(issued.not_after) })
    }

    /// The same for an agent that was away when its certificate ended: the key that signs its
    /// manifests says that it is still the same.
    pub fn renew_lapsed(&self, note: &[u8]) -> Answer<Renewed> {
        let refused = || {
            let text = "this agent's certificate cannot be renewed; ask the Pusat Data for a new invitation";
            Refusal::new(Code::Unauthorized, text)
        };
        let note = Unverified::parse(note).map_err(bad)?;
        let asked: LapsedRenewal = serde_json::from_str(note.claimed_text().trim_end()).map_err(bad)?;
        let vault: VaultId = asked.vault.parse().map_err(bad)?;
        let now = (self.clock)();
        if asked.kind != LAPSED_TYPE || utc::parse(&asked.at).is_none_or(|at| (at - now).abs() > CLOCK_SECONDS) {
            return Err(bad("the note is no renewal, or its time is more than a day off: set this server's clock"));
        }
        let must_be_signed = || {
            let trusted = self.trusted(vault)?;
            note.verify(&[&trusted.current().1.agent]).map(|_| ()).ok_or_else(refused)
        };
        lapsed(&lock(&self.catalog), &asked, now)?.ok_or_else(refused)?;
        must_be_signed()?;
        // Once more under the lock, where no invitation, revocation or description comes in between.
        let mut record = lock(&self.record);
        let agent = lapsed(&record.catalog, &asked, now)?.ok_or_else(refused)?;
        must_be_signed()?;
        self.issue(&mut record, &agent, &asked.csr, now)
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
                Ok(record.write((self.clock)(), &Actor::Site, vec![Body::AgentRevoked(revoked)])?)
            }
        }
    }
}

/// The agent whose lapsed certificate may be renewed by the key of a vault of its.
fn lapsed(catalog: &Catalog, asked: &LapsedRenewal, now: i64) -> Answer<Option<Agent>> {
    let agent = catalog.agent(&asked.agent)?.filter(|agent| agent.revoked.is_none());
    let (Some(agent), Some(vault)) = (agent, catalog.vault(&asked.vault)?) else { return Ok(None) };
    // One that is still good renews with itself, except if it is of today: its answer may be lost.
    let before = now + AGENT_LIFE.as_secs() as i64 - DAY_SECONDS;
    let until = catalog.certified_until(&agent.name, before)?;
    let has_lapsed = until.is_some_and(|until| (0..GRACE_SECONDS).contains(&(now - until)));
    // A key that was named before the server was set up anew is the old server's.
    let is_its = vault.agent == agent.name && vault.keyed > agent.enrolment;
    Ok((has_lapsed && is_its).then_some(agent))
}

fn certificate(agent: &str, issued: &Issued, token: Option<Sha256>) -> Answer<CertificateIssued> {
    Ok(CertificateIssued {
        agent: agent.parse().map_err(|error| Refusal::internal(&error))?,
        serial: issued.serial.clone(),
        certificate_sha256: Sha256(issued.hash.0),
        not_before: time(issued.not_before).map_err(bad)?,
        not_after: time(issued.not_after).map_err(bad)?,
        token_sha256: token,
    })
}

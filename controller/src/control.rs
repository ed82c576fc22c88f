//! How commands reach the process that serves a site: one line of JSON there, one back, over a
//! socket in the site's folder, which only its user can open. Where nobody serves, the command
//! takes the site itself.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use pulih_protocol::error::{Code, ErrorBody};
use pulih_vault::utc;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::sync::watch;

use crate::attest;
use crate::catalog::{Grant, PeerSite, User, Vault};
use crate::drc::{changes, drills, recovery};
use crate::evidence::{keys, witnesses};
use crate::gateway::answer::{Answer, Refusal};
use crate::keeping;
use crate::policy::InForce;
use crate::pusat::Pusat;
use crate::scrub;

pub const SOCKET: &str = "control.sock";
const MAX_LINE_BYTES: u64 = 16 << 20;

/// What a command asks of a site.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Ask {
    OpdAdd {
        name: String,
        title: String,
        owner: String,
    },
    OpdList,
    AgentInvite {
        agent: String,
        opd: String,
        again: bool,
    },
    AgentRevoke {
        agent: String,
        reason: String,
    },
    /// The vaults of an agent, or of all.
    Vaults {
        agent: Option<String>,
    },
    UserList,
    ApprovalList,
    GrantList,
    Grant {
        id: String,
    },
    PolicyShow,
    /// An entry that a person signed, in canonical form, with what belongs to it.
    Act {
        entry: String,
        attachment: Option<String>,
    },
    Import {
        folder: String,
    },
    /// What is kept and what goes.
    Keep {
        order: keeping::Order,
    },
    Status,
    /// A card of this site, to be carried to another.
    PairOffer,
    /// At a Pusat Data, once a person has signed the pairing: its own card with the reader's certificate.
    PairCertify {
        card: String,
    },
    /// At a DRC, once a person has signed the pairing: the card is what it reads with.
    PairTake {
        card: String,
    },
    PeerList,
    /// Sign all that the ledger has by now.
    Checkpoint,
    /// One round of pulling, to its end.
    Replicate,
    /// Of what the store really has.
    Store(scrub::Ask),
    /// At a DRC, of disasters, plans, keys and recoveries.
    Recovery(recovery::Ask),
    /// Of what would weaken a DRC.
    Changes(changes::Ask),
    /// At a DRC, of drills.
    Drill(drills::Ask),
    /// Of who co-signs the ledger beside other sites.
    Witness(witnesses::Ask),
    /// Of another key for the ledger.
    Key(keys::Ask),
    /// Of what people state of a regulation's clauses.
    Attest(attest::Ask),
}

/// What answers commands: a site of one role.
pub trait Answers: Send + Sync + 'static {
    /// Does what was asked, and says what `--json` prints.
    fn answer(&self, ask: Ask) -> Answer<Value>;

    /// The same as the text that is sent. What has thousands of rows is written without a value made of it first.
    fn answer_text(&self, ask: Ask) -> Answer<Box<RawValue>> {
        text(&self.answer(ask)?)
    }
}

/// A command that belongs to the other role.
pub fn elsewhere(role: &str) -> Refusal {
    Refusal::new(Code::BadRequest, format!("this is a command for the {role}, and this site is none"))
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Reply {
    Done(Box<RawValue>),
    Refused(ErrorBody),
}

pub fn json(value: impl Serialize) -> Answer<Value> {
    serde_json::to_value(value).map_err(|error| Refusal::internal(&error))
}

pub fn text(value: &impl Serialize) -> Answer<Box<RawValue>> {
    to_raw_value(value).map_err(|error| Refusal::internal(&error))
}

impl Answers for Pusat {
    fn answer(&self, ask: Ask) -> Answer<Value> {
        act(self, ask)
    }

    fn answer_text(&self, ask: Ask) -> Answer<Box<RawValue>> {
        if matches!(ask, Ask::Status) { text(&self.status()?) } else { text(&act(self, ask)?) }
    }
}

fn act(pusat: &Pusat, ask: Ask) -> Answer<Value> {
    match ask {
        Ask::OpdAdd { name, title, owner } => {
            pusat.add_opd(&name, &title, &owner)?;
            Ok(json!({"type": "pulih/opd-added/v1", "opd": name}))
        }
        Ask::OpdList => Ok(json!({"type": "pulih/opds/v1", "opds": json(pusat.stored_by_opd()?)?})),
        Ask::AgentInvite { agent, opd, again } => {
            let invited = pusat.invite(&agent, &opd, again)?;
            let token = invited.token.to_string();
            Ok(json!({
                "type": "pulih/invitation/v1", "agent": agent, "opd": opd, "token": token,
                "expires": utc::rfc3339(invited.expires), "hosts": pusat.site.hosts, "port": pusat.site.listen.port(),
            }))
        }
        Ask::AgentRevoke { agent, reason } => {
            pusat.revoke(&agent, &reason)?;
            Ok(json!({"type": "pulih/agent-revoked/v1", "agent": agent}))
        }
        Ask::Vaults { agent } => Ok(vaults(pusat.vaults(agent.as_deref())?)),
        Ask::UserList => Ok(users(pusat.users()?)),
        Ask::ApprovalList => {
            let approvals = pusat.approvals()?.into_iter().map(|its| {
                json!({
                    "approval": its.id, "opd": its.opd, "vault": its.vault, "dataset": its.dataset, "by": its.by,
                    "letter": its.letter, "until": its.until.map(utc::rfc3339), "ended": its.ended.map(utc::rfc3339),
                })
            });
            Ok(json!({"type": "pulih/approvals/v1", "approvals": approvals.collect::<Vec<_>>()}))
        }
        Ask::GrantList => {
            let grants = pusat.grants()?.into_iter().map(|its| grant(&its));
            Ok(json!({"type": "pulih/grants/v1", "grants": grants.collect::<Vec<_>>()}))
        }
        Ask::Grant { id } => {
            let known = pusat.grants()?.into_iter().find(|its| its.id == id);
            known.map(|its| grant(&its)).ok_or_else(|| Refusal::new(Code::NotFound, format!("nobody asked {id}")))
        }
        Ask::PolicyShow => Ok(policy(&pusat.in_force())),
        Ask::Act { entry, attachment } => {
            pusat.act(&entry, attachment.as_deref())?;
            Ok(acted(&entry))
        }
        Ask::Import { folder } => {
            Ok(json!({"type": "pulih/import/v1", "vaults": json(pusat.import(Path::new(&folder))?)?}))
        }
        Ask::Keep { order } => pusat.keeping(order),
        Ask::Status => json(pusat.status()?),
        Ask::PairCertify { card } => {
            let (site, card) = pusat.certify(&card)?;
            Ok(json!({"type": "pulih/card-made/v1", "site": site, "card": card}))
        }
        Ask::PeerList => Ok(peers(pusat.peers()?)),
        Ask::Witness(ask) => pusat.answer_witnesses(&ask),
        Ask::Attest(ask) => pusat.answer_attest(&ask),
        Ask::Checkpoint => {
            pusat.checkpoint()?;
            Ok(json!({"type": "pulih/checkpoint/v1", "entries": pusat.entries()}))
        }
        // A Pusat Data reads at no other site: a person names where else the bytes are.
        Ask::Store(ask) => pusat.answer_store(ask, Vec::new()),
        Ask::PairOffer | Ask::PairTake { .. } | Ask::Replicate => {
            let text = "a new Pusat Data is filled from the DRC before it serves: end the process that serves it first";
            Err(Refusal::new(Code::BadRequest, text))
        }
        Ask::Key(keys::Ask::List) => pusat.list_keys(&[]),
        Ask::Key(keys::Ask::Make) => pusat.make_key(),
        Ask::Key(keys::Ask::Accept { note }) => {
            let missing = || Refusal::new(Code::BadRequest, "name the file that the DRC's admin brought");
            pusat.to_accept(&pusat.offered(note.as_deref().ok_or_else(missing)?)?)
        }
        Ask::Recovery(_) | Ask::Changes(_) | Ask::Drill(_) => Err(elsewhere("DRC")),
    }
}

pub fn vaults(vaults: Vec<Vault>) -> Value {
    let vaults =
        vaults.into_iter().map(|its| json!({"vault": its.id, "agent": its.agent, "opd": its.opd, "class": its.class}));
    json!({"type": "pulih/vaults/v1", "vaults": vaults.collect::<Vec<_>>()})
}

pub fn users(users: Vec<User>) -> Value {
    let users = users.into_iter().map(|its| {
        json!({
            "user": its.id, "name": its.name, "roles": its.roles, "opd": its.opd, "decree": its.decree,
            "until": its.until.map(utc::rfc3339),
        })
    });
    json!({"type": "pulih/users/v1", "users": users.collect::<Vec<_>>()})
}

pub fn policy(its: &InForce) -> Value {
    json!({
        "type": "pulih/policy-in-force/v1", "policy": its.policy.name.to_string(), "version": its.policy.version,
        "hash": its.hash, "since": utc::rfc3339(its.since), "text": its.text,
    })
}

pub fn peers(peers: Vec<PeerSite>) -> Value {
    let peers = peers.into_iter().map(|its| {
        json!({
            "site": its.site, "role": its.role, "name": its.name, "key": its.key, "ca_sha256": its.ca,
            "card_sha256": its.card, "since": utc::rfc3339(its.since), "ended": its.ended.map(utc::rfc3339),
        })
    });
    json!({"type": "pulih/peers/v1", "peers": peers.collect::<Vec<_>>()})
}

pub fn acted(entry: &str) -> Value {
    json!({"type": "pulih/act/v1", "entry": serde_json::from_str::<Value>(entry).unwrap_or_default()})
}

fn grant(its: &Grant) -> Value {
    json!({
        "grant": its.id, "vault": its.vault, "dataset": its.dataset, "snapshot": its.manifest, "agent": its.agent,
        "reason": its.reason, "until": its.until.map(utc::rfc3339), "ended": its.ended.map(utc::rfc3339),
    })
}

/// Answers commands until `stop` says so.
pub async fn serve<S: Answers>(listener: UnixListener, site: Arc<S>, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let site = site.clone();
        tokio::spawn(async move {
            let (from, mut to) = stream.into_split();
            let mut line = String::new();
            let read = tokio::io::BufReader::new(from.take(MAX_LINE_BYTES)).read_line(&mut line).await;
            if read.is_err() {
                return;
            }
            let reply = match serde_json::from_str::<Ask>(&line) {
                Ok(ask) => {
                    let done = tokio::task::spawn_blocking(move || site.answer_text(ask)).await;
                    match done.unwrap_or_else(|error| Err(Refusal::internal(&error))) {
                        Ok(done) => Reply::Done(done),
                        Err(refusal) => Reply::Refused(ErrorBody::new(refusal.code, refusal.message)),
                    }
                }
                Err(error) => Reply::Refused(ErrorBody::new(Code::BadRequest, error.to_string())),
            };
            let mut text = serde_json::to_string(&reply).unwrap_or_default();
            text.push('\n');
            let _ = to.write_all(text.as_bytes()).await;
        });
    }
}

/// Whether whoever served the site went away while it was asked: it may have done it, or not.
pub fn went_away(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// Asks whoever serves the site; `None` if nobody does.
pub fn ask(socket: &Path, ask: &Ask) -> io::Result<Option<Result<Value, ErrorBody>>> {
    let Some(reply) = ask_text(socket, ask)? else { return Ok(None) };
    Ok(Some(match reply {
        Ok(text) => Ok(serde_json::from_str(text.get())?),
        Err(body) => Err(body),
    }))
}

/// The same as the text that came, for whoever hands it on as it is.
pub fn ask_text(socket: &Path, ask: &Ask) -> io::Result<Option<Result<Box<RawValue>, ErrorBody>>> {
    let mut stream = match UnixStream::connect(socket) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut line = serde_json::to_string(ask)?;
    line.push('\n');
    stream.write_all(line.as_bytes())?;
    let mut reply = String::new();
    BufReader::new(stream.take(MAX_LINE_BYTES)).read_line(&mut reply)?;
    if !reply.ends_with('\n') {
        let (kind, why) = match reply.len() as u64 {
            MAX_LINE_BYTES => (io::ErrorKind::InvalidData, "its answer is longer than one may be"),
            _ => (io::ErrorKind::UnexpectedEof, "it ended before it had answered"),
        };
        return Err(io::Error::new(kind, why));
    }
    Ok(Some(match serde_json::from_str(&reply)? {
        Reply::Done(text) => Ok(text),
        Reply::Refused(body) => Err(body),
    }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    /// What `ask` comes to if the server sends this and goes away.
    fn asked(sent: &'static [u8]) -> io::Result<Option<Result<Value, ErrorBody>>> {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(sent).unwrap();
        });
        let reached = ask(&socket, &Ask::Status);
        server.join().unwrap();
        reached
    }

    #[test]
    fn a_server_that_goes_away_before_it_answered_is_told_from_one_that_answered_badly() {
        let whole = b"{\"done\":{\"a\":1}}\n";
        for end in 0..whole.len() {
            assert!(went_away(&asked(&whole[..end]).unwrap_err()), "{end}");
        }
        assert_eq!(asked(whole).unwrap().unwrap().unwrap()["a"], 1);
        assert!(!went_away(&asked(b"nonsense\n").unwrap_err()));
        assert!(ask(Path::new("/nonexistent/socket"), &Ask::Status).unwrap().is_none());
    }
}

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
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::sync::watch;

use crate::gateway::answer::Answer;
use crate::pusat::Pusat;

pub const SOCKET: &str = "control.sock";
const MAX_LINE_BYTES: u64 = 16 << 20;

/// What a command asks of a site.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case")]
pub enum Ask {
    OpdAdd { name: String, title: String, owner: String },
    AgentInvite { agent: String, opd: String },
    AgentRevoke { agent: String, reason: String },
    AgentList,
    Status,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Reply {
    Done(Value),
    Refused(ErrorBody),
}

/// Does what was asked, and says what `--json` prints.
pub fn act(pusat: &Pusat, ask: Ask) -> Answer<Value> {
    let when = |at: Option<i64>| at.map(utc::rfc3339);
    match ask {
        Ask::OpdAdd { name, title, owner } => {
            pusat.add_opd(&name, &title, &owner)?;
            Ok(json!({"type": "pulih/opd-added/v1", "opd": name}))
        }
        Ask::AgentInvite { agent, opd } => {
            let invited = pusat.invite(&agent, &opd)?;
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
        Ask::AgentList => {
            let agents = pusat.agents()?.into_iter().map(|agent| {
                json!({
                    "agent": agent.name, "opd": agent.opd, "host": agent.host, "enrolled": utc::rfc3339(agent.enrolled),
                    "revoked": when(agent.revoked), "last_seen": when(agent.last_seen),
                })
            });
            Ok(json!({"type": "pulih/agents/v1", "agents": agents.collect::<Vec<_>>()}))
        }
        Ask::Status => {
            let points = pusat.standings()?.into_iter().map(|standing| {
                json!({
                    "opd": standing.opd, "agent": standing.agent, "vault": standing.point.vault,
                    "dataset": standing.point.dataset, "snapshot": standing.point.snapshot,
                    "captured": standing.point.captured, "accepted": utc::rfc3339(standing.point.accepted),
                    "keep_until": when(standing.point.keep_until), "tiers": standing.point.tiers.split_whitespace().collect::<Vec<_>>(),
                })
            });
            let points: Vec<_> = points.collect();
            Ok(json!({"type": "pulih/status/v1", "site": pusat.site.name, "recovery_points": points}))
        }
    }
}

/// Answers commands until `stop` says so.
pub async fn serve(listener: UnixListener, pusat: Arc<Pusat>, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let pusat = pusat.clone();
        tokio::spawn(async move {
            let (from, mut to) = stream.into_split();
            let mut line = String::new();
            let read = tokio::io::BufReader::new(from.take(MAX_LINE_BYTES)).read_line(&mut line).await;
            if read.is_err() {
                return;
            }
            let reply = match serde_json::from_str::<Ask>(&line) {
                Ok(ask) => match pusat.blocking(move |pusat| act(pusat, ask)).await {
                    Ok(done) => Reply::Done(done),
                    Err(refusal) => Reply::Refused(ErrorBody::new(refusal.code, refusal.message)),
                },
                Err(error) => Reply::Refused(ErrorBody::new(Code::BadRequest, error.to_string())),
            };
            let mut text = serde_json::to_string(&reply).unwrap_or_default();
            text.push('\n');
            let _ = to.write_all(text.as_bytes()).await;
        });
    }
}

/// Asks whoever serves the site; `None` if nobody does.
pub fn ask(socket: &Path, ask: &Ask) -> io::Result<Option<Result<Value, ErrorBody>>> {
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
    Ok(Some(match serde_json::from_str(&reply)? {
        Reply::Done(value) => Ok(value),
        Reply::Refused(body) => Err(body),
    }))
}

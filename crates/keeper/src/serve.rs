//! The keeper's process: a socket that a few users may ask, one at a time where identities are used.
//! What it does is on its log, line by line; no secret ever is.

use std::io::{self, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use age_core::secrecy::ExposeSecret as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pulih_policies::Class;

use crate::held::Held;
use crate::key::KeyError;
use crate::pace::Pace;
use crate::sealing::parts_of;
use crate::wire::{self, Ask, Reply, from_wire};

const MAX_CONNECTIONS: usize = 64;
/// A connection that says nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(600);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

/// How a keeper serves.
pub struct Serve {
    pub held: Held,
    pub socket: PathBuf,
    /// Users who may ask, by number; all others are refused, root too if it is not named.
    pub users: Vec<u32>,
    /// Seconds since 1970.
    pub clock: fn() -> i64,
    /// A line for the log.
    pub log: fn(&str),
}

struct Shared {
    held: Mutex<Held>,
    pace: Mutex<Pace>,
    connections: AtomicUsize,
    users: Vec<u32>,
    clock: fn() -> i64,
    log: fn(&str),
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Serve {
    /// Serves until the process ends. `ready` is called once the socket is there.
    pub fn run(self, ready: impl FnOnce()) -> Result<(), ServeError> {
        let listener = listen(&self.socket)?;
        let Self { held, users, clock, log, socket } = self;
        let pace = Mutex::new(Pace::new(Instant::now()));
        let connections = AtomicUsize::new(0);
        let shared = Arc::new(Shared { held: Mutex::new(held), pace, connections, users, clock, log });
        ready();
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if is_of_one_connection(&error) => continue,
                Err(source) => return Err(ServeError::Io { action: "listen on", path: socket, source }),
            };
            let shared = shared.clone();
            let started = std::thread::Builder::new().name("asked".into()).spawn(move || shared.admit(&stream));
            if let Err(error) = started {
                log(&format!("warning: a connection was dropped: {error}"));
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted)
}

fn listen(socket: &Path) -> Result<UnixListener, ServeError> {
    let failed = |action| move |source| ServeError::Io { action, path: socket.to_owned(), source };
    // Left by a keeper that was killed. Another that lives loses its name with it, and this one serves.
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("replace")(error)),
        _ => {}
    }
    let listener = UnixListener::bind(socket).map_err(failed("listen on"))?;
    // The group may connect; who asks is looked at all the same.
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o660)).map_err(failed("set the mode of"))?;
    Ok(listener)
}

/// What one connection was given, for the log.
#[derive(Default)]
struct Given {
    opened: u64,
    foreign: u64,
}

impl Shared {
    fn admit(&self, stream: &UnixStream) {
        let before = self.connections.fetch_add(1, Ordering::AcqRel);
        let asked = if before < MAX_CONNECTIONS { self.serve(stream) } else { refuse(stream, "the keeper is busy") };
        self.connections.fetch_sub(1, Ordering::AcqRel);
        if let Err(error) = asked {
            (self.log)(&format!("warning: a connection ended: {error}"));
        }
    }

    fn serve(&self, stream: &UnixStream) -> io::Result<()> {
        stream.set_read_timeout(Some(IDLE))?;
        stream.set_write_timeout(Some(IDLE))?;
        let peer = rustix::net::sockopt::socket_peercred(stream)?;
        let (uid, pid) = (peer.uid.as_raw(), peer.pid.as_raw_pid());
        if !self.users.contains(&uid) {
            (self.log)(&format!("refused: user {uid} (process {pid}) may not ask this keeper"));
            return refuse(stream, &format!("user {uid} may not ask this keeper"));
        }
        let mut from = BufReader::new(stream);
        let mut given = Given::default();
        let ended = loop {
            match wire::read(&mut from) {
                Ok(Some(ask)) => {
                    let reply = self.answer(ask, uid, pid, &mut given);
                    if let Err(error) = wire::write(&mut &*stream, &reply) {
                        break Err(error);
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break refuse(stream, &format!("this was not understood: {error}")),
            }
        };
        if given.opened + given.foreign > 0 {
            let Given { opened, foreign } = given;
            (self.log)(&format!(
                "user {uid} (process {pid}) had {opened} headers opened; {foreign} were not for this site"
            ));
        }
        ended
    }

    fn answer(&self, ask: Ask, uid: u32, pid: i32, given: &mut Given) -> Reply {
        let what = match &ask {
            Ask::Standings | Ask::Unwrap { .. } => None,
            Ask::Parts { class, user } => Some(format!("the parts of {user} for class {class}")),
            Ask::Give { class, user, .. } => Some(format!("giving the parts of {user} for class {class}")),
            Ask::Glass { class } => Some(format!("the envelope's copy of class {class}")),
            Ask::GiveGlass { class, .. } => Some(format!("giving the identity of class {class} out of the envelope")),
            Ask::Open { class, until } => Some(format!("opening class {class} until {until}")),
            Ask::Close { class } => Some(format!("closing class {class}")),
        };
        let reply = self.done(ask, given).unwrap_or_else(|error| Reply::Refused(error.to_string()));
        let outcome = if let Reply::Refused(why) = &reply { Some(format!("refused: {why}")) } else { None };
        match (what, outcome) {
            (Some(what), outcome) => {
                let outcome = outcome.unwrap_or_else(|| "done".into());
                (self.log)(&format!("user {uid} (process {pid}) asked for {what}: {outcome}"));
            }
            (None, Some(outcome)) => (self.log)(&format!("user {uid} (process {pid}): {outcome}")),
            (None, None) => {}
        }
        reply
    }

    fn done(&self, ask: Ask, given: &mut Given) -> Result<Reply, KeyError> {
        let now = (self.clock)();
        let of = |class: &str| class.parse::<Class>().map_err(|error| KeyError::Bad(error.to_string()));
        let held = || lock(&self.held);
        Ok(match ask {
            Ask::Standings => Reply::Standings(held().standings(now)),
            Ask::Parts { class, user } => Reply::Sealed(held().parts_of(of(&class)?, &user, now)?),
            Ask::Give { class, user, parts } => {
                let text = serde_json::to_string(&parts).map_err(|error| KeyError::Bad(error.to_string()))?;
                Reply::Given(held().give(of(&class)?, &user, parts_of(&text)?, now)?)
            }
            Ask::Glass { class } => Reply::Sealed(held().glass_of(of(&class)?, now)?),
            Ask::GiveGlass { class, identity } => {
                held().give_glass(of(&class)?, &identity.into(), now)?;
                Reply::Done
            }
            Ask::Open { class, until } => {
                held().open(of(&class)?, until, now)?;
                Reply::Done
            }
            Ask::Close { class } => {
                held().close(of(&class)?, now)?;
                Reply::Done
            }
            Ask::Unwrap { class, stanzas } => {
                let class = of(&class)?;
                let stanzas = from_wire(stanzas).ok_or_else(|| KeyError::Bad("this is no header of a pack".into()))?;
                std::thread::sleep(lock(&self.pace).take(Instant::now()));
                let key = held().unwrap(class, &stanzas, (self.clock)())?;
                *if key.is_some() { &mut given.opened } else { &mut given.foreign } += 1;
                Reply::Key(key.map(|key| STANDARD.encode(key.expose_secret())))
            }
        })
    }
}

fn refuse(mut stream: &UnixStream, why: &str) -> io::Result<()> {
    wire::write(&mut stream, &Reply::Refused(why.to_owned()))
}

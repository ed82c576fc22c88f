//! Serving a site.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::Failure;
use super::keys::AtKeeper;
use crate::base::Base;
use crate::card::is_read_with;
use crate::control::{self, Answers as _, Ask, SOCKET};
use crate::drc::Drc;
use crate::drill;
use crate::evidence::view::{self, Logs, Shown};
use crate::gateway::Gateway;
use crate::gateway::answer::Answer;
use crate::pki::Authority;
use crate::pusat::Pusat;
use crate::scrub::Source;
use crate::site::{SiteDir, SiteLock, SiteRole};
use crate::store;
use crate::uji;

/// Threads that may wait for a disk, a lock or a peer: more than there are bodies on their way.
const BLOCKING: usize = 4096;
/// Between checkpoints of the ledger.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(3600);
/// Between looks for what is to be locked.
const LOCK_EVERY: Duration = Duration::from_secs(10);
/// Between looks at what is silent, locked too short, or to be deleted today.
const TEND_EVERY: Duration = Duration::from_secs(3600);
/// Between looks at who is quiet.
const LISTEN_EVERY: Duration = Duration::from_secs(60);
/// Between pieces of the rolling scrub.
const SCRUB_EVERY: Duration = Duration::from_secs(10);
/// Between writes of heartbeats into the catalog.
const SETTLE_EVERY: Duration = Duration::from_secs(5);

/// A site that is open, by its role.
pub enum Opened {
    Pusat(Arc<Pusat>),
    Drc(Arc<Drc>),
}

impl Opened {
    pub fn answer(&self, ask: Ask) -> Answer<Value> {
        match self {
            // A new Pusat Data pulls from the DRC as a DRC does from it.
            Self::Pusat(pusat) if is_filling(&ask) => Drc::open(pusat.base().clone())?.answer(ask),
            Self::Pusat(pusat) => pusat.answer(ask),
            Self::Drc(drc) => drc.answer(ask),
        }
    }

    /// The same as text.
    pub fn answer_text(&self, ask: Ask) -> Answer<Box<RawValue>> {
        match self {
            Self::Pusat(pusat) if is_filling(&ask) => Drc::open(pusat.base().clone())?.answer_text(ask),
            Self::Pusat(pusat) => pusat.answer_text(ask),
            Self::Drc(drc) => drc.answer_text(ask),
        }
    }

    /// What every site has.
    pub fn base(&self) -> &Base {
        match self {
            Self::Pusat(pusat) => pusat,
            Self::Drc(drc) => drc,
        }
    }

    /// How many entries the ledger has.
    pub fn entries(&self) -> u64 {
        match self {
            Self::Pusat(pusat) => pusat.entries(),
            Self::Drc(drc) => drc.entries(),
        }
    }
}

/// Whether a command reads at another site, or pairs this one to do so.
fn is_filling(ask: &Ask) -> bool {
    match ask {
        Ask::PairOffer | Ask::PairTake { .. } | Ask::Replicate => true,
        Ask::Act { attachment: Some(card), .. } => is_read_with(card),
        _ => false,
    }
}

/// Opens a site for this process alone.
pub fn open(dir: &SiteDir) -> Result<(Opened, SiteLock), Failure> {
    let site = dir.site()?;
    let lock = dir.lock()?;
    let authority = Authority::open(&dir.read("ca.pem")?, &dir.read("ca.key")?)?;
    let store = store::open(dir)?;
    let role = site.role;
    let base = Arc::new(Base::open(dir, site, authority, store, uji::now)?);
    let opened = match role {
        SiteRole::Pusat => Opened::Pusat(Arc::new(Pusat::open(base)?)),
        SiteRole::Drc => Opened::Drc(Arc::new(Drc::open(base)?)),
    };
    Ok((opened, lock))
}

pub fn run(dir: &SiteDir, at: &AtKeeper) -> Result<(), Failure> {
    let (opened, _lock) = open(dir)?;
    opened.base().say_away()?;
    opened.base().describe_site()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().max_blocking_threads(BLOCKING).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Said(format!("cannot start: {error}")))?;
    match opened {
        Opened::Pusat(pusat) => runtime.block_on(serve(dir, pusat)),
        Opened::Drc(drc) => {
            drc.servers.serve_with(&at.keeper);
            runtime.block_on(serve_drc(dir, drc, at.keeper.clone()))
        }
    }
}

fn said(what: &'static str) -> impl FnOnce(std::io::Error) -> Failure {
    move |error| Failure::Said(format!("cannot {what}: {error}"))
}

/// What failed comes again with the next look.
fn tended(done: Answer<()>) {
    if let Err(refusal) = done {
        eprintln!("warning: what is kept was not looked after: {}", refusal.message);
    }
}

/// The same of looking who is quiet.
fn listened(done: Answer<()>) {
    if let Err(refusal) = done {
        eprintln!("warning: who is quiet was not looked at: {}", refusal.message);
    }
}

/// The same of what passed at the gateway: it is counted on.
fn measured(done: Answer<()>) {
    if let Err(refusal) = done {
        eprintln!("warning: what came and went was not written down: {}", refusal.message);
    }
}

/// What every serving process has: a socket for commands, and signals that end it.
struct Post {
    socket: PathBuf,
    terminate: Signal,
    interrupt: Signal,
}

impl Post {
    fn open(dir: &SiteDir) -> Result<(Self, UnixListener), Failure> {
        let socket = dir.path(SOCKET);
        // Left by a process that was killed: this one holds the lock.
        let _ = std::fs::remove_file(&socket);
        let control = UnixListener::bind(&socket).map_err(said("open the control socket"))?;
        let terminate = signal(SignalKind::terminate()).map_err(said("catch signals"))?;
        let interrupt = signal(SignalKind::interrupt()).map_err(said("catch signals"))?;
        Ok((Self { socket, terminate, interrupt }, control))
    }

    async fn ended(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    fn close(self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// A piece of the rolling scrub. What it cannot do now it does at the next turn of the clock.
async fn scrub_a_little<S: Deref<Target = Base> + Send + Sync + 'static>(
    site: Arc<S>,
    sources: impl FnOnce() -> Answer<Vec<Source>> + Send + 'static,
) {
    let scrubbed = tokio::task::spawn_blocking(move || {
        let done = site.scrub_a_little(sources);
        done.map_err(|refusal| (site.scrubbing.is_ending(), refusal))
    });
    if let Ok(Err((false, refusal))) = scrubbed.await {
        eprintln!("warning: the scrub does not go on now: {}", refusal.message);
    }
}

/// A gateway with a certificate that is made anew at each start: it never runs out unseen, and names what
/// `site.toml` names now.
async fn gateway(dir: &SiteDir, pusat: &Arc<Pusat>, drc: Option<Arc<Drc>>) -> Result<Gateway, Failure> {
    let (certificate, key) = pusat.gateway_certificate()?;
    dir.write("gateway.key", &key)?;
    dir.write("gateway.pem", &certificate)?;
    Ok(Gateway::open(pusat, drc, pusat.site.listen, &certificate, &key).await?)
}

/// Where the ledgers are shown, if they are.
async fn view(address: Option<SocketAddr>) -> Result<Option<TcpListener>, Failure> {
    let Some(address) = address else { return Ok(None) };
    let listener = TcpListener::bind(address).await;
    listener
        .map(Some)
        .map_err(|error| Failure::Said(format!("cannot listen on {address}, as `ledger_listen` says: {error}")))
}

fn show(listener: Option<TcpListener>, logs: Logs, stopped: &watch::Receiver<bool>) {
    if let Some(listener) = listener {
        tokio::spawn(view::serve(listener, logs, stopped.clone()));
    }
}

/// Pulls, answers commands, and serves agents what a DRC does: little, unless a disaster is declared.
async fn serve_drc(dir: &SiteDir, drc: Arc<Drc>, keeper_at: PathBuf) -> Result<(), Failure> {
    let gateway = gateway(dir, drc.intake(), Some(drc.clone())).await?;
    let view = view(drc.site.ledger_listen).await?;
    let (mut post, control) = Post::open(dir)?;
    let (stop, stopped) = watch::channel(false);
    println!("{} pulls, and serves on https://{}", drc.site.name, gateway.address().map_err(said("name its address"))?);
    let answering = tokio::spawn(control::serve(control, drc.clone(), stopped.clone()));
    let its = drc.clone();
    show(view, Arc::new(move || its.shown()), &stopped);
    let serving = tokio::spawn(gateway.serve(stopped));
    let pulling = drc.clone();
    let pulling = tokio::task::spawn_blocking(move || pulling.serve());
    let drilling = drc.clone();
    let drilling = tokio::task::spawn_blocking(move || drill::serve(&drilling, &keeper_at));
    let (mut tending, mut locking) = (tokio::time::interval(TEND_EVERY), tokio::time::interval(LOCK_EVERY));
    let (mut keeper, mut locker) = (tokio::spawn(async {}), tokio::spawn(async {}));
    let (mut listening, mut listener) = (tokio::time::interval(LISTEN_EVERY), tokio::spawn(async {}));
    let mut hourly = tokio::time::interval(CHECKPOINT_EVERY);
    let mut scrubbing = tokio::time::interval(SCRUB_EVERY);
    let mut scrubber = tokio::spawn(async {});
    let mut often = tokio::time::interval(SETTLE_EVERY);
    often.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = post.ended() => break,
            _ = often.tick() => drop(drc.intake().blocking(Pusat::settle_presences).await),
            _ = scrubbing.tick() => if scrubber.is_finished() {
                let drc = drc.clone();
                scrubber = tokio::spawn(scrub_a_little(drc.clone(), move || drc.sources()));
            },
            // The store may be away for a while; entries are durable without it.
            _ = hourly.tick() => {
                let drc = drc.clone();
                if let Ok(Err(refusal)) = tokio::task::spawn_blocking(move || drc.checkpoint()).await {
                    eprintln!("warning: no checkpoint was signed: {}", refusal.message);
                }
            }
            _ = tending.tick() => if keeper.is_finished() {
                let drc = drc.clone();
                keeper = tokio::task::spawn_blocking(move || tended(drc.tend().and_then(|()| drc.describe_site())));
            },
            _ = listening.tick() => if listener.is_finished() {
                let drc = drc.clone();
                listener = tokio::task::spawn_blocking(move || {
                    listened(drc.listen());
                    measured(drc.intake().meter_traffic());
                });
            },
            _ = locking.tick() => if locker.is_finished() {
                let drc = drc.clone();
                locker = tokio::task::spawn_blocking(move || tended(drc.extend_locks()));
            },
        }
    }
    drc.scrubbing.end();
    drc.stop();
    let _ = stop.send(true);
    let _ = serving.await;
    let _ = pulling.await;
    let _ = drilling.await;
    let _ = scrubber.await;
    let _ = answering.await;
    let _ = listener.await;
    measured(drc.intake().blocking(Pusat::settle_traffic).await);
    post.close();
    Ok(drc.checkpoint()?)
}

async fn serve(dir: &SiteDir, pusat: Arc<Pusat>) -> Result<(), Failure> {
    let gateway = gateway(dir, &pusat, None).await?;
    let view = view(pusat.site.ledger_listen).await?;
    let (mut post, control) = Post::open(dir)?;
    let (stop, stopped) = watch::channel(false);
    // One line for people and for whoever waits until it is ready.
    println!("{} serves on https://{}", pusat.site.name, gateway.address().map_err(said("name its address"))?);
    let answering = tokio::spawn(control::serve(control, pusat.clone(), stopped.clone()));
    let its = pusat.clone();
    let own = move || Ok(vec![Shown { store: its.store().clone(), log: its.own_log(), said: None }]);
    show(view, Arc::new(own), &stopped);
    let serving = tokio::spawn(gateway.serve(stopped));
    let mut hourly = tokio::time::interval(CHECKPOINT_EVERY);
    // Locks of a large first backup take a while, in which everything else goes on.
    let mut locking = tokio::time::interval(LOCK_EVERY);
    let mut keeper = tokio::spawn(async {});
    let mut tending = tokio::time::interval(TEND_EVERY);
    let mut tender = tokio::spawn(async {});
    let (mut listening, mut listener) = (tokio::time::interval(LISTEN_EVERY), tokio::spawn(async {}));
    let mut scrubbing = tokio::time::interval(SCRUB_EVERY);
    let mut scrubber = tokio::spawn(async {});
    let mut often = tokio::time::interval(SETTLE_EVERY);
    often.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = post.ended() => break,
            // The store may be away for a while; entries are durable without it.
            _ = hourly.tick() => if let Err(refusal) = pusat.blocking(|pusat| pusat.checkpoint()).await {
                eprintln!("warning: no checkpoint was signed: {}", refusal.message);
            },
            // A heartbeat that is not written down comes again in a minute.
            _ = often.tick() => drop(pusat.blocking(Pusat::settle_presences).await),
            _ = locking.tick() => if keeper.is_finished() {
                let pusat = pusat.clone();
                keeper = tokio::spawn(async move { drop(pusat.blocking(|pusat| pusat.extend_locks()).await) });
            },
            _ = tending.tick() => if tender.is_finished() {
                let pusat = pusat.clone();
                let tend = |pusat: &Pusat| pusat.tend().and_then(|()| pusat.describe_site());
                tender = tokio::spawn(async move { tended(pusat.blocking(tend).await) });
            },
            _ = listening.tick() => if listener.is_finished() {
                let pusat = pusat.clone();
                listener = tokio::spawn(async move {
                    listened(pusat.blocking(Pusat::listen).await);
                    measured(pusat.blocking(Pusat::meter_traffic).await);
                });
            },
            _ = scrubbing.tick() => if scrubber.is_finished() {
                scrubber = tokio::spawn(scrub_a_little(pusat.clone(), || Ok(Vec::new())));
            },
        }
    }
    pusat.scrubbing.end();
    let _ = stop.send(true);
    let _ = serving.await;
    let _ = scrubber.await;
    let _ = answering.await;
    let _ = listener.await;
    measured(pusat.blocking(Pusat::settle_traffic).await);
    post.close();
    pusat.blocking(Pusat::settle_presences).await?;
    Ok(pusat.blocking(|pusat| pusat.checkpoint()).await?)
}

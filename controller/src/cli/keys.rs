//! Recovery identities: made, kept by a process of its own, and opened by the people that they are
//! sealed to.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use age::secrecy::ExposeSecret as _;
use clap::{Args, Subcommand};
use pulih_keeper::{Held, Keeper, KeeperError, KeyError, NewKey, Serve, ServeError, Standing};
use pulih_ledger::entry::kinds::{GlassBroken, KeysOpened};
use pulih_policies::{Class, Span};
use pulih_terminal::{Table, printable};
use pulih_vault::reader::Identities;
use pulih_vault::utc;
use serde_json::json;

use super::ask::{answer, said};
use super::{Failure, Signed, person};
use crate::control::Ask;
use crate::drc::recovery::Ask as Recovery;
use crate::drc::recovery::keys::glass_what;
use crate::record::time;
use crate::recover::missing;
use crate::site::SiteDir;

const MAX_IDENTITY_BYTES: u64 = 64 << 10;

/// Where the keeper is asked.
#[derive(Debug, Clone, Args)]
pub struct AtKeeper {
    /// The keeper's socket
    #[arg(
        long,
        value_name = "SOCKET",
        env = "PULIH_KEEPER",
        hide_env_values = true,
        default_value = "/run/pulih-keeper/keeper.sock"
    )]
    pub keeper: PathBuf,
}

impl AtKeeper {
    pub fn connect(&self) -> Result<Keeper, KeeperError> {
        Keeper::connect(&self.keeper)
    }
}

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make a recovery identity for a class; prints the recipient that offices encrypt to
    New(New),
    /// Make a person's own age key, for a part of a sealed identity; prints its recipient
    Own {
        /// Stays with that person
        file: PathBuf,
    },
    /// Hold the identities, as a user of its own, and open packs' headers for those who may ask
    Serve {
        /// The folder with the key files (`*.key`)
        #[arg(long, value_name = "DIR", default_value = "/var/lib/pulih-keeper")]
        folder: PathBuf,
        /// Who may ask, by name or number; without any, only the keeper's own user
        #[arg(long = "allow-user", value_name = "USER")]
        users: Vec<String>,
        #[command(flatten)]
        at: AtKeeper,
    },
    /// Show which identities there are, which are open, and who is missing
    List {
        #[command(flatten)]
        at: AtKeeper,
    },
    /// Give one person's part of a sealed identity; with the last one it is open
    Open {
        /// strategis, non-publik or publik
        #[arg(long)]
        class: Class,
        /// That person's own age key
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
        /// How long the session lasts, 12 hours at most
        #[arg(long = "for", value_name = "SPAN", default_value = "8h")]
        span: Span,
        #[command(flatten)]
        signed: Signed,
        #[command(flatten)]
        at: AtKeeper,
    },
    /// End a session before its time
    Close {
        #[arg(long)]
        class: Class,
        #[command(flatten)]
        at: AtKeeper,
    },
    /// Open a sealed identity alone, with the key out of its envelope: everybody sees it at once
    BreakGlass {
        #[arg(long)]
        class: Class,
        /// Why nobody else could come, for the ledger and the alarm
        #[arg(long)]
        reason: String,
        /// The key out of the envelope
        #[arg(long, value_name = "FILE")]
        identity: PathBuf,
        #[arg(long = "for", value_name = "SPAN", default_value = "8h")]
        span: Span,
        #[command(flatten)]
        signed: Signed,
        #[command(flatten)]
        at: AtKeeper,
    },
}

#[derive(Debug, Args)]
pub struct New {
    #[arg(long)]
    class: Class,
    /// The keeper opens it alone: for drills and recoveries without people
    #[arg(long, conflicts_with = "sealed", required_unless_present = "sealed")]
    online: bool,
    /// It takes several people to open
    #[arg(long, requires_all = ["people", "needed"])]
    sealed: bool,
    /// Who, each with that person's age recipient
    #[arg(long, value_name = "USER=age1…", value_delimiter = ',')]
    people: Vec<String>,
    /// How many of them it takes
    #[arg(long, value_name = "N")]
    needed: Option<usize>,
    /// The recipient of a key that lies in a closed envelope: with it one person can open it alone, seen by all
    #[arg(long, value_name = "age1…", requires = "sealed")]
    glass: Option<String>,
    /// A new file, for the keeper's folder
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        said(error)
    }
}

impl From<KeeperError> for Failure {
    fn from(error: KeeperError) -> Self {
        said(error)
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        said(error)
    }
}

pub fn run(dir: &SiteDir, command: &Keys, json: bool) -> Result<(), Failure> {
    match command {
        Keys::New(new) => make(new, json),
        Keys::Own { file } => make_own(file, json),
        Keys::Serve { folder, users, at } => serve(folder, users, at),
        Keys::List { at } => {
            let all = at.connect()?.standings()?;
            if json {
                println!("{}", json!({"type": "pulih/keys/v1", "keys": all}));
            } else {
                print!("{}", table(&all));
            }
            Ok(())
        }
        Keys::Open { class, identity, span, signed, at } => open(dir, *class, identity, *span, signed, at),
        Keys::Close { class, at } => {
            at.connect()?.close(class.as_str())?;
            println!("The identity of class {class} is closed.");
            Ok(())
        }
        Keys::BreakGlass { class, reason, identity, span, signed, at } => {
            let own = read_identity(identity)?;
            let disaster = answer(dir, Ask::Recovery(Recovery::Disaster))?["disaster"]["disaster"].clone();
            let disaster = disaster.as_str().map(str::parse).transpose().map_err(said)?;
            let broken = GlassBroken { disaster, what: glass_what(class.as_str()), reason: reason.clone() };
            let entry = person::entry(&dir.site()?, signed, broken.into())?;
            // On the ledger with its alarm before the keeper is asked for anything.
            answer(dir, Ask::Act { entry, attachment: None })?;
            let keeper = at.connect()?;
            keeper.give_glass(class.as_str(), own)?;
            let who = signed.user.clone().unwrap_or_default();
            opened(dir, &keeper, *class, &[who], utc::now() + span.seconds() as i64)
        }
    }
}

fn make(new: &New, json: bool) -> Result<(), Failure> {
    let key = NewKey::generate(new.class);
    let created = utc::rfc3339(utc::now());
    if new.online {
        key.write_online(&new.out, &created)?;
    } else {
        let person = |text: &String| {
            let none = || Failure::Said(format!("{text:?} is not USER=age1…; `keys own` makes a person's key"));
            text.split_once('=').map(|(user, key)| (user.to_owned(), key.to_owned())).ok_or_else(none)
        };
        let people = new.people.iter().map(person).collect::<Result<Vec<_>, _>>()?;
        let random = ring::rand::SystemRandom::new();
        let needed = new.needed.unwrap_or(people.len());
        key.write_sealed(&new.out, &people, needed, new.glass.as_deref(), &created, &random)?;
    }
    if json {
        let (file, class) = (new.out.display().to_string(), new.class.as_str());
        println!(
            "{}",
            json!({"type": "pulih/key-made/v1", "class": class, "recipient": key.recipient(), "file": file})
        );
    } else {
        println!("{}", key.recipient());
    }
    Ok(())
}

fn make_own(file: &Path, json: bool) -> Result<(), Failure> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let key = age::x25519::Identity::generate();
    let cannot = |error| Failure::Said(format!("cannot make {}: {error}; it is never overwritten", file.display()));
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(cannot)?;
    let secret = key.to_string();
    let text = format!("# public key: {}\n{}\n", key.to_public(), secret.expose_secret());
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(cannot)?;
    let recipient = key.to_public().to_string();
    if json {
        println!("{}", json!({"type": "pulih/own-key/v1", "recipient": recipient}));
    } else {
        println!("{recipient}");
    }
    Ok(())
}

fn serve(folder: &Path, users: &[String], at: &AtKeeper) -> Result<(), Failure> {
    let held = Held::read(folder)?;
    let users = match users {
        [] => vec![rustix::process::geteuid().as_raw()],
        named => named.iter().map(|name| number_of(name)).collect::<Result<_, _>>()?,
    };
    let log = |line: &str| eprintln!("{}", printable(line));
    let socket = at.keeper.clone();
    let said = format!("the keeper listens on {}", socket.display());
    Ok(Serve { held, socket, users, clock: utc::now, log }.run(|| println!("{said}"))?)
}

fn number_of(user: &str) -> Result<u32, Failure> {
    if let Ok(number) = user.parse() {
        return Ok(number);
    }
    let found = nix::unistd::User::from_name(user).ok().flatten();
    found.map(|its| its.uid.as_raw()).ok_or_else(|| Failure::Said(format!("there is no user {user} on this machine")))
}

fn read_identity(file: &Path) -> Result<Box<dyn age::Identity + Send + Sync>, Failure> {
    let none = || Failure::Said(format!("{} is no age key (AGE-SECRET-KEY-1…)", file.display()));
    read_identities(file)?.into_iter().next().ok_or_else(none)
}

/// All identities of a file, which has one at least.
pub fn read_identities(file: &Path) -> Result<Identities, Failure> {
    use std::io::Read as _;
    let cannot = |error| Failure::Said(format!("cannot read {}: {error}", file.display()));
    let mut text = String::new();
    std::fs::File::open(file).map_err(cannot)?.take(MAX_IDENTITY_BYTES).read_to_string(&mut text).map_err(cannot)?;
    let text = age::secrecy::SecretString::from(text);
    let lines = text.expose_secret().lines().map(str::trim).filter(|line| line.starts_with("AGE-SECRET-KEY-"));
    let none = || Failure::Said(format!("{} is no age key (AGE-SECRET-KEY-1…)", file.display()));
    let mut all = Identities::new();
    for line in lines {
        all.push(Box::new(age::x25519::Identity::from_str(line).map_err(|_| none())?));
    }
    if all.is_empty() { Err(none()) } else { Ok(all) }
}

fn open(
    dir: &SiteDir,
    class: Class,
    identity: &Path,
    span: Span,
    signed: &Signed,
    at: &AtKeeper,
) -> Result<(), Failure> {
    let own = read_identity(identity)?;
    let user = signed
        .user
        .clone()
        .ok_or_else(|| Failure::Said("say who with --as, and --sign-with that person's key".into()))?;
    let until = utc::now() + span.seconds() as i64;
    let opened_by =
        KeysOpened { class: class.to_string(), people: vec![user.clone()], until: time(until).map_err(said)? };
    let entry = person::entry(&dir.site()?, signed, opened_by.into())?;
    answer(dir, Ask::Act { entry, attachment: None })?;
    let keeper = at.connect()?;
    let is_enough = keeper.give(class.as_str(), &user, own)?;
    if is_enough {
        let standing = standing(&keeper, class)?;
        return opened(dir, &keeper, class, &standing.given, until);
    }
    let its = standing(&keeper, class)?;
    println!("{}", missing(&its));
    Ok(())
}

fn standing(keeper: &Keeper, class: Class) -> Result<Standing, Failure> {
    let none = || Failure::Said(format!("the keeper has no identity for class {class}"));
    keeper.standings()?.into_iter().find(|its| its.class == class.as_str()).ok_or_else(none)
}

/// Written down first; then the keeper opens it.
fn opened(dir: &SiteDir, keeper: &Keeper, class: Class, people: &[String], until: i64) -> Result<(), Failure> {
    let ask = Recovery::KeysOpened { class: class.to_string(), people: people.to_vec(), until: utc::rfc3339(until) };
    let written = answer(dir, Ask::Recovery(ask))?;
    let until = written["until"].as_i64().unwrap_or(until);
    keeper.open(class.as_str(), until)?;
    println!("The identity of class {class} is open until {}, by {}.", utc::rfc3339(until), people.join(", "));
    Ok(())
}

fn table(all: &[Standing]) -> String {
    let mut table = Table::left(["CLASS", "KIND", "STATE", "NEEDED", "PEOPLE", "GAVE", "RECIPIENT"]);
    for its in all {
        let state = match (its.open, its.until) {
            (true, Some(until)) => format!("open until {}", utc::rfc3339(until)),
            (true, None) => "open".into(),
            (false, _) => "sealed".into(),
        };
        let people = if its.people.is_empty() { "-".into() } else { its.people.join(" ") };
        let given = if its.given.is_empty() { "-".into() } else { its.given.join(" ") };
        let kind = if its.sealed { "sealed" } else { "online" };
        table.row(vec![
            its.class.clone(),
            kind.into(),
            state,
            its.needed.to_string(),
            people,
            given,
            its.recipient.clone(),
        ]);
    }
    if table.is_empty() { "The keeper has no identity; `keys new` makes one.\n".into() } else { table.to_string() }
}

//! The command line as people type it: every command, its flags and its help. No work is done
//! here, so that what is wrong with a command is said at once.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};
use pulih_protocol::token::Token;
use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::Class;
use pulih_vault::id::VaultId;
use pulih_vault::layout::DatasetName;
use pulih_vault::note::Fingerprint;
use pulih_vault::tree::name::is_safe_path;

use super::examples;
use crate::machine;

/// Save files to a vault that only its owner can read, and bring them back.
///
/// Files are cut into chunks, deduplicated, compressed and encrypted on this server. It holds no
/// key that reads them back: for that take the recovery identity that `init` made.
#[derive(Debug, Parser)]
#[command(name = "pulih-agent", version, max_term_width = 100, after_help = examples::STATUSES)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const EVERY: &str = "Options of every command";

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Where the vaults are: a folder, or https://host:port of the site that it is enrolled with
    #[arg(long, global = true, help_heading = EVERY, value_name = "URL", env = "PULIH_STORE", hide_env_values = true, value_hint = ValueHint::DirPath)]
    pub store: Option<OsString>,
    /// This agent's keys and caches [default: /var/lib/pulih-agent for root, else the XDG state folder]
    #[arg(long, global = true, help_heading = EVERY, value_name = "DIR", env = "PULIH_STATE", hide_env_values = true, value_hint = ValueHint::DirPath)]
    pub state: Option<PathBuf>,
    /// Which vault, where there are several
    #[arg(long, global = true, help_heading = EVERY, value_name = "ID")]
    pub vault: Option<VaultId>,
    /// The file that names this machine, for the site: as in machine-id(5)
    #[arg(long, global = true, hide = true, value_name = "FILE", default_value = machine::MACHINE_ID)]
    pub machine_id: PathBuf,
    /// Print JSON for programs (docs/contracts/json.md)
    #[arg(long, global = true, help_heading = EVERY)]
    pub json: bool,
    /// Show no progress; problems are still told
    #[arg(long, short, global = true, help_heading = EVERY)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Init(Init),
    Backup(Backup),
    Snapshots(Snapshots),
    Ls(Ls),
    Find(Find),
    Diff(Diff),
    Dump(Dump),
    Restore(Restore),
    Check(Check),
    Doctor(Doctor),
    Rebuild(Rebuild),
    Enroll(Enroll),
    Ask(Ask),
    #[command(subcommand)]
    Owner(Owner),
    Run(Run),
    Status(Status),
    AcceptPolicy(AcceptPolicy),
    Completions(Completions),
    Man(Man),
}

/// Make a vault in a store, with its owner key and recovery identity
#[derive(Debug, Args)]
#[command(
    after_long_help = examples::INIT,
    group(ArgGroup::new("readers").args(["recipients", "identity_out", "adopt", "answer"]).required(true).multiple(true))
)]
pub struct Init {
    /// Security class of what it will hold: strategis, non-publik or publik
    #[arg(long, value_name = "CLASS", default_value = "non-publik")]
    pub class: Class,
    /// The owner key; made there if there is none [default: FILE.owner beside --identity-out]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub owner: Option<PathBuf>,
    /// An age recipient who can read the vault; may be given several times
    #[arg(long = "recipient", value_name = "age1…")]
    pub recipients: Vec<String>,
    /// Make a new recovery identity in this file, and its recipient one of the readers
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub identity_out: Option<PathBuf>,
    /// The owner key is elsewhere: write what it must sign into this file, for `owner sign`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["owner", "identity_out"])]
    pub request: Option<PathBuf>,
    /// Take over this vault of a server that lost its keys
    #[arg(long, value_name = "VAULT", requires = "request", conflicts_with_all = ["recipients", "class"])]
    pub adopt: Option<VaultId>,
    /// The fingerprint of the owner key that must sign [default: the one that the site has on record]
    #[arg(long, value_name = "SHA256:…", requires = "request")]
    pub owner_fingerprint: Option<Fingerprint>,
    /// Make what was asked for with --request: the file that `owner sign` wrote
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["owner", "identity_out", "recipients", "class", "request"])]
    pub answer: Option<PathBuf>,
}

/// Save files and folders as a new snapshot
#[derive(Debug, Args)]
#[command(after_long_help = examples::BACKUP)]
pub struct Backup {
    /// What is saved together
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub dataset: DatasetName,
    /// Files and folders to save
    #[arg(value_name = "PATH", required_unless_present = "stdin", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Save what comes from standard input as one file of this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["paths", "exclude", "exclude_from", "exclude_caches", "one_file_system"])]
    pub stdin: Option<OsString>,
    /// Leave out what matches, in the manner of .gitignore; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Leave out what matches a line of this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub exclude_from: Vec<PathBuf>,
    /// Leave out what is in folders with a CACHEDIR.TAG
    #[arg(long)]
    pub exclude_caches: bool,
    /// Do not go into other file systems that are mounted below a PATH
    #[arg(long, short = 'x')]
    pub one_file_system: bool,
    /// How finely a new dataset is cut: small for database dumps, large for many terabytes
    #[arg(long, value_name = "SIZE")]
    pub chunks: Option<Chunks>,
    /// Say what would be saved; write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// Enroll this server with a Pusat Data, by the token that was given for it
#[derive(Debug, Args)]
#[command(after_long_help = examples::ENROLL)]
pub struct Enroll {
    /// Where the Pusat Data is: https://host:port
    pub url: String,
    /// The token that `pulih-controller agent invite` printed
    #[arg(long, value_name = "TOKEN", env = "PULIH_TOKEN", hide_env_values = true)]
    pub token: Token,
}

/// Run as a daemon: save the datasets of agent.toml at the site, by its policy
#[derive(Debug, Args)]
#[command(after_long_help = examples::RUN)]
pub struct Run {
    /// What is saved [default: /etc/pulih/agent.toml]
    #[arg(long, value_name = "FILE", env = "PULIH_CONFIG", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// Show how this server's datasets stand
#[derive(Debug, Args)]
#[command(after_long_help = examples::STATUS)]
pub struct Status {
    /// What is saved [default: /etc/pulih/agent.toml]
    #[arg(long, value_name = "FILE", env = "PULIH_CONFIG", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

/// Accept that the site's policy leaves more out of backups than before
#[derive(Debug, Args)]
#[command(after_long_help = examples::ACCEPT_POLICY)]
pub struct AcceptPolicy {
    /// What is saved [default: /etc/pulih/agent.toml]
    #[arg(long, value_name = "FILE", env = "PULIH_CONFIG", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Show what would be left out; accept nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// The owner key of an OPD: offline, with its walidata
#[derive(Debug, Subcommand)]
pub enum Owner {
    /// Make an owner key in a new file
    New {
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Sign what a server asked for with `init --request`, away from that server
    #[command(after_long_help = examples::OWNER_SIGN)]
    Sign(Sign),
    /// Print the fingerprint of an owner key, for `pulih-controller opd add`
    Show {
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub struct Sign {
    /// What the server wrote
    #[arg(value_name = "REQUEST", value_hint = ValueHint::FilePath)]
    pub request: PathBuf,
    /// The owner key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub owner: PathBuf,
    /// A recovery identity of the vault: needed for a vault that is adopted
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub identity: Option<PathBuf>,
    /// Where the answer is written, for `init --answer`
    #[arg(long, value_name = "ANSWER", value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// Sign without asking: only where a person has seen what is signed
    #[arg(long)]
    pub yes: bool,
}

/// Ask the office's walidata for content of a dataset, which the site then lets be read
#[derive(Debug, Args)]
#[command(after_long_help = examples::ASK)]
pub struct Ask {
    /// Which dataset
    #[arg(long, value_name = "NAME")]
    pub dataset: DatasetName,
    /// Only this snapshot: an id, a unique prefix of one, or `latest` [default: any of the dataset]
    #[arg(long, value_name = "SNAPSHOT")]
    pub snapshot: Option<String>,
    /// Why, for the walidata and for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
}

/// How finely a dataset is cut, for good: cut otherwise, nothing of it would be known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Chunks {
    /// 16 KiB on average
    Small,
    /// 64 KiB on average
    Medium,
    /// 256 KiB on average
    Large,
}

impl Chunks {
    pub fn sizes(self) -> ChunkSizes {
        match self {
            Self::Small => ChunkSizes::SMALL,
            Self::Medium => ChunkSizes::DEFAULT,
            Self::Large => ChunkSizes::LARGE,
        }
    }
}

/// The identity that reads a vault.
#[derive(Debug, Args)]
pub struct WithIdentity {
    /// The vault's recovery identity
    #[arg(long, value_name = "FILE", env = "PULIH_IDENTITY", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub identity: PathBuf,
}

/// The identity, for commands that can do without one.
#[derive(Debug, Args)]
pub struct MaybeIdentity {
    /// The vault's recovery identity
    #[arg(long, value_name = "FILE", env = "PULIH_IDENTITY", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub identity: Option<PathBuf>,
}

/// The dataset, where a vault has several.
#[derive(Debug, Args)]
pub struct MaybeDataset {
    /// Which dataset, where the vault has several
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<DatasetName>,
}

/// List the snapshots of a vault
#[derive(Debug, Args)]
#[command(after_long_help = examples::SNAPSHOTS)]
pub struct Snapshots {
    #[command(flatten)]
    pub identity: MaybeIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
}

/// List the entries of a snapshot
#[derive(Debug, Args)]
#[command(after_long_help = examples::LS)]
pub struct Ls {
    #[command(flatten)]
    pub identity: WithIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
    /// An id, a unique prefix of one, or `latest`; with a PATH, only what is there
    #[arg(value_name = "SNAPSHOT[:PATH]", value_parser = OsStringValueParser::new().try_map(|text| SnapshotPath::parse(&text)))]
    pub snapshot: SnapshotPath,
    /// Show mode, owner, size and time too
    #[arg(long, short)]
    pub long: bool,
}

/// Find entries of a snapshot by name
#[derive(Debug, Args)]
#[command(after_long_help = examples::FIND)]
pub struct Find {
    #[command(flatten)]
    pub identity: WithIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
    /// An id, a unique prefix of one, or `latest`; with a PATH, only what is below
    #[arg(value_name = "SNAPSHOT[:PATH]", value_parser = OsStringValueParser::new().try_map(|text| SnapshotPath::parse(&text)))]
    pub snapshot: SnapshotPath,
    /// What to look for: `*.pdf` in any folder, or a path with slashes
    #[arg(value_name = "GLOB", required = true)]
    pub patterns: Vec<String>,
}

/// Show what differs between two snapshots
#[derive(Debug, Args)]
#[command(after_long_help = examples::DIFF)]
pub struct Diff {
    #[command(flatten)]
    pub identity: WithIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
    /// The older one: an id, a unique prefix of one, or `latest`
    #[arg(value_name = "SNAPSHOT")]
    pub from: String,
    /// The newer one
    #[arg(value_name = "SNAPSHOT")]
    pub to: String,
}

/// Print a saved file to standard output
#[derive(Debug, Args)]
#[command(after_long_help = examples::DUMP)]
pub struct Dump {
    #[command(flatten)]
    pub identity: WithIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
    /// Which file of which snapshot
    #[arg(value_name = "SNAPSHOT:PATH", value_parser = OsStringValueParser::new().try_map(|text| SnapshotPath::parse_with_path(&text)))]
    pub file: SnapshotPath,
}

/// Bring files of a snapshot back into a folder
#[derive(Debug, Args)]
#[command(after_long_help = examples::RESTORE)]
pub struct Restore {
    #[command(flatten)]
    pub identity: WithIdentity,
    #[command(flatten)]
    pub dataset: MaybeDataset,
    /// An id, a unique prefix of one, or `latest`; with a PATH, only what is there
    #[arg(value_name = "SNAPSHOT[:PATH]", value_parser = OsStringValueParser::new().try_map(|text| SnapshotPath::parse(&text)))]
    pub snapshot: SnapshotPath,
    /// The folder to write into; saved paths are kept below it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub target: PathBuf,
    /// Bring back only what matches; may be given several times
    #[arg(long, value_name = "GLOB")]
    pub include: Vec<String>,
    /// Say what would be written; write nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
}

/// Check that what the snapshots need is in the store and undamaged
#[derive(Debug, Args)]
#[command(after_long_help = examples::CHECK)]
pub struct Check {
    #[command(flatten)]
    pub identity: MaybeIdentity,
    /// Also read the packs: all, or a random share of them
    #[arg(long, value_name = "PERCENT", num_args = 0..=1, require_equals = true, default_missing_value = "100", value_parser = percent)]
    pub read_data: Option<f64>,
}

/// Look over this agent, its store and its keys, and say what is wrong
#[derive(Debug, Args)]
#[command(after_long_help = examples::DOCTOR)]
pub struct Doctor {
    #[command(flatten)]
    pub identity: MaybeIdentity,
}

/// Make lost indexes and manifests again from the packs
#[derive(Debug, Args)]
#[command(after_long_help = examples::REBUILD)]
pub struct Rebuild {
    #[command(flatten)]
    pub identity: WithIdentity,
    /// The owner key, which signs manifests that are made again where the agent's key is lost
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub owner: Option<PathBuf>,
}

/// Print a script that completes commands in a shell
#[derive(Debug, Args)]
#[command(after_long_help = examples::COMPLETIONS)]
pub struct Completions {
    pub shell: clap_complete::Shell,
}

/// Print the manual page, or write the pages of all commands into a folder
#[derive(Debug, Args)]
pub struct Man {
    /// The folder, which must be there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: Option<PathBuf>,
}

/// `SNAPSHOT` or `SNAPSHOT:PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPath {
    pub snapshot: String,
    /// Relative, as entries have it: without slashes around it. `None`: all of the snapshot.
    pub path: Option<Vec<u8>>,
}

impl SnapshotPath {
    fn parse(text: &OsStr) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let (snapshot, path) = match bytes.iter().position(|&b| b == b':') {
            Some(colon) => (&bytes[..colon], Some(&bytes[colon + 1..])),
            None => (bytes, None),
        };
        let path = path.map(|path| {
            let from = path.iter().position(|&b| b != b'/').unwrap_or(path.len());
            let to = path.iter().rposition(|&b| b != b'/').map_or(from, |last| last + 1);
            path[from..to].to_vec()
        });
        let path = path.filter(|path| !path.is_empty());
        if path.as_deref().is_some_and(|path| !is_safe_path(path)) {
            return Err("the path has an empty part, or `.` or `..` in it".to_owned());
        }
        match std::str::from_utf8(snapshot) {
            Ok(snapshot) if !snapshot.is_empty() => Ok(Self { snapshot: snapshot.to_owned(), path }),
            _ => Err("a snapshot is an id, a unique prefix of one, or `latest`".to_owned()),
        }
    }

    fn parse_with_path(text: &OsStr) -> Result<Self, String> {
        Self::parse(text).and_then(|it| match it.path {
            Some(_) => Ok(it),
            None => Err("give the file's path too: SNAPSHOT:PATH".to_owned()),
        })
    }
}

fn percent(text: &str) -> Result<f64, String> {
    text.trim_end_matches('%')
        .parse()
        .ok()
        .filter(|share| *share > 0.0 && *share <= 100.0)
        .ok_or_else(|| "a percentage is above 0 and at most 100".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_snapshot_may_have_a_path() {
        let parse = |text: &str| SnapshotPath::parse(text.as_ref());
        let path = |text: &str| parse(text).unwrap().path.map(|path| String::from_utf8(path).unwrap());
        assert_eq!(parse("latest").unwrap().snapshot, "latest");
        assert_eq!(path("latest:"), None);
        assert_eq!(path("latest:/"), None);
        assert_eq!(path("latest:/srv/data/"), Some("srv/data".into()));
        assert_eq!(path("ab12:a:b"), Some("a:b".into()));
        for bad in ["", ":path", "latest:a/../b", "latest:a//b"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(SnapshotPath::parse_with_path("latest".as_ref()).is_err());
    }

    #[test]
    fn a_share_of_the_data_may_be_read() {
        let read = |args: &[&str]| {
            let line = ["pulih-agent", "check"].iter().chain(args);
            match Cli::try_parse_from(line).map(|cli| cli.command) {
                Ok(Command::Check(check)) => Some(check.read_data),
                _ => None,
            }
        };
        assert_eq!(read(&[]), Some(None));
        assert_eq!(read(&["--read-data"]), Some(Some(100.0)));
        assert_eq!(read(&["--read-data=2.5%"]), Some(Some(2.5)));
        assert_eq!(read(&["--read-data=0"]), None);
        assert_eq!(read(&["--read-data=NaN"]), None);
    }
}

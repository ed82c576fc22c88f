//! Commands of a server that is enrolled with a site.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use pulih_protocol::token::Token;
use pulih_vault::layout::DatasetName;
use pulih_vault::note::Fingerprint;

use super::super::examples;

/// Enroll this server with a Pusat Data, or with a DRC in a disaster, by the token that was given for it
#[derive(Debug, Args)]
#[command(after_long_help = examples::ENROLL)]
pub struct Enroll {
    /// Where the site is: https://host:port
    pub url: String,
    /// The token that `pulih-controller agent invite` printed
    #[arg(long, value_name = "TOKEN", env = "PULIH_TOKEN", hide_env_values = true)]
    pub token: Token,
}

/// Bring into place here what a DRC ordered onto this server
#[derive(Debug, Args)]
#[command(after_long_help = examples::RECOVER)]
pub struct Recover {
    /// The folder to write into; each dataset comes below SERVER/DATASET in it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub target: PathBuf,
    /// Believe vaults of this owner key alone, as the OPD says it; may be given several times
    #[arg(long, value_name = "FINGERPRINT")]
    pub owner: Vec<Fingerprint>,
    /// Where the DRC is: https://host:port [default: the site that this server is enrolled with]
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
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

/// Take the DRC that the site names, in the place of the one that was known
#[derive(Debug, Args)]
#[command(after_long_help = examples::ACCEPT_DRC)]
pub struct AcceptDrc {
    /// Show which one it is; accept nothing
    #[arg(long, short = 'n')]
    pub dry_run: bool,
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

/// Make a disk ready for a first backup that is carried to the Pusat Data
#[derive(Debug, Args)]
#[command(after_long_help = examples::SEED)]
pub struct Seed {
    /// The folder on the disk; made if it is not there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub to: PathBuf,
    /// What is saved [default: /etc/pulih/agent.toml]
    #[arg(long, value_name = "FILE", env = "PULIH_CONFIG", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
}

//! Commands of the owner key.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::super::examples;

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

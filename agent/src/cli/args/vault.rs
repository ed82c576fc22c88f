//! Commands that make a vault, and look after one.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueHint};
use pulih_vault::description::Class;
use pulih_vault::id::VaultId;
use pulih_vault::note::Fingerprint;

use super::super::examples;
use super::{MaybeIdentity, WithIdentity};

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

fn percent(text: &str) -> Result<f64, String> {
    text.trim_end_matches('%')
        .parse()
        .ok()
        .filter(|share| *share > 0.0 && *share <= 100.0)
        .ok_or_else(|| "a percentage is above 0 and at most 100".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};

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

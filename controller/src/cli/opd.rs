//! `opd describe`: what there is at an office, by whoever may say so.

use clap::{Args, ValueEnum};
use pulih_ledger::entry::kinds::OpdDescribed;

use super::ask::{acting, said};
use super::{Failure, Signed};
use crate::control::Ask;
use crate::site::SiteDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum YesNo {
    Yes,
    No,
}

#[derive(Debug, Args)]
pub struct Describe {
    /// The office
    opd: String,
    /// Whether it runs a data centre of its own
    #[arg(long, value_name = "YES|NO")]
    own_centre: YesNo,
    /// Who says so: name and office
    #[arg(long)]
    by: String,
    /// Number of the letter or decree
    #[arg(long)]
    letter: String,
    #[command(flatten)]
    signed: Signed,
}

pub const DESCRIBE: &str = "\
Example, by an admin who has the letter:

  pulih-controller opd describe dinkes --own-centre yes --by \"Kepala Dinas Kesehatan\" --letter 800/7/2026 \\
      --as siti --sign-with siti.key

Some regulations ask more of offices that run a data centre of their own. The walidata of the office says so, or an
admin who has the letter. The newest word counts.";

pub fn asked(dir: &SiteDir, its: &Describe) -> Result<Ask, Failure> {
    let described = OpdDescribed {
        opd: its.opd.parse().map_err(said)?,
        own_centre: its.own_centre == YesNo::Yes,
        by: its.by.clone(),
        letter: its.letter.clone(),
    };
    acting(dir, &its.signed, described.into())
}

pub fn text(its: &Describe) -> String {
    format!("What there is at {} is on record.\n", its.opd)
}

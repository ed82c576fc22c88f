//! `completions` and `man`: made from the definition of the command line.

use std::fs;

use clap::CommandFactory as _;

use super::Context;
use super::args::{Cli, Completions, Man};
use super::failure::{Failure, Outcome};

const NAME: &str = "pulih-agent";

pub fn completions(context: &mut Context, args: &Completions) -> Result<Outcome, Failure> {
    // Into memory first: the generator panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), NAME, &mut script);
    context.out.bytes(&script)?;
    Ok(Outcome::Done)
}

pub fn man(context: &mut Context, args: &Man) -> Result<Outcome, Failure> {
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(Failure::Output)?;
        context.out.bytes(&page)?;
        return Ok(Outcome::Done);
    };
    let cannot =
        |error: std::io::Error| Failure::said(format!("cannot write manual pages into {}: {error}", folder.display()));
    if !fs::metadata(folder).map_err(cannot)?.is_dir() {
        return Err(cannot(std::io::ErrorKind::NotADirectory.into()));
    }
    clap_mangen::generate_to(Cli::command(), folder).map_err(cannot)?;
    Ok(Outcome::Done)
}

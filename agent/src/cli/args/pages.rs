//! Commands that print pages about the program itself.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::super::examples;

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

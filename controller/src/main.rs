//! The controller of a site.

use std::process::ExitCode;

fn main() -> ExitCode {
    pulih_controller::cli::main(pulih_report::lay_out)
}

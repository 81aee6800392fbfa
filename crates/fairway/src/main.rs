//! The program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(fairway::cmd::run())
}

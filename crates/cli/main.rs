//! The trailtrim binary: hands its arguments to the library and exits as told.

use std::process::ExitCode;

fn main() -> ExitCode {
    trailtrim::main(std::env::args_os())
}

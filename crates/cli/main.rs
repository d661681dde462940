//! The trailtrim binary: hands its arguments to the library and exits as told.

use std::process::ExitCode;

// A long run lets lists grow by the million, and glibc's pieces of them do not come back together:
// with ten million events it held a fifth more memory than this one.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    trailtrim::main(std::env::args_os())
}

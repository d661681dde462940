//! End-to-end tests of the binary.
//!
//! Each runs the built program as a user would and looks at what it writes;
//! nothing here calls into a product crate. What is right is said by the naive
//! reference and the seeded trails of testkit.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says on standard error why it is skipped"
)]

mod agreement;
mod backtest;
mod coverage;
mod denials;
mod deploy;
mod determinism;
mod diff;
mod errors;
mod explain;
mod formats;
mod golden;
mod harness;
mod html;
mod output;
mod policy;
mod proofs;
mod readme;
mod reference;
mod roads;
mod robustness;
mod soak;
mod terminal;
mod truth;
mod usage_files;
mod workloads;

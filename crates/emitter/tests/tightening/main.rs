//! Tightening against histories whose truth is known.
//!
//! testkit makes histories, hides a part of them, and knows what each call needs;
//! policies are drawn around those needs. What comes out of the whole way from
//! records to drafts must then keep what was done, seen or hidden, and grant
//! nothing that was not attached. Nothing here asks the code under test what was
//! needed.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and tells its counts"
)]

mod drill;
mod history;
mod laws;
mod policies;

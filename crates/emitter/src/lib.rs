//! From grants to policies and the report.
//!
//! [`draft`] turns what a principal used into the smallest policy that grants
//! just that; [`report`] is the versioned model of a run that every output
//! format is made from. Nothing here knows how logs are read.

mod draft;
mod path;
pub mod report;
mod usage_line;

pub use draft::{Draft, MANAGED_POLICY_LIMIT, draft};
pub use path::{POLICY_FILE, policy_path};
pub use usage_line::{UsageLine, usage_lines};

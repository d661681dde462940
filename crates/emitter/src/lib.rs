//! From grants to policies and the report.
//!
//! [`draft`] turns what a principal used into the smallest policy that grants
//! just that, written to one's [`taste`] by way of [`cover`]; [`report`] is the versioned model of a run that every output
//! format is made from. [`backtest`] puts drafts to what came after them, [`soak`]
//! says how complete the picture is, [`denials`] what was refused and by whom.
//! Nothing here knows how logs are read.

pub mod backtest;
mod baseline;
pub mod cover;
pub mod denials;
mod draft;
mod irredundant;
mod path;
pub mod report;
mod sid;
pub mod soak;
pub mod taste;
mod usage_line;

pub use baseline::Baseline;
pub use draft::{Draft, DraftOptions, MANAGED_POLICY_LIMIT, draft};
pub use path::{POLICY_FILE, policy_path};
pub use taste::{Choice, Generalisation, Taste};
pub use usage_line::{UsageLine, usage_lines};

//! From grants to policies and the report.
//!
//! [`draft`] turns what a principal used into the smallest policy that grants just that, written to
//! one's [`taste`] by way of [`cover`]; [`tighten`] restricts what is attached to that, [`fit`] keeps
//! it within IAM's limits, and [`proof`] shows that it is right; [`report`] is the versioned model of a
//! run that every output format is made from. [`backtest`] puts drafts to what came after them,
//! [`soak`] says how complete the picture is, [`denials`] what was refused and by whom, [`explain`] why
//! a permission is there. [`render`] writes policies as people deploy them, and what they read of them, in
//! a browser by way of [`page`]. Nothing here knows how logs are read.

pub mod attached;
pub mod backtest;
mod baseline;
mod caveats;
mod circumstance;
mod companions;
pub mod cover;
pub mod coverage;
mod data_events;
mod dated;
pub mod denials;
pub mod diff;
mod draft;
mod escalation;
pub mod explain;
pub mod finding;
pub mod fit;
mod guards;
mod irredundant;
mod packed;
pub mod page;
mod path;
pub mod proof;
mod refused;
pub mod render;
mod renewed;
mod replay;
pub mod report;
mod sets;
mod shared_by;
mod sid;
pub mod soak;
pub mod taste;
pub mod tighten;
mod turnover;
mod usage_line;
mod ways;

pub use baseline::{Baseline, left_out};
pub use caveats::{AnyRole, Caveats, Widening, made_anew, renamed};
pub use circumstance::ConditionKind;
pub use companions::MissingCompanions;
pub use data_events::{DataEvents, MissingDataEvents};
pub use dated::DatedKeys;
pub use draft::{Draft, DraftOptions, MANAGED_POLICY_LIMIT, draft, draft_together};
pub use packed::{Packed, packed};
pub use path::{
    POLICY_FILE, POLICY_FILES, draft_path, is_policy_file, numbered_policy_file, policy_path,
};
pub use refused::Regranted;
pub use sets::PermissionSets;
pub use shared_by::SharedBy;
pub use taste::{Choice, Generalisation, Rule, Taste};
pub use turnover::Turnover;
pub use usage_line::{UsageLine, usage_lines};
pub use ways::Need;

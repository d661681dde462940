//! Who did what: attribution, outcome, usage, grants.
//!
//! Two steps, with the usage between them. [`Observer`] turns records into
//! [`Usage`]: distinct calls per principal, joined. [`resolve`] reads a usage
//! with a catalog and says which permission on which resource each principal
//! used, with evidence. The crate knows nothing of policies or output formats.

mod call;
pub mod coverage;
mod denial;
mod extract;
mod facts;
mod identity;
mod observe;
mod outcome;
mod resolve;
mod stats;
mod usage;

pub use call::{Call, Category, Copy, Denial, Part, Resource};
pub use coverage::Coverage;
pub use identity::{Caller, Outsider, PrincipalKey, Reason};
pub use observe::{Observer, Scope};
pub use outcome::Outcome;
pub use resolve::{
    Activity, Principal, PrincipalKind, Refusal, Row, RowKey, Unmapped, UnmappedKey, resolve,
};
pub use stats::{Count, EVIDENCE, EventKey, Evidence, Join, SKETCH, Stats, day};
pub use usage::{Calls, OtherEvent, OtherKind, Usage};

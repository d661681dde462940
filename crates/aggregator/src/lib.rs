//! Who did what: attribution, outcome, usage, grants.
//!
//! Two steps, with the usage between them. [`Observer`] turns records into
//! [`Usage`]: distinct calls per principal, joined. [`resolve`] reads a usage
//! with a catalog and says which permission on which resource each principal
//! used, with evidence. The crate knows nothing of policies or output formats.

mod activity;
mod assumed;
mod call;
mod callers;
mod calls;
mod context;
pub mod coverage;
mod denial;
mod epoch;
mod extract;
mod facts;
mod federated;
mod file;
mod filed;
mod history;
mod identity;
mod limit;
mod listed;
mod lives;
mod names;
mod needed;
mod observe;
mod outcome;
mod recent;
mod record_kind;
mod resolve;
mod scope;
mod settings;
mod shards;
mod signed_in;
mod sketch;
mod sorted;
mod sources;
mod stats;
mod told;
mod trie;
mod usage;
mod wanted;
mod workload;

pub use activity::{
    Activity, Brought, Own, Principal, PrincipalKind, Refusal, Row, RowKey, Unmapped, UnmappedKey,
    permission_set,
};
pub use assumed::Assumptions;
pub use call::{Call, Category, Copy, Denial, Open, Part, Resource};
pub use calls::Calls;
pub use context::{FEW, Few};
pub use coverage::Coverage;
pub use epoch::{Epoch, excludes};
pub use facts::{Background, Facts};
pub use federated::{Federated, Named, Provider, ids as identities, provider};
pub use file::{Body, FileError, MAGIC, UsageFile, VERSION};
pub use history::{Holder, PolicyChange, PolicyChanges, Whose};
pub use identity::{Caller, Outsider, PrincipalKey, Reason, is_service_linked};
pub use observe::Observer;
pub use outcome::Outcome;
pub use resolve::{resolve, resolve_by_workload, resolve_knowing, resolve_some};
pub use scope::{Excluded, Scope};
pub use settings::{Over, SetUp};
pub use shards::Shards;
pub use signed_in::SignIns;
pub use sketch::{Count, Hash as EventHash, SKETCH};
pub use sorted::Sorted;
pub use sources::{FileMark, Sources};
pub use stats::{Days, EVIDENCE, EventKey, Evidence, Join, Stats, day};
pub use trailtrim_ingest::Label;
pub use trie::{NAME_QUOTA, Quota, WORKLOAD_QUOTA};
pub use usage::{OtherEvent, OtherKind, Usage};
pub use wanted::Wanted;
pub use workload::{Acted, Attribution, Workload, Workloads, run_token, session_habit};

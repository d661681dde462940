//! Finds, opens, frames and parses CloudTrail archives in parallel.
//!
//! The one road is [`fold`]: it reads everything it is given and hands each [`Record`] to a
//! visitor, on the current rayon pool. It knows nothing of IAM, principals or policies, and it
//! filters nothing: [`Prune`] only leaves files closed that hold nothing wanted.
//!
//! ```
//! use trailtrim_ingest::{Input, Prune, fold};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let file = dir.path().join("trail.json");
//! std::fs::write(&file, r#"{"Records":[
//!     {"eventSource":"s3.amazonaws.com","eventName":"ListBuckets"},
//!     {"eventSource":"iam.amazonaws.com","eventName":"ListUsers"}
//! ]}"#)?;
//! let (names, ingested) = fold(
//!     &[Input::Path(file)],
//!     &Prune::default(),
//!     Vec::new,
//!     |names, _, record| names.push(record.event_name.to_string()),
//!     |mut left, right| {
//!         left.extend(right);
//!         left
//!     },
//! )?;
//! assert_eq!(names, ["ListBuckets", "ListUsers"]);
//! assert!(ingested.skipped.is_empty());
//! # Ok(())
//! # }
//! ```

mod ahead;
mod error;
mod fold;
mod foreign;
mod framer;
mod grammar;
mod inflate;
mod json;
mod label;
mod listing;
mod mentions;
mod needle;
mod progress;
mod prune;
mod raw;
mod read;
mod record;
mod resync;
mod scan;
mod skim;
mod skipped;
mod source;
mod unwrap;
mod walk;
mod whole;
mod window;

pub use error::IngestError;
pub use fold::{
    FileFound, Files, Ingested, Input, Provenance, SetAside, fold, fold_files, fold_reporting,
};
pub use json::{Cursor, Elements, Json, Members, NotJson, Value};
pub use label::Label;
pub use mentions::Mentions;
pub use progress::{Progress, Quiet};
pub use prune::Prune;
pub use read::{FileReport, RECORD_LIMIT, Road, Scratch, read_stream};
pub use record::{NotARecord, Record};
pub use skipped::{LISTED_PER_KIND, Position, SkipKind, Skipped};
pub use source::{Compression, ContentHash, Framing, SourceFacts};

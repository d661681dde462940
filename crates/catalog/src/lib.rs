//! What CloudTrail events mean in IAM's words, as embedded data.
//!
//! A [`Catalog`] answers three questions. Which IAM actions did this API call need, and on which
//! resources ([`Catalog::operation`], [`Operation::resolve`])? What is known about this action or
//! service ([`Catalog::action`], [`Catalog::service`])? And what does this error code say about
//! the permission ([`Catalog::error_class`])?
//!
//! The facts are data and the rules are data: `data/` holds what the refresh tool made of public
//! packages, `rules/*.toml` what people know beyond them. `build.rs` turns both into one flat
//! table that is embedded and read in place, so a [`Catalog`] costs nothing to have.
//!
//! The crate sees no record bytes and no policies. Whoever holds a call hands its kept parts over
//! as a [`Request`]; which parts to keep is [`Operation::extraction`].
//!
//! ```
//! use trailtrim_catalog::Catalog;
//!
//! let catalog = Catalog::embedded();
//! let operation = catalog.operation("s3.amazonaws.com", "GetObject");
//! for path in operation.extraction().paths() {
//!     println!("{path}");
//! }
//! ```

mod companion;
mod error_class;
mod extraction;
mod facts;
mod fill;
mod grant;
#[expect(dead_code, reason = "the writer uses the rest of it")]
mod layout;
mod operation;
mod request;
mod resolve;
mod shape;
mod table;
mod template;
mod transform;

pub use companion::{Companion, Undoing, Via};
pub use error_class::ErrorClass;
pub use extraction::{Extraction, Lesson};
pub use facts::{
    AccessLevel, ActionFacts, Package, ResourceTypeFacts, ServiceFacts, Version, Visibility,
};
pub use grant::{Condition, Grant, Origin, Resolution, Unresolved};
pub use operation::{Confidence, Kind, Operation, undated};
pub use request::{FactKind, Request, ResourceRef, Setting};
pub use shape::{Part, Shape};

use layout::root;
use table::Table;

/// The AWS facts and rules, as a handle on embedded tables; copying it costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Catalog {
    table: Table,
}

/// What can be wrong with bytes that claim to be a catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The bytes do not begin as a catalog of this version does, or are cut short.
    #[error("not a catalog of this version: rebuild it with the compiler of the same release")]
    Format,
}

impl Catalog {
    /// Returns the catalog that was compiled into this program.
    pub fn embedded() -> Catalog {
        Catalog { table: Table::embedded() }
    }

    /// Returns a digest of what is asked while observing: which parts of a call are kept, and which
    /// calls teach names. What a call needs is no part of it.
    pub fn observed(self) -> &'static str {
        self.table.root().string(root::OBSERVED)
    }

    /// Returns a catalog over other compiled tables, for drills with a catalog that is wrong on
    /// purpose.
    ///
    /// # Errors
    /// [`CatalogError::Format`] if the bytes are not a compiled catalog of this release.
    pub fn from_bytes(bytes: &'static [u8]) -> Result<Catalog, CatalogError> {
        Table::open(bytes).map(|table| Catalog { table }).ok_or(CatalogError::Format)
    }

    /// Returns the packages the facts were taken from, and the digest of facts and rules.
    pub fn version(self) -> Version {
        Version::new(self.table)
    }

    /// Returns what is known of an event, by its `eventSource` and `eventName`.
    ///
    /// Always answers: an event that nobody knows is [`Kind::Unknown`]. A date suffix of the name
    /// (`Invoke20150331v2`) and the aliases of the source are understood.
    pub fn operation(self, event_source: &str, event_name: &str) -> Operation {
        Operation::find(self.table, event_source, event_name)
    }

    /// Returns every event that is known, with its source's label (`s3` of `s3.amazonaws.com`), in
    /// no order.
    pub fn events(self) -> impl Iterator<Item = (&'static str, Operation)> {
        Operation::all(self.table)
    }

    /// Returns the facts of an IAM action such as `s3:getobject`, in any letter case.
    pub fn action(self, action: &str) -> Option<ActionFacts> {
        ActionFacts::find(self.table, action)
    }

    /// Returns the facts of a service by its IAM prefix, in any letter case.
    pub fn service(self, prefix: &str) -> Option<ServiceFacts> {
        ServiceFacts::find(self.table, prefix)
    }

    /// Tells whether an operation is of a service that is known, and not of a source that nobody knows or that several
    /// services share.
    pub fn knows_service_of(self, operation: &Operation) -> bool {
        !operation.is_of_shared_source()
            && operation.service().is_some_and(|prefix| self.service(prefix).is_some())
    }

    /// Tells whether an event that is not known may be of a call that passes a role, by the verb of its name.
    pub fn may_pass_roles(self, event_name: &str) -> bool {
        !self.table.root().node(root::PASSING_NONE).strings().any(|word| {
            let rest = event_name.strip_prefix(word);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
        })
    }

    /// Returns every service, ordered by prefix.
    pub fn services(self) -> impl Iterator<Item = ServiceFacts> {
        ServiceFacts::all(self.table)
    }

    /// Returns the actions that go with others and rarely show on their own.
    pub fn companions(self) -> impl Iterator<Item = Companion> {
        Companion::all(self.table)
    }

    /// Returns how services take back what they did with their callers' credentials.
    pub fn undoing(self) -> impl Iterator<Item = Undoing> {
        Undoing::all(self.table)
    }

    /// Returns what is known of a service that calls on its callers' behalf, by the `invokedBy`
    /// of a record (`athena.amazonaws.com`).
    pub fn via(self, invoked_by: &str) -> Via {
        Via::of(self.table, invoked_by)
    }

    /// Returns what an `errorCode` says about whether the caller had the permission.
    pub fn error_class(self, event_source: &str, code: &str) -> ErrorClass {
        ErrorClass::of(self.table, event_source, code)
    }
}

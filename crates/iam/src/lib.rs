//! The IAM policy language: read, print, match, evaluate, contain.
//!
//! This crate knows the language and nothing that is said in it: no list of
//! AWS services, no files, no clock.
//!
//! ```
//! use trailtrim_iam::{PolicyDocument, Statement, wildcard};
//! let policy = PolicyDocument::new(vec![Statement::allow(["s3:Get*"], ["arn:aws:s3:::b/*"])]);
//! assert_eq!(policy.size(), policy.to_json().len());
//! assert!(wildcard::matches_ignore_case("s3:get*", "s3:GetObject"));
//! ```

mod action;
mod arn;
mod contain;
mod document;
mod eval;
mod glob;
pub mod pattern;
mod print;
pub mod read;
pub mod resource;
pub mod wildcard;

pub use action::{Action, ActionError};
pub use arn::{Arn, ArnError};
pub use contain::{Comparison, Limits, Reason, Undecided, Witness, compare};
pub use document::{
    Condition, Effect, PolicyDocument, PrincipalKind, Principals, Selector, Statement, Version,
};
pub use eval::{
    Context, Decision, Layer, Layers, Matched, NOT_PRINCIPAL, Outcome, Policies, Principal,
    PrincipalError, Request, ResourcePolicyRole, StatementId, evaluate,
};
pub use print::escape_controls;

//! Policies in the forms in which people deploy them, and results in those in which they read them.
//!
//! A renderer of policies takes documents and whom they are for, and knows nothing of where they came
//! from: drafts and tightened policies look alike to it. The document is never changed; where a form
//! cannot say it, the renderer takes a plainer way of the same form, or says so. What is read
//! ([`markdown()`], [`report_markdown()`], [`sarif()`]) is made of the [diff](crate::diff) or the
//! [report](crate::report) alone, [`html()`] of the [page](crate::page) that is made of either.
//!
//! Names come out of logs, so every text is quoted, whatever it holds.

mod cloudformation;
mod html;
mod markdown;
mod markup;
mod names;
#[cfg(test)]
mod sample;
mod sarif;
mod target;
mod terraform;
mod text;
mod yaml;

use trailtrim_iam::PolicyDocument;

pub use cloudformation::{CloudFormationError, Syntax, cloudformation};
pub use html::html;
pub use markdown::{markdown, report_markdown};
pub use names::policy_name;
pub use sarif::sarif;
pub use target::{Attachment, Holder, HolderKind, Target};
pub use terraform::terraform;

/// A document and the name that it is deployed under.
#[derive(Clone, Copy, Debug)]
pub struct NamedPolicy<'a> {
    /// The policy's name; what IAM does not allow in names is replaced.
    pub name: &'a str,
    /// The document.
    pub document: &'a PolicyDocument,
}

//! Policies in the forms in which people deploy them, and a diff in those in which they read it.
//!
//! A renderer of policies takes the documents of one principal and a few names, and knows nothing of where
//! they came from: drafts and tightened policies look alike to it. The document is never changed;
//! where a form cannot say it, the renderer takes a plainer way of the same form, or says so. What
//! is read ([`markdown()`], [`sarif()`]) is made of the [diff](crate::diff) alone.
//!
//! Names come out of logs, so every text is quoted, whatever it holds.

mod cloudformation;
mod markdown;
mod markup;
mod names;
#[cfg(test)]
mod sample;
mod sarif;
mod terraform;
mod text;
mod yaml;

use trailtrim_aggregator::{Principal, PrincipalKind};
use trailtrim_iam::PolicyDocument;

pub use cloudformation::{CloudFormationError, Syntax, cloudformation};
pub use markdown::markdown;
pub use names::policy_name;
pub use sarif::sarif;
pub use terraform::terraform;

/// Whom the policies are for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The principal's ARN.
    pub arn: &'a str,
    /// Role or user.
    pub kind: PrincipalKind,
    /// The name, with or without a path before it.
    pub name: &'a str,
    /// The Identity Center permission set that the role belongs to.
    pub permission_set: Option<&'a str>,
}

/// A document and the name that it is deployed under.
#[derive(Clone, Copy, Debug)]
pub struct NamedPolicy<'a> {
    /// The policy's name; what IAM does not allow in names is replaced.
    pub name: &'a str,
    /// The document.
    pub document: &'a PolicyDocument,
}

impl<'a> From<&'a Principal> for Target<'a> {
    fn from(principal: &'a Principal) -> Target<'a> {
        Target {
            arn: &principal.arn,
            kind: principal.kind,
            name: &principal.name,
            permission_set: principal.permission_set.as_deref(),
        }
    }
}

impl<'a> Target<'a> {
    /// Returns the name without the path.
    fn bare_name(&self) -> &'a str {
        self.name.rsplit('/').next().unwrap_or(self.name)
    }
}

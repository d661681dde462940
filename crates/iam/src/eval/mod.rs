//! Is this request allowed?
//!
//! Evaluation has three truth values. What a condition asks of a context key
//! that nobody knows is unknown, and so is everything that hangs on it; what
//! does not hang on it stays decided.
//!
//! - `condition`, `operator`, `context`, `truth`: one clause in a context;
//! - `principal`: who asks, and whom a resource policy names;
//! - `policies`: compiled documents, and which statements match;
//! - `decision`: all layers together, in AWS's order.

pub(crate) mod condition;
mod context;
mod decision;
pub(crate) mod operator;
mod policies;
pub(crate) mod principal;
pub(crate) mod truth;

pub use context::Context;
pub use decision::{Decision, Layer, Layers, Matched, Outcome, ResourcePolicyRole, evaluate};
pub use policies::{Policies, StatementId};
pub use principal::{NOT_PRINCIPAL, Principal, PrincipalError};

pub(crate) use context::Lookup;
pub(crate) use policies::{Reading, Rule};

use crate::action::Action;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is to be done.
    pub action: Action,
    /// To what: an ARN, or `*` where the action has no resource.
    pub resource: String,
    /// Who asks, if that is known.
    pub principal: Option<Principal>,
    /// The account that owns the resource, where its ARN does not say.
    pub resource_account: Option<String>,
    /// The request's context.
    pub context: Context,
}

impl Request {
    /// Returns a request by nobody in particular, in a closed, empty context.
    #[must_use]
    pub fn new(action: Action, resource: impl Into<String>) -> Self {
        Self {
            action,
            resource: resource.into(),
            principal: None,
            resource_account: None,
            context: Context::closed(),
        }
    }

    /// Returns the account that owns the resource, from its ARN or as given.
    #[must_use]
    pub fn owner(&self) -> Option<&str> {
        self.resource_account.as_deref().or_else(|| {
            let arn = crate::Arn::parse(&self.resource).ok()?;
            Some(arn.account).filter(|account| is_account(account))
        })
    }

    /// Returns the context with the keys that follow from principal and
    /// resource, where it does not hold them itself.
    ///
    /// Source: IAM User Guide, "AWS global condition context keys".
    pub(crate) fn full_context(&self) -> Context {
        let mut context = self.context.clone();
        if let Some(principal) = &self.principal {
            principal.describe(&mut context);
        }
        if let Some(owner) = self.owner() {
            context.put_new("aws:resourceaccount", owner);
        }
        context
    }
}

/// Tells whether a text is an account id: twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells whether the language has a condition operator of this name.
pub(crate) fn is_operator(name: &str) -> bool {
    operator::Operator::parse(name).is_some()
}

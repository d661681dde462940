//! Refusals, in the words AWS uses for them.
//!
//! The grammar is that of AWS's page on access denied errors; each service puts
//! its own code in front of it, and some lose the parameters on the way.

use super::event::Call;
use super::identity::Identity;

/// Which policy refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// No reason given, as before 2021.
    Unsaid,
    /// No identity-based policy allows the action: the only one that a policy can fix.
    NoIdentityPolicy,
    /// An explicit deny in an identity-based policy.
    IdentityDeny,
    /// A service control policy denies.
    ServiceControl,
    /// No permissions boundary allows the action.
    Boundary,
    /// No resource-based policy allows the action.
    NoResourcePolicy,
    /// The VPC endpoint's policy.
    Endpoint,
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The error code, which depends on the service.
    pub code: &'static str,
    /// Which policy refused.
    pub because: Because,
}

impl Denial {
    /// Returns the refusal with the code that the service of `call` uses.
    pub fn of(call: &Call, because: Because) -> Self {
        let code = match call.source {
            "ec2.amazonaws.com" => "Client.UnauthorizedOperation",
            "s3.amazonaws.com"
            | "sts.amazonaws.com"
            | "iam.amazonaws.com"
            | "cloudformation.amazonaws.com" => "AccessDenied",
            "sns.amazonaws.com" => "AuthorizationError",
            _ => "AccessDeniedException",
        };
        Self { code, because }
    }

    /// Says whether the record of such a refusal has null parameters (STS does this).
    pub fn drops_parameters(&self) -> bool {
        self.code == "AccessDenied" && self.because == Because::Unsaid
    }

    /// Returns the message, which names the IAM action and not the event.
    pub fn message(&self, who: &Identity, call: &Call) -> String {
        let prefix = match self.code {
            "Client.UnauthorizedOperation" => "You are not authorized to perform this operation. ",
            _ => "",
        };
        let caller = who.caller().unwrap_or_default();
        let (action, resource) = match call.needs.first() {
            Some(need) => (need.action, need.resource.as_str()),
            None => (call.name, "*"),
        };
        // A resource of `*` is left out for actions that take none.
        let on = match resource {
            "*" => String::new(),
            arn if call.source == "s3.amazonaws.com" => format!(" on resource: \"{arn}\""),
            arn => format!(" on resource: {arn}"),
        };
        let reason = match self.because {
            Because::Unsaid => String::new(),
            Because::NoIdentityPolicy => {
                format!(" because no identity-based policy allows the {action} action")
            }
            Because::IdentityDeny => {
                " with an explicit deny in an identity-based policy".to_owned()
            }
            Because::ServiceControl => {
                " with an explicit deny in a service control policy".to_owned()
            }
            Because::Boundary => {
                format!(" because no permissions boundary allows the {action} action")
            }
            Because::NoResourcePolicy => {
                format!(" because no resource-based policy allows the {action} action")
            }
            Because::Endpoint => {
                format!(" because no VPC endpoint policy allows the {action} action")
            }
        };
        format!("{prefix}User: {caller} is not authorized to perform: {action}{on}{reason}")
    }
}

//! What would let a denied call through, by the kind of policy that refused it.
//!
//! Only what an identity policy lacks can be given by an identity policy. All
//! the rest is decided elsewhere, and adding an Allow there changes nothing.
//!
//! Source: IAM user guide, "Policy evaluation logic" and "Troubleshoot access
//! denied error messages".

use serde::Serialize;
use trailtrim_aggregator::Refusal;

/// Where a denial is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FixedIn {
    /// A policy of the principal itself.
    IdentityPolicy,
    /// The resource's own policy.
    ResourcePolicy,
    /// Whatever is wrong of these: there is no such resource, or its own policy does not allow it, or denies it.
    MissingOrResourcePolicy,
    /// The principal's permissions boundary.
    PermissionsBoundary,
    /// The policy handed over when the session began.
    SessionPolicy,
    /// A service control policy of the organization.
    ServiceControlPolicy,
    /// A resource control policy of the organization.
    ResourceControlPolicy,
    /// The policy of the VPC endpoint.
    EndpointPolicy,
    /// The trust policy of the role to be assumed.
    TrustPolicy,
    /// What Lake Formation grants by itself, beside IAM.
    LakeFormation,
    /// A setting of the account, which only its owner changes.
    AccountSetting,
    /// The message does not say which policy refused.
    Unknown,
}

impl FixedIn {
    /// Returns what people call it.
    pub fn name(self) -> &'static str {
        match self {
            FixedIn::IdentityPolicy => "identity policy",
            FixedIn::ResourcePolicy => "resource policy",
            FixedIn::MissingOrResourcePolicy => "missing resource, or its policy",
            FixedIn::PermissionsBoundary => "permissions boundary",
            FixedIn::SessionPolicy => "session policy",
            FixedIn::ServiceControlPolicy => "service control policy",
            FixedIn::ResourceControlPolicy => "resource control policy",
            FixedIn::EndpointPolicy => "VPC endpoint policy",
            FixedIn::TrustPolicy => "trust policy",
            FixedIn::LakeFormation => "grant of Lake Formation",
            FixedIn::AccountSetting => "setting of the account",
            FixedIn::Unknown => "policy that the message does not name",
        }
    }
}

/// What to do about a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remedy {
    pub(super) fixed_in: FixedIn,
    /// What helps where no policy allows.
    implicit: &'static str,
    /// What helps where a policy denies.
    explicit: &'static str,
}

/// By the kind of policy, as messages of denial are read.
const REMEDIES: [(&str, Remedy); 11] = [
    (
        "identity-based",
        Remedy {
            fixed_in: FixedIn::IdentityPolicy,
            implicit: "allow the action on the resource in an identity policy",
            explicit: "narrow the Deny statement of the identity policy; no Allow outweighs it",
        },
    ),
    (
        "missing-or-resource-based",
        Remedy {
            fixed_in: FixedIn::MissingOrResourcePolicy,
            implicit: "look at region and account first; if the resource is there, its owner allows the principal in its policy (of a key, the key policy), or narrows the Deny statement there",
            explicit: "the resource's owner narrows the Deny statement of the resource's policy",
        },
    ),
    (
        "resource-based",
        Remedy {
            fixed_in: FixedIn::ResourcePolicy,
            implicit: "the resource's owner allows the principal in the resource's policy",
            explicit: "the resource's owner narrows the Deny statement of the resource's policy",
        },
    ),
    (
        "permissions-boundary",
        Remedy {
            fixed_in: FixedIn::PermissionsBoundary,
            implicit: "the boundary does not reach that far; whoever owns it widens it, or nobody does",
            explicit: "the boundary denies it; whoever owns it narrows the Deny, or nobody does",
        },
    ),
    (
        "session",
        Remedy {
            fixed_in: FixedIn::SessionPolicy,
            implicit: "whoever opens the session hands over a policy that allows it, or none",
            explicit: "whoever opens the session leaves the Deny out of the policy handed over",
        },
    ),
    (
        "service-control",
        Remedy {
            fixed_in: FixedIn::ServiceControlPolicy,
            implicit: "the organization's service control policies do not allow it in this account",
            explicit: "a service control policy of the organization denies it in this account",
        },
    ),
    (
        "resource-control",
        Remedy {
            fixed_in: FixedIn::ResourceControlPolicy,
            implicit: "the organization's resource control policies do not allow it on this resource",
            explicit: "a resource control policy of the organization denies it on this resource",
        },
    ),
    (
        "vpc-endpoint",
        Remedy {
            fixed_in: FixedIn::EndpointPolicy,
            implicit: "allow it in the VPC endpoint's policy, or call by another way",
            explicit: "narrow the Deny statement of the VPC endpoint's policy, or call by another way",
        },
    ),
    (
        "role-trust",
        Remedy {
            fixed_in: FixedIn::TrustPolicy,
            implicit: "the role to be assumed trusts the principal in its trust policy",
            explicit: "narrow the Deny statement in the trust policy of the role to be assumed",
        },
    ),
    (
        "lake-formation",
        Remedy {
            fixed_in: FixedIn::LakeFormation,
            implicit: "a Lake Formation administrator grants the principal what it lacks on the database, table or location",
            explicit: "Lake Formation's grants deny nothing; look at what the principal lacks",
        },
    ),
    (
        "account-setting",
        Remedy {
            fixed_in: FixedIn::AccountSetting,
            implicit: "the account's root user activates IAM access to billing information; before that no policy helps",
            explicit: "the account's root user activates IAM access to billing information; before that no policy helps",
        },
    ),
];

/// Where the message names no policy: the one that people look at first, and no promise.
const UNKNOWN: Remedy = Remedy {
    fixed_in: FixedIn::Unknown,
    implicit: "the message names no policy; look at the identity policies first, then at the resource's and the organization's",
    explicit: "some policy denies it explicitly; the message does not say which",
};

/// A refusal that hides another cause.
struct Doubt {
    action: &'static str,
    /// The events that it is about; all where there are none.
    events: &'static [&'static str],
    /// Whether only of messages that do not name a kind of policy: one that does means just that.
    unnamed: bool,
    told: &'static str,
}

/// Source: S3 API reference, GetObject and HeadObject, "Permissions": of a key that does not exist S3 says so only to
/// whoever may list the bucket. Where a message says what was missing then, that is the listing.
const DOUBTS: [Doubt; 2] = [
    Doubt {
        action: "s3:GetObject",
        events: &[],
        unnamed: true,
        told: "S3 also answers so for a key that does not exist, where s3:ListBucket on the bucket is missing",
    },
    Doubt {
        action: "s3:ListBucket",
        events: &["GetObject", "HeadObject"],
        unnamed: false,
        told: "the call reads an object: S3 answers so for a key that does not exist, and with s3:ListBucket it would say that",
    },
];

/// Returns what helps against a refusal.
pub(super) fn remedy(refusal: &Refusal) -> Remedy {
    let named = REMEDIES.iter().find(|(policy, _)| refusal.policy.as_deref() == Some(policy));
    named.map_or(UNKNOWN, |(_, remedy)| *remedy)
}

impl Remedy {
    pub(super) fn words(&self, explicit: bool) -> &'static str {
        if explicit { self.explicit } else { self.implicit }
    }
}

/// Returns what else a refusal of the action may mean. An explicit deny means
/// just what it says.
pub(super) fn doubt<'e>(
    action: &str,
    refusal: &Refusal,
    mut events: impl Iterator<Item = &'e str>,
) -> Option<&'static str> {
    let found = DOUBTS.iter().find(|doubt| action.eq_ignore_ascii_case(doubt.action))?;
    let about = found.events.is_empty() || events.all(|event| found.events.contains(&event));
    let named = found.unnamed && refusal.policy.is_some();
    (about && !named && !refusal.explicit).then_some(found.told)
}

//! All layers of policies together, in AWS's order.
//!
//! Source: IAM User Guide, "Policy evaluation logic" (within an account and
//! across accounts), and "How permissions boundaries work with other policies".
//! An explicit deny anywhere decides. Then every guard that is in force (SCPs,
//! RCPs) must allow. Then:
//!
//! - Same account: the identity policies within boundary and session policy
//!   allow, or the resource policy does. How far the latter reaches depends on
//!   whom it names: the very user or session goes past boundary and session
//!   policy; a role, or everyone, does not; an account only lets its identity
//!   policies decide.
//! - Across accounts: both sides must allow.

use std::collections::BTreeSet;

use super::{
    Policies, Principal, Request, StatementId, policies::Question, principal::Closeness,
    truth::Truth,
};
use crate::document::Effect;

/// The policies that apply to a request; a layer that is not there does not
/// limit anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layers<'a> {
    /// The principal's own policies and those of its groups.
    pub identity: Option<&'a Policies>,
    /// Its permissions boundary.
    pub boundary: Option<&'a Policies>,
    /// The session policy.
    pub session: Option<&'a Policies>,
    /// Service control policies, one for each level from the root to the
    /// account; every level must allow.
    pub scps: &'a [Policies],
    /// Resource control policies, likewise.
    pub rcps: &'a [Policies],
    /// The resource's policy, or the role's trust policy.
    pub resource: Option<&'a Policies>,
    /// Whether the resource's policy must allow too in the same account.
    pub resource_role: ResourcePolicyRole,
}

/// What a resource policy means to requests of its own account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ResourcePolicyRole {
    /// It adds to the identity policies, as with S3 buckets.
    #[default]
    Additional,
    /// Nothing is allowed without it, as with KMS keys and trust policies.
    Required,
}

/// The layers, for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// See [`Layers::identity`].
    Identity,
    /// See [`Layers::boundary`].
    Boundary,
    /// See [`Layers::session`].
    Session,
    /// See [`Layers::scps`].
    Scp,
    /// See [`Layers::rcps`].
    Rcp,
    /// See [`Layers::resource`].
    Resource,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Something allows it and nothing denies it.
    Allowed,
    /// A Deny statement matches.
    ExplicitlyDenied,
    /// It is certain that nothing allows it.
    ImplicitlyDenied,
    /// It hangs on context keys that are not known.
    Unknown,
}

/// A statement that matched, or may have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Matched {
    /// In which layer.
    pub layer: Layer,
    /// At which level, for SCPs and RCPs; 0 elsewhere.
    pub level: usize,
    /// Which statement.
    pub id: StatementId,
    /// What it does.
    pub effect: Effect,
    /// Whether it matches for certain.
    pub certain: bool,
}

/// A decision and what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the request.
    pub outcome: Outcome,
    /// The statements that matched: the denying ones of an explicit denial,
    /// the allowing ones otherwise, and all that may match where it is unknown.
    pub matched: Vec<Matched>,
    /// The context keys that would decide an unknown outcome, as the policies
    /// write them; [`NOT_PRINCIPAL`](crate::NOT_PRINCIPAL) where it is up to whom a Deny spares.
    pub unknown_keys: BTreeSet<String>,
}

impl Policies {
    /// Decides a request by these policies alone, as identity policies; a
    /// `Principal` element is respected where there is one.
    ///
    /// Takes O(statements × patterns × text) steps.
    #[must_use]
    pub fn decide(&self, request: &Request) -> Decision {
        let mut trace = Trace::default();
        let question = Question::new(request, false);
        let verdict = trace.judge(self, Layer::Identity, 0, &question);
        trace.conclude(verdict.allows)
    }
}

/// Decides a request by all layers.
///
/// Where neither the ARN nor the request says who owns the resource, it is
/// taken to be in the principal's account.
///
/// Takes O(statements × patterns × text) steps.
#[must_use]
pub fn evaluate(layers: &Layers<'_>, request: &Request) -> Decision {
    let mut trace = Trace::default();
    let question = Question::new(request, layers.boundary.is_some());
    let mut judge = |policies, layer, otherwise: bool| match policies {
        Some(policies) => trace.judge(policies, layer, 0, &question),
        None => Verdict::none(otherwise),
    };
    let identity = judge(layers.identity, Layer::Identity, false).allows;
    let boundary = judge(layers.boundary, Layer::Boundary, true).allows;
    let session = judge(layers.session, Layer::Session, true).allows;
    let resource = judge(layers.resource, Layer::Resource, false);
    let is_aws = !matches!(request.principal, Some(Principal::Service(_) | Principal::Anonymous));
    // Neither SCPs nor RCPs bind service-linked roles (Organizations User Guide, on each of the two).
    let is_linked = request.principal.as_ref().is_some_and(Principal::is_service_linked);
    let mut guards = Truth::True;
    for (policies, layer) in [(layers.rcps, Layer::Rcp), (layers.scps, Layer::Scp)] {
        // SCPs bind the principals of an organization, not AWS's services.
        if is_linked || (layer == Layer::Scp && !is_aws) {
            continue;
        }
        for (level, policies) in policies.iter().enumerate() {
            guards = guards.and(trace.judge(policies, layer, level, &question).allows);
        }
    }
    // Nothing limits the root user in its account but the organization.
    let root = request.principal.as_ref().is_some_and(Principal::is_root);
    let identity = if root { Truth::True } else { identity };
    let limits = boundary.and(session);
    let own = identity.and(limits.clone());
    let allows = if !is_aws {
        resource.allows
    } else if is_cross_account(request) {
        own.and(resource.allows)
    } else {
        let direct = resource.itself.clone().or(resource.role.clone().and(limits));
        match layers.resource_role {
            ResourcePolicyRole::Additional => own.or(direct),
            ResourcePolicyRole::Required => own.and(resource.allows).or(direct),
        }
    };
    trace.conclude(allows.and(guards))
}

fn is_cross_account(request: &Request) -> bool {
    let caller = request.principal.as_ref().and_then(Principal::account);
    matches!((caller, request.owner()), (Some(caller), Some(owner)) if caller != owner)
}

/// What one layer says, apart from its denies.
struct Verdict {
    allows: Truth,
    /// Allowed by a statement that names the very principal.
    itself: Truth,
    /// Allowed by one that names its role or everyone.
    role: Truth,
}

impl Verdict {
    fn none(allows: bool) -> Self {
        Self { allows: allows.into(), itself: Truth::False, role: Truth::False }
    }
}

/// What was seen on the way.
struct Trace<'a> {
    /// The layers that were asked.
    asked: Vec<&'a Policies>,
    matched: Vec<Matched>,
    denies: Truth,
}

impl Default for Trace<'_> {
    fn default() -> Self {
        Self { asked: Vec::new(), matched: Vec::new(), denies: Truth::False }
    }
}

impl<'a> Trace<'a> {
    fn judge(
        &mut self,
        policies: &'a Policies,
        layer: Layer,
        level: usize,
        question: &Question<'_>,
    ) -> Verdict {
        let mut verdict = Verdict::none(false);
        self.asked.push(policies);
        for (rule, truth) in policies.matching(question) {
            self.matched.push(Matched {
                layer,
                level,
                id: rule.id.clone(),
                effect: rule.effect,
                certain: truth == Truth::True,
            });
            if rule.effect == Effect::Deny {
                self.denies = std::mem::replace(&mut self.denies, Truth::False).or(truth);
                continue;
            }
            match rule.closeness(question) {
                Closeness::Itself => verdict.itself = verdict.itself.or(truth.clone()),
                Closeness::Role => verdict.role = verdict.role.or(truth.clone()),
                Closeness::Account => {}
            }
            verdict.allows = verdict.allows.or(truth);
        }
        verdict
    }

    fn conclude(self, allows: Truth) -> Decision {
        let Self { asked, mut matched, denies } = self;
        let (outcome, unknown_keys) = match (denies, allows) {
            (Truth::True, _) => (Outcome::ExplicitlyDenied, BTreeSet::new()),
            (_, Truth::False) => (Outcome::ImplicitlyDenied, BTreeSet::new()),
            (Truth::False, Truth::True) => (Outcome::Allowed, BTreeSet::new()),
            (Truth::Unknown(denies), Truth::Unknown(allows)) => {
                (Outcome::Unknown, &denies | &allows)
            }
            (Truth::Unknown(keys), _) | (_, Truth::Unknown(keys)) => (Outcome::Unknown, keys),
        };
        match outcome {
            Outcome::ExplicitlyDenied => matched.retain(|m| m.effect == Effect::Deny && m.certain),
            Outcome::Allowed | Outcome::ImplicitlyDenied => {
                matched.retain(|m| m.effect == Effect::Allow && m.certain);
            }
            Outcome::Unknown => {}
        }
        matched.sort();
        let spelled = |key: String| {
            let written = asked.iter().map(|policies| policies.spelled(&key));
            written.into_iter().find(|written| **written != key).unwrap_or(&key).to_owned()
        };
        let unknown_keys = unknown_keys.into_iter().map(spelled).collect();
        Decision { outcome, matched, unknown_keys }
    }
}

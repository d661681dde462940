//! Attached beside tightened: the model that every form of a diff is made from.
//!
//! Versioned, and as the [report](crate::report) without time of making or machine.
//! A principal's draft replaces all that is its own; what it shares with others is
//! drafted once, in [`Diff::shared`], by the union of what all of them did.

mod build;
mod drafted;
mod room;
mod undecided;
mod unnamed;
pub(crate) mod words;
mod writing;

pub use build::{Inputs, Past, diff};
pub use words::count;

use std::collections::BTreeMap;

use serde::Serialize;
use trailtrim_aggregator::permission_set;
use trailtrim_iam::PolicyDocument;

use crate::PermissionSets;
use crate::attached::{Hold, UnknownPolicy};
use crate::caveats::Widening;
use crate::finding::Finding;
use crate::proof::Proofs;
use crate::report::{Filters, Input, Seen, Tool};
use crate::tighten::{Class, Explanation, Footing, InUse};

/// The version of the model.
pub const DIFF_SCHEMA_VERSION: u32 = 1;

/// What is attached, beside what was used and what is proposed.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// [`DIFF_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What made it.
    pub tool: Tool,
    /// What the input was limited to.
    pub filters: Filters,
    /// What was read.
    pub input: Input,
    /// What was asked for.
    pub options: Options,
    /// Users and roles with something attached, ordered by ARN.
    pub principals: Vec<PrincipalDiff>,
    /// Policies that several principals have.
    pub shared: Vec<SharedDiff>,
    /// Roles and users that were seen, and of which nothing is known that is attached.
    pub not_in_dump: Vec<String>,
}

impl Diff {
    /// Returns where the permission sets of roles were found.
    #[must_use]
    pub fn permission_sets(&self) -> PermissionSets {
        // One that was not seen has the set as well, and so has one whose dump was not given.
        let all = self.principals.iter().map(|one| &*one.arn);
        let of_sets: Vec<(&str, String)> = all
            .chain(self.not_in_dump.iter().map(String::as_str))
            .filter_map(|arn| Some((arn, permission_set(arn.split_once(":role/")?.1)?)))
            .collect();
        // Everyone is looked at whoever is told of, but not what happened in accounts that are left out.
        PermissionSets::of(of_sets.iter().map(|(arn, set)| (*arn, set.as_str())))
            .selected(!self.filters.accounts.is_empty())
    }
}

/// What was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Options {
    /// Covered days after which what was not seen counts as unused.
    pub unused_days: usize,
    /// The regions said to be in use; empty where any may be.
    pub regions: Vec<String>,
    /// How resources are written.
    pub resources: String,
}

/// What became of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// There is a draft, and every call was understood.
    Tightened,
    /// There is a draft, and some services stay as they are attached.
    Partial,
    /// Nothing can be taken away.
    Unchanged,
    /// It was not seen: there is no draft.
    Inactive,
    /// The draft does not keep AWS's limits, and is not proposed.
    DoesNotFit,
    /// It has no Allow statement.
    NothingAttached,
    /// It is a service-linked role: its policy is AWS's, and nobody can change or detach it.
    ServiceLinked,
}

/// One user or role.
#[derive(Clone, Debug, Serialize)]
pub struct PrincipalDiff {
    /// The ARN.
    pub arn: String,
    /// The account.
    pub account: String,
    /// `role` or `user`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name without path.
    pub name: String,
    /// The permission set that the role was made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission_set: Option<String>,
    /// What became of it.
    pub status: Status,
    /// When it was first and last seen, and how often.
    pub activity: Seen,
    /// Why it is not called unused, where nothing that it did was recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub perhaps_in_use: Vec<InUse>,
    /// What a reader has to know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What it used and the records tell only as wider than it was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub widened: Vec<Widening>,
    /// Its own policies.
    pub attached: Vec<PolicyView>,
    /// Keys of the policies it shares, in [`Diff::shared`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<String>,
    /// Policies whose document was not given; they stay attached.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_policies: Vec<UnknownPolicy>,
    /// The boundary; it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// The verdicts on its own policies.
    pub statements: Vec<StatementDiff>,
    /// What was used and nothing attached allows.
    pub not_attached: Vec<NotAttachedView>,
    /// Services and actions that stay as they are attached, with why.
    pub frozen: BTreeMap<String, String>,
    /// What is proposed in place of its own policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<DraftView>,
    /// The proofs, over its own and its shared policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proofs: Option<Proofs>,
    /// What is wrong with what is attached.
    pub findings: Vec<Finding>,
}

/// A policy that several principals have.
#[derive(Clone, Debug, Serialize)]
pub struct SharedDiff {
    /// Its key: the ARN of a managed policy, account and name of a group's.
    pub key: String,
    /// Who has it; all of them are judged together.
    pub holders: Vec<String>,
    /// The policy.
    pub attached: Vec<PolicyView>,
    /// The verdicts.
    pub statements: Vec<StatementDiff>,
    /// What is proposed in its place, for all holders; absent where none of them was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<DraftView>,
}

/// A policy as it is.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyView {
    /// The name.
    pub name: String,
    /// The ARN of a managed policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// How it is held.
    pub hold: Hold,
    /// The group that brings it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Since when it counts, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Its size as AWS counts it.
    pub size: usize,
    /// The document.
    pub document: PolicyDocument,
}

/// An attached Allow statement with what becomes of it.
#[derive(Clone, Debug, Serialize)]
pub struct StatementDiff {
    /// The policy's place in the list.
    pub policy: usize,
    /// The statement's place in the policy, from 0.
    pub statement: usize,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Why it keeps its resources, where something of it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keeps_resources: Option<String>,
    /// What was used or stays, by action; also what goes because another statement keeps what was
    /// used of it.
    pub actions: Vec<ActionDiff>,
    /// What goes, by service.
    pub removed: Vec<RemovedActions>,
    /// Patterns that the catalog does not know; they stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown_actions: Vec<String>,
}

/// An action that was used or stays.
#[derive(Clone, Debug, Serialize)]
pub struct ActionDiff {
    /// The action.
    pub action: String,
    /// What it is.
    pub class: Class,
    /// What of it stays beside what was used.
    pub rest: RestView,
    /// Why that stays, or goes.
    pub why: String,
    /// What was used of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub used: Vec<UsedResource>,
    /// What was used of it, and another statement allows as well and keeps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<UsedElsewhere>,
}

/// What stays beside what was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum RestView {
    /// Nothing.
    Nothing,
    /// All that is attached.
    AsAttached,
    /// All that is attached, outside of these regions.
    Outside {
        /// The regions that are covered.
        regions: Vec<String>,
    },
    /// All that is attached, as far as it passes roles to these services.
    PassedTo {
        /// The services that any role may be passed to, as `iam:PassedToService` has them.
        services: Vec<String>,
        /// The services that roles of their own may be.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        roles: BTreeMap<String, Vec<String>>,
    },
    /// These resources.
    On {
        /// Patterns.
        resources: Vec<String>,
        /// Outside of these regions, which are covered, all that is attached stays as well.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        outside: Vec<String>,
    },
}

/// A resource that an action was used on.
#[derive(Clone, Debug, Serialize)]
pub struct UsedResource {
    /// The principal that did it, where several have the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The resource as it was seen.
    pub resource: String,
    /// The pattern that the draft has in its place, and why, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_as: Option<WrittenAs>,
    /// What came of the calls.
    pub outcome: String,
    /// Whether this statement surely allowed it; else only if its condition held, or if the call was
    /// on one of its resources.
    pub surely: bool,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}

/// A pattern that a draft has in place of what was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WrittenAs {
    /// The pattern.
    pub pattern: String,
    /// Why it is not written as it was seen.
    pub why: String,
}

/// A resource that an action was used on, which another statement allows as well and keeps.
#[derive(Clone, Debug, Serialize)]
pub struct UsedElsewhere {
    /// The principal that did it, where several have the policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The resource as it was seen.
    pub resource: String,
    /// What came of the calls.
    pub outcome: String,
    /// The policy that keeps it, by name.
    pub policy: String,
    /// The key of that policy in [`Diff::shared`], where several principals have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<String>,
    /// The statement's place in that policy, from 0.
    pub statement: usize,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}

/// Actions of one service that go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RemovedActions {
    /// The IAM prefix.
    pub service: String,
    /// How many.
    pub count: usize,
    /// Their names; left out where nothing of the service was used and there are many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// What they are; left out where they are unused.
    #[serde(skip_serializing_if = "is_unused")]
    pub class: Class,
    /// Why.
    pub why: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "that is what serde calls")]
fn is_unused(class: &Class) -> bool {
    *class == Class::Unused
}

/// Something that was used and that nothing attached allows.
#[derive(Clone, Debug, Serialize)]
pub struct NotAttachedView {
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// What explains it; without any, its services stay as they are attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Explanation>,
    /// When, how often, which events.
    #[serde(flatten)]
    pub seen: Seen,
}

/// What is proposed.
#[derive(Clone, Debug, Serialize)]
pub struct DraftView {
    /// The documents.
    pub documents: Vec<DocumentView>,
    /// Where they are written, below the output directory.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Attached policies that it replaces: detach or delete them, or write the draft in their place.
    pub replaces: Vec<String>,
    /// The Allow statements, with where each comes from.
    pub statements: Vec<DraftStatement>,
    /// Patterns that stand for names that were seen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub generalisations: Vec<GeneralisationView>,
    /// What was given up to keep the limits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub concessions: Vec<String>,
    /// Why it is not proposed, where it does not keep the limits: these documents are the nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<String>,
}

/// A document of a draft.
#[derive(Clone, Debug, Serialize)]
pub struct DocumentView {
    /// A name for it.
    pub name: String,
    /// Its size as AWS counts it.
    pub size: usize,
    /// The document.
    pub document: PolicyDocument,
}

/// A statement of a draft.
#[derive(Clone, Debug, Serialize)]
pub struct DraftStatement {
    /// Its id.
    pub sid: String,
    /// Whether it stands on evidence.
    pub footing: Footing,
    /// The attached statements it restricts: policy and statement.
    pub from: Vec<(usize, usize)>,
    /// Why its actions are in it.
    pub reasons: Vec<ReasonView>,
}

/// Why an action is in a statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReasonView {
    /// What the actions are.
    pub class: Class,
    /// Why.
    pub why: String,
    /// The actions.
    pub actions: Vec<String>,
}

/// A pattern that stands for names that were seen.
#[derive(Clone, Debug, Serialize)]
pub struct GeneralisationView {
    /// The pattern, before it is cut to what is attached.
    pub to: String,
    /// The rule.
    pub rule: String,
    /// Why.
    pub why: String,
    /// What it adds.
    pub adds: String,
    /// How many names it stands for.
    pub names: usize,
    /// Some of them.
    pub sample: Vec<String>,
}

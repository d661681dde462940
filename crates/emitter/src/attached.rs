//! What is attached today, arranged for judging.
//!
//! A *bundle* is a set of policies that change together, with all principals that
//! have them. What only one principal has (its inline policies, customer managed
//! policies that nobody else has) is its own bundle. A customer managed policy of
//! several principals, and what a group brings to its members, is a bundle of its
//! own: it is judged by the union of what all of them did, or one of them would
//! lose what another does not need.
//!
//! AWS's managed policies cannot be changed. A policy that is somebody's boundary must not be, nor
//! one that is attached to others than are in the dump, by its own count: whoever has one gets
//! what it used of it in its own bundle, and detaches the policy.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use trailtrim_aggregator::{Holder, PolicyChanges, Row};
use trailtrim_iam::read::{AttachedPolicy, Attachments, Document, HolderKind, Uses};
use trailtrim_iam::{PolicyDocument, Principal};

use crate::guards::Guards;
use crate::shared_by::trusted;

/// How a policy is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hold {
    /// Inline, in the principal itself.
    Inline,
    /// A customer managed policy.
    CustomerManaged,
    /// One of AWS's managed policies.
    AwsManaged,
    /// A customer managed policy that is a permissions boundary as well.
    Boundary,
    /// A customer managed policy that others have as well, of whom the dump says nothing.
    HeldElsewhere,
    /// A file on the command line; how it is attached is not known.
    File,
}

impl Hold {
    /// Tells whether the policy is detached and replaced, and never changed itself.
    #[must_use]
    pub fn is_replaced(self) -> bool {
        matches!(self, Hold::AwsManaged | Hold::Boundary | Hold::HeldElsewhere)
    }
}

/// A policy of a bundle.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The policy's name.
    pub name: String,
    /// The ARN, of a managed policy.
    pub arn: Option<String>,
    /// How it is held.
    pub hold: Hold,
    /// The group that brings it.
    pub group: Option<String>,
    /// The document.
    pub document: PolicyDocument,
    /// Since when it says what it says, or its holder has it, in seconds since 1970, where that is
    /// known.
    pub since: Option<i64>,
    /// Since when what limits its holder beside it (a boundary, a Deny) is as it is, where that is known.
    pub free_since: Option<i64>,
}

/// A policy that is attached and whose document nobody gave.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct UnknownPolicy {
    /// The policy's name.
    pub name: String,
    /// The ARN, of a managed policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The group that brings it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Why its document is not known.
    pub why: String,
}

/// Policies that change together, and who has them.
#[derive(Clone, Debug, Default)]
pub struct Bundle {
    /// The ARN of the policy or group that is shared; absent in a principal's own bundle.
    pub shared: Option<String>,
    /// The ARNs of the principals, ordered.
    pub holders: BTreeSet<String>,
    /// The policies, in the order of the input.
    pub policies: Vec<Policy>,
}

/// One principal with what is attached to it.
#[derive(Clone, Debug)]
pub struct Attached {
    /// The ARN.
    pub arn: String,
    /// Name without path.
    pub name: String,
    /// The unique id, or "".
    pub unique_id: String,
    /// When it was created, as the dump writes it.
    pub created: Option<String>,
    /// When it was last used, as the dump writes it.
    pub last_used: Option<String>,
    /// The identity providers that its trust policy lets in, where that is known.
    pub trusted: BTreeSet<String>,
    /// Its own bundle and those it shares, as places in [`Inventory::bundles`].
    pub bundles: Vec<usize>,
    /// What is attached and not known.
    pub unknown: Vec<UnknownPolicy>,
    /// Its permissions boundary, if there is one.
    pub boundary: Option<Boundary>,
}

/// A permissions boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary {
    /// The policy's name.
    pub name: String,
    /// Its ARN.
    pub arn: Option<String>,
    /// The document; absent where it was not given.
    pub document: Option<PolicyDocument>,
}

/// Everything that is attached, of one or more accounts.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The bundles.
    pub bundles: Vec<Bundle>,
    /// Users and roles, by ARN.
    pub principals: BTreeMap<String, Attached>,
    /// The trust policies of all roles, by ARN: also of those that are not looked at.
    pub trusts: BTreeMap<String, PolicyDocument>,
}

impl Policy {
    /// Returns since when what it allows was allowed as it is.
    #[must_use]
    pub fn allows_since(&self) -> Option<i64> {
        self.since.max(self.free_since)
    }

    /// Counts since the later of both times.
    fn take_time(&mut self, other: &Policy) {
        self.since = self.since.max(other.since);
        self.free_since = self.free_since.max(other.free_since);
    }
}

impl Attached {
    /// Returns the document of its boundary, where that is known.
    #[must_use]
    pub fn limit(&self) -> Option<&PolicyDocument> {
        self.boundary.as_ref()?.document.as_ref()
    }
}

impl Boundary {
    fn of(policy: &AttachedPolicy) -> Boundary {
        let document = match &policy.document {
            Document::Known(document) => Some(document.clone()),
            Document::Unknown { .. } => None,
        };
        Boundary { name: policy.name.clone(), arn: policy.arn.clone(), document }
    }
}

impl Bundle {
    /// Tells whether its policies are attached to a group, and not to the holders themselves.
    pub(crate) fn is_of_group(&self) -> bool {
        self.group().is_some()
    }

    /// Returns the group that its policies are attached to.
    pub(crate) fn group(&self) -> Option<&str> {
        // What a group brings to one alone is replaced for that one.
        let shared = self.policies.iter().filter(|_| self.shared.is_some());
        shared.filter_map(|policy| policy.group.as_deref()).next()
    }

    /// Adds a policy. One that another holder brought before counts since the later of both times.
    fn take(&mut self, policy: Policy) {
        let same = |known: &&mut Policy| self.shared.is_some() && known.name == policy.name;
        match self.policies.iter_mut().find(same) {
            Some(known) => known.take_time(&policy),
            None => self.policies.push(policy),
        }
    }
}

impl Bundle {
    /// Adds a policy of another account, unless one says the same.
    fn take_alike(&mut self, policy: Policy) {
        let same =
            |known: &&mut Policy| known.name == policy.name && known.document == policy.document;
        match self.policies.iter_mut().find(same) {
            Some(known) => known.take_time(&policy),
            None => self.policies.push(policy),
        }
    }
}

impl Inventory {
    /// Arranges the policies of one principal that are given as files, each with its name and when it was made
    /// (seconds since 1970), where that is known. They can be attached to it for no longer than there is one of that id (`since`), where that
    /// is known.
    #[must_use]
    pub fn of_files(
        arn: &str,
        since: Option<i64>,
        documents: impl IntoIterator<Item = (String, PolicyDocument, Option<i64>)>,
    ) -> Inventory {
        let policies = documents.into_iter().map(|(name, document, made)| Policy {
            name,
            arn: None,
            hold: Hold::File,
            group: None,
            document,
            since: since.max(made),
            free_since: None,
        });
        let own = Bundle {
            shared: None,
            holders: BTreeSet::from([arn.to_owned()]),
            policies: policies.collect(),
        };
        let attached = Attached {
            arn: arn.to_owned(),
            name: arn.rsplit('/').next().unwrap_or(arn).to_owned(),
            unique_id: String::new(),
            created: None,
            last_used: None,
            trusted: BTreeSet::new(),
            bundles: vec![0],
            unknown: Vec::new(),
            boundary: None,
        };
        Inventory {
            bundles: vec![own],
            principals: BTreeMap::from([(arn.to_owned(), attached)]),
            trusts: BTreeMap::new(),
        }
    }

    /// Arranges account dumps. What the trail tells of changes says since when each policy counts.
    #[must_use]
    pub fn of_dumps(holders: &[Attachments], changes: &PolicyChanges) -> Inventory {
        // The order of files and of the lists in them says nothing.
        let mut people: Vec<&Attachments> =
            holders.iter().filter(|holder| holder.kind != HolderKind::Group).collect();
        people.sort_by_key(|holder| &holder.arn);
        let people = || people.iter().copied();
        // Who has each managed policy and each group's policy, and which policies are boundaries.
        let mut sharing: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        let mut boundaries = BTreeSet::new();
        for holder in people() {
            let boundary = holder.boundary.as_ref();
            boundaries.extend(boundary.and_then(|boundary| boundary.arn.as_deref()));
            for policy in &holder.policies {
                if let Some(key) = shared_key(holder, policy) {
                    sharing.entry(key).or_default().insert(&holder.arn);
                }
            }
        }
        let elsewhere = held_elsewhere(holders);
        let groups = holders.iter().filter(|holder| holder.kind == HolderKind::Group);
        let of_groups: BTreeSet<&str> = groups
            .flat_map(|group| &group.policies)
            .filter_map(|policy| policy.arn.as_deref())
            .collect();
        let guards = Guards::of(holders, changes);
        let mut inventory = Inventory::default();
        let mut shared: BTreeMap<String, usize> = BTreeMap::new();
        for holder in people() {
            let own = inventory.bundles.len();
            let free_since = guards.loosened(holder);
            let trust = holder.trust.as_ref().and_then(Document::known);
            inventory.trusts.extend(trust.map(|trust| (holder.arn.clone(), trust.clone())));
            inventory.bundles.push(Bundle {
                shared: None,
                holders: BTreeSet::from([holder.arn.clone()]),
                policies: Vec::new(),
            });
            let mut attached = Attached {
                arn: holder.arn.clone(),
                name: holder.name.clone(),
                unique_id: holder.unique_id.clone(),
                created: holder.created.clone(),
                last_used: holder.last_used.clone(),
                trusted: trust.map(trusted).unwrap_or_default(),
                bundles: vec![own],
                unknown: Vec::new(),
                boundary: holder.boundary.as_ref().map(Boundary::of),
            };
            for policy in &holder.policies {
                let document = match &policy.document {
                    Document::Known(document) => document.clone(),
                    Document::Unknown { reason } => {
                        attached.unknown.push(UnknownPolicy {
                            name: policy.name.clone(),
                            arn: policy.arn.clone(),
                            group: policy.via_group.clone(),
                            why: reason.clone(),
                        });
                        continue;
                    }
                };
                let arn = policy.arn.as_deref();
                let hold = match arn {
                    None => Hold::Inline,
                    Some(arn) if is_aws_managed(arn) => Hold::AwsManaged,
                    Some(arn) if boundaries.contains(arn) => Hold::Boundary,
                    Some(arn) if elsewhere.contains(arn) => Hold::HeldElsewhere,
                    // It is the group's as well, whose members are judged together.
                    Some(arn) if policy.via_group.is_none() && of_groups.contains(arn) => {
                        Hold::HeldElsewhere
                    }
                    Some(_) => Hold::CustomerManaged,
                };
                let key = shared_key(holder, policy).filter(|key| {
                    // What a group brings stays with the group, even while it has one member: the
                    // group gets another policy, and this one is not rewritten.
                    let of_group = policy.via_group.is_some() && hold == Hold::HeldElsewhere;
                    (!hold.is_replaced() || of_group)
                        && (policy.via_group.is_some()
                            || sharing.get(key).is_some_and(|who| who.len() > 1))
                });
                let read = |policy: &AttachedPolicy| Policy {
                    name: policy.name.clone(),
                    arn: policy.arn.clone(),
                    hold,
                    group: policy.via_group.clone(),
                    document,
                    since: since(holder, policy, changes),
                    free_since,
                };
                let policy = read(policy);
                let bundles = &mut inventory.bundles;
                let place = match key.as_ref().map(|key| shared.get(key)) {
                    None => own,
                    Some(Some(place)) => *place,
                    Some(None) => {
                        let who = key.as_ref().and_then(|key| sharing.get(key));
                        bundles.push(Bundle {
                            holders: who.into_iter().flatten().map(|&arn| arn.to_owned()).collect(),
                            policies: Vec::new(),
                            shared: key.clone(),
                        });
                        shared.extend(key.map(|key| (key, bundles.len() - 1)));
                        bundles.len() - 1
                    }
                };
                if !attached.bundles.contains(&place) {
                    attached.bundles.push(place);
                }
                if let Some(bundle) = bundles.get_mut(place) {
                    bundle.take(policy);
                }
            }
            inventory.principals.insert(holder.arn.clone(), attached);
        }
        inventory
    }

    /// Leaves principals out, as if they were not there; what they share is still judged by what
    /// they did.
    pub fn leave_out(&mut self, out: &dyn Fn(&str) -> bool) {
        self.principals.retain(|arn, _| !out(arn));
    }

    /// Makes one of the own bundles of principals that `key_of` gives the same key.
    pub fn group(&mut self, key_of: &dyn Fn(&Attached) -> Option<String>) {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for attached in self.principals.values() {
            if let Some(key) = key_of(attached) {
                groups.entry(key).or_default().push(attached.arn.clone());
            }
        }
        for (key, arns) in groups {
            if arns.len() < 2 {
                continue;
            }
            let mut joined = Bundle {
                shared: Some(key),
                holders: arns.iter().cloned().collect(),
                policies: Vec::new(),
            };
            let place = self.bundles.len();
            for arn in &arns {
                let Some(attached) = self.principals.get_mut(arn) else { continue };
                for at in attached.bundles.clone() {
                    let own = self.bundles.get_mut(at).filter(|bundle| bundle.shared.is_none());
                    for policy in
                        own.map(|own| std::mem::take(&mut own.policies)).into_iter().flatten()
                    {
                        joined.take_alike(policy);
                    }
                }
                attached.bundles.push(place);
            }
            self.bundles.push(joined);
        }
    }

    /// Returns a principal's bundles.
    pub fn bundles_of(&self, attached: &Attached) -> impl Iterator<Item = (usize, &Bundle)> {
        attached.bundles.iter().filter_map(|place| Some((*place, self.bundles.get(*place)?)))
    }

    /// Returns every document that a principal has.
    #[must_use]
    pub fn documents_of(&self, attached: &Attached) -> Vec<&PolicyDocument> {
        let bundles = self.bundles_of(attached);
        bundles.flat_map(|(_, bundle)| &bundle.policies).map(|policy| &policy.document).collect()
    }
}

/// Returns the managed policies that are used more often than by those who are in the dumps.
fn held_elsewhere(holders: &[Attachments]) -> BTreeSet<&str> {
    let mut attached: BTreeMap<&str, (BTreeSet<&str>, Uses)> = BTreeMap::new();
    let mut boundaries: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for holder in holders {
        let own = holder.policies.iter().filter(|policy| policy.via_group.is_none());
        for (arn, uses) in own.filter_map(|policy| policy.arn.as_deref().zip(policy.uses)) {
            let (who, most) = attached.entry(arn).or_insert((BTreeSet::new(), uses));
            who.insert(&holder.arn);
            // Dumps of different times differ.
            most.attachments = most.attachments.max(uses.attachments);
            most.boundaries = most.boundaries.max(uses.boundaries);
        }
        if let Some(arn) = holder.boundary.as_ref().and_then(|policy| policy.arn.as_deref()) {
            boundaries.entry(arn).or_default().insert(&holder.arn);
        }
    }
    let more = |count: u64, known: Option<usize>| {
        usize::try_from(count).unwrap_or(usize::MAX) > known.unwrap_or_default()
    };
    let elsewhere = attached.into_iter().filter(|(arn, (who, uses))| {
        more(uses.attachments, Some(who.len()))
            || more(uses.boundaries, boundaries.get(arn).map(BTreeSet::len))
    });
    elsewhere.map(|(arn, _)| arn).collect()
}

/// What several principals may have in common: a managed policy by its ARN, a group's inline policy
/// by group and name.
fn shared_key(holder: &Attachments, policy: &AttachedPolicy) -> Option<String> {
    match (&policy.arn, &policy.via_group) {
        (Some(arn), None) => Some(arn.clone()),
        (Some(arn), Some(group)) => Some(format!("{arn} of group {group}")),
        (None, Some(group)) => {
            let account = holder.arn.split(':').nth(4).unwrap_or_default();
            Some(format!("{account} group {group}/{}", policy.name))
        }
        (None, None) => None,
    }
}

/// Tells whether a policy's ARN is one of AWS's own: `arn:aws:iam::aws:policy/…`.
pub(crate) fn is_aws_managed(arn: &str) -> bool {
    arn.split(':').nth(4) == Some("aws")
}

/// Since when the holder has the policy as it is: the last of what the dump and the trail tell.
fn since(holder: &Attachments, policy: &AttachedPolicy, changes: &PolicyChanges) -> Option<i64> {
    let account = holder.arn.split(':').nth(4).unwrap_or_default();
    let kind = kind(holder);
    let via = policy.via_group.as_deref();
    let changed = changes.iter().filter(|(change, _)| {
        let whose = match &change.holder {
            Some(_) => {
                let own = change.is_of(account, kind, [holder.name.as_str()]);
                let of_group = via.is_some_and(|via| change.is_of(account, Holder::Group, [via]));
                let with = change
                    .group
                    .as_deref()
                    .is_none_or(|group| via.is_some_and(|via| via.eq_ignore_ascii_case(group)));
                (own && with) || of_group
            }
            None => policy.arn.is_some(),
        };
        let which = match (&change.policy, &policy.arn) {
            // It may have been this one.
            (None, _) => true,
            // Names that differ in case alone are one.
            (Some(changed), Some(arn)) => changed.eq_ignore_ascii_case(arn),
            (Some(changed), None) => changed.eq_ignore_ascii_case(&policy.name),
        };
        whose && which
    });
    let created = holder.created.as_deref().and_then(moment);
    changed.map(|(_, time)| *time).chain(created).chain(made(policy)).max()
}

/// When a managed policy came to say what it says. AWS adds to its own policies every few weeks, and takes
/// nothing of note out of them: what it does with them is no change of what the holder has.
pub(crate) fn made(policy: &AttachedPolicy) -> Option<i64> {
    let own = policy.arn.as_deref().is_some_and(|arn| !is_aws_managed(arn));
    policy.made.as_deref().filter(|_| own).and_then(moment)
}

/// The kind of a holder, as changes have it.
pub(crate) fn kind(holder: &Attachments) -> Holder {
    match holder.kind {
        HolderKind::User => Holder::User,
        HolderKind::Role => Holder::Role,
        HolderKind::Group => Holder::Group,
    }
}

/// Reads a time of a dump, in seconds since 1970.
pub(crate) fn moment(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp())
}

/// As whom somebody asked: a user by the names that it went by, when variables stood for these.
pub(crate) struct Askings {
    present: Option<Principal>,
    former: BTreeMap<String, Option<Principal>>,
}

impl Askings {
    pub(crate) fn of(principal: &trailtrim_aggregator::Principal) -> Askings {
        let former = principal.former.keys().map(|arn| (arn.clone(), who(arn)));
        Askings { present: who(&principal.arn), former: former.collect() }
    }

    /// Returns the names under which something that was seen was done: each by itself, as what allowed it under
    /// one need not have under another.
    pub(crate) fn at(&self, row: &Row) -> Vec<Option<&Principal>> {
        let name = |arn: &String| self.former.get(arn).unwrap_or(&self.present).as_ref();
        let mut names: Vec<Option<&Principal>> = Vec::new();
        for one in row.by.iter().map(name) {
            if !names.contains(&one) {
                names.push(one);
            }
        }
        if names.is_empty() { vec![self.present.as_ref()] } else { names }
    }
}

/// Parses a principal's ARN for the policy engine; a text that is none asks as nobody.
pub(crate) fn who(arn: &str) -> Option<Principal> {
    Principal::parse(arn).ok()
}

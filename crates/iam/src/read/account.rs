//! Reading `aws iam get-account-authorization-details`.
//!
//! A managed policy that is attached but not in the dump (the AWS-managed
//! ones, unless they were asked for) is unknown. It is never taken as empty.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AttachedPolicy, Attachments, Contents, Document, HolderKind, NamedPolicy, PolicyKind,
    ReadError, Uses,
    json::{Json, Node},
    policy,
};
use crate::Effect;

/// Managed policies by their ARNs.
type Managed = BTreeMap<String, (Document, Option<Uses>, Versions)>;

/// What the versions of a managed policy tell.
#[derive(Clone)]
struct Versions {
    /// When the default one was made.
    made: Option<String>,
    /// Whether others deny something, or may have.
    denied: bool,
}

const LISTS: [&str; 4] = ["UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"];

/// Tells whether the file is such a dump.
pub(super) fn is_dump(root: &Node<'_>) -> bool {
    LISTS
        .iter()
        .any(|list| root.get(list).is_some_and(|node| matches!(node.value(), Json::Array(_))))
}

/// Reads the dump.
pub(super) fn read(root: &Node<'_>) -> Result<Contents, ReadError> {
    // What stands on the pages that are not here would count as not there.
    let whole = "the whole dump; get it without `--max-items` and `--no-paginate`";
    match root.get("IsTruncated") {
        Some(flag) if *flag.value() == Json::Bool(true) => return Err(flag.wrong(whole)),
        Some(_) => {}
        // The command line and the SDKs, which put pages together, say so in words of their own.
        None => {
            for key in ["NextToken", "Marker"] {
                let token = root.get(key);
                if let Some(token) =
                    token.filter(|one| one.as_str().is_some_and(|it| !it.is_empty()))
                {
                    return Err(token.wrong(whole));
                }
            }
        }
    }
    let mut contents = Contents { is_dump: true, ..Contents::default() };
    let mut managed = BTreeMap::new();
    if let Some(list) = root.get("Policies") {
        for item in list.items() {
            let (policy, versions) = managed_policy(&item)?;
            managed.insert(policy.name.clone(), (policy.document.clone(), uses(&item), versions));
            contents.policies.push(policy);
        }
    }
    let mut groups = BTreeMap::new();
    for (list, kind, inline) in [
        ("GroupDetailList", HolderKind::Group, "GroupPolicyList"),
        ("UserDetailList", HolderKind::User, "UserPolicyList"),
        ("RoleDetailList", HolderKind::Role, "RolePolicyList"),
    ] {
        let Some(list) = root.get(list) else { continue };
        for item in list.items() {
            let mut holder = holder(&item, kind, inline, &managed, &mut contents.policies)?;
            if kind == HolderKind::Group {
                groups.insert(holder.name.clone(), holder.policies.clone());
            }
            if let Some(list) = item.get("GroupList") {
                for name in list.items() {
                    holder.policies.extend(through_group(text(&name)?, &groups));
                    holder.groups.push(text(&name)?.to_owned());
                }
            }
            contents.principals.push(holder);
        }
    }
    Ok(contents)
}

/// Returns what a group brings to its members; a group that is not in the dump
/// brings something unknown.
fn through_group(
    group: &str,
    groups: &BTreeMap<String, Vec<AttachedPolicy>>,
) -> Vec<AttachedPolicy> {
    let Some(policies) = groups.get(group) else {
        return vec![AttachedPolicy {
            name: group.to_owned(),
            arn: None,
            via_group: Some(group.to_owned()),
            document: Document::Unknown {
                reason: format!("group `{}` is not in the dump", group.escape_debug()),
            },
            uses: None,
            made: None,
            denied: true,
        }];
    };
    let via = |policy: &AttachedPolicy| AttachedPolicy {
        via_group: Some(group.to_owned()),
        ..policy.clone()
    };
    policies.iter().map(via).collect()
}

/// Returns how often a managed policy is used, where the dump says so.
fn uses(node: &Node<'_>) -> Option<Uses> {
    let count = |key: &str| match node.get(key)?.value() {
        Json::Number(number) => number.parse().ok(),
        _ => None,
    };
    let boundaries = count("PermissionsBoundaryUsageCount").unwrap_or_default();
    Some(Uses { attachments: count("AttachmentCount")?, boundaries })
}

/// Tells whether a version of a managed policy denies something, or one that was deleted may have: they are
/// numbered from `v1` on.
fn denied(versions: Option<&Node<'_>>) -> bool {
    let versions = || versions.into_iter().flat_map(Node::items);
    let denies = |version: &Node<'_>| match version.get("Document").map(|node| policy::read(&node))
    {
        Some(Ok(document)) => document.statements.iter().any(|one| one.effect == Effect::Deny),
        _ => true,
    };
    let number = |version: Node<'_>| -> Option<u64> {
        version.get("VersionId")?.as_str()?.strip_prefix('v')?.parse().ok()
    };
    let numbers: Option<BTreeSet<u64>> = versions().map(number).collect();
    let all = numbers.is_some_and(|numbers| (1..).zip(&numbers).all(|(count, one)| count == *one));
    !all || versions().any(|version| denies(&version))
}

/// Reads a managed policy as its default version has it, with what its versions tell.
fn managed_policy(node: &Node<'_>) -> Result<(NamedPolicy, Versions), ReadError> {
    let arn = text(&node.required("Arn", "`Arn`")?)?.to_owned();
    let versions = node.get("PolicyVersionList");
    let denied = denied(versions.as_ref());
    let default = versions.as_ref().and_then(|versions| {
        versions.items().find(|version| {
            version.get("IsDefaultVersion").is_some_and(|flag| *flag.value() == Json::Bool(true))
        })
    });
    let Some(version) = default else {
        let reason = format!("the dump has no default version of `{}`", arn.escape_debug());
        let document = Document::Unknown { reason };
        let policy = NamedPolicy::new(arn, node.path(), PolicyKind::Identity, document);
        return Ok((policy, Versions { made: None, denied }));
    };
    let made = version.get("CreateDate").and_then(|node| node.as_str().map(ToOwned::to_owned));
    let document = version.required("Document", "`Document`")?;
    let (path, document) = (document.path(), Document::Known(policy::read(&document)?));
    Ok((NamedPolicy::new(arn, path, PolicyKind::Identity, document), Versions { made, denied }))
}

fn holder(
    node: &Node<'_>,
    kind: HolderKind,
    inline: &str,
    managed: &Managed,
    found: &mut Vec<NamedPolicy>,
) -> Result<Attachments, ReadError> {
    let name_key = match kind {
        HolderKind::User => "UserName",
        HolderKind::Group => "GroupName",
        HolderKind::Role => "RoleName",
    };
    let id_key = match kind {
        HolderKind::User => "UserId",
        HolderKind::Group => "GroupId",
        HolderKind::Role => "RoleId",
    };
    let optional = |key: &str| node.get(key).and_then(|node| node.as_str().map(ToOwned::to_owned));
    let mut holder = Attachments {
        kind,
        arn: text(&node.required("Arn", "`Arn`")?)?.to_owned(),
        name: text(&node.required(name_key, "the principal's name")?)?.to_owned(),
        unique_id: optional(id_key).unwrap_or_default(),
        created: optional("CreateDate"),
        last_used: last_used(node),
        policies: Vec::new(),
        groups: Vec::new(),
        boundary: None,
        trust: None,
        instance_profiles: Vec::new(),
    };
    if let Some(list) = node.get(inline) {
        for item in list.items() {
            let name = text(&item.required("PolicyName", "`PolicyName`")?)?.to_owned();
            let document = item.required("PolicyDocument", "`PolicyDocument`")?;
            let read = Document::Known(policy::read(&document)?);
            found.push(NamedPolicy::new(
                format!("{}/{name}", holder.name),
                document.path(),
                PolicyKind::Identity,
                read.clone(),
            ));
            holder.policies.push(AttachedPolicy {
                name,
                arn: None,
                via_group: None,
                document: read,
                uses: None,
                made: None,
                denied: false,
            });
        }
    }
    if let Some(list) = node.get("AttachedManagedPolicies") {
        for item in list.items() {
            let arn = text(&item.required("PolicyArn", "`PolicyArn`")?)?;
            let name =
                item.get("PolicyName").and_then(|node| node.as_str()).unwrap_or(arn).to_owned();
            holder.policies.push(by_arn(name, arn, managed));
        }
    }
    if let Some(boundary) = node.get("PermissionsBoundary") {
        let arn = text(&boundary.required("PermissionsBoundaryArn", "`PermissionsBoundaryArn`")?)?;
        let name = arn.rsplit('/').next().unwrap_or(arn).to_owned();
        holder.boundary = Some(by_arn(name, arn, managed));
    }
    if let Some(trust) = node.get("AssumeRolePolicyDocument") {
        let document = Document::Known(policy::read(&trust)?);
        found.push(NamedPolicy::new(
            holder.name.clone(),
            trust.path(),
            PolicyKind::Trust,
            document.clone(),
        ));
        holder.trust = Some(document);
    }
    if let Some(list) = node.get("InstanceProfileList") {
        for item in list.items() {
            holder.instance_profiles.push(text(&item.required("Arn", "`Arn`")?)?.to_owned());
        }
    }
    Ok(holder)
}

/// Returns when AWS last saw a role used, or a user's password.
fn last_used(node: &Node<'_>) -> Option<String> {
    let text = |node: &Node<'_>, key: &str| Some(node.get(key)?.as_str()?.to_owned());
    let role = node.get("RoleLastUsed").and_then(|used| text(&used, "LastUsedDate"));
    role.or_else(|| text(node, "PasswordLastUsed"))
}

fn by_arn(name: String, arn: &str, managed: &Managed) -> AttachedPolicy {
    let (document, uses, Versions { made, denied }) =
        managed.get(arn).cloned().unwrap_or_else(|| {
            let reason = format!(
                "`{}` is attached, but its document is not in the dump",
                arn.escape_debug()
            );
            (Document::Unknown { reason }, None, Versions { made: None, denied: true })
        });
    AttachedPolicy {
        name,
        arn: Some(arn.to_owned()),
        via_group: None,
        document,
        uses,
        made,
        denied,
    }
}

fn text<'a>(node: &Node<'a>) -> Result<&'a str, ReadError> {
    node.as_str().ok_or_else(|| node.wrong("a text"))
}

//! Reading policies out of Terraform's JSON: `terraform show -json` of a plan
//! or of a state.
//!
//! Any resource of the AWS provider that has a policy carries it as JSON text
//! in one of a few attributes. A text that is only known after the apply is
//! not in the file, and is therefore not listed.
//!
//! A file holds what many roles have, and a policy says whose it is in an attribute of its own resource or
//! in a resource that attaches it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Contents, NamedPolicy, PolicyKind, ReadError, json::Node, named};

/// Attributes that hold one document as text, and the document's kind where
/// the resource type's name begins with the prefix. The first match counts.
/// Source: documentation of the Terraform AWS provider.
const ATTRIBUTES: &[(&str, &str, PolicyKind)] = &[
    ("aws_iam_", "policy", PolicyKind::Identity),
    ("aws_iam_", "assume_role_policy", PolicyKind::Trust),
    ("aws_ssoadmin_", "inline_policy", PolicyKind::Identity),
    ("aws_organizations_", "content", PolicyKind::Organization),
    ("aws_", "policy", PolicyKind::Resource),
    ("aws_", "resource_policy", PolicyKind::Resource),
];

/// Tells whether the file is a plan or a state.
pub(super) fn is_plan(root: &Node<'_>) -> bool {
    root.get("planned_values").is_some()
        || root.get("values").is_some_and(|values| values.get("root_module").is_some())
}

/// Attributes that say to whom a resource attaches a policy: to one, or to each that is listed.
const HOLDERS: [(&str, &str, &str); 3] =
    [("role", "roles", "role"), ("user", "users", "user"), ("group", "groups", "group")];

/// By the ARN of a managed policy, to whom the file attaches it.
type AttachedTo = BTreeMap<String, BTreeSet<String>>;

/// Reads the documents of all resources, of all modules.
pub(super) fn read(root: &Node<'_>, contents: &mut Contents) -> Result<(), ReadError> {
    for key in ["planned_values", "values"] {
        if let Some(values) = root.get(key)
            && let Some(module) = values.get("root_module")
        {
            let mut attached = AttachedTo::new();
            read_module(&module, &mut |resource| {
                attach(resource, &mut attached);
                Ok(())
            })?;
            return read_module(&module, &mut |resource| {
                read_resource(resource, &attached, contents)
            });
        }
    }
    Ok(())
}

fn read_module(
    module: &Node<'_>,
    each: &mut dyn FnMut(&Node<'_>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    if let Some(resources) = module.get("resources") {
        for resource in resources.items() {
            each(&resource)?;
        }
    }
    if let Some(children) = module.get("child_modules") {
        for child in children.items() {
            read_module(&child, each)?;
        }
    }
    Ok(())
}

/// Takes note of a resource that attaches a managed policy.
fn attach(resource: &Node<'_>, attached: &mut AttachedTo) {
    let Some(values) = resource.get("values") else { return };
    let arn = values.get("policy_arn").and_then(|node| node.as_str().map(ToOwned::to_owned));
    let kind = resource.get("type").and_then(|node| node.as_str().map(ToOwned::to_owned));
    if let Some(arn) = arn.filter(|_| kind.is_some_and(|kind| kind.starts_with("aws_iam_"))) {
        attached.entry(arn).or_default().extend(holders(&values));
    }
}

/// Returns to whom a resource attaches a policy, by its own attributes.
fn holders(values: &Node<'_>) -> BTreeSet<String> {
    let mut holders = BTreeSet::new();
    for (one, several, kind) in HOLDERS {
        let listed = values.get(several);
        let listed = listed.iter().flat_map(Node::items);
        let listed = listed.filter_map(|node| node.as_str().map(|name| format!("{kind}/{name}")));
        holders.extend(listed);
        let single = values.get(one);
        let single = single.as_ref().and_then(|node| node.as_str());
        holders.extend(single.map(|name| format!("{kind}/{name}")));
    }
    holders
}

fn read_resource(
    resource: &Node<'_>,
    attached: &AttachedTo,
    contents: &mut Contents,
) -> Result<(), ReadError> {
    let text = |key: &str| resource.get(key).and_then(|node| node.as_str().map(ToOwned::to_owned));
    let (Some(kind), Some(values)) = (text("type"), resource.get("values")) else { return Ok(()) };
    let name = text("address").unwrap_or_else(|| kind.clone());
    let value = |key: &str| values.get(key).and_then(|node| node.as_str().map(ToOwned::to_owned));
    let mut seen = Vec::new();
    for (_, attribute, policy_kind) in ATTRIBUTES.iter().filter(|(of, ..)| kind.starts_with(of)) {
        if seen.contains(attribute) {
            continue;
        }
        seen.push(attribute);
        if let Some(node) = values.get(attribute).filter(is_document_text) {
            let holders = match (kind.as_str(), policy_kind) {
                ("aws_iam_policy", _) => {
                    let arn = value("arn");
                    arn.and_then(|arn| attached.get(&arn)).cloned().unwrap_or_default()
                }
                (_, PolicyKind::Identity) => {
                    let set = value("permission_set_arn");
                    let mut holders = holders(&values);
                    holders.extend(set.map(|arn| format!("permission set {arn}")));
                    // Whose it is, is only known after the apply: somebody of their own.
                    if holders.is_empty() {
                        holders.insert(format!("whoever has `{name}`"));
                    }
                    holders
                }
                _ => BTreeSet::new(),
            };
            let policy = named(name.clone(), &node, *policy_kind)?;
            contents.policies.push(NamedPolicy { holders, ..policy });
        }
    }
    // A role's inline policies are blocks of their own.
    if let Some(inline) = values.get("inline_policy") {
        let holder = match value("name") {
            Some(role) => format!("role/{role}"),
            None => format!("whoever has `{name}`"),
        };
        for block in inline.items() {
            if let Some(node) = block.get("policy").filter(is_document_text) {
                let inner = block.get("name");
                let inner = inner.as_ref().and_then(|node| node.as_str()).unwrap_or("inline");
                let policy = named(format!("{name}/{inner}"), &node, PolicyKind::Identity)?;
                let holders = BTreeSet::from([holder.clone()]);
                contents.policies.push(NamedPolicy { holders, ..policy });
            }
        }
    }
    Ok(())
}

/// Some attributes of that name hold something else, such as an ARN.
fn is_document_text(node: &Node<'_>) -> bool {
    node.as_str().is_some_and(|text| text.trim_start().starts_with('{'))
}

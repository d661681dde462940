//! Reading policies out of Terraform's JSON: `terraform show -json` of a plan
//! or of a state.
//!
//! Any resource of the AWS provider that has a policy carries it as JSON text
//! in one of a few attributes. A text that is only known after the apply is
//! not in the file, and is therefore not listed.

use super::{Contents, PolicyKind, ReadError, json::Node, named};

/// Attributes that hold one document as text, and the document's kind where
/// the resource type's name begins with the prefix. The first match counts.
/// Source: documentation of the Terraform AWS provider.
const ATTRIBUTES: &[(&str, &str, PolicyKind)] = &[
    ("aws_iam_", "policy", PolicyKind::Identity),
    ("aws_iam_", "assume_role_policy", PolicyKind::Trust),
    ("aws_ssoadmin_", "inline_policy", PolicyKind::Identity),
    ("aws_organizations_", "content", PolicyKind::Identity),
    ("aws_", "policy", PolicyKind::Resource),
    ("aws_", "resource_policy", PolicyKind::Resource),
];

/// Tells whether the file is a plan or a state.
pub(super) fn is_plan(root: &Node<'_>) -> bool {
    root.get("planned_values").is_some()
        || root.get("values").is_some_and(|values| values.get("root_module").is_some())
}

/// Reads the documents of all resources, of all modules.
pub(super) fn read(root: &Node<'_>, contents: &mut Contents) -> Result<(), ReadError> {
    for key in ["planned_values", "values"] {
        if let Some(values) = root.get(key)
            && let Some(module) = values.get("root_module")
        {
            return read_module(&module, contents);
        }
    }
    Ok(())
}

fn read_module(module: &Node<'_>, contents: &mut Contents) -> Result<(), ReadError> {
    if let Some(resources) = module.get("resources") {
        for resource in resources.items() {
            read_resource(&resource, contents)?;
        }
    }
    if let Some(children) = module.get("child_modules") {
        for child in children.items() {
            read_module(&child, contents)?;
        }
    }
    Ok(())
}

fn read_resource(resource: &Node<'_>, contents: &mut Contents) -> Result<(), ReadError> {
    let text = |key: &str| resource.get(key).and_then(|node| node.as_str());
    let (Some(kind), Some(values)) = (text("type"), resource.get("values")) else { return Ok(()) };
    let name = text("address").unwrap_or(kind);
    let mut seen = Vec::new();
    for (_, attribute, policy_kind) in ATTRIBUTES.iter().filter(|(of, ..)| kind.starts_with(of)) {
        if seen.contains(attribute) {
            continue;
        }
        seen.push(attribute);
        if let Some(node) = values.get(attribute).filter(is_document_text) {
            contents.policies.push(named(name.to_owned(), &node, *policy_kind)?);
        }
    }
    // A role's inline policies are blocks of their own.
    if let Some(inline) = values.get("inline_policy") {
        for block in inline.items() {
            if let Some(node) = block.get("policy").filter(is_document_text) {
                let inner = block.get("name").and_then(|node| node.as_str()).unwrap_or("inline");
                contents.policies.push(named(
                    format!("{name}/{inner}"),
                    &node,
                    PolicyKind::Identity,
                )?);
            }
        }
    }
    Ok(())
}

/// Some attributes of that name hold something else, such as an ARN.
fn is_document_text(node: &Node<'_>) -> bool {
    node.as_str().is_some_and(|text| text.trim_start().starts_with('{'))
}

//! Reading policies out of Terraform's JSON: `terraform show -json` of a plan
//! or of a state.
//!
//! Any resource of the AWS provider that has a policy carries it as JSON text
//! in one of a few attributes. A text that is only known after the apply is
//! not in the file, and is therefore not listed.
//!
//! A file holds what many roles have. Whose a policy is, its own resource says, one that attaches it, or the role's;
//! before the apply it may say nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Contents, Elsewhere, NamedPolicy, PolicyKind, ReadError,
    json::{Json, Node},
    named,
};

/// Attributes that hold one document as text, and the document's kind where
/// the resource type's name begins with the prefix. The first match counts.
/// Source: documentation of the Terraform AWS provider.
const ATTRIBUTES: &[(&str, &str, PolicyKind)] = &[
    ("aws_iam_", "policy", PolicyKind::Identity),
    ("aws_iam_", "assume_role_policy", PolicyKind::Trust),
    ("aws_ssoadmin_", "inline_policy", PolicyKind::Identity),
    ("aws_", "policy", PolicyKind::Resource),
    ("aws_", "resource_policy", PolicyKind::Resource),
];

/// Tells whether the file is a plan or a state.
pub(super) fn is_plan(root: &Node<'_>) -> bool {
    root.get("planned_values").is_some()
        || root.get("values").is_some_and(|values| values.get("root_module").is_some())
}

/// Attributes that say to whom a resource attaches a policy: to one, or to each that is listed.
const HOLDERS: [(&str, &str, &str); 6] = [
    ("role", "roles", "role"),
    ("user", "users", "user"),
    ("group", "groups", "group"),
    ("role_name", "role_names", "role"),
    ("user_name", "user_names", "user"),
    ("group_name", "group_names", "group"),
];

/// What the resources of a file tell of each other.
#[derive(Default)]
struct Told {
    /// By the ARN of a managed policy, to whom the file attaches it.
    attached: BTreeMap<String, BTreeSet<String>>,
    /// By the address of what attaches a policy whose ARN is only known after the apply, to whom.
    unknown: BTreeMap<String, BTreeSet<String>>,
    /// By the address of what attaches a policy by its name, in whichever account, to whom.
    by_name: BTreeMap<String, BTreeSet<String>>,
    /// By the ARN of a managed policy, whose boundary it is.
    boundaries: BTreeMap<String, BTreeSet<String>>,
    /// The roles, users and groups of the file.
    people: BTreeSet<String>,
    /// The managed policies of the file.
    managed: Vec<Managed>,
}

/// What tells a managed policy of the file from others.
struct Managed {
    arn: Option<String>,
    name: Option<String>,
}

/// Reads the documents of all resources, of all modules.
pub(super) fn read(root: &Node<'_>, contents: &mut Contents) -> Result<(), ReadError> {
    for key in ["planned_values", "values"] {
        if let Some(values) = root.get(key)
            && let Some(module) = values.get("root_module")
        {
            let mut told = Told::default();
            read_module(&module, &mut |resource| {
                told.note(resource);
                Ok(())
            })?;
            read_module(&module, &mut |resource| told.read_resource(resource, contents))?;
            contents.elsewhere = told.elsewhere();
            contents.people.extend(told.people);
            contents.open_boundary = has_open_boundary(root);
            return Ok(());
        }
    }
    Ok(())
}

/// Tells whether a boundary is only known after the apply.
fn has_open_boundary(plan: &Node<'_>) -> bool {
    let Some(changes) = plan.get("resource_changes") else { return false };
    changes.items().any(|change| {
        change.get("change").is_some_and(|change| {
            change.get("after_unknown").is_some_and(|unknown| {
                let boundary = unknown.get("permissions_boundary");
                boundary.is_some_and(|flag| *flag.value() == Json::Bool(true))
            })
        })
    })
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

impl Managed {
    fn of(values: &Node<'_>) -> Managed {
        Managed { arn: text(values, "arn"), name: text(values, "name") }
    }

    /// Tells whether it is what something else names: by its ARN or, before the apply, when that is not known, by its
    /// name. AWS's own are not made here.
    fn is(&self, named: &str) -> bool {
        match &self.arn {
            Some(arn) => named == arn,
            None => {
                self.name.is_some()
                    && named.rsplit('/').next() == self.name.as_deref()
                    && !named.contains(":iam::aws:")
            }
        }
    }
}

/// The resource types of whoever can have policies.
const PEOPLE: [(&str, &str); 3] =
    [("aws_iam_role", "role"), ("aws_iam_user", "user"), ("aws_iam_group", "group")];

/// Organizations' policies, by their `type`; those of other types are no policies of IAM's language. Source:
/// documentation of the Terraform AWS provider, `aws_organizations_policy`.
const ORGANIZATION: [(&str, PolicyKind); 2] = [
    ("SERVICE_CONTROL_POLICY", PolicyKind::ServiceControl),
    ("RESOURCE_CONTROL_POLICY", PolicyKind::ResourceControl),
];

/// Returns the text at a key; states have an empty one where there is none.
fn text(node: &Node<'_>, key: &str) -> Option<String> {
    let text = node.get(key).and_then(|node| node.as_str().map(ToOwned::to_owned));
    text.filter(|text| !text.is_empty())
}

/// Names the permission set that something at an address is about.
fn permission_set(values: &Node<'_>, address: &str) -> String {
    let set = text(values, "permission_set_arn");
    format!("permission set {}", set.as_deref().unwrap_or(address))
}

/// Names a role, user or group of the file; one whose name is only known after the apply by its address.
fn person(kind: &str, values: &Node<'_>, address: &str) -> Option<String> {
    let (_, short) = PEOPLE.iter().find(|(of, _)| *of == kind)?;
    Some(match text(values, "name") {
        Some(name) => format!("{short}/{name}"),
        None => format!("`{address}`"),
    })
}

impl Told {
    /// Takes note of whoever can have policies, and of what attaches them.
    fn note(&mut self, resource: &Node<'_>) {
        let (Some(kind), Some(values)) = (text(resource, "type"), resource.get("values")) else {
            return;
        };
        let address = text(resource, "address").unwrap_or_default();
        if let Some(person) = person(&kind, &values, &address) {
            if let Some(arns) = values.get("managed_policy_arns") {
                for arn in arns.items().filter_map(|node| node.as_str().map(ToOwned::to_owned)) {
                    self.attached.entry(arn).or_default().insert(person.clone());
                }
            }
            if let Some(arn) = text(&values, "permissions_boundary") {
                self.boundaries.entry(arn).or_default().insert(person.clone());
            }
            self.people.insert(person);
            return;
        }
        let of_set = |policy: Option<String>| Some((policy?, permission_set(&values, &address)));
        let set = match kind.as_str() {
            "aws_ssoadmin_managed_policy_attachment" => of_set(text(&values, "managed_policy_arn")),
            // It goes by its name, in whichever account.
            "aws_ssoadmin_customer_managed_policy_attachment" => of_set(Some(address.clone())),
            _ => None,
        };
        if let Some((policy, set)) = set {
            let known =
                if policy.starts_with("arn:") { &mut self.attached } else { &mut self.by_name };
            known.entry(policy).or_default().insert(set.clone());
            self.people.insert(set);
        }
        if !kind.starts_with("aws_iam_") {
            return;
        }
        if kind == "aws_iam_policy" && values.get("policy").is_some() {
            self.managed.push(Managed::of(&values));
        }
        let mut holders = holders(&values);
        if holders.is_empty() && kind.contains("_policy_attachment") {
            holders.insert(format!("whoever `{address}` names"));
        }
        let several = values.get("policy_arns");
        let several = several.iter().flat_map(Node::items);
        let several = several.filter_map(|node| node.as_str().map(ToOwned::to_owned));
        let arns: Vec<String> = text(&values, "policy_arn").into_iter().chain(several).collect();
        for arn in &arns {
            self.attached.entry(arn.clone()).or_default().extend(holders.iter().cloned());
        }
        if arns.is_empty() && kind.ends_with("_policy_attachment") {
            let unknown = self.unknown.entry(address.clone()).or_default();
            unknown.extend(holders.iter().cloned());
        }
        holders.retain(|one| !one.starts_with("whoever "));
        self.people.extend(holders);
    }

    /// Returns what a managed policy is here, and whose; nobody's where the file does not tell. One may be attached, and
    /// be somebody's boundary as well. Before the apply its name tells it from others.
    fn managed(&self, values: &Node<'_>) -> Vec<(PolicyKind, BTreeSet<String>)> {
        let own = Managed::of(values);
        let find = |all: &BTreeMap<String, BTreeSet<String>>| {
            all.iter().find(|(known, _)| own.is(known)).map(|(_, holders)| holders.clone())
        };
        let attached = find(&self.attached).map(|holders| (PolicyKind::Identity, holders));
        let boundary = find(&self.boundaries).map(|holders| (PolicyKind::Boundary, holders));
        let told: Vec<_> = attached.into_iter().chain(boundary).collect();
        if told.is_empty() { vec![(PolicyKind::Identity, BTreeSet::new())] } else { told }
    }

    /// Returns what is attached and is none of the file's policies, and whose boundary is none of them.
    fn elsewhere(&self) -> Vec<Elsewhere> {
        let is_own = |named: &str| self.managed.iter().any(|own| own.is(named));
        let of = |all: &BTreeMap<String, BTreeSet<String>>, boundary: bool| -> Vec<Elsewhere> {
            let others = all.iter().filter(|(named, _)| !is_own(named));
            let others = others.map(|(policy, holders)| Elsewhere {
                policy: policy.clone(),
                holders: holders.clone(),
                certain: policy.starts_with("arn:")
                    && !holders.iter().any(|one| one.starts_with("whoever ")),
                boundary,
            });
            others.collect()
        };
        // Before the apply those of the file's own policies are not known either.
        let own = self.managed.iter().filter(|own| own.arn.is_none()).count();
        let are_own_perhaps = self.unknown.len() <= own;
        let unknown = if are_own_perhaps { Vec::new() } else { of(&self.unknown, false) };
        let attached = [of(&self.attached, false), unknown, of(&self.by_name, false)];
        [attached.concat(), of(&self.boundaries, true)].concat()
    }

    fn read_resource(&self, resource: &Node<'_>, contents: &mut Contents) -> Result<(), ReadError> {
        let (Some(kind), Some(values)) = (text(resource, "type"), resource.get("values")) else {
            return Ok(());
        };
        let name = text(resource, "address").unwrap_or_else(|| kind.clone());
        if let Some(node) = values.get("content").filter(is_document_text)
            && kind == "aws_organizations_policy"
        {
            let of = text(&values, "type").unwrap_or_else(|| "SERVICE_CONTROL_POLICY".to_owned());
            if let Some((_, kind)) = ORGANIZATION.iter().find(|(name, _)| *name == of) {
                contents.policies.push(named(name.clone(), &node, *kind)?);
            }
        }
        let mut seen = Vec::new();
        for (_, attribute, policy_kind) in ATTRIBUTES.iter().filter(|(of, ..)| kind.starts_with(of))
        {
            if seen.contains(attribute) {
                continue;
            }
            seen.push(attribute);
            let Some(node) = values.get(attribute).filter(is_document_text) else { continue };
            // Others' attributes of the name may hold something else.
            let is_policy = node.as_str().is_some_and(|text| text.contains("\"Statement\""));
            let is_resources = *policy_kind == PolicyKind::Resource;
            let read = match (kind.as_str(), policy_kind) {
                ("aws_iam_policy", _) => {
                    let read = self.managed(&values);
                    // One that is only looked at is not attached by being there.
                    let is_looked_at = text(resource, "mode").as_deref() == Some("data");
                    match read.as_slice() {
                        [(_, holders)] if is_looked_at && holders.is_empty() => continue,
                        _ => read,
                    }
                }
                (_, PolicyKind::Identity) => {
                    let mut holders = holders(&values);
                    if kind.starts_with("aws_ssoadmin_") {
                        holders.insert(permission_set(&values, &name));
                    }
                    vec![(PolicyKind::Identity, holders)]
                }
                _ if is_resources && !is_policy => continue,
                // Those of several resources are not one's.
                (_, other) => vec![(*other, BTreeSet::from([format!("`{name}`")]))],
            };
            for (kind, holders) in read {
                if kind == PolicyKind::Identity {
                    contents.people.extend(holders.iter().cloned());
                }
                let policy = named(name.clone(), &node, kind)?;
                contents.policies.push(NamedPolicy { holders, ..policy });
            }
        }
        // A role's inline policies are blocks of their own.
        if let Some(inline) = values.get("inline_policy") {
            let holders: BTreeSet<String> = person(&kind, &values, &name).into_iter().collect();
            for block in inline.items() {
                if let Some(node) = block.get("policy").filter(is_document_text) {
                    let inner = text(&block, "name").unwrap_or_else(|| "inline".to_owned());
                    let policy = named(format!("{name}/{inner}"), &node, PolicyKind::Identity)?;
                    contents.policies.push(NamedPolicy { holders: holders.clone(), ..policy });
                }
            }
        }
        Ok(())
    }
}

/// Some attributes of that name hold something else, such as an ARN.
fn is_document_text(node: &Node<'_>) -> bool {
    node.as_str().is_some_and(|text| text.trim_start().starts_with('{'))
}

//! CloudFormation: the documents as `AWS::IAM::ManagedPolicy` or inline policies, attached by the
//! template.
//!
//! Nothing here is `Fn::Sub`, so `${aws:username}` is text to CloudFormation. Two things are not:
//! a dynamic reference (`{{resolve:…}}`) is looked up wherever it stands, and a map whose key is an
//! intrinsic function is called. Neither can be escaped, so a policy that holds one is refused:
//! an object's key in a log must not make a stack read a secret.

use serde_json::to_string_pretty;
use trailtrim_iam::{
    PolicyDocument, PrincipalKind as NamedKind, Principals, Selector, Statement, escape_controls,
};

use super::names::{Identifiers, iam_name};
use super::yaml::Tree;
use super::{Attachment, HolderKind, NamedPolicy, Target};

/// What CloudFormation would look up.
const DYNAMIC_REFERENCE: &str = "{{resolve:";

const LONGEST_POLICY_NAME: usize = 128;

/// How much of a title stands in the description, which may have 1,024 bytes.
const LONGEST_DESCRIBED: usize = 200;

/// How a template is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// YAML.
    Yaml,
    /// JSON.
    Json,
}

/// Why a policy cannot stand in a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloudFormationError {
    /// CloudFormation would put something else in the place of a text.
    #[error("CloudFormation would look up `{text}`, and has no escape for it; use another format")]
    DynamicReference {
        /// The text.
        text: String,
    },
    /// CloudFormation would take a condition for a function.
    #[error(
        "CloudFormation would take the condition key `{key}` for a function; use another format"
    )]
    Function {
        /// The key.
        key: String,
    },
}

/// Writes a template with the policies of a target.
///
/// Roles of Identity Center cannot be attached to: the permission set takes the policies in, by
/// their names, and the description says so.
///
/// # Errors
/// [`CloudFormationError`] where CloudFormation would read a policy in another way than IAM.
pub fn cloudformation(
    target: &Target,
    policies: &[NamedPolicy<'_>],
    syntax: Syntax,
) -> Result<String, CloudFormationError> {
    let mut names = Identifiers::default();
    let resources =
        policies.iter().flat_map(|policy| resources(target, policy, &mut names)).collect();
    let mut template = vec![
        ("AWSTemplateFormatVersion", Tree::text("2010-09-09")),
        ("Description", Tree::text(description(target))),
    ];
    // Who reads the template has to know; CloudFormation does nothing with it.
    let told = [("Caution", &target.caveats), ("InPlaceOf", &target.replaces)];
    let told = told.into_iter().filter(|(_, texts)| !texts.is_empty());
    let told: Vec<_> = told.map(|(name, texts)| (name, list(texts))).collect();
    if !told.is_empty() {
        template.push(("Metadata", map(told)));
    }
    template.push(("Resources", Tree::Map(resources)));
    let template = map(template);
    check(&template)?;
    Ok(match syntax {
        Syntax::Yaml => template.to_yaml(),
        Syntax::Json => {
            // Texts and maps of texts have no way to fail.
            let mut json = escape_controls(to_string_pretty(&template).unwrap_or_default());
            json.push('\n');
            json
        }
    })
}

/// The resources of one policy, by their logical ids.
fn resources(
    target: &Target,
    policy: &NamedPolicy<'_>,
    names: &mut Identifiers,
) -> Vec<(String, Tree)> {
    let name = Tree::text(iam_name(policy.name, LONGEST_POLICY_NAME));
    let held = |kind| target.holders.iter().filter(move |holder| holder.kind == kind);
    if target.attachment == Attachment::Managed || target.permission_set.is_some() {
        let mut properties = vec![("ManagedPolicyName", name)];
        let lists = [
            ("Roles", HolderKind::Role),
            ("Users", HolderKind::User),
            ("Groups", HolderKind::Group),
        ];
        for (list, kind) in lists.into_iter().filter(|_| target.permission_set.is_none()) {
            let names: Vec<Tree> = held(kind).map(|holder| Tree::text(&holder.name)).collect();
            if !names.is_empty() {
                properties.push((list, Tree::List(names)));
            }
        }
        properties.push(("PolicyDocument", document(policy.document)));
        return vec![(names.camel(&target.label), resource("ManagedPolicy", properties))];
    }
    let each = target.holders.iter().map(|holder| {
        let (kind, property) = match holder.kind {
            HolderKind::Role => ("RolePolicy", "RoleName"),
            HolderKind::User => ("UserPolicy", "UserName"),
            HolderKind::Group => ("GroupPolicy", "GroupName"),
        };
        let properties = vec![
            ("PolicyName", name.clone()),
            (property, Tree::text(&holder.name)),
            ("PolicyDocument", document(policy.document)),
        ];
        (names.camel(&target.label), resource(kind, properties))
    });
    each.collect()
}

fn resource(kind: &str, properties: Vec<(&'static str, Tree)>) -> Tree {
    map([("Type", Tree::text(format!("AWS::IAM::{kind}"))), ("Properties", map(properties))])
}

fn description(target: &Target) -> String {
    let title: String = target.title.chars().take(LONGEST_DESCRIBED).collect();
    match &target.permission_set {
        None => format!("Policies for {title}"),
        Some(set) => {
            let set: String = set.chars().take(LONGEST_DESCRIBED).collect();
            format!(
                "Policies for {title}; name them in the permission set {set} as customer managed policies"
            )
        }
    }
}

/// Refuses what CloudFormation would act on.
fn check(tree: &Tree) -> Result<(), CloudFormationError> {
    match tree {
        Tree::Text(text) => match text.contains(DYNAMIC_REFERENCE) {
            true => Err(CloudFormationError::DynamicReference { text: text.clone() }),
            false => Ok(()),
        },
        Tree::List(items) => items.iter().try_for_each(check),
        Tree::Map(entries) => entries.iter().try_for_each(|(key, value)| {
            if key == "Ref" || key.starts_with("Fn::") || key.contains(DYNAMIC_REFERENCE) {
                return Err(CloudFormationError::Function { key: key.clone() });
            }
            check(value)
        }),
    }
}

fn document(document: &PolicyDocument) -> Tree {
    let mut entries = Vec::new();
    if let Some(version) = document.version {
        entries.push(("Version", Tree::text(version.as_str())));
    }
    if let Some(id) = &document.id {
        entries.push(("Id", Tree::text(id)));
    }
    entries.push(("Statement", Tree::List(document.statements.iter().map(statement).collect())));
    map(entries)
}

fn statement(statement: &Statement) -> Tree {
    let mut entries = Vec::new();
    if let Some(sid) = &statement.sid {
        entries.push(("Sid", Tree::text(sid)));
    }
    entries.push(("Effect", Tree::text(statement.effect.as_str())));
    if let Some(principal) = &statement.principal {
        let named = either(principal, "Principal", "NotPrincipal");
        entries.push((named, principals(principal.listed())));
    }
    let action = either(&statement.action, "Action", "NotAction");
    entries.push((action, one_or_many(statement.action.listed())));
    if let Some(resource) = &statement.resource {
        entries.push((either(resource, "Resource", "NotResource"), one_or_many(resource.listed())));
    }
    if !statement.condition.is_empty() {
        let operators = statement.condition.0.iter().map(|(operator, keys)| {
            let keys = keys.iter().map(|(key, values)| (key.clone(), one_or_many(values)));
            (operator.clone(), Tree::Map(keys.collect()))
        });
        entries.push(("Condition", Tree::Map(operators.collect())));
    }
    map(entries)
}

fn either<T>(selector: &Selector<T>, only: &'static str, all_but: &'static str) -> &'static str {
    if selector.is_negated() { all_but } else { only }
}

fn principals(principals: &Principals) -> Tree {
    match principals {
        Principals::Anyone => Tree::text("*"),
        Principals::Named(kinds) => {
            let name = |kind: &NamedKind| kind.as_str().to_owned();
            Tree::Map(kinds.iter().map(|(kind, names)| (name(kind), one_or_many(names))).collect())
        }
    }
}

/// Writes one value without brackets, as the document itself is printed: the brackets count against
/// IAM's limits, and what was measured has none.
fn one_or_many(values: &[String]) -> Tree {
    match values {
        [one] => Tree::text(one),
        many => list(many),
    }
}

fn list(items: &[String]) -> Tree {
    Tree::List(items.iter().map(Tree::text).collect())
}

fn map(entries: impl IntoIterator<Item = (&'static str, Tree)>) -> Tree {
    Tree::Map(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

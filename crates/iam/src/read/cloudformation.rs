//! Reading policies out of CloudFormation templates in JSON.
//!
//! A template may compute text with `Ref`, `Fn::Sub` and their like, from
//! things that exist only once it is deployed. A document with such a text is
//! unknown, with the reason; nothing is put in its place.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Contents, Document, Elsewhere, NamedPolicy, PolicyKind, ReadError,
    json::{Json, Node},
    policy,
};

/// Resource type, the field that holds documents, and their kind. `Policies[]`
/// stands for a list of `{PolicyName, PolicyDocument}`.
/// Source: CloudFormation User Guide, "AWS resource and property types reference".
const PLACES: &[(&str, &str, PolicyKind)] = &[
    ("AWS::IAM::ManagedPolicy", "PolicyDocument", PolicyKind::Identity),
    ("AWS::IAM::Policy", "PolicyDocument", PolicyKind::Identity),
    ("AWS::IAM::RolePolicy", "PolicyDocument", PolicyKind::Identity),
    ("AWS::IAM::UserPolicy", "PolicyDocument", PolicyKind::Identity),
    ("AWS::IAM::GroupPolicy", "PolicyDocument", PolicyKind::Identity),
    ("AWS::IAM::Role", "AssumeRolePolicyDocument", PolicyKind::Trust),
    ("AWS::IAM::Role", "Policies[]", PolicyKind::Identity),
    ("AWS::IAM::User", "Policies[]", PolicyKind::Identity),
    ("AWS::IAM::Group", "Policies[]", PolicyKind::Identity),
    ("AWS::SSO::PermissionSet", "InlinePolicy", PolicyKind::Identity),
    ("AWS::ApiGateway::RestApi", "Policy", PolicyKind::Resource),
    ("AWS::Backup::BackupVault", "AccessPolicy", PolicyKind::Resource),
    ("AWS::ECR::Repository", "RepositoryPolicyText", PolicyKind::Resource),
    ("AWS::EFS::FileSystem", "FileSystemPolicy", PolicyKind::Resource),
    ("AWS::Events::EventBus", "Policy", PolicyKind::Resource),
    ("AWS::KMS::Key", "KeyPolicy", PolicyKind::Resource),
    ("AWS::KMS::ReplicaKey", "KeyPolicy", PolicyKind::Resource),
    ("AWS::Kinesis::ResourcePolicy", "ResourcePolicy", PolicyKind::Resource),
    ("AWS::S3::AccessPoint", "Policy", PolicyKind::Resource),
    ("AWS::S3::BucketPolicy", "PolicyDocument", PolicyKind::Resource),
    ("AWS::SNS::TopicPolicy", "PolicyDocument", PolicyKind::Resource),
    ("AWS::SQS::QueuePolicy", "PolicyDocument", PolicyKind::Resource),
    ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy", PolicyKind::Resource),
    ("AWS::Organizations::Policy", "Content", PolicyKind::ServiceControl),
];

/// What an organization's policy is by its `Type`; those of other types are none of IAM's language.
const ORGANIZATION: [(&str, PolicyKind); 2] = [
    ("SERVICE_CONTROL_POLICY", PolicyKind::ServiceControl),
    ("RESOURCE_CONTROL_POLICY", PolicyKind::ResourceControl),
];

/// Tells whether the file is a template.
pub(super) fn is_template(root: &Node<'_>) -> bool {
    root.get("Resources").is_some_and(|resources| {
        matches!(resources.value(), Json::Object(_))
            && resources.fields().any(|(_, resource)| resource.get("Type").is_some())
    })
}

/// Reads the template's policies.
pub(super) fn read(root: &Node<'_>, contents: &mut Contents) -> Result<(), ReadError> {
    let Some(resources) = root.get("Resources") else { return Ok(()) };
    let mut told = Told::of(&resources);
    for (id, resource) in resources.fields() {
        let Some(kind) = resource.get("Type").and_then(|node| node.as_str()) else { continue };
        let Some(properties) = resource.get("Properties") else { continue };
        for (_, place, policy_kind) in PLACES.iter().filter(|(of, ..)| *of == kind) {
            if let Some(list) = place.strip_suffix("[]") {
                let Some(list) = properties.get(list) else { continue };
                if matches!(list.value(), Json::Object(_)) {
                    told.choose(list.value(), id);
                }
                for item in list.items() {
                    let function = item.fields().next().map(|(function, _)| is_function(function));
                    if item.get("PolicyDocument").is_none() && function == Some(true) {
                        told.choose(item.value(), id);
                        continue;
                    }
                    let document = item.required("PolicyDocument", "`PolicyDocument`")?;
                    let name = match item.get("PolicyName").and_then(|node| node.as_str()) {
                        Some(name) => format!("{id}/{name}"),
                        None => id.to_owned(),
                    };
                    let policy = one(name, &document, *policy_kind)?;
                    let holders = BTreeSet::from([told.person(id)]);
                    contents.policies.push(NamedPolicy { holders, ..policy });
                }
            } else if let Some(document) = properties.get(place) {
                let of = properties.get("Type");
                let of = of.as_ref().and_then(|node| node.as_str());
                let organization = ORGANIZATION.iter().find(|(name, _)| Some(*name) == of);
                let read = match (policy_kind, organization) {
                    (PolicyKind::Identity, _) if kind == "AWS::SSO::PermissionSet" => {
                        vec![(PolicyKind::Identity, BTreeSet::from([told.person(id)]))]
                    }
                    (PolicyKind::Identity, _) => told.managed(id, &properties),
                    // An organization's limit whoever they are attached to.
                    (PolicyKind::ServiceControl, Some((_, kind))) => vec![(*kind, BTreeSet::new())],
                    (PolicyKind::ServiceControl, None) => continue,
                    (other, _) => vec![(*other, BTreeSet::from([told.person(id)]))],
                };
                let policy = one(id.to_owned(), &document, *policy_kind)?;
                let condition = resource.get("Condition");
                let condition = condition.as_ref().and_then(|node| node.as_str());
                if let Some(condition) = condition.filter(|_| *policy_kind == PolicyKind::Identity)
                {
                    let of = read.iter().flat_map(|(_, holders)| holders).cloned();
                    for holder in of.collect::<Vec<_>>() {
                        told.note(format!("{id}, on the condition {condition}"), false, &holder);
                    }
                }
                for (kind, holders) in read {
                    if matches!(kind, PolicyKind::Identity | PolicyKind::Boundary) {
                        told.more.extend(holders.iter().cloned());
                    }
                    contents.policies.push(NamedPolicy { kind, holders, ..policy.clone() });
                }
            }
        }
    }
    contents.elsewhere = told.elsewhere();
    contents.people = told.people.into_values().chain(told.more).collect();
    contents.open_boundary = told.open_boundary;
    Ok(())
}

/// What the resources of a template tell of each other.
#[derive(Default)]
struct Told {
    /// By their ids in the template, roles, users and groups as `role/app` where they say what they are called.
    people: BTreeMap<String, String>,
    /// The names of the template's managed policies, where it tells them, by their ids.
    managed: BTreeMap<String, Option<String>>,
    /// By the id of a managed policy, to whom its holders attach it.
    attached: BTreeMap<String, BTreeSet<String>>,
    /// By what stands for a policy that is none of the template's, and whether that is certain, to whom it is attached.
    elsewhere: BTreeMap<(String, bool), BTreeSet<String>>,
    /// By the id of a managed policy, or its ARN, whose boundary it is.
    boundaries: BTreeMap<String, BTreeSet<String>>,
    /// Whether somebody has a boundary that is none of these.
    open_boundary: bool,
    /// Whom policies name, in the template or elsewhere.
    more: BTreeSet<String>,
}

/// Whoever can have policies: the type, the property of the name, and how it is called.
const PEOPLE: [(&str, &str, &str); 4] = [
    ("AWS::IAM::Role", "RoleName", "role"),
    ("AWS::IAM::User", "UserName", "user"),
    ("AWS::IAM::Group", "GroupName", "group"),
    ("AWS::SSO::PermissionSet", "Name", "permission set"),
];

/// What the serverless transform makes a role for, unless one is named.
/// Source: AWS Serverless Application Model, resources and properties reference.
const SERVERLESS: [&str; 2] = ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"];

/// Properties of a policy that name one holder, those that list some, and what these are.
const HOLDERS: [(&str, &str, &str); 3] = [
    ("RoleName", "Roles", "role"),
    ("UserName", "Users", "user"),
    ("GroupName", "Groups", "group"),
];

impl Told {
    fn of(resources: &Node<'_>) -> Told {
        let mut told = Told::default();
        for (id, resource) in resources.fields() {
            if is_of_type(&resource, "AWS::IAM::ManagedPolicy") {
                let properties = resource.get("Properties");
                let name = properties.as_ref().and_then(|all| all.get("ManagedPolicyName"));
                let name = name.as_ref().and_then(|node| node.as_str()).map(str::to_owned);
                told.managed.insert(id.to_owned(), name);
            }
        }
        for (id, resource) in resources.fields() {
            // The transform makes a role of it.
            if SERVERLESS.iter().any(|of| is_of_type(&resource, of)) {
                let properties = resource.get("Properties");
                let at = |key: &str| properties.as_ref().and_then(|all| all.get(key));
                if at("Role").is_none() {
                    told.people.insert(id.to_owned(), id.to_owned());
                    if let Some(policies) = at("Policies") {
                        told.note(shortened(policies.value()), false, id);
                    }
                }
            }
        }
        for (id, resource) in resources.fields() {
            let Some((_, name, short)) = PEOPLE.iter().find(|(of, ..)| is_of_type(&resource, of))
            else {
                continue;
            };
            let properties = resource.get("Properties");
            let at = |key: &str| properties.as_ref().and_then(|all| all.get(key));
            let person = match at(name).as_ref().and_then(|node| node.as_str()) {
                Some(name) if short.contains(' ') => format!("{short} {name}"),
                Some(name) => format!("{short}/{name}"),
                None => id.to_owned(),
            };
            // Permission sets call them otherwise.
            for node in [at("ManagedPolicyArns"), at("ManagedPolicies")].into_iter().flatten() {
                told.attach(node.value(), &person);
            }
            for node in at("CustomerManagedPolicyReferences").iter().flat_map(Node::items) {
                told.note(shortened(node.value()), false, &person);
            }
            if let Some(node) = at("PermissionsBoundary").filter(|node| !is_nothing(node.value())) {
                let value = node.value();
                match referred(value).map(str::to_owned).or_else(|| written_out(value)) {
                    Some(policy) => {
                        told.boundaries.entry(policy).or_default().insert(person.clone());
                    }
                    None => told.open_boundary = true,
                }
            }
            told.people.insert(id.to_owned(), person);
        }
        told
    }

    /// Notes whom the policies are attached to that a value stands for. Of those that a condition chooses between each
    /// may be, and so may none.
    fn attach(&mut self, value: &Json, person: &str) {
        let function = match value {
            Json::Array(items) => return items.iter().for_each(|item| self.attach(item, person)),
            Json::Object(fields) => fields.first(),
            _ => None,
        };
        if let Some((function, Json::Array(branches))) = function
            && function == "Fn::If"
        {
            self.note(shortened(value), false, person);
            let own = branches.iter().skip(1).flat_map(|one| match one {
                Json::Array(items) => items.as_slice(),
                one => std::slice::from_ref(one),
            });
            for id in own.filter_map(|one| self.own(one)).collect::<Vec<_>>() {
                self.attached.entry(id).or_default().insert(person.to_owned());
            }
            return;
        }
        if let Some(id) = self.own(value) {
            self.attached.entry(id).or_default().insert(person.to_owned());
        } else if !is_nothing(value) {
            match written_out(value) {
                Some(arn) => self.note(arn, true, person),
                None => self.note(shortened(value), false, person),
            }
        }
    }

    fn note(&mut self, policy: String, certain: bool, person: &str) {
        self.elsewhere.entry((policy, certain)).or_default().insert(person.to_owned());
    }

    /// Notes that what a resource has is only chosen as the template is deployed.
    fn choose(&mut self, value: &Json, id: &str) {
        let person = self.person(id);
        self.note(shortened(value), false, &person);
    }

    /// Returns what is attached and none of the template's, and boundaries that are none of them.
    fn elsewhere(&self) -> Vec<Elsewhere> {
        let attached = self.elsewhere.iter().map(|((policy, certain), holders)| Elsewhere {
            policy: policy.clone(),
            holders: holders.clone(),
            certain: *certain,
            boundary: false,
        });
        let others = self.boundaries.iter().filter(|(named, _)| !self.is_own(named));
        let boundaries = others.map(|(policy, holders)| Elsewhere {
            policy: policy.clone(),
            holders: holders.clone(),
            certain: policy.starts_with("arn:"),
            boundary: true,
        });
        attached.chain(boundaries).collect()
    }

    /// Tells whether an id or an ARN is that of a managed policy of the template.
    fn is_own(&self, named: &str) -> bool {
        self.managed.contains_key(named) || self.own(&Json::String(named.to_owned())).is_some()
    }

    /// Returns the id of the template's managed policy that a value refers to, or whose ARN it is. AWS's own are not
    /// made here.
    fn own(&self, value: &Json) -> Option<String> {
        let is_it = |(id, name): &(&String, &Option<String>)| match value {
            Json::String(arn) => {
                name.is_some()
                    && arn.rsplit('/').next() == name.as_deref()
                    && !arn.contains(":iam::aws:")
            }
            value => referred(value) == Some(id),
        };
        self.managed.iter().find(is_it).map(|(id, _)| id.clone())
    }

    /// Names a resource of the template, or a parameter.
    fn person(&self, id: &str) -> String {
        self.people.get(id).cloned().unwrap_or_else(|| id.to_owned())
    }

    /// Returns what a policy is here, and whose; nobody's where the template does not tell. One may be attached, and be
    /// somebody's boundary as well, by its id or by what it is called.
    fn managed(&self, id: &str, properties: &Node<'_>) -> Vec<(PolicyKind, BTreeSet<String>)> {
        let mut holders = self.holders(properties);
        holders.extend(self.attached.get(id).into_iter().flatten().cloned());
        let name = self.managed.get(id).and_then(|name| name.as_ref());
        let name = name.map(|name| format!("/{name}"));
        let boundary = self.boundaries.iter().find(|(known, _)| {
            known.as_str() == id || name.as_ref().is_some_and(|name| known.ends_with(name))
        });
        let boundary = boundary.map(|(_, holders)| (PolicyKind::Boundary, holders.clone()));
        let attached = boundary.is_none() || !holders.is_empty();
        attached.then_some((PolicyKind::Identity, holders)).into_iter().chain(boundary).collect()
    }

    /// Returns whom the properties of a policy attach it to.
    fn holders(&self, properties: &Node<'_>) -> BTreeSet<String> {
        let mut holders = BTreeSet::new();
        for (one, several, kind) in HOLDERS {
            let mut take = |at: String, value: &Json| match (value, referred(value)) {
                (Json::String(name), _) => holders.insert(format!("{kind}/{name}")),
                (_, Some(id)) => holders.insert(self.person(id)),
                // Whoever else it is computed from is somebody of their own.
                (Json::Object(_), None) => holders.insert(format!("{kind} at `{at}`")),
                _ => false,
            };
            if let Some(node) = properties.get(one) {
                take(node.path(), node.value());
            }
            if let Some(list) = properties.get(several) {
                take(list.path(), list.value());
                list.items().for_each(|node| {
                    take(node.path(), node.value());
                });
            }
        }
        holders
    }
}

fn is_of_type(resource: &Node<'_>, wanted: &str) -> bool {
    resource.get("Type").as_ref().and_then(|node| node.as_str()) == Some(wanted)
}

/// Returns the resource or parameter that a value refers to: by `Ref`, by an attribute, or by either within a text
/// of nothing else.
fn referred(value: &Json) -> Option<&str> {
    let Json::Object(fields) = value else { return None };
    let [(function, argument)] = fields.as_slice() else { return None };
    match (function.as_str(), argument) {
        ("Ref", Json::String(id)) => Some(id),
        ("Fn::GetAtt", Json::String(of)) => of.split('.').next(),
        ("Fn::GetAtt", Json::Array(parts)) => match parts.first() {
            Some(Json::String(id)) => Some(id),
            _ => None,
        },
        ("Fn::Sub", Json::String(text)) => {
            let inner = text.strip_prefix("${")?.strip_suffix('}')?;
            inner.split('.').next().filter(|id| !id.contains(['$', '{', '}', ':', '!']))
        }
        _ => None,
    }
}

/// How much is shown of what has no name.
const SHOWN: usize = 100;

/// Returns a value as messages show it.
fn shortened(value: &Json) -> String {
    let whole = value.to_string();
    match whole.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", whole.get(..end).unwrap_or_default()),
        None => whole,
    }
}

/// Tells whether a value stands for nothing.
fn is_nothing(value: &Json) -> bool {
    matches!(value, Json::Object(fields) if matches!(fields.as_slice(),
        [(function, Json::String(name))] if function == "Ref" && name == "AWS::NoValue"))
}

fn is_function(name: &str) -> bool {
    name == "Ref" || name.starts_with("Fn::")
}

/// What every template of an account and region has the same value for.
const PSEUDO: [&str; 4] = ["AWS::Partition", "AWS::AccountId", "AWS::Region", "AWS::URLSuffix"];

/// Returns the text that a value is, with `${AWS::Partition}` and its like in it; nothing where it hangs on anything
/// else.
fn written_out(value: &Json) -> Option<String> {
    let Json::Object(fields) = value else {
        return match value {
            Json::String(text) => Some(text.clone()),
            _ => None,
        };
    };
    let [(function, argument)] = fields.as_slice() else { return None };
    match (function.as_str(), argument) {
        ("Ref", Json::String(name)) if PSEUDO.contains(&name.as_str()) => {
            Some(format!("${{{name}}}"))
        }
        ("Fn::Sub", Json::String(text)) => {
            let mut names = text.split("${").skip(1).map(|rest| rest.split('}').next());
            let plain = names.all(|name| name.is_some_and(|name| PSEUDO.contains(&name)));
            plain.then(|| text.clone())
        }
        ("Fn::Join", Json::Array(parts)) => {
            let [Json::String(between), Json::Array(items)] = parts.as_slice() else { return None };
            Some(items.iter().map(written_out).collect::<Option<Vec<_>>>()?.join(between))
        }
        _ => None,
    }
}

fn one(name: String, node: &Node<'_>, kind: PolicyKind) -> Result<NamedPolicy, ReadError> {
    match resolve(node.value()) {
        Ok(tree) => {
            let path = node.path();
            let document = policy::read(&Node::inside(node.file(), &path, &tree))?;
            Ok(NamedPolicy::new(name, path, kind, Document::Known(document)))
        }
        Err(function) => {
            let reason = format!("`{function}` has no value before the template is deployed");
            Ok(NamedPolicy::new(name, node.path(), kind, Document::Unknown { reason }))
        }
    }
}

/// Replaces the functions whose value the template itself tells; the error is
/// the name of one that it does not.
fn resolve(value: &Json) -> Result<Json, String> {
    match value {
        Json::Object(fields) => {
            if let [(function, argument)] = fields.as_slice()
                && (function == "Ref" || function.starts_with("Fn::"))
            {
                return match (function.as_str(), argument) {
                    ("Fn::Sub", Json::String(text)) => {
                        substitute(text).map(Json::String).ok_or_else(|| function.clone())
                    }
                    ("Fn::Join", Json::Array(parts)) => {
                        join(parts).map(Json::String).ok_or_else(|| function.clone())
                    }
                    _ => Err(function.clone()),
                };
            }
            let fields = fields.iter().map(|(key, value)| Ok((key.clone(), resolve(value)?)));
            fields.collect::<Result<_, String>>().map(Json::Object)
        }
        Json::Array(items) => items.iter().map(resolve).collect::<Result<_, _>>().map(Json::Array),
        other => Ok(other.clone()),
    }
}

/// Resolves an `Fn::Sub` that substitutes nothing: `${!x}` is how a template
/// writes the policy variable `${x}`.
fn substitute(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        out.push_str(before);
        out.push_str("${");
        rest = behind.strip_prefix('!')?;
    }
    out.push_str(rest);
    Some(out)
}

fn join(parts: &[Json]) -> Option<String> {
    let [Json::String(between), Json::Array(items)] = parts else { return None };
    let items = items.iter().map(|item| match resolve(item) {
        Ok(Json::String(text)) => Some(text),
        _ => None,
    });
    Some(items.collect::<Option<Vec<_>>>()?.join(between))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literal_substitutions_have_a_value() {
        assert_eq!(substitute("a/${!aws:username}/b").as_deref(), Some("a/${aws:username}/b"));
        assert_eq!(substitute("arn:${AWS::Partition}:s3"), None);
    }
}

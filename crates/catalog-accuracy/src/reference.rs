//! Against a third party's map of SDK methods: same action, same variables from plain members.
//!
//! The map is a witness, not the truth. Each disagreement was looked at and stands in
//! `lists/reference.toml` with who is right and why; one that does not is printed as new.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use trailtrim_catalog::Catalog;
use trailtrim_catalog_compiler::data::{Model, ModelOperation};

use crate::call::{event, filled, id};
use crate::record::{Record, normal};
use crate::shared::{directory, list, share};

/// Names of the map's services that are not the models' with another case.
const NAMES: [(&str, &str); 16] = [
    ("CognitoIdentityServiceProvider", "cognito-idp"),
    ("CloudWatchEvents", "events"),
    ("EventBridge", "events"),
    ("CloudWatchLogs", "logs"),
    ("SSOAdmin", "sso-admin"),
    ("EFS", "efs"),
    ("StepFunctions", "stepfunctions"),
    ("ApplicationAutoScaling", "application-autoscaling"),
    ("CloudControl", "cloudcontrol"),
    ("DynamoDBStreams", "dynamodbstreams"),
    ("ELBv2", "elbv2"),
    ("ApiGatewayV2", "apigatewayv2"),
    ("APIGateway", "apigateway"),
    ("S3Control", "s3control"),
    ("ES", "es"),
    ("ElasticBeanstalk", "elasticbeanstalk"),
];

/// What was found out about disagreements.
#[derive(Deserialize)]
struct Known {
    disagreement: Vec<Disagreement>,
}

/// Disagreements of one kind.
#[derive(Deserialize)]
struct Disagreement {
    /// The map's methods.
    methods: Vec<String>,
    /// The map's action that is meant; without, all of the methods'.
    action: Option<String>,
    /// `ours`, `theirs`, or `both` where each says a part.
    right: String,
    why: String,
}

pub fn measure(models: &[Model], lists: bool) -> Result<(), Box<dyn std::error::Error>> {
    let path = directory().join("reference/sdk-method-map.core.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("reference: the map is not here, skipped");
        return Ok(());
    };
    let map: BTreeMap<String, Vec<Value>> = serde_json::from_str(&text)?;
    let known: Known = toml::from_str(&list("reference.toml")?)?;
    let (mut entries, mut same_action, mut filled_ones, mut same_values) = (0, 0, 0, 0);
    let mut found = Vec::new();
    for (method, mappings) in &map {
        let Some((service, name)) = method.split_once('.') else { continue };
        let own_name = NAMES
            .iter()
            .find(|(theirs, _)| *theirs == service)
            .map_or_else(|| service.to_ascii_lowercase(), |(_, ours)| (*ours).to_owned());
        let Some(model) = models.iter().find(|model| model.name == own_name) else { continue };
        let Some(shape) = model.operations.iter().find(|own| own.name == name) else { continue };
        let label = if model.name == "es" { "es" } else { &model.signing };
        let operation = Catalog::embedded().operation(&format!("{label}.amazonaws.com"), name);
        let actions: Vec<&str> = operation.actions().collect();
        for mapping in mappings {
            let Some(action) = mapping.get("action").and_then(Value::as_str) else { continue };
            if action.eq_ignore_ascii_case("iam:PassRole") || !plain(mapping) {
                continue;
            }
            entries += 1;
            if !actions.iter().any(|own| own.eq_ignore_ascii_case(action)) {
                found.push((method, action, format!("ours are {actions:?}")));
                continue;
            }
            same_action += 1;
            let event = as_mapped(event(model, shape, &actions), model, shape, mapping);
            let Some(expected) = expected(mapping, &event) else { continue };
            filled_ones += 1;
            let grants = operation.resolve(&Record::new(&event, operation.extraction())).grants;
            let ours: BTreeSet<&str> = grants
                .iter()
                .filter(|grant| grant.action.eq_ignore_ascii_case(action))
                .map(|grant| grant.resource.as_str())
                .collect();
            // Each value that they put into an ARN stands in one of ours.
            let missing: Vec<&String> = expected
                .iter()
                .filter(|value| !ours.iter().any(|arn| arn.contains(*value)))
                .collect();
            if missing.is_empty() {
                same_values += 1;
            } else {
                found.push((method, action, format!("theirs has {missing:?}, ours {ours:?}")));
            }
        }
    }
    println!("reference: entries whose variables come from plain members");
    share("same action", same_action, entries);
    share("same values in the ARN", same_values, filled_ones);
    share("same action and same ARN", entries - found.len(), entries);
    print(&found, &known, lists);
    Ok(())
}

/// Prints who is right, and what nobody has looked at yet.
fn print(found: &[(&String, &str, String)], known: &Known, lists: bool) {
    let mut used = BTreeSet::new();
    let mut right: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unlisted = 0;
    for (method, action, what) in found {
        let entry = known.disagreement.iter().enumerate().find(|(_, entry)| {
            entry.methods.contains(method)
                && entry.action.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(action))
        });
        if let Some((at, entry)) = entry {
            used.insert((at, *method));
            *right.entry(&entry.right).or_default() += 1;
            if lists {
                println!("    {method} {action}: {} right: {}", entry.right, entry.why);
            }
        } else {
            unlisted += 1;
            println!("    not in the list: {method} {action}: {what}");
        }
    }
    for (who, count) in right {
        println!("  disagreements where right is {who}: {count}");
    }
    println!("  disagreements that are not in the list: {unlisted}");
    for (at, entry) in known.disagreement.iter().enumerate() {
        for method in entry.methods.iter().filter(|method| !used.contains(&(at, *method))) {
            println!("    in the list without need: {method}");
        }
    }
}

/// Gives the members that a mapping names the kind of value that it says they hold.
fn as_mapped(
    mut event: Value,
    model: &Model,
    operation: &ModelOperation,
    mapping: &Value,
) -> Value {
    let of = |key: &str| mapping.get(key).and_then(Value::as_object).into_iter().flatten();
    for (variable, source) in of("resource_mappings") {
        let template = source.get("template").and_then(Value::as_str).unwrap_or_default();
        if let (Some(member), Some(id)) = (sole(template), id(model, variable))
            && let Some(slot) = member_of(&mut event, &member)
        {
            *slot = Value::String(id);
        }
    }
    let action = mapping.get("action").and_then(Value::as_str).unwrap_or_default();
    let facts = Catalog::embedded().action(action);
    for (kind, source) in of("resourcearn_mappings") {
        let types = facts.iter().flat_map(|facts| facts.resource_types());
        let template = types
            .filter(|own| own.name().eq_ignore_ascii_case(kind))
            .find_map(|own| own.templates().next());
        let member = source.as_str().and_then(sole);
        if let (Some(member), Some(template)) = (member, template)
            && let Some(slot) = member_of(&mut event, &member)
            && member.to_ascii_lowercase().trim_end_matches('s').ends_with("arn")
        {
            *slot = Value::String(filled(template));
        }
    }
    // The map names what tags on creation need; the record must have tags for that.
    let tagged = operation.input.iter().any(|member| member.eq_ignore_ascii_case("tags?"));
    if let Some(Value::Object(parameters)) = event.get_mut("requestParameters") {
        if tagged {
            parameters.insert("tags".to_owned(), json!([{ "key": "team", "value": "one" }]));
        }
        if model.name == "s3" && action.contains("Put") {
            // S3 writes the headers under their own names.
            parameters.insert("x-amz-tagging".to_owned(), json!("team=one"));
            parameters.insert("x-amz-acl".to_owned(), json!("private"));
        }
        if model.name == "elbv2" && parameters.contains_key("type") {
            parameters.insert("type".to_owned(), json!("network"));
        }
    }
    event
}

/// Returns the one member that a template is.
fn sole(template: &str) -> Option<String> {
    let member = template.strip_prefix("${")?.strip_suffix('}')?;
    (!member.contains('$')).then(|| member.replace("[]", ""))
}

/// Returns where a member's value stands in an event.
fn member_of<'v>(event: &'v mut Value, member: &str) -> Option<&'v mut Value> {
    let mut value = event.get_mut("requestParameters")?;
    for key in member.split('.') {
        let wanted = normal(key);
        let alias = if wanted == "bucket" { "bucketname" } else { wanted.as_str() };
        let members = value.as_object_mut()?;
        let own = |name: &str| normal(name) == wanted || normal(name) == alias;
        value = members.iter_mut().find(|(name, _)| own(name)).map(|(_, value)| value)?;
    }
    Some(value)
}

fn templates(mapping: &Value) -> Vec<&str> {
    let of = |key: &str| mapping.get(key).and_then(Value::as_object).into_iter().flatten();
    let variables = of("resource_mappings")
        .filter_map(|(_, source)| source.get("template").and_then(Value::as_str));
    variables.chain(of("resourcearn_mappings").filter_map(|(_, source)| source.as_str())).collect()
}

fn plain(mapping: &Value) -> bool {
    mapping.get("conditions").is_none()
        && templates(mapping).iter().all(|template| !template.contains("%%"))
}

/// Returns the values that the map puts into the ARN, out of our event.
fn expected(mapping: &Value, event: &Value) -> Option<BTreeSet<String>> {
    let mut event = event.clone();
    let mut values = BTreeSet::new();
    for template in templates(mapping) {
        for part in template.split("${").skip(1) {
            let member = part.split('}').next()?.replace("[]", "");
            values.insert(member_of(&mut event, &member)?.as_str()?.to_owned());
        }
    }
    (!values.is_empty()).then_some(values)
}

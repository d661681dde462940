//! Against a third party's map of SDK methods: same action, same variables from plain members.
//!
//! The map is a witness, not the truth; each disagreement has to be looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use trailtrim_catalog::Catalog;
use trailtrim_catalog_compiler::data::Model;

use crate::call::event;
use crate::record::Record;
use crate::shared::{directory, share};

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

pub fn measure(models: &[Model], lists: bool) -> Result<(), Box<dyn std::error::Error>> {
    let path = directory().join("reference/sdk-method-map.core.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("reference: the map is not here, skipped");
        return Ok(());
    };
    let map: BTreeMap<String, Vec<Value>> = serde_json::from_str(&text)?;
    let (mut entries, mut actions_agree, mut filled, mut fills_agree) = (0, 0, 0, 0);
    for (method, mappings) in &map {
        let Some((service, operation)) = method.split_once('.') else { continue };
        let name = NAMES
            .iter()
            .find(|(theirs, _)| *theirs == service)
            .map_or_else(|| service.to_ascii_lowercase(), |(_, ours)| (*ours).to_owned());
        let Some(model) = models.iter().find(|model| model.name == name) else { continue };
        let Some(shape) = model.operations.iter().find(|own| own.name == operation) else {
            continue;
        };
        let label = if model.name == "es" { "es" } else { &model.signing };
        let found = Catalog::embedded().operation(&format!("{label}.amazonaws.com"), operation);
        let actions: Vec<&str> = found.actions().collect();
        let event = event(model, shape, &actions);
        let grants = found.resolve(&Record::new(&event, found.extraction())).grants;
        for mapping in mappings {
            let Some(action) = mapping.get("action").and_then(Value::as_str) else { continue };
            if action.eq_ignore_ascii_case("iam:PassRole") || !plain(mapping) {
                continue;
            }
            entries += 1;
            if !actions.iter().any(|own| own.eq_ignore_ascii_case(action)) {
                if lists {
                    println!("    {method}: theirs {action}, ours {actions:?}");
                }
                continue;
            }
            actions_agree += 1;
            let Some(expected) = expected(mapping, &event) else { continue };
            filled += 1;
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
                fills_agree += 1;
            } else if lists {
                println!("    {method} {action}: theirs has {missing:?}, ours {ours:?}");
            }
        }
    }
    println!("reference: entries whose variables come from plain members");
    share("same action", actions_agree, entries);
    share("same values in the ARN", fills_agree, filled);
    Ok(())
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
    let mut values = BTreeSet::new();
    for template in templates(mapping) {
        for part in template.split("${").skip(1) {
            let member = part.split('}').next()?.replace("[]", "");
            let mut value = event.get("requestParameters")?;
            for key in member.split('.') {
                let members = value.as_object()?;
                let wanted = crate::record::normal(key);
                let alias =
                    if wanted == "bucket" { "bucketname".to_owned() } else { wanted.clone() };
                let own = |name: &str| {
                    let name = crate::record::normal(name);
                    name == wanted || name == alias
                };
                value = members.iter().find(|(name, _)| own(name)).map(|(_, value)| value)?;
            }
            values.insert(value.as_str()?.to_owned());
        }
    }
    (!values.is_empty()).then_some(values)
}

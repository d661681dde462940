//! A call of an operation as CloudTrail would write it, made from the shapes of its input.
//!
//! Most services write members by their name with the first letter lowered. S3 writes those that
//! travel in path, query and header by their name there, the bucket as `bucketName`, and bodies
//! under the name of their element. EC2 writes old operations with `xxxSet.items`, and newer ones
//! as they are on the wire, inside `<Operation>Request` and with `{tag, content}` for lists: a
//! record is made in both ways.

use serde_json::{Map, Value, json};

use super::take::{MAP, Model};
use super::values::{ACCOUNT, About, REGION, Values};

/// How EC2 writes parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `instancesSet.items[].instanceId`, and what all other services do.
    Sets,
    /// `DeleteVpcEndpointsRequest.VpcEndpointId.content`.
    Wire,
}

/// Makes records of one operation.
pub(super) struct Maker<'a> {
    pub(super) values: &'a Values,
    pub(super) about: About<'a>,
    pub(super) model: &'a Model,
    pub(super) operation: &'a str,
    pub(super) style: Style,
}

impl Maker<'_> {
    /// Returns the event, with a value at every member.
    pub(super) fn event(&self, input: &Map<String, Value>) -> Value {
        let mut parameters = Map::new();
        for (member, shape) in input {
            self.member(member, shape, 0, &mut parameters);
        }
        if self.style == Style::Wire {
            let request = format!("{}Request", self.operation);
            let inner = std::mem::take(&mut parameters);
            parameters.insert(request, Value::Object(inner));
        }
        json!({
            "eventSource": format!("{}.amazonaws.com", self.about.source),
            "eventName": self.operation,
            "awsRegion": REGION,
            "eventType": "AwsApiCall",
            "recipientAccountId": ACCOUNT,
            "userIdentity": {
                "type": "AssumedRole",
                "accountId": ACCOUNT,
                "sessionContext": {
                    "sessionIssuer": { "arn": format!("arn:aws:iam::{ACCOUNT}:role/caller") },
                },
            },
            "requestParameters": parameters,
        })
    }

    fn member(&self, member: &str, shape: &Value, depth: usize, into: &mut Map<String, Value>) {
        let (name, wire) = member.split_once('@').unwrap_or((member, member));
        let value = match shape {
            Value::Array(element) if self.is_ec2() => self.ec2_list(wire, element, depth, into),
            shape => Some((self.key(name, wire), self.value(name, shape, depth))),
        };
        if let Some((key, value)) = value {
            into.insert(key, value);
        }
    }

    fn is_ec2(&self) -> bool {
        self.model.protocol == "ec2"
    }

    fn key(&self, name: &str, wire: &str) -> String {
        let on_the_wire = |name: &str| match name {
            "Bucket" => "bucketName".to_owned(),
            name => lower(name),
        };
        match self.model.name.as_str() {
            "s3" if wire.contains('-') || wire.starts_with(char::is_lowercase) => wire.to_owned(),
            "s3" => on_the_wire(name),
            "s3control" if wire.contains('-') => wire.to_owned(),
            "ec2" if self.style == Style::Wire => wire.to_owned(),
            "ec2" => lower(wire),
            _ => lower(name),
        }
    }

    /// EC2 lists: their elements have a name, and it is that which holds the id.
    fn ec2_list(
        &self,
        wire: &str,
        element: &[Value],
        depth: usize,
        into: &mut Map<String, Value>,
    ) -> Option<(String, Value)> {
        let shape = element.first()?;
        let named = element.get(1).and_then(Value::as_str);
        let single = named.unwrap_or_else(|| wire.strip_suffix('s').unwrap_or(wire));
        let value = self.value(single, shape, depth);
        if self.style == Style::Wire {
            let content = json!({ "tag": 1, "content": value });
            let content = if value.is_object() { value } else { content };
            return Some((wire.to_owned(), content));
        }
        let item = if value.is_object() { value } else { json!({ lower(single): value }) };
        let stem = single.strip_suffix("Id").unwrap_or(single);
        let set = json!({ "items": [item] });
        let key = format!("{}Set", lower(stem));
        // Two lists of one kind stand under the names of their own.
        let key = if into.contains_key(&key) { format!("{}Set", lower(wire)) } else { key };
        Some((key, set))
    }

    fn value(&self, name: &str, shape: &Value, depth: usize) -> Value {
        match shape {
            Value::Object(members) => match members.get(MAP) {
                Some(value) => json!({ format!("{}-key", super::values::words(name)):
                    self.value(name, value, depth + 1) }),
                None => {
                    let mut inner = Map::new();
                    for (member, shape) in members {
                        self.member(member, shape, depth + 1, &mut inner);
                    }
                    Value::Object(inner)
                }
            },
            Value::Array(element) => {
                let element = element.first().unwrap_or(&Value::Null);
                json!([self.value(name, element, depth)])
            }
            Value::String(shape) => match shape.split_once(':') {
                Some(("enum", values)) => Value::String(choose(values, self.about.choice)),
                Some((kind, _)) => {
                    let value = self.values.of(&self.about, name, kind == "arn");
                    Value::String(if depth == 0 { value } else { inner(&value) })
                }
                None => json!(1),
            },
            _ => Value::Null,
        }
    }
}

/// Returns a value told apart from that of a member at the top: what stands further in is often of
/// something else than the call is about.
fn inner(value: &str) -> String {
    match value.strip_suffix("abcdef0") {
        Some(start) => format!("{start}abcdef1"),
        None if value.contains([':', '/', '_', ' '])
            || value.bytes().all(|b| b.is_ascii_digit()) =>
        {
            value.to_owned()
        }
        None => format!("inner-{value}"),
    }
}

/// Returns the value of an enumeration that a choice means.
pub(super) fn choose(values: &str, choice: usize) -> String {
    let values: Vec<&str> = values.split('|').collect();
    values.get(choice % values.len().max(1)).copied().unwrap_or_default().to_owned()
}

fn lower(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

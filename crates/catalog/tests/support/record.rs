//! A CloudTrail event as JSON, seen through an operation's extraction: the slow and plain
//! counterpart of what the aggregator does, for tests and measurements.

use std::collections::BTreeMap;

use serde_json::Value;
use trailtrim_catalog::{
    Catalog, Extraction, FactKind, Operation, Request, Resolution, ResourceRef,
};

/// The kept parts of one event.
pub struct Record<'e> {
    event: &'e Value,
    values: BTreeMap<&'static str, Vec<String>>,
    arns: Vec<(String, String)>,
    caller: String,
    partition: String,
    /// Whether `resources[]` is shown to the rules.
    pub with_resources: bool,
    /// Facts of other events.
    pub facts: BTreeMap<(FactKind, String), String>,
}

const REDACTED: [&str; 4] = [
    "HIDDEN_DUE_TO_SECURITY_REASONS",
    "HIDDEN_FOR_SECURITY_REASONS",
    "***",
    "<sensitiveDataRemoved>",
];

/// Returns an event's operation.
pub fn operation(event: &Value) -> Operation {
    Catalog::embedded().operation(text(event, "/eventSource"), text(event, "/eventName"))
}

/// Resolves an event.
pub fn resolve(event: &Value) -> Resolution {
    let operation = operation(event);
    operation.resolve(&Record::new(event, operation.extraction()))
}

pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

impl<'e> Record<'e> {
    pub fn new(event: &'e Value, extraction: Extraction) -> Record<'e> {
        let skipped: Vec<&str> = extraction.skipped().collect();
        let mut values = BTreeMap::new();
        for path in extraction.paths() {
            let (plain, lists) = match path.strip_suffix("[,]") {
                Some(plain) => (plain, true),
                None => (path, false),
            };
            let mut keys = keys(plain).into_iter();
            let root = match keys.next() {
                Some("response") => "responseElements",
                Some("additional") => "additionalEventData",
                _ => "requestParameters",
            };
            let keys: Vec<&str> = keys.collect();
            let mut found = Vec::new();
            if let Some(root) = event.get(root) {
                collect(root, &keys, &skipped, &mut found);
            }
            if lists {
                let parts = found.iter().flat_map(|text| text.split(','));
                found = parts.map(|part| part.trim().to_owned()).collect();
                found.retain(|part| !part.is_empty());
            }
            if !found.is_empty() {
                values.insert(path, found);
            }
        }
        let mut arns = Vec::new();
        if extraction.scan_arns() {
            scan(event.get("requestParameters"), "request", &skipped, &mut arns);
        }
        let issuer = text(event, "/userIdentity/sessionContext/sessionIssuer/arn");
        let caller = if issuer.is_empty() { text(event, "/userIdentity/arn") } else { issuer };
        let region = text(event, "/awsRegion");
        let partition = match region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        Record {
            event,
            values,
            arns,
            caller: caller.to_owned(),
            partition: partition.to_owned(),
            with_resources: true,
            facts: BTreeMap::new(),
        }
    }
}

pub fn normal(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// An ARN as it stood in a URL is read as one.
fn plain_arn(text: &str) -> String {
    if !text.to_ascii_lowercase().starts_with("arn%3a") {
        return text.to_owned();
    }
    text.replace("%3A", ":").replace("%3a", ":").replace("%2F", "/").replace("%2f", "/")
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(plain_arn(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Splits a path at its dots, except within brackets.
fn keys(path: &str) -> Vec<&str> {
    let mut depth = 0;
    path.split(|c: char| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == '.' && depth == 0
    })
    .collect()
}

/// Returns whether a test such as `kind^=a` holds of an element of a list.
fn passes(element: &Value, test: &str) -> bool {
    let (head, value) = test.split_once('=').unwrap_or_default();
    let wanted = head.trim_end_matches(['!', '^', '$', '*']);
    let own = match element {
        Value::Object(members) => (!wanted.is_empty()).then(|| member(members, wanted)),
        text => wanted.is_empty().then(|| scalar(text)),
    };
    let Some(own) = own else { return false };
    let (own, value) = (own.unwrap_or_default().to_lowercase(), value.to_lowercase());
    let found = match head.chars().last() {
        Some('^') => own.starts_with(&value),
        Some('$') => own.ends_with(&value),
        Some('*') => own.contains(&value),
        _ => own == value,
    };
    found != head.contains('!')
}

fn collect<'e>(value: &'e Value, keys: &[&str], skipped: &[&str], found: &mut Vec<String>) {
    if let Value::Array(elements) = value {
        elements.iter().for_each(|element| collect(element, keys, skipped, found));
        return;
    }
    let Some((key, rest)) = keys.split_first() else {
        found.extend(scalar(value).filter(|text| {
            !text.is_empty() && !REDACTED.iter().any(|word| word.eq_ignore_ascii_case(text))
        }));
        return;
    };
    if *key == "**" {
        return anywhere(value, rest, skipped, found);
    }
    let Value::Object(members) = value else { return };
    if let Some((list, tests)) = key.split_once('[') {
        let (tests, presence) = match tests.strip_suffix('?') {
            Some(tests) => (tests, true),
            None => (tests, false),
        };
        let lists = members.iter().filter(|(name, _)| normal(name) == list);
        // One element may stand there without a list around it.
        let elements = |(_, list): (_, &'e Value)| match list {
            Value::Array(elements) => elements.as_slice(),
            element => std::slice::from_ref(element),
        };
        for element in lists.flat_map(elements) {
            let mut tests = tests.split('[').map(|test| test.trim_end_matches(']'));
            if !tests.all(|test| passes(element, test)) {
                continue;
            }
            if presence {
                found.push("present".to_owned());
            } else {
                collect(element, rest, skipped, found);
            }
        }
        return;
    }
    if key.contains('+') {
        let own: Option<Vec<String>> = key.split('+').map(|key| member(members, key)).collect();
        found.extend(own.map(|own| own.join("/")));
        return;
    }
    let stem = key.trim_end_matches('?').trim_end_matches("{}");
    for (name, member) in members {
        if normal(name) != stem {
            continue;
        }
        if key.ends_with('?') {
            let empty = match member {
                Value::Null => true,
                Value::String(text) => text.is_empty(),
                Value::Array(elements) => elements.is_empty(),
                Value::Object(members) => members.is_empty(),
                _ => false,
            };
            if !empty {
                found.push("present".to_owned());
            }
        } else if key.ends_with("{}") {
            found.extend(member.as_object().into_iter().flatten().map(|(name, _)| name.clone()));
        } else {
            collect(member, rest, skipped, found);
        }
    }
}

fn member(members: &serde_json::Map<String, Value>, key: &str) -> Option<String> {
    let (_, value) = members.iter().find(|(name, _)| normal(name) == key)?;
    scalar(value).filter(|text| {
        !text.is_empty() && !REDACTED.iter().any(|word| word.eq_ignore_ascii_case(text))
    })
}

fn anywhere(value: &Value, keys: &[&str], skipped: &[&str], found: &mut Vec<String>) {
    match value {
        Value::Array(elements) => {
            elements.iter().for_each(|element| anywhere(element, keys, skipped, found));
        }
        Value::Object(members) => {
            collect(value, keys, skipped, found);
            for (name, member) in members {
                if !skipped.contains(&normal(name).as_str()) {
                    anywhere(member, keys, skipped, found);
                }
            }
        }
        _ => {}
    }
}

fn scan(value: Option<&Value>, path: &str, skipped: &[&str], found: &mut Vec<(String, String)>) {
    match value {
        Some(Value::String(text)) => {
            let text = plain_arn(text);
            if text.starts_with("arn:") {
                found.push((path.to_owned(), text));
            }
        }
        Some(Value::Array(elements)) => {
            elements.iter().for_each(|element| scan(Some(element), path, skipped, found));
        }
        Some(Value::Object(members)) => {
            for (name, member) in members {
                let key = normal(name);
                if !skipped.contains(&key.as_str()) {
                    scan(Some(member), &format!("{path}.{key}"), skipped, found);
                }
            }
        }
        _ => {}
    }
}

impl Request for Record<'_> {
    fn account(&self) -> &str {
        let own = text(self.event, "/userIdentity/accountId");
        if own.is_empty() { text(self.event, "/recipientAccountId") } else { own }
    }

    fn region(&self) -> &str {
        text(self.event, "/awsRegion")
    }

    fn partition(&self) -> &str {
        &self.partition
    }

    fn caller(&self) -> &str {
        &self.caller
    }

    fn via(&self) -> Option<&str> {
        self.event.pointer("/userIdentity/invokedBy").and_then(Value::as_str)
    }

    fn error_code(&self) -> Option<&str> {
        self.event.get("errorCode").and_then(Value::as_str)
    }

    fn values(&self, path: &str, each: &mut dyn FnMut(&str)) {
        self.values.get(path).into_iter().flatten().for_each(|value| each(value));
    }

    fn arns(&self, each: &mut dyn FnMut(&str, &str)) {
        self.arns.iter().for_each(|(path, arn)| each(path, arn));
    }

    fn resources(&self, each: &mut dyn FnMut(ResourceRef<'_>)) {
        let listed = self.event.get("resources").and_then(Value::as_array);
        for resource in listed.into_iter().flatten().filter(|_| self.with_resources) {
            let get = |key: &str| resource.get(key).and_then(Value::as_str);
            let prefix = get("ARNPrefix");
            if let Some(arn) = get("ARN").or(prefix) {
                let is_prefix = prefix.is_some();
                let resource_type = get("type");
                each(ResourceRef { arn, is_prefix, resource_type, account: get("accountId") });
            }
        }
    }

    fn fact(&self, kind: FactKind, key: &str) -> Option<String> {
        self.facts.get(&(kind, key.to_owned())).cloned()
    }
}

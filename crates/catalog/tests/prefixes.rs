//! A listing filtered by how names begin is authorized on the whole collection: over every
//! operation of every API, what such a parameter says must not change what is granted.

#[path = "support/record.rs"]
mod record;

use serde_json::{Map, Value, json};
use trailtrim_catalog::Kind;
use trailtrim_catalog_compiler::data::{Model, from_lines};

/// How the members end that select by a part of a name.
const FILTERS: [&str; 6] =
    ["prefix", "namecontains", "contains", "beginswith", "startswith", "namelike"];

fn lower(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

fn event(model: &Model, name: &str, parameters: &Map<String, Value>) -> Value {
    json!({
        "eventSource": format!("{}.amazonaws.com", model.signing),
        "eventName": name,
        "awsRegion": "eu-west-1",
        "userIdentity": { "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/ann" },
        "requestParameters": parameters,
    })
}

#[test]
fn no_prefix_narrows_what_a_listing_needs() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/operations.jsonl.zst");
    let models: Vec<Model> = from_lines(&std::fs::read(path).unwrap()).unwrap();
    let (mut seen, mut wrong) = (0, Vec::new());
    for model in &models {
        for operation in &model.operations {
            let reads = ["List", "Describe", "Get", "Search", "Lookup", "Scan", "Query", "Select"];
            if !reads.iter().any(|verb| operation.name.starts_with(verb)) {
                continue;
            }
            for member in &operation.input {
                let member = member.trim_start_matches('!');
                let plain = record::normal(member);
                if member.contains('.') || !FILTERS.iter().any(|end| plain.ends_with(end)) {
                    continue;
                }
                let mut parameters = Map::new();
                let bare = event(model, &operation.name, &parameters);
                if record::operation(&bare).kind() != Kind::Mapped {
                    continue;
                }
                seen += 1;
                let value = json!("only-these");
                parameters.insert(lower(member), value);
                let filtered = record::resolve(&event(model, &operation.name, &parameters));
                if filtered.grants != record::resolve(&bare).grants {
                    wrong.push(format!("{}:{} {member}", model.name, operation.name));
                }
            }
        }
    }
    assert!(seen > 100, "only {seen} listings with a filter were found");
    assert!(wrong.is_empty(), "narrowed by a filter: {wrong:#?}");
}

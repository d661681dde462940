//! What the language of rules can say, each in a made-up service with as little as it takes.

#![expect(dead_code, reason = "the other tests use the rest of the support")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/record.rs"]
mod record;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trailtrim_catalog::Catalog;
use trailtrim_catalog_compiler::{Input, compile};

/// A service with one operation that makes use of a thing in a place.
fn input(rule: &str) -> Input {
    let service = json!({
        "prefix": "demo",
        "name": "Demo",
        "actions": [{ "n": "UseThing", "l": "W", "t": [["thing", true]] }],
        "types": [{ "n": "thing", "a": ["arn:${Partition}:demo:${Region}:${Account}:thing/${PlaceName}/${ThingName}"] }],
    });
    let model = json!({
        "name": "demo", "signing": "demo", "endpoint": "demo",
        "operations": [{ "n": "UseThing", "i": ["addresses", "config?", "owner", "place"] }],
    });
    Input {
        services: vec![serde_json::from_value(service).unwrap()],
        models: vec![serde_json::from_value(model).unwrap()],
        rules: BTreeMap::from([("demo.toml".to_owned(), format!("service = \"demo\"\n{rule}"))]),
        ..Input::default()
    }
}

/// Returns the resources of a call under a rule.
fn resources(rule: &str, request: Value) -> BTreeSet<String> {
    let bytes = compile(&input(rule)).unwrap();
    let operation =
        Catalog::from_bytes(bytes.leak()).unwrap().operation("demo.amazonaws.com", "UseThing");
    let event = json!({
        "eventSource": "demo.amazonaws.com",
        "eventName": "UseThing",
        "awsRegion": "eu-west-1",
        "userIdentity": { "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:user/u" },
        "requestParameters": request,
    });
    let grants = operation.resolve(&record::Record::new(&event, operation.extraction())).grants;
    grants.into_iter().map(|grant| grant.resource).collect()
}

/// Checks the resources of a call by what stands behind region and account.
fn things(rule: &str, request: Value, expected: &[&str]) {
    let whole = |name: &&str| format!("arn:aws:demo:eu-west-1:111122223333:thing/{name}");
    assert_eq!(resources(rule, request), expected.iter().map(whole).collect(), "{rule}");
}

#[test]
fn what_is_made_of_one_value_stays_together() {
    let rule = r#"[fill.thing]
        PlaceName = ["copy_bucket(addresses)"]
        ThingName = ["copy_key(addresses)"]"#;
    let request = json!({ "addresses": ["s3://a/x", "s3://b/y"] });
    things(rule, request, &["a/x", "b/y"]);
    // A whole place has no thing, and none of another's.
    let request = json!({ "addresses": ["s3://a/x", "s3://b/"] });
    things(rule, request, &["a/x", "b/*"]);
    // What is read at two places is made of either.
    let rule = r#"[fill.thing]
        PlaceName = ["copy_bucket(addresses)", "+copy_bucket(request.others)"]
        ThingName = ["copy_key(addresses)", "+copy_key(request.others)"]"#;
    let request = json!({ "addresses": ["s3://a/x"], "others": ["s3://b/y", "s3://c/z"] });
    things(rule, request, &["a/x", "b/y", "c/z"]);
    // What has nothing in common is combined.
    let rule = r#"[fill.thing]
        PlaceName = ["place"]
        ThingName = ["copy_key(addresses)"]"#;
    let request = json!({ "place": ["a", "b"], "addresses": ["s3://c/x"] });
    things(rule, request, &["a/x", "b/x"]);
}

#[test]
fn a_text_with_commas_is_a_list() {
    let rule = r#"[fill.thing]
        PlaceName = ["place"]
        ThingName = ["addresses[,]"]"#;
    let request = json!({ "place": "p", "addresses": "x, y,,z" });
    things(rule, request, &["p/x", "p/y", "p/z"]);
    let rule = r#"[fill.thing]
        PlaceName = ["copy_bucket(addresses[,])"]
        ThingName = ["copy_key(addresses[,])"]"#;
    let request = json!({ "addresses": "s3://a/x,s3://b/y" });
    things(rule, request, &["a/x", "b/y"]);
}

#[test]
fn elements_are_told_by_parts_of_their_texts() {
    let of = |path: &str| {
        format!(
            r#"[[operation]]
            names = ["UseThing"]
            reason = "Told by a test of an element."
            [[operation.grants]]
            when = ["{path}"]
            fill.thing.PlaceName = ["=p"]
            fill.thing.ThingName = ["{path}"]"#
        )
    };
    let request = json!({
        "config": [{ "kind": "own.a", "name": "x" }, { "kind": "aws.b", "name": "y" }, { "name": "z" }],
        "ids": ["i-1", "v-2"],
    });
    for (path, expected) in [
        ("request.config[kind^=own.].name", ["p/x"].as_slice()),
        ("request.config[kind!^=own.].name", &["p/y", "p/z"]),
        ("request.config[kind$=.B].name", &["p/y"]),
        ("request.config[kind*=.][kind!$=a].name", &["p/y"]),
        ("request.config[kind!=].name", &["p/x", "p/y"]),
        ("request.ids[^=i-]", &["p/i-1"]),
    ] {
        things(&of(path), request.clone(), expected);
    }
    assert!(resources(&of("request.config[kind^=none].name"), request).is_empty());
}

#[test]
fn any_depth_may_begin_anywhere_and_members_may_be_deep() {
    let rule = r#"[fill.thing]
        PlaceName = ["request.config.**.name"]
        ThingName = ["config.a.b.name"]"#;
    let request = json!({ "config": { "a": { "b": { "name": "x" } } }, "other": { "name": "n" } });
    things(rule, request, &["x/x"]);
}

#[test]
fn words_are_spelled_wherever_they_stand() {
    let rule = r#"[fill.thing]
        PlaceName = ["spelled(request.config.a.scope;REGIONAL=regional)"]
        ThingName = ["=t"]"#;
    things(rule, json!({ "config": { "a": { "scope": "REGIONAL" } } }), &["regional/t"]);
}

#[test]
fn a_name_stays_in_its_segment_unless_a_rule_says_otherwise() {
    let request = json!({ "place": "a:b/c", "addresses": "x" });
    let of = |source: &str| {
        format!("[fill.thing]\nPlaceName = [\"{source}\"]\nThingName = [\"addresses\"]")
    };
    things(&of("place"), request.clone(), &["*/x"]);
    things(&of("as_is(place)"), request, &["a:b/c/x"]);
}

#[test]
fn account_and_region_may_be_those_of_an_arn() {
    let rule = r#"[fill.thing]
        PlaceName = ["=p"]
        ThingName = ["arn_last(addresses)"]
        Account = ["arn_account(addresses)"]
        Region = ["arn_region(addresses)"]"#;
    let arn = |head: &str, name: &str| format!("arn:aws:{head}:queue/{name}");
    let request = json!({ "addresses": [
        arn("sqs:us-east-1:444455556666", "a"), arn("sqs:us-east-2:777788889999", "b"),
    ] });
    let expected = [
        "arn:aws:demo:us-east-1:444455556666:thing/p/a",
        "arn:aws:demo:us-east-2:777788889999:thing/p/b",
    ];
    assert_eq!(resources(rule, request), expected.map(str::to_owned).into());
    // A global thing has neither, and a text that is no ARN tells nothing.
    let request = json!({ "addresses": [arn("s3::", "a"), "b:c:d:e:f:g"] });
    things(rule, request, &["p/a", "p/g"]);
}

#[test]
fn a_template_may_begin_with_an_arn_that_is_cut() {
    let of = |template: &str, source: &str| {
        format!(
            r#"[[operation]]
            names = ["UseThing"]
            reason = "Named by an ARN."
            [[operation.grants]]
            use_scan = false
            resource = "{template}"
            fill."*".Arn = ["{source}"]"#
        )
    };
    let arn = "arn:aws:demo:eu-west-1:111122223333:thing/a/b/c";
    let request = json!({ "owner": arn });
    things(&of("${Arn}/*", "only_arn(owner)"), request.clone(), &["a/b/c/*"]);
    things(&of("${Arn}", "above_one(owner)"), request.clone(), &["a/b"]);
    things(&of("${Arn}/*", "above_two(owner)"), request, &["a/*"]);
}

#[test]
fn transforms_may_stand_in_one_another() {
    let rule = r#"[fill.thing]
        PlaceName = ["=p"]
        ThingName = ["lower(last_segment(drop_last_colon(addresses)))"]"#;
    let arn = "arn:aws:codebuild:eu-west-1:111122223333:build/Shop:4c5d";
    things(rule, json!({ "addresses": [arn, "Cart:4c5d"] }), &["p/cart", "p/shop"]);
    // What an inner one says of the account stays.
    let rule = r#"[fill.thing]
        PlaceName = ["=p"]
        ThingName = ["lower(queue(addresses))"]"#;
    let request = json!({ "addresses": "https://sqs.us-east-1.amazonaws.com/444455556666/Jobs" });
    let expected = "arn:aws:demo:us-east-1:444455556666:thing/p/jobs";
    assert_eq!(resources(rule, request), [expected.to_owned()].into());
}

#[test]
fn a_path_that_is_not_written_well_is_told() {
    for path in ["request.a[b].c", "request.a[b^!=c].d", "request.**.a.**.b", "request.a.**"] {
        let rule = format!("[fill.thing]\nPlaceName = [\"{path}\"]");
        let error = compile(&input(&rule)).unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("demo.toml", 3), "{path}");
    }
}

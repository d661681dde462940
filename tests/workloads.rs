//! Who acts inside a role: `usage --by workload` and `generate --split-by workload`.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{generate, list, number, text, text_of, trailtrim};

const ROLE: &str = "arn:aws:iam::111122223333:role/team/shared";
const ORDERS: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
const BILLING: &str = "arn:aws:lambda:eu-west-1:111122223333:function:billing";

/// A read of an object by a session of a role, which AWS may have issued for a function.
fn read(role: &str, session: &str, function: Option<&str>, key: &str) -> Value {
    let name = role.rsplit('/').next().unwrap();
    let mut identity = json!({
        "type": "AssumedRole",
        "principalId": format!("AROAX{name}:{session}"),
        "arn": format!("arn:aws:sts::111122223333:assumed-role/{name}/{session}"),
        "accountId": "111122223333",
        "sessionContext": {"sessionIssuer": {
            "type": "Role", "principalId": format!("AROAX{name}"), "arn": role,
            "accountId": "111122223333", "userName": name,
        }},
    });
    if let Some(function) = function {
        identity["inScopeOf"] = json!({
            "sourceArn": function, "sourceAccount": "111122223333", "issuerType": "AWS::Lambda::Function",
            "credentialsIssuedTo": function,
        });
    }
    json!({
        "eventTime": "2026-03-02T10:00:00Z", "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
        "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "eventType": "AwsApiCall",
        "eventID": format!("{session}-{key}"), "readOnly": true, "userIdentity": identity,
        "requestParameters": {"bucketName": "b", "key": key},
        "resources": [{"type": "AWS::S3::Object", "ARN": format!("arn:aws:s3:::b/{key}")}],
    })
}

/// A role that two functions share, and someone whose session is named like one of them; beside it
/// a role of one function.
fn shared() -> TempDir {
    let folder = TempDir::new().unwrap();
    let single = "arn:aws:iam::111122223333:role/single";
    let records = [
        read(ROLE, "orders", Some(ORDERS), "orders/1"),
        read(ROLE, "billing", Some(BILLING), "invoices/1"),
        read(ROLE, "orders", None, "secrets/1"),
        read(single, "orders", Some(ORDERS), "orders/2"),
    ];
    fs::write(folder.path().join("trail.json"), json!({ "Records": records }).to_string()).unwrap();
    folder
}

fn run(trail: &TempDir, arguments: &[&str]) -> String {
    let (command, options) = arguments.split_first().unwrap();
    let output = trailtrim().arg(command).arg(trail.path()).args(options).output().unwrap();
    let stderr = text(output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    text(output.stdout)
}

#[test]
fn usage_tells_what_aws_says_from_what_callers_chose() {
    let trail = shared();
    let lines =
        run(&trail, &["usage", "--by", "workload", "--principal", ROLE, "--format", "json"]);
    let told: Vec<(String, bool, String)> = lines
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let workload = &line["workload"];
            assert_eq!(number(workload, "names"), 1, "{line}");
            let name =
                format!("{} {}", text_of(workload, "attribution"), text_of(workload, "name"));
            let chosen = workload["chosen_by_caller"].as_bool().unwrap();
            (name, chosen, text_of(&line, "resource").to_owned())
        })
        .collect();
    let expected = [
        (format!("scope {BILLING}"), false, "arn:aws:s3:::b/invoices/1".to_owned()),
        (format!("scope {ORDERS}"), false, "arn:aws:s3:::b/orders/1".to_owned()),
        ("session orders".to_owned(), true, "arn:aws:s3:::b/secrets/1".to_owned()),
    ];
    assert_eq!(told, expected);
    let human = run(&trail, &["usage", "--by", "workload"]);
    assert!(human.contains(&format!("{ROLE}\n  in the scope of {ORDERS}\n")), "{human}");
    assert!(human.contains("session `orders`, a name that the caller chose"), "{human}");
    let whole = run(&trail, &["usage", "--format", "json"]);
    assert!(!whole.contains("workload"), "{whole}");
}

#[test]
fn a_shared_role_is_split_and_no_part_has_what_another_used() {
    let trail = shared();
    let run = generate(
        &[trail.path()],
        &["--split-by", "workload", "--resources", "exact", "--no-baseline"],
    );
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("4 workloads of 2 principals"), "{}", run.stderr);
    let tree = run.tree();
    let shared = "111122223333/role/team/shared/~workloads";
    let function = |arn: &str| arn.replace(':', "%3A");
    for (path, resource) in [
        (format!("{shared}/scope/{}/policy.json", function(ORDERS)), "arn:aws:s3:::b/orders/1"),
        (format!("{shared}/scope/{}/policy.json", function(BILLING)), "arn:aws:s3:::b/invoices/1"),
        (format!("{shared}/session/orders/policy.json"), "arn:aws:s3:::b/secrets/1"),
        ("111122223333/role/single/policy.json".to_owned(), "arn:aws:s3:::b/orders/2"),
    ] {
        let policy = tree.get(&path).unwrap_or_else(|| panic!("no {path} in {:?}", tree.keys()));
        let policy: Value = serde_json::from_slice(policy).unwrap();
        let resources: Vec<&Value> =
            list(&policy, "Statement").iter().map(|statement| &statement["Resource"]).collect();
        assert_eq!(resources, [&json!(resource)], "{path}");
    }
    assert_eq!(tree.len(), 5);
    let report = run.report();
    let by_session =
        list(&report, "principals").iter().find(|one| one["workload"]["attribution"] == "session");
    let notes = list(by_session.unwrap(), "notes").iter().map(Value::to_string).collect::<String>();
    assert!(notes.contains("anyone may pass for it") && notes.contains("one of 3"), "{notes}");
}

#[test]
fn a_workloads_policy_is_called_after_it_whatever_others_there_are() {
    let trail = shared();
    let terraform = |more: &[&str]| {
        let words = [&["--split-by", "workload", "--format", "terraform"], more].concat();
        let run = generate(&[trail.path()], &words);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let tree = run.tree();
        let (_, text) = tree.iter().find(|(path, _)| path.contains("session/orders")).unwrap();
        String::from_utf8(text.clone()).unwrap()
    };
    let whole = terraform(&[]);
    assert!(
        whole.starts_with(&format!("# Policies for {ROLE}, workload session orders\n")),
        "{whole}"
    );
    let name = whole.lines().find(|line| line.contains("name ")).unwrap();
    assert!(name.contains("\"trailtrim-role-shared_session_orders-"), "{name}");
    // Files that are applied by themselves must not take each other's names as workloads come and go.
    let all: Vec<String> = {
        let words = ["--split-by", "workload", "--format", "terraform"];
        let tree = generate(&[trail.path()], &words).tree();
        let texts = tree.into_iter().filter(|(path, _)| path.ends_with(".tf"));
        let texts = texts.map(|(_, text)| String::from_utf8(text).unwrap());
        texts
            .filter_map(|text| Some(text.lines().find(|line| line.contains("name "))?.to_owned()))
            .collect()
    };
    assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len(), "{all:?}");
    let alone = generate(
        &[trail.path()],
        &[
            "--split-by",
            "workload",
            "--format",
            "terraform",
            "--principal",
            ROLE,
            "--exclude-session",
            "orders-*",
        ],
    );
    let tree = alone.tree();
    let (_, text) = tree.iter().find(|(path, _)| path.contains("session/orders")).unwrap();
    assert!(String::from_utf8(text.clone()).unwrap().contains(name));
}

#[test]
fn standard_output_has_a_policy_for_each_workload() {
    let trail = shared();
    let all = run(&trail, &["generate", "--split-by", "workload"]);
    let all: Value = serde_json::from_str(&all).unwrap();
    let of = &all[ROLE];
    let names: Vec<&String> = of.as_object().unwrap().keys().collect();
    assert_eq!(names, [&format!("scope {BILLING}"), &format!("scope {ORDERS}"), "session orders"]);
    let one = run(&trail, &["generate", "--split-by", "workload", "--principal", ROLE]);
    assert_eq!(&serde_json::from_str::<Value>(&one).unwrap(), of);
    let whole = run(&trail, &["generate", "--principal", ROLE]);
    assert!(whole.starts_with("{\n") && whole.contains("\"Statement\""), "{whole}");
}

#[test]
fn very_many_sessions_are_one_workload_and_counted() {
    let folder = TempDir::new().unwrap();
    let letters =
        |n: usize| ["a", "b", "c", "d", "e"][n % 5].to_owned() + ["v", "w", "x"][n / 5 % 3];
    let records: Vec<Value> = (0..200)
        .map(|n| {
            let session = format!("{}-{}-{}", letters(n), letters(n / 15), letters(n / 225));
            read(ROLE, &format!("s{session}"), None, "k")
        })
        .collect();
    fs::write(folder.path().join("trail.json"), json!({ "Records": records }).to_string()).unwrap();
    let lines = run(&folder, &["usage", "--by", "workload", "--format", "json"]);
    let line: Value = serde_json::from_str(lines.trim_end()).unwrap();
    assert_eq!(line["workload"]["name"], Value::Null);
    assert_eq!(number(&line["workload"], "names"), 200, "{line}");
    let human = run(&folder, &["usage", "--by", "workload"]);
    assert!(human.contains("200 session names that callers chose"), "{human}");
}

#[test]
fn that_a_role_was_made_anew_is_told_where_its_policy_is_printed() {
    let role = "arn:aws:iam::111122223333:role/svc";
    let (old, mut new) = (read(role, "s", None, "old"), read(role, "s", None, "new"));
    new["userIdentity"]["principalId"] = json!("AROAXOTHER:s");
    new["userIdentity"]["sessionContext"]["sessionIssuer"]["principalId"] = json!("AROAXOTHER");
    let folder = TempDir::new().unwrap();
    let records = json!({ "Records": [old, new] });
    fs::write(folder.path().join("trail.json"), records.to_string()).unwrap();
    let output = trailtrim().arg("generate").arg(folder.path()).output().unwrap();
    let stderr = text(output.stderr);
    assert!(stderr.contains("role/svc: 2 different principals had this ARN"), "{stderr}");
}

#[test]
fn what_a_function_is_set_up_with_is_in_its_draft_alone_and_from_a_usage_file_too() {
    let role = "arn:aws:iam::111122223333:role/single";
    let queue = "arn:aws:sqs:eu-west-1:111122223333:orders";
    let deployed = json!({
        "eventTime": "2026-03-01T10:00:00Z", "eventSource": "lambda.amazonaws.com",
        "eventName": "CreateEventSourceMapping20150331", "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333", "eventType": "AwsApiCall", "eventID": "deployed",
        "userIdentity": {"type": "IAMUser", "principalId": "AIDAX", "userName": "deployer",
            "arn": "arn:aws:iam::111122223333:user/deployer", "accountId": "111122223333"},
        "requestParameters": {"functionName": "orders", "eventSourceArn": queue},
        "responseElements": {"functionArn": ORDERS, "eventSourceArn": queue},
    });
    let records = [
        deployed,
        read(role, "s", Some(ORDERS), "orders/1"),
        read(ROLE, "s", Some(BILLING), "invoices/1"),
    ];
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("trail.json"), json!({ "Records": records }).to_string()).unwrap();
    let usage = folder.path().join("observed.usage");
    run(&folder, &["observe", "-o", usage.to_str().unwrap()]);
    for trail in [folder.path().join("trail.json"), usage] {
        let run = generate(&[&trail], &[]);
        assert!(
            run.stderr.contains("(told by CreateEventSourceMapping20150331)"),
            "{}",
            run.stderr
        );
        let policies = run.policies();
        let of = |role: &str| {
            let arn = format!("arn:aws:iam::111122223333:{role}");
            list(&policies[&arn], "Statement").iter().map(Value::to_string).collect::<String>()
        };
        assert!(
            of("role/single").contains(queue) && of("role/single").contains("sqs:ReceiveMessage")
        );
        assert!(!of("role/team/shared").contains("sqs:"));
        assert!(!of("user/deployer").contains("sqs:"));
        let report = run.report();
        let of_role = list(&report, "principals").iter().find(|one| one["arn"] == role).unwrap();
        let told =
            |one: &&Value| one["told_by"]["event_name"] == "CreateEventSourceMapping20150331";
        let added = list(of_role, "baseline").iter().find(told).unwrap();
        assert_eq!(added["told_by"]["time"], "2026-03-01T10:00:00Z");
    }
}

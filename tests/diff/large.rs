//! What is large: whole accounts as people have them, a role with thousands of names or hundreds of
//! actions. It fits, or the nearest that does is told.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{ACCOUNT, Files, Log, Ran, described, diff, of, policy};
use crate::harness::{files, list, shared, text, text_of, trailtrim};

/// A trail in which everyone in a dump is alive, and lists buckets and roles.
fn everyone_works(dump: &Value) -> TempDir {
    let mut log = Log { days: 6, records: Vec::new() };
    let people = list(dump, "UserDetailList").iter().chain(list(dump, "RoleDetailList"));
    for (at, one) in people.enumerate() {
        let arn = text_of(one, "Arn");
        let account = arn.split(':').nth(4).unwrap();
        for day in 0..6 {
            let hour = (day * 5 + at) % 24;
            for (source, name) in
                [("s3", "ListBuckets"), ("iam", "ListRoles"), ("sts", "GetCallerIdentity")]
            {
                log.at(
                    account,
                    "somebody",
                    (day, hour),
                    (&format!("{source}.amazonaws.com"), name, "{}"),
                    true,
                );
                let mut record: Value = serde_json::from_str(&log.records.pop().unwrap()).unwrap();
                record["eventID"] = format!("{at}-{day}-{name}").into();
                record["userIdentity"] = if arn.contains(":user/") {
                    json!({"type": "IAMUser", "arn": arn, "accountId": account, "principalId": "AIDAEXAMPLE",
                        "userName": one["UserName"]})
                } else {
                    let name = text_of(one, "RoleName");
                    json!({"type": "AssumedRole", "accountId": account, "principalId": "AROAEXAMPLE:s",
                        "arn": format!("arn:aws:sts::{account}:assumed-role/{name}/s"),
                        "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLE",
                            "arn": arn, "accountId": account, "userName": name}}})
                };
                log.records.push(record.to_string());
            }
        }
    }
    if log.records.is_empty() {
        // Of an account of policies only, there is nobody to tell of.
        log = Log::alive(ACCOUNT, 1);
    }
    log.write(1)
}

#[test]
#[ignore = "takes minutes unoptimised: `just laws` runs it"]
fn every_real_account_dump_goes_through() {
    let Some(folder) = shared("policies/cloudsplaining") else { return };
    let mut dumps = 0;
    for file in files(&folder) {
        let Ok(body) = fs::read_to_string(&file) else { continue };
        let Ok(dump) = serde_json::from_str::<Value>(&body) else { continue };
        if !["UserDetailList", "RoleDetailList"].iter().any(|field| dump.get(field).is_some()) {
            continue;
        }
        let trail = everyone_works(&dump);
        dumps += 1;
        let options =
            ["--unused-days", "2", "--account-authorization-details", file.to_str().unwrap()];
        let (code, made) = described(trail.path(), &options);
        let what = file.display();
        assert_eq!(code, 0, "{what}");
        let people = list(&dump, "UserDetailList").len() + list(&dump, "RoleDetailList").len();
        assert_eq!(list(&made, "principals").len(), people, "{what}");
        let strangers = usize::from(people == 0);
        assert_eq!(list(&made, "not_in_dump").len(), strangers, "{what}");
        for one in list(&made, "principals") {
            assert_ne!(text_of(one, "status"), "inactive", "{what}: {}", text_of(one, "arn"));
            for unknown in list(one, "unknown_policies") {
                assert!(!text_of(unknown, "why").is_empty(), "{what}: {unknown}");
            }
            for (service, why) in one["frozen"].as_object().unwrap() {
                assert!(why.as_str().is_some_and(|why| !why.is_empty()), "{what}: {service}");
            }
            let proofs = one["proofs"].to_string();
            assert!(!proofs.contains("undecided"), "{what}: {proofs}");
        }
        let statements = list(&made, "principals").iter().chain(list(&made, "shared"));
        for action in
            statements.flat_map(|one| list(one, "statements")).flat_map(|one| list(one, "actions"))
        {
            assert!(!text_of(action, "why").is_empty(), "{what}: {action}");
        }
    }
    assert!(dumps >= 5, "{dumps}");
}

/// Calls that read a thing by its name: service, event, action, parameter, and the ARN before the name.
const NAMED: [[&str; 5]; 10] = [
    [
        "dynamodb",
        "DescribeTable",
        "DescribeTable",
        "tableName",
        "dynamodb:eu-west-1:111122223333:table/",
    ],
    [
        "lambda",
        "GetFunction20150331v2",
        "GetFunction",
        "functionName",
        "lambda:eu-west-1:111122223333:function:",
    ],
    ["ssm", "GetParameter", "GetParameter", "name", "ssm:eu-west-1:111122223333:parameter/"],
    [
        "ecr",
        "DescribeImages",
        "DescribeImages",
        "repositoryName",
        "ecr:eu-west-1:111122223333:repository/",
    ],
    [
        "kinesis",
        "DescribeStreamSummary",
        "DescribeStreamSummary",
        "streamName",
        "kinesis:eu-west-1:111122223333:stream/",
    ],
    ["iam", "GetRole", "GetRole", "roleName", "iam::111122223333:role/"],
    ["sns", "GetTopicAttributes", "GetTopicAttributes", "topicArn", "sns:eu-west-1:111122223333:"],
    [
        "states",
        "DescribeStateMachine",
        "DescribeStateMachine",
        "stateMachineArn",
        "states:eu-west-1:111122223333:stateMachine:",
    ],
    ["sqs", "GetQueueAttributes", "GetQueueAttributes", "queueUrl", "sqs:eu-west-1:111122223333:"],
    ["eks", "DescribeCluster", "DescribeCluster", "name", "eks:eu-west-1:111122223333:cluster/"],
];

/// A role that reads five hundred things of each of ten services, and the ARNs.
fn five_thousand() -> (Log, Vec<String>) {
    let (mut log, mut arns) = (Log::alive(ACCOUNT, 4), Vec::new());
    for [service, call, _, parameter, arn] in NAMED {
        for number in 0..500 {
            let name = format!("team-{}-thing-{number:03}", number % 7);
            let value = match parameter {
                "queueUrl" => format!("https://sqs.eu-west-1.amazonaws.com/111122223333/{name}"),
                "topicArn" | "stateMachineArn" => format!("arn:aws:{arn}{name}"),
                _ => name.clone(),
            };
            let parameters = format!(r#"{{"{parameter}":"{value}"}}"#);
            let source = format!("{service}.amazonaws.com");
            log.at(ACCOUNT, "worker", (number % 4, 9), (&source, call, &parameters), true);
            arns.push(format!("arn:aws:{arn}{name}"));
        }
    }
    (log, arns)
}

/// Runs a large case in two ways, which must say the same, and checks what always holds.
fn large(log: &Log, attached: &[String]) -> Value {
    let trail = log.write(3);
    let options = ["--unused-days", "2", "--principal", "worker", "--resources", "exact"];
    let attached: Vec<&str> =
        ["--attached"].into_iter().chain(attached.iter().map(String::as_str)).collect();
    let runs = ["1", "4"].map(|threads| {
        let options = [&options[..], &["--threads", threads], &attached].concat();
        let (code, made) = described(trail.path(), &options);
        assert_eq!(code, 0);
        made
    });
    let [first, second] = runs;
    assert!(first == second, "another number of threads, another result");
    let worker = of(&first, "worker");
    let proofs = &worker["proofs"];
    assert_eq!(list(&proofs["no_new_access"], "failures").len(), 0, "beyond what was attached");
    assert_eq!(list(&proofs["replay"], "failed").len(), 0, "what was used is denied");
    assert_eq!(list(&proofs["irredundant"], "idle").len(), 0, "something is idle");
    let fits = proofs["fits"]["holds"].as_bool().unwrap();
    let obstacle = worker["draft"].get("obstacle").and_then(Value::as_str);
    assert_eq!(fits, obstacle.is_none());
    assert_eq!(text_of(worker, "status") == "does-not-fit", !fits);
    first
}

#[test]
#[ignore = "takes minutes unoptimised: `just laws` runs it"]
fn five_thousand_names_fit_inside_of_attached_patterns() {
    let (log, _) = five_thousand();
    let files = Files::new();
    let wide: Vec<String> = NAMED.iter().map(|[.., arn]| format!("arn:aws:{arn}*")).collect();
    let wide: Vec<&str> = wide.iter().map(String::as_str).collect();
    let actions: Vec<String> = NAMED.iter().map(|[service, ..]| format!("{service}:*")).collect();
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    let attached = files.write("policy.json", &policy(&actions, &wide).to_string());
    let made = large(&log, &[attached]);
    let worker = of(&made, "worker");
    assert_ne!(text_of(worker, "status"), "does-not-fit", "{}", worker["draft"]["obstacle"]);
    assert!(!list(&worker["draft"], "concessions").is_empty());
}

#[test]
#[ignore = "takes minutes unoptimised: `just laws` runs it"]
fn five_thousand_attached_names_do_not_fit_and_the_nearest_is_told() {
    let (log, arns) = five_thousand();
    let files = Files::new();
    let actions: Vec<String> =
        NAMED.iter().map(|[service, _, action, ..]| format!("{service}:{action}")).collect();
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    let parts = arns.chunks(1000).enumerate().map(|(at, part)| {
        let part: Vec<&str> = part.iter().map(String::as_str).collect();
        files.write(&format!("policy-{at}.json"), &policy(&actions, &part).to_string())
    });
    let parts: Vec<String> = parts.collect();
    let made = large(&log, &parts);
    let worker = of(&made, "worker");
    assert_eq!(text_of(worker, "status"), "does-not-fit");
    let obstacle = text_of(&worker["draft"], "obstacle");
    assert!(
        obstacle.contains("the nearest that stays inside of what is attached takes"),
        "{obstacle}"
    );
}

#[test]
#[ignore = "takes minutes unoptimised: `just laws` runs it"]
fn four_hundred_actions_fit_or_are_told_not_to() {
    let listed =
        trailtrim().args(["catalog", "service", "ec2", "--format", "json"]).output().unwrap();
    let listed = text(listed.stdout);
    let mut names: Vec<&str> = listed
        .split('"')
        .filter_map(|word| word.strip_prefix("ec2:"))
        .filter(|name| name.chars().all(char::is_alphanumeric) && !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    let used: Vec<&str> = names.iter().copied().take(400).collect();
    assert_eq!(used.len(), 400, "{listed}");
    let mut log = Log::alive(ACCOUNT, 4);
    for (number, name) in used.iter().enumerate() {
        log.at(ACCOUNT, "worker", (number % 4, 9), ("ec2.amazonaws.com", name, "{}"), true);
    }
    let files = Files::new();
    let named: Vec<String> = used.iter().map(|name| format!("ec2:{name}")).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    for actions in [&["*"][..], &["ec2:*"], &named] {
        let attached = files.write("policy.json", &policy(actions, &["*"]).to_string());
        let made = large(&log, &[attached]);
        let status = text_of(of(&made, "worker"), "status").to_owned();
        assert!(["tightened", "partial", "unchanged"].contains(&status.as_str()), "{status}");
    }
}

#[test]
fn documents_that_are_too_large_as_the_one_inline_policy_of_a_set_say_so() {
    let mut log = Log::alive(ACCOUNT, 8);
    let role = "aws-reserved/sso.amazonaws.com/AWSReservedSSO_Power_0123456789abcdef";
    for day in 0..8 {
        for table in 0..200 {
            let parameters = format!(r#"{{"tableName":"table-{}-{table:03}"}}"#, table % 7);
            let call = ("dynamodb.amazonaws.com", "DescribeTable", &*parameters);
            log.at(ACCOUNT, role, (day, 9), call, true);
        }
    }
    let (trail, files) = (log.write(1), Files::new());
    let attached = files.write("policy.json", &policy(&["dynamodb:*"], &["*"]).to_string());
    let words = ["--resources", "exact", "--format", "terraform", "--attached", &attached];
    let made = |options: &[&str]| {
        let week = ["--unused-days", "3", "--use-region", "eu-west-1", "--principal", "*Power*"];
        diff(trail.path(), &[&week[..], &words, options].concat())
    };
    let told = "bytes as the inline policy of a permission set, which holds 10240";
    let Ran { stdout, stderr, .. } = made(&[]);
    assert!(stdout.contains(told) && stderr.contains(told), "{stdout}\n{stderr}");
    let Ran { stdout, stderr, .. } = made(&["--budget", "permission-set"]);
    assert!(!stdout.contains(told) && !stderr.contains(told), "{stdout}\n{stderr}");
}

//! What goes with a call, or with a workload, and does not show: that it was not seen makes nothing unused.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ACCOUNT, Files, Log, WEEK, classes, described, diff, of, policy, texts, week};
use crate::harness::{list, text, text_of, trailtrim};

const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:worker";

/// Returns what is said of a worker of whose policy these are the statements, where a trail took every
/// management event, every call on objects and queues, and on one table.
pub(super) fn looked(log: &Log, statements: &[Value]) -> Value {
    worker(log, statements, &WEEK)
}

/// Returns the same where something else is asked.
pub(super) fn worker(log: &Log, statements: &[Value], options: &[&str]) -> Value {
    let table = json!({"Field": "resources.ARN", "EndsWith": ["table/logged"]});
    let data = [
        (vec!["AWS::S3::Object", "AWS::SQS::Queue", "AWS::Lambda::Function"], None),
        (vec!["AWS::DynamoDB::Table"], Some(table)),
    ];
    selected(log, statements, options, &data)
}

/// Returns the same where a trail took every management event and these data events: types, and what else is
/// asked of them.
pub(super) fn selected(
    log: &Log,
    statements: &[Value],
    options: &[&str],
    data: &[(Vec<&str>, Option<Value>)],
) -> Value {
    // Global services write their records in another region.
    let global = log.records.iter().map(|record| {
        let elsewhere = record.replace("eu-west-1", "us-east-1");
        elsewhere.replace(r#""eventID":""#, r#""eventID":"global-"#)
    });
    let records = log.records.iter().cloned().chain(global).collect();
    let (trail, files) = (Log { records, ..*log }.write(1), Files::new());
    let attached = json!({"Version": "2012-10-17", "Statement": statements});
    let attached = files.write("worker.json", &attached.to_string());
    let arn = format!("arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/t");
    let all = |category: &str| json!({"Field": "eventCategory", "Equals": [category]});
    let of = |kind: &str| json!({"Field": "resources.type", "Equals": [kind]});
    let data = data.iter().flat_map(|(kinds, more)| {
        let fields = |kind| [all("Data"), of(kind)].into_iter().chain(more.clone());
        let fields = kinds.iter().map(move |kind| fields(*kind).collect::<Vec<_>>());
        fields.collect::<Vec<_>>()
    });
    let selectors: Vec<Value> = std::iter::once(vec![all("Management")])
        .chain(data)
        .map(|fields| json!({"FieldSelectors": fields}))
        .collect();
    let selectors = json!({"TrailARN": arn, "AdvancedEventSelectors": selectors});
    let selectors = files.write("selectors.json", &selectors.to_string());
    let trails = json!({"trailList": [{"TrailARN": arn, "IsMultiRegionTrail": true,
        "IsOrganizationTrail": false, "HomeRegion": "eu-west-1", "S3BucketName": "b",
        "IncludeGlobalServiceEvents": true, "Name": "t"}]});
    let trails = files.write("trails.json", &trails.to_string());
    let given = ["--attached", &attached, "--event-selectors", &selectors, &trails];
    let (_, made) = described(trail.path(), &[options, &given].concat());
    self::of(&made, "worker").clone()
}

/// Returns what the actions of such a worker's statements are.
pub(super) fn judged(log: &Log, statements: &[Value]) -> BTreeMap<String, String> {
    let worker = worker(log, statements, &WEEK);
    classes(&worker).into_iter().map(|(action, class)| (action.into(), class.into())).collect()
}

/// Returns what of an action of such a worker stays beside what was used.
fn rest(worker: &Value, action: &str) -> Value {
    let mut all = list(worker, "statements").iter().flat_map(|one| list(one, "actions"));
    let found = all.find(|one| text_of(one, "action") == action);
    found.unwrap_or_else(|| panic!("{worker:#}"))["rest"].clone()
}

pub(super) fn allow(actions: &[&str], resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource})
}

#[test]
fn a_copy_keeps_what_takes_the_tags_along_and_a_read_does_not() {
    let statements = [
        allow(&["s3:GetObject", "s3:GetObjectTagging"], "arn:aws:s3:::from/*"),
        allow(&["s3:PutObject", "s3:PutObjectTagging"], "arn:aws:s3:::to/*"),
        // Nothing was copied from there.
        allow(&["s3:GetObjectVersionTagging"], "arn:aws:s3:::other/*"),
    ];
    let copy = r#"{"bucketName":"to","key":"k","x-amz-copy-source":"from/k"}"#;
    let copies = Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "CopyObject", copy);
    let judged_so = judged(&copies, &statements);
    for action in ["s3:GetObjectTagging", "s3:PutObjectTagging"] {
        assert_eq!(judged_so.get(action).map(String::as_str), Some("companion"), "{judged_so:?}");
    }
    assert_eq!(judged_so.get("s3:GetObjectVersionTagging"), None);
    let read = r#"{"bucketName":"from","key":"k"}"#;
    let write = r#"{"bucketName":"to","key":"k"}"#;
    let moves = Log::alive(ACCOUNT, 8)
        .daily("worker", "s3.amazonaws.com", "GetObject", read)
        .daily("worker", "s3.amazonaws.com", "PutObject", write);
    // What is unused stands among what is removed.
    let judged_so = judged(&moves, &statements);
    assert_eq!(judged_so.keys().collect::<Vec<_>>(), ["s3:GetObject", "s3:PutObject"]);
}

#[test]
fn passing_roles_to_tasks_stays_for_who_changes_services_and_passing_to_others_does_not() {
    let change = r#"{"cluster":"c","service":"s","taskDefinition":"web:3"}"#;
    let log = Log::alive(ACCOUNT, 8).daily("worker", "ecs.amazonaws.com", "UpdateService", change);
    let pass = |to: &str| {
        let mut pass = allow(&["iam:PassRole"], "*");
        pass["Condition"] = json!({"StringEquals": {"iam:PassedToService": to}});
        let judged = judged(&log, &[allow(&["ecs:UpdateService"], "*"), pass]);
        judged.get("iam:PassRole").cloned()
    };
    assert_eq!(pass("ecs-tasks.amazonaws.com").as_deref(), Some("companion"));
    assert_eq!(pass("lambda.amazonaws.com"), None);
}

/// Turns the worker's calls into such as a service makes with its role.
pub(super) fn by(service: &str, mut log: Log) -> Log {
    let id = r#""principalId":"AROAEXAMPLEworker:s","#;
    for record in &mut log.records {
        *record = record.replace(id, &format!(r#"{id}"invokedBy":"{service}","#));
    }
    log
}

#[test]
fn a_state_machine_that_waits_stops_what_it_starts_and_is_told_by_a_rule() {
    let machine = "arn:aws:states:eu-west-1:111122223333:stateMachine:child";
    let start = format!(r#"{{"stateMachineArn":"{machine}","name":"n"}}"#);
    let log =
        || Log::alive(ACCOUNT, 8).daily("worker", "states.amazonaws.com", "StartExecution", &start);
    let rule = |name: &str| format!("arn:aws:events:eu-west-1:111122223333:rule/{name}");
    let statements = [
        allow(&["states:StartExecution", "states:StopExecution", "states:DeleteStateMachine"], "*"),
        allow(&["events:PutRule"], &rule("StepFunctionsGetEventsForStepFunctionsExecutionRule")),
        allow(&["events:PutTargets"], &rule("mine")),
        allow(&["logs:PutResourcePolicy"], "*"),
    ];
    let judged_so = judged(&by("states.amazonaws.com", log()), &statements);
    for action in ["states:StopExecution", "events:PutRule", "logs:PutResourcePolicy"] {
        assert_eq!(judged_so.get(action).map(String::as_str), Some("companion"), "{judged_so:?}");
    }
    for action in ["states:DeleteStateMachine", "events:PutTargets"] {
        assert_eq!(judged_so.get(action), None, "{judged_so:?}");
    }
    // Who starts an execution is no state machine.
    assert_eq!(judged(&log(), &statements).keys().collect::<Vec<_>>(), ["states:StartExecution"]);
}

#[test]
fn what_a_stack_makes_it_can_take_back_under_the_next_name() {
    let log = || {
        Log::alive(ACCOUNT, 8)
            .daily("worker", "dynamodb.amazonaws.com", "CreateTable", r#"{"tableName":"app-1"}"#)
            .daily("worker", "dynamodb.amazonaws.com", "DeleteTable", r#"{"tableName":"app-0"}"#)
    };
    let statements =
        [allow(&["dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:DeleteBackup"], "*")];
    let service = "cloudformation.amazonaws.com";
    let kept = worker(&by(service, log()), &statements, &WEEK);
    let all = format!("arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/*");
    assert!(rest(&kept, "dynamodb:DeleteTable").to_string().contains(&all), "{kept:#}");
    assert!(!classes(&kept).contains_key("dynamodb:DeleteBackup"), "{kept:#}");
    // Who deletes tables itself does not take back anything.
    let own = worker(&log(), &statements, &WEEK);
    assert!(!rest(&own, "dynamodb:DeleteTable").to_string().contains(&all), "{own:#}");
}

#[test]
fn a_function_is_put_into_a_network_that_its_maker_can_see() {
    let made = format!(
        r#"{{"functionName":"f","role":"arn:aws:iam::{ACCOUNT}:role/r","vpcConfig":{{"subnetIds":["subnet-0aa"]}}}}"#
    );
    let name = "CreateFunction20150331";
    let log = Log::alive(ACCOUNT, 8).daily("worker", "lambda.amazonaws.com", name, &made);
    let statements =
        [allow(&["lambda:CreateFunction", "ec2:DescribeVpcs", "ec2:DescribeHosts"], "*")];
    let judged = judged(&log, &statements);
    assert_eq!(judged.get("ec2:DescribeVpcs").map(String::as_str), Some("used"));
    assert_eq!(judged.get("ec2:DescribeHosts"), None);
}

#[test]
fn a_schedule_keeps_its_dead_letter_queue() {
    let start =
        format!(r#"{{"stateMachineArn":"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:m"}}"#);
    let log =
        Log::alive(ACCOUNT, 8).daily("worker", "states.amazonaws.com", "StartExecution", &start);
    let dead = allow(&["sqs:SendMessage", "sqs:PurgeQueue"], "*");
    let statements = [allow(&["states:StartExecution"], "*"), dead];
    let own = judged(&log, &statements);
    assert_eq!(own.keys().collect::<Vec<_>>(), ["states:StartExecution"]);
    let scheduled = judged(&by("scheduler.amazonaws.com", log), &statements);
    assert_eq!(scheduled.get("sqs:SendMessage").map(String::as_str), Some("companion"));
    assert_eq!(scheduled.get("sqs:PurgeQueue"), None, "{scheduled:?}");
    // For whoever makes a schedule its key is used with the same words.
    let key = format!("arn:aws:kms:eu-west-1:{ACCOUNT}:key/11111111-2222-4333-8444-555555555555");
    let used = format!(r#"{{"keyId":"{key}"}}"#);
    let made = Log::alive(ACCOUNT, 8).daily("worker", "kms.amazonaws.com", "DescribeKey", &used);
    let made = by("scheduler.amazonaws.com", made).daily(
        "worker",
        "scheduler.amazonaws.com",
        "CreateSchedule",
        r#"{"name":"s"}"#,
    );
    let maker = judged(&made, &statements);
    assert_eq!(maker.get("sqs:SendMessage"), None, "{maker:?}");
}

#[test]
fn who_is_allowed_an_index_alone_lacks_no_table() {
    let read = r#"{"tableName":"orders","indexName":"by-date"}"#;
    let log = Log::alive(ACCOUNT, 8).daily("worker", "dynamodb.amazonaws.com", "Query", read);
    let table = format!("arn:aws:dynamodb:*:{ACCOUNT}:table/orders");
    let frozen = |on: &str| {
        let made = looked(&log, &[allow(&["dynamodb:Query"], on)]);
        made["frozen"].as_object().unwrap().contains_key("dynamodb")
    };
    assert!(!frozen(&format!("{table}/index/by-date")));
    assert!(frozen(&format!("{table}/index/by-name")), "what worked was not allowed");
}

#[test]
fn of_two_spellings_of_an_arn_one_is_enough() {
    let job = format!(
        r#"{{"jobName":"j","jobQueue":"arn:aws:batch:eu-west-1:{ACCOUNT}:job-queue/q","jobDefinition":"etl"}}"#
    );
    let log = Log::alive(ACCOUNT, 8).daily("worker", "batch.amazonaws.com", "SubmitJob", &job);
    let frozen = |definition: &str| {
        let on = [format!("arn:aws:batch:*:{ACCOUNT}:job-queue/q"), definition.to_owned()];
        let submit = json!({"Effect": "Allow", "Action": "batch:SubmitJob", "Resource": on});
        looked(&log, &[submit])["frozen"].as_object().unwrap().contains_key("batch")
    };
    let definition = format!("arn:aws:batch:*:{ACCOUNT}:job-definition");
    assert!(!frozen(&format!("{definition}/etl:*")));
    assert!(frozen(&format!("{definition}/other:*")), "what worked was not allowed");
}

#[test]
fn of_two_letterings_of_a_name_one_is_enough() {
    let call = r#"{"endpointName":"MyEndpoint"}"#;
    let log =
        Log::alive(ACCOUNT, 8).daily("worker", "sagemaker.amazonaws.com", "DescribeEndpoint", call);
    let frozen = |name: &str| {
        let on = format!("arn:aws:sagemaker:*:{ACCOUNT}:endpoint/{name}");
        let made = looked(&log, &[allow(&["sagemaker:DescribeEndpoint"], &on)]);
        made["frozen"].as_object().unwrap().contains_key("sagemaker")
    };
    assert!(!frozen("MyEndpoint") && !frozen("myendpoint"));
    assert!(frozen("other"), "what worked was not allowed");
}

#[test]
fn of_two_queues_whose_names_differ_in_letters_one_says_nothing_of_the_other() {
    let purge = |log: Log, name: &str| {
        let url = format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/{name}");
        let call = format!(r#"{{"queueUrl":"{url}"}}"#);
        log.daily("worker", "sqs.amazonaws.com", "PurgeQueue", &call)
    };
    let log = purge(purge(Log::alive(ACCOUNT, 8), "jobs"), "Jobs");
    // The log has the same calls in another region.
    let on = format!("arn:aws:sqs:*:{ACCOUNT}:jobs");
    let made = looked(&log, &[allow(&["sqs:PurgeQueue"], &on)]);
    assert!(made["frozen"].as_object().unwrap().contains_key("sqs"), "{made:#}");
}

#[test]
fn a_stream_keeps_where_it_writes_what_failed_and_what_it_scales_by() {
    let written = r#"{"bucketName":"b","key":"raw/2026/01/01/09/x"}"#;
    let log = Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "PutObject", written);
    let statements = [
        allow(&["s3:PutObject", "s3:PutObjectAcl"], "arn:aws:s3:::b/*"),
        allow(&["ec2:CreateNetworkInterfacePermission", "ec2:DescribeHosts"], "*"),
    ];
    let streamed = judged(&by("firehose.amazonaws.com", log), &statements);
    let kept = ["ec2:CreateNetworkInterfacePermission", "s3:PutObject"];
    assert_eq!(streamed.keys().collect::<Vec<_>>(), kept);
    let diff = worker(
        &by(
            "firehose.amazonaws.com",
            Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "PutObject", written),
        ),
        &statements,
        &WEEK,
    );
    assert!(rest(&diff, "s3:PutObject").to_string().contains("arn:aws:s3:::b/*"), "{diff:#}");
}

#[test]
fn an_encrypted_volume_takes_what_the_guide_lists_on_its_key() {
    // The log has the same calls in another region, on the key of that name there.
    let key = |id: &str| format!("arn:aws:kms:*:111122223333:key/{id}");
    let own = key("11111111-2222-4333-8444-555555555555");
    let named = own.replace(":*:", ":eu-west-1:");
    let made = format!(
        r#"{{"keyId":"{named}","encryptionContext":{{"aws:ebs:id":"vol-1"}},"numberOfBytes":64}}"#
    );
    let name = "GenerateDataKeyWithoutPlaintext";
    let log = || Log::alive(ACCOUNT, 8).daily("worker", "kms.amazonaws.com", name, &made);
    let statements = [
        allow(&["kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt", "kms:DescribeKey"], &own),
        allow(&["kms:ReEncryptFrom"], &key("21111111-2222-4333-8444-555555555555")),
        allow(&["kms:Encrypt"], "*"),
    ];
    // Whoever of EC2 asks: records name its front end, or no service.
    for service in ["ec2.amazonaws.com", "ec2-frontend-api.amazonaws.com", "AWS Internal"] {
        let judged_so = judged(&by(service, log()), &statements);
        for action in ["kms:Decrypt", "kms:DescribeKey"] {
            let so = judged_so.get(action).map(String::as_str);
            assert_eq!(so, Some("companion"), "{service}: {judged_so:?}");
        }
        for action in ["kms:ReEncryptFrom", "kms:Encrypt"] {
            assert_eq!(judged_so.get(action), None, "{service}: {judged_so:?}");
        }
    }
    assert_eq!(judged(&log(), &statements).get("kms:Decrypt"), None);
}

/// The log of a function that reads an object on every day, and never makes its log group.
fn function() -> Log {
    let read = r#"{"bucketName":"b","key":"k"}"#;
    by_function(Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "GetObject", read))
}

/// Lets all that the worker did be by the function.
fn by_function(mut log: Log) -> Log {
    let scope = json!({"sourceArn": FUNCTION, "sourceAccount": ACCOUNT,
        "issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": FUNCTION});
    let id = r#""principalId":"AROAEXAMPLEworker:s","#;
    for record in log.records.iter_mut().filter(|one| !one.contains("inScopeOf")) {
        *record = record.replace(id, &format!(r#"{id}"inScopeOf":{scope},"#));
    }
    log
}

#[test]
fn what_a_function_needs_whatever_it_does_is_not_unused() {
    let logs = allow(&["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DeleteLogGroup"], "*");
    let judged_so = judged(&function(), &[allow(&["s3:GetObject"], "*"), logs.clone()]);
    for action in ["logs:CreateLogGroup", "logs:CreateLogStream"] {
        assert_eq!(judged_so.get(action).map(String::as_str), Some("companion"), "{judged_so:?}");
    }
    assert_eq!(judged_so.get("logs:DeleteLogGroup"), None);
}

#[test]
fn what_a_function_needs_whatever_it_does_is_explained_as_the_draft_has_it() {
    let trail = function().write(1);
    let asked = |options: &[&str]| {
        let mut command = trailtrim();
        command.arg("explain").arg(trail.path()).args(["--principal", "worker"]);
        let output = command.args(["--action", "logs:createlogstream"]).args(options).output();
        text(output.unwrap().stdout)
    };
    let told = asked(&[]);
    assert!(told.contains("in the draft: no call proves it, and a workload needs it"), "{told}");
    assert!(told.contains(FUNCTION) && told.contains("\"Sid\": \"BaselineLogs"), "{told}");
    assert!(asked(&["--no-baseline"]).contains("not in the draft: it was not seen"));
}

#[test]
fn what_only_some_calls_show_is_explained_by_what_the_diff_counts() {
    let (trail, files) = (week().write(1), Files::new());
    let explained = |action: &str| {
        let mut command = trailtrim();
        command.arg("explain").arg(trail.path());
        let output = command.args(["--principal", "worker", "--action", action]).output().unwrap();
        text(output.stdout)
    };
    let attached = files.write("policy.json", &policy(&["ec2:CreateTags"], &["*"]).to_string());
    let ran = diff(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
    assert!(ran.stdout.contains("not seen in 6 covered days"), "{}", ran.stdout);
    // What the policies allow is not known here, so neither is how many days are covered.
    let said = explained("ec2:CreateTags");
    assert!(said.contains("eu-west-1: 0 to 6 of 8 days covered"), "{said}");
    assert!(said.contains("`trailtrim diff` asks what is attached"), "{said}");
    assert!(!said.contains("says nothing"), "{said}");
    assert!(explained("sqs:PurgeQueue").contains("eu-west-1: 6 of 8 days covered"));
}

const STACK: &str =
    "arn:aws:cloudformation:eu-west-1:111122223333:stack/web/0a1b2c3d-1111-2222-3333-0a1b2c3d4e5f";

fn deployments() -> Log {
    let stack = format!(r#"{{"stackName":"{STACK}"}}"#);
    Log::alive(ACCOUNT, 8).daily("worker", "cloudformation.amazonaws.com", "UpdateStack", &stack)
}

#[test]
fn what_goes_with_a_call_stays_beside_what_the_log_could_not_show() {
    let actions = ["cloudformation:UpdateStack", "cloudformation:ContinueUpdateRollback"];
    let statements = [allow(&actions, "*")];
    let rest_of = |options: &[&str]| {
        rest(&worker(&deployments(), &statements, options), "cloudformation:ContinueUpdateRollback")
    };
    // The log is told of both regions.
    let resources = json!([STACK, STACK.replace("eu-west-1", "us-east-1")]);
    assert_eq!(rest_of(&WEEK), json!({"kind": "on", "resources": resources}));
    // Of other regions nothing is known, unless somebody says that they are not in use.
    let everywhere = ["--unused-days", "3", "--principal", "worker"];
    let covered = json!(["eu-west-1", "us-east-1"]);
    assert_eq!(
        rest_of(&everywhere),
        json!({"kind": "on", "resources": resources, "outside": covered})
    );
}

#[test]
fn pins_of_one_action_count_together_and_beside_what_goes_with_calls() {
    let other =
        |name: &str| format!("arn:aws:cloudformation:eu-west-1:111122223333:stack/{name}/*");
    let pin = |name: &str| {
        format!(
            "[[pin]]\naction = \"cloudformation:ContinueUpdateRollback\"\nresource = \"{}\"\n\
             reason = \"{name} is mended by hand\"\nowner = \"ops\"\n",
            other(name)
        )
    };
    let files = Files::new();
    let config = files.write("trailtrim.toml", &[pin("a"), pin("b")].concat());
    let actions = ["cloudformation:UpdateStack", "cloudformation:ContinueUpdateRollback"];
    let options = [&WEEK[..], &["--config", &config]].concat();
    let worker = worker(&deployments(), &[allow(&actions, "*")], &options);
    let there = STACK.replace("eu-west-1", "us-east-1");
    assert_eq!(
        rest(&worker, "cloudformation:ContinueUpdateRollback"),
        json!({"kind": "on", "resources": [other("a"), other("b"), STACK.to_owned(), there]})
    );
    let told = worker.to_string();
    assert!(told.contains("a is mended by hand") && told.contains("b is mended by hand"), "{told}");
}

#[test]
fn what_is_looked_for_on_one_thing_only_is_not_unused_on_another() {
    let table =
        |region: &str, name: &str| format!("arn:aws:dynamodb:{region}:111122223333:table/{name}");
    let log = Log::alive(ACCOUNT, 8).daily(
        "worker",
        "dynamodb.amazonaws.com",
        "DescribeTable",
        r#"{"tableName":"logged"}"#,
    );
    let (logged, unlogged) = (table("*", "logged"), table("eu-west-1", "unlogged"));
    for resources in [[&logged, &unlogged], [&unlogged, &logged]] {
        let statement = json!({"Effect": "Allow", "Resource": resources,
            "Action": ["dynamodb:DeleteItem", "dynamodb:DescribeTable"]});
        let rest_of = |options: &[&str]| {
            rest(&worker(&log, std::slice::from_ref(&statement), options), "dynamodb:DeleteItem")
        };
        assert_eq!(rest_of(&WEEK), json!({"kind": "as-attached"}));
        let everywhere = ["--unused-days", "3", "--principal", "worker"];
        assert_eq!(rest_of(&everywhere), json!({"kind": "outside", "regions": ["us-east-1"]}));
    }
    // It is looked for on that one.
    let gone =
        worker(&log, &[allow(&["dynamodb:DeleteItem", "dynamodb:DescribeTable"], &logged)], &WEEK);
    assert!(!classes(&gone).contains_key("dynamodb:DeleteItem"), "{gone:#}");
}

#[test]
fn tags_that_a_launch_template_puts_on_stay_whatever_else_was_tagged() {
    let launch = r#"{"instancesSet":{"items":[{"minCount":1,"maxCount":1}]},"launchTemplate":{"launchTemplateId":"lt-0a1b2c3d4e5f60718"}}"#;
    let tag = r#"{"resourcesSet":{"items":[{"resourceId":"snap-0a1b2c3d4e5f60718"}]},"tagSet":{"items":[{"key":"a","value":"b"}]}}"#;
    let tags = || Log::alive(ACCOUNT, 8).daily("worker", "ec2.amazonaws.com", "CreateTags", tag);
    let statements = [allow(&["ec2:RunInstances", "ec2:CreateTags"], "*")];
    let launches = tags().daily("worker", "ec2.amazonaws.com", "RunInstances", launch);
    let kept = rest(&worker(&launches, &statements, &WEEK), "ec2:CreateTags");
    assert_eq!(text_of(&kept, "kind"), "as-attached");
    let cut = rest(&worker(&tags(), &statements, &WEEK), "ec2:CreateTags");
    assert_eq!(text_of(&cut, "kind"), "nothing");
}

#[test]
fn a_functions_dead_letters_stay_where_they_are_named_though_it_sends_elsewhere() {
    let queue = |name: &str| format!("arn:aws:sqs:eu-west-1:111122223333:{name}");
    let mut log = function();
    let send = r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/out"}"#;
    for day in 0..8 {
        log.at(ACCOUNT, "worker", (day, 12), ("sqs.amazonaws.com", "SendMessage", send), false);
    }
    let of = |resources: &[String]| {
        let send = json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": resources});
        rest(&worker(&log, &[allow(&["s3:GetObject"], "*"), send], &WEEK), "sqs:SendMessage")
    };
    assert_eq!(
        of(&[queue("out").replace("eu-west-1", "*"), queue("dead")]),
        json!({"kind": "on", "resources": [queue("dead")]})
    );
    assert_eq!(text_of(&of(&["*".to_owned()]), "kind"), "nothing");
}

/// What a function that sends elsewhere needs for what it failed at has a name that nothing tells.
#[test]
fn a_functions_dead_letters_are_told_of_where_a_pattern_allowed_them() {
    let mut log = function();
    let send = r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/out"}"#;
    for day in 0..8 {
        log.at(ACCOUNT, "worker", (day, 12), ("sqs.amazonaws.com", "SendMessage", send), false);
    }
    let told = |resource: &str| {
        let send = allow(&["sqs:SendMessage"], &format!("arn:aws:sqs:*:{ACCOUNT}:{resource}"));
        let one = worker(&log, &[allow(&["s3:GetObject"], "*"), send], &WEEK);
        one["notes"].to_string().contains("dead-letter target")
    };
    assert!(told("*"), "nobody is told");
    // What denies, and what stays for other regions, lets nobody write there.
    let deny = json!({"Effect": "Deny", "Action": "sqs:*", "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}}});
    for options in [&WEEK[..], &WEEK[..4]] {
        let send = allow(&["sqs:SendMessage"], "*");
        let one = worker(&log, &[allow(&["s3:GetObject"], "*"), send, deny.clone()], options);
        assert!(one["notes"].to_string().contains("dead-letter target"), "{options:?}: {one:#}");
    }
    let named = json!({"Effect": "Allow", "Action": "sqs:SendMessage",
        "Resource": [format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:out"), format!("arn:aws:sqs:us-east-1:{ACCOUNT}:out")]});
    let one = worker(&log, &[allow(&["s3:GetObject"], "*"), named], &WEEK);
    assert!(!one["notes"].to_string().contains("dead-letter target"), "{one:#}");
}

/// Adds what AWS answers whoever configures a function.
fn configured(log: &mut Log, day: usize, configuration: &Value) {
    let answer = format!(r#"{{}},"responseElements":{configuration}"#);
    let event = ("lambda.amazonaws.com", "UpdateFunctionConfiguration20150331v2", answer.as_str());
    log.at(ACCOUNT, "deployer", (day, 12), event, false);
}

/// What is known of one function, or of one of its targets, says nothing of the others.
#[test]
fn a_dead_letter_queue_that_is_told_hides_no_other_target() {
    let queue = |name: &str| format!("arn:aws:sqs:eu-west-1:111122223333:{name}");
    let answer = json!({"functionArn": FUNCTION, "deadLetterConfig": {"targetArn": queue("dead")}});
    let send = |resources: &[String]| json!({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": resources});
    let of = |log: &Log, resources: &[String]| {
        rest(
            &worker(log, &[allow(&["s3:GetObject"], "*"), send(resources)], &WEEK),
            "sqs:SendMessage",
        )
    };
    let mut one = function();
    configured(&mut one, 1, &answer);
    // Another version of it, or a function of this role that did nothing here, may have the other one.
    let both = vec![queue("dead"), queue("failed")];
    for resources in [both, vec!["*".to_owned()]] {
        assert_eq!(of(&one, &resources)["kind"], "as-attached", "{resources:?}");
    }
    let mut several = function();
    for record in function().records.iter().filter(|one| one.contains("inScopeOf")) {
        several.records.push(record.replace(FUNCTION, &FUNCTION.replace("worker", "other")));
    }
    configured(&mut several, 1, &answer);
    for resources in [vec![queue("dead"), queue("dead-2")], vec![queue("dead*")]] {
        assert_eq!(of(&several, &resources)["kind"], "as-attached", "{resources:?}");
    }
}

#[test]
fn of_a_functions_dead_letters_nothing_is_said_where_none_of_theirs_goes() {
    let mut log = function();
    let send = r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/out"}"#;
    for day in 0..8 {
        log.at(ACCOUNT, "worker", (day, 12), ("sqs.amazonaws.com", "SendMessage", send), false);
    }
    log = by_function(log);
    let told = |log: &Log, statement: &Value, options: &[&str]| {
        let options = [&WEEK[..], options].concat();
        let one = worker(log, &[allow(&["s3:GetObject"], "*"), statement.clone()], &options);
        one["notes"].to_string().contains("dead-letter target")
    };
    let queues = allow(&["sqs:SendMessage"], &format!("arn:aws:sqs:*:{ACCOUNT}:*"));
    assert!(told(&log, &queues, &[]));
    assert!(!told(&log, &queues, &["--resources", "type"]));
    // The pattern is for another service's action.
    let out = |region: &str| format!("arn:aws:sqs:{region}:{ACCOUNT}:out");
    let together = json!({"Effect": "Allow", "Action": ["sqs:SendMessage", "s3:PutObject"],
        "Resource": [out("eu-west-1"), out("us-east-1"), "arn:aws:s3:::b/*".to_owned()]});
    assert!(!told(&log, &together, &[]));
}

/// That a function is in no network now, and has no target, tells nothing of its other versions and of the role's other
/// functions.
#[test]
fn what_is_told_of_a_function_takes_nothing_from_its_role() {
    let mut log = function();
    let statements = || {
        let network = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"];
        let send = allow(&["sqs:SendMessage"], &format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:dead"));
        [allow(&["s3:GetObject"], "*"), allow(&network, "*"), send]
    };
    let untold = judged(&log, &statements());
    assert_eq!(untold.len(), 4);
    configured(&mut log, 1, &json!({"functionArn": FUNCTION}));
    assert_eq!(judged(&log, &statements()), untold);
}

/// That a bucket is listed for another reason tells nothing of the one that is read.
#[test]
fn what_a_read_needs_on_its_bucket_stays_whatever_else_was_listed() {
    let bucket = |name: &str| format!("arn:aws:s3:::{name}");
    let get = r#"{"bucketName":"b","key":"y.txt"}"#;
    let log = Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "GetObject", get).daily(
        "worker",
        "s3.amazonaws.com",
        "ListObjects",
        r#"{"bucketName":"a"}"#,
    );
    let of = |resources: &[String]| {
        let list = json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": resources});
        rest(&looked(&log, &[allow(&["s3:GetObject"], "*"), list]), "s3:ListBucket")
    };
    let read = json!({"kind": "on", "resources": [bucket("b")]});
    assert_eq!(of(&["a", "b", "c"].map(bucket)), read);
    assert_eq!(of(&[bucket("*")]), read);
    assert_eq!(text_of(&of(&["a", "c"].map(bucket)), "kind"), "nothing");
}

#[test]
fn a_functions_destination_stays_where_it_is_named() {
    let of = |resource: &str| {
        let invoke = allow(&["lambda:InvokeFunction"], resource);
        judged(&function(), &[allow(&["s3:GetObject"], "*"), invoke])
            .remove("lambda:InvokeFunction")
    };
    assert_eq!(of(&FUNCTION.replace("worker", "failed")).as_deref(), Some("companion"));
    // Most functions have none.
    assert_eq!(of("*"), None);
    assert_eq!(of(&FUNCTION.replace("worker", "*")), None);
}

#[test]
fn what_goes_with_a_call_stays_as_that_does() {
    let put = r#"{"bucketName":"b","key":"2026/01/01/k"}"#;
    let log = Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "PutObject", put);
    let rest_of = |more: &[&str]| {
        let actions = [&["s3:PutObject", "s3:AbortMultipartUpload"], more].concat();
        rest(&worker(&log, &[allow(&actions, "*")], &WEEK), "s3:AbortMultipartUpload")
    };
    assert_eq!(rest_of(&[])["resources"], json!(["arn:aws:s3:::b/2026/01/01/k"]));
    // A model's calls, which no trail takes here, may write to the bucket as well.
    assert_eq!(rest_of(&["bedrock:*"]), json!({"kind": "as-attached"}));
}

#[test]
fn regions_of_another_partition_are_not_in_use_for_an_account() {
    let log = Log::alive(ACCOUNT, 8).daily("worker", "sqs.amazonaws.com", "ListQueues", "{}");
    let statements = [allow(&["sqs:ListQueues", "dynamodb:DeleteTable"], "*")];
    let regions = |named: &[&'static str]| {
        let named = named.iter().flat_map(|one| ["--use-region", one]);
        let options: Vec<&str> = WEEK.into_iter().chain(named).collect();
        classes(&worker(&log, &statements, &options)).contains_key("dynamodb:DeleteTable")
    };
    assert!(!regions(&["eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1"]));
    assert!(regions(&["eu-west-1", "us-east-1", "ap-south-1"]));
}

#[test]
fn a_trail_that_is_too_short_is_no_change_of_the_policy() {
    let log = Log::alive(ACCOUNT, 8).daily("worker", "sqs.amazonaws.com", "ListQueues", "{}");
    let statements = [allow(&["sqs:ListQueues", "dynamodb:DeleteTable"], "*")];
    let regions = ["--use-region", "eu-west-1", "--principal", "worker"];
    let worker = worker(&log, &statements, &[&["--unused-days", "20"][..], &regions].concat());
    let mut actions = list(&worker, "statements").iter().flat_map(|one| list(one, "actions"));
    let deleting = actions.find(|one| text_of(one, "action") == "dynamodb:DeleteTable").unwrap();
    assert_eq!(text_of(deleting, "class"), "too-new");
    assert_eq!(text_of(deleting, "why"), "not seen, but covered for 6 of 20 days only");
}

#[test]
fn a_call_of_a_source_that_nobody_knows_keeps_what_has_its_name() {
    let source = "metrics-unheard.amazonaws.com";
    let log = Log::alive(ACCOUNT, 8).daily("worker", source, "BatchPutMetrics", "{}");
    let log = log.daily("worker", "iot-unheard.amazonaws.com", "DoWhatever", "{}");
    let names = ["sagemaker:BatchPutMetrics", "sagemaker:ListTrials", "iot:CreateThing"];
    let made = looked(&log, &[allow(&names, "*")]);
    let frozen = made["frozen"].as_object().unwrap();
    let why = text_of(&made["frozen"], "sagemaker:BatchPutMetrics");
    assert!(why.contains(source), "{made:#}");
    // Beside that, services that a word of the source is the prefix of.
    assert!(frozen.contains_key("iot") && !frozen.contains_key("sagemaker"), "{made:#}");
    let removed = &list(&made, "statements")[0]["removed"][0]["actions"];
    assert_eq!(texts(removed), ["sagemaker:ListTrials"], "{made:#}");
    // A source that is no prefix and of a known service is not another's.
    let source = "monitoring.amazonaws.com";
    let log = Log::alive(ACCOUNT, 8).daily("worker", source, "CreateStack", "{}");
    let names = ["cloudformation:CreateStack", "cloudwatch:PutMetricAlarm"];
    let made = looked(&log, &[allow(&names, "*")]);
    let frozen: Vec<&String> = made["frozen"].as_object().unwrap().keys().collect();
    assert_eq!(frozen, ["cloudwatch"], "{made:#}");
    let removed = &list(&made, "statements")[0]["removed"][0]["actions"];
    assert_eq!(texts(removed), ["cloudformation:CreateStack"], "{made:#}");
    // The console of billing has calls of several.
    let source = "billingconsole.amazonaws.com";
    let log = Log::alive(ACCOUNT, 8).daily("worker", source, "GetRegionOptStatus", "{}");
    let names = ["account:GetRegionOptStatus", "billing:GetBillingData", "iot:ListThings"];
    let made = looked(&log, &[allow(&names, "*")]);
    let frozen: Vec<&String> = made["frozen"].as_object().unwrap().keys().collect();
    assert_eq!(frozen, ["account:GetRegionOptStatus", "billing"], "{made:#}");
}

#[test]
fn what_a_console_is_recorded_to_have_done_stays_as_tried() {
    let mut log = Log::alive(ACCOUNT, 8).daily(
        "worker",
        "taxconsole.amazonaws.com",
        "GetTaxRegistration",
        "{}",
    );
    for record in log.records.iter_mut().filter(|one| one.contains("taxconsole")) {
        assert!(record.contains("AwsApiCall"), "{record}");
        *record = record.replace("AwsApiCall", "AwsConsoleAction");
    }
    let log = log.daily("worker", "sqs.amazonaws.com", "ListQueues", "{}");
    let names = ["tax:GetTaxRegistration", "tax:GetExemptions", "sqs:ListQueues"];
    let made = looked(&log, &[allow(&names, "*")]);
    let statement = &list(&made, "statements")[0];
    assert_eq!(texts(&statement["removed"][0]["actions"]), ["tax:GetExemptions"], "{made:#}");
    let actions = list(statement, "actions");
    let one = actions.iter().find(|one| one["action"] == "tax:GetTaxRegistration").unwrap();
    assert_eq!(one["class"], "demanded", "{made:#}");
}

#[test]
fn what_an_access_point_allows_needs_no_permission_on_the_bucket() {
    let point = format!("arn:aws:s3:eu-central-1:{ACCOUNT}:accesspoint/media");
    let call = r#"{"bucketName":"media-abcdefghijklmnopqrstuvwxyz12345eux1a-s3alias","key":"a/x"}"#;
    let mut log = Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "GetObject", call);
    let resources = json!([
        {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::master/a/x"},
        {"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::master"},
        {"accountId": ACCOUNT, "type": "AWS::S3::AccessPoint", "ARN": point},
    ]);
    for record in log.records.iter_mut().filter(|one| one.contains("s3alias")) {
        let with = format!(r#""resources":{resources},"requestParameters""#);
        *record = record.replacen(r#""requestParameters""#, &with, 1);
    }
    let frozen = |on: &str| {
        let made = looked(&log, &[allow(&["s3:GetObject"], on)]);
        let told = list(&made, "not_attached").iter().map(|one| one["explanation"].clone());
        let kinds: Vec<Value> = told.map(|told| told["kind"].clone()).collect();
        (made["frozen"].as_object().unwrap().contains_key("s3"), kinds)
    };
    assert_eq!(frozen(&format!("{point}/object/*")), (false, vec![json!("through")]));
    assert!(frozen("arn:aws:s3:::other/*").0, "what worked was not allowed");
}

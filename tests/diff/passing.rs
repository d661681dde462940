//! What stays of the passing of roles without evidence goes no further than its reason, and where nothing
//! is proved, what is not covered is named.

use serde_json::{Value, json};

use super::beside::{allow, looked};
use super::{ACCOUNT, Log, drafted, texts, week};
use crate::harness::{list, text_of};

/// Returns the conditions under which a draft lets roles be passed.
fn passes(worker: &Value) -> Vec<Value> {
    let documents = drafted(worker);
    let statements = documents.iter().flat_map(|document| list(document, "Statement"));
    let passing = statements.filter(|one| texts(&one["Action"]).contains(&"iam:PassRole"));
    passing.map(|one| one["Condition"].clone()).collect()
}

/// Returns which roles it lets be passed.
fn passed(worker: &Value) -> Vec<Value> {
    let documents = drafted(worker);
    let statements = documents.iter().flat_map(|document| list(document, "Statement"));
    let passing = statements.filter(|one| texts(&one["Action"]).contains(&"iam:PassRole"));
    passing.map(|one| one["Resource"].clone()).collect()
}

/// Returns why an action stays.
fn why<'w>(worker: &'w Value, action: &str) -> &'w str {
    let actions = list(worker, "statements").iter().flat_map(|one| list(one, "actions"));
    let mut found =
        actions.filter(|one| text_of(one, "action") == action).map(|one| text_of(one, "why"));
    found.next_back().unwrap_or_else(|| panic!("{action} in {worker:#}"))
}

#[test]
fn a_reason_for_passing_roles_to_one_service_keeps_that_one_alone() {
    let change = r#"{"cluster":"c","service":"s","taskDefinition":"web:3"}"#;
    let log = Log::alive(ACCOUNT, 8).daily("worker", "ecs.amazonaws.com", "UpdateService", change);
    let services = allow(&["ecs:UpdateService"], "*");
    let to = |services: Value| json!({"StringEquals": {"iam:PassedToService": services}});
    let plain = looked(&log, &[services.clone(), allow(&["iam:PassRole"], "*")]);
    assert_eq!(passes(&plain), [to(json!("ecs-tasks.amazonaws.com"))], "{plain:#}");
    let mut both = allow(&["iam:PassRole"], "*");
    both["Condition"] = to(json!(["ecs-tasks.amazonaws.com", "lambda.amazonaws.com"]));
    let both = looked(&log, &[services.clone(), both]);
    assert_eq!(passes(&both), [to(json!("ecs-tasks.amazonaws.com"))], "{both:#}");
    // What cannot be said beside a condition stays as it is attached.
    let mut like = allow(&["iam:PassRole"], "*");
    like["Condition"] = json!({"StringLike": {"iam:PassedToService": "ecs*"}});
    let attached = like["Condition"].clone();
    assert_eq!(passes(&looked(&log, &[services, like])), [attached]);
}

#[test]
fn what_the_draft_keeps_under_a_variable_is_not_said_to_be_scoped_to_what_was_seen() {
    let queue = "arn:aws:sqs:*:*:${aws:PrincipalTag/team, 'jobs'}";
    let worker = looked(&week(), &[allow(&["sqs:GetQueueAttributes"], queue)]);
    let actions = list(&list(&worker, "statements")[0], "actions");
    let used = &list(&actions[0], "used")[0];
    assert_eq!(text_of(&used["written_as"], "pattern"), queue, "{worker:#}");
    assert_eq!(text_of(&used["written_as"], "why"), "as it is attached");
}

#[test]
fn calls_that_may_pass_roles_without_a_record_are_named_and_keep_what_they_may_pass() {
    let unknown = allow(&["dms:CreateOutboundIntegration", "iam:PassRole"], "*");
    let worker = looked(&week(), &[allow(&["sqs:GetQueueAttributes"], "*"), unknown]);
    let to = json!({"StringEquals": {"iam:PassedToService": "dms.amazonaws.com"}});
    assert_eq!(passes(&worker), [to], "{worker:#}");
    let why = why(&worker, "iam:PassRole");
    assert!(why.contains("in what CloudTrail shows dms:CreateOutboundIntegration"), "{why}");
    // Without the call, nothing could have passed a role unseen.
    let calls = allow(&["sqs:GetQueueAttributes", "dms:CreateReplicationInstance"], "*");
    let worker = looked(&week(), &[calls, allow(&["iam:PassRole"], "*")]);
    assert!(passes(&worker).is_empty(), "{worker:#}");
}

#[test]
fn what_is_not_covered_is_named_where_it_is_a_call_of_another_service() {
    let calls = ["s3:PutObject", "bedrock:InvokeDataAutomationAsync"];
    let worker = looked(&week(), &[allow(&["sqs:GetQueueAttributes"], "*"), allow(&calls, "*")]);
    let told = why(&worker, "s3:PutObject");
    let event = "it may show in bedrock-agent-runtime.amazonaws.com InvokeDataAutomationAsync";
    let allowed = "that bedrock:InvokeDataAutomationAsync allows";
    assert!(told.contains(event) && told.contains(allowed), "{told}");
    // Where it is itself what is not covered, that is told.
    let queues = looked(&week(), &[allow(&["sqs:GetQueueAttributes", "kinesis:PutRecord"], "*")]);
    let told = why(&queues, "kinesis:PutRecord");
    assert!(told.ends_with("looking for it on `*` in eu-west-1"), "{told}");
}

#[test]
fn an_event_that_is_put_to_a_bus_is_not_said_to_be_never_recorded() {
    let put = r#"{"entries":[{"source":"a","detailType":"b"}]}"#;
    let log = Log::alive(ACCOUNT, 8).daily("worker", "events.amazonaws.com", "PutEvents", put);
    let worker = looked(&log, &[allow(&["events:PutEvents"], "*")]);
    let told = why(&worker, "events:PutEvents");
    assert!(told.contains("AWS::Events::EventBus") && !told.contains("never"), "{told}");
    // Of others it is not known.
    let put = r#"{"logGroupName":"a","logStreamName":"b"}"#;
    let log = Log::alive(ACCOUNT, 8).daily("worker", "logs.amazonaws.com", "PutLogEvents", put);
    let worker = looked(&log, &[allow(&["logs:PutLogEvents"], "*")]);
    let told = why(&worker, "logs:PutLogEvents");
    assert_eq!(told, "it is not known whether CloudTrail shows all of its calls");
}

/// A call that could not be mapped may need that the role which it brings is passed, and nothing else of IAM.
#[test]
fn a_role_that_an_unmapped_call_brought_keeps_the_passing_of_it_alone() {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/quality");
    let brings = json!({"name": "q", "role": role}).to_string();
    let log = Log::alive(ACCOUNT, 8).daily(
        "worker",
        "glue.amazonaws.com",
        "CreateDataQualityEvaluationConfig",
        &brings,
    );
    let iam = allow(&["iam:PassRole", "iam:DeleteRole", "iam:GetRole"], "*");
    let glue = allow(&["glue:GetJob"], "*");
    let worker = looked(&log, &[glue.clone(), iam]);
    let to = json!({"StringEquals": {"iam:PassedToService": "glue.amazonaws.com"}});
    assert_eq!(passes(&worker), std::slice::from_ref(&to), "{worker:#}");
    assert_eq!(passed(&worker), [json!(role)], "{worker:#}");
    // Of several that are attached, by a pattern or under a path that a name alone does not tell.
    for attached in ["role/q*", "role/*", "role/quality", "role/service/quality"] {
        let attached = format!("arn:aws:iam::{ACCOUNT}:{attached}");
        let mut iam = allow(&["iam:PassRole"], "*");
        iam["Resource"] = json!([attached, format!("arn:aws:iam::{ACCOUNT}:role/other")]);
        let some = looked(&log, &[glue.clone(), iam]);
        let kept = if attached.contains("service") { &attached } else { &role };
        assert_eq!(passed(&some), [json!(kept)], "{attached}: {some:#}");
    }
    // What calls brought of which the record was cut may be any role.
    let cut = json!({"omitted": true, "originalSize": 200_000, "reason": "x"}).to_string();
    let (source, event) = ("glue.amazonaws.com", "CreateDataQualityEvaluationConfig");
    let cut = Log { records: log.records.clone(), ..log }.daily("worker", source, event, &cut);
    let cut = looked(&cut, &[glue.clone(), allow(&["iam:PassRole"], "*")]);
    assert_eq!(passed(&cut), [json!("*")], "{cut:#}");
    assert_eq!(passes(&cut), std::slice::from_ref(&to), "{cut:#}");
    assert!(why(&cut, "iam:PassRole").contains("perhaps others where the record was cut"));
    // As of what nobody knows, to whatever service, but where its verb passes none.
    let of = |event: &'static str| {
        let log = Log { records: log.records.clone(), ..Log::alive(ACCOUNT, 8) };
        let new = log.daily("worker", source, event, &brings);
        looked(&new, &[glue.clone(), allow(&["iam:PassRole"], "*")])
    };
    let new = of("CreateSomethingNew");
    assert_eq!((passed(&new), passes(&new)), (vec![json!("*")], vec![Value::Null]), "{new:#}");
    assert!(why(&new, "iam:PassRole").contains("CreateSomethingNew of glue.amazonaws.com"));
    assert_eq!(passed(&of("GetSomethingNew")), [json!(role)]);
    // Beside what another reason keeps.
    let ecs = allow(&["ecs:UpdateService"], "*");
    let change = r#"{"cluster":"c","service":"s","taskDefinition":"web:3"}"#;
    let both = log.daily("worker", "ecs.amazonaws.com", "UpdateService", change);
    let both = looked(&both, &[glue, ecs, allow(&["iam:PassRole"], "*")]);
    let mut each: Vec<(Value, Value)> = passed(&both).into_iter().zip(passes(&both)).collect();
    each.sort_by_key(|(on, _)| on.to_string());
    let ecs = json!({"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}});
    assert_eq!(each, [(json!("*"), ecs), (json!(role), to)], "{both:#}");
    let why = why(&worker, "iam:PassRole");
    let told = format!(
        "CreateDataQualityEvaluationConfig of glue.amazonaws.com, which could not be mapped, brought {role}"
    );
    assert!(why.starts_with(&told), "{why}");
    assert!(texts(&worker["notes"]).iter().any(|note| note.starts_with(&told)), "{worker:#}");
    let frozen: Vec<&String> = worker["frozen"].as_object().unwrap().keys().collect();
    assert_eq!(frozen, ["glue"]);
    let removed = &list(&worker, "statements")[1]["removed"][0]["actions"];
    assert_eq!(texts(removed), ["iam:DeleteRole", "iam:GetRole"], "{worker:#}");
}

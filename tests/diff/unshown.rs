//! What a trail could not have shown, as AWS's guides have it, and what has to stay beside what it showed.

use std::collections::BTreeMap;

use serde_json::json;

use super::beside::{allow, by, judged, selected};
use super::{ACCOUNT, Log, QUEUE, WEEK, classes};
use crate::harness::{text, trailtrim};

const LOOKED: [&str; 5] = ["", "used", "companion", "unobservable", "pinned"];

/// Returns what an action of a worker is that only asks for regions, where a trail took all management events
/// and data events of these types: "" where it is unused.
fn unseen(action: &str, resource: &str, kinds: &[&str]) -> &'static str {
    let log = Log::alive(ACCOUNT, 8).daily("worker", "ec2.amazonaws.com", "DescribeRegions", "{}");
    let statements = [allow(&["ec2:DescribeRegions"], "*"), allow(&[action], resource)];
    let made = selected(&log, &statements, &WEEK, &[(kinds.to_vec(), None)]);
    let found = classes(&made).get(action).copied().unwrap_or_default();
    LOOKED.into_iter().find(|class| *class == found).unwrap_or("else")
}

#[test]
fn an_ordinary_trail_does_not_show_that_queues_are_asked_about() {
    for action in ["sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ListQueueTags"] {
        assert_eq!(unseen(action, QUEUE, &[]), "unobservable", "{action}");
        assert_eq!(unseen(action, QUEUE, &["AWS::SQS::Queue"]), "", "{action}");
    }
    assert_eq!(unseen("sqs:PurgeQueue", QUEUE, &[]), "");
}

#[test]
fn data_events_of_one_type_say_nothing_of_others() {
    let sns = |name: &str| format!("arn:aws:sns:eu-west-1:{ACCOUNT}:{name}");
    let publish = |resource: &str, kinds: &[&str]| unseen("sns:Publish", resource, kinds);
    let (topic, endpoint) = (sns("orders"), sns("endpoint/APNS/shop/*"));
    let (topics, endpoints) = ("AWS::SNS::Topic", "AWS::SNS::PlatformEndpoint");
    assert_eq!(publish(&topic, &[topics]), "");
    assert_eq!(publish(&topic, &[endpoints]), "unobservable");
    assert_eq!(publish(&endpoint, &[topics]), "unobservable");
    assert_eq!(publish(&endpoint, &[endpoints]), "");
    assert_eq!(publish(&sns("*"), &[topics]), "unobservable");
    assert_eq!(publish(&sns("*"), &[topics, endpoints]), "");
    // Of messages to phone numbers there is no event.
    assert_eq!(publish("*", &[topics, endpoints]), "unobservable");

    let stream = format!("arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/s");
    let consumer = format!("{stream}/consumer/c:1");
    let (streams, consumers) = ("AWS::Kinesis::Stream", "AWS::Kinesis::StreamConsumer");
    assert_eq!(unseen("kinesis:SubscribeToShard", &consumer, &[streams]), "unobservable");
    assert_eq!(unseen("kinesis:SubscribeToShard", &consumer, &[consumers]), "");
    assert_eq!(unseen("kinesis:PutRecord", &stream, &[streams]), "");
}

/// Returns what the actions of a worker are that makes one call on every day, and is allowed all of them.
fn beside(event: (&str, &str), parameters: &str, actions: &[&str]) -> BTreeMap<String, String> {
    let log = Log::alive(ACCOUNT, 8).daily("worker", event.0, event.1, parameters);
    judged(&log, &[allow(actions, "*")])
}

#[test]
fn what_is_attached_can_be_detached_before_it_is_deleted() {
    let ec2 = "ec2.amazonaws.com";
    let card = r#"{"networkInterfaceId":"eni-0123456789abcdef0","instanceId":"i-0123456789abcdef0","deviceIndex":1}"#;
    let disk = r#"{"volumeId":"vol-0123456789abcdef0","instanceId":"i-0123456789abcdef0","device":"/dev/xvdb"}"#;
    for (attach, parameters, detach) in [
        ("AttachNetworkInterface", card, "ec2:DetachNetworkInterface"),
        ("AttachVolume", disk, "ec2:DetachVolume"),
    ] {
        let attached = format!("ec2:{attach}");
        let judged = beside((ec2, attach), parameters, &[&attached, detach, "ec2:StopInstances"]);
        assert_eq!(judged.get(detach).map(String::as_str), Some("companion"), "{judged:?}");
        assert_eq!(judged.get("ec2:StopInstances"), None, "{judged:?}");
        // Who only looks detaches nothing.
        let looks = ["ec2:DescribeRegions", detach];
        assert_eq!(beside((ec2, "DescribeRegions"), "{}", &looks).get(detach), None);
    }
}

#[test]
fn who_starts_a_session_can_take_it_up_again_and_end_it() {
    let start = ("ssm.amazonaws.com", "StartSession");
    let own = ["ssm:StartSession", "ssm:TerminateSession", "ssm:ResumeSession", "ssm:SendCommand"];
    let judged = beside(start, r#"{"target":"i-0123456789abcdef0"}"#, &own);
    for action in ["ssm:TerminateSession", "ssm:ResumeSession"] {
        assert_eq!(judged.get(action).map(String::as_str), Some("companion"), "{judged:?}");
    }
    assert_eq!(judged.get("ssm:SendCommand"), None, "{judged:?}");
}

#[test]
fn who_starts_a_session_needs_the_document_that_it_starts_with() {
    let start = r#"{"target":"i-0123456789abcdef0"}"#;
    let log = Log::alive(ACCOUNT, 8).daily("worker", "ssm.amazonaws.com", "StartSession", start);
    let document = format!("arn:aws:ssm:*:{ACCOUNT}:document/SSM-SessionManagerRunShell");
    let instances = format!("arn:aws:ec2:*:{ACCOUNT}:instance/*");
    let mut both = allow(&["ssm:StartSession"], "*");
    both["Resource"] = json!([instances, document]);
    let made = super::beside::looked(&log, &[both]);
    assert!(made["draft"].to_string().contains("SSM-SessionManagerRunShell"), "{made:#}");
    // Where it is not attached, that is no sign that the rules are wrong.
    let made = super::beside::looked(&log, &[allow(&["ssm:StartSession"], &instances)]);
    let frozen = made["frozen"].as_object().is_some_and(|services| services.contains_key("ssm"));
    assert!(!frozen, "{made:#}");
}

#[test]
fn a_pipe_keeps_its_dead_letter_queue() {
    let start =
        format!(r#"{{"stateMachineArn":"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:m"}}"#);
    let log =
        Log::alive(ACCOUNT, 8).daily("worker", "states.amazonaws.com", "StartExecution", &start);
    let statements = [
        allow(&["states:StartExecution"], "*"),
        allow(&["sqs:SendMessage", "sqs:PurgeQueue"], QUEUE),
    ];
    assert_eq!(judged(&log, &statements).get("sqs:SendMessage"), None);
    let piped = judged(&by("pipes.amazonaws.com", log), &statements);
    assert_eq!(piped.get("sqs:SendMessage").map(String::as_str), Some("companion"), "{piped:?}");
    assert_eq!(piped.get("sqs:PurgeQueue"), None, "{piped:?}");
}

#[test]
fn a_distributed_map_can_be_redriven() {
    let machine = format!("arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:m");
    let start = format!(r#"{{"stateMachineArn":"{machine}"}}"#);
    let log =
        Log::alive(ACCOUNT, 8).daily("worker", "states.amazonaws.com", "StartExecution", &start);
    let run = format!("arn:aws:states:eu-west-1:{ACCOUNT}:execution:m/Map:*");
    let redrive = |resource: &str| -> Option<String> {
        let statements =
            [allow(&["states:StartExecution"], "*"), allow(&["states:RedriveExecution"], resource)];
        let log = Log { days: log.days, records: log.records.clone() };
        judged(&by("states.amazonaws.com", log), &statements).remove("states:RedriveExecution")
    };
    assert_eq!(redrive(&run).as_deref(), Some("companion"));
    // An execution that is no child of a map is not redriven by its own role.
    assert_eq!(redrive(&format!("arn:aws:states:eu-west-1:{ACCOUNT}:execution:m:run")), None);
}

#[test]
fn only_functions_that_are_images_have_repositories_opened() {
    let set = |parameters: &str, kind: &str| -> Option<String> {
        let name = "UpdateFunctionCode20150331v2";
        let mut log =
            Log::alive(ACCOUNT, 8).daily("worker", "lambda.amazonaws.com", name, parameters);
        for record in &mut log.records {
            let answer = format!(r#""responseElements":{{"packageType":"{kind}"}},"readOnly""#);
            *record = record.replace(r#""readOnly""#, &answer);
        }
        let statements = [
            allow(&["lambda:UpdateFunctionCode"], "*"),
            allow(&["ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"], "*"),
        ];
        judged(&log, &statements).remove("ecr:SetRepositoryPolicy")
    };
    let image = r#"{"functionName":"f","imageUri":"111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/web:1"}"#;
    assert_eq!(set(image, "Image").as_deref(), Some("companion"));
    assert_eq!(set(r#"{"functionName":"f","s3Bucket":"b","s3Key":"f.zip"}"#, "Zip"), None);
}

/// Returns what `generate` says of a worker that a service makes one call with on every day.
fn generated(service: &str, event: (&str, &str), parameters: &str) -> String {
    let log = Log::alive(ACCOUNT, 8).daily("worker", event.0, event.1, parameters);
    let trail = by(service, log).write(1);
    let output = trailtrim().arg("generate").arg(trail.path()).output().unwrap();
    text(output.stdout) + &text(output.stderr)
}

#[test]
fn what_no_event_shows_is_told_beside_a_draft() {
    let make = ("ecr.amazonaws.com", "CreateRepository");
    let cache = r#"{"repositoryName":"docker-hub/library/nginx"}"#;
    assert!(generated("ecr.amazonaws.com", make, cache).contains("ecr:BatchImportUpstreamImage"));
    assert!(!generated("x.amazonaws.com", make, cache).contains("ecr:BatchImportUpstreamImage"));
    let read = ("s3.amazonaws.com", "GetObject");
    let documents = r#"{"bucketName":"docs","key":"k"}"#;
    assert!(generated("bedrock.amazonaws.com", read, documents).contains("aoss:APIAccessAll"));
}

#[test]
fn a_launch_template_is_known_by_what_made_it() {
    let made = json!({"CreateLaunchTemplateResponse": {"launchTemplate":
        {"launchTemplateId": "lt-0123456789abcdef0", "launchTemplateName": "web"}}});
    let make = r#"{"CreateLaunchTemplateRequest":{"LaunchTemplateName":"web"}}"#;
    let fleet = r#"{"CreateFleetRequest":{"LaunchTemplateConfigs":[{"tag":1,"LaunchTemplateSpecification":{"LaunchTemplateName":"web"}}]}}"#;
    let granted = |name: &str| {
        let (ec2, fleet) = ("ec2.amazonaws.com", fleet.replace("\"web\"", &format!("\"{name}\"")));
        let mut log = Log::alive(ACCOUNT, 8).daily("worker", ec2, "CreateFleet", &fleet);
        log.at(ACCOUNT, "maker", (0, 1), (ec2, "CreateLaunchTemplate", make), false);
        for record in log.records.iter_mut().filter(|one| one.contains("CreateLaunchTemplate\"")) {
            let answer = format!(r#""responseElements":{made},"readOnly""#);
            *record = record.replace(r#""readOnly""#, &answer);
        }
        let trail = log.write(1);
        let mut command = trailtrim();
        command.arg("generate").arg(trail.path()).args(["--principal", "worker"]);
        text(command.output().unwrap().stdout)
    };
    let (exact, any) = ("launch-template/lt-0123456789abcdef0", "launch-template/*");
    let known = granted("web");
    assert!(known.contains(exact) && !known.contains(any), "{known}");
    let unknown = granted("other");
    assert!(unknown.contains(any) && !unknown.contains(exact), "{unknown}");
}

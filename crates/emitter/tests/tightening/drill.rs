//! A wrong-mapping drill: with rules that are broken on purpose, no permission is lost silently.
//!
//! A test catalog is compiled with rules that are wrong, a principal with the right policy works as
//! always, and whatever it did must stay allowed, with a word that says why.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use trailtrim_aggregator::coverage::ActionEvents;
use trailtrim_aggregator::resolve;
use trailtrim_catalog::Catalog;
use trailtrim_catalog_compiler::{Input, compile, data};
use trailtrim_emitter::Taste;
use trailtrim_emitter::attached::Inventory;
use trailtrim_emitter::diff::{PrincipalDiff, Status};
use trailtrim_emitter::tighten::Class;
use trailtrim_iam::{
    Action, Context, Outcome, Policies, PolicyDocument, Principal, Request, Statement,
};

use crate::history::observe;
use crate::laws::{Asked, run};

const ROLE: &str = "arn:aws:iam::111122223333:role/worker";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:jobs";
const OTHER_QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:more-jobs";

/// Rules that are wrong, by service. None of these operations has rules of its own.
const WRONG: [(&str, &str); 3] = [
    (
        "sqs",
        r#"
service = "sqs"
[[operation]]
names = ["UntagQueue"]
actions = ["GetQueueUrl"]
reason = "A drill: another action, which exists and is often attached as well."
[[operation]]
names = ["SetQueueAttributes"]
actions = ["GetQueueAttributes"]
reason = "A drill: another action, while the right one is known from another call."
[[operation]]
names = ["AddPermission"]
actions = ["SetQueueAttributes"]
reason = "A drill: this is how the right one is known."
[[operation]]
names = ["PurgeQueue"]
actions = ["DeleteQueue"]
reason = "A drill: another action, which is not attached."
"#,
    ),
    (
        "dynamodb",
        r#"
service = "dynamodb"
[[operation]]
names = ["DescribeTimeToLive"]
reason = "A drill: a resource of another type."
[[operation.grants]]
action = "DescribeTimeToLive"
resource = "arn:aws:dynamodb:eu-west-1:111122223333:global-table/jobs"
use_resources = false
"#,
    ),
    (
        "sns",
        r#"
service = "sns"
[[operation]]
names = ["GetTopicAttributes"]
kind = "unverified"
reason = "A drill: nobody knows what it needs."
"#,
    ),
];

static BROKEN: LazyLock<Catalog> = LazyLock::new(|| {
    let catalog = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalog");
    let read = |name: &str| std::fs::read(catalog.join("data").join(name)).unwrap();
    let wrong = WRONG.iter().map(|(name, text)| (format!("drill-{name}.toml"), (*text).to_owned()));
    let mut rules: BTreeMap<String, String> = wrong.collect();
    for entry in std::fs::read_dir(catalog.join("rules")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            rules.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    let services = data::from_lines(&read("iam.jsonl.zst")).unwrap();
    let models = data::from_lines(&read("operations.jsonl.zst")).unwrap();
    let input = Input { services, models, rules, ..Input::default() };
    Catalog::from_bytes(compile(&input).unwrap().leak()).unwrap()
});

/// A call of the role, on a day and an hour.
fn call(who: &str, number: usize, day: usize, what: (&str, &str, &str), reads: bool) -> String {
    let (source, name, parameters) = what;
    format!(
        r#"{{"eventVersion":"1.11","eventID":"{number}-{name}-{reads}","eventTime":"2026-01-{:02}T{:02}:00:00Z","eventSource":"{source}.amazonaws.com",
        "eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.7","userAgent":"x",
        "userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/{who}/w","accountId":"111122223333",
            "principalId":"AROAEXAMPLE{who}:w","accessKeyId":"ASIAEXAMPLE","sessionContext":{{"sessionIssuer":{{"type":"Role",
            "principalId":"AROAEXAMPLE{who}","arn":"arn:aws:iam::111122223333:role/{who}","accountId":"111122223333","userName":"{who}"}}}}}},
        "requestParameters":{parameters},"responseElements":null,"readOnly":{reads},"eventType":"AwsApiCall","managementEvent":true,
        "recipientAccountId":"111122223333","eventCategory":"Management"}}"#,
        1 + day,
        number % 24
    )
}

/// Tightens what is attached by what some calls, each made every hour of a week, tell.
fn tightened(
    catalog: Catalog,
    attached: Vec<Statement>,
    calls: &[(&str, &str, &str)],
) -> PrincipalDiff {
    tightened_in(catalog, attached, calls, "")
}

/// The same of calls in whose identity something else stands first.
fn tightened_in(
    catalog: Catalog,
    attached: Vec<Statement>,
    calls: &[(&str, &str, &str)],
    identity: &str,
) -> PrincipalDiff {
    let begins = r#""userIdentity":{"#;
    let mut number = 0;
    let mut records = Vec::new();
    for day in 0..7 {
        for _ in 0..24 {
            for one in calls {
                let record = call("worker", number, day, *one, true);
                records.push(record.replacen(begins, &format!("{begins}{identity}"), 1));
            }
            // Reads and writes of others keep the trail alive.
            let idle = ("ec2", "DescribeRegions", "{}");
            records.extend([true, false].map(|reads| call("other", number, day, idle, reads)));
            number += 1;
        }
    }
    let usage = observe(catalog, records.into_iter());
    let activity = resolve(&usage, catalog);
    let coverage = usage.into_coverage();
    let documents = [("attached".to_owned(), PolicyDocument::new(attached), None)];
    let inventory = Inventory::of_files(ROLE, None, documents);
    let asked = Asked { unused_days: 2, taste: Taste::default(), conditions: Default::default() };
    let events = ActionEvents::of(catalog);
    let made = run(&inventory, &(activity, coverage), &events, catalog, &asked);
    let [one] = <[PrincipalDiff; 1]>::try_from(made.principals).unwrap();
    let failures = one.proofs.as_ref().unwrap().failures();
    assert!(failures.is_empty(), "{failures:?}");
    one
}

fn allows(one: &PrincipalDiff, action: &str, resource: &str) -> bool {
    let draft = one.draft.as_ref().unwrap();
    let policies = Policies::compile(draft.documents.iter().map(|view| &view.document));
    let mut request = Request::new(Action::parse(action).unwrap(), resource);
    request.principal = Some(Principal::parse(ROLE).unwrap());
    request.context = Context::open();
    request.context.add("aws:RequestedRegion", "eu-west-1");
    policies.decide(&request).outcome == Outcome::Allowed
}

/// Returns what the diff says of an action: its class, and all the words.
fn word(one: &PrincipalDiff, action: &str) -> (Class, String) {
    let mut actions = one.statements.iter().flat_map(|statement| &statement.actions);
    let found = actions.find(|found| found.action == action);
    let found = found.unwrap_or_else(|| panic!("{action} is removed: {:?}", one.statements));
    (found.class, found.why.clone())
}

#[test]
fn an_event_that_is_mapped_to_another_attached_action_keeps_its_namesake() {
    let sqs = ["sqs:UntagQueue", "sqs:GetQueueUrl", "sqs:TagQueue"];
    let parameters = r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"}"#;
    let one = tightened(
        *BROKEN,
        vec![Statement::allow(sqs, [QUEUE])],
        &[("sqs", "UntagQueue", parameters)],
    );
    assert!(allows(&one, sqs[0], QUEUE));
    let (class, why) = word(&one, sqs[0]);
    assert_eq!(class, Class::Companion);
    assert!(why.contains("sqs.amazonaws.com UntagQueue succeeded"), "{why}");
    // The drill is about a log that shows enough to remove something.
    assert!(!allows(&one, "sqs:TagQueue", QUEUE));
    assert_eq!(one.status, Status::Tightened);
}

#[test]
fn a_namesake_that_is_known_from_other_calls_is_kept_on_everything() {
    let at = |queue: &str| {
        format!(r#"{{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/{queue}"}}"#)
    };
    let sqs = ["sqs:SetQueueAttributes", "sqs:GetQueueAttributes", "sqs:TagQueue"];
    let one = tightened(
        *BROKEN,
        vec![Statement::allow(sqs, [QUEUE, OTHER_QUEUE])],
        // The first needs what the second is mapped to, on another queue.
        &[("sqs", "SetQueueAttributes", &at("jobs")), ("sqs", "AddPermission", &at("more-jobs"))],
    );
    assert!(allows(&one, sqs[0], OTHER_QUEUE));
    assert!(allows(&one, sqs[0], QUEUE), "{:?}", word(&one, sqs[0]));
    let (class, why) = word(&one, sqs[0]);
    assert_eq!(class, Class::Used);
    assert!(why.contains("sqs.amazonaws.com SetQueueAttributes succeeded"), "{why}");
    assert!(!allows(&one, "sqs:TagQueue", QUEUE));
}

#[test]
fn an_event_that_is_mapped_to_an_action_that_is_not_attached_freezes_the_service() {
    let parameters = r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"}"#;
    let one = tightened(
        *BROKEN,
        vec![Statement::allow(["sqs:PurgeQueue", "sqs:TagQueue", "sns:TagResource"], ["*"])],
        &[("sqs", "PurgeQueue", parameters)],
    );
    assert!(allows(&one, "sqs:PurgeQueue", QUEUE) && allows(&one, "sqs:TagQueue", QUEUE));
    assert_eq!(one.status, Status::Partial);
    let why = one.frozen.get("sqs").unwrap();
    assert!(why.contains("PurgeQueue succeeded") && why.contains("sqs:DeleteQueue"), "{why}");
    assert_eq!(word(&one, "sqs:TagQueue"), (Class::Frozen, why.clone()));
    assert!(one.not_attached.iter().any(|not| not.action == "sqs:DeleteQueue"));
    // Nothing is wrong about the other service.
    assert!(!allows(&one, "sns:TagResource", "arn:aws:sns:eu-west-1:111122223333:t"));
}

#[test]
fn an_event_that_is_mapped_to_a_resource_of_another_type_freezes_the_service() {
    let table = "arn:aws:dynamodb:eu-west-1:111122223333:table/jobs";
    let one = tightened(
        *BROKEN,
        vec![Statement::allow(["dynamodb:DescribeTimeToLive", "dynamodb:DeleteTable"], [table])],
        &[("dynamodb", "DescribeTimeToLive", r#"{"tableName":"jobs"}"#)],
    );
    assert!(allows(&one, "dynamodb:DescribeTimeToLive", table));
    assert!(allows(&one, "dynamodb:DeleteTable", table));
    assert_eq!(one.status, Status::Partial);
    let why = one.frozen.get("dynamodb").unwrap();
    assert!(why.contains("global-table/jobs"), "{why}");
}

#[test]
fn an_event_that_nobody_knows_freezes_its_service() {
    let topic = "arn:aws:sns:eu-west-1:111122223333:t";
    let sns = ["sns:GetTopicAttributes", "sns:DeleteTopic", "sqs:TagQueue"];
    let parameters = r#"{"topicArn":"arn:aws:sns:eu-west-1:111122223333:t"}"#;
    let one = tightened(
        *BROKEN,
        vec![Statement::allow(sns, ["*"])],
        &[("sns", "GetTopicAttributes", parameters)],
    );
    assert!(allows(&one, sns[0], topic) && allows(&one, sns[1], topic));
    assert!(!allows(&one, sns[2], QUEUE));
    assert_eq!(one.status, Status::Partial);
    assert_eq!(word(&one, sns[1]).0, Class::Frozen);
    assert!(one.proofs.unwrap().replay.unmapped > 0);
}

#[test]
fn with_right_rules_the_same_calls_freeze_nothing() {
    let catalog = Catalog::embedded();
    let parameters = r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"}"#;
    let one = tightened(
        catalog,
        vec![Statement::allow(["sqs:PurgeQueue", "sqs:TagQueue", "sqs:DeleteQueue"], ["*"])],
        &[("sqs", "PurgeQueue", parameters)],
    );
    assert_eq!((one.status, one.frozen.len()), (Status::Tightened, 0));
    assert!(allows(&one, "sqs:PurgeQueue", QUEUE));
    for (action, queue) in
        [("sqs:PurgeQueue", OTHER_QUEUE), ("sqs:TagQueue", QUEUE), ("sqs:DeleteQueue", QUEUE)]
    {
        assert!(!allows(&one, action, queue), "{action} on {queue}");
    }
}

#[test]
fn what_a_function_may_need_stays_with_its_role_and_not_with_whoever_invokes_it() {
    let function = "arn:aws:lambda:eu-west-1:111122223333:function:jobs";
    let issued = format!(
        r#""inScopeOf":{{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"{function}"}},"#
    );
    let ec2 = ["ec2:CreateNetworkInterface", "ec2:DescribeRegions", "ec2:CreateVpc"];
    let invoke = format!(r#"{{"functionName":"{function}"}}"#);
    let calls = [("lambda", "Invoke", invoke.as_str()), ("ec2", "DescribeRegions", "{}")];
    let of = |identity: &str| {
        let attached = vec![
            Statement::allow(["lambda:InvokeFunction"], [function]),
            Statement::allow(ec2, ["*"]),
        ];
        tightened_in(Catalog::embedded(), attached, &calls, identity)
    };
    let interface = "arn:aws:ec2:eu-west-1:111122223333:network-interface/eni-0aa";
    let one = of(&issued);
    assert!(allows(&one, ec2[0], interface));
    assert_eq!(word(&one, ec2[0]).0, Class::Companion);
    assert!(!allows(&one, ec2[2], "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0aa"));
    assert!(!allows(&of(""), ec2[0], interface));
}

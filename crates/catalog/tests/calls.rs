//! Calls and the permissions they need, one test a trap. The parameters are made up after the
//! services' API documentation.

#[path = "support/record.rs"]
mod record;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use trailtrim_catalog::{FactKind, Grant, Origin};

fn event(source: &str, name: &str, parameters: Value) -> Value {
    json!({
        "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name,
        "awsRegion": "eu-west-1",
        "userIdentity": { "accountId": "111122223333",
            "arn": "arn:aws:iam::111122223333:user/team/ann" },
        "requestParameters": parameters,
    })
}

fn lines(event: &Value) -> BTreeSet<String> {
    let grants = record::resolve(event).grants;
    grants.iter().map(|grant| format!("{} {}", grant.action, grant.resource)).collect()
}

fn needs(source: &str, name: &str, parameters: Value, expected: &[&str]) {
    let found = lines(&event(source, name, parameters));
    let expected: BTreeSet<String> = expected.iter().map(|line| (*line).to_owned()).collect();
    assert_eq!(found, expected, "{source} {name}");
}

#[test]
fn versions_are_actions_of_their_own() {
    let parameters = json!({ "bucketName": "b", "key": "k", "versionId": "v" });
    needs("s3", "GetObject", parameters.clone(), &["s3:GetObjectVersion arn:aws:s3:::b/k"]);
    needs("s3", "HeadObject", parameters.clone(), &["s3:GetObjectVersion arn:aws:s3:::b/k"]);
    needs("s3", "DeleteObject", parameters.clone(), &["s3:DeleteObjectVersion arn:aws:s3:::b/k"]);
    needs("s3", "PutObjectAcl", parameters, &["s3:PutObjectVersionAcl arn:aws:s3:::b/k"]);
    let parameters = json!({ "bucketName": "b", "key": "k" });
    needs("s3", "GetObject", parameters, &["s3:GetObject arn:aws:s3:::b/k"]);
}

#[test]
fn names_out_of_the_log_stay_literal() {
    let parameters = json!({ "bucketName": "b", "key": "a*b?c/${aws:username}" });
    needs(
        "s3",
        "GetObject",
        parameters,
        &["s3:GetObject arn:aws:s3:::b/a${*}b${?}c/${$}{aws:username}"],
    );
    // A name with a separator must not move into another segment.
    let parameters = json!({ "clusterName": "c:x/y", "nodegroupName": "n" });
    let found = lines(&event("eks", "DescribeNodegroup", parameters));
    assert!(found.iter().all(|line| !line.contains("c:x")), "{found:?}");
}

#[test]
fn a_copy_reads_its_source() {
    let mut event = event(
        "s3",
        "CopyObject",
        json!({ "bucketName": "to", "key": "k", "x-amz-copy-source": "/from/a%20key", "x-amz-acl": "private" }),
    );
    event["resources"] = json!([{ "ARN": "arn:aws:s3:::to/k" }, { "ARN": "arn:aws:s3:::to" }]);
    let expected = [
        "s3:GetObject arn:aws:s3:::from/a key",
        "s3:PutObject arn:aws:s3:::to/k",
        "s3:PutObjectAcl arn:aws:s3:::to/k",
    ];
    assert_eq!(lines(&event), expected.map(str::to_owned).into());
}

#[test]
fn a_missing_key_shows_that_listing_is_allowed() {
    let mut event = event("s3", "GetObject", json!({ "bucketName": "b", "key": "k" }));
    event["errorCode"] = json!("NoSuchKey");
    let expected = ["s3:GetObject arn:aws:s3:::b/k", "s3:ListBucket arn:aws:s3:::b"];
    assert_eq!(lines(&event), expected.map(str::to_owned).into());
}

#[test]
fn a_replication_names_another_bucket_and_passes_a_role() {
    let parameters = json!({ "bucketName": "b", "ReplicationConfiguration": {
        "Role": "arn:aws:iam::111122223333:role/copier",
        "Rule": { "Destination": { "Bucket": "arn:aws:s3:::elsewhere" } } } });
    needs(
        "s3",
        "PutBucketReplication",
        parameters,
        &[
            "iam:PassRole arn:aws:iam::111122223333:role/copier",
            "s3:PutReplicationConfiguration arn:aws:s3:::b",
        ],
    );
}

#[test]
fn tables_are_keys_transactions_are_items_and_statements_are_verbs() {
    let table = |name: &str| format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{name}");
    needs(
        "dynamodb",
        "BatchGetItem",
        json!({ "requestItems": { "A": {}, "B": {} } }),
        &[
            &format!("dynamodb:BatchGetItem {}", table("A")),
            &format!("dynamodb:BatchGetItem {}", table("B")),
        ],
    );
    needs(
        "dynamodb",
        "TransactWriteItems",
        json!({ "transactItems": [{ "put": { "tableName": "A" } }, { "conditionCheck": { "tableName": "B" } }] }),
        &[
            &format!("dynamodb:ConditionCheckItem {}", table("B")),
            &format!("dynamodb:PutItem {}", table("A")),
        ],
    );
    let mut event =
        event("dynamodb", "ExecuteStatement", json!({ "statement": "select * from \"A\"" }));
    event["resources"] = json!([{ "ARN": table("A"), "type": "AWS::DynamoDB::Table" }]);
    assert_eq!(lines(&event), [format!("dynamodb:PartiQLSelect {}", table("A"))].into());
    needs(
        "dynamodb",
        "Query",
        json!({ "tableName": "A", "indexName": "I" }),
        &[
            &format!("dynamodb:Query {}", table("A")),
            &format!("dynamodb:Query {}/index/I", table("A")),
        ],
    );
}

#[test]
fn functions_have_qualifiers_and_roles() {
    let function = "arn:aws:lambda:eu-west-1:111122223333:function:f";
    let invoke = |suffix: &str| format!("lambda:InvokeFunction {function}{suffix}");
    needs("lambda", "Invoke", json!({ "functionName": "f" }), &[&invoke("")]);
    let parameters = json!({ "functionName": "111122223333:function:f", "qualifier": "live" });
    needs("lambda", "Invoke", parameters, &[&invoke(":live")]);
    needs(
        "lambda",
        "Invoke",
        json!({ "functionName": format!("{function}:live") }),
        &[&invoke(":live")],
    );
    let parameters = json!({ "functionName": "f", "role": "arn:aws:iam::111122223333:role/p/r" });
    let event = event("lambda", "CreateFunction20150331", parameters);
    let grants = record::resolve(&event).grants;
    let pass = grants.iter().find(|grant| grant.action == "iam:PassRole").unwrap();
    assert_eq!(pass.resource, "arn:aws:iam::111122223333:role/p/r");
    assert_eq!(pass.conditions[0].values, ["lambda.amazonaws.com"]);
}

#[test]
fn a_function_is_named_by_its_name_or_by_the_end_of_an_arn() {
    let invoke = |name: &str, parameters: Value, arn: &str| {
        needs(
            "lambda",
            name,
            parameters,
            &[&format!("lambda:InvokeFunction arn:aws:lambda:{arn}")],
        );
    };
    let named = |name: &str, arn: &str| invoke("Invoke", json!({ "functionName": name }), arn);
    let own = "eu-west-1:111122223333:function";
    named("my-function", &format!("{own}:my-function"));
    named("my-function:live", &format!("{own}:my-function:live"));
    named("hello-function:3", &format!("{own}:hello-function:3"));
    named("function:f", &format!("{own}:f"));
    named("function:f:live", &format!("{own}:f:live"));
    let other = "eu-west-1:444455556666:function";
    named("444455556666:f", &format!("{other}:f"));
    named("444455556666:function:f", &format!("{other}:f"));
    named("444455556666:function:f:live", &format!("{other}:f:live"));
    named("444455556666:my-function:live", &format!("{other}:my-function:live"));
    let far = "eu-central-1:444455556666:function";
    named("eu-central-1:444455556666:function:f", &format!("{far}:f"));
    named("eu-central-1:444455556666:my-function:live", &format!("{far}:my-function:live"));
    named("arn:aws:lambda:eu-central-1:444455556666:function:f", &format!("{far}:f"));
    let qualified = json!({ "functionName": "my-function", "qualifier": "live" });
    invoke("Invoke", qualified, &format!("{own}:my-function:live"));
    let qualified = json!({ "functionName": "444455556666:my-function", "qualifier": "live" });
    invoke("Invoke", qualified, &format!("{other}:my-function:live"));
    needs(
        "lambda",
        "UpdateFunctionCode20150331v2",
        json!({ "functionName": "eu-central-1:444455556666:function:my-function" }),
        &[&format!("lambda:UpdateFunctionCode arn:aws:lambda:{far}:my-function")],
    );
}

#[test]
fn another_accounts_role_is_not_passed_without_documentation() {
    let role = "arn:aws:iam::999988887777:role/r";
    let event = event(
        "states",
        "UpdateStateMachine",
        json!({ "stateMachineArn": "x", "someRoleArn": role }),
    );
    assert!(lines(&event).iter().all(|line| !line.contains("PassRole")));
}

#[test]
fn a_role_in_a_text_is_read_there_or_any_of_the_account() {
    let pass = |name: &str, parameters: Value| -> Vec<(String, bool)> {
        let grants = record::resolve(&event("osis", name, parameters)).grants;
        let passes = grants.into_iter().filter(|grant| grant.action == "iam:PassRole");
        passes.map(|grant| (grant.resource, grant.origin == Origin::Observed)).collect()
    };
    let role = |name: &str| format!("arn:aws:iam::111122223333:role/{name}");
    let text =
        "source:\n  s3:\n    aws:\n      sts_role_arn: \"arn:aws:iam::111122223333:role/p/r.\"\n";
    let body = json!({ "pipelineConfigurationBody": text });
    assert_eq!(pass("ValidatePipeline", body), [(role("p/r"), true)]);
    let all = [(role("*"), false)];
    let silent = json!({ "pipelineConfigurationBody": "version: '2'" });
    assert_eq!(pass("ValidatePipeline", silent), all);
    assert_eq!(pass("ValidatePipeline", json!({})), all, "the log may leave it out");
    // Where a member names the role, the text need not.
    let named = json!({ "pipelineConfigurationBody": text, "pipelineRoleArn": role("named") });
    assert_eq!(pass("CreatePipeline", named), [(role("named"), true)]);
    assert_eq!(pass("UpdatePipeline", json!({ "pipelineName": "p" })), []);
}

#[test]
fn only_a_nodes_entry_passes_its_role() {
    let entry = |kind: &str| {
        json!({ "clusterName": "c", "type": kind,
            "principalArn": "arn:aws:iam::111122223333:role/nodes" })
    };
    let passes = |kind: &str| {
        let lines = lines(&event("eks", "CreateAccessEntry", entry(kind)));
        lines.contains("iam:PassRole arn:aws:iam::111122223333:role/nodes")
    };
    assert!(passes("EC2_LINUX") && !passes("STANDARD"));
}

#[test]
fn parts_with_tags_of_their_own_leave_those_of_the_whole() {
    let tagged = |parameters: Value| -> BTreeSet<String> {
        let lines = lines(&event("directconnect", "CreateLag", parameters));
        lines.into_iter().filter(|line| line.contains("TagResource")).collect()
    };
    let tags = json!([{ "key": "a", "value": "b" }]);
    let arn = "directconnect:TagResource arn:aws:directconnect:eu-west-1:111122223333";
    assert_eq!(tagged(json!({ "tags": tags })), BTreeSet::from([format!("{arn}:dxlag/*")]));
    let parameters = json!({ "tags": tags, "childConnectionTags": tags });
    let both = [format!("{arn}:dxcon/*"), format!("{arn}:dxlag/*")];
    assert_eq!(tagged(parameters), BTreeSet::from(both));
}

#[test]
fn a_profiles_role_is_learned_or_widened() {
    let event = event(
        "ec2",
        "RunInstances",
        json!({ "instancesSet": { "items": [{ "imageId": "ami-1" }] }, "iamInstanceProfile": { "name": "web" } }),
    );
    let operation = record::operation(&event);
    let pass = |record: &record::Record<'_>| -> Grant {
        let grants = operation.resolve(record).grants;
        grants.into_iter().find(|grant| grant.action == "iam:PassRole").unwrap()
    };
    let mut record = record::Record::new(&event, operation.extraction());
    assert!(matches!(pass(&record).origin, Origin::Widened { .. }));
    record.facts.insert((FactKind::InstanceProfileRole, "web".into()), "web-role".into());
    assert_eq!(pass(&record).resource, "arn:aws:iam::111122223333:role/web-role");
}

#[test]
fn a_group_of_logs_is_named_whole_by_either_of_its_arns() {
    let group = json!({ "logGroupName": "/aws/lambda/f" });
    let grants = record::resolve(&event("logs", "CreateLogGroup", group)).grants;
    let of_both = grants.iter().filter(|grant| grant.action == "logs:CreateLogGroup");
    let mut spelled = of_both.inspect(|grant| {
        assert!(matches!(grant.origin, Origin::Derived { .. }), "{grant:?}");
    });
    assert!(spelled.any(|grant| grant.resource.ends_with(":log-group:/aws/lambda/f:*")));
    let secret = json!({ "secretId": "a/b" });
    let grants = record::resolve(&event("secretsmanager", "GetSecretValue", secret)).grants;
    let why = grants.iter().map(|grant| &grant.origin);
    let why = why.filter_map(|origin| match origin {
        Origin::Widened { why, .. } => Some(why.as_str()),
        _ => None,
    });
    assert_eq!(why.collect::<Vec<_>>(), ["no call names all of the `Secret`"]);
}

#[test]
fn a_name_without_a_path_is_taken_to_have_none_and_says_so() {
    let call = |source: &str, name: &str, parameters: Value, action: &str| {
        let event = event(source, name, parameters);
        let grants = record::resolve(&event).grants;
        grants.into_iter().find(|grant| grant.action == action).unwrap()
    };
    let named = call("iam", "GetRole", json!({ "roleName": "r" }), "iam:GetRole");
    assert_eq!(named.resource, "arn:aws:iam::111122223333:role/r");
    let Origin::Assumed { why } = &named.origin else { panic!("{:?}", named.origin) };
    assert!(why.contains("the name alone") && why.contains("`/` is taken"), "{why}");
    let job = |role: &str| {
        let command = json!({ "name": "glueetl" });
        let parameters = json!({ "name": "j", "role": role, "command": command });
        call("glue", "CreateJob", parameters, "iam:PassRole")
    };
    assert!(matches!(job("r").origin, Origin::Assumed { .. }));
    let below = job("team/r");
    assert_eq!(below.resource, "arn:aws:iam::111122223333:role/team/r");
    assert!(matches!(below.origin, Origin::Derived { .. }));
    // What is made without a path has none.
    for parameters in [json!({ "roleName": "r" }), json!({ "roleName": "r", "path": "/" })] {
        let made = call("iam", "CreateRole", parameters, "iam:CreateRole");
        assert_eq!(made.resource, "arn:aws:iam::111122223333:role/r");
        assert!(matches!(made.origin, Origin::Derived { .. }));
    }
}

#[test]
fn an_instance_needs_every_part_and_its_tags() {
    let account = "arn:aws:ec2:eu-west-1:111122223333";
    needs(
        "ec2",
        "RunInstances",
        json!({
            "instancesSet": { "items": [{ "imageId": "ami-1", "keyName": "k" }] },
            "groupSet": { "items": [{ "groupId": "sg-1" }] },
            "subnetId": "subnet-1",
            "tagSpecificationSet": { "items": [{ "resourceType": "instance", "tags": [{ "key": "a" }] }] },
        }),
        &[
            "ec2:CreateTags arn:aws:ec2:eu-west-1:111122223333:instance/*",
            "ec2:RunInstances arn:aws:ec2:eu-west-1::image/ami-1",
            &format!("ec2:RunInstances {account}:instance/*"),
            &format!("ec2:RunInstances {account}:key-pair/k"),
            &format!("ec2:RunInstances {account}:network-interface/*"),
            &format!("ec2:RunInstances {account}:security-group/sg-1"),
            &format!("ec2:RunInstances {account}:subnet/subnet-1"),
            &format!("ec2:RunInstances {account}:volume/*"),
        ],
    );
}

#[test]
fn ec2_ids_tell_their_type_however_they_are_wrapped() {
    let account = "arn:aws:ec2:eu-west-1:111122223333";
    let parameters = json!({ "resourcesSet": { "items": [{ "resourceId": "vol-1" }, { "resourceId": "ami-2" }] } });
    needs(
        "ec2",
        "CreateTags",
        parameters,
        &[
            &format!("ec2:CreateTags {account}:volume/vol-1"),
            "ec2:CreateTags arn:aws:ec2:eu-west-1::image/ami-2",
        ],
    );
    let parameters =
        json!({ "DeleteFlowLogsRequest": { "FlowLogId": { "content": "fl-1", "tag": 1 } } });
    needs(
        "ec2",
        "DeleteFlowLogs",
        parameters,
        &[
            &format!("ec2:DeleteFlowLogs {account}:vpc-flow-log/fl-1"),
            // The VPC user guide has it beside: the delivery of a log that goes to a bucket ends.
            "logs:DeleteLogDelivery *",
        ],
    );
}

#[test]
fn urls_names_and_suffixes_become_arns() {
    let url = "https://sqs.eu-central-1.amazonaws.com/444455556666/q";
    needs(
        "sqs",
        "SendMessageBatch",
        json!({ "queueUrl": url }),
        &["sqs:SendMessage arn:aws:sqs:eu-central-1:444455556666:q"],
    );
    needs(
        "secretsmanager",
        "GetSecretValue",
        json!({ "secretId": "prod/db" }),
        &[
            "secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-??????",
        ],
    );
    needs(
        "ssm",
        "GetParameter",
        json!({ "name": "/a/b" }),
        &["ssm:GetParameter arn:aws:ssm:eu-west-1:111122223333:parameter/a/b"],
    );
    needs(
        "sns",
        "Unsubscribe",
        json!({ "subscriptionArn": "arn:aws:sns:eu-west-1:111122223333:t:0-1" }),
        &["sns:Unsubscribe arn:aws:sns:eu-west-1:111122223333:t"],
    );
    needs(
        "autoscaling",
        "UpdateAutoScalingGroup",
        json!({ "autoScalingGroupName": "g" }),
        &[
            "autoscaling:UpdateAutoScalingGroup arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:*:autoScalingGroupName/g",
        ],
    );
    needs(
        "ecs",
        "UpdateService",
        json!({ "cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/c", "service": "s" }),
        &["ecs:UpdateService arn:aws:ecs:eu-west-1:111122223333:service/c/s"],
    );
}

#[test]
fn groups_come_with_their_streams() {
    let group = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/f";
    needs(
        "logs",
        "FilterLogEvents",
        json!({ "logGroupName": "/aws/lambda/f" }),
        &[&format!("logs:FilterLogEvents {group}"), &format!("logs:FilterLogEvents {group}:*")],
    );
}

#[test]
fn a_prefix_is_a_filter_and_not_a_name() {
    let alarms = "cloudwatch:DescribeAlarms arn:aws:cloudwatch:eu-west-1:111122223333:alarm:*";
    needs("monitoring", "DescribeAlarms", json!({ "alarmNamePrefix": "a" }), &[alarms]);
    needs(
        "logs",
        "DescribeLogGroups",
        json!({ "logGroupNamePrefix": "a" }),
        &["logs:DescribeLogGroups *"],
    );
}

#[test]
fn keys_behind_aliases_come_from_the_record() {
    let key = "arn:aws:kms:eu-west-1:111122223333:key/1";
    let mut event = event("kms", "Decrypt", json!({ "keyId": "alias/a" }));
    event["resources"] = json!([{ "ARN": key, "type": "AWS::KMS::Key" }]);
    assert_eq!(lines(&event), [format!("kms:Decrypt {key}")].into());
    needs(
        "kms",
        "ReEncrypt",
        json!({ "sourceKeyId": "1", "destinationKeyId": "2" }),
        &[
            &format!("kms:ReEncryptFrom {key}"),
            "kms:ReEncryptTo arn:aws:kms:eu-west-1:111122223333:key/2",
        ],
    );
}

#[test]
fn generations_are_told_apart_by_their_parameters() {
    let verb = "apigateway:POST arn:aws:apigateway:eu-west-1::";
    needs(
        "apigateway",
        "CreateDeployment",
        json!({ "restApiId": "r" }),
        &[&format!("{verb}/restapis/r/deployments")],
    );
    needs(
        "apigateway",
        "CreateDeployment",
        json!({ "apiId": "a" }),
        &[&format!("{verb}/apis/a/deployments")],
    );
    let create = "elasticloadbalancing:CreateLoadBalancer arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer";
    needs(
        "elasticloadbalancing",
        "CreateLoadBalancer",
        json!({ "name": "n", "type": "network" }),
        &[&format!("{create}/net/n/*")],
    );
    needs(
        "elasticloadbalancing",
        "CreateLoadBalancer",
        json!({ "loadBalancerName": "n", "listeners": [{ "loadBalancerPort": 80 }] }),
        &[&format!("{create}/n")],
    );
}

#[test]
fn partitions_and_foreign_catalogs_are_kept() {
    let mut event = event("rds", "DescribeDBInstances", json!({ "dBInstanceIdentifier": "DB" }));
    event["awsRegion"] = json!("cn-north-1");
    assert_eq!(
        lines(&event),
        ["rds:DescribeDBInstances arn:aws-cn:rds:cn-north-1:111122223333:db:db".to_owned()].into()
    );
    let glue = "arn:aws:glue:eu-west-1:999988887777";
    needs(
        "glue",
        "GetTable",
        json!({ "catalogId": "999988887777", "databaseName": "d", "name": "t" }),
        &[
            &format!("glue:GetTable {glue}:catalog"),
            &format!("glue:GetTable {glue}:database/d"),
            &format!("glue:GetTable {glue}:table/d/t"),
        ],
    );
}

#[test]
fn the_caller_is_the_user_where_none_is_named() {
    needs(
        "iam",
        "ListAccessKeys",
        json!(null),
        &["iam:ListAccessKeys arn:aws:iam::111122223333:user/team/ann"],
    );
}

#[test]
fn a_prefix_in_resources_stands_for_what_is_below() {
    let mut event = event("s3", "DeleteObjects", json!({ "bucketName": "b" }));
    event["resources"] = json!([{ "ARNPrefix": "arn:aws:s3:::b/" }, { "ARN": "arn:aws:s3:::b" }]);
    assert_eq!(lines(&event), ["s3:DeleteObject arn:aws:s3:::b/*".to_owned()].into());
}

#[test]
fn a_service_linked_role_is_its_services() {
    needs(
        "iam",
        "CreateServiceLinkedRole",
        json!({ "aWSServiceName": "ecs.amazonaws.com" }),
        &[
            "iam:CreateServiceLinkedRole arn:aws:iam::111122223333:role/aws-service-role/ecs.amazonaws.com/*",
        ],
    );
}

#[test]
fn a_role_that_either_of_two_principals_takes_is_passed_to_both() {
    let parameters = json!({
        "iamRoleArn": "arn:aws:iam::111122223333:role/export",
        "sourceArn": "arn:aws:rds:eu-west-1:111122223333:snapshot:s",
    });
    let event = event("rds", "StartExportTask", parameters);
    let grants = record::resolve(&event).grants;
    let passed = grants.iter().find(|grant| grant.action == "iam:PassRole").unwrap();
    let [condition] = passed.conditions.as_slice() else {
        panic!("one condition: {:?}", passed.conditions);
    };
    assert_eq!(condition.key, "iam:PassedToService");
    assert_eq!(condition.values, ["export.rds.amazonaws.com", "rds.amazonaws.com"]);
}

#[test]
fn a_harness_is_authorized_on_itself() {
    let harness = "arn:aws:bedrock-agentcore:eu-west-1:111122223333:harness/h-abcdefghij";
    let found = lines(&event(
        "bedrock-agentcore",
        "DeleteHarness",
        json!({
            "harnessId": "h-abcdefghij",
        }),
    ));
    assert!(
        found.contains(&format!("bedrock-agentcore:DeleteAgentRuntime {harness}")),
        "{found:?}"
    );
    let memory = "arn:aws:bedrock-agentcore:eu-west-1:111122223333:memory/m-abcdefghij";
    let found = lines(&event(
        "bedrock-agentcore",
        "CreateHarness",
        json!({
            "harnessName": "h",
            "memory": { "agentCoreMemoryConfiguration": { "arn": memory } },
        }),
    ));
    assert!(found.contains(&format!("bedrock-agentcore:GetMemory {memory}")), "{found:?}");
    assert!(!found.iter().any(|line| line.contains("CreateMemory")), "{found:?}");
}

#[test]
fn logs_are_delivered_from_the_resource_that_the_call_names() {
    let base = "arn:aws:bedrock:eu-west-1:111122223333:knowledge-base/ABCDEFGHIJ";
    needs(
        "logs",
        "PutDeliverySource",
        json!({ "name": "n", "resourceArn": base, "logType": "APPLICATION_LOGS" }),
        &[
            &format!("bedrock:AllowVendedLogDeliveryForResource {base}"),
            "logs:PutDeliverySource arn:aws:logs:eu-west-1:111122223333:delivery-source:n",
        ],
    );
}

//! Error codes, visibility, companions, services that call for others, and what was compiled in.

use trailtrim_catalog::{Catalog, ErrorClass, Visibility};

#[test]
fn error_codes_have_classes() {
    let catalog = Catalog::embedded();
    for (source, code, class) in [
        ("s3", "AccessDenied", ErrorClass::Denied),
        ("dynamodb", "AccessDeniedException", ErrorClass::Denied),
        ("ec2", "Client.UnauthorizedOperation", ErrorClass::Denied),
        ("sns", "AuthorizationError", ErrorClass::Denied),
        ("ec2", "Client.DryRunOperation", ErrorClass::Granted),
        ("ec2", "Client.RequestLimitExceeded", ErrorClass::NotEvaluated),
        ("ssm", "ThrottlingException", ErrorClass::NotEvaluated),
        ("securityhub", "InvalidAccessException", ErrorClass::NotEvaluated),
        ("sts", "ExpiredTokenException", ErrorClass::NotEvaluated),
        ("s3", "NoSuchKey", ErrorClass::GrantedWithError),
        ("sqs", "AWS.SimpleQueueService.NonExistentQueue", ErrorClass::GrantedWithError),
        ("ec2", "Server.InsufficientInstanceCapacity", ErrorClass::GrantedWithError),
        ("iam", "NoSuchEntityException", ErrorClass::GrantedWithError),
        ("lambda", "ResourceNotFoundException", ErrorClass::GrantedWithError),
        ("sqs", "KMS.AccessDeniedException", ErrorClass::DependencyDenied),
        ("iam", "ValidationError", ErrorClass::Unknown),
        ("s3", "InternalError", ErrorClass::Unknown),
        ("s3", "SomethingNew", ErrorClass::Unknown),
    ] {
        assert_eq!(catalog.error_class(&format!("{source}.amazonaws.com"), code), class, "{code}");
    }
}

#[test]
fn visibility_tells_what_cloudtrail_shows() {
    let sight = |action| Catalog::embedded().action(action).unwrap().visibility();
    assert_eq!(sight("s3:GetObject"), Visibility::Data("AWS::S3::Object"));
    assert!(matches!(sight("iam:PassRole"), Visibility::Through(_)));
    assert!(matches!(sight("s3:GetObjectVersion"), Visibility::Through(_)));
    assert_eq!(sight("rds-db:connect"), Visibility::Never);
    assert_eq!(sight("events:PutEvents"), Visibility::Data("AWS::Events::EventBus"));
    assert_eq!(sight("ec2:RunInstances"), Visibility::Management);
    assert_eq!(sight("kms:Decrypt"), Visibility::Management);
    assert_eq!(sight("bedrock:InvokeModel"), Visibility::Management);
    assert_eq!(sight("lakeformation:GetDataAccess"), Visibility::Management);
    for (action, data) in [
        ("dynamodb:PutItem", "AWS::DynamoDB::Table"),
        ("dynamodb:GetRecords", "AWS::DynamoDB::Stream"),
        ("lambda:InvokeFunction", "AWS::Lambda::Function"),
        ("sqs:SendMessage", "AWS::SQS::Queue"),
        ("sns:Publish", "AWS::SNS::Topic"),
        ("kinesis:PutRecord", "AWS::Kinesis::Stream"),
        ("firehose:PutRecord", "AWS::KinesisFirehose::DeliveryStream"),
        ("kinesisvideo:PutMedia", "AWS::KinesisVideo::Stream"),
        ("cloudwatch:PutMetricData", "AWS::CloudWatch::Metric"),
        ("ebs:GetSnapshotBlock", "AWS::EC2::Snapshot"),
        ("rds-data:ExecuteStatement", "AWS::RDS::DBCluster"),
        ("s3tables:GetTableData", "AWS::S3Tables::Table"),
        ("s3vectors:QueryVectors", "AWS::S3Vectors::Index"),
        ("bedrock:InvokeAgent", "AWS::Bedrock::AgentAlias"),
        ("deadline:GetJob", "AWS::Deadline::Job"),
        ("bedrock-mantle:CreateInference", "AWS::BedrockMantle::Project"),
        ("dsql:DbConnect", "AWS::DSQL::Cluster"),
        ("medical-imaging:GetImageFrame", "AWS::MedicalImaging::Datastore"),
        ("ses:SendEmail", "AWS::SES::EmailIdentity"),
        ("sagemaker:InvokeEndpoint", "AWS::SageMaker::Endpoint"),
        ("appsync:GraphQL", "AWS::AppSync::GraphQLApi"),
        ("verifiedpermissions:IsAuthorized", "AWS::VerifiedPermissions::PolicyStore"),
        ("ssmmessages:OpenControlChannel", "AWS::SSMMessages::ControlChannel"),
        ("ecs:Poll", "AWS::ECS::ContainerInstance"),
        ("aoss:APIAccessAll", "AWS::AOSS::Collection"),
    ] {
        assert_eq!(sight(action), Visibility::Data(data), "{action}");
    }
    for action in [
        "es:ESHttpGet",
        "kafka-cluster:Connect",
        "iot:GetThingShadow",
        "iot:ListThings",
        "execute-api:Invoke",
        "dax:GetItem",
        "timestream:WriteRecords",
    ] {
        assert_eq!(sight(action), Visibility::Never, "{action}");
    }
    for action in [
        "ssmmessages:OpenDataChannel",
        "xray:GetSamplingRules",
        "xray:PutResourcePolicy",
        "iot:DescribeThing",
        "iotsitewise:StartSearch",
        "lambda:RunMicrovm",
        "sagemaker:ExecuteTrainingOperation",
        "healthlake:UpdateProfileWithAgent",
        "bedrock:AgenticRetrieveStream",
        "bedrock:GetIngestedDocumentAcl",
        "sagemaker:ListRecords",
        "lex:RecognizeText",
    ] {
        assert_eq!(sight(action), Visibility::Unknown, "{action}");
    }
    for action in [
        "xray:PutEncryptionConfig",
        "sqs:PurgeQueue",
        "states:SendTaskSuccess",
        "swf:DescribeDomain",
        "gameliftstreams:GetStreamGroup",
        "bedrock:ListAsyncInvokes",
        "kafka-cluster:CreateTopic",
        "medical-imaging:GetImageSet",
        "deadline:UpdateWorker",
        "iot:CreateThing",
        "codecommit:GitPull",
        "trustedadvisor:RefreshCheck",
        "sso-directory:UpdatePassword",
        "transcribe:StartStreamTranscription",
        "cloud9:CreateEnvironmentSSH",
    ] {
        assert_eq!(sight(action), Visibility::Management, "{action}");
    }
}

#[test]
fn companions_and_callers_are_data() {
    let catalog = Catalog::embedded();
    let abort =
        catalog.companions().find(|rule| rule.actions().any(|a| a == "s3:AbortMultipartUpload"));
    assert!(abort.is_some_and(|rule| rule.with().any(|a| a == "s3:PutObject")));
    let rule =
        catalog.companions().find(|rule| rule.actions().any(|a| a == "events:PutRule")).unwrap();
    assert_eq!(rule.via(), Some("states.amazonaws.com"));
    for (used, expected) in [
        (
            "arn:aws-cn:ecs:cn-north-1:1:task-definition/t:1",
            "arn:aws-cn:events:cn-north-1:1:rule/StepFunctionsGetEvent*",
        ),
        ("*", "arn:*:events:*:*:rule/StepFunctionsGetEvent*"),
    ] {
        assert_eq!(rule.resource(used).as_deref(), Some(expected));
    }
    for service in ["athena", "cloudformation", "dynamodb", "kms", "backup", "ram"] {
        assert!(catalog.via(&format!("{service}.amazonaws.com")).called_via, "{service}");
    }
    assert!(!catalog.via("secretsmanager.amazonaws.com").called_via);
    assert!(catalog.via("secretsmanager.amazonaws.com").kms_via);
    assert!(!catalog.via("nobody.amazonaws.com").kms_via);
}

#[test]
fn facts_are_looked_up_in_any_case() {
    let catalog = Catalog::embedded();
    let facts = catalog.action("S3:GETOBJECT").unwrap();
    assert_eq!(facts.id(), "s3:GetObject");
    assert!(facts.resource_types().any(|kind| kind.name() == "object" && !kind.required()));
    assert!(
        catalog.action("lambda:CreateFunction").unwrap().dependents().any(|d| d == "iam:PassRole")
    );
    assert!(catalog.services().count() > 400);
    assert_eq!(catalog.version().packages().count(), 7);
    assert_eq!(catalog.version().digest().len(), 64);
}

#[test]
fn what_is_newer_than_the_base_is_known_as_far_as_it_is_told() {
    let catalog = Catalog::embedded();
    let newer = catalog.action("kms:encapsulate").unwrap();
    assert_eq!(newer.id(), "kms:Encapsulate");
    let typed = catalog.action("ecs:CreateGateway").unwrap();
    assert!(typed.resource_types().any(|kind| kind.name() == "gateway"));
    // From a rule: its name stands in a document, what it takes does not.
    let named = catalog.action("s3tables:starttablemigration").unwrap();
    assert_eq!(named.id(), "s3tables:StartTableMigration");
    assert!(!named.resource_types_are_known() && typed.resource_types_are_known());
    let listing = catalog.action("cloudwatch:ListMetricDataQueryDefinitions").unwrap();
    assert!(listing.resource_types_are_known() && listing.resource_types().count() == 0);
}

#[test]
fn every_action_of_every_service_is_found_by_its_name() {
    let catalog = Catalog::embedded();
    for service in catalog.services() {
        for action in service.actions() {
            assert_eq!(catalog.action(action.id()).map(|found| found.id()), Some(action.id()));
        }
    }
}

#[test]
fn damaged_tables_are_refused_or_harmless() {
    assert!(Catalog::from_bytes(b"").is_err());
    assert!(Catalog::from_bytes(b"TTCATL07 and then nothing of use").is_err());
    let mut bytes = b"TTCATL07".to_vec();
    for word in [7_u32, 2, 2, u32::MAX, u32::MAX] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([0, 0]);
    let catalog = Catalog::from_bytes(bytes.leak()).unwrap();
    assert_eq!(catalog.operation("s3.amazonaws.com", "GetObject").actions().count(), 0);
}

#[test]
fn what_a_deployment_does_can_be_taken_back() {
    let catalog = Catalog::embedded();
    let rule = catalog.undoing().find(|rule| rule.via() == "cloudformation.amazonaws.com").unwrap();
    for (does, undoes) in [
        ("dynamodb:CreateTable", vec!["dynamodb:DeleteTable"]),
        ("iam:AttachRolePolicy", vec!["iam:DetachRolePolicy"]),
        ("cloudwatch:PutDashboard", vec!["cloudwatch:DeleteDashboards"]),
        ("ec2:RunInstances", vec!["ec2:TerminateInstances"]),
        ("kms:CreateKey", vec!["kms:ScheduleKeyDeletion"]),
        ("events:PutTargets", vec!["events:RemoveTargets"]),
        ("dynamodb:DescribeTable", vec![]),
        ("dynamodb:DeleteTable", vec![]),
    ] {
        assert_eq!(rule.of(does), undoes, "{does}");
    }
}

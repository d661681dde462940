//! EC2, Lambda and CloudWatch Logs.

use super::Place;
use crate::trail::event::Call;
use crate::trail::json::{Object, array};

const EC2: &str = "ec2.amazonaws.com";
const LAMBDA: &str = "lambda.amazonaws.com";
const LOGS: &str = "logs.amazonaws.com";

/// Describes instances, which takes no resource.
pub fn describe_instances() -> Call {
    Call::new(EC2, "DescribeInstances")
        .parameters(
            Object::new().object("instancesSet", Object::new()).object("filterSet", Object::new()),
        )
        .need("ec2:DescribeInstances", "*")
}

/// Describes the tags of an instance, as start-up scripts do.
pub fn describe_tags(instance: &str) -> Call {
    let filter = format!(
        "{{\"items\":[{{\"name\":\"resource-id\",\"valueSet\":{{\"items\":[{{\"value\":\"{instance}\"}}]}}}}]}}"
    );
    Call::new(EC2, "DescribeTags")
        .parameters(Object::new().raw("filterSet", &filter))
        .need("ec2:DescribeTags", "*")
}

/// What an instance is launched with.
#[derive(Clone, Debug)]
pub struct Launch<'a> {
    /// `ami-…`.
    pub image: &'a str,
    /// `subnet-…`.
    pub subnet: &'a str,
    /// `sg-…`.
    pub group: &'a str,
    /// `i-…`, which the call makes.
    pub instance: &'a str,
    /// The role behind the instance profile, by ARN, and the profile by name.
    pub profile: Option<(&'a str, &'a str)>,
}

/// Launches one instance: one event, one permission for every kind of thing it touches.
pub fn run_instances(place: Place<'_>, launch: &Launch<'_>) -> Call {
    let item =
        Object::new().text("imageId", launch.image).number("minCount", 1).number("maxCount", 1);
    let group = Object::new().text("groupId", launch.group);
    let mut parameters = Object::new()
        .object("instancesSet", Object::new().raw("items", &array(&[item.end()])))
        .text("instanceType", "t4g.small")
        .object("blockDeviceMapping", Object::new())
        .object("monitoring", Object::new().flag("enabled", false))
        .text("subnetId", launch.subnet)
        .object("groupSet", Object::new().raw("items", &array(&[group.end()])));
    if let Some((_, profile)) = launch.profile {
        parameters = parameters.object("iamInstanceProfile", Object::new().text("name", profile));
    }
    let made = Object::new()
        .text("instanceId", launch.instance)
        .text("imageId", launch.image)
        .object("instanceState", Object::new().number("code", 0).text("name", "pending"))
        .text("subnetId", launch.subnet)
        .text("instanceType", "t4g.small");
    let response = Object::new()
        .text("ownerId", &place.account.id)
        .object("instancesSet", Object::new().raw("items", &array(&[made.end()])));
    let partition = place.account.partition;
    let mut call = Call::new(EC2, "RunInstances")
        .writes()
        .parameters(parameters)
        .response(response)
        .need("ec2:RunInstances", &place.arn("ec2", "instance/*"))
        .need(
            "ec2:RunInstances",
            &format!("arn:{partition}:ec2:{}::image/{}", place.region, launch.image),
        )
        .need("ec2:RunInstances", &place.arn("ec2", "network-interface/*"))
        .need("ec2:RunInstances", &place.arn("ec2", &format!("security-group/{}", launch.group)))
        .need("ec2:RunInstances", &place.arn("ec2", &format!("subnet/{}", launch.subnet)))
        .need("ec2:RunInstances", &place.arn("ec2", "volume/*"));
    if let Some((role, _)) = launch.profile {
        call = call.need("iam:PassRole", role);
    }
    call
}

/// Ends an instance.
pub fn terminate_instances(place: Place<'_>, instance: &str) -> Call {
    let item = Object::new().text("instanceId", instance);
    Call::new(EC2, "TerminateInstances")
        .writes()
        .parameters(
            Object::new().object("instancesSet", Object::new().raw("items", &array(&[item.end()]))),
        )
        .need("ec2:TerminateInstances", &place.arn("ec2", &format!("instance/{instance}")))
}

fn function_call(
    place: Place<'_>,
    name: &'static str,
    action: &'static str,
    function: &str,
) -> Call {
    Call::new(LAMBDA, name)
        .parameters(Object::new().text("functionName", function))
        .need(action, &place.arn("lambda", &format!("function:{function}")))
}

/// Reads a function; the event carries the API's date.
pub fn get_function(place: Place<'_>, function: &str) -> Call {
    function_call(place, "GetFunction20150331v2", "lambda:GetFunction", function)
}

/// Replaces a function's code; the event carries the API's date.
pub fn update_function_code(place: Place<'_>, function: &str, bucket: &str, key: &str) -> Call {
    let arn = place.arn("lambda", &format!("function:{function}"));
    function_call(place, "UpdateFunctionCode20150331v2", "lambda:UpdateFunctionCode", function)
        .writes()
        .parameters(
            Object::new()
                .text("functionName", function)
                .text("s3Bucket", bucket)
                .text("s3Key", key)
                .flag("publish", false)
                .flag("dryRun", false),
        )
        .response(Object::new().text("functionName", function).text("functionArn", &arn))
}

/// Creates a function, which hands it a role without any event that says so.
pub fn create_function(place: Place<'_>, function: &str, role: &str) -> Call {
    let arn = place.arn("lambda", &format!("function:{function}"));
    function_call(place, "CreateFunction20150331", "lambda:CreateFunction", function)
        .writes()
        .parameters(
            Object::new()
                .text("functionName", function)
                .text("runtime", "nodejs22.x")
                .text("role", role)
                .text("handler", "index.handler")
                .object("code", Object::new()),
        )
        .response(Object::new().text("functionName", function).text("functionArn", &arn))
        .need("iam:PassRole", role)
}

/// Calls a function: a data event.
pub fn invoke(place: Place<'_>, function: &str) -> Call {
    let arn = place.arn("lambda", &format!("function:{function}"));
    function_call(place, "Invoke", "lambda:InvokeFunction", function)
        .data()
        .writes()
        .parameters(
            Object::new()
                .text("functionName", &arn)
                .text("invocationType", "RequestResponse")
                .text("sourceArn", &arn),
        )
        .resource("AWS::Lambda::Function", &arn, place.id())
}

/// Opens a log stream in a group.
pub fn create_log_stream(place: Place<'_>, group: &str, stream: &str) -> Call {
    let arn = place.arn("logs", &format!("log-group:{group}:log-stream:{stream}"));
    Call::new(LOGS, "CreateLogStream")
        .version("20140328")
        .writes()
        .parameters(Object::new().text("logGroupName", group).text("logStreamName", stream))
        .need("logs:CreateLogStream", &arn)
}

/// Creates a log group.
pub fn create_log_group(place: Place<'_>, group: &str) -> Call {
    Call::new(LOGS, "CreateLogGroup")
        .version("20140328")
        .writes()
        .parameters(Object::new().text("logGroupName", group))
        .need("logs:CreateLogGroup", &place.arn("logs", &format!("log-group:{group}")))
}

/// Describes the groups under a prefix, which is not checked: the action takes no resource.
pub fn describe_log_groups(prefix: &str) -> Call {
    Call::new(LOGS, "DescribeLogGroups")
        .version("20140328")
        .parameters(Object::new().text("logGroupNamePrefix", prefix))
        .need("logs:DescribeLogGroups", "*")
}

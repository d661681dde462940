//! What a pipeline does: CloudFormation and ECR.

use super::Place;
use crate::trail::event::Call;
use crate::trail::json::Object;

const CLOUDFORMATION: &str = "cloudformation.amazonaws.com";
const ECR: &str = "ecr.amazonaws.com";

/// A stack: its name, and the UUID that its ARN ends in.
#[derive(Clone, Copy, Debug)]
pub struct Stack<'a> {
    /// The name.
    pub name: &'a str,
    /// The UUID, new each time the stack is made.
    pub uuid: &'a str,
}

impl Stack<'_> {
    fn arn(&self, place: Place<'_>) -> String {
        place.arn("cloudformation", &format!("stack/{}/{}", self.name, self.uuid))
    }

    /// The UUID changes with the next stack of the name, so a policy names any.
    fn need(&self, place: Place<'_>) -> String {
        place.arn("cloudformation", &format!("stack/{}/*", self.name))
    }
}

/// Describes a stack by name.
pub fn describe_stacks(place: Place<'_>, stack: Stack<'_>) -> Call {
    Call::new(CLOUDFORMATION, "DescribeStacks")
        .version("2010-05-15")
        .parameters(Object::new().text("stackName", stack.name))
        .need("cloudformation:DescribeStacks", &stack.need(place))
}

/// Plans a change; a role for CloudFormation, if given, is passed to it.
pub fn create_change_set(
    place: Place<'_>,
    stack: Stack<'_>,
    change: &str,
    role: Option<&str>,
) -> Call {
    let id = place.arn("cloudformation", &format!("changeSet/{change}/{}", stack.uuid));
    let call = Call::new(CLOUDFORMATION, "CreateChangeSet")
        .version("2010-05-15")
        .writes()
        .parameters(
            Object::new()
                .text("stackName", stack.name)
                .text("changeSetName", change)
                .text("changeSetType", "UPDATE")
                .text_if("roleARN", role)
                .texts("capabilities", &["CAPABILITY_IAM"]),
        )
        .response(Object::new().text("id", &id).text("stackId", &stack.arn(place)))
        .need("cloudformation:CreateChangeSet", &stack.need(place));
    match role {
        Some(role) => call.need("iam:PassRole", role),
        None => call,
    }
}

/// Carries a change out.
pub fn execute_change_set(place: Place<'_>, stack: Stack<'_>, change: &str) -> Call {
    Call::new(CLOUDFORMATION, "ExecuteChangeSet")
        .version("2010-05-15")
        .writes()
        .parameters(Object::new().text("changeSetName", change).text("stackName", stack.name))
        .need("cloudformation:ExecuteChangeSet", &stack.need(place))
}

/// Fetches a token for the registry, which takes no resource.
pub fn get_authorization_token() -> Call {
    Call::new(ECR, "GetAuthorizationToken").need("ecr:GetAuthorizationToken", "*")
}

/// Puts an image's manifest.
pub fn put_image(place: Place<'_>, repository: &str, tag: &str) -> Call {
    let arn = place.arn("ecr", &format!("repository/{repository}"));
    Call::new(ECR, "PutImage")
        .writes()
        .parameters(
            Object::new()
                .text("registryId", &place.account.id)
                .text("repositoryName", repository)
                .text("imageTag", tag)
                .text("imageManifest", "{}"),
        )
        .resource("", &arn, place.id())
        .need("ecr:PutImage", &arn)
}

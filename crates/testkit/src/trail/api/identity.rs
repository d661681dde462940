//! STS and IAM.

use super::Place;
use crate::trail::event::Call;
use crate::trail::identity::{Role, Session};
use crate::trail::json::Object;

const STS: &str = "sts.amazonaws.com";
const IAM: &str = "iam.amazonaws.com";

fn credentials(session: &Session) -> Object {
    let arn = session.role.account.arn(
        "sts",
        "",
        &format!("assumed-role/{}/{}", session.role.name, session.name),
    );
    let issued = Object::new()
        .text("accessKeyId", &session.access_key)
        // A live token in a real log; readers must never repeat it.
        .text("sessionToken", "EXAMPLE-TOKEN-THAT-NO-OUTPUT-MAY-SHOW")
        .text("expiration", "Mar 2, 2026, 11:15:00 AM");
    let user = Object::new()
        .text("assumedRoleId", &format!("{}:{}", session.role.id, session.name))
        .text("arn", &arn);
    Object::new().object("credentials", issued).object("assumedRoleUser", user)
}

/// Takes on a role.
pub fn assume_role(session: &Session) -> Call {
    let arn = session.role.arn();
    Call::new(STS, "AssumeRole")
        .parameters(
            Object::new()
                .text("roleArn", &arn)
                .text("roleSessionName", &session.name)
                .number("durationSeconds", 3600),
        )
        .response(credentials(session))
        .resource("AWS::IAM::Role", &arn, Some(&session.role.account.id))
        .need("sts:AssumeRole", &arn)
}

/// Takes on a role with a web identity token, for which nobody needs an identity policy.
pub fn assume_role_with_web_identity(session: &Session, provider: &str) -> Call {
    let arn = session.role.arn();
    Call::new(STS, "AssumeRoleWithWebIdentity")
        .parameters(Object::new().text("roleArn", &arn).text("roleSessionName", &session.name))
        .response(credentials(session).text("provider", provider))
        .resource("AWS::IAM::Role", &arn, Some(&session.role.account.id))
}

/// Asks who one is, which needs no permission.
pub fn get_caller_identity() -> Call {
    Call::new(STS, "GetCallerIdentity")
}

/// Reads a role.
pub fn get_role(role: &Role) -> Call {
    Call::new(IAM, "GetRole")
        .parameters(Object::new().text("roleName", &role.name))
        .need("iam:GetRole", &role.arn())
}

/// Lists the roles.
pub fn list_roles(place: Place<'_>) -> Call {
    Call::new(IAM, "ListRoles")
        .parameters(Object::new().number("maxItems", 1000))
        .need("iam:ListRoles", &place.account.arn("iam", "", "role/*"))
}

/// Lists the users.
pub fn list_users(place: Place<'_>) -> Call {
    Call::new(IAM, "ListUsers").need("iam:ListUsers", &place.account.arn("iam", "", "user/*"))
}

/// Creates a role.
pub fn create_role(role: &Role, service: &str) -> Call {
    let trust = format!(
        "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\
         \"Principal\":{{\"Service\":\"{service}\"}},\"Action\":\"sts:AssumeRole\"}}]}}"
    );
    let made = Object::new()
        .text("path", &role.path)
        .text("roleName", &role.name)
        .text("roleId", &role.id)
        .text("arn", &role.arn());
    Call::new(IAM, "CreateRole")
        .writes()
        .parameters(
            Object::new()
                .text("roleName", &role.name)
                .text("path", &role.path)
                .text("assumeRolePolicyDocument", &trust),
        )
        .response(Object::new().object("role", made))
        .need("iam:CreateRole", &role.arn())
}

/// Creates an access key for a user.
pub fn create_access_key(place: Place<'_>, user: &str) -> Call {
    Call::new(IAM, "CreateAccessKey")
        .writes()
        .parameters(Object::new().text("userName", user))
        .need("iam:CreateAccessKey", &place.account.arn("iam", "", &format!("user/{user}")))
}

/// Attaches a managed policy to a user.
pub fn attach_user_policy(place: Place<'_>, user: &str, policy: &str) -> Call {
    Call::new(IAM, "AttachUserPolicy")
        .writes()
        .parameters(Object::new().text("userName", user).text("policyArn", policy))
        .need("iam:AttachUserPolicy", &place.account.arn("iam", "", &format!("user/{user}")))
}

//! Who makes the calls, and how CloudTrail writes them down.
//!
//! Each identity knows the ARN of the principal whose policies are asked
//! ([`Identity::principal`]): for sessions that is the role *with its path*,
//! which the session's own ARN has lost.

use super::clock::{Seconds, iso};
use super::json::Object;

/// An AWS account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: &'static str,
}

impl Account {
    /// Returns an account of the commercial partition.
    pub fn new(id: &str) -> Self {
        Self { id: id.to_owned(), partition: "aws" }
    }

    /// Returns an ARN of this account.
    pub fn arn(&self, service: &str, region: &str, rest: &str) -> String {
        format!("arn:{}:{service}:{region}:{}:{rest}", self.partition, self.id)
    }
}

/// A role, apart from its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The account that owns it.
    pub account: Account,
    /// `/` or `/some/path/`.
    pub path: String,
    /// The name, without the path.
    pub name: String,
    /// `AROA…`, new each time a role of the name is created.
    pub id: String,
}

impl Role {
    /// Returns the ARN, with the path.
    pub fn arn(&self) -> String {
        self.account.arn("iam", "", &format!("role{}{}", self.path, self.name))
    }
}

/// How a role session came by its credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `sts:AssumeRole` by a person or another role.
    Assumed,
    /// A Lambda function of this ARN.
    Function(String),
    /// An instance of this ARN, through its instance profile.
    Instance(String),
    /// `sts:AssumeRoleWithWebIdentity` through this identity provider.
    Web(String),
    /// An AWS service that holds a service role or a service-linked one.
    Service(&'static str),
}

/// A session of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The role.
    pub role: Role,
    /// The session name, chosen by the caller.
    pub name: String,
    /// `ASIA…`.
    pub access_key: String,
    /// When the credentials were issued.
    pub opened: Seconds,
    /// How.
    pub origin: Origin,
}

/// An IAM user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The account that owns it.
    pub account: Account,
    /// `/` or `/some/path/`.
    pub path: String,
    /// The name, without the path.
    pub name: String,
    /// `AIDA…`.
    pub id: String,
    /// `AKIA…`, or `ASIA…` for a console session.
    pub access_key: String,
}

impl User {
    /// Returns the ARN, with the path.
    pub fn arn(&self) -> String {
        self.account.arn("iam", "", &format!("user{}{}", self.path, self.name))
    }
}

/// Whoever made a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A session of a role.
    Session(Session),
    /// An IAM user.
    User(User),
    /// A user that carries a session of its own (`sts:GetSessionToken`, the console).
    UserSession(User, Seconds),
    /// A federated user (`sts:GetFederationToken`) of this name, and who issued it.
    Federated(User, String),
    /// The root user.
    Root(Account),
    /// An AWS service in its own name.
    Service(&'static str),
    /// A caller from another account, as the owner of the resource sees it:
    /// the account, and the unique id with the session name.
    Foreign(Account, String),
    /// The bearer of a web identity token: provider ARN, user name.
    WebIdentity(String, String),
    /// Nobody: an AWS service acted without any request.
    Nobody(Account),
}

impl Identity {
    /// Returns the ARN of the principal whose identity policies must allow the call.
    ///
    /// `None` for all who have none that a customer could write.
    pub fn principal(&self) -> Option<String> {
        match self {
            Self::Session(session) if session.role.path.starts_with("/aws-service-role/") => None,
            Self::Session(session) => Some(session.role.arn()),
            Self::User(user) | Self::UserSession(user, _) | Self::Federated(user, _) => {
                Some(user.arn())
            }
            Self::Root(_)
            | Self::Service(_)
            | Self::Foreign(..)
            | Self::WebIdentity(..)
            | Self::Nobody(_) => None,
        }
    }

    /// Returns the caller's own account, where it has one.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Self::Session(session) => Some(&session.role.account),
            Self::User(user) | Self::UserSession(user, _) | Self::Federated(user, _) => {
                Some(&user.account)
            }
            Self::Root(account) | Self::Foreign(account, _) | Self::Nobody(account) => {
                Some(account)
            }
            Self::Service(_) | Self::WebIdentity(..) => None,
        }
    }

    /// Returns the ARN of the caller as `userIdentity.arn` and error messages show it.
    pub fn caller(&self) -> Option<String> {
        match self {
            Self::Session(session) => Some(session.role.account.arn(
                "sts",
                "",
                &format!("assumed-role/{}/{}", session.role.name, session.name),
            )),
            Self::User(user) | Self::UserSession(user, _) => Some(user.arn()),
            Self::Federated(user, name) => {
                Some(user.account.arn("sts", "", &format!("federated-user/{name}")))
            }
            Self::Root(account) => Some(account.arn("iam", "", "root")),
            Self::Service(_) | Self::Foreign(..) | Self::WebIdentity(..) | Self::Nobody(_) => None,
        }
    }

    /// Appends `userIdentity`; `invoked_by` is the service that called on the principal's behalf.
    pub fn write(&self, invoked_by: Option<&str>, out: &mut String) {
        let object = Object::onto(std::mem::take(out));
        let object = match self {
            Self::Session(session) => self.session(object, session),
            Self::User(user) => self.user(object, user),
            Self::UserSession(user, opened) => {
                let context = Object::new()
                    .object("sessionIssuer", Object::new())
                    .object("webIdFederationData", Object::new())
                    .object("attributes", attributes(*opened, true));
                self.user(object, user).object("sessionContext", context)
            }
            Self::Federated(user, name) => {
                let issuer = Object::new()
                    .text("type", "IAMUser")
                    .text("principalId", &user.id)
                    .text("arn", &user.arn())
                    .text("accountId", &user.account.id)
                    .text("userName", &user.name);
                let context = Object::new().object("sessionIssuer", issuer);
                object
                    .text("type", "FederatedUser")
                    .text("principalId", &format!("{}:{name}", user.account.id))
                    .text_if("arn", self.caller().as_deref())
                    .text("accountId", &user.account.id)
                    .text("accessKeyId", &user.access_key)
                    .object("sessionContext", context)
            }
            Self::Root(account) => object
                .text("type", "Root")
                .text("principalId", &account.id)
                .text_if("arn", self.caller().as_deref())
                .text("accountId", &account.id)
                .text("accessKeyId", ""),
            Self::Service(host) => object.text("type", "AWSService").text("invokedBy", host),
            Self::Foreign(account, id) => object
                .text("type", "AWSAccount")
                .text("principalId", id)
                .text("accountId", &account.id),
            Self::WebIdentity(provider, name) => object
                .text("type", "WebIdentityUser")
                .text("principalId", &format!("{provider}:sts.amazonaws.com:{name}"))
                .text("userName", name)
                .text("identityProvider", provider),
            Self::Nobody(account) => object.text("accountId", &account.id),
        };
        let object = match self {
            Self::Service(_) => object,
            Self::Nobody(_) => object.text("invokedBy", invoked_by.unwrap_or("AWS Internal")),
            _ => object.text_if("invokedBy", invoked_by),
        };
        *out = object.end();
    }

    fn user(&self, object: Object, user: &User) -> Object {
        object
            .text("type", "IAMUser")
            .text("principalId", &user.id)
            .text("arn", &user.arn())
            .text("accountId", &user.account.id)
            .text("accessKeyId", &user.access_key)
            .text("userName", &user.name)
    }

    fn session(&self, object: Object, session: &Session) -> Object {
        let role = &session.role;
        let issuer = Object::new()
            .text("type", "Role")
            .text("principalId", &role.id)
            .text("arn", &role.arn())
            .text("accountId", &role.account.id)
            .text("userName", &role.name);
        let mut context = Object::new().object("sessionIssuer", issuer);
        if let Origin::Web(provider) = &session.origin {
            let web = Object::new()
                .text("federatedProvider", provider)
                .object("attributes", Object::new());
            context = context.object("webIdFederationData", web);
        }
        context = context.object("attributes", attributes(session.opened, false));
        if matches!(session.origin, Origin::Instance(_)) {
            context = context.text("ec2RoleDelivery", "2.0");
        }
        let object = object
            .text("type", "AssumedRole")
            .text("principalId", &format!("{}:{}", role.id, session.name))
            .text_if("arn", self.caller().as_deref())
            .text("accountId", &role.account.id)
            .text("accessKeyId", &session.access_key)
            .object("sessionContext", context);
        let scope = match &session.origin {
            Origin::Function(arn) => Some(("AWS::Lambda::Function", arn)),
            Origin::Instance(arn) => Some(("AWS::EC2::Instance", arn)),
            Origin::Assumed | Origin::Web(_) | Origin::Service(_) => None,
        };
        match scope {
            None => object,
            Some((kind, arn)) => object.object(
                "inScopeOf",
                Object::new().text("issuerType", kind).text("credentialsIssuedTo", arn),
            ),
        }
    }
}

fn attributes(opened: Seconds, mfa: bool) -> Object {
    // CloudTrail spells this boolean as a string.
    Object::new()
        .text("creationDate", &iso(opened))
        .text("mfaAuthenticated", if mfa { "true" } else { "false" })
}

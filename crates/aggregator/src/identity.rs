//! Attribution: whose policy a call needs, from `userIdentity` alone.
//!
//! The surprising parts. An assumed-role ARN has lost the role's path and cannot
//! be mapped back; the session issuer has it. A federated user is judged by the
//! user who asked for the session. A call made by a service with the caller's
//! credentials (`invokedBy`) is authorized against the caller, so it stays with
//! the caller. Root, service-linked roles and service principals have no policy
//! that anyone here could edit: they are listed, never given one.
//!
//! Source: AWS CloudTrail user guide, "CloudTrail userIdentity element".

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer};
use trailtrim_ingest::Json;

/// Whose policy decides about calls: the role or user, by ARN and by the unique
/// id (`AROA…`, `AIDA…`) that tells a recreated one from its namesake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PrincipalKey {
    /// The ARN of the role or user; for a role of which only a session was
    /// seen, the assumed-role ARN without its session name.
    pub arn: Box<str>,
    /// The unique id, where the record has it.
    pub id: Option<Box<str>>,
}

/// Why a caller never gets a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The account's root user: only organization policies bind it.
    Root,
    /// A service-linked role: its policies are AWS's.
    ServiceLinkedRole,
    /// An AWS service with its own credentials.
    ServicePrincipal,
    /// Credentials of AWS's own infrastructure, such as `role/aws:ec2-infrastructure`.
    AwsInternalRole,
    /// A caller of another account, seen from the resource owner's side.
    OtherAccount,
    /// Nobody signed the request.
    Anonymous,
    /// `AssumeRoleWithSAML` or `AssumeRoleWithWebIdentity`: the trust policy decides.
    FederatedSignIn,
    /// A bearer-token call of an Identity Center user.
    IdentityCenterUser,
    /// The record does not say who called.
    Unidentified,
}

/// Tells whether the ARN of a role is that of a service-linked one: AWS keeps this path for them.
///
/// Source: IAM User Guide, "Create a service-linked role".
pub fn is_service_linked(arn: &str) -> bool {
    arn.contains(":role/aws-service-role/")
}

impl Reason {
    /// Every reason.
    pub(crate) const ALL: [Reason; 9] = [
        Reason::Root,
        Reason::ServiceLinkedRole,
        Reason::ServicePrincipal,
        Reason::AwsInternalRole,
        Reason::OtherAccount,
        Reason::Anonymous,
        Reason::FederatedSignIn,
        Reason::IdentityCenterUser,
        Reason::Unidentified,
    ];

    /// Returns the stable code of the reason.
    pub fn code(self) -> &'static str {
        match self {
            Reason::Root => "root",
            Reason::ServiceLinkedRole => "service-linked-role",
            Reason::ServicePrincipal => "service-principal",
            Reason::AwsInternalRole => "aws-internal-role",
            Reason::OtherAccount => "other-account",
            Reason::Anonymous => "anonymous",
            Reason::FederatedSignIn => "federated-sign-in",
            Reason::IdentityCenterUser => "identity-center-user",
            Reason::Unidentified => "unidentified",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Who made a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A role or user whose policies decide.
    Principal(PrincipalKey),
    /// Anyone else.
    Outside(Outsider),
}

/// A caller that never gets a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outsider {
    /// Why.
    pub reason: Reason,
    /// ARN, service name or account: what names the caller best without
    /// growing with the number of sessions.
    pub identity: Box<str>,
}

/// The parts of `userIdentity` that attribution reads. The aliases are what
/// table exports (Athena) make of the names.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct UserIdentity<'a> {
    #[serde(borrow, deserialize_with = "text", rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "text", alias = "principalid")]
    principal_id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "text")]
    arn: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "text", alias = "accountid")]
    account_id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "text", alias = "username")]
    user_name: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "text", alias = "invokedby")]
    invoked_by: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "sessioncontext")]
    session_context: Option<SessionContext<'a>>,
    #[serde(borrow, alias = "inscopeof")]
    in_scope_of: Option<InScopeOf<'a>>,
}

/// To which function or instance AWS issued the credentials.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct InScopeOf<'a> {
    #[serde(borrow, deserialize_with = "text", alias = "credentialsissuedto")]
    credentials_issued_to: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "text", alias = "sourcearn")]
    source_arn: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SessionContext<'a> {
    #[serde(borrow, alias = "sessionissuer")]
    session_issuer: Option<SessionIssuer<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SessionIssuer<'a> {
    #[serde(borrow, deserialize_with = "text", rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "text", alias = "principalid")]
    principal_id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "text")]
    arn: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "text", alias = "accountid")]
    account_id: Option<Cow<'a, str>>,
}

/// A text of the log's, where it has no escapes. An option of one would not be asked to borrow.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn text<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Cow<'a, str>>, D::Error> {
    Ok(Option::<Text<'a>>::deserialize(deserializer)?.map(|Text(text)| text))
}

fn given<'t>(text: &'t Option<Cow<'_, str>>) -> Option<&'t str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// Returns a member's text; a number's digits are taken for it, of a repeated key the first.
pub(crate) fn text_of(json: Option<&Json<'_>>, name: &str) -> Option<Cow<'static, str>> {
    let (_, value) = json?.members().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    let number =
        value.text().bytes().all(|byte| byte.is_ascii_digit()).then(|| value.text().into());
    let text = value.as_text().map(|text| Cow::Owned(text.into_owned()));
    text.or_else(|| number.map(Cow::Owned))
}

pub(crate) fn object_of<'j>(json: Option<&'j Json<'_>>, name: &str) -> Option<Json<'j>> {
    let found = json?.members().find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value).filter(Json::is_object)
}

impl<'a> UserIdentity<'a> {
    /// Reads `userIdentity`. One malformed piece of it must not cost the caller: where it does not
    /// have its usual shape, each piece is taken by itself.
    pub(crate) fn read(json: &'a Json<'_>) -> UserIdentity<'a> {
        json.deserialize().unwrap_or_else(|_| UserIdentity::piecemeal(json))
    }

    fn piecemeal(json: &Json<'_>) -> UserIdentity<'static> {
        let own = Some(json);
        let context = object_of(own, "sessionContext");
        let issuer = object_of(context.as_ref(), "sessionIssuer");
        let scope = object_of(own, "inScopeOf");
        UserIdentity {
            kind: text_of(own, "type"),
            principal_id: text_of(own, "principalId"),
            arn: text_of(own, "arn"),
            account_id: text_of(own, "accountId"),
            user_name: text_of(own, "userName"),
            invoked_by: text_of(own, "invokedBy"),
            session_context: issuer.as_ref().map(|issuer| SessionContext {
                session_issuer: Some(SessionIssuer {
                    kind: text_of(Some(issuer), "type"),
                    principal_id: text_of(Some(issuer), "principalId"),
                    arn: text_of(Some(issuer), "arn"),
                    account_id: text_of(Some(issuer), "accountId"),
                }),
            }),
            in_scope_of: scope.as_ref().map(|scope| InScopeOf {
                credentials_issued_to: text_of(Some(scope), "credentialsIssuedTo"),
                source_arn: text_of(Some(scope), "sourceArn"),
            }),
        }
    }
}

impl UserIdentity<'_> {
    /// Returns the account of the caller, as 12 digits where it is known.
    pub(crate) fn account(&self) -> Option<&str> {
        given(&self.account_id)
            .or_else(|| given(&self.issuer()?.account_id))
            .or_else(|| account_of(given(&self.arn)?))
    }

    /// Returns the service that made the call with the caller's credentials.
    pub(crate) fn invoked_by(&self) -> Option<&str> {
        given(&self.invoked_by)
    }

    /// Returns the ARN of the function or instance that credentials were issued to.
    pub(crate) fn scope(&self) -> Option<&str> {
        let scope = self.in_scope_of.as_ref()?;
        given(&scope.credentials_issued_to).or_else(|| given(&scope.source_arn))
    }

    /// Returns the session name, which whoever opened the session chose.
    pub(crate) fn session(&self) -> Option<&str> {
        let arn = given(&self.arn).unwrap_or_default();
        let name = match arn.split_once(":assumed-role/") {
            Some((_, tail)) => tail.split_once('/').map(|(_, session)| session),
            None => arn.split_once(":federated-user/").map(|(_, name)| name),
        };
        // `AROA…:session` has it too.
        let id = given(&self.principal_id).filter(|id| id.starts_with("AROA"));
        name.or_else(|| Some(id?.split_once(':')?.1)).filter(|name| !name.is_empty())
    }

    fn issuer(&self) -> Option<&SessionIssuer<'_>> {
        self.session_context.as_ref()?.session_issuer.as_ref()
    }

    /// Decides whose policy the call needs.
    pub(crate) fn caller(&self) -> Caller {
        let arn = given(&self.arn);
        match given(&self.kind).unwrap_or_default() {
            "Root" => self.outside(Reason::Root),
            // A session's ARN under a user's type: the ARN says more than the type.
            "IAMUser" if arn.is_some_and(|arn| arn.contains(":assumed-role/")) => self.role(),
            "IAMUser" => match (arn, given(&self.user_name), self.account()) {
                (Some(arn), ..) => principal(arn, given(&self.principal_id)),
                // The path is not known: the name alone is what the record has.
                (None, Some(name), Some(account)) => principal(
                    &format!("arn:aws:iam::{account}:user/{name}"),
                    given(&self.principal_id),
                ),
                _ => self.outside(Reason::Unidentified),
            },
            "AssumedRole" | "Role" => self.role(),
            "FederatedUser" => match self.issuer() {
                Some(issuer) if given(&issuer.kind) == Some("Root") => self.outside(Reason::Root),
                Some(issuer) => match given(&issuer.arn) {
                    Some(arn) if arn.ends_with(":root") => self.outside(Reason::Root),
                    Some(arn) => principal(arn, given(&issuer.principal_id)),
                    None => self.outside(Reason::Unidentified),
                },
                None => self.outside(Reason::Unidentified),
            },
            "SAMLUser" | "WebIdentityUser" => self.outside(Reason::FederatedSignIn),
            "AWSAccount"
                if matches!(
                    given(&self.account_id),
                    None | Some("anonymous" | "ANONYMOUS_PRINCIPAL")
                ) =>
            {
                self.outside(Reason::Anonymous)
            }
            "AWSAccount" => self.outside(Reason::OtherAccount),
            "AWSService" => self.outside(Reason::ServicePrincipal),
            "IdentityCenterUser" => self.outside(Reason::IdentityCenterUser),
            _ if arn.is_none() && self.invoked_by().is_some() => {
                self.outside(Reason::ServicePrincipal)
            }
            _ => self.outside(Reason::Unidentified),
        }
    }

    fn role(&self) -> Caller {
        let issuer = self.issuer();
        let session = given(&self.arn);
        let issuer_arn = issuer.and_then(|issuer| given(&issuer.arn));
        let id = issuer
            .and_then(|issuer| given(&issuer.principal_id))
            // `AROA…:session` begins with the role's id.
            .or_else(|| given(&self.principal_id)?.split(':').next());
        let arn = match (issuer_arn, session) {
            (Some(arn), _) | (None, Some(arn)) => without_session(arn),
            (None, None) => return self.outside(Reason::Unidentified),
        };
        if arn.ends_with(":root") {
            return self.outside(Reason::Root);
        }
        // Without the issuer only the name is left, whose beginning AWS keeps for these.
        if is_service_linked(&arn) || arn.contains(":assumed-role/AWSServiceRoleFor") {
            return outside(Reason::ServiceLinkedRole, &arn);
        }
        // `arn:aws:iam::A:role/aws:ec2-infrastructure` and its kin are not IAM roles.
        if arn.contains(":role/aws:") || arn.contains(":assumed-role/aws:") {
            return outside(Reason::AwsInternalRole, &arn);
        }
        principal(&arn, id)
    }

    fn outside(&self, reason: Reason) -> Caller {
        let identity = match reason {
            Reason::Root => match (self.account(), given(&self.arn)) {
                (_, Some(arn)) if arn.ends_with(":root") => Cow::Borrowed(arn),
                (Some(account), _) => Cow::Owned(format!("arn:aws:iam::{account}:root")),
                (None, _) => Cow::Borrowed("root"),
            },
            Reason::ServicePrincipal => {
                Cow::Borrowed(self.invoked_by().unwrap_or("an AWS service"))
            }
            Reason::Anonymous => Cow::Borrowed("anonymous"),
            Reason::OtherAccount | Reason::IdentityCenterUser => {
                Cow::Borrowed(self.account().unwrap_or("unknown account"))
            }
            // The principal id of a sign-in is `provider:audience:subject`; subjects are unbounded.
            Reason::FederatedSignIn => Cow::Borrowed(
                given(&self.principal_id)
                    .and_then(|id| id.split(':').next())
                    .unwrap_or("unknown provider"),
            ),
            _ => Cow::Borrowed(given(&self.kind).unwrap_or("no type")),
        };
        outside(reason, &identity)
    }
}

fn principal(arn: &str, id: Option<&str>) -> Caller {
    Caller::Principal(PrincipalKey { arn: arn.into(), id: id.map(Into::into) })
}

fn outside(reason: Reason, identity: &str) -> Caller {
    Caller::Outside(Outsider { reason, identity: identity.into() })
}

/// Returns `arn:…:assumed-role/Name` for `arn:…:assumed-role/Name/Session`; any
/// other ARN as it is.
fn without_session(arn: &str) -> Cow<'_, str> {
    match arn.split_once(":assumed-role/") {
        Some((head, tail)) => match tail.split_once('/') {
            Some((name, _)) => Cow::Owned(format!("{head}:assumed-role/{name}")),
            None => Cow::Borrowed(arn),
        },
        None => Cow::Borrowed(arn),
    }
}

/// Returns the account field of an ARN, unless it is empty.
pub(crate) fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(json: &str) -> Caller {
        UserIdentity::read(&Json::parse(json).unwrap()).caller()
    }

    fn arn(json: &str) -> String {
        match caller(json) {
            Caller::Principal(key) => key.arn.into(),
            Caller::Outside(outsider) => format!("{}: {}", outsider.reason, outsider.identity),
        }
    }

    #[test]
    fn a_malformed_piece_does_not_cost_the_caller() {
        for json in [
            r#"{"type":"IAMUser","arn":"arn:aws:iam::1:user/jo","accountId":111122223333}"#,
            r#"{"type":"IAMUser","arn":"arn:aws:iam::1:user/jo","arn":"arn:aws:iam::1:user/jo"}"#,
            r#"{"type":"IAMUser","arn":"arn:aws:iam::1:user/jo","sessionContext":"x"}"#,
            r#"{"type":"AssumedRole","accountId":[],"sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::1:user/jo"}}}"#,
        ] {
            assert_eq!(arn(json), "arn:aws:iam::1:user/jo", "{json}");
        }
    }

    #[test]
    fn a_role_is_its_session_issuer_with_path() {
        let json = r#"{"type":"AssumedRole","principalId":"AROAX:job","arn":"arn:aws:sts::111122223333:assumed-role/Name/job",
            "accountId":"111122223333","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAX",
            "arn":"arn:aws:iam::111122223333:role/team/a/Name","accountId":"111122223333","userName":"Name"}}}"#;
        let Caller::Principal(key) = caller(json) else { panic!("not a principal") };
        assert_eq!(
            (&*key.arn, key.id.as_deref()),
            ("arn:aws:iam::111122223333:role/team/a/Name", Some("AROAX"))
        );
    }

    #[test]
    fn a_role_without_issuer_keeps_what_its_session_says() {
        let json = r#"{"type":"AssumedRole","principalId":"AROAX:job","arn":"arn:aws:sts::111122223333:assumed-role/Name/job"}"#;
        let Caller::Principal(key) = caller(json) else { panic!("not a principal") };
        assert_eq!(
            (&*key.arn, key.id.as_deref()),
            ("arn:aws:sts::111122223333:assumed-role/Name", Some("AROAX"))
        );
    }

    #[test]
    fn a_session_arn_under_another_type_is_the_role_all_the_same() {
        let json = r#"{"type":"IAMUser","userName":"bob","arn":"arn:aws:sts::1:assumed-role/Name/bob","accountId":"1"}"#;
        assert_eq!(arn(json), "arn:aws:sts::1:assumed-role/Name");
    }

    #[test]
    fn a_session_has_a_name_and_perhaps_a_scope() {
        for (json, session, scope) in [
            (
                r#"{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/N/job"}"#,
                Some("job"),
                None,
            ),
            (r#"{"type":"AssumedRole","principalId":"AROAX:job"}"#, Some("job"), None),
            (
                r#"{"type":"FederatedUser","arn":"arn:aws:sts::1:federated-user/f"}"#,
                Some("f"),
                None,
            ),
            (
                r#"{"type":"IAMUser","arn":"arn:aws:iam::1:user/jo","principalId":"AIDAX"}"#,
                None,
                None,
            ),
            (
                r#"{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/N/f","inScopeOf":{"issuerType":"AWS::Lambda::Function",
                "credentialsIssuedTo":"arn:aws:lambda:eu-west-1:1:function:f"}}"#,
                Some("f"),
                Some("arn:aws:lambda:eu-west-1:1:function:f"),
            ),
        ] {
            let identity = serde_json::from_str::<UserIdentity<'_>>(json).unwrap();
            assert_eq!((identity.session(), identity.scope()), (session, scope), "{json}");
        }
    }

    #[test]
    fn a_user_with_an_empty_session_issuer_is_still_the_user() {
        let json = r#"{"type":"IAMUser","arn":"arn:aws:iam::1:user/x/jo","sessionContext":{"sessionIssuer":{},"attributes":{}}}"#;
        assert_eq!(arn(json), "arn:aws:iam::1:user/x/jo");
    }

    #[test]
    fn a_federated_user_is_the_user_who_asked() {
        let issuer = |kind: &str, arn: &str| {
            format!(
                r#"{{"type":"FederatedUser","arn":"arn:aws:sts::1:federated-user/f","accountId":"1",
                "sessionContext":{{"sessionIssuer":{{"type":"{kind}","arn":"{arn}"}}}}}}"#
            )
        };
        assert_eq!(arn(&issuer("IAMUser", "arn:aws:iam::1:user/jo")), "arn:aws:iam::1:user/jo");
        assert_eq!(arn(&issuer("Root", "arn:aws:iam::1:root")), "root: arn:aws:iam::1:root");
    }

    #[test]
    fn callers_without_an_editable_policy_are_outside() {
        for (json, expected) in [
            (
                r#"{"type":"Root","arn":"arn:aws:iam::1:root","accountId":"1"}"#,
                "root: arn:aws:iam::1:root",
            ),
            (
                r#"{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}"#,
                "service-principal: lambda.amazonaws.com",
            ),
            (
                r#"{"accountId":"1","invokedBy":"kms.amazonaws.com"}"#,
                "service-principal: kms.amazonaws.com",
            ),
            (
                r#"{"type":"AWSAccount","principalId":"AROAX:s","accountId":"2"}"#,
                "other-account: 2",
            ),
            (
                r#"{"type":"AWSAccount","principalId":"","accountId":"anonymous"}"#,
                "anonymous: anonymous",
            ),
            (
                r#"{"type":"WebIdentityUser","principalId":"token.example.org:aud:sub"}"#,
                "federated-sign-in: token.example.org",
            ),
            (
                r#"{"type":"IdentityCenterUser","accountId":"1","onBehalfOf":{"userId":"u"}}"#,
                "identity-center-user: 1",
            ),
            (r#"{"type":"Unknown","principalId":"x"}"#, "unidentified: Unknown"),
            (r#"{}"#, "unidentified: no type"),
            (
                r#"{"type":"AssumedRole","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::1:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"}}}"#,
                "service-linked-role: arn:aws:iam::1:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS",
            ),
            (
                r#"{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/AWSServiceRoleForRDS/SLRManagement"}"#,
                "service-linked-role: arn:aws:sts::1:assumed-role/AWSServiceRoleForRDS",
            ),
            (
                r#"{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/aws:ec2-infrastructure/i-1","sessionContext":{"sessionIssuer":{"arn":"arn:aws:iam::1:role/aws:ec2-infrastructure"}}}"#,
                "aws-internal-role: arn:aws:iam::1:role/aws:ec2-infrastructure",
            ),
        ] {
            assert_eq!(arn(json), expected, "{json}");
        }
    }
}

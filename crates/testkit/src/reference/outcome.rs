//! What an outcome proves.

use serde_json::Value;

use super::text;

/// What the end of a call says about the permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It succeeded, or a dry run would have.
    Granted,
    /// It failed after it was authorized.
    GrantedWithError,
    /// It was refused.
    Denied,
    /// It failed before anyone looked at policies: throttled, bad credentials.
    NotEvaluated,
    /// It failed, and whether before or after is not documented.
    Unknown,
}

impl Outcome {
    /// Says whether the permission was there.
    pub fn grants(self) -> bool {
        matches!(self, Self::Granted | Self::GrantedWithError)
    }
}

/// Credentials and the state of the account, or too many requests.
const BEFORE: &[&str] = &[
    "authfailure",
    "signaturedoesnotmatch",
    "invalidclienttokenid",
    "expiredtoken",
    "invalidaccesskeyid",
    "unrecognizedclient",
    "missingauthenticationtoken",
    "incompletesignature",
    "optinrequired",
    "subscriptionrequired",
    "regiondisabled",
    "pendingverification",
    "allaccessdisabled",
    "accountproblem",
    "invalidaccess",
    "throttling",
    "requestlimitexceeded",
    "toomanyrequests",
    "slowdown",
    "provisionedthroughputexceeded",
    "requestthrottled",
    "ec2throttled",
    "priorrequestnotcomplete",
];

/// Refusals by a policy.
const REFUSED: &[&str] = &[
    "accessdenied",
    "unauthorized",
    "unauthorizedoperation",
    "unauthorizedaccess",
    "forbidden",
    "403",
    "accessforbidden",
    "notauthorized",
    "authorization",
    "insufficientprivileges",
    "insufficientpermissions",
    "insufficientiamaccesspermission",
    "organizationaccessdenied",
    "vpceaccessdenied",
];

/// Parts of codes that only a request that was let through can end in.
const AFTER: &[&str] = &[
    "nosuch",
    "notfound",
    "doesnotexist",
    "alreadyexists",
    "deleteconflict",
    "bucketnotempty",
    "inuse",
    "limitexceeded",
    "quotaexceeded",
    "conditionalcheckfailed",
    "transactioncanceled",
    "notmodified",
    "preconditionfailed",
];

/// Whole codes of the same kind. In the second line something behind the call was refused, so the
/// call itself was not.
const AFTER_EXACT: &[&str] = &[
    "conflict",
    "404",
    "kmsaccessdenied",
    "kms.accessdenied",
    "s3accessdenied",
    "ec2accessdenied",
    "iamrolemissingpermissions",
    "snsnoauthorization",
    "insufficientdependencyserviceaccesspermission",
    "dependentserviceaccessdenied",
    "cloudhsmaccessdenied",
];

/// Returns what the end of a recorded call proves.
pub fn outcome(record: &Value) -> Outcome {
    let mut code = text(record, "errorCode");
    if code.is_empty() {
        // Some services hide the error in the response.
        code = record.get("responseElements").map_or("", |response| text(response, "errorCode"));
    }
    if code.is_empty() {
        return match text(record, "errorMessage") {
            "" => Outcome::Granted,
            message if message.contains("is not authorized to perform") => Outcome::Denied,
            _ => Outcome::Unknown,
        };
    }
    let code = normal(code);
    let is = |list: &[&str]| list.contains(&code.as_str());
    if code == "dryrunoperation" {
        Outcome::Granted
    } else if is(BEFORE) {
        Outcome::NotEvaluated
    } else if is(REFUSED) {
        Outcome::Denied
    } else if is(AFTER_EXACT)
        || code.starts_with("invalid") && code.contains("state")
        || AFTER.iter().any(|part| code.contains(part))
    {
        Outcome::GrantedWithError
    } else {
        Outcome::Unknown
    }
}

/// Strips what services put before and behind a code.
fn normal(code: &str) -> String {
    let code = code.trim().to_ascii_lowercase();
    let code = ["client.", "server."].iter().find_map(|p| code.strip_prefix(p)).unwrap_or(&code);
    let code = ["exception", "fault", "error"]
        .iter()
        .find_map(|suffix| code.strip_suffix(suffix))
        .unwrap_or(code);
    code.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trail::fixture;

    #[test]
    fn codes_fall_into_their_classes() {
        for (code, expected) in [
            ("AccessDenied", Outcome::Denied),
            ("Client.UnauthorizedOperation", Outcome::Denied),
            ("AccessDeniedException", Outcome::Denied),
            ("AuthorizationError", Outcome::Denied),
            ("Client.DryRunOperation", Outcome::Granted),
            ("ThrottlingException", Outcome::NotEvaluated),
            ("Client.RequestLimitExceeded", Outcome::NotEvaluated),
            ("ProvisionedThroughputExceededException", Outcome::NotEvaluated),
            ("ExpiredTokenException", Outcome::NotEvaluated),
            ("NoSuchBucketPolicy", Outcome::GrantedWithError),
            ("ObjectLockConfigurationNotFoundError", Outcome::GrantedWithError),
            ("Client.VpcLimitExceeded", Outcome::GrantedWithError),
            ("BucketNotEmpty", Outcome::GrantedWithError),
            ("ValidationException", Outcome::Unknown),
            ("InternalFailure", Outcome::Unknown),
        ] {
            assert_eq!(outcome(&json!({"errorCode": code})), expected, "{code}");
        }
        assert_eq!(outcome(&json!({})), Outcome::Granted);
    }

    #[test]
    fn what_the_generator_meant_is_what_the_reference_reads() {
        for event in fixture::events() {
            let mut line = String::new();
            event.write(&mut line);
            let record: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(outcome(&record).grants(), event.granted(), "{line}");
        }
    }
}

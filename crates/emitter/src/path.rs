//! Where a principal's policy is written, as a relative path.
//!
//! Names come out of logs. A segment can climb out of the directory (`..`), be
//! no valid file name, or pose as the policy file of a shorter path; anything
//! that is not plainly a name is percent-encoded.

use std::fmt::Write as _;

use trailtrim_aggregator::Principal;
use xxhash_rust::xxh3::xxh3_64;

/// The name of the file that holds a principal's policy as JSON.
pub const POLICY_FILE: &str = "policy.json";

/// Every name that the file of a principal's policy may have, one for each form.
pub const POLICY_FILES: [&str; 4] = [POLICY_FILE, "policy.tf", "template.yaml", "template.json"];

/// Returns the name of one of several files that hold a principal's policies as JSON.
#[must_use]
pub fn numbered_policy_file(number: usize) -> String {
    format!("policy-{number}.json")
}

/// Returns whether a policy's file may have this name, in whatever case: some file systems do not
/// tell them apart.
#[must_use]
pub fn is_policy_file(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let number = name.strip_prefix("policy-").and_then(|rest| rest.strip_suffix(".json"));
    POLICY_FILES.contains(&name.as_str())
        || number.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Longest segment written as it is; file systems end at 255 bytes.
const LONGEST_SEGMENT: usize = 200;

/// The partition whose principals stand at the top.
const MAIN_PARTITION: &str = "aws";

/// Below it the workloads of a role; no segment of a name is spelled with a tilde.
const WORKLOADS: &str = "/~workloads/";

/// Returns `<account>/<role|user>/<path/name>/policy.json`, with `/` between segments.
///
/// Account ids are only unique within a partition: those of others than `aws` stand below
/// its name, `aws-cn/<account>/…`. Where several workloads share a role and are told apart, the
/// policy of each stands below the role's, `…/~workloads/<scope|session|none>/<name>/policy.json`.
pub fn policy_path(principal: &Principal) -> String {
    let partition = principal.arn.split(':').nth(1).unwrap_or_default();
    let mut path = String::new();
    if partition != MAIN_PARTITION {
        path.push_str(&segment(partition));
        path.push('/');
    }
    path.push_str(&segment(&principal.account));
    for part in [principal.kind.code()].into_iter().chain(principal.name.split('/')) {
        path.push('/');
        path.push_str(&segment(part));
    }
    if let Some(workload) = principal.workload.as_ref().filter(|_| principal.workloads.len() > 1) {
        path.push_str(WORKLOADS);
        path.push_str(workload.attribution.code());
        // What stands for many has no name, and stands beside those that have one.
        if let Some(name) = &workload.name {
            path.push('/');
            path.push_str(&segment(name));
        }
    }
    path.push('/');
    path.push_str(POLICY_FILE);
    path
}

/// Returns the directory of a draft, with `/` between segments: `<account>/<role|user>/<path/name>`
/// for a role or user, as in [`policy_path`], else the key's own parts.
pub fn draft_path(key: &str) -> String {
    let fields: Vec<&str> = key.splitn(6, ':').collect();
    let parts: Vec<&str> = match fields.as_slice() {
        ["arn", MAIN_PARTITION, _, _, account, resource] => {
            [*account].into_iter().chain(resource.split('/')).collect()
        }
        ["arn", partition, _, _, account, resource] => {
            [*partition, *account].into_iter().chain(resource.split('/')).collect()
        }
        _ => key.split('/').collect(),
    };
    parts.into_iter().map(segment).collect::<Vec<_>>().join("/")
}

fn segment(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    // A name of dots only is a place, and the policy files' names are taken.
    let reserved = name.bytes().all(|byte| byte == b'.') || is_policy_file(name);
    for byte in name.bytes() {
        // What IAM allows in names; `\`, `:` and control characters are not in it.
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'+' | b'=' | b',' | b'@' | b'_' | b'-')
            || (byte == b'.' && !reserved);
        if plain {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    if text.is_empty() {
        // Between two slashes; `%` alone is no encoding of anything.
        text.push('%');
    }
    if text.len() > LONGEST_SEGMENT {
        let hash = xxh3_64(name.as_bytes());
        text.truncate(LONGEST_SEGMENT);
        let _ = write!(text, "%{hash:016x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use trailtrim_aggregator::{Acted, Attribution, Workload};

    fn principal(partition: &str) -> Principal {
        let named = Principal::new("arn:aws:iam::111122223333:role/team/api").unwrap();
        Principal { arn: named.arn.replace(":aws:", &format!(":{partition}:")), ..named }
    }

    #[test]
    fn partitions_do_not_share_a_path() {
        assert_eq!(policy_path(&principal("aws")), "111122223333/role/team/api/policy.json");
        assert_eq!(
            policy_path(&principal("aws-cn")),
            "aws-cn/111122223333/role/team/api/policy.json"
        );
        assert_eq!(policy_path(&principal("..")), "%2E%2E/111122223333/role/team/api/policy.json");
    }

    #[test]
    fn workloads_of_a_shared_role_stand_below_it() {
        let workload =
            |attribution, name: Option<&str>| Workload { attribution, name: name.map(Into::into) };
        let mut role = principal("aws");
        let function = workload(Attribution::Scope, Some("arn:aws:lambda:r:1:function:f"));
        role.workloads.insert(function.clone(), Acted::default());
        role.workload = Some(function);
        // A role of one workload is that workload's.
        assert_eq!(policy_path(&role), "111122223333/role/team/api/policy.json");
        let many = workload(Attribution::Session, None);
        role.workloads.insert(many.clone(), Acted::default());
        assert_eq!(
            policy_path(&role),
            "111122223333/role/team/api/~workloads/scope/arn%3Aaws%3Alambda%3Ar%3A1%3Afunction%3Af/policy.json"
        );
        role.workload = Some(many);
        assert_eq!(policy_path(&role), "111122223333/role/team/api/~workloads/session/policy.json");
        // A role whose path is chosen to look like it.
        let posing = Principal::new("arn:aws:iam::111122223333:role/team/api/~workloads/session");
        assert_ne!(policy_path(&posing.unwrap()), policy_path(&role));
    }

    #[test]
    fn names_that_are_not_names_are_encoded() {
        assert_eq!(segment("orders-api"), "orders-api");
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("a..b"), "a..b");
        assert_eq!(segment("policy.json"), "policy%2Ejson");
        assert_eq!(segment("Policy.JSON"), "Policy%2EJSON");
        assert_eq!(segment("template.yaml"), "template%2Eyaml");
        assert_eq!(segment(""), "%");
        assert_eq!(segment("<script>"), "%3Cscript%3E");
        assert!(segment(&"x".repeat(600)).len() <= 255);
    }

    proptest! {
        #[test]
        fn different_names_get_different_segments(a in ".{0,300}", b in ".{0,300}") {
            prop_assert_eq!(a == b, segment(&a) == segment(&b));
            prop_assert!(!segment(&a).contains(['/', '\\', '\0']) && segment(&a) != "..");
        }
    }
}

//! Users that got another name, and changes of policies by whomever they are made.

use std::path::Path;

use serde_json::{Value, json};

use super::claims::messages;
use crate::harness::{list, text_of, trailtrim};

use super::{ACCOUNT, Files, Log, described, drafted, dump, of, policy};

const ID: &str = "AIDAJQABLZS4A3QDU576Q";

/// A call that a user makes while it goes by a name.
fn call(name: &str, day: usize, (service, event, parameters): (&str, &str, Value)) -> String {
    let data = service == "s3";
    json!({"eventVersion": "1.11", "userIdentity": {"type": "IAMUser", "principalId": ID, "accountId": ACCOUNT,
        "arn": format!("arn:aws:iam::{ACCOUNT}:user/{name}"), "userName": name},
        "eventTime": format!("2026-01-{:02}T10:00:00Z", 1 + day), "eventSource": format!("{service}.amazonaws.com"),
        "eventName": event, "awsRegion": "eu-west-1", "eventID": format!("{name}-{event}-{day}"),
        "eventType": "AwsApiCall", "eventCategory": if data { "Data" } else { "Management" },
        "managementEvent": !data, "readOnly": false, "recipientAccountId": ACCOUNT,
        "requestParameters": parameters})
    .to_string()
}

#[test]
fn what_a_variable_allowed_under_a_former_name_is_explained() {
    let mut log = Log::alive(ACCOUNT, 8);
    for (name, days) in [("old", 0..4), ("new", 4..8)] {
        for day in days {
            let put = json!({"bucketName": "b", "key": format!("home/{name}/a")});
            log.records.push(call(name, day, ("s3", "PutObject", put)));
            log.records.push(call(
                name,
                day,
                ("iam", "CreateAccessKey", json!({"userName": name})),
            ));
        }
    }
    let user = &of_user(
        &log,
        &[
            json!({"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b/home/${aws:username}/*"}),
            json!({"Effect": "Allow", "Action": "iam:*AccessKey*", "Resource": "arn:aws:iam::*:user/${aws:username}"}),
        ],
    );
    assert_eq!(messages(user, "unexplained-access"), [""; 0], "{user:#}");
    assert_eq!(user["frozen"], json!({}), "{user:#}");
    let drafts = json!(drafted(user)).to_string();
    assert!(drafts.contains("home/${aws:username}/") && !drafts.contains("home/old"), "{drafts}");
}

#[test]
fn what_a_variable_surely_allowed_goes_before_what_a_condition_may_have() {
    let mut log = Log::alive(ACCOUNT, 8);
    for day in 0..8 {
        let queue = format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/old-jobs");
        let untag = json!({"queueUrl": queue, "tagKeys": ["a"]});
        log.records.push(call("old", day, ("sqs", "UntagQueue", untag)));
    }
    let own = "arn:aws:sqs:*:*:${aws:username}-jobs";
    let one = of_user(
        &log,
        &[
            json!({"Effect": "Allow", "Action": "sqs:UntagQueue", "Resource": own}),
            json!({"Effect": "Allow", "Action": "sqs:UntagQueue", "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/team": "x"}}}),
        ],
    );
    let drafts = json!(drafted(&one)).to_string();
    assert!(drafts.contains(own) && !drafts.contains("PrincipalTag"), "{drafts}");
}

#[test]
fn a_variable_stands_for_no_name_that_was_given_up_before() {
    let queue = format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/old-jobs");
    let purge = || ("sqs", "PurgeQueue", json!({"queueUrl": queue}));
    let own = "arn:aws:sqs:*:*:${aws:username}-jobs";
    let on = |resource: &str| json!({"Effect": "Allow", "Action": "sqs:PurgeQueue", "Resource": resource});
    let mut with_mfa = on("arn:aws:sqs:*:*:*-jobs");
    with_mfa["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    // Whether calls were made under the former name too, and what else is attached: what stays of both.
    for (before, beside, expected) in [
        (true, with_mfa.clone(), (true, true)),
        (false, with_mfa, (false, true)),
        (true, on("arn:aws:sqs:*:*:*-jobs"), (false, true)),
    ] {
        let mut log = Log::alive(ACCOUNT, 8);
        for day in 0..8 {
            let name = if day < 2 { "old" } else { "new" };
            log.records.push(call(name, day, ("sts", "GetCallerIdentity", json!({}))));
            if before || day > 1 {
                log.records.push(call(name, day, purge()));
            }
        }
        let one = of_user(&log, &[on(own), beside]);
        let drafts = json!(drafted(&one)).to_string();
        assert_eq!((drafts.contains(own), drafts.contains(":old-jobs")), expected, "{drafts}");
        assert_eq!(text_of(&one, "status"), "tightened", "{one:#}");
    }
}

/// Nobody called the queue by the name that it had in between.
#[test]
fn a_variable_stands_for_the_names_that_calls_were_made_under() {
    let mut log = Log::alive(ACCOUNT, 8);
    for day in 0..8 {
        let name = if (2..6).contains(&day) { "old" } else { "new" };
        log.records.push(call(name, day, ("sts", "GetCallerIdentity", json!({}))));
        if name == "new" {
            let queue = format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/new-jobs");
            log.records.push(call(name, day, ("sqs", "PurgeQueue", json!({"queueUrl": queue}))));
        }
    }
    let on = |resource: &str| json!({"Effect": "Allow", "Action": "sqs:PurgeQueue", "Resource": resource});
    let mut with_mfa = on("*");
    with_mfa["Condition"] = json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}});
    let one = of_user(&log, &[on("arn:aws:sqs:*:*:${aws:username}-jobs"), with_mfa]);
    let replay = &one["proofs"]["replay"];
    assert_eq!(replay["conditional"], json!(0), "{one:#}");
    let drafts = json!(drafted(&one)).to_string();
    assert!(!drafts.contains("MultiFactor"), "{drafts}");
}

#[test]
fn what_a_boundary_forbids_under_one_of_the_names_is_asked_of_no_draft() {
    let mut log = Log::alive(ACCOUNT, 8);
    for day in 0..8 {
        let name = if day < 4 { "old" } else { "new" };
        let queue = format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/old-jobs");
        log.records.push(call(name, day, ("sqs", "PurgeQueue", json!({"queueUrl": queue}))));
    }
    let own = "arn:aws:sqs:*:*:${aws:username}-jobs";
    let purge = |effect: &str, on: &str| json!({"Effect": effect, "Action": "sqs:PurgeQueue", "Resource": on});
    let mut tagged = purge("Allow", "*");
    tagged["Condition"] = json!({"StringEquals": {"aws:PrincipalTag/team": "x"}});
    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let one = within(&log, &[purge("Allow", own), tagged], &[all, purge("Deny", own)]);
    let drafts = json!(drafted(&one)).to_string();
    assert!(drafts.contains("PrincipalTag") && !drafts.contains(own), "{drafts}");
}

#[test]
fn what_a_variable_takes_out_of_a_statement_is_not_attached() {
    let queue = format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/new-jobs");
    let mut log = Log::alive(ACCOUNT, 8);
    log.records.push(call("new", 2, ("sqs", "PurgeQueue", json!({"queueUrl": queue}))));
    let but = |except: &[&str]| json!({"Effect": "Allow", "Action": "sqs:PurgeQueue", "NotResource": except});
    let own = "arn:aws:sqs:*:*:${aws:username}-jobs";
    let on_tags = "arn:aws:sqs:*:*:${aws:PrincipalTag/team}-jobs";
    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    for (statement, boundary) in [
        (but(&[own]), vec![]),
        (but(&["arn:aws:sqs:*:*:other", own]), vec![]),
        (all.clone(), vec![but(&[own])]),
    ] {
        let one = within(&log, &[statement], &boundary);
        assert_eq!(list(&one, "not_attached").len(), 1, "{one:#}");
    }
    // One whose value nothing tells may leave it in.
    for (statement, boundary) in [(but(&[on_tags]), vec![]), (all, vec![but(&[on_tags])])] {
        let one = within(&log, &[statement], &boundary);
        assert_eq!(list(&one, "not_attached").len(), 0, "{one:#}");
    }
}

/// What is said of the user, who goes by `new` now, has these statements and was never seen but in the log.
fn of_user(log: &Log, statements: &[Value]) -> Value {
    within(log, statements, &[])
}

/// The same of a user with a boundary of these statements, if there are any.
fn within(log: &Log, statements: &[Value], boundary: &[Value]) -> Value {
    let (trail, files) = (log.write(1), Files::new());
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    let mut account = dump(&[]);
    account["UserDetailList"] = json!([{"UserName": "new", "UserId": ID, "Path": "/",
        "Arn": format!("arn:aws:iam::{ACCOUNT}:user/new"), "CreateDate": "2025-01-01T00:00:00Z",
        "UserPolicyList": [{"PolicyName": "own", "PolicyDocument": document}], "GroupList": [],
        "AttachedManagedPolicies": []}]);
    if !boundary.is_empty() {
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/limit");
        account["UserDetailList"][0]["PermissionsBoundary"] =
            json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn});
        account["Policies"] = json!([{"PolicyName": "limit", "Arn": arn, "Path": "/", "DefaultVersionId": "v1",
            "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": true, "CreateDate": "2025-01-01T00:00:00Z",
                "Document": {"Version": "2012-10-17", "Statement": boundary}}]}]);
    }
    let account = files.write("account.json", &account.to_string());
    let options = [
        "--use-region",
        "eu-west-1",
        "--unused-days",
        "3",
        "--principal",
        "new",
        "--account-authorization-details",
        &account,
    ];
    of(&described(trail.path(), &options).1, "user/new").clone()
}

/// What is said of `worker`, whose policy somebody else changed five days before the end: of an archive, where
/// the change stands in a file that its key says to be of the region, and of a usage file of all of it.
fn changed(by: &Value, region: &str, days: &str, options: &[&str]) -> [Value; 2] {
    let mut log = Log::alive(ACCOUNT, 10);
    let queue = format!(r#"{{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/jobs"}}"#);
    log = log.daily("worker", "sqs.amazonaws.com", "GetQueueAttributes", &queue);
    let put = json!({"eventVersion": "1.11", "userIdentity": by, "eventTime": "2026-01-06T10:00:00Z",
        "eventSource": "iam.amazonaws.com", "eventName": "PutRolePolicy", "awsRegion": region,
        "eventID": "put", "eventType": "AwsApiCall", "eventCategory": "Management", "managementEvent": true,
        "readOnly": false, "recipientAccountId": ACCOUNT,
        "requestParameters": {"roleName": "worker", "policyName": "inline", "policyDocument": "{}"}});
    let (trail, files) = (log.write(1), Files::new());
    let folder = trail.path().join(format!("AWSLogs/{ACCOUNT}/CloudTrail/{region}/2026/01/06"));
    std::fs::create_dir_all(&folder).unwrap();
    let key = folder.join(format!("{ACCOUNT}_CloudTrail_{region}_20260106T1005Z_a.json"));
    std::fs::write(key, json!({"Records": [put]}).to_string()).unwrap();
    let account =
        dump(&[(ACCOUNT, "worker", policy(&["sqs:PurgeQueue", "sqs:GetQueueAttributes"], &["*"]))]);
    let account = files.write("account.json", &account.to_string());
    let asked = [
        "--use-region",
        "eu-west-1",
        "--unused-days",
        days,
        "--account-authorization-details",
        &account,
    ];
    let asked = [&asked[..], options].concat();
    let usage = Path::new(&account).with_file_name("all.usage");
    let mut observe = trailtrim();
    observe.args(["observe", "-o"]).arg(&usage).arg(trail.path());
    assert!(observe.output().unwrap().status.success());
    let of_usage = match options.iter().any(|option| option.starts_with("--exclude")) {
        true => trail.path(),
        false => &usage,
    };
    [trail.path(), of_usage].map(|read| of(&described(read, &asked).1, "worker").clone())
}

#[test]
fn a_policy_is_as_old_as_its_last_change_whoever_made_it() {
    let session = |role: &str, name: &str| {
        json!({"type": "AssumedRole", "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"),
            "accountId": ACCOUNT, "principalId": format!("AROAEXAMPLE{role}:{name}"), "sessionContext": {
            "sessionIssuer": {"type": "Role", "accountId": ACCOUNT, "userName": role,
            "arn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"), "principalId": format!("AROAEXAMPLE{role}")}}})
    };
    let root = json!({"type": "Root", "principalId": ACCOUNT, "accountId": ACCOUNT,
        "arn": format!("arn:aws:iam::{ACCOUNT}:root")});
    let linked = {
        let mut one = session("AWSServiceRoleForSSO", "AWS-SSO");
        let path = "role/aws-service-role/sso.amazonaws.com/AWSServiceRoleForSSO";
        one["sessionContext"]["sessionIssuer"]["arn"] =
            json!(format!("arn:aws:iam::{ACCOUNT}:{path}"));
        one
    };
    let person = session("admin", "breakglass-1");
    let until = ["--until", "2026-01-06"];
    for (by, days, options) in [
        (&person, "6", &[][..]),
        (&root, "6", &[]),
        (&linked, "6", &[]),
        (&person, "6", &["--exclude-session", "breakglass-*"]),
        (&person, "6", &["--region", "eu-west-1"]),
        (&person, "4", &until),
    ] {
        for one in changed(by, "us-east-1", days, options) {
            let told = one["statements"].to_string();
            assert!(told.contains("since it is attached as it is"), "{options:?} {by}: {told}");
        }
    }
}

//! What is given beside the trail counts for what it is: whole dumps, the policies of the one who is asked about,
//! versions that are in force, roles that let somebody in, patterns that mean something.

use serde_json::{Value, json};

use super::claims::messages;
use super::forbidden::gone;
use super::{
    ACCOUNT, Files, Log, QUEUE, WEEK, classes, described, diff, drafted, dump, managed_week, of,
    policy, texts, week,
};
use crate::harness::{list, text, text_of, trailtrim};

const WORKER: &str = "arn:aws:iam::111122223333:role/worker";

fn allowing(action: &str) -> String {
    policy(&[action], &["*"]).to_string()
}

/// A state of Terraform with inline policies of some roles, and an organization's policy that allows all.
fn state(roles: &[(&str, &str)]) -> String {
    let inline = roles.iter().enumerate().map(|(at, (role, action))| {
        json!({
            "address": format!("aws_iam_role_policy.p{at}"), "type": "aws_iam_role_policy",
            "values": {"role": role, "policy": allowing(action)},
        })
    });
    let scp = json!({"address": "aws_organizations_policy.all", "type": "aws_organizations_policy",
        "values": {"type": "SERVICE_CONTROL_POLICY", "content": allowing("*")}});
    let resources: Vec<Value> = inline.chain([scp]).collect();
    json!({"values": {"root_module": {"resources": resources}}}).to_string()
}

#[test]
fn a_dump_that_was_cut_is_refused() {
    let (trail, files) = (week().write(1), Files::new());
    for key in ["NextToken", "Marker"] {
        let mut cut = dump(&[(ACCOUNT, "worker", policy(&["sqs:*"], &["*"]))]);
        cut[key] = json!("eyJNYXJrZXIiOiBudWxsfQ==");
        let cut = files.write("cut.json", &cut.to_string());
        let ran =
            diff(trail.path(), &[&WEEK[..], &["--account-authorization-details", &cut]].concat());
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("--max-items") && ran.stderr.contains(key), "{}", ran.stderr);
    }
}

#[test]
fn of_a_file_with_policies_of_several_those_of_the_principal_count() {
    let (trail, files) = (week().write(1), Files::new());
    let attached = files.write(
        "state.json",
        &state(&[("worker", "sqs:GetQueueAttributes"), ("other", "ec2:DescribeRegions")]),
    );
    let (_, made) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
    assert_eq!(classes(of(&made, "worker")), [("sqs:GetQueueAttributes", "used")].into());

    // Nobody's is no answer, and neither is another's.
    let others = files.write("others.json", &state(&[("other", "sqs:*")]));
    let ran = diff(trail.path(), &[&WEEK[..], &["--attached", &others]].concat());
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("about role/other: "), "{}", ran.stderr);

    let simulated = |principal: &[&str], action: &str| {
        let words = ["simulate", "--policy", &attached, "--action", action];
        text(trailtrim().args(words).args(principal).output().unwrap().stdout)
    };
    let worker = ["--principal", WORKER];
    assert!(simulated(&worker, "sqs:GetQueueAttributes").starts_with("allowed"));
    // What another role has, and what an organization does not forbid.
    assert!(simulated(&worker, "ec2:DescribeRegions").starts_with("implicitly denied"));
    assert!(simulated(&worker, "sqs:DeleteQueue").starts_with("implicitly denied"));
    assert_eq!(simulated(&[], "sqs:GetQueueAttributes"), "", "of nobody in particular");
}

#[test]
fn what_several_have_together_is_not_compared() {
    let files = Files::new();
    let bucket = json!({"address": "aws_s3_bucket_policy.b", "type": "aws_s3_bucket_policy",
        "values": {"policy": json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"AWS": WORKER}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]}).to_string()}});
    let plan = |name: &str, actions: &[(&str, &str)]| {
        let mut all: Value = serde_json::from_str(&state(actions)).unwrap();
        let resources = all["values"]["root_module"]["resources"].as_array_mut().unwrap();
        resources.pop();
        resources.push(bucket.clone());
        files.write(name, &all.to_string())
    };
    let compared = |existing: &str, new: &str| {
        let words = ["compare", "--existing", existing, "--new", new, "--check"];
        let output = trailtrim().args(words).output().unwrap();
        (output.status.code(), text(output.stderr))
    };
    let old = plan("old.json", &[("worker", "s3:GetObject"), ("other", "s3:*")]);
    let new = plan("new.json", &[("worker", "s3:*"), ("other", "s3:*")]);
    let (code, told) = compared(&old, &new);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("policies of several kinds"), "{told}");
    let identities = [
        files.write("old-own.json", &state(&[("worker", "s3:GetObject"), ("other", "s3:*")])),
        files.write("new-own.json", &state(&[("worker", "s3:*"), ("other", "s3:*")])),
    ];
    let words =
        ["compare", "--kind", "identity", "--existing", &identities[0], "--new", &identities[1]];
    let output = trailtrim().args(words).output().unwrap();
    let told = text(output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("not one principal's access"), "{told}");
    // One of each kind on either side: the trust policy is not passed over.
    let role = |who: &str| {
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"AWS": who}, "Action": "sts:AssumeRole"}]});
        let role = json!({"address": "aws_iam_role.worker", "type": "aws_iam_role", "values": {
            "name": "worker", "assume_role_policy": trust.to_string(),
            "inline_policy": [{"name": "i", "policy": allowing("s3:GetObject")}]}});
        json!({"values": {"root_module": {"resources": [role]}}}).to_string()
    };
    let (closed, open) = (role(WORKER), role("*"));
    let (closed, open) = (files.write("closed.json", &closed), files.write("open.json", &open));
    assert_eq!(compared(&closed, &open).0, Some(2));
    let words = ["compare", "--kind", "resource", "--existing", &closed, "--new", &open, "--check"];
    assert_eq!(trailtrim().args(words).output().unwrap().status.code(), Some(1));
    // One policy of several is what each of them has.
    let shared = json!({"Resources": {"P": {"Type": "AWS::IAM::ManagedPolicy", "Properties": {
        "Roles": ["worker", "other"], "PolicyDocument": policy(&["sqs:*"], &[QUEUE])}}}});
    let shared = files.write("shared.json", &shared.to_string());
    assert_eq!(compared(&shared, &shared).0, Some(0), "{}", compared(&shared, &shared).1);
    // So are an organization's, where there is nothing else.
    let organization = files.write("scp.json", &state(&[]));
    assert_eq!(compared(&organization, &organization).0, Some(0));
}

/// Adds to a state that one of AWS's managed policies is attached to the worker.
fn with_managed(state: &str, name: &str) -> String {
    let mut state: Value = serde_json::from_str(state).unwrap();
    let resources = state["values"]["root_module"]["resources"].as_array_mut().unwrap();
    resources.push(json!({"address": "aws_iam_role_policy_attachment.a", "type": "aws_iam_role_policy_attachment",
        "values": {"role": "worker", "policy_arn": format!("arn:aws:iam::aws:policy/{name}")}}));
    state.to_string()
}

#[test]
fn what_a_file_attaches_and_does_not_hold_is_not_forgotten() {
    let (trail, files) = (week().write(1), Files::new());
    let both = state(&[("worker", "s3:ListAllMyBuckets"), ("other", "ec2:DescribeRegions")]);
    let more = files.write("more.json", &with_managed(&both, "ReadOnlyAccess"));
    let (_, made) = described(trail.path(), &[&WEEK[..], &["--attached", &more]].concat());
    let worker = of(&made, "worker");
    let unknown = &worker["unknown_policies"][0];
    assert_eq!(text_of(unknown, "arn"), "arn:aws:iam::aws:policy/ReadOnlyAccess", "{worker}");
    // What the other statements do not allow may come from it.
    let explained =
        list(worker, "not_attached").iter().map(|one| text_of(&one["explanation"], "kind"));
    let explained: Vec<&str> = explained.collect();
    assert!(
        !explained.is_empty() && explained.iter().all(|one| *one == "unknown-policy"),
        "{worker}"
    );

    let simulated = |principal: &str| {
        let words = [
            "simulate",
            "--policy",
            &more,
            "--action",
            "sqs:DeleteQueue",
            "--principal",
            principal,
        ];
        let output = trailtrim().args(words).output().unwrap();
        (output.status.code(), text(output.stderr))
    };
    let (code, told) = simulated(WORKER);
    assert!(code == Some(2) && told.contains("policy/ReadOnlyAccess"), "{told}");
    assert_eq!(
        simulated("arn:aws:iam::111122223333:role/other").0,
        Some(0),
        "it is not this one's"
    );

    let one = |name: &str, managed: &str, statement: &str| {
        let mut one = state(&[("worker", "sqs:*")]);
        if !managed.is_empty() {
            one = with_managed(&one, managed);
        }
        files.write(name, &one.replace("Allow", statement))
    };
    let compared = |existing: &str, new: &str| {
        let words = ["compare", "--kind", "identity", "--existing", existing, "--new", new];
        let output = trailtrim().args(words).output().unwrap();
        (output.status.code(), text(output.stderr))
    };
    let (plain, read) =
        (one("plain.json", "", "Allow"), one("read.json", "ReadOnlyAccess", "Allow"));
    let deny = one("deny.json", "ReadOnlyAccess", "Deny");
    assert_eq!(compared(&plain, &plain), (Some(0), String::new()));
    let (code, told) = compared(&read, &read);
    assert!(
        code == Some(0) && told.starts_with("note: `arn:aws:iam::aws:policy/ReadOnlyAccess`"),
        "{told}"
    );
    // A policy that is chosen later is not the same on both sides, and neither is one that another has.
    let template = |name: &str, managed: Value, role: &str| {
        let template = json!({"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": role,
            "ManagedPolicyArns": [managed],
            "Policies": [{"PolicyName": "p", "PolicyDocument": policy(&["sqs:*"], &["*"])}]}}}});
        files.write(name, &template.to_string())
    };
    let arn = |name: &str| json!({"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, format!(":iam::aws:policy/{name}")]]});
    let either = json!({"Fn::If": ["Big", arn("AdministratorAccess"), {"Ref": "AWS::NoValue"}]});
    let (reads, all) = (
        template("r.json", arn("ReadOnlyAccess"), "a"),
        template("a.json", arn("AdministratorAccess"), "a"),
    );
    let (perhaps, given) =
        (template("p.json", either, "a"), template("g.json", json!({"Ref": "Given"}), "a"));
    let others = template("o.json", arn("ReadOnlyAccess"), "b");
    assert_eq!(compared(&reads, &reads).0, Some(0));
    for (existing, new) in [
        (&reads, &all),
        (&perhaps, &perhaps),
        (&perhaps, &all),
        (&given, &given),
        (&reads, &others),
    ] {
        assert_eq!(compared(existing, new).0, Some(2), "{existing} {new}");
    }
    // What limits before is to limit then, and a policy that is attached counts whatever kind is compared.
    let bounded = |name: &str, more: Value| {
        let mut role = json!({"Type": "AWS::IAM::Role", "Properties": {"RoleName": "a",
            "Policies": [{"PolicyName": "p", "PolicyDocument": policy(&["sqs:*"], &["*"])}]}});
        role["Properties"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let limit = json!({"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy(&["sqs:SendMessage"], &["*"])}});
        files.write(name, &json!({"Resources": {"R": role, "L": limit}}).to_string())
    };
    let limited = bounded("l.json", json!({"PermissionsBoundary": {"Ref": "L"}}));
    let chosen = bounded("c.json", json!({"PermissionsBoundary": {"Fn::ImportValue": "x"}}));
    let free = bounded("f.json", json!({"PermissionsBoundary": {"Ref": "AWS::NoValue"}}));
    assert_eq!(compared(&limited, &limited).0, Some(0), "{}", compared(&limited, &limited).1);
    assert_eq!(compared(&free, &limited).0, Some(0), "{}", compared(&free, &limited).1);
    for (existing, new) in [(&limited, &free), (&chosen, &free), (&chosen, &chosen)] {
        assert_eq!(compared(existing, new).0, Some(2), "{existing} {new}");
    }
    // Of what only one side has nothing is known, nor of what a Deny kept it from.
    for (existing, new) in [(&plain, &read), (&read, &plain), (&deny, &read)] {
        assert_eq!(compared(existing, new).0, Some(2));
    }
}

#[test]
fn what_a_plan_leaves_open_is_asked_for() {
    let files = Files::new();
    let role = |name: &str| json!({"address": format!("aws_iam_role.{name}"), "type": "aws_iam_role", "values": {"name": name}});
    let policy = |kind: &str, values: Value| {
        let mut policy = json!({"address": format!("{kind}.p"), "type": kind, "values": values});
        policy["values"]["policy"] = json!(allowing("s3:*"));
        policy
    };
    let managed = || policy("aws_iam_policy", json!({}));
    let simulated = |resources: Vec<Value>, unknown: bool, boundary: bool| {
        let change = json!([{"change": {"after_unknown": {"permissions_boundary": unknown}}}]);
        let plan = json!({"planned_values": {"root_module": {"resources": resources}}, "resource_changes": change});
        let plan = files.write("plan.json", &plan.to_string());
        let words = [
            "simulate",
            "--policy",
            &plan,
            "--action",
            "s3:ListAllMyBuckets",
            "--principal",
            WORKER,
        ];
        let more: &[&str] = if boundary { &["--boundary", &plan] } else { &[] };
        let output = trailtrim().args(words).args(more).output().unwrap();
        (output.status.code(), text(output.stdout).lines().next().unwrap_or_default().to_owned())
    };
    let refused = (Some(2), String::new());
    // Of the only role of a plan all is.
    assert_eq!(simulated(vec![role("worker"), managed()], false, false).1, "allowed");
    // But not where one of its policies is its boundary, where there is another role, or one that something names.
    assert_eq!(simulated(vec![role("worker"), managed()], true, false), refused);
    assert_eq!(simulated(vec![role("worker"), role("other"), managed()], false, false), refused);
    let attachment = json!({"address": "x", "type": "aws_iam_role_policy_attachment", "values": {"role": "other"}});
    assert_eq!(simulated(vec![role("worker"), managed(), attachment], false, false), refused);
    let inline = |role: &str| policy("aws_iam_role_policy", json!({"role": role}));
    assert_eq!(
        simulated(vec![role("worker"), role("other"), inline("other")], false, false),
        refused
    );
    // A group's policy is no role's.
    assert_eq!(
        simulated(vec![policy("aws_iam_group_policy", json!({"group": "dev"}))], false, false),
        refused
    );
    let both = vec![inline("worker"), policy("aws_iam_group_policy", json!({"group": "dev"}))];
    assert_eq!(simulated(both, false, false).1, "allowed");

    // What is told to be a boundary limits.
    let mut limited = role("worker");
    limited["values"]["permissions_boundary"] = json!("arn:limit");
    let mut limit = policy("aws_iam_policy", json!({"arn": "arn:limit"}));
    limit["values"]["policy"] = json!(allowing("sqs:*"));
    let all = || vec![limited.clone(), limit.clone(), inline("worker")];
    assert_eq!(simulated(all(), false, false).1, "implicitly denied");
    assert_eq!(simulated(all(), false, true).1, "implicitly denied");
    // An empty text is no boundary.
    let mut free = role("worker");
    free["values"]["permissions_boundary"] = json!("");
    assert_eq!(simulated(vec![free, inline("worker")], false, false).1, "allowed");
    // Another's is not this one's, and one that is not there is not known.
    let mut other = limited.clone();
    other["values"]["name"] = json!("other");
    assert_eq!(
        simulated(vec![other, limit.clone(), role("worker"), inline("worker")], false, false).1,
        "allowed"
    );
    assert_eq!(simulated(vec![limited.clone(), inline("worker")], false, false), refused);
    assert_eq!(simulated(vec![role("worker"), inline("worker")], true, false), refused);
}

#[test]
fn an_answer_of_iam_is_about_whom_it_names() {
    let files = Files::new();
    let answer = |role: &str| {
        let answer = json!({"RoleName": role, "PolicyName": "p", "PolicyDocument": policy(&["s3:*"], &["*"])});
        files.write(&format!("{role}.json"), &answer.to_string())
    };
    let (own, others) = (answer("worker"), answer("other"));
    let simulated = |file: &str| {
        let words = [
            "simulate",
            "--policy",
            file,
            "--action",
            "s3:ListAllMyBuckets",
            "--principal",
            WORKER,
        ];
        trailtrim().args(words).output().unwrap().status.code()
    };
    assert_eq!((simulated(&own), simulated(&others)), (Some(0), Some(2)));
}

#[test]
fn an_organizations_policy_out_of_a_plan_limits() {
    let files = Files::new();
    let organization = |name: &str, kind: &str, action: &str| {
        json!({"address": name, "type": "aws_organizations_policy",
            "values": {"type": kind, "content": allowing(action)}})
    };
    let mut all: Value = serde_json::from_str(&state(&[("worker", "s3:*")])).unwrap();
    let resources = all["values"]["root_module"]["resources"].as_array_mut().unwrap();
    resources.pop();
    resources.push(organization("scp", "SERVICE_CONTROL_POLICY", "sqs:*"));
    resources.push(organization("rcp", "RESOURCE_CONTROL_POLICY", "*"));
    let state = files.write("state.json", &all.to_string());
    let own = files.write("own.json", &allowing("*"));
    let simulated = |layer: &str, action: &str| {
        let words = ["simulate", "--policy", &own, layer, &state, "--action", action];
        let words = [&words[..], &["--principal", WORKER]].concat();
        text(trailtrim().args(words).output().unwrap().stdout).lines().next().unwrap().to_owned()
    };
    assert_eq!(simulated("--scp", "sqs:ListQueues"), "allowed");
    // Neither what the role has nor what limits resources lets through what the SCP does not.
    assert_eq!(simulated("--scp", "s3:ListAllMyBuckets"), "implicitly denied");
    assert_eq!(simulated("--rcp", "s3:ListAllMyBuckets"), "allowed");
}

#[test]
fn a_version_counts_from_when_it_was_made_and_only_in_force() {
    let (trail, files) = (managed_week().write(1), Files::new());
    let version = |made: &str, default: bool| {
        let document = policy(&["sqs:UntagQueue", "sqs:DeleteQueue"], &[QUEUE]);
        let version = json!({"PolicyVersion": {"Document": document, "VersionId": "v2",
            "IsDefaultVersion": default, "CreateDate": made}});
        let file = files.write("version.json", &version.to_string());
        diff(trail.path(), &[&WEEK[..], &["--attached", &file, "--format", "json"]].concat())
    };
    let class = |made: &str| {
        let made: Value = serde_json::from_str(&version(made, true).stdout).unwrap();
        classes(of(&made, "worker")).get("sqs:DeleteQueue").map(|class| (*class).to_owned())
    };
    assert_eq!(class("2025-06-01T00:00:00Z"), None, "unused, and gone");
    assert_eq!(class("2026-01-06T12:00:00Z").as_deref(), Some("too-new"));
    let ran = version("2025-06-01T00:00:00Z", false);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("not in force"), "{}", ran.stderr);
}

/// The role `worker` that assumes another one, which trusts some principals.
fn assuming(trusted: &Value) -> Value {
    let target = r#"{"roleArn":"arn:aws:iam::111122223333:role/target","roleSessionName":"s"}"#;
    let log = week().daily("worker", "sts.amazonaws.com", "AssumeRole", target);
    let mut account = dump(&[
        (ACCOUNT, "worker", policy(&["sqs:*"], &["*"])),
        (ACCOUNT, "target", policy(&["s3:*"], &["*"])),
    ]);
    account["RoleDetailList"][1]["AssumeRolePolicyDocument"] = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}],
    });
    let (trail, files) = (log.write(1), Files::new());
    let account = files.write("account.json", &account.to_string());
    let options = [&WEEK[..], &["--account-authorization-details", &account]].concat();
    let (_, made) = described(trail.path(), &options);
    let [one] = list(of(&made, "role/worker"), "not_attached") else { panic!("{made:#}") };
    assert_eq!(text_of(one, "action"), "sts:AssumeRole");
    one["explanation"].clone()
}

#[test]
fn a_role_that_trusts_somebody_by_name_lets_them_in() {
    assert_eq!(text_of(&assuming(&json!({"AWS": WORKER})), "kind"), "trust-policy");
    // One that trusts the account leaves it to what its principals have.
    let account = assuming(&json!({"AWS": "arn:aws:iam::111122223333:root"}));
    assert_eq!(account, Value::Null);
}

#[test]
fn a_policy_that_was_deleted_again_explains_nothing() {
    let put = r#"{"bucketName":"b","key":"k","x-amz-acl":"bucket-owner-full-control"}"#;
    let explained = |events: &[(usize, &str)]| {
        let mut log = Log::alive(ACCOUNT, 8);
        for (day, name) in events {
            let call = ("s3.amazonaws.com", *name, r#"{"bucketName":"b"}"#);
            log.at(ACCOUNT, "somebody", (*day, 5), call, false);
        }
        for day in 4..8 {
            log.at(ACCOUNT, "worker", (day, 9), ("s3.amazonaws.com", "PutObject", put), false);
        }
        let (trail, files) = (log.write(1), Files::new());
        let attached = policy(&["s3:PutObject"], &["arn:aws:s3:::b/*"]);
        let attached = files.write("worker.json", &attached.to_string());
        let (_, made) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
        let [one] = list(of(&made, "worker"), "not_attached") else { panic!("{made:#}") };
        one.get("explanation").is_some()
    };
    let (write, delete) = ("PutBucketPolicy", "DeleteBucketPolicy");
    assert!(explained(&[(0, write)]));
    assert!(!explained(&[(0, write), (2, delete)]));
    assert!(explained(&[(0, write), (1, delete), (2, write)]));
    // When it was used it stood there still.
    assert!(explained(&[(0, write), (6, delete)]));
}

#[test]
fn what_leaves_out_a_region_with_calls_or_matches_no_action_is_told() {
    let mut log = week();
    log.records.push(
        log.records
            .last()
            .unwrap()
            .replace("eu-west-1", "ap-south-1")
            .replace("\"eventID\":\"", "\"eventID\":\"s"),
    );
    let (trail, files) = (log.write(1), Files::new());
    let attached = files.write("worker.json", &policy(&["sqs:*"], &[QUEUE]).to_string());
    let config = r#"never = ["iam:*"]
[[pin]]
action = "sqs:DeleteQueu"
reason = "r"
owner = "o"
"#;
    let config = files.write("trailtrim.toml", config);
    let ran =
        diff(trail.path(), &[&WEEK[..], &["--attached", &attached, "--config", &config]].concat());
    assert!(
        ran.stderr.contains("calls of `ap-south-1`, which --use-region leaves out"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("`pin` has `sqs:DeleteQueu`"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("`never`"), "{}", ran.stderr);
}

/// Returns what is found of a kind on a role, or a user, with some statements.
fn found(user: bool, statements: Value, code: &str) -> Vec<String> {
    let mut log = managed_week();
    // What others do shows that the trail was looking at IAM.
    let call = ("iam.amazonaws.com", "GetRole", r#"{"roleName":"somebody"}"#);
    for day in 0..8 {
        for hour in (0..24).step_by(4) {
            for reads in [true, false] {
                log.at(ACCOUNT, "somebody", (day, hour), call, reads);
            }
        }
    }
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    let mut account = dump(&[(ACCOUNT, "worker", document)]);
    let name = if user { "user/worker" } else { "role/worker" };
    if user {
        let mut one = account["RoleDetailList"][0].take();
        for (to, from) in
            [("UserName", "RoleName"), ("UserId", "RoleId"), ("UserPolicyList", "RolePolicyList")]
        {
            one[to] = one[from].take();
        }
        one["Arn"] = json!("arn:aws:iam::111122223333:user/worker");
        account["UserDetailList"] = json!([one]);
        account["RoleDetailList"] = json!([]);
        for record in &mut log.records {
            *record = record.replace(
                r#""type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/worker/s""#,
                r#""type":"IAMUser","userName":"worker","arn":"arn:aws:iam::111122223333:user/worker""#,
            );
        }
    }
    let (trail, files) = (log.write(1), Files::new());
    let account = files.write("account.json", &account.to_string());
    let options = [&WEEK[..], &["--account-authorization-details", &account]].concat();
    let (_, made) = described(trail.path(), &options);
    messages(of(&made, name), code).into_iter().map(str::to_owned).collect()
}

#[test]
fn passing_is_a_star_only_where_every_role_can_be_passed() {
    let passes =
        |resource: &str| json!({"Effect": "Allow", "Action": "iam:PassRole", "Resource": resource});
    let star = |statements: Value| found(false, statements, "pass-role-star").len();
    assert_eq!(star(json!([passes("*")])), 1);
    assert_eq!(star(json!([passes("arn:aws:iam::999988887777:role/*")])), 0);
    let spared = |resource: &str| json!([passes("*"), {"Effect": "Deny", "Action": "iam:PassRole", "NotResource": resource}]);
    assert_eq!(star(spared("arn:aws:iam::111122223333:role/only")), 0);
    assert_eq!(star(spared("arn:aws:iam::111122223333:role/*")), 1);
    let all_but = |action: &str| json!([{"Effect": "Allow", "NotAction": action, "Resource": "*"}]);
    assert_eq!((star(all_but("organizations:*")), star(all_but("iam:*"))), (1, 0));
}

#[test]
fn what_somebody_does_to_itself_is_no_escalation() {
    let escalates = |resource: &str| {
        let statement = json!([{"Effect": "Allow", "Resource": resource,
            "Action": ["iam:CreateAccessKey", "iam:EnableMFADevice"]}]);
        !found(true, statement, "privilege-escalation").is_empty()
    };
    assert!(escalates("arn:aws:iam::111122223333:user/*"));
    assert!(escalates("arn:aws:iam::111122223333:user/other"));
    assert!(!escalates("arn:aws:iam::*:user/${aws:username}"));
    assert!(!escalates("arn:aws:iam::111122223333:user/worker"));
}

#[test]
fn a_pattern_that_can_be_done_to_none_of_its_resources_is_told() {
    let dead = |action: &str| {
        let statement =
            json!([{"Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::b/*"}]);
        found(false, statement, "dead-grant")
    };
    let [told] = &dead("dynamodb:*")[..] else { panic!("not told") };
    assert!(told.contains("dynamodb:*"), "{told}");
    assert!(dead("s3:*").is_empty() && dead("*").is_empty());
}

#[test]
fn what_excepts_a_service_is_written_by_services() {
    let all = |statements: Value| {
        let (trail, files) = (managed_week().write(1), Files::new());
        let account =
            dump(&[(ACCOUNT, "worker", json!({"Version": "2012-10-17", "Statement": statements}))]);
        let account = files.write("account.json", &account.to_string());
        let options = [&WEEK[..], &["--account-authorization-details", &account]].concat();
        let (_, made) = described(trail.path(), &options);
        let worker = of(&made, "worker");
        assert_eq!(text_of(worker, "status"), "tightened");
        let statements = drafted(worker).into_iter().flat_map(|one| list(one, "Statement"));
        let actions = statements.flat_map(|one| texts(&one["Action"])).map(str::to_owned);
        let actions: Vec<String> = actions.collect();
        assert!(gone(worker, "sqs:DeleteQueue").len() == 1, "{worker:#}");
        actions
    };
    let excepting = json!([{"Effect": "Allow", "NotAction": ["organizations:*", "neptune-db:Read*"], "Resource": "*"}]);
    let written = all(excepting);
    assert!(written.iter().any(|one| one == "rds-db:connect"), "{written:?}");
    assert!(written.iter().any(|one| one == "cloudshell:*"), "{written:?}");
    // Of a service that is excepted in part no pattern is meant.
    assert!(!written.iter().any(|one| one == "neptune-db:*"), "{written:?}");
    assert!(written.iter().any(|one| one.starts_with("neptune-db:")), "{written:?}");
    assert!(!written.iter().any(|one| one.starts_with("organizations:")), "{written:?}");
}

//! `diff` as its users run it: an engineer with one role's policies, a reviewer, a schedule with
//! account dumps.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

mod beside;
mod claims;
mod forbidden;
mod given;
mod idle;
mod kept;
mod large;
mod origin;
mod passing;
mod people;
mod renamed;
mod renewed;
mod room;
mod shared;
mod unshown;
mod written;

use crate::harness::{list, number, text, text_of, trailtrim};

const ACCOUNT: &str = "111122223333";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:jobs";

/// What a run of `diff` ended with.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

fn diff(trail: &Path, options: &[&str]) -> Ran {
    let output = trailtrim().arg("diff").arg(trail).args(options).output().unwrap();
    let stderr = text(output.stderr);
    assert!(!stderr.contains("panicked"), "{stderr}");
    let code = output.status.code().unwrap_or_else(|| panic!("killed\n{stderr}"));
    Ran { code, stdout: text(output.stdout), stderr }
}

/// Runs `diff`, which must not fail, and returns what it says as JSON.
fn described(trail: &Path, options: &[&str]) -> (i32, Value) {
    let ran = diff(trail, &[options, &["--format", "json"]].concat());
    assert!(matches!(ran.code, 0 | 1 | 3), "{}: {}", ran.code, ran.stderr);
    (ran.code, serde_json::from_str(&ran.stdout).unwrap())
}

/// Returns what is said of a principal, by the end of its ARN.
fn of<'d>(diff: &'d Value, name: &str) -> &'d Value {
    let found = list(diff, "principals").iter().find(|one| text_of(one, "arn").ends_with(name));
    found.unwrap_or_else(|| panic!("no {name}"))
}

/// Returns the class of each action that is told of, by its name.
fn classes(principal: &Value) -> BTreeMap<&str, &str> {
    let statements = list(principal, "statements").iter();
    let actions = statements.flat_map(|one| list(one, "actions"));
    actions.map(|one| (text_of(one, "action"), text_of(one, "class"))).collect()
}

/// Returns the documents of a principal's draft.
fn drafted(principal: &Value) -> Vec<&Value> {
    list(&principal["draft"], "documents").iter().map(|one| &one["document"]).collect()
}

/// Returns what a field of a policy holds, a text or a list of them.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// Records of one day after another, alive all through.
struct Log {
    days: usize,
    records: Vec<String>,
}

impl Log {
    /// A trail in which the account's reads and writes never pause.
    fn alive(account: &str, days: usize) -> Log {
        let mut log = Log { days, records: Vec::new() };
        for day in 0..days {
            for hour in (0..24).step_by(4) {
                for reads in [true, false] {
                    let call = ("ec2.amazonaws.com", "DescribeRegions", "{}");
                    log.at(account, "somebody", (day, hour), call, reads);
                }
            }
        }
        log
    }

    fn at(
        &mut self,
        account: &str,
        role: &str,
        (day, hour): (usize, usize),
        (source, name, parameters): (&str, &str, &str),
        reads: bool,
    ) {
        let number = self.records.len();
        self.records.push(format!(
            r#"{{"eventVersion":"1.11","eventID":"{account}-{number}","eventTime":"2026-01-{:02}T{hour:02}:00:00Z",
            "eventSource":"{source}","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"198.51.100.7",
            "userIdentity":{{"type":"AssumedRole","arn":"arn:aws:sts::{account}:assumed-role/{role}/s","accountId":"{account}",
                "principalId":"AROAEXAMPLE{role}:s","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE{role}",
                "arn":"arn:aws:iam::{account}:role/{role}","accountId":"{account}","userName":"{role}"}}}}}},
            "requestParameters":{parameters},"readOnly":{reads},"eventType":"AwsApiCall","managementEvent":true,
            "recipientAccountId":"{account}","eventCategory":"Management"}}"#,
            1 + day
        ));
    }

    /// Adds a call that a role makes on every day.
    fn daily(mut self, role: &str, source: &str, name: &str, parameters: &str) -> Log {
        for day in 0..self.days {
            self.at(ACCOUNT, role, (day, 9), (source, name, parameters), true);
        }
        self
    }

    /// Writes it, in as many files as asked for.
    fn write(&self, files: usize) -> TempDir {
        let folder = TempDir::new().unwrap();
        for (at, part) in self.records.chunks(self.records.len().div_ceil(files)).enumerate() {
            let body = format!("{{\"Records\":[{}]}}", part.join(","));
            fs::write(folder.path().join(format!("{at}.json")), body).unwrap();
        }
        folder
    }
}

/// The week of a worker that reads one queue's attributes.
fn week() -> Log {
    let queue = r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"}"#;
    Log::alive(ACCOUNT, 8).daily("worker", "sqs.amazonaws.com", "GetQueueAttributes", queue)
}

/// The same of a worker that takes tags off the queue, which an ordinary trail shows.
fn managed_week() -> Log {
    let queue = r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"}"#;
    Log::alive(ACCOUNT, 8).daily("worker", "sqs.amazonaws.com", "UntagQueue", queue)
}

fn policy(actions: &[&str], resources: &[&str]) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": actions, "Resource": resources}
    ]})
}

/// An account dump of roles with one inline policy each.
fn dump(roles: &[(&str, &str, Value)]) -> Value {
    let roles: Vec<Value> = roles
        .iter()
        .map(|(account, name, policy)| {
            json!({
                "Path": "/", "RoleName": name, "RoleId": format!("AROAEXAMPLE{name}"),
                "Arn": format!("arn:aws:iam::{account}:role/{name}"),
                "CreateDate": "2020-01-01T00:00:00Z",
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
                "InstanceProfileList": [], "AttachedManagedPolicies": [],
                "RolePolicyList": [{"PolicyName": "inline", "PolicyDocument": policy}],
            })
        })
        .collect();
    json!({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": []})
}

/// A folder with files beside a trail.
struct Files(TempDir);

impl Files {
    fn new() -> Files {
        Files(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, contents: &str) -> String {
        let path = self.0.path().join(name);
        fs::write(&path, contents).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

const WEEK: [&str; 6] =
    ["--unused-days", "3", "--principal", "worker", "--use-region", "eu-west-1"];

#[test]
fn what_is_attached_and_unused_goes_and_check_says_so() {
    let (trail, files) = (week().write(1), Files::new());
    let attached =
        policy(&["sqs:GetQueueAttributes", "sqs:DeleteQueue", "sqs:PurgeQueue"], &[QUEUE]);
    let attached = files.write("policy.json", &attached.to_string());
    let options = [&WEEK[..], &["--attached", &attached]].concat();
    let (code, made) = described(trail.path(), &options);
    let worker = of(&made, "worker");
    assert_eq!((code, text_of(worker, "status")), (0, "tightened"), "{worker:#}");
    assert_eq!(classes(worker), [("sqs:GetQueueAttributes", "used")].into());
    let [draft] = drafted(worker)[..] else { panic!("{worker:#}") };
    let statement = &draft["Statement"][0];
    assert_eq!(texts(&statement["Action"]), ["sqs:GetQueueAttributes"]);
    assert_eq!(texts(&statement["Resource"]), [QUEUE]);
    let removed = &worker["statements"][0]["removed"][0];
    assert_eq!(texts(&removed["actions"]), ["sqs:DeleteQueue", "sqs:PurgeQueue"]);

    assert_eq!(diff(trail.path(), &[&options[..], &["--check"]].concat()).code, 1);
    // In a week, nothing was unused for a month.
    let patient = ["--principal", "worker", "--attached", &attached, "--check"];
    assert_eq!(diff(trail.path(), &patient).code, 0);
}

/// The dump's roles stand below a path that no call tells.
#[test]
fn the_account_dump_tells_the_paths_of_names_and_the_roles_of_instance_profiles() {
    let log = Log::alive(ACCOUNT, 8)
        .daily("worker", "iam.amazonaws.com", "GetRole", r#"{"roleName":"inner"}"#)
        .daily("worker", "iam.amazonaws.com", "GetRole", r#"{"roleName":"stranger"}"#)
        .daily(
            "worker",
            "glue.amazonaws.com",
            "CreateJob",
            r#"{"name":"j","role":"inner","command":{"name":"glueetl"}}"#,
        )
        .daily(
            "worker",
            "ec2.amazonaws.com",
            "AssociateIamInstanceProfile",
            r#"{"AssociateIamInstanceProfileRequest":{"IamInstanceProfile":{"Name":"web"},"InstanceId":"i-0a1b2c3d4e5f60718"}}"#,
        );
    let (trail, files) = (log.write(1), Files::new());
    let inner = "arn:aws:iam::111122223333:role/infra/inner";
    let held = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": ["iam:GetRole", "iam:PassRole"],
            "Resource": ["arn:aws:iam::111122223333:role/infra/*", "arn:aws:iam::111122223333:role/stranger"]},
        {"Effect": "Allow", "Action": ["glue:*", "ec2:*"], "Resource": "*"}
    ]});
    let mut account =
        dump(&[(ACCOUNT, "worker", held), (ACCOUNT, "inner", policy(&["s3:*"], &["*"]))]);
    let role = &mut account["RoleDetailList"][1];
    role["Path"] = "/infra/".into();
    role["Arn"] = inner.into();
    role["InstanceProfileList"] = json!([{"InstanceProfileName": "web", "Arn": "arn:aws:iam::111122223333:instance-profile/x/web"}]);
    let account = files.write("account.json", &account.to_string());
    let options = [&WEEK[..], &["--account-authorization-details", &account]].concat();
    let (_, made) = described(trail.path(), &options);
    let worker = of(&made, "worker");
    assert!(list(worker, "not_attached").is_empty(), "{worker:#}");
    let statements = list(worker, "statements").iter().flat_map(|one| list(one, "actions"));
    let passed = statements.filter(|one| text_of(one, "action") == "iam:PassRole");
    let passed: Vec<&str> =
        passed.flat_map(|one| list(one, "used")).map(|one| text_of(one, "resource")).collect();
    assert!(!passed.is_empty() && passed.iter().all(|one| *one == inner), "{passed:?}");
    // Of a name that is in neither, the path is taken, and said.
    let notes =
        list(worker, "notes").iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n");
    assert!(notes.contains("role/stranger") && !notes.contains("inner"), "{notes}");
    assert!(diff(trail.path(), &options).stdout.contains("role/stranger"));
}

#[test]
fn what_two_statements_allow_is_kept_once_and_unused_in_neither() {
    let (trail, files) = (managed_week().write(1), Files::new());
    let allow = |resource: &str| {
        json!({"Effect": "Allow", "Action": ["sqs:UntagQueue", "sqs:PurgeQueue"],
            "Resource": resource})
    };
    let variable = "arn:aws:sqs:eu-west-1:111122223333:${aws:userid}-*";
    for (statements, going, wider) in [
        ([allow(QUEUE), allow("*")], 1, true),
        ([allow("*"), allow(QUEUE)], 1, false),
        // Resources that hold variables stay where something of their statement does.
        (
            [
                json!({"Effect": "Allow", "Action": "sqs:UntagQueue",
            "Resource": [QUEUE, variable]}),
                allow(QUEUE),
            ],
            0,
            true,
        ),
    ] {
        let attached = json!({"Version": "2012-10-17", "Statement": statements});
        let attached = files.write("policy.json", &attached.to_string());
        let (_, made) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
        let worker = of(&made, "worker");
        let judged = list(worker, "statements");
        let going = &judged[going];
        let action = &list(going, "actions")[0];
        assert_eq!(text_of(action, "class"), "allowed-elsewhere", "{worker:#}");
        let elsewhere = &list(action, "elsewhere")[0];
        assert_eq!(text_of(elsewhere, "resource"), QUEUE);
        assert_ne!(number(elsewhere, "statement"), number(going, "statement"));
        assert!(text_of(action, "why").contains("another statement allows as well"), "{action:#}");
        assert_eq!(going["keeps_resources"], Value::Null);
        let findings = list(worker, "findings").iter();
        let unused = findings.filter(|one| text_of(one, "code") == "unused-access");
        // What was used is not called unused; that the statement allows more than that is told.
        let of_it = unused.map(|one| text_of(one, "message"));
        let of_it: Vec<_> = of_it.filter(|one| one.contains("UntagQueue")).collect();
        assert_eq!(of_it.len(), usize::from(wider), "{of_it:?}");
        assert!(of_it.iter().all(|told| told.contains("allowed on more than was used")));
        let [draft] = drafted(worker)[..] else { panic!("{worker:#}") };
        let [statement] = list(draft, "Statement") else { panic!("{draft:#}") };
        assert_eq!(texts(&statement["Resource"]), [QUEUE]);
    }
}

#[test]
fn a_condition_that_is_added_takes_nothing_that_the_log_could_not_show() {
    let log =
        Log::alive(ACCOUNT, 8).daily("worker", "ec2.amazonaws.com", "DescribeInstances", "{}");
    let (trail, files) = (log.write(1), Files::new());
    let attached = policy(&["ec2:DescribeInstances"], &["*"]);
    let attached = files.write("policy.json", &attached.to_string());
    let kind = ["--condition", "requested-region"];
    let here = json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}});
    let elsewhere = json!({"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}});
    // Nothing tells of other regions, unless none of them is in use.
    for (used, expected) in [(&[][..], vec![&here, &elsewhere]), (&WEEK[4..], vec![&here])] {
        let options = [&WEEK[..4], &kind[..], used, &["--attached", &attached]].concat();
        let (code, made) = described(trail.path(), &options);
        let worker = of(&made, "worker");
        assert_eq!(code, 0, "{worker:#}");
        let [draft] = drafted(worker)[..] else { panic!("{worker:#}") };
        let statements = list(draft, "Statement");
        let conditions: Vec<&Value> = statements.iter().map(|one| &one["Condition"]).collect();
        assert_eq!(conditions, expected, "{draft:#}");
    }
}

#[test]
fn a_condition_that_is_added_leaves_what_stays_with_its_variable() {
    let (trail, files) = (managed_week().write(1), Files::new());
    let queue = "arn:aws:sqs:eu-west-1:111122223333:${aws:PrincipalTag/queue}";
    let attached = policy(&["sqs:UntagQueue"], &[queue]);
    let attached = files.write("policy.json", &attached.to_string());
    let options = [&WEEK[..], &["--condition", "source-ip", "--attached", &attached]].concat();
    let (code, made) = described(trail.path(), &options);
    let worker = of(&made, "worker");
    assert_eq!((code, classes(worker)), (0, [("sqs:UntagQueue", "used")].into()));
    let [draft] = drafted(worker)[..] else { panic!("{worker:#}") };
    let [statement] = list(draft, "Statement") else { panic!("{draft:#}") };
    assert_eq!(texts(&statement["Resource"]), [queue]);
    let asked = json!({"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}});
    assert_eq!(statement["Condition"], asked);
}

#[test]
fn a_draft_that_is_attached_leaves_nothing_to_find() {
    let (trail, files) = (week().write(1), Files::new());
    // Some actions of a service take no resource: on an ARN they are no more than what a pattern means.
    let tables = ["arn:aws:dynamodb:*:*:table/*", "arn:aws:dynamodb:*:*:table/orders"];
    for attached in [
        policy(&["sqs:*"], &["*"]),
        policy(&["sqs:*", "dynamodb:*"], &[QUEUE, tables[0]]),
        policy(&["sqs:*", "dynamodb:*"], &[QUEUE, tables[1]]),
        policy(&["sqs:*", "dynamodb:DescribeEndpoints"], &[QUEUE, tables[1]]),
    ] {
        let attached = files.write("policy.json", &attached.to_string());
        let (_, made) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
        let [draft] = drafted(of(&made, "worker"))[..] else { panic!("{made:#}") };
        let tightened = files.write("tightened.json", &draft.to_string());
        let options = [&WEEK[..], &["--check", "--attached", &tightened]].concat();
        let (code, again) = described(trail.path(), &options);
        assert_eq!(code, 0, "{again:#}");
        assert_eq!(drafted(of(&again, "worker")), [draft]);
    }
}

#[test]
fn what_no_action_can_be_done_to_is_a_dead_grant() {
    let (trail, files) = (week().write(1), Files::new());
    // Of an action that is newer than what the catalog knows of resources, nothing is said.
    let iam = trailtrim().args(["catalog", "service", "iam", "--format", "json"]).output().unwrap();
    let iam: Value = serde_json::from_str(&text(iam.stdout)).unwrap();
    let mut iam = list(&iam, "actions").iter();
    let untold = iam.find(|one| one["resource_types_known"] == false);
    let untold = untold.map_or("sqs:SendMessage", |one| text_of(one, "action"));
    let actions =
        ["sqs:GetQueueAttributes", "ec2:DescribeRegions", "s3:GetObject", "lambda:*", untold];
    let attached = files.write("policy.json", &policy(&actions, &[QUEUE]).to_string());
    let (_, made) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
    let findings = list(of(&made, "worker"), "findings").iter();
    let dead = findings.filter(|one| text_of(one, "code") == "dead-grant");
    let told: Vec<&str> = dead.map(|one| text_of(one, "message")).collect();
    // Of a pattern nothing is said where it means more, as of `*`; of this one all goes.
    let elsewhere = "can be done to none of the resources, which are of other services";
    assert_eq!(
        told,
        [
            "the reference has no resource for them and wants `*`, so an ARN most likely allows nothing: ec2:DescribeRegions".to_owned(),
            format!("{elsewhere}: s3:GetObject, lambda:*")
        ]
    );
}

#[test]
fn nobody_is_asked_to_mend_a_service_linked_role() {
    let name = "AWSServiceRoleForConfig";
    let arn = format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/config.amazonaws.com/{name}");
    let mut log = Log::alive(ACCOUNT, 4);
    log.at(ACCOUNT, name, (1, 9), ("s3.amazonaws.com", "ListBuckets", "{}"), true);
    let record = log.records.pop().unwrap();
    log.records.push(record.replace(&format!("arn:aws:iam::{ACCOUNT}:role/{name}"), &arn));
    let mut dump = dump(&[(ACCOUNT, name, policy(&["*"], &["*"]))]);
    dump["RoleDetailList"][0]["Arn"] = arn.as_str().into();
    let files = Files::new();
    let dump = files.write("account.json", &dump.to_string());
    let options = ["--unused-days", "2", "--account-authorization-details", &dump, "--check"];
    let (code, made) = described(log.write(1).path(), &options);
    let role = of(&made, name);
    assert_eq!((code, text_of(role, "status")), (0, "service-linked"), "{role:#}");
    assert_eq!(number(&role["activity"], "calls"), 1);
    assert_eq!(list(role, "findings").len(), 0);
}

#[test]
fn a_baseline_accepts_what_is_known_until_its_day() {
    let (trail, files) = (week().write(1), Files::new());
    let attached = policy(&["sqs:GetQueueAttributes", "sqs:DeleteQueue"], &[QUEUE]);
    let attached = files.write("policy.json", &attached.to_string());
    let accept = |principal: &str, until: &str| {
        let text = format!(
            "[[accept]]\nprincipal = \"{principal}\"\ncode = \"unused-access\"\nuntil = {until}\n\
             reason = \"goes with the old system\"\nowner = \"team-platform\"\n"
        );
        files.write("accepted.toml", &text)
    };
    // The trail ends on 2026-01-08.
    for (principal, until, code, told) in [
        ("role/worker", "2026-01-08", 0, "check: 0 findings that it fails for, 1 accepted"),
        (
            "role/worker",
            "2026-01-07",
            1,
            "unused-access of `role/worker` ended on 2026-01-07, and the trail ends on 2026-01-08",
        ),
        (
            "role/other",
            "2026-02-01",
            1,
            "unused-access, 1 of arn:aws:iam::111122223333:role/worker",
        ),
    ] {
        let baseline = accept(principal, until);
        let options = ["--attached", &attached, "--check", "--baseline", &baseline];
        let ran = diff(trail.path(), &[&WEEK[..], &options].concat());
        assert_eq!(ran.code, code, "{principal} {until}: {}", ran.stdout);
        assert!(ran.stderr.contains(told), "{principal} {until}: {}", ran.stderr);
        let sarif = diff(trail.path(), &[&WEEK[..], &options, &["--format", "sarif"]].concat());
        let sarif: Value = serde_json::from_str(&sarif.stdout).unwrap();
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        let accepted = results.iter().filter(|one| one["suppressions"][0]["status"] == "accepted");
        assert_eq!(accepted.count(), usize::from(code == 0), "{principal} {until}");
        for format in [&[][..], &["--format", "markdown"], &["--format", "html"]] {
            let options = [&WEEK[..], &options, format].concat();
            let told = diff(trail.path(), &options).stdout;
            let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
            let marked = told.contains(&format!("accepted until {until} by team"));
            assert_eq!(marked, code == 0, "{format:?} {principal} {until}: {told}");
        }
    }
    // Of a dump all principals are judged, so an entry without a finding is good for nothing.
    let dump = dump(&[(ACCOUNT, "worker", policy(&["sqs:DeleteQueue"], &[QUEUE]))]);
    let dump = files.write("dump.json", &dump.to_string());
    let baseline = accept("role/gone", "2026-02-01");
    let ran = diff(
        trail.path(),
        &["--account-authorization-details", &dump, "--check", "--baseline", &baseline],
    );
    assert!(ran.stderr.contains("`role/gone` accepts nothing: no finding"), "{}", ran.stderr);
    // What is kept out may be what the entry is about.
    let since = ["--since", "2026-01-05"];
    let options = ["--account-authorization-details", &dump, "--check", "--baseline", &baseline];
    let ran = diff(trail.path(), &[&options[..], &since].concat());
    let told = "accepts nothing of the part that is looked at here (--since)";
    assert!(ran.stderr.contains(told) && !ran.stderr.contains("take it out"), "{}", ran.stderr);
    // One role's policies are not those of the whole account.
    let ran = diff(trail.path(), &["--principal", "worker", "--attached", &dump]);
    let told = "is the dump of an account, and --attached takes one principal's policies";
    assert!(ran.code == 2 && ran.stderr.contains(told), "{}", ran.stderr);
}

#[test]
fn the_configuration_pins_and_withholds() {
    let (trail, files) = (week().write(1), Files::new());
    let attached =
        policy(&["sqs:GetQueueAttributes", "sqs:DeleteQueue", "sqs:PurgeQueue"], &[QUEUE]);
    let attached = files.write("policy.json", &attached.to_string());
    let config = files.write(
        "trailtrim.toml",
        "unused-days = 3\nuse-regions = [\"eu-west-1\"]\nnever = [\"sqs:GetQueueAttributes\"]\n\
         [[pin]]\nprincipal = \"*role/worker\"\naction = \"sqs:Purge*\"\n\
         reason = \"emptied once a year\"\nowner = \"team-orders\"\n",
    );
    let options = ["--principal", "worker", "--attached", &attached, "--config", &config];
    let (_, made) = described(trail.path(), &options);
    let worker = of(&made, "worker");
    let told = [("sqs:GetQueueAttributes", "withheld"), ("sqs:PurgeQueue", "pinned")];
    assert_eq!(classes(worker), told.into(), "{worker:#}");
    let pinned = &worker["statements"][0]["actions"][1];
    assert_eq!(text_of(pinned, "why"), "pinned by team-orders: emptied once a year");
    let [draft] = drafted(worker)[..] else { panic!("{worker:#}") };
    assert_eq!(texts(&draft["Statement"][0]["Action"]), ["sqs:PurgeQueue"]);
}

#[test]
fn a_mistake_of_the_user_comes_with_what_to_do() {
    let (trail, files) = (week().write(1), Files::new());
    let attached = files.write("policy.json", &policy(&["sqs:*"], &["*"]).to_string());
    let dump =
        files.write("dump.json", &dump(&[(ACCOUNT, "a", policy(&["s3:*"], &["*"]))]).to_string());
    let slip = files.write("slip.toml", "unused-day = 3\n");
    let deep =
        files.write("deep.toml", "[[pin]]\nacton = \"s3:*\"\nreason = \"r\"\nowner = \"o\"\n");
    let odd = files.write("odd.toml", "colour = \"red\"\n");
    let broken = files.write("broken.toml", "unused-days = = 3\n");
    let taste = files.write("taste.toml", "resources = \"loose\"\n");
    let code = files.write(
        "code.toml",
        "[[accept]]\nprincipal = \"*\"\ncode = \"unused\"\nuntil = 2026-02-01\nreason = \"r\"\nowner = \"o\"\n",
    );
    let one = ["--principal", "worker", "--attached", &attached];
    let with = |more: &[&'static str], file: &str| -> Vec<String> {
        one.iter()
            .copied()
            .chain(more.iter().copied())
            .map(str::to_owned)
            .chain([file.to_owned()])
            .collect()
    };
    let plain =
        |options: &[&str]| -> Vec<String> { options.iter().map(|&one| one.to_owned()).collect() };
    let mistakes = [
        (
            with(&["--config"], &slip),
            "unknown key `unused-day`; did you mean `unused-days`?",
            "known keys",
        ),
        (
            with(&["--config"], &deep),
            "unknown key `pin.acton`; did you mean `pin.action`?",
            "known keys",
        ),
        (with(&["--config"], &odd), "unknown key `colour`", "known keys"),
        (with(&["--config"], &broken), "configuration `", "the file is TOML"),
        (with(&["--config"], &taste), "`loose` is no way to write resources", "write `"),
        (with(&["--config"], "/no/such.toml"), "cannot read the configuration", "check the path"),
        (
            with(&["--check", "--baseline"], &code),
            "`unused` is no code of a finding",
            "known codes",
        ),
        (
            with(&["--check", "--baseline"], "/no/such.toml"),
            "cannot read the baseline",
            "check the path",
        ),
        (
            plain(&["--attached", &attached]),
            "--attached is about one principal",
            "name one with --principal",
        ),
        (
            plain(&["--account-authorization-details", &attached]),
            "is no account dump",
            "give the output of `aws iam get-account-authorization-details`",
        ),
        (
            plain(&["--account-authorization-details", &dump, "--principal", "worker"]),
            "no user or role in the account dump matches --principal",
            "the dump names 1",
        ),
    ];
    for (options, error, hint) in mistakes {
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let ran = diff(trail.path(), &options);
        assert_eq!(ran.code, 2, "{options:?}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{options:?} prints data");
        assert!(ran.stderr.contains(error), "{options:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("\nhint: {hint}")), "{options:?}: {}", ran.stderr);
    }
}

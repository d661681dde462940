//! What a diff says of a statement must hold for that statement.

use serde_json::{Value, json};

use super::forbidden::gone;
use super::{
    ACCOUNT, Files, Log, QUEUE, WEEK, classes, described, diff, dump, managed_week, of, policy,
    texts, week,
};
use crate::harness::{generate, list, number, text_of};

/// A policy of some statements.
fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// Returns the messages of the findings of a kind on a principal.
pub(super) fn messages<'d>(principal: &'d Value, code: &str) -> Vec<&'d str> {
    let findings = list(principal, "findings").iter();
    findings.filter(|one| text_of(one, "code") == code).map(|one| text_of(one, "message")).collect()
}

/// Returns how the one thing is explained that nothing attached allows.
fn explained(diff: &Value) -> Option<&str> {
    let [one] = list(of(diff, "worker"), "not_attached") else { panic!("{diff:#}") };
    assert_eq!(text_of(one, "action"), "s3:PutObjectAcl");
    one.get("explanation").map(|it| text_of(it, "action"))
}

#[test]
fn a_missing_permission_does_not_explain_itself() {
    let put = r#"{"bucketName":"b","key":"k","x-amz-acl":"bucket-owner-full-control"}"#;
    let log = || Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "PutObject", put);
    let files = Files::new();
    let attached =
        json!({"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*"});
    let attached = files.write("worker.json", &document(&[attached]));
    let options = [&WEEK[..], &["--attached", &attached, "--check"]].concat();
    let trail = log().write(1);
    let (code, described_so) = described(trail.path(), &options);
    assert_eq!((code, explained(&described_so)), (1, None));
    let worker = of(&described_so, "worker");
    assert_eq!(messages(worker, "unexplained-access").len(), 1, "{worker:#}");
    assert!(worker["frozen"].get("s3").is_some(), "{worker:#}");
    let replay = &worker["proofs"]["replay"];
    let counts = ["calls", "allowed", "not_attached"].map(|name| number(replay, name));
    assert_eq!(counts, [8, 0, 8], "{replay:#}");
    // A call that writes the bucket's policy explains it, from then on.
    let policy = r#"{"bucketName":"b","bucketPolicy":{}}"#;
    for (day, by) in [(0, Some("s3:PutBucketPolicy")), (5, None)] {
        let mut log = log();
        let call = ("s3.amazonaws.com", "PutBucketPolicy", policy);
        log.at(ACCOUNT, "somebody", (day, 5), call, false);
        let trail = log.write(1);
        let (_, described_so) = described(trail.path(), &options);
        assert_eq!(explained(&described_so), by, "written on day {day}");
    }
}

#[test]
fn a_user_name_in_a_resource_allows_a_role_nothing() {
    let (trail, files) = (week().write(1), Files::new());
    let judged = |last: &str| {
        let attached = json!({"Effect": "Allow",
            "Action": ["sqs:GetQueueAttributes", "kafka-cluster:Connect"],
            "Resource": [format!("arn:aws:sqs:eu-west-1:111122223333:{last}"),
                format!("arn:aws:kafka:eu-west-1:111122223333:cluster/{last}/*")]});
        let attached = files.write("worker.json", &document(&[attached]));
        let options = [&WEEK[..], &["--attached", &attached]].concat();
        of(&described(trail.path(), &options).1, "worker").clone()
    };
    // Requests of IAM users only have the key. Which tags a role has the log does not tell.
    let tagged = judged("${aws:PrincipalTag/queue}");
    let stays = [("kafka-cluster:Connect", "unobservable"), ("sqs:GetQueueAttributes", "used")];
    assert_eq!(classes(&tagged), stays.into(), "{tagged:#}");
    assert!(messages(&tagged, "unexplained-access").is_empty(), "{tagged:#}");
    let named = judged("${aws:username}");
    assert_eq!(messages(&named, "unexplained-access").len(), 1, "{named:#}");
    let told = "only requests of IAM users have `aws:username`";
    let gone = gone(&named, "kafka-cluster:Connect");
    assert!(matches!(gone[..], [why] if why.starts_with(told)), "{named:#}");
}

#[test]
fn what_freezes_is_told_by_iams_prefix() {
    let source = "monitoring.amazonaws.com";
    let trail = Log::alive(ACCOUNT, 8).daily("worker", source, "DescribeAlarms", "{}").write(1);
    let files = Files::new();
    let attached = json!({"Effect": "Allow", "Action": "sqs:*", "Resource": "*"});
    let attached = files.write("worker.json", &document(&[attached]));
    let (_, described) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
    let frozen = of(&described, "worker")["frozen"].as_object().unwrap();
    assert_eq!(frozen.keys().collect::<Vec<_>>(), ["cloudwatch"]);
}

#[test]
fn keys_that_are_not_kept_are_not_said_to_be_missing_in_the_log() {
    let (trail, files) = (week().write(1), Files::new());
    let attached = files.write(
        "worker.json",
        &document(&[json!({"Effect": "Allow", "Action": "sqs:*", "Resource": "*",
            "Condition": {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}})]),
    );
    let ran = diff(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
    let told = "under a condition that stays and that what is kept of the log does not decide \
                (aws:SourceIp)";
    let words: Vec<&str> = ran.stdout.split_whitespace().collect();
    assert!(words.join(" ").contains(told), "{}", ran.stdout);
}

#[test]
fn exceptions_are_not_every_resource() {
    let object = r#"{"bucketName":"b","key":"k"}"#;
    let log = Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "GetObject", object);
    let (trail, files) = (log.write(1), Files::new());
    let attached = json!({"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::secret-*"});
    let attached = files.write("worker.json", &document(&[attached]));
    let (_, described) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
    let worker = of(&described, "worker");
    let told = "on every resource that `NotResource` does not list, although they take ARNs: \
                s3:GetObject";
    assert_eq!(messages(worker, "resource-star"), [told]);
    assert_eq!(classes(worker).get("s3:GetObject"), Some(&"used"));
    assert_eq!(number(&worker["proofs"]["replay"], "not_attached"), 0);
}

#[test]
fn whom_a_selector_leaves_out_is_not_seen_by_what_others_do() {
    let (trail, files) = (week().write(1), Files::new());
    let attached = json!({"Effect": "Allow", "Action": ["ec2:StopInstances", "sqs:GetQueueAttributes"], "Resource": "*"});
    let attached = files.write("worker.json", &document(&[attached]));
    let class = |left_out: &str| {
        let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{left_out}/");
        let selectors = json!({"TrailARN": format!("arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/t"),
        "AdvancedEventSelectors": [{"FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Management"]},
            {"Field": "userIdentity.arn", "NotStartsWith": [session]},
        ]}]});
        let selectors = files.write("selectors.json", &selectors.to_string());
        let given = ["--attached", &attached, "--event-selectors", &selectors];
        let (_, described) = described(trail.path(), &[&WEEK[..], &given].concat());
        classes(of(&described, "worker")).get("ec2:StopInstances").map(|class| (*class).to_owned())
    };
    assert_eq!(class("worker").as_deref(), Some("unobservable"));
    // What is unused stands among what is removed.
    assert_eq!(class("another"), None);
}

#[test]
fn names_that_come_and_go_are_told_where_the_draft_lists_them() {
    let mut log = Log::alive(ACCOUNT, 8);
    for day in 0..8 {
        for table in [format!("build-{day}"), "orders".to_owned()] {
            let parameters = format!(r#"{{"tableName":"{table}"}}"#);
            let call = ("dynamodb.amazonaws.com", "DeleteTable", &*parameters);
            log.at(ACCOUNT, "worker", (day, 9), call, false);
        }
    }
    let (trail, files) = (log.write(1), Files::new());
    let told = |attached: &str, options: &[&str]| {
        let attached = json!({"Effect": "Allow", "Action": "dynamodb:*", "Resource": attached});
        let attached = files.write("worker.json", &document(&[attached]));
        let options = [&WEEK[..], &["--attached", &attached], options].concat();
        let (_, made) = described(trail.path(), &options);
        let notes = list(of(&made, "worker"), "notes").iter().filter_map(Value::as_str);
        notes.filter(|note| note.contains("come and go")).map(str::to_owned).collect::<Vec<_>>()
    };
    let expected = "names come and go: dynamodb:DeleteTable on 9 things, of which 8 were seen on one day only \
                    and new ones came on 8 days, last \
                    `arn:aws:dynamodb:eu-west-1:111122223333:table/build-7`.";
    let every = told("*", &[]);
    assert!(every.len() == 1 && every[0].starts_with(expected), "{every:?}");
    // A pattern that is attached stays, and so does what was asked for.
    assert_eq!(told("arn:aws:dynamodb:*:*:table/build-*", &[]), [""; 0]);
    assert_eq!(told("*", &["--resources", "type"]), [""; 0]);
    let made = generate(&[trail.path()], &[]);
    let report = made.report();
    let told = of(&report, "worker")["notes"].to_string();
    assert!(told.contains(expected) && made.stderr.contains(expected), "{told}\n{}", made.stderr);
}

#[test]
fn a_name_that_was_used_too_briefly_to_tell_is_told_where_a_pattern_allowed_it() {
    let kind = format!("arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/");
    let mut log = Log::alive(ACCOUNT, 8);
    let call = ("ssm.amazonaws.com", "StartSession", r#"{"target":"i-0aaaaaaaaaaaaaaa1"}"#);
    log.at(ACCOUNT, "worker", (4, 9), call, false);
    let (trail, files) = (log.write(1), Files::new());
    for (attached, instead) in
        [("*", Some("*")), ("i-0a*", Some("i-0a*")), ("i-0aaaaaaaaaaaaaaa1", None)]
    {
        let resource = format!("{kind}{attached}");
        let statement =
            json!({"Effect": "Allow", "Action": "ssm:StartSession", "Resource": resource});
        let policy = files.write("worker.json", &document(&[statement]));
        let options = [&WEEK[..], &["--attached", &policy]].concat();
        let (_, made) = described(trail.path(), &options);
        let notes = list(of(&made, "worker"), "notes").iter().filter_map(Value::as_str);
        let told: Vec<&str> = notes.filter(|note| note.contains("too briefly")).collect();
        assert_eq!(told.len(), usize::from(instead.is_some()), "{attached}: {made:#}");
        let ends = instead.map(|instead| format!("put `{kind}{instead}` in its place"));
        assert!(told.iter().zip(ends).all(|(told, ends)| told.ends_with(&ends)), "{told:?}");
    }
}

#[test]
fn many_keys_that_were_used_too_briefly_hide_nothing() {
    let mut log = Log::alive(ACCOUNT, 8);
    for directory in 0..30 {
        let get = format!(r#"{{"bucketName":"b","key":"d{directory}/x"}}"#);
        log.at(ACCOUNT, "worker", (3, 9), ("s3.amazonaws.com", "GetObject", &get), true);
    }
    let call = ("ssm.amazonaws.com", "StartSession", r#"{"target":"i-0aaaaaaaaaaaaaaa1"}"#);
    log.at(ACCOUNT, "worker", (3, 9), call, false);
    for at in 0..30 {
        let get = r#"{"bucketName":"b","key":"d/x"}"#;
        let role = format!("other-{at:02}");
        log.at(ACCOUNT, &role, (3, 9), ("s3.amazonaws.com", "GetObject", get), true);
    }
    let run = ("ecs.amazonaws.com", "RunTask", r#"{"taskDefinition":"td","cluster":"c"}"#);
    log.at(ACCOUNT, "z-deploy", (3, 9), run, false);
    let (trail, files) = (log.write(1), Files::new());
    let statement =
        json!({"Effect": "Allow", "Action": ["ssm:StartSession", "s3:GetObject"], "Resource": "*"});
    let policy = files.write("worker.json", &document(&[statement]));
    let options = ["--attached", &*policy, "--drop-unobservable", "*"];
    let (_, made) = described(trail.path(), &[&WEEK[..], &options].concat());
    let made_of = generate(&[trail.path()], &[]);
    for principal in [of(&made, "worker"), of(&made_of.report(), "worker")] {
        let notes = list(principal, "notes").iter().filter_map(Value::as_str);
        let told: Vec<&str> = notes.filter(|note| note.contains("too briefly")).collect();
        let [session, keys] = told.as_slice() else { panic!("{told:#?}") };
        assert!(session.contains("ssm:StartSession on `"), "{session}");
        assert!(keys.contains("s3:GetObject on 30 keys ("), "{keys}");
    }
    let (_, told) = made_of.stderr.split_once("open in the records:\n").unwrap();
    let role = format!("  arn:aws:iam::{ACCOUNT}:role/z-deploy: warning: any role may be passed");
    assert!(told.starts_with(&role), "{told}");
}

#[test]
fn keys_that_were_used_beyond_their_date_are_told_where_they_are_listed() {
    let mut log = Log::alive(ACCOUNT, 8);
    for day in 0..8 {
        for key in ["conf/2025-11-30/model.bin".to_owned(), format!("in/2026-01-0{}/x", day + 1)] {
            let get = format!(r#"{{"bucketName":"b","key":"{key}"}}"#);
            log.at(ACCOUNT, "worker", (day, 9), ("s3.amazonaws.com", "GetObject", &get), true);
        }
    }
    let trail = log.write(1);
    let expected = "keys hold a date, and were used beyond it: s3:GetObject on 1 key, last \
                    `arn:aws:s3:::b/conf/2025-11-30/model.bin`. The policy lists it, and one of another date would \
                    be refused: if there will be one, put a pattern in its place";
    let told = |principal: &Value| {
        let notes = list(principal, "notes").iter().filter_map(Value::as_str);
        notes.filter(|note| note.contains("hold a date")).map(str::to_owned).collect::<Vec<_>>()
    };
    let made = generate(&[trail.path()], &[]);
    assert_eq!(told(of(&made.report(), "worker")), [expected]);
    assert!(made.stderr.contains(expected), "{}", made.stderr);
    let report = generate(&[trail.path()], &["--resources", "exact"]).report();
    assert_eq!(told(of(&report, "worker")), [""; 0], "as was asked for");
    // Whoever attached it by that name knew it.
    let files = Files::new();
    for (resource, expected) in
        [("arn:aws:s3:::b/*", &[expected][..]), ("arn:aws:s3:::b/conf/2025-11-30/model.bin", &[])]
    {
        let attached = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": [resource, "arn:aws:s3:::b/in/*"]});
        let attached = files.write("worker.json", &document(&[attached]));
        let (_, made) = described(
            trail.path(),
            &[&WEEK[..], &["--attached", &attached, "--drop-unobservable", "*"]].concat(),
        );
        assert_eq!(told(of(&made, "worker")), expected, "{resource}");
    }
    // Of a time to come, so used before it, and not beyond.
    let get = r#"{"bucketName":"b","key":"until/2030-12/cert"}"#;
    let trail =
        Log::alive(ACCOUNT, 8).daily("worker", "s3.amazonaws.com", "GetObject", get).write(1);
    let notes = told(of(&generate(&[trail.path()], &[]).report(), "worker"));
    let [note] = notes.as_slice() else { panic!("{notes:?}") };
    assert!(note.starts_with("keys hold a date: s3:GetObject on 1 key"), "{note}");
}

#[test]
fn what_was_only_refused_and_a_pattern_grants_is_told() {
    let mut log = Log::alive(ACCOUNT, 8);
    for day in 0..8 {
        let put = format!(r#"{{"bucketName":"b","key":"out/k{day}"}}"#);
        log.at(ACCOUNT, "worker", (day, 9), ("s3.amazonaws.com", "PutObject", &put), false);
    }
    let put = r#"{"bucketName":"b","key":"out/protected"}"#;
    log.at(ACCOUNT, "worker", (1, 10), ("s3.amazonaws.com", "PutObject", put), false);
    let refused = log.records.last_mut().unwrap();
    *refused = refused.replacen("{", r#"{"errorCode":"AccessDenied","#, 1);
    let trail = log.write(1);
    let told = |options: &[&str]| {
        let made = generate(&[trail.path()], options);
        (of(&made.report(), "worker")["notes"].to_string(), made.stderr)
    };
    let warning = "s3:PutObject was only ever refused on `arn:aws:s3:::b/out/protected`, and the \
                   pattern `arn:aws:s3:::b/out/*` grants it";
    let (notes, stderr) = told(&[]);
    assert!(notes.contains(warning) && stderr.contains(warning), "{notes}\n{stderr}");
    assert!(!stderr.contains("refused, which grants nothing"), "{stderr}");
    let (notes, stderr) = told(&["--resources", "exact"]);
    assert!(!notes.contains("was only ever refused"), "{notes}");
    assert!(stderr.contains("refused, which grants nothing: 1 permission"), "{stderr}");
}

/// Returns what is said of an action that stays.
fn why<'d>(principal: &'d Value, action: &str) -> &'d str {
    let mut all = list(principal, "statements").iter().flat_map(|one| list(one, "actions"));
    let found = all.find(|one| text_of(one, "action") == action);
    text_of(found.unwrap_or_else(|| panic!("{principal:#}")), "why")
}

fn worker(statement: Value, options: &[&str]) -> Value {
    let (trail, files) = (managed_week().write(1), Files::new());
    let attached = files.write("worker.json", &document(&[statement]));
    let asked = ["--unused-days", "3", "--principal", "worker", "--attached", &attached];
    of(&described(trail.path(), &[&asked[..], options].concat()).1, "worker").clone()
}

#[test]
fn what_was_used_is_not_said_to_be_not_seen() {
    let wide = json!({"Effect": "Allow", "Action": ["sqs:UntagQueue", "sqs:PurgeQueue"],
        "Resource": "*"});
    let one = worker(wide, &[]);
    let told = "in 6 covered days in eu-west-1; of other regions nothing is known";
    let of = |action| why(&one, action).to_owned();
    assert_eq!(of("sqs:UntagQueue"), format!("on nothing else seen {told}"));
    assert_eq!(of("sqs:PurgeQueue"), format!("not seen {told}"));
}

#[test]
fn what_is_missing_of_a_global_service_is_not_the_region_that_is_called() {
    let wide = json!({"Effect": "Allow", "Action": ["iam:GetRole", "sts:AssumeRole"],
        "Resource": "*"});
    let one = worker(wide, &["--use-region", "eu-west-1"]);
    for (action, told) in [
        ("iam:GetRole", "`*`: calls of iam.amazonaws.com are global service events"),
        ("sts:AssumeRole", "`*`: calls of sts.amazonaws.com may be global service events"),
    ] {
        let why = why(&one, action);
        assert!(why.contains(told), "{why}");
        assert!(why.ends_with("delivered with those of us-east-1"), "{why}");
    }
}

#[test]
fn a_condition_on_the_time_is_decided_by_when_calls_were_made() {
    let until = |time: &str| {
        let statement = json!({"Effect": "Allow", "Action": "sqs:UntagQueue",
            "Resource": "*", "Condition": {"DateLessThan": {"aws:CurrentTime": time}}});
        worker(statement, &["--use-region", "eu-west-1"])
    };
    let open = until("2027-01-01T00:00:00Z");
    let replay = &open["proofs"]["replay"];
    assert_eq!((number(replay, "allowed"), number(replay, "conditional")), (8, 0), "{replay:#}");
    // The calls are of the first week of January.
    for ended in ["2025-06-01T00:00:00Z", "2026-01-03T00:00:00Z"] {
        let one = until(ended);
        assert_eq!(messages(&one, "unexplained-access").len(), 1, "{one:#}");
        assert!(one["frozen"].get("sqs").is_some(), "{one:#}");
    }
}

#[test]
fn a_backtest_of_a_draft_that_cut_nothing_yet_says_so() {
    let queue = r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"}"#;
    let log =
        Log::alive(ACCOUNT, 18).daily("worker", "sqs.amazonaws.com", "GetQueueAttributes", queue);
    let (trail, files) = (log.write(1), Files::new());
    let statement = json!({"Effect": "Allow", "Action": ["sqs:GetQueueAttributes", "sqs:PurgeQueue"],
        "Resource": "*"});
    let attached = files.write("worker.json", &document(&[statement]));
    let told = |days: &str| {
        let asked = ["--unused-days", days, "--principal", "worker", "--use-region", "eu-west-1"];
        let ran = diff(trail.path(), &[&asked[..], &["--attached", &attached]].concat());
        let line = ran.stdout.lines().find(|line| line.contains("backtest: ")).map(str::to_owned);
        line.unwrap_or_else(|| panic!("{}", ran.stdout))
    };
    let early = told("14");
    assert!(
        early.contains("nothing was cut yet") && !early.contains("would have denied"),
        "{early}"
    );
    let late = told("5");
    assert!(late.contains("would have denied"), "{late}");
}

#[test]
fn one_cause_is_told_once_and_with_a_few_names() {
    let mut log = week();
    for day in 0..8 {
        let put = format!(r#"{{"bucketName":"b","key":"k{day}"}}"#);
        log.at(ACCOUNT, "worker", (day, 10), ("s3.amazonaws.com", "PutObject", &put), false);
    }
    let (trail, files) = (log.write(1), Files::new());
    let attached = json!({"Effect": "Allow", "Action": "sqs:*", "Resource": "*"});
    let attached = files.write("worker.json", &document(&[attached]));
    let options = [&WEEK[..], &["--attached", &attached]].concat();
    let (_, described) = described(trail.path(), &options);
    let worker = of(&described, "worker");
    assert_eq!(list(worker, "not_attached").len(), 8, "{worker:#}");
    let told = messages(worker, "unexplained-access");
    let [told] = told[..] else { panic!("{told:?}") };
    assert!(told.contains("b/k0`") && told.contains("and 3 more worked"), "{told}");
    let ran = diff(trail.path(), &options);
    let lines = ran.stdout.lines().filter(|line| line.contains("! s3:PutObject"));
    assert_eq!(lines.count(), 7, "{}", ran.stdout);
}

#[test]
fn two_dumps_that_tell_of_a_role_differently_are_refused() {
    let (trail, files) = (week().write(1), Files::new());
    let of = |actions: &[&str]| {
        let dump = dump(&[(ACCOUNT, "worker", policy(actions, &["*"]))]).to_string();
        files.write(&format!("{}.json", actions.len()), &dump)
    };
    let (old, new) = (of(&["sqs:*"]), of(&["sqs:SendMessage", "sqs:ReceiveMessage"]));
    let given = |dumps: &[&str]| {
        diff(trail.path(), &[&WEEK[..], &["--account-authorization-details"], dumps].concat())
    };
    for dumps in [[&*old, &*new], [&*new, &*old]] {
        let ran = given(&dumps);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(
            ran.stderr.contains("role/worker` is told of twice, and not alike"),
            "{}",
            ran.stderr
        );
    }
    // The same one twice says nothing else.
    assert_eq!(given(&[&new, &new]).stdout, given(&[&new]).stdout);
}

#[test]
fn what_a_user_did_under_its_former_name_is_its_own() {
    let user = |name: &str, id: &str, day: u32| {
        let arn = format!("arn:aws:iam::{ACCOUNT}:user/{name}");
        json!({"eventVersion": "1.11", "userIdentity": {"type": "IAMUser", "principalId": id, "arn": arn,
            "accountId": ACCOUNT, "userName": name}, "eventTime": format!("2026-03-{day:02}T10:00:00Z"),
            "eventSource": "sqs.amazonaws.com", "eventName": "PurgeQueue", "awsRegion": "eu-west-1",
            "eventID": format!("{name}-{id}-{day}"), "eventType": "AwsApiCall", "eventCategory": "Management",
            "managementEvent": true, "readOnly": false, "recipientAccountId": ACCOUNT,
            "requestParameters": {"queueUrl": format!("https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/{name}")}})
        .to_string()
    };
    let queues = |records: Vec<String>| -> Vec<String> {
        let trail = Log { records, ..Log::alive(ACCOUNT, 1) }.write(1);
        let run = generate(&[trail.path()], &["--principal", "new"]);
        let report = run.report();
        let new = of(&report, "user/new");
        list(new, "grants").iter().map(|one| text_of(one, "resource").to_owned()).collect()
    };
    let queue = |name: &str| format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}");
    let renamed = queues(vec![
        user("old", "AIDAJQABLZS4A3QDU576Q", 2),
        user("new", "AIDAJQABLZS4A3QDU576Q", 3),
    ]);
    assert_eq!(renamed, [queue("new"), queue("old")]);
    // Another user had that name, before or since.
    let other = queues(vec![
        user("old", "AIDAZYXWVUTSRQPONMLKJ", 2),
        user("new", "AIDAJQABLZS4A3QDU576Q", 3),
    ]);
    assert_eq!(other, [queue("new")]);
}

#[test]
fn what_takes_no_resource_is_not_allowed_on_an_arn() {
    let log = Log::alive(ACCOUNT, 8).daily("worker", "dynamodb.amazonaws.com", "ListTables", "{}");
    let (trail, files) = (log.write(1), Files::new());
    let run = |on: &str| {
        let attached = files.write("policy.json", &policy(&["dynamodb:*"], &[on]).to_string());
        let (_, made) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
        of(&made, "worker").clone()
    };
    let codes = |one: &Value| -> Vec<String> {
        list(one, "findings").iter().map(|one| text_of(one, "code").to_owned()).collect()
    };
    let counts = |one: &Value| {
        let replay = &one["proofs"]["replay"];
        ["calls", "allowed", "not_attached"].map(|name| number(replay, name))
    };
    let table = run("arn:aws:dynamodb:eu-west-1:111122223333:table/a");
    assert!(codes(&table).contains(&"unexplained-access".to_owned()), "{table:#}");
    assert_eq!(counts(&table), [8, 0, 8], "{table:#}");
    assert!(table["frozen"].get("dynamodb").is_some(), "{table:#}");
    // Of what names a collection the service alone knows.
    let tables = run("arn:aws:dynamodb:eu-west-1:111122223333:table/*");
    assert_eq!(counts(&tables), [8, 0, 0], "{tables:#}");
    assert_eq!(number(&tables["proofs"]["replay"], "on_arns"), 8, "{tables:#}");
    let all = run("*");
    assert_eq!(counts(&all), [8, 8, 0], "{all:#}");
}

/// A pattern beside one name is no way of what is asked for on none; a draft without it denies nothing.
#[test]
fn what_takes_no_resource_is_replayed_on_what_may_have_allowed_it() {
    let list = |source: &str, name: &str, statements: [(&str, &str); 2]| {
        let log = Log::alive(ACCOUNT, 8).daily("worker", source, name, "{}");
        let (trail, files) = (log.write(1), Files::new());
        let allow = |(action, resource): (&str, &str)| json!({"Effect": "Allow", "Action": action, "Resource": resource});
        let attached = files.write("policy.json", &document(&statements.map(allow)));
        let (_, made) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
        of(&made, "worker").clone()
    };
    let table = |name: &str| format!("arn:aws:dynamodb:*:{ACCOUNT}:table/{name}");
    let tables = [("dynamodb:*", table("ci-1")), ("dynamodb:ListTables", table("users"))];
    let role = |name: &str| format!("arn:aws:iam::{ACCOUNT}:role/{name}");
    let roles = [("iam:List*", role("")), ("iam:*", role("app"))];
    for (source, name, statements) in [
        ("dynamodb.amazonaws.com", "ListTables", tables),
        ("iam.amazonaws.com", "ListRoles", roles),
    ] {
        let statements = [0, 1].map(|at| (statements[at].0, statements[at].1.as_str()));
        let one = list(source, name, statements);
        assert_eq!(number(&one["proofs"]["replay"], "on_arns"), 8, "{one:#}");
    }
}

#[test]
fn what_takes_no_resource_is_not_replayed_on_things_of_other_services() {
    let objects = "arn:aws:s3:::b/*".to_owned();
    let roles = format!("arn:aws:iam::{ACCOUNT}:role/*");
    let queues = format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:*");
    let run = |source: &str, name: &str, statements: &[Value]| {
        let log = Log::alive(ACCOUNT, 8).daily("worker", source, name, "{}");
        let (trail, files) = (log.write(1), Files::new());
        let attached = files.write("policy.json", &document(statements));
        let (_, made) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
        let one = of(&made, "worker").clone();
        assert_eq!(number(&one["proofs"]["replay"], "on_arns"), 8, "{one:#}");
        one
    };
    let allow = |actions: &[&str], on: &[&String]| json!({"Effect": "Allow", "Action": actions, "Resource": on});
    run("iam.amazonaws.com", "ListRoles", &[allow(&["iam:*", "s3:*"], &[&roles, &objects])]);
    let named = allow(&["sqs:ListQueues", "s3:ListAllMyBuckets"], &[&queues, &objects]);
    let named = run("sqs.amazonaws.com", "ListQueues", &[named]);
    let draft = named["draft"]["documents"].to_string();
    assert!(
        draft.contains(&queues) && !draft.contains("ListQueues\",\"Resource\":[\"arn:aws:s3"),
        "{draft}"
    );
    let two = [allow(&["sqs:*"], &[&queues]), allow(&["*"], &[&objects])];
    run("sqs.amazonaws.com", "ListQueues", &two);
}

/// The log of whoever makes a secret every day, of whose ARN the record does not tell the end.
fn makes_a_secret() -> Log {
    let name = r#"{"name":"db"}"#;
    Log::alive(ACCOUNT, 8).daily("worker", "secretsmanager.amazonaws.com", "CreateSecret", name)
}

fn secret(name: &str) -> String {
    format!("arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:{name}")
}

/// The record leaves open which secret it was, and so which of the statements allowed it.
#[test]
fn a_statement_on_tags_or_with_variables_may_have_allowed_a_part_of_what_is_open() {
    let (trail, files) = (makes_a_secret().write(1), Files::new());
    let allow = |on: &str| json!({"Effect": "Allow", "Action": "secretsmanager:CreateSecret", "Resource": secret(on)});
    let mut tagged = allow("db-b*");
    tagged["Condition"] = json!({"StringEquals": {"aws:RequestTag/team": "x"}});
    let variable = allow("${aws:PrincipalTag/name}-b*");
    for other in [tagged, variable] {
        for statements in [vec![allow("db-a*"), other.clone()], vec![other.clone()]] {
            let attached = files.write("policy.json", &document(&statements));
            let options = [&WEEK[..], &["--attached", &attached]].concat();
            let (_, made) = described(trail.path(), &options);
            let one = of(&made, "worker");
            assert_eq!(one["frozen"], json!({}), "{one:#}");
            let used = list(one, "statements").iter().flat_map(|one| list(one, "actions"));
            let used: Vec<&str> = used.map(|one| text_of(one, "class")).collect();
            assert_eq!(used, vec!["used"; statements.len()], "{one:#}");
        }
    }
}

#[test]
fn what_is_a_part_of_what_the_record_leaves_open_is_told_as_that_part() {
    let (trail, files) = (makes_a_secret().write(1), Files::new());
    let names = ["db-aaaaaa", "db-bbbbbb"].map(secret);
    let lists =
        json!({"Effect": "Allow", "Action": "secretsmanager:CreateSecret", "Resource": names});
    let variable = json!({"Effect": "Allow", "Action": "secretsmanager:CreateSecret",
        "Resource": secret("db-${aws:PrincipalTag/s}")});
    let attached = files.write("policy.json", &document(&[lists, variable]));
    let (_, made) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
    let one = of(&made, "worker");
    let used = &one["statements"][0]["actions"][0]["used"][0];
    assert_eq!(text_of(&used["written_as"], "pattern"), names.join(", "), "{one:#}");
}

/// What is attached for a service that is not understood stays, be it by no pattern of that service.
#[test]
fn a_service_that_the_catalog_does_not_know_stays_as_it_is_attached() {
    let calls =
        |source: &str, name: &str| Log::alive(ACCOUNT, 8).daily("worker", source, name, "{}");
    let unknown = calls("newsvc.amazonaws.com", "DoThing");
    let fresh = calls("codeartifact.amazonaws.com", "BrandNewCall2027");
    let drafted = |log: &Log, statement: Value| -> Vec<String> {
        let (trail, files) = (log.write(1), Files::new());
        let attached = files.write("policy.json", &document(&[statement]));
        let options = ["--attached", &attached, "--drop-unobservable", "*"];
        let (_, made) = described(trail.path(), &[&WEEK[..], &options].concat());
        let documents = list(&of(&made, "worker")["draft"], "documents");
        let statements = documents.iter().flat_map(|one| list(&one["document"], "Statement"));
        let actions = statements.flat_map(|one| texts(&one["Action"]));
        actions.map(str::to_owned).collect()
    };
    let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let but = |except: &[&str]| json!({"Effect": "Allow", "NotAction": except, "Resource": "*"});
    assert_eq!(drafted(&unknown, all), ["newsvc:*"]);
    assert_eq!(drafted(&unknown, but(&["iam:*"])), ["newsvc:*"]);
    assert_eq!(drafted(&fresh, but(&["iam:*"])), ["codeartifact:*"]);
    // What is excepted stays so.
    let excepted = drafted(&fresh, but(&["codeartifact:Delete*"]));
    assert!(excepted.contains(&"codeartifact:BrandNewCall2027".to_owned()), "{excepted:?}");
    assert!(
        !excepted.iter().any(|one| one.contains('*') || one.contains("Delete")),
        "{excepted:?}"
    );
    assert!(drafted(&fresh, but(&["*:BrandNew*", "codeartifact:*"])).is_empty());
    // Events of some services have the version of the API in their names, which actions have not.
    let dated = calls("lambda.amazonaws.com", "BrandNewCall20270101");
    let excepted = drafted(&dated, but(&["lambda:Delete*"]));
    assert!(excepted.contains(&"lambda:BrandNewCall".to_owned()), "{excepted:?}");
    let own = json!({"Effect": "Allow", "Action": "codeartifact:Describe*", "Resource": "*"});
    assert_eq!(drafted(&fresh, own), ["codeartifact:Describe*"]);
}

#[test]
fn what_takes_things_of_other_services_takes_only_its_own() {
    let other = "arn:aws:sns:eu-west-1:111122223333:*";
    let (trail, files) = (week().write(1), Files::new());
    let attached = policy(
        &["sqs:GetQueueAttributes", "sqs:SendMessage", "lambda:InvokeFunction"],
        &[QUEUE, other],
    );
    let attached = files.write("policy.json", &attached.to_string());
    let (_, made) = described(trail.path(), &[&WEEK[..], &["--attached", &attached]].concat());
    let worker = of(&made, "worker");
    // Nothing says that the log would have shown a message.
    assert_eq!(classes(worker).get("sqs:SendMessage"), Some(&"unobservable"), "{worker:#}");
    assert_eq!(classes(worker).get("lambda:InvokeFunction"), None, "{worker:#}");
    let draft = worker["draft"]["documents"].to_string();
    assert!(draft.contains(QUEUE) && !draft.contains(other), "{worker:#}");
}

#[test]
fn who_is_left_out_is_not_said_to_be_missing_in_the_dump() {
    let (trail, files) = (week().write(1), Files::new());
    let queue = policy(&["sqs:GetQueueAttributes"], &["*"]);
    let account = dump(&[(ACCOUNT, "worker", queue.clone()), (ACCOUNT, "other", queue)]);
    let account = files.write("account.json", &account.to_string());
    let config = files.write("trailtrim.toml", "leave-out = [\"role/worker\"]\n");
    let options = ["--account-authorization-details", &account, "--config", &config];
    let (_, made) = described(trail.path(), &options);
    let missing: Vec<&str> = list(&made, "not_in_dump").iter().filter_map(Value::as_str).collect();
    assert_eq!(missing, [format!("arn:aws:iam::{ACCOUNT}:role/somebody")]);
}

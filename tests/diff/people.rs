//! Roles that many people share, each of whom is to reach what is its own.

use serde_json::{Value, json};

use super::{ACCOUNT, Files, Log, WEEK, described, drafted, dump, of, texts};
use crate::harness::{generate, list, number};

const VARIABLE: &str = "${cognito-identity.amazonaws.com:sub}";

/// The id of an identity.
fn id(number: usize) -> String {
    format!("eu-west-1:0000000{number}-b8f4-4d58-a757-fe7832a6d92e")
}

/// A trail in which `worker` is the role of an identity pool, whose identities each read one object; those of
/// the identities that `whose` says. Records tell of whom they are, or not.
fn pool(whose: impl Fn(usize) -> usize, told: bool) -> Log {
    let mut log = Log::alive(ACCOUNT, 8);
    for day in 0..8 {
        let get = format!(r#"{{"bucketName":"b","key":"private/{}/a.jpg"}}"#, id(whose(day)));
        log.at(ACCOUNT, "worker", (day, 9), ("s3.amazonaws.com", "GetObject", &get), true);
        let of = format!(
            r#""sessionContext":{{"webIdFederationData":{{"federatedProvider":"cognito-identity.amazonaws.com",
            "attributes":{{"cognito-identity.amazonaws.com:sub":"{}"}}}},"#,
            id(day)
        );
        let record = log.records.last_mut().unwrap();
        // What is not there could have been read all the same.
        if day % 2 == 0 {
            *record = record.replacen('{', r#"{"errorCode":"NoSuchKey","#, 1);
        }
        *record = record
            .replace(r#""managementEvent":true"#, r#""managementEvent":false"#)
            .replace(r#""eventCategory":"Management""#, r#""eventCategory":"Data""#);
        if told {
            *record = record.replacen(r#""sessionContext":{"#, &of, 1);
        }
    }
    log
}

/// What is said of `worker`, which may read all of the bucket and, by another statement, each what is its own.
fn judged(log: &Log, trust: &Value) -> Value {
    let (trail, files) = (log.write(1), Files::new());
    let allow = |on: &str| json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": on});
    let own = format!("arn:aws:s3:::b/private/{VARIABLE}/*");
    let statements = [allow("arn:aws:s3:::b/*"), allow(&own)];
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    let mut account = dump(&[(ACCOUNT, "worker", document)]);
    account["RoleDetailList"][0]["AssumeRolePolicyDocument"] = trust.clone();
    let account = files.write("account.json", &account.to_string());
    // Reads of objects would have shown.
    let options = ["--account-authorization-details", &account, "--event-selectors"];
    let told = ["fixtures/trail/attached/selectors.json", "fixtures/trail/attached/trails.json"];
    let options = [&options[..], &told].concat();
    of(&described(trail.path(), &[&WEEK[..], &options].concat()).1, "worker").clone()
}

fn warnings(one: &Value) -> Vec<&str> {
    let notes = list(one, "notes").iter().filter_map(Value::as_str);
    notes.filter(|note| note.contains("identities of a Cognito identity pool")).collect()
}

/// Returns the resources that a draft allows.
fn drafted_on(one: &Value) -> Vec<String> {
    let statements = drafted(one).into_iter().flat_map(|draft| list(draft, "Statement"));
    statements.flat_map(|one| texts(&one["Resource"])).map(str::to_owned).collect()
}

fn nobody() -> Value {
    json!({"Version": "2012-10-17", "Statement": []})
}

#[test]
fn what_each_of_many_identities_did_to_its_own_stays_under_the_variable() {
    let one = judged(&pool(|day| day, true), &nobody());
    let on = drafted_on(&one);
    assert!(on.contains(&format!("arn:aws:s3:::b/private/{VARIABLE}/*")), "{one:#}");
    assert!(!on.iter().any(|on| on.contains(&id(0))), "{on:?}");
    let [told] = warnings(&one)[..] else { panic!("{one:#}") };
    assert!(told.contains("what is allowed beside"), "{told}");
    let replay = &one["proofs"]["replay"];
    let counts = ["calls", "allowed", "conditional"].map(|name| number(replay, name));
    assert_eq!(counts, [8, 8, 0], "{replay:#}");
}

#[test]
fn what_one_identity_did_to_anothers_is_told_and_stays() {
    // Nobody could do it by the variable.
    let one = judged(&pool(|day| day / 2, true), &nobody());
    let on = drafted_on(&one);
    assert_eq!(on, ["arn:aws:s3:::b/private/eu-west-1:*"], "{one:#}");
    let [told] = warnings(&one)[..] else { panic!("{one:#}") };
    assert!(told.contains("not in every call is known to be the caller's own"), "{told}");
}

#[test]
fn a_trust_policy_tells_of_many_identities_where_no_record_does() {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Principal": {"Federated": "cognito-identity.amazonaws.com"},
        "Action": "sts:AssumeRoleWithWebIdentity"}]});
    let log = pool(|day| day, false);
    assert!(warnings(&judged(&log, &nobody())).is_empty());
    assert_eq!(warnings(&judged(&log, &trust)).len(), 1);
}

#[test]
fn a_draft_from_behaviour_alone_warns_of_many_identities() {
    for (told, expected) in [(true, 1), (false, 0)] {
        let trail = pool(|day| day, told).write(1);
        let report = generate(&[trail.path()], &["--resources", "exact"]).report();
        let one = of(&report, "worker");
        let warned = warnings(one);
        assert_eq!(warned.len(), expected, "{one:#}");
        let own = "in the place of an identity's id, which in every call was the caller's own";
        assert!(warned.iter().all(|told| told.contains("the ids of 8") && told.contains(own)));
    }
}

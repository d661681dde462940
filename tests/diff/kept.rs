//! What `diff` says of whole trails, as it is kept.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{ACCOUNT, Files, classes, described, drafted, texts};
use crate::harness::{fixture_trail, list, number, shared, text_of};

/// Lines for the facts of a diff that a reader would look for first.
fn summary(diff: &Value) -> String {
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").unwrap();
    for one in list(diff, "principals") {
        line(format!("\n{} {}", text_of(one, "arn"), text_of(one, "status")));
        for statement in list(one, "statements") {
            line(format!("  statement {}.{}", statement["policy"], statement["statement"]));
            let mut by_class: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
            for action in list(statement, "actions") {
                let key = (text_of(action, "class"), text_of(&action["rest"], "kind"));
                by_class.entry(key).or_default().push(text_of(action, "action"));
            }
            for ((class, rest), actions) in by_class {
                let named = actions.iter().take(8).copied().collect::<Vec<_>>().join(", ");
                let more = actions.len().saturating_sub(8);
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                line(format!("    {class}, rest {rest}: {named}{more}"));
            }
            for removed in list(statement, "removed") {
                let what = (text_of(removed, "service"), number(removed, "count"));
                line(format!("    removed {}: {}", what.0, what.1));
            }
        }
        for not in list(one, "not_attached") {
            let explained = not.get("explanation").map_or("unexplained", |it| text_of(it, "kind"));
            line(format!("  not attached: {}, {explained}", text_of(not, "action")));
        }
        for unknown in list(one, "unknown_policies") {
            line(format!("  unknown policy {}", text_of(unknown, "name")));
        }
        for service in one["frozen"].as_object().into_iter().flatten() {
            line(format!("  frozen {}", service.0));
        }
        for document in drafted(one) {
            for statement in list(document, "Statement") {
                let actions = texts(&statement["Action"]);
                let named = actions.iter().take(8).copied().collect::<Vec<_>>().join(", ");
                line(format!(
                    "  draft {}: {} actions ({named}) on {} resources",
                    text_of(statement, "Effect"),
                    actions.len(),
                    texts(&statement["Resource"]).len(),
                ));
            }
        }
        if let Some(proofs) = one.get("proofs") {
            let replay = &proofs["replay"];
            line(format!(
                "  replay: {} calls, {} allowed, {} conditional, {} not attached, {} unmapped",
                replay["calls"],
                replay["allowed"],
                replay["conditional"],
                replay["not_attached"],
                replay["unmapped"],
            ));
        }
        let mut findings: Vec<&str> =
            list(one, "findings").iter().map(|it| text_of(it, "code")).collect();
        findings.sort_unstable();
        line(format!("  findings: {}", findings.join(", ")));
    }
    for arn in list(diff, "not_in_dump") {
        line(format!("\nnot in the dump: {}", arn.as_str().unwrap()));
    }
    out
}

/// Compares with what is kept, or keeps it where that is asked for.
fn same_as_kept(kept: &Path, made: &str) {
    if std::env::var_os("TRAILTRIM_BLESS").is_some() {
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        fs::write(kept, made).unwrap();
    }
    let expected = fs::read_to_string(kept).unwrap_or_default();
    assert!(expected == made, "{} differs:\n{made}", kept.display());
}

#[test]
fn golden_diff_of_the_fixture_trail_and_its_account_dump() {
    let case = fixture_trail().parent().unwrap().to_path_buf();
    let dump = case.join("account.json");
    let options = ["--unused-days", "3", "--use-region", "eu-central-1"];
    let dumped = ["--account-authorization-details", dump.to_str().unwrap()];
    let (code, made) = described(&fixture_trail(), &[&options[..], &dumped].concat());
    // The trail has a file that is cut short.
    assert_eq!(code, 3);
    let mut kept = summary(&made);
    for one in list(&made, "principals") {
        for document in drafted(one) {
            let pretty = serde_json::to_string_pretty(document).unwrap();
            write!(kept, "\n{}\n{pretty}\n", text_of(one, "arn")).unwrap();
        }
    }
    same_as_kept(&case.join("expected-diff.txt"), &kept);
}

/// A role with policies by what the events of a trail attach to it.
fn dump_of_events(records: &[Value]) -> Value {
    let mut roles: BTreeMap<String, Value> = BTreeMap::new();
    let mut policies: Vec<Value> = Vec::new();
    let worked = |record: &&Value| {
        record["eventSource"] == "iam.amazonaws.com" && record["errorCode"].is_null()
    };
    for record in records.iter().filter(worked) {
        let (given, account) =
            (&record["requestParameters"], text_of(record, "recipientAccountId"));
        let parsed =
            |field: &str| -> Value { serde_json::from_str(text_of(given, field)).unwrap() };
        let role = given["roleName"].as_str().map(str::to_owned);
        let mut change = |list: &str, what: Value| {
            let name = role.clone().unwrap();
            let role = roles.entry(name.clone()).or_insert_with(|| {
                json!({
                    "Path": "/", "RoleName": name, "RoleId": "", "InstanceProfileList": [],
                    "Arn": format!("arn:aws:iam::{account}:role/{name}"),
                    "RolePolicyList": [], "AttachedManagedPolicies": [],
                })
            });
            role[list].as_array_mut().unwrap().push(what);
        };
        match text_of(record, "eventName") {
            "PutRolePolicy" => change(
                "RolePolicyList",
                json!({"PolicyName": given["policyName"], "PolicyDocument": parsed("policyDocument")}),
            ),
            "AttachRolePolicy" => {
                let arn = text_of(given, "policyArn");
                let name = arn.rsplit('/').next().unwrap();
                change("AttachedManagedPolicies", json!({"PolicyName": name, "PolicyArn": arn}));
            }
            "CreatePolicy" => {
                let name = text_of(given, "policyName");
                policies.push(json!({
                    "PolicyName": name, "Arn": format!("arn:aws:iam::{account}:policy/{name}"),
                    "DefaultVersionId": "v1", "PolicyVersionList": [{
                        "VersionId": "v1", "IsDefaultVersion": true, "Document": parsed("policyDocument"),
                    }],
                }));
            }
            _ => {}
        }
    }
    let roles: Vec<Value> = roles.into_values().collect();
    json!({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": policies})
}

/// The documents come from the trail's own events. They stay there, and so do the names of accounts
/// and of things: what is kept is which actions were judged how.
#[test]
fn attacked_roles_of_a_real_trail_are_told_of_and_an_excluded_attack_is_not() {
    let Some(trail) = shared("events/invictus/CloudTrail") else { return };
    let mut files: Vec<PathBuf> =
        fs::read_dir(&trail).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut records = Vec::new();
    for file in files {
        let body: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        records.extend(list(&body, "Records").iter().cloned());
    }
    records.sort_by_key(|record| text_of(record, "eventTime").to_owned());
    let (folder, dump) = (Files::new(), dump_of_events(&records));
    let dump = folder.write("dump.json", &dump.to_string());
    let options =
        ["--account-authorization-details", &dump, "--principal", "stratus-red-team-*-role*"];
    let (_, made) = described(&trail, &options);
    let active = |diff: &Value| {
        let active = list(diff, "principals").iter().filter(|one| one["status"] != "inactive");
        active.count()
    };
    assert!(active(&made) >= 5, "{}", summary(&made));
    let account = text_of(records.first().unwrap(), "recipientAccountId").to_owned();
    let told = summary(&made).replace(&account, ACCOUNT);
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kept/attacked-roles.txt");
    same_as_kept(&kept, &told);

    // Tools and machines that were broken into: their sessions say nothing of what the roles are for.
    let excluded = ["--exclude-session", "aws-go-sdk-*", "--exclude-session", "i-*"];
    let (_, without) = described(&trail, &[&options[..], &excluded].concat());
    assert_eq!(list(&without, "principals").len(), list(&made, "principals").len());
    assert_eq!(active(&without), 0, "{}", summary(&without));
    for one in list(&without, "principals") {
        assert!(one.get("draft").is_none() && one.get("proofs").is_none(), "{one:#}");
        assert!(classes(one).is_empty() && list(one, "not_attached").is_empty(), "{one:#}");
    }
}

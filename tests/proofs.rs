//! `simulate` and `compare`, as a shell sees them.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

const IDENTITY: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Sid":"Home","Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"},
    {"Sid":"Mfa","Effect":"Allow","Action":"ec2:Start*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},
    {"Sid":"Team","Effect":"Allow","Action":"sns:Tag*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]}}},
    {"Sid":"Never","Effect":"Deny","Action":"s3:Delete*","Resource":"*"}]}"#;
const USER: &str = "arn:aws:iam::111122223333:user/u";

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn add(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailtrim"));
        command.args(args).current_dir(self.0.path()).output().unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--format", "json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn decision(&self, args: &[&str]) -> Value {
        self.json(&[&["simulate", "--policy", "p.json"], args].concat())["decision"].clone()
    }
}

#[test]
fn simulate_decides_with_the_context_that_is_given() {
    let files = Files::new();
    files.add("p.json", IDENTITY);
    let home = ["--resource", "arn:aws:s3:::b/u/k", "--principal", USER];
    let with = |action: &'static str| [&["--action", action], home.as_slice()].concat();
    assert_eq!(files.decision(&with("s3:GetObject")), "allowed");
    assert_eq!(files.decision(&with("s3:DeleteObject")), "explicitly_denied");
    assert_eq!(files.decision(&with("sqs:SendMessage")), "implicitly_denied");

    let start =
        ["simulate", "--policy", "p.json", "--action", "ec2:StartInstances", "--open-context"];
    assert_eq!(
        files.json(&start),
        json!({
            "decision": "unknown",
            "statements": [{"layer": "identity", "effect": "Allow", "certain": false, "policy": "p.json", "statement": 1, "sid": "Mfa"}],
            "unknown_keys": ["aws:MultiFactorAuthPresent"],
        })
    );
    assert_eq!(files.decision(&["--action", "ec2:StartInstances"]), "implicitly_denied");
    let tag =
        ["--action", "sns:TagResource", "--context", "aws:TagKeys=a", "--context", "aws:tagkeys=b"];
    assert_eq!(files.decision(&tag), "allowed");
    assert_eq!(
        files.decision(&[tag.as_slice(), &["--context", "aws:TagKeys=c"]].concat()),
        "implicitly_denied"
    );
}

#[test]
fn simulate_asks_every_layer() {
    let files = Files::new();
    files.add("p.json", IDENTITY);
    files.add("all.json", r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#);
    files.add("none.json", r#"{"Statement":[]}"#);
    files.add(
        "bucket.json",
        r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}}"#,
    );
    let get = ["--action", "s3:GetObject", "--resource", "arn:aws:s3:::b/u/k", "--principal", USER];
    let with = |more: &[&'static str]| files.decision(&[get.as_slice(), more].concat());
    for layer in ["--boundary", "--scp", "--rcp", "--session-policy"] {
        assert_eq!(with(&[layer, "all.json"]), "allowed", "{layer}");
        assert_eq!(with(&[layer, "none.json"]), "implicitly_denied", "{layer}");
    }
    let abroad = ["--resource-account", "444455556666"];
    assert_eq!(with(&abroad), "implicitly_denied");
    assert_eq!(
        with(&[abroad.as_slice(), &["--resource-policy", "bucket.json"]].concat()),
        "allowed"
    );
}

#[test]
fn simulate_takes_the_principals_account_for_the_owner_where_nothing_says_otherwise() {
    let files = Files::new();
    let owner = |account: &str| {
        format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{{"StringEquals":{{
                "aws:ResourceAccount":"{account}"}}}}}}}}"#
        )
    };
    let get = ["--action", "s3:GetObject", "--resource", "arn:aws:s3:::b/k", "--principal", USER];
    let with = |more: &[&'static str]| files.decision(&[get.as_slice(), more].concat());
    files.add("p.json", &owner("111122223333"));
    assert_eq!(with(&[]), "allowed");
    assert_eq!(with(&["--resource-account", "111122223333"]), "allowed");
    assert_eq!(with(&["--context", "aws:ResourceAccount=444455556666"]), "implicitly_denied");
    files.add("p.json", &owner("444455556666"));
    assert_eq!(with(&["--open-context"]), "implicitly_denied");
}

#[test]
fn simulate_finds_a_principal_in_a_dump() {
    let files = Files::new();
    files.add(
        "p.json",
        r#"{"RoleDetailList":[{"RoleName":"R","Arn":"arn:aws:iam::111122223333:role/p/R","RolePolicyList":[
            {"PolicyName":"in","PolicyDocument":{"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}}]},
            {"RoleName":"S","Arn":"arn:aws:iam::111122223333:role/S","AttachedManagedPolicies":[
            {"PolicyName":"A","PolicyArn":"arn:aws:iam::aws:policy/A"}]}]}"#,
    );
    let session = "arn:aws:sts::111122223333:assumed-role/R/s";
    assert_eq!(files.decision(&["--action", "s3:GetObject", "--principal", session]), "allowed");
    let unknown = [
        "simulate",
        "--policy",
        "p.json",
        "--action",
        "s3:GetObject",
        "--principal",
        "arn:aws:iam::111122223333:role/S",
    ];
    let output = files.run(&unknown);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("`arn:aws:iam::aws:policy/A` is attached")
    );
}

#[test]
fn compare_proves_shows_or_says_why_not() {
    let files = Files::new();
    files.add(
        "old.json",
        r#"{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/*"}}"#,
    );
    files.add(
        "less.json",
        r#"{"Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/x/*"}}"#,
    );
    files.add(
        "open.json",
        r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:dynamodb:*:table/x"}}"#,
    );
    files.add("one.json", r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:dynamodb:r:111122223333:table/x"}}"#);
    let compare =
        |old: &'static str, new: &'static str| ["compare", "--existing", old, "--new", new];
    let code = |args: &[&str]| files.run(&[args, &["--check"]].concat()).status.code();

    let proved = compare("old.json", "less.json");
    assert_eq!(files.json(&proved), json!({"new_access": false, "witnesses": [], "undecided": []}));
    assert_eq!(code(&proved), Some(0));

    let wider = compare("less.json", "old.json");
    let shown = files.json(&wider);
    assert_eq!(shown["new_access"], true);
    let action = shown["witnesses"][0]["action"].as_str().unwrap();
    let known = files.run(&["catalog", "action", action]);
    assert!(known.status.success(), "`{action}` is a real action");
    assert_eq!(code(&wider), Some(1));
    assert_eq!(files.run(&wider).status.code(), Some(0), "findings count only under --check");

    let unsure = compare("open.json", "one.json");
    let answer = files.json(&unsure);
    assert_eq!((&answer["new_access"], &answer["witnesses"]), (&Value::Null, &json!([])));
    assert!(answer["undecided"][0]["reason"].as_str().unwrap().contains("reading"));
    assert_eq!(code(&unsure), Some(1));
}

#[test]
fn compare_knows_principals_and_refuses_a_mix() {
    let files = Files::new();
    let trust = |who: &str| {
        format!(
            r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{who}"}},"Action":"sts:AssumeRole"}}}}"#
        )
    };
    files.add("old.json", &trust("111122223333"));
    files.add("role.json", &trust("arn:aws:iam::111122223333:role/R"));
    files.add("other.json", &trust("444455556666"));
    files.add("identity.json", IDENTITY);
    let role = ["compare", "--existing", "old.json", "--new", "role.json", "--kind", "resource"];
    // The account only delegates: a role that is named needs no policy of its own.
    assert_eq!(files.json(&role)["new_access"], Value::Null);
    let same = ["compare", "--existing", "role.json", "--new", "role.json", "--kind", "resource"];
    assert_eq!(files.json(&same)["new_access"], false);
    let other = files.json(&["compare", "--existing", "old.json", "--new", "other.json"]);
    let principal = other["witnesses"][0]["principal"].as_str().unwrap();
    assert!(principal.contains("444455556666"), "{principal}");
    let mixed = files.run(&[
        "compare",
        "--existing",
        "old.json",
        "--new",
        "identity.json",
        "--kind",
        "identity",
    ]);
    assert_eq!(mixed.status.code(), Some(2));
    let broken = files.add("broken.json", r#"{"Statement":[{"Effect":"Allow","Actoin":"*"}]}"#);
    let output =
        files.run(&["compare", "--existing", broken.to_str().unwrap(), "--new", "old.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown element `Actoin`"));
}

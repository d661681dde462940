//! Rendered policies read back: by an HCL parser, by a YAML parser, and by the tools of those who
//! deploy them, where these are installed.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and says on standard error why it is skipped"
)]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};

use hcl::eval::{Context, Evaluate as _};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Map, Value, json};
use trailtrim_emitter::render::{
    Attachment, CloudFormationError, Holder, HolderKind, NamedPolicy, Syntax, Target,
    cloudformation, policy_name, terraform,
};
use trailtrim_iam::{PolicyDocument, Selector, Statement, Version, read::read_policy};

fn role() -> Target {
    Target::principal("arn:aws:iam::111122223333:role/service/orders-api", None)
}

/// A role of Identity Center.
fn of_set(set: &str) -> Target {
    Target { permission_set: Some(set.to_owned()), ..role() }
}

/// What a shared policy is for.
fn shared() -> Target {
    let holder = |kind, name: &str| Holder { kind, name: name.to_owned() };
    Target {
        title: "arn:aws:iam::111122223333:policy/common".to_owned(),
        label: "shared-common".to_owned(),
        holders: vec![
            holder(HolderKind::Role, "orders-api"),
            holder(HolderKind::Role, "orders.api"),
            holder(HolderKind::User, "dana"),
            holder(HolderKind::Group, "analysts"),
        ],
        replaces: vec!["common".to_owned()],
        ..Target::default()
    }
}

/// The targets that are laid out each in a way of its own.
fn targets() -> Vec<Target> {
    let inline = |target: Target| Target { attachment: Attachment::Inline, ..target };
    vec![role(), of_set("Developers"), shared(), inline(role()), inline(shared())]
}

/// Renders documents as Terraform for `target`.
fn in_terraform(target: &Target, documents: &[PolicyDocument]) -> String {
    let names: Vec<String> = (1..=documents.len()).map(|at| policy_name(target, at)).collect();
    terraform(target, &named(&names, documents))
}

/// Renders documents as CloudFormation for `target`.
fn in_cloudformation(
    target: &Target,
    documents: &[PolicyDocument],
    syntax: Syntax,
) -> Result<String, CloudFormationError> {
    let names: Vec<String> = (1..=documents.len()).map(|at| policy_name(target, at)).collect();
    cloudformation(target, &named(&names, documents), syntax)
}

fn named<'a>(names: &'a [String], documents: &'a [PolicyDocument]) -> Vec<NamedPolicy<'a>> {
    names.iter().zip(documents).map(|(name, document)| NamedPolicy { name, document }).collect()
}

/// Reads the policies of a Terraform file as the AWS provider does: the data sources in their
/// order, then those that are written as JSON.
fn read_terraform(text: &str) -> Vec<PolicyDocument> {
    let body = hcl::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut documents = Vec::new();
    for block in body.blocks() {
        let labels: Vec<&str> = block.labels().iter().map(|label| label.as_str()).collect();
        match (block.identifier(), labels[0]) {
            ("data", "aws_iam_policy_document") => documents.extend(read_data_source(block.body())),
            ("resource", _) => {
                for attribute in block.body().attributes() {
                    if let hcl::Expression::TemplateExpr(_) = attribute.expr()
                        && matches!(attribute.key(), "policy" | "inline_policy")
                    {
                        documents.push(read_policy("heredoc", &text_of(attribute.expr())).unwrap());
                    }
                }
            }
            _ => {}
        }
    }
    documents
}

fn read_data_source(body: &hcl::Body) -> Option<PolicyDocument> {
    let version = attribute(body, "version").map_or("2012-10-17".to_owned(), text_of);
    let statements: Vec<Value> = body
        .blocks()
        .map(|block| {
            assert_eq!(block.identifier(), "statement");
            let statement = block.body();
            let mut json = Map::new();
            for attribute in statement.attributes() {
                let (key, variables) = match attribute.key() {
                    "sid" => ("Sid", false),
                    "effect" => ("Effect", false),
                    "actions" => ("Action", false),
                    "not_actions" => ("NotAction", false),
                    "resources" => ("Resource", true),
                    "not_resources" => ("NotResource", true),
                    other => panic!("unknown argument `{other}`"),
                };
                let value = match attribute.expr() {
                    hcl::Expression::Array(items) => {
                        items.iter().map(|item| provider_text(text_of(item), variables)).collect()
                    }
                    single => Value::String(text_of(single)),
                };
                json.insert(key.to_owned(), value);
            }
            let mut condition = Map::new();
            for block in statement.blocks() {
                assert_eq!(block.identifier(), "condition");
                let get = |name| attribute(block.body(), name).unwrap();
                let hcl::Expression::Array(values) = get("values") else { panic!("no list") };
                let values: Vec<Value> =
                    values.iter().map(|item| provider_text(text_of(item), true)).collect();
                let keys = condition.entry(text_of(get("test"))).or_insert_with(|| json!({}));
                let keys = keys.as_object_mut().unwrap();
                assert!(keys.insert(text_of(get("variable")), Value::Array(values)).is_none());
            }
            if !condition.is_empty() {
                json.insert("Condition".to_owned(), Value::Object(condition));
            }
            Value::Object(json)
        })
        .collect();
    if statements.is_empty() {
        assert!(attribute(body, "source_policy_documents").is_some());
        return None;
    }
    let mut document = json!({ "Version": version, "Statement": statements });
    if let Some(id) = attribute(body, "policy_id") {
        document["Id"] = text_of(id).into();
    }
    Some(read_policy("data source", &document.to_string()).unwrap())
}

/// What the provider makes of a text: `&{` becomes `${` where variables may stand.
fn provider_text(text: String, variables: bool) -> Value {
    Value::String(if variables { text.replace("&{", "${") } else { text })
}

fn attribute<'b>(body: &'b hcl::Body, name: &str) -> Option<&'b hcl::Expression> {
    body.attributes().find(|attribute| attribute.key() == name).map(|attribute| attribute.expr())
}

fn text_of(expression: &hcl::Expression) -> String {
    let value = expression.evaluate(&Context::new());
    value.unwrap_or_else(|error| panic!("{error}")).as_str().unwrap().to_owned()
}

/// Reads the policies of a template; both parsers must see the same tree.
fn read_template(text: &str, syntax: Syntax) -> Vec<PolicyDocument> {
    let template: Value = match syntax {
        Syntax::Json => serde_json::from_str(text).unwrap(),
        Syntax::Yaml => {
            serde_yaml_ng::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
        }
    };
    let mut documents = Vec::new();
    for resource in template["Resources"].as_object().unwrap().values() {
        let kind = resource["Type"].as_str().unwrap().strip_prefix("AWS::IAM::").unwrap();
        assert!(["ManagedPolicy", "RolePolicy", "UserPolicy", "GroupPolicy"].contains(&kind));
        let document = &resource["Properties"]["PolicyDocument"];
        let read = read_policy("template", &document.to_string()).unwrap();
        // What was measured is the document as it is printed, and brackets around one value count.
        let printed: Value = serde_json::from_str(&read.to_json()).unwrap();
        assert_eq!(*document, printed);
        documents.push(read);
    }
    documents
}

/// Texts that have a meaning to some reader on the way.
const NASTY: &[&str] = &[
    "${aws:username}",
    "${*}",
    "${?}",
    "${$}",
    "$",
    "$$",
    "$${",
    "${",
    "%{",
    "%%{ if true }",
    "&{",
    "&",
    "{{",
    "}}",
    "{{resolve:",
    "\"",
    "'",
    "\\",
    "\n",
    "\r\n",
    "\t",
    "# ",
    ": ",
    "- ",
    "!Sub ",
    "!Ref x",
    "no",
    "~",
    "null",
    "2012-10-17",
    "0x1F",
    "1e3",
    "é",
    "\u{7f}",
    "\u{85}",
    "\u{9b}31m",
    "\u{a0}",
    "ÿ",
    "<script>",
    "JSON",
    "EOT",
    "*",
    "?",
    "[]",
    "{}",
    "|",
    ">",
    "%",
    "@",
    "`",
    ",",
];

fn nasty_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => proptest::sample::select(NASTY).prop_map(str::to_owned),
        1 => "[a-z/]{0,6}",
        1 => proptest::collection::vec(proptest::char::range(' ', 'ÿ'), 0..4)
            .prop_map(|letters| letters.into_iter().collect()),
    ];
    proptest::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

fn statement() -> impl Strategy<Value = Statement> {
    let patterns = || proptest::collection::vec(nasty_text(), 1..4);
    // The language has one colon in an action.
    let action = nasty_text().prop_map(|text| format!("s3:x{}", text.replace(':', ";")));
    let operator = proptest::sample::select(
        &["StringEquals", "StringLike", "ForAnyValue:StringLike", "NumericLessThanIfExists"][..],
    );
    (
        proptest::option::of("[A-Za-z0-9]{0,4}"),
        any::<[bool; 3]>(),
        proptest::collection::vec(action, 1..4),
        patterns(),
        proptest::collection::vec((operator, nasty_text(), patterns()), 0..3),
    )
        .prop_map(|(sid, [deny, not_action, not_resource], actions, resources, conditions)| {
            let mut statement = if deny {
                Statement::deny(actions, resources)
            } else {
                Statement::allow(actions, resources)
            };
            statement.sid = sid;
            if not_action {
                statement.action = Selector::AllBut(statement.action.listed().clone());
            }
            if not_resource {
                let listed = statement.resource.as_ref().unwrap().listed().clone();
                statement.resource = Some(Selector::AllBut(listed));
            }
            for (operator, key, values) in conditions {
                statement = statement.with_condition(operator, key, values);
            }
            statement
        })
}

fn document() -> impl Strategy<Value = PolicyDocument> {
    let version = proptest::sample::select(&[Some(Version::V2012), Some(Version::V2008), None][..]);
    (version, proptest::option::of(nasty_text()), proptest::collection::vec(statement(), 1..4))
        .prop_map(|(version, id, statements)| PolicyDocument { version, id, statements })
}

/// A document with its version said, as Terraform says it.
fn with_version(document: &PolicyDocument) -> PolicyDocument {
    PolicyDocument { version: Some(document.effective_version()), ..document.clone() }
}

/// Reading JSON gives a document its version only where it has one; a heredoc keeps it so.
fn same(read: &PolicyDocument, meant: &PolicyDocument) -> bool {
    with_version(read) == with_version(meant)
}

fn sorted(documents: &[PolicyDocument]) -> BTreeSet<String> {
    documents.iter().map(|document| with_version(document).to_json()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn terraform_reads_back_as_the_policy(document in document()) {
        let text = in_terraform(&role(), std::slice::from_ref(&document));
        let read = read_terraform(&text);
        prop_assert!(read.len() == 1 && same(&read[0], &document), "{}\n{:?}", text, read);
    }

    #[test]
    fn several_policies_stand_side_by_side(
        documents in proptest::collection::vec(document(), 2..4),
        set in proptest::option::of(nasty_text()),
        at in 0..5_usize,
    ) {
        let mut target = targets().swap_remove(at);
        target.permission_set = set.or(target.permission_set);
        let text = in_terraform(&target, &documents);
        if target.permission_set.is_none() {
            prop_assert_eq!(sorted(&read_terraform(&text)), sorted(&documents), "{}", text);
        } else {
            prop_assert!(hcl::parse(&text).is_ok(), "{}", text);
        }
        if let Ok(text) = in_cloudformation(&target, &documents, Syntax::Yaml) {
            prop_assert_eq!(sorted(&read_template(&text, Syntax::Yaml)), sorted(&documents));
        }
    }

    #[test]
    fn cloudformation_reads_back_as_the_policy_or_refuses(document in document()) {
        let looked_up = document.to_json().contains("{{resolve:");
        for syntax in [Syntax::Yaml, Syntax::Json] {
            match in_cloudformation(&role(), std::slice::from_ref(&document), syntax) {
                Ok(text) => {
                    prop_assert!(!looked_up);
                    let read = read_template(&text, syntax);
                    prop_assert!(read.as_slice() == [document.clone()], "{}\n{:?}", text, read);
                }
                Err(error) => prop_assert!(looked_up, "{}", error),
            }
        }
    }

    #[test]
    fn a_name_never_leaves_its_quotes(name in nasty_text(), title in nasty_text()) {
        let target = Target {
            title,
            label: format!("user-{name}"),
            holders: vec![Holder { kind: HolderKind::User, name: name.clone() }],
            replaces: vec![name.clone(), name],
            ..Target::default()
        };
        let document = PolicyDocument::new(vec![Statement::allow(["s3:GetObject"], ["*"])]);
        let text = in_terraform(&target, std::slice::from_ref(&document));
        let body = hcl::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let kinds: Vec<&str> = body.blocks().map(|block| block.labels()[0].as_str()).collect();
        prop_assert_eq!(
            kinds,
            ["aws_iam_policy_document", "aws_iam_policy", "aws_iam_user_policy_attachment"]
        );
        if let Ok(text) = in_cloudformation(&target, &[document], Syntax::Yaml) {
            prop_assert_eq!(read_template(&text, Syntax::Yaml).len(), 1);
        }
    }
}

#[test]
fn a_condition_that_is_a_function_is_refused() {
    let statement = Statement::allow(["s3:GetObject"], ["*"]);
    for key in ["Ref", "Fn::Sub"] {
        let statement = statement.clone().with_condition("StringEquals", key, ["x"]);
        let error =
            in_cloudformation(&role(), &[PolicyDocument::new(vec![statement])], Syntax::Yaml);
        assert!(matches!(error, Err(CloudFormationError::Function { .. })), "{error:?}");
    }
}

fn example() -> PolicyDocument {
    PolicyDocument::new(vec![
        Statement::allow(
            ["dynamodb:GetItem", "dynamodb:PutItem"],
            ["arn:aws:dynamodb:eu-central-1:111122223333:table/orders"],
        )
        .with_sid("Dynamodb1"),
        Statement::allow(["s3:GetObject"], ["arn:aws:s3:::home/${aws:username}/*"])
            .with_sid("S31")
            .with_condition("StringEquals", "aws:RequestedRegion", ["eu-central-1"])
            .with_condition("StringLike", "s3:prefix", ["a/*", "b/*"]),
    ])
}

#[test]
fn terraform_looks_like_this() {
    let expected = r#"# Policies for arn:aws:iam::111122223333:role/service/orders-api

data "aws_iam_policy_document" "role_orders_api" {
  statement {
    sid    = "Dynamodb1"
    effect = "Allow"

    actions = [
      "dynamodb:GetItem",
      "dynamodb:PutItem",
    ]

    resources = [
      "arn:aws:dynamodb:eu-central-1:111122223333:table/orders",
    ]
  }

  statement {
    sid    = "S31"
    effect = "Allow"

    actions = [
      "s3:GetObject",
    ]

    resources = [
      "arn:aws:s3:::home/&{aws:username}/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:RequestedRegion"
      values   = ["eu-central-1"]
    }

    condition {
      test     = "StringLike"
      variable = "s3:prefix"

      values = [
        "a/*",
        "b/*",
      ]
    }
  }
}

resource "aws_iam_policy" "role_orders_api" {
  name   = "trailtrim-role-orders-api"
  policy = data.aws_iam_policy_document.role_orders_api.json
}

resource "aws_iam_role_policy_attachment" "role_orders_api" {
  role       = "orders-api"
  policy_arn = aws_iam_policy.role_orders_api.arn
}
"#;
    assert_eq!(in_terraform(&role(), &[example()]), expected);
}

#[test]
fn what_is_shared_is_attached_to_everybody_who_has_it() {
    let text = in_terraform(&shared(), &[example()]);
    let body = hcl::parse(&text).unwrap();
    let attached: Vec<String> = body
        .blocks()
        .filter(|block| block.labels()[0].as_str().ends_with("_policy_attachment"))
        .map(|block| {
            let kind = ["role", "user", "group"]
                .into_iter()
                .find(|kind| attribute(block.body(), kind).is_some());
            let kind = kind.unwrap();
            format!("{kind} {}", text_of(attribute(block.body(), kind).unwrap()))
        })
        .collect();
    assert_eq!(attached, ["role orders-api", "role orders.api", "user dana", "group analysts"]);
    let identifiers: BTreeSet<(&str, &str)> = body
        .blocks()
        .map(|block| (block.labels()[0].as_str(), block.labels()[1].as_str()))
        .collect();
    assert_eq!(identifiers.len(), body.blocks().count(), "{text}");
    assert!(text.contains("# They take the place of common: detach that"), "{text}");
    let template = in_cloudformation(&shared(), &[example()], Syntax::Json).unwrap();
    let template: Value = serde_json::from_str(&template).unwrap();
    assert_eq!(template["Metadata"]["InPlaceOf"], json!(["common"]));
    let properties = &template["Resources"]["SharedCommon"]["Properties"];
    assert_eq!(properties["Roles"], json!(["orders-api", "orders.api"]));
    assert_eq!(
        (&properties["Users"], &properties["Groups"]),
        (&json!(["dana"]), &json!(["analysts"]))
    );
}

#[test]
fn an_inline_policy_belongs_to_its_holder() {
    let target = Target { attachment: Attachment::Inline, ..role() };
    let text = in_terraform(&target, &[example()]);
    let end = r#"
resource "aws_iam_role_policy" "role_orders_api" {
  name   = "trailtrim-role-orders-api"
  role   = "orders-api"
  policy = data.aws_iam_policy_document.role_orders_api.json
}
"#;
    assert!(text.ends_with(end), "{text}");
    let template = in_cloudformation(&target, &[example()], Syntax::Json).unwrap();
    let template: Value = serde_json::from_str(&template).unwrap();
    let resource = &template["Resources"]["RoleOrdersApi"];
    assert_eq!(resource["Type"], "AWS::IAM::RolePolicy");
    assert_eq!(resource["Properties"]["RoleName"], "orders-api");
}

#[test]
fn a_permission_set_gets_its_inline_policy() {
    let target = of_set("Developers");
    let text = in_terraform(&target, &[example(), example()]);
    for part in [
        "data \"aws_ssoadmin_permission_set\" \"permission_set_Developers\"",
        "source_policy_documents = [\n    data.aws_iam_policy_document.role_orders_api.json,\n    \
         data.aws_iam_policy_document.role_orders_api_2.json,\n  ]",
        "inline_policy      = data.aws_iam_policy_document.permission_set_Developers.json",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let template = in_cloudformation(&target, &[example()], Syntax::Yaml).unwrap();
    assert!(!template.contains("Roles:") && template.contains("permission set Developers"));
}

#[test]
fn what_to_know_first_stands_at_the_head() {
    let target = Target { caveats: vec!["too large\nby far".to_owned()], ..role() };
    let text = in_terraform(&target, &[example()]);
    assert!(text.contains("\n# Caution: too large\\nby far\n"), "{text}");
    let template = in_cloudformation(&target, &[example()], Syntax::Json).unwrap();
    let template: Value = serde_json::from_str(&template).unwrap();
    assert_eq!(template["Metadata"], json!({"Caution": ["too large\nby far"]}));
}

#[test]
fn cloudformation_looks_like_this() {
    let expected = r#"AWSTemplateFormatVersion: "2010-09-09"
Description: "Policies for arn:aws:iam::111122223333:role/service/orders-api"
Resources:
  RoleOrdersApi:
    Type: "AWS::IAM::ManagedPolicy"
    Properties:
      ManagedPolicyName: "trailtrim-role-orders-api"
      Roles:
        - "orders-api"
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Sid: "Dynamodb1"
            Effect: "Allow"
            Action:
              - "dynamodb:GetItem"
              - "dynamodb:PutItem"
            Resource: "arn:aws:dynamodb:eu-central-1:111122223333:table/orders"
          - Sid: "S31"
            Effect: "Allow"
            Action: "s3:GetObject"
            Resource: "arn:aws:s3:::home/${aws:username}/*"
            Condition:
              StringEquals:
                "aws:RequestedRegion": "eu-central-1"
              StringLike:
                "s3:prefix":
                  - "a/*"
                  - "b/*"
"#;
    let text = in_cloudformation(&role(), &[example()], Syntax::Yaml).unwrap();
    assert_eq!(text, expected);
}

/// Documents of every shape, the same on every run.
fn samples() -> Vec<Vec<PolicyDocument>> {
    let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(8), ..Config::default() });
    let strategy = proptest::collection::vec(document(), 1..3);
    let mut samples = vec![vec![example()]];
    samples.extend((0..40).map(|_| strategy.new_tree(&mut runner).unwrap().current()));
    samples
}

/// Runs a tool on a text; `None` where it is not installed.
fn piped(tool: &str, arguments: &[&str], text: &str) -> Option<std::process::Output> {
    let mut child = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Some(child.wait_with_output().unwrap())
}

#[test]
fn terraform_fmt_changes_nothing() {
    for documents in samples() {
        for target in targets() {
            let text = in_terraform(&target, &documents);
            let Some(output) = piped("terraform", &["fmt", "-"], &text) else {
                eprintln!("skipped: terraform is not installed");
                return;
            };
            let formatted = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(formatted, text);
        }
    }
}

#[test]
fn cfn_lint_finds_nothing() {
    let Some(tool) = std::env::var_os("TRAILTRIM_CFN_LINT") else {
        eprintln!("skipped: TRAILTRIM_CFN_LINT does not name a cfn-lint");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (at, target) in targets().iter().enumerate() {
        for (syntax, extension) in [(Syntax::Yaml, "yaml"), (Syntax::Json, "json")] {
            let path = folder.path().join(format!("{at}.{extension}"));
            let text = in_cloudformation(target, &[example(), example()], syntax).unwrap();
            std::fs::write(&path, text).unwrap();
            files.push(path);
        }
    }
    let output = Command::new(&tool).args(&files).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

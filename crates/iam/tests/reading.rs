//! What the reader takes, and what it says to what it does not.

use trailtrim_iam::read::{Document, HolderKind, PolicyKind, read, read_policy};

const PLAIN: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/+ é"}]}"#;

fn encoded() -> String {
    PLAIN.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn every_encoding_is_the_same_document() {
    let plain = read_policy("p", PLAIN).unwrap();
    let quoted = serde_json::to_string(PLAIN).unwrap();
    let partly = PLAIN.replace('{', "%7b").replace('"', "%22");
    for text in [
        format!("\u{feff} {PLAIN}"),
        encoded(),
        quoted.clone(),
        partly,
        PLAIN.replace("[{", "{").replace("}]", "}"),
        PLAIN.replace("\"s3:Get*\"", "[\"s3:Get*\"]").replace("Effect", "effect"),
        format!(r#"{{"RoleName":"r","PolicyName":"p","PolicyDocument":{quoted}}}"#),
        format!(r#"{{"PolicyVersion":{{"Document":"{}","VersionId":"v1"}}}}"#, encoded()),
        format!(r#"{{"PolicyVersion":{{"Document":{PLAIN},"Added":"later"}}}}"#),
    ] {
        assert_eq!(read_policy("p", &text).unwrap(), plain, "{text}");
    }
}

#[test]
fn errors_name_the_file_the_place_and_what_belongs_there() {
    let error = |text: &str| read_policy("f.json", text).unwrap_err().to_string();
    let statement = |rest: &str| format!(r#"{{"Statement":[{{"Effect":"Allow",{rest}}}]}}"#);
    for (text, expected) in [
        ("{", "`f.json` is not JSON: EOF"),
        (
            "[]",
            "`f.json` at `$`: expected a policy document: an object, or a text that holds one, found a list",
        ),
        ("{}", "`f.json` at `$`: missing `Statement`"),
        (r#"{"Statement":[{"Action":"*"}]}"#, "`f.json` at `$.Statement[0]`: missing `Effect`"),
        (
            r#"{"Version":"2012","Statement":[]}"#,
            "at `$.Version`: expected `2012-10-17` or `2008-10-17`, found `2012`",
        ),
        (r#"{"Statement":[],"Statement":[]}"#, "at `$`: `Statement` stands twice"),
        (&statement(r#""Resource":"*""#), "at `$.Statement[0]`: missing `Action` or `NotAction`"),
        (
            &statement(r#""Action":"sqs:*""#),
            "at `$.Statement[0]`: missing `Resource` or `NotResource`",
        ),
        (&statement(r#""Action":"*","Resource":"*","Resorce":"x""#), "unknown element `Resorce`"),
        (&statement(r#""Action":"*","NotAction":"x:y""#), "`NotAction` stands twice"),
        (
            &statement(r#""Action":"s3""#),
            "at `$.Statement[0].Action`: expected `*` or `service:Name` in actions, found `s3`",
        ),
        (&statement(r#""Action":{"a":1}"#), "expected a text or a list of texts, found an object"),
        (
            &statement(r#""Action":"*","Condition":{"StringEqual":{"a":"b"}}"#),
            "at `$.Statement[0].Condition.StringEqual`: expected a condition operator",
        ),
        (&statement(r#""Action":"*","Principal":{"Aws ":"*"}"#), "unknown element `Aws `"),
        (
            r#"{"Statement":[{"Effect":"allow","Action":"*"}]}"#,
            "expected `Allow` or `Deny`, in this case, found `allow`",
        ),
    ] {
        assert!(error(text).contains(expected), "{text}: {}", error(text));
        assert!(!error(text).contains('\n'));
    }
    let inner = error(r#"{"PolicyDocument":"{\"Statement\":[{\"Effect\":1}]}"}"#);
    assert!(inner.contains("`$.PolicyDocument.Statement[0].Effect`"), "{inner}");
}

#[test]
fn a_dump_attaches_what_it_holds_and_knows_what_it_lacks() {
    let dump = format!(
        r#"{{"GroupDetailList":[{{"GroupName":"g","Arn":"arn:aws:iam::1:group/g","GroupPolicyList":[{{"PolicyName":"gp","PolicyDocument":{PLAIN}}}]}}],
        "UserDetailList":[{{"UserName":"u","Arn":"arn:aws:iam::1:user/u","GroupList":["g","gone"]}}],
        "RoleDetailList":[{{"RoleName":"r","RoleId":"AROA1","Arn":"arn:aws:iam::1:role/p/r","AssumeRolePolicyDocument":"{}",
            "AttachedManagedPolicies":[{{"PolicyName":"A","PolicyArn":"arn:aws:iam::aws:policy/A"}},{{"PolicyName":"m","PolicyArn":"arn:aws:iam::1:policy/m"}}],
            "PermissionsBoundary":{{"PermissionsBoundaryArn":"arn:aws:iam::1:policy/m"}},
            "InstanceProfileList":[{{"Arn":"arn:aws:iam::1:instance-profile/ip"}}]}}],
        "Policies":[{{"PolicyName":"m","Arn":"arn:aws:iam::1:policy/m","PolicyVersionList":[
            {{"Document":{{"Statement":[]}},"IsDefaultVersion":false}},{{"Document":{PLAIN},"IsDefaultVersion":true}}]}}]}}"#,
        encoded()
    );
    let contents = read("dump", &dump).unwrap();
    let plain = Document::Known(read_policy("p", PLAIN).unwrap());
    let find = |kind| contents.principals.iter().find(|p| p.kind == kind).unwrap();
    let user = find(HolderKind::User);
    assert_eq!(user.policies[0].document, plain);
    assert_eq!(user.policies[0].via_group.as_deref(), Some("g"));
    assert!(user.policies[1].document.known().is_none(), "a group that is not there is unknown");
    let role = find(HolderKind::Role);
    assert!(role.policies[0].document.known().is_none(), "never empty");
    assert_eq!(role.policies[1].document, plain, "the default version");
    assert_eq!(role.boundary.as_ref().unwrap().document, plain);
    assert_eq!(role.trust, Some(plain));
    assert_eq!(role.unique_id, "AROA1");
    assert_eq!(role.instance_profiles, ["arn:aws:iam::1:instance-profile/ip"]);
}

#[test]
fn one_page_of_a_dump_is_not_taken_for_all() {
    let page = |flag: &str| format!(r#"{{"RoleDetailList":[],"IsTruncated":{flag},"Marker":"m"}}"#);
    assert!(read("dump", &page("false")).is_ok());
    let error = read("dump", &page("true")).unwrap_err().to_string();
    assert!(error.contains("`$.IsTruncated`: expected the whole dump"), "{error}");
}

#[test]
fn templates_and_plans() {
    let sub = r#"{"Fn::Sub":"arn:${AWS::Partition}:s3:::b"}"#;
    let template = format!(
        r#"{{"Resources":{{"M":{{"Type":"AWS::IAM::ManagedPolicy","Properties":{{"PolicyDocument":{PLAIN}}}}},
        "R":{{"Type":"AWS::IAM::Role","Properties":{{"AssumeRolePolicyDocument":{{"Statement":{{"Effect":"Allow","Principal":{{"Service":"ec2.amazonaws.com"}},"Action":"sts:AssumeRole"}}}},
            "Policies":[{{"PolicyName":"in","PolicyDocument":{{"Statement":[{{"Effect":"Allow","Action":"*","Resource":{sub}}}]}}}}]}}}},
        "P":{{"Type":"AWS::IAM::RolePolicy","Properties":{{"PolicyDocument":{{"Statement":[{{"Effect":"Allow","Action":"*","Resource":{{"Fn::Sub":"b/${{!aws:username}}"}}}}]}}}}}},
        "Q":{{"Type":"AWS::SQS::Queue"}},
        "B":{{"Type":"AWS::S3::BucketPolicy","Properties":{{"Bucket":"b","PolicyDocument":{PLAIN}}}}},
        "K":{{"Type":"AWS::KMS::Key","Properties":{{"KeyPolicy":{PLAIN}}}}},
        "S":{{"Type":"AWS::SSO::PermissionSet","Properties":{{"Name":"Read","InlinePolicy":{PLAIN},"ManagedPolicies":["arn:aws:iam::aws:policy/ViewOnlyAccess"]}}}},
        "O":{{"Type":"AWS::Organizations::Policy","Properties":{{"Type":"SERVICE_CONTROL_POLICY","Content":{PLAIN}}}}},
        "C":{{"Type":"AWS::Organizations::Policy","Properties":{{"Type":"RESOURCE_CONTROL_POLICY","Content":{PLAIN}}}}},
        "T":{{"Type":"AWS::Organizations::Policy","Properties":{{"Type":"TAG_POLICY","Content":{{"tags":{{}}}}}}}}}}}}"#
    );
    let contents = read("t", &template).unwrap();
    let found: Vec<_> = contents
        .policies
        .iter()
        .map(|p| (p.name.as_str(), p.kind, p.document.known().is_some()))
        .collect();
    assert_eq!(
        found,
        [
            ("M", PolicyKind::Identity, true),
            ("R", PolicyKind::Trust, true),
            ("R/in", PolicyKind::Identity, false),
            ("P", PolicyKind::Identity, true),
            ("B", PolicyKind::Resource, true),
            ("K", PolicyKind::Resource, true),
            ("S", PolicyKind::Identity, true),
            ("O", PolicyKind::ServiceControl, true),
            ("C", PolicyKind::ResourceControl, true),
        ]
    );
    // Whom resources' policies are of are no people.
    assert_eq!(contents.people, ["R", "permission set Read"].map(str::to_owned).into());
    assert_eq!(
        contents.elsewhere.first().unwrap().holders,
        ["permission set Read".to_owned()].into()
    );
    assert!(contents.policies[3].document.known().unwrap().to_json().contains("b/${aws:username}"));

    let quoted = serde_json::to_string(PLAIN).unwrap();
    let plan = format!(
        r#"{{"planned_values":{{"root_module":{{"resources":[
            {{"address":"aws_iam_policy.p","type":"aws_iam_policy","values":{{"policy":{quoted}}}}},
            {{"address":"x","type":"aws_iam_role_policy_attachment","values":{{"policy_arn":"arn"}}}}],
        "child_modules":[{{"resources":[{{"address":"m.b","type":"aws_s3_bucket_policy","values":{{"policy":{quoted}}}}}]}}]}}}}}}"#
    );
    let contents = read("plan", &plan).unwrap();
    let found: Vec<_> = contents.policies.iter().map(|p| (p.name.as_str(), p.kind)).collect();
    assert_eq!(found, [("aws_iam_policy.p", PolicyKind::Identity), ("m.b", PolicyKind::Resource)]);
}

#[test]
fn files_tell_whose_a_policy_is() {
    let quoted = serde_json::to_string(PLAIN).unwrap();
    let resource = |kind: &str, name: &str, more: &str| {
        format!(
            r#"{{"address":"{kind}.{name}","type":"{kind}","values":{{"policy":{quoted}{more}}}}}"#
        )
    };
    let attachment = r#"{"address":"a","type":"aws_iam_role_policy_attachment","values":{"role":"app","policy_arn":"arn:p"}}"#;
    let resources = [
        resource("aws_iam_role_policy", "r", r#","role":"app""#),
        resource("aws_iam_role_policy", "later", ""),
        resource("aws_iam_user_policy", "u", r#","user":"ann""#),
        resource("aws_iam_group_policy", "g", r#","group":"dev""#),
        resource("aws_iam_policy", "m", r#","arn":"arn:p""#),
        resource("aws_iam_policy", "free", r#","arn":"arn:q""#),
        resource("aws_sqs_queue_policy", "q", ""),
        format!(
            r#"{{"address":"aws_iam_role.x","type":"aws_iam_role","values":{{"name":"x","inline_policy":[{{"name":"i","policy":{quoted}}}]}}}}"#
        ),
    ];
    // What attaches a policy may stand in another module.
    let state = format!(
        r#"{{"values":{{"root_module":{{"resources":[{}],"child_modules":[{{"resources":[{attachment}]}}]}}}}}}"#,
        resources.join(",")
    );
    let template = format!(
        r#"{{"Resources":{{
        "R":{{"Type":"AWS::IAM::Role","Properties":{{"Policies":[{{"PolicyName":"in","PolicyDocument":{PLAIN}}}]}}}},
        "P":{{"Type":"AWS::IAM::Policy","Properties":{{"Roles":[{{"Ref":"R"}}],"Users":["ann"],"PolicyDocument":{PLAIN}}}}},
        "M":{{"Type":"AWS::IAM::ManagedPolicy","Properties":{{"PolicyDocument":{PLAIN}}}}}}}}}"#
    );
    let holders = |text: &str| -> Vec<Vec<String>> {
        let policies = read("t", text).unwrap().policies;
        policies.into_iter().map(|policy| policy.holders.into_iter().collect()).collect()
    };
    assert_eq!(
        holders(&state),
        [
            vec!["role/app"],
            vec![],
            vec!["user/ann"],
            vec!["group/dev"],
            vec!["role/app"],
            vec![],
            vec!["`aws_sqs_queue_policy.q`"],
            vec!["role/x"],
        ]
    );
    assert_eq!(holders(&template), [vec!["R"], vec!["R", "user/ann"], vec![]]);
}

#[test]
fn what_limits_or_is_somebody_elses_is_told_from_what_is_attached() {
    let quoted = serde_json::to_string(PLAIN).unwrap();
    let role = |name: &str, more: &str| {
        format!(
            r#"{{"address":"aws_iam_role.{name}","type":"aws_iam_role","values":{{"name":"{name}"{more}}}}}"#
        )
    };
    let policy = |kind: &str, name: &str, more: &str| {
        format!(r#"{{"address":"{name}","type":"{kind}","values":{{"policy":{quoted}{more}}}}}"#)
    };
    let scp = |name: &str, kind: &str| {
        format!(
            r#"{{"address":"{name}","type":"aws_organizations_policy","values":{{"type":"{kind}","content":{quoted}}}}}"#
        )
    };
    let state = |resources: &[String]| {
        format!(r#"{{"values":{{"root_module":{{"resources":[{}]}}}}}}"#, resources.join(","))
    };
    let told = |text: &str| -> Vec<(String, PolicyKind, Vec<String>)> {
        let policies = read("t", text).unwrap().policies.into_iter();
        policies.map(|one| (one.name, one.kind, one.holders.into_iter().collect())).collect()
    };
    let of = |name: &str, kind: PolicyKind, holders: &[&str]| {
        (name.to_owned(), kind, holders.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    };
    let (identity, boundary) = (PolicyKind::Identity, PolicyKind::Boundary);
    let deployed = state(&[
        role("a", r#","managed_policy_arns":["arn:m"],"permissions_boundary":"arn:b""#),
        role("b", ""),
        policy("aws_iam_policy", "m", r#","arn":"arn:m""#),
        policy("aws_iam_policy", "limit", r#","arn":"arn:b""#),
        scp("scp", "SERVICE_CONTROL_POLICY"),
        scp("rcp", "RESOURCE_CONTROL_POLICY"),
        scp("tags", "TAG_POLICY"),
    ]);
    assert_eq!(
        told(&deployed),
        [
            of("m", identity, &["role/a"]),
            of("limit", boundary, &["role/a"]),
            of("scp", PolicyKind::ServiceControl, &[]),
            of("rcp", PolicyKind::ResourceControl, &[]),
        ]
    );
    let contents = read("t", &deployed).unwrap();
    assert_eq!(contents.people, ["role/a", "role/b"].map(str::to_owned).into());
    assert!(!contents.open_boundary);
    // Before the apply ARNs are not known, nor is which policy a boundary is.
    let fresh = format!(
        r#"{{"planned_values":{{"root_module":{{"resources":[{},{},{},
            {{"address":"x","type":"aws_iam_role_policy_attachment","values":{{"role":"elsewhere"}}}}]}}}},
        "resource_changes":[{{"address":"aws_iam_role.a","change":{{"after_unknown":{{"permissions_boundary":true}}}}}}]}}"#,
        role("a", ""),
        policy("aws_iam_policy", "m", ""),
        policy("aws_iam_role_policy", "i", ""),
    );
    assert_eq!(told(&fresh), [of("m", identity, &[]), of("i", identity, &[])]);
    let contents = read("t", &fresh).unwrap();
    assert_eq!(contents.people, ["role/a", "role/elsewhere"].map(str::to_owned).into());
    assert!(contents.open_boundary);

    let template = format!(
        r#"{{"Resources":{{
        "R":{{"Type":"AWS::IAM::Role","Properties":{{"RoleName":"app","ManagedPolicyArns":[{{"Ref":"M"}}],"PermissionsBoundary":{{"Ref":"B"}}}}}},
        "M":{{"Type":"AWS::IAM::ManagedPolicy","Properties":{{"PolicyDocument":{PLAIN}}}}},
        "B":{{"Type":"AWS::IAM::ManagedPolicy","Properties":{{"PolicyDocument":{PLAIN}}}}},
        "P":{{"Type":"AWS::IAM::Policy","Properties":{{"Roles":[{{"Ref":"R"}},{{"Ref":"Given"}}],"PolicyDocument":{PLAIN}}}}},
        "G":{{"Type":"AWS::IAM::ManagedPolicy","Properties":{{"Roles":{{"Ref":"Given"}},"PolicyDocument":{PLAIN}}}}}}}}}"#
    );
    assert_eq!(
        told(&template),
        [
            of("M", identity, &["role/app"]),
            of("B", boundary, &["role/app"]),
            of("P", identity, &["Given", "role/app"]),
            of("G", identity, &["Given"]),
        ]
    );
}

#[test]
fn what_a_file_attaches_and_does_not_hold_is_told() {
    let quoted = serde_json::to_string(PLAIN).unwrap();
    let aws = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let resources = [
        format!(r#"{{"address":"r","type":"aws_iam_role","values":{{"name":"app","managed_policy_arns":["arn:own","{aws}"]}}}}"#),
        format!(r#"{{"address":"own","type":"aws_iam_policy","values":{{"arn":"arn:own","policy":{quoted}}}}}"#),
        // Before the apply a policy goes by its name, and AWS's of the name is another one.
        format!(r#"{{"address":"fresh","type":"aws_iam_policy","values":{{"name":"ReadOnlyAccess","policy":{quoted}}}}}"#),
        format!(r#"{{"address":"a","type":"aws_iam_role_policy_attachment","values":{{"role":"b","policy_arn":"{aws}"}}}}"#),
        r#"{"address":"s","type":"aws_ssoadmin_managed_policy_attachment","values":{"permission_set_arn":"arn:set","managed_policy_arn":"arn:theirs"}}"#.to_owned(),
    ];
    let state =
        format!(r#"{{"values":{{"root_module":{{"resources":[{}]}}}}}}"#, resources.join(","));
    let told = |text: &str| -> Vec<(String, Vec<String>)> {
        let elsewhere = read("t", text).unwrap().elsewhere.into_iter();
        elsewhere.map(|one| (one.policy, one.holders.into_iter().collect())).collect()
    };
    let of = |policy: &str, holders: &[&str]| {
        (policy.to_owned(), holders.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(
        told(&state),
        [of(aws, &["role/app", "role/b"]), of("arn:theirs", &["permission set arn:set"])]
    );
    let template = format!(
        r#"{{"Resources":{{
        "R":{{"Type":"AWS::IAM::Role","Properties":{{"ManagedPolicyArns":[{{"Ref":"M"}},"arn:aws:iam::111122223333:policy/n","{aws}",
            {{"Fn::Sub":"arn:${{AWS::Partition}}:iam::aws:policy/ViewOnlyAccess"}},{{"Ref":"Given"}},
            {{"Fn::If":["Big",{{"Fn::ImportValue":"big"}},{{"Ref":"AWS::NoValue"}}]}},{{"Fn::If":["Big",{{"Ref":"C"}},"arn:small"]}}]}}}},
        "U":{{"Type":"AWS::IAM::User","Properties":{{"ManagedPolicyArns":{{"Fn::Split":[",","x"]}}}}}},
        "M":{{"Type":"AWS::IAM::ManagedPolicy","Properties":{{"PolicyDocument":{PLAIN}}}}},
        "N":{{"Type":"AWS::IAM::ManagedPolicy","Properties":{{"ManagedPolicyName":"n","PolicyDocument":{PLAIN}}}}},
        "C":{{"Type":"AWS::IAM::ManagedPolicy","Properties":{{"PolicyDocument":{PLAIN}}}}}}}}}"#
    );
    let of_role = |policy: &str| of(policy, &["R"]);
    assert_eq!(
        told(&template),
        [
            of_role("arn:${AWS::Partition}:iam::aws:policy/ViewOnlyAccess"),
            of_role(aws),
            of_role(r#"{"Fn::If":["Big",{"Fn::ImportValue":"big"},{"Ref":"AWS::NoValue"}]}"#),
            of_role(r#"{"Fn::If":["Big",{"Ref":"C"},"arn:small"]}"#),
            of(r#"{"Fn::Split":[",","x"]}"#, &["U"]),
            of_role(r#"{"Ref":"Given"}"#),
        ]
    );
    let certain = read("t", &template).unwrap().elsewhere.into_iter().filter(|one| one.certain);
    let certain: Vec<String> = certain.map(|one| one.policy).collect();
    assert_eq!(certain, ["arn:${AWS::Partition}:iam::aws:policy/ViewOnlyAccess", aws]);
    let policies = read("t", &template).unwrap().policies;
    assert!(policies.iter().all(|one| one.holders == ["R".to_owned()].into()), "{policies:?}");
}

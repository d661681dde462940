//! Pairs of policies and what must be said of them, each for one rule of the
//! language. `!` proved, `+` new access, `~` undecided.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use trailtrim_iam::{Limits, Reason, compare, read::read_policy};

fn answer(existing: &str, new: &str) -> (char, Vec<Reason>) {
    let read = |statements: &str| {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        read_policy(statements, &text).unwrap()
    };
    let found = compare(&[&read(existing)], &[&read(new)], &Limits::default());
    let sign = match found.new_access() {
        Some(false) => '!',
        Some(true) => '+',
        None => '~',
    };
    (sign, found.undecided.into_iter().map(|undecided| undecided.reason).collect())
}

fn check(cases: &[(char, &str, &str)]) {
    for (expected, existing, new) in cases {
        let (sign, reasons) = answer(existing, new);
        assert_eq!(sign, *expected, "existing {existing} new {new}: {reasons:?}");
    }
}

fn allow(action: &str, resource: &str, condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}","Condition":{{{condition}}}}}"#
    )
}

fn conditions(cases: &[(char, &str, &str)]) {
    for (expected, existing, new) in cases {
        check(&[(*expected, &allow("*", "*", existing), &allow("s3:GetObject", "*", new))]);
    }
}

#[test]
fn conditions_are_compared_by_what_they_let_through() {
    conditions(&[
        ('!', "", r#""Bool":{"a":"true"}"#),
        ('+', r#""Bool":{"a":"true"}"#, ""),
        ('!', r#""StringEquals":{"a":["x","y"]}"#, r#""StringEquals":{"A":"y"}"#),
        ('+', r#""StringEquals":{"a":"x"}"#, r#""StringEquals":{"a":["x","y"]}"#),
        ('!', r#""StringLike":{"a":"x*"}"#, r#""StringEquals":{"a":["x1","x2"]}"#),
        ('+', r#""StringLike":{"a":"x*"}"#, r#""StringLike":{"a":"*x"}"#),
        ('!', r#""StringLike":{"a":"x*"}"#, r#""StringLike":{"a":["xy*","x?z"]}"#),
        ('!', r#""StringNotEquals":{"a":"x"}"#, r#""StringEquals":{"a":"y"}"#),
        ('+', r#""StringEqualsIfExists":{"a":"x"}"#, r#""StringNotEquals":{"a":"z"}"#),
        ('!', r#""StringEqualsIfExists":{"a":"x"}"#, r#""Null":{"a":"true"}"#),
        ('!', r#""Null":{"a":"false"}"#, r#""StringLike":{"a":"*"}"#),
        ('+', r#""Null":{"a":"false"}"#, r#""StringNotLike":{"a":"x"}"#),
        (
            '!',
            r#""IpAddress":{"a":"10.0.0.0/8"}"#,
            r#""IpAddress":{"a":["10.1.0.0/16","10.2.3.4"]}"#,
        ),
        ('+', r#""IpAddress":{"a":"10.0.0.0/8"}"#, r#""NotIpAddress":{"a":"11.0.0.0/8"}"#),
        ('!', r#""NumericLessThan":{"a":"10"}"#, r#""NumericLessThanEquals":{"a":"9"}"#),
        ('+', r#""NumericLessThan":{"a":"10"}"#, r#""NumericLessThanEquals":{"a":"10"}"#),
        (
            '!',
            r#""DateLessThan":{"a":"2030-01-01T00:00:00Z"}"#,
            r#""DateLessThan":{"a":"2029-01-01T00:00:00Z"}"#,
        ),
        (
            '!',
            r#""ForAllValues:StringEquals":{"k":["a","b"]}"#,
            r#""ForAllValues:StringEquals":{"k":"a"}"#,
        ),
        (
            '+',
            r#""ForAllValues:StringEquals":{"k":["a","b"]}"#,
            r#""ForAnyValue:StringEquals":{"k":"a"}"#,
        ),
        (
            '!',
            r#""ForAnyValue:StringEquals":{"k":["a","b"]}"#,
            r#""ForAllValues:StringEquals":{"k":"a"},"Null":{"k":"false"}"#,
        ),
        (
            '!',
            r#""StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"}"#,
            r#""StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}","x":"y"}"#,
        ),
        (
            '+',
            r#""StringEquals":{"aws:ResourceAccount":"${aws:PrincipalAccount}"}"#,
            r#""StringEquals":{"aws:ResourceAccount":"1"}"#,
        ),
        ('!', r#""ArnLike":{"a":"arn:aws:s3:::b*"}"#, r#""ArnEquals":{"a":"arn:aws:s3:::bc"}"#),
    ]);
}

#[test]
fn exceptions_and_denies() {
    check(&[
        ('!', r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#, &allow("s3:*", "*", "")),
        ('+', r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#, &allow("i*", "*", "")),
        (
            '!',
            r#"{"Effect":"Allow","NotAction":["iam:*","s3:*"],"Resource":"*"}"#,
            r#"{"Effect":"Allow","NotAction":["iam:*","s3:*","ec2:*"],"Resource":"*"}"#,
        ),
        (
            '!',
            r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"},{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","NotAction":["iam:Get*","s3:*"],"Resource":"*"}"#,
        ),
        (
            '!',
            r#"{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::secret/*"}"#,
            &allow("s3:*", "arn:aws:s3:::open/*", ""),
        ),
        (
            '+',
            r#"{"Effect":"Allow","Action":"s3:*","NotResource":"arn:aws:s3:::secret/*"}"#,
            &allow("s3:*", "arn:aws:s3:::*", ""),
        ),
        (
            '!',
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:Put*","Resource":"arn:aws:s3:::a*"}"#,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:P*","Resource":"arn:aws:s3:::*"}"#,
        ),
        (
            '+',
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:Put*","Resource":"arn:aws:s3:::a*"}"#,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:PutO*","Resource":"arn:aws:s3:::a*"}"#,
        ),
        // Two patterns cover what neither covers alone.
        (
            '!',
            &format!(
                "{},{}",
                allow("s3:*", "arn:aws:s3:::b", ""),
                allow("s3:*", "arn:aws:s3:::b?*", "")
            ),
            &allow("s3:Get*", "arn:aws:s3:::b*", ""),
        ),
        ('+', &allow("s3:*", "arn:aws:s3:::b?*", ""), &allow("s3:Get*", "arn:aws:s3:::b*", "")),
    ]);
}

#[test]
fn variables_are_covered_by_themselves_and_by_stars() {
    check(&[
        (
            '!',
            &allow("s3:*", "arn:aws:s3:::b/*", ""),
            &allow("s3:*", "arn:aws:s3:::b/${aws:username}/*", ""),
        ),
        (
            '!',
            &allow("s3:*", "arn:aws:s3:::b/${aws:username}/*", ""),
            &allow("s3:*", "arn:aws:s3:::b/${aws:Username}/x", ""),
        ),
        (
            '+',
            &allow("s3:*", "arn:aws:s3:::b/${aws:username}", ""),
            &allow("s3:*", "arn:aws:s3:::b/alice", ""),
        ),
        (
            '+',
            &allow("s3:*", "arn:aws:s3:::b/alice", ""),
            &allow("s3:*", "arn:aws:s3:::b/${aws:username}", ""),
        ),
        (
            '+',
            r#"{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}"}"#,
            &allow("s3:*", "arn:aws:s3:::b/alice", ""),
        ),
    ]);
}

#[test]
fn the_readings_of_colons_are_not_mixed() {
    check(&[
        (
            '!',
            &allow("*", "arn:aws:dynamodb:*:table/x", ""),
            &allow("*", "arn:aws:dynamodb:*:table/x", ""),
        ),
        (
            '~',
            &allow("*", "arn:aws:dynamodb:*:table/x", ""),
            &allow("*", "arn:aws:dynamodb:r:111122223333:table/x", ""),
        ),
        (
            '!',
            &allow("*", "arn:aws:dynamodb:*:*:table/x", ""),
            &allow("*", "arn:aws:dynamodb:*:table/x", ""),
        ),
        (
            '+',
            &allow("*", "arn:aws:dynamodb:*:table/x", ""),
            &allow("*", "arn:aws:dynamodb:r:111122223333:table/y", ""),
        ),
        ('!', &allow("*", "arn:aws:s3:::*", ""), &allow("*", "arn:aws:s3:::b:c/*", "")),
    ]);
    let (_, reasons) = answer(
        &allow("*", "arn:aws:dynamodb:*:table/x", ""),
        &allow("*", "arn:aws:dynamodb:r:111122223333:table/x", ""),
    );
    assert!(matches!(reasons.as_slice(), [Reason::Reading(_)]), "{reasons:?}");
}

#[test]
fn an_incomplete_arn_of_an_identity_policy_is_completed() {
    let queue = allow("*", "arn:aws:sqs:r:111122223333:q", "");
    let all = allow("*", "arn:aws:sqs:*:*:*", "");
    for text in ["arn:aws:sqs", "arn:aws:sqs:*"] {
        let incomplete = allow("*", text, "");
        check(&[
            ('+', &queue, &incomplete),
            ('!', &incomplete, &queue),
            ('!', &incomplete, &all),
            ('!', &all, &incomplete),
        ]);
    }
    let deny = r#"{"Effect":"Deny","Action":"*","Resource":"arn:aws:sqs:r"}"#;
    let but = format!("{all},{deny}");
    check(&[('!', &all, &but), ('+', &but, &queue)]);
}

#[test]
fn principals_are_a_third_side() {
    let trust = |principal: &str, condition: &str| {
        format!(
            r#"{{"Effect":"Allow",{principal},"Action":"sts:AssumeRole","Condition":{{{condition}}}}}"#
        )
    };
    let of = |principal: &str| trust(&format!(r#""Principal":{principal}"#), "");
    let anyone = |condition: &str| trust(r#""Principal":{"AWS":"*"}"#, condition);
    let account = of(r#"{"AWS":"111122223333"}"#);
    let role = of(r#"{"AWS":"arn:aws:iam::111122223333:role/p/R"}"#);
    let by_arn = anyone(r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/p/*"}"#);
    let by_account =
        anyone(r#""StringEquals":{"aws:PrincipalAccount":["111122223333","777788889999"]}"#);
    check(&[
        ('!', &account, &of(r#"{"AWS":"arn:aws:iam::111122223333:root"}"#)),
        ('+', &role, &account),
        ('+', &account, &of(r#"{"AWS":"444455556666"}"#)),
        ('+', &role, &of(r#"{"AWS":"arn:aws:iam::111122223333:role/R"}"#)),
        ('!', &of("\"*\""), &of(r#"{"Service":"ec2.amazonaws.com"}"#)),
        ('~', &of(r#"{"AWS":"*"}"#), &of(r#"{"Service":"ec2.amazonaws.com"}"#)),
        ('+', &of(r#"{"Service":"ec2.amazonaws.com"}"#), &of(r#"{"Service":"ecs.amazonaws.com"}"#)),
        (
            '+',
            &of(r#"{"Service":"ec2.amazonaws.com"}"#),
            &of(r#"{"Federated":"arn:aws:iam::111122223333:saml-provider/p"}"#),
        ),
        ('!', &by_arn, &role),
        ('+', &by_arn, &of(r#"{"AWS":"arn:aws:iam::111122223333:role/q/R"}"#)),
        (
            '!',
            &role,
            &anyone(r#""ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/p/R"}"#),
        ),
        ('!', &by_account, &role),
        ('+', &by_account, &of(r#"{"AWS":"444455556666"}"#)),
        ('+', &anyone(r#""StringEquals":{"aws:PrincipalOrgID":"o-1"}"#), &role),
        ('!', &trust(r#""NotPrincipal":{"AWS":"444455556666"}"#, ""), &role),
        ('+', &trust(r#""NotPrincipal":{"AWS":"111122223333"}"#, ""), &role),
    ]);
}

/// What `simulate` tells apart, no proof may take for the same: an account that is named only
/// delegates, and a boundary limits a role and not its session that is named.
#[test]
fn who_is_named_more_closely_may_have_new_access() {
    let of = |names: &str| {
        format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":{names}}},"Action":"kms:*","Resource":"*"}}"#
        )
    };
    let [account, role, session, user] = [
        "111122223333",
        "arn:aws:iam::111122223333:role/R",
        "arn:aws:sts::111122223333:assumed-role/R/s",
        "arn:aws:iam::111122223333:user/u",
    ]
    .map(|name| of(&format!("\"{name}\"")));
    let anyone = of("\"*\"");
    let both = of(r#"["111122223333","arn:aws:iam::111122223333:role/R"]"#);
    let denied = of(r#"["arn:aws:iam::111122223333:role/R"]"#).replace("Allow", "Deny");
    let of_account = anyone.replace(
        r#""Resource""#,
        r#""Condition":{"StringEquals":{"aws:PrincipalAccount":"111122223333"}},"Resource""#,
    );
    check(&[
        ('~', &account, &role),
        ('~', &account, &session),
        ('~', &account, &user),
        ('~', &account, &of_account),
        ('~', &role, &session),
        ('~', &anyone, &user),
        ('!', &anyone, &role),
        ('!', &anyone, &account),
        ('!', &of_account, &account),
        ('!', &both, &role),
        ('!', &both, &account),
        ('!', &account, &format!("{role},{denied}")),
    ]);
    let (_, reasons) = answer(&account, &role);
    assert!(matches!(reasons.as_slice(), [Reason::Closeness(_)]), "{reasons:?}");
}

#[test]
fn whom_a_not_principal_spares_is_proved_for_each_reading() {
    let allow = r#"{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}"#;
    let user = "\"arn:aws:iam::111122223333:user/u\"";
    let but = |names: &str| {
        let deny = r#""Effect":"Deny","Action":"s3:*","Resource":"*""#;
        format!(r#"{allow},{{{deny},"NotPrincipal":{{"AWS":[{names}]}}}}"#)
    };
    let by_arn = format!(
        r#"{allow},{{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{{"ArnNotEquals":{{"aws:PrincipalArn":{user}}}}}}}"#
    );
    let of_role =
        |more: &str| but(&format!("\"111122223333\",\"arn:aws:iam::111122223333:role/R\"{more}"));
    let with_account = but(&format!("{user},\"111122223333\""));
    check(&[
        ('!', &but(user), &but(user)),
        ('!', &with_account, &but(user)),
        // The account spares its root user, and of a listed role the session for certain.
        ('+', &but(user), &with_account),
        ('~', &of_role(""), &of_role(",\"arn:aws:sts::111122223333:assumed-role/R/s\"")),
        // One with a boundary is denied by the old policy alone.
        ('~', &with_account, &by_arn),
        ('+', &with_account, allow),
        ('!', allow, &with_account),
    ]);
}

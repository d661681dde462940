//! Decision cases, each from a sentence of AWS's documentation of policy
//! evaluation, condition operators or policy variables.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use trailtrim_iam::{
    Action, Context, Layer, Layers, Outcome, Policies, Principal, Request, ResourcePolicyRole,
    evaluate, read::read_policy,
};

use Outcome::{Allowed, ExplicitlyDenied, ImplicitlyDenied, Unknown};

fn policies(statements: &str) -> Policies {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":{statements}}}"#);
    Policies::compile([&read_policy("test", &text).unwrap()])
}

fn request(action: &str, resource: &str, principal: &str) -> Request {
    let mut request = Request::new(Action::parse(action).unwrap(), resource);
    request.principal = Some(Principal::parse(principal).unwrap());
    request
}

const USER: &str = "arn:aws:iam::111122223333:user/u";
const ROLE: &str = "arn:aws:iam::111122223333:role/R";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/R/s";
const STRANGER: &str = "arn:aws:iam::444455556666:role/X";
const KEY: &str = "arn:aws:s3:::b/k";
const ALLOW_ALL: &str = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
const NOTHING: &str = "[]";

/// Decides one condition in a context of `key=value` pairs.
fn condition(condition: &str, context: &[(&str, &str)]) -> Outcome {
    let policies = policies(&format!(
        r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{condition}}}"#
    ));
    let mut request = Request::new(Action::parse("s3:GetObject").unwrap(), KEY);
    for (key, value) in context {
        request.context.add(key, *value);
    }
    policies.decide(&request).outcome
}

fn holds(block: &str, context: &[(&str, &str)]) -> bool {
    condition(block, context) == Allowed
}

#[test]
fn an_absent_key_fails_positive_and_passes_negative_operators() {
    assert!(!holds(r#"{"StringEquals":{"a":"x"}}"#, &[]));
    assert!(holds(r#"{"StringNotEquals":{"a":"x"}}"#, &[]));
    assert!(holds(r#"{"StringEqualsIfExists":{"a":"x"}}"#, &[]));
    assert!(!holds(r#"{"StringEqualsIfExists":{"a":"x"}}"#, &[("A", "y")]));
    assert!(holds(r#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, &[]));
    assert!(!holds(r#"{"Bool":{"aws:SecureTransport":false}}"#, &[]));
    assert!(holds(r#"{"ArnNotLike":{"a":"arn:aws:s3:::*"}}"#, &[]));
    assert!(holds(r#"{"Null":{"a":"true"}}"#, &[]));
    assert!(!holds(r#"{"Null":{"a":true}}"#, &[("a", "")]));
}

#[test]
fn operators_are_anded_keys_are_anded_values_are_ored() {
    let block = r#"{"StringEquals":{"a":["x","y"],"b":"z"},"Bool":{"c":"true"}}"#;
    assert!(holds(block, &[("a", "y"), ("b", "z"), ("c", "True")]));
    assert!(!holds(block, &[("a", "y"), ("b", "z")]));
    assert!(!holds(block, &[("a", "q"), ("b", "z"), ("c", "true")]));
    assert!(!holds(r#"{"StringNotEquals":{"a":["x","y"]}}"#, &[("a", "y")]), "none of them");
}

#[test]
fn each_type_compares_in_its_own_way() {
    assert!(holds(r#"{"StringEquals":{"a":"*"}}"#, &[("a", "*")]));
    assert!(!holds(r#"{"StringEquals":{"a":"*"}}"#, &[("a", "x")]), "no wildcards in StringEquals");
    assert!(holds(r#"{"StringLike":{"a":"x?z*"}}"#, &[("a", "xyz")]));
    assert!(!holds(r#"{"StringLike":{"a":"X*"}}"#, &[("a", "xyz")]));
    assert!(holds(r#"{"StringEqualsIgnoreCase":{"a":"X"}}"#, &[("a", "x")]));
    assert!(holds(r#"{"NumericLessThanEquals":{"a":10}}"#, &[("a", "9.5")]));
    assert!(!holds(r#"{"NumericLessThan":{"a":"10"}}"#, &[("a", "10")]));
    assert!(holds(r#"{"NumericGreaterThan":{"a":"9"}}"#, &[("a", "10")]), "not as texts");
    assert!(holds(r#"{"DateGreaterThan":{"a":"2020-01-01T00:00:00Z"}}"#, &[("a", "1600000000")]));
    assert!(holds(r#"{"DateEquals":{"a":"2020-01-01"}}"#, &[("a", "2020-01-01T01:00:00+01:00")]));
    assert!(holds(
        r#"{"IpAddress":{"a":["10.0.0.0/8","2001:db8::/32"]}}"#,
        &[("a", "2001:db8::1")]
    ));
    assert!(!holds(r#"{"IpAddress":{"a":"10.0.0.1"}}"#, &[("a", "10.0.0.2")]));
    assert!(holds(r#"{"BinaryEquals":{"a":"QUJD"}}"#, &[("a", "QUJD")]));
    assert!(holds(r#"{"ArnLike":{"a":"arn:aws:s3:*:*:b*"}}"#, &[("a", "arn:aws:s3:::b:c")]));
    assert!(!holds(r#"{"ArnLike":{"a":"arn:aws:sns:*:b"}}"#, &[("a", "arn:aws:sns:r:1:b")]));
    assert!(holds(r#"{"ArnEquals":{"a":"arn:aws:s3:::b*"}}"#, &[("a", "arn:aws:s3:::bc")]));
}

#[test]
fn sets_are_quantified() {
    let all = r#"{"ForAllValues:StringEquals":{"k":["a","b"]}}"#;
    let any = r#"{"ForAnyValue:StringEquals":{"k":["a","b"]}}"#;
    assert!(holds(all, &[]) && !holds(any, &[]));
    assert!(holds(all, &[("k", "a"), ("k", "b")]));
    assert!(!holds(all, &[("k", "a"), ("k", "c")]) && holds(any, &[("k", "a"), ("k", "c")]));
    let none = r#"{"ForAllValues:StringNotEquals":{"k":"a"}}"#;
    assert!(holds(none, &[("k", "b")]) && !holds(none, &[("k", "a"), ("k", "b")]));
    let other = r#"{"ForAnyValue:StringNotEquals":{"k":"a"}}"#;
    assert!(holds(other, &[("k", "a"), ("k", "b")]) && !holds(other, &[("k", "a")]));
}

#[test]
fn variables_are_bound_literally() {
    let home = policies(
        r#"{"Effect":"Allow","Action":"s3:*","Resource":["arn:aws:s3:::b/${aws:username}/*","arn:aws:s3:::b/${aws:PrincipalTag/team, 'none'}"]}"#,
    );
    let outcome =
        |resource: &str, who: &str| home.decide(&request("s3:GetObject", resource, who)).outcome;
    assert_eq!(outcome("arn:aws:s3:::b/u/k", USER), Allowed);
    assert_eq!(outcome("arn:aws:s3:::b/v/k", USER), ImplicitlyDenied);
    assert_eq!(outcome("arn:aws:s3:::b//k", ROLE), ImplicitlyDenied, "a role has no username");
    let named = policies(
        r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username}/*"}"#,
    );
    for (who, expected) in [(SESSION, ImplicitlyDenied), (ROLE, ImplicitlyDenied), (USER, Allowed)]
    {
        let mut open = request("s3:GetObject", "arn:aws:s3:::b/u/k", who);
        open.context = Context::open();
        assert_eq!(named.decide(&open).outcome, expected, "{who}, whatever else is not known");
    }
    assert_eq!(outcome("arn:aws:s3:::b/none", ROLE), Allowed);
    let mut star = request("s3:GetObject", "arn:aws:s3:::b/v/k", STRANGER);
    star.context.add("aws:username", "*");
    assert_eq!(home.decide(&star).outcome, ImplicitlyDenied, "a value is no pattern");
    let literal =
        policies(r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${*}${?}${$}"}"#);
    let outcome = |resource: &str| literal.decide(&request("s3:GetObject", resource, USER)).outcome;
    assert_eq!(
        (outcome("arn:aws:s3:::b/*?$"), outcome("arn:aws:s3:::b/xy$")),
        (Allowed, ImplicitlyDenied)
    );
}

#[test]
fn version_2008_has_no_variables() {
    let text = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/${aws:username}"}}"#;
    let old = Policies::compile([&read_policy("old", text).unwrap()]);
    let outcome = |resource: &str| old.decide(&request("s3:GetObject", resource, USER)).outcome;
    assert_eq!(outcome("arn:aws:s3:::b/u"), ImplicitlyDenied);
    assert_eq!(outcome("arn:aws:s3:::b/${aws:username}"), Allowed);
}

#[test]
fn colons_and_case() {
    let outcome = |pattern: &str, action: &str, resource: &str| {
        let policy = format!(r#"{{"Effect":"Allow","Action":"S3:get*","Resource":"{pattern}"}}"#);
        policies(&policy).decide(&request(action, resource, USER)).outcome
    };
    assert_eq!(outcome("arn:aws:s3:::b/*", "s3:GetObject", KEY), Allowed);
    assert_eq!(outcome("arn:aws:s3:::B/*", "s3:GetObject", KEY), ImplicitlyDenied);
    assert_eq!(
        outcome("arn:aws:s3:*:b/k", "s3:GetObject", "arn:aws:s3:r:1:b/k"),
        Allowed,
        "runs on"
    );
    assert_eq!(outcome("arn:aws:s3:*x:b", "s3:GetObject", "arn:aws:s3:r:x:b"), ImplicitlyDenied);
    assert_eq!(outcome("arn:aws:s3:::b*k", "s3:GetObject", "arn:aws:s3:::b:x:k"), Allowed);
    assert_eq!(outcome("arn:aws*:s3:::b/k", "s3:GetObject", "arn:aws-cn:s3:::b/k"), Allowed);
    assert_eq!(
        outcome("arn:aws:s3:::b/k", "s3:GetObject", "arn:aws-cn:s3:::b/k"),
        ImplicitlyDenied
    );
    assert_eq!(outcome("arn:aws:s3:::*", "s3:GetObject", "*"), ImplicitlyDenied);
}

#[test]
fn unknown_keys_are_named_and_only_where_they_decide() {
    let policy = policies(
        r#"[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},
            {"Effect":"Deny","Action":"s3:Put*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/x":"y"}}}]"#,
    );
    let decide = |action: &str, known: &[(&str, &str)]| {
        let mut request = Request::new(Action::parse(action).unwrap(), KEY);
        request.context = Context::open();
        known.iter().for_each(|(key, value)| request.context.add(key, *value));
        let decision = policy.decide(&request);
        (decision.outcome, decision.unknown_keys.into_iter().collect::<Vec<_>>().join(" "))
    };
    let mfa = "aws:MultiFactorAuthPresent";
    assert_eq!(decide("s3:GetObject", &[]), (Unknown, mfa.to_owned()));
    assert_eq!(
        decide("s3:PutObject", &[(mfa, "true")]),
        (Unknown, "aws:PrincipalTag/x".to_owned())
    );
    assert_eq!(decide("s3:PutObject", &[("aws:principaltag/X", "y")]).0, ExplicitlyDenied);
    assert_eq!(decide("s3:PutObject", &[(mfa, "false")]).0, ImplicitlyDenied);
    assert_eq!(decide("ec2:RunInstances", &[]).0, ImplicitlyDenied);
}

#[test]
fn guards_limit_and_denies_win() {
    let (all, none) = (policies(ALLOW_ALL), policies(NOTHING));
    let s3 = policies(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#);
    let deny = policies(r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#);
    let outcome =
        |layers: Layers<'_>| evaluate(&layers, &request("s3:GetObject", KEY, ROLE)).outcome;
    let base = Layers { identity: Some(&all), ..Layers::default() };
    assert_eq!(outcome(base), Allowed);
    assert_eq!(outcome(Layers { boundary: Some(&s3), session: Some(&s3), ..base }), Allowed);
    assert_eq!(outcome(Layers { boundary: Some(&none), ..base }), ImplicitlyDenied);
    assert_eq!(outcome(Layers { session: Some(&none), ..base }), ImplicitlyDenied);
    assert_eq!(outcome(Layers { session: Some(&deny), ..base }), ExplicitlyDenied);
    assert_eq!(outcome(Layers { identity: None, boundary: Some(&all), ..base }), ImplicitlyDenied);
    let levels = [all.clone(), s3.clone()];
    assert_eq!(outcome(Layers { scps: &levels, rcps: &levels, ..base }), Allowed);
    let levels = [all.clone(), none.clone()];
    assert_eq!(outcome(Layers { scps: &levels, ..base }), ImplicitlyDenied);
    assert_eq!(outcome(Layers { rcps: &levels, ..base }), ImplicitlyDenied);
    // Service-linked roles are bound by neither.
    let linked =
        "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX";
    let bound = Layers { scps: &levels, rcps: &levels, ..base };
    assert_eq!(evaluate(&bound, &request("s3:GetObject", KEY, linked)).outcome, Allowed);
    let alike = "arn:aws:iam::111122223333:role/AWSServiceRoleForX";
    assert_eq!(evaluate(&bound, &request("s3:GetObject", KEY, alike)).outcome, ImplicitlyDenied);
}

#[test]
fn a_resource_policy_reaches_as_far_as_it_names() {
    let (all, none) = (policies(ALLOW_ALL), policies(NOTHING));
    let names = |who: &str| {
        policies(&format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"{who}"}},"Action":"s3:*","Resource":"*"}}"#
        ))
    };
    let outcome =
        |named: &str, asks: &str, boundary: Option<&Policies>, identity: Option<&Policies>| {
            let theirs = names(named);
            let layers =
                Layers { identity, boundary, resource: Some(&theirs), ..Layers::default() };
            evaluate(&layers, &request("s3:GetObject", KEY, asks)).outcome
        };
    assert_eq!(outcome(USER, USER, None, None), Allowed);
    assert_eq!(outcome(USER, USER, Some(&none), None), Allowed, "past the boundary");
    assert_eq!(outcome(SESSION, SESSION, Some(&none), None), Allowed);
    assert_eq!(outcome(ROLE, SESSION, None, None), Allowed);
    assert_eq!(outcome(ROLE, SESSION, Some(&none), None), ImplicitlyDenied);
    assert_eq!(outcome("111122223333", SESSION, None, None), ImplicitlyDenied, "delegates only");
    assert_eq!(outcome("111122223333", SESSION, None, Some(&all)), Allowed);
    assert_eq!(outcome("*", SESSION, None, None), Allowed);
    assert_eq!(outcome(STRANGER, ROLE, None, None), ImplicitlyDenied);
}

#[test]
fn across_accounts_both_sides_must_allow() {
    let (all, none) = (policies(ALLOW_ALL), policies(NOTHING));
    let theirs = policies(&format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{STRANGER}"}},"Action":"s3:*","Resource":"*"}}"#
    ));
    let outcome = |identity: Option<&Policies>, resource: Option<&Policies>| {
        let mut request = request("s3:GetObject", KEY, STRANGER);
        request.resource_account = Some("111122223333".to_owned());
        evaluate(&Layers { identity, resource, ..Layers::default() }, &request).outcome
    };
    assert_eq!(outcome(Some(&all), Some(&theirs)), Allowed);
    assert_eq!(outcome(Some(&all), None), ImplicitlyDenied);
    assert_eq!(outcome(None, Some(&theirs)), ImplicitlyDenied);
    assert_eq!(outcome(Some(&all), Some(&none)), ImplicitlyDenied);
}

#[test]
fn a_required_resource_policy_must_allow_or_delegate() {
    let all = policies(ALLOW_ALL);
    let key = "arn:aws:kms:eu-west-1:111122223333:key/k";
    let outcome = |principal: &str, identity: Option<&Policies>| {
        let theirs = policies(&format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"kms:*","Resource":"*"}}"#
        ));
        let layers = Layers {
            identity,
            resource: Some(&theirs),
            resource_role: ResourcePolicyRole::Required,
            ..Layers::default()
        };
        evaluate(&layers, &request("kms:Decrypt", key, ROLE)).outcome
    };
    assert_eq!(outcome("111122223333", Some(&all)), Allowed);
    assert_eq!(outcome("111122223333", None), ImplicitlyDenied);
    assert_eq!(outcome(STRANGER, Some(&all)), ImplicitlyDenied);
    assert_eq!(outcome(ROLE, None), Allowed);
}

#[test]
fn services_and_anyone_need_the_resource_policy_alone() {
    let trust = policies(
        r#"[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},
            {"Effect":"Deny","NotPrincipal":{"Service":["ec2.amazonaws.com","x.amazonaws.com"]},"Action":"*"}]"#,
    );
    let scps = [policies(NOTHING)];
    let decide = |who: &str| {
        let layers = Layers { resource: Some(&trust), scps: &scps, ..Layers::default() };
        evaluate(&layers, &request("sts:AssumeRole", ROLE, who))
    };
    assert_eq!(decide("ec2.amazonaws.com").outcome, Allowed);
    assert_eq!(decide("x.amazonaws.com").outcome, ImplicitlyDenied);
    assert_eq!(decide(USER).outcome, ExplicitlyDenied);
    let matched = decide("ec2.amazonaws.com").matched;
    assert_eq!(
        matched.iter().map(|m| (m.layer, m.id.statement)).collect::<Vec<_>>(),
        [(Layer::Resource, 0)]
    );
}

#[test]
fn a_deny_spares_whom_not_principal_lists_with_its_account_and_role() {
    let all = policies(ALLOW_ALL);
    let boundary = policies(ALLOW_ALL);
    let (account, other) = ("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:user/v");
    let decide = |listed: &[&str], who: &str, bounded: bool| {
        let deny = policies(&format!(
            r#"{{"Effect":"Deny","NotPrincipal":{{"AWS":{listed:?}}},"Action":"s3:*","Resource":"*"}}"#
        ));
        let layers = Layers {
            identity: Some(&all),
            boundary: bounded.then_some(&boundary),
            resource: Some(&deny),
            ..Layers::default()
        };
        evaluate(&layers, &request("s3:GetObject", KEY, who))
    };
    let outcome = |listed: &[&str], who: &str| decide(listed, who, false).outcome;
    assert_eq!(outcome(&[USER, account], USER), Allowed);
    assert_eq!(outcome(&[USER, account], other), ExplicitlyDenied);
    assert_eq!(outcome(&[USER, account], account), Allowed);
    assert_eq!(outcome(&[USER], USER), Unknown);
    assert_eq!(outcome(&[USER], other), ExplicitlyDenied);
    assert_eq!(outcome(&[account], USER), Unknown);
    assert_eq!(outcome(&[ROLE, account, SESSION], SESSION), Allowed);
    assert_eq!(outcome(&[ROLE, account], SESSION), Unknown);
    assert_eq!(outcome(&[SESSION, account], SESSION), Unknown);
    assert_eq!(outcome(&["*"], USER), Allowed);
    let another = SESSION.replace("/s", "/t");
    assert_eq!(outcome(&[ROLE, account, SESSION], &another), Unknown);
    assert_eq!(outcome(&[SESSION, account], &another), ExplicitlyDenied);
    assert_eq!(decide(&[USER], USER, false).unknown_keys.len(), 1);
    // Whoever has a boundary is always denied; a root user has none.
    assert_eq!(decide(&[USER, account], USER, true).outcome, ExplicitlyDenied);
    assert_eq!(decide(&[USER, account], account, true).outcome, Allowed);
}

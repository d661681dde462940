//! Laws of the engine on made-up policies: small vocabularies, so that
//! patterns, exceptions and conditions meet all the time, and requests from
//! the same words.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly, and says what it counted")]

use proptest::{
    collection::vec,
    option,
    prelude::*,
    sample::{select, subsequence},
};
use trailtrim_iam::{
    Action, Condition, Context, Effect, Limits, Outcome, Policies, PolicyDocument, Principal,
    PrincipalKind, Principals, Request, Selector, Statement, compare, read::read_policy,
};

const ACTIONS: [&str; 10] = [
    "*",
    "s3:*",
    "s3:Get*",
    "s3:GetObject",
    "s3:Get?bject",
    "s3:*Object",
    "s3:PutObject",
    "ec2:*",
    "*:Get*",
    "EC2:getx",
];
const RESOURCES: [&str; 14] = [
    "*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/a*",
    "arn:aws:s3:::b/*a",
    "arn:aws:s3:::b/?a",
    "arn:aws:s3:::b/?*",
    "arn:aws:s3:::b/a",
    "arn:aws:s3:::b/${aws:username}",
    "arn:aws:s3:::b/${aws:username, 'a'}",
    "arn:aws:s3:*:*:b/a",
    "arn:aws:s3:*:b/a",
    "arn:*:s3:::b/ba",
    "arn:aws:ec2:*:111122223333:instance/*",
];
const CONDITIONS: [(&str, &str, &[&str]); 28] = [
    ("ArnLike", "aws:PrincipalArn", &["arn:aws:iam::111122223333:role/*"]),
    ("ArnEquals", "aws:PrincipalArn", &["arn:aws:iam::111122223333:role/p/R"]),
    ("StringEquals", "aws:PrincipalAccount", &["111122223333"]),
    ("StringNotEquals", "aws:PrincipalAccount", &["444455556666"]),
    ("StringEquals", "aws:username", &["a"]),
    ("StringNotEquals", "aws:username", &["a", "b"]),
    ("StringLike", "aws:username", &["a*"]),
    ("StringLike", "aws:username", &["*b", "?a"]),
    ("StringNotLike", "aws:username", &["*a"]),
    ("StringEqualsIgnoreCase", "aws:username", &["A"]),
    ("StringEqualsIfExists", "aws:username", &["b"]),
    ("Null", "aws:username", &["true"]),
    ("Null", "aws:username", &["false"]),
    ("Bool", "aws:SecureTransport", &["true"]),
    ("BoolIfExists", "aws:SecureTransport", &["false"]),
    ("NumericLessThan", "s3:max-keys", &["5"]),
    ("NumericGreaterThanEquals", "s3:max-keys", &["5"]),
    ("NumericEquals", "s3:max-keys", &["7"]),
    ("IpAddress", "aws:SourceIp", &["10.0.0.0/8"]),
    ("IpAddress", "aws:SourceIp", &["10.1.0.0/16", "192.0.2.1"]),
    ("NotIpAddress", "aws:SourceIp", &["10.1.0.0/16"]),
    ("ForAllValues:StringEquals", "aws:TagKeys", &["a", "b"]),
    ("ForAnyValue:StringEquals", "aws:TagKeys", &["a"]),
    ("ForAnyValue:StringNotEquals", "aws:TagKeys", &["a"]),
    ("ForAllValues:StringLike", "aws:TagKeys", &["a*"]),
    ("StringEquals", "s3:prefix", &["${aws:username}"]),
    ("StringEquals", "s3:prefix", &["a"]),
    ("ArnLike", "aws:SourceArn", &["arn:aws:s3:::b*"]),
];
const PRINCIPALS: [&str; 7] = [
    "arn:aws:iam::111122223333:role/p/R",
    "*",
    "111122223333",
    "arn:aws:iam::111122223333:role/R",
    "arn:aws:iam::111122223333:user/a",
    "arn:aws:sts::111122223333:assumed-role/R/s",
    "arn:aws:iam::444455556666:role/R",
];
const CALLERS: [&str; 7] = [
    "arn:aws:iam::111122223333:role/p/R",
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::111122223333:role/R",
    "arn:aws:iam::111122223333:user/a",
    "arn:aws:sts::111122223333:assumed-role/R/s",
    "arn:aws:iam::444455556666:role/R",
    "ec2.amazonaws.com",
];
const KEYS: [(&str, &[&str]); 6] = [
    ("aws:username", &["a", "b", "A", "ab", "ba", "x"]),
    ("aws:SecureTransport", &["true", "false"]),
    ("s3:max-keys", &["4", "5", "6", "7", "8"]),
    ("aws:SourceIp", &["10.0.0.1", "10.1.2.3", "192.0.2.1", "203.0.113.9"]),
    ("s3:prefix", &["a", "b", "x"]),
    ("aws:SourceArn", &["arn:aws:s3:::b", "arn:aws:s3:::c"]),
];

fn list(from: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    subsequence(from, 1..=3).prop_map(|texts| texts.into_iter().map(str::to_owned).collect())
}

fn negatable<T: std::fmt::Debug>(
    of: impl Strategy<Value = T>,
) -> impl Strategy<Value = Selector<T>> {
    (of, 0..5).prop_map(|(of, n)| if n == 0 { Selector::AllBut(of) } else { Selector::Only(of) })
}

fn principal() -> impl Strategy<Value = Selector<Principals>> {
    let named =
        list(&PRINCIPALS).prop_map(|names| Principals::Named([(PrincipalKind::Aws, names)].into()));
    let service = Just(Principals::Named(
        [(PrincipalKind::Service, vec!["ec2.amazonaws.com".to_owned()])].into(),
    ));
    negatable(prop_oneof![4 => named, 1 => service, 1 => Just(Principals::Anyone)])
}

fn statement(with_principal: bool) -> impl Strategy<Value = Statement> {
    let principal =
        if with_principal { principal().prop_map(Some).boxed() } else { Just(None).boxed() };
    let conditions = vec(select(CONDITIONS.as_slice()), 0..3);
    (0..4, principal, negatable(list(&ACTIONS)), negatable(list(&RESOURCES)), conditions).prop_map(
        |(effect, principal, action, resource, conditions)| {
            let mut condition = Condition::default();
            for (operator, key, values) in conditions {
                condition.0.entry(operator.to_owned()).or_default().insert(
                    key.to_owned(),
                    values.iter().map(|value| (*value).to_owned()).collect(),
                );
            }
            Statement {
                sid: None,
                effect: if effect == 0 { Effect::Deny } else { Effect::Allow },
                principal,
                action,
                resource: Some(resource),
                condition,
            }
        },
    )
}

fn policy(with_principal: bool) -> impl Strategy<Value = PolicyDocument> {
    vec(statement(with_principal), 1..4).prop_map(PolicyDocument::new)
}

fn request(with_principal: bool) -> impl Strategy<Value = Request> {
    let resources = prop_oneof![
        "arn:aws:s3:::(b/[abx]{0,3}|c)",
        "arn:aws:s3:r:111122223333:b/[ab]",
        "arn:aws:ec2:r:111122223333:instance/[ab]",
    ];
    let keys = KEYS.map(|(key, values)| (Just(key), option::of(select(values))));
    let tags = subsequence(vec!["a", "b", "ab", "x"], 0..=3);
    let callers = select(CALLERS.as_slice());
    let actions =
        select(vec!["s3:GetObject", "s3:GetXbject", "s3:PutObject", "ec2:GetX", "ec2:Run"]);
    (actions, resources, keys, tags, callers).prop_map(
        move |(action, resource, keys, tags, caller)| {
            let mut request = Request::new(Action::parse(action).unwrap(), resource);
            for (key, value) in keys {
                if let Some(value) = value {
                    request.context.add(key, value);
                }
            }
            for tag in tags {
                request.context.add("aws:TagKeys", tag);
            }
            if with_principal {
                request.principal = Some(Principal::parse(caller).unwrap());
                if caller.contains("assumed-role") {
                    // Its ARN does not tell the role's path.
                    request.context.add("aws:PrincipalArn", "arn:aws:iam::111122223333:role/p/R");
                }
            }
            request
        },
    )
}

fn allows(policy: &PolicyDocument, request: &Request) -> bool {
    Policies::compile([policy]).decide(request).outcome == Outcome::Allowed
}

fn answer(existing: &PolicyDocument, new: &PolicyDocument) -> Result<Option<bool>, TestCaseError> {
    let found = compare(&[existing], &[new], &Limits::default());
    for witness in &found.witnesses {
        prop_assert!(allows(new, &witness.request), "{:?}", witness);
        prop_assert!(!allows(existing, &witness.request), "{:?}", witness);
    }
    Ok(found.new_access())
}

fn sound(
    existing: &PolicyDocument,
    new: &PolicyDocument,
    requests: &[Request],
) -> Result<(), TestCaseError> {
    if answer(existing, new)? == Some(false) {
        for request in requests {
            prop_assert!(
                !allows(new, request) || allows(existing, request),
                "existing {} new {} request {request:?}",
                existing.to_json(),
                new.to_json()
            );
        }
    }
    Ok(())
}

/// Leaves out some of what a policy says, so that proofs are not rare.
fn narrowed(policy: &PolicyDocument, keep: usize) -> PolicyDocument {
    let mut policy = policy.clone();
    if let Some(statement) = policy.statements.first_mut() {
        if let Selector::Only(actions) = &mut statement.action {
            actions.truncate(1);
        }
        if keep.is_multiple_of(2) && statement.effect == Effect::Allow {
            statement.condition.add("Bool", "aws:SecureTransport", ["true"]);
        }
    }
    if keep.is_multiple_of(3) && policy.statements.len() > 1 {
        policy.statements.pop();
    }
    policy
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_request_refutes_a_proof(
        existing in policy(false),
        new in policy(false),
        keep in 0..6usize,
        requests in vec(request(false), 40),
    ) {
        sound(&existing, &new, &requests)?;
        sound(&existing, &narrowed(&existing, keep), &requests)?;
    }

    #[test]
    fn no_request_refutes_a_proof_about_principals(
        existing in policy(true),
        new in policy(true),
        keep in 0..6usize,
        requests in vec(request(true), 40),
    ) {
        sound(&existing, &new, &requests)?;
        sound(&existing, &narrowed(&existing, keep), &requests)?;
    }

    #[test]
    fn a_policy_contains_itself(identity in policy(false), resource in policy(true)) {
        prop_assert_eq!(answer(&identity, &identity)?, Some(false));
        prop_assert_eq!(answer(&resource, &resource)?, Some(false));
    }

    #[test]
    fn containment_is_a_chain(a in policy(false), k in 0..6usize, l in 0..6usize) {
        let b = narrowed(&a, k);
        let c = narrowed(&b, l);
        if answer(&a, &b)? == Some(false) && answer(&b, &c)? == Some(false) {
            prop_assert_ne!(answer(&a, &c)?, Some(true));
        }
    }

    #[test]
    fn printing_loses_nothing(policy in policy(true)) {
        prop_assert_eq!(&read_policy("x", &policy.to_json()).unwrap(), &policy);
        prop_assert_eq!(&read_policy("x", &policy.to_json_pretty()).unwrap(), &policy);
        let quoted = serde_json::to_string(&policy.to_json()).unwrap();
        let wrapped = format!(r#"{{"PolicyName":"p","PolicyDocument":{quoted}}}"#);
        prop_assert_eq!(&read_policy("x", &wrapped).unwrap(), &policy);
    }

    #[test]
    fn what_is_known_for_sure_stays(policy in policy(false), request in request(false)) {
        // Opening a context can only make a decision unknown, never another.
        let mut open = request.clone();
        open.context = Context::open();
        for (key, values) in request.context.iter() {
            values.into_iter().flatten().for_each(|value| open.context.add(key, value.clone()));
        }
        let policies = Policies::compile([&policy]);
        let (closed, open) = (policies.decide(&request), policies.decide(&open));
        prop_assert!(
            open.outcome == Outcome::Unknown
                || open.outcome == closed.outcome
                || (open.outcome == Outcome::ImplicitlyDenied && closed.outcome != Outcome::Allowed),
            "{:?} {:?}", closed, open
        );
        prop_assert_eq!(open.outcome == Outcome::Unknown, !open.unknown_keys.is_empty());
    }
}

//! Policies drawn around what principals need: exact and wide, by what they list and by what they
//! except, with conditions, variables and Deny statements.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_iam::read::{AttachedPolicy, Attachments, Document, HolderKind};
use trailtrim_iam::{PolicyDocument, Selector, Statement, Version};
use trailtrim_testkit::random::Random;
use trailtrim_testkit::trail::clock::{DAY, iso};
use trailtrim_testkit::trail::event::Need;

use crate::history::History;

/// Actions that the principals of testkit never use, or seldom.
const IDLE: &[&str] = &[
    "s3:AbortMultipartUpload",
    "s3:DeleteBucket",
    "s3:GetObjectVersion",
    "s3:PutBucketPolicy",
    "dynamodb:DeleteTable",
    "dynamodb:Scan",
    "sqs:PurgeQueue",
    "sns:Subscribe",
    "kms:Encrypt",
    "iam:CreateUser",
    "iam:PassRole",
    "lambda:DeleteFunction",
    "logs:PutLogEvents",
    "ec2:TerminateInstances",
    "sts:TagSession",
    "appsync:*",
    "nosuch:Thing",
];

/// Who has what.
pub struct Held {
    pub holders: Vec<Attachments>,
    /// Principals that have what they have since a time within the window.
    pub late: BTreeMap<String, i64>,
}

impl Held {
    /// Returns the document of a principal's boundary.
    pub fn boundary(&self, arn: &str) -> Option<&PolicyDocument> {
        let holder = self.holders.iter().find(|holder| holder.arn == arn)?;
        match &holder.boundary.as_ref()?.document {
            Document::Known(document) => Some(document),
            Document::Unknown { .. } => None,
        }
    }
}

/// Draws policies for everyone in a history.
pub fn draw(history: &History, random: &mut Random) -> Held {
    let needs = history.scenario.needs();
    let mut regions: BTreeMap<String, &str> = BTreeMap::new();
    for event in &history.scenario.events {
        regions.extend(event.who.principal().map(|arn| (arn, event.region.as_str())));
    }
    let late_day = random.chance(0.3).then(|| random.below(history.days));
    let mut held = Held { holders: Vec::new(), late: BTreeMap::new() };
    let mut by_account: BTreeMap<&str, Vec<(usize, Vec<&Need>)>> = BTreeMap::new();
    for (arn, needs) in &needs {
        let needs: Vec<&Need> = needs.iter().copied().collect();
        let region = regions.get(arn).copied().unwrap_or("us-east-1");
        let policies = (0..1 + random.below(3)).map(|number| AttachedPolicy {
            name: format!("inline-{number}"),
            arn: None,
            via_group: None,
            document: Document::Known(document(random, &needs, region)),
            uses: None,
            made: None,
            denied: false,
        });
        let policies = policies.collect();
        let created = late_day.filter(|_| random.chance(0.5)).map(|day| {
            let time = history.scenario.start + day as i64 * DAY + random.between(0, DAY - 1);
            held.late.insert(arn.clone(), time);
            iso(time)
        });
        let account = arn.split(':').nth(4).unwrap_or_default();
        by_account.entry(account).or_default().push((held.holders.len(), needs.clone()));
        held.holders.push(Attachments {
            kind: if arn.contains(":user/") { HolderKind::User } else { HolderKind::Role },
            arn: arn.clone(),
            name: arn.rsplit('/').next().unwrap_or_default().to_owned(),
            unique_id: String::new(),
            created,
            last_used: None,
            policies,
            boundary: None,
            trust: None,
            groups: Vec::new(),
            instance_profiles: Vec::new(),
        });
    }
    for (account, members) in by_account {
        let [(first, some), (second, others), ..] = members.as_slice() else { continue };
        let all: Vec<&Need> = some.iter().chain(others).copied().collect();
        let region = held.holders.get(*first).and_then(|holder| regions.get(&holder.arn).copied());
        let owner = *random.pick(&[account, "aws"]);
        let common = AttachedPolicy {
            name: "common".to_owned(),
            arn: Some(format!("arn:aws:iam::{owner}:policy/common")),
            via_group: random.chance(0.2).then(|| "team".to_owned()),
            document: Document::Known(document(random, &all, region.unwrap_or("us-east-1"))),
            uses: None,
            made: None,
            denied: false,
        };
        match random.below(4) {
            0 => continue,
            // For one a policy, for the other a boundary.
            1 => held.holders.get_mut(*second).unwrap().boundary = Some(common.clone()),
            _ => held.holders.get_mut(*second).unwrap().policies.push(common.clone()),
        }
        held.holders.get_mut(*first).unwrap().policies.push(common);
    }
    held
}

fn document(random: &mut Random, needs: &[&Need], region: &str) -> PolicyDocument {
    let mut statements: Vec<Statement> =
        (0..1 + random.below(3)).map(|_| allow(random, needs, region)).collect();
    if random.chance(0.2) {
        statements.push(deny(random, needs, region));
    }
    let mut document = PolicyDocument::new(statements);
    // The old version knows no variables.
    if !document.to_json().contains("${") && random.chance(0.2) {
        document.version = *random.pick(&[None, Some(Version::V2008)]);
    }
    document
}

fn some<'n>(random: &mut Random, needs: &[&'n Need]) -> Vec<&'n Need> {
    let share = *random.pick(&[0.3, 0.8, 1.0]);
    let mut some: Vec<&Need> = needs.iter().copied().filter(|_| random.chance(share)).collect();
    if some.is_empty() && !needs.is_empty() {
        some.push(random.pick::<&Need>(needs));
    }
    some
}

fn allow(random: &mut Random, needs: &[&Need], region: &str) -> Statement {
    let some = some(random, needs);
    let mut actions: BTreeSet<String> = BTreeSet::new();
    for need in &some {
        let (service, name) = need.action.split_once(':').unwrap();
        actions.insert(match random.below(12) {
            0..=6 => need.action.to_owned(),
            7 | 8 => format!("{service}:{}*", name.get(..3).unwrap_or(name)),
            9 => format!("{}:{}", service.to_uppercase(), name.to_lowercase()),
            10 => format!("{service}:*"),
            _ => format!("{service}:?{}", name.get(1..).unwrap_or(name)),
        });
    }
    for _ in 0..random.below(4) {
        actions.insert((*random.pick(IDLE)).to_owned());
    }
    if random.chance(0.02) {
        actions.insert("*".to_owned());
    }
    let style = random.below(5);
    let mut resources: BTreeSet<String> = BTreeSet::new();
    for need in &some {
        resources.insert(match if style == 4 { random.below(4) } else { style } {
            0 => escaped(&need.resource),
            1 => tail(&need.resource),
            2 => cut(random, &need.resource),
            _ => "*".to_owned(),
        });
    }
    if random.chance(0.06) {
        resources.insert("arn:aws:s3:::home-${aws:PrincipalAccount}/*".to_owned());
    }
    let mut statement = Statement::allow(actions, resources);
    if random.chance(0.03) {
        let but = ["iam:*".to_owned(), "organizations:*".to_owned(), "s3:Delete*".to_owned()];
        statement.action = Selector::AllBut(but.to_vec());
        statement.resource = Some(Selector::Only(vec![escaped(&random.pick(&some).resource)]));
    } else if random.chance(0.06) {
        let need = *random.pick(needs);
        let but = cut(random, &need.resource);
        if but != "*" {
            statement.resource = Some(Selector::AllBut(vec![but]));
        }
    }
    conditioned(random, statement, region)
}

fn conditioned(random: &mut Random, statement: Statement, region: &str) -> Statement {
    match random.below(14) {
        0 => statement.with_condition("StringEquals", "aws:RequestedRegion", [region]),
        1 => {
            let both = [region, "sa-east-1"];
            statement.with_condition("StringLike", "aws:RequestedRegion", both)
        }
        2 => statement.with_condition("StringNotEquals", "aws:RequestedRegion", ["sa-east-1"]),
        3 => statement.with_condition("StringEquals", "aws:RequestedRegion", ["sa-east-1"]),
        4 => statement.with_condition("StringEquals", "aws:ResourceTag/team", ["orders"]),
        5 => statement
            .with_condition("StringEquals", "aws:SourceVpce", ["vpce-0123456789abcdef0"])
            .with_condition("Bool", "aws:SecureTransport", ["true"]),
        _ => statement,
    }
}

fn deny(random: &mut Random, needs: &[&Need], region: &str) -> Statement {
    let need = random.pick(needs);
    let (service, _) = need.action.split_once(':').unwrap();
    match random.below(3) {
        0 => Statement::deny([need.action], [tail(&need.resource)]),
        1 => Statement::deny([format!("{service}:Delete*")], ["*"]),
        _ => Statement::deny(["*"], ["*"]).with_condition(
            "StringNotEquals",
            "aws:RequestedRegion",
            [region],
        ),
    }
}

/// An ARN as a pattern that means it alone.
fn escaped(arn: &str) -> String {
    if arn == "*" {
        return arn.to_owned();
    }
    arn.replace('$', "${$}").replace('*', "${*}").replace('?', "${?}")
}

/// An ARN with its last part open.
fn tail(arn: &str) -> String {
    match arn.rfind(['/', ':']) {
        Some(at) => format!("{}*", escaped(arn.get(..=at).unwrap_or(arn))),
        None => "*".to_owned(),
    }
}

/// An ARN cut anywhere behind its partition.
fn cut(random: &mut Random, arn: &str) -> String {
    let from = arn.len().min(8);
    let at = from + random.below(arn.len() - from + 1);
    match arn.get(..at) {
        Some(head) if at >= 8 && arn.get(..4) == Some("arn:") => format!("{}*", escaped(head)),
        _ => "*".to_owned(),
    }
}

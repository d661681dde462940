//! The policy that grants what was used, and nothing else.
//!
//! No action gains a resource that it was not seen with: actions share a
//! statement only where their resources and conditions are the same set.
//! Actions that take no resource stand in one statement of their own, where
//! their `*` widens nothing.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Principal, Row, RowKey};
use trailtrim_catalog::{Condition, Origin};
use trailtrim_iam::{PolicyDocument, Statement, wildcard};
use xxhash_rust::xxh3::xxh3_64;

/// Characters a customer managed policy may have, white space not counted
/// (IAM user guide, "IAM and AWS STS quotas").
pub const MANAGED_POLICY_LIMIT: usize = 6_144;

/// The id of the statement whose actions take no resource.
const NO_RESOURCE_SID: &str = "ActionsWithoutResource";

/// A letter that no pattern holds: a private-use character cannot stand in a policy.
pub(crate) const ANY: char = '\u{E000}';

/// The policy of one principal, and which statement each grant went into.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The policy; `None` where nothing was granted.
    pub policy: Option<PolicyDocument>,
    /// For each granting row the id of the statement that covers it.
    pub statements: BTreeMap<RowKey, String>,
}

/// One thing to grant: an action on a resource under conditions.
type Grant<'p> = (&'p str, &'p str, &'p [Condition]);

/// What a statement's actions share: service, conditions, resources.
type Group<'p> = (&'p str, &'p [Condition], BTreeSet<&'p str>);

/// Drafts the policy of a principal from what it used.
pub fn draft(principal: &Principal) -> Draft {
    let granting: Vec<(&RowKey, &Row)> =
        principal.rows.iter().filter(|(key, _)| key.outcome.grants()).collect();
    let grants: BTreeSet<Grant<'_>> = granting
        .iter()
        .map(|(key, _)| (key.action.as_str(), key.resource.as_str(), key.conditions.as_slice()))
        .collect();
    let starred: BTreeSet<&str> = granting
        .iter()
        .filter(|(_, row)| row.origins.contains(&Origin::RequiresStar))
        .map(|(key, _)| key.action.as_str())
        .collect();

    // (service, conditions, resources) → actions; the actions without resource share one group.
    let mut resources_of: BTreeMap<(&str, &[Condition]), BTreeSet<&str>> = BTreeMap::new();
    let kept = irredundant(&grants);
    for &(action, resource, conditions) in &kept {
        resources_of.entry((action, conditions)).or_default().insert(resource);
    }
    let mut groups: BTreeMap<Group<'_>, BTreeSet<&str>> = BTreeMap::new();
    let mut without_resource = BTreeSet::new();
    for ((action, conditions), resources) in resources_of {
        if starred.contains(action) && conditions.is_empty() && resources.contains("*") {
            without_resource.insert(action);
            continue;
        }
        let service = action.split(':').next().unwrap_or_default();
        groups.entry((service, conditions, resources)).or_default().insert(action);
    }

    let abouts = groups
        .keys()
        .map(|(service, conditions, resources)| (sid_name(service), about(resources, conditions)));
    let sids = sids(&abouts.collect::<Vec<_>>());
    let mut statements = Vec::new();
    let mut places: BTreeMap<Grant<'_>, usize> = BTreeMap::new();
    for (((_, conditions, resources), actions), sid) in groups.iter().zip(sids) {
        let mut statement =
            Statement::allow(actions.iter().copied(), resources.iter().copied()).with_sid(sid);
        for condition in *conditions {
            statement = statement.with_condition(
                condition.operator.as_str(),
                condition.key.as_str(),
                condition.values.iter().map(String::as_str),
            );
        }
        for &action in actions {
            for &resource in resources {
                places.insert((action, resource, conditions), statements.len());
            }
        }
        statements.push(statement);
    }
    if !without_resource.is_empty() {
        places.extend(without_resource.iter().map(|&action| {
            let grant: Grant<'_> = (action, "*", &[]);
            (grant, statements.len())
        }));
        statements.push(Statement::allow(without_resource, ["*"]).with_sid(NO_RESOURCE_SID));
    }

    let covering = Covering::of(&kept);
    let placed = granting
        .iter()
        .filter_map(|(key, _)| {
            let grant = (key.action.as_str(), key.resource.as_str(), key.conditions.as_slice());
            // What was left out is in the first statement that holds something wider.
            let at = places.get(&grant).copied().or_else(|| {
                covering.of_grant(grant).iter().filter_map(|wide| places.get(wide).copied()).min()
            })?;
            Some(((*key).clone(), statements.get(at)?.sid.clone()?))
        })
        .collect();
    let policy = (!statements.is_empty()).then(|| PolicyDocument::new(statements));
    Draft { policy, statements: placed }
}

/// Leaves out what another grant of the same action covers.
fn irredundant<'p>(grants: &BTreeSet<Grant<'p>>) -> BTreeSet<Grant<'p>> {
    let covering = Covering::of(grants);
    let idle = |grant: Grant<'p>| {
        covering.of_grant(grant).into_iter().any(|wide| {
            // Of two that mean the same (`a*` and `a**`) the first stays.
            let same = wide.2 == grant.2 && covers(grant.1, wide.1);
            !same || wide.1 < grant.1
        })
    };
    grants.iter().copied().filter(|grant| !idle(*grant)).collect()
}

/// Finds the grants that cover another one, without looking at all of them: a principal
/// may have used a hundred thousand resources.
struct Covering<'s, 'p> {
    grants: &'s BTreeSet<Grant<'p>>,
    /// The grants with a star that can hold other resources, by action and by what stands before
    /// the star.
    starred: BTreeMap<(&'p str, &'p str), Vec<Grant<'p>>>,
    /// How long those beginnings are, by action.
    lengths: BTreeMap<&'p str, BTreeSet<usize>>,
}

impl<'s, 'p> Covering<'s, 'p> {
    fn of(grants: &'s BTreeSet<Grant<'p>>) -> Covering<'s, 'p> {
        let (mut starred, mut lengths) = (BTreeMap::new(), BTreeMap::new());
        for &grant in grants {
            let (action, resource, _) = grant;
            if !can_cover(resource) {
                continue;
            }
            let start = resource.split('*').next().unwrap_or_default();
            starred.entry((action, start)).or_insert_with(Vec::new).push(grant);
            lengths.entry(action).or_insert_with(BTreeSet::new).insert(start.len());
        }
        Covering { grants, starred, lengths }
    }

    /// Returns the other grants that cover this one.
    fn of_grant(&self, grant: Grant<'p>) -> Vec<Grant<'p>> {
        let (action, resource, conditions) = grant;
        let mut found = Vec::new();
        let unconditioned: Grant<'p> = (action, resource, &[]);
        if !conditions.is_empty() && self.grants.contains(&unconditioned) {
            found.push(unconditioned);
        }
        let Some(lengths) = self.lengths.get(action) else { return found };
        let text = sample(resource);
        for &length in lengths {
            let Some(start) = text.get(..length) else { continue };
            for &wide in self.starred.get(&(action, start)).into_iter().flatten() {
                if wide.1 != resource
                    && (wide.2.is_empty() || wide.2 == conditions)
                    && wildcard::matches(wide.1, &text)
                {
                    found.push(wide);
                }
            }
        }
        found
    }
}

/// Returns whether a resource may cover others than itself, as far as [`covers`] can tell.
fn can_cover(resource: &str) -> bool {
    resource.contains('*') && !resource.contains(['?', '$'])
}

/// Returns whether every resource that `narrow` means, `wide` means too. It may
/// say no where the answer is yes, and then only leaves an idle resource in.
///
/// In a `wide` whose only wildcard is `*`, a letter that no pattern holds can
/// only be taken by a star, which then takes any other text as well: so a `*` of
/// `narrow` lies inside iff that letter does. A `?` in `wide` breaks this (`b/?*`
/// does not hold `b/`), and an escape in it is no wildcard.
fn covers(wide: &str, narrow: &str) -> bool {
    wide == narrow || (can_cover(wide) && wildcard::matches(wide, &sample(narrow)))
}

/// Returns a text that `pattern` matches, with [`ANY`] for each wildcard and escapes taken off.
fn sample(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if let Some((literal, after)) = escaped(rest) {
            text.push(literal);
            rest = after;
            continue;
        }
        match c {
            '*' | '?' => text.push(ANY),
            c => text.push(c),
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    text
}

/// Reads `${*}`, `${?}` or `${$}` at the start of `text`.
pub(crate) fn escaped(text: &str) -> Option<(char, &str)> {
    let inner = text.strip_prefix("${")?;
    let c = inner.chars().next().filter(|c| matches!(c, '*' | '?' | '$'))?;
    Some((c, inner.get(1..)?.strip_prefix('}')?))
}

/// Names statements, each given by its service's name and the hash of what it is about, so that
/// the id stays when an action joins or another statement comes or goes.
///
/// Eight digits of the hash do, unless two of one service begin alike: these take all sixteen.
/// Where even those are equal, which only happens on purpose, they are numbered.
fn sids(abouts: &[(String, u64)]) -> Vec<String> {
    let short = |(name, hash): &(String, u64)| format!("{name}{:08x}", hash >> 32);
    let long = |(name, hash): &(String, u64)| format!("{name}{hash:016x}");
    let mut alike: BTreeMap<String, usize> = BTreeMap::new();
    for about in abouts {
        *alike.entry(short(about)).or_default() += 1;
    }
    let mut given: BTreeMap<String, usize> = BTreeMap::new();
    let mut sid = |about: &(String, u64)| {
        let sid = short(about);
        if alike.get(&sid).is_none_or(|times| *times < 2) {
            return sid;
        }
        let sid = long(about);
        let times = given.entry(sid.clone()).or_default();
        *times += 1;
        if *times == 1 { sid } else { format!("{sid}n{times}") }
    };
    abouts.iter().map(&mut sid).collect()
}

/// Returns the hash of what a statement is about.
fn about(resources: &BTreeSet<&str>, conditions: &[Condition]) -> u64 {
    let mut about = String::new();
    for resource in resources {
        about.push_str(resource);
        about.push('\n');
    }
    for condition in conditions {
        about.push_str(&condition.operator);
        about.push('\n');
        about.push_str(&condition.key);
        for value in &condition.values {
            about.push('\n');
            about.push_str(value);
        }
        about.push('\0');
    }
    xxh3_64(about.as_bytes())
}

/// Returns a service's name as ids allow it: letters and digits only.
fn sid_name(service: &str) -> String {
    let mut name: String = service.chars().filter(char::is_ascii_alphanumeric).collect();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_aggregator::{Outcome, PrincipalKind};

    #[test]
    fn a_pattern_covers_what_lies_inside_it() {
        for (wide, narrow, expected) in [
            ("b/*", "b/a", true),
            ("b/*", "b/a/*", true),
            ("b/a/*", "b/*", false),
            ("b/?", "b/*", false),
            ("b/?*", "b/*", false),
            ("*", "anything", true),
            ("b/*", "b/${*}", true),
            ("b/${*}", "b/${?}", false),
            ("b/${*}", "b/x", false),
            ("b/${*}", "b/${*}", true),
            ("b/*", "b/secret-??????", true),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        }
    }

    fn grants<'a>(list: &[Grant<'a>]) -> BTreeSet<Grant<'a>> {
        list.iter().copied().collect()
    }

    #[test]
    fn what_another_grant_covers_is_left_out() {
        let via = [Condition {
            operator: "StringEquals".into(),
            key: "kms:ViaService".into(),
            values: vec!["s3.eu-west-1.amazonaws.com".into()],
        }];
        let list: [Grant<'_>; 6] = [
            ("s3:GetObject", "b/*", &[]),
            ("s3:GetObject", "b/a", &[]),
            ("s3:GetObject", "c/a", &[]),
            ("kms:Decrypt", "key/1", &via),
            ("kms:Decrypt", "key/1", &[]),
            ("kms:Decrypt", "key/2", &via),
        ];
        let all = grants(&list);
        let kept = irredundant(&all);
        assert_eq!(
            kept,
            grants(&[
                ("s3:GetObject", "b/*", &[]),
                ("s3:GetObject", "c/a", &[]),
                ("kms:Decrypt", "key/1", &[]),
                ("kms:Decrypt", "key/2", &via),
            ])
        );
    }

    #[test]
    fn of_two_that_mean_the_same_one_stays() {
        let all = grants(&[("s3:GetObject", "b/*", &[]), ("s3:GetObject", "b/**", &[])]);
        assert_eq!(irredundant(&all), grants(&[("s3:GetObject", "b/*", &[])]));
    }

    #[test]
    fn ids_grow_only_where_they_are_alike() {
        let about = |name: &str, hash| (name.to_owned(), hash);
        let (first, second) = (0x1111_1111_2222_2222, 0x1111_1111_3333_3333);
        assert_eq!(
            sids(&[
                about("S3", first),
                about("S3", second),
                about("Sqs", first),
                about("S3", second),
                about("S3", 7),
            ]),
            [
                "S31111111122222222",
                "S31111111133333333",
                "Sqs11111111",
                "S31111111133333333n2",
                "S300000000",
            ]
        );
    }

    fn granted(action: &str, resource: &str, conditions: &[Condition]) -> (RowKey, Row) {
        let key = RowKey {
            action: action.into(),
            resource: resource.into(),
            conditions: conditions.to_vec(),
            outcome: Outcome::Granted,
        };
        (key, Row::default())
    }

    fn principal(rows: impl IntoIterator<Item = (RowKey, Row)>) -> Principal {
        Principal {
            arn: "arn:aws:iam::111122223333:role/a".into(),
            account: "111122223333".into(),
            kind: PrincipalKind::Role,
            name: "a".into(),
            ids: BTreeSet::new(),
            path_known: true,
            permission_set: None,
            rows: rows.into_iter().collect(),
            unmapped: BTreeMap::new(),
            frozen: BTreeSet::new(),
        }
    }

    #[test]
    fn each_row_is_placed_also_where_another_covers_it() {
        let via = [Condition {
            operator: "StringEquals".into(),
            key: "kms:ViaService".into(),
            values: vec!["s3.eu-west-1.amazonaws.com".into()],
        }];
        let principal = principal([
            granted("s3:GetObject", "b/*", &[]),
            granted("s3:GetObject", "b/a", &[]),
            granted("s3:PutObject", "b/a", &[]),
            granted("kms:Decrypt", "key/1", &[]),
            granted("kms:Decrypt", "key/1", &via),
            granted("kms:Decrypt", "key/2", &via),
        ]);
        let draft = draft(&principal);
        let statements = draft.policy.unwrap().statements;
        assert_eq!(statements.len(), 4);
        assert_eq!(draft.statements.len(), principal.rows.len());
        for (key, sid) in &draft.statements {
            let by = statements.iter().find(|one| one.sid.as_ref() == Some(sid)).unwrap();
            assert!(by.action.listed().contains(&key.action), "{key:?} in {by:?}");
            let resources = by.resource.as_ref().unwrap().listed();
            assert!(resources.iter().any(|wide| covers(wide, &key.resource)), "{key:?} in {by:?}");
            assert!(by.condition.is_empty() || !key.conditions.is_empty(), "{key:?} in {by:?}");
        }
    }

    #[test]
    fn many_resources_are_no_burden() {
        // Compared pair by pair, this would take minutes.
        let rows = (0..60_000).map(|n| {
            let star = if n % 2 == 0 { "" } else { ":*" };
            granted("logs:PutLogEvents", &format!("arn:aws:logs:::log-group:{n:06}{star}"), &[])
        });
        let draft = draft(&principal(rows));
        assert_eq!(draft.statements.len(), 60_000);
    }
}

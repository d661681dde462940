//! Names that come and go: things that were used on one day each, others on the next.
//!
//! What is known to be of one run becomes a pattern ([`taste`](crate::taste)). Of stacks, jobs or models
//! that a pipeline names anew each time no rule knows, and guessing would be widening in silence. So their
//! names stay as they are, and this says that the next name will be refused. Of what a principal makes and
//! deletes itself a few names are enough.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Principal, Stats};
use trailtrim_catalog::Catalog;
use trailtrim_iam::{Effect, PolicyDocument, Selector, pattern};

use crate::renewed::{is_never, renewed};
use crate::taste::{Taste, shared, written_as};

/// How many names there must be: fewer may be chance.
const NAMES: usize = 5;

/// On how many days new names must have come, the first one included: what was set up in one go is used
/// by turns.
const DAYS: usize = 3;

/// How many actions stand in a sentence.
const NAMED: usize = 3;

/// Names of one kind that come and go, and that a policy lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turnover {
    /// The actions on them.
    pub actions: BTreeSet<String>,
    /// The one that came last.
    pub last: String,
    /// How many there were.
    pub names: usize,
    /// How many of them were seen on one day only.
    pub names_of_one_day: usize,
    /// On how many days there was a new one.
    pub days: usize,
    /// Whether the principal makes and deletes them itself.
    pub own: bool,
    /// The pattern for what the names share, where that is more than the kind.
    pub pattern: Option<String>,
    /// Whether some of the actions manage permissions or hand them on, so that a pattern gives those of whatever is
    /// called so.
    pub hands_on: bool,
    /// The wider ways to write resources under which one pattern stands for all of them.
    pub tastes: Vec<Taste>,
}

/// A kind of names and an action, with the names.
type Kind<'p> = ((&'p str, &'p str), Vec<(&'p str, Span)>);

/// What was seen of one name.
#[derive(Clone, Copy, Default)]
struct Span {
    first: Option<i32>,
    last: Option<i32>,
}

/// Looks for such names in what a principal was granted, as its policies list them; of patterns, too, the
/// next may be another.
pub(crate) fn turnover(
    principal: &Principal,
    policies: &[&PolicyDocument],
    catalog: Catalog,
) -> Vec<Turnover> {
    let kinds = by_kind(principal);
    let renewed = renewed(principal, catalog);
    let mut listing = Listing::of(policies);
    let mut found: BTreeMap<&str, Found<'_>> = BTreeMap::new();
    for ((kind, action), names) in kinds {
        let own = renewed.contains_key(action);
        if !own && !comes_and_goes(names.iter().map(|(_, span)| *span)) {
            continue;
        }
        let mut patterns: BTreeMap<String, Span> = BTreeMap::new();
        for (name, span) in names {
            if let Some(pattern) = listing.written(action, name) {
                patterns.entry(pattern.to_owned()).or_default().join(span);
            }
        }
        join_spellings(&mut patterns);
        // A pattern was meant for the next one.
        let is_name = |one: &String| !one.contains(['*', '?']);
        let own = own && patterns.keys().any(is_name);
        patterns.retain(|one, _| !own || is_name(one));
        if patterns.is_empty() || (!own && !comes_and_goes(patterns.values().copied())) {
            continue;
        }
        let known = found.entry(kind).or_default();
        known.actions.insert(action);
        known.own |= own;
        for (name, span) in patterns {
            known.names.entry(name).or_default().join(span);
        }
    }
    found.into_iter().filter_map(|(kind, found)| found.told(kind, catalog)).collect()
}

/// What was found of one kind: what is told is of all its actions together.
#[derive(Default)]
struct Found<'p> {
    actions: BTreeSet<&'p str>,
    names: BTreeMap<String, Span>,
    own: bool,
}

impl Found<'_> {
    fn told(self, kind: &str, catalog: Catalog) -> Option<Turnover> {
        let Found { actions, mut names, own } = self;
        join_spellings(&mut names);
        let spans = || names.values().copied();
        let (last, _) = names.iter().max_by_key(|(name, span)| (span.first, *name))?;
        let own_names: Vec<&str> = names.keys().filter_map(|name| name.get(kind.len()..)).collect();
        let shared = own_names.first().and_then(|name| name.get(..shared(&own_names)));
        let pattern = shared.filter(|shared| !shared.is_empty() && own_names.len() > 1);
        // Of one name nothing tells what the next one shares with it.
        let every = match own_names.as_slice() {
            [_] => vec![format!("{kind}*")],
            _ => names.keys().cloned().collect(),
        };
        let tastes = [Taste::Prefix, Taste::Type].into_iter().filter(|taste| {
            actions.iter().all(|action| {
                let pattern = written_as(action, last, *taste, catalog);
                pattern != *last && every.iter().all(|name| pattern::covers(&pattern, name))
            })
        });
        Some(Turnover {
            last: last.clone(),
            names: names.len(),
            names_of_one_day: spans().filter(|span| span.is_one_day()).count(),
            days: days(spans()),
            own,
            pattern: pattern.map(|shared| format!("{kind}{shared}*")),
            hands_on: actions.iter().any(|action| is_never(catalog, action)),
            tastes: tastes.collect(),
            actions: actions.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// Returns the actions that a principal was granted on names that come and go.
pub(crate) fn changing(principal: &Principal) -> BTreeSet<&str> {
    let changes = |(_, names): &Kind<'_>| comes_and_goes(names.iter().map(|(_, span)| *span));
    by_kind(principal).into_iter().filter(changes).map(|((_, action), _)| action).collect()
}

/// Returns the names that a principal was granted something on, by their kind and the action.
fn by_kind(principal: &Principal) -> Vec<Kind<'_>> {
    // Rows are ordered by action and resource, so that mostly the last kind is the next one's as well.
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for (key, row) in principal.rows.iter().filter(|(key, _)| key.outcome.grants()) {
        let Some(kind) = kind(&key.resource) else { continue };
        let of = (kind, &*key.action);
        if kinds.last().is_none_or(|(last, _)| *last != of) {
            kinds.push((of, Vec::new()));
        }
        let Some((_, names)) = kinds.last_mut() else { continue };
        let span = Span::of(&row.stats);
        match names.last_mut() {
            // Under another condition, or with another outcome.
            Some((name, last)) if *name == key.resource => last.join(span),
            _ => names.push((&key.resource, span)),
        }
    }
    kinds
}

/// Makes one of the two ARNs that a log group has, with `:*` and without.
fn join_spellings(patterns: &mut BTreeMap<String, Span>) {
    let twice =
        |one: &&String| one.strip_suffix(":*").is_some_and(|name| patterns.contains_key(name));
    let twice: Vec<String> = patterns.keys().filter(twice).cloned().collect();
    for spelling in twice {
        let span = patterns.remove(&spelling).unwrap_or_default();
        let name = spelling.trim_end_matches(":*").to_owned();
        patterns.entry(name).or_default().join(span);
    }
}

/// What documents list: by action, as there may be many names.
pub(crate) struct Listing<'d> {
    /// Absent where one of them lists exceptions, and so no names.
    statements: Option<Vec<Listed<'d>>>,
    of: BTreeMap<String, OfAction<'d>>,
}

/// Actions of a statement, and its resources.
type Listed<'d> = (&'d [String], &'d [String]);

#[derive(Default)]
struct OfAction<'d> {
    names: BTreeSet<&'d str>,
    patterns: Vec<&'d str>,
}

impl<'d> Listing<'d> {
    pub(crate) fn of(documents: &[&'d PolicyDocument]) -> Listing<'d> {
        let statements = documents.iter().flat_map(|document| &document.statements);
        let allowed = statements.filter(|one| one.effect == Effect::Allow);
        let statements = allowed.map(|one| match (&one.action, &one.resource) {
            (Selector::Only(actions), Some(Selector::Only(resources))) => {
                Some((actions.as_slice(), resources.as_slice()))
            }
            _ => None,
        });
        Listing { statements: statements.collect(), of: BTreeMap::new() }
    }

    /// Returns the widest as which a thing is listed for an action.
    pub(crate) fn written(&mut self, action: &str, name: &str) -> Option<&'d str> {
        let statements = self.statements.as_ref()?;
        if !self.of.contains_key(action) {
            let mut of = OfAction::default();
            for (actions, resources) in statements {
                if actions.iter().any(|wide| pattern::covers_action(wide, action)) {
                    let all = resources.iter().map(String::as_str);
                    let (names, patterns): (Vec<&str>, Vec<&str>) =
                        all.partition(|one| pattern::is_name(one));
                    of.names.extend(names);
                    of.patterns.extend(patterns);
                }
            }
            self.of.insert(action.to_owned(), of);
        }
        let OfAction { names, patterns } = self.of.get(action)?;
        let mut widest = names.get(name).copied();
        for &wide in patterns.iter().filter(|wide| pattern::covers(wide, name)) {
            if widest.is_none_or(|known| pattern::covers(wide, known)) {
                widest = Some(wide);
            }
        }
        widest
    }
}

/// Returns the thing of which a resource is, or is all: a log group and what it holds (`:*`) are one.
pub(crate) fn thing(resource: &str) -> &str {
    let group = resource.strip_suffix(":*").filter(|one| one.contains(":log-group:"));
    group.filter(|one| !one.contains(":log-stream")).unwrap_or(resource)
}

/// Returns what an ARN has before the name: of `arn:aws:sqs:r:a:jobs` all to the account, of
/// `arn:aws:s3:::b/key` all to the key, else all to what its type is written as.
pub(crate) fn kind(arn: &str) -> Option<&str> {
    let (colon, _) = arn.match_indices(':').nth(4)?;
    let resource = arn.get(colon + 1..)?;
    let end = resource.find(['/', ':']).map_or(0, |at| at + 1);
    arn.get(..colon + 1 + end).filter(|kind| kind.len() < arn.len())
}

/// Whether four in five of so many names were seen on one day only, and new ones came on several days.
fn comes_and_goes(names: impl ExactSizeIterator<Item = Span> + Clone) -> bool {
    if names.len() < NAMES {
        return false;
    }
    let of_one_day = names.clone().filter(|span| span.is_one_day()).count();
    of_one_day * 5 >= names.len() * 4 && days(names) >= DAYS
}

/// On how many days new names came.
fn days(names: impl Iterator<Item = Span>) -> usize {
    names.filter_map(|span| span.first).collect::<BTreeSet<i32>>().len()
}

impl Span {
    fn of(stats: &Stats) -> Span {
        Span { first: stats.days().first(), last: stats.days().last() }
    }

    fn join(&mut self, other: Span) {
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
    }

    fn is_one_day(self) -> bool {
        self.first == self.last
    }
}

impl Turnover {
    /// Returns it in a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let Turnover { actions, last, names, names_of_one_day, days, own, .. } = self;
        let own = if *own { "that it makes and deletes itself, " } else { "" };
        let things = if *names == 1 { "thing" } else { "things" };
        let pattern = self.pattern.as_ref().map(|one| format!(" (`{one}`)")).unwrap_or_default();
        let gives = match self.hands_on {
            true => ", if whatever is called so may have what these actions give",
            false => "",
        };
        let tastes: Vec<String> =
            self.tastes.iter().map(|taste| format!("`--resources={}`", taste.code())).collect();
        let see = match tastes.as_slice() {
            [] => String::new(),
            some => format!(", or see {}", some.join(" and ")),
        };
        format!(
            "names come and go: {} on {names} {things}, {own}of which {names_of_one_day} were seen on one day only \
             and new ones came on {days} days, last `{last}`. The policy lists them, and the next one would be \
             refused: put a pattern in their place{pattern}{gives}{see}",
            listed(actions)
        )
    }
}

/// Lists actions in a sentence.
pub(crate) fn listed(actions: &BTreeSet<String>) -> String {
    let mut listed: Vec<&str> = actions.iter().take(NAMED).map(String::as_str).collect();
    let more = format!("{} more", actions.len().saturating_sub(NAMED));
    if actions.len() > NAMED {
        listed.push(&more);
    }
    listed.join(", ")
}

#[cfg(test)]
mod tests {
    use trailtrim_iam::Statement;

    use super::*;

    fn span(first: i32, last: i32) -> Span {
        Span { first: Some(first), last: Some(last) }
    }

    #[test]
    fn a_kind_is_what_goes_before_a_name() {
        let kinds = [
            ("arn:aws:sqs:r:a:jobs", "arn:aws:sqs:r:a:"),
            ("arn:aws:cloudformation:r:a:stack/pr-1/*", "arn:aws:cloudformation:r:a:stack/"),
            ("arn:aws:secretsmanager:r:a:secret:x", "arn:aws:secretsmanager:r:a:secret:"),
            ("arn:aws:s3:::b/k/l", "arn:aws:s3:::b/"),
        ];
        for (arn, expected) in kinds {
            assert_eq!(kind(arn), Some(expected));
        }
        assert_eq!(kind("*"), None);
        assert_eq!(kind("arn:aws:sqs:r:a:"), None);
    }

    #[test]
    fn names_that_come_and_go_are_counted_by_things() {
        let stats = |day: i64| {
            let mut stats = Stats::default();
            let event = trailtrim_aggregator::EventKey {
                key: "e",
                event_id: "e",
                time: Some(day * 86_400),
                region: "r",
            };
            stats.add(event, &trailtrim_aggregator::Label::from("f"));
            stats
        };
        let mut principal = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
        let mut names = Vec::new();
        for day in 0..6 {
            for ending in ["", ":*"] {
                let resource = format!("arn:aws:logs:r:111122223333:log-group:/pr-{day}{ending}");
                names.push(resource.clone());
                let key = trailtrim_aggregator::RowKey {
                    action: "logs:PutRetentionPolicy".to_owned(),
                    resource,
                    conditions: Vec::new(),
                    outcome: trailtrim_aggregator::Outcome::Granted,
                };
                let row = trailtrim_aggregator::Row { stats: stats(day), ..Default::default() };
                principal.rows.insert(key, row);
            }
        }
        let policy =
            PolicyDocument::new(vec![Statement::allow(["logs:PutRetentionPolicy"], names)]);
        let told = turnover(&principal, &[&policy], Catalog::embedded());
        let [one] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((one.names, one.names_of_one_day), (6, 6));
        let group = "arn:aws:logs:r:111122223333:log-group:/pr-*";
        assert_eq!((one.pattern.as_deref(), &*one.tastes), (Some(group), &[Taste::Type][..]));
        assert!(one.told().ends_with(
            "(`arn:aws:logs:r:111122223333:log-group:/pr-*`), or see `--resources=type`"
        ));
        assert!(one.last.ends_with("/pr-5"), "{}", one.last);
    }

    #[test]
    fn a_thing_is_a_group_of_logs_whole_and_everything_else_itself() {
        let group = "arn:aws:logs:r:1:log-group:g";
        assert_eq!(thing(&format!("{group}:*")), group);
        for one in [
            "arn:aws:states:r:1:execution:m:*",
            "arn:aws:sqs:r:1:*",
            "arn:aws:logs:r:1:log-group:g:log-stream:*",
        ] {
            assert_eq!(thing(one), one);
        }
    }

    #[test]
    fn what_is_told_of_a_kind_is_of_all_its_actions() {
        let mut found = Found::default();
        found.actions.extend(["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"]);
        let alarm = |n: i32| format!("arn:aws:cloudwatch:r:1:alarm:shop-pr-{n}-errors");
        found.names.extend((1..=4).map(|n| (alarm(n), span(n, n))));
        found.names.extend((5..=6).map(|n| (alarm(n), span(n, n + 1))));
        let kind = "arn:aws:cloudwatch:r:1:alarm:";
        let told = found.told(kind, Catalog::embedded()).unwrap();
        assert_eq!((told.names, told.names_of_one_day, told.days), (6, 4, 6));
        assert_eq!(told.pattern.as_deref(), Some("arn:aws:cloudwatch:r:1:alarm:shop-pr-*"));
        assert_eq!(told.tastes, [Taste::Type]);
        // Whose permissions are managed stays listed under every taste.
        let mut found = Found::default();
        found.actions.insert("iam:PutRolePolicy");
        found.names.insert("arn:aws:iam::1:role/a".to_owned(), span(1, 1));
        let told = found.told("arn:aws:iam::1:role/", Catalog::embedded()).unwrap();
        assert!(told.told().contains("if whatever is called so may have what these actions give"));
        assert_eq!((told.tastes, told.pattern), (Vec::new(), None));
        // What differs before the last part is cut behind that.
        let mut found = Found::default();
        found.actions.extend(["ssm:GetParameter", "ssm:PutParameter"]);
        let parameter = |n: i32| format!("arn:aws:ssm:r:1:parameter/pr-{n}/db");
        found.names.extend((1..=6).map(|n| (parameter(n), span(n, n))));
        let told = found.told("arn:aws:ssm:r:1:parameter/", Catalog::embedded()).unwrap();
        assert_eq!(told.tastes, [Taste::Type]);
        assert!(!told.hands_on);
    }

    #[test]
    fn what_is_listed_is_told_as_the_widest_that_covers_it() {
        let names = ["a", "in/*", "in/x", "i*"].map(|key| format!("arn:aws:s3:::b/{key}"));
        let document = PolicyDocument::new(vec![Statement::allow(["s3:Get*"], names)]);
        let mut listing = Listing::of(&[&document]);
        for (action, name, expected) in [
            ("s3:GetObject", "arn:aws:s3:::b/a", Some("arn:aws:s3:::b/a")),
            ("s3:GetObject", "arn:aws:s3:::b/in/x", Some("arn:aws:s3:::b/i*")),
            ("s3:GetObject", "arn:aws:s3:::b/c", None),
            ("s3:PutObject", "arn:aws:s3:::b/a", None),
        ] {
            assert_eq!(listing.written(action, name), expected, "{action} {name}");
        }
    }

    #[test]
    fn most_names_are_of_one_day_and_new_ones_come_on_several() {
        let of = |spans: &[Span]| comes_and_goes(spans.iter().copied());
        assert!(of(&[span(1, 1), span(2, 2), span(3, 3), span(4, 4), span(1, 9)]));
        assert!(!of(&[span(1, 1), span(2, 2), span(3, 3), span(4, 9), span(1, 9)]));
        assert!(!of(&[span(1, 1), span(1, 1), span(1, 1), span(2, 2), span(2, 2)]));
        assert!(!of(&[span(1, 1), span(2, 2), span(3, 3), span(4, 4)]));
    }

    #[test]
    fn a_log_group_is_one_thing_with_two_arns() {
        let mut patterns = BTreeMap::from([
            ("arn:aws:logs:r:a:log-group:g".to_owned(), span(1, 1)),
            ("arn:aws:logs:r:a:log-group:g:*".to_owned(), span(2, 2)),
            ("arn:aws:rds:r:a:snapshot:*".to_owned(), span(3, 3)),
        ]);
        join_spellings(&mut patterns);
        let left: Vec<(&str, Option<i32>)> =
            patterns.iter().map(|(name, span)| (name.as_str(), span.last)).collect();
        let expected =
            [("arn:aws:logs:r:a:log-group:g", Some(2)), ("arn:aws:rds:r:a:snapshot:*", Some(3))];
        assert_eq!(left, expected);
    }
}

//! The ways in which statements allow what has to be allowed, and what stands on none of them.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_iam::{Condition, Effect, Selector, Statement, pattern, wildcard};

use crate::irredundant::covers;
use parts::{Context, parts};

mod parts;

/// Something that has to be allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The action, or an attached pattern.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// The condition under which it was attached.
    pub condition: Vec<(String, String, Vec<String>)>,
    /// What all of its calls had of context keys that a draft may ask for, by key.
    pub held: BTreeMap<&'static str, BTreeSet<String>>,
}

/// A statement that allows something, by which of its actions and on which of its resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    pub(crate) statement: usize,
    pub(crate) action: usize,
    pub(crate) resource: usize,
}

/// Tells whether a statement allows, and lists what.
pub(crate) fn is_listing(statement: &Statement) -> bool {
    let negated = statement.action.is_negated()
        || statement.resource.as_ref().is_some_and(Selector::is_negated);
    statement.effect == Effect::Allow && !negated
}

/// Finds the statements that allow something, without looking at all resources of each.
pub(crate) struct Index<'s> {
    statements: Vec<Indexed<'s>>,
    /// Those that allow all but what they list: they stay as they are, and nothing else has to say
    /// what they allow.
    excepting: Vec<&'s Statement>,
}

struct Indexed<'s> {
    statement: &'s Statement,
    /// Resources by their text, and those of them that are patterns.
    exact: BTreeMap<&'s str, usize>,
    wild: Vec<(usize, &'s str)>,
    /// Actions by their service, in lower case; those of any under "".
    actions: BTreeMap<String, Vec<(usize, &'s str)>>,
}

impl<'s> Index<'s> {
    /// Takes the statements of a draft. Ways count those of them that list.
    pub(crate) fn of(statements: &[&'s Statement]) -> Index<'s> {
        let allows = statements.iter().copied().filter(|one| one.effect == Effect::Allow);
        let (listing, excepting): (Vec<&Statement>, Vec<&Statement>) =
            allows.partition(|one| is_listing(one));
        let statements = listing
            .into_iter()
            .map(|statement| {
                let resources = || {
                    let listed = statement.resource.iter().flat_map(|listed| listed.listed());
                    listed.map(String::as_str).enumerate()
                };
                let mut actions: BTreeMap<String, Vec<(usize, &str)>> = BTreeMap::new();
                for (at, action) in statement.action.listed().iter().enumerate() {
                    actions.entry(prefix(action)).or_default().push((at, action));
                }
                Indexed {
                    statement,
                    actions,
                    exact: resources().map(|(at, text)| (text, at)).collect(),
                    wild: resources().filter(|(_, text)| !pattern::is_name(text)).collect(),
                }
            })
            .collect();
        Index { statements, excepting }
    }

    /// Returns for each part of a need that conditions tell apart every way in which it is allowed by
    /// what statements list; none where one that lists exceptions allows it anyway. Parts of one need
    /// with the same ways are told once.
    pub(crate) fn ways(&self, needs: &BTreeSet<Need>) -> Vec<Vec<Way>> {
        // Needs are ordered by action, and many ask for the same in the same context.
        let mut action = "";
        let mut holding: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut known: BTreeMap<Context, Vec<Part>> = BTreeMap::new();
        let mut ways = Vec::new();
        for need in needs {
            if action != need.action {
                action = &need.action;
                holding = self.holding(action);
                known.clear();
            }
            let whole = Context { condition: need.condition.clone(), held: need.held.clone() };
            let parts = known.entry(whole).or_insert_with_key(|whole| self.parts(whole, &holding));
            let listed = self.listed(need, &holding);
            let excepting = self.excepting.iter().map(|one| lists_but(one, need));
            let excepting: Vec<bool> = excepting.collect();
            let of_parts = parts.iter().map(|part| {
                let anyway = excepting.iter().zip(&part.excepting).any(|(on, in_it)| *on && *in_it);
                let open = listed.iter().zip(&part.listing).filter(|(_, in_it)| **in_it && !anyway);
                open.flat_map(|(ways, _)| ways).copied().collect::<Vec<Way>>()
            });
            ways.extend(of_parts.collect::<BTreeSet<Vec<Way>>>());
        }
        ways
    }

    /// Cuts a context into what conditions tell apart, with the statements that ask for no more.
    fn parts(&self, whole: &Context, holding: &[(usize, Vec<usize>)]) -> Vec<Part> {
        let listing = holding.iter().map(|(at, _)| self.statements.get(*at));
        let listing: Vec<Option<&Condition>> =
            listing.map(|one| one.map(|one| &one.statement.condition)).collect();
        let excepting: Vec<&Condition> = self.excepting.iter().map(|one| &one.condition).collect();
        let telling: Vec<&Condition> =
            listing.iter().flatten().copied().chain(excepting.iter().copied()).collect();
        let cut = parts(whole.clone(), &telling).into_iter();
        cut.map(|context| Part {
            listing: listing
                .iter()
                .map(|one| one.is_some_and(|one| is_weaker(one, &context)))
                .collect(),
            excepting: excepting.iter().map(|one| is_weaker(one, &context)).collect(),
        })
        .collect()
    }

    /// Returns the statements that hold an action, each with the places of the patterns that do.
    fn holding(&self, action: &str) -> Vec<(usize, Vec<usize>)> {
        let prefix = prefix(action);
        let in_statement = |one: &Indexed<'_>| -> Vec<usize> {
            // A pattern over services is only held by another.
            let prefixes = [prefix.as_str(), ""];
            let prefixes = prefixes.get(usize::from(prefix.is_empty())..).unwrap_or_default();
            let listed = prefixes.iter().filter_map(|prefix| one.actions.get(*prefix)).flatten();
            let holding = listed.filter(|(_, wide)| pattern::covers_action(wide, action));
            let mut places: Vec<usize> = holding.map(|(place, _)| *place).collect();
            places.sort_unstable();
            places
        };
        let all = self.statements.iter().map(in_statement).enumerate();
        all.filter(|(_, places)| !places.is_empty()).collect()
    }

    /// Returns for each statement that holds the action in which ways it lists what is needed,
    /// whatever its condition.
    fn listed(&self, need: &Need, holding: &[(usize, Vec<usize>)]) -> Vec<Vec<Way>> {
        let of_one = |(at, actions): &(usize, Vec<usize>)| -> Vec<Way> {
            let Some(one) = self.statements.get(*at) else { return Vec::new() };
            let mut resources: BTreeSet<usize> =
                one.exact.get(need.resource.as_str()).copied().into_iter().collect();
            let wild = one.wild.iter().filter(|(_, text)| holds(text, &need.resource));
            resources.extend(wild.map(|(place, _)| *place));
            let on = |&action: &usize| {
                resources.iter().map(move |&resource| Way { statement: *at, action, resource })
            };
            actions.iter().flat_map(on).collect()
        };
        holding.iter().map(of_one).collect()
    }
}

/// A part of a context: which statements ask for nothing but what holds in it.
struct Part {
    /// Of those that list.
    listing: Vec<bool>,
    /// Of those that list exceptions.
    excepting: Vec<bool>,
}

/// Tells whether a statement that lists exceptions surely allows something, if its condition holds.
fn lists_but(statement: &Statement, need: &Need) -> bool {
    let acts = match &statement.action {
        Selector::Only(listed) => {
            listed.iter().any(|wide| pattern::covers_action(wide, &need.action))
        }
        // Of a pattern one would have to know that it has nothing in common with any.
        Selector::AllBut(listed) => {
            let plain = !need.action.contains(['*', '?']);
            plain && !listed.iter().any(|wide| pattern::covers_action(wide, &need.action))
        }
    };
    let on = |resources: &Selector<Vec<String>>| match resources {
        Selector::Only(listed) => listed.iter().any(|wide| holds(wide, &need.resource)),
        Selector::AllBut(listed) => listed.iter().all(|one| {
            let apart = pattern::overlap(one, &need.resource).is_some_and(|both| both.is_empty());
            apart && !pattern::has_variable(one) && !pattern::has_variable(&need.resource)
        }),
    };
    acts && statement.resource.as_ref().is_some_and(on)
}

/// Returns the service of an action, in lower case; "" where a pattern leaves it open.
fn prefix(action: &str) -> String {
    match action.split_once(':') {
        Some((prefix, _)) if !prefix.contains(['*', '?']) => prefix.to_ascii_lowercase(),
        _ => String::new(),
    }
}

/// Tells whether a resource pattern holds another; of one with `?` or an escape, or of an incomplete ARN, no
/// comparison of texts can tell.
fn holds(wide: &str, narrow: &str) -> bool {
    covers(wide, narrow)
        || (wide.contains(['?', '$']) || !wide.contains('*')) && pattern::covers(wide, narrow)
}

/// The context key of which networks are held and not texts.
const SOURCE_IP: &str = "aws:SourceIp";

/// Tells whether an operator holds where each of the values that a key had is listed.
fn lists(operator: &str, key: &str) -> bool {
    match key.eq_ignore_ascii_case(SOURCE_IP) {
        true => operator == "IpAddress",
        false => matches!(operator, "StringEquals" | "StringLike"),
    }
}

/// Tells whether a condition asks for nothing but what holds anyway.
fn is_weaker(condition: &Condition, context: &Context) -> bool {
    condition.iter().all(|(operator, key, values)| {
        let asked = context.condition.iter().any(|(other, name, listed)| {
            let same = other == operator && listed.as_slice() == values;
            name == key && (same || follows(operator, values, other, listed))
        });
        let held = context.held.get(key).filter(|_| lists(operator, key));
        asked || held.is_some_and(|held| held.iter().all(|value| values.contains(value)))
    })
}

/// Tells whether a clause surely holds where another one on the same key does: it lists more, or
/// rules out less.
fn follows(operator: &str, values: &[String], other: &str, listed: &[String]) -> bool {
    let plain = |text: &String| !text.contains(['*', '?', '$']);
    match (operator, other) {
        ("StringEquals", "StringEquals") | ("StringLike", "StringLike") => {
            listed.iter().all(|one| values.contains(one))
        }
        ("StringLike", "StringEquals") => listed.iter().all(|one| {
            let matches = |wide: &String| {
                let told = !wide.contains('$') && !one.contains('$');
                wide == one || (told && wildcard::matches(wide, one))
            };
            values.iter().any(matches)
        }),
        // Without a wildcard it asks for the text itself.
        ("StringEquals", "StringLike") => {
            listed.iter().all(|one| plain(one) && values.contains(one))
        }
        ("StringNotEquals", "StringNotEquals") => values.iter().all(|one| listed.contains(one)),
        ("StringNotEquals", "StringEquals") => {
            let all_plain = values.iter().chain(listed).all(plain);
            all_plain && listed.iter().all(|one| !values.contains(one))
        }
        _ => false,
    }
}

/// An action or a resource of a statement, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Element {
    Resource(usize, usize),
    Action(usize, usize),
}

/// Returns of each statement what some need stands on; nothing where none does.
pub(crate) fn without_idle(
    statements: &[&Statement],
    needs: &BTreeSet<Need>,
) -> Vec<Option<Statement>> {
    let mut left = without_some(statements, needs);
    loop {
        // With what is gone conditions went too, and where these were many the others tell more.
        let there: Vec<&Statement> = left.iter().flatten().collect();
        let mut again = without_some(&there, needs).into_iter();
        let same = again.as_slice().iter().map(Option::as_ref).eq(there.into_iter().map(Some));
        if same {
            return left;
        }
        left = left.iter().map(|one| one.as_ref().and_then(|_| again.next().flatten())).collect();
    }
}

/// Takes out what nothing stands on, as far as one look at all conditions tells. Elements are taken
/// out one by one, so nothing goes that something stands on once others are gone. Of a statement
/// the resources go first: a pattern that a step made may stand for what another statement names.
fn without_some(statements: &[&Statement], needs: &BTreeSet<Need>) -> Vec<Option<Statement>> {
    let listing: Vec<&Statement> =
        statements.iter().copied().filter(|one| is_listing(one)).collect();
    let idle = idle(&listing, &Index::of(statements).ways(needs));
    let mut places = 0..;
    let mut left = |statement: &Statement| {
        let mut statement = statement.clone();
        if !is_listing(&statement) {
            return Some(statement);
        }
        let at = places.next()?;
        if let Selector::Only(actions) = &mut statement.action {
            retain(actions, |n| !idle.contains(&Element::Action(at, n)));
        }
        if let Some(Selector::Only(resources)) = &mut statement.resource {
            retain(resources, |n| !idle.contains(&Element::Resource(at, n)));
        }
        let says = |listed: &Selector<Vec<String>>| !listed.listed().is_empty();
        let all = says(&statement.action) && statement.resource.as_ref().is_none_or(says);
        all.then_some(statement)
    };
    statements.iter().map(|one| left(one)).collect()
}

fn retain(list: &mut Vec<String>, keep: impl Fn(usize) -> bool) {
    let mut n = 0..;
    list.retain(|_| n.next().is_none_or(&keep));
}

/// Returns what can go, all of it together, while each part of a need that has a way keeps one.
fn idle(statements: &[&Statement], ways: &[Vec<Way>]) -> BTreeSet<Element> {
    // The parts of needs that each element serves.
    let mut serves: BTreeMap<Element, BTreeSet<usize>> = BTreeMap::new();
    for (need, ways) in ways.iter().enumerate() {
        for way in ways {
            for element in elements(way) {
                serves.entry(element).or_default().insert(need);
            }
        }
    }
    let mut idle = BTreeSet::new();
    let mut can_go = |element: Element| {
        let served = serves.get(&element).into_iter().flatten();
        let spared = served.filter_map(|need| ways.get(*need)).all(|ways| {
            ways.iter().any(|way| {
                elements(way).into_iter().all(|part| part != element && !idle.contains(&part))
            })
        });
        if spared {
            idle.insert(element);
        }
    };
    for (at, statement) in statements.iter().enumerate() {
        let resources = statement.resource.iter().flat_map(|listed| listed.listed());
        let places = resources.enumerate().map(|(n, _)| Element::Resource(at, n));
        let actions = statement.action.listed().iter().enumerate();
        places.chain(actions.map(|(n, _)| Element::Action(at, n))).for_each(&mut can_go);
    }
    idle
}

fn elements(way: &Way) -> [Element; 2] {
    [Element::Action(way.statement, way.action), Element::Resource(way.statement, way.resource)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::irredundant;

    fn need(action: &str, resource: &str) -> Need {
        Need {
            action: action.to_owned(),
            resource: resource.to_owned(),
            condition: Vec::new(),
            held: BTreeMap::new(),
        }
    }

    #[test]
    fn what_two_statements_say_is_said_once() {
        let (a, b) = ("arn:aws:s3:::b/a", "arn:aws:s3:::b/b");
        let statements = [
            Statement::allow(["s3:GetObject"], ["arn:aws:s3:::b/*"]),
            Statement::allow(["s3:GetObject", "s3:PutObject"], [a, b]),
            Statement::deny(["s3:DeleteObject"], ["*"]),
        ];
        let needs = BTreeSet::from([
            need("s3:GetObject", a),
            need("s3:GetObject", b),
            need("s3:PutObject", a),
        ]);
        let left = without_idle(&statements.iter().collect::<Vec<_>>(), &needs);
        let [first, second, third] = statements;
        assert!(!irredundant([&first, &second], &needs).idle.is_empty());
        assert!(irredundant(left.iter().flatten(), &needs).idle.is_empty());
        assert_eq!(left, [None, Some(second), Some(third)]);
    }

    #[test]
    fn nothing_that_is_needed_goes() {
        let all = Statement::allow(["sqs:*"], ["*"]);
        let statements = [
            all.with_condition("Bool", "aws:SecureTransport", ["true"]),
            Statement::allow(["sqs:SendMessage"], ["arn:aws:sqs:eu-west-1:1:q"]),
        ];
        // Without the condition the first is no way.
        let needs = BTreeSet::from([need("sqs:SendMessage", "arn:aws:sqs:eu-west-1:1:q")]);
        let left = without_idle(&statements.iter().collect::<Vec<_>>(), &needs);
        let [_, second] = statements;
        assert_eq!(left, [None, Some(second)]);
    }

    #[test]
    fn what_a_statement_with_exceptions_allows_is_said_once() {
        let but = |listed: &str| {
            let mut all = Statement::allow(["sqs:*"], Vec::<String>::new());
            all.resource = Some(Selector::AllBut(vec![listed.to_owned()]));
            all
        };
        let (q, r) = ("arn:aws:sqs:eu-west-1:1:q", "arn:aws:sqs:eu-west-1:1:r");
        let named = Statement::allow(["sqs:SendMessage"], [q, r]);
        let needs = BTreeSet::from([need("sqs:SendMessage", q), need("sqs:SendMessage", r)]);
        for (exception, left) in [
            ("arn:aws:lambda:*", None),
            (r, Some(Statement::allow(["sqs:SendMessage"], [r]))),
            ("arn:aws:sqs:*:q", Some(Statement::allow(["sqs:SendMessage"], [q]))),
            ("arn:aws:sqs:eu-west-1:1:${aws:username}", Some(named.clone())),
        ] {
            let but = but(exception);
            let all = [&named, &but];
            let kept = without_idle(&all, &needs);
            assert_eq!(kept, [left, Some(but.clone())], "{exception}");
            assert!(irredundant(kept.iter().flatten(), &needs).idle.is_empty(), "{exception}");
        }
    }

    #[test]
    fn a_pattern_with_an_escape_serves_what_it_holds() {
        let odd = Statement::allow(["s3:GetObject"], ["arn:aws:s3:::b/${$}{a}/*"]);
        let needs = BTreeSet::from([need("s3:GetObject", "arn:aws:s3:::b/${$}{a}/k${$}")]);
        assert_eq!(without_idle(&[&odd], &needs), [Some(odd.clone())]);
    }

    #[test]
    fn a_condition_that_follows_from_another_says_nothing_more() {
        let on = |operator, regions: &[&str]| {
            let all = Statement::allow(["sqs:SendMessage"], ["q"]);
            all.with_condition(operator, "aws:RequestedRegion", regions.iter().copied())
        };
        let condition = |one: &Statement| -> Vec<(String, String, Vec<String>)> {
            let clauses = one.condition.iter();
            clauses.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_vec())).collect()
        };
        let (eu, sa): (&[&str], &[&str]) = (&["eu-west-1"], &["sa-east-1"]);
        let both: &[&str] = &["eu-west-1", "sa-east-1"];
        let (only, but) = ("StringEquals", "StringNotEquals");
        for (narrow, wide, follows) in [
            ((only, sa), (but, eu), true),
            ((only, sa), (but, sa), false),
            ((only, both), (but, sa), false),
            ((but, both), (but, sa), true),
            ((but, sa), (but, both), false),
            ((only, sa), (only, both), true),
            ((only, both), (only, sa), false),
            (("StringLike", sa), ("StringLike", both), true),
            ((only, sa), ("StringLike", both), true),
            ((only, sa), ("StringLike", &["sa-*"]), true),
            ((only, both), ("StringLike", &["sa-*"]), false),
            ((only, &["${x}"]), ("StringLike", &["$*"]), false),
            (("StringLike", sa), (only, both), true),
            (("StringLike", &["sa-*"]), (only, &["sa-*"]), false),
            ((only, &["sa-*"]), (but, &["sa-*x"]), false),
        ] {
            let statements = [on(narrow.0, narrow.1), on(wide.0, wide.1)];
            let needs = statements
                .each_ref()
                .map(|one| Need { condition: condition(one), ..need("sqs:SendMessage", "q") });
            let [first, second] = &statements;
            let kept = without_idle(&[first, second], &BTreeSet::from(needs));
            let first_stays = (!follows).then(|| first.clone());
            assert_eq!(kept.first(), Some(&first_stays), "{narrow:?} {wide:?}");
        }
    }

    #[test]
    fn what_two_statements_hold_together_is_idle() {
        let sent = |clauses: &[(&str, &str, &[&str])]| {
            let all = Statement::allow(["sqs:SendMessage"], ["q"]);
            clauses.iter().fold(all, |all, (operator, key, values)| {
                all.with_condition(*operator, *key, values.iter().copied())
            })
        };
        let region = "aws:RequestedRegion";
        let secure: (&str, &str, &[&str]) = ("Bool", "aws:SecureTransport", &["true"]);
        let but_one = sent(&[("StringNotEquals", region, &["sa-east-1"]), secure]);
        let but_two = sent(&[("StringNotEquals", region, &["eu-west-1", "sa-east-1"])]);
        let there = sent(&[("StringEquals", region, &["eu-west-1"])]);
        let elsewhere = sent(&[("StringEquals", region, &["us-east-1"])]);
        let need_of = |one: &Statement| {
            let clauses = one.condition.iter();
            let owned = clauses.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_vec()));
            Need { condition: owned.collect(), ..need("sqs:SendMessage", "q") }
        };
        for (third, first_stays) in [(there, false), (elsewhere, true)] {
            let all = [but_one.clone(), but_two.clone(), third];
            let needs = BTreeSet::from(all.each_ref().map(need_of));
            let left = without_idle(&all.iter().collect::<Vec<_>>(), &needs);
            let first = left.first().and_then(Option::as_ref);
            assert_eq!(first, first_stays.then_some(&but_one));
            assert_eq!(left.iter().flatten().count(), 2, "{left:?}");
            assert!(irredundant(left.iter().flatten(), &needs).idle.is_empty());
            assert!(!irredundant(&all, &needs).idle.is_empty());
        }
    }

    #[test]
    fn nothing_is_idle_once_many_conditions_are_gone() {
        let sent = |clauses: &[(&str, &str, &str)]| {
            let all = Statement::allow(["sqs:SendMessage"], ["q"]);
            clauses.iter().fold(all, |all, (operator, key, value)| {
                all.with_condition(*operator, *key, [*value])
            })
        };
        let region = "aws:RequestedRegion";
        let mut all = vec![
            sent(&[("Bool", "aws:SecureTransport", "true")]),
            sent(&[("StringNotEquals", region, "r0")]),
            sent(&[("StringEquals", region, "r0")]),
        ];
        // More regions than are looked at one by one.
        all.extend((1..40).map(|n| sent(&[("StringEquals", region, &format!("r{n}"))])));
        let needs = all.iter().map(|one| {
            let clauses = one.condition.iter();
            let owned = clauses.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_vec()));
            Need { condition: owned.collect(), ..need("sqs:SendMessage", "q") }
        });
        let needs: BTreeSet<Need> = needs.collect();
        let left = without_idle(&all.iter().collect::<Vec<_>>(), &needs);
        assert!(irredundant(left.iter().flatten(), &needs).idle.is_empty(), "{left:?}");
        assert_eq!(left.iter().flatten().count(), 2, "{left:?}");
    }

    #[test]
    fn a_network_is_no_text() {
        let sent = |operator: &str, value: &str| {
            let all = Statement::allow(["sqs:SendMessage"], ["q"]);
            all.with_condition(operator, SOURCE_IP, [value])
        };
        let network = sent("IpAddress", "10.0.0.0/24");
        let held = BTreeSet::from(["10.0.0.0/24".to_owned()]);
        let seen =
            Need { held: BTreeMap::from([(SOURCE_IP, held)]), ..need("sqs:SendMessage", "q") };
        for other in [sent("StringNotEquals", "10.0.0.5"), sent("StringEquals", "10.0.0.0/24")] {
            let left = without_idle(&[&network, &other], &BTreeSet::from([seen.clone()]));
            assert_eq!(left, [Some(network.clone()), None], "{other:?}");
        }
    }

    #[test]
    fn a_region_that_is_ruled_out_is_none_that_was_held() {
        let elsewhere = Statement::allow(["sqs:SendMessage"], ["q"]).with_condition(
            "StringNotEquals",
            "aws:RequestedRegion",
            ["eu-west-1"],
        );
        let there = Statement::allow(["sqs:SendMessage"], ["q"]).with_condition(
            "StringEquals",
            "aws:RequestedRegion",
            ["eu-west-1"],
        );
        let held = BTreeSet::from(["eu-west-1".to_owned()]);
        let seen = Need {
            held: BTreeMap::from([("aws:RequestedRegion", held)]),
            ..need("sqs:SendMessage", "q")
        };
        let left = without_idle(&[&elsewhere, &there], &BTreeSet::from([seen]));
        assert_eq!(left, [None, Some(there.clone())]);
    }
}

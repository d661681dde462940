//! A bundle's draft as documents that keep AWS's limits.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_catalog::Catalog;
use trailtrim_iam::{Condition, Effect, PolicyDocument, Selector, Statement, pattern};

use crate::cover::service;
use crate::fit::{Ceiling, Fit, Limits, Partition, Step, Wanted, fit, pack};
use crate::proof::fits;
use crate::tighten::{Class, Composed, Footing, Place, Settings, TightenedBundle, holds_action};
use crate::ways::{Need, without_idle};

/// How many actions a concession names.
const NAMED: usize = 8;

/// The documents of a draft.
pub(super) struct Drafted {
    pub(super) documents: Vec<PolicyDocument>,
    /// Whether they keep the limits.
    pub(super) fits: bool,
    /// The Allow statements, each with where it comes from.
    pub(super) statements: Vec<Sourced>,
    /// What was widened to keep the limits, inside of what is attached.
    pub(super) concessions: Vec<String>,
    /// What is the matter where they do not fit.
    pub(super) obstacle: Option<String>,
}

/// A statement of the documents, and where it comes from.
pub(super) struct Sourced {
    pub(super) sid: String,
    pub(super) footing: Footing,
    pub(super) from: BTreeSet<Place>,
    pub(super) reasons: BTreeMap<(String, Class), String>,
}

impl Drafted {
    /// Packs what a bundle leaves; where that is too much, gives ground inside of what is attached.
    /// Nothing where none of the holders was seen.
    pub(super) fn of(
        bundle: &TightenedBundle<'_>,
        limits: &Limits,
        catalog: Catalog,
        settings: &Settings,
    ) -> Option<Drafted> {
        if !bundle.active {
            return None;
        }
        let allows = bundle.allows.iter().map(|one| one.statement.clone());
        let whole: Vec<Statement> = allows.chain(bundle.denies.iter().cloned()).collect();
        let (documents, steps, obstacle) = match pack(whole, limits) {
            Some(documents) => (documents, Vec::new(), None),
            None => match give_ground(bundle, limits, catalog, settings) {
                Fit::Fitted { documents, steps } => {
                    (tidy(documents, &bundle.needs, limits), steps, None)
                }
                Fit::DoesNotFit(nearest) => {
                    let documents = tidy(nearest.documents, &bundle.needs, limits);
                    let fits = fits(&documents.iter().collect::<Vec<_>>(), limits, 0);
                    let obstacle = (!fits.holds).then(|| {
                        format!(
                            "the nearest that stays inside of what is attached takes {} documents \
                             of up to {} characters, where it may have {} of {}; as it is, it would \
                             take {}",
                            documents.len(),
                            fits.sizes.iter().max().copied().unwrap_or_default(),
                            limits.documents,
                            limits.document,
                            nearest.needed_exactly.documents
                        )
                    });
                    (documents, nearest.steps, obstacle)
                }
            },
        };
        let statements = documents
            .iter()
            .flat_map(|document| &document.statements)
            .filter(|statement| statement.effect == Effect::Allow)
            .map(|statement| sourced(statement, &bundle.allows))
            .collect();
        // What grants something comes first.
        let (costly, free): (Vec<&Step>, Vec<&Step>) =
            steps.iter().partition(|step| !step.gained_actions.is_empty());
        Some(Drafted {
            fits: obstacle.is_none(),
            statements,
            concessions: costly.into_iter().chain(free).map(told).collect(),
            obstacle,
            documents,
        })
    }
}

/// Takes out what nothing needs any more once ground was given: under one condition a pattern may
/// now stand for what another statement names. What is left is packed anew.
fn tidy(
    documents: Vec<PolicyDocument>,
    needs: &BTreeSet<Need>,
    limits: &Limits,
) -> Vec<PolicyDocument> {
    let all: Vec<&Statement> = documents.iter().flat_map(|one| &one.statements).collect();
    let left = without_idle(&all, needs);
    if left.iter().zip(&all).all(|(left, all)| left.as_ref() == Some(*all)) {
        return documents;
    }
    let mut left = left.into_iter();
    let thinner: Vec<PolicyDocument> = documents
        .iter()
        .map(|document| {
            let statements = left.by_ref().take(document.statements.len()).flatten().collect();
            PolicyDocument { statements, ..document.clone() }
        })
        .filter(|document| !document.statements.is_empty())
        .collect();
    let statements = thinner.iter().flat_map(|document| document.statements.iter().cloned());
    pack(statements.collect(), limits).unwrap_or(thinner)
}

/// A condition as a key: operator, context key, values.
type Clauses<'c> = Vec<(&'c str, &'c str, &'c [String])>;

fn give_ground(
    bundle: &TightenedBundle<'_>,
    limits: &Limits,
    catalog: Catalog,
    settings: &Settings,
) -> Fit {
    let never = withheld(bundle, catalog, settings);
    let mut fixed: Vec<Statement> = bundle.denies.clone();
    let mut grants: BTreeMap<Clauses<'_>, BTreeSet<(String, String)>> = BTreeMap::new();
    for one in &bundle.allows {
        let statement = &one.statement;
        let (Selector::Only(actions), Some(Selector::Only(resources))) =
            (&statement.action, &statement.resource)
        else {
            fixed.push(statement.clone());
            continue;
        };
        let pairs = grants.entry(statement.condition.iter().collect()).or_default();
        for action in actions {
            pairs.extend(resources.iter().map(|resource| (action.clone(), resource.clone())));
        }
    }
    let held: Vec<Held<'_>> = bundle
        .bundle
        .policies
        .iter()
        .flat_map(|policy| {
            let version = policy.document.effective_version();
            policy.document.statements.iter().map(move |statement| (version, statement))
        })
        .filter(|(_, statement)| statement.effect == Effect::Allow)
        .filter_map(|(version, statement)| {
            // What excepts resources holds no pattern for certain.
            let Some(Selector::Only(resources)) = &statement.resource else { return None };
            let modern = |text: &String| pattern::modern(text, version).into_owned();
            let resources = resources.iter().map(modern).collect();
            Some(Held { actions: &statement.action, resources, condition: &statement.condition })
        })
        .collect();
    let keys: Vec<Condition> = grants.keys().map(condition).collect();
    let ceilings: Vec<Box<Ceiling<'_>>> = keys
        .iter()
        .map(|key| {
            let held: Vec<&Held<'_>> = held.iter().filter(|one| one.asks_no_more(key)).collect();
            let never = &never;
            let ceiling = move |action: &str, resource: &str| {
                held.iter().any(|one| one.holds(action, resource))
                    && !never.iter().any(|one| pattern::covers_action(action, one))
            };
            Box::new(ceiling) as Box<Ceiling<'_>>
        })
        .collect();
    let partitions = grants
        .values()
        .zip(&keys)
        .zip(&ceilings)
        .map(|((grants, condition), ceiling)| Partition {
            grants: grants.iter().cloned().collect(),
            condition: condition.clone(),
            ceiling: Some(&**ceiling),
            patterns: held.iter().flat_map(|one| one.resources.iter().cloned()).collect(),
        })
        .collect();
    fit(&Wanted { partitions, fixed }, limits, catalog)
}

/// Returns the actions that no draft may hold, of the services of which something stays: no pattern may mean
/// them either.
fn withheld(
    bundle: &TightenedBundle<'_>,
    catalog: Catalog,
    settings: &Settings,
) -> Vec<&'static str> {
    if settings.never.is_empty() {
        return Vec::new();
    }
    let listed = bundle.allows.iter().flat_map(|one| one.statement.action.listed());
    let services: BTreeSet<&str> = listed.map(|action| service(action)).collect();
    let known = services.into_iter().filter_map(|service| catalog.service(service));
    let actions = known.flat_map(|service| service.actions()).map(|facts| facts.id());
    actions.filter(|action| settings.withheld(action)).collect()
}

/// An attached Allow statement that lists what it is about, or all actions but some.
struct Held<'h> {
    actions: &'h Selector<Vec<String>>,
    resources: Vec<String>,
    condition: &'h Condition,
}

impl Held<'_> {
    fn holds(&self, action: &str, resource: &str) -> bool {
        holds_action(self.actions, action)
            && self.resources.iter().any(|wide| pattern::covers(wide, resource))
    }

    /// Tells whether its condition asks for nothing that another does not ask for as well.
    fn asks_no_more(&self, condition: &Condition) -> bool {
        self.condition.iter().all(|(operator, key, values)| {
            condition.iter().any(|(other, name, listed)| {
                // Of what is ruled out, more may be.
                let more = operator == "StringNotEquals"
                    && values.iter().all(|value| listed.contains(value));
                other == operator && name == key && (listed == values || more)
            })
        })
    }
}

fn condition(key: &Clauses<'_>) -> Condition {
    let mut condition = Condition::default();
    for (operator, name, values) in key {
        condition.add(*operator, *name, values.iter().cloned());
    }
    condition
}

/// Finds what a statement of the documents is made of.
fn sourced(statement: &Statement, composed: &[Composed]) -> Sourced {
    let holding = Holding::of(statement);
    let meets = |one: &&Composed| {
        if one.statement.condition != statement.condition {
            return false;
        }
        let (Some(Selector::Only(now)), Some(Selector::Only(then))) =
            (&statement.resource, &one.statement.resource)
        else {
            return one.statement.resource == statement.resource;
        };
        one.statement.action.listed().iter().any(|own| holding.holds(own))
            && now.iter().any(|wide| then.iter().any(|own| pattern::covers(wide, own)))
    };
    let mut found = Sourced {
        sid: statement.sid.clone().unwrap_or_default(),
        footing: Footing::Kept,
        from: BTreeSet::new(),
        reasons: BTreeMap::new(),
    };
    for one in composed.iter().filter(meets) {
        found.footing = found.footing.min(one.footing);
        found.from.extend(&one.from);
        // It may be one of several that its source was cut into.
        for (key, why) in one.reasons.iter().filter(|((action, _), _)| holding.holds(action)) {
            found.reasons.entry(key.clone()).or_insert_with(|| why.clone());
        }
    }
    found
}

/// The actions of a statement, of which there may be thousands.
struct Holding<'s> {
    /// Those that are no patterns, in lower case.
    plain: BTreeSet<String>,
    patterns: Vec<&'s str>,
    /// Whether it allows all but these.
    negated: bool,
}

impl<'s> Holding<'s> {
    fn of(statement: &'s Statement) -> Holding<'s> {
        let listed = statement.action.listed().iter().map(String::as_str);
        let (patterns, plain): (Vec<&str>, Vec<&str>) =
            listed.partition(|one| one.contains(['*', '?']));
        Holding {
            plain: plain.into_iter().map(str::to_ascii_lowercase).collect(),
            patterns,
            negated: statement.action.is_negated(),
        }
    }

    fn holds(&self, action: &str) -> bool {
        let listed = || {
            self.plain.contains(&action.to_ascii_lowercase())
                || self.patterns.iter().any(|wide| pattern::covers_action(wide, action))
        };
        self.negated || listed()
    }
}

fn told(step: &Step) -> String {
    let listed = |names: &BTreeSet<String>| {
        let mut text = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if names.len() > NAMED {
            text.push_str(&format!(" and {} more", names.len() - NAMED));
        }
        text
    };
    let gained = match step.gained_actions.is_empty() {
        true => "gains no action that the catalog knows".to_owned(),
        false => format!("allows more of {}", listed(&step.gained_actions)),
    };
    format!(
        "{} on {} in place of {} grants: {}; {gained}",
        listed(&step.to.actions),
        listed(&step.to.resources),
        step.from.len(),
        step.why
    )
}

//! What keeps a principal from what its policies allow: its own Deny statements, and its boundary.
//!
//! What they surely forbid is allowed by no statement, whatever that says by itself: nobody did it, it
//! need not stay because the log could not have shown it, and it is no hole. Only what is sure counts:
//! of Deny statements those without conditions, where they mean all that a resource pattern means; of
//! a boundary what no statement of it may allow, whatever its conditions ask for. What a Deny excepts
//! spares an action only where that can be about it. And to a role, whose requests have no
//! `aws:username`, a resource with that variable means nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;
use trailtrim_aggregator::{Row, RowKey};
use trailtrim_iam::{Effect, PolicyDocument, Principal, Selector, Statement, pattern};

use super::allow::{Allow, Place, Reach, Standing, actions, is_nameless};
use super::bearing::Bearing;
use crate::attached::{Attached, Boundary, Inventory};
use crate::replay::{Allowance, Circumstances, Replay};

/// Statements by each action of the catalog that they mean: there are thousands.
type ByAction = HashMap<&'static str, Vec<usize>, RandomState>;

/// The Deny statements of some documents that ask for no condition.
#[derive(Default)]
struct Denies {
    statements: Vec<Denied>,
    by_action: ByAction,
}

struct Denied {
    on: Selector<Vec<String>>,
    why: String,
}

impl Denies {
    fn of<'d>(
        documents: impl Iterator<Item = (&'d str, &'d PolicyDocument)>,
        bearing: &Bearing,
    ) -> Denies {
        let mut denies = Denies::default();
        for (policy, document) in documents {
            let version = document.effective_version();
            let modern = |text: &String| pattern::modern(text, version).into_owned();
            for (at, statement) in document.statements.iter().enumerate() {
                let on = match &statement.resource {
                    Some(Selector::Only(listed)) => {
                        Selector::Only(listed.iter().map(modern).collect::<Vec<_>>())
                    }
                    Some(Selector::AllBut(listed)) => {
                        Selector::AllBut(listed.iter().map(modern).collect())
                    }
                    None => continue,
                };
                let plain = statement.condition.is_empty() && statement.principal.is_none();
                if statement.effect != Effect::Deny || !plain {
                    continue;
                }
                for facts in actions(&statement.action, bearing.catalog()).0 {
                    let place = denies.statements.len();
                    denies.by_action.entry(facts.id()).or_default().push(place);
                }
                let why = format!("the Deny of {policy}, statement {at}, forbids it");
                denies.statements.push(Denied { on, why });
            }
        }
        denies
    }

    fn forbids(&self, (action, resource): (&str, &str), bearing: &Bearing) -> Option<&str> {
        let mut denied =
            self.by_action.get(action)?.iter().filter_map(|at| self.statements.get(*at));
        let means = |one: &&Denied| one.means((action, resource), bearing);
        denied.find(means).map(|one| one.why.as_str())
    }
}

impl Denied {
    /// Tells whether it surely means an action on all that a resource pattern means.
    fn means(&self, (action, resource): (&str, &str), bearing: &Bearing) -> bool {
        match &self.on {
            Selector::Only(listed) => listed.iter().any(|wide| pattern::covers(wide, resource)),
            Selector::AllBut(listed) => listed.iter().all(|exception| {
                // Without a value for its variable, a statement with exceptions means nothing.
                !pattern::has_variable(exception)
                    && (!bearing.may_mean(action, exception)
                        || pattern::overlap(exception, resource)
                            .is_some_and(|both| both.is_empty()))
            }),
        }
    }
}

/// A boundary whose document is known.
struct Limit<'a> {
    boundary: &'a Boundary,
    allows: Vec<Allow<'a>>,
    by_action: ByAction,
    denies: Denies,
    guards: Option<Guards>,
}

impl<'a> Limit<'a> {
    fn of(boundary: &'a Boundary, document: &'a PolicyDocument, bearing: &Bearing) -> Limit<'a> {
        let standing = Standing {
            policy: &boundary.name,
            shared: None,
            version: document.effective_version(),
            roles: false,
        };
        let statements = document.statements.iter().enumerate();
        let allows = statements.filter(|(_, one)| one.effect == Effect::Allow);
        let allows: Vec<Allow<'_>> = allows
            .map(|(statement, one)| {
                Allow::new(standing, (Place { policy: 0, statement }, one), bearing)
            })
            .collect();
        let mut by_action = ByAction::default();
        for (at, allow) in allows.iter().enumerate() {
            for facts in &allow.actions {
                by_action.entry(facts.id()).or_default().push(at);
            }
        }
        let named = std::iter::once((boundary.name.as_str(), document));
        Limit {
            boundary,
            allows,
            by_action,
            denies: Denies::of(named, bearing),
            guards: Guards::of(std::iter::once(document)),
        }
    }

    fn forbids(&self, (action, resource): (&str, &str), bearing: &Bearing) -> Option<String> {
        let name = &self.boundary.name;
        if self.denies.forbids((action, resource), bearing).is_some() {
            return Some(format!("the boundary {name} denies it"));
        }
        let holding = self.by_action.get(action).into_iter().flatten();
        let mut holding = holding.filter_map(|at| self.allows.get(*at));
        let may = holding.any(|allow| !allow.dead.contains(action) && allow.may_reach(resource));
        (!may).then(|| format!("the boundary {name} does not allow it"))
    }

    /// Tells whether something that was seen may have been within it.
    fn pass(&self, key: &RowKey, row: &Row, asking: Option<&Principal>) -> bool {
        let mut holding = self.allows.iter().filter(|allow| allow.holds_action(&key.action));
        holding.any(|allow| allow.reach(key, row, asking) != Reach::No)
            && self.guards.as_ref().is_none_or(|guards| guards.pass(key, row, asking))
    }
}

/// Deny statements with all that they ask for, as what was seen is put to them.
pub(super) struct Guards(Replay);

impl Guards {
    /// Takes the Deny statements of some documents; nothing where there are none.
    fn of<'d>(documents: impl Iterator<Item = &'d PolicyDocument>) -> Option<Guards> {
        let guarding = documents.filter_map(|document| {
            let denies = document.statements.iter().filter(|one| one.effect == Effect::Deny);
            let statements: Vec<Statement> = denies.cloned().collect();
            (!statements.is_empty()).then(|| PolicyDocument { statements, ..document.clone() })
        });
        let mut documents: Vec<PolicyDocument> = guarding.collect();
        if documents.is_empty() {
            return None;
        }
        documents.push(PolicyDocument::new(vec![Statement::allow(["*"], ["*"])]));
        Some(Guards(Replay::of(&documents)))
    }

    fn pass(&self, key: &RowKey, row: &Row, principal: Option<&Principal>) -> bool {
        self.0.judge(key, &Circumstances::of(row), principal) != Allowance::No
    }
}

/// What one principal's calls had to pass.
pub(super) struct Gate<'f, 'a> {
    guards: Option<Guards>,
    limit: Option<&'f Limit<'a>>,
}

impl Gate<'_, '_> {
    /// Tells whether something that was seen may have passed, on some of what it has in common with
    /// an Allow statement.
    pub(super) fn pass(
        &self,
        key: &RowKey,
        row: &Row,
        common: Option<&[String]>,
        asking: Option<&Principal>,
    ) -> bool {
        let passes = |key: &RowKey| {
            self.guards.as_ref().is_none_or(|guards| guards.pass(key, row, asking))
                && self.limit.is_none_or(|limit| limit.pass(key, row, asking))
        };
        match common {
            _ if self.guards.is_none() && self.limit.is_none() => true,
            None => passes(key),
            Some(parts) => {
                parts.iter().any(|part| passes(&RowKey { resource: part.clone(), ..key.clone() }))
            }
        }
    }
}

/// What stands around each principal.
pub(super) struct Fences<'a> {
    /// By bundle.
    denies: Vec<Denies>,
    /// Each boundary once: one is of many principals, as a rule.
    limits: Vec<Limit<'a>>,
    /// By ARN: the bundles that deny something, and the boundary.
    of: BTreeMap<&'a str, (Vec<usize>, Option<usize>)>,
}

impl<'a> Fences<'a> {
    pub(super) fn of(inventory: &'a Inventory, bearing: &Bearing) -> Fences<'a> {
        let named = |at: usize| {
            let policies = inventory.bundles.get(at).into_iter().flat_map(|one| &one.policies);
            policies.map(|policy| (policy.name.as_str(), &policy.document))
        };
        let bundles = 0..inventory.bundles.len();
        let denies: Vec<Denies> = bundles.map(|at| Denies::of(named(at), bearing)).collect();
        let mut limits: Vec<Limit<'a>> = Vec::new();
        let mut of = BTreeMap::new();
        for attached in inventory.principals.values() {
            let denying = attached.bundles.iter().copied();
            let denying = denying
                .filter(|at| denies.get(*at).is_some_and(|denies| !denies.statements.is_empty()));
            let known = attached.boundary.as_ref();
            let known = known.and_then(|boundary| Some((boundary, boundary.document.as_ref()?)));
            let limit = known.map(|(boundary, document)| {
                let same = limits.iter().position(|limit| limit.boundary == boundary);
                same.unwrap_or_else(|| {
                    limits.push(Limit::of(boundary, document, bearing));
                    limits.len() - 1
                })
            });
            of.insert(attached.arn.as_str(), (denying.collect(), limit));
        }
        Fences { denies, limits, of }
    }

    /// Returns what a principal's calls had to pass.
    pub(super) fn gate(&self, inventory: &Inventory, attached: &Attached) -> Gate<'_, 'a> {
        let limit = self.of.get(attached.arn.as_str()).and_then(|(_, limit)| *limit);
        Gate {
            guards: Guards::of(inventory.documents_of(attached).into_iter()),
            limit: limit.and_then(|at| self.limits.get(at)),
        }
    }

    /// Returns what stands around all of some principals.
    pub(super) fn around(&self, holders: &BTreeSet<String>) -> Around<'_, 'a> {
        let each = holders.iter().map(|arn| self.of.get(arn.as_str()));
        // Of one that is left out nothing is known, and nothing stands around many.
        let each: Option<BTreeSet<_>> = each.collect();
        let each = each.unwrap_or_default();
        let roles = !holders.is_empty() && holders.iter().all(|arn| arn.contains(":role/"));
        let fenced = |(denying, limit): &&(Vec<usize>, Option<usize>)| {
            !denying.is_empty() || limit.is_some()
        };
        if !each.iter().all(fenced) {
            return Around { fences: Vec::new(), roles };
        }
        let fence = |(denying, limit): &(Vec<usize>, Option<usize>)| Fence {
            denies: denying.iter().filter_map(|at| self.denies.get(*at)).collect(),
            limit: limit.and_then(|at| self.limits.get(at)),
        };
        Around { fences: each.into_iter().map(fence).collect(), roles }
    }
}

struct Fence<'f, 'a> {
    denies: Vec<&'f Denies>,
    limit: Option<&'f Limit<'a>>,
}

impl Fence<'_, '_> {
    fn forbids(&self, what: (&str, &str), bearing: &Bearing) -> Option<String> {
        let own = self.denies.iter().find_map(|denies| denies.forbids(what, bearing));
        let limit = || self.limit.and_then(|limit| limit.forbids(what, bearing));
        own.map(str::to_owned).or_else(limit)
    }
}

/// What stands around all who have something: what one of them may do is not forbidden.
pub(crate) struct Around<'f, 'a> {
    /// None where something is around not all of them.
    fences: Vec<Fence<'f, 'a>>,
    /// Whether all of them are roles.
    roles: bool,
}

impl Around<'_, '_> {
    /// Tells whether all of them are roles.
    pub(crate) fn are_roles(&self) -> bool {
        self.roles
    }

    /// Tells whether nothing is forbidden on any of some resources.
    pub(crate) fn is_open(&self, resources: &[String]) -> bool {
        self.fences.is_empty() && !resources.iter().any(|one| self.is_nameless(one))
    }

    /// Tells whether a resource pattern asks for the name of a user where there is none.
    fn is_nameless(&self, resource: &str) -> bool {
        self.roles && is_nameless(resource)
    }

    /// Returns what surely forbids an action on all that a resource pattern means.
    pub(crate) fn forbids(
        &self,
        action: &str,
        resource: &str,
        bearing: &Bearing,
    ) -> Option<String> {
        if self.is_nameless(resource) {
            return Some(
                "only requests of IAM users have `aws:username`: a resource with that variable allows \
                 a role nothing"
                    .to_owned(),
            );
        }
        let reasons = self.fences.iter().map(|fence| fence.forbids((action, resource), bearing));
        let mut reasons = reasons.collect::<Option<BTreeSet<String>>>()?;
        let first = reasons.pop_first()?;
        Some(match reasons.is_empty() {
            true => first,
            false => "each of its holders has a Deny or a boundary that forbids it".to_owned(),
        })
    }
}

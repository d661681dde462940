//! Looks for what is wrong with a bundle and a principal.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::Attribution;
use trailtrim_catalog::{ActionFacts, Catalog};
use trailtrim_iam::{Effect, Selector, Statement, pattern, wildcard};

use super::{Code, Finding};
use crate::diff::count;
use crate::escalation;
use crate::tighten::{
    Class, DEAD, ELSEWHERE, Idle, Judged, Place, Rest, TightenedBundle, TightenedPrincipal,
    actions_of,
};

const PASS_ROLE: &str = "iam:PassRole";

/// How many names a message lists.
const LISTED: usize = 5;

/// Returns what is wrong with the policies of a bundle.
pub(crate) fn of_bundle(bundle: &TightenedBundle<'_>, catalog: Catalog) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (policy, held) in bundle.bundle.policies.iter().enumerate() {
        for (at, statement) in held.document.statements.iter().enumerate() {
            if statement.effect != Effect::Allow {
                continue;
            }
            let place = Place { policy, statement: at };
            let mut look = Look { bundle, place, statement, catalog, found: Vec::new() };
            look.statement();
            findings.extend(look.found.into_iter().map(|finding| finding.at(&held.name, at)));
        }
    }
    findings
}

struct Look<'l> {
    bundle: &'l TightenedBundle<'l>,
    place: Place,
    statement: &'l Statement,
    catalog: Catalog,
    found: Vec<Finding>,
}

impl Look<'_> {
    fn statement(&mut self) {
        let everywhere = match &self.statement.resource {
            Some(Selector::Only(resources)) => resources.iter().any(|one| is_everything(one)),
            Some(Selector::AllBut(_)) | None => true,
        };
        let all = match &self.statement.action {
            Selector::Only(actions) => actions.iter().any(|one| one == "*" || one == "*:*"),
            Selector::AllBut(_) => true,
        };
        if all {
            let message = match self.statement.action {
                Selector::AllBut(_) => "`NotAction` allows everything but what it lists",
                Selector::Only(_) => "every action is allowed",
            };
            let forbidden = match self.forbidden().map_or(0, BTreeSet::len) {
                0 => String::new(),
                some => format!(
                    "; {} of that a Deny statement or the boundary forbids",
                    count(some, "action")
                ),
            };
            self.found.push(Finding::new(Code::ActionStar, format!("{message}{forbidden}")));
        }
        self.named(everywhere, all);
        self.passing();
        for pattern in self.bundle.foreign.get(&self.place).into_iter().flatten() {
            let message = format!("no action `{pattern}` is known");
            self.found.push(Finding::new(Code::UnknownAction, message));
        }
        self.judged();
    }

    /// Looks at the actions that are listed by name.
    fn named(&mut self, everywhere: bool, all: bool) {
        let Selector::Only(patterns) = &self.statement.action else { return };
        let literal = patterns.iter().filter(|one| !one.contains(['*', '?']));
        let mut known: Vec<_> = literal.filter_map(|one| self.catalog.action(one)).collect();
        // It may stand there twice.
        let mut told = BTreeSet::new();
        known.retain(|one| told.insert(one.id()));
        let takes = |facts: &ActionFacts| facts.resource_types().next().is_some();
        if everywhere && !all {
            let limited = known.iter().filter(|one| is_always_on_some(one)).map(|one| one.id());
            let wide: Vec<&str> = limited.filter(|one| self.allows(one)).collect();
            let patterned =
                patterns.iter().any(|one| one.contains(['*', '?']) && self.some_of(one));
            let every = match &self.statement.resource {
                Some(Selector::AllBut(_)) => "every resource that `NotResource` does not list",
                _ => "every resource",
            };
            if !wide.is_empty() {
                let message = format!("on {every}, although they take ARNs: {}", listed(&wide));
                self.found.push(Finding::new(Code::ResourceStar, message));
            } else if patterned {
                let message = format!("patterns of actions are allowed on {every}");
                self.found.push(Finding::new(Code::ResourceStar, message));
            }
        }
        if !everywhere {
            // Of one that is new to the catalog nothing is known.
            let told = known.iter().filter(|one| one.resource_types_are_known());
            let none = self.bundle.dead.get(&self.place);
            let dead: Vec<&str> = told
                .filter(|one| !takes(one) && none.is_some_and(|all| all.contains(&one.id())))
                .map(|one| one.id())
                .collect();
            if !dead.is_empty() {
                // Not more than likely: a service may ask for something that the reference does not tell.
                // On `role/*` it may well: `iam:ListRoles` has no resource there, and IAM asks for a path.
                let message = format!(
                    "the reference has no resource for them and wants `*`, so an ARN most likely \
                     allows nothing: {}",
                    listed(&dead)
                );
                self.found.push(Finding::new(Code::DeadGrant, message));
            }
            let elsewhere = self.bundle.dead.get(&self.place).into_iter().flatten().copied();
            let mut elsewhere: Vec<&str> = elsewhere.filter(|one| !dead.contains(one)).collect();
            let patterns = self.bundle.dead_patterns.get(&self.place).into_iter().flatten();
            elsewhere.extend(patterns.copied().collect::<BTreeSet<&str>>());
            if !elsewhere.is_empty() {
                let message = format!("{DEAD}: {}", listed(&elsewhere));
                self.found.push(Finding::new(Code::DeadGrant, message));
            }
        }
    }

    /// Looks at the passing of roles.
    fn passing(&mut self) {
        let passes = match &self.statement.action {
            Selector::Only(listed) => {
                listed.iter().any(|one| pattern::covers_action(one, PASS_ROLE))
            }
            Selector::AllBut(listed) => {
                !listed.iter().any(|one| pattern::covers_action(one, PASS_ROLE))
            }
        };
        let every_role = match &self.statement.resource {
            Some(Selector::Only(resources)) => resources.iter().any(|one| self.is_every_role(one)),
            Some(Selector::AllBut(resources)) => {
                !resources.iter().any(|one| self.is_every_role(one))
            }
            None => true,
        };
        if passes && every_role && self.allows(PASS_ROLE) && !self.passes_some_alone() {
            let message = match self.statement.condition.is_empty() {
                true => "every role can be passed to every service",
                false => "every role can be passed, under a condition",
            };
            self.found.push(Finding::new(Code::PassRoleStar, message));
        }
    }

    /// Tells whether a resource pattern holds every role that whoever has the statement can pass: those of its own
    /// account.
    fn is_every_role(&self, resource: &str) -> bool {
        let holders = &self.bundle.bundle.holders;
        let accounts = || holders.iter().filter_map(|holder| holder.split(':').nth(4));
        let partition = resource.split(':').nth(1).unwrap_or_default();
        let named = resource.split(':').nth(4).unwrap_or_default();
        // A variable may well be its own account.
        let is_own = named.contains('$') || accounts().any(|one| wildcard::matches(named, one));
        // A name has a letter.
        let mut own = accounts().map(|account| format!("arn:{partition}:iam::{account}:role/?*"));
        is_everything(resource)
            || resource.rsplit_once(":role/").is_some_and(|(_, name)| name == "*") && is_own
            || own.any(|all| pattern::covers_run_on(resource, &all))
    }

    /// Tells whether a Deny of the same policies leaves some roles alone to be passed. What several have of their own
    /// may differ.
    fn passes_some_alone(&self) -> bool {
        let has_all = self.bundle.bundle.holders.len() == 1;
        has_all
            && self.bundle.denies.iter().any(|deny| {
                let acts = matches!(&deny.action, Selector::Only(listed)
                    if listed.iter().any(|one| pattern::covers_action(one, PASS_ROLE)));
                let spares = matches!(&deny.resource, Some(Selector::AllBut(listed))
                    if !listed.iter().any(|one| self.is_every_role(one)));
                acts && spares && deny.condition.is_empty()
            })
    }

    /// Tells whether all users that the statement means are whoever has it.
    fn is_on_itself(&self) -> bool {
        let Some(Selector::Only(resources)) = &self.statement.resource else { return false };
        let mut holders = self.bundle.bundle.holders.iter();
        let (only, others) = (holders.next(), holders.next());
        resources.iter().all(|one| {
            let named = one.splitn(6, ':').nth(5).unwrap_or_default();
            let is_user = named.starts_with("user/");
            // A device is nobody.
            named.starts_with("mfa/")
                || is_user && named.rsplit('/').next() == Some("${aws:username}")
                || others.is_none() && only == Some(one)
        })
    }

    /// Returns the actions that are surely forbidden to all who have the statement.
    fn forbidden(&self) -> Option<&BTreeSet<&'static str>> {
        self.bundle.forbidden.get(&self.place)
    }

    fn allows(&self, action: &str) -> bool {
        !self.forbidden().is_some_and(|all| all.contains(action))
    }

    /// Tells whether not all that a pattern of actions means is surely forbidden.
    fn some_of(&self, pattern: &str) -> bool {
        let Some(forbidden) = self.forbidden().filter(|all| !all.is_empty()) else { return true };
        let only = Selector::Only(vec![pattern.to_owned()]);
        let (all, _) = actions_of(&only, self.catalog);
        all.is_empty() || all.iter().any(|facts| !forbidden.contains(facts.id()))
    }

    /// Looks at what was not used.
    fn judged(&mut self) {
        let judged = self.bundle.judged.get(&self.place).into_iter().flatten();
        let (mut unused, mut wider, mut escalating) = (Vec::new(), Vec::new(), BTreeMap::new());
        for one in judged {
            match one.class {
                Class::Unused if one.rest == Rest::Nothing => unused.push(one.action),
                Class::Unused => {}
                Class::AllowedElsewhere if self.allows_more(one) => wider.push(one.action),
                _ => continue,
            }
            let itself = escalation::is_of_another(one.action) && self.is_on_itself();
            if let Some(reason) = escalation::reason(one.action).filter(|_| !itself) {
                escalating.entry(reason).or_insert_with(Vec::new).push(one.action);
            }
        }
        if !unused.is_empty() {
            let message =
                format!("{} not used: {}", count(unused.len(), "action"), listed(&unused));
            self.found.push(Finding::new(Code::UnusedAccess, message));
        }
        if !wider.is_empty() {
            let message = format!(
                "{} allowed on more than was used, which another statement keeps: {}",
                count(wider.len(), "action"),
                listed(&wider)
            );
            self.found.push(Finding::new(Code::UnusedAccess, message));
        }
        for (reason, actions) in escalating {
            let more = actions.iter().any(|one| wider.contains(one));
            let what = if more { "unused, or wider than used" } else { "unused" };
            let message = format!("{what}, and {reason}: {}", listed(&actions));
            self.found.push(Finding::new(Code::PrivilegeEscalation, message));
        }
    }

    /// Tells whether the statement allows an action on more than what others keep of it.
    fn allows_more(&self, one: &Judged<'_>) -> bool {
        let Some(Selector::Only(resources)) = &self.statement.resource else { return true };
        // As many as are told may be more.
        let all_told = one.elsewhere.len() < ELSEWHERE;
        let kept =
            |resource: &String| one.elsewhere.iter().any(|used| used.key.resource == *resource);
        resources.iter().any(|one| !kept(one) && (all_told || one.contains(['*', '?'])))
    }
}

/// Returns what is wrong with its having a policy that others use.
pub(crate) fn of_holder(
    bundle: &TightenedBundle<'_>,
    one: &TightenedPrincipal<'_>,
) -> Vec<Finding> {
    let Some(days) = bundle.idle_holders.get(&one.attached.arn) else { return Vec::new() };
    let names: Vec<&str> =
        bundle.bundle.policies.iter().map(|policy| policy.name.as_str()).collect();
    let away = match bundle.bundle.group() {
        Some(group) => format!("take it out of the group {group}"),
        None => "detach it from this one".to_owned(),
    };
    let message = format!(
        "used nothing of {} in {days} covered days, of which others use or need something: {away}",
        names.join(", ")
    );
    vec![Finding::new(Code::UnusedAccess, message)]
}

/// Returns what is wrong with a principal itself.
pub(crate) fn of_principal(one: &TightenedPrincipal<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    match one.principal {
        None => {
            if let Some(Idle::Unused { days, last_used }) = &one.idle {
                let before = match last_used {
                    Some(at) => format!(" (by the account dump it was last used at {at})"),
                    None => String::new(),
                };
                let message = format!(
                    "nothing that it did was recorded in {days} covered days{before}: no draft is made"
                );
                findings.push(Finding::new(Code::UnusedPrincipal, message));
            }
        }
        Some(principal) => {
            let mut ids: BTreeSet<&str> = principal.ids.iter().map(String::as_str).collect();
            ids.extend(Some(one.attached.unique_id.as_str()).filter(|id| !id.is_empty()));
            if ids.len() > 1 {
                let message = format!("{} different principals had this ARN", ids.len());
                findings.push(Finding::new(Code::RecreatedPrincipal, message));
            }
            // Session names are chosen by whoever assumes the role: only AWS's own word counts.
            let scoped = principal.workloads.keys();
            let functions: Vec<&str> = scoped
                .filter(|workload| workload.attribution == Attribution::Scope)
                .filter_map(|workload| workload.name.as_deref())
                .collect();
            if functions.len() > 1 {
                let message =
                    format!("{} workloads use it: {}", functions.len(), listed(&functions));
                findings.push(Finding::new(Code::SharedRole, message));
            }
        }
    }
    for unknown in &one.attached.unknown {
        let message = format!("`{}` stays as it is: {}", unknown.name, unknown.why);
        findings.push(Finding::new(Code::UnknownPolicy, message));
    }
    // An action is often used on very many things, for one reason.
    let mut unexplained: BTreeMap<(&str, bool), Vec<&str>> = BTreeMap::new();
    for (used, _) in one.not_attached.iter().filter(|(_, explanation)| explanation.is_none()) {
        let of = unexplained.entry((&used.key.action, used.forbidden)).or_default();
        of.push(&used.key.resource);
    }
    for ((action, forbidden), on) in unexplained {
        let on: Vec<String> = on.into_iter().map(|resource| format!("`{resource}`")).collect();
        let on = listed(&on.iter().map(String::as_str).collect::<Vec<_>>());
        let how = match forbidden {
            true => "although a Deny statement or the boundary forbids it",
            false => "and what is attached does not allow it",
        };
        let message = format!("`{action}` on {on} worked, {how}");
        findings.push(Finding::new(Code::UnexplainedAccess, message));
    }
    findings
}

/// Tells whether the calls of an action are on resources that a policy can name. Where it takes one type, and
/// need not be on any (`cloudwatch:PutMetricData` on a dataset), ARNs would deny the calls that name none.
fn is_always_on_some(facts: &ActionFacts) -> bool {
    let mut types = facts.resource_types();
    match (types.next(), types.next()) {
        (None, _) => false,
        (Some(only), None) => only.required(),
        (Some(_), Some(_)) => true,
    }
}

fn is_everything(resource: &str) -> bool {
    // Incomplete ARNs are completed: `arn:aws` is every resource of AWS.
    pattern::covers(resource, "arn:aws:*:*:*:*")
}

fn listed(names: &[&str]) -> String {
    let mut text = names.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        text.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_need_not_be_on_any_resource_is_not_asked_for_arns() {
        let catalog = Catalog::embedded();
        let of = |action| catalog.action(action).is_some_and(|facts| is_always_on_some(&facts));
        assert!(!of("cloudwatch:PutMetricData") && !of("s3:ListAllMyBuckets"));
        for action in [
            "s3:GetObject",
            "ec2:CreateTags",
            "sts:AssumeRole",
            "iam:PassRole",
            "kms:Decrypt",
            "sns:Publish",
            "sqs:SendMessage",
            "lambda:InvokeFunction",
            "states:StartExecution",
            "logs:PutLogEvents",
            "dynamodb:GetItem",
            "secretsmanager:GetSecretValue",
        ] {
            assert!(of(action), "{action}");
        }
    }
}

//! Plans: what one operation needs, before it is written into the table.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::CompileError;
use crate::data::Level;
use crate::fill::{Source, written};
use crate::layout::{ANY_ARN, LISTED, TRANSFORMS, flag, kind};
use crate::names::normal;
use crate::rules::{GrantRule, Named, OperationRule};
use crate::types::is_ambient;
use crate::when::{Lesson, lessons, tests};
use crate::world::{Subject, World, begins_with_word, qualified, variables_of};

/// Why a dependent of the same service is granted.
const WITHIN: &str = "The reference lists it beside the operation's own action, and what a service does \
                      by itself leaves no event.";

/// What one operation needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) kind: u32,
    pub(crate) confidence: u32,
    pub(crate) prefix: String,
    pub(crate) grants: Vec<Grant>,
    pub(crate) passes: Vec<crate::pass::Pass>,
    pub(crate) lessons: Vec<Lesson>,
}

/// One action that the operation needs.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) action: String,
    pub(crate) tests: Vec<(u32, String, String)>,
    pub(crate) types: Vec<TypePlan>,
    pub(crate) flags: u32,
    pub(crate) conditions: Vec<(String, String, Source)>,
    pub(crate) reason: String,
}

impl Grant {
    /// Returns whether the grant is there whenever another is, and on the same if the other has
    /// resources of its own.
    fn says(&self, other: &Grant, has_own: bool) -> bool {
        self.action == other.action
            && self.tests.iter().all(|test| other.tests.contains(test))
            && (!has_own || self.types == other.types)
    }
}

/// One resource type of an action, as this operation fills it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TypePlan {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) made: u32,
    pub(crate) guard: String,
    /// Template, and the sources of each of its variables in order.
    pub(crate) templates: Vec<(String, Vec<Vec<Source>>)>,
}

/// Plans one operation.
pub(crate) fn plan<'d>(world: &World<'d>, subject: Subject<'d>) -> Result<Plan, CompileError> {
    let mut plan = Plan { prefix: subject.prefix.to_owned(), ..Plan::default() };
    let rule = world.operation_rule(subject);
    if let Some((file, rule)) = rule
        && let Some(kind) = &rule.kind
    {
        plan.confidence = 1;
        plan.kind = match kind.as_str() {
            "no-permission" => kind::NO_PERMISSION,
            "not-an-api-call" => kind::NOT_AN_API_CALL,
            "unverified" => kind::UNVERIFIED,
            other => return Err(file.error(other, format!("no kind of event `{other}`"))),
        };
        return Ok(plan);
    }
    let empty = BTreeMap::new();
    let context =
        Context { world, subject, rule, fill: rule.map_or(&empty, |(_, rule)| &rule.fill) };
    context.base(&mut plan)?;
    if let Some((_, rule)) = rule {
        for extra in &rule.extra {
            plan.grants.push(context.grant(&context.on_what_is_made(extra))?);
        }
    }
    // Tags beside an action that nobody knows do not make the call known.
    if plan.grants.is_empty() {
        plan.kind = kind::UNVERIFIED;
        // A role that it brings is passed all the same, which nobody may call unused.
        plan.passes = crate::pass::passes(world, subject, &[])?;
        return Ok(plan);
    }
    context.tagging(&mut plan)?;
    context.dependents(&mut plan)?;
    let own_grants = plan.grants.clone();
    for (file, rule) in world.whenever(subject) {
        for grant in &rule.grants {
            let own = Context { rule: None, ..context };
            let grant = own.grant_of(file, &context.on_what_is_made(grant))?;
            // Tagging as such is not tagging on creation, a listing is filtered by tags, and what
            // takes tags away brings none.
            let tags = world
                .action(&grant.action)
                .is_some_and(|(_, action)| action.level == Level::Tagging);
            let is_own = grant.action == format!("{}:{}", subject.prefix, subject.name);
            let filters = tags && brings_no_tags(subject.name);
            // The operation's own rule knows better what it makes than a rule for all.
            let is_said = tags
                && own_grants.iter().any(|known| {
                    known.action == grant.action
                        && known.tests.iter().all(|test| grant.tests.contains(test))
                });
            if !is_own && !filters && !is_said {
                plan.grants.push(grant);
            }
        }
    }
    context.undocumented_tagging(&mut plan)?;
    plan.passes = crate::pass::passes(world, subject, &plan.grants)?;
    plan.lessons = lessons(world, subject)?;
    Ok(plan)
}

/// An operation among all that is known, with its rule.
#[derive(Clone, Copy)]
pub(crate) struct Context<'w, 'd> {
    pub(crate) world: &'w World<'d>,
    pub(crate) subject: Subject<'d>,
    pub(crate) rule: Option<(&'d Named, &'d OperationRule)>,
    pub(crate) fill: &'w BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Context<'_, '_> {
    /// Adds the grants that the operation is about.
    fn base(&self, plan: &mut Plan) -> Result<(), CompileError> {
        if let Some((_, rule)) = self.rule
            && !(rule.actions.is_empty() && rule.grants.is_empty())
        {
            plan.confidence = if rule.heuristic { 2 } else { 1 };
            for action in &rule.actions {
                let short = GrantRule { action: action.clone(), ..GrantRule::default() };
                plan.grants.push(self.grant(&short)?);
            }
            for grant in &rule.grants {
                plan.grants.push(self.grant(grant)?);
            }
            return Ok(());
        }
        let own = format!("{}:{}", self.subject.prefix, self.subject.name);
        if self.world.action(&own).is_some() {
            plan.confidence = u32::from(self.world.is_ruled(self.subject));
            plan.grants.push(self.grant(&GrantRule { action: own, ..GrantRule::default() })?);
            return Ok(());
        }
        if let Some(http) = self.subject.model.and_then(|(_, operation)| operation.http.as_ref())
            && self.subject.prefix == "apigateway"
        {
            plan.confidence = 1;
            plan.grants.push(self.verb(http)?);
            return Ok(());
        }
        // A batch of calls is mostly authorized as the single call, a second version as the first.
        let bent = [
            self.subject.name.strip_prefix("Batch").map(str::to_owned),
            self.subject.name.strip_suffix("V2").map(str::to_owned),
        ];
        for name in bent.into_iter().flatten() {
            for name in [name.trim_end_matches('s').to_owned(), name.clone()] {
                let action = format!("{}:{name}", self.subject.prefix);
                if self.world.action(&action).is_some() {
                    plan.confidence = 2;
                    let mut grant = self.grant(&GrantRule { action, ..GrantRule::default() })?;
                    grant.flags |= flag::HEURISTIC;
                    plan.grants.push(grant);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// API Gateway authorizes the HTTP verb on the path of the request.
    fn verb(&self, (verb, uri): &(String, String)) -> Result<Grant, CompileError> {
        let path = uri.split('?').next().unwrap_or_default();
        let path = path.strip_prefix("/v2").unwrap_or(path);
        let template = format!(
            "arn:${{Partition}}:apigateway:${{Region}}::{}",
            path.replace('{', "${").replace("+}", "}")
        );
        let encoded = TRANSFORMS.iter().position(|name| *name == "encoded").unwrap_or_default();
        let encoded = u32::try_from(encoded).unwrap_or_default();
        let fills = variables_of(&template)
            .into_iter()
            .filter(|variable| *variable != "Partition")
            .map(|variable| {
                if is_ambient(variable) {
                    return Vec::new();
                }
                let path = format!("request.{}", normal(variable));
                // An ARN within a path is encoded.
                let transform = if path.ends_with("arn") { encoded } else { 0 };
                vec![Source::Path { transform, path, also: false }]
            })
            .collect();
        let own = GrantRule { action: format!("apigateway:{verb}"), ..GrantRule::default() };
        let mut grant = self.grant(&own)?;
        grant.types = vec![TypePlan {
            name: "path".to_owned(),
            required: true,
            made: 0,
            guard: String::new(),
            templates: vec![(template, fills)],
        }];
        grant.flags |= flag::NO_SCAN | flag::NO_RESOURCES;
        Ok(grant)
    }

    /// Adds what the reference lists as needed along with the actions of the plan and what no event
    /// of its own shows: where rules say so, and what is of the same service as the operation's own
    /// action. Tags are for [`Context::tagging`].
    fn dependents(&self, plan: &mut Plan) -> Result<(), CompileError> {
        let own = Context { rule: None, ..*self };
        let name = format!("{}:{}", self.subject.prefix, self.subject.name);
        let has_own = plan.grants.iter().any(|grant| grant.action.eq_ignore_ascii_case(&name));
        let mut added: Vec<Grant> = Vec::new();
        for grant in &plan.grants {
            let Some((service, action)) = self.world.action(&grant.action) else { continue };
            let is_own = !has_own || grant.action.eq_ignore_ascii_case(&name);
            for dependent in &action.dependents {
                if plan.grants.iter().chain(&added).any(|known| known.action == *dependent) {
                    continue;
                }
                let rules = self.world.dependent(dependent, &grant.action);
                for (file, rule) in rules.iter().filter(|(_, rule)| !rule.never) {
                    let grant = self.on_what_is_made(&rule.grant(dependent));
                    added.push(own.grant_of(file, &grant)?);
                }
                let within = self.world.action(dependent).is_some_and(|(other, action)| {
                    other.prefix == service.prefix && action.level != Level::Tagging
                });
                if rules.is_empty() && is_own && within {
                    let rule = GrantRule {
                        action: dependent.clone(),
                        inferred: true,
                        reason: Some(WITHIN.to_owned()),
                        ..GrantRule::default()
                    };
                    added.push(own.grant_of(&Named::nowhere(), &rule)?);
                }
            }
        }
        for (file, rule) in self.world.needed(self.subject) {
            for action in &rule.actions {
                let grant = own.grant_of(file, &self.on_what_is_made(&rule.grant(action)))?;
                if !plan.grants.iter().any(|known| known.says(&grant, rule.names_resources())) {
                    added.push(grant);
                }
            }
        }
        plan.grants.extend(added);
        Ok(())
    }

    pub(crate) fn grant(&self, rule: &GrantRule) -> Result<Grant, CompileError> {
        self.grant_of(&self.file(), rule)
    }

    /// Returns the file that the operation's rule stands in.
    pub(crate) fn file(&self) -> Cow<'_, Named> {
        self.rule.map_or_else(|| Cow::Owned(Named::nowhere()), |(file, _)| Cow::Borrowed(file))
    }

    fn grant_of(&self, file: &Named, rule: &GrantRule) -> Result<Grant, CompileError> {
        let name = if rule.action.is_empty() { self.subject.name } else { &rule.action };
        let id = qualified(Some(self.subject.prefix), name);
        let (service, action) = self
            .world
            .action(&id)
            .ok_or_else(|| file.error(name, format!("no action `{id}` in the catalog")))?;
        let mut flags = 0;
        if rule.use_resources == Some(false) {
            flags |= flag::NO_RESOURCES;
        }
        if rule.use_scan == Some(false) {
            flags |= flag::NO_SCAN;
        }
        if rule.inferred {
            flags |= flag::INFERRED;
        }
        if rule.known {
            flags |= flag::KNOWN;
        }
        let types = match &rule.resource {
            Some(template) if template == "*" => Vec::new(),
            Some(template) => vec![self.own_template(file, rule, template)?],
            None => self.types(file, rule, service, action)?,
        };
        let mut conditions = Vec::new();
        for (operator, key, text) in &rule.conditions {
            let text = text.replace("@operation", self.subject.name);
            for source in written(file, self.subject, &text)? {
                conditions.push((operator.clone(), key.clone(), source));
            }
        }
        Ok(Grant {
            action: format!("{}:{}", service.prefix, action.name),
            tests: tests(file, self.subject, &rule.when)?,
            types,
            flags,
            conditions,
            reason: rule.reason.clone().unwrap_or_default(),
        })
    }
}

/// Returns whether a call is called like one that changes nothing, or that takes something away.
fn brings_no_tags(name: &str) -> bool {
    let verbs = ["List", "Describe", "Search", "Get", "BatchGet", "Remove", "Untag"];
    verbs.iter().any(|verb| begins_with_word(name, verb))
}

impl Plan {
    /// Returns every path that the plan reads.
    pub(crate) fn paths(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        let mut add = |source: &Source| {
            if let Source::Path { path, .. }
            | Source::Spelled { path, .. }
            | Source::Before { path, .. } = source
                && path != "caller"
                && path != LISTED
            {
                paths.insert(path.clone());
            }
        };
        for grant in &self.grants {
            grant.conditions.iter().for_each(|(_, _, source)| add(source));
            for kind in &grant.types {
                kind.templates.iter().flat_map(|(_, fills)| fills).flatten().for_each(&mut add);
            }
        }
        let of_grants = self.grants.iter().flat_map(|grant| &grant.tests);
        let tests = of_grants.chain(self.passes.iter().flat_map(|pass| &pass.tests));
        paths.extend(tests.map(|(_, path, _)| path.clone()).filter(|path| path.contains('.')));
        let named = self.passes.iter().filter(|pass| !["", ANY_ARN].contains(&pass.path.as_str()));
        paths.extend(named.map(|pass| pass.path.clone()));
        let taught = self.lessons.iter().flat_map(|one| [&one.key, &one.value, &one.part]);
        paths.extend(taught.filter(|path| !path.is_empty()).cloned());
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::{Grant, TypePlan};
    use crate::layout::test;

    #[test]
    fn a_grant_is_said_whenever_it_holds_and_on_the_same_if_that_is_told() {
        let grant = |members: &[&str], kind: &str| Grant {
            action: "s3:GetObject".to_owned(),
            tests: members
                .iter()
                .map(|member| (test::PRESENT, format!("request.{member}?"), String::new()))
                .collect(),
            types: vec![TypePlan {
                name: kind.to_owned(),
                required: true,
                made: 0,
                guard: String::new(),
                templates: Vec::new(),
            }],
            flags: 0,
            conditions: Vec::new(),
            reason: String::new(),
        };
        assert!(grant(&[], "object").says(&grant(&["key"], "object"), true));
        assert!(!grant(&["source"], "object").says(&grant(&["key"], "object"), true));
        assert!(!grant(&[], "object").says(&grant(&[], "rule"), true));
        assert!(grant(&[], "object").says(&grant(&[], "rule"), false));
    }
}

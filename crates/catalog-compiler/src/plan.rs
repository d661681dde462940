//! Plans: what one operation needs, before it is written into the table.

use std::collections::{BTreeMap, BTreeSet};

use crate::CompileError;
use crate::data::{Action, Level, Service};
use crate::fill::{Source, automatic, is_server_made, paths, written};
use crate::layout::{ANY_ARN, TRANSFORMS, flag, kind, test};
use crate::names::{is_id, normal};
use crate::rules::{GrantRule, Named, OperationRule};
use crate::world::{Subject, World, begins_with_word, qualified, variables_of};

/// What one operation needs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) kind: u32,
    pub(crate) confidence: u32,
    pub(crate) prefix: String,
    pub(crate) grants: Vec<Grant>,
    pub(crate) passes: Vec<crate::pass::Pass>,
    pub(crate) lessons: Vec<(u32, String, String, String)>,
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

/// One resource type of an action, as this operation fills it.
#[derive(Clone, Debug)]
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
        return Ok(plan);
    }
    context.tagging(&mut plan)?;
    for (file, rule) in world.whenever(subject) {
        for grant in &rule.grants {
            let own = Context { rule: None, ..context };
            let grant = own.grant_of(file, &context.on_what_is_made(grant))?;
            // Tagging as such is not tagging on creation, and a listing is filtered by tags.
            let tags = world
                .action(&grant.action)
                .is_some_and(|(_, action)| action.level == Level::Tagging);
            let is_own = grant.action == format!("{}:{}", subject.prefix, subject.name);
            let filters = tags && reads(subject.name);
            if !is_own && !filters {
                plan.grants.push(grant);
            }
        }
    }
    context.undocumented_tagging(&mut plan)?;
    plan.passes = crate::pass::passes(world, subject, &plan.grants)?;
    plan.lessons = lessons(world, subject)?;
    Ok(plan)
}

#[derive(Clone, Copy)]
struct Context<'w, 'd> {
    world: &'w World<'d>,
    subject: Subject<'d>,
    rule: Option<(&'d Named, &'d OperationRule)>,
    fill: &'w BTreeMap<String, BTreeMap<String, Vec<String>>>,
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

    /// Adds the tagging action that the reference documents for a call that may bring tags.
    fn tagging(&self, plan: &mut Plan) -> Result<(), CompileError> {
        let Some(member) = self.tags_member() else { return Ok(()) };
        let mut added = Vec::new();
        for grant in &plan.grants {
            let Some((service, action)) = self.world.action(&grant.action) else { continue };
            for dependent in &action.dependents {
                let Some((owner, tagging)) = self.world.action(dependent) else { continue };
                // Many calls that create take no resource of their own, or only what it is made in.
                let made = self.made(&action.types).or_else(|| self.made(&telling(&tagging.types)));
                let only: Vec<String> = match made {
                    Some(name) => vec![name],
                    None => action.types.iter().map(|(name, _)| name.clone()).collect(),
                };
                let is_new =
                    !plan.grants.iter().chain(&added).any(|known| known.action == *dependent);
                if owner.prefix == service.prefix && tagging.level == Level::Tagging && is_new {
                    added.push(self.tag(dependent.clone(), &member, only)?);
                }
            }
        }
        plan.grants.extend(added);
        Ok(())
    }

    /// Adds, by inference, the tagging action for what the call makes, if nobody knows of one.
    fn undocumented_tagging(&self, plan: &mut Plan) -> Result<(), CompileError> {
        let tags = |grant: &Grant| {
            self.world.action(&grant.action).is_some_and(|(_, own)| own.level == Level::Tagging)
        };
        if let (Some(member), false) = (self.tags_member(), plan.grants.iter().any(tags))
            && let Some((action, made)) = self.tagging_of_what_is_made()
        {
            let mut grant = self.tag(action, &member, vec![made])?;
            grant.flags |= flag::INFERRED;
            plan.grants.push(grant);
        }
        Ok(())
    }

    /// Returns the member that the call's tags are in.
    fn tags_member(&self) -> Option<String> {
        let members = self.subject.members();
        let mut tags = ["tags?", "tags{}", "taglist?", "tagset?", "tags"].into_iter();
        let member = tags.find(|tag| members.iter().any(|member| member == tag))?;
        Some(member.trim_end_matches('?').trim_end_matches("{}").to_owned())
    }

    /// Returns the service's tagging action, where the reference does not list it for a call that
    /// makes something, and the type that the call makes; nothing if tags are on no such type.
    fn tagging_of_what_is_made(&self) -> Option<(String, String)> {
        let creates = self.world.rules().find_map(|rules| rules.creates.as_ref())?;
        let makes = |verb: &String| begins_with_word(self.subject.name, verb);
        if !creates.verbs.iter().chain(&creates.tagging_verbs).any(makes) {
            return None;
        }
        creates.tagging.iter().find_map(|name| {
            let action = qualified(Some(self.subject.prefix), name);
            let (_, tagging) = self.world.action(&action)?;
            Some((action, self.made(&telling(&tagging.types))?))
        })
    }

    /// Returns the grant of a tagging action on what the call makes.
    fn tag(&self, action: String, member: &str, only: Vec<String>) -> Result<Grant, CompileError> {
        let mut grant = self.grant(&GrantRule {
            action,
            when: vec![format!("request.{member}")],
            only,
            reason: Some("The call brings tags.".to_owned()),
            ..GrantRule::default()
        })?;
        // The source of a copy is named beside it, and is not tagged.
        for (_, fills) in grant.types.iter_mut().flat_map(|kind| &mut kind.templates) {
            for sources in fills {
                sources.retain(|source| match source {
                    Source::Path { path, .. } => !path.starts_with("request.source"),
                    _ => true,
                });
            }
        }
        Ok(grant)
    }

    /// Returns the type that the operation is called after, which is what it makes; the longest
    /// such name, since a snapshot of a database is called after both, but not what it is made from.
    fn made(&self, types: &[(String, bool)]) -> Option<String> {
        let made = ["From", "To"].iter().fold(self.subject.name, |name, word| {
            name.split_once(word).map_or(name, |(made, _)| made)
        });
        let operation = normal(made);
        let names = types.iter().map(|(name, _)| name);
        names
            .filter(|name| operation.contains(&normal(name)))
            .max_by_key(|name| name.len())
            .cloned()
    }

    /// Returns the rule for a grant beside the operation's own; one that tags is about what the
    /// operation makes, and not about all that it names.
    fn on_what_is_made(&self, rule: &GrantRule) -> GrantRule {
        let mut rule = rule.clone();
        let id = qualified(Some(self.subject.prefix), &rule.action);
        if rule.only.is_empty()
            && rule.resource.is_none()
            && let Some((_, action)) = self.world.action(&id)
            && action.level == Level::Tagging
        {
            rule.only.extend(self.made(&action.types));
        }
        rule
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
            .filter(|variable| !is_ambient(variable))
            .map(|variable| {
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

    fn grant(&self, rule: &GrantRule) -> Result<Grant, CompileError> {
        let anywhere =
            Named { name: "data".into(), text: String::new(), rules: Default::default() };
        self.grant_of(self.rule.map_or(&anywhere, |(file, _)| file), rule)
    }

    fn grant_of(&self, file: &Named, rule: &GrantRule) -> Result<Grant, CompileError> {
        let id = qualified(Some(self.subject.prefix), &rule.action);
        let (service, action) = self
            .world
            .action(&id)
            .ok_or_else(|| file.error(&rule.action, format!("no action `{id}` in the catalog")))?;
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

    fn types(
        &self,
        file: &Named,
        rule: &GrantRule,
        service: &Service,
        action: &Action,
    ) -> Result<Vec<TypePlan>, CompileError> {
        let of_rule = |pick: fn(&OperationRule) -> &Vec<String>| {
            self.rule.map(|(_, rule)| pick(rule).as_slice()).unwrap_or_default()
        };
        let only = if rule.only.is_empty() { of_rule(|rule| &rule.only) } else { &rule.only };
        let require =
            if rule.require.is_empty() { of_rule(|rule| &rule.require) } else { &rule.require };
        for name in only.iter().chain(require) {
            // The types of an operation's rule may fit only one of its actions.
            if !service.types.iter().any(|kind| kind.name == *name)
                && service.prefix == self.subject.prefix
                && !file.text.is_empty()
            {
                return Err(file.error(name, format!("no resource type `{name}`")));
            }
        }
        let kept: Vec<&(String, bool)> = action
            .types
            .iter()
            .filter(|(name, _)| only.is_empty() || only.contains(name))
            .collect();
        if let (true, [name, ..], false) =
            (kept.is_empty(), rule.only.as_slice(), file.text.is_empty())
            && !action.types.is_empty()
        {
            let id = format!("{}:{}", service.prefix, action.name);
            return Err(file.error(name, format!("`{id}` takes no resource of type `{name}`")));
        }
        let kept = if kept.is_empty() { action.types.iter().collect() } else { kept };
        // One type that is always needed stays so, whatever the call names beside it.
        let any_of = kept.iter().filter(|(_, required)| *required).count() > 1
            && (self.subject.names_any_resource()
                || self.rule.is_some_and(|(_, rule)| rule.any_of));
        let mut types = Vec::new();
        for (name, required) in &kept {
            let Some(kind) = service.types.iter().find(|kind| kind.name == *name) else { continue };
            let mut templates = Vec::new();
            let mut made = false;
            for template in &kind.arns {
                let fills = self.fills(file, rule, service, name, template, kept.len() == 1)?;
                let mut fills = fills;
                self.leave_to_server(name, template, &mut fills);
                let known = |sources: &Vec<Source>| {
                    sources.iter().any(|source| !matches!(source, Source::Server))
                };
                made |= self.world.creates(self.subject.name)
                    && filled_variables(template)
                        .zip(&fills)
                        .any(|(variable, sources)| variable != "Account" && !known(sources));
                templates.push((template.clone(), fills));
            }
            if self.copies(&templates) {
                types.push(TypePlan {
                    name: name.clone(),
                    required: *required,
                    made: 1,
                    guard: self.world.guard_text(&service.prefix, name),
                    templates: templates.iter().map(|(text, fills)| unnamed(text, fills)).collect(),
                });
            }
            types.push(TypePlan {
                name: name.clone(),
                required: (*required && !any_of) || require.contains(name),
                made: u32::from(made)
                    + 2 * u32::from(!made && is_collection(self.subject, &templates)),
                guard: self.world.guard_text(&service.prefix, name),
                templates,
            });
        }
        Ok(types)
    }

    /// Returns whether the call names of a type only what it copies: then it makes another one.
    fn copies(&self, templates: &[(String, Vec<Vec<Source>>)]) -> bool {
        let mut paths = templates
            .iter()
            .flat_map(|(_, fills)| fills)
            .flatten()
            .filter_map(|source| match source {
                Source::Path { path, .. } => path.trim_end_matches(".content").rsplit('.').next(),
                _ => None,
            })
            .peekable();
        begins_with_word(self.subject.name, "Copy")
            && paths.peek().is_some()
            && paths.all(|leaf| leaf.starts_with("source"))
    }

    fn fills(
        &self,
        file: &Named,
        rule: &GrantRule,
        service: &Service,
        kind: &str,
        template: &str,
        only_type: bool,
    ) -> Result<Vec<Vec<Source>>, CompileError> {
        let mut used: Vec<Source> = Vec::new();
        let mut all = Vec::new();
        for variable in variables_of(template) {
            let mut sources = Vec::new();
            let local = [&rule.fill, self.fill]
                .into_iter()
                .find_map(|fill| {
                    let of = |kind: &str| {
                        let fill = fill.get(kind)?;
                        fill.get(variable)
                            .or_else(|| fill.get("*").filter(|_| !is_ambient(variable)))
                    };
                    of(kind).or_else(|| of("*"))
                })
                .filter(|_| !is_ambient(variable) || variable == "Account");
            let (origin, texts) = match local {
                Some(texts) => (file, texts.as_slice()),
                None => {
                    self.world.service_fill(&service.prefix, kind, variable).unwrap_or((file, &[]))
                }
            };
            let guarded = !self.world.guard(&service.prefix, kind).is_empty();
            for text in texts {
                // Of a member that may hold ids of any type, only the id can tell which.
                match text.strip_prefix("guarded(") {
                    Some(_) if !guarded => {}
                    Some(member) => {
                        let member = member.trim_end_matches(')');
                        sources.extend(written(origin, self.subject, member)?);
                    }
                    None => sources.extend(written(origin, self.subject, text)?),
                }
            }
            if is_ambient(variable) {
                // Partition, region and account stand in the call itself unless a rule knows better.
                if variable == "Account" {
                    all.push(sources);
                }
                continue;
            }
            // `*` alone closes a variable; after other sources it is only the last resort.
            let closed = matches!(sources.as_slice(), [Source::Server | Source::Constant(_)])
                && texts.len() == 1;
            if !closed && local.is_none() {
                let named = |source: &Source| {
                    matches!(source, Source::Path { .. } | Source::Spelled { .. })
                };
                let last = sources.pop_if(|source| !named(source));
                // Where a rule says how a member is read, it is not read otherwise too.
                let read = |automatic: &Source| {
                    sources.iter().any(|source| match (source, automatic) {
                        (Source::Path { path, .. }, Source::Path { path: own, .. })
                        | (Source::Spelled { path, .. }, Source::Path { path: own, .. }) => {
                            path == own
                        }
                        _ => false,
                    })
                };
                let found = automatic(self.world, self.subject, kind, variable, only_type);
                let new: Vec<Source> = found.into_iter().filter(|source| !read(source)).collect();
                sources.extend(new);
                sources.extend(last);
            }
            // One member never fills two variables, unless it holds an ARN, which has both.
            sources.retain(|source| match source {
                Source::Path { path, .. } => {
                    path.ends_with("arn") || path.ends_with("arns") || !used.contains(source)
                }
                _ => true,
            });
            let mut seen = Vec::new();
            sources.retain(|source| {
                let new = !seen.contains(source);
                seen.push(source.clone());
                new
            });
            used.extend(sources.iter().cloned());
            all.push(sources);
        }
        Ok(all)
    }

    /// Marks the ids that a server makes and that the call can not name: beside a part that it
    /// does name, or where it has a name instead.
    fn leave_to_server(&self, kind: &str, template: &str, fills: &mut [Vec<Source>]) {
        let some_known = filled_variables(template)
            .zip(&*fills)
            .any(|(variable, sources)| variable != "Account" && !sources.is_empty());
        let names: Vec<&str> = filled_variables(template).collect();
        for (variable, sources) in names.into_iter().zip(fills) {
            let is_id = is_id(&normal(variable)) || variable == "Revision";
            let beside = some_known && is_id && !self.world.creates(self.subject.name);
            if variable != "Account"
                && sources.is_empty()
                && (beside || is_server_made(self.subject, kind, variable))
            {
                sources.push(Source::Server);
            }
        }
    }

    fn own_template(
        &self,
        file: &Named,
        rule: &GrantRule,
        template: &str,
    ) -> Result<TypePlan, CompileError> {
        let mut fills = Vec::new();
        for variable in variables_of(template) {
            let mut sources = Vec::new();
            let texts = rule.fill.get("*").and_then(|fill| fill.get(variable));
            for text in texts.into_iter().flatten() {
                sources.extend(written(file, self.subject, text)?);
            }
            if variable == "Account" || !is_ambient(variable) {
                fills.push(sources);
            }
        }
        Ok(TypePlan {
            name: "rule".to_owned(),
            required: true,
            made: 0,
            guard: String::new(),
            templates: vec![(template.to_owned(), fills)],
        })
    }
}

/// Returns whether a call is called like one that changes nothing.
fn reads(name: &str) -> bool {
    let verbs = ["List", "Describe", "Search", "Get", "BatchGet"];
    verbs.iter().any(|verb| begins_with_word(name, verb))
}

/// Returns the types whose names say something in an operation's: `ri` stands in any description.
fn telling(types: &[(String, bool)]) -> Vec<(String, bool)> {
    types.iter().filter(|(name, _)| name.len() > 3).cloned().collect()
}

/// Returns a template of which the call names nothing.
fn unnamed(template: &str, fills: &[Vec<Source>]) -> (String, Vec<Vec<Source>>) {
    (template.to_owned(), vec![Vec::new(); fills.len()])
}

/// Returns whether a call is on all of a type: a listing without a word for one of them.
fn is_collection(subject: Subject<'_>, templates: &[(String, Vec<Vec<Source>>)]) -> bool {
    let lists = ["List", "Describe", "Search"];
    let path = |source: &Source| matches!(source, Source::Path { .. } | Source::Spelled { .. });
    lists.iter().any(|verb| begins_with_word(subject.name, verb))
        && !templates.iter().flat_map(|(_, fills)| fills).flatten().any(path)
}

/// Returns the variables that have a list of sources, in order.
fn filled_variables(template: &str) -> impl Iterator<Item = &str> {
    variables_of(template)
        .into_iter()
        .filter(|variable| *variable == "Account" || !is_ambient(variable))
}

/// Variables that every call has a value for.
pub(crate) fn is_ambient(variable: &str) -> bool {
    ["Partition", "Region", "Account"].contains(&variable)
}

/// Reads tests such as `versionId`, `!tagSet`, `resourceType = instance`, `key ^= select`.
fn tests(
    file: &Named,
    subject: Subject<'_>,
    texts: &[String],
) -> Result<Vec<(u32, String, String)>, CompileError> {
    let mut tests = Vec::new();
    for text in texts {
        let operators = [
            ("!*=", test::CONTAINS_NOT),
            ("!^=", test::STARTS_NOT),
            ("!$=", test::ENDS_NOT),
            ("!=", test::DIFFERS),
            ("^=", test::STARTS),
            ("$=", test::ENDS),
            ("*=", test::CONTAINS),
            ("=", test::EQUALS),
        ];
        // A path may have a test of its own: `items[kind=Put].name`.
        let (head, rest) = text.split_at(text.rfind(']').map_or(0, |at| at + 1));
        let found = operators.iter().find_map(|(sign, code)| {
            rest.split_once(sign).map(|(path, value)| (*code, path, value))
        });
        let (code, member, value) = match found {
            Some((code, path, value)) => (code, format!("{head}{}", path.trim()), value.trim()),
            None => match text.strip_prefix('!') {
                Some(path) => (test::ABSENT, format!("{}?", path.trim()), ""),
                None => (test::PRESENT, format!("{}?", text.trim()), ""),
            },
        };
        if ["error", "via"].contains(&member.trim_end_matches('?')) {
            tests.push((code, member.trim_end_matches('?').to_owned(), value.to_owned()));
            continue;
        }
        let Some(path) = paths(subject, &member).pop() else {
            return Err(file.error(text, format!("no path in the test `{text}`")));
        };
        let path = if subject.is_ec2() && !member.contains("request.") {
            path.replace(".content", "").replace("?.content", "?")
        } else {
            path
        };
        tests.push((code, path, value.to_owned()));
    }
    Ok(tests)
}

fn lessons(
    world: &World<'_>,
    subject: Subject<'_>,
) -> Result<Vec<(u32, String, String, String)>, CompileError> {
    let mut lessons = Vec::new();
    for file in world.files {
        for rule in &file.rules.lesson {
            if !rule.operation.eq_ignore_ascii_case(&format!("{}:{}", subject.prefix, subject.name))
            {
                continue;
            }
            let kind = match rule.kind.as_str() {
                "instance-profile-role" => 0,
                "iam-arn" => 1,
                "athena-work-group" => 2,
                "ec2-association" => 3,
                other => return Err(file.error(other, format!("no kind of lesson `{other}`"))),
            };
            let path = |member: &str| paths(subject, member).into_iter().next().unwrap_or_default();
            lessons.push((kind, path(&rule.key), rule.key_prefix.clone(), path(&rule.value)));
        }
    }
    Ok(lessons)
}

impl Plan {
    /// Returns every path that the plan reads.
    pub(crate) fn paths(&self) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        let mut add = |source: &Source| {
            if let Source::Path { path, .. } | Source::Spelled { path, .. } = source
                && path != "caller"
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
        for grant in &self.grants {
            paths.extend(
                grant
                    .tests
                    .iter()
                    .map(|(_, path, _)| path.clone())
                    .filter(|path| path.contains('.')),
            );
        }
        let named = self.passes.iter().filter(|pass| pass.path != ANY_ARN);
        paths.extend(named.map(|pass| pass.path.clone()));
        for (_, key, _, value) in &self.lessons {
            paths.extend([key.clone(), value.clone()]);
        }
        paths
    }
}

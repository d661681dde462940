//! The resource types of a grant: which of an action's count for a call, and how their ARNs are
//! filled.

use crate::CompileError;
use crate::data::{Action, Service};
use crate::fill::{Source, automatic, is_server_made, written};
use crate::names::{is_id, normal};
use crate::plan::{Context, TypePlan};
use crate::rules::{GrantRule, Named, OperationRule};
use crate::world::{Subject, begins_with_word, variables_of};

impl Context<'_, '_> {
    pub(crate) fn types(
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
                        .any(|(variable, sources)| !is_ambient(variable) && !known(sources));
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
                .filter(|_| variable != "Partition");
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
                if variable != "Partition" {
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
            if let Some((origin, text)) = self.world.before(&service.prefix, variable)
                && sources.iter().any(|source| matches!(source, Source::Path { .. }))
            {
                let before = written(origin, self.subject, text)?;
                sources.splice(0..0, before.into_iter().filter_map(Source::before));
            }
            if let Some(rule) = self.world.id_rule(&service.prefix, variable)
                && sources.iter().any(|source| matches!(source, Source::Path { .. }))
            {
                let (of, with) = (rule.of.clone(), rule.with.clone());
                sources.insert(0, Source::Form { of, length: rule.length, with });
            }
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
            .any(|(variable, sources)| !is_ambient(variable) && !sources.is_empty());
        let names: Vec<&str> = filled_variables(template).collect();
        for (variable, sources) in names.into_iter().zip(fills) {
            let is_id = is_id(&normal(variable)) || variable == "Revision";
            let beside = some_known && is_id && !self.world.creates(self.subject.name);
            if !is_ambient(variable)
                && sources.is_empty()
                && (beside || is_server_made(self.subject, kind, variable))
            {
                sources.push(Source::Server);
            }
        }
    }

    pub(crate) fn own_template(
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
            if variable != "Partition" {
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
    variables_of(template).into_iter().filter(|variable| *variable != "Partition")
}

/// Variables that every call has a value for.
pub(crate) fn is_ambient(variable: &str) -> bool {
    ["Partition", "Region", "Account"].contains(&variable)
}

//! Writing everything into one table.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::Xxh3;

use crate::data::{Action, Level, Model, ModelOperation};
use crate::fill::Source;
use crate::layout::{action_flag, kind, source};
use crate::plan::{Plan, TypePlan, plan};
use crate::world::{Subject, World, qualified};
use crate::writer::Writer;
use crate::{CompileError, Input};

/// Takes a text up in a digest, apart from what is next to it.
fn told(digest: &mut Xxh3, text: &str) {
    digest.update(&(text.len() as u64).to_le_bytes());
    digest.update(text.as_bytes());
}

/// Writes the catalog of a world.
pub(crate) fn write(world: &World<'_>, input: &Input) -> Result<Vec<u8>, CompileError> {
    let mut tables = Tables { world, writer: Writer::new(), actions: BTreeMap::new() };
    let events = events(world)?;
    let visible: BTreeSet<String> = events
        .values()
        .filter(|event| event.known)
        .flat_map(|event| &event.variants)
        .flat_map(|(_, plan)| &plan.grants)
        .map(|grant| grant.action.to_ascii_lowercase())
        .collect();
    let (service_index, services) = tables.services(&visible);
    let action_index = {
        let entries: Vec<(String, u32)> =
            tables.actions.iter().map(|(key, at)| (key.clone(), *at)).collect();
        tables.writer.index(&entries)
    };
    let version = tables.version(input);
    let mut observed = Xxh3::new();
    let event_index = tables.events(&events, &mut observed);
    let source_index = tables.sources();
    let (errors, patterns) = tables.errors();
    let skip = world.rules().filter_map(|rules| rules.skip.as_ref());
    let skipped: BTreeSet<String> =
        skip.flat_map(|rule| &rule.keys).map(|key| crate::names::normal(key)).collect();
    skipped.iter().for_each(|key| told(&mut observed, key));
    let skipped = tables.writer.strings(skipped.iter().map(String::as_str));
    let observed = tables.writer.string(&format!("{:032x}", observed.digest128()));
    let via = tables.via();
    let companions = tables.companions();
    let undoing = tables.undoing();
    let pass_role = world.rules().find_map(|rules| rules.pass_role.as_ref());
    let passing_none = pass_role.into_iter().flat_map(|rules| &rules.not_verbs);
    let passing_none = tables.writer.strings(passing_none.map(String::as_str));
    let forms = tables.forms();
    let root = tables.writer.list(vec![
        service_index,
        services,
        action_index,
        version,
        event_index,
        source_index,
        errors,
        patterns,
        skipped,
        via,
        companions,
        forms,
        observed,
        undoing,
        passing_none,
    ]);
    Ok(tables.writer.finish(root))
}

/// An event of one source, with each model's plan and the paths that tell the models apart.
struct Event {
    name: String,
    prefix: String,
    variants: Vec<(BTreeSet<String>, Plan)>,
    /// Whether a model or a rule has it, and not only the reference an action of that name.
    known: bool,
}

/// Returns the sources: label → prefix and models, in the order they are tried.
fn labels<'d>(world: &World<'d>) -> BTreeMap<String, (String, Vec<&'d Model>)> {
    let mut labels: BTreeMap<String, (String, Vec<&Model>)> = BTreeMap::new();
    let of_prefix = |prefix: &str| {
        let mut models: Vec<&Model> = world
            .models
            .values()
            .copied()
            .filter(|model| {
                world.prefix_of.get(model.name.as_str()).is_some_and(|own| own == prefix)
            })
            .collect();
        // The model that is called like the service is its first.
        models.sort_by_key(|model| (model.name != prefix, model.name.clone()));
        models
    };
    for prefix in world.services.keys() {
        labels.insert((*prefix).to_owned(), ((*prefix).to_owned(), of_prefix(prefix)));
    }
    for model in world.models.values() {
        let Some(prefix) = world.prefix_of.get(model.name.as_str()) else { continue };
        for label in [&model.signing, &model.endpoint] {
            let entry =
                labels.entry(label.clone()).or_insert_with(|| (prefix.clone(), of_prefix(prefix)));
            if !entry.1.iter().any(|known| known.name == model.name) {
                entry.1.push(model);
            }
        }
    }
    for rule in world.rules().flat_map(|rules| &rules.source) {
        let models: Vec<&Model> = if rule.models.is_empty() {
            of_prefix(&rule.prefix)
        } else {
            rule.models.iter().filter_map(|name| world.models.get(name.as_str()).copied()).collect()
        };
        for label in &rule.events {
            // The rule says which come first; what else is signed for the source follows.
            let signed = labels.get(label).map(|(_, models)| models.as_slice()).unwrap_or_default();
            let others = signed.iter().copied().filter(|model| {
                [&model.signing, &model.endpoint].contains(&label)
                    && !models.iter().any(|known| known.name == model.name)
            });
            let models = models.iter().copied().chain(others).collect();
            labels.insert(label.clone(), (rule.prefix.clone(), models));
        }
    }
    labels
}

fn events(world: &World<'_>) -> Result<BTreeMap<String, Event>, CompileError> {
    let mut events = BTreeMap::new();
    let mut plans: BTreeMap<(&str, &str), Plan> = BTreeMap::new();
    for (label, (prefix, models)) in labels(world) {
        let mut names: BTreeMap<String, Vec<(&Model, &ModelOperation)>> = BTreeMap::new();
        for model in models {
            for operation in &model.operations {
                names
                    .entry(operation.name.to_ascii_lowercase())
                    .or_default()
                    .push((model, operation));
            }
        }
        for (lower, candidates) in &names {
            let mut variants = Vec::new();
            for (model, operation) in candidates {
                let key = (model.name.as_str(), operation.name.as_str());
                let known = match plans.entry(key) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(vacant) => {
                        let prefix = world.prefix_of.get(key.0).map_or("", String::as_str);
                        let model = Some((*model, *operation));
                        let subject = Subject { prefix, name: &operation.name, model };
                        vacant.insert(plan(world, subject)?)
                    }
                };
                variants.push((telling(operation, candidates), known.clone()));
            }
            // A model whose action does not exist says less than one whose does.
            if variants.iter().any(|(_, plan)| plan.kind != kind::UNVERIFIED) {
                variants.retain(|(_, plan)| plan.kind != kind::UNVERIFIED);
            }
            let name = candidates.first().map(|(_, operation)| operation.name.clone());
            let name = name.unwrap_or_default();
            let event = Event { name, prefix: prefix.clone(), variants, known: true };
            events.insert(format!("{label}:{lower}"), event);
        }
        // Names that no model has: what rules know, and what the reference has as actions.
        let Some((prefix, service)) = world.services.get_key_value(prefix.as_str()) else {
            continue;
        };
        let ruled = world
            .rules()
            .filter(|rules| rules.service.as_deref() == Some(*prefix))
            .flat_map(|rules| rules.operation.iter().flat_map(|rule| &rule.names))
            .map(|name| (name.as_str(), true));
        let actions = service.actions.iter().map(|action| (action.name.as_str(), false));
        for (name, known) in ruled.chain(actions) {
            let key = format!("{label}:{}", name.to_ascii_lowercase());
            if events.contains_key(&key) {
                continue;
            }
            let subject = Subject { prefix, name, model: None };
            let variants = vec![(BTreeSet::new(), plan(world, subject)?)];
            let event =
                Event { name: name.to_owned(), prefix: (*prefix).to_owned(), variants, known };
            events.insert(key, event);
        }
    }
    Ok(events)
}

/// Returns the presence paths of members that only this one of several operations has.
fn telling(own: &ModelOperation, candidates: &[(&Model, &ModelOperation)]) -> BTreeSet<String> {
    if candidates.len() < 2 {
        return BTreeSet::new();
    }
    let top = |operation: &ModelOperation| -> BTreeSet<String> {
        operation
            .input
            .iter()
            .filter(|path| !path.contains('.'))
            .map(|path| crate::names::normal(path))
            .collect()
    };
    let others: BTreeSet<String> = candidates
        .iter()
        .filter(|(_, operation)| !std::ptr::eq(*operation, own))
        .flat_map(|(_, operation)| top(operation))
        .collect();
    top(own).difference(&others).map(|member| format!("request.{member}?")).collect()
}

struct Tables<'w, 'd> {
    world: &'w World<'d>,
    writer: Writer,
    /// Node of each action by lower-case id.
    actions: BTreeMap<String, u32>,
}

impl Tables<'_, '_> {
    fn services(&mut self, visible: &BTreeSet<String>) -> (u32, u32) {
        let mut entries = Vec::new();
        for service in self.world.services.values() {
            let mut types = BTreeMap::new();
            for kind in &service.types {
                let name = self.writer.string(&kind.name);
                let templates = self.writer.strings(kind.arns.iter().map(String::as_str));
                types.insert(kind.name.as_str(), self.writer.list(vec![name, templates]));
            }
            let mut actions = Vec::new();
            for action in &service.actions {
                let id = format!("{}:{}", service.prefix, action.name);
                let node = self.action(&id, action, &types, visible);
                self.actions.insert(id.to_ascii_lowercase(), node);
                actions.push(node);
            }
            let prefix = self.writer.string(&service.prefix);
            let name = self.writer.string(&service.name);
            let actions = self.writer.list(actions);
            let types = self.writer.list(types.into_values().collect());
            let node = self.writer.list(vec![prefix, name, actions, types]);
            entries.push((service.prefix.clone(), node));
        }
        let list = self.writer.list(entries.iter().map(|(_, node)| *node).collect());
        (self.writer.index(&entries), list)
    }

    fn action(
        &mut self,
        id: &str,
        action: &Action,
        types: &BTreeMap<&str, u32>,
        visible: &BTreeSet<String>,
    ) -> u32 {
        let uses: Vec<u32> = action
            .types
            .iter()
            .filter_map(|(name, required)| Some((*types.get(name.as_str())?, *required)))
            .map(|(kind, required)| self.writer.list(vec![kind, u32::from(required)]))
            .collect();
        let level = match action.level {
            Level::List => 0,
            Level::Read => 1,
            Level::Tagging => 2,
            Level::Write => 3,
            Level::PermissionsManagement => 4,
        };
        let (sight, detail) = self.visibility(id, action, visible);
        let items = vec![
            self.writer.string(&id.to_ascii_lowercase()),
            self.writer.string(id),
            level,
            self.writer.list(uses),
            self.writer.strings(action.condition_keys.iter().map(String::as_str)),
            self.writer.strings(action.dependents.iter().map(String::as_str)),
            sight,
            self.writer.string(&detail),
            self.flags(id, action),
        ];
        self.writer.list(items)
    }

    fn flags(&self, id: &str, action: &Action) -> u32 {
        let prefix = id.split(':').next().unwrap_or_default();
        let unbounded = action.types.iter().any(|(kind, _)| self.world.is_unbounded(prefix, kind));
        let flags = [(action.untold, action_flag::UNTOLD), (unbounded, action_flag::UNBOUNDED)];
        flags.into_iter().filter_map(|(holds, flag)| holds.then_some(flag)).sum()
    }

    /// Returns the number and the detail of an action's visibility, by the first rule that fits.
    fn visibility(&self, id: &str, action: &Action, visible: &BTreeSet<String>) -> (u32, String) {
        for rules in self.world.rules() {
            for rule in &rules.visibility {
                let fits = rule.actions.iter().any(|pattern| {
                    let pattern = qualified(rules.service.as_deref(), pattern);
                    glob(&pattern.to_ascii_lowercase(), &id.to_ascii_lowercase())
                });
                if !fits {
                    continue;
                }
                if let Some(data) = &rule.data {
                    return (2, data.clone());
                }
                if let Some(through) = &rule.through {
                    return (3, through.clone());
                }
                let number = match (rule.never, rule.unknown) {
                    (true, _) => 4,
                    (false, true) => 0,
                    (false, false) => 1,
                };
                return (number, String::new());
            }
        }
        // The reference says of some that they are no operations: then no event has that name.
        if !action.permission_only && visible.contains(&id.to_ascii_lowercase()) {
            return (1, String::new());
        }
        (0, String::new())
    }

    fn version(&mut self, input: &Input) -> u32 {
        let packages: Vec<u32> = input
            .packages
            .iter()
            .map(|(name, version, hash)| {
                self.writer.strings([name.as_str(), version.as_str(), hash.as_str()])
            })
            .collect();
        let digest = self.writer.string(&input.digest);
        let packages = self.writer.list(packages);
        self.writer.list(vec![digest, packages])
    }

    /// Writes the events, and tells the digest what of them observing depends on.
    fn events(&mut self, events: &BTreeMap<String, Event>, observed: &mut Xxh3) -> u32 {
        let mut entries = Vec::new();
        for (key, event) in events {
            let mut paths = BTreeSet::new();
            let mut written = Vec::new();
            for (telling, plan) in &event.variants {
                paths.extend(plan.paths());
                written.push((telling, self.plan(plan)));
            }
            let first = written.first().map_or(0, |(_, node)| *node);
            let plan = if written.iter().all(|(_, node)| *node == first) {
                first
            } else {
                let mut variants = Vec::new();
                for (telling, node) in &written {
                    paths.extend(telling.iter().cloned());
                    let telling = self.writer.strings(telling.iter().map(String::as_str));
                    variants.push(self.writer.list(vec![telling, *node]));
                }
                let variants = self.writer.list(variants);
                let head = event.variants.first().map(|(_, plan)| plan);
                let prefix = self.writer.string(&event.prefix);
                self.writer.list(vec![
                    head.map_or(0, |plan| plan.kind),
                    head.map_or(0, |plan| plan.confidence),
                    prefix,
                    0,
                    0,
                    0,
                    variants,
                ])
            };
            let scan = event.variants.iter().any(|(_, plan)| {
                !plan.passes.is_empty() || plan.grants.iter().any(|grant| !grant.types.is_empty())
            });
            let teaches = event.variants.iter().any(|(_, plan)| !plan.lessons.is_empty());
            // Else it is observed as an event that nobody knows.
            if scan || teaches || !paths.is_empty() {
                let flags = format!("{}{}", u8::from(scan), u8::from(teaches));
                let texts = [key.as_str(), event.name.as_str(), flags.as_str()];
                let paths = paths.iter().map(String::as_str);
                texts.into_iter().chain(paths).for_each(|text| told(observed, text));
            }
            let items = vec![
                self.writer.string(key),
                plan,
                self.writer.strings(paths.iter().map(String::as_str)),
                u32::from(scan),
                self.writer.string(&event.name),
            ];
            entries.push((key.clone(), self.writer.list(items)));
        }
        self.writer.index(&entries)
    }

    fn plan(&mut self, plan: &Plan) -> u32 {
        let mut grants = Vec::new();
        for grant in &plan.grants {
            let types: Vec<u32> = grant.types.iter().map(|kind| self.type_plan(kind)).collect();
            let mut conditions = Vec::new();
            for (operator, key, source) in &grant.conditions {
                let items = vec![
                    self.writer.string(operator),
                    self.writer.string(key),
                    self.source(source),
                ];
                conditions.push(self.writer.list(items));
            }
            let action = self.actions.get(&grant.action.to_ascii_lowercase()).copied().unwrap_or(0);
            let items = vec![
                action,
                self.tests(&grant.tests),
                self.writer.list(types),
                grant.flags,
                self.writer.list(conditions),
                self.writer.string(&grant.reason),
            ];
            grants.push(self.writer.list(items));
        }
        let mut passes = Vec::new();
        for pass in &plan.passes {
            let items = vec![
                self.writer.string(&pass.path),
                self.writer.strings(pass.to.iter().map(String::as_str)),
                pass.flags,
                self.tests(&pass.tests),
            ];
            passes.push(self.writer.list(items));
        }
        let mut lessons = Vec::new();
        for lesson in &plan.lessons {
            let items = vec![
                lesson.kind,
                self.writer.string(&lesson.key),
                self.writer.string(&lesson.key_prefix),
                self.writer.string(&lesson.value),
                self.writer.string(&lesson.part),
            ];
            lessons.push(self.writer.list(items));
        }
        let items = vec![
            plan.kind,
            plan.confidence,
            self.writer.string(&plan.prefix),
            self.writer.list(grants),
            self.writer.list(passes),
            self.writer.list(lessons),
            0,
        ];
        self.writer.list(items)
    }

    fn tests(&mut self, tests: &[(u32, String, String)]) -> u32 {
        let mut written = Vec::new();
        for (code, path, value) in tests {
            let items = vec![*code, self.writer.string(path), self.writer.string(value)];
            written.push(self.writer.list(items));
        }
        self.writer.list(written)
    }

    fn type_plan(&mut self, kind: &TypePlan) -> u32 {
        let mut templates = Vec::new();
        for (template, fills) in &kind.templates {
            let mut lists = Vec::new();
            for sources in fills {
                let sources: Vec<u32> = sources.iter().map(|source| self.source(source)).collect();
                lists.push(self.writer.list(sources));
            }
            let items = vec![self.writer.string(template), self.writer.list(lists)];
            templates.push(self.writer.list(items));
        }
        let name = self.writer.string(&kind.name);
        let texts: Vec<&str> = kind.templates.iter().map(|(text, _)| text.as_str()).collect();
        let texts = self.writer.strings(texts);
        let items = vec![
            self.writer.list(vec![name, texts]),
            u32::from(kind.required),
            kind.made,
            self.writer.string(&kind.guard),
            self.writer.list(templates),
        ];
        self.writer.list(items)
    }

    fn source(&mut self, source: &Source) -> u32 {
        let items = match source {
            Source::Path { transform, path, also } => {
                let code = if *also { source::ALSO } else { source::PATH };
                vec![code, *transform, self.writer.string(path)]
            }
            Source::Spelled { path, words } => {
                vec![source::PATH, 0, self.writer.string(path), self.writer.string(words)]
            }
            Source::Before { transform, path } => {
                vec![source::BEFORE, *transform, self.writer.string(path)]
            }
            Source::Form { of, length: [shortest, longest], with } => {
                let (of, with) = (self.writer.string(of), self.writer.string(with));
                vec![source::FORM, 0, of, *shortest, *longest, with]
            }
            Source::Constant(text) => vec![source::CONSTANT, 0, self.writer.string(text)],
            Source::Server => vec![source::SERVER, 0, 0],
        };
        self.writer.list(items)
    }

    fn sources(&mut self) -> u32 {
        let rules = self.world.rules().flat_map(|rules| &rules.source);
        let shared: BTreeSet<&String> =
            rules.filter(|rule| rule.shared).flat_map(|rule| &rule.events).collect();
        let mut entries = Vec::new();
        for (label, (prefix, _)) in labels(self.world) {
            let items = vec![
                self.writer.string(&label),
                self.writer.string(&prefix),
                u32::from(shared.contains(&label)),
            ];
            entries.push((label, self.writer.list(items)));
        }
        self.writer.index(&entries)
    }

    fn errors(&mut self) -> (u32, u32) {
        let mut exact = BTreeMap::new();
        let mut patterns = Vec::new();
        let classes =
            ["denied", "dependency-denied", "granted", "granted-with-error", "not-evaluated"];
        for rule in self.world.rules().flat_map(|rules| &rules.error) {
            let class = classes.iter().position(|known| *known == rule.class);
            let class = class.and_then(|class| u32::try_from(class).ok()).unwrap_or(5);
            for code in &rule.codes {
                let code = code.to_ascii_lowercase();
                let key = match &rule.source {
                    Some(source) => format!("{source}:{code}"),
                    None => code,
                };
                let node = vec![self.writer.string(&key), class];
                let node = self.writer.list(node);
                if key.contains('*') {
                    patterns.push(node);
                } else {
                    exact.entry(key).or_insert(node);
                }
            }
        }
        let entries: Vec<(String, u32)> = exact.into_iter().collect();
        (self.writer.index(&entries), self.writer.list(patterns))
    }

    fn via(&mut self) -> u32 {
        let mut entries = BTreeMap::new();
        for rule in self.world.rules().flat_map(|rules| &rules.via) {
            for service in &rule.services {
                let items = vec![
                    self.writer.string(service),
                    u32::from(rule.called_via),
                    u32::from(rule.kms_via),
                ];
                entries.entry(service.clone()).or_insert_with(|| self.writer.list(items));
            }
        }
        let entries: Vec<(String, u32)> = entries.into_iter().collect();
        self.writer.index(&entries)
    }

    fn forms(&mut self) -> u32 {
        let mut entries = BTreeMap::new();
        for rule in self.world.rules().flat_map(|rules| &rules.form) {
            let begins: Vec<String> =
                rule.begins.iter().map(|text| text.to_ascii_lowercase()).collect();
            let items = vec![
                self.writer.string(&rule.name),
                self.writer.strings(begins.iter().map(String::as_str)),
                rule.labels,
                rule.longest,
            ];
            entries.insert(rule.name.clone(), self.writer.list(items));
        }
        let entries: Vec<(String, u32)> = entries.into_iter().collect();
        self.writer.index(&entries)
    }

    fn companions(&mut self) -> u32 {
        let mut list = Vec::new();
        for rules in self.world.rules() {
            for rule in &rules.companion {
                let ids = |names: &[String]| -> Vec<String> {
                    let canonical = |name: &String| {
                        let id = qualified(rules.service.as_deref(), name);
                        let (service, action) = self.world.action(&id)?;
                        Some(format!("{}:{}", service.prefix, action.name))
                    };
                    names.iter().filter_map(canonical).collect()
                };
                let (with, actions) = (ids(&rule.with), ids(&rule.actions));
                let items = vec![
                    self.writer.strings(with.iter().map(String::as_str)),
                    self.writer.strings(actions.iter().map(String::as_str)),
                    self.writer.string(&rule.reason),
                    self.writer.strings(rule.events.iter().map(String::as_str)),
                    self.writer.string(rule.passed_to.as_deref().unwrap_or_default()),
                    self.writer.string(rule.on.as_deref().unwrap_or_default()),
                    self.writer.string(rule.via.as_deref().unwrap_or_default()),
                    self.writer.string(rule.resource.as_deref().unwrap_or_default()),
                    u32::from(rule.untold),
                ];
                list.push(self.writer.list(items));
            }
        }
        self.writer.list(list)
    }

    fn undoing(&mut self) -> u32 {
        let mut list = Vec::new();
        for rule in self.world.rules().flat_map(|rules| &rules.undoing) {
            let items = vec![
                self.writer.string(&rule.via),
                self.writer.strings(rule.verbs.iter().map(String::as_str)),
                self.writer.strings(rule.also.iter().map(String::as_str)),
                self.writer.string(&rule.reason),
                self.writer.strings(rule.words.iter().map(String::as_str)),
            ];
            list.push(self.writer.list(items));
        }
        self.writer.list(list)
    }
}

/// Returns whether a pattern of literals and `*` matches a text.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|head| text.strip_prefix(head)) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

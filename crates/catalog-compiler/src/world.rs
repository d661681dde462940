//! Facts and rules, looked up by name.

use std::collections::{BTreeMap, BTreeSet};

use crate::CompileError;
use crate::data::{Action, Model, ModelOperation, ResourceType, Service};
use crate::layout::FORMS;
use crate::names::normal;
use crate::rules::{
    DependentRule, IdRule, Named, OperationRule, RuleFile, UndoingRule, WheneverRule,
};

/// Everything the compiler knows.
pub(crate) struct World<'d> {
    pub(crate) services: BTreeMap<&'d str, &'d Service>,
    pub(crate) actions: BTreeMap<String, (&'d Service, &'d Action)>,
    pub(crate) models: BTreeMap<&'d str, &'d Model>,
    pub(crate) files: &'d [Named],
    /// IAM prefix of each model.
    pub(crate) prefix_of: BTreeMap<&'d str, String>,
}

/// An operation as it is planned: with a model, or known by name only.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'d> {
    pub(crate) prefix: &'d str,
    pub(crate) name: &'d str,
    pub(crate) model: Option<(&'d Model, &'d ModelOperation)>,
}

impl<'d> World<'d> {
    pub(crate) fn new(services: &'d [Service], models: &'d [Model], files: &'d [Named]) -> Self {
        let services: BTreeMap<&str, &Service> =
            services.iter().map(|service| (service.prefix.as_str(), service)).collect();
        let mut actions = BTreeMap::new();
        for service in services.values() {
            for action in &service.actions {
                actions.insert(id(&service.prefix, &action.name), (*service, action));
            }
        }
        let models: BTreeMap<&str, &Model> =
            models.iter().map(|model| (model.name.as_str(), model)).collect();
        let prefix_of = models
            .values()
            .map(|model| {
                let ruled = files
                    .iter()
                    .flat_map(|file| &file.rules.model)
                    .find(|rule| rule.names.contains(&model.name));
                let own = [&model.signing, &model.endpoint, &model.name]
                    .into_iter()
                    .find(|name| services.contains_key(name.as_str()));
                let prefix = ruled.map(|rule| &rule.prefix).or(own).unwrap_or(&model.signing);
                (model.name.as_str(), prefix.clone())
            })
            .collect();
        World { services, actions, models, files, prefix_of }
    }

    pub(crate) fn rules(&self) -> impl Iterator<Item = &'d RuleFile> {
        self.files.iter().map(|file| &file.rules)
    }

    pub(crate) fn action(&self, action: &str) -> Option<(&'d Service, &'d Action)> {
        self.actions.get(&action.to_ascii_lowercase()).copied()
    }

    /// Returns whether an operation's own action is known from a rule.
    pub(crate) fn is_ruled(&self, subject: Subject<'_>) -> bool {
        self.rules()
            .filter(|rules| rules.service.as_deref() == Some(subject.prefix))
            .flat_map(|rules| rules.action.iter().flat_map(|rule| &rule.names))
            .any(|name| name.eq_ignore_ascii_case(subject.name))
    }

    /// Returns the rule for an operation, one for its model before one for the service.
    pub(crate) fn operation_rule(
        &self,
        subject: Subject<'_>,
    ) -> Option<(&'d Named, &'d OperationRule)> {
        let model = subject.model.map(|(model, _)| model.name.as_str());
        let matching = |for_model: bool| {
            self.files
                .iter()
                .filter(|file| file.rules.service.as_deref() == Some(subject.prefix))
                .flat_map(|file| file.rules.operation.iter().map(move |rule| (file, rule)))
                .find(|(_, rule)| {
                    let fits = if for_model {
                        model.is_some_and(|model| rule.models.iter().any(|name| name == model))
                    } else {
                        rule.models.is_empty()
                    };
                    fits && rule.names.iter().any(|name| name.eq_ignore_ascii_case(subject.name))
                })
        };
        matching(true).or_else(|| matching(false))
    }

    /// Returns what the values of a variable consist of, by the service's rules.
    pub(crate) fn id_rule(&self, prefix: &str, variable: &str) -> Option<&'d IdRule> {
        self.rules()
            .filter(|rules| rules.service.as_deref() == Some(prefix))
            .flat_map(|rules| &rules.id)
            .find(|rule| rule.variables.iter().any(|name| name == variable))
    }

    /// Returns the source of what goes before a variable's value, by the service's rules.
    pub(crate) fn before(&self, prefix: &str, variable: &str) -> Option<(&'d Named, &'d str)> {
        let own = self.files.iter().filter(|file| file.rules.service.as_deref() == Some(prefix));
        own.filter_map(|file| Some((file, file.rules.before.get(variable)?.as_str()))).next()
    }

    /// Returns the written sources of a variable of a type, for the whole service.
    pub(crate) fn service_fill(
        &self,
        prefix: &str,
        kind: &str,
        variable: &str,
    ) -> Option<(&'d Named, &'d [String])> {
        let of_kind = |kind: &str| {
            self.files.iter().filter(|file| file.rules.service.as_deref() == Some(prefix)).find_map(
                |file| {
                    let sources = file.rules.fill.get(kind)?.get(variable)?;
                    Some((file, sources.as_slice()))
                },
            )
        };
        of_kind(kind).or_else(|| of_kind("*"))
    }

    /// Returns the rules for whatever operation has a member.
    pub(crate) fn whenever(&self, subject: Subject<'d>) -> Vec<(&'d Named, &'d WheneverRule)> {
        let members = subject.members();
        let stem = |member: &String| member.trim_end_matches('?').trim_end_matches("{}").to_owned();
        self.files
            .iter()
            .filter(|file| file.rules.service.as_deref() == Some(subject.prefix))
            .flat_map(|file| file.rules.whenever.iter().map(move |rule| (file, rule)))
            .filter(|(_, rule)| members.iter().any(|member| stem(member) == normal(&rule.member)))
            .collect()
    }

    /// Returns the rules for an action that the reference lists as needed along with another; those
    /// that name the other come before those for all.
    pub(crate) fn dependent(&self, action: &str, of: &str) -> Vec<(&'d Named, &'d DependentRule)> {
        let about = |of: Option<&str>| {
            self.files
                .iter()
                .flat_map(|file| file.rules.dependent.iter().map(move |rule| (file, rule)))
                .filter(|(_, rule)| rule.actions.iter().any(|name| name == action))
                .filter(|(_, rule)| match of {
                    Some(of) => rule.of.iter().any(|name| name == of),
                    None => rule.of.is_empty() && rule.operations.is_empty(),
                })
                .collect::<Vec<_>>()
        };
        let own = about(Some(of));
        if own.is_empty() { about(None) } else { own }
    }

    /// Returns the rules for what an operation needs though no action of it lists that.
    pub(crate) fn needed(
        &self,
        subject: Subject<'_>,
    ) -> impl Iterator<Item = (&'d Named, &'d DependentRule)> {
        let id = id(subject.prefix, subject.name);
        self.files
            .iter()
            .flat_map(|file| file.rules.dependent.iter().map(move |rule| (file, rule)))
            .filter(move |(_, rule)| {
                rule.operations.iter().any(|name| name.eq_ignore_ascii_case(&id))
            })
    }

    /// Returns what ids of a type begin with, and after `|` what the ids of other types begin with
    /// that begin so too.
    pub(crate) fn guard_text(&self, prefix: &str, kind: &str) -> String {
        let own = self.guard(prefix, kind);
        let rules = self.rules().filter(|rules| rules.service.as_deref() == Some(prefix));
        let longer = rules
            .flat_map(|rules| rules.guard.values())
            .filter(|other| !own.is_empty() && other.as_str() != own && other.starts_with(own));
        longer.fold(own.to_owned(), |text, other| format!("{text}|{other}"))
    }

    pub(crate) fn guard(&self, prefix: &str, kind: &str) -> &'d str {
        self.rules()
            .filter(|rules| rules.service.as_deref() == Some(prefix))
            .find_map(|rules| rules.guard.get(kind))
            .map_or("", String::as_str)
    }

    /// Returns what operations call a type, in normal form: its name, and what rules say.
    pub(crate) fn called(&self, prefix: &str, kind: &str) -> Vec<String> {
        let words = self
            .rules()
            .filter(|rules| rules.service.as_deref() == Some(prefix))
            .filter_map(|rules| rules.called.get(kind))
            .flatten();
        std::iter::once(normal(kind)).chain(words.map(|word| normal(word))).collect()
    }

    /// Returns whether a wildcard in the place of a type's name means everybody's.
    pub(crate) fn is_unbounded(&self, prefix: &str, kind: &str) -> bool {
        let own = self.rules().filter(|rules| rules.service.as_deref() == Some(prefix));
        let unbounded = own.filter_map(|rules| rules.unbounded.as_ref());
        unbounded.flat_map(|rule| &rule.types).any(|one| one == kind)
    }

    pub(crate) fn creates(&self, name: &str) -> bool {
        self.rules()
            .filter_map(|rules| rules.creates.as_ref())
            .flat_map(|creates| &creates.verbs)
            .any(|verb| begins_with_word(name, verb))
    }

    /// Returns whether the server makes the ids of a type up, whatever the call that makes it says.
    pub(crate) fn numbers(&self, prefix: &str, kind: &str) -> bool {
        let id = format!("{prefix}:{kind}");
        let rules = self.rules().filter_map(|rules| rules.creates.as_ref());
        rules.flat_map(|creates| &creates.numbered).any(|numbered| *numbered == id)
    }

    /// Checks that everything the rules name exists.
    pub(crate) fn check(&self) -> Result<(), CompileError> {
        for file in self.files {
            self.check_file(file)?;
            let unknown = file.rules.form.iter().find(|rule| !FORMS.contains(&rule.name.as_str()));
            if let Some(rule) = unknown {
                return Err(
                    file.error(&rule.name, format!("nothing asks for a form `{}`", rule.name))
                );
            }
        }
        Ok(())
    }

    fn check_file(&self, file: &'d Named) -> Result<(), CompileError> {
        let rules = &file.rules;
        let service = match &rules.service {
            Some(prefix) => {
                let found = self.services.get(prefix.as_str()).copied();
                Some(found.ok_or_else(|| file.error(prefix, format!("no service `{prefix}`")))?)
            }
            None => None,
        };
        if rules.reasons().any(|reason| reason.trim().is_empty()) {
            return Err(file.error("reason = \"\"", "a rule without a reason: say why it is so"));
        }
        let fills = rules.fill.iter().chain(rules.operation.iter().flat_map(|rule| &rule.fill));
        for (kind, variables) in fills {
            self.check_fill(file, service, kind, variables)?;
        }
        let unbounded = rules.unbounded.iter().flat_map(|rule| &rule.types);
        for kind in rules.guard.keys().chain(rules.called.keys()).chain(unbounded) {
            self.type_of(file, service, kind)?;
        }
        for rule in &rules.id {
            Self::check_id(file, service, rule)?;
        }
        let mut ruled = BTreeSet::new();
        for rule in &rules.operation {
            for name in &rule.names {
                if !ruled.insert((name.to_ascii_lowercase(), &rule.models)) {
                    return Err(file.error(name, format!("a second rule for `{name}`: unite them")));
                }
            }
            for name in &rule.models {
                if !self.models.contains_key(name.as_str()) {
                    return Err(file.error(name, format!("no model `{name}`")));
                }
            }
            for action in &rule.actions {
                self.check_action(file, service, action)?;
            }
            for grant in rule.grants.iter().chain(&rule.extra) {
                // Without one it is called like the operation, and looked up with that.
                if !grant.action.is_empty() {
                    self.check_action(file, service, &grant.action)?;
                }
            }
        }
        for action in rules.companion.iter().flat_map(|rule| rule.with.iter().chain(&rule.actions))
        {
            self.check_action(file, service, action)?;
        }
        for rule in &rules.undoing {
            self.check_undoing(file, rule)?;
        }
        for rule in &rules.dependent {
            for name in &rule.actions {
                self.check_action(file, service, name)?;
                let lists = |action: &&Action| action.dependents.contains(name);
                let listed = self.actions.values().any(|(_, action)| lists(action));
                if rule.operations.is_empty() && !listed {
                    let problem = format!("no action lists `{name}` as a dependent");
                    return Err(file.error(name, problem));
                }
            }
            self.check_operations(file, &rule.operations)?;
            for of in &rule.of {
                self.check_action(file, service, of)?;
                let listed = self.action(of).is_some_and(|(_, action)| {
                    rule.actions.iter().any(|name| action.dependents.contains(name))
                });
                if !listed {
                    let problem = format!("`{of}` lists none of the rule's actions");
                    return Err(file.error(of, problem));
                }
            }
        }
        for action in rules.visibility.iter().flat_map(|rule| &rule.actions) {
            if !action.contains('*') {
                self.check_action(file, service, action)?;
            }
        }
        for rule in &rules.pass {
            self.check_operations(file, &rule.operations)?;
        }
        for id in rules.creates.iter().flat_map(|creates| &creates.numbered) {
            let (prefix, kind) = id.split_once(':').unwrap_or_default();
            self.type_of(file, self.services.get(prefix).copied(), kind)?;
        }
        for rule in &rules.source {
            if !self.services.contains_key(rule.prefix.as_str()) {
                return Err(file.error(&rule.prefix, format!("no service `{}`", rule.prefix)));
            }
            if let Some(name) =
                rule.models.iter().find(|name| !self.models.contains_key(name.as_str()))
            {
                return Err(file.error(name, format!("no model `{name}`")));
            }
        }
        Ok(())
    }

    /// Checks that some model of the service has each of the operations.
    fn check_operations(&self, file: &Named, names: &[String]) -> Result<(), CompileError> {
        for name in names {
            let (prefix, operation) = name.split_once(':').unwrap_or_default();
            let known = self.models.values().any(|model| {
                self.prefix_of.get(model.name.as_str()).is_some_and(|known| known == prefix)
                    && model.operations.iter().any(|known| known.name == operation)
            });
            if !known {
                return Err(file.error(name, format!("no operation `{name}`")));
            }
        }
        Ok(())
    }

    /// Two verbs must stand for some actions, and two actions must exist.
    fn check_undoing(&self, file: &Named, rule: &UndoingRule) -> Result<(), CompileError> {
        for pair in &rule.verbs {
            let pairs = pair.split_once(' ').is_some_and(|(does, undoes)| {
                self.actions.values().any(|(service, action)| {
                    let rest = action.name.strip_prefix(does);
                    let other = rest.map(|rest| id(&service.prefix, &format!("{undoes}{rest}")));
                    other.is_some_and(|other| self.actions.contains_key(&other))
                })
            });
            if !pairs {
                return Err(file.error(pair, "no two actions of a service differ in these verbs"));
            }
        }
        for pair in &rule.words {
            let known = pair.split_once(' ').is_some_and(|(word, other)| {
                let has = |word: &str| {
                    self.actions.values().any(|(_, action)| action.name.contains(word))
                };
                !word.is_empty() && has(word) && has(other)
            });
            if !known {
                return Err(file.error(pair, "no actions have these two words in their names"));
            }
        }
        for pair in &rule.also {
            for action in pair.split(' ') {
                self.check_action(file, None, action)?;
            }
        }
        Ok(())
    }

    fn check_action(
        &self,
        file: &Named,
        service: Option<&Service>,
        action: &str,
    ) -> Result<(), CompileError> {
        let id = qualified(service.map(|service| service.prefix.as_str()), action);
        if self.actions.contains_key(&id.to_ascii_lowercase()) {
            Ok(())
        } else {
            Err(file.error(action, format!("no action `{id}` in the catalog")))
        }
    }

    fn type_of(
        &self,
        file: &Named,
        service: Option<&'d Service>,
        kind: &str,
    ) -> Result<Option<&'d ResourceType>, CompileError> {
        if kind == "*" {
            return Ok(None);
        }
        let service = service
            .ok_or_else(|| file.error(kind, "a fill needs `service` at the head of its file"))?;
        service.types.iter().find(|known| known.name == kind).map(Some).ok_or_else(|| {
            file.error(kind, format!("no resource type `{kind}` in `{}`", service.prefix))
        })
    }

    fn check_id(
        file: &Named,
        service: Option<&'d Service>,
        rule: &IdRule,
    ) -> Result<(), CompileError> {
        let types = service.into_iter().flat_map(|service| &service.types);
        let known: BTreeSet<&str> =
            types.flat_map(|kind| &kind.arns).flat_map(|arn| variables_of(arn)).collect();
        for variable in &rule.variables {
            if !known.contains(variable.as_str()) {
                let problem = format!("no variable `{variable}` in the ARNs of the file's service");
                return Err(file.error(variable, problem));
            }
        }
        let [shortest, longest] = rule.length;
        if rule.of.is_empty() || shortest == 0 || shortest > longest {
            return Err(file.error(&rule.of, "no value can be such an id"));
        }
        Ok(())
    }

    fn check_fill(
        &self,
        file: &Named,
        service: Option<&'d Service>,
        kind: &str,
        variables: &BTreeMap<String, Vec<String>>,
    ) -> Result<(), CompileError> {
        let Some(found) = self.type_of(file, service, kind)? else { return Ok(()) };
        let known: BTreeSet<&str> = found.arns.iter().flat_map(|arn| variables_of(arn)).collect();
        for variable in variables.keys() {
            if !known.contains(variable.as_str()) {
                let problem = format!("no variable `{variable}` in the ARN of `{kind}`");
                return Err(file.error(variable, problem));
            }
        }
        Ok(())
    }
}

impl<'d> Subject<'d> {
    /// Returns the input members in normal form: path without marks, and whether it is a map or a
    /// structure (its own ending).
    pub(crate) fn members(self) -> Vec<String> {
        let input = self.model.map(|(_, operation)| operation.input.as_slice()).unwrap_or_default();
        input.iter().map(|path| crate::names::normal_path(path.trim_start_matches('!'))).collect()
    }

    /// Returns whether the call names its resource by a member that is for any type, so that the
    /// action's types are alternatives though the reference calls each of them required.
    pub(crate) fn names_any_resource(self) -> bool {
        let any = [
            "resource",
            "resourcearn",
            "resourcearns",
            "resourcename",
            "resourcenames",
            "resourceid",
            "resourceids",
            "resourceidentifier",
            "resourcearnlist",
            "resourceidlist",
        ];
        self.members().iter().any(|member| any.contains(&member.as_str()))
    }

    pub(crate) fn is_ec2(self) -> bool {
        self.prefix == "ec2"
    }
}

/// Returns `prefix:name` for a name that may have its prefix already.
pub(crate) fn qualified(prefix: Option<&str>, action: &str) -> String {
    if action.contains(':') {
        action.to_owned()
    } else {
        format!("{}:{action}", prefix.unwrap_or_default())
    }
}

fn id(prefix: &str, name: &str) -> String {
    format!("{prefix}:{name}").to_ascii_lowercase()
}

/// Returns the variables of an ARN template, in order, without partition and region.
pub(crate) fn variables_of(template: &str) -> Vec<&str> {
    template
        .split("${")
        .skip(1)
        .filter_map(|part| part.split_once('}').map(|(variable, _)| variable))
        .collect()
}

/// Returns whether a CamelCase name begins with a word.
pub(crate) fn begins_with_word(name: &str, word: &str) -> bool {
    name.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

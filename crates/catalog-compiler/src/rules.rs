//! The rule files: what people know beyond the packages.
//!
//! Every file may hold every section; how they are cut (by service, by concern) is for people. The
//! format is explained in the catalog's `rules/README.md`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::CompileError;
use crate::data::{Action, Level, Service};

/// One rule file, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RuleFile {
    /// IAM prefix that unprefixed names in this file belong to.
    pub(crate) service: Option<String>,
    /// What an ARN variable is called in parameters: type → variable → sources.
    pub(crate) fill: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// What ids of a type begin with.
    pub(crate) guard: BTreeMap<String, String>,
    /// What operations call a type whose name in the reference is another.
    pub(crate) called: BTreeMap<String, Vec<String>>,
    /// Types of which a wildcard in the place of the name means everybody's.
    pub(crate) unbounded: Option<UnboundedRule>,
    /// By variable the source of what goes before its value, with a `/` between.
    pub(crate) before: BTreeMap<String, String>,
    pub(crate) source: Vec<SourceRule>,
    pub(crate) model: Vec<ModelRule>,
    pub(crate) action: Vec<ActionRule>,
    pub(crate) operation: Vec<OperationRule>,
    pub(crate) whenever: Vec<WheneverRule>,
    pub(crate) dependent: Vec<DependentRule>,
    pub(crate) error: Vec<ErrorRule>,
    pub(crate) pass_role: Option<PassRoleRules>,
    pub(crate) pass: Vec<PassRule>,
    pub(crate) principal: Vec<PrincipalRule>,
    pub(crate) lesson: Vec<LessonRule>,
    pub(crate) skip: Option<SkipRule>,
    pub(crate) visibility: Vec<VisibilityRule>,
    pub(crate) companion: Vec<CompanionRule>,
    pub(crate) undoing: Vec<UndoingRule>,
    pub(crate) via: Vec<ViaRule>,
    pub(crate) form: Vec<FormRule>,
    pub(crate) id: Vec<IdRule>,
    /// Verbs that make something new.
    pub(crate) creates: Option<CreatesRule>,
}

/// Types whose ARNs say nothing of whose a resource is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnboundedRule {
    pub(crate) types: Vec<String>,
    pub(crate) reason: String,
}

/// What ids consist of, where calls may have names in their place.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IdRule {
    /// Variables of ARNs, of whatever type of the service.
    pub(crate) variables: Vec<String>,
    /// Characters, as in `a-z0-9`.
    pub(crate) of: String,
    /// How many of them, at least and at most.
    pub(crate) length: [u32; 2],
    /// One of these is among them, as in `0-9`.
    #[serde(default)]
    pub(crate) with: String,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceRule {
    pub(crate) events: Vec<String>,
    pub(crate) prefix: String,
    #[serde(default)]
    pub(crate) models: Vec<String>,
    /// Whether events of other services stand under it, too.
    #[serde(default)]
    pub(crate) shared: bool,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelRule {
    pub(crate) names: Vec<String>,
    pub(crate) prefix: String,
    pub(crate) reason: String,
}

/// Actions that AWS documents and that no package has yet.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionRule {
    pub(crate) names: Vec<String>,
    pub(crate) level: Level,
    /// Resource types they take, any of which will do; without, nothing says which.
    pub(crate) types: Option<Vec<String>>,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationRule {
    pub(crate) names: Vec<String>,
    /// Models it is meant for; without, all of the service.
    #[serde(default)]
    pub(crate) models: Vec<String>,
    /// Shorthand for grants without anything else.
    #[serde(default)]
    pub(crate) actions: Vec<String>,
    #[serde(default)]
    pub(crate) grants: Vec<GrantRule>,
    /// Grants beside the one of the event's own name.
    #[serde(default)]
    pub(crate) extra: Vec<GrantRule>,
    #[serde(default)]
    pub(crate) kind: Option<String>,
    /// Fills for every grant of these operations.
    #[serde(default)]
    pub(crate) fill: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Resource types these operations are about, of those that the action takes.
    #[serde(default)]
    pub(crate) only: Vec<String>,
    /// Resource types that must appear though the reference calls them optional.
    #[serde(default)]
    pub(crate) require: Vec<String>,
    /// Whether the action's types are alternatives though the reference calls each required.
    #[serde(default)]
    pub(crate) any_of: bool,
    #[serde(default)]
    pub(crate) heuristic: bool,
    pub(crate) reason: String,
}

/// Grants beside an operation's own, for every operation that has a member.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WheneverRule {
    pub(crate) member: String,
    pub(crate) grants: Vec<GrantRule>,
    pub(crate) reason: String,
}

/// What the reference lists as needed along with other actions, and what no event of its own shows.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DependentRule {
    pub(crate) actions: Vec<String>,
    /// Actions beside which it is meant; without, all that list it.
    pub(crate) of: Vec<String>,
    /// Operations that need them though no action lists them.
    pub(crate) operations: Vec<String>,
    /// What must hold of a call that needs them; without, all that the reference lists need them.
    pub(crate) when: Vec<String>,
    /// Of the dependent's resource types, those that the call is about.
    pub(crate) only: Vec<String>,
    /// Of these, those that it always is about.
    pub(crate) require: Vec<String>,
    pub(crate) fill: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// A template in place of the dependent's resource types, or `*`.
    pub(crate) resource: Option<String>,
    pub(crate) use_resources: Option<bool>,
    pub(crate) use_scan: Option<bool>,
    /// Granted only where the whole resource is told.
    pub(crate) known: bool,
    /// Not granted with the call.
    pub(crate) never: bool,
    pub(crate) reason: String,
}

impl DependentRule {
    /// Returns whether it says on what its actions are.
    pub(crate) fn names_resources(&self) -> bool {
        self.resource.is_some() || !(self.only.is_empty() && self.fill.is_empty())
    }

    /// Returns the grant of one of its actions.
    pub(crate) fn grant(&self, action: &str) -> GrantRule {
        GrantRule {
            action: action.to_owned(),
            when: self.when.clone(),
            only: self.only.clone(),
            require: self.require.clone(),
            fill: self.fill.clone(),
            resource: self.resource.clone(),
            use_resources: self.use_resources,
            use_scan: self.use_scan,
            known: self.known,
            // What only some calls need is nothing that a call proves.
            inferred: !(self.of.is_empty() && self.operations.is_empty()),
            reason: Some(self.reason.clone()),
            ..GrantRule::default()
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct GrantRule {
    /// Without, the one that is called like the operation.
    pub(crate) action: String,
    pub(crate) when: Vec<String>,
    pub(crate) only: Vec<String>,
    pub(crate) require: Vec<String>,
    pub(crate) fill: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// A template of its own in place of the action's resource types.
    pub(crate) resource: Option<String>,
    pub(crate) use_resources: Option<bool>,
    pub(crate) use_scan: Option<bool>,
    /// Granted only where the whole resource is told: facts of other events may not be there.
    pub(crate) known: bool,
    pub(crate) inferred: bool,
    /// `[operator, key, source]`.
    pub(crate) conditions: Vec<(String, String, String)>,
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ErrorRule {
    pub(crate) class: String,
    pub(crate) codes: Vec<String>,
    #[serde(default)]
    pub(crate) source: Option<String>,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassRoleRules {
    /// How the name of a member ends that holds a role.
    pub(crate) endings: Vec<String>,
    /// How operations begin that pass nothing.
    pub(crate) not_verbs: Vec<String>,
    /// Services whose roles are not passed.
    pub(crate) not_services: Vec<String>,
    /// Members whose role is assumed or looked at, not passed.
    pub(crate) not_members: Vec<String>,
    /// Operations whose members mean something else.
    #[serde(default)]
    pub(crate) not_operations: Vec<String>,
    /// How the name of a member ends that holds an instance profile.
    #[serde(default)]
    pub(crate) profiles: Vec<String>,
    /// Who takes the role inside an instance profile, whatever the service.
    #[serde(default)]
    pub(crate) profiles_to: Option<String>,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassRule {
    pub(crate) operations: Vec<String>,
    /// Where the role stands; nowhere where the call passes one that it does not name.
    pub(crate) members: Vec<String>,
    /// What must hold of a call that passes them.
    #[serde(default)]
    pub(crate) when: Vec<String>,
    /// Whether the members hold an instance profile, and the role is the one inside it.
    #[serde(default)]
    pub(crate) profile: bool,
    /// Which role it is of those that a task definition was registered with, if the members hold one.
    #[serde(default)]
    pub(crate) definition: Option<DefinitionRole>,
    /// Whether nothing is passed where the trail does not show the definition's registration.
    #[serde(default)]
    pub(crate) known: bool,
    /// Whether the members hold texts (YAML, JSON) in which roles stand.
    #[serde(default)]
    pub(crate) text: bool,
    #[serde(default)]
    pub(crate) to: Option<Takers>,
    pub(crate) reason: String,
}

/// A role of an ECS task definition.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DefinitionRole {
    TaskRole,
    ExecutionRole,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrincipalRule {
    pub(crate) services: Vec<String>,
    /// How a member ends that this is meant for; without, all of the service.
    #[serde(default)]
    pub(crate) members: Vec<String>,
    #[serde(default)]
    pub(crate) operations: Vec<String>,
    pub(crate) to: Takers,
    pub(crate) reason: String,
}

/// Who takes a role: one principal; several, any of which it may be, where documents differ; or an
/// empty text, which is not certain, so no condition.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Takers {
    One(String),
    Several(Vec<String>),
}

impl Takers {
    /// Returns the principals, with the service's prefix where a rule leaves room for it.
    pub(crate) fn of(&self, prefix: &str) -> Vec<String> {
        let takers = match self {
            Takers::One(one) => std::slice::from_ref(one),
            Takers::Several(several) => several,
        };
        let named = takers.iter().filter(|taker| !taker.is_empty());
        named.map(|taker| taker.replace("@service", prefix)).collect()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LessonRule {
    pub(crate) operation: String,
    pub(crate) kind: String,
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) key_prefix: String,
    #[serde(default)]
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) part: String,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SkipRule {
    pub(crate) keys: Vec<String>,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VisibilityRule {
    pub(crate) actions: Vec<String>,
    /// `AWS::S3::Object`.
    #[serde(default)]
    pub(crate) data: Option<String>,
    /// The call it shows through.
    #[serde(default)]
    pub(crate) through: Option<String>,
    #[serde(default)]
    pub(crate) never: bool,
    /// Whether no document says what shows it, though an operation is called like it.
    #[serde(default)]
    pub(crate) unknown: bool,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CompanionRule {
    /// Actions whose use speaks for the companions.
    pub(crate) with: Vec<String>,
    /// The events (`source name`) in which that use must have shown; any, where there are none.
    #[serde(default)]
    pub(crate) events: Vec<String>,
    /// What the resource of that use must hold; any, where this is missing.
    #[serde(default)]
    pub(crate) on: Option<String>,
    /// The service that must have made that call with its caller's credentials (`invokedBy`).
    #[serde(default)]
    pub(crate) via: Option<String>,
    pub(crate) actions: Vec<String>,
    /// What the companions are needed on, with `{partition}`, `{region}` and `{account}` of what was used.
    #[serde(default)]
    pub(crate) resource: Option<String>,
    /// The service that a role would be passed to: what was seen of other passes tells nothing of it.
    #[serde(default)]
    pub(crate) passed_to: Option<String>,
    /// Whether the calls that it goes with do not tell of it, so that what was seen of it elsewhere tells
    /// nothing of these.
    #[serde(default)]
    pub(crate) untold: bool,
    pub(crate) reason: String,
}

/// How a service takes back what it did with its caller's credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UndoingRule {
    /// The service (`invokedBy`).
    pub(crate) via: String,
    /// Two verbs each: actions of a service that begin with the first are undone by those with the second.
    pub(crate) verbs: Vec<String>,
    /// Two words each, of which the first may become the second behind the verb.
    #[serde(default)]
    pub(crate) words: Vec<String>,
    /// Two actions each, where they differ in more.
    #[serde(default)]
    pub(crate) also: Vec<String>,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ViaRule {
    pub(crate) services: Vec<String>,
    #[serde(default)]
    pub(crate) called_via: bool,
    #[serde(default)]
    pub(crate) kms_via: bool,
    pub(crate) reason: String,
}

/// What values of some kind look like.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormRule {
    pub(crate) name: String,
    /// What such a value begins with, in any letter case.
    #[serde(default)]
    pub(crate) begins: Vec<String>,
    /// How many labels between dots it has at least.
    #[serde(default)]
    pub(crate) labels: u32,
    /// How long its first label is at most.
    #[serde(default)]
    pub(crate) longest: u32,
    pub(crate) reason: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatesRule {
    pub(crate) verbs: Vec<String>,
    /// What the actions are called that a call needs which brings tags, the likeliest first.
    #[serde(default)]
    pub(crate) tagging: Vec<String>,
    /// Verbs beside the others of calls that make something if it is not there.
    #[serde(default)]
    pub(crate) tagging_verbs: Vec<String>,
    /// Operations whose tags need no tagging action: `glue:CreateColumnStatisticsTaskSettings`.
    #[serde(default)]
    pub(crate) tagless: Vec<String>,
    /// Types whose ids the server makes though the call that makes them has a name for them.
    #[serde(default)]
    pub(crate) numbered: Vec<String>,
    /// Words that make a thing of its own out of what is named before them.
    #[serde(default)]
    pub(crate) parts: Vec<String>,
    pub(crate) reason: String,
}

impl RuleFile {
    /// Returns the reason of every rule.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = &str> {
        let single = [
            self.pass_role.as_ref().map(|rule| &rule.reason),
            self.skip.as_ref().map(|rule| &rule.reason),
            self.creates.as_ref().map(|rule| &rule.reason),
            self.unbounded.as_ref().map(|rule| &rule.reason),
        ];
        let sources = self.source.iter().map(|rule| &rule.reason);
        let models = self.model.iter().map(|rule| &rule.reason);
        let actions = self.action.iter().map(|rule| &rule.reason);
        let operations = self.operation.iter().map(|rule| &rule.reason);
        let whenever = self.whenever.iter().map(|rule| &rule.reason);
        let dependents = self.dependent.iter().map(|rule| &rule.reason);
        let errors = self.error.iter().map(|rule| &rule.reason);
        let passes = self.pass.iter().map(|rule| &rule.reason);
        let principals = self.principal.iter().map(|rule| &rule.reason);
        let lessons = self.lesson.iter().map(|rule| &rule.reason);
        let visibility = self.visibility.iter().map(|rule| &rule.reason);
        let companions = self.companion.iter().map(|rule| &rule.reason);
        let companions = companions.chain(self.undoing.iter().map(|rule| &rule.reason));
        let via = self.via.iter().map(|rule| &rule.reason);
        let ids = self.id.iter().map(|rule| &rule.reason);
        let forms = self.form.iter().map(|rule| &rule.reason).chain(ids);
        let of_operations = sources.chain(models).chain(actions).chain(operations).chain(whenever);
        let of_operations = of_operations.chain(dependents);
        let of_roles = passes.chain(principals).chain(lessons);
        let of_sight = errors.chain(visibility).chain(companions).chain(via).chain(forms);
        single
            .into_iter()
            .flatten()
            .chain(of_operations)
            .chain(of_roles)
            .chain(of_sight)
            .map(String::as_str)
    }
}

/// Returns the services with the actions that rules add to them.
///
/// # Errors
/// Fails on one that the packages have by now: then its rule is to go.
pub(crate) fn with_actions(
    services: &[Service],
    files: &[Named],
) -> Result<Vec<Service>, CompileError> {
    let mut services = services.to_vec();
    for file in files.iter().filter(|file| !file.rules.action.is_empty()) {
        let prefix = file.rules.service.as_deref().unwrap_or_default();
        let service = services.iter_mut().find(|service| service.prefix == prefix);
        let service = service.ok_or_else(|| {
            file.error("[[action]]", "an action needs `service` at the head of its file")
        })?;
        for rule in &file.rules.action {
            for kind in rule.types.iter().flatten() {
                if !service.types.iter().any(|known| known.name == *kind) {
                    return Err(file.error(kind, format!("no resource type `{kind}`")));
                }
            }
            for name in &rule.names {
                if service.actions.iter().any(|known| known.name.eq_ignore_ascii_case(name)) {
                    let problem = format!("`{prefix}:{name}` is in the packages: drop its rule");
                    return Err(file.error(name, problem));
                }
                service.actions.push(rule.action(name));
            }
        }
        service.actions.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(services)
}

impl ActionRule {
    fn action(&self, name: &str) -> Action {
        let types = self.types.iter().flatten();
        let only = types.clone().count() == 1;
        Action {
            name: name.to_owned(),
            level: self.level,
            types: types.map(|kind| (kind.clone(), only)).collect(),
            condition_keys: Vec::new(),
            dependents: Vec::new(),
            permission_only: false,
            untold: self.types.is_none(),
        }
    }
}

/// A rule file with its name and text, so that errors can say where.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) rules: RuleFile,
}

impl Named {
    /// Returns what stands for a file where no rule is.
    pub(crate) fn nowhere() -> Named {
        Named { name: "data".into(), text: String::new(), rules: RuleFile::default() }
    }

    pub(crate) fn parse(name: &str, text: &str) -> Result<Named, CompileError> {
        let rules = toml::from_str(text).map_err(|error| CompileError {
            file: name.to_owned(),
            line: error.span().map_or(0, |span| line_of(text, span.start)),
            problem: error.message().replace('\n', " "),
        })?;
        Ok(Named { name: name.to_owned(), text: text.to_owned(), rules })
    }

    /// Returns an error that points at the first line with this word in quotes.
    pub(crate) fn error(&self, word: &str, problem: impl Into<String>) -> CompileError {
        let quoted = format!("\"{word}\"");
        let at = self.text.find(&quoted).or_else(|| self.text.find(word)).unwrap_or(0);
        CompileError {
            file: self.name.clone(),
            line: line_of(&self.text, at),
            problem: problem.into(),
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

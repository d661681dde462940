//! From one call to its grants: the interpreter of plans.
//!
//! For each resource type of an action the sources are tried from the surest to the weakest: the
//! record's `resources[]`, an ARN in a parameter that is called like the type, the variables
//! filled from parameters, any other ARN in the parameters that is of the type. What the call
//! itself made is widened to all of its kind, since the next call makes another.

use std::borrow::Cow;
use std::collections::BTreeSet;

use trailtrim_iam::resource::escape;

use crate::fill::{Filled, Filler, literal, observed};
use crate::table::layout::{ANY_ARN, flag, grant, kind_of, pass, pass_flag, plan, source, test};
use crate::table::{Node, Table};
use crate::template::{captures, weight};
use crate::transform::NO_PATH;
use crate::{
    AccessLevel, ActionFacts, Condition, Confidence, FactKind, Grant, Origin, Request, Resolution,
    Unresolved,
};

/// Resolves a call of an operation by its plan.
pub(crate) fn resolve(
    table: Table,
    (name, node): (&str, Node),
    request: &dyn Request,
) -> Resolution {
    let node = variant(node, request);
    let mut resolver = Resolver {
        request,
        filler: Filler::new(table, request, node.string(plan::PREFIX)),
        confidence: Confidence::from_number(node.number(plan::CONFIDENCE)),
        is_about_tags: name.contains("Tag") || name.starts_with("Untag"),
        grants: Vec::new(),
        unresolved: BTreeSet::new(),
    };
    for grant in node.node(plan::GRANTS).nodes() {
        resolver.grant(grant);
    }
    for pass in node.node(plan::PASSES).nodes() {
        resolver.pass(pass);
    }
    let mut grants = resolver.grants;
    grants.sort_unstable();
    grants.dedup();
    Resolution { grants, unresolved: resolver.unresolved.into_iter().collect() }
}

/// Chooses among the models of one source by the parameters that only one of them has.
fn variant(node: Node, request: &dyn Request) -> Node {
    let variants = node.node(plan::VARIANTS);
    if variants.len() == 0 {
        return node;
    }
    let told = variants
        .nodes()
        .find(|variant| variant.node(0).strings().any(|path| has_value(request, path)));
    told.unwrap_or_else(|| variants.node(0)).node(1)
}

fn has_value(request: &dyn Request, path: &str) -> bool {
    let mut found = false;
    request.values(path, &mut |_| found = true);
    found
}

/// The ARN of a role.
const ROLE: &str = "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}";

struct Resolver<'r> {
    request: &'r dyn Request,
    filler: Filler<'r>,
    confidence: Confidence,
    /// Whether the operation is about the tags of something that its calls name.
    is_about_tags: bool,
    /// In no order, some twice.
    grants: Vec<Grant>,
    unresolved: BTreeSet<Unresolved>,
}

/// A resource as a pattern, and how it was found.
type Resource = (String, Origin);

/// What a resource type came to.
enum Found {
    /// Resources, each as a pattern.
    All(Vec<Resource>),
    /// Some variable is unknown.
    Partly(Vec<Resource>),
    Nothing,
}

impl Resolver<'_> {
    fn grant(&mut self, node: Node) {
        if !node.node(grant::TESTS).nodes().all(|test| self.holds(test)) {
            return;
        }
        let facts = ActionFacts::new(node.node(grant::ACTION));
        let action = facts.id();
        let types: Vec<Node> = node.node(grant::TYPES).nodes().collect();
        let flags = node.number(grant::FLAGS);
        let conditions = self.conditions(node.node(grant::CONDITIONS));
        let confidence =
            if flags & flag::HEURISTIC == 0 { self.confidence } else { Confidence::Heuristic };
        let mut add = |(resource, origin): Resource, anybodys: bool| {
            self.grants.push(Grant {
                action: action.to_owned(),
                resource,
                origin,
                conditions: conditions.clone(),
                confidence,
                inferred: flags & flag::INFERRED != 0,
                anybodys,
            });
        };
        if types.is_empty() {
            let origin = if facts.resource_types_are_known() {
                Origin::RequiresStar
            } else {
                let why = "it is not known yet which resources the action can be limited to";
                Origin::Widened { from: action.to_owned(), why: why.to_owned() }
            };
            return add(("*".to_owned(), origin), false);
        }
        let evidence = Evidence::collect(self.request, &types, flags);
        let found = types.iter().map(|kind| {
            let required = kind.number(kind_of::REQUIRED) != 0;
            (*kind, self.filler.of_type(*kind, &evidence, required))
        });
        let (mut told, mut rest) = (Vec::new(), Vec::new());
        // `listener/app` and `listener/net` are alternatives: one is enough.
        let mut settled = BTreeSet::new();
        for (kind, found) in found {
            match found {
                Found::All(found) => {
                    settled.extend(family(kind));
                    told.extend(found);
                }
                found => rest.push((kind, found)),
            }
        }
        // The reference's lines on tags lag behind what can have some: the call is on what it names.
        if self.is_about_tags {
            let named = evidence.named(action);
            // What a rule made of it is not what the call has.
            let are_as_named = told.iter().all(|one| named.contains(one));
            if !named.is_empty() && are_as_named {
                rest.clear();
                told = named;
            }
        }
        let guesses = match flags & flag::KNOWN != 0 {
            true => Vec::new(),
            false => self.filler.guesses(facts, &types, rest, &settled, told.is_empty()),
        };
        let told = distinct(told).into_iter().map(|one| (one, false));
        let guesses = guesses.into_iter().map(|one| {
            let anybodys = facts.is_unbounded() && is_open(&types, &one.0);
            (one, anybodys)
        });
        told.chain(guesses).for_each(|(one, anybodys)| add(one, anybodys));
    }

    fn holds(&self, node: Node) -> bool {
        let (code, path, wanted) = (node.number(0), node.string(1), node.string(2));
        let wanted = wanted.to_ascii_lowercase();
        let mut values = Vec::new();
        let mut keep = |value: &str| values.push(value.trim().to_ascii_lowercase());
        match path {
            "error" => self.request.error_code().into_iter().for_each(&mut keep),
            "via" => self.request.via().into_iter().for_each(&mut keep),
            path => self.request.values(path, &mut keep),
        }
        let some = |test: &dyn Fn(&String) -> bool| values.iter().any(test);
        match code {
            test::PRESENT => !values.is_empty(),
            test::ABSENT => values.is_empty(),
            test::EQUALS => some(&|value| *value == wanted),
            test::DIFFERS => !some(&|value| *value == wanted),
            test::STARTS => some(&|value| value.starts_with(&wanted)),
            test::STARTS_NOT => !some(&|value| value.starts_with(&wanted)),
            test::ENDS => some(&|value| value.ends_with(&wanted)),
            test::ENDS_NOT => !some(&|value| value.ends_with(&wanted)),
            test::CONTAINS_NOT => !some(&|value| value.contains(&wanted)),
            test::LAST_CONTAINS => some(&|value| last(value).contains(&wanted)),
            test::LAST_CONTAINS_NOT => !some(&|value| last(value).contains(&wanted)),
            test::CONTAINS => some(&|value| value.contains(&wanted)),
            _ => false,
        }
    }

    fn conditions(&self, node: Node) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for condition in node.nodes() {
            let values: BTreeSet<String> = self
                .filler
                .values(condition.node(2), "")
                .into_iter()
                .map(|value| escape(&value.text).text.into_owned() + value.tail)
                .collect();
            if !values.is_empty() {
                conditions.push(Condition {
                    operator: condition.string(0).to_owned(),
                    key: condition.string(1).to_owned(),
                    values: values.into_iter().collect(),
                });
            }
        }
        conditions.sort();
        conditions
    }

    /// A role in the call: who passes it needs `iam:PassRole` on it.
    fn pass(&mut self, node: Node) {
        if !node.node(pass::TESTS).nodes().all(|test| self.holds(test)) {
            return;
        }
        let path = node.string(pass::PATH);
        let flags = node.number(pass::FLAGS);
        let mut values = BTreeSet::new();
        if path == ANY_ARN {
            self.request.arns(&mut |_, arn| {
                values.insert(arn.to_owned());
            });
        } else {
            self.request.values(path, &mut |value| {
                values.insert(value.to_owned());
            });
        }
        let of_definition = match flags & (pass_flag::TASK_ROLE | pass_flag::EXECUTION_ROLE) {
            0 => None,
            pass_flag::TASK_ROLE => Some(FactKind::EcsTaskRole),
            _ => Some(FactKind::EcsExecutionRole),
        };
        let roles: Vec<_> = if flags & pass_flag::TEXT != 0 {
            self.told(path, &values)
        } else if let Some(kind) = of_definition {
            let known = |value: &&String| {
                flags & pass_flag::KNOWN == 0 || self.is_registered(value.as_str())
            };
            let definitions = values.iter().filter(known);
            definitions.filter_map(|value| self.registered(value, kind)).collect()
        } else {
            values.iter().filter_map(|value| self.passed(value, flags)).collect()
        };
        let mut takers: Vec<String> =
            node.node(pass::TAKERS).strings().map(str::to_owned).collect();
        if self.request.partition() == "aws-cn" {
            // In China a service may have the common principal, one of its own, or one of the region.
            let region = self.request.region();
            let chinese = takers.iter().flat_map(|taker| {
                let service = taker.trim_end_matches(".amazonaws.com");
                let regional = format!("{service}.{region}.amazonaws.com");
                [format!("{taker}.cn"), format!("{regional}.cn"), regional]
            });
            takers.extend(chinese.collect::<Vec<_>>());
            takers.sort_unstable();
        }
        let condition = (!takers.is_empty()).then(|| Condition {
            operator: "StringEquals".to_owned(),
            key: "iam:PassedToService".to_owned(),
            values: takers,
        });
        for (resource, origin) in roles {
            self.grants.push(Grant {
                action: "iam:PassRole".to_owned(),
                resource,
                origin,
                conditions: condition.iter().cloned().collect(),
                confidence: Confidence::Rule,
                inferred: true,
                anybodys: false,
            });
        }
    }

    /// Returns the roles that stand in texts. The API asks for one: where none can be read, as in a
    /// text that the log has cut or left out, or the call does not name it, it is any of the account.
    fn told(&self, path: &str, texts: &BTreeSet<String>) -> Vec<(String, Origin)> {
        let found: BTreeSet<&str> = texts.iter().flat_map(|text| roles_in(text)).collect();
        if !found.is_empty() {
            let flags = pass_flag::DOCUMENTED;
            return found.into_iter().filter_map(|role| self.passed(role, flags)).collect();
        }
        let (partition, account) = (self.request.partition(), self.request.account());
        let (from, why) = match path {
            "" => ("iam:PassRole", "the call does not name the role that it passes"),
            path => (path, "the role stands in a text, and none can be read there"),
        };
        let (from, why) = (from.to_owned(), why.to_owned());
        vec![(format!("arn:{partition}:iam::{account}:role/*"), Origin::Widened { from, why })]
    }

    /// Returns what a task definition is registered as: its ARN, which its name and revision tell. Without a
    /// revision it is the newest one.
    fn definition<'d>(&self, named: &'d str) -> Cow<'d, str> {
        if named.starts_with("arn:") || !named.contains(':') {
            return named.into();
        }
        let Self { request, .. } = self;
        let (partition, region, account) =
            (request.partition(), request.region(), request.account());
        format!("arn:{partition}:ecs:{region}:{account}:task-definition/{named}").into()
    }

    /// Tells whether the trail shows with which roles a task definition was registered.
    fn is_registered(&self, definition: &str) -> bool {
        self.request.fact(FactKind::EcsTaskDefinition, &self.definition(definition)).is_some()
    }

    /// Returns a role that a task definition was registered with, if it has one of the kind.
    fn registered(&self, definition: &str, kind: FactKind) -> Option<(String, Origin)> {
        let definition = &*self.definition(definition);
        if !self.is_registered(definition) {
            let (partition, account) = (self.request.partition(), self.request.account());
            let why = "the trail does not show with which roles it was registered".to_owned();
            let origin = Origin::Widened { from: definition.to_owned(), why };
            return Some((format!("arn:{partition}:iam::{account}:role/*"), origin));
        }
        let role = self.request.fact(kind, definition)?;
        Some(self.role_arn(&role, "a role that the task definition was registered with"))
    }

    fn passed(&self, value: &str, flags: u32) -> Option<(String, Origin)> {
        let profile = flags & pass_flag::PROFILE != 0;
        let documented = flags & pass_flag::DOCUMENTED != 0;
        let (partition, account) = (self.request.partition(), self.request.account());
        if let Some(found) = captures(ROLE, value) {
            // IAM passes a role to services of its own account alone ("Granting a user permissions to pass a
            // role"): another account's is assumed, or passed by somebody there.
            let own = found.iter().any(|(name, owner)| *name == "Account" && *owner == account);
            return own.then(|| (escape(value).text.into_owned(), Origin::Observed));
        }
        if profile {
            let known = self.request.fact(FactKind::InstanceProfileRole, value).or_else(|| {
                let name = value.rsplit('/').next()?;
                self.request.fact(FactKind::InstanceProfileRole, name)
            });
            let Some(known) = known else {
                let why = "the role inside the instance profile is not in the trail".to_owned();
                let all = format!("arn:{partition}:iam::{account}:role/*");
                return Some((all, Origin::Widened { from: value.to_owned(), why }));
            };
            return Some(self.role_arn(&known, "the role inside the instance profile"));
        }
        if !documented || value.starts_with("arn:") || value.contains(':') || value.is_empty() {
            return None;
        }
        // With its path it begins with a slash, which its ARN has already.
        let rule = "the role by its name";
        Some(match value.strip_prefix('/') {
            Some(whole) => (self.role_at(whole), Origin::Derived { rule: rule.to_owned() }),
            None => self.role_arn(value, rule),
        })
    }

    /// Returns the ARN of a role, and `rule` as how it was found if its path is known.
    fn role_arn(&self, role: &str, rule: &str) -> (String, Origin) {
        let known = match role.starts_with("arn:") {
            true => Some(role.to_owned()),
            false => self.request.fact(FactKind::IamArn, &format!("role/{role}")),
        };
        match known {
            Some(arn) => {
                (escape(&arn).text.into_owned(), Origin::Derived { rule: rule.to_owned() })
            }
            // Some services take a role's name with its path.
            None if role.contains('/') => {
                (self.role_at(role), Origin::Derived { rule: rule.to_owned() })
            }
            None => (self.role_at(role), Origin::Assumed { why: format!("{rule}; {NO_PATH}") }),
        }
    }

    fn role_at(&self, path: &str) -> String {
        let (partition, account) = (self.request.partition(), self.request.account());
        format!("arn:{partition}:iam::{account}:role/{}", escape(path).text)
    }
}

/// Returns the ARNs of roles that stand in a text.
fn roles_in(text: &str) -> impl Iterator<Item = &str> {
    let is_of_role = |c: char| c.is_ascii_alphanumeric() || ":/+=,.@_-".contains(c);
    let words = text.match_indices("arn:").filter_map(move |(at, _)| {
        let rest = text.get(at..)?;
        let word = rest.split(|c| !is_of_role(c)).next()?;
        // A sentence or a list may go on behind it.
        Some(word.trim_end_matches([',', '.']))
    });
    words.filter(|word| !word.ends_with('/') && captures(ROLE, word).is_some())
}

/// Returns whether a pattern leaves it open what it is on, of types of which one says nothing of whose a thing is: all
/// there is, or a wildcard where a name begins.
fn is_open(types: &[Node], resource: &str) -> bool {
    let templates = || types.iter().flat_map(|kind| kind.node(kind_of::TYPE).node(1).strings());
    let has_owner = |template: &str| template.contains("${Account}");
    if templates().all(has_owner) {
        return false;
    }
    let Some(name) = resource.splitn(6, ':').nth(5) else { return true };
    templates().any(|template| {
        let head = template.splitn(6, ':').nth(5).and_then(|tail| tail.split("${").next());
        let head = head.filter(|head| has_owner(template) || head.is_empty());
        head.and_then(|head| name.strip_prefix(head)).is_some_and(|rest| rest.starts_with('*'))
    })
}

/// Returns the part of a type's name that its alternatives share.
fn family(kind: Node) -> Option<&'static str> {
    kind.node(kind_of::TYPE).string(0).split_once('/').map(|(family, _)| family)
}

/// Returns whether a type's ARN is of the action's own service: Cost Explorer can be limited to a
/// billing view, but a call that names none is not on all of them.
fn is_own(kind: Node, action: &str) -> bool {
    let template = kind.node(kind_of::TYPE).node(1).string(0);
    template.split(':').nth(2) == action.split(':').next()
}

/// Returns whether calls of the operation have a member that names one of a type, so that one which lacks
/// it is on none.
fn is_named(kind: Node) -> bool {
    let made = kind.number(kind_of::MADE) != 0;
    let templates = kind.node(kind_of::FILLS).nodes();
    let lists: Vec<Node> = templates.flat_map(|template| template.node(1).nodes()).collect();
    let told = |list: &Node| {
        list.nodes().any(|source| [source::PATH, source::ALSO].contains(&source.number(0)))
    };
    let by_server = |list: &Node| list.nodes().any(|from| from.number(0) == source::SERVER);
    !made && lists.iter().any(told) && !lists.iter().any(by_server)
}

/// The ARNs that stand in the record.
pub(crate) struct Evidence {
    /// From `resources[]`: ARN, and whether it is only the start of one.
    pub(crate) resources: Vec<(String, bool)>,
    /// From parameters: last key of the path, and ARN.
    pub(crate) parameters: Vec<(String, String)>,
    /// The literal weight of the most particular template that each ARN fits.
    types: Vec<Node>,
}

impl Evidence {
    fn collect(request: &dyn Request, types: &[Node], flags: u32) -> Evidence {
        let mut evidence =
            Evidence { resources: Vec::new(), parameters: Vec::new(), types: types.to_vec() };
        if flags & flag::NO_RESOURCES == 0 {
            request.resources(&mut |resource| {
                evidence.resources.push((resource.arn.to_owned(), resource.is_prefix));
            });
        }
        if flags & flag::NO_SCAN == 0 {
            request.arns(&mut |path, arn| {
                let key = path.rsplit('.').next().unwrap_or(path);
                // Deeper down a bare `arn` is of something else, such as a rule's target.
                let is_top = path.matches('.').count() == 1;
                let key = if is_top { key.to_owned() } else { format!("inner.{key}") };
                evidence.parameters.push((key, arn.to_owned()));
            });
        }
        evidence
    }

    /// Returns the ARNs of an action's own service that stand in members for what a call is on: `resourceArn`.
    fn named(&self, action: &str) -> Vec<Resource> {
        let service = action.split(':').next();
        let own = self.parameters.iter().filter(|(key, arn)| {
            let key = key.to_ascii_lowercase();
            (key.starts_with("resource") || key.ends_with("arn") || key.ends_with("arns"))
                && !key.contains("tagkey")
                && !key.starts_with("inner.")
                && arn.split(':').nth(2) == service
        });
        distinct(own.map(|(_, arn)| observed(arn)).collect())
    }

    /// Returns whether an ARN is of a type, and of no other that says more about it.
    pub(crate) fn is_of(&self, arn: &str, kind: Node) -> bool {
        let templates = |kind: &Node| kind.node(kind_of::TYPE).node(1).strings();
        let fits = |template: &&str| captures(template, arn).is_some();
        let Some(own) = templates(&kind).filter(fits).map(weight).max() else { return false };
        let mut others = self.types.iter().flat_map(templates);
        !others.any(|template| weight(template) > own && fits(&template))
    }
}

/// Puts resources into order, each once.
fn distinct(mut found: Vec<(String, Origin)>) -> Vec<(String, Origin)> {
    found.sort_unstable();
    found.dedup();
    found
}

impl Filler<'_> {
    /// Returns on what an action is of the types that a call does not name in full, perhaps beside what it names.
    fn guesses(
        &self,
        facts: ActionFacts,
        types: &[Node],
        rest: Vec<(Node, Found)>,
        settled: &BTreeSet<&str>,
        nothing_is_told: bool,
    ) -> Vec<Resource> {
        let (mut required, mut partial) = (Vec::new(), None);
        let mut any = !nothing_is_told;
        for (kind, found) in rest {
            let alternative = family(kind).is_some_and(|family| settled.contains(family));
            match found {
                found if kind.number(kind_of::REQUIRED) != 0 && !alternative => {
                    any = true;
                    match found {
                        Found::All(found) | Found::Partly(found) => required.extend(found),
                        Found::Nothing => required.push(self.widest(kind)),
                    }
                }
                Found::All(found) | Found::Partly(found) => {
                    partial.get_or_insert(found);
                }
                Found::Nothing => {}
            }
        }
        if any {
            return required;
        }
        // All types are optional and the call names none of them in full.
        let (action, level) = (facts.id(), facts.access_level());
        match (partial, types) {
            (Some(found), _) => found,
            // A listing is on the whole collection, if the collection is the service's own, and tags are put
            // on what is made. Other calls are on one that they name otherwise, or, where they could have
            // named one, on none.
            (None, [only])
                if is_own(*only, action)
                    && (matches!(level, AccessLevel::List | AccessLevel::Tagging)
                        || !is_named(*only)) =>
            {
                vec![self.widest(*only)]
            }
            (None, _) => {
                let why = "the call names none of the resources that the action can be limited to";
                let origin = Origin::Widened { from: action.to_owned(), why: why.to_owned() };
                vec![("*".to_owned(), origin)]
            }
        }
    }

    fn of_type(&self, kind: Node, evidence: &Evidence, required: bool) -> Found {
        let made = kind.number(kind_of::MADE) == 1;
        if !made {
            let mut named = Vec::new();
            for (arn, is_prefix) in &evidence.resources {
                if *is_prefix {
                    // The start of an object's ARN stands for all objects below it.
                    if evidence.is_of(&format!("{arn}x"), kind) && arn.ends_with('/') {
                        let why = "the record names only how the ARNs begin".to_owned();
                        let from = arn.clone();
                        named.push((format!("{}*", literal(arn)), Origin::Widened { from, why }));
                    }
                } else if evidence.is_of(arn, kind) {
                    named.push(observed(arn));
                }
            }
            if !named.is_empty() {
                return Found::All(distinct(named));
            }
        }
        let name: String = kind
            .node(kind_of::TYPE)
            .string(0)
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        let name = name.to_ascii_lowercase();
        let of_parameters = |strong: bool| {
            let mut found = Vec::new();
            for (key, arn) in &evidence.parameters {
                // What is copied is not what the copy makes.
                if made && key.trim_start_matches("inner.").starts_with("source") {
                    continue;
                }
                let stem = key.strip_suffix("arns").or_else(|| key.strip_suffix("arn"));
                let stem = stem.map(|stem| {
                    stem.strip_prefix("inner.").map_or((stem, true), |stem| (stem, false))
                });
                let speaks = stem.is_some_and(|(stem, is_top)| {
                    stem == name || (is_top && ["", "resource"].contains(&stem))
                });
                if speaks == strong && evidence.is_of(arn, kind) {
                    found.push(observed(arn));
                }
            }
            distinct(found)
        };
        let strong = of_parameters(true);
        if !strong.is_empty() {
            return Found::All(strong);
        }
        let filled = self.fill(kind, required);
        if let Filled::Whole(found) = filled {
            return Found::All(found);
        }
        let weak = of_parameters(false);
        if !weak.is_empty() {
            return Found::All(weak);
        }
        match filled {
            Filled::Whole(found) => Found::All(found),
            Filled::Partly(found) => Found::Partly(found),
            Filled::Nothing => Found::Nothing,
        }
    }
}
/// Returns what follows the last `/` of a value.
fn last(value: &str) -> &str {
    value.rsplit('/').next().unwrap_or(value)
}

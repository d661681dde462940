//! Policy documents, compiled for many questions.

use std::collections::BTreeMap;

use super::{
    Request,
    condition::{self, Bound, Clause},
    context::Context,
    principal::{self, Closeness, Named, Spared},
    truth::Truth,
};
use crate::{
    document::{Effect, PolicyDocument, Selector, Statement, Version},
    glob::{self, Colons, Glob, Lacking},
};

/// Which statement of which document.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatementId {
    /// The document's place among those that were compiled together.
    pub policy: usize,
    /// The statement's place in its document.
    pub statement: usize,
    /// The statement's own id, if it has one.
    pub sid: Option<String>,
}

/// Compiled documents whose statements count together.
///
/// ```
/// use trailtrim_iam::{Action, Outcome, Policies, PolicyDocument, Request, Statement};
/// let document = PolicyDocument::new(vec![Statement::allow(["s3:Get*"], ["arn:aws:s3:::b/*"])]);
/// let policies = Policies::compile([&document]);
/// let request = Request::new(Action::parse("s3:GetObject")?, "arn:aws:s3:::b/key");
/// assert_eq!(policies.decide(&request).outcome, Outcome::Allowed);
/// # Ok::<(), trailtrim_iam::ActionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policies {
    pub(crate) rules: Vec<Rule>,
    /// Context keys in lower case, and as the documents write them.
    spelling: BTreeMap<String, String>,
}

/// How the points are read on which AWS's pages leave room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Reading {
    /// What `*` does with colons.
    pub(crate) colons: Colons,
    /// Whether `{"AWS": "*"}` means everyone, services included.
    pub(crate) star_is_anyone: bool,
    /// Whom a Deny with `NotPrincipal` spares; not known of each where it is not given.
    pub(crate) spared: Option<Spared>,
}

impl Reading {
    /// The reading that AWS's own documentation gives.
    pub(crate) const DOCUMENTED: Self =
        Self { colons: Colons::RunOn, star_is_anyone: true, spared: None };

    /// Returns all readings that may differ; `spares` tells whether there is a `NotPrincipal`.
    pub(crate) fn all(spares: bool) -> impl Iterator<Item = Self> {
        let spared = if spares { Spared::ALL.as_slice() } else { &[Spared::Listed] };
        let anyone = [true, false].into_iter();
        anyone.flat_map(move |star_is_anyone| {
            [Colons::RunOn, Colons::Within].into_iter().flat_map(move |colons| {
                let spared = spared.iter().copied().map(Some);
                spared.map(move |spared| Self { colons, star_is_anyone, spared })
            })
        })
    }
}

/// A compiled statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) id: StatementId,
    pub(crate) effect: Effect,
    /// `None` in identity policies: whoever the policy is attached to.
    pub(crate) principal: Option<Selector<Vec<Named>>>,
    /// Of those that a Deny's `NotPrincipal` lists, whom it spares for certain;
    /// `None` where all are.
    pub(crate) surely_spared: Option<Vec<Named>>,
    pub(crate) action: Selector<Vec<Glob>>,
    /// `None` in trust policies: the role itself.
    pub(crate) resource: Option<Selector<Vec<Glob>>>,
    pub(crate) clauses: Vec<Clause>,
}

impl Policies {
    /// Compiles documents; linear in their size.
    #[must_use]
    pub fn compile<'a>(documents: impl IntoIterator<Item = &'a PolicyDocument>) -> Self {
        Self::compile_as(documents, Reading::DOCUMENTED)
    }

    pub(crate) fn compile_as<'a>(
        documents: impl IntoIterator<Item = &'a PolicyDocument>,
        reading: Reading,
    ) -> Self {
        let mut rules = Vec::new();
        let mut spelling = BTreeMap::new();
        for (policy, document) in documents.into_iter().enumerate() {
            let version = document.effective_version();
            for (index, statement) in document.statements.iter().enumerate() {
                let id = StatementId { policy, statement: index, sid: statement.sid.clone() };
                rules.push(Rule::compile(id, statement, version, reading));
                for key in written_keys(statement) {
                    spelling.entry(key.to_ascii_lowercase()).or_insert_with(|| key.to_owned());
                }
            }
        }
        Self { rules, spelling }
    }

    /// Returns a context key as the documents write it, or as it is given if
    /// they do not name it.
    #[must_use]
    pub fn spelled<'a>(&'a self, key: &'a str) -> &'a str {
        self.spelling.get(&key.to_ascii_lowercase()).map_or(key, String::as_str)
    }

    /// Returns the rules that match, those that may match included.
    pub(crate) fn matching<'a>(
        &'a self,
        question: &'a Question<'a>,
    ) -> impl Iterator<Item = (&'a Rule, Truth)> {
        self.rules
            .iter()
            .map(|rule| (rule, rule.truth(question)))
            .filter(|(_, truth)| *truth != Truth::False)
    }
}

/// A request, prepared for comparing.
pub(crate) struct Question<'a> {
    action: Glob,
    resource: Glob,
    pub(crate) principal: Option<(&'a super::Principal, Glob)>,
    context: Context,
    /// Whether a permissions boundary is set for the principal.
    bounded: bool,
}

impl<'a> Question<'a> {
    pub(crate) fn new(request: &'a Request, bounded: bool) -> Self {
        Self {
            action: glob::literal_action(&request.action.to_string()),
            resource: glob::literal_resource(&request.resource),
            principal: request.principal.as_ref().map(|who| (who, who.to_glob())),
            context: request.full_context(),
            bounded,
        }
    }
}

impl Question<'_> {
    /// Tells whether a boundary limits whoever asks: services and root users have none.
    fn is_bounded(&self) -> bool {
        let has_none = |who: &super::Principal| who.is_root() || who.account().is_none();
        self.bounded && !self.principal.as_ref().is_some_and(|(who, _)| has_none(who))
    }
}

impl Rule {
    fn compile(id: StatementId, statement: &Statement, version: Version, reading: Reading) -> Self {
        let action = map(&statement.action, |list| {
            list.iter().flat_map(|text| glob::action(text)).collect::<Vec<_>>()
        });
        // Whose policy names no principal, is an identity's.
        let lacking =
            if statement.principal.is_none() { Lacking::Anything } else { Lacking::Nothing };
        let resource = statement.resource.as_ref().map(|selector| {
            let globs = |text: &String| glob::resource(text, version, reading.colons, lacking);
            map(selector, |list| list.iter().flat_map(globs).collect::<Vec<_>>())
        });
        let star_is_anyone = reading.star_is_anyone;
        let mut surely_spared = None;
        let principal = statement.principal.as_ref().map(|selector| match selector {
            Selector::AllBut(list) if statement.effect == Effect::Deny => {
                let spared = |how| principal::spared(list, star_is_anyone, how);
                if reading.spared.is_none() {
                    surely_spared = Some(spared(Spared::Checked));
                }
                Selector::AllBut(spared(reading.spared.unwrap_or(Spared::Listed)))
            }
            _ => map(selector, |list| principal::compile(list, star_is_anyone)),
        });
        let mut clauses = condition::compile(&statement.condition, version);
        if let Some(Selector::AllBut(globs)) = &resource {
            // An exclusion without a value would exclude nothing, and the
            // statement mean more than its author wrote: it means nothing then.
            for variable in globs.iter().flat_map(Glob::variables) {
                if variable.default.is_none() {
                    clauses.push(Clause::present(&variable.key));
                }
            }
        }
        Self { id, effect: statement.effect, principal, surely_spared, action, resource, clauses }
    }

    /// Tells whether the rule matches the request.
    fn truth(&self, question: &Question<'_>) -> Truth {
        if !selects(&self.action, |globs| globs.iter().any(|g| g.covers(&question.action))) {
            return Truth::False;
        }
        self.resource_truth(question)
            .and(self.principal_truth(question))
            .and_then_clauses(&self.clauses, &question.context)
    }

    fn resource_truth(&self, question: &Question<'_>) -> Truth {
        let Some(selector) = &self.resource else { return Truth::True };
        let one = |glob: &Glob| match condition::bind(glob, &question.context) {
            Bound::To(glob) => glob.covers(&question.resource).into(),
            Bound::Nothing => Truth::False,
            Bound::Unknown(key) if glob.loosened().covers(&question.resource) => {
                Truth::unknown(&key)
            }
            Bound::Unknown(_) => Truth::False,
        };
        let listed = Truth::any(selector.listed().iter().map(one));
        if selector.is_negated() { listed.negate() } else { listed }
    }

    fn principal_truth(&self, question: &Question<'_>) -> Truth {
        let Some(selector) = &self.principal else { return Truth::True };
        let any = |names: &[Named], who: &Glob| {
            names.iter().any(|named| named.globs.iter().any(|glob| glob.covers(who)))
        };
        let covers = |who: &Glob| any(selector.listed(), who);
        let spares = selector.is_negated() && self.effect == Effect::Deny;
        match &question.principal {
            // Source: IAM User Guide, "NotPrincipal": with Deny it always denies whoever has
            // a permissions boundary, whatever it lists.
            _ if spares && question.is_bounded() => Truth::True,
            Some((_, who))
                if covers(who) && self.surely_spared.as_ref().is_some_and(|s| !any(s, who)) =>
            {
                Truth::unknown(principal::NOT_PRINCIPAL)
            }
            Some((_, who)) => (covers(who) != selector.is_negated()).into(),
            // Nobody is named in the request; a statement about everyone still
            // matches, whoever it is.
            None if covers(&Glob::everything()) => (!selector.is_negated()).into(),
            None if selector.listed().is_empty() => selector.is_negated().into(),
            None => Truth::unknown("aws:principalarn"),
        }
    }

    /// Tells how closely a matching rule names the principal.
    pub(crate) fn closeness(&self, question: &Question<'_>) -> Closeness {
        let (Some(Selector::Only(names)), Some((_, who))) = (&self.principal, &question.principal)
        else {
            return Closeness::Role;
        };
        let named = names.iter().filter(|named| named.globs.iter().any(|glob| glob.covers(who)));
        named.map(|named| named.closeness).max().unwrap_or(Closeness::Role)
    }
}

/// Returns the context keys in a statement's conditions and variables.
fn written_keys(statement: &Statement) -> impl Iterator<Item = &str> {
    let values = statement.condition.iter().flat_map(|(_, _, values)| values);
    let resources = statement.resource.iter().flat_map(|resource| resource.listed());
    let variables = values.chain(resources).flat_map(|text| {
        text.split("${").skip(1).filter_map(|rest| rest.split(['}', ',']).next()).map(str::trim)
    });
    statement.condition.iter().map(|(_, key, _)| key).chain(variables)
}

impl Truth {
    fn and_then_clauses(self, clauses: &[Clause], context: &Context) -> Self {
        if self == Self::False {
            return self;
        }
        self.and(Self::all(clauses.iter().map(|clause| clause.truth(context))))
    }
}

fn map<T, U>(selector: &Selector<T>, f: impl FnOnce(&T) -> U) -> Selector<U> {
    match selector {
        Selector::Only(listed) => Selector::Only(f(listed)),
        Selector::AllBut(listed) => Selector::AllBut(f(listed)),
    }
}

fn selects<T>(selector: &Selector<T>, holds: impl FnOnce(&T) -> bool) -> bool {
    holds(selector.listed()) != selector.is_negated()
}

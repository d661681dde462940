//! From a hole to a request, and from the request to a verdict of the
//! evaluator: nothing is shown that was not checked.
//!
//! A hole is a pattern, so there is a choice of names. Real actions are tried
//! first, then plain example values, then letters that no pattern holds, which
//! are ugly but cannot be matched by accident.

use std::collections::{BTreeMap, BTreeSet};

use super::{Cell, Limits, Reason, describe, search::unconfirmed};
use crate::{
    action::Action,
    document::PolicyDocument,
    eval::{Context, Lookup, Outcome, Policies, Principal, Request, StatementId, principal},
    glob::{Glob, Token},
};

/// Real actions to try for one hole.
const ACTIONS: usize = 200;

/// A request that the new policies allow and the existing ones do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The request; its context is complete.
    pub request: Request,
    /// The statement of the new policies from which it comes.
    pub statement: StatementId,
}

/// Makes requests of holes and has them evaluated.
pub(super) struct Verifier<'a> {
    /// Existing and new policies under each reading.
    readings: &'a [(Policies, Policies)],
    /// The policies' own spelling of actions.
    spelling: BTreeMap<String, String>,
    /// Characters that stand in patterns.
    used: BTreeSet<char>,
    /// The most `?` that a pattern has.
    width: usize,
    limits: &'a Limits<'a>,
    names_principals: bool,
}

impl<'a> Verifier<'a> {
    pub(super) fn new(
        readings: &'a [(Policies, Policies)],
        existing: &[&PolicyDocument],
        new: &[&PolicyDocument],
        limits: &'a Limits<'a>,
    ) -> Self {
        let mut spelling = BTreeMap::new();
        let mut used = BTreeSet::new();
        let mut width = 0;
        let statements = || existing.iter().chain(new).flat_map(|document| &document.statements);
        for statement in statements() {
            let resources = statement.resource.iter().flat_map(|resource| resource.listed());
            for text in statement.action.listed().iter().chain(resources) {
                used.extend(text.chars());
                used.extend(text.to_ascii_lowercase().chars());
                width = width.max(text.matches('?').count());
            }
            for text in statement.action.listed() {
                spelling.entry(text.to_ascii_lowercase()).or_insert_with(|| text.clone());
            }
        }
        let names_principals = statements().any(|statement| statement.principal.is_some());
        Self { readings, spelling, used, width: width + 1, limits, names_principals }
    }

    /// Finds a request in the hole that is new access under every reading.
    pub(super) fn check(
        &self,
        cell: &Cell,
        context: &Context,
        statement: &StatementId,
    ) -> Result<Witness, Reason> {
        let [action, resource, principal] = cell;
        let principals: Vec<Option<Principal>> = if self.names_principals {
            self.principals(principal, context).into_iter().map(Some).collect()
        } else {
            vec![None]
        };
        let mut by_reading = false;
        let pairs = self.actions(action).into_iter().flat_map(|action| {
            let resources = self.resources(resource, &action, context);
            resources.into_iter().map(move |resource| (action.clone(), resource))
        });
        // What can be done first: a request that nobody can make convinces nobody.
        let (can, cannot): (Vec<_>, Vec<_>) = pairs
            .partition(|(action, resource)| (self.limits.takes)(&action.to_string(), resource));
        for (action, resource) in can.into_iter().chain(cannot) {
            for principal in &principals {
                let request = Request {
                    action: action.clone(),
                    resource: resource.clone(),
                    principal: principal.clone(),
                    resource_account: None,
                    context: context.clone().close(),
                };
                if !is_possible(&request) {
                    continue;
                }
                let new_access = |(existing, new): &(Policies, Policies)| {
                    new.decide(&request).outcome == Outcome::Allowed
                        && existing.decide(&request).outcome != Outcome::Allowed
                };
                if self.readings.iter().all(new_access) {
                    return Ok(Witness { request, statement: statement.clone() });
                }
                by_reading |= self.readings.iter().any(new_access);
            }
        }
        Err(if by_reading { Reason::Reading(describe(cell)) } else { unconfirmed(cell) })
    }

    fn actions(&self, glob: &Glob) -> Vec<Action> {
        let pattern = glob.to_string();
        let is_literal = !pattern.contains(['*', '?']);
        let mut texts = (self.limits.name_actions)(&pattern);
        texts.truncate(ACTIONS);
        if is_literal {
            texts.push(self.spelling.get(&pattern).unwrap_or(&pattern).clone());
        } else {
            texts.extend(self.fills().map(|fill| fill.text(glob, |_| fill.many("example"), &None)));
        }
        texts.iter().filter_map(|text| Action::parse(text).ok()).collect()
    }

    fn resources(&self, glob: &Glob, action: &Action, context: &Context) -> Vec<String> {
        if *glob == Glob::everything() {
            let service = action.service();
            return vec![
                format!("arn:aws:{service}:us-east-1:111122223333:example"),
                "*".to_owned(),
            ];
        }
        let fill_part = |fill: &Fill| {
            let (fill, service) = (fill.clone(), action.service().to_owned());
            move |part: usize| match part {
                1 => fill.many("aws"),
                2 => fill.many(&service),
                3 => fill.many("us-east-1"),
                4 => fill.many("111122223333"),
                _ => fill.many("example"),
            }
        };
        self.fills().map(|fill| fill.text(glob, fill_part(&fill), &Some(context))).collect()
    }

    fn principals(&self, glob: &Glob, context: &Context) -> Vec<Principal> {
        if *glob == Glob::everything() {
            let known = match context.lookup("aws:principalarn") {
                Lookup::Present([arn]) => Principal::parse(arn).ok(),
                _ => None,
            };
            let examples =
                ["arn:aws:iam::999900001111:role/stranger", "example.amazonaws.com", "*"];
            let examples = examples.iter().filter_map(|text| Principal::parse(text).ok());
            return known.into_iter().chain(examples).collect();
        }
        let parts: Vec<&[Token]> =
            glob.tokens().split(|token| *token == Token::Separator).collect();
        // A part as it stands, or the example where it is a pattern.
        let text = |index: usize, example: &str| {
            let part = parts.get(index).copied().unwrap_or_default();
            let literal = part.iter().map(|token| match token {
                Token::Char(c) => Some(*c),
                _ => None,
            });
            literal.collect::<Option<String>>().unwrap_or_else(|| example.to_owned())
        };
        let examples = match text(0, "").as_str() {
            "A" => {
                let account = text(1, "999900001111");
                let with = |stranger: &str| {
                    let entity = text(2, stranger);
                    let name = entity.rsplit('/').next().unwrap_or_default();
                    let session = format!("arn:aws:sts::{account}:assumed-role/{name}/example");
                    // `?*` asks for a session, `*` does not.
                    let asked = parts.get(3).is_some_and(|part| part.contains(&Token::One));
                    let session = text(3, if asked { &session } else { "" });
                    format!("A:{account}:{entity}:{session}")
                };
                vec![with("role/stranger"), with("user/stranger")]
            }
            "F" => {
                vec![format!("F:{}", text(1, "arn:aws:iam::999900001111:saml-provider/example"))]
            }
            kind => vec![format!("{kind}:{}", text(1, "example.amazonaws.com"))],
        };
        let read = |row: &String| {
            let parts: Vec<&str> = row.splitn(4, ':').collect();
            match parts.as_slice() {
                ["A", account, entity, session] => {
                    principal::from_parts(&["A", account, entity, session])
                }
                [kind, ..] => principal::from_parts(&[kind, row.split_once(':')?.1]),
                [] => None,
            }
        };
        examples.iter().filter_map(read).collect()
    }

    /// Ways to fill wildcards, the plainest first.
    fn fills(&self) -> impl Iterator<Item = Fill> {
        let letters = ('a'..='z').rev().chain('0'..='9').chain("_-.~^%!=".chars());
        let fresh = letters.into_iter().find(|letter| !self.used.contains(letter));
        let fresh = fresh.map(|letter| Fill { letter, run: Some(self.width), nothing: false });
        let plain = Fill { letter: 'x', run: None, nothing: false };
        [plain.clone()].into_iter().chain(fresh).chain([Fill { nothing: true, ..plain }])
    }
}

/// Tells whether the context says of the principal what the principal itself
/// says: a request whose parts contradict each other never happens.
fn is_possible(request: &Request) -> bool {
    let Some(who) = &request.principal else { return true };
    let mut own = Context::closed();
    who.describe(&mut own);
    own.iter().all(|(key, values)| match (request.context.lookup(key), values) {
        (Lookup::Present([said]), Some([is])) if key == "aws:principalarn" => {
            // A session's ARN does not tell its role's path.
            said == is
                || principal::of_principal_arn(said).iter().any(|of| of.covers(&who.to_glob()))
        }
        (Lookup::Present([said]), Some([is])) => said == is,
        // What the context says is absent was settled on the way.
        _ => !request.context.iter().any(|(known, values)| known == key && values.is_none()),
    })
}

/// One way to fill wildcards.
#[derive(Clone)]
struct Fill {
    letter: char,
    /// How many letters a `*` becomes; a fitting example if not given.
    run: Option<usize>,
    nothing: bool,
}

impl Fill {
    fn many(&self, example: &str) -> String {
        match self.run {
            _ if self.nothing => String::new(),
            Some(run) => std::iter::repeat_n(self.letter, run).collect(),
            None => example.to_owned(),
        }
    }

    /// Returns a member of the pattern; `many` says what a `*` becomes in each
    /// part between separators.
    fn text(
        &self,
        glob: &Glob,
        many: impl Fn(usize) -> String,
        context: &Option<&Context>,
    ) -> String {
        let mut out = String::new();
        let mut part = 0;
        for token in glob.tokens() {
            match token {
                Token::Char(c) => out.push(*c),
                Token::Separator => {
                    part += 1;
                    out.push(':');
                }
                Token::One => {
                    out.push(if part == 4 && self.run.is_none() { '1' } else { self.letter })
                }
                Token::Many | Token::Everything => out.push_str(&many(part)),
                Token::Variable(variable) => {
                    match context.map(|context| context.lookup(&variable.key)) {
                        Some(Lookup::Present([value])) => out.push_str(value),
                        _ => out.push_str(variable.default.as_deref().unwrap_or_default()),
                    }
                }
            }
        }
        out
    }
}

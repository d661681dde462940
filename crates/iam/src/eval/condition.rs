//! One operator and key of a condition block, and its truth in a context.

use std::borrow::Cow;

use super::{
    context::{Context, Lookup},
    operator::{self, Operator, Quantifier, Test},
    truth::Truth,
};
use crate::{
    document::{Condition, Version},
    glob::{Glob, Token},
};

/// An operator, a key and the values it is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Clause {
    pub(crate) operator: Operator,
    /// The key, in lower case.
    pub(crate) key: String,
    /// The values, sorted.
    pub(crate) values: Vec<Glob>,
}

/// Compiles a block into clauses, all of which must hold.
pub(crate) fn compile(condition: &Condition, version: Version) -> Vec<Clause> {
    let mut clauses = Vec::new();
    for (name, key, texts) in condition.iter() {
        // The reader refuses other names; a document built in code that has
        // one gets a clause that never holds.
        let Some(operator) = Operator::parse(name) else {
            clauses.push(Clause::never());
            continue;
        };
        let mut values: Vec<Glob> =
            texts.iter().flat_map(|text| operator::compile(operator.test, text, version)).collect();
        values.sort();
        values.dedup();
        // A value whose variable has no value makes the statement match nothing.
        for variable in values.iter().flat_map(Glob::variables) {
            if variable.default.is_none() {
                clauses.push(Clause::present(&variable.key));
            }
        }
        clauses.push(Clause { operator, key: key.to_ascii_lowercase(), values });
    }
    clauses.sort();
    clauses.dedup();
    clauses
}

impl Clause {
    /// Returns the clause that the key is in the request.
    pub(crate) fn present(key: &str) -> Self {
        let operator = Operator { set: None, test: Test::Null, negated: false, if_exists: false };
        Self { operator, key: key.to_owned(), values: vec![Glob::literal("false")] }
    }

    /// Returns the clause that the key, in lower case, has this value.
    pub(crate) fn equals(key: &str, value: &str) -> Self {
        let operator =
            Operator { set: None, test: Test::StringEquals, negated: false, if_exists: false };
        Self { operator, key: key.to_owned(), values: vec![Glob::literal(value)] }
    }

    fn never() -> Self {
        Self { values: Vec::new(), ..Self::equals("", "") }
    }

    /// Returns the keys that it reads, its own first.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let variables = self.values.iter().flat_map(Glob::variables);
        [self.key.as_str()].into_iter().chain(variables.map(|variable| variable.key.as_str()))
    }

    /// Tells whether it compares with the value of another key.
    pub(crate) fn has_variables(&self) -> bool {
        self.values.iter().flat_map(Glob::variables).next().is_some()
    }

    /// Evaluates the clause.
    pub(crate) fn truth(&self, context: &Context) -> Truth {
        let found = match context.lookup(&self.key) {
            Lookup::Unknown => return Truth::unknown(&self.key),
            Lookup::Absent => None,
            Lookup::Present(values) => Some(values),
        };
        if self.operator.test == Test::Null {
            let wanted = if found.is_none() { "true" } else { "false" };
            return self.values.iter().any(|v| v.to_string().eq_ignore_ascii_case(wanted)).into();
        }
        let Some(found) = found else {
            let Operator { set, negated, if_exists, .. } = self.operator;
            return (if_exists
                || match set {
                    Some(Quantifier::ForAllValues) => true,
                    Some(Quantifier::ForAnyValue) => false,
                    None => negated,
                })
            .into();
        };
        let mut bound = Vec::with_capacity(self.values.len());
        for value in &self.values {
            match bind(value, context) {
                Bound::To(value) => bound.push(value),
                Bound::Nothing => return Truth::False,
                Bound::Unknown(key) => return Truth::unknown(&key),
            }
        }
        let one = |found: &String| bound.iter().any(|v| self.operator.test.compares(v, found));
        let negated = self.operator.negated;
        match self.operator.set {
            Some(Quantifier::ForAllValues) => found.iter().all(|value| one(value) != negated),
            Some(Quantifier::ForAnyValue) => found.iter().any(|value| one(value) != negated),
            // AWS does not say what a plain operator does with a key of many
            // values: any that compares counts, and the negated form is its opposite.
            None => found.iter().any(one) != negated,
        }
        .into()
    }
}

/// A pattern with its variables replaced.
pub(crate) enum Bound<'g> {
    /// All have a value.
    To(Cow<'g, Glob>),
    /// A variable has no value and no default.
    Nothing,
    /// A variable's value is not known; its key.
    Unknown(String),
}

/// Replaces variables by what the context has; values are literal text, also
/// where they hold `*`. Only a key with a single value can be a variable.
pub(crate) fn bind<'g>(glob: &'g Glob, context: &Context) -> Bound<'g> {
    if glob.variables().next().is_none() {
        return Bound::To(Cow::Borrowed(glob));
    }
    let mut tokens = Vec::with_capacity(glob.tokens().len());
    for token in glob.tokens() {
        let Token::Variable(variable) = token else {
            tokens.push(token.clone());
            continue;
        };
        let value = match context.lookup(&variable.key) {
            Lookup::Unknown => return Bound::Unknown(variable.key.clone()),
            Lookup::Present([value]) => value,
            Lookup::Present(_) => return Bound::Nothing,
            Lookup::Absent => match &variable.default {
                Some(default) => default,
                None => return Bound::Nothing,
            },
        };
        tokens.extend(value.chars().map(Token::Char));
    }
    Bound::To(Cow::Owned(Glob::new(tokens)))
}

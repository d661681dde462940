//! Asks the policy engine whether a draft allows what was done.
//!
//! A permission that was used may itself be a pattern, where the record did not
//! give the whole ARN away. It is then asked for in its most general form: every
//! wildcard becomes a run of a letter that no policy holds, longer than any
//! pattern of the draft. If the draft allows that, it allows everything the
//! pattern means.

use trailtrim_aggregator::RowKey;
use trailtrim_catalog::Condition;
use trailtrim_iam::{Action, Context, Outcome, Policies, PolicyDocument, Request};

use crate::irredundant::{ANY, escaped};

/// A draft, ready to be asked.
pub(super) struct Replay {
    policies: Policies,
    /// How long a run of letters stands for a `*`.
    run: usize,
}

impl Replay {
    /// Compiles a draft.
    pub(super) fn of(draft: &PolicyDocument) -> Replay {
        let resources = draft.statements.iter().filter_map(|statement| statement.resource.as_ref());
        let longest = resources
            .flat_map(|listed| listed.listed())
            .map(|pattern| pattern.chars().count())
            .max()
            .unwrap_or(0);
        Replay { policies: Policies::compile([draft]), run: longest + 1 }
    }

    /// Returns whether the draft allows what `key` says, under every condition
    /// that then held.
    ///
    /// Takes O(statements × patterns × text) steps for each value of a condition.
    pub(super) fn allows(&self, key: &RowKey) -> bool {
        let Ok(action) = Action::parse(&key.action) else { return false };
        let mut request = Request::new(action, self.most_general(&key.resource));
        contexts(&key.conditions, self).into_iter().all(|context| {
            request.context = context;
            self.policies.decide(&request).outcome == Outcome::Allowed
        })
    }

    fn most_general(&self, pattern: &str) -> String {
        let mut text = String::with_capacity(pattern.len());
        let mut rest = pattern;
        while let Some(c) = rest.chars().next() {
            if let Some((literal, after)) = escaped(rest) {
                text.push(literal);
                rest = after;
                continue;
            }
            match c {
                '*' => text.extend(std::iter::repeat_n(ANY, self.run)),
                '?' => text.push(ANY),
                c => text.push(c),
            }
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
        text
    }
}

/// The contexts in which the calls were made. Where a key with one value had
/// several over the calls, each is a context of its own; a key with many values
/// (`ForAnyValue:…`) has them all at once. Keys without a condition are absent.
fn contexts(conditions: &[Condition], replay: &Replay) -> Vec<Context> {
    let mut contexts = vec![Context::closed()];
    for condition in conditions {
        let values = condition.values.iter().map(|value| replay.most_general(value));
        if condition.operator.contains(':') {
            let values: Vec<String> = values.collect();
            for context in &mut contexts {
                values.iter().for_each(|value| context.add(&condition.key, value.as_str()));
            }
            continue;
        }
        contexts = values
            .flat_map(|value| {
                contexts.iter().map(move |context| {
                    let mut context = context.clone();
                    context.add(&condition.key, value.as_str());
                    context
                })
            })
            .collect();
    }
    contexts
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_aggregator::Outcome as Ended;
    use trailtrim_iam::Statement;

    fn key(action: &str, resource: &str, conditions: &[(&str, &str, &[&str])]) -> RowKey {
        RowKey {
            action: action.to_owned(),
            resource: resource.to_owned(),
            conditions: conditions
                .iter()
                .map(|(operator, key, values)| Condition {
                    operator: (*operator).to_owned(),
                    key: (*key).to_owned(),
                    values: values.iter().map(|value| (*value).to_owned()).collect(),
                })
                .collect(),
            outcome: Ended::Granted,
        }
    }

    fn replay(statements: Vec<Statement>) -> Replay {
        Replay::of(&PolicyDocument::new(statements))
    }

    #[test]
    fn a_pattern_passes_only_if_all_it_means_does() {
        let objects = replay(vec![Statement::allow(
            ["s3:GetObject"],
            ["arn:aws:s3:::b/in/*", "arn:aws:s3:::b/${*}", "arn:aws:s3:::c/??????"],
        )]);
        for (resource, allowed) in [
            ("arn:aws:s3:::b/in/a", true),
            ("arn:aws:s3:::b/in/*", true),
            ("arn:aws:s3:::b/in/a?", true),
            ("arn:aws:s3:::b/*", false),
            ("arn:aws:s3:::b/${*}", true),
            ("arn:aws:s3:::b/x", false),
            ("arn:aws:s3:::c/??????", true),
            ("arn:aws:s3:::c/*", false),
        ] {
            assert_eq!(objects.allows(&key("s3:GetObject", resource, &[])), allowed, "{resource}");
        }
        assert!(!objects.allows(&key("s3:PutObject", "arn:aws:s3:::b/in/a", &[])));
        assert!(objects.allows(&key("S3:getobject", "arn:aws:s3:::b/in/a", &[])));
    }

    #[test]
    fn a_condition_of_the_draft_must_have_held() {
        let via: (&str, &str, &[&str]) =
            ("StringEquals", "kms:ViaService", &["s3.eu-west-1.amazonaws.com"]);
        let other: (&str, &str, &[&str]) = (
            "StringEquals",
            "kms:ViaService",
            &["s3.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com"],
        );
        let decrypt = replay(vec![Statement::allow(["kms:Decrypt"], ["k"]).with_condition(
            via.0,
            via.1,
            via.2.iter().copied(),
        )]);
        assert!(decrypt.allows(&key("kms:Decrypt", "k", &[via])));
        assert!(!decrypt.allows(&key("kms:Decrypt", "k", &[])));
        assert!(!decrypt.allows(&key("kms:Decrypt", "k", &[other])));
        let open = replay(vec![Statement::allow(["kms:Decrypt"], ["k"])]);
        assert!(open.allows(&key("kms:Decrypt", "k", &[other])));
        let many: (&str, &str, &[&str]) =
            ("ForAnyValue:StringEquals", "aws:CalledVia", &["athena.amazonaws.com"]);
        let called = replay(vec![Statement::allow(["s3:GetObject"], ["o"]).with_condition(
            many.0,
            many.1,
            many.2.iter().copied(),
        )]);
        assert!(called.allows(&key("s3:GetObject", "o", &[many])));
        assert!(!called.allows(&key("s3:GetObject", "o", &[])));
    }
}

//! Asks the policy engine whether policies allow what was done.
//!
//! A permission that was used may itself be a pattern, where the record did not
//! give the whole ARN away. It is then asked for in its most general form: every
//! wildcard becomes a run of a letter that no policy holds, longer than any
//! pattern of the draft. If the draft allows that, it allows everything the
//! pattern means.

use std::collections::BTreeSet;

use trailtrim_aggregator::{Few, Row, RowKey};
use trailtrim_catalog::Condition;
use trailtrim_iam::{Action, Context, Outcome, Policies, PolicyDocument, Principal, Request};

use crate::irredundant::sample;
use crate::report::time;

/// Policies, ready to be asked.
pub(crate) struct Replay {
    policies: Policies,
    /// How long a run of letters stands for a `*`.
    run: usize,
    /// Whether some statement asks for the time of a call.
    timed: bool,
}

/// What policies say of something that was done, as far as its circumstances are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allowance {
    /// It is allowed, whatever else held.
    Surely,
    /// It hangs on these context keys, which what is kept of the log does not tell.
    Perhaps(BTreeSet<String>),
    /// It is not allowed, or not all that it may have been.
    No,
}

impl Replay {
    /// Compiles policies that count together.
    pub(crate) fn of<'d>(documents: impl IntoIterator<Item = &'d PolicyDocument>) -> Replay {
        let documents: Vec<&PolicyDocument> = documents.into_iter().collect();
        let statements = documents.iter().flat_map(|document| &document.statements);
        let longest = statements
            .filter_map(|statement| statement.resource.as_ref())
            .flat_map(|listed| listed.listed())
            .map(|pattern| pattern.chars().count())
            .max()
            .unwrap_or(0);
        let mut statements = documents.iter().flat_map(|document| &document.statements);
        let timed = statements.any(|statement| {
            statement.condition.iter().any(|(_, key, _)| key.eq_ignore_ascii_case(CURRENT_TIME))
        });
        Replay { policies: Policies::compile(documents), run: longest + 1, timed }
    }

    /// Returns whether the policies allow what `key` says, under every condition
    /// that then held and no other.
    ///
    /// Takes O(statements × patterns × text) steps for each value of a condition.
    pub(crate) fn allows(&self, key: &RowKey) -> bool {
        let contexts = contexts(&key.conditions, self, &Context::closed());
        self.outcomes(key, contexts, None).all(|(outcome, _)| outcome == Outcome::Allowed)
    }

    /// Returns what the policies say of it under all circumstances that the log tells, where every
    /// other context key is unknown.
    pub(crate) fn judge(
        &self,
        key: &RowKey,
        circumstances: &Circumstances,
        principal: Option<&Principal>,
    ) -> Allowance {
        let mut unknown = BTreeSet::new();
        let contexts = circumstances
            .contexts(self.timed)
            .into_iter()
            .flat_map(|plain| contexts(&key.conditions, self, &plain))
            .collect();
        for (outcome, keys) in self.outcomes(key, contexts, principal) {
            match outcome {
                Outcome::Allowed => {}
                Outcome::Unknown => unknown.extend(keys),
                _ => return Allowance::No,
            }
        }
        match unknown.is_empty() {
            true => Allowance::Surely,
            false => Allowance::Perhaps(unknown),
        }
    }

    fn outcomes<'s>(
        &'s self,
        key: &RowKey,
        contexts: Vec<Context>,
        principal: Option<&Principal>,
    ) -> impl Iterator<Item = (Outcome, BTreeSet<String>)> + 's {
        let request = Action::parse(&key.action).ok().map(|action| {
            let mut request = Request::new(action, self.most_general(&key.resource));
            request.principal = principal.cloned();
            request
        });
        contexts.into_iter().map(move |context| {
            let Some(request) = &request else {
                return (Outcome::ImplicitlyDenied, BTreeSet::new());
            };
            let decision = self.policies.decide(&Request { context, ..request.clone() });
            (decision.outcome, decision.unknown_keys)
        })
    }

    fn most_general(&self, pattern: &str) -> String {
        sample(pattern, self.run)
    }
}

/// The context key of the time of a call.
const CURRENT_TIME: &str = "aws:CurrentTime";

/// How many contexts are tried for one thing that was done.
const CONTEXTS: usize = 64;

/// The context keys that are kept of a log, beside those of [`RowKey::conditions`], each with the values
/// it had. A key that some call did not have is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Circumstances(Vec<(&'static str, Vec<String>)>);

impl Circumstances {
    /// Takes up what is known of the calls behind a row.
    pub(crate) fn of(row: &Row) -> Circumstances {
        let regions: Vec<String> = row.regions.iter().cloned().collect();
        let mut known = Vec::new();
        if !regions.is_empty() && regions.iter().all(|region| !region.is_empty()) {
            known.push(("aws:RequestedRegion", regions));
        }
        known.extend(row.own.iter().map(|own| (own.key, vec![own.id.clone()])));
        known.extend(endpoints(row).map(|values| ("aws:SourceVpce", values)));
        // Calls were made at both ends: what does not hold there did not hold for all of them, and a
        // stretch of time that has both ends has all between.
        let are_known = row.stats.knows_first() && row.stats.knows_last();
        let ends = [row.stats.first(), row.stats.last()].into_iter().flatten();
        let mut ends: Vec<String> = ends.filter(|_| are_known).filter_map(time).collect();
        ends.dedup();
        if !ends.is_empty() {
            known.push((CURRENT_TIME, ends));
        }
        Circumstances(known)
    }

    /// Adds the first address of each network that the calls came from. It stands for the network
    /// only where policies ask for whole networks.
    pub(crate) fn with_networks(&self, row: &Row) -> Circumstances {
        let mut known = self.clone();
        let first = |network: String| network.split('/').next().unwrap_or_default().to_owned();
        let addresses = constant(row.stats.networks())
            .filter(|networks| networks.iter().all(|network| network.contains('/')))
            .map(|networks| networks.into_iter().map(first).collect());
        known.0.extend(addresses.map(|addresses| ("aws:SourceIp", addresses)));
        known
    }

    /// Returns each context of which some call may have been; the time only where it is asked for, which
    /// it seldom is.
    fn contexts(&self, timed: bool) -> Vec<Context> {
        let mut contexts = vec![Context::open()];
        for (key, values) in self.0.iter().filter(|(key, _)| timed || *key != CURRENT_TIME) {
            // Beyond that, the key stays unknown, which claims less.
            if contexts.len() * values.len() > CONTEXTS {
                continue;
            }
            contexts = values
                .iter()
                .flat_map(|value| {
                    contexts.iter().map(move |context| {
                        let mut context = context.clone();
                        context.add(key, value.as_str());
                        context
                    })
                })
                .collect();
        }
        contexts
    }
}

/// Returns the values that something always had; nothing where it was ever absent, or had many.
pub(crate) fn constant(few: &Few) -> Option<Vec<String>> {
    let values: Option<Vec<String>> = few.values()?.map(|value| value.map(str::to_owned)).collect();
    values.filter(|values| !values.is_empty())
}

/// How the id of a VPC endpoint begins.
const ENDPOINT: &str = "vpce-";

/// Returns the endpoints that all calls of a row came through; nothing where one came through none, they were
/// many, or a record has another text in place of an id.
///
/// Source: Compute Optimizer User Guide and Aurora DSQL User Guide, logging with CloudTrail: `AWS Internal` stands
/// where AWS's own network was passed. What `aws:SourceVpce` was then, or whether it was there, is not told.
pub(crate) fn endpoints(row: &Row) -> Option<Vec<String>> {
    let ids = constant(row.stats.endpoints())?;
    ids.iter().all(|id| id.starts_with(ENDPOINT)).then_some(ids)
}

/// The contexts in which the calls were made. Where a key with one value had
/// several over the calls, each is a context of its own; a key with many values
/// (`ForAnyValue:…`) has them all at once. Of other keys `plain` is known.
fn contexts(conditions: &[Condition], replay: &Replay, plain: &Context) -> Vec<Context> {
    let mut contexts = vec![plain.clone()];
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
        Replay::of([&PolicyDocument::new(statements)])
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

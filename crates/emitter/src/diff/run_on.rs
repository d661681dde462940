//! What worked on an ARN that an attached pattern holds only if its `*` runs past colons that it lacks
//! (`arn:aws:sqs:*`). AWS's pages do not agree on that, and what worked shows it: the draft has that by name.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_iam::{PolicyDocument, Selector, Statement, pattern};

use crate::tighten::{Seen, TightenedBundle};

/// What worked, by the attached pattern that holds it if `*` runs on.
#[derive(Default)]
pub(super) struct RunOn(BTreeMap<String, BTreeSet<String>>, Vec<Statement>);

impl RunOn {
    /// Finds it in what was judged.
    pub(super) fn of<'b>(bundles: impl IntoIterator<Item = &'b TightenedBundle<'b>>) -> RunOn {
        let mut found = RunOn::default();
        for bundle in bundles {
            for (place, judged) in &bundle.judged {
                let policy = bundle.bundle.policies.get(place.policy);
                let Some(document) = policy.map(|policy| &policy.document) else { continue };
                let Some(statement) = document.statements.get(place.statement) else { continue };
                let Some(Selector::Only(listed)) = &statement.resource else { continue };
                let version = document.effective_version();
                for one in judged {
                    for seen in one.seen.iter().filter(|seen| is_in_doubt(seen)) {
                        found.take(one.action, seen, statement, |resource| {
                            let mut wide = listed.iter().map(|one| pattern::modern(one, version));
                            if wide.clone().any(|one| pattern::covers(&one, resource)) {
                                return None;
                            }
                            let on = wide.find(|one| pattern::covers_run_on(one, resource))?;
                            Some(on.into_owned())
                        });
                    }
                }
            }
        }
        found
    }

    fn take(
        &mut self,
        action: &str,
        seen: &Seen<'_>,
        statement: &Statement,
        holding: impl Fn(&str) -> Option<String>,
    ) {
        let resource = &seen.key.resource;
        let Some(wide) = holding(resource) else { return };
        self.0.entry(wide).or_default().insert(resource.clone());
        let mut worked = Statement::allow([action], [resource.as_str()]);
        worked.condition = statement.condition.clone();
        self.1.push(worked);
    }

    /// Returns what worked as the one statement that may have allowed it does, for a proof to take it for allowed.
    pub(super) fn worked(&self) -> PolicyDocument {
        PolicyDocument::new(self.1.clone())
    }

    /// Says what the draft takes from what worked.
    pub(super) fn told(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(wide, on)| {
            let first = on.first().map_or("", String::as_str);
            let more = match on.len() {
                0 | 1 => String::new(),
                several => format!(" and {} more", several - 1),
            };
            format!(
                "`{wide}` has not all colons of an ARN, and on whether its `*` runs past them AWS's pages do not \
                 agree: what worked on {first}{more} shows that it does, and is granted by that name; the proof of \
                 no new access takes it for allowed before"
            )
        })
    }
}

/// Tells whether something worked that its statement is not sure to have allowed, and that stays by its name.
fn is_in_doubt(seen: &Seen<'_>) -> bool {
    let by_name = seen.common.as_deref() == Some(std::slice::from_ref(&seen.key.resource));
    by_name && !seen.surely && seen.key.outcome.grants()
}

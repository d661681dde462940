//! Which roles were assumed, by whomever.
//!
//! A role whose own calls are all data events that no trail selects is in use, and the calls that
//! issue its credentials are all that shows it. Which calls these are is data:
//! `data/assumptions.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use trailtrim_catalog::Catalog;

use crate::call::Call;
use crate::outcome::Outcome;
use crate::stats::{Join as _, Stats};
use crate::usage::Usage;

const DATA: &str = include_str!("../data/assumptions.toml");

/// Where a request names the role.
const ROLE: &str = "request.rolearn";

/// When each role was assumed, by its ARN. Where names were too many to keep, a pattern stands for
/// them.
pub type Assumptions = BTreeMap<String, Stats>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    source: String,
    events: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    assumption: Vec<Rule>,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    let file: File = toml::from_str(DATA).expect("data/assumptions.toml has the shape of `File`");
    file.assumption
});

/// The data that observing depends on.
pub(crate) fn data() -> &'static str {
    DATA
}

/// Tells whether an event begins a session of a role.
pub(crate) fn begins_session(source: &str, name: &str) -> bool {
    let mut rules = RULES.iter().filter(|rule| rule.source == source);
    rules.any(|rule| rule.events.iter().any(|one| one == name))
}

/// Returns where a call that begins a session names the role. The catalog does not ask for it where the
/// call needs no permission.
pub(crate) fn names_role(source: &str, name: &str) -> Option<&'static str> {
    begins_session(source, name).then_some(ROLE)
}

/// Returns the roles that were assumed.
pub(crate) fn assumptions(usage: &Usage, catalog: Catalog) -> Assumptions {
    let mut all = Assumptions::new();
    let wanted = move |frame: &Call<'_>| {
        begins_session(&frame.event_source, &frame.event_name)
            && Outcome::of(frame, catalog).grants()
    };
    let of_principals = usage.principals().flat_map(|(_, calls)| calls.framed(wanted));
    for (call, stats) in of_principals.chain(usage.lessons.framed(wanted)) {
        // Some records list no resource, or others beside the role; the request names the role as well.
        let listed = call.resources.iter().map(|one| &*one.arn);
        let named = call.parts.iter().filter(|(path, _)| path == ROLE).map(|(_, value)| &**value);
        let roles: BTreeSet<&str> = listed.chain(named).filter(|arn| is_role(arn)).collect();
        for role in roles {
            all.entry(widened(&call, role)).or_default().join(stats.clone());
        }
    }
    all
}

fn is_role(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    parts.next() == Some("arn")
        && parts.nth(1) == Some("iam")
        && parts.nth(2).is_some_and(|resource| resource.starts_with("role/"))
}

/// Writes `*` where a name stands for many.
fn widened(call: &Call<'_>, arn: &str) -> String {
    match &call.open {
        Some(open) => arn.replace(&open.stand_in, "*"),
        None => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use trailtrim_ingest::{Provenance, Record};

    use super::*;
    use crate::observe::Observer;
    use crate::scope::Scope;

    #[test]
    fn a_role_is_in_use_where_only_the_parameters_name_it() {
        let role = "arn:aws:iam::111122223333:role/web";
        for (source, event, caller) in [
            ("sts.amazonaws.com", "AssumeRoleWithSAML", "SAMLUser"),
            ("sts.amazonaws.com", "AssumeRoleWithWebIdentity", "WebIdentityUser"),
            ("rolesanywhere.amazonaws.com", "CreateSession", "Unknown"),
        ] {
            let text = format!(
                r#"{{"userIdentity":{{"type":"{caller}","principalId":"p","userName":"u"}},"eventTime":"2026-03-02T10:00:00Z",
                "eventSource":"{source}","eventName":"{event}","awsRegion":"eu-west-1","eventID":"e",
                "recipientAccountId":"111122223333","requestParameters":{{"roleArn":"{role}"}}}}"#
            );
            let scope = Scope::default();
            let mut observer = Observer::new(Catalog::embedded(), &scope);
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
            let assumed = assumptions(&observer.into_usage(), Catalog::embedded());
            assert!(assumed.contains_key(role), "{event}: {:?}", assumed.keys());
        }
    }

    #[test]
    fn a_role_is_told_by_its_arn() {
        assert!(is_role("arn:aws:iam::111122223333:role/a/b"));
        assert!(!is_role("arn:aws:iam::111122223333:user/role/"));
        assert!(!is_role("arn:aws:sts::111122223333:assumed-role/a/b"));
    }

    #[test]
    fn every_assumption_is_an_operation_that_the_catalog_knows() {
        let catalog = Catalog::embedded();
        for rule in RULES.iter() {
            for event in &rule.events {
                assert_eq!(catalog.operation(&rule.source, event).name(), event);
            }
        }
    }
}

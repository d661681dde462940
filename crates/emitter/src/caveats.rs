//! What the records left open in a principal's grants: paths that nothing tells, roles that were passed
//! and are not known, and whatever else had to be wider than a call.
//!
//! Each grant has its origins in the report. This is the short list for whoever reads no report: no `*`
//! is silent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use trailtrim_aggregator::{Brought, Outcome, Principal, Row, RowKey};
use trailtrim_catalog::Origin;
use trailtrim_iam::{Effect, PolicyDocument, Selector, pattern};

use crate::shared_by::SharedBy;

const GLOBAL_NAMES: &str = include_str!("../data/global-names.toml");

const PASS_ROLE: &str = "iam:PassRole";

/// The context key of the service that a role is passed to.
const PASSED_TO: &str = "iam:PassedToService";

/// How many names stand in a sentence.
const NAMED: usize = 5;

/// What the records left open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caveats {
    /// IAM names without a path, each as the ARN that it was taken to have.
    pub pathless: BTreeSet<String>,
    /// Roles that were passed and can be any.
    pub any_role: Vec<AnyRole>,
    /// Roles that are passed to nobody knows whom, so that they may be to any service; each with the calls
    /// that pass it.
    pub to_any_service: BTreeMap<String, BTreeSet<String>>,
    /// What else is wider than the calls, by why.
    pub widened: Vec<Widening>,
    /// What the calls likely needed and not certainly: each action with its resource.
    pub likely: BTreeSet<String>,
    /// Of many people who act in the role, where they do.
    pub shared: Vec<SharedBy>,
    /// Calls that could not be mapped and brought roles, in words.
    pub brought: BTreeSet<String>,
    /// Calls that could not be mapped and of which nobody knows whether they brought roles.
    pub perhaps_passing: BTreeSet<String>,
    /// Grants on what did not exist and anybody may make, by what that is and why it matters: each action with
    /// its resource.
    pub nobodys: BTreeMap<(&'static str, &'static str), BTreeSet<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    name: Vec<GlobalName>,
}

/// Names that stand for one thing in all of AWS.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GlobalName {
    service: String,
    what: String,
    /// What says that there is none of the name.
    codes: Vec<String>,
    reason: String,
}

fn global_names() -> &'static [GlobalName] {
    static READ: OnceLock<Data> = OnceLock::new();
    // A test reads the data; without it nothing would be told.
    &READ.get_or_init(|| toml::from_str(GLOBAL_NAMES).unwrap_or_default()).name
}

/// Passes of roles that are not known, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnyRole {
    /// The pattern that stands for it.
    pub resource: String,
    /// The services that it is passed to, where these are known.
    pub to: Vec<String>,
    /// What is known: instance profiles, task definitions.
    pub from: BTreeSet<String>,
    /// Why that is not enough.
    pub why: String,
}

/// Grants that are wider than their calls for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Widening {
    /// The reason.
    pub why: String,
    /// Each action with its pattern: `s3:GetObject on arn:…`.
    pub grants: BTreeSet<String>,
}

impl Caveats {
    /// Looks through what a principal was granted.
    #[must_use]
    pub fn of(principal: &Principal) -> Caveats {
        let mut caveats = Caveats { shared: SharedBy::of(principal), ..Caveats::default() };
        let mut widened: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        // A family of task definitions has a revision for each deployment.
        let mut any_role: BTreeMap<(&str, Vec<String>, &str), BTreeSet<String>> = BTreeMap::new();
        for (key, row) in principal.rows.iter().filter(|(key, _)| key.outcome.grants()) {
            if is_assumed(row) {
                caveats.pathless.insert(key.resource.clone());
            }
            if key.action == PASS_ROLE && !is_any_role(key) && passed_to(key).is_empty() {
                let by = row.events.iter().map(|(source, name)| format!("{name} of {source}"));
                caveats.to_any_service.entry(key.resource.clone()).or_default().extend(by);
            }
            if !row.certain {
                caveats.likely.insert(format!("{} on {}", key.action, key.resource));
            }
            for origin in &row.origins {
                let Origin::Widened { from, why } = origin else { continue };
                if is_any_role(key) {
                    let passes = any_role.entry((&key.resource, passed_to(key), why));
                    passes.or_default().insert(from.clone());
                } else {
                    let what = format!("{} on {}", key.action, key.resource);
                    widened.entry(why).or_default().insert(what);
                }
            }
        }
        let any_role = any_role.into_iter().map(|((resource, to, why), from)| AnyRole {
            resource: resource.to_owned(),
            to,
            from,
            why: why.to_owned(),
        });
        for name in global_names() {
            let grants = name.nobodys(principal);
            if !grants.is_empty() {
                caveats.nobodys.insert((&name.what, &name.reason), grants);
            }
        }
        for (event, brought) in &principal.brought {
            match brought.roles.is_empty() {
                true => caveats.perhaps_passing.insert(format!("{} of {}", event.1, event.0)),
                false => caveats.brought.insert(brings(event, brought)),
            };
        }
        caveats.any_role = any_role.collect();
        let widened = widened.into_iter();
        caveats.widened =
            widened.map(|(why, grants)| Widening { why: why.to_owned(), grants }).collect();
        caveats
    }

    /// Leaves out what drafts do not have: the roles that they let go nowhere, or to named services only.
    pub(crate) fn limit_passes(&mut self, drafts: &[&PolicyDocument]) {
        let statements = || drafts.iter().flat_map(|draft| &draft.statements);
        self.to_any_service.retain(|role, _| {
            statements().any(|statement| {
                let limited = statement.condition.iter().any(|(operator, key, values)| {
                    key.eq_ignore_ascii_case(PASSED_TO) && names_services(operator, values)
                });
                let passes = |listed: &Selector<Vec<String>>| match listed {
                    Selector::Only(all) => {
                        all.iter().any(|one| pattern::covers_action(one, PASS_ROLE))
                    }
                    Selector::AllBut(all) => {
                        !all.iter().any(|one| pattern::covers_action(one, PASS_ROLE))
                    }
                };
                let on = match &statement.resource {
                    Some(Selector::Only(all)) => {
                        let reaches = |one: &String| {
                            pattern::overlap(one, role).is_none_or(|both| !both.is_empty())
                        };
                        all.iter().any(reaches)
                    }
                    Some(Selector::AllBut(all)) => {
                        !all.iter().any(|one| pattern::covers(one, role))
                    }
                    None => false,
                };
                statement.effect == Effect::Allow && !limited && passes(&statement.action) && on
            })
        });
    }

    /// Returns what has to be known before the grants are deployed, in sentences.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.any_role.iter().map(AnyRole::told).collect();
        notes.extend(self.shared.iter().map(SharedBy::told));
        if !self.to_any_service.is_empty() {
            let passed = self.to_any_service.iter().map(|(role, by)| {
                let by: Vec<&str> = by.iter().map(String::as_str).collect();
                format!("{role} by {}", some(&by))
            });
            let passed: Vec<String> = passed.collect();
            notes.push(format!(
                "warning: it is not known to which service these roles are passed, and without \
                 `iam:PassedToService` they may be passed to any; ask for the service that their trust \
                 policies name: {}",
                some(&passed.iter().map(String::as_str).collect::<Vec<_>>())
            ));
        }
        notes.extend(
            self.brought
                .iter()
                .map(|what| format!("{what}: whether it needs iam:PassRole on that is not known")),
        );
        if !self.perhaps_passing.is_empty() {
            let calls: Vec<&str> = self.perhaps_passing.iter().map(String::as_str).collect();
            notes.push(format!(
                "whether these calls, which could not be mapped, passed roles is not known, and nothing is granted \
                 for it: {}",
                some(&calls)
            ));
        }
        if !self.pathless.is_empty() {
            let names: Vec<&str> = self.pathless.iter().map(String::as_str).collect();
            notes.push(format!(
                "calls have the names of these alone and nothing tells their paths, so `/` is taken; look \
                 whether that is so: {}",
                some(&names)
            ));
        }
        for ((what, reason), grants) in &self.nobodys {
            let grants: Vec<&str> = grants.iter().map(String::as_str).collect();
            notes.push(format!(
                "warning: each of these calls was told that there is no such {what}, and the grants are for \
                 whoever makes one of that name: {reason}. Make it, or take out {}",
                some(&grants)
            ));
        }
        notes
    }
}

/// Says which roles a call that could not be mapped brought.
pub(crate) fn brings((source, name): &(String, String), brought: &Brought) -> String {
    let roles: Vec<&str> = brought.roles.iter().map(String::as_str).collect();
    let roles = match brought.untold {
        true if roles.is_empty() => "perhaps a role".to_owned(),
        true => format!("{}, and perhaps others where the record was cut", some(&roles)),
        false => some(&roles),
    };
    format!("{name} of {source}, which could not be mapped, brought {roles}")
}

impl GlobalName {
    /// Returns what is granted on names of which no call told that there is such a thing.
    fn nobodys(&self, principal: &Principal) -> BTreeSet<String> {
        let granted = principal.rows.iter().filter(|(key, _)| key.outcome.grants());
        let of = granted.filter_map(|(key, row)| Some((self.name(&key.resource)?, key, row)));
        let absent = |row: &Row| {
            let mut codes = row.error_codes.iter().peekable();
            codes.peek().is_some() && codes.all(|code| self.codes.contains(code))
        };
        let (missing, there): (Vec<_>, Vec<_>) =
            of.partition(|(_, key, row)| key.outcome == Outcome::GrantedWithError && absent(row));
        let there: BTreeSet<&str> = there.into_iter().map(|(name, ..)| name).collect();
        let missing = missing.into_iter().filter(|(name, ..)| !there.contains(name));
        missing.map(|(_, key, _)| format!("{} on {}", key.action, key.resource)).collect()
    }

    /// Returns the name that an ARN has before any `/`.
    fn name<'a>(&self, arn: &'a str) -> Option<&'a str> {
        let mut fields = arn.splitn(6, ':').skip(2);
        let own = fields.next().filter(|service| *service == self.service)?;
        // What has an account is not called by its name alone: an access point.
        let [_, account] = [fields.next()?, fields.next()?];
        let named = !own.is_empty() && account.is_empty();
        fields.next().filter(|_| named)?.split('/').next().filter(|name| !name.contains('*'))
    }
}

/// Says that different principals had one ARN, whose grants cannot be told apart.
#[must_use]
pub fn made_anew(principal: &Principal) -> Option<String> {
    let different = principal.ids.len();
    (different > 1).then(|| {
        format!(
            "{different} different principals had this ARN in the window: it was deleted and made anew, and \
             the grants are those of all of them; --since the last one was made leaves the others out"
        )
    })
}

/// Tells whether a condition on the service that a role is passed to lets it go to named ones only.
fn names_services(operator: &str, values: &[String]) -> bool {
    let operator = operator.to_ascii_lowercase();
    let operator = operator.rsplit(':').next().unwrap_or_default();
    let operator = operator.strip_suffix("ifexists").unwrap_or(operator);
    let open = |value: &String| value.starts_with(['*', '?']) || value.contains('$');
    matches!(operator, "stringequals" | "stringequalsignorecase" | "stringlike")
        && !values.iter().any(open)
}

/// Says by which names a user went before: what it did then is told with the rest.
#[must_use]
pub fn renamed(principal: &Principal) -> Option<String> {
    let former: Vec<String> = principal.former.keys().map(|arn| format!("`{arn}`")).collect();
    (!former.is_empty()).then(|| {
        format!(
            "it went by {} before, with the same unique id and policies: what it did under that name is told \
             here as well",
            former.join(", ")
        )
    })
}

impl AnyRole {
    /// Returns it in a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let to = match self.to.as_slice() {
            [] => String::new(),
            services => format!(" to {}", services.join(", ")),
        };
        let AnyRole { resource, from, why, .. } = self;
        let named: Vec<String> = from.iter().map(|one| format!("`{one}`")).collect();
        let from = some(&named.iter().map(String::as_str).collect::<Vec<_>>());
        format!(
            "warning: any role may be passed{to}, iam:PassRole is on {resource}: {why} ({from}); put the \
             role's ARN in its place"
        )
    }
}

impl Widening {
    /// Returns it in a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let grants: Vec<&str> = self.grants.iter().map(String::as_str).collect();
        format!("{}: {}", self.why, some(&grants))
    }
}

/// Tells whether nothing better is known of a resource than what it was taken to be.
fn is_assumed(row: &Row) -> bool {
    !row.origins.is_empty()
        && row.origins.iter().all(|origin| matches!(origin, Origin::Assumed { .. }))
}

fn is_any_role(key: &RowKey) -> bool {
    key.action == PASS_ROLE && key.resource.ends_with(":role/*")
}

fn passed_to(key: &RowKey) -> Vec<String> {
    let to = key.conditions.iter().filter(|condition| condition.key == PASSED_TO);
    to.flat_map(|condition| condition.values.iter().cloned()).collect()
}

/// Names the first of a list.
fn some(names: &[&str]) -> String {
    let listed = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => listed,
        more => format!("{listed} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_catalog::Condition;
    use trailtrim_iam::Statement;

    fn row(action: &str, resource: &str, origins: &[Origin]) -> (RowKey, Row) {
        let passed = Condition {
            operator: "StringEquals".into(),
            key: "iam:PassedToService".into(),
            values: vec!["ec2.amazonaws.com".into()],
        };
        let key = RowKey {
            action: action.into(),
            resource: resource.into(),
            conditions: if action == "iam:PassRole" { vec![passed] } else { Vec::new() },
            outcome: Outcome::Granted,
        };
        (key, Row { origins: origins.iter().cloned().collect(), ..Row::default() })
    }

    fn widened(from: &str, why: &str) -> Origin {
        Origin::Widened { from: from.into(), why: why.into() }
    }

    fn assumed() -> Origin {
        Origin::Assumed { why: "`/` is taken".into() }
    }

    #[test]
    fn what_the_records_leave_open_is_told_by_its_kind() {
        let named = Principal::new("arn:aws:iam::1:role/a").unwrap();
        let profiles = ["web", "api"].map(|from| widened(from, "not in the trail"));
        let rows = [
            row("iam:GetRole", "arn:aws:iam::1:role/x", &[assumed()]),
            // Another call told the path.
            row("iam:GetRole", "arn:aws:iam::1:role/y", &[Origin::Observed, assumed()]),
            row("iam:PassRole", "arn:aws:iam::1:role/*", &profiles),
            row("s3:GetObject", "arn:aws:s3:::b/*", &[widened("b/", "many names")]),
            row("s3:PutObject", "arn:aws:s3:::b/*", &[widened("b/", "many names")]),
            row("s3:ListAllMyBuckets", "*", &[Origin::RequiresStar]),
        ];
        let caveats = Caveats::of(&Principal { rows: rows.into_iter().collect(), ..named });
        assert_eq!(caveats.pathless, BTreeSet::from(["arn:aws:iam::1:role/x".to_owned()]));
        let passed = caveats.any_role.first().unwrap();
        assert_eq!(passed.to, ["ec2.amazonaws.com"]);
        assert_eq!(passed.from, BTreeSet::from(["api".to_owned(), "web".to_owned()]));
        let told: Vec<String> = caveats.widened.iter().map(Widening::told).collect();
        assert_eq!(
            told,
            ["many names: s3:GetObject on arn:aws:s3:::b/*, s3:PutObject on arn:aws:s3:::b/*"]
        );
        assert_eq!(caveats.notes().len(), 2);
    }

    #[test]
    fn a_role_that_may_be_passed_to_any_service_is_told_with_what_passes_it() {
        let named = Principal::new("arn:aws:iam::1:role/a").unwrap();
        let (key, value) = row("iam:PassRole", "arn:aws:iam::1:role/sms", &[]);
        let events = [("sns.amazonaws.com".to_owned(), "SetSMSAttributes".to_owned())];
        let open = (
            RowKey { conditions: Vec::new(), ..key },
            Row { events: events.into_iter().collect(), ..value },
        );
        let other = row("iam:PassRole", "arn:aws:iam::1:role/web", &[]);
        let principal = Principal { rows: [open, other].into_iter().collect(), ..named };
        let mut caveats = Caveats::of(&principal);
        let notes = caveats.notes();
        let [told] = notes.as_slice() else { panic!("{notes:?}") };
        assert!(told.contains("without `iam:PassedToService`"), "{told}");
        let by = "arn:aws:iam::1:role/sms by SetSMSAttributes of sns.amazonaws.com";
        assert!(told.ends_with(&format!(": {by}")), "{told}");
        // A draft may have the condition that is attached, or not have the role.
        let passing = |resource: &str, asking: Option<(&str, &str)>| {
            let mut statement = Statement::allow(["iam:Pass*"], [resource]);
            if let Some((operator, to)) = asking {
                statement.condition.add(operator, PASSED_TO, [to.to_owned()]);
            }
            PolicyDocument::new(vec![statement])
        };
        let sns = "sns.amazonaws.com";
        for (resource, asking, told) in [
            ("arn:aws:iam::1:role/*", None, true),
            ("arn:aws:iam::1:role/sms", None, true),
            ("arn:aws:iam::1:role/sms", Some(("StringEquals", sns)), false),
            ("arn:aws:iam::1:role/sms", Some(("ForAnyValue:StringLikeIfExists", sns)), false),
            ("arn:aws:iam::1:role/sms", Some(("StringNotEquals", sns)), true),
            ("arn:aws:iam::1:role/sms", Some(("StringLike", "*.amazonaws.com")), true),
            ("arn:aws:iam::1:role/web", None, false),
        ] {
            caveats.limit_passes(&[&passing(resource, asking)]);
            assert_eq!(caveats.to_any_service.is_empty(), !told, "{resource} {asking:?}");
            caveats = Caveats::of(&principal);
        }
    }

    #[test]
    fn what_nobody_has_and_anybody_may_make_is_told() {
        assert!(toml::from_str::<Data>(GLOBAL_NAMES).is_ok());
        let of = |rows: &[(&str, &str, &str)]| {
            let mut all = Principal::new("arn:aws:iam::1:role/a").unwrap();
            for (action, resource, code) in rows {
                let (key, row) = row(action, resource, &[]);
                let error_codes = Some(*code).filter(|code| !code.is_empty());
                let error_codes = error_codes.into_iter().map(str::to_owned).collect();
                let outcome =
                    if code.is_empty() { Outcome::Granted } else { Outcome::GrantedWithError };
                all.rows
                    .insert(RowKey { outcome, ..key }, Row { error_codes, certain: true, ..row });
            }
            Caveats::of(&all).notes()
        };
        let read = ("s3:GetObject", "arn:aws:s3:::typo/k", "NoSuchBucket");
        let told = of(&[read, ("s3:GetObject", "arn:aws:s3:::b/k", "NoSuchKey")]);
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert!(
            told.contains("no such bucket")
                && told.ends_with("s3:GetObject on arn:aws:s3:::typo/k")
        );
        // It was made in between, or is of an access point, which is of an account.
        assert!(of(&[read, ("s3:CreateBucket", "arn:aws:s3:::typo", "")]).is_empty());
        assert!(
            of(&[("s3:GetObject", "arn:aws:s3:r:1:accesspoint/a/object/k", "NoSuchBucket")])
                .is_empty()
        );
    }

    #[test]
    fn what_is_likely_and_not_certain_is_told_as_such() {
        let named = Principal::new("arn:aws:iam::1:role/a").unwrap();
        let table = "arn:aws:dynamodb:eu-west-1:1:table/t";
        let rows = [("PartiQLDelete", false), ("GetItem", true)].map(|(action, certain)| {
            let (key, row) = row(&format!("dynamodb:{action}"), table, &[]);
            (key, Row { certain, ..row })
        });
        let caveats = Caveats::of(&Principal { rows: rows.into_iter().collect(), ..named });
        let told = format!("dynamodb:PartiQLDelete on {table}");
        assert_eq!(caveats.likely, BTreeSet::from([told]));
    }
}

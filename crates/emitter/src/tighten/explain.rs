//! Why something worked that no attached policy allows.
//!
//! The first suspect is our own mapping: then its service freezes, so that nothing
//! is lost by it. It is let off only where the evidence has another explanation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;
use trailtrim_aggregator::{Activity, Days, EventHash, Holder, Principal, Row, RowKey, day};
use trailtrim_catalog::Catalog;
use trailtrim_iam::{
    self as iam, Action, Context, Layers, Outcome, Policies, Request, ResourcePolicyRole, evaluate,
    pattern,
};

use super::assign::NotAttached;
use crate::attached::{Attached, Inventory};
use crate::cover::service;
use crate::report::time;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    actions: Vec<String>,
    service: String,
    /// Patterns of actions of the service that no such policy is about.
    #[serde(default)]
    not: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

/// What hands the rights over something on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Through {
    service: String,
    resource: String,
    #[serde(rename = "reason")]
    _reason: String,
}

/// What takes such a policy away as a whole.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Removal {
    action: String,
    /// The actions that wrote it.
    of: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    resource_policy: Vec<Rule>,
    removal: Vec<Removal>,
    through: Vec<Through>,
}

static FILE: LazyLock<File> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    toml::from_str(include_str!("../../data/resource-policies.toml"))
        .expect("data/resource-policies.toml has the shape of `File`")
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setting {
    actions: Vec<String>,
    setting: String,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    setting: Vec<Setting>,
}

static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    let file: Settings = toml::from_str(include_str!("../../data/account-settings.toml"))
        .expect("data/account-settings.toml has the shape of `Settings`");
    file.setting
});

/// Tells whether the policy of a resource may be enough for an action, so that what an identity has
/// attached does not tell whether it can do it.
pub(crate) fn may_be_granted_elsewhere(action: &str) -> bool {
    let service = service(action);
    let except = |rule: &Rule| rule.not.iter().any(|one| pattern::covers_action(one, action));
    FILE.resource_policy.iter().any(|rule| rule.service == service && !except(rule))
}

/// An explanation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Explanation {
    /// The policies changed after it was last used.
    PolicyChanged {
        /// When, the last time.
        at: String,
    },
    /// A policy of the resource was written, or access to it granted, perhaps to this one.
    ResourcePolicy {
        /// By which action.
        action: String,
        /// On what.
        resource: String,
    },
    /// The trust policy of a role of the same account lets it in by itself.
    TrustPolicy {
        /// The role.
        resource: String,
    },
    /// A setting of the account allows it to all of its users.
    AccountSetting {
        /// Which.
        setting: String,
    },
    /// A policy is attached whose document was not given.
    UnknownPolicy {
        /// Which.
        name: String,
    },
    /// Nothing proves that the call needed it: the rules infer it from a parameter.
    Inferred,
    /// The same thing is allowed by an ARN in other letters: services stored names in small letters and do
    /// not any more, and no document says by which of the two a call is authorized.
    OtherSpelling {
        /// As what it is allowed.
        resource: String,
    },
    /// The same calls are allowed on what they went through, and the resource's policy may leave the rest to that.
    Through {
        /// What that is.
        resource: String,
    },
}

/// What everyone wrote into policies of resources, by account and service. It is gathered once: a call that
/// nothing attached allows is no rare thing, and everyone's rows are many.
pub(crate) struct Written<'a> {
    written: ByService<'a>,
    /// What took such policies away, by account and the service of the action.
    removed: ByService<'a>,
}

/// By account and service, calls with the days on which they were made.
type ByService<'a> = BTreeMap<(&'a str, &'static str), Vec<(&'a RowKey, Days)>>;

impl<'a> Written<'a> {
    /// Gathers it, in the order of principals and rows. Only calls that were made count: what another
    /// call needs as well (`s3:PutObjectAcl`, by a header of `PutObject`) is asked about, and is no
    /// answer.
    pub(crate) fn of(activity: &'a Activity, catalog: Catalog) -> Written<'a> {
        let mut writing: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
        for rule in &FILE.resource_policy {
            for action in &rule.actions {
                writing.entry(action).or_default().push(&rule.service);
            }
        }
        let removing: BTreeMap<&str, &'static str> =
            FILE.removal.iter().map(|one| (one.action.as_str(), service(&one.action))).collect();
        let (mut written, mut removed) = (ByService::new(), ByService::new());
        for principal in &activity.principals {
            let account = principal.account.as_str();
            for (key, row) in principal.rows.iter().filter(|(key, _)| key.outcome.grants()) {
                let action = key.action.as_str();
                let services = writing.get(action);
                let removes = removing.get(action);
                if (services.is_none() && removes.is_none()) || !was_made(key, row, catalog) {
                    continue;
                }
                let days = row.stats.days();
                for service in services.into_iter().flatten() {
                    written.entry((account, *service)).or_default().push((key, days.clone()));
                }
                if let Some(service) = removes {
                    removed.entry((account, *service)).or_default().push((key, days));
                }
            }
        }
        Written { written, removed }
    }

    /// Returns what was written about a resource before it was used, and not taken away by then: by another
    /// action than the one that is asked about, which would need the same explanation.
    fn about(&self, account: &str, service: &str, asked: &NotAttached<'_>) -> Option<&'a RowKey> {
        // Within a day, clocks and deliveries make the order uncertain.
        let used = day(asked.row.stats.first()?);
        let until = |days: &Days| days.iter().filter(|day| *day <= used).last();
        let removed = self.removed.get(&(account, service)).into_iter().flatten();
        let removed: Vec<(&str, i32)> = removed
            .filter(|(key, _)| is_about(&key.resource, &asked.key.resource))
            .filter_map(|(key, days)| Some((key.action.as_str(), until(days)?)))
            .collect();
        let is_gone = |wrote: &str, at: i32| {
            removed.iter().any(|(by, when)| *when > at && removes(by, wrote))
        };
        let mut all = self.written.get(&(account, service)).into_iter().flatten();
        let found = all.find(|(key, days)| {
            key.action != asked.key.action
                && is_about(&key.resource, &asked.key.resource)
                && until(days).is_some_and(|at| !is_gone(&key.action, at))
        });
        found.map(|(key, _)| *key)
    }
}

/// Tells whether an action takes away what another one wrote.
fn removes(by: &str, wrote: &str) -> bool {
    FILE.removal.iter().any(|one| one.action == by && one.of.iter().any(|of| of == wrote))
}

/// Tells whether all events behind a row are calls of the row's own action: the times are the row's, and an
/// event that only brings the action along may be the first of them.
fn was_made(key: &RowKey, row: &Row, catalog: Catalog) -> bool {
    !row.events.is_empty()
        && row.events.iter().all(|(source, name)| {
            let operation = catalog.operation(source, name);
            let own = key.action.split_once(':');
            own.is_some_and(|(service, name)| {
                operation.service() == Some(service) && operation.name() == name
            })
        })
}

/// What a principal did that something attached allows, by action and by the resource in small letters.
pub(crate) struct Spelled<'a> {
    all: BTreeMap<(&'a str, String), Vec<(&'a RowKey, &'a Row)>>,
    /// Those on what calls go through, by action and by each event that can be named.
    ways: BTreeMap<(&'a str, EventHash), Vec<(&'a RowKey, &'a Row)>>,
}

impl<'a> Spelled<'a> {
    /// Takes all that is not among `missing`, which nothing attached allows; nothing where nothing is.
    pub(crate) fn of(principal: &'a Principal, missing: &BTreeSet<&RowKey>) -> Spelled<'a> {
        let mut spelled = Spelled { all: BTreeMap::new(), ways: BTreeMap::new() };
        let used = principal.rows.iter().filter(|(key, _)| key.outcome.grants());
        for (key, row) in used.filter(|(key, _)| !missing.is_empty() && !missing.contains(key)) {
            let action = key.action.as_str();
            let place = (action, key.resource.to_ascii_lowercase());
            spelled.all.entry(place).or_default().push((key, row));
            if is_way(action, &key.resource) {
                for event in row.stats.hashes() {
                    spelled.ways.entry((action, event)).or_default().push((key, row));
                }
            }
        }
        spelled
    }

    /// Explains what is allowed by an ARN in other letters, where the rules brought both from the same calls: names
    /// are two things as a rule (`Jobs` and `jobs`, of queues), and calls of the other one tell nothing.
    pub(crate) fn explain(&self, one: &NotAttached<'_>) -> Option<Explanation> {
        let small = one.key.resource.to_ascii_lowercase();
        let place = (one.key.action.as_str(), small.clone());
        let mut others = self.all.get(&place)?.iter().filter(|(key, row)| {
            key.resource != one.key.resource && one.row.stats.is_within(&row.stats)
        });
        let (key, _) = others.next()?;
        Some(Explanation::OtherSpelling { resource: key.resource.clone() })
    }

    /// Explains what is allowed on what the same calls went through.
    pub(crate) fn through(&self, one: &NotAttached<'_>) -> Option<Explanation> {
        // Whatever has all of its events has the first of them, which few others have.
        let event = one.row.stats.hashes().next().filter(|_| !one.forbidden)?;
        let mut ways =
            self.ways.get(&(one.key.action.as_str(), event))?.iter().filter(|(key, row)| {
                key.resource != one.key.resource && one.row.stats.is_within(&row.stats)
            });
        let (key, _) = ways.next()?;
        Some(Explanation::Through { resource: key.resource.clone() })
    }
}

/// Tells whether a resource is one that calls of an action go through.
fn is_way(action: &str, resource: &str) -> bool {
    let mut ways = FILE.through.iter().filter(|way| way.service == service(action)).peekable();
    ways.peek().is_some() && {
        let named = resource.splitn(6, ':').nth(5).unwrap_or_default();
        ways.any(|way| named.starts_with(&way.resource))
    }
}

/// Explains what it can.
pub(crate) fn explain(
    one: &NotAttached<'_>,
    principal: &Principal,
    attached: &Attached,
    inventory: &Inventory,
    activity: &Activity,
    written: &Written<'_>,
) -> Option<Explanation> {
    if !one.row.certain {
        return Some(Explanation::Inferred);
    }
    if let Some(unknown) = attached.unknown.first() {
        return Some(Explanation::UnknownPolicy { name: unknown.name.clone() });
    }
    if let Some(at) = changed_since(one, principal, attached, inventory, activity) {
        return Some(Explanation::PolicyChanged { at });
    }
    if let Some(setting) = allowed_to_users(one, principal) {
        return Some(Explanation::AccountSetting { setting: setting.to_owned() });
    }
    let service = service(&one.key.action);
    let own_account = |resource: &str| {
        let account = resource.split(':').nth(4).unwrap_or_default();
        account.is_empty() || account == principal.account
    };
    // Across accounts, the identity's own policy must allow as well.
    if !own_account(&one.key.resource) {
        return None;
    }
    if let Some(explanation) = let_in(one, principal, inventory) {
        return Some(explanation);
    }
    let key = written.about(&principal.account, service, one)?;
    Some(Explanation::ResourcePolicy { action: key.action.clone(), resource: key.resource.clone() })
}

/// Explains what the trust policy of a role lets a principal of its account do by itself: where it names it, and
/// not only the account.
fn let_in(
    one: &NotAttached<'_>,
    principal: &Principal,
    inventory: &Inventory,
) -> Option<Explanation> {
    let NotAttached { key, forbidden: false, .. } = one else { return None };
    let trust = inventory.trusts.get(&key.resource)?;
    let mut request = Request::new(Action::parse(&key.action).ok()?, key.resource.as_str());
    request.principal = Some(iam::Principal::parse(&principal.arn).ok()?);
    // What a condition asks of a call that worked, held.
    request.context = Context::open();
    let trust = Policies::compile([trust]);
    let layers = Layers {
        resource: Some(&trust),
        resource_role: ResourcePolicyRole::Required,
        ..Layers::default()
    };
    let may = matches!(evaluate(&layers, &request).outcome, Outcome::Allowed | Outcome::Unknown);
    may.then(|| Explanation::TrustPolicy { resource: key.resource.clone() })
}

/// Returns the setting of the account that allows something to all users to whom it is not forbidden.
fn allowed_to_users(one: &NotAttached<'_>, principal: &Principal) -> Option<&'static str> {
    let is_user = principal.kind == trailtrim_aggregator::PrincipalKind::User;
    let mut settings = SETTINGS.iter().filter(|_| is_user && !one.forbidden);
    let setting = settings.find(|setting| setting.actions.contains(&one.key.action))?;
    Some(&setting.setting)
}

/// Tells whether a policy of `owner` speaks of `resource`: of itself or what is below it.
fn is_about(owner: &str, resource: &str) -> bool {
    if owner == "*" {
        return false;
    }
    if pattern::covers(owner, resource) {
        return true;
    }
    let below = resource.strip_prefix(owner);
    below.is_some_and(|rest| rest.starts_with(['/', ':']))
}

/// Returns when the principal's policies last changed, if that was after the last use.
fn changed_since(
    one: &NotAttached<'_>,
    principal: &Principal,
    attached: &Attached,
    inventory: &Inventory,
    activity: &Activity,
) -> Option<String> {
    let last = one.row.stats.last()?;
    let kind = match principal.kind {
        trailtrim_aggregator::PrincipalKind::Role => Holder::Role,
        trailtrim_aggregator::PrincipalKind::User => Holder::User,
    };
    let policies = || inventory.bundles_of(attached).flat_map(|(_, bundle)| &bundle.policies);
    let concerns = |change: &trailtrim_aggregator::PolicyChange| match &change.holder {
        Some(_) => {
            let groups = policies().filter_map(|policy| policy.group.as_deref());
            change.is_of(&principal.account, kind, [attached.name.as_str()])
                || change.is_of(&principal.account, Holder::Group, groups)
        }
        None => {
            let boundary = attached.boundary.as_ref().and_then(|one| one.arn.as_ref());
            let mut arns = policies().filter_map(|policy| policy.arn.as_ref()).chain(boundary);
            arns.any(|arn| Some(arn) == change.policy.as_ref())
        }
    };
    let changes = activity.policy_changes.iter().filter(|(change, _)| concerns(change));
    let at = changes.map(|(_, time)| *time).max()?;
    // Within a day, clocks and deliveries make the order uncertain.
    (day(at) >= day(last)).then(|| time(at)).flatten()
}

/// Returns the services that freeze because of something unexplained, with why: that of the action,
/// and those of the events behind it, which perhaps need something else. Each is an IAM prefix: what only
/// the event's source is called (`monitoring`, of `cloudwatch`) names no action.
pub(crate) fn frozen_by(one: &NotAttached<'_>, catalog: Catalog) -> BTreeMap<String, String> {
    let action = &one.key.action;
    let events: Vec<String> =
        one.row.events.iter().map(|(source, name)| format!("{source} {name}")).collect();
    let how = match one.forbidden {
        true => "a Deny statement or the boundary forbids that",
        false => "what is attached does not allow that",
    };
    let why = format!(
        "{} succeeded, which by the rules needs {action} on `{}`, and {how}: perhaps the rules are wrong",
        events.join(", "),
        one.key.resource
    );
    let mut services: Vec<String> =
        action.split(':').next().map(str::to_owned).into_iter().collect();
    for (source, name) in &one.row.events {
        services.extend(catalog.operation(source, name).service().map(str::to_owned));
        let label = source.strip_suffix(".amazonaws.com");
        let prefix = label.filter(|label| catalog.service(label).is_some());
        services.extend(prefix.map(str::to_owned));
    }
    services.into_iter().map(|service| (service, why.clone())).collect()
}

#[cfg(test)]
mod tests {
    use trailtrim_aggregator::EventKey;

    use super::*;

    #[test]
    fn every_writing_action_is_in_the_catalog() {
        let catalog = Catalog::embedded();
        for rule in &FILE.resource_policy {
            assert!(catalog.service(&rule.service).is_some(), "{}", rule.service);
            for action in &rule.actions {
                assert_eq!(catalog.action(action).map(|facts| facts.id()), Some(action.as_str()));
            }
            for but in &rule.not {
                let known = || {
                    catalog
                        .service(&rule.service)
                        .into_iter()
                        .flat_map(trailtrim_catalog::ServiceFacts::actions)
                        .any(|facts| pattern::covers_action(but, facts.id()))
                };
                assert!(known(), "{but}");
            }
        }
        assert!(may_be_granted_elsewhere("lambda:InvokeFunction"));
        assert!(!may_be_granted_elsewhere("lambda:RunMicrovm"));
    }

    #[test]
    fn what_is_removed_was_written_by_an_action_of_its_service() {
        let catalog = Catalog::embedded();
        for removal in &FILE.removal {
            let known = catalog.action(&removal.action).map(|facts| facts.id());
            assert_eq!(known, Some(removal.action.as_str()));
            assert!(!removal.of.is_empty());
            for wrote in &removal.of {
                let mut rules = FILE.resource_policy.iter();
                let service = service(&removal.action);
                assert!(
                    rules.any(|rule| rule.service == service && rule.actions.contains(wrote)),
                    "{wrote}"
                );
            }
        }
    }

    #[test]
    fn what_a_setting_of_the_account_allows_is_explained_for_users_alone() {
        let catalog = Catalog::embedded();
        let row = Row::default();
        for action in SETTINGS.iter().flat_map(|setting| &setting.actions) {
            assert_eq!(catalog.action(action).map(|facts| facts.id()), Some(action.as_str()));
            let key = RowKey {
                action: action.clone(),
                resource: "*".to_owned(),
                conditions: Vec::new(),
                outcome: trailtrim_aggregator::Outcome::Granted,
            };
            let explained = |arn: &str, forbidden| {
                let principal = Principal::new(arn).unwrap();
                let one = NotAttached { principal: arn, key: &key, row: &row, forbidden };
                allowed_to_users(&one, &principal).is_some()
            };
            assert!(explained("arn:aws:iam::111122223333:user/u", false), "{action}");
            assert!(!explained("arn:aws:iam::111122223333:user/u", true), "{action}");
            assert!(!explained("arn:aws:iam::111122223333:role/r", false), "{action}");
        }
    }

    #[test]
    fn every_writing_action_has_a_call_of_its_name() {
        let catalog = Catalog::embedded();
        for action in FILE.resource_policy.iter().flat_map(|rule| &rule.actions) {
            let (service, name) = action.split_once(':').unwrap_or_default();
            let key = RowKey {
                action: action.clone(),
                resource: "*".to_owned(),
                conditions: Vec::new(),
                outcome: trailtrim_aggregator::Outcome::Granted,
            };
            let of = |source: &str, name: &str| {
                let mut row = Row::default();
                row.events.insert((format!("{source}.amazonaws.com"), name.to_owned()));
                row
            };
            assert!(was_made(&key, &of(service, name), catalog), "{action}");
            assert!(!was_made(&key, &of("s3", "PutObject"), catalog), "{action}");
        }
    }

    #[test]
    fn only_what_calls_go_through_is_asked_by_their_events() {
        let mut principal = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
        let point = "arn:aws:s3:eu-west-1:111122223333:accesspoint/p/object";
        let row = |events: &[&str]| {
            let mut row = Row::default();
            for id in events {
                let event = EventKey { key: id, event_id: id, time: None, region: "eu-west-1" };
                row.stats.add(event, &"a.json".into());
            }
            row
        };
        let key = |resource: &str| RowKey {
            action: "s3:GetObject".to_owned(),
            resource: resource.to_owned(),
            conditions: Vec::new(),
            outcome: trailtrim_aggregator::Outcome::Granted,
        };
        let asked: Vec<(RowKey, Row, bool)> = vec![
            (key("arn:aws:s3:::b/one"), row(&["1"]), true),
            (key("arn:aws:s3:::b/part"), row(&["3"]), true),
            (key("arn:aws:s3:::b/beside"), row(&["4"]), false),
            (key("arn:aws:s3:::b/more"), row(&["2", "4"]), false),
        ];
        let others = [
            (key(&format!("{point}/one")), row(&["1"])),
            (key(&format!("{point}/two")), row(&["2", "3"])),
            (key("arn:aws:s3:::own/beside"), row(&["4"])),
        ];
        let missing = asked.iter().map(|(key, ..)| key).collect();
        principal.rows.extend(others);
        let spelled = Spelled::of(&principal, &missing);
        assert_eq!(spelled.ways.len(), 3, "no other row is looked at");
        for (key, row, expected) in &asked {
            let mut one = NotAttached { principal: &principal.arn, key, row, forbidden: false };
            assert_eq!(spelled.through(&one).is_some(), *expected, "{key:?}");
            one.forbidden = true;
            assert_eq!(spelled.through(&one), None);
        }
    }

    #[test]
    fn a_buckets_policy_speaks_of_its_objects() {
        assert!(is_about("arn:aws:s3:::b", "arn:aws:s3:::b/k"));
        assert!(!is_about("arn:aws:s3:::b", "arn:aws:s3:::bb/k"));
        assert!(!is_about("*", "arn:aws:s3:::b/k"));
    }
}

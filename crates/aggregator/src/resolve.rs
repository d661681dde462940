//! From usage to grants: what each principal used, in IAM's words.
//!
//! This is where everything is decided that [`observe`](crate::observe) left
//! open: outcomes, which copy of a shared event to believe, which role a bare
//! session belongs to, and with the catalog the actions and ARNs of each call.
//! It runs over distinct calls, so it costs little beside reading the archive.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rayon::prelude::*;
use trailtrim_catalog::Catalog;

use crate::activity::{Activity, Principal};
use crate::assumed::assumptions;
use crate::call::{Call, Copy};
use crate::facts::{Background, Facts, Known};
use crate::federated::{self, federated};
use crate::history::{self, policy_changes};
use crate::identity::{Outsider, PrincipalKey, Reason};
use crate::lives;
use crate::needed::{Made, Taken};
use crate::outcome::Outcome;
use crate::signed_in::{Tried, sign_ins};
use crate::sketch::{Hash, Sketch};
use crate::stats::{Join, Stats};
use crate::usage::Usage;
use crate::workload::{self, Acted, Part, Workload, Workloads};

/// The keys that one principal was seen under, with the calls of each.
type Keys<'u> = Vec<(&'u PrincipalKey, &'u Workloads)>;

/// Names the permissions behind everything observed.
pub fn resolve(usage: &Usage, catalog: Catalog) -> Activity {
    resolve_knowing(usage, Background::default(), catalog)
}

/// Does the same with what is known about names beside what the usage itself teaches.
pub fn resolve_knowing(usage: &Usage, background: Background<'_>, catalog: Catalog) -> Activity {
    resolve_as(usage, &Known::new(Facts::learn(usage, catalog), background), catalog, |_| None)
}

/// Does the same for each workload by itself: a principal comes once for each of its workloads, in
/// their order.
pub fn resolve_by_workload(usage: &Usage, catalog: Catalog) -> Activity {
    let known = Known::new(Facts::learn(usage, catalog), Background::default());
    resolve_as(usage, &known, catalog, |workload| Some(workload.clone()))
}

/// Names the permissions behind what was observed of some principals only; nothing where the answer
/// may be another one with what is known of everybody.
pub fn resolve_some(usage: &Usage, catalog: Catalog) -> Option<Activity> {
    let facts = Known::new(Facts::learn(usage, catalog), Background::default());
    let activity = resolve_as(usage, &facts, catalog, |_| None);
    (!facts.were_asked()).then_some(activity)
}

/// What becomes of everyone who goes by one ARN.
enum Resolved {
    /// One role or user, in as many parts as it is split into.
    Principals(Vec<Principal>),
    /// Seen from the resource owner's side only, or no role or user at all.
    Outside(Outsider, Stats),
}

/// Returns the other ARNs that a user went by, each with when it last did.
fn former(arn: &str, keys: &Keys<'_>) -> BTreeMap<String, i64> {
    let others = keys.iter().filter(|(key, _)| *key.arn != *arn && key.arn.contains(":user/"));
    let mut former = BTreeMap::new();
    for (key, calls) in others {
        let last = calls.iter().filter_map(|(_, seen)| seen.last()).max();
        let at = former.entry(key.arn.to_string()).or_insert(i64::MIN);
        *at = last.map_or(*at, |last| last.max(*at));
    }
    former
}

/// Returns when the last one of several that had an ARN, each with an id of its own, was first seen.
fn reborn(keys: &Keys<'_>) -> Option<i64> {
    let mut first: BTreeMap<&str, i64> = BTreeMap::new();
    for (key, calls) in keys {
        let seen = calls.iter().filter_map(|(_, seen)| seen.first()).min();
        if let Some((id, seen)) = key.id.as_deref().zip(seen) {
            let known = first.entry(id).or_insert(seen);
            *known = seen.min(*known);
        }
    }
    first.values().max().copied().filter(|_| first.len() > 1)
}

fn resolve_one(
    arn: &str,
    keys: &Keys<'_>,
    path_known: bool,
    facts: &Known<'_>,
    catalog: Catalog,
    split: &(impl Fn(&Workload) -> Option<Workload> + Sync),
) -> Resolved {
    let own = keys.iter().any(|(_, calls)| calls.any_frame(|frame| frame.copy == Copy::Caller));
    let Some(mut principal) = Principal::new(arn).filter(|_| own) else {
        let reason = if own { Reason::Unidentified } else { Reason::OtherAccount };
        let mut stats = Stats::default();
        let calls = keys.iter().flat_map(|(_, calls)| calls.iter());
        calls.for_each(|(_, seen)| stats.join(seen.clone()));
        return Resolved::Outside(Outsider { reason, identity: arn.into() }, stats);
    };
    principal.ids =
        keys.iter().filter_map(|(key, _)| key.id.as_deref().map(str::to_owned)).collect();
    principal.reborn = reborn(keys);
    principal.former = former(arn, keys);
    principal.path_known = path_known;
    let parts = workload::parts(keys.iter().map(|(key, workloads)| (&*key.arn, *workloads)));
    let mut gathered: BTreeMap<Option<Workload>, Vec<&Part<'_>>> = BTreeMap::new();
    for part in &parts {
        principal.workloads.entry(part.workload.clone()).or_default().join(Acted::of(part));
        gathered.entry(split(&part.workload)).or_default().push(part);
    }
    let own_copies = OwnCopies::of(&parts);
    let of_workloads = gathered.into_iter().map(|(workload, parts)| {
        let mut principal = Principal { workload, ..principal.clone() };
        for part in parts {
            // The name that whoever made them had then, unless it is somebody else's since.
            let former = principal.former.get_key_value(part.by).map(|(arn, _)| arn.clone());
            let given_up = former.filter(|arn| !facts.is_of_another(arn, &principal.ids));
            let before = std::mem::take(&mut principal.rows);
            for (frame, calls) in part.calls.by_frame() {
                // Nothing of these hangs on a name.
                let (operation, outcome) = (frame.operation(catalog), Outcome::of(&frame, catalog));
                for (call, stats) in calls {
                    let poorer = call.copy == Copy::Owner && own_copies.hold(&call, stats);
                    principal.take_up(Taken {
                        call: &call,
                        stats,
                        operation: &operation,
                        outcome,
                        made: Made { poorer, given_up: given_up.as_deref() },
                        facts,
                        catalog,
                    });
                }
            }
            if !principal.former.is_empty() {
                let rows = principal.rows.values_mut();
                rows.for_each(|row| row.by.extend([part.by.to_owned()]));
            }
            let since = std::mem::replace(&mut principal.rows, before);
            since
                .into_iter()
                .for_each(|(key, row)| principal.rows.entry(key).or_default().join(row));
        }
        principal
    });
    Resolved::Principals(of_workloads.collect())
}

/// `split` says what the calls of a workload are gathered under.
fn resolve_as(
    usage: &Usage,
    facts: &Known<'_>,
    catalog: Catalog,
    split: impl Fn(&Workload) -> Option<Workload> + Sync,
) -> Activity {
    let mut outsiders = usage.outsiders.clone();
    // One principal can hide behind several keys: ids of a recreated role, sessions without path.
    let mut grouped: BTreeMap<String, Keys<'_>> = BTreeMap::new();
    let mut pathless = BTreeSet::new();
    for (key, calls) in usage.principals() {
        let (arn, path_known) = facts.principal_arn(key);
        if !path_known {
            pathless.insert(arn.clone());
        }
        grouped.entry(arn).or_default().push((key, calls));
    }
    // Each by itself, on as many threads as there are: the order stays.
    let grouped: Vec<(String, Keys<'_>)> = grouped.into_iter().collect();
    let resolved: Vec<Resolved> = grouped
        .into_par_iter()
        .map(|(arn, keys)| {
            let path_known = !pathless.contains(&arn);
            resolve_one(&arn, &keys, path_known, facts, catalog, &split)
        })
        .collect();
    let mut principals = Vec::new();
    for one in resolved {
        match one {
            Resolved::Principals(of_workloads) => principals.extend(of_workloads),
            Resolved::Outside(outsider, stats) => {
                outsiders.entry(outsider).or_default().join(stats)
            }
        }
    }
    Tried::of(usage, facts).add(facts, catalog, &outsiders, &mut principals);
    let federated = federated(usage, facts, catalog);
    for principal in principals.iter_mut().filter(|_| !federated.is_empty()) {
        principal.federated = federated.get(&principal.arn).cloned().unwrap_or_default();
        federated::mark_own(principal);
    }
    let settings = facts.settings();
    let settings = settings.by_workload();
    for principal in &mut principals {
        principal.set_up = settings.of(principal);
        principal.set_up_untold = settings.untold(principal);
    }
    lives::mark(&mut principals);
    let mut policy_changes = policy_changes(usage, catalog);
    for principal in principals.iter().filter(|principal| !principal.former.is_empty()) {
        history::of_former_names(&mut policy_changes, principal);
    }
    let (signed_in, excluded) = sign_ins(usage, facts);
    Activity {
        principals,
        outsiders,
        other_events: usage.other.clone(),
        amended: usage.amended.clone(),
        policy_changes,
        assumed: assumptions(usage, catalog),
        signed_in,
        excluded,
    }
}

/// The events of which the caller's own copy was delivered. They are told by hash while few equal ones
/// are, and by sketches else: where those do not show it, the owner's copy is believed as well.
#[derive(Debug, Default)]
struct OwnCopies {
    hashes: HashSet<Hash>,
    /// All events of an operation, by the source and the name of its events.
    all: HashMap<(String, String), Sketch>,
}

impl OwnCopies {
    fn of(parts: &[Part<'_>]) -> Self {
        let owned = |frame: &Call<'_>| frame.copy == Copy::Owner;
        let of_owners = parts.iter().flat_map(|part| part.calls.framed(owned));
        let mut all: HashMap<_, _> =
            of_owners.map(|(call, _)| (operation(&call), Sketch::default())).collect();
        let mut hashes = HashSet::new();
        if !all.is_empty() {
            let own = |frame: &Call<'_>| frame.copy != Copy::Owner;
            for (call, stats) in parts.iter().flat_map(|part| part.calls.framed(own)) {
                if let Some(all) = all.get_mut(&operation(&call)) {
                    hashes.extend(stats.hashes());
                    all.join(&stats.counted());
                }
            }
        }
        OwnCopies { hashes, all }
    }

    /// Says whether all these events are among them.
    fn hold(&self, call: &Call<'_>, stats: &Stats) -> bool {
        let counted = stats.counted();
        let few = counted.hashes();
        few.is_some_and(|few| few.iter().all(|hash| self.hashes.contains(hash)))
            || self.all.get(&operation(call)).is_some_and(|own| own.shows(&counted))
    }
}

/// Returns the source and the name of a call's events.
fn operation(call: &Call<'_>) -> (String, String) {
    (call.event_source.to_string(), call.event_name.to_string())
}

#[cfg(test)]
mod tests {
    use trailtrim_ingest::{Provenance, Record};

    use super::*;
    use crate::activity::Unmapped;
    use crate::observe::Observer;
    use crate::scope::Scope;

    /// Copies of one event, by the account they were delivered to: the caller's names the secret, the
    /// owner's does not.
    fn copy(id: usize, owner: bool) -> String {
        let (recipient, request) = if owner {
            ("444455556666", "null".to_owned())
        } else {
            let secret = id / 30;
            let arn =
                format!("arn:aws:secretsmanager:eu-west-1:111122223333:secret:s{secret}-a1B2c3");
            ("111122223333", format!(r#"{{"secretId":"{arn}"}}"#))
        };
        format!(
            r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}},
            "eventTime":"2026-03-02T10:00:00Z","eventSource":"secretsmanager.amazonaws.com","eventName":"GetSecretValue",
            "awsRegion":"eu-west-1","recipientAccountId":"{recipient}","eventID":"{recipient}-{id}","sharedEventID":"e{id}",
            "requestParameters":{request}}}"#
        )
    }

    fn resources(copies: impl IntoIterator<Item = String>) -> Vec<String> {
        let scope = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        for text in copies {
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
        }
        let activity = resolve(&observer.into_usage(), Catalog::embedded());
        let rows = activity.principals.iter().flat_map(|principal| principal.rows.keys());
        rows.map(|row| row.resource.clone()).collect()
    }

    #[test]
    fn where_a_bucket_is_not_told_nothing_is_known_of_s3_and_of_who_reads_it() {
        let text = r#"{"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"},
            "eventTime":"2026-03-02T10:00:00Z","eventSource":"rekognition.amazonaws.com","eventName":"DetectLabels",
            "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"1",
            "requestParameters":{"image":{"s3Object":{"bucket":"HIDDEN_DUE_TO_SECURITY_REASONS","name":"a.png"}}}}"#;
        let scope = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        observer.observe(&Provenance::bare(&"a".into()), &Record::parse(text).unwrap());
        let activity = resolve(&observer.into_usage(), Catalog::embedded());
        let principal = activity.principals.first().unwrap();
        assert!(
            principal.rows.keys().all(|row| !row.action.starts_with("s3:")),
            "{:?}",
            principal.rows
        );
        assert_eq!(principal.frozen, ["rekognition", "s3"].map(str::to_owned).into());
    }

    #[test]
    fn who_was_made_anew_is_there_since_the_last_id_was_seen() {
        let call = |id: &str, day: u8| {
            format!(
                r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333",
                "principalId":"{id}","userName":"jo"}},"eventTime":"2026-03-0{day}T10:00:00Z","eventSource":"sqs.amazonaws.com",
                "eventName":"ListQueues","awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"{id}{day}"}}"#
            )
        };
        let reborn = |calls: &[(&str, u8)]| {
            let scope = Scope::default();
            let mut observer = Observer::new(Catalog::embedded(), &scope);
            for (id, day) in calls {
                let text = call(id, *day);
                observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
            }
            let activity = resolve(&observer.into_usage(), Catalog::embedded());
            let at = activity.principals.first().unwrap().reborn?;
            Some(at.div_euclid(86_400) - 20_513)
        };
        assert_eq!(reborn(&[("AIDAOLD", 1), ("AIDAOLD", 3)]), None);
        assert_eq!(reborn(&[("AIDANEW", 4), ("AIDANEW", 6), ("AIDAOLD", 1)]), Some(3));
    }

    /// What one call tells of whoever made it.
    fn who_called((source, name): (&str, &str), request: &str, error: &str) -> Principal {
        let text = format!(
            r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}},
            "eventTime":"2026-03-02T10:00:00Z","eventSource":"{source}","eventName":"{name}",
            "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"e","requestParameters":{request}{error}}}"#
        );
        let scope = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
        let activity = resolve(&observer.into_usage(), Catalog::embedded());
        activity.principals.into_iter().next().unwrap()
    }

    #[test]
    fn what_is_named_by_less_than_an_arn_is_not_granted_by_it() {
        // In a policy it would be every resource of the service.
        let of = |arn: &str| {
            let request = format!(r#"{{"resourceArn":"{arn}"}}"#);
            who_called(("memorydb.amazonaws.com", "ListTags"), &request, "")
        };
        let whole = of("arn:aws:memorydb:eu-west-1:111122223333:cluster/c");
        assert!(whole.rows.keys().any(|row| row.resource.ends_with(":cluster/c")));
        for arn in ["arn:aws:memorydb", "arn:aws:memorydb:eu-west-1:111122223333"] {
            let principal = of(arn);
            assert!(principal.rows.is_empty() && principal.frozen.contains("memorydb"), "{arn}");
        }
    }

    #[test]
    fn of_parameters_that_were_left_out_nothing_is_concluded() {
        let frozen = |request: &str, error: &str| {
            let principal =
                who_called(("lambda.amazonaws.com", "CreateFunction20150331"), request, error);
            assert!(principal.rows.keys().any(|row| row.action == "lambda:CreateFunction"));
            assert!(!principal.rows.keys().any(|row| row.action == "iam:PassRole"));
            principal.frozen
        };
        let omitted =
            r#"{"omitted":true,"originalSize":120000,"reason":"Field size exceeds limit"}"#;
        for request in [omitted, r#""HIDDEN_DUE_TO_SECURITY_REASONS""#] {
            let frozen = frozen(request, "");
            // The role that it passed may be called unused as little as what else it made.
            assert!(frozen.contains("lambda") && frozen.contains("iam"), "{request}: {frozen:?}");
        }
        // What was refused needed nothing, and a member of the name says nothing of the others.
        assert!(frozen(omitted, r#","errorCode":"AccessDenied""#).is_empty());
        assert!(frozen(r#"{"functionName":"f","omitted":false}"#, "").is_empty());
    }

    #[test]
    fn a_role_that_an_unverified_call_brings_may_be_passed() {
        let frozen = |request: &str, error: &str| {
            let principal = who_called(
                ("glue.amazonaws.com", "CreateDataQualityEvaluationConfig"),
                request,
                error,
            );
            assert!(principal.rows.is_empty());
            let brought = principal.brought.into_values();
            let roles: Vec<String> = brought.flat_map(|brought| brought.roles).collect();
            (principal.frozen.into_iter().collect::<Vec<_>>(), roles)
        };
        let role = "arn:aws:iam::111122223333:role/quality";
        let with = format!(r#"{{"name":"q","role":"{role}"}}"#);
        let glue = || vec!["glue".to_owned()];
        assert_eq!(frozen(&with, ""), (glue(), vec![role.to_owned()]));
        assert_eq!(frozen(r#"{"name":"q"}"#, ""), (glue(), Vec::new()));
        assert_eq!(frozen(&with, r#","errorCode":"AccessDenied""#), Default::default());
    }

    #[test]
    fn an_event_that_nobody_knows_may_have_passed_a_role() {
        let perhaps = |name: &str, error: &str| {
            let role = r#"{"name":"q","role":"arn:aws:iam::111122223333:role/quality"}"#;
            let principal = who_called(("glue.amazonaws.com", name), role, error);
            assert!(principal.unmapped.keys().any(|key| key.kind == Unmapped::Unknown));
            let mut brought = principal.brought.into_values();
            brought.next().map(|brought| (brought.roles.len(), brought.untold))
        };
        assert_eq!(perhaps("CreateSomethingNew", ""), Some((0, true)));
        assert_eq!(perhaps("Getaway", ""), Some((0, true)));
        assert_eq!(perhaps("GetSomethingNew", ""), None);
        assert_eq!(perhaps("CreateSomethingNew", r#","errorCode":"AccessDenied""#), None);
    }

    #[test]
    fn of_an_answer_that_was_left_out_nothing_is_concluded() {
        let of = |response: &str| {
            let text = format!(
                r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}},
                "eventTime":"2026-03-02T10:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"RunInstances",
                "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"e","requestParameters":{{
                "instancesSet":{{"items":[{{"imageId":"ami-0a1b2c3d4e5f60718"}}]}}}},"responseElements":{response}}}"#
            );
            let scope = Scope::default();
            let mut observer = Observer::new(Catalog::embedded(), &scope);
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
            let activity = resolve(&observer.into_usage(), Catalog::embedded());
            let principal = activity.principals.into_iter().next().unwrap();
            // What the request names is needed all the same.
            assert!(
                principal.rows.keys().any(|row| row.resource.ends_with("ami-0a1b2c3d4e5f60718"))
            );
            principal.frozen
        };
        let omitted =
            r#"{"omitted":true,"originalSize":150000,"reason":"responseElements too large"}"#;
        assert!(of(omitted).contains("ec2"));
        assert!(of(r#"{"instancesSet":{"items":[]}}"#).is_empty() && of("null").is_empty());
    }

    #[test]
    fn what_was_denied_is_told_by_the_call_where_the_message_names_nothing() {
        let record = |project: &str, error: &str| {
            format!(
                r#"{{"userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"}},
                "eventTime":"2026-03-02T10:00:00Z","eventSource":"codebuild.amazonaws.com","eventName":"StartBuild",
                "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"{project}",
                "requestParameters":{{"projectName":"{project}"}}{error}}}"#
            )
        };
        let message = "User: arn:aws:iam::111122223333:user/jo is not authorized to perform: codebuild:StartBuild";
        let error = format!(r#","errorCode":"AccessDeniedException","errorMessage":"{message}""#);
        let project =
            |name: &str| format!("arn:aws:codebuild:eu-west-1:111122223333:project/{name}");
        let denied = resources([record("p1", &error), record("p2", &error)]);
        assert_eq!(denied, [project("p1"), project("p2")]);
        // A secret's ARN has more than its name.
        let secret = r#"{"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/jo","accountId":"111122223333"},
            "eventTime":"2026-03-02T10:00:00Z","eventSource":"secretsmanager.amazonaws.com","eventName":"GetSecretValue",
            "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventID":"s","requestParameters":{"secretId":"x"},
            "errorCode":"AccessDenied","errorMessage":"User: arn:aws:iam::111122223333:user/jo is not authorized to perform: secretsmanager:GetSecretValue on resource: x because no identity-based policy allows the secretsmanager:GetSecretValue action"}"#;
        let named = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x-??????";
        assert_eq!(resources([secret.to_owned()]), [named]);
        // Its name may have slashes, or what looks like the ending.
        for (name, tail) in [("prod/db", "-??????"), ("prod/app/db", "-??????"), ("db-abcdef", "*")]
        {
            let of = secret.replace(r#""secretId":"x""#, &format!(r#""secretId":"{name}""#));
            let of = of.replace("resource: x because", &format!("resource: {name} because"));
            assert_eq!(resources([of]), [named.replace("x-??????", &format!("{name}{tail}"))]);
        }
        // Where the call names nothing either, what is made there may be any of its kind.
        let bare = record("p1", &error).replace(r#"{"projectName":"p1"}"#, "null");
        assert_eq!(resources([bare]), [project("*")]);
    }

    #[test]
    fn an_owners_copy_widens_nothing_where_the_caller_has_its_own() {
        // Few and many events; the caller's copies are of ten calls, the owner's of one.
        for events in [100, 300] {
            let all = 0..events;
            let copies =
                all.clone().map(|id| copy(id, false)).chain(all.clone().map(|id| copy(id, true)));
            let resources = resources(copies);
            assert_eq!(resources.len(), events.div_ceil(30), "{resources:?}");
            assert!(!resources.iter().any(|resource| resource.ends_with('*')), "{resources:?}");
        }
        // Half of them came without: then what they tell is all there is.
        let copies = (0..300).map(|id| copy(id, false)).chain((150..450).map(|id| copy(id, true)));
        assert!(resources(copies).iter().any(|resource| resource.ends_with('*')));
    }
}

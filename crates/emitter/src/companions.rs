//! Actions that go with what was used and that a draft from behaviour does not have.
//!
//! They rarely show on their own, so that they were not seen says little. But that they were needed is
//! not known either: a draft never adds them, and says so. Where they are attached, a
//! [diff](crate::diff) keeps them.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Principal, Row, RowKey};
use trailtrim_catalog::{Catalog, Companion, Part};
use trailtrim_iam::{PolicyDocument, pattern};

use crate::baseline::{baseline, workload_companions};
use crate::cover::service;
use crate::renewed::is_of_all;

/// Through whom S3 and others call KMS with the caller's permissions, by what records say.
const INTERNAL: &str = "AWS Internal";

/// Actions that go with others that were used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingCompanions {
    /// What is not granted.
    pub actions: BTreeSet<&'static str>,
    /// What is granted and speaks for it, or what the principal acts as.
    pub with: BTreeSet<&'static str>,
    /// Why they go together.
    pub reason: &'static str,
}

/// What a policy lists, as it is asked whether it allows an action somewhere.
struct Listed<'p> {
    /// By action: its statements' resources by their text and the patterns among them, and whose passing of a
    /// role they allow.
    by_action: BTreeMap<&'p str, Vec<Place<'p>>>,
    /// Drafts have the catalog's case, and next to never a wildcard in an action.
    wild: Vec<&'p str>,
}

#[derive(Clone)]
struct Place<'p> {
    exact: BTreeSet<&'p str>,
    patterns: Vec<&'p str>,
    /// The services that it lets a role go to; absent where to any.
    passes_to: Option<&'p [String]>,
}

impl<'p> Listed<'p> {
    fn of(policy: &'p PolicyDocument) -> Listed<'p> {
        let mut listed = Listed { by_action: BTreeMap::new(), wild: Vec::new() };
        for statement in &policy.statements {
            let resources = statement.resource.iter().flat_map(|listed| listed.listed());
            let resources: Vec<&str> = resources.map(String::as_str).collect();
            let passes_to = statement.condition.iter().find_map(|(_, key, values)| {
                key.eq_ignore_ascii_case("iam:PassedToService").then_some(values)
            });
            for action in statement.action.listed() {
                let patterns = resources.iter().copied().filter(|one| !pattern::is_name(one));
                listed.by_action.entry(action).or_default().push(Place {
                    exact: resources.iter().copied().collect(),
                    patterns: patterns.collect(),
                    passes_to,
                });
                if action.contains(['*', '?']) {
                    listed.wild.push(action);
                }
            }
        }
        listed
    }

    fn allows(&self, action: &str) -> bool {
        self.places(action).next().is_some()
    }

    fn places(&self, action: &str) -> impl Iterator<Item = &Place<'p>> {
        let wild = self.wild.iter().filter(move |one| pattern::covers_action(one, action));
        let wild =
            wild.filter(move |one| **one != action).filter_map(|one| self.by_action.get(one));
        self.by_action.get(action).into_iter().chain(wild).flatten()
    }

    /// Tells whether it allows an action where it is needed: on some of what one of these patterns means.
    fn allows_on(&self, action: &str, needed: &BTreeSet<String>) -> bool {
        self.places(action).any(|place| needed.iter().any(|one| place.has(one)))
    }

    /// Tells whether it allows an action on the next thing beside those that were made, which has another name: on a
    /// pattern that means these too.
    fn allows_next(&self, action: &str, made: &BTreeSet<&str>, catalog: Catalog) -> bool {
        let facts = catalog.action(action);
        let takes = |one: &&&str| facts.is_some_and(|facts| facts.shape(one).is_some());
        let of_kind: Vec<&&str> = made.iter().filter(takes).collect();
        let patterns = || {
            let open = self.places(action).filter(|place| !place.patterns.is_empty());
            open.map(|place| Place { exact: BTreeSet::new(), ..place.clone() })
        };
        let means = |one: &&&str| patterns().any(|place| place.has(one));
        patterns().next().is_some() && of_kind.iter().all(means)
    }

    /// Tells whether it lets some role, whatever it is called, go to a service: which role it would be, the log does
    /// not tell.
    fn passes_to(&self, action: &str, service: &str) -> bool {
        // In China a service may have a principal of its own.
        let is = |to: &String| to.strip_suffix(".cn").unwrap_or(to) == service;
        let mut open = self.places(action).filter(|place| !place.patterns.is_empty());
        open.any(|place| place.passes_to.is_none_or(|to| to.iter().any(is)))
    }
}

impl Place<'_> {
    fn has(&self, needed: &str) -> bool {
        // A log group is known with and without what stands for its streams.
        let meets = |one: &str| {
            let alone = one.strip_suffix(":*").unwrap_or(one);
            [one, alone]
                .iter()
                .any(|one| pattern::overlap(one, needed).is_none_or(|both| !both.is_empty()))
        };
        self.exact.contains(needed)
            || self.patterns.iter().any(|one| meets(one))
            || !pattern::is_name(needed) && self.exact.iter().any(|one| meets(one))
    }
}

/// Returns which companions of what a policy allows it does not allow itself, where what was used tells on what
/// they are needed, else on anything; and which of what the principal's workloads go with. Of those that go with
/// some events or resources only, `granting` tells which these are.
pub(crate) fn missing_companions(
    policy: &PolicyDocument,
    principal: &Principal,
    granting: &[(&RowKey, &Row)],
    catalog: Catalog,
) -> Vec<MissingCompanions> {
    let listed = Listed::of(policy);
    let allowed = |action: &str| listed.allows(action);
    let mut by_action: BTreeMap<&str, Vec<(&RowKey, &Row)>> = BTreeMap::new();
    for (key, row) in granting {
        by_action.entry(&key.action).or_default().push((key, row));
    }
    // Where what was used does not tell on what the other is needed: it is where that is granted on whatever it may
    // be, and where the service made calls of it with the caller's permissions, which show when they come.
    let is_told_elsewhere = |action: &str, with: &str| {
        let own = service(action) == service(with);
        let is_any = |one: &&str| *one == "*" || own || is_of_all(catalog, action, one);
        let source = format!("{}.amazonaws.com", service(with));
        let mut rows = by_action.get(action).into_iter().flatten();
        listed.places(action).any(|place| place.patterns.iter().any(is_any))
            || rows.any(|(_, row)| row.went_through(&source) || row.went_through(INTERNAL))
    };
    let missing = catalog.companions().map(|rule| {
        let mut lacking = MissingCompanions {
            actions: BTreeSet::new(),
            with: BTreeSet::new(),
            reason: rule.reason(),
        };
        for with in rule.with().filter(|with| allowed(with)) {
            let rows = by_action.get(with).into_iter().flatten();
            let used: BTreeSet<&str> = rows
                .filter(|(key, row)| speaks(rule, key, row))
                .map(|(key, _)| key.resource.as_str())
                .collect();
            if used.is_empty() && !rule.is_of_any_use() {
                continue;
            }
            let is_missing = |action: &&str| {
                let on = |used: &&str| match rule.resource(used) {
                    Some(place) => BTreeSet::from([place]),
                    None => places(catalog, action, with, used),
                };
                let needed: Vec<BTreeSet<String>> = used.iter().map(on).collect();
                let needed = || needed.iter().filter(|one| !one.is_empty());
                let lacks = |needed: &BTreeSet<String>| !listed.allows_on(action, needed);
                if !allowed(action) {
                    return true;
                }
                match rule.passed_to() {
                    Some(to) => !listed.passes_to(action, to),
                    None if *action == with || used.is_empty() => false,
                    None if needed().next().is_some() => needed().any(lacks),
                    None => !is_told_elsewhere(action, with),
                }
            };
            let actions: Vec<&str> = rule.actions().filter(is_missing).collect();
            if !actions.is_empty() {
                lacking.actions.extend(actions);
                lacking.with.insert(with);
            }
        }
        lacking
    });
    let undoing = catalog.undoing().map(|rule| {
        let via = granting.iter().filter(|(_, row)| row.went_through(rule.via()));
        let mut made: BTreeMap<&'static str, BTreeSet<&str>> = BTreeMap::new();
        for (key, _) in via {
            if let Some(facts) = catalog.action(&key.action) {
                made.entry(facts.id()).or_default().insert(&key.resource);
            }
        }
        let mut lacking = MissingCompanions {
            actions: BTreeSet::new(),
            with: BTreeSet::new(),
            reason: rule.reason(),
        };
        for (did, on) in &made {
            for undoes in rule.of(did) {
                if !listed.allows_next(undoes, on, catalog) {
                    lacking.actions.insert(undoes);
                    lacking.with.insert(did);
                }
            }
        }
        lacking
    });
    // Of what few of a kind need, and of what was used by its name, the name of the other thing is not known.
    let is_open = |place: &Place<'_>| !place.patterns.is_empty();
    let is_missing = |action: &&str, named: bool| {
        !allowed(action) || !named && !listed.places(action).any(is_open)
    };
    let set_up = baseline(principal, &BTreeMap::new()).into_iter().filter(|one| one.told.is_some());
    let set_up: Vec<(String, BTreeSet<String>)> = set_up.flat_map(|one| one.needs).collect();
    // What is known to be needed may be left out of the draft.
    let is_left_out = |action: &&str| {
        let mut needs = set_up.iter().filter(|(needed, _)| needed == action);
        needs.any(|(_, on)| !listed.allows_on(action, on))
    };
    let workloads = workload_companions(principal).into_iter().map(|one| {
        let actions = one.actions.iter().map(|action| &**action);
        let is_missing = |action: &&str| is_missing(action, one.named) || is_left_out(action);
        MissingCompanions {
            actions: actions.filter(is_missing).collect(),
            with: BTreeSet::from([one.with]),
            reason: one.reason,
        }
    });
    let all = missing.chain(undoing).chain(workloads);
    all.filter(|one| !one.actions.is_empty() && !one.with.is_empty()).collect()
}

/// Returns on what an action is needed beside another one's use of something: on that, where both take things of its
/// type; on what it is in (an object's bucket), or on what may be in it. Nothing where that does not tell.
pub(crate) fn places(catalog: Catalog, action: &str, with: &str, used: &str) -> BTreeSet<String> {
    let shape = catalog.action(with).and_then(|facts| facts.shape(used));
    let (Some(shape), Some(needed)) = (shape, catalog.action(action)) else {
        return BTreeSet::new();
    };
    let is_within = |rest: &&str| rest.starts_with([':', '/']);
    let place = |template: &'static str| -> Option<String> {
        if template == shape.template() {
            return Some(used.to_owned());
        }
        if shape.template().strip_prefix(template).filter(is_within).is_some() {
            let (mut variables, mut text) = (template.matches("${").count(), String::new());
            for part in shape.parts() {
                if variables == 0 {
                    break;
                }
                variables -= usize::from(matches!(part, Part::Variable(_)));
                text.push_str(part.text());
            }
            return Some(text);
        }
        let rest = template.strip_prefix(shape.template()).filter(is_within)?;
        Some(format!("{}{}", used.trim_end_matches(":*"), pattern::without_variables(rest)))
    };
    needed.resource_types().flat_map(|kind| kind.templates()).filter_map(place).collect()
}

/// Tells whether a use speaks for the companions of a rule, by its action.
pub(crate) fn speaks(rule: Companion, key: &RowKey, row: &Row) -> bool {
    rule.is_of(&key.resource)
        && row.events.iter().any(|(source, name)| rule.is_shown_by(source, name))
        && rule.via().is_none_or(|service| row.went_through(service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_iam::Statement;

    #[test]
    fn what_goes_with_something_granted_and_is_not_granted_is_told() {
        let of = |actions: &[&str]| {
            let statement = Statement::allow(actions.iter().copied(), ["*"]);
            let policy = PolicyDocument::new(vec![statement]);
            let principal = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
            missing_companions(&policy, &principal, &[], Catalog::embedded())
        };
        let missing = of(&["logs:CreateLogStream", "logs:CreateLogGroup"]);
        assert_eq!(missing.len(), 1);
        let one = missing.first().unwrap();
        assert_eq!(one.actions, BTreeSet::from(["logs:PutLogEvents"]));
        assert_eq!(one.with, BTreeSet::from(["logs:CreateLogStream"]));
        assert!(
            of(&["logs:CreateLogStream", "logs:CreateLogGroup", "logs:PutLogEvents"]).is_empty()
        );
        assert!(of(&["logs:DescribeLogGroups"]).is_empty());
    }

    /// Returns what goes with one use and is not granted.
    fn beside(action: &str, resource: &str, event: (&str, &str)) -> Vec<MissingCompanions> {
        let key = RowKey {
            action: action.to_owned(),
            resource: resource.to_owned(),
            conditions: Vec::new(),
            outcome: trailtrim_aggregator::Outcome::Granted,
        };
        let mut row = Row::default();
        row.events.extend([(event.0.to_owned(), event.1.to_owned())]);
        let policy = PolicyDocument::new(vec![Statement::allow([action], [resource])]);
        let principal = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
        missing_companions(&policy, &principal, &[(&key, &row)], Catalog::embedded())
    }

    #[test]
    fn what_is_granted_elsewhere_is_told_all_the_same() {
        let key = |action: &str, resource: &str| RowKey {
            action: action.to_owned(),
            resource: resource.to_owned(),
            conditions: Vec::new(),
            outcome: trailtrim_aggregator::Outcome::Granted,
        };
        let missing = |used: &[(&str, &str)], granted: &[(&str, &str)], passed_to: &str| {
            let keys: Vec<RowKey> = used.iter().map(|(action, on)| key(action, on)).collect();
            let mut row = Row::default();
            row.events.extend([("s3.amazonaws.com".to_owned(), "GetObject".to_owned())]);
            let rows: Vec<(&RowKey, &Row)> = keys.iter().map(|key| (key, &row)).collect();
            let statements = used.iter().chain(granted).map(|(action, on)| {
                let statement = Statement::allow([*action], [*on]);
                match *action {
                    "iam:PassRole" => {
                        let key = "iam:PassedToService";
                        statement.with_condition("StringEquals", key, [passed_to])
                    }
                    _ => statement,
                }
            });
            let policy = PolicyDocument::new(statements.collect());
            let principal = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
            let all = missing_companions(&policy, &principal, &rows, Catalog::embedded());
            all.into_iter().flat_map(|one| one.actions).collect::<BTreeSet<&str>>()
        };
        let queue = |name: &str| format!("arn:aws:sqs:eu-west-1:111122223333:{name}");
        let (one, other) = (queue("one"), queue("other"));
        let poll = [("sqs:ReceiveMessage", one.as_str()), ("sqs:ReceiveMessage", &other)];
        let deletes = |on: &str| {
            missing(&poll, &[("sqs:DeleteMessage", on)], "").contains("sqs:DeleteMessage")
        };
        assert!(deletes(&one) && !deletes(&queue("*")));
        // A bucket for its objects, a group for its streams.
        let lists = |bucket: &str| {
            let get = [("s3:GetObject", "arn:aws:s3:::b/x/y.txt")];
            missing(&get, &[("s3:ListBucket", bucket)], "").contains("s3:ListBucket")
        };
        assert!(lists("arn:aws:s3:::a") && !lists("arn:aws:s3:::b") && !lists("arn:aws:s3:::*"));
        let group = |name: &str| format!("arn:aws:logs:eu-west-1:111122223333:log-group:{name}");
        let stream = group("/b/c:log-stream:*");
        let creates = |name: &str| {
            let put = [("logs:PutLogEvents", stream.as_str())];
            missing(&put, &[("logs:CreateLogGroup", &group(name))], "")
                .contains("logs:CreateLogGroup")
        };
        assert!(creates("/b") && !creates("/b/c") && !creates("/b/c:*"));
        // A role that goes to one service is none for another.
        let template = "arn:aws:ec2:eu-west-1:111122223333:launch-template/lt-0aa";
        let passes = |role: &str, to: &str| {
            let role = format!("arn:aws:iam::111122223333:role/{role}");
            let pass = [("iam:PassRole", role.as_str())];
            missing(&[("ec2:RunInstances", template)], &pass, to).contains("iam:PassRole")
        };
        assert!(passes("*", "lambda.amazonaws.com") && passes("x", "ec2.amazonaws.com"));
        assert!(!passes("*", "ec2.amazonaws.com"));
    }

    #[test]
    fn what_takes_back_is_told_where_only_other_things_may_be_taken_back() {
        let on = |name: &str| format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{name}");
        let key = RowKey {
            action: "dynamodb:CreateTable".to_owned(),
            resource: on("app-a"),
            conditions: Vec::new(),
            outcome: trailtrim_aggregator::Outcome::Granted,
        };
        let mut row = Row::default();
        row.via.extend(["cloudformation.amazonaws.com".to_owned()]);
        let principal = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
        let is_told = |deletes: &str| {
            let policy = PolicyDocument::new(vec![
                Statement::allow(["dynamodb:CreateTable"], [on("app-a")]),
                Statement::allow(["dynamodb:DeleteTable"], [deletes]),
            ]);
            let all = missing_companions(&policy, &principal, &[(&key, &row)], Catalog::embedded());
            all.iter().any(|one| one.actions.contains("dynamodb:DeleteTable"))
        };
        let told = ["app-a", "other", "other-*"].map(|name| is_told(&on(name)));
        assert_eq!(told, [true; 3]);
        assert_eq!([is_told(&on("*")), is_told(&on("app-*")), is_told("*")], [false; 3]);
    }

    #[test]
    fn what_goes_with_something_in_a_place_that_is_not_told_is_told_unless_it_is_allowed_anywhere()
    {
        let key = |action: &str, resource: &str| RowKey {
            action: action.to_owned(),
            resource: resource.to_owned(),
            conditions: Vec::new(),
            outcome: trailtrim_aggregator::Outcome::Granted,
        };
        let group = "arn:aws:athena:eu-west-1:111122223333:workgroup/w";
        let principal = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
        let is_told = |object: &str, via: &str| {
            let results = key("athena:GetQueryResults", group);
            let read = key("s3:GetObject", object);
            let (mut asked, mut got) = (Row::default(), Row::default());
            let event = ("athena.amazonaws.com".to_owned(), "GetQueryResults".to_owned());
            asked.events.extend([event]);
            got.via.extend([via.to_owned()]);
            let policy = PolicyDocument::new(vec![
                Statement::allow(["athena:GetQueryResults"], [group]),
                Statement::allow(["s3:GetObject"], [object]),
            ]);
            let rows = [(&results, &asked), (&read, &got)];
            let all = missing_companions(&policy, &principal, &rows, Catalog::embedded());
            let with_results =
                |one: &&MissingCompanions| one.with.contains("athena:GetQueryResults");
            all.iter().filter(with_results).any(|one| one.actions.contains("s3:GetObject"))
        };
        let elsewhere = "arn:aws:s3:::elsewhere/k";
        assert!(is_told(elsewhere, "") && is_told("arn:aws:s3:::elsewhere/*", ""));
        assert!(!is_told("arn:aws:s3:::*/*", "") && !is_told("*", ""));
        // Athena's own reading shows where they are.
        assert!(!is_told(elsewhere, "athena.amazonaws.com"));
    }

    #[test]
    fn what_goes_with_some_events_only_is_told_where_these_showed() {
        for (with, missing, events) in [
            ("s3:GetObject", "s3:GetObjectTagging", ["CopyObject", "GetObject"]),
            ("s3:DeleteObject", "s3:DeleteObjectVersion", ["DeleteObjects", "DeleteObject"]),
        ] {
            let of = |event: &str| {
                let all = beside(with, "arn:aws:s3:::b/k", ("s3.amazonaws.com", event));
                all.iter().any(|one| one.actions.contains(missing))
            };
            assert_eq!(events.map(of), [true, false], "{missing}");
        }
    }

    #[test]
    fn who_looks_at_interfaces_need_not_make_any() {
        let of = |action: &str| {
            let all = beside(&format!("ec2:{action}"), "*", ("ec2.amazonaws.com", action));
            all.iter().any(|one| one.actions.contains("ec2:AssignPrivateIpAddresses"))
        };
        let events =
            ["DescribeNetworkInterfaces", "CreateNetworkInterface", "DeleteNetworkInterface"];
        assert_eq!(events.map(of), [false, true, true]);
    }

    #[test]
    fn what_a_launch_template_carries_is_told_where_one_is_used() {
        let of = |id: &str| -> BTreeSet<&str> {
            let resource = format!("arn:aws:ec2:eu-west-1:111122223333:{id}");
            let all = beside("ec2:RunInstances", &resource, ("ec2.amazonaws.com", "RunInstances"));
            all.into_iter().flat_map(|one| one.actions).collect()
        };
        let carried = BTreeSet::from(["ec2:CreateTags", "iam:PassRole"]);
        assert_eq!(of("launch-template/lt-0aa"), carried);
        assert_eq!(of("instance/*"), BTreeSet::new());
    }
}

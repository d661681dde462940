//! How workloads are set up: where a function's failures go, what its events are read from.
//!
//! Whoever sets a workload up is told by AWS how it is now, and the trail keeps that answer. What the
//! workload's role needs for it may never show: nothing failed yet, or what is read and written leaves data
//! events that nobody recorded. Only answers are believed, and of what there is one of, only the latest; of
//! what there are several of (an event source mapping, what an alias has) the latest of each. What a deleted workload
//! had ends with it, but for what outlives it; of one that acts as another role since, a version from before may still
//! act as this one. What may be over ([`Over`]) is told, and is no reason to add.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_catalog::Setting;

use crate::activity::Principal;
use crate::call::Call;
use crate::stats::Stats;
use crate::workload::{Attribution, unqualified};

/// What a workload is set up with, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetUp {
    /// The ARN of the workload, without a qualifier.
    pub workload: String,
    /// What is set.
    pub setting: Setting,
    /// What of the workload it is set for (a mapping's id, an alias); empty where for itself.
    pub part: String,
    /// To what.
    pub value: String,
    /// The event that tells it last: `eventSource`, `eventName` and its time, seconds since 1970.
    pub told: (String, String, i64),
    /// Why it may be over, where it may.
    pub may_be_over: Option<Over>,
}

/// Why what a workload was set up with may be over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Over {
    /// Later answers, more than are kept apart, may have changed it.
    Changed,
    /// A mapping of the workload was deleted, and nothing tells which.
    Unmapped,
    /// Workloads were deleted, more than are kept apart, and it may be one of them.
    Deleted,
    /// It outlives its workload, which was deleted.
    Outlives,
    /// The workload acts as another role since.
    Moved,
}

impl Over {
    /// Returns it in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Over::Changed => {
                "later answers, more than are kept apart (--name-quota), may have changed it"
            }
            Over::Unmapped => {
                "an event source mapping of the workload was deleted, and nothing tells which"
            }
            Over::Deleted => {
                "more workloads were deleted since than are kept apart (--name-quota), and this may be one"
            }
            Over::Outlives => "the workload was deleted, and was not seen since",
            Over::Moved => "the workload acts as another role since",
        }
    }
}

/// For how long after it ended a workload may still be seen, in seconds: what it began goes on, a change takes its time,
/// and credentials that were issued to it last for hours.
const LINGERS: i64 = 24 * 60 * 60;

/// What an answer says of a workload.
pub(crate) struct Answer<'a> {
    pub(crate) workload: &'a str,
    pub(crate) setting: Setting,
    pub(crate) part: Option<&'a str>,
    /// Nothing where it says that there is none.
    pub(crate) value: Option<&'a str>,
}

/// Event source, event name and time.
type Told = (String, String, i64);

/// The ARN of a workload from its service on (a parameter does not tell the partition), a setting, and what of the
/// workload it is of.
type Key = (String, Setting, String);

/// Everything that the trail tells of workloads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    told: BTreeMap<Key, BTreeMap<String, Told>>,
    /// Where answers were more than are kept apart, by account and region; when the last one was that may have
    /// changed something.
    folded: BTreeMap<(String, String), BTreeMap<Setting, Option<i64>>>,
}

impl Settings {
    /// Takes up what an answer says.
    pub(crate) fn note(
        &mut self,
        answer: &Answer<'_>,
        (source, name): (&str, &str),
        stats: &Stats,
    ) {
        let Some(at) = stats.last() else { return };
        let told = (source.to_owned(), name.to_owned(), at);
        let workload = unqualified(answer.workload);
        let qualifier = answer.workload.strip_prefix(workload).unwrap_or_default();
        let qualifier = qualifier.strip_prefix(':').filter(|one| *one != "$LATEST");
        // Mappings without an id are told apart by what they have.
        let is_of_mapping = answer.setting.is_of_mapping();
        let part = answer.part.filter(|part| *part != "$LATEST");
        let part = part.or(if is_of_mapping { answer.value } else { qualifier });
        let workload = workload.splitn(3, ':').nth(2).unwrap_or(workload).to_owned();
        let key = (workload, answer.setting, part.unwrap_or_default().to_owned());
        let values = self.told.entry(key).or_default();
        put(values, answer.value.unwrap_or_default().to_owned(), told);
    }

    /// Notes that answers stand for many, of which the last came then; at no time where they changed nothing that
    /// was there.
    pub(crate) fn note_folded(&mut self, call: &Call<'_>, setting: Setting, last: Option<i64>) {
        let place = (call.account.as_ref().to_owned(), call.region.as_ref().to_owned());
        let at = self.folded.entry(place).or_default().entry(setting).or_default();
        *at = last.max(*at);
    }

    pub(crate) fn join(&mut self, other: Settings) {
        for (key, values) in other.told {
            let known = self.told.entry(key).or_default();
            values.into_iter().for_each(|(value, told)| put(known, value, told));
        }
        for (place, settings) in other.folded {
            let known = self.folded.entry(place).or_default();
            for (setting, last) in settings {
                let at = known.entry(setting).or_default();
                *at = last.max(*at);
            }
        }
    }

    /// Sorts what is known by the workloads that it is of.
    pub(crate) fn by_workload(&self) -> ByWorkload<'_> {
        let mut sorted = ByWorkload {
            settings: self,
            arns: BTreeMap::new(),
            names: BTreeMap::new(),
            mappings: BTreeMap::new(),
        };
        for (key, values) in &self.told {
            let (workload, setting, part) = key;
            sorted.arns.entry(workload.as_str()).or_default().push(key);
            if let Some(name) = workload.rsplit(':').next() {
                sorted.names.entry((account_in(workload), name)).or_default().insert(workload);
            }
            if setting.is_of_mapping()
                && is_id(part, values)
                && let Some(latest) = latest(values)
            {
                let at = sorted.mappings.entry((*setting, part)).or_insert(latest);
                *at = latest.max(*at);
            }
        }
        sorted
    }
}

/// Everything that the trail tells of workloads, to be asked for each principal.
#[derive(Debug)]
pub(crate) struct ByWorkload<'s> {
    settings: &'s Settings,
    /// By the workload's ARN from its service on.
    arns: BTreeMap<&'s str, Vec<&'s Key>>,
    /// Those ARNs, by the account and the name that a workload's sessions show.
    names: BTreeMap<(&'s str, &'s str), BTreeSet<&'s str>>,
    /// When each mapping was last told of, whosever it was then.
    mappings: BTreeMap<(Setting, &'s str), i64>,
}

impl ByWorkload<'_> {
    /// Returns how the workloads of a principal are set up, in order.
    pub(crate) fn of(&self, principal: &Principal) -> Vec<SetUp> {
        let mut keys = BTreeSet::new();
        for workload in principal.workloads.keys() {
            let Some(name) = workload.name.as_deref() else { continue };
            let of_arn = |arn: &str| self.arns.get(arn).into_iter().flatten().copied();
            if workload.attribution == Attribution::Scope {
                keys.extend(of_arn(name.splitn(3, ':').nth(2).unwrap_or(name)));
            } else if let Some(arns) = self.names.get(&(principal.account.as_str(), name)) {
                keys.extend(arns.iter().copied().flat_map(of_arn));
            }
        }
        let partition = principal.arn.split(':').nth(1).unwrap_or_default();
        let of_key = |key: &Key| {
            let (workload, setting, part) = key;
            let set_up = |(value, told): (&String, &Told)| SetUp {
                workload: format!("arn:{partition}:{workload}"),
                setting: *setting,
                part: part.clone(),
                value: value.clone(),
                told: told.clone(),
                may_be_over: self
                    .may_be_over(key, told.2)
                    .or_else(|| self.may_have_ended(workload, *setting, principal, told.2)),
            };
            // Without a value AWS says that there is none.
            let has_one = |(value, _): &(&String, &Told)| !value.is_empty();
            self.counting(key).filter(has_one).map(set_up).collect::<Vec<SetUp>>()
        };
        keys.into_iter().flat_map(of_key).collect()
    }

    /// Returns the regions in which a principal's workloads may be set up in ways that are not told: the answers were
    /// more than are kept apart.
    pub(crate) fn untold(&self, principal: &Principal) -> BTreeSet<String> {
        // What ends something leaves nothing untold.
        let sets_up =
            |settings: &BTreeMap<Setting, _>| settings.keys().any(|one| !one.is_of_life());
        let folded = self.settings.folded.iter().filter(|(_, settings)| sets_up(settings));
        let own =
            folded.map(|(place, _)| place).filter(|(account, _)| *account == principal.account);
        own.map(|(_, region)| region.clone()).collect()
    }

    /// Returns when something of a workload was last told of.
    fn last(&self, workload: &str, setting: Setting, part: &str) -> Option<i64> {
        let key = (workload.to_owned(), setting, part.to_owned());
        self.settings.told.get(&key).and_then(latest)
    }

    /// Tells why something of a workload may have ended since a time, and the workload was not seen as this role since.
    fn may_have_ended(
        &self,
        workload: &str,
        setting: Setting,
        principal: &Principal,
        since: i64,
    ) -> Option<Over> {
        let acted = principal.workloads.iter().filter(|(one, _)| {
            let Some(name) = one.name.as_deref() else { return false };
            let named = self.names.get(&(principal.account.as_str(), name));
            match one.attribution {
                Attribution::Scope => name.splitn(3, ':').nth(2) == Some(workload),
                _ => named.is_some_and(|arns| arns.contains(workload)),
            }
        });
        let acted = acted.filter_map(|(_, acted)| acted.stats.last()).max();
        let not_since = |ended: &i64| acted.is_none_or(|acted| acted <= *ended);
        // A mapping outlives its function, which may be made anew.
        let gone =
            setting.is_of_mapping().then(|| self.last(workload, Setting::Gone, "")).flatten();
        let was_there = self.was_there(workload).max(Some(since));
        let outlives = gone.filter(|gone| was_there < Some(*gone) && not_since(&(gone + LINGERS)));
        let moved = self.moved(workload, principal).filter(|at| not_since(&(at + LINGERS)));
        let deleted = self.folded(workload, [Setting::Gone], since).filter(not_since);
        outlives
            .map(|_| Over::Outlives)
            .or(moved.map(|_| Over::Moved))
            .or(deleted.map(|_| Over::Deleted))
    }

    /// Returns when an answer last told of a workload itself, so that it was there.
    fn was_there(&self, workload: &str) -> Option<i64> {
        let keys = self.arns.get(workload).into_iter().flatten();
        let of_itself = keys.filter(|(_, one, _)| !one.is_of_mapping() && *one != Setting::Gone);
        of_itself.filter_map(|(_, setting, part)| self.last(workload, *setting, part)).max()
    }

    /// Returns when by the latest answer that surely is it a workload went to another role.
    fn moved(&self, workload: &str, principal: &Principal) -> Option<i64> {
        let key = (workload.to_owned(), Setting::Role, String::new());
        let roles = self.settings.told.get(&key)?;
        let last = latest(roles)?;
        let mut now = roles.iter().filter(|(_, told)| told.2 == last);
        let is_sure = self.may_be_over(&key, last).is_none();
        (is_sure && now.all(|(role, _)| are_different_roles(role, &principal.arn))).then_some(last)
    }

    /// Returns what counts of the answers on one setting of a workload. Of two of one second either may be the
    /// later one.
    fn counting(&self, key: &Key) -> impl Iterator<Item = (&String, &Told)> {
        let (workload, setting, part) = key;
        let values = self.settings.told.get(key);
        let mapped = |setting| self.mappings.get(&(setting, part.as_str())).copied();
        let has_id = values.is_some_and(|values| is_id(part, values));
        let is_mapping = setting.is_of_mapping() && !part.is_empty() && has_id;
        let last = match is_mapping {
            true => mapped(*setting),
            false => values.and_then(latest),
        };
        let of_mapping = setting.is_of_mapping() && !part.is_empty();
        let gone = match (is_mapping, of_mapping) {
            (true, _) => mapped(Setting::EventSourceGone),
            (false, true) => self.last(workload, Setting::EventSourceGone, part),
            (false, false) => self.last(workload, Setting::Gone, part),
        };
        // A mapping outlives its function, and works for the next one of the name (API reference, `DeleteFunction`).
        let whole = || self.last(workload, Setting::Gone, "");
        let gone = gone.max((!setting.is_of_mapping()).then(whole).flatten());
        let counts = !setting.is_of_life();
        values.into_iter().flatten().filter(move |(_, told)| {
            counts && Some(told.2) == last && gone.is_none_or(|gone| gone <= told.2)
        })
    }

    /// Tells why a later answer may have changed the one on something: one that stands for many, or that does not tell
    /// what it is on.
    fn may_be_over(&self, key: &Key, since: i64) -> Option<Over> {
        let (workload, setting, _) = key;
        let gone = setting.is_of_mapping().then_some(Setting::EventSourceGone);
        let folded = self.folded(workload, [Some(*setting), gone].into_iter().flatten(), since);
        // Without its id a mapping that was deleted is known by what it reads alone, and not by where its failures go.
        let is_nameless = *setting == Setting::BatchFailure && self.is_without_id(key);
        let keys = self.arns.get(workload.as_str()).into_iter().flatten();
        let gone = keys.filter(|key| key.1 == Setting::EventSourceGone && self.is_without_id(key));
        let gone = gone.filter_map(|(_, one, part)| self.last(workload, *one, part)).max();
        let unmapped = gone.filter(|gone| is_nameless && *gone >= since);
        folded.map(|_| Over::Changed).or(unmapped.map(|_| Over::Unmapped))
    }

    /// Tells whether the answers on something of a mapping are filed under what it has.
    fn is_without_id(&self, key: &Key) -> bool {
        self.settings.told.get(key).is_some_and(|values| !is_id(&key.2, values))
    }

    /// Returns when the last answer on one of some settings came that stands for many, if that was no earlier than a
    /// time.
    fn folded(
        &self,
        workload: &str,
        settings: impl IntoIterator<Item = Setting>,
        since: i64,
    ) -> Option<i64> {
        let mut fields = workload.split(':').skip(1);
        let (region, account) = (fields.next()?, fields.next()?);
        let folded = self.settings.folded.get(&(account.to_owned(), region.to_owned()))?;
        let last = settings.into_iter().filter_map(|one| folded.get(&one).copied().flatten()).max();
        last.filter(|at| *at >= since)
    }
}

/// Returns the account in an ARN from its service on.
fn account_in(workload: &str) -> &str {
    workload.split(':').nth(2).unwrap_or_default()
}

/// Tells whether two ARNs are of different roles. Either may lack its path: names are unique in an account.
fn are_different_roles(one: &str, other: &str) -> bool {
    let name = |arn: &str| {
        let (_, rest) = arn.split_once(":role/")?;
        Some((arn.split(':').nth(4)?.to_owned(), rest.rsplit('/').next()?.to_ascii_lowercase()))
    };
    name(one).zip(name(other)).is_some_and(|(one, other)| one != other)
}

/// Tells whether what a mapping's answers are filed under is its id. Without one it is what it has, and that others
/// may have too.
fn is_id(part: &str, values: &BTreeMap<String, Told>) -> bool {
    !values.contains_key(part)
}

fn latest(values: &BTreeMap<String, Told>) -> Option<i64> {
    values.values().map(|told| told.2).max()
}

fn put(values: &mut BTreeMap<String, Told>, value: String, told: Told) {
    let known = values.entry(value).or_insert_with(|| told.clone());
    if (told.2, &told) > (known.2, known) {
        *known = told;
    }
}

#[cfg(test)]
mod tests {
    use trailtrim_catalog::Catalog;
    use trailtrim_ingest::{Provenance, Record};

    use crate::observe::Observer;
    use crate::resolve::resolve;
    use crate::scope::Scope;

    use super::Over;

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

    fn by_deployer(hour: u8, name: &str, response: &str) -> String {
        format!(
            r#"{{"eventSource":"lambda.amazonaws.com","eventName":"{name}","eventTime":"2026-03-02T{hour:02}:00:00Z",
            "eventID":"{hour}{name}","awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventType":"AwsApiCall",
            "userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/deployer","accountId":"111122223333"}},
            "requestParameters":{{"functionName":"orders"}},"responseElements":{response}}}"#
        )
    }

    fn by_function() -> String {
        by_function_on(2)
    }

    fn by_function_on(day: u8) -> String {
        format!(
            r#"{{"eventSource":"s3.amazonaws.com","eventName":"ListBuckets","eventTime":"2026-03-0{day}T03:00:00Z","eventID":"x{day}",
            "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventType":"AwsApiCall","userIdentity":{{"type":"AssumedRole",
            "arn":"arn:aws:sts::111122223333:assumed-role/orders-role/s","accountId":"111122223333",
            "inScopeOf":{{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"{FUNCTION}:4"}},
            "sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE","accountId":"111122223333",
            "arn":"arn:aws:iam::111122223333:role/orders-role"}}}}}},"requestParameters":null,"responseElements":null}}"#
        )
    }

    fn set_up(records: &[String]) -> Vec<String> {
        told(records).into_iter().map(|(text, _)| text).collect()
    }

    /// Returns what is set, and whether it may be over.
    fn told(records: &[String]) -> Vec<(String, Option<Over>)> {
        let scope = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        for text in records.iter().chain([&by_function()]) {
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(text).unwrap());
        }
        let activity = resolve(&observer.into_usage(), Catalog::embedded());
        let its = |arn: &str| {
            activity.principals.iter().find(|one| one.arn.ends_with(arn)).unwrap().set_up.clone()
        };
        assert!(records.is_empty() || its("user/deployer").is_empty());
        its("role/orders-role")
            .iter()
            .map(|one| (format!("{} {}", one.setting.code(), one.value), one.may_be_over))
            .collect()
    }

    #[test]
    fn the_latest_answer_counts() {
        let configured = |hour, name, more: &str| {
            by_deployer(hour, name, &format!(r#"{{"functionArn":"{FUNCTION}"{more}}}"#))
        };
        let queue =
            r#","deadLetterConfig":{"targetArn":"arn:aws:sqs:eu-west-1:111122223333:failed"}"#;
        let in_vpc = r#","vpcConfig":{"vpcId":"vpc-1","subnetIds":["subnet-1","subnet-2"]}"#;
        let made = configured(1, "CreateFunction20150331", &[queue, in_vpc].concat());
        let both = ["dead-letter arn:aws:sqs:eu-west-1:111122223333:failed", "network vpc-1"];
        assert_eq!(set_up(std::slice::from_ref(&made)), both);
        let changed = |hour| configured(hour, "UpdateFunctionConfiguration20150331v2", in_vpc);
        assert_eq!(set_up(&[made.clone(), changed(2)]), ["network vpc-1"]);
        assert_eq!(set_up(&[made.clone(), changed(0)]), both);
        // What failed changed nothing, and another function's is another's.
        let failed = changed(2)
            .replace(r#""eventName""#, r#""errorCode":"ResourceConflictException","eventName""#);
        assert_eq!(set_up(&[made.clone(), failed]), both);
        assert_eq!(set_up(&[made.replace(FUNCTION, &format!("{FUNCTION}-2"))]), [""; 0]);
    }

    #[test]
    fn what_a_function_had_ends_with_it() {
        let queue =
            r#","deadLetterConfig":{"targetArn":"arn:aws:sqs:eu-west-1:111122223333:failed"}"#;
        let made = by_deployer(
            1,
            "CreateFunction20150331",
            &format!(r#"{{"functionArn":"{FUNCTION}"{queue}}}"#),
        );
        let deleted = |hour, more: &str| {
            by_deployer(hour, "DeleteFunction20150331", "null")
                .replace(r#""functionName":"orders""#, &format!(r#""functionName":"orders"{more}"#))
        };
        let stays = ["dead-letter arn:aws:sqs:eu-west-1:111122223333:failed"];
        assert_eq!(set_up(&[made.clone(), deleted(2, "")]), [""; 0]);
        assert_eq!(set_up(&[made.clone(), deleted(0, "")]), stays);
        assert_eq!(set_up(&[made.clone(), deleted(2, r#","qualifier":"3""#)]), stays);
        let failed = deleted(2, "")
            .replace(r#""eventName""#, r#""errorCode":"ResourceNotFoundException","eventName""#);
        assert_eq!(set_up(&[made, failed]), stays);
        let answer = format!(
            r#"{{"functionArn":"{FUNCTION}:3","destinationConfig":{{"onFailure":{{"destination":"arn:aws:sns:eu-west-1:111122223333:t"}}}}}}"#
        );
        let of_version = by_deployer(1, "PutFunctionEventInvokeConfig", &answer);
        for more in [r#","qualifier":"3""#, ""] {
            assert_eq!(set_up(&[of_version.clone(), deleted(2, more)]), [""; 0], "{more}");
        }
    }

    #[test]
    fn what_a_function_has_may_be_over_for_a_role_that_it_acts_as_no_longer() {
        let answer = |hour, name, role: &str| {
            let queue =
                r#""deadLetterConfig":{"targetArn":"arn:aws:sqs:eu-west-1:111122223333:q"}"#;
            let role = format!("arn:aws:iam::111122223333:role/{role}");
            let answer = format!(r#"{{"functionArn":"{FUNCTION}","role":"{role}",{queue}}}"#);
            by_deployer(hour, name, &answer)
        };
        let (made, changed) = ("CreateFunction20150331", "UpdateFunctionConfiguration20150331v2");
        let over = |records: &[String]| told(records).iter().map(|one| one.1).collect::<Vec<_>>();
        let own = answer(1, made, "orders-role");
        assert_eq!(over(std::slice::from_ref(&own)), [None]);
        assert_eq!(over(&[answer(1, made, "service-role/orders-role")]), [None]);
        assert_eq!(over(&[own.clone(), answer(4, changed, "other")]), [Some(Over::Moved)]);
        // What was seen as this role within a day may have begun before, or go by credentials from before.
        let moved = answer(2, changed, "other");
        assert_eq!(over(&[own.clone(), moved.clone()]), [Some(Over::Moved)]);
        // It was seen as this role since: a version has it still.
        assert_eq!(over(&[own.clone(), moved, by_function_on(4)]), [None]);
        assert_eq!(over(&[own.clone(), answer(0, changed, "other")]), [None]);
        // What is not told is no other.
        let without = answer(4, changed, "other").replace(r#""role":"#, r#""was":"#);
        assert_eq!(over(&[own, without]), [None]);
    }

    #[test]
    fn a_source_counts_until_its_mapping_is_deleted() {
        let mapping = |hour, name, of: &str| {
            let (source, dead) = (
                format!("arn:aws:sqs:eu-west-1:111122223333:{of}"),
                r#""destinationConfig":{"onFailure":{}}"#,
            );
            let answer = format!(
                r#"{{"functionArn":"{FUNCTION}","uUID":"id-{of}","eventSourceArn":"{source}",{dead}}}"#
            );
            by_deployer(hour, name, &answer)
        };
        let (made, gone) = ("CreateEventSourceMapping20150331", "DeleteEventSourceMapping20150331");
        let (a, b) = (
            "event-source arn:aws:sqs:eu-west-1:111122223333:a",
            "event-source arn:aws:sqs:eu-west-1:111122223333:b",
        );
        assert_eq!(set_up(&[mapping(1, made, "a"), mapping(1, made, "b")]), [a, b]);
        assert_eq!(
            set_up(&[mapping(1, made, "a"), mapping(1, made, "b"), mapping(2, gone, "a")]),
            [b]
        );
        assert_eq!(set_up(&[mapping(1, gone, "a"), mapping(2, made, "a")]), [a]);
        // It outlives the function that it is for.
        let deleted = by_deployer(4, "DeleteFunction20150331", "null");
        let over = |more: &[String]| {
            let records = [&[mapping(1, made, "a"), deleted.clone()], more].concat();
            told(&records).into_iter().map(|(what, over)| (what == a, over)).collect::<Vec<_>>()
        };
        assert_eq!(over(&[]), [(true, Some(Over::Outlives))]);
        // It works for the next one of its name.
        assert_eq!(over(&[by_function_on(4)]), [(true, None)]);
        let anew = format!(r#"{{"functionArn":"{FUNCTION}"}}"#);
        let anew = |hour| by_deployer(hour, "CreateFunction20150331", &anew);
        assert_eq!(over(&[anew(5)]), [(true, None)]);
        assert_eq!(over(&[anew(0)]), [(true, Some(Over::Outlives))]);
        assert_eq!(over(&[mapping(5, "UpdateEventSourceMapping20150331", "a")]), [(true, None)]);
        // It goes on for another function.
        let moved = mapping(2, "UpdateEventSourceMapping20150331", "a")
            .replace(FUNCTION, &format!("{FUNCTION}-2"));
        assert_eq!(set_up(&[mapping(1, made, "a"), moved]), [""; 0]);
    }

    #[test]
    fn mappings_without_an_id_are_each_functions_own() {
        let mapping = |hour, name, function: &str| {
            let source = "arn:aws:sqs:eu-west-1:111122223333:jobs";
            let answer = format!(r#"{{"functionArn":"{function}","eventSourceArn":"{source}"}}"#);
            by_deployer(hour, name, &answer)
        };
        let (made, gone) = ("CreateEventSourceMapping20150331", "DeleteEventSourceMapping20150331");
        let other = format!("{FUNCTION}-2");
        let reads = ["event-source arn:aws:sqs:eu-west-1:111122223333:jobs"];
        for later in [mapping(2, made, &other), mapping(2, gone, &other)] {
            assert_eq!(set_up(&[mapping(1, made, FUNCTION), later]), reads);
        }
        assert_eq!(set_up(&[mapping(1, made, FUNCTION), mapping(2, gone, FUNCTION)]), [""; 0]);
        // Which of them sent what failed there, nothing tells.
        let to = "arn:aws:sqs:eu-west-1:111122223333:failed";
        let failing = |hour, name| {
            let to = format!(r#","destinationConfig":{{"onFailure":{{"destination":"{to}"}}}}}}"#);
            mapping(hour, name, FUNCTION).replace(r#":jobs"}"#, &format!(r#":jobs"{to}"#))
        };
        let fails = format!("batch-failure {to}");
        let over = [(fails.clone(), Some(Over::Unmapped))];
        assert_eq!(told(&[failing(1, made), failing(2, gone)]), over);
        let again = [failing(1, made), failing(2, gone), failing(3, made)];
        assert_eq!(told(&again), [(fails, None), (reads[0].to_owned(), None)]);
    }

    #[test]
    fn where_what_failed_of_a_mapping_goes_is_told_by_the_latest_answer_on_it() {
        let mapping = |hour, name, id: &str, to: &str| {
            let to = format!("arn:aws:sqs:eu-west-1:111122223333:{to}");
            let answer = format!(
                r#"{{"functionArn":"{FUNCTION}:live","uUID":"{id}","destinationConfig":{{"onFailure":{{"destination":"{to}"}}}}}}"#
            );
            by_deployer(hour, name, &answer)
        };
        let (made, changed, gone) = (
            "CreateEventSourceMapping20150331",
            "UpdateEventSourceMapping20150331",
            "DeleteEventSourceMapping20150331",
        );
        let old = mapping(1, made, "1", "old");
        let to = |name: &str| format!("batch-failure arn:aws:sqs:eu-west-1:111122223333:{name}");
        assert_eq!(set_up(&[old.clone(), mapping(2, changed, "1", "new")]), [to("new")]);
        assert_eq!(set_up(&[old.clone(), mapping(2, made, "2", "new")]), [to("old"), to("new")]);
        assert_eq!(set_up(&[old, mapping(2, gone, "1", "old")]), [""; 0]);
    }

    #[test]
    fn destinations_end_where_what_is_set_for_asynchronous_calls_is_deleted() {
        let put = |of: &str| {
            let answer = format!(
                r#"{{"functionArn":"{FUNCTION}{of}","destinationConfig":{{"onFailure":{{"destination":"arn:aws:sns:eu-west-1:111122223333:t"}}}}}}"#
            );
            by_deployer(1, "PutFunctionEventInvokeConfig", &answer)
        };
        let deleted = |request: &str| {
            by_deployer(2, "DeleteFunctionEventInvokeConfig", "null")
                .replace(r#""functionName":"orders""#, request)
        };
        let stays = ["on-failure arn:aws:sns:eu-west-1:111122223333:t"];
        let own = r#""functionName":"orders""#;
        assert_eq!(set_up(&[put(":$LATEST")]), stays);
        let full = format!(r#""functionName":"{FUNCTION}""#);
        for request in [own, &full, r#""functionName":"111122223333:function:orders""#] {
            assert_eq!(set_up(&[put(":$LATEST"), deleted(request)]), [""; 0], "{request}");
        }
        // An alias has its own.
        assert_eq!(set_up(&[put(":live"), deleted(own)]), stays);
        let of_alias = r#""functionName":"orders","qualifier":"live""#;
        assert_eq!(set_up(&[put(":live"), deleted(of_alias)]), [""; 0]);
        assert_eq!(set_up(&[put(":$LATEST"), deleted(of_alias)]), stays);
    }

    #[test]
    fn a_later_answer_for_more_than_are_kept_apart_makes_earlier_ones_uncertain() {
        let scope = Scope::default();
        let told = |name: &str, count: usize| {
            let mut observer = Observer::new(Catalog::embedded(), &scope);
            let queue =
                r#","deadLetterConfig":{"targetArn":"arn:aws:sqs:eu-west-1:111122223333:failed"}"#;
            let made = by_deployer(
                1,
                "CreateFunction20150331",
                &format!(r#"{{"functionArn":"{FUNCTION}"{queue}}}"#),
            )
            .replace("user/deployer", "user/maker");
            let many = (0..count).map(|n| {
                let answer = format!(r#"{{"functionArn":"{FUNCTION}{n}"}}"#);
                by_deployer(2, name, &answer)
                    .replace(
                        r#""functionName":"orders""#,
                        &format!(r#""functionName":"orders{n}""#),
                    )
                    .replace(r#""eventID":""#, &format!(r#""eventID":"{n}-"#))
            });
            for text in many.chain([made, by_function()]) {
                observer.observe(&Provenance::bare(&"a".into()), &Record::parse(&text).unwrap());
            }
            let activity = resolve(&observer.into_usage(), Catalog::embedded());
            let mut all = activity.principals.iter();
            let one = all.find(|one| one.arn.ends_with("role/orders-role")).unwrap().clone();
            let queue = one.set_up.first().unwrap();
            (queue.may_be_over, one.set_up_untold.len())
        };
        let changed = "UpdateFunctionConfiguration20150331v2";
        assert_eq!(told(changed, 10), (None, 0));
        assert_eq!(told(changed, 1200), (Some(Over::Changed), 1));
        assert_eq!(told("CreateEventSourceMapping20150331", 1200), (None, 1));
        // What was deleted leaves nothing untold; this one was seen since.
        assert_eq!(told("DeleteFunction20150331", 1200), (None, 0));
    }
}

//! What the trail teaches about names: the role inside an instance profile, the
//! path of an IAM role, the workgroup of a query.
//!
//! A fact is only believed where the trail says one thing. Two answers for one
//! key (a role deleted and made anew under another path) are no answer, and the
//! rule that asked widens, with its reason.
//!
//! What is resolved need not be all there is: somebody may know what AWS itself
//! says of the account, and calls may be a part of a longer trail. Such facts come
//! from outside as a [`Background`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use trailtrim_catalog::{Catalog, FactKind};

use crate::call::Call;
use crate::identity::{PrincipalKey, account_of};
use crate::outcome::Outcome;
use crate::settings::{Answer, Settings};
use crate::signed_in;
use crate::stats::Stats;
use crate::usage::Usage;

/// Returns whether anything can be learned from calls of a frame.
fn teaches(frame: &Call<'_>, catalog: Catalog) -> bool {
    // Only what AWS accepted is known to exist.
    Outcome::of(frame, catalog) == Outcome::Granted
        && (is_iam(frame)
            || is_assumption(frame)
            || frame.operation(catalog).lessons().next().is_some())
}

// ARNs are believed only where AWS itself looked the name up: anyone can write one into a parameter
// that is kept as text. IAM speaks of its own account, a role that was assumed exists anywhere.

fn is_iam(call: &Call<'_>) -> bool {
    call.event_source == "iam.amazonaws.com"
}

fn is_assumption(call: &Call<'_>) -> bool {
    call.event_source == "sts.amazonaws.com" && call.event_name == "AssumeRole"
}

/// Facts by account, kind and key; a set, so that contradictions show.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    known: HashMap<(String, FactKind, String), BTreeSet<String>>,
    /// Role ARN by the role's unique id.
    roles: HashMap<String, BTreeSet<String>>,
    /// By account and a user's unique id, the first and the last second at which it went by each of its
    /// ARNs. A user may get another name or path, with the same id and policies.
    users: HashMap<(String, String), BTreeMap<String, (i64, i64)>>,
    settings: Settings,
}

/// What is known beside what the calls teach that are resolved.
#[derive(Clone, Copy, Debug, Default)]
pub struct Background<'f> {
    /// Goes before what the calls teach: what AWS itself says of an account.
    pub before: Option<&'f Facts>,
    /// Answers what the calls teach nothing of: the trail that they go on from.
    pub behind: Option<&'f Facts>,
}

/// Everything that can be asked about names.
pub(crate) struct Known<'f> {
    taught: Facts,
    background: Background<'f>,
    /// Whether anything was ever asked.
    asked: AtomicBool,
}

impl Facts {
    /// Learns what the calls of a usage teach.
    pub fn learn(usage: &Usage, catalog: Catalog) -> Facts {
        let mut facts = Facts::default();
        for (key, calls) in usage.principals() {
            facts.note_arn(&key.arn);
            if let Some(id) = &key.id
                && key.arn.contains(":role/")
            {
                facts.roles.entry(id.to_string()).or_default().insert(key.arn.to_string());
            }
            facts.note_seen(key, calls.stats());
            for (call, stats) in calls.framed(move |frame| teaches(frame, catalog)) {
                facts.learn_from(&call, stats, catalog);
            }
        }
        for (key, stats) in signed_in::seen(usage) {
            facts.note_seen(&key, [stats]);
        }
        for (call, stats) in usage.lessons.framed(move |frame| teaches(frame, catalog)) {
            facts.learn_from(&call, stats, catalog);
        }
        facts
    }

    fn learn_from(&mut self, call: &Call<'_>, stats: &Stats, catalog: Catalog) {
        // Of a call that stands for many, only that is known.
        if call.open.is_some() {
            let operation = call.operation(catalog);
            for setting in operation.lessons().filter_map(|lesson| match lesson.kind {
                FactKind::Setting(setting) => Some(setting),
                _ => None,
            }) {
                // A mapping that is made leaves the others as they are.
                let is_another = setting.is_of_mapping() && operation.name().starts_with("Create");
                self.settings.note_folded(call, setting, stats.last().filter(|_| !is_another));
            }
            return;
        }
        let iam = is_iam(call);
        if iam || is_assumption(call) {
            let parts = call.parts.iter().map(|(_, value)| value);
            let resources = call.resources.iter().filter(|resource| !resource.is_prefix);
            for arn in parts.chain(resources.map(|resource| &resource.arn)) {
                if !iam || account_of(arn) == Some(&*call.account) {
                    self.note_arn(arn);
                }
            }
        }
        // In a piece of a call, values that stand alone did not stand alone in the record.
        if call.piece {
            return;
        }
        for lesson in call.operation(catalog).lessons() {
            let gather = |path: &str| {
                let mut values = Vec::new();
                call.values(path, &mut |value| values.push(value.to_owned()));
                values
            };
            let (keys, values) = (gather(lesson.key), gather(lesson.value));
            if let FactKind::Setting(setting) = lesson.kind {
                let parts = gather(lesson.part);
                if let ([key], [] | [_], [] | [_]) =
                    (keys.as_slice(), values.as_slice(), parts.as_slice())
                {
                    let answer = Answer {
                        workload: &in_full(call, lesson.key_prefix, key),
                        setting,
                        part: parts.first().map(String::as_str),
                        value: values.first().map(String::as_str),
                    };
                    let event = (&*call.event_source, &*call.event_name);
                    self.settings.note(&answer, event, stats);
                }
                continue;
            }
            // Parts are a set: only a single pair is certain to belong together.
            if let ([key], [value]) = (keys.as_slice(), values.as_slice()) {
                let key =
                    in_region(lesson.kind, &call.region, &format!("{}{key}", lesson.key_prefix));
                self.note(&call.account, lesson.kind, key, value.clone());
            }
        }
    }

    /// Takes up what others teach.
    pub fn join(&mut self, other: Facts) {
        for (key, values) in other.known {
            self.known.entry(key).or_default().extend(values);
        }
        for (id, arns) in other.roles {
            self.roles.entry(id).or_default().extend(arns);
        }
        for (id, arns) in other.users {
            arns.into_iter().for_each(|(arn, times)| self.note_user(&id.1, &arn, times));
        }
        self.settings.join(other.settings);
    }

    /// Notes the role inside an instance profile, both by their ARNs.
    pub fn note_profile(&mut self, profile: &str, role: &str) {
        let Some(account) = account_of(profile) else { return };
        let name = profile.rsplit('/').next().unwrap_or(profile);
        for key in [profile, name] {
            let (key, role) = (key.to_owned(), role.to_owned());
            self.note(account, FactKind::InstanceProfileRole, key, role);
        }
    }

    /// Notes by which name a user was seen, and when.
    fn note_seen<'s>(&mut self, key: &PrincipalKey, stats: impl IntoIterator<Item = &'s Stats>) {
        let Some(id) = key.id.as_deref().filter(|_| is_user(&key.arn)) else { return };
        let times = stats.into_iter().filter_map(|one| one.first().zip(one.last()));
        let all = times.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
        if let Some(times) = all {
            self.note_user(id, &key.arn, times);
        }
    }

    /// Notes that a user of this unique id goes by an ARN now. Returns another one, by which it was noted to go
    /// now: then it is not known which of them is of today.
    pub fn note_current_user(&mut self, id: &str, arn: &str) -> Option<String> {
        const NOW: (i64, i64) = (i64::MAX, i64::MAX);
        self.note_user(id, arn, NOW);
        let names = self.users.get(&(account_of(arn)?.to_owned(), id.to_owned()))?;
        let mut others = names.iter().filter(|(other, times)| *other != arn && **times == NOW);
        others.next().map(|(other, _)| other.clone())
    }

    /// Notes that a user of this unique id went by an ARN from one second to another, since 1970.
    fn note_user(&mut self, id: &str, arn: &str, (first, last): (i64, i64)) {
        let Some(account) = account_of(arn).filter(|_| is_unique(id)) else { return };
        let names = self.users.entry((account.to_owned(), id.to_owned())).or_default();
        let times = names.entry(arn.to_owned()).or_insert((first, last));
        *times = (first.min(times.0), last.max(times.1));
    }

    /// Notes the path of an IAM name from its ARN; other texts teach nothing.
    pub fn note_arn(&mut self, arn: &str) {
        let mut fields = arn.splitn(6, ':');
        let (Some("arn"), Some(_), Some("iam"), Some(""), Some(account), Some(resource)) = (
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
            fields.next(),
        ) else {
            return;
        };
        let Some((kind, path)) = resource.split_once('/') else { return };
        if !matches!(
            kind,
            "role" | "user" | "group" | "policy" | "instance-profile" | "server-certificate"
        ) || account.is_empty()
        {
            return;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        if name.is_empty() || resource.contains(['*', '?', '$']) {
            return;
        }
        self.note(account, FactKind::IamArn, format!("{kind}/{name}"), arn.to_owned());
    }

    fn note(&mut self, account: &str, kind: FactKind, key: String, value: String) {
        self.known.entry((account.to_owned(), kind, key)).or_default().insert(value);
    }
}

impl<'f> Known<'f> {
    pub(crate) fn new(taught: Facts, background: Background<'f>) -> Known<'f> {
        Known { taught, background, asked: AtomicBool::new(false) }
    }

    /// Returns whether any answer was asked for.
    pub(crate) fn were_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns all that can answer, from what answers first.
    fn sources(&self) -> impl Iterator<Item = &Facts> {
        let Background { before, behind } = self.background;
        before.into_iter().chain([&self.taught]).chain(behind)
    }

    /// Returns the one answer there is, of the first that has any: two answers are none, and what lies
    /// farther away does not choose between them.
    pub(crate) fn get(&self, account: &str, kind: FactKind, key: &str) -> Option<&str> {
        self.asked.store(true, Ordering::Relaxed);
        let key = (account.to_owned(), kind, key.to_owned());
        only(self.sources().find_map(|facts| facts.known.get(&key))?)
    }

    /// Tells whether a user of another unique id than these goes, or went, by an ARN.
    pub(crate) fn is_of_another(&self, arn: &str, ids: &BTreeSet<String>) -> bool {
        let account = account_of(arn).unwrap_or_default();
        let mut users = self.sources().flat_map(|facts| &facts.users);
        users.any(|((of, id), names)| of == account && !ids.contains(id) && names.contains_key(arn))
    }

    /// Returns how workloads are set up, by all that is known.
    pub(crate) fn settings(&self) -> Settings {
        let mut all = Settings::default();
        self.sources().for_each(|facts| all.join(facts.settings.clone()));
        all
    }

    /// Does so for a call, whose region says which of several things of one name is meant.
    pub(crate) fn get_for(&self, call: &Call<'_>, kind: FactKind, key: &str) -> Option<&str> {
        self.get(&call.account, kind, &in_region(kind, &call.region, key))
    }

    /// Returns the ARN of the role or user behind a key, and whether its path is
    /// known. A key that only names a session's role (`arn:…:assumed-role/Name`)
    /// is told by its unique id, else by its name, else taken to have no path. A user
    /// is told by the name that it went by last.
    pub(crate) fn principal_arn(&self, key: &PrincipalKey) -> (String, bool) {
        if let Some(id) = key.id.as_deref().filter(|_| is_user(&key.arn)) {
            self.asked.store(true, Ordering::Relaxed);
            let of = (account_of(&key.arn).unwrap_or_default().to_owned(), id.to_owned());
            let names = self.sources().find_map(|facts| facts.users.get(&of)).and_then(last_name);
            return (names.map_or_else(|| key.arn.to_string(), str::to_owned), true);
        }
        let Some((head, name)) = key.arn.split_once(":assumed-role/") else {
            return (key.arn.to_string(), true);
        };
        self.asked.store(true, Ordering::Relaxed);
        // A role keeps its name for life, so an answer of another name is none.
        let named = |arn: &&str| arn.rsplit('/').next() == Some(name);
        // Two answers near by are none, and what lies farther away does not choose between them.
        let of_id = |id| only(self.sources().find_map(|facts| facts.roles.get(id))?);
        let by_id = key.id.as_deref().and_then(of_id).filter(named);
        let account = head.rsplit(':').next().unwrap_or_default();
        let by_name = || self.get(account, FactKind::IamArn, &format!("role/{name}"));
        match by_id.or_else(by_name) {
            Some(arn) => (arn.to_owned(), true),
            None => {
                let partition = head.split(':').nth(1).unwrap_or("aws");
                (format!("arn:{partition}:iam::{account}:role/{name}"), false)
            }
        }
    }
}

/// Returns what a fact of a region is known under.
fn in_region(kind: FactKind, region: &str, key: &str) -> String {
    if kind.is_regional() { format!("{region} {key}") } else { key.to_owned() }
}

/// Returns the ARN of a workload, which a parameter may have as a name, or without its beginning.
fn in_full(call: &Call<'_>, before: &str, key: &str) -> String {
    if key.starts_with("arn:") {
        return key.to_owned();
    }
    let before = before.replace("{region}", &call.region).replace("{account}", &call.account);
    // `111122223333:function:orders`
    let kind = before.rsplit(':').nth(1).map(|kind| format!(":{kind}:")).unwrap_or_default();
    let name = key.split_once(&kind).map_or(key, |(_, name)| name);
    format!("{before}{name}")
}

/// For how many seconds a former name may still be seen after the new one: changes of IAM take a while until
/// they are known everywhere.
const SPREADING: i64 = 300;

/// Returns the last of the ARNs that a user went by one after the other; nothing where they were in use at
/// one time, so that the id is not that of one user.
fn last_name(names: &BTreeMap<String, (i64, i64)>) -> Option<&str> {
    let mut names: Vec<(&(i64, i64), &String)> = names.iter().map(|(arn, at)| (at, arn)).collect();
    names.sort();
    let follows = names
        .iter()
        .zip(names.iter().skip(1))
        .all(|(a, b)| a.0.1 <= b.0.0.saturating_add(SPREADING));
    names.last().filter(|_| follows).map(|(_, arn)| arn.as_str())
}

/// Tells whether an id has the form that IAM gives users, in base 32, and is none of those that stand in
/// documents: what was made unrecognizable may have one id for all.
///
/// Source: IAM User Guide, "IAM identifiers".
fn is_unique(id: &str) -> bool {
    const LEAST: usize = 16;
    const DIFFERENT: usize = 6;
    let letters: BTreeSet<u8> = id.bytes().skip("AIDA".len()).collect();
    id.starts_with("AIDA")
        && letters.iter().all(|letter| matches!(letter, b'A'..=b'Z' | b'2'..=b'7'))
        && id.len() >= LEAST
        && !id.ends_with("EXAMPLE")
        && letters.len() >= DIFFERENT
}

fn is_user(arn: &str) -> bool {
    arn.contains(":user/")
}

fn only(answers: &BTreeSet<String>) -> Option<&str> {
    match answers.len() {
        1 => answers.first().map(String::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(arn: &str, id: Option<&str>) -> PrincipalKey {
        PrincipalKey { arn: arn.into(), id: id.map(Into::into) }
    }

    fn taught(arns: &[&str]) -> Facts {
        let mut facts = Facts::default();
        arns.iter().for_each(|arn| facts.note_arn(arn));
        facts
    }

    fn answer(known: &Known<'_>, account: &str) -> Option<String> {
        known.get(account, FactKind::IamArn, "role/a").map(str::to_owned)
    }

    const TEAM: &str = "arn:aws:iam::1:role/team/a";
    const OTHER: &str = "arn:aws:iam::1:role/other/a";

    #[test]
    fn two_answers_are_no_answer() {
        let known = Known::new(taught(&[TEAM]), Background::default());
        assert_eq!(answer(&known, "1").as_deref(), Some(TEAM));
        assert_eq!(answer(&known, "2"), None);
        let known = Known::new(taught(&[TEAM, OTHER]), Background::default());
        assert_eq!(answer(&known, "1"), None);
    }

    #[test]
    fn what_is_nearer_answers_and_what_is_farther_fills_in() {
        let (team, other) = (taught(&[TEAM]), taught(&[OTHER]));
        let of = |own: &[&str], before, behind| {
            answer(&Known::new(taught(own), Background { before, behind }), "1")
        };
        assert_eq!(of(&[], None, Some(&other)).as_deref(), Some(OTHER));
        assert_eq!(of(&[TEAM], None, Some(&other)).as_deref(), Some(TEAM));
        assert_eq!(of(&[TEAM], Some(&other), None).as_deref(), Some(OTHER));
        // What the calls contradict is not decided by what lies behind them.
        assert_eq!(of(&[TEAM, OTHER], None, Some(&team)), None);
        assert_eq!(of(&[TEAM, OTHER], Some(&team), None).as_deref(), Some(TEAM));
    }

    #[test]
    fn an_instance_profile_is_known_by_its_arn_and_its_name() {
        let mut facts = Facts::default();
        facts.note_profile("arn:aws:iam::1:instance-profile/x/web", TEAM);
        let known = Known::new(facts, Background::default());
        for key in ["arn:aws:iam::1:instance-profile/x/web", "web"] {
            assert_eq!(known.get("1", FactKind::InstanceProfileRole, key), Some(TEAM), "{key}");
        }
    }

    #[test]
    fn patterns_and_other_arns_teach_nothing() {
        let mut facts = Facts::default();
        for arn in [
            "arn:aws:iam::1:role/*",
            "arn:aws:iam::aws:policy/",
            "arn:aws:s3:::role/a",
            "role/a",
            "arn:aws:iam::1:mfa/a",
        ] {
            facts.note_arn(arn);
        }
        assert!(facts.known.is_empty());
    }

    #[test]
    fn a_bare_session_is_told_by_id_then_by_name_then_by_nothing() {
        let session = |id| key("arn:aws:sts::1:assumed-role/a", id);
        let nothing = Known::new(Facts::default(), Background::default());
        assert_eq!(
            nothing.principal_arn(&session(Some("AROAX"))),
            ("arn:aws:iam::1:role/a".to_owned(), false)
        );
        let mut facts = taught(&[TEAM]);
        let by_name = Known::new(facts.clone(), Background::default());
        assert_eq!(by_name.principal_arn(&session(None)), (TEAM.to_owned(), true));
        facts
            .roles
            .insert("AROAX".to_owned(), BTreeSet::from(["arn:aws:iam::1:role/ops/a".to_owned()]));
        let by_id = Known::new(facts, Background::default());
        assert_eq!(
            by_id.principal_arn(&session(Some("AROAX"))),
            ("arn:aws:iam::1:role/ops/a".to_owned(), true)
        );
    }

    #[test]
    fn a_user_is_told_by_the_name_that_it_went_by_last() {
        const ID: &str = "AIDAJQABLZS4A3QDU576Q";
        let (old, new) = ("arn:aws:iam::1:user/old", "arn:aws:iam::1:user/team/new");
        let mut facts = Facts::default();
        facts.note_user(ID, old, (5, 10));
        facts.note_user(ID, new, (10, 20));
        let of = |known: &Known<'_>, arn, id| known.principal_arn(&key(arn, id)).0;
        let known = Known::new(facts.clone(), Background::default());
        assert_eq!(of(&known, old, Some(ID)), new);
        assert_eq!(of(&known, new, Some(ID)), new);
        let own = |id: &str| BTreeSet::from([id.to_owned()]);
        assert!(!known.is_of_another(old, &own(ID)));
        assert!(known.is_of_another(old, &own("AIDAZYXWVUTSRQPONMLKJ")));
        // Who has the name now is somebody else, and so is whoever has no id.
        assert_eq!(of(&known, old, Some("AIDAZYXWVUTSRQPONMLKJ")), old);
        assert_eq!(of(&known, old, None), old);
        // What AWS says of now goes before what the log has last.
        let mut dump = Facts::default();
        assert_eq!(dump.note_current_user(ID, old), None);
        let known = Known::new(facts, Background { before: Some(&dump), behind: None });
        assert_eq!(of(&known, new, Some(ID)), old);
        // Two dumps, of which one is older.
        let mut dumps = Facts::default();
        let told = [old, old, new].map(|arn| dumps.note_current_user(ID, arn));
        assert_eq!(told, [None, None, Some(old.to_owned())]);
    }

    #[test]
    fn an_id_that_several_go_by_is_no_ones() {
        let (a, b) = ("arn:aws:iam::1:user/a", "arn:aws:iam::1:user/b");
        let told = |id: &str, first: (i64, i64), then: (i64, i64)| {
            let mut facts = Facts::default();
            facts.note_user(id, a, first);
            facts.note_user(id, b, then);
            Known::new(facts, Background::default()).principal_arn(&key(a, Some(id))).0
        };
        assert_eq!(told("AIDAJQABLZS4A3QDU576Q", (1, 5), (5, 9)), b);
        assert_eq!(told("AIDAJQABLZS4A3QDU576Q", (1, 305), (5, 309)), b);
        assert_eq!(told("AIDAJQABLZS4A3QDU576Q", (1, 306), (5, 309)), a);
        assert_eq!(told("AIDACKCEVSQ6C2EXAMPLE", (1, 5), (5, 9)), a);
        assert_eq!(told("AIDAXXXXXXXXXXXXXXXXX", (1, 5), (5, 9)), a);
        assert_eq!(told("AIDA12345678901234567", (1, 5), (5, 9)), a);
    }
}

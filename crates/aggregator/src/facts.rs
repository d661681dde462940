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

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

use trailtrim_catalog::{Catalog, FactKind};

use crate::call::Call;
use crate::identity::{PrincipalKey, account_of};
use crate::outcome::Outcome;
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
            for (call, _) in calls.framed(move |frame| teaches(frame, catalog)) {
                facts.learn_from(&call, catalog);
            }
        }
        for (call, _) in usage.lessons.framed(move |frame| teaches(frame, catalog)) {
            facts.learn_from(&call, catalog);
        }
        facts
    }

    fn learn_from(&mut self, call: &Call<'_>, catalog: Catalog) {
        // Of a call that stands for many, only that is known.
        if call.open.is_some() {
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
            // Parts are a set: only a single pair is certain to belong together.
            if let ([key], [value]) = (keys.as_slice(), values.as_slice()) {
                let key = format!("{}{key}", lesson.key_prefix);
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
        if !matches!(kind, "role" | "user" | "group" | "policy" | "instance-profile")
            || account.is_empty()
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

    /// Returns the ARN of the role or user behind a key, and whether its path is
    /// known. A key that only names a session's role (`arn:…:assumed-role/Name`)
    /// is told by its unique id, else by its name, else taken to have no path.
    pub(crate) fn principal_arn(&self, key: &PrincipalKey) -> (String, bool) {
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
}

//! What the trail teaches about names: the role inside an instance profile, the
//! path of an IAM role, the workgroup of a query.
//!
//! A fact is only believed where the trail says one thing. Two answers for one
//! key (a role deleted and made anew under another path) are no answer, and the
//! rule that asked widens, with its reason.

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
#[derive(Debug, Default)]
pub(crate) struct Facts {
    known: HashMap<(String, FactKind, String), BTreeSet<String>>,
    /// Role ARN by the role's unique id.
    roles: HashMap<String, BTreeSet<String>>,
    /// Whether anything was ever asked.
    asked: AtomicBool,
}

impl Facts {
    pub(crate) fn learn(usage: &Usage, catalog: Catalog) -> Facts {
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

    /// Learns the path of an IAM name from its ARN.
    fn note_arn(&mut self, arn: &str) {
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

    /// Returns whether any answer was asked for.
    pub(crate) fn were_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Returns the one answer there is.
    pub(crate) fn get(&self, account: &str, kind: FactKind, key: &str) -> Option<&str> {
        self.asked.store(true, Ordering::Relaxed);
        only(self.known.get(&(account.to_owned(), kind, key.to_owned()))?)
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
        let by_id = key.id.as_deref().and_then(|id| only(self.roles.get(id)?)).filter(named);
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

    #[test]
    fn two_answers_are_no_answer() {
        let mut facts = Facts::default();
        facts.note_arn("arn:aws:iam::1:role/team/a");
        assert_eq!(facts.get("1", FactKind::IamArn, "role/a"), Some("arn:aws:iam::1:role/team/a"));
        assert_eq!(facts.get("2", FactKind::IamArn, "role/a"), None);
        facts.note_arn("arn:aws:iam::1:role/other/a");
        assert_eq!(facts.get("1", FactKind::IamArn, "role/a"), None);
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
        let mut facts = Facts::default();
        let session = |id| key("arn:aws:sts::1:assumed-role/a", id);
        assert_eq!(
            facts.principal_arn(&session(Some("AROAX"))),
            ("arn:aws:iam::1:role/a".to_owned(), false)
        );
        facts.note_arn("arn:aws:iam::1:role/team/a");
        assert_eq!(
            facts.principal_arn(&session(None)),
            ("arn:aws:iam::1:role/team/a".to_owned(), true)
        );
        facts
            .roles
            .insert("AROAX".to_owned(), BTreeSet::from(["arn:aws:iam::1:role/ops/a".to_owned()]));
        assert_eq!(
            facts.principal_arn(&session(Some("AROAX"))),
            ("arn:aws:iam::1:role/ops/a".to_owned(), true)
        );
    }
}

//! Names that were used too briefly to tell whether they come and go.
//!
//! There may be thousands. So each kind is told in one sentence, with how many they are: things by why the next may
//! have another name, before keys, which are many as often as not. Actions are told all, since one of them may be
//! worth more than the others together.

use std::collections::{BTreeMap, BTreeSet};

use super::Choice;

/// How many patterns stand in a sentence.
const NAMED: usize = 5;

/// Names that may be of one run, and stay.
#[derive(Clone, Debug, Default)]
pub(super) struct Undecided {
    /// Actions and names.
    pub(super) uses: BTreeSet<(String, String)>,
    pub(super) why: String,
    /// Whether they are keys.
    pub(super) keys: bool,
}

/// What one sentence tells.
#[derive(Default)]
struct Told<'c> {
    actions: BTreeSet<&'c str>,
    names: BTreeSet<&'c str>,
    patterns: BTreeSet<String>,
}

/// Says of which names it cannot be told whether they come and go, in few sentences. `instead` tells for an action and
/// a name the pattern to put in its place, given the one that would stand for it; nothing where the name is not listed.
pub(crate) fn undecided<'c>(
    choices: impl Iterator<Item = &'c Choice>,
    mut instead: impl FnMut(&str, &str, &str) -> Option<String>,
) -> Vec<String> {
    let mut told: BTreeMap<(bool, &str), Told<'c>> = BTreeMap::new();
    for choice in choices {
        for (pattern, Undecided { uses, why, keys }) in &choice.undecided {
            for (action, name) in uses {
                let is_itself = choice.resource(action, name) == name;
                if let Some(pattern) = instead(action, name, pattern).filter(|_| is_itself) {
                    let told = told.entry((*keys, why.as_str())).or_default();
                    told.actions.insert(action);
                    told.names.insert(name);
                    told.patterns.insert(pattern);
                }
            }
        }
    }
    told.iter().map(|((keys, why), told)| told.sentence(*keys, why)).collect()
}

impl Told<'_> {
    fn sentence(&self, keys: bool, why: &str) -> String {
        let Told { actions, names, patterns } = self;
        let (names, [come, them, their]) = match (names.len(), names.first()) {
            (1, Some(name)) => (format!("`{name}`"), ["it comes and goes", "it", "its"]),
            (many, _) => {
                let names = if keys { "keys" } else { "names" };
                (format!("{many} {names}"), ["they come and go", "them", "their"])
            }
        };
        let actions: Vec<&str> = actions.iter().copied().collect();
        let named: Vec<String> =
            patterns.iter().take(NAMED).map(|pattern| format!("`{pattern}`")).collect();
        let more = match patterns.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!(
            "used too briefly to tell whether {come}: {} on {names} ({why}). The policy lists {them}, and another one \
             would be refused: if there will be one, put {}{more} in {their} place",
            actions.join(", "),
            named.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keys_are_one_sentence_behind_what_is_told_of_things() {
        let mut choice = Choice::default();
        let mut take = |pattern: String, (action, name): (&str, String), keys: bool| {
            let one = choice.undecided.entry(pattern).or_default();
            one.why = if keys { "keys" } else { "things" }.to_owned();
            one.keys = keys;
            one.uses.insert((action.to_owned(), name));
        };
        for at in 0..40 {
            let place = format!("arn:aws:s3:::b{at}/d/");
            take(format!("{place}*"), ("s3:GetObject", format!("{place}x")), true);
            take(format!("{place}*"), ("s3:GetObject", format!("{place}y")), true);
        }
        for action in ["ec2:DescribeTags", "ec2:RebootInstances", "ec2:StopInstances"] {
            take("i/*".to_owned(), (action, "i/1".to_owned()), false);
        }
        take("i/*".to_owned(), ("ssm:StartSession", "i/1".to_owned()), false);
        let told = choice.listed_undecided();
        let [things, keys] = told.as_slice() else { panic!("{told:?}") };
        assert!(things.contains(", ssm:StartSession on `i/1` (things)"), "{things}");
        assert!(things.ends_with("put `i/*` in its place"), "{things}");
        assert!(keys.contains("they come and go: s3:GetObject on 80 keys (keys)"), "{keys}");
        assert!(keys.ends_with("`arn:aws:s3:::b12/d/*` and 35 more in their place"), "{keys}");
    }
}

//! The data of `data/taste.toml`, ready to be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Deserialize;
use trailtrim_catalog::AccessLevel;
use trailtrim_iam::wildcard;

const DATA: &str = include_str!("../../data/taste.toml");

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    lasting_days: i32,
    several: usize,
    versions: usize,
    word: Vec<Word>,
    lasting: Vec<Listed>,
    form: Vec<Form>,
    ephemeral: Vec<Ephemeral>,
    keys: Vec<Listed>,
    written: Vec<Actions>,
    written_with: Vec<With>,
    deleted: Vec<Actions>,
    partition: Vec<Partition>,
    months: Months,
    quarters: Labels,
    fiscal: Labels,
    never: Vec<Actions>,
    guarded: Vec<Guarded>,
    named: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Word {
    words: Vec<String>,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    types: Vec<String>,
    #[expect(dead_code, reason = "for people; read so that none is without")]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ephemeral {
    types: Vec<String>,
    #[serde(default)]
    when: When,
    #[serde(default)]
    value: Option<Value>,
    #[serde(default)]
    several: bool,
    #[serde(default)]
    versions: bool,
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    service: String,
    kind: String,
    template: String,
    #[expect(dead_code, reason = "for people; read so that none is without")]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Partition {
    labels: Vec<String>,
    #[serde(default)]
    of: Option<Stretch>,
    #[expect(dead_code, reason = "for people; read so that none is without")]
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Months {
    /// From January on.
    names: Vec<Vec<String>>,
    #[expect(dead_code, reason = "for people; read so that none is without")]
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labels {
    labels: Vec<String>,
    #[expect(dead_code, reason = "for people; read so that none is without")]
    reason: String,
}

/// What the label of a partition is of, behind a year or a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stretch {
    Month,
    Week,
    Day,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Actions {
    actions: Vec<String>,
    #[expect(dead_code, reason = "for people; read so that none is without")]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Guarded {
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    access_levels: Vec<Level>,
    #[expect(dead_code, reason = "for people; read so that none is without")]
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Level {
    List,
    Read,
    Tagging,
    Write,
    PermissionsManagement,
}

impl Level {
    fn of(level: AccessLevel) -> Level {
        match level {
            AccessLevel::List => Level::List,
            AccessLevel::Read => Level::Read,
            AccessLevel::Tagging => Level::Tagging,
            AccessLevel::Write => Level::Write,
            AccessLevel::PermissionsManagement => Level::PermissionsManagement,
        }
    }
}

/// When names of a type are taken to be of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum When {
    /// By their kind.
    #[default]
    Always,
    /// Unless all that were seen lasted.
    ShortLived,
}

/// What a value must look like to be of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Value {
    /// A number, where a word would be a name.
    Digits,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    actions: Vec<String>,
    events: Vec<String>,
    #[serde(rename = "reason")]
    _reason: String,
}

impl Partition {
    fn each(self) -> impl Iterator<Item = (String, Option<Stretch>)> {
        let of = self.of;
        self.labels.into_iter().map(move |label| (label, of))
    }
}

impl With {
    fn each(self) -> impl Iterator<Item = (String, String)> {
        let With { actions, events, .. } = self;
        actions.into_iter().flat_map(move |action| {
            events.clone().into_iter().map(move |event| (action.clone(), event))
        })
    }
}

/// What an action does with what has a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// Looks at it.
    Reads,
    /// Makes it.
    Writes,
    /// Takes it away.
    Deletes,
    /// Does anything else to what is there.
    Changes,
}

impl Use {
    /// What goes by the same dates and ids: what is deleted was as often as not written by the same caller.
    pub(super) fn evidence(self) -> Use {
        match self {
            Use::Deletes => Use::Writes,
            other => other,
        }
    }

    /// Whether what is there is what it is about, and not what comes next.
    pub(super) fn of_what_is(self) -> bool {
        matches!(self, Use::Deletes | Use::Changes)
    }
}

/// How a type's names are of one run.
#[derive(Clone, Debug)]
pub(super) struct OneRun {
    /// Which of the variables after the account differ with every run.
    starred: Vec<bool>,
    pub(super) when: When,
    pub(super) value: Option<Value>,
    /// How many different names it takes.
    pub(super) least: usize,
    pub(super) reason: String,
}

impl OneRun {
    /// Returns whether this variable after the account, counted from 0, differs with every run.
    pub(super) fn stars(&self, at: usize) -> bool {
        self.starred.get(at) == Some(&true)
    }
}

/// The rules of taste.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) lasting_days: i32,
    pub(super) several: usize,
    pub(super) versions: usize,
    words: BTreeMap<String, String>,
    lasting: BTreeSet<String>,
    /// Forms of ARNs that the reference does not have.
    forms: Vec<Form>,
    one_run: BTreeMap<String, OneRun>,
    keys: BTreeSet<String>,
    named: BTreeSet<String>,
    labels: BTreeMap<String, Option<Stretch>>,
    /// From January on.
    months: Vec<Vec<String>>,
    quarters: Vec<String>,
    fiscal: Vec<String>,
    written: BTreeSet<String>,
    /// Actions that are about what a call wrote, by its event.
    written_with: BTreeSet<(String, String)>,
    deleted: BTreeSet<String>,
    never: Vec<String>,
    guarded_services: BTreeSet<String>,
    guarded_levels: Vec<Level>,
}

/// Returns the rules.
pub(super) fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    // A test reads the data; without it nothing would be generalised.
    RULES.get_or_init(|| toml::from_str(DATA).map(Rules::new).unwrap_or_default())
}

impl Rules {
    fn new(data: Data) -> Rules {
        let mut rules = Rules {
            lasting_days: data.lasting_days,
            several: data.several,
            versions: data.versions,
            lasting: forms(&data.lasting),
            keys: forms(&data.keys),
            named: forms(&data.named),
            forms: data.form,
            labels: data.partition.into_iter().flat_map(Partition::each).collect(),
            months: data.months.names,
            quarters: data.quarters.labels,
            fiscal: data.fiscal.labels,
            written: data.written.into_iter().flat_map(|entry| entry.actions).collect(),
            written_with: data.written_with.into_iter().flat_map(With::each).collect(),
            deleted: data.deleted.into_iter().flat_map(|entry| entry.actions).collect(),
            never: data.never.into_iter().flat_map(|entry| entry.actions).collect(),
            ..Rules::default()
        };
        for entry in data.word {
            rules.words.extend(entry.words.into_iter().map(|word| (word, entry.reason.clone())));
        }
        for entry in data.guarded {
            rules.guarded_services.extend(entry.services);
            rules.guarded_levels.extend(entry.access_levels);
        }
        for entry in data.ephemeral {
            for listed in &entry.types {
                let one_run = OneRun {
                    starred: places(listed),
                    when: entry.when,
                    value: entry.value,
                    least: match (entry.several, entry.versions) {
                        (true, _) => data.several,
                        (false, true) => data.versions,
                        (false, false) => 1,
                    },
                    reason: entry.reason.clone(),
                };
                rules.one_run.insert(form(listed), one_run);
            }
        }
        rules
    }

    /// Returns the templates of a service that the reference does not have, with their resource types.
    pub(super) fn templates(&'static self, service: &str) -> Vec<(&'static str, &'static str)> {
        let of = self.forms.iter().filter(|form| form.service == service);
        of.map(|form| (form.kind.as_str(), form.template.as_str())).collect()
    }

    /// Returns how names of this form are of one run, if they are. A form is what a template says
    /// after the account, with its service and `{}` for each variable.
    pub(super) fn one_run(&self, form: &str) -> Option<OneRun> {
        if let Some(listed) = self.one_run.get(form) {
            return Some(listed.clone());
        }
        if self.lasting.contains(form) || self.keys.contains(form) {
            return None;
        }
        let reason = self.words.get(&last_word(form)?)?.clone();
        let mut starred = vec![false; form.matches("{}").count()];
        *starred.last_mut()? = true;
        Some(OneRun { starred, when: When::Always, value: None, least: 1, reason })
    }

    /// Returns whether the last variable of this form is a key in a container.
    pub(super) fn is_key(&self, form: &str) -> bool {
        self.keys.contains(form)
    }

    /// Returns whether the name is all there is to hold on to.
    pub(super) fn is_named(&self, form: &str) -> bool {
        self.named.contains(form)
    }

    /// Returns whether what stands before a `=` names a stretch of time.
    pub(super) fn is_partition(&self, label: &str) -> bool {
        self.labels.contains_key(&label.to_ascii_lowercase())
    }

    /// Returns what stretch of time a label names.
    pub(super) fn stretch(&self, label: &str) -> Option<Stretch> {
        self.labels.get(&label.to_ascii_lowercase()).copied().flatten()
    }

    /// Returns the number of the month that goes by a name.
    pub(super) fn month(&self, name: &str) -> Option<u32> {
        let is = |names: &Vec<String>| names.iter().any(|one| one.eq_ignore_ascii_case(name));
        (1..).zip(&self.months).find(|(_, names)| is(names)).map(|(month, _)| month)
    }

    /// Returns whether a word stands before the number of a quarter.
    pub(super) fn is_quarter(&self, label: &str) -> bool {
        self.quarters.iter().any(|one| one.eq_ignore_ascii_case(label))
    }

    /// Returns whether a word stands before a fiscal year.
    pub(super) fn is_fiscal(&self, label: &str) -> bool {
        self.fiscal.iter().any(|one| one.eq_ignore_ascii_case(label))
    }

    /// Returns whether an action is about what a call of this name wrote.
    pub(super) fn is_written_with(&self, action: &str, event: &str) -> bool {
        self.written_with.iter().any(|(one, by)| one == action && by == event)
    }

    /// Returns what an action of this level does with what has a key; `written` tells that a call that writes
    /// brought it.
    pub(super) fn use_of(&self, action: &str, level: AccessLevel, written: bool) -> Use {
        if written || self.written.contains(action) {
            Use::Writes
        } else if self.deleted.contains(action) {
            Use::Deletes
        } else if matches!(level, AccessLevel::List | AccessLevel::Read) {
            Use::Reads
        } else {
            Use::Changes
        }
    }

    /// Returns whether the action's resources stay as they were seen, whatever is asked for.
    pub(super) fn never(&self, action: &str) -> bool {
        self.never.iter().any(|pattern| wildcard::matches_ignore_case(pattern, action))
    }

    /// Returns whether only `type` goes beyond what was seen of the service whose ARN it is.
    pub(super) fn guards_service(&self, service: &str) -> bool {
        self.guarded_services.contains(service)
    }

    /// Returns whether `type` goes no further than `prefix` with such an action.
    pub(super) fn guards_level(&self, level: AccessLevel) -> bool {
        self.guarded_levels.contains(&Level::of(level))
    }
}

fn forms(listed: &[Listed]) -> BTreeSet<String> {
    listed.iter().flat_map(|entry| &entry.types).map(|listed| form(listed)).collect()
}

/// Turns a form with stars into one without.
fn form(listed: &str) -> String {
    listed.replace('*', "{}")
}

/// Tells for each variable of a listed form whether it is starred.
fn places(listed: &str) -> Vec<bool> {
    let stars = listed.match_indices('*').map(|(at, _)| (at, true));
    let kept = listed.match_indices("{}").map(|(at, _)| (at, false));
    let places: BTreeMap<usize, bool> = stars.chain(kept).collect();
    places.into_values().collect()
}

/// Returns the last word before the last variable, in lower case: `run` of `test-run/{}`, `job` of
/// `harvestJob/{}`. Where a variable comes just before, there is none.
fn last_word(form: &str) -> Option<String> {
    let (before, after) = form.rsplit_once("{}")?;
    let literal = before.rsplit_once("{}").map_or(before, |(_, literal)| literal);
    let literal = literal.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    let start = literal
        .char_indices()
        .rev()
        .take_while(|(_, c)| c.is_ascii_alphabetic())
        .scan(false, |ended, (at, c)| {
            // A capital letter begins the word.
            let this = (!*ended).then_some(at);
            *ended |= c.is_ascii_uppercase();
            this
        })
        .last()?;
    (after.is_empty()).then(|| literal.get(start..).unwrap_or_default().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_catalog::Catalog;

    use crate::taste::kind::form_of;

    fn data() -> Data {
        toml::from_str(DATA).unwrap()
    }

    fn catalog_forms() -> BTreeSet<String> {
        let actions = Catalog::embedded().services().flat_map(|service| service.actions());
        let types = actions.flat_map(|action| action.resource_types());
        types.flat_map(|kind| kind.templates()).map(form_of).collect()
    }

    #[test]
    fn every_listed_type_is_one_of_the_catalog() {
        let (data, mut known) = (data(), catalog_forms());
        for form in &data.form {
            assert!(known.insert(form_of(&form.template)), "the catalog has `{}`", form.template);
        }
        let listed = [&data.lasting, &data.keys, &data.named].into_iter().flatten();
        let types = listed.map(|entry| &entry.types);
        for listed in types.chain(data.ephemeral.iter().map(|entry| &entry.types)).flatten() {
            assert!(known.contains(&form(listed)), "`{listed}` is no type of the catalog");
            assert!(!listed.contains("{}*") && !listed.contains("**"), "{listed}");
        }
    }

    #[test]
    fn no_entry_is_idle() {
        let (data, rules) = (data(), rules());
        for word in data.word.iter().flat_map(|entry| &entry.words) {
            assert_eq!(word, &word.to_ascii_lowercase());
        }
        let without = Rules { lasting: BTreeSet::new(), ..Rules::new(self::data()) };
        for listed in data.lasting.iter().flat_map(|entry| &entry.types) {
            assert!(rules.one_run(listed).is_none(), "{listed}");
            assert!(without.one_run(listed).is_some(), "`{listed}` would not be taken anyway");
        }
        let without = Rules { one_run: BTreeMap::new(), ..Rules::new(self::data()) };
        for entry in data.ephemeral.iter().filter(|entry| entry.when == When::Always) {
            for listed in &entry.types {
                let by_word = without.one_run(&form(listed)).map(|one_run| one_run.starred);
                assert_ne!(by_word, Some(places(listed)), "a word tells `{listed}` already");
            }
        }
        for action in rules.written.union(&rules.deleted) {
            let facts = Catalog::embedded().action(action);
            let level = facts.map(|facts| facts.access_level());
            let reads = matches!(level, None | Some(AccessLevel::List | AccessLevel::Read));
            assert!(!reads, "{action}");
        }
        assert!(rules.written.is_disjoint(&rules.deleted));
        let used: BTreeSet<String> =
            catalog_forms().iter().filter_map(|form| last_word(form)).collect();
        assert!(rules.words.keys().any(|word| used.contains(word)));
    }

    #[test]
    fn the_word_before_the_last_variable_tells() {
        for (form, word) in [
            ("bedrock:model-import-job/{}", Some("job")),
            (
                "mediapackagev2:channelGroup/{}/channel/{}/originEndpoint/{}/harvestJob/{}",
                Some("job"),
            ),
            ("mediapackage:harvest_jobs/{}", Some("jobs")),
            ("batch:job-definition/{}", Some("definition")),
            ("ecs:task/{}/{}", None),
            ("sqs:{}", Some("sqs")),
            ("lambda:function:{}", Some("function")),
            ("batch:job/{}/x", None),
        ] {
            assert_eq!(last_word(form).filter(|word| !word.is_empty()).as_deref(), word, "{form}");
        }
    }

    /// All that is generalised by its kind alone, so that a change of words or catalog shows.
    #[test]
    fn what_the_words_take_is_listed() {
        let (rules, mut found) = (rules(), String::new());
        for form in catalog_forms() {
            if let Some(one_run) = rules.one_run(&form)
                && !rules.one_run.contains_key(&form)
            {
                found.push_str(&form);
                found.push('\n');
                assert_eq!(one_run.when, When::Always);
            }
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/taste/words.expected");
        if std::env::var_os("TRAILTRIM_BLESS").is_some() {
            std::fs::write(path, &found).unwrap();
        }
        assert_eq!(found, std::fs::read_to_string(path).unwrap());
    }
}

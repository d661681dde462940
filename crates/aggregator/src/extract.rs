//! Takes the identifying parts of a call out of a record.
//!
//! Which parts those are is the catalog's decision, per operation; its paths
//! become a small tree once, and each record's parameters are walked along it.
//! Everything else in the parameters and the response (payloads, credentials,
//! descriptions) is passed over unread and never kept.

mod choice;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use memchr::memchr;
use memchr::memmem::Finder;
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;
use trailtrim_catalog::Extraction;
use trailtrim_ingest::{Cursor, Value};

use crate::call::{CUT, CUT_ANSWER, Part};

use choice::Choice;

/// No name, id or ARN in AWS is longer; anything beyond is content.
const LONGEST_VALUE: usize = 4096;

/// What CloudTrail writes in the place of a secret, in any letter case: the guides of Athena and of the Chime SDK differ.
const REDACTED: [&str; 4] = [
    "HIDDEN_DUE_TO_SECURITY_REASONS",
    "HIDDEN_FOR_SECURITY_REASONS",
    "***",
    "<sensitiveDataRemoved>",
];

/// What is kept where a path asks only whether something is there.
const PRESENT: &str = "present";

/// What CloudTrail writes into parameters that were too long for it, in the place of them all.
const OMITTED: &str = "omitted";

/// The key that stands for any number of keys.
const ANY_DEPTH: &str = "**";

/// Behind a path whose texts are lists.
const LISTS: &str = "[,]";

/// An operation's extraction list, ready for walking.
#[derive(Debug, Default)]
pub(crate) struct Extractor {
    roots: Branch,
    skipped: HashSet<&'static str, RandomState>,
    scan_arns: bool,
}

/// The keys that matter below one place, and what to keep at the place itself.
#[derive(Debug, Default)]
struct Branch {
    below: Vec<(&'static str, Branch)>,
    /// What matters at any depth below.
    deep: Option<Box<Branch>>,
    /// Whether it is what matters at any depth, so that it goes along with each key.
    is_deep: bool,
    /// What matters in those elements of a list only that pass a test.
    chosen: Vec<(Choice, Branch)>,
    joined: Vec<Joined>,
    values: Option<&'static str>,
    /// The same for each part of a text with commas.
    parts: Option<&'static str>,
    keys: Option<&'static str>,
    presence: Option<&'static str>,
}

/// Members of one element that are kept together.
#[derive(Debug)]
struct Joined {
    members: Vec<&'static str>,
    path: &'static str,
}

impl Branch {
    /// Takes up one path of an extraction list.
    fn insert(&mut self, path: &'static str) {
        if let Some(keys) = path.strip_suffix(LISTS) {
            self.descend(choice::keys(keys)).parts = Some(path);
            return;
        }
        let keys = path.trim_end_matches("{}").trim_end_matches('?');
        let all: Vec<&'static str> = choice::keys(keys).collect();
        if let Some((last, start)) = all.split_last()
            && last.contains('+')
            && !last.contains('[')
        {
            let members = last.split('+').collect();
            self.descend(start.iter().copied()).joined.push(Joined { members, path });
            return;
        }
        let branch = self.descend(all.into_iter());
        let slot = match path.as_bytes().last() {
            Some(b'}') => &mut branch.keys,
            Some(b'?') => &mut branch.presence,
            _ => &mut branch.values,
        };
        *slot = Some(path);
    }

    /// Returns the branch at some keys.
    fn descend(&mut self, keys: impl Iterator<Item = &'static str>) -> &mut Branch {
        keys.fold(self, |branch, key| {
            if key == ANY_DEPTH {
                let deep = branch.deep.get_or_insert_default();
                deep.is_deep = true;
                return deep;
            }
            let (name, tests) = choice::tests(key);
            tests.fold(branch.below_mut(name), Branch::chosen_mut)
        })
    }

    fn chosen_mut(&mut self, choice: Choice) -> &mut Branch {
        let at = match self.chosen.iter().position(|(known, _)| *known == choice) {
            Some(at) => at,
            None => {
                self.chosen.push((choice, Branch::default()));
                self.chosen.len() - 1
            }
        };
        #[expect(clippy::indexing_slicing, reason = "found, or just put there")]
        &mut self.chosen[at].1
    }

    /// Returns the branch below a key, as paths spell it.
    fn below(&self, key: &str) -> Option<&Branch> {
        self.below.iter().find(|(known, _)| *known == key).map(|(_, branch)| branch)
    }

    fn below_mut(&mut self, key: &'static str) -> &mut Branch {
        let at = match self.below.iter().position(|(known, _)| *known == key) {
            Some(at) => at,
            None => {
                self.below.push((key, Branch::default()));
                self.below.len() - 1
            }
        };
        #[expect(clippy::indexing_slicing, reason = "found, or just put there")]
        &mut self.below[at].1
    }

    /// Returns whether the members of one element matter together.
    fn reads_elements(&self) -> bool {
        !(self.chosen.is_empty() && self.joined.is_empty())
    }

    /// Returns whether a text at the place matters.
    fn reads_texts(&self) -> bool {
        self.values.is_some() || self.parts.is_some() || !self.chosen.is_empty()
    }
}

impl Extractor {
    /// `more` are paths to keep beside those of the catalog.
    pub(crate) fn new(
        extraction: Extraction,
        more: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let mut roots = Branch::default();
        for path in extraction.paths().chain(more) {
            roots.insert(path);
        }
        Extractor {
            roots,
            skipped: extraction.skipped().collect(),
            scan_arns: extraction.scan_arns(),
        }
    }

    /// Returns whether anything is looked for in a root: `request`, `response` or `additional`.
    pub(crate) fn reads(&self, root: &'static str) -> bool {
        self.scans(root) || self.roots.below(root).is_some()
    }

    fn scans(&self, root: &'static str) -> bool {
        self.scan_arns && root == "request"
    }

    /// Appends the parts of one root.
    pub(crate) fn extract<'r>(
        &self,
        root: &'static str,
        json: Value<'r>,
        spelling: &mut Spelling,
        out: &mut Vec<Part<'r>>,
    ) {
        let scan = self.scans(root);
        let branch = self.roots.below(root);
        if branch.is_none() && !scan {
            return;
        }
        if [CUT, CUT_ANSWER].contains(&root) && is_cut(json) {
            return out.push((Cow::Borrowed(root), Cow::Borrowed(OMITTED)));
        }
        // A text in the place of them all names nothing, and no path is the root alone.
        if !json.is_object() && !json.is_array() {
            return;
        }
        let here: SmallVec<[&Branch; 2]> = branch
            .into_iter()
            .flat_map(|branch| [Some(branch), branch.deep.as_deref()])
            .flatten()
            .collect();
        let Spelling { path, key } = spelling;
        path.clear();
        // Where it is matters to what is found by looking everywhere; else nobody asks.
        if scan {
            path.push_str(root);
        }
        let mut walk = Walk { skipped: &self.skipped, path, key, out };
        walk.value(&mut json.cursor(), &here, scan);
    }
}

/// Buffers for what extraction paths spell, used again from record to record.
#[derive(Debug, Default)]
pub(crate) struct Spelling {
    path: String,
    key: String,
}

struct Walk<'e, 'o, 'r> {
    skipped: &'e HashSet<&'static str, RandomState>,
    /// Where the walk is, in the spelling of extraction paths, as long as ARNs are looked for.
    path: &'o mut String,
    /// The last key, in that spelling.
    key: &'o mut String,
    out: &'o mut Vec<Part<'r>>,
}

impl<'e, 'r> Walk<'e, '_, 'r> {
    /// `here` are the branches that end at this place, and `scan` is whether strings that begin with
    /// `arn:` are kept wherever they stand.
    fn value(&mut self, at: &mut Cursor<'r>, here: &[&'e Branch], scan: bool) {
        if at.is_object() {
            self.object(at, here, scan);
        } else if at.is_array() {
            // Arrays are transparent: the same keys apply to every element.
            at.enter();
            while at.has_element() {
                self.value(at, here, scan);
            }
        } else if let Some(json) = at.value()
            && (scan || here.iter().any(|branch| branch.reads_texts()))
        {
            self.scalar(json, here, scan);
        }
    }

    fn object(&mut self, at: &mut Cursor<'r>, here: &[&'e Branch], scan: bool) {
        if here.iter().any(|branch| branch.reads_elements())
            && let Some(json) = at.clone().value()
        {
            let here = self.element(json, here);
            self.members(at, &here, scan);
        } else {
            self.members(at, here, scan);
        }
    }

    /// Keeps what belongs together in one element of a list, and returns the branches for it.
    fn element(&mut self, json: Value<'r>, here: &[&'e Branch]) -> Vec<&'e Branch> {
        let mut all = here.to_vec();
        let mut at = 0;
        // What is chosen may have tests of its own.
        while let Some(branch) = all.get(at).copied() {
            at += 1;
            let tests = branch.chosen.iter().filter(|(choice, _)| !choice.member.is_empty());
            for (choice, chosen) in tests {
                if !choice.holds(&member(json, choice.member).unwrap_or_default()) {
                    continue;
                }
                if let Some(path) = chosen.presence {
                    self.keep(path, Cow::Borrowed(PRESENT));
                }
                all.extend([Some(chosen), chosen.deep.as_deref()].into_iter().flatten());
            }
        }
        for joined in all.iter().flat_map(|branch| &branch.joined) {
            let values: Option<Vec<String>> =
                joined.members.iter().map(|key| member(json, key)).collect();
            if let Some(values) = values {
                self.keep(joined.path, Cow::Owned(values.join("/")));
            }
        }
        all
    }

    fn members(&mut self, at: &mut Cursor<'r>, here: &[&'e Branch], scan: bool) {
        let is_deep = here.iter().any(|branch| branch.is_deep);
        at.enter();
        while let Some(name) = at.key() {
            for path in here.iter().filter_map(|branch| branch.keys) {
                self.keep(path, name.clone());
            }
            self.key.clear();
            normalise(&name, self.key);
            // A path may end at such a key, wherever it stands; what is below is content.
            let is_content = (is_deep || scan) && self.skipped.contains(self.key.as_str());
            let scan = scan && !is_content;
            let mut below: SmallVec<[&Branch; 4]> = SmallVec::new();
            for branch in here {
                if let Some(found) = branch.below(self.key) {
                    below.extend([Some(found), found.deep.as_deref()].into_iter().flatten());
                }
                if branch.is_deep && !is_content {
                    below.push(branch);
                }
            }
            if below.is_empty() && !scan {
                at.value();
                continue;
            }
            for path in below.iter().filter_map(|branch| branch.presence) {
                if !at.clone().value().is_none_or(is_empty) {
                    self.keep(path, Cow::Borrowed(PRESENT));
                }
            }
            let length = self.path.len();
            if scan {
                self.path.push('.');
                self.path.push_str(self.key);
            }
            self.value(at, &below, scan);
            self.path.truncate(length);
        }
    }

    fn scalar(&mut self, json: Value<'r>, here: &[&'e Branch], scan: bool) {
        let text = match json.as_text() {
            Some(text) => text,
            None if json.is_null() => return,
            // A number or a boolean, as it stands.
            None => Cow::Borrowed(json.text()),
        };
        let text = plain_arn(text);
        let mut kept = false;
        for branch in here {
            kept |= self.text(branch, &text);
        }
        if !kept && scan && text.starts_with("arn:") && fits(&text) {
            self.out.push((Cow::Owned(self.path.clone()), text));
        }
    }

    /// Keeps a text for a branch, and returns whether it is kept whole.
    #[expect(clippy::ptr_arg, reason = "what is borrowed of the record is kept borrowed")]
    fn text(&mut self, branch: &Branch, text: &Cow<'r, str>) -> bool {
        if let Some(path) = branch.values {
            self.keep(path, text.clone());
        }
        if let Some(path) = branch.parts {
            match text {
                Cow::Borrowed(text) => {
                    list(text).for_each(|part| self.keep(path, Cow::Borrowed(part)))
                }
                Cow::Owned(text) => {
                    list(text).for_each(|part| self.keep(path, Cow::Owned(part.to_owned())))
                }
            }
        }
        let mut kept = branch.values.is_some();
        for (choice, chosen) in &branch.chosen {
            if choice.member.is_empty() && choice.holds(text) {
                if let Some(path) = chosen.presence {
                    self.keep(path, Cow::Borrowed(PRESENT));
                }
                kept |= self.text(chosen, text);
            }
        }
        kept
    }

    fn keep(&mut self, path: &'static str, value: Cow<'r, str>) {
        if fits(&value) {
            self.out.push((Cow::Borrowed(path), value));
        }
    }
}

/// Returns the parts of a text with commas.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim)
}

/// Returns the text of an object's member, by a key as paths spell it, or a number or a boolean as it stands;
/// nothing if it is no name.
fn member(json: Value<'_>, key: &str) -> Option<String> {
    let (_, value) = json.members().find(|(name, _)| spells(name, key))?;
    let plain = || {
        let text = value.text();
        (!value.is_null() && !text.starts_with(['{', '['])).then_some(Cow::Borrowed(text))
    };
    value.as_text().or_else(plain).map(Cow::into_owned).filter(|text| fits(text))
}

/// Returns an ARN as it is where the record has it as it stood in a URL: `arn%3Aaws%3Akafka…`.
fn plain_arn(text: Cow<'_, str>) -> Cow<'_, str> {
    let encoded = text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("arn%3a"));
    if !encoded {
        return text;
    }
    let decoded = percent_decode_str(&text).decode_utf8().ok().map(Cow::into_owned);
    decoded.map_or(text, Cow::Owned)
}

fn is_redacted(value: &str) -> bool {
    REDACTED.iter().any(|word| word.eq_ignore_ascii_case(value))
}

fn fits(value: &str) -> bool {
    !value.is_empty() && value.len() <= LONGEST_VALUE && !is_redacted(value)
}

/// Returns whether parameters are not there as they were: left out as too long, or hidden as a whole.
fn is_cut(json: Value<'_>) -> bool {
    static WORD: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(OMITTED));
    if !json.is_object() {
        return json.as_text().is_some_and(|text| is_redacted(&text));
    }
    // Nearly none holds the word, however it may be spelled.
    let text = json.text().as_bytes();
    let omitted =
        |(name, value): (Cow<'_, str>, Value<'_>)| name == OMITTED && value.text() == "true";
    (WORD.find(text).is_some() || memchr(b'\\', text).is_some()) && json.members().any(omitted)
}

fn is_empty(json: Value<'_>) -> bool {
    json.is_null()
        || json.text() == "\"\""
        || (json.is_array() && json.elements().next().is_none())
        || (json.is_object() && json.members().next().is_none())
}

/// Returns whether a key of a record is the same as one that paths spell.
fn spells(name: &str, key: &str) -> bool {
    let letters = name.bytes().filter(u8::is_ascii_alphanumeric);
    letters.map(|byte| byte.to_ascii_lowercase()).eq(key.bytes())
}

/// Appends a key as extraction paths spell it: ASCII letters and digits, lowered.
fn normalise(key: &str, out: &mut String) {
    // Nearly all keys are nothing else.
    if key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let from = out.len();
        out.push_str(key);
        return out.get_mut(from..).unwrap_or_default().make_ascii_lowercase();
    }
    for byte in key.bytes().filter(u8::is_ascii_alphanumeric) {
        out.push(char::from(byte.to_ascii_lowercase()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn extractor(paths: &[&'static str], skipped: &[&'static str], scan_arns: bool) -> Extractor {
        let mut roots = Branch::default();
        for path in paths {
            roots.insert(path);
        }
        Extractor { roots, skipped: skipped.iter().copied().collect(), scan_arns }
    }

    fn parts(extractor: &Extractor, json: &str) -> Vec<(String, String)> {
        let json = trailtrim_ingest::Json::parse(json).unwrap();
        let mut out = Vec::new();
        extractor.extract("request", json.value(), &mut Spelling::default(), &mut out);
        out.into_iter().map(|(path, value)| (path.into_owned(), value.into_owned())).collect()
    }

    fn pair(path: &str, value: &str) -> (String, String) {
        (path.to_owned(), value.to_owned())
    }

    #[test]
    fn keys_compare_without_case_and_punctuation_and_arrays_are_transparent() {
        let extractor =
            extractor(&["request.instancesset.items.instanceid", "request.xamzacl"], &[], false);
        assert_eq!(
            parts(
                &extractor,
                r#"{"instancesSet":{"items":[{"instanceId":"i-1"},{"instanceId":"i-2"}]},"x-amz-acl":["private"],"other":"arn:aws:s3:::b"}"#
            ),
            [
                pair("request.instancesset.items.instanceid", "i-1"),
                pair("request.instancesset.items.instanceid", "i-2"),
                pair("request.xamzacl", "private"),
            ]
        );
    }

    proptest! {
        #[test]
        fn keys_are_told_as_they_are_spelled(name in "[a-cA-C0é.-]{0,6}", key in "[a-c0]{0,4}") {
            let mut spelled = String::new();
            normalise(&name, &mut spelled);
            prop_assert_eq!(spells(&name, &key), spelled == key);
            prop_assert!(spells(&name, &spelled));
        }
    }

    #[test]
    fn keys_of_a_map_and_presence() {
        let extractor =
            extractor(&["request.requestitems{}", "request.tags?", "request.none?"], &[], false);
        assert_eq!(
            parts(
                &extractor,
                r#"{"requestItems":{"Orders":{"keys":[]},"Items":1},"tags":[{"k":"v"}],"none":[]}"#
            ),
            [
                pair("request.requestitems{}", "Orders"),
                pair("request.requestitems{}", "Items"),
                pair("request.tags?", "present"),
            ]
        );
    }

    #[test]
    fn what_stands_in_one_element_stays_together() {
        let extractor = extractor(
            &[
                "request.items[operation=put].tablename",
                "request.items[operation=delete].tablename",
                "request.entries.databasename+tablename",
                "request.entries[tablename=].databasename",
                "request.pages[version=].bucket+name",
            ],
            &[],
            false,
        );
        assert_eq!(
            parts(
                &extractor,
                r#"{"pages":[{"bucket":"p","name":"a","version":"1"},{"bucket":"q","name":"b"}],"items":[{"operation":"Put","tableName":"a"},{"tableName":"b","operation":"Delete"},{"operation":"Get","tableName":"c"}],
                "entries":[{"databaseName":"d","tableName":"t"},{"databaseName":"e","tableName":"u"},{"databaseName":"f"},{"databaseName":"***","tableName":"w"}]}"#
            ),
            [
                pair("request.pages[version=].bucket+name", "q/b"),
                pair("request.items[operation=put].tablename", "a"),
                pair("request.items[operation=delete].tablename", "b"),
                pair("request.entries.databasename+tablename", "d/t"),
                pair("request.entries.databasename+tablename", "e/u"),
                pair("request.entries[tablename=].databasename", "f"),
            ]
        );
    }

    #[test]
    fn elements_are_told_by_what_they_begin_or_end_with_or_hold() {
        let extractor = extractor(
            &[
                "request.items[kind^=aws.][name!=b].name",
                "request.items[kind$=s3]?",
                "request.ids[^=i-]",
                "request.ids[!^=i-]",
                "request.ids[*=none]",
            ],
            &[],
            false,
        );
        assert_eq!(
            parts(
                &extractor,
                r#"{"items":[{"kind":"AWS.s3","name":"a"},{"kind":"aws.sns","name":"b"},{"kind":"own","name":"c"},{"name":"d"}],
                "ids":["i-1","vol-2",{"i-":"i-3"}]}"#
            ),
            [
                pair("request.items[kind$=s3]?", "present"),
                pair("request.items[kind^=aws.][name!=b].name", "a"),
                pair("request.ids[^=i-]", "i-1"),
                pair("request.ids[!^=i-]", "vol-2"),
            ]
        );
    }

    #[test]
    fn elements_are_told_by_numbers_and_booleans_as_they_stand() {
        let extractor =
            extractor(&["request.items[on!=false].name", "request.items[n=7].name"], &[], false);
        let record = r#"{"items":[{"on":false,"name":"a"},{"on":true,"name":"b"},{"n":7,"on":false,"name":"c"},
            {"on":null,"name":"d"},{"on":{"x":1},"name":"e"}]}"#;
        let on = |name| pair("request.items[on!=false].name", name);
        assert_eq!(
            parts(&extractor, record),
            [on("b"), pair("request.items[n=7].name", "c"), on("d"), on("e")]
        );
    }

    #[test]
    fn a_text_with_commas_is_a_list() {
        let extractor = extractor(&["request.**.zones[,]", "request.zones"], &[], false);
        assert_eq!(
            parts(&extractor, r#"{"zones":"a, b,,c","in":{"zones":["d,***","e,f"]}}"#),
            [
                pair("request.zones", "a, b,,c"),
                pair("request.**.zones[,]", "a"),
                pair("request.**.zones[,]", "b"),
                pair("request.**.zones[,]", "c"),
                pair("request.**.zones[,]", "d"),
                pair("request.**.zones[,]", "e"),
                pair("request.**.zones[,]", "f"),
            ]
        );
    }

    #[test]
    fn arns_are_scanned_outside_content() {
        let extractor = extractor(&["request.name"], &["policydocument"], true);
        assert_eq!(
            parts(
                &extractor,
                r#"{"name":"arn:aws:sns:::n","resource":"arn:aws:lambda:::f","policyDocument":{"Resource":"arn:aws:s3:::x"},"deep":{"list":["arn:aws:iam::1:role/r"]}}"#
            ),
            [
                pair("request.name", "arn:aws:sns:::n"),
                pair("request.resource", "arn:aws:lambda:::f"),
                pair("request.deep.list", "arn:aws:iam::1:role/r"),
            ]
        );
    }

    #[test]
    fn a_path_may_end_at_a_key_whose_content_is_skipped() {
        let extractor = extractor(&["request.**.tags?", "request.**.key"], &["tags"], false);
        assert_eq!(
            parts(&extractor, r#"{"interface":{"tags":[{"key":"k","value":"v"}]}}"#),
            [pair("request.**.tags?", "present")]
        );
    }

    #[test]
    fn a_path_may_look_at_any_depth_but_not_into_content() {
        let extractor =
            extractor(&["request.**.instanceid", "request.**.group.name"], &["tags"], false);
        assert_eq!(
            parts(
                &extractor,
                r#"{"instanceId":"i-1","Wrap":{"set":{"items":[{"instanceId":"i-2","group":{"name":"g"}}]}},"tags":{"instanceId":"i-3"},"name":"n"}"#
            ),
            [
                pair("request.**.instanceid", "i-1"),
                pair("request.**.instanceid", "i-2"),
                pair("request.**.group.name", "g"),
            ]
        );
    }

    #[test]
    fn any_depth_may_begin_anywhere() {
        let extractor = extractor(
            &["request.spec.**.id", "request.spec.**.list[kind=a].**.name", "request.spec.id"],
            &["tags"],
            false,
        );
        assert_eq!(
            parts(
                &extractor,
                r#"{"id":"0","spec":[{"id":"1","deep":{"id":"2"},"tags":{"id":"3"}}],"other":{"id":"4"}}"#
            ),
            [
                pair("request.spec.id", "1"),
                pair("request.spec.**.id", "1"),
                pair("request.spec.**.id", "2"),
            ]
        );
        assert_eq!(
            parts(
                &extractor,
                r#"{"spec":{"x":{"list":[{"kind":"A","in":{"name":"n"}},{"kind":"b","name":"m"}]}}}"#
            ),
            [pair("request.spec.**.list[kind=a].**.name", "n")]
        );
    }

    #[test]
    fn an_arn_out_of_a_url_is_an_arn() {
        let extractor = extractor(&["request.name"], &[], true);
        assert_eq!(
            parts(
                &extractor,
                r#"{"clusterArn":"arn%3Aaws%3Akafka%3Aeu-west-1%3A1%3Acluster%2Fc%2Fu","name":"a%3A"}"#
            ),
            [
                pair("request.clusterarn", "arn:aws:kafka:eu-west-1:1:cluster/c/u"),
                pair("request.name", "a%3A"),
            ]
        );
    }

    #[test]
    fn redacted_empty_and_overlong_values_are_not_kept() {
        let extractor = extractor(&["request.name"], &[], false);
        let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(LONGEST_VALUE + 1));
        let hidden = r#"{"name":"Hidden_For_Security_Reasons"}"#;
        for json in [r#"{"name":"***"}"#, hidden, r#"{"name":""}"#, r#"{"name":null}"#, &long] {
            assert!(parts(&extractor, json).is_empty(), "{json}");
        }
        assert_eq!(parts(&extractor, r#"{"name":7}"#), [pair("request.name", "7")]);
    }
}

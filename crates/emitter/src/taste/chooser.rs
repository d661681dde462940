//! Puts names to their like, and decides for all of them at once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Join as _, Stats};
use trailtrim_catalog::Shape;

use super::attached::narrow;
use super::dates::form_of;
use super::item::{Item, folded};
use super::keys::{Cut, Names, cuts};
use super::rules::{Rules, Use, When};
use super::unsure::Undecided;
use super::worded::Ways;
use super::{Choice, Evidence, Generalisation, Rule, SAMPLE, Span, Taste};

/// Why a key may be one of several to come.
const NEXT_KEY: &str = "the next may have another key";

/// What an action does with its resources, and how they are to be written.
pub(super) struct Uses<'p> {
    pub(super) taste: Taste,
    /// Whether it manages permissions: then it takes more to go beyond what was seen.
    pub(super) guarded: bool,
    /// What it does with what has a key.
    pub(super) makes: Use,
    /// The attached patterns that may name a thing and leave its parts open.
    pub(super) patterns: Vec<Shape<'p>>,
}

/// The keys of one container that are read, those that are written or deleted, or those that are changed.
#[derive(Default)]
struct Container<'s> {
    names: Names<'s>,
    /// What is to be decided.
    items: Vec<(Item<'s>, Taste, Use)>,
    /// What stands for many, and may have to stand for more.
    folded: Vec<Item<'s>>,
}

/// Names that one pattern would stand for, all seen with one action.
#[derive(Default)]
struct Runs<'s> {
    guarded: bool,
    items: Vec<(Item<'s>, Taste)>,
}

/// What one pattern came to stand for.
#[derive(Default)]
struct Found<'s> {
    actions: BTreeSet<&'s str>,
    names: BTreeMap<&'s str, (Span, Vec<&'s Stats>)>,
    why: String,
    adds: String,
}

pub(super) struct Chooser<'s> {
    rules: &'static Rules,
    /// Names of one run, by action and pattern.
    one_run: BTreeMap<(&'s str, String), Runs<'s>>,
    /// By what stands before the keys, and what is done with them.
    containers: BTreeMap<(&'s str, Use), Container<'s>>,
    chosen: BTreeMap<String, BTreeMap<String, String>>,
    found: BTreeMap<(String, Rule), Found<'s>>,
    undecided: BTreeMap<String, Undecided>,
    /// Whether whoever did all this acted on several days.
    often: bool,
    /// The last day on which anything was seen.
    until: Option<i32>,
}

impl<'s> Chooser<'s> {
    pub(super) fn new(rules: &'static Rules, often: bool, until: Option<i32>) -> Chooser<'s> {
        Chooser {
            rules,
            often,
            until,
            one_run: BTreeMap::new(),
            containers: BTreeMap::new(),
            chosen: BTreeMap::new(),
            found: BTreeMap::new(),
            undecided: BTreeMap::new(),
        }
    }

    /// Decides what can be decided of one name alone, and puts the rest to its like.
    pub(super) fn take(&mut self, item: Item<'s>, uses: &Uses<'_>) {
        let Uses { taste, guarded, makes, .. } = *uses;
        let Evidence { span, .. } = *item.evidence;
        if folded(item.base) {
            if let Some((head, name)) = item.key() {
                let (beginning, ending) = name.split_once('*').unwrap_or((name, ""));
                let container = self.containers.entry((head, makes.evidence())).or_default();
                container.names.folded.entry(beginning).or_default().join(span);
                if ending.is_empty() {
                    container.folded.push(item);
                }
            }
            return;
        }
        let whole = taste == Taste::Type && !item.kind.named;
        let attached = narrow(&item, &uses.patterns);
        // For `type` this is evidence as for `prefix`, which some actions are kept to.
        if attached.is_none()
            && let Some((head, name)) = item.key()
        {
            let container = self.containers.entry((head, makes.evidence())).or_default();
            container.names.keys.entry(name).or_default().join(span);
            if item.evidence.life.lasts(self.rules.lasting_days) {
                container.names.lasting.insert(name);
            }
        }
        if !whole && let Some((to, pattern)) = attached {
            let why = format!("the attached `{pattern}` names the thing already");
            let adds = format!("what else the attached `{pattern}` allows");
            self.generalise(&item, to, Rule::Attached, &why, adds);
            return;
        }
        if whole {
            self.whole_type(&item);
        } else if let Some((head, name)) = item.key() {
            let by_prefix = self.goes_by_prefix(&item, taste);
            let container = self.containers.entry((head, makes.evidence())).or_default();
            container.names.own.entry(name).or_default().join(span);
            if makes.of_what_is() {
                container.names.touched.entry(name).or_default().join(span);
            }
            container.names.by_prefix |= by_prefix;
            container.items.push((item, taste, makes));
        } else if let Some(run) = item.run() {
            let runs = self.one_run.entry((item.action, run.starred())).or_default();
            runs.guarded = guarded;
            runs.items.push((item, taste));
        } else {
            self.by_prefix(&item, taste);
        }
    }

    /// Decides what is left.
    pub(super) fn finish(mut self) -> Choice {
        for ((_, to), runs) in std::mem::take(&mut self.one_run) {
            self.runs(&to, &runs);
        }
        for ((head, makes), mut container) in std::mem::take(&mut self.containers) {
            (container.names.until, container.names.often) = (self.until, self.often);
            let names = container.names.keys.keys().chain(container.names.folded.keys());
            container.names.ways = Ways::of(names.copied(), self.rules);
            self.container(head, makes == Use::Writes, &container);
        }
        let generalisations = self.found.into_iter().map(|((to, rule), found)| {
            let mut stats = Stats::default();
            let all = found.names.values().flat_map(|(_, stats)| stats);
            all.for_each(|other| stats.join((*other).clone()));
            Generalisation {
                to,
                rule,
                actions: found.actions.into_iter().map(str::to_owned).collect(),
                from: found.names.keys().take(SAMPLE).map(|name| (*name).to_owned()).collect(),
                names: found.names.len(),
                names_of_one_day: found.names.values().filter(|(span, _)| span.one_day()).count(),
                // Of one key there is no most.
                why: match (rule, found.names.len()) {
                    (Rule::OneDayKey, 1) => "the only key here was seen on one day only".to_owned(),
                    _ => found.why,
                },
                adds: found.adds,
                stats,
            }
        });
        Choice {
            generalisations: generalisations.collect(),
            chosen: self.chosen,
            undecided: self.undecided,
        }
    }

    fn runs(&mut self, to: &str, Runs { guarded, items }: &Runs<'s>) {
        let Some(run) = items.first().and_then(|(item, _)| item.run()) else { return };
        let least = match (*guarded, run.within_name) {
            (true, _) => self.rules.several,
            (false, true) => self.rules.versions,
            (false, false) => run.one_run.least,
        };
        let (short, rule) = match run.one_run.when {
            When::Always => (true, Rule::OneRun),
            When::ShortLived => (self.come_and_go(items), Rule::ShortLived),
        };
        let taken = short && items.len() >= least;
        if !short && !guarded {
            let lasting = self.rules.lasting_days;
            let items = items.iter().map(|(item, _)| item);
            let brief = items.filter(|item| !item.evidence.life.lasts(lasting));
            self.leave_open(to.to_owned(), Some(&run.one_run.reason), brief);
        }
        for (item, taste) in items {
            if taken {
                let adds = run.others(item.base);
                self.generalise(item, to.to_owned(), rule, &run.one_run.reason, adds);
            } else {
                self.by_prefix(item, *taste);
            }
        }
    }

    /// Takes up names that one pattern would stand for if they were known to come and go; without a reason they are
    /// keys.
    fn leave_open<'i>(
        &mut self,
        to: String,
        why: Option<&str>,
        items: impl Iterator<Item = &'i Item<'s>>,
    ) where
        's: 'i,
    {
        let uses: Vec<(String, String)> =
            items.map(|item| (item.action.to_owned(), item.resource.to_owned())).collect();
        if !uses.is_empty() {
            let known = self.undecided.entry(to).or_default();
            why.unwrap_or(NEXT_KEY).clone_into(&mut known.why);
            known.keys = why.is_none();
            known.uses.extend(uses);
        }
    }

    /// Whether names come and go. One that was seen briefly tells that where its user acted on other days as well,
    /// and nobody used it for longer; else it takes others before or after it, or several.
    fn come_and_go(&self, items: &[(Item<'s>, Taste)]) -> bool {
        let Rules { lasting_days, several, .. } = *self.rules;
        let brief = |span: &Span| !span.lasts(lasting_days);
        let spans = items.iter().map(|(item, _)| item.evidence.span).filter(brief);
        let lives: Vec<Span> = items.iter().map(|(item, _)| item.evidence.life).collect();
        let passing: Vec<Span> = lives.iter().copied().filter(brief).collect();
        let enough = self.often || passing.len() >= several || follow(&passing);
        (!passing.is_empty() && enough) || days(spans) >= several || replaced(lives, lasting_days)
    }

    fn container(&mut self, head: &str, written: bool, container: &Container<'s>) {
        let cuts = cuts(&container.names, written, self.rules);
        for (item, taste, makes) in &container.items {
            let Some((_, name)) = item.key() else { continue };
            match cuts.of(name, *makes) {
                Some(cut) => self.cut(item, head, name, cut),
                None => {
                    if let Some(at) = cuts.undecided(name, *makes) {
                        let to = format!("{head}{}*", name.get(..at).unwrap_or_default());
                        self.leave_open(to, None, std::iter::once(item));
                    }
                    self.by_prefix(item, *taste);
                }
            }
        }
        for item in &container.folded {
            let name = item.key().and_then(|(_, name)| name.strip_suffix('*'));
            let cut = name.and_then(|name| Some((name, cuts.folded.get(name)?)));
            if let Some((name, cut)) = cut {
                self.cut(item, head, name, cut);
            }
        }
    }

    fn cut(&mut self, item: &Item<'s>, head: &str, name: &str, cut: &Cut<'_>) {
        let Cut { at, ending, rule } = cut;
        let beginning = match (rule, at) {
            // Nothing stands before the date but the container: dates alone are meant, and not all of that.
            (Rule::DatedKey, 0) => Cow::Owned(form_of(name, self.rules)),
            _ => Cow::Borrowed(name.get(..*at).unwrap_or_default()),
        };
        let to = format!("{head}{beginning}*{ending}").replace("**", "*");
        let adds = item.like(&to);
        self.generalise(item, to, *rule, rule.why(), adds);
    }

    /// Whether an item that nothing else cuts is written by its parent prefix.
    fn goes_by_prefix(&self, item: &Item<'s>, taste: Taste) -> bool {
        taste >= Taste::Prefix && !self.rules.guards_service(&item.kind.service)
    }

    fn by_prefix(&mut self, item: &Item<'s>, taste: Taste) {
        if !self.goes_by_prefix(item, taste) {
            return;
        }
        if let Some(to) = item.parent() {
            let adds = item.like(&to);
            self.generalise(item, to, Rule::ParentPrefix, Rule::ParentPrefix.why(), adds);
        }
    }

    fn whole_type(&mut self, item: &Item<'s>) {
        // Of a key, the container stays.
        let last = item.kind.values(&item.shape).count().saturating_sub(1);
        let star = |at: usize| !item.kind.keyed || at == last;
        let to = item.kind.starred(&item.shape, star);
        self.generalise(item, to, Rule::WholeType, Rule::WholeType.why(), item.of_type(star));
    }

    fn generalise(&mut self, item: &Item<'s>, to: String, rule: Rule, why: &str, adds: String) {
        let to = to + item.tail;
        if to == item.resource {
            return;
        }
        let resources = self.chosen.entry(item.action.to_owned()).or_default();
        resources.insert(item.resource.to_owned(), to.clone());
        let found = self.found.entry((to, rule)).or_default();
        if found.why.is_empty() {
            (found.why, found.adds) = (why.to_owned(), adds);
        }
        found.actions.insert(item.action);
        let (span, stats) = found.names.entry(item.resource).or_default();
        span.join(item.evidence.span);
        stats.extend(&item.evidence.stats);
    }
}

/// On how many days there was a new one.
fn days(spans: impl Iterator<Item = Span>) -> usize {
    spans.filter_map(|span| span.first).collect::<BTreeSet<i32>>().len()
}

/// Whether one was gone before another came.
fn follow(spans: &[Span]) -> bool {
    let ends = spans.iter().filter_map(|span| span.last).min();
    ends < spans.iter().filter_map(|span| span.first).max()
}

/// Whether all that there were gave way to others at once: within a week the others came, and none of those before
/// was seen again in one.
fn replaced(spans: Vec<Span>, lasting_days: i32) -> bool {
    let each = spans.into_iter().map(|span| span.first.zip(span.last));
    let Some(mut spans) = each.collect::<Option<Vec<(i32, i32)>>>() else { return false };
    spans.sort_unstable();
    let until = spans.iter().map(|(_, last)| *last).max();
    let mut gone: Option<i32> = None;
    spans.into_iter().any(|(first, last)| {
        let before = gone.replace(gone.map_or(last, |gone| gone.max(last)));
        before.zip(until).is_some_and(|(before, until)| {
            // On the day of the change there are both.
            (before - 1..=before + lasting_days).contains(&first) && until - before >= lasting_days
        })
    })
}

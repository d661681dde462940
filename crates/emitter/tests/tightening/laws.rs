//! What holds for every draft.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::coverage::ActionEvents;
use trailtrim_aggregator::{Activity, Coverage};
use trailtrim_catalog::Catalog;
use trailtrim_emitter::attached::{Hold, Inventory, Policy};
use trailtrim_emitter::diff::{Diff, DraftView, Inputs, Options, PrincipalDiff, Status, diff};
use trailtrim_emitter::fit::Budget;
use trailtrim_emitter::report::{Filters, Input};
use trailtrim_emitter::tighten::{Lookout, Settings, Standards};
use trailtrim_emitter::{ConditionKind, Taste};
use trailtrim_iam::read::read_policy;
use trailtrim_iam::{
    Action, Context, Effect, Limits as Steps, Outcome, Policies, PolicyDocument, Principal,
    Request, Selector, Statement, compare, pattern,
};
use trailtrim_testkit::random::Random;
use trailtrim_testkit::trail::event::{Event, Need};

use crate::history::History;
use crate::policies::{self, Held};

const SEEDS: u64 = 32;

/// What a run was asked for.
pub struct Asked {
    pub unused_days: usize,
    pub taste: Taste,
    pub conditions: BTreeSet<ConditionKind>,
}

/// Runs the whole of it.
pub fn run(
    inventory: &Inventory,
    (activity, coverage): &(Activity, Coverage),
    events: &ActionEvents,
    catalog: Catalog,
    asked: &Asked,
) -> Diff {
    diff(&Inputs {
        tool_version: "0",
        filters: Filters::default(),
        input: Input::default(),
        options: Options {
            unused_days: asked.unused_days,
            regions: Vec::new(),
            resources: asked.taste.code().to_owned(),
        },
        inventory,
        activity,
        coverage,
        standards: Standards {
            lookout: &Lookout::new(coverage, events, asked.unused_days, None),
            settings: &Settings::default(),
            taste_of: &|_| asked.taste,
            conditions: &asked.conditions,
            catalog,
        },
        budget: Budget::managed(),
        past: None,
    })
}

/// How often each law had something to say.
#[derive(Debug, Default)]
struct Told {
    drafts: usize,
    smaller: usize,
    too_large: usize,
    partial: usize,
    shared: usize,
    removed: usize,
    shown: usize,
    hidden: usize,
    hidden_for_too_short: usize,
    forbidden: usize,
    elements: usize,
}

impl Told {
    fn and(self, other: Told) -> Told {
        Told {
            drafts: self.drafts + other.drafts,
            smaller: self.smaller + other.smaller,
            too_large: self.too_large + other.too_large,
            partial: self.partial + other.partial,
            shared: self.shared + other.shared,
            removed: self.removed + other.removed,
            shown: self.shown + other.shown,
            hidden: self.hidden + other.hidden,
            hidden_for_too_short: self.hidden_for_too_short + other.hidden_for_too_short,
            forbidden: self.forbidden + other.forbidden,
            elements: self.elements + other.elements,
        }
    }
}

#[test]
#[ignore = "takes minutes unoptimised: `just laws` runs it"]
fn drafts_keep_what_was_done_and_grant_nothing_new() {
    let seeds: Vec<u64> = match asked_seed() {
        Some(seed) => vec![seed],
        None => (0..SEEDS).collect(),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let parts: Vec<Vec<u64>> = (0..threads)
        .map(|part| seeds.iter().copied().skip(part).step_by(threads).collect())
        .collect();
    let told = std::thread::scope(|scope| {
        let running: Vec<_> =
            parts.iter().map(|part| scope.spawn(move || hold_for(part))).collect();
        let all = running.into_iter().map(|one| match one.join() {
            Ok(told) => told,
            Err(failure) => std::panic::resume_unwind(failure),
        });
        all.fold(Told::default(), Told::and)
    });
    println!("{told:?}");
    if asked_seed().is_some() {
        return;
    }
    // Laws about nothing would hold as well.
    assert!(told.drafts > 70 && told.smaller > 60 && told.shared > 15, "{told:?}");
    assert!(told.removed > 2000 && told.shown > 600 && told.partial > 8, "{told:?}");
    assert!(told.hidden > 1000 && told.hidden_for_too_short > 30, "{told:?}");
    assert!(told.forbidden > 0, "{told:?}");
    assert!(told.elements > 50 && told.too_large * 10 < told.drafts, "{told:?}");
}

/// One seed may be asked for, where it is to be looked at.
fn asked_seed() -> Option<u64> {
    std::env::var("TRAILTRIM_SEED").ok()?.parse().ok()
}

/// Looks whether the laws hold for some seeds.
fn hold_for(seeds: &[u64]) -> Told {
    let catalog = Catalog::embedded();
    let events = ActionEvents::of(catalog);
    let mut told = Told::default();
    for &seed in seeds {
        let mut random = Random::new(seed).fork("tightening");
        let history = History::draw(seed, &mut random);
        let held = policies::draw(&history, &mut random);
        let asked = Asked {
            unused_days: 1 + random.below(5),
            taste: *random.pick(&Taste::ALL),
            conditions: ConditionKind::ALL.into_iter().filter(|_| random.chance(0.2)).collect(),
        };
        let seen = history.observe(catalog, None);
        let inventory = Inventory::of_dumps(&held.holders, &seen.0.policy_changes);
        let made = run(&inventory, &seen, &events, catalog, &asked);
        let case = Case { seed, history: &history, held: &held, asked: &asked };
        for one in &made.principals {
            case.judge(&made, &inventory, one, &mut random, &mut told);
        }
        // What is shared is judged by itself: it serves others, and may be detached one day.
        for (shared, draft) in made.shared.iter().filter_map(|one| Some((one, one.draft.as_ref()?)))
        {
            let what = format!("seed {seed}, {}", shared.key);
            has_nothing_idle(&what, &documents_of(draft), &mut random, &mut told);
        }

        // The same in another order.
        let again = history.observe(catalog, Some(random.fork("order")));
        let mut holders = held.holders.clone();
        random.shuffle(&mut holders);
        let other = Inventory::of_dumps(&holders, &again.0.policy_changes);
        let other = run(&other, &again, &events, catalog, &asked);
        assert!(text(&made) == text(&other), "seed {seed}: another order, other bytes");

        // A draft of the draft is the draft.
        let drafted = with_drafts(&inventory, &made);
        let second = run(&drafted, &seen, &events, catalog, &asked);
        for (before, after) in made.principals.iter().zip(&second.principals) {
            case.same(before, after, &drafts_of(&made, before), &drafts_of(&second, after));
        }
    }
    told
}

fn text(made: &Diff) -> String {
    serde_json::to_string_pretty(made).unwrap()
}

struct Case<'c> {
    seed: u64,
    history: &'c History,
    held: &'c Held,
    asked: &'c Asked,
}

impl Case<'_> {
    fn judge(
        &self,
        made: &Diff,
        inventory: &Inventory,
        one: &PrincipalDiff,
        random: &mut Random,
        told: &mut Told,
    ) {
        let what = format!("seed {}, {}", self.seed, one.arn);
        let attached = inventory.principals.get(&one.arn).unwrap();
        let attached: Vec<PolicyDocument> =
            inventory.documents_of(attached).into_iter().cloned().collect();
        let draft = match one.draft {
            // An inactive principal keeps its own, and shares the drafts of what it shares.
            None => {
                let own = one.attached.iter().map(|policy| policy.document.clone());
                own.chain(shared_drafts(made, one)).collect()
            }
            Some(_) => drafts_of(made, one),
        };
        told.drafts += usize::from(one.draft.is_some());
        told.shared += one.shares.len();
        told.partial += usize::from(one.status == Status::Partial);
        told.removed +=
            one.statements.iter().flat_map(|one| &one.removed).map(|one| one.count).sum::<usize>();
        if one.status == Status::DoesNotFit {
            told.too_large += 1;
        } else if let Some(proofs) = &one.proofs {
            let failures = proofs.failures();
            let told = || format!("attached {}\ndraft {}", show(&attached), show(&draft));
            assert!(failures.is_empty(), "{what}: {failures:?}\n{}", told());
        }

        let (before, after) = (refs(&attached), refs(&draft));
        let grown = compare(&before, &after, &Steps::default());
        assert_eq!(grown.new_access(), Some(false), "{what}: {grown:?}\n{}", show(&draft));
        let shrunk = compare(&after, &before, &quick());
        told.smaller += usize::from(shrunk.new_access() == Some(true));

        self.keeps_what_was_done(one, &attached, &draft, told);
        if let Some(own) = &one.draft {
            has_nothing_idle(&what, &documents_of(own), random, told);
            gives_its_own_reasons(&what, own);
        }
    }

    /// Every call that was really made, and that the attached policies allowed, is allowed still: if
    /// the log shows it, or if the log would not have shown it for as long as was asked.
    fn keeps_what_was_done(
        &self,
        one: &PrincipalDiff,
        attached: &[PolicyDocument],
        draft: &[PolicyDocument],
        told: &mut Told,
    ) {
        let (before, after) = (Policies::compile(attached), Policies::compile(draft));
        let boundary = self.held.boundary(&one.arn).map(|document| Policies::compile([document]));
        let since = self.held.late.get(&one.arn).copied();
        let theirs =
            self.history.scenario.events.iter().filter(|event| {
                event.granted() && event.who.principal().as_deref() == Some(&one.arn)
            });
        let mut asked: BTreeSet<(&Need, &str)> = BTreeSet::new();
        for event in theirs {
            let shown = self.history.shows(event);
            let days = self.history.days_it_would_show(event, since);
            if !shown && days >= self.asked.unused_days {
                continue;
            }
            for need in &event.call.needs {
                if !asked.insert((need, &event.address)) {
                    continue;
                }
                let request = request(&one.arn, event, need);
                let was = before.decide(&request);
                if denies(was.outcome) {
                    continue;
                }
                // The boundary stays, and decides as well.
                let limit = boundary.as_ref().map(|limit| limit.decide(&request).outcome);
                if limit.is_some_and(denies) {
                    told.forbidden += 1;
                    continue;
                }
                match (shown, days) {
                    (true, _) => told.shown += 1,
                    (false, 0) => told.hidden += 1,
                    (false, _) => told.hidden_for_too_short += 1,
                }
                let is = after.decide(&request);
                // What tightening adds of itself, from calls of which all had it.
                let narrowed = |key: &String| key.eq_ignore_ascii_case("iam:PassedToService");
                let holds = match is.outcome {
                    Outcome::Allowed => true,
                    Outcome::Unknown => {
                        was.outcome == Outcome::Unknown || is.unknown_keys.iter().all(narrowed)
                    }
                    _ => false,
                };
                assert!(
                    holds,
                    "seed {}, {}: {} ({}), {}, needs {} on {}: {:?} became {:?}\nattached {}\ndraft {}",
                    self.seed,
                    one.arn,
                    event.call.name,
                    event.region,
                    if shown { "shown".to_owned() } else { format!("hidden, {days} days seen") },
                    need.action,
                    need.resource,
                    was.outcome,
                    is.outcome,
                    show(attached),
                    show(draft)
                );
            }
        }
    }

    fn same(
        &self,
        before: &PrincipalDiff,
        after: &PrincipalDiff,
        once: &[PolicyDocument],
        twice: &[PolicyDocument],
    ) {
        let what = format!("seed {}, {}", self.seed, before.arn);
        assert_eq!(before.arn, after.arn);
        if before.status == Status::DoesNotFit {
            return;
        }
        if let Some(proofs) = &after.proofs {
            assert!(proofs.failures().is_empty(), "{what}, again: {:?}", proofs.failures());
        }
        // What is too new for one policy is not for another, and a draft mixes them.
        if self.held.late.is_empty() {
            assert!(once == twice, "{what}: {}\nbecame {}", show(once), show(twice));
        } else {
            let lost = compare(&refs(twice), &refs(once), &Steps::default());
            assert_eq!(lost.new_access(), Some(false), "{what}: {lost:?}");
        }
    }
}

fn denies(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::ImplicitlyDenied | Outcome::ExplicitlyDenied)
}

fn request(arn: &str, event: &Event, need: &Need) -> Request {
    let mut request = Request::new(Action::parse(need.action).unwrap(), need.resource.clone());
    request.principal = Some(Principal::parse(arn).unwrap());
    request.context = Context::open();
    request.context.add("aws:RequestedRegion", event.region.as_str());
    request.context.set_absent("aws:SourceVpce");
    if event.address.parse::<std::net::IpAddr>().is_ok() {
        request.context.add("aws:SourceIp", event.address.as_str());
    }
    if let Some(service) = event.invoked_by {
        let service = service.split('.').next().unwrap_or_default();
        let via = format!("{service}.{}.amazonaws.com", event.region);
        request.context.add("kms:ViaService", via);
    }
    request
}

/// Takes an action, a resource or a whole statement out, and asks the engine whether that is missed.
fn has_nothing_idle(what: &str, draft: &[PolicyDocument], random: &mut Random, told: &mut Told) {
    let allows: Vec<(usize, usize)> = draft
        .iter()
        .enumerate()
        .flat_map(|(at, document)| {
            let listed = document.statements.iter().enumerate();
            let allows = listed.filter(|(_, one)| one.effect == Effect::Allow);
            allows.map(move |(place, _)| (at, place))
        })
        .collect();
    if allows.is_empty() {
        return;
    }
    let (at, place) = *random.pick(&allows);
    // A draft restricts what is allowed as if nothing were denied: guards change on their own.
    let mut allowing = draft.to_vec();
    for document in &mut allowing {
        document.statements.retain(|statement| statement.effect == Effect::Allow);
    }
    let draft = &*allowing;
    let place = allows.iter().filter(|(other, n)| *other == at && *n < place).count();
    let mut less = draft.to_vec();
    let document = less.get_mut(at).unwrap();
    let statement = document.statements.get_mut(place).unwrap();
    let gone = shorten(statement, random);
    if gone.is_none() {
        document.statements.remove(place);
    }
    let found = compare(&refs(&less), &refs(draft), &quick());
    told.elements += usize::from(found.new_access() == Some(true));
    assert_ne!(
        found.new_access(),
        Some(false),
        "{what}: {gone:?} of statement {place} of document {at} is idle in\n{}",
        show(draft)
    );
}

/// What is said of a statement is said of what it allows.
fn gives_its_own_reasons(what: &str, draft: &DraftView) {
    let statements = draft.documents.iter().flat_map(|view| &view.document.statements);
    let by_sid: BTreeMap<&str, &Statement> =
        statements.filter_map(|one| Some((one.sid.as_deref()?, one))).collect();
    for told in &draft.statements {
        let statement = by_sid.get(told.sid.as_str()).unwrap();
        assert!(!told.reasons.is_empty(), "{what}: nothing is said of {}", told.sid);
        for action in told.reasons.iter().flat_map(|reason| &reason.actions) {
            let mut listed = statement.action.listed().iter();
            let named = listed.any(|wide| pattern::covers_action(wide, action));
            assert!(named, "{what}: {} is told of {action}", told.sid);
        }
    }
}

fn shorten(statement: &mut Statement, random: &mut Random) -> Option<String> {
    let lists = [Some(&mut statement.action), statement.resource.as_mut()];
    let mut lists: Vec<&mut Vec<String>> = lists
        .into_iter()
        .flatten()
        .filter_map(|list| match list {
            Selector::Only(listed) if listed.len() > 1 => Some(listed),
            _ => None,
        })
        .collect();
    let chosen = random.below(lists.len());
    let listed = lists.get_mut(chosen)?;
    Some(listed.remove(random.below(listed.len())))
}

/// Steps where an answer is good to have and not needed.
fn quick() -> Steps<'static> {
    Steps { steps: 100_000, witnesses: 1, ..Steps::default() }
}

/// The documents that a principal has with its draft, as they are printed.
fn drafts_of(made: &Diff, one: &PrincipalDiff) -> Vec<PolicyDocument> {
    one.draft.iter().flat_map(documents_of).chain(shared_drafts(made, one)).collect()
}

fn documents_of(draft: &DraftView) -> Vec<PolicyDocument> {
    draft.documents.iter().map(|view| printed(&view.document)).collect()
}

fn shared_drafts(made: &Diff, one: &PrincipalDiff) -> Vec<PolicyDocument> {
    let shared = made.shared.iter().filter(|shared| one.shares.contains(&shared.key));
    let documents = shared.flat_map(|shared| match &shared.draft {
        Some(draft) => documents_of(draft),
        None => shared.attached.iter().map(|policy| policy.document.clone()).collect::<Vec<_>>(),
    });
    documents.collect()
}

fn printed(document: &PolicyDocument) -> PolicyDocument {
    read_policy("draft", &document.to_json_pretty()).unwrap()
}

/// What is attached once the drafts are in place.
fn with_drafts(inventory: &Inventory, made: &Diff) -> Inventory {
    let by_arn: BTreeMap<&str, &PrincipalDiff> =
        made.principals.iter().map(|one| (one.arn.as_str(), one)).collect();
    let mut drafted = inventory.clone();
    for bundle in &mut drafted.bundles {
        let draft = match &bundle.shared {
            Some(key) => {
                let shared = made.shared.iter().find(|shared| shared.key == *key);
                shared.and_then(|shared| shared.draft.as_ref())
            }
            None => {
                let holder = bundle.holders.first().and_then(|arn| by_arn.get(arn.as_str()));
                holder.and_then(|one| one.draft.as_ref())
            }
        };
        let Some(draft) = draft else { continue };
        let since = bundle.policies.iter().filter_map(|policy| policy.since).max();
        let free_since = bundle.policies.iter().filter_map(|policy| policy.free_since).max();
        let policies = draft.documents.iter().map(|view| Policy {
            name: view.name.clone(),
            arn: None,
            hold: Hold::CustomerManaged,
            group: None,
            document: printed(&view.document),
            since,
            free_since,
        });
        bundle.policies = policies.collect();
    }
    drafted
}

fn refs(documents: &[PolicyDocument]) -> Vec<&PolicyDocument> {
    documents.iter().collect()
}

fn show(documents: &[PolicyDocument]) -> String {
    documents.iter().map(PolicyDocument::to_json).collect::<Vec<_>>().join("\n")
}

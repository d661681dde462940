//! The page of a diff: what is attached, beside what takes its place.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Activity, Coverage, Principal, Row, RowKey};
use trailtrim_catalog::Catalog;
use trailtrim_iam::{Effect, PolicyDocument, Statement};

use super::build::{done, limits, listed, looked, outsiders, read, tell_activity, words};
use super::counts::{Allowed, Counter};
use super::evidence::{Sight, allows, stars, used};
use super::scribe::Scribe;
use super::{
    AttachedPolicy, AttachedStatement, Backtest, Blind, Detail, DraftDocument, DraftedStatement,
    Entry, Fate, Group, Numbers, Overview, Page, Proof, Reason, Star, Wrong,
};
use crate::diff::words::passes;
use crate::diff::{
    ActionDiff, Diff, DraftStatement, DraftView, PolicyView, PrincipalDiff, RestView, SharedDiff,
    StatementDiff, Status, count,
};
use crate::finding::Severity;
use crate::proof::Proofs;
use crate::tighten::{Class, Footing};

/// Makes the page of a diff. `activity` and `coverage` are those that it was made of.
pub fn of_diff(diff: &Diff, activity: &Activity, coverage: &Coverage, catalog: Catalog) -> Page {
    let mut builder = Builder {
        diff,
        coverage,
        principals: activity.principals.iter().map(|one| (one.arn.as_str(), one)).collect(),
        rows: rows(activity),
        shared: diff.shared.iter().map(|one| (one.key.as_str(), one)).collect(),
        scribe: Scribe::new(activity, coverage),
        counter: Counter::new(catalog),
        catalog,
    };
    let (mut entries, mut details) = (Vec::new(), Vec::new());
    for one in &diff.principals {
        let detail = builder.principal(one);
        entries.push(builder.principal_entry(one, &detail));
        details.push(detail);
    }
    for one in &diff.shared {
        let detail = builder.shared(one);
        entries.push(builder.shared_entry(one));
        details.push(detail);
    }
    let scribe = builder.scribe;
    let (coverage, trails) = looked(coverage, &scribe);
    let mut options = limits(&diff.filters);
    options.push(("unused after", count(diff.options.unused_days, "covered day")));
    options.push(("resources", diff.options.resources.clone()));
    if !diff.options.regions.is_empty() {
        options.push(("regions in use", diff.options.regions.join(", ")));
    }
    let overview = Overview {
        compares: true,
        tool: diff.tool.clone(),
        input: read(&diff.input),
        options,
        first_day: scribe.first_day(),
        days: scribe.days,
        entries,
        coverage,
        trails,
        outsiders: outsiders(activity, &scribe),
        not_in_dump: diff.not_in_dump.clone(),
        files: scribe.into_files(),
    };
    Page { overview, details }
}

/// A principal, an action, a resource and an outcome.
type Fact<'a> = (&'a str, &'a str, &'a str, &'a str);

fn rows(activity: &Activity) -> BTreeMap<Fact<'_>, Vec<(&RowKey, &Row)>> {
    let mut rows: BTreeMap<Fact<'_>, Vec<(&RowKey, &Row)>> = BTreeMap::new();
    for principal in &activity.principals {
        for (key, row) in &principal.rows {
            let fact = (principal.arn.as_str(), &*key.action, &*key.resource, key.outcome.code());
            rows.entry(fact).or_default().push((key, row));
        }
    }
    rows
}

struct Builder<'a> {
    diff: &'a Diff,
    coverage: &'a Coverage,
    principals: BTreeMap<&'a str, &'a Principal>,
    rows: BTreeMap<Fact<'a>, Vec<(&'a RowKey, &'a Row)>>,
    shared: BTreeMap<&'a str, &'a SharedDiff>,
    scribe: Scribe,
    counter: Counter,
    catalog: Catalog,
}

impl<'a> Builder<'a> {
    fn principal(&mut self, one: &'a PrincipalDiff) -> Detail {
        let proposed = one.draft.as_ref();
        let mut detail = Detail {
            told: one.status.told().to_owned(),
            notes: one.notes.clone(),
            attached: one.attached.iter().map(policy).collect(),
            groups: self.groups(Some(&one.arn), &one.attached, &one.statements, proposed),
            blind: blind_spots(one),
            findings: one
                .findings
                .iter()
                .map(|finding| Wrong {
                    code: finding.code.as_str(),
                    severity: finding.severity,
                    place: finding.place(),
                    message: finding.told(),
                    means: finding.code.description(),
                })
                .collect(),
            ..Detail::default()
        };
        tell_draft(&mut detail, proposed);
        let places = self.diff.shared.iter().enumerate();
        detail.shares = places
            .filter(|(_, shared)| one.shares.contains(&shared.key))
            .map(|(at, _)| self.diff.principals.len() + at)
            .collect();
        if let Some(proofs) = &one.proofs {
            detail.proofs = told(proofs);
            detail.backtest = proofs.backtest.as_ref().map(|backtest| Backtest {
                told: proofs.foretold().unwrap_or_default(),
                denied: backtest
                    .denied
                    .iter()
                    .map(|one| (one.action.clone(), one.resource.clone()))
                    .collect(),
            });
        }
        if let Some(principal) = self.principals.get(one.arn.as_str()) {
            tell_activity(&mut detail, principal, (self.coverage, self.catalog), &mut self.scribe);
        }
        detail
    }

    fn shared(&mut self, one: &'a SharedDiff) -> Detail {
        let holders = count(one.holders.len(), "principal");
        let mut detail = Detail {
            told: match one.draft {
                Some(_) => format!("shared by {holders}, judged by what all of them did"),
                None => format!("shared by {holders}, none of which was seen: no draft"),
            },
            attached: one.attached.iter().map(policy).collect(),
            groups: self.groups(None, &one.attached, &one.statements, one.draft.as_ref()),
            holders: one.holders.clone(),
            ..Detail::default()
        };
        tell_draft(&mut detail, one.draft.as_ref());
        detail
    }

    /// Puts attached statements beside those of the draft. A statement of the draft that restricts
    /// several stands beside the first.
    fn groups(
        &mut self,
        principal: Option<&'a str>,
        attached: &'a [PolicyView],
        judged: &'a [StatementDiff],
        draft: Option<&'a DraftView>,
    ) -> Vec<Group> {
        let mut drafted = self.drafted(principal, attached, judged, draft);
        let mut groups = Vec::new();
        for (policy, view) in attached.iter().enumerate() {
            for (at, statement) in view.document.statements.iter().enumerate() {
                let place = (policy, at);
                let verdict = judged.iter().find(|one| (one.policy, one.statement) == place);
                let mut group = Group {
                    attached: Some(AttachedStatement {
                        policy,
                        at,
                        statement: statement.clone(),
                        keeps: verdict.and_then(|one| one.keeps_resources.clone()),
                        fates: verdict.map(fates).unwrap_or_default(),
                    }),
                    ..Group::default()
                };
                for one in &mut drafted {
                    let comes = match statement.effect {
                        Effect::Allow => one.from.contains(&place),
                        Effect::Deny => one.denies(statement),
                    };
                    if comes {
                        let sid = one.sid();
                        match one.view.take() {
                            Some(view) => group.drafted.push(view),
                            None => group.elsewhere.push(sid),
                        }
                    }
                }
                groups.push(group);
            }
        }
        let rest: Vec<DraftedStatement> = drafted.into_iter().filter_map(|one| one.view).collect();
        if !rest.is_empty() {
            groups.push(Group { drafted: rest, ..Group::default() });
        }
        groups
    }

    fn drafted(
        &mut self,
        principal: Option<&'a str>,
        attached: &'a [PolicyView],
        judged: &'a [StatementDiff],
        draft: Option<&'a DraftView>,
    ) -> Vec<Drafted<'a>> {
        let Some(draft) = draft else { return Vec::new() };
        let patterns: BTreeMap<&str, String> = draft
            .generalisations
            .iter()
            .map(|one| {
                let names = count(one.names, "name");
                let why =
                    format!("stands for {names} that were seen ({}); adds {}", one.why, one.adds);
                (one.to.as_str(), why)
            })
            .collect();
        // The model has the Allow statements in the documents' order.
        let mut described = draft.statements.iter();
        let mut all = Vec::new();
        for (number, document) in draft.documents.iter().enumerate() {
            for (at, statement) in document.document.statements.iter().enumerate() {
                let about = match statement.effect {
                    Effect::Allow => described.next(),
                    Effect::Deny => None,
                };
                let sights = about
                    .map(|about| self.sights(principal, judged, about, statement))
                    .unwrap_or_default();
                let from: Vec<(usize, usize)> =
                    about.map(|about| about.from.clone()).unwrap_or_default();
                let mut stars = stars(statement, &sights, &patterns);
                stars.extend(as_attached(statement, &from, attached, &stars));
                let view = DraftedStatement {
                    place: (number, at),
                    statement: statement.clone(),
                    kept: about.is_some_and(|about| about.footing == Footing::Kept),
                    also: from.iter().skip(1).map(|place| place_name(attached, *place)).collect(),
                    reasons: about.map(reasons).unwrap_or_default(),
                    stars,
                    used: used(&sights, &mut self.scribe),
                };
                all.push(Drafted { from, statement, view: Some(view) });
            }
        }
        all
    }

    /// Returns what was seen and a statement of the draft allows.
    fn sights(
        &self,
        principal: Option<&'a str>,
        judged: &'a [StatementDiff],
        about: &DraftStatement,
        statement: &'a Statement,
    ) -> Vec<Sight<'a>> {
        let from = |one: &&StatementDiff| about.from.contains(&(one.policy, one.statement));
        let mut known = BTreeSet::new();
        let mut sights = Vec::new();
        for action in judged.iter().filter(from).flat_map(|one| &one.actions) {
            for seen in &action.used {
                let Some(who) = seen.principal.as_deref().or(principal) else { continue };
                let fact: Fact<'_> = (who, &action.action, &seen.resource, &seen.outcome);
                if !allows(statement, &action.action, &seen.resource) || !known.insert(fact) {
                    continue;
                }
                for (key, row) in self.rows.get(&fact).into_iter().flatten() {
                    sights.push(Sight {
                        principal: seen.principal.as_deref(),
                        key,
                        row,
                        written: written(statement, &key.resource),
                        perhaps: !seen.surely,
                    });
                }
            }
        }
        sights
    }

    fn principal_entry(&mut self, one: &'a PrincipalDiff, detail: &Detail) -> Entry {
        let shared: Vec<&SharedDiff> =
            one.shares.iter().filter_map(|key| self.shared.get(key.as_str()).copied()).collect();
        let before = one.attached.iter().chain(shared.iter().flat_map(|one| &one.attached));
        let before: Vec<&PolicyDocument> = before.map(|policy| &policy.document).collect();
        let drafts = one.draft.iter().chain(shared.iter().filter_map(|one| one.draft.as_ref()));
        let after: Vec<&PolicyDocument> =
            drafts.flat_map(|draft| &draft.documents).map(|one| &one.document).collect();
        let judged = one.statements.iter().chain(shared.iter().flat_map(|one| &one.statements));
        let proposes = !matches!(
            one.status,
            Status::Inactive | Status::NothingAttached | Status::ServiceLinked
        );
        let mut numbers =
            self.numbers(&before, proposes.then_some(after.as_slice()), judged, Some(&one.arn));
        numbers.refused = detail.denials.len() + detail.tried.len();
        numbers.unmapped = self.principals.get(one.arn.as_str()).map_or(0, |principal| {
            principal.unmapped.keys().filter(|key| key.kind.loses()).count()
        });
        let of = |severity| detail.findings.iter().filter(|one| one.severity == severity).count();
        let seen = detail.seen.as_ref();
        let status = status(one.status);
        let mut texts = vec![one.arn.as_str(), status];
        texts.extend(detail.findings.iter().map(|finding| finding.code));
        texts.extend(one.attached.iter().map(|policy| policy.name.as_str()));
        texts.extend(one.shares.iter().map(String::as_str));
        if let Some(principal) = self.principals.get(one.arn.as_str()) {
            texts.extend(done(principal));
        }
        texts.extend(listed(before.into_iter().chain(after)));
        Entry {
            name: one.arn.clone(),
            kind: one.kind.clone(),
            account: one.account.clone(),
            workload: None,
            status: status.to_owned(),
            numbers,
            calls: seen.map_or(0, |seen| seen.calls),
            about: seen.is_some_and(|seen| seen.about),
            days: seen.map(|seen| seen.days.clone()).unwrap_or_default(),
            findings: [of(Severity::Error), of(Severity::Warning), of(Severity::Note)],
            words: words(texts),
        }
    }

    fn shared_entry(&mut self, one: &'a SharedDiff) -> Entry {
        let before: Vec<&PolicyDocument> =
            one.attached.iter().map(|policy| &policy.document).collect();
        let after: Option<Vec<&PolicyDocument>> = one
            .draft
            .as_ref()
            .map(|draft| draft.documents.iter().map(|one| &one.document).collect());
        let numbers = self.numbers(&before, after.as_deref(), one.statements.iter(), None);
        let names = std::iter::once(&one.key).chain(&one.holders).map(String::as_str);
        let documents = before.iter().copied().chain(after.into_iter().flatten());
        Entry {
            words: words(names.chain(listed(documents))),
            name: one.key.clone(),
            kind: "shared".to_owned(),
            account: one.key.split(':').nth(4).unwrap_or_default().to_owned(),
            workload: None,
            status: if one.draft.is_some() { "tightened" } else { "inactive" }.to_owned(),
            numbers,
            calls: 0,
            about: false,
            days: Vec::new(),
            findings: [0; 3],
        }
    }

    fn numbers<'s>(
        &mut self,
        before: &[&PolicyDocument],
        after: Option<&[&PolicyDocument]>,
        judged: impl Iterator<Item = &'s StatementDiff>,
        principal: Option<&str>,
    ) -> Numbers {
        let before = self.counter.allowed(before.iter().copied());
        let after: Option<Allowed> = after.map(|after| self.counter.allowed(after.iter().copied()));
        let (mut used, mut unobservable) = (BTreeSet::new(), BTreeSet::new());
        let ours = |one: &ActionDiff| {
            one.used.iter().any(|seen| {
                principal.is_none()
                    || seen.principal.is_none()
                    || seen.principal.as_deref() == principal
            })
        };
        for one in judged.flat_map(|one| &one.actions) {
            let kept = after.as_ref().is_some_and(|after| after.all.contains(one.action.as_str()));
            if kept && ours(one) {
                used.insert(one.action.as_str());
            } else if kept && one.class == Class::Unobservable {
                unobservable.insert(one.action.as_str());
            }
        }
        Numbers {
            before: Some(before.all.len()),
            after: after.as_ref().map(|after| after.all.len()),
            unobservable: unobservable.difference(&used).count(),
            used: used.len(),
            anywhere_before: Some(before.anywhere.len()),
            anywhere_after: after.map(|after| after.anywhere.len()),
            refused: 0,
            unmapped: 0,
        }
    }
}

/// A statement of the draft, until it has found its place.
struct Drafted<'a> {
    from: Vec<(usize, usize)>,
    statement: &'a Statement,
    view: Option<DraftedStatement>,
}

impl Drafted<'_> {
    fn sid(&self) -> String {
        self.statement.sid.clone().unwrap_or_default()
    }

    fn denies(&self, attached: &Statement) -> bool {
        // Ids are made anew where two policies have the same.
        let plain = |statement: &Statement| Statement { sid: None, ..statement.clone() };
        self.statement.effect == Effect::Deny && plain(self.statement) == plain(attached)
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Tightened => "tightened",
        Status::Partial => "partial",
        Status::Unchanged => "unchanged",
        Status::Inactive => "inactive",
        Status::DoesNotFit => "does not fit",
        Status::NothingAttached => "nothing attached",
        Status::ServiceLinked => "service-linked",
    }
}

fn policy(one: &PolicyView) -> AttachedPolicy {
    AttachedPolicy {
        name: one.name.clone(),
        arn: one.arn.clone(),
        hold: one.hold,
        group: one.group.clone(),
        since: one.since.clone(),
        size: one.size,
    }
}

fn tell_draft(detail: &mut Detail, draft: Option<&DraftView>) {
    let Some(draft) = draft else { return };
    let documents = draft.documents.iter();
    detail.drafts =
        documents.map(|one| DraftDocument { name: one.name.clone(), size: one.size }).collect();
    detail.concessions = draft.concessions.iter().chain(&draft.obstacle).cloned().collect();
}

/// Names a statement of the attached policies.
fn place_name(attached: &[PolicyView], (policy, at): (usize, usize)) -> String {
    let policy = attached.get(policy);
    let name = policy.map(|policy| policy.name.as_str()).unwrap_or_default();
    let statement = policy.and_then(|policy| policy.document.statements.get(at));
    match statement.and_then(|statement| statement.sid.as_ref()) {
        Some(sid) => format!("{name}, {sid}"),
        None => format!("{name}, statement {at}"),
    }
}

fn reasons(about: &DraftStatement) -> Vec<Reason> {
    let reason = about.reasons.iter().map(|one| Reason {
        class: one.class.told().to_owned(),
        why: one.why.clone(),
        actions: one.actions.clone(),
    });
    reason.collect()
}

/// Returns how a statement has a resource that was seen.
fn written<'s>(statement: &'s Statement, resource: &'s str) -> &'s str {
    let listed = statement.resource.iter().flat_map(|one| one.listed());
    let mut wide = listed.filter(|one| trailtrim_iam::pattern::covers(one, resource));
    wide.next().map_or(resource, String::as_str)
}

/// Says of patterns that nothing else explains that they are attached like that.
fn as_attached(
    statement: &Statement,
    from: &[(usize, usize)],
    attached: &[PolicyView],
    explained: &[Star],
) -> Vec<Star> {
    let resources = statement.resource.iter().flat_map(|one| one.listed());
    let patterns =
        resources.chain(statement.action.listed()).filter(|one| one.contains(['*', '?']));
    let open = patterns.filter(|one| !explained.iter().any(|star| star.pattern == **one));
    let source = |pattern: &String| {
        from.iter().copied().find(|(policy, at)| {
            let policy = attached.get(*policy);
            policy.and_then(|policy| policy.document.statements.get(*at)).is_some_and(|one| {
                let resources = one.resource.iter().flat_map(|one| one.listed());
                one.action.listed().iter().chain(resources).any(|one| one == pattern)
            })
        })
    };
    open.filter_map(|pattern| {
        let place = place_name(attached, source(pattern)?);
        Some(Star { pattern: pattern.clone(), why: format!("as it is attached in {place}") })
    })
    .collect()
}

/// Returns what becomes of the actions of a statement, by why.
fn fates(one: &StatementDiff) -> Vec<Fate> {
    let mut alike: BTreeMap<(bool, String, String), Vec<String>> = BTreeMap::new();
    for action in &one.actions {
        let used = !action.used.is_empty();
        let goes = action.goes();
        let what = match (&action.rest, used) {
            (_, true) => action.told(),
            (RestView::Outside { regions }, false) => {
                format!("stays outside of {}: {}", regions.join(", "), action.why)
            }
            (RestView::On { resources, outside }, false) => {
                let mut places = resources.clone();
                if !outside.is_empty() {
                    places.push(format!("all that is attached outside of {}", outside.join(", ")));
                }
                format!("stays on {}: {}", places.join(", "), action.why)
            }
            (RestView::PassedTo { services, roles }, false) => {
                format!("stays, and {}: {}", passes(services, roles), action.why)
            }
            (RestView::AsAttached | RestView::Nothing, false) => action.why.clone(),
        };
        let key = (goes, action.class.told().to_owned(), what);
        alike.entry(key).or_default().push(action.action.clone());
    }
    let mut fates: Vec<Fate> = alike
        .into_iter()
        .map(|((goes, class, what), actions)| Fate {
            goes,
            class,
            what,
            count: actions.len(),
            actions,
        })
        .collect();
    if !one.unknown_actions.is_empty() {
        fates.push(Fate {
            goes: false,
            class: "unknown".to_owned(),
            what: "the catalog knows no such action, so it stays".to_owned(),
            count: one.unknown_actions.len(),
            actions: one.unknown_actions.clone(),
        });
    }
    // Services of which nothing is left go for the same reason, most of the time.
    let mut gone: BTreeMap<(&str, Class), (usize, Vec<String>)> = BTreeMap::new();
    for removed in &one.removed {
        let (all, names) = gone.entry((&removed.why, removed.class)).or_default();
        *all += removed.count;
        match removed.actions.as_slice() {
            [] => names.push(format!("{}:* ({})", removed.service, removed.count)),
            actions => names.extend(actions.iter().cloned()),
        }
    }
    fates.extend(gone.into_iter().map(|((why, class), (count, actions))| Fate {
        goes: true,
        class: class.told().to_owned(),
        what: why.to_owned(),
        count,
        actions,
    }));
    fates
}

fn told(proofs: &Proofs) -> Vec<Proof> {
    let holds = [
        proofs.replay.failed.is_empty(),
        proofs.no_new_access.failures.is_empty(),
        proofs.irredundant.idle.is_empty(),
    ];
    let names = ["Replay", "No new access", "Nothing idle"];
    let mut told: Vec<Proof> = names
        .into_iter()
        .zip(holds)
        .zip(proofs.told())
        .map(|((name, holds), told)| Proof { name, holds, told })
        .collect();
    let fits = &proofs.fits;
    let beside = match fits.staying {
        0 => String::new(),
        staying => format!(" beside {staying} attached that stay"),
    };
    told.push(Proof {
        name: "Fits",
        holds: fits.holds,
        told: format!(
            "{} of {}{beside}, the largest {} of {} characters",
            fits.sizes.len(),
            count(fits.documents_limit, "document"),
            fits.sizes.iter().max().copied().unwrap_or_default(),
            fits.document_limit
        ),
    });
    told
}

fn blind_spots(one: &PrincipalDiff) -> Vec<Blind> {
    let none = Vec::new;
    let frozen = one.frozen.iter().map(|(service, why)| Blind {
        what: format!("{service} stays as it is attached"),
        why: why.clone(),
        names: none(),
    });
    let unknown = one.unknown_policies.iter().map(|policy| Blind {
        what: format!("{} stays, its document is not known", policy.name),
        why: policy.why.clone(),
        names: none(),
    });
    let not_attached = one.not_attached.iter().map(|used| Blind {
        what: format!("{} on {} was used and is not attached", used.action, used.resource),
        why: match &used.explanation {
            Some(explanation) => explanation.told(),
            None => "unexplained: perhaps a policy is missing in the input, or a rule is wrong"
                .to_owned(),
        },
        names: none(),
    });
    let mut unobservable: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for action in one.statements.iter().flat_map(|one| &one.actions) {
        if action.class == Class::Unobservable {
            unobservable.entry(&action.why).or_default().insert(&action.action);
        }
    }
    let unobservable = unobservable.into_iter().map(|(why, names)| Blind {
        what: format!("the log need not have shown {}", count(names.len(), "action")),
        why: why.to_owned(),
        names: names.into_iter().map(str::to_owned).collect(),
    });
    frozen.chain(unknown).chain(not_attached).chain(unobservable).collect()
}

//! Fills the model from what was tightened, and proves it on the way.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use trailtrim_aggregator::{Activity, Coverage, Join as _, RowKey, Stats, is_service_linked};
use trailtrim_catalog::Catalog;
use trailtrim_iam::{PolicyDocument, Statement};

use super::drafted::{Drafted, Sourced};
use super::room::{Rooms, limits_of};
use super::undecided::undecided;
use super::unnamed::unnamed;
use super::writing::Writing;
use super::{
    ActionDiff, DIFF_SCHEMA_VERSION, Diff, DocumentView, DraftStatement, DraftView,
    GeneralisationView, NotAttachedView, Options, PolicyView, PrincipalDiff, ReasonView,
    RemovedActions, RestView, SharedDiff, StatementDiff, Status, UsedElsewhere, UsedResource,
    WrittenAs,
};
use crate::attached::{Bundle, Inventory, Policy};
use crate::caveats::{Caveats, made_anew, renamed};
use crate::circumstance::{self, ConditionKind};
use crate::dated::{DatedKeys, dated_keys};
use crate::finding;
use crate::fit::Budget;
use crate::proof::{self, Foretold, Proofs};
use crate::report::{Filters, Input, seen, time, tool};
use crate::shared_by::SharedBy;
use crate::soak::too_short;
use crate::taste::Taste;
use crate::tighten::{
    Class, Idle, Judged, Lookout, Place, Rest, Settings, Standards, Tightened, TightenedBundle,
    TightenedPrincipal, tighten,
};
use crate::turnover::{Turnover, turnover};
use crate::ways::Need;

/// How many names of removed actions of a service are told although none of it was used.
const NAMES_OF_IDLE_SERVICE: usize = 20;

/// What can be done where a draft is too large.
const WAYS_OUT: &str = "ways out, where the draft does not fit: write names wider (`--resources prefix`, or \
    `taste` of a service in trailtrim.toml), let go what no log shows (`--drop-unobservable`), give each \
    workload a role of its own (`generate --split-by workload`), or have AWS raise the quota and say so \
    (`[limits]` in trailtrim.toml)";

/// What a diff is made of.
pub struct Inputs<'a> {
    /// The program's version.
    pub tool_version: &'a str,
    /// What the input was limited to.
    pub filters: Filters,
    /// What was read.
    pub input: Input,
    /// What was asked for.
    pub options: Options,
    /// What is attached.
    pub inventory: &'a Inventory,
    /// What was done.
    pub activity: &'a Activity,
    /// Where the trail looked, for how long: what a principal was seen on.
    pub coverage: &'a Coverage,
    /// What everything is judged by.
    pub standards: Standards<'a>,
    /// How large drafts may be.
    pub budget: Budget,
    /// The trail in two parts, where it is long enough to foretell from the first.
    pub past: Option<Past<'a>>,
}

/// The trail cut in two.
pub struct Past<'a> {
    /// The first moment of the later part.
    pub split: String,
    /// What was done before.
    pub before: &'a Activity,
    /// Where the trail looked before.
    pub lookout: &'a Lookout<'a>,
    /// What was done from then on.
    pub after: &'a Activity,
}

/// Tightens what is attached, proves the result and describes both. Works on the current rayon pool.
pub fn diff(inputs: &Inputs<'_>) -> Diff {
    let tightened = tighten(inputs.inventory, inputs.activity, &inputs.standards);
    let rooms = Rooms::of(inputs.inventory, &inputs.budget);
    let drafts = rooms.drafts(&tightened, inputs.standards.catalog, inputs.standards.settings);
    let earlier = inputs.past.as_ref().map(|past| {
        let standards = Standards { lookout: past.lookout, ..inputs.standards };
        tighten(inputs.inventory, past.before, &standards)
    });
    let builder = Builder {
        inputs,
        tightened: &tightened,
        drafts: &drafts,
        rooms: &rooms,
        earlier: earlier.as_ref(),
    };
    let known: BTreeSet<&str> = inputs.inventory.principals.keys().map(String::as_str).collect();
    let mut made = Diff {
        schema_version: DIFF_SCHEMA_VERSION,
        tool: tool(inputs.tool_version, inputs.standards.catalog),
        filters: inputs.filters.clone(),
        input: inputs.input.clone(),
        options: inputs.options.clone(),
        principals: tightened.principals.par_iter().map(|one| builder.principal(one)).collect(),
        shared: tightened
            .bundles
            .iter()
            .zip(&drafts)
            .filter_map(|(bundle, draft)| builder.shared(bundle, draft.as_ref()))
            .collect(),
        not_in_dump: inputs
            .activity
            .principals
            .iter()
            .map(|principal| principal.arn.as_str())
            .filter(|arn| !known.contains(arn))
            .map(str::to_owned)
            .collect(),
    };
    let sets = made.permission_sets();
    for one in made.principals.iter_mut().filter(|one| one.draft.is_some()) {
        let caveat = one.permission_set.as_ref().and_then(|set| sets.caveat(&one.arn, set));
        one.notes.extend(caveat);
    }
    made
}

struct Builder<'b> {
    inputs: &'b Inputs<'b>,
    tightened: &'b Tightened<'b>,
    drafts: &'b [Option<Drafted>],
    rooms: &'b Rooms<'b>,
    /// The same of the earlier part of the trail.
    earlier: Option<&'b Tightened<'b>>,
}

impl Builder<'_> {
    fn catalog(&self) -> Catalog {
        self.inputs.standards.catalog
    }

    fn settings(&self) -> &Settings {
        self.inputs.standards.settings
    }

    fn principal(&self, one: &TightenedPrincipal<'_>) -> PrincipalDiff {
        let bundles: Vec<(&TightenedBundle<'_>, Option<&Drafted>)> = one
            .attached
            .bundles
            .iter()
            .filter_map(|at| {
                Some((self.tightened.bundles.get(*at)?, self.drafts.get(*at)?.as_ref()))
            })
            .collect();
        let own = bundles.iter().find(|(bundle, _)| bundle.bundle.shared.is_none()).copied();
        let mut activity = Stats::default();
        if let Some(principal) = one.principal {
            principal.rows.values().for_each(|row| activity.join(row.stats.clone()));
            principal.unmapped.values().for_each(|stats| activity.join(stats.clone()));
        }
        let linked = is_service_linked(&one.attached.arn);
        if linked {
            let outsiders = &self.inputs.activity.outsiders;
            let its = outsiders.iter().filter(|(who, _)| *who.identity == *one.attached.arn);
            its.for_each(|(_, stats)| activity.join(stats.clone()));
        }
        let proofs = one.principal.map(|_| self.prove(one, &bundles));
        let mut findings = Vec::new();
        // Nobody can mend what is AWS's.
        if !linked {
            findings.extend(finding::of_principal(one));
            let of_bundle = |(bundle, _): &(&_, _)| finding::of_bundle(bundle, self.catalog());
            findings.extend(bundles.iter().flat_map(of_bundle));
            let unneeded = bundles.iter().flat_map(|(bundle, _)| finding::of_holder(bundle, one));
            findings.extend(unneeded);
        }
        let draft = own.and_then(|(bundle, draft)| {
            let draft = draft?;
            let anything = !bundle.bundle.policies.is_empty();
            anything.then(|| draft_view(bundle, draft, &one.attached.name))
        });
        let each = bundles.iter().all(|(_, draft)| draft.is_none_or(|draft| draft.fits));
        // Each may fit, and all of them together be more than can be attached.
        let together = proofs.as_ref().is_none_or(|proofs| proofs.fits.holds);
        let mut notes = match linked {
            true => Vec::new(),
            false => notes(one, own.map(|(bundle, _)| bundle)),
        };
        let in_use = match &one.idle {
            Some(Idle::Perhaps(reasons)) if !linked => reasons.as_slice(),
            _ => &[],
        };
        notes.extend(in_use.iter().map(|one| format!("not called unused: {}", one.told())));
        if let Some(fits) = proofs.as_ref().map(|proofs| &proofs.fits) {
            if each && !together {
                notes.push(format!(
                    "its own draft and those of what it shares are {} documents, and {} may be attached",
                    fits.sizes.len(),
                    fits.documents_limit
                ));
            }
            if !each && fits.staying > 0 {
                notes.push(format!(
                    "{} of {} managed policies that may be attached are taken by what stays: remove \
                     what is not needed, or give its document, so that it is judged as well",
                    fits.staying, fits.documents_limit
                ));
            }
        }
        if self.inputs.standards.conditions.contains(&ConditionKind::SourceIp) {
            let documents = bundles.iter().filter_map(|(_, draft)| *draft);
            let drafted: Vec<&PolicyDocument> =
                documents.flat_map(|draft| &draft.documents).collect();
            let attached = self.inputs.inventory.documents_of(one.attached);
            notes.extend(circumstance::networks_told(&attached, &drafted));
            let rows = one.principal.iter().flat_map(|principal| &principal.rows);
            let granted = rows.filter(|(key, _)| key.outcome.grants());
            notes.extend(circumstance::without_address(
                granted.map(|(key, row)| (key.action.as_str(), row)),
            ));
        }
        let drafts = bundles.iter().filter_map(|(_, draft)| *draft);
        let drafts: Vec<&PolicyDocument> = drafts.flat_map(|draft| &draft.documents).collect();
        let mut caveats = one.principal.map(Caveats::of).unwrap_or_default();
        caveats.limit_passes(&drafts);
        if let Some(principal) = one.principal {
            caveats.shared = SharedBy::of_drafts(principal, &one.attached.trusted, &drafts);
        }
        notes.extend(caveats.notes());
        if let Some(principal) = one.principal {
            notes.extend(
                bundles
                    .iter()
                    .flat_map(|(bundle, _)| unnamed(principal, bundle, &drafts, self.catalog())),
            );
            notes.extend(made_anew(principal));
            notes.extend(renamed(principal));
            notes.extend(turnover(principal, &drafts, self.catalog()).iter().map(Turnover::told));
            let attached = self.inputs.inventory.documents_of(one.attached);
            let choices = bundles.iter().map(|(bundle, _)| &bundle.choice);
            notes.extend(undecided(choices, principal, (&drafts, &attached)));
            let dated = dated_keys(principal, &drafts, &attached, self.catalog());
            // As was asked for.
            let is_exact = |action: &String| {
                let service = action.split(':').next().unwrap_or_default();
                (self.inputs.standards.taste_of)(service) == Taste::Exact
            };
            let dated = dated.iter().filter(|one| !one.actions.iter().all(is_exact));
            notes.extend(dated.map(DatedKeys::told));
        }
        let fits = each && together;
        if !fits {
            notes.push(WAYS_OUT.to_owned());
        }
        let proposed = one.principal.filter(|_| !linked && own.is_some());
        if let Some(why) =
            proposed.and_then(|one| too_short(one, self.inputs.coverage, self.catalog()))
        {
            notes.push(format!("little was seen to draft from, see `trailtrim soak`: {why}"));
        }
        let status = self.status(one, &bundles, fits);
        PrincipalDiff {
            arn: one.attached.arn.clone(),
            account: one.attached.arn.split(':').nth(4).unwrap_or_default().to_owned(),
            kind: match one.attached.arn.contains(":user/") {
                true => "user".to_owned(),
                false => "role".to_owned(),
            },
            name: one.attached.name.clone(),
            permission_set: one.principal.and_then(|principal| principal.permission_set.clone()),
            status,
            activity: seen(&activity),
            perhaps_in_use: in_use.to_vec(),
            notes,
            widened: caveats.widened,
            attached: own.map(|(bundle, _)| policies(bundle.bundle)).unwrap_or_default(),
            shares: bundles.iter().filter_map(|(bundle, _)| bundle.bundle.shared.clone()).collect(),
            unknown_policies: one.attached.unknown.clone(),
            boundary: one.attached.boundary.as_ref().map(|boundary| boundary.name.clone()),
            statements: own.map(|(bundle, draft)| statements(bundle, draft)).unwrap_or_default(),
            not_attached: one
                .not_attached
                .iter()
                .map(|(used, explanation)| NotAttachedView {
                    action: used.key.action.clone(),
                    resource: used.key.resource.clone(),
                    explanation: explanation.clone(),
                    seen: seen(&used.row.stats),
                })
                .collect(),
            frozen: one.frozen.clone(),
            draft,
            proofs,
            findings,
        }
    }

    fn status(
        &self,
        one: &TightenedPrincipal<'_>,
        bundles: &[(&TightenedBundle<'_>, Option<&Drafted>)],
        fits: bool,
    ) -> Status {
        let attached = || bundles.iter().flat_map(|(bundle, _)| &bundle.bundle.policies);
        if is_service_linked(&one.attached.arn) {
            return Status::ServiceLinked;
        }
        if one.principal.is_none() {
            return Status::Inactive;
        }
        if attached().next().is_none() {
            return Status::NothingAttached;
        }
        if !fits {
            return Status::DoesNotFit;
        }
        if !one.frozen.is_empty() || !one.attached.unknown.is_empty() {
            return Status::Partial;
        }
        let shrinks = bundles.iter().any(|(bundle, _)| {
            bundle.judged.values().flatten().any(|judged| judged.rest != Rest::All)
        });
        if shrinks { Status::Tightened } else { Status::Unchanged }
    }

    fn prove(
        &self,
        one: &TightenedPrincipal<'_>,
        bundles: &[(&TightenedBundle<'_>, Option<&Drafted>)],
    ) -> Proofs {
        let attached = self.inputs.inventory.documents_of(one.attached);
        let documents = |direct: bool| -> Vec<&PolicyDocument> {
            bundles
                .iter()
                .filter(|(bundle, _)| !direct || !bundle.bundle.is_of_group())
                .filter_map(|(_, draft)| *draft)
                .flat_map(|draft| &draft.documents)
                .collect()
        };
        let (arn, attached_here) = (&one.attached.arn, documents(true));
        let documents = documents(false);
        let not_attached: BTreeSet<&RowKey> =
            one.not_attached.iter().map(|(used, _)| used.key).collect();
        let withheld = |action: &str| self.settings().withheld(action);
        let replay = one.principal.map(|principal| {
            proof::replay(
                principal,
                &attached,
                one.attached.limit(),
                &documents,
                &not_attached,
                &withheld,
                self.catalog(),
            )
        });
        let mut irredundant = proof::IrredundantProof::default();
        for (bundle, draft) in bundles {
            let Some(draft) = draft else { continue };
            let needs: &BTreeSet<Need> = &bundle.needs;
            let listed = draft.documents.iter().flat_map(|document| &document.statements);
            let part = proof::irredundant(listed, needs);
            irredundant.tried += part.tried;
            irredundant.idle.extend(part.idle);
            if bundle.idle_holders.contains_key(arn) {
                let names = bundle.bundle.policies.iter().map(|policy| policy.name.clone());
                irredundant.for_others.extend(names);
            }
        }
        Proofs {
            replay: replay.unwrap_or_default(),
            no_new_access: proof::no_new_access(&attached, &documents, self.catalog()),
            irredundant,
            backtest: self.foretell(one, &attached, &not_attached),
            fits: proof::fits(
                &attached_here,
                &limits_of(arn, &self.inputs.budget),
                self.rooms.staying(arn),
            ),
        }
    }

    /// Puts the draft of the earlier part of the trail to the later one.
    fn foretell(
        &self,
        one: &TightenedPrincipal<'_>,
        attached: &[&PolicyDocument],
        not_attached: &BTreeSet<&RowKey>,
    ) -> Option<Foretold> {
        let (past, earlier) = (self.inputs.past.as_ref()?, self.earlier?);
        let arn = &one.attached.arn;
        let known = |activity: &'_ Activity| {
            activity.principals.iter().position(|principal| principal.arn == *arn)
        };
        known(past.before)?;
        let later = past.after.principals.get(known(past.after)?)?;
        let bundles = one.attached.bundles.iter().filter_map(|at| earlier.bundles.get(*at));
        let statements = bundles.flat_map(|bundle| {
            let allows = bundle.allows.iter().map(|one| one.statement.clone());
            allows.chain(bundle.denies.iter().cloned())
        });
        let draft = PolicyDocument::new(statements.collect());
        let limit = one.attached.limit();
        let (split, catalog) = (&past.split, self.catalog());
        let mut foretold =
            proof::foretell(split, later, attached, limit, &[&draft], not_attached, catalog);
        for at in &one.attached.bundles {
            let (Some(now), Some(then)) =
                (self.tightened.bundles.get(*at), earlier.bundles.get(*at))
            else {
                continue;
            };
            let (now, then) = (cuts(now), cuts(then));
            foretold.cuts += now.len();
            foretold.cut_then += now.intersection(&then).count();
        }
        Some(foretold)
    }

    fn shared(&self, bundle: &TightenedBundle<'_>, draft: Option<&Drafted>) -> Option<SharedDiff> {
        let key = bundle.bundle.shared.clone()?;
        let name = bundle.bundle.policies.first().map_or(key.as_str(), |policy| &policy.name);
        Some(SharedDiff {
            holders: bundle.bundle.holders.iter().cloned().collect(),
            attached: policies(bundle.bundle),
            statements: statements(bundle, draft),
            draft: draft.map(|draft| draft_view(bundle, draft, name)),
            key,
        })
    }
}

/// Returns the actions of statements of which something goes because it was not used.
fn cuts<'b>(bundle: &'b TightenedBundle<'_>) -> BTreeSet<(Place, &'b str)> {
    let cut = |place: &Place, one: &Judged<'_>| {
        let dead = bundle.dead.get(place).is_some_and(|dead| dead.contains(&one.action));
        one.rest != Rest::All && one.class != Class::Forbidden && !dead
    };
    let judged = bundle.judged.iter();
    let cutting = judged.flat_map(|(place, all)| all.iter().map(move |one| (place, one)));
    cutting.filter(|(place, one)| cut(place, one)).map(|(at, one)| (*at, one.action)).collect()
}

fn notes(one: &TightenedPrincipal<'_>, own: Option<&TightenedBundle<'_>>) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(set) = one.principal.and_then(|principal| principal.permission_set.as_ref()) {
        notes.push(format!(
            "the role belongs to the permission set `{set}`: change the set in Identity Center, not the role"
        ));
    }
    let held = || own.into_iter().flat_map(|bundle| &bundle.bundle.policies);
    let replaced: Vec<&str> = held()
        .filter(|policy| policy.hold.is_replaced())
        .map(|policy| policy.name.as_str())
        .collect();
    if !replaced.is_empty() {
        notes.push(format!(
            "detach and replace, do not rewrite: {} (managed by AWS, somebody's boundary, or attached to \
             a group as well, or to others who are not in the dump)",
            replaced.join(", ")
        ));
    }
    if let Some(boundary) = &one.attached.boundary {
        let name = &boundary.name;
        notes.push(match boundary.document {
            Some(_) => format!("the boundary `{name}` stays, and still limits what the draft allows"),
            None => format!(
                "the boundary `{name}` stays, and what it allows is not known: its document was not given"
            ),
        });
    }
    if one.attached.bundles.len() > 1 {
        notes.push(
            "some of its policies are shared with others and are judged by what all of them did"
                .to_owned(),
        );
    }
    notes
}

fn policies(bundle: &Bundle) -> Vec<PolicyView> {
    bundle.policies.iter().map(policy).collect()
}

fn policy(policy: &Policy) -> PolicyView {
    PolicyView {
        name: policy.name.clone(),
        arn: policy.arn.clone(),
        hold: policy.hold,
        group: policy.group.clone(),
        since: policy.since.and_then(time),
        size: policy.document.size(),
        document: policy.document.clone(),
    }
}

fn statements(bundle: &TightenedBundle<'_>, draft: Option<&Drafted>) -> Vec<StatementDiff> {
    let writing = Writing::of(bundle, draft);
    let several = bundle.bundle.holders.len() > 1;
    let judged = bundle.judged.iter();
    judged
        .map(|(place, actions)| {
            let statement = bundle
                .bundle
                .policies
                .get(place.policy)
                .and_then(|policy| policy.document.statements.get(place.statement));
            // What is forbidden no pattern allows, and what another statement keeps one may allow here too.
            let going = actions.iter().filter(|one| match one.class {
                Class::Unused | Class::AllowedElsewhere => one.rest == Rest::Nothing,
                _ => false,
            });
            let conceded: BTreeSet<&str> = going
                .map(|one| one.action)
                .filter(|action| statement.is_some_and(|one| writing.concedes(action, one)))
                .collect();
            let action = |one| action(one, *place, (statement, several), &writing);
            StatementDiff {
                policy: place.policy,
                statement: place.statement,
                sid: statement.and_then(|statement| statement.sid.clone()),
                keeps_resources: bundle.fixed.get(place).map(|why| (*why).to_owned()),
                actions: actions
                    .iter()
                    .filter_map(|one| match (goes(one), conceded.contains(one.action)) {
                        (_, true) => Some(ActionDiff {
                            class: Class::ToFit,
                            why: format!("{}, and a pattern of the draft stands for it", one.why),
                            ..action(one)
                        }),
                        (false, false) => Some(action(one)),
                        (true, false) => None,
                    })
                    .collect(),
                removed: removed(actions, &conceded),
                unknown_actions: bundle.foreign.get(place).cloned().unwrap_or_default(),
            }
        })
        .collect()
}

fn goes(one: &Judged<'_>) -> bool {
    matches!(one.class, Class::Unused | Class::Forbidden) && one.rest == Rest::Nothing
}

fn action(
    one: &Judged<'_>,
    place: Place,
    (statement, several): (Option<&Statement>, bool),
    writing: &Writing<'_>,
) -> ActionDiff {
    let drafted = || writing.listed(one.action, Some(place));
    let whole = || Some(WrittenAs::whole(statement?.resource.as_ref()?, &drafted()));
    let used = one.seen.iter().map(|used| UsedResource {
        principal: several.then(|| used.principal.to_owned()),
        resource: used.key.resource.clone(),
        written_as: match one.rest == Rest::All || one.class == Class::Withheld {
            true => None,
            false => match &used.common {
                Some(parts) if !parts.contains(&used.key.resource) => {
                    let written = parts.iter().map(|part| {
                        let wide = writing.instead(one.action, place, part);
                        wide.map_or_else(|| part.clone(), |wide| wide.pattern)
                    });
                    Some(of_parts(written.collect()))
                }
                Some(_) => writing.instead(one.action, place, &used.key.resource),
                None if writing.stays_whole(place) => whole(),
                // What no pattern is known to hold, the statement allows as it is attached.
                None => writing.instead(one.action, place, &used.key.resource).or_else(whole),
            },
        },
        outcome: used.key.outcome.code().to_owned(),
        surely: used.surely,
        seen: seen(&used.row.stats),
    });
    let elsewhere = one.elsewhere.iter().map(|used| UsedElsewhere {
        principal: several.then(|| used.principal.to_owned()),
        resource: used.key.resource.clone(),
        outcome: used.key.outcome.code().to_owned(),
        policy: used.policy.to_owned(),
        shared: used.shared.map(str::to_owned),
        statement: used.statement,
        seen: seen(&used.row.stats),
    });
    ActionDiff {
        action: one.action.to_owned(),
        class: one.class,
        rest: match &one.rest {
            Rest::Nothing => RestView::Nothing,
            Rest::All => RestView::AsAttached,
            Rest::Outside(regions) => {
                RestView::Outside { regions: regions.iter().cloned().collect() }
            }
            Rest::On { resources, outside } => RestView::On {
                resources: resources.keys().cloned().collect(),
                outside: outside.iter().cloned().collect(),
            },
            Rest::PassedTo(passes) => {
                let names = |services: &BTreeSet<&str>| {
                    services.iter().map(|&service| service.to_owned()).collect()
                };
                let roles = passes.iter().filter_map(|(role, to)| Some((role.clone()?, names(to))));
                RestView::PassedTo {
                    services: passes.get(&None).map(names).unwrap_or_default(),
                    roles: roles.collect(),
                }
            }
        },
        why: one.why.clone(),
        used: used.collect(),
        elsewhere: elsewhere.collect(),
    }
}

/// Says on what something stays of which the record leaves more open than its statement allows.
fn of_parts(written: BTreeSet<String>) -> WrittenAs {
    let why = "what is attached of all that the record leaves open".to_owned();
    WrittenAs { pattern: written.into_iter().collect::<Vec<_>>().join(", "), why }
}

/// Returns what goes, but for what the draft allows all the same.
fn removed(actions: &[Judged<'_>], conceded: &BTreeSet<&str>) -> Vec<RemovedActions> {
    let service = |action: &'static str| action.split(':').next().unwrap_or_default();
    let busy: BTreeSet<&str> =
        actions.iter().filter(|one| !goes(one)).map(|one| service(one.action)).collect();
    let mut by_service: BTreeMap<(&str, &str, Class), Vec<String>> = BTreeMap::new();
    for one in actions.iter().filter(|one| goes(one) && !conceded.contains(one.action)) {
        by_service
            .entry((service(one.action), one.why.as_str(), one.class))
            .or_default()
            .push(one.action.to_owned());
    }
    by_service
        .into_iter()
        .map(|((service, why, class), actions)| {
            let told = busy.contains(service) || actions.len() <= NAMES_OF_IDLE_SERVICE;
            RemovedActions {
                service: service.to_owned(),
                count: actions.len(),
                actions: if told { actions } else { Vec::new() },
                class,
                why: why.to_owned(),
            }
        })
        .collect()
}

fn draft_statement(one: &Sourced) -> DraftStatement {
    let mut reasons: BTreeMap<(Class, &str), Vec<String>> = BTreeMap::new();
    for ((action, class), why) in &one.reasons {
        reasons.entry((*class, why)).or_default().push(action.clone());
    }
    DraftStatement {
        sid: one.sid.clone(),
        footing: one.footing,
        from: one.from.iter().map(|place| (place.policy, place.statement)).collect(),
        reasons: reasons
            .into_iter()
            .map(|((class, why), actions)| ReasonView { class, why: why.to_owned(), actions })
            .collect(),
    }
}

fn draft_view(bundle: &TightenedBundle<'_>, draft: &Drafted, name: &str) -> DraftView {
    DraftView {
        documents: draft
            .documents
            .iter()
            .enumerate()
            .map(|(at, document)| DocumentView {
                name: format!("{name}-{}", at + 1),
                size: document.size(),
                document: document.clone(),
            })
            .collect(),
        paths: Vec::new(),
        replaces: bundle.bundle.policies.iter().map(|policy| policy.name.clone()).collect(),
        statements: draft.statements.iter().map(draft_statement).collect(),
        generalisations: bundle
            .choice
            .generalisations()
            .iter()
            .map(|one| GeneralisationView {
                to: one.to.clone(),
                rule: one.rule.code().to_owned(),
                why: one.why.clone(),
                adds: one.adds.clone(),
                names: one.names,
                sample: one.from.clone(),
            })
            .collect(),
        concessions: draft.concessions.clone(),
        obstacle: draft.obstacle.clone(),
    }
}

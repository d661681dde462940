//! What a run tells people on standard error: what was read, what was found,
//! what was skipped and why, what could not be mapped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use trailtrim_aggregator::{Activity, Outcome, Unmapped};
use trailtrim_emitter::report::{Filters, Input};
use trailtrim_emitter::{
    Baseline, Caveats, DatedKeys, Draft, Generalisation, MANAGED_POLICY_LIMIT, MissingCompanions,
    MissingDataEvents, Regranted, Taste, Turnover, Widening, left_out, made_anew, renamed,
};

use crate::output::printable;
use crate::trail::Trail;

/// How many lines of one kind are shown; the report has them all.
pub(crate) const LINES: usize = 20;

/// Tells what was read and used.
pub(crate) fn of_usage(trail: &Trail) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = tell(trail, None, "", &mut text);
    text
}

/// Tells what was read and granted, and which policies of an earlier run were removed.
pub(crate) fn of_policies(
    trail: &Trail,
    drafts: &[Draft],
    taste: Taste,
    removed: &[String],
) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = tell(trail, Some((drafts, taste)), "; report.json has all (--out)", &mut text)
        .and_then(|()| tell_removed(removed, &mut text));
    text
}

/// Tells which data events the logs of accounts have, and that of others nothing is known.
pub(crate) fn of_missing(data_events: &[MissingDataEvents]) -> String {
    let told: Vec<String> = data_events.iter().map(MissingDataEvents::told).collect();
    of_lines("not in the log", &told, "")
}

/// Tells which policies of an earlier run were removed.
pub(crate) fn of_removed(removed: &[String]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = tell_removed(removed, &mut text);
    text
}

/// Tells what to know before policies are deployed.
pub(crate) fn of_cautions(cautions: &[String]) -> String {
    of_lines("caution", cautions, "; each has it in its notes")
}

/// Tells the first of some lines of one kind, and how many more there are.
fn of_lines(kind: &str, lines: &[String], hint: &str) -> String {
    let mut text = String::new();
    for one in lines.iter().take(LINES) {
        text.push_str(&format!("{kind}: {}\n", printable(one)));
    }
    // Writing to a string cannot fail.
    let _ = more(&mut text, lines.len(), hint);
    text
}

/// What AWS puts beside the log files (digests, Insights) is called.
pub(crate) const WITHOUT_CALLS: &str = "not calls, and nothing is missing for it";

/// Tells what was read and what was skipped.
pub(crate) fn of_input(input: &Input) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = tell_read(input, &mut text).and_then(|()| tell_skipped(input, "", &mut text));
    text
}

fn tell_read(input: &Input, text: &mut String) -> std::fmt::Result {
    writeln!(
        text,
        "read {} in {}, {} of records",
        count(input.records, "record", "records"),
        count(input.files, "file", "files"),
        size(input.inflated_bytes)
    )?;
    if input.pruned > 0 {
        writeln!(
            text,
            "not opened, told by their key (digests, Insights, outside the filters): {}",
            count(input.pruned, "file", "files")
        )?;
    } else if input.records == 0 {
        writeln!(
            text,
            "no records found; name files or directories of CloudTrail, such as `AWSLogs/`"
        )?;
    }
    tell_chosen(input, text)
}

/// Tells of files that prove no coverage, since what is not in them may have been recorded all the same.
fn tell_chosen(input: &Input, text: &mut String) -> std::fmt::Result {
    let mut chosen = input.sources.iter().filter(|one| one.chosen && one.records > 0);
    let Some(first) = chosen.next() else { return Ok(()) };
    let more = chosen.count() as u64;
    let path = printable(&first.path);
    let form = first.framing.as_deref().unwrap_or_default();
    write!(
        text,
        "caution: no proof of coverage, since a query, a rule or a filter may have chosen what is in it: {path} ({form})"
    )?;
    if more > 0 {
        write!(text, " and {}", count(more, "other file", "other files"))?;
    }
    writeln!(
        text,
        "; nothing is unused for its silence. Whole are log files as CloudTrail delivers them"
    )
}

fn tell(
    trail: &Trail,
    drafted: Option<(&[Draft], Taste)>,
    hint: &str,
    text: &mut String,
) -> std::fmt::Result {
    let Trail { activity, input, filters, passed, .. } = trail;
    tell_read(input, text)?;
    if *passed > 0 {
        let files = count(*passed, "file", "files");
        writeln!(text, "not parsed, without a mention of --principal: {files}")?;
    }
    let nothing = activity.principals.is_empty()
        && activity.outsiders.is_empty()
        && activity.other_events.is_empty();
    if nothing && (input.records > 0 || input.pruned > 0) {
        writeln!(text, "{}", no_match(filters))?;
    }
    tell_principals(activity, drafted.map(|(drafts, _)| drafts), hint, text)?;

    let mut excluded: BTreeMap<&str, usize> = BTreeMap::new();
    for outsider in activity.outsiders.keys() {
        *excluded.entry(outsider.reason.code()).or_default() += 1;
    }
    if !excluded.is_empty() {
        let kinds: Vec<String> =
            excluded.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
        writeln!(text, "callers that never get a policy: {}", kinds.join(", "))?;
    }

    let mut others: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for event in activity.other_events.keys() {
        let names = others.entry(event.kind.code()).or_default();
        names.insert((&event.event_source, &event.event_name));
    }
    if !others.is_empty() {
        let kinds: Vec<String> = others
            .iter()
            .map(|(kind, names)| format!("{kind} ({})", count(names.len() as u64, "name", "names")))
            .collect();
        writeln!(text, "records that grant nothing: {}", kinds.join(", "))?;
    }

    if let Some((drafts, taste)) = drafted {
        tell_generalised(drafts, taste, hint, text)?;
        tell_baseline(drafts, hint, text)?;
        tell_companions(activity, drafts, text)?;
        tell_caveats(activity, drafts, hint, text)?;
        tell_tried(activity, drafts, hint, text)?;
    }
    let amended = activity.amended.calls();
    if amended.value > 0 {
        let about = if amended.estimated { "≈" } else { "" };
        writeln!(
            text,
            "amended later by CloudTrail, and taken up as either record says: {about}{}{hint}",
            count(amended.value, "event", "events")
        )?;
    }
    tell_unmapped(activity, hint, text)?;
    tell_skipped(input, hint, text)
}

/// Tells for how many names patterns stand, by the rule that put them there.
fn tell_generalised(
    drafts: &[Draft],
    taste: Taste,
    hint: &str,
    text: &mut String,
) -> std::fmt::Result {
    let mut rules: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for one in drafts.iter().flat_map(|draft| draft.choice.generalisations()) {
        let (patterns, names) = rules.entry(one.rule.code()).or_default();
        *patterns += 1;
        *names += one.names as u64;
    }
    if rules.is_empty() {
        return Ok(());
    }
    let (patterns, names) =
        rules.values().fold((0, 0), |(a, b), (patterns, names)| (a + patterns, b + names));
    writeln!(
        text,
        "written as patterns, --resources {}: {} as {}{hint}",
        taste.code(),
        count(names, "name", "names"),
        count(patterns, "pattern", "patterns"),
    )?;
    for (rule, (patterns, names)) in rules {
        let patterns = count(patterns, "pattern", "patterns");
        writeln!(text, "  {rule}: {} as {patterns}", count(names, "name", "names"))?;
    }
    let judged = drafts.iter().flat_map(|draft| draft.choice.generalisations());
    let judged = judged.filter(|one| one.is_judged());
    let lines: BTreeSet<String> = judged.map(Generalisation::told).collect();
    for line in lines.iter().take(LINES) {
        writeln!(text, "  {}", printable(line))?;
    }
    more(text, lines.len(), hint)
}

fn no_match(filters: &Filters) -> String {
    let lists = [
        ("--principal", !filters.principals.is_empty()),
        ("--account", !filters.accounts.is_empty()),
        ("--region", !filters.regions.is_empty()),
        ("--since", filters.since.is_some()),
        ("--until", filters.until.is_some()),
    ];
    let given: Vec<&str> =
        lists.iter().filter(|(_, given)| *given).map(|(option, _)| *option).collect();
    if given.is_empty() {
        "no record of an API call found".to_owned()
    } else {
        format!("no record matched the filters; widen {}", given.join(", "))
    }
}

fn tell_principals(
    activity: &Activity,
    drafts: Option<&[Draft]>,
    hint: &str,
    text: &mut String,
) -> std::fmt::Result {
    let principals = &activity.principals;
    let partial = principals.iter().filter(|principal| !principal.frozen.is_empty()).count();
    let mut parts = vec![format!("{partial} of them partial")];
    if let Some(drafts) = drafts {
        let sizes = drafts.iter().filter_map(|draft| draft.size);
        let (policies, large) = sizes.fold((0, 0), |(all, large), size| {
            (all + 1, large + u64::from(size > MANAGED_POLICY_LIMIT))
        });
        parts.push(count(policies, "policy", "policies"));
        if large > 0 {
            parts.push(format!(
                "{} over {} characters, more than a managed policy holds",
                grouped(large),
                grouped(MANAGED_POLICY_LIMIT as u64)
            ));
        }
    }
    let distinct: BTreeSet<&str> = principals.iter().map(|one| one.arn.as_str()).collect();
    let mut who = count(distinct.len() as u64, "principal", "principals");
    if principals.iter().any(|one| one.workload.is_some()) {
        who = format!("{} of {who}", count(principals.len() as u64, "workload", "workloads"));
    }
    writeln!(text, "{who}: {}", parts.join(", "))?;
    for principal in principals.iter().take(LINES) {
        let what = match principal.rows.keys().filter(|key| key.outcome.grants()).count() {
            0 => "nothing granted".to_owned(),
            grants => count(grants as u64, "grant", "grants"),
        };
        let services: Vec<&str> = principal.frozen.iter().map(String::as_str).collect();
        let frozen = match services.as_slice() {
            [] => String::new(),
            services => format!(", partial: {}", services.join(", ")),
        };
        let workload = principal.workload.as_ref().map(|one| format!(" ({})", one.label()));
        let who = format!("{}{}", principal.arn, workload.unwrap_or_default());
        writeln!(text, "  {}: {what}{}", printable(&who), printable(&frozen))?;
    }
    more(text, principals.len(), hint)
}

/// Tells for which workloads something was added that they need whatever they do.
fn tell_baseline(drafts: &[Draft], hint: &str, text: &mut String) -> std::fmt::Result {
    let all: Vec<&Baseline> = drafts.iter().flat_map(|draft| &draft.baseline).collect();
    if all.is_empty() {
        return Ok(());
    }
    let workloads: BTreeSet<&str> = all.iter().map(|one| one.workload.as_str()).collect();
    let needed = match (workloads.len(), all.iter().any(|one| one.told.is_some())) {
        (1, false) => "1 workload needs it whatever it does".to_owned(),
        (1, true) => "1 workload needs it as it is set up, whatever it does".to_owned(),
        (number, false) => format!("{number} workloads need it whatever they do"),
        (number, true) => {
            format!("{number} workloads need it as they are set up, whatever they do")
        }
    };
    writeln!(text, "added, since {needed} (--no-baseline leaves it out):")?;
    for one in all.iter().take(LINES) {
        let actions: Vec<&str> = one.needs.keys().map(String::as_str).collect();
        let chosen = if one.known_by.chosen_by_caller() { ", by its session's name" } else { "" };
        let told =
            one.told.as_ref().map(|(_, event, _)| format!(" (told by {})", printable(event)));
        let (workload, actions) = (printable(&one.workload), actions.join(", "));
        writeln!(text, "  {workload}{chosen}: {actions}{}", told.unwrap_or_default())?;
    }
    more(text, all.len(), hint)
}

/// Tells what goes with something granted and is not granted, by the rule that says so.
fn tell_companions(activity: &Activity, drafts: &[Draft], text: &mut String) -> std::fmt::Result {
    let mut rules: BTreeMap<&str, (MissingCompanions, BTreeSet<&str>)> = BTreeMap::new();
    for (principal, draft) in activity.principals.iter().zip(drafts) {
        for missing in &draft.missing_companions {
            let empty = || (missing.clone(), BTreeSet::new());
            let (all, whose) = rules.entry(missing.reason).or_insert_with(empty);
            all.actions.extend(&missing.actions);
            all.with.extend(&missing.with);
            whose.insert(&principal.arn);
        }
    }
    if rules.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "not granted, or elsewhere only, though it goes with what is and rarely shows; add it where it is needed:"
    )?;
    let list = |names: BTreeSet<&str>| names.into_iter().collect::<Vec<_>>().join(", ");
    for (reason, (MissingCompanions { actions, with, .. }, whose)) in rules {
        let first = whose.first().copied().unwrap_or_default();
        let whose = match whose.len() {
            1 => printable(first),
            more => format!("{} and {} more", printable(first), more - 1),
        };
        writeln!(text, "  {}: with {}, of {whose}. {reason}", list(actions), list(with))?;
    }
    Ok(())
}

/// What one principal's records leave open.
struct Note {
    who: String,
    note: String,
    /// Whether it is a warning, and the how manyth of the principal's warnings or of its other notes.
    warns: bool,
    place: usize,
}

/// Tells notes, warnings first. Of more than are shown each principal's first comes before the next of any: many notes
/// of one hide no other's.
fn tell_notes(mut notes: Vec<Note>, hint: &str, text: &mut String) -> std::fmt::Result {
    if notes.is_empty() {
        return Ok(());
    }
    notes.sort_by_key(|one| (!one.warns, one.place));
    let hidden = notes.split_off(notes.len().min(LINES));
    notes.sort_by_cached_key(|one| (!one.warns, one.who.clone(), one.place));
    writeln!(text, "open in the records:")?;
    for Note { who, note, .. } in &notes {
        writeln!(text, "  {}: {}", printable(who), printable(note))?;
    }
    let warnings = match hidden.iter().filter(|one| one.warns).count() {
        0 => String::new(),
        some => format!(", {some} of them warnings"),
    };
    if !hidden.is_empty() {
        writeln!(text, "  … and {} more{warnings}{hint}", hidden.len())?;
    }
    Ok(())
}

/// Tells what the records leave open, for each principal, and what is wider than its calls, by why.
fn tell_caveats(
    activity: &Activity,
    drafts: &[Draft],
    hint: &str,
    text: &mut String,
) -> std::fmt::Result {
    let mut notes: Vec<Note> = Vec::new();
    let mut widened: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut likely: BTreeSet<String> = BTreeSet::new();
    for (principal, draft) in activity.principals.iter().zip(drafts) {
        let caveats = Caveats::of(principal);
        let workload = principal.workload.as_ref().map(|one| format!(" ({})", one.label()));
        let who = format!("{}{}", principal.arn, workload.unwrap_or_default());
        let named = made_anew(principal).into_iter().chain(renamed(principal));
        let named = named.chain(left_out(&draft.left_out));
        let regranted = draft.regranted.iter().map(Regranted::told);
        let turnover =
            draft.turnover.iter().map(Turnover::told).chain(draft.choice.listed_undecided());
        let turnover = turnover.chain(draft.dated.iter().map(DatedKeys::told));
        let all = named.chain(caveats.notes()).chain(regranted).chain(turnover);
        let mut places = [0, 0];
        notes.extend(all.map(|note| {
            let warns = note.starts_with("warning:");
            let [of_others, of_warnings] = &mut places;
            let place = if warns { of_warnings } else { of_others };
            *place += 1;
            Note { who: who.clone(), note, warns, place: *place }
        }));
        likely.extend(caveats.likely);
        for Widening { why, grants } in caveats.widened {
            widened.entry(why).or_default().extend(grants);
        }
    }
    tell_notes(notes, hint, text)?;
    if !widened.is_empty() {
        let grants: usize = widened.values().map(BTreeSet::len).sum();
        writeln!(
            text,
            "wider than the calls: {}{hint}",
            count(grants as u64, "permission", "permissions")
        )?;
        let reasons = widened.len();
        for (why, grants) in widened.into_iter().take(LINES) {
            writeln!(text, "  {}", printable(&Widening { why, grants }.told()))?;
        }
        more(text, reasons, hint)?;
    }
    if !likely.is_empty() {
        let many = count(likely.len() as u64, "permission", "permissions");
        writeln!(
            text,
            "granted as likely and not certain to be needed by the calls: {many}{hint}"
        )?;
        for one in likely.iter().take(LINES) {
            writeln!(text, "  {}", printable(one))?;
        }
        more(text, likely.len(), hint)?;
    }
    Ok(())
}

/// Tells what was only tried, by action: refused, or failed in a way that does not tell whether it was
/// allowed.
fn tell_tried(
    activity: &Activity,
    drafts: &[Draft],
    hint: &str,
    text: &mut String,
) -> std::fmt::Result {
    let (mut refused, mut failed): (BTreeMap<&str, usize>, BTreeMap<&str, usize>) =
        (BTreeMap::new(), BTreeMap::new());
    for (principal, draft) in activity.principals.iter().zip(drafts) {
        let granted = principal
            .rows
            .keys()
            .filter(|key| key.outcome.grants())
            .map(|key| (&*key.action, &*key.resource));
        // What a pattern grants all the same is told of by itself.
        let regranted = draft
            .regranted
            .iter()
            .flat_map(|one| one.resources.iter().map(|resource| (&*one.action, resource.as_str())));
        let granted: BTreeSet<(&str, &str)> = granted.chain(regranted).collect();
        let tried = principal.rows.keys().filter(|key| !key.outcome.grants());
        let tried: BTreeSet<(&str, &str, bool)> = tried
            .map(|key| (&*key.action, &*key.resource, key.outcome == Outcome::Denied))
            .filter(|(action, resource, _)| !granted.contains(&(action, resource)))
            .collect();
        for (action, _, denied) in tried {
            let of = if denied { &mut refused } else { &mut failed };
            *of.entry(action).or_default() += 1;
        }
    }
    for (what, actions) in [
        ("refused, which grants nothing", refused),
        (
            "recorded in a way that does not tell whether it was allowed, which grants nothing",
            failed,
        ),
    ] {
        if actions.is_empty() {
            continue;
        }
        let all = count(actions.values().sum::<usize>() as u64, "permission", "permissions");
        let mut names: Vec<String> =
            actions.keys().take(LINES).map(|name| printable(name)).collect();
        if actions.len() > LINES {
            names.push(format!("and {} more", actions.len() - LINES));
        }
        writeln!(text, "{what}: {all} ({}){hint}", names.join(", "))?;
    }
    Ok(())
}

/// Lists the events that no rule could map, but for those that were only ever denied: these would
/// not be granted if they were known.
fn tell_unmapped(activity: &Activity, hint: &str, text: &mut String) -> std::fmt::Result {
    let unmapped: BTreeSet<(&str, &str, &str)> = activity
        .principals
        .iter()
        .flat_map(|principal| principal.unmapped.keys())
        .filter(|key| {
            matches!(key.kind, Unmapped::Unverified | Unmapped::Unknown | Unmapped::Unresolved)
                && key.outcome != Outcome::Denied
        })
        .map(|key| (key.event_source.as_str(), key.event_name.as_str(), key.why.as_str()))
        .collect();
    if unmapped.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "not mapped, so not granted: {}",
        count(unmapped.len() as u64, "event", "events")
    )?;
    for (source, name, why) in unmapped.iter().take(LINES) {
        writeln!(text, "  {} {}: {}", printable(source), printable(name), printable(why))?;
    }
    more(text, unmapped.len(), hint)
}

fn tell_removed(removed: &[String], text: &mut String) -> std::fmt::Result {
    if removed.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "removed, written by an earlier run and not by this one: {}",
        count(removed.len() as u64, "policy", "policies")
    )?;
    for path in removed.iter().take(LINES) {
        writeln!(text, "  {}", printable(path))?;
    }
    more(text, removed.len(), "")
}

/// Tells what was not read. What holds no calls is no loss, so it does not count as skipped.
fn tell_skipped(input: &Input, hint: &str, text: &mut String) -> std::fmt::Result {
    let (lost, others): (Vec<_>, Vec<_>) = input.skipped.iter().partition(|one| one.loses);
    for (what, places) in [("skipped", lost), (WITHOUT_CALLS, others)] {
        if places.is_empty() {
            continue;
        }
        writeln!(text, "{what}: {}", count(places.len() as u64, "place", "places"))?;
        for skipped in places.iter().take(LINES) {
            let at = skipped.byte.map(|byte| format!(" at byte {byte}")).unwrap_or_default();
            writeln!(
                text,
                "  {}{at}: {} ({})",
                printable(&skipped.path),
                printable(&skipped.detail),
                skipped.kind
            )?;
        }
        more(text, places.len(), hint)?;
    }
    Ok(())
}

fn more(text: &mut String, all: usize, hint: &str) -> std::fmt::Result {
    match all.checked_sub(LINES) {
        Some(hidden) if hidden > 0 => {
            writeln!(text, "  … and {hidden} more{hint}")
        }
        _ => Ok(()),
    }
}

pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

/// Writes 1234567 as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_sizes_rounded() {
        assert_eq!(
            (grouped(0), grouped(999), grouped(1_234_567)),
            ("0".into(), "999".into(), "1,234,567".into())
        );
        assert_eq!(
            (size(0), size(999), size(1_000), size(2_560_000)),
            ("0 B".into(), "999 B".into(), "1.0 kB".into(), "2.6 MB".into())
        );
    }
}

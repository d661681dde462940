//! What a run tells people on standard error: what was read, what was found,
//! what was skipped and why, what could not be mapped.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use trailtrim_emitter::report::{Input, Report, Status};

use crate::output::printable;

/// How many lines of one kind are shown; the report has them all.
pub(crate) const LINES: usize = 20;

/// Tells the run in a few lines.
pub(crate) fn of(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = tell(report, &mut text);
    text
}

/// Tells what was read and what was skipped.
pub(crate) fn of_input(input: &Input) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = tell_read(input, &mut text).and_then(|()| tell_skipped(input, &mut text));
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
    }
    Ok(())
}

fn tell(report: &Report, text: &mut String) -> std::fmt::Result {
    tell_read(&report.input, text)?;
    let policies =
        report.principals.iter().filter(|principal| principal.policy_path.is_some()).count();
    let partial =
        report.principals.iter().filter(|principal| principal.status == Status::Partial).count();
    writeln!(
        text,
        "{}: {}, {} of them partial",
        count(report.principals.len() as u64, "principal", "principals"),
        count(policies as u64, "policy", "policies"),
        partial
    )?;
    for principal in report.principals.iter().take(LINES) {
        let what = match principal.status {
            Status::NoPolicy => "nothing granted".to_owned(),
            _ => count(principal.grants.len() as u64, "grant", "grants"),
        };
        let frozen = match principal.frozen_services.as_slice() {
            [] => String::new(),
            services => format!(", partial: {}", services.join(", ")),
        };
        writeln!(text, "  {}: {what}{}", printable(&principal.arn), printable(&frozen))?;
    }
    more(text, report.principals.len())?;

    let mut excluded: BTreeMap<&str, usize> = BTreeMap::new();
    for caller in &report.excluded {
        *excluded.entry(caller.reason.as_str()).or_default() += 1;
    }
    if !excluded.is_empty() {
        let kinds: Vec<String> =
            excluded.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
        writeln!(text, "callers that never get a policy: {}", kinds.join(", "))?;
    }

    let mut unmapped: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for principal in &report.principals {
        for event in &principal.unmapped {
            if matches!(event.kind.as_str(), "unverified" | "unknown" | "unresolved") {
                *unmapped
                    .entry((&event.event_source, &event.event_name, &event.why))
                    .or_default() += 1;
            }
        }
    }
    if !unmapped.is_empty() {
        writeln!(
            text,
            "not mapped, so not granted: {}",
            count(unmapped.len() as u64, "event", "events")
        )?;
        for (source, name, why) in unmapped.keys().take(LINES) {
            writeln!(text, "  {} {}: {}", printable(source), printable(name), printable(why))?;
        }
        more(text, unmapped.len())?;
    }

    tell_skipped(&report.input, text)
}

fn tell_skipped(input: &Input, text: &mut String) -> std::fmt::Result {
    if !input.skipped.is_empty() {
        writeln!(text, "skipped: {}", count(input.skipped.len() as u64, "place", "places"))?;
        for skipped in input.skipped.iter().take(LINES) {
            let at = skipped.byte.map(|byte| format!(" at byte {byte}")).unwrap_or_default();
            writeln!(
                text,
                "  {}{at}: {} ({})",
                printable(&skipped.path),
                printable(&skipped.detail),
                skipped.kind
            )?;
        }
        more(text, input.skipped.len())?;
    }
    Ok(())
}

fn more(text: &mut String, all: usize) -> std::fmt::Result {
    match all.checked_sub(LINES) {
        Some(hidden) if hidden > 0 => {
            writeln!(text, "  … and {hidden} more; report.json has all (--out)")
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

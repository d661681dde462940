//! Which files need not be read again.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use trailtrim_aggregator::FileMark;
use trailtrim_ingest::{FileFound, Ingested, Label, SkipKind};

/// What tells a file from a later one under its name; nothing for standard input.
pub(super) fn mark(file: &FileFound<'_>) -> Option<FileMark> {
    let since = file.modified?.duration_since(std::time::UNIX_EPOCH);
    let modified = match since {
        Ok(after) => i64::try_from(after.as_nanos()).ok()?,
        Err(before) => -i64::try_from(before.duration().as_nanos()).ok()?,
    };
    let path = match file.path.as_deref().filter(|path| path.to_str().is_none()) {
        None => file.label.clone(),
        // Several names have one label: its bytes tell them apart. No path has a zero in it, so that
        // this is nobody else's label.
        Some(path) => {
            let mut text = format!("{}\0", file.label);
            for byte in path.as_os_str().as_encoded_bytes() {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            Label::from(text.as_str())
        }
    };
    Some(FileMark { path, bytes: file.bytes, modified })
}

/// Returns the paths of files that another attempt may read better.
pub(super) fn unread(ingested: &Ingested) -> BTreeSet<Label> {
    let hopeless =
        |kind: SkipKind| kind.is_expected() || matches!(kind, SkipKind::Csv | SkipKind::NotATrail);
    ingested
        .skipped
        .iter()
        .filter(|skipped| skipped.source.is_none() && !hopeless(skipped.kind))
        .map(|skipped| Label::from(skipped.path.as_str()))
        .collect()
}

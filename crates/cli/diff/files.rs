//! Writing drafts: a directory for each principal, and the whole diff beside them.

use std::path::Path;

use trailtrim_emitter::diff::{Diff, DraftView};
use trailtrim_emitter::draft_path;

use super::format::DiffFormat;
use crate::output::write_file;

/// The file with the whole diff.
const DIFF_FILE: &str = "diff.json";

/// Writes every draft that is proved, and the diff as JSON and in the form that was asked for.
pub(super) fn write(directory: &Path, diff: &Diff, format: DiffFormat) -> anyhow::Result<()> {
    for one in &diff.principals {
        if one.status.proposes()
            && let Some(draft) = &one.draft
        {
            documents(directory, &draft_path(&one.arn), draft)?;
        }
    }
    for one in &diff.shared {
        if let Some(draft) = &one.draft {
            documents(directory, &format!("shared/{}", draft_path(&one.key)), draft)?;
        }
    }
    if let Some(file) = format.file_name() {
        write_file(&directory.join(file), format.render(diff)?.as_bytes())?;
    }
    write_file(&directory.join(DIFF_FILE), DiffFormat::Json.render(diff)?.as_bytes())
}

fn documents(directory: &Path, path: &str, draft: &DraftView) -> anyhow::Result<()> {
    for (at, document) in draft.documents.iter().enumerate() {
        let file = directory.join(path).join(format!("policy-{}.json", at + 1));
        let text = document.document.to_json_pretty();
        write_file(&file, format!("{text}\n").as_bytes())?;
    }
    Ok(())
}

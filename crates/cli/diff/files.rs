//! Writing drafts: a directory for each principal, and the whole diff beside them.

use std::path::Path;

use trailtrim_emitter::diff::{Diff, DraftView, Status};
use trailtrim_emitter::draft_path;
use trailtrim_iam::escape_controls;

use crate::output::write_file;

/// The file with the whole diff.
const DIFF_FILE: &str = "diff.json";

/// Writes every draft that is proved, and the diff.
pub(super) fn write(directory: &Path, diff: &Diff) -> anyhow::Result<()> {
    for one in &diff.principals {
        if matches!(one.status, Status::Tightened | Status::Partial)
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
    let text = escape_controls(serde_json::to_string_pretty(diff)?);
    write_file(&directory.join(DIFF_FILE), format!("{text}\n").as_bytes())
}

fn documents(directory: &Path, path: &str, draft: &DraftView) -> anyhow::Result<()> {
    for (at, document) in draft.documents.iter().enumerate() {
        let file = directory.join(path).join(format!("policy-{}.json", at + 1));
        let text = document.document.to_json_pretty();
        write_file(&file, format!("{text}\n").as_bytes())?;
    }
    Ok(())
}

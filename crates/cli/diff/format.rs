//! The forms of a diff: `diff --format`.

use clap::ValueEnum;
use trailtrim_emitter::diff::Diff;
use trailtrim_emitter::render::{markdown, sarif};
use trailtrim_iam::escape_controls;

use super::tell;

/// The form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum DiffFormat {
    /// Text for people
    #[default]
    Human,
    /// JSON for programs
    Json,
    /// Markdown that fits a comment on a pull request
    Markdown,
    /// The findings as SARIF 2.1.0, for code scanning
    Sarif,
}

impl DiffFormat {
    /// Returns the whole diff in this form, with its last newline.
    pub(super) fn render(self, diff: &Diff) -> anyhow::Result<String> {
        Ok(match self {
            DiffFormat::Human => tell::human(diff),
            DiffFormat::Json => {
                let text = escape_controls(serde_json::to_string_pretty(diff)?);
                format!("{text}\n")
            }
            DiffFormat::Markdown => markdown(diff),
            DiffFormat::Sarif => sarif(diff),
        })
    }

    /// Returns the name of the file that `--out` writes beside the diff as JSON, if any.
    pub(super) fn file_name(self) -> Option<&'static str> {
        match self {
            DiffFormat::Human | DiffFormat::Json => None,
            DiffFormat::Markdown => Some("diff.md"),
            DiffFormat::Sarif => Some("diff.sarif"),
        }
    }
}

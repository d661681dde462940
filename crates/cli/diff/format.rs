//! The forms of a diff: `diff --format`.

use clap::ValueEnum;
use trailtrim_catalog::Catalog;
use trailtrim_emitter::diff::Diff;
use trailtrim_emitter::page;
use trailtrim_emitter::render::{html, markdown, sarif};
use trailtrim_iam::escape_controls;

use super::tell;
use crate::policy_format::PolicyFormat;
use crate::screen::Screen;
use crate::trail::Trail;

/// The form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum DiffFormat {
    /// Text for people
    #[default]
    Human,
    /// JSON for programs
    Json,
    /// The draft and its attachment, for Terraform
    Terraform,
    /// The draft and its attachment, as a CloudFormation template in YAML
    Cloudformation,
    /// The draft and its attachment, as a CloudFormation template in JSON
    CloudformationJson,
    /// Markdown that fits a comment on a pull request
    Markdown,
    /// One page for a browser, with all evidence: nothing in it is fetched or sent
    Html,
    /// The findings as SARIF 2.1.0, for code scanning
    Sarif,
}

/// What a form is a form of.
pub(super) enum Kind {
    /// The drafts, each in files of its own.
    Drafts(PolicyFormat),
    /// All there is to say, in one text.
    Whole,
}

impl DiffFormat {
    /// Returns what it is a form of.
    pub(super) fn kind(self) -> Kind {
        match self {
            DiffFormat::Terraform => Kind::Drafts(PolicyFormat::Terraform),
            DiffFormat::Cloudformation => Kind::Drafts(PolicyFormat::Cloudformation),
            DiffFormat::CloudformationJson => Kind::Drafts(PolicyFormat::CloudformationJson),
            DiffFormat::Human
            | DiffFormat::Json
            | DiffFormat::Markdown
            | DiffFormat::Html
            | DiffFormat::Sarif => Kind::Whole,
        }
    }

    /// Returns the form of drafts that are written into a directory.
    pub(super) fn policies(self) -> PolicyFormat {
        match self.kind() {
            Kind::Drafts(format) => format,
            Kind::Whole => PolicyFormat::Json,
        }
    }

    /// Returns the whole diff as one text, with its last newline; for people where the form is one of
    /// drafts. `trail` is what the diff was made of.
    pub(super) fn render(
        self,
        diff: &Diff,
        trail: &Trail,
        screen: Screen,
    ) -> anyhow::Result<String> {
        Ok(match self {
            DiffFormat::Json => {
                let text = escape_controls(serde_json::to_string_pretty(diff)?);
                format!("{text}\n")
            }
            DiffFormat::Markdown => markdown(diff),
            DiffFormat::Html => {
                let (activity, coverage) = (&trail.activity, &trail.coverage);
                html(&page::of_diff(diff, activity, coverage, Catalog::embedded()))
            }
            DiffFormat::Sarif => sarif(diff),
            DiffFormat::Human
            | DiffFormat::Terraform
            | DiffFormat::Cloudformation
            | DiffFormat::CloudformationJson => tell::human(diff, screen),
        })
    }

    /// Returns the name of the file that `--out` writes beside the diff as JSON, if any.
    pub(super) fn file_name(self) -> Option<&'static str> {
        match self {
            DiffFormat::Markdown => Some("diff.md"),
            DiffFormat::Html => Some("diff.html"),
            DiffFormat::Sarif => Some("diff.sarif"),
            DiffFormat::Human
            | DiffFormat::Json
            | DiffFormat::Terraform
            | DiffFormat::Cloudformation
            | DiffFormat::CloudformationJson => None,
        }
    }
}

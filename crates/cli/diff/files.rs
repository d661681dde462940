//! Drafts as files: a directory for each principal and shared policy, and the whole diff beside them.

use std::path::Path;

use trailtrim_emitter::diff::{Diff, DocumentView, DraftView};
use trailtrim_emitter::fit::Limits;
use trailtrim_emitter::render::{Attachment, NamedPolicy, Target, policy_name};
use trailtrim_emitter::{PermissionSets, draft_path, numbered_policy_file};
use trailtrim_iam::PolicyDocument;

use super::Budget;
use super::format::DiffFormat;
use crate::directory::{self, PolicyText, text};
use crate::exit::hinted;
use crate::output::{printable, tell};
use crate::policy_format::PolicyFormat;
use crate::screen::Screen;
use crate::trail::Trail;

/// The file with the whole diff.
const DIFF_FILE: &str = "diff.json";

/// How drafts are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form<'s> {
    pub(super) format: DiffFormat,
    /// As what they are attached.
    pub(super) budget: Budget,
    /// Where permission sets were found, also those of principals that are not told of.
    pub(super) sets: &'s PermissionSets,
}

/// Writes every draft that is proposed, and the diff as JSON and in the form that was asked for.
/// Returns which files of an earlier run were removed.
pub(super) fn write(
    directory: &Path,
    diff: &mut Diff,
    trail: &Trail,
    form: Form<'_>,
) -> anyhow::Result<Vec<String>> {
    let mut policies = drafts(diff, form)?;
    let renamed = directory::tell_apart(&mut policies);
    let of_principals = diff.principals.iter_mut().filter_map(|one| one.draft.as_mut());
    let of_shared = diff.shared.iter_mut().filter_map(|one| one.draft.as_mut());
    for path in of_principals.chain(of_shared).flat_map(|draft| &mut draft.paths) {
        if let Some(other) = renamed.get(path) {
            path.clone_from(other);
        }
    }
    // Files are no screen.
    let screen = Screen::none();
    let mut documents = vec![(DIFF_FILE, text(DiffFormat::Json.render(diff, trail, screen)?))];
    if let Some(name) = form.format.file_name() {
        documents.push((name, text(form.format.render(diff, trail, screen)?)));
    }
    directory::write(directory, &policies, documents)
}

/// Returns the one file that comes of it, for standard output.
pub(super) fn only(diff: &mut Diff, form: Form<'_>) -> anyhow::Result<String> {
    let mut files = drafts(diff, form)?;
    match files.as_slice() {
        [_] => Ok(files.pop().map(|file| file.text).unwrap_or_default()),
        [] => Err(hinted("no draft is proposed", "leave --format out to see what stays, and why")),
        [one, other, ..] => Err(hinted(
            format!(
                "{} files come of it, among them `{}` and `{}`",
                files.len(),
                printable(&one.path),
                printable(&other.path)
            ),
            "name one principal with --principal, or give --out for all",
        )),
    }
}

/// Renders every draft that is proposed, and names the files in the diff.
fn drafts(diff: &mut Diff, form: Form<'_>) -> anyhow::Result<Vec<PolicyText>> {
    let mut files = Vec::new();
    for one in diff.principals.iter_mut().filter(|one| one.status.proposes()) {
        let (mut target, directory) = (Target::from(&*one), draft_path(&one.arn));
        if let Some(set) = one.permission_set.as_ref().filter(|_| form.is_one_inline_policy()) {
            target.caveats.extend(form.sets.caveat(&one.arn, set));
        }
        if let Some(draft) = &mut one.draft {
            files.extend(write_draft(draft, target, &directory, form)?);
        }
    }
    for one in &mut diff.shared {
        let (target, directory) = (Target::from(&*one), format!("shared/{}", draft_path(&one.key)));
        // What does not fit is told, and not written.
        if let Some(draft) = one.draft.as_mut().filter(|draft| draft.obstacle.is_none()) {
            files.extend(write_draft(draft, target, &directory, form)?);
        }
    }
    Ok(files)
}

fn write_draft(
    draft: &mut DraftView,
    target: Target,
    directory: &str,
    form: Form<'_>,
) -> anyhow::Result<Vec<PolicyText>> {
    let mut target = Target { attachment: form.budget.attachment(), ..target };
    if target.permission_set.is_some() && form.is_one_inline_policy() {
        let too_large = too_large_together(&draft.documents);
        if let Some(caveat) = &too_large {
            let whose = printable(&target.title);
            tell(&format!("note: the draft for {whose}: {}\n", printable(caveat)));
        }
        target.caveats.extend(too_large);
    }
    let files = texts(&draft.documents, &target, form)?.into_iter().map(|(name, text)| {
        PolicyText { path: format!("{directory}/{name}"), owner: target.title.clone(), text }
    });
    let files: Vec<PolicyText> = files.collect();
    draft.paths = files.iter().map(|file| file.path.clone()).collect();
    Ok(files)
}

/// Renders the documents of one draft: all in one file, or as JSON each in its own.
fn texts(
    documents: &[DocumentView],
    target: &Target,
    form: Form<'_>,
) -> anyhow::Result<Vec<(String, String)>> {
    let instead = match form.format.policies() {
        PolicyFormat::Json => None,
        _ if documents.is_empty() => None,
        format => match misfit(format, target, form.budget) {
            Some(why) => Some(why.to_owned()),
            None => {
                let names: Vec<String> =
                    (1..=documents.len()).map(|number| policy_name(target, number)).collect();
                let named: Vec<NamedPolicy<'_>> = names
                    .iter()
                    .zip(documents)
                    .map(|(name, one)| NamedPolicy { name, document: &one.document })
                    .collect();
                let rendered = format.render(target, &named)?;
                match rendered.instead {
                    None => return Ok(vec![(format.file_name().to_owned(), rendered.text)]),
                    instead => instead,
                }
            }
        },
    };
    if let Some(why) = instead {
        let whose = printable(&target.title);
        tell(&format!("note: the draft for {whose} is written as JSON: {}\n", printable(&why)));
    }
    let numbered = documents.iter().enumerate().map(|(at, one)| {
        let text = format!("{}\n", one.document.to_json_pretty());
        (numbered_policy_file(at + 1), text)
    });
    Ok(numbered.collect())
}

/// Says so where the documents of a draft are more, together, than the inline policy of a permission set
/// holds.
fn too_large_together(documents: &[DocumentView]) -> Option<String> {
    let limits = Limits::permission_set();
    let statements = documents.iter().flat_map(|one| one.document.statements.iter().cloned());
    let first = documents.first()?.document.clone();
    let size = limits.measure(&PolicyDocument { statements: statements.collect(), ..first });
    (size > limits.document).then(|| {
        format!(
            "it has {size} bytes as the inline policy of a permission set, which holds {}; \
             `--budget permission-set` makes it fit, or says what stands in the way",
            limits.document
        )
    })
}

/// Says why a draft that is made for a permission set cannot be attached in a form.
fn misfit(format: PolicyFormat, target: &Target, budget: Budget) -> Option<&'static str> {
    match (budget, &target.permission_set, format) {
        (Budget::PermissionSet, None, _) => {
            Some("--budget permission-set, and it belongs to no permission set")
        }
        (
            Budget::PermissionSet,
            Some(_),
            PolicyFormat::Cloudformation | PolicyFormat::CloudformationJson,
        ) => Some(
            "a template for a permission set names the instance of Identity Center, which no log \
             does; use --format terraform",
        ),
        _ => None,
    }
}

impl Form<'_> {
    /// Returns whether the documents for a permission set become its one inline policy. Templates bring
    /// managed policies, which may differ by account.
    fn is_one_inline_policy(self) -> bool {
        self.format.policies() == PolicyFormat::Terraform
    }
}

impl Budget {
    /// Returns how what keeps this budget is attached.
    fn attachment(self) -> Attachment {
        match self {
            Budget::Managed | Budget::PermissionSet => Attachment::Managed,
            Budget::Inline => Attachment::Inline,
        }
    }
}

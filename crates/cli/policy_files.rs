//! Reading policy files for commands that take them as arguments, and naming
//! their statements in results.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use trailtrim_iam::read::{AttachedPolicy, Attachments, Contents, Document, PolicyKind, read};
use trailtrim_iam::{PolicyDocument, StatementId};

use crate::exit::hinted;

/// Documents that count together, each with the name of the file it is from.
#[derive(Default)]
pub(crate) struct PolicyFiles {
    pub(crate) documents: Vec<PolicyDocument>,
    names: Vec<String>,
}

/// A statement in a result.
#[derive(Debug, Serialize)]
pub(crate) struct StatementName {
    /// The file, and the policy's place in it where there are several.
    policy: String,
    /// The statement's place in the document, from 0.
    statement: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
}

impl PolicyFiles {
    /// Reads files of which every document of the wanted kinds counts.
    pub(crate) fn read(files: &[PathBuf], wanted: &[PolicyKind]) -> anyhow::Result<Self> {
        let mut all = Self::default();
        for file in files {
            let contents = read_file(file)?;
            all.add(file, &contents, wanted)?;
        }
        Ok(all)
    }

    /// Adds the documents of one file.
    pub(crate) fn add(
        &mut self,
        file: &Path,
        contents: &Contents,
        wanted: &[PolicyKind],
    ) -> anyhow::Result<()> {
        let single = contents.policies.len() == 1;
        let mut found = false;
        for policy in contents.policies.iter().filter(|policy| wanted.contains(&policy.kind)) {
            let name = match single {
                true => file.display().to_string(),
                false => format!("{}#{}", file.display(), policy.path),
            };
            self.push(name, &policy.document)?;
            found = true;
        }
        if !found {
            return Err(hinted(
                format!("`{}` holds no policy of the kind that is wanted here", file.display()),
                "identity policies name no principal, policies of resources do",
            ));
        }
        Ok(())
    }

    /// Adds what an account dump attaches to one principal.
    pub(crate) fn add_attached(
        &mut self,
        file: &Path,
        attached: &[AttachedPolicy],
    ) -> anyhow::Result<()> {
        for policy in attached {
            let name = format!("{}#{}", file.display(), policy.name);
            self.push(name, &policy.document)?;
        }
        Ok(())
    }

    fn push(&mut self, name: String, document: &Document) -> anyhow::Result<()> {
        match document {
            Document::Known(document) => {
                self.documents.push(document.clone());
                self.names.push(name);
                Ok(())
            }
            Document::Unknown { reason } => Err(hinted(
                format!("`{name}` cannot be read: {reason}"),
                "add the document as a file of its own",
            )),
        }
    }

    pub(crate) fn documents(&self) -> Vec<&PolicyDocument> {
        self.documents.iter().collect()
    }

    /// Returns each document with its name.
    pub(crate) fn into_named(self) -> Vec<(String, PolicyDocument)> {
        self.names.into_iter().zip(self.documents).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Names a statement of these documents.
    pub(crate) fn name(&self, id: &StatementId) -> StatementName {
        StatementName {
            policy: self.names.get(id.policy).cloned().unwrap_or_default(),
            statement: id.statement,
            sid: id.sid.clone(),
        }
    }
}

impl StatementName {
    /// Returns it as text for people.
    pub(crate) fn text(&self) -> String {
        let Self { policy, statement, sid } = self;
        match sid {
            Some(sid) => format!("{policy} statement {statement} ({sid})"),
            None => format!("{policy} statement {statement}"),
        }
    }
}

/// Reads one file.
pub(crate) fn read_file(file: &Path) -> anyhow::Result<Contents> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    Ok(read(&file.display().to_string(), &text)?)
}

/// Finds a principal in an account dump; a session by its role.
pub(crate) fn find_principal<'a>(contents: &'a Contents, arn: &str) -> Option<&'a Attachments> {
    let session_of = |arn: &str| {
        let (account, rest) = arn.split_once(":assumed-role/")?;
        Some((account.rsplit(':').next()?.to_owned(), rest.split('/').next()?.to_owned()))
    };
    let role = session_of(arn);
    contents.principals.iter().find(|principal| {
        principal.arn == arn
            || role.as_ref().is_some_and(|(account, name)| {
                principal.arn.contains(&format!("::{account}:role/")) && principal.name == *name
            })
    })
}
